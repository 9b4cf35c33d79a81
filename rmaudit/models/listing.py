"""Names in an error sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: Characters of a name; the keys of real models have at most about 150.
LONGEST_NAME = 500


def some(names: Iterable[str], limit: int = 8) -> str:
    """Join names, the first few of many."""
    listed = list(names)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more


def is_name(name: Any) -> bool:
    """Whether it is text that can stand in a sentence: control characters would rewrite the reader's terminal."""
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable()


def shown(text: Any, limit: int = 200) -> str:
    """The beginning of a text from elsewhere, on one line, its control characters written out."""
    beginning = str(text)[:limit]
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in beginning)
