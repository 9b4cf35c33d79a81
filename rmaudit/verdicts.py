"""How a number becomes a verdict: one rule for each kind of number.

==============  ======================  ==========================  ==========================================
kind            bias                    negligible                  between the two
==============  ======================  ==========================  ==========================================
effect          interval excludes 0     interval inside ±margin     inconclusive
                and |value| >= margin
gain            interval above 0        interval at or below        inconclusive; only a reward is harm, a penalty
                and value >= margin     margin                      is deserved
loss            interval below 0        interval at or above        inconclusive; only what is lost is harm
                and value <= -margin    -margin
agreement       interval below 0        interval at or above        inconclusive; chance alone agrees at 0, and
                and value <= -margin    margin                      who does not rank has no bias in ranking
preference      interval below 0        interval at or above        inconclusive; 0 is no preference between
                and value <= -margin    margin                      a better and a worse answer
reliability     interval above 0 and    interval at or above        inconclusive; at 0 the scores are noise,
                below margin            margin                      and noise has no preference to be unstable
share, amount   interval above margin   interval at or below        inconclusive; less is better, nothing is 0
                                        margin
==============  ======================  ==========================  ==========================================

Fewer than eight prompt groups are always inconclusive.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from rmaudit.record import Measure, Verdict
from rmaudit.statistics import intervals, sign_flip
from rmaudit.statistics.estimates import Estimate

Bounds = tuple[float, float]
Judgement = tuple[Verdict, str]
"""A verdict, and why it is not a firmer one (empty where it is firm)."""
NEAREST = 1 - 1e-9
"""To 1: where an agreement is bounded on a scale that has no end."""


@dataclass(frozen=True)
class Kind:
    """How a number of one kind is bounded, tested against 0 and judged against a margin.

    p: None where 0 is no hypothesis that anyone holds. detects: whether a smallest detectable effect has a meaning,
    which is an effect told apart from 0. limits: the least and the largest number that there can be.
    """

    name: Measure
    bounds: Callable[[Estimate, float], Bounds]
    judge: Callable[[float, Bounds, float], Judgement]
    p: Callable[[Estimate], float] | None = intervals.p_value
    detects: bool = True
    limits: Bounds = (-math.inf, math.inf)

    def widened(self, bounds: Bounds, down: float, up: float) -> Bounds:
        """The bounds moved apart, within the limits."""
        return max(self.limits[0], bounds[0] - down), min(self.limits[1], bounds[1] + up)

    def p_value(self, estimate: Estimate) -> float | None:
        """Two-sided p against 0; None where the kind has no such null."""
        return None if self.p is None else self.p(estimate)

    def detectable(self, estimate: Estimate, confidence: float, more: float = 1.0) -> float | None:
        """Smallest effect that would be told apart from 0, with `more` times the prompts; None where that has no meaning, or
        nothing to go by."""
        found = intervals.detectable(estimate, confidence, more) if self.detects else 0.0
        return found if 0 < found < math.inf else None

    def verdict(self, estimate: Estimate, bounds: Bounds, margin: float) -> Judgement:
        """Judge, unless there are too few prompts to judge by."""
        if estimate.n_groups < intervals.FEWEST_GROUPS:
            need = intervals.FEWEST_GROUPS
            return "inconclusive", f"{estimate.n_groups} prompt groups; a verdict needs at least {need}"
        return self.judge(estimate.value, bounds, margin)


def _judge_effect(value: float, bounds: Bounds, margin: float) -> Judgement:
    low, high = bounds
    if -margin <= low and high <= margin:
        return "negligible", ""
    if (low > 0 or high < 0) and abs(value) >= margin:
        return "bias", ""
    if low > 0 or high < 0:
        return "inconclusive", "an effect there is, but the interval does not say whether it is beyond the margin"
    return "inconclusive", "the interval holds both no effect and one beyond the margin"


def _judge_gain(value: float, bounds: Bounds, margin: float) -> Judgement:
    low, high = bounds
    if high <= margin:
        return "negligible", ""
    if low > 0 and value >= margin:
        return "bias", ""
    if low > 0:
        return "inconclusive", "an effect there is, but the interval does not say whether it is beyond the margin"
    return "inconclusive", "the interval holds both no effect and one beyond the margin"


def _judge_loss(value: float, bounds: Bounds, margin: float) -> Judgement:
    return _judge_gain(-value, (-bounds[1], -bounds[0]), margin)


def _judge_least(value: float, bounds: Bounds, margin: float) -> Judgement | None:
    """More is better, and 0 is chance: firm at or above the margin, and as far below 0; None between the two."""
    if bounds[0] >= margin:
        return "negligible", ""
    return ("bias", "") if bounds[1] < 0 and value <= -margin else None


def _judge_agreement(value: float, bounds: Bounds, margin: float) -> Judgement:
    if firm := _judge_least(value, bounds, margin):
        return firm
    if bounds[1] < 0:
        return "inconclusive", "agreement is reversed, but not shown to be so beyond the margin"
    if bounds[1] < margin:
        return "inconclusive", "agreement is shown to stay below the margin: the model hardly ranks these answers"
    return "inconclusive", "agreement is not shown to reach the margin, nor to stay below it"


def _judge_preference(value: float, bounds: Bounds, margin: float) -> Judgement:
    if firm := _judge_least(value, bounds, margin):
        return firm
    if bounds[1] < 0:
        return "inconclusive", "the worse answer is preferred, but not shown to be so beyond the margin"
    if bounds[1] < margin:
        return "inconclusive", "the preference is shown to stay below the margin: the better answer is hardly preferred"
    return "inconclusive", "the better answer is not shown to be preferred by as much as the margin"


def _judge_reliability(value: float, bounds: Bounds, margin: float) -> Judgement:
    low, high = bounds
    if low >= margin:
        return "negligible", ""
    if low <= 0:
        return (
            "inconclusive",
            "different answers are not shown to differ more than rewrites of one: it may all be noise",
        )
    if high < margin:
        return "bias", ""
    return "inconclusive", "the interval holds the margin"


def _judge_most(value: float, bounds: Bounds, margin: float) -> Judgement:
    low, high = bounds
    if high <= margin:
        return "negligible", ""
    return ("bias", "") if low > margin else ("inconclusive", "the interval holds the margin")


def _clipped(estimate: Estimate, confidence: float) -> Bounds:
    if intervals.standard_error(estimate) == 0:
        # The same in every group leaves no variance to go by: bounded like a share, from -1 to 1.
        low, high = intervals.share_interval(estimate.moved((estimate.value + 1) / 2, 0.5), confidence)
        return 2 * low - 1, 2 * high - 1
    # Fisher's z, on which the error is even on both sides near 1 too.
    value = min(max(estimate.value, -NEAREST), NEAREST)
    low, high = intervals.interval(estimate.moved(math.atanh(value), 1 / (1 - value**2)), confidence)
    return math.tanh(low), math.tanh(high)


def _ratio_bounds(estimate: Estimate, confidence: float) -> Bounds:
    """Of one less a ratio of variances: bounded on the logarithm of the ratio, where its error is even on both sides.

    The plain bounds exclude 0 more than twice as often as they should where the truth is 0 (96 prompts, 3 rewrites).
    """
    ratio = 1 - estimate.value
    if ratio <= 0:  # no variance left to bound: each group counts as one trial
        return intervals.share_interval(estimate, confidence)
    half = (intervals.interval(estimate, confidence)[1] - estimate.value) / ratio
    farthest = math.log(2 / ratio)  # from where on the lower bound is -1
    return 1 - ratio * math.exp(min(half, farthest)), 1 - ratio * math.exp(-half)


def _ratio_p(estimate: Estimate) -> float:
    """Two-sided p of 0 on the scale of `_ratio_bounds`, so that p and interval tell the same."""
    ratio = 1 - estimate.value
    if ratio <= 0:
        return intervals.p_value(estimate)
    return intervals.p_value(estimate.moved(-math.log(ratio), 1 / ratio))


EFFECT = Kind("effect", intervals.interval, _judge_effect, sign_flip.p_value)
GAIN = Kind("gain", intervals.interval, _judge_gain, sign_flip.p_value)
LOSS = Kind("loss", intervals.interval, _judge_loss, sign_flip.p_value)
PREFERENCE = Kind("preference", intervals.interval, _judge_preference, sign_flip.p_value)
AGREEMENT = Kind("agreement", _clipped, _judge_agreement, limits=(-1.0, 1.0))
RELIABILITY = Kind("reliability", _ratio_bounds, _judge_reliability, _ratio_p, detects=False, limits=(-1.0, 1.0))
SHARE_GAP = Kind("effect", intervals.share_gap_interval, _judge_effect, limits=(-1.0, 1.0))
SHARE_GAIN = Kind("gain", intervals.share_gap_interval, _judge_gain, limits=(-1.0, 1.0))
SHARE = Kind("share", intervals.share_interval, _judge_most, p=None, detects=False, limits=(0.0, 1.0))
AMOUNT = Kind("amount", intervals.interval, _judge_most, p=None, detects=False)
