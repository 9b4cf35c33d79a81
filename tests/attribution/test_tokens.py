"""Tokens: integrated gradients with a known answer, with their error, or refused."""

from __future__ import annotations

import copy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rmaudit.attribution import token_parts
from rmaudit.attribution.pieces import decoded_pieces
from rmaudit.conversations import conversation
from rmaudit.errors import AttributionError, UsageError
from rmaudit.models import Formatter, RewardModel
from tests.attribution.conftest import Tiny
from tests.tiny import FAMILIES, SPECIAL_TOKENS

ASKED = conversation("Which river is there?", "The Elbe; a good path.")


class Summing(nn.Module):
    """A backbone whose state is the running sum of the embeddings, put through a function per dimension."""

    def __init__(self, rm: RewardModel, power: int) -> None:
        super().__init__()
        self.embedding = copy.deepcopy(rm.backbone.get_input_embeddings())
        self.power, self.device, self.dtype = power, torch.device("cpu"), torch.float32
        self.config = rm.backbone.config

    def get_input_embeddings(self) -> nn.Module:
        return self.embedding

    def forward(self, input_ids: Tensor, attention_mask: Tensor, use_cache: bool) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=self.embedding(input_ids).cumsum(1) ** self.power)


def summing(rm: RewardModel, power: int) -> RewardModel:
    backbone: Any = Summing(rm, power)
    return replace(rm, backbone=backbone)


def expected_steps(rm: RewardModel) -> tuple[Tensor, Tensor, Tensor]:
    """Embeddings of the tokens, of the baseline, and the head's weight, in float64."""
    ids = torch.tensor(rm.encode(ASKED).ids)
    special = torch.tensor(rm.tokenizer.convert_tokens_to_ids(list(SPECIAL_TOKENS)))
    baseline = torch.where(torch.isin(ids, special), ids, rm.tokenizer.pad_token_id)
    table = rm.backbone.get_input_embeddings()
    with torch.no_grad():
        return table(ids).double(), table(baseline).double(), rm.head.held()["weight"][0].double()


def test_a_linear_model_gives_each_token_its_own_share(tiny: Tiny) -> None:
    rm = summing(tiny("llama"), power=1)
    own, neutral, weight = expected_steps(rm)
    parts = token_parts(rm, ASKED)
    assert parts.values == pytest.approx(((own - neutral) @ weight).numpy(), abs=1e-6)
    assert parts.score == pytest.approx(float(own.sum(0) @ weight), abs=1e-5)
    assert parts.baseline_score == pytest.approx(float(neutral.sum(0) @ weight), abs=1e-5)
    assert (parts.steps, parts.converged, parts.refusal) == (32, True, "")
    assert parts.error < 1e-5


def test_a_quadratic_model_shares_its_products_evenly(tiny: Tiny) -> None:
    rm = summing(tiny("llama"), power=2)
    own, neutral, weight = expected_steps(rm)
    # The gradient along the line is 2 * (sum at alpha), whose mean is the sum of both ends.
    expected = ((own - neutral) * (own.sum(0) + neutral.sum(0))) @ weight
    assert token_parts(rm, ASKED).values == pytest.approx(expected.numpy(), abs=1e-5)
    one_step = token_parts(rm, ASKED, max_steps=1)  # Gauss-Legendre is exact for a straight gradient
    assert one_step.values == pytest.approx(expected.numpy(), abs=1e-5)
    assert one_step.steps == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_complete_within_the_stated_error(tiny: Tiny, family: str) -> None:
    rm = tiny(family)
    parts = token_parts(rm, ASKED)
    assert parts.values is not None
    assert parts.score == pytest.approx(float(rm.score([ASKED])[0]), abs=1e-5)
    difference = parts.score - parts.baseline_score
    assert abs(float(parts.values.sum()) - difference) == parts.error
    assert parts.error <= parts.allowed == max(0.01 * abs(difference), 1e-5 * max(1.0, abs(parts.score)))
    assert parts.ids == rm.encode(ASKED).ids
    assert len(parts.values) == len(parts.texts) == len(parts.ids)
    assert "".join(parts.texts) == rm.formatter.render(ASKED)


def test_special_tokens_are_the_same_at_both_ends_and_get_nothing(tiny: Tiny) -> None:
    rm = tiny("llama")
    parts = token_parts(rm, ASKED)
    assert parts.values is not None
    kept = [text in SPECIAL_TOKENS for text in parts.texts]
    assert sum(kept) == 5  # BOS, two roles, two ends
    assert not parts.values[kept].any()
    assert parts.values[[not special for special in kept]].all()
    assert parts.baseline == "the same tokens with every non-special one replaced by the pad token <pad> (id 0)"


def test_the_neutral_token_is_the_best_that_the_tokenizer_has(tiny: Tiny) -> None:
    rm = tiny("llama", pad=False)
    assert "end-of-sequence token </s> (id 2)" in token_parts(rm, ASKED).baseline
    bare = copy.deepcopy(rm.tokenizer)
    bare.eos_token = None
    with pytest.raises(AttributionError, match="no pad, unknown or end-of-sequence token"):
        token_parts(replace(rm, tokenizer=bare), ASKED)


