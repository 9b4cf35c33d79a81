"""Keys and shapes of every tensor of a checkpoint, read from the file headers without loading weights."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError
from rmaudit.models.locating import locate

#: Prefixes that wrappers put before every key: DistributedDataParallel, torch.compile, TRL, PEFT, DeepSpeed-Chat.
WRAPPERS = ("module.", "_orig_mod.", "pretrained_model.", "base_model.model.", "rwtranrsformer.")

#: Names of the files with the weights, the preferred first; TRL keeps its value head beside them.
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_SIDE_FILES = ("value_head.safetensors", "value_head.bin")


@dataclass(frozen=True)
class TensorInfo:
    """What a file's header says of one tensor."""

    shape: tuple[int, ...]
    dtype: str  #: safetensors' name of it: F32, BF16, F16, I8 ...
    file: Path
    key_in_file: str  #: the key before wrapper prefixes were stripped


@dataclass
class Checkpoint:
    """A folder whose configuration and headers were read; weights are read tensor by tensor."""

    folder: Path
    config: dict[str, Any]
    tensors: dict[str, TensorInfo]
    _open_files: dict[Path, Any] = field(default_factory=dict, repr=False)

    def read(self, key: str) -> Tensor:
        """The tensor itself, on the CPU, in the file's dtype, owning its memory.

        It is a copy: a tensor that looks into the mapped file would change, or crash, when the file is written again.
        """
        info = self.tensors[key]
        if info.file not in self._open_files:
            self._open_files[info.file] = _open(info.file)
        opened = self._open_files[info.file]
        tensor: Tensor = opened[info.key_in_file] if isinstance(opened, dict) else opened.get_tensor(info.key_in_file)
        return tensor.clone()

    def close(self) -> None:
        """Let go of the files."""
        self._open_files.clear()


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read the configuration and the headers of a folder or hub id.

    Raises CheckpointNotFoundError (no such folder or id), BrokenCheckpointError (missing shard, damaged file,
    no configuration) and UnsupportedModelError (GGUF, adapter without its base).
    """
    folder = locate(path)
    files = _weight_files(folder)
    config = read_json(folder / "config.json")
    in_files: dict[str, TensorInfo] = {}
    for file, keys in files:
        in_files.update((info.key_in_file, info) for info in _header(file) if keys is None or info.key_in_file in keys)
        _require_all(keys, in_files, file)
    return Checkpoint(folder, config, _unwrapped(in_files))


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object; raise BrokenCheckpointError where the file is missing or is none."""
    if not file.is_file():
        raise BrokenCheckpointError(f"{file.parent}: {file.name} is missing; {_listing(file.parent)}")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BrokenCheckpointError(f"{file}: not valid JSON ({error}); copy or download it again") from error
    if not isinstance(content, dict):
        raise BrokenCheckpointError(f"{file}: expected a JSON object, found {type(content).__name__}")
    return content


def _weight_files(folder: Path) -> list[tuple[Path, set[str] | None]]:
    """Files with weights and the keys that each must hold (None: whatever it holds)."""
    side_files = [(folder / name, None) for name in _SIDE_FILES if (folder / name).is_file()][:1]
    for name in _WEIGHTS:
        if (folder / f"{name}.index.json").is_file():
            return [*_shards(folder / f"{name}.index.json"), *side_files]
        if (folder / name).is_file():
            return [(folder / name, None), *side_files]
    raise _no_weights(folder)


def _shards(index: Path) -> list[tuple[Path, set[str] | None]]:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise BrokenCheckpointError(f"{index}: no weight_map in it; copy or download it again")
    shards: dict[str, set[str] | None] = {}
    for key, name in weight_map.items():
        if not isinstance(name, str) or Path(name).name != name:  # an index must not lead out of the folder
            raise BrokenCheckpointError(f"{index}: {key} lies in {name!r}, which is not the name of a file beside it")
        keys = shards.setdefault(name, set())
        assert keys is not None
        keys.add(key)
    missing = sorted(name for name in shards if not (index.parent / name).is_file())
    if missing:
        raise BrokenCheckpointError(
            f"{index.parent}: {len(missing)} of {len(shards)} shards missing: {_some(missing)}; "
            "copy or download them, the model is incomplete without"
        )
    return [(index.parent / name, keys) for name, keys in sorted(shards.items())]


