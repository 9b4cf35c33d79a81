"""An adapter is whole, and all of it is understood, or it is refused: nothing of it is dropped without a word."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rmaudit import errors
from rmaudit.models import load_reward_model
from tests.models.adapting import (
    VARIANTS,
    Adapted,
    Spoil,
    changed,
    peft_model,
    reconfigure,
    renamed,
    rewrite,
    scores_of,
    tensors_of,
    without,
)
from tests.models.conftest import Saved

HALF = "half an adapter"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (without("layers.1.self_attn.q_proj.lora_B"), f"is changed by A, where .*asks for A, B; {HALF}"),
        (without("layers.1.self_attn.q_proj"), rf"{HALF}: model.layers.1.self_attn.q_proj are named by target_modules"),
        (without("lora"), f"{HALF}: .* and have no lora_A and lora_B"),
        (renamed("layers.1.", "layers.9."), "layers.9.self_attn.q_proj.lora_A.weight has no place in the base model"),
        (renamed("q_proj.lora_A", "q_proj.lora_E"), "q_proj.lora_E.weight has no place"),
        (renamed("q_proj.lora_A.weight", "q_proj.lora_A.other.weight"), "has no place"),
        (changed("lora_A", lambda value: value[:2]), r"has shape \[2, 32\], where rank 4 .* ask for \[4, 32\]"),
        (changed("q_proj.lora_B", lambda value: value[:8]), r"has shape \[8, 4\], where rank 4"),
        (changed("lora_A", lambda value: value[:0]), "hold no number, as when an adapter is saved from a model"),
        (
            changed("2.self_attn.v_proj.lora_B", lambda value: value / 0),
            "holds NaN or infinity; the adapter is unusable",
        ),
        (changed("score", lambda value: value * torch.nan), "holds NaN or infinity"),
        (changed("lora_A", lambda value: value.int()), "lora_A.weight is I32.*; expected floating point"),
        (lambda tensors: {}, "no tensor in the adapter"),
        (
            lambda tensors: {
                **tensors,
                "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector.weight": torch.ones(32),
            },
            "is changed by A, B, magnitude, where adapter_config.json asks for A, B;",
        ),
        (
            lambda tensors: {**tensors, "base_model.model.model.layers.0.self_attn.q_proj.bias": torch.ones(32)},
            "q_proj.bias has no place in the base model",
        ),
        (
            lambda tensors: {**tensors, "module.base_model.model.score.weight": torch.ones(1, 32)},
            "are the same tensor once the wrapper's prefix",
        ),
    ],
)
def test_nothing_is_dropped_and_nothing_left_as_it_was(spoil: Spoil, reason: str, adapter: Path) -> None:
    rewrite(adapter, spoil({key: value.clone() for key, value in tensors_of(adapter).items()}))
    with pytest.raises(errors.BrokenCheckpointError, match=reason):
        load_reward_model(adapter)


def test_peft_itself_says_nothing_of_a_tensor_without_a_place(adapter: Path, adapted: Adapted, saved: Saved) -> None:
    """What the test above is about: PEFT drops it without a warning, and the scores are others."""
    rewrite(adapter, renamed("layers.1.", "layers.9.")(tensors_of(adapter)))
    with pytest.warns(UserWarning, match="missing adapter keys"):  # of the layers that it finds nothing for
        scores = scores_of(peft_model(adapter, saved(head="none"), 0))
    assert np.abs(scores - adapted().scores).max() > 0.01


@pytest.mark.parametrize(
    ("variant", "word", "reason"),
    [
        ("modules_to_save", "model.norm.weight", "model.norm.weight are named by modules_to_save and missing"),
        ("modules_to_save", "embed_tokens", "embed_tokens.weight are named by modules_to_save and missing"),
        ("bias_all", "h.1.ln_1.bias", r"h.1.ln_1.bias were trained \(bias: all\) and are missing"),
        ("bias_lora_only", "h.1.attn.c_attn.base_layer.bias", r"were trained \(bias: lora_only\) and are missing"),
        ("dora", "layers.1.self_attn.q_proj.lora_mag", "asks for A, B, magnitude"),
        ("lora_bias", "h.1.attn.c_attn.lora_B.bias", "asks for A, B, bias"),
        ("rows", "token_adapter", "the embedding should have rows"),
        ("some_layers", "layers.2.self_attn.q_proj", "model.layers.2.self_attn.q_proj are named by target_modules"),
        ("regex", "layers.1.self_attn.k_proj", "model.layers.1.self_attn.k_proj are named by target_modules"),
        ("mixtral", "layers.1.self_attn.v_proj", "model.layers.1.self_attn.v_proj are named by target_modules"),
    ],
)
def test_half_an_adapter(variant: str, word: str, reason: str, adapted: Adapted, tmp_path: Path) -> None:
    family, options = VARIANTS[variant]
    folder = Path(shutil.copytree(adapted("seq_cls", family, **options).folder, tmp_path / "adapter"))
    rewrite(folder, without(word)(tensors_of(folder)))
    with pytest.raises(errors.BrokenCheckpointError, match=reason):
        load_reward_model(folder)


def test_a_lost_head_is_not_replaced_by_the_bases(adapter: Path, saved: Saved) -> None:
    rewrite(adapter, without("score")(tensors_of(adapter)))
    with pytest.raises(errors.BrokenCheckpointError, match=r"score.weight are named by modules_to_save and missing"):
        load_reward_model(adapter, base=saved())


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"peft_type": "IA3"}, "peft_type is 'IA3'; LoRA, rsLoRA and DoRA"),
        ({"peft_type": None}, "peft_type is None"),
        ({"init_lora_weights": "pissa_niter_4"}, "changes the base model before training"),
        ({"init_lora_weights": "olora"}, "changes the base model before training"),
        ({"layer_replication": [[0, 2], [1, 3]]}, "layer_replication = .* is not understood"),
        ({"target_parameters": ["experts.down_proj"]}, "target_parameters = .* is not understood"),
        ({"a_method_of_the_future": {"rank": 2}}, "a_method_of_the_future = .* is not understood"),
    ],
)
def test_methods_that_are_not_merged(entries: dict[str, Any], reason: str, adapter: Path) -> None:
    reconfigure(adapter, **entries)
    with pytest.raises(errors.UnsupportedModelError, match=f"{reason}.*merge_and_unload") as caught:
        load_reward_model(adapter)
    assert "save the merged reward model" in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"r": 0}, "r is 0; expected a whole number, at least 1"),
        ({"r": None}, "r is None"),
        ({"lora_alpha": "8"}, "lora_alpha is '8'; expected a number"),
        ({"use_dora": "yes"}, "use_dora is 'yes'; expected true or false"),
        ({"bias": "some"}, "bias is 'some'; expected none, all or lora_only"),
        ({"target_modules": ["("]}, "target_modules is .*; expected names of modules"),
        ({"target_modules": [5]}, "target_modules is .*; expected names of modules"),
        ({"rank_pattern": {"(": 2}}, "rank_pattern is .*; expected an object"),
        ({"alpha_pattern": {"q_proj": "2"}}, "alpha_pattern is .*; expected an object"),
        ({"layers_to_transform": [-1]}, "layers_to_transform is .*; expected indices of layers"),
        ({"trainable_token_indices": [1, 1]}, "trainable_token_indices is .*; expected token ids"),
        ({"trainable_token_indices": [1]}, "the embedding should have rows"),
        ({"base_model_name_or_path": "a\nb"}, "base_model_name_or_path is .*; expected a name"),
        ({"r": 2}, "where rank 2 and the base model's weight"),
        ({"use_dora": True}, "asks for A, B, magnitude"),
        ({"lora_bias": True}, "asks for A, B, bias"),
    ],
)
def test_settings_that_make_no_sense(entries: dict[str, Any], reason: str, adapter: Path) -> None:
    reconfigure(adapter, **entries)
    with pytest.raises(errors.BrokenCheckpointError, match=reason):
        load_reward_model(adapter)


def test_an_enlarged_vocabulary_is_refused(adapter: Path) -> None:
    rewrite(adapter, {**tensors_of(adapter), "base_model.model.model.embed_tokens.weight": torch.zeros(283, 32)})
    with pytest.raises(
        errors.UnsupportedModelError, match=r"shape \[283, 32\], and \[279, 32\] in the base model, as when"
    ):
        load_reward_model(adapter)
