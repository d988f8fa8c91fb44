"""Reads the configurations of a repository for Triton by tritonclient's own protobuf, compares them with the graphs, and runs each ensemble's steps.

python triton_check.py FOLDER NAME rows.npy codes.npy
"""
import os
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy
import onnxruntime
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

folder, name, rows, codes = sys.argv[1], sys.argv[2], numpy.load(sys.argv[3]), numpy.load(sys.argv[4])
TYPES = {"tensor(float)": "TYPE_FP32", "tensor(uint8)": "TYPE_UINT8", "tensor(int64)": "TYPE_INT64"}

configs, sessions = {}, {}
for model in sorted(os.listdir(folder)):
    with open(os.path.join(folder, model, "config.pbtxt")) as f:
        configs[model] = text_format.Parse(f.read(), model_config_pb2.ModelConfig())
    assert configs[model].name == model and os.path.isdir(os.path.join(folder, model, "1")), model
    if configs[model].platform == "ensemble":
        continue
    session = sessions[model] = onnxruntime.InferenceSession(os.path.join(folder, model, "1", "model.onnx"))
    for tensors, said in ((session.get_inputs(), configs[model].input), (session.get_outputs(), configs[model].output)):
        want = [(t.name, TYPES[t.type], [d if isinstance(d, int) else -1 for d in t.shape[1:]]) for t in tensors]
        got = [(t.name, model_config_pb2.DataType.Name(t.data_type), list(t.dims)) for t in said]
        assert got == want, f"{model}: the configuration says {got}, the graph {want}"


def ensemble(config, tensors):
    """Runs an ensemble's steps in their order, by its maps of names, as Triton does."""
    for step in config.ensemble_scheduling.step:
        inputs = {key: tensors[value] for key, value in step.input_map.items()}
        outputs = list(step.output_map)
        for key, value in zip(outputs, sessions[step.model_name].run(outputs, inputs)):
            tensors[step.output_map[key]] = value
    return {t.name: tensors[t.name] for t in config.output}


got = ensemble(configs[name], {configs[name].input[0].name: rows})
assert numpy.array_equal(got["packed_code"], codes), "the ensemble gives other codes"
again = ensemble(configs[name + "-reconstruct"], {configs[name].input[0].name: rows})
assert again["reconstruction"].shape == rows.shape and numpy.isfinite(again["reconstruction"]).all()
print(f"triton: {len(configs)} models, {len(codes)} codes as infer's by {name}, reconstructions by {name}-reconstruct")
