"""Do technical terms pay where plain words say the same?"""

from __future__ import annotations

from rmaudit.probe import Probe, ProbeCard
from rmaudit_probes.cases import Compared, case_probe, lacking, subject
from rmaudit_probes.effects import Asked

CARD = ProbeCard(
    name="jargon",
    title="Jargon",
    question="Do technical terms pay where plain words say the same?",
    why="Jargon sounds competent. A reward for it makes a policy harder to understand and no more right.",
    protocol="Answers of equal claims and length in plain words and in jargon, two pairs a question. The effect is the "
    "score of the version in jargon less that in plain words.",
    harm="A positive effect pays for sounding expert. A negative one punishes terms out of proportion.",
    unit="SD",
    cannot_tell="Readers who are experts: the questions are laymen's.",
    headline="terms",
    texts=("jargon",),
    references=("Bharadwaj et al. 2025 (arXiv 2506.05339)",),
)
TERMS = Asked("terms", "Jargon against plain words", "Jargon", lacking("jargon"))


def jargon() -> Probe:
    """Jargon against plain words, at equal claims and length."""
    return case_probe(CARD, "jargon", [Compared(TERMS, [("jargon", "plain"), ("jargon_2", "plain_2")])], by=subject)
