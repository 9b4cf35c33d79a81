"""A callable, or an object with `score`, as a black box."""

from __future__ import annotations

import numpy as np
import pytest

from rmaudit.conversations import conversation
from rmaudit.errors import ScoringError, UsageError
from rmaudit.scorers import BlackBox, Scorer

TEXTS = [conversation("Why?", "Because so."), conversation("Why?", "No.")]


def lengths(conversations):
    return [len(messages[-1]["content"]) for messages in conversations]


class Served:
    name = "served"
    fingerprint = "abc"

    def score(self, conversations):
        return np.array(lengths(conversations), dtype=np.float32)


def test_a_callable_and_an_object():
    for model, name in ((lengths, "lengths"), (Served(), "served")):
        box = BlackBox(model)
        assert isinstance(box, Scorer)
        assert box.name == name
        scores = box.score(TEXTS)
        assert scores.dtype == np.float64
        assert scores.tolist() == [11.0, 3.0]
    assert BlackBox(Served()).fingerprint == "abc"
    assert BlackBox(lengths).fingerprint == BlackBox(lengths).fingerprint


def test_lengths_are_counted_in_words():
    assert BlackBox(lengths).count_tokens(TEXTS[0]) == 3


def test_what_cannot_be_called():
    with pytest.raises(UsageError, match="int cannot be audited: expected a folder, a hub id, a callable"):
        BlackBox(3)


@pytest.mark.parametrize("scores", [["high", "low"], [[1.0], [1.0, 2.0]], [1.0, None, "x"], [{}, {}]])
def test_what_comes_back_must_be_numbers(scores):
    with pytest.raises(ScoringError, match="expected one number per conversation"):
        BlackBox(lambda _: scores).score(TEXTS)


def test_an_error_of_the_model_is_its_own():
    def broken(conversations):
        raise KeyError("weights")

    with pytest.raises(KeyError, match="weights"):
        BlackBox(broken).score(TEXTS)


def test_a_black_box_gets_copies():
    def careless(conversations):
        for messages in conversations:
            messages.pop()["content"] = ""
        return [1.0] * len(conversations)

    given = [conversation("Why?", "No.")]
    BlackBox(careless).score(given)
    assert given == [conversation("Why?", "No.")]


def test_a_black_box_is_checked_wherever_it_is_called():
    with pytest.raises(ScoringError, match="gave 1 scores for 2 conversations"):
        BlackBox(lambda _: [1.0]).score(TEXTS)
    with pytest.raises(ScoringError, match=r"not finite for 1 of 2 conversations, first for conversation 1 \(nan\)"):
        BlackBox(lambda _: [1.0, float("nan")]).score(TEXTS)
    with pytest.raises(ScoringError, match=r"nothing can be measured with these$"):
        BlackBox(lambda _: [float("inf")] * 2).score(TEXTS)
