"""Loads a folder by MLflow, as a Python function and as ONNX, and wants infer's codes.

python mlflow_check.py FOLDER rows.npy codes.npy
"""
import os
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import mlflow
import numpy

folder, rows, codes = sys.argv[1], numpy.load(sys.argv[2]), numpy.load(sys.argv[3])
model = mlflow.pyfunc.load_model(folder)
name = model.metadata.get_input_schema().input_names()[0]
got = model.predict({name: rows})["packed_code"]
assert got.dtype == numpy.uint8 and numpy.array_equal(got, codes), "mlflow.pyfunc gives other codes"
try:
    model.predict({name: rows[:, :1]})
    raise SystemExit("MLflow took rows of another shape: the signature says nothing")
except mlflow.exceptions.MlflowException:
    pass
onnx = mlflow.onnx.load_model(folder)
print(f"mlflow {mlflow.__version__}: {len(codes)} codes as infer's, inputs {[i.name for i in onnx.graph.input]}, signature checked")
