"""From a checkpoint on disk to a reward model whose scores are provably the checkpoint's own.

The names below are loaded on first use, so that `import rmaudit` does not wait for torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmaudit import lazily

if TYPE_CHECKING:
    from rmaudit.models.checkpoint import Checkpoint as Checkpoint
    from rmaudit.models.checkpoint import read_checkpoint as read_checkpoint
    from rmaudit.models.families import FAMILIES as FAMILIES
    from rmaudit.models.families import HeadFamily as HeadFamily
    from rmaudit.models.formatting import Encoded as Encoded
    from rmaudit.models.formatting import Formatter as Formatter
    from rmaudit.models.heads import LinearHead as LinearHead
    from rmaudit.models.layers import Trunk as Trunk
    from rmaudit.models.load_report import LoadReport as LoadReport
    from rmaudit.models.loading import load_reward_model as load_reward_model
    from rmaudit.models.reward_model import RewardModel as RewardModel
    from rmaudit.models.tensor_files import TensorInfo as TensorInfo

_HOME_OF = {
    "Checkpoint": "checkpoint",
    "TensorInfo": "tensor_files",
    "read_checkpoint": "checkpoint",
    "FAMILIES": "families",
    "HeadFamily": "families",
    "Encoded": "formatting",
    "Formatter": "formatting",
    "LinearHead": "heads",
    "Trunk": "layers",
    "LoadReport": "load_report",
    "load_reward_model": "loading",
    "RewardModel": "reward_model",
}

__all__ = [
    "FAMILIES",
    "Checkpoint",
    "Encoded",
    "Formatter",
    "HeadFamily",
    "LinearHead",
    "LoadReport",
    "RewardModel",
    "TensorInfo",
    "Trunk",
    "load_reward_model",
    "read_checkpoint",
]

__getattr__ = lazily.names(__name__, _HOME_OF)
