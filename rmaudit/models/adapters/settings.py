"""What adapter_config.json says, as far as a merge depends on it, and what of it cannot be merged."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError
from rmaudit.models.listing import is_name, shown

ADVICE = "merge it with PEFT (merge_and_unload) and save the merged reward model"
#: Ways to start training that leave the base as it is. Others (pissa, olora, corda, loftq, lora_ga) change it first.
_INNOCENT_STARTS = (True, False, None, "gaussian", "orthogonal", "eva")
#: Entries on which no merged weight depends, or only together with one that is refused.
_IRRELEVANT = frozenset({
    "task_type", "auto_mapping", "peft_version", "inference_mode", "lora_dropout", "fan_in_fan_out", "megatron_core",
    "loftq_config", "eva_config", "corda_config", "lora_ga_config", "qalora_group_size", "runtime_config",
    "init_lora_weights", "peft_type",
})  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """The entries of adapter_config.json that are read; each has PEFT's name but `base`.

    base, revision: the model that was adapted, as it was called at training, and its revision on the hub. The patterns
    are regular expressions over module names -> number.
    """

    base: str | None
    revision: str | None
    r: int
    lora_alpha: float
    rank_pattern: Mapping[str, int]
    alpha_pattern: Mapping[str, float]
    use_rslora: bool
    use_dora: bool
    lora_bias: bool
    bias: str
    target_modules: str | tuple[str, ...] | None
    exclude_modules: str | tuple[str, ...]
    modules_to_save: tuple[str, ...]
    layers_to_transform: tuple[int, ...]
    layers_pattern: tuple[str, ...]
    trainable_token_indices: tuple[int, ...] | Mapping[str, tuple[int, ...]]

    @property
    def kind(self) -> str:
        """The method's name, for people."""
        return "DoRA" if self.use_dora else "rsLoRA" if self.use_rslora else "LoRA"

    def rank(self, module: str) -> int:
        """The rank of a module, given its full name."""
        return int(_of_pattern(self.rank_pattern, module, self.r))

    def alpha(self, module: str) -> float:
        """The module's share of the change, before it is divided by the rank."""
        return _of_pattern(self.alpha_pattern, module, self.lora_alpha)

    def scale(self, module: str) -> float:
        """What B·A of a module is multiplied with."""
        rank = self.rank(module)
        return self.alpha(module) / (math.sqrt(rank) if self.use_rslora else rank)

    def token_rows(self, module: str) -> tuple[int, ...]:
        """The rows of an embedding that were trained one by one; none where the module is not such an embedding."""
        rows = self.trainable_token_indices
        if not isinstance(rows, Mapping):
            return rows
        return next((ids for name, ids in rows.items() if module == name or module.endswith(f".{name}")), ())


def parse_settings(file: Path, entries: Mapping[str, Any]) -> Settings:
    """Read them. Raises UnsupportedModelError for what cannot be merged, BrokenCheckpointError for illegal values."""
    _refuse_method(file, entries)
    read = _Entries(file, entries)
    settings = Settings(
        base=read.name("base_model_name_or_path"),
        revision=read.name("revision"),
        r=read.take("r", None, _is_rank, "a whole number, at least 1"),
        lora_alpha=read.take("lora_alpha", None, _is_number, "a number"),
        rank_pattern=read.pattern("rank_pattern", _is_rank),
        alpha_pattern=read.pattern("alpha_pattern", _is_number),
        use_rslora=read.flag("use_rslora"),
        use_dora=read.flag("use_dora"),
        lora_bias=read.flag("lora_bias"),
        bias=read.take("bias", "none", ("none", "all", "lora_only").__contains__, "none, all or lora_only"),
        target_modules=read.names("target_modules", ()) or None,
        exclude_modules=read.names("exclude_modules", ()),
        modules_to_save=read.listed("modules_to_save"),
        layers_to_transform=read.numbers("layers_to_transform"),
        layers_pattern=read.listed("layers_pattern"),
        trainable_token_indices=read.token_indices(),
    )
    unknown = [
        name
        for name, value in entries.items()
        if name not in _IRRELEVANT | read.taken and value not in (None, False, "", [], {})
    ]
    if unknown:
        told = ", ".join(f"{shown(name, 60)} = {shown(entries[name], 60)}" for name in sorted(unknown))
        raise UnsupportedModelError(f"{file}: {told} is not understood, so the merge might be another one; {ADVICE}")
    return settings


