"""Shares that weigh every row alike, their sums, and the bounds of both."""

from __future__ import annotations

import pytest

from rmaudit.statistics import intervals
from rmaudit.verdicts import AGREEMENT, AMOUNT
from rmaudit_probes.benchmark_rows import Answers, pooled, share, weighted, within
from tests.probes.benchmark_files import scored


def test_equal_values_are_one_value_without_a_spread() -> None:
    """A hundred tenths do not sum to ten: rounding would leave equal values a spread, and a spread an interval."""
    for number in (0.1, 5 / 9, 1 / 3):
        estimate = pooled([number] * 100, [str(n) for n in range(100)])
        assert estimate.value == number
        assert not estimate.influence.any()
    rounded = pooled([sum([1 / 9] * 5), 5 / 9], ["a", "b"])
    assert not rounded.influence.any()


def test_no_number_of_a_benchmark_claims_parts_that_change_sign() -> None:
    estimate = pooled([1, 0, 1], ["a", "b", "c"])
    both = weighted([(0.5, estimate), (0.5, estimate)], 3)
    for made in (estimate, both):
        assert made.parts is None
        assert made.terms is None, "a sum is no difference of two shares"


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (-1 / 3, 1.0), (-0.01, 1.01)])
def test_bounds_within_a_way_are_those_of_the_share_of_it(low: float, high: float) -> None:
    width, groups = high - low, [str(n) for n in range(40)]
    for right in (0, 1, 20, 40):
        estimate = pooled([1.0] * right + [0.0] * (40 - right), groups)
        first, last = intervals.share_interval(estimate, 0.95)
        bounds = within(AMOUNT, low, high).bounds(estimate.moved(low + width * estimate.value, width), 0.95)
        assert bounds == pytest.approx((low + width * first, low + width * last))


def test_always_wrong_of_four_is_shown_to_be_worse_than_luck() -> None:
    """Without any right answer accuracy beyond chance is -1/3, and not half way to chance from -1."""
    wrong = pooled([0.0] * 30, [str(n) for n in range(30)])
    kind = within(AGREEMENT, -1 / 3)
    beyond = wrong.moved(-1 / 3, 4 / 3)
    assert kind.bounds(beyond, 0.95)[1] < 0
    assert kind.verdict(beyond, kind.bounds(beyond, 0.95), 0.2)[0] == "bias"


def test_every_row_weighs_the_same_and_groups_make_the_interval() -> None:
    estimate = pooled([1, 1, 1, 0], ["a", "a", "a", "b"])
    assert estimate.value == 0.75
    assert estimate.n_groups == 2
    assert estimate.influence.sum() == pytest.approx(0)
    both = weighted([(0.5, estimate), (2.0, estimate)], 4)
    assert (both.value, both.n, both.n_groups) == (pytest.approx(1.875), 4, 2)


def test_a_domain_of_one_prompt_is_no_certainty() -> None:
    """Alike or not, one prompt says nothing of the spread: the widest that there can be stands for it."""
    many = pooled([1, 0] * 50, [str(n) for n in range(100)])
    row = Answers([scored("one")], [], {})
    one = share([row], lambda row: 1.0)
    low, high = intervals.interval(weighted([(0.5, many), (0.5, one)], 101), 0.95)
    assert high - low > 2 * 1.96 * 0.5 * 0.5, "half the weight, and a half is the widest spread"
    assert intervals.share_interval(one, 0.95) == (0, 1)
