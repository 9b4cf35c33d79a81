"""The unit of text: a conversation that ends with the assistant's answer to be scored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from rmaudit.errors import DataError

ROLES = ("system", "user", "assistant")


class Message(TypedDict):
    """One turn: who speaks (`system`, `user`, `assistant`) and what is said."""

    role: str
    content: str


Conversation = list[Message]


def conversation(prompt: str | Sequence[Mapping[str, Any]], answer: str) -> Conversation:
    """Join a prompt and the answer to be scored.

    prompt: one user turn as a string, or the messages up to and including the last user turn.
    Raises DataError where a message is malformed or the answer is empty.
    """
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
    return checked_conversation([*messages, {"role": "assistant", "content": answer}])


def checked_conversation(messages: Any) -> Conversation:
    """Return `messages` as a Conversation, or raise DataError that names the field and what was expected."""
    checked = checked_messages(messages)
    if not checked or checked[-1]["role"] != "assistant":
        raise DataError("messages: a conversation to be scored ends with an assistant turn")
    if not checked[-1]["content"].strip():
        raise DataError("content: the answer to be scored is empty; a reward model has nothing to read there")
    return checked


def checked_messages(messages: Any) -> list[Message]:
    """Check roles and contents of a list of messages; raise DataError that names the field."""
    if isinstance(messages, str) or not isinstance(messages, Sequence):
        raise DataError(f"messages: expected a list of {{role, content}}, got {type(messages).__name__}")
    checked: list[Message] = []
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping) or not {"role", "content"} <= message.keys():
            raise DataError(f"messages[{index}]: expected an object with 'role' and 'content', got {message!r:.80}")
        role, content = message["role"], message["content"]
        if role not in ROLES:
            raise DataError(f"messages[{index}].role: expected one of {', '.join(ROLES)}, got {role!r:.80}")
        if not isinstance(content, str):
            raise DataError(f"messages[{index}].content: expected a string, got {type(content).__name__}")
        if not is_text(content):
            raise DataError(f"messages[{index}].content: expected text, got half of a surrogate pair")
        checked.append({"role": role, "content": content})
    return checked


def is_text(text: str) -> bool:
    """False where a string holds lone surrogates: bytes that were no UTF-8, or half of an escaped pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def conversation_key(messages: Conversation) -> str:
    """SHA-256 (64 hex digits) of the exact roles and contents: equal keys are scored once."""
    pairs = [[message["role"], message["content"]] for message in messages]
    return hashlib.sha256(json.dumps(pairs, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


def answer_of(messages: Conversation) -> str:
    """The text of the answer that is scored."""
    return messages[-1]["content"]


def words(text: str) -> int:
    """Length of a text in whitespace-separated words: the unit of doses, the same for every model."""
    return len(text.split())
