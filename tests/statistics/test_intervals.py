"""Two-way clustered errors, intervals, p-values and detectable effects, with their edges."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from rmaudit.statistics import estimates, intervals
from rmaudit.statistics.estimates import Estimate
from rmaudit.statistics.intervals import share_interval


def by_hand(influence: np.ndarray, clusters: list[str]) -> float:
    """Sum over clusters of the squared sum, written as loops."""
    sums: dict[str, float] = {}
    for value, cluster in zip(influence, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value
    return sum(value**2 for value in sums.values()) * len(sums) / (len(sums) - 1)


def test_variance_of_cameron_gelbach_and_miller_by_hand():
    group = ["a", "a", "b", "b", "c", "c", "d"]
    template = ["s", "t", "t", "u", "s", "u", "s"]
    estimate = estimates.mean([1.0, 5.0, 2.0, 4.0, 4.5, 9.0, 0.0], group, template)
    influence = estimate.influence
    both = [f"{g}|{t}" for g, t in zip(group, template, strict=True)]
    parts = [by_hand(influence, clusters) for clusters in (group, template, both)]
    expected = max(parts[0] + parts[1] - parts[2], parts[0], parts[1])
    assert intervals.standard_error(estimate) == pytest.approx(math.sqrt(expected))


def test_two_way_interval_is_never_narrower_than_a_one_way_one():
    rng = np.random.default_rng(0)
    for _ in range(50):
        group, template = rng.integers(0, 12, 60), rng.integers(0, 6, 60)
        estimate = estimates.mean(rng.normal(size=60), group, template)
        one_way = estimates.mean(np.zeros(60), group)
        one_way = Estimate(estimate.value, estimate.influence, one_way.groups, one_way.templates, 60)
        assert intervals.standard_error(estimate) >= intervals.standard_error(one_way) - 1e-15


def test_observations_without_a_template_are_clustered_by_group_alone():
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(30), 4)
    values = rng.normal(size=120) + rng.normal(size=30)[group]
    plain = estimates.mean(values, group)
    none = estimates.mean(values, group, [None] * 120)
    assert none.n_templates is None
    assert intervals.standard_error(none) == intervals.standard_error(plain)
    assert intervals.degrees_of_freedom(none) == 29


def test_degrees_of_freedom_are_those_of_the_scarcer_factor():
    group = np.repeat(np.arange(30), 4)
    estimate = estimates.mean(np.arange(120.0), group, np.tile(["a", "b", "c", "d"], 30))
    assert intervals.degrees_of_freedom(estimate) == 3
    unit = estimates.mean(np.arange(1.0, 201.0), np.arange(200))
    assert intervals.degrees_of_freedom(estimate / unit) == 3


def test_interval_is_students_t():
    values = np.array([0.3, -0.1, 0.8, 0.4, 0.6, 0.2])
    expected = stats.t.interval(0.9, 5, loc=values.mean(), scale=values.std(ddof=1) / math.sqrt(6))
    assert intervals.interval(estimates.mean(values, range(6)), 0.9) == pytest.approx(expected)


def test_p_value_is_that_of_a_t_test():
    values = np.array([0.3, -0.1, 0.8, 0.4, 0.6, 0.2])
    estimate = estimates.mean(values, range(6))
    assert intervals.p_value(estimate) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert intervals.p_value(estimate, null=0.5) == pytest.approx(stats.ttest_1samp(values, 0.5).pvalue)


def test_p_value_without_any_spread():
    same = estimates.mean([2.0, 2.0, 2.0], ["a", "b", "c"])
    assert intervals.p_value(same) == 0.25  # three equal signs, two-sided
    assert intervals.p_value(same, null=2.0) == 1.0


def test_p_value_and_interval_agree_on_zero():
    rng = np.random.default_rng(7)
    for shift in np.linspace(-1, 1, 21):
        estimate = estimates.mean(rng.normal(size=20) + shift, range(20))
        low, high = intervals.interval(estimate, 0.95)
        assert (intervals.p_value(estimate) < 0.05) == (low > 0 or high < 0)


@pytest.mark.parametrize("templates", [None, ["s", "t", "u"], ["s", "s", "s"]])
def test_one_group_says_nothing_and_never_gives_nan(templates):
    estimate = estimates.mean([1.0, 2.0, 4.0], ["a", "a", "a"], templates)
    assert intervals.standard_error(estimate) == math.inf
    assert intervals.interval(estimate, 0.95) == (-math.inf, math.inf)
    assert intervals.detectable(estimate, 0.95) == math.inf
    assert intervals.p_value(estimate) == 1.0
    assert share_interval(estimate, 0.95) == (0.0, 1.0)


def test_one_template_says_nothing_of_others_also_in_another_unit():
    estimate = estimates.mean([1.0, 2.0, 4.0], ["a", "b", "c"], ["s", "s", "s"])
    unit = estimates.mean([1.0, 2.0, 4.0], ["a", "b", "c"])
    assert intervals.standard_error(estimate) == math.inf
    assert intervals.standard_error(estimate / unit) == math.inf


def test_share_interval_is_wilsons_for_single_trials():
    won = np.array([1.0] * 30 + [0.0] * 10)
    estimate = estimates.mean(won, range(40))
    z = stats.t.ppf(0.975, 39)
    trials = 0.75 * 0.25 / intervals.standard_error(estimate) ** 2
    assert trials == pytest.approx(39)
    centre = (0.75 + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(0.75 * 0.25 / trials + z**2 / (4 * trials**2))
    assert share_interval(estimate, 0.95) == pytest.approx((centre - half, centre + half))


@pytest.mark.parametrize("groups", [9, 40, 49, 98, 103])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_share_of_none_or_all_counts_each_group_as_one_trial(groups, share):
    """49 weights of 1/49 add up to less than 1: the rounding error is no spread."""
    estimate = estimates.mean([share] * (3 * groups), np.repeat(np.arange(groups), 3))
    low, high = share_interval(estimate, 0.95)
    z = stats.t.ppf(0.975, groups - 1)
    width = z**2 / groups / (1 + z**2 / groups)
    assert (low, high) == pytest.approx((0, width) if share == 0 else (1 - width, 1), abs=1e-6)


def test_share_interval_without_variance_between_groups():
    estimate = estimates.mean([0.0, 1.0] * 12, np.repeat(np.arange(12), 2))
    low, high = share_interval(estimate, 0.95)
    assert 0 < low < 0.5 < high < 1
    assert high - 0.5 == pytest.approx(0.5 - low)


def test_clustered_share_interval_is_wider():
    won = np.array([1.0, 0.0] * 20)
    spread = share_interval(estimates.mean(np.sort(won), range(40)), 0.95)
    clustered = share_interval(estimates.mean(np.sort(won), np.repeat(np.arange(10), 4)), 0.95)
    assert clustered[1] - clustered[0] > 1.5 * (spread[1] - spread[0])


def test_detectable_is_found_in_four_of_five_audits():
    rng = np.random.default_rng(11)
    reach = np.mean([intervals.detectable(estimates.mean(rng.normal(size=30), range(30)), 0.95) for _ in range(300)])
    assert reach == pytest.approx((2.045 + 0.854) / math.sqrt(30), rel=0.02)
    found = 0
    for _ in range(1000):
        low, _ = intervals.interval(estimates.mean(rng.normal(size=30) + reach, range(30)), 0.95)
        found += low > 0
    assert 0.76 <= found / 1000 <= 0.84


def test_detectable_does_not_grow_with_the_effect_that_was_found():
    """The error of the unit belongs to the effect: what could be told from zero is the same for a strong and a weak one."""
    rng = np.random.default_rng(6)
    noise, unit = rng.normal(size=60), estimates.mean(2 + 0.8 * rng.normal(size=60), range(60))
    weak, strong = (intervals.detectable(estimates.mean(at + noise, range(60)) / unit, 0.95) for at in (0.5, 20.0))
    assert weak == pytest.approx(strong)
    known = intervals.detectable(estimates.mean(noise, range(60)) * (1 / unit.value), 0.95)
    assert known < strong < 1.02 * known


def test_what_a_larger_audit_could_detect_is_about_what_it_does():
    rng = np.random.default_rng(8)
    small, large = (
        estimates.mean(rng.normal(size=groups), range(groups)) / estimates.mean(rng.normal(4, 1, groups), range(groups))
        for groups in (32, 256)
    )
    expected = intervals.detectable(large, 0.95)
    assert intervals.detectable(small, 0.95, 8) == pytest.approx(expected, rel=0.25)
    assert intervals.detectable(small, 0.95, 1) == intervals.detectable(small, 0.95) > 2 * expected


def test_nothing_can_be_told_in_a_unit_that_is_not_known_itself():
    rng = np.random.default_rng(7)
    unit = estimates.mean(0.5 + 2 * rng.normal(size=60), range(60))
    assert intervals.detectable(estimates.mean(1 + rng.normal(size=60), range(60)) / unit, 0.95) == math.inf


def test_detectable_grows_with_the_level():
    estimate = estimates.mean([0.3, -0.1, 0.8, 0.4, 0.6, 0.2], range(6))
    reaches = [intervals.detectable(estimate, level) for level in (0.8, 0.95, 0.99)]
    assert all(a < b for a, b in pairwise(reaches))


def test_simultaneous_confidence_is_bonferronis():
    assert intervals.simultaneous_confidence(0.95, 5) == pytest.approx(0.99)
    assert intervals.simultaneous_confidence(0.95, 1) == pytest.approx(0.95)
    assert intervals.simultaneous_confidence(0.95, 0) == pytest.approx(0.95)


@pytest.mark.parametrize("groups", [9, 10, 16, 20, 64, 128])
def test_one_value_everywhere_has_no_spread_however_it_rounds(groups):
    same = estimates.mean(np.full(groups, 1 / 3), range(groups))
    assert (same.value, intervals.standard_error(same)) == (1 / 3, 0.0)
    split = estimates.mean(np.tile([0.1, 0.7, 0.3], groups), np.repeat(np.arange(groups), 3))
    assert intervals.standard_error(split) == 0.0


def test_gap_of_two_shares_that_are_all_or_nothing_is_newcombes():
    """Newcombe 1998, method 10: 0 of 12 against 0 of 11, from Wilson's own bounds."""
    first, second = estimates.mean(np.ones(12), range(12)), estimates.mean(np.ones(11), range(12, 23))
    (low_a, _), (low_b, _) = (intervals.share_interval(share, 0.95) for share in (first, second))
    low, high = intervals.share_gap_interval(first - second, 0.95)
    assert low == pytest.approx(-(1 - low_a))
    assert high == pytest.approx(1 - low_b)
    assert high - low > 0.4


def test_gap_of_middling_shares_is_the_plain_one():
    rng = np.random.default_rng(4)
    first, second = (estimates.mean(rng.random(60) < 0.6, range(60)) for _ in range(2))
    assert intervals.share_gap_interval(first - second, 0.95) == intervals.interval(first - second, 0.95)
