"""Sign-flip p-values: by hand, against scipy's own permutation test, and as often small under noise as they should be."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from rmaudit.statistics import estimates, intervals, sign_flip


def test_all_sign_patterns_of_few_groups_by_hand() -> None:
    x = [3.0, 1.0, 2.0]
    sums = [sum(sign * value for sign, value in zip(signs, x, strict=True)) for signs in product((1, -1), repeat=3)]
    expected = np.mean([abs(total) >= 6 for total in sums])
    assert expected == 2 / 8
    assert sign_flip.p_value(estimates.mean_difference(x, "abc")) == expected


@pytest.mark.parametrize("size", [5, 9, 12])
def test_exact_p_is_that_of_scipy(size: int) -> None:
    x = np.random.default_rng(size).normal(0.5, 1, size)
    expected = stats.permutation_test((x,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip.p_value(estimates.mean_difference(x, range(size))) == pytest.approx(expected)


def test_monte_carlo_counts_the_observed_signs_and_is_never_zero() -> None:
    p = sign_flip.p_value(estimates.mean_difference(np.full(100, 1.0), range(100)))
    assert p == 1 / (1 + sign_flip.DRAWS)
    x = np.random.default_rng(0).normal(0.2, 1, 60)
    expected = stats.permutation_test(
        (x,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(1)
    ).pvalue
    assert sign_flip.p_value(estimates.mean_difference(x, range(60))) == pytest.approx(expected, abs=0.01)


def test_a_group_flips_as_one() -> None:
    x, groups = [1.0, 1.0, 1.0, 1.0], ["a", "a", "b", "b"]
    assert sign_flip.p_value(estimates.mean_difference(x, groups)) == 2 / 4


def test_a_finding_must_hold_for_templates_too() -> None:
    """Forty groups agree, but half of what was found rests on each of two templates."""
    x, groups, templates = np.ones(40), range(40), ["one", "other"] * 20
    assert sign_flip.p_value(estimates.mean_difference(x, groups)) < 0.001
    assert sign_flip.p_value(estimates.mean_difference(x, groups, templates)) == 2 / 4


def test_a_unit_does_not_change_p() -> None:
    rng = np.random.default_rng(2)
    effect = estimates.mean_difference(rng.normal(0.4, 1, 30), range(30))
    unit = estimates.mean_difference(rng.uniform(1, 2, 30), range(30))
    assert sign_flip.p_value(effect / unit) == sign_flip.p_value(effect) == sign_flip.p_value(effect * -3.0)


def test_a_difference_and_a_slope_are_sums_too() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(0.3, 1, 12), rng.normal(0, 1, 12)
    difference = estimates.mean_difference(x, range(12)) - estimates.mean_difference(y, range(12))
    paired = estimates.mean_difference(x - y, range(12))
    assert sign_flip.p_value(difference) == pytest.approx(sign_flip.p_value(paired))
    dose = rng.uniform(1, 3, 12)
    slope = estimates.slope_through_origin(dose, x, range(12))
    assert sign_flip.p_value(slope) == pytest.approx(sign_flip.p_value(estimates.mean_difference(dose * x, range(12))))


def test_what_is_no_sum_has_the_p_of_its_interval() -> None:
    spread = estimates.mean_difference(np.random.default_rng(4).normal(1, 1, 20), range(20)).moved(2.0, 0.5)
    assert sign_flip.p_value(spread) == intervals.p_value(spread)


def test_nothing_at_all_has_p_one() -> None:
    assert sign_flip.p_value(estimates.mean_difference(np.zeros(30), range(30))) == 1


@pytest.mark.parametrize("skewed", [False, True])
def test_p_is_as_often_below_five_percent_as_it_says(skewed: bool) -> None:
    """Clustered noise, symmetric about zero, with heavy tails or not: 5 % within what 400 runs can show."""
    rng, small, runs = np.random.default_rng(5), 0, 400
    for _ in range(runs):
        shared = rng.standard_t(3, 40) if skewed else rng.normal(size=40)
        x = np.repeat(shared, 3) + rng.normal(size=120)
        small += sign_flip.p_value(estimates.mean_difference(x, np.repeat(np.arange(40), 3))) <= 0.05
    assert stats.binomtest(int(small), runs, 0.05).pvalue > 0.001


def test_what_prompts_and_templates_vary_together_counts_too() -> None:
    """Equal variance of both: either alone sees half of it, and would call one null in ten significant at 5 %."""
    rng, few = np.random.default_rng(5), 0
    groups, templates = np.repeat(np.arange(24), 24), np.tile(np.arange(24), 24)
    for _ in range(300):
        x = rng.normal(size=24)[groups] + rng.normal(size=24)[templates] + 0.1 * rng.normal(size=groups.size)
        few += sign_flip.p_value(estimates.mean_difference(x, groups, templates)) < 0.05
    assert few / 300 < 0.07


def test_wins_do_not_change_sign_so_t_tells() -> None:
    wins = estimates.mean(np.repeat([1.0, 0.0], [30, 10]), range(40))
    half = estimates.mean(np.full(40, 0.5), range(40, 80))
    assert sign_flip.p_value(wins - half) == intervals.p_value(wins - half)


def test_beyond_a_thousand_groups_t_tells() -> None:
    x = np.random.default_rng(6).normal(0.05, 1, 2000)
    estimate = estimates.mean_difference(x, range(2000))
    assert sign_flip.p_value(estimate) == intervals.p_value(estimate)
