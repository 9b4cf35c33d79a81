"""Sign-flip permutation p-values: how often chance signs, cluster by cluster, give as large a number.

Where nothing is there, a paired difference is as likely as its opposite. So the sums over clusters (prompt groups) change
sign together at random. With templates as a second random factor the same is done by template, since a finding must hold for other
prompts and for other templates, and neither knows what both vary together: the largest p counts of these two and of Student's t on
the two-way variance. (Fisher 1935; Phipson & Smyth 2010, doi:10.2202/1544-6115.1585:
a Monte-Carlo p counts the observed signs too, and is never zero.)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rmaudit.statistics import intervals
from rmaudit.statistics.estimates import Estimate, Floats, Labels, numbered

EXACT = 13
"""Up to this many clusters all sign patterns are tried."""
MOST = 1024
"""Beyond as many clusters chance signs would fill the memory, and t tells the same."""
DRAWS = 9999
SEED = 20_251


def p_value(estimate: Estimate) -> float:
    """Two-sided p of no effect. By Student's t where the number is no sum of parts that change sign (`Estimate.parts`)."""
    if estimate.parts is None or estimate.n_groups > MOST:
        return intervals.p_value(estimate)
    by_group = _by(estimate.parts, estimate.groups)
    if estimate.n_templates is None:
        return by_group
    by_template = _by(estimate.parts, intervals.template_clusters(estimate))
    return max(by_group, by_template, intervals.p_value(estimate))


def _by(parts: Floats, clusters: Labels) -> float:
    index, _ = numbered(clusters)
    sums = np.bincount(index, weights=parts)
    sums = sums[sums != 0]  # whatever its sign, nothing adds nothing
    if not sums.size:
        return 1.0
    flipped = np.abs(_signs(sums.size) @ sums)
    # Sums of the same numbers in another order differ by rounding.
    as_large = int(np.count_nonzero(flipped >= abs(sums.sum()) - 1e-9 * np.abs(sums).sum()))
    return as_large / flipped.size if sums.size <= EXACT else (1 + as_large) / (1 + DRAWS)


def _signs(count: int) -> Floats:
    """Sign patterns (patterns, count): all of them for few clusters, else drawn at random, always the same ones."""
    if count <= EXACT:
        bits = np.arange(2**count)[:, None] >> np.arange(count) & 1
        return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)
    return _drawn(1 << (count - 1).bit_length())[:, :count]


@lru_cache(maxsize=4)
def _drawn(width: int) -> Floats:
    """Random sign patterns (DRAWS, width), of which fewer clusters take the first columns: one draw serves many."""
    drawn = np.random.default_rng([SEED, width]).integers(0, 2, size=(DRAWS, width), dtype=np.int8)
    return np.asarray(1.0 - 2.0 * drawn, dtype=np.float64)
