"""Scores through the prefix tree are the model's own scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rmaudit.conversations import conversation
from rmaudit.errors import FormattingError, ScoringError
from rmaudit.models import RewardModel
from rmaudit.scorers import BlackBox
from rmaudit.scoring import LocalEngine, Plan, packing, price, score_all
from rmaudit.scoring.prefix_tree import pack
from tests.scoring.conftest import Loaded
from tests.scoring.texts import stimuli
from tests.tiny import CONFIGS

# Gemma 2 is loaded with eager attention; the others with a dense mask do not ask for their attention by name.
EXPECTED = dict.fromkeys(["bloom", "mpt", "gpt_neo"], "padded batches")
EXPECTED |= dict.fromkeys(["gemma2", "falcon", "gptj", "stablelm"], "prefix tree")


def one_by_one(rm: RewardModel) -> np.ndarray:
    scores = rm.score_ids([rm.encode(messages).ids for messages in stimuli()], batch_size=1)
    assert scores[:12].std() > 0.05, "a test of scores that do not differ shows nothing"
    return scores


@pytest.mark.parametrize("family", CONFIGS)
def test_equal_to_plain_scores(family: str, loaded: Loaded) -> None:
    rm = loaded(family)
    found = score_all(rm, stimuli())
    np.testing.assert_allclose(found, one_by_one(rm), rtol=0, atol=1e-5)
    assert found.dtype == np.float64
    assert rm.load_report.packing.split(",")[0].split(":")[0] == EXPECTED.get(family, "prefix tree in blocks")


@pytest.mark.parametrize("family", [family for family in CONFIGS if EXPECTED.get(family) != "padded batches"])
def test_equal_under_a_dense_mask(family: str, loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "can_replace_attention", lambda rm: False)
    rm = loaded(family)
    np.testing.assert_allclose(score_all(rm, stimuli()), one_by_one(rm), rtol=0, atol=1e-5)
    assert rm.load_report.packing.startswith("prefix tree, ")


# Gemma 2 is missing: its soft cap needs eager attention, which is what it is loaded with.
@pytest.mark.parametrize("family", ["llama", "gemma3_text", "mistral", "gpt2", "opt"])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_equal_under_both_attention_implementations(family: str, attention: str, loaded: Loaded) -> None:
    rm = loaded(family)
    rm.backbone.set_attn_implementation(attention)
    np.testing.assert_allclose(score_all(rm, stimuli()), one_by_one(rm), rtol=0, atol=1e-5)
    assert rm.load_report.packing.startswith("prefix tree in blocks" if attention == "sdpa" else "prefix tree, ")
    assert rm.backbone.config._attn_implementation == attention


@pytest.mark.parametrize("row_tokens", [1, 60, 100_000])
def test_equal_for_every_size_of_rows(row_tokens: int, loaded: Loaded) -> None:
    rm = loaded("mistral")
    found = LocalEngine(rm, row_tokens).score(stimuli())
    np.testing.assert_allclose(found, one_by_one(rm), rtol=0, atol=1e-5)


def test_equal_in_any_order(loaded: Loaded) -> None:
    rm = loaded("qwen2")
    order = np.random.default_rng(0).permutation(24)
    shuffled = score_all(rm, [stimuli()[place] for place in order])
    np.testing.assert_allclose(shuffled, score_all(rm, stimuli())[order], rtol=0, atol=1e-5)


def test_a_text_that_ends_in_the_pad_token_where_pad_is_eos(loaded: Loaded) -> None:
    rm = loaded("llama", pad_is_eos=True)
    texts = [conversation("Why?", answer) for answer in ("So.", "So.</s>", "So.</s></s></s>")]
    ids = [rm.encode(messages).ids for messages in texts]
    assert ids[0] == ids[1][: len(ids[0])]
    np.testing.assert_allclose(score_all(rm, texts), rm.score_ids(ids, batch_size=1), rtol=0, atol=1e-5)


def test_texts_beyond_a_window_that_the_canary_did_not_exceed_are_scored_alone(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    rm = loaded("mistral", config={"sliding_window": 60})
    monkeypatch.setattr("rmaudit.scoring.packing._CANARY_TOKENS", 50)
    monkeypatch.setattr("rmaudit.scoring.packing._LONGEST_CANARY", 50)
    alone = spied(rm, monkeypatch)
    found = score_all(rm, stimuli())
    longer = sorted(tokens for tokens in map(rm.count_tokens, stimuli()) if tokens > 60)
    assert longer
    assert alone[-1] == longer
    np.testing.assert_allclose(found, one_by_one(rm), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("family", "rope"),
    [
        ("llama", {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0}),
        (
            "phi3",
            {
                "rope_type": "longrope",
                "rope_theta": 10000.0,
                "original_max_position_embeddings": 64,
                "short_factor": [1.0] * 4,
                "long_factor": [1.0, 2.0, 4.0, 8.0],
            },
        ),
    ],
)
def test_rotary_frequencies_that_depend_on_the_longest_text(family: str, rope: dict[str, Any], loaded: Loaded) -> None:
    options = {"positions": 64} if family == "llama" else {"config": {"original_max_position_embeddings": 64}}
    options.setdefault("config", {})["rope_parameters"] = rope
    rm = loaded(family, **options)
    rm.formatter.max_length = None
    ids = [(1, *range(20, 20 + length)) for length in (30, 200, 63, 120, 10)]
    fresh = [loaded(family, **options).score_ids([sequence])[0] for sequence in ids]
    careless = loaded(family, **options)
    careless.rope_limit = None
    together = careless.score_ids([*ids, ids[1][:40]], batch_size=6)[:5]
    assert np.abs(together - fresh).max() > 1e-3, "the lengths must matter, or this test shows nothing"
    plain = loaded(family, **options).score_ids(ids, batch_size=6)
    np.testing.assert_allclose(plain, fresh, rtol=0, atol=1e-5)
    np.testing.assert_allclose(LocalEngine(rm).score_ids(ids), fresh, rtol=0, atol=1e-5)


def spied(rm: RewardModel, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Lengths of the sequences of every call of the plain path."""
    calls: list[list[int]] = []
    plain = rm.read_ids

    def read_ids(ids: Any, **options: Any) -> list[torch.Tensor]:
        calls.append([len(sequence) for sequence in ids])
        return plain(ids, **options)

    monkeypatch.setattr(rm, "read_ids", read_ids)
    return calls


