"""PEFT adapters for the tests: the variants of them, their files rewritten, and what PEFT itself makes of them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification

from tests.models.trained import IDS, Written

Adapted = Callable[..., Written]
Tensors = dict[str, torch.Tensor]
Spoil = Callable[[Tensors], Tensors]
#: What is left of a difference where nothing but the order of sums differs.
EXACT = 1e-6

#: Family of the base, and what LoraConfig is told beside task_type SEQ_CLS.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "lora": ("llama", {}),
    "rslora": ("llama", {"use_rslora": True}),
    "dora": ("llama", {"use_dora": True}),
    "dora_conv1d": ("gpt2", {"target_modules": ["c_attn", "c_proj"], "use_dora": True}),
    "dora_embedding": ("llama", {"target_modules": ["embed_tokens"], "use_dora": True}),
    "patterns": (
        "llama",
        {
            "rank_pattern": {"model.layers.0.self_attn.q_proj": 2},
            "alpha_pattern": {"layers.1.self_attn.v_proj": 32},
        },
    ),
    "regex": ("llama", {"target_modules": r"model\.layers\.[01]\.self_attn\.(q|k)_proj"}),
    "some_layers": ("llama", {"target_modules": ["q_proj"], "layers_to_transform": [1, 2], "layers_pattern": "layers"}),
    "without": ("llama", {"exclude_modules": ["layers.0.self_attn.v_proj"]}),
    "modules_to_save": ("llama", {"modules_to_save": ["embed_tokens", "norm"]}),
    "embedding": ("llama", {"target_modules": ["q_proj", "embed_tokens"]}),
    "rows": ("llama", {"trainable_token_indices": [10, 20]}),
    "bias_all": ("gpt2", {"target_modules": ["c_attn"], "bias": "all"}),
    "bias_lora_only": ("gpt2", {"target_modules": ["c_attn"], "bias": "lora_only"}),
    "lora_bias": ("gpt2", {"target_modules": ["c_attn"], "lora_bias": True}),
    "square_conv1d": ("gpt2", {"target_modules": [r"attn.c_proj"]}),
    "bloom": ("bloom", {"target_modules": "all-linear"}),
    "opt": ("opt", {"target_modules": ["q_proj", "fc1"]}),
    "gemma2": ("gemma2", {"target_modules": ["q_proj", "embed_tokens"]}),
    "mixtral": ("mixtral", {}),
}


def peft_model(folder: Path, base: Path, seed: int, made_from: Any = AutoModelForSequenceClassification) -> Any:
    """The adapter on its base as PEFT itself loads it; seed: of the numbers that transformers makes up."""
    from peft import PeftModel

    torch.manual_seed(seed)
    more = {"num_labels": 1} if made_from is AutoModelForSequenceClassification else {}
    model = made_from.from_pretrained(base, dtype=torch.float32, **more)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return PeftModel.from_pretrained(model, folder).eval()


def scores_of(model: Any) -> NDArray[np.float64]:
    with torch.inference_mode():
        return np.array([model(input_ids=torch.tensor([ids])).logits[0, 0].item() for ids in IDS])


def rewrite(folder: Path, tensors: Tensors) -> None:
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})


def tensors_of(folder: Path) -> Tensors:
    return load_file(folder / "adapter_model.safetensors")


def reconfigure(folder: Path, **entries: Any) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **entries}))


def without(*words: str) -> Spoil:
    return lambda tensors: {key: value for key, value in tensors.items() if not any(word in key for word in words)}


def renamed(old: str, new: str) -> Spoil:
    return lambda tensors: {key.replace(old, new): value for key, value in tensors.items()}


def changed(word: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Spoil:
    return lambda tensors: {key: change(value) if word in key else value for key, value in tensors.items()}
