"""The training step and the sampling step of Ho et al.'s CIFAR-10 network, for the GPU peers.

Policies: "autocast" (float32 weights, torch.autocast to bf16), "bf16" (bf16 weights and activations, channels_last,
float32 masters, moments and EMA). A step is: batch from uint8 images on the device, flip, noising, forward, backward,
clipping by the global norm, AdamW, EMA, and under "bf16" the copy of the masters to bf16. No step waits for the device.
"""

import contextlib

import torch
import torch.nn.functional as F

import gpu_common
import unet

PARAMETERS = 35_746_307

TINY = dict(unet.PRESETS["cifar10"], sample_size=8, block_out_channels=(8, 16, 16, 16), norm_num_groups=4)


def config(tiny):
    return TINY if tiny else unet.PRESETS["cifar10"]


def assert_parameters():
    """Builds the full network and asserts its size: 35,746,307 parameters in 328 tensors."""
    net = unet.UNet2D(**unet.PRESETS["cifar10"])
    count, tensors = sum(p.numel() for p in net.parameters()), len(list(net.parameters()))
    assert count == PARAMETERS and tensors == 328, f"{count} parameters in {tensors} tensors, want {PARAMETERS} in 328"
    return count


def build(tiny, policy, device, seed=0, quiet_branches=True):
    """The network with Ho et al.'s initialisation, query, key and value in one matrix, in channels_last memory."""
    torch.manual_seed(seed)
    net = unet.initialise(unet.UNet2D(fused_qkv=True, **config(tiny)), quiet_branches).to(device)
    if policy == "bf16":
        net = net.to(torch.bfloat16)
    return net.to(memory_format=torch.channels_last)


def tables(device, timesteps=1000):
    """Per-t coefficients, float32: noising (signal, noise) and the ancestral step (a, b, c0, ct, sigma)."""
    beta = torch.linspace(1e-4, 0.02, timesteps, dtype=torch.float64)
    abar = torch.cumprod(1 - beta, 0)
    before = torch.cat((torch.ones(1, dtype=torch.float64), abar[:-1]))
    sigma = beta.sqrt()
    sigma[0] = 0
    values = dict(
        signal=abar.sqrt(),
        noise=(1 - abar).sqrt(),
        a=abar.rsqrt(),
        b=(1 / abar - 1).sqrt(),
        c0=beta * before.sqrt() / (1 - abar),
        ct=(1 - before) * (1 - beta).sqrt() / (1 - abar),
        sigma=sigma,
    )
    return {k: v.float().view(-1, 1, 1, 1).to(device) for k, v in values.items()}


def casting(policy, device, cache=True):
    """The autocast context; on the CPU none, torch 1.13 cannot mix its group norm there."""
    if policy != "autocast" or not device.startswith("cuda"):
        return contextlib.nullcontext()
    return torch.autocast("cuda", dtype=torch.bfloat16, cache_enabled=cache)


def foreach_lerp(shadow, params, weight):
    if hasattr(torch, "_foreach_lerp_"):
        torch._foreach_lerp_(shadow, params, weight)
    else:
        torch._foreach_mul_(shadow, 1 - weight)
        torch._foreach_add_(shadow, params, alpha=weight)


def foreach_copy(to, source):
    if hasattr(torch, "_foreach_copy_"):
        torch._foreach_copy_(to, source)
    else:
        for a, b in zip(to, source):
            a.copy_(b)


def adamw(params, device, lr=2e-4):
    """AdamW in one fused kernel per list, its counters on the device; the default one where that is not offered."""
    if device.startswith("cuda"):
        return torch.optim.AdamW(params, lr=lr, weight_decay=0.0, fused=True, capturable=True)
    return torch.optim.AdamW(params, lr=lr, weight_decay=0.0)


class TrainStep:
    """One training step, called without arguments; returns the loss as a tensor on the device."""

    def __init__(self, policy, batch, device, tiny=False, compile_mode=None, whole_graph=False, seed=0):
        self.policy, self.batch, self.device, self.graph = policy, batch, device, None
        self.cache = not whole_graph and compile_mode is None
        self.marks = compile_mode in ("reduce-overhead", "max-autotune")
        self.net = build(tiny, policy, device, seed).train()
        self.compute = list(self.net.parameters())
        if policy == "bf16":
            self.masters = [p.detach().float().requires_grad_(True) for p in self.compute]
            for master in self.masters:
                master.grad = torch.zeros_like(master)
        else:
            self.masters = self.compute
        self.shadow = [p.detach().clone() for p in self.masters]
        self.optimizer = adamw(self.masters, device)
        size = config(tiny)["sample_size"]
        self.images = torch.randint(256, (64 if tiny else 50000, 3, size, size), dtype=torch.uint8, device=device)
        self.table = tables(device)
        self.loss = self.noised_loss
        if compile_mode is not None:
            mode = None if compile_mode == "default" else compile_mode
            self.loss = torch.compile(self.noised_loss, mode=mode, fullgraph=True, dynamic=False)
        self.whole_graph = whole_graph

    def noised_loss(self, images, flip, t, eps):
        """Mean squared error of the network on images (N,3,H,W) uint8 noised to t with eps."""
        x = images.float() / 127.5 - 1
        x = torch.where(flip.view(-1, 1, 1, 1), x.flip(3), x)
        x = self.table["signal"][t] * x + self.table["noise"][t] * eps
        x = x.contiguous(memory_format=torch.channels_last)
        if self.policy == "bf16":
            x = x.to(torch.bfloat16)
        with casting(self.policy, self.device, self.cache):
            out = self.net(x, t)
        return F.mse_loss(out.float(), eps)

    def step(self):
        n, dev = self.batch, self.device
        images = self.images[torch.randint(len(self.images), (n,), device=dev)]
        flip, t = torch.rand(n, device=dev) < 0.5, torch.randint(1000, (n,), device=dev)
        loss = self.loss(images, flip, t, torch.randn(images.shape, device=dev))
        loss.backward()
        if self.policy == "bf16":
            foreach_copy([p.grad for p in self.masters], [p.grad for p in self.compute])
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            foreach_lerp(self.shadow, self.masters, 1e-4)
            if self.policy == "bf16":
                foreach_copy(self.compute, self.masters)
        for p in self.compute:
            p.grad = None
        return loss.detach()

    def __call__(self):
        if self.graph is not None:
            return self.graph()
        if self.whole_graph:
            self.graph = gpu_common.Captured(self.step)
            return self.graph()
        if self.marks:
            torch.compiler.cudagraph_mark_step_begin()
        return self.step()


