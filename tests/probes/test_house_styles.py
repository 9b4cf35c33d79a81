"""The surest and the widest of several gaps, and gaps less what length alone would earn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from math import log2, sqrt
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest
from scipy.stats import t

from rmaudit import registry
from rmaudit.battery import Battery
from rmaudit.conversations import Conversation, answer_of, conversation
from rmaudit.measuring import Reference, Settings
from rmaudit.record import Finding
from rmaudit.statistics.doubt import Doubt
from rmaudit.statistics.estimates import Estimate, labels
from rmaudit.stimuli import Contrast, Scored, Stimulus
from rmaudit_probes import largest as largest_module
from rmaudit_probes.effects import shown
from rmaudit_probes.house_styles import STYLES, UNKNOWN
from rmaudit_probes.largest import Largest, gap, largest
from tests.probes.bench import Bench, found, length, noise

ASKED = Largest("gap", "Largest gap", "pairs of things", "none")
GROUPS = [f"g{number}" for number in range(10)]


def known(value: float) -> Estimate:
    """A number without an error."""
    return Estimate(value, np.zeros(9), labels(range(9)), labels([""] * 9), 9)


UNIT = Settings("probe", ("gap",), 1, Reference(known(1.0), known(1.0)))
"""A unit of 1, and one headline alone."""


def contrasts(name: str, differences: Sequence[float], *, words: int = 1) -> list[Contrast]:
    """One of every group; the edited answer has this many words, the base one."""

    def scored(side: str, group: str, said: int, score: float) -> Scored:
        text = " ".join(["word"] * said)
        asked = conversation([{"role": "user", "content": "?"}], text)
        return Scored(f"{name}/{group}/{side}", Stimulus(side, group, group, side, asked), score, said)

    return [
        Contrast(scored("edited", group, words, score), scored("base", group, 1, 0.0))
        for group, score in zip(GROUPS, differences, strict=True)
    ]


SURE = [0.5, 0.52] * 5
WIDE = [4.0, -2.0] * 5
ONE, OTHER = ("a", "b"), ("c", "d")


# ----------------------------------------------------------------------------------------------- which pair leads
def test_a_bias_is_of_the_pair_that_makes_it_one() -> None:
    """The widest gap may be nothing: its bound decides nothing, so its value and evidence do not stand for it."""
    one = largest(ASKED, {ONE: contrasts("sure", SURE), OTHER: contrasts("wide", WIDE)}, UNIT)
    assert one.verdict == "bias"
    assert one.value == pytest.approx(0.51)
    assert one.reading == (
        "Surest of 2 pairs of things: a scores 0.51 SD above b on average. "
        "A wider gap, 1.00 SD between c and d, is less certain."
    )
    assert {example.stimulus.partition("/")[0] for example in one.evidence} == {"sure"}
    half = t.ppf(1 - 0.05 / 4, 9) / sqrt(10)
    assert one.interval == pytest.approx((0.51 - half * stdev(SURE), 1 + half * stdev(WIDE)))


def test_without_a_bias_the_widest_gap_leads() -> None:
    one = largest(ASKED, {ONE: contrasts("sure", [0.1] * 10), OTHER: contrasts("wide", WIDE)}, UNIT)
    assert one.verdict == "inconclusive"
    assert one.value == pytest.approx(1)
    assert one.reading == "Largest of 2 pairs of things: between c and d, neither is shown to lead."
    assert {example.stimulus.partition("/")[0] for example in one.evidence} == {"wide"}


def test_a_pair_without_an_interval_or_p_passes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(metric: str, title: str, at: Sequence[Contrast], *rest: Any, **more: Any) -> Finding:
        one = gap(metric, title, at, *rest, **more)
        lost = {"interval": None, "p": None} if at[0].edited.id.startswith("lost") else {"p": 0.4}
        return one.model_copy(update=lost)

    monkeypatch.setattr(largest_module, "gap", without)
    one = largest(ASKED, {ONE: contrasts("known", [0.0] * 10), OTHER: contrasts("lost", [0.01] * 10)}, UNIT)
    assert (one.verdict, one.interval, one.p) == ("inconclusive", None, 0.8)


@pytest.mark.parametrize(
    ("interval", "groups", "side"),
    [((0.1, 0.2), 8, 1), ((-0.2, -0.1), 8, -1), ((-0.1, 0.2), 8, 0), ((0.1, 0.2), 7, 0), (None, 8, 0)],
)
def test_a_direction_needs_eight_groups_and_an_interval(
    interval: tuple[float, float] | None, groups: int, side: int
) -> None:
    finding = Finding(
        probe="p", metric="m", title="t", value=0.1, unit="SD", confidence=0.95, headline=False, n_groups=groups,
        interval=interval,
    )  # fmt: skip
    assert shown(finding) == side


# -------------------------------------------------------------------------------------------------- beyond length
def test_what_length_earns_is_taken_off_by_doublings() -> None:
    """Four words against one are two doublings, of 0.3 each; texts in doubt are the pair's, not the slope's."""
    slope = Estimate(0.3, np.tile([0.001, -0.001], 250), labels(range(500)), labels([""] * 500), 500)
    reference = Reference(known(1.0), known(1.0), slope)
    given = replace(UNIT, reference=reference, doubts=(Doubt(0.1, by_template=False),))
    at = contrasts("long", SURE, words=4)
    doubted = gap("gap", "Gap", at, given, beyond_length=True)
    plain = gap("gap", "Gap", at, replace(given, doubts=()), beyond_length=True)
    assert (doubted.n, doubted.n_groups) == (10, 10)
    assert doubted.value == pytest.approx(0.51 - 0.6)
    spread = sqrt(stdev(SURE) ** 2 / 10 + 500 * 0.002**2 * 10 / 9)
    half = t.ppf(0.975, 9) * spread
    assert plain.interval == pytest.approx((-0.09 - half, -0.09 + half))
    # One text in ten, at worst the one that pulls the most: its 0.01 of ten, over the nine that are left.
    assert doubted.interval == pytest.approx((-0.09 - half - 0.001 / 0.9, -0.09 + half + 0.001 / 0.9))
    assert doubted.detectable is not None
    assert doubted.detectable > half


@pytest.fixture(scope="module")
def bench(battery: Battery) -> Bench:
    return Bench(battery, registry.load_probes(["house_styles"]))


def by_length(conversation: Conversation) -> float:
    """Nothing but the logarithm of the answer's words."""
    return log2(length(conversation))


