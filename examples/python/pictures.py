"""Pictures as the rows that a catvae bundle takes, with Pillow and numpy: the same bytes as infer and catvae make of them.

    python pictures.py BUNDLE PICTURE...          prints the packed codes
    python pictures.py --check rows.json          compares rows with those that are written down

docs/preprocessing.md has the steps. Lossless pictures of 8 bits give the same bytes, with every way to resize. JPEG and lossy WebP are
decoded differently by every library, and colours of 16 bits are cut to 8 bits by Pillow: their rows may differ by a few levels.
"""

import base64
import io
import json
import os
import pathlib
import sys

import numpy
from PIL import Image, ImageOps


def row(file, shape, rule=None):
    """The row of a picture: uint8 of the shape [height, width], or [3, height, width] in colours. file holds its bytes, shape is the
    manifest's input.shape, rule its input.image."""
    rule = rule or {}
    picture = Image.open(io.BytesIO(file))
    if rule.get("orientation") == "exif":
        picture = ImageOps.exif_transpose(picture)
    pixels, background, resize = rgba(picture), rule.get("background", "black"), rule.get("resize", "none")
    if len(shape) == 2:
        return fit(grey(pixels, background), shape, resize, grey(numpy.zeros((1, 1, 4), numpy.uint8), background)[0, 0])
    planes = (laid(pixels, background) >> 8).astype(numpy.uint8)
    return numpy.stack([fit(planes[:, :, i], shape[1:], resize, level) for i, level in enumerate(colour(background))])


def rgba(picture):
    """The first frame's pixels: uint8 [height, width, 4], colours not multiplied by their opacity."""
    if picture.mode.startswith("I;16") or picture.mode == "I":  # grey of 16 bits: the high byte
        picture = Image.fromarray((numpy.asarray(picture).astype(numpy.uint32) >> 8).astype(numpy.uint8))
    return numpy.asarray(picture.convert("RGBA"))


def colour(name):
    """What a background's name means: red, green, blue."""
    name = {"": "0", "black": "0", "white": "255"}.get(name, name)
    return [int(name[i : i + 2], 16) for i in (1, 3, 5)] if name.startswith("#") else [int(name)] * 3


def grey(pixels, background="black"):
    """Grey bytes of pixels, laid on the background."""
    return ((laid(pixels, background) @ numpy.array([19595, 38470, 7471], numpy.uint64) + 32768) >> 24).astype(numpy.uint8)


def laid(pixels, background):
    """Red, green and blue of pixels, laid on the background: in numbers of 16 bits, with fractions cut off."""
    c, opacity = pixels[:, :, :3].astype(numpy.uint64), pixels[:, :, 3:].astype(numpy.uint64)
    behind = numpy.array(colour(background), numpy.uint64)
    return c * 257 * opacity // 255 + behind * 257 * (255 - opacity) // 255


