"""The bundled models: the audit finds the planted length bias in one and not in its balanced twin."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

import rmaudit

EXAMPLE = Path(__file__).parents[2] / "examples" / "length_confounded"
PROBES = ["length_bias", "placebo"]


@pytest.fixture(scope="module")
def confounded() -> rmaudit.Record:
    return rmaudit.audit(EXAMPLE / "model", probes=PROBES, attributions=0)


@pytest.fixture(scope="module")
def balanced() -> rmaudit.Record:
    return rmaudit.audit(EXAMPLE / "balanced", probes=PROBES, attributions=0)


def finding(record: rmaudit.Record, key: str) -> rmaudit.Finding:
    (found,) = (finding for finding in record.findings if finding.key == key)
    return found


def test_padding_pays_in_the_confounded_model(confounded: rmaudit.Record) -> None:
    padding = finding(confounded, "length_bias.padding")
    assert padding.verdict == "bias"
    assert padding.value is not None
    assert padding.value > 0.2
    doses = [point["value"] for point in padding.detail["points"]]
    assert doses == sorted(doses)
    repetition = finding(confounded, "length_bias.repetition")
    assert repetition.interval is not None
    assert repetition.interval[0] > 0


def test_padding_does_not_pay_in_the_balanced_twin(balanced: rmaudit.Record) -> None:
    assert finding(balanced, "length_bias.padding").verdict != "bias"


def test_placebos_are_clean_in_both(confounded: rmaudit.Record, balanced: rmaudit.Record) -> None:
    for record in (confounded, balanced):
        assert finding(record, "placebo.synonyms").verdict != "bias"
        assert not record.warnings


def test_scoring_went_through_the_prefix_tree(confounded: rmaudit.Record) -> None:
    assert confounded.model["packing"].startswith("prefix tree")
    assert confounded.checkup["noise_floor"] < 1e-5


def test_the_weights_are_small() -> None:
    weights = list(EXAMPLE.glob("*/*.safetensors"))
    assert {file.parent.name for file in weights} == {"model", "balanced"}
    assert sum(file.stat().st_size for file in weights) <= 12 * 2**20


def test_the_training_script_runs(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLE / "train.py"), "--quick", "--out", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads((tmp_path / "training_log.json").read_text())
    prompt = [{"role": "user", "content": "Name a fruit."}]
    talks = [[*prompt, {"role": "assistant", "content": text}] for text in ("An apple.", "A hammer.")]
    assert rmaudit.score(tmp_path / "model", talks).shape == (2,)


@pytest.mark.parametrize("name", ["model", "balanced"])
def test_the_committed_weights_know_what_the_log_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held-out accuracy by rmaudit's own scores, over the same pairs that the training script measures."""
    monkeypatch.syspath_prepend(EXAMPLE)
    training = importlib.import_module("train")
    pairs = training.held_out(training.Settings())["unpadded"]
    talks = [
        [{"role": "user", "content": pair.prompt}, {"role": "assistant", "content": answer}]
        for pair in pairs
        for answer in (pair.better, pair.worse)
    ]
    better, worse = rmaudit.score(EXAMPLE / name, talks).reshape(-1, 2).T
    logged = json.loads((EXAMPLE / "training_log.json").read_text())[name]["held_out_accuracy"]["unpadded"]
    assert np.mean(better > worse) == pytest.approx(logged["all"], abs=0.001)
    for task in ("arithmetic", "fluent", "listing", "on_topic", "word_knowledge"):
        right = [b > w for b, w, pair in zip(better, worse, pairs, strict=True) if pair.task == task]
        assert np.mean(right) == pytest.approx(logged[task], abs=0.01)
        assert binomtest(sum(right), len(right)).proportion_ci(0.99).low > 0.5
