"""The head's parts: what each dimension of the readout adds to the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmaudit.conversations import Conversation
from rmaudit.errors import AttributionError
from rmaudit.models.reward_model import RewardModel

#: An exact decomposition misses the score by at most this times max(1, |score|) in fp32.
EXACT = 1e-5


@dataclass(frozen=True)
class HeadParts:
    """`score = parts.sum() + bias`, parts (hidden,) in score units.

    error: the absolute gap that rounding leaves.
    """

    parts: NDArray[np.float64]
    bias: float
    score: float
    error: float


def head_parts(rm: RewardModel, conversation: Conversation) -> HeadParts:
    """Split the score into `w_i * h_i` per dimension of the readout, plus the head's bias.

    A head that reads several positions has the sum over them. Raises AttributionError where the head is not linear, or
    the parts do not add up to the score.
    """
    ids = rm.encode(conversation).ids
    [vectors] = rm.states([ids], positions=[rm.positions(ids)])
    found = rm.linear_map(ids)
    score = float(rm.scores_of([rm.pooled(vectors)])[0])
    parts = (found.weights * vectors.double()).sum(dim=0).numpy()
    error = completeness_error("head's", float(parts.sum()) + found.bias, score)
    return HeadParts(parts, found.bias, score, error)


def largest(parts: NDArray[np.float64], count: int) -> list[tuple[int, float]]:
    """(dimension, part) of the `count` entries of parts (hidden,) with the largest absolute values, largest first."""
    order = np.argsort(-np.abs(parts), kind="stable")[:count]
    return [(int(index), float(parts[index])) for index in order]


def completeness_error(what: str, total: float, score: float, rounding: float = 0.0) -> float:
    """`|total - score|`, the absolute error of a decomposition that claims to be exact.

    rounding: what the model's own number format may add (0 in fp32). Raises AttributionError where the error is larger
    than EXACT * max(1, |score|) + rounding, or not a number: an inexact decomposition is never returned.
    """
    error, allowed = abs(total - score), EXACT * max(1.0, abs(score)) + rounding
    if error <= allowed:
        return error
    raise AttributionError(
        f"the {what} parts of the score add up to {total:.9g}, the score is {score:.9g}: the difference of {error:.3g} "
        f"is more than the {allowed:.3g} that rounding explains, so they are not given"
    )
