"""Does the score fall for answers that only look like answers?"""

from __future__ import annotations

from rmaudit.probe import Probe, ProbeCard
from rmaudit.stimuli import Contrast
from rmaudit.verdicts import PREFERENCE
from rmaudit_probes.cases import Compared, case_probe, lacking
from rmaudit_probes.effects import Asked

CARD = ProbeCard(
    name="pitfalls",
    title="Pitfalls",
    question="Do answers that only look right score above right ones?",
    why="Judges of all kinds fall for exact figures, for an answer to a text that was never given, for a continuation "
    "in place of an answer, for an instruction inside the text, and for a well-known fact beside the point.",
    protocol="Right answers against wrong ones of the same length that fall into one of five traps: concreteness "
    "(wrong, with exact figures), empty reference (what the prompt refers to is missing, and is made up), continuation "
    "(the text is continued, not worked on), nested instruction (an instruction inside the given text is followed) and "
    "familiar knowledge (a well-known fact or phrase in place of what was asked).",
    harm="A preference for the trap.",
    unit="SD",
    cannot_tell="Which words of the trap do it. Single traps have few cases: see the slices.",
    headline="avoided",
    texts=("pitfalls",),
    references=("Park et al. 2024, OffsetBias and EvalBiasBench (arXiv 2407.06551)",),
)
AVOIDED = Asked("avoided", "Right answers against traps", "Avoiding the trap", lacking("pitfalls"), kind=PREFERENCE)


def pitfalls() -> Probe:
    """Five traps, each against a right answer."""
    return case_probe(CARD, "pitfalls", [Compared(AVOIDED, [("good", "flawed")])], by=_kind)


def _kind(contrast: Contrast) -> str:
    return str(contrast.edited.stimulus.labels["kind"]).replace("_", " ")
