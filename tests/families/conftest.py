from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rmaudit.models import RewardModel, load_reward_model
from tests.families.checkpoints import LAYOUTS, save

Loaded = Callable[..., RewardModel]
Saved = Callable[[str], Path]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """`saved(layout)`: a checkpoint, written once. Read it, do not change it."""
    folders: dict[str, Path] = {}

    def folder(layout: str) -> Path:
        if layout not in folders:
            folders[layout] = save(LAYOUTS[layout], tmp_path_factory.mktemp("saved"))
        return folders[layout]

    return folder


@pytest.fixture(scope="module")
def loaded(saved: Saved) -> Loaded:
    """`loaded(layout, **declared)`."""
    return lambda layout, **declared: load_reward_model(saved(layout), **declared)
