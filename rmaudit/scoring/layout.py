"""How conversations are laid out for the model: what shares a row, and what is computed on its own.

The engine computes this layout and the price counts it, so that what `--dry-run` says is what will be done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from rmaudit.scoring.prefix_tree import DENSE, IN_BLOCKS, ROW_TOKENS, Row, pack

#: No model reads as many tokens: the bound of a model whose rows may hold sequences of any length.
ANY_LENGTH = 2**63 - 1


class Mode(Enum):
    """How a model's scores are computed; the value is how people call it."""

    IN_BLOCKS = "prefix tree in blocks"
    DENSE = "prefix tree"
    PADDED = "padded batches"


@dataclass(frozen=True)
class Packing:
    """What the canary found for a model.

    detail: the rest of the sentence for people: how well packed scores agreed, or why none are used.
    longest: most tokens of a sequence that may share a row; what is longer is scored on its own.
    """

    mode: Mode
    detail: str = ""
    longest: int = ANY_LENGTH

    @property
    def packs(self) -> bool:
        """Whether rows are used at all."""
        return self.mode is not Mode.PADDED

    @property
    def in_blocks(self) -> bool:
        """Whether the attention of rows goes in blocks."""
        return self.mode is Mode.IN_BLOCKS

    @property
    def sentence(self) -> str:
        """For the load report: "prefix tree, canary difference 3e-08", "padded batches: <reason>"."""
        return f"{self.mode.value}{', ' if self.packs else ': '}{self.detail}"


#: A model that can all that there is.
PACKED = Packing(Mode.IN_BLOCKS)


@dataclass(frozen=True)
class Layout:
    """Rows, and the sequences that are in none of them.

    packed: which of the given sequences the rows' own numbers (`Row.sequences`) stand for. alone: the others, in the
    order in which they are computed. tokens: what the model has to compute in all, padding left out.
    """

    rows: list[Row]
    packed: list[int]
    alone: list[int]
    tokens: int


def lay_out(
    ids: Sequence[Sequence[int]],
    packing: Packing,
    row_tokens: int = ROW_TOKENS,
    positions: Sequence[Sequence[int]] | None = None,
) -> Layout:
    """Lay out token sequences for a model. Raises ValueError where one is empty or `row_tokens` is not positive.

    positions: where each sequence is read; None for its last token.
    """
    packed = [index for index, sequence in enumerate(ids) if packing.packs and len(sequence) <= packing.longest]
    read = None if positions is None else [positions[index] for index in packed]
    quadratic = IN_BLOCKS if packing.in_blocks else DENSE
    rows = pack([ids[index] for index in packed], row_tokens, quadratic, read)
    # In batches the longest come first: memory runs out at once or never.
    alone = sorted(
        set(range(len(ids))).difference(packed), key=lambda index: len(ids[index]), reverse=not packing.packs
    )
    return Layout(rows, packed, alone, sum(map(len, rows)) + sum(len(ids[index]) for index in alone))
