"""A model that is divided among devices scores as one that is not, from sharded files too."""

from __future__ import annotations

import weakref
from pathlib import Path

import pytest
import torch

from rmaudit.attribution import attribute_conversation
from rmaudit.errors import UsageError
from rmaudit.models import load_reward_model
from rmaudit.models.checkpoint import Checkpoint
from rmaudit.scoring import LocalEngine
from tests.models.conftest import Loaded
from tests.models.spoiling import CONVERSATIONS, shard

pytest.importorskip("accelerate", reason="device maps need accelerate")

DIVIDED = {"embed_tokens": "cpu", "layers.0": "cpu", "layers.1": "disk", "layers.2": "cpu", "norm": "cpu"}


@pytest.mark.parametrize("device_map", ["cpu", "auto", {"": "disk"}, DIVIDED], ids=["cpu", "auto", "disk", "divided"])
def test_the_same_scores(folder: Path, loaded: Loaded, device_map: str | dict[str, str]) -> None:
    plain = loaded()
    rm = load_reward_model(shard(folder), device_map=device_map)
    on_disk = [name for name, parameter in rm.backbone.named_parameters() if parameter.is_meta]
    assert bool(on_disk) == isinstance(device_map, dict)
    assert rm.score(CONVERSATIONS).tolist() == plain.score(CONVERSATIONS).tolist()
    assert LocalEngine(rm).score(CONVERSATIONS) == pytest.approx(plain.score(CONVERSATIONS), abs=1e-5)
    assert rm.fingerprint == plain.fingerprint


def test_attribution_of_a_divided_model(folder: Path, loaded: Loaded) -> None:
    found = attribute_conversation(load_reward_model(folder, device_map=DIVIDED), CONVERSATIONS[0])
    expected = attribute_conversation(loaded(), CONVERSATIONS[0])
    assert found.residual.values == pytest.approx(expected.residual.values, abs=1e-6)
    assert found.tokens is not None
    assert expected.tokens is not None
    assert found.tokens.values == pytest.approx(expected.tokens.values, abs=1e-6)


def test_two_models_on_disk_are_not_mixed(folder: Path, loaded: Loaded) -> None:
    first = load_reward_model(folder, device_map={"": "disk"})
    second = load_reward_model(folder, device_map={"": "disk"}, bos_policy="two")
    assert first.score(CONVERSATIONS).tolist() == loaded().score(CONVERSATIONS).tolist()
    assert not (second.score(CONVERSATIONS) == first.score(CONVERSATIONS)).any()


@pytest.mark.parametrize("device_map", ["nowhere", {**DIVIDED, "norm": "nowhere"}, {"": "meta"}])
def test_a_map_to_places_that_do_not_exist(folder: Path, device_map: str | dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"device_map .* cannot be used: .*; legal: auto"):
        load_reward_model(folder, device_map=device_map)


def test_accelerate_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rmaudit.models.placement.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install accelerate"):
        load_reward_model(folder, device_map="auto")


def test_the_stored_weights_are_never_all_in_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In bfloat16, what was read in the file's float32 is let go of tensor by tensor."""
    given: list[weakref.ref[torch.UntypedStorage]] = []
    alive: list[int] = []
    read = Checkpoint.read

    def tracked(checkpoint: Checkpoint, key: str) -> torch.Tensor:
        tensor = read(checkpoint, key)
        given.append(weakref.ref(tensor.untyped_storage()))  # the memory itself, which a view of it holds too
        alive.append(sum(storage() is not None for storage in list(given)))
        return tensor

    monkeypatch.setattr(Checkpoint, "read", tracked)
    rm = load_reward_model(folder, dtype="bfloat16")
    weights = len(list(rm.backbone.parameters()))
    assert len(given) > weights
    assert max(alive) <= weights / 2  # those that are being converted, some at a time
    assert {parameter.dtype for parameter in rm.backbone.parameters()} == {torch.bfloat16}
