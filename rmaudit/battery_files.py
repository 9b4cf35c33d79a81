"""Reading a battery folder, with every fault named by file, line and field.

::

    items/*.jsonl       prompts with their answers and rewrites     (needed)
    passages/*.jsonl    sets of passages; `fillers` is needed
    cases/*.jsonl       sets of named prompts and answers
    readings.json       how many texts were read by another than their writer, and how many were doubted
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rmaudit.battery import FILLERS, LEVELS, Battery, Case, Item, Passage, Reading
from rmaudit.conversations import Message, checked_messages
from rmaudit.datasets import Dataset
from rmaudit.errors import DataError
from rmaudit.row_files import Row, read_rows

READINGS = "readings.json"

Made = TypeVar("Made", Item, Case, Passage)


def read_battery(folder: Path, datasets: Sequence[Dataset] = ()) -> Battery:
    """Read a battery folder. Raises DataError with file, line and field."""
    items, passages, cases = (sorted((folder / part).glob("*.jsonl")) for part in ("items", "passages", "cases"))
    if not items or FILLERS not in {file.stem for file in passages}:
        raise DataError(f"{folder} is no battery: expected items/*.jsonl and passages/{FILLERS}.jsonl in it")
    digest = hashlib.sha256()
    for file in [*items, *passages, *cases, *folder.glob(READINGS)]:
        digest.update(f"{file.parent.name}/{file.name}".encode() + b"\0" + file.read_bytes())
    return Battery(
        folder.name,
        _unique([one for file in items for one in _read(file, _item)], f"{folder}: the item"),
        {file.stem: _unique(_read(file, _passage), f"{file}: the passage") for file in passages},
        digest.hexdigest(),
        tuple(datasets),
        {file.stem: _unique(_read(file, _case), f"{file}: the case") for file in cases},
        readings=_readings(folder / READINGS),
    )


def _readings(file: Path) -> dict[str, Reading]:
    if not file.exists():
        return {}
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
        return {name: _reading(told, f"{file.name}, {name}") for name, told in given.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"{file}: expected a JSON object of readings: {error}") from error


def _reading(told: Any, place: str) -> Reading:
    match told:
        case {"read": int(read), "doubted": int(doubted)} if 0 <= doubted <= read:
            return Reading(read, doubted)
    raise DataError(f'{place}: expected {{"read": 64, "doubted": 0}} or the like, got {told!r:.60}')


def _read(file: Path, made: Callable[[Row, str], Made]) -> list[Made]:
    return [made(row, place) for row, place in _rows(file)]


def _unique(made: list[Made], what: str) -> tuple[Made, ...]:
    twice = next((name for name, count in Counter(one.id for one in made).items() if count > 1), None)
    if twice is not None:
        raise DataError(f"{what} id {twice!r} stands twice; ids are unique in a battery")
    return tuple(made)


def _rows(file: Path) -> Iterator[tuple[Row, str]]:
    for place, row in read_rows(file):
        if isinstance(row, str):
            raise DataError(f"{file.name}, {place}, {row}")
        yield row, f"{file.name}, {place}"


def _item(row: Row, place: str) -> Item:
    name = _field(row, "id", place)
    return Item(
        id=name,
        group=str(row.get("group", name)),
        domain=_field(row, "domain", place),
        prompt=_messages(row.get("prompt"), f"{place}, prompt"),
        answers={level: _field(row, level, place) for level in LEVELS},
        flaw=_field(row, "flaw", place),
        prompt_paraphrases=_texts(row, "prompt_paraphrases", place),
        good_paraphrases=_texts(row, "good_paraphrases", place),
        broken=_field(row, "broken", place),
        flawed_paraphrases=_texts(row, "flawed_paraphrases", place) if "flawed_paraphrases" in row else (),
        concise=_field(row, "concise", place) if "concise" in row else "",
        detailed=_field(row, "detailed", place) if "detailed" in row else "",
        tied=_levels(row, "tied", place) if "tied" in row else (),
    )


def _levels(row: Row, name: str, place: str) -> tuple[str, ...]:
    found = _texts(row, name, place)
    if not set(found) <= set(LEVELS):
        raise DataError(f"{place}, {name}: expected levels of {', '.join(LEVELS)}, got {', '.join(found)}")
    return found


def _case(row: Row, place: str) -> Case:
    name = _field(row, "id", place)
    prompts = _mapping(row, "prompts", place)
    answers = _mapping(row, "answers", place)
    return Case(
        id=name,
        group=str(row.get("group", name)),
        prompts={key: _messages(prompt, f"{place}, prompts.{key}") for key, prompt in prompts.items()},
        answers={key: _field(answers, key, f"{place}, answers") for key in answers},
        labels=_mapping(row, "labels", place) if "labels" in row else {},
    )


def _passage(row: Row, place: str) -> Passage:
    return Passage(_field(row, "id", place), _texts(row, "sentences", place))


def _messages(value: Any, place: str) -> tuple[Message, ...]:
    """A prompt: messages that end with a user turn; text alone is one user turn."""
    given = [{"role": "user", "content": value}] if isinstance(value, str) and value.strip() else value
    try:
        messages = checked_messages(given)
    except DataError as error:
        raise DataError(f"{place}: {error}") from error
    if not messages or messages[-1]["role"] != "user":
        raise DataError(f"{place}: expected messages that end with a user turn")
    return tuple(messages)


def _mapping(row: Row, name: str, place: str) -> dict[str, Any]:
    value = row.get(name)
    if not isinstance(value, dict):
        raise DataError(f"{place}, {name}: expected an object, got {value!r:.60}")
    return value


def _field(row: Row, name: str, place: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{place}, {name}: expected a non-empty string, got {value!r:.60}")
    return value


def _texts(row: Row, name: str, place: str) -> tuple[str, ...]:
    value = row.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(text, str) and text.strip() for text in value):
        raise DataError(f"{place}, {name}: expected a list of non-empty strings, got {value!r:.60}")
    return tuple(value)
