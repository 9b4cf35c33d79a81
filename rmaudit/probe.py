"""The contract that probes fulfil: a card of plain facts and two pure functions.

A probe is made by a keyword-only factory whose parameters are its configuration::

    def my_probe(*, doses=(1, 2)) -> Probe:
        def stimuli(battery, rng): ...      # list of Stimulus: what to score
        def findings(scored, settings): ... # list of Finding: what the scores say
        return Probe(CARD, {"doses": list(doses)}, stimuli, findings)

A package registers factories by the entry point group `rmaudit.probes`, as a dict {name: "module:factory"}.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rmaudit.battery import Battery
from rmaudit.errors import UsageError
from rmaudit.measuring import Settings
from rmaudit.record import Finding
from rmaudit.stimuli import ScoredStimuli, Stimulus

NATURAL = "natural"
"""Owner of the answers as they stand, which give the unit of effects."""


@dataclass(frozen=True)
class ProbeCard:
    """What a reviewer must know of a probe before reading its numbers.

    headline: the metric that carries the verdict. headline_of_data: whether `headline@NAME` carries one too, for every data set
    of a form in `accepts`. needs: "scores" for any scorer, "weights" for a loaded model, "vocabulary" for one whose single
    tokens it asks about (`Battery.vocabulary`). by_default: False for a probe that is asked only by name. accepts: forms of data
    sets it runs on besides the battery. texts: kinds of the battery's texts (`Battery.readings`) that must be what they are said
    to be for the headline to mean what it says.
    """

    name: str
    title: str
    question: str
    why: str
    protocol: str
    harm: str
    unit: str
    cannot_tell: str
    headline: str
    references: tuple[str, ...] = ()
    needs: str = "scores"
    accepts: tuple[str, ...] = ()
    headline_of_data: bool = False
    by_default: bool = True
    texts: tuple[str, ...] = ()
    version: str = "1"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name) or self.name == NATURAL:
            raise UsageError(
                f"{self.name!r} cannot name a probe: lower-case letters, digits and _ are legal, from a letter on, but "
                f"{NATURAL!r}, which belongs to the run itself"
            )

    def headlines(self, battery: Battery) -> tuple[str, ...]:
        """The headline metrics in a run over this battery."""
        given = battery.datasets if self.headline_of_data else ()
        return (self.headline, *(f"{self.headline}@{data.name}" for data in given if data.kind in self.accepts))

    def as_dict(self) -> dict[str, Any]:
        """JSON-able facts, for the record and the catalogue."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Probe:
    """A card, a configuration and two pure functions."""

    card: ProbeCard
    config: Mapping[str, Any]
    stimuli: Callable[[Battery, np.random.Generator], list[Stimulus]]
    findings: Callable[[ScoredStimuli, Settings], list[Finding]]
