"""Errors about one of many conversations say which one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from rmaudit.conversations import Conversation
from rmaudit.errors import DataError, FormattingError

Converted = TypeVar("Converted")

#: What to call the conversation at an index, in an error.
NameOf = Callable[[int], str]

_SHOWN = 60


def by_number(index: int) -> str:
    """The name of a conversation of which nothing else is known."""
    return f"conversation {index} (counted from 0)"


def convert_all(
    convert: Callable[[Conversation], Converted], conversations: Sequence[Conversation], name_of: NameOf = by_number
) -> list[Converted]:
    """`convert` of each conversation, usually `rm.encode`.

    What it raises of DataError and FormattingError keeps its type, and names the conversation and its first words.
    """
    converted = []
    for index, conversation in enumerate(conversations):
        try:
            converted.append(convert(conversation))
        except (DataError, FormattingError) as error:
            beginning = _beginning(conversation)
            shown = f", which begins {beginning!r}" if beginning else ""
            raise type(error)(f"{name_of(index)}{shown}: {error}") from error
    return converted


def _beginning(conversation: Any) -> str:
    """The first words of the prompt; nothing where there is none, since a conversation may be refused for its form."""
    if isinstance(conversation, str) or not isinstance(conversation, Sequence):
        return ""
    turns = [message for message in conversation if isinstance(message, Mapping)]
    # A system turn is often the same in all conversations.
    turns.sort(key=lambda message: message.get("role") != "user")
    text = next((content for turn in turns if isinstance(content := turn.get("content"), str)), "")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN].rstrip()} ..."
