"""The battery: texts written for auditing, and how many of them a run takes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from rmaudit.conversations import Conversation, Message, conversation
from rmaudit.datasets import Dataset
from rmaudit.statistics.doubt import Doubt, expected_share
from rmaudit.statistics.intervals import FEWEST_GROUPS

LEVELS = ("good", "partial", "flawed", "bad")
"""Natural answers of known relative quality, best first: complete; right but thin; one real flaw; fails."""

FILLERS = "fillers"
"""The passages that say nothing."""

Turn = TypeVar("Turn")


@dataclass(frozen=True)
class Item:
    """One prompt with its answers and rewrites. `group` is what is resampled: near-same prompts share it.

    concise, detailed: the good answer in about half and about twice its words, as correct. Empty where a battery has none.
    tied: levels of the natural answers, next to each other, whose order is open to dispute here: they rank alike.
    """

    id: str
    group: str
    domain: str
    prompt: tuple[Message, ...]
    answers: dict[str, str]
    flaw: str
    prompt_paraphrases: tuple[str, ...]
    good_paraphrases: tuple[str, ...]
    broken: str
    flawed_paraphrases: tuple[str, ...] = ()
    concise: str = ""
    detailed: str = ""
    tied: tuple[str, ...] = ()

    def rank(self, level: str) -> int:
        """0 for the best natural answer, and up; tied levels have the better one's."""
        return LEVELS.index(level if level not in self.tied else min(self.tied, key=LEVELS.index))

    @property
    def question(self) -> str:
        """The last user turn."""
        return self.prompt[-1]["content"]

    def conversation(self, answer: str, question: str | None = None) -> Conversation:
        """The prompt (its last turn replaced by `question`, if given) with an answer's text."""
        prompt = list(self.prompt)
        if question is not None:
            prompt[-1] = {"role": "user", "content": question}
        return conversation(prompt, answer)


@dataclass(frozen=True)
class Case:
    """Named prompts and named answers that one question needs: each answer may stand under each prompt."""

    id: str
    group: str
    prompts: Mapping[str, tuple[Message, ...]]
    answers: Mapping[str, str]
    labels: Mapping[str, Any] = field(default_factory=dict)

    def conversation(self, prompt: str, answer: str) -> Conversation:
        """The prompt of this name with the answer of this name."""
        return conversation(list(self.prompts[prompt]), self.answers[answer])


@dataclass(frozen=True)
class Passage:
    """A text that is put into others: sentences that fit together, and alone from the first on."""

    id: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(self.sentences)


@dataclass(frozen=True)
class Reading:
    """How many texts of one kind a reader judged who had not written them, and how many of these were not as they must be."""

    read: int
    doubted: int


@dataclass(frozen=True)
class Battery:
    """Items, sets of cases and of passages by name, and the user's own data: what probes make stimuli from.

    whole: of a part of a battery, how many items (under "items") and cases of every set all of it has; empty where it is no
    part. vocabulary: single tokens of the audited model's tokenizer, in the order of their ids; empty where no probe of the run
    asks for them. readings: by what was judged: a field of the items, a set of cases or of passages.
    """

    name: str
    items: tuple[Item, ...]
    passages: Mapping[str, tuple[Passage, ...]]
    sha256: str
    datasets: tuple[Dataset, ...] = ()
    cases: Mapping[str, tuple[Case, ...]] = field(default_factory=dict)
    whole: Mapping[str, int] = field(default_factory=dict)
    vocabulary: tuple[str, ...] = ()
    readings: Mapping[str, Reading] = field(default_factory=dict)

    @property
    def fillers(self) -> tuple[Passage, ...]:
        """The passages that say nothing."""
        return self.passages.get(FILLERS, ())

    @property
    def sets(self) -> dict[str, Sequence[Item] | Sequence[Case]]:
        """The items, under "items", and every set of cases."""
        return {"items": self.items, **self.cases}

    def whole_of(self, groups: Collection[str]) -> float:
        """How many times the prompts of these groups all of the battery has, by the sets that they are of; 1 for no part."""
        used = [name for name, rows in self.sets.items() if any(row.group in groups for row in rows)]
        here = sum(len(self.sets[name]) for name in used)
        return sum(self.whole.get(name, len(self.sets[name])) for name in used) / here if here else 1.0

    def doubts(self, texts: Collection[str]) -> tuple[Doubt, ...]:
        """What the readings of these texts leave in doubt; nothing is said of texts that nobody read."""
        return tuple(
            Doubt(expected_share(read.read, read.doubted), by_template=name in self.passages)
            for name, read in self.readings.items()
            if name in texts
        )

    def of_kind(self, kind: str) -> Iterator[Dataset]:
        """The data sets of one kind: pairs, rankings, paraphrases, identity."""
        return (dataset for dataset in self.datasets if dataset.kind == kind)

    def limited(self, prompts: int | None, seed: int = 0) -> Battery:
        """The first `prompts` items, taken in turn from every domain, as many cases of every set, taken in turn from every
        kind (their `labels["kind"]`), and as many rows of every data set, drawn by `seed`. Passages are all kept.

        A set of many kinds keeps enough cases of each to be judged, unless fewer are asked for than one kind needs.
        """
        if prompts is None:
            return self
        least = FEWEST_GROUPS if prompts >= FEWEST_GROUPS else 0
        part = replace(
            self,
            items=_in_turn(self.items, lambda item: item.domain, prompts),
            cases={
                name: _in_turn(cases, _kind, max(prompts, least * len(set(map(_kind, cases)))))
                for name, cases in self.cases.items()
            },
            datasets=tuple(dataset.sampled(prompts, seed) for dataset in self.datasets),
        )
        sizes = {name: len(rows) for name, rows in self.sets.items()}
        cut = any(len(part.sets[name]) < size for name, size in sizes.items())
        return replace(part, whole=self.whole or sizes) if cut else part


def _kind(case: Case) -> str:
    return str(case.labels.get("kind"))


def _in_turn(rows: Sequence[Turn], kind_of: Callable[[Turn], str], most: int) -> tuple[Turn, ...]:
    """The first `most` rows taken in turn from every kind, in the order they stood in."""
    kinds: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        kinds.setdefault(kind_of(row), []).append(place)
    rounds = max(map(len, kinds.values()), default=0)
    turns = [places[turn] for turn in range(rounds) for places in kinds.values() if turn < len(places)]
    return tuple(rows[place] for place in sorted(turns[:most]))
