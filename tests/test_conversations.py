"""The text unit: what is a conversation, and what is said of one that is not."""

from __future__ import annotations

import pytest

from rmaudit.conversations import (
    answer_of,
    checked_conversation,
    checked_messages,
    conversation,
    conversation_key,
    words,
)
from rmaudit.errors import DataError

USER = {"role": "user", "content": "Why?"}
ANSWER = {"role": "assistant", "content": "Because."}


def test_a_string_prompt_is_one_user_turn():
    assert conversation("Why?", "Because.") == [USER, ANSWER]


def test_messages_before_the_answer_are_kept():
    before = [{"role": "system", "content": ""}, USER, ANSWER, USER]
    assert conversation(before, "Because.") == [*before, ANSWER]
    assert answer_of(conversation(before, "Because.")) == "Because."


def test_other_keys_of_a_message_are_dropped_and_nothing_is_changed():
    given = [{**USER, "name": "Ann"}, ANSWER]
    assert checked_conversation(given) == [USER, ANSWER]
    assert given[0]["name"] == "Ann"


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ("Why?", "messages: expected a list of {role, content}, got str"),
        ({"role": "user"}, "messages: expected a list of {role, content}, got dict"),
        (None, "messages: expected a list of {role, content}, got NoneType"),
        ([USER], "messages: a conversation to be scored ends with an assistant turn"),
        ([], "messages: a conversation to be scored ends with an assistant turn"),
        ([USER, {"role": "assistant", "content": " \n"}], "content: the answer to be scored is empty"),
        ([USER, "Because."], "messages[1]: expected an object with 'role' and 'content', got 'Because.'"),
        ([{"role": "user"}, ANSWER], "messages[0]: expected an object with 'role' and 'content'"),
        (
            [{"role": "human", "content": "Why?"}, ANSWER],
            "messages[0].role: expected one of system, user, assistant, got 'human'",
        ),
        ([{"role": "user", "content": ["Why?"]}, ANSWER], "messages[0].content: expected a string, got list"),
        ([USER, {"role": "assistant", "content": None}], "messages[1].content: expected a string, got NoneType"),
        (
            [USER, {"role": "assistant", "content": "\ud83d"}],
            "messages[1].content: expected text, got half of a surrogate pair",
        ),
    ],
)
def test_what_is_no_conversation(messages, told):
    with pytest.raises(DataError) as caught:
        checked_conversation(messages)
    assert str(caught.value).startswith(told)


def test_messages_may_be_empty_where_no_answer_is_asked_for():
    assert checked_messages([]) == []


def test_an_error_message_stays_short():
    with pytest.raises(DataError) as caught:
        checked_messages([{"role": "x" * 10_000, "content": ""}])
    assert len(str(caught.value)) < 300


def test_key_tells_roles_and_contents_apart():
    texts = [
        conversation("a", "b"),
        conversation("a", "b "),
        conversation("ab", "b"),
        conversation([{"role": "system", "content": "a"}], "b"),
        conversation("é", "b"),
        conversation("e\u0301", "b"),
    ]
    assert len({conversation_key(text) for text in texts}) == len(texts)
    assert conversation_key(conversation("a", "b")) == conversation_key([*texts[0]])
    assert len(conversation_key(texts[0])) == 64


def test_words_are_separated_by_white_space():
    assert words(" two\nwords\t") == 2
    assert words("") == 0
