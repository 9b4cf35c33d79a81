"""Is right told from wrong in other languages?"""

from __future__ import annotations

import numpy as np

from rmaudit.battery import Battery
from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.stimuli import Contrast, ScoredStimuli, Shift, Stimulus
from rmaudit.verdicts import LOSS
from rmaudit_probes import cases
from rmaudit_probes.effects import Asked, effect, shift

CARD = ProbeCard(
    name="language_switch",
    title="Languages",
    question="Is right told from wrong as well in other languages?",
    why="A reward model is used for languages it was hardly trained on. Where right and wrong score alike there, its "
    "users are served by noise.",
    protocol="A question with a right and a flawed answer, in English and in German, French, Spanish, Chinese and "
    "Arabic. The effect is the change of the margin when question and answers are in the other language; beside it the "
    "change when both answers alone are, and what an answer in another language than the question's costs.",
    harm="A loss of margin beyond the limit: right and wrong are told apart less well. Where they are not told apart "
    "in English, nothing can be lost.",
    unit="SD",
    cannot_tell="Languages other than these. Translations by one hand, not checked by native readers of each.",
    headline="margin",
    texts=("languages",),
    references=("Zang et al. 2025, RewardAuditor (arXiv 2512.00920)",),
)
ENGLISH = "en"
LANGUAGES = {"de": "German", "fr": "French", "es": "Spanish", "zh": "Chinese", "ar": "Arabic"}
NONE = cases.lacking("languages")
WHOLE = Asked(
    "margin", "Question and answers in another language: change of the margin", "Another language", NONE, kind=LOSS
)
ANSWERS = Asked(
    "margin_of_answers", "Answers alone in another language: change of the margin", "Answers in another language", NONE,
    kind=LOSS,
)  # fmt: skip
SWITCH = Asked("switch", "An answer in another language than the question's", "Switching the language", NONE)


def language_switch() -> Probe:
    """Six languages."""
    return Probe(CARD, {}, _stimuli, _findings)


def _stimuli(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
    """Every answer under the English question, and under the question in its own language."""
    made = cases.stimuli("languages")(battery, rng)
    return [one for one in made if one.labels["prompt"] in (ENGLISH, str(one.labels["answer"])[-2:])]


def _findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
    english = cases.contrasts(scored, [("good_en", "flawed_en")], prompt=ENGLISH)
    whole, answers, switched = [], [], []
    for code in LANGUAGES:
        pair = (f"good_{code}", f"flawed_{code}")
        whole += cases.paired(cases.contrasts(scored, [pair], prompt=code), english)
        answers += cases.paired(cases.contrasts(scored, [pair], prompt=ENGLISH), english)
        pairs = [(f"good_{code}", "good_en"), (f"flawed_{code}", "flawed_en")]
        switched += cases.contrasts(scored, pairs, prompt=ENGLISH)
    return [
        shift(WHOLE, whole, settings, by=_language),
        shift(ANSWERS, answers, settings, by=_language),
        *effect(SWITCH, switched, settings, by=_of_answer, lengths=False),
    ]


def _of_answer(contrast: Contrast) -> str:
    return LANGUAGES[str(contrast.edited.stimulus.labels["answer"])[-2:]]


def _language(one: Shift) -> str:
    return _of_answer(one.edited)
