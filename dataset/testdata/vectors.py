"""Writes the files of vectors beside this script with numpy 2, pandas, pyarrow, safetensors, faiss and h5py: python vectors.py

All hold the same seven rows of eight values: value j of row i is (8 i + j) / 64, its label i % 3, its name "row i".
"""

import json

import faiss.contrib.vecs_io as vecs_io
import numpy
import pandas
import pyarrow
import pyarrow.parquet
import safetensors.numpy

rows = numpy.arange(56, dtype=numpy.float32).reshape(7, 8) / 64
names = [f"row {i}" for i in range(7)]
labels = numpy.arange(7) % 3

numpy.save("float16.npy", rows.astype(numpy.float16))
numpy.save("float16_fortran.npy", numpy.asfortranarray(rows.astype(numpy.float16)))
safetensors.numpy.save_file({"embeddings": rows.astype(numpy.float16), "bias": rows[0]}, "vectors.safetensors")
safetensors.numpy.save_file({"first": 1 - rows, "second": rows.astype(numpy.float64), "third": rows}, "several.safetensors")
vecs_io.fvecs_write("vectors.fvecs", rows)
vecs_io.ivecs_write("vectors.ivecs", (rows * 64).astype(numpy.int32))
with open("vectors.bvecs", "wb") as f:
    for row in (rows * 64).astype(numpy.uint8):
        f.write(numpy.int32(8).tobytes() + row.tobytes())

# Tables with an embedding beside texts and numbers.
table = pandas.DataFrame({"id": names, "text": ["a, \"b\"", "é", "", "[", "{", "\\", "x"], "embedding": rows.tolist(), "stars": labels + 0.5, "label": labels})
table.to_json("vectors.jsonl", orient="records", lines=True)
table.to_csv("lists.csv", index=False)
table.to_csv("lists.tsv", index=False, sep="\t")
kind = pyarrow.list_(pyarrow.float16())
pyarrow.parquet.write_table(
    pyarrow.table({
        "id": names, "text": table["text"], "embedding": pyarrow.array(list(rows.astype(numpy.float16)), kind),
        "other": pyarrow.array(rows.tolist(), pyarrow.list_(pyarrow.float32(), 8)), "stars": labels + 0.5, "label": labels,
    }), "vectors.parquet", row_group_size=3)
pyarrow.parquet.write_table(pyarrow.table({"id": names, "text": table["text"], "embedding": pyarrow.array(list(rows.astype(numpy.float16)), kind)}), "embedding.parquet")
with open("python.jsonl", "w") as f:  # as Python's json writes it, keys in another order
    for name, row, label in zip(names, rows, labels):
        f.write(json.dumps({"label": int(label), "embedding": row.tolist(), "nested": {"embedding": [1]}, "id": name}) + "\n")

# GloVe has words and numbers, word2vec and fastText their numbers above; a word may hold a blank.
lines = [f"row\u00a0{i} " + " ".join(f"{x:.6f}" for x in row) for i, row in enumerate(rows)]
with open("glove.txt", "w", encoding="utf-8") as f:
    f.write("\n".join(lines) + "\n")
with open("fasttext.vec", "w", encoding="utf-8") as f:
    f.write("7 8\n" + " \n".join(lines) + " \n")
