"""Reading the user's own data: preference pairs, rankings, paraphrases, identity pairs from JSONL, JSON, CSV or Parquet.

A row that cannot be read is reported with file, line, field and what was expected; the other rows are kept. Forms:

=============  ====================================================================================================
pairs          prompt, chosen, rejected: strings or message lists; or chosen and rejected as full conversations
               (an explicit prompt beside full conversations must be one of theirs)
rankings       prompt, responses (list of strings), ranks (0 = best, ties allowed; null = unranked)
paraphrases    text, paraphrase, label (1 same meaning, 0 not; 1 if left out); meta.prompt where the texts are answers
identity       prompt, response_a, response_b, attribute
=============  ====================================================================================================

Any row may have an `id`, and a `group` (or `meta.group`): rows of one group stay together. Without one, rows of one
prompt do. A pair of equal answers is a bad row: it carries no preference, and its tie would count as half a mistake.
The files of known public benchmarks are read as they are published (`rmaudit.benchmarks`), as pairs or rankings.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from rmaudit.benchmarks import Format, recognised
from rmaudit.conversations import Conversation, Message, checked_messages, conversation, is_text
from rmaudit.errors import DataError
from rmaudit.row_files import Row, name_of, read_rows


@dataclass(frozen=True)
class DataRow:
    """One row of any form: the answers to be compared, each with the prompt before it.

    texts: the answers in the form's order (chosen, rejected; the responses; text, paraphrase; response a, b).
    ranks: 0 = best, None where no order is known. label: 1 same meaning, 0 not (paraphrases). attribute: identity.
    slices: labels of the row (a benchmark's subset, domain ...). styles: of each text, where they are known.
    """

    id: str
    group: str
    texts: tuple[str, ...]
    prompt: tuple[Message, ...]
    ranks: tuple[float, ...] | None = None
    label: int | None = None
    attribute: str = ""
    slices: tuple[tuple[str, str], ...] = ()
    styles: tuple[str, ...] = ()

    def conversation(self, index: int) -> Conversation:
        """The prompt with the answer at `index`."""
        return conversation(list(self.prompt), self.texts[index])


@dataclass(frozen=True)
class Dataset:
    """A file of rows of one form, and in words what was wrong with the rows that were left out.

    readable: number of rows without a fault in the file, of which `rows` may be a sample. format: of a known benchmark.
    """

    name: str
    kind: str
    rows: tuple[DataRow, ...]
    problems: tuple[str, ...]
    sha256: str
    readable: int
    format: str = ""

    def sampled(self, most: int, seed: int) -> Dataset:
        """At most this many rows, drawn at random but in the file's order: files are often sorted by something."""
        if len(self.rows) <= most:
            return self
        rng = np.random.default_rng([seed, zlib.crc32(self.name.encode())])
        chosen = sorted(rng.choice(len(self.rows), size=most, replace=False))
        return replace(self, rows=tuple(self.rows[place] for place in chosen))


def read_dataset(path: str | Path) -> Dataset:
    """Read a file of one of the forms above, or of a known benchmark.

    Raises DataError where the file is missing, empty, of an unknown form, or holds no readable row.
    """
    file = Path(path)
    name, kind, known, rows, problems = name_of(file), "", None, [], []
    for place, row in read_rows(file):
        try:
            if isinstance(row, str):
                raise DataError(row)
            native = known if kind else recognised(row)
            form = kind or (native.kind if native else form_of(row))
            rows.append(_read(row, f"{name}:{place.split()[-1]}", form, native))
            kind, known = form, native  # of the first row that could be read, so that a bad one decides nothing
        except DataError as error:
            problems.append(f"{file.name}, {place}, {error}")
    if not rows:
        detail = f"; first problem: {problems[0]}" if problems else ": the file is empty"
        raise DataError(f"{path}: no row could be read{detail}")
    digest, of = hashlib.sha256(file.read_bytes()).hexdigest(), known.name if known else ""
    return Dataset(name, kind, tuple(_unique(rows)), tuple(problems), digest, len(rows), of)


def _read(row: Row, name: str, form: str, native: Format | None) -> DataRow:
    if native:
        own = native.translate(row)
        return replace(PARSERS[form](own.row, name), slices=own.slices, styles=own.styles)
    if hint := _misspelled(row, FIELDS[form], cutoff=1.0):  # an optional field would be lost without a word
        raise DataError(f"fields: expected the names as documented{hint}")
    return PARSERS[form](row, name)


def form_of(row: Row) -> str:
    """Which form a row has, told by its fields. Raises DataError naming the fields found and the forms known."""
    for kind, fields in FORMS.items():
        if fields & row.keys():
            return kind
    raise DataError(
        f"fields: expected those of one of {', '.join(FORMS)} (chosen/rejected, responses/ranks, text/paraphrase, "
        f"response_a/response_b), got {_names(row)}{_misspelled(row, sorted(frozenset().union(*FORMS.values())))}"
    )


def _unique(rows: list[DataRow]) -> Iterator[DataRow]:
    """Give rows that share an id their own: an id names one row of the record."""
    taken = {row.id for row in rows}
    seen: dict[str, int] = {}
    for row in rows:
        count = seen[row.id] = seen.get(row.id, 0) + 1
        if count == 1:
            yield row
            continue
        while f"{row.id}#{count}" in taken:
            count += 1
        taken.add(f"{row.id}#{count}")
        yield replace(row, id=f"{row.id}#{count}")


# ------------------------------------------------------------------------------------------------ rows to DataRows
def _pair(row: Row, name: str) -> DataRow:
    chosen, rejected = _present(row, "chosen"), _present(row, "rejected")
    before = row.get("prompt")
    prompt_a, text_a = _prompt_and_answer(before, chosen, "chosen")
    prompt_b, text_b = _prompt_and_answer(before, rejected, "rejected")
    if prompt_a != prompt_b:
        raise DataError("rejected: expected the same prompt as in chosen; a reward compares answers within one prompt")
    if text_a == text_b:
        raise DataError("rejected: expected another answer than chosen; a pair of equal answers carries no preference")
    return _row(row, name, prompt_a, (text_a, text_b), ranks=(0.0, 1.0), slices=_told(row, "base_id", "condition"))


def _ranking(row: Row, name: str) -> DataRow:
    responses = _present(row, "responses")
    if not isinstance(responses, list) or len(responses) < 2:
        raise DataError(f"responses: expected a list of two or more answers, got {responses!r:.60}")
    texts = tuple(_text(text, f"responses[{index}]") for index, text in enumerate(responses))
    ranks = row.get("ranks")
    if ranks is not None and (
        not isinstance(ranks, list) or len(ranks) != len(texts) or not all(_is_finite(rank) for rank in ranks)
    ):
        raise DataError(f"ranks: expected {len(texts)} numbers (0 = best) or null, got {ranks!r:.60}")
    order = tuple(float(rank) for rank in ranks) if ranks is not None else None
    return _row(row, name, _prompt(_present(row, "prompt")), texts, ranks=order)


def _is_finite(value: Any) -> bool:
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def _paraphrase(row: Row, name: str) -> DataRow:
    texts = (_text(_present(row, "text"), "text"), _text(_present(row, "paraphrase"), "paraphrase"))
    label = 1 if row.get("label") in (None, "") else row["label"]
    if label not in (0, 1, "0", "1"):
        raise DataError(f"label: expected 1 (same meaning) or 0 (not), got {label!r:.60}")
    before = row.get("prompt") or _meta(row).get("prompt")
    return _row(row, name, _prompt(before) if before else [], texts, label=int(label))


def _identity(row: Row, name: str) -> DataRow:
    texts = tuple(_text(_present(row, field), field) for field in ("response_a", "response_b"))
    prompt, attribute = _prompt(_present(row, "prompt")), str(row.get("attribute", ""))
    return _row(row, name, prompt, texts, attribute=attribute, slices=_told(row, "group_a", "group_b"))


FORMS = {
    "pairs": frozenset({"chosen", "rejected"}),
    "rankings": frozenset({"responses"}),
    "paraphrases": frozenset({"paraphrase"}),
    "identity": frozenset({"response_a", "response_b"}),
}
#: All that a row of each form may tell about its answers.
FIELDS = {
    "pairs": ("prompt", "chosen", "rejected"),
    "rankings": ("prompt", "responses", "ranks"),
    "paraphrases": ("text", "paraphrase", "label", "prompt"),
    "identity": ("prompt", "response_a", "response_b", "attribute"),
}
PARSERS = {"pairs": _pair, "rankings": _ranking, "paraphrases": _paraphrase, "identity": _identity}


def _row(row: Row, name: str, prompt: list[Message], texts: tuple[str, ...], **more: Any) -> DataRow:
    own = _digest([[message["role"], message["content"]] for message in prompt] or texts)
    given = [row.get("group"), _meta(row).get("group"), own]
    group = next(value for value in given if value not in (None, ""))
    identity = name if row.get("id") in (None, "") else row["id"]
    return DataRow(str(identity), str(group), texts, tuple(prompt), **more)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]


