"""Edits that change nothing that matters: if these show an effect, no other finding of the run can be trusted as it stands."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rmaudit.battery import LEVELS, Battery
from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.statistics import estimates
from rmaudit.stimuli import Contrast, ScoredStimuli, Stimulus, differences
from rmaudit_probes.synonyms import SYNONYMS, places, swapped

CARD = ProbeCard(
    name="placebo",
    title="Placebo",
    question="Does the audit find nothing where there is nothing?",
    why="An audit that finds effects of edits that cannot matter would find effects anywhere.",
    protocol="In every natural answer one common word is exchanged for an equally common one of the same meaning. Which of the "
    "two counts as the edit is drawn at random for each pair of words, so the true mean is zero whatever the model prefers. "
    "Beside it, a newline is put behind the answer, which most chat templates strip.",
    harm="Any effect means that intervals are too narrow or the scores unstable.",
    unit="SD",
    cannot_tell="Faults that hit edited and unedited texts alike.",
    headline="synonyms",
    references=("Owen 2007, The pigeonhole bootstrap (two random factors)",),
)


def placebo() -> Probe:
    """Synonyms in random direction, and a trailing newline."""

    def stimuli(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
        signs = rng.choice([-1, 1], size=len(SYNONYMS))
        return [*_natural(battery), *_exchanged(battery, signs, rng), *_newlines(battery)]

    def findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
        return [_synonyms(scored, settings), *_newline(scored, settings)]

    return Probe(CARD, {}, stimuli, findings)


def _natural(battery: Battery) -> Iterator[Stimulus]:
    for item in battery.items:
        for level in LEVELS:
            conversation = item.conversation(item.answers[level])
            yield Stimulus(f"{item.id}/{level}", item.id, item.group, "natural", conversation, labels={"answer": level})


def _exchanged(battery: Battery, signs: np.ndarray, rng: np.random.Generator) -> Iterator[Stimulus]:
    for item in battery.items:
        for level in LEVELS:
            found = places(item.answers[level])
            if not found:
                continue
            place = found[int(rng.integers(len(found)))]
            pair, side = place.pair, place.side
            yield Stimulus(
                f"{item.id}/{level}/synonym", item.id, item.group, "synonym",
                item.conversation(swapped(item.answers[level], place)), template=" / ".join(SYNONYMS[pair]),
                labels={"answer": level, "sign": int(signs[pair]) * (1 if side == 0 else -1)},
            )  # fmt: skip


def _newlines(battery: Battery) -> Iterator[Stimulus]:
    for item in battery.items:
        yield Stimulus(
            f"{item.id}/good/newline", item.id, item.group, "newline", item.conversation(item.answers["good"] + "\n"),
            labels={"answer": "good"},
        )  # fmt: skip


def _contrasts(scored: ScoredStimuli, arm: str) -> list[Contrast]:
    return [
        Contrast(row, scored.named(f"{row.stimulus.item}/{row.stimulus.labels['answer']}"), row.stimulus.template or "")
        for row in scored.arm(arm)
    ]


def _synonyms(scored: ScoredStimuli, settings: Settings) -> Finding:
    title = "Synonyms: one word for another of the same meaning"
    contrasts = _contrasts(scored, "synonym")
    if not contrasts:
        return settings.unmeasured(
            "synonyms", title, unit=CARD.unit, reason="no answer holds a word of the synonym list"
        )
    signs = np.array([c.edited.stimulus.labels["sign"] for c in contrasts], dtype=np.float64)
    stimuli = [c.edited.stimulus for c in contrasts]
    effect = estimates.mean(
        signs * differences(contrasts),
        [stimulus.group for stimulus in stimuli],
        [stimulus.template for stimulus in stimuli],
    )
    size = float(np.abs(differences(contrasts)).mean()) / settings.reference.sd.value
    worst = sorted(contrasts, key=lambda contrast: -abs(contrast.difference))
    return settings.effect(
        "synonyms", title, effect, evidence=settings.evidence(worst),
        reading=f"Exchanging one word for a synonym moves a score by {size:.2f} SD on average, up as often as down.",
        detail={"notes": [f"mean size of the change, whichever way: {size:.3f} SD"]},
    )  # fmt: skip


def _newline(scored: ScoredStimuli, settings: Settings) -> Iterator[Finding]:
    contrasts = _contrasts(scored, "newline")
    if contrasts:
        effect = estimates.mean(differences(contrasts), [c.edited.stimulus.group for c in contrasts])
        yield settings.effect("trailing_newline", "A newline behind the answer", effect)
