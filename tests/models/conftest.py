from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rmaudit.models import RewardModel, load_reward_model
from tests.tiny import save_tiny_reward_model

Saved = Callable[..., Path]
Loaded = Callable[..., RewardModel]


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """`saved(family, **options)`: the folder of a tiny model, written once. Read it, do not change it."""
    folders: dict[str, Path] = {}

    def save(family: str = "llama", **options: Any) -> Path:
        key = repr((family, sorted(options.items())))
        if key not in folders:
            folders[key] = save_tiny_reward_model(tmp_path_factory.mktemp(family), family, **options)
        return folders[key]

    return save


@pytest.fixture(scope="session")
def loaded(saved: Saved) -> Loaded:
    """`loaded(family, **options)`: the same, loaded with all defaults, once."""
    models: dict[Path, RewardModel] = {}

    def load(family: str = "llama", **options: Any) -> RewardModel:
        folder = saved(family, **options)
        if folder not in models:
            models[folder] = load_reward_model(folder)
        return models[folder]

    return load


@pytest.fixture
def folder(tmp_path: Path, saved: Saved) -> Path:
    """A tiny llama reward model that a test may spoil."""
    return Path(shutil.copytree(saved("llama"), tmp_path / "model"))
