"""What every head of a reward model is: vectors at the positions it reads, in; one score, out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from rmaudit.errors import AttributionError


@dataclass(frozen=True)
class LinearMap:
    """`score = (weights ⊙ h).sum() + bias` at one input h (k, width): weights (k, width) and bias in float64, on the CPU."""

    weights: Tensor
    bias: float


class Head(nn.Module):
    """Maps the backbone's output at the k positions that a family reads to one score, in float32 whatever its dtype.

    A bfloat16 product would put scores on a grid (steps of 0.125 near 20) and make ties of different answers.

    A new head is a subclass with `forward`; its tensors are buffers under their roles, which are the names that its
    family gives to the tensors of a checkpoint. After loading they are compared with the files bit for bit.

    kind: what people call it. reads: how many vectors it needs at least.
    """

    kind: str = "non-linear"
    reads: ClassVar[int] = 1

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        for role, tensor in tensors.items():
            self.register_buffer(role, tensor.detach().to(torch.float32).clone())
        self.eval()

    def forward(self, h: Tensor) -> Tensor:
        """Scores (n,) float32 of readout vectors (n, k, width), k being the same for all n."""
        raise NotImplementedError

    def linear_map(self, h: Tensor) -> LinearMap:
        """The map that takes h (k, width) to its score, where score and h are linked by one that is exact.

        Raises AttributionError where the head is not linear in what it reads.
        """
        raise AttributionError(
            f"the head is {self.kind} ({type(self).__name__}): the score is no sum of parts of the readout, so it has no exact "
            "parts; rmaudit scores with it and traces heads that are linear"
        )

    @property
    def in_words(self) -> str:
        """What it does to its outputs beyond its layers, in words; empty for nothing."""
        return ""

    def held(self) -> dict[str, Tensor]:
        """Role -> tensor in memory, float32; what is compared with the files."""
        return {name.rpartition(".")[2]: tensor for name, tensor in self.named_buffers()}
