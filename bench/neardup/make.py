#!/usr/bin/env python3
"""Makes the pictures of the near-duplicate protocol: make.py PACKAGES OUT [--background white|black] [--set NAME]...

PACKAGES holds the packages as they were downloaded; the commands are in protocol.json, and are printed for what is missing. The lists
emoji.csv and clipart.csv say which pictures are taken, and their SHA-256: a picture that is another ends the work, with nothing made.

    OUT/NAME/originals/            all pictures: those that are searched
    OUT/NAME/others/               the originals that nothing searches for
    OUT/NAME/queries/CHANGE/       changed pictures, under the original's file name
    OUT/NAME/validation/CHANGE/    the same of other originals: by these, and never by the queries, is anything chosen

Pictures are PNG in colours, without transparency, on the background, and at most `side` pixels wide and high. A model may be trained
on the originals, since whoever looks for duplicates has them; others/ is for who wants none of the queries' originals seen in training.
Changed pictures are never trained on.
"""

import argparse
import csv
import hashlib
import json
import os
import pathlib
import shutil

import PIL

from changes import changed
from packages import bounded, files, flat

HERE = pathlib.Path(__file__).parent
FOLDERS = {"query": "queries", "validation": "validation"}


def listed(name):
    with open(HERE / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def originals(name, protocol, packages, background):
    """The pictures of a set by their ids. Raises SystemExit where one is missing or has another hash."""
    rows = {}
    for row in listed(name):
        path = protocol["packages"][row["package"]]["root"] + row["path"]
        rows.setdefault(row["package"], {}).setdefault(path, []).append(row)
    images = {}
    for package, wanted in rows.items():
        for path, data in files(packages, protocol["packages"][package], wanted.__contains__):
            found = hashlib.sha256(data).hexdigest()
            for row in wanted.pop(path):
                if row["sha256"] != found:
                    raise SystemExit(f"{package}: {path} has the SHA-256 {found}, not {row['sha256']}: take version {protocol['packages'][package]['version']}")
                box = tuple(map(int, row["box"].split())) or None
                images[row["id"]] = bounded(flat(data, background, box), protocol["side"])
        if wanted:
            raise SystemExit(f"{package}: {next(iter(wanted))} is missing: take version {protocol['packages'][package]['version']}")
    return images


class Writer:
    """Writes pictures, and sums up what they show."""

    def __init__(self, folder):
        self.folder, self.sum = folder, hashlib.sha256()

    def write(self, place, name, image):
        path = self.folder / place / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, compress_level=1)
        self.sum.update(f"{place}/{name} {image.size}".encode() + image.tobytes())


def make(name, protocol, packages, out, background):
    """Makes one set and returns the SHA-256 of all its pixels. The folder appears whole, or not at all."""
    folder = out / name
    if folder.exists():
        raise SystemExit(f"{folder} is there already: remove it, or name another OUT")
    images = originals(name, protocol, packages, background)
    partial = out / f".{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    to = Writer(partial)
    for number, row in enumerate(listed(name)):
        image = images[row["id"]]
        to.write("originals", row["id"], image)
        if row["role"] not in FOLDERS:
            to.write("others", row["id"], image)
            continue
        for change, rows in protocol["sets"][name]["changes"].items():
            to.write(f"{FOLDERS[row['role']]}/{change}", row["id"], changed(image, background, rows, number))
    os.rename(partial, folder)
    return to.sum.hexdigest()


def main():
    protocol = json.loads((HERE / "protocol.json").read_text())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--background", default="white", choices=["white", "black"])
    parser.add_argument("--set", action="append", choices=list(protocol["sets"]), help="all of them where it is left out")
    arguments = parser.parse_args()
    for name in arguments.set or protocol["sets"]:
        found = make(name, protocol, arguments.packages, arguments.out, arguments.background)
        wanted = protocol["sets"][name].get("pixels", {}).get(arguments.background)
        verdict = "as published" if found == wanted else f"not {wanted}, as published: Pillow {PIL.__version__} or its JPEG makes other pixels, so that figures may differ a little"
        print(f"{arguments.out / name}: pixels {found}, {verdict}")


main()
