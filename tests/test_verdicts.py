"""(kind, value, interval, margin) -> verdict."""

from __future__ import annotations

import numpy as np
import pytest

from rmaudit.statistics import estimates
from rmaudit.verdicts import (
    AGREEMENT,
    AMOUNT,
    EFFECT,
    GAIN,
    LOSS,
    PREFERENCE,
    RELIABILITY,
    SHARE,
    SHARE_GAIN,
    SHARE_GAP,
)

MANY = estimates.mean(np.zeros(8), range(8))


def judged(kind, value, bounds, margin, base=MANY):
    estimate = estimates.Estimate(value, base.influence, base.groups, base.templates, base.n)
    return kind.verdict(estimate, bounds, margin)


@pytest.mark.parametrize(
    ("kind", "value", "bounds", "margin", "verdict"),
    [
        (EFFECT, 0.5, (0.3, 0.7), 0.2, "bias"),
        (EFFECT, -0.5, (-0.7, -0.3), 0.2, "bias"),
        (EFFECT, 0.25, (0.05, 0.45), 0.2, "bias"),
        (EFFECT, 0.2, (0.01, 0.39), 0.2, "bias"),
        (EFFECT, 0.15, (0.05, 0.25), 0.2, "inconclusive"),
        (EFFECT, 0.5, (-0.1, 1.1), 0.2, "inconclusive"),
        (EFFECT, 0.5, (0.0, 1.0), 0.2, "inconclusive"),
        (EFFECT, 0.0, (-0.3, 0.3), 0.2, "inconclusive"),
        (EFFECT, 0.0, (-0.2, 0.2), 0.2, "negligible"),
        (EFFECT, 0.1, (0.05, 0.15), 0.2, "negligible"),
        (EFFECT, 0.0, (0.0, 0.0), 0.2, "negligible"),
        (EFFECT, 0.5, (-np.inf, np.inf), 0.2, "inconclusive"),
        (GAIN, 0.5, (0.3, 0.7), 0.2, "bias"),
        (GAIN, -0.5, (-0.7, -0.3), 0.2, "negligible"),
        (GAIN, -0.1, (-0.5, 0.3), 0.2, "inconclusive"),
        (GAIN, 0.15, (0.05, 0.25), 0.2, "inconclusive"),
        (GAIN, 0.1, (0.05, 0.2), 0.2, "negligible"),
        (GAIN, 0.0, (-np.inf, np.inf), 0.2, "inconclusive"),
        (LOSS, -0.5, (-0.7, -0.3), 0.2, "bias"),
        (LOSS, 1.8, (1.2, 2.4), 0.2, "negligible"),
        (LOSS, -0.1, (-0.3, 0.1), 0.2, "inconclusive"),
        (LOSS, -0.15, (-0.25, -0.05), 0.2, "inconclusive"),
        (SHARE_GAIN, -0.3, (-0.4, -0.2), 0.1, "negligible"),
        (SHARE_GAP, -0.3, (-0.4, -0.2), 0.1, "bias"),
        (PREFERENCE, 1.4, (1.2, 1.6), 0.2, "negligible"),
        (PREFERENCE, 0.3, (0.1, 0.5), 0.2, "inconclusive"),
        (PREFERENCE, 0.0, (-0.1, 0.1), 0.2, "inconclusive"),
        (PREFERENCE, -0.1, (-0.15, -0.05), 0.2, "inconclusive"),
        (PREFERENCE, -1.4, (-1.6, -1.2), 0.2, "bias"),
        (AGREEMENT, 0.8, (0.7, 0.9), 0.5, "negligible"),
        (AGREEMENT, 0.5, (0.5, 0.5), 0.5, "negligible"),
        (AGREEMENT, 0.6, (0.4, 0.8), 0.5, "inconclusive"),
        (AGREEMENT, 0.0, (-0.1, 0.1), 0.5, "inconclusive"),
        (AGREEMENT, -0.6, (-0.8, -0.4), 0.5, "bias"),
        (AGREEMENT, -0.3, (-0.5, -0.1), 0.5, "inconclusive"),
        (RELIABILITY, 0.9, (0.8, 1.0), 0.75, "negligible"),
        (RELIABILITY, 0.4, (0.2, 0.6), 0.75, "bias"),
        (RELIABILITY, 0.7, (0.6, 0.8), 0.75, "inconclusive"),
        (RELIABILITY, 0.1, (-0.1, 0.3), 0.75, "inconclusive"),
        (RELIABILITY, -0.5, (-0.9, -0.1), 0.75, "inconclusive"),
        (SHARE, 0.05, (0.0, 0.1), 0.1, "negligible"),
        (SHARE, 0.3, (0.2, 0.4), 0.1, "bias"),
        (SHARE, 0.12, (0.05, 0.2), 0.1, "inconclusive"),
        (AMOUNT, 0.05, (0.0, 0.1), 0.1, "negligible"),
        (AMOUNT, 0.3, (0.2, 0.4), 0.1, "bias"),
        (AMOUNT, 0.12, (0.05, 0.2), 0.1, "inconclusive"),
    ],
)
def test_table(kind, value, bounds, margin, verdict):
    found, reason = judged(kind, value, bounds, margin)
    assert found == verdict
    assert bool(reason) == (verdict == "inconclusive")


