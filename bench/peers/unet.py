"""diffusers' UNet2DModel, written again in plain PyTorch: same configuration keys, same state-dict names, same function.

It serves every peer: torch 1.13 on the CPU, torch 2.x on a GPU (eager, autocast, bf16, channels_last, torch.compile).
`check_unet.py` holds it against the golden directories that diffusers itself made. Only torch is imported.

Activations are (N,C,H,W); pass channels_last tensors for NHWC memory. Time features are float32, then cast to the dtype
of the weights.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

DEFAULTS = dict(
    sample_size=None,
    in_channels=3,
    out_channels=3,
    center_input_sample=False,
    time_embedding_type="positional",
    freq_shift=0,
    flip_sin_to_cos=True,
    down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
    up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    block_out_channels=(224, 448, 672, 896),
    layers_per_block=2,
    mid_block_scale_factor=1,
    downsample_padding=1,
    dropout=0.0,
    act_fn="silu",
    attention_head_dim=8,
    norm_num_groups=32,
    norm_eps=1e-5,
    resnet_time_scale_shift="default",
    add_attention=True,
    class_embed_type=None,
    num_class_embeds=None,
)

# Keys of newer files whose only supported value is the default.
FIXED = dict(
    downsample_type="conv",
    upsample_type="conv",
    mid_block_type="UNetMidBlock2D",
    attn_norm_num_groups=None,
    time_embedding_dim=None,
    num_train_timesteps=None,
)

ACTIVATIONS = {"silu": F.silu, "swish": F.silu, "gelu": F.gelu}


class Config:
    """The configuration as attributes, with diffusers' defaults; unknown keys are refused."""

    def __init__(self, **keys):
        for key, value in keys.items():
            if key.startswith("_"):
                continue
            if key in FIXED:
                if value not in (FIXED[key], None) and key != "num_train_timesteps":
                    raise ValueError(f"key {key!r} is {value!r}: only {FIXED[key]!r} is supported")
                continue
            if key not in DEFAULTS:
                raise ValueError(f"key {key!r} is not a key of UNet2DModel")
        self.__dict__.update(DEFAULTS)
        self.__dict__.update({k: v for k, v in keys.items() if k in DEFAULTS})
        if self.act_fn not in ACTIVATIONS:
            raise ValueError(f"act_fn {self.act_fn!r}: supported are {sorted(ACTIVATIONS)}")

    def head_dim(self, channels):
        return channels if self.attention_head_dim is None else self.attention_head_dim


def timestep_features(t, width, flip, shift):
    """Sinusoids of t (N,) -> (N,width) float32; frequencies 10000^(-k/(width/2-shift)), sines first unless flip."""
    half = width // 2
    k = torch.arange(half, dtype=torch.float32, device=t.device)
    angle = t.float()[:, None] * torch.exp(k * (-math.log(10000.0) / (half - shift)))[None]
    parts = (angle.cos(), angle.sin()) if flip else (angle.sin(), angle.cos())
    return F.pad(torch.cat(parts, 1), (0, width % 2))


