"""Trains the peer network on MNIST-like images on the CPU and prints JSON lines: loss, time per step, held-out loss.

    /usr/bin/python3 bench/peers/train_cpu.py --data /usr/share/datasets/fashion-mnist --steps 2000

The recipe is that of the preset fashion-mnist; every scalar is a flag. `held_out` is the mean loss of the EMA weights
over the test images (t stratified over 0..T-1), `held_out_raw` that of the weights themselves.
"""

import argparse
import json
import time

import cpu_trainer


def flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder with train-images-idx3-ubyte and t10k-images-idx3-ubyte, gzip or not")
    parser.add_argument("--preset", default="fashion-mnist")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-4)
    parser.add_argument("--warmup", type=int, default=500)
    parser.add_argument("--beta1", type=float, default=0.9)
    parser.add_argument("--beta2", type=float, default=0.999)
    parser.add_argument("--eps", type=float, default=1e-8)
    parser.add_argument("--weight-decay", type=float, default=0.0)
    parser.add_argument("--clip", type=float, default=1.0)
    parser.add_argument("--ema", type=float, default=0.9999)
    parser.add_argument("--hflip", type=float, default=0.5)
    parser.add_argument("--dropout", type=float, default=None, help="default: the preset's")
    parser.add_argument("--held-out", type=int, default=10000, help="test images in the held-out loss")
    parser.add_argument("--draws", type=int, default=1, help="(t, eps) draws per test image")
    parser.add_argument("--every", type=int, default=100, help="steps between lines")
    parser.add_argument("--held-out-every", type=int, default=0, help="steps between held-out losses; 0: only at the end")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--save", help="write the EMA weights to this safetensors file")
    return parser.parse_args()


def main():
    args = flags()
    cpu_trainer.use_threads(args.threads)
    import torch

    import unet

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    train, test = cpu_trainer.load_images(args.data)
    config = dict(unet.PRESETS[args.preset])
    if args.dropout is not None:
        config["dropout"] = args.dropout
    trainer = cpu_trainer.Trainer(
        unet.initialise(unet.UNet2D(**config)),
        lr=args.lr,
        warmup=args.warmup,
        betas=(args.beta1, args.beta2),
        eps=args.eps,
        weight_decay=args.weight_decay,
        clip=args.clip,
        ema=args.ema,
        hflip=args.hflip,
        seed=args.seed,
        channels_last=args.channels_last,
    )
    parameters = sum(p.numel() for p in trainer.params)
    print(json.dumps(dict(vars(args), torch=torch.__version__, parameters=parameters)), flush=True)

    def held_out(step):
        mean, quarters = trainer.held_out(test[: args.held_out], args.draws)
        raw, _ = trainer.held_out(test[: args.held_out], args.draws, averaged=False)
        row = dict(step=step, held_out=mean, held_out_quarters=quarters, held_out_raw=raw, images=min(args.held_out, len(test)))
        print(json.dumps(row), flush=True)

    order, losses, times = [], [], []
    start = time.perf_counter()
    for step in range(1, args.steps + 1):
        if len(order) < args.batch:
            order = torch.randperm(len(train), generator=trainer.generator).tolist()
        batch, order = order[: args.batch], order[args.batch :]
        begin = time.perf_counter()
        loss, norm = trainer.step(train[batch])
        times.append(time.perf_counter() - begin)
        losses.append(loss)
        if step % args.every == 0 or step == args.steps:
            row = dict(step=step, loss=sum(losses) / len(losses), grad_norm=norm, **cpu_trainer.quantiles(times))
            print(json.dumps(row), flush=True)
            losses, times = [], []
        if args.held_out_every and step % args.held_out_every == 0 and step != args.steps:
            held_out(step)
    print(json.dumps(dict(step=args.steps, train_seconds=round(time.perf_counter() - start, 1))), flush=True)
    held_out(args.steps)
    if args.save:
        import stfile

        stfile.save(args.save, {k: v.detach().contiguous().numpy() for k, v in trainer.averaged.state_dict().items()})


if __name__ == "__main__":
    main()
