"""The residual stream is the one that runs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rmaudit.errors import AttributionError
from rmaudit.models import RewardModel
from rmaudit.models.layers import Trunk, check_trunk
from tests.models.conftest import Loaded
from tests.tiny import CONFIGS

CONVERSATION = [{"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": "Green, or blue."}]
POST_NORM = {"config": {"do_layer_norm_before": False}}
NARROW = {"config": {"word_embed_proj_dim": 16}}


def states_and_readout(rm: RewardModel) -> tuple[list[torch.Tensor], torch.Tensor]:
    ids = rm.encode(CONVERSATION).ids
    return [state[-1] for state in rm.layer_states(ids)], rm.readout([CONVERSATION])[0]


@pytest.mark.parametrize("family", CONFIGS)
def test_the_last_state_through_the_final_norm_is_the_readout(family: str, loaded: Loaded) -> None:
    rm = loaded(family)
    states, readout = states_and_readout(rm)
    assert len(states) == rm.load_report.layers + 1
    assert all(state.shape == (rm.load_report.hidden_size,) for state in states)
    assert rm.final_norm is not None
    torch.testing.assert_close(rm.trunk.finish(states[-1]), readout, rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", ["llama", "qwen2", "mistral", "phi3", "opt", "gpt2"])
def test_states_are_hugging_faces_hidden_states(family: str, loaded: Loaded) -> None:
    rm = loaded(family)
    states, _ = states_and_readout(rm)
    ids = torch.tensor([rm.encode(CONVERSATION).ids])
    with torch.no_grad():
        theirs = rm.backbone(input_ids=ids, output_hidden_states=True).hidden_states
    for mine, other in zip(states[:-1], theirs[:-1], strict=True):  # their last one is already normalised
        torch.testing.assert_close(mine, other[0, -1], rtol=0, atol=1e-6)


def test_opt_with_a_narrower_embedding(loaded: Loaded) -> None:
    rm = loaded("opt", **NARROW)
    states, readout = states_and_readout(rm)
    assert states[-1].shape == (32,)
    assert readout.shape == (16,)
    assert rm.head.held()["weight"].shape == (1, 16)
    assert rm.trunk.projection is not None
    torch.testing.assert_close(rm.trunk.finish(states[-1]), readout, rtol=0, atol=1e-6)


def test_opt_without_a_final_norm(loaded: Loaded) -> None:
    rm = loaded("opt", **POST_NORM)
    states, readout = states_and_readout(rm)
    assert rm.final_norm is None
    torch.testing.assert_close(states[-1], readout, rtol=0, atol=1e-6)


def test_a_step_that_is_not_known_is_an_error() -> None:
    trunk = Trunk((nn.Identity(),), nn.LayerNorm(4), None)
    states = [torch.arange(4.0), torch.arange(4.0)]
    check_trunk(trunk, states, nn.LayerNorm(4)(states[-1]))
    with pytest.raises(AttributionError, match="does not lead to the readout"):
        check_trunk(trunk, states, 2 * nn.LayerNorm(4)(states[-1]))
    with pytest.raises(AttributionError, match="3 residual states of 1 layers"):
        check_trunk(trunk, [*states, states[0]], states[0])


@pytest.mark.parametrize(
    ("dtype", "coarse"), [("bfloat16", True), ("float16", True), ("float32", False), ("float64", False)]
)
def test_only_half_precision_may_differ_by_percents(dtype: str, coarse: bool) -> None:
    trunk = Trunk((nn.Identity(),), None, None)
    state = torch.arange(1.0, 5.0, dtype=getattr(torch, dtype))
    if coarse:
        check_trunk(trunk, [state, state], 1.01 * state)
    else:
        with pytest.raises(AttributionError, match="does not lead to the readout"):
            check_trunk(trunk, [state, state], 1.01 * state)
