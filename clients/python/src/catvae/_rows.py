"""What people have, as rows: arrays, tables, sparse matrices, pictures. A `Source` counts its rows and gives them in blocks.

Blocks are [rows, values] in the model's order, of the numbers as they are given: the rule comes after (`_rule`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, Callable, NamedTuple, Union

import numpy as np
import numpy.typing as npt

from . import _pictures
from ._manifest import Manifest
from .errors import InputError

Numbers = npt.NDArray[Any]

#: What `encode` and the others take: an array, a DataFrame, a sparse matrix, a list of pictures or of their paths.
Rows = Union[npt.ArrayLike, Sequence[Any], Any]


class Source(NamedTuple):
    """So many rows, and the function that gives those from one number up to another."""

    rows: int
    block: Callable[[int, int], Numbers]


def source(rows: Rows, manifest: Manifest) -> Source:
    """The rows of anything that a model takes. What is no row at all is an InputError."""
    if _pictures.is_picture(rows):
        raise InputError("rows are one path or picture: give a list of them, such as [picture]")
    if hasattr(rows, "columns") and not isinstance(rows, np.ndarray):
        return _array(_table(rows, manifest), manifest)
    if hasattr(rows, "tocsr"):
        return _sparse(rows, manifest)
    if isinstance(rows, (list, tuple)) and rows and any(_pictures.is_picture(r) for r in rows):
        return _listed(rows, manifest)
    try:
        array = np.asarray(rows)
    except ValueError as e:  # lists of unequal lengths
        raise InputError(f"rows are no array: {e}") from None
    return _array(array, manifest)


def _listed(rows: Sequence[Any], manifest: Manifest) -> Source:
    """A list of pictures, decoded as they are needed."""

    def block(start: int, stop: int) -> Numbers:
        made = []
        for i in range(start, stop):
            name = f"row {i}" if not isinstance(rows[i], str) else f"row {i}, {rows[i]},"
            if not _pictures.is_picture(rows[i]):
                raise InputError(f"{name} is a {type(rows[i]).__name__}, and others are pictures or paths: give one kind")
            made.append(_pictures.row(rows[i], manifest.shape, manifest.image, name).reshape(-1))
        return np.stack(made)

    return Source(len(rows), block)


def _array(array: Numbers, manifest: Manifest) -> Source:
    if array.dtype.kind not in "buif":
        raise InputError(f"rows are of type {array.dtype}: give numbers")
    flat = flattened(array, manifest.shape)
    return Source(len(flat), lambda start, stop: np.ascontiguousarray(flat[start:stop]).reshape(stop - start, -1))


def flattened(array: Numbers, shape: tuple[int, ...]) -> Numbers:
    """An array with rows of the model's shape, or flat ones. Colours that lie next to each other become planes."""
    size, own = math.prod(shape), tuple(array.shape[1:])
    if array.ndim >= 1 and array.shape[0] == 0:
        return np.zeros((0, size), array.dtype)
    if own == shape or own == (size,):
        return array
    if len(shape) == 3 and own == (*shape[1:], shape[0]):
        return np.moveaxis(array, -1, 1)
    if tuple(n for n in own if n != 1) == tuple(n for n in shape if n != 1) and array.ndim > 1:
        return array
    if tuple(array.shape) == shape or array.ndim < 2:
        raise InputError(f"rows have the shape {array.shape}: the first axis counts rows, so one row is given as row[None]")
    raise InputError(f"rows have the shape {own}, the model takes {shape}, or {size} values")


def _sparse(matrix: Any, manifest: Manifest) -> Source:
    """A matrix of SciPy's, of which no more than a block is ever dense."""
    if matrix.ndim != 2 or matrix.shape[1] != manifest.row_size:
        raise InputError(f"rows have {matrix.shape[1:]} values, the model takes {manifest.row_size}")
    if matrix.dtype.kind not in "buif":
        raise InputError(f"rows are of type {matrix.dtype}: give numbers")
    rows = matrix.tocsr()
    return Source(rows.shape[0], lambda start, stop: np.asarray(rows[start:stop].toarray()))


def _table(frame: Any, manifest: Manifest) -> Numbers:
    """The values of a DataFrame: by the names that the model was trained on, else all columns except label and id in their order."""
    names = [str(c).strip() for c in frame.columns]
    chosen = [i for i, name in enumerate(names) if name.lower() not in ("label", "id")]
    if manifest.columns:
        at = {name: i for i, name in enumerate(names) if i in chosen or name in manifest.columns}
        missing = [c for c in manifest.columns if c not in at]
        if missing and _unnamed(names):
            at = dict(zip(manifest.columns, chosen)) if len(chosen) == len(manifest.columns) else {}
            missing = [] if at else missing
        if missing:
            raise InputError(f"the table has no column {missing[0]!r}, which the model was trained on: it has {_listing(names)}")
        double = next((c for c in manifest.columns if names.count(c) > 1), None)
        if double is not None:
            raise InputError(f"the table has {names.count(double)} columns called {double!r}: the model takes one")
        chosen = [at[c] for c in manifest.columns]
    elif manifest.columns_sum and not _unnamed(names) and _sum([names[i] for i in chosen]) != manifest.columns_sum:
        raise InputError(
            "the table's columns are not those that the model was trained on, in their order, whose names are too long to be kept"
        )
    elif len(chosen) != manifest.row_size:
        raise InputError(f"the table has {len(chosen)} columns of values, {_listing(names)}: the model takes {manifest.row_size}")
    return columns_of(frame, chosen)


def columns_of(frame: Any, chosen: Sequence[int]) -> Numbers:
    """Columns of a DataFrame side by side, with the type that holds them all. One that is no numbers is an InputError by its name."""
    parts = []
    for i in chosen:
        column = frame.iloc[:, i] if hasattr(frame, "iloc") else frame[frame.columns[i]]
        part = column.to_numpy()
        if part.dtype.kind == "O":  # numbers with gaps, as pandas holds those of some types
            try:
                part = np.array([np.nan if _gap(x) else x for x in part], np.float64)
            except (TypeError, ValueError):
                part = np.array(["text"])
        if part.dtype.kind not in "buif":
            raise InputError(
                f"the column {str(frame.columns[i])!r} holds {column.dtype}, and no numbers: leave it out, or encode it as numbers"
            )
        parts.append(part)
    if not parts:
        return np.zeros((len(frame), 0))
    return np.column_stack(parts)


def _gap(x: Any) -> bool:
    return x is None or x != x or type(x).__name__ == "NAType"


def _unnamed(names: Sequence[str]) -> bool:
    """Whether a table's columns have no names of their own: pandas then counts them."""
    return list(names) == [str(i) for i in range(len(names))]


def _sum(names: Sequence[str]) -> str:
    text = b"".join(b"%d:%s," % (len(name.encode()), name.encode()) for name in names)
    return hashlib.sha256(text).hexdigest()


def _listing(names: Sequence[str]) -> str:
    shown = [repr(n) for n in names]
    return ", ".join(shown if len(shown) <= 10 else [*shown[:5], "…", shown[-1]])
