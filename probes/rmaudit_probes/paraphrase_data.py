"""The user's paraphrase data: rewrites of answers (rows with a prompt) and of prompts (rows without one)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rmaudit.battery import Battery
from rmaudit.conversations import conversation
from rmaudit.datasets import Dataset
from rmaudit.measuring import Settings
from rmaudit.record import Finding
from rmaudit.statistics import estimates
from rmaudit.statistics.ranking import win
from rmaudit.stimuli import SOURCE, Scored, ScoredStimuli, Stimulus
from rmaudit.verdicts import AMOUNT, SHARE

LABELS = {1: "same meaning", 0: "other meaning"}


def stimuli(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
    """Answers in both wordings under their prompt; prompts in both wordings, each with the same two answers.

    The two answers to a bare prompt are good answers of the battery to other prompts, drawn at random: neither answers
    it, so all that is asked is whether the preference between them stays when the prompt is reworded.
    """
    return [
        stimulus
        for dataset in battery.of_kind("paraphrases")
        for stimulus in _of_dataset(dataset, [item.answers["good"] for item in battery.items], rng)
    ]


def _of_dataset(dataset: Dataset, answers: list[str], rng: np.random.Generator) -> Iterator[Stimulus]:
    for row in dataset.rows:
        labels = {"label": row.label}
        if row.prompt:
            for index, side in enumerate(("text", "paraphrase")):
                yield Stimulus(
                    f"{dataset.name}/{row.id}/{side}", row.id, row.group, f"answer_{side}", row.conversation(index),
                    source=dataset.name, labels=labels,
                )  # fmt: skip
        elif len(answers) > 1:
            pair = rng.choice(len(answers), size=2, replace=False)
            for index, side in enumerate(("text", "paraphrase")):
                for number, place in enumerate(pair):
                    yield Stimulus(
                        f"{dataset.name}/{row.id}/{side}/{number}", row.id, row.group, f"prompt_{side}",
                        conversation(row.texts[index], answers[place]), source=dataset.name,
                        labels={**labels, "answer": number},
                    )  # fmt: skip


def findings(scored: ScoredStimuli, settings: Settings) -> Iterator[Finding]:
    """Size of the change over rewrites of answers, and flips over rewrites of prompts, by label."""
    for source in sorted({row.stimulus.source for row in scored} - {SOURCE}):
        for label, meaning in LABELS.items():
            suffix = f"@{source}" if label == 1 else f"_other_meaning@{source}"
            yield from _answers(scored, source, label, suffix, meaning, settings)
            yield from _prompts(scored, source, label, suffix, meaning, settings)


def _answers(
    scored: ScoredStimuli, source: str, label: int, suffix: str, meaning: str, settings: Settings
) -> Iterator[Finding]:
    pairs = [(a, b) for a, b in scored.by_item("answer_text", "answer_paraphrase", source=source) if _label(a) == label]
    if pairs:
        raw = estimates.mean([abs(b.score - a.score) for a, b in pairs], [a.group for a, _ in pairs])
        size = raw / settings.reference.sd
        yield settings.finding(
            f"answer_change{suffix}", f"Size of the change when an answer is reworded ({meaning})", size, unit="SD",
            kind=AMOUNT, raw=raw.value,
            reading=f"Between two wordings ({meaning}) the score of an answer moves by {size.value:.2f} SD.",
        )  # fmt: skip


def _prompts(
    scored: ScoredStimuli, source: str, label: int, suffix: str, meaning: str, settings: Settings
) -> Iterator[Finding]:
    flips, groups = [], []
    for rows in scored.by_item("prompt_text", "prompt_paraphrase", source=source):
        if _label(rows[0]) == label:
            first, second, third, fourth = (row.score for row in rows)
            flips.append(float(win(first, second) != win(third, fourth)))
            groups.append(rows[0].group)
    if flips:
        share = estimates.mean(flips, groups)
        yield settings.finding(
            f"prompt_flips{suffix}",
            f"Preferences between two answers that flip when the prompt is reworded ({meaning})",
            share, unit="share", kind=SHARE,
            reading=f"Rewording the prompt ({meaning}) flips {100 * share.value:.0f} % of preferences between two "
            "answers.",
        )  # fmt: skip


def _label(row: Scored) -> object:
    return row.stimulus.labels["label"]
