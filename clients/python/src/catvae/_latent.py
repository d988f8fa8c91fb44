"""Latent variables by kind: their shapes, their bits, their divergence from the prior.

A code is the numbers that the decoder takes: 0 and 1 for a bit, one-hot for a category, the mean of a Gaussian variable. Its bits are
what a packed code holds. Logits are what the encoder says of each variable.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

#: The mean of a standard normal variable that is above 0, which a bit of a Gaussian variable stands for.
HALF_NORMAL = np.float32(math.sqrt(2 / math.pi))


@dataclasses.dataclass(frozen=True)
class Group:
    """Variables of one kind: `categories` is 0 for bits."""

    variables: int
    categories: int

    @property
    def width(self) -> int:
        return self.variables * max(self.categories, 1)


@dataclasses.dataclass(frozen=True)
class Latent:
    """What a code is made of: the manifest's `latent`."""

    kind: str
    variables: int
    categories: int
    groups: tuple[Group, ...]  # of discrete variables: one for bernoulli and categorical, none for gaussian
    prior: Optional[tuple[float, ...]]  # logits; None for the prior without parameters
    thresholds: tuple[float, ...]
    point: bool
    conditional: bool

    @property
    def gaussian(self) -> bool:
        return self.kind == "gaussian"

    @property
    def layered(self) -> bool:
        return self.kind == "hierarchical"

    @property
    def bits(self) -> int:
        return self.variables if self.gaussian else sum(g.width for g in self.groups)

    @property
    def bytes(self) -> int:
        return (self.bits + 7) // 8

    @property
    def code_shape(self) -> tuple[int, ...]:
        return (self.variables, self.categories) if self.kind == "categorical" else (self.bits,)

    @property
    def logits_shape(self) -> tuple[int, ...]:
        return (self.variables, 2) if self.gaussian else self.code_shape

    @property
    def prior_size(self) -> int:
        """How many logits a learned prior has: of two layers, those of the second."""
        return self.groups[-1].width if self.layered else self.bits

    def pieces(self) -> list[tuple[Group, slice]]:
        """The groups with their places in a row."""
        found, at = [], 0
        for group in self.groups:
            found.append((group, slice(at, at + group.width)))
            at += group.width
        return found

    def query(self, logits: Floats) -> Floats:
        """What a search scores codes by, where the encoder gives no query of its own."""
        if self.gaussian:
            return logits[:, :, 0]
        flat = logits.reshape(len(logits), -1).copy()
        if self.thresholds:
            flat[:, self.decided()] -= np.array(self.thresholds, flat.dtype)
        return flat.reshape(len(logits), *self.code_shape)

    def decided(self) -> npt.NDArray[np.intp]:
        """The places of the bits that are decided by thresholds, in their order."""
        places = [np.arange(s.start, s.stop) for g, s in self.pieces() if g.categories == 0]
        return np.concatenate(places) if places else np.zeros(0, np.intp)

    def unpack(self, packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """The numbers that packed codes stand for, as the decoder takes them."""
        bits = np.unpackbits(packed, axis=1, count=self.bits)
        code = bits.astype(np.float32)
        if self.gaussian:
            code = np.where(bits, HALF_NORMAL, -HALF_NORMAL).astype(np.float32)
        return code.reshape(len(code), *self.code_shape)

    def divergence(self, logits: Floats, code: Floats, prior_logits: Optional[Floats]) -> Floats:
        """KL(q(z|x) || p(z)) of each row in nats. Of two layers `prior_logits` are those of p(z1|z2); else they are None."""
        flat = logits.reshape(len(logits), -1).astype(np.float64)
        if self.gaussian:
            mean, v = flat[:, 0::2], flat[:, 1::2]
            result: Floats = (mean * mean + np.expm1(v) - v).sum(axis=1) / 2
            return result
        prior = np.zeros(self.prior_size) if self.prior is None else np.array(self.prior, np.float32).astype(np.float64)
        prior = np.broadcast_to(prior, (len(flat), len(prior)))
        if prior_logits is not None:
            prior = np.concatenate([prior_logits.reshape(len(flat), -1).astype(np.float64), prior], axis=1)
        hard = code.reshape(len(code), -1).astype(np.float64)
        total = np.zeros(len(flat))
        for group, at in self.pieces():
            cost = _point if self.point else _divergence
            total += cost(group, hard[:, at] if self.point else flat[:, at], prior[:, at])
        return total

    def draw(self, code: Floats, logits: Floats, random: np.random.Generator, groups: tuple[Group, ...]) -> None:
        """Write codes of groups drawn by their logits, both [rows, numbers], into zeros."""
        at = 0
        for group in groups:
            own = logits[:, at : at + group.width].astype(np.float64)
            if group.categories == 0:
                code[:, at : at + group.width] = own + random.logistic(size=own.shape) > 0
            else:
                shape = (len(own), group.variables, group.categories)
                best = (own.reshape(shape) + random.gumbel(size=shape)).argmax(axis=2)
                one_hot = code[:, at : at + group.width].reshape(shape)
                np.put_along_axis(one_hot, best[:, :, None], 1, axis=2)
                code[:, at : at + group.width] = one_hot.reshape(own.shape)
            at += group.width


def log_sigmoid(x: Floats) -> Floats:
    """ln 1/(1+e^-x), which neither overflows nor loses digits."""
    result: Floats = -np.logaddexp(0, -x)
    return result


def log_softmax(x: Floats) -> Floats:
    """x - ln sum e^x over the last axis."""
    x = x - x.max(axis=-1, keepdims=True)
    result: Floats = x - np.log(np.exp(x).sum(axis=-1, keepdims=True))
    return result


def _divergence(group: Group, q: Floats, p: Floats) -> Floats:
    """KL of the variables of a group whose logits are q next to those with the logits p."""
    if group.categories == 0:
        chance = np.exp(log_sigmoid(q))
        terms = chance * (log_sigmoid(q) - log_sigmoid(p)) + (1 - chance) * (log_sigmoid(-q) - log_sigmoid(-p))
    else:
        shape = (len(q), group.variables, group.categories)
        log_q, log_p = log_softmax(q.reshape(shape)), log_softmax(p.reshape(shape))
        terms = (np.exp(log_q) * (log_q - log_p)).reshape(len(q), -1)
    result: Floats = terms.sum(axis=1)
    return result


def _point(group: Group, code: Floats, p: Floats) -> Floats:
    """-ln p(code) of the variables of a group: what a posterior costs that is certain of the code."""
    if group.categories == 0:
        result: Floats = -np.where(code == 1, log_sigmoid(p), log_sigmoid(-p)).sum(axis=1)
        return result
    shape = (len(p), group.variables, group.categories)
    result = -(code.reshape(shape) * log_softmax(p.reshape(shape))).sum(axis=(1, 2))
    return result
