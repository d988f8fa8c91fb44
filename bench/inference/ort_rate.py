"""onnxruntime's own rate on a graph: no files, no arrays made, inputs and outputs bound once.

    python ort_rate.py GRAPH

It reads one JSON object a line and answers with one:

    {"callers": 2, "threads": 1, "batch": 512, "seconds": 2}
    {"rate": 201345.6}

Every caller is a Python thread with a binding of its own on one shared session; run lets go of the interpreter's lock, and
a batch takes milliseconds, so Python is not in the way. The wheel does not bring onnxruntime_perf_test.
"""

import json
import sys
import threading
import time

import numpy as np
import onnxruntime as ort

import rows as shared


class Caller:
    def __init__(self, session, batch):
        (graph_input,) = session.get_inputs()
        dtype = np.uint8 if "uint8" in graph_input.type else np.float32
        data = np.random.default_rng(0).integers(0, 256, (batch, *graph_input.shape[1:]))
        data = (data if dtype == np.uint8 else data / 255).astype(dtype)
        (output,) = [o for o in session.get_outputs() if o.name == "packed_code"]
        self.session, self.binding = session, session.io_binding()
        codes = ort.OrtValue.ortvalue_from_shape_and_type([batch, output.shape[1]], np.uint8)
        self.kept = [ort.OrtValue.ortvalue_from_numpy(data), codes]  # a binding does not keep its values
        self.binding.bind_ortvalue_input(graph_input.name, self.kept[0])
        self.binding.bind_ortvalue_output(output.name, self.kept[1])
        self.count = 0

    def run(self, until):
        while time.perf_counter() < until:
            self.session.run_with_iobinding(self.binding)
            self.count += 1


def measure(graph, job):
    options = ort.SessionOptions()
    options.intra_op_num_threads = job["threads"]
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    callers = [Caller(session, job["batch"]) for _ in range(job["callers"])]
    for caller in callers:
        caller.session.run_with_iobinding(caller.binding)
    start = time.perf_counter()
    threads = [threading.Thread(target=c.run, args=(start + job["seconds"],)) for c in callers]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sum(c.count for c in callers) * job["batch"] / (time.perf_counter() - start)


def main():
    for line in sys.stdin:
        shared.say(rate=measure(sys.argv[1], json.loads(line)))


main()
