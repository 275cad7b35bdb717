"""Makes the golden data of engine/testdata/golden with diffusers v0.21.0 under Debian's python3-torch.

    git clone https://github.com/huggingface/diffusers DIR && git -C DIR checkout v0.21.0
    apt-get install python3-torch python3-packaging python3-filelock python3-regex python3-requests python3-pil \
        python3-importlib-metadata python3-numpy
    /usr/bin/python3 bench/peers/golden.py --diffusers DIR/src --out engine/testdata/golden

diffusers is imported from its source tree; the packages that it wants but does not need for UNet2DModel and the
schedulers (huggingface_hub, safetensors, transformers, accelerate, tqdm, its own loaders) are answered by empty stub modules. Weights and
inputs are float32; outputs and gradients are computed in float64 and stored as float32.
"""

import argparse
import importlib.abc
import importlib.machinery
import json
import os
import sys
import tempfile
import types

import numpy as np
import torch

import stfile

STUBS = ("huggingface_hub", "safetensors", "transformers", "accelerate", "tqdm", "diffusers.loaders")


class StubModule(types.ModuleType):
    """A module whose every attribute is an empty class (a constant: a temporary folder), so that `from stub import Name` works."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        # Constants are cache folders: diffusers makes one when it is imported.
        is_path = name.isupper() or name == "hf_cache_home"
        value = tempfile.gettempdir() if is_path else type(name, (Exception,), {})
        setattr(self, name, value)
        return value


class StubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers imports of STUBS and their submodules."""

    def find_spec(self, fullname, path=None, target=None):
        if any(fullname == s or fullname.startswith(s + ".") for s in STUBS):
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec):
        return StubModule(spec.name)

    def exec_module(self, module):
        pass


# What a model card of 2022 says: no keys that came later. The flat directory is written with it.
LEGACY_KEYS = (
    "act_fn attention_head_dim block_out_channels center_input_sample down_block_types downsample_padding "
    "flip_sin_to_cos freq_shift in_channels layers_per_block mid_block_scale_factor norm_eps norm_num_groups "
    "out_channels sample_size time_embedding_type up_block_types"
).split()

# Keys that diffusers of 2024 and later writes besides, with their defaults.
CURRENT_KEYS = {
    "attn_norm_num_groups": None,
    "mid_block_type": "UNetMidBlock2D",
    "num_train_timesteps": None,
    "time_embedding_dim": None,
}

