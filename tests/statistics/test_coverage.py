"""Nominal 95 % intervals cover in about 95 of 100 audits where prompts and templates are both drawn at random."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from rmaudit.statistics import correlation, estimates, intervals
from rmaudit.verdicts import AGREEMENT, RELIABILITY
from tests.statistics import simulate

AUDITS = 500
TRUTH = 0.3
LOOKS = (600, 1500, 4000)
"""A cell that covers outside 93 to 97 % is drawn on, up to the last of these."""
DESIGNS = {
    "250": simulate.unequal(250),
    "40": simulate.unequal(40),
    "60 x 28": simulate.dealt(28),
    "60 x 64": simulate.dealt(64),
}
GROUPS, EVERY = ("250", "40"), tuple(DESIGNS)
MADE = {
    "mean": EVERY,
    "slope_through_origin": EVERY,
    "slope_within": EVERY,
    "slope_within_levels": ("40",),
    "ratio": EVERY,
    "share": EVERY,
    "share_gap": GROUPS,
    "root": GROUPS,
    "between_share": GROUPS,
    "pooled": GROUPS,
    "reliability": GROUPS,
    "reliability_of_noise": GROUPS,
    "within": GROUPS,
    "tau": GROUPS,
}
BOUNDS = {
    "share": intervals.share_interval,
    "share_of_ties": intervals.share_interval,
    "share_gap": intervals.share_gap_interval,
    "reliability": RELIABILITY.bounds,
    "reliability_of_noise": RELIABILITY.bounds,
    "tau": AGREEMENT.bounds,
}
Cell = tuple[str, str, str]
"""An estimator of `simulate`, a design and a shape."""
SHORT: dict[Cell, float] = {
    ("slope_through_origin", "40", "skewed"): 0.926,
    ("slope_within", "40", "skewed"): 0.921,
    ("slope_within_levels", "40", "skewed"): 0.921,
    ("ratio", "40", "skewed"): 0.924,
    ("root", "40", "skewed"): 0.914,
    ("between_share", "40", "skewed"): 0.866,
    ("between_share", "250", "skewed"): 0.926,
    ("reliability", "40", "skewed"): 0.917,
    ("reliability_of_noise", "40", "normal"): 0.928,
    ("reliability_of_noise", "40", "skewed"): 0.912,
    ("reliability_of_noise", "40", "tied"): 0.927,
    ("tau", "40", "skewed"): 0.974,
    ("share_of_ties", "40", "tied"): 0.991,
    ("share_of_ties", "250", "tied"): 0.989,
}
"""Cells outside 93 to 97 %, and what 4,000 audits measured."""
CELLS = [cell for name, designs in MADE.items() for cell in product([name], designs, simulate.SHAPES)]


def coverage(cell: Cell, looks: tuple[int, ...]) -> float:
    """Share of the simulated audits whose interval holds the truth; stops at the first look that finds 93 to 97 %."""
    (name, design, shape), held = cell, 0
    rng = np.random.default_rng(list(" ".join(cell).encode()))
    for audit in range(1, looks[-1] + 1):
        truth, estimate = getattr(simulate, name)(DESIGNS[design], shape, rng)
        low, high = BOUNDS.get(name, intervals.interval)(estimate, 0.95)
        held += low <= truth <= high
        if audit in looks and 0.93 <= held / audit <= 0.97:
            break
    return held / audit


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in SHORT], ids="-".join)
def test_every_estimator_with_clusters_skew_and_ties(cell: Cell) -> None:
    assert 0.93 <= coverage(cell, LOOKS) <= 0.97


@pytest.mark.parametrize("cell", SHORT, ids="-".join)
def test_what_falls_short(cell: Cell) -> None:
    """The intervals that do not cover as often as they say, all but two of them with 40 prompts.

    With exponential tails in all that is drawn, slopes, standard deviations, shares of variance and reliabilities come
    out too low too often, and so do their intervals: a few prompts hold much of what is to be found. The share between
    prompts suffers most, even with 250; an effect in SD misses to both sides. The reliability of noise comes out too
    low without tails too. Two intervals are too wide: that of an agreement near its ceiling, and that of a share of which
    half is ties, which varies less than so many trials would; Wilson's never counts more trials than there are.
    """
    assert coverage(cell, LOOKS[:1]) == pytest.approx(SHORT[cell], abs=0.025)


@pytest.mark.parametrize("shape", simulate.SHAPES)
def test_a_prompt_says_the_same_in_the_population_and_in_an_audit(shape: str) -> None:
    """So that `simulate.within` may compute it once: an audit of 40, from their answers and from what they say."""
    length, score, prompts = simulate.lengths_and_scores(shape)
    drawn = np.isin(prompts, np.unique(prompts)[:40])
    found = correlation.within(length[drawn], score[drawn], prompts[drawn], prompts[drawn])
    again = estimates.mean(simulate.rhos(shape)[: found.n], range(found.n))
    assert intervals.interval(found, 0.95) == pytest.approx(intervals.interval(again, 0.95))


@pytest.mark.parametrize(("per", "of_template"), [(24, 0.3), (4, 0.3), (4, 0.0)])
def test_crossed_random_effects_with_skew_and_ties(per, of_template):
    """60 groups by 24 templates: all combinations, or 4 templates drawn for each group."""
    rng = np.random.default_rng([per, int(10 * of_template)])
    group = np.repeat(np.arange(60), per)
    covered = 0
    for _ in range(AUDITS):
        template = np.argsort(rng.random((60, 24)), axis=1)[:, :per].ravel()
        prompts, fillers = (rng.standard_exponential(count) - 1 for count in (60, 24))
        noise = rng.standard_exponential(group.size) - 1
        y = np.round(TRUTH + 0.5 * prompts[group] + of_template * fillers[template] + noise, 1)
        low, high = intervals.interval(estimates.mean(y, group, template), 0.95)
        covered += low <= TRUTH <= high
    assert 0.92 <= covered / AUDITS <= 0.98


def test_forgetting_the_templates_would_not_cover():
    """The second factor is there for a reason: by group alone, the same data cover far less than they say."""
    rng = np.random.default_rng(3)
    group, template = np.repeat(np.arange(60), 24), np.tile(np.arange(24), 60)
    covered = 0
    for _ in range(200):
        y = TRUTH + 0.3 * rng.normal(size=24)[template] + 0.3 * rng.normal(size=60)[group] + rng.normal(size=group.size)
        low, high = intervals.interval(estimates.mean(y, group), 0.95)
        covered += low <= TRUTH <= high
    assert covered / 200 < 0.85


@pytest.mark.parametrize("share", [0.9, 0.6])
def test_share_with_clustered_trials(share):
    """The same pairs, several in a prompt: Wilson's interval with what the clusters are worth."""
    rng = np.random.default_rng(int(100 * share))
    group = np.repeat(np.arange(60), 6)
    covered = 0
    for _ in range(AUDITS):
        easy = rng.beta(8 * share, 8 * (1 - share), 60)
        won = (rng.random(group.size) < easy[group]).astype(float)
        low, high = intervals.share_interval(estimates.mean(won, group), 0.95)
        covered += low <= share <= high
    assert 0.92 <= covered / AUDITS <= 0.98