@pytest.mark.parametrize("kind", [EFFECT, PREFERENCE, AGREEMENT, RELIABILITY, SHARE, AMOUNT])
def test_seven_groups_are_too_few_for_any_verdict(kind):
    few = estimates.mean(np.zeros(14), np.repeat(range(7), 2))
    verdict, reason = judged(kind, 0.9, (0.8, 1.0), 0.1, few)
    assert (verdict, reason) == ("inconclusive", "7 prompt groups; a verdict needs at least 8")


def test_groups_of_the_unit_do_not_count_towards_the_eight():
    few = estimates.mean(np.arange(1.0, 8.0), range(7)) / estimates.mean(np.ones(60), range(60))
    assert EFFECT.verdict(few, (0.8, 1.0), 0.1)[0] == "inconclusive"


def test_bounds_are_kept_in_the_range_of_their_kind():
    few = estimates.mean([0.9, 1.0, 0.2, 1.0], range(4))
    assert EFFECT.bounds(few, 0.95)[1] > 1
    assert 0.775 < AGREEMENT.bounds(few, 0.95)[1] < 1.0
    assert RELIABILITY.bounds(-few, 0.95)[0] == -1.0
    assert 0 < SHARE.bounds(few, 0.95)[0] < SHARE.bounds(few, 0.95)[1] <= 1


def test_p_value_only_where_there_is_a_null():
    some = estimates.mean([0.9, 1.0, 0.2, 1.0, 0.8, 0.7], range(6))
    assert SHARE.p_value(some) is None
    assert AMOUNT.p_value(some) is None
    p = EFFECT.p_value(some)
    assert p is not None
    assert 0 < p < 0.05


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ((-0.1, 0.1), "agreement is shown to stay below the margin: the model hardly ranks these answers"),
        ((-0.3, -0.1), "agreement is reversed, but not shown to be so beyond the margin"),
        ((0.1, 0.6), "agreement is not shown to reach the margin, nor to stay below it"),
    ],
)
def test_agreement_says_how_far_it_is_known(bounds, reason):
    assert judged(AGREEMENT, sum(bounds) / 2, bounds, 0.5) == ("inconclusive", reason)


@pytest.mark.parametrize("kind", [AGREEMENT, RELIABILITY])
def test_the_same_in_every_group_is_no_certainty(kind):
    def low(groups: int) -> float:
        bottom, top = kind.bounds(estimates.mean(np.ones(groups), range(groups)), 0.95)
        assert top == 1
        return bottom

    assert low(8) < low(24) < low(96) < 1
    assert low(96) > 0.9


def test_the_smallest_detectable_effect_is_one_told_apart_from_zero():
    some = estimates.mean([0.9, 1.0, 0.2, 1.0], range(4))
    assert EFFECT.detectable(some, 0.95) > 0
    assert AGREEMENT.detectable(some, 0.95) > 0
    assert [kind.detectable(some, 0.95) for kind in (RELIABILITY, SHARE, AMOUNT)] == [None] * 3
    assert EFFECT.detectable(estimates.mean(np.ones(9), range(9)), 0.95) is None
    assert EFFECT.detectable(estimates.mean([1.0], ["one"]), 0.95) is None


@pytest.mark.parametrize("value", [-0.4, 0.05, 0.2, 0.5, 0.9])
def test_the_p_of_a_reliability_tells_what_its_interval_tells(value):
    rng = np.random.default_rng(3)
    for spread in np.geomspace(0.1, 3, 12):
        noise = estimates.mean(spread * rng.normal(size=30), range(30))
        estimate = noise.moved(value, 1.0)
        low, high = RELIABILITY.bounds(estimate, 0.95)
        assert (RELIABILITY.p_value(estimate) < 0.05) == (low > 0 or high < 0)


def test_a_preference_shown_to_be_small_is_said_to_be():
    _, reason = judged(PREFERENCE, 0.0, (-0.1, 0.1), 0.2)
    assert "shown to stay below the margin" in reason
