"""What stimuli that may be invalid could do to a number.

A text that does not do what a probe takes it to do (filler that says something, a paraphrase of another meaning) moves scores
for a reason of its own. A reader who did not write the texts finds a share of them invalid; which of today's texts are so, nobody
knows. The interval leaves room for the worst case: that this share of the texts is just those that pull the number most, and
that it would be what it is without them (the bounds for contaminated samples of Horowitz & Manski 1995, doi:10.2307/2951627).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rmaudit.statistics.estimates import Estimate, Floats, numbered
from rmaudit.statistics.intervals import template_clusters


@dataclass(frozen=True)
class Doubt:
    """The expected share of invalid texts of one kind, and whether a text is a template (filler ...) or a group's own."""

    share: float
    by_template: bool


def expected_share(read: int, doubted: int) -> float:
    """The share of invalid texts to expect where a reader doubted so many (the mean of Jeffreys' posterior): never 0."""
    return (doubted + 0.5) / (read + 1)


def reach(estimate: Estimate, doubt: Doubt) -> tuple[float, float]:
    """How far down and how far up the number would go (both at least 0) without the doubtful texts, at worst.

    Leaving out texts that weigh W of all takes their influence, divided by 1 - W, from a mean or a slope; texts are taken to
    weigh the same. A share that is no whole number of texts takes a part of the next one.
    """
    sums = _by_text(estimate, doubt.by_template)
    return _largest(sums, doubt.share), _largest(-sums, doubt.share)


def _by_text(estimate: Estimate, by_template: bool) -> Floats:
    clusters = template_clusters(estimate) if by_template else estimate.groups
    index, _ = numbered(estimate.owned(clusters))
    own = estimate.influence if estimate.own is None else estimate.influence[estimate.own]
    return np.asarray(np.bincount(index, weights=own), dtype=np.float64)


def _largest(sums: Floats, share: float) -> float:
    ordered = np.sort(sums)[::-1]
    taken = np.clip(share * sums.size - np.arange(sums.size), 0.0, 1.0)
    return max(0.0, float(ordered @ taken)) / (1 - share)
