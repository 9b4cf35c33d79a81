"""The README's table of what loads and what is refused is the registry's."""

from __future__ import annotations

from pathlib import Path

import pytest

from rmaudit import errors
from rmaudit.models import FAMILIES, load_reward_model
from rmaudit.models.catalogue import table
from rmaudit.models.refusals import REFUSED
from tests.models.spoiling import reconfigure, rewrite, tensors_of
from tests.tiny import save_tiny_reward_model

BEGIN, END = "<!-- what loads: python -m rmaudit.models.catalogue -->\n", "\n<!-- what loads ends -->"


def test_the_readmes_table_is_the_registrys() -> None:
    """Mend it with: python -m rmaudit.models.catalogue"""
    readme = Path("README.md").read_text(encoding="utf-8")
    assert readme.partition(BEGIN)[2].partition(END)[0] == table()


def test_every_family_and_refusal_has_its_line() -> None:
    lines = table().splitlines()
    assert all(any(line.startswith(f"| `{family.name}` |") for line in lines) for family in FAMILIES)
    assert all(any(line.startswith(f"| {refusal.title} |") for line in lines) for refusal in REFUSED)
    assert len(lines) == len(FAMILIES) + len(REFUSED) + 5
    assert len({line.count(" | ") for line in lines[: len(FAMILIES) + 2]}) == 1
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def test_known_and_not_supported(tmp_path: Path) -> None:
    """Rows that are refused with the reason and the way out."""
    (tmp_path / "nemo").mkdir()
    (tmp_path / "nemo" / "model.nemo").write_bytes(b"x")
    with pytest.raises(errors.UnsupportedModelError, match="a NeMo checkpoint.*black box"):
        load_reward_model(tmp_path / "nemo")
    folder = save_tiny_reward_model(tmp_path / "gpm", head="none")
    tensors = tensors_of(folder)
    preference = {
        "value_head.weight": tensors["lm_head.weight"][:8].clone(),
        "prompt_head.weight": tensors["lm_head.weight"][:4].clone(),
    }
    with pytest.raises(errors.UnknownRewardHeadError, match="GPM.*two answers.*black box"):
        load_reward_model(rewrite(folder, {**tensors, **preference}))
    (folder / "decision_tree.pkl").write_bytes(b"never read")
    rewrite(folder, {**tensors, "attributes.weight": tensors["lm_head.weight"][:8].clone()})
    with pytest.raises(errors.UnknownRewardHeadError, match="decision tree.*compare two answers"):
        load_reward_model(folder)


def test_a_name_that_speaks_against_the_keys(tmp_path: Path) -> None:
    """Their keys are those of families that load, and their scores mean something else."""
    steps = save_tiny_reward_model(tmp_path / "Skywork-o1-Open-PRM-7B", head="trl")
    with pytest.raises(
        errors.UnknownRewardHeadError, match="Skywork-o1-Open-PRM: its steps are tokenised.*family of your own"
    ):
        load_reward_model(steps)
    compared = save_tiny_reward_model(tmp_path / "POLAR-7B")
    tensors = {key.replace("score.", "v_head."): tensor for key, tensor in tensors_of(compared).items()}
    with pytest.raises(errors.UnknownRewardHeadError, match="POLAR: it compares an answer with a reference answer"):
        load_reward_model(reconfigure(rewrite(compared, tensors), reward_token_id=7))
