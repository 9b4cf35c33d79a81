"""The decoder itself: which tensors of a checkpoint belong to it, and loading exactly those.

transformers never fails on a missing weight: it fills it with random numbers and writes a log line, which a library can
even switch off. So the file's keys and shapes are compared with the model's here, before any weight is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError
from rmaudit.models.checkpoint import Checkpoint
from rmaudit.models.listing import shown, some
from rmaudit.models.placement import DeviceMap, Later, load_placed
from rmaudit.models.tensor_files import FLOATING, TensorInfo

#: The language-model head, under whatever the backbone lies under: of no meaning for a reward head beside it.
_LANGUAGE_MODEL_HEAD = re.compile(r"(?:model\.|language_model\.|transformer\.)*(?:lm_head|embed_out)\.(weight|bias)")
#: A counter that only training needs, in a head too.
_COUNTER = ".num_batches_tracked"
#: Tables that older versions stored in every layer and newer ones compute.
_COMPUTED_TABLES = re.compile(r"(rotary_emb\.inv_freq|\.(attn|attention)\.(masked_)?bias|(^|\.)position_ids)$")

Shape = tuple[int, ...]


@dataclass(frozen=True)
class BackbonePlan:
    """Which tensors of the checkpoint are the backbone's, found without reading weights.

    keys: backbone key -> checkpoint key. prefix: of the latter. head: what is left, the reward head's tensors or none.
    logits: the keys of the language-model head's weight and bias, those of the embedding where they are tied to it.
    turned: the backbone's modules whose weight is (in, out), not (out, in). fused: the backbone keys of tensors that
    are one with others in memory.
    """

    model_class: type[PreTrainedModel]
    keys: dict[str, str]
    prefix: str
    head: dict[str, TensorInfo]
    logits: dict[str, str]
    turned: frozenset[str] = frozenset()
    fused: frozenset[str] = frozenset()


def plan_backbone(checkpoint: Checkpoint, config: PreTrainedConfig, allow_remote_code: bool) -> BackbonePlan:
    """Divide the checkpoint's tensors into backbone and head.

    Raises BrokenCheckpointError that names the keys where a backbone weight is missing, of another shape, not floating
    point, or in the file but not in the model.
    """
    where = str(checkpoint.folder)
    skeleton = _skeleton(config, allow_remote_code, where)
    own = {key: tuple(tensor.shape) for key, tensor in skeleton.state_dict().items()}
    # Experts are fused in memory and single in the files; both ways of writing them can be loaded.
    reverted = revert_weight_conversion(skeleton, skeleton.state_dict())
    stored = {key: tuple(tensor.shape) for key, tensor in reverted.items()}
    prefix, expected = _best_match(checkpoint.tensors, stored, own)
    tied = set(getattr(skeleton, "all_tied_weights_keys", None) or {})
    keys = {key: prefix + key for key in expected if prefix + key in checkpoint.tensors}
    _require_weights(where, sorted(expected.keys() - keys.keys() - tied), expected, config)
    _require_shapes(where, {keys[key]: expected[key] for key in keys}, checkpoint.tensors)
    both = {**skeleton.state_dict(), **reverted}
    _require_floating(where, [keys[key] for key in keys if both[key].is_floating_point()], checkpoint.tensors)
    taken = set(keys.values())
    copies = _copies(checkpoint, expected, prefix)
    rest = {key: info for key, info in checkpoint.tensors.items() if key not in taken and key not in copies}
    head = _without_by_products(where, rest, prefix, expected, skeleton)
    logits = _logit_keys(where, rest, keys, skeleton)
    turned = frozenset(name for name, module in skeleton.named_modules() if type(module).__name__ == "Conv1D")
    fused = frozenset(expected.keys() - own.keys())
    return BackbonePlan(type(skeleton), keys, prefix, head, logits, turned, fused)


def load_backbone(
    checkpoint: Checkpoint,
    plan: BackbonePlan,
    config: PreTrainedConfig,
    dtype: torch.dtype,
    device: str,
    device_map: DeviceMap | None = None,
) -> PreTrainedModel:
    """The backbone with the file's weights in `dtype`, in evaluation mode, without gradients.

    device_map: divides it among devices and the disk instead of putting it on `device`.
    """
    weights = {key: Later(checkpoint, stored) for key, stored in plan.keys.items()}
    # The soft-capping of attention scores (Gemma 2) exists in the plain implementation only.
    options: dict[str, Any] = {"attn_implementation": "eager"} if _soft_caps(config) else {}
    options.update(config=config, state_dict=weights, dtype=dtype)
    model, info = load_placed(plan.model_class, device, device_map, **options)
    trouble = {kind: sorted(map(str, keys)) for kind, keys in info.items() if keys}
    # What lies on the disk is `meta` here.
    left = [name for name, parameter in model.named_parameters() if parameter.is_meta and device_map is None]
    if trouble or left:  # the plan promised otherwise, so this is about the installed transformers
        raise BrokenCheckpointError(
            f"{checkpoint.folder}: transformers did not take over all weights ({trouble or left}); "
            "please report this with your transformers version"
        )
    model.requires_grad_(False)
    evaluating: PreTrainedModel = model.eval()
    return evaluating


def is_language_model_head(key: str) -> bool:
    """Whether a key is one of a head that gives the logits of tokens."""
    return bool(_LANGUAGE_MODEL_HEAD.search(key))


def _skeleton(config: PreTrainedConfig, allow_remote_code: bool, where: str) -> PreTrainedModel:
    """The model without memory for its weights."""
    try:
        with torch.device("meta"):
            model: PreTrainedModel = AutoModel.from_config(config, trust_remote_code=allow_remote_code)
            backbone: Any = model.base_model  # remote code may register a class with its head as AutoModel
            return cast(PreTrainedModel, backbone)
    except Exception as error:  # a model class may raise anything about the configuration it is given
        raise UnsupportedModelError(
            f"{where}/config.json: the configuration ({config.model_type}) builds no model: {type(error).__name__}: "
            f"{shown(error)}; check config.json, copy or download it again"
        ) from error


def _copies(checkpoint: Checkpoint, expected: Iterable[str], prefix: str) -> set[str]:
    """Keys of a second copy of the backbone, equal bit for bit: Starling's code keeps its language model beside it."""
    wanted = set(expected)
    others = [other for other in _prefixes(checkpoint.tensors, wanted) if other != prefix and other]
    pairs = [(other + key, prefix + key) for other in others for key in wanted]
    found = [(copy, own) for copy, own in pairs if copy in checkpoint.tensors and own in checkpoint.tensors]
    return {copy for copy, own in found if copy != own and checkpoint.same(copy, own)}


