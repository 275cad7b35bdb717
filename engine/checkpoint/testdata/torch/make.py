#!/usr/bin/env python3
"""Writes the files of torch.save beside it. Run with PyTorch and NumPy (made with Debian 12's python3-torch, 1.13.1).

network.safetensors  a small UNet2DModel, written by unnoise train
network.bin          the same tensors in the zip format, as an OrderedDict with the _metadata of state_dict()
network-legacy.bin   the same in the format before torch 1.6
views.pt, views-legacy.pt, views-v4.pt
                     types, views and wrappers; views-v4.pt with pickle protocol 4
views.safetensors    what the float tensors of views*.pt hold, in row-major order
"""
import collections
import json
import os
import struct

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))


def read_safetensors(name):
    with open(os.path.join(HERE, name), "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    tensors = collections.OrderedDict()
    for key, info in header.items():
        if key != "__metadata__":
            begin, end = info["data_offsets"]
            values = np.frombuffer(data[begin:end], "<f4").reshape(info["shape"])
            tensors[key] = torch.from_numpy(values.copy())
    return tensors


def write_safetensors(name, tensors):
    header, data = {}, b""
    for key in sorted(tensors):
        part = tensors[key].detach().to(torch.float32).contiguous().numpy().tobytes()
        header[key] = {"dtype": "F32", "shape": list(tensors[key].shape), "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def save(value, name, **options):
    torch.save(value, os.path.join(HERE, name), **options)


def network():
    state = read_safetensors("network.safetensors")
    state._metadata = collections.OrderedDict([("", {"version": 1}), ("conv_in", {"version": 1})])
    save(state, "network.bin")
    save(state, "network-legacy.bin", _use_new_zipfile_serialization=False)


def views():
    torch.manual_seed(1)
    base = torch.randn(6, 5)
    tensors = {
        "whole": base,
        "transposed": base.t(),
        "column": base[:, 2],
        "window": base[1:4, 1:5:2],
        "row": base[3],
        "expanded": torch.randn(3, 1).expand(3, 4),
        "permuted": torch.randn(2, 3, 4, 5).permute(0, 3, 1, 2),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.randn(3)),
        "half": torch.randn(7).half(),
        "bfloat16": torch.randn(7).bfloat16(),
        "double": torch.randn(4).double(),
        "long": torch.tensor([1, -2, 3]),
        "int": torch.tensor([4, -5], dtype=torch.int32),
        "byte": torch.tensor([0, 255], dtype=torch.uint8),
    }
    write_safetensors("views.safetensors", tensors)
    training = {
        "epoch": 3,
        "loss": 0.25,
        "note": "états",
        "size": torch.Size([2, 3]),
        "state_dict": {"module." + k: v for k, v in tensors.items()},
        "optimizer": {"state": {0: {"exp_avg": torch.randn(2)}}, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999)}]},
    }
    save(training, "views.pt")
    save(training, "views-v4.pt", pickle_protocol=4)
    save(training, "views-legacy.pt", _use_new_zipfile_serialization=False)


network()
views()
