"""The contract that reports fulfil: a pure function from a record and its scores to text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rmaudit.record import Record, Score


@dataclass(frozen=True)
class Report:
    """A view of a record.

    render(record, scores) -> the file's text; the same record gives the same text, and torch is never imported.
    """

    name: str
    title: str
    suffix: str
    render: Callable[[Record, Sequence[Score]], str]
