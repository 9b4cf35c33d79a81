"""Self-tests of a loaded backbone."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from rmaudit.errors import UnsupportedModelError


def check_causal(backbone: PreTrainedModel, where: str) -> None:
    """Raise UnsupportedModelError if a token sees those after it.

    The readout at the last token, padding on the right and the sharing of prefixes all rest on this.
    """
    ids = torch.arange(8).repeat(2, 1)
    ids[1, 4:] = ids[1, 4:].flip(0)  # the two rows differ in their second half only
    ids = ids.to(backbone.device)
    with torch.inference_mode():
        output = backbone(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    one, other = output.last_hidden_state[:, :4].float()
    # Bidirectional attention moves these by about their own size; rounding, by far less.
    if (one - other).abs().max() > 0.05 * one.abs().max():
        raise UnsupportedModelError(
            f"{where}: in this {backbone.config.model_type} a token sees those after it, so it is not a decoder. "
            "Audit it as a black box (any callable that scores conversations)"
        )
