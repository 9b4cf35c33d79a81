"""An error about one of many conversations says which."""

from __future__ import annotations

from typing import Any

import pytest

from rmaudit.conversations import checked_conversation, conversation
from rmaudit.errors import DataError, FormattingError, ScoringError, TooLongError
from rmaudit.scoring import LocalEngine, Plan, convert_all, encode_all, score_all
from tests.scoring.conftest import Loaded

SHORT = conversation("Why?", "So.")
LONG = conversation([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Tell me " * 200}], "No.")


def test_a_conversation_that_is_too_long_is_named_with_its_first_words(loaded: Loaded) -> None:
    rm = loaded("llama", positions=100)
    beginning = ("Tell me " * 200)[:60].rstrip()
    told = rf"^conversation 1 \(counted from 0\), which begins '{beginning} \.\.\.': the conversation has \d+ tokens"
    for scored in (LocalEngine(rm).score, lambda texts: score_all(rm, texts)):
        with pytest.raises(TooLongError, match=told):
            scored([SHORT, LONG, SHORT])


def test_the_caller_may_have_names(loaded: Loaded) -> None:
    rm = loaded("llama", positions=100)
    names = ["row a of f.jsonl", "row b of f.jsonl"]
    with pytest.raises(TooLongError, match=r"^row b of f\.jsonl, which begins 'Tell me"):
        score_all(rm, [SHORT, LONG], name_of=names.__getitem__)
    with pytest.raises(TooLongError, match=r"^row b of f\.jsonl, which begins 'Tell me"):
        encode_all(rm, [SHORT, LONG], names.__getitem__)


def test_many_at_once_are_the_same_ids_as_one_by_one(loaded: Loaded) -> None:
    """More conversations than the tokenizer gets at once, of unequal length."""
    rm = loaded("llama")
    talks = [conversation(f"Why {n}?", "So it is. " * (n % 7 + 1)) for n in range(600)]
    assert encode_all(rm, talks) == [rm.encode(talk) for talk in talks]


def test_the_first_stimulus_names_a_conversation_that_several_share() -> None:
    plan = Plan([SHORT, LONG, SHORT, LONG, conversation("Why?", "No.")])
    assert [plan.first_use(place) for place in range(3)] == [0, 1, 4]


def test_what_the_template_refuses_is_named(loaded: Loaded) -> None:
    template = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ messages }}"
    rm = loaded("llama", chat_template=template)
    refused = conversation([{"role": "system", "content": "S"}, {"role": "user", "content": "Why\x1b?"}], "No.")
    with pytest.raises(FormattingError) as caught:
        score_all(rm, [SHORT, refused])
    assert str(caught.value).startswith(
        r"conversation 1 (counted from 0), which begins 'Why\x1b?': the chat template refuses"
    )


@pytest.mark.parametrize("malformed", [None, "text", 3, [], ["text"], [{"role": "user"}], [{"content": 3}]])
def test_what_is_no_conversation_is_named_by_its_number(malformed: Any) -> None:
    with pytest.raises(DataError, match=r"^conversation 1 \(counted from 0\): messages"):
        convert_all(checked_conversation, [SHORT, malformed])


def test_other_errors_are_their_own() -> None:
    def broken(conversation: object) -> None:
        raise ScoringError("no")

    with pytest.raises(ScoringError, match="^no$"):
        convert_all(broken, [SHORT])
