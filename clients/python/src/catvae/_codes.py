"""Packed codes: distances, and the nearest of many. Codes are uint8 [rows, bytes], the most significant bit first, as numpy.packbits has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError

Codes = npt.NDArray[np.uint8]

#: How many numbers a block of a computation may have: some 64 MB of float32.
BLOCK = 1 << 24


def _packed(codes: npt.ArrayLike, name: str) -> Codes:
    array = np.asarray(codes)
    if array.dtype != np.uint8 or array.ndim not in (1, 2) or array.shape[-1] == 0:
        raise InputError(f"{name} is {array.dtype} of shape {array.shape}: packed codes are uint8 [rows, bytes], or one code [bytes]")
    return array


def hamming(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """In how many bits each code of a differs from each of b: int32 [rows of a, rows of b].

    A single code, of one axis, has no axis in the result. For categorical variables the distance is twice the number of variables that
    differ: each turns one bit off and another on.
    """
    x, y = _packed(a, "a"), _packed(b, "b")
    if x.shape[-1] != y.shape[-1]:
        raise InputError(f"codes of {x.shape[-1]} and of {y.shape[-1]} bytes have no distance: they are of different models")
    distances = np.empty((len(np.atleast_2d(x)), len(np.atleast_2d(y))), np.int32)
    for i, part in _blocks(np.atleast_2d(x)):
        for j, other in _blocks(np.atleast_2d(y)):
            distances[i : i + len(part), j : j + len(other)] = _matrix(part, other)
    result: npt.NDArray[np.int32] = distances.reshape(x.shape[:-1] + y.shape[:-1])
    return result


def hamming_pairs(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """In how many bits a row of a differs from the same row of b: int32 [rows]. One of the two may be a single code."""
    x, y = _packed(a, "a"), _packed(b, "b")
    if x.shape[-1] != y.shape[-1] or x.ndim == y.ndim == 2 and len(x) != len(y):
        raise InputError(f"codes of shapes {x.shape} and {y.shape} make no pairs: give as many of one as of the other, of one model")
    ones = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1).astype(np.uint8)
    result: npt.NDArray[np.int32] = ones[x ^ y].sum(axis=-1, dtype=np.int32)
    return result


def search(codes: npt.ArrayLike, queries: npt.ArrayLike, k: int = 10) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """The k nearest codes of each query: their rows, int64 [queries, k], and their distances, int32 [queries, k].

    The nearest comes first; of equally near ones the one with the smaller number. Where there are fewer codes than k, there are as many
    results as codes. All codes are compared; `catvae search` has indexes for very many.
    """
    x, y = np.atleast_2d(_packed(codes, "codes")), np.atleast_2d(_packed(queries, "queries"))
    if x.shape[1] != y.shape[1]:
        raise InputError(f"codes of {x.shape[1]} bytes and queries of {y.shape[1]} are of different models")
    if k < 1:
        raise InputError(f"k is {k}: use 1 or more")
    k = min(k, len(x))
    rows, distances = np.empty((len(y), k), np.int64), np.empty((len(y), k), np.int32)
    for i, part in _blocks(y, rows=256):
        best = np.empty((len(part), 0), np.int64)  # distance and number in one, so that ties are broken by the number
        for j, other in _blocks(x):
            keys = (_matrix(part, other).astype(np.int64) << 40) + np.arange(j, j + len(other))
            best = np.concatenate([best, keys], axis=1)
            if best.shape[1] > k:
                best = np.partition(best, k - 1, axis=1)[:, :k]
        best.sort(axis=1)
        rows[i : i + len(part)], distances[i : i + len(part)] = best & ((1 << 40) - 1), best >> 40
    return rows, distances


def _blocks(codes: Codes, rows: int = 4096) -> Any:
    """Blocks of rows with their places, small enough once each bit is a number."""
    step = max(1, min(rows, BLOCK // (8 * codes.shape[1])))
    return ((i, codes[i : i + step]) for i in range(0, len(codes), step))


def _matrix(a: Codes, b: Codes) -> npt.NDArray[np.int32]:
    """|a| + |b| - 2 a·b of bits. float32 counts exactly up to 2^24, more bits than a code may have."""
    x, y = (np.unpackbits(c, axis=1).astype(np.float32) for c in (a, b))
    both = x @ y.T
    distances: npt.NDArray[np.int32] = np.rint(x.sum(axis=1)[:, None] + y.sum(axis=1)[None] - 2 * both).astype(np.int32)
    return distances
