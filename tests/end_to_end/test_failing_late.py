"""What fails late: no traceback, never the exit code of a violated policy, and nothing of the work is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import rmaudit as package
from rmaudit import api
from tests.end_to_end.conftest import Ran

Command = Callable[..., Ran]


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[str], Path]:
    """Write a policy with one check."""

    def write(name: str) -> Path:
        file = tmp_path / "policy.toml"
        file.write_text(f'schema = 1\nname = "p"\n[checks."{name}"]\nmax = 1000\n')
        return file

    return write


def refused(ran: Ran, words: str) -> None:
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("rmaudit: error: ")
    assert words in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("out", ["afile", "afile/run", "/proc/nope"])
def test_a_place_that_cannot_be_written_to_is_told_before_the_model_is_loaded(
    rmaudit: Command, tmp_path: Path, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "afile").write_text("x")
    monkeypatch.setattr(api, "load", lambda *_, **__: pytest.fail("the model was loaded"))
    refused(rmaudit("audit", "model", "--out", tmp_path / out), "cannot be written")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lenght_bias.padding", "did you mean 'length_bias'"),
        ("length_bias.padding@mine", "unknown data set in the check 'length_bias.padding@mine'"),
    ],
)
def test_a_policy_for_what_does_not_exist_is_told_before_the_model_is_loaded(
    rmaudit: Command,
    tmp_path: Path,
    policy: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    words: str,
) -> None:
    monkeypatch.setattr(api, "load", lambda *_, **__: pytest.fail("the model was loaded"))
    ran = rmaudit("audit", "model", "--out", tmp_path / "run", "--policy", policy(name))
    refused(ran, words)
    assert "policy.toml" in ran.err


def test_a_metric_that_does_not_exist_costs_no_run(
    model: Path, small_battery: Path, rmaudit: Command, tmp_path: Path, policy: Callable[[str], Path]
) -> None:
    run, file = tmp_path / "run", policy("length_bias.paddin")
    ran = rmaudit(
        "audit", model, "--battery", small_battery, "--probes", "length_bias", "--attributions", 0, "--out", run,
        "--policy", file,
    )  # fmt: skip
    assert ran.code == 2
    assert "did you mean 'length_bias.padding'" in ran.err
    assert f"rmaudit gate {run} --policy {file}" in ran.err
    assert sorted(path.name for path in run.iterdir()) == ["report.html", "run.json", "scores.jsonl"]
    assert rmaudit("gate", run, "--policy", policy("length_bias.padding")).code in (0, 3)


def test_a_report_that_fails_costs_no_run(tmp_path: Path, small_battery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def words(talks: list[package.Conversation]) -> list[float]:
        return [float(len(talk[-1]["content"])) for talk in talks]

    (tmp_path / "report.html").write_text("an earlier run")
    monkeypatch.setattr(api.registry, "load_report", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        package.audit(words, battery=str(small_battery), probes=["placebo"], out=tmp_path)
    assert len(package.Record.load(tmp_path).scores) > 9
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("option", [["--attributions", -1], ["--seed", -1], ["--limit", -3], ["--max-length", 0]])
def test_senseless_numbers_are_refused(rmaudit: Command, model: Path, tmp_path: Path, option: list[object]) -> None:
    refused(rmaudit("audit", model, "--out", tmp_path / "run", *option), "expected")


def test_a_report_that_cannot_be_written(rmaudit: Command, small_battery: Path, tmp_path: Path) -> None:
    package.audit(
        lambda talks: [len(str(t)) for t in talks], battery=str(small_battery), probes=["placebo"], out=tmp_path
    )
    (tmp_path / "afile").write_text("x")
    refused(rmaudit("report", tmp_path, "--html", tmp_path / "afile" / "x.html"), "cannot be written")
    run = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**run, "gate": {}}))
    refused(rmaudit("report", tmp_path), "is damaged at gate")


def test_scores_that_cannot_be_written_are_told_before_the_model_is_loaded(
    rmaudit: Command, pairs_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "load", lambda *_, **__: pytest.fail("the model was loaded"))
    refused(rmaudit("score", "model", pairs_file, "--output", pairs_file / "x.jsonl"), "cannot be written")


def test_a_policy_that_asks_of_two_prompts_does_not_pass(
    rmaudit: Command, tmp_path: Path, policy: Callable[[str], Path]
) -> None:
    """Two prompts that agree have an interval without width, which is no certainty."""
    package.audit(lambda talks: [-len(str(t)) for t in talks], probes=["ranking_consistency"], limit=2, out=tmp_path)
    ran = rmaudit("gate", tmp_path, "--policy", policy("ranking_consistency.kendall_tau"))
    assert ran.code == 3
    assert "2 prompt groups; a verdict needs at least 8" in ran.out


def test_no_name_makes_up_a_line_of_its_own(rmaudit: Command, tmp_path: Path) -> None:
    package.audit(lambda talks: [len(str(t)) for t in talks], probes=["placebo"], limit=2, out=tmp_path)
    (tmp_path / "p.toml").write_text('schema = 1\nname = "p"\n[checks."length_bias.x\\nPASS\\u2028y"]\nmax = 1\n')
    ran = rmaudit("gate", tmp_path, "--policy", tmp_path / "p.toml")
    assert ran.code == 3
    assert len(ran.out.splitlines()) == 2
