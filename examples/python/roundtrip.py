"""Encode rows with a catvae bundle and decode their codes, by numpy and onnxruntime alone.

    python roundtrip.py BUNDLE CASE

CASE is a folder that examples/cases writes: rows, and the codes and reconstructions that catvae makes of them.
"""

import json
import os
import pathlib
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime 1.29 reads it as it is imported: see docs/environment.md

import numpy
import onnxruntime

if len(sys.argv) != 3:
    sys.exit("usage: roundtrip.py BUNDLE CASE")
bundle, case = map(pathlib.Path, sys.argv[1:])
given = json.loads((bundle / "manifest.json").read_text())["input"]
encoder, threshold, decoder = (
    onnxruntime.InferenceSession(str(bundle / f"{name}.onnx"), providers=["CPUExecutionProvider"]) for name in ("encoder", "threshold", "decoder")
)

# Rows as the file has them become what the graph takes: a division, and nothing else.
pixels = (case / "rows.u8").exists()
rows = numpy.fromfile(case / ("rows.u8" if pixels else "rows.f32"), numpy.uint8 if pixels else "<f4").reshape(-1, *given["shape"])
sample = rows.astype(numpy.float32) / numpy.float32(given.get("divide", 1 / given["scale"]))

# Encode: rows to logits, logits to packed codes.
(logits,) = encoder.run(["latent_logits"], {"sample": sample})
(packed,) = threshold.run(["packed_code"], {"latent_logits": logits})

# Decode the stored codes: bits, most significant first, as floats of the shape that the logits have.
stored = numpy.fromfile(case / "codes.u8", numpy.uint8).reshape(packed.shape)
bits = numpy.unpackbits(stored, axis=1, count=logits[0].size)
(rebuilt,) = decoder.run(["reconstruction"], {"code": bits.reshape(logits.shape).astype(numpy.float32)})

# In how many bits and values do they differ? Bits that rounding may flip are left aside.
near = numpy.fromfile(case / "near.u8", numpy.uint8).reshape(packed.shape)
wanted = numpy.fromfile(case / "reconstruction.f32", "<f4").reshape(rebuilt.shape)
differ, aside = int(numpy.unpackbits((packed ^ stored) & ~near).sum()), int(numpy.unpackbits(near).sum())
far = int((~(abs(rebuilt - wanted) <= 1e-4 * numpy.maximum(1, abs(wanted)))).sum())
print(f"bits: {bits.size - differ - aside} equal, {differ} differ, {aside} aside; values: {wanted.size - far} equal, {far} differ")
sys.exit(differ + far > 0)
