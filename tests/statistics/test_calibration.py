"""Brier score and calibration error by hand; the interval covers where noise alone lifts the estimate."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit

from rmaudit.statistics.calibration import (
    brier_scores,
    calibration_interval,
    calibration_slope,
    expected_calibration_error,
    log_losses,
)
from rmaudit.statistics.intervals import interval, standard_error


def test_brier_by_hand():
    margins = logit([0.9, 0.5, 0.2])
    assert brier_scores(margins) == pytest.approx([0.01, 0.25, 0.64])
    assert brier_scores([1000.0, -1000.0]) == pytest.approx([0.0, 1.0])


def test_log_loss_by_hand():
    assert log_losses(logit([0.9, 0.5, 0.2])) == pytest.approx(-np.log([0.9, 0.5, 0.2]))
    assert log_losses([1000.0, -1000.0]) == pytest.approx([0.0, 1000.0])


def test_slope_by_hand():
    """Margins of one size: the likeliest probability is the share that came true."""
    groups = list(range(32))
    found = calibration_slope(np.array([2.0, 2.0, 2.0, -2.0] * 8), groups)
    assert found.value == pytest.approx(logit(0.75) / 2)
    assert found.influence.sum() == pytest.approx(0.0)
    assert calibration_slope([0.5, -0.5, 0.0, 0.0] * 8, groups).value == pytest.approx(0.0, abs=1e-9)
    assert calibration_slope([-2e50, -2e50, -2e50, 2e50] * 8, groups).value == pytest.approx(-logit(0.75) / 2e50)


@pytest.mark.parametrize("margins", [[1.0] * 40, [-1.0] * 40, [0.0] * 40, [1.0] * 33 + [-0.001] * 7])
def test_no_slope_where_too_few_pairs_speak_against_a_steeper_one(margins):
    with pytest.raises(ValueError, match=r"stand in [07] prompt groups; a temperature needs 8"):
        calibration_slope(margins, list(range(40)))


@pytest.mark.parametrize("told", [1.0, 0.4])
def test_the_interval_of_the_slope_covers(told):
    """Three pairs of a prompt come out right or wrong together in half of the prompts."""
    rng = np.random.default_rng(6)
    groups = np.repeat(np.arange(80), 3)
    covered = 0
    for _ in range(400):
        margins = drawn(rng, 240, told)
        alike = np.repeat(rng.random(80) < 0.5, 3)
        margins = np.where(alike, np.repeat(margins[::3], 3), margins)
        low, high = interval(calibration_slope(margins, groups), 0.95)
        covered += low <= told <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_slope_and_its_error_against_a_logistic_regression():
    margins = drawn(np.random.default_rng(4), 300, 0.6)
    groups = np.repeat(np.arange(60), 5)
    sign = np.where(np.arange(300) % 2, 1.0, -1.0)  # which answer is called the first
    model = sm.Logit((sign > 0).astype(float), (sign * margins)[:, None])
    # A pair that came out wrong is one whose better answer scores lower: sigmoid(b * margin) is its likelihood.
    fitted = model.fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": groups, "use_correction": True, "df_correction": False}
    )
    found = calibration_slope(margins, groups)
    assert found.value == pytest.approx(float(fitted.params[0]), rel=1e-6)
    assert standard_error(found) == pytest.approx(float(fitted.bse[0]), rel=0.01)


@pytest.mark.parametrize("told", [1.0, 0.4])
def test_the_slope_finds_how_sure_the_margins_should_be(told):
    margins = drawn(np.random.default_rng(5), 40_000, told)
    assert calibration_slope(margins, np.arange(40_000)).value == pytest.approx(told, abs=0.05)


def test_calibration_error_by_hand():
    # bin 0.8-0.85: stated .82 twice, once true: gap .5 - .82; bin 0.95-1: stated .99, true; bin .5-.55: a tie
    margins = [logit(0.82), -logit(0.82), logit(0.99), 0.0]
    assert expected_calibration_error(margins) == pytest.approx((2 * 0.32 + 0.01 + 0.0) / 4)


def test_calibration_error_of_extremes():
    assert expected_calibration_error([50.0, 60.0]) == pytest.approx(0.0)
    assert expected_calibration_error([-50.0, -60.0]) == pytest.approx(1.0)
    assert expected_calibration_error([0.0, 0.0]) == 0.0


def test_calibration_error_against_a_loop():
    rng = np.random.default_rng(0)
    margins = rng.normal(size=500)
    stated, true = expit(np.abs(margins)), margins > 0
    edges = np.linspace(0.5, 1, 6)
    total = 0.0
    for low, high in pairwise(edges):
        inside = (stated >= low) & (stated < high)
        if inside.any():
            total += inside.mean() * abs(true[inside].mean() - stated[inside].mean())
    assert expected_calibration_error(margins, bins=5) == pytest.approx(total)


def drawn(rng: np.random.Generator, pairs: int, calibrated: float) -> np.ndarray:
    """Margins whose answers come true with probability sigmoid(calibrated * |margin|)."""
    size = np.abs(rng.normal(0, 1.2, pairs))
    return np.where(rng.random(pairs) < expit(size * calibrated), size, -size)


@pytest.mark.parametrize("calibrated", [1.0, 0.7, 0.3])
def test_interval_covers(calibrated):
    rng = np.random.default_rng(int(10 * calibrated))
    truth = 0.0 if calibrated == 1 else expected_calibration_error(drawn(rng, 1_000_000, calibrated))
    groups = np.repeat(np.arange(100), 3)
    covered = 0
    for audit in range(100):
        margins = drawn(rng, 300, calibrated)
        low, high = calibration_interval(margins, groups, 0.95, seed=audit, resamples=300)
        assert low <= expected_calibration_error(margins) <= high
        covered += low <= truth <= high
    assert covered >= 91


def test_interval_depends_on_the_seed_alone():
    margins, groups = drawn(np.random.default_rng(1), 120, 0.5), np.repeat(np.arange(40), 3)
    assert calibration_interval(margins, groups, 0.95, 7) == calibration_interval(margins, groups, 0.95, 7)


def test_interval_of_a_single_group_is_everything():
    assert calibration_interval([1.0, -1.0], ["a", "a"], 0.95, 0) == (0.0, 1.0)
