"""Audits drawn at random whose truth is known: prompts, templates and scores that are normal, skewed or tied."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rmaudit.statistics import correlation, estimates, ranking, variance
from rmaudit.statistics.estimates import Estimate, Floats, Labels

SHAPES = ("normal", "skewed", "tied")
SPREADS = (1.0, 2.0)
"""Half of the prompts spread their answers twice as far as the others: a mean square of 2.5."""
Audit = tuple[float, Estimate]
"""The truth, and one audit's estimate of it."""
PROMPTS = 1000
"""Size of the finite populations."""


@dataclass(frozen=True)
class Design:
    """The number of each row's group and template (n,), and their names."""

    group: NDArray[np.intp]
    template: NDArray[np.intp]
    groups: Labels
    templates: Labels | None

    @property
    def count(self) -> int:
        """Number of groups."""
        return int(self.group[-1]) + 1

    def by_row(self, rng: np.random.Generator, shape: str) -> Floats:
        """One draw for each row."""
        return noise(rng, shape, self.group.size)

    def by_group(self, rng: np.random.Generator, shape: str) -> Floats:
        """One draw for each group, given to its rows."""
        return noise(rng, shape, self.count)[self.group]

    def by_template(self, rng: np.random.Generator, shape: str) -> Floats:
        """One draw for each template, given to its rows; 0 where there are none."""
        drawn = noise(rng, shape, int(self.template.max()) + 1)[self.template]
        return drawn * 0 if self.templates is None else drawn


def unequal(groups: int) -> Design:
    """Groups of 4 to 16 rows."""
    group = np.repeat(np.arange(groups), np.random.default_rng(groups).integers(4, 17, groups))
    return Design(group, group * 0, letters(group), None)


