"""Verdicts and outcomes as marks, and the summary of the run as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from rmaudit.quantities import real_minus
from rmaudit.record import Finding, Record
from rmaudit.summary import ORDER, in_numbers, name_in_words, placebo_moved, summarise

RECORDED_ALARM = "A placebo shows an effect ("


@dataclass(frozen=True)
class Mark:
    """A verdict as shape, word and tone: it can be read without colour. rank: 0 is worst."""

    shape: str
    word: str
    tone: str
    rank: int


VERDICTS = {
    "bias": Mark("\u25b2", "bias", "fail", ORDER.index("bias")),
    "error": Mark("\u00d7", "error", "open", ORDER.index("error")),
    "inconclusive": Mark("\u25c6", "inconclusive", "open", ORDER.index("inconclusive")),
    "negligible": Mark("\u25cf", "negligible", "pass", ORDER.index("negligible")),
    "not_applicable": Mark("\u25cb", "not applicable", "none", ORDER.index("not_applicable")),
}
NOT_MEASURED = "not\u00a0measured"
DETAIL = Mark("\u00b7", "detail", "none", ORDER.index(None))
OUTCOMES = {
    "fail": Mark("\u25b2", "fail", "fail", 0),
    "inconclusive": Mark("\u25c6", "inconclusive", "open", 1),
    "unmeasured": Mark("\u00d7", "not measured", "open", 2),
    "pass": Mark("\u25cf", "pass", "pass", 3),
}
TITLES = {
    "bias": (VERDICTS["bias"], "Bias found"),
    "no bias": (VERDICTS["negligible"], "No bias found"),
    "inconclusive": (VERDICTS["inconclusive"], "Inconclusive"),
}


@dataclass(frozen=True)
class Verdict:
    """The run's verdict: the words of rmaudit.summary, in parts, so that the finding's name can be a link."""

    mark: Mark
    word: str
    lead: str
    worst: Finding | None = None
    name: str = ""
    rest: str = ""


def mark_of(finding: Finding) -> Mark:
    """The mark of a finding; a detail carries none."""
    return VERDICTS.get(finding.verdict or "", DETAIL)


def outcome_mark(outcome: object) -> Mark:
    """The mark of a policy check; what is unknown is not a pass."""
    return OUTCOMES.get(str(outcome), OUTCOMES["inconclusive"])


def run_verdict(record: Record) -> Verdict:
    """The run's verdict: word, sentence and the finding that it names are those that the command line prints."""
    summary = summarise(record)
    if record.gate is not None:
        mark = outcome_mark(summary.word)
        return Verdict(mark, mark.word.capitalize(), real_minus(summary.lead))
    mark, word = TITLES[summary.word]
    if summary.finding is None:
        return Verdict(mark, word, summary.lead)
    return Verdict(mark, word, summary.lead, summary.finding, name_in_words(summary.finding), summary.rest)


def placebo_alarm(record: Record) -> str:
    """What must stand on top of everything if edits that change nothing moved the score; empty if they did not."""
    moved = placebo_moved(record.findings)
    if moved is None:
        return ""
    return (
        "Edits that change nothing that matters moved the score "
        f"({name_in_words(moved)}: {in_numbers(moved)}). Read every other finding on this page with that in mind."
    )


def other_warnings(record: Record) -> list[str]:
    """The run's warnings, without the one that the alarm already says."""
    alarm = placebo_alarm(record)
    return [warning for warning in record.warnings if not (alarm and warning.startswith(RECORDED_ALARM))]
