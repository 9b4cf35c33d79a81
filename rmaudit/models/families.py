"""The registry of reward heads: how each is recognised in a checkpoint, read from it and positioned.

The keys and shapes of the files decide, never the `architectures` string of the configuration, which is often wrong.
A new head is a new row of FAMILIES.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor

from rmaudit.errors import BrokenCheckpointError, MissingRewardHeadError, UnknownRewardHeadError
from rmaudit.models.heads import LinearHead
from rmaudit.models.tensor_files import FLOATING, TensorInfo

#: The readout position is the last real token of the sequence, whatever its id.
LAST_TOKEN = "last token"

Tensors = Mapping[str, Tensor]
Infos = Mapping[str, TensorInfo]
Config = Mapping[str, Any]


@dataclass(frozen=True)
class HeadFamily:
    """One way of packaging a reward head.

    keys: names of the head's tensors; `*` matches any run of characters. A checkpoint is of this family if all its
        head keys match one of these, each of these is matched, and `applies` agrees with the configuration.
    read: the head from its tensors and the configuration.
    held: the inverse, what the head holds under the file's keys, to be compared bit for bit with the file.
    outputs: how many scores the head gives: first dimension of the tensors named in `rows`, which are of shape
        [outputs, ...] or, where they are called bias, [outputs].
    """

    name: str
    title: str
    keys: tuple[str, ...]
    read: Callable[[Tensors, Config], LinearHead]
    held: Callable[[LinearHead], Tensors]
    position: str = LAST_TOKEN
    outputs: int = 1
    rows: tuple[str, ...] = ("*.weight", "*.bias")
    applies: Callable[[Config], bool] = lambda config: True

    def claims(self, head: Infos, config: Config) -> bool:
        """Whether these are the names of this family's head; shapes are checked afterwards."""
        known = all(any(fnmatchcase(key, pattern) for pattern in self.keys) for key in head)
        return known and self.is_within(head) and self.applies(config)

    def is_within(self, head: Infos) -> bool:
        """Whether all names of this family's head are there, perhaps beside others."""
        return all(any(fnmatchcase(key, pattern) for key in head) for pattern in self.keys)


def _linear_family(name: str, title: str, weight: str, bias: str | None = None) -> HeadFamily:
    """A row for one linear layer, stored as [1, width] and [1]."""

    def read(tensors: Tensors, config: Config) -> LinearHead:
        return LinearHead(tensors[weight][0], float(tensors[bias].item()) if bias else 0.0)

    def held(head: LinearHead) -> Tensors:
        tensors = {weight: head.weight[None]}
        return {**tensors, bias: torch.tensor([head.bias])} if bias else tensors

    return HeadFamily(name, title, keys=(weight, bias) if bias else (weight,), read=read, held=held)


FAMILIES: tuple[HeadFamily, ...] = (
    _linear_family(
        "sequence_classification",
        "Hugging Face sequence classification (score = w·h)",
        weight="score.weight",
    ),
    _linear_family(
        "token_classification",
        "Hugging Face token classification (score = w·h + b)",
        weight="score.weight",
        bias="score.bias",
    ),
    _linear_family(
        "trl_value_head",
        "TRL value head (score = w·h + b)",
        weight="v_head.summary.weight",
        bias="v_head.summary.bias",
    ),
)


def recognise(head: Infos, config: Config, width: int, where: str = "checkpoint") -> HeadFamily:
    """Return the family whose head these tensors are.

    head: key -> info of every tensor that is neither backbone nor language-model head. width: of the readout vector.
    Raises MissingRewardHeadError (no head), UnknownRewardHeadError (no family or several claim the keys, or the
    head has several outputs), BrokenCheckpointError (a head of another width or of integers).
    """
    if not head:
        raise MissingRewardHeadError(
            f"{where}: a language model without a reward head; its score would be that of random weights. "
            f"Looked for {_known_keys()}. Give the folder of the trained reward model, not of its base model"
        )
    claimants = [family for family in FAMILIES if family.claims(head, config)]
    if len(claimants) != 1:
        raise _unclear_head(head, claimants, where)
    family = claimants[0]
    _check_shapes(family, head, width, where)
    return family


def _check_shapes(family: HeadFamily, head: Infos, width: int, where: str) -> None:
    for key, info in sorted(head.items()):
        if info.dtype not in FLOATING:
            raise BrokenCheckpointError(
                f"{where}: {key} holds {info.dtype}, not floating point; a quantised head cannot be audited, "
                "save the model with its head unquantised"
            )
        counts_outputs = any(fnmatchcase(key, pattern) for pattern in family.rows)
        if counts_outputs and (not info.shape or info.shape[0] != family.outputs):
            raise UnknownRewardHeadError(
                f"{where}: {key} has shape {list(info.shape)}: {_outputs(info.shape)}, where {family.title} has "
                f"{family.outputs}. Which output, or which mixture of them, is the reward is not in the files: "
                "save a checkpoint whose head has one output (num_labels=1), with the row or the weighted sum you mean"
            )
        dimensions = 1 if key.endswith(".bias") else 2
        if counts_outputs and len(info.shape) != dimensions:
            expected = [family.outputs, width][:dimensions]
            raise BrokenCheckpointError(
                f"{where}: {key} has shape {list(info.shape)}, where {family.title} has {expected}; save the head "
                "as a linear layer with one output (num_labels=1)"
            )
        if len(info.shape) == 2 and info.shape[1] != width:
            raise BrokenCheckpointError(
                f"{where}: {key} has shape {list(info.shape)}, but the backbone gives vectors of width {width}; "
                "head and backbone are of different models"
            )


def _outputs(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} outputs" if shape else "no dimension"


def _unclear_head(head: Infos, claimants: list[HeadFamily], where: str) -> UnknownRewardHeadError:
    found = ", ".join(f"{key} {list(info.shape)}" for key, info in sorted(head.items()))
    whole = [family for family in FAMILIES if family.is_within(head)]
    # score.weight alone is also within score.weight + score.bias: only the larger of two such heads counts.
    whole = [family for family in whole if not any(set(family.keys) < set(other.keys) for other in whole)]
    if len(claimants) > 1:
        reason = f"several families claim it ({', '.join(family.name for family in claimants)})"
    elif len(whole) > 1:
        names = ", ".join(family.name for family in whole)
        reason = f"heads of several families side by side ({names}); save only the one that was trained"
    else:
        reason = "no registered family has exactly these"
    return UnknownRewardHeadError(
        f"{where}: beside the backbone lie {found}: {reason}. Known heads: {_known_keys()}. "
        "If it is a linear head under another name, save it under one of these keys; "
        "otherwise audit it as a black box (any callable that scores conversations)"
    )


def _known_keys() -> str:
    return "; ".join(f"{' + '.join(family.keys)} ({family.name})" for family in FAMILIES)
