"""Pairs of equally common words that may stand for each other, and the places where they may not.

A word in code, in capitals, or behind an article that does not fit its synonym ("an error", "a mistake") stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rmaudit_probes.transforms import code_spans

SYNONYMS: tuple[tuple[str, str], ...] = (
    ("almost", "nearly"),
    ("perhaps", "maybe"),
    ("big", "large"),
    ("whole", "entire"),
    ("often", "frequently"),
    ("usually", "normally"),
    ("because", "since"),
    ("although", "though"),
    ("until", "till"),
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("did not", "didn't"),
    ("is not", "isn't"),
    ("are not", "aren't"),
    ("cannot", "can't"),
    ("will not", "won't"),
    ("would not", "wouldn't"),
    ("it is", "it's"),
    ("that is", "that's"),
    ("you are", "you're"),
    ("you will", "you'll"),
    ("they are", "they're"),
    ("everyone", "everybody"),
    ("someone", "somebody"),
    ("anyone", "anybody"),
    ("no one", "nobody"),
    ("for example", "for instance"),
    ("need to", "have to"),
    ("quickly", "rapidly"),
    ("completely", "entirely"),
    ("roughly", "approximately"),
    ("towards", "toward"),
    ("while", "whilst"),
    ("afterwards", "afterward"),
    ("wrong", "incorrect"),
    ("mistake", "error"),
)

# What must stand before and behind a word for its synonym to fit there.
_NOT_A_FRAGMENT = r"(?<!\bas )(?<!\bthan )(?<!\bwhat )(?<!\bwhere )(?<!\bhow )(?<!\bwho )(?<!\bwhich )"
_NO_PRONOUN = r"(?! (?:I|you|he|she|it|we|they|one|there)\b)"
_NO_PARTICIPLE = r"(?! (?:been|got|had|come|gone|become|taken|made)\b)"
_DETERMINED = (
    r"(?:(?<=\bthe )|(?<=\bthat )|(?<=\bthis )|(?<=\byour )|(?<=\btheir )|(?<=\bher )|(?<=\bhis )|(?<=\bits ))"
)
_ASSERTED = r"(?:(?<=\bthe )|(?<=\bis )|(?<=\bare )|(?<=\bwas ))"
_WORD = r"(?= \w)"
_FITS: dict[str, tuple[str, str]] = {
    "almost": ("", r"(?! (?:no|none|nothing|never|any)\b)"),
    "nearly": (r"(?<!\bnot )", _WORD),
    "large": (r"(?<!\band )(?<!\bat )", ""),
    "whole": (_DETERMINED + r"(?<!\bon the )", r"(?= (?!of\b)\w)"),
    "entire": (_DETERMINED, r"(?= (?!of\b)\w)"),
    "normally": ("", _WORD),
    "because": ("(?<=, )", r"(?= (?!of\b)\w)"),
    "since": ("(?<=, )", r"(?= (?!then\b)[a-z])"),
    "though": (r"(?<!\bas )(?<!\beven )", _WORD),
    "until": ("", _WORD),
    "till": ("", _WORD),
    "it is": (_NOT_A_FRAGMENT, _WORD),
    "that is": (_NOT_A_FRAGMENT, _WORD + _NO_PRONOUN),
    "you are": (_NOT_A_FRAGMENT, _WORD),
    "you will": (_NOT_A_FRAGMENT, _WORD),
    "they are": (_NOT_A_FRAGMENT, _WORD),
    "it's": ("", _NO_PARTICIPLE),
    "that's": ("", _NO_PARTICIPLE),
    "need to": (r"(?<!\bno )(?<!\bthe )(?<!\ba )(?<!\bany )", _WORD),
    "have to": ("", r"(?= \w)(?! do with\b)"),
    "while": (r"(?<!\ba )(?<!\bthe )(?<!\bshort )(?<!\blittle )(?<!\blong )(?<!\bworth )", r"(?= \w)(?! loop)"),
    "wrong": (_ASSERTED, ""),
    "incorrect": (_ASSERTED, ""),
    "mistake": (_DETERMINED, ""),
    "error": (_DETERMINED, ""),
    **{long: ("", _WORD) for long, short in SYNONYMS if short.endswith("n't")},
    **{short: ("", _NO_PRONOUN) for _, short in SYNONYMS if short.endswith("n't")},
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
