"""Merged key by key, an adapter gives the weights of PEFT's own merge; left as layers, the same scores."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification
from transformers.core_model_loading import revert_weight_conversion

from rmaudit import errors
from rmaudit.models import load_reward_model
from tests.models.adapting import (
    VARIANTS,
    Adapted,
    peft_model,
    reconfigure,
    rewrite,
    tensors_of,
    without,
)
from tests.models.conftest import Quantise, Saved
from tests.models.trained import IDS, save_adapter

#: Those that differ in the layers that PEFT makes.
LIVE = [
    name
    for name in VARIANTS
    if name not in {"regex", "some_layers", "without", "bias_lora_only", "bloom", "opt", "rslora", "bias_all"}
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_merged_weight_is_pefts_bit_for_bit(variant: str, adapted: Adapted, saved: Saved) -> None:
    family, options = VARIANTS[variant]
    written = adapted("seq_cls", family, **options)
    rm = load_reward_model(written.folder)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Model with `tie_word_embeddings=True`")
        merged = peft_model(written.folder, saved(family, head="none"), 0).merge_and_unload(safe_merge=True)
    plain = AutoModelForSequenceClassification.from_pretrained(saved(family, head="none"), num_labels=1)
    theirs = merged.base_model.state_dict()
    ours = rm.backbone.state_dict()
    assert ours.keys() == theirs.keys()
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    assert [key for key, was in plain.base_model.state_dict().items() if not torch.equal(ours[key], was)] != []
    assert torch.equal(rm.head.held()["weight"], merged.score.weight)
    assert rm.score_ids(IDS) == pytest.approx(written.scores, abs=1e-5)


@pytest.mark.parametrize("variant", LIVE)
def test_live_layers_give_the_merged_scores(variant: str, adapted: Adapted) -> None:
    family, options = VARIANTS[variant]
    written = adapted("seq_cls", family, **options)
    live, merged = (load_reward_model(written.folder, adapter=mode) for mode in ("live", "merged"))
    assert any("lora" in name for name, _ in live.backbone.named_modules())
    assert live.score_ids(IDS) == pytest.approx(merged.score_ids(IDS), abs=1e-5)
    assert live.score_ids(IDS) == pytest.approx(written.scores, abs=2e-6)
    assert not any(parameter.requires_grad for parameter in live.backbone.parameters())
    for one, other in zip(live.layer_states(IDS[0]), merged.layer_states(IDS[0]), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_an_adapter_on_a_quantised_base(adapted: Adapted, quantise: Quantise) -> None:
    """The base is decoded first: what PEFT computes with is what is merged."""
    folder = adapted().folder
    base = quantise("int8").folder
    merged, live, plain = (
        load_reward_model(folder, **options) for options in ({"base": base}, {"base": base, "adapter": "live"}, {})
    )
    assert merged.score_ids(IDS) == pytest.approx(live.score_ids(IDS), abs=1e-5)
    assert np.abs(merged.score_ids(IDS) - plain.score_ids(IDS)).max() > 1e-4


def test_the_adapters_head_takes_the_place_of_a_quantised_one(adapted: Adapted, quantise: Quantise) -> None:
    base = quantise("int8", head=True).folder
    assert load_reward_model(base).load_report.head_quantised
    rm = load_reward_model(adapted().folder, base=base)
    assert not rm.load_report.head_quantised
    assert torch.equal(rm.head.held()["weight"], tensors_of(adapted().folder)["base_model.model.score.weight"])


def test_a_judge_whose_tied_embedding_is_changed(adapted: Adapted, saved: Saved, tmp_path: Path) -> None:
    """PEFT's live layers leave the language-model head as it was, its merge changes it: the score would be either."""
    base, judge = Path(shutil.copytree(saved("gemma2", head="none"), tmp_path / "base")), {"judge_tokens": ["a", "b"]}
    tensors = load_file(base / "model.safetensors")
    save_file({key: tensors[key] for key in tensors if "lm_head" not in key}, base / "model.safetensors")
    attention, embedding = (
        save_adapter(tmp_path / name, base, "causal_lm", target_modules=[name]).folder
        for name in ("q_proj", "embed_tokens")
    )
    load_reward_model(attention, **judge)
    with pytest.raises(errors.MissingRewardHeadError, match="no language-model head"):
        load_reward_model(embedding, **judge)


def test_single_experts_are_merged_before_they_are_fused(adapted: Adapted, saved: Saved, tmp_path: Path) -> None:
    """As transformers 4 trained them; in transformers 5 all experts of a layer are one parameter."""
    folder = Path(shutil.copytree(adapted("seq_cls", "qwen3_moe").folder, tmp_path / "adapter"))
    reconfigure(folder, target_modules=["q_proj", "v_proj", "gate_proj"])
    load_reward_model(folder)  # trained in transformers 5, the experts were no modules that could be meant
    before = load_file(saved("qwen3_moe", head="none") / "model.safetensors")
    experts = [key.removesuffix(".weight") for key in before if "experts" in key and "gate_proj" in key]
    tensors = tensors_of(folder)
    for name in experts:
        out, into = before[f"{name}.weight"].shape
        tensors[f"base_model.model.{name}.lora_A.weight"] = torch.randn(4, into)
        tensors[f"base_model.model.{name}.lora_B.weight"] = torch.randn(out, 4)
    rewrite(folder, tensors)
    backbone = load_reward_model(folder).backbone
    after = revert_weight_conversion(backbone, backbone.state_dict())
    for name in experts:
        a, b = (tensors[f"base_model.model.{name}.lora_{part}.weight"] for part in "AB")
        assert torch.equal(after[f"{name.removeprefix('model.')}.weight"], before[f"{name}.weight"] + 2 * (b @ a))
    with pytest.raises(errors.UnsupportedModelError, match="are parts of one module in this transformers"):
        load_reward_model(folder, adapter="live")
    rewrite(folder, without(f"{experts[-1]}.lora")(tensors))
    with pytest.raises(errors.BrokenCheckpointError, match=f"{experts[-1]} are named by target_modules"):
        load_reward_model(folder)


def test_a_base_whose_keys_have_no_prefix(adapted: Adapted, saved: Saved, tmp_path: Path) -> None:
    """As GPT-2 is published."""
    written, base = adapted("seq_cls", "gpt2", target_modules=["attn.c_proj"]), tmp_path / "base"
    shutil.copytree(saved("gpt2", head="none"), base)
    tensors = load_file(base / "model.safetensors")
    save_file({key.removeprefix("transformer."): value for key, value in tensors.items()}, base / "model.safetensors")
    rm = load_reward_model(written.folder, base=base)
    assert rm.score_ids(IDS) == pytest.approx(written.scores, abs=1e-5)
