"""The worst examples of a finding: pairs of texts side by side, with what differs and where the scores came from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rmaudit.quantities import SPACE, number
from rmaudit.record import Evidence, Finding, Record, Score
from rmaudit_reports.differences import Segment, differing, shared
from rmaudit_reports.html.sources import Sources, sources
from rmaudit_reports.visible import visible_tree

MOST_PER_FINDING = 5
MOST_CHARACTERS = 8_000
PAGE_BUDGET = 900_000
SHOWN_WORDS, LONG_WORDS = 45, 130
LEAST_SHARED = 0.5
SEPARATOR = " \u00b7 "
WORDS = re.compile(r"\S+\s*")


@dataclass(frozen=True)
class Piece:
    """A stretch of text. folded: hidden behind a summary that says how many words it has."""

    text: str
    changed: bool = False
    folded: bool = False
    words: int = 0


Turns = list[tuple[str, list[Piece]]]
"""The turns before the answer: role and text."""


@dataclass(frozen=True)
class Side:
    """One of the two stimuli: what it is, its score, its own prompt (where the prompts differ) and its answer."""

    caption: str
    score: str
    prompt: Turns
    answer: list[Piece]
    ident: str

    @property
    def pieces(self) -> list[Piece]:
        """All that is shown of this side alone."""
        return [piece for pieces in (*(turn for _, turn in self.prompt), self.answer) for piece in pieces]


@dataclass(frozen=True)
class Example:
    """One contrast. prompt: the turns before the answer where both sides share them.

    unmarked: why nothing is marked, where nothing is.
    """

    difference: str
    note: str
    prompt: Turns
    sides: list[Side]
    missing: list[str]
    sources: Sources | None
    unmarked: str = ""

    @property
    def marked(self) -> bool:
        """Whether anything that can be seen is marked."""
        return any(piece.changed and not piece.text.isspace() for side in self.sides for piece in side.pieces)


@dataclass(frozen=True)
class Examples:
    """What is shown of a finding's evidence, and how much of it is not."""

    shown: list[Example]
    total: int
    left_out: int


class Gallery:
    """Makes the examples of all findings, within one budget of characters for the whole page."""

    def __init__(self, record: Record, scores: Sequence[Score]) -> None:
        cited = {i for f in record.findings for e in f.evidence for i in (e.stimulus, e.against) if i is not None}
        cleaned = (Score.model_validate(visible_tree(s.model_dump())) for s in scores)
        self._scores = {score.id: score for score in cleaned if score.id in cited}
        self._attributions = {
            (str(a.get("finding")), str(a.get("stimulus")), str(a.get("against"))): a.get("attribution") or {}
            for a in record.attributions
        }
        self._spent = 0

    def of(self, finding: Finding) -> Examples:
        """The first examples of a finding (its evidence is worst first), as many as the page can carry."""
        shown: list[Example] = []
        for evidence in finding.evidence[:MOST_PER_FINDING]:
            cost = self._cost(finding, evidence)
            if self._spent + cost > PAGE_BUDGET:
                break
            self._spent += cost
            shown.append(self._example(finding, evidence))
        return Examples(shown, len(finding.evidence), len(finding.evidence) - len(shown))

    def _cost(self, finding: Finding, evidence: Evidence) -> int:
        """Characters that an example will roughly take."""
        found = [self._scores[i] for i in (evidence.stimulus, evidence.against) if i in self._scores]
        texts = sum(min(len(turn["content"]), MOST_CHARACTERS) for score in found for turn in score.conversation)
        attribution = self._attribution(finding, evidence)
        tokens = (
            [side.get("tokens") or {} for side in (attribution, attribution.get("against") or {})]
            if attribution
            else []
        )
        return 1500 + texts + sum(32 * len(side.get("texts") or []) for side in tokens) + (9000 if attribution else 0)

    def _attribution(self, finding: Finding, evidence: Evidence) -> Mapping[str, Any]:
        return self._attributions.get((finding.key, evidence.stimulus, str(evidence.against)), {})

    def _example(self, finding: Finding, evidence: Evidence) -> Example:
        stimulus, against = self._scores.get(evidence.stimulus), self._scores.get(evidence.against or "")
        wanted = [i for i in (evidence.against, evidence.stimulus) if i is not None]
        prompt, sides = _compared(against, stimulus)
        attribution = self._attribution(finding, evidence)
        return Example(
            difference=f"{number(evidence.difference, signed=True)}{SPACE}SD",
            note=evidence.note,
            prompt=prompt,
            sides=sides,
            missing=[i for i in wanted if i not in self._scores],
            sources=sources(attribution) if attribution else None,
            unmarked=_unmarked(against, stimulus, sides) if against is not None and stimulus is not None else "",
        )


