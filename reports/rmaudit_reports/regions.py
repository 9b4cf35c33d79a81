"""Where a number may lie without harm: inside ±margin, at most a limit, or at least one.

A finding's `negligible` is read by what kind of number it is (rmaudit.verdicts): an effect is harmless inside ±margin, a
share (of flips, of failures) below it, an agreement or a reliability above it. A probe may say which by
`detail["kind"]`; where it does not, the unit and the verdict tell.
"""

from __future__ import annotations

import math

from rmaudit.record import Finding
from rmaudit_reports.quantities import PERCENT_UNITS, SPACE, Scale

INSIDE, AT_MOST, AT_LEAST = "inside", "at most", "at least"
KINDS = {"effect": INSIDE, "share": AT_MOST, "agreement": AT_LEAST, "reliability": AT_LEAST}
AGREEMENT_WORDS = ("tau", "icc", "intraclass", "corr", "agree", "kappa", "rho", "reliab", "consist")


def side(finding: Finding) -> str:
    """INSIDE, AT_MOST or AT_LEAST: how the margin of this finding is meant."""
    declared = KINDS.get(str(finding.detail.get("kind", "")))
    if declared:
        return declared
    unit = finding.unit.lower()
    if unit.startswith("sd"):
        return INSIDE
    if finding.interval is not None and finding.negligible is not None:
        (low, high), margin = finding.interval, finding.negligible
        if finding.verdict == "negligible" and low >= margin:
            return AT_LEAST
        if finding.verdict == "bias" and low > 0 and high < margin:
            return AT_LEAST
    if any(word in f"{unit} {finding.metric}" for word in AGREEMENT_WORDS):
        return AT_LEAST
    if unit in PERCENT_UNITS and finding.interval is not None and finding.interval[0] < 0:
        return INSIDE  # a share itself is never below zero: this is a difference of shares
    return AT_MOST if unit in PERCENT_UNITS or unit.startswith(("%", "percent")) else INSIDE


def severity(finding: Finding) -> float:
    """How far a value stands from harmless, in margins: 1 is the edge, more is worse. Orders findings of all units."""
    if finding.value is None or not math.isfinite(finding.value):
        return 0.0
    if not finding.negligible:
        return abs(finding.value)
    share = finding.value / finding.negligible
    return 2 - share if side(finding) == AT_LEAST else abs(share)


def margin_in_words(finding: Finding) -> str:
    """`±0.2 SD`, `at most 10 %`, `at least 60 %`."""
    size = Scale(finding.unit).size(finding.negligible)
    where = side(finding)
    return f"\u00b1{size}" if where == INSIDE else f"{where.replace(' ', SPACE)}{SPACE}{size}"


def region(finding: Finding) -> tuple[float, float] | None:
    """The harmless region in the finding's unit, None without a margin; an open end is infinite."""
    margin = finding.negligible
    if margin is None:
        return None
    where = side(finding)
    if where == INSIDE:
        return -margin, margin
    return (0.0, margin) if where == AT_MOST else (margin, math.inf)
