"""What is scored and what comes back: stimuli, their scores, and contrasts between two of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from rmaudit.conversations import Conversation, answer_of, words
from rmaudit.statistics import estimates
from rmaudit.statistics.estimates import Estimate, Floats

SOURCE = "battery"


@dataclass(frozen=True)
class Stimulus:
    """One conversation to be scored, with its labels.

    name: unique within the probe. item: the battery item or data row it is made from. group: the prompt group that is
    resampled. arm: what was done. dose: how much of it, in the arm's unit. template: which filler or rewrite.
    """

    name: str
    item: str
    group: str
    arm: str
    conversation: Conversation
    source: str = SOURCE
    dose: float | None = None
    template: str | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def answer_words(self) -> int:
        """Words of the answer, at least one: a length that may be divided by."""
        return max(1, words(answer_of(self.conversation)))


@dataclass(frozen=True)
class Scored:
    """A stimulus with its score (the model's own units) and the length of the whole conversation (the run's length unit)."""

    id: str
    stimulus: Stimulus
    score: float
    length: int

    @property
    def group(self) -> str:
        """The prompt group that is resampled."""
        return self.stimulus.group


class ScoredStimuli(Sequence[Scored]):
    """What a probe gets back: its stimuli with their scores, in the order it gave them."""

    def __init__(self, rows: Sequence[Scored]) -> None:
        self._rows = tuple(rows)
        self._by_name = {row.stimulus.name: row for row in rows}

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def named(self, name: str) -> Scored:
        """The row of the stimulus with this name."""
        return self._by_name[name]

    def arm(self, *arms: str, source: str = SOURCE) -> list[Scored]:
        """The rows of these arms in one source, in order."""
        return [row for row in self._rows if row.stimulus.arm in arms and row.stimulus.source == source]

    def by_item(self, *arms: str, source: str = SOURCE) -> Iterator[list[Scored]]:
        """The rows of these arms, item by item."""
        items: dict[str, list[Scored]] = {}
        for row in self.arm(*arms, source=source):
            items.setdefault(row.stimulus.item, []).append(row)
        return iter(items.values())


@dataclass(frozen=True)
class Contrast:
    """Two scored stimuli of one group that differ in one thing; `difference` = score(edited) - score(base)."""

    edited: Scored
    base: Scored
    note: str = ""

    @property
    def difference(self) -> float:
        """In the model's score units."""
        return self.edited.score - self.base.score

    @property
    def group(self) -> str:
        """The prompt group that is resampled."""
        return self.edited.group


@dataclass(frozen=True)
class Shift:
    """How a margin changes: the contrast under one condition less the same contrast under another.

    For conditions that move all scores of a prompt alike, as a change of the prompt does.
    """

    edited: Contrast
    base: Contrast

    @property
    def difference(self) -> float:
        """In the model's score units."""
        return self.edited.difference - self.base.difference

    @property
    def group(self) -> str:
        """The prompt group that is resampled."""
        return self.edited.group


def differences(contrasts: Sequence[Contrast] | Sequence[Shift]) -> Floats:
    """The contrasts' differences, (n,), in score units."""
    return np.array([contrast.difference for contrast in contrasts], dtype=np.float64)


def mean_difference(
    contrasts: Sequence[Contrast] | Sequence[Shift], templates: Sequence[str | None] | None = None
) -> Estimate:
    """The mean of the differences, in score units, over prompt groups and, if given, templates."""
    return estimates.mean_difference(differences(contrasts), groups_of(contrasts), templates)


def groups_of(rows: Sequence[Scored] | Sequence[Contrast] | Sequence[Shift]) -> list[str]:
    """The prompt group of every row."""
    return [row.group for row in rows]


def scores_of(rows: Sequence[Scored]) -> list[float]:
    """The score of every row."""
    return [row.score for row in rows]
