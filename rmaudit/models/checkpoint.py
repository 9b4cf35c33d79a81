"""Keys and shapes of every tensor of a checkpoint, read from the file headers without loading weights."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from rmaudit.errors import BrokenCheckpointError
from rmaudit.models.listing import some
from rmaudit.models.locating import locate
from rmaudit.models.quantised import find_quantised
from rmaudit.models.tensor_files import TensorFiles, TensorInfo
from rmaudit.models.weight_files import WeightFiles, find_weight_files, key_prefix, read_json

#: Prefixes that wrappers put before every key: DistributedDataParallel, torch.compile, TRL, PEFT, DeepSpeed-Chat.
WRAPPERS = ("module.", "_orig_mod.", "pretrained_model.", "base_model.model.", "rwtransformer.", "rwtranrsformer.")
#: PEFT keeps a module that was trained whole beside the original one, which has no say any more.
_TRAINED, _ORIGINAL = ".modules_to_save.default.", ".original_module."


@dataclass
class Checkpoint:
    """A folder whose configuration and headers were read; weights are read tensor by tensor.

    wrappers: prefixes that were taken off the keys. notes: what a reader should know about the choice of files.
    tokenizer_folder: where the tokenizer lies; None where `folder` holds it. decoded: key -> format, of the tensors
    that are stored quantised and read as floating point.
    """

    folder: Path
    config: dict[str, Any]
    tensors: dict[str, TensorInfo]
    notes: list[str] = field(default_factory=list)
    wrappers: frozenset[str] = frozenset()
    tokenizer_folder: Path | None = None
    decoded: dict[str, str] = field(default_factory=dict)
    _made: dict[str, Callable[[], Tensor]] = field(default_factory=dict, repr=False)
    _files: TensorFiles = field(default_factory=TensorFiles, repr=False)

    def read(self, key: str) -> Tensor:
        """The tensor itself, on the CPU, in the file's dtype unless it is computed, owning its memory."""
        made = self._made.get(key)
        return self._files.read(self.tensors[key]) if made is None else made()

    def reader(self, key: str) -> Callable[[], Tensor]:
        """What reads `key` as it is now, whatever it is computed from later."""
        return self._made.get(key) or partial(self._files.read, self.tensors[key])

    def same(self, key: str, other: str) -> bool:
        """Whether two stored tensors are equal bit for bit."""
        return self._files.same(self.tensors[key], self.tensors[other])

    def compute(self, key: str, info: TensorInfo, make: Callable[[], Tensor]) -> None:
        """Let `key` be what `make` gives whenever it is read, a decoded or adapted weight; info: shape and dtype of it."""
        before = self.tensors.get(key)
        if before is not None and (before.file, before.key_in_file) != (info.file, info.key_in_file):
            self.decoded.pop(key, None)  # another tensor takes its place: an adapter's own head, say
        self.tensors[key], self._made[key] = info, make

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read the configuration and the headers of a folder or hub id.

    Raises CheckpointNotFoundError (no such folder or id), BrokenCheckpointError (missing shard, damaged file,
    no configuration, files that contradict each other) and UnsupportedModelError (GGUF, an adapter).
    """
    folder = locate(path)
    found = find_weight_files(folder)
    config = read_json(folder / "config.json")
    files = TensorFiles()
    tensors = _gathered(found, files)
    notes = []
    if found.index:
        _require_same_in_shards(found, files)
        lost = f" ({found.missing} of its shards are missing)" if found.missing else ", whose shards hold the same"
        notes.append(f"{found.files[0][0].name} was read, as transformers does, and not {found.index} beside it{lost}")
    bare, wrappers = unwrapped(tensors)
    checkpoint = Checkpoint(folder, config, bare, notes, wrappers, _files=files)
    _decode(checkpoint)
    return checkpoint


def _decode(checkpoint: Checkpoint) -> None:
    """Let weights that are stored quantised be read as the floating-point tensors that they stand for."""
    found = find_quantised(checkpoint.tensors, checkpoint.config, str(checkpoint.folder), checkpoint._files.read)
    for key in found.companions & checkpoint.tensors.keys():
        del checkpoint.tensors[key]
    for key, weight in found.weights.items():
        checkpoint.compute(key, found.infos[key], weight.make)
        checkpoint.decoded[key] = weight.form
    checkpoint.notes.extend(found.notes)


def _gathered(found: WeightFiles, files: TensorFiles) -> dict[str, TensorInfo]:
    """Key -> info, of all files; no tensor is dropped, and none overrides another."""
    listed = {key for _, promised in found.files for key in promised or ()}
    tensors: dict[str, TensorInfo] = {}
    for file, promised in found.files:
        here = files.headers(file)
        if promised is not None:
            _require_as_listed(file, here.keys(), promised, listed)
        for key, info in here.items():
            key = key_prefix(file) + key
            other = tensors.setdefault(key, info)
            if other is not info and not files.same(other, info):
                raise BrokenCheckpointError(
                    f"{file.parent}: {key} lies in {other.file.name} and, with other values, in {file.name}; "
                    "remove the file that is not of this model, or save the model again"
                )
    return tensors


def _require_as_listed(file: Path, here: AbstractSet[str], promised: set[str], listed: set[str]) -> None:
    """An index and its shard must agree: what is not in it would be random, what is not listed would be lost."""
    missing = sorted(promised - here)
    if missing:
        raise BrokenCheckpointError(f"{file}: the index promises {some(missing)} here; copy or download it again")
    unlisted = sorted(here - listed)
    if unlisted:
        raise BrokenCheckpointError(
            f"{file}: it holds {some(unlisted)}, which the index does not list, so tools disagree on whether that is "
            "part of the model; copy or download the index again, or save the model again"
        )


def _require_same_in_shards(found: WeightFiles, files: TensorFiles) -> None:
    """The whole file, which is read, and the shards beside it, which some other tools read, are the same model."""
    whole = found.files[0][0]
    in_whole = files.headers(whole)
    in_shards = [(key, info) for file in found.unused for key, info in files.headers(file).items()]
    different = {key for key, info in in_shards if key not in in_whole or not files.same(info, in_whole[key])}
    if not found.missing:
        different |= in_whole.keys() - {key for key, _ in in_shards}
    if different:
        raise BrokenCheckpointError(
            f"{whole.parent}: {whole.name} and the shards of {found.index} are different models: they disagree on "
            f"{some(sorted(different))}. transformers reads the first, other tools the second; remove the one that is "
            "not the reward model"
        )


def unwrapped(tensors: dict[str, TensorInfo]) -> tuple[dict[str, TensorInfo], frozenset[str]]:
    """Keys without the prefixes of training wrappers, and which prefixes there were."""
    unwrapped: dict[str, TensorInfo] = {}
    wrappers: set[str] = set()
    for key, info in tensors.items():
        if _ORIGINAL in key and key.replace(_ORIGINAL, _TRAINED) in tensors:
            continue
        bare = key.replace(_TRAINED, ".")
        while prefix := next((wrapper for wrapper in WRAPPERS if bare.startswith(wrapper)), None):
            bare = bare[len(prefix) :]
            wrappers.add(prefix)
        if bare in unwrapped:
            raise BrokenCheckpointError(
                f"{info.file}: {key} and {unwrapped[bare].key_in_file} are the same tensor once the wrapper's prefix "
                "is taken off; save one of the two"
            )
        unwrapped[bare] = info
    return unwrapped, frozenset(wrappers)
