"""The canary: packing is used where it is exact and refused, with the reason, where it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from rmaudit.scoring import Mode, check_packing, packing, prefix_tree, score_all, tree_masks
from rmaudit.scoring.layout import ANY_LENGTH
from rmaudit.scoring.prefix_tree import Row, blocks, pack
from tests.scoring.conftest import Loaded
from tests.scoring.texts import stimuli

sees = prefix_tree._sees

FAMILIES = ["llama", "gemma2", "mistral", "gpt2", "opt"]


def test_the_line_goes_to_the_load_report(loaded: Loaded) -> None:
    rm = loaded("llama")
    assert rm.load_report.packing == "not checked"
    line = check_packing(rm).sentence
    assert rm.load_report.packing == line
    begins, difference = line.rsplit(" ", 1)
    assert begins == "prefix tree in blocks, canary difference"
    assert float(difference) <= 1e-5


@pytest.mark.parametrize("family", ["bloom", "mpt"])
def test_families_without_positions(family: str, loaded: Loaded) -> None:
    line = f"padded batches: {family} takes no positions, so a token cannot be told its depth in the tree"
    assert check_packing(loaded(family)).sentence == line


def test_a_backbone_that_counts_its_window_in_columns_of_the_row(loaded: Loaded) -> None:
    line = check_packing(loaded("gpt_neo", positions=2048)).sentence
    assert line.startswith("padded batches: packed scores differ from plain ones by ")
    assert line.endswith(", in a canary of 8 texts")


def test_a_backbone_that_refuses_the_mask(loaded: Loaded) -> None:
    line = check_packing(loaded("falcon", config={"alibi": True})).sentence
    assert line.startswith("padded batches: falcon refuses the tree mask (")


def siblings_are_seen(row: Row, nodes: np.ndarray, columns: np.ndarray, window: int | None) -> np.ndarray:
    return columns[None, :] <= nodes[:, None]


def parents_are_hidden(row: Row, nodes: np.ndarray, columns: np.ndarray, window: int | None) -> np.ndarray:
    return sees(row, nodes, columns, window) & (columns[None, :] != row.parents[nodes][:, None])


def windows_are_one_too_wide(row: Row, nodes: np.ndarray, columns: np.ndarray, window: int | None) -> np.ndarray:
    return sees(row, nodes, columns, window + 1 if window else None)


FAULTS = [(family, fault) for family in FAMILIES for fault in (siblings_are_seen, parents_are_hidden)]
FAULTS += [("gemma2", windows_are_one_too_wide), ("mistral", windows_are_one_too_wide)]


@pytest.mark.parametrize("in_blocks", [True, False])
@pytest.mark.parametrize(("family", "fault"), FAULTS)
def test_the_canary_sees_a_wrong_mask(
    family: str, fault: Any, in_blocks: bool, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefix_tree, "_sees", fault)
    rm = loaded(family)
    ids = packing._canary(rm)
    mode = Mode.IN_BLOCKS if in_blocks and family != "gemma2" else Mode.DENSE
    found = packing._compared(rm, ids, rm.readout_ids(ids, batch_size=1), mode)
    assert found.sentence.startswith("padded batches: packed scores differ from plain ones by ")


def test_where_blocks_fail_a_dense_mask_is_tried(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_masks, "readout_block", lambda row, window: blocks(row, 64, window)[-1])
    assert check_packing(loaded("llama")).sentence.startswith("prefix tree, canary difference ")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_canary_sees_wrong_positions(family: str, loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    def counted_along_the_row(*given: Any) -> list[Row]:
        return [replace(row, depths=np.arange(len(row)) % 512) for row in pack(*given)]

    monkeypatch.setattr(packing, "pack", counted_along_the_row)
    assert check_packing(loaded(family)).sentence.startswith("padded batches: packed scores differ from plain ones by ")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_half_precision_has_a_tolerance_of_its_own(family: str, dtype: str, loaded: Loaded, monkeypatch: Any) -> None:
    assert check_packing(loaded(family, dtype)).sentence.startswith("prefix tree")
    monkeypatch.setattr(prefix_tree, "_sees", siblings_are_seen)
    assert check_packing(loaded(family, dtype)).sentence.startswith("padded batches: packed scores differ")


def test_attention_without_a_tree_mask(loaded: Loaded) -> None:
    rm = loaded("llama")
    rm.backbone.config._attn_implementation = "flash_attention_2"
    assert check_packing(rm).sentence == "padded batches: flash_attention_2 attention takes no tree mask"


def test_layers_without_a_tree_mask(loaded: Loaded) -> None:
    rm = loaded("qwen2")
    rm.backbone.config.layer_types = ["full_attention", "linear_attention", "chunked_attention"]
    assert check_packing(rm).sentence == (
        "padded batches: no tree mask is known for chunked_attention and linear_attention layers"
    )


def test_scores_that_are_not_numbers_pass_no_canary(loaded: Loaded) -> None:
    rm = loaded("llama")
    with torch.no_grad():
        rm.head.weight.fill_(float("nan"))
    assert check_packing(rm).sentence.startswith("padded batches: packed scores differ from plain ones by nan")


def test_a_refused_model_is_scored_in_padded_batches(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    rm = loaded("llama")
    monkeypatch.setattr(packing, "_refusal", lambda rm: "as this test says")
    plain = rm.score_ids([rm.encode(messages).ids for messages in stimuli()])
    np.testing.assert_array_equal(score_all(rm, stimuli()), plain)
    assert rm.load_report.packing == "padded batches: as this test says"


@pytest.mark.parametrize(
    ("family", "options", "tokens"),
    [
        ("llama", {}, 320),
        ("llama", {"positions": 100}, 100),
        ("mistral", {}, 320),
        ("mistral", {"config": {"sliding_window": 400}, "positions": 2048}, 500),
        ("mistral", {"config": {"sliding_window": 4096}, "positions": 8192}, 1024),
    ],
)
def test_the_canary_exceeds_a_window_where_that_is_sane(
    family: str, options: dict[str, Any], tokens: int, loaded: Loaded
) -> None:
    rm = loaded(family, **options)
    canary = packing._canary(rm)
    assert max(map(len, canary)) == tokens
    assert packing.longest_packable(rm) == (4096 if tokens == 1024 else ANY_LENGTH)
    assert check_packing(rm).sentence.startswith("prefix tree")
