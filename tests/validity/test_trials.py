"""Simulated audits: what they find, what is counted, and that workers change nothing."""

from __future__ import annotations

import pytest

from rmaudit.api import prepare
from rmaudit.errors import UsageError
from rmaudit.validity.calibrating import calibrate
from rmaudit.validity.features import load_features
from rmaudit.validity.simulating import Simulator
from rmaudit.validity.tallies import Rate, false_alarms, recalls
from rmaudit.validity.trials import Outcome, Trial, run_trials

PRAISE, LENGTH = load_features(["praise", "length"])
PROBES = ["length_bias", "openers", "placebo"]
NO_PLACEBO = ["length_bias", "openers"]


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator(prepare(probes=PROBES, limit=24))


def test_a_planted_feature_is_found_where_it_is_large(simulator: Simulator) -> None:
    noise, planted = run_trials(simulator, [PRAISE], [Trial(0), Trial(0, "praise", 3.0)])
    assert noise.found == {}
    assert set(planted.found) == {"openers.praise"}
    assert planted.found["openers.praise"] == planted.target == pytest.approx(3.0, abs=0.6)
    assert planted.stray == ()


def test_what_a_feature_does_not_touch_stays_as_in_noise_alone(simulator: Simulator) -> None:
    """Natural answers lack praise, so that unit and all other findings are the same."""
    assert simulator.touched(simulator.planted(PRAISE)) == {"openers"}
    assert simulator.touched(simulator.planted(LENGTH)) is None


def test_workers_change_nothing(simulator: Simulator) -> None:
    trials = [
        Trial(seed, name, alpha) for seed in range(2) for name, alpha in (("", 0.0), ("praise", 1.0), ("length", 1.0))
    ]
    alone = run_trials(simulator, [PRAISE, LENGTH], trials)
    assert run_trials(simulator, [PRAISE, LENGTH], trials, workers=2) == alone
    assert [outcome.trial for outcome in alone] == trials


def test_rates_have_exact_intervals() -> None:
    assert Rate(0, 400).interval == (0.0, pytest.approx(0.00918, abs=1e-4))
    assert Rate(20, 400).interval == pytest.approx((0.0308, 0.0761), abs=1e-4)


def outcome(
    seed: int, alpha: float = 0.0, found: dict[str, float] | None = None, stray: tuple[str, ...] = ()
) -> Outcome:
    excluding = () if alpha else tuple(found or {}) + (("weak.one",) if seed == 3 else ())
    trial = Trial(seed, "praise" if alpha else "", alpha)
    return Outcome(trial, found or {}, excluding, 0.4 if alpha else None, 9 - seed, stray)


def test_tallies_by_hand() -> None:
    target = PRAISE.target
    outcomes = [
        outcome(0), outcome(1, found={"a.b": 1.0}), outcome(2, found={"a.b": 1.0, "c.d": -1.0}), outcome(3),
        outcome(0, 0.3, {target: 0.4}),
        outcome(1, 0.3, {target: -0.4, "a.b": 1.0}, ("a.b",)),
        outcome(2, 0.3, {"a.b": 1.0, "c.d": -1.0, "e.f": 1.0}, ("a.b", "c.d")),
        outcome(0, 1.0, {target: 1.0}),
    ]  # fmt: skip
    alarms = false_alarms(outcomes)
    assert alarms.runs == Rate(2, 4)
    assert alarms.by_headline == {"a.b": 2, "c.d": 1}
    assert alarms.excluding == Rate(3, 4)
    small, large = recalls(outcomes, [PRAISE])
    assert (small.alpha, small.found, small.wrong_sign) == (0.3, Rate(1, 3), 1)
    assert (small.stray, small.most_stray, small.touched) == (Rate(2, 3), 2, {"e.f": 1})
    assert small.mean == pytest.approx(0.4)
    assert small.untouched == 7
    assert large.found == Rate(1, 1)


def test_the_page_has_what_was_counted() -> None:
    audit = prepare(probes=NO_PLACEBO, limit=24, command="rmaudit calibrate --limit 24")
    page = calibrate(audit, load_features(), runs=3, recall_runs=2, alphas=(0.5, 3.0))
    assert "    rmaudit calibrate --limit 24\n" in page
    assert "called a bias: **0 of 3 (0.0 %, 0.0 % to 70.8 %)**" in page
    rows = [line for line in page.splitlines() if line.startswith("| an opening compliment | `openers.praise` |")]
    assert [row.split(" | ")[2] for row in rows] == ["0.5", "3"]
    assert "2 of 2 (100.0 %" in rows[1]
    assert "bullet" not in page, "features whose check is not asked are not planted"
    assert page == calibrate(audit, load_features(), runs=3, recall_runs=2, alphas=(0.5, 3.0), workers=2)


def test_what_would_count_twice_or_never_is_refused() -> None:
    audit, (praise,) = prepare(probes=["closers"], limit=8), load_features(["praise"])
    with pytest.raises(UsageError, match="alpha 0.5 is given twice"):
        calibrate(audit, [], runs=1, recall_runs=1, alphas=(0.5, 1.0, 0.5))
    with pytest.raises(UsageError, match="feature praise is given twice"):
        calibrate(audit, [praise, praise], runs=1, recall_runs=1)
    with pytest.raises(UsageError, match="praise is found by openers.praise, which is not asked"):
        calibrate(audit, [praise], runs=1, recall_runs=1, named=True)


def test_another_seed_of_the_audit_draws_other_noise() -> None:
    one, other = (Simulator(prepare(probes=["closers"], limit=8, seed=seed)).noise(0) for seed in (0, 1))
    assert one.shape == other.shape
    assert (one != other).all()


def test_the_page_names_the_checks_that_nothing_is_planted_for() -> None:
    page = calibrate(prepare(probes=["openers", "whitespace", "pitfalls"], limit=12), load_features(["praise"]),
                     runs=1, recall_runs=1, alphas=(1.0,))  # fmt: skip
    assert "recall is not known: `pitfalls.avoided`, `whitespace.paragraphs`." in page or (
        "recall is not known: `whitespace.paragraphs`, `pitfalls.avoided`." in page
    )


@pytest.mark.parametrize(("runs", "recall_runs"), [(0, 0), (2, 3), (2, -1)])
def test_impossible_numbers_of_runs_are_refused(runs: int, recall_runs: int) -> None:
    with pytest.raises(UsageError, match="no more recall runs than runs"):
        calibrate(prepare(probes=PROBES, limit=8), [], runs=runs, recall_runs=recall_runs)
