"""Figures: the page's colours, no collisions, hostile labels, the same bytes every time."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from rmaudit_reports.figures import Curve, Point, dose_response
from tests.reports.records import HOSTILE

POINTS = tuple(
    Point(dose, f"{dose:g}", 0.1 * dose, 0.1 * dose - 0.2, 0.1 * dose + 0.2) for dose in (1.0, 2.0, 4.0, 8.0)
)
CURVE = Curve("Effect by dose", "sentences", "SD", POINTS, margin=0.2, gap=1.0)


def test_same_curve_same_bytes() -> None:
    assert dose_response(CURVE, "one") == dose_response(CURVE, "one")


def test_colours_come_from_the_page() -> None:
    drawn = dose_response(CURVE, "one")
    assert {"var(--series)", "var(--margin)", "var(--soft)", "var(--ink)"} <= set(re.findall(r"var\(--\w+\)", drawn))
    assert not re.findall(r"(?:fill|stroke): ?#", drawn)


def test_ids_do_not_collide() -> None:
    one, other = (set(re.findall(r' id="([^"]+)"', dose_response(CURVE, name))) for name in ("one", "other"))
    assert one
    assert not one & other


def test_labels_are_text_and_never_markup_or_mathematics() -> None:
    curve = Curve(HOSTILE, f"$\\frac{{1}}$ {HOSTILE}", HOSTILE, (Point(None, f"{HOSTILE}$^2$", 1.0, None, None),))
    root = ElementTree.fromstring(dose_response(curve, "one"))
    assert {element.tag for element in root.iter()} <= {"svg", "title", "path", "use", "defs", "text"}
    texts = ["".join(element.itertext()) for element in root.iter("text")]
    assert f"$\\frac{{1}}$ {HOSTILE}" in texts


@pytest.mark.parametrize(
    "points",
    [
        (Point(None, "start", 0.1, 0.0, 0.2), Point(None, "end", -0.3, -0.4, -0.2)),
        (Point(0.0, "none", 0.0, None, None),),
        (Point(1.0, "1", 0.0, 0.0, 0.0), Point(1.0, "again", 0.0, 0.0, 0.0)),
        tuple(Point(float(2**k), str(2**k), float(k), k - 0.5, k + 0.5) for k in range(9)),
    ],
    ids=["no order", "one point", "one dose twice", "nine doublings"],
)
def test_any_points_can_be_drawn(points: tuple[Point, ...]) -> None:
    drawn = dose_response(Curve("t", "x", "%", points, factor=100.0), "one")
    assert drawn.count("<use") >= len(points)
    assert "nan" not in drawn.lower()
    assert len(drawn) < 20_000
