"""The harmless stretch of every kind of number."""

from __future__ import annotations

import math

import pytest

from rmaudit.record import Finding
from rmaudit_reports.regions import region


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("effect", (-0.2, 0.2)),
        ("gain", (-math.inf, 0.2)),
        ("loss", (-0.2, math.inf)),
        ("share", (0.0, 0.2)),
        ("amount", (0.0, 0.2)),
        ("preference", (0.2, math.inf)),
        ("agreement", (0.2, math.inf)),
    ],
)
def test_region(kind: str, expected: tuple[float, float]) -> None:
    facts = {
        "probe": "p",
        "metric": "m",
        "title": "M",
        "value": 0.1,
        "unit": "SD",
        "confidence": 0.95,
        "headline": True,
    }
    assert region(Finding.model_validate({**facts, "kind": kind, "negligible": 0.2})) == expected
    assert region(Finding.model_validate({**facts, "kind": kind})) is None
