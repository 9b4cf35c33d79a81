"""Dose-response figures as inline SVG that takes its colours from the page.

matplotlib draws with stand-in colours; afterwards the drawing is rebuilt from a short list of elements and attributes,
the stand-ins become CSS variables, and ids get a prefix, so that figures follow light and dark and never collide.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rmaudit.quantities import number

WIDTH, HEIGHT, POINTS_PER_INCH = 560, 270, 72
INK, SOFT, LINE, SERIES, MARGIN = "#010101", "#020202", "#030303", "#040404", "#050505"
VARIABLES = {INK: "--ink", SOFT: "--soft", LINE: "--line", SERIES: "--series", MARGIN: "--margin"}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "rmaudit",
    "font.size": 12,
    "font.family": "DejaVu Sans",
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "text.color": INK,
    "path.simplify": False,
}
KEPT = {
    "g": (), "path": ("d", "style"), "use": ("href", "x", "y", "style"), "defs": (),
    "text": ("style", "x", "y"),
}  # fmt: skip
FONT = re.compile(r"font: ?[^;]*;?|font-(family|size|style|weight): ?[^;]*;?")


@dataclass(frozen=True)
class Point:
    """One dose: where it stands, what it is called, and its value with interval. x: None where doses have no order."""

    x: float | None
    label: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Curve:
    """What a dose-response figure shows. margin: half width of the grey band; gap: height of the reference line."""

    title: str
    x_title: str
    unit: str
    points: tuple[Point, ...]
    margin: float | None = None
    gap: float | None = None
    factor: float = 1.0


def dose_response(curve: Curve, ident: str) -> str:
    """An SVG element: intervals around points, the margin as a band, zero and the good-flawed gap as lines.

    ident: prefix of every id in it. The same curve gives the same bytes.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH / POINTS_PER_INCH, HEIGHT / POINTS_PER_INCH))
        axes = figure.add_axes((0.09, 0.205, 0.89, 0.705))
        places = _place_points(axes, curve)
        _draw_lines(axes, curve, places)
        _frame(axes, curve, places)
        for artist in axes.get_children():
            artist.set_clip_on(False)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return inline(file.getvalue(), ident, curve.title)


def has_order(points: Sequence[Point]) -> bool:
    """Whether the doses stand on an axis of numbers, each at its own place."""
    doses = [point.x for point in points if point.x is not None]
    return len(doses) == len(points) and len(set(doses)) == len(doses)


def _place_points(axes: Axes, curve: Curve) -> list[float]:
    """Places on the x axis: the doses, or 0, 1, 2 ... where they have no order."""
    if not has_order(curve.points):
        axes.set_xlim(-0.6, len(curve.points) - 0.4)
        return [float(index) for index in range(len(curve.points))]
    doses = [float(point.x or 0.0) for point in curve.points]
    low, high = min(doses), max(doses)
    steps = sorted(doses)
    closest = min((b - a for a, b in pairwise(steps)), default=1.0)
    if low > 0 and closest < 0.045 * high:
        axes.set_xscale("log", base=2)
        axes.set_xlim(low / 1.25, high * 1.15)
    else:
        start = 0.0 if 0 <= low <= 0.35 * high else low - 0.08 * ((high - low) or 1.0)
        axes.set_xlim(start, high + 0.06 * ((high - start) or 1.0))
    return doses


def _draw_lines(axes: Axes, curve: Curve, places: list[float]) -> None:
    values = [point.value * curve.factor for point in curve.points]
    if curve.margin is not None:
        axes.axhspan(-curve.margin * curve.factor, curve.margin * curve.factor, color=MARGIN, linewidth=0, zorder=0)
    axes.axhline(0, color=SOFT, linewidth=1, linestyle=(0, (3, 4)), zorder=1)
    bounded = [
        (x, p.low * curve.factor, p.high * curve.factor)
        for x, p in zip(places, curve.points, strict=True)
        if p.low is not None and p.high is not None
    ]
    ordered = has_order(curve.points) and len(places) > 1
    if ordered:
        path = sorted(zip(places, values, strict=True))
        axes.plot([x for x, _ in path], [y for _, y in path], color=SERIES, linewidth=2.5, zorder=3)
        if len(bounded) > 1:
            bounded.sort()
            xs, lows, highs = zip(*bounded, strict=True)
            axes.fill_between(xs, lows, highs, color=SERIES, alpha=0.16, linewidth=0, zorder=2)
    if bounded:
        axes.vlines(
            [b[0] for b in bounded], [b[1] for b in bounded], [b[2] for b in bounded],
            color=SERIES, linewidth=1.2 if ordered else 3, alpha=0.55 if ordered else 0.45, zorder=3,
        )  # fmt: skip
    axes.scatter(places, values, s=34, color=SERIES, linewidths=0, zorder=4)


