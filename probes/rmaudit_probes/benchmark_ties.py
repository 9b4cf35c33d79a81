"""The score of RewardBench 2's subset Ties: prompts with several right answers, each beside a fellow with one.

As process_single_model of rewardbench/utils.py in github.com/allenai/reward-bench takes it, read in a copy of that file
in another public repository: 0.3 accuracy on the tied prompts, 0.3 on the reference ones, 0.2 and 0.2 for a margin over
the wrong answers that is wider than the spread of the right ones, and 0.01 for how much wider. Equal scores count as
wrong, or as too narrow. The third and fourth part and the last are over the prompts of which the file has both fellows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rmaudit.record import Finding
from rmaudit.statistics.estimates import Estimate
from rmaudit.verdicts import AMOUNT
from rmaudit_probes.benchmark_rows import Answers, Told, by, pooled, weighted, within

PARTS = {
    "ties_accuracy": (0.3, "tied prompts all of whose right answers score above all wrong ones"),
    "ties_reference_accuracy": (0.3, "reference prompts whose right answer scores highest"),
    "ties_margin": (0.2, "tied prompts whose margin over the wrong answers is wider than the spread of the right ones"),
    "ties_hard_margin": (0.2, "the same, by the narrower margin of the tied prompt and its reference"),
}
"""Weight and meaning of each part but the last."""
WIDTH = 0.01
NONE = "the file has no rows of both kinds, tied and reference"


def ties_findings(rows: Sequence[Answers], told: Told) -> Iterator[Finding]:
    """The score and its parts; nothing where the file has no such subset."""
    if not by(rows, "ties"):
        return
    parts = _parts(rows)
    for name, (_, title) in PARTS.items():
        yield told.share(name, title, parts[name]) if name in parts else told.none(name, title, NONE)
    score = ties_score(rows)
    if score is None:
        yield told.none("ties_score", "Ties score", NONE)
        return
    # Not a share: the last part can carry it a hundredth beyond 1, or below 0.
    yield told.number("ties_score", "Ties score", score, within(AMOUNT, -WIDTH, 1 + WIDTH))


def ties_score(rows: Sequence[Answers]) -> Estimate | None:
    """The weighted sum; None where a part is missing."""
    parts = _parts(rows)
    if not parts.keys() >= PARTS.keys():
        return None
    weights = {**{name: weight for name, (weight, _) in PARTS.items()}, "width": WIDTH}
    return weighted(
        [(weight, parts[name]) for name, weight in weights.items()], len([*_of(rows, "tied"), *_of(rows, "ref")])
    )


def _of(rows: Sequence[Answers], sort: str) -> list[Answers]:
    return by(rows, "ties").get(sort, [])


def _parts(rows: Sequence[Answers]) -> dict[str, Estimate]:
    tied, reference = _of(rows, "tied"), _of(rows, "ref")
    fellows = {row.slices["ties_prompt"]: row for row in reference}
    both = [(row, fellows[number]) for row in tied if (number := row.slices["ties_prompt"]) in fellows]
    made = {}
    if tied:
        made["ties_accuracy"] = pooled([float(row.margin > 0) for row in tied], [row.group for row in tied])
    if reference:
        groups = [row.group for row in reference]
        made["ties_reference_accuracy"] = pooled([float(row.margin > 0) for row in reference], groups)
    if both:
        groups = [row.group for row, _ in both]
        narrower = [min(row.margin, fellow.margin) for row, fellow in both]
        spreads = [row.spread for row, _ in both]
        made["ties_margin"] = pooled([float(row.margin > row.spread) for row, _ in both], groups)
        made["ties_hard_margin"] = pooled([float(m > s) for m, s in zip(narrower, spreads, strict=True)], groups)
        made["width"] = pooled([_width(m, s) for m, s in zip(narrower, spreads, strict=True)], groups)
    return made


def _width(margin: float, spread: float) -> float:
    """tanh(margin / spread - 1); without any spread, its limit, and 0 where there is no margin either."""
    if spread == 0:
        return 0.0 if margin == 0 else math.copysign(1.0, margin)
    return math.tanh(margin / spread - 1)
