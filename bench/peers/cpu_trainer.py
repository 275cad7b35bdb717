"""What the CPU peers share: data, noising, the training step and the held-out loss, in plain PyTorch (1.13 or newer).

Set the number of threads before torch is imported: `use_threads(n)` does it for OpenMP and OpenBLAS alike.
"""

import gzip
import math
import os
import struct


def use_threads(n):
    """Call before `import torch`: OpenBLAS and OpenMP read these variables when they are loaded."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(n)


def read_idx(path):
    """Images of an IDX file, gzip or not: (N,H,W) uint8."""
    import numpy as np

    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as f:
        data = f.read()
    if len(data) < 16 or data[:4] != b"\0\0\x08\x03":
        raise ValueError(f"{path}: not an IDX file of bytes with three dimensions")
    shape = struct.unpack(">3I", data[4:16])
    if len(data) != 16 + math.prod(shape):
        raise ValueError(f"{path}: {len(data)} bytes, the header announces {16 + math.prod(shape)}")
    return np.frombuffer(data, np.uint8, offset=16).reshape(shape)


def load_images(folder):
    """(train, test) of an MNIST-like folder: (N,1,H,W) uint8 tensors."""
    import torch

    sets = []
    for stem in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"):
        path = os.path.join(folder, stem)
        path = path if os.path.exists(path) else path + ".gz"
        sets.append(torch.from_numpy(read_idx(path).copy())[:, None])
    return sets


class Trainer:
    """One network with everything that a step needs; every scalar of the recipe is a keyword.

    The step of Ho et al.: t uniform, x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps, mean squared error of eps, clipping by
    the global norm, AdamW, EMA with decay min(ema, (1 + n) / (10 + n)) after the n-th update.
    """

    def __init__(
        self,
        net,
        lr=2e-4,
        warmup=500,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0.0,
        clip=1.0,
        ema=0.9999,
        hflip=0.5,
        timesteps=1000,
        seed=0,
        channels_last=False,
    ):
        import copy

        import torch

        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.net = net.to(memory_format=self.format).train()
        self.averaged = copy.deepcopy(self.net).eval().requires_grad_(False)
        self.params = [p for p in self.net.parameters() if p.requires_grad]
        self.shadow = [p for p, q in zip(self.averaged.parameters(), self.net.parameters()) if q.requires_grad]
        self.optimizer = torch.optim.AdamW(self.params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
        self.lr, self.warmup, self.clip, self.ema, self.hflip = lr, warmup, clip, ema, hflip
        self.timesteps, self.updates = timesteps, 0
        betas64 = torch.linspace(1e-4, 0.02, timesteps, dtype=torch.float64)
        abar = torch.cumprod(1 - betas64, 0)
        self.signal, self.noise = abar.sqrt().float(), (1 - abar).sqrt().float()
        self.generator = torch.Generator().manual_seed(seed)

    def noised(self, x0, t, generator):
        """(x_t, eps) of images x0 (N,C,H,W) at t (N,)."""
        import torch

        eps = torch.empty_like(x0).normal_(generator=generator)
        shape = (-1, 1, 1, 1)
        return self.signal[t].view(shape) * x0 + self.noise[t].view(shape) * eps, eps

    def prepare(self, images):
        """uint8 images to float32 in [-1,1], each flipped left to right with probability hflip."""
        import torch

        x = (images.float() / 127.5 - 1).contiguous(memory_format=self.format)
        if self.hflip > 0:
            flip = torch.rand(len(x), generator=self.generator) < self.hflip
            x = torch.where(flip.view(-1, 1, 1, 1), x.flip(3), x)
        return x

    def step(self, images):
        """One optimizer step on uint8 images; returns (loss, gradient norm before clipping)."""
        import torch

        x0 = self.prepare(images)
        t = torch.randint(self.timesteps, (len(x0),), generator=self.generator)
        x_t, eps = self.noised(x0, t, self.generator)
        loss = torch.nn.functional.mse_loss(self.net(x_t, t), eps)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.params, self.clip)
        self.updates += 1
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * min(1.0, self.updates / max(self.warmup, 1))
        self.optimizer.step()
        decay = min(self.ema, (1 + self.updates) / (10 + self.updates))
        with torch.no_grad():
            torch._foreach_mul_(self.shadow, decay)
            torch._foreach_add_(self.shadow, [p.detach() for p in self.params], alpha=1 - decay)
        return loss.item(), norm.item()

    def held_out(self, images, draws=1, batch=250, seed=1, averaged=True):
        """The mean loss over images and, as a list, over each quarter of t. t is stratified over all images."""
        import torch

        net = self.averaged if averaged else self.net.eval()
        generator = torch.Generator().manual_seed(seed)
        sums, counts = torch.zeros(4, dtype=torch.float64), torch.zeros(4)
        with torch.no_grad():
            for _ in range(draws):
                n = len(images)
                strata = (torch.randperm(n, generator=generator) + torch.rand(n, generator=generator)) / n
                times = (strata * self.timesteps).long().clamp(max=self.timesteps - 1)
                for i in range(0, n, batch):
                    x0 = (images[i : i + batch].float() / 127.5 - 1).contiguous(memory_format=self.format)
                    t = times[i : i + batch]
                    x_t, eps = self.noised(x0, t, generator)
                    loss = ((net(x_t, t) - eps) ** 2).flatten(1).mean(1).double()
                    quarter = t * 4 // self.timesteps
                    sums.index_add_(0, quarter, loss)
                    counts += torch.bincount(quarter, minlength=4)
        self.net.train()
        return (sums.sum() / counts.sum()).item(), (sums / counts).tolist()


def quantiles(seconds):
    """Median, 10th and 90th percentile of times in seconds, in milliseconds."""
    ordered = sorted(seconds)
    pick = lambda q: 1e3 * ordered[min(len(ordered) - 1, round(q * (len(ordered) - 1)))]
    return dict(ms_median=round(pick(0.5), 2), ms_p10=round(pick(0.1), 2), ms_p90=round(pick(0.9), 2))
