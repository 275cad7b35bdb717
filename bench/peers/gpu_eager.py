"""GPU peer 1 of 3: PyTorch without torch.compile, and cuDNN layer by layer. At most 8 minutes.

    python3 gpu_eager.py --out eager.jsonl
    python3 gpu_eager.py --device cpu --tiny        proves that it runs, without a GPU

Training at batch 128: autocast, and pure bf16 with float32 masters, interleaved, plus bf16 in one CUDA graph. Sampling at
batch 1, 16, 128, 256: eager and in one CUDA graph. Then copy, matmul, convolutions, linear layers, norm, attention,
optimizer.
"""

import time

import torch

import gpu_common
import gpu_micro
import gpu_net


def training(rows, args):
    """Both policies in turn, round by round, then the bf16 step captured whole."""
    with rows.section("train", policy="autocast/bf16", need=60 if rows.cuda else 0) as ok:
        if ok:
            interleaved(rows, args)
    for policy in ("bf16",) if rows.cuda else ():
        with rows.section("train", policy=policy, variant="eager, whole-step CUDA graph", need=40) as ok:
            if ok:
                begin = time.perf_counter()
                step = gpu_net.TrainStep(policy, args.batch, args.device, args.tiny, whole_graph=True)
                setup = time.perf_counter() - begin
                label = dict(policy=policy, variant="eager, whole-step CUDA graph")
                gpu_net.measure(rows, "train", step, args, args.batch, setup_s=setup, **label)


def interleaved(rows, args, rounds=5, per_round=20):
    steps = {}
    for policy in ("autocast", "bf16"):
        begin = time.perf_counter()
        if rows.cuda:
            torch.cuda.reset_peak_memory_stats()
        step = gpu_net.TrainStep(policy, args.batch, args.device, args.tiny)
        setup = time.perf_counter() - begin
        first = setup + gpu_common.warm_up(step, rows.cuda, args.tiny)
        peak = round(torch.cuda.max_memory_allocated() / 2**20) if rows.cuda else None
        steps[policy] = dict(step=step, first=first, times=[], walls=[], before=gpu_common.smi(), peak=peak)
    for _ in range(1 if args.tiny else rounds):
        for entry in steps.values():
            ms, wall = gpu_common.time_steps(entry["step"], 2 if args.tiny else per_round, rows.cuda)
            entry["times"] += ms
            entry["walls"].append(wall)
    for policy, e in steps.items():
        label = dict(policy=policy, variant="eager", peak_mib_alone=e["peak"], loss=e["step"]().item())
        gpu_net.write_step(rows, "train", args.batch, e["times"], e["walls"], e["first"], e["before"], label)


def sampling(rows, args):
    plans = [(policy, graph) for policy in ("bf16", "autocast") for graph in (False, True)]
    for batch in (1, 2) if args.tiny else (128, 1, 16, 256):
        for policy, graph in plans:
            if graph and not rows.cuda:
                continue
            label = dict(policy=policy, variant="eager, CUDA graph" if graph else "eager")
            with rows.section("sample", batch=batch, need=15 if rows.cuda else 0, **label) as ok:
                if ok:
                    step = gpu_net.SampleStep(policy, batch, args.device, args.tiny, whole_graph=graph)
                    gpu_net.measure(rows, "sample", step, args, batch, **label)


def main():
    args = gpu_common.flags(__doc__)
    torch.manual_seed(args.seed)
    torch.backends.cudnn.benchmark = True
    rows = gpu_common.Rows("gpu_eager", args)
    rows.write("start", parameters=gpu_net.assert_parameters())
    for policy in ("autocast", "bf16"):
        rows.attempt(gpu_net.gradient_check, rows, policy, args.device, args.tiny, 2 if args.tiny else 16)
    stages = (gpu_micro.denominators, training, gpu_micro.conv_table, gpu_micro.norm_table, gpu_micro.attention_table)
    stages += (gpu_micro.optimizer_table, sampling, gpu_micro.linear_table, gpu_micro.denominators)
    for stage in stages:
        rows.attempt(stage, rows, args)
    rows.write("end")


if __name__ == "__main__":
    main()
