"""What many trials come to: false alarms, and recall by the size of what was planted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy.stats import binomtest

from rmaudit.validity.features import Feature
from rmaudit.validity.trials import Outcome

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rate:
    """A count of a total, as a share with its exact interval (Clopper & Pearson 1934) at 95 %."""

    count: int
    total: int

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.count / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends, between 0 and 1."""
        found = binomtest(self.count, self.total).proportion_ci(CONFIDENCE)
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class FalseAlarms:
    """Audits of noise in which anything was called a bias, and which headlines were, how often.

    excluding: audits in which the interval of any effect leaves 0 out, whatever its size: what all intervals together promise.
    """

    runs: Rate
    by_headline: dict[str, int]
    excluding: Rate


@dataclass(frozen=True)
class Recall:
    """Audits of one feature at one size.

    found: the target called a bias, with the right sign. wrong_sign: called one with the other sign. mean: of the target's
    value, in its unit; None where it never was measured. untouched: the least number of headlines in one audit that the feature
    does not touch. stray: audits in which one of these was called a bias. most_stray: the largest number of them in one audit.
    touched: headlines that the feature moved and that were called a bias in any audit.
    """

    feature: Feature
    alpha: float
    found: Rate
    wrong_sign: int
    mean: float | None
    untouched: int
    stray: Rate
    most_stray: int
    touched: dict[str, int]


def false_alarms(outcomes: Iterable[Outcome]) -> FalseAlarms:
    """Of the trials in which nothing was planted."""
    noise = [outcome for outcome in outcomes if not outcome.trial.feature]
    by_headline = Counter(key for outcome in noise for key in outcome.found)
    return FalseAlarms(
        Rate(sum(bool(outcome.found) for outcome in noise), len(noise)),
        dict(by_headline.most_common()),
        Rate(sum(bool(outcome.excluding) for outcome in noise), len(noise)),
    )


def recalls(outcomes: Sequence[Outcome], features: Iterable[Feature]) -> list[Recall]:
    """By feature, in the order given, and size, smallest first."""
    alphas = sorted({outcome.trial.alpha for outcome in outcomes if outcome.trial.feature})
    told = []
    for feature in features:
        for alpha in alphas:
            of = [one for one in outcomes if (one.trial.feature, one.trial.alpha) == (feature.name, alpha)]
            if of:
                told.append(_recall(feature, alpha, of))
    return told


def _recall(feature: Feature, alpha: float, of: Sequence[Outcome]) -> Recall:
    signs = [outcome.found.get(feature.target, 0.0) * alpha for outcome in of]
    measured = [outcome.target for outcome in of if outcome.target is not None]
    touched = Counter(key for one in of for key in one.found if key != feature.target and key not in one.stray)
    return Recall(
        feature, alpha,
        found=Rate(sum(sign > 0 for sign in signs), len(of)),
        wrong_sign=sum(sign < 0 for sign in signs),
        mean=fmean(measured) if measured else None,
        untouched=min(outcome.untouched for outcome in of),
        stray=Rate(sum(bool(outcome.stray) for outcome in of), len(of)),
        most_stray=max(len(outcome.stray) for outcome in of),
        touched=dict(touched.most_common()),
    )  # fmt: skip
