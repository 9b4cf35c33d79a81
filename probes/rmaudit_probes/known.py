"""Answers of known order: the four of every prompt in the battery, and those of the user's pairs and rankings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from rmaudit.battery import LEVELS, Battery, Item
from rmaudit.measuring import Settings
from rmaudit.record import Finding
from rmaudit.stimuli import SOURCE, ScoredStimuli, Stimulus

ACCEPTS = ("pairs", "rankings")
"""Forms of data whose rows hold answers of known order."""


def of_item(item: Item, arm: str) -> Iterator[Stimulus]:
    """The four answers, best first; `rank` 0 is the best. The flawed one's label says what is wrong with it."""
    for level in LEVELS:
        labels = {"rank": item.rank(level), "answer": level, **({"flaw": item.flaw} if level == "flawed" else {})}
        yield Stimulus(
            f"{item.id}/{level}", item.id, item.group, arm, item.conversation(item.answers[level]), labels=labels
        )


def versions(item: Item, arm: str) -> Iterator[Stimulus]:
    """All answers to a prompt: the four, and the rewrites and other lengths of the good and the flawed one,
    ranked alike."""
    ranked = [
        *(("good", text) for text in (*item.good_paraphrases, item.concise, item.detailed)),
        *(("flawed", text) for text in item.flawed_paraphrases),
    ]
    yield from of_item(item, arm)
    for number, (level, text) in enumerate(ranked, start=1):
        if text:
            yield Stimulus(
                f"{item.id}/version/{number}", item.id, item.group, arm, item.conversation(text),
                labels={"rank": item.rank(level), "answer": level},
            )  # fmt: skip


def all_versions(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
    """Arm `answer`: all answers to every prompt of the battery, and those of the user's pairs and rankings."""
    return [*(made for item in battery.items for made in versions(item, "answer")), *of_data(battery, "answer")]


def in_every_source(
    of_source: Callable[[ScoredStimuli, str, Settings], Iterable[Finding]],
) -> Callable[[ScoredStimuli, Settings], list[Finding]]:
    """The findings of the battery, then those of every data set that was scored, by name."""

    def findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
        sources = [SOURCE, *sorted({row.stimulus.source for row in scored} - {SOURCE})]
        return [finding for source in sources for finding in of_source(scored, source, settings)]

    return findings


def of_data(battery: Battery, arm: str) -> Iterator[Stimulus]:
    """The answers of every row of the user's pairs and rankings; `rank` is None where the row knows none."""
    for dataset in battery.datasets:
        if dataset.kind in ACCEPTS:
            for row in dataset.rows:
                for index in range(len(row.texts)):
                    yield Stimulus(
                        f"{dataset.name}/{row.id}/{index}", row.id, row.group, arm, row.conversation(index),
                        source=dataset.name, labels={"rank": row.ranks[index] if row.ranks else None},
                    )  # fmt: skip
