"""The same model behind FastAPI, uvicorn and onnxruntime: what `catvae serve` is compared with.

    uvicorn --app-dir bench/serve fastapi_server:app --port 8100 --loop uvloop --http httptools --no-access-log --workers 2

Rows come as raw bytes, and packed codes go out as raw bytes: no JSON at all, which is the fastest that FastAPI does. Encoder and threshold
are one graph, so that a request is one run; each worker has a session of its own with one thread, on as many workers as there are cores.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import
import json
import pathlib

import numpy
import onnx
import onnx.compose
import onnxruntime
from fastapi import FastAPI, Request, Response

folder = pathlib.Path(os.environ["BUNDLE"])
manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
encoder, threshold = onnx.load(folder / "encoder.onnx"), onnx.load(folder / "threshold.onnx")
both = onnx.compose.merge_models(
    onnx.compose.add_prefix(encoder, "e/", rename_inputs=False, rename_outputs=False),
    onnx.compose.add_prefix(threshold, "t/", rename_inputs=False, rename_outputs=False),
    io_map=[("latent_logits", "latent_logits")], outputs=["packed_code"])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(os.environ.get("THREADS", "1"))
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(both.SerializeToString(), options, providers=["CPUExecutionProvider"])
shape = [-1, *manifest["input"]["shape"]]
scale = numpy.float32(round(1 / manifest["input"]["scale"]))  # bytes are divided, as docs/bundle.md says
app = FastAPI()


def run(data: bytes) -> bytes:
    rows = numpy.frombuffer(data, numpy.uint8).reshape(shape).astype(numpy.float32) / scale
    return session.run(["packed_code"], {"sample": rows})[0].tobytes()


@app.post("/encode")
async def encode(request: Request) -> Response:
    return Response(run(await request.body()), media_type="application/octet-stream")


@app.get("/ready")
async def ready() -> dict:
    return {"ready": True}
