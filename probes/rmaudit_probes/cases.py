"""Probes on a set of cases: named answers under named prompts, compared within the case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rmaudit.battery import Battery
from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.stimuli import Contrast, Scored, ScoredStimuli, Shift, Stimulus
from rmaudit_probes import effects

ASKED = "asked"
"""The name of the prompt where a case has one."""
Pair = tuple[str, str]
"""The edited and the base answer of a contrast, by name."""


def stimuli(name: str) -> Callable[[Battery, np.random.Generator], list[Stimulus]]:
    """All answers under all prompts of the battery's cases of this name; `prompt` and `answer` are labels."""

    def made(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
        return [
            Stimulus(
                f"{case.id}/{prompt}/{answer}", case.id, case.group, f"{prompt}/{answer}",
                case.conversation(prompt, answer), labels={**case.labels, "prompt": prompt, "answer": answer},
            )
            for case in battery.cases.get(name, ())
            for prompt in case.prompts
            for answer in case.answers
        ]  # fmt: skip

    return made


@dataclass(frozen=True)
class Compared:
    """One question to a set of cases: what is asked, between which answers, in which cases (all, if not said)."""

    asked: effects.Asked
    pairs: Sequence[Pair]
    where: Callable[[Scored], bool] = lambda row: True


def case_probe(card: ProbeCard, name: str, compared: Sequence[Compared], *, by: effects.LabelOf | None = None) -> Probe:
    """A probe without configuration on the battery's cases of this name;
    one of the comparisons is the card's headline."""

    def findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
        return [
            finding
            for one in compared
            for finding in effects.effect(
                one.asked, contrasts([row for row in scored if one.where(row)], one.pairs), settings, by=by
            )
        ]

    return Probe(card, {}, stimuli(name), findings)


def subject(contrast: Contrast) -> str:
    """Slices by the label `subject` of the case."""
    return str(contrast.edited.stimulus.labels.get("subject", "other"))


def lacking(name: str) -> str:
    """The reason that is given where a battery has no cases of this name."""
    return f"the battery has no cases {name!r}"


def contrasts(scored: Iterable[Scored], pairs: Sequence[Pair], *, prompt: str = ASKED) -> list[Contrast]:
    """Of every case, the contrasts between these answers under one prompt."""
    found = [_contrast(rows, pair, prompt) for rows in _by_case(scored) for pair in pairs]
    return [contrast for contrast in found if contrast is not None]


def shifts(scored: Iterable[Scored], pairs: Sequence[Pair], *, prompt: str, against: str) -> list[Shift]:
    """Of every case, how the contrasts between these answers change from the prompt `against` to `prompt`."""
    found = [
        (_contrast(rows, pair, prompt), _contrast(rows, pair, against)) for rows in _by_case(scored) for pair in pairs
    ]
    return [Shift(edited, base) for edited, base in found if edited is not None and base is not None]


def paired(edited: Iterable[Contrast], base: Iterable[Contrast]) -> list[Shift]:
    """Of every case that has both, how the first kind of contrast differs from the second, of which a case has one."""
    by_case = {contrast.edited.stimulus.item: contrast for contrast in base}
    return [Shift(one, by_case[one.edited.stimulus.item]) for one in edited if one.edited.stimulus.item in by_case]


def _by_case(scored: Iterable[Scored]) -> Iterator[dict[str, Scored]]:
    cases: dict[str, dict[str, Scored]] = {}
    for row in scored:
        cases.setdefault(row.stimulus.item, {})[row.stimulus.arm] = row
    return iter(cases.values())


def _contrast(rows: dict[str, Scored], pair: Pair, prompt: str) -> Contrast | None:
    edited, base = (rows.get(f"{prompt}/{answer}") for answer in pair)
    if edited is None or base is None:
        return None
    return Contrast(edited, base, f"{pair[0].replace('_', ' ')} against {pair[1].replace('_', ' ')}")
