"""What must not change an estimate: a shift per prompt, the scale of the scores, the order of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmaudit.statistics import estimates, variance
from rmaudit.statistics.estimates import Estimate
from rmaudit.statistics.intervals import interval, standard_error

QUIET = settings(deadline=None, max_examples=40)
ITEMS, ANSWERS = 12, 4
ITEM = np.repeat(np.arange(ITEMS), ANSWERS)
LEVEL = np.tile(np.arange(ANSWERS), ITEMS)


def scores(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and scores of four answers to each of twelve prompts."""
    rng = np.random.default_rng(seed)
    length = rng.uniform(10, 200, ITEM.size)
    return length, 0.01 * length - LEVEL + rng.normal(size=ITEM.size)


def effect(score: np.ndarray) -> Estimate:
    """Best less worst answer, in units of the spread within prompts."""
    unit = variance.root(variance.pooled_variance(score, ITEM, ITEM))
    return estimates.mean(score[LEVEL == 0] - score[LEVEL == 3], np.arange(ITEMS)) / unit


@QUIET
@given(st.integers(0, 1000), st.lists(st.floats(-100, 100), min_size=ITEMS, max_size=ITEMS))
def test_a_constant_per_prompt_changes_nothing_within_prompts(seed, shifts):
    length, score = scores(seed)
    moved = score + np.array(shifts)[ITEM]
    for made in (
        effect,
        lambda y: estimates.slope_within(length, y, [ITEM, LEVEL], ITEM),
        lambda y: variance.pooled_variance(y, ITEM, ITEM),
    ):
        plain, other = made(score), made(moved)
        assert other.value == pytest.approx(plain.value, rel=1e-9, abs=1e-9)
        assert standard_error(other) == pytest.approx(standard_error(plain), rel=1e-6, abs=1e-9)


@QUIET
@given(st.integers(0, 1000), st.floats(1e-3, 1e3), st.floats(-50, 50))
def test_scale_and_shift_of_the_scores_leave_effects_in_sd_as_they_are(seed, scale, shift):
    _, score = scores(seed)
    plain, scaled = effect(score), effect(scale * score + shift)
    assert scaled.value == pytest.approx(plain.value, rel=1e-7)
    assert interval(scaled, 0.95) == pytest.approx(interval(plain, 0.95), rel=1e-6)
    share = variance.between_share(score, ITEM).value
    assert variance.between_share(scale * score + shift, ITEM).value == pytest.approx(share, rel=1e-6, abs=1e-8)


@QUIET
@given(st.integers(0, 1000), st.permutations(range(ITEM.size)))
def test_the_order_of_rows_changes_nothing(seed, order):
    length, score = scores(seed)
    order = np.array(order)
    for made in (
        lambda x, y, item, level: estimates.mean(y, item, level),
        lambda x, y, item, level: estimates.slope_through_origin(x, y, item, level),
        lambda x, y, item, level: estimates.slope_within(x, y, [item, level], item),
        lambda x, y, item, level: variance.pooled_variance(y, item, item),
        lambda x, y, item, level: variance.between_share(y, item),
    ):
        plain, other = made(length, score, ITEM, LEVEL), made(length[order], score[order], ITEM[order], LEVEL[order])
        assert other.value == pytest.approx(plain.value, rel=1e-9, abs=1e-12)
        assert standard_error(other) == pytest.approx(standard_error(plain), rel=1e-7)


@QUIET
@given(st.integers(0, 1000))
def test_names_of_groups_and_templates_do_not_matter(seed):
    _, score = scores(seed)
    plain = estimates.mean(score, ITEM, LEVEL)
    named = estimates.mean(score, [f"prompt {item}" for item in ITEM], [f"t{9 - level}" for level in LEVEL])
    assert standard_error(named) == pytest.approx(standard_error(plain), rel=1e-12)
