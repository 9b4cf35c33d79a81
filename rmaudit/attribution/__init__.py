"""From a score back to where it came from: head dimensions, layers and tokens, each with its error.

The names below are loaded on first use, so that `import rmaudit` does not wait for torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmaudit import lazily

if TYPE_CHECKING:
    from rmaudit.attribution.attributing import Attribution as Attribution
    from rmaudit.attribution.attributing import Margin as Margin
    from rmaudit.attribution.attributing import attribute_conversation as attribute_conversation
    from rmaudit.attribution.head import HeadParts as HeadParts
    from rmaudit.attribution.head import head_parts as head_parts
    from rmaudit.attribution.residual import ResidualParts as ResidualParts
    from rmaudit.attribution.residual import residual_parts as residual_parts
    from rmaudit.attribution.tokens import TokenParts as TokenParts
    from rmaudit.attribution.tokens import token_parts as token_parts

_HOME_OF = {
    "Attribution": "attributing",
    "Margin": "attributing",
    "attribute_conversation": "attributing",
    "HeadParts": "head",
    "head_parts": "head",
    "ResidualParts": "residual",
    "residual_parts": "residual",
    "TokenParts": "tokens",
    "token_parts": "tokens",
}

__all__ = [
    "Attribution",
    "HeadParts",
    "Margin",
    "ResidualParts",
    "TokenParts",
    "attribute_conversation",
    "head_parts",
    "residual_parts",
    "token_parts",
]

__getattr__ = lazily.names(__name__, _HOME_OF)
