"""What can be audited: anything that gives one number per conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rmaudit.conversations import Conversation, words
from rmaudit.errors import ScoringError, UsageError


@runtime_checkable
class Scorer(Protocol):
    """A reward model seen from outside.

    score(conversations) -> (n,) float64, one number per conversation, in their order. fingerprint: changes when the scores do.
    """

    @property
    def fingerprint(self) -> str: ...

    def score(self, conversations: Sequence[Conversation]) -> NDArray[np.float64]: ...

    def count_tokens(self, conversation: Conversation) -> int: ...


class BlackBox:
    """A callable `list[conversation] -> scores`, or an object with `score(conversations)`, as a Scorer.

    Lengths are counted in words, since nothing is known of its tokenizer; its fingerprint is its own or "unknown".
    Probes that need weights do not apply to it.
    """

    length_unit = "words"

    def __init__(self, model: Any) -> None:
        scored = getattr(model, "score", model)
        if not callable(scored):
            raise UsageError(
                f"{type(model).__name__} cannot be audited: expected a folder, a hub id, a callable "
                "list[conversation] -> scores, or an object with score(conversations)"
            )
        self._score: Callable[[list[Conversation]], Any] = scored
        self.name = str(getattr(model, "name", None) or getattr(model, "__name__", None) or type(model).__name__)
        self.fingerprint = str(getattr(model, "fingerprint", None) or "unknown")

    def score(self, conversations: Sequence[Conversation]) -> NDArray[np.float64]:
        """Call the black box once, with copies of all conversations. Raises as `checked_scores`."""
        return checked_scores(self._score(copied(conversations)), len(conversations), self.name)

    def count_tokens(self, conversation: Conversation) -> int:
        """Words of all turns."""
        return sum(words(message["content"]) for message in conversation)


def copied(conversations: Sequence[Conversation]) -> list[Conversation]:
    """Conversations that foreign code may change without changing the caller's: those go into the record."""
    return [[message.copy() for message in conversation] for conversation in conversations]


def checked_scores(scores: Any, expected: int, who: str, hint: str = "") -> NDArray[np.float64]:
    """`scores` as (expected,) float64; raises ScoringError that says what came instead of one finite number each.

    who: the scorer's name. hint: what to do about a score that is not finite.
    """
    try:
        found = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ScoringError(
            f"{who}: expected one number per conversation, {expected} in all, got {_shown(scores)}: {error}"
        ) from error
    if found.shape != (expected,):
        came = f"{len(found)} scores" if found.ndim == 1 else f"an array of shape {found.shape}"
        raise ScoringError(
            f"{who} gave {came} for {expected} conversations; expected one number for each, in their order"
        )
    wrong = np.flatnonzero(~np.isfinite(found))
    if wrong.size:
        raise ScoringError(
            f"{who} gave a score that is not finite for {wrong.size} of {expected} conversations, first for conversation "
            f"{wrong[0]} ({found[wrong[0]]}), counted from 0; nothing can be measured with these{hint and '. '}{hint}"
        )
    return found


def _shown(value: Any) -> str:
    """The beginning of a value from foreign code, whose own `repr` may fail (a whole number of 5,000 digits has none)."""
    try:
        return f"{value!r:.60}"
    except Exception as error:  # noqa: BLE001  any code may stand behind it
        return f"a {type(value).__name__} that cannot be shown ({type(error).__name__})"
