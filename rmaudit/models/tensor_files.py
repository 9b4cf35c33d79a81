"""Reading tensors, and the headers that describe them, from safetensors and .bin files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from rmaudit.errors import BrokenCheckpointError

#: What weights may be. Integers and 8-bit floats mean something only together with the scales of a quantisation.
FLOATING = frozenset({"F32", "BF16", "F16", "F64"})

_SHORT_DTYPE = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.float64: "F64"}


@dataclass(frozen=True)
class TensorInfo:
    """What a file's header says of one tensor."""

    shape: tuple[int, ...]
    dtype: str  #: safetensors' name of it: F32, BF16, F16, I8 ...
    file: Path
    key_in_file: str  #: the key before wrapper prefixes were stripped


@dataclass
class TensorFiles:
    """Files that stay open between two reads."""

    _open: dict[Path, Any] = field(default_factory=dict, repr=False)

    def headers(self, file: Path) -> dict[str, TensorInfo]:
        """Key in the file -> what it is, without its values. Raises BrokenCheckpointError for a damaged file."""
        opened = self._opened(file)
        if isinstance(opened, dict):
            return {
                key: TensorInfo(tuple(value.shape), _SHORT_DTYPE.get(value.dtype, str(value.dtype)), file, key)
                for key, value in opened.items()
            }
        slices = {key: opened.get_slice(key) for key in opened.keys()}  # noqa: SIM118 (the handle is no mapping)
        return {
            key: TensorInfo(tuple(part.get_shape()), str(part.get_dtype()), file, key) for key, part in slices.items()
        }

    def read(self, info: TensorInfo) -> Tensor:
        """The tensor itself, on the CPU, in the file's dtype, owning its memory.

        It is a copy: a tensor that looks into the mapped file would change, or crash, when the file is written again.
        """
        opened = self._opened(info.file)
        tensor: Tensor = opened[info.key_in_file] if isinstance(opened, dict) else opened.get_tensor(info.key_in_file)
        return tensor.clone()

    def same(self, one: TensorInfo, other: TensorInfo) -> bool:
        """Whether two tensors are equal bit for bit."""
        if (one.shape, one.dtype) != (other.shape, other.dtype):
            return False
        return torch.equal(as_bytes(self.read(one)), as_bytes(self.read(other)))

    def close(self) -> None:
        """Let go of the files."""
        self._open.clear()

    def _opened(self, file: Path) -> Any:
        """A safetensors handle, or a dict of tensors for a .bin file."""
        if file not in self._open:
            read: Callable[[Path], Any] = _open_safetensors if file.suffix == ".safetensors" else _load_pickle
            self._open[file] = read(file)
        return self._open[file]


def as_bytes(tensor: Tensor) -> Tensor:
    """The memory of a tensor, (bytes,) uint8."""
    return tensor.reshape(-1).view(torch.uint8)


def _open_safetensors(file: Path) -> Any:
    try:
        return safe_open(str(file), framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        _refuse_pointer(file)
        raise BrokenCheckpointError(
            f"{file}: not a whole safetensors file ({error}); copy or download it again"
        ) from error


def _refuse_pointer(file: Path) -> None:
    with file.open("rb") as opened:
        if opened.read(7) == b"version":
            raise BrokenCheckpointError(f"{file}: a git-lfs pointer, not the weights themselves (run git lfs pull)")


def _load_pickle(file: Path) -> dict[str, Tensor]:
    """Tensors of a .bin file. A pickle can hold code: only plain tensors are let in."""
    try:
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # of damaged bytes the unpickler may make any error at all
        _refuse_pointer(file)
        told = (str(error).splitlines() or [""])[0]
        # torch's own words go on to recommend loading without this safeguard.
        told = type(error).__name__ if not told or "weights_only" in told else f"{type(error).__name__}: {told}"
        raise BrokenCheckpointError(
            f"{file}: cannot be read as plain tensors ({told}); "
            "it is damaged or holds more than tensors, save the model as safetensors"
        ) from error
    if not isinstance(loaded, dict):
        raise BrokenCheckpointError(f"{file}: expected a dictionary of tensors; save the model as safetensors")
    for key, value in loaded.items():
        if not isinstance(key, str) or not _is_plain(value):
            found = f"a tensor ({value.layout})" if isinstance(value, Tensor) else type(value).__name__
            raise BrokenCheckpointError(
                f"{file}: expected plain dense tensors under names, found {found} under {key!r:.80}; "
                "save the model as safetensors"
            )
    return loaded


def _is_plain(value: Any) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided and not value.is_quantized and not value.is_meta
