"""The head's tensors in the checkpoint: read to make the head, and read again to compare it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rmaudit.errors import BrokenCheckpointError, MissingRewardHeadError
from rmaudit.models.checkpoint import Checkpoint
from rmaudit.models.declared import Given
from rmaudit.models.families.family import HeadFamily, Parts
from rmaudit.models.heads import Head
from rmaudit.models.tensor_files import TensorInfo


@dataclass(frozen=True)
class HeadSource:
    """Where a head's tensors come from: parts of the checkpoint, or rows of its language-model head.

    parts: role -> part, those that are there. logits: keys of the language-model head's weight and bias.
    """

    checkpoint: Checkpoint
    family: HeadFamily
    parts: Parts
    logits: Mapping[str, str]
    given: Given

    def tensors(self) -> dict[str, Tensor]:
        """Role -> tensor, in the file's dtype. Raises MissingRewardHeadError, BrokenCheckpointError."""
        if not self.family.reads_logits:
            return {role: self.checkpoint.read(part.key) for role, part in self.parts.items()}
        if "weight" not in self.logits:
            raise MissingRewardHeadError(
                f"{self.checkpoint.folder}: no language-model head in the files (lm_head.weight, or an embedding tied to it), "
                f"which {self.family.title} reads; give the checkpoint with its language-model head"
            )
        if self.family.token_rows is None:
            return {role: self.checkpoint.read(key) for role, key in self.logits.items()}
        rows = list(self.family.token_rows(self.given))
        return {role: self._rows(role, key, rows) for role, key in self.logits.items()}

    def infos(self) -> dict[str, TensorInfo]:
        """Key -> what the file says of it."""
        keys = self.logits.values() if self.family.reads_logits else (part.key for part in self.parts.values())
        return {key: self.checkpoint.tensors[key] for key in keys}

    @property
    def quantised(self) -> bool:
        """Whether one of its tensors is stored quantised."""
        return any(key in self.checkpoint.decoded for key in self.infos())

    @property
    def stored_as(self) -> str:
        """The dtypes of its tensors in the files."""
        forms = {key: self.checkpoint.decoded.get(key) for key in self.infos()}
        found = {
            f"{forms[key]} decoded to {info.dtype}" if forms[key] else info.dtype for key, info in self.infos().items()
        }
        return "/".join(sorted(found))

    def compare(self, head: Head) -> None:
        """Compare the head that will score, where it lies now, bit for bit with the file; raise BrokenCheckpointError."""
        where = self.checkpoint.folder
        for role, tensor in self.tensors().items():
            key = self.logits[role] if self.family.reads_logits else self.parts[role].key
            stored = tensor.to(torch.float32)
            if not torch.isfinite(stored).all():
                raise BrokenCheckpointError(f"{where}: {key} holds NaN or infinity; the head is unusable")
            if role in self.parts and self.parts[role].folded:
                continue
            held = head.held().get(role)
            if held is None:
                raise BrokenCheckpointError(
                    f"{where}: the head of family {self.family.name} does not hold {key} as {role!r}"
                )
            if not torch.equal(held.cpu().view(torch.int32), stored.view(torch.int32)):
                raise BrokenCheckpointError(f"{where}: {key} in memory is not what the file holds")

    def _rows(self, role: str, key: str, rows: list[int]) -> Tensor:
        tensor = self.checkpoint.read(key)
        if tensor.ndim == 0 or max(rows) >= len(tensor) or (role == "weight" and tensor.shape[1:] != (self._width,)):
            raise BrokenCheckpointError(
                f"{self.checkpoint.folder}: {key} has shape {list(tensor.shape)}, and rows {rows} of width {self._width} are "
                "needed; tokenizer, backbone and language-model head are of different models"
            )
        return tensor[rows]

    @property
    def _width(self) -> int:
        return self.given.evidence.width
