#!/usr/bin/env python3
"""Makes the lists emoji.csv and clipart.csv of which pictures the sets have: choose.py PACKAGES

It has been run once; it is kept to say how the pictures were chosen, and gives the same lists again. Candidates come in the order of
SHA-256 of "neardup:" and their name, so that neither folders nor alphabets matter. One is passed over that is smaller than 24 pixels,
that has more than 30 million, that is almost of one shade (a standard deviation below 8 of 255, at 32x32 pixels), or that is a twin of
one taken before: the root mean square of the difference, at 32x32 pixels in colours on white, is below `twins` of 255. So the right
answer is one picture, though the packages hold many a picture twice. The first ones taken are queries, the next ones queries of the
validation, the rest are the others. No hash and no model has a say.
"""

import csv
import hashlib
import io
import json
import pathlib
import sys

import numpy
from PIL import Image

from packages import bounded, files, flat

HERE = pathlib.Path(__file__).parent
SMALL, LARGE, FLAT, CROP, SHADES = 24, 30_000_000, 8, 64, 20


def emoji(folder, packages):
    """Emoji without skin tones."""
    name = "emoji-datasource-twitter"
    table = next(data for _, data in files(folder, packages[name], lambda path: path == "package/emoji.json"))
    images = {row["image"] for row in json.loads(table) if row["has_img_twitter"]}
    root = packages[name]["root"]
    yield from ((name, path, data, None) for path, data in files(folder, packages[name], lambda path: path.removeprefix(root) in images))


def pngs(folder, packages, name):
    yield from ((name, path, data, None) for path, data in files(folder, packages[name], lambda path: path.endswith(".png")))


def photographs(folder, packages, wanted):
    """Squares of photographs beside each other, with more than little in them."""
    for name, images in wanted.items():
        root = packages[name]["root"]
        for path, data in files(folder, packages[name], lambda path: path.removeprefix(root) in images):
            image = flat(data, "white")
            for y in range(0, image.height - CROP + 1, CROP):
                for x in range(0, image.width - CROP + 1, CROP):
                    box = (x, y, x + CROP, y + CROP)
                    if numpy.asarray(image.crop(box).convert("L"), float).std() >= SHADES:
                        yield name, path, data, box


def taken(candidates, side, twins):
    """Yields the candidates that are passed over by nobody, in their order."""
    order = sorted(candidates, key=lambda c: hashlib.sha256(f"neardup:{c[0]}:{c[1]}:{c[3]}".encode()).digest())
    kept = numpy.empty((len(order), 3 * 32 * 32), numpy.float32)
    n = 0
    for candidate in order:
        with Image.open(io.BytesIO(candidate[2])) as image:
            if image.width * image.height > LARGE:
                continue
        image = bounded(flat(candidate[2], "white", candidate[3]), side)
        row = numpy.asarray(image.resize((32, 32), Image.Resampling.BOX), numpy.float32).ravel()
        if max(image.size) < SMALL or row.std() < FLAT or n and ((kept[:n] - row) ** 2).mean(1).min() < twins**2:
            continue
        kept[n] = row
        n += 1
        yield candidate


def write(name, candidates, protocol):
    rules = protocol["sets"][name]
    rows = []
    for package, path, data, box in candidates:
        if len(rows) == rules["pictures"]:
            break
        role = "query" if len(rows) < rules["queries"] else "validation" if len(rows) < rules["queries"] + rules["validation"] else "other"
        path = path.removeprefix(protocol["packages"][package]["root"])
        rows.append([f"{len(rows):04d}", role, package, path, " ".join(map(str, box or ())), hashlib.sha256(data).hexdigest()])
    if len(rows) < rules["pictures"]:
        raise SystemExit(f"{name}: {len(rows)} pictures, and {rules['pictures']} are wanted")
    with open(HERE / f"{name}.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["id", "role", "package", "path", "box", "sha256"], *rows])


def main():
    folder = sys.argv[1]
    protocol = json.loads((HERE / "protocol.json").read_text())
    packages, rules = protocol["packages"], protocol["sets"]["emoji"]
    drawn = [*emoji(folder, packages), *pngs(folder, packages, "tuxpaint-stamps-default")]
    drawn = list(taken(drawn, protocol["side"], protocol["twins"]))
    squares = list(taken(photographs(folder, packages, rules["photographs"]), protocol["side"], protocol["twins"]))
    squares = squares[: rules["pictures"] - len(drawn)]
    print(len(drawn), "drawn,", len(squares), "squares of photographs")
    write("emoji", taken([*drawn, *squares], protocol["side"], protocol["twins"]), protocol)
    write("clipart", taken(pngs(folder, packages, "openclipart-png"), protocol["side"], protocol["twins"]), protocol)


main()
