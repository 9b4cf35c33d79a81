"""Where a backbone's weights lie: on one device, or divided among several, and the disk, by accelerate."""

from __future__ import annotations

import tempfile
import weakref
from importlib.util import find_spec
from typing import Any, TypeAlias

import torch
from torch import Tensor
from transformers import PreTrainedModel

from rmaudit.errors import UsageError
from rmaudit.models.checkpoint import Checkpoint
from rmaudit.models.listing import shown

#: "auto", "balanced", "sequential", a device, or the place of every module by name.
DeviceMap: TypeAlias = str | dict[str, Any]

_LEGAL = "legal: auto, balanced, sequential, a device, or a place for every module of the backbone (layers.0, norm ...)"


class Later:
    """Stands for a tensor that is read when transformers asks for it, so that a model is never in memory twice."""

    def __init__(self, checkpoint: Checkpoint, key: str) -> None:
        self._checkpoint, self._key = checkpoint, key

    def __getitem__(self, index: Any) -> Tensor:
        """All of it; transformers asks for `...`."""
        return self._checkpoint.read(self._key)[index]


def load_placed(
    model_class: type[PreTrainedModel], device: str, device_map: DeviceMap | None, **options: Any
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """`model_class.from_pretrained(None, **options)` on one device, or divided by a device map; and its loading info.

    What a device map gives to the disk lies in a folder of this model's own, which goes with it: the files there bear the
    names of weights alone, so two models in one folder would be mixed without a word.
    Raises UsageError for a device map without accelerate, or one that does not fit the model.
    """
    if device_map is None:
        loaded: Any = model_class.from_pretrained(None, output_loading_info=True, **options)
        return loaded[0].to(device), loaded[1]
    if find_spec("accelerate") is None:
        raise UsageError("a device map needs accelerate, which is not installed: pip install accelerate")
    places = device_map.values() if isinstance(device_map, dict) else [device_map]
    if "meta" in map(str, places):
        raise UsageError(f"device_map {device_map!r:.80} cannot be used: meta holds shapes and no numbers; {_LEGAL}")
    folder = tempfile.TemporaryDirectory(prefix="rmaudit-offload-")
    try:
        divided: Any = model_class.from_pretrained(
            None, output_loading_info=True, device_map=device_map, offload_folder=folder.name, **options
        )
    except (ValueError, RuntimeError, AssertionError, NotImplementedError) as error:
        folder.cleanup()
        raise UsageError(f"device_map {device_map!r:.80} cannot be used: {shown(error)}; {_LEGAL}") from error
    weakref.finalize(divided[0], folder.cleanup)
    return divided[0], divided[1]


def input_device(backbone: PreTrainedModel) -> torch.device:
    """Where token ids have to be: on the device that the embedding computes on."""
    embedding: Any = backbone.get_input_embeddings()
    hook = getattr(embedding, "_hf_hook", None)
    place = getattr(hook, "execution_device", None)
    return torch.device(place) if place is not None else embedding.weight.device
