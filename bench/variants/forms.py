"""Times the ways to write an encoder of 8 bits in ONNX's own operators: bytes in, packed codes out, one thread.

    python forms.py [BATCH...]

The encoder is 784-400-200 with random weights. Forms take turns; a rate is that of the shortest run in 40 ms, the table holds
medians over 15 rounds, and medians of the rounds' ratios to float32.
"""

import statistics
import sys
import time

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

WIDTHS = (784, 400, 200)
SCALES = numpy.float32(1 / 255), numpy.float32(4 / 255)  # of the pixels and of the hidden layer
RANDOM = numpy.random.default_rng(1)
LAYERS = [
    (RANDOM.normal(0, (2 / i) ** 0.5, (i, o)).astype("f"), RANDOM.normal(0, 0.1, o).astype("f")) for i, o in zip(WIDTHS, WIDTHS[1:])
]


class Graph:
    """Nodes and initialisers, named as they are made."""

    def __init__(self):
        self.nodes, self.values = [], []

    def value(self, array):
        name = f"value{len(self.values)}"
        self.values.append(numpy_helper.from_array(numpy.asarray(array), name))
        return name

    def node(self, op, *inputs, outputs=1, name=None, **attributes):
        inputs = [i if isinstance(i, str) else self.value(i) for i in inputs]
        names = [name or f"node{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def model(self, logits):
        bits = self.node("Cast", self.node("Greater", logits, numpy.zeros(1, "f")), to=TensorProto.FLOAT)
        powers = numpy.kron(numpy.eye(WIDTHS[-1] // 8, dtype="f"), 2.0 ** numpy.arange(7, -1, -1, dtype="f")[:, None])
        self.node("Cast", self.node("MatMul", bits, powers.astype("f")), name="packed_code", to=TensorProto.UINT8)
        graph = helper.make_graph(
            self.nodes,
            "encoder",
            [helper.make_tensor_value_info("sample", TensorProto.UINT8, ["batch_size", WIDTHS[0]])],
            [helper.make_tensor_value_info("packed_code", TensorProto.UINT8, ["batch_size", WIDTHS[-1] // 8])],
            self.values,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()


def quantized(weights):
    scale = (abs(weights).max(0) / 63).astype("f")
    return numpy.rint(weights / scale).astype(numpy.int8), scale


def float32():
    g = Graph()
    x = g.node("Div", g.node("Cast", "sample", to=TensorProto.FLOAT), numpy.float32(255))
    hidden = g.node("Relu", g.node("Gemm", x, *LAYERS[0]))
    return g.model(g.node("Gemm", hidden, *LAYERS[1]))


def layers(layer):
    """An encoder whose layers are made by layer(graph, x, x's scale, weights, their scales, bias)."""
    g, x = Graph(), "sample"
    for at, (weights, bias) in enumerate(LAYERS):
        y = layer(g, x, SCALES[at], *quantized(weights), bias)
        if at == 0:
            x = g.node("QuantizeLinear", g.node("Relu", y), SCALES[1], numpy.uint8(0))
    return g.model(y)


def dequantized(g, x, sx, w, sw):
    columns = len(sw)
    return (
        g.node("DequantizeLinear", x, sx, numpy.uint8(0)),
        g.node("DequantizeLinear", w, sw, numpy.zeros(columns, numpy.int8), axis=1),
    )


def qdq_gemm(g, x, sx, w, sw, bias):
    whole = numpy.rint(bias / (sx * sw)).astype(numpy.int32)
    b = g.node("DequantizeLinear", whole, sx * sw, numpy.zeros(len(sw), numpy.int32), axis=0)
    return g.node("Gemm", *dequantized(g, x, sx, w, sw), b)


def qdq_matmul(g, x, sx, w, sw, bias):
    return g.node("Add", g.node("MatMul", *dequantized(g, x, sx, w, sw)), bias)


def matmul_integer(g, x, sx, w, sw, bias):
    sums = g.node("Cast", g.node("MatMulInteger", x, w), to=TensorProto.FLOAT)
    return g.node("Add", g.node("Mul", sums, sx * sw), bias)


def qlinear_matmul():
    """The hidden layer has no bias here, which QLinearMatMul does not take: a bound on what the form could give."""
    g = Graph()
    (w, sw), (v, sv) = (quantized(weights) for weights, _ in LAYERS)
    zero = numpy.zeros(len(sw), numpy.int8)
    hidden = g.node("QLinearMatMul", "sample", SCALES[0], numpy.uint8(0), w, sw, zero, SCALES[1], numpy.uint8(0))
    return g.model(matmul_integer(g, hidden, SCALES[1], v, sv, LAYERS[1][1]))


def dynamic():
    """DynamicQuantizeLinear: codes depend on the rows of the batch."""
    g = Graph()
    x = g.node("Div", g.node("Cast", "sample", to=TensorProto.FLOAT), numpy.float32(255))
    for at, (weights, bias) in enumerate(LAYERS):
        w, sw = quantized(weights)
        q, scale, zero = g.node("DynamicQuantizeLinear", x, outputs=3)
        sums = g.node("Cast", g.node("MatMulInteger", q, w, zero), to=TensorProto.FLOAT)
        y = g.node("Add", g.node("Mul", sums, g.node("Mul", scale, sw)), bias)
        x = g.node("Relu", y)
    return g.model(y)


FORMS = {
    "float32": float32,
    "DequantizeLinear, Gemm, QuantizeLinear": lambda: layers(qdq_gemm),
    "DequantizeLinear, MatMul, Add, QuantizeLinear": lambda: layers(qdq_matmul),
    "MatMulInteger, Mul, Add, QuantizeLinear": lambda: layers(matmul_integer),
    "QLinearMatMul (hidden layer without bias)": qlinear_matmul,
    "DynamicQuantizeLinear, MatMulInteger": dynamic,
}


def rate(session, rows, seconds=0.04):
    shortest, began = float("inf"), time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        session.run(["packed_code"], {"sample": rows})
        shortest = min(shortest, time.perf_counter() - start)
    return len(rows) / shortest


def main():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = {name: onnxruntime.InferenceSession(make(), options, providers=["CPUExecutionProvider"]) for name, make in FORMS.items()}
    batches = [int(a) for a in sys.argv[1:]] or [256, 1024, 4096]
    cells = {name: [] for name in FORMS}
    for batch in batches:
        rows = RANDOM.integers(0, 256, (batch, WIDTHS[0]), numpy.uint8)
        rates = [{name: rate(s, rows) for name, s in sessions.items()} for _ in range(15)]
        for name in FORMS:
            median = statistics.median(r[name] for r in rates)
            ratio = statistics.median(r[name] / r["float32"] for r in rates)
            cells[name].append(f"{median:,.0f} ({ratio:.2f})")
    print("| form | " + " | ".join(f"batch {b}" for b in batches) + " |\n| --- |" + " --- |" * len(batches))
    for name in FORMS:
        print(f"| {name} | " + " | ".join(cells[name]) + " |")


if __name__ == "__main__":
    main()
