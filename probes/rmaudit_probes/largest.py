"""The largest mean gap between any two of several conditions,
under intervals that hold for all pairs together (Bonferroni).

A mean over pairs would let gaps of opposite sign cancel, and the largest of many gaps is large by chance: so the
interval is that of the largest true gap, from the highest lower to the highest upper bound of any pair's size. It lies
beyond a limit where one pair does, and inside it only where all do. Where it lies beyond the margin, the pair that
takes it there leads, so that value, verdict, reading and evidence are of one pair; a wider gap that is less certain is
named.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any

import numpy as np

from rmaudit.measuring import MARGIN, Settings
from rmaudit.record import Finding, Verdict
from rmaudit.statistics import intervals
from rmaudit.statistics.estimates import Estimate
from rmaudit.stimuli import Contrast, groups_of, mean_difference
from rmaudit.verdicts import AMOUNT
from rmaudit_probes.effects import doublings, first_of_each, shown

Pair = tuple[str, str]
"""The names of two conditions; a gap is the first one's score less the second one's."""
Pairs = Mapping[Pair, Sequence[Contrast]]
DETECTABLE = ("detectable", "detectable_by_all")


@dataclass(frozen=True)
class Largest:
    """What is compared, in words. metric, title: of the finding; of: the conditions ("pairs of groups");
    none: where there is none. beyond_length: whether what the pair's length alone would earn is taken off a gap; the
    battery must have a slope for it (`Reference.length`)."""

    metric: str
    title: str
    of: str
    none: str
    unit: str = "SD"
    beyond_length: bool = False


def largest(asked: Largest, pairs: Pairs, settings: Settings) -> Finding:
    """The finding. Pairs with fewer than eight clusters are listed, not judged; inconclusive where none has as many.

    A detail has the same intervals, for its own pairs together, and no verdict.
    """
    judged = {pair: at for pair, at in pairs.items() if _clusters(at) >= intervals.FEWEST_GROUPS}
    headline = asked.metric in settings.headlines
    joint = _for_all(asked, len(judged), settings)
    detail = {"slices": slices(pairs, settings, joint.family, beyond_length=asked.beyond_length)}
    if not judged:
        few = f"{len(pairs)} {asked.of}, none with {intervals.FEWEST_GROUPS} clusters"
        none = settings.unmeasured(asked.metric, asked.title, unit=asked.unit, reason=few if pairs else asked.none)
        verdict = "inconclusive" if pairs and headline else "not_applicable"
        return none.model_copy(update={"verdict": verdict, "detail": detail})
    found = {
        pair: gap(asked.metric, asked.title, at, joint, unit=asked.unit, beyond_length=asked.beyond_length)
        for pair, at in judged.items()
    }
    interval = _joint(found.values())
    verdict, reason = _verdict(interval, settings)
    widest = max(found, key=lambda pair: _size(found[pair]))
    lead = max(found, key=lambda pair: (_bounds(found[pair])[0], _size(found[pair]))) if verdict == "bias" else widest
    judgement = {"verdict": verdict if headline else None, "reason": reason if headline else "", "headline": headline}
    counted = {"n": sum(map(len, judged.values())), "n_groups": _clusters([c for at in judged.values() for c in at])}
    said = f"{_head(asked, pairs, judged, lead == widest)}: {_said(asked, found, lead, widest)}"
    return found[lead].model_copy(update={
        **_merged(found, lead), **judgement, **counted, "interval": interval if isfinite(interval[1]) else None,
        "kind": AMOUNT.name, "reading": said, "detail": detail, "title": asked.title,
    })  # fmt: skip


def gap(
    metric: str,
    title: str,
    contrasts: Sequence[Contrast],
    settings: Settings,
    *,
    unit: str = "SD",
    beyond_length: bool = False,
) -> Finding:
    """The mean gap of one pair of conditions."""
    ordered = sorted(contrasts, key=lambda contrast: -abs(contrast.difference))
    worst = first_of_each(ordered, lambda contrast: contrast.edited)
    mean = _mean(contrasts, settings, beyond_length)
    found = settings.effect(metric, title, mean, unit=unit, evidence=settings.evidence(worst))
    if not beyond_length:
        return found
    # The error of rows that are not the estimate's own is taken to grow with the effect (`intervals.detectable`), as
    # the unit's does; that of the slope of length does not.
    plain = replace(settings, doubts=()).effect(metric, title, replace(mean, own=None), unit=unit)
    return found.model_copy(update={name: getattr(plain, name) for name in DETECTABLE})


def _for_all(asked: Largest, pairs: int, settings: Settings) -> Settings:
    """Settings under which the intervals of this many pairs hold together; a headline's, with all other headlines."""
    headline = asked.metric in settings.headlines
    return replace(
        settings, headlines=(asked.metric,), family=(settings.family if headline else 1) * max(1, pairs),
        doubts=settings.doubts if headline else (),
    )  # fmt: skip


