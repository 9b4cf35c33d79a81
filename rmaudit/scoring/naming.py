"""Errors about one of many conversations say which one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from rmaudit.conversations import Conversation
from rmaudit.errors import DataError, FormattingError

if TYPE_CHECKING:
    from rmaudit.models import RewardModel
    from rmaudit.models.formatting import Encoded

Converted = TypeVar("Converted")

#: What to call the conversation at an index, in an error.
NameOf = Callable[[int], str]

_SHOWN = 60


def by_number(index: int) -> str:
    """The name of a conversation of which nothing else is known."""
    return f"conversation {index} (counted from 0)"


def convert_all(
    convert: Callable[..., Converted],
    conversations: Sequence[Conversation],
    name_of: NameOf = by_number,
    *beside: Sequence[Any],
) -> list[Converted]:
    """`convert` of each conversation, and of what stands at its index in the sequences `beside`.

    What it raises of DataError and FormattingError keeps its type, and names the conversation and its first words.
    """
    converted = []
    for index, (conversation, *others) in enumerate(zip(conversations, *beside, strict=True)):
        try:
            converted.append(convert(conversation, *others))
        except (DataError, FormattingError) as error:
            beginning = _beginning(conversation)
            shown = f", which begins {beginning!r}" if beginning else ""
            raise type(error)(f"{name_of(index)}{shown}: {error}") from error
    return converted


def encode_all(rm: RewardModel, conversations: Sequence[Conversation], name_of: NameOf = by_number) -> list[Encoded]:
    """`rm.encode` of each conversation, with its errors; the tokenizer gets many at once, which it does on all cores."""
    texts = convert_all(rm.formatter.readable, conversations, name_of)
    written = rm.formatter.tokenize_all(texts)
    return convert_all(rm.encoded, conversations, name_of, texts, written)


def _beginning(conversation: Any) -> str:
    """The first words of the prompt; nothing where there is none, since a conversation may be refused for its form."""
    if isinstance(conversation, str) or not isinstance(conversation, Sequence):
        return ""
    turns = [message for message in conversation if isinstance(message, Mapping)]
    # A system turn is often the same in all conversations.
    turns.sort(key=lambda message: message.get("role") != "user")
    text = next((content for turn in turns if isinstance(content := turn.get("content"), str)), "")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN].rstrip()} ..."
