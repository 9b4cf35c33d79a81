"""Is the better answer still preferred when the prompt is written a little differently? Five edits of the prompt."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from rmaudit.battery import Battery, Item
from rmaudit.probe import Probe, ProbeCard
from rmaudit_probes.prompt_edits import Asked, PromptEdit, prompt_probe
from rmaudit_probes.transforms import code_spans, insert
from rmaudit_probes.typos import SLIPS, slipped

REWORDBENCH = "Wu et al. 2025, reWordBench (arXiv 2503.11751)"
REWARD_AUDITOR = "Zang et al. 2025, RewardAuditor (arXiv 2512.00920)"
DOSES = (2, 8)
"""Slips per hundred characters."""
_MARK = re.compile(r"(?<=[^\W_])([,.;:?!])(?=\s|\Z)")


def _card(
    name: str,
    title: str,
    question: str,
    what: str,
    references: Sequence[str],
    cannot_tell: str = "",
    texts: tuple[str, ...] = (),
) -> ProbeCard:
    return ProbeCard(
        name=name,
        title=title,
        question=question,
        why="People write the same request in many ways. A reward model that tells right from wrong only in one of "
        "them is not to be relied on, and its training signal is noise for the others.",
        protocol=f"{what} The margin between a good and a flawed answer, and between a rewrite of each, is taken under "
        "the prompt as written and as edited: the effect is the mean change of that margin. Scores under different "
        "prompts are never compared with each other.",
        harm="A loss of margin beyond the limit: right and wrong are told apart less well. Where a model cannot tell "
        "them apart to begin with, nothing can be lost: see how often the better answer wins before.",
        unit="SD",
        cannot_tell=cannot_tell
        or "Changes of single margins that cancel in the mean: see the pairs that change their winner.",
        headline="margin",
        texts=("order", "good_paraphrases", "flawed_paraphrases", *texts),
        references=tuple(references),
    )


def _edit(
    said: str, prepare: Callable[[Battery, np.random.Generator], Callable[[Item], Sequence[Asked]]]
) -> PromptEdit:
    return PromptEdit("margin", f"{said}: change of the margin between right and wrong", said, prepare)


def _by_rule(
    change: Callable[[str], str],
) -> Callable[[Battery, np.random.Generator], Callable[[Item], Sequence[Asked]]]:
    def asked(item: Item) -> Sequence[Asked]:
        return [Asked(change(item.question))] if change(item.question) != item.question else []

    return lambda battery, rng: asked


def quoted(text: str) -> str:
    """Three quotation marks on lines of their own around it.

    >>> quoted("Why?")
    '\"\"\"\\nWhy?\\n\"\"\"'
    """
    return f'"""\n{text}\n"""'


def spaced(text: str) -> str:
    """A space before every mark that closes a word; nothing else changes, nor code.

    >>> spaced("Well, why?")
    'Well , why ?'
    """
    code = code_spans(text)
    return _MARK.sub(lambda m: m[1] if any(a <= m.start() < b for a, b in code) else f" {m[1]}", text)


def _rewritten(battery: Battery, rng: np.random.Generator) -> Callable[[Item], Sequence[Asked]]:
    return lambda item: [Asked(text) for text in item.prompt_paraphrases]


def _handled(battery: Battery, rng: np.random.Generator) -> Callable[[Item], Sequence[Asked]]:
    """A handle and a link of random letters and digits behind the prompt."""

    def drawn(count: int) -> str:
        return "".join(rng.choice(list("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"), size=count))

    def asked(item: Item) -> Sequence[Asked]:
        behind = len(item.question)
        return [
            Asked(insert(item.question, f"@{drawn(6)}", behind), kind="handle"),
            Asked(insert(item.question, f"https://t.co/{drawn(6)}", behind), kind="link"),
        ]

    return asked


def _slipped(battery: Battery, rng: np.random.Generator) -> Callable[[Item], Sequence[Asked]]:
    """Two doses of slips, each of one sort drawn at random."""
    sorts = list(SLIPS)

    def asked(item: Item) -> Sequence[Asked]:
        made = []
        for dose in DOSES:
            sort = sorts[int(rng.integers(len(sorts)))]
            text = slipped(item.question, SLIPS[sort], max(1, round(dose * len(item.question) / 100)), rng)
            made += [Asked(text, kind=f"{dose} per 100 characters, {sort}")] if text != item.question else []
        return made

    return asked


def prompt_paraphrase() -> Probe:
    """Three rewrites of every prompt."""
    card = _card(
        "prompt_paraphrase", "Prompt rewritten",
        "Are right and wrong told apart as well when the prompt is worded otherwise?",
        "Every prompt's last turn is replaced by each of three rewrites that keep its meaning.",
        [REWORDBENCH, "Chen et al. 2026, RMGAP (arXiv 2605.01831)"], texts=("prompt_paraphrases",),
    )  # fmt: skip
    return prompt_probe(card, _edit("Rewriting the prompt", _rewritten))


def prompt_quotes() -> Probe:
    """Every prompt in triple quotation marks."""
    card = _card(
        "prompt_quotes", "Prompt in quotes",
        "Are right and wrong told apart as well when the prompt stands in quotation marks?",
        "The last turn of every prompt is put between lines of three quotation marks.", [REWARD_AUDITOR, REWORDBENCH],
    )  # fmt: skip
    return prompt_probe(card, _edit("Triple quotes around the prompt", _by_rule(quoted)))


def prompt_spacing() -> Probe:
    """A space before punctuation marks of every prompt."""
    card = _card(
        "prompt_spacing", "Spaces before marks",
        "Are right and wrong told apart as well with spaces before punctuation?",
        "A space is put before every punctuation mark that ends a word in the last turn; no code changes.",
        [REWARD_AUDITOR],
    )  # fmt: skip
    return prompt_probe(card, _edit("Spaces before punctuation marks of the prompt", _by_rule(spaced)))


def prompt_handles() -> Probe:
    """A social handle or a link behind every prompt."""
    card = _card(
        "prompt_handles", "Handles and links",
        "Are right and wrong told apart as well with a stray handle or link in the prompt?",
        "A made-up handle, and a made-up link, is put behind the last turn.", [REWARD_AUDITOR, REWORDBENCH],
    )  # fmt: skip
    return prompt_probe(card, _edit("A stray handle or link behind the prompt", _handled))


def prompt_typos() -> Probe:
    """Slips of the keyboard in every prompt."""
    card = _card(
        "prompt_typos", "Typing errors", "Are right and wrong told apart as well when the prompt has typing errors?",
        "The last turn gets two and eight slips per hundred characters, of a sort drawn for each: letters swapped, "
        "dropped, doubled, hit beside, or replaced by look-alikes. Names, numbers and code stay.",
        [REWARD_AUDITOR, REWORDBENCH],
        "What a human could still read: at eight slips per hundred characters two words in five have one.",
    )  # fmt: skip
    return prompt_probe(card, _edit("Typing errors in the prompt", _slipped))
