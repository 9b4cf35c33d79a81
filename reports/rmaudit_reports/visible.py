"""Hostile text made harmless for the eye: characters that hide or reorder others are shown as escapes."""

from __future__ import annotations

import re
from typing import Any

# Control characters but tab and newline; soft hyphen, zero-width, bidi and tag characters; line separators; lone
# surrogates, which no encoding can write; private use, which shows as anything.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
# A joiner is writing in Persian, Hindi or an emoji, and a hiding place between two plain letters.
JOINER_IN_ASCII = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")


def visible(text: str) -> str:
    """Replace every hidden character by its code in brackets, as `⟨U+202E⟩`.

    >>> visible("a\\u202eb")
    'a⟨U+202E⟩b'
    """
    text = HIDDEN.sub(_code, text.replace("\r\n", "\n"))
    return JOINER_IN_ASCII.sub(_code, text)


def visible_tree(value: Any) -> Any:
    """The same for every string in a JSON-like value, keys included."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible_tree(key): visible_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [visible_tree(item) for item in value]
    return value


def _code(match: re.Match[str]) -> str:
    return f"\u27e8U+{ord(match.group()):04X}\u27e9"
