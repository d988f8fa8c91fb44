"""Training by the program `catvae`: rows go to a file, `catvae train` leaves a run, and its bundle is loaded."""

from __future__ import annotations

import csv
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np

from ._files import Path
from ._find import environment, find
from ._graph import Providers
from ._model import Model, load
from ._pictures import is_picture
from ._rows import columns_of
from .errors import InputError, ProgramError

#: What the program ends with after Ctrl-C, a checkpoint written.
INTERRUPTED = 130

# Ends of a training that left a bundle: 3 says that some bad rows were passed over.
DONE = (0, 3)


def fit(
    X: Any,
    out: Optional[Path] = None,
    config: Optional[Path] = None,
    *,
    epochs: Optional[int] = None,
    steps: Optional[int] = None,
    batch: Optional[int] = None,
    seed: Optional[int] = None,
    samples: Optional[int] = None,
    threads: Optional[int] = None,
    device: Optional[str] = None,
    max_bad: Optional[float] = None,
    force: bool = False,
    resume: bool = False,
    quiet: bool = False,
    providers: Optional[Providers] = None,
    **settings: Any,
) -> Model:
    """Train a model on rows with `catvae train`, and return its bundle, loaded.

    X is an array [rows, ...], a DataFrame of numbers, a sparse matrix, or the path of anything that `catvae train --data` reads: a folder
    of pictures, Parquet, word vectors. `config` is a name of the catalogue (`catvae models` lists them: "table" for tables of real numbers,
    "embeddings-binary" for vectors; bernoulli-mlp, for pictures, where none is given) or the path of a JSON file. `settings` are keys of the
    configuration, with two underscores for each dot: `latent__variables=64`, `encoder__hidden=[256, 128]`.

    `out` is the run's folder, with report.html, checkpoints and bundle; without it none is left. An existing one is replaced where `force`
    says so, or continued where `resume` does. The other arguments are flags of the program: `python -m catvae train --help`.

    Progress goes to sys.stderr unless `quiet`. Ctrl-C ends the current step; the run at `out` then holds a checkpoint and the model so far. What
    the program refuses is a ProgramError with its line and exit status.
    """
    given = {
        "--epochs": epochs, "--steps": steps, "--batch": batch, "--seed": seed, "--samples": samples,
        "--threads": threads, "--device": device, "--max-bad": max_bad, "--config": config,
    }  # fmt: skip
    command = [find("catvae"), "train"]
    for flag, value in given.items():
        if value is not None:
            command.append(f"{flag}={os.fspath(value) if isinstance(value, os.PathLike) else value}")
    command += [flag for flag, on in (("--force", force), ("--resume", resume)) if on]
    for key, value in settings.items():
        command += ["--set", f"{key.replace('__', '.')}={_text(key, value)}"]
    with tempfile.TemporaryDirectory(prefix="catvae-") as folder:
        run = pathlib.Path(folder) / "run" if out is None else pathlib.Path(out).expanduser()
        _run([*command, *_data(X, pathlib.Path(folder)), f"--out={run}"], quiet)
        return load(run / "bundle", providers=providers)


def _text(key: str, value: Any) -> str:
    """A value of a configuration as the command line has it."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(_text(key, v) for v in value)
    if isinstance(value, (str, int, float, np.integer, np.floating, os.PathLike)):
        return str(value)
    raise InputError(f"{key} is a {type(value).__name__}: give a number, a text, a boolean, or a list of them")


def _data(X: Any, folder: pathlib.Path) -> list[str]:
    """The flags for rows, which are written to a folder where they are not in a file already."""
    if isinstance(X, (str, os.PathLike)):
        return [f"--data={os.path.expanduser(os.fspath(X))}"]
    if hasattr(X, "columns") and not isinstance(X, np.ndarray):
        return _table(X, folder / "rows.csv")
    if hasattr(X, "tocsr"):
        import scipy.sparse

        scipy.sparse.save_npz(folder / "rows.npz", X.tocsr(), compressed=False)
        return [f"--data={folder / 'rows.npz'}"]
    if isinstance(X, (list, tuple)) and any(is_picture(x) for x in X):
        raise InputError("a list of pictures is no data to train on: give the path of their folder, or a pattern such as 'pictures/*.png'")
    try:
        array = np.asarray(X)
    except ValueError as e:
        raise InputError(f"rows are no array: {e}") from None
    if array.dtype.kind not in "buif" or array.ndim < 2:
        raise InputError(f"rows are {array.dtype} of shape {array.shape}: give numbers, [rows, ...]")
    np.save(folder / "rows.npy", array)
    return [f"--data={folder / 'rows.npy'}"]


def _table(frame: Any, path: pathlib.Path) -> list[str]:
    """A DataFrame as CSV with the names of its columns, which the bundle keeps. Numbers are written so that they come back as they are."""
    names = [str(c).strip() for c in frame.columns]
    chosen = [i for i, name in enumerate(names) if name.lower() not in ("label", "id")]
    double = [names[i] for i in chosen if names.count(names[i]) > 1 or not names[i]]
    if double:
        raise InputError(f"the table has columns called {double[0]!r} more than once, or without a name: give each a name of its own")
    columns = [columns_of(frame, [i])[:, 0] for i in chosen]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([names[i] for i in chosen])
        writer.writerows(zip(*((c.astype(int) if c.dtype.kind == "b" else c).tolist() for c in columns)))
    return [f"--data={path}", "--header=yes", "--delimiter=comma", "--decimal=point"]


def _run(command: Sequence[str], quiet: bool) -> None:
    """Run the program to its end and pass on what it says. It is in a group of its own, so that Ctrl-C reaches it once, through us."""
    options: dict[str, Any] = {"start_new_session": True}
    if os.name == "nt":
        options = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    lines: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
        **options,
    ) as process:
        interrupted = False
        while True:
            try:
                _pass_on(process, lines, quiet)
                status = process.wait()
                break
            except KeyboardInterrupt:
                if interrupted:  # a second one ends at once
                    process.kill()
                    raise
                interrupted = True
                process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))
            except BaseException:
                process.kill()
                raise
    if interrupted or status == INTERRUPTED:
        raise KeyboardInterrupt
    if status not in DONE:
        said = [line for line in lines if line.startswith("catvae: ")] or lines or [f"catvae ended with status {status}"]
        raise ProgramError(said[-1].removeprefix("catvae: "), status)


def _pass_on(process: subprocess.Popen[bytes], lines: list[str], quiet: bool) -> None:
    """Write what the program says to sys.stderr, which a notebook shows, and keep the last lines."""
    assert process.stderr is not None
    for line in process.stderr:
        text = line.decode("utf-8", "replace")
        if not quiet:
            sys.stderr.write(text)
            sys.stderr.flush()
        lines.append(text.rstrip("\n"))
        del lines[:-50]
