"""Head and layers: the parts add up to the score, on every family, or there are none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rmaudit.attribution import head_parts, residual_parts
from rmaudit.attribution.head import completeness_error, largest
from rmaudit.attribution.norms import frozen_map
from rmaudit.conversations import conversation
from rmaudit.errors import AttributionError
from rmaudit.models.layers import Trunk
from tests.attribution.conftest import Tiny
from tests.tiny import CONFIGS

ASKED = conversation("Which river runs through that town?", "The Elbe; a good path goes along it.")


@pytest.mark.parametrize("family", CONFIGS)
def test_layers_and_dimensions_add_up_to_the_score(tiny: Tiny, family: str) -> None:
    rm = tiny(family)
    score = float(rm.score([ASKED])[0])
    residual, head = residual_parts(rm, ASKED), head_parts(rm, ASKED)
    for parts, values in ((residual, residual.values), (head, head.parts)):
        assert parts.score == pytest.approx(score, abs=1e-6)
        gap = abs(float(values.sum()) + parts.bias - score)
        assert gap <= 1e-5 * max(1.0, abs(score))
        assert parts.error == pytest.approx(gap, abs=1e-6)
    layers = rm.load_report.layers
    assert residual.names[: layers + 1] == ("embedding", *(f"layer {index}" for index in range(layers)))
    assert set(residual.names[layers + 1 :]) <= {"final norm bias"}
    assert len(residual.values) == len(residual.names)


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("opt", {"config": {"word_embed_proj_dim": 16}}),
        ("opt", {"config": {"do_layer_norm_before": False}}),
        ("llama", {"head": "token"}),
        ("llama", {"head": "trl"}),
        ("llama", {"std": 1.0}),
        ("gpt2", {"std": 1.0, "head": "token"}),
        ("llama", {"config": {"hidden_size": 30, "num_attention_heads": 5, "num_key_value_heads": 5}}),
        ("gpt2", {"config": {"n_embd": 33, "n_head": 3}}),
    ],
)
def test_projections_biases_and_odd_widths_are_part_of_the_sum(
    tiny: Tiny, family: str, options: dict[str, object]
) -> None:
    rm = tiny(family, **options)
    score = float(rm.score([ASKED])[0])
    residual = residual_parts(rm, ASKED)
    assert abs(float(residual.values.sum()) + residual.bias - score) <= 1e-5 * max(1.0, abs(score))
    assert (
        residual.bias
        == pytest.approx(float(rm.head.held().get("bias", 0.0)))
        == pytest.approx(head_parts(rm, ASKED).bias)
    )


def test_a_layer_norms_bias_is_a_part_of_its_own(tiny: Tiny) -> None:
    rm = tiny("gpt2")
    norm = rm.final_norm
    assert isinstance(norm, nn.LayerNorm)
    residual = residual_parts(rm, ASKED)
    assert residual.names[-1] == "final norm bias"
    assert residual.values[-1] == pytest.approx(float(rm.head.held()["weight"][0] @ norm.bias), abs=1e-6)
    assert "final norm bias" not in residual_parts(tiny("llama"), ASKED).names
    assert "final norm bias" not in residual_parts(tiny("cohere"), ASKED).names


def test_each_layers_part_is_its_update_through_gain_and_scale(tiny: Tiny) -> None:
    rm = tiny("llama")
    states = [state[-1].double() for state in rm.layer_states(rm.encode(ASKED).ids)]
    assert rm.final_norm is not None
    gain = rm.final_norm.get_parameter("weight").double()
    scale = (states[-1].square().mean() + rm.backbone.config.rms_norm_eps).rsqrt()
    direction = rm.head.held()["weight"][0].double() * gain * scale
    written = [states[0], *(after - before for before, after in pairwise(states))]
    expected = [float(direction @ part) for part in written]
    assert residual_parts(rm, ASKED).values == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_half_precision_is_given_with_its_rounding(tiny: Tiny, family: str, dtype: str) -> None:
    rm = tiny(family, dtype=dtype)
    residual = residual_parts(rm, ASKED)
    gap = abs(float(residual.values.sum()) + residual.bias - float(rm.score([ASKED])[0]))
    assert residual.error == gap
    assert 1e-6 < gap < 0.02
    assert head_parts(rm, ASKED).error < 1e-6


class Squash(nn.Module):
    """No norm at all: a curve per dimension."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x)


