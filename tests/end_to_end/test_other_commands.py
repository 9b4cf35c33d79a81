"""gate, report, score, attribute and probes, and the functions behind them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import rmaudit as package
from tests.end_to_end.conftest import Ran

Command = Callable[..., Ran]

POLICY = """
schema = 1
name = "test"
[checks."{check}"]
{limit}
"""


@pytest.fixture(scope="module")
def run_folder(model: Path, small_battery: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    package.audit(model, battery=str(small_battery), attributions=0, probes=["length_bias", "placebo"], out=folder)
    return folder


@pytest.mark.parametrize(
    ("check", "limit", "code", "word"),
    [
        ("length_bias.padding", "max = 1000", 0, "PASS"),
        ("length_bias.padding", "max = -1000", 1, "FAIL"),
        ("length_bias.padding", "min = {value}\nmax = {value}", 3, "INCONCLUSIVE"),
        ("ranking_consistency.kendall_tau", "min = 0", 3, "INCONCLUSIVE"),
    ],
)
def test_the_gate_decides_word_and_exit_code(
    rmaudit: Command, run_folder: Path, tmp_path: Path, check: str, limit: str, code: int, word: str
) -> None:
    padding = package.Record.load(run_folder).findings[0]
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY.format(check=check, limit=limit.format(value=padding.value)))
    ran = rmaudit("gate", run_folder, "--policy", policy)
    assert (ran.code, ran.out.partition(":")[0]) == (code, word), ran.err
    assert package.gate(run_folder, policy).exit_code == code


@pytest.mark.parametrize(
    ("check", "limit", "words"),
    [
        ("length_bias.padding", "maxx = 1", "did you mean 'max'"),
        ("length_bias.pading", "max = 1", "did you mean 'length_bias.padding'"),
        ("lenght_bias.padding", "max = 1", "did you mean 'length_bias'"),
    ],
)
def test_a_wrong_policy_is_an_error(
    rmaudit: Command, run_folder: Path, tmp_path: Path, check: str, limit: str, words: str
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY.format(check=check, limit=limit))
    ran = rmaudit("gate", run_folder, "--policy", policy)
    assert ran.code == 2
    assert words in ran.err


def test_a_missing_run_is_an_error(rmaudit: Command, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY.format(check="length_bias.padding", limit="max = 1"))
    ran = rmaudit("gate", tmp_path, "--policy", policy)
    assert ran.code == 2
    assert "no run.json" in ran.err


def test_a_report_is_rendered_again_from_the_files_alone(rmaudit: Command, run_folder: Path, tmp_path: Path) -> None:
    ran = rmaudit("report", run_folder, "--html", tmp_path / "again.html")
    assert ran.code == 0, ran.err
    assert (tmp_path / "again.html").read_bytes() == (run_folder / "report.html").read_bytes()


def test_score_prints_a_line_per_row_equal_to_the_models_own(rmaudit: Command, model: Path, pairs_file: Path) -> None:
    ran = rmaudit("score", model, pairs_file)
    lines = [json.loads(line) for line in ran.out.splitlines()]
    rows = [json.loads(line) for line in pairs_file.read_text().splitlines()]
    loaded = package.load(model)
    for line, row in zip(lines, rows, strict=True):
        talks = [
            [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row[side]}]
            for side in ("chosen", "rejected")
        ]
        np.testing.assert_allclose(line["scores"], loaded.score(talks), atol=1e-5)


def test_attribute_prints_parts_that_add_up(rmaudit: Command, model: Path) -> None:
    arguments = ["attribute", model, "--prompt", "Name a fruit.", "--response", "An apple."]
    told = json.loads(rmaudit(*arguments, "--against", "A brick.", "--json").out)
    total = sum(part["value"] for part in told["residual"]) + told["bias"]
    assert total == pytest.approx(told["score"], abs=1e-5)
    assert told["margin"]["value"] == pytest.approx(told["score"] - told["against"]["score"], abs=1e-6)
    assert "embedding" in rmaudit(*arguments).out


def test_an_empty_answer_is_refused(rmaudit: Command, model: Path) -> None:
    ran = rmaudit("attribute", model, "--prompt", "Name a fruit.", "--response", " ")
    assert ran.code == 2
    assert "the answer to be scored is empty" in ran.err


def test_probes_are_listed_and_explained(rmaudit: Command) -> None:
    listed = rmaudit("probes").out
    assert all(name in listed for name in ("length_bias", "paraphrase_sensitivity", "ranking_consistency", "placebo"))
    assert "Does padding pay?" in rmaudit("probes", "length_bias").out
    unknown = rmaudit("probes", "lenght_bias")
    assert unknown.code == 2
    assert "did you mean 'length_bias'" in unknown.err


def test_a_callable_is_audited_as_a_black_box(small_battery: Path) -> None:
    def count_words(conversations: list[package.Conversation]) -> list[float]:
        return [float(len(conversation[-1]["content"].split())) for conversation in conversations]

    record = package.audit(count_words, battery=str(small_battery), probes=["length_bias"])
    assert record.findings[0].verdict == "bias"
    assert record.findings[0].value > 0
    assert record.model["kind"] == "black box"
    with pytest.raises(package.RmauditError, match="black box"):
        package.attribute(count_words, [{"role": "assistant", "content": "a"}])
