"""Writes layers.json: embeddings and activations in PyTorch, float64, for builder's tests to agree with.

    python layers.py > layers.json        (torch 2)

Each case has x, for embeddings a table, and a weighing r of the result: the loss is Σ r·y.
"""

import json

import torch
import torch.nn.functional as F

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)


def draw(*shape):
    return (torch.randn(*shape) * 1000).round() / 1000


def numbers(t):
    return [float(f"{v:.15g}") for v in t.flatten().tolist()]


def tensor(t):
    return {"shape": list(t.shape), "values": numbers(t), "gradient": [] if t.grad is None else numbers(t.grad)}


cases = []
for rows, width, x in [(5, 3, [0, 4, 4, 1]), (4, 1, [[3, 3, 0], [2, 3, 3]]), (7, 2, [[6]])]:
    x = torch.tensor(x)
    table = draw(rows, width).requires_grad_()
    y = F.embedding(x, table)
    r = draw(*y.shape)
    (y * r).sum().backward()
    cases.append({"layer": "embedding", "x": tensor(x), "table": tensor(table), "r": numbers(r), "y": tensor(y.detach())})
for name, f in {
    "elu": F.elu, "gelu": F.gelu, "leaky_relu": F.leaky_relu, "relu": F.relu, "silu": F.silu, "softplus": lambda x: F.softplus(x, threshold=1e9), "tanh": torch.tanh,
}.items():
    x = torch.cat([draw(9) * 3, torch.tensor([-40.0, -12.5, -1e-6, 1e-6, 12.5, 40.0])]).reshape(3, 5).requires_grad_()
    y, r = f(x), draw(3, 5)
    (y * r).sum().backward()
    cases.append({"layer": name, "x": tensor(x), "r": numbers(r), "y": tensor(y.detach())})
print(json.dumps(cases, indent=None, separators=(",", ":")).replace("},{\"layer\"", "},\n{\"layer\""))
