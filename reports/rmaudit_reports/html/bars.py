"""Interval bars: where an interval lies against its margin and its policy limits, as numbers for a small SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from rmaudit.record import Finding
from rmaudit.summary import EFFECTS
from rmaudit_reports.regions import region

WIDTH, EDGE = 232.0, 8.0
LEAST_SPAN, MOST_SPAN = 1.6, 8.0


@dataclass(frozen=True)
class Bar:
    """Places in pixels, 0 to WIDTH. band: the harmless region; a clipped end is drawn as an arrow."""

    zero: float | None
    band: tuple[float, float] | None
    low: float
    high: float
    value: float
    limits: tuple[float, ...]
    clipped_low: bool
    clipped_high: bool


@dataclass(frozen=True)
class Axis:
    """A linear map from the finding's unit to pixels."""

    start: float
    end: float

    def place(self, value: float) -> float:
        """Pixels; beyond the ends it stays at the end."""
        share = (value - self.start) / ((self.end - self.start) or 1.0)
        return round(EDGE + min(max(share, 0.0), 1.0) * (WIDTH - 2 * EDGE), 1)

    def holds(self, value: float) -> bool:
        """Whether the value lies on the axis."""
        return self.start <= value <= self.end


def shared_span(findings: Iterable[Finding]) -> float:
    """How many margins the axis of all effects shows to each side, so that their bands align from row to row."""
    sizes = [
        max(map(abs, finding.interval)) / finding.negligible
        for finding in findings
        if finding.interval is not None and finding.negligible and finding.kind in EFFECTS
    ]
    return min(max([LEAST_SPAN, *(1.08 * size for size in sizes)]), MOST_SPAN)


def bar(finding: Finding, span: float, limits: tuple[float, ...] = ()) -> Bar | None:
    """The bar of one finding; None where there is nothing to draw. span: see shared_span; limits: in its unit."""
    if finding.value is None or finding.interval is None or not all(map(math.isfinite, finding.interval)):
        return None
    low, high = finding.interval
    axis = _axis(finding, span, limits)
    harmless = region(finding)
    return Bar(
        zero=axis.place(0.0) if axis.holds(0.0) else None,
        band=(axis.place(max(harmless[0], axis.start)), axis.place(min(harmless[1], axis.end))) if harmless else None,
        low=axis.place(low),
        high=axis.place(high),
        value=axis.place(finding.value),
        limits=tuple(axis.place(line) for line in limits if axis.holds(line)),
        clipped_low=low < axis.start,
        clipped_high=high > axis.end,
    )


def _axis(finding: Finding, span: float, limits: tuple[float, ...]) -> Axis:
    low, high = finding.interval or (0.0, 0.0)
    margin = finding.negligible
    if margin and finding.kind in EFFECTS:
        return Axis(-span * margin, span * margin)
    ends = [0.0, low, high, *limits, *([margin] if margin else [])]
    top = max(ends)
    room = 0.08 * (top - min(ends)) or 0.1
    end = 1.0 if 0.4 < top <= 1.0 else top + room
    return Axis(min(ends) - (room if min(ends) < 0 else 0.0), end)
