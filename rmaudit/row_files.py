"""JSONL, CSV and Parquet files as numbered rows. A row that cannot be read is a sentence; the others are kept."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rmaudit.errors import DataError

Row = Mapping[str, Any]
STRUCTURED = ("responses", "ranks", "meta")
NumberedRow = tuple[str, Row | str]
"""Where it stands ("line 3"), and the row, or in words why there is none."""


def read_rows(file: Path) -> Iterator[NumberedRow]:
    """Rows of a .jsonl, .csv or .parquet file. Raises DataError where there is no such file or it cannot be read at all."""
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        raise DataError(f"{file}: unknown file type {file.suffix!r}; legal: {', '.join(sorted(READERS))}")
    try:
        yield from reader(file)
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error}") from error


def _read_jsonl(file: Path) -> Iterator[NumberedRow]:
    # Bytes that are no UTF-8 become surrogates, so that they cost one row and not the file; only \n ends a line.
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield f"line {number}", _json_object(line)


def _json_object(line: str) -> Row | str:
    if not is_text(line):
        return "row: expected UTF-8 text, got other bytes"
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"row: expected one JSON object, got text that is no JSON ({error})"
    if not isinstance(row, dict):
        return f"row: expected one JSON object, got {type(row).__name__}"
    if "\\ud" in line.lower() and not is_text(json.dumps(row, ensure_ascii=False)):
        return "row: expected text, got half of a surrogate pair"
    return row


def _read_csv(file: Path) -> Iterator[NumberedRow]:
    csv.field_size_limit(1 << 27)
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        heading: list[str] | None = None
        line = 1
        try:
            for cells in reader:
                if heading is None and cells:
                    heading = _heading(cells, file)
                elif heading is not None and cells:
                    yield f"line {line}", _csv_row(heading, cells)
                line = reader.line_num + 1
        except csv.Error as error:
            # After a broken quotation it is unknown where the next row begins, and a guess could make up a row.
            yield f"line {line}", f"row: expected CSV, got {error}; nothing after this line could be read"


def _heading(cells: list[str], file: Path) -> list[str]:
    twice = sorted({name for name in cells if cells.count(name) > 1})
    if twice or not is_text("".join(cells)):
        wrong = f"{twice[0]!r} twice" if twice else "bytes that are no UTF-8"
        raise DataError(f"{file}, line 1: expected a heading of different column names, got {wrong}")
    return cells


def _csv_row(heading: list[str], cells: list[str]) -> Row | str:
    if not is_text("".join(cells)):
        return "row: expected UTF-8 text, got other bytes"
    if len(cells) != len(heading):
        return f"row: expected {len(heading)} cells, as in the heading, got {len(cells)}"
    return {name: _cell(name, text) for name, text in zip(heading, cells, strict=True)}


def _cell(name: str, text: str) -> Any:
    """A CSV cell holds text, and only `responses`, `ranks`, `meta` and lists of messages are read as JSON: an answer that
    happens to be JSON stays the text that it is."""
    if name in STRUCTURED and not text:
        return None
    if not text.startswith(("[", "{")):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    messages = isinstance(value, list) and all(isinstance(part, dict) and "role" in part for part in value)
    return value if name in STRUCTURED or (messages and value) else text


def _read_parquet(file: Path) -> Iterator[NumberedRow]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(file)
        rows = [row for batch in table.to_batches() for row in batch.to_pylist()]
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{file}: not a Parquet file that can be read: {error}") from error
    for number, row in enumerate(rows, start=1):
        yield f"row {number}", row


def is_text(text: str) -> bool:
    """False where a string holds lone surrogates: bytes that were no UTF-8, or half of an escaped pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


READERS: dict[str, Callable[[Path], Iterator[NumberedRow]]] = {
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
