"""The numbers of known benchmarks, from native rows whose answers say what they score, against the same counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

import rmaudit
from rmaudit.benchmarks import TITLES
from rmaudit.benchmarks.reward_bench import SECTIONS
from rmaudit_probes.benchmark_metrics import BENCHMARKS
from tests.probes.bench import by, found, value
from tests.probes.benchmark_files import Row, audited, names, rm_bench, said, sliced, told, worth
from tests.probes.conftest import Write


def pairs_of(fields: tuple[str, str, str], scores: list[tuple[float, float]], **more: Any) -> list[Row]:
    """Rows of a pair: (better, worse) scores under the names prompt, first, second."""
    prompt, first, second = fields
    return [
        {prompt: f"Question {n}?", first: said(a, 1), second: said(b, 2), **more} for n, (a, b) in enumerate(scores)
    ]


# ----------------------------------------------------------------------------------------------------------- RewardBench
def reward_bench(number: int, subset: str, right: float, wrong: float = 0.0) -> Row:
    return {
        "prompt": f"Question {number}?", "chosen": said(right, 1), "rejected": said(wrong, 2), "chosen_model": "a",
        "rejected_model": "b", "subset": subset, "id": number,
    }  # fmt: skip


def test_reward_bench_sections_weigh_their_subsets(write: Write) -> None:
    given = {"alpacaeval-easy": [1, 1], "mt-bench-med": [1, -1, -1, 0], "mt-bench-hard": [-1],
             "donotanswer": [1, -1], "math-prm": [1, 1, 1], "hep-go": [-1, -1]}  # fmt: skip
    scored = [(subset, score) for subset, scores in given.items() for score in scores]
    record = audited(write("rb", [reward_bench(n, subset, score) for n, (subset, score) in enumerate(scored)]))
    assert told(record, "accuracy@rb") == pytest.approx(7 / 14), "the tie is wrong"
    subsets = sliced(found(record, "benchmarks.accuracy@rb"))
    assert subsets["subset mt-bench-med"] == 0.25
    chat = (100 * 1 + 40 * 0.25) / 140
    reasoning = 984 / (984 + 164)
    assert told(record, "chat_accuracy@rb") == pytest.approx(chat)
    assert told(record, "chat_hard_accuracy@rb") == 0
    assert told(record, "safety_accuracy@rb") == 0.5
    assert told(record, "reasoning_accuracy@rb") == pytest.approx(reasoning)
    assert told(record, "score@rb") == pytest.approx((chat + 0 + 0.5 + reasoning) / 4)
    assert found(record, "benchmarks.chat_accuracy@rb").n == 6
    assert found(record, "benchmarks.score@rb").n == 14


def test_reward_bench_without_a_section_has_no_score(write: Write) -> None:
    rows = [reward_bench(n, subset, 1.0) for n, subset in enumerate(["hep-go", "of my own", *SECTIONS["Chat"]])]
    record = audited(write("rb", rows))
    assert told(record, "accuracy@rb") == told(record, "chat_accuracy@rb") == told(record, "reasoning_accuracy@rb") == 1
    for lacking in ("safety_accuracy", "chat_hard_accuracy", "score"):
        missing = found(record, f"benchmarks.{lacking}@rb")
        assert (missing.value, missing.verdict) == (None, "not_applicable")
        assert missing.reason


# ----------------------------------------------------------------------------------------------------------- other pairs
def test_eval_bias_bench_by_bias(write: Write) -> None:
    fields, scores = ("instruction", "response1", "response2"), [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5)]
    rows = [
        *pairs_of(fields, scores, label=1, bias="length bias"),
        *pairs_of(fields, scores, label=2, bias="empty reference"),
    ]
    record = audited(write("ebb", rows))
    assert told(record, "accuracy@ebb") == pytest.approx(1 / 3), "equal scores are wrong"
    assert sliced(found(record, "benchmarks.accuracy@ebb")) == pytest.approx(
        {"bias empty reference": 1 / 3, "bias length bias": 1 / 3}
    )
    assert found(record, "benchmarks.accuracy@ebb").n_groups == 3, "rows of one prompt are one group"


def test_judge_bench_by_source(write: Write) -> None:
    fields = ("question", "response_A", "response_B")
    rows = pairs_of(fields, [(1.0, 0.0), (2.0, 0.0), (0.0, 1.0)], label="A>B", source="mmlu-pro-law")
    rows += pairs_of(fields, [(1.0, 1.0), (0.0, 1.0)], label="B>A", source="livecodebench")
    record = audited(write("jb", [{**row, "pair_id": str(n)} for n, row in enumerate(rows)]))
    assert told(record, "accuracy@jb") == pytest.approx(3 / 5), "a tie is wrong in both orders"
    assert told(record, "mmlu_pro_accuracy@jb") == pytest.approx(2 / 3)
    assert told(record, "livecodebench_accuracy@jb") == pytest.approx(1 / 2)
    assert found(record, "benchmarks.livebench_math_accuracy@jb").verdict == "not_applicable"
    assert sliced(found(record, "benchmarks.accuracy@jb"))["source mmlu-pro-law"] == pytest.approx(2 / 3)


def test_ties_count_one_half_in_llmbar_and_hh_rlhf(write: Write) -> None:
    scores = [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (2.0, 2.0)]
    dialogues = [
        {"chosen": f"\n\nHuman: Question {n}?\n\nAssistant: {said(a, 1)}",
         "rejected": f"\n\nHuman: Question {n}?\n\nAssistant: {said(b, 2)}"}
        for n, (a, b) in enumerate(scores[:3])
    ]  # fmt: skip
    record = audited(write("bar", pairs_of(("input", "output_1", "output_2"), scores, label=1)), write("hh", dialogues))
    assert told(record, "accuracy@bar") == pytest.approx((1 + 0 + 0.5 + 0.5) / 4)
    assert told(record, "accuracy@hh") == pytest.approx((1 + 0 + 0.5) / 3)


# ---------------------------------------------------------------------------------------------------------- the headline
def test_the_headline_is_the_mean_over_the_files(write: Write) -> None:
    fields = ("input", "output_1", "output_2")
    first = write("one", pairs_of(fields, [(1.0, 0.0)] * 30, label=1))
    second = write("two", pairs_of(fields, [(1.0, 0.0)] * 15 + [(0.0, 1.0)] * 15, label=1))
    headline = found(audited(first, second), "benchmarks.beyond_chance")
    assert headline.value == pytest.approx((1.0 + 0.0) / 2)
    assert sliced(headline) == pytest.approx({"LLMBar (one)": 1.0, "LLMBar (two)": 0.0})
    assert (headline.kind, headline.verdict, headline.n, headline.n_groups) == ("agreement", "negligible", 60, 30)
    assert [example.difference > 0 for example in headline.evidence] == [True] * 5
    reverse = audited(write("three", pairs_of(fields, [(0.0, 1.0)] * 30, label=1)))
    assert found(reverse, "benchmarks.beyond_chance").verdict == "bias"


def test_data_of_no_known_benchmark_are_not_its_concern(write: Write) -> None:
    plain = write("plain", pairs_of(("prompt", "chosen", "rejected"), [(1.0, 0.0)] * 10))
    record = audited(plain)
    assert names(record) == {"beyond_chance"}
    (headline,) = record.findings
    assert (headline.value, headline.verdict) == (None, "not_applicable")
    assert "RM-Bench" in headline.reason


def test_known_data_are_data_to_the_other_probes_too(write: Write) -> None:
    path = write("rmb", [rm_bench(n, [3, 4, 5], [0, 1, 2]) for n in range(10)])
    record = rmaudit.audit(by(worth), probes=["ranking_consistency"], data=[path], limit=12)
    assert value(record, "ranking_consistency.pairwise_accuracy@rmb") == 1


def test_every_format_has_numbers() -> None:
    assert set(BENCHMARKS) == set(TITLES)
