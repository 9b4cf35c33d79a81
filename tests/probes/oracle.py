"""A black box that knows the battery: its score is the quality of the answer and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import pairwise

from rmaudit.battery import LEVELS, Battery, Item
from rmaudit.conversations import Conversation, answer_of

BROKEN = 4
"""Level of an answer that an edit made wrong: below the four levels of the battery."""


class Oracle:
    """Quality by level: good 0, partial 1, flawed 2, bad 3, broken 4; the score is its negative.

    A text that the battery does not hold (padded, repeated, cut, reworded by a synonym) has the level of the text whose
    pairs of neighbouring words it holds most of: padding shares many words with any answer, and few pairs.
    """

    name = "oracle"

    def __init__(self, battery: Battery) -> None:
        self._items = {
            item.conversation("x", prompt)[-2]["content"]: item for item in battery.items for prompt in _prompts(item)
        }
        self._known = {text: level for item in battery.items for text, level in _texts(item)}

    def level(self, conversation: Conversation) -> int:
        """0 (good) to 4 (broken)."""
        text = answer_of(conversation).strip()
        if text in self._known:
            return self._known[text]
        item = self._items[conversation[-2]["content"]]
        pairs = _pairs(text)
        return max(_texts(item), key=lambda known: _held(_pairs(known[0]), pairs))[1]

    def __call__(self, conversations: list[Conversation]) -> list[float]:
        """Minus the level."""
        return [-float(self.level(conversation)) for conversation in conversations]


def _prompts(item: Item) -> list[str | None]:
    return [None, *item.prompt_paraphrases]


def _texts(item: Item) -> list[tuple[str, int]]:
    levels = [(item.answers[level], rank) for rank, level in enumerate(LEVELS)]
    right = [text for text in (*item.good_paraphrases, item.concise, item.detailed) if text]
    flawed = [(text, LEVELS.index("flawed")) for text in item.flawed_paraphrases]
    return [*levels, *((text, 0) for text in right), *flawed, (item.broken, BROKEN)]


@cache
def _pairs(text: str) -> Counter[tuple[str, str]]:
    words = re.findall(r"\w+", text.lower())
    return Counter(pairwise(["", *words, ""]))


def _held(known: Counter[tuple[str, str]], pairs: Counter[tuple[str, str]]) -> float:
    return (known & pairs).total() / known.total()
