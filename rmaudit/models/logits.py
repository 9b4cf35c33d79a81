"""What an architecture does to its logits after the language-model head: scales and caps, by its configuration's class.

Only what the class itself declares counts: a stray entry of config.json that the model's code does not read has no say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from transformers import PreTrainedConfig

from rmaudit.errors import UnsupportedModelError

_MULTIPLIES = ("logit_scale", "lm_head_multiplier")
_DIVIDES = ("logits_scaling", "logits_mup_width_multiplier")
_CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")
#: Names that mean something else here: MPT never applies its scale, nor Gemma 3 with images its cap, and HyperCLOVA X
#: multiplies where Granite divides.
_IGNORED = {"mpt": {"logit_scale"}, "gemma3": {"final_logit_softcapping"}}
_MULTIPLIED = {"hyperclovax": {"logits_scaling"}}
#: Entries that look as if logits were changed; one that is not known above may change them in a way that is not.
_SUSPECT = re.compile(
    r"^(?!attn|attention|moe|router).*((logit|lm_head|unembed).*(scal|cap|mult|temp)|mup.*(mult|scal)|(scal|mult).*(logit|lm_head))"
)


@dataclass(frozen=True)
class Logits:
    """logits = cap · tanh(scale · (U h + b) / cap), or without the cap where there is none."""

    scale: float = 1.0
    cap: float | None = None


def logits_of(config: PreTrainedConfig) -> Logits:
    """What this architecture does. Raises UnsupportedModelError for an entry whose meaning is not known."""
    text = config.get_text_config()
    kind = str(text.model_type)
    declared = {name for name in dir(type(text)) if _SUSPECT.search(name)}
    declared -= _IGNORED.get(config.model_type, set())
    unknown = {name for name in declared - {*_MULTIPLIES, *_DIVIDES, *_CAPS} if getattr(text, name, None) is not None}
    if unknown:
        raise UnsupportedModelError(
            f"{kind} changes its logits by {', '.join(sorted(unknown))}, and how is not known here, so the logits of tokens would "
            "be others than the model's; audit it as a black box (any callable that scores conversations)"
        )
    scale, cap = 1.0, None
    for name in sorted(declared):
        value = getattr(text, name, None)
        if value is None:
            continue
        if name in _CAPS:
            cap = float(value)
        elif name in _DIVIDES and name not in _MULTIPLIED.get(kind, set()):
            scale /= float(value)
        else:
            scale *= float(value)
    return Logits(scale, cap)
