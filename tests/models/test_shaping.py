"""What families do to a conversation beside its template, and what templates do that nobody asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmaudit import errors
from rmaudit.conversations import conversation
from rmaudit.models import load_reward_model
from rmaudit.models.shaping import Shaping, Steps, Turns
from tests.models.conftest import Saved
from tests.tiny import TEMPLATE, save_tiny_reward_model

ASKED = conversation("How much is 2 + 2 + 1?", "2 + 2 is 4.\n\n4 + 1 is 5.")


def test_the_end_of_sequence_text_of_openrlhf() -> None:
    shaping = Shaping(end_of_text="</s>")
    assert [shaping.finished(text) for text in ("a", "a\n\n", "a</s>", "a</s>\n", "a </s>")] == [
        "a </s>", "a </s>", "a</s>", "a</s>", "a </s>"
    ]  # fmt: skip


@given(st.lists(st.integers(0, 5), max_size=8))
def test_one_final_token(ids: list[int]) -> None:
    shaping = Shaping(final_token=5)
    if 5 in ids[:-1]:
        with pytest.raises(errors.FormattingError, match=r"the reward token \(id 5\).* stands inside it"):
            shaping.closed(ids)
    else:
        closed = shaping.closed(ids)
        assert closed[-1] == 5
        assert closed.count(5) == 1
        assert closed[: len(ids)] == ids
        assert shaping.closed(closed) == closed


def test_steps_are_marked_once() -> None:
    steps = Steps("<step>")
    marked = steps.marked(ASKED)
    assert marked[-1]["content"] == "2 + 2 is 4.<step>4 + 1 is 5.<step>"
    assert marked[:-1] == ASKED[:-1]
    assert steps.marked(marked) == marked
    lines = Steps(" ки", separator="\n", joined="\n").marked(conversation("?", "One.\nTwo.\n\n"))
    assert lines[-1]["content"] == "One. ки\nTwo. ки"
    with pytest.raises(errors.FormattingError, match="has no step"):
        steps.marked([*ASKED[:-1], {"role": "assistant", "content": " \n\n "}])


def test_steps_as_turns() -> None:
    turns = Turns("+").marked(ASKED)
    assert [turn["content"] for turn in turns] == ["How much is 2 + 2 + 1? 2 + 2 is 4.", "+", "4 + 1 is 5.", "+"]
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 2


@pytest.mark.parametrize("call", ["strftime_now('%d %B %Y')", "strftime_now('%Y-%m-%d')", "date_string"])
def test_the_date_that_a_template_writes_is_always_the_same(tmp_path: Path, call: str) -> None:
    template = "<|system|>Today is {{ " + call + " }}</s>" + TEMPLATE
    rm = load_reward_model(save_tiny_reward_model(tmp_path / "model", chat_template=template))
    assert re.search(r"26 Jul|26 July|2024-07-26", rm.formatter.render(ASKED))


def test_a_date_that_cannot_be_fixed_is_noted(tmp_path: Path) -> None:
    template = "{% set form = '%d' %}{{ strftime_now(form) }}" + TEMPLATE
    notes = load_reward_model(save_tiny_reward_model(tmp_path / "model", chat_template=template)).load_report.notes
    assert any("writes today's date" in note for note in notes)


def test_a_system_prompt_that_nobody_asked_for_is_noted(tmp_path: Path, saved: Saved) -> None:
    template = (
        "{% if messages[0]['role'] != 'system' %}<|system|>You are a helpful and harmless assistant.</s>{% endif %}"
        + TEMPLATE
    )
    notes = load_reward_model(save_tiny_reward_model(tmp_path / "model", chat_template=template)).load_report.notes
    assert any("words of its own" in note and "You are a helpful and harmless" in note for note in notes)
    opener = "BEGINNING OF CONVERSATION: USER: " + TEMPLATE  # Beaver's, no system prompt
    for folder in (saved("llama"), save_tiny_reward_model(tmp_path / "other", chat_template=opener)):
        assert not any("words of its own" in note for note in load_reward_model(folder).load_report.notes)


def test_a_template_of_which_the_last_three_tokens_are_shown(saved: Saved) -> None:
    report = load_reward_model(saved("llama")).load_report
    assert report.ending == ["r", ".", "</s>"]
    assert (report.final_token_id, report.generation_prompt) == (None, False)
