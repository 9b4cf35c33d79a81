"""Where the base model of an adapter comes from, and what needs PEFT."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch

from rmaudit import errors
from rmaudit.models import load_reward_model
from tests.models.adapting import (
    EXACT,
    Adapted,
    reconfigure,
    tensors_of,
)
from tests.models.conftest import Saved
from tests.models.trained import IDS


def test_where_the_base_is_looked_for(adapter: Path, adapted: Adapted, saved: Saved, tmp_path: Path) -> None:
    scores = pytest.approx(adapted().scores, abs=EXACT)
    for name, place in (("beside", tmp_path / "beside"), ("within", adapter / "within")):
        shutil.copytree(saved(head="none"), place)
        reconfigure(adapter, base_model_name_or_path=name)
        rm = load_reward_model(adapter)
        assert rm.score_ids(IDS) == scores
        assert rm.load_report.adapter.endswith(f"on {place}")
    reconfigure(adapter, base_model_name_or_path="/data/of/the/training/machine")
    assert load_reward_model(adapter, base=saved(head="none")).score_ids(IDS) == scores


def test_a_base_from_the_hub(adapter: Path, adapted: Adapted, saved: Saved, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(hub_id: str, *, revision: str | None, **options: Any) -> str:
        asked.append((hub_id, revision))
        return str(saved(head="none"))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    reconfigure(adapter, base_model_name_or_path="some/base", revision="v2")
    rm = load_reward_model(adapter)
    assert asked == [("some/base", "v2")]
    assert rm.load_report.adapter == "LoRA, merged, on some/base"
    assert rm.score_ids(IDS) == pytest.approx(adapted().scores, abs=EXACT)


@pytest.mark.parametrize("name", ["/data/of/the/training/machine", "base", "x" * 400, None])
def test_a_base_that_is_not_found(name: str | None, adapter: Path) -> None:
    reconfigure(adapter, base_model_name_or_path=name)
    with pytest.raises(errors.CheckpointNotFoundError, match=r"base=\.\.\.") as caught:
        load_reward_model(adapter)
    assert (name or "does not name the base model")[:60] in str(caught.value)
    with pytest.raises(errors.CheckpointNotFoundError, match="no folder"):
        load_reward_model(adapter, base="nowhere at all")


def test_another_base_or_none(adapter: Path, saved: Saved, tmp_path: Path) -> None:
    with pytest.raises(errors.BrokenCheckpointError, match=r"no place in the base model .* \(give it: base=\.\.\.\)"):
        load_reward_model(adapter, base=saved("gpt2", head="none"))
    with pytest.raises(errors.UnsupportedModelError, match="an adapter on an adapter is not loaded"):
        load_reward_model(adapter, base=shutil.copytree(adapter, tmp_path / "other"))
    for options in ({"base": saved()}, {"adapter": "live"}):
        with pytest.raises(errors.UsageError, match="is no PEFT adapter; leave them out"):
            load_reward_model(saved(), **options)
    with pytest.raises(errors.UsageError, match="unknown adapter mode 'alive'; did you mean 'live'"):
        load_reward_model(adapter, adapter="alive")
    with pytest.raises(errors.UsageError, match="on one device only"):
        load_reward_model(adapter, adapter="live", device_map="auto")


def test_live_needs_peft_and_merging_does_not(adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    load_reward_model(adapter)
    with pytest.raises(errors.UnsupportedModelError, match=r"needs PEFT, which is not installed \(pip install"):
        load_reward_model(adapter, adapter="live")


def test_weights_in_both_formats_must_agree(adapter: Path, adapted: Adapted) -> None:
    tensors = tensors_of(adapter)
    torch.save(tensors, adapter / "adapter_model.bin")
    assert load_reward_model(adapter).score_ids(IDS) == pytest.approx(adapted().scores, abs=EXACT)
    torch.save({key: value + 1 for key, value in tensors.items()}, adapter / "adapter_model.bin")
    with pytest.raises(errors.BrokenCheckpointError, match=r"with other values, in adapter_model.bin"):
        load_reward_model(adapter)
    (adapter / "adapter_model.safetensors").unlink()
    torch.save(tensors, adapter / "adapter_model.bin")
    assert load_reward_model(adapter).score_ids(IDS) == pytest.approx(adapted().scores, abs=EXACT)
    (adapter / "adapter_model.bin").unlink()
    with pytest.raises(errors.UnsupportedModelError, match=r"half a PEFT adapter \(adapter_config.json alone\)"):
        load_reward_model(adapter)
