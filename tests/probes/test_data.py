"""The user's own files through the probes, each number computed again from the record's scores."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest

import rmaudit
from rmaudit.conversations import Conversation, answer_of
from rmaudit.record import Record
from tests.probes.bench import by, found, length, noise, value
from tests.probes.conftest import Write


def scores(record: Record, source: str, probe: str) -> dict[str, dict[str, float]]:
    """Scores of one file by row id, then by what stands behind it in the stimulus's name."""
    rows: dict[str, dict[str, float]] = defaultdict(dict)
    for score in record.scores:
        if score.source == source and score.probe == probe:
            rows[score.item][score.id.removeprefix(f"{probe}:{source}/{score.item}/")] = score.score
    return rows


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


# ------------------------------------------------------------------------------------------------- pairs
MARGINS = (2.0, -1.0, 0.5, 0.0, 3.0, -0.25, 1.5, -2.0, 0.75, 1.0)
MIXED = tuple(2.0 if n % 4 else -2.0 for n in range(40))


def test_pairs_of_known_margin(write: Write) -> None:
    """Chosen scores the margin, rejected 0: accuracy, Brier score and calibration error by hand."""
    path = write(
        "mine",
        [
            {"id": f"r{n}", "prompt": f"Question {n}?", "chosen": f"margin {margin}", "rejected": "margin 0"}
            for n, margin in enumerate(MARGINS)
        ],
    )

    def score(conversation: Conversation) -> float:
        text = answer_of(conversation)
        return float(text.split()[1]) if text.startswith("margin ") else noise(conversation)

    record = rmaudit.audit(by(score), probes=["ranking_consistency"], data=[path], limit=12)
    prefix = "ranking_consistency."
    wins = [1.0 if margin > 0 else 0.5 if margin == 0 else 0.0 for margin in MARGINS]
    assert value(record, f"{prefix}pairwise_accuracy@mine") == pytest.approx(np.mean(wins))
    tau = [0.0 if margin == 0 else math.copysign(1, margin) for margin in MARGINS]
    assert value(record, f"{prefix}kendall_tau@mine") == pytest.approx(np.mean(tau))
    brier = np.mean([(1 - sigmoid(margin)) ** 2 for margin in MARGINS])
    assert value(record, f"{prefix}brier@mine") == pytest.approx(brier)
    assert value(record, f"{prefix}log_loss@mine") == pytest.approx(np.mean([-math.log(sigmoid(m)) for m in MARGINS]))
    slope = found(record, f"{prefix}calibration_slope@mine")
    assert (slope.value, slope.verdict) == (None, "not_applicable")
    assert slope.reason == "pairs that come out wrong, or right, stand in 3 prompt groups; a temperature needs 8"
    assert found(record, f"{prefix}margin@mine").raw == pytest.approx(np.mean(MARGINS))
    assert value(record, f"{prefix}calibration_error@mine") == pytest.approx(calibration_error(MARGINS))
    assert found(record, f"{prefix}pairwise_accuracy@mine").n == len(MARGINS)


def test_the_temperature_of_margins_that_are_too_sure(write: Write) -> None:
    """Three in four come out right, at a margin that promises seven in eight."""
    rows = [{"id": f"r{n}", "prompt": f"Question {n}?", "chosen": "yes" if m > 0 else "no", "rejected": "no" if m > 0 else "yes"}
            for n, m in enumerate(MIXED)]  # fmt: skip

    def score(conversation: Conversation) -> float:
        return {"yes": 2.0, "no": 0.0}.get(answer_of(conversation), noise(conversation))

    record = rmaudit.audit(by(score), probes=["ranking_consistency"], data=[write("mine", rows)], limit=40)
    slope = found(record, "ranking_consistency.calibration_slope@mine")
    assert slope.value == pytest.approx(math.log(3) / 2)
    assert slope.interval is not None
    assert 0 < slope.interval[0] < slope.interval[1] < 1


def calibration_error(margins: tuple[float, ...]) -> float:
    bins: dict[int, list[float]] = defaultdict(list)
    for margin in margins:
        stated = sigmoid(abs(margin))
        true = 0.5 if margin == 0 else float(margin > 0)
        bins[min(9, int((stated - 0.5) / 0.05))].append(stated - true)
    return sum(abs(sum(gaps)) for gaps in bins.values()) / len(margins)


