#!/usr/bin/env python3
"""Cut the embedded, balanced Fashion-MNIST slice out of the official IDX files.

usage: make_fashion_slice.py FOLDER [--check]

FOLDER holds the four official files (train and t10k, images and labels, each `.gz`), for example
`/usr/share/datasets/fashion-mnist` after installing the Debian package `dataset-fashion-mnist`.
The slice is the first 1,000 training and the first 200 test images of each class, in file order.
It is written to `../embedded` as gzip IDX files together with `golden.json`, the numbers that the Rust tests
compare with. `--check` writes nothing; it fails when the committed files differ from what would be written.
Only the standard library is used, and no clock: the same FOLDER gives the same files.
"""
import gzip
import hashlib
import json
import pathlib
import struct
import sys

EMBEDDED = pathlib.Path(__file__).resolve().parent.parent / "embedded"
PER_CLASS = {"train": 1000, "t10k": 200}
CLASSES = 10


def read(path, dims):
    """The shape and the bytes of a gzip IDX file of unsigned bytes."""
    raw = gzip.decompress(path.read_bytes())
    assert raw[:4] == bytes([0, 0, 8, dims]), f"{path}: not an IDX file of bytes with {dims} dimensions"
    shape = struct.unpack(f">{dims}I", raw[4 : 4 + 4 * dims])
    body = raw[4 + 4 * dims :]
    size = 1
    for d in shape:
        size *= d
    assert len(body) == size, f"{path}: {len(body)} bytes for shape {shape}"
    return shape, body


def idx(shape, body):
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + body


def cut(folder, part):
    """The first PER_CLASS images of every class, order kept: (images as IDX, labels as IDX, numbers)."""
    (n, height, width), pixels = read(folder / f"{part}-images-idx3-ubyte.gz", 3)
    (labelled,), labels = read(folder / f"{part}-labels-idx1-ubyte.gz", 1)
    assert n == labelled
    taken, rows = [0] * CLASSES, []
    for i, label in enumerate(labels):
        if taken[label] < PER_CLASS[part]:
            taken[label] += 1
            rows.append(i)
    assert taken == [PER_CLASS[part]] * CLASSES, taken
    size = height * width
    kept_pixels = b"".join(pixels[i * size : (i + 1) * size] for i in rows)
    kept_labels = bytes(labels[i] for i in rows)
    images, labels = idx((len(rows), height, width), kept_pixels), idx((len(rows),), kept_labels)
    numbers = {
        "n": len(rows),
        "height": height,
        "width": width,
        "per_class": PER_CLASS[part],
        "pixel_sum": sum(kept_pixels),
        "pixel_square_sum": sum(p * p for p in kept_pixels),
        "pixel_sum_by_class": [
            sum(sum(kept_pixels[j * size : (j + 1) * size]) for j, y in enumerate(kept_labels) if y == c)
            for c in range(CLASSES)
        ],
        "first_labels": list(kept_labels[:20]),
        "last_source_row": rows[-1],
        "images_sha256": hashlib.sha256(images).hexdigest(),
        "labels_sha256": hashlib.sha256(labels).hexdigest(),
    }
    return images, labels, numbers


def main(folder, check):
    contents, golden = {}, {}
    for part in PER_CLASS:
        images, labels, golden[part] = cut(folder, part)
        contents[f"{part}-images-idx3-ubyte.gz"] = images
        contents[f"{part}-labels-idx1-ubyte.gz"] = labels
    golden_text = json.dumps(golden, indent=2) + "\n"
    if check:
        # Compressors differ between releases of zlib, so what is compared is what a reader sees.
        stale = [name for name, raw in contents.items() if gzip.decompress((EMBEDDED / name).read_bytes()) != raw]
        if (EMBEDDED / "golden.json").read_text() != golden_text:
            stale.append("golden.json")
        if stale:
            sys.exit(f"differs from {folder}: {', '.join(stale)}")
        print("embedded slice is up to date")
        return
    EMBEDDED.mkdir(exist_ok=True)
    for name, raw in contents.items():
        (EMBEDDED / name).write_bytes(gzip.compress(raw, compresslevel=9, mtime=0))
    (EMBEDDED / "golden.json").write_text(golden_text)


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    main(pathlib.Path(arguments[0]), "--check" in sys.argv)
