"""Weights as bitsandbytes stores them, decoded bit for bit as bitsandbytes decodes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rmaudit.errors import BrokenCheckpointError
from rmaudit.models.quantised.settings import Settings, is_count
from rmaudit.models.quantised.stored import Stored, Weight, times_scales
from rmaudit.models.reading import JsonError, parse_object
from rmaudit.models.tensor_files import as_bytes

#: Bytes of the JSON text that lies in a tensor; it has about 200.
_LONGEST_STATE = 10_000
#: What packed codes may be stored as, and its bytes: a floating dtype lets sharded training move them.
_STORAGE = {"U8": 1, "I8": 1, "BF16": 2, "F16": 2, "F32": 4}
_DTYPES = {"float32": ("F32", torch.float32), "bfloat16": ("BF16", torch.bfloat16), "float16": ("F16", torch.float16)}
#: The library multiplies with this number where it means "divided by 127", which differs in the last bit.
_PER_127 = 7.874015718698502e-3


def four_bits(stored: Stored, settings: Settings | None) -> Weight:
    """nf4 and fp4: two codes a byte, one scale a block of the flattened weight.

    The table of codes lies in the file, shape and block size in a JSON text beside it. Scales may be codes themselves
    (double quantisation).
    """
    form = "fp4" if "fp4" in stored.infos else "nf4"
    stored.require("weight", "absmax", "quant_map", form)
    state = _state(stored, form)
    shape, size, nested = state["shape"], state["blocksize"], "nested_blocksize" in state
    count = math.prod(shape)
    scales = -(-count // size)
    held = _STORAGE.get(stored.dtype("weight"), 0) * math.prod(stored.shape("weight"))
    stored.check(held == -(-count // 2), "weight", f"{-(-count // 2)} bytes for a weight {list(shape)}")
    stored.check_numbers("quant_map", 16)
    if nested:
        stored.require("nested_absmax", "nested_quant_map")
        is_coded = stored.dtype("absmax") == "U8" and math.prod(stored.shape("absmax")) == scales
        stored.check(is_coded, "absmax", f"{scales} codes (U8) of scales")
        stored.check_numbers("nested_absmax", -(-scales // state["nested_blocksize"]))
        stored.check_numbers("nested_quant_map", 256)
    else:
        stored.check_numbers("absmax", scales)
    short, dtype = _DTYPES[state["dtype"]]

    def make() -> Tensor:
        absmax = _nested_scales(stored, state) if nested else stored.read("absmax").float()
        table, packed = stored.read("quant_map").float().reshape(-1), as_bytes(stored.read("weight"))
        # What the two codes of each byte stand for, the high one first.
        pairs = torch.stack([table.repeat_interleave(16), table.repeat(16)], dim=1)
        values = pairs.index_select(0, packed.int()).reshape(1, -1)[:, :count]
        # The library, too, rounds to the dtype that the weight had before.
        return times_scales(values, absmax, (1, size)).reshape(shape).to(dtype)

    return Weight(form, shape, short, make)


def _nested_scales(stored: Stored, state: Mapping[str, Any]) -> Tensor:
    """Scales (blocks,) that are codes with scales of their own and a common offset."""
    codes = stored.read("absmax").reshape(-1).int()
    scales = stored.read("nested_quant_map").float().reshape(-1).index_select(0, codes)
    outer = stored.read("nested_absmax").float()
    return times_scales(scales[None], outer, (1, state["nested_blocksize"]))[0].add_(state["nested_offset"])


def _state(stored: Stored, form: str) -> dict[str, Any]:
    """The JSON text, checked: shape, blocksize, dtype and, for nested scales, nested_blocksize and nested_offset."""
    is_text = stored.dtype(form) == "U8" and math.prod(stored.shape(form)) <= _LONGEST_STATE
    stored.check(is_text, form, "the bytes (U8) of a short JSON text")
    try:
        state = parse_object(bytes(stored.read(form).reshape(-1).tolist()))
    except JsonError as error:
        raise BrokenCheckpointError(f"{stored.where}: {stored.names[form]}: {error}; save the model again") from error
    shape, sizes = state.get("shape"), [state.get("blocksize"), state.get("nested_blocksize", 1)]
    sound = (
        isinstance(shape, list)
        and all(is_count(size) for size in [*shape, *sizes])
        and state.get("quant_type") == form
        and state.get("dtype") in _DTYPES
        and ("nested_blocksize" not in state or isinstance(state.get("nested_offset"), float))
    )
    if not sound:
        raise BrokenCheckpointError(
            f"{stored.where}: {stored.names[form]} holds {state!s:.200}; expected quant_type {form}, shape, blocksize, dtype "
            f"({', '.join(_DTYPES)}) and nested_offset beside nested_blocksize; save the model again"
        )
    return {**state, "shape": tuple(shape or ())}


def eight_bits(stored: Stored, settings: Settings | None) -> Weight:
    """8 bit: integers (rows, columns), and the largest absolute value of each row."""
    stored.require("weight", "SCB")
    rows, columns = stored.matrix("weight")
    stored.check(stored.dtype("weight") == "I8", "weight", "I8")
    stored.check_numbers("SCB", rows)
    if "weight_format" in stored.infos:
        stored.check(math.prod(stored.shape("weight_format")) == 1, "weight_format", "one number")
        layout = int(stored.read("weight_format").item())
        if layout:
            raise stored.unsupported(
                f"by bitsandbytes in the layout {layout} of some GPUs, where only 0, by rows, is read"
            )

    def make() -> Tensor:
        return stored.read("weight").float().mul_(stored.read("SCB").float().reshape(-1, 1)).mul_(_PER_127)

    return Weight("bitsandbytes int8", (rows, columns), "F32", make, rounds=True)
