"""Where a number may lie without harm: inside ±margin, at most a limit, or at least one."""

from __future__ import annotations

import math

from rmaudit.record import Finding
from rmaudit_reports.quantities import SPACE, Scale

INSIDE, AT_MOST, AT_LEAST = "inside", "at most", "at least"
#: How the margin is meant, by the kind of number (rmaudit.verdicts).
SIDES = {
    "effect": INSIDE, "share": AT_MOST, "amount": AT_MOST, "agreement": AT_LEAST, "reliability": AT_LEAST,
}  # fmt: skip


def side(finding: Finding) -> str:
    """INSIDE, AT_MOST or AT_LEAST: how the margin of this finding is meant."""
    return SIDES[finding.kind]


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
