"""Two-way clustered intervals, p-values and the smallest detectable effect.

Prompts and templates (fillers, rewrites ...) are both random: a claim must hold for prompts and for templates that were
not used (Clark 1973; Westfall, Kenny & Judd 2014). The variance is that of Cameron, Gelbach & Miller (2011): by group
plus by template minus by both; where it is smaller than one of the two alone, the larger of those is taken, so that the
interval is never narrower than a one-way one. Student's t with min(groups, templates) - 1 degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
from scipy import stats

from rmaudit.statistics.estimates import EQUAL, Estimate, Labels, numbered

FEWEST_GROUPS = 8
POWER = 0.80
EXTREME = 0.05


def clustered_variance(estimate: Estimate, clusters: Labels) -> float:
    """Sum over clusters (n,) of the squared sum of influences, with the small-sample factor G / (G - 1).

    G counts the clusters of the estimate's own rows: the many prompts behind a unit make the few behind an effect no more.
    """
    index, count = numbered(clusters)
    sums = np.bincount(index, weights=estimate.influence)
    sums[np.abs(sums) <= EQUAL * np.abs(estimate.influence).sum()] = 0.0  # what rounding leaves of nothing
    if estimate.own is not None:
        count = numbered(estimate.owned(clusters))[1]
    return float(np.sum(np.square(sums))) * count / (count - 1) if count > 1 else math.inf


def standard_error(estimate: Estimate) -> float:
    """Two-way clustered standard error, in the estimate's unit.

    Infinite with a single group, and with a single template: one says nothing of how others would differ.
    """
    if estimate.n_groups < 2 or estimate.n_templates == 1:
        return math.inf
    by_group = clustered_variance(estimate, estimate.groups)
    if estimate.n_templates is None:
        return math.sqrt(by_group)
    templates = template_clusters(estimate)
    by_template = clustered_variance(estimate, templates)
    by_both = clustered_variance(estimate, np.char.add(np.char.add(estimate.groups, "\x01"), templates))
    return math.sqrt(max(by_group + by_template - by_both, by_group, by_template))


def template_clusters(estimate: Estimate) -> Labels:
    """The template of every row (n,). A row without one shares none with any other: its own group's stands for it."""
    return np.where(estimate.templates == "", np.char.add("\x00", estimate.groups), estimate.templates)


def degrees_of_freedom(estimate: Estimate) -> int:
    """The smaller number of clusters, less one."""
    return max(1, min(estimate.n_groups, estimate.n_templates or estimate.n_groups) - 1)


def critical_value(estimate: Estimate, confidence: float) -> float:
    """Two-sided Student's t quantile at `confidence`."""
    return _quantile((1 + confidence) / 2, degrees_of_freedom(estimate))


@lru_cache(maxsize=256)
def _quantile(share: float, freedom: int) -> float:
    return float(stats.t.ppf(share, freedom))


def interval(estimate: Estimate, confidence: float) -> tuple[float, float]:
    """Two-sided interval at `confidence` (0 to 1)."""
    half = critical_value(estimate, confidence) * standard_error(estimate)
    return estimate.value - half, estimate.value + half


def share_interval(estimate: Estimate, confidence: float) -> tuple[float, float]:
    """Interval of a share (0 to 1): Wilson's, with the sample size that the clustered variance is worth.

    (Korn & Graubard 1998.) A share of 0 or 1 has no variance to go by: each group counts as one trial there. With a
    single group or template nothing is known, and the interval is 0 to 1.
    """
    share = min(1.0, max(0.0, estimate.value))
    variance = standard_error(estimate) ** 2
    if math.isinf(variance):
        return 0.0, 1.0
    spread = share * (1 - share)
    # Sums of weights leave a share of 1 a rounding error away from it, and such a spread is no spread.
    trials = min(spread / variance, estimate.n) if variance > 1e-18 and spread > 1e-9 else float(estimate.n_groups)
    z = critical_value(estimate, confidence)
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(spread / trials + z * z / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def share_gap_interval(estimate: Estimate, confidence: float) -> tuple[float, float]:
    """Interval of a difference of two shares (`Estimate.terms`), within -1 and 1.

    Near 0 and 1 a share's own spread says too little of what others would give, and none where all are alike. There the wider
    one counts of the plain interval and that of Newcombe (1998, method 10) from the shares' own intervals.
    """
    low, high = interval(estimate, confidence)
    first, second = estimate.terms or (estimate, estimate)
    if any(not EXTREME <= share.value <= 1 - EXTREME or standard_error(share) == 0 for share in (first, second)):
        (low_a, high_a), (low_b, high_b) = (share_interval(share, confidence) for share in (first, second))
        low = min(low, estimate.value - math.hypot(first.value - low_a, high_b - second.value))
        high = max(high, estimate.value + math.hypot(high_a - first.value, second.value - low_b))
    return max(-1.0, low), min(1.0, high)


def p_value(estimate: Estimate, null: float = 0.0) -> float:
    """Two-sided p of `value == null` by the same t.

    Without any spread there is no t: 1 where the value is the null, else the sign test's p of as many equal signs.
    """
    error = standard_error(estimate)
    if error == 0:
        return 1.0 if estimate.value == null else 2.0 ** (1 - estimate.n_groups)
    return float(2 * stats.t.sf(abs(estimate.value - null) / error, degrees_of_freedom(estimate)))


def detectable(estimate: Estimate, confidence: float, more: float = 1.0) -> float:
    """Smallest true effect that an interval at `confidence` would set apart from zero in 80 % of audits like this one.

    The error of the unit that an effect is given in (`Estimate.own`) grows with the effect: it is taken at the effect that
    is sought, not at the one that was found. Infinite where the unit is too uncertain for any effect to be told apart.

    more: the same with this many times the prompt groups, of the same kind, from as many templates: about, since their error
    is taken to shrink with the root.
    """
    groups = round(estimate.n_groups * more)
    freedom = max(1, min(groups, estimate.n_templates or groups) - 1)
    reach = (_quantile((1 + confidence) / 2, freedom) + _quantile(POWER, freedom)) / math.sqrt(more)
    if estimate.own is None or estimate.value == 0:
        return reach * standard_error(estimate)
    error, unit = (
        standard_error(replace(estimate, influence=np.where(rows, estimate.influence, 0.0)))
        for rows in (estimate.own, ~estimate.own)
    )
    left = 1 - (reach * unit / estimate.value) ** 2
    return reach * error / math.sqrt(left) if left > 0 else math.inf


def simultaneous_confidence(confidence: float, headlines: int) -> float:
    """Level of each of `headlines` intervals so that all hold together at `confidence` (Bonferroni)."""
    return 1 - (1 - confidence) / max(1, headlines)
