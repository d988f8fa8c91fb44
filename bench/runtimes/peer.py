"""Runs ONNX graphs on one runtime of Python, as runtimes.py asks: peer.py RUNTIME JOBS.json FROM

A job is a graph, its input's name, type, shape and file, and the outputs that are wanted with files to write. A line for each says "ok", or
what was refused. Any Python from 3.7 on runs this.
"""

import json
import os
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy


def onnxruntime(job, x):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(job["graph"], options, providers=["CPUExecutionProvider"])
    return session.run([name for name, _ in job["outputs"]], {job["input"]: x})


def openvino(job, x):
    import openvino as ov

    compiled = ov.Core().compile_model(job["graph"], "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    made = compiled({job["input"]: x})
    return [made[name] for name, _ in job["outputs"]]


def openvino_default(job, x):
    """As a user calls it, who does not think of the precision."""
    import openvino as ov

    made = ov.compile_model(job["graph"])({job["input"]: x})
    return [made[name] for name, _ in job["outputs"]]


def opencv(job, x):
    import cv2

    net = cv2.dnn.readNetFromONNX(job["graph"])
    net.setInput(cv2.Mat(x), job["input"])  # an array of three axes would be taken for a picture whose last axis are colours
    return [numpy.array(net.forward(name)) for name, _ in job["outputs"]]


def reference(job, x):
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(job["graph"]).run([name for name, _ in job["outputs"]], {job["input"]: x})


def tract(job, x):
    import tract as t

    model = t.onnx().load(job["graph"])
    model.set_input_fact(0, ",".join(map(str, x.shape)) + (",u8" if x.dtype == numpy.uint8 else ",f32"))
    names = [model.output_name(i) for i in range(model.output_count())]
    made = model.into_model().into_runnable().run([x])
    return [made[names.index(name)].to_numpy() for name, _ in job["outputs"]]


def jaxonnxruntime(job, x):
    import jaxonnxruntime
    import onnx
    from jaxonnxruntime import backend

    jaxonnxruntime.config.update("jaxort_only_allow_initializers_as_static_args", False)
    model = onnx.load(job["graph"])
    names = [o.name for o in model.graph.output]
    made = backend.prepare(model).run({job["input"]: x})
    return [numpy.asarray(made[names.index(name)]) for name, _ in job["outputs"]]


def onnx2torch(job, x):
    import onnx2torch
    import torch

    model = onnx2torch.convert(job["graph"]).eval()
    with torch.no_grad():
        made = model(torch.from_numpy(x))
    return chosen(job, made if isinstance(made, (list, tuple)) else [made])


def chosen(job, made):
    """The wanted outputs of a list of all."""
    import onnx

    names = [o.name for o in onnx.load(job["graph"]).graph.output]
    return [numpy.asarray(made[names.index(name)]) for name, _ in job["outputs"]]


def tflite(job, x, keep=True):
    """By onnx2tf, which takes axes of rows for channels and turns them unless it is told to keep an input as it is."""
    import contextlib
    import io
    import tempfile

    import onnx2tf
    import tensorflow

    with tempfile.TemporaryDirectory() as made, contextlib.redirect_stdout(io.StringIO()):
        onnx2tf.convert(
            input_onnx_file_path=job["graph"], output_folder_path=made, non_verbose=True,
            keep_shape_absolutely_input_names=[job["input"]] if keep else None, overwrite_input_shape=["%s:%s" % (job["input"], ",".join(map(str, x.shape)))],
        )
        (file,) = [f for f in os.listdir(made) if f.endswith("_float32.tflite")]
        interpreter = tensorflow.lite.Interpreter(os.path.join(made, file))
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        outputs = [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]
    return [next(o for o in outputs if o.shape[1:] == tuple(like) and (o.dtype == numpy.uint8) == (name == "packed_code")) for (name, _), like in zip(job["outputs"], job["like"])]


def tflite_turned(job, x):
    return tflite(job, x, keep=False)


def mnn(job, x):
    import subprocess
    import tempfile

    import MNN.expr
    import MNN.nn

    with tempfile.TemporaryDirectory() as made:
        model = os.path.join(made, "m.mnn")
        converter = os.path.join(os.path.dirname(sys.executable), "mnnconvert")
        converter = [converter] if os.path.exists(converter) else [sys.executable, "-c", "from MNN.tools.mnnconvert import main; main()"]
        done = subprocess.run(converter + ["-f", "ONNX", "--modelFile", job["graph"], "--MNNModel", model, "--bizCode", "x"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if not os.path.exists(model):
            raise RuntimeError("mnnconvert: " + done.stdout.decode(errors="replace").strip().splitlines()[-1])
        net = MNN.nn.load_module_from_file(model, [job["input"]], [name for name, _ in job["outputs"]])
        given = MNN.expr.placeholder(list(x.shape), MNN.expr.NCHW, MNN.expr.uint8 if x.dtype == numpy.uint8 else MNN.expr.float)
        given.write(x)
        made = net.forward([given])
        made = made if isinstance(made, list) else [made]
        return [numpy.array(MNN.expr.convert(v, MNN.expr.NCHW).read()) for v in made]


runtimes = {f.__name__: f for f in (onnxruntime, openvino, openvino_default, opencv, reference, tract, jaxonnxruntime, onnx2torch, tflite, tflite_turned, mnn)}


def main():
    name, jobs, first = sys.argv[1:]
    answers = os.dup(1)
    os.dup2(2, 1)  # what runtimes print is no answer
    with open(jobs) as f:
        jobs = json.load(f)
    for job in jobs[int(first) :]:
        try:
            x = numpy.fromfile(job["file"], job["dtype"]).reshape(job["shape"])
            made = runtimes[name](job, x)
            for (output, path), values in zip(job["outputs"], made):
                numpy.ascontiguousarray(values).astype(numpy.uint8 if output == "packed_code" else numpy.float32).tofile(path)
            line = "ok"
        except Exception as e:  # whatever a runtime raises is its answer
            line = "%s: %s" % (type(e).__name__, " ".join(str(e).split()))
        os.write(answers, (line[:2000] + "\n").encode())


if __name__ == "__main__":
    main()
