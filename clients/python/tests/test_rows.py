"""Rows of every type, what is no row, and how it is said."""

from __future__ import annotations

import json
import pathlib
import pickle
import shutil
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from conftest import DATA, NAMES, Bundles

import catvae
from catvae._rule import Rule


def test_types_and_shapes(bundles: Bundles) -> None:
    model, rows = catvae.load(bundles.train("bernoulli")), DATA["pictures"]()
    codes = model.encode(rows)
    for same in (
        rows.reshape(len(rows), -1),
        rows.astype(np.int64),
        rows.astype(np.float64),
        rows.tolist(),
        rows[:, None],
        rows[..., None],
    ):
        np.testing.assert_array_equal(model.encode(same), codes)
    np.testing.assert_array_equal(catvae.load(bundles.train("bernoulli"), batch=7).encode(rows), codes)
    np.testing.assert_array_equal(model.encode(scipy.sparse.csr_matrix(rows.reshape(len(rows), -1))), codes)
    assert model.encode(rows[:0]).shape == (0, model.n_bytes) and model.score(rows[:0]).shape == (0,)
    colours = catvae.load(bundles.train("colours"))
    last = DATA["colours"]()
    np.testing.assert_array_equal(colours.encode(last), colours.encode(np.moveaxis(last, -1, 1)))


def test_a_model_is_pickled(bundles: Bundles) -> None:
    model, rows = catvae.load(bundles.train("mixed")), DATA["pictures"]()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.encode(rows), model.encode(rows))
    np.testing.assert_array_equal(again.score(rows), model.score(rows))
    assert repr(again) == repr(model) and "mixed variables, 17 bits" in repr(model)


def test_tables(bundles: Bundles) -> None:
    model, rows = catvae.load(bundles.train("table")), DATA["table"]()
    assert model.columns == NAMES
    frame = pd.DataFrame(rows, columns=list(NAMES))
    codes = model.encode(frame)
    np.testing.assert_array_equal(model.encode(rows), codes)
    other = frame[list(reversed(NAMES))].assign(label="a", other=1.0)
    np.testing.assert_array_equal(model.encode(other), codes)
    np.testing.assert_array_equal(model.encode(pd.DataFrame(rows)), codes)  # no names: in their order
    np.testing.assert_array_equal(model.encode(frame.astype(object)), codes)
    with pytest.raises(catvae.InputError, match="the table has no column 'income', which the model was trained on: it has 'share'"):
        model.encode(frame.drop(columns="income"))
    with pytest.raises(catvae.InputError, match="the column 'income' holds .*, and no numbers"):
        model.encode(frame.assign(income="much"))
    gap = frame.copy()
    gap.loc[3, "income"] = np.nan
    with pytest.raises(catvae.InputError, match=r"row 3, column 2 \(income\) is nan: values must be finite numbers"):
        model.encode(gap)
    with pytest.raises(catvae.InputError, match=r"row 3, column 2 \(income\)"):
        model.encode(gap.astype(object).where(gap.notna(), None))
    double = pd.concat([frame, frame[["income"]]], axis=1)
    with pytest.raises(catvae.InputError, match="2 columns called 'income'"):
        model.encode(double)


def test_what_is_no_row(bundles: Bundles) -> None:
    model, rows = catvae.load(bundles.train("bernoulli"), batch=50), DATA["pictures"]()
    float_rows = rows.astype(np.float32)
    for bad, message in (
        (float_rows / 255, "was trained on whole numbers"),
        (rows.astype(int) * 2, r"numbers are divided by 255, and values must lie in \[0,1\]"),
        (rows.astype(int) - 1, "is -1"),
        (rows[0], r"one row is given as row\[None\]"),
        (rows[:, :5], r"rows have the shape \(5, 6\), the model takes \(8, 6\)"),
        (rows.astype(complex), "complex"),
        (np.array([["a"]]), "give numbers"),
        ([[1, 2], [3]], "rows are no array"),
        (scipy.sparse.csr_matrix((3, 4)), "the model takes 48"),
        (None, "give numbers"),
    ):
        with pytest.raises(catvae.InputError, match=message) as error:
            model.encode(bad)
        assert "\n" not in str(error.value)
    nan = float_rows.copy()
    nan[70, 2, 3] = np.nan
    with pytest.raises(catvae.InputError, match="row 70, column 15 is nan"):
        model.encode(nan)
    vectors = DATA["vectors"]().copy()
    vectors[9] = 0
    with pytest.raises(catvae.InputError, match="row 9: it has the length 0, and no direction"):
        catvae.load(bundles.train("steps")).encode(vectors)
    counts = catvae.load(bundles.train("counts"))
    with pytest.raises(catvae.InputError, match="values must be counts"):
        counts.encode(DATA["counts"]() + 0.5)


