"""Spreads within and between clusters against analyses of variance and jackknives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rmaudit.statistics import estimates, variance
from rmaudit.statistics.intervals import interval, standard_error


def clustered(groups: int, sizes: np.ndarray, between: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), sizes)
    return between * rng.normal(size=groups)[group] + rng.normal(size=group.size), group


def jackknife(statistic, x: np.ndarray, group: np.ndarray) -> float:
    values = np.array([statistic(x[group != name], group[group != name]) for name in np.unique(group)])
    return float(np.sqrt((len(values) - 1) / len(values) * np.square(values - values.mean()).sum()))


def test_pooled_variance_by_hand():
    estimate = variance.pooled_variance([1.0, 3.0, 10.0, 10.0, 13.0, 99.0], list("aabbbc"), list("aabbbc"))
    # squares 2 and 6 over degrees of freedom 1 and 2; the single value has nothing to say
    assert estimate.value == pytest.approx(8 / 3)
    assert (estimate.n, estimate.n_groups) == (5, 2)


def test_pooled_variance_is_the_residual_mean_square_and_its_error_a_jackknife():
    x, cluster = clustered(120, np.random.default_rng(1).integers(2, 6, 120))
    within = sum(np.square(x[cluster == c] - x[cluster == c].mean()).sum() for c in range(120)) / (x.size - 120)
    estimate = variance.pooled_variance(x, cluster, cluster)
    assert estimate.value == pytest.approx(within)
    again = jackknife(lambda y, c: variance.pooled_variance(y, c, c).value, x, cluster)
    assert standard_error(estimate) == pytest.approx(again, rel=0.03)


def test_pooled_variance_is_resampled_by_group_not_by_cluster():
    x, cluster = clustered(60, np.full(60, 4))
    estimate = variance.pooled_variance(x, cluster, cluster // 2)
    assert estimate.n_groups == 30
    by_group = {name: estimate.influence[estimate.groups == name].sum() for name in np.unique(estimate.groups)}
    assert standard_error(estimate) == pytest.approx(np.sqrt(sum(v**2 for v in by_group.values()) * 30 / 29))


def test_pooled_variance_needs_two_values_somewhere():
    with pytest.raises(ValueError, match="no cluster holds two values"):
        variance.pooled_variance([1.0, 2.0], ["a", "b"], ["a", "b"])
    with pytest.raises(ValueError, match="finite"):
        variance.pooled_variance([1.0, np.nan], ["a", "a"], ["a", "a"])


def test_root_by_the_delta_method():
    x, cluster = clustered(200, np.full(200, 4))
    squared = variance.pooled_variance(x, cluster, cluster)
    spread = variance.root(squared)
    assert spread.value == pytest.approx(np.sqrt(squared.value))
    again = jackknife(lambda y, c: variance.root(variance.pooled_variance(y, c, c)).value, x, cluster)
    assert standard_error(spread) == pytest.approx(again, rel=0.02)
    still = variance.root(variance.pooled_variance([2.0, 2.0], ["a", "a"], ["a", "a"]))
    assert (still.value, still.influence.tolist()) == (0.0, [0.0])


def test_one_minus_mirrors():
    share = estimates.mean([0.0, 1.0, 1.0], ["a", "b", "c"])
    other = variance.one_minus(share)
    assert other.value == pytest.approx(1 / 3)
    assert standard_error(other) == pytest.approx(standard_error(share))


def test_between_share_of_equal_groups_is_that_of_the_f_ratio():
    x, group = clustered(50, np.full(50, 4))
    ratio = stats.f_oneway(*(x[group == name] for name in range(50))).statistic
    assert variance.between_share(x, group).value == pytest.approx((ratio - 1) / (ratio + 3))


def test_between_share_of_unequal_groups_by_hand():
    x, group = np.array([1.0, 2.0, 4.0, 7.0, 6.0, 5.0]), np.array(list("aabbbc"))
    # a: mean 1.5, b: 17/3, c: 5; grand mean 25/6; squares between 2 * (8/3)^2 + 3 * 1.5^2 + (5/6)^2, within .5 + 14/3
    mean_between = (2 * (8 / 3) ** 2 + 3 * 1.5**2 + (5 / 6) ** 2) / 2
    mean_within = (0.5 + 14 / 3) / 3
    part = (mean_between - mean_within) / ((6 - (4 + 9 + 1) / 6) / 2)
    with pytest.raises(ValueError, match="two of them with two values"):
        variance.between_share(x[:3], group[:3])
    assert variance.between_share(x, group).value == pytest.approx(part / (part + mean_within))


@pytest.mark.parametrize("unequal", [False, True])
def test_between_share_error_is_a_jackknife(unequal):
    sizes = np.random.default_rng(5).integers(1, 9, 40) if unequal else np.full(40, 4)
    x, group = clustered(40, sizes)
    estimate = variance.between_share(x, group)
    again = jackknife(lambda y, g: variance.between_share(y, g).value, x, group)
    assert standard_error(estimate) == pytest.approx(again, rel=1e-9)
    assert (estimate.n, estimate.n_groups) == (x.size, 40)


def test_between_share_covers():
    """4 answers to each of 96 prompts, half of the variance between them."""
    covered = 0
    for seed in range(300):
        x, group = clustered(96, np.full(96, 4), seed=seed)
        low, high = interval(variance.between_share(x, group), 0.95)
        covered += low <= 0.5 <= high
    assert 0.92 <= covered / 300 <= 0.98


def test_between_share_does_not_mind_large_scores():
    x, group = clustered(30, np.full(30, 4))
    plain, moved = variance.between_share(x, group), variance.between_share(x + 1e6, group)
    assert moved.value == pytest.approx(plain.value, rel=1e-6)
    assert standard_error(moved) == pytest.approx(standard_error(plain), rel=1e-5)


def test_between_share_ends():
    group = np.repeat(np.arange(5), 3)
    assert variance.between_share(group.astype(float), group).value == pytest.approx(1.0)
    apart = np.tile([-1.0, 0.0, 1.0], 5)
    assert variance.between_share(apart, group).value == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("values", "groups"),
    [([1.0, 2.0, 3.0, 5.0], list("aabb")), ([1.0] * 6, list("aabbcc")), ([1.0, 2.0, 3.0, 4.0], list("abcc"))],
)
def test_between_share_that_cannot_be_told(values, groups):
    with pytest.raises(ValueError, match="three groups"):
        variance.between_share(values, groups)
