"""onnxruntime in Python as a contender: rows of an IDX file in, packed codes as NPY out, by one graph.

    python ort_codes.py THREADS GRAPH                                      tune: print the fastest SETTING and its rate
    python ort_codes.py THREADS GRAPH SETTING ROWS.idx CODES.npy MOST_ROWS

GRAPH is what prepare.py leaves: rows, as bytes or as floats within [0,1], to packed codes. As torch_codes.py, it has its
fastest batch size and a first batch before the clock starts.
"""

import json
import sys

import numpy as np
import onnxruntime as ort

import rows as shared

BATCHES = (512, 1024, 4096, 8192)


class Contender:
    def __init__(self, graph, threads, batch):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        (self.input,) = self.session.get_inputs()
        self.shape = [-1, *self.input.shape[1:]]
        self.size = int(np.prod(self.shape[1:]))
        self.width = next(o for o in self.session.get_outputs() if o.name == "packed_code").shape[1]
        self.x = None if "uint8" in self.input.type else np.empty((batch, self.size), dtype=np.float32)

    def __call__(self, batch):
        x = batch
        if self.x is not None:
            x = np.multiply(batch, np.float32(1 / 255), out=self.x[: len(batch)])
        return self.session.run(["packed_code"], {self.input.name: x.reshape(self.shape)})[0]


def main():
    threads, graph, *run = sys.argv[1:]
    if not run:
        settings = [{"batch": b} for b in BATCHES]
        size = Contender(graph, int(threads), 1).size
        shared.fastest(settings, size, lambda s: Contender(graph, int(threads), s["batch"]))
        return
    setting, source, out, most = json.loads(run[0]), *run[1:]
    contender = Contender(graph, int(threads), setting["batch"])
    shared.timed(shared.Rows(source, int(most)), setting["batch"], contender, contender.width, out)


main()
