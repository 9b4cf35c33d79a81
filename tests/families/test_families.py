"""Every registered family, against the formula of its own code."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from rmaudit.models import FAMILIES, RewardModel, load_reward_model
from tests.families.cases import CASES, Case
from tests.families.checkpoints import LAYOUTS, head_of
from tests.families.references import Files


@pytest.mark.parametrize("name", CASES)
def test_a_family_scores_as_its_own_code_does(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    folder = case.save(tmp_path)
    files = case.files(folder)
    rm = load_reward_model(folder, **case.declared)
    assert rm.load_report.family == case.family
    assert rm.load_report.position == case.position
    assert rm.load_report.transform.startswith(case.transform)
    assert case.transform or not rm.load_report.transform
    _assert_holds_the_files_tensors(rm, case, files)
    scores = [float(rm.score([conversation])[0]) for conversation in case.conversations]
    expected = [float(case.reference(files, conversation)) for conversation in case.conversations]
    assert len(set(expected)) > 1
    assert scores == pytest.approx(expected, rel=case.tolerance, abs=case.tolerance)


def test_every_registered_family_is_covered() -> None:
    assert {case.family for case in CASES.values()} == {family.name for family in FAMILIES}
    assert {case.layout for case in CASES.values()} == LAYOUTS.keys()


def _assert_holds_the_files_tensors(rm: RewardModel, case: Case, files: Files) -> None:
    """Every tensor of the file's head, and nothing else; numbers of a normaliser are in the load report."""
    keys = [key for key in head_of(LAYOUTS[case.layout]) if "normalizer." not in key and "num_batches" not in key]
    stored = [files.tensors[key] for key in keys] or _rows(case, files)
    held = list(rm.head.held().values())
    assert len(held) == len(stored)
    for tensor in stored:
        assert any(_same(tensor, other) for other in held)


def _rows(case: Case, files: Files) -> list[Tensor]:
    """Rows of the language-model head, the embedding where they are tied to it."""
    answers = case.declared.get("judge_tokens", ())
    rows = [files.id_of(answer) for answer in answers] or [0]
    rows = rows[::-1] if "aggregate" in case.declared else rows
    weight = files.tensors.get("lm_head.weight", files.tensors[f"{files.prefix}embed_tokens.weight"])
    return [tensor[rows] for tensor in (weight, files.tensors.get("lm_head.bias")) if tensor is not None]


def _same(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
