"""Which tensors of a checkpoint stand for quantised weights: told by their keys, the configuration gives numbers only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError
from rmaudit.models.listing import some
from rmaudit.models.quantised.blockwise import eight_bits, four_bits
from rmaudit.models.quantised.scaled import inverse_scaled, packed_integers, scaled_numbers
from rmaudit.models.quantised.settings import Settings, settings_of
from rmaudit.models.quantised.stored import READABLE, Stored, Weight
from rmaudit.models.tensor_files import FLOATING, TensorInfo

Infos = Mapping[str, TensorInfo]
_METHODS = ("bitsandbytes", "compressed-tensors", "fp8", "")


@dataclass(frozen=True)
class _Format:
    """A way of storing a weight.

    names: role -> key of each part; {weight} stands for the weight's own key, {module} for it without ".weight".
    tells: the roles that only this format has.
    """

    decode: Callable[[Stored, Settings | None], Weight]
    names: Mapping[str, str]
    tells: tuple[str, ...]


_STATE = "{weight}.quant_state.bitsandbytes__"
_FORMATS = (
    _Format(
        four_bits,
        {
            "absmax": "{weight}.absmax",
            "quant_map": "{weight}.quant_map",
            "nested_absmax": "{weight}.nested_absmax",
            "nested_quant_map": "{weight}.nested_quant_map",
            "nf4": _STATE + "nf4",
            "fp4": _STATE + "fp4",
        },
        ("absmax", "quant_map", "nested_absmax", "nested_quant_map", "nf4", "fp4"),
    ),
    _Format(eight_bits, {"SCB": "{module}.SCB", "weight_format": "{module}.weight_format"}, ("SCB", "weight_format")),
    _Format(
        packed_integers,
        {
            "weight_packed": "{module}.weight_packed",
            "weight_shape": "{module}.weight_shape",
            "weight_scale": "{module}.weight_scale",
        },
        ("weight_packed", "weight_shape"),
    ),
    _Format(scaled_numbers, {"weight_scale": "{module}.weight_scale"}, ("weight_scale",)),
    _Format(inverse_scaled, {"weight_scale_inv": "{weight}_scale_inv"}, ("weight_scale_inv",)),
)
#: Keys of formats that are not decoded, what they tell, and the dtype of such a tensor where the key alone does not.
_OTHERS = (
    (re.compile(r"\.(qweight|qzeros)$"), "GPTQ or AWQ", ""),
    (re.compile(r"\.W_q$"), "HQQ", ""),
    (re.compile(r"\.weight\._(data|scale|shift)$"), "quanto", ""),
    (re.compile(r"\._weight_(qdata|scale|zero_point)$"), "torchao", ""),
    (re.compile(r"_blocks$"), "MXFP4", "U8"),
    (re.compile(r"\.weight_(global_scale|scale_2)$"), "NVFP4, scales with a scale of their own", ""),
    (re.compile(r"\.weight_zero_point$"), "asymmetric, with zero points", ""),
    (re.compile(r"\.weight_g_idx$"), "groups in the order of activations", ""),
    (re.compile(r"\.weight_scales$"), "EETQ", ""),
    (re.compile(r"\.(compressed|bitmask)$"), "compressed-tensors, sparse", ""),
    (
        re.compile(r"\.((input|output|activation)_(scale|zero_point|global_scale)|[qkv]_scale)$"),
        "activations rounded with stored scales",
        "",
    ),
)
#: Stored as integers in any model: masks that older versions kept, and counters.
_TABLES = re.compile(r"(\.(masked_)?bias|position_ids|num_batches_tracked)$")
#: What must lie beside a number of such a dtype.
_COMPANIONS = {
    "U8": "{weight}.absmax, {weight}.quant_map and " + _STATE + "nf4 (bitsandbytes)",
    "I8": "{module}.SCB (bitsandbytes) or {module}.weight_scale (compressed-tensors)",
    "F8_E4M3": "{weight}_scale_inv (fp8) or {module}.weight_scale (compressed-tensors)",
}


@dataclass(frozen=True)
class Quantised:
    """Quantised weights, and what to do about them.

    weights: key -> what it stands for. infos: key -> what a header would say of it, decoded. companions: keys of all
    other parts, which are no tensors of the model. notes: what a reader should know.
    """

    weights: dict[str, Weight] = field(default_factory=dict)
    infos: dict[str, TensorInfo] = field(default_factory=dict)
    companions: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def find_quantised(
    tensors: Infos, config: Mapping[str, Any], where: str, read: Callable[[TensorInfo], Tensor]
) -> Quantised:
    """Find the quantised weights among the tensors of a checkpoint, without decoding any.

    config: the content of config.json. read: gives a tensor as it lies in the file. Raises UnsupportedModelError for
    formats that are not decoded, BrokenCheckpointError where a part is missing or parts contradict each other.
    """
    settings = settings_of(config, where)
    _refuse_others(tensors, settings, where)
    found = Quantised()
    for key, parts in _parts_by_weight(tensors).items():
        format_ = _format_of(key, parts, where)
        names = {"weight": key, **{role: _named(name, key) for role, name in format_.names.items()}}
        infos = {role: tensors[name] for role, name in names.items() if name in tensors}
        weight = format_.decode(Stored(key, where, infos, names, read), settings)
        found.weights[key] = weight
        first = infos.get("weight") or next(iter(infos.values()))
        found.infos[key] = TensorInfo(weight.shape, weight.dtype, first.file, first.key_in_file)
        found.companions.update(name for name in names.values() if name != key)
    if settings is not None:
        left = [key for key in tensors if key not in found.infos and key not in found.companions]
        _refuse_left_over(left, tensors, settings, bool(found.weights), where)
    found.notes.extend(_notes(found, settings))
    return found


def _named(name: str, weight: str) -> str:
    return name.format(weight=weight, module=weight.removesuffix(".weight"))


def _parts_by_weight(tensors: Infos) -> dict[str, set[str]]:
    """Weight -> roles of the companions that lie in the files."""
    found: dict[str, set[str]] = {}
    for format_ in _FORMATS:
        for role, name in format_.names.items():
            ending = name.removeprefix("{weight}").removeprefix("{module}")
            for key in tensors:
                if key.endswith(ending):
                    stem = key.removesuffix(ending)
                    weight = stem if name.startswith("{weight}") else f"{stem}.weight"
                    found.setdefault(weight, set()).add(role)
    return found


def _format_of(key: str, roles: set[str], where: str) -> _Format:
    formats = [format_ for format_ in _FORMATS if roles & set(format_.tells)]
    if roles & {"weight_packed", "weight_shape"}:
        formats = [format_ for format_ in formats if format_.decode is not scaled_numbers]
    if len(formats) > 1:
        names = [_named(format_.names[role], key) for format_ in formats for role in format_.tells if role in roles]
        raise BrokenCheckpointError(
            f"{where}: {key} is stored quantised in two ways ({some(names)}); save the model again"
        )
    return formats[0]


def _refuse_others(tensors: Infos, settings: Settings | None, where: str) -> None:
    if settings is not None and settings.rotates:
        raise UnsupportedModelError(
            f"{where}: the weights are stored rotated (transform_config), to be undone while computing. {READABLE}"
        )
    for pattern, title, dtype in _OTHERS:
        found = [key for key in tensors if pattern.search(key) and dtype in ("", tensors[key].dtype)]
        if found:
            told = f", config.json says {settings.method}" if settings is not None and settings.method else ""
            raise UnsupportedModelError(
                f"{where}: the weights are stored quantised in a way that is not read ({title}{told}): {some(found, 3)}. "
                f"{READABLE}"
            )


def _refuse_left_over(left: list[str], tensors: Infos, settings: Settings, some_found: bool, where: str) -> None:
    """Refuse methods that are not known, and numbers without what gives them meaning."""
    bare = [key for key in left if tensors[key].dtype not in {*FLOATING, "I64", "BOOL"} and not _TABLES.search(key)]
    if settings.method not in _METHODS and (bare or some_found):
        told = f": {some([f'{key} is {tensors[key].dtype}' for key in bare], 3)}" if bare else ""
        raise UnsupportedModelError(f"{where}: the weights are stored quantised ({settings.method}){told}. {READABLE}")
    for key in bare:
        dtype = tensors[key].dtype
        if dtype not in _COMPANIONS:
            raise UnsupportedModelError(f"{where}: {key} is stored as {dtype}, in a way that is not read. {READABLE}")
        raise BrokenCheckpointError(
            f"{where}: {key} is {dtype}, and {_named(_COMPANIONS[dtype], key)} is missing, without which it would be other "
            "numbers (some libraries load it all the same); copy, download or save the checkpoint again"
        )


def _notes(found: Quantised, settings: Settings | None) -> list[str]:
    if not found.weights:
        if settings is None:
            return []
        named = settings.method or "in no named way"
        return [
            f"config.json calls the weights quantised ({named}), and the files hold plain floating point, read as it is"
        ]
    forms = Counter(weight.form for weight in found.weights.values())
    told = ", ".join(f"{count} as {form}" for form, count in sorted(forms.items()))
    rounds = any(weight.rounds for weight in found.weights.values())
    there = (
        "a server of this format mostly rounds activations as well, and its scores then differ"
        if rounds
        else "activations are not rounded"
    )
    return [f"weights stored quantised ({told}) were decoded to floating point; {there}"]
