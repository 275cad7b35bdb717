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


def possible(rows, kind, label, graph):
    """Whether this torch can compile and, where it must, capture; if not, says so in a row."""
    reason = None
    if not hasattr(torch, "compile"):
        reason = "this torch has no torch.compile"
    elif graph and not rows.cuda:
        reason = "a CUDA graph needs a GPU"
    if reason:
        rows.write(kind, skipped=reason, **label)
    return reason is None


def train(rows, args, policy, mode, graph=False, need=60.0):
    """Times the compiled training step; `need` is the least time worth beginning with, in seconds."""
    label = dict(policy=policy, variant=variant(mode, graph))
    if not possible(rows, "train", label, graph):
        return
    with rows.section("train", need=need if rows.cuda else 0, **label) as ok:
        if ok:
            begin = time.perf_counter()
            step = gpu_net.TrainStep(policy, args.batch, args.device, args.tiny, compile_mode=mode, whole_graph=graph)
            loss = step().item()
            setup = time.perf_counter() - begin
            gpu_net.measure(rows, "train", step, args, args.batch, setup_s=setup, first_loss=loss, **label)
    release()


def sample(rows, args, policy, mode, batch, graph=False, freezing=False, need=40.0):
    """Times the compiled sampling step; freezing lets Inductor take the weights as constants."""
    label = dict(policy=policy, variant=variant(mode, graph), freezing=freezing)
    if not possible(rows, "sample", label, graph):
        return
    import torch._inductor.config as inductor

    with rows.section("sample", batch=batch, need=need if rows.cuda else 0, **label) as ok:
        if ok:
            inductor.freezing = freezing
            begin = time.perf_counter()
            step = gpu_net.SampleStep(policy, batch, args.device, args.tiny, compile_mode=mode, whole_graph=graph)
            setup = time.perf_counter() - begin
            gpu_net.measure(rows, "sample", step, args, batch, setup_s=setup, **label)
    inductor.freezing = False
    release()


def release():
    """Forgets compiled code and its memory before the next variant."""
    if hasattr(torch, "compiler"):
        torch.compiler.reset()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
