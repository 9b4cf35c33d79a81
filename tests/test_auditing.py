"""One audit, the whole way: what is scored, what is judged together, and that a fault is never lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rmaudit
from rmaudit.auditing import RECHECKED, adjusted
from rmaudit.battery import Battery
from rmaudit.conversations import Conversation
from rmaudit.errors import ScoringError, UsageError
from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.statistics import estimates
from rmaudit.stimuli import ScoredStimuli, Stimulus
from tests.probes.bench import by, found, length, noise

Findings = Callable[[ScoredStimuli, Settings], list[Finding]]


def judged(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
    """Good answers against flawed ones."""
    pairs = list(scored.by_item("good", "flawed"))
    effect = estimates.mean([a.score - b.score for a, b in pairs], [a.stimulus.group for a, _ in pairs])
    return [settings.effect("gap", "Gap", effect)]


def made(name: str, findings: Findings = judged, *, needs: str = "scores", stimuli: Any = None) -> Probe:
    """A probe of the natural answers."""

    def natural(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
        return [
            Stimulus(f"{item.id}/{level}", item.id, item.group, level, item.conversation(item.answers[level]))
            for item in battery.items
            for level in ("good", "flawed")
        ]

    card = ProbeCard(
        name=name, title="Gap", question="Is there a gap?", why="-", protocol="-", harm="-", unit="SD", cannot_tell="-",
        headline="gap", references=("-",), needs=needs,
    )  # fmt: skip
    return Probe(card, {}, stimuli or natural, findings)


# ---------------------------------------------------------------------------------------- what is scored
def test_every_conversation_is_scored_once_and_some_again() -> None:
    calls: list[list[Conversation]] = []

    def black_box(conversations: list[Conversation]) -> list[float]:
        calls.append(conversations)
        return [noise(conversation) for conversation in conversations]

    record = rmaudit.audit(black_box, limit=12)
    asked, again = calls
    assert len({json.dumps(conversation) for conversation in asked}) == len(asked) == record.checkup["conversations"]
    assert len(again) == RECHECKED == record.checkup["rechecked"]
    assert record.checkup["stimuli"] == len(record.scores) > len(asked)
    assert record.checkup["noise_floor"] == 0
    of = {json.dumps(conversation): noise(conversation) for conversation in asked}
    assert all(score.score == of[json.dumps(score.conversation)] for score in record.scores)


def test_the_same_model_battery_and_seed_give_the_same_record() -> None:
    def text(seed: int) -> str:
        return rmaudit.audit(by(noise), limit=12, seed=seed).to_json()

    assert text(3) == text(3)
    first, other = json.loads(text(3)), json.loads(text(4))
    assert first["findings"] != other["findings"]
    assert first["battery"] == other["battery"]


def test_the_files_of_two_runs_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        rmaudit.audit(by(noise), limit=8, probes=["placebo"], out=tmp_path / name)
    for file in ("run.json", "scores.jsonl", "report.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_one_probe_does_not_disturb_another() -> None:
    alone = rmaudit.audit(by(noise), probes=["placebo"], limit=12)
    beside = rmaudit.audit(by(noise), limit=12)
    for finding in alone.findings:
        other = found(beside, finding.key)
        assert (other.value, other.n, other.evidence) == (finding.value, finding.n, finding.evidence)


@pytest.mark.parametrize(
    "scores", [lambda cs: [0.5] * (len(cs) - 1), lambda cs: 1.0, lambda cs: [[0.5, 0.5]] * len(cs)]
)
def test_a_wrong_number_of_scores_is_an_error(scores: Any) -> None:
    with pytest.raises(ScoringError):
        rmaudit.audit(scores, probes=["placebo"], limit=8)


def test_part_of_the_battery_is_told() -> None:
    record = rmaudit.audit(by(noise), probes=["placebo"], limit=12)
    assert record.battery["prompts"] == 12
    assert len(record.battery["domains"]) == 12
    (told,) = [warning for warning in record.warnings if warning.startswith("Only part of the battery")]
    assert re.search(r"used: 12 of 258 prompts and \d+ of 1,205 cases\. ", told)
    placebo = found(record, "placebo.synonyms")
    assert placebo.detectable_by_all is not None
    assert placebo.detectable is not None
    assert placebo.detectable_by_all < placebo.detectable / 4


@pytest.mark.parametrize("limit", [None, 500])
def test_the_whole_battery_says_nothing_of_a_part(limit: int | None) -> None:
    record = rmaudit.audit(by(noise), probes=["placebo"], limit=limit)
    assert found(record, "placebo.synonyms").detectable_by_all is None
    assert not any("part of the battery" in warning for warning in record.warnings)


# --------------------------------------------------------------------------------- the noise of the score
def test_no_effect_below_the_noise_floor_is_called_one() -> None:
    """Scores that change with the company they are scored in show neither an effect below that change, nor none."""

    def in_company(wobble: float) -> Callable[[list[Conversation]], list[float]]:
        def black_box(conversations: list[Conversation]) -> list[float]:
            return [0.05 * length(c) + noise(c) + wobble * (len(conversations) > 100) for c in conversations]

        return black_box

    steady = rmaudit.audit(in_company(0.0), probes=["length_bias"], limit=24)
    assert found(steady, "length_bias.padding").verdict == "bias"
    shaky = rmaudit.audit(in_company(20.0), probes=["length_bias"], limit=24)
    padding = found(shaky, "length_bias.padding")
    assert shaky.checkup["noise_floor"] == 20
    assert padding.negligible == 0.2
    assert padding.verdict == "inconclusive"
    assert "from one pass to the next" in padding.reason
    assert any(warning.startswith("The scorer does not repeat itself") for warning in shaky.warnings)
    assert not any("repeat itself" in warning for warning in steady.warnings)


@pytest.mark.parametrize("scale", [1e-14, 1.0, 1e14])
def test_findings_do_not_depend_on_the_scale_of_the_scores(scale: float) -> None:
    plain = rmaudit.audit(by(noise), probes=["placebo"], limit=12)
    scaled = rmaudit.audit(by(lambda c: scale * noise(c)), probes=["placebo"], limit=12)
    assert [f.verdict for f in scaled.findings] == [f.verdict for f in plain.findings]
    assert found(scaled, "placebo.synonyms").value == pytest.approx(found(plain, "placebo.synonyms").value)
    assert scaled.reference["sd"] == pytest.approx(scale * plain.reference["sd"])


@pytest.mark.parametrize(("score", "told"), [(0.0, "same score"), (7e20, "same score"), (1e-150, "size 1e-150")])
def test_a_constant_scorer_has_no_unit(score: float, told: str) -> None:
    record = rmaudit.audit(by(lambda c: score), probes=["placebo"], limit=12)
    assert found(record, "placebo.synonyms").verdict == "error"
    assert told in found(record, "placebo.synonyms").reason


# ------------------------------------------------------------------------------------- judged together
def test_intervals_are_wider_the_more_headlines_there_are() -> None:
    widths = []
    for count in (1, 2, 8):
        record = rmaudit.audit(by(noise), probes=[made(f"probe_{n}") for n in range(count)], limit=24)
        low, high = found(record, "probe_0.gap").interval or (0.0, 0.0)
        widths.append(high - low)
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


def test_p_values_are_adjusted_by_holm() -> None:
    def finding(metric: str, p: float | None, headline: bool = True) -> Finding:
        return Finding(
            probe="x", metric=metric, title="-", value=1.0, unit="SD", confidence=0.95, headline=headline, p=p
        )

    given = [finding("a", 0.01), finding("b", 0.04), finding("c", 0.03), finding("d", 0.001, False), finding("e", None)]
    told = {f.metric: f.p_adjusted for f in adjusted(given)}
    assert told == {"a": pytest.approx(0.03), "b": pytest.approx(0.06), "c": pytest.approx(0.06), "d": None, "e": None}


# ------------------------------------------------------------------------------------------------- faults
def test_a_fault_in_one_probe_loses_nothing_of_the_others() -> None:
    def faulty(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
        raise KeyError("no such arm")

    record = rmaudit.audit(by(noise), probes=[made("bad", faulty), made("good"), "placebo"], limit=12)
    broken = found(record, "bad.gap")
    assert (broken.verdict, broken.value, broken.headline) == ("error", None, True)
    assert "KeyError" in broken.reason
    assert found(record, "good.gap").value is not None
    assert found(record, "placebo.synonyms").value is not None


def test_a_probe_that_reads_weights_does_not_apply_to_a_black_box() -> None:
    record = rmaudit.audit(by(noise), probes=[made("inside", needs="weights"), made("outside")], limit=12)
    inside = found(record, "inside.gap")
    assert (inside.verdict, inside.value, inside.headline) == ("not_applicable", None, True)
    assert "black box" in inside.reason
    assert all(score.probe != "inside" for score in record.scores)


def test_two_stimuli_of_one_name_are_refused() -> None:
    def twice(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
        item = battery.items[0]
        return [Stimulus("same", item.id, item.group, "good", item.conversation("Yes."))] * 2

    with pytest.raises(UsageError, match="one name"):
        rmaudit.audit(by(noise), probes=[made("double", stimuli=twice)], limit=8)


def test_a_placebo_that_shows_an_effect_is_told_on_top() -> None:
    def placebo(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
        rows = scored.arm("good")
        spread = estimates.mean([5 + row.score for row in rows], [row.stimulus.group for row in rows])
        return [settings.effect("gap", "Gap", spread)]

    record = rmaudit.audit(by(lambda c: noise(c) + 10), probes=[made("placebo", placebo)], limit=12)
    assert found(record, "placebo.gap").verdict == "bias"
    assert any("placebo" in warning.lower() for warning in record.warnings)


@pytest.mark.parametrize(
    "asked", [{"limit": 0}, {"limit": -1}, {"confidence": 0.3}, {"confidence": 1.0}, {"seed": -1}, {"attributions": -1}]
)
def test_senseless_settings_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        rmaudit.audit(by(noise), **asked)


def test_settings_are_in_the_record() -> None:
    record = rmaudit.audit(by(noise), probes=["length_bias"], limit=12, seed=7, confidence=0.9)
    assert record.settings["seed"] == 7
    assert record.settings["confidence"] == 0.9
    assert record.settings["probe_settings"] == {"length_bias": {"doses": [1, 2, 4, 8]}}
    assert set(record.probes) == {"length_bias"}
