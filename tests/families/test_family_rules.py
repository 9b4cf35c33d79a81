"""What the families promise beside their formulas: options, signs, linear maps, positions and packing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rmaudit.errors import (
    AttributionError,
    DataError,
    FormattingError,
)
from rmaudit.models import RewardModel, load_reward_model
from rmaudit.scoring import LocalEngine
from tests.families.cases import CASES, CONVERSATIONS, LINES, PARAGRAPHS, YES_NO
from tests.families.checkpoints import ADDED, LAYOUTS, LLAMA_TOKENS, save
from tests.families.conftest import Loaded
from tests.families.references import Conversation

GATED = ["armo", "qrm llama", "qrm gemma"]
READ_TWICE = ["armo", "qrm gemma", "qwen prm, mean", "open assistant mean", "rlhflow, min", "math shepherd, product"]


def told(*turns: str) -> Conversation:
    """A conversation between user and assistant."""
    return [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(turns)]


def dotted(rm: RewardModel, conversation: Conversation) -> float:
    """The score by the linear map at this conversation."""
    ids = rm.encode(conversation).ids
    found = rm.linear_map(ids)
    [vectors] = rm.states([ids], positions=[rm.positions(ids)])
    return float((found.weights * vectors.double()).sum()) + found.bias


@pytest.mark.parametrize("layout", ["openrlhf old", "openrlhf new", "openrlhf classifier"])
def test_openrlhf_normalises_on_request_only(layout: str, loaded: Loaded) -> None:
    raw, normalised = loaded(layout), loaded(layout, normalise=True)
    expected = (raw.score(CONVERSATIONS) - 0.3) / 1.7
    np.testing.assert_allclose(normalised.score(CONVERSATIONS), expected, rtol=1e-6)
    assert (raw.load_report.transform, normalised.load_report.transform) == ("", "(output - 0.3) / 1.7")
    assert raw.fingerprint != normalised.fingerprint


@pytest.mark.parametrize("layout", ["openrlhf old", "openrlhf new"])
def test_openrlhf_reads_one_eos_at_the_end(layout: str, loaded: Loaded) -> None:
    rm = loaded(layout)
    for answer in ("Green.", "Green.\n\n", "Green.</s>"):
        ids = rm.encode(told("Name a colour.", answer)).ids
        assert ids[-1] == rm.tokenizer.eos_token_id
        assert rm.positions(ids) == (len(ids) - 1,)


@pytest.mark.parametrize("layout", ["internlm2", "athene"])
def test_the_token_that_is_read_stands_once_at_the_end(layout: str, loaded: Loaded) -> None:
    rm, token = loaded(layout), ADDED
    ids = rm.encode(CONVERSATIONS[0]).ids
    assert (ids[-1], ids.count(token)) == (token, 1)
    text = rm.tokenizer.convert_ids_to_tokens(token)
    written = loaded(layout, chat_template=rm.tokenizer.chat_template + text)
    assert written.encode(CONVERSATIONS[0]).ids == ids
    with pytest.raises(FormattingError, match="stands inside"):
        rm.encode(told("Name a colour.", f"Green. {text} Or blue."))


@pytest.mark.parametrize(("kind", "sign"), [("reward", 1), ("cost", -1), ("critic", 1)])
def test_beaver_signs_and_epsilon(kind: str, sign: int, tmp_path: Path) -> None:
    raw = _beaver(tmp_path, "raw", "critic", do_normalize=True).score(CONVERSATIONS)
    # A variance of zero leaves the epsilon alone to divide by.
    rm = _beaver(tmp_path, "one", kind, do_normalize=True, mean=[0.5], var=[0.0])
    mean = {"reward": 0.5, "cost": 0.0, "critic": 0.0}[kind]
    divisor = 1.0 if kind == "critic" else 1e-8
    np.testing.assert_allclose(rm.score(CONVERSATIONS), sign * (raw - mean) / divisor, rtol=1e-5)
    off = _beaver(tmp_path, "off", kind, do_normalize=False, mean=[0.5], var=[4.0])
    np.testing.assert_array_equal(off.score(CONVERSATIONS), sign * raw)


def _beaver(parent: Path, name: str, kind: str, **config: Any) -> RewardModel:
    layout = LAYOUTS["beaver critic"]
    settings = {**layout.config, "mean": None, "var": None, "score_type": kind, **config}
    return load_reward_model(save(replace(layout, config=settings), parent / name))


@pytest.mark.parametrize("name", GATED)
def test_a_gated_head_is_linear_for_one_prompt(name: str, loaded: Loaded) -> None:
    rm = loaded(name)
    maps, gates = [], []
    for conversation in CONVERSATIONS:
        assert dotted(rm, conversation) == pytest.approx(float(rm.score([conversation])[0]), abs=1e-5)
        ids = rm.encode(conversation).ids
        [vectors] = rm.states([ids], positions=[rm.positions(ids)])
        gates.append(rm.head.gate(vectors[:1]))
        maps.append(rm.linear_map(ids).weights)
    torch.testing.assert_close(gates[0], gates[1], rtol=0, atol=1e-6)
    torch.testing.assert_close(maps[0], maps[1], rtol=0, atol=1e-6)
    other = rm.encode(told("Why do cats sleep by day?", "Green.")).ids
    assert not torch.allclose(rm.linear_map(other).weights, maps[0], atol=1e-4)


def test_the_gate_reads_the_last_turn_that_opens_an_answer(loaded: Loaded) -> None:
    rm = loaded("armo")
    ids = rm.encode(told("One?", "Two.", "Three?", "Four.")).ids
    ends = [index for index, token in enumerate(ids) if token == rm.tokenizer.convert_tokens_to_ids(LLAMA_TOKENS[0])]
    assert rm.positions(ids) == (ends[2], len(ids) - 1)


def test_a_temperature_that_is_not_in_the_files_is_told(loaded: Loaded) -> None:
    untold = [any("gating_temperature" in note for note in loaded(name).load_report.notes) for name in GATED]
    assert untold == [False, False, True]


def test_batch_normalisation_reads_the_training_statistics(loaded: Loaded) -> None:
    rm = loaded("qrm llama")
    together = rm.score([*CONVERSATIONS, told("Who?", "Nobody I know.")])[:2]
    alone = [rm.score([conversation])[0] for conversation in CONVERSATIONS]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)
    assert not any(module.training for module in [*rm.head.modules(), *rm.backbone.modules()])


def test_no_ties_from_a_backbone_in_half_precision(loaded: Loaded) -> None:
    rm = loaded("ultra", dtype="bfloat16")
    pairs = torch.randint(6, 260, (1000, 2, 6), generator=torch.Generator().manual_seed(0))
    ids = pairs.reshape(-1, 6).tolist()
    scores = rm.score_ids(ids).reshape(-1, 2)
    assert (scores[:, 0] != scores[:, 1]).all()
    [weight] = rm.head.held().values()
    on_a_grid = (rm.readout_ids(ids).bfloat16() @ weight.bfloat16().T).unique()
    assert len(on_a_grid) < len(np.unique(scores)) == 2000


@pytest.mark.parametrize(
    ("name", "conversations"),
    [("qwen prm, min", PARAGRAPHS), ("math shepherd, min", LINES), ("rlhflow, min", PARAGRAPHS)],
)
def test_a_position_for_every_step(name: str, conversations: list[Conversation], loaded: Loaded) -> None:
    case = CASES[name]
    rm = loaded(case.layout, **case.declared)
    counts = [len(rm.positions(rm.encode(conversation).ids)) for conversation in conversations]
    assert counts == [3, 1, 2]
    for empty in ("", "\n\n"):
        with pytest.raises((DataError, FormattingError)):
            rm.encode(told("What is 2 + 3?", empty))
    with pytest.raises(FormattingError):
        rm.score_ids([[1, 70, 71, 72]])


def test_steps_that_are_marked_already_are_left_alone(loaded: Loaded) -> None:
    rm = loaded("qwen prm", aggregate="last")
    marked = told("What is 2 + 3?", "Two and three.<extra_0>That is five.<extra_0>So 5.<extra_0>")
    assert rm.encode(marked).ids == rm.encode(PARAGRAPHS[0]).ids


def test_a_judge_is_the_difference_of_two_rows(loaded: Loaded) -> None:
    for layout, scale in (("judge", 1.0), ("judge divided", 1 / 3), ("judge scaled", 0.3)):
        rm = loaded(layout, judge_tokens=YES_NO)
        good, bad = next(iter(rm.head.held().values())).double()
        ids = rm.encode(CONVERSATIONS[0]).ids
        torch.testing.assert_close(rm.linear_map(ids).weights[-1], scale * (good - bad), rtol=1e-6, atol=0)
        assert dotted(rm, CONVERSATIONS[0]) == pytest.approx(float(rm.score(CONVERSATIONS[:1])[0]), abs=1e-5)


def test_capped_logits_are_not_linear(loaded: Loaded) -> None:
    rm = loaded("judge capped", judge_tokens=YES_NO)
    assert rm.load_report.head_kind == "non-linear"
    with pytest.raises(AttributionError, match="non-linear"):
        rm.linear_map(rm.encode(CONVERSATIONS[0]).ids)


@pytest.mark.parametrize("name", READ_TWICE)
def test_packing_batches_and_padding_change_nothing(name: str, loaded: Loaded) -> None:
    case = CASES[name]
    rm = loaded(case.layout, **case.declared)
    conversations = [
        *case.conversations,
        *(told("What is 2 + 3?", answer) for answer in ("Five.", "Five, said the owl, and was gone.")),
        told("Why?", "Because.", "And why that?", "It is so." if "rlhflow" in name else "It is so.\n\nAs ever."),
    ]
    if "shepherd" in name:
        conversations.pop()  # its template has one turn
    alone = np.array([float(rm.score([conversation])[0]) for conversation in conversations])
    assert len(set(alone)) == len(alone)
    np.testing.assert_allclose(LocalEngine(rm).score(conversations), alone, rtol=0, atol=1e-5)
    ids = [rm.encode(conversation).ids for conversation in conversations]
    for side in ("right", "left"):
        batched = rm.score_ids(ids, batch_size=8, padding_side=side)
        np.testing.assert_allclose(batched, alone, rtol=0, atol=1e-5)
