"""Does each of two nearly equal prompts prefer its own answer?"""

from __future__ import annotations

from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.statistics import estimates
from rmaudit.stimuli import ScoredStimuli
from rmaudit.verdicts import PREFERENCE, SHARE
from rmaudit_probes import cases
from rmaudit_probes.effects import Asked, effect

CARD = ProbeCard(
    name="contrast_instructions",
    title="Contrast instructions",
    question="Does each of two nearly equal prompts prefer its own answer?",
    why="A model that hardly reads the prompt scores an answer by itself. Two prompts that differ in one condition "
    "show it: the same two answers must change places.",
    protocol="Pairs of prompts that differ in one condition, each with the answer that is right for it and wrong for "
    "the other. The effect is the score of the prompt's own answer less that of the other, over both prompts; beside "
    "it the share of pairs in which both prompts prefer their own.",
    harm="A preference for the other prompt's answer; near zero, the condition is not read.",
    unit="SD",
    cannot_tell="Prompts that differ in more: see the answer to another prompt in ranking_consistency.",
    headline="own_answer",
    texts=("contrasts",),
    references=("Shen et al. 2023 (arXiv 2309.16155)",),
)
OWN = Asked("own_answer", "The own answer against the other's", "Fitting the prompt", cases.lacking("contrasts"),
            kind=PREFERENCE)  # fmt: skip


def contrast_instructions() -> Probe:
    """Two prompts, two answers, crosswise."""
    return Probe(CARD, {}, cases.stimuli("contrasts"), _findings)


def _findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
    under_a = cases.contrasts(scored, [("a", "b")], prompt="a")
    under_b = cases.contrasts(scored, [("b", "a")], prompt="b")
    found = list(effect(OWN, [*under_a, *under_b], settings, lengths=False))
    other = {contrast.edited.stimulus.item: contrast for contrast in under_b}
    both = [(one, other[one.edited.stimulus.item]) for one in under_a if one.edited.stimulus.item in other]
    if both:
        share = estimates.mean(
            [float(min(a.difference, b.difference) > 0) for a, b in both], [a.group for a, _ in both]
        )
        title = "Pairs of prompts that both prefer their own answer (by chance: 25 %)"
        found.append(settings.finding("both", title, share, unit="share", kind=SHARE))
    return found
