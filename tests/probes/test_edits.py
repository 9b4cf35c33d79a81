"""Edited answers: an effect of known size comes back exactly, and each edit does what it says and nothing else."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest

from rmaudit import registry
from rmaudit.battery import LEVELS, Battery, Item
from rmaudit.conversations import Conversation, answer_of, conversation_key
from rmaudit.probe import NATURAL
from rmaudit.record import Finding
from rmaudit.stimuli import Stimulus
from rmaudit_probes import transforms
from rmaudit_probes.prompt_echo import FRAMES
from tests.probes.bench import Bench, found, noise

PROBES = [
    "markdown", "lists", "whitespace", "redundancy", "enthusiasm", "openers", "closers", "disclaimers", "preambles",
    "authority", "injection", "prompt_echo",
]  # fmt: skip
PASSAGES = {
    "openers.praise": "openers", "closers.offer": "closers", "disclaimers.boilerplate": "disclaimers",
    "preambles.announced": "preambles", "authority.citation": "citations", "authority.experts": "appeals",
    "injection.request_behind": "injections", "injection.request_before": "injections",
}  # fmt: skip
EDITS = [
    "markdown.heading_and_bold", "markdown.bold", "lists.bullets", "lists.numbers", "whitespace.paragraphs",
    "whitespace.double_spaces", "whitespace.wide_breaks", "redundancy.verbatim", "redundancy.half",
    "redundancy.reworded", "enthusiasm.exclamations", "enthusiasm.emoji", "prompt_echo.restated",
    "prompt_echo.keywords", *PASSAGES,
]  # fmt: skip
HEADLINES = [
    "markdown.heading_and_bold", "lists.bullets", "whitespace.paragraphs", "redundancy.verbatim",
    "enthusiasm.exclamations", "prompt_echo.restated", "openers.praise", "closers.offer", "disclaimers.boilerplate",
    "preambles.announced", "authority.citation", "injection.request_behind",
]  # fmt: skip
GAINS = ["redundancy.verbatim", "prompt_echo.restated", "authority.citation", "injection.request_behind"]
"""Headlines of which only a positive effect is harm."""
GRINNING = "\N{GRINNING FACE WITH SMILING EYES}"


@pytest.fixture(scope="module")
def bench(battery: Battery) -> Bench:
    return Bench(battery, registry.load_probes(PROBES))


def made_by(bench: Bench, key: str) -> Iterator[Stimulus]:
    """The edited stimuli of one finding."""
    probe, _, arm = key.partition(".")
    return (stimulus for owner, stimulus in bench.planned.stimuli if owner == probe and stimulus.arm == arm)


def before(bench: Bench, stimulus: Stimulus) -> Stimulus:
    """The natural answer that an edited one is made from."""
    name = f"{stimulus.item}/{stimulus.labels['answer']}"
    (base,) = [natural for owner, natural in bench.planned.stimuli if owner == NATURAL and natural.name == name]
    return base


@pytest.fixture(scope="module")
def bases(bench: Bench) -> dict[str, Stimulus]:
    """Of every edited conversation, the natural answer."""
    edited = [stimulus for owner, stimulus in bench.planned.stimuli if owner != NATURAL and stimulus.arm != "natural"]
    return {conversation_key(stimulus.conversation): before(bench, stimulus) for stimulus in edited}


def planted(bases: dict[str, Stimulus], sizes: dict[str, float]) -> Callable[[Conversation], float]:
    """Scores an edited answer as the natural one, and by so much (by its level) more."""

    def score(conversation: Conversation) -> float:
        base = bases.get(conversation_key(conversation))
        return noise(conversation) if base is None else noise(base.conversation) + sizes[base.arm]

    return score


@pytest.mark.parametrize(("size", "verb"), [(3.0, "raises"), (-3.0, "lowers")])
def test_a_planted_feature_comes_back_exactly(size: float, verb: str, bench: Bench, bases: dict[str, Stimulus]) -> None:
    findings = bench.findings(planted(bases, dict.fromkeys(LEVELS, size)))
    sd = bench.settings(bench.planned.applicable[0], bench.rows(noise)).reference.sd.value
    assert sd > 0
    assert {finding.key for finding in findings if finding.headline} == set(HEADLINES)
    for key in EDITS:
        edit = found(findings, key)
        assert edit.raw == size, key
        assert edit.value == pytest.approx(size / sd), key
        assert edit.n == len(list(made_by(bench, key))), key
        if edit.headline:
            harm = size > 0 or edit.kind == "effect"
            assert edit.kind == ("gain" if key in GAINS else "effect"), key
            assert edit.verdict == ("bias" if harm else "negligible"), key
            assert f"{verb} the score by {abs(size / sd):.2f} SD" in edit.reading, key


def test_a_scorer_that_does_not_see_the_edit_has_no_effect(bench: Bench, bases: dict[str, Stimulus]) -> None:
    findings = bench.findings(planted(bases, dict.fromkeys(LEVELS, 0.0)))
    for key in EDITS:
        edit = found(findings, key)
        assert (edit.raw, edit.value) == (0, 0), key
        assert edit.verdict == ("negligible" if key in HEADLINES else None), key
        assert "not shown to move the score either way" in edit.reading, key


def test_the_effect_is_told_apart_by_answer(bench: Bench, bases: dict[str, Stimulus]) -> None:
    sizes = {"good": 1.0, "partial": -2.0, "flawed": 3.0, "bad": 4.5}
    score = planted(bases, sizes)
    findings = bench.findings(score)
    sd = bench.settings(bench.planned.applicable[0], bench.rows(score)).reference.sd.value
    for key in EDITS:
        levels = Counter(stimulus.labels["answer"] for stimulus in made_by(bench, key))
        slices = found(findings, key).detail["slices"]
        assert [one["label"] for one in slices] == sorted(f"{level} answers" for level in levels), key
        for one in slices:
            level = one["label"].removesuffix(" answers")
            assert one["value"] * sd == pytest.approx(sizes[level]), key
            assert one["n"] == levels[level], key
    whole = found(findings, "openers.praise")
    assert whole.raw == pytest.approx(fmean(sizes.values()))
    assert [example.difference * sd for example in whole.evidence] == pytest.approx([4.5] * 5)
    assert all(example.note.startswith('bad answer: "') for example in whole.evidence)
    assert len({example.stimulus.split("/")[0] for example in whole.evidence}) == 5, "one example of an item"


@pytest.mark.parametrize("alpha", [2.0, -0.75])
def test_beyond_length_takes_out_what_the_doublings_earn(
    alpha: float, bench: Bench, bases: dict[str, Stimulus]
) -> None:
    """A scorer of log2 words with a planted part: the part is left, whatever the edit does to the length."""

    def score(conversation: Conversation) -> float:
        edited = conversation_key(conversation) in bases
        return alpha * math.log2(len(answer_of(conversation).split())) + 1.5 * edited

    findings = bench.findings(score)
    for key in EDITS:
        by_group: dict[str, list[float]] = {}
        for stimulus in made_by(bench, key):
            words = [len(answer_of(one.conversation).split()) for one in (stimulus, before(bench, stimulus))]
            by_group.setdefault(stimulus.group, []).append(math.log2(words[0] / words[1]))
        doublings = fmean(map(fmean, by_group.values()))
        assert found(findings, key).raw == pytest.approx(alpha * doublings + 1.5), key
        left = found(findings, f"{key}_beyond_length")
        assert left.raw == pytest.approx(1.5, abs=1e-9), key
        assert f"{2**doublings:.2f} times as long" in left.reading, key
        assert not left.headline


def test_without_answers_of_other_lengths_there_is_no_price_of_length(battery: Battery) -> None:
    plain = {"good_paraphrases": (), "flawed_paraphrases": (), "concise": "", "detailed": ""}
    short = replace(battery, items=tuple(replace(item, **plain) for item in battery.items))
    findings = Bench(short, registry.load_probes(["closers", "redundancy"])).findings(noise)
    left = found(findings, "closers.offer_beyond_length")
    assert (left.value, left.verdict) == (None, "not_applicable")
    assert "no equally correct answers of different length" in left.reason
    assert found(findings, "closers.offer").value is not None
    reworded = found(findings, "redundancy.reworded")
    assert (reworded.value, reworded.reason) == (None, "no answer has anything to edit")


def test_missing_passages_are_told_and_cost_no_other_edit(battery: Battery) -> None:
    bench = Bench(replace(battery, passages={}), registry.load_probes(PROBES))
    findings = bench.findings(noise)
    for key in EDITS:
        edit = found(findings, key)
        if key in PASSAGES:
            assert (edit.value, edit.verdict) == (None, "not_applicable"), key
            assert edit.reason == f"the battery has no passages {PASSAGES[key]!r}", key
            assert edit.headline == (key in HEADLINES), key
        else:
            assert edit.value is not None, key
    half = replace(battery, passages={"citations": battery.passages["citations"]})
    findings = Bench(half, registry.load_probes(["authority"])).findings(noise)
    assert found(findings, "authority.citation").value is not None
    assert found(findings, "authority.experts").reason == "the battery has no passages 'appeals'"


def test_every_passage_is_used_equally_often(full: Battery) -> None:
    limited = full.limited(24)
    bench = Bench(limited, registry.load_probes(PROBES))
    for key, kind in PASSAGES.items():
        used = Counter(stimulus.template for stimulus in made_by(bench, key))
        assert set(used) == {passage.id for passage in limited.passages[kind]}, key
        assert max(used.values()) - min(used.values()) <= 1, key
    orders = [
        [s.template for s in made_by(Bench(limited, registry.load_probes(["openers"]), seed), "openers.praise")]
        for seed in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]


def test_notes_say_how_many_answers_had_something_to_edit(bench: Bench, battery: Battery) -> None:
    findings: list[Finding] = bench.findings(noise)
    answers = len(battery.items) * len(LEVELS)
    told = {key: found(findings, key).detail["notes"] for key in EDITS}
    for key in EDITS:
        edited = len(list(made_by(bench, key)))
        assert told[key] == ([f"{edited} of {answers} answers have something to edit"] if edited < answers else []), key
    assert told["redundancy.reworded"] == [f"{answers // 2} of {answers} answers have something to edit"]
    assert not told["openers.praise"]
    assert told["whitespace.wide_breaks"], "most answers are one paragraph"


# --------------------------------------------------------------------------------------------- what each edit does
def _keywords(item: Item, text: str, edited: str) -> bool:
    head, _, listed = edited.rpartition("\n\nKeywords: ")
    words = listed.split(", ")
    asked = {word for word in re.findall(r"[^\W\d_]+", item.question.lower()) if len(word) > 4}
    assert len(item.question.split()) <= 60
    return head == text and set(words) <= asked and len(set(words)) == len(words) == min(8, len(asked))


def _restated(item: Item, text: str, edited: str) -> bool:
    return edited in {f"{frame.format(item.question)}\n\n{text}" for frame in FRAMES}


def _half(item: Item, text: str, edited: str) -> bool:
    count = len(transforms.sentences(text)) // 2
    gap = "\n\n" if "\n" in text else " "
    return count > 0 and edited == f"{text}{gap}{transforms.truncated(text, count)}"


DOES: dict[str, Callable[[Item, str, str], bool]] = {
    "redundancy.verbatim": lambda item, text, edited: edited in {f"{text} {text}", f"{text}\n\n{text}"},
    "redundancy.half": _half,
    "redundancy.reworded": lambda item, text, edited: edited in {
        f"{item.answers['good']}\n\n{item.good_paraphrases[0]}",
        f"{item.answers['flawed']}\n\n{item.flawed_paraphrases[0]}",
    },
    "enthusiasm.exclamations": lambda item, text, edited: edited.replace("!", ".") == text.replace("!", "."),
    "enthusiasm.emoji": lambda item, text, edited: edited == f"{text} {GRINNING}",
    "prompt_echo.restated": _restated,
    "prompt_echo.keywords": _keywords,
    **dict.fromkeys(
        ["whitespace.paragraphs", "whitespace.double_spaces", "whitespace.wide_breaks"],
        lambda item, text, edited: edited.split() == text.split(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("key", DOES)
def test_the_edit_does_what_it_says(key: str, bench: Bench, battery: Battery) -> None:
    items = {item.id: item for item in battery.items}
    for stimulus in made_by(bench, key):
        item, edited = items[stimulus.item], answer_of(stimulus.conversation)
        text = item.answers[stimulus.labels["answer"]]
        assert edited != text
        assert DOES[key](item, text, edited), (stimulus.name, edited)
        assert stimulus.conversation[:-1] == list(item.prompt)


BEHIND = ("closers.offer", "authority.experts", "injection.request_behind")


@pytest.mark.parametrize("key", PASSAGES)
def test_a_passage_stands_where_it_should_and_the_text_stays(key: str, bench: Bench, battery: Battery) -> None:
    texts = {passage.id: passage.text for passage in battery.passages[PASSAGES[key]]}
    items = {item.id: item for item in battery.items}
    places = set()
    for stimulus in made_by(bench, key):
        text = items[stimulus.item].answers[stimulus.labels["answer"]]
        edited, passage = answer_of(stimulus.conversation), texts[stimulus.template or ""]
        assert passage in stimulus.labels["note"]
        if key == "authority.citation":
            head, tail = edited.split(f" {passage}", 1)
            assert (head + tail, tail[0]) == (text, "."), stimulus.name
            places.add(len(head))
        else:
            gap = "\n\n" if "\n" in text else " "
            assert edited == (f"{text}{gap}{passage}" if key in BEHIND else f"{passage}{gap}{text}"), stimulus.name
    assert key != "authority.citation" or len(places) > 24, "the sentence is drawn at random"


def test_restating_leaves_out_long_prompts(full: Battery) -> None:
    (echo,) = registry.load_probes(["prompt_echo"])
    short = {item.id for item in full.items if len(item.question.split()) <= 60}
    stimuli = echo.stimuli(full, np.random.default_rng(0))
    for arm in ("restated", "keywords"):
        assert {stimulus.item for stimulus in stimuli if stimulus.arm == arm} == short
    assert len(short) < len(full.items)


def test_key_words_are_the_rarest_of_the_prompt(battery: Battery) -> None:
    """Of equally rare ones the longest; a word of four letters is none."""
    asked = ["Which lantern burns longest?", "which lantern, which candle", "Which one?", "too thin"]
    items = tuple(
        replace(item, prompt=({"role": "user", "content": text},))
        for item, text in zip(battery.items[:4], asked, strict=True)
    )
    (echo,) = registry.load_probes(["prompt_echo"])
    stimuli = echo.stimuli(replace(battery, items=items), np.random.default_rng(0))
    listed = {s.item: answer_of(s.conversation).rpartition("Keywords: ")[2] for s in stimuli if s.arm == "keywords"}
    words = ["longest, burns, lantern, which", "candle, lantern, which", "which"]
    assert listed == dict(zip([item.id for item in items], words, strict=False))


def test_a_prompt_of_several_lines_is_restated_with_its_lines(full: Battery) -> None:
    (echo,) = registry.load_probes(["prompt_echo"])
    several = [item for item in full.items if "\n" in item.question and len(item.question.split()) <= 60]
    made = echo.stimuli(replace(full, items=tuple(several)), np.random.default_rng(0))
    restated = [answer_of(stimulus.conversation) for stimulus in made if stimulus.arm == "restated"]
    assert len(restated) == len(several) * len(LEVELS) > 0
    assert all(any(item.question in text for item in several) for text in restated)


def test_an_answer_of_one_sentence_has_no_half(full: Battery) -> None:
    (redundancy,) = registry.load_probes(["redundancy"])
    item = replace(
        full.items[0], answers=dict(zip(LEVELS, ["One.", "Up. Down. On.", "Go. Stop.", "So is\nthis."], strict=True))
    )
    made = redundancy.stimuli(replace(full, items=(item,)), np.random.default_rng(0))
    halves = [answer_of(stimulus.conversation) for stimulus in made if stimulus.arm == "half"]
    assert halves == ["Up. Down. On. Up.", "Go. Stop. Go."]
