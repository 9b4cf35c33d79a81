"""Scores on this machine: prefix-tree rows where the model computes them exactly, padded batches where it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rmaudit.conversations import Conversation
from rmaudit.errors import FormattingError, ScoringError
from rmaudit.models import RewardModel
from rmaudit.scorers import Scorer
from rmaudit.scoring.packing import PACKED, PACKED_IN_BLOCKS, check_packing, longest_packable, packed_readouts
from rmaudit.scoring.prefix_tree import DENSE, IN_BLOCKS, ROW_TOKENS, pack

__all__ = ["LocalEngine", "check_packing", "score_all"]

#: Called with what is done and what there is to do: tokens of the prefix tree, or conversations of a black box.
Callback = Callable[[int, int], Any]

Scores = NDArray[np.float64]

# Padded tokens between two calls of the progress callback, where nothing is packed.
_PADDED_CHUNK = 16_384


class LocalEngine:
    """Scores conversations with a loaded model, each shared prefix once per row.

    Compares packed with plain scores first, unless that was done: see `check_packing`.
    """

    def __init__(self, rm: RewardModel, row_tokens: int = ROW_TOKENS) -> None:
        self.rm, self.row_tokens = rm, row_tokens
        if rm.load_report.packing == "not checked":
            check_packing(rm)
        self.packs = rm.load_report.packing.startswith(PACKED)
        self.in_blocks = rm.load_report.packing.startswith(PACKED_IN_BLOCKS)

    def score(self, conversations: Sequence[Conversation], progress: Callback | None = None) -> Scores:
        """Scores (n,) float64. Raises as `rm.encode`, and ScoringError where a score is not finite."""
        return self.score_ids([self.rm.encode(conversation).ids for conversation in conversations], progress)

    def score_ids(self, ids: Sequence[Sequence[int]], progress: Callback | None = None) -> Scores:
        """Scores (n,) float64 of token sequences.

        Raises FormattingError for an id that the model has no embedding for, ScoringError for a score that is not finite.
        """
        self._check_ids(ids)
        limit = longest_packable(self.rm) if self.packs else 0
        packed = [index for index, sequence in enumerate(ids) if len(sequence) <= limit]
        rows = pack([ids[index] for index in packed], self.row_tokens, IN_BLOCKS if self.in_blocks else DENSE)
        plain = sorted(
            set(range(len(ids))).difference(packed), key=lambda index: len(ids[index]), reverse=not self.packs
        )
        done, total = 0, sum(map(len, rows)) + sum(len(ids[index]) for index in plain)
        scores = np.full(len(ids), np.nan)
        tell = progress or (lambda done, total: None)
        tell(0, total)
        readouts = packed_readouts(self.rm, rows, in_blocks=self.in_blocks)
        for row, read in zip(rows, readouts, strict=True):
            scores[np.asarray(packed)[row.sequences]] = self._head(read)
            done += len(row)
            tell(done, total)
        for chunk in _chunks(plain, ids):
            # One by one beside packed rows: scores of these may depend on the length of what is computed with them.
            batch_size = 1 if self.packs else None
            scores[chunk] = self._head(self.rm.readout_ids([ids[index] for index in chunk], batch_size=batch_size))
            done += sum(len(ids[index]) for index in chunk)
            tell(done, total)
        return checked_scores(scores, len(ids), f"the model, computing in {self.rm.load_report.dtype},")

    def _head(self, readouts: torch.Tensor) -> Scores:
        with torch.inference_mode():
            scores: Scores = self.rm.head(readouts).double().cpu().numpy()
        return scores

    def _check_ids(self, ids: Sequence[Sequence[int]]) -> None:
        vocabulary = self.rm.load_report.vocabulary
        for index, sequence in enumerate(ids):
            if not len(sequence):
                raise FormattingError(f"conversation {index} has no token: there is no position to read a score at")
            if not 0 <= min(sequence) <= max(sequence) < vocabulary:
                raise FormattingError(
                    f"conversation {index} has a token id outside 0..{vocabulary - 1}: "
                    "the tokenizer does not belong to these weights"
                )


def _chunks(indices: Sequence[int], ids: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Cut indices into chunks of about `_PADDED_CHUNK` tokens, so that progress is seen."""
    chunk: list[int] = []
    tokens = 0
    for index in indices:
        if chunk and tokens + len(ids[index]) > _PADDED_CHUNK:
            yield chunk
            chunk, tokens = [], 0
        chunk.append(index)
        tokens += len(ids[index])
    if chunk:
        yield chunk


def score_all(scorer: Scorer, conversations: Sequence[Conversation], progress: Callback | None = None) -> Scores:
    """Scores (n,) float64 of any scorer: a loaded model through the prefix tree, a black box in one call.

    Raises ScoringError where there is not one finite number per conversation.
    """
    if isinstance(scorer, RewardModel):
        return LocalEngine(scorer).score(conversations, progress)
    tell = progress or (lambda done, total: None)
    tell(0, len(conversations))
    scores = scorer.score(list(conversations))
    tell(len(conversations), len(conversations))
    return checked_scores(scores, len(conversations), str(getattr(scorer, "name", type(scorer).__name__)))


def checked_scores(scores: Any, expected: int, who: str) -> Scores:
    """`scores` as (expected,) float64; raises ScoringError that says what came instead of one finite number each."""
    try:
        found = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ScoringError(f"{who} gave no numbers: expected {expected} scores, got {scores!r:.60}") from error
    if found.shape != (expected,):
        came = f"{len(found)} scores" if found.ndim == 1 else f"an array of shape {found.shape}"
        raise ScoringError(
            f"{who} gave {came} for {expected} conversations; expected one number for each, in their order"
        )
    wrong = np.flatnonzero(~np.isfinite(found))
    if wrong.size:
        raise ScoringError(
            f"{who} gave a score that is not finite for {wrong.size} of {expected} conversations, "
            f"first for conversation {wrong[0]} ({found[wrong[0]]}), counted from 0; nothing can be measured with these. "
            "Half precision overflows where float32 does not"
        )
    return found
