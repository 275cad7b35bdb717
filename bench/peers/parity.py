"""Compares `unnoise predict` with PyTorch on the same weights file: output, loss and the gradient of every weight.

    /usr/bin/python3 bench/peers/parity.py --unnoise bin/unnoise fashion-mnist cifar10-small cifar10
    /usr/bin/python3 bench/peers/parity.py --unnoise bin/unnoise engine/testdata/golden/ho

An argument is a preset (random weights are written to a diffusers directory, both sides read it) or a diffusers directory,
with the arrays x.npy, t.npy, target.npy, labels.npy in it if it has them, else random ones. PyTorch runs unet.py in float64 (--float32:
in float32). One JSON line per argument; exit status 1 if a relative L2 difference exceeds --tolerance. Gradients smaller than
1e-6 of the global norm are compared with the global norm.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch

import check_unet
import stfile
import unet


def flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="presets or diffusers directories")
    parser.add_argument("--unnoise", required=True, help="the binary")
    parser.add_argument("--device", default="cpu", help="unnoise's --device")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--float32", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def write_preset(name, folder, seed):
    """Writes a diffusers directory of a preset with random weights in every tensor."""
    torch.manual_seed(seed)
    net = unet.initialise(unet.UNet2D(**unet.PRESETS[name]), quiet_branches=False)
    for key, p in net.named_parameters():
        if p.ndim == 1:
            p.data += 0.1 * torch.randn_like(p)
    os.makedirs(os.path.join(folder, "unet"))
    os.makedirs(os.path.join(folder, "scheduler"))
    config = dict(unet.DEFAULTS, **unet.PRESETS[name], _class_name="UNet2DModel", _diffusers_version="0.21.0")
    scheduler = dict(
        _class_name="DDPMScheduler",
        _diffusers_version="0.21.0",
        beta_end=0.02,
        beta_schedule="linear",
        beta_start=0.0001,
        clip_sample=True,
        num_train_timesteps=1000,
        prediction_type="epsilon",
        trained_betas=None,
        variance_type="fixed_large",
    )
    index = dict(
        _class_name="DDPMPipeline",
        _diffusers_version="0.21.0",
        scheduler=["diffusers", "DDPMScheduler"],
        unet=["diffusers", "UNet2DModel"],
    )
    for path, value in (("unet/config", config), ("scheduler/scheduler_config", scheduler), ("model_index", index)):
        with open(os.path.join(folder, path + ".json"), "w", encoding="utf-8") as f:
            f.write(json.dumps(value, indent=2, sort_keys=True) + "\n")
    state = {k: v.numpy() for k, v in net.state_dict().items()}
    stfile.save(os.path.join(folder, "unet", "diffusion_pytorch_model.safetensors"), state)


def load_arrays(folder, net, batch, seed):
    """{x, t, target, labels?}: the directory's own arrays, or random ones of the network's sizes."""
    arrays = {}
    for key in ("x", "t", "target", "labels"):
        path = os.path.join(folder, key + ".npy")
        if os.path.exists(path):
            arrays[key] = np.load(path)
    if "x" not in arrays:
        cfg, rng = net.cfg, np.random.RandomState(seed)
        size = cfg.sample_size if isinstance(cfg.sample_size, (list, tuple)) else (cfg.sample_size,) * 2
        if cfg.class_embed_type is not None or cfg.num_class_embeds is not None:
            raise SystemExit(f"{folder}: the network wants labels: put x.npy, t.npy, target.npy and labels.npy beside it")
        arrays["x"] = rng.standard_normal((batch, cfg.in_channels, *size)).astype(np.float32)
        arrays["target"] = rng.standard_normal((batch, cfg.out_channels, *size)).astype(np.float32)
        arrays["t"] = rng.randint(0, 1000, batch).astype(np.int64)
    return arrays


def run_torch(net, arrays, dtype):
    """(output, loss, gradients) of the torch network, dropout off."""
    net = net.to(dtype).eval()
    tensors = {k: torch.from_numpy(v) for k, v in arrays.items()}
    tensors = {k: v.to(dtype) if v.is_floating_point() else v for k, v in tensors.items()}
    out = net(tensors["x"], tensors["t"], tensors.get("labels"))
    loss = ((out - tensors["target"]) ** 2).mean()
    loss.backward()
    grads = {k: p.grad.double().numpy() for k, p in net.named_parameters() if p.requires_grad}
    return out.detach().double().numpy(), loss.item(), grads


def run_unnoise(args, folder, arrays, work):
    """(output, gradients) of `unnoise predict` on the same directory and arrays."""
    command = [args.unnoise, "--device", args.device, "--quiet", "predict", "--model", folder]
    for key, flag in (("x", "--x"), ("t", "--t"), ("target", "--target"), ("labels", "--labels")):
        if key in arrays:
            path = os.path.join(work, key + ".npy")
            np.save(path, arrays[key])
            command += [flag, path]
    out, grads = os.path.join(work, "eps.npy"), os.path.join(work, "grads.safetensors")
    done = subprocess.run(command + ["--out", out, "--grads", grads], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr}")
    got = {k: v for k, v in stfile.load(grads).items() if not k.startswith("time_proj.")}
    return np.load(out).astype(np.float64), got


def compare(args, model):
    """Runs both sides on one model; returns the row."""
    with tempfile.TemporaryDirectory() as work:
        folder = model
        if model in unet.PRESETS:
            folder = os.path.join(work, "model")
            write_preset(model, folder, args.seed)
        net, _ = check_unet.load_model(folder)
        arrays = load_arrays(folder, net, args.batch, args.seed)
        got, got_grads = run_unnoise(args, folder, arrays, work)
        want, loss, grads = run_torch(net, arrays, torch.float32 if args.float32 else torch.float64)
    got_loss = float(np.mean((got - arrays["target"].astype(np.float64)) ** 2))
    worst, where = check_unet.compare_grads(got_grads, grads)
    row = dict(
        model=model,
        device=args.device,
        batch=len(arrays["x"]),
        parameters=sum(g.size for g in grads.values()),
        output_relative_l2=float(np.linalg.norm(got - want) / np.linalg.norm(want)),
        loss=got_loss,
        loss_torch=loss,
        loss_relative=abs(got_loss - loss) / loss,
        grad_worst_relative_l2=float(worst),
        grad_worst_tensor=where,
    )
    row["ok"] = all(row[k] <= args.tolerance for k in ("output_relative_l2", "loss_relative", "grad_worst_relative_l2"))
    return row


def main():
    args = flags()
    ok = True
    for model in args.models:
        row = compare(args, model)
        ok &= row["ok"]
        print(json.dumps(row), flush=True)
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
