from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rmaudit.models import RewardModel, load_reward_model
from tests.tiny import save_tiny_reward_model

Loaded = Callable[..., RewardModel]


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`saved(family, **options)`: the folder of a tiny model, written once."""
    folders: dict[str, Path] = {}

    def save(family: str = "llama", **options: Any) -> Path:
        key = repr((family, sorted(options.items())))
        if key not in folders:
            folders[key] = save_tiny_reward_model(tmp_path_factory.mktemp(family), family, **options)
        return folders[key]

    return save


@pytest.fixture
def loaded(saved: Callable[..., Path]) -> Loaded:
    """`loaded(family, dtype=..., **options)`: a tiny model, loaded for this test alone, not yet checked for packing."""

    def load(family: str = "llama", dtype: str = "float32", **options: Any) -> RewardModel:
        return load_reward_model(saved(family, **options), dtype=dtype)

    return load
