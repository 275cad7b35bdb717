"""Reads and writes the safetensors container with NumPy only.

The order of tensors, the compact JSON and the padding of the header are those of the safetensors library
(huggingface/safetensors, safetensors/src/tensor.rs): metadata first, then tensors by falling dtype alignment and
rising name, the header padded with spaces to a multiple of 8 bytes. A file written here is therefore byte for byte
what that library writes for the same tensors.
"""

import json
import struct

import numpy as np

DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32, "U8": np.uint8}
NAMES = {np.dtype(v): k for k, v in DTYPES.items()}


def save(path, tensors, metadata=None):
    """Writes {name: array} to path. metadata defaults to {"format": "pt"}, as diffusers writes it."""
    header = {"__metadata__": metadata if metadata is not None else {"format": "pt"}}
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    blobs, offset = [], 0
    for name in order:
        array = np.ascontiguousarray(tensors[name]).reshape(tensors[name].shape)
        blob = array.tobytes()
        header[name] = {
            "dtype": NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)))
        f.write(text)
        for blob in blobs:
            f.write(blob)


def load(path):
    """Returns {name: array} of a safetensors file; the arrays own their memory."""
    with open(path, "rb") as f:
        data = f.read()
    if len(data) < 8:
        raise ValueError(f"{path}: {len(data)} bytes, a safetensors file has at least 8")
    (size,) = struct.unpack("<Q", data[:8])
    if size > len(data) - 8:
        raise ValueError(f"{path}: header length {size} exceeds the file of {len(data)} bytes")
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    body, tensors = data[8 + size :], {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = np.frombuffer(body[begin:end], dtype=DTYPES[entry["dtype"]])
        tensors[name] = array.reshape(entry["shape"]).copy()
    return tensors
