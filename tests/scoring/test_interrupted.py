"""A model that was scored with stays as it was: after an error, and for whoever scores with it at the same time."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from threading import Thread

import numpy as np
import pytest
import torch

from rmaudit.scoring import LocalEngine, packing, score_all, tree_masks
from rmaudit.scoring.prefix_tree import pack
from rmaudit.scoring.tree_masks import attention_in_blocks, tree_mask
from tests.scoring.conftest import Loaded
from tests.scoring.texts import stimuli


class Stopped(Exception):
    pass


def stop(done: int, total: int) -> None:
    if done:
        raise Stopped


def test_an_error_of_the_callback_leaves_the_model_as_it_was(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    rm = loaded("llama")
    expected = rm.score(stimuli())
    engine = LocalEngine(rm, row_tokens=60)
    monkeypatch.setattr(packing, "_MOST_ROWS_AT_ONCE", 2)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(Stopped) as held:  # while it is held, so is the frame that scores
            engine.score(stimuli(), stop)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert held.value.__traceback__ is not None
    assert rm.backbone.config._attn_implementation == "sdpa"
    np.testing.assert_allclose(rm.score(stimuli()), expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(engine.score(stimuli()), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("family", ["llama", "mistral", "gemma3_text", "gpt2", "opt", "qwen3_moe"])
def test_plain_calls_keep_their_scores_while_rows_are_computed(family: str, side: str, loaded: Loaded) -> None:
    rm = loaded(family)
    assert tree_masks.can_replace_attention(rm)
    ids = [rm.encode(messages).ids for messages in stimuli()[:6]]
    expected = rm.score_ids(ids, batch_size=3, padding_side=side)
    with attention_in_blocks(rm):
        np.testing.assert_array_equal(rm.score_ids(ids, batch_size=3, padding_side=side), expected)


def test_whoever_ends_last_gives_the_model_its_attention_back(loaded: Loaded) -> None:
    rm = loaded("llama")
    config = rm.backbone.config
    first, second = ExitStack(), ExitStack()
    first.enter_context(attention_in_blocks(rm))
    second.enter_context(attention_in_blocks(rm))
    first.close()
    assert config._attn_implementation != "sdpa"
    assert packing.check_packing(rm).in_blocks, "asked while rows are computed, a model is still what it is"
    second.close()
    assert config._attn_implementation == "sdpa"


def test_blocks_that_are_lost_on_the_way_give_no_score_instead_of_a_wrong_one(loaded: Loaded) -> None:
    rm = loaded("llama")
    [row] = pack([(1, 20, 30), (1, 20, 31)])
    with attention_in_blocks(rm), torch.inference_mode():
        mask = copy.copy(tree_mask(rm, row, in_blocks=True)[:, :, :, :])
        states = rm.hidden_states(torch.from_numpy(row.ids)[None], mask, torch.from_numpy(row.depths)[None])
    assert states.isnan().all()


def test_several_threads_score_with_one_model(loaded: Loaded) -> None:
    rm = loaded("llama")
    expected = rm.score(stimuli())
    engine = LocalEngine(rm, row_tokens=60)
    largest: list[float] = []

    def packed() -> None:
        largest.extend(float(np.abs(engine.score(stimuli()) - expected).max()) for _ in range(3))

    def plain() -> None:
        largest.extend(float(np.abs(rm.score(stimuli()) - expected).max()) for _ in range(3))

    threads = [Thread(target=work) for work in (packed, plain, packed)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(largest) == 9
    assert max(largest) < 1e-5
    np.testing.assert_allclose(score_all(rm, stimuli()), expected, rtol=0, atol=1e-5)
