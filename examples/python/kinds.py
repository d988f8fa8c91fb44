"""Writes small files of every kind of rows that a model can be trained on, of a few hidden causes each.

    python kinds.py FOLDER

colours/    colour pictures of several sizes       colours.npy   uint8 [rows, height, width, 3], as CIFAR-10 comes
embeddings.npy   float32, negative numbers too     table.csv     columns in units of their own, with names and ids
counts.npz  scipy.sparse.save_npz, without SciPy   counts.svm    the same rows as LIBSVM's text
"""

import pathlib
import sys

import numpy
from PIL import Image

folder = pathlib.Path(sys.argv[1])
(folder / "colours").mkdir(parents=True, exist_ok=True)
random = numpy.random.default_rng(1)
ROWS = 480
causes = random.standard_normal((ROWS, 5))

pictures = numpy.zeros((ROWS, 12, 12, 3), numpy.uint8)
for i in range(ROWS):
    height, width = random.integers(16, 40, 2)
    picture = numpy.zeros((height, width, 3), numpy.uint8)
    picture[:] = random.integers(0, 256, 3)
    picture[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = random.integers(0, 256, 3)
    if i < 100:
        Image.fromarray(picture).save(folder / "colours" / f"{i:03}.png")
    pictures[i] = picture[:12, :12]
numpy.save(folder / "colours.npy", pictures)

embeddings = causes @ random.standard_normal((5, 24)) + 0.1 * random.standard_normal((ROWS, 24))
numpy.save(folder / "embeddings.npy", embeddings.astype(numpy.float32))

units, middle = numpy.array([0.001, 1, 40, 3000, 1]), numpy.array([0, -5, 170, 90000, 0.5])
with open(folder / "table.csv", "w") as f:
    f.write("id,share,balance,height,income,constant\n")
    for i, row in enumerate(causes[:, :5] @ random.standard_normal((5, 5)) * units * [1, 1, 1, 1, 0] + middle):
        f.write(f"customer {i}," + ",".join(f"{x:.6g}" for x in row) + "\n")

counts = random.poisson(numpy.exp(causes @ random.standard_normal((5, 60)) - 2)).astype(numpy.int64)
counts[:, 0] += counts.sum(axis=1) == 0  # no document is empty
at = numpy.nonzero(counts)
numpy.savez_compressed(folder / "counts.npz", indices=at[1].astype(numpy.int32), indptr=numpy.concatenate([[0], numpy.cumsum((counts > 0).sum(axis=1))]).astype(numpy.int32),
                       format=numpy.array(b"csr"), shape=numpy.array(counts.shape), data=counts[at])
with open(folder / "counts.svm", "w") as f:
    for row in counts:
        f.write("0 " + " ".join(f"{c + 1}:{row[c]}" for c in numpy.nonzero(row)[0]) + "\n")
