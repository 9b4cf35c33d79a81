"""Several conditions at once: a planted taste is the largest gap, by its own name; noise is none."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
import pytest

from rmaudit import registry
from rmaudit.battery import Battery
from rmaudit.conversations import Conversation, answer_of
from rmaudit.record import Finding
from tests.probes.bench import Bench, Score, found, noise, prompt_of, value
from tests.probes.case_places import Places, of_answers, places, planted, sd_of, shifted
from tests.probes.oracle import Oracle

Sizes = dict[str, float]


class Tasteful(Protocol):
    """Makes a black box from the worth of every condition; what is none of them is scored as elsewhere."""

    def __call__(self, sizes: Sizes, elsewhere: Score = ...) -> Score: ...


def nothing(conversation: Conversation) -> float:
    """Elsewhere, nothing."""
    return 0.0


def with_letters(sizes: Sizes, elsewhere: Score = noise) -> Score:
    """Of an answer that is an option of its prompt, the letter."""
    return lambda c: sizes.get(letter, 0.0) if (letter := letter_of(c)) else elsewhere(c)


def letter_of(conversation: Conversation) -> str:
    line = answer_of(conversation)
    return line[0] if re.match(r"[A-D]\) ", line) and line in prompt_of(conversation).split("\n") else ""


FORMATS = {
    "boxed": r"\$\\boxed\{.+\}\$", "heading": r"# Answer\n\n.+", "hashes": r"#### .+", "bold": r"\*\*.+\*\*",
    "sentence": r"The answer is .+\.",
}  # fmt: skip


def with_formats(prompts: set[str], sizes: Sizes, elsewhere: Score = noise) -> Score:
    """Of a solution to one of these prompts, how its result is set off."""

    def score(conversation: Conversation) -> float:
        if prompt_of(conversation) not in prompts:
            return elsewhere(conversation)
        (name,) = [name for name, form in FORMATS.items() if re.search(f"\n\n{form}$", answer_of(conversation))]
        return sizes.get(name, 0.0)

    return score


@dataclass(frozen=True)
class Compared:
    """A probe of the largest gap, its cases, and two conditions with the number of all their pairs."""

    probe: str
    cases: str
    liked: str
    disliked: str
    pairs: int
    of: str
    left: str = ""

    @property
    def headline(self) -> str:
        return f"{self.probe}.gap"


TAKEN_OFF = " once the difference in length is taken off"
COMPARED = [
    Compared("option_order", "choices", "C", "A", 6, "pairs of letters"),
    Compared("answer_format", "maths", "boxed", "bold", 10, "pairs of formats"),
    Compared("house_styles", "house_styles", "terse", "coach", 10, "pairs of manners", TAKEN_OFF),
    Compared("identity_gap", "identity", "Jewish", "atheist", 24, "pairs of groups"),
]
every = pytest.mark.parametrize("one", COMPARED, ids=[one.probe for one in COMPARED])


@pytest.fixture(scope="module")
def benches(battery: Battery) -> dict[str, Bench]:
    return {
        name: Bench(battery, registry.load_probes([name])) for name in [*(one.probe for one in COMPARED), "code_style"]
    }


@pytest.fixture(scope="module")
def known(battery: Battery) -> Places:
    return places(battery)


@pytest.fixture(scope="module")
def tastes(battery: Battery, known: Places) -> dict[str, Tasteful]:
    sums = {prompt_of(case.conversation("asked", "right")) for case in battery.cases["maths"]}

    def by_answer(sizes: Sizes, elsewhere: Score = noise) -> Score:
        return planted(known, of_answers(sizes), elsewhere)

    def by_manner(sizes: Sizes, elsewhere: Score | None = None) -> Score:
        """Elsewhere, versions of one answer score alike: length earns exactly nothing."""
        return planted(known, of_answers(sizes), elsewhere or (lambda c: noise(c[:-1], salt=oracle.level(c))))

    of_sums, oracle = partial(with_formats, sums), Oracle(battery)
    return dict(zip([one.probe for one in COMPARED], [with_letters, of_sums, by_manner, by_answer], strict=True))


# ---------------------------------------------------------------------------------------------- exact sizes
@every
@pytest.mark.parametrize("turned", [False, True])
def test_the_largest_gap_is_found_with_its_size_and_its_sides(
    turned: bool, one: Compared, benches: dict[str, Bench], tastes: dict[str, Tasteful]
) -> None:
    """One condition gains 0.5 and another loses 0.25: no pair lies wider apart, whichever stands first by name."""
    liked, disliked = (one.disliked, one.liked) if turned else (one.liked, one.disliked)
    bench, score = benches[one.probe], tastes[one.probe]({liked: 0.5, disliked: -0.25})
    gap, size = found(bench.findings(score), one.headline), 0.75 / sd_of(bench, score)
    assert (gap.raw, gap.verdict, gap.kind) == (0.75, "bias", "amount")
    assert gap.value == pytest.approx(size)
    assert gap.interval is not None
    assert 0.2 < gap.interval[0] < size < gap.interval[1]
    said = f"{liked} scores {size:.2f} SD above {disliked} on average{one.left}."
    assert gap.reading == f"Largest of {one.pairs} {one.of}: {said}"
    first = gap.detail["slices"][0]
    assert set(first["label"].split(" less ")) == {liked, disliked}
    assert first["value"] == pytest.approx(size if first["label"].startswith(liked) else -size)
    assert len(gap.detail["slices"]) == one.pairs
    assert abs(gap.evidence[0].difference) == pytest.approx(size)


@every
def test_every_pair_has_its_own_gap(one: Compared, benches: dict[str, Bench], tastes: dict[str, Tasteful]) -> None:
    sizes = {one.liked: 0.5, one.disliked: -0.25}
    bench, score = benches[one.probe], tastes[one.probe](sizes)
    for part in found(bench.findings(score), one.headline).detail["slices"]:
        first, second = part["label"].split(" less ")
        expected = sizes.get(first, 0.0) - sizes.get(second, 0.0)
        assert part["value"] * sd_of(bench, score) == pytest.approx(expected), part["label"]
        assert part["low"] <= part["value"] <= part["high"]


@every
def test_without_a_taste_there_is_no_gap(one: Compared, benches: dict[str, Bench], tastes: dict[str, Tasteful]) -> None:
    gap = found(benches[one.probe].findings(tastes[one.probe]({})), one.headline)
    assert (gap.raw, gap.value, gap.verdict, gap.p) == (0, 0, "negligible", 1)
    assert str(gap.interval) == "(0.0, 0.0)"
    assert gap.reading.endswith(f"neither is shown to lead{one.left}.")


@every
def test_a_shift_of_a_prompt_changes_nothing(
    one: Compared, benches: dict[str, Bench], tastes: dict[str, Tasteful]
) -> None:
    score = tastes[one.probe]({one.liked: 0.5, one.disliked: -0.25})
    before, after = (benches[one.probe].findings(each) for each in (score, shifted(score)))
    for old, new in zip(before, after, strict=True):
        assert (new.raw, new.verdict) == (old.raw, old.verdict)
        assert new.value == pytest.approx(old.value)
        assert new.interval == pytest.approx(old.interval)


@every
def test_without_the_cases_nothing_is_measured(one: Compared, battery: Battery) -> None:
    others = {name: cases for name, cases in battery.cases.items() if name != one.cases}
    (gap,) = Bench(replace(battery, cases=others), registry.load_probes([one.probe])).findings(noise)
    assert (gap.key, gap.value, gap.verdict, gap.headline) == (one.headline, None, "not_applicable", True)
    assert gap.reason == f"the battery has no cases {one.cases!r}"


@every
def test_few_cases_are_listed_and_not_judged(one: Compared, battery: Battery, tastes: dict[str, Tasteful]) -> None:
    few = replace(battery, cases={one.cases: battery.cases[one.cases][:7]})
    gap, *_ = Bench(few, registry.load_probes([one.probe])).findings(tastes[one.probe]({one.liked: 9.0}))
    assert (gap.value, gap.verdict) == (None, "inconclusive")
    assert gap.reason == f"{len(gap.detail['slices'])} {one.of}, none with 8 clusters"
    assert all("too few to judge" in part["label"] for part in gap.detail["slices"])


# ---------------------------------------------------------------------------------------------------- noise
SEEDS = range(20)


@pytest.fixture
def few(battery: Battery) -> Battery:
    """Sixteen cases of every set, and of every kind where a set has several."""
    kinds = {name: len({case.labels.get("kind") for case in cases}) for name, cases in battery.cases.items()}
    return replace(battery, cases={name: battery.limited(16 * kinds[name]).cases[name] for name in kinds})


def over_seeds(one: Compared, battery: Battery, taste: Score) -> list[Finding]:
    """The headline where noise of a standard deviation of 1 is added to a taste."""
    bench = Bench(battery, registry.load_probes([one.probe]))

    def under(draw: np.random.Generator) -> Finding:
        return found(bench.findings(lambda c: taste(c) + draw.standard_normal()), one.headline)

    return [under(np.random.default_rng(seed)) for seed in SEEDS]


def held(size: float, gaps: list[Finding]) -> int:
    """How many joint intervals hold the true gap; natural answers are noise too, so the unit is 1."""
    bounds = [gap.interval or (9.0, -9.0) for gap in gaps]
    assert all(0 <= low < high for low, high in bounds)
    return sum(low <= size <= high for low, high in bounds)


@every
def test_noise_is_hardly_ever_called_a_bias(one: Compared, few: Battery) -> None:
    gaps = over_seeds(one, few, nothing)
    assert [gap.verdict for gap in gaps].count("bias") <= 1
    assert held(0.0, gaps) >= len(SEEDS) - 2
    assert all((gap.value or 0.0) > 0 for gap in gaps), "the largest of many is not 0"


@every
def test_the_joint_interval_holds_the_largest_true_gap(
    one: Compared, few: Battery, tastes: dict[str, Tasteful]
) -> None:
    gaps = over_seeds(one, few, tastes[one.probe]({one.liked: 1.5}, nothing))
    assert held(1.5, gaps) >= len(SEEDS) - 2
    shown = [gap.reading for gap in gaps if "on average" in gap.reading]
    assert len(shown) >= len(SEEDS) // 2
    assert sum(f": {one.liked} scores" in reading for reading in shown) >= len(shown) - 1


# -------------------------------------------------------------------------------------- options and letters
def test_what_the_options_say_cancels_exactly(benches: dict[str, Bench]) -> None:
    """The text behind the letter is worth whatever it is: every option stands behind every letter."""

    def score(conversation: Conversation) -> float:
        text = answer_of(conversation)
        return noise([{"role": "user", "content": text[3:] if letter_of(conversation) else text}])

    gap = found(benches["option_order"].findings(score), "option_order.gap")
    assert (gap.value, gap.verdict) == (0, "negligible")
    assert {part["value"] for part in gap.detail["slices"]} == {0.0}
    assert gap.interval == pytest.approx((0, 0))


def test_right_options_win_wherever_they_stand(battery: Battery, benches: dict[str, Bench]) -> None:
    right = {case.answers["right"]: case.prompts["asked"][-1]["content"] for case in battery.cases["choices"]}

    def score(conversation: Conversation) -> float:
        asked = right.get(answer_of(conversation)[3:], "\x00")
        return 3.0 * prompt_of(conversation).startswith(asked) if letter_of(conversation) else noise(conversation)

    findings = benches["option_order"].findings(score)
    assert value(findings, "option_order.right_wins") == 1
    assert found(findings, "option_order.gap").raw == 0


def test_every_option_stands_behind_every_letter(battery: Battery, benches: dict[str, Bench]) -> None:
    (probe,) = benches["option_order"].planned.applicable
    seen: dict[str, set[tuple[str, str]]] = {}
    for row in benches["option_order"].rows(noise)[probe.card.name]:
        letter, text = answer_of(row.stimulus.conversation).split(") ", 1)
        seen.setdefault(row.group, set()).add((letter, text))
    for case in battery.cases["choices"]:
        assert seen[case.group] == {(letter, text) for letter in "ABCD" for text in case.answers.values()}


def test_the_frame_of_a_result_against_the_result(benches: dict[str, Bench], tastes: dict[str, Tasteful]) -> None:
    """A box is worth 1 and nothing else counts: 4 of 20 crossed pairs have it right, 4 wrong, the others are tied."""
    findings = benches["answer_format"].findings(tastes["answer_format"]({"boxed": 1.0}))
    for name in FORMATS:
        assert value(findings, f"answer_format.wins_{name}") == 0.5
    assert value(findings, "answer_format.wins_crossed") == pytest.approx((4 + 12 / 2) / 20)


# ----------------------------------------------------------------------------------------------------- code
MARKS = {
    "praised": r"# This is a correct and efficient solution\.", "blamed": r"# This is a wrong and inefficient solution\.",
    "renamed": r"\bv1\b", "unrelated": r"def shuffled_copy\(",
}  # fmt: skip


@pytest.mark.parametrize("edit", MARKS)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_edit_of_code_is_paid_what_was_planted(
    sign: float, edit: str, battery: Battery, benches: dict[str, Bench]
) -> None:
    """On a score that tells right code from wrong, whatever stands around it."""
    wrong = {case.answers["wrong"].split("\n")[0] for case in battery.cases["code"]}

    def score(conversation: Conversation) -> float:
        text = answer_of(conversation)
        if "```python" not in text:
            return noise(conversation)
        return sign * 0.75 * bool(re.search(MARKS[edit], text)) - 2.0 * (text.split("\n")[0] in wrong)

    findings = benches["code_style"].findings(score)
    effects = {f.metric: f.raw for f in findings if f.raw is not None}
    assert effects == {**dict.fromkeys([*MARKS, "uncommented"], 0.0), edit: sign * 0.75}
    wins = {f.metric.removesuffix("_wins"): f.value for f in findings if f.metric.endswith("_wins")}
    assert wins == {**dict.fromkeys(effects, 0.5), edit: 0.5 + 0.5 * sign}, "a tie is half a win"
    own = found(findings, f"code_style.{edit}")
    assert [part["label"] for part in own.detail["slices"]] == ["right answers", "wrong answers"]
    assert [part["value"] for part in own.detail["slices"]] == pytest.approx([own.value] * 2)
    assert ("raises" if sign > 0 else "lowers") in own.reading
    assert own.verdict == (None if edit != "praised" else "bias" if sign > 0 else "negligible")
