"""Prefix-tree rows through a backbone, and the proof at load that they give the plain scores."""

from __future__ import annotations

from itertools import cycle, islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rmaudit.models import RewardModel
from rmaudit.scoring.prefix_tree import Row, pack, visible_nodes

#: How `LoadReport.packing` begins where rows are used, and where they are not.
PACKED, PADDED = "prefix tree", "padded batches"

_FULL, _SLIDING = "full_attention", "sliding_attention"

# A canary this long exceeds the windows that are small enough to check in a moment on a CPU.
_CANARY_TOKENS, _LONGEST_CANARY = 320, 1024

_TEXT = (
    "The ferry leaves the harbour twice a day, at half past six and again at noon. In summer a third boat is added, and "
    "on Sundays none. Tickets are sold on the quay; a bicycle travels free, a car costs forty-two euros. "
)
_OTHER_TEXT = (
    "def area(width, height):\n    return width * height\n\nNobody had watered the plants, so the basil was dry, the "
    "mint had spread into the next pot, and the tomatoes, all 17 of them, were ripe at last! "
)


def packed_readouts(rm: RewardModel, row: Row) -> Tensor:
    """Readout vectors (M, hidden) float32, on the CPU, of the sequences in a row, in the row's order."""
    device = rm.device
    with torch.inference_mode():
        states = rm.hidden_states(
            input_ids=torch.from_numpy(row.ids)[None].to(device),
            attention_mask=_masks(rm, row, device),
            position_ids=torch.from_numpy(row.depths)[None].to(device),
        )[0]
        return states[torch.from_numpy(row.end_nodes).to(states.device)].float().cpu()


def longest_packable(rm: RewardModel) -> int:
    """Tokens of the longest sequence that may share a row; what is longer is scored on its own.

    Beyond a sliding window that the canary did not exceed, packing is unproven. And where rotary frequencies change
    with the longest position of a forward pass, a longer sequence would change the scores of its row.
    """
    config = _text_config(rm)
    limits = [np.iinfo(np.int64).max]
    window = _window(config)
    if window is not None and window >= _canary_tokens(rm):
        limits.append(window)
    parameters = getattr(config, "rope_parameters", None) or {}
    for rope in (parameters, *parameters.values()):
        if isinstance(rope, dict) and ("dynamic" in (kind := str(rope.get("rope_type"))) or kind == "longrope"):
            limits.append(int(rope.get("original_max_position_embeddings") or config.max_position_embeddings))
    return int(min(limits))


def check_packing(rm: RewardModel) -> str:
    """Compare packed with plain scores of built-in texts; the plain line that says what scoring will use, and why.

    The line also goes to `rm.load_report.packing`: "prefix tree, canary difference 3e-08" or "padded batches: <reason>".
    In float32 the scores must agree to 1e-5·max(1, |score|). Half precision has no such floor: there the difference may
    be what rounding each element of the readout a few times does to the score, 16·eps·|w ⊙ h| (Euclidean norm).
    """
    reason = _refusal(rm)
    rm.load_report.packing = f"{PADDED}: {reason}" if reason else _compared(rm)
    return rm.load_report.packing


def _refusal(rm: RewardModel) -> str:
    """Why rows cannot even be tried, or nothing."""
    attention = rm.backbone.config._attn_implementation
    if attention not in ("sdpa", "eager"):
        return f"{attention} attention takes no tree mask"
    if not rm.takes_positions:
        return f"{rm.load_report.model_type} takes no positions, so a token cannot be told its depth in the tree"
    strange = sorted(set(_layer_types(_text_config(rm))) - {_FULL, _SLIDING})
    return f"no tree mask is known for {' and '.join(strange)} layers" if strange else ""


