"""Takes a bundle's encoder apart for PyTorch, and joins encoder and threshold for onnxruntime.

    python prepare.py BUNDLE WORK

WORK/weights.npz gets the weights, biases and thresholds; WORK/stitched.onnx one graph from rows to packed codes, which is
the variant uint8 where the bundle has it. Both happen before anything is timed. Multi-layer perceptrons of Bernoulli
variables only.
"""

import json
import os
import shutil
import sys

import numpy as np
import onnx
from onnx import compose, numpy_helper

ACTIVATIONS = {"Relu", "Tanh", "Sigmoid"}


def layers(model):
    """Returns weights [in, out], biases, and the activations between."""
    values = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    weights, biases, activations = [], [], []
    for node in model.graph.node:
        if node.op_type == "Gemm":
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            weight = values[node.input[1]]
            weights.append(weight.T if attributes.get("transB") else weight)
            biases.append(values[node.input[2]])
        elif node.op_type in ACTIVATIONS:
            activations.append(node.op_type)
        elif node.op_type != "Reshape":
            sys.exit(f"encoder.onnx has a {node.op_type}: only multi-layer perceptrons are compared")
    return weights, biases, activations


def main():
    bundle, work = sys.argv[1:]
    with open(os.path.join(bundle, "manifest.json")) as f:
        manifest = json.load(f)
    if manifest["latent"]["kind"] != "bernoulli":
        sys.exit("only Bernoulli variables are compared")
    encoder = onnx.load(os.path.join(bundle, "encoder.onnx"))
    threshold = onnx.load(os.path.join(bundle, "threshold.onnx"))
    weights, biases, activations = layers(encoder)
    (limits,) = [numpy_helper.to_array(i) for i in threshold.graph.initializer if i.name.endswith("/thresholds")]
    arrays = {f"weight{i}": w for i, w in enumerate(weights)} | {f"bias{i}": b for i, b in enumerate(biases)}
    arrays |= {"activations": activations, "thresholds": limits, "scale": manifest["input"]["scale"]}
    np.savez(os.path.join(work, "weights.npz"), **arrays)

    stitched = os.path.join(work, "stitched.onnx")
    if pixels := manifest.get("variants", {}).get("uint8"):
        shutil.copyfile(os.path.join(bundle, pixels["file"]), stitched)
        return
    for model in (encoder, threshold):
        del model.metadata_props[:]  # both say their role under one key, which merge_models refuses
    joined = compose.merge_models(encoder, threshold, io_map=[("latent_logits", "latent_logits")])
    del joined.graph.output[:]
    joined.graph.output.extend(o for o in threshold.graph.output if o.name == "packed_code")
    onnx.save(joined, stitched)


main()
