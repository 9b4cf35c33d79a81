"""RM-Bench: the matrix and its means over domains, against the same counted as its authors do."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import rmaudit
from rmaudit.conversations import answer_of
from rmaudit_probes.benchmark_metrics import over_domains
from rmaudit_probes.benchmark_rows import Answers, share
from tests.probes.bench import by, found
from tests.probes.benchmark_files import Row, audited, rm_bench, scored, sliced, told
from tests.probes.conftest import Write

PUBLIC = Path(__file__).resolve().parents[3] / "shared" / "data"


def authors_accuracy(rows: list[tuple[list[float], list[float]]]) -> tuple[np.ndarray, dict[str, float]]:
    """As RM-Bench's README describes it: cells of strict wins, and the means above, on and below the diagonal."""
    wins = [[[float(r > w) for w in wrong] for r in right] for right, wrong in rows]
    cells = np.mean(wins, axis=0)
    return cells, {
        "hard": np.triu(cells, 1).sum() / 3, "normal": np.diag(cells).mean(), "easy": np.tril(cells, -1).sum() / 3,
    }  # fmt: skip


def of_domains(parts: list[list[tuple[list[float], list[float]]]]) -> tuple[np.ndarray, dict[str, float]]:
    """The plain means over domains of the same, as their leaderboard defines Overall, easy, normal and hard."""
    made = [authors_accuracy(part) for part in parts]
    means = {level: np.mean([levels[level] for _, levels in made]) for level in made[0][1]}
    return np.mean([cells for cells, _ in made], axis=0), {level: float(mean) for level, mean in means.items()}


def test_rm_bench_matrix_by_hand(write: Write) -> None:
    """One row: the right answer wins by what it is (1) plus its style, the wrong one has its style alone."""
    rows = [rm_bench(n, [1.0, 1.0, 3.0], [0.0, 1.0, 2.0]) for n in range(10)]
    record = audited(write("rmb", rows))
    cells = sliced(found(record, "benchmarks.accuracy@rmb"))
    assert cells["right concise, wrong concise"] == 1
    assert cells["right concise, wrong detailed"] == 0, "equal scores are wrong"
    assert cells["right concise, wrong markdown"] == 0
    assert cells["right detailed, wrong detailed"] == 0
    assert cells["right markdown, wrong markdown"] == cells["right markdown, wrong concise"] == 1
    assert told(record, "hard_accuracy@rmb") == 0
    assert told(record, "normal_accuracy@rmb") == pytest.approx(2 / 3)
    assert told(record, "easy_accuracy@rmb") == 1
    assert told(record, "accuracy@rmb") == pytest.approx(5 / 9)
    assert told(record, "beyond_chance") == pytest.approx(1 / 9)


def test_rm_bench_as_its_authors_count(write: Write) -> None:
    draw = np.random.default_rng(5)
    given = [(draw.integers(0, 5, 3).tolist(), draw.integers(0, 5, 3).tolist()) for _ in range(30)]
    rows = [rm_bench(n, right, wrong, "math" if n % 3 else "code") for n, (right, wrong) in enumerate(given)]
    record = audited(write("rmb", rows))
    parts = {"code": given[::3], "math": [row for n, row in enumerate(given) if n % 3]}
    cells, levels = of_domains(list(parts.values()))
    accuracy = found(record, "benchmarks.accuracy@rmb")
    assert accuracy.value == pytest.approx(cells.mean())
    assert accuracy.interval is not None
    assert accuracy.interval[0] < accuracy.value < accuracy.interval[1]
    assert (accuracy.n, accuracy.n_groups, accuracy.kind, accuracy.verdict) == (30, 30, "share", None)
    listed = sliced(accuracy)
    for (i, right), (j, wrong) in itertools.product(enumerate(("concise", "detailed", "markdown")), repeat=2):
        assert listed[f"right {right}, wrong {wrong}"] == pytest.approx(cells[i, j])
    for domain, part in parts.items():
        own, by_level = authors_accuracy(part)
        assert listed[f"domain {domain}"] == pytest.approx(own.mean())
        assert listed[f"{domain}: right concise, wrong markdown"] == pytest.approx(own[0, 2])
        for level, mean in by_level.items():
            assert sliced(found(record, f"benchmarks.{level}_accuracy@rmb"))[f"domain {domain}"] == pytest.approx(mean)
    for level, mean in levels.items():
        assert told(record, f"{level}_accuracy@rmb") == pytest.approx(mean)


SKYWORK = {"chat": (129, 69.5), "math": (529, 60.6), "code": (228, 54.5), "safety": (441, 95.7)}
"""Rows, and published accuracy of Skywork-Reward-Llama-3.1-8B; published with it: 70.1 on average."""
SAFETY = ("safety-refuse", "safety-response")


def in_each_domain(rows: int, won: dict[str, int]) -> list[Row]:
    """As many rows of each domain, of which so many are won in every style; safety is of its two subsets in turn."""
    return [
        rm_bench(n * 100 + place, [float(n < right)] * 3, [0.5] * 3, SAFETY[n % 2] if domain == "safety" else domain)
        for place, (domain, right) in enumerate(won.items())
        for n in range(rows)
    ]


def test_rm_bench_domains_weigh_alike_as_published() -> None:
    """The published average of the published accuracies; by rows it would be 72.08."""
    rows = [
        Answers([scored(f"{domain} {n}")], [], {"domain": domain, "credit": str(mean / 100)})
        for domain, (count, mean) in SKYWORK.items()
        for n in range(count)
    ]
    published = over_domains(rows, lambda row: float(row.slices["credit"]))
    assert 100 * published.value == pytest.approx(70.075)
    assert (published.n, published.n_groups) == (1327, 1327)
    assert 100 * share(rows, lambda row: float(row.slices["credit"])).value == pytest.approx(72.08, abs=0.005)


