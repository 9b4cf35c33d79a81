"""The two files of a run: the same bytes for the same record, standard JSON, and no half file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from rmaudit.errors import RecordError
from rmaudit.record import Evidence, Finding, Record, Score, canonical_json


def finding(**more: Any) -> Finding:
    fields: dict[str, Any] = {
        "probe": "length_bias",
        "metric": "padding",
        "title": "Padding",
        "value": 0.1 + 0.2,
        "unit": "SD",
        "interval": (-0.25, 1 / 3),
        "confidence": 0.95,
        "headline": True,
    }
    return Finding(**{**fields, **more})


def score(name: str, **more: Any) -> Score:
    fields: dict[str, Any] = {
        "id": name,
        "probe": "length_bias",
        "source": "battery",
        "item": "a",
        "group": "a",
        "arm": "padded",
        "dose": 1.0,
        "template": None,
        "labels": {"rank": 0},
        "conversation": [
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": "é\u2028\r\n\U0001f600"},
        ],
        "score": -0.1,
        "length": 7,
    }
    return Score(**{**fields, **more})


def record(**more: Any) -> Record:
    fields: dict[str, Any] = {
        "schema": 1,
        "rmaudit": "0.1.0",
        "model": {"name": "m", "kind": "black box"},
        "checkup": {"noise_floor": 0.0},
        "battery": {"name": "core"},
        "settings": {"seed": 0},
        "reference": {"sd": 1.5, "sd_interval": (1.0, 2.0)},
        "probes": {"length_bias": {"title": "Length"}},
        "findings": [finding(evidence=[Evidence(stimulus="s1", against="s2", difference=0.5)])],
        "attributions": [],
        "warnings": ["Grüße"],
        "not_tested": [],
        "environment": {"python": "3.11"},
    }
    return Record(**{**fields, **more})


def kept(folder: Path) -> Record:
    made = record()
    made.attach([score("s1"), score("s2", dose=None, template="f1")])
    made.save(folder)
    return made


# ------------------------------------------------------------------------------------------------------- round trip
def test_round_trip(tmp_path):
    made = kept(tmp_path / "runs" / "a")
    for given in (tmp_path / "runs" / "a", tmp_path / "runs" / "a" / "run.json", str(tmp_path / "runs" / "a")):
        loaded = Record.load(given)
        assert loaded.to_json() == made.to_json()
        assert loaded.findings == made.findings
        assert loaded.scores == made.scores
        assert loaded.folder == tmp_path / "runs" / "a"
    assert made.findings[0].key == "length_bias.padding"


def test_the_same_record_gives_the_same_bytes(tmp_path):
    kept(tmp_path / "a")
    made = record(settings={"seed": 0}, model={"kind": "black box", "name": "m"})
    made.attach(Record.load(tmp_path / "a").scores)
    made.save(tmp_path / "b")
    for name in ("run.json", "scores.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_run_json_is_sorted_standard_json_in_utf8(tmp_path):
    kept(tmp_path)
    content = (tmp_path / "run.json").read_bytes()
    assert content.endswith(b"}\n")
    assert b"\r" not in content
    assert "Grüße".encode() in content
    fields = json.loads(content, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert list(fields) == sorted(fields)
    assert fields["schema"] == 1
    assert fields["findings"][0]["interval"] == [-0.25, 1 / 3]
    assert not {"folder", "schema_version", "scores"} & fields.keys()


def test_scores_jsonl_has_one_line_for_each_stimulus(tmp_path):
    kept(tmp_path)
    lines = (tmp_path / "scores.jsonl").read_bytes().split(b"\n")
    assert [json.loads(line)["id"] for line in lines[:-1]] == ["s1", "s2"]
    assert lines[-1] == b""


def test_reading_scores_changes_nothing_in_the_record(tmp_path):
    made = kept(tmp_path)
    loaded = Record.load(tmp_path)
    assert len(loaded.scores) == 2
    assert loaded.to_json() == made.to_json()
    loaded.save(tmp_path)
    assert len(Record.load(tmp_path).scores) == 2


def test_reports_stand_beside_the_record(tmp_path):
    made = record()
    made.attach([])
    made.save(tmp_path, {"report.html": "<p>ü</p>"})
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "<p>ü</p>"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["report.html", "run.json", "scores.jsonl"]


# ---------------------------------------------------------------------------------------------------- standard JSON
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), np.float64("-inf")])
@pytest.mark.parametrize("field", ["value", "raw", "price", "p", "detectable", "interval", "detail"])
def test_a_finding_holds_finite_numbers_only(bad, field):
    value = {"interval": (0.0, bad), "detail": {"points": [{"low": bad}]}}.get(field, bad)
    with pytest.raises(ValidationError):
        finding(**{field: value})


def test_a_score_and_an_evidence_are_finite():
    for more in ({"score": float("nan")}, {"dose": float("inf")}, {"labels": {"x": float("nan")}}):
        with pytest.raises(ValidationError):
            score("s", **more)
    with pytest.raises(ValidationError):
        Evidence(stimulus="s", difference=float("nan"))


def test_details_are_kept_as_a_file_gives_them_back():
    made = finding(
        detail={"points": ({"dose": np.int64(3), "share": np.float32(0.5), "on": np.bool_(True)},), "2": None}
    )
    assert made.detail == {"points": [{"dose": 3, "share": 0.5, "on": True}], "2": None}
    assert type(made.detail["points"][0]["dose"]) is int


@pytest.mark.parametrize("value", [{1, 2}, Path("x"), np.arange(3), object()])
def test_a_detail_that_is_no_json_is_refused(value):
    with pytest.raises(ValidationError, match="is no JSON value"):
        finding(detail={"x": value})


def test_what_is_no_json_is_refused_before_anything_is_written(tmp_path):
    kept(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for wrong in ({"x": float("nan")}, {"x": {1}}):
        made = record(model=wrong)
        made.attach([])
        with pytest.raises(RecordError, match="a record holds finite numbers, text, lists and objects only"):
            made.save(tmp_path, {"report.html": ""})
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_canonical_json():
    assert canonical_json({"b": [1.0, None], "a": "é"}) == '{"a": "é", "b": [1.0, null]}'


# ---------------------------------------------------------------------------------------------------------- damage
def test_no_run_there(tmp_path):
    for given in (tmp_path / "a", tmp_path / "a" / "run.json"):
        with pytest.raises(RecordError) as caught:
            Record.load(given)
        assert str(caught.value) == (
            f"no run.json at {tmp_path / 'a' / 'run.json'}; make one with: rmaudit audit MODEL --out {tmp_path / 'a'}"
        )
    with pytest.raises(RecordError, match="no run.json"):
        Record.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is not a run.json"),
        (b'{"schema": 1', "is not a run.json"),
        (b"[]", "is not a run.json"),
        (b"\xff\xfe", "is not a run.json"),
        (b"[" * 100_000, "is not a run.json"),
        (b'{"schema": ' + b"1" * 5000 + b"}", "is not a run.json"),
        (b"{}", "schema None, this rmaudit reads 1; run the audit again"),
        (b'{"schema": 2}', "schema 2, this rmaudit reads 1; run the audit again"),
        (b'{"schema": 1}', "is damaged at rmaudit: Field required; run the audit again"),
    ],
)
def test_a_file_that_is_no_record(tmp_path, content, told):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(RecordError) as caught:
        Record.load(tmp_path)
    assert told in str(caught.value)
    assert str(tmp_path / "run.json") in str(caught.value)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"value": "much"}, "findings.0.value"),
        ({"value": float("nan")}, "findings.0.value"),
        ({"interval": [0.0]}, "findings.0.interval"),
        ({"verdict": "guilty"}, "findings.0.verdict"),
        ({"other": 1}, "findings.0.other"),
    ],
)
def test_a_damaged_finding_is_named(tmp_path, change, place):
    kept(tmp_path)
    fields = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    fields["findings"][0].update(change)
    (tmp_path / "run.json").write_text(json.dumps(fields))
    with pytest.raises(RecordError, match=f"is damaged at {place}"):
        Record.load(tmp_path)


def test_missing_and_damaged_scores(tmp_path):
    kept(tmp_path)
    whole = (tmp_path / "scores.jsonl").read_bytes()
    (tmp_path / "scores.jsonl").write_bytes(whole[:-20])
    with pytest.raises(RecordError, match="scores.jsonl, line 2 is damaged"):
        _ = Record.load(tmp_path).scores
    (tmp_path / "scores.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(RecordError, match="scores.jsonl, line 1 is damaged"):
        _ = Record.load(tmp_path).scores
    (tmp_path / "scores.jsonl").unlink()
    with pytest.raises(RecordError, match="a run is run.json and scores.jsonl together"):
        _ = Record.load(tmp_path).scores


def test_a_record_without_scores(tmp_path):
    with pytest.raises(RecordError, match="this record has no scores"):
        record().save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_may_not_be_read(tmp_path, monkeypatch):
    kept(tmp_path)

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(RecordError, match="run.json cannot be read: Permission denied"):
        Record.load(tmp_path)


GATE = {"policy": "p", "sha256": "", "outcome": "pass", "sentence": "All kept.", "checks": []}


@pytest.mark.parametrize(
    ("gate", "place"),
    [
        ({}, "gate"),
        ([], "gate"),
        ({**GATE, "outcome": "maybe"}, "gate"),
        ({**GATE, "checks": [{"check": "a.b"}]}, "gate"),
    ],
)
def test_a_damaged_gate_is_named(tmp_path, gate, place):
    kept(tmp_path)
    fields = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    for given in (GATE, gate):
        (tmp_path / "run.json").write_text(json.dumps({**fields, "gate": given}))
        if given is GATE:
            assert Record.load(tmp_path).gate == GATE
    with pytest.raises(RecordError, match=f"is damaged at {place}.*run the audit again"):
        Record.load(tmp_path)
