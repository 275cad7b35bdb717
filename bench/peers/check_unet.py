"""Holds unet.py against diffusers: names, shapes, outputs and gradients of every golden directory.

    /usr/bin/python3 bench/peers/check_unet.py [--golden engine/testdata/golden]

Prints one line per directory and exits 1 if a relative L2 difference exceeds 1e-5 (float32 on the CPU).
"""

import argparse
import json
import os
import sys

import numpy as np
import torch

import stfile
import unet

OLD = ((".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0."))


def load_model(folder):
    """Returns (net, state) of a diffusers directory, flat or nested, with old or new attention names."""
    unet_dir = os.path.join(folder, "unet") if os.path.isdir(os.path.join(folder, "unet")) else folder
    with open(os.path.join(unet_dir, "config.json"), encoding="utf-8") as f:
        net = unet.UNet2D(**json.load(f))
    state = {}
    for name, array in stfile.load(os.path.join(unet_dir, "diffusion_pytorch_model.safetensors")).items():
        for old, new in OLD:
            name = name.replace(old, new)
        state[name] = torch.from_numpy(array)
    net.load_state_dict(state, strict=True)
    return net.eval(), state


def run(net, folder):
    """Returns the output and {name: gradient} of the mean squared error on the directory's own arrays."""
    arrays = {}
    for key in ("x", "t", "labels", "target"):
        path = os.path.join(folder, key + ".npy")
        arrays[key] = torch.from_numpy(np.load(path)) if os.path.exists(path) else None
    out = net(arrays["x"], arrays["t"], arrays["labels"])
    ((out - arrays["target"]) ** 2).mean().backward()
    return out.detach().numpy(), {k: p.grad.numpy() for k, p in net.named_parameters() if p.requires_grad}


def compare_grads(got, want):
    """The worst relative L2 error over tensors above 1e-6 of the global norm; the rest must differ by less than that."""
    if set(got) != set(want):
        raise SystemExit(f"gradient names differ: {sorted(set(got) ^ set(want))[:6]}")
    norm = np.sqrt(sum(np.sum(g.astype(np.float64) ** 2) for g in want.values()))
    worst, where = 0.0, ""
    for name, g in want.items():
        if got[name].shape != g.shape:
            raise SystemExit(f"{name}: gradient has shape {got[name].shape}, want {g.shape}")
        error = np.linalg.norm(got[name].astype(np.float64) - g)
        size = np.linalg.norm(g)
        relative = error / size if size > 1e-6 * norm else error / norm
        if not relative <= worst:
            worst, where = relative, name
    return worst, where


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--golden", default="engine/testdata/golden")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    args = parser.parse_args()
    failed = False
    for name in sorted(os.listdir(args.golden)):
        folder = os.path.join(args.golden, name)
        if not os.path.exists(os.path.join(folder, "model_index.json")):
            continue
        net, state = load_model(folder)
        out, grads = run(net, folder)
        want = np.load(os.path.join(folder, "eps.npy"))
        error = np.linalg.norm(out - want) / np.linalg.norm(want)
        worst, where = compare_grads(grads, stfile.load(os.path.join(folder, "grads.safetensors")))
        ok = error <= args.tolerance and worst <= args.tolerance
        failed |= not ok
        print(f"{name:12} {len(state):4} tensors  output {error:.1e}  gradient {worst:.1e} ({where})  {'ok' if ok else 'FAILED'}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
