"""What stimuli that may be invalid could do to a number.

A text that does not do what a probe takes it to do (filler that says something, a paraphrase of another meaning) moves
scores for a reason of its own. A reader who did not write the texts finds a share of them invalid; which of today's
texts are so, nobody knows. The interval leaves room for the worst place of that share: just what pulls the number most,
which would be what it is without (the bounds for contaminated samples of Horowitz & Manski 1995, doi:10.2307/2951627).
The share itself is the one to expect, no upper limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rmaudit.statistics.estimates import Estimate, Floats, numbered


@dataclass(frozen=True)
class Doubt:
    """The expected share of invalid texts of one kind, and whether a text is a template: a filler, an opener ..."""

    share: float
    by_template: bool


def expected_share(read: int, doubted: int) -> float:
    """The share of invalid texts to expect where a reader doubted so many (the mean of Jeffreys' posterior): never 0."""
    return (doubted + 0.5) / (read + 1)


def reach(estimate: Estimate, doubt: Doubt) -> tuple[float, float]:
    """How far down and how far up the number would go (both at least 0) without the doubtful texts, at worst.

    Leaving out rows that weigh W of all takes their influence, divided by 1 - W, from a mean or a slope. A template is left
    out with all its rows; of other texts any rows, since no set of texts can do more. All are taken to weigh the same, and
    a share that is no whole number of them takes a part of the next one.
    """
    pulls = _by_template(estimate) if doubt.by_template else _own(estimate, estimate.influence)
    return _largest(pulls, doubt.share), _largest(-pulls, doubt.share)


def _own(estimate: Estimate, values: Floats) -> Floats:
    return values if estimate.own is None else values[estimate.own]


def _by_template(estimate: Estimate) -> Floats:
    templates = estimate.owned(estimate.templates)
    with_one = templates != ""
    index, _ = numbered(templates[with_one])
    return np.bincount(index, weights=_own(estimate, estimate.influence)[with_one]).astype(np.float64)


def _largest(pulls: Floats, share: float) -> float:
    ordered = np.sort(pulls)[::-1]
    taken = np.clip(share * pulls.size - np.arange(pulls.size), 0.0, 1.0)
    return max(0.0, float(ordered @ taken)) / (1 - share)
