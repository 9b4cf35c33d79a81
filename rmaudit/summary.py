"""The verdict of a whole run in a word and a sentence: what the terminal prints and the page shows, from one place.

A placebo is a check of the measurement, not of the model: it is never counted among the model's checks and never named
as its bias. One that moved the score, or gave no firm answer, keeps a run from being called free of bias.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rmaudit.quantities import SPACE, Scale, percent, plain, price_of
from rmaudit.record import Finding, Record

Word = Literal["pass", "fail", "inconclusive", "bias", "no bias"]
EXIT_CODES: dict[Word, int] = {"pass": 0, "no bias": 0, "fail": 1, "bias": 1, "inconclusive": 3}
ORDER = ("bias", "error", "inconclusive", "negligible", "not_applicable", None)
"""Verdicts, worst first; None is a detail."""
PLACEBO = "placebo"
INSIDE, AT_MOST, AT_LEAST = "inside", "at most", "at least"
SIDES = {
    "effect": INSIDE, "gain": AT_MOST, "share": AT_MOST, "amount": AT_MOST, "loss": AT_LEAST, "agreement": AT_LEAST,
    "preference": AT_LEAST, "reliability": AT_LEAST,
}  # fmt: skip
"""How the margin is meant, by the kind of number (rmaudit.verdicts)."""
EFFECTS = ("effect", "gain", "loss")
"""Kinds that measure a change: 0 is none."""


@dataclass(frozen=True)
class Summary:
    """word: the policy's outcome, or without a policy what the headline checks found.

    lead: what was counted; finding: the one that the sentence goes on to name, if any; rest: what is said of it.
    """

    word: Word
    lead: str
    finding: Finding | None = None
    rest: str = ""

    @property
    def sentence(self) -> str:
        """All of it as plain text."""
        if self.finding is None:
            return plain(self.lead)
        return plain(f"{self.lead} {name_in_words(self.finding)}: {self.rest}.")

    @property
    def exit_code(self) -> int:
        """0 pass or no bias, 1 fail or bias, 3 inconclusive."""
        return EXIT_CODES[self.word]


def summarise(record: Record) -> Summary:
    """The run's verdict: by its policy if one was applied, else by the verdicts of its headline findings."""
    if record.gate is not None:
        return Summary(record.gate["outcome"], record.gate["sentence"])
    asked = sorted((f for f in record.findings if f.headline and f.verdict != "not_applicable"), key=worst_first)
    checks = [finding for finding in asked if finding.probe != PLACEBO]
    biased = [finding for finding in checks if finding.verdict == "bias"]
    if biased:
        lead = f"{_count(len(biased), checks)} found a bias. {'It is' if len(biased) == 1 else 'Worst:'}"
        return Summary("bias", lead, biased[0], in_numbers(biased[0]))
    return _open(asked, checks) or _clean(checks)


def _open(asked: Sequence[Finding], checks: Sequence[Finding]) -> Summary | None:
    """What keeps a run without a bias from being called one; None where nothing does."""
    moved = placebo_moved(asked)
    if moved:
        lead = "No bias found, but the placebo, a check of the measurement itself, moved the score:"
        return Summary("inconclusive", lead, moved, in_numbers(moved))
    if not checks:
        return Summary(
            "inconclusive", "No headline check of the model could be asked, so nothing can be said about it."
        )
    unsettled = [finding for finding in asked if finding.verdict != "negligible"]
    if not unsettled:
        return None
    counted = [finding for finding in unsettled if finding.probe != PLACEBO]
    who = f"{_count(len(counted), checks)} gave no firm answer. {'First' if len(counted) > 1 else 'That is'}"
    lead = who if counted else "the placebo, a check of the measurement itself, gave no firm answer:"
    first = (counted or unsettled)[0]
    return Summary("inconclusive", f"No bias found, but {lead}", first, first.reason.rstrip(".") or in_numbers(first))


def _clean(checks: Sequence[Finding]) -> Summary:
    closest = max(checks, key=lambda finding: (severity(finding), finding.key))
    lead = f"{_count(len(checks), checks)} found nothing beyond the margin. Closest to it:"
    return Summary("no bias", lead, closest, in_numbers(closest))