def _compared(rm: RewardModel) -> str:
    ids = _canary(rm)
    plain = rm.readout_ids(ids, batch_size=1)
    try:
        packed = torch.empty_like(plain)
        for row in pack(ids, 2 * _LONGEST_CANARY):
            packed[row.sequences] = packed_readouts(rm, row)
    # Whatever a backbone raises at a mask that it does not expect, the answer is the same: not in rows.
    except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        first_line = (str(error).splitlines() or [""])[0]
        return f"{PADDED}: {rm.load_report.model_type} refuses the tree mask ({type(error).__name__}: {first_line:.80})"
    with torch.inference_mode():
        expected, found = rm.head(plain).double(), rm.head(packed).double()
    differences = (found - expected).abs()
    largest = float(differences.max())
    if bool((differences <= _tolerance(rm, plain, expected)).all()):  # false for NaN
        return f"{PACKED}, canary difference {largest:.0e}" if largest else f"{PACKED}, canary difference 0"
    return f"{PADDED}: packed scores differ from plain ones by {largest:.0e}, in a canary of {len(ids)} texts"


def _tolerance(rm: RewardModel, readouts: Tensor, scores: Tensor) -> Tensor:
    """The largest difference of each score that is still the same score. Shape (n,)."""
    precision = torch.finfo(rm.backbone.dtype).eps
    if precision <= torch.finfo(torch.float32).eps:
        return 1e-5 * scores.abs().clamp(min=1)
    parts = readouts * rm.head.weight.detach().float().cpu()
    norms: Tensor = torch.linalg.vector_norm(parts, dim=-1)
    return 16 * precision * norms.double()


def _canary(rm: RewardModel) -> list[tuple[int, ...]]:
    """Token sequences that share prefixes at several depths; one is a prefix of others, one shares nothing.

    Some end a few tokens after they branch, so that even through small windows the readout depends on the branch.
    """
    first, second = (rm.tokenizer(text, add_special_tokens=False)["input_ids"] for text in (_TEXT, _OTHER_TEXT))
    length = _canary_tokens(rm)
    bos = [] if rm.load_report.bos_token_id is None else [rm.load_report.bos_token_id]
    text = (*bos, *islice(cycle(first), length - len(bos)))
    other = tuple(islice(cycle(second), length))
    half, quarter = -(-length // 2), -(-length // 4)
    long = [text, text[:half] + other[:quarter], text[:quarter] + other[:half], other[: length - quarter]]
    return [*long, text[:half], text[:half] + other[1:4], text[:quarter] + other[1:8], text[:quarter] + other[2:4]]


def _canary_tokens(rm: RewardModel) -> int:
    """Beyond the sliding window where that is sane, and never beyond what the model reads."""
    window, longest = _window(_text_config(rm)), rm.load_report.max_length
    length = _CANARY_TOKENS if window is None else min(max(_CANARY_TOKENS, window + window // 4), _LONGEST_CANARY)
    return max(1, length if longest is None else min(length, longest))


def _masks(rm: RewardModel, row: Row, device: torch.device) -> Tensor | dict[str, Tensor]:
    """Additive masks (1, 1, N, N): 0 where a node may look, the dtype's least value elsewhere.

    A backbone whose layers differ takes one per kind of layer, by name; the others take the mask itself.
    """
    config = _text_config(rm)
    kinds = set(_layer_types(config))
    made: dict[int | None, Tensor] = {}

    def mask(kind: str) -> Tensor:
        window = _window(config) if kind == _SLIDING else None
        if window is not None and window >= row.longest:
            window = None  # nobody looks that far back: the same mask serves both kinds
        if window not in made:
            hidden = torch.from_numpy(~visible_nodes(row, window)).to(device)
            least = torch.finfo(rm.backbone.dtype).min
            made[window] = torch.zeros(hidden.shape, dtype=rm.backbone.dtype, device=device).masked_fill_(hidden, least)
        return made[window][None, None]

    return mask(kinds.pop()) if len(kinds) == 1 else {kind: mask(kind) for kind in sorted(kinds)}


def _text_config(rm: RewardModel) -> Any:
    return rm.backbone.config.get_text_config()


def _layer_types(config: Any) -> list[str]:
    """The kind of attention of every layer; one entry stands for all where the configuration names none."""
    named = getattr(config, "layer_types", None)
    return list(named) if named else [_FULL if _window(config) is None else _SLIDING]


def _window(config: Any) -> int | None:
    """Tokens that a sliding-window layer sees, the token itself included; None where there is no such layer."""
    named = getattr(config, "layer_types", None)
    window = getattr(config, "sliding_window", None)
    return None if window is None or (named and _SLIDING not in named) else int(window)
