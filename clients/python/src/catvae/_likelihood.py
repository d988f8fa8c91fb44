"""Likelihoods by name: ln p(row | code) in nats, from the decoder's `reconstruction_logits`.

A function takes x, float64 [rows, values], as the likelihood sees them (standardised where the manifest says so), the decoder's
outputs, float64 [rows, values, k], and the manifest's `likelihood_parameters`. Each is one row of `LIKELIHOODS`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple

import numpy as np

from ._latent import Floats, log_softmax

#: What is added to the square of a row's length, and of the outputs', before a direction is taken.
ROW_SQUARE, OUTPUT_SQUARE = 1e-24, 1e-6


class Likelihood(NamedTuple):
    """How many outputs a value has, by the parameters, and ln p of rows."""

    outputs: Callable[[Mapping[str, Any]], int]
    log_p: Callable[[Floats, Floats, Mapping[str, Any]], Floats]


def _bernoulli(x: Floats, o: Floats, _: Mapping[str, Any]) -> Floats:
    logit = o[:, :, 0]
    result: Floats = (x * logit - np.logaddexp(0, logit)).sum(axis=1)
    return result


def _gaussian(x: Floats, o: Floats, _: Mapping[str, Any]) -> Floats:
    d, v = x - o[:, :, 0], o[:, :, 1]
    result: Floats = -0.5 * (math.log(2 * math.pi) + v + d * d * np.exp(-v)).sum(axis=1)
    return result


def _laplace(x: Floats, o: Floats, _: Mapping[str, Any]) -> Floats:
    s = o[:, :, 1]
    result: Floats = -(np.abs(x - o[:, :, 0]) * np.exp(-s) + s + math.log(2)).sum(axis=1)
    return result


def _levels(parameters: Mapping[str, Any]) -> int:
    return int(parameters.get("levels") or 256)


def _level(x: Floats, levels: int) -> Floats:
    level: Floats = np.clip(np.trunc(x * (levels - 1) + 0.5), 0, levels - 1)
    return level


def _logistic(x: Floats, o: Floats, parameters: Mapping[str, Any]) -> Floats:
    """The share of a logistic distribution between the middles of neighbouring levels, and beyond at both ends."""
    levels = _levels(parameters)
    half, level = 1 / (levels - 1), _level(x, levels)
    d, inverse = 2 * x - 1 - o[:, :, 0], np.exp(-o[:, :, 1])
    first, last = level == 0, level == levels - 1
    terms = np.where(last, 0, -np.logaddexp(0, -(d + half) * inverse))
    terms -= np.where(first, 0, np.logaddexp(0, (d - half) * inverse))
    terms += np.where(first | last, 0, np.log(-np.expm1(-2 * half * inverse)))
    result: Floats = terms.sum(axis=1)
    return result


def _categorical(x: Floats, o: Floats, parameters: Mapping[str, Any]) -> Floats:
    level = _level(x, _levels(parameters)).astype(np.intp)
    result: Floats = np.take_along_axis(log_softmax(o), level[:, :, None], axis=2)[:, :, 0].sum(axis=1)
    return result


def _multinomial(x: Floats, o: Floats, _: Mapping[str, Any]) -> Floats:
    result: Floats = np.where(x != 0, x * log_softmax(o[:, :, 0]), 0).sum(axis=1)
    return result


def _poisson(x: Floats, o: Floats, _: Mapping[str, Any]) -> Floats:
    counts, at = np.unique(x, return_inverse=True)
    factorials = np.array([math.lgamma(n + 1) for n in counts])[at].reshape(x.shape)
    rate = o[:, :, 0]
    result: Floats = (x * rate - np.exp(rate) - factorials).sum(axis=1)
    return result


def _vmf(x: Floats, o: Floats, parameters: Mapping[str, Any]) -> Floats:
    """The von Mises-Fisher distribution of a row's direction around that of the outputs."""
    direction, width = o[:, :, 0], x.shape[1]
    concentration = float(parameters.get("concentration") or width)
    lengths = np.sqrt(((x * x).sum(axis=1) + ROW_SQUARE) * ((direction * direction).sum(axis=1) + OUTPUT_SQUARE))
    result: Floats = concentration * (x * direction).sum(axis=1) / lengths + _vmf_constant(width, concentration)
    return result


def _vmf_constant(width: int, concentration: float) -> float:
    """ln C_d(k) = v ln k - (v+1) ln 2pi - ln I_v(k), v = d/2 - 1."""
    v = width / 2 - 1
    return v * math.log(concentration) - (v + 1) * math.log(2 * math.pi) - _log_bessel(v, concentration)


def _log_bessel(v: float, x: float) -> float:
    """ln I_v(x) of the modified Bessel function of the first kind, by its series from the largest term outwards."""
    top = math.floor(max(0.0, (math.sqrt(v * v + x * x) - v) / 2))
    largest = (2 * top + v) * math.log(x / 2) - math.lgamma(top + 1) - math.lgamma(top + v + 1)
    total, m, term = 1.0, top + 1, 1.0
    while term > 1e-18:
        term *= x * x / 4 / (m * (m + v))
        total += term
        m += 1
    m, term = top, 1.0
    while m > 0 and term > 1e-18:
        term /= x * x / 4 / (m * (m + v))
        total += term
        m -= 1
    return largest + math.log(total)


LIKELIHOODS: dict[str, Likelihood] = {
    "bernoulli": Likelihood(lambda _: 1, _bernoulli),
    "categorical": Likelihood(_levels, _categorical),
    "gaussian": Likelihood(lambda _: 2, _gaussian),
    "laplace": Likelihood(lambda _: 2, _laplace),
    "logistic": Likelihood(lambda _: 2, _logistic),
    "multinomial": Likelihood(lambda _: 1, _multinomial),
    "poisson": Likelihood(lambda _: 1, _poisson),
    "vmf": Likelihood(lambda _: 1, _vmf),
}