def fit(picture, shape, resize="none", background=0):
    """A plane of a picture brought to a shape, [height, width]."""
    height, width = shape
    h, w = picture.shape
    if (h, w) == (height, width):
        return picture
    share = lambda a, b, c: max(1, (2 * a * b + c) // (2 * c))
    tall = h * width >= w * height
    if resize.startswith("fit-"):
        to = (height, share(w, height, h)) if tall else (share(h, width, w), width)
        top, left = (height - to[0]) // 2, (width - to[1]) // 2
        whole = numpy.full((height, width), background, numpy.uint8)
        whole[top : top + to[0], left : left + to[1]] = resized(picture, to, resize[4:])
        return whole
    if resize.startswith("fill-"):
        of = (min(h, share(w, height, width)), w) if tall else (h, min(w, share(h, width, height)))
        top, left = (h - of[0]) // 2, (w - of[1]) // 2
        return resized(picture[top : top + of[0], left : left + of[1]], shape, resize[5:])
    return resized(picture, shape, resize)


def resized(picture, shape, resize):
    """A plane of a picture stretched to a shape, [height, width]."""
    height, width = shape
    if resize == "none":
        raise ValueError(f"the picture has {picture.shape[0]}x{picture.shape[1]} pixels, rows have {height}x{width}")
    if resize == "nearest":
        y, x = ((2 * numpy.arange(n) + 1) * m // (2 * n) for n, m in zip(shape, picture.shape))
        return picture[y][:, x]
    support, kernel = {"bilinear": (1.0, bilinear), "catmull-rom": (2.0, catmull_rom)}[resize]
    values = picture.astype(numpy.float64) * 257
    between = numpy.zeros((picture.shape[0], width))
    for x, (weights, inverse) in enumerate(taps(width, picture.shape[1], support, kernel)):
        for at, weight in weights:  # one after the other: sums of floats depend on their order
            between[:, x] += values[:, at] * weight
        between[:, x] *= inverse / 65535
    out = numpy.zeros((height, width))
    for y, (weights, inverse) in enumerate(taps(height, picture.shape[0], support, kernel)):
        full = 0.0
        for at, weight in weights:
            out[y] += between[at] * weight
            full += weight
        out[y] = numpy.minimum(out[y], full) * inverse
    return (numpy.clip((65535 * out + 0.5).astype(numpy.int64), 0, 65535) >> 8).astype(numpy.uint8)


def bilinear(t):
    return 1 - t


def catmull_rom(t):
    return (1.5 * t - 2.5) * t * t + 1 if t < 1 else ((-0.5 * t + 2.5) * t - 4) * t + 2


def taps(to, of, support, kernel):
    """For each of to places: which of the old ones count how much, and the inverse of their sum. Shrinking widens the kernel."""
    scale = of / to
    half, narrow = (support * scale, 1 / scale) if scale > 1 else (support, 1.0)
    for place in range(to):
        center = (place + 0.5) * scale - 0.5
        weights, total = [], 0.0
        for at in range(max(int(numpy.floor(center - half)), 0), min(int(numpy.ceil(center + half)), of)):
            t = abs((center - at) * narrow)
            weight = kernel(t) if t < support else 0
            if weight != 0:
                weights.append((at, weight))
                total += weight
        yield weights, 1 / total


def check(path):
    """Compares rows with those of rows.json, which Go's tests compare with theirs."""
    differ = 0
    for case in json.loads(path.read_text()):
        got = row((path.parent / case["file"]).read_bytes(), case["shape"], case["image"])
        want = numpy.frombuffer(base64.b64decode(case["row"]), numpy.uint8).reshape(case["shape"])
        if (abs(got.astype(int) - want) > case["tolerance"]).any():
            print(f"{case['file']} by {case['image']}: {got.tolist()}, want {want.tolist()}")
            differ += 1
    if differ:
        raise SystemExit(f"{differ} rows differ")
    print("the rows of pictures are the same")


def main():
    if sys.argv[1] == "--check":
        return check(pathlib.Path(sys.argv[2]))
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime 1.29 reads it as it is imported: see docs/environment.md
    import onnxruntime

    bundle = pathlib.Path(sys.argv[1])
    given = json.loads((bundle / "manifest.json").read_text())["input"]
    rows = numpy.stack([row(pathlib.Path(name).read_bytes(), given["shape"], given.get("image")) for name in sys.argv[2:]])
    sample = rows.astype(numpy.float32) / numpy.float32(round(1 / given["scale"]))
    encoder, threshold = (onnxruntime.InferenceSession(bundle / name, providers=["CPUExecutionProvider"]) for name in ("encoder.onnx", "threshold.onnx"))
    (logits,) = encoder.run(["latent_logits"], {"sample": sample})
    for name, code in zip(sys.argv[2:], threshold.run(["packed_code"], {"latent_logits": logits})[0]):
        print(f"{code.tobytes().hex()}  {name}")


if __name__ == "__main__":
    main()
