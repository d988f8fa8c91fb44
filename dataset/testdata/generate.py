"""Writes the files beside this script with numpy 2, Pillow, pandas and pyarrow: python generate.py

It prints the grey values that the tests hold pictures against.
"""

import os

import numpy
import pandas
import pyarrow
import pyarrow.parquet
from numpy.lib import format
from PIL import Image

base = numpy.arange(12, dtype=numpy.float32).reshape(3, 4)
numpy.save("uint8.npy", base.astype(numpy.uint8))
numpy.save("float32.npy", base / 16)
numpy.save("float64.npy", (base / 16).astype(numpy.float64))
numpy.save("float32_big_endian.npy", (base / 16).astype(">f4"))
numpy.save("fortran.npy", numpy.asfortranarray(base / 16))
numpy.save("int32.npy", base.astype(numpy.int32))
numpy.save("scalar.npy", numpy.float32(0.5))
numpy.save("object.npy", numpy.array([None, "x"], dtype=object), allow_pickle=True)
with open("version2.npy", "wb") as f:
    format.write_array(f, base / 16, version=(2, 0))

# NPZ: stored and compressed, one array, a usual name among others, and names that say nothing.
numpy.savez("stored.npz", base / 16)
numpy.savez_compressed("compressed.npz", y=numpy.arange(3), x=base.astype(numpy.uint8))
numpy.savez("unclear.npz", first=base / 16, second=(1 - base / 16).astype(numpy.float64))

# Tables of the same rows, seven each: row i, column j is (4 i + j) / 32, the label i % 3, the name "row i".
rows = numpy.arange(28, dtype=numpy.float32).reshape(7, 4) / 32
pixels = (numpy.arange(28).reshape(7, 4) * 9).astype(numpy.uint8)
table = pandas.DataFrame(rows, columns=["a", "b", "c", "d"])
table.insert(0, "id", [f"row {i}" for i in range(7)])
table["Label"] = numpy.arange(7) % 3
table.to_csv("pandas.csv", index=False)
table.to_csv("pandas.csv.gz", index=False, compression={"method": "gzip", "mtime": 0})
table.iloc[:, 1:5].to_csv("crlf.csv", index=False, header=False, lineterminator="\r\n")
table.to_csv("quoted.csv", index=False, quoting=1, encoding="utf-8-sig")
table.to_parquet("columns.parquet", index=False)
table.set_index(pandas.Index([5, 3, 8, 1, 9, 2, 7])).to_parquet("index.parquet")


def parquet(name, values, type, **options):
    t = pyarrow.table({"id": [f"row {i}" for i in range(7)], "values": pyarrow.array(values, type), "label": numpy.arange(7) % 3})
    pyarrow.parquet.write_table(t, name, row_group_size=3, **options)


parquet("list.parquet", rows.tolist(), pyarrow.list_(pyarrow.float32()), compression="zstd")
parquet("fixed.parquet", rows.tolist(), pyarrow.list_(pyarrow.float64(), 4), compression="gzip", data_page_version="2.0")
parquet("bytes.parquet", pixels.tolist(), pyarrow.list_(pyarrow.uint8()), compression="none", use_dictionary=False)
parquet("binary.parquet", [r.tobytes() for r in pixels], pyarrow.binary())
parquet("fixed_binary.parquet", [r.tobytes() for r in pixels], pyarrow.binary(4))

# Row 2 is short, row 4 null, row 5 holds a null, row 6 is out of range.
bad = rows.tolist()
bad[2], bad[4], bad[5][1], bad[6][3] = bad[2][:3], None, None, 1.5
parquet("bad_list.parquet", bad, pyarrow.list_(pyarrow.float32()))
bad = pixels.tolist()
bad[2], bad[4], bad[5][1] = bad[2][:3], None, None
parquet("bad_bytes.parquet", bad, pyarrow.list_(pyarrow.uint8()))

# Pictures of 6x5 pixels (height x width).
os.makedirs("pictures/more", exist_ok=True)
y, x = numpy.mgrid[0:6, 0:5]
colour = numpy.stack([x * 60, y * 50, 255 - 20 * (x + y)], axis=-1).astype(numpy.uint8)
alpha = numpy.dstack([colour, (x * 40 + y * 15).astype(numpy.uint8)])
pictures = {
    "grey.png": Image.fromarray((x * 10 + y * 40).astype(numpy.uint8)),
    "colour.png": Image.fromarray(colour),
    "more/alpha.png": Image.fromarray(alpha),
    "more/palette.png": Image.fromarray(colour).quantize(16),
    "colour.jpg": Image.fromarray(colour),
    "grey.jpeg": Image.fromarray((x * 10 + y * 40).astype(numpy.uint8)),
}
for name, picture in sorted(pictures.items()):
    picture.save("pictures/" + name, quality=90)
    read = Image.open("pictures/" + name)
    if read.mode == "RGBA":  # a transparent picture stands on black
        read = Image.alpha_composite(Image.new("RGBA", read.size, (0, 0, 0, 255)), read)
    print(name, numpy.asarray(read.convert("L")).ravel().tolist())

# Pictures as Hugging Face's datasets write them: row 3 is cut, row 5 has no bytes.
files = [open("pictures/" + name, "rb").read() for name in ["grey.png", "colour.png", "grey.jpeg", "colour.jpg"]]
pictures = [{"bytes": files[i % 4], "path": f"{i}.png"} for i in range(7)]
pictures[3]["bytes"], pictures[5]["bytes"] = files[0][:40], None
kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
t = pyarrow.table({"image": pyarrow.array(pictures, kind), "label": [["cat", "dog"][i % 2] for i in range(7)]})
pyarrow.parquet.write_table(t, "pictures.parquet", row_group_size=3)

# Texts beside other columns: the label comes before the text, row 2 is null, row 4 is empty.
texts = ["hello", "two words", None, "ä é", "", "last one", "x"]
t = pyarrow.table({
    "key": pyarrow.array([f"k{i}" for i in range(7)]), "class": pyarrow.array([0, 1, 0, 1, 0, 1, 0]), "price": pyarrow.array(numpy.arange(7) / 2),
    "text": pyarrow.array(texts), "long": pyarrow.array(texts, pyarrow.large_string()), "id": pyarrow.array(range(10, 17)),
})
pyarrow.parquet.write_table(t, "texts.parquet", row_group_size=3)
