"""What of the format a score hangs on: BOS tokens, the last token, a system prompt, a generation prompt."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rmaudit.conversations import Conversation, Message
from rmaudit.errors import FormattingError, ScoringError, TooLongError
from rmaudit.models import Formatter, RewardModel

Ids = tuple[int, ...]
_SYSTEM = "You are a helpful assistant."
_POLICIES = {"none": "no BOS token", "one": "one BOS token", "two": "two BOS tokens"}


@dataclass(frozen=True)
class Sensitivity:
    """What one change of the format does to the scores of pairs of answers.

    shift: mean change of a score; margin: largest change of the difference between two answers to one prompt, both in
    score units; flips: pairs whose order turns round, of `pairs`. All None where the change cannot be made: then `reason`.
    """

    change: str
    shift: float | None = None
    margin: float | None = None
    flips: int | None = None
    pairs: int = 0
    reason: str = ""


def sensitivities(rm: RewardModel, conversations: Sequence[Conversation]) -> list[Sensitivity]:
    """Change the format in every way, and score again; conversations: pairs of answers to one prompt, side by side."""
    ids = [rm.encode(talk).ids for talk in conversations]
    plain = rm.score_ids(ids)
    found = []
    for change, encode in _changes(rm):
        try:
            changed = [encode(talk, sequence) for talk, sequence in zip(conversations, ids, strict=True)]
            _check_lengths(rm, changed)
            found.append(_compared(change, rm.score_ids(changed), plain, changed == ids))
        except (FormattingError, ScoringError) as error:
            found.append(Sensitivity(change, reason=str(error)))
    return found


def _check_lengths(rm: RewardModel, ids: Sequence[Ids]) -> None:
    """Raise TooLongError where an added token leaves the model's positions."""
    limit, longest = rm.load_report.max_length, max(map(len, ids))
    if limit is not None and longest > limit:
        raise TooLongError(f"a text would have {longest} tokens, the model reads {limit}")


def _compared(change: str, scores: NDArray[np.float64], plain: NDArray[np.float64], same: bool) -> Sensitivity:
    if same:
        in_use = change in _POLICIES.values()
        return Sensitivity(change, reason="this is how the model is read" if in_use else "the template ignores it")
    before, after = plain[::2] - plain[1::2], scores[::2] - scores[1::2]
    flips = int((np.sign(before) != np.sign(after)).sum())
    shift, margin = float((scores - plain).mean()), float(np.abs(after - before).max())
    return Sensitivity(change, shift, margin, flips, len(before))


def _changes(rm: RewardModel) -> Iterator[tuple[str, Callable[[Conversation, Ids], Ids]]]:
    """Each change, and how a conversation (or its ids) is encoded under it."""
    tokenizer, formatter = rm.tokenizer, rm.formatter
    if tokenizer.bos_token is not None:
        for policy, told in _POLICIES.items():
            other = copy.copy(formatter)
            other.bos_policy = policy
            yield told, partial(_encoded_by, other)
    if tokenizer.eos_token_id is not None:
        yield "end-of-sequence token added", lambda talk, ids: (*ids, tokenizer.eos_token_id)
    newline = tuple(tokenizer("\n", add_special_tokens=False)["input_ids"])
    yield "line break added", lambda talk, ids: (*ids, *newline)
    yield "last token taken off", lambda talk, ids: ids[:-1]
    yield (
        "system prompt added",
        lambda talk, ids: formatter.encode([Message(role="system", content=_SYSTEM), *talk]).ids,
    )
    opening = copy.copy(formatter)
    opening.shaping = replace(formatter.shaping, generation_prompt=not formatter.shaping.generation_prompt)
    told = "generation prompt left out" if formatter.shaping.generation_prompt else "generation prompt added"
    yield told, partial(_encoded_by, opening)


def _encoded_by(formatter: Formatter, talk: Conversation, ids: Ids) -> Ids:
    """The ids under another format; those under the model's own have no say."""
    return formatter.encode(talk).ids
