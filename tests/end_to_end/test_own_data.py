"""A model audited on data files of one's own, and its numbers computed again from scores.jsonl by other means."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from tests.end_to_end.conftest import Ran

LIMIT = 9
Lines = list[dict[str, Any]]


def _written(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Twelve pairs under six prompts, and twelve rankings of four answers, two of them of one rank."""
    pairs = [
        {
            "prompt": f"Name a fruit, number {n // 2}.",
            "chosen": f"An apple, or {n}.",
            "rejected": f"No {n}." + " So." * (n % 3),
        }
        for n in range(12)
    ]
    rankings = [
        {
            "id": f"r{n}",
            "prompt": f"Count to {n}.",
            "responses": [f"{n}, and done.", "One.", f"I will not {n}.", "Why? " * n + "No."],
            "ranks": [0, 1, 2, 2] if n % 2 else [2, 0, 1, 3],
        }
        for n in range(12)
    ]
    return _written(tmp_path / "pairs.jsonl", pairs), _written(tmp_path / "rankings.jsonl", rankings)


def rows_of(lines: Lines, source: str) -> list[Lines]:
    rows = defaultdict(list)
    for line in lines:
        if (line["probe"], line["source"]) == ("ranking_consistency", source):
            rows[line["item"]].append(line)
    return list(rows.values())


def mean_of_groups(values: list[tuple[str, float]]) -> float:
    groups = defaultdict(list)
    for group, number in values:
        groups[group].append(number)
    return float(np.mean([np.mean(numbers) for numbers in groups.values()]))


def test_accuracy_and_tau_are_those_of_the_scores(
    rmaudit: Callable[..., Ran], model: Path, small_battery: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    ran = rmaudit(
        "audit", model, "--data", *files, "--battery", small_battery, "--probes", "ranking_consistency", "length_bias",
        "--limit", LIMIT, "--attributions", 0, "--out", out,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in (out / "scores.jsonl").read_text(encoding="utf-8").splitlines()]
    value = {f"{f['probe']}.{f['metric']}": f["value"] for f in run["findings"]}

    pairs, rankings = rows_of(lines, "pairs"), rows_of(lines, "rankings")
    assert len(pairs) == len(rankings) == LIMIT
    wins = [(a["group"], (a["score"] > b["score"]) + 0.5 * (a["score"] == b["score"])) for a, b in pairs]
    assert value["ranking_consistency.pairwise_accuracy@pairs"] == pytest.approx(mean_of_groups(wins), abs=1e-12)
    taus = [
        (row[0]["group"], kendalltau([x["score"] for x in row], [-x["labels"]["rank"] for x in row]).statistic)
        for row in rankings
    ]
    assert value["ranking_consistency.kendall_tau@rankings"] == pytest.approx(mean_of_groups(taus), abs=1e-12)
    assert "pairs: 9 of 12 rows were used" in ran.out
