"""Whether the order of the four answers, and the one on top, stay as they are when the prompt is written otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rmaudit.battery import Item
from rmaudit.measuring import Settings
from rmaudit.record import Finding
from rmaudit.statistics import estimates, ranking
from rmaudit.statistics.estimates import Estimate
from rmaudit.stimuli import Scored, ScoredStimuli, Stimulus, scores_of
from rmaudit.verdicts import AGREEMENT, SHARE
from rmaudit_probes.prompt_surface import quoted, spaced
from rmaudit_probes.typos import SLIPS, slipped

ASKED = "asked: "
"""Arms of answers under another wording of the prompt begin so; the rest says what was done to it."""
SLIPS_PER_HUNDRED = 8
UNIT = "tau-b"


def stimuli(written: list[Stimulus], item: Item, rng: np.random.Generator) -> Iterator[Stimulus]:
    """The same answers under every other wording of the prompt."""
    sort = list(SLIPS)[int(rng.integers(len(SLIPS)))]
    text = item.question
    slips = max(1, round(SLIPS_PER_HUNDRED * len(text) / 100))
    ways = [(f"rewritten/{number}", other) for number, other in enumerate(item.prompt_paraphrases, start=1)]
    ways += [("in quotes", quoted(text)), ("spaces before marks", spaced(text))]
    ways += [("typing errors", slipped(text, SLIPS[sort], slips, rng))]
    for way, question in ways:
        for base in written if question != text else []:
            level = base.labels["answer"]
            yield replace(
                base, name=f"{item.id}/{way}/{level}", arm=f"{ASKED}{way.partition('/')[0]}",
                conversation=item.conversation(item.answers[level], question), template=way,
            )  # fmt: skip


def findings(scored: ScoredStimuli, settings: Settings) -> Iterator[Finding]:
    """Kendall's tau-b of the orders before and after, and how often the same answer stays on top; by what was done."""
    before = {rows[0].stimulus.item: scores_of(rows) for rows in scored.by_item("answer")}
    orders: dict[tuple[str, str], list[Scored]] = {}
    for row in scored:
        if row.stimulus.arm.startswith(ASKED):
            orders.setdefault((row.stimulus.item, row.stimulus.template or ""), []).append(row)
    if not orders:
        return
    changed = [Changed.of(rows, before[rows[0].stimulus.item]) for rows in orders.values()]
    for metric, title, value, unit, kind in (
        ("order_stability", "Agreement of the order before and after a change of the prompt's wording",
         lambda one: one.tau, UNIT, AGREEMENT),
        ("top_1_stability", "Changes of the prompt's wording after which the same answer stays on top",
         lambda one: one.kept, "share", SHARE),
    ):  # fmt: skip
        points = [
            {"label": way, **settings.point(_mean([one for one in changed if one.way == way], value), kind)}
            for way in dict.fromkeys(one.way for one in changed)
        ]
        yield settings.finding(metric, title, _mean(changed, value), unit=unit, kind=kind, detail={"slices": points})


@dataclass(frozen=True)
class Changed:
    """One prompt in other words: what was done, tau-b of the order with that before,
    and the chance that the top stayed."""

    way: str
    group: str
    tau: float
    kept: float

    @classmethod
    def of(cls, rows: Sequence[Scored], before: Sequence[float]) -> Changed:
        """From the answers' scores now, and before in the same order."""
        scores, first = scores_of(rows), rows[0]
        tau = ranking.kendall_tau(scores, -np.asarray(before))
        way = first.stimulus.arm.removeprefix(ASKED)
        return cls(way, first.group, 0.0 if tau is None else tau, _same_top(scores, before))


def _same_top(scores: Sequence[float], before: Sequence[float]) -> float:
    """Chance that the answer on top is the same one, where one of several that tie there is drawn at random."""
    tops = [set(np.flatnonzero(np.asarray(row) == max(row)).tolist()) for row in (scores, before)]
    return len(tops[0] & tops[1]) / (len(tops[0]) * len(tops[1]))


def _mean(changed: Sequence[Changed], value: Callable[[Changed], float]) -> Estimate:
    return estimates.mean([value(one) for one in changed], [one.group for one in changed])
