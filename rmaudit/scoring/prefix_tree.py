"""Token sequences packed into token trees: a prefix that many sequences share is computed once.

Sequences are sorted, so that those that begin alike stand together, and cut into rows. A row is a tree of tokens in
depth-first order: node 0 is the first token of the row's first sequence, and every node comes after its parent and
before everything that does not descend from it. One number per node, the index after its last descendant, therefore
answers "is a an ancestor of b": `a <= b < subtree_end[a]`. In a decoder that sees a token's ancestors only, with the
depth as position, the states at the nodes of a sequence are what the sequence alone would give.

>>> [row] = pack([(5, 6, 7), (5, 6, 8), (5, 6)])
>>> row.ids.tolist(), row.depths.tolist(), row.sequences.tolist(), row.read_nodes.tolist()
([5, 6, 7, 8], [0, 1, 2, 2], [2, 0, 1], [1, 2, 3])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

#: Most nodes of a row, see `pack`. It bounds memory: a dense mask, and eager attention per head, are quadratic in it.
ROW_TOKENS = 2048

# The time of a row of N nodes, in units of a token's time without attention, is about START + N + N²/quadratic.
# Measured on one CPU core over rows of 64 to 2,048 nodes under a dense mask: START 30 to 43, quadratic 1,800 (hidden
# size 192), 2,300 (512) and 5,000 (1,024). With attention in blocks, long rows cost little. The minimum is flat:
# twice or half of either moves the time by less than a tenth.
START = 40
DENSE, IN_BLOCKS = 2500, 20000


@dataclass(frozen=True, slots=True)
class Row:
    """One token tree of N nodes in depth-first order, which holds M sequences.

    ids, depths: (N,) the token of a node and its position in its sequences, from 0.
    parents: (N,) the node before it, -1 where a sequence begins.
    subtree_end: (N,) the index after the last descendant of a node.
    sequences: (M,) which of the packed sequences the row holds.
    reads: (M,) at how many positions each is read: one, unless the caller named others.
    read_nodes: (R,) the nodes at those positions, sequence after sequence; equal sequences share them.
    """

    ids: IntArray
    depths: IntArray
    parents: IntArray
    subtree_end: IntArray
    sequences: IntArray
    reads: IntArray
    read_nodes: IntArray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return int(self.depths.max()) + 1


def pack(
    sequences: Sequence[Sequence[int]],
    row_tokens: int = ROW_TOKENS,
    quadratic: int = IN_BLOCKS,
    positions: Sequence[Sequence[int]] | None = None,
) -> list[Row]:
    """Pack token sequences into rows; every sequence is in exactly one row. A prefix that spans rows is in each.

    positions: where each sequence is read; None for its last token.

    Rows end where that makes the whole cheapest: short rows save attention, long rows save prefixes. quadratic: nodes
    of a row whose attention takes as long as the rest, `DENSE` or `IN_BLOCKS`. A row has at most `row_tokens` nodes, or
    `row_tokens // 2` more than its longest sequence, so that the answers to one very long prompt still share it; a
    sequence alone may have any length. Raises ValueError where a sequence is empty or `row_tokens` is not positive.
    """
    order = _sorted_order(sequences)
    ordered = [np.asarray(sequences[index], dtype=np.int64) for index in order]
    read = [[len(sequences[index]) - 1] if positions is None else positions[index] for index in order]
    cuts = _cuts(ordered, row_tokens, quadratic)
    return [_row(ordered[start:stop], read[start:stop], order[start:stop], shared) for start, stop, shared in cuts]


def visible_nodes(row: Row, window: int | None = None) -> BoolArray:
    """Which nodes (columns) each node (rows) attends to: itself and its ancestors. Shape (N, N), bool.

    window: how many tokens back, itself included, a token sees in a sliding-window layer; None sees all ancestors.
    """
    nodes = np.arange(len(row))
    return _sees(row, nodes, nodes, window)


@dataclass(frozen=True, slots=True)
class Block:
    """Some nodes of a row with all that any of them attends to.

    nodes: (B,) ascending. columns: (C,) the nodes that at least one of them sees. visible: (B, C) who sees which.
    """

    nodes: IntArray
    columns: IntArray
    visible: BoolArray


def blocks(row: Row, size: int, window: int | None = None) -> list[Block]:
    """The content of `visible_nodes` in blocks of `size` neighbouring nodes, without the columns that a block ignores.

    What a block sees outside itself is one path towards the root: in depth-first order, whoever has a parent before
    the block descends from the path to the block's first node.
    """
    found = []
    for start in range(0, len(row), size):
        nodes = np.arange(start, min(start + size, len(row)))
        outside = row.parents[nodes]
        deepest = int(outside[outside < start].max(initial=-1))
        path = np.flatnonzero(row.subtree_end[: deepest + 1] > deepest)
        found.append(_block(row, nodes, np.concatenate([path, nodes]), window))
    return found


def readout_block(row: Row, window: int | None = None) -> Block:
    """The nodes that are read alone: all whose attention matters in the last layer."""
    return _block(row, np.unique(row.read_nodes), np.arange(len(row)), window)


def _block(row: Row, nodes: IntArray, columns: IntArray, window: int | None) -> Block:
    visible = _sees(row, nodes, columns, window)
    seen = visible.any(axis=0)
    return Block(nodes, columns[seen], visible[:, seen])


def _sees(row: Row, nodes: IntArray, columns: IntArray, window: int | None) -> BoolArray:
    ends = row.subtree_end[columns]
    visible: BoolArray = (columns[None, :] <= nodes[:, None]) & (nodes[:, None] < ends[None, :])
    if window is not None and window < row.longest:
        visible &= row.depths[nodes][:, None] - row.depths[columns][None, :] < window
    return visible


def _sorted_order(sequences: Sequence[Sequence[int]]) -> list[int]:
    """Indices in lexicographic order of the tokens: a prefix comes before what continues it."""
    for index, sequence in enumerate(sequences):
        if not len(sequence):
            raise ValueError(f"sequence {index} has no tokens: there is no position to read a score from")
    keys = [tuple(sequence) for sequence in sequences]
    return sorted(range(len(keys)), key=keys.__getitem__)


def _cuts(ordered: Sequence[IntArray], row_tokens: int, quadratic: int) -> Iterator[tuple[int, int, list[int]]]:
    """The cheapest rows: (start, stop, tokens that each sequence shares with the one before it in its row).

    best[stop] is the least time in which the first `stop` sequences can be done, came[stop] where the last of those
    rows begins.
    """
    if row_tokens < 1:
        raise ValueError(f"row_tokens is {row_tokens}; a row holds at least 1 token")
    lengths = [len(sequence) for sequence in ordered]
    shared = [0, *(_common_prefix(*ordered[index - 1 : index + 1]) for index in range(1, len(ordered)))]
    best, came = [0.0] + [np.inf] * len(ordered), [0] * (len(ordered) + 1)
    for start, length in enumerate(lengths):
        nodes = longest = length
        for stop in range(start + 1, len(ordered) + 1):
            if stop > start + 1:
                nodes, longest = nodes + lengths[stop - 1] - shared[stop - 1], max(longest, lengths[stop - 1])
                if nodes > max(row_tokens, longest + row_tokens // 2):
                    break
            time = best[start] + START + nodes + nodes * nodes / quadratic
            if time < best[stop]:
                best[stop], came[stop] = time, start
    stops = [len(ordered)] if ordered else []
    while stops and came[stops[-1]]:
        stops.append(came[stops[-1]])
    for stop in reversed(stops):
        yield came[stop], stop, [0, *shared[came[stop] + 1 : stop]]


def _common_prefix(a: IntArray, b: IntArray) -> int:
    """Number of leading tokens that two sequences share."""
    length = min(len(a), len(b))
    differs = a[:length] != b[:length]
    return int(differs.argmax()) if differs.any() else length


def _row(
    ordered: Sequence[IntArray], positions: Sequence[Sequence[int]], indices: Sequence[int], shared: Sequence[int]
) -> Row:
    """Build one row; `shared[k]` leading tokens of sequence k are already in it, on the path of sequence k - 1."""
    size = sum(map(len, ordered)) - sum(shared)
    ids, depths, parents, ends = (np.empty(size, dtype=np.int64) for _ in range(4))
    path, nodes, read_nodes = np.empty(0, dtype=np.int64), 0, []
    for sequence, read, common in zip(ordered, positions, shared, strict=True):
        ends[path[common:]] = nodes  # the depth-first walk leaves these branches here
        new = np.arange(nodes, nodes + len(sequence) - common)
        path = np.concatenate([path[:common], new])
        ids[new], depths[new] = sequence[common:], np.arange(common, len(sequence))
        parents[new] = np.concatenate([[-1], path[:-1]])[common:]
        nodes += len(new)
        read_nodes.append(path[list(read)])
    ends[path] = nodes
    sequences, reads = np.asarray(indices, dtype=np.int64), np.asarray([len(read) for read in positions])
    return Row(ids, depths, parents, ends, sequences, reads, np.concatenate(read_nodes))