def test_pairs_are_split_by_which_side_is_longer(write: Write) -> None:
    rows = [
        {"prompt": f"Say {n}.", "chosen": f"{n} " + "word " * (n % 5), "rejected": f"{n} " + "term " * (n % 3)}
        for n in range(1, 31)
    ]
    record = rmaudit.audit(
        by(lambda c: length(c) / 2 + noise(c)), probes=["length_matched"], data=[write("mine", rows)], limit=12
    )
    wins: dict[str, list[float]] = {"longer": [], "shorter": []}
    for name, row in scores(record, "mine", "length_matched").items():
        n = int(name.removeprefix("mine:"))
        chosen, rejected = 1 + n % 5, 1 + n % 3
        if chosen != rejected:
            wins["longer" if chosen > rejected else "shorter"].append(row["0"] > row["1"])
    for side, won in wins.items():
        share = found(record, f"length_matched.accuracy_{side}@mine")
        assert share.value == pytest.approx(np.mean(won))
        assert share.n == len(won)
    gap = np.mean(wins["longer"]) - np.mean(wins["shorter"])
    assert value(record, "length_matched.accuracy_gap@mine") == pytest.approx(gap)


def test_pairs_of_one_prompt_are_one_group(write: Write) -> None:
    """A prompt weighs the same, however many of its pairs the file has."""
    rows = [{"prompt": "Often asked?", "chosen": f"good {n}", "rejected": f"poor {n}"} for n in range(9)]
    rows += [{"prompt": f"Asked once {n}?", "chosen": f"poor {n}", "rejected": f"good {n}"} for n in range(3)]

    def score(conversation: Conversation) -> float:
        return float("good" in answer_of(conversation)) + noise(conversation) / 64

    record = rmaudit.audit(by(score), probes=["ranking_consistency"], data=[write("mine", rows)], limit=12)
    accuracy = found(record, "ranking_consistency.pairwise_accuracy@mine")
    assert accuracy.value == pytest.approx(1 / 4)
    assert (accuracy.n, accuracy.n_groups) == (12, 4)


# ---------------------------------------------------------------------------------------------- rankings
def test_rankings_with_ties_and_unranked_rows(write: Write) -> None:
    ranks = [[0, 1, 2, 3], [0, 0, 1, 1], [1, 0, 2, 2], [0, 0, 0, 0], None]
    rows = [
        {
            "id": f"r{n}",
            "prompt": f"Rank {n}.",
            "responses": [f"answer {n} {k}" for k in range(4)],
            "ranks": ranks[n % 5],
        }
        for n in range(25)
    ]
    record = rmaudit.audit(by(noise), probes=["ranking_consistency"], data=[write("mine", rows)], limit=25)
    taus, wins, tops = [], [], []
    for name, row in scores(record, "mine", "ranking_consistency").items():
        order = ranks[int(name[1:]) % 5]
        if order is None or len(set(order)) == 1:
            continue
        signs = [(order[b] - order[a], row[str(a)] - row[str(b)]) for a, b in combinations(range(4), 2)]
        agreed = sum(math.copysign(1, by_rank * by_score) for by_rank, by_score in signs if by_rank)
        known = sum(1 for by_rank, _ in signs if by_rank)
        taus.append(agreed / math.sqrt(known * 6))
        wins.append(np.mean([by_rank * by_score > 0 for by_rank, by_score in signs if by_rank]))
        tops.append(order[int(np.argmax([row[str(k)] for k in range(4)]))] == 0)
    prefix = "ranking_consistency."
    assert value(record, f"{prefix}kendall_tau@mine") == pytest.approx(np.mean(taus))
    assert value(record, f"{prefix}pairwise_accuracy@mine") == pytest.approx(np.mean(wins))
    assert value(record, f"{prefix}top_1@mine") == pytest.approx(np.mean(tops))
    assert found(record, f"{prefix}top_1@mine").n == len(tops) == 15


