"""How often an audit of pure noise finds a bias: `python tests/benchmarks/false_alarms.py [RUNS]`.

Every run audits another scorer whose scores are independent normal numbers, the same for the same text. Whatever is
called a bias there is a false alarm. Prints the share of runs with any, its exact 95 % interval, and which checks
raised it.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable
from statistics import NormalDist

from scipy.stats import binomtest

import rmaudit

NORMAL = NormalDist()


def noise(seed: int) -> Callable[[list[rmaudit.Conversation]], list[float]]:
    """A scorer that knows nothing."""

    def scores(conversations: list[rmaudit.Conversation]) -> list[float]:
        digests = (hashlib.sha256(f"{seed}{conversation}".encode()).digest() for conversation in conversations)
        return [NORMAL.inv_cdf((int.from_bytes(digest[:7], "big") + 0.5) / 2**56) for digest in digests]

    return scores


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    alarms = []
    for seed in range(runs):
        record = rmaudit.audit(noise(seed), attributions=0)
        alarms.append([finding.key for finding in record.findings if finding.verdict == "bias"])
        print(f"\r{seed + 1} of {runs}", end="", file=sys.stderr, flush=True)
    count = sum(map(bool, alarms))
    low, high = binomtest(count, runs).proportion_ci(0.95)
    print(
        f"\n{count} of {runs} runs ({count / runs:.1%}, exact 95 % interval {low:.1%} to {high:.1%}) "
        "found a bias in noise"
    )
    for key, times in Counter(key for found in alarms for key in found).most_common():
        print(f"{times:4d}  {key}")


if __name__ == "__main__":
    main()
