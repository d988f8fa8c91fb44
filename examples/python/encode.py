"""Encode rows with a catvae bundle, with onnx and onnxruntime only.

    python encode.py BUNDLE ROWS CODES.npy [--compare OTHER.npy] [--variant NAME]

ROWS is an IDX file (plain or .gz), an NPY file, a sparse matrix of scipy.sparse.save_npz (NPZ), or a table with names (CSV), of numbers
like those that the model was trained on: pixels, real numbers, counts. Nothing is standardised here: the graphs do that. CODES.npy becomes uint8
[rows, bytes], most significant bit first, as numpy.packbits has it. --compare counts the bits in which another program's
codes differ, leaving aside those whose logit is within rounding of a decision. --variant takes one of the bundle's variants
(int8, uint8, float16), which is encoder and threshold in one graph.
"""

import argparse
import csv
import gzip
import json
import os
import pathlib
import struct

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime 1.29 reads it as it is imported: see docs/environment.md

import numpy
import onnx
import onnxruntime


def read_rows(path, given):
    """Rows as they stand in the file. given is the manifest's input."""
    if path.endswith(".npy"):
        rows = numpy.load(path)
    elif path.endswith(".npz"):  # a sparse matrix in CSR; scipy.sparse.load_npz(path).toarray() is the same
        a = numpy.load(path)
        rows = numpy.zeros(a["shape"], a["data"].dtype)
        numpy.add.at(rows, (numpy.repeat(numpy.arange(len(rows)), numpy.diff(a["indptr"])), a["indices"]), a["data"])
    elif path.endswith(".csv"):  # by the names that the columns had in training
        with open(path, newline="") as f:
            rows = numpy.array([[line[name] for name in given["columns"]] for line in csv.DictReader(f)], float)
    else:
        opened = gzip.open(path) if path.endswith(".gz") else open(path, "rb")
        with opened as f:
            dims = f.read(4)[3]
            shape = struct.unpack(f">{dims}I", f.read(4 * dims))
            rows = numpy.frombuffer(f.read(), numpy.uint8).reshape(shape)
    shape = tuple(given["shape"])
    if len(shape) == 3 and shape[0] == 3 and rows.shape[1:] == (*shape[1:], 3) != shape:
        rows = rows.transpose(0, 3, 1, 2)  # colours that lie next to each other, where the model takes planes
    return rows.reshape(-1, *shape)


def scaled(rows, given):
    """Rows as the float32 graphs take them. given is the manifest's input: a bundle with one divisor for all numbers names it, older
    ones divide bytes by 1/scale and leave other numbers as they are."""
    divisor = given.get("divide", 1)
    if rows.dtype == numpy.uint8:
        divisor = round(1 / given["scale"], 9)
    return rows.astype(numpy.float32) / numpy.float32(divisor)


def session(bundle, name):
    path = str(bundle / name)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def near_decision(latent, logits, tolerance=1e-5):
    """Bits whose margin is within ten tolerances: |logit - threshold|, or a categorical variable's first minus second."""
    rows = logits.shape[0]
    flat = logits.reshape(rows, -1)
    margin = 10 * tolerance * numpy.maximum(1, numpy.abs(flat).max(axis=1))[:, None]
    if latent["kind"] == "gaussian":  # a bit is the sign of the mean
        return numpy.abs(logits[:, :, 0]) <= margin
    near, thresholds = [], numpy.array(latent.get("thresholds") or [], numpy.float32)
    for group in latent.get("groups") or [latent]:
        n, k = group["variables"], group.get("categories", 0)
        own, flat = flat[:, : n * max(k, 1)], flat[:, n * max(k, 1) :]
        if k == 0:
            near.append(numpy.abs(own - (thresholds[:n] if len(thresholds) else 0)) <= margin)
            thresholds = thresholds[n:]
            continue
        ordered = numpy.sort(own.reshape(rows, n, k), axis=2)
        near.append(numpy.repeat(ordered[:, :, -1] - ordered[:, :, -2] <= margin, k, axis=1))
    if latent["kind"] == "hierarchical":  # the second layer's logits are those of the first layer's bits
        near[1] |= near[0].any(axis=1, keepdims=True)
    return numpy.concatenate(near, axis=1)