def test_what_is_no_code(bundles: Bundles) -> None:
    model, rows = catvae.load(bundles.train("mixed")), DATA["pictures"]()
    packed = model.encode(rows)
    padded, double = packed.copy(), packed.copy()
    padded[4, -1] |= 1
    double[5] = 255
    double[5, -1] = 128
    for bad, message in (
        (padded, "code 4 is none of this model"),
        (double, "code 5 is none of this model"),
        (packed[:, :1], r"packed codes are uint8 \[rows, 3\]"),
        (packed.astype(int), "give packed codes"),
        (model.codes(rows) * 2, "codes are 0 and 1, or between them"),
        (np.full((1, 17), np.nan), "has the number nan"),
        (np.zeros((1, 4)), "the model's are"),
    ):
        with pytest.raises(catvae.InputError, match=message):
            model.decode(bad)
    with pytest.raises(catvae.InputError, match="give 0 and 1"):
        model.pack(np.full((1, 17), 2))


def changed(bundle: pathlib.Path, folder: pathlib.Path, **changes: Any) -> pathlib.Path:
    """A copy of a bundle with other values of its manifest: keys have two underscores for each dot."""
    copy = folder / "changed"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(bundle, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    for key, value in changes.items():
        *path, last = key.split("__")
        at = manifest
        for name in path:
            at = at[name]
        at[last] = value
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": "2.0"}, "reads up to 1.x: use a newer catvae"),
        ({"format_version": 1}, "must be MAJOR.MINOR"),
        ({"likelihood": "student"}, "likelihood 'student', this package knows bernoulli"),
        ({"latent__kind": "poisson"}, "latent.kind 'poisson'"),
        ({"latent__bit_order": "lsb_first"}, "latent.bit_order"),
        ({"latent__variables": 12}, "threshold.onnx|encoder.onnx"),
        ({"latent__variables": -1}, "latent.variables is -1"),
        ({"latent__prior": {"kind": "learned", "logits": [1]}}, "with 1 logits, it has 11"),
        ({"latent": 3}, "another type"),
        ({"input__shape": [0]}, "input.shape is"),
        ({"input__scale": 0}, "must be above 0"),
        ({"input__range": [1, 0]}, "it must ascend"),
        ({"input__image": {"resize": "lanczos"}}, "input.image.resize 'lanczos'"),
        ({"input__standard": {"kind": "column", "mean": [1], "deviation": [1]}}, "has 1 means, it needs 48"),
        ({"outputs": ["attention"]}, "outputs 'attention'"),
        ({"files__x": {"sha256": "0", "size": 1}}, "SHA-256"),
        ({"predicted": {"lines": 1, "shape": [1, 6]}}, "go together"),
    ],
)
def test_manifests(bundles: Bundles, tmp_path: pathlib.Path, changes: dict[str, Any], message: str) -> None:
    bundle = changed(bundles.train("bernoulli") / "bundle", tmp_path, **changes)
    with pytest.raises(catvae.BundleError, match=message) as error:
        catvae.load(bundle)
    assert "\n" not in str(error.value)