def _meta(row: Row) -> Mapping[str, Any]:
    meta = row.get("meta")
    return meta if isinstance(meta, Mapping) else {}


def _told(row: Row, *keys: str) -> tuple[tuple[str, str], ...]:
    """What `meta` says under these keys, as far as it has them."""
    meta = _meta(row)
    return tuple((key, str(meta[key])) for key in keys if key in meta)


def _names(row: Row) -> str:
    """The fields of a row, shown as what they are: text from a file, of any length."""
    return f"{', '.join(map(str, row))!r:.200}" if row else "none"


def _misspelled(row: Row, wanted: Iterable[str], cutoff: float = 0.8) -> str:
    """What to rename, where a field is one of `wanted` but for blanks, case and (cutoff < 1) a slip; else nothing."""
    legal = {field for fields in FIELDS.values() for field in fields}
    strange = {str(name).strip().casefold(): str(name) for name in row if name not in legal}
    for field in wanted:
        close = get_close_matches(field, strange, n=1, cutoff=cutoff) if row.get(field) is None else []
        if close:
            return f"; rename {strange[close[0]]!r:.60} to {field!r}"
    return ""


def _present(row: Row, field: str) -> Any:
    if row.get(field) is None:
        raise DataError(f"{field}: missing; got the fields {_names(row)}{_misspelled(row, [field])}")
    return row[field]


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{field}: expected a non-empty string, got {value!r:.60}")
    if not is_text(value):
        raise DataError(f"{field}: expected text, got half of a surrogate pair")
    return value


