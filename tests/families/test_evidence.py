"""Where keys are shared, what decides between families; and what is in nobody's head."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rmaudit import errors
from rmaudit.models import load_reward_model
from tests.models.spoiling import CONVERSATIONS, reconfigure, rewrite, tensors_of
from tests.tiny import save_tiny_reward_model


def test_only_the_checkpoints_own_name_counts(tmp_path: Path) -> None:
    """Not that of a folder above it; in the hub's cache it is the repository's."""
    above = tmp_path / "llama_nemotron_reward_experiments"
    with pytest.raises(errors.MissingRewardHeadError):
        load_reward_model(save_tiny_reward_model(above / "Llama-3-8B-base", head="none"))
    cached = tmp_path / "models--nvidia--Llama-3.1-Nemotron-70B-Reward-HF" / "snapshots" / "0f1e2d"
    assert load_reward_model(save_tiny_reward_model(cached, head="none")).load_report.family == "nemotron"


def test_a_prefix_that_its_own_class_does_not_write(tmp_path: Path) -> None:
    """Starling's code writes `transformer.` for a Llama, trlX's for a GPT-J, and they read different tokens."""
    folder = save_tiny_reward_model(tmp_path / "my-rm", "llama")
    renamed = {key.replace("model.", "transformer."): tensor for key, tensor in tensors_of(folder).items()}
    renamed["v_head.weight"] = renamed.pop("score.weight")
    with pytest.raises(errors.UnknownRewardHeadError, match="several families have such a head"):
        load_reward_model(rewrite(folder, renamed))
    native = save_tiny_reward_model(tmp_path / "gptj", "gptj")
    tensors = tensors_of(native)
    tensors["v_head.weight"] = tensors.pop("score.weight")
    assert load_reward_model(rewrite(native, tensors)).load_report.family == "trlx"


@pytest.mark.parametrize(
    "key",
    [
        "score.lm_head.weight",
        "score.attn.bias",
        "pooler.attention.bias",
        "score.rotary_emb.inv_freq",
        "score.position_ids",
    ],
)
def test_a_key_beside_the_head_is_never_dropped(key: str, folder: Path) -> None:
    rewrite(folder, {**tensors_of(folder), key: torch.ones(1, 32)})
    with pytest.raises(errors.UnknownRewardHeadError, match=key.replace(".", r"\.")):
        load_reward_model(folder)


def test_two_language_model_heads(tmp_path: Path) -> None:
    folder = save_tiny_reward_model(tmp_path, head="none")
    tensors = tensors_of(folder)
    rewrite(folder, {**tensors, "language_model.lm_head.weight": tensors["lm_head.weight"] + 1})
    with pytest.raises(errors.BrokenCheckpointError, match="two language-model heads"):
        load_reward_model(folder, judge_tokens=("o", "x"))
    rewrite(folder, {**tensors, "lm_head.zlinear.weight": tensors["lm_head.weight"] + 1})
    with pytest.raises(errors.RmauditError, match=r"lm_head\.zlinear\.weight"):
        load_reward_model(folder, judge_tokens=("o", "x"))


def test_settings_that_are_not_known(tmp_path: Path, folder: Path) -> None:
    tensors = {key.replace("score.", "score_head."): tensor for key, tensor in tensors_of(folder).items()}
    reconfigure(rewrite(folder, tensors), do_normalize="false")
    with pytest.raises(errors.BrokenCheckpointError, match="do_normalize is 'false'; expected true or false"):
        load_reward_model(folder)
    reconfigure(folder, do_normalize=True)
    assert any("names no mean and var" in note for note in load_reward_model(folder).load_report.notes)
    other = save_tiny_reward_model(tmp_path / "oasst", head="token")
    named = {key.replace("score.", "out_proj."): tensor for key, tensor in tensors_of(other).items()}
    reconfigure(rewrite(other, named), pooling="max")
    with pytest.raises(errors.BrokenCheckpointError, match="pooling is 'max'; expected last or mean"):
        load_reward_model(other)


def test_an_unflagged_checkpoint_of_openrlhf_by_its_name(folder: Path) -> None:
    """Its text is closed with EOS, and read there."""
    rm = load_reward_model(folder, family="openrlhf")
    assert (rm.load_report.family, rm.load_report.position) == ("openrlhf", "last token")
    assert rm.formatter.shaping.end_of_text == "</s>"


def test_the_logits_that_are_read_are_named(tmp_path: Path) -> None:
    rm = load_reward_model(save_tiny_reward_model(tmp_path, head="none"), judge_tokens=("o", "x"))
    good, bad = (rm.tokenizer.convert_tokens_to_ids(text) for text in "ox")
    assert any(f"'o' (id {good}) and 'x' (id {bad})" in note for note in rm.load_report.notes)
    assert rm.score(CONVERSATIONS).shape == (2,)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny_reward_model(tmp_path / "model")
