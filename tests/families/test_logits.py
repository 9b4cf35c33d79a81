"""Every architecture that does something to its logits is read as it computes them, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from rmaudit.errors import RmauditError
from rmaudit.models import load_reward_model
from rmaudit.models.logits import _SUSPECT, Logits, logits_of
from tests.decoders.configs import covered, tiny_config
from tests.models.spoiling import CONVERSATIONS, reconfigure
from tests.tiny import save_tiny_reward_model, save_tiny_tokenizer

VALUES = {"logit_scale": 0.4, "lm_head_multiplier": 0.3, "logits_scaling": 3.0, "logits_mup_width_multiplier": 5.0}


def suspects(model_type: str) -> list[str]:
    config = type(AutoConfig.for_model(model_type).get_text_config())
    return [name for name in dir(config) if _SUSPECT.search(name)]


#: By an entry whose meaning is not known, or since their head is called neither lm_head nor embed_out.
REFUSED = ("inkling2_text",)
CHANGING = [name for name in covered() if name in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and suspects(name)]


def save_causal(folder: Path, model_type: str) -> Any:
    """A tiny causal model whose scales and caps are none that change nothing; and itself."""
    save_tiny_tokenizer(folder)
    config = tiny_config(model_type)
    for name in suspects(model_type):
        if isinstance(getattr(type(config.get_text_config()), name, None), property):
            continue  # computed from other settings
        setattr(config.get_text_config(), name, VALUES.get(name, 2.0))
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            random = torch.randn(parameter.shape, generator=noise)
            parameter.copy_(0.2 * random if parameter.ndim > 1 else parameter + 0.1 * random)
    model.save_pretrained(folder)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


@pytest.mark.parametrize("model_type", CHANGING)
def test_a_judges_logits_are_the_models(model_type: str, tmp_path: Path) -> None:
    model = save_causal(tmp_path, model_type)
    try:
        rm = load_reward_model(tmp_path, judge_tokens=("o", "x"))
    except RmauditError:  # either is right: the model's own number, or none
        assert model_type in REFUSED
        return
    ids = [rm.encode(talk).ids for talk in CONVERSATIONS]
    good, bad = (rm.tokenizer(text, add_special_tokens=False)["input_ids"][0] for text in "ox")
    with torch.no_grad():
        logits = [model(torch.tensor([own])).logits[0, -1] for own in ids]
    expected = [(own[good] - own[bad]).item() for own in logits]
    assert abs(expected[0] - expected[1]) > 1e-3
    assert rm.score(CONVERSATIONS) == pytest.approx(expected, abs=1e-4)


def test_the_architectures_that_are_known_to() -> None:
    assert {"granite", "cohere", "gemma2", "recurrent_gemma", "falcon_h1", "mpt", "hyperclovax"} <= set(CHANGING)


def test_an_entry_that_the_models_code_does_not_read_has_no_say(tmp_path: Path) -> None:
    folder = save_tiny_reward_model(tmp_path, head="none")
    plain = load_reward_model(folder, judge_tokens=("o", "x")).score(CONVERSATIONS)
    reconfigure(folder, logits_scaling=8.0, final_logit_softcapping=1.0, logit_scale=0.1)
    rm = load_reward_model(folder, judge_tokens=("o", "x"))
    assert rm.score(CONVERSATIONS).tolist() == plain.tolist()
    assert logits_of(rm.backbone.config) == Logits()
