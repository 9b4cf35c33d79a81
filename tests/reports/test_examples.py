"""The worst examples on the page: both texts, what differs, where the scores came from."""

from __future__ import annotations

import re

import pytest

from rmaudit_reports.html import report
from tests.reports.pages import Page
from tests.reports.records import record, scores

PLAIN = report.render(record(hostile=False), scores())


def test_examples_stand_side_by_side_with_what_differs() -> None:
    source = PLAIN
    marked = re.findall(r"<mark>(.*?)</mark>", source, re.DOTALL)
    assert any(text.startswith("There are of course many ways") for text in marked)
    assert "number 30" in marked
    assert "no. thirty" in marked
    assert "quite hard" in marked, "prompts that differ are marked too"
    assert source.count('<details class="example"') == 5 + 1 + 1
    assert "1 further example." in source
    assert "at most 5" in source, "the cap is said on the page"


def _compared(left: str, right: str, system: str = "") -> str:
    """The text of a page whose one example compares two answers to one prompt; system: a turn that only one has."""
    base, line = record(hostile=False), scores()[0]
    turns = [{"role": "user", "content": "Why?"}]
    pair = [
        line.model_copy(update={"id": ident, "conversation": [*before, *turns, {"role": "assistant", "content": text}]})
        for ident, text, before in (
            ("a", left, []), ("b", right, [{"role": "system", "content": system}] if system else []),
        )
    ]  # fmt: skip
    evidence = [base.findings[0].evidence[0].model_copy(update={"stimulus": "b", "against": "a"})]
    finding = base.findings[0].model_copy(update={"evidence": evidence})
    return Page(report.render(base.model_copy(update={"findings": [finding], "attributions": []}), pair)).text


@pytest.mark.parametrize(
    ("left", "right", "system", "said"),
    [
        ("one two", "one two", "", "The two texts are the same, word for word."),
        ("one two", "one two\n", "", "The two texts differ in white space only."),
        ("one two", "drei vier", "", "The two texts share too little for their differences to be marked."),
        ("one two", "one two", "Be kind.", "The two have different numbers of turns"),
        ("x " * 5000 + "a", "x " * 5000 + "b", "", "What is shown of the two texts is the same"),
        ("one two", "one two three", "", "Marked: what the other text lacks."),
    ],
)
def test_why_nothing_is_marked(left: str, right: str, system: str, said: str) -> None:
    explanations = (
        "word for word",
        "white space only",
        "share too little",
        "numbers of turns",
        "is the same;",
        "Marked",
    )
    text = _compared(left, right, system)
    assert said in text
    assert sum(phrase in text for phrase in explanations) == 1


def test_an_edit_is_named_before_what_it_is_compared_with() -> None:
    assert "b against a" in _compared("one", "one two")


def test_each_token_map_says_whose_it_is() -> None:
    assert re.findall(r'<p class="whose">(.*?)</p>', PLAIN)[:2] == [
        "good",
        "padded · dose\u00a038 · filler-07",
    ]


def test_an_example_without_its_text_says_so() -> None:
    text = Page(report.render(record(), scores())).text
    assert "The text gone:a is not in scores.jsonl, so it cannot be shown." in text


def test_attributions_state_their_error_or_refuse() -> None:
    text = Page(PLAIN).text
    assert "completeness error 0.004 (allowed 0.02), 64\u00a0steps; baseline: the same tokens" in text
    assert "integrated gradients did not converge in 256 steps: error 37 % of the difference" in text
    assert "completeness error 2.0\u00a0×\u00a010⁻⁸" in text
    assert "The other 182 dimensions together +0.21." in text
