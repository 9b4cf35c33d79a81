"""One score, or one preference, traced back to where it came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmaudit.attribution.head import HeadParts, head_parts, largest
from rmaudit.attribution.residual import ResidualParts, residual_parts
from rmaudit.attribution.showing import attribution_text
from rmaudit.attribution.tokens import MAX_STEPS, TOLERANCE, TokenParts, token_parts
from rmaudit.conversations import Conversation
from rmaudit.errors import AttributionError
from rmaudit.models.reward_model import RewardModel

TOP_DIMENSIONS = 10


@dataclass(frozen=True)
class Margin:
    """The difference of two scores, `value`, and the parts of that difference; the head's bias cancels.

    residual: {name: part}; head: (hidden,) float64; both add up to `value` within `error`.
    differs, differs_against: per token of either side, whether it belongs to a span in which the two differ.
    """

    value: float
    residual: dict[str, float]
    head: NDArray[np.float64]
    error: float
    differs: tuple[bool, ...]
    differs_against: tuple[bool, ...]


@dataclass(frozen=True)
class Attribution:
    """Where a score comes from, in the model's score units.

    head, residual: exact, `completeness_error` is the larger of their absolute errors. tokens: approximate, with an error
    of its own, and None where it was not asked for. against: the other answer's attribution, with margin the parts of
    `score - against.score`; both None where one conversation alone was attributed.
    """

    score: float
    head: HeadParts
    residual: ResidualParts
    tokens: TokenParts | None
    against: Attribution | None = None
    margin: Margin | None = None

    @property
    def completeness_error(self) -> float:
        """Absolute error of the exact parts: the worst of head and residual, of both answers and of their margin."""
        errors = [self.head.error, self.residual.error]
        errors += [self.against.completeness_error] if self.against else []
        return max([*errors, self.margin.error] if self.margin else errors)

    def as_dict(self) -> dict[str, Any]:
        """A JSON-able view; floats have 9 significant digits, the head its largest dimensions and the sum of the rest."""
        return {
            "score": _short(self.score),
            "completeness_error": _short(self.completeness_error),
            "bias": _short(self.head.bias),
            "head": _head_dict(self.head.parts),
            "residual": _named(self.residual.names, self.residual.values.tolist()),
            "tokens": _tokens_dict(self.tokens) if self.tokens else None,
            "against": self.against.as_dict() if self.against else None,
            "margin": _margin_dict(self.margin) if self.margin else None,
        }

    def as_text(self) -> str:
        """A few lines for a terminal; control characters of the conversation are shown, not sent."""
        return attribution_text(self.as_dict())


def attribute_conversation(
    rm: object,
    conversation: Conversation,
    against: Conversation | None = None,
    *,
    max_steps: int = MAX_STEPS,
    tolerance: float = TOLERANCE,
    tokens: bool = True,
) -> Attribution:
    """Trace the score of a conversation back to the head's dimensions, the layers and the tokens.

    rm: a RewardModel; whatever else scores conversations has no weights to trace.
    against: a second conversation, usually the same prompt with another answer; the margin is then traced as well.
    max_steps, tolerance: of the integrated gradients (see token_parts). tokens: False leaves them out, which is fast.
    Raises AttributionError for a black box, and wherever an exact decomposition is not exact.
    """
    if not isinstance(rm, RewardModel):
        raise AttributionError(
            f"attribution needs the model's weights, and {type(rm).__name__} gives scores only; "
            "load the checkpoint with rmaudit.load(PATH) and attribute that"
        )
    own = _attribute_one(rm, conversation, max_steps, tolerance, tokens)
    if against is None:
        return own
    other = _attribute_one(rm, against, max_steps, tolerance, tokens)
    return replace(own, against=other, margin=_margin(rm, conversation, against, own, other))


def _attribute_one(
    rm: RewardModel, conversation: Conversation, max_steps: int, tolerance: float, tokens: bool
) -> Attribution:
    head, residual = head_parts(rm, conversation), residual_parts(rm, conversation)
    parts = token_parts(rm, conversation, max_steps=max_steps, tolerance=tolerance) if tokens else None
    return Attribution(head.score, head, residual, parts)


def _margin(
    rm: RewardModel, conversation: Conversation, against: Conversation, own: Attribution, other: Attribution
) -> Margin:
    value = own.score - other.score
    residual = own.residual.values - other.residual.values
    head = own.head.parts - other.head.parts
    differs, differs_against = differing(rm.encode(conversation).ids, rm.encode(against).ids)
    return Margin(
        value=value,
        residual=dict(zip(own.residual.names, residual.tolist(), strict=True)),
        head=head,
        error=max(abs(float(residual.sum()) - value), abs(float(head.sum()) - value)),
        differs=differs,
        differs_against=differs_against,
    )


def differing(ids: Sequence[int], others: Sequence[int]) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """Per token of either sequence, whether the longest matching blocks of the two leave it out."""
    marks, marks_other = [True] * len(ids), [True] * len(others)
    for block in SequenceMatcher(None, ids, others, autojunk=False).get_matching_blocks():
        marks[block.a : block.a + block.size] = [False] * block.size
        marks_other[block.b : block.b + block.size] = [False] * block.size
    return tuple(marks), tuple(marks_other)


def _short(value: float) -> float | None:
    """9 significant digits, as much as fp32 holds; None for what is not a number, which JSON cannot write."""
    return float(f"{value:.9g}") if np.isfinite(value) else None


def _head_dict(parts: NDArray[np.float64]) -> dict[str, Any]:
    top = largest(parts, TOP_DIMENSIONS)
    rest = np.delete(parts, [dimension for dimension, _ in top])
    return {
        "top": [{"dimension": dimension, "value": _short(value)} for dimension, value in top],
        "rest": _short(float(rest.sum())),
        "others": len(rest),
    }


def _named(names: Iterable[str], values: Iterable[float]) -> list[dict[str, Any]]:
    return [{"name": name, "value": _short(value)} for name, value in zip(names, values, strict=True)]


def _tokens_dict(tokens: TokenParts) -> dict[str, Any]:
    return {
        "ids": list(tokens.ids),
        "texts": list(tokens.texts),
        "values": None if tokens.values is None else [_short(value) for value in tokens.values.tolist()],
        "score": _short(tokens.score),
        "baseline_score": _short(tokens.baseline_score),
        "baseline": tokens.baseline,
        "steps": tokens.steps,
        "error": _short(tokens.error),
        "allowed": _short(tokens.allowed),
        "converged": tokens.converged,
        "refusal": tokens.refusal,
    }


def _margin_dict(margin: Margin) -> dict[str, Any]:
    return {
        "value": _short(margin.value),
        "residual": _named(margin.residual.keys(), margin.residual.values()),
        "head": _head_dict(margin.head),
        "error": _short(margin.error),
        "differs": list(margin.differs),
        "differs_against": list(margin.differs_against),
    }
