"""The worked example of a family of one's own, as a file and as an installed package would offer it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import rmaudit
from rmaudit import errors
from rmaudit.models import families, load_reward_model
from rmaudit.models.families import FAMILIES, family_of_file
from tests.examples.tanh_head import FILE, save_tanh_head
from tests.models.spoiling import CONVERSATIONS, tensors_of


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_tanh_head(tmp_path / "model")


def by_hand(model: Path) -> np.ndarray:
    tensors = {key: tensor.double() for key, tensor in tensors_of(model).items() if key.startswith("reward.")}
    rm = load_reward_model(model, family=str(FILE))
    h = rm.readout(CONVERSATIONS).double()
    hidden = torch.tanh(h @ tensors["reward.inner.weight"].T + tensors["reward.inner.bias"])
    return (hidden @ tensors["reward.outer.weight"][0]).numpy()


def test_from_its_file(model: Path) -> None:
    rm = rmaudit.load(model, family=str(FILE))
    assert rm.score(CONVERSATIONS) == pytest.approx(by_hand(model), abs=1e-5)
    assert rm.load_report.family == "tanh_head"
    assert rm.load_report.head == {
        "reward.inner.bias": [8], "reward.inner.weight": [8, 32], "reward.outer.weight": [1, 8]
    }  # fmt: skip
    with pytest.raises(errors.AttributionError, match="the head is non-linear"):
        rmaudit.attribute(rm, CONVERSATIONS[0])
    report, checkup = rmaudit.examine(rm)
    assert checkup.holds
    assert report["position"] == "last token"


def test_without_it_the_keys_are_unknown(model: Path) -> None:
    with pytest.raises(errors.UnknownRewardHeadError, match=r"reward\.inner\.weight.*CONTRIBUTING\.md"):
        load_reward_model(model)


def test_from_an_installed_package(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offered = {"tanh_head": family_of_file(FILE)}
    monkeypatch.setattr(families, "catalogue", lambda group, needed: offered)
    assert load_reward_model(model).load_report.family == "tanh_head"
    taken = {FAMILIES[0].name: FAMILIES[0]}
    monkeypatch.setattr(families, "catalogue", lambda group, needed: taken)
    with pytest.raises(errors.RmauditError, match="no family of that name may exist"):
        load_reward_model(model)
    monkeypatch.setattr(families, "catalogue", lambda group, needed: {"one": 1})
    with pytest.raises(errors.RmauditError, match=r"is no rmaudit\.models\.HeadFamily but int"):
        load_reward_model(model)


def test_from_the_string_that_an_entry_point_offers(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    monkeypatch.setattr(families, "catalogue", lambda group, needed: {"tanh_head": "examples.own_head:FAMILY"})
    rm = load_reward_model(model)
    assert rm.load_report.family == "tanh_head"
    assert rm.score(CONVERSATIONS) == pytest.approx(by_hand(model), abs=1e-5)
    monkeypatch.setattr(families, "catalogue", lambda group, needed: {"tanh_head": "examples.own_head:ABSENT"})
    with pytest.raises(errors.RmauditError, match=r"examples\.own_head:ABSENT cannot be imported: AttributeError"):
        load_reward_model(model)


def test_files_that_offer_none(model: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match="no such file"):
        load_reward_model(model, family="absent.py")
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(errors.UsageError, match="expected FAMILY = "):
        load_reward_model(model, family=str(tmp_path / "empty.py"))
    with pytest.raises(errors.UnknownNameError, match="did you mean 'token_classification'"):
        load_reward_model(model, family="token_classificaton")


def test_a_tensor_that_the_head_does_not_hold_is_noticed(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = family_of_file(FILE)
    forgetful = type(module.head({}, None))  # the class of the example

    def forget(self: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> None:
        torch.nn.Module.__init__(self)
        for role in ("inner", "outer"):
            self.register_buffer(role, tensors[role].float())
        self.shift = tensors["shift"].float()

    monkeypatch.setattr(forgetful, "__init__", forget)
    monkeypatch.setattr("rmaudit.models.loading.family_of_file", lambda file: module)
    with pytest.raises(errors.BrokenCheckpointError, match=r"does not hold reward\.inner\.bias as 'shift'"):
        load_reward_model(model, family=str(FILE))


def test_a_head_that_gives_no_one_score_a_text(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rm = load_reward_model(model, family=FILE)
    monkeypatch.setattr(type(rm.head), "forward", lambda self, h: h[:, -1, :2])
    with pytest.raises(
        errors.ScoringError, match=r"TanhHead gave an array of shape \(2, 2\) for 2 texts; expected one score"
    ):
        rm.score(CONVERSATIONS)
