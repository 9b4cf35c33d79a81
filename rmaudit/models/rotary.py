"""What changes with the longest text of a forward pass: rotary frequencies (dynamic, longrope), selected keys."""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import PreTrainedConfig


def rope_limit(config: PreTrainedConfig) -> int | None:
    """Tokens up to which batch mates change nothing; None where they never do.

    Up to there frequencies are those of a short text, and layers that attend to the best few keys attend to all. Beyond,
    which keys are best hangs on rounding and ties, and these on the shape of the batch.
    """
    text: Any = config.get_text_config()
    parameters = getattr(text, "rope_parameters", None) or {}
    limits = [
        int(rope.get("original_max_position_embeddings") or text.max_position_embeddings)
        # One set of parameters for all layers, or one for each kind of layer.
        for rope in (parameters, *parameters.values())
        if isinstance(rope, dict) and ("dynamic" in (kind := str(rope.get("rope_type"))) or kind == "longrope")
    ]
    selected = (getattr(text, name, None) for name in ("index_topk", "indexer_budget"))
    limits += [int(keys) for keys in selected if keys]
    return min(limits, default=None)


def forget_longer_texts(backbone: nn.Module) -> None:
    """Set dynamic frequencies back to those of a short text.

    transformers keeps the frequencies of the longest text so far until a short one comes: a text would be scored
    differently after a longer one than in a fresh process.
    """
    for module in backbone.modules():
        held = [name for name in vars(module) | module._buffers if name.endswith("max_seq_len_cached")]
        for name in held:
            kind = name.removesuffix("max_seq_len_cached")  # empty, or the kind of layer
            original = getattr(module, f"{kind}original_inv_freq", None)
            if original is None or getattr(module, name) <= module.original_max_seq_len:
                continue
            module.register_buffer(f"{kind}inv_freq", original.to(backbone.device), persistent=False)
            setattr(module, name, module.original_max_seq_len)
