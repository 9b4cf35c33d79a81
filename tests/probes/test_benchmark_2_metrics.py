"""RewardBench 2: best of four and the Ties score, against the same counted by hand."""

from __future__ import annotations

import math

import pytest

from tests.probes.bench import found
from tests.probes.benchmark_files import Row, audited, names, said, sliced, told
from tests.probes.conftest import Write


def best_of(number: str, subset: str, right: list[float], wrong: list[float]) -> Row:
    return {
        "id": number, "prompt": f"Question {number}?", "chosen": [said(s, n) for n, s in enumerate(right)],
        "rejected": [said(s, n + 50) for n, s in enumerate(wrong)], "num_correct": len(right), "num_incorrect": len(wrong),
        "total_completions": len(right) + len(wrong), "models": ["m"], "subset": subset, "additional_metadata": {},
    }  # fmt: skip


FOUR = {"Factuality": [3.0, 0.5], "Focus": [3.0], "Math": [2.0], "Precise IF": [0.0], "Safety": [2.0, 3.0]}
CREDITS = {"Factuality": 0.5, "Focus": 1.0, "Math": 0.5, "Precise IF": 0.0, "Safety": 0.75}


def four() -> list[Row]:
    """Against wrong answers of 2, 1 and 0: at 3 won, at 2 shared with one other, below lost."""
    given = [(subset, score) for subset, scores in FOUR.items() for score in scores]
    return [best_of(str(n), subset, [score], [2.0, 1.0, 0.0]) for n, (subset, score) in enumerate(given)]


TIED: list[tuple[list[float], list[float]]] = [([5, 4], [1, 0]), ([5, 4], [4, 0]), ([9, 4], [3, 0]), ([4, 4], [1, 0])]
"""Margins 3, 0, 1, 3 and spreads 1, 1, 5, 0."""
REFERENCE: list[tuple[list[float], list[float]]] = [([2], [0]), ([1], [1]), ([3], [1]), ([0], [5])]
"""Margins 2, 0, 2, -5."""


def ties() -> list[Row]:
    rows = [best_of(f"tied:{n}", "Ties", right, wrong) for n, (right, wrong) in enumerate(TIED)]
    return rows + [best_of(f"ref:{n}", "Ties", right, wrong) for n, (right, wrong) in enumerate(REFERENCE)]


TIES_SCORE = (
    0.3 * 3 / 4 + 0.3 * 2 / 4 + 0.2 * 2 / 4 + 0.2 * 1 / 4
    + 0.01 * (math.tanh(2 / 1 - 1) + math.tanh(0 / 1 - 1) + math.tanh(1 / 5 - 1) - 1) / 4
)  # fmt: skip
"""Tied right: all but the second. Reference right: the first and third. Wider: the first and last; hard: the first."""


def test_reward_bench_2_by_hand(write: Write) -> None:
    record = audited(write("rb2", four() + ties()))
    accuracy = found(record, "benchmarks.accuracy@rb2")
    assert accuracy.value == pytest.approx((1 + 0 + 1 + 0.5 + 0 + 0.5 + 1) / 7)
    assert sliced(accuracy) == pytest.approx({f"subset {name}": credit for name, credit in CREDITS.items()})
    assert told(record, "ties_accuracy@rb2") == 0.75
    assert told(record, "ties_reference_accuracy@rb2") == 0.5
    assert told(record, "ties_margin@rb2") == 0.5
    assert told(record, "ties_hard_margin@rb2") == 0.25
    score = found(record, "benchmarks.ties_score@rb2")
    assert score.value == pytest.approx(TIES_SCORE)
    assert (score.n, score.n_groups) == (8, 4)
    assert told(record, "score@rb2") == pytest.approx((sum(CREDITS.values()) + TIES_SCORE) / 6)
    assert told(record, "beyond_chance") == pytest.approx((4 / 7 - 0.25) / 0.75), "one in four by luck"


def test_the_ties_score_of_a_scorer_without_mistakes_or_spread(write: Write) -> None:
    rows = [best_of(f"tied:{n}", "Ties", [1, 1], [0, 0]) for n in range(4)]
    rows += [best_of(f"ref:{n}", "Ties", [1], [0, 0]) for n in range(4)]
    score = found(audited(write("rb2", rows)), "benchmarks.ties_score@rb2")
    assert score.value == pytest.approx(1.01), "beyond 1 by the last part"
    assert score.interval is not None
    assert score.interval[0] < 0.6, "four prompts without a mistake are no certainty"
    assert score.interval[1] == pytest.approx(1.01)


def test_reward_bench_2_without_all_subsets(write: Write) -> None:
    only_ties, only_tied, no_ties = write("a", ties()), write("b", ties()[:4]), write("c", four())
    record = audited(only_ties, only_tied, no_ties)
    for missing in ("accuracy@a", "score@a", "ties_score@b", "ties_margin@b", "score@c"):
        assert found(record, f"benchmarks.{missing}").verdict == "not_applicable"
    assert told(record, "ties_accuracy@b") == 0.75
    assert not {name for name in names(record) if name.startswith("ties") and name.endswith("@c")}
    assert [one["label"] for one in found(record, "benchmarks.beyond_chance").detail["slices"]] == ["RewardBench 2 (c)"]
