"""The decoder itself: which tensors of a checkpoint belong to it, and loading exactly those.

transformers never fails on a missing weight: it fills it with random numbers and writes a log line, which a library can
even switch off. So the file's keys and shapes are compared with the model's here, before any weight is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError
from rmaudit.models.checkpoint import Checkpoint
from rmaudit.models.listing import some
from rmaudit.models.tensor_files import FLOATING, TensorInfo

#: What may lie beside backbone and head without meaning anything for the score.
_LANGUAGE_MODEL_HEAD = re.compile(r"(^|\.)(lm_head|embed_out)\.")
#: Tables that older versions stored in every layer and newer ones compute.
_COMPUTED_TABLES = re.compile(r"(rotary_emb\.inv_freq|\.(attn|attention)\.(masked_)?bias|(^|\.)position_ids)$")

Shape = tuple[int, ...]


@dataclass(frozen=True)
class BackbonePlan:
    """Which tensors of the checkpoint are the backbone's, found without reading weights.

    keys: backbone key -> checkpoint key. head: what is left, the reward head's tensors or nothing.
    """

    model_class: type[PreTrainedModel]
    keys: dict[str, str]
    head: dict[str, TensorInfo]
    parameters: int


def plan_backbone(checkpoint: Checkpoint, config: PreTrainedConfig, allow_remote_code: bool) -> BackbonePlan:
    """Divide the checkpoint's tensors into backbone and head.

    Raises BrokenCheckpointError that names the keys where a backbone weight is missing, of another shape, not floating
    point, or in the file but not in the model.
    """
    skeleton = _skeleton(config, allow_remote_code)
    own = {key: tuple(tensor.shape) for key, tensor in skeleton.state_dict().items()}
    # Experts are fused in memory and single in the files; both ways of writing them can be loaded.
    reverted = revert_weight_conversion(skeleton, skeleton.state_dict())
    stored = {key: tuple(tensor.shape) for key, tensor in reverted.items()}
    prefix, expected = _best_match(checkpoint.tensors, stored, own)
    tied = set(getattr(skeleton, "all_tied_weights_keys", None) or {})
    keys = {key: prefix + key for key in expected if prefix + key in checkpoint.tensors}
    where = str(checkpoint.folder)
    _require_weights(where, sorted(expected.keys() - keys.keys() - tied), expected, config)
    _require_shapes(where, {keys[key]: expected[key] for key in keys}, checkpoint.tensors)
    both = {**skeleton.state_dict(), **reverted}
    _require_floating(where, [keys[key] for key in keys if both[key].is_floating_point()], checkpoint.tensors)
    rest = {key: info for key, info in checkpoint.tensors.items() if key not in set(keys.values())}
    head = _without_by_products(where, rest, prefix, expected, skeleton)
    return BackbonePlan(type(skeleton), keys, head, sum(parameter.numel() for parameter in skeleton.parameters()))


def load_backbone(
    checkpoint: Checkpoint, plan: BackbonePlan, config: PreTrainedConfig, dtype: torch.dtype, device: str
) -> PreTrainedModel:
    """The backbone with the file's weights in `dtype`, in evaluation mode, without gradients."""
    weights = {key: checkpoint.read(stored) for key, stored in plan.keys.items()}
    # The soft-capping of attention scores (Gemma 2) exists in the plain implementation only.
    options: dict[str, Any] = {"attn_implementation": "eager"} if _soft_caps(config) else {}
    options.update(config=config, state_dict=weights, dtype=dtype, output_loading_info=True)
    loaded: Any = plan.model_class.from_pretrained(None, **options)  # with its loading info, a pair
    model: PreTrainedModel = loaded[0]
    info: dict[str, Any] = loaded[1]
    trouble = {kind: sorted(map(str, keys)) for kind, keys in info.items() if keys}
    left = [name for name, parameter in model.named_parameters() if parameter.is_meta]
    if trouble or left:  # the plan promised otherwise, so this is about the installed transformers
        raise BrokenCheckpointError(
            f"{checkpoint.folder}: transformers did not take over all weights ({trouble or left}); "
            "please report this with your transformers version"
        )
    model.requires_grad_(False)
    placed: PreTrainedModel = model.eval().to(device)
    return placed


