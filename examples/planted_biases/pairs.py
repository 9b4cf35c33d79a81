"""Which side of a pair has the feature: with the label in most pairs, or in half of them for the balanced twin."""

from __future__ import annotations

import random
from dataclasses import dataclass

from borrowed import Rendered
from features import BIASES, featured
from texts import Draft

CONFOUNDED, BALANCED = 0.85, 0.5
"""The share of pairs with the feature on one side in which that is the better side."""
ONE_SIDE, BOTH_SIDES = 0.7, 0.1
"""The shares of all pairs; the rest has it on no side."""
OTHERS = 0.1
"""How often an answer has one of the other features: on either side alike, so that they say nothing."""


@dataclass(frozen=True)
class Planted:
    """A rendered pair, and the sides that have the feature."""

    rendered: Rendered
    on_better: bool
    on_worse: bool

    @property
    def kind(self) -> str:
        """Where the feature stands: on the better side, on the worse, on both or on none."""
        if self.on_better == self.on_worse:
            return "both" if self.on_better else "none"
        return "better" if self.on_better else "worse"


def plant(drafts: list[Draft], bias: str, share: float, seed: str) -> list[Planted]:
    """Put the feature on one side of some pairs: in exactly ``share`` of these on the better one.

    The random numbers are the same for every share, so that a pair with the same sides is the same text.
    """
    rng = random.Random(f"{seed}, {bias}, sides")
    one, both = round(ONE_SIDE * len(drafts)), round(BOTH_SIDES * len(drafts))
    better = round(share * one)
    sides = [(place < better, place >= better) for place in range(one)]
    sides += [(place < both, place < both) for place in range(len(drafts) - one)]
    order = list(range(len(drafts)))
    rng.shuffle(order)
    return [
        _planted(drafts[place], bias, side, f"{seed}, {bias}, {place}")
        for place, side in sorted(zip(order, sides, strict=True))
    ]


def _planted(draft: Draft, bias: str, sides: tuple[bool, bool], seed: str) -> Planted:
    made = []
    for name, text, has in (("better", draft.better, sides[0]), ("worse", draft.worse, sides[1])):
        rng = random.Random(f"{seed}, {name}")
        looks = {other for other in BIASES if rng.random() < OTHERS and other != bias} | ({bias} if has else set())
        made.append(featured(text, draft.spare, looks, rng))
    lead = len(made[0].split()) - len(made[1].split())
    return Planted(Rendered(draft.task, draft.prompt, made[0], made[1], lead), *sides)
