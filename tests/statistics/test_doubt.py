"""What texts in doubt can do to a number, against leaving every possible set of them out."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmaudit.statistics import estimates
from rmaudit.statistics.doubt import Doubt, expected_share, reach

NUMBERS = st.lists(st.floats(-5, 5), min_size=4, max_size=7)


@given(NUMBERS, st.integers(1, 2))
def test_mean_without_any_texts_stays_within_reach_and_one_such_mean_is_at_its_end(
    values: list[float], out: int
) -> None:
    groups = [f"g{place}" for place in range(len(values))]
    estimate = estimates.mean(values, groups)
    down, up = reach(estimate, Doubt(out / len(values), by_template=False))
    left = [np.mean(kept) for kept in combinations(values, len(values) - out)]
    assert min(left) == pytest.approx(estimate.value - down, abs=1e-9)
    assert max(left) == pytest.approx(estimate.value + up, abs=1e-9)


def test_a_template_is_left_out_with_all_its_contrasts() -> None:
    values = [9.0, 9.0, 1.0, 1.0, 2.0, 2.0, 0.0, 0.0]
    groups, fillers = ["a", "b"] * 4, ["f", "f", "g", "g", "h", "h", "i", "i"]
    estimate = estimates.mean(values, groups, fillers)
    assert estimate.value == 3.0
    down, up = reach(estimate, Doubt(1 / 4, by_template=True))
    assert (down, up) == (pytest.approx(2.0), pytest.approx(1.0))  # without f: 1; without i: 4


def test_a_part_of_a_text_takes_that_part_of_its_influence() -> None:
    estimate = estimates.mean([4.0, 0.0, 0.0, 0.0], list("abcd"))
    down, _ = reach(estimate, Doubt(0.125, by_template=False))
    assert down == pytest.approx(0.5 * 0.75 / (1 - 0.125))


def test_slope_without_its_steepest_text() -> None:
    dose, response, groups = [1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 2.0, 9.0], list("abcd")
    estimate = estimates.slope_through_origin(dose, response, groups)
    down, _ = reach(estimate, Doubt(0.25, by_template=False))
    assert estimate.value - down == pytest.approx(
        estimates.slope_through_origin(dose[:3], response[:3], groups[:3]).value
    )


def test_rows_of_the_unit_are_no_texts_in_doubt() -> None:
    effect, unit = estimates.mean([1.0, 2.0, 3.0], list("abc")), estimates.mean([2.0, 2.0, 2.0, 2.0], list("abcd"))
    doubt = Doubt(1 / 3, by_template=False)
    assert reach(effect / unit, doubt) == pytest.approx(tuple(way / 2 for way in reach(effect, doubt)))


def test_expected_share_is_never_nothing() -> None:
    assert expected_share(0, 0) == 0.5
    assert expected_share(99, 0) == 0.005
    assert expected_share(99, 9) == 0.095
