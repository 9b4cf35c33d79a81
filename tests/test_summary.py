"""One sentence for a whole run, the same on the terminal and on the page, and its exit code."""

from __future__ import annotations

import pytest

from rmaudit.record import Finding
from rmaudit.summary import (
    AT_LEAST,
    AT_MOST,
    INSIDE,
    Summary,
    in_numbers,
    margin_in_words,
    reading_in_words,
    severity,
    side,
    summarise,
)  # fmt: skip
from rmaudit.terminal import printable, scorecard
from tests.reports.records import empty


def finding(metric: str, verdict: str | None, value: float | None = 0.5, **more: object) -> Finding:
    fields: dict[str, object] = {
        "probe": "length_bias", "metric": metric, "title": metric, "value": value, "unit": "SD", "kind": "effect",
        "interval": (0.25, 0.75) if value is not None else None, "confidence": 0.95, "headline": verdict is not None,
        "n_groups": 60, "negligible": 0.2, "verdict": verdict,
    }  # fmt: skip
    return Finding.model_validate({**fields, **more})


def summary_of(*findings: Finding) -> Summary:
    return summarise(empty().model_copy(update={"findings": list(findings)}))


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
        (["negligible", None], "no bias", 0),
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
        "2 of 2 headline checks of the model found a bias. Worst: length bias, padding: +0.90 SD (95 % interval 0.25 "
        "to 0.75 SD, margin ±0.2 SD); it buys 0.61 of the gap between a good and a flawed answer."
    )


def test_a_policy_decides_where_there_is_one() -> None:
    gate = {"outcome": "pass", "sentence": "All kept.", "policy": "p", "sha256": "", "checks": []}
    record = empty().model_copy(update={"findings": [finding("padding", "bias")], "gate": gate})
    assert (summarise(record).word, summarise(record).exit_code) == ("pass", 0)


def test_the_worst_of_different_units_is_farthest_beyond_its_own_margin() -> None:
    tau = finding(
        "kendall_tau", "bias", -0.4, probe="ranking_consistency", unit="tau-b", kind="agreement", interval=(-0.6, -0.2)
    )
    summary = summary_of(finding("padding", "bias", 0.5), tau)
    assert summary.finding == tau
    assert "Worst: ranking consistency, kendall tau: \N{MINUS SIGN}0.40 tau-b" in summary.sentence
    assert "margin at least 0.2 tau-b" in summary.sentence
    share = finding("flips", "bias", 0.9, unit="share", kind="share", interval=(0.8, 0.95), negligible=0.1)
    assert summary_of(share, tau).finding == share
    assert "+" not in summary_of(share).rest


def test_a_placebo_is_no_bias_of_the_model() -> None:
    placebo = finding("synonyms", "bias", 0.9, probe="placebo")
    both = summary_of(finding("padding", "bias", 0.5), placebo)
    assert both.sentence.startswith("1 of 1 headline check of the model found a bias. It is length bias, padding")
    alone = summary_of(finding("padding", "negligible", 0.01), placebo)
    assert (alone.word, alone.exit_code, alone.finding) == ("inconclusive", 3, placebo)
    assert alone.sentence.startswith(
        "No bias found, but the placebo, a check of the measurement itself, moved the score:"
    )


def test_without_a_firm_placebo_no_run_is_free_of_bias() -> None:
    placebo = finding("synonyms", "inconclusive", probe="placebo", reason="3 prompt groups")
    summary = summary_of(finding("padding", "negligible", 0.01), placebo)
    assert (summary.word, summary.finding) == ("inconclusive", placebo)
    assert "the placebo, a check of the measurement itself, gave no firm answer" in summary.sentence
    clean = finding("synonyms", "negligible", 0.0, probe="placebo")
    assert summary_of(clean).word == "inconclusive", "a placebo alone says nothing about the model"


def test_an_open_check_is_named_with_its_reason() -> None:
    open_ = finding("tau", "inconclusive", probe="ranking", reason="the scores are noisy.")
    summary = summary_of(open_, finding("padding", "negligible", 0.01))
    assert summary.sentence == (
        "No bias found, but 1 of 2 headline checks of the model gave no firm answer. That is ranking, tau: the scores "
        "are noisy."
    )
    broken = finding("flips", "error", None, reason="out of memory")
    assert summary_of(open_, broken).finding == broken, "what failed comes before what is open"


def test_the_closest_is_named_where_nothing_was_found() -> None:
    summary = summary_of(
        finding("padding", "negligible", 0.15, interval=(-0.1, 0.19), price=0.1), finding("m", "negligible", 0.01)
    )
    assert summary.sentence == (
        "2 of 2 headline checks of the model found nothing beyond the margin. Closest to it: length bias, padding: "
        "+0.15 SD (95 % interval \N{MINUS SIGN}0.10 to 0.19 SD, margin ±0.2 SD)."
    ), "no price is bought where the interval holds zero"


