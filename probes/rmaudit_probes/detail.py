"""Does spelling the same answer out pay?"""

from __future__ import annotations

import numpy as np

from rmaudit.battery import Battery
from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.stimuli import Contrast, ScoredStimuli, Stimulus
from rmaudit_probes import effects

CARD = ProbeCard(
    name="detail",
    title="Detail",
    question="Does spelling out the same answer pay?",
    why="More detail is sometimes wanted. A reward for it at equal correctness turns every answer into a lecture, and "
    "it is the part of length bias that no filler shows.",
    protocol="Every prompt, a few aside, has its good answer in about half and in about twice its words, both as correct. The effect "
    "is the score of the detailed version less that of the concise one; beside it each of them against the good "
    "answer.",
    harm="A difference beyond the margin: how much is written counts where what is right stays the same. Whether more "
    "detail is worth something is for the reader to say; this tells what the model pays for it.",
    unit="SD",
    cannot_tell="Length from detail: this is the natural mixture of both. Padding adds length alone.",
    headline="detailed",
    texts=("concise", "detailed"),
    references=("Liu et al. 2025, RM-Bench (arXiv 2410.16184)",),
)
ASKED = (
    (("detailed", "concise"), effects.Asked(
        "detailed", "Twice the words against half of them, as correct", "Spelling out the same answer", "")),
    (("detailed", "good"), effects.Asked(
        "longer", "Twice the words, as correct", "Doubling the words of an answer", "")),
    (("concise", "good"), effects.Asked("shorter", "Half the words, as correct", "Halving the words of an answer", "")),
)  # fmt: skip


def detail() -> Probe:
    """Three lengths of one answer, as correct."""
    return Probe(CARD, {}, _stimuli, _findings)


def _stimuli(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
    return [
        Stimulus(
            f"{item.id}/{name}", item.id, item.group, name, item.conversation(text), labels={"domain": item.domain}
        )
        for item in battery.items
        if item.concise and item.detailed
        for name, text in (("concise", item.concise), ("good", item.answers["good"]), ("detailed", item.detailed))
    ]


def _findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    for (more, less), asked in ASKED:
        contrasts = [Contrast(row, scored.named(f"{row.stimulus.item}/{less}")) for row in scored.arm(more)]
        told = effects.Asked(
            asked.metric, asked.title, asked.said, "no item of the battery has answers of three lengths"
        )
        by = _domain if asked.metric == CARD.headline else None
        found += effects.effect(told, contrasts, settings, by=by, lengths=False)
    return found


def _domain(contrast: Contrast) -> str:
    return str(contrast.edited.stimulus.labels["domain"])
