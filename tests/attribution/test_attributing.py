"""One score, and one preference, traced back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rmaudit.attribution import attribute_conversation
from rmaudit.attribution.attributing import differing
from rmaudit.attribution.showing import visible
from rmaudit.conversations import conversation
from rmaudit.errors import AttributionError
from tests.attribution.conftest import Tiny
from tests.tiny import FAMILIES

PROMPT = "Which river is there?"
ASKED = conversation(PROMPT, "The Elbe; a good path.")
OTHER = conversation(PROMPT, "The Elbe; a bad road, and a long one.")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_margins_parts_add_up_to_the_margin(tiny: Tiny, family: str) -> None:
    rm = tiny(family)
    scores = rm.score([ASKED, OTHER])
    found = attribute_conversation(rm, ASKED, OTHER, tokens=False)
    margin = found.margin
    assert margin is not None
    assert found.against is not None
    assert margin.value == pytest.approx(scores[0] - scores[1], abs=1e-5)
    assert margin.value == found.score - found.against.score
    for total in (sum(margin.residual.values()), float(margin.head.sum())):
        assert abs(total - margin.value) <= margin.error <= 1e-5 * max(1.0, abs(margin.value))
    assert tuple(margin.residual) == found.residual.names
    assert margin.residual.get("final norm bias", 0.0) == pytest.approx(0.0, abs=1e-12)
    errors = [found.head.error, found.residual.error, found.against.head.error, found.against.residual.error]
    assert found.completeness_error == max(*errors, margin.error)
    assert found.tokens is None


def test_the_score_is_the_models_whatever_is_asked_for(tiny: Tiny) -> None:
    rm = tiny("llama")
    alone = attribute_conversation(rm, ASKED)
    assert alone.score == alone.head.score == pytest.approx(float(rm.score([ASKED])[0]), abs=1e-6)
    assert (alone.against, alone.margin) == (None, None)
    assert alone.completeness_error == max(alone.head.error, alone.residual.error)
    assert alone.tokens is not None
    assert alone.tokens.converged


def test_identical_answers_have_a_margin_of_exactly_zero(tiny: Tiny) -> None:
    margin = attribute_conversation(tiny("llama"), ASKED, ASKED, tokens=False).margin
    assert margin is not None
    assert (margin.value, margin.error) == (0.0, 0.0)
    assert set(margin.residual.values()) == {0.0}
    assert not margin.head.any()
    assert not any(margin.differs + margin.differs_against)


def test_the_tokens_that_differ_are_marked_on_both_sides(tiny: Tiny) -> None:
    found = attribute_conversation(tiny("llama"), ASKED, OTHER)
    margin, own, other = found.margin, found.tokens, found.against.tokens if found.against else None
    assert margin is not None
    assert own is not None
    assert other is not None
    assert len(margin.differs) == len(own.ids)
    assert len(margin.differs_against) == len(other.ids)
    same = [text for text, differs in zip(own.texts, margin.differs, strict=True) if not differs]
    assert same == [text for text, differs in zip(other.texts, margin.differs_against, strict=True) if not differs]
    assert "".join(same).startswith(f"<s><|user|>{PROMPT}</s><|assistant|>The Elbe; a ")
    assert differing([1, 2, 3, 4], [1, 5, 3, 4, 6]) == ((False, True, False, False), (False, True, False, False, True))
    assert differing([7] * 300, [7] * 301)[0] == (False,) * 300  # a frequent token is no junk


def test_a_one_token_answer_has_parts_too(tiny: Tiny) -> None:
    found = attribute_conversation(tiny("llama"), conversation("?", "a"), conversation("?", "b"))
    assert found.completeness_error < 1e-5
    assert found.margin is not None
    assert sum(found.margin.differs) == sum(found.margin.differs_against) == 1


def test_a_black_box_is_refused() -> None:
    class Remote:
        fingerprint = "x"

        def score(self, conversations: object) -> np.ndarray:
            return np.zeros(1)

    for scorer in (Remote(), lambda conversations: [0.0]):
        with pytest.raises(
            AttributionError, match=f"needs the model's weights, and {type(scorer).__name__} gives scores"
        ):
            attribute_conversation(scorer, ASKED)


def test_the_dictionary_is_json_and_says_the_same(tiny: Tiny) -> None:
    found = attribute_conversation(tiny("gpt2"), ASKED, OTHER)
    fields = found.as_dict()
    assert json.loads(json.dumps(fields, allow_nan=False)) == fields
    assert fields["score"] == float(f"{found.score:.9g}")
    head, margin = fields["head"], fields["margin"]
    assert len(head["top"]) == 10
    assert head["others"] == len(found.head.parts) - 10
    sizes = [abs(part["value"]) for part in head["top"]]
    assert sizes == sorted(sizes, reverse=True)
    for part in head["top"]:
        assert part["value"] == pytest.approx(found.head.parts[part["dimension"]], rel=1e-8)
    total = sum(part["value"] for part in head["top"]) + head["rest"] + fields["bias"]
    assert total == pytest.approx(found.score, abs=1e-5)
    assert sum(part["value"] for part in fields["residual"]) + fields["bias"] == pytest.approx(found.score, abs=1e-5)
    assert sum(part["value"] for part in margin["residual"]) == pytest.approx(margin["value"], abs=1e-5)
    assert [part["name"] for part in margin["residual"]] == list(found.residual.names)
    assert found.tokens is not None
    assert fields["tokens"]["values"] == pytest.approx(found.tokens.values, rel=1e-8)
    assert fields["against"]["margin"] is fields["against"]["against"] is None
    assert attribute_conversation(tiny("gpt2"), ASKED, OTHER).as_dict() == fields


def test_a_refusal_shows_no_values(tiny: Tiny) -> None:
    found = attribute_conversation(tiny("mixtral"), ASKED, max_steps=2, tolerance=1e-6)
    tokens = found.as_dict()["tokens"]
    assert (tokens["values"], tokens["converged"], tokens["steps"]) == (None, False, 2)
    assert f"by token: {tokens['refusal']}" in found.as_text()


def test_the_text_is_short_and_harmless(tiny: Tiny) -> None:
    hostile = conversation(PROMPT, "\x1b[31mred\u202e\nnext")
    found = attribute_conversation(tiny("gpt2", head="token"), hostile, OTHER)
    text = found.as_text()
    lines = text.splitlines()
    assert len(lines) <= 90
    assert max(map(len, lines)) <= 120
    assert lines[0] == f"score {found.score:+.6g}"
    assert all(f"  {name} " in text for name in (*found.residual.names, "head bias", "dimension", "the other 27"))
    assert found.margin is not None
    assert f"margin {found.margin.value:+.6g} (score minus score of the other)" in lines
    assert not {"\x1b", "\u202e"} & set(text)
    assert visible("a\x1b[1m\u202e\n b") == "a\\x1b[1m\\u202e\\n b"