def placebo_moved(findings: Sequence[Finding]) -> Finding | None:
    """The placebo that moved the score most beyond its margin, if one did: then every other finding is in doubt."""
    moved = [f for f in findings if f.probe == PLACEBO and f.headline and f.verdict == "bias"]
    return min(moved, key=worst_first, default=None)


def worst_first(finding: Finding) -> tuple[int, float, str]:
    """Sort key: verdict, then size, then name."""
    return ORDER.index(finding.verdict), -severity(finding), finding.key


def severity(finding: Finding) -> float:
    """How far a value stands from harmless, in margins: 1 is the edge, more is worse. Orders findings of all units."""
    if finding.value is None or not math.isfinite(finding.value):
        return 0.0
    if not finding.negligible:
        return abs(finding.value)
    size = finding.value / finding.negligible
    if finding.kind == "loss":
        return -size
    where = side(finding)
    return 2 - size if where == AT_LEAST else abs(size) if where == INSIDE else size


def side(finding: Finding) -> str:
    """INSIDE, AT_MOST or AT_LEAST: how the margin of this finding is meant."""
    return SIDES[finding.kind]


def name_in_words(finding: Finding) -> str:
    """`length bias, padding`: the name that a policy uses, in words."""
    return f"{finding.probe.replace('_', ' ')}, {finding.metric.replace('_', ' ')}"


def margin_in_words(finding: Finding) -> str:
    """`±0.2 SD`, `at most 10 %`, `at least 60 %`, `at least −0.2 SD`."""
    size = Scale(finding.unit).size(finding.negligible)
    size = f"\N{MINUS SIGN}{size}" if finding.kind == "loss" else size
    where = side(finding)
    return f"\N{PLUS-MINUS SIGN}{size}" if where == INSIDE else f"{where.replace(' ', SPACE)}{SPACE}{size}"


def in_numbers(finding: Finding) -> str:
    """`+0.94 SD (95 % interval 0.86 to 1.02 SD, margin ±0.1 SD); it buys 0.61 of the gap ...`."""
    text = _measured(finding, [f"margin {margin_in_words(finding)}"] if finding.negligible is not None else [])
    return f"{text}; it {price_in_words(finding)}" if finding.price is not None and shows_direction(finding) else text


def _measured(finding: Finding, more: list[str]) -> str:
    if finding.value is None:
        return finding.reason or "not measured"
    scale = Scale(finding.unit, finding.value, finding.interval)
    inside = list(more)
    if finding.interval is not None:
        inside.insert(0, f"{percent(finding.confidence)} interval {scale.range(finding.interval)}")
    return scale.full(finding.value) + (f" ({', '.join(inside)})" if inside else "")


def price_in_words(finding: Finding) -> str:
    """The effect as a share of the gap between a good and a flawed answer; bought or paid only where a direction shows."""
    gap = "of the gap between a good and a flawed answer"
    if finding.price is None:
        return "not measured"
    if not shows_direction(finding):
        return f"{price_of(finding.price)} {gap}; no direction is shown"
    return f"{'buys' if finding.price >= 0 else 'costs'} {price_of(abs(finding.price))} {gap}"


def shows_direction(finding: Finding) -> bool:
    """Whether the interval leaves only one side of zero."""
    return finding.interval is not None and (finding.interval[0] > 0 or finding.interval[1] < 0)


def reading_in_words(finding: Finding) -> str:
    """The probe's sentence; of an inconclusive effect whose interval holds zero only that, whichever probe wrote it.

    Any direction in it would be read as a finding, and it is noise.
    """
    shown = finding.kind not in EFFECTS or finding.verdict != "inconclusive" or shows_direction(finding)
    if shown or not finding.reading:
        return finding.reading
    if finding.interval is None:
        return "There is no interval, so the data show no direction."
    return "The interval holds zero: the data show no direction."


def _count(count: int, checks: Sequence[Finding]) -> str:
    noun = "headline check" if len(checks) == 1 else "headline checks"
    return f"{count} of {len(checks)} {noun} of the model"
