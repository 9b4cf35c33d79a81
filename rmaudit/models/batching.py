"""Sequences of different lengths as rectangles of ids, with masks and positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rmaudit.errors import UsageError


@dataclass(frozen=True)
class Batch:
    """Padded sequences, each tensor (batch, length), and the column of each row's first real token (batch,)."""

    input_ids: Tensor
    attention_mask: Tensor
    position_ids: Tensor
    starts: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        moved = [tensor.to(device) for tensor in (self.input_ids, self.attention_mask, self.position_ids, self.starts)]
        return Batch(*moved)


def padded(sequences: Sequence[Sequence[int]], filler: int, side: str = "right") -> Batch:
    """Pad on one side. Where a row is real follows from its length alone: `filler` may well occur in the text."""
    if side not in ("right", "left"):
        raise UsageError(f"padding side: expected 'right' or 'left', got {side!r}")
    lengths = torch.tensor([len(ids) for ids in sequences])
    longest = int(lengths.max())
    ids = torch.full((len(sequences), longest), filler)
    for row, sequence in enumerate(sequences):
        start = 0 if side == "right" else longest - len(sequence)
        ids[row, start : start + len(sequence)] = torch.tensor(sequence)
    starts = torch.zeros_like(lengths) if side == "right" else longest - lengths
    positions = torch.arange(longest)[None, :] - starts[:, None]
    mask = (positions >= 0) & (positions < lengths[:, None])
    # Positions under the padding stay legal: a learned table has no entry for others.
    return Batch(ids, mask.long(), positions.clamp(min=0).minimum(lengths[:, None] - 1), starts)


def batches(
    lengths: Sequence[int], batch_size: int | None, token_budget: int, longest_together: int | None = None
) -> Iterator[list[int]]:
    """Indices of the sequences of each batch.

    With `batch_size`: that many at a time, as they come. Without: sorted by length, so that little is padded, and as
    many as keep the padded batch within `token_budget` tokens (at least one).
    A sequence of more than `longest_together` tokens is a batch of its own.
    """
    if batch_size is not None and batch_size < 1:
        raise UsageError(f"batch size: expected at least 1, got {batch_size}")
    # Longest first: memory runs out at once or never.
    longest_first = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    alone = [index for index in longest_first if longest_together is not None and lengths[index] > longest_together]
    yield from ([index] for index in alone)
    together = longest_first[len(alone) :]
    if batch_size is not None:
        together.sort()
        yield from (together[start : start + batch_size] for start in range(0, len(together), batch_size))
        return
    batch: list[int] = []
    for index in together:
        if batch and lengths[batch[0]] * (len(batch) + 1) > token_budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
