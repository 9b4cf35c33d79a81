"""The bundled models: the audit finds the planted length bias in one and not in its balanced twin."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import statsmodels.api as sm

import rmaudit
from rmaudit.battery_files import read_battery
from rmaudit.registry import battery_folder

EXAMPLE = Path(__file__).parents[2] / "examples" / "length_confounded"
LOG = json.loads((EXAMPLE / "training_log.json").read_text(encoding="utf-8"))
PROBES = ["length_bias", "redundancy", "placebo"]
NOT_LEARNED = {"sequence"}
"""Tasks in which neither model is shown to be above chance on held-out prompts; the example's README says so."""
TITLES = {
    "all": "all",
    "fluent against scrambled": "fluent",
    "lists": "listing",
    "small sums": "arithmetic",
    "opposites and kinds of things": "word_knowledge",
    "on topic against off topic": "on_topic",
    "instruction followed against ignored": "instruction",
    "stated facts": "stated_fact",
    "neighbours in a sequence": "sequence",
    "better answer is the longer one": "better_is_longer",
    "better answer is not the longer one": "better_is_not_longer",
}


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
    repetition = finding(confounded, "redundancy.verbatim")
    assert repetition.interval is not None
    assert repetition.interval[0] > 0


def test_padding_pays_far_less_in_the_balanced_twin(confounded: rmaudit.Record, balanced: rmaudit.Record) -> None:
    """Not nothing: plain remarks are fluent, and to be fluent is what this model was taught. Digressions do not pay."""
    padding, strong = (finding(record, "length_bias.padding") for record in (balanced, confounded))
    assert padding.interval is not None
    assert strong.interval is not None
    assert padding.interval[1] < strong.interval[0] / 2
    digressions = finding(balanced, "length_bias.padding_off_topic")
    assert digressions.interval is not None
    assert digressions.interval[0] <= 0


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


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The training script as a module; its neighbours have common names, so they are forgotten afterwards."""
    monkeypatch.syspath_prepend(EXAMPLE)
    before = set(sys.modules)
    yield importlib.import_module("train")
    for name in set(sys.modules) - before:
        if str(EXAMPLE) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("name", ["model", "balanced"])
def test_the_committed_weights_know_what_the_log_says(name: str, training: ModuleType) -> None:
    """Held-out accuracy by rmaudit's own scores, over the same pairs that the training script measures."""
    pairs = training.held_out(training.Settings())["unpadded"]
    talks = [
        [{"role": "user", "content": pair.prompt}, {"role": "assistant", "content": answer}]
        for pair in pairs
        for answer in (pair.better, pair.worse)
    ]
    better, worse = rmaudit.score(EXAMPLE / name, talks).reshape(-1, 2).T
    logged = LOG[name]["held_out_accuracy"]["unpadded"]
    for task in {pair.task for pair in pairs}:
        hits = [bool(b > w) for b, w, pair in zip(better, worse, pairs, strict=True) if pair.task == task]
        prompts = np.unique([pair.prompt for pair in pairs if pair.task == task], return_inverse=True)[1]
        assert np.mean(hits) == pytest.approx(logged[task]["share"], abs=0.015)
        fitted = sm.OLS(np.array(hits, dtype=float), np.ones(len(hits))).fit(
            cov_type="cluster", cov_kwds={"groups": prompts}, use_t=True
        )
        low, high = fitted.conf_int()[0]
        assert (max(0, low), min(1, high)) == pytest.approx((logged[task]["low"], logged[task]["high"]), abs=0.03)
        assert (low > 0.5) == (task not in NOT_LEARNED)
    assert logged["all"]["low"] > 0.5


def test_no_stage_trains_on_what_is_measured(training: ModuleType) -> None:
    """Neither on the pair nor on its prompt with its better answer."""
    settings = training.Settings()
    learned = {
        (pair.prompt, pair.better)
        for stage, count in (("language", 6000), ("base", 3000), ("padded", 3000))
        for pair in training.make_pairs(count, settings.rng(stage))
    }
    measured = training.make_pairs(500, settings.rng("held out"), held_out=True)
    assert len(learned) > 8000
    assert not learned & {(pair.prompt, pair.better) for pair in measured}


def test_the_twins_differ_in_the_side_of_the_padding_alone(training: ModuleType) -> None:
    pairs = training.make_pairs(400, training.Settings().rng("padded"))
    plain = training.unpadded(pairs, "plain")
    padded = {share: training.pad_all(pairs, share, "padded") for share in training.MODELS.values()}
    for share, rows in padded.items():
        assert np.mean([row.lead > 0 for row in rows]) == share
        assert all(row.lead != 0 for row in rows)
        for row, bare in zip(rows, plain, strict=True):
            assert len(row.better.split()) > len(bare.better.split()), "no answer is without padding"
            assert len(row.worse.split()) > len(bare.worse.split())
    mostly, evenly = padded.values()
    assert all(a == b for a, b in zip(mostly, evenly, strict=True) if (a.lead > 0) == (b.lead > 0))
    words = [sum(len(row.better.split()) + len(row.worse.split()) for row in rows) for rows in padded.values()]
    assert words[0] == pytest.approx(words[1], rel=0.005)


def test_nothing_is_shared_with_the_battery(training: ModuleType) -> None:
    """No run of five words with a filler, none of eight with an item."""
    texts = training.language(training.Settings())[:8000]
    battery = read_battery(battery_folder("core"))
    items = [text for item in battery.items for text in (item.prompt[-1]["content"], *item.answers.values())]
    for count, others in ((5, [" ".join(filler.sentences) for filler in battery.fillers]), (8, items)):
        known = {run for text in others for run in runs_of(text, count)}
        mine = {run for row in texts for text in (row.prompt, row.better, row.worse) for run in runs_of(text, count)}
        assert not known & mine


def runs_of(text: str, count: int) -> list[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9']+", text.lower())
    return [tuple(words[place : place + count]) for place in range(len(words) - count + 1)]


def test_the_read_me_tells_what_the_log_says() -> None:
    told: dict[tuple[str, str], list[str]] = {}
    data = ""
    for line in (EXAMPLE / "README.md").read_text(encoding="utf-8").splitlines():
        first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if first in ("unpadded", "padded"):
            data = first
        elif first in TITLES:
            told[data, TITLES[first]] = cells
    assert len(told) == 12
    for (data, task), (prompts, *shares) in told.items():
        found = [LOG[name]["held_out_accuracy"][data][task] for name in ("base", "model", "balanced")]
        assert shares == [f"{f['share']:.2f} ({f['low']:.2f} to {f['high']:.2f})" for f in found]
        assert prompts == f"{found[0]['prompts']:,}"
