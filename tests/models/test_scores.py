"""A score is the model's own, and depends on its sequence alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForSequenceClassification
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from rmaudit.errors import FormattingError, ScoringError, UsageError
from rmaudit.models import RewardModel, load_reward_model
from tests.models.conftest import Loaded, Saved
from tests.tiny import CONFIGS, FAMILIES

ANSWERS = [
    "Yes.",
    "It is four, since two and two are four.",
    "no " * 30,
    "Über größere Zahlen weiß ich nichts.",
    "a",
    "b c d",
]
CONVERSATIONS = [
    [{"role": "user", "content": f"What is {n} plus two?"}, {"role": "assistant", "content": answer}]
    for n, answer in enumerate(ANSWERS)
] + [
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello there, who are you?"},
        {"role": "assistant", "content": "A test."},
        {"role": "user", "content": "Thanks!"},
        {"role": "assistant", "content": "You are welcome."},
    ]
]


@torch.no_grad()
def hugging_face_scores(folder, ids: list[tuple[int, ...]], model_type: str) -> np.ndarray:
    """Each sequence alone, unpadded, through transformers and nothing of ours."""
    rows = [torch.tensor([sequence]) for sequence in ids]
    if model_type in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1, dtype="float32").eval()
        return np.array([model(input_ids=row).logits.item() for row in rows])
    model = AutoModel.from_pretrained(folder, dtype="float32").eval()
    weight = load_file(folder / "model.safetensors")["score.weight"][0]
    return np.array([(model(input_ids=row).last_hidden_state[0, -1] @ weight).item() for row in rows])


def ids_of(rm: RewardModel) -> list[tuple[int, ...]]:
    return [rm.encode(conversation).ids for conversation in CONVERSATIONS]


@pytest.mark.parametrize("family", CONFIGS)
def test_equal_to_hugging_face(family: str, saved: Saved, loaded: Loaded) -> None:
    rm = loaded(family)
    reference = hugging_face_scores(saved(family), ids_of(rm), family)
    assert reference.std() > 0.05, "a test of scores that do not differ shows nothing"
    np.testing.assert_allclose(rm.score(CONVERSATIONS), reference, rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", [*FAMILIES, "gpt_neo", "gpt_bigcode", "mixtral"])
def test_independent_of_batch_padding_and_order(family: str, loaded: Loaded) -> None:
    rm = loaded(family)
    ids = ids_of(rm)
    alone = rm.score_ids(ids, batch_size=1)
    order = np.random.default_rng(0).permutation(len(ids))
    for side in ("right", "left"):
        for batch_size in (1, 3, 8):
            scores = rm.score_ids([ids[i] for i in order], batch_size=batch_size, padding_side=side)
            np.testing.assert_allclose(scores, alone[order], rtol=0, atol=1e-5)
        by_length = rm.score_ids(ids, token_budget=100, padding_side=side)
        np.testing.assert_allclose(by_length, alone, rtol=0, atol=1e-5)


DYNAMIC = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0}
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "original_max_position_embeddings": 64,
    "short_factor": [1.0] * 4,
    "long_factor": [1.0, 2.0, 4.0, 8.0],
}
STRETCHED = [
    ("llama", {"positions": 64, "config": {"rope_parameters": DYNAMIC}}),
    ("phi3", {"config": {"rope_parameters": LONGROPE, "original_max_position_embeddings": 64}}),
]


@pytest.mark.parametrize(("family", "options"), STRETCHED)
@pytest.mark.parametrize("side", ["right", "left"])
def test_independent_of_longer_batch_mates_and_predecessors(
    family: str, options: dict[str, object], side: str, saved: Saved
) -> None:
    """Rotary frequencies that change beyond 64 tokens, the dynamic ones also with what was computed before."""
    lengths = (30, 200, 63, 64, 65, 120, 100, 10, 12, 250)
    ids = [(1, *((n + position) % 250 + 20 for position in range(n - 1))) for n in lengths]
    rm = load_reward_model(saved(family, **options))
    assert rm.rope_limit == 64
    with torch.no_grad():
        together = rm.backbone(input_ids=torch.tensor([(*ids[0], *[0] * 170), ids[1]])).last_hidden_state[0, 29]
    fresh = [load_reward_model(saved(family, **options)).score_ids([sequence])[0] for sequence in ids]
    assert abs(rm.scores_of([together[None]])[0] - fresh[0]) > 1e-3, (
        "the lengths must matter, or this test shows nothing"
    )
    for batch_size in (1, 2, 8, None):
        scores = rm.score_ids(ids, batch_size=batch_size, padding_side=side)
        np.testing.assert_allclose(scores, fresh, rtol=0, atol=1e-5)
    np.testing.assert_allclose(rm.score_ids(ids[::-1], padding_side=side), fresh[::-1], rtol=0, atol=1e-5)


def test_no_rope_limit_where_frequencies_are_fixed(loaded: Loaded) -> None:
    assert [loaded(family).rope_limit for family in ("llama", "gpt2", "phi3", "bloom")] == [None] * 4


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("padding", [{"pad_is_eos": True}, {"pad": False}], ids=["pad is eos", "no pad"])
def test_a_family_read_at_the_last_token_ignores_the_pad_token(
    family: str, padding: dict[str, bool], loaded: Loaded
) -> None:
    """Same weights, another pad token: the same scores, in batches too. Every turn here ends in EOS."""
    expected = loaded(family, head="token").score(CONVERSATIONS)
    rm = loaded(family, head="token", **padding)
    ids = ids_of(rm)
    assert all(sequence[-1] == rm.tokenizer.eos_token_id for sequence in ids)
    for side in ("right", "left"):
        np.testing.assert_allclose(rm.score_ids(ids, batch_size=8, padding_side=side), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_text_that_ends_in_the_pad_id(family: str, saved: Saved, loaded: Loaded) -> None:
    """Read at its end where the family says so; where transformers' rule is the family's, as by transformers alone."""
    rm, other = loaded(family, head="token"), loaded(family)
    pad = rm.tokenizer.pad_token_id
    ids = [(*sequence[:20], *[pad] * count) for count, sequence in enumerate(ids_of(rm), start=1)]
    at_the_end = [rm.scores_of([states[-1:]])[0] for states in rm.states(ids, batch_size=1)]
    before_the_pads = hugging_face_scores(saved(family), [sequence[:20] for sequence in ids], family)
    for side in ("right", "left"):
        options = {"batch_size": 8, "padding_side": side}
        np.testing.assert_allclose(rm.score_ids(ids, **options), at_the_end, rtol=0, atol=1e-5)
        np.testing.assert_allclose(other.score_ids(ids, **options), before_the_pads, rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom", "opt"])
def test_embeddings_give_the_same_as_ids(family: str, loaded: Loaded) -> None:
    rm = loaded(family)
    ids = torch.tensor([ids_of(rm)[1]])
    with torch.no_grad():
        by_ids = rm.hidden_states(input_ids=ids)
        by_embeddings = rm.hidden_states(inputs_embeds=rm.backbone.get_input_embeddings()(ids))
    torch.testing.assert_close(by_ids, by_embeddings, rtol=0, atol=0)


def test_readout_times_head_is_the_score(loaded: Loaded) -> None:
    rm = loaded("qwen2", head="token")
    readouts = rm.readout(CONVERSATIONS)
    assert readouts.shape == (len(CONVERSATIONS), 32)
    held = rm.head.held()
    by_hand = readouts.double() @ held["weight"][0].double() + held["bias"].item()
    np.testing.assert_allclose(rm.score(CONVERSATIONS), by_hand.numpy(), rtol=0, atol=1e-6)


def test_scores_are_float64_one_per_conversation(loaded: Loaded) -> None:
    rm = loaded("llama")
    assert rm.score(CONVERSATIONS).dtype == np.float64
    assert rm.score(CONVERSATIONS).shape == (len(CONVERSATIONS),)
    assert rm.score([]).shape == (0,)
    assert rm.count_tokens(CONVERSATIONS[0]) == len(rm.encode(CONVERSATIONS[0]).ids)


def test_what_cannot_be_scored(loaded: Loaded) -> None:
    rm = loaded("llama")
    with pytest.raises(FormattingError, match="sequence 1 has no token"):
        rm.score_ids([[1, 2], []])
    with pytest.raises(FormattingError, match=r"outside 0\.\.278"):
        rm.score_ids([[1, 279]])
    with pytest.raises(UsageError, match="'right' or 'left', got 'middle'"):
        rm.score_ids([[1, 2]], padding_side="middle")
    with pytest.raises(UsageError, match="at least 1, got 0"):
        rm.score_ids([[1, 2]], batch_size=0)


@pytest.mark.parametrize(
    ("dtype", "advice"),
    [
        ("float32", "in float32, .* float32 hardly overflows: look for"),
        ("bfloat16", "in bfloat16, .* bfloat16 reaches as far as float32"),
    ],
)
def test_a_score_that_is_not_finite(saved: Saved, dtype: str, advice: str) -> None:
    rm = load_reward_model(saved("llama"), dtype=dtype)
    with torch.no_grad():
        rm.head.weight.fill_(float("inf"))
    with pytest.raises(ScoringError, match=rf"computing {advice}"):
        rm.score(CONVERSATIONS)
