"""Pictures in packages as they were downloaded: Debian's .deb, npm's .tgz, Python's .whl. Nothing is unpacked to disk."""

import fnmatch
import io
import pathlib
import subprocess
import tarfile
import zipfile

from PIL import Image

Image.MAX_IMAGE_PIXELS = None  # which files are read is fixed by a list with hashes


def archive(folder, package):
    """The path of a package's file in a folder. package is a row of protocol.json."""
    found = sorted(path for path in pathlib.Path(folder).iterdir() if fnmatch.fnmatch(path.name, package["file"]))
    if not found:
        raise SystemExit(f"{folder} holds no {package['file']}: fetch it with: {package['fetch']}")
    return found[0]


def files(folder, package, wanted):
    """Yields (path inside the package, bytes) of the files that wanted says yes to, in the archive's order."""
    path = archive(folder, package)
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as whl:
            for name in whl.namelist():
                if wanted(name):
                    yield name, whl.read(name)
        return
    if path.suffix == ".deb":
        process = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE)
        with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
            yield from members(tar, wanted)
        if process.wait():
            raise SystemExit(f"dpkg-deb cannot read {path}: fetch it again")
        return
    with tarfile.open(path) as tar:
        yield from members(tar, wanted)


def members(tar, wanted):
    for member in tar:
        name = member.name.removeprefix("./")
        if member.isfile() and wanted(name):
            yield name, tar.extractfile(member).read()


def flat(data, background, box=None):
    """A picture in colours without transparency: laid on a background, then a box cut out where one is given."""
    with Image.open(io.BytesIO(data)) as image:
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, background), image)
        image = image.convert("RGB")
    return image.crop(box) if box else image


def bounded(image, side):
    """A picture whose longer side is at most side: larger ones are made smaller by Lanczos' filter."""
    scale = side / max(image.size)
    if scale >= 1:
        return image
    return image.resize([max(1, round(scale * length)) for length in image.size], Image.Resampling.LANCZOS)
