"""An adapter on its base model: every tensor of it gets a place, or is refused, before a weight is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from rmaudit.errors import BrokenCheckpointError, UnknownRewardHeadError, UnsupportedModelError
from rmaudit.models.adapters.adapter import Adapter
from rmaudit.models.adapters.lowrank import LowRank, Reader
from rmaudit.models.adapters.places import Places, require_complete, sort_tensors
from rmaudit.models.adapters.settings import ADVICE
from rmaudit.models.backbone import BackbonePlan, is_language_model_head
from rmaudit.models.checkpoint import Checkpoint
from rmaudit.models.tensor_files import TensorInfo


@dataclass(frozen=True)
class Fitted:
    """What an adapter makes of a plan.

    plan: with the head that adapter and base have together. layers: backbone module -> its low-rank change, of those
    that are not merged. notes: for the load report.
    """

    plan: BackbonePlan
    layers: Mapping[str, LowRank]
    notes: list[str]


def fit_adapter(adapter: Adapter, checkpoint: Checkpoint, plan: BackbonePlan, *, live: bool = False) -> Fitted:
    """Let the checkpoint's weights be the adapted ones; plan: of the base model alone.

    live: leave the low-rank changes of the backbone out, to be added as layers. The head's are merged always.
    Raises BrokenCheckpointError where a tensor has no place, another shape or no counterpart, UnsupportedModelError for
    what cannot be merged, UnknownRewardHeadError for a change of a head that is nowhere.
    """
    found = sort_tensors(adapter)
    places = Places(found, checkpoint, plan)
    fitting = _Fitting(adapter, checkpoint, plan, places)
    for key, info in found.whole.items():
        fitting.replace(key, info)
    layers: dict[str, LowRank] = {}
    for module, parts in found.parts.items():
        parts = dict(parts)
        if (rows := parts.pop("rows", None)) is not None:
            fitting.change_rows(module, rows)
        if parts:
            layer = fitting.layer(module, parts)
            if live and layer.key not in places.outside:
                layers[places.own(module)] = layer
            else:
                fitting.merge(layer)
    require_complete(adapter, found, places, plan.head)
    return Fitted(fitting.planned(), layers, fitting.notes)


class _Fitting:
    """The base's checkpoint while an adapter is put on it."""

    def __init__(self, adapter: Adapter, checkpoint: Checkpoint, plan: BackbonePlan, places: Places) -> None:
        self.adapter, self.checkpoint, self.plan, self.places = adapter, checkpoint, plan, places
        self.head, self.logits = dict(plan.head), dict(plan.logits)
        self.changed: set[str] = set()
        self.notes: list[str] = []

    def replace(self, key: str, info: TensorInfo) -> None:
        """A tensor that was trained whole takes the place of the base's."""
        stored = self.places.stored(key)
        of_logits = is_language_model_head(key)
        if stored is None and self.places.is_within(key):
            raise self._no_place(info)
        if stored is not None and (of_logits or stored not in self.places.outside):
            there = self.checkpoint.tensors[stored].shape
            if there != info.shape:
                raise UnsupportedModelError(
                    f"{info.file}: {info.key_in_file} has shape {list(info.shape)}, and {list(there)} in the base "
                    f"model, as when its vocabulary was enlarged for training; {ADVICE}"
                )
        if of_logits:
            self.logits[key.rpartition(".")[2]] = stored or key
        elif stored is None or stored in self.places.outside:
            if key in self.head:
                self.notes.append(f"{key} is the adapter's; the base model holds one of its own, which is not used")
            self.head[key] = info
        self.checkpoint.decoded.pop(stored or key, None)
        self._compute(stored or key, info, partial(self.adapter.read, info))

    def change_rows(self, module: str, info: TensorInfo) -> None:
        """Some rows of an embedding were trained, and the others left as they were."""
        key = self._weight_of(module, info)
        there, rows = self.checkpoint.tensors[key], self.adapter.settings.token_rows(module)
        if len(there.shape) != 2 or info.shape != (len(rows), there.shape[1]) or max(rows, default=0) >= there.shape[0]:
            raise BrokenCheckpointError(
                f"{info.file}: {info.key_in_file} has shape {list(info.shape)}, and adapter_config.json names "
                f"{len(rows)} tokens (trainable_token_indices) of an embedding {list(there.shape)}; save the adapter "
                "again"
            )
        read = self.checkpoint.reader(key)
        self._compute(key, there, partial(_with_rows, self.adapter, read, rows, info))

    def layer(self, module: str, parts: Mapping[str, TensorInfo]) -> LowRank:
        """The low-rank change of a module, its shapes compared with the base's."""
        settings, first = self.adapter.settings, next(iter(parts.values()))
        key = self._weight_of(module, first)
        embedding = any(role.startswith("embedding") for role in parts)
        expected = {"embedding A", "embedding B"} if embedding else {"A", "B"}
        expected |= {"magnitude"} if settings.use_dora else set()
        expected |= {"bias"} if settings.lora_bias and not embedding else set()
        if parts.keys() != expected:
            raise BrokenCheckpointError(
                f"{self.adapter.folder}: {module} is changed by {', '.join(sorted(parts))}, where adapter_config.json "
                f"asks for {', '.join(sorted(expected))}; half an adapter, copy, download or save it again"
            )
        bare = {role.removeprefix("embedding "): info for role, info in parts.items()}
        turned = embedding or self.places.own(module) in self.plan.turned
        layer = LowRank(
            module,
            key,
            bare,
            embedding,
            turned,
            settings.rank(module),
            settings.alpha(module),
            settings.scale(module),
        )
        self._require_shapes(layer)
        return layer

    def merge(self, layer: LowRank) -> None:
        """Let the weight, and the bias, be the base's with the change in it."""
        keys = {"weight": layer.key}
        if "bias" in layer.parts:
            keys["bias"] = f"{layer.key.removesuffix('weight')}bias"
        for name, key in keys.items():
            info = self.checkpoint.tensors[key]
            changed = replace(info, dtype="F64" if info.dtype == "F64" else "F32")
            make = partial(getattr(layer, name), self.adapter, self.checkpoint.reader(key))
            self._compute(key, changed, make)
            if key in self.head:
                self.head[key] = changed

    def planned(self) -> BackbonePlan:
        """The plan with the head that adapter and base have together."""
        # PEFT unties what it changes: a language-model head that is the embedding would be neither one nor the other.
        tied = self.logits.get("weight") in self.changed & set(self.plan.keys.values())
        return replace(self.plan, head=self.head, logits={} if tied else self.logits)

    def _weight_of(self, module: str, info: TensorInfo) -> str:
        """The base's key for the weight of a module that the adapter changes."""
        key = self.places.stored(f"{module}.weight")
        if key is not None:
            return key
        if self.places.is_within(f"{module}.weight"):
            raise self._no_place(info)
        if is_language_model_head(f"{module}.weight"):
            raise UnsupportedModelError(
                f"{info.file}: {info.key_in_file} changes the language-model head, which is no tensor of its own in "
                f"the base model; {ADVICE}"
            )
        raise UnknownRewardHeadError(
            f"{info.file}: {info.key_in_file} changes a head ({module}) that is neither in the adapter nor in the base "
            "model (target_modules named it, modules_to_save did not). It was random at training and is lost: where "
            "that model is still in memory, merge_and_unload() and save it; otherwise train again with task_type "
            "SEQ_CLS"
        )

    def _require_shapes(self, layer: LowRank) -> None:
        shape, parts = self.checkpoint.tensors[layer.key].shape, layer.parts
        bias = f"{layer.key.removesuffix('weight')}bias"
        if "bias" in parts and bias not in self.checkpoint.tensors:
            raise UnsupportedModelError(
                f"{self.adapter.folder}: {layer.name} has a trained bias (lora_bias) and none in the base model; PEFT "
                "cannot merge it either, train without it"
            )
        if len(shape) != 2:
            raise UnsupportedModelError(
                f"{self.adapter.folder}: {layer.name} has a weight {list(shape)}; only changes of matrices are merged "
                f"here. {ADVICE}"
            )
        out, into = reversed(shape) if layer.turned else shape
        asked = {"A": (layer.rank, into), "B": (out, layer.rank), "bias": (out,), "magnitude": (out,)}
        for role, info in parts.items():
            if info.shape != asked[role]:
                raise BrokenCheckpointError(
                    f"{info.file}: {info.key_in_file} has shape {list(info.shape)}, where rank {layer.rank} and the "
                    f"base model's weight {list(shape)} ask for {list(asked[role])}; adapter, its configuration and "
                    "base model are of different models, or the adapter was saved in parts"
                )

    def _compute(self, key: str, info: TensorInfo, make: Reader) -> None:
        self.checkpoint.compute(key, info, make)
        self.changed.add(key)

    def _no_place(self, info: TensorInfo) -> BrokenCheckpointError:
        return BrokenCheckpointError(
            f"{info.file}: {info.key_in_file} has no place in the base model {self.checkpoint.folder}; it is not the "
            "model that was adapted (give it: base=...), or the adapter changes something that is not merged here: "
            f"{ADVICE}"
        )


def _with_rows(adapter: Adapter, read: Reader, rows: tuple[int, ...], info: TensorInfo) -> Tensor:
    weight = read()
    weight[torch.tensor(rows)] = adapter.read(info).to(weight.dtype)
    return weight
