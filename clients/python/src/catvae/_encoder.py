"""A bundle as a transformer of scikit-learn: rows to bits and back, in pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
import sklearn
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ._files import Path
from ._graph import Providers
from ._model import Model, load
from ._pictures import is_picture
from ._program import fit
from .errors import InputError

VERSION = tuple(int(n) for n in sklearn.__version__.split(".")[:2])

#: What `transform` gives, by the value of `output`.
OUTPUTS = ("bits", "packed", "indexes", "logits")


class CatvaeEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Codes of rows, as a transformer.

    With a `bundle`, `fit` loads it and learns nothing. Without one, `fit` trains by `catvae.fit` with `config` and `settings`, and needs the
    program `catvae`.

    Parameters
    ----------
    bundle : path, default None
        A bundle, or a run. None trains one.
    output : "bits", "packed", "indexes" or "logits", default "bits"
        What `transform` gives: uint8 [rows, bits] of 0 and 1; packed codes; a byte for each variable; or float32 logits, flat.
    variant, providers
        As in `catvae.load`.
    config : str, default "table"
        The configuration that is trained: "table" takes real numbers, each column in its own unit. None is the program's default.
    settings : dict, default None
        Further arguments of `catvae.fit`: {"epochs": 10, "latent.variables": 64}.
    verbose : bool, default False
        Whether training says what it does.

    Attributes
    ----------
    model_ : catvae.Model
    n_features_in_ : int
    feature_names_in_ : array of str, where X had names for its columns
    """

    def __init__(
        self,
        bundle: Optional[Path] = None,
        *,
        output: str = "bits",
        variant: Optional[str] = None,
        providers: Optional[Providers] = None,
        config: Optional[str] = "table",
        settings: Optional[Mapping[str, Any]] = None,
        verbose: bool = False,
    ) -> None:
        self.bundle = bundle
        self.output = output
        self.variant = variant
        self.providers = providers
        self.config = config
        self.settings = settings
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> CatvaeEncoder:
        """Load the bundle, or train one on X. y is not looked at."""
        if self.output not in OUTPUTS:
            raise ValueError(f"output is {self.output!r}: use {', '.join(OUTPUTS)}")
        rows = self._validated(X, reset=True, least=1 if self.bundle is not None else 2)
        if self.bundle is not None:
            self.model_: Model = load(self.bundle, self.variant, self.providers)
            if isinstance(rows, np.ndarray) and rows.ndim == 2:
                self._check_width(rows.shape[1])
        else:
            settings = {"seed": 1, **(self.settings or {})}
            self.model_ = fit(rows, config=self.config, quiet=not self.verbose, providers=self.providers, **settings)
        return self

    def transform(self, X: Any) -> npt.NDArray[Any]:
        """The codes of X, as `output` says."""
        check_is_fitted(self, "model_")
        rows = self._validated(X, reset=False)
        if self.output == "packed":
            return self.model_.encode(rows)
        if self.output == "indexes":
            return self.model_.indexes(rows)
        if self.output == "logits":
            logits = self.model_.logits(rows)
            return logits.reshape(len(logits), -1)
        return self.model_.bits(rows)

    def inverse_transform(self, X: Any) -> npt.NDArray[np.float32]:
        """The rows that codes stand for, flat: float32 [rows, n_features_in_]. X is what `transform` gave as bits or packed."""
        check_is_fitted(self, "model_")
        codes = np.asarray(X)
        if self.output not in ("bits", "packed"):
            raise ValueError(f"output is {self.output!r}: rows are made of bits or packed codes alone")
        if self.output == "bits":
            codes = self.model_.pack(codes)
        rows = self.model_.decode(codes)
        return rows.reshape(len(rows), -1)

    def score_samples(self, X: Any) -> npt.NDArray[np.float32]:
        """How well the model explains each row, in nats, larger for likelier rows: minus `catvae.Model.score`."""
        check_is_fitted(self, "model_")
        return -self.model_.score(self._validated(X, reset=False))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """The names of what `transform` gives: bit0, bit1, and so on."""
        check_is_fitted(self, "model_")
        if input_features is not None:
            names = list(input_features)
            own = getattr(self, "feature_names_in_", None)
            if own is not None and names != list(own):
                raise ValueError("input_features is not equal to feature_names_in_")
            if hasattr(self, "n_features_in_") and len(names) != self.n_features_in_:
                raise ValueError(f"input_features should have length equal to number of features ({self.n_features_in_}), got {len(names)}")
        model = self.model_
        variables = int(model.manifest["latent"]["variables"])
        logits = 2 * model.n_bits if model.kind == "gaussian" else model.n_bits
        count = {"bits": model.n_bits, "packed": model.n_bytes, "indexes": variables, "logits": logits}[self.output]
        word = {"bits": "bit", "packed": "byte", "indexes": "variable", "logits": "logit"}[self.output]
        return np.array([f"{word}{i}" for i in range(count)], dtype=object)

    @property
    def _n_features_out(self) -> int:
        return len(self.get_feature_names_out())

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def _check_width(self, width: int) -> None:
        size = int(np.prod(self.model_.shape))
        if width != size:
            raise InputError(f"X has {width} features, the bundle's model takes {size}")

    def _validated(self, X: Any, reset: bool, least: int = 1) -> Any:
        """X as scikit-learn wants it looked at, of `least` rows: tables and arrays by its own checks, pictures as they are."""
        if isinstance(X, (list, tuple)) and X and any(is_picture(x) for x in X):
            return X
        options: dict[str, Any] = {"dtype": None, "accept_sparse": "csr", "allow_nd": True, "reset": reset, "ensure_min_samples": least}
        if hasattr(X, "columns"):  # columns are taken by their names: the model's order is not the table's
            self._validate(X, **options)
            return X
        checked = self._validate(X, **options)
        if hasattr(checked, "dtype") and checked.dtype.kind not in "buif":
            return self._validate(X, **{**options, "dtype": np.float64})
        return checked

    def _validate(self, X: Any, **options: Any) -> Any:
        if VERSION >= (1, 6):
            from sklearn.utils.validation import validate_data

            return validate_data(self, X, **options)
        return self._validate_data(X, **options)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _more_tags(self) -> dict[str, Any]:
        return {"preserves_dtype": [], "X_types": ["2darray", "3darray", "sparse"]}
