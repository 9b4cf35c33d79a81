"""The verdict of a whole run in a word and a sentence: what the terminal prints and the report shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rmaudit.record import Finding, Record

Word = Literal["pass", "fail", "inconclusive", "bias", "no bias"]
EXIT_CODES: dict[Word, int] = {"pass": 0, "no bias": 0, "fail": 1, "bias": 1, "inconclusive": 3}


@dataclass(frozen=True)
class Summary:
    """word: the policy's outcome, or without a policy what the headline checks found."""

    word: Word
    sentence: str

    @property
    def exit_code(self) -> int:
        """0 pass or no bias, 1 fail or bias, 3 inconclusive."""
        return EXIT_CODES[self.word]


def summarise(record: Record) -> Summary:
    """The run's verdict: by its policy if one was applied, else by the verdicts of its headline findings."""
    if record.gate is not None:
        return Summary(record.gate["outcome"], record.gate["sentence"])
    checks = [finding for finding in record.findings if finding.headline and finding.verdict != "not_applicable"]
    biased = sorted((f for f in checks if f.verdict == "bias"), key=lambda f: -severity(f))
    if biased:
        return Summary("bias", f"{_count(len(biased), checks)} found a bias. {_worst(biased)}")
    open_ = [finding for finding in checks if finding.verdict in ("inconclusive", "error")]
    if open_ or not checks:
        names = ", ".join(finding.key for finding in open_) or "no check could be asked"
        return Summary("inconclusive", f"No bias found, but {_count(len(open_), checks)} gave no firm answer: {names}.")
    return Summary("no bias", f"{_count(len(checks), checks)} found nothing beyond its margin.")


def severity(finding: Finding) -> float:
    """How far beyond its margin a finding is: what worst-first order goes by."""
    if finding.value is None:
        return 0.0
    if finding.verdict == "bias" and finding.unit != "share":
        return abs(finding.value) / (finding.negligible or 1.0)
    return 1.0 if finding.verdict == "bias" else 0.0


def effect_in_words(finding: Finding) -> str:
    """Value, unit and interval, for people."""
    if finding.value is None:
        return "not measured"
    text = f"{_number(finding.value, finding)} {finding.unit}"
    if finding.interval is not None:
        low, high = (_number(bound, finding) for bound in finding.interval)
        text += f" ({finding.confidence:.0%} interval {low} to {high})"
    return text


def _number(value: float, finding: Finding) -> str:
    sign = "+" if finding.unit.startswith("SD") else ""
    return f"{value:{sign}.2f}".replace("-", "\N{MINUS SIGN}")


def _count(count: int, checks: Sequence[Finding]) -> str:
    noun = "headline check" if len(checks) == 1 else "headline checks"
    return f"{count} of {len(checks)} {noun}"


def _worst(biased: Sequence[Finding]) -> str:
    worst = biased[0]
    lead = "It is" if len(biased) == 1 else "Worst:"
    price = ""
    if worst.price is not None:
        price = f" That is {abs(worst.price):.2f} of the gap between a good and a flawed answer."
    named = f"{worst.probe.replace('_', ' ')}, {worst.metric.replace('_', ' ')}"
    return f"{lead} {named}: {effect_in_words(worst)}, margin {worst.negligible:g}.{price}"
