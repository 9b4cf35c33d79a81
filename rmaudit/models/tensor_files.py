"""Reading tensors, and the headers that describe them, from safetensors and .bin files."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from rmaudit.errors import BrokenCheckpointError
from rmaudit.models.listing import LONGEST_NAME, is_name, shown
from rmaudit.models.pickles import check_pickle
from rmaudit.models.reading import LARGEST_JSON, JsonError, parse_object, unreadable

#: What weights may be. Integers and 8-bit floats mean something only together with the scales of a quantisation.
FLOATING = frozenset({"F32", "BF16", "F16", "F64"})

#: torch holds sizes in signed 64 bits, safetensors in unsigned ones.
_LARGEST_SIZE = 2**63 - 1

_SHORT_DTYPE = {
    torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.float64: "F64", torch.int64: "I64",
    torch.int32: "I32", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL", torch.float8_e4m3fn: "F8_E4M3",
}  # fmt: skip


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
            infos = {
                key: TensorInfo(tuple(value.shape), _SHORT_DTYPE.get(value.dtype, str(value.dtype)), file, key)
                for key, value in opened.items()
            }
        else:
            keys = opened.keys()  # the handle is no mapping
            slices = {key: opened.get_slice(key) for key in keys}
            infos = {
                key: TensorInfo(tuple(part.get_shape()), str(part.get_dtype()), file, key)
                for key, part in slices.items()
            }
        for info in infos.values():
            _check_info(info)
        return infos

    def read(self, info: TensorInfo) -> Tensor:
        """The tensor itself, on the CPU, in the file's dtype, owning its memory.

        It is a copy: a tensor that looks into the mapped file would change, or crash, when the file is written again.
        """
        opened = self._opened(info.file)
        tensor: Tensor = opened[info.key_in_file] if isinstance(opened, dict) else opened.get_tensor(info.key_in_file)
        return tensor.detach().clone()

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
        _check_header(file)
        return safe_open(str(file), framework="pt", device="cpu")
    except OSError as error:
        raise unreadable(file, error) from error
    except (SafetensorError, RuntimeError, JsonError) as error:
        _refuse_pointer(file)
        raise BrokenCheckpointError(
            f"{file}: not a whole safetensors file ({shown(error)}); copy, download or save it again"
        ) from error


def _check_header(file: Path) -> None:
    """Refuse a header with a key twice, of which safetensors silently takes the last; all else is left to safetensors.

    The header is 8 bytes, which are the length of the JSON object after them. Raises JsonError and OSError.
    """
    with file.open("rb") as opened:
        start = opened.read(8)
        length = int.from_bytes(start, "little")
        if len(start) == 8 and length <= LARGEST_JSON:
            text = opened.read(length)
            if len(text) == length:
                parse_object(text)


def _refuse_pointer(file: Path) -> None:
    with file.open("rb") as opened:
        if opened.read(7) == b"version":
            raise BrokenCheckpointError(f"{file}: a git-lfs pointer, not the weights themselves (run git lfs pull)")


def _load_pickle(file: Path) -> dict[str, Tensor]:
    """Tensors of a .bin file. A pickle can hold code: only plain tensors are let in."""
    try:
        check_pickle(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about kinds of tensors that are refused below
            loaded = torch.load(file, map_location="cpu", weights_only=True)
    except BrokenCheckpointError:
        raise
    except OSError as error:
        raise unreadable(file, error) from error
    except Exception as error:  # of damaged bytes the unpickler may make any error at all
        _refuse_pointer(file)
        told = (str(error).splitlines() or [""])[0]
        # torch's own words go on to recommend loading without this safeguard.
        recommends = "weights only" in told.lower().replace("_", " ")
        told = type(error).__name__ if not told or recommends else f"{type(error).__name__}: {shown(told)}"
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
    """Whether it is a dense tensor with a number in the file for each of its elements."""
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.is_quantized or value.is_meta:
        return False
    # A few bytes that claim to be a large tensor (strides of 0) would take its memory as soon as they are copied.
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def _check_info(info: TensorInfo) -> None:
    """Refuse what messages cannot show or torch cannot hold."""
    if not is_name(info.key_in_file):
        raise BrokenCheckpointError(
            f"{info.file}: a tensor is called {info.key_in_file!r:.80}; expected 1 to {LONGEST_NAME} printable "
            "characters, save the model again with the names of its parameters"
        )
    if any(size > _LARGEST_SIZE for size in info.shape):
        raise BrokenCheckpointError(
            f"{info.file}: {info.key_in_file} has shape {list(info.shape)!s:.80}, and torch counts up to "
            f"{_LARGEST_SIZE}; copy, download or save it again"
        )
