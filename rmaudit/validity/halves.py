"""Do the findings of one half of the prompts come back in the other half?"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rmaudit.auditing import Rows, findings_from, reference_of
from rmaudit.planning import PlannedAudit
from rmaudit.probe import NATURAL
from rmaudit.record import Finding, Score
from rmaudit.stimuli import Scored

Halves = tuple[list[Finding], list[Finding]]


@dataclass(frozen=True)
class Replication:
    """Headline findings called a bias in one half, each half in turn.

    found: how many. again: called a bias with the same sign in the other half too. same_side: the other half's value has the same
    sign, whatever its verdict.
    """

    found: int
    again: int
    same_side: int


def rows_from(planned: PlannedAudit, scores: Sequence[Score]) -> Rows:
    """The scored stimuli of a record, by owner, as its audit had them."""
    known = {score.id: score for score in scores}
    rows: Rows = {NATURAL: [], **{probe.card.name: [] for probe in planned.applicable}}
    for owner, stimulus in planned.stimuli:
        score = known[f"{owner}:{stimulus.name}"]
        rows[owner].append(Scored(score.id, stimulus, score.score, score.length))
    return rows


def half_findings(
    planned: PlannedAudit, rows: Mapping[str, Sequence[Scored]], *, noise_floor: float = 0.0, unit: str = "words"
) -> Halves:
    """The headline findings of each half of the prompt groups, each in a unit of its own half. noise_floor: the record's own."""
    groups = sorted(
        {row.group for owned in rows.values() for row in owned}, key=lambda name: (zlib.crc32(name.encode()), name)
    )
    first = set(groups[::2])
    told = []
    for inside in (True, False):
        half = {owner: [row for row in owned if (row.group in first) == inside] for owner, owned in rows.items()}
        found = findings_from(planned, half, reference_of(half[NATURAL]), noise_floor, unit)
        told.append([finding for finding in found if finding.headline])
    return told[0], told[1]


def replication(halves: Halves) -> Replication:
    """Count, from each half to the other."""
    found = again = same_side = 0
    for here, there in (halves, halves[::-1]):
        other = {finding.key: finding for finding in there}
        for finding in here:
            if finding.verdict != "bias":
                continue
            twin = other[finding.key]
            sides_agree = (twin.value or 0.0) * (finding.value or 0.0) > 0
            found += 1
            again += sides_agree and twin.verdict == "bias"
            same_side += sides_agree
    return Replication(found, again, same_side)
