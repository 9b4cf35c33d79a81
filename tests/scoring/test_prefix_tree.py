"""Packing is pure: what goes in comes out, nothing is counted twice, and the mask is what ancestry says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmaudit.scoring.prefix_tree import (
    DENSE,
    IN_BLOCKS,
    START,
    Row,
    blocks,
    pack,
    readout_block,
    visible_nodes,
)

# Three tokens only, so that drawn sequences share prefixes, continue each other and repeat.
sequence_lists = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), max_size=20)
row_sizes = st.integers(1, 40)


def walk(row: Row, node: int) -> list[int]:
    """The nodes from the root to `node`, by parent pointers."""
    path: list[int] = []
    while node != -1:
        path.append(node)
        node = int(row.parents[node])
    return path[::-1]


def distinct_prefixes(sequences: list[list[int]]) -> set[tuple[int, ...]]:
    return {tuple(sequence[:stop]) for sequence in sequences for stop in range(1, len(sequence) + 1)}


@given(sequence_lists, row_sizes)
def test_every_sequence_is_the_path_to_its_end_node_and_is_packed_once(sequences: list[list[int]], size: int) -> None:
    rows = pack(sequences, size)
    found: dict[int, list[int]] = {}
    for row in rows:
        for index, end in zip(row.sequences.tolist(), row.read_nodes.tolist(), strict=True):
            path = walk(row, end)
            assert index not in found
            found[index] = row.ids[path].tolist()
            assert row.depths[path].tolist() == list(range(len(path)))
    assert [found[index] for index in range(len(sequences))] == sequences


@given(sequence_lists, row_sizes)
def test_a_tree_never_has_more_tokens_than_its_sequences_and_rows_keep_their_size(
    sequences: list[list[int]], size: int
) -> None:
    rows = pack(sequences, size)
    tokens = sum(map(len, sequences))
    assert len(distinct_prefixes(sequences)) <= sum(map(len, rows)) <= tokens
    for row in rows:
        assert len(row) <= max(size, row.longest + size // 2)


@given(sequence_lists, st.sampled_from([50, DENSE, IN_BLOCKS]))
def test_cuts_are_the_cheapest_of_all(sequences: list[list[int]], quadratic: int) -> None:
    sequences = sequences[:7]

    def time(rows: list[int]) -> float:
        return sum(START + nodes + nodes * nodes / quadratic for nodes in rows)

    ordered = sorted(sequences)
    every_way = []
    for kept in itertools.product([False, True], repeat=max(0, len(ordered) - 1)):
        stops = [0, *(place for place, cut in enumerate(kept, start=1) if cut), len(ordered)]
        groups = [ordered[start:stop] for start, stop in itertools.pairwise(stops)]
        every_way.append(time([len(distinct_prefixes(group)) for group in groups]))
    found = time([len(row) for row in pack(sequences, quadratic=quadratic)])
    assert found == pytest.approx(min(every_way) if sequences else 0.0)


@settings(max_examples=60)
@given(sequence_lists, row_sizes, st.one_of(st.none(), st.integers(1, 12)))
def test_visible_nodes_equal_brute_force(sequences: list[list[int]], size: int, window: int | None) -> None:
    for row in pack(sequences, size):
        expected = np.zeros((len(row), len(row)), dtype=bool)
        for node in range(len(row)):
            path = walk(row, node)
            expected[node, path if window is None else path[-window:]] = True
        np.testing.assert_array_equal(visible_nodes(row, window), expected)


@given(sequence_lists, row_sizes, st.integers(1, 9), st.one_of(st.none(), st.integers(1, 12)))
def test_blocks_hold_every_visible_pair_and_no_column_in_vain(
    sequences: list[list[int]], size: int, block_size: int, window: int | None
) -> None:
    for row in pack(sequences, size):
        visible = visible_nodes(row, window)
        found = blocks(row, block_size, window)
        assert [node for block in found for node in block.nodes] == list(range(len(row)))
        assert max(len(block.nodes) for block in found) <= block_size
        last = readout_block(row, window)
        assert last.nodes.tolist() == sorted(set(row.read_nodes.tolist()))
        for block in [*found, last]:
            expected = visible[block.nodes]
            assert block.columns.tolist() == np.flatnonzero(expected.any(axis=0)).tolist()
            np.testing.assert_array_equal(block.visible, expected[:, block.columns])


def test_one_row_in_numbers() -> None:
    (row,) = pack([(5, 6, 7), (5, 6, 8), (5, 6), (5, 6, 7), (4,)])
    assert row.ids.tolist() == [4, 5, 6, 7, 8]
    assert row.depths.tolist() == [0, 0, 1, 2, 2]
    assert row.parents.tolist() == [-1, -1, 1, 2, 2]
    assert row.subtree_end.tolist() == [1, 5, 5, 4, 5]
    assert row.sequences.tolist() == [4, 2, 0, 3, 1]
    assert row.read_nodes.tolist() == [0, 2, 3, 3, 4]


def test_a_prefix_that_spans_two_rows_is_computed_in_both() -> None:
    rows = pack([(1, 1, 2), (1, 1, 3, 4), (1, 5, 6, 7)], 5)
    assert [row.ids.tolist() for row in rows] == [[1, 1, 2, 3, 4], [1, 5, 6, 7]]
    assert [row.sequences.tolist() for row in rows] == [[0, 1], [2]]


def test_answers_to_one_prompt_longer_than_a_row_still_share_it() -> None:
    prompt = list(range(2000))
    rows = pack([[*prompt, 3000 + answer, *range(60)] for answer in range(4)], 1024)
    assert [len(row) for row in rows] == [2000 + 4 * 61]


def test_beside_a_sequence_longer_than_a_row_there_is_half_a_row_of_room() -> None:
    long = [1, *range(10, 40)]
    assert [row.sequences.tolist() for row in pack([long, [2, *range(7)]], 16)] == [[0, 1]]
    assert [row.sequences.tolist() for row in pack([long, [2, *range(8)]], 16)] == [[0], [1]]


def test_nothing_to_pack_is_no_row() -> None:
    assert pack([]) == []


def test_an_empty_sequence_and_an_empty_row_are_refused() -> None:
    with pytest.raises(ValueError, match="sequence 1 has no tokens"):
        pack([(1,), ()])
    with pytest.raises(ValueError, match="row_tokens is 0"):
        pack([(1,)], 0)


def test_numpy_sequences_pack_like_tuples() -> None:
    (row,) = pack([np.array([3, 1]), np.array([3, 2])])
    assert row.ids.tolist() == [3, 1, 2]
