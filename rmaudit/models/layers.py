"""The blocks of a backbone, whatever its family calls them, and the residual stream between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from rmaudit.errors import AttributionError


@dataclass(frozen=True)
class Trunk:
    """The path from the residual stream to the readout: readout = projection(final_norm(last state)).

    blocks: the layers, first to last. final_norm: None where the last state goes on unnormalised.
    projection: the linear map that OPT has after its norm if its embedding is narrower; None elsewhere.
    """

    blocks: Sequence[nn.Module]
    final_norm: nn.Module | None
    projection: nn.Module | None

    def finish(self, state: Tensor) -> Tensor:
        """The readout (..., width) of last states (..., hidden)."""
        if self.final_norm is not None:
            state = self.final_norm(state)
        return state if self.projection is None else self.projection(state)


def find_trunk(backbone: PreTrainedModel) -> Trunk:
    """Find blocks, final norm and projection by structure; `layer_states` checks that they are what runs.

    Raises AttributionError where no list of modules is as long as the configuration's number of layers.
    """
    count = backbone.config.get_text_config().num_hidden_layers
    lists = [(name, module) for name, module in backbone.named_modules() if isinstance(module, nn.ModuleList)]
    found = [(name, module) for name, module in lists if len(module) == count]
    if not found:
        raise AttributionError(f"no list of {count} layers in {type(backbone).__name__}; no residual stream is known")
    # The blocks lie higher than any list inside a block.
    name, blocks = min(found, key=lambda entry: entry[0].count("."))
    parent = backbone.get_submodule(name.rpartition(".")[0])
    return Trunk(tuple(blocks), _final_norm(parent), _child(parent, "project_out"))


#: What the families call the norm after the last block.
_FINAL_NORMS = ("norm", "ln_f", "final_layernorm", "final_layer_norm", "norm_f", "final_norm", "ln_out")


def _final_norm(parent: nn.Module) -> nn.Module | None:
    return next((module for name in _FINAL_NORMS if (module := _child(parent, name)) is not None), None)


def _child(parent: nn.Module, name: str) -> nn.Module | None:
    child = getattr(parent, name, None)
    return child if isinstance(child, nn.Module) else None


@contextmanager
def recorded_states(trunk: Trunk) -> Iterator[list[Tensor]]:
    """While active, a forward pass of the backbone appends its residual states, each (batch, length, hidden).

    First what enters the first block, then what leaves each block: one more than there are blocks.
    """
    states: list[Tensor] = []

    def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        states.append(args[0] if args else kwargs["hidden_states"])

    def after(module: nn.Module, args: Any, output: Any) -> None:
        states.append(output[0] if isinstance(output, tuple) else output)

    hooks = [trunk.blocks[0].register_forward_pre_hook(before, with_kwargs=True)]
    hooks += [block.register_forward_hook(after) for block in trunk.blocks]
    try:
        yield states
    finally:
        for hook in hooks:
            hook.remove()


def check_trunk(trunk: Trunk, states: Sequence[Tensor], readout: Tensor) -> None:
    """Raise AttributionError unless the states are complete and the last one leads to `readout`."""
    if len(states) != len(trunk.blocks) + 1:
        raise AttributionError(f"{len(states)} residual states of {len(trunk.blocks)} layers: some layers did not run")
    reached = trunk.finish(states[-1])
    tolerance = 5e-2 if readout.dtype in (torch.bfloat16, torch.float16) else 1e-4
    if reached.shape != readout.shape or not torch.allclose(reached, readout, atol=tolerance, rtol=tolerance):
        raise AttributionError(
            "the state after the last layer does not lead to the readout through the final norm; "
            "this architecture has a step between them that rmaudit does not know"
        )
