"""What is refused because the files or the user do not say it, and nothing is guessed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rmaudit.errors import (
    BrokenCheckpointError,
    FormattingError,
    UnknownRewardHeadError,
    UsageError,
)
from rmaudit.models import load_reward_model
from tests.families.cases import CASES, PLUS_MINUS, YES_NO
from tests.families.checkpoints import LAYOUTS, PLAIN_TEMPLATE, save
from tests.families.conftest import Loaded

GATED = ["armo", "qrm llama", "qrm gemma"]
_LAST_LEVELS = "regression_layer.network.4.weight"


def test_openrlhf_without_statistics_has_nothing_to_normalise_with(tmp_path: Path) -> None:
    folder = save(replace(LAYOUTS["openrlhf old"], config={}), tmp_path)
    assert load_reward_model(folder).load_report.family == "openrlhf"
    with pytest.raises(UsageError, match=r"normalise: config\.json holds no mean and std"):
        load_reward_model(folder, normalise=True)


@pytest.mark.parametrize("name", GATED)
def test_the_gate_needs_its_pattern(name: str, loaded: Loaded) -> None:
    with pytest.raises(FormattingError, match="chat_template"):
        loaded(name, chat_template=PLAIN_TEMPLATE)
    rm = loaded(name)
    with pytest.raises(FormattingError, match="answer header"):
        rm.score_ids([[1, 70, 71, 72]])


def test_how_steps_make_a_score_is_never_guessed(loaded: Loaded) -> None:
    with pytest.raises(UsageError, match="aggregate"):
        loaded("qwen prm")
    with pytest.raises(UsageError, match="step_token"):
        loaded("math shepherd", judge_tokens=PLUS_MINUS, aggregate="min")


def test_an_answer_of_several_tokens_is_no_judge(loaded: Loaded) -> None:
    with pytest.raises(UsageError, match="3 tokens"):
        loaded("judge", judge_tokens=("Yep", "No"))


def test_which_output_is_the_reward_is_never_guessed(loaded: Loaded) -> None:
    with pytest.raises(UnknownRewardHeadError, match="2 outputs"):
        loaded("two outputs")
    for output in (2, -1):
        with pytest.raises(UsageError, match=f"output {output}: the head has 2 outputs, 0 to 1"):
            loaded("two outputs", head_output=output)
    for weights in ((1.0,), (0.0, 0.0)):
        expected = "expected 2 finite numbers, one for each output, not all zero"
        with pytest.raises(UsageError, match=re.escape(f"{weights}: {expected}")):
            loaded("two outputs", head_output=weights)


def test_equal_keys_of_several_families_need_a_word(tmp_path: Path) -> None:
    unnamed = save(replace(LAYOUTS["starling"], prefix=None, folder="model"), tmp_path)
    with pytest.raises(UnknownRewardHeadError, match="internlm2, athene, starling, deepspeed_chat, trlx"):
        load_reward_model(unnamed)
    assert load_reward_model(unnamed, family="starling").load_report.family == "starling"


@pytest.mark.parametrize("name", ["athene", "open assistant mean", "qwen prm, min"])
def test_a_position_that_the_family_fixes_stays(name: str, loaded: Loaded) -> None:
    case = CASES[name]
    with pytest.raises(UsageError, match="readout position"):
        loaded(case.layout, **case.declared, position="last-non-pad")


def test_side_files_are_read_as_carefully_as_weights(tmp_path: Path) -> None:
    folder = save(LAYOUTS["ldl"], tmp_path)
    torch.save({"network.0.weight": print}, folder / "gating_layer.pt")
    with pytest.raises(BrokenCheckpointError, match=r"gating_layer\.pt.*may be code"):
        load_reward_model(folder)
    (folder / "gating_layer.pt").unlink()
    with pytest.raises(UnknownRewardHeadError, match="regression_layer"):
        load_reward_model(folder)


def test_a_head_of_other_shapes_is_refused(tmp_path: Path) -> None:
    layout = LAYOUTS["qrm llama"]
    folder = save(replace(layout, config={**layout.config, "num_quantiles": 5}), tmp_path)
    with pytest.raises(BrokenCheckpointError, match="12 rows"):
        load_reward_model(folder)


@pytest.mark.parametrize(("layout", "key", "rows"), [("urm", "score.weight", 8), ("ldl", _LAST_LEVELS, 20)])
def test_parts_of_different_models_are_refused(layout: str, key: str, rows: int, tmp_path: Path) -> None:
    head = {**LAYOUTS[layout].head, key: (rows, LAYOUTS[layout].head[key][1])}
    if layout == "ldl":
        head[key.replace("weight", "bias")] = (rows,)
    folder = save(replace(LAYOUTS[layout], head=head), tmp_path)
    with pytest.raises(BrokenCheckpointError, match=f"{rows} rows"):
        load_reward_model(folder)


@pytest.mark.parametrize("layout", ["inform", "grm deep", "urm", "qwen prm"])
@pytest.mark.parametrize("spoilt", ["without a bias", "further apart"])
def test_layers_that_no_training_code_writes_are_refused(layout: str, spoilt: str, tmp_path: Path) -> None:
    head = dict(LAYOUTS[layout].head)
    key = next(key for key in head if key.endswith(".2.bias"))
    shape = head.pop(key)
    if spoilt == "further apart":
        head[key.replace(".2.", ".3.")] = shape
        head[key.replace(".2.bias", ".3.weight")] = head.pop(key.replace("bias", "weight"))
    found = ", ".join(f"{key} {list(shape)}" for key, shape in sorted(head.items()))
    expected = f"beside the backbone lie {found}: no registered family has exactly these"
    with pytest.raises(UnknownRewardHeadError, match=re.escape(expected)):
        load_reward_model(save(replace(LAYOUTS[layout], head=head), tmp_path))


@pytest.mark.parametrize(
    ("layout", "declared"),
    [
        ("classifier", {"aggregate": "min"}),
        ("classifier", {"normalise": True}),
        ("classifier", {"step_token": "."}),
        ("classifier", {"judge_tokens": YES_NO}),
        ("urm", {"head_output": 0}),
        ("armo", {"head_output": 3}),
        ("judge", {"judge_tokens": YES_NO, "head_output": 1}),
        ("qwen prm", {"aggregate": "min", "normalise": True}),
    ],
)
def test_a_word_without_effect_is_refused(layout: str, declared: dict[str, Any], loaded: Loaded) -> None:
    with pytest.raises(UsageError, match=list(declared)[-1].replace("_", ".")):
        loaded(layout, **declared)


@pytest.mark.parametrize(
    ("answers", "declared"),
    [
        (None, {"family": "judge"}),
        (None, {"family": "math_shepherd", "aggregate": "min", "step_token": "ки"}),
        (("+",), {"family": "math_shepherd", "aggregate": "min", "step_token": "ки"}),
        (None, {"family": "rlhflow_prm", "aggregate": "min"}),
        (("+",), {"family": "rlhflow_prm", "aggregate": "min"}),
    ],
)
def test_answers_are_never_guessed(answers: tuple[str, ...] | None, declared: dict[str, str], loaded: Loaded) -> None:
    with pytest.raises(UsageError, match="--judge-tokens"):
        loaded("math shepherd", judge_tokens=answers, **declared)


def test_a_judge_may_have_the_name_of_another_family(loaded: Loaded) -> None:
    assert loaded("nemotron", judge_tokens=("a", "b")).load_report.family == "judge"
