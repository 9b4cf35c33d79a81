"""Prefix-tree rows through a backbone, and the proof at load that they give the plain scores."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import cycle, islice
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from rmaudit.models import RewardModel
from rmaudit.scoring.layout import ANY_LENGTH, Mode, Packing
from rmaudit.scoring.prefix_tree import Row, pack
from rmaudit.scoring.tolerance import tolerance
from rmaudit.scoring.tree_masks import (
    FULL,
    SLIDING,
    attention_in_blocks,
    can_replace_attention,
    layer_types,
    own_attention,
    tree_mask,
    window_of,
)

# Each needs its own memory for a row's states.
_MOST_ROWS_AT_ONCE = 8

# A canary this long exceeds the windows that are small enough to check in a moment on a CPU.
_CANARY_TOKENS, _LONGEST_CANARY = 320, 1024

_TEXT = (
    "The ferry leaves the harbour twice a day, at half past six and again at noon. In summer a third boat is added, "
    "and on Sundays none. Tickets are sold on the quay; a bicycle travels free, a car costs forty-two euros. "
)
_OTHER_TEXT = (
    "def area(width, height):\n    return width * height\n\nNobody had watered the plants, so the basil was dry, the "
    "mint had spread into the next pot, and the tomatoes, all 17 of them, were ripe at last! "
)


def packed_readouts(rm: RewardModel, rows: Sequence[Row], *, in_blocks: bool) -> Generator[Tensor, None, None]:
    """For each row in order, the vectors (R, width) float32, on the CPU, at its `read_nodes`.

    Close it (`contextlib.closing`): until it has ended, the model computes attention in another way.
    in_blocks: attention in blocks, which not every backbone can, see `check_packing`. Many small steps are slow on many
    threads, so rows are then computed side by side, each on a share of the threads.
    """
    with attention_in_blocks(rm, in_blocks):
        work = partial(_row_readouts, rm, in_blocks=in_blocks)
        yield from side_by_side(work, rows) if in_blocks else map(work, rows)


def _row_readouts(rm: RewardModel, row: Row, *, in_blocks: bool) -> Tensor:
    with torch.inference_mode():
        states = rm.hidden_states(
            input_ids=torch.from_numpy(row.ids)[None].to(rm.device),
            attention_mask=tree_mask(rm, row, in_blocks=in_blocks),
            position_ids=torch.from_numpy(row.depths)[None].to(rm.device),
        )[0]
        return states[torch.from_numpy(row.read_nodes).to(states.device)].float().cpu()


def side_by_side(work: Callable[[Row], Tensor], rows: Sequence[Row]) -> Generator[Tensor, None, None]:
    """`map(work, rows)` with the threads of torch shared out among rows, instead of all in every operation."""
    threads = torch.get_num_threads()
    workers = min(threads, len(rows), _MOST_ROWS_AT_ONCE)
    if workers < 2:
        yield from map(work, rows)
        return
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(threads // workers,))
    try:
        yield from pool.map(work, rows)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # the workers' setting is theirs alone for OpenMP, but not for MKL


def longest_packable(rm: RewardModel) -> int:
    """Tokens of the longest sequence that may share a row; what is longer is scored on its own.

    Beyond a sliding window that the canary did not exceed, packing is unproven. And where rotary frequencies change
    with the longest position of a forward pass, a longer sequence would change the scores of its row.
    """
    window = window_of(rm)
    limits = [ANY_LENGTH]
    if window is not None and window >= _canary_tokens(rm):
        limits.append(window)
    if rm.rope_limit is not None:
        limits.append(rm.rope_limit)
    return int(min(limits))


_FOUND: WeakKeyDictionary[RewardModel, Packing] = WeakKeyDictionary()


def packing_of(rm: RewardModel) -> Packing:
    """How this model's scores are computed: what `check_packing` found, which is asked once per model."""
    found = _FOUND.get(rm)
    return check_packing(rm) if found is None else found


def check_packing(rm: RewardModel) -> Packing:
    """Compare packed with plain scores of built-in texts, and keep what scoring will use, for `packing_of`.

    Its sentence goes to `rm.load_report.packing`: "prefix tree in blocks, canary difference 3e-08", "prefix tree,
    canary difference 3e-08" (attention under a dense mask), or "padded batches: <reason>".
    The texts are read at their last token, whatever the family's rule, since theirs need not occur in them.
    How far the scores may differ: see `tolerance`.
    """
    reason = _refusal(rm)
    found = Packing(Mode.PADDED, reason)
    if not reason:
        ids = _canary(rm)
        plain = torch.stack([rm.states([sequence])[0][-1] for sequence in ids])
        if can_replace_attention(rm):
            found = _compared(rm, ids, plain, Mode.IN_BLOCKS)
        if not found.packs:
            found = _compared(rm, ids, plain, Mode.DENSE)
    _FOUND[rm] = found
    rm.load_report.packing = found.sentence
    return found


def _refusal(rm: RewardModel) -> str:
    """Why rows cannot even be tried, or nothing."""
    attention = own_attention(rm)
    if attention not in ("sdpa", "eager"):
        return f"{attention} attention takes no tree mask"
    if not rm.takes_positions:
        return f"{rm.load_report.model_type} takes no positions, so a token cannot be told its depth in the tree"
    strange = sorted(set(layer_types(rm)) - {FULL, SLIDING})
    return f"no tree mask is known for {' and '.join(strange)} layers" if strange else ""


def _compared(rm: RewardModel, ids: list[tuple[int, ...]], plain: Tensor, mode: Mode) -> Packing:
    """The mode, if packed scores are the plain ones; padded batches and the reason, if not."""
    try:
        packed = torch.empty_like(plain)
        rows = pack(ids)
        with closing(packed_readouts(rm, rows, in_blocks=mode is Mode.IN_BLOCKS)) as readouts:
            for row, read in zip(rows, readouts, strict=True):
                packed[row.sequences] = read
    # Whatever a backbone raises at a mask that it does not expect, the answer is the same: not in rows.
    except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]:.80}"
        return Packing(Mode.PADDED, f"{rm.load_report.model_type} refuses the tree mask ({what})")
    # Each vector stands at all positions that the head reads.
    once, again = ([vector[None].expand(rm.head.reads, -1) for vector in vectors] for vectors in (plain, packed))
    differences = np.abs(rm.scores_of(again) - rm.scores_of(once))
    largest = float(differences.max())
    told = f"{largest:.0e}" if largest else "0"
    if bool((differences <= tolerance(rm, once)).all()):  # false for NaN
        return Packing(mode, f"canary difference {told}", longest_packable(rm))
    return Packing(Mode.PADDED, f"packed scores differ from plain ones by {told}, in a canary of {len(ids)} texts")


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
    window, longest = window_of(rm), rm.load_report.max_length
    length = _CANARY_TOKENS if window is None else min(max(_CANARY_TOKENS, window + window // 4), _LONGEST_CANARY)
    return max(1, length if longest is None else min(length, longest))
