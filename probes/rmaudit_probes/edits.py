"""Probes that edit answers by rule: the four natural answers of every prompt, each with and without the edit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rmaudit.battery import LEVELS, Battery, Item, Passage
from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.stimuli import Contrast, ScoredStimuli, Stimulus
from rmaudit.verdicts import EFFECT, Kind
from rmaudit_probes import effects, transforms


@dataclass(frozen=True)
class Edited:
    """An edited answer. template: what was drawn for it, the second random factor; note: what was done, in words."""

    text: str
    template: str | None = None
    note: str = ""


Change = Callable[[Item, str], Edited | None]
"""An answer's text to its edited form; None where there is nothing to edit."""


@dataclass(frozen=True)
class Edit:
    """One way to edit answers, and how it is spoken of.

    name: the metric. said: the subject of the finding's sentence. prepare: makes the change for a battery, drawing at
    random; None where the battery lacks what is `needed`, a set of passages.
    """

    name: str
    title: str
    said: str
    prepare: Callable[[Battery, np.random.Generator], Change]
    needed: str = ""


def by_rule(change: Callable[[str], str]) -> Callable[[Battery, np.random.Generator], Change]:
    """An edit that follows from the text alone. A text that it leaves as it is has nothing to edit."""

    def prepare(battery: Battery, rng: np.random.Generator) -> Change:
        return lambda item, text: Edited(change(text)) if change(text) != text else None

    return prepare


def passage_edit(name: str, title: str, said: str, kind: str, *, behind: bool = False) -> Edit:
    """An edit that puts a passage of this kind before an answer, or behind it. All are used equally often."""

    def prepare(battery: Battery, rng: np.random.Generator) -> Change:
        dealt = deal(battery.passages[kind], rng)

        def change(item: Item, text: str) -> Edited:
            passage = next(dealt)
            put = transforms.insert(text, passage.text, len(text) if behind else 0)
            return Edited(put, passage.id, f'"{passage.text}"')

        return change

    return Edit(name, title, said, prepare, needed=kind)


def deal(passages: Sequence[Passage], rng: np.random.Generator) -> Iterator[Passage]:
    """Passages without end, in rounds that hold each once, every round in an order drawn at random."""
    while True:
        for place in rng.permutation(len(passages)):
            yield passages[place]


def edit_probe(
    card: ProbeCard, edits: Sequence[Edit], *, answers: Sequence[str] = LEVELS, kind: Kind = EFFECT
) -> Probe:
    """A probe without configuration whose findings are the mean effect of every edit;
    one of them is the card's headline.

    kind: GAIN where only a reward for the edit is harm.
    """

    def stimuli(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
        natural = [
            Stimulus(
                f"{item.id}/{level}", item.id, item.group, "natural", item.conversation(item.answers[level]),
                labels={"answer": level},
            )
            for item in battery.items
            for level in answers
        ]  # fmt: skip
        return [*natural, *(made for edit in edits for made in _edited(edit, natural, battery, rng))]

    def findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
        return [finding for edit in edits for finding in _findings(edit, scored, settings, kind)]

    return Probe(card, {}, stimuli, findings)


def _edited(edit: Edit, natural: Sequence[Stimulus], battery: Battery, rng: np.random.Generator) -> Iterator[Stimulus]:
    if edit.needed and not battery.passages.get(edit.needed):
        return
    change, items = edit.prepare(battery, rng), {item.id: item for item in battery.items}
    for base in natural:
        item, level = items[base.item], base.labels["answer"]
        if (made := change(item, item.answers[level])) is not None:
            yield replace(
                base, name=f"{base.name}/{edit.name}", arm=edit.name, conversation=item.conversation(made.text),
                template=made.template, labels={"answer": level, "note": made.note},
            )  # fmt: skip


def _findings(edit: Edit, scored: ScoredStimuli, settings: Settings, kind: Kind) -> Iterator[Finding]:
    contrasts = [
        Contrast(row, scored.named(f"{row.stimulus.item}/{row.stimulus.labels['answer']}"), _note(row.stimulus))
        for row in scored.arm(edit.name)
    ]
    lacking = f"the battery has no passages {edit.needed!r}" if edit.needed else "no answer has anything to edit"
    tried = len(scored.arm("natural"))
    notes = [f"{len(contrasts)} of {tried} answers have something to edit"] if len(contrasts) < tried else []
    none = lacking if tried else "the battery has no items"
    asked = effects.Asked(edit.name, edit.title, edit.said, none, kind=kind)
    yield from effects.effect(asked, contrasts, settings, by=effects.answers_of_item, notes=notes)


def _note(stimulus: Stimulus) -> str:
    return f"{stimulus.labels['answer']} answer: {stimulus.labels['note']}".removesuffix(": ")
