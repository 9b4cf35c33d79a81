"""Named answers under named prompts: a taste of known size comes back exactly, whichever way it points."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from rmaudit import registry
from rmaudit.auditing import run_audit
from rmaudit.battery import Battery
from rmaudit.planning import Audit
from rmaudit.record import Finding
from rmaudit.scorers import BlackBox
from tests.probes.bench import Bench, Score, by, found, length, noise
from tests.probes.case_places import Place, Places, Taste, indifferent, of_answers, places, planted, sd_of, shifted

SIZE = 0.75
"""On the grid of the noise, so that sums are exact."""


@dataclass(frozen=True)
class Planted:
    """A headline, the cases that it is asked of, and a taste that makes it as large as `SIZE`."""

    headline: str
    cases: str
    taste: Taste
    preference: bool = False

    @property
    def probe(self) -> str:
        return self.headline.partition(".")[0]


def wrong_guess(place: Place) -> float:
    """Half is gained by the wrong answer and a quarter lost by the right one; right is worth 2 more under every prompt."""
    right = place.answer.startswith("right")
    told = place.prompt == "suggests_wrong"
    return 2.0 * right + (-0.25 if right else 0.5) * told


def own_answer(place: Place) -> float:
    """The answer of the prompt's own name."""
    return SIZE * (place.prompt == place.answer)


PLANTED = [
    Planted("sycophancy.wrong_guess", "beliefs", wrong_guess),
    Planted("confidence.when_wrong", "confidence", of_answers({"wrong_confident": SIZE})),
    Planted("jargon.terms", "jargon", of_answers({"jargon": SIZE})),
    Planted("over_refusal.answering", "refusals", of_answers({"comply": SIZE}), preference=True),
    Planted("unsafe_compliance.declining", "refusals", of_answers({"refuse": SIZE}), preference=True),
    Planted("vagueness.specific", "vagueness", of_answers({"specific": SIZE}), preference=True),
    Planted("pitfalls.avoided", "pitfalls", of_answers({"good": SIZE}), preference=True),
    Planted("contrast_instructions.own_answer", "contrasts", own_answer, preference=True),
]
every = pytest.mark.parametrize("one", PLANTED, ids=[one.probe for one in PLANTED])
preferences = pytest.mark.parametrize("one", [one for one in PLANTED if one.preference], ids=lambda one: one.probe)


@pytest.fixture(scope="module")
def benches(battery: Battery) -> dict[str, Bench]:
    """One for every probe: the findings of one taste are those of one probe."""
    return {one.probe: Bench(battery, registry.load_probes([one.probe])) for one in PLANTED}


@pytest.fixture(scope="module")
def known(battery: Battery) -> Places:
    return places(battery)


Ask = Callable[[str, Score], list[Finding]]


@pytest.fixture
def ask(benches: dict[str, Bench]) -> Ask:
    return lambda probe, score: benches[probe].findings(score)


def times(factor: float, taste: Taste) -> Taste:
    return lambda place: factor * taste(place)


# ------------------------------------------------------------------------------------------- exact sizes
@every
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_planted_preference_comes_back_exactly(sign: float, one: Planted, known: Places, ask: Ask) -> None:
    gap = found(ask(one.probe, planted(known, times(sign, one.taste))), one.headline)
    assert gap.raw == sign * SIZE
    assert gap.value is not None
    assert math.copysign(1, gap.value) == sign
    kind = "preference" if one.preference else "gain" if one.probe == "confidence" else "effect"
    assert gap.kind == kind
    harmless = {"preference": 1.0, "gain": -1.0, "effect": None}[kind]
    assert gap.verdict == ("negligible" if sign == harmless else "bias")
    assert ("raises" if sign > 0 else "lowers") in gap.reading


@every
def test_the_size_is_given_in_the_unit_of_the_run(one: Planted, known: Places, benches: dict[str, Bench]) -> None:
    bench, score = benches[one.probe], planted(known, one.taste)
    gap, sd = found(bench.findings(score), one.headline), sd_of(bench, score)
    assert gap.value == pytest.approx(SIZE / sd)
    assert gap.interval is not None
    assert gap.interval[0] < SIZE / sd < gap.interval[1], "the unit itself is uncertain"


@every
def test_every_case_counts_once(one: Planted, battery: Battery, known: Places, ask: Ask) -> None:
    safe = {"over_refusal": True, "unsafe_compliance": False}.get(one.probe)
    cases = [case for case in battery.cases[one.cases] if safe is None or case.labels["safe"] == safe]
    gap = found(ask(one.probe, planted(known, one.taste)), one.headline)
    assert (gap.n_groups, gap.n_templates) == (len(cases), None)
    assert gap.n == len(cases) * (1 if one.probe in ("confidence", "pitfalls") else 2)


@every
def test_the_indifferent_have_no_effect(one: Planted, known: Places, ask: Ask) -> None:
    gap = found(ask(one.probe, planted(known, indifferent)), one.headline)
    assert (gap.raw, gap.value) == (0.0, 0.0)
    assert gap.verdict == ("inconclusive" if one.preference else "negligible")
    assert gap.reason or not one.preference
    assert "not shown to move" in gap.reading


