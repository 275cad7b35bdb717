"""What the two torch.compile peers share: one row per (policy, mode, batch)."""

import time

import torch

import gpu_common
import gpu_net


def start(script, description):
    """Parses the flags, asserts the parameter count and returns (args, rows)."""
    args = gpu_common.flags(description)
    torch.manual_seed(args.seed)
    torch.backends.cudnn.benchmark = True
    if hasattr(torch, "set_float32_matmul_precision"):
        torch.set_float32_matmul_precision("high")
    rows = gpu_common.Rows(script, args)
    rows.write("start", parameters=gpu_net.assert_parameters())
    return args, rows


def variant(mode, graph):
    return f"torch.compile {mode}" + (", whole-step CUDA graph" if graph else "")


def possible(rows, kind, label):
    """Whether this torch can compile; if not, says so in a row."""
    if hasattr(torch, "compile"):
        return True
    rows.write(kind, skipped="this torch has no torch.compile", **label)
    return False


def train(rows, args, policy, mode, graph=False, need=60.0):
    """Times the compiled training step; `need` is the least time worth beginning with, in seconds."""
    label = dict(policy=policy, variant=variant(mode, graph))
    if not possible(rows, "train", label) or (graph and not rows.cuda):
        return
    with rows.section("train", need=need if rows.cuda else 0, **label) as ok:
        if ok:
            begin = time.perf_counter()
            step = gpu_net.TrainStep(policy, args.batch, args.device, args.tiny, compile_mode=mode, whole_graph=graph)
            setup = time.perf_counter() - begin
            gpu_net.measure(rows, "train", step, args, args.batch, setup_s=setup, loss=step().item(), **label)
    release()


def sample(rows, args, policy, mode, batch, graph=False, freezing=False, need=40.0):
    """Times the compiled sampling step and compares its prediction with float32's."""
    label = dict(policy=policy, variant=variant(mode, graph), freezing=freezing)
    if not possible(rows, "sample", label) or (graph and not rows.cuda):
        return
    with rows.section("sample", batch=batch, need=need if rows.cuda else 0, **label) as ok:
        if ok:
            torch._inductor.config.freezing = freezing
            begin = time.perf_counter()
            step = gpu_net.SampleStep(policy, batch, args.device, args.tiny, compile_mode=mode, whole_graph=graph)
            setup = time.perf_counter() - begin
            gpu_net.measure(rows, "sample", step, args, batch, setup_s=setup, **label)
    if hasattr(torch, "_inductor"):
        torch._inductor.config.freezing = False
    release()


def release():
    """Forgets compiled code and its memory before the next variant."""
    if hasattr(torch, "compiler"):
        torch.compiler.reset()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