def test_progress_goes_from_nothing_to_the_price(loaded: Loaded) -> None:
    rm = loaded("llama")
    plan = Plan(stimuli())
    cost = price(plan, [rm.encode(messages).ids for messages in plan.unique], row_tokens=100)
    rows = pack([rm.encode(messages).ids for messages in stimuli()], 100)
    calls: list[tuple[int, int]] = []
    LocalEngine(rm, 100).score(stimuli(), lambda done, total: calls.append((done, total)))
    assert len(rows) > 1
    assert calls == [(sum(map(len, rows[:done])), cost.tree_tokens) for done in range(len(rows) + 1)]
    assert calls[-1][0] == cost.tree_tokens


def test_progress_of_padded_batches_counts_their_tokens(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    rm = loaded("bloom")
    monkeypatch.setattr("rmaudit.scoring.engine_local._PADDED_CHUNK", 300)
    calls: list[tuple[int, int]] = []
    score_all(rm, stimuli(), lambda done, total: calls.append((done, total)))
    tokens = sum(map(rm.count_tokens, stimuli()))
    assert calls[0] == (0, tokens)
    assert calls[-1] == (tokens, tokens)
    assert len(calls) > 3


def test_nothing_to_score(loaded: Loaded) -> None:
    assert score_all(loaded("llama"), []).shape == (0,)


def test_ids_that_the_model_does_not_know(loaded: Loaded) -> None:
    engine = LocalEngine(loaded("llama"))
    with pytest.raises(FormattingError, match=r"sequence 1 has a token id outside 0\.\."):
        engine.score_ids([(1, 2), (1, 100_000)])
    with pytest.raises(FormattingError, match="sequence 0 has no token"):
        engine.score_ids([()])


def test_a_model_that_overflows_is_named_with_the_first_conversation(loaded: Loaded) -> None:
    rm = loaded("llama")
    with torch.no_grad():
        rm.head.weight.fill_(float("inf"))
    with pytest.raises(
        ScoringError, match=r"computing in float32, gave a score that is not finite for 24 of 24 .*first for"
    ):
        score_all(rm, stimuli())


@pytest.mark.parametrize(
    ("dtype", "told"),
    [
        ("float32", r"with these\. float32 hardly overflows: look for infinite numbers or NaN in the checkpoint"),
        ("bfloat16", "bfloat16 reaches as far as float32, so it is hardly an overflow"),
        ("float16", "float16 overflows beyond 65504: load the model in float32 .--dtype float32"),
    ],
)
def test_what_is_advised_is_true_of_the_models_dtype(dtype: str, told: str, loaded: Loaded) -> None:
    rm = loaded("llama", dtype)
    with torch.no_grad():
        rm.head.weight.fill_(float("nan"))
    with pytest.raises(ScoringError, match=told):
        score_all(rm, stimuli()[:2])


# ------------------------------------------------------------------------------------------------------- black boxes
def test_a_black_box_is_called_once_with_everything() -> None:
    calls: list[int] = []
    told: list[tuple[int, int]] = []

    def lengths(conversations: list[Any]) -> list[int]:
        calls.append(len(conversations))
        return [len(messages[-1]["content"]) for messages in conversations]

    found = score_all(BlackBox(lengths), stimuli(), lambda done, total: told.append((done, total)))
    assert calls == [24]
    assert told == [(0, 24), (24, 24)]
    assert found.dtype == np.float64
    assert found[4] == 3.0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([1.0, 2.0], "gave 2 scores for 3 conversations; expected one number for each, in their order"),
        ([[1.0], [2.0], [3.0]], r"gave an array of shape \(3, 1\) for 3 conversations"),
        (2.0, r"gave an array of shape \(\) for 3 conversations"),
        ([1.0, float("nan"), 3.0], r"not finite for 1 of 3 conversations, first for conversation 1 \(nan\)"),
        ([10**400, 2.0, 3.0], "expected one number per conversation, 3 in all, got .*too large to convert to float"),
        ([10**5000] * 3, r"got a list that cannot be shown \(ValueError\): "),
        ([float("-inf"), 0.0, float("inf")], r"not finite for 2 of 3 conversations, first for conversation 0 \(-inf\)"),
    ],
)
def test_a_black_box_must_give_one_finite_number_each(answer: Any, words: str) -> None:
    with pytest.raises(ScoringError, match=words):
        score_all(BlackBox(lambda _: answer), stimuli()[:3])


class Silent:
    name = "silent"
    fingerprint = ""

    def score(self, conversations: object) -> Any:
        return ["high"] * 3

    def count_tokens(self, messages: object) -> int:
        return 1


def test_a_scorer_that_gives_no_numbers() -> None:
    with pytest.raises(ScoringError, match="silent: expected one number per conversation, 3 in all, got"):
        score_all(Silent(), stimuli()[:3])


class Careless(Silent):
    """Changes what it is given."""

    def score(self, conversations: Any) -> Any:
        for messages in conversations:
            messages[-1]["content"] = "X"
            messages.append("more")
        return [1.0] * len(conversations)


@pytest.mark.parametrize("scorer", [Careless(), BlackBox(Careless())])
def test_a_black_box_cannot_change_what_is_recorded(scorer: Any) -> None:
    given = stimuli()
    score_all(scorer, given)
    assert given == stimuli()
