"""Whatever the decoder, a score depends on its sequence alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import transformers

from tests.decoders.configs import covered, not_covered
from tests.decoders.measure import TOLERANCE, measure

README = Path(__file__).with_name("README.md")
AGAIN = "write it again: python -m tests.decoders.table > tests/decoders/README.md"


@pytest.mark.parametrize("model_type", covered())
def test_a_score_depends_on_its_sequence_alone(model_type: str, tmp_path: Path) -> None:
    measured = measure(model_type, tmp_path, own_class=False)
    assert not measured.refused
    assert measured.spread > 1e-2, "a test of scores that do not differ shows nothing"
    assert measured.plain < TOLERANCE
    assert measured.packed < TOLERANCE


def _rows() -> list[list[str]]:
    """The cells of every row of the kept tables, headings left out."""
    lines = [line for line in README.read_text().splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [cells for cells in rows if cells[0] != "model type"]


def test_the_kept_table_has_a_row_for_every_type() -> None:
    kept = {cells[0] for cells in _rows()}
    known = {*covered(), *not_covered()}
    assert not known - kept, AGAIN
    if f"with transformers {transformers.__version__} " in README.read_text():  # an older one knows fewer types
        assert kept == known, AGAIN


def test_the_kept_table_holds_what_is_tested() -> None:
    figures = {cells[0]: cells[3:6] for cells in _rows() if len(cells) > 2}
    assert set(covered()) <= figures.keys(), AGAIN
    for model_type, (plain, packed, spread) in figures.items():
        assert float(plain) < TOLERANCE, model_type
        assert float(packed) < TOLERANCE, model_type
        assert float(spread) > 1e-2, model_type
