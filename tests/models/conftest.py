from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rmaudit.models import RewardModel, load_reward_model
from tests.models.adapting import Adapted
from tests.models.trained import QUANTISED, Written, save_adapter, save_quantised, with_bitsandbytes
from tests.tiny import save_tiny_reward_model

Saved = Callable[..., Path]
Loaded = Callable[..., RewardModel]
Quantise = Callable[..., Written]
Spoilable = Callable[[str], Path]


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


@pytest.fixture(scope="session")
def quantise(tmp_path_factory: pytest.TempPathFactory, saved: Saved) -> Quantise:
    """`quantise(kind, head)`: a tiny llama, quantised once. Read it, do not change it."""
    written: dict[tuple[str, bool], Written] = {}

    def save(kind: str, head: bool = False) -> Written:
        if (kind, head) not in written:
            written[kind, head] = save_quantised(tmp_path_factory.mktemp(kind), saved("llama"), kind, head=head)
        return written[kind, head]

    return save


@pytest.fixture
def quantised(tmp_path: Path, quantise: Quantise) -> Spoilable:
    """`quantised(kind)`: a quantised model that a test may spoil; those of bitsandbytes by their name after `bnb-`."""

    def copy(kind: str) -> Path:
        if kind in QUANTISED:
            return Path(shutil.copytree(quantise(kind).folder, tmp_path / kind))
        return with_bitsandbytes(tmp_path / kind, kind.removeprefix("bnb-"))[0]

    return copy


@pytest.fixture(scope="session")
def adapted(tmp_path_factory: pytest.TempPathFactory, saved: Saved) -> Adapted:
    """`adapted(kind, family, head, **options)`: a PEFT adapter on a tiny model, written once.

    Read it, do not change it.
    """
    written: dict[str, Written] = {}

    def adapt(kind: str = "seq_cls", family: str = "llama", head: str = "none", **options: Any) -> Written:
        key = repr((kind, family, head, sorted(options.items())))
        if key not in written:
            folder = tmp_path_factory.mktemp("adapter")
            written[key] = save_adapter(folder, saved(family, head=head), kind, **options)
        return written[key]

    return adapt


@pytest.fixture
def adapter(tmp_path: Path, adapted: Adapted) -> Path:
    """A SEQ_CLS adapter on a tiny llama that a test may spoil."""
    return Path(shutil.copytree(adapted().folder, tmp_path / "adapter"))
