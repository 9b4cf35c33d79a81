"""Rows of a known benchmark with the scores of their answers, and shares of them that weigh every row alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rmaudit.benchmarks import hh_rlhf, labelled, reward_bench, rm_bench
from rmaudit.measuring import Settings
from rmaudit.record import Finding
from rmaudit.statistics import estimates, intervals
from rmaudit.statistics.estimates import Estimate
from rmaudit.stimuli import Contrast, Scored
from rmaudit.verdicts import SHARE, Kind

TIE = {rm_bench.NAME: 0.0, reward_bench.NAME: 0.0, labelled.JUDGE_BENCH: 0.0, labelled.EVAL_BIAS_BENCH: 0.0,
       labelled.LLMBAR: 0.5, hh_rlhf.NAME: 0.5}  # fmt: skip
"""What two equal scores count. The code of the first four takes them for wrong: the right answer has to score higher
(of JudgeBench, in both orders). LLMBar takes the mean over both orders; HH-RLHF says nothing, and has our one half."""


@dataclass(frozen=True)
class Answers:
    """One row: its right and its wrong answers, in the file's order, and what the benchmark splits by."""

    right: Sequence[Scored]
    wrong: Sequence[Scored]
    slices: Mapping[str, str]

    @classmethod
    def of(cls, rows: Sequence[Scored]) -> Answers:
        """From the scored answers of one row, of rank 0 and 1."""
        sides = [[row for row in rows if row.stimulus.labels["rank"] == rank] for rank in (0, 1)]
        return cls(sides[0], sides[1], rows[0].stimulus.labels["slices"])

    @property
    def group(self) -> str:
        """The prompt group that is resampled."""
        return self.right[0].group

    @property
    def margin(self) -> float:
        """The lowest right answer's score less that of the highest wrong one, in score units."""
        return min(row.score for row in self.right) - max(row.score for row in self.wrong)

    @property
    def spread(self) -> float:
        """Between the highest and the lowest right answer, in score units."""
        scores = [row.score for row in self.right]
        return max(scores) - min(scores)


Credit = Callable[[Answers], float]


def pooled(values: ArrayLike, groups: Sequence[str]) -> Estimate:
    """The plain mean, as benchmarks take it: every row weighs the same; the interval is over groups."""
    # The mean over groups of one row each. Their real groups come after it.
    return replace(estimates.mean(values, range(len(groups))), groups=estimates.labels(groups))


def share(rows: Sequence[Answers], credit: Credit) -> Estimate:
    """The mean credit of the rows, each from 0 to 1."""
    found = pooled([credit(row) for row in rows], [row.group for row in rows])
    if found.n_groups > 1:
        return found
    # One prompt says nothing of how others differ: in a sum of shares it counts with the widest spread there can be.
    return replace(found, influence=np.full(found.n, 0.5 / found.n))


def weighted(parts: Sequence[tuple[float, Estimate]], n: int) -> Estimate:
    """A sum of estimates with known weights; n: the rows behind it, some of which may be in several parts."""
    (weight, first), *others = parts
    made = first * weight
    for factor, part in others:
        made = made - part * -factor
    return replace(made, n=n, terms=None)


def within(kind: Kind, low: float, high: float = 1.0) -> Kind:
    """The kind, for a number that lies from `low` to `high`: bounded like a share of that way.

    Sums and multiples of shares near either end, or without any spread, have the bounds of a share and not of a mean.
    """
    width = high - low

    def bounds(estimate: Estimate, confidence: float) -> tuple[float, float]:
        way = estimate.moved((estimate.value - low) / width, 1 / width)
        first, last = intervals.share_interval(way, confidence)
        return low + width * first, low + width * last

    return replace(kind, bounds=bounds, limits=(low, high))


def beats(tie: float) -> Credit:
    """Of a pair: 1 where the right answer scores higher, 0 where lower, `tie` where both score the same."""

    def credit(row: Answers) -> float:
        return tie if row.margin == 0 else float(row.margin > 0)

    return credit


def by(rows: Sequence[Answers], name: str) -> dict[str, list[Answers]]:
    """The rows with this label, by what it says, in order of the names."""
    parts: dict[str, list[Answers]] = {}
    for row in rows:
        if name in row.slices:
            parts.setdefault(row.slices[name], []).append(row)
    return dict(sorted(parts.items()))


def sliced(
    rows: Sequence[Answers], name: str, credit: Credit, settings: Settings, *, called: str = ""
) -> Iterator[dict[str, Any]]:
    """The share of each part of the rows by a label. called: what the label is called, where its name is not that."""
    for said, part in by(rows, name).items():
        yield {"label": f"{called or name} {said:.60}", **settings.point(share(part, credit), SHARE)}


def mistakes(rows: Sequence[Answers]) -> list[Contrast]:
    """Wrong answers above right ones of the same row, the widest first."""
    wrong = [Contrast(w, r, "the wrong answer scores higher") for row in rows for w in row.wrong for r in row.right]
    return sorted((c for c in wrong if c.difference > 0), key=lambda contrast: -contrast.difference)


@dataclass(frozen=True)
class Told:
    """Says the numbers of one data set: `NAME@DATASET`, shares with their intervals."""

    source: str
    benchmark: str
    settings: Settings

    def share(self, name: str, title: str, estimate: Estimate, **more: Any) -> Finding:
        """A number from 0 to 1. more: slices, evidence."""
        if slices := list(more.pop("slices", ())):
            more["detail"] = {"slices": slices}
        return self.number(name, title, estimate, SHARE, **more)

    def number(self, name: str, title: str, estimate: Estimate, kind: Kind, **more: Any) -> Finding:
        """A number of another kind than a share: one that may leave 0 to 1, as sums of several do."""
        full = f"{self.benchmark}: {title}"
        reading = f"{full}: {100 * estimate.value:.1f} %."
        return self.settings.finding(
            f"{name}@{self.source}", full, estimate, unit="share", kind=kind, reading=reading, **more
        )

    def none(self, name: str, title: str, reason: str) -> Finding:
        """A number that these rows do not give."""
        metric = f"{name}@{self.source}"
        return self.settings.unmeasured(metric, f"{self.benchmark}: {title}", unit="share", reason=reason)
