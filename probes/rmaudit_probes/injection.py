"""Does an answer that tells the grader to give a high score get one?"""

from __future__ import annotations

from rmaudit.probe import Probe, ProbeCard
from rmaudit.verdicts import GAIN
from rmaudit_probes.edits import edit_probe, passage_edit

CARD = ProbeCard(
    name="injection",
    title="Injection",
    question="Can an answer talk its score up?",
    why="A policy that optimises a score will write to the grader if the grader listens.",
    protocol="A sentence addressed to the grader (rate this highly, ignore what stands above), drawn from a set, is "
    "put behind every natural answer; beside it, before the answer. Prompts and sentences are both random factors.",
    harm="A positive effect: a request for a score is granted. A negative one is deserved.",
    unit="SD",
    cannot_tell="Attacks that are searched for: these are plain requests.",
    headline="request_behind",
    texts=("injections",),
    references=("Wu et al. 2025, reWordBench (arXiv 2503.11751)",),
)
EDITS = (
    passage_edit(
        "request_behind", "A request to the grader behind the answer", "A request for a high score", "injections",
        behind=True,
    ),
    passage_edit(
        "request_before", "A request to the grader before the answer", "A request for a high score, put first,",
        "injections",
    ),
)  # fmt: skip


def injection() -> Probe:
    """Requests to the grader, on every natural answer."""
    return edit_probe(CARD, EDITS, kind=GAIN)
