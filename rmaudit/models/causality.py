"""Whether a loaded backbone is a decoder: no token sees those after it."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError
from rmaudit.models.placement import input_device


def check_causal(backbone: PreTrainedModel, where: str) -> None:
    """Raise UnsupportedModelError if a token sees those after it, by the configuration's word or by a trial.

    The readout at the last token, padding on the right and the sharing of prefixes all rest on this.
    """
    text = backbone.config.get_text_config()
    if getattr(text, "is_causal", None) is False or getattr(text, "use_bidirectional_attention", None) in (True, "all"):
        raise _no_decoder(backbone, where)
    ids = torch.arange(8).repeat(2, 1)
    ids[1, 4:] = ids[1, 4:].flip(0)  # the two rows differ in their second half only
    ids = ids.to(input_device(backbone))
    with torch.inference_mode():
        output = backbone(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    if getattr(output, "last_hidden_state", None) is None:
        raise UnsupportedModelError(
            f"{where}: {type(backbone).__name__} gives no hidden states to read a score from; perhaps its text model alone "
            "loads. Audit it as a black box (any callable that scores conversations)"
        )
    one, other = output.last_hidden_state[:, :4].float()
    if not bool(torch.isfinite(one).all()):
        raise BrokenCheckpointError(
            f"{where}: the backbone gives numbers that are not finite; look for infinite settings in config.json, NaN in the "
            "weights, or a dtype that overflows (float16)"
        )
    # Equal to the last bit in all families tried. Rounding is allowed for, since experts may get other neighbours.
    tolerance = max(1e-5, 4 * torch.finfo(backbone.dtype).eps)
    if (one - other).abs().max() > tolerance * one.abs().max():
        raise _no_decoder(backbone, where)


def _no_decoder(backbone: PreTrainedModel, where: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"{where}: in this {backbone.config.model_type} a token sees those after it, so it is not a decoder. "
        "Audit it as a black box (any callable that scores conversations)"
    )
