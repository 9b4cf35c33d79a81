"""Agreement with a known ranking against brute force."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmaudit.statistics.ranking import kendall_tau, known_pairs, top_one, win

RANKED = st.integers(2, 7).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-3, 3), min_size=n, max_size=n), st.lists(st.integers(0, 3), min_size=n, max_size=n)
    )
)


def tau_b(scores: list[int], ranks: list[int]) -> float:
    """(concordant - discordant) / sqrt(pairs untied in scores * pairs untied in ranks)."""
    agreed = untied_scores = untied_ranks = 0
    for i, j in combinations(range(len(scores)), 2):
        a, b = np.sign(scores[i] - scores[j]), np.sign(ranks[j] - ranks[i])
        agreed += a * b
        untied_scores += a != 0
        untied_ranks += b != 0
    return float(agreed / np.sqrt(untied_scores * untied_ranks))


@settings(deadline=None, max_examples=200)
@given(RANKED)
def test_tau_is_tau_b_by_brute_force(ranked):
    scores, ranks = ranked
    found = kendall_tau(scores, ranks)
    if len(set(ranks)) == 1:
        assert found is None
    elif len(set(scores)) == 1:
        assert found == 0.0
    else:
        assert found == pytest.approx(tau_b(scores, ranks))


def test_tau_of_known_orders():
    assert kendall_tau([3.0, 2.0, 1.0], [0, 1, 2]) == pytest.approx(1.0)
    assert kendall_tau([1.0, 2.0, 3.0], [0, 1, 2]) == pytest.approx(-1.0)
    assert kendall_tau([2.0, 1.0, 1.0], [0, 1, 1]) == pytest.approx(1.0)
    assert kendall_tau([5.0], [0]) is None


def test_known_pairs_put_the_better_first_and_leave_ties_out():
    assert known_pairs([1, 0, 1, 2]) == [(1, 0), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert known_pairs([0, 0]) == []


def test_win():
    assert (win(2.0, 1.0), win(1.0, 2.0), win(1.0, 1.0)) == (1.0, 0.0, 0.5)


def test_top_one_shares_ties():
    assert top_one([3.0, 1.0, 2.0], [0, 1, 2]) == 1.0
    assert top_one([1.0, 3.0, 2.0], [0, 1, 2]) == 0.0
    assert top_one([3.0, 3.0, 2.0], [0, 1, 2]) == 0.5
    assert top_one([1.0, 1.0, 1.0, 1.0], [0, 0, 1, 2]) == 0.5
    assert top_one([1.0, 3.0], [0, 0]) == 1.0
