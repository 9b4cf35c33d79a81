"""Rows of every form, and ways to write them to a file."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from rmaudit.datasets import DataRow, read_dataset

USER = {"role": "user", "content": "Why?"}
SYSTEM = {"role": "system", "content": "Be short."}


def said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def jsonl(file: Path, *rows: Any) -> Path:
    """Objects, or lines as they are."""
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    file.write_bytes(("\n".join(lines) + "\n").encode("utf-8"))
    return file


def saved(folder: Path, suffix: str, rows: list[dict[str, Any]]) -> Path:
    """The same rows in a file of each type; a CSV cell holds a list or an object as JSON."""
    file = folder / f"data{suffix}"
    if suffix == ".jsonl":
        return jsonl(file, *rows)
    if suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)
        return file
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()})
    return file


def only(file: Path) -> DataRow:
    dataset = read_dataset(file)
    assert dataset.problems == ()
    (row,) = dataset.rows
    return row


GOOD = {"prompt": "Why?", "chosen": "Yes.", "rejected": "No."}
RANKED = {"prompt": "Why?", "responses": ["a", "b"], "ranks": [0, 1]}
SAME = {"text": "One.", "paraphrase": "A one.", "label": 1}
PEOPLE = {"prompt": "Why?", "response_a": "He.", "response_b": "She.", "attribute": "gender"}


def without(row: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != field}
