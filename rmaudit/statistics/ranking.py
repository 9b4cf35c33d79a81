"""Agreement of scores with a known ranking, one number per prompt."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike


def kendall_tau(scores: ArrayLike, ranks: ArrayLike) -> float | None:
    """Kendall's tau-b of scores with ranks (0 = best), in [-1, 1]; 0 for constant scores, None for all-tied ranks.

    (Kendall 1945.) Scores that do not tell the answers apart agree with the ranking no better than chance does.
    """
    x, y = np.asarray(scores, dtype=np.float64), -np.asarray(ranks, dtype=np.float64)
    if len(np.unique(y)) < 2:
        return None
    if len(np.unique(x)) < 2:
        return 0.0
    x_order, y_order = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    untied = np.sqrt(np.abs(x_order).sum() * np.abs(y_order).sum())
    return float((x_order * y_order).sum() / untied)


def known_pairs(ranks: ArrayLike) -> list[tuple[int, int]]:
    """Index pairs (better, worse) of all answers whose ranks differ."""
    order = np.asarray(ranks)
    pairs = combinations(range(len(order)), 2)
    return [(i, j) if order[i] < order[j] else (j, i) for i, j in pairs if order[i] != order[j]]


def win(better: float, worse: float) -> float:
    """1 if the better answer scores higher, 0 if lower, one half for a tie."""
    return 0.5 if better == worse else float(better > worse)


def top_one(scores: ArrayLike, ranks: ArrayLike) -> float:
    """Chance that the highest-scored answer is one of the best; tied tops share the chance."""
    x, order = np.asarray(scores), np.asarray(ranks)
    top = np.flatnonzero(x == x.max())
    return float(np.mean(order[top] == order.min()))
