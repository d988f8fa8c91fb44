"""Codes of pictures, tables and vectors by a catvae bundle, and back.

A *bundle* is a folder with a trained model: three ONNX graphs and a manifest that says what rows they take. A *code* is a few bits for each
row; a *packed code* is the same bits in bytes. Near rows have near codes, so that Hamming distances search them.

    import catvae
    model = catvae.load("run/bundle")
    codes = model.encode(rows)                  # uint8 [rows, bytes]: those of infer
    nearest, distances = catvae.search(codes, codes[:1], k=5)
    again = model.decode(codes)

Only numpy and onnxruntime are needed. Pillow, pandas, SciPy and scikit-learn are imported where pictures, tables, sparse matrices and
`CatvaeEncoder` are used. `fit` trains by the program `catvae`, which wheels for a platform carry.
"""

from typing import Any

from ._codes import hamming, hamming_pairs, search
from ._model import Model, load
from ._program import fit
from ._version import __version__
from .errors import BundleError, CatvaeError, InputError, ProgramError

__all__ = [
    "BundleError",
    "CatvaeEncoder",
    "CatvaeError",
    "InputError",
    "Model",
    "ProgramError",
    "__version__",
    "fit",
    "hamming",
    "hamming_pairs",
    "load",
    "search",
]


def __getattr__(name: str) -> Any:
    if name == "CatvaeEncoder":  # it needs scikit-learn, which the rest does without
        from ._encoder import CatvaeEncoder

        return CatvaeEncoder
    raise AttributeError(f"module 'catvae' has no attribute {name!r}")
