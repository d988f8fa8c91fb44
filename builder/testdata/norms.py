"""Writes norms.json: batch and layer normalisation in PyTorch, float64, for builder's tests to agree with.

    python norms.py > norms.json        (torch 2)

Each case has x, scale, shift and a weighing r of the result: the loss is Σ r·y. Batch normalisation has the running statistics
before and after the step, and the result by those after it.
"""

import json

import torch
import torch.nn.functional as F

torch.manual_seed(2)
torch.set_default_dtype(torch.float64)


def draw(*shape):
    return (torch.randn(*shape) * 1000).round() / 1000


def numbers(t):
    return [float(f"{v:.13g}") for v in t.flatten().tolist()]


def tensor(t):
    return {"shape": list(t.shape), "values": numbers(t), "gradient": [] if t.grad is None else numbers(t.grad)}


cases = []
for layer, shape in [("batch", (5, 3)), ("batch", (2, 4)), ("batch", (3, 2, 5)), ("batch", (4, 3, 3, 2)), ("batch", (1, 2, 3, 3)), ("layer", (4, 6)), ("layer", (1, 5)), ("layer", (3, 2, 3, 4))]:
    x = draw(*shape) * 2 + 1
    row = shape[1:2] if layer == "batch" else shape[1:]
    scale, shift, r = draw(*row) + 2, draw(*row), draw(*shape)
    leaves = [x, scale, shift]
    for t in leaves:
        t.requires_grad_()
    case = {"layer": layer}
    if layer == "batch":
        mean, variance = draw(*row), draw(*row).abs() + 0.5
        case["mean"], case["variance"] = tensor(mean), tensor(variance)
        y = F.batch_norm(x, mean, variance, scale, shift, training=True)
        case["mean_after"], case["variance_after"] = tensor(mean), tensor(variance)
        case["later"] = tensor(F.batch_norm(x, mean, variance, scale, shift, training=False).detach())
    else:
        y = F.layer_norm(x, row, scale, shift)
    (y * r).sum().backward()
    case |= {"x": tensor(x), "scale": tensor(scale), "shift": tensor(shift), "r": numbers(r), "y": tensor(y.detach())}
    cases.append(case)
print(json.dumps(cases, indent=None, separators=(",", ":")).replace("},{\"layer\"", "},\n{\"layer\""))