@preferences
def test_a_slight_preference_for_the_better_answer_is_no_pass(one: Planted, known: Places, ask: Ask) -> None:
    gap = found(ask(one.probe, planted(known, times(0.125, one.taste))), one.headline)
    assert gap.verdict == "inconclusive"
    assert "as much as the margin" in gap.reason or "shown to stay below the margin" in gap.reason


@every
def test_a_shift_of_a_prompt_changes_nothing(one: Planted, known: Places, ask: Ask) -> None:
    """Natural answers included: the unit stays too, but for the rounding of its own sums."""
    score = planted(known, one.taste)
    before, after = ask(one.probe, score), ask(one.probe, shifted(score))
    for old, new in zip(before, after, strict=True):
        assert (new.key, new.verdict) == (old.key, old.verdict)
        assert new.raw == pytest.approx(old.raw, abs=1e-9)
        assert new.value == pytest.approx(old.value)
        assert new.interval == pytest.approx(old.interval, abs=1e-9)
        if not old.metric.endswith("beyond_length"):
            assert new.raw == old.raw


@every
def test_without_the_cases_nothing_is_measured(one: Planted, battery: Battery) -> None:
    others = {name: cases for name, cases in battery.cases.items() if name != one.cases}
    bench = Bench(replace(battery, cases=others), registry.load_probes([one.probe]))
    findings = bench.findings(noise)
    assert {finding.verdict for finding in findings} == {"not_applicable"}
    assert {finding.reason.removesuffix(" of this kind") for finding in findings} == {
        f"the battery has no cases {one.cases!r}"
    }
    assert [finding.key for finding in findings if finding.headline] == [one.headline]
    assert [finding.value for finding in findings] == [None] * len(findings)


@every
def test_few_cases_are_not_judged(one: Planted, battery: Battery, known: Places) -> None:
    few = replace(battery, cases=dict(battery.limited(4).cases))
    gap = found(Bench(few, registry.load_probes([one.probe])).findings(planted(known, one.taste)), one.headline)
    assert (gap.raw, gap.verdict) == (SIZE, "inconclusive")
    assert "a verdict needs at least 8" in gap.reason


# -------------------------------------------------------------------------------------- slices, evidence
SLICED = {
    "sycophancy": "subject", "jargon": "subject", "vagueness": "subject", "pitfalls": "kind",
}  # fmt: skip


@pytest.mark.parametrize("one", [one for one in PLANTED if one.probe in SLICED], ids=lambda one: one.probe)
def test_slices_tell_where_the_taste_is(one: Planted, battery: Battery, known: Places, ask: Ask) -> None:
    label = SLICED[one.probe]
    parts = Counter(str(case.labels[label]) for case in battery.cases[one.cases])
    (most, _), *_ = parts.most_common()

    def taste(place: Place) -> float:
        return one.taste(place) if place.case.labels[label] == most else 0.0

    gap = found(ask(one.probe, planted(known, taste)), one.headline)
    slices = {part["label"]: part for part in gap.detail["slices"]}
    assert list(slices) == sorted(part.replace("_", " ") for part in parts)
    assert gap.raw == pytest.approx(SIZE * parts[most] / parts.total())
    assert gap.value is not None
    for part, count in parts.items():
        expected = gap.value * parts.total() / parts[most] if part == most else 0.0
        assert slices[part.replace("_", " ")]["value"] == pytest.approx(expected)
        assert slices[part.replace("_", " ")]["n"] == count * gap.n / gap.n_groups


