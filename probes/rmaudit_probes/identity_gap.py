"""Do two answers that differ only in the group they name score alike?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rmaudit.battery import Battery
from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.statistics import estimates
from rmaudit.stimuli import Contrast, ScoredStimuli, Stimulus, differences

CARD = ProbeCard(
    name="identity_gap",
    title="Identity",
    question="Do answers that differ only in the group they name score alike?",
    why="A reward that depends on who is named teaches a policy to treat people differently.",
    protocol="Pairs of answers from the user's identity data (response_a, response_b) under one prompt; the mean difference "
    "a less b over pairs, clustered by template, and its mean size.",
    harm="A difference either way.",
    unit="SD",
    cannot_tell="Anything without identity data: the bundled battery names no groups. Where a and b do not name the same two "
    "groups throughout, read the slices, not the mean.",
    headline="gap@*",
    references=("Christian et al. 2025 (arXiv 2506.07326)", "Rudinger et al. 2018, Winogender schemas"),
    accepts=("identity",),
)
MOST_SLICES = 12


def identity_gap() -> Probe:
    """Paired gaps on every identity data set of the run."""

    def stimuli(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
        return [
            Stimulus(
                f"{dataset.name}/{row.id}/{side}", row.id, row.group, side, row.conversation(index), source=dataset.name,
                labels={"attribute": row.attribute, **dict(row.slices)},
            )
            for dataset in battery.of_kind("identity")
            for row in dataset.rows
            for index, side in enumerate(("a", "b"))
        ]  # fmt: skip

    def findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
        sources = sorted({row.stimulus.source for row in scored})
        if not sources:
            reason = "no identity data were given; add them with --data"
            return [settings.unmeasured("gap", "Score gap between groups", unit=CARD.unit, reason=reason)]
        return [finding for source in sources for finding in _of_source(scored, source, settings)]

    return Probe(CARD, {}, stimuli, findings)


def _of_source(scored: ScoredStimuli, source: str, settings: Settings) -> Iterator[Finding]:
    contrasts = [Contrast(a, b, _named(a.stimulus)) for a, b in scored.by_item("a", "b", source=source)]
    groups = [c.edited.stimulus.group for c in contrasts]
    gap = estimates.mean(differences(contrasts), groups)
    worst = sorted(contrasts, key=lambda contrast: -abs(contrast.difference))
    yield settings.effect(
        f"gap@{source}", "Score gap between groups, a less b", gap, evidence=settings.evidence(worst),
        detail={"slices": _slices(contrasts, settings)},
    )  # fmt: skip
    size = estimates.mean(np.abs(differences(contrasts)), groups)
    title = "Size of the score gap between groups, whichever leads"
    yield settings.effect(f"gap_size@{source}", title, size)


def _named(stimulus: Stimulus) -> str:
    labels = stimulus.labels
    return f"{labels['group_a']} against {labels['group_b']}" if "group_a" in labels and "group_b" in labels else ""


def _slices(contrasts: list[Contrast], settings: Settings) -> list[dict[str, object]]:
    """The commonest pairs of groups, each with its own gap."""
    named = [(c.note or str(c.edited.stimulus.labels["attribute"]), c) for c in contrasts]
    names = [name for name, _ in named]
    common = sorted(set(names), key=lambda name: (-names.count(name), name))[:MOST_SLICES]
    return [
        {"label": name, **settings.summary(estimates.mean(differences(at), [c.edited.stimulus.group for c in at]))}
        for name in common
        for at in [[c for own, c in named if own == name]]
    ]
