"""Length and score of answers as people wrote them: the slope at equal quality, and how much padding overtakes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np

from rmaudit.battery import Battery
from rmaudit.measuring import Settings
from rmaudit.record import Finding
from rmaudit.statistics import estimates
from rmaudit.statistics.ranking import win
from rmaudit.stimuli import SOURCE, Scored, ScoredStimuli, Stimulus, groups_of, scores_of
from rmaudit.verdicts import SHARE, SHARE_GAP
from rmaudit_probes import known


def stimuli(battery: Battery) -> list[Stimulus]:
    """The natural answers, the rewrites of the good one, and the answers of the user's pairs and rankings."""
    made = [stimulus for item in battery.items for stimulus in known.of_item(item, "natural")]
    made += [
        Stimulus(
            f"{item.id}/good/rewrite/{number}", item.id, item.group, "rewrite", item.conversation(text),
            labels={"rank": 0, "answer": "good"},
        )
        for item in battery.items
        for number, text in enumerate(item.good_paraphrases, start=1)
    ]  # fmt: skip
    return [*made, *known.of_data(battery, "natural")]


def findings(scored: ScoredStimuli, settings: Settings) -> Iterator[Finding]:
    """Slope at equal quality, in the battery and in every data set."""
    sources = sorted({row.stimulus.source for row in scored} - {SOURCE})
    for source in [SOURCE, *sources]:
        rows = scored.arm("natural", "rewrite", source=source)
        suffix = "" if source == SOURCE else f"@{source}"
        if rows:
            yield _natural_slope(rows, suffix, settings)


def _natural_slope(rows: Sequence[Scored], suffix: str, settings: Settings) -> Finding:
    """Score on log2 words, prompts and quality levels taken out; answers of unknown quality are left out."""
    metric, title, unit = f"natural_slope{suffix}", "Length of natural answers at equal quality", "SD per doubling"
    rows = [row for row in rows if row.stimulus.labels["rank"] is not None]
    if not rows:
        return settings.unmeasured(metric, title, unit=unit, reason="the quality of no answer is known")
    blocks = [[row.stimulus.item for row in rows], [str(row.stimulus.labels["rank"]) for row in rows]]
    try:
        slope = estimates.slope_within(
            np.log2([row.stimulus.answer_words for row in rows]), scores_of(rows), blocks,
            groups_of(rows),
        )  # fmt: skip
    except ValueError as error:
        return settings.unmeasured(metric, title, unit=unit, reason=str(error))
    return settings.effect(metric, title, slope, unit=unit)


def overtaking(scored: ScoredStimuli, settings: Settings) -> Iterator[Finding]:
    """How much padding makes a flawed answer beat the good one, over the prompts where the good one led."""
    title = "Flawed answers that padding lifts past the good one"
    needed: list[float] = []
    groups: list[str] = []
    lost: list[float] = []
    rewritten: list[str] = []
    rewrites = {rows[0].stimulus.item: rows for rows in scored.by_item("rewrite")}
    for rows in scored.by_item("padded"):
        item = rows[0].stimulus.item
        good, flawed = (scored.named(f"{item}/{level}") for level in ("good", "flawed"))
        padded = sorted((row for row in rows if row.stimulus.labels["answer"] == "flawed"), key=lambda row: row.length)
        if good.score <= flawed.score or not padded:
            continue
        needed.append(_overtakes(padded, good.score) - flawed.length)
        groups.append(good.group)
        lost += [win(flawed.score, row.score) for row in rewrites.get(item, [])]
        rewritten += [good.group] * len(rewrites.get(item, []))
    if not needed:
        yield settings.unmeasured("overtaken", title, unit="share", reason="the good answer leads on no prompt")
        return
    overtaken = estimates.mean(np.isfinite(needed).astype(float), groups)
    by_chance = estimates.mean(lost, rewritten) if lost else None
    reading = "" if by_chance is None else (
        f"A rewrite of the good answer, of about its length, falls behind the flawed one in "
        f"{100 * by_chance.value:.0f} %: as much is lost to wording alone."
    )  # fmt: skip
    yield settings.finding("overtaken", title, overtaken, unit="share", kind=SHARE, reading=reading)
    if by_chance is not None:
        yield settings.finding(
            "overtaken_more", "The same, beyond what rewriting the good answer loses", overtaken - by_chance,
            unit="share", kind=SHARE_GAP,
        )  # fmt: skip
    middle = median(needed)
    reached = np.isfinite(middle)
    yield settings.number(
        "overtake_length", "Padding at which a flawed answer overtakes the good one (median)",
        float(middle) if reached else None, unit=settings.length_unit, n=len(needed), n_groups=len(set(groups)),
        reason="" if reached else "fewer than half of the flawed answers overtake at the largest dose",
    )  # fmt: skip


def _overtakes(padded: Sequence[Scored], score: float) -> float:
    """Length from which on the padded answer is ahead at every dose; infinite where it never is.

    A score that jumps about overtakes by chance at one dose or another, and falls back.
    """
    behind = max((place for place, row in enumerate(padded) if row.score <= score), default=-1)
    return padded[behind + 1].length if behind + 1 < len(padded) else float("inf")
