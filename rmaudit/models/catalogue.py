"""The table of what loads and what is refused, from the registry: `python -m rmaudit.models.catalogue`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rmaudit.models.families import known_families
from rmaudit.models.families.family import HeadFamily
from rmaudit.models.refusals import REFUSED, Refusal


def table() -> str:
    """Two Markdown tables: families of heads, and what is refused, why, and what to do instead."""
    loads = _rows(("family", "keys in the files", "score", "head", "examples"), map(_family, known_families()))
    refused = _rows(("refused", "examples", "why", "instead"), map(_refusal, REFUSED))
    return "\n".join([*loads, "", *refused])


def _rows(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _line(names)
    yield _line(["---"] * len(names))
    yield from map(_line, rows)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _family(family: HeadFamily) -> tuple[str, ...]:
    return f"`{family.name}`", f"`{family.known_keys}`", family.title, family.kind, family.models


def _refusal(refusal: Refusal) -> tuple[str, ...]:
    return refusal.title, refusal.models, refusal.reason, refusal.way_out


if __name__ == "__main__":
    print(table())