def _mean(contrasts: Sequence[Contrast], settings: Settings, beyond_length: bool) -> Estimate:
    mean = mean_difference(contrasts)
    left = settings.beyond_length(mean, doublings(contrasts)) if beyond_length else None
    # The rows of the slope widen the interval, but are other texts: no evidence here, nor in doubt with these.
    return mean if left is None else replace(left, own=np.arange(left.influence.size) < len(contrasts))


def _bounds(finding: Finding) -> tuple[float, float]:
    """The least and the largest size of a gap; without an interval it may be anything."""
    if finding.interval is None:
        return 0.0, inf
    low, high = finding.interval
    return max(low, -high, 0.0), max(0.0, -low, high)


def _joint(found: Collection[Finding]) -> tuple[float, float]:
    """Of the largest gap, from those of all pairs."""
    lows, highs = zip(*map(_bounds, found), strict=True)
    return max(lows), max(highs)


def _size(finding: Finding) -> float:
    return abs(finding.value or 0.0)


def _head(asked: Largest, pairs: Pairs, judged: Pairs, widest: bool) -> str:
    more = f" ({len(pairs) - len(judged)} more have too few clusters to judge)" if len(pairs) > len(judged) else ""
    return f"{'Largest' if widest else 'Surest'} of {len(judged)} {asked.of}{more}"


def _said(asked: Largest, found: Mapping[Pair, Finding], lead: Pair, widest: Pair) -> str:
    said = direction(lead, found[lead])
    if asked.beyond_length:
        said = f"{said.removesuffix('.')} once the difference in length is taken off."
    if lead == widest:
        return said
    return f"{said} A wider gap, {_size(found[widest]):.2f} SD between {widest[0]} and {widest[1]}, is less certain."


def _merged(found: Mapping[Pair, Finding], lead: Pair) -> dict[str, Any]:
    """Sizes instead of signed numbers, the p of all pairs together, and what would be found of any."""
    sizes = {
        name: None if getattr(found[lead], name) is None else abs(getattr(found[lead], name))
        for name in ("value", "raw", "price")
    }
    hardest = {
        name: max((seen for f in found.values() if (seen := getattr(f, name)) is not None), default=None)
        for name in DETECTABLE
    }
    smallest = min(1.0 if finding.p is None else finding.p for finding in found.values())
    return {**sizes, "p": min(1.0, len(found) * smallest), **hardest}


def _verdict(interval: tuple[float, float], settings: Settings) -> tuple[Verdict, str]:
    """Judged by the size of the largest gap; what noise alone does is as little a finding here as for one pair."""
    verdict, reason = AMOUNT.judge(interval[1], interval, MARGIN)
    floor = settings.noise_floor / settings.reference.sd.value
    if (verdict == "bias" and interval[0] <= floor) or (verdict == "negligible" and floor > MARGIN):
        return "inconclusive", f"the score of one text changes by up to {floor:.2g} SD from one pass to the next"
    return verdict, reason


def direction(pair: Pair, found: Finding) -> str:
    """What the interval says: who leads, or that nobody is shown to."""
    side = shown(found)
    first, second = pair if side > 0 else pair[::-1]
    if side:
        return f"{first} scores {_size(found):.2f} SD above {second} on average."
    return f"between {pair[0]} and {pair[1]}, neither is shown to lead."


def slices(pairs: Pairs, settings: Settings, family: int, *, beyond_length: bool = False) -> list[dict[str, Any]]:
    """Every pair with its own gap, first less second: the judged ones first, the widest gap first."""
    level = intervals.simultaneous_confidence(settings.confidence, family)
    at_level = replace(settings, confidence=level)
    made = []
    for pair, contrasts in pairs.items():
        count = _clusters(contrasts)
        few = count < intervals.FEWEST_GROUPS
        label = f"{pair[0]} less {pair[1]}" + (f" (clusters: {count}, too few to judge)" if few else "")
        made.append((few, {"label": label, **at_level.summary(_mean(contrasts, settings, beyond_length))}))
    return [slice_ for few, slice_ in sorted(made, key=lambda one: (one[0], -abs(one[1]["value"]), one[1]["label"]))]


def _clusters(contrasts: Sequence[Contrast]) -> int:
    return len(set(groups_of(contrasts)))
