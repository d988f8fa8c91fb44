"""Bundles of every kind, each trained by the program in about a second, and what infer makes of rows with them."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Callable
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
import pytest

import catvae
from catvae._find import environment, find

Array = npt.NDArray[Any]
ROWS = 240

#: What is trained, by a name: the data (a function below), and the flags.
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "bernoulli": ("pictures", ()),
    "thresholds": ("pictures", ("latent.thresholds=median", "latent.prior=learned")),
    "categorical": ("pictures", ("latent.kind=categorical", "latent.variables=7", "latent.categories=5")),
    "mixed": ("pictures", ("latent.kind=mixed", "latent.groups=bernoulli:5,categorical:3x4")),
    "gaussian": ("pictures", ("latent.kind=gaussian", "latent.variables=6")),
    "layers": ("pictures", ("latent.kind=hierarchical", "latent.groups=bernoulli:9,categorical:3x4", "encoder.hidden=", "decoder.hidden=")),
    "logistic": ("pictures", ("likelihood.kind=logistic", "data.binarize=none")),
    "levels": ("levels", ("likelihood.kind=categorical", "likelihood.levels=4", "data.binarize=none")),
    "colours": ("colours", ("likelihood.kind=logistic", "data.binarize=none", "data.layout=auto")),
    "table": ("table", ("likelihood.kind=gaussian", "data.standardise=column", "data.binarize=none")),
    "laplace": ("vectors", ("likelihood.kind=laplace", "likelihood.variance=predicted", "data.standardise=all", "data.binarize=none")),
    "direction": ("vectors", ("likelihood.kind=vmf", "data.binarize=none")),
    "steps": (
        "vectors",
        ("likelihood.kind=gaussian", "data.vector.steps=normalise,centre", "data.vector.truncate=7", "data.binarize=none"),
    ),
    "counts": ("counts", ("likelihood.kind=multinomial", "data.standardise=log", "data.binarize=none")),
    "poisson": ("counts", ("likelihood.kind=poisson", "data.standardise=log", "data.binarize=none")),
    "search": ("vectors", ("config=rq", "latent.variables=3", "latent.categories=8")),
    "predicted": ("table", ("likelihood.kind=gaussian", "data.standardise=column", "data.predict=2", "data.binarize=none")),
}


def pictures() -> Array:
    random = np.random.default_rng(1)
    causes = random.standard_normal((ROWS, 4)) @ random.standard_normal((4, 48)) * 80 + 128
    return np.clip(causes, 0, 255).astype(np.uint8).reshape(ROWS, 8, 6)


def levels() -> Array:
    return pictures() // 64


def colours() -> Array:
    random = np.random.default_rng(2)
    return np.asarray(random.integers(0, 256, (ROWS, 1, 1, 3)) + random.integers(0, 30, (ROWS, 6, 5, 3)), int).clip(0, 255).astype(np.uint8)


def vectors() -> Array:
    random = np.random.default_rng(3)
    return (random.standard_normal((ROWS, 4)) @ random.standard_normal((4, 11)) + 0.3).astype(np.float32)


def table() -> Array:
    return vectors()[:, :6].astype(np.float64) * [1, 10, 1000, 0.01, 1, 5] + [0, -5, 90000, 0, 1, 170]


def counts() -> Array:
    rows = np.random.default_rng(4).poisson(np.exp(vectors()[:, :9] - 0.5))
    rows[:, 0] += rows.sum(axis=1) == 0
    return np.asarray(rows)


DATA: dict[str, Callable[[], Array]] = {f.__name__: f for f in (pictures, levels, colours, vectors, table, counts)}
NAMES = ("share", "balance", "income", "rate", "age", "height")


class Bundles:
    """Trains bundles as they are asked for, and runs infer."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def data(self, name: str) -> pathlib.Path:
        path = self.folder / f"{name}.{'csv' if name == 'table' else 'npy'}"
        if path.exists():
            return path
        rows = DATA[name]()
        if name == "table":
            lines = [",".join(NAMES)] + [",".join(repr(float(x)) for x in row) for row in rows]
            path.write_text("\n".join(lines) + "\n")
        else:
            np.save(path, rows)
        return path

    def train(self, kind: str) -> pathlib.Path:
        run = self.folder / kind
        if not run.exists():
            data, settings = KINDS[kind]
            flags = [x for s in settings for x in (["--" + s] if s.startswith("config=") else ["--set", s])]
            if not any(s.startswith("config=") for s in settings):
                own = {"encoder.hidden": "8", "decoder.hidden": "8", "latent.variables": "11"}
                given = {s.split("=")[0] for s in settings}
                own = {k: v for k, v in own.items() if k not in given and not (k == "latent.variables" and "latent.groups" in given)}
                flags += [x for k, v in own.items() for x in ("--set", f"{k}={v}")]
                flags += ["--steps=30"]
            self.run("catvae", "train", f"--data={self.data(data)}", f"--out={run}", "--batch=32", "--samples=1", *flags)
        return run

    def variants(self) -> pathlib.Path:
        out = self.folder / "variants"
        if not out.exists():
            run = self.train("bernoulli")
            self.run("catvae", "export", f"--run={run}", f"--out={out}", "--variants=int8,uint8,float16", f"--data={self.data('pictures')}")
        return out

    def infer(self, bundle: pathlib.Path, rows: pathlib.Path, *flags: str) -> Array:
        out = self.folder / "infer.npy"
        self.run("infer", f"--model={bundle}", f"--in={rows}", f"--out={out}", "--force", *flags)
        return np.asarray(np.load(out))

    def run(self, program: str, *flags: str) -> str:
        done = subprocess.run([find(program), *flags], capture_output=True, text=True, env=environment())
        assert done.returncode == 0, f"{program} {' '.join(flags)}: {done.stderr}"
        return done.stdout


def programs() -> Optional[str]:
    """Why the programs are not here; None where they are."""
    try:
        find("catvae"), find("infer")
    except catvae.ProgramError as e:
        return str(e)
    return None


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    missing = programs()
    if missing and os.environ.get("CATVAE_NO_SKIP") == "1":
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    kept = os.environ.get("CATVAE_TEST_BUNDLES")
    return Bundles(pathlib.Path(kept) if kept else tmp_path_factory.mktemp("bundles"))
