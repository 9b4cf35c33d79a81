"""Values, standard errors and influence functions against independent computations."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.sandwich_covariance import cov_cluster, cov_cluster_2groups

from rmaudit.statistics import estimates
from rmaudit.statistics.estimates import Estimate
from rmaudit.statistics.intervals import standard_error


def rows(groups: int = 40, templates: int = 12, per: int = 6, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Balanced crossed data with a skew: group, template, a positive dose and a response."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), per)
    template = np.concatenate([rng.choice(templates, per, replace=False) for _ in range(groups)])
    dose = rng.uniform(0.5, 3, group.size)
    noise = rng.normal(size=groups)[group] + 0.5 * rng.normal(size=templates)[template]
    return group, template, dose, 0.4 * dose + noise + rng.standard_exponential(group.size)


def bootstrap_error(statistic, *columns: np.ndarray, group: np.ndarray, resamples: int = 3000) -> float:
    """Standard deviation of a statistic over draws of whole groups."""
    rng = np.random.default_rng(1)
    members = [np.flatnonzero(group == name) for name in np.unique(group)]
    values = []
    for _ in range(resamples):
        picked = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        values.append(statistic(*(column[picked] for column in columns)))
    return float(np.std(values))


def test_mean_weighs_every_group_alike():
    estimate = estimates.mean([1.0, 3.0, 10.0], ["a", "a", "b"])
    assert estimate.value == pytest.approx((2 + 10) / 2)
    assert (estimate.n, estimate.n_groups, estimate.n_templates) == (3, 2, None)
    # of two group means 2 and 10: standard deviation sqrt(32) over sqrt(2)
    assert standard_error(estimate) == pytest.approx(4.0)


def test_standard_error_of_a_mean_is_that_of_its_group_means():
    rng = np.random.default_rng(3)
    group = rng.integers(0, 25, 200)
    values = rng.normal(size=200) + group
    means = np.array([values[group == name].mean() for name in np.unique(group)])
    assert standard_error(estimates.mean(values, group)) == pytest.approx(means.std(ddof=1) / np.sqrt(len(means)))


def test_two_way_standard_error_equals_statsmodels():
    group, template, _, y = rows()
    fitted = sm.OLS(y, np.ones((y.size, 1))).fit()
    both = cov_cluster_2groups(fitted, group, template)[0]
    assert standard_error(estimates.mean(y, group, template)) == pytest.approx(float(np.sqrt(both[0, 0])), rel=1e-9)


def test_slope_through_origin_equals_statsmodels():
    group, template, dose, y = rows()
    fitted = sm.OLS(y, dose[:, None]).fit()
    two_way, by_group, by_template = (float(np.ravel(cov)[0]) for cov in cov_cluster_2groups(fitted, group, template))
    estimate = estimates.slope_through_origin(dose, y, group, template)
    assert estimate.value == pytest.approx(float(fitted.params[0]))
    assert standard_error(estimate) == pytest.approx(np.sqrt(max(two_way, by_group, by_template)), rel=1e-9)


def test_slope_within_equals_ordinary_least_squares_with_dummies():
    rng = np.random.default_rng(2)
    item = np.repeat(np.arange(30), 5)
    level = np.tile(np.arange(5), 30)
    group = item // 2  # near-same prompts share a group
    x = rng.normal(size=item.size) + item + 2 * level
    y = 0.7 * x + 3 * rng.normal(size=30)[item] - level**2 + rng.normal(size=item.size)
    kept = rng.permutation(item.size)[:130]  # unbalanced, shuffled
    item, level, group, x, y = item[kept], level[kept], group[kept], x[kept], y[kept]
    dummies = [(item == name).astype(float) for name in np.unique(item)]
    dummies += [(level == name).astype(float) for name in np.unique(level)[1:]]
    fitted = sm.OLS(y, np.column_stack([x, *dummies])).fit()
    count = len(np.unique(group))
    error = np.sqrt(cov_cluster(fitted, group, use_correction=False)[0, 0] * count / (count - 1))
    estimate = estimates.slope_within(x, y, [item, level], group)
    assert estimate.value == pytest.approx(float(fitted.params[0]), rel=1e-9)
    assert standard_error(estimate) == pytest.approx(error, rel=1e-8)
    assert (estimate.n, estimate.n_groups) == (130, count)


def test_slope_within_one_block_of_thousands_needs_no_dummy_for_each():
    item = np.repeat(np.arange(20_000), 2)
    x = np.tile([0.0, 1.0], 20_000)
    estimate = estimates.slope_within(x, 2 * x + item, [item, np.zeros(item.size)], item)
    assert estimate.value == pytest.approx(2.0)


def test_slope_within_refuses_a_dose_that_the_blocks_explain():
    with pytest.raises(ValueError, match="x does not vary within the blocks"):
        estimates.slope_within([1.1, 1.1, 2.3, 2.3], [1, 2, 3, 4], [["a", "a", "b", "b"]], ["a", "a", "b", "b"])


def test_slope_through_origin_refuses_no_dose():
    with pytest.raises(ValueError, match="at least one dose other than zero"):
        estimates.slope_through_origin([0, 0], [1, 2], ["a", "b"])


@pytest.mark.parametrize("operation", ["ratio", "difference"])
def test_delta_method_agrees_with_a_cluster_bootstrap(operation):
    rng = np.random.default_rng(4)
    group = np.repeat(np.arange(120), 3)
    shared = rng.normal(size=120)[group]
    a = 1 + shared + rng.normal(size=group.size)
    b = 4 + 0.8 * shared + rng.normal(size=group.size)
    first, second = estimates.mean(a, group), estimates.mean(b, group)
    if operation == "ratio":
        joined, statistic = first / second, lambda x, y: x.mean() / y.mean()
    else:
        joined, statistic = first - second, lambda x, y: x.mean() - y.mean()
    assert joined.value == pytest.approx(statistic(a, b))
    assert standard_error(joined) == pytest.approx(bootstrap_error(statistic, a, b, group=group), rel=0.05)


def test_difference_of_paired_estimates_is_the_estimate_of_the_differences():
    group, template, _, y = rows()
    z = y + np.random.default_rng(9).normal(size=y.size)
    paired = estimates.mean(y - z, group, template)
    joined = estimates.mean(y, group, template) - estimates.mean(z, group, template)
    assert joined.value == pytest.approx(paired.value)
    assert standard_error(joined) == pytest.approx(standard_error(paired))
    assert (joined.n, joined.n_groups, joined.n_templates) == (2 * paired.n, paired.n_groups, paired.n_templates)


def test_an_estimate_less_itself_is_zero_without_error():
    group, template, _, y = rows()
    estimate = estimates.mean(y, group, template)
    difference = estimate - estimate
    assert difference.value == 0
    assert standard_error(difference) == pytest.approx(0, abs=1e-12)


def test_the_denominator_widens_the_interval_but_is_no_evidence():
    effect = estimates.mean([1.0, 2.0, 3.0], ["x", "y", "z"], ["f1", "f2", "f1"])
    unit = estimates.mean(np.arange(1.0, 61.0), np.arange(60))
    known = estimates.mean(np.full(60, unit.value), np.arange(60))
    ratio = effect / unit
    assert (ratio.n, ratio.n_groups, ratio.n_templates) == (3, 3, 2)
    assert ratio.influence.size == 63
    assert standard_error(ratio) > standard_error(effect) / unit.value
    assert standard_error(effect / known) == pytest.approx(standard_error(effect) / unit.value)
    again = -(ratio - effect / unit) * 2.0
    assert (again.n, again.n_groups, again.n_templates) == (6, 3, 2)


def test_scaling_and_negation():
    estimate = estimates.mean([1.0, 2.0, 6.0], ["a", "b", "c"])
    assert (estimate * 2.0).value == 6.0
    assert (-estimate).value == -3.0
    assert standard_error(estimate * -2.0) == pytest.approx(2 * standard_error(estimate))


def test_division_by_an_estimate_of_zero():
    zero = estimates.mean([-1.0, 1.0], ["a", "b"])
    with pytest.raises(ZeroDivisionError, match="estimate of zero"):
        zero / zero


@pytest.mark.parametrize(
    ("values", "groups", "told"),
    [
        ([], [], "one or more numbers"),
        ([[1.0]], ["a"], r"got shape \(1, 1\)"),
        ([1.0, np.nan], ["a", "b"], "expected finite numbers"),
        ([1.0, -np.inf], ["a", "b"], "expected finite numbers"),
        ([1.0, 2.0], ["a"], "a group and a template for each of 2 numbers"),
    ],
)
def test_refused_values(values, groups, told):
    with pytest.raises(ValueError, match=told):
        estimates.mean(values, groups)


def test_refused_doses():
    with pytest.raises(ValueError, match="expected a row of 2 numbers"):
        estimates.slope_through_origin([1.0], [1.0, 2.0], ["a", "b"])
    with pytest.raises(ValueError, match="finite"):
        estimates.slope_within([1.0, np.nan], [1.0, 2.0], [["a", "a"]], ["a", "b"])


def test_labels_keep_names_apart_and_none_is_no_cluster():
    assert estimates.labels([None, 1, "1", "filler-01"]).tolist() == ["", "1", "1", "filler-01"]


@pytest.mark.parametrize("kind", ["mean", "through_origin", "within"])
def test_influence_agrees_with_a_jackknife(kind):
    group, _, dose, y = rows(groups=150, per=4)
    made = {
        "mean": lambda d, r, g: estimates.mean(r, g),
        "through_origin": lambda d, r, g: estimates.slope_through_origin(d, r, g),
        "within": lambda d, r, g: estimates.slope_within(d, r, [g], g),
    }[kind]

    def estimate(kept: np.ndarray) -> Estimate:
        return made(dose[kept], y[kept], group[kept])

    whole = estimate(np.full(y.size, True))
    left_out = np.array([estimate(group != name).value for name in range(150)])
    jackknife = np.sqrt(149 / 150 * np.square(left_out - left_out.mean()).sum())
    assert standard_error(whole) == pytest.approx(jackknife, rel=0.02)
