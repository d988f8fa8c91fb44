"""Graphs: bytes of ONNX that may come from anywhere, checked and run on onnxruntime.

A model file can name other files that onnxruntime would read, and operators outside ONNX's own. Both are looked for in the protobuf
itself, so that no package is needed for it: fields are (number << 3 | type), and of what is not looked at the length is enough.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime 1.29 reads it as it is imported: see docs/environment.md

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
import onnxruntime  # noqa: E402

from .errors import BundleError, CatvaeError  # noqa: E402

# Numbers of fields in onnx.proto.
MODEL_GRAPH, MODEL_OPSET, MODEL_FUNCTIONS = 7, 8, 25
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_SPARSE = 1, 5, 15
NODE_ATTRIBUTE, NODE_DOMAIN = 5, 7
ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH, ATTRIBUTE_TENSORS, ATTRIBUTE_GRAPHS = 5, 6, 10, 11
TENSOR_EXTERNAL, TENSOR_LOCATION = 13, 14
DEEPEST = 50

Providers = Sequence[Any]


def check(name: str, data: bytes) -> None:
    """Refuse a graph that would read other files, or that needs operators of somebody else's."""
    try:
        for number, value in _fields(memoryview(data)):
            if number == MODEL_FUNCTIONS:
                raise BundleError(f"{name} has functions, which no graph of a bundle has")
            if number == MODEL_GRAPH:
                _check_graph(name, value, 0)
    except (IndexError, TypeError):
        raise BundleError(f"{name} is no ONNX model: it is cut short or damaged") from None


def _check_graph(name: str, graph: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise BundleError(f"{name} has graphs within graphs, more than {DEEPEST} deep")
    for number, value in _fields(graph):
        if number == GRAPH_INITIALIZER:
            _check_tensor(name, value)
        elif number == GRAPH_SPARSE:
            raise BundleError(f"{name} has sparse weights, which no graph of a bundle has")
        elif number == GRAPH_NODE:
            for key, part in _fields(value):
                if key == NODE_DOMAIN and bytes(part) not in (b"", b"ai.onnx"):
                    raise BundleError(f"{name} has operators of {bytes(part)[:100]!r}: bundles have ONNX's own alone")
                if key == NODE_ATTRIBUTE:
                    _check_attribute(name, part, depth)


def _check_attribute(name: str, attribute: Any, depth: int) -> None:
    for number, value in _fields(attribute):
        if number in (ATTRIBUTE_TENSOR, ATTRIBUTE_TENSORS):
            _check_tensor(name, value)
        elif number in (ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS):
            _check_graph(name, value, depth + 1)


def _check_tensor(name: str, tensor: Any) -> None:
    for number, value in _fields(tensor):
        if number == TENSOR_EXTERNAL or number == TENSOR_LOCATION and value != 0:
            raise BundleError(f"{name} keeps data in other files, which no bundle may")


def _fields(data: Any) -> Iterator[tuple[int, Any]]:
    """The fields of a message: a number for each of type 0, the bytes for each of type 2."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        kind = key & 7
        value: Any = None
        if kind == 0:
            value, at = _varint(data, at)
        elif kind == 1:
            at += 8
        elif kind == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        elif kind == 5:
            at += 4
        else:
            raise IndexError
        if at > end:
            raise IndexError
        yield key >> 3, value


def _varint(data: Any, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise IndexError


class Graph:
    """One graph on onnxruntime. It is loaded at its first use, and may be run from several threads."""

    def __init__(self, name: str, data: bytes, providers: Optional[Providers], threads: int) -> None:
        check(name, data)
        self.name, self.data, self.providers, self.threads = name, data, providers, threads
        self._session: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_session": None}

    @property
    def session(self) -> Any:
        if self._session is None:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self.threads
            options.log_severity_level = 3
            try:
                self._session = onnxruntime.InferenceSession(self.data, options, providers=providers_of(self.providers))
            except CatvaeError:
                raise
            except Exception as e:  # onnxruntime's own kinds are of no common class
                raise BundleError(f"{self.name} cannot be loaded: {_line(e)}") from e
        return self._session

    def expect(self, inputs: Mapping[str, tuple[str, Sequence[int]]], outputs: Mapping[str, tuple[str, Sequence[int]]]) -> None:
        """Refuse a graph whose tensors are not those of the manifest. Shapes are those of a row; further outputs may be there."""
        own_inputs = {i.name: (i.type, i.shape) for i in self.session.get_inputs()}
        own_outputs = {o.name: (o.type, o.shape) for o in self.session.get_outputs()}
        if set(own_inputs) != set(inputs):
            raise BundleError(f"{self.name} takes {sorted(own_inputs)}, the manifest says {sorted(inputs)}")
        for own, wanted in ((own_inputs, inputs), (own_outputs, outputs)):
            for name, (dtype, shape) in wanted.items():
                if name not in own:
                    raise BundleError(f"{self.name} has no output {name}, it has {sorted(own)}")
                has, dims = own[name]
                if has != f"tensor({dtype})" or list(dims[1:]) != list(shape) or not dims or isinstance(dims[0], int):
                    raise BundleError(f"{self.name} has {name} as {has} {dims}, the manifest says {dtype} [batch, {str(list(shape))[1:]}")

    def run(self, outputs: Sequence[str], inputs: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        try:
            results = self.session.run(list(outputs), dict(inputs))
        except CatvaeError:
            raise
        except Exception as e:
            raise BundleError(f"{self.name} failed: {_line(e)}") from e
        return [np.asarray(r) for r in results]


def providers_of(providers: Optional[Providers]) -> list[Any]:
    """The execution providers to use, the processor's where none are named. One that is missing is an error: onnxruntime would take another."""
    if providers is None:
        return ["CPUExecutionProvider"]
    if isinstance(providers, str):
        providers = [providers]
    chosen: list[Any] = []
    available = onnxruntime.get_available_providers()
    for provider in providers:
        name = provider if isinstance(provider, str) else provider[0]
        if name not in available:
            raise CatvaeError(
                f"onnxruntime has no {name} here, it has {', '.join(available)}: install a build that has it, or leave providers out"
            )
        if provider == "CUDAExecutionProvider":  # it rounds products to 10 bits otherwise, and codes differ
            provider = (name, {"use_tf32": "0"})
        chosen.append(provider)
    return chosen


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
