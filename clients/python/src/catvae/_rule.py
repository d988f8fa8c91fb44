"""The one rule by which the numbers of a file become the values of a row: the manifest's `input`.

    x = (v/d - mean) / deviation,   least <= x <= most

It is that of the programs, bit for bit: docs/bundle.md, "Scaling". Nobody looks at numbers to find out by what they are divided.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ._latent import Floats
from .errors import BundleError, InputError

MOST = float(np.finfo(np.float32).max)


@dataclasses.dataclass(frozen=True)
class Rule:
    """What bytes and other numbers are divided by, what is subtracted then, and the range of the result."""

    bytes: float
    numbers: float
    one: bool  # bytes and other numbers are one: every number is a float32 first
    whole: bool
    mean: float
    deviation: float
    least: float
    most: float

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Rule:
        """The rule of a manifest's `input`."""
        scale, numbers = float(given["scale"]), given.get("numbers") or ""
        divide, deviation = float(given.get("divide") or 1), float(given.get("deviation") or 1)
        least, most = (float(x) for x in given["range"])
        if numbers not in ("", "whole", "real"):
            raise BundleError(f"manifest.json has input.numbers {numbers!r}, this package knows whole and real")
        if not (0 < scale < math.inf and 0 < divide < math.inf and 0 < deviation < math.inf and 1 / scale < math.inf):
            raise BundleError("manifest.json: input.scale, input.divide and input.deviation must be above 0 and finite")
        if not -math.inf < least < most < math.inf:
            raise BundleError(f"manifest.json has input.range [{least:g}, {most:g}]: it must ascend and be finite")
        if numbers and not abs(scale * divide - 1) < 1e-9:
            raise BundleError(f"manifest.json has input.scale {scale:g} and input.divide {divide:g}: every number has one divisor")
        inverse = float(round(1 / scale)) if abs(round(1 / scale) * scale - 1) < 1e-12 else 1 / scale
        return cls(
            bytes=divide if numbers else inverse,
            numbers=divide,
            one=bool(numbers),
            whole=numbers == "whole",
            mean=float(given.get("mean") or 0),
            deviation=deviation,
            least=least,
            most=most,
        )

    @property
    def centred(self) -> bool:
        return self.mean != 0 or self.deviation != 1

    def apply(self, numbers: npt.NDArray[Any], first: int = 0, names: Sequence[str] = ()) -> npt.NDArray[np.float32]:
        """The values of rows, [rows, values]. `first` is the number of the first row, and `names` are those of columns, for errors."""
        if numbers.dtype == np.uint8:
            values = self._float(numbers.astype(np.float32))
        elif self.one:
            values = self._float(_float32(numbers))
        else:
            wide = numbers.astype(np.float64) / self.numbers
            with np.errstate(over="ignore"):
                values = (((wide - self.mean) / self.deviation) if self.centred else wide).astype(np.float32)
        bad = ~((values >= np.float32(self.least)) & (values <= np.float32(self.most)))  # NaN, too
        if self.one and self.fractions:
            single = _float32(numbers)
            bad |= np.trunc(single) != single
        if bad.any():
            row, column = (int(i) for i in np.argwhere(bad)[0])
            number = float(numbers[row, column])
            name = f" ({names[column]})" if names else ""
            raise InputError(f"row {first + row}, column {column}{name} is {number:g}: {self.text()}{self.advice(number)}")
        return values

    @property
    def fractions(self) -> bool:
        """Whether a number with a fraction is an error."""
        counts = self.whole and self.least >= 0 and self.most > 1
        return counts or self.whole and self.numbers != 1

    def _float(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if self.bytes == math.trunc(self.bytes):
            x = x / np.float32(self.bytes)
        else:
            x = x * np.float32(1 / self.bytes)
        return (x - np.float32(self.mean)) / np.float32(self.deviation) if self.centred else x

    def whole_bytes(self, numbers: npt.NDArray[Any]) -> bool:
        """Whether rows may go in as bytes: they are, or are whole numbers that a byte holds and that mean the same."""
        if numbers.dtype == np.uint8:
            return True
        if not self.one or numbers.dtype.kind not in "uib":
            return False
        return bool(((numbers >= 0) & (numbers <= 255)).all())

    def text(self) -> str:
        """What values must be, to end an error with."""
        if self.most >= MOST and self.least <= -MOST:
            return "values must be finite numbers"
        if self.whole and self.least == 0 and self.most >= MOST:
            return "values must be counts: whole numbers from 0 up"
        if self.whole and self.most > 1 and self.numbers == 1:
            return f"values must be whole numbers within [{self.least:g},{self.most:g}]"
        if self.one:
            return f"numbers are divided by {self.numbers:g}, and values must lie in [{self.least:g},{self.most:g}]"
        return f"values must lie in [{self.least:g},{self.most:g}]"

    def advice(self, number: float) -> str:
        """By what a number was probably meant to be divided; nothing where that is not probable."""
        if (self.least, self.most) != (0, 1) or self.centred or number != number:
            return ""
        whole = math.isinf(number) or number == math.trunc(number)
        if self.one and self.fractions and not whole:
            return ": the model was trained on whole numbers: multiply what was divided before by that again"
        if whole and 1 < number <= 255 and self.numbers < 255:
            return ": pixels of 0 to 255 are divided by 255"
        if self.numbers < number < math.inf:
            return ": divide by the greatest number that there can be"
        return ""


def _float32(numbers: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Numbers of any type as float32: those beyond its range are infinite, and refused by theirs."""
    with np.errstate(over="ignore"):
        if numbers.dtype.kind in "ui" and numbers.dtype.itemsize > 4:
            return numbers.astype(np.float64).astype(np.float32)
        return numbers.astype(np.float32)


def standardised(rows: npt.NDArray[np.float32], standard: Any) -> npt.NDArray[np.float32]:
    """Rows, [rows, values], as the likelihood sees them, in float32 as the graphs compute: the manifest's `input.standard`."""
    if standard is None or standard["kind"] == "log":
        return rows
    mean = standard["mean"]
    if standard["kind"] != "vector":
        result: npt.NDArray[np.float32] = (rows - mean) / standard["deviation"]
        return result
    rows = rows[:, : standard["truncate"] or None]
    for step in standard["steps"]:
        if step == "centre":
            rows = rows - mean
        else:
            square = (rows.astype(np.float64) ** 2).sum(axis=1) + 1e-24
            rows = rows / np.sqrt(square).astype(np.float32)[:, None]
    return rows


def check_directions(rows: npt.NDArray[np.float32], standard: Any, first: int = 0) -> None:
    """Refuse rows without a direction, where they are normalised: a graph would give numbers that mean nothing."""
    if standard is None or "normalise" not in standard["steps"]:
        return
    vectors: Floats = rows[:, : standard["truncate"] or None].astype(np.float64)
    for i, step in enumerate(standard["steps"]):
        if step == "centre":
            vectors = vectors - standard["mean"].astype(np.float64)
            continue
        lengths = np.sqrt((vectors**2).sum(axis=1))
        bad = ~((lengths >= 1e-8) & (lengths <= 1e18))
        if bad.any():
            row = int(np.argmax(bad))
            what = "less the mean of the rows trained on it has" if i else "it has"
            raise InputError(
                f"row {first + row}: {what} the length {lengths[row]:.3g}, and no direction: rows are normalised, "
                "and lengths must be within [1e-08,1e+18]"
            )
        vectors = vectors / lengths[:, None]
