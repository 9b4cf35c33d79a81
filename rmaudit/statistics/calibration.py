"""Calibration of the Bradley-Terry probability sigmoid(margin) that the better answer wins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import expit

from rmaudit.statistics.estimates import Estimate, Floats, labels, numbers
from rmaudit.statistics.intervals import FEWEST_GROUPS

BINS = 10


def brier_scores(margins: ArrayLike) -> Floats:
    """Squared error of sigmoid(margin) per pair, where margin = score(better) - score(worse); in [0, 1], 0.25 = coin."""
    return np.asarray(np.square(1 - expit(np.asarray(margins, dtype=np.float64))), dtype=np.float64)


def log_losses(margins: ArrayLike) -> Floats:
    """-log sigmoid(margin) per pair, in nats; log 2 = 0.69 is a coin's."""
    return np.asarray(np.logaddexp(0.0, -numbers(margins)), dtype=np.float64)


def calibration_slope(margins: ArrayLike, groups: Sequence[Any]) -> Estimate:
    """The b for which sigmoid(b * margin) is likeliest: 1 / T of the temperature that fits best (Guo et al. 2017,
    arXiv 1706.04599); 1 where probabilities are as stated, below 1 where they are too sure, 0 where margins say nothing.

    Per 1 / score unit. Raises ValueError where fewer than eight groups hold a positive or a negative margin: with margins of
    one sign a steeper b is always likelier, and the few that speak against it are no ground for an interval.
    """
    margin, group = numbers(margins), labels(groups)
    largest = float(np.abs(margin).max(initial=0.0))
    fewest = min(np.unique(group[side]).size for side in (margin > 0, margin < 0))
    if fewest < FEWEST_GROUPS:
        raise ValueError(
            f"pairs that come out wrong, or right, stand in {fewest} prompt groups; a temperature needs {FEWEST_GROUPS}"
        )

    def pull(slope: float) -> float:
        return float(margin @ expit(-slope * margin))

    reach = 1 / largest
    while pull(reach) > 0 or pull(-reach) < 0:
        reach *= 2
    slope = float(brentq(pull, -reach, reach, xtol=1e-12 / largest))
    wrong = expit(-slope * margin)
    curvature = float(np.square(margin) @ (wrong * (1 - wrong)))
    if curvature == 0:
        raise ValueError("the margins differ so much in size that no temperature fits them")
    return Estimate(slope, margin * wrong / curvature, group, np.full(group.shape, ""), margin.size)


def expected_calibration_error(margins: ArrayLike, bins: int = BINS) -> float:
    """Mean gap between the stated probability and the share that came true, over equal-width bins of [0.5, 1].

    (Guo et al. 2017, arXiv 1706.04599.) The stated probability is that of the answer the model prefers, sigmoid(|margin|);
    it comes true where the margin is positive; a tie is half true. Noise alone lifts it above zero.
    """
    gaps = _gaps(margins, [0] * np.size(margins), bins)
    return float(np.abs(gaps).sum() / np.size(margins))


def calibration_interval(
    margins: ArrayLike, groups: Sequence[Any], confidence: float, seed: int, resamples: int = 1000, bins: int = BINS
) -> tuple[float, float]:
    """Bootstrap interval over prompt groups of the expected calibration error, which is no smooth function of the data.

    A sum of absolute gaps is above zero by noise alone, and a resample's more so, so that its lower quantile lies above
    the truth. The upper quantile is taken, and as far below the estimate as it lies above; down to zero where gaps whose
    signs are drawn by chance, group by group, come as large as the estimate. 0 to 1 with a single group.
    """
    _, index, sizes = np.unique(labels(groups), return_inverse=True, return_counts=True)
    count, level = len(sizes), (1 + confidence) / 2
    if count < 2:
        return 0.0, 1.0
    gaps = _gaps(margins, index, bins)
    value = float(np.abs(gaps.sum(axis=0)).sum() / sizes.sum())
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    signs = rng.choice([-1.0, 1.0], size=(resamples, count))
    resampled = np.abs(drawn @ gaps).sum(axis=1) / (drawn @ sizes)
    by_noise = np.abs(signs @ gaps).sum(axis=1) / sizes.sum()
    reach = max(0.0, float(np.quantile(resampled, level)) - value)
    low = 0.0 if value <= np.quantile(by_noise, level) else max(0.0, value - reach)
    return low, min(1.0, value + reach)


def _gaps(margins: ArrayLike, index: ArrayLike, bins: int) -> Floats:
    """What came true less what was stated, summed over the pairs of a group (by index) in a bin: (groups, bins)."""
    margin, group = numbers(margins), np.asarray(index, dtype=np.intp)
    stated = expit(np.abs(margin))
    true = np.where(margin == 0, 0.5, margin > 0)
    place = np.minimum(((stated - 0.5) * 2 * bins).astype(np.intp), bins - 1)
    sums = np.zeros((int(group.max()) + 1, bins))
    np.add.at(sums, (group, place), true - stated)
    return sums
