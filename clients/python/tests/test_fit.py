"""Training by the program, and the transformer of scikit-learn."""

from __future__ import annotations

import hashlib
import os
import pathlib
import pickle
import signal
import sys
import threading
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import DATA, NAMES, Bundles
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import catvae
from catvae import CatvaeEncoder

SMALL: dict[str, Any] = {"steps": 10, "batch": 4, "samples": 1, "encoder__hidden": 4, "decoder__hidden": 4, "latent__variables": 6}


def test_fit(bundles: Bundles, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.DataFrame(DATA["table"](), columns=list(NAMES)).assign(label="x")
    model = catvae.fit(frame, out=tmp_path / "run", config="table", **SMALL)
    assert model.columns == NAMES and model.n_bits == 6
    assert "bundle " in capsys.readouterr().err
    codes = model.encode(frame)
    np.testing.assert_array_equal(codes, bundles.infer(tmp_path / "run", bundles.data("table")))
    again = catvae.fit(frame, config="table", quiet=True, **SMALL)
    np.testing.assert_array_equal(again.encode(frame), codes)
    assert capsys.readouterr().err == ""
    with pytest.raises(catvae.ProgramError, match="exists|replace|force") as error:
        catvae.fit(frame, out=tmp_path / "run", config="table", quiet=True, **SMALL)
    assert error.value.status == 4 and "\n" not in str(error.value)


def test_what_cannot_be_trained(bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = DATA["table"]()
    with pytest.raises(catvae.ProgramError, match="latent.colour=3: no such key") as error:
        catvae.fit(rows, quiet=True, latent__colour=3)
    assert error.value.status == 64
    with pytest.raises(catvae.ProgramError, match=r"values must lie in \[0,1\]"):
        catvae.fit(rows, quiet=True)
    for bad in (["a.png"], np.array(["a"]), rows[0], pd.DataFrame({"a": ["x"]}), pd.DataFrame([[1, 2]], columns=["a", "a"])):
        with pytest.raises(catvae.InputError):
            catvae.fit(bad)
    with pytest.raises(catvae.InputError, match="latent__variables is a dict"):
        catvae.fit(rows, latent__variables={})
    monkeypatch.setenv("CATVAE_PROGRAMS", "/nowhere")
    with pytest.raises(catvae.ProgramError, match="CATVAE_PROGRAMS is /nowhere"):
        catvae.fit(rows)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others on Windows")
def test_an_interrupt_ends_training(bundles: Bundles, tmp_path: pathlib.Path) -> None:
    metrics = tmp_path / "run" / "metrics.jsonl"  # lines come with the first steps

    def interrupt() -> None:
        for _ in range(600):
            if metrics.exists() and metrics.stat().st_size > 0:
                break
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are started with it ignored
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            catvae.fit(DATA["pictures"](), out=tmp_path / "run", quiet=True, **{**SMALL, "steps": 200_000})
    finally:
        signal.signal(signal.SIGINT, before)
    assert list((tmp_path / "run" / "checkpoints").iterdir())


def test_a_bundle_in_a_pipeline(bundles: Bundles) -> None:
    run, rows = bundles.train("table"), DATA["table"]()
    encoder = CatvaeEncoder(run).fit(rows)
    bits = encoder.transform(rows)
    np.testing.assert_array_equal(bits, catvae.load(run).bits(rows))
    assert list(encoder.get_feature_names_out()) == [f"bit{i}" for i in range(11)]
    np.testing.assert_allclose(encoder.inverse_transform(bits), catvae.load(run).reconstruct(rows))
    for output, width in (("packed", 2), ("indexes", 11), ("logits", 11)):
        other = clone(encoder).set_params(output=output).fit(rows)
        assert other.transform(rows).shape == (len(rows), width) == (len(rows), len(other.get_feature_names_out()))
    frame = pd.DataFrame(rows, columns=list(NAMES))
    named = clone(encoder).set_output(transform="pandas").fit_transform(frame)
    assert list(named.columns) == [f"bit{i}" for i in range(11)] and (named.to_numpy() == bits).all()
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.transform(rows), bits)
    np.testing.assert_array_equal(encoder.score_samples(rows), -catvae.load(run).score(rows))
    with pytest.raises(catvae.InputError, match="X has 4 features"):
        CatvaeEncoder(run).fit(rows[:, :4])
    with pytest.raises(ValueError, match="output is 'words'"):
        CatvaeEncoder(run, output="words").fit(rows)
    pipeline = make_pipeline(StandardScaler(), CatvaeEncoder(settings=SMALL))
    assert pipeline.fit_transform(rows).shape == (len(rows), 6)


_fitted: dict[str, catvae.Model] = {}


@pytest.fixture()
def trained_once(bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of equal rows are made once: scikit-learn's checks repeat them by the dozen. Equal rows and seeds give equal models."""

    def fit(X: Any, **settings: Any) -> catvae.Model:
        array = np.ascontiguousarray(X.toarray() if hasattr(X, "toarray") else X)
        key = hashlib.sha256(repr((type(X), array.shape, array.dtype, settings)).encode() + array.tobytes()).hexdigest()
        if key not in _fitted:
            _fitted[key] = catvae.fit(X, **settings)
        return _fitted[key]

    monkeypatch.setattr("catvae._encoder.fit", fit)


@parametrize_with_checks([CatvaeEncoder(settings=SMALL)])  # type: ignore[untyped-decorator,unused-ignore]
def test_scikit_learn(trained_once: None, estimator: Any, check: Any) -> None:
    check(estimator)
