"""A bundle, loaded: rows to codes and back. See `load`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Callable, Optional, TypeVar

import numpy as np
import numpy.typing as npt

from . import _rows
from ._codes import Codes
from ._files import Path, folder_of, graph_of, manifest_of
from ._graph import Graph, Providers
from ._latent import Floats
from ._likelihood import LIKELIHOODS
from ._manifest import Manifest
from ._rows import Numbers, Rows
from ._rule import check_directions, standardised
from .errors import BundleError, InputError

T = TypeVar("T", bound=np.generic)

#: How many numbers may be in memory at once for a batch, on either side of a graph: 32 MB of float32.
MOST_NUMBERS = 8 << 20
MOST_ROWS = 1024


def load(
    bundle: Path,
    variant: Optional[str] = None,
    providers: Optional[Providers] = None,
    *,
    threads: int = 0,
    batch: int = 0,
) -> Model:
    """Open a bundle, or the bundle of a run that `catvae train` left.

    `variant` is the name of one of its further encoders ("int8", "uint8", "float16"). `providers` are onnxruntime's execution providers,
    the processor's where None are named. `threads` is how many threads a graph may use, 0 for one per core; `batch` how many rows go
    through a graph at once, 0 for as many as fit into some 32 MB.

    What is loaded has the hashes of the manifest. A broken bundle, or a variant that it lacks, is a BundleError.
    """
    folder = folder_of(bundle)
    manifest = manifest_of(folder)
    names = list(manifest.graphs)
    if variant == "float32":
        variant = None
    if variant is not None:
        if variant not in manifest.variants:
            has = ", ".join(["float32", *sorted(manifest.variants)])
            raise BundleError(f"{folder} has no variant {variant!r}, it has {has}: choose one, or export the bundle with it")
        names.append(manifest.variants[variant]["file"])
    if threads < 0 or batch < 0:
        raise InputError(f"threads is {threads} and batch is {batch}: use 0 or more")
    try:
        graphs = {name: Graph(name, graph_of(folder, manifest, name), providers, threads) for name in names}
        return Model(manifest, graphs, variant, batch)
    except BundleError as e:
        raise BundleError(str(e) if str(e).startswith(str(folder)) else f"{folder}: {e}") from e.__cause__


class Model:
    """A bundle with its graphs: `load` makes one. It may be used from several threads, pickled and copied.

    Rows are an array [rows, ...] of the model's shape or flat, a DataFrame, a sparse matrix, or a list of pictures or of their paths. They are the
    numbers of your data: the bundle says by what they are divided. A value that no row may hold is an InputError with its row and column.
    """

    def __init__(self, manifest: Manifest, graphs: dict[str, Graph], variant: Optional[str], batch: int) -> None:
        self._manifest, self._graphs, self._variant = manifest, graphs, variant
        widest = max(manifest.row_size, manifest.latent.bits, math.prod(manifest.target_shape) * self._outputs())
        self._batch = batch or max(1, min(MOST_ROWS, MOST_NUMBERS // widest))
        self._check()

    def __repr__(self) -> str:
        latent = self._manifest.latent
        what = f"{latent.variables} {latent.kind} variables, {latent.bits} bits"
        variant = f", {self._variant}" if self._variant else ""
        return f"<catvae.Model {self.name!r}: rows of {self.shape}, {what}{variant}>"

    # What it is.

    @property
    def manifest(self) -> dict[str, Any]:
        """The whole manifest.json. It must not be changed."""
        return self._manifest.data

    @property
    def name(self) -> str:
        return self._manifest.name

    @property
    def kind(self) -> str:
        """What a latent variable is: bernoulli, categorical, mixed, hierarchical or gaussian."""
        return self._manifest.latent.kind

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a row."""
        return self._manifest.shape

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of a row's values, where the model was trained on a table that had them."""
        return self._manifest.columns

    @property
    def n_bits(self) -> int:
        """The bits of a code."""
        return self._manifest.latent.bits

    @property
    def n_bytes(self) -> int:
        """The bytes of a packed code."""
        return self._manifest.latent.bytes

    @property
    def variant(self) -> str:
        """The name of the encoder that runs: float32, or what `load` was given."""
        return self._variant or "float32"

    # Rows to codes.

    def encode(self, rows: Rows) -> Codes:
        """The packed codes of rows: uint8 [rows, n_bytes], the most significant bit first."""
        return self._each(rows, lambda x: self._encoded(x, "packed_code"), np.uint8, (self.n_bytes,))

    def bits(self, rows: Rows) -> Codes:
        """The codes of rows bit by bit: 0 and 1, uint8 [rows, n_bits]."""
        return np.unpackbits(self.encode(rows), axis=1, count=self.n_bits)

    def logits(self, rows: Rows) -> npt.NDArray[np.float32]:
        """What the encoder says of each variable before any decision: the manifest's latent_logits."""
        return self._each(rows, lambda x: self._encoded(x, "latent_logits"), np.float32, self._manifest.latent.logits_shape)

    def query(self, rows: Rows) -> npt.NDArray[np.float32]:
        """What a search scores codes by, of the shape of a code: the encoder's own query where the bundle has one, else made of the logits."""
        latent = self._manifest.latent
        if "query" in self._manifest.outputs:
            return self._each(rows, lambda x: self._encoded(x, "query"), np.float32, latent.code_shape)
        return self._each(rows, lambda x: latent.query(self._encoded(x, "latent_logits")), np.float32, latent.code_shape)

    def indexes(self, rows: Rows) -> Codes:
        """The codes of rows as a byte a variable, uint8 [rows, variables]: the category, or the bit. At most 256 categories."""
        return self.to_indexes(self.encode(rows))

    def codes(self, rows: Rows) -> npt.NDArray[np.float32]:
        """The codes of rows as the decoder takes them: 0 and 1, one-hot, the means of Gaussian variables."""
        return self._each(rows, self._coded, np.float32, self._manifest.latent.code_shape)

    # Codes to rows.

    def decode(self, codes: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """The rows that codes stand for: the mean of each value, in the units of the rows after the manifest's division.

        Codes are packed, uint8 [rows, n_bytes], or floats and booleans, as `codes` gives them; floats may lie between 0 and 1. Of a
        model that predicts a part of a row it is that part.
        """
        return self._decoded(codes, "reconstruction", self._manifest.target_shape)

    def decode_logits(self, codes: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """The parameters of p(row | code), the manifest's reconstruction_logits: for Bernoulli likelihoods the logits of `decode`."""
        k = self._outputs()
        return self._decoded(codes, "reconstruction_logits", (*self._manifest.target_shape, *((k,) if k > 1 else ())))

    def reconstruct(self, rows: Rows) -> npt.NDArray[np.float32]:
        """What is left of rows after encoding and decoding."""
        return self._each(
            rows,
            lambda x: self._run("decoder.onnx", "reconstruction", self._coded(x)),
            np.float32,
            self._manifest.target_shape,
        )

    def score(self, rows: Rows) -> npt.NDArray[np.float32]:
        """How badly the model explains each row, in nats: -ln p(row | its code) + KL(posterior || prior). float32 [rows].

        Large scores are of rows unlike those that the model was trained on. It is no bound on -ln p(row): for bounds see `catvae eval`.
        """
        if self._manifest.predicted:
            raise InputError("the model predicts a part of a row from the rest: it says nothing of how likely a row is, and has no scores")
        return self._each(rows, self._scored, np.float32, ())

    def sample(self, n: int, seed: Optional[int] = None) -> npt.NDArray[np.float32]:
        """n rows of codes drawn from the prior. Equal seeds give equal rows, which are others than those of `catvae sample`."""
        return self.decode(self.sample_codes(n, seed))

    def sample_codes(self, n: int, seed: Optional[int] = None) -> npt.NDArray[np.float32]:
        """n codes drawn from the prior, as `decode` takes them."""
        latent = self._manifest.latent
        if latent.conditional:
            raise InputError("the model predicts a part of a row from the rest, and has no prior of codes without a row: reconstruct rows")
        if n < 0:
            raise InputError(f"n is {n}: use 0 or more")
        draw = np.random.default_rng(seed)
        if latent.gaussian:
            return draw.standard_normal((n, latent.variables), np.float32)
        prior = np.zeros(latent.prior_size) if latent.prior is None else np.array(latent.prior)
        code = np.zeros((n, latent.bits), np.float32)
        first = latent.bits - latent.prior_size
        latent.draw(
            code[:, first:],
            np.broadcast_to(prior, (n, len(prior))),
            draw,
            latent.groups[1:] if latent.layered else latent.groups,
        )
        if latent.layered and n:
            below = [self._run("layers.onnx", "prior_logits", code[i : i + self._batch]) for i in range(0, n, self._batch)]
            latent.draw(code[:, :first], np.concatenate(below), draw, latent.groups[:1])
        return code.reshape(n, *latent.code_shape)

    # Bits, bytes and categories.

    def unpack(self, codes: npt.ArrayLike) -> Codes:
        """The bits of packed codes: 0 and 1, uint8 [rows, n_bits]."""
        return np.unpackbits(self._packed(codes), axis=1, count=self.n_bits)

    def pack(self, bits: npt.ArrayLike) -> Codes:
        """The packed codes of bits, [rows, n_bits] of 0 and 1 of any type."""
        array = np.asarray(bits)
        if array.ndim != 2 or array.shape[1] != self.n_bits or not np.isin(array, (0, 1)).all():
            raise InputError(f"bits are {array.dtype} of shape {array.shape}: give 0 and 1, [rows, {self.n_bits}]")
        return self._packed(np.packbits(array.astype(np.uint8), axis=1))

    def to_indexes(self, codes: npt.ArrayLike) -> Codes:
        """Packed codes as a byte a variable, uint8 [rows, variables]: see `indexes`."""
        latent, parts = self._manifest.latent, []
        bits = self.unpack(codes)
        for group, at in latent.pieces():
            if group.categories > 256:
                raise InputError(f"the variables have {group.categories} categories: a byte counts 256")
            own = bits[:, at]
            if group.categories:
                own = own.reshape(len(own), group.variables, group.categories).argmax(axis=2).astype(np.uint8)
            parts.append(own)
        return np.concatenate(parts, axis=1) if parts else bits

    # How it is done.

    def _outputs(self) -> int:
        return LIKELIHOODS[self._manifest.likelihood].outputs(self._manifest.parameters)

    def _check(self) -> None:
        """The graphs that encode are loaded, and have the tensors of the manifest. The others are, when they are first used."""
        m, latent = self._manifest, self._manifest.latent
        sample, logits, packed = (
            {m.sample: ("float", m.shape)},
            ("float", latent.logits_shape),
            ("uint8", (latent.bytes,)),
        )
        query = {"query": ("float", latent.code_shape)} if "query" in m.outputs else {}
        if self._variant is not None:
            variant = m.variants[self._variant]
            taken = {m.sample: ("uint8" if variant["input"] == "uint8" else "float", m.shape)}
            self._graphs[variant["file"]].expect(taken, {"latent_logits": logits, "packed_code": packed, **query})
        else:
            self._graphs["encoder.onnx"].expect(sample, {"latent_logits": logits, **query})
        code = ("float", latent.code_shape)
        self._graphs["threshold.onnx"].expect({"latent_logits": logits}, {"code": code, "packed_code": packed})

    def _run(self, graph: str, output: str, x: Numbers) -> Numbers:
        """One output of a graph of one input, a row for each row."""
        latent, k = self._manifest.latent, self._outputs()
        target = self._manifest.target_shape
        if graph == "decoder.onnx" and self._graphs[graph]._session is None:
            outputs = {
                "reconstruction": ("float", target),
                "reconstruction_logits": ("float", (*target, *((k,) if k > 1 else ()))),
            }
            self._graphs[graph].expect({"code": ("float", latent.code_shape)}, outputs)
        name = {"threshold.onnx": "latent_logits", "decoder.onnx": "code", "layers.onnx": "code"}.get(graph, self._manifest.sample)
        result = self._graphs[graph].run([output], {name: x})[0]
        if len(result) != len(x):
            raise BundleError(f"{graph} gives {len(result)} rows of {output} for {len(x)}")
        return result

    def _batches(self, rows: Rows) -> Iterator[Numbers]:
        """Rows in batches, as values or as the bytes that the variant takes."""
        m = self._manifest
        variant = m.variants[self._variant] if self._variant else None
        source = _rows.source(rows, m)
        for start in range(0, source.rows, self._batch):
            numbers = source.block(start, min(start + self._batch, source.rows))
            values = m.rule.apply(numbers, start, m.columns)
            check_directions(values, m.standard, start)
            if variant and variant["input"] == "uint8":
                if not m.rule.whole_bytes(numbers):
                    what = f"the variant {self._variant} takes rows of bytes, these are {numbers.dtype}"
                    raise InputError(f"{what}: give uint8 as the model was trained on, or load the bundle without a variant")
                values = numbers.astype(np.uint8)
            yield values.reshape(len(values), *m.shape)

    def _each(self, rows: Rows, make: Callable[[Numbers], Numbers], dtype: type[T], shape: Sequence[int]) -> npt.NDArray[T]:
        """What is made of each batch of rows, one behind the other. `shape` is that of a row of it, for none."""
        parts = [make(x) for x in self._batches(rows)]
        return np.concatenate(parts).astype(dtype, copy=False) if parts else np.zeros((0, *shape), dtype)

    def _encoded(self, x: Numbers, output: str) -> Numbers:
        if self._variant is not None:
            return self._run(self._manifest.variants[self._variant]["file"], output, x)
        if output == "packed_code":
            return self._run("threshold.onnx", output, self._run("encoder.onnx", "latent_logits", x))
        return self._run("encoder.onnx", output, x)

    def _coded(self, x: Numbers) -> Numbers:
        return self._run("threshold.onnx", "code", self._encoded(x, "latent_logits"))

    def _scored(self, x: Numbers) -> Floats:
        m, latent = self._manifest, self._manifest.latent
        logits = self._encoded(x, "latent_logits")
        code = self._run("threshold.onnx", "code", logits)
        decoded = self._run("decoder.onnx", "reconstruction_logits", code)
        above = self._run("layers.onnx", "prior_logits", code) if latent.layered else None
        values = x.reshape(len(x), -1)
        if x.dtype == np.uint8:
            values = m.rule.apply(values)
        seen = standardised(values, m.standard).astype(np.float64)
        outputs = decoded.reshape(*seen.shape, self._outputs()).astype(np.float64)
        log_p = LIKELIHOODS[m.likelihood].log_p(seen, outputs, m.parameters)
        result: Floats = latent.divergence(logits, code, above) - log_p
        return result

    def _packed(self, codes: npt.ArrayLike) -> Codes:
        """Packed codes, checked: bits beyond the last are 0, a category is one of its variable's."""
        array, latent = np.asarray(codes), self._manifest.latent
        if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != latent.bytes:
            raise InputError(f"codes are {array.dtype} of shape {array.shape}: packed codes are uint8 [rows, {latent.bytes}]")
        bits = np.unpackbits(array, axis=1)
        bad = bits[:, latent.bits :].any(axis=1)
        for group, at in latent.pieces():
            if group.categories:
                ones = bits[:, at].reshape(len(bits), group.variables, group.categories).sum(axis=2)
                bad = bad | (ones != 1).any(axis=1)
        if bad.any():
            raise InputError(
                f"code {int(np.argmax(bad))} is none of this model: it has bits beyond the last, or a variable without one category"
            )
        return array

    def _decoded(self, codes: npt.ArrayLike, output: str, shape: Sequence[int]) -> npt.NDArray[np.float32]:
        array, latent = np.asarray(codes), self._manifest.latent
        if array.dtype == np.uint8:
            array = self._packed(array)
        elif array.dtype.kind not in "bf":
            raise InputError(f"codes are of type {array.dtype}: give packed codes, uint8, or floats as codes gives them")
        elif array.ndim < 2 or (array.shape[1:] != latent.code_shape and array.shape[1:] != (latent.bits,)):
            raise InputError(f"codes have the shape {array.shape}, the model's are [rows, {str(list(latent.code_shape))[1:]}")
        parts = []
        for start in range(0, len(array), self._batch):
            part = array[start : start + self._batch]
            if part.dtype == np.uint8:
                part = latent.unpack(part)
            elif part.dtype.kind == "b" and latent.gaussian:
                part = latent.unpack(np.packbits(part, axis=1))
            parts.append(self._run("decoder.onnx", output, self._within(part.astype(np.float32), start)))
        return np.concatenate(parts) if parts else np.zeros((0, *shape), np.float32)

    def _within(self, code: npt.NDArray[np.float32], first: int) -> npt.NDArray[np.float32]:
        """A batch of codes in their shape; a number that no code holds is an error."""
        latent = self._manifest.latent
        bad = ~np.isfinite(code) if latent.gaussian else ~((code >= 0) & (code <= 1))
        if bad.any():
            row = int(np.argwhere(bad)[0][0])
            what = "are finite" if latent.gaussian else "are 0 and 1, or between them"
            raise InputError(f"code {first + row} has the number {code[bad][0]:g}: codes {what}")
        return code.reshape(len(code), *latent.code_shape)