@every
def test_the_worst_case_is_shown_first(one: Planted, battery: Battery, known: Places, ask: Ask) -> None:
    """For a preference that is the case that goes the wrong way, though most go the right way."""
    factor = -4.0 if one.preference else 4.0
    cases = [case for case in battery.cases[one.cases] if case.labels.get("safe", True) != (one.headline[0] == "u")]
    odd = cases[len(cases) // 2].id

    def taste(place: Place) -> float:
        return one.taste(place) * (factor if place.case.id == odd else 1.0)

    gap = found(ask(one.probe, planted(known, taste)), one.headline)
    assert gap.evidence[0].stimulus.startswith(f"{one.probe}:{odd}/")
    shown = [example.stimulus.split("/")[0] for example in gap.evidence]
    assert len(set(shown)) == len(shown), "one of each case"


# ----------------------------------------------------------------------------------- beside the headline
def test_each_belief_has_its_own_number(known: Places, ask: Ask) -> None:
    sizes = {"suggests_wrong": 0.5, "insists_wrong": 1.5, "suggests_right": -0.25}
    score = planted(known, lambda place: sizes.get(place.prompt, 0.0) * place.answer.startswith("wrong"))
    findings = ask("sycophancy", score)
    assert [finding.raw for finding in findings] == list(sizes.values())
    assert [finding.metric for finding in findings] == ["wrong_guess", "wrong_belief", "right_guess"]


def test_a_taste_for_the_belief_itself_is_no_flattery(known: Places, ask: Ask) -> None:
    """Whoever suggests something loses 3, and right answers are worth 2: no margin changes."""
    score = planted(
        known, lambda place: 2.0 * place.answer.startswith("right") - 3.0 * (place.prompt == "suggests_wrong")
    )
    assert [finding.raw for finding in ask("sycophancy", score)] == [0.0] * 3


def test_the_margin_before_is_told(known: Places, ask: Ask) -> None:
    gap = found(ask("sycophancy", planted(known, times(1.0, wrong_guess))), "sycophancy.wrong_guess")
    assert gap.value is not None
    assert gap.evidence[0].difference * SIZE / gap.value == pytest.approx(SIZE - 2), "the margin under the guess"
    assert gap.evidence[0].note == f"the margin was {-2 * gap.value / SIZE:+.2f} SD before"


def test_wins_are_counted_by_kind_and_a_tie_is_half_a_win(known: Places, ask: Ask) -> None:
    """Accuracy by trap: right in one sort of trap, wrong in another, and alike in the rest."""
    sign = {"concreteness": 1.0, "continuation": -1.0}

    def taste(place: Place) -> float:
        return sign.get(str(place.case.labels["kind"]), 0.0) * (place.answer == "good")

    won = found(ask("pitfalls", planted(known, taste)), "pitfalls.avoided_wins")
    expected = {"concreteness": 1.0, "continuation": 0.0, "empty reference": 0.5, "familiar knowledge": 0.5,
                "nested instruction": 0.5}  # fmt: skip
    assert {part["label"]: part["value"] for part in won.detail["slices"]} == expected
    assert (won.value, won.kind, won.verdict) == (0.5, "share", None)
    assert won.title == "Right answers against traps: how often it scores higher (by chance: 50 %)"


def test_confidence_that_is_earned_is_told_apart(known: Places, ask: Ask) -> None:
    taste = of_answers({"wrong_confident": -0.5, "right_confident": 0.75, "right_hedged": 0.5, "wrong_hedged": -1.0})
    findings = ask("confidence", planted(known, taste))
    raw = {finding.metric: finding.raw for finding in findings if finding.raw is not None}
    assert raw == {"when_wrong": 0.5, "when_right": 0.25, "earned": -0.25}


def test_refusing_everything_is_right_only_where_harm_is_asked_for(known: Places, ask: Ask) -> None:
    score = planted(known, of_answers({"refuse": 1.0}))
    assert found(ask("over_refusal", score), "over_refusal.answering").raw == -1
    assert found(ask("over_refusal", score), "over_refusal.answering").verdict == "bias"
    assert found(ask("unsafe_compliance", score), "unsafe_compliance.declining").raw == 1
    assert found(ask("unsafe_compliance", score), "unsafe_compliance.declining").verdict == "negligible"


@pytest.mark.parametrize("share", [0, 18, 72])
def test_pairs_of_prompts_that_both_prefer_their_own(share: int, battery: Battery, known: Places, ask: Ask) -> None:
    """In the other cases one answer is preferred whatever is asked."""
    reads = {case.id for case in battery.cases["contrasts"][:share]}
    count = len(battery.cases["contrasts"])
    findings = ask(
        "contrast_instructions",
        planted(known, lambda place: own_answer(place) if place.case.id in reads else 2.0 * (place.answer == "a")),
    )
    assert found(findings, "contrast_instructions.own_answer").raw == pytest.approx(SIZE * share / count)
    assert found(findings, "contrast_instructions.both").value == pytest.approx(share / count)


@pytest.mark.parametrize("probe", ["jargon", "vagueness", "pitfalls", "over_refusal", "unsafe_compliance"])
def test_a_score_of_length_is_nothing_beyond_length(probe: str, ask: Ask) -> None:
    (own,) = [f for f in ask(probe, lambda c: math.log2(length(c))) if f.metric.endswith("beyond_length")]
    assert own.raw == pytest.approx(0, abs=1e-9)
    assert not own.headline
    assert own.verdict is None


def test_stimuli_are_the_texts_of_the_battery(battery: Battery, benches: dict[str, Bench]) -> None:
    """Each answer once under each prompt, none of it edited."""
    for one in PLANTED:
        rows = benches[one.probe].rows(noise)[one.probe]
        expected = [
            case.conversation(prompt, answer)
            for case in battery.cases[one.cases]
            for prompt in case.prompts
            for answer in case.answers
        ]
        assert [row.stimulus.conversation for row in rows] == expected
        assert {row.stimulus.source for row in rows} == {"battery"}


def test_an_audit_says_the_same(battery: Battery, known: Places) -> None:
    """By the public way, with all the probes in one run."""

    def taste(place: Place) -> float:
        return sum(one.taste(place) for one in PLANTED if one.cases == place.cases and one.probe != "over_refusal")

    probes = registry.load_probes([one.probe for one in PLANTED])
    record = run_audit(Audit(battery, probes), BlackBox(by(planted(known, taste))))
    for one in PLANTED:
        gap = found(record, one.headline)
        assert gap.raw == (-SIZE if one.probe == "over_refusal" else SIZE)
        assert gap.p_adjusted is not None
        assert gap.p_adjusted < 0.05
