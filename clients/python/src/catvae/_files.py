"""The files of a bundle: whatever is loaded has the size and the SHA-256 of the manifest."""

from __future__ import annotations

import hashlib
import os
import pathlib
import stat
from typing import Union

from ._manifest import MOST_BYTES, Manifest, parse
from .errors import BundleError

Path = Union[str, "os.PathLike[str]"]


def folder_of(path: Path) -> pathlib.Path:
    """The folder of a bundle: the path itself, or the bundle within a run that `catvae train` left."""
    folder = pathlib.Path(path).expanduser()
    if not (folder / "manifest.json").exists() and (folder / "bundle" / "manifest.json").exists():
        folder = folder / "bundle"
    if not (folder / "manifest.json").exists():
        what = "has no manifest.json" if folder.is_dir() else "is no folder"
        raise BundleError(f"{path} is no bundle: it {what}")
    return folder


def manifest_of(folder: pathlib.Path) -> Manifest:
    try:
        return parse(_read(folder / "manifest.json", MOST_BYTES + 1))
    except BundleError as e:
        raise BundleError(f"{folder}: {e}") from None


def graph_of(folder: pathlib.Path, manifest: Manifest, name: str) -> bytes:
    """The content of a file that the manifest lists. What is hashed is what is returned: a file that is opened again may be another."""
    sha256, size = manifest.files[name]
    data = _read(folder / name, size + 1)
    if len(data) != size or hashlib.sha256(data).hexdigest() != sha256:
        raise BundleError(f"{folder / name} is not the file that manifest.json lists: its size or its SHA-256 is another")
    return data


def _read(path: pathlib.Path, most: int) -> bytes:
    """At most so many bytes of a regular file, opened without waiting: a named pipe would hold us for ever."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BundleError(f"{path} is no regular file")
            return file.read(most)
    except OSError as e:
        raise BundleError(f"{path} cannot be read: {e.strerror or e}") from e
