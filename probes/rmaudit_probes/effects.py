"""Contrasts to findings, for every probe that asks whether one change moves the score: the effect, the same less what
its length alone would earn, the parts it is made of, and the sentence that says it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any, TypeVar

import numpy as np

from rmaudit.measuring import Settings
from rmaudit.record import Finding
from rmaudit.statistics import estimates, intervals
from rmaudit.statistics.estimates import Estimate
from rmaudit.stimuli import Contrast, Scored, Shift, groups_of, mean_difference
from rmaudit.verdicts import EFFECT, GAIN, LOSS, PREFERENCE, SHARE, Kind

LabelOf = Callable[[Contrast], str]
Of = TypeVar("Of", Contrast, Shift)


@dataclass(frozen=True)
class Asked:
    """What is measured, in words.

    metric, title: of the finding. said: the subject of its sentence ("A heading and bold words"). none: the reason that
    is given where there is no contrast. kind: EFFECT; GAIN or LOSS where only that
    is harm; PREFERENCE where the edited side is the better one.
    """

    metric: str
    title: str
    said: str
    none: str
    unit: str = "SD"
    kind: Kind = EFFECT


def answers_of_item(contrast: Contrast) -> str:
    """Slices by which answer was edited."""
    return f"{contrast.edited.stimulus.labels['answer']} answers"


def effect(
    asked: Asked,
    contrasts: Sequence[Contrast],
    settings: Settings,
    *,
    by: LabelOf | None = None,
    notes: Sequence[str] = (),
    lengths: bool = True,
) -> Iterator[Finding]:
    """The mean difference over prompt groups and templates; how often the edited side wins; and the mean beyond length.

    by: what the effect is told apart by. lengths: False where length is not what the sides differ in.
    """
    if not contrasts:
        yield settings.unmeasured(asked.metric, asked.title, unit=asked.unit, reason=asked.none)
        return
    mean = mean_difference(contrasts, templates_of(contrasts))
    direction = harmful(asked.kind, mean.value)
    detail: dict[str, Any] = {"slices": list(slices(contrasts, by, settings)) if by else [], "notes": list(notes)}
    found = settings.effect(
        asked.metric, asked.title, mean, unit=asked.unit, kind=asked.kind, detail=detail,
        evidence=settings.evidence(worst(contrasts, direction)),
    )  # fmt: skip
    yield found.model_copy(update={"reading": reading(asked.said, found)})
    yield _wins(asked, contrasts, settings, by)
    if lengths:
        yield _beyond_length(asked, contrasts, settings)


def shift(
    asked: Asked, shifts: Sequence[Shift], settings: Settings, *, by: Callable[[Shift], str] | None = None
) -> Finding:
    """The mean change of a margin over prompt groups and templates; evidence is the margin that changed most."""
    if not shifts:
        return settings.unmeasured(asked.metric, asked.title, unit=asked.unit, reason=asked.none)
    mean = mean_difference(shifts, [one.edited.edited.stimulus.template for one in shifts])
    direction = harmful(asked.kind, mean.value)
    ordered = first_of_each(sorted(shifts, key=lambda one: -direction * one.difference), lambda one: one.edited.edited)
    sd = settings.reference.sd.value
    shown = [
        Contrast(one.edited.edited, one.edited.base, f"the margin was {one.base.difference / sd:+.2f} SD before")
        for one in ordered
    ]
    parts: dict[str, list[Shift]] = {}
    for one in shifts if by else ():
        parts.setdefault(by(one) if by else "", []).append(one)
    sliced = [{"label": label, **settings.summary(mean_difference(part))} for label, part in sorted(parts.items())]
    found = settings.effect(
        asked.metric, asked.title, mean, unit=asked.unit, kind=asked.kind, detail={"slices": sliced},
        evidence=settings.evidence(shown),
    )  # fmt: skip
    return found.model_copy(update={"reading": reading(asked.said, found, what="the margin")})


def harmful(kind: Kind, value: float) -> float:
    """Which way is harm, 1 up or -1 down: the one way that a kind has, else that of the value."""
    one_way = {GAIN.name: 1.0, LOSS.name: -1.0, PREFERENCE.name: -1.0}
    return one_way.get(kind.name, 1.0 if value >= 0 else -1.0)


def slices(contrasts: Sequence[Contrast], by: LabelOf, settings: Settings) -> Iterator[dict[str, Any]]:
    """The mean difference of every part, in the order of their labels."""
    for label, part in _parts(contrasts, by):
        yield {"label": label, **settings.summary(mean_difference(part, templates_of(part)))}


def _parts(contrasts: Sequence[Contrast], by: LabelOf) -> Iterator[tuple[str, list[Contrast]]]:
    parts: dict[str, list[Contrast]] = {}
    for contrast in contrasts:
        parts.setdefault(by(contrast), []).append(contrast)
    return iter(sorted(parts.items()))


def worst(contrasts: Sequence[Contrast], direction: float) -> list[Contrast]:
    """The largest differences in this direction first, one of each item."""
    ordered = sorted(contrasts, key=lambda contrast: -direction * contrast.difference)
    return first_of_each(ordered, lambda contrast: contrast.edited)


def first_of_each(ordered: Iterable[Of], row_of: Callable[[Of], Scored]) -> list[Of]:
    """The first one of every item."""
    first: dict[str, Of] = {}
    for one in ordered:
        first.setdefault(row_of(one).stimulus.item, one)
    return list(first.values())


def shown(found: Finding) -> int:
    """The direction that the interval shows: 1 up, -1 down; 0 where it holds zero, or too few prompt groups stand
    behind it to say."""
    if found.interval is None or found.n_groups < intervals.FEWEST_GROUPS:
        return 0
    low, high = found.interval
    return (low > 0) - (high < 0)


def reading(said: str, found: Finding, *, what: str = "the score") -> str:
    """What the interval says, and no more."""
    side = shown(found)
    if side == 0:
        return f"{said}: not shown to move {what} either way."
    return f"{said}: {'raises' if side > 0 else 'lowers'} {what} by {abs(found.value or 0.0):.2f} SD on average."


def doublings(contrasts: Sequence[Contrast]) -> float:
    """Mean log2 of the edited answer's words over the base's, every prompt group counting the same."""
    by_group: dict[str, list[float]] = {}
    for contrast in contrasts:
        edited, base = contrast.edited.stimulus.answer_words, contrast.base.stimulus.answer_words
        by_group.setdefault(contrast.group, []).append(log2(edited / base))
    return float(np.mean([np.mean(values) for values in by_group.values()]))


def templates_of(contrasts: Sequence[Contrast]) -> list[str | None]:
    """The template of every edited side."""
    return [contrast.edited.stimulus.template for contrast in contrasts]


def _wins(asked: Asked, contrasts: Sequence[Contrast], settings: Settings, by: LabelOf | None) -> Finding:
    """What a mean hides: whether few answers change much, or nearly all a little."""
    parts = _parts(contrasts, by) if by else ()
    floor = settings.noise_floor
    sliced = [{"label": label, **settings.point(_share(part, floor), SHARE)} for label, part in parts]
    title = f"{asked.title}: how often it scores higher (by chance: 50 %)"
    return settings.finding(
        f"{asked.metric}_wins", title, _share(contrasts, floor), unit="share", kind=SHARE, detail={"slices": sliced}
    )


def _share(contrasts: Sequence[Contrast], floor: float) -> Estimate:
    """Half a win where the scores differ by no more than one text's from one pass to the next."""
    won = [0.5 if abs(one.difference) <= floor else float(one.difference > 0) for one in contrasts]
    return estimates.mean(won, groups_of(contrasts), templates_of(contrasts))


def _beyond_length(asked: Asked, contrasts: Sequence[Contrast], settings: Settings) -> Finding:
    metric, title = f"{asked.metric}_beyond_length", f"{asked.title}: beyond what its length alone would earn"
    longer = doublings(contrasts)
    left = settings.beyond_length(mean_difference(contrasts, templates_of(contrasts)), longer)
    if left is None:
        reason = "the battery has no equally correct answers of different length to take the price of length from"
        return settings.unmeasured(metric, title, unit=asked.unit, reason=reason)
    said = f"The change makes answers {2**longer:.2f} times as long on average."
    return settings.effect(metric, title, left, unit=asked.unit, reading=said)
