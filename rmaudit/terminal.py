"""What the terminal shows: a progress bar on stderr, the scorecard on stdout, no hostile characters on either."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from typing_extensions import Self

from rmaudit.quantities import Scale, percent, plain
from rmaudit.record import Finding, Record
from rmaudit.summary import Summary, worst_first

SHAPES = {"bias": "▲ bias", "inconclusive": "◆ inconclusive", "negligible": "● negligible", "error": "✕ error",
          "not_applicable": "– not applicable"}  # fmt: skip


WIDEST = 60
"""Columns of a cell: a longer reason goes on in the next line; a name, which is copied into a policy, does not."""


class Meter:
    """A progress bar on stderr, one line per stage; plain text now and then where stderr is no terminal."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description:<10}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True),
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tasks:
            self._bar.stop()

    def progress(self, stage: str, done: int, total: int) -> None:
        """Take a stage's progress."""
        if sys.stderr.isatty():
            self._bar.start()
            if stage not in self._tasks:
                self._tasks[stage] = self._bar.add_task(stage, total=total)
            self._bar.update(self._tasks[stage], completed=done, total=total)
            return
        tenth = 10 * done // max(1, total)
        if self._told.get(stage) != tenth:
            self._told[stage] = tenth
            print(f"{stage} {10 * tenth} %", file=sys.stderr, flush=True)


HIDDEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
"""Unicode categories of what steers, hides or breaks text: control, format, surrogate, private, line and paragraph ends."""


def printable(text: str) -> str:
    """Text of several lines with control and bidi characters made visible, so that no model or data text can steer the
    terminal; its newlines and tabs are kept."""
    return "".join(character if character in "\n\t" else _shown(character) for character in text)


def one_line(text: str) -> str:
    """The same for a text that has one line to stand on: no name from a file can make up a line of its own."""
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    return f"\\u{ord(character):04x}" if unicodedata.category(character) in HIDDEN else character


def scorecard(record: Record, summary: Summary) -> str:
    """The verdict, the warnings, the headline findings, worst first, and what the user's data sets tell."""
    headlines = sorted((finding for finding in record.findings if finding.headline), key=worst_first)
    # Of each metric on each data set what it tells in a sentence, or why it could not be measured; the page has the rest.
    others = [f for f in record.findings if f.dataset and not f.headline and (f.reading or f.reason)]
    lines = [f"{summary.word.upper()}: {summary.sentence}", *(f"Warning: {warning}" for warning in record.warnings)]
    tables = [_table(headlines, "check")]
    if others:
        tables.append(_table(others, "on the data sets given, each interval by itself"))
    return "\n".join([*map(one_line, lines), *(line for table in tables for line in ("", *table))])


def _table(findings: Sequence[Finding], title: str) -> list[str]:
    """The lines of a table, as wide as its longest name asks for."""
    confidence = next((f"{percent(f.confidence)} interval" for f in findings if f.interval is not None), "interval")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, heading in enumerate((title, "effect", plain(confidence), "prompts", "can detect", "verdict")):
        table.add_column(heading, overflow="fold", max_width=WIDEST if place else None)
    for finding in findings:
        table.add_row(*(one_line(plain(cell)) for cell in _cells(finding)))
    console = Console(width=10 * WIDEST, highlight=False, markup=False, emoji=False, no_color=not sys.stdout.isatty())
    with console.capture() as captured:
        console.print(table)
    return [row.rstrip() for row in captured.get().splitlines()]


def _cells(finding: Finding) -> tuple[str, str, str, str, str, str]:
    scale = Scale(finding.unit, finding.value, finding.interval)
    effect = scale.full(finding.value) if finding.value is not None else finding.reason
    interval = scale.bare_range(finding.interval) if finding.interval is not None else ""
    detect = scale.size(finding.detectable) if finding.detectable is not None else ""
    return (
        finding.key,
        effect,
        interval,
        str(finding.n_groups),
        detect,
        SHAPES[finding.verdict] if finding.verdict else "",
    )
