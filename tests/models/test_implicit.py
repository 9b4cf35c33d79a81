"""The implicit reward of DPO against TRL's own computation, written here from its definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import rmaudit
from rmaudit import errors
from rmaudit.models import ImplicitReward, load_implicit_reward
from tests.models.spoiling import CONVERSATIONS, reconfigure, rewrite, tensors_of
from tests.tiny import save_tiny_reward_model

BETA = 0.3


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("dpo")
    policy = save_tiny_reward_model(root / "0", head="none", seed=0, positions=2048)
    reference = save_tiny_reward_model(root / "1", head="none", seed=1, positions=2048)
    return policy, reference


def by_definition(folders: tuple[Path, Path], beta: float) -> list[float]:
    """Sum over the tokens after the opened prompt, each model through transformers alone."""
    tokenizer = AutoTokenizer.from_pretrained(folders[0])
    models = [AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval() for folder in folders]
    rewards = []
    for talk in CONVERSATIONS:
        ids = tokenizer.apply_chat_template(talk, return_dict=False)
        prompt = tokenizer.apply_chat_template(talk[:-1], add_generation_prompt=True, return_dict=False)
        assert ids[: len(prompt)] == prompt
        with torch.no_grad():
            logs = [torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1) for model in models]
        tokens = range(len(prompt), len(ids))
        rewards.append(beta * sum(float(logs[0][t - 1, ids[t]] - logs[1][t - 1, ids[t]]) for t in tokens))
    return rewards


def test_equal_to_the_definition(folders: tuple[Path, Path]) -> None:
    scorer = load_implicit_reward(*folders, beta=BETA)
    expected = by_definition(folders, BETA)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(scorer.score(CONVERSATIONS), expected, rtol=0, atol=1e-5)


def test_tokens_add_up_to_the_score(folders: tuple[Path, Path]) -> None:
    scorer = load_implicit_reward(*folders)
    parts = scorer.token_rewards(CONVERSATIONS)
    assert [float(own.sum()) for own in parts] == scorer.score(CONVERSATIONS).tolist()
    assert [len(own) for own in parts] == [
        scorer.count_tokens(talk) - len(scorer.policy.formatter.opened(talk[:-1])) for talk in CONVERSATIONS
    ]


def test_a_policy_against_itself_is_worth_nothing(folders: tuple[Path, Path]) -> None:
    assert load_implicit_reward(folders[0], folders[0]).score(CONVERSATIONS).tolist() == [0.0, 0.0]


def test_a_tied_language_model_head(tmp_path: Path) -> None:
    folders = []
    for seed in (0, 1):
        folder = save_tiny_reward_model(tmp_path / str(seed), head="none", seed=seed)
        tensors = {key: tensor for key, tensor in tensors_of(folder).items() if key != "lm_head.weight"}
        folders.append(reconfigure(rewrite(folder, tensors), tie_word_embeddings=True))
    pair = (folders[0], folders[1])
    found = load_implicit_reward(*pair, beta=1.0).score(CONVERSATIONS)
    np.testing.assert_allclose(found, by_definition(pair, 1.0), rtol=0, atol=1e-5)


def test_it_is_a_scorer_like_any_other(folders: tuple[Path, Path]) -> None:
    policy, reference = folders
    scorer = rmaudit.load(policy, reference=reference, beta=BETA)
    assert isinstance(scorer, ImplicitReward)
    assert rmaudit.score(scorer, CONVERSATIONS).tolist() == scorer.score(CONVERSATIONS).tolist()
    assert scorer.fingerprint != rmaudit.load(policy, reference=reference).fingerprint
    record = rmaudit.audit(scorer, probes=["length_bias"], limit=8)
    assert record.model["kind"] == "black box"
    assert record.model["beta"] == BETA
    assert record.model["reference_model"] == str(reference)
    assert record.findings[0].verdict != "error"
    with pytest.raises(errors.AttributionError, match="black box"):
        rmaudit.attribute(scorer, CONVERSATIONS[0])
    with pytest.raises(errors.UsageError, match="only a checkpoint with a reward head"):
        rmaudit.examine(policy, reference=reference)


def test_what_cannot_be(folders: tuple[Path, Path], tmp_path: Path) -> None:
    policy, reference = folders
    with pytest.raises(errors.UsageError, match="beta: expected a number above 0, got 0"):
        load_implicit_reward(policy, reference, beta=0)
    with pytest.raises(errors.UsageError, match="beta belongs to an implicit reward"):
        rmaudit.load(policy, beta=0.1)
    other = save_tiny_reward_model(tmp_path / "other", head="none", bos=False, special_tokens=("<|more|>",))
    with pytest.raises(errors.UsageError, match="have different vocabularies"):
        load_implicit_reward(policy, other)
    with pytest.raises(errors.UnknownRewardHeadError, match=r"score\.weight"):
        load_implicit_reward(save_tiny_reward_model(tmp_path / "rm"), reference)
    with pytest.raises(errors.MissingRewardHeadError, match="--reference MODEL"):
        rmaudit.load(policy)


def test_a_cut_prompt_leaves_the_answer_whole(folders: tuple[Path, Path]) -> None:
    """The tokens that count are the answer's, also where the prompt's beginning is gone."""
    whole = load_implicit_reward(*folders)
    answers = [len(parts) for parts in whole.token_rewards(CONVERSATIONS)]
    longest = max(map(whole.count_tokens, CONVERSATIONS))
    cut = load_implicit_reward(*folders, truncate="prompt-left", max_length=longest - 4)
    assert [len(parts) for parts in cut.token_rewards(CONVERSATIONS)] == answers
    ids = [cut.encode(talk).ids for talk in CONVERSATIONS]
    expected = by_ids(folders, ids, answers)
    np.testing.assert_allclose(cut.score(CONVERSATIONS), expected, rtol=0, atol=1e-5)


def by_ids(folders: tuple[Path, Path], ids: list[tuple[int, ...]], answers: list[int]) -> list[float]:
    """The reward (beta 0.1) of the last tokens of each sequence, through transformers alone."""
    models = [AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval() for folder in folders]
    rewards = []
    for own, answer in zip(ids, answers, strict=True):
        with torch.no_grad():
            logs = [torch.log_softmax(model(torch.tensor([own])).logits[0].double(), -1) for model in models]
        tokens = range(len(own) - answer, len(own))
        rewards.append(0.1 * sum(float(logs[0][t - 1, own[t]] - logs[1][t - 1, own[t]]) for t in tokens))
    return rewards


def test_a_reference_that_reads_less(folders: tuple[Path, Path], tmp_path: Path) -> None:
    short = save_tiny_reward_model(tmp_path / "short", head="none", positions=16)
    scorer = load_implicit_reward(folders[0], short)
    with pytest.raises(errors.TooLongError, match="the model reads 16"):
        scorer.score(CONVERSATIONS)


def test_options_and_conversations_that_make_no_sense(folders: tuple[Path, Path]) -> None:
    with pytest.raises(errors.UsageError, match="position: without effect on an implicit reward"):
        load_implicit_reward(*folders, position="last")
    scorer = load_implicit_reward(*folders)
    with pytest.raises(errors.FormattingError, match="no prompt before the answer"):
        scorer.score([[{"role": "assistant", "content": "Hello."}]])
