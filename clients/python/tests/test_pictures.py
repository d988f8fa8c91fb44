"""Pictures become the rows that are written down, which Go, Python and JavaScript are all held against."""

import base64
import json
import pathlib

import numpy as np

from catvae import _pictures

VECTORS = pathlib.Path(__file__).parents[3] / "picture" / "testdata"


def test_rows() -> None:
    cases = json.loads((VECTORS / "rows.json").read_text())
    assert len(cases) >= 200
    for case in cases:
        got = _pictures.row((VECTORS / case["file"]).read_bytes(), tuple(case["shape"]), case["image"], case["file"])
        want = np.frombuffer(base64.b64decode(case["row"]), np.uint8).reshape(case["shape"])
        assert (np.abs(got.astype(int) - want) <= case["tolerance"]).all(), case["file"]