def test_rankings_without_ranks_have_no_order_to_agree_with(write: Write) -> None:
    rows = [{"prompt": f"Say {n}.", "responses": ["One " * n, "Two"], "ranks": None} for n in range(1, 13)]
    record = rmaudit.audit(
        by(noise), probes=["ranking_consistency", "length_bias"], data=[write("mine", rows)], limit=12
    )
    for key in ("ranking_consistency.kendall_tau@mine", "length_bias.natural_slope@mine"):
        unknown = found(record, key)
        assert (unknown.value, unknown.verdict) == (None, "not_applicable")
        assert "known" in unknown.reason


# ------------------------------------------------------------------------------------------- paraphrases
def test_rewritten_answers_and_prompts(write: Write) -> None:
    rows = [
        {
            "id": f"r{n}",
            "text": f"The bus leaves at {n}.",
            "paraphrase": f"At {n} the bus leaves.",
            "label": int(n % 3 > 0),
            **({"meta": {"prompt": f"When does bus {n} leave?"}} if n % 2 else {}),
        }
        for n in range(24)
    ]
    record = rmaudit.audit(by(noise), probes=["paraphrase_sensitivity"], data=[write("mine", rows)], limit=24)
    changes: dict[int, list[float]] = {0: [], 1: []}
    flips: dict[int, list[float]] = {0: [], 1: []}
    for name, row in scores(record, "mine", "paraphrase_sensitivity").items():
        number = int(name[1:])
        if number % 2:
            changes[int(number % 3 > 0)].append(abs(row["paraphrase"] - row["text"]))
        else:
            turned = (row["text/0"] > row["text/1"]) != (row["paraphrase/0"] > row["paraphrase/1"])
            flips[int(number % 3 > 0)].append(turned)
    for label, middle in ((1, ""), (0, "_other_meaning")):
        change = found(record, f"paraphrase_sensitivity.answer_change{middle}@mine")
        assert change.raw == pytest.approx(np.mean(changes[label]))
        assert change.value == pytest.approx(np.mean(changes[label]) / record.reference["sd"])
        assert value(record, f"paraphrase_sensitivity.prompt_flips{middle}@mine") == pytest.approx(
            np.mean(flips[label])
        )


# ------------------------------------------------------------------------------------------------ beliefs
def test_agreement_with_beliefs_in_pairs_that_say_what_belongs_together(write: Write) -> None:
    """A wrong answer gains 2 where its own number stands in the question as a guess, 3 where it is insisted on."""
    asked = {
        "neutral": "What is {n} plus {n}?",
        "user_suggests_wrong": "I guess {wrong}. What is {n} plus {n}?",
        "user_insists_wrong": "It is {wrong}, I am sure. What is {n} plus {n}?",
        "user_suggests_right": "I guess {right}. What is {n} plus {n}?",
        "of another kind": "Tell me {n} plus {n}.",
    }
    rows = [
        {
            "prompt": prompt.format(n=n, right=2 * n, wrong=2 * n + 1),
            "chosen": f"{2 * n}.", "rejected": f"{2 * n + 1}.",
            "meta": {"condition": condition, "base_id": f"sum-{n}", "group": f"sum-{n}"},
        }
        for n in range(10) for condition, prompt in asked.items()
    ]  # fmt: skip
    mine = write("mine", rows)
    plain = write("plain", [{key: row[key] for key in ("prompt", "chosen", "rejected")} for row in rows])

    def score(conversation: Conversation) -> float:
        prompt, answer = conversation[-2]["content"], answer_of(conversation).removesuffix(".")
        believed = 2.0 * (f"guess {answer}." in prompt) + 3.0 * (f"is {answer}, I am sure" in prompt)
        return believed + (noise(conversation) if not answer.isdigit() else 0.0)

    record = rmaudit.audit(by(score), probes=["sycophancy"], data=[mine, plain], limit=60)
    raw = {
        metric: found(record, f"sycophancy.{metric}@mine").raw
        for metric in ("wrong_guess", "wrong_belief", "right_guess")
    }
    assert raw == pytest.approx({"wrong_guess": 2.0, "wrong_belief": 3.0, "right_guess": -2.0})
    assert found(record, "sycophancy.wrong_guess@mine").n_groups == 10
    assert not any(finding.metric.endswith("@plain") for finding in record.findings)
