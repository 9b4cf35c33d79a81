"""Backbones without a class in transformers or read otherwise there, and those whose code the checkpoint ships."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, dynamic_module_utils

from rmaudit.errors import AttributionError, UnsupportedModelError
from rmaudit.models import load_reward_model
from tests.models.conftest import Loaded, Saved
from tests.models.plain import ROWS, WRONG, assert_scores, batch, called, classifier, largest, one_by_one, reference
from tests.models.spoiling import CONVERSATIONS, reconfigure, rewrite, tensors_of


@pytest.mark.parametrize("family", ["cohere", "granite"])
def test_a_family_without_a_classifier(family: str, saved: Saved, loaded: Loaded) -> None:
    with pytest.raises(ValueError, match="Unrecognized configuration class"):
        classifier(saved(family))
    backbone = AutoModel.from_pretrained(saved(family), dtype="float32").eval()
    assert_scores(loaded(family), ROWS, reference(backbone, saved(family), ROWS))


def test_a_head_narrower_than_the_hidden_states(saved: Saved, loaded: Loaded) -> None:
    options: dict[str, Any] = {"config": {"word_embed_proj_dim": 16}}
    report = loaded("opt", **options).load_report
    assert (report.hidden_size, report.readout_width, report.head) == (32, 16, {"score.weight": [1, 16]})
    assert_scores(
        loaded("opt", **options), ROWS, reference(classifier(saved("opt", **options)), saved("opt", **options), ROWS)
    )


def test_the_soft_cap_of_gemma_2_has_a_say(saved: Saved, loaded: Loaded) -> None:
    """Which the fast attention has not: transformers refuses it, and without the cap the scores are others."""
    capped: dict[str, Any] = {"config": {"attn_logit_softcapping": 1.0}}
    with pytest.raises(ValueError, match="does not support an attention implementation"):
        classifier(saved("gemma2", **capped), attn_implementation="sdpa")
    rm, uncapped = loaded("gemma2", **capped), loaded("gemma2", config={"attn_logit_softcapping": None})
    assert rm.load_report.attention == "eager"
    assert rm.backbone.config.attn_logit_softcapping == 1.0
    assert largest(rm.score_ids(ROWS), uncapped.score_ids(ROWS)) > WRONG
    assert_scores(rm, ROWS, reference(classifier(saved("gemma2", **capped)), saved("gemma2", **capped), ROWS))


#: In the style of InternLM2's reward model, with a step after the final norm that no Llama has.
SLOPE = """
from torch import nn
from transformers import LlamaConfig, LlamaModel, LlamaPreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutputWithPast


class SlopeConfig(LlamaConfig):
    model_type = "slope"

    def __init__(self, slope=1.0, reward_token_id=0, **kwargs):
        self.slope, self.reward_token_id = slope, reward_token_id
        super().__init__(**kwargs)


class SlopeModel(LlamaModel):
    config_class = SlopeConfig

    def forward(self, *args, **kwargs):
        outputs = super().forward(*args, **kwargs)
        outputs.last_hidden_state = outputs.last_hidden_state.tanh() * self.config.slope
        return outputs


class SlopeForRewardModel(LlamaPreTrainedModel):
    config_class = SlopeConfig
    base_model_prefix = "model"

    def __init__(self, config):
        super().__init__(config)
        self.model = SlopeModel(config)
        self.v_head = nn.Linear(config.hidden_size, 1, bias=False)
        self.post_init()

    def forward(self, input_ids, attention_mask):
        values = self.v_head(self.model(input_ids, attention_mask=attention_mask).last_hidden_state)[..., 0]
        ends = attention_mask.cumsum(-1).argmax(-1)
        return SequenceClassifierOutputWithPast(logits=values.gather(1, ends[:, None]))
"""

#: In the style of WorldPM: a configuration of its own that names no padding token, which the pooling asks for.
MEANS = """
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPast, SequenceClassifierOutputWithPast


class MeansConfig(PreTrainedConfig):
    model_type = "means"

    def __init__(self, vocab_size=279, hidden_size=32, num_hidden_layers=2, **kwargs):
        self.vocab_size, self.hidden_size, self.num_hidden_layers = vocab_size, hidden_size, num_hidden_layers
        super().__init__(**kwargs)


class MeansModel(PreTrainedModel):
    config_class = MeansConfig

    def __init__(self, config):
        super().__init__(config)
        width = config.hidden_size
        self.embed_tokens = nn.Embedding(config.vocab_size, width)
        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(config.num_hidden_layers)])
        self.post_init()

    def forward(self, input_ids, attention_mask, use_cache=None):
        states, real = self.embed_tokens(input_ids), attention_mask[..., None].float()
        for layer in self.layers:
            states = states + layer((states * real).cumsum(1) / real.cumsum(1).clamp(min=1)).tanh()
        return BaseModelOutputWithPast(last_hidden_state=states)


