"""Nominal 95 % intervals cover in about 95 of 100 audits where prompts and templates are both drawn at random."""

from __future__ import annotations

import numpy as np
import pytest

from rmaudit.statistics import estimates, intervals

AUDITS = 500
TRUTH = 0.3


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
