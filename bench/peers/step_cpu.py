"""Times one training step of a preset on the CPU in rounds that another program can take turns with.

    /usr/bin/python3 bench/peers/step_cpu.py --preset fashion-mnist --rounds 5 --steps 5

Prints one JSON line per round (median, p10, p90 and each of its steps in milliseconds; CPU time per step) and one for all rounds.
With --interactive a round is run for every line read from standard input, and the program ends with the input, so that
a harness can run both sides A/B/A/B. Images are random bytes: the time does not depend on them.
"""

import argparse
import json
import os
import sys
import time

import cpu_trainer

BATCH = {"fashion-mnist": 64, "cifar10-small": 64, "cifar10": 128}


def flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="fashion-mnist", choices=sorted(BATCH))
    parser.add_argument("--batch", type=int, default=0, help="default: the preset's")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5, help="steps a round")
    parser.add_argument("--warmup-steps", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--interactive", action="store_true")
    return parser.parse_args()


def timed_round(step, count):
    """Runs step count times: (wall seconds of each, CPU seconds per step)."""
    wall, cpu = [], time.process_time()
    for _ in range(count):
        begin = time.perf_counter()
        step()
        wall.append(time.perf_counter() - begin)
    return wall, (time.process_time() - cpu) / max(count, 1)


def main():
    args = flags()
    cpu_trainer.use_threads(args.threads)
    import torch

    import unet

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    batch, config = args.batch or BATCH[args.preset], unet.PRESETS[args.preset]
    net = unet.initialise(unet.UNet2D(fused_qkv=True, **config))
    trainer = cpu_trainer.Trainer(net, channels_last=args.channels_last)
    size = config["sample_size"]
    images = torch.randint(256, (batch, net.cfg.in_channels, size, size), dtype=torch.uint8)
    about = dict(
        peer="torch-cpu",
        torch=torch.__version__,
        preset=args.preset,
        batch=batch,
        threads=args.threads,
        channels_last=args.channels_last,
        parameters=sum(p.numel() for p in trainer.params),
    )
    timed_round(lambda: trainer.step(images), args.warmup_steps)
    everything = []
    rounds = sys.stdin if args.interactive else range(args.rounds)
    if args.interactive:
        print(json.dumps(dict(about, ready=True)), flush=True)
    for i, _ in enumerate(rounds):
        wall, cpu = timed_round(lambda: trainer.step(images), args.steps)
        everything += wall
        each = [round(1e3 * seconds, 2) for seconds in wall]
        row = dict(about, round=i, steps=args.steps, **cpu_trainer.quantiles(wall), ms=each, cpu_ms=round(1e3 * cpu, 1))
        print(json.dumps(dict(row, load=round(os.getloadavg()[0], 2))), flush=True)
    if everything:
        print(json.dumps(dict(about, rounds="all", steps=len(everything), **cpu_trainer.quantiles(everything))), flush=True)


if __name__ == "__main__":
    main()
