"""From estimates to findings: the unit of effects, and the settings that every probe shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rmaudit.record import Evidence, Finding
from rmaudit.statistics import doubt, intervals
from rmaudit.statistics.estimates import Estimate
from rmaudit.stimuli import Contrast
from rmaudit.verdicts import EFFECT, Kind

MARGIN = 0.2
"""Effects below this many reference SD are called negligible, unless a probe or a policy says otherwise."""


@dataclass(frozen=True)
class Reference:
    """The unit of every effect, from the natural answers of the battery, in the model's score units.

    sd: pooled within-prompt standard deviation of their scores. close: the same without the worst level, whose answers may stand
    far from what a model is used on; None where nothing is left. gap: mean score(good) - score(flawed). length: score units per
    doubling of an answer's words between versions of one answer that are equally correct (concise, detailed, reworded); None
    where the battery has no such versions.
    """

    sd: Estimate
    gap: Estimate
    length: Estimate | None = None
    close: Estimate | None = None

    def price(self, effect: Estimate, confidence: float) -> float | None:
        """An effect in score units as a share of the gap; None where the gap cannot be told from zero."""
        low, _ = intervals.interval(self.gap, confidence)
        return effect.value / self.gap.value if low > 0 else None


@dataclass(frozen=True)
class Settings:
    """What a probe needs to turn scores into findings.

    headlines: this probe's metrics that carry a verdict. family: number of headline metrics of the whole run, which hold
    together at `confidence`. noise_floor: largest score difference that batch and dtype alone make, in score units.
    length_unit: "tokens" or "words", the unit of `Scored.length`. whole: how many times the prompts of this run the battery has.
    doubts: on the battery's texts that this probe's headline rests on; the user's own data are taken as they are.
    """

    probe: str
    headlines: tuple[str, ...]
    family: int
    reference: Reference
    noise_floor: float = 0.0
    length_unit: str = "tokens"
    confidence: float = 0.95
    seed: int = 0
    whole: float = 1.0
    doubts: tuple[doubt.Doubt, ...] = ()

    def finding(
        self,
        metric: str,
        title: str,
        estimate: Estimate,
        *,
        unit: str,
        kind: Kind,
        negligible: float | None = None,
        **more: Any,
    ) -> Finding:
        """A finding with interval, p, detectable effect and, if it is a headline, its verdict.

        A headline's interval and detectable effect leave room for texts that may be invalid (`rmaudit.statistics.doubt`).
        more: raw, price, reading, detail, evidence.
        """
        headline = metric in self.headlines
        level = intervals.simultaneous_confidence(self.confidence, self.family) if headline else self.confidence
        doubts = self.doubts if headline and "@" not in metric else ()
        down, up = (sum(way) for way in zip((0.0, 0.0), *(doubt.reach(estimate, one) for one in doubts), strict=True))
        bounds = kind.widened(kind.bounds(estimate, level), down, up)
        verdict, reason = kind.verdict(estimate, bounds, negligible or 0.0) if headline else (None, "")
        return Finding(
            probe=self.probe,
            metric=metric,
            title=title,
            value=estimate.value,
            unit=unit,
            kind=kind.name,
            interval=bounds if all(map(math.isfinite, bounds)) else None,
            confidence=self.confidence,
            headline=headline,
            n=estimate.n,
            n_groups=estimate.n_groups,
            n_templates=estimate.n_templates,
            p=kind.p_value(estimate),
            doubtful=1 - math.prod(1 - one.share for one in doubts) if doubts else None,
            detectable=_sum(kind.detectable(estimate, level), max(down, up)),
            detectable_by_all=_sum(kind.detectable(estimate, level, self.whole), max(down, up))
            if self.whole > 1
            else None,
            negligible=negligible,
            verdict=verdict,
            reason=reason,
            **more,
        )

    def effect(
        self,
        metric: str,
        title: str,
        raw: Estimate,
        *,
        unit: str = "SD",
        kind: Kind = EFFECT,
        negligible: float = MARGIN,
        **more: Any,
    ) -> Finding:
        """A finding from a difference in score units: given in reference SD, as a price, and raw.

        kind: EFFECT, or GAIN, LOSS, PREFERENCE where one side is none to complain of.

        No effect below the noise floor is called one, and where that floor is beyond the margin none is called negligible.
        """
        price = self.reference.price(raw, self.confidence)
        scaled = raw / self.reference.sd
        found = self.finding(
            metric, title, scaled, unit=unit, kind=kind, negligible=negligible, raw=raw.value, price=price, **more
        )
        floor = self.noise_floor / self.reference.sd.value
        if (found.verdict == "bias" and abs(scaled.value) <= floor) or (
            found.verdict == "negligible" and floor > negligible
        ):
            reason = f"the score of one text changes by up to {floor:.2g} {unit.split()[0]} from one pass to the next"
            return found.model_copy(update={"verdict": "inconclusive", "reason": reason})
        return found

    def beyond_length(self, raw: Estimate, doublings: float) -> Estimate | None:
        """An effect (score units) less what its mean change of length, in doublings of words, would earn by itself.

        None where the battery has no equally correct versions of different length to take the slope from.
        """
        slope = self.reference.length
        return None if slope is None else raw - replace(slope * doublings, n=0)

    def number(
        self, metric: str, title: str, value: float | None, *, unit: str, n: int, n_groups: int, **more: Any
    ) -> Finding:
        """A detail without an influence function (a median, a calibration error). more: interval, reading, reason ..."""
        return Finding(
            probe=self.probe, metric=metric, title=title, value=value, unit=unit, n=n, n_groups=n_groups,
            confidence=self.confidence, headline=False, **more,
        )  # fmt: skip

    def unmeasured(self, metric: str, title: str, *, unit: str, reason: str, error: bool = False) -> Finding:
        """A metric that could not be measured, and why: never 0, never a pass."""
        return Finding(
            probe=self.probe, metric=metric, title=title, value=None, unit=unit, confidence=self.confidence,
            headline=metric in self.headlines, verdict="error" if error else "not_applicable", reason=reason,
        )  # fmt: skip

    def summary(self, raw: Estimate) -> dict[str, Any]:
        """A point of a dose-response curve or a slice, of an effect in score units: value, low, high in reference SD, and n."""
        return self.point(raw / self.reference.sd, EFFECT)

    def point(self, estimate: Estimate, kind: Kind) -> dict[str, Any]:
        """The same of any estimate, in its own unit; an end that is not finite is None."""
        low, high = kind.bounds(estimate, self.confidence)
        return {"value": estimate.value, "low": _finite(low), "high": _finite(high), "n": estimate.n}

    def evidence(self, contrasts: Sequence[Contrast], *, most: int = 5) -> list[Evidence]:
        """The first `most` contrasts, their differences in reference SD."""
        return [
            Evidence(
                stimulus=contrast.edited.id,
                against=contrast.base.id,
                difference=contrast.difference / self.reference.sd.value,
                note=contrast.note,
            )
            for contrast in contrasts[:most]
        ]


def _sum(size: float | None, more: float) -> float | None:
    return None if size is None else size + more


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
