"""Run the reader that docs/bundle.md shows, and compare its codes with another program's.

    python page.py BUNDLE ROWS OTHER.npy
"""

import pathlib
import re
import sys

import numpy

sys.dont_write_bytecode = True  # this folder stays as it is
from encode import read_rows, scaled

page = (pathlib.Path(__file__).parents[2] / "docs" / "bundle.md").read_text(encoding="utf-8")
reader = re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1)
assert reader.count("\n") <= 30, "docs/bundle.md promises a short reader"
exec(reader)

manifest, graphs = open_bundle(sys.argv[1])
rows = read_rows(sys.argv[2], manifest["input"])[:1000]
packed = encode(graphs, scaled(rows, manifest["input"]))
other = numpy.load(sys.argv[3])[: len(packed)]
share = (numpy.unpackbits(packed) == numpy.unpackbits(other)).mean()
assert share > 0.9999, f"only {share:.4%} of the bits are equal"  # a logit may be within rounding of a decision
print(f"the reader of docs/bundle.md: {len(packed)} rows, {share:.4%} of the bits are equal")
