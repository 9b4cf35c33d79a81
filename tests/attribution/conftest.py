from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rmaudit.models import RewardModel, load_reward_model
from tests.tiny import save_tiny_reward_model

Tiny = Callable[..., RewardModel]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """`tiny(family, dtype=..., **options)`: a tiny random reward model, written and loaded once."""
    models: dict[str, RewardModel] = {}

    def load(family: str = "llama", dtype: str = "float32", **options: Any) -> RewardModel:
        key = repr((family, dtype, sorted(options.items())))
        if key not in models:
            folder = save_tiny_reward_model(tmp_path_factory.mktemp(family), family, **options)
            models[key] = load_reward_model(folder, dtype=dtype)
        return models[key]

    return load
