"""From a checkpoint on disk to a reward model whose scores are provably the checkpoint's own.

The names below are loaded on first use, so that `import rmaudit` does not wait for torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmaudit import lazily

if TYPE_CHECKING:
    from rmaudit.models.checkpoint import Checkpoint as Checkpoint
    from rmaudit.models.checkpoint import read_checkpoint as read_checkpoint
    from rmaudit.models.declared import Declared as Declared
    from rmaudit.models.declared import Given as Given
    from rmaudit.models.families import FAMILIES as FAMILIES
    from rmaudit.models.families import HeadFamily as HeadFamily
    from rmaudit.models.families import Part as Part
    from rmaudit.models.families import known_families as known_families
    from rmaudit.models.formatting import Encoded as Encoded
    from rmaudit.models.formatting import Formatter as Formatter
    from rmaudit.models.heads import Head as Head
    from rmaudit.models.heads import LinearHead as LinearHead
    from rmaudit.models.heads import LinearMap as LinearMap
    from rmaudit.models.implicit import ImplicitReward as ImplicitReward
    from rmaudit.models.implicit import load_implicit_reward as load_implicit_reward
    from rmaudit.models.layers import Trunk as Trunk
    from rmaudit.models.load_report import LoadReport as LoadReport
    from rmaudit.models.loading import load_reward_model as load_reward_model
    from rmaudit.models.positions import Rule as Rule
    from rmaudit.models.reward_model import RewardModel as RewardModel
    from rmaudit.models.shaping import Shaping as Shaping
    from rmaudit.models.tensor_files import TensorInfo as TensorInfo

_HOME_OF = {
    "Checkpoint": "checkpoint",
    "TensorInfo": "tensor_files",
    "read_checkpoint": "checkpoint",
    "Declared": "declared",
    "Given": "declared",
    "FAMILIES": "families",
    "HeadFamily": "families",
    "Part": "families",
    "known_families": "families",
    "Encoded": "formatting",
    "Formatter": "formatting",
    "ImplicitReward": "implicit",
    "load_implicit_reward": "implicit",
    "Head": "heads",
    "LinearHead": "heads",
    "LinearMap": "heads",
    "Trunk": "layers",
    "LoadReport": "load_report",
    "load_reward_model": "loading",
    "Rule": "positions",
    "RewardModel": "reward_model",
    "Shaping": "shaping",
}

__all__ = [
    "FAMILIES",
    "Checkpoint",
    "Declared",
    "Encoded",
    "Formatter",
    "Given",
    "Head",
    "HeadFamily",
    "ImplicitReward",
    "LinearHead",
    "LinearMap",
    "LoadReport",
    "Part",
    "RewardModel",
    "Rule",
    "Shaping",
    "TensorInfo",
    "Trunk",
    "known_families",
    "load_implicit_reward",
    "load_reward_model",
    "read_checkpoint",
]

__getattr__ = lazily.names(__name__, _HOME_OF)
