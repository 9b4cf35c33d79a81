"""Process reward models: one value at the end of every step, and a named rule that makes one score of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rmaudit.models.heads.head import Head
from rmaudit.models.heads.outputs import OutputsHead

#: How values (n, steps) become scores (n,). Which one a policy was trained with, or a best-of-N used, is not in the files.
AGGREGATES: dict[str, Callable[[Tensor], Tensor]] = {
    "last": lambda values: values[:, -1],
    "min": lambda values: values.min(dim=1).values,
    "mean": lambda values: values.mean(dim=1),
    "product": lambda values: values.prod(dim=1),
}


class StepHead(Head):
    """score = aggregate over the steps of P(step is right).

    inner: its outputs at a step are two logits (wrong, right), whose softmax is the probability, or one, whose sigmoid is.
    """

    kind = "non-linear, per step"

    def __init__(self, inner: OutputsHead, aggregate: str) -> None:
        super().__init__({})
        self.inner, self.aggregate = inner, aggregate

    def steps(self, h: Tensor) -> Tensor:
        """Probabilities (n, k) at the ends of k steps, of vectors (n, k, width)."""
        logits = self.inner.outputs(h.flatten(0, 1))
        right = torch.sigmoid(logits[:, 0]) if logits.shape[1] == 1 else torch.softmax(logits, dim=1)[:, 1]
        return right.reshape(h.shape[:2])

    def forward(self, h: Tensor) -> Tensor:
        """Scores (n,) of vectors (n, k, width)."""
        return AGGREGATES[self.aggregate](self.steps(h))

    @property
    def in_words(self) -> str:
        """How the steps make one score."""
        return f"{self.aggregate} of the steps' probabilities"