def _logit_keys(
    where: str, rest: Mapping[str, TensorInfo], keys: Mapping[str, str], skeleton: PreTrainedModel
) -> dict[str, str]:
    """Where the language-model head's weight and bias lie in the checkpoint; nothing where there is none.

    Raises BrokenCheckpointError where there are several.
    """
    found: dict[str, str] = {}
    for key in sorted(rest):
        if match := _LANGUAGE_MODEL_HEAD.fullmatch(key):
            other = found.setdefault(match.group(1), key)
            if other != key:
                raise BrokenCheckpointError(
                    f"{where}: two language-model heads, {other} and {key}; save the one that is used"
                )
    config = skeleton.config
    tied = any(getattr(one, "tie_word_embeddings", False) for one in (config, config.get_text_config()))
    if "weight" not in found and tied:
        embedding = skeleton.get_input_embeddings()
        name = next((name for name, module in skeleton.named_modules() if module is embedding), "")
        # A model of several parts may be spelled otherwise in its files: by the embedding's own name then.
        own = [key for key in keys if key == f"{name}.weight"]
        own = own or [key for key in keys if key.endswith(f".{name.rpartition('.')[2]}.weight")]
        if len(own) == 1:
            found["weight"] = keys[own[0]]
    return found if "weight" in found else {}


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
            f"{where}: no weight of a {config.model_type} backbone in the files; config.json is of another model; "
            "copy or download the config.json of these weights"
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
        if (
            key.endswith(_COUNTER)
            or within
            and (_COMPUTED_TABLES.search(key) or any(pattern.search(key) for pattern in ignored))
        ):
            continue
        if within:
            uncovered.append(key)
        elif not _LANGUAGE_MODEL_HEAD.fullmatch(key):
            head[key] = info
    if uncovered:
        raise BrokenCheckpointError(
            f"{where}: {len(uncovered)} weights have no place in the model that config.json describes: "
            f"{some(sorted(uncovered))}. The configuration is of another or a smaller model"
        )
    return head
