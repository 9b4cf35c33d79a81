"""The arithmetic of LoRA: a low-rank change, added to a weight.

The order of the operations is PEFT's, so that the result is that of its `merge_and_unload(safe_merge=True)` bit for bit
where base and adapter are float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rmaudit.models.adapters.adapter import Adapter
from rmaudit.models.tensor_files import TensorInfo

Reader = Callable[[], Tensor]


@dataclass(frozen=True)
class LowRank:
    """The low-rank change of one module.

    name: the module's full name, as at training. key: of its weight in the checkpoint.
    parts: "A" (rank, in), "B" (out, rank) and perhaps "bias" (out,) and "magnitude" (out,); for an embedding "in" is
    the vocabulary. embedding: whether it is one. turned: whether the weight is stored (in, out).
    """

    name: str
    key: str
    parts: Mapping[str, TensorInfo]
    embedding: bool
    turned: bool
    rank: int
    alpha: float
    scale: float

    def weight(self, adapter: Adapter, read: Reader) -> Tensor:
        """The weight with the change in it; float32, or float64 where the weight is. read: the weight without it."""
        weight = read()
        weight = weight.to(torch.promote_types(weight.dtype, torch.float32))
        a, b = (adapter.read(self.parts[part]).to(weight.dtype) for part in ("A", "B"))
        delta = (b @ a) * self.scale
        changed: Tensor = weight + (delta.T if self.turned else delta)
        if "magnitude" not in self.parts:
            return changed.contiguous()
        # DoRA: the length of every output's weights is a parameter of its own.
        magnitude = adapter.read(self.parts["magnitude"]).to(weight.dtype).reshape(-1)
        length: Tensor = changed.norm(dim=0 if self.turned else 1, keepdim=True)
        return (changed * ((magnitude[None] if self.turned else magnitude[:, None]) / length)).contiguous()

    def bias(self, adapter: Adapter, read: Reader) -> Tensor:
        """The bias with the share of B's own bias in it; as `weight`."""
        bias = read()
        bias = bias.to(torch.promote_types(bias.dtype, torch.float32))
        return bias + self.scale * adapter.read(self.parts["bias"]).to(bias.dtype)
