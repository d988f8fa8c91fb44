"""Writes ONNX's own tests of operators (onnx.backend.test, kind "node") for the Go test TestONNX to read.

    pip install -r requirements.txt
    python nodetests.py OUT
    CATVAE_ONNX_TESTS=OUT go test ./internal/onnxeval

OUT gets one folder a test: model.onnx, input_N.pb, output_N.pb, and tolerance.json. Tests whose data are sequences or
optional values, not tensors, get no .pb files.
"""

import json
import pathlib
import sys
import warnings

import numpy
import onnx
from onnx.backend.test.loader import load_model_tests


def main(out):
    warnings.simplefilter("ignore")
    for case in load_model_tests(kind="node"):
        folder = pathlib.Path(out, case.name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(case.model.SerializeToString())
        (folder / "tolerance.json").write_text(json.dumps({"relative": case.rtol, "absolute": case.atol}))
        graph = case.model.graph
        inputs, outputs = case.data_sets[0]
        for what, values, infos in ("input", inputs, graph.input), ("output", outputs, graph.output):
            for i, (value, info) in enumerate(zip(values, infos)):
                if isinstance(value, onnx.TensorProto):
                    tensor = value
                elif isinstance(value, numpy.ndarray | numpy.generic):
                    tensor = onnx.numpy_helper.from_array(numpy.asarray(value))
                else:
                    continue
                tensor.name = info.name
                (folder / f"{what}_{i}.pb").write_bytes(tensor.SerializeToString())


if __name__ == "__main__":
    main(sys.argv[1])
