"""Labels for the weakest classes instead of labels at random: what more they bring, if each class learns by the same law."""

import math
from dataclasses import dataclass

import numpy as np

from sartor.curve.laws import Array

_STEPS = 200
"""Portions that the labels are handed out in."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """Labels handed out to classes."""

    labels: Array
    """[classes]"""
    times: float
    """The gain as a multiple of that of labels at random, 1 or more."""


def shrunk(wrong: Array, asked: Array) -> Array:
    """Each class's share of wrong answers, drawn to the share of all as far as chance explains how they differ; [classes].

    Empirical Bayes by moments (Efron & Morris 1975): the class that looks weakest is in part the unluckiest.
    """
    overall = float(wrong.sum() / asked.sum())
    shares = np.divide(wrong, asked, out=np.full(len(asked), overall), where=asked > 0)
    chance = overall * (1 - overall) / np.maximum(asked, 1)
    spread = max(0.0, float(np.average((shares - overall) ** 2 - chance, weights=asked)))
    keep = spread / np.maximum(spread + chance, 1e-12)
    return np.asarray(overall + keep * (shares - overall))


def allocate(errors: Array, have: Array, weights: Array, labels: int, lost: float) -> Allocation:
    """Hand out `labels` where they bring most, in small portions: class c's error falls as (1 + more / have)^−α.

    `errors`, `have` training rows, `weights` (the class's share of all rows): [classes]. α is that by which as many labels at
    random, in proportion to what there is, take the share `lost` of the whole error away.
    """
    total = have.sum()
    alpha = -math.log1p(-min(lost, 0.999)) / math.log1p(labels / total)
    pull = weights * errors

    def left(more: Array) -> Array:
        return np.asarray(pull * (1 + more / have) ** -alpha)

    more, portion = np.zeros(len(have)), labels / _STEPS
    for _ in range(_STEPS):
        more[int(np.argmax(left(more) - left(more + portion)))] += portion
    random = float((pull - left(labels * have / total)).sum())
    aimed = float((pull - left(more)).sum())
    return Allocation(more, max(1.0, aimed / random) if random > 0 else 1.0)
