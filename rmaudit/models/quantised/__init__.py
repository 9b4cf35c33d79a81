"""Checkpoints whose weights are stored quantised: decoded to floating point whenever they are read."""

from rmaudit.models.quantised.finding import Quantised, find_quantised

__all__ = ["Quantised", "find_quantised"]
