"""A backbone whose tokens see those after them is refused, however weak its attention."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.models.llama import modeling_llama

from rmaudit.errors import UnsupportedModelError
from rmaudit.models import load_reward_model
from tests.models.conftest import Saved
from tests.tiny import CONFIGS, save_tiny_reward_model

SEES_AHEAD = "a token sees those after it"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("std", [0.2, 0.02, 0.005])
@pytest.mark.parametrize(
    ("family", "config"), [("llama", {"is_causal": False}), ("gemma3_text", {"use_bidirectional_attention": True})]
)
def test_a_model_that_says_so(tmp_path: Path, family: str, config: dict[str, Any], std: float, dtype: str) -> None:
    folder = save_tiny_reward_model(tmp_path, family, std=std, config=config)
    with pytest.raises(UnsupportedModelError, match=SEES_AHEAD):
        load_reward_model(folder, dtype=dtype)


@pytest.mark.parametrize("std", [0.2, 0.02, 0.005])
def test_a_model_that_only_does_so(saved: Saved, monkeypatch: pytest.MonkeyPatch, std: float) -> None:
    """As code does that a checkpoint ships: the settings are those of a decoder, the mask is not."""
    assert load_reward_model(saved("llama", std=std)).load_report.model_type == "llama"
    monkeypatch.setattr(modeling_llama, "create_causal_mask", lambda **options: torch.zeros(2, 1, 8, 8))
    with pytest.raises(UnsupportedModelError, match=SEES_AHEAD):
        load_reward_model(saved("llama", std=std))


@pytest.mark.parametrize("family", CONFIGS)
def test_decoders_pass_in_half_precision_too(saved: Saved, family: str) -> None:
    assert load_reward_model(saved(family), dtype="bfloat16").load_report.model_type == family
