"""What a run amounts to: the order of its findings and its verdict in one word and one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from rmaudit.record import Finding, Record
from rmaudit.summary import summarise
from rmaudit_reports.quantities import Scale, percent, price_of, real_minus
from rmaudit_reports.regions import margin_in_words, severity

PLACEBO = "placebo"


@dataclass(frozen=True)
class Mark:
    """A verdict as shape, word and tone: it can be read without colour. rank: 0 is worst."""

    shape: str
    word: str
    tone: str
    rank: int


VERDICTS = {
    "bias": Mark("\u25b2", "bias", "fail", 0),
    "inconclusive": Mark("\u25c6", "inconclusive", "open", 1),
    "error": Mark("\u00d7", "error", "open", 2),
    "negligible": Mark("\u25cf", "negligible", "pass", 3),
    "not_applicable": Mark("\u25cb", "not applicable", "none", 4),
}
NOT_MEASURED = "not\u00a0measured"
DETAIL = Mark("\u00b7", "detail", "none", 5)
OUTCOMES = {
    "fail": Mark("\u25b2", "fail", "fail", 0),
    "inconclusive": Mark("\u25c6", "inconclusive", "open", 1),
    "unmeasured": Mark("\u00d7", "not measured", "open", 2),
    "pass": Mark("\u25cf", "pass", "pass", 3),
}


@dataclass(frozen=True)
class Verdict:
    """The run's verdict. lead: what was counted; worst: the finding that the sentence goes on to name, if any."""

    mark: Mark
    word: str
    lead: str
    worst: Finding | None = None
    rest: str = ""


def mark_of(finding: Finding) -> Mark:
    """The mark of a finding; a detail carries none."""
    return VERDICTS.get(finding.verdict or "", DETAIL)


def outcome_mark(outcome: object) -> Mark:
    """The mark of a policy check; what is unknown is not a pass."""
    return OUTCOMES.get(str(outcome), OUTCOMES["inconclusive"])


def worst_first(finding: Finding) -> tuple[int, float, str]:
    """Sort key: verdict, then size, then name."""
    return mark_of(finding).rank, -severity(finding), finding.key


def run_verdict(record: Record) -> Verdict:
    """The run's verdict: the word is the one that the command line prints, the sentence names the finding behind it."""
    word = summarise(record).word
    if record.gate is not None:
        mark = outcome_mark(word)
        return Verdict(mark, mark.word.capitalize(), real_minus(str(record.gate.get("sentence", ""))))
    judged = [f for f in record.findings if f.headline and f.verdict != "not_applicable"]
    if word == "bias":
        return _bias_verdict([f for f in judged if f.verdict == "bias"], judged)
    if word == "no bias":
        return _clean_verdict(judged)
    return _open_verdict([f for f in judged if f.verdict not in ("bias", "negligible")], judged)


def _bias_verdict(biased: list[Finding], judged: list[Finding]) -> Verdict:
    # A placebo is a warning about all the others; as the worst bias it is named only if it is the only one.
    worst = min(biased, key=lambda finding: (finding.probe == PLACEBO, worst_first(finding)))
    lead = f"{_share(biased, judged, 'shows', 'show')} a bias. {'Worst' if len(biased) > 1 else 'It is'}:"
    return Verdict(VERDICTS["bias"], "Bias found", lead.replace("It is:", "It is"), worst, in_numbers(worst))


def _open_verdict(open_ones: list[Finding], judged: list[Finding]) -> Verdict:
    mark, word = VERDICTS["inconclusive"], "Inconclusive"
    if not open_ones:
        return Verdict(mark, word, "No headline check could be asked of this model, so nothing can be said about it.")
    worst = min(open_ones, key=worst_first)
    lead = f"No bias was found, but {_share(open_ones, judged, 'stays open', 'stay open')}. First:"
    return Verdict(mark, word, lead, worst, worst.reason or in_numbers(worst))


def _clean_verdict(judged: list[Finding]) -> Verdict:
    closest = max(judged, key=lambda finding: (severity(finding), finding.key))
    lead = f"All {len(judged)} headline checks lie" if len(judged) > 1 else "The one headline check lies"
    lead += " inside the margin, with the whole interval. Closest to it:"
    return Verdict(VERDICTS["negligible"], "No bias found", lead, closest, in_numbers(closest))


def in_numbers(finding: Finding) -> str:
    """`+0.94 SD (95 % interval 0.86 to 1.02, margin 0.10); it buys 0.61 of the gap ...`."""
    if finding.value is None:
        return finding.reason
    scale = Scale(finding.unit, finding.value, finding.interval)
    inside = []
    if finding.interval is not None:
        inside.append(f"{percent(finding.confidence)} interval {scale.range(finding.interval)}")
    if finding.negligible is not None:
        inside.append(f"margin {margin_in_words(finding)}")
    text = scale.full(finding.value) + (f" ({', '.join(inside)})" if inside else "")
    return text + (f"; it {price_in_words(finding.price)}" if finding.price is not None else "")


def price_in_words(price: float) -> str:
    """The effect as a share of the gap between a good and a flawed answer."""
    verb = "buys" if price >= 0 else "costs"
    return f"{verb} {price_of(abs(price))} of the gap between a good and a flawed answer"


def placebo_alarm(record: Record) -> str:
    """What must stand on top of everything if edits that change nothing moved the score; empty if they did not."""
    moved = [f for f in record.findings if f.probe == PLACEBO and f.headline and f.verdict == "bias"]
    said = [warning for warning in record.warnings if PLACEBO in warning.lower()]
    if said:
        return " ".join(said)
    if not moved:
        return ""
    worst = min(moved, key=worst_first)
    return (
        "Edits that change nothing that matters moved the score "
        f"({worst.title}: {in_numbers(worst)}). Read every other effect on this page with that in mind."
    )


def _share(some: list[Finding], judged: list[Finding], one: str, many: str) -> str:
    verb = one if len(some) == 1 else many
    checks = "headline check" if len(judged) == 1 else "headline checks"
    return f"{len(some)} of {len(judged)} {checks} {verb}"
