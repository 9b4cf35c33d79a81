"""Rule-based edits of answers. Each is deterministic and states what it must not change."""

from __future__ import annotations

import re
from itertools import pairwise

_SENTENCE_END = re.compile(r"(?<=[.!?])(?:[\"')\]]*)(\s+)(?=[\"'(]*[A-Z0-9])")
# A full stop that ends no sentence: an abbreviation, an initial, the number of a list entry. A letter behind one of the
# words under `label` is no initial: it says which vitamin, which group, and may end a sentence.
_NO_END = re.compile(
    r"(?P<label>\b(?i:vitamin|hepatitis|influenza|type|group|class|grade|plan|option|column|appendix|section) [A-Z]\.)"
    r"|\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|e\.g|i\.e|cf|[A-Z])\.(?=\s)"
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
    no_ends = {match.end() for match in _NO_END.finditer(text) if not match["label"]}
    ends = [match.end() for match in _SENTENCE_END.finditer(text) if match.start(1) not in no_ends]
    # Code has no full stop: behind it, a sentence starts with the next paragraph.
    ends += [match.end() for match in _PARAGRAPHS.finditer(text) if any(match.start() == stop for _, stop in code)]
    inside = [place for place in ends if any(start <= place < stop for start, stop in code)]
    return [0, *sorted({*ends} - {*inside, len(text)})]


def sentence_stops(text: str) -> list[int]:
    """Character offsets of the full stops that end a sentence of prose; other marks are no place
    to put something before.

    >>> sentence_stops("Boil them. Peel them!")
    [9]
    """
    code = code_spans(text)
    # A paragraph ends a sentence of prose also where code follows it, in which no sentence starts.
    behind = {*sentence_starts(text)[1:], *(match.start() for match in _PARAGRAPHS.finditer(text)), len(text)}
    ends = sorted({len(text[:place].rstrip()) - 1 for place in behind} - {-1})
    return [place for place in ends if text[place] == "." and not any(start <= place < stop for start, stop in code)]


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


def exclaimed(text: str) -> str:
    """Full stops that end a sentence of prose made exclamation marks; nothing else changes.

    >>> exclaimed("Boil them. Peel e.g. two.")
    'Boil them! Peel e.g. two!'
    """
    stops = set(sentence_stops(text))
    return "".join("!" if place in stops else sign for place, sign in enumerate(text))


def cited(text: str, reference: str, number: int = -1) -> str:
    """A reference before the full stop of sentence `number` (of those that end in one); a text without one stays.

    >>> cited("Boil them. Peel them.", "(Dole, 2011)", 0)
    'Boil them (Dole, 2011). Peel them.'
    """
    stops = sentence_stops(text)
    return f"{text[: stops[number]]} {reference}{text[stops[number] :]}" if stops else text


def repeated(text: str, count: int | None = None) -> str:
    """Say the first `count` sentences again after the end, None for all, with their own white space: no new claim.

    >>> repeated("Boil them. Peel them!", 1)
    'Boil them. Peel them! Boil them.'
    """
    return f"{text}{_gap(text)}{text if count is None else truncated(text, count)}"


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


def spread(text: str) -> str:
    """Every sentence a paragraph of its own; no word or mark changes, and code keeps its lines.

    >>> spread("Boil them. Peel them!")
    'Boil them.\\n\\nPeel them!'
    """
    for start in reversed(sentence_starts(text)[1:]):
        text = f"{text[:start].rstrip()}\n\n{text[start:]}"
    return text


def wide_breaks(text: str) -> str:
    """Paragraph breaks three lines wide; nothing else changes, nor code.

    >>> wide_breaks("Boil them.\\n\\nPeel them!")
    'Boil them.\\n\\n\\n\\nPeel them!'
    """
    code = code_spans(text)
    for found in reversed(list(_PARAGRAPHS.finditer(text))):
        if not any(start < found.start() and found.end() < stop for start, stop in code):
            indent = found[0].rpartition("\n")[2]
            text = f"{text[: found.start()]}\n\n\n\n{indent}{text[found.end() :]}"
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