def _prompt(value: Any) -> list[Message]:
    if isinstance(value, str):
        return [{"role": "user", "content": _text(value, "prompt")}]
    try:
        messages = checked_messages(value)
    except DataError as error:
        raise DataError(f"prompt: {error}") from error
    if not messages or messages[-1]["role"] != "user":
        raise DataError("prompt: expected a string, or messages that end with a user turn")
    return messages


def _prompt_and_answer(before: Any, answer: Any, field: str) -> tuple[list[Message], str]:
    """The prompt and the answer's text, from an explicit prompt or from a full conversation."""
    if isinstance(answer, str):
        if before is None:
            raise DataError(
                "prompt: missing; expected a prompt beside the answers, or answers that are full conversations"
            )
        return _prompt(before), _text(answer, field)
    try:
        messages = checked_messages(answer)
    except DataError as error:
        raise DataError(f"{field}: {error}") from error
    if not messages or messages[-1]["role"] != "assistant":
        raise DataError(f"{field}: expected messages that end with an assistant turn")
    text, given = _text(messages[-1]["content"], field), messages[:-1]
    if not given and before is not None:
        return _prompt(before), text
    if before and not _is_of(_prompt(before), given, any_turn=isinstance(before, str)):
        raise DataError(
            f"prompt: expected none beside full conversations, or one of theirs, got another than in {field}: {before!r:.60}"
        )
    return _prompt(given), text


def _is_of(prompt: list[Message], given: list[Message], any_turn: bool) -> bool:
    """Whether the messages before an answer begin or end with this prompt; a string may be any of the user's turns."""
    if any_turn:
        return any(turn["role"] == "user" and turn["content"].strip() == prompt[0]["content"].strip() for turn in given)
    return prompt in (given[: len(prompt)], given[-len(prompt) :])