CONFIGS = {
    # The net of Ho et al. in small: flat directory, configuration and attention names of 2022.
    "ho": dict(
        layout="flat",
        size=(3, 8, 8),
        t=[0, 417, 999],
        unet=dict(
            sample_size=8,
            in_channels=3,
            out_channels=3,
            flip_sin_to_cos=False,
            freq_shift=1,
            block_out_channels=(8, 16, 16),
            layers_per_block=2,
            down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
            downsample_padding=0,
            attention_head_dim=None,
            norm_num_groups=4,
            norm_eps=1e-6,
            mid_block_scale_factor=1,
        ),
        scheduler=dict(variance_type="fixed_large", clip_sample=True),
    ),
    # Learned class table, several heads, one channel, pictures that are not square.
    "classes": dict(
        layout="nested",
        size=(1, 8, 12),
        t=[3, 250, 998],
        labels=[4, 0, 2],
        unet=dict(
            sample_size=(8, 12),
            in_channels=1,
            out_channels=1,
            flip_sin_to_cos=True,
            freq_shift=0,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("AttnDownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            downsample_padding=1,
            attention_head_dim=4,
            norm_num_groups=4,
            norm_eps=1e-5,
            num_class_embeds=5,
        ),
        scheduler=dict(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", clip_sample=False),
    ),
    # Scale-shift conditioning (then the attention of the mid block has no norm), resnet down and up samplers, GELU,
    # labels through the sinusoid, centred input, more channels out than in.
    "scaleshift": dict(
        layout="nested",
        size=(2, 8, 8),
        t=[1, 500, 730],
        labels=[7, 1, 3],
        unet=dict(
            sample_size=8,
            in_channels=2,
            out_channels=3,
            center_input_sample=True,
            flip_sin_to_cos=True,
            freq_shift=1,
            block_out_channels=(8, 16),
            layers_per_block=2,
            down_block_types=("ResnetDownsampleBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "ResnetUpsampleBlock2D"),
            act_fn="gelu",
            dropout=0.1,
            attention_head_dim=8,
            norm_num_groups=4,
            norm_eps=1e-5,
            resnet_time_scale_shift="scale_shift",
            class_embed_type="timestep",
        ),
        scheduler=dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1),
    ),
    # Fourier features of log t (the output is divided by t), labels given as vectors, no attention anywhere, a mid
    # block that scales its output, scale 1/sqrt(2).
    "fourier": dict(
        layout="nested",
        size=(2, 4, 8),
        t=[1, 40, 333],
        labels="vectors",
        unet=dict(
            sample_size=(4, 8),
            in_channels=2,
            out_channels=2,
            time_embedding_type="fourier",
            block_out_channels=(8, 12),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "ResnetDownsampleBlock2D"),
            up_block_types=("ResnetUpsampleBlock2D", "UpBlock2D"),
            downsample_padding=1,
            norm_num_groups=4,
            norm_eps=1e-5,
            add_attention=False,
            class_embed_type="identity",
            mid_block_scale_factor=1.4142135623730951,
        ),
        scheduler=dict(beta_schedule="sigmoid", prediction_type="sample"),
    ),
    # Channel counts that no tile divides: 6, 9 and 15 in groups of 3, heads of 3.
    "odd": dict(
        layout="nested",
        size=(3, 12, 4),
        t=[0, 12, 999],
        unet=dict(
            sample_size=(12, 4),
            in_channels=3,
            out_channels=1,
            flip_sin_to_cos=True,
            freq_shift=1,
            block_out_channels=(6, 9, 15),
            layers_per_block=1,
            down_block_types=("AttnDownBlock2D", "ResnetDownsampleBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "ResnetUpsampleBlock2D", "AttnUpBlock2D"),
            downsample_padding=0,
            attention_head_dim=3,
            norm_num_groups=3,
            norm_eps=1e-4,
            mid_block_scale_factor=2,
        ),
        scheduler=dict(num_train_timesteps=1000, variance_type="fixed_small"),
    ),
    # The fashion-mnist preset in small, in the words of a current diffusers; GELU with plain time conditioning.
    "garment": dict(
        layout="nested",
        size=(1, 12, 12),
        t=[5, 640, 64],
        current=True,
        unet=dict(
            sample_size=12,
            in_channels=1,
            out_channels=1,
            flip_sin_to_cos=False,
            freq_shift=0,
            block_out_channels=(8, 16, 24),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
            downsample_padding=1,
            act_fn="gelu",
            attention_head_dim=8,
            norm_num_groups=8,
            norm_eps=1e-6,
        ),
        scheduler=dict(),
    ),
    # A consistency model's network in small: blocks with attention whose samplers are residual blocks.
    "resnet": dict(
        layout="nested",
        size=(1, 8, 8),
        t=[2, 333, 999],
        labels=[1, 2, 0],
        unet=dict(
            sample_size=8,
            in_channels=1,
            out_channels=1,
            flip_sin_to_cos=True,
            freq_shift=0,
            block_out_channels=(4, 8),
            layers_per_block=1,
            down_block_types=("AttnDownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "ResnetUpsampleBlock2D"),
            downsample_type="resnet",
            upsample_type="resnet",
            attention_head_dim=4,
            norm_num_groups=2,
            norm_eps=1e-5,
            resnet_time_scale_shift="scale_shift",
            num_class_embeds=3,
        ),
        scheduler=dict(),
    ),
}

DDIM = {
    "leading": dict(clip_sample=False, timestep_spacing="leading", prediction_type="epsilon"),
    "clipped": dict(clip_sample=True, timestep_spacing="leading", prediction_type="epsilon"),
    "trailing-v": dict(clip_sample=False, timestep_spacing="trailing", prediction_type="v_prediction"),
}


def randomise(net, rng):
    """Sets every parameter: weights N(0, 1.2/fan_in), norm gains about 1, biases and norm shifts N(0, 0.2^2)."""
    for name, p in net.named_parameters():
        shape = tuple(p.shape)
        z = rng.standard_normal(shape)
        if name.startswith("time_proj."):
            value = 1.5 * z
        elif p.ndim > 1:
            value = z * np.sqrt(1.2 / np.prod(shape[1:])) if "class_embedding.weight" not in name else z
        elif name.endswith(".weight"):
            value = 1 + 0.2 * z
        else:
            value = 0.2 * z
        p.data = torch.from_numpy(value.astype(np.float32))


def public_state(net):
    """The state dict as files hold it: float32 arrays; the Fourier table once, under its present name."""
    return {k: v.detach().float().numpy() for k, v in net.state_dict().items() if k != "time_proj.W"}


def legacy_names(state):
    """Renames attention tensors to the names of before diffusers 0.17."""
    pairs = ((".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."), (".to_out.0.", ".proj_attn."))
    renamed = {}
    for name, array in state.items():
        for new, old in pairs:
            name = name.replace(new, old)
        renamed[name] = array
    return renamed


def to_float64(net, modules):
    """Casts net to float64 throughout: diffusers takes the softmax and the time features in float32 by itself."""
    net.double()
    for m in net.modules():
        if isinstance(m, modules["Attention"]):
            m.upcast_softmax = False
    net.time_proj.register_forward_hook(lambda module, args, out: out.double())
    return net


def forward_backward(net, x, t, labels, target, dtype):
    """Returns the output and the gradients of mean((output - target)^2) as {name: float64 array}."""
    net.zero_grad()
    if labels is not None and labels.dtype == np.float32:
        y = torch.from_numpy(labels).to(dtype)
    else:
        y = None if labels is None else torch.from_numpy(labels)
    out = net(torch.from_numpy(x).to(dtype), torch.from_numpy(t), class_labels=y).sample
    loss = ((out - torch.from_numpy(target).to(dtype)) ** 2).mean()
    loss.backward()
    grads = {k: p.grad.numpy().astype(np.float64) for k, p in net.named_parameters() if p.requires_grad}
    return out.detach().numpy().astype(np.float64), grads


def write_json(path, text_or_dict):
    text = text_or_dict
    if not isinstance(text, str):
        text = json.dumps(text_or_dict, indent=2, sort_keys=True) + "\n"
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def write_directory(folder, spec, net, scheduler, state):
    """Writes the diffusers directory of one configuration, flat or nested."""
    nested = spec["layout"] == "nested"
    unet_dir = os.path.join(folder, "unet") if nested else folder
    scheduler_dir = os.path.join(folder, "scheduler") if nested else folder
    os.makedirs(unet_dir, exist_ok=True)
    os.makedirs(scheduler_dir, exist_ok=True)
    config, version = json.loads(net.to_json_string()), "0.21.0"
    if not nested:
        version = "0.0.4"
        config = {k: config[k] for k in LEGACY_KEYS + ["_class_name"]}
    if spec.get("current"):
        version = "0.30.0"
        config.update(CURRENT_KEYS)
    config["_diffusers_version"] = version
    write_json(os.path.join(unet_dir, "config.json"), config)
    write_json(os.path.join(scheduler_dir, "scheduler_config.json"), scheduler.to_json_string())
    index = {
        "_class_name": "DDPMPipeline",
        "_diffusers_version": version,
        "scheduler": ["diffusers", "DDPMScheduler"],
        "unet": ["diffusers", "UNet2DModel"],
    }
    write_json(os.path.join(folder, "model_index.json"), index)
    names = state if nested else legacy_names(state)
    stfile.save(os.path.join(unet_dir, "diffusion_pytorch_model.safetensors"), names)


def relative(a, b):
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def make_config(name, spec, out, modules):
    """Makes engine/testdata/golden/<name>; returns the float64 network and a line for the table of the README."""
    rng = np.random.RandomState(sum(map(ord, name)))
    net = modules["UNet2DModel"](**spec["unet"]).eval()
    randomise(net, rng)
    state = public_state(net)
    folder = os.path.join(out, name)
    write_directory(folder, spec, net, modules["DDPMScheduler"](**spec["scheduler"]), state)

    n, (c, h, w) = len(spec["t"]), spec["size"]
    x = rng.standard_normal((n, c, h, w)).astype(np.float32)
    target = rng.standard_normal((n, net.config.out_channels, h, w)).astype(np.float32)
    t = np.array(spec["t"], dtype=np.int64)
    labels = spec.get("labels")
    if labels == "vectors":
        labels = rng.standard_normal((n, 4 * net.config.block_out_channels[0])).astype(np.float32)
    elif labels is not None:
        labels = np.array(labels, dtype=np.int64)

    out32, grads32 = forward_backward(net, x, t, labels, target, torch.float32)
    torch.set_default_dtype(torch.float64)
    to_float64(net, modules)
    out64, grads64 = forward_backward(net, x, t, labels, target, torch.float64)
    torch.set_default_dtype(torch.float32)

    for key, array in dict(x=x, t=t, target=target, eps=out64.astype(np.float32)).items():
        np.save(os.path.join(folder, key + ".npy"), array)
    if labels is not None:
        np.save(os.path.join(folder, "labels.npy"), labels)
    single = {k: g.astype(np.float32) for k, g in grads64.items()}
    stfile.save(os.path.join(folder, "grads.safetensors"), single)
    norm = np.sqrt(sum((g**2).sum() for g in grads64.values()))
    worst = max(relative(grads32[k], g) for k, g in grads64.items() if np.linalg.norm(g) > 1e-6 * norm)
    parameters = sum(a.size for a in state.values())
    row = f"| {name} | {len(state)} | {parameters} | {relative(out32, out64):.1e} | {worst:.1e} |"
    return net, row


def make_ddim(net, out, modules, model):
    """Makes engine/testdata/golden/ddim: DDIM-10 from one x_T under three settings, with the ten states passed."""
    folder = os.path.join(out, "ddim")
    os.makedirs(folder, exist_ok=True)
    c, h, w = CONFIGS[model]["size"]
    start = np.random.RandomState(1).standard_normal((4, c, h, w)).astype(np.float32)
    np.save(os.path.join(folder, "x_T.npy"), start)
    for name, settings in DDIM.items():
        scheduler = modules["DDIMScheduler"](**settings)
        scheduler.set_timesteps(10)
        x, states = torch.from_numpy(start).double(), []
        for t in scheduler.timesteps:
            with torch.no_grad():
                eps = net(x, t).sample
            x = scheduler.step(eps, t, x, eta=0.0, use_clipped_model_output=settings["clip_sample"]).prev_sample
            states.append(x.numpy().astype(np.float32))
        np.save(os.path.join(folder, name + ".npy"), states[-1])
        np.save(os.path.join(folder, name + "-states.npy"), np.stack(states))
        record = dict(json.loads(scheduler.to_json_string()))
        record.update(
            model=model,
            x_T="x_T.npy",
            sample=name + ".npy",
            states=name + "-states.npy",
            num_inference_steps=10,
            eta=0.0,
            use_clipped_model_output=settings["clip_sample"],
            timesteps=[int(t) for t in scheduler.timesteps],
        )
        write_json(os.path.join(folder, name + ".json"), record)


def import_diffusers(path):
    """Imports the network and the schedulers from a diffusers source tree (the folder that holds `diffusers/`)."""
    sys.meta_path.insert(0, StubFinder())
    sys.path.insert(0, path)
    from diffusers.models.attention_processor import Attention
    from diffusers.models.unet_2d import UNet2DModel
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    # For small matrices torch 1.13 on the CPU computes beta * (uninitialised output) when beta = 0, so that a NaN left
    # in memory gets into the attention scores.
    baddbmm = torch.baddbmm

    def safe_baddbmm(c, a, b, beta=1, alpha=1):
        return alpha * torch.bmm(a, b) if beta == 0 else baddbmm(c, a, b, beta=beta, alpha=alpha)

    torch.baddbmm = safe_baddbmm
    return dict(
        Attention=Attention, UNet2DModel=UNet2DModel, DDIMScheduler=DDIMScheduler, DDPMScheduler=DDPMScheduler
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--diffusers", required=True, help="folder src/ of a diffusers v0.21.0 tree")
    parser.add_argument("--out", default="engine/testdata/golden")
    parser.add_argument("--only", nargs="*", help="make only these configurations", default=list(CONFIGS))
    args = parser.parse_args()
    torch.set_num_threads(1)
    modules = import_diffusers(args.diffusers)
    print("| directory | tensors | parameters | output, float32 | worst gradient, float32 |\n|---|---|---|---|---|")
    for name in args.only:
        net, row = make_config(name, CONFIGS[name], args.out, modules)
        print(row, flush=True)
        if name == "ho":
            make_ddim(net, args.out, modules, name)


if __name__ == "__main__":
    main()
