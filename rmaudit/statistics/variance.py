"""Spread within and between clusters: the unit of every effect, and what share of the variance belongs to what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rmaudit.statistics.estimates import Estimate, Floats, labels, numbers


def pooled_variance(values: ArrayLike, clusters: Sequence[Any], groups: Sequence[Any]) -> Estimate:
    """Variance within clusters, pooled: sum of squares over sum of degrees of freedom. Unit: that of values, squared.

    clusters: (n,) what is pooled over (an item's answers, an item's rewrites); groups: (n,) what is resampled.
    Raises ValueError where no cluster holds two values.
    """
    x = numbers(values)
    _, first, index, counts = np.unique(labels(clusters), return_index=True, return_inverse=True, return_counts=True)
    means = np.bincount(index, weights=x) / counts
    squares = np.bincount(index, weights=np.square(x - means[index]))
    freedom = counts - 1
    if freedom.sum() == 0:
        raise ValueError("no cluster holds two values, so there is no spread within clusters")
    value = float(squares.sum() / freedom.sum())
    influence = (squares - value * freedom) / freedom.sum()
    used = freedom > 0
    owners = labels(groups)[first][used]
    return Estimate(value, influence[used], owners, np.full(owners.size, ""), int(counts[used].sum()))


def root(variance: Estimate) -> Estimate:
    """Standard deviation from a variance, by the delta method."""
    value = float(np.sqrt(variance.value))
    slope = 0.5 / value if value > 0 else 0.0
    return variance.moved(value, slope)


def one_minus(estimate: Estimate) -> Estimate:
    """The complement of a share."""
    return estimate.moved(1 - estimate.value, -1.0)


def between_share(values: ArrayLike, groups: Sequence[Any]) -> Estimate:
    """Share of the variance that belongs to the group alone: ICC(1) of a one-way random-effects analysis of variance.

    (Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420, with the mean group size for unequal groups.) Below zero where
    groups differ less than their members do. The influence of a group is the jackknife's: what changes without it.
    Raises ValueError where there are fewer than three groups, or nothing varies.
    """
    x = numbers(values)
    owners, index, counts = np.unique(labels(groups), return_inverse=True, return_counts=True)
    x = x - x.mean()  # else the squares of large scores would swallow their differences
    sums = np.bincount(index, weights=x)
    within = np.bincount(index, weights=np.square(x - (sums / counts)[index]))
    parts = np.array([np.ones(len(owners)), counts, np.square(counts), sums, np.square(sums) / counts, within])
    whole = parts.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(_between_share(whole))
        left_out = _between_share(whole[:, None] - parts)
    if len(owners) < 3 or not np.isfinite(value) or not np.isfinite(left_out).all():
        raise ValueError("the share of a group needs three groups, two of them with two values or more that vary")
    influence = (left_out.mean() - left_out) * (len(owners) - 1) / len(owners)
    return Estimate(value, influence, owners, np.full(len(owners), ""), x.size)


def _between_share(parts: Floats) -> Floats:
    """ICC(1) from groups, values, squared group sizes, sum, squares between the groups and squares within them."""
    groups, size, sizes, total, between, within = parts
    mean_between = (between - np.square(total) / size) / (groups - 1)
    mean_within = within / (size - groups)
    part = (mean_between - mean_within) * (groups - 1) / (size - sizes / size)
    return np.asarray(part / (part + mean_within), dtype=np.float64)