class SampleStep:
    """One ancestral step (variance beta_t, x_0 clipped) of a batch, called without arguments; t runs down and around."""

    def __init__(self, policy, batch, device, tiny=False, compile_mode=None, whole_graph=False, seed=0):
        self.policy, self.device, self.graph, self.whole_graph = policy, device, None, whole_graph
        self.cache = not whole_graph and compile_mode is None
        self.marks = compile_mode in ("reduce-overhead", "max-autotune")
        self.net = build(tiny, policy, device, seed).eval().requires_grad_(False)
        size = config(tiny)["sample_size"]
        x = torch.randn(batch, 3, size, size, device=device)
        self.x = x.contiguous(memory_format=torch.channels_last)
        self.t = torch.full((batch,), 999, dtype=torch.int64, device=device)
        self.table = tables(device)
        self.reverse = self.reverse_eager
        if compile_mode is not None:
            mode = None if compile_mode == "default" else compile_mode
            self.reverse = torch.compile(self.reverse_eager, mode=mode, fullgraph=True, dynamic=False)

    def predict(self, x, t):
        with casting(self.policy, self.device, self.cache):
            return self.net(x.to(torch.bfloat16) if self.policy == "bf16" else x, t).float()

    def reverse_eager(self, x, t, z):
        k = self.table
        x0 = (k["a"][t] * x - k["b"][t] * self.predict(x, t)).clamp(-1, 1)
        return k["c0"][t] * x0 + k["ct"][t] * x + k["sigma"][t] * z

    @torch.no_grad()
    def step(self):
        self.x.copy_(self.reverse(self.x, self.t, torch.randn_like(self.x)))
        self.t.sub_(1).remainder_(1000)
        return self.x

    def __call__(self):
        if self.graph is not None:
            return self.graph()
        if self.whole_graph:
            self.graph = gpu_common.Captured(self.step)
            return self.graph()
        if self.marks:
            torch.compiler.cudagraph_mark_step_begin()
        return self.step()


def one_gradient(policy, device, tiny, batch):
    """(loss, gradients) of a policy on a fixed batch, dropout off."""
    # With Ho et al.'s start the branches are all but silent; here every tensor gets a gradient worth comparing.
    net = build(tiny, policy, device, quiet_branches=False).eval()
    torch.manual_seed(1)
    size = config(tiny)["sample_size"]
    x = torch.randn(batch, 3, size, size).to(device).contiguous(memory_format=torch.channels_last)
    eps, t = torch.randn(batch, 3, size, size).to(device), torch.arange(batch, device=device) * 977 % 1000
    with casting(policy, device):
        out = net(x.to(torch.bfloat16) if policy == "bf16" else x, t)
    loss = F.mse_loss(out.float(), eps)
    loss.backward()
    return loss.item(), [q.grad.float().flatten() for q in net.parameters()]


def gradient_check(rows, policy, device, tiny, batch):
    """Compares the policy's loss and gradients with float32's on one batch without dropout; writes a row."""
    with rows.section("check", policy=policy) as ok:
        if not ok:
            return
        torch.backends.cudnn.allow_tf32 = False
        try:
            (loss32, grads32), (loss16, grads16) = (one_gradient(p, device, tiny, batch) for p in ("float32", policy))
        finally:
            torch.backends.cudnn.allow_tf32 = True
        a, b = torch.cat(grads32), torch.cat(grads16)
        rows.write(
            "check",
            policy=policy,
            batch=batch,
            loss_float32=loss32,
            loss=loss16,
            grad_cosine=F.cosine_similarity(a, b, dim=0).item(),
            grad_relative_l2=((a - b).norm() / a.norm()).item(),
        )


def measure(rows, kind, step, args, batch, rounds=5, per_round=20, setup_s=0.0, **fields):
    """Warms a step up, times it in rounds and writes the row."""
    cuda = rows.cuda
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    first = gpu_common.warm_up(step, cuda, args.tiny)
    before, times, walls = gpu_common.smi() if cuda else {}, [], []
    for _ in range(1 if args.tiny else rounds):
        ms, wall = gpu_common.time_steps(step, 2 if args.tiny else per_round, cuda)
        times += ms
        walls.append(wall)
    write_step(rows, kind, batch, times, walls, setup_s + first, before, fields)


def write_step(rows, kind, batch, times, walls, first, before, fields):
    """Writes the row of a timed step."""
    stats = gpu_common.summary(times)
    row = dict(fields, batch=batch, **stats, host_ms=round(sorted(walls)[len(walls) // 2], 4), first_step_s=round(first, 2))
    row["images_per_s"] = round(1e3 * batch / stats["median_ms"], 2)
    row["sm_mhz_before"], row["throttle_before"] = before.get("sm_mhz"), before.get("throttle")
    if rows.cuda:
        row["peak_mib"] = round(torch.cuda.max_memory_allocated() / 2**20)
    rows.write(kind, **row)
