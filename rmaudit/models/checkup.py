"""Self-tests of a loaded backbone."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from rmaudit.errors import UnsupportedModelError


def check_causal(backbone: PreTrainedModel, where: str) -> None:
    """Raise UnsupportedModelError if a token sees those after it, by the configuration's word or by a trial.

    The readout at the last token, padding on the right and the sharing of prefixes all rest on this.
    """
    text = backbone.config.get_text_config()
    if getattr(text, "is_causal", None) is False or getattr(text, "use_bidirectional_attention", None) in (True, "all"):
        raise _no_decoder(backbone, where)
    ids = torch.arange(8).repeat(2, 1)
    ids[1, 4:] = ids[1, 4:].flip(0)  # the two rows differ in their second half only
    ids = ids.to(backbone.device)
    with torch.inference_mode():
        output = backbone(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    one, other = output.last_hidden_state[:, :4].float()
    # Equal to the last bit in all families tried. Rounding is allowed for, since experts may get other neighbours.
    tolerance = max(1e-5, 4 * torch.finfo(backbone.dtype).eps)
    if (one - other).abs().max() > tolerance * one.abs().max():
        raise _no_decoder(backbone, where)


def _no_decoder(backbone: PreTrainedModel, where: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"{where}: in this {backbone.config.model_type} a token sees those after it, so it is not a decoder. "
        "Audit it as a black box (any callable that scores conversations)"
    )
