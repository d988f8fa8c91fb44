"""Writes elbo.json: two small VAEs in PyTorch, float64, for builder's tests to agree with.

    python elbo.py > elbo.json        (torch 2)

Weights, data and noise are drawn here; the objective is written with torch's own functions: the Bernoulli likelihood by
binary_cross_entropy_with_logits, divergences by torch.distributions, relaxations from their definitions.
"""

import json

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Categorical, kl_divergence

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)


def mlp(prefix, sizes):
    names = [str(i + 1) for i in range(len(sizes) - 2)] + ["logits"]
    weights = {}
    for name, (a, b) in zip(names, zip(sizes, sizes[1:])):
        weights[f"{prefix}/{name}/weight"] = torch.randn(a, b) * 0.5
        weights[f"{prefix}/{name}/bias"] = torch.randn(b) * 0.5
    return names, weights


def forward(prefix, names, weights, x):
    for name in names:
        x = x @ weights[f"{prefix}/{name}/weight"] + weights[f"{prefix}/{name}/bias"]
        if name != "logits":
            x = torch.relu(x)
    return x


def case(kind, prior):
    batch, width, variables, categories = 4, 6, 3, 1 if kind == "bernoulli" else 4
    bits = variables * categories
    encoder, we = mlp("encoder", [width, 5, bits])
    decoder, wd = mlp("decoder", [bits, 5, width])
    weights = {**we, **wd}
    shape = [variables] if kind == "bernoulli" else [variables, categories]
    if prior == "learned":
        weights["prior/logits"] = torch.randn(shape) * 0.5
    for w in weights.values():
        w.requires_grad_()
    x, u = torch.rand(batch, width), torch.rand(batch, *shape).clamp(1e-6, 1 - 1e-6)
    tau, kl_weight = 0.7, 0.8

    logits = forward("encoder", encoder, weights, x).reshape(batch, *shape)
    p = weights.get("prior/logits", torch.zeros(shape))
    if kind == "bernoulli":
        z = torch.sigmoid((logits + torch.log(u) - torch.log(1 - u)) / tau)
        kl = kl_divergence(Bernoulli(logits=logits), Bernoulli(logits=p.expand_as(logits))).sum(1)
        hard = (logits > 0).double()
    else:
        z = torch.softmax((logits - torch.log(-torch.log(u))) / tau, dim=-1)
        kl = kl_divergence(Categorical(logits=logits), Categorical(logits=p.expand_as(logits))).sum(1)
        hard = F.one_hot(logits.argmax(-1), categories).double()

    def log_likelihood(code):
        out = forward("decoder", decoder, weights, code.reshape(batch, bits))
        return -F.binary_cross_entropy_with_logits(out, x, reduction="none").sum(1)

    reconstruction = -log_likelihood(z).mean()
    loss = reconstruction + kl_weight * kl.mean()
    loss.backward()
    flat = lambda t: t.detach().flatten().tolist()
    return {
        "kind": kind, "prior": prior, "batch": batch, "width": width, "variables": variables,
        "categories": 0 if kind == "bernoulli" else categories, "hidden": 5, "tau": tau, "kl_weight": kl_weight,
        "x": flat(x), "u": flat(u), "logits": flat(logits), "code": flat(hard), "kl": flat(kl),
        "loss": loss.item(), "reconstruction": reconstruction.item(), "elbo_hard": flat(log_likelihood(hard) - kl),
        "weights": {n: {"shape": list(w.shape), "values": flat(w), "gradient": flat(w.grad)} for n, w in weights.items()},
    }


print(json.dumps([case(k, p) for k in ("bernoulli", "categorical") for p in ("uniform", "learned")], indent=1))
