"""Estimates that carry their influence function, so that one rule gives every interval.

An estimate is a number together with what each observation adds to it: `value - truth ≈ influence.sum()`. Means,
ratios, slopes, shares and variances are all of this kind (Hampel 1974), sums and ratios of estimates follow by the
delta method, and the interval comes from one two-way clustered variance (see `intervals`). No resampling, so the same
scores give the same interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.str_]
Mask = NDArray[np.bool_]
EQUAL = 1e-12
"""Numbers that differ by less than this share of the largest are one number."""


@dataclass(frozen=True)
class Estimate:
    """A number, and per observation its influence and the two clusters it belongs to.

    influence: (n,), sums to zero for a plain mean. groups: (n,) prompt groups. templates: (n,) the second random factor
    (filler, rewrite ...); an empty string is an observation without one, a cluster of its own group's.
    n: the number of contrasts behind the number. own: (n,) False for rows that only carry a denominator's uncertainty
    (the unit's, in an effect): they widen the interval, but are no evidence and count in none of the n; None: all are own.
    parts: (n,) where the number is a sum of one part per observation, each of which changes sign where its observation does
    (a mean difference, a slope through the origin); None for a number that is no such sum.
    terms: of a difference, the two numbers.
    """

    value: float
    influence: Floats
    groups: Labels
    templates: Labels
    n: int
    own: Mask | None = None
    parts: Floats | None = None
    terms: tuple[Estimate, Estimate] | None = None

    @cached_property
    def n_groups(self) -> int:
        """Number of different prompt groups."""
        return numbered(self.owned(self.groups))[1]

    @cached_property
    def n_templates(self) -> int | None:
        """Number of different templates, None where the estimate has no second factor."""
        found = self.owned(self.templates)
        return numbered(found)[1] - bool((found == "").any()) or None

    def owned(self, clusters: Labels) -> Labels:
        """The labels (n,) of the rows that are the estimate's own."""
        return clusters if self.own is None else clusters[self.own]

    def moved(self, value: float, slope: float) -> Estimate:
        """The same observations seen through a function: its value here, and its slope here (the delta method)."""
        return replace(self, value=value, influence=self.influence * slope, parts=None, terms=None)

    def __mul__(self, factor: float) -> Estimate:
        """Scale by a constant that is known without error."""
        parts = None if self.parts is None else self.parts * factor
        influence = self.influence * factor
        return replace(self, value=self.value * factor, influence=influence, parts=parts, terms=None)

    def __neg__(self) -> Estimate:
        return self * -1.0

    def __sub__(self, other: Estimate) -> Estimate:
        """Difference; what the two share by standing on the same groups is taken into account."""
        own = np.concatenate([_mask(self), _mask(other)])
        made = _joined(self.value - other.value, self, 1.0, other, -1.0, self.n + other.n, own)
        both = None if self.parts is None or other.parts is None else np.concatenate([self.parts, -other.parts])
        return replace(made, parts=both, terms=(self, other))

    def __truediv__(self, other: Estimate) -> Estimate:
        """Ratio by the delta method. The denominator's uncertainty is carried along, its observations are not counted.

        Where the numerator is nothing, so is the ratio, whatever the denominator: the parts are the numerator's.
        """
        if other.value == 0:
            raise ZeroDivisionError("an estimate divided by an estimate of zero")
        value = self.value / other.value
        own = np.concatenate([_mask(self), np.zeros(other.groups.size, dtype=np.bool_)])
        made = _joined(value, self, 1 / other.value, other, -value / other.value, self.n, own)
        none = np.zeros(other.groups.size)
        return replace(made, parts=None if self.parts is None else np.concatenate([self.parts / other.value, none]))


def _mask(estimate: Estimate) -> Mask:
    return np.ones(estimate.groups.size, dtype=np.bool_) if estimate.own is None else estimate.own


def _joined(value: float, a: Estimate, weight_a: float, b: Estimate, weight_b: float, n: int, own: Mask) -> Estimate:
    influence = np.concatenate([a.influence * weight_a, b.influence * weight_b])
    groups = np.concatenate([a.groups, b.groups])
    return Estimate(value, influence, groups, np.concatenate([a.templates, b.templates]), n, own)


def labels(values: Sequence[Any] | NDArray[Any]) -> Labels:
    """Cluster labels as an array of strings; None becomes the empty string: no cluster."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "U":
        return values
    return np.array(["" if value is None else str(value) for value in values], dtype=np.str_)


def numbered(clusters: Labels) -> tuple[NDArray[np.intp], int]:
    """The cluster of every row as a number from 0 on, (n,), in the order of the labels, and how many clusters there are."""
    return _numbered(clusters.tobytes(), clusters.dtype.str)


@lru_cache(maxsize=64)
def _numbered(clusters: bytes, kind: str) -> tuple[NDArray[np.intp], int]:
    # Everything that is asked of one estimate sorts the same labels again: most of an audit's statistics was that.
    found, index = np.unique(np.frombuffer(clusters, kind), return_inverse=True)
    index.flags.writeable = False
    return index, len(found)


def numbers(values: ArrayLike, *, rows: int | None = None) -> Floats:
    """A non-empty row of finite float64 numbers, `rows` of them. Raises ValueError with what came instead."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0 or rows not in (None, array.size):
        raise ValueError(
            f"expected a row of {'one or more' if rows is None else rows} numbers, got shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError("expected finite numbers, got NaN or infinity among them")
    return array


def _prepared(
    values: ArrayLike, groups: Sequence[Any], templates: Sequence[Any] | None = None
) -> tuple[Floats, Labels, Labels]:
    array = numbers(values)
    seconds = labels(templates) if templates is not None else np.full(array.size, "", dtype=np.str_)
    firsts = labels(groups)
    if not firsts.size == seconds.size == array.size:
        raise ValueError(f"expected a group and a template for each of {array.size} numbers")
    return array, firsts, seconds


def mean(values: ArrayLike, groups: Sequence[Any], templates: Sequence[Any] | None = None) -> Estimate:
    """Mean over groups of the mean within each group: every prompt weighs the same, however many contrasts it has."""
    x, group, template = _prepared(values, groups, templates)
    if np.ptp(x) <= EQUAL * np.abs(x).max():  # rounding would leave equal values a spread, and a spread an interval
        return Estimate(float(x[0]), np.zeros(x.size), group, template, x.size)
    index, _ = numbered(group)
    counts = np.bincount(index)
    weights = 1.0 / (counts[index] * len(counts))
    value = float((np.bincount(index, weights=x) / counts).mean())
    return Estimate(value, weights * (x - value), group, template, x.size)


def mean_difference(differences: ArrayLike, groups: Sequence[Any], templates: Sequence[Any] | None = None) -> Estimate:
    """The same mean of paired differences, which change sign together where the sides do (`Estimate.parts`)."""
    found = mean(differences, groups, templates)
    index, _ = numbered(found.groups)
    counts = np.bincount(index)
    return replace(found, parts=numbers(differences) / (counts[index] * len(counts)))


def slope_through_origin(
    dose: ArrayLike, response: ArrayLike, groups: Sequence[Any], templates: Sequence[Any] | None = None
) -> Estimate:
    """Least-squares slope of a paired difference on its dose; no dose, no difference. Unit: response per dose."""
    y, group, template = _prepared(response, groups, templates)
    x = numbers(dose, rows=y.size)
    square = float(x @ x)
    if square == 0:
        raise ValueError("a slope needs at least one dose other than zero")
    value = float(x @ y) / square
    return Estimate(value, x * (y - value * x) / square, group, template, y.size, parts=x * y / square)


def slope_within(
    x: ArrayLike,
    y: ArrayLike,
    blocks: Sequence[Sequence[Any]],
    groups: Sequence[Any],
    templates: Sequence[Any] | None = None,
) -> Estimate:
    """Slope of y on x within blocks (prompt, quality level ...): the blocks' effects are taken out of both first.

    blocks: one or more sequences of labels, each (n,), the one with the most labels first. Crossed blockings are taken
    out together, by least squares (Frisch-Waugh-Lovell). Unit: y per x. Raises ValueError where x does not vary within
    the blocks.
    """
    response, group, template = _prepared(y, groups, templates)
    dose = numbers(x, rows=response.size)
    x_left, y_left = _within([labels(block) for block in blocks], np.column_stack([dose, response])).T
    square = float(x_left @ x_left)
    if square <= 1e-12 * float(dose @ dose):
        raise ValueError("x does not vary within the blocks")
    value = float(x_left @ y_left) / square
    return Estimate(value, x_left * (y_left - value * x_left) / square, group, template, response.size)


def _within(blocks: list[Labels], columns: Floats) -> Floats:
    """What is left of the columns (n, k) beside the blocks. The first block is taken out by its means: it may have
    thousands of labels, where a dummy column for each would not fit."""
    first, *others = blocks
    left = _centred(first, columns)
    dummies = [_centred(first, (block[:, None] == np.unique(block)).astype(np.float64)) for block in others]
    if dummies:
        design = np.hstack(dummies)
        coefficients, *_ = np.linalg.lstsq(design, left, rcond=None)
        left = left - design @ coefficients
    return np.asarray(left, dtype=np.float64)


def _centred(block: Labels, columns: Floats) -> Floats:
    _, index, counts = np.unique(block, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), columns.shape[1]))
    np.add.at(sums, index, columns)
    return np.asarray(columns - (sums / counts[:, None])[index], dtype=np.float64)
