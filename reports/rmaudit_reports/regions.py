"""Where a number may lie without harm, as a stretch to draw."""

from __future__ import annotations

import math

from rmaudit.record import Finding
from rmaudit.summary import AT_MOST, EFFECTS, INSIDE, side


def region(finding: Finding) -> tuple[float, float] | None:
    """The harmless region in the finding's unit, None without a margin; an open end is infinite."""
    margin = finding.negligible
    if margin is None:
        return None
    where = side(finding)
    if where == INSIDE:
        return -margin, margin
    if finding.kind in EFFECTS:
        return (-math.inf, margin) if where == AT_MOST else (-margin, math.inf)
    return (0.0, margin) if where == AT_MOST else (margin, math.inf)