def test_what_does_not_converge_is_refused_in_words(tiny: Tiny) -> None:
    parts = token_parts(tiny("llama"), ASKED, max_steps=3, tolerance=0.0)
    share = 100 * parts.error / abs(parts.score - parts.baseline_score)
    assert parts.values is None
    assert not parts.converged
    assert parts.steps == 3
    assert parts.refusal == (
        f"integrated gradients did not converge in 3 steps: error {share:.3g} % of the difference between the score "
        "and the baseline's score; no token attribution is given"
    )
    # Experts are switched on and off along the line, which no number of steps follows.
    experts = token_parts(tiny("mixtral"), ASKED, max_steps=64)
    assert (experts.values, experts.steps) == (None, 64)
    assert "no token attribution is given" in experts.refusal


def test_steps_are_doubled_until_they_suffice_or_run_out(tiny: Tiny) -> None:
    rm = tiny("llama")
    loose, tight = token_parts(rm, ASKED, tolerance=1.0), token_parts(rm, ASKED, tolerance=0.0)
    assert loose.steps == 32
    assert tight.converged
    assert tight.steps in (32, 64, 128)
    assert token_parts(tiny("mixtral"), ASKED, max_steps=50).steps == 50


def test_equal_ends_are_no_failure(tiny: Tiny) -> None:
    blank = conversation("<pad>", "<pad>")
    parts = token_parts(tiny("llama"), blank)
    assert parts.converged
    assert parts.values is not None
    assert not parts.values.any()
    assert (parts.score - parts.baseline_score, parts.error, parts.refusal) == (0.0, 0.0, "")


@pytest.mark.parametrize("settings", [{"max_steps": 0}, {"tolerance": -0.1}, {"tolerance": float("nan")}])
def test_settings_without_meaning_are_refused(tiny: Tiny, settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="expected at least 1 step"):
        token_parts(tiny("llama"), ASKED, **settings)


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_nothing_is_left_behind_and_twice_is_the_same(tiny: Tiny, family: str) -> None:
    rm = tiny(family)
    before = rm.score([ASKED])
    first, second = token_parts(rm, ASKED), token_parts(rm, ASKED)
    with torch.inference_mode():
        third = token_parts(rm, ASKED)
    assert first.values is not None
    for again in (second, third):
        np.testing.assert_array_equal(first.values, again.values)
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in rm.backbone.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in rm.backbone.modules())
    assert not rm.backbone.training
    np.testing.assert_array_equal(rm.score([ASKED]), before)


def test_the_memory_bound_and_the_attention_kernel_do_not_change_the_answer(tiny: Tiny) -> None:
    rm = tiny("llama")
    parts = token_parts(rm, ASKED)
    assert token_parts(rm, ASKED, token_budget=1).values == pytest.approx(parts.values, abs=1e-5)
    eager = replace(rm, backbone=copy.deepcopy(rm.backbone))
    eager.backbone.set_attn_implementation("eager")
    assert rm.backbone.config._attn_implementation == "sdpa"
    assert token_parts(eager, ASKED).values == pytest.approx(parts.values, abs=1e-5)


def test_half_precision_is_given_or_refused_with_the_reason(tiny: Tiny) -> None:
    parts = token_parts(tiny("llama", dtype="bfloat16"), ASKED, max_steps=32, tolerance=0.0)
    assert parts.values is None
    assert "gradients in half precision are coarse, load the model in float32" in parts.refusal


def test_pieces_give_the_text_back_whatever_stands_in_it(tiny: Tiny) -> None:
    hard = conversation("  two  blanks\n\tand a tab", "Zoë 🦜🦜 naïve — 漢字\u202e\x1b[31m  ")
    rm = tiny("llama")
    text = rm.formatter.render(hard)
    parts = token_parts(rm, hard, max_steps=1)
    assert "".join(parts.texts) == text
    assert "".join(decoded_pieces(rm.tokenizer, parts.ids)) == text


def test_pieces_follow_the_bos_policy_and_the_truncation(tiny: Tiny) -> None:
    rm = tiny("llama")
    text = rm.formatter.render(ASKED)
    for policy, front in (("two", "<s><s>"), ("none", ""), ("as-is", "<s>")):
        changed = replace(rm, formatter=Formatter(rm.tokenizer, bos_policy=policy))
        assert "".join(token_parts(changed, ASKED, max_steps=1).texts) == front + text.removeprefix("<s>")
    length = rm.count_tokens(ASKED) - 4
    cut = replace(rm, formatter=Formatter(rm.tokenizer, max_length=length, truncate="prompt-left"))
    parts = token_parts(cut, ASKED, max_steps=1)
    assert len(parts.ids) == len(parts.texts) == length
    assert parts.texts[0] == "<s>"
    assert text.endswith("".join(parts.texts[1:]))
