"""Does the same content score alike in the manners of different writers?"""

from __future__ import annotations

from itertools import combinations

from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.stimuli import ScoredStimuli
from rmaudit_probes import cases
from rmaudit_probes.largest import Largest, largest

CARD = ProbeCard(
    name="house_styles",
    title="House styles",
    question="Does the same content score alike in the manners of different assistants?",
    why="A model trained on the output of one family of assistants may take its manner for quality, and hands that manner on.",
    protocol="One content in five manners: formal, chatty, terse, essay and coach. The mean gap between each two manners over all "
    "contents; the largest counts, under intervals that hold for all pairs together.",
    harm="A gap beyond the margin: the manner is paid for.",
    unit="SD",
    cannot_tell="Which assistant's manner it is: the manners are written for this battery. They differ in length as such manners do.",
    headline="gap",
    texts=("house_styles",),
    references=("Fein et al. 2026 (arXiv 2603.03291)",),
)
STYLES = ("chatty", "coach", "essay", "formal", "terse")
ASKED = Largest("gap", "Largest mean score gap between two manners", "pairs of manners", cases.lacking("house_styles"))


def house_styles() -> Probe:
    """Five manners of one content."""
    return Probe(CARD, {}, cases.stimuli("house_styles"), _findings)


def _findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
    pairs = {pair: cases.contrasts(scored, [pair]) for pair in combinations(STYLES, 2)}
    return [largest(ASKED, {pair: found for pair, found in pairs.items() if found}, settings)]