class HalfNorm(nn.Module):
    """Two groups, each with a scale of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([nn.functional.layer_norm(half, half.shape[-1:]) for half in x.chunk(2, -1)], -1)


@pytest.mark.parametrize("norm", [Squash(), HalfNorm(), nn.Softmax(dim=-1)])
def test_a_norm_that_is_not_understood_is_refused_by_name(norm: nn.Module) -> None:
    x = torch.linspace(-2.0, 3.0, 8) ** 2
    with pytest.raises(AttributionError, match=f"final norm {type(norm).__name__} is not"):
        frozen_map(Trunk((), norm, None), x, torch.ones(8))


def test_a_projection_that_is_not_linear_is_refused_by_name() -> None:
    with pytest.raises(AttributionError, match="projection after the final norm Squash"):
        frozen_map(Trunk((), nn.LayerNorm(8), Squash()), torch.ones(8), torch.ones(8))


@pytest.mark.parametrize("width", [4, 7, 32, 33])
@pytest.mark.parametrize("kind", ["none", "identity", "rms", "layer", "layer without gain", "projected"])
def test_norms_are_recognised_by_what_they_compute(kind: str, width: int) -> None:
    generator = torch.Generator().manual_seed(width)
    x, weight = torch.randn(width, generator=generator), torch.randn(width, generator=generator)
    rms, layer, projection = nn.RMSNorm(width), nn.LayerNorm(width), nn.Linear(width, width)
    for parameter in (rms.weight, layer.weight, layer.bias, projection.weight, projection.bias):
        nn.init.normal_(parameter, 0.3, 1.0, generator=generator)
    norm = {
        "none": None,
        "identity": nn.Identity(),
        "rms": rms,
        "layer": layer,
        "layer without gain": nn.LayerNorm(width, elementwise_affine=False),
        "projected": layer,
    }[kind]
    trunk = Trunk((), norm, projection if kind == "projected" else None)
    frozen = frozen_map(trunk, x, weight)
    with torch.no_grad():
        score = float(trunk.finish(x) @ weight)
    assert float(frozen.direction @ x.double()) + frozen.constant == pytest.approx(score, abs=1e-5)
    if kind.startswith("layer"):  # a shift of the whole stream is what such a norm does not see
        assert float(frozen.direction.sum()) == pytest.approx(0.0, abs=1e-9)


def test_parts_that_do_not_add_up_are_never_returned(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    rm = tiny("llama")
    monkeypatch.setattr(rm, "score_ids", lambda ids: np.array([4.25]))
    with pytest.raises(AttributionError, match=r"layers' parts of the score add up to .*, the score is 4\.25"):
        residual_parts(rm, ASKED)


def test_the_completeness_error_is_absolute_and_bounded() -> None:
    with pytest.raises(
        AttributionError, match=r"parts of the score add up to 1\.1, the score is 1: the difference of 0\.1"
    ):
        completeness_error("layers'", 1.1, 1.0)
    with pytest.raises(AttributionError):
        completeness_error("layers'", float("nan"), 1.0)
    assert completeness_error("layers'", 200.001, 200.0) == pytest.approx(1e-3)
    assert completeness_error("layers'", 1.01, 1.0, rounding=0.02) == pytest.approx(0.01)


def test_the_largest_parts_come_first_and_ties_keep_their_order() -> None:
    assert largest(np.array([0.5, -2.0, 0.0, 2.0, 1.0]), 3) == [(1, -2.0), (3, 2.0), (4, 1.0)]