class FourierFeatures(nn.Module):
    """sin and cos of 2 pi w log t, with the fixed random frequencies w of the file."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(16 * torch.randn(width), requires_grad=False)

    def forward(self, t):
        angle = t.to(self.weight.dtype).log()[:, None] * self.weight[None] * (2 * math.pi)
        return torch.cat((angle.sin(), angle.cos()), 1)


class TimeMLP(nn.Module):
    """Linear, SiLU, linear."""

    def __init__(self, width, out):
        super().__init__()
        self.linear_1 = nn.Linear(width, out)
        self.linear_2 = nn.Linear(out, out)

    def forward(self, x):
        return self.linear_2(F.silu(self.linear_1(x)))


class Resnet(nn.Module):
    """Norm, activation, (resample), conv, time, norm, activation, dropout, conv, plus the (projected) input."""

    def __init__(self, cfg, c_in, c_out, time_dim, scale=1.0, resample=None):
        super().__init__()
        self.act, self.dropout, self.scale, self.resample = ACTIVATIONS[cfg.act_fn], cfg.dropout, scale, resample
        self.scale_shift = cfg.resnet_time_scale_shift == "scale_shift"
        self.norm1 = nn.GroupNorm(cfg.norm_num_groups, c_in, eps=cfg.norm_eps)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.time_emb_proj = nn.Linear(time_dim, 2 * c_out if self.scale_shift else c_out)
        self.norm2 = nn.GroupNorm(cfg.norm_num_groups, c_out, eps=cfg.norm_eps)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else None

    def forward(self, x, emb):
        h = self.act(self.norm1(x))
        if self.resample is not None:
            x, h = self.resample(x), self.resample(h)
        h = self.conv1(h)
        time = self.time_emb_proj(self.act(emb))[:, :, None, None]
        if self.scale_shift:
            gain, offset = time.chunk(2, dim=1)
            h = self.norm2(h) * (1 + gain) + offset
        else:
            h = self.norm2(h + time)
        h = F.dropout(self.act(h), self.dropout, self.training)
        h = self.conv2(h)
        if self.conv_shortcut is not None:
            x = self.conv_shortcut(x)
        h = x + h
        return h if self.scale == 1 else h / self.scale


fused_attention = getattr(F, "scaled_dot_product_attention", None)  # torch 2.0


def attend(q, k, v):
    """Softmax attention of (N,heads,T,d) tensors, scaled by d^-1/2."""
    if fused_attention is not None:
        return fused_attention(q, k, v)
    return (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1) @ v


class Attention(nn.Module):
    """Group norm, self-attention over the pixels, projection, plus the input. fused packs the three projections."""

    def __init__(self, cfg, c, scale=1.0, norm=True, fused=False):
        super().__init__()
        self.width, self.scale, self.fused = cfg.head_dim(c), scale, fused
        self.heads = c // self.width
        inner = self.heads * self.width
        self.group_norm = nn.GroupNorm(cfg.norm_num_groups, c, eps=cfg.norm_eps) if norm else None
        if fused:
            self.to_qkv = nn.Linear(c, 3 * inner)
        else:
            self.to_q, self.to_k, self.to_v = (nn.Linear(c, inner) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(inner, c)])

    def forward(self, x):
        n, c, h, w = x.shape
        y = x if self.group_norm is None else self.group_norm(x)
        y = y.flatten(2).transpose(1, 2)
        qkv = self.to_qkv(y).chunk(3, -1) if self.fused else (self.to_q(y), self.to_k(y), self.to_v(y))
        q, k, v = (z.reshape(n, h * w, self.heads, self.width).transpose(1, 2) for z in qkv)
        y = attend(q, k, v).transpose(1, 2).reshape(n, h * w, self.heads * self.width)
        y = self.to_out[0](y).transpose(1, 2).reshape(n, c, h, w)
        y = x + y
        return y if self.scale == 1 else y / self.scale


class Downsample(nn.Module):
    """3x3 convolution of stride 2; padding 0 pads one row below and one column to the right."""

    def __init__(self, c, padding):
        super().__init__()
        self.padding = padding
        self.conv = nn.Conv2d(c, c, 3, stride=2, padding=padding)

    def forward(self, x, emb):
        return self.conv(F.pad(x, (0, 1, 0, 1)) if self.padding == 0 else x)


class Upsample(nn.Module):
    """Nearest neighbour to twice the size, then a 3x3 convolution."""

    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x, emb):
        return self.conv(double(x))


def double(x):
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def halve(x):
    return F.avg_pool2d(x, 2)


class Block(nn.Module):
    """One level of the U-Net: resnets, an attention after each where there is any, and a resampler at the end."""

    def __init__(self, resnets, attentions, resampler, name):
        super().__init__()
        self.resnets = nn.ModuleList(resnets)
        if attentions:
            self.attentions = nn.ModuleList(attentions)
        self.has_attention = bool(attentions)
        self.resampler_name = name if resampler is not None else None
        if resampler is not None:
            setattr(self, name, nn.ModuleList([resampler]))

    def layer(self, i, x, emb):
        x = self.resnets[i](x, emb)
        return self.attentions[i](x) if self.has_attention else x

    def resample(self, x, emb):
        return getattr(self, self.resampler_name)[0](x, emb)


def down_block(cfg, kind, c_in, c, time_dim, last, fused):
    if kind not in ("DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"):
        raise ValueError(f"down_block_types: {kind!r} is not supported")
    n = cfg.layers_per_block
    resnets = [Resnet(cfg, c_in if i == 0 else c, c, time_dim) for i in range(n)]
    attentions = [Attention(cfg, c, fused=fused) for _ in range(n)] if kind.startswith("Attn") else []
    sampler = None
    if not last:
        by_resnet = kind.startswith("Resnet")
        sampler = Resnet(cfg, c, c, time_dim, resample=halve) if by_resnet else Downsample(c, cfg.downsample_padding)
    return Block(resnets, attentions, sampler, "downsamplers")


def up_block(cfg, kind, c_prev, c_skip, c, time_dim, last, fused):
    if kind not in ("UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"):
        raise ValueError(f"up_block_types: {kind!r} is not supported")
    n = cfg.layers_per_block + 1
    widths = [(c_prev if i == 0 else c) + (c_skip if i == n - 1 else c) for i in range(n)]
    resnets = [Resnet(cfg, width, c, time_dim) for width in widths]
    attentions = [Attention(cfg, c, fused=fused) for _ in range(n)] if kind.startswith("Attn") else []
    sampler = None
    if not last:
        sampler = Resnet(cfg, c, c, time_dim, resample=double) if kind.startswith("Resnet") else Upsample(c)
    return Block(resnets, attentions, sampler, "upsamplers")


class UNet2D(nn.Module):
    """The network: forward(x (N,C,H,W), t (N,), labels=None) -> (N,Cout,H,W)."""

    def __init__(self, fused_qkv=False, **keys):
        super().__init__()
        cfg = self.cfg = Config(**keys)
        channels = list(cfg.block_out_channels)
        time_dim, fourier = 4 * channels[0], cfg.time_embedding_type == "fourier"
        features = 2 * channels[0] if fourier else channels[0]
        self.conv_in = nn.Conv2d(cfg.in_channels, channels[0], 3, padding=1)
        if fourier:
            self.time_proj = FourierFeatures(channels[0])
        self.time_embedding = TimeMLP(features, time_dim)
        if cfg.class_embed_type == "timestep":
            self.class_embedding = TimeMLP(features, time_dim)
        elif cfg.class_embed_type is None and cfg.num_class_embeds is not None:
            self.class_embedding = nn.Embedding(cfg.num_class_embeds, time_dim)
        levels = len(channels)
        self.down_blocks = nn.ModuleList(
            down_block(cfg, kind, channels[max(i - 1, 0)], channels[i], time_dim, i == levels - 1, fused_qkv)
            for i, kind in enumerate(cfg.down_block_types)
        )
        scale, c = cfg.mid_block_scale_factor, channels[-1]
        attention = Attention(cfg, c, scale, cfg.resnet_time_scale_shift == "default", fused_qkv)
        mid = [Resnet(cfg, c, c, time_dim, scale) for _ in range(2)]
        self.mid_block = Block(mid, [attention] if cfg.add_attention else [], None, "")
        up = channels[::-1]
        self.up_blocks = nn.ModuleList(
            up_block(
                cfg, kind, up[max(i - 1, 0)], up[min(i + 1, levels - 1)], up[i], time_dim, i == levels - 1, fused_qkv
            )
            for i, kind in enumerate(cfg.up_block_types)
        )
        self.conv_norm_out = nn.GroupNorm(cfg.norm_num_groups, channels[0], eps=cfg.norm_eps)
        self.conv_out = nn.Conv2d(channels[0], cfg.out_channels, 3, padding=1)

    def features(self, t):
        cfg = self.cfg
        if cfg.time_embedding_type == "fourier":
            f = self.time_proj(t)
        else:
            f = timestep_features(t, cfg.block_out_channels[0], cfg.flip_sin_to_cos, cfg.freq_shift)
        return f.to(self.conv_in.weight.dtype)

    def embed(self, t, labels):
        """The embedding of t, plus that of the labels where the net is conditional: (N, 4 * first width)."""
        emb, kind = self.time_embedding(self.features(t)), self.cfg.class_embed_type
        if kind == "timestep":
            emb = emb + self.class_embedding(self.features(labels))
        elif kind == "identity":
            emb = emb + labels
        elif self.cfg.num_class_embeds is not None:
            emb = emb + self.class_embedding(labels)
        return emb

    def forward(self, x, t, labels=None):
        if self.cfg.center_input_sample:
            x = 2 * x - 1
        emb = self.embed(t, labels)
        x = self.conv_in(x)
        skips = [x]
        for block in self.down_blocks:
            for i in range(len(block.resnets)):
                x = block.layer(i, x, emb)
                skips.append(x)
            if block.resampler_name is not None:
                x = block.resample(x, emb)
                skips.append(x)
        x = self.mid_block.layer(0, x, emb)
        x = self.mid_block.resnets[1](x, emb)
        for block in self.up_blocks:
            for i in range(len(block.resnets)):
                x = block.layer(i, torch.cat((x, skips.pop()), 1), emb)
            if block.resampler_name is not None:
                x = block.resample(x, emb)
        x = self.conv_out(F.silu(self.conv_norm_out(x)))
        if self.cfg.time_embedding_type == "fourier":
            x = x / t.to(x.dtype).view(-1, 1, 1, 1)
        return x


def initialise(net, quiet_branches=True):
    """Ho et al.: uniform with variance 1/fan_avg, biases 0; the last layer of every branch 1e-10 of that variance.

    With quiet_branches False those last layers start as all others do.
    """
    for name, p in net.named_parameters():
        if name.startswith("time_proj."):
            continue
        if p.ndim == 1:
            nn.init.constant_(p, 1.0 if "norm" in name and name.endswith("weight") else 0.0)
            continue
        last = quiet_branches and (name.endswith("conv2.weight") or "to_out." in name or name == "conv_out.weight")
        if "to_qkv" in name:
            for part in p.data.chunk(3):
                nn.init.xavier_uniform_(part)
        else:
            nn.init.xavier_uniform_(p, gain=1e-5 if last else 1.0)
    return net


PRESETS = {
    # Ho et al. 2020, CIFAR-10: 35,746,307 parameters.
    "cifar10": dict(
        sample_size=32,
        flip_sin_to_cos=False,
        freq_shift=1,
        block_out_channels=(128, 256, 256, 256),
        layers_per_block=2,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        downsample_padding=0,
        attention_head_dim=None,
        norm_num_groups=32,
        norm_eps=1e-6,
        dropout=0.1,
    ),
    "cifar10-small": dict(
        sample_size=32,
        flip_sin_to_cos=False,
        freq_shift=1,
        block_out_channels=(64, 128, 128),
        layers_per_block=2,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        downsample_padding=0,
        attention_head_dim=None,
        norm_num_groups=32,
        norm_eps=1e-6,
        dropout=0.1,
    ),
    "fashion-mnist": dict(
        sample_size=28,
        in_channels=1,
        out_channels=1,
        flip_sin_to_cos=False,
        freq_shift=1,
        block_out_channels=(32, 64, 128),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        downsample_padding=0,
        attention_head_dim=None,
        norm_num_groups=8,
        norm_eps=1e-6,
    ),
}