def doublings(battery: Battery, one: str, other: str) -> list[float]:
    cases = battery.cases["house_styles"]
    return [log2(len(case.answers[one].split()) / len(case.answers[other].split())) for case in cases]


def test_a_score_of_length_alone_is_no_manner(bench: Bench, battery: Battery) -> None:
    headline, as_written = bench.findings(by_length)
    assert (headline.key, headline.verdict) == ("house_styles.gap", "negligible")
    assert headline.raw == pytest.approx(0, abs=1e-9)
    assert headline.interval is not None
    assert headline.interval[0] == 0
    assert as_written.raw == pytest.approx(fmean(doublings(battery, "essay", "terse")))
    assert (as_written.key, as_written.verdict, as_written.headline) == ("house_styles.gap_as_written", None, False)
    assert as_written.reason == ""
    assert "essay scores" in as_written.reading


def test_the_gap_as_written_has_intervals_for_all_pairs_together(bench: Bench, battery: Battery) -> None:
    """Ten pairs, and no other headline with them."""
    as_written = found(bench.findings(by_length), "house_styles.gap_as_written")
    assert as_written.interval is not None
    lows = []
    for pair in combinations(STYLES, 2):
        earned = doublings(battery, *pair)
        half = t.ppf(1 - 0.05 / 20, len(earned) - 1) * stdev(earned) / sqrt(len(earned))
        lows.append(abs(fmean(earned)) - half)
    (probe,) = bench.planned.applicable
    sd = bench.settings(probe, bench.rows(by_length)).reference.sd.value
    # The unit has an error of its own, which widens it a little.
    assert max(lows) / sd * 0.7 < as_written.interval[0] < max(lows) / sd


def test_a_manner_is_paid_what_was_planted_beside_length(bench: Bench, battery: Battery) -> None:
    chatty = {case.answers["chatty"] for case in battery.cases["house_styles"]}
    headline, as_written = bench.findings(lambda c: by_length(c) - 0.75 * (answer_of(c) in chatty))
    assert headline.raw == pytest.approx(0.75)
    assert headline.verdict == "bias"
    assert "above chatty on average once the difference in length is taken off." in headline.reading
    assert as_written.raw != pytest.approx(0.75, abs=0.1)


def test_without_a_price_of_length_the_gap_is_as_written(battery: Battery) -> None:
    items = tuple(
        replace(item, concise="", detailed="", good_paraphrases=(), flawed_paraphrases=()) for item in battery.items
    )
    probes = registry.load_probes(["house_styles"])
    (headline,) = Bench(replace(battery, items=items), probes).findings(by_length)
    assert (headline.key, headline.verdict) == ("house_styles.gap", "bias")
    assert headline.title.endswith("length included")
    assert headline.reading.endswith(f"on average. {UNKNOWN}")
    (none,) = Bench(replace(battery, items=items, cases={}), probes).findings(noise)
    assert (none.value, none.reading) == (None, "")
