"""`rmaudit doctor`, and what of it stands in the record of every audit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

import rmaudit as package
from rmaudit.errors import UsageError
from rmaudit.models import Head
from tests.end_to_end.conftest import Ran
from tests.examples.tanh_head import FILE, save_tanh_head
from tests.tiny import EOS, TEMPLATE, save_tiny_reward_model

Command = Callable[..., Ran]


def test_text(rmaudit: Command, model: Path) -> None:
    ran = rmaudit("doctor", model)
    assert (ran.code, ran.err) == (0, "")
    for said in (
        "sequence_classification", "score.weight [1, 32]", "last token that is not the padding token",
        "bos 1, eos 2, pad 0", "last tokens   'r' '.' '</s>'", "ok      batches of 3", "two BOS tokens",
        "generation prompt added", "All 8 invariants hold.",
    ):  # fmt: skip
        assert said in ran.out


def test_json(rmaudit: Command, model: Path) -> None:
    ran = rmaudit("doctor", model, "--json")
    told = json.loads(ran.out)
    assert ran.code == 0
    assert rmaudit("doctor", model, "--json").out == ran.out
    stable = {
        "family", "head", "head_kind", "head_dtype", "head_quantised", "transform", "position", "template_sha256",
        "bos_token_id", "eos_token_id", "pad_token_id", "config_pad_token_id", "dtype", "attention", "max_length",
        "fingerprint", "adapter",
    }  # fmt: skip
    assert stable <= told["model"].keys()
    assert set(told["checkup"]) == {
        "holds",
        "invariants",
        "disagreements",
        "texts",
        "untried",
        "rounding",
        "sensitivities",
    }
    assert told["checkup"]["holds"] is True


def test_a_broken_invariant_is_exit_1(rmaudit: Command, tmp_path: Path) -> None:
    folder = save_tiny_reward_model(tmp_path / "model", pad_is_eos=True, positions=2048)
    ran = rmaudit("doctor", folder, "--position", "before-first-pad")
    assert ran.code == 1
    assert "BROKEN: different answers, different scores" in ran.out
    assert (
        json.loads(rmaudit("doctor", folder, "--position", "before-first-pad", "--json").out)["checkup"]["holds"]
        is False
    )
    assert rmaudit("doctor", folder).code == 0


def test_what_cannot_be_loaded_is_exit_2(rmaudit: Command, tmp_path: Path) -> None:
    folder = save_tiny_reward_model(tmp_path / "model", head="none")
    ran = rmaudit("doctor", folder)
    assert ran.code == 2
    assert ran.out == ""
    assert "--judge-tokens Yes,No" in ran.err
    assert rmaudit("doctor", folder, "--reference", folder).code == 2


def test_a_judge_by_its_tokens(rmaudit: Command, tmp_path: Path) -> None:
    judging = TEMPLATE.replace(
        "{% if add_generation_prompt %}", "<|user|>Is it right?" + EOS + "{% if add_generation_prompt %}"
    )
    file = tmp_path / "judge.jinja"
    file.write_text("<s>" + judging)
    folder = save_tiny_reward_model(tmp_path / "model", head="none", positions=2048)
    ran = rmaudit("doctor", folder, "--judge-tokens", "y,n", "--chat-template", file)
    assert ran.code == 0, ran.err + ran.out
    assert "judge" in ran.out
    assert "'<|assistant|>'" in ran.out
    assert "generation prompt left out" in ran.out
    several = rmaudit("doctor", folder, "--judge-tokens", "Yes,No", "--chat-template", file)
    assert several.code == 2
    assert "'Yes' is 2 tokens of this tokenizer" in several.err


def test_a_family_of_ones_own(rmaudit: Command, tmp_path: Path) -> None:
    folder = save_tanh_head(tmp_path / "model")
    assert rmaudit("doctor", folder).code == 2
    ran = rmaudit("doctor", folder, "--family", FILE)
    assert (ran.code, ran.err) == (0, "")
    assert "tanh_head" in ran.out
    assert "reward.inner.weight [8, 32]" in ran.out
    assert "All 8 invariants hold." in ran.out


def test_a_black_box_cannot_be_examined() -> None:
    with pytest.raises(UsageError, match="BlackBox: only a checkpoint with a reward head can be examined"):
        package.examine(lambda conversations: [0.0 for _ in conversations])


def test_the_short_form_stands_in_every_record(model: Path, small_battery: Path) -> None:
    record = package.audit(model, battery=str(small_battery), attributions=0, probes=["placebo"])
    assert record.checkup["invariants_hold"] is True
    assert len(record.checkup["invariants"]) == 8
    assert record.checkup["disputed"] == 0
    assert not any("invariant" in warning or "readout position" in warning for warning in record.warnings)


def test_what_it_finds_in_an_audit_is_a_warning(small_battery: Path, tmp_path: Path) -> None:
    folder = save_tiny_reward_model(tmp_path / "model", pad_is_eos=True, positions=2048)
    asked = {"battery": str(small_battery), "attributions": 0, "probes": ["placebo"]}
    disputed = package.audit(folder, **asked)
    assert disputed.checkup["disputed"] == disputed.checkup["conversations"] > 0
    assert any("rules for the readout position name different tokens" in warning for warning in disputed.warnings)
    assert any("--position NAME" in warning for warning in disputed.warnings)
    broken = package.audit(folder, load_options={"position": "before-first-pad"}, **asked)
    assert broken.checkup["invariants_hold"] is False
    assert any("broken invariants (different answers, different scores)" in warning for warning in broken.warnings)


def test_a_template_that_does_not_take_the_built_in_texts(small_battery: Path, tmp_path: Path) -> None:
    template = "{% if messages|length > 2 %}{{ raise_exception('one turn only') }}{% endif %}" + TEMPLATE
    folder = save_tiny_reward_model(tmp_path / "model", chat_template=template, positions=2048)
    record = package.audit(folder, battery=str(small_battery), attributions=0, probes=["placebo"])
    assert record.checkup["invariants_hold"] is True
    assert any("one turn only" in warning for warning in record.warnings)


def test_conversations_that_were_cut_are_counted_for_an_implicit_reward(small_battery: Path, tmp_path: Path) -> None:
    folders = [save_tiny_reward_model(tmp_path / str(seed), head="none", seed=seed, positions=2048) for seed in (0, 1)]
    asked = {"battery": str(small_battery), "attributions": 0, "probes": ["placebo"]}
    longest = max(
        row.length for row in package.audit(folders[0], load_options={"reference": folders[1]}, **asked).scores
    )
    scorer = package.load(folders[0], reference=folders[1], truncate="prompt-left", max_length=longest - 1)
    record = package.audit(scorer, **asked)
    assert 0 < record.checkup["truncated"] <= record.checkup["conversations"]
    assert any("were cut from the left" in warning for warning in record.warnings)


def test_score_says_where_it_read(rmaudit: Command, tmp_path: Path) -> None:
    folder = save_tiny_reward_model(tmp_path / "model", pad_is_eos=True, positions=2048)
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps({"prompt": "Hi", "chosen": "Hello.", "rejected": "No."}) + "\n")
    ran = rmaudit("score", folder, file)
    assert ran.code == 0
    assert "in 2 of 2 conversations the rules for where a reward is read disagree" in ran.err
    assert "--position NAME" in ran.err
    last = rmaudit("score", folder, file, "--position", "last")
    assert last.out != ran.out
    cut = rmaudit("score", folder, file, "--truncate", "prompt-left", "--max-length", 12)
    assert "1 of 2 conversations were cut from the left of the prompt" in cut.err


class Squared(Head):
    """score = (w·h)², which is no sum of parts of h."""

    weight: Tensor

    def forward(self, h: Tensor) -> Tensor:
        return (h[:, -1] @ self.weight[0]) ** 2


def test_a_head_without_exact_parts_is_audited_untraced(small_battery: Path, model: Path) -> None:
    rm = package.load(model)
    rm.head = Squared({"weight": rm.head.held()["weight"]})
    record = package.audit(rm, battery=str(small_battery), attributions=1, probes=["length_bias"])
    assert record.attributions == []
    assert any(warning.startswith("No example is traced back: the head is non-linear") for warning in record.warnings)
