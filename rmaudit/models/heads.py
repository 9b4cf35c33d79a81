"""What maps the readout vector to the score."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LinearHead(nn.Module):
    """score = weight · h + bias, computed in float32 whatever the backbone's dtype.

    A bfloat16 product would put scores on a grid (steps of 0.125 near 20) and make ties of different answers.
    weight: (hidden,) float32. bias: rounded to what float32 represents.
    """

    weight: Tensor

    def __init__(self, weight: Tensor, bias: float = 0.0) -> None:
        super().__init__()
        if weight.ndim != 1:
            raise ValueError(f"weight: expected shape (hidden,), got {tuple(weight.shape)}")
        self.register_buffer("weight", weight.detach().to(torch.float32).clone())
        self.bias = float(torch.tensor(bias, dtype=torch.float32))

    def forward(self, h: Tensor) -> Tensor:
        """Scores (...,) float32 of readout vectors (..., hidden)."""
        return h.to(self.weight) @ self.weight + self.bias