def _skeleton(config: PreTrainedConfig, allow_remote_code: bool) -> PreTrainedModel:
    """The model without memory for its weights."""
    try:
        with torch.device("meta"):
            model: PreTrainedModel = AutoModel.from_config(config, trust_remote_code=allow_remote_code)
            return model
    except Exception as error:  # a model class may raise anything about the configuration it is given
        raise UnsupportedModelError(
            f"the configuration ({config.model_type}) builds no model: {type(error).__name__}: {error}"
        ) from error


def _soft_caps(config: PreTrainedConfig) -> bool:
    return getattr(config.get_text_config(), "attn_logit_softcapping", None) is not None


def _best_match(tensors: Mapping[str, TensorInfo], *candidates: dict[str, Shape]) -> tuple[str, dict[str, Shape]]:
    """The prefix under which the backbone lies in the file, and the spelling of its keys that covers most of them."""
    best: tuple[int, str, dict[str, Shape]] = (-1, "", candidates[0])
    for expected in candidates:
        for prefix in _prefixes(tensors, expected):
            covered = sum(prefix + key in tensors for key in expected)
            if covered > best[0]:
                best = (covered, prefix, expected)
    return best[1], best[2]


def _prefixes(tensors: Iterable[str], expected: Iterable[str]) -> list[str]:
    """Prefixes that turn some expected key into one of the file, the most frequent first."""
    wanted = set(expected)
    votes: Counter[str] = Counter()
    for key in tensors:
        parts = key.split(".")
        for cut in range(len(parts)):
            if ".".join(parts[cut:]) in wanted:
                votes[".".join([*parts[:cut], ""])] += 1
    return [prefix for prefix, _ in sorted(votes.items(), key=lambda vote: (-vote[1], vote[0]))] or [""]


def _require_weights(where: str, missing: list[str], expected: Mapping[str, Shape], config: PreTrainedConfig) -> None:
    if len(missing) == len(expected):
        raise BrokenCheckpointError(
            f"{where}: no weight of a {config.model_type} backbone in the files; config.json is of another model"
        )
    if missing:
        raise BrokenCheckpointError(
            f"{where}: {len(missing)} of {len(expected)} backbone weights missing: {some(missing)}. "
            "They would be random numbers; copy or save the checkpoint again"
        )


def _require_shapes(where: str, expected: Mapping[str, Shape], tensors: Mapping[str, TensorInfo]) -> None:
    wrong = [key for key in sorted(expected) if tensors[key].shape != expected[key]]
    if wrong:
        told = [f"{key} is {list(tensors[key].shape)}, config.json asks for {list(expected[key])}" for key in wrong]
        raise BrokenCheckpointError(f"{where}: {some(told, 3)}; weights and configuration are of different models")


def _require_floating(where: str, keys: Iterable[str], tensors: Mapping[str, TensorInfo]) -> None:
    wrong = [f"{key} is {tensors[key].dtype}" for key in sorted(keys) if tensors[key].dtype not in FLOATING]
    if wrong:
        raise BrokenCheckpointError(
            f"{where}: {len(wrong)} backbone weights are not floating point: {some(wrong, 3)}. They are quantised, and "
            "config.json does not say how, so they would be read as other numbers; give the unquantised checkpoint"
        )


def _without_by_products(
    where: str, rest: Mapping[str, TensorInfo], prefix: str, expected: Iterable[str], skeleton: PreTrainedModel
) -> dict[str, TensorInfo]:
    """The head's tensors: what is left without language-model head and computed tables."""
    branches = {key.split(".")[0] for key in expected}
    ignored = [re.compile(pattern) for pattern in skeleton._keys_to_ignore_on_load_unexpected or ()]
    head: dict[str, TensorInfo] = {}
    uncovered: list[str] = []
    for key, info in rest.items():
        within = key.startswith(prefix) and key.removeprefix(prefix).split(".")[0] in branches
        if _COMPUTED_TABLES.search(key) or (within and any(pattern.search(key) for pattern in ignored)):
            continue
        if within:
            uncovered.append(key)
        elif not _LANGUAGE_MODEL_HEAD.search(key):
            head[key] = info
    if uncovered:
        raise BrokenCheckpointError(
            f"{where}: {len(uncovered)} weights have no place in the model that config.json describes: "
            f"{some(sorted(uncovered))}. The configuration is of another or a smaller model"
        )
    return head
