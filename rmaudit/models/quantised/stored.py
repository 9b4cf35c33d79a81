"""The parts in the files that stand for one quantised weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from torch import Tensor

from rmaudit.errors import BrokenCheckpointError, UnsupportedModelError
from rmaudit.models.listing import some
from rmaudit.models.tensor_files import FLOATING, TensorInfo

READABLE = (
    "rmaudit decodes bitsandbytes (nf4, fp4, 8 bit), compressed-tensors (symmetric integers of 4 or 8 bits, fp8) and fp8 with "
    "weight_scale_inv; give a checkpoint in one of these formats, or the unquantised one"
)


@dataclass(frozen=True)
class Weight:
    """A weight, decoded whenever `make` is called.

    form: what it is stored as. shape, dtype: of what `make` gives. rounds: whether the library that serves it rounds
    activations as well.
    """

    form: str
    shape: tuple[int, ...]
    dtype: str
    make: Callable[[], Tensor]
    rounds: bool = False


@dataclass(frozen=True)
class Stored:
    """Parts of the weight `key`. infos: role -> info of those that are there. names: role -> key of any that may be."""

    key: str
    where: str
    infos: Mapping[str, TensorInfo]
    names: Mapping[str, str]
    read_info: Callable[[TensorInfo], Tensor]

    def read(self, role: str) -> Tensor:
        """A part's tensor, as it lies in the file."""
        return self.read_info(self.infos[role])

    def shape(self, role: str) -> tuple[int, ...]:
        """A part's shape."""
        return self.infos[role].shape

    def dtype(self, role: str) -> str:
        """A part's dtype, as safetensors calls it."""
        return self.infos[role].dtype

    def require(self, *roles: str) -> None:
        """Raise BrokenCheckpointError that names the parts that are missing."""
        missing = [self.names[role] for role in roles if role not in self.infos]
        if missing:
            raise BrokenCheckpointError(
                f"{self.where}: {self.key} is stored quantised, and {some(missing)} is missing, without which it would be "
                "other numbers (some libraries load it all the same); copy, download or save the checkpoint again"
            )

    def check(self, holds: bool, role: str, expected: str) -> None:
        """Raise BrokenCheckpointError with a part's dtype and shape where something about it does not hold."""
        if not holds:
            raise BrokenCheckpointError(
                f"{self.where}: {self.names[role]} is {self.dtype(role)} {list(self.shape(role))}, expected {expected}; "
                "weights and configuration are of different models, or damaged"
            )

    def check_numbers(self, role: str, count: int) -> None:
        """A part must be `count` floating-point numbers."""
        holds = self.dtype(role) in FLOATING and prod(self.shape(role)) == count
        self.check(holds, role, f"{count} floating-point numbers")

    def matrix(self, role: str) -> tuple[int, int]:
        """A part's shape, that of a matrix."""
        shape = self.shape(role)
        self.check(len(shape) == 2 and min(shape) > 0, role, "a matrix")
        return shape[0], shape[1]

    def unsupported(self, what: str) -> UnsupportedModelError:
        """An error for a format that is not decoded."""
        return UnsupportedModelError(f"{self.where}: {self.key} is stored quantised, {what}. {READABLE}")


def blocks_of(shape: tuple[int, int], block: tuple[int, int]) -> tuple[int, int]:
    """How many blocks (rows, columns) cover a matrix, the last ones perhaps in part."""
    return -(-shape[0] // block[0]), -(-shape[1] // block[1])


def times_scales(values: Tensor, scales: Tensor, block: tuple[int, int]) -> Tensor:
    """Multiply values (rows, columns) in place with a scale for each block; no second tensor of that size is made."""
    rows, columns = values.shape
    height, width = block
    spread = scales.to(values.dtype).reshape(blocks_of((rows, columns), block)).repeat_interleave(height, 0)[:rows]
    whole = columns // width
    values[:, : whole * width].unflatten(1, (whole, width)).mul_(spread[:, :whole, None])
    if whole * width < columns:
        values[:, whole * width :].mul_(spread[:, whole:])
    return values