def dealt(templates: int, groups: int = 60, each: int = 8) -> Design:
    """Eight templates to a group and two rows to each, dealt in turn from a shuffled deck, as padding is."""
    rng = np.random.default_rng(templates)
    deck = np.concatenate([rng.permutation(templates) for _ in range(groups * each // templates + 1)])
    template = np.repeat(deck[: groups * each], 2)
    group = np.repeat(np.arange(groups), 2 * each)
    return Design(group, template, letters(group), letters(template))


def letters(numbers: NDArray[np.intp]) -> Labels:
    """A letter for each number: short names are read and sorted fastest."""
    return (numbers + ord("A")).astype(np.uint32).view("<U1")


@cache
def names(count: int, each: int) -> Labels:
    """The names of so many clusters, once for each of their rows."""
    return letters(np.repeat(np.arange(count), each))


def noise(rng: np.random.Generator, shape: str, size: int) -> Floats:
    """Mean 0, variance 1: a bell, a long tail to the right (an exponential), or one of five whole numbers."""
    if shape == "skewed":
        return rng.standard_exponential(size) - 1
    return rng.binomial(4, 0.5, size) - 2.0 if shape == "tied" else rng.standard_normal(size)


def doses(rng: np.random.Generator, shape: str, size: int) -> Floats:
    """Above zero: even, as the doublings that padding makes are spread (mean 0.75, SD 0.53), or one of four."""
    if shape == "skewed":
        return 0.375 * rng.standard_gamma(2, size)
    return rng.integers(1, 5, size) / 2 if shape == "tied" else rng.uniform(0.2, 2.0, size)


# ------------------------------------------------------- one audit: the truth, by construction, and what is made of it
def mean(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    y = 0.3 + 0.5 * design.by_group(rng, shape) + 0.3 * design.by_template(rng, shape) + design.by_row(rng, shape)
    return 0.3, estimates.mean(y, design.groups, design.templates)


def slope_through_origin(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    """Slopes differ by prompt and by template."""
    dose = doses(rng, shape, design.group.size)
    slope = 0.5 + 0.5 * design.by_group(rng, shape) + 0.25 * design.by_template(rng, shape)
    y = slope * dose + 0.5 * design.by_row(rng, shape)
    return 0.5, estimates.slope_through_origin(dose, y, design.groups, design.templates)


def slope_within(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    """Against the trend between prompts; with templates, between the two rows of each alone."""
    dose, prompt = doses(rng, shape, design.group.size), design.by_group(rng, shape)
    slope = 0.5 + 0.5 * design.by_group(rng, shape) + 0.25 * design.by_template(rng, shape)
    y = slope * dose - 2 * prompt + 0.5 * design.by_row(rng, shape)
    block = design.groups if design.templates is None else names(design.group.size // 2, 2)
    return 0.5, estimates.slope_within(dose + prompt, y, [block], design.groups, design.templates)


def slope_within_levels(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    """Against the trends between prompts and between four levels of quality, crossed with them."""
    level, prompt = np.arange(design.group.size) % 4, design.by_group(rng, shape)
    dose = doses(rng, shape, design.group.size)
    y = (0.5 + 0.5 * design.by_group(rng, shape)) * dose - 2 * prompt - level + 0.5 * design.by_row(rng, shape)
    return 0.5, estimates.slope_within(dose + prompt + level, y, [design.groups, letters(level)], design.groups)


def ratio(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    """An effect in SD of four natural answers, both larger in the same prompts."""
    spread, items = rng.choice(SPREADS, design.count), names(design.count, 4)
    answers = np.repeat(spread, 4) * noise(rng, shape, 4 * design.count)
    effect = 1 + 0.5 * design.by_group(rng, shape) + 0.3 * design.by_template(rng, shape) + design.by_row(rng, shape)
    raw = estimates.mean(spread[design.group] * effect, design.groups, design.templates)
    unit = variance.root(variance.pooled_variance(answers, items, items))
    return np.mean(SPREADS) / np.sqrt(np.mean(np.square(SPREADS))), raw / unit


def share(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    """A rare one, most of it in a few prompts and templates, where skewed; where tied, a quarter of it half won."""
    prompt = rng.beta(1, 2, design.count)[design.group]  # mean 1/3, at most 1
    filler = rng.beta(1, 2, int(design.template.max()) + 1)[design.template]
    filler = np.full(filler.size, 1 / 3) if design.templates is None else filler
    chance = 0.9 * prompt * filler if shape == "skewed" else 0.9 - 0.45 * (prompt + filler)
    won = (rng.random(chance.size) < chance).astype(np.float64)
    if shape == "tied":
        won[rng.random(won.size) < 0.25] = 0.5
    truth = {"normal": 0.6, "skewed": 0.1, "tied": 0.75 * 0.6 + 0.25 * 0.5}[shape]
    return truth, estimates.mean(won, design.groups, design.templates)


def share_gap(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    """Two shares of the same prompts: both near 1 where skewed; where tied, a quarter of the trials is half won."""
    prompt = rng.beta(1, 2, design.count)[design.group]  # mean 1/3, at most 1
    chances = (1 - 0.06 * prompt, 1 - 0.3 * prompt) if shape == "skewed" else (0.9 - 0.9 * prompt, 0.75 - 0.75 * prompt)
    won = [(rng.random(chance.size) < chance).astype(np.float64) for chance in chances]
    if shape == "tied":
        won = [np.where(rng.random(one.size) < 0.25, 0.5, one) for one in won]
    one, other = (estimates.mean(values, design.groups) for values in won)
    return {"normal": 0.1, "skewed": 0.08, "tied": 0.075}[shape], one - other


def share_of_ties(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    """Half of all trials are ties, and prompts do not differ."""
    return 0.5, estimates.mean(rng.binomial(2, 0.5, design.group.size) / 2, design.groups, design.templates)


def root(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    spread = rng.choice(SPREADS, design.count)[design.group]
    scores = 3 * design.by_group(rng, shape) + spread * design.by_row(rng, shape)
    inside = variance.pooled_variance(scores, design.groups, design.groups)
    return np.sqrt(np.mean(np.square(SPREADS))), variance.root(inside)


def between_share(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    return 0.5, variance.between_share(design.by_group(rng, shape) + design.by_row(rng, shape), design.groups)


def pooled(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    """Two sums with one summand in common, each of a prompt's part and an answer's."""
    common, x, y = (design.by_group(rng, shape) + design.by_row(rng, shape) for _ in range(3))
    return 0.5, correlation.pooled(common + x, common + y, design.groups)


def reliability(design: Design, shape: str, rng: np.random.Generator, quality: float = 1.0) -> Audit:
    """One less the variance over three wordings of an answer, over that of all pairs of a good and a flawed answer."""
    count = design.count
    sides = quality * (noise(rng, shape, 2 * count).reshape(count, 2, 1) + [[0.0], [-1.0]])
    scores = sides + noise(rng, shape, 6 * count).reshape(count, 2, 3)
    good, flawed = np.array(list(product(range(3), range(3)))).T
    pairs = np.stack([scores[:, 0, good], scores[:, 1, flawed]], axis=2)
    by_wording = variance.pooled_variance(scores.ravel(), names(2 * count, 3), names(count, 6))
    by_flaw = variance.pooled_variance(pairs.ravel(), names(9 * count, 2), names(count, 18))
    # Wording has variance 1; the two sides add variance 1 and half the square of their gap, each times quality squared.
    return 1 - 1 / (1 + 1.5 * quality**2), variance.one_minus(by_wording / by_flaw)


def reliability_of_noise(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    """Of scores that know wordings only."""
    return reliability(design, shape, rng, quality=0.0)


# ------------------------------------------------ finite populations of prompts: the truth is the mean over all of them
def lengths_and_scores(shape: str) -> tuple[Floats, Floats, Labels]:
    """4 to 16 answers to each of 1,000 prompts: their lengths, their scores and the prompt."""
    rng, design = np.random.default_rng(5), unequal(PROMPTS)
    length, follows = design.by_row(rng, shape), 0.5 + 0.5 * design.by_group(rng, shape)
    return length, follows * length + 0.5 * design.by_row(rng, shape), design.groups


@cache
def rhos(shape: str) -> Floats:
    """Spearman's correlation of length and score within each prompt, from what each adds to the mean of them all."""
    length, score, prompts = lengths_and_scores(shape)
    whole = correlation.within(length, score, prompts, prompts)
    return whole.value + whole.n * whole.influence


@cache
def taus(shape: str) -> Floats:
    """Kendall's tau of four answers with their ranks, by prompt: near its ceiling where skewed."""
    rng = np.random.default_rng(6)
    ranks = np.array([0, 1, 1, 2] if shape == "tied" else [0, 1, 2, 3])
    quality = 2.5 if shape == "skewed" else 1.0
    scores = noise(rng, shape, 4 * PROMPTS).reshape(-1, 4) - quality * ranks
    return np.array([ranking.kendall_tau(row, ranks) for row in scores])


def within(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    """Prompts drawn with replacement. What a prompt says does not hang on the others: it is computed once."""
    told = rhos(shape)
    return told.mean(), estimates.mean(rng.choice(told, design.count), names(design.count, 1))


def tau(design: Design, shape: str, rng: np.random.Generator) -> Audit:
    """Prompts drawn with replacement."""
    told = taus(shape)
    return told.mean(), estimates.mean(rng.choice(told, design.count), names(design.count, 1))
