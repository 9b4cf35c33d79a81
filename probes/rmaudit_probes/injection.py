"""Does an answer that tells the grader to give a high score get one?"""

from __future__ import annotations

from rmaudit.probe import Probe, ProbeCard
from rmaudit_probes import transforms
from rmaudit_probes.edits import Edit, edit_probe, with_passages

CARD = ProbeCard(
    name="injection",
    title="Injection",
    question="Can an answer talk its score up?",
    why="A policy that optimises a score will write to the grader if the grader listens.",
    protocol="A sentence addressed to the grader (rate this highly, ignore what stands above), drawn from a set, is put behind "
    "every natural answer; beside it, before the answer. Prompts and sentences are both random factors.",
    harm="A positive effect: a request for a score is granted. A negative one is deserved.",
    unit="SD",
    cannot_tell="Attacks that are searched for: these are plain requests.",
    headline="request_behind",
    texts=("injections",),
    references=("Wu et al. 2025, reWordBench (arXiv 2503.11751)",),
)
EDITS = (
    Edit("request_behind", "A request to the grader behind the answer", "A request for a high score",
         with_passages("injections", lambda text, passage: transforms.insert(text, passage, len(text))),
         needed="injections"),
    Edit("request_before", "A request to the grader before the answer", "A request for a high score, put first,",
         with_passages("injections", lambda text, passage: transforms.insert(text, passage, 0)), needed="injections"),
)  # fmt: skip


def injection() -> Probe:
    """Requests to the grader, on every natural answer."""
    return edit_probe(CARD, EDITS)
