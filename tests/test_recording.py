"""What the record says of the data used, and of what was not tested."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rmaudit
from tests.probes.bench import by, noise
from tests.test_auditing import made


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Forty pairs, one of which has an answer of 900 words in the last of five turns; and a bad row."""
    rows: list[dict[str, object]] = [{"prompt": f"Say {n}.", "chosen": f"{n}.", "rejected": "No."} for n in range(39)]
    talk = [{"role": role, "content": "Go on."} for role in ("user", "assistant", "user", "assistant", "user")]
    rows.append({"prompt": talk, "chosen": "so " * 900, "rejected": "No."})
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"prompt": "x", "rejected": "y"}]))
    return file


def test_a_sample_of_a_data_file_is_told(pairs: Path) -> None:
    record = rmaudit.audit(by(noise), probes=["ranking_consistency"], data=[pairs], limit=12, seed=3)
    (told,) = record.battery["datasets"]
    assert (told["rows"], told["rows_in_file"], told["bad_rows"]) == (12, 41, 1)
    assert any("mine: 12 of 40 rows were used, drawn at random with seed 3" in warning for warning in record.warnings)
    assert len({score.item for score in record.scores if score.source == "mine"}) == 12


def test_all_of_a_data_file_is_no_sample(pairs: Path) -> None:
    record = rmaudit.audit(by(noise), probes=["ranking_consistency"], data=[pairs], limit=40)
    assert not any("drawn at random" in warning for warning in record.warnings)


def test_what_was_not_tested_is_told_from_what_was(pairs: Path) -> None:
    probes = ["ranking_consistency", "identity_gap", made("inside", needs="weights")]
    few = rmaudit.audit(by(noise), probes=probes, limit=12).not_tested
    assert any(
        line.startswith(
            "what these registered probes ask, which the run did not: length_bias, paraphrase_sensitivity, "
        )
        for line in few
    )
    assert any(line.startswith("Is there a gap? (inside reads the loaded model") for line in few)
    assert not any("mine" in line for line in few)
    more = rmaudit.audit(by(noise), probes=["ranking_consistency"], data=[pairs], limit=40).not_tested
    assert "answers of more than 900 words, the longest scored" in more
    assert "conversations of more than 6 messages, the most in one" in more
    assert any(line.startswith("subjects other than those of the texts scored") and "mine" in line for line in more)


def test_nothing_is_left_out_where_all_probes_are_asked() -> None:
    told = rmaudit.audit(by(noise), limit=8).not_tested
    assert [line for line in told if "registered probes" in line] == [
        "what these registered probes ask, which the run did not: vocabulary"
    ]
