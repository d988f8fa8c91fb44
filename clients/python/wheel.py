"""Build wheels that carry the programs catvae and infer, one for each platform.

    python wheel.py --out wheels                 for this platform
    python wheel.py --out wheels --all           for the others as well, cross-built
    python wheel.py --out wheels --platform darwin/arm64

For this platform the programs are built with cgo, so that they load the onnxruntime that pip installs next to them: training is fast. Others
are built in pure Go, without a compiler for them: slower, and much slower in training. docs/purego.md has figures.

Needs Go, a C compiler for this platform, and `pip install build pyelftools`. Nothing is published.
"""

import argparse
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).absolute().parent
ROOT = HERE.parents[1]
PROGRAMS = ("catvae", "infer")

#: The tag of a wheel whose programs need nothing of the system's, by Go's name of a platform.
PURE = {
    "linux/amd64": "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "linux/arm64": "manylinux_2_17_aarch64.manylinux2014_aarch64",
    "darwin/amd64": "macosx_12_0_x86_64",
    "darwin/arm64": "macosx_12_0_arm64",
    "windows/amd64": "win_amd64",
}

ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def here() -> str:
    """Go's name of this platform."""
    system = {"Linux": "linux", "Darwin": "darwin", "Windows": "windows"}.get(platform.system(), platform.system())
    return f"{system}/{ARCHITECTURES.get(platform.machine(), platform.machine())}"


def build(target: str, cgo: bool, paths: bool, folder: pathlib.Path) -> None:
    """Build the programs of a platform into a folder."""
    system, architecture = target.split("/")
    environment = {**os.environ, "GOOS": system, "GOARCH": architecture, "CGO_ENABLED": "1" if cgo else "0"}
    end = ".exe" if system == "windows" else ""
    for name in PROGRAMS:
        command = ["go", "build", "-ldflags=-s -w", "-o", str(folder / (name + end)), f"./cmd/{name}"]
        if not paths:
            command.insert(2, "-trimpath")
        subprocess.run(command, cwd=ROOT, env=environment, check=True)


def tag(target: str, cgo: bool, folder: pathlib.Path) -> str:
    """The platform of a wheel's name. Of programs with cgo on Linux it says the newest symbol of the C library that they need."""
    if not cgo or not target.startswith("linux/"):
        return PURE[target]
    minor = max(_glibc(folder / name) for name in PROGRAMS)
    architecture = {"amd64": "x86_64", "arm64": "aarch64"}[target.split("/")[1]]
    return f"manylinux_2_{max(minor, 17)}_{architecture}"


def _glibc(program: pathlib.Path) -> int:
    """The n of the newest GLIBC_2.n that a program wants, by its version records; 0 where it is static."""
    from elftools.elf.elffile import ELFFile
    from elftools.elf.gnuversions import GNUVerNeedSection

    newest = 0
    with open(program, "rb") as file:
        for section in ELFFile(file).iter_sections():
            if isinstance(section, GNUVerNeedSection):
                for _, wanted in section.iter_versions():
                    for version in wanted:
                        found = re.fullmatch(r"GLIBC_2\.(\d+)(\.\d+)?", version.name)
                        newest = max(newest, int(found[1]) if found else 0)
    return newest


def wheel(target: str, cgo: bool, paths: bool, out: pathlib.Path) -> pathlib.Path:
    """Build the wheel of a platform, and return its path."""
    with tempfile.TemporaryDirectory() as work:
        programs, made = pathlib.Path(work, "programs"), pathlib.Path(work, "wheel")
        programs.mkdir()
        build(target, cgo, paths, programs)
        environment = {**os.environ, "CATVAE_WHEEL_PROGRAMS": str(programs), "CATVAE_WHEEL_TAG": tag(target, cgo, programs)}
        command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(made), str(HERE)]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        (file,) = made.glob("*.whl")
        out.mkdir(parents=True, exist_ok=True)
        return pathlib.Path(shutil.move(file, out / file.name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("wheels"), help="folder for the wheels")
    parser.add_argument("--platform", action="append", choices=sorted(PURE), help="Go's name of a platform; may be repeated")
    parser.add_argument("--all", action="store_true", help="every platform")
    parser.add_argument("--pure", action="store_true", help="pure Go for this platform, too: it runs on any Linux")
    parser.add_argument(
        "--paths", action="store_true", help="keep this folder's path in the programs: takes what go build has built already"
    )
    arguments = parser.parse_args()
    for target in sorted(PURE) if arguments.all else arguments.platform or [here()]:
        if target not in PURE:
            parser.error(f"there are no wheels for {target}: use {', '.join(sorted(PURE))}")
        made = wheel(target, target == here() and not arguments.pure, arguments.paths, arguments.out)
        print(f"{made}  {made.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
