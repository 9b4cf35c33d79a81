"""An adapter left as layers of its own, by PEFT itself: what the merge is checked against."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel

from rmaudit.errors import UnsupportedModelError
from rmaudit.models.adapters.adapter import Adapter
from rmaudit.models.adapters.lowrank import LowRank
from rmaudit.models.listing import some

_NAME = "default"


def add_layers(backbone: PreTrainedModel, adapter: Adapter, layers: Mapping[str, LowRank]) -> None:
    """Put PEFT's layers into the backbone, in place. layers: backbone module -> its change.

    Raises UnsupportedModelError where PEFT is not installed, or has no layer for one of the modules.
    """
    if not layers:
        return
    peft = _imported(adapter)
    modules = dict(backbone.named_modules())
    fused = sorted(layers.keys() - modules.keys())
    if fused:
        raise UnsupportedModelError(
            f"{adapter.folder}: {some(fused)} are parts of one module in this transformers, so they cannot be changed "
            "alone; load the adapter merged (adapter='merged')"
        )
    settings = adapter.settings
    first = next(iter(layers.values()))
    config = peft.LoraConfig(
        r=first.rank,
        lora_alpha=first.alpha,
        target_modules=sorted(layers),
        rank_pattern={f"^{re.escape(name)}": layer.rank for name, layer in layers.items()},
        alpha_pattern={f"^{re.escape(name)}": layer.alpha for name, layer in layers.items()},
        use_rslora=settings.use_rslora,
        use_dora=settings.use_dora,
        lora_bias=settings.lora_bias,
        fan_in_fan_out=any(layer.turned and not layer.embedding for layer in layers.values()),
        inference_mode=True,
    )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Model with `tie_word_embeddings=True`")  # a backbone has no other end
            warnings.filterwarnings("ignore", "fan_in_fan_out is set to")  # of the modules that are not Conv1D
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            peft.inject_adapter_in_model(config, backbone, adapter_name=_NAME)
    except (ValueError, TypeError, AttributeError) as error:
        raise UnsupportedModelError(
            f"{adapter.folder}: PEFT cannot put its layers into this backbone ({error!s:.200}); load the adapter "
            "merged (adapter='merged')"
        ) from error
    _fill(backbone, adapter, layers)
    backbone.requires_grad_(False)
    backbone.eval()


def _fill(backbone: PreTrainedModel, adapter: Adapter, layers: Mapping[str, LowRank]) -> None:
    """Give every layer its numbers; nothing of the adapter, and nothing of PEFT's random start, may be left over."""
    weights: dict[str, Tensor] = {}
    for name, layer in layers.items():
        for role, info in layer.parts.items():
            weights[f"{name}.{_held_as(role, layer.embedding)}"] = adapter.read(info)
    held = {key for key in backbone.state_dict() if f".{_NAME}" in key}
    if held != weights.keys():
        raise UnsupportedModelError(
            f"{adapter.folder}: PEFT's layers hold other tensors than the adapter "
            f"({some(sorted(held ^ weights.keys()))}); please report this with your PEFT version, and load the adapter "
            "merged (adapter='merged')"
        )
    backbone.load_state_dict(weights, strict=False)


def _held_as(role: str, embedding: bool) -> str:
    if role == "bias":
        return f"lora_B.{_NAME}.bias"
    if role == "magnitude":
        return f"lora_magnitude_vector.{_NAME}.weight"
    return f"lora_embedding_{role}.{_NAME}" if embedding else f"lora_{role}.{_NAME}.weight"


def _imported(adapter: Adapter) -> Any:
    try:
        import peft
    except ImportError as error:
        raise UnsupportedModelError(
            f"{adapter.folder}: adapter='live' needs PEFT, which is not installed (pip install 'rmaudit[peft]'); the "
            "default, adapter='merged', does not"
        ) from error
    return peft
