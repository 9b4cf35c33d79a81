"""Audits of scorers that are rows of numbers: noise, and noise with something planted in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rmaudit.auditing import findings_from, reference_of, scored_rows
from rmaudit.conversations import words
from rmaudit.planning import Audit, PlannedAudit, plan_audit
from rmaudit.probe import NATURAL
from rmaudit.record import Finding
from rmaudit.statistics.estimates import Floats
from rmaudit.validity.features import Feature

BETWEEN_PROMPTS = 3.0
"""Standard deviation of a prompt's own shift of all its scores, where that of single texts is 1: a reward has no zero."""


@dataclass
class Simulator:
    """An audit planned once, for scorers of every kind."""

    audit: Audit
    planned: PlannedAudit = field(init=False)

    def __post_init__(self) -> None:
        self.planned = plan_audit(self.audit, white_box=False)

    def noise(self, seed: int) -> Floats:
        """Independent standard normal numbers, one a conversation, and a shift for every prompt. Shape (conversations,).

        The audit's own seed counts too, so that another one draws other noise.
        """
        rng = np.random.default_rng([self.audit.seed, seed, 1])
        shifts = rng.normal(scale=BETWEEN_PROMPTS, size=int(self._prompts.max()) + 1)
        return np.asarray(shifts[self._prompts] + rng.normal(size=self._prompts.size), dtype=np.float64)

    def planted(self, feature: Feature) -> Floats:
        """The feature's value of every conversation. Shape (conversations,)."""
        value = feature.of(self.audit.battery)
        return np.array([value(conversation) for conversation in self.planned.plan.unique], dtype=np.float64)

    def findings(self, scores: Floats, only: frozenset[str] | None = None) -> list[Finding]:
        """The headline findings of an audit with these scores. only: names of the probes to ask."""
        rows = scored_rows(self.planned, scores, self._lengths)
        reference = reference_of(rows[NATURAL])
        return [one for one in findings_from(self.planned, rows, reference, 0.0, "words", only) if one.headline]

    def touched(self, values: Floats) -> frozenset[str] | None:
        """Names of the probes with a stimulus that has the feature; None, all of them, where a natural answer has it.

        Natural answers give the unit, which moves every finding a little.
        """
        owners = {
            owner
            for (owner, _), place in zip(self.planned.stimuli, self.planned.plan.index, strict=True)
            if values[place] != 0
        }
        return None if NATURAL in owners else frozenset(owners)

    @cached_property
    def _prompts(self) -> np.ndarray:
        """A number for every conversation's prompt."""
        prompts: dict[str, int] = {}
        talks = self.planned.plan.unique
        keys = ["\x00".join(message["content"] for message in talk[:-1]) for talk in talks]
        return np.array([prompts.setdefault(key, len(prompts)) for key in keys], dtype=np.intp)

    @cached_property
    def _lengths(self) -> Sequence[int]:
        return [sum(words(message["content"]) for message in talk) for talk in self.planned.plan.unique]
