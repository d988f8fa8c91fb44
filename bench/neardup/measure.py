#!/usr/bin/env python3
"""Measures perceptual hashes on the pictures that make.py made: measure.py SET [--split queries|validation] [--json]

SET is such a folder as OUT/emoji. Each changed picture searches all originals, by the Hamming distance, and its right answer is the
original under its name. Of originals that are equally near every order is as likely as another: the figures are the means over all of
these orders, exactly, and depend on no seed.

    recall@1    the share of a change's queries whose right answer comes first
    micro-AP    of all changes together: all pairs of a query and an original, whichever the query, in the order of their distances;
                the mean, over the right pairs, of the share of right pairs among those up to it

catvae eval --changed measures codes by the same rules.
"""

import argparse
import json
import pathlib

import imagehash
import numpy
import pdqhash
from PIL import Image

HASHES = {
    "dHash": lambda image: imagehash.dhash(image).hash.ravel(),
    "pHash": lambda image: imagehash.phash(image).hash.ravel(),
    "pHash 12x12": lambda image: imagehash.phash(image, hash_size=12).hash.ravel(),
    "PDQ": lambda image: pdqhash.compute(numpy.asarray(image))[0] > 0,
}


def pictures(folder):
    """The pictures of a folder by their names."""
    images = {}
    for path in sorted(folder.glob("*.png")):
        with Image.open(path) as image:
            images[path.name] = image.convert("RGB")
    return images


def hashed(images, make):
    return numpy.stack([make(image) for image in images.values()]).astype(numpy.float32)


def distances(queries, base):
    """Hamming distances, a row for each query."""
    return numpy.rint(queries.sum(1)[:, None] + base.sum(1)[None] - 2 * queries @ base.T).astype(int)


def recall(found, right):
    """The share of the rows of found whose smallest distance is that of column right[row]; of n equal ones each has a part of 1/n."""
    least = found.min(1)
    hit = found[numpy.arange(len(found)), right] == least
    return float((hit / (found == least[:, None]).sum(1)).mean())


def micro_ap(found, right):
    """The average precision of the right pairs among all pairs, in expectation over the orders of pairs that are equally far."""
    good = numpy.bincount(found[numpy.arange(len(found)), right], minlength=found.max() + 1)
    pairs = numpy.bincount(found.ravel(), minlength=found.max() + 1)
    total, before, good_before = 0.0, 0, 0
    for n, p in zip(pairs, good):
        if p:
            at = numpy.arange(n)  # of place `at` among the n: right with p/n, and then at * (p - 1)/(n - 1) before it are right, in the mean
            total += (p / n * (good_before + 1 + at * ((p - 1) / max(1, n - 1))) / (before + 1 + at)).sum()
        before, good_before = before + n, good_before + p
    return float(total / good.sum())


def measured(make, originals, changes):
    """The bits of a hash, recall@1 of each change, and micro-AP."""
    base = hashed(originals, make)
    columns = {name: i for i, name in enumerate(originals)}
    every, answers, recalls = [], [], {}
    for change, images in changes.items():
        found, right = distances(hashed(images, make), base), [columns[name] for name in images]
        recalls[change] = recall(found, right)
        every.append(found)
        answers += right
    return {"bits": base.shape[1], "recall_at_1": recalls, "micro_ap": micro_ap(numpy.concatenate(every), answers)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=pathlib.Path)
    parser.add_argument("--split", default="queries", choices=["queries", "validation"])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    originals = pictures(arguments.set / "originals")
    folders = sorted(path for path in (arguments.set / arguments.split).iterdir() if path.is_dir())
    changes = {folder.name: pictures(folder) for folder in folders}
    rows = {name: measured(make, originals, changes) for name, make in HASHES.items()}
    if arguments.json:
        print(json.dumps({"originals": len(originals), "split": arguments.split, "codes": rows}))
        return
    print(f"{'':<12}{'bits':>5}  " + "  ".join(f"{name:>10}" for name in [*changes, "micro-AP"]))
    for name, row in rows.items():
        print(f"{name:<12}{row['bits']:>5}  " + "  ".join(f"{x:>10.3f}" for x in [*row["recall_at_1"].values(), row["micro_ap"]]))


main()
