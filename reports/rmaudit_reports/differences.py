"""Which words of two texts differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

WORD = re.compile(r"\s+|\w+|[^\w\s]")
MOST_WORDS = 4000  # difflib is quadratic: beyond this the middle is compared as one piece


@dataclass(frozen=True)
class Segment:
    """A stretch of text, and whether the other text lacks it."""

    text: str
    changed: bool


def differing(left: str, right: str) -> tuple[list[Segment], list[Segment]]:
    """Split two texts into shared and differing stretches; joined again they are the texts.

    >>> differing("a b", "a c b")[1]
    [Segment(text='a ', changed=False), Segment(text='c ', changed=True), Segment(text='b', changed=False)]
    """
    a, b = WORD.findall(left), WORD.findall(right)
    head = _common(a, b)
    tail = _common(a[head:][::-1], b[head:][::-1])
    middle_a, middle_b = a[head : len(a) - tail], b[head : len(b) - tail]
    pieces_a, pieces_b = _compare(middle_a, middle_b)
    start, end = "".join(a[:head]), "".join(a[len(a) - tail :])
    return _merged(start, pieces_a, end), _merged(start, pieces_b, end)


def shared(segments: Sequence[Segment]) -> float:
    """The share of a text's characters, white space aside, that the other text has as well; 1 for an empty text."""
    sizes = [(len("".join(segment.text.split())), segment.changed) for segment in segments]
    total = sum(size for size, _ in sizes)
    return sum(size for size, changed in sizes if not changed) / total if total else 1.0


def _common(a: list[str], b: list[str]) -> int:
    for index, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return index
    return min(len(a), len(b))


def _compare(a: list[str], b: list[str]) -> tuple[list[Segment], list[Segment]]:
    if not a or not b or len(a) + len(b) > MOST_WORDS:
        return [Segment("".join(a), True)], [Segment("".join(b), True)]
    left, right = [], []
    for tag, a0, a1, b0, b1 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        left.append(Segment("".join(a[a0:a1]), tag != "equal"))
        right.append(Segment("".join(b[b0:b1]), tag != "equal"))
    return left, right


def _merged(start: str, middle: list[Segment], end: str) -> list[Segment]:
    """Neighbours of one kind become one; white space between two changed words belongs to the change."""
    segments = [Segment(start, False), *middle, Segment(end, False)]
    merged: list[Segment] = []
    for index, segment in enumerate(segments):
        if not segment.text:
            continue
        changed = segment.changed
        if not changed and segment.text.isspace() and merged and merged[-1].changed:
            changed = any(later.changed and later.text for later in segments[index + 1 : index + 2])
        if merged and merged[-1].changed == changed:
            merged[-1] = Segment(merged[-1].text + segment.text, changed)
        else:
            merged.append(Segment(segment.text, changed))
    return merged
