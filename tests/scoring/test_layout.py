"""The price is what the engine does: rows where there are rows, every token where there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rmaudit.costs import in_words, price_audit
from rmaudit.models import RewardModel
from rmaudit.planning import Audit, plan_audit
from rmaudit.scoring import LocalEngine, Mode, Packing, Plan, check_packing, packing, packing_of, price
from rmaudit.scoring.layout import lay_out
from rmaudit.scoring.prefix_tree import DENSE, pack
from tests.scoring.conftest import Loaded
from tests.scoring.texts import stimuli


def computed(rm: RewardModel, row_tokens: int) -> int:
    """The total that the engine announces, which it also reaches."""
    calls: list[tuple[int, int]] = []
    LocalEngine(rm, row_tokens).score(Plan(stimuli()).unique, lambda done, total: calls.append((done, total)))
    assert calls[-1][0] == calls[-1][1]
    return calls[-1][1]


def priced(rm: RewardModel, row_tokens: int) -> int:
    plan = Plan(stimuli())
    ids = [rm.encode(text).ids for text in plan.unique]
    return price(plan, ids, packing_of(rm), row_tokens=row_tokens).tree_tokens


@pytest.mark.parametrize("row_tokens", [60, 2048])
@pytest.mark.parametrize("family", ["llama", "gemma2", "bloom"])
def test_the_price_is_what_is_computed(family: str, row_tokens: int, loaded: Loaded) -> None:
    rm = loaded(family)
    assert priced(rm, row_tokens) == computed(rm, row_tokens)


def test_where_nothing_is_packed_every_token_is_paid(loaded: Loaded) -> None:
    rm = loaded("bloom")
    assert packing_of(rm).mode is Mode.PADDED
    assert priced(rm, 2048) == sum(map(rm.count_tokens, Plan(stimuli()).unique))


def test_texts_that_are_too_long_to_share_a_row_are_paid_in_full(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    rm = loaded("mistral", config={"sliding_window": 60})
    monkeypatch.setattr(packing, "_CANARY_TOKENS", 50)
    monkeypatch.setattr(packing, "_LONGEST_CANARY", 50)
    assert packing_of(rm).longest == 60
    ids = [rm.encode(text).ids for text in Plan(stimuli()).unique]
    short = [sequence for sequence in ids if len(sequence) <= 60]
    assert 0 < len(short) < len(ids)
    expected = sum(map(len, pack(short))) + sum(len(sequence) for sequence in ids if len(sequence) > 60)
    assert priced(rm, 2048) == expected == computed(rm, 2048)


def test_rows_under_a_dense_mask_are_cut_for_it() -> None:
    rng = np.random.default_rng(0)
    ids = [(1, *range(5, 105), *rng.integers(5, 200, 500).tolist()) for _ in range(12)]
    dense, blocks = (lay_out(ids, Packing(mode)) for mode in (Mode.DENSE, Mode.IN_BLOCKS))
    assert dense.tokens == sum(map(len, pack(ids, quadratic=DENSE))) > blocks.tokens


def test_layout_holds_every_sequence_once() -> None:
    ids = [(1, 2, 3), (1,) * 9, (1, 2), (1,) * 7]
    layout = lay_out(ids, Packing(Mode.IN_BLOCKS, longest=5))
    inside = sorted(layout.packed[index] for row in layout.rows for index in row.sequences)
    assert (inside, layout.alone) == ([0, 2], [3, 1])
    assert lay_out(ids, Packing(Mode.PADDED)).alone == [1, 3, 0, 2], "batches begin with the longest"


@pytest.mark.parametrize("mode", Mode)
def test_the_sentence_is_for_people_and_decides_nothing(mode: Mode, loaded: Loaded) -> None:
    rm = loaded("llama")
    found = check_packing(rm)
    rm.load_report.packing = Packing(mode, "as this test says").sentence
    assert rm.load_report.packing.startswith(mode.value)
    assert LocalEngine(rm).packing is packing_of(rm) is found


def test_the_price_of_an_audit_in_words(loaded: Loaded, tmp_path: Any) -> None:
    from rmaudit.battery_files import read_battery
    from rmaudit.registry import battery_folder

    audit = Audit(read_battery(battery_folder("core")).limited(1), [])
    planned = len(plan_audit(audit, white_box=True).plan.unique)
    shared, padded = (price_audit(audit, loaded(family, positions=2048)) for family in ("llama", "bloom"))
    assert shared["conversations"] == padded["conversations"] == planned
    assert shared["tree_tokens"] < shared["tokens"]
    assert f"{shared['tree_tokens']:,} to be computed in prefix tree in blocks (" in in_words(shared)
    assert padded["tree_tokens"] == padded["tokens"]
    assert in_words(padded).endswith(f"{padded['tokens']:,} tokens, all computed in padded batches")
