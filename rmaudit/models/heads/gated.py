"""Heads that weigh several outputs by what the prompt is about: linear in the answer's readout once the prompt is fixed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from rmaudit.models.heads.head import Head, LinearMap
from rmaudit.models.heads.stacked import LayerStack


class GatedHead(Head):
    """score = g · (R^T W h), the gate g = softmax(network(h_gate) / temperature) · logit_scale being the prompt's.

    Reads two positions: h_gate where the prompt ends, and h. For a fixed prompt the score is (W^T R g) · h.
    regression: W (objectives · quantiles, width); an objective is the mean of its quantiles, which lie side by side.
    transform: R (objectives, objectives) or absent. logit_scale: (1,). The gate's network: see LayerStack.
    Source: ArmoRM (arXiv 2406.12845), QRM (arXiv 2409.10164).
    """

    kind = "linear given the prompt"
    reads = 2
    regression: Tensor
    transform: Tensor | None
    logit_scale: Tensor

    def __init__(self, tensors: Mapping[str, Tensor], *, quantiles: int = 1, temperature: float = 1.0) -> None:
        super().__init__(tensors)
        if "transform" not in tensors:
            self.transform = None
        self.quantiles, self.temperature = quantiles, temperature

    def forward(self, h: Tensor) -> Tensor:
        """Scores (n,) of h (n, 2, width): where the prompt ends, and the readout."""
        outputs = functional.linear(h[:, -1].to(self.regression), self.regression)
        if self.quantiles > 1:
            outputs = outputs.reshape(len(outputs), -1, self.quantiles).mean(dim=2)
        if self.transform is not None:
            outputs = outputs @ self.transform
        return (self.gate(h[:, 0]) * outputs).sum(dim=1)

    def gate(self, prompts: Tensor) -> Tensor:
        """The weight of every objective (n, objectives) at h_gate (n, width)."""
        logits = LayerStack(dict(self.named_buffers()))(prompts)
        return functional.softmax(logits / self.temperature, dim=1) * self.logit_scale[0]

    def linear_map(self, h: Tensor) -> LinearMap:
        """W^T R g at the readout, nothing where the gate reads: what the prompt says is held fixed."""
        shares = self.gate(h[:1])[0].detach().double().cpu()
        if self.transform is not None:
            shares = self.transform.detach().double().cpu() @ shares
        shares = (shares / self.quantiles).repeat_interleave(self.quantiles)
        weights = torch.zeros(h.shape, dtype=torch.float64)
        weights[-1] = shares @ self.regression.detach().double().cpu()
        return LinearMap(weights, 0.0)

    @property
    def in_words(self) -> str:
        """The gate."""
        return f"softmax(gate / {self.temperature:g}) times {float(self.logit_scale[0]):g}"
