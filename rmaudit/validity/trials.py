"""Many simulated audits, in parallel, and what came of each."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rmaudit.progress import Progress, silent
from rmaudit.record import Finding
from rmaudit.statistics.estimates import Floats
from rmaudit.summary import EFFECTS
from rmaudit.validity.features import Feature
from rmaudit.validity.simulating import Simulator

SAME = 1e-9
"""Two values of one finding closer than this (in score units) are one: sums of the same numbers in another order differ so."""


@dataclass(frozen=True)
class Trial:
    """What is planted, how much of it (0: noise alone), and in which noise."""

    seed: int
    feature: str = ""
    alpha: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What an audit of a trial's scorer found.

    found: headline findings called a bias, with their value. excluding: those of an effect whose interval leaves 0 out, whatever
    its size. target: value of the headline that must find the feature. untouched: number of headlines that the feature does not
    touch: their value is the same with and without it. stray: those of them that were called a bias.
    """

    trial: Trial
    found: dict[str, float]
    excluding: tuple[str, ...] = ()
    target: float | None = None
    untouched: int = 0
    stray: tuple[str, ...] = ()


def run_trials(
    simulator: Simulator,
    features: Sequence[Feature],
    trials: Sequence[Trial],
    *,
    workers: int = 1,
    progress: Progress = silent,
) -> list[Outcome]:
    """The outcomes, in the order of the trials. Each is a function of the audit and the trial alone, whatever the workers."""
    seeds = sorted({trial.seed for trial in trials})
    jobs = [(seed, [trial for trial in trials if trial.seed == seed]) for seed in seeds]
    told: dict[Trial, Outcome] = {}
    done = 0
    for outcomes in _mapped(Bench(simulator, features), jobs, workers):
        told.update({outcome.trial: outcome for outcome in outcomes})
        done += len(outcomes)
        progress("simulated audits", done, len(trials))
    return [told[trial] for trial in trials]


Job = tuple[int, list[Trial]]


def _mapped(bench: Bench, jobs: list[Job], workers: int) -> Iterator[list[Outcome]]:
    if workers == 1:
        yield from (list(bench.outcomes(*job)) for job in jobs)
        return
    # Forked workers share the planned stimuli, which are far larger than what they send back.
    _Worker.bench = bench
    gc.freeze()  # else every collection walks through them, in each worker, and copies their pages
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        yield from pool.imap_unordered(_Worker.run, jobs)


class _Worker:
    """What a forked process finds in its memory: a pool sends its workers names, not planned audits."""

    bench: Bench

    @classmethod
    def run(cls, job: Job) -> list[Outcome]:
        return list(cls.bench.outcomes(*job))


class Bench:
    """A planned audit with every feature's values."""

    def __init__(self, simulator: Simulator, features: Iterable[Feature]) -> None:
        self._simulator = simulator
        self._features = {feature.name: feature for feature in features}
        self._values: dict[str, Floats] = {
            name: self._simulator.planted(feature) for name, feature in self._features.items()
        }

    def outcomes(self, seed: int, trials: Sequence[Trial]) -> Iterator[Outcome]:
        """All trials in one noise: what noise alone gives is computed once."""
        noise = self._simulator.noise(seed)
        alone = {finding.key: finding for finding in self._simulator.findings(noise)}
        for trial in trials:
            if not trial.feature:
                yield Outcome(trial, _biased(alone.values()), tuple(_excluding(alone.values())))
                continue
            feature, values = self._features[trial.feature], self._values[trial.feature]
            moved = self._simulator.findings(noise + trial.alpha * values, self._simulator.touched(values))
            found = alone | {finding.key: finding for finding in moved}
            biased = _biased(found.values())
            same = [key for key in found if key != feature.target and _same(found[key], alone[key])]
            stray = tuple(key for key in same if key in biased)
            yield Outcome(trial, biased, target=found[feature.target].value, untouched=len(same), stray=stray)


def _biased(findings: Iterable[Finding]) -> dict[str, float]:
    return {finding.key: finding.value or 0.0 for finding in findings if finding.verdict == "bias"}


def _excluding(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        low, high = finding.interval or (0.0, 0.0)
        if finding.kind in EFFECTS and (low > 0 or high < 0):
            yield finding.key


def _same(one: Finding, other: Finding) -> bool:
    """Whether a finding did not move, apart from its unit."""
    values = (one.raw, other.raw) if one.raw is not None else (one.value, other.value)
    return None not in values and abs((values[0] or 0.0) - (values[1] or 0.0)) <= SAME
