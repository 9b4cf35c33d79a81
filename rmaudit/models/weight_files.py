"""Which files of a folder hold the model's weights."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError
from rmaudit.models.listing import is_name, shown, some
from rmaudit.models.reading import LARGEST_JSON, JsonError, parse_object, unreadable
from rmaudit.models.refusals import GGUF, NOT_TRANSFORMERS

#: Names of the files with the weights, the preferred first; TRL keeps its value head beside them.
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_SIDE_FILES = ("value_head.safetensors", "value_head.bin")
#: Networks of a head, each in a file of its own, whose keys do not say which network they are of (LDL-Reward).
_NETWORK_FILES = ("regression_layer.pt", "gating_layer.pt")
_ADAPTER_CONFIG = "adapter_config.json"
_ADAPTER_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_ADAPTER_FILES = (_ADAPTER_CONFIG, *_ADAPTER_WEIGHTS)


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
    side_files = [(folder / name, None) for name in (*_SIDE_FILES, *_NETWORK_FILES) if _is_there(folder / name)]
    for name in _WEIGHTS:
        whole, index = folder / name, folder / f"{name}.index.json"
        has_whole, has_index = _is_there(whole), _is_there(index)
        if not has_whole and not has_index:
            continue
        _refuse_adapter(folder)
        shards = _promised(index) if has_index else {}
        missing = [file for file in shards if not _is_there(file)]
        if has_whole and list(shards) != [whole]:
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


def key_prefix(file: Path) -> str:
    """What the keys in a file lack: the name of the network, where each lies in a file of its own."""
    return f"{file.stem}." if file.name in _NETWORK_FILES else ""


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds a PEFT adapter and no weights of its own. Raises BrokenCheckpointError as `find_weight_files`."""
    whole = any(_is_there(folder / name) or _is_there(folder / f"{name}.index.json") for name in _WEIGHTS)
    has_weights = any(_is_there(folder / name) for name in _ADAPTER_WEIGHTS)
    return not whole and has_weights and _is_there(folder / _ADAPTER_CONFIG)


def find_adapter_files(folder: Path) -> list[Path]:
    """The files with an adapter's weights, and with the value head that some libraries save beside them."""
    return [folder / name for name in (*_ADAPTER_WEIGHTS, *_SIDE_FILES) if _is_there(folder / name)]


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object; raise BrokenCheckpointError where the file is missing or is none."""
    if not _is_there(file):
        raise BrokenCheckpointError(f"{file.parent}: {file.name} is missing; {_listing(file.parent)}")
    try:
        if file.stat().st_size > LARGEST_JSON:
            raise BrokenCheckpointError(f"{file}: larger than {LARGEST_JSON} bytes; copy or download it again")
        return parse_object(file.read_bytes())
    except OSError as error:
        raise unreadable(file, error) from error
    except JsonError as error:
        raise BrokenCheckpointError(f"{file}: {error}; correct it, or copy or download it again") from error


def _promised(index: Path) -> dict[Path, set[str] | None]:
    """Every shard that an index names, there or not, with the keys that should lie in it."""
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise BrokenCheckpointError(f"{index}: no weight_map in it; copy or download it again")
    kind = Path(index.name.removesuffix(".index.json")).suffix
    shards: dict[str, set[str]] = {}
    for key, name in weight_map.items():
        # An index must not lead out of the folder, nor from safetensors to a pickle.
        if not is_name(name) or Path(name).name != name or Path(name).suffix != kind:
            raise BrokenCheckpointError(
                f"{index}: {shown(key, 80)} lies in {name!r:.80}, which is not the name of a file beside it "
                f"(expected *{kind}); copy or download the index again"
            )
        shards.setdefault(name, set()).add(key)
    return {index.parent / name: keys for name, keys in sorted(shards.items())}


def _is_there(file: Path) -> bool:
    """Whether there is such a file. Raises BrokenCheckpointError for a folder, a pipe or a dead link in its place."""
    try:
        if file.is_file():
            return True
        found = os.path.lexists(file)
    except OSError as error:
        raise unreadable(file, error) from error
    if found:
        raise BrokenCheckpointError(
            f"{file}: neither a file nor a link to one; copy or download the file itself, or remove this"
        )
    return False


def _refuse_adapter(folder: Path) -> None:
    """Whether an adapter beside whole weights is merged into them already is not in the files."""
    found = [name for name in _ADAPTER_FILES if _is_there(folder / name)]
    if found:
        raise UnsupportedModelError(
            f"{folder}: a PEFT adapter ({some(found)}) beside the weights, and the reward model may be either or both; "
            "merge it into the base (merge_and_unload) and save the merged reward model, or, if these weights are the "
            "merged ones, remove the adapter's files"
        )


def _no_weights(folder: Path) -> BrokenCheckpointError | UnsupportedModelError:
    if any(folder.glob("*.gguf")):
        return UnsupportedModelError(f"{folder}: only GGUF weights: {GGUF.told}")
    if any(folder.glob("*.nemo")) or _is_there(folder / "model_weights"):
        return UnsupportedModelError(f"{folder}: a NeMo checkpoint: {NOT_TRANSFORMERS.told}")
    if is_adapter(folder):
        return UnsupportedModelError(
            f"{folder}: a PEFT adapter, where a whole model is needed; an adapter on an adapter is not loaded: merge it into "
            "its base (merge_and_unload) and save the merged model"
        )
    half = [name for name in _ADAPTER_FILES if _is_there(folder / name)]
    if half:
        return UnsupportedModelError(
            f"{folder}: half a PEFT adapter ({some(half)} alone); copy or download both adapter_config.json and "
            "adapter_model.safetensors"
        )
    if any(folder.glob("model-*-of-*.safetensors")):
        return BrokenCheckpointError(f"{folder}: shards without model.safetensors.index.json; copy or download it too")
    return BrokenCheckpointError(
        f"{folder}: no weights (model.safetensors or pytorch_model.bin, whole or sharded); {_listing(folder)}"
    )


def _listing(folder: Path) -> str:
    try:
        names = sorted(shown(entry.name) for entry in folder.iterdir())
    except OSError as error:
        return f"the folder cannot be listed ({error.strerror}); check its permissions"
    return f"the folder holds {some(names) or 'nothing'}"