def _no_weights(folder: Path) -> BrokenCheckpointError | UnsupportedModelError:
    if any(folder.glob("*.gguf")):
        return UnsupportedModelError(
            f"{folder}: only GGUF weights, and that format has no place for a reward head; give the folder of the "
            "original checkpoint (config.json and model.safetensors)"
        )
    if (folder / "adapter_config.json").is_file():
        return UnsupportedModelError(
            f"{folder}: a PEFT adapter without its base model; merge it into the base (merge_and_unload) and save "
            "the merged reward model"
        )
    if any(folder.glob("model-*-of-*.safetensors")):
        return BrokenCheckpointError(f"{folder}: shards without model.safetensors.index.json; copy or download it too")
    return BrokenCheckpointError(
        f"{folder}: no weights (model.safetensors or pytorch_model.bin, whole or sharded); {_listing(folder)}"
    )


def _header(file: Path) -> Iterator[TensorInfo]:
    opened = _open(file)
    if isinstance(opened, dict):
        for key, tensor in opened.items():
            yield TensorInfo(tuple(tensor.shape), _SHORT_DTYPE.get(tensor.dtype, str(tensor.dtype)), file, key)
        return
    for key in opened.keys():  # noqa: SIM118 (a safetensors handle is not a mapping)
        part = opened.get_slice(key)
        yield TensorInfo(tuple(part.get_shape()), str(part.get_dtype()), file, key)


_SHORT_DTYPE = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.float64: "F64"}


def _open(file: Path) -> Any:
    """A safetensors handle, or a dict of tensors for a .bin file."""
    read: Callable[[Path], Any] = _open_safetensors if file.suffix == ".safetensors" else _load_pickle
    return read(file)


def _open_safetensors(file: Path) -> Any:
    try:
        return safe_open(str(file), framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        raise BrokenCheckpointError(f"{file}: {_what_is_wrong(file)} ({error}); copy or download it again") from error


def _what_is_wrong(file: Path) -> str:
    with file.open("rb") as opened:
        if opened.read(7) == b"version":
            return "a git-lfs pointer, not the weights themselves (run git lfs pull)"
    return "not a whole safetensors file"


def _load_pickle(file: Path) -> dict[str, Tensor]:
    """Tensors of a .bin file. A pickle can hold code: only plain tensors are let in."""
    try:
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise BrokenCheckpointError(
            f"{file}: cannot be read as plain tensors ({str(error).splitlines()[0]}); "
            "it is damaged or holds more than tensors, save the model as safetensors"
        ) from error
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise BrokenCheckpointError(f"{file}: expected a dictionary of tensors; save the model as safetensors")
    return loaded


def _unwrapped(tensors: dict[str, TensorInfo]) -> dict[str, TensorInfo]:
    """Keys without the prefixes of training wrappers."""
    unwrapped: dict[str, TensorInfo] = {}
    for key, info in tensors.items():
        bare = key
        while prefix := next((wrapper for wrapper in WRAPPERS if bare.startswith(wrapper)), None):
            bare = bare[len(prefix) :]
        if bare in unwrapped:
            raise BrokenCheckpointError(
                f"{info.file}: {key} and {unwrapped[bare].key_in_file} are the same tensor once the wrapper's prefix "
                "is taken off; save one of the two"
            )
        unwrapped[bare] = info
    return unwrapped


def _require_all(keys: set[str] | None, found: Mapping[str, TensorInfo], file: Path) -> None:
    missing = sorted(set(keys or ()) - found.keys())
    if missing:
        raise BrokenCheckpointError(f"{file}: the index promises {_some(missing)} here; copy or download it again")


def _listing(folder: Path) -> str:
    return f"the folder holds {_some(sorted(entry.name for entry in folder.iterdir())) or 'nothing'}"


def _some(names: Iterable[str], limit: int = 8) -> str:
    """Join names, the first few of many."""
    listed = list(names)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more
