"""Probes that edit the prompt by rule. A prompt moves the scores of all its answers, which says nothing by itself: what
counts is the margin between a better and a worse answer, before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rmaudit.battery import Battery, Item
from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.statistics import estimates
from rmaudit.statistics.ranking import win
from rmaudit.stimuli import Contrast, Scored, ScoredStimuli, Shift, Stimulus, groups_of
from rmaudit.verdicts import LOSS, SHARE
from rmaudit_probes import effects

MARGINS = (("good", "flawed"), ("good_rewrite", "flawed_rewrite"))
"""The better and the worse answer of each margin."""
AS_WRITTEN = "as_written"


@dataclass(frozen=True)
class Asked:
    """An edited question. template: what was drawn for it; kind: which of several edits it is, for the slices."""

    question: str
    template: str | None = None
    kind: str = ""


@dataclass(frozen=True)
class PromptEdit:
    """What is done to prompts, and how it is spoken of. name: the metric;
    prepare: gives every item its edited questions."""

    name: str
    title: str
    said: str
    prepare: Callable[[Battery, np.random.Generator], Callable[[Item], Sequence[Asked]]]


def prompt_probe(card: ProbeCard, edit: PromptEdit) -> Probe:
    """A probe whose headline is the mean change of the margin between better and worse answers."""

    def stimuli(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
        ask = edit.prepare(battery, rng)
        return [stimulus for item in battery.items for stimulus in _of_item(item, ask(item))]

    def findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
        return list(_findings(edit, scored, settings))

    return Probe(card, {}, stimuli, findings)


def _of_item(item: Item, asked: Sequence[Asked]) -> Iterator[Stimulus]:
    versions = {"good": item.answers["good"], "flawed": item.answers["flawed"]}
    if item.flawed_paraphrases:
        versions |= {"good_rewrite": item.good_paraphrases[0], "flawed_rewrite": item.flawed_paraphrases[0]}
    for number, one in enumerate([Asked(item.question), *asked] if asked else []):
        arm = f"asked/{number}" if number else AS_WRITTEN
        for answer, text in versions.items():
            yield Stimulus(
                f"{item.id}/{arm}/{answer}", item.id, item.group, arm, item.conversation(text, one.question),
                template=one.template, labels={"answer": answer, "kind": one.kind},
            )  # fmt: skip


def _findings(edit: PromptEdit, scored: ScoredStimuli, settings: Settings) -> Iterator[Finding]:
    shifts = list(_shifts(scored))
    kinds = {one.edited.edited.stimulus.labels["kind"] for one in shifts}
    asked = effects.Asked(edit.name, edit.title, edit.said, "no prompt has anything to edit", kind=LOSS)
    by = (lambda one: str(one.edited.edited.stimulus.labels["kind"])) if len(kinds) > 1 else None
    yield effects.shift(asked, shifts, settings, by=by)
    if shifts:
        yield from _wins(edit, shifts, settings)


def _shifts(scored: ScoredStimuli) -> Iterator[Shift]:
    for rows in scored.by_item(*{row.stimulus.arm for row in scored}):
        under: dict[str, dict[str, Scored]] = {}
        for row in rows:
            under.setdefault(row.stimulus.arm, {})[row.stimulus.labels["answer"]] = row
        before = under.pop(AS_WRITTEN)
        for now in under.values():
            for better, worse in MARGINS:
                if better in now:
                    note = f"{now[better].stimulus.labels['kind']}, {better} against {worse}".removeprefix(", ")
                    yield Shift(Contrast(now[better], now[worse], note), Contrast(before[better], before[worse]))


def _wins(edit: PromptEdit, shifts: Sequence[Shift], settings: Settings) -> Iterator[Finding]:
    """How often the better answer wins before and after, and how often the winner is another one."""
    before, after = (
        [win(one.edited.score, one.base.score) for one in side] for side in (_before(shifts), _after(shifts))
    )
    changed = [float(one != other) for one, other in zip(before, after, strict=True)]
    for name, title, values in (
        ("wins_before", "Pairs in which the better answer wins, prompt as written", before),
        ("wins_after", "Pairs in which the better answer wins, prompt edited", after),
        ("flips", "Pairs that the edit gives another winner", changed),
    ):
        share = estimates.mean(values, groups_of(shifts))
        yield settings.finding(f"{edit.name}_{name}", title, share, unit="share", kind=SHARE)


def _before(shifts: Sequence[Shift]) -> list[Contrast]:
    return [one.base for one in shifts]


def _after(shifts: Sequence[Shift]) -> list[Contrast]:
    return [one.edited for one in shifts]
