"""Where a reward is read: every rule on sequences short enough to count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmaudit import errors
from rmaudit.models import load_reward_model
from rmaudit.models.positions import (
    BY_NAME,
    before_first,
    every,
    every_in_pattern,
    gate_and,
    last_non_pad,
    last_of,
    last_token,
    mean_of_all,
    readings,
)
from tests.models.conftest import Saved
from tests.models.spoiling import CONVERSATIONS

PAD = 9
IDS = st.lists(st.integers(0, PAD), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("ids", "last", "non_pad", "first_pad"),
    [
        ((1, 2, 3), 2, 2, 2),
        ((1, 2, 9), 2, 1, 1),
        ((1, 9, 3), 2, 2, 0),
        ((1, 9, 3, 9, 9), 4, 2, 0),
        ((9, 1, 2), 2, 2, 2),  # the rule of older versions wraps around
        ((9, 9, 1), 2, 2, 2),
    ],
)
def test_the_rules_in_use(ids: tuple[int, ...], last: int, non_pad: int, first_pad: int) -> None:
    assert readings(ids, PAD) == {"last": last, "last-non-pad": non_pad, "before-first-pad": first_pad}
    assert set(readings(ids, None).values()) == {len(ids) - 1}


@given(IDS)
def test_they_agree_where_no_pad_occurs(ids: list[int]) -> None:
    if PAD not in ids:
        assert set(readings(ids, PAD).values()) == {len(ids) - 1}


@given(IDS, st.integers(0, 5))
def test_transformers_rules_by_its_own_formulas(ids: list[int], padding: int) -> None:
    """With padding on the right, as the library computes them over a batch; ours sees the sequence alone."""
    row = ids + [PAD] * padding
    found = readings(ids, PAD)
    if any(token != PAD for token in ids):
        assert found["last-non-pad"] == max(range(len(row)), key=lambda index: index * (row[index] != PAD))
    else:
        assert "last-non-pad" not in found
    if padding == 0:
        first = max(range(len(row)), key=lambda index: (row[index] == PAD, -index)) if PAD in row else 0
        assert found["before-first-pad"] == (first - 1) % len(row)


def test_a_text_of_padding_alone_is_refused() -> None:
    with pytest.raises(errors.FormattingError, match="every token is the padding token"):
        last_non_pad(PAD).find((PAD, PAD))


def test_opts_first_token_is_no_padding() -> None:
    assert before_first(2, "padding token", skipped=1).find((2, 5, 6, 2)) == (2,)
    assert before_first(2, "padding token", skipped=1).find((2, 5, 6)) == (2,)


def test_special_tokens() -> None:
    assert last_of(7, "end token").find((7, 1, 7, 2)) == (2,)
    assert every(7, "step").find((7, 1, 7, 2)) == (0, 2)
    assert mean_of_all().find((4, 5, 6)) == (0, 1, 2)
    for rule in (last_of(7, "end token"), every(7, "end token")):
        with pytest.raises(errors.FormattingError, match=r"there is no end token \(id 7\) in the text"):
            rule.find((1, 2))


def test_runs_of_tokens() -> None:
    assert every_in_pattern((1, 2), 1, "verdict").find((1, 2, 1, 1, 2)) == (1, 4)
    gate = gate_and(last_token(), (1, 2), "answer header")
    assert gate.find((1, 2, 5, 1, 2, 6)) == (3, 5)
    for rule in (gate, every_in_pattern((1, 2), 1, "answer header")):
        with pytest.raises(errors.FormattingError, match="answer header"):
            rule.find((2, 1))


def test_a_position_of_the_users_choice(saved: Saved) -> None:
    folder = saved("llama", pad_is_eos=True)
    scores = {}
    for name in BY_NAME:
        rm = load_reward_model(folder, position=name)
        ids = [rm.encode(talk).ids for talk in CONVERSATIONS]
        places = [readings(own, rm.load_report.config_pad_token_id)[name] for own in ids]
        states = rm.states(ids, positions=[[place] for place in places])
        assert rm.score(CONVERSATIONS).tolist() == rm.scores_of(states).tolist()
        scores[name] = tuple(rm.score(CONVERSATIONS).tolist())
    assert len(set(scores.values())) == 3
    assert len({load_reward_model(folder, position=name).fingerprint for name in BY_NAME}) == 3
    with pytest.raises(errors.UsageError, match=r"unknown position 'lsat'; did you mean 'last'\?"):
        load_reward_model(folder, position="lsat")


def test_one_name_is_one_position(saved: Saved) -> None:
    """What the load report calls a rule says which token it looks for."""
    assert before_first(0, "token 0").title != BY_NAME["before-first-pad"](0).title
    assert before_first(0, "token 0").name == ""
    folder = saved("llama", pad_is_eos=True)
    assert (
        load_reward_model(folder, position="before-first-pad").load_report.position
        == before_first(2, "padding token").title
    )
