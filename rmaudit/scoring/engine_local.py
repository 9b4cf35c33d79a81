"""Scores on this machine: prefix-tree rows where the model computes them exactly, padded batches where it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmaudit.conversations import Conversation
from rmaudit.models import RewardModel
from rmaudit.scorers import Scorer, checked_scores, copied
from rmaudit.scoring.layout import lay_out
from rmaudit.scoring.naming import NameOf, by_number, encode_all
from rmaudit.scoring.packing import packed_readouts, packing_of
from rmaudit.scoring.prefix_tree import ROW_TOKENS

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
        self.packing = packing_of(rm)

    def score(
        self, conversations: Sequence[Conversation], progress: Callback | None = None, name_of: NameOf = by_number
    ) -> Scores:
        """Scores (n,) float64. Raises as `rm.encode`, and ScoringError where a score is not finite.

        name_of: what errors call the conversation at an index.
        """
        encoded = encode_all(self.rm, conversations, name_of)
        return self.score_ids([read.ids for read in encoded], progress)

    def score_ids(self, ids: Sequence[Sequence[int]], progress: Callback | None = None) -> Scores:
        """Scores (n,) float64 of token sequences.

        Raises FormattingError for an id that the model has no embedding for, ScoringError for a score that is not
        finite.
        """
        self.rm.check_ids(ids)
        positions = [self.rm.positions(sequence) for sequence in ids]
        layout = lay_out(ids, self.packing, self.row_tokens, positions)
        scores, done = np.full(len(ids), np.nan), 0
        tell = progress or (lambda done, total: None)
        tell(0, layout.tokens)
        # Closed whatever the callback raises: until then the model computes attention in another way.
        with closing(packed_readouts(self.rm, layout.rows, in_blocks=self.packing.in_blocks)) as readouts:
            for row, vectors in zip(layout.rows, readouts, strict=True):
                read = [self.rm.pooled(one) for one in vectors.split(row.reads.tolist())]
                scores[np.asarray(layout.packed)[row.sequences]] = self.rm.scores_of(read)
                done += len(row)
                tell(done, layout.tokens)
        # One by one beside packed rows: scores of these may depend on the length of what is computed with them.
        batch_size = 1 if self.packing.packs else None
        for chunk in _chunks(layout.alone, ids):
            read = self.rm.read_ids([ids[index] for index in chunk], batch_size=batch_size)
            scores[chunk] = self.rm.scores_of(read)
            done += sum(len(ids[index]) for index in chunk)
            tell(done, layout.tokens)
        return self.rm.checked(scores)


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


def score_all(
    scorer: Scorer,
    conversations: Sequence[Conversation],
    progress: Callback | None = None,
    name_of: NameOf = by_number,
) -> Scores:
    """Scores (n,) float64 of any scorer: a loaded model through the prefix tree, a black box in one call.

    name_of: what errors call the conversation at an index. Raises ScoringError where there is not one finite number per
    conversation.
    """
    if isinstance(scorer, RewardModel):
        return LocalEngine(scorer).score(conversations, progress, name_of)
    tell = progress or (lambda done, total: None)
    tell(0, len(conversations))
    scores = scorer.score(copied(conversations))
    tell(len(conversations), len(conversations))
    return checked_scores(scores, len(conversations), str(getattr(scorer, "name", type(scorer).__name__)))
