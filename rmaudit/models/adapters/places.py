"""Where the names in an adapter lie in its base model, and whether all that was trained is there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rmaudit.errors import BrokenCheckpointError
from rmaudit.models.adapters.adapter import Adapter
from rmaudit.models.adapters.settings import Settings
from rmaudit.models.backbone import BackbonePlan
from rmaudit.models.checkpoint import Checkpoint
from rmaudit.models.listing import some
from rmaudit.models.tensor_files import TensorInfo

#: How a part of a changed module is called in the file -> its role.
_ROLES = {
    "lora_A.weight": "A",
    "lora_B.weight": "B",
    "lora_B.bias": "bias",
    "lora_magnitude_vector": "magnitude",
    "lora_magnitude_vector.weight": "magnitude",
    "lora_embedding_A": "embedding A",
    "lora_embedding_B": "embedding B",
    "token_adapter.trainable_tokens_delta": "rows",
}
_PART = re.compile(rf"(?P<module>.+?)\.(?P<part>{'|'.join(map(re.escape, _ROLES))})")
_BASE_LAYER = re.compile(r"(.+)\.base_layer\.(weight|bias)")


@dataclass
class Sorted:
    """An adapter's tensors. parts: module -> role -> info. whole: key -> info, of tensors that were trained whole."""

    parts: dict[str, dict[str, TensorInfo]] = field(default_factory=dict)
    whole: dict[str, TensorInfo] = field(default_factory=dict)

    def lost(self, folder: object, keys: Iterable[str], why: str) -> None:
        """Raise BrokenCheckpointError where there are any such keys."""
        if names := sorted(keys):
            raise BrokenCheckpointError(
                f"{folder}: half an adapter: {some(names)} {why}; copy, download or save the adapter again"
            )


def sort_tensors(adapter: Adapter) -> Sorted:
    """Divide the tensors by what they are. Raises BrokenCheckpointError where two say the same."""
    found = Sorted()
    for key, info in adapter.tensors.items():
        if part := _PART.fullmatch(key):
            place, name = found.parts.setdefault(part["module"], {}), _ROLES[part["part"]]
        else:
            base_layer = _BASE_LAYER.fullmatch(key)
            place, name = found.whole, f"{base_layer[1]}.{base_layer[2]}" if base_layer else key
        if name in place:
            raise BrokenCheckpointError(
                f"{info.file}: {place[name].key_in_file} and {info.key_in_file} are the same tensor; save one of the "
                "two"
            )
        place[name] = info
    return found


class Places:
    """Names of the model that was adapted -> keys of the base model's checkpoint.

    prefix: what stands before the backbone's own names in the adapter.
    """

    def __init__(self, found: Sorted, checkpoint: Checkpoint, plan: BackbonePlan) -> None:
        self._backbone, self._tensors, self._fused = plan.keys, checkpoint.tensors, plan.fused
        self._branches = {key.split(".")[0] for key in plan.keys}
        self._prefixes = tuple(dict.fromkeys((f"{plan.model_class.base_model_prefix}.", plan.prefix, "")))
        keys = [*found.whole, *(f"{module}.weight" for module in found.parts)]
        hits = {
            prefix: sum(key.startswith(prefix) and key.removeprefix(prefix) in plan.keys for key in keys)
            for prefix in self._prefixes
        }
        self.prefix = max(self._prefixes, key=lambda prefix: hits[prefix])
        self._strange = not hits[self.prefix]
        stored = set(plan.keys.values())
        self.outside = checkpoint.tensors.keys() - stored

    def stored(self, key: str) -> str | None:
        """The base's key, or None where it has no such tensor."""
        own = self._backbone.get(key.removeprefix(self.prefix)) if key.startswith(self.prefix) else None
        return own if own is not None else key if key in self.outside else None

    def own(self, module: str) -> str:
        """The backbone's own name of a module."""
        return module.removeprefix(self.prefix)

    def is_within(self, key: str) -> bool:
        """Whether a key is one of the backbone's, though it may have no such tensor."""
        if self._strange and any(part.isdigit() for part in key.split(".")):
            return True  # none of the names fits, so this is another model's layer and no head
        heads = (key.removeprefix(prefix).split(".")[0] for prefix in self._prefixes if key.startswith(prefix))
        return any(head in self._branches for head in heads)

    def matrices(self, changed: Iterable[str]) -> Iterator[str]:
        """Full names of the backbone's modules with a matrix for a weight.

        Experts that are one module in memory are modules of their own only for training code that changes some of them.
        """
        single = any(f"{self.own(module)}.weight" in self._fused for module in changed)
        for key, stored in self._backbone.items():
            is_module = single or key not in self._fused
            if is_module and key.endswith(".weight") and len(self._tensors[stored].shape) == 2:
                yield self.prefix + key.removesuffix(".weight")

    def keys(self) -> Iterator[str]:
        """Full names of the backbone's tensors."""
        return (self.prefix + key for key in self._backbone)


