"""Pairs of words that may stand for each other, the places where they may, and a balanced choice among these.

The two words of a pair are of one register and one spelling, and neither is more than seven times as frequent as the
other: 0.85 on the Zipf scale, two in three less than half of that (wordfreq 3, Speer 2022). So contractions, words of
one country and pairs such as "often" and "frequently" are no pairs here. What difference is left cancels: every pair is
exchanged as often one way as the other (`balanced`).

A word in code, in capitals, or behind an article that does not fit its synonym ("an error", "a mistake")
stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rmaudit_probes.transforms import code_spans

SYNONYMS: tuple[tuple[str, str], ...] = (
    ("almost", "nearly"),
    ("perhaps", "maybe"),
    ("big", "large"),
    ("whole", "entire"),
    ("usually", "normally"),
    ("because", "since"),
    ("although", "though"),
    ("everyone", "everybody"),
    ("someone", "somebody"),
    ("anyone", "anybody"),
    ("for example", "for instance"),
    ("need to", "have to"),
    ("completely", "entirely"),
    ("mistake", "error"),
    ("every", "each"),
    ("start", "begin"),
    ("starts", "begins"),
    ("started", "began"),
    ("kind of", "sort of"),
    ("only", "just"),
    ("pick", "choose"),
    ("mostly", "mainly"),
    ("too", "as well"),
)

# What must stand before and behind a word for its synonym to fit there.
_DETERMINED = (
    r"(?:(?<=\bthe )|(?<=\bthat )|(?<=\bthis )|(?<=\byour )|(?<=\btheir )|(?<=\bher )|(?<=\bhis )|(?<=\bits ))"
)
_WORD = r"(?= \w)"
_SET_ABOUT = r"(?= (?:to|with|at|on|in|from|the|a)\b)"
_COUNTED = (
    r"(?= (?:day|week|month|year|morning|evening|night|hour|time|step|line|word|letter|call|run|turn|file|topic|person"
    r"|customer|part|cup|case|class)\b)"
)
_FEW = r"(?= (?:an?|one|two|three|four|five|six|ten|half|\d+)\b)"
_THESE = r"(?:(?<=\bthis )|(?<=\bthat )|(?<=\bthe )|(?<=\bsame )|(?<=\bsome )|(?<=\bany ))"
_ENDING = r"(?=[.;])"
_FITS: dict[str, tuple[str, str]] = {
    "almost": ("", r"(?= (?!(?:no|none|nothing|never|any)\b)\w)"),
    "nearly": (r"(?<!\bnot )", _WORD),
    "big": ("", r"(?! (?:deal|brother|bang)\b)"),
    "large": (r"(?<!\band )(?<!\bat )", ""),
    "whole": (_DETERMINED + r"(?<!\bon the )", r"(?= (?!of\b)\w)"),
    "entire": (_DETERMINED, r"(?= (?!of\b)\w)"),
    "usually": (r"(?<!\bthan )", _WORD),
    "normally": ("", _WORD),
    "because": ("(?<=, )", r"(?= (?!of\b)\w)"),
    "since": ("(?<=, )", r"(?= (?!then\b)[a-z])"),
    "though": (r"(?<!\bas )(?<!\beven )", _WORD),
    "need to": (r"(?<!\bno )(?<!\bthe )(?<!\ba )(?<!\bany )(?<!n't )(?<!\bnot )(?<!\bthat you )", _WORD),
    "have to": (r"(?<!n't )(?<!\bnot )(?<!\bmay )(?<!\bwould )", r"(?= \w)(?! do with\b)"),
    "mistake": (_DETERMINED, ""),
    "error": (_DETERMINED, ""),
    **dict.fromkeys(("every", "each"), (r"(?<!\balmost )(?<!\bnearly )(?<!\bsince )(?<!\bof )", _COUNTED)),
    **dict.fromkeys(("start", "starts", "started", "begin", "begins", "began"), (r"(?<!\bthe )(?<!\ba )", _SET_ABOUT)),
    **dict.fromkeys(("kind of", "sort of"), (_THESE, _WORD)),
    **dict.fromkeys(("only", "just"), (r"(?<!\bthe )(?<!\bnot )(?<!\bif )", _FEW)),
    **dict.fromkeys(("pick", "choose"), ("", r"(?= (?:the|an?|one|two|another|your|from)\b)")),
    "too": (r"(?<!, )(?<!\bme )(?<!\beven )", _ENDING),
    "as well": (r"(?<!\bjust )(?<!\bmight )", _ENDING),
}


@dataclass(frozen=True)
class Place:
    """Where a word of the list stands in a text: which pair, which of its two words, from where to where."""

    pair: int
    side: int
    start: int
    stop: int


_WORDS = {word: (pair, side) for pair, words in enumerate(SYNONYMS) for side, word in enumerate(words)}


def _fitting(word: str) -> re.Pattern[str]:
    before, behind = _FITS.get(word, ("", ""))
    return re.compile(rf"{before}{re.escape(word)}{behind}", re.IGNORECASE)


_ANY = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, _WORDS), key=len, reverse=True))})\b", re.IGNORECASE)
_FITTING = {word: _fitting(word) for word in _WORDS}


def places(text: str) -> list[Place]:
    """All words of the list in a text that may be exchanged there, in order.

    >>> [SYNONYMS[place.pair][place.side] for place in places("Perhaps a big one, but wait a while.")]
    ['perhaps', 'big']
    """
    code = code_spans(text)
    return [
        Place(*_WORDS[match[0].lower()], match.start(), match.end())
        for match in _ANY.finditer(text)
        if _FITTING[match[0].lower()].match(text, match.start())
        if not match[0].isupper() and not any(start <= match.start() < stop for start, stop in code)
    ]


def swapped(text: str, place: Place) -> str:
    """The text with the word at `place` exchanged for its synonym, capital kept; nothing else changes.

    >>> swapped("Perhaps a big one.", places("Perhaps a big one.")[0])
    'Maybe a big one.'
    """
    word = SYNONYMS[place.pair][1 - place.side]
    if text[place.start].isupper():
        word = word[0].upper() + word[1:]
    return text[: place.start] + word + text[place.stop :]


def balanced(texts: Sequence[str], rng: np.random.Generator) -> dict[int, Place]:
    """A word to exchange in as many of the texts as may be, by their numbers: one at most in each, and every pair as
    often one way as the other. Which texts those are is drawn; the pairs with the fewest places choose first.
    """
    sides: dict[tuple[int, int], dict[int, Place]] = {}
    for number in rng.permutation(len(texts)).tolist():
        for place in places(texts[number]):
            sides.setdefault((place.pair, place.side), {}).setdefault(number, place)
    both = {pair: (sides.get((pair, 0), {}), sides.get((pair, 1), {})) for pair in range(len(SYNONYMS))}
    chosen: dict[int, Place] = {}
    for few, many in sorted((sorted(each, key=len) for each in both.values()), key=lambda each: len(each[0])):
        free = [number for number in few if number not in chosen]
        others = [number for number in many if number not in chosen and number not in few]
        pairs = zip(free, others, strict=False)
        chosen.update({number: side[number] for pair in pairs for number, side in zip(pair, (few, many), strict=True)})
    return dict(sorted(chosen.items()))