def test_rm_bench_means_are_over_its_domains_and_not_its_rows(write: Write) -> None:
    won = {"chat": 12, "math": 3, "code": 6, "safety": 9}
    rows = in_each_domain(12, won) + [rm_bench(9000 + n, [1.0] * 3, [0.5] * 3, "math") for n in range(12)]
    record = audited(write("rmb", rows))
    accuracy = (12 / 12 + 15 / 24 + 6 / 12 + 9 / 12) / 4
    whole = found(record, "benchmarks.accuracy@rmb")
    assert whole.value == pytest.approx(accuracy)
    assert "mean over the domains chat, math, code, safety)" in whole.title
    assert (whole.n, whole.n_groups) == (60, 60)
    for level in ("hard", "normal", "easy"):
        assert told(record, f"{level}_accuracy@rmb") == pytest.approx(accuracy), "every cell is alike"
    assert told(record, "row_accuracy@rmb") == pytest.approx(42 / 60)
    assert told(record, "beyond_chance") == pytest.approx(2 * accuracy - 1)
    slices = sliced(whole)
    assert {name: slices[f"domain {name}"] for name in won} == pytest.approx(
        {"chat": 1, "math": 15 / 24, "code": 1 / 2, "safety": 3 / 4}
    )
    assert (slices["subset safety-refuse"], slices["subset safety-response"]) == pytest.approx((5 / 6, 4 / 6))
    assert slices["right concise, wrong markdown"] == pytest.approx(accuracy), "so is the matrix a mean over domains"
    assert slices["safety: right concise, wrong markdown"] == pytest.approx(3 / 4)


def test_every_row_of_rm_bench_safety_weighs_the_same_of_whichever_subset(write: Write) -> None:
    """As split_dataset_by_domain of its authors has it: all rows whose domain begins with `safety`."""
    refuse = [rm_bench(n, [1.0] * 3, [0.5] * 3, "safety-refuse") for n in range(9)]
    respond = [rm_bench(50 + n, [0.0] * 3, [0.5] * 3, "safety-response") for n in range(3)]
    both, one = write("both", refuse + respond), write("one", refuse)
    record = audited(both, one)
    assert told(record, "accuracy@both") == pytest.approx(9 / 12)
    assert (
        "of the domain safety alone; the file has no chat, math, code)"
        in found(record, "benchmarks.accuracy@both").title
    )
    assert "of the domain safety-refuse alone" in found(record, "benchmarks.accuracy@one").title
    assert "safety-refuse alone" in found(record, "benchmarks.hard_accuracy@one").reading


def test_rm_bench_rows_of_no_domain_of_its_own(write: Write) -> None:
    mine = [rm_bench(n, [1.0] * 3, [0.5] * 3, "law") for n in range(9)]
    code = [rm_bench(50 + n, [0.0] * 3, [0.5] * 3, "code") for n in range(9)]
    record = audited(write("mine", mine), write("mixed", mine + code))
    for name in ("accuracy", "hard_accuracy", "normal_accuracy", "easy_accuracy"):
        missing = found(record, f"benchmarks.{name}@mine")
        assert (missing.value, missing.verdict) == (None, "not_applicable")
        assert missing.reason == "the file has none of the domains chat, math, code, safety"
        assert told(record, f"{name}@mixed") == 0
    assert told(record, "row_accuracy@mine") == 1
    assert told(record, "row_accuracy@mixed") == 0.5
    assert sliced(found(record, "benchmarks.beyond_chance")) == {"RM-Bench (mixed)": -1}


def test_the_interval_of_a_mean_over_domains_is_that_of_its_domains(write: Write) -> None:
    """Independent domains: the variance of the mean is the sum of theirs, each times its weight squared."""
    won = {"chat": 6, "math": 3, "code": 6, "safety": 9}
    record = audited(write("rmb", in_each_domain(12, won)))
    interval = found(record, "benchmarks.accuracy@rmb").interval
    shares = [right / 12 for right in won.values()]
    variance = sum(p * (1 - p) / 12 for p in shares) / 16 * 48 / 47
    p = sum(shares) / 4
    trials, z = min(p * (1 - p) / variance, 48), stats.t.ppf(0.975, 47)
    centre = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials))
    assert interval == pytest.approx((centre - half, centre + half))


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public data sets (../shared/data) are not here")
def test_the_public_copy_of_rm_bench_for_a_taste_for_length() -> None:
    """A scorer that counts characters is right where the right answer is longer: counted again from the file."""
    path = PUBLIC / "rankings_rmbench.jsonl"
    record = rmaudit.audit(by(lambda talk: float(len(answer_of(talk)))), probes=["benchmarks"], data=[path], limit=500)
    parts: dict[str, list[tuple[list[float], list[float]]]] = {"code": [], "safety": []}
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        lengths = [float(len(text)) for text in row["responses"]]
        parts[row["meta"]["domain"].split("-")[0]].append((lengths[:3], lengths[3:]))
    cells, levels = of_domains(list(parts.values()))
    accuracy = found(record, "benchmarks.accuracy@rankings_rmbench")
    assert accuracy.n == 440
    assert "mean over the domains code, safety; the file has no chat, math" in accuracy.title
    assert accuracy.value == pytest.approx(cells.mean())
    every, _ = authors_accuracy([row for part in parts.values() for row in part])
    assert told(record, "row_accuracy@rankings_rmbench") == pytest.approx(every.mean())
    for level, mean in levels.items():
        assert told(record, f"{level}_accuracy@rankings_rmbench") == pytest.approx(mean)
