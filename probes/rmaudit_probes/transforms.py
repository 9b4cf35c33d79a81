"""Rule-based edits of answers. Each is deterministic and states what it must not change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_SENTENCE_END = re.compile(r"(?<=[.!?])(?:[\"')\]]*)(\s+)(?=[\"'(]*[A-Z0-9])")
# A full stop that ends no sentence: an abbreviation, an initial, the number of a list entry.
_NO_END = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|e\.g|i\.e|cf|[A-Z])\.(?=\s)"
    r"|\b(?:No|Nos|Fig|Eq|p|pp|vol|approx|ca)\.(?=\s+\d)"
    r"|^[ \t]*\d+\.(?=\s)",
    re.MULTILINE,
)
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
_MARKED_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|^(?: {4}|\t)[^\n]*", re.DOTALL | re.MULTILINE)
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")
_PROSE_END = re.compile(r"[.!?:,][\"')\]]*\Z")


def code_spans(text: str) -> list[tuple[int, int]]:
    """Where `text` is code and not prose: fenced, in backticks, indented, or a paragraph that ends as no sentence does.

    A text of one paragraph is prose, whatever it ends with.

    >>> code_spans("Sort it:\\n\\nx = sorted(x)\\n\\nThat is all.")
    [(10, 23)]
    """
    spans = [match.span() for match in _MARKED_CODE.finditer(text)]
    edges = [0, *(edge for match in _PARAGRAPHS.finditer(text) for edge in match.span()), len(text)]
    paragraphs = list(zip(edges[::2], edges[1::2], strict=True))
    if len(paragraphs) > 1:
        spans += [span for span in paragraphs if not _PROSE_END.search(text[slice(*span)].rstrip())]
    return sorted(spans)


def sentence_starts(text: str) -> list[int]:
    """Character offsets at which a sentence of `text` starts; the first is 0. No sentence starts within code.

    >>> sentence_starts("Boil them. Peel them!")
    [0, 11]
    """
    code = code_spans(text)
    no_ends = {match.end() for match in _NO_END.finditer(text)}
    ends = [match.end() for match in _SENTENCE_END.finditer(text) if match.start(1) not in no_ends]
    # Code has no full stop: behind it, a sentence starts with the next paragraph.
    ends += [match.end() for match in _PARAGRAPHS.finditer(text) if any(match.start() == stop for _, stop in code)]
    inside = [place for place in ends if any(start <= place < stop for start, stop in code)]
    return [0, *sorted({*ends} - {*inside, len(text)})]


def sentences(text: str) -> list[str]:
    """The sentences of a text; joined by the white space between them they give the text again.

    >>> sentences("Boil them. Peel them!")
    ['Boil them.', 'Peel them!']
    """
    starts = [*sentence_starts(text), len(text)]
    return [text[start:stop].strip() for start, stop in pairwise(starts)]


def insert(text: str, passage: str, place: int) -> str:
    """Put `passage` before the sentence that starts at `sentence_starts(text)[place]`, or at the end if there is none.

    Not one character of the text itself changes. A passage between two paragraphs is a paragraph of its own.

    >>> insert("Boil them. Peel them!", "So it goes.", 1)
    'Boil them. So it goes. Peel them!'
    """
    starts = sentence_starts(text)
    if place >= len(starts):
        return f"{text}{_gap(text)}{passage}"
    start = starts[place]
    gap = text[len(text[:start].rstrip()) : start] if place else _gap(text)
    return f"{text[:start]}{passage}{gap}{text[start:]}"


def repeated(text: str, chosen: Sequence[int]) -> str:
    """Say the sentences with these numbers again after the end, in this order: no new claim, more words."""
    parts = sentences(text)
    return _gap(text).join([text, *(parts[index] for index in chosen)])


def truncated(text: str, kept: int) -> str:
    """The first `kept` sentences, character for character.

    >>> truncated("Boil them. Peel them!", 1)
    'Boil them.'
    """
    starts = [*sentence_starts(text), len(text)]
    return text[: starts[kept]].rstrip()


def double_spaced(text: str) -> str:
    """Two spaces between sentences where one was; no word, mark or line changes, nor code.

    >>> double_spaced("Boil them. Peel them!")
    'Boil them.  Peel them!'
    """
    starts = [start for start in sentence_starts(text)[1:] if text[start - 1] == " " and not text[start - 2].isspace()]
    for start in reversed(starts):
        text = f"{text[:start]} {text[start:]}"
    return text


def curly(text: str) -> str:
    """Straight apostrophes within words as typographers set them; no word changes, nor code.

    >>> curly("Don't.")
    'Don’t.'
    """
    code = code_spans(text)
    found = [match.start() for match in _APOSTROPHE.finditer(text)]
    places = {place for place in found if not any(start <= place < stop for start, stop in code)}
    return "".join("\N{RIGHT SINGLE QUOTATION MARK}" if place in places else sign for place, sign in enumerate(text))


def _gap(text: str) -> str:
    """What stands between the whole text and a passage: a blank line where the text has lines, else a space."""
    return "\n\n" if "\n" in text.strip() else " "
