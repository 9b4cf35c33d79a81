"""`rmaudit audit` from a checkpoint to files, verdict and exit code."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rmaudit as package
from rmaudit import auditing, registry
from tests.end_to_end.conftest import Ran

Command = Callable[..., Ran]


@pytest.fixture
def audited(rmaudit: Command, model: Path, small_battery: Path, tmp_path: Path) -> tuple[Ran, Path]:
    out = tmp_path / "run"
    return rmaudit("audit", model, "--battery", small_battery, "--out", out, "--attributions", 1), out


def test_it_writes_three_files_and_names_the_report(audited: tuple[Ran, Path]) -> None:
    ran, out = audited
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == f"Report: {out / 'report.html'}"
    assert sorted(file.name for file in out.iterdir()) == ["report.html", "run.json", "scores.jsonl"]
    assert "length_bias.padding" in ran.out
    assert "scoring" in ran.err


def test_the_same_run_twice_gives_the_same_bytes(
    rmaudit: Command, model: Path, small_battery: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        rmaudit("audit", model, "--battery", small_battery, "--out", tmp_path / name, "--attributions", 1)
    for file in ("run.json", "scores.jsonl", "report.html"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_another_seed_gives_another_plan(rmaudit: Command, model: Path, small_battery: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        rmaudit(
            "audit", model, "--battery", small_battery, "--out", tmp_path / str(seed), "--seed", seed,
            "--attributions", 0, "--probes", "length_bias",
        )  # fmt: skip
    assert (tmp_path / "0" / "scores.jsonl").read_bytes() != (tmp_path / "1" / "scores.jsonl").read_bytes()


def test_no_connection_is_tried_for_a_local_model(
    rmaudit: Command, model: Path, small_battery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    ran = rmaudit("audit", model, "--battery", small_battery, "--out", tmp_path / "run", "--attributions", 0)
    assert ran.code == 0, ran.err


def test_a_dry_run_prints_the_price_and_writes_nothing(
    rmaudit: Command, model: Path, small_battery: Path, tmp_path: Path
) -> None:
    ran = rmaudit("audit", model, "--battery", small_battery, "--out", tmp_path / "run", "--dry-run", "--json")
    price = json.loads(ran.out)
    assert price["tree_tokens"] < price["tokens"]
    assert price["conversations"] < price["stimuli"] == sum(price["by_probe"].values())
    assert not (tmp_path / "run").exists()


def test_data_may_be_several_files_after_one_option(
    rmaudit: Command, model: Path, small_battery: Path, pairs_file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "more.jsonl"
    other.write_bytes(pairs_file.read_bytes())
    ran = rmaudit(
        "audit", model, "--battery", small_battery, "--out", tmp_path / "run", "--attributions", 0,
        "--probes", "ranking_consistency", "--data", pairs_file, other,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [dataset["name"] for dataset in run["battery"]["datasets"]] == ["mine", "more"]
    assert {"pairwise_accuracy@mine", "pairwise_accuracy@more"} <= {f["metric"] for f in run["findings"]}


def test_a_bad_row_is_told_and_the_others_are_kept(
    rmaudit: Command, model: Path, small_battery: Path, pairs_file: Path, tmp_path: Path
) -> None:
    with pairs_file.open("a", encoding="utf-8") as file:
        file.write('{"prompt": "Name a fruit.", "rejected": "No."}\n')
    ran = rmaudit(
        "audit", model, "--battery", small_battery, "--out", tmp_path / "run", "--attributions", 0,
        "--probes", "ranking_consistency", "--data", pairs_file,
    )  # fmt: skip
    assert ran.code == 0
    assert "mine.jsonl, line 11, chosen: missing" in ran.out
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["battery"]["datasets"][0]["rows"] == 10
    assert any("line 11, chosen" in warning for warning in run["warnings"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no/such/folder"], "no folder 'no/such/folder'"),
        (["{model}", "--probes", "lenght_bias"], "did you mean 'length_bias'"),
        (["{model}", "--data", "{empty}"], "the file is empty"),
        (["{model}", "--data", "{headless}"], "chosen: missing"),
        (["{model}", "--data", "{blank}"], "chosen: expected a non-empty string"),
        (["{model}", "--profile", "fast"], "unknown profile 'fast'"),
        (["{model}", "--confidence", "95"], "confidence 95.0"),
        (["{model}", "--limit", "0"], "limit 0"),
        (["{model}", "--battery", "cores"], "did you mean 'core'"),
        (["{model}", "--dtype", "float31"], "did you mean 'float32'"),
        (["{model}", "--policy", "nowhere.toml"], "no such policy file"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    rmaudit: Command, model: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    files = {"empty": "", "headless": '{"prompt": "a", "rejected": "b"}\n'}
    files["blank"] = '{"prompt": "a", "chosen": "  ", "rejected": "b"}\n'
    for name, text in files.items():
        (tmp_path / f"{name}.jsonl").write_text(text)
    places = {"model": model, **{name: tmp_path / f"{name}.jsonl" for name in files}}
    ran = rmaudit("audit", *(argument.format(**places) for argument in arguments), "--out", tmp_path / "run")
    assert ran.code == 2
    assert ran.err.startswith("rmaudit: error: ")
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_fail_on_bias_turns_the_verdict_into_the_exit_code(
    rmaudit: Command, model: Path, small_battery: Path, tmp_path: Path
) -> None:
    ran = rmaudit("audit", model, "--battery", small_battery, "--out", tmp_path, "--attributions", 0, "--fail-on-bias")
    word = ran.out.partition(":")[0]
    assert ran.code == {"BIAS": 1, "NO BIAS": 0, "INCONCLUSIVE": 3}[word]


def test_a_failed_audit_leaves_the_earlier_run_as_it_was(
    rmaudit: Command, audited: tuple[Ran, Path], model: Path, tmp_path: Path
) -> None:
    _, out = audited
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    assert rmaudit("audit", model, "--data", tmp_path / "missing.jsonl", "--out", out).code == 2
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


def test_a_pair_that_two_findings_show_is_traced_once(
    model: Path, small_battery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced: list[tuple[object, ...]] = []
    trace = auditing.attribute_conversation

    def counted(*given: Any) -> Any:
        traced.append(given)
        return trace(*given)

    monkeypatch.setattr(auditing, "attribute_conversation", counted)
    (probe,) = registry.load_probes(["length_correlation"])
    again = replace(probe, card=replace(probe.card, name="again"))
    record = package.audit(model, battery=str(small_battery), probes=[probe, again], attributions=2)
    first, second = record.attributions[:2], record.attributions[2:]
    assert {one["finding"] for one in record.attributions} == {"length_correlation.within", "again.within"}
    assert first[0]["finding"] != second[0]["finding"]
    assert [one["attribution"] for one in first] == [one["attribution"] for one in second]
    assert len(traced) == 2


def test_python_and_command_line_agree(audited: tuple[Ran, Path], model: Path, small_battery: Path) -> None:
    _, out = audited
    record = package.audit(model, battery=str(small_battery), attributions=1)
    written = package.Record.load(out)
    assert [f.model_dump() for f in record.findings] == [f.model_dump() for f in written.findings]
    assert [score.model_dump() for score in record.scores] == [score.model_dump() for score in written.scores]
