"""PEFT adapters: a base model with a low-rank change, merged weight by weight as it is read, without PEFT."""

from rmaudit.models.adapters.bases import read_model
from rmaudit.models.adapters.use import MODES, AdapterUse, check_mode

__all__ = ["MODES", "AdapterUse", "check_mode", "read_model"]
