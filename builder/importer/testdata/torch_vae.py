"""Trains three small VAEs in PyTorch on drawn 8x8 pictures and exports their encoders and decoders to ONNX, by both exporters of torch.

Beside the .onnx files it writes the rows for fine-tuning (rows.npy) and, for every model, inputs with PyTorch's outputs in evaluation mode.
Run it in this folder, it takes half a minute: pip install -r requirements.txt && python torch_vae.py
"""

import math
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from torch import nn

warnings.filterwarnings("ignore")  # the TorchScript exporter says at every call that it is the older one
torch.set_num_threads(1)  # so that sums have one order


def pictures(count, seed):
    """Bars, crosses and rectangles somewhere on 8x8 pixels, of which one in fifty is flipped."""
    random = np.random.default_rng(seed)
    rows = np.zeros((count, 8, 8), np.uint8)
    for row in rows:
        y, x = random.integers(1, 7, 2)
        match random.integers(4):
            case 0:
                row[y, :] = 1
            case 1:
                row[:, x] = 1
            case 2:
                row[y, :] = row[:, x] = 1
            case 3:
                height, width = random.integers(2, 6, 2)
                row[y - 1 : y - 1 + height, x - 1 : x - 1 + width] = 1
        row ^= (random.random((8, 8)) < 0.02).astype(np.uint8)
    return rows


class Bernoulli:
    """24 bits; the decoder gives probabilities."""

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 24))

        def forward(self, x):
            return self.layers(x.view(x.size(0), -1))

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(24, 48), nn.ReLU(), nn.Linear(48, 64), nn.Sigmoid())

        def forward(self, code):
            return self.layers(code).view(-1, 8, 8)


class Mixed:
    """24 bits; other layers, scaled inputs, and a decoder that gives logits."""

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(
                nn.Linear(64, 48), nn.BatchNorm1d(48), nn.LeakyReLU(0.2), nn.Dropout(0.1),
                nn.Linear(48, 32), nn.Tanh(), nn.Linear(32, 24),
            )  # fmt: skip

        def forward(self, x):
            x = x * 2 - 1
            return self.layers(x.flatten(1))

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(
                nn.Linear(24, 32), nn.BatchNorm1d(32), nn.Tanh(), nn.Dropout(0.1),
                nn.Linear(32, 48), nn.LeakyReLU(0.2), nn.Linear(48, 64),
            )  # fmt: skip

        def forward(self, code):
            return self.layers(code).view(-1, 8, 8)


class Categorical:
    """6 variables of 8 categories; the encoder gives logits without softmax."""

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 48))

        def forward(self, x):
            return self.layers(x).view(-1, 6, 8)

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 64), nn.Sigmoid())

        def forward(self, code):
            return self.layers(code.flatten(1)).view(-1, 8, 8)


def loss(name, encoder, decoder, x, temperature=0.7):
    logits = encoder(x)
    u = torch.rand_like(logits).clamp(1e-6, 1 - 1e-6)
    if name == "categorical":
        log_q = logits.log_softmax(-1)
        kl = (log_q.exp() * (log_q + math.log(8))).sum((1, 2))
        code = ((logits - torch.log(-torch.log(u))) / temperature).softmax(-1)
    else:
        kl = (logits.sigmoid() * logits - F.softplus(logits) + math.log(2)).sum(1)
        code = ((logits + torch.logit(u)) / temperature).sigmoid()
    cross_entropy = F.binary_cross_entropy_with_logits if name == "mixed" else F.binary_cross_entropy
    return cross_entropy(decoder(code), x, reduction="sum") / len(x) + kl.mean()


def train(name, encoder, decoder, data, steps=800, batch=100):
    """Stops long before the end: fine-tuning is to find something left to learn."""
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    for _ in range(steps):
        value = loss(name, encoder, decoder, data[torch.randint(len(data), (batch,))])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    print(f"{name}: loss {value.item():.2f} after {steps} steps")


def export(path, module, example, input, output, dynamo):
    if dynamo:
        torch.onnx.export(
            module, (example,), path, dynamo=True, verbose=False, external_data=False,
            input_names=[input], output_names=[output], dynamic_shapes=({0: torch.export.Dim("batch")},),
        )  # fmt: skip
    else:
        torch.onnx.export(
            module, (example,), path, dynamo=False, opset_version=17,
            input_names=[input], output_names=[output], dynamic_axes={input: {0: "batch"}, output: {0: "batch"}},
        )  # fmt: skip
    # Nodes carry the stack that made them, with the paths of this Python.
    model = onnx.load(path)
    graph = model.graph
    for node in graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for value in [*graph.input, *graph.output, *graph.value_info, *graph.initializer]:
        value.ClearField("doc_string")
    onnx.save(model, path)


def check(path, module, values):
    """The file is valid ONNX, and onnxruntime gives what PyTorch gives at batches of several sizes."""
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = 0
    for batch in (1, 5, 16):
        with torch.no_grad():
            want = module(values[:batch]).numpy()
        (got,) = session.run(None, {session.get_inputs()[0].name: values[:batch].numpy()})
        assert got.shape == want.shape, (path, got.shape, want.shape)
        worst = max(worst, float(np.abs(got - want).max()))
    assert worst <= 1e-5, (path, worst)
    print(f"{path}: differs from PyTorch by {worst:.1e} at most")


def random_code(name):
    if name == "categorical":
        return F.one_hot(torch.randint(8, (16, 6)), 8).float()
    return torch.randint(2, (16, 24)).float()


if __name__ == "__main__":
    rows = pictures(2000, seed=1)
    np.save("rows.npy", rows[:512] * np.uint8(255))
    data = torch.from_numpy(rows).float()
    for name, model in {"bernoulli": Bernoulli, "mixed": Mixed, "categorical": Categorical}.items():
        torch.manual_seed(1)
        encoder, decoder = model.Encoder(), model.Decoder()
        train(name, encoder, decoder, data)
        encoder.eval(), decoder.eval()

        x, code = data[-16:], random_code(name)
        with torch.no_grad():
            arrays = {"x": x, "logits": encoder(x), "code": code, "reconstruction": decoder(code)}
        for part, array in arrays.items():
            np.save(f"{name}-{part}.npy", array.numpy())
        for exporter in ("script", "dynamo"):
            for part, module, values, output in (("encoder", encoder, x, "logits"), ("decoder", decoder, code, "reconstruction")):
                path = f"{name}-{exporter}-{part}.onnx"
                export(path, module, values, "x" if part == "encoder" else "code", output, exporter == "dynamo")
                check(path, module, values)
