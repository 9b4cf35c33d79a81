"""The battery: texts written for auditing, read from JSONL and checked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rmaudit.conversations import Conversation, Message, checked_messages, conversation
from rmaudit.datasets import Dataset
from rmaudit.errors import DataError
from rmaudit.row_files import Row, read_rows

LEVELS = ("good", "partial", "flawed", "bad")
"""Natural answers of known relative quality, best first: complete; right but thin; one real flaw; fails."""


@dataclass(frozen=True)
class Item:
    """One prompt with its answers and rewrites. `group` is what is resampled: near-same prompts share it."""

    id: str
    group: str
    domain: str
    prompt: tuple[Message, ...]
    answers: dict[str, str]
    flaw: str
    prompt_paraphrases: tuple[str, ...]
    good_paraphrases: tuple[str, ...]
    broken: str

    def conversation(self, answer: str, question: str | None = None) -> Conversation:
        """The prompt (its last turn replaced by `question`, if given) with an answer's text."""
        prompt = list(self.prompt)
        if question is not None:
            prompt[-1] = {"role": "user", "content": question}
        return conversation(prompt, answer)


@dataclass(frozen=True)
class Filler:
    """A passage that says nothing: sentences that fit after any answer and add no claim."""

    id: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Battery:
    """Items, fillers and the user's own data sets: everything that probes make stimuli from."""

    name: str
    items: tuple[Item, ...]
    fillers: tuple[Filler, ...]
    sha256: str
    datasets: tuple[Dataset, ...] = ()

    def of_kind(self, kind: str) -> Iterator[Dataset]:
        """The data sets of one kind: pairs, rankings, paraphrases, identity."""
        return (dataset for dataset in self.datasets if dataset.kind == kind)

    def limited(self, prompts: int | None, seed: int = 0) -> Battery:
        """The first `prompts` items taken in turn from every domain, and as many rows of every data set, drawn by `seed`."""
        if prompts is None:
            return self
        domains: dict[str, list[Item]] = {}
        for item in self.items:
            domains.setdefault(item.domain, []).append(item)
        rounds = max(map(len, domains.values()), default=0)
        turns = [domain[turn] for turn in range(rounds) for domain in domains.values() if turn < len(domain)]
        chosen = {item.id for item in turns[:prompts]}
        datasets = tuple(dataset.sampled(prompts, seed) for dataset in self.datasets)
        return replace(self, items=tuple(item for item in self.items if item.id in chosen), datasets=datasets)


def read_battery(folder: Path, datasets: Sequence[Dataset] = ()) -> Battery:
    """Read `items/*.jsonl` and `fillers.jsonl` of a battery folder. Raises DataError with file, line and field."""
    files = sorted((folder / "items").glob("*.jsonl"))
    if not files or not (folder / "fillers.jsonl").is_file():
        raise DataError(f"{folder} is no battery: expected items/*.jsonl and fillers.jsonl in it")
    items = tuple(_item(row, place) for file in files for row, place in _rows(file))
    fillers = tuple(
        Filler(_field(row, "id", place), tuple(_texts(row, "sentences", place)))
        for row, place in _rows(folder / "fillers.jsonl")
    )
    for kind, ids in (("item", [item.id for item in items]), ("filler", [filler.id for filler in fillers])):
        twice = next((name for name, count in Counter(ids).items() if count > 1), None)
        if twice is not None:
            raise DataError(f"{folder}: the {kind} id {twice!r} stands twice; ids are unique in a battery")
    digest = hashlib.sha256()
    for file in [*files, folder / "fillers.jsonl"]:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return Battery(folder.name, items, fillers, digest.hexdigest(), tuple(datasets))


def _rows(file: Path) -> Iterator[tuple[Row, str]]:
    for place, row in read_rows(file):
        if isinstance(row, str):
            raise DataError(f"{file.name}, {place}, {row}")
        yield row, f"{file.name}, {place}"


def _item(row: Row, place: str) -> Item:
    name = _field(row, "id", place)
    try:
        prompt = checked_messages(row.get("prompt"))
    except DataError as error:
        raise DataError(f"{place}, prompt: {error}") from error
    if not prompt or prompt[-1]["role"] != "user":
        raise DataError(f"{place}, prompt: expected messages that end with a user turn")
    return Item(
        id=name,
        group=str(row.get("group", name)),
        domain=_field(row, "domain", place),
        prompt=tuple(prompt),
        answers={level: _field(row, level, place) for level in LEVELS},
        flaw=_field(row, "flaw", place),
        prompt_paraphrases=tuple(_texts(row, "prompt_paraphrases", place)),
        good_paraphrases=tuple(_texts(row, "good_paraphrases", place)),
        broken=_field(row, "broken", place),
    )


def _field(row: Row, name: str, place: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{place}, {name}: expected a non-empty string, got {value!r:.60}")
    return value


def _texts(row: Row, name: str, place: str) -> list[str]:
    value = row.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(text, str) and text.strip() for text in value):
        raise DataError(f"{place}, {name}: expected a list of non-empty strings, got {value!r:.60}")
    return value
