"""A PEFT adapter scores as in training, or is refused: never with a head of random numbers."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from rmaudit import errors
from rmaudit.models import RewardModel, load_reward_model
from tests.models.adapting import (
    EXACT,
    Adapted,
    peft_model,
    reconfigure,
    rewrite,
    scores_of,
    tensors_of,
)
from tests.models.conftest import Saved
from tests.models.spoiling import CONVERSATIONS
from tests.models.trained import IDS


def seeded(folder: Path, seed: int) -> RewardModel:
    torch.manual_seed(seed)
    return load_reward_model(folder)


@pytest.mark.parametrize("kind", ["seq_cls", "modules_to_save"])
def test_a_trained_head_is_in_the_adapter_and_no_seed_matters(kind: str, adapted: Adapted, saved: Saved) -> None:
    written = adapted(kind)
    first, second = (seeded(written.folder, seed).score_ids(IDS) for seed in (1, 2))
    assert first == pytest.approx(written.scores, abs=EXACT)
    assert np.array_equal(first, second)
    assert scores_of(peft_model(written.folder, saved(head="none"), 1)) == pytest.approx(first, abs=EXACT)


@pytest.mark.parametrize(
    ("kind", "error", "reason"),
    [
        (
            "no_head",
            errors.MissingRewardHeadError,
            r"neither this PEFT adapter nor its base model .* holds a reward head",
        ),
        ("head_on_random_head", errors.UnknownRewardHeadError, r"score.lora_A.weight changes a head .* is lost"),
    ],
)
def test_a_head_that_was_not_saved_is_refused_where_peft_makes_one_up(
    kind: str, error: type[Exception], reason: str, adapted: Adapted, saved: Saved
) -> None:
    """PEFT and transformers load it without a word, and the score depends on the seed."""
    written = adapted(kind)
    first, second = (scores_of(peft_model(written.folder, saved(head="none"), seed)) for seed in (1, 2))
    assert np.abs(first - second).max() > 0.01
    assert np.abs(first - written.scores).max() > 0.01
    for mode in ("merged", "live"):
        with pytest.raises(error, match=reason):
            load_reward_model(written.folder, adapter=mode)


def test_an_adapter_of_a_language_model_is_no_reward_model(adapted: Adapted) -> None:
    folder = adapted("causal_lm").folder
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1)
        found.append(scores_of(model.eval()))
    assert np.abs(found[0] - found[1]).max() > 0.01
    with pytest.raises(errors.MissingRewardHeadError, match="train again with task_type SEQ_CLS"):
        load_reward_model(folder)


def test_an_adapter_of_a_judge(adapted: Adapted, saved: Saved) -> None:
    folder, options = adapted("causal_lm").folder, {"judge_tokens": ["a", "b"]}
    rm = load_reward_model(folder, **options)
    model = peft_model(folder, saved(head="none"), 0, AutoModelForCausalLM)
    good, bad = (rm.tokenizer.convert_tokens_to_ids(token) for token in "ab")
    with torch.inference_mode():
        logits = [model(input_ids=torch.tensor([ids])).logits[0, -1] for ids in IDS]
    assert rm.score_ids(IDS) == pytest.approx([float(row[good] - row[bad]) for row in logits], abs=1e-5)


@pytest.mark.parametrize("kind", ["no_head", "head_on_random_head", "seq_cls"])
def test_an_adapter_on_a_trained_reward_model(kind: str, adapted: Adapted) -> None:
    """The base's head stays, is changed by the low-rank layers on it, or gives way to the adapter's."""
    written = adapted(kind, head="sequence")
    for mode in ("merged", "live"):
        rm = load_reward_model(written.folder, adapter=mode)
        assert rm.score_ids(IDS) == pytest.approx(written.scores, abs=1e-5)
        told = "score.weight is the adapter's; the base model holds one of its own" in " ".join(rm.load_report.notes)
        assert told == (kind == "seq_cls")


def test_a_value_head_beside_the_adapter(adapter: Path, saved: Saved) -> None:
    """As LLaMA-Factory saves it."""
    tensors = tensors_of(adapter)
    head = tensors.pop("base_model.model.score.weight")
    rewrite(adapter, tensors)
    reconfigure(adapter, task_type="CAUSAL_LM", modules_to_save=None)
    save_file({"v_head.summary.weight": head, "v_head.summary.bias": torch.ones(1)}, adapter / "value_head.safetensors")
    rm = load_reward_model(adapter)
    assert rm.load_report.family == "trl_value_head"
    [score] = rm.score_ids(IDS[:1])
    assert score == pytest.approx(float(rm.readout_ids(IDS[:1])[0] @ head[0] + 1), abs=EXACT)


def test_what_the_load_report_says(adapted: Adapted, saved: Saved) -> None:
    base = saved(head="none")
    assert load_reward_model(adapted().folder).load_report.adapter == f"LoRA, merged, on {base}"
    live = load_reward_model(adapted("seq_cls", use_dora=True).folder, adapter="live")
    assert live.load_report.adapter == f"DoRA, live, on {base}"
    assert load_reward_model(saved()).load_report.adapter == ""


def test_the_fingerprint_covers_adapter_and_base(adapter: Path, saved: Saved, tmp_path: Path) -> None:
    base = Path(shutil.copytree(saved(head="none"), tmp_path / "base"))
    seen = {}

    def look(what: str) -> None:
        for mode in ("merged", "live"):
            seen[what, mode] = load_reward_model(adapter, base=base, adapter=mode).fingerprint

    look("as it is")
    elsewhere = load_reward_model(shutil.copytree(adapter, tmp_path / "elsewhere"))
    assert elsewhere.fingerprint == seen["as it is", "merged"]
    tensors = tensors_of(adapter)
    next(value for key, value in sorted(tensors.items()) if "lora_B" in key)[0, 0] += 0.1
    rewrite(adapter, tensors)
    look("another adapter")
    weights = load_file(base / "model.safetensors")
    weights["model.norm.weight"][0] += 0.1
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    look("another base")
    shutil.copy(base / "tokenizer.json", adapter / "tokenizer.json")
    shutil.copy(base / "tokenizer_config.json", adapter / "tokenizer_config.json")
    look("a tokenizer of its own")
    assert len(set(seen.values())) == len(seen)


def test_the_adapters_tokenizer_and_template_come_first(adapter: Path, saved: Saved) -> None:
    before = load_reward_model(adapter)
    (adapter / "chat_template.jinja").write_text("{{ messages[-1]['content'] }}")
    alone = load_reward_model(adapter)
    assert alone.formatter.template == before.formatter.template
    assert "chat_template.jinja beside the adapter, where no tokenizer lies, is not read" in alone.load_report.notes[0]
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(saved(head="none") / name, adapter)
    own = load_reward_model(adapter)
    assert own.formatter.template == "{{ messages[-1]['content'] }}"
    assert own.score(CONVERSATIONS) != pytest.approx(before.score(CONVERSATIONS), abs=1e-3)


@pytest.mark.parametrize(("base_pads", "told"), [(False, "names none"), (True, "TRL trains with the latter")])
def test_the_padding_token_of_training(base_pads: bool, told: str, tmp_path: Path, adapter: Path, saved: Saved) -> None:
    """An adapter brings its tokenizer, and no configuration: TRL trained with that tokenizer's padding token."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(saved(head="none", pad_is_eos=True) / name, adapter)
    rm = load_reward_model(adapter, base=saved(head="none", pad=base_pads))
    assert told in " ".join(rm.load_report.notes)
    ids = rm.encode(CONVERSATIONS[0]).ids
    assert ids[-1] == rm.tokenizer.pad_token_id
    assert rm.positions(ids) == ((len(ids) - 1,) if base_pads else (len(ids) - 2,))
