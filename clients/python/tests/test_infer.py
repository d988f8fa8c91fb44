"""What this package makes of rows is what infer makes of them, for every kind of bundle."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest
from conftest import DATA, KINDS, Array, Bundles

import catvae

#: The kinds by which further outputs are compared: one of each family of variables.
FURTHER = ("thresholds", "categorical", "mixed", "gaussian", "layers", "search")


def same_codes(model: catvae.Model, rows: Any, mine: Array, theirs: Array) -> None:
    """Codes are equal, except in bits whose logit lies within rounding of a decision: very few."""
    assert mine.shape == theirs.shape and mine.dtype == theirs.dtype == np.uint8
    different = catvae.hamming_pairs(mine, theirs).sum()
    assert different <= 2e-4 * len(mine) * model.n_bits, f"{different} bits of {len(mine) * model.n_bits}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(bundles: Bundles, kind: str) -> None:
    run, data = bundles.train(kind), KINDS[kind][0]
    model, path, rows = catvae.load(run, batch=100), bundles.data(data), DATA[data]()
    packed = model.encode(rows)
    same_codes(model, rows, packed, bundles.infer(run, path))
    assert (model.bits(rows) == model.unpack(packed)).all() and (model.pack(model.bits(rows)) == packed).all()
    theirs = bundles.infer(run, path, "--codes=logits")
    np.testing.assert_allclose(model.logits(rows).reshape(len(rows), -1), theirs.reshape(len(rows), -1), rtol=1e-4, atol=1e-4)
    theirs = bundles.infer(run, path, "--mode=reconstruct").reshape(len(rows), -1)
    mine = model.reconstruct(rows).reshape(len(rows), -1)
    scale = np.abs(theirs).max()
    np.testing.assert_allclose(mine / scale, theirs / scale, atol=1e-4)
    np.testing.assert_allclose(model.decode(model.codes(rows)).reshape(len(rows), -1) / scale, mine / scale, atol=1e-6)
    if kind not in FURTHER:
        return
    if kind != "gaussian":
        theirs = bundles.infer(run, path, "--codes=index")
        assert (model.indexes(rows) != theirs).sum() <= 2
        theirs = bundles.infer(run, path, "--codes=query").reshape(len(rows), -1)
        np.testing.assert_allclose(model.query(rows).reshape(len(rows), -1), theirs, rtol=1e-4, atol=1e-4)
    np.save(bundles.folder / "packed.npy", packed)
    theirs = bundles.infer(run, bundles.folder / "packed.npy", "--mode=decode").reshape(len(rows), -1)
    np.testing.assert_allclose(model.decode(packed).reshape(len(rows), -1) / scale, theirs / scale, atol=1e-4)


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "predicted"])
def test_scores(bundles: Bundles, kind: str) -> None:
    run, data = bundles.train(kind), KINDS[kind][0]
    mine = catvae.load(run).score(DATA[data]())
    theirs = bundles.infer(run, bundles.data(data), "--mode=score").reshape(-1)
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)
    assert mine.std() > 0


def test_a_prediction_has_no_score(bundles: Bundles) -> None:
    model = catvae.load(bundles.train("predicted"))
    with pytest.raises(catvae.InputError, match="has no scores"):
        model.score(DATA["table"]())
    with pytest.raises(catvae.InputError, match="no prior"):
        model.sample(3)


@pytest.mark.parametrize("variant", ["int8", "uint8", "float16"])
def test_variants(bundles: Bundles, variant: str) -> None:
    bundle, rows = bundles.variants(), DATA["pictures"]()
    model = catvae.load(bundle, variant)
    theirs = bundles.infer(bundle, bundles.data("pictures"), f"--variant={variant}")
    different = catvae.hamming_pairs(model.encode(rows), theirs).sum()
    assert different <= 0.005 * len(rows) * model.n_bits  # of float16 onnxruntime's versions differ
    np.testing.assert_array_equal(model.encode(rows.astype(np.int64)), model.encode(rows))
    if variant != "float16":
        with pytest.raises(catvae.InputError, match=f"the variant {variant} takes rows of bytes"):
            model.encode(rows.astype(np.float32))


def test_pictures(bundles: Bundles, tmp_path: pathlib.Path) -> None:
    from PIL import Image

    random = np.random.default_rng(5)
    images = []
    for i in range(20):
        height, width = random.integers(4, 30, 2)
        pixels = random.integers(0, 256, (height, width, 4 if i % 3 else 3), np.uint8)
        images.append(Image.fromarray(pixels))
        images[-1].save(tmp_path / f"{i:02}.png")
    names = sorted(str(p) for p in tmp_path.glob("*.png"))
    settings = (
        "data.image_size=8x6",
        "data.color=auto",
        "data.resize=catmull-rom",
        "data.fit=fill",
        "data.binarize=none",
        "data.background=#4080c0",
    )
    flags = [
        x for s in (*settings, "encoder.hidden=8", "decoder.hidden=8", "latent.variables=16", "data.validation=4") for x in ("--set", s)
    ]
    run = tmp_path / "run"
    bundles.run("catvae", "train", f"--data={tmp_path}", f"--out={run}", "--steps=5", "--batch=8", "--samples=1", *flags)
    model = catvae.load(run)
    theirs = bundles.infer(run, tmp_path)
    np.testing.assert_array_equal(model.encode(names), theirs)
    np.testing.assert_array_equal(model.encode(images), theirs)
    np.testing.assert_array_equal(model.encode([pathlib.Path(n).read_bytes() for n in names]), theirs)
    with pytest.raises(catvae.InputError, match=r"row 1, nothing\.png, cannot be read"):
        model.encode([names[0], "nothing.png"])
    with pytest.raises(catvae.InputError, match="give a list"):
        model.encode(images[0])


def test_samples(bundles: Bundles) -> None:
    for kind in ("thresholds", "categorical", "mixed", "gaussian", "layers"):
        model = catvae.load(bundles.train(kind))
        rows = model.sample(50, seed=1)
        assert rows.shape == (50, *model.shape) and np.isfinite(rows).all()
        np.testing.assert_array_equal(rows, model.sample(50, seed=1))
        codes = model.sample_codes(3000, seed=2).reshape(3000, -1)
        if kind == "thresholds":
            logits = np.array(model.manifest["latent"]["prior"]["logits"])
            np.testing.assert_allclose(codes.mean(axis=0), 1 / (1 + np.exp(-logits)), atol=0.05)
        assert model.sample(0).shape == (0, *model.shape)
