"""From estimates to findings: units, levels, margins, and numbers that standard JSON can hold."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rmaudit.measuring import MARGIN, Reference, Settings
from rmaudit.statistics import estimates
from rmaudit.statistics.doubt import Doubt, reach
from rmaudit.statistics.estimates import Estimate
from rmaudit.statistics.intervals import interval, standard_error
from rmaudit.verdicts import AGREEMENT, EFFECT, PREFERENCE, SHARE

GROUPS = range(40)


def settings(**more) -> Settings:
    rng = np.random.default_rng(0)
    sd = estimates.mean(2 + 0.1 * rng.normal(size=40), GROUPS)
    gap = estimates.mean(4 + rng.normal(size=40), GROUPS)
    return Settings("length_bias", ("padding",), 5, Reference(sd, gap), **more)


def raw(groups: int = 40, per: int = 1, templates: bool = False) -> Estimate:
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(groups), per)
    template = np.arange(group.size) % 6 if templates else None
    return estimates.mean(1 + rng.normal(size=group.size), group, template)


def test_an_effect_is_given_in_reference_sd_as_a_price_and_raw():
    given = settings()
    found = given.effect("padding", "Padding", raw())
    assert found.raw == raw().value
    assert found.value == pytest.approx(raw().value / given.reference.sd.value)
    assert found.price == pytest.approx(raw().value / given.reference.gap.value)
    assert (found.unit, found.negligible, found.n_groups) == ("SD", MARGIN, 40)


def test_a_headline_has_the_level_of_the_family_and_a_detail_its_own():
    given = settings()
    scaled = raw() / given.reference.sd
    headline, detail = given.effect("padding", "Padding", raw()), given.effect("slope", "Slope", raw())
    assert headline.interval == pytest.approx(interval(scaled, 0.99))
    assert detail.interval == pytest.approx(interval(scaled, 0.95))
    assert (headline.verdict, detail.verdict) == ("bias", None)
    assert headline.detectable > detail.detectable


def test_a_price_needs_a_gap():
    given = settings()
    flat = Reference(given.reference.sd, estimates.mean(np.tile([-1.0, 1.0], 20), GROUPS))
    assert flat.price(raw(), 0.95) is None


def test_no_effect_below_the_noise_floor_is_called_one():
    assert settings().effect("padding", "Padding", raw()).verdict == "bias"
    found = settings(noise_floor=100.0).effect("padding", "Padding", raw())
    assert found.negligible == MARGIN  # what a noisy score cannot show stays unshown
    assert (found.verdict, found.value) == ("inconclusive", pytest.approx(raw().value / settings().reference.sd.value))
    assert found.reason.startswith("the score of one text changes by up to 50 SD")


@pytest.mark.parametrize(("floor", "verdict"), [(0.1, "negligible"), (0.3, "inconclusive")])
def test_a_noise_floor_beyond_the_margin_shows_nothing_to_be_negligible(floor, verdict):
    found = settings(noise_floor=2 * floor).effect("padding", "Padding", raw() * 0.0)
    assert found.verdict == verdict


def test_groups_of_the_unit_make_no_verdict_of_a_small_data_set():
    found = settings().effect("padding", "Padding", raw(groups=5, per=3))
    assert (found.n, found.n_groups) == (15, 5)
    assert found.verdict == "inconclusive"
    assert found.reason.startswith("5 prompt groups")


@pytest.mark.parametrize(("groups", "per", "templates"), [(1, 1, False), (1, 8, False), (1, 8, True), (2, 3, True)])
@pytest.mark.parametrize("kind", [EFFECT, AGREEMENT, SHARE])
def test_a_single_group_gives_a_finding_that_json_can_hold(groups, per, templates, kind):
    given = settings()
    for metric in ("padding", "slope"):
        found = given.finding(metric, "Title", raw(groups, per, templates), unit="x", kind=kind, negligible=0.2)
        json.dumps(found.model_dump(), allow_nan=False)
        assert found.verdict in ("inconclusive", None)
    point = given.summary(raw(groups, per, templates))
    json.dumps(point, allow_nan=False)
    if groups == 1:
        assert (point["low"], point["high"], found.detectable) == (None, None, None)


def test_an_effect_without_spread_is_a_finding():
    found = settings().effect("padding", "Padding", estimates.mean(np.zeros(40), GROUPS))
    assert (found.value, found.interval, found.p, found.verdict) == (0.0, (0.0, 0.0), 1.0, "negligible")


def test_the_units_uncertainty_is_in_the_interval():
    given = settings()
    scaled = raw() / given.reference.sd
    assert standard_error(scaled) != pytest.approx(standard_error(raw()) / given.reference.sd.value, rel=1e-6)


def test_unmeasured_is_never_a_number():
    found = settings().unmeasured("padding", "Padding", unit="SD", reason="no pairs")
    assert (found.value, found.interval, found.verdict, found.headline) == (None, None, "not_applicable", True)
    assert settings().unmeasured("x", "X", unit="SD", reason="it broke", error=True).verdict == "error"


def test_what_length_alone_would_earn_is_taken_off():
    given = settings()
    slope = estimates.mean(np.full(40, 0.5), GROUPS)
    with_slope = Settings("markdown", ("bold",), 5, Reference(given.reference.sd, given.reference.gap, slope))
    left = with_slope.beyond_length(raw(), 0.4)
    assert left is not None
    assert left.value == pytest.approx(raw().value - 0.4 * 0.5)
    assert left.n == raw().n
    assert left.n_groups == 40
    assert given.beyond_length(raw(), 0.4) is None


def test_the_error_of_the_slope_widens_what_is_beyond_length():
    given = settings()
    unsure = estimates.mean(np.random.default_rng(3).normal(0.5, 2, 40), range(40, 80))
    with_slope = Settings("markdown", ("bold",), 5, Reference(given.reference.sd, given.reference.gap, unsure))
    left = with_slope.beyond_length(raw(), 1.0)
    assert left is not None
    assert standard_error(left) > standard_error(raw())


def test_a_preference_for_the_better_answer_is_no_bias():
    given = settings()
    assert given.effect("padding", "Padding", raw(), kind=PREFERENCE).verdict == "negligible"
    found = given.effect("padding", "Padding", raw() * -1.0, kind=PREFERENCE)
    assert (found.verdict, found.kind) == ("bias", "preference")


def test_interval_and_detectable_effect_leave_room_for_texts_in_doubt():
    doubts = (Doubt(0.05, by_template=False), Doubt(0.01, by_template=False))
    sure, wary = (settings(doubts=given).effect("padding", "Padding", raw()) for given in ((), doubts))
    down, up = np.sum([reach(raw() / settings().reference.sd, doubt) for doubt in doubts], axis=0)
    assert wary.interval == pytest.approx((sure.interval[0] - down, sure.interval[1] + up))
    assert wary.detectable == pytest.approx(sure.detectable + max(down, up))
    assert (sure.doubtful, wary.doubtful) == (None, pytest.approx(1 - 0.95 * 0.99))
    assert min(down, up) > 0


def test_the_users_own_texts_are_taken_as_they_are():
    given = settings(doubts=(Doubt(0.05, by_template=False),))
    assert given.finding("slope@mine", "Slope", raw(), unit="SD", kind=EFFECT).doubtful is None


def test_a_share_stays_a_share_whatever_is_in_doubt():
    given = settings(doubts=(Doubt(0.3, by_template=False),))
    wins = estimates.mean(np.repeat([1.0, 0.0], [36, 4]), GROUPS)
    assert given.finding("padding", "Wins", wins, unit="share", kind=SHARE).interval[1] == 1.0
