"""Which files of a folder hold the model's weights."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError
from rmaudit.models.listing import some

#: Names of the files with the weights, the preferred first; TRL keeps its value head beside them.
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_SIDE_FILES = ("value_head.safetensors", "value_head.bin")
_ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")


@dataclass(frozen=True)
class WeightFiles:
    """Where the weights lie.

    files: each with the keys that an index says it holds; None where no index speaks of it.
    unused: shards, found in the folder, of an index beside a whole file; the whole file is the one in `files`.
    index: name of that index. missing: how many of its shards are not there.
    """

    files: list[tuple[Path, set[str] | None]]
    unused: list[Path] = field(default_factory=list)
    index: str = ""
    missing: int = 0


def find_weight_files(folder: Path) -> WeightFiles:
    """Find them; raise BrokenCheckpointError (missing shard, no weights) or UnsupportedModelError (GGUF, adapter)."""
    side_files: list[tuple[Path, set[str] | None]]
    side_files = [(folder / name, None) for name in _SIDE_FILES if (folder / name).is_file()]
    for name in _WEIGHTS:
        whole, index = folder / name, folder / f"{name}.index.json"
        if not whole.is_file() and not index.is_file():
            continue
        _refuse_adapter(folder)
        shards = _promised(index) if index.is_file() else {}
        missing = [file for file in shards if not file.is_file()]
        if whole.is_file() and list(shards) != [whole]:
            # As transformers does. Other tools prefer the index, so what it names must be the same.
            unused = [file for file in shards if file not in missing]
            return WeightFiles([(whole, None), *side_files], unused, index.name if shards else "", len(missing))
        if missing:
            raise BrokenCheckpointError(
                f"{folder}: {len(missing)} of {len(shards)} shards missing: {some(file.name for file in missing)}; "
                "copy or download them, the model is incomplete without"
            )
        return WeightFiles([*shards.items(), *side_files])
    raise _no_weights(folder)


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object; raise BrokenCheckpointError where the file is missing or is none."""
    if not file.is_file():
        raise BrokenCheckpointError(f"{file.parent}: {file.name} is missing; {_listing(file.parent)}")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or nested too deep
        raise BrokenCheckpointError(f"{file}: not valid JSON ({error}); copy or download it again") from error
    if not isinstance(content, dict):
        raise BrokenCheckpointError(f"{file}: expected a JSON object, found {type(content).__name__}")
    return content


def _promised(index: Path) -> dict[Path, set[str] | None]:
    """Every shard that an index names, there or not, with the keys that should lie in it."""
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise BrokenCheckpointError(f"{index}: no weight_map in it; copy or download it again")
    shards: dict[str, set[str]] = {}
    for key, name in weight_map.items():
        # An index must not lead out of the folder.
        if not isinstance(name, str) or name in ("", "..") or Path(name).name != name:
            raise BrokenCheckpointError(f"{index}: {key} lies in {name!r}, which is not the name of a file beside it")
        shards.setdefault(name, set()).add(key)
    return {index.parent / name: keys for name, keys in sorted(shards.items())}


def _refuse_adapter(folder: Path) -> None:
    """Whether an adapter beside whole weights is merged into them already is not in the files."""
    found = [name for name in _ADAPTER_FILES if (folder / name).is_file()]
    if found:
        raise UnsupportedModelError(
            f"{folder}: a PEFT adapter ({some(found)}) beside the weights, and the reward model may be either or both; "
            "merge it into the base (merge_and_unload) and save the merged reward model, or, if these weights are the "
            "merged ones, remove the adapter's files"
        )


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


def _listing(folder: Path) -> str:
    return f"the folder holds {some(sorted(entry.name for entry in folder.iterdir())) or 'nothing'}"