def _frame(axes: Axes, curve: Curve, places: list[float]) -> None:
    """Scales, ticks and the reference line; no box, no grid."""
    tops = [f for point in curve.points for f in (point.value, point.low, point.high) if f is not None]
    low, high = min([0.0, *tops]) * curve.factor, max([0.0, *tops]) * curve.factor
    band = (curve.margin or 0.0) * curve.factor
    low, high = min(low, -band), max(high, band)
    gap = curve.gap * curve.factor if curve.gap is not None else None
    if gap is not None and high < gap <= 1.8 * high:
        high = gap
    room = 0.08 * ((high - low) or 1.0)
    axes.set_ylim(low - room, high + room)
    if gap is not None and low <= gap <= high:
        axes.axhline(gap, color=SOFT, linewidth=1, zorder=1)
        axes.annotate(
            "gap between a good and a flawed answer", (0.0, gap), xycoords=("axes fraction", "data"),
            xytext=(4, 7), textcoords="offset points", color=SOFT, fontsize=11,
        )  # fmt: skip
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, pad=6, labelcolor=INK)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    ticks = [tick for tick in axes.get_yticks() if low - room <= tick <= high + room]
    axes.set_yticks(ticks, [number(float(tick), _decimals(ticks)) for tick in ticks])
    axes.set_xticks(places, _tick_labels(curve.points))
    axes.minorticks_off()
    axes.set_xlabel(curve.x_title, color=SOFT, labelpad=10)
    axes.annotate(
        curve.unit, (0, 1), xycoords="axes fraction", xytext=(-6, 9), textcoords="offset points",
        color=SOFT, ha="right" if len(curve.unit) < 5 else "left",
    )  # fmt: skip


def _tick_labels(points: Sequence[Point]) -> list[str]:
    """Labels that fit beside each other: broken into lines of the width that each has, three at most."""
    room = max(6, 76 // max(1, len(points)))
    return ["\n".join(textwrap.wrap(point.label, room, max_lines=3, placeholder=" \u2026")) for point in points]


def _decimals(ticks: Sequence[float]) -> int:
    step = min((b - a for a, b in pairwise(ticks)), default=1.0)
    return next((places for places in range(5) if abs(round(step, places) - step) < 1e-9), 5)


def inline(svg: str, ident: str, title: str) -> str:
    """Rebuild matplotlib's file as one inline element: known elements only, page colours, own ids, a title."""
    root = ElementTree.fromstring(svg)
    body = "".join(_rebuilt(child, ident) for child in root)
    return (
        f'<svg class="figure" role="img" aria-labelledby="{ident}-title" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<title id="{ident}-title">{escape(title)}</title>{body}</svg>'
    )


def _rebuilt(element: ElementTree.Element, ident: str) -> str:
    name = _local(element.tag)
    if name not in KEPT:
        return ""
    found = {_local(key): value for key, value in element.attrib.items()}
    attributes = []
    if name == "path" and "id" in found:
        attributes.append(("id", f"{ident}-{found['id']}"))
    for key in KEPT[name]:
        if key in found:
            attributes.append((key, _attribute(key, found[key], ident)))
    written = "".join(f' {key}="{escape(value)}"' for key, value in attributes if value)
    inside = escape(element.text or "", quote=False) if name == "text" else ""
    inside += "".join(_rebuilt(child, ident) for child in element)
    return inside if name == "g" else f"<{name}{written}>{inside}</{name}>"


def _attribute(key: str, value: str, ident: str) -> str:
    if key == "href":
        return f"#{ident}-{value.lstrip('#')}"
    if key == "d":
        return re.sub(r"(\.\d)\d+", r"\1", re.sub(r"\s+", " ", value)).strip()
    if key in ("x", "y"):
        return f"{float(value):.1f}"
    if key == "style":
        for colour, variable in VARIABLES.items():
            value = value.replace(colour, f"var({variable})")
        return FONT.sub("", value).strip().strip(";")
    return value


def _local(name: object) -> str:
    return str(name).rsplit("}", 1)[-1]