def test_files(bundles: Bundles, tmp_path: pathlib.Path) -> None:
    good = bundles.train("bernoulli") / "bundle"
    bundle = changed(good, tmp_path)
    data = bytearray((bundle / "decoder.onnx").read_bytes())
    data[1000] ^= 1
    (bundle / "decoder.onnx").write_bytes(data)
    with pytest.raises(catvae.BundleError, match="decoder.onnx is not the file that manifest.json lists"):
        catvae.load(bundle)
    (bundle / "decoder.onnx").unlink()
    with pytest.raises(catvae.BundleError, match="decoder.onnx cannot be read"):
        catvae.load(bundle)
    with pytest.raises(catvae.BundleError, match="has no variant 'int8', it has float32"):
        catvae.load(good, "int8")
    with pytest.raises(catvae.BundleError, match="is no bundle: it is no folder"):
        catvae.load(tmp_path / "nothing")
    with pytest.raises(catvae.BundleError, match="is no bundle: it has no manifest.json"):
        catvae.load(tmp_path)
    with pytest.raises(catvae.CatvaeError, match="onnxruntime has no TensorrtExecutionProvider here"):
        catvae.load(good, providers=["TensorrtExecutionProvider"])
    (bundle / "manifest.json").write_text("{")
    with pytest.raises(catvae.BundleError, match="no JSON"):
        catvae.load(bundle)


def test_names_leave_no_folder() -> None:
    from catvae._manifest import _files

    for name in ("../x", "/x", "a/../../x", "a\\b", "c:x", "", "a//b", "a\nb"):
        with pytest.raises(catvae.BundleError, match="leaves the folder"):
            _files({name: {"sha256": "0" * 64, "size": 1}})


def test_graphs_of_others() -> None:
    """A graph that reads other files, or has another's operators, is refused before onnxruntime sees it."""
    from catvae._graph import check

    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 & 127 | 2 | (128 if number > 15 else 0)] + ([number >> 4] if number > 15 else []) + [len(data)]) + data

    external = field(5, bytes([14 << 3, 1]))
    for graph, message in (
        (field(7, external), "data in other files"),
        (field(7, field(5, field(13, b"\x0a\x00"))), "data in other files"),
        (field(7, field(1, field(5, field(5, bytes([14 << 3, 1]))))), "data in other files"),
        (field(7, field(1, field(5, field(6, external)))), "data in other files"),
        (field(7, field(1, field(7, b"com.microsoft"))), "operators of b'com.microsoft'"),
        (field(7, field(15, b"")), "sparse weights"),
        (field(25, b""), "has functions"),
        (field(7, b"\x0a\x20"), "cut short"),
        (b"\xff" * 12, "cut short"),
    ):
        with pytest.raises(catvae.BundleError, match=message):
            check("x.onnx", graph)
    check("x.onnx", field(7, field(1, field(7, b"ai.onnx")) + field(5, bytes([14 << 3, 0]))))
    random = np.random.default_rng(1)
    for _ in range(3000):  # no bytes raise anything else
        try:
            check("x.onnx", random.integers(0, 256, random.integers(0, 60), np.uint8).tobytes())
        except catvae.BundleError:
            pass


def test_the_rule() -> None:
    """Numbers become values as docs/bundle.md says, whatever their type, and old bundles divide bytes alone."""
    old = Rule.of({"scale": 1 / 255, "range": [0, 1]})
    assert old.apply(np.array([[51]], np.uint8))[0, 0] == np.float32(51) / np.float32(255)
    assert old.apply(np.array([[0.25]]))[0, 0] == 0.25
    with pytest.raises(catvae.InputError, match=r"is 200: values must lie in \[0,1\]: pixels of 0 to 255 are divided by 255"):
        old.apply(np.array([[200.0]]))
    real = Rule.of({"scale": 0.1, "divide": 10, "numbers": "real", "range": [-1e30, 1e30], "mean": 1, "deviation": 2})
    x = np.array([[0.1, 7, -3]])
    for dtype in (np.float64, np.float32):
        want = (x.astype(np.float32) / np.float32(10) - np.float32(1)) / np.float32(2)
        np.testing.assert_array_equal(real.apply(x.astype(dtype)), want)
    with pytest.raises(catvae.InputError, match="column 0 is 1e\\+300"):
        real.apply(np.array([[1e300]]))
    whole = Rule.of({"scale": 1, "divide": 1, "numbers": "whole", "range": [0, 3.4028234663852886e38]})
    assert whole.apply(np.array([[3.0]]))[0, 0] == 3
    with pytest.raises(catvae.InputError, match="counts"):
        whole.apply(np.array([[3.5]]))
