"""probes/README.md is what the cards say today."""

from __future__ import annotations

from pathlib import Path

from rmaudit_probes.catalogue import catalogue

PAGE = Path(__file__).parents[2] / "probes" / "README.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == catalogue(), "run: python -m rmaudit_probes.catalogue > probes/README.md"
