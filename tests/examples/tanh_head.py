"""A checkpoint with the head of examples/own_head.py."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.models.spoiling import rewrite, tensors_of
from tests.tiny import save_tiny_reward_model

FILE = Path("examples/own_head.py")


def save_tanh_head(folder: Path) -> Path:
    """Write a tiny llama with two random layers as its head, and return the folder."""
    save_tiny_reward_model(folder, head="none")
    generator = torch.Generator().manual_seed(3)
    shapes = {"reward.inner.weight": (8, 32), "reward.inner.bias": (8,), "reward.outer.weight": (1, 8)}
    head = {key: torch.randn(shape, generator=generator) for key, shape in shapes.items()}
    return rewrite(folder, {**tensors_of(folder), **head})