def encoder(bundle, manifest):
    """Encodes by encoder and threshold, and looks at what the decoder makes of the first code, and at what its layers say of each other."""
    given = manifest["input"]
    layers = session(bundle, "layers.onnx") if "layers.onnx" in manifest["files"] else None
    encoder, threshold, decoder = (session(bundle, n) for n in ("encoder.onnx", "threshold.onnx", "decoder.onnx"))

    def encode(rows):
        (logits,) = encoder.run(["latent_logits"], {"sample": scaled(rows, given)})
        code, packed = threshold.run(["code", "packed_code"], {"latent_logits": logits})
        bits = code.reshape(len(code), -1) > 0  # of gaussian variables the signs
        assert (numpy.packbits(bits, axis=1) == packed).all(), "packed_code is not numpy.packbits of code"
        if "index_code" in manifest.get("outputs", []):  # a byte a variable
            (index,) = threshold.run(["index_code"], {"latent_logits": logits})
            assert (index == code.argmax(axis=2)).all(), "index_code is not the arg-max of code"
        (image,) = decoder.run(["reconstruction"], {"code": code[:1]})
        given_shape = manifest.get("predicted", given)["shape"]  # of the part of a row that the decoder gives: mostly all of it
        assert list(image.shape[1:]) == given_shape and numpy.isfinite(image).all()
        if given["range"] == [0, 1]:
            assert (image >= 0).all() and (image <= 1).all()
        if layers:  # what the code says of its second layer is what the encoder said
            (above,) = layers.run(["posterior_logits"], {"code": code})
            assert numpy.allclose(above, logits[:, -above.shape[1] :], rtol=1e-4, atol=1e-4)
        return logits, packed

    return encode


def variant_encoder(bundle, manifest, name):
    """Encodes by a variant's one graph."""
    variant = manifest["variants"][name]
    graph = session(bundle, variant["file"])
    return lambda rows: graph.run(["latent_logits", "packed_code"], {"sample": rows if variant["input"] == "uint8" else scaled(rows, manifest["input"])})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=pathlib.Path)
    parser.add_argument("rows")
    parser.add_argument("codes")
    parser.add_argument("--compare")
    parser.add_argument("--variant")
    parser.add_argument("--batch", type=int, default=1000)
    arguments = parser.parse_args()

    manifest = json.loads((arguments.bundle / "manifest.json").read_text())
    rows = read_rows(arguments.rows, manifest["input"])
    encode = variant_encoder(arguments.bundle, manifest, arguments.variant) if arguments.variant else encoder(arguments.bundle, manifest)
    codes, near = [], []
    for start in range(0, len(rows), arguments.batch):
        logits, packed = encode(rows[start : start + arguments.batch])
        codes.append(packed)
        near.append(near_decision(manifest["latent"], logits))
    codes, near = numpy.concatenate(codes), numpy.concatenate(near)
    numpy.save(arguments.codes, codes)
    print(f"{len(codes)} rows, {codes.shape[1]} bytes each, {near.shape[1]} bits")

    if arguments.compare:
        other = numpy.load(arguments.compare)
        assert other.shape == codes.shape and other.dtype == codes.dtype, (other.shape, other.dtype)
        count = near.shape[1]
        differ = numpy.unpackbits(codes, axis=1, count=count) != numpy.unpackbits(other, axis=1, count=count)
        padding = numpy.unpackbits(other, axis=1)[:, count:]
        print(f"bits compared {int((~near).sum())}, left aside within the margin {int(near.sum())}, "
              f"different outside the margin {int((differ & ~near).sum())}, different in all {int(differ.sum())}")
        if (differ & ~near).any() or padding.any():
            raise SystemExit("the codes differ")


if __name__ == "__main__":
    main()
