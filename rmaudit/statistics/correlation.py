"""Correlation of two numbers over all observations, and within groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from rmaudit.statistics.estimates import Estimate, Floats, labels, mean, numbers


def pooled(x: ArrayLike, y: ArrayLike, groups: Sequence[Any]) -> Estimate:
    """Pearson's correlation over all observations. The influence of a group is the jackknife's: what changes without it.

    x, y: (n,) numbers. groups: (n,) what is resampled. In [-1, 1]. Raises ValueError where there are fewer than three groups,
    or one of the two numbers does not vary without one of them.
    """
    first, second = _centred(numbers(x)), _centred(numbers(y, rows=np.size(x)))
    owners, index = np.unique(labels(groups), return_inverse=True)
    columns = (np.ones(first.size), first, second, np.square(first), np.square(second), first * second)
    parts = np.array([np.bincount(index, weights=column) for column in columns])
    whole = parts.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value, left_out = float(_pearson(whole)), _pearson(whole[:, None] - parts)
    if len(owners) < 3 or not np.isfinite(value) or not np.isfinite(left_out).all():
        raise ValueError("a correlation needs three groups, and numbers that vary")
    influence = (left_out.mean() - left_out) * (len(owners) - 1) / len(owners)
    return Estimate(value, influence, owners, np.full(len(owners), ""), first.size)


def pooled_within(x: ArrayLike, y: ArrayLike, blocks: Sequence[Any], groups: Sequence[Any]) -> Estimate:
    """Pearson's correlation of what is left of both numbers beside the means of their block (a prompt): `pooled` without
    what differs between blocks. Raises as `pooled`.

    blocks: (n,) what the means are taken of; groups: (n,) what is resampled, the same throughout a block.
    """
    _, index, sizes = np.unique(labels(blocks), return_inverse=True, return_counts=True)
    first, second = (
        values - (np.bincount(index, weights=values) / sizes)[index]
        for values in (_centred(numbers(x)), _centred(numbers(y, rows=np.size(x))))
    )
    return pooled(first, second, groups)


def within(x: ArrayLike, y: ArrayLike, blocks: Sequence[Any], groups: Sequence[Any]) -> Estimate:
    """Mean over blocks of Spearman's rank correlation within a block (Spearman 1904). In [-1, 1].

    blocks: (n,) what is correlated within (a prompt); groups: (n,) what is resampled, the same throughout a block. A block in
    which y is constant has 0: nothing follows x there. Blocks in which x is constant say nothing and are left out; raises
    ValueError where none is left.
    """
    dose, response = numbers(x), numbers(y, rows=np.size(x))
    _, first, index = np.unique(labels(blocks), return_index=True, return_inverse=True)
    owners = labels(groups)[first]
    told, kept = [], []
    for block in range(len(first)):
        rows = index == block
        if np.ptp(dose[rows]) > 0:
            flat = np.ptp(response[rows]) == 0
            told.append(0.0 if flat else float(stats.spearmanr(dose[rows], response[rows]).statistic))
            kept.append(owners[block])
    if not told:
        raise ValueError("no group holds two different doses")
    return mean(told, kept)


def _centred(values: Floats) -> Floats:
    """About zero, else the squares of large numbers would swallow their differences; what is left by rounding is none."""
    centred = values - values.mean()
    return np.where(np.abs(centred) <= 1e-12 * np.abs(values).max(), 0.0, centred)


def _pearson(sums: Floats) -> Floats:
    """Pearson's correlation from count, sums of x and y, of their squares and of their products."""
    count, x, y, xx, yy, xy = sums
    spread = np.sqrt((count * xx - np.square(x)) * (count * yy - np.square(y)))
    return np.asarray((count * xy - x * y) / spread, dtype=np.float64)
