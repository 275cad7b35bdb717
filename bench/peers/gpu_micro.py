"""The parts of the step, one by one: cuDNN convolutions, linear layers, group norm + SiLU, attention, optimizer, copy, matmul.

"cold" rotates over operands of more than three times the L2 cache, "warm" repeats one set. Operands are random bf16.
"""

import collections
import time

import torch
import torch.nn.functional as F
from torch import nn

import gpu_common
import gpu_net

BF16 = torch.bfloat16


def layer_shapes(tiny):
    """(convs, linears) of the network with counts, from one forward pass of one image on the CPU.

    A convolution is (H, W of its padded input, Cin, Cout, kernel, stride, padding), a linear layer (rows an image, in, out).
    """
    net = gpu_net.build(tiny, "float32", "cpu")
    convs, linears = collections.Counter(), collections.Counter()

    def conv_hook(module, inputs, out):
        _, c, h, w = inputs[0].shape
        convs[(h, w, c, out.shape[1], module.kernel_size[0], module.stride[0], module.padding[0])] += 1

    def linear_hook(module, inputs, out):
        linears[(inputs[0].numel() // inputs[0].shape[-1], module.in_features, module.out_features)] += 1

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(conv_hook)
        elif isinstance(module, nn.Linear):
            module.register_forward_hook(linear_hook)
    size = gpu_net.config(tiny)["sample_size"]
    with torch.no_grad():
        net(torch.zeros(1, 3, size, size), torch.zeros(1, dtype=torch.int64))
    return convs, linears


def random_nhwc(*shape, device):
    return torch.randn(*shape, device=device).to(BF16).contiguous(memory_format=torch.channels_last)


def conv_calls(shape, n, device, sets):
    """{pass: functions over rotated operands} of one convolution without bias, through aten as autograd calls it."""
    h, w, c_in, c_out, k, stride, pad = shape
    operands = []
    for _ in range(sets):
        x, weight = random_nhwc(n, c_in, h, w, device=device), random_nhwc(c_out, c_in, k, k, device=device)
        y = F.conv2d(x, weight, stride=stride, padding=pad)
        operands.append((x, weight, torch.randn_like(y)))
    st, pd, one = [stride] * 2, [pad] * 2, [1, 1]

    def backward(x, weight, dy, mask):
        return torch.ops.aten.convolution_backward(dy, x, weight, None, st, pd, one, False, [0, 0], 1, mask)

    return dict(
        fprop=[lambda o=o: F.conv2d(o[0], o[1], stride=stride, padding=pad) for o in operands],
        dgrad=[lambda o=o: backward(*o, [True, False, False]) for o in operands],
        wgrad=[lambda o=o: backward(*o, [False, True, False]) for o in operands],
    ), y.shape


def conv_table(rows, args, kinds=("cold", "warm")):
    """Every convolution of the network x fprop, dgrad, wgrad: the row holds milliseconds and TFLOP/s."""
    torch.backends.cudnn.benchmark = True
    convs, _ = layer_shapes(args.tiny)
    order = sorted(convs, key=lambda s: -convs[s] * s[0] * s[1] * s[2] * s[3] * s[4] ** 2)
    for shape in order[:3] if args.tiny else order:
        h, w, c_in, c_out, k, stride, pad = shape
        label = dict(h=h, w=w, c_in=c_in, c_out=c_out, kernel=k, stride=stride, padding=pad, count=convs[shape])
        with rows.section("conv", batch=args.batch, **label) as ok:
            if not ok:
                continue
            sets = gpu_common.copies(2 * args.batch * h * w * (c_in + c_out), rows.cuda, args.tiny)
            calls, out = conv_calls(shape, args.batch, args.device, sets)
            flops = 2 * out.numel() * c_in * k * k
            for name, functions in calls.items():
                if name == "dgrad" and c_in == 3:
                    continue
                for cache in kinds:
                    stats = gpu_common.time_kernel(functions if cache == "cold" else functions[:1], rows.cuda, args.tiny)
                    rate = flops / stats["median_ms"] / 1e9
                    rows.write("conv", batch=args.batch, **label, direction=name, cache=cache, **stats, tflops=round(rate, 2))


def linear_table(rows, args):
    """Every linear layer as the matrix products of fprop, dgrad and wgrad, cold."""
    _, linears = layer_shapes(args.tiny)
    for (per_image, c_in, c_out), count in linears.most_common():
        m = per_image * args.batch
        label = dict(rows=m, c_in=c_in, c_out=c_out, count=count, batch=args.batch)
        with rows.section("linear", **label) as ok:
            if not ok:
                continue
            sets = gpu_common.copies(2 * m * (c_in + c_out), rows.cuda, args.tiny)
            make = lambda *shape: torch.randn(*shape, device=args.device).to(BF16)
            operands = [(make(m, c_in), make(c_out, c_in), make(m, c_out)) for _ in range(sets)]
            calls = dict(
                fprop=[lambda o=o: o[0] @ o[1].t() for o in operands],
                dgrad=[lambda o=o: o[2] @ o[1] for o in operands],
                wgrad=[lambda o=o: o[2].t() @ o[0] for o in operands],
            )
            for name, functions in calls.items():
                stats = gpu_common.time_kernel(functions, rows.cuda, args.tiny)
                rate = 2 * m * c_in * c_out / stats["median_ms"] / 1e9
                rows.write("linear", **label, direction=name, cache="cold", **stats, tflops=round(rate, 2))


NORM_SHAPES = ((128, 32), (256, 32), (384, 32), (256, 16), (512, 16), (256, 8), (512, 8), (256, 4))


def norm_silu(x, gain, shift):
    return F.silu(F.group_norm(x, 32, gain, shift, eps=1e-6))


def norm_table(rows, args, compiled=False):
    """Group norm + SiLU, forward and backward, bf16: milliseconds and GB/s of the bytes that must move."""
    if compiled and not hasattr(torch, "compile"):
        rows.write("norm", compiled=True, skipped="this torch has no torch.compile")
        return
    for c, size in NORM_SHAPES[:1] if args.tiny else NORM_SHAPES:
        c, size = (32, 4) if args.tiny else (c, size)
        for layout in ("nhwc", "nchw"):
            label = dict(batch=args.batch, channels=c, size=size, layout=layout, compiled=compiled)
            with rows.section("norm", **label) as ok:
                if ok:
                    norm_rows(rows, args, label)


def norm_rows(rows, args, label):
    c, size, dev = label["channels"], label["size"], args.device
    fmt = torch.channels_last if label["layout"] == "nhwc" else torch.contiguous_format
    function = norm_silu
    if label["compiled"]:
        torch.compiler.reset()  # every shape is compiled anew: Dynamo gives up after a few versions of one function
        function = torch.compile(norm_silu, dynamic=False)
    elements = args.batch * c * size * size
    dtype = BF16 if rows.cuda else torch.float32
    operands = []
    for _ in range(gpu_common.copies(4 * elements, rows.cuda, args.tiny)):
        x = torch.randn(args.batch, c, size, size, device=dev).to(dtype).contiguous(memory_format=fmt).requires_grad_()
        gain, shift = (torch.randn(c, device=dev).to(dtype).requires_grad_() for _ in range(2))
        operands.append((x, gain, shift, torch.randn_like(x)))

    def forward(o):
        with torch.no_grad():
            return function(*o[:3])

    def both(o):
        return torch.autograd.grad(function(*o[:3]), o[:3], o[3])

    timings = {}
    for name, call, traffic in (("forward", forward, 4), ("forward+backward", both, 10)):
        stats = gpu_common.time_kernel([lambda o=o: call(o) for o in operands], rows.cuda, args.tiny)
        timings[name] = stats["median_ms"]
        # forward: read x, write y; backward: read x and dy, write dx (bf16, two bytes each)
        rows.write("norm", **label, direction=name, **stats, gbps=round(traffic * elements / stats["median_ms"] / 1e6, 1))
    return timings


def backends(args):
    """(name, context) of every attention backend of this torch."""
    try:
        from torch.nn.attention import SDPBackend, sdpa_kernel
    except ImportError:
        return []
    names = ("CUDNN_ATTENTION", "FLASH_ATTENTION", "EFFICIENT_ATTENTION", "MATH")
    return [(n, lambda n=n: sdpa_kernel(getattr(SDPBackend, n))) for n in names if hasattr(SDPBackend, n)]


def attention_table(rows, args):
    """Self-attention of 256 and of 16 positions, one head of 256 channels, forward and forward + backward."""
    import unet

    choices = backends(args) or [("explicit", None)]
    for length in (256, 16):
        width = 16 if args.tiny else 256
        shape, label = (args.batch, 1, length, width), dict(batch=args.batch, length=length, width=width)
        flops = 4 * args.batch * length * length * width
        for name, context in choices:
            with rows.section("attention", backend=name, **label) as ok:
                if not ok:
                    continue
                dtype = BF16 if rows.cuda else torch.float32
                make = lambda: torch.randn(*shape, device=args.device).to(dtype).requires_grad_()
                sets = gpu_common.copies(8 * args.batch * length * width, rows.cuda, args.tiny)
                operands = [(make(), make(), make(), make().detach()) for _ in range(sets)]

                def forward(o):
                    with torch.no_grad():
                        return unet.attend(*o[:3])

                def both(o):
                    return torch.autograd.grad(unet.attend(*o[:3]), o[:3], o[3])

                for direction, call, factor in (("forward", forward, 1), ("forward+backward", both, 3.5)):
                    calls = [lambda o=o: call(o) for o in operands]
                    if context is None:
                        stats = gpu_common.time_kernel(calls, rows.cuda, args.tiny)
                    else:
                        with context():
                            stats = gpu_common.time_kernel(calls, rows.cuda, args.tiny)
                    rate = factor * flops / stats["median_ms"] / 1e9
                    rows.write("attention", backend=name, **label, direction=direction, **stats, tflops=round(rate, 2))


class OptimizerStep:
    """Clip, AdamW, EMA and the bf16 copy on the network's own list of tensors; parts can be left out."""

    def __init__(self, args, compiled=False):
        net = gpu_net.build(args.tiny, "float32", args.device)
        self.params = list(net.parameters())
        for p in self.params:
            p.grad = torch.randn_like(p)
        self.shadow = [p.detach().clone() for p in self.params]
        self.copy = [p.detach().to(BF16) for p in self.params]
        self.optimizer, self.run = gpu_net.adamw(self.params, args.device), self.all
        if compiled:
            # Inductor fuses the multi-tensor form across tensors; the fused kernel is opaque to it.
            on_gpu = args.device.startswith("cuda")
            rate = torch.tensor(2e-4, device=args.device) if on_gpu else 2e-4
            self.optimizer = torch.optim.AdamW(self.params, lr=rate, weight_decay=0.0, foreach=True, capturable=on_gpu)
            self.run = torch.compile(self.all)

    def clip(self):
        torch.nn.utils.clip_grad_norm_(self.params, 1.0)

    def adamw(self):
        self.optimizer.step()

    @torch.no_grad()
    def ema(self):
        gpu_net.foreach_lerp(self.shadow, self.params, 1e-4)

    @torch.no_grad()
    def cast(self):
        gpu_net.foreach_copy(self.copy, self.params)

    def all(self):
        self.clip()
        self.adamw()
        self.ema()
        self.cast()


def optimizer_table(rows, args, compiled=False):
    """Milliseconds of the parts and of the whole; 38 bytes a parameter must move (see the roofline)."""
    if compiled and not hasattr(torch, "compile"):
        rows.write("optimizer", part="all", compiled=True, skipped="this torch has no torch.compile")
        return
    with rows.section("optimizer", compiled=compiled, need=10) as ok:
        if not ok:
            return
        step = OptimizerStep(args, compiled)
        count = sum(p.numel() for p in step.params)
        for part in ("all",) if compiled else ("clip", "adamw", "ema", "cast", "all"):
            call = step.run if part == "all" else getattr(step, part)
            stats = gpu_common.time_kernel([call], rows.cuda, args.tiny)
            extra = dict(gbps=round(38 * count / stats["median_ms"] / 1e6, 1)) if part == "all" else {}
            rows.write("optimizer", part=part, compiled=compiled, parameters=count, **stats, **extra)


def denominators(rows, args):
    """A device copy of 1 GiB and an 8192^3 bf16 product: what this card, today, can do."""
    with rows.section("copy") as ok:
        if ok:
            size = (1 << 20) if args.tiny else (1 << 30)
            a = torch.empty(size, dtype=torch.uint8, device=args.device).random_()
            b = torch.empty_like(a)
            stats = gpu_common.time_kernel([lambda: b.copy_(a)], rows.cuda, args.tiny)
            rows.write("copy", bytes=size, **stats, gbps=round(2 * size / stats["median_ms"] / 1e6, 1))
            del a, b
    with rows.section("matmul") as ok:
        if ok:
            n = 64 if args.tiny else 8192
            a, b = (torch.randn(n, n, device=args.device).to(BF16) for _ in range(2))
            begin = time.perf_counter()
            while rows.cuda and time.perf_counter() - begin < 1:
                a @ b
                torch.cuda.synchronize()
            stats = gpu_common.time_kernel([lambda: a @ b], rows.cuda, args.tiny)
            rows.write("matmul", n=n, **stats, tflops=round(2 * n**3 / stats["median_ms"] / 1e9, 1))