def judged(kind: str, value: float) -> Finding:
    return finding("m", None, value, kind=kind, negligible=0.6)


@pytest.mark.parametrize(
    ("kind", "where"),
    [("effect", INSIDE), ("share", AT_MOST), ("amount", AT_MOST), ("agreement", AT_LEAST), ("reliability", AT_LEAST)],
)
def test_which_side_of_the_margin_is_harmless(kind: str, where: str) -> None:
    assert side(judged(kind, 0.5)) == where


def test_severity_orders_units_alike() -> None:
    assert severity(judged("agreement", -0.7)) > 2
    assert severity(judged("agreement", 0.9)) < 1
    assert severity(judged("effect", -1.2)) == severity(judged("share", 1.2)) == 2
    assert severity(finding("m", "error", None)) == 0
    assert severity(finding("m", "bias", -0.4, kind="loss")) == severity(finding("m", "bias", 0.4, kind="gain")) == 2
    assert (
        severity(finding("m", "negligible", 0.4, kind="loss"))
        < 0
        > severity(finding("m", "negligible", -1, kind="gain"))
    )


def test_margins_are_the_preset_ones_in_the_unit_of_the_value() -> None:
    assert margin_in_words(finding("m", "bias")).replace("\N{NO-BREAK SPACE}", " ") == "±0.2 SD"
    share = finding("m", "bias", unit="share", kind="share", negligible=0.1)
    assert margin_in_words(share).replace("\N{NO-BREAK SPACE}", " ") == "at most 10 %"
    gain, loss = (finding("m", "bias", kind=kind) for kind in ("gain", "loss"))
    assert margin_in_words(gain).replace("\N{NO-BREAK SPACE}", " ") == "at most 0.2 SD"
    assert margin_in_words(loss).replace("\N{NO-BREAK SPACE}", " ") == "at least \N{MINUS SIGN}0.2 SD"


@pytest.mark.parametrize(
    ("interval", "verdict", "said"),
    [
        ((-0.28, 0.1), "inconclusive", "The interval holds zero: the data show no direction."),
        ((-0.1, 0.1), "negligible", "Padding lowers its score."),
        (None, "inconclusive", "There is no interval, so the data show no direction."),
        ((0.05, 0.4), "inconclusive", "Padding lowers its score."),
        ((0.25, 0.4), "bias", "Padding lowers its score."),
    ],
)
def test_an_inconclusive_effect_has_a_direction_only_where_its_interval_shows_one(
    interval: tuple[float, float] | None, verdict: str | None, said: str
) -> None:
    noise = finding("padding", verdict, interval=interval, reading="Padding lowers its score.")
    assert reading_in_words(noise).startswith(said)
    assert reading_in_words(noise.model_copy(update={"reading": ""})) == ""


def test_other_numbers_keep_their_reading() -> None:
    tau = finding("tau", "inconclusive", kind="agreement", interval=(-0.2, 0.3), reading="Tau-b is 0.05.")
    assert reading_in_words(tau) == "Tau-b is 0.05."


def test_the_price_is_bought_or_paid() -> None:
    assert in_numbers(finding("m", "bias", -0.5, interval=(-0.7, -0.3), price=-0.4)).endswith(
        "it costs 0.40 of the gap between a good and a flawed answer"
    )


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


def test_the_scorecard_reads_well_without_a_detectable_size() -> None:
    record = empty().model_copy(update={"findings": [finding("flips", "negligible", 0.02, unit="share", kind="share")]})
    text = scorecard(record, summarise(record))
    assert "None" not in text
    head, row = text.splitlines()[-2:]
    assert head.split() == ["check", "effect", "95", "%", "interval", "prompts", "can", "detect", "verdict"]
    assert row.split() == ["length_bias.flips", "2", "%", "25", "to", "75", "60", "●", "negligible"]


def test_the_scorecard_tells_of_data_sets_after_the_headlines() -> None:
    told = finding(
        "kendall_tau@mine", None, 0.4, unit="tau-b", kind="agreement", headline=False, reading="Tau-b is 0.40."
    )
    silent = finding("brier@mine", None, 0.2, headline=False)
    tied = finding("top_1@tied", "not_applicable", None, headline=False, reason="all ranks are tied")
    record = empty().model_copy(update={"findings": [told, silent, tied, finding("padding", "negligible", 0.02)]})
    lines = scorecard(record, summarise(record)).splitlines()
    assert lines[-5].startswith("length_bias.padding")
    assert lines[-3].startswith("on the data sets given, each interval by itself")
    assert lines[-2].startswith("length_bias.kendall_tau@mine")
    assert lines[-1].startswith("length_bias.top_1@tied")
    assert "all ranks are tied" in lines[-1]


def test_printable_keeps_text_and_shows_the_rest() -> None:
    assert printable("é\n\t👍") == "é\n\t👍"
    assert printable("a\x07\u200fb") == "a\\u0007\\u200fb"
