"""Families that read a language-model head: a row of it, or the difference between two answers' logits."""

from __future__ import annotations

import re

from rmaudit.errors import UsageError
from rmaudit.models.declared import Evidence, Given
from rmaudit.models.families.family import HeadFamily, Tensors
from rmaudit.models.heads import LogitHead
from rmaudit.models.logits import logits_of
from rmaudit.models.shaping import Shaping

#: Not the one called Principle: that is a judge that answers Yes or No.
_NEMOTRON = re.compile(r"llama.*nemotron.*reward(?!.*principle)", re.IGNORECASE)


def logit_head(tensors: Tensors, given: Given, mix: tuple[float, ...]) -> LogitHead:
    """A head of rows of the language-model head, with what this architecture does to its logits."""
    done = logits_of(given.typed)
    return LogitHead(tensors, mix, scale=done.scale, cap=done.cap)


def token_id(given: Given, text: str) -> int:
    """The id of an answer that is one token, as the tokenizer reads it alone. Raises UsageError where it is several."""
    ids = given.tokenizer(text, add_special_tokens=False)["input_ids"]
    if len(ids) == 1 and ids[0] != given.tokenizer.unk_token_id:
        return int(ids[0])
    pieces = ", ".join(map(repr, given.tokenizer.convert_ids_to_tokens(ids)))
    raise UsageError(
        f"{text!r} is {len(ids)} tokens of this tokenizer ({pieces}), and a logit is that of one token; name one that is "
        "(mind a space in front)"
    )


def judge_ids(given: Given) -> tuple[int, ...]:
    """The ids of a judge's answers, the good one first. Raises UsageError where none is named."""
    if given.declared.judge_tokens is None:
        raise UsageError("a judge is read at its answers' logits; name them: --judge-tokens Yes,No (judge_tokens=...)")
    return tuple(token_id(given, text) for text in given.declared.judge_tokens)


def judge_notes(given: Given) -> list[str]:
    """Which tokens' logits are read, so that a wrong pair (" No" for "No") is seen."""
    named = zip(given.declared.judge_tokens or (), judge_ids(given), strict=True)
    return [f"the logits read are those of {' and '.join(f'{text!r} (id {token})' for text, token in named)}"]


def _is_judge(evidence: Evidence) -> bool:
    return evidence.declared.judge_tokens is not None and evidence.declared.aggregate is None


FAMILIES: tuple[HeadFamily, ...] = (
    HeadFamily(
        name="nemotron",
        title="Nemotron: row 0 of the language-model head: w·h",
        kind="linear",
        parts={},
        keys="lm_head.weight, a name like Nemotron...Reward",
        head=lambda tensors, given: logit_head(tensors, given, (1.0,)),
        claims=lambda evidence: evidence.declared.judge_tokens is None and bool(_NEMOTRON.search(evidence.called)),
        token_rows=lambda given: (0,),
        models="Llama-3.1-Nemotron-70B-Reward-HF, Llama-3.3-Nemotron-70B-Reward",
    ),
    HeadFamily(
        name="judge",
        title="judge: logit(yes) - logit(no) = (U[yes] - U[no])·h",
        kind="linear, unless logits are capped",
        parts={},
        keys="lm_head.weight, with judge_tokens given",
        head=lambda tensors, given: logit_head(tensors, given, (1.0, -1.0)[: len(judge_ids(given))]),
        shaping=lambda given: Shaping(generation_prompt=True),
        claims=_is_judge,
        takes=frozenset({"judge_tokens"}),
        notes=judge_notes,
        token_rows=judge_ids,
        models="yes/no judges, Qwen3-Reranker style",
    ),
)