def _compared(against: Score | None, stimulus: Score | None) -> tuple[Turns, list[Side]]:
    """The shared prompt and the sides: the one compared with on the left."""
    if against is None or stimulus is None:
        found = [score for score in (against, stimulus) if score is not None]
        return [], [_side(s, _caption(s), _plain_turns(s.conversation[:-1]), _plain(_answer(s))) for s in found]
    left, right = _marked(_answer(against), _answer(stimulus))
    prompts = against.conversation[:-1], stimulus.conversation[:-1]
    names = _captions(against, stimulus)
    if prompts[0] == prompts[1]:
        sides = [_side(against, names[0], [], left), _side(stimulus, names[1], [], right)]
        return _plain_turns(prompts[0]), sides
    turns = _differing_turns(*prompts)
    return [], [_side(against, names[0], turns[0], left), _side(stimulus, names[1], turns[1], right)]


def _unmarked(against: Score, stimulus: Score, sides: Sequence[Side]) -> str:
    """Why two texts stand without marks: nothing differs, nothing that is seen, or nearly everything."""
    if against.conversation == stimulus.conversation:
        return "The two texts are the same, word for word."
    if len(against.conversation) != len(stimulus.conversation):
        return "The two have different numbers of turns; differences between turns are not marked."
    one, other = ("".join(piece.text for piece in side.pieces) for side in sides)
    if one == other:
        return "What is shown of the two texts is the same; they differ beyond it."
    if one.split() == other.split():
        return "The two texts differ in white space only."
    return "The two texts share too little for their differences to be marked."


def _marked(left: str, right: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts with their differences; without marks where they share so little that nearly all would be marked."""
    one, other = differing(left, right)
    if max(shared(one), shared(other)) < LEAST_SHARED:
        return _plain(left), _plain(right)
    return folded(one), folded(other)


def _differing_turns(left: Sequence[Mapping[str, str]], right: Sequence[Mapping[str, str]]) -> tuple[Turns, Turns]:
    if len(left) != len(right):
        return _plain_turns(left), _plain_turns(right)
    pairs = [_marked(capped(a["content"]), capped(b["content"])) for a, b in zip(left, right, strict=True)]
    return (
        [(turn["role"], pieces) for turn, (pieces, _) in zip(left, pairs, strict=True)],
        [(turn["role"], pieces) for turn, (_, pieces) in zip(right, pairs, strict=True)],
    )


def _side(score: Score, caption: str, prompt: Turns, answer: list[Piece]) -> Side:
    return Side(caption, number(score.score, signed=True), prompt, answer, score.id)


def _caption(score: Score) -> str:
    """What was done to this text, how much of it, and with which template."""
    words = [score.arm.replace("_", " ")]
    words += [f"dose{SPACE}{number(score.dose)}"] if score.dose else []
    return SEPARATOR.join([*words, *([score.template] if score.template else [])])


def _captions(against: Score, stimulus: Score) -> tuple[str, str]:
    """Both captions; where they are the same, with the labels that tell the two apart."""
    one, other = _caption(against), _caption(stimulus)
    if one != other:
        return one, other
    keys = [key for key in sorted(against.labels) if against.labels[key] != stimulus.labels.get(key)]
    told = [
        [str(score.labels[key]) for key in keys if isinstance(score.labels.get(key), str)]
        for score in (against, stimulus)
    ]
    return SEPARATOR.join([one, *told[0]]), SEPARATOR.join([other, *told[1]])


def _answer(score: Score) -> str:
    return capped(score.conversation[-1]["content"])


def _plain_turns(turns: Sequence[Mapping[str, str]]) -> Turns:
    return [(turn["role"], _plain(capped(turn["content"]))) for turn in turns]


def _plain(text: str) -> list[Piece]:
    return folded([Segment(text, False)])


def capped(text: str) -> str:
    """At most MOST_CHARACTERS of a text; what is cut is said."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]} [\u2026 {len(text) - MOST_CHARACTERS:,} more characters in scores.jsonl]"


def folded(segments: Sequence[Segment]) -> list[Piece]:
    """Long unchanged stretches keep their first and last words; the middle folds away."""
    pieces: list[Piece] = []
    for segment in segments:
        words = WORDS.findall(segment.text)
        if segment.changed or len(words) <= LONG_WORDS:
            pieces.append(Piece(segment.text, segment.changed))
            continue
        lead = re.match(r"\s*", segment.text)
        head = (lead.group() if lead else "") + "".join(words[:SHOWN_WORDS])
        middle, tail = words[SHOWN_WORDS:-SHOWN_WORDS], "".join(words[-SHOWN_WORDS:])
        pieces += [Piece(head), Piece("".join(middle), folded=True, words=len(middle)), Piece(tail)]
    return pieces
