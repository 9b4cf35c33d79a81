"""The residual stream's parts: what the embedding and each layer add to the score at the readout position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from rmaudit.attribution.head import completeness_error
from rmaudit.attribution.norms import frozen_map
from rmaudit.conversations import Conversation
from rmaudit.models.reward_model import RewardModel

#: The name of the part that no layer wrote: the bias of the final norm (and of a projection after it), through the
#: head.
NORM_BIAS = "final norm bias"


@dataclass(frozen=True)
class ResidualParts:
    """`score = values.sum() + bias`, exact with the final norm's scale frozen at its value.

    names: "embedding" (with positions, where they are added to it), "layer 0", "layer 1", ... and NORM_BIAS where the
    norm has one; values (n,) in score units, in that order; bias: the head's; error: the absolute gap rounding leaves.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    bias: float
    score: float
    error: float


def residual_parts(rm: RewardModel, conversation: Conversation) -> ResidualParts:
    """Split the score into what the embedding and each layer write to the residual stream at the readout position.

    Raises AttributionError where the architecture has a step that is not understood, or where the parts do not add up.
    """
    ids = rm.encode(conversation).ids
    read, states = rm.linear_map(ids), rm.layer_states(ids)
    # In float64 the differences of states telescope exactly, whatever format the model computes in.
    stream = torch.stack([state.double().cpu() for state in states])  # (layers + 1, k, hidden)
    steps = torch.cat([stream[:1], stream.diff(dim=0)])
    parts, constant = torch.zeros(len(states), dtype=torch.float64), 0.0
    for place, weights in enumerate(read.weights):
        if weights.any():
            frozen = frozen_map(rm.trunk, states[-1][place], weights)
            parts, constant = parts + steps[:, place] @ frozen.direction, constant + frozen.constant
    values, names = parts.tolist(), ["embedding", *(f"layer {index}" for index in range(len(states) - 1))]
    if constant:
        names, values = [*names, NORM_BIAS], [*values, constant]
    score, bias = float(rm.score_ids([ids])[0]), read.bias
    error = completeness_error("layers'", sum(values) + bias, score, _rounding(rm, ids))
    return ResidualParts(tuple(names), np.array(values), bias, score, error)


def _rounding(rm: RewardModel, ids: tuple[int, ...]) -> float:
    """How far rounding the readout to the model's own dtype can move the score; 0 in fp32, which EXACT covers."""
    if rm.backbone.dtype not in (torch.bfloat16, torch.float16):
        return 0.0
    [vectors] = rm.states([ids], positions=[rm.positions(ids)])
    return torch.finfo(rm.backbone.dtype).eps * float((rm.linear_map(ids).weights * vectors).abs().sum())
