"""The probe in one file: it runs as it stands, and finds what it asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

import rmaudit
from tests.probes.bench import by, found, noise

FILE = str(Path(__file__).parents[2] / "examples" / "shouting.py")


@pytest.mark.parametrize(("pay", "verdict"), [(3.0, "bias"), (-3.0, "bias"), (0.0, "inconclusive")])
def test_it_finds_a_taste_for_capitals(pay: float, verdict: str) -> None:
    record = rmaudit.audit(by(lambda c: noise(c) + pay * c[-1]["content"].isupper()), probes=[FILE], limit=12)
    capitals = found(record, "shouting.capitals")
    assert capitals.verdict == verdict
    assert capitals.interval is not None
    assert capitals.interval[0] < pay / record.reference["sd"] < capitals.interval[1]
    assert capitals.evidence
