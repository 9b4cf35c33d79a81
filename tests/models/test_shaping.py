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
from rmaudit.models.shaping import Shaping, Steps, Turns, check_steps
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


def test_an_answer_is_marked_where_every_step_is() -> None:
    steps, tags = Steps("<step>"), Steps(" ки", separator="\n", joined="\n")
    for text, rule, count in (
        ("A.<step>B.\n\nC.<step>", steps, 2),
        ("A.<step>\n\nB.<step>\n", steps, 2),
        ("A. ки\nB. ки", tags, 2),
        ("A. ки B.ки\n", tags, 2),
    ):
        asked = conversation("?", text)
        assert rule.marked(asked) == asked
        assert rule.count(asked) == count
    for text, rule in (
        ("A.<step>B.\n\nC.\n\nD", steps),
        ("A.<step><step>", steps),
        ("<step>A.<step>", steps),
        ("<step>", steps),
        ("A. ки\nB.", tags),
    ):
        told = "not at the end of every step; mark the steps yourself .*or take it out"
        with pytest.raises(errors.FormattingError, match=told):
            rule.marked(conversation("?", text))


def test_a_mark_of_letters_within_a_word_marks_nothing() -> None:
    tags = Steps(" ки", separator="\n", joined="\n")
    asked = conversation("?", "Это кино.\nРеки и сказки.")
    assert tags.marked(asked)[-1]["content"] == "Это кино. ки\nРеки и сказки. ки"
    assert tags.count(asked) == 2


def test_white_space_as_a_mark_stands_after_the_last_step_too() -> None:
    breaks = Steps("\n\n")
    assert breaks.marked(ASKED)[-1]["content"] == "2 + 2 is 4.\n\n4 + 1 is 5.\n\n"
    assert breaks.count(ASKED) == 2
    assert breaks.strays(ASKED) == []


def test_as_many_step_ends_as_steps() -> None:
    check_steps(Steps("<step>"), ASKED, 2)
    with pytest.raises(errors.FormattingError, match=r"reads 3 step ends .* 2 steps: .* stands elsewhere, too"):
        check_steps(Steps("<step>"), ASKED, 3)
    with pytest.raises(errors.FormattingError, match="reads 1 step ends .* tokenizer changes '<step>'"):
        check_steps(Steps("<step>"), ASKED, 1)


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
    assert words_of_its_own(saved("llama")) == []


def words_of_its_own(folder: Path) -> list[str]:
    return [note for note in load_reward_model(folder).load_report.notes if "words of its own" in note]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("Be rude." + TEMPLATE, "in front of the prompt, as a system prompt: 'Be rude.'"),
        (TEMPLATE + "Rate politeness.", "after the answer: 'Rate politeness.'"),
        ("Human: {{ messages[0].content }}\n\nReply as a pirate.\n\nAssistant: {{ messages[1].content }}",
         "between prompt and answer: 'Reply as a pirate. Assistant:'"),
        ("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}<|end|> Honest?",
         "after the answer: '<|im_end|><|end|> Honest?'"),
    ],
    ids=["before", "after", "between", "markup"],
)  # fmt: skip
def test_a_few_words_are_told_wherever_they_stand(tmp_path: Path, template: str, said: str) -> None:
    [note] = words_of_its_own(save_tiny_reward_model(tmp_path / "model", chat_template=template))
    assert note == f"the chat template puts words of its own {said}"


@pytest.mark.parametrize(
    "template",
    [
        "BEGINNING OF CONVERSATION: USER: {{ messages[0].content }} ASSISTANT:{{ messages[1].content }}",
        "{% for m in messages %}GPT4 Correct {{ m.role.title() }}: {{ m.content }}<|end_of_turn|>{% endfor %}",
        "\n\nHuman: {{ messages[0].content }}\n\nAssistant: {{ messages[1].content }}",
        "[INST] <<SYS>>\n\n<</SYS>> {{ messages[0].content }} [/INST] {{ messages[1].content }}",
        "### Instruction:\n{{ messages[0].content }}\n\n### Response:\n{{ messages[1].content }}",
        "<start_of_turn>user\n{{ messages[0].content }}<end_of_turn>\n<start_of_turn>model\n{{ messages[1].content }}",
    ],
    ids=["beaver", "openchat", "human", "llama 2", "instruction", "gemma"],
)
def test_roles_and_openers_are_no_words(tmp_path: Path, template: str) -> None:
    assert words_of_its_own(save_tiny_reward_model(tmp_path / "model", chat_template=template)) == []


def test_ignored_turns_are_noted(tmp_path: Path, saved: Saved) -> None:
    def ignored(folder: Path) -> list[str]:
        return [note for note in load_reward_model(folder).load_report.notes if "ignores" in note]

    deaf = "{% for m in messages if m.role != 'system' %}<|{{ m.role }}|>{{ m.content }}</s>{% endfor %}"
    last = "<|user|>{{ messages[-2].content }}</s><|assistant|>{{ messages[-1].content }}</s>"
    note = "the chat template ignores {} turns; they have no say in the score"
    assert ignored(saved("llama")) == []
    assert ignored(saved("llama", chat_template=deaf)) == [note.format("system")]
    assert ignored(saved("llama", chat_template=last)) == [note.format("system"), note.format("earlier")]


def test_a_template_of_which_the_last_three_tokens_are_shown(saved: Saved) -> None:
    report = load_reward_model(saved("llama")).load_report
    assert report.ending == ["r", ".", "</s>"]
    assert (report.final_token_id, report.generation_prompt) == (None, False)
