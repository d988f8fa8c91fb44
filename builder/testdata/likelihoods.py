"""Writes likelihoods.json: ln p of rows and its gradients by torch.distributions, float64, for builder's tests to agree with.

    python likelihoods.py > likelihoods.json        (torch 2)

The discretised logistic distribution is made of torch's transforms, by a difference that is precise for wide ones only; the
von Mises-Fisher distribution is made of its Bessel functions, in 2 and 4 dimensions, where its constants are 1/(2π I0(κ)) and κ/((2π)² I1(κ)).
"""

import json
import math

import torch
from torch.distributions import AffineTransform, Categorical, Laplace, Normal, Poisson, SigmoidTransform, TransformedDistribution, Uniform

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
BATCH, WIDTH = 3, 4


def single(x):
    return x.float().double()  # numbers that float32 has, too


def logistic(x, o):
    n, t = 255, 2 * x - 1
    scale = o[..., 1].exp()
    d = TransformedDistribution(Uniform(torch.zeros(()), torch.ones(())), [SigmoidTransform().inv, AffineTransform(o[..., 0], scale)], validate_args=False)
    upper, lower = d.cdf(t + 1 / n), d.cdf(t - 1 / n)
    upper = torch.where(x > 1 - 0.5 / n, torch.ones_like(upper), upper)
    lower = torch.where(x < 0.5 / n, torch.zeros_like(lower), lower)
    return (upper - lower).log().sum(1)


def vmf(x, o):
    d = x.shape[1]
    kappa = torch.tensor(float(d))
    constant = -math.log(2 * math.pi) - torch.special.i0(kappa).log() if d == 2 else kappa.log() - 2 * math.log(2 * math.pi) - torch.special.i1(kappa).log()
    cosine = (x * o).sum(1) / (x.square().sum(1).sqrt() * (o.square().sum(1) + 1e-6).sqrt())
    return kappa * cosine + constant


def case(kind, x, o, log_p, parameters=None):
    o.requires_grad_()
    p = log_p(x, o)
    weights = torch.arange(1.0, len(p) + 1)
    (gradient,) = torch.autograd.grad((p * weights).sum(), o)
    flat = lambda a: a.detach().flatten().tolist()
    return {"kind": kind, "parameters": parameters or {}, "shape": list(x.shape), "x": flat(x), "outputs": flat(o), "log_p": flat(p), "gradient": flat(gradient)}


real, pair = torch.randn(BATCH, WIDTH), torch.randn(BATCH, WIDTH, 2)
byte = torch.randint(1, 255, (BATCH, WIDTH)).double()
byte[0, 0], byte[1, 1], byte[2, 2] = 0, 255, 255
counts = torch.randint(0, 9, (BATCH, WIDTH)).double()
levels = torch.randint(0, 5, (BATCH, WIDTH)).double()
cases = [
    case("gaussian", single(real), single(pair.clone()), lambda x, o: Normal(o[..., 0], (o[..., 1] / 2).exp()).log_prob(x).sum(1)),
    case("laplace", single(real), single(pair.clone()), lambda x, o: Laplace(o[..., 0], o[..., 1].exp()).log_prob(x).sum(1)),
    case("logistic", single(byte / 255), single(torch.stack([pair[..., 0], pair[..., 1].clamp(-1, 1)], -1)), logistic),
    case("categorical", single(levels / 4), single(torch.randn(BATCH, WIDTH, 5)), lambda x, o: Categorical(logits=o).log_prob((x * 4).round()).sum(1), {"levels": 5}),
    case("multinomial", counts, single(torch.randn(BATCH, WIDTH)), lambda x, o: (x * Categorical(logits=o).logits).sum(1)),
    case("poisson", counts, single(torch.randn(BATCH, WIDTH)), lambda x, o: Poisson(o.exp()).log_prob(x).sum(1)),
    case("vmf", single(real), single(torch.randn(BATCH, WIDTH)), vmf),
    case("vmf", single(real[:, :2]), single(torch.randn(BATCH, 2)), vmf),
]
print(json.dumps(cases))
