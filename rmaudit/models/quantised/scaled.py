"""Weights as compressed-tensors stores them, and fp8 with `weight_scale_inv`: numbers, and scales of blocks of them."""

from __future__ import annotations

import torch
from torch import Tensor

from rmaudit.errors import BrokenCheckpointError
from rmaudit.models.quantised.settings import Scheme, Settings
from rmaudit.models.quantised.stored import Stored, Weight, blocks_of, times_scales
from rmaudit.models.tensor_files import FLOATING

#: Bits of integers that fill an int32; versions of the library differ in how they pack others.
_PACKED_BITS = (4, 8)
#: One scale for all, or one a row: what a file tells without config.json.
_SELF_EVIDENT = [Scheme(8, "tensor", (1, 1)), Scheme(8, "channel", (1, 1))]


def packed_integers(stored: Stored, settings: Settings | None) -> Weight:
    """compressed-tensors, pack-quantized: 8 or 4 integers in an int32, the lowest first, counted from the middle."""
    stored.require("weight_packed", "weight_scale", "weight_shape")
    words = stored.matrix("weight_packed")
    if stored.dtype("weight_packed") != "I32":
        raise stored.unsupported(f"and its packed numbers are {stored.dtype('weight_packed')}; legal: I32")
    is_shape = stored.dtype("weight_shape") in ("I64", "I32") and stored.shape("weight_shape") == (2,)
    stored.check(is_shape, "weight_shape", "the two sizes of a matrix (I64)")
    rows, columns = (int(size) for size in stored.read("weight_shape").tolist())
    known = settings.schemes("int") if settings else []
    fitting = [one for one in known if words == (rows, -(-columns * one.bits // 32)) and columns > 0]
    told = ", ".join(sorted({f"{one.bits}" for one in known})) or "not given"
    stored.check(bool(fitting), "weight_packed", f"a weight {[rows, columns]}, with num_bits of config.json ({told})")
    bits = fitting[0].bits
    if any(one.bits != bits for one in fitting) or bits not in _PACKED_BITS:
        raise stored.unsupported(f"with num_bits of {told}; legal: 4, 8")
    block = _block(stored, "weight_scale", (rows, columns), fitting)

    def make() -> Tensor:
        shifts = torch.arange(0, 32, bits, dtype=torch.int32)
        codes = (stored.read("weight_packed")[:, :, None] >> shifts).bitwise_and_(2**bits - 1).reshape(rows, -1)
        return times_scales(codes[:, :columns].float().sub_(2 ** (bits - 1)), stored.read("weight_scale"), block)

    return Weight(f"int{bits}", (rows, columns), "F32", make, bool(settings and settings.rounds_activations))


def scaled_numbers(stored: Stored, settings: Settings | None) -> Weight:
    """compressed-tensors, float-quantized and int-quantized: numbers, and a scale a row, group, block or weight."""
    stored.require("weight", "weight_scale")
    shape = stored.matrix("weight")
    kinds = {"F8_E4M3": ("float", "fp8"), "I8": ("int", "int8")}
    if stored.dtype("weight") not in kinds:
        raise _not_stored_so(stored)
    kind, form = kinds[stored.dtype("weight")]
    known = [one for one in settings.schemes(kind) if one.bits == 8] if settings else []
    block = _block(stored, "weight_scale", shape, known or _SELF_EVIDENT)

    def make() -> Tensor:
        return times_scales(stored.read("weight").float(), stored.read("weight_scale"), block)

    return Weight(form, shape, "F32", make, bool(settings and settings.rounds_activations))


def inverse_scaled(stored: Stored, settings: Settings | None) -> Weight:
    """fp8 as DeepSeek and Qwen publish it: a scale for each block of weight_block_size, or one for the weight.

    Despite their name the scales are multiplied with.
    """
    stored.require("weight", "weight_scale_inv")
    shape = stored.matrix("weight")
    if stored.dtype("weight") != "F8_E4M3":
        raise _not_stored_so(stored, "weight_scale_inv")
    size = settings.weight_block() if settings else None
    known = [_SELF_EVIDENT[0], *([] if size is None else [Scheme(8, "block", size)])]
    block = _block(stored, "weight_scale_inv", shape, known)

    def make() -> Tensor:
        return times_scales(stored.read("weight").float(), stored.read("weight_scale_inv"), block)

    return Weight("fp8", shape, "F32", make, rounds=True)


def _block(stored: Stored, role: str, shape: tuple[int, int], known: list[Scheme]) -> tuple[int, int]:
    """Rows and columns that share a scale: those of the scheme that the scales' shape fits."""
    if stored.dtype(role) not in FLOATING:
        raise stored.unsupported(f"and its scales are {stored.dtype(role)}; legal: floating point")
    sizes = [size for size in stored.shape(role) if size != 1]
    blocks: dict[tuple[int, int], bool] = {}
    for scheme in known:
        block = scheme.block(shape)
        if block is not None and [size for size in blocks_of(shape, block) if size != 1] == sizes:
            whole = min(block[0], shape[0]), min(block[1], shape[1])
            blocks[whole] = blocks.get(whole, True) and scheme.symmetric
    told = ", ".join(dict.fromkeys(one.in_words for one in known)) or "not given"
    stored.check(len(blocks) == 1, role, f"the scales of a weight {list(shape)}, one for each {told}")
    [(found, symmetric)] = blocks.items()
    if not symmetric:
        raise stored.unsupported("with asymmetric zero points; legal: symmetric")
    return found


def _not_stored_so(stored: Stored, role: str = "weight_scale") -> Exception:
    if stored.dtype("weight") in FLOATING:
        return BrokenCheckpointError(
            f"{stored.where}: {stored.key} is {stored.dtype('weight')}, plain floating point, and {stored.names[role]} lies "
            "beside it, so it may or may not be scaled already; save the model again, compressed or without quantisation"
        )
    return stored.unsupported(f"as {stored.dtype('weight')} with {role}; legal: F8_E4M3, or I8 with weight_scale")
