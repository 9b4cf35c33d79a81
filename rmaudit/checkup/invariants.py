"""What must not change a score, tried: company, padding, order, packing; and what must: another answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmaudit.models import RewardModel
from rmaudit.models.formatting import BOS_POLICIES
from rmaudit.scoring import LocalEngine
from rmaudit.scoring.tolerance import tolerance

Scores = NDArray[np.float64]
Ids = tuple[int, ...]


@dataclass(frozen=True)
class Invariant:
    """One thing that must hold.

    name: what is tried. largest: the largest change of a score, its own units, and allowed, what rounding explains at that
    score; both None where nothing is measured but whether it holds. detail: what was found, in words.
    """

    name: str
    holds: bool
    detail: str
    largest: float | None = None
    allowed: float | None = None


def check_invariants(rm: RewardModel, ids: Sequence[Ids]) -> list[Invariant]:
    """Try everything on these sequences: pairs of answers to one prompt, side by side. Raises ScoringError as scoring does."""
    plain = rm.score_ids(ids, batch_size=1)
    allowed = tolerance(rm, rm.read_ids(ids, batch_size=1))
    return [
        *(_compared(name, again, plain, allowed) for name, again in _again(rm, ids)),
        _told_apart(rm, ids, plain),
        _beginning(rm, ids),
        *_final_token(rm, ids),
    ]


def _again(rm: RewardModel, ids: Sequence[Ids]) -> Iterator[tuple[str, Scores]]:
    """The same scores in other ways."""
    yield "scored again", rm.score_ids(ids, batch_size=1)
    for size in (3, len(ids)):
        yield f"batches of {size}", rm.score_ids(ids, batch_size=size)
    yield "padding on the left", rm.score_ids(ids, batch_size=len(ids), padding_side="left")
    yield "reversed order", rm.score_ids(ids[::-1], batch_size=3)[::-1]
    engine = LocalEngine(rm)
    yield f"as an audit scores ({engine.packing.mode.value})", engine.score_ids(ids)


def _compared(name: str, again: Scores, plain: Scores, allowed: Scores) -> Invariant:
    differences = np.abs(again - plain)
    worst = int((differences / allowed).argmax())
    largest, bound = float(differences[worst]), float(allowed[worst])
    return Invariant(
        name, bool((differences <= allowed).all()), f"{in_short(largest)}, allowed {in_short(bound)}", largest, bound
    )


def in_short(difference: float) -> str:
    """A difference that matters by its size alone."""
    return f"{difference:.1e}" if difference else "0"


def _told_apart(rm: RewardModel, ids: Sequence[Ids], scores: Scores) -> Invariant:
    """A readout at a place that does not depend on the answer gives all answers to a prompt one score."""
    name = "different answers, different scores"
    same = [place for place in range(0, len(ids), 2) if scores[place] == scores[place + 1]]
    if not same:
        return Invariant(name, True, f"{len(ids) // 2} pairs told apart")
    places = rm.positions(ids[same[0]])
    return Invariant(
        name,
        False,
        f"{len(same)} of {len(ids) // 2} pairs of different answers have the same score. The score is read at the "
        f"{rm.rule.title} (token {places[-1] + 1} of {len(ids[same[0]])}); where that is in the prompt, as where the padding token "
        "also ends turns, the answer has no say. Another rule: --position NAME (position=...)",
    )


def _beginning(rm: RewardModel, ids: Sequence[Ids]) -> Invariant:
    wanted = BOS_POLICIES[rm.formatter.bos_policy]
    bos = rm.tokenizer.bos_token
    found = sorted({rm.formatter.leading_bos(sequence) for sequence in ids})
    told = f"{' or '.join(map(str, found))} ({bos or 'the tokenizer has none'})"
    name = f"BOS tokens as asked for ({rm.formatter.bos_policy})"
    return Invariant(name, bos is None or wanted is None or found == [wanted], told)


def _final_token(rm: RewardModel, ids: Sequence[Ids]) -> Iterator[Invariant]:
    token = rm.formatter.shaping.final_token
    if token is not None:
        once = all(sequence[-1] == token and sequence.count(token) == 1 for sequence in ids)
        shown = rm.tokenizer.convert_ids_to_tokens(token)
        yield Invariant("one reward token, at the end", once, f"{shown} (id {token})")
