"""Vectors to try databases with: rows around 40 centres, of length 1.

    python rows.py FOLDER
"""

import csv
import pathlib
import sys

import numpy

rng = numpy.random.default_rng(1)
centres, turn = rng.standard_normal((40, 24)), rng.standard_normal((24, 48))


def vectors(n):
    rows = (centres[rng.integers(0, len(centres), n)] + 0.7 * rng.standard_normal((n, 24))) @ turn
    rows += 0.3 * rng.standard_normal(rows.shape)
    return (rows / numpy.linalg.norm(rows, axis=1, keepdims=True)).astype(numpy.float32)


folder = pathlib.Path(sys.argv[1])
for name, n in ("vectors", 3000), ("new", 20):
    rows = vectors(n)
    numpy.save(folder / f"{name}.npy", rows)
    with open(folder / f"{name}.csv", "w", newline="") as file:
        text = csv.writer(file)
        text.writerow(["id", "vector"])
        text.writerows([i, "[" + ",".join(map(str, row)) + "]"] for i, row in enumerate(rows))
