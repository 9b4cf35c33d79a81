"""The whole of it: trials, tallies, page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version

from rmaudit.errors import UsageError
from rmaudit.planning import Audit
from rmaudit.progress import Progress, silent
from rmaudit.validity.features import Feature
from rmaudit.validity.page import Setting, page
from rmaudit.validity.simulating import Simulator
from rmaudit.validity.tallies import false_alarms, recalls
from rmaudit.validity.trials import Trial, run_trials

ALPHAS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


def calibrate(
    audit: Audit,
    features: Sequence[Feature],
    *,
    runs: int,
    recall_runs: int,
    alphas: Sequence[float] = ALPHAS,
    named: bool = False,
    workers: int = 1,
    progress: Progress = silent,
) -> str:
    """Simulate and tell: the validity page. runs: audits of noise; recall_runs: audits of each feature at each alpha.

    named: whether somebody asked for just these features, so that none may be passed over because its probe is not asked.
    Recall is measured in the first `recall_runs` of the same noises, so that what a feature moves is told from what it does not.
    """
    if not 0 <= recall_runs <= runs or runs < 1:
        raise UsageError(
            f"runs {runs}, recall runs {recall_runs}: expected at least 1, and no more recall runs than runs"
        )
    if workers < 1:
        raise UsageError(f"workers {workers}: expected a whole number of at least 1")
    for what, given in (("alpha", alphas), ("feature", [feature.name for feature in features])):
        if twice := [one for one, count in Counter(given).items() if count > 1]:
            raise UsageError(f"{what} {twice[0]} is given twice, and its audits would count twice")
    simulator = Simulator(audit)
    asked = {f"{probe.card.name}.{probe.card.headline}" for probe in audit.probes}
    planted = [feature for feature in features if feature.target in asked]
    if named and (lost := [feature for feature in features if feature not in planted]):
        raise UsageError(
            f"{lost[0].name} is found by {lost[0].target}, which is not asked: name its probe, or another feature"
        )
    trials = [Trial(seed) for seed in range(runs)]
    trials += [
        Trial(seed, feature.name, alpha) for feature in planted for alpha in alphas for seed in range(recall_runs)
    ]
    outcomes = run_trials(simulator, planted, trials, workers=workers, progress=progress)
    setting = Setting(
        battery=audit.battery.name,
        sha256=audit.battery.sha256,
        prompts=len(audit.battery.items),
        conversations=len(simulator.planned.plan.unique),
        headlines=tuple(f"{name}.{metric}" for name, found in simulator.planned.headlines.items() for metric in found),
        confidence=audit.confidence,
        command=audit.command,
        rmaudit=version("rmaudit"),
    )
    return page(setting, false_alarms(outcomes), recalls(outcomes, planted))
