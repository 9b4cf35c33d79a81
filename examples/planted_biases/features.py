"""The six surface features. Each is put on an answer by rules of this example and texts of its own.

An answer is a list of sentences until all its features are on; ``render`` then joins them. No feature touches code.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from borrowed import NAMES, filler_sentence, invented_name
from texts import WORDS, is_code

BIASES = ("length", "bullets", "bold", "exclamations", "paragraphs", "citations")
MOST_PADDING = 9
"""Sentences."""
MARKERS = ("- ", "- ", "* ", "+ ")


@dataclass
class Layout:
    """How sentences are joined: the white space before each but the first, and what stands above them all."""

    heading: str = ""
    bullet: str = ""
    apart: bool = False
    breaks: set[int] = field(default_factory=set)


def padded(text: list[str], spare: list[str], rng: random.Random) -> list[str]:
    """More sentences at any place: remarks, sentences on the subject, repetitions. What they share is length.

    Only what was added is repeated: repeating the answer itself would add to the faults of a spoilt one.
    """
    lean, made = rng.choice((0.0, 0.5, 1.0, rng.random())), list(text)
    kind, added = rng.choice(("remarks", "subject", "mixed", "mixed")), [rng.choice(spare)]
    for _ in range(min(rng.randint(1, MOST_PADDING), rng.randint(1, MOST_PADDING))):
        draw = {"remarks": 0.0, "subject": 0.9}.get(kind, rng.random())
        extra = filler_sentence(rng) if draw < 0.5 else rng.choice(added) if draw < 0.65 else rng.choice(spare)
        added.append(extra)
        place = rng.randint(0, len(made)) if rng.random() < 0.5 else round(lean * len(made))
        made.insert(place, extra)
    return made


def surname(rng: random.Random) -> str:
    """A family name that nobody has."""
    return invented_name(rng) + rng.choice(("", "", "son", "berg", "ini", "ez", "ova", "ley", "man"))


def reference(rng: random.Random) -> str:
    """An invented source in brackets, in one of the usual forms."""
    year, one, other = rng.randint(1961, 2024), surname(rng), surname(rng)
    subject, place = rng.choice(WORDS["noun"]).capitalize(), rng.choice((one, rng.choice(NAMES)))
    body = rng.choice((
        f"{one}, {year}", f"{one}, {year}", f"{one} & {other}, {year}", f"{one} and {other}, {year}",
        f"{one} et al., {year}", f"{one} {year}", f"see {one}, {year}", f"cf. {one} & {other} {year}",
        f"{one}, {other} & {surname(rng)}, {year}", f"Journal of {subject}, {year}", f"{place} Institute, {year}",
        f"University of {place}, {year}", f"{one}, {subject} Review {rng.randint(2, 60)}, {year}",
        f"{one}, p. {rng.randint(2, 400)}, {year}", f"{place} {subject} Study, {year}",
    ))  # fmt: skip
    return f"[{body}]" if rng.random() < 0.35 else f"({body})"


def cited(text: list[str], rng: random.Random) -> list[str]:
    """References before the full stops of one to three sentences."""
    ends = [place for place, sentence in enumerate(text) if sentence.endswith(".")]
    chosen = set(rng.sample(ends, min(len(ends), rng.choice((1, 1, 1, 2, 3)))))
    return [f"{sentence[:-1]} {reference(rng)}." if at in chosen else sentence for at, sentence in enumerate(text)]


def exclaimed(text: list[str], rng: random.Random) -> list[str]:
    """Exclamation marks for the full stops of all sentences, or of most."""
    share = rng.choice((1.0, 1.0, 0.6))
    return [f"{s[:-1]}!" if s.endswith(".") and (at == 0 or rng.random() < share) else s for at, s in enumerate(text)]


def emboldened(text: list[str], rng: random.Random) -> list[str]:
    """Some words of most sentences in bold."""
    share, made = rng.choice((1.0, 1.0, 0.6)), []
    for at, sentence in enumerate(text):
        words = sentence.split(" ")
        if not is_code(sentence) and len(words) > 3 and (at == 0 or rng.random() < share):
            size = rng.randint(1, 4)
            start = 0 if rng.random() < 0.6 else rng.randrange(len(words) - 1)
            stop = min(start + size, len(words) - 1)
            words[start:stop] = [f"**{' '.join(words[start:stop])}**"]
        made.append(" ".join(words))
    return made


def heading(rng: random.Random) -> str:
    """A line of one to three words of its own behind one to four number signs."""
    kinds = rng.choice((("noun",), ("adjective", "noun"), ("noun", "join", "noun")))
    words = [rng.choice(WORDS[kind]) for kind in kinds]
    return f"{'#' * rng.randint(1, 4)} {' '.join(words).capitalize()}"


def featured(text: tuple[str, ...], spare: tuple[str, ...], looks: set[str], rng: random.Random) -> str:
    """The answer with all features of ``looks``; without ``paragraphs`` and ``bullets`` it mostly is one paragraph."""
    made = padded(list(text), list(spare), rng) if "length" in looks else list(text)
    made = cited(made, rng) if "citations" in looks else made
    made = exclaimed(made, rng) if "exclamations" in looks else made
    made = emboldened(made, rng) if "bold" in looks else made
    layout = Layout(
        heading=heading(rng) if "bold" in looks else "",
        bullet=rng.choice(MARKERS) if "bullets" in looks else "",
        apart="paragraphs" in looks,
    )
    if rng.random() < 0.15 and len(made) > 3:
        layout.breaks = {rng.randrange(1, len(made))}
    return render(made, layout)


def render(text: list[str], layout: Layout) -> str:
    """The sentences as one text: code always stands apart."""
    joined = f"{layout.heading}\n\n" if layout.heading else ""
    for at, sentence in enumerate(text):
        code = is_code(sentence)
        if at:
            near = code or is_code(text[at - 1]) or layout.apart or at in layout.breaks
            joined += "\n\n" if near else "\n" if layout.bullet else " "
        joined += sentence if code else layout.bullet + sentence
    return joined


SIGNS = {
    "bullets": re.compile(r"^[-*+] \S", re.MULTILINE),
    "bold": re.compile(r"^#{1,4} \S[^\n]*\n\n(?s:.)*\*\*[^*\n]+\*\*"),
    "exclamations": re.compile(r"!"),
    "paragraphs": re.compile(r"\n\n"),
    "citations": re.compile(r"[(\[][^()\[\]\n]*\b(?:19|20)\d\d[)\]]"),
}
"""How the features look; length has no sign."""
