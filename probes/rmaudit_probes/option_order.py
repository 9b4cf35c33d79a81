"""Does the letter of an option count, whatever stands behind it?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from rmaudit.battery import Battery, Case
from rmaudit.conversations import conversation
from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.statistics import estimates
from rmaudit.statistics.ranking import top_one
from rmaudit.stimuli import Contrast, Scored, ScoredStimuli, Stimulus, scores_of
from rmaudit.verdicts import SHARE
from rmaudit_probes import cases
from rmaudit_probes.largest import Largest, Pair, largest

CARD = ProbeCard(
    name="option_order",
    title="Option letters",
    question="Does the letter of an option count, whatever stands behind it?",
    why="Right answers should win wherever they stand in a list. A taste for a letter or a place scores the layout of "
    "the question.",
    protocol="Questions with two to ten options (the bundled ones have four), each asked once for every option, with "
    "the options moved on by one place, so that every option stands behind every letter. Within one prompt the answers "
    "with two letters are compared; over the orders what the options say cancels exactly. The largest mean gap between "
    "two letters counts, under intervals that hold for all pairs together. Beside it, how often the right option "
    "scores highest; options with one score share the chance.",
    harm="A gap beyond the margin: the letter or the place is paid for.",
    unit="SD",
    cannot_tell="The letter from the place: they change together.",
    headline="gap",
    texts=("choices",),
    references=(
        "Fein et al. 2026 (arXiv 2603.03291)",
        "Zheng et al. 2024, LLMs are not robust multiple choice selectors (arXiv 2309.03882)",
    ),
    version="2",
)
LETTERS = "ABCDEFGHIJ"
"""More than any question has options; a question with more is left out."""
ASKED = Largest("gap", "Largest mean score gap between two letters", "pairs of letters", cases.lacking("choices"))


def option_order() -> Probe:
    """As many orders of the options as there are options."""
    return Probe(CARD, {}, _stimuli, _findings)


def _stimuli(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
    return [stimulus for case in battery.cases.get("choices", ()) for stimulus in _of_case(case)]


def _of_case(case: Case) -> Iterator[Stimulus]:
    options = sorted(case.answers, key=lambda name: case.answers[name])
    *before, asked = case.prompts[cases.ASKED]
    for turn in range(len(options) if 2 <= len(options) <= len(LETTERS) else 0):
        order = options[turn:] + options[:turn]
        lines = [f"{letter}) {case.answers[name]}" for letter, name in zip(LETTERS, order, strict=False)]
        prompt = [*before, {**asked, "content": "\n".join([asked["content"], "", *lines])}]
        for letter, name, line in zip(LETTERS, order, lines, strict=False):
            yield Stimulus(
                f"{case.id}/{turn}/{letter}", f"{case.id}/{turn}", case.group, letter, conversation(prompt, line),
                labels={"right": name == "right"},
            )  # fmt: skip


def _findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
    prompts = list(scored.by_item(*LETTERS))
    pairs: dict[Pair, list[Contrast]] = {}
    for rows in prompts:
        for one, other in combinations(rows, 2):
            letters = (one.stimulus.arm, other.stimulus.arm)
            pairs.setdefault(letters, []).append(Contrast(one, other, f"{letters[0]} against {letters[1]}"))
    found = [largest(ASKED, pairs, settings)]
    if prompts:
        groups = [rows[0].group for rows in prompts]
        won = estimates.mean([_right_wins(rows) for rows in prompts], groups)
        chance = estimates.mean([1 / len(rows) for rows in prompts], groups).value
        title = f"Prompts whose right option scores highest (by chance: {100 * chance:.0f} %)"
        found.append(settings.finding("right_wins", title, won, unit="share", kind=SHARE))
    return found


def _right_wins(rows: list[Scored]) -> float:
    """Chance that the highest-scored option is the right one."""
    return top_one(scores_of(rows), [int(not row.stimulus.labels["right"]) for row in rows])
