"""`python -m catvae ARGS` is `catvae ARGS`, with the onnxruntime of this interpreter."""

import os
import subprocess
import sys

from ._find import environment, find
from .errors import ProgramError


def main() -> int:
    try:
        program = find("catvae")
    except ProgramError as e:
        print(f"catvae: {e}", file=sys.stderr)
        return 5
    command = [program, *sys.argv[1:]]
    if os.name == "nt":  # it has no exec that keeps the terminal
        return subprocess.call(command, env=environment())
    os.execve(program, command, environment())


if __name__ == "__main__":
    sys.exit(main())
