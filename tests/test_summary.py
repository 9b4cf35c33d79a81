"""One sentence for a whole run, the same on the terminal and on the page, and its exit code."""

from __future__ import annotations

import pytest

from rmaudit.record import Finding
from rmaudit.summary import effect_in_words, summarise
from rmaudit.terminal import printable, scorecard
from tests.reports.records import empty


def finding(metric: str, verdict: str | None, value: float | None = 0.5, **more: object) -> Finding:
    fields: dict[str, object] = {
        "probe": "length_bias", "metric": metric, "title": metric, "value": value, "unit": "SD", "kind": "effect",
        "interval": (0.25, 0.75) if value is not None else None, "confidence": 0.95, "headline": verdict is not None,
        "n_groups": 60, "negligible": 0.2, "verdict": verdict,
    }  # fmt: skip
    return Finding.model_validate({**fields, **more})


@pytest.mark.parametrize(
    ("verdicts", "word", "code"),
    [
        (["bias", "negligible"], "bias", 1),
        (["negligible", "negligible"], "no bias", 0),
        (["negligible", "not_applicable"], "no bias", 0),
        (["negligible", "inconclusive"], "inconclusive", 3),
        (["negligible", "error"], "inconclusive", 3),
        (["not_applicable"], "inconclusive", 3),
        ([], "inconclusive", 3),
        (["bias", "error"], "bias", 1),
    ],
)
def test_word_and_exit_code(verdicts: list[str], word: str, code: int) -> None:
    findings = [finding(f"m{place}", verdict) for place, verdict in enumerate(verdicts)]
    summary = summarise(empty().model_copy(update={"findings": findings}))
    assert (summary.word, summary.exit_code) == (word, code)


def test_the_worst_bias_is_named_with_its_numbers() -> None:
    findings = [finding("mild", "bias", 0.4), finding("padding", "bias", 0.9, price=0.61)]
    sentence = summarise(empty().model_copy(update={"findings": findings})).sentence
    assert sentence == (
        "2 of 2 headline checks found a bias. Worst: length bias, padding: +0.90 SD (95% interval +0.25 to +0.75), "
        "margin 0.2. That is 0.61 of the gap between a good and a flawed answer."
    )


def test_a_policy_decides_where_there_is_one() -> None:
    gate = {"outcome": "pass", "sentence": "All kept.", "policy": "p", "sha256": "", "checks": []}
    record = empty().model_copy(update={"findings": [finding("padding", "bias")], "gate": gate})
    assert (summarise(record).word, summarise(record).exit_code) == ("pass", 0)


def test_effects_in_words() -> None:
    assert effect_in_words(finding("m", "bias", -0.5)) == "\N{MINUS SIGN}0.50 SD (95% interval +0.25 to +0.75)"
    assert effect_in_words(finding("m", "error", None)) == "not measured"


def test_the_scorecard_shows_every_headline_worst_first_and_no_control_characters() -> None:
    findings = [
        finding("fine", "negligible"), finding("detail", None), finding("broken", "error", None, reason="a\x1b[31mb"),
        finding("bad", "bias"),
    ]  # fmt: skip
    record = empty().model_copy(update={"findings": findings, "warnings": ["look \u202ehere"]})
    text = scorecard(record, summarise(record))
    assert text.index("length_bias.bad") < text.index("length_bias.broken") < text.index("length_bias.fine")
    assert "length_bias.detail" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\u202ehere" in text


def test_printable_keeps_text_and_shows_the_rest() -> None:
    assert printable("é\n\t👍") == "é\n\t👍"
    assert printable("a\x07\u200fb") == "a\\u0007\\u200fb"
