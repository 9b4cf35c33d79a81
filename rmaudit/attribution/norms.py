"""The final norm with its scale frozen: the linear map that carries the residual stream to the score.

A norm divides by a scale that depends on its input. At the one input that the model saw the scale is a number, and with
that number held fixed the norm is linear: `y = scale * gain ⊙ (x - mean(x)) + bias` (layer norm; a root-mean-square norm has
no mean). Norms are recognised by what they compute and not by their class: gain, bias and mean subtraction are read from
a few probe inputs, then the map must reproduce the output that the model computed.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rmaudit.errors import AttributionError
from rmaudit.models.layers import Trunk

#: Magnitude of the probe input: a power of two, so that its norm is exact, and large, so that the norm's epsilon is nothing.
_LOUD = 1024.0


@dataclass(frozen=True)
class FrozenMap:
    """`score - head bias = direction · x + constant`, both float64, for the residual stream x (width,) before the norm."""

    direction: Tensor
    constant: float


@torch.no_grad()
def frozen_map(trunk: Trunk, x: Tensor, weight: Tensor) -> FrozenMap:
    """Fold the head's weight, the projection after the norm (OPT) and the frozen norm into one map of the residual stream.

    x (width,): the state before the final norm at the readout position. weight (hidden,): the head's.
    Raises AttributionError that names the class where norm or projection is not such a map.
    """
    direction, constant = weight.detach().double().cpu(), 0.0
    if trunk.projection is not None:
        if not isinstance(trunk.projection, nn.Linear):
            raise _not_linear("projection after the final norm", trunk.projection)
        if trunk.projection.bias is not None:
            constant += float(direction @ trunk.projection.bias.double().cpu())
        direction = direction @ trunk.projection.weight.double().cpu()
    if trunk.final_norm is None:
        return FrozenMap(direction, constant)
    gain, bias, centred = _read_norm(trunk.final_norm, x.shape[-1])
    computed, stream = trunk.final_norm(x), x.double().cpu()
    shaped = gain * (stream - stream.mean() if centred else stream)
    # The scale is whatever makes the map fit the output: no norm's epsilon or floor has to be known.
    scale = float((shaped @ (computed.double().cpu() - bias)) / (shaped @ shaped)) if bool(shaped.any()) else 0.0
    if not _same(computed, scale * shaped + bias):
        raise _not_linear("final norm", trunk.final_norm)
    constant += float(direction @ bias)
    direction = scale * gain * direction
    return FrozenMap(direction - direction.mean() if centred else direction, constant)


def _not_linear(what: str, module: nn.Module) -> AttributionError:
    return AttributionError(
        f"the {what} {type(module).__name__} is not a scale, a gain and a bias per dimension (with or without subtracting "
        "the mean), so the layers have no exact parts of the score; this architecture is not supported"
    )


def _same(found: Tensor, expected: Tensor) -> bool:
    """Equal up to rounding: a few units in the last place of `found`'s dtype, and of fp32 where large entries cancel."""
    rounding, fp32 = torch.finfo(found.dtype).eps, torch.finfo(torch.float32).eps
    found, expected = found.double().cpu(), expected.double().cpu()
    allowed = 4 * rounding * expected.abs() + 16 * fp32 * expected.abs().max()
    return bool(((found - expected).abs() <= allowed).all())


def _read_norm(norm: nn.Module, width: int) -> tuple[Tensor, Tensor, bool]:
    """Gain (width,), bias (width,), and whether the norm subtracts the mean; all from probe inputs, in float64."""
    # A copy in fp32, because a norm in bfloat16 would round its gain; the model itself stays untouched.
    probe = copy.deepcopy(norm).float().cpu().eval()
    pattern = torch.ones(width)
    pattern[1::2] = -1.0
    if width % 2:
        pattern[-3:] = torch.tensor([1.0, 1.0, -2.0])  # the mean stays zero and no entry is zero
    bias = _computed(probe, torch.zeros(width))
    loud = _computed(probe, _LOUD * pattern) - bias
    shifted = _computed(probe, _LOUD * (pattern + 3.0)) - bias
    gain = loud * pattern.double().square().mean().sqrt() / pattern.double()
    # Adding one number to every entry changes nothing where the mean is subtracted, and leans to one side elsewhere.
    return gain, bias, bool((shifted - loud).abs().max() <= 1e-4 * loud.abs().max())


def _computed(norm: nn.Module, x: Tensor) -> Tensor:
    output: Tensor = norm(x[None, None])[0, 0]
    return output.double()
