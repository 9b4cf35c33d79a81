"""Does the same content score alike in the manners of different writers?"""

from __future__ import annotations

from dataclasses import replace
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
    why="A model trained on the output of one family of assistants may take its manner for quality, and hands that "
    "manner on.",
    protocol="One content in five manners: formal, chatty, terse, essay and coach. The mean gap between each two "
    "manners over all contents, less what their difference in length alone would earn (the slope of score on length "
    "among equally correct answers to the battery's prompts); the largest counts, under intervals that hold for all "
    "pairs together. Beside it the largest gap as written, length included, which is the headline where a battery has "
    "no such answers.",
    harm="A gap beyond the margin: the manner is paid for.",
    unit="SD",
    cannot_tell="Which assistant's manner it is: the manners are written for this battery. Manners differ in length "
    "(essay: three times terse), and a score that is not straight in the logarithm of words keeps some of that in the "
    "gap.",
    headline="gap",
    texts=("house_styles",),
    references=("Fein et al. 2026 (arXiv 2603.03291)",),
    version="2",
)
STYLES = ("chatty", "coach", "essay", "formal", "terse")
TITLE, OF, NONE = "Largest mean score gap between two manners", "pairs of manners", cases.lacking("house_styles")
LEFT = Largest("gap", f"{TITLE}, beyond what its length alone would earn", OF, NONE, beyond_length=True)
AS_WRITTEN = Largest("gap_as_written", f"{TITLE}, length included", OF, NONE)
UNKNOWN = (
    "Length is not taken off: the battery has no equally correct answers of different length to take its price from."
)


def house_styles() -> Probe:
    """Five manners of one content."""
    return Probe(CARD, {}, cases.stimuli("house_styles"), _findings)


def _findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
    found = {pair: cases.contrasts(scored, [pair]) for pair in combinations(STYLES, 2)}
    pairs = {pair: contrasts for pair, contrasts in found.items() if contrasts}
    if settings.reference.length is None:
        whole = largest(replace(AS_WRITTEN, metric=LEFT.metric), pairs, settings)
        return [whole.model_copy(update={"reading": whole.reading and f"{whole.reading} {UNKNOWN}"})]
    return [largest(asked, pairs, settings) for asked in ((LEFT, AS_WRITTEN) if pairs else (LEFT,))]