def require_complete(adapter: Adapter, found: Sorted, places: Places, head: Mapping[str, TensorInfo]) -> None:
    """Raise BrokenCheckpointError unless the adapter holds all that its configuration says was trained.

    head: key -> info of the base model's own head. What is missing would silently be as it was before training.
    """
    settings, folder = adapter.settings, adapter.folder
    changed = {module for module, parts in found.parts.items() if parts.keys() - {"rows"}}
    heads = (key.removesuffix(".weight") for key, info in head.items() if len(info.shape) == 2)
    targets = [name for name in (*places.matrices(changed), *heads) if is_target(settings, name, changed)]
    found.lost(folder, set(targets) - changed, "are named by target_modules and have no lora_A and lora_B")
    known = list(places.keys())  # each call walks the modules again
    keys = [*known, *head]
    saved = [key for key in keys if any(_saves(settings.modules_to_save, name) for name in _ancestors(key))]
    found.lost(folder, set(saved) - found.whole.keys(), "are named by modules_to_save and missing")
    biases = {key for key in known if key.endswith("bias")}
    if settings.bias == "lora_only":
        biases &= {f"{module}.bias" for module in changed}
    if settings.bias != "none":
        found.lost(folder, biases - found.whole.keys(), f"were trained (bias: {settings.bias}) and are missing")
    trained = [module for module, parts in found.parts.items() if "rows" in parts]
    rows = settings.trainable_token_indices
    names = set(rows) if isinstance(rows, Mapping) else {""} if rows else set()
    lost = {name for name in names if not any(f".{module}".endswith(name and f".{name}") for module in trained)}
    found.lost(
        folder, (name or "the embedding" for name in lost), "should have rows (trainable_token_indices) and has none"
    )


def is_target(settings: Settings, name: str, changed: Iterable[str]) -> bool:
    """Whether target_modules names a module, by PEFT's rules.

    changed: the modules that are changed; where the configuration names none, those of the same last name count.
    """
    left_out = settings.exclude_modules
    if isinstance(left_out, str) and re.fullmatch(left_out, name):
        return False
    if not isinstance(left_out, str) and _is_listed(name, left_out):
        return False
    if any(re.match(rf"(^|.*\.){saved}($|\..*)", name) for saved in settings.modules_to_save):
        return False
    targets = settings.target_modules
    if targets is None or targets == "all-linear":
        targets = tuple({module.rpartition(".")[2] for module in changed})
    if isinstance(targets, str):
        return bool(re.fullmatch(targets, name))
    return name in targets or (_is_listed(name, targets) and _is_in_layers(settings, name))


def _is_in_layers(settings: Settings, name: str) -> bool:
    if not settings.layers_to_transform:
        return True
    patterns = [rf"(?:^|.*?\.){pattern}\.(\d+)\." for pattern in settings.layers_pattern] or [r".*?\.[^.]*\.(\d+)\."]
    found = next((match for pattern in patterns if (match := re.match(pattern, name))), None)
    return found is not None and int(found[1]) in settings.layers_to_transform


def _is_listed(name: str, names: Iterable[str]) -> bool:
    return any(name == one or name.endswith(f".{one}") for one in names)


def _ancestors(key: str) -> list[str]:
    """Full names of the modules that a tensor lies in."""
    parts = key.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _saves(names: Iterable[str], module: str) -> bool:
    return any(module.endswith(name) for name in names)
