"""A PEFT adapter's files: its settings, and the keys and shapes of its tensors."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from rmaudit.errors import BrokenCheckpointError
from rmaudit.models.adapters.settings import Settings, parse_settings
from rmaudit.models.checkpoint import unwrapped
from rmaudit.models.listing import some
from rmaudit.models.tensor_files import FLOATING, TensorFiles, TensorInfo, as_bytes
from rmaudit.models.weight_files import find_adapter_files, read_json


@dataclass
class Adapter:
    """An adapter whose configuration and headers were read; weights are read tensor by tensor.

    tensors: key -> info, without PEFT's own prefix `base_model.model.`.
    """

    folder: Path
    settings: Settings
    tensors: dict[str, TensorInfo]
    _files: TensorFiles = field(default_factory=TensorFiles, repr=False)

    def read(self, info: TensorInfo) -> Tensor:
        """A tensor, on the CPU, in the file's dtype. Raises BrokenCheckpointError where it holds NaN or infinity."""
        tensor = self._files.read(info)
        if not torch.isfinite(tensor).all():
            raise BrokenCheckpointError(
                f"{info.file}: {info.key_in_file} holds NaN or infinity; the adapter is unusable, save it again from a "
                "training run that did not diverge"
            )
        return tensor

    def digest(self) -> str:
        """SHA-256 (64 hex digits) of configuration and tensors, for adapters that are not merged."""
        digest = hashlib.sha256(json.dumps(read_json(self.folder / "adapter_config.json"), sort_keys=True).encode())
        for key, info in sorted(self.tensors.items()):
            digest.update(f"\0{key}\0{info.dtype}\0{list(info.shape)}\0".encode())
            digest.update(as_bytes(self.read(info)).numpy().data)
        return digest.hexdigest()

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()


def read_adapter(folder: Path) -> Adapter:
    """Read the configuration and the headers of an adapter's folder.

    Raises BrokenCheckpointError for damaged files, and UnsupportedModelError for what is not merged here.
    """
    settings_file = folder / "adapter_config.json"
    settings = parse_settings(settings_file, read_json(settings_file))
    files = TensorFiles()
    tensors: dict[str, TensorInfo] = {}
    for file in find_adapter_files(folder):
        for key, info in files.headers(file).items():
            other = tensors.setdefault(key, info)
            if other is not info and not files.same(other, info):
                raise BrokenCheckpointError(
                    f"{folder}: {key} lies in {other.file.name} and, with other values, in {file.name}; remove the "
                    "file that is not of this adapter, or save the adapter again"
                )
    bare, _ = unwrapped(tensors)
    wrong = [f"{key} is {info.dtype}" for key, info in sorted(bare.items()) if info.dtype not in FLOATING]
    if wrong or not bare:
        raise BrokenCheckpointError(
            f"{folder}: {some(wrong, 3) or 'no tensor in the adapter'}; expected floating point, save the adapter again"
        )
    empty = [key for key, info in sorted(bare.items()) if 0 in info.shape]
    if empty:
        raise BrokenCheckpointError(
            f"{folder}: {some(empty)} hold no number, as when an adapter is saved from a model that is divided among "
            "processes; gather its weights and save the adapter again"
        )
    return Adapter(folder, settings, bare, _files=files)
