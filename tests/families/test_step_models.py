"""Process reward models read as many places as the answer has steps, or refuse the conversation."""

from __future__ import annotations

import pytest

from rmaudit.errors import FormattingError
from rmaudit.models import RewardModel
from tests.families.conftest import Loaded
from tests.families.references import Conversation

QWEN = ("qwen prm", {"aggregate": "min"})
SHEPHERD = ("math shepherd", {"aggregate": "min", "judge_tokens": ("+", "-"), "step_token": "ки"})
RLHFLOW = ("rlhflow", {"aggregate": "min", "family": "rlhflow_prm", "judge_tokens": ("+", "-")})


def told(*turns: str) -> Conversation:
    """A conversation between user and assistant."""
    return [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(turns)]


@pytest.fixture
def rm(request: pytest.FixtureRequest, loaded: Loaded) -> RewardModel:
    layout, declared = request.param
    return loaded(layout, **declared)


@pytest.mark.parametrize(
    ("rm", "conversation", "where"),
    [
        (QWEN, told("What is <extra_0>?", "A.\n\nB."), r"in turn 1 \(user\)"),
        (QWEN, told("Hi.", "No.<extra_0>", "Why?", "A.\n\nB."), r"in turn 2 \(assistant\)"),
        (QWEN, [{"role": "system", "content": "<extra_0>"}, *told("Hi.", "A.<extra_0>B.<extra_0>")], r"in turn 1 \(system\)"),
        (SHEPHERD, told("Какие сказки?", "A.\nB."), r"in turn 1 \(user\)"),
        (SHEPHERD, told("Что?", "Это кино.\nРеки и сказки."), "inside a word of the answer"),
        (SHEPHERD, told("Сказки?", "Кино.\nРеки."), r"in turn 1 \(user\) and inside a word of the answer"),
        (RLHFLOW, told("What is this sign?", "+", "Why?", "A.\n\nB."), r"at the end of turn 2 \(assistant\)"),
        (RLHFLOW, told("Hi.", "The sign is\n\n+", "Why?", "A.\n\nB."), r"at the end of turn 2 \(assistant\)"),
        (RLHFLOW, told("Which sign?", "A.\n\n+\n\nB."), "at the end of step 2 of the answer"),
    ],
    indirect=["rm"],
)  # fmt: skip
def test_a_step_token_that_ends_no_step_is_refused(rm: RewardModel, conversation: Conversation, where: str) -> None:
    with pytest.raises(
        FormattingError, match=rf"stands {where}, too; leave the conversation out, or take it out there"
    ):
        rm.encode(conversation)
    with pytest.raises(FormattingError):
        rm.score([conversation])


@pytest.mark.parametrize(
    ("rm", "answer"),
    [
        (QWEN, "A.<extra_0>B.\n\nC.\n\nD"),
        (QWEN, "A.<extra_0><extra_0>"),
        (QWEN, "<extra_0>A.\n\nB."),
        (SHEPHERD, "A. ки\nB."),
    ],
    indirect=["rm"],
)
def test_an_answer_that_is_marked_in_part_is_refused(rm: RewardModel, answer: str) -> None:
    with pytest.raises(FormattingError, match="not at the end of every step; mark the steps yourself"):
        rm.encode(told("What?", answer))


@pytest.mark.parametrize(
    ("rm", "answer", "steps"),
    [
        (QWEN, "A.<extra_0>B.\n\nC.<extra_0>D.<extra_0>\n", 3),
        (QWEN, "A.\n\nB.\n\n", 2),
        (SHEPHERD, "A. ки\nB. ки", 2),
        (SHEPHERD, "A.\nB.\nC.", 3),
        (RLHFLOW, "2 + 2.\n\nA + B.", 2),
    ],
    indirect=["rm"],
)
def test_every_step_is_read(rm: RewardModel, answer: str, steps: int) -> None:
    assert len(rm.positions(rm.encode(told("What is 1 + 1?", answer)).ids)) == steps


@pytest.mark.parametrize("layout", [QWEN, RLHFLOW], ids=["qwen", "rlhflow"])
def test_the_steps_are_read_where_the_prompt_is_cut(layout: tuple[str, dict[str, str]], loaded: Loaded) -> None:
    name, declared = layout
    rm = loaded(name, truncate="prompt-left", max_length=60, **declared)
    encoded = rm.encode(told("What is 1 + 1? " * 20, "One and one.\n\nTwo."))
    assert encoded.removed > 0
    assert len(rm.positions(encoded.ids)) == 2


def test_an_earlier_turn_without_the_mark_is_no_step(loaded: Loaded) -> None:
    for layout, declared in (QWEN, RLHFLOW):
        rm = loaded(layout, **declared)
        assert len(rm.positions(rm.encode(told("Hi.", "Yes.\n\nWell.", "Why?", "A.\n\nB.")).ids)) == 2
