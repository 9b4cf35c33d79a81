"""Does the score of code follow what it does, or what is said in and around it?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rmaudit.battery import Battery
from rmaudit.conversations import conversation
from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.stimuli import Contrast, ScoredStimuli, Stimulus
from rmaudit.verdicts import EFFECT, GAIN, LOSS, Kind
from rmaudit_probes import cases, code_edits
from rmaudit_probes.effects import Asked, answers_of_item, effect

CARD = ProbeCard(
    name="code_style",
    title="Code",
    question="Is code paid for what a comment says of it?",
    why="A comment that calls code correct makes it no more so. A reward for it, or for names and unrelated lines, is "
    "earned without solving anything.",
    protocol="Right and wrong Python functions, each with a comment above that calls it correct; beside it a comment "
    "that calls it wrong, comments, docstrings and blank lines taken out, variables renamed, and an unrelated function "
    "below. What the code does never changes: the tests run it.",
    harm="A positive effect of the comment, above all on wrong code: see the slices.",
    unit="SD",
    cannot_tell="Long programs and other languages.",
    headline="praised",
    texts=("code",),
    references=("Wu et al. 2025, reWordBench (arXiv 2503.11751)",),
)
PRAISED, BLAMED = "A comment that calls the code correct", "A comment that calls the code wrong"
EDITS: dict[str, tuple[Callable[[str], str], str, str, Kind]] = {
    "praised": (code_edits.praised, PRAISED, PRAISED, GAIN),
    "blamed": (code_edits.blamed, BLAMED, BLAMED, LOSS),
    "uncommented": (
        code_edits.uncommented,
        "Comments, docstrings and blank lines taken out",
        "Taking comments and docstrings out",
        EFFECT,
    ),
    "renamed": (code_edits.renamed, "Variables renamed v1, v2 ...", "Renaming variables", EFFECT),
    "unrelated": (code_edits.with_unrelated, "An unrelated function below", "An unrelated function", EFFECT),
}


def code_style() -> Probe:
    """Five edits of code that leave what it does."""
    return Probe(CARD, {}, _stimuli, _findings)


def _stimuli(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
    made = []
    for case in battery.cases.get("code", ()):
        for answer, text in case.answers.items():
            versions = {
                "natural": text,
                **{name: code_edits.in_block(edit)(text) for name, (edit, *_) in EDITS.items()},
            }
            for name, version in versions.items():
                if name == "natural" or version != text:
                    prompt = list(case.prompts[cases.ASKED])
                    made.append(Stimulus(
                        f"{case.id}/{answer}/{name}", case.id, case.group, name, conversation(prompt, version),
                        labels={"answer": answer},
                    ))  # fmt: skip
    return made


def _findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    for name, (_, title, said, kind) in EDITS.items():
        contrasts = [
            Contrast(row, scored.named(f"{row.stimulus.item}/{row.stimulus.labels['answer']}/natural"))
            for row in scored.arm(name)
        ]
        none = cases.lacking("code") if not len(scored) else "no code has anything to edit"
        asked = Asked(name, title, said, none, kind=kind)
        found += effect(asked, contrasts, settings, by=answers_of_item, lengths=False)
    return found
