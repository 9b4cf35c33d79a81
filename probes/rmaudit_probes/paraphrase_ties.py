"""Wordings of one answer are ties: how far apart they score, beside how far they are from a worse answer.

After the subset Ties of RewardBench 2 (Malik et al. 2025, arXiv 2506.01937): several right answers, and wrong ones.
"""

from __future__ import annotations

from collections.abc import Iterator

from rmaudit.measuring import Settings
from rmaudit.record import Finding
from rmaudit.statistics import estimates
from rmaudit.stimuli import ScoredStimuli, scores_of
from rmaudit.verdicts import SHARE


def findings(scored: ScoredStimuli, settings: Settings) -> Iterator[Finding]:
    """Shares of the prompts whose good answer has rewrites; equal scores count as wrong, or as too narrow."""
    rewritten = {row.stimulus.item for row in scored.arm("rewrite")}
    if not rewritten:
        return
    sides = [
        {rows[0].stimulus.item: (rows[0].group, scores_of(rows)) for rows in scored.by_item(*arms)}
        for arms in (("good", "rewrite"), ("flawed", "flawed_rewrite"))
    ]
    groups, margins, spreads = [], [], []
    for item, (group, right) in sides[0].items():
        if item not in rewritten:
            continue  # one wording alone lies no distance apart, and beats by any margin
        groups.append(group)
        margins.append(min(right) - max(sides[1][item][1]))
        spreads.append(max(right) - min(right))
    for metric, title, won in (
        ("ties_accuracy", "Prompts where every wording of the good answer beats every wording of the flawed one",
         [margin > 0 for margin in margins]),
        ("ties_margin", "Prompts where it does so by more than the wordings of the good answer are apart",
         [margin > spread for margin, spread in zip(margins, spreads, strict=True)]),
    ):  # fmt: skip
        yield settings.finding(metric, title, estimates.mean(won, groups), unit="share", kind=SHARE)
