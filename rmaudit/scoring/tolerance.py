"""How far two computations of one score may differ and still be the same score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rmaudit.models import RewardModel

#: In float32, relative to max(1, |score|).
EXACT = 1e-5


def tolerance(rm: RewardModel, read: Sequence[Tensor]) -> NDArray[np.float64]:
    """The largest difference of each score, (n,) in score units; read: what the head reads of each, (k, width).

    In float32 and above: 1e-5·max(1, |score|). Half precision has no such floor: there it is what rounding each element
    of the readout a few times does to the score, 16·eps·|g ⊙ h| (Euclidean norm), g being the score's gradient.
    """
    precision = torch.finfo(rm.backbone.dtype).eps
    if precision <= torch.finfo(torch.float32).eps:
        allowed: NDArray[np.float64] = EXACT * np.maximum(1.0, np.abs(rm.scores_of(read)))
        return allowed
    norms = [_rounding(rm, vectors) for vectors in read]
    return 16 * precision * np.array(norms)


def _rounding(rm: RewardModel, vectors: Tensor) -> float:
    with torch.inference_mode(False), torch.enable_grad():
        leaf = vectors.clone().requires_grad_()
        [gradient] = torch.autograd.grad(rm.head(leaf[None]).sum(), leaf)
    return float(torch.linalg.vector_norm(gradient * vectors))
