"""Where the programs `catvae` and `infer` are, and what they need to find onnxruntime."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
import sysconfig
from collections.abc import Iterator

from .errors import ProgramError

#: Names the folder that holds the programs, before every other place.
VARIABLE = "CATVAE_PROGRAMS"


def find(name: str) -> str:
    """The path of a program: in the folder that CATVAE_PROGRAMS names, where this package was installed, or on PATH."""
    file = name + (sysconfig.get_config_var("EXE") or "")
    named = os.environ.get(VARIABLE)
    if named:
        path = pathlib.Path(named) / file
        if not path.is_file():
            raise ProgramError(f"{VARIABLE} is {named}, and {path} is no file: name the folder that holds {file}")
        return str(path.absolute())
    for folder in _folders():
        if (folder / file).is_file():
            return str(folder / file)
    found = shutil.which(name)
    if not found:
        raise ProgramError(
            f"the program {name} is not here: install a wheel of catvae that carries it, put it on PATH, or set {VARIABLE} to its folder"
        )
    return found


def _folders() -> Iterator[pathlib.Path]:
    """Where pip puts programs: of this interpreter, of its user, and of `pip install --target`."""
    yield pathlib.Path(sysconfig.get_path("scripts"))
    yield pathlib.Path(sys.executable).parent
    user = "nt_user" if os.name == "nt" else "posix_user"
    if user in sysconfig.get_scheme_names():
        yield pathlib.Path(sysconfig.get_path("scripts", scheme=user))
    yield pathlib.Path(__file__).absolute().parents[1] / "bin"


def environment() -> dict[str, str]:
    """The environment of a program: it looks for onnxruntime among the packages of this interpreter."""
    return {**os.environ, "VIRTUAL_ENV": sys.prefix}
