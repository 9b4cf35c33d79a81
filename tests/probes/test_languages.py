"""Right told from wrong in six languages: what is lost, where, and what is no loss."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rmaudit import registry
from rmaudit.battery import Battery
from rmaudit.record import Finding
from tests.probes.bench import Bench, found, noise, value
from tests.probes.case_places import Place, Places, indifferent, places, planted, sd_of, shifted

LANGUAGES = {"de": "German", "fr": "French", "es": "Spanish", "zh": "Chinese", "ar": "Arabic"}
MARGIN, ANSWERS, SWITCH = "language_switch.margin", "language_switch.margin_of_answers", "language_switch.switch"


def is_good(place: Place) -> bool:
    return place.answer.startswith("good")


def language_of(place: Place) -> str:
    """Of the answer."""
    return place.answer[-2:]


def right_everywhere(place: Place) -> float:
    return 0.75 * is_good(place)


def right_in_english(place: Place) -> float:
    """A good answer is worth 0.75 more, if it is in English."""
    return 0.75 * (is_good(place) and language_of(place) == "en")


def right_if_asked_in_english(place: Place) -> float:
    return 0.75 * (is_good(place) and place.prompt == "en")


def fond_of_english(place: Place) -> float:
    """English answers are worth 1 more; right is told from wrong in all."""
    return right_everywhere(place) + (language_of(place) == "en")


@pytest.fixture(scope="module")
def bench(battery: Battery) -> Bench:
    return Bench(battery, registry.load_probes(["language_switch"]))


@pytest.fixture(scope="module")
def known(battery: Battery) -> Places:
    return places(battery)


def raw_of(findings: list[Finding]) -> dict[str, float]:
    """Of the effects; shares have no raw value."""
    return {finding.key: finding.raw for finding in findings if finding.raw is not None}


# --------------------------------------------------------------------------------------------------- losses
def test_the_whole_margin_is_lost_where_only_english_is_read(bench: Bench, known: Places) -> None:
    score = planted(known, right_in_english)
    findings = bench.findings(score)
    lost = found(findings, MARGIN)
    assert (lost.raw, lost.verdict, lost.kind) == (-0.75, "bias", "loss")
    assert lost.value == pytest.approx(-0.75 / sd_of(bench, score))
    assert lost.reading.startswith("Another language: lowers the margin by 0.")
    assert found(findings, ANSWERS).raw == -0.75
    assert found(findings, SWITCH).raw == -0.375, "good answers lose 0.75, flawed ones nothing"


def test_nothing_is_lost_where_every_language_is_read(bench: Bench, known: Places) -> None:
    findings = bench.findings(planted(known, right_everywhere))
    assert raw_of(findings) == {MARGIN: 0, ANSWERS: 0, SWITCH: 0}
    assert found(findings, MARGIN).verdict == "negligible"


def test_the_language_of_the_question_is_told_from_that_of_the_answers(bench: Bench, known: Places) -> None:
    findings = bench.findings(planted(known, right_if_asked_in_english))
    assert raw_of(findings) == {MARGIN: -0.75, ANSWERS: 0, SWITCH: 0}


def test_a_gain_is_no_loss(bench: Bench, known: Places) -> None:
    """Told apart everywhere but in English."""
    findings = bench.findings(planted(known, lambda place: right_everywhere(place) - right_in_english(place)))
    assert raw_of(findings) == {MARGIN: 0.75, ANSWERS: 0.75, SWITCH: 0.375}
    assert "raises the margin" in found(findings, MARGIN).reading


def test_a_taste_for_english_answers_shows_in_the_switch_alone(bench: Bench, known: Places) -> None:
    score = planted(known, fond_of_english)
    findings = bench.findings(score)
    assert raw_of(findings) == {MARGIN: 0, ANSWERS: 0, SWITCH: -1}
    assert found(findings, MARGIN).verdict == "negligible"
    switch = found(findings, SWITCH)
    assert switch.value == pytest.approx(-1 / sd_of(bench, score))
    assert switch.reading.startswith("Switching the language: lowers the score by ")
    assert not switch.headline


def test_the_indifferent_lose_nothing(bench: Bench, known: Places) -> None:
    findings = bench.findings(planted(known, indifferent))
    assert raw_of(findings) == {MARGIN: 0, ANSWERS: 0, SWITCH: 0}
    assert "not shown to move" in found(findings, MARGIN).reading


def test_a_shift_of_a_prompt_changes_nothing(bench: Bench, known: Places) -> None:
    """The question in another language is another prompt, with another shift."""
    score = planted(known, lambda place: right_in_english(place) + fond_of_english(place))
    before, after = bench.findings(score), bench.findings(shifted(score))
    assert raw_of(after) == raw_of(before) == {MARGIN: -0.75, ANSWERS: -0.75, SWITCH: -1.375}
    for old, new in zip(before, after, strict=True):
        assert new.interval == pytest.approx(old.interval)
        assert new.verdict == old.verdict


# --------------------------------------------------------------------------------------------------- slices
@pytest.mark.parametrize("code", LANGUAGES)
def test_slices_tell_which_language_is_not_read(code: str, bench: Bench, known: Places) -> None:
    score = planted(known, lambda place: 0.0 if language_of(place) == code else right_everywhere(place))
    findings, sd = bench.findings(score), sd_of(bench, score)
    for key, size in ((MARGIN, -0.75), (ANSWERS, -0.75), (SWITCH, -0.375)):
        slices = {part["label"]: part["value"] for part in found(findings, key).detail["slices"]}
        assert list(slices) == sorted(LANGUAGES.values())
        expected = {name: size / sd if name == LANGUAGES[code] else 0.0 for name in slices}
        assert slices == pytest.approx(expected)
        assert value(findings, key) == pytest.approx(size / sd / len(LANGUAGES)), "one of five"


def test_every_case_counts_in_every_language(bench: Bench, known: Places, battery: Battery) -> None:
    count = len(battery.cases["languages"])
    findings = bench.findings(planted(known, right_in_english))
    assert {f.key: f.n for f in findings if f.raw is not None} == {
        MARGIN: 5 * count, ANSWERS: 5 * count, SWITCH: 10 * count
    }  # fmt: skip
    assert {finding.n_groups for finding in findings} == {count}
    assert [part["n"] for part in findings[0].detail["slices"]] == [count] * 5


def test_the_case_that_loses_most_is_shown_first(bench: Bench, known: Places, battery: Battery) -> None:
    odd = battery.cases["languages"][7].id

    def taste(place: Place) -> float:
        return right_in_english(place) * (4.0 if place.case.id == odd else 1.0)

    score = planted(known, taste)
    lost = found(bench.findings(score), MARGIN)
    assert lost.evidence[0].stimulus.startswith(f"language_switch:{odd}/")
    assert lost.evidence[0].note == f"the margin was {3.0 / sd_of(bench, score):+.2f} SD before"
    assert lost.evidence[0].difference == 0


# -------------------------------------------------------------------------------------------------- stimuli
def test_answers_stand_under_english_and_under_their_own_question(bench: Bench, battery: Battery) -> None:
    rows = bench.rows(noise)["language_switch"]
    first = battery.cases["languages"][0]
    asked = {
        (row.stimulus.labels["prompt"], row.stimulus.labels["answer"]) for row in rows if row.stimulus.item == first.id
    }
    own = {(code, f"{side}_{code}") for code in LANGUAGES for side in ("good", "flawed")}
    assert asked == own | {("en", answer) for answer in first.answers}
    assert len(rows) == len(asked) * len(battery.cases["languages"])


def test_without_the_cases_nothing_is_measured(battery: Battery) -> None:
    others = {name: cases for name, cases in battery.cases.items() if name != "languages"}
    findings = Bench(replace(battery, cases=others), registry.load_probes(["language_switch"])).findings(noise)
    assert [finding.key for finding in findings] == [MARGIN, ANSWERS, SWITCH]
    assert {finding.verdict for finding in findings} == {"not_applicable"}
    assert {finding.reason for finding in findings} == {"the battery has no cases 'languages'"}


def test_few_cases_are_not_judged(battery: Battery, known: Places) -> None:
    few = replace(battery, cases={"languages": battery.cases["languages"][:7]})
    lost = found(
        Bench(few, registry.load_probes(["language_switch"])).findings(planted(known, right_in_english)), MARGIN
    )
    assert (lost.raw, lost.verdict) == (-0.75, "inconclusive")
    assert "a verdict needs at least 8" in lost.reason
