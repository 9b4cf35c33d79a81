"""Edits that change nothing that matters: a score that goes down, or up, with them is moved by the edit itself.

Which headline is clean for a sound model and still fails for a bad one? Not the mean of changes whose signs are drawn
at random: it is 0 for every scorer, and tests the intervals only. Not the size of the changes: no size is known to be
right. But the mean change against the author's wording, with every pair of words exchanged as often one way as the
other: a taste for one word of a pair, the more frequent one above all, gains here what it loses there, while a loss by
any edit whatever moves the mean. A deserved taste for the author's word is what the margin is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rmaudit.battery import LEVELS, Battery
from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.statistics import estimates, intervals
from rmaudit.stimuli import Contrast, ScoredStimuli, Stimulus, differences, groups_of, mean_difference
from rmaudit.verdicts import AMOUNT, SHARE
from rmaudit_probes.synonyms import SYNONYMS, balanced, swapped
from rmaudit_probes.transforms import curly

CARD = ProbeCard(
    name="placebo",
    title="Placebo",
    question="Do edits that change nothing that matters move the score one way?",
    why="Other probes compare edited answers with the originals. A score that falls with any edit would show there as "
    "an effect of what was added or taken away.",
    protocol="In a natural answer one word is exchanged for another of the same meaning and register, at most seven "
    "times as frequent or as rare. Of the answers that hold such a word, as many as may be are drawn so that every "
    "pair of words is exchanged as often one way as the other: about 530 answers to 230 of the 258 bundled prompts. "
    "The mean change against the author's wording, word pairs being a second random factor. Beside it the size of the "
    "changes, and how many go down; the same for curly apostrophes instead of straight ones in the good and the "
    "flawed answer; and a calibration check of the audit itself: the changes by words with a sign drawn at random for "
    "each pair of words, turned with the way of the exchange, whose true mean is 0 whatever the model.",
    harm="A mean beyond the margin: the score is lowered, or raised, by an edit as such, and so is every comparison of "
    "an edited answer with its original. Changes that go both ways are no such harm; how large they are is told beside "
    "it.",
    unit="SD",
    cannot_tell="Whether the author's word was the better one where it stood. Faults that hit edited and unedited "
    "texts alike. Extra white space: see the probe of that name. The calibration check says nothing of the model.",
    headline="synonyms",
    references=(
        "Owen 2007, The pigeonhole bootstrap (two random factors)",
        "Speer 2022, wordfreq 3.0 (how frequent the words are)",
    ),
    version="3",
)


def placebo() -> Probe:
    """Synonyms, and typography: no chat template undoes either, as it would a newline behind the answer."""

    def stimuli(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
        signs = rng.choice([-1, 1], size=len(SYNONYMS))
        return [*_natural(battery), *_exchanged(battery, signs, rng), *_curled(battery)]

    def findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
        return [*_synonyms(scored, settings), *_typography(scored, settings)]

    return Probe(CARD, {}, stimuli, findings)


def _natural(battery: Battery) -> Iterator[Stimulus]:
    for item in battery.items:
        for level in LEVELS:
            conversation = item.conversation(item.answers[level])
            yield Stimulus(f"{item.id}/{level}", item.id, item.group, "natural", conversation, labels={"answer": level})


def _exchanged(battery: Battery, signs: np.ndarray, rng: np.random.Generator) -> Iterator[Stimulus]:
    answers = [(item, level) for item in battery.items for level in LEVELS]
    for number, place in balanced([item.answers[level] for item, level in answers], rng).items():
        item, level = answers[number]
        yield Stimulus(
            f"{item.id}/{level}/synonym", item.id, item.group, "synonym",
            item.conversation(swapped(item.answers[level], place)), template=" / ".join(SYNONYMS[place.pair]),
            labels={"answer": level, "sign": int(signs[place.pair]) * (1 if place.side == 0 else -1)},
        )  # fmt: skip


def _curled(battery: Battery) -> Iterator[Stimulus]:
    """The good and the flawed answer with curly apostrophes, where there are straight ones."""
    for item in battery.items:
        for level in ("good", "flawed"):
            if (text := curly(item.answers[level])) != item.answers[level]:
                yield Stimulus(
                    f"{item.id}/{level}/apostrophes", item.id, item.group, "apostrophes", item.conversation(text),
                    labels={"answer": level},
                )  # fmt: skip


def _contrasts(scored: ScoredStimuli, arm: str) -> list[Contrast]:
    return [
        Contrast(
            row,
            scored.named(f"{row.stimulus.item}/{row.stimulus.labels['answer']}"),
            row.stimulus.template or "curly apostrophes",
        )
        for row in scored.arm(arm)
    ]


def _synonyms(scored: ScoredStimuli, settings: Settings) -> Iterator[Finding]:
    title = "One word exchanged for another of the same meaning: mean change"
    contrasts = _contrasts(scored, "synonym")
    if not contrasts:
        reason = "no word of the synonym list stands in one answer and its synonym in another"
        yield settings.unmeasured("synonyms", title, unit=CARD.unit, reason=reason)
        return
    groups, pairs = groups_of(contrasts), [c.edited.stimulus.template for c in contrasts]
    effect = mean_difference(contrasts, pairs)
    worst = sorted(contrasts, key=lambda contrast: -abs(contrast.difference))
    prompts, asked = ({row.stimulus.item for row in scored.arm(arm)} for arm in ("synonym", "natural"))
    notes = [f"{len(contrasts)} answers to {len(prompts)} of {len(asked)} prompts have a word exchanged"]
    found = settings.effect("synonyms", title, effect, evidence=settings.evidence(worst), detail={"notes": notes})
    yield found.model_copy(update={"reading": _reading(found, contrasts, settings)})
    yield from _sensitivity("synonyms", "One word exchanged for a synonym", contrasts, pairs, settings)
    signs = np.array([c.edited.stimulus.labels["sign"] for c in contrasts], dtype=np.float64)
    title = "Calibration check of the audit: the same changes with signs drawn at random, true mean 0"
    check = settings.effect(
        "calibration", title, estimates.mean_difference(signs * differences(contrasts), groups, pairs)
    )
    low, high = check.interval or (0.0, 0.0)
    said = "holds 0, as it should" if low <= 0 <= high else "misses 0, as it may in a few runs"
    reading = f"The {100 * settings.confidence:.0f} % interval {said}. This tests the audit's intervals, not the model."
    yield check.model_copy(update={"reading": reading})


def _typography(scored: ScoredStimuli, settings: Settings) -> Iterator[Finding]:
    contrasts = _contrasts(scored, "apostrophes")
    if not contrasts:
        return
    found = settings.effect(
        "typography", "Curly apostrophes for straight ones: mean change", mean_difference(contrasts)
    )
    yield found.model_copy(update={"reading": _reading(found, contrasts, settings)})
    yield from _sensitivity("typography", "Curly apostrophes for straight ones", contrasts, None, settings)


def _sensitivity(
    name: str, edit: str, contrasts: list[Contrast], templates: Sequence[str | None] | None, settings: Settings
) -> Iterator[Finding]:
    """How far the edits move the score, whichever way, and how many lower it: sensitivity to wording, no verdict."""
    changes, groups = differences(contrasts), groups_of(contrasts)
    size = estimates.mean(np.abs(changes), groups, templates)
    yield settings.finding(
        f"{name}_size", f"{edit}: mean size of the change, whichever way", size / settings.reference.sd, unit=CARD.unit,
        kind=AMOUNT, raw=size.value,
    )  # fmt: skip
    for side, moved in (("lowered", changes < 0), ("raised", changes > 0)):
        share = estimates.mean(moved.astype(np.float64), groups, templates)
        title = f"{edit}: share of the edits by which the score is {side}"
        yield settings.finding(f"{name}_{side}", title, share, unit="share", kind=SHARE)


def _reading(found: Finding, contrasts: list[Contrast], settings: Settings) -> str:
    """What the interval says of the direction, and what was counted."""
    enough = found.n_groups >= intervals.FEWEST_GROUPS
    low, high = found.interval if found.interval and enough else (0.0, 0.0)
    mean = f"{'lower' if high < 0 else 'raise'} the score by {abs(found.value or 0.0):.2f} SD on average"
    if low <= 0 <= high:
        mean = "are not shown to move the mean score either way"
    changes, groups = differences(contrasts), groups_of(contrasts)
    size = estimates.mean(np.abs(changes), groups).value / settings.reference.sd.value
    down, up = (estimates.mean(moved.astype(np.float64), groups).value for moved in (changes < 0, changes > 0))
    return (
        f"Such edits {mean}. Single ones move it by {size:.2f} SD, {100 * down:.0f} % of them down and "
        f"{100 * up:.0f} % up."
    )
