"""What a decoder's attention is told of a token tree: who sees whom.

Any backbone takes an additive mask of all nodes against all nodes. On a CPU most of the time under such a mask goes into
pairs that do not see each other, so where the attention function can be replaced, queries are taken in blocks, each
against the few nodes that it does see, every one of them by transformers' own function. In the last layer only the nodes
that are read out need attention at all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface

from rmaudit.models import RewardModel
from rmaudit.scoring.prefix_tree import Block, BoolArray, Row, blocks, readout_block, visible_nodes

FULL, SLIDING = "full_attention", "sliding_attention"

Mask = Tensor | dict[str, Tensor]

#: The names under which transformers knows attention in blocks, and the attention that it stands in for.
_IN_BLOCKS, _REPLACED = "rmaudit_tree_blocks", "sdpa"
_BLOCK_TOKENS = 64


def layer_types(rm: RewardModel) -> list[str]:
    """The kind of attention of every layer; one entry stands for all where the configuration names none."""
    named = getattr(text_config(rm), "layer_types", None)
    return list(named) if named else [FULL if window_of(rm) is None else SLIDING]


def window_of(rm: RewardModel) -> int | None:
    """Tokens that a sliding-window layer sees, the token itself included; None where there is no such layer."""
    config = text_config(rm)
    named = getattr(config, "layer_types", None)
    window = getattr(config, "sliding_window", None)
    return None if window is None or (named and SLIDING not in named) else int(window)


def text_config(rm: RewardModel) -> Any:
    """The configuration of the decoder itself."""
    return rm.backbone.config.get_text_config()


def own_attention(rm: RewardModel) -> str:
    """The name of the attention that the backbone was loaded with."""
    name = str(rm.backbone.config._attn_implementation)
    return _REPLACED if name == _IN_BLOCKS else name


def can_replace_attention(rm: RewardModel) -> bool:
    """Whether blocks can be tried: the backbone asks for its attention function by name, and it pays."""
    by_name = bool(rm.backbone._supports_attention_backend)
    return by_name and rm.device.type == "cpu" and own_attention(rm) == _REPLACED


# How often each backbone is in use with attention in blocks: whoever ends last gives it its own attention back.
_IN_USE: WeakKeyDictionary[PreTrainedModel, int] = WeakKeyDictionary()
_SWITCHING = threading.Lock()


@contextmanager
def attention_in_blocks(rm: RewardModel, wanted: bool = True) -> Iterator[None]:
    """While this lasts, the backbone also understands masks in blocks.

    Plain masks mean what they always do, so that a plain call from another thread gives its own scores; and several
    threads may score at once.
    """
    if not wanted:
        yield
        return
    config = rm.backbone.config
    with _SWITCHING:
        _IN_USE[rm.backbone] = _IN_USE.get(rm.backbone, 0) + 1
        config._attn_implementation = _IN_BLOCKS
    try:
        yield
    finally:
        with _SWITCHING:
            _IN_USE[rm.backbone] -= 1
            if not _IN_USE[rm.backbone]:
                config._attn_implementation = _REPLACED


def tree_mask(rm: RewardModel, row: Row, *, in_blocks: bool) -> Mask:
    """The attention mask of a row, either for `attention_in_blocks` or dense.

    A backbone whose layers differ takes one mask per kind of layer, by name; the others take the mask itself.
    """
    make = _blocks_mask if in_blocks else _dense_mask
    kinds, made = sorted(set(layer_types(rm))), dict[int | None, Tensor]()
    masks = {}
    for kind in kinds:
        window = window_of(rm) if kind == SLIDING else None
        if window is not None and window >= row.longest:
            window = None  # nobody looks that far back: the same mask serves both kinds
        if window not in made:
            made[window] = make(rm, row, window)
        masks[kind] = made[window]
    return masks if len(kinds) > 1 else masks[kinds[0]]


def _dense_mask(rm: RewardModel, row: Row, window: int | None) -> Tensor:
    """Additive (1, 1, N, N): 0 where a node may look, the dtype's least value elsewhere."""
    return _additive(visible_nodes(row, window), rm.backbone.dtype, rm.device)


def _additive(visible: BoolArray, dtype: torch.dtype, device: torch.device) -> Tensor:
    shown = torch.from_numpy(visible).to(device)
    mask = torch.full(shown.shape, torch.finfo(dtype).min, dtype=dtype, device=device).masked_fill_(shown, 0.0)
    return mask[None, None]


def _blocks_mask(rm: RewardModel, row: Row, window: int | None) -> Tensor:
    """A stand-in (1, 1, N, N) without memory, which carries the blocks to `_attention_in_blocks`."""

    def ready(index: slice | Tensor, block: Block) -> _ReadyBlock:
        return index, torch.from_numpy(block.columns), _additive(block.visible, rm.backbone.dtype, rm.device)

    inner = [
        ready(slice(int(block.nodes[0]), int(block.nodes[-1]) + 1), block)
        for block in blocks(row, _BLOCK_TOKENS, window)
    ]
    last = readout_block(row, window)
    # Not a number: should it ever be taken for a plain mask, there is no score instead of a wrong one.
    cell = torch.full((1, 1, 1, 1), torch.nan, dtype=rm.backbone.dtype, device=rm.device)
    carrier = cell.expand(1, 1, len(row), len(row))
    carried = _Carried(inner, [ready(torch.from_numpy(last.nodes), last)], text_config(rm).num_hidden_layers - 1)
    setattr(carrier, _IN_BLOCKS, carried)
    return carrier


#: Which queries, which keys, and the additive mask between them.
_ReadyBlock = tuple[slice | Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class _Carried:
    inner: list[_ReadyBlock]
    last: list[_ReadyBlock]
    last_layer: int


def _attention_in_blocks(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """transformers' sdpa attention for each block; query, key, value: (1, heads, N, width) -> (1, N, heads, width).

    A mask that carries no blocks is a plain call's, and means what it means to sdpa.
    """
    carried: _Carried | None = getattr(attention_mask, _IN_BLOCKS, None)
    if carried is None:
        attended, _ = _SDPA(module, query, key, value, attention_mask, **options)
        return attended, None
    # Nodes first: then what a block needs of one is one piece of memory.
    keys, values = key.transpose(1, 2), value.transpose(1, 2)
    attended = query.new_zeros((1, query.shape[2], query.shape[1], value.shape[3]))
    for index, columns, mask in carried.last if module.layer_idx == carried.last_layer else carried.inner:
        seen = (states.index_select(1, columns).transpose(1, 2) for states in (keys, values))
        attended[:, index] = _SDPA(module, query[:, :, index], *seen, mask, **options)[0]
    return attended, None


_REGISTERED: Any = AttentionInterface
_SDPA = _REGISTERED()[_REPLACED]
_REGISTERED.register(_IN_BLOCKS, _attention_in_blocks)
# Without an entry here, transformers would give plain calls no mask at all.
_MASKS: Any = AttentionMaskInterface
_MASKS.register(_IN_BLOCKS, _MASKS()[_REPLACED])
