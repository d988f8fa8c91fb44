"""Writes the NPY files beside this script with numpy 2: python generate.py"""

import numpy
from numpy.lib import format

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
