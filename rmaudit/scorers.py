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
        """Call the black box once, with all conversations. Raises ScoringError where numbers do not come back."""
        scores = self._score(list(conversations))
        try:
            return np.asarray(scores, dtype=np.float64)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ScoringError(
                f"{self.name}: expected one number per conversation, got {scores!r:.60}: {error}"
            ) from error

    def count_tokens(self, conversation: Conversation) -> int:
        """Words of all turns."""
        return sum(words(message["content"]) for message in conversation)