class MeansForRewardModel(PreTrainedModel):
    config_class = MeansConfig
    base_model_prefix = "model"

    def __init__(self, config):
        super().__init__(config)
        self.model = MeansModel(config)
        self.score = nn.Linear(config.hidden_size, 1, bias=False)
        self.post_init()

    def forward(self, input_ids, attention_mask):
        values = self.score(self.model(input_ids, attention_mask).last_hidden_state)[..., 0]
        ends = (input_ids == self.config.pad_token_id).int().argmax(-1) - 1
        return SequenceClassifierOutputWithPast(logits=values.gather(1, ends[:, None]))
"""


@pytest.fixture
def own_code(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint that ships its code, which leaves a mark when it runs; transformers' copies of it are not kept."""
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    tensors = tensors_of(folder)
    tensors["v_head.weight"] = tensors.pop("score.weight")
    rewrite(folder, tensors)
    ship(folder, "Slope", SLOPE)
    return reconfigure(folder, slope=0.7, reward_token_id=3)


def ship(folder: Path, name: str, code: str) -> Path:
    (folder / "modeling_own.py").write_text(f"open({str(folder / 'executed')!r}, 'w').close()\n{code}")
    classes = {"AutoConfig": f"modeling_own.{name}Config", "AutoModel": f"modeling_own.{name}ForRewardModel"}
    return reconfigure(folder, model_type=name.lower(), architectures=[f"{name}ForRewardModel"], auto_map=classes)


def test_own_code_is_not_run_unasked(own_code: Path) -> None:
    with pytest.raises(
        UnsupportedModelError, match="it ships its own code; if you have read it and trust it: --allow-rem"
    ):
        load_reward_model(own_code)
    assert not (own_code / "executed").exists()


def test_own_code_scores_as_it_does_itself(own_code: Path) -> None:
    rm = load_reward_model(own_code, allow_remote_code=True)
    assert (own_code / "executed").exists()
    assert (rm.load_report.family, rm.load_report.model_type) == ("internlm2", "slope")
    assert rm.load_report.final_token_id == 3
    model = AutoModel.from_pretrained(own_code, trust_remote_code=True, dtype="float32").eval()
    ids = [*ROWS, *(rm.encode(conversation).ids for conversation in CONVERSATIONS)]
    assert [row[-1] for row in ids[-2:]] == [3, 3]
    expected = one_by_one(model, ids)
    assert expected.std() > WRONG
    assert largest(expected, reference(model, own_code, ids)) < 1e-5
    assert_scores(rm, ids, expected)
    with pytest.raises(AttributionError):
        rm.layer_states(ids[0])


def test_own_code_beside_a_type_that_transformers_has(own_code: Path) -> None:
    """Whose code runs decides the score: transformers' own unless the checkpoint's is allowed."""
    reconfigure(own_code, model_type="llama")
    theirs = load_reward_model(own_code)
    assert not (own_code / "executed").exists()
    assert type(theirs.backbone).__name__ == "LlamaModel"
    assert any("ships code of its own" in note and "was not run" in note for note in theirs.load_report.notes)
    own = load_reward_model(own_code, allow_remote_code=True)
    assert type(own.backbone).__name__ == "SlopeModel"
    assert largest(theirs.score_ids(ROWS), own.score_ids(ROWS)) > WRONG
    assert theirs.fingerprint != own.fingerprint


def test_own_code_that_asks_for_a_padding_token(own_code: Path) -> None:
    """Since transformers 5 a configuration has none unless it says so, and older code fails; ours does not ask."""
    noise = torch.Generator().manual_seed(0)
    shapes = {"model.embed_tokens.weight": (279, 32), "score.weight": (1, 32)}
    shapes |= {f"model.layers.{layer}.weight": (32, 32) for layer in range(2)}
    tensors = {key: 0.3 * torch.randn(shape, generator=noise) for key, shape in shapes.items()}
    config = {"vocab_size": 279, "hidden_size": 32, "num_hidden_layers": 2}
    (own_code / "config.json").write_text(json.dumps(config))
    rewrite(own_code, {**tensors, **{f"model.layers.{layer}.bias": torch.ones(32) / 9 for layer in range(2)}})
    ship(own_code, "Means", MEANS)
    model = AutoModel.from_pretrained(own_code, trust_remote_code=True, dtype="float32").eval()
    with pytest.raises(AttributeError, match="pad_token_id"):
        called(model, **batch(ROWS, 0))
    rm = load_reward_model(own_code, allow_remote_code=True)
    assert rm.load_report.config_pad_token_id is None
    assert_scores(rm, ROWS, reference(model, own_code, ROWS))
