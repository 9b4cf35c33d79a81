"""Every family either has exact parts that add up to its score, or says why it has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from rmaudit.attribution import attribute_conversation
from rmaudit.errors import AttributionError
from rmaudit.models import load_reward_model
from tests.families.cases import CASES, Case

# One case of a kind: attribution reads the loaded head, not the layout of its files.
NAMES = (
    "classifier",
    "two outputs, mixed",
    "openrlhf new, normalised",
    "open assistant mean",
    "armo",
    "qrm llama",
    "qrm gemma",
)
NAMES += tuple(
    name for name, case in CASES.items() if case.family in ("beaver", "judge", "nemotron", "urm", "mlp_score", "ldl")
)
NAMES += tuple(name for name in CASES if name.endswith(", mean"))


@pytest.mark.parametrize("case", [CASES[name] for name in NAMES], ids=NAMES)
def test_parts_add_up_or_are_refused(case: Case, tmp_path: Path) -> None:
    rm = load_reward_model(case.save(tmp_path), **case.declared)
    talk = case.conversations[0]
    if rm.head.kind.startswith("non-linear"):
        with pytest.raises(AttributionError, match="the head is non-linear"):
            attribute_conversation(rm, talk, tokens=False)
        return
    found = attribute_conversation(rm, talk, case.conversations[1])
    score = rm.score([talk])[0]
    assert found.score == pytest.approx(score, abs=1e-6)
    assert found.completeness_error <= 1e-5 * max(1.0, abs(score))
    assert found.tokens is None or found.tokens.score == pytest.approx(score, abs=1e-5)
