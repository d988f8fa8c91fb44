"""Pictures as rows: the bytes that the programs make of them, by the manifest's `input.image`.

A picture is turned upright, laid on the background, turned grey or taken apart into planes, and brought to the model's size. docs/preprocessing.md
has the steps. Lossless pictures of 8 bits give the programs' bytes, with every way to resize; JPEG and lossy WebP are decoded a little
differently by every library, and Pillow cuts colours of 16 bits to 8. Needs Pillow, for files alone.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any, Callable, Optional, Union

import numpy as np
import numpy.typing as npt

from .errors import InputError

Bytes = npt.NDArray[np.uint8]
Kernel = Callable[[float], float]


def is_picture(item: Any) -> bool:
    """Whether an item of a list is a picture: a path, the bytes of a file, or an image of Pillow's."""
    return isinstance(item, (str, bytes, os.PathLike)) or hasattr(item, "convert") and hasattr(item, "getbands")


def row(picture: Any, shape: tuple[int, ...], rule: Optional[Mapping[str, Any]], what: str) -> Bytes:
    """The row of a picture, uint8 of the model's shape: [height, width], or [3, height, width] in colours. `what` begins errors."""
    if not (len(shape) == 2 or len(shape) == 3 and shape[0] == 3):
        raise InputError(f"{what} is a picture, and the model takes rows of shape {shape}, which are no pictures")
    rule = rule or {}
    pixels = _rgba(picture, rule.get("orientation") == "exif", what)
    resize, background = rule.get("resize", "none"), _colour(rule.get("background") or "black")
    planes = _laid(pixels, background)
    if len(shape) == 2:
        empty = _laid(np.zeros((1, 1, 4), np.uint8), background)
        return _fit(_grey(planes), shape, resize, int(_grey(empty)[0, 0]), what)
    levels = (planes >> np.uint64(8)).astype(np.uint8)
    return np.stack([_fit(levels[:, :, i], shape[1:], resize, background[i], what) for i in range(3)])


def _rgba(picture: Any, upright: bool, what: str) -> Bytes:
    """The first frame's pixels, [height, width, 4], colours not multiplied by their opacity."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise InputError(f"{what} is a picture, and Pillow is not installed: pip install Pillow") from None
    try:
        if isinstance(picture, (str, os.PathLike)):
            picture = Image.open(os.fspath(picture))
        elif isinstance(picture, bytes):
            picture = Image.open(io.BytesIO(picture))
        if upright:
            picture = ImageOps.exif_transpose(picture)
        if picture.mode.startswith("I;16") or picture.mode == "I":  # grey of 16 bits: the high byte
            picture = Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
        return np.asarray(picture.convert("RGBA"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as e:
        raise InputError(f"{what} cannot be read as a picture: {e}") from e


def _colour(name: str) -> tuple[int, int, int]:
    """What a background's name means."""
    if name.startswith("#"):
        return int(name[1:3], 16), int(name[3:5], 16), int(name[5:7], 16)
    level = {"black": 0, "white": 255}.get(name)
    level = int(name) if level is None else level
    return level, level, level


def _laid(pixels: Bytes, background: tuple[int, int, int]) -> npt.NDArray[np.uint64]:
    """Red, green and blue of pixels laid on the background: numbers of 16 bits, with fractions cut off."""
    colours, opacity = pixels[:, :, :3].astype(np.uint64), pixels[:, :, 3:].astype(np.uint64)
    full, wide = np.uint64(255), np.uint64(257)
    behind = np.array(background, np.uint64) * wide * (full - opacity) // full
    laid: npt.NDArray[np.uint64] = colours * wide * opacity // full + behind
    return laid


def _grey(laid: npt.NDArray[np.uint64]) -> Bytes:
    weights = np.array([19595, 38470, 7471], np.uint64)
    return ((laid @ weights + np.uint64(32768)) >> np.uint64(24)).astype(np.uint8)


def _fit(picture: Bytes, shape: tuple[int, ...], resize: str, background: int, what: str) -> Bytes:
    """A plane of a picture brought to [height, width]."""
    height, width = shape
    h, w = picture.shape
    if (h, w) == (height, width):
        return picture
    if resize == "none":
        raise InputError(f"{what} has {h}x{w} pixels, and the model takes pictures of {height}x{width} alone: resize it")
    tall = h * width >= w * height
    if resize.startswith("fit-"):
        inner = (height, _share(w, height, h)) if tall else (_share(h, width, w), width)
        top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
        whole = np.full((height, width), background, np.uint8)
        whole[top : top + inner[0], left : left + inner[1]] = _resized(picture, inner, resize[4:])
        return whole
    if resize.startswith("fill-"):
        of = (min(h, _share(w, height, width)), w) if tall else (h, min(w, _share(h, width, height)))
        top, left = (h - of[0]) // 2, (w - of[1]) // 2
        return _resized(picture[top : top + of[0], left : left + of[1]], (height, width), resize[5:])
    return _resized(picture, (height, width), resize)


def _share(a: int, b: int, c: int) -> int:
    """a·b/c, rounded, at least 1."""
    return max(1, (2 * a * b + c) // (2 * c))


def _resized(picture: Bytes, shape: tuple[int, int], resize: str) -> Bytes:
    """A plane stretched to [height, width]. Sums are taken one term after the other, since their rounding depends on the order."""
    height, width = shape
    if resize == "nearest":
        y, x = ((2 * np.arange(n) + 1) * m // (2 * n) for n, m in zip(shape, picture.shape))
        near: Bytes = picture[y][:, x]
        return near
    support, kernel = KERNELS[resize]
    values = picture.astype(np.float64) * 257
    between = np.zeros((picture.shape[0], width))
    for column, (weights, inverse) in enumerate(_taps(width, picture.shape[1], support, kernel)):
        for at, weight in weights:
            between[:, column] += values[:, at] * weight
        between[:, column] *= inverse / 65535
    out = np.zeros((height, width))
    for line, (weights, inverse) in enumerate(_taps(height, picture.shape[0], support, kernel)):
        full = 0.0
        for at, weight in weights:
            out[line] += between[at] * weight
            full += weight
        out[line] = np.minimum(out[line], full) * inverse
    levels: npt.NDArray[np.int64] = np.clip((65535 * out + 0.5).astype(np.int64), 0, 65535) >> 8
    return levels.astype(np.uint8)


def _bilinear(t: float) -> float:
    return 1 - t


def _catmull_rom(t: float) -> float:
    return (1.5 * t - 2.5) * t * t + 1 if t < 1 else ((-0.5 * t + 2.5) * t - 4) * t + 2


KERNELS: dict[str, tuple[float, Kernel]] = {"bilinear": (1.0, _bilinear), "catmull-rom": (2.0, _catmull_rom)}


def _taps(to: int, of: int, support: float, kernel: Kernel) -> Iterator[tuple[list[tuple[int, float]], float]]:
    """For each of `to` places: which of the old ones count how much, and the inverse of their sum. Shrinking widens the kernel."""
    scale = of / to
    half, narrow = (support * scale, 1 / scale) if scale > 1 else (support, 1.0)
    for place in range(to):
        center = (place + 0.5) * scale - 0.5
        weights, total = [], 0.0
        for at in range(max(math.floor(center - half), 0), min(math.ceil(center + half), of)):
            t = abs((center - at) * narrow)
            weight = kernel(t) if t < support else 0.0
            if weight != 0:
                weights.append((at, weight))
                total += weight
        yield weights, 1 / total


Picture = Union[str, bytes, "os.PathLike[str]", Any]
