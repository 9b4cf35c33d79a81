"""Heads with linear layers on top of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from rmaudit.models.heads.outputs import OutputsHead

#: What a batch normalisation adds to the variance, where nobody says otherwise.
BATCH_NORM_EPS = 1e-5


class LayerStack:
    """Linear layers by number, between two of them an activation and, where one is stored, a batch normalisation.

    tensors: `layer_<n>_weight`, perhaps `layer_<n>_bias`; of a normalisation `norm_<n>_mean`, `_variance`, `_weight`,
    `_bias`: the statistics of training, never those of a batch. n is the place of the linear layer.
    """

    def __init__(
        self, tensors: Mapping[str, Tensor], activation: Callable[[Tensor], Tensor] = torch.relu, prefix: str = ""
    ) -> None:
        self._tensors, self._activation, self._prefix = tensors, activation, prefix

    def __call__(self, x: Tensor) -> Tensor:
        """(n, width) to (n, outputs)."""
        count = sum(name.startswith(f"{self._prefix}layer_") and name.endswith("_weight") for name in self._tensors)
        for number in range(count):
            if number:
                x = self._normalised(self._activation(x), number - 1)
            weight = self._tensors[f"{self._prefix}layer_{number}_weight"]
            x = functional.linear(x.to(weight), weight, self._tensors.get(f"{self._prefix}layer_{number}_bias"))
        return x

    def _normalised(self, x: Tensor, number: int) -> Tensor:
        names = [f"{self._prefix}norm_{number}_{what}" for what in ("mean", "variance", "weight", "bias")]
        if names[0] not in self._tensors:
            return x
        mean, variance, gain, shift = (self._tensors[name] for name in names)
        return functional.batch_norm(x, mean, variance, gain, shift, training=False, eps=BATCH_NORM_EPS)


class MlpHead(OutputsHead):
    """score = W2 relu(W1 h + b1) + b2, with as many layers as there are: GRM, INF-ORM, WorldPM, Qwen's reward models.

    Tensors as in LayerStack.
    """

    kind = "non-linear"

    def outputs(self, h: Tensor) -> Tensor:
        """Outputs (n, outputs) at vectors (n, width)."""
        return LayerStack(dict(self.named_buffers()))(h)