def _refuse_method(file: Path, entries: Mapping[str, Any]) -> None:
    method = entries.get("peft_type")
    if method != "LORA":
        raise UnsupportedModelError(
            f"{file}: peft_type is {method!r:.80}; LoRA, rsLoRA and DoRA (LORA) are merged here. {ADVICE}"
        )
    start = entries.get("init_lora_weights")
    if not any(start is legal or (isinstance(legal, str) and start == legal) for legal in _INNOCENT_STARTS):
        raise UnsupportedModelError(
            f"{file}: init_lora_weights is {start!r:.80}, which changes the base model before training, so the adapter "
            f"does not fit the base model's files; {ADVICE}"
        )


class _Entries:
    """The entries of a configuration, taken one by one and checked."""

    def __init__(self, file: Path, entries: Mapping[str, Any]) -> None:
        self.file, self.entries = file, entries
        self.taken: set[str] = set()

    def take(self, name: str, default: Any, legal: Callable[[Any], bool], expected: str) -> Any:
        self.taken.add(name)
        value = self.entries.get(name)
        value = default if value is None else value
        if value is not default or default is None:
            try:
                fine = legal(value)
            except (TypeError, ValueError, RecursionError, OverflowError, re.error):
                fine = False
            if not fine:
                raise BrokenCheckpointError(
                    f"{self.file}: {name} is {value!r:.80}; expected {expected}; copy or download it again"
                )
        return value

    def name(self, name: str) -> str | None:
        return self.take(name, "", lambda value: value == "" or is_name(value), "a name") or None

    def flag(self, name: str) -> bool:
        return bool(self.take(name, False, lambda value: isinstance(value, bool), "true or false"))

    def names(self, name: str, default: tuple[str, ...]) -> str | tuple[str, ...]:
        value = self.take(name, default, _are_names_or_pattern, "names of modules, or one regular expression")
        return value if isinstance(value, str) else tuple(value)

    def listed(self, name: str) -> tuple[str, ...]:
        value = self.take(name, (), _are_names_or_pattern, "names of modules")
        return (value,) if isinstance(value, str) and value else tuple(value)

    def numbers(self, name: str) -> tuple[int, ...]:
        value = self.take(name, (), lambda value: _is_index(value) or _are_indices(value), "indices of layers")
        return (value,) if isinstance(value, int) else tuple(value)

    def pattern(self, name: str, legal: Callable[[Any], bool]) -> dict[str, Any]:
        def fine(value: Any) -> bool:
            return isinstance(value, dict) and all(bool(re.compile(key)) and legal(one) for key, one in value.items())

        return dict(self.take(name, {}, fine, "an object of module names and numbers"))

    def token_indices(self) -> tuple[int, ...] | dict[str, tuple[int, ...]]:
        def fine(value: Any) -> bool:
            return all(map(_are_indices, value.values())) if isinstance(value, dict) else _are_indices(value)

        value = self.take("trainable_token_indices", (), fine, "token ids, or an object of modules and their token ids")
        return {key: tuple(ids) for key, ids in value.items()} if isinstance(value, dict) else tuple(value)


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_rank(value: Any) -> bool:
    return _is_index(value) and value > 0


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _are_indices(value: Iterable[Any]) -> bool:
    return isinstance(value, list) and all(map(_is_index, value)) and len(set(value)) == len(value)


def _are_names_or_pattern(value: Any) -> bool:
    """Names stand in regular expressions too, as in PEFT itself."""
    names = [value] if isinstance(value, str) else value
    return isinstance(names, list) and all(is_name(name) and bool(re.compile(name)) for name in names)


def _of_pattern(patterns: Mapping[str, float], module: str, default: float) -> float:
    """The number of the first pattern that the end of a module's name matches, as in PEFT."""
    for pattern, value in patterns.items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return value
    return default
