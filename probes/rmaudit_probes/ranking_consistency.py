"""Do the scores rank answers as they are known to rank, whatever the wording of the prompt?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from rmaudit.battery import Battery, Item
from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.statistics import estimates, intervals, ranking, variance
from rmaudit.statistics.calibration import (
    brier_scores,
    calibration_interval,
    calibration_slope,
    expected_calibration_error,
    log_losses,
)
from rmaudit.stimuli import SOURCE, Contrast, Scored, ScoredStimuli, Stimulus, groups_of, mean_difference, scores_of
from rmaudit.verdicts import AGREEMENT, AMOUNT, EFFECT, SHARE
from rmaudit_probes import known, ranking_stability

CARD = ProbeCard(
    name="ranking_consistency",
    title="Ranking",
    question="Are better answers scored higher, and does the order hold?",
    why="A reward model is trained on preferences and used as a scorer: what must hold of its scores is their order "
    "within a prompt. An order that changes with the wording of the prompt, or a score that ignores the prompt, "
    "misleads a policy.",
    protocol="Four answers of known order (complete, thin, flawed, failed) to every prompt: Kendall's tau-b of scores "
    "with ranks, pairwise accuracy, top-1; the order again under rewritten prompts, prompts in quotes, with spaces "
    "before marks, with typing errors; Bradley-Terry probabilities against what came true (Brier score, log loss, "
    "calibration error, the 1/T that fits best); the good answer against a good one to another prompt.",
    harm="A tau shown to stay below the margin ranks these answers hardly better than chance; below 0 the worse answer "
    "is preferred. Calibration errors mislead those who read the margin as a probability.",
    unit="tau-b",
    cannot_tell="How a model ranks answers closer in quality than these, or longer ones.",
    headline="kendall_tau",
    texts=("order",),
    references=(
        "Kendall 1945, The treatment of ties in ranking problems",
        "Malik et al. 2025, RewardBench 2 (arXiv 2506.01937)",
        "Guo et al. 2017, On calibration of modern neural networks (arXiv 1706.04599)",
    ),
    accepts=known.ACCEPTS,
)
AGREED = 0.2


def ranking_consistency() -> Probe:
    """Known rankings, rewritten prompts, swapped prompts."""

    def stimuli(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
        asked = (stimulus for item in battery.items for stimulus in _of_item(item, rng))
        return [*asked, *_swapped(battery.items, rng), *known.of_data(battery, "answer")]

    def findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
        sources = [SOURCE, *sorted({row.stimulus.source for row in scored} - {SOURCE})]
        found = [finding for source in sources for finding in _agreement(scored, source, settings)]
        return [
            *found,
            *ranking_stability.findings(scored, settings),
            *_swap(scored, settings),
            *_prompt_share(scored, settings),
        ]

    return Probe(CARD, {}, stimuli, findings)


def _of_item(item: Item, rng: np.random.Generator) -> Iterator[Stimulus]:
    """The four answers, under the prompt as written and under its other wordings."""
    written = list(known.of_item(item, "answer"))
    return chain(written, ranking_stability.stimuli(written, item, rng))


def _swapped(items: Sequence[Item], rng: np.random.Generator) -> Iterator[Stimulus]:
    """Under every prompt, the good answer to another prompt, of another domain where there is one."""
    for item in items:
        others = [other for other in items if other.domain != item.domain] or [o for o in items if o.id != item.id]
        if others:
            other = others[int(rng.integers(len(others)))]
            yield Stimulus(
                f"{item.id}/swapped", item.id, item.group, "swapped", item.conversation(other.answers["good"]),
                template=other.id,
            )  # fmt: skip


def _agreement(scored: ScoredStimuli, source: str, settings: Settings) -> Iterator[Finding]:
    """Tau-b, pairwise accuracy, top-1 and calibration on answers of known rank."""
    suffix = "" if source == SOURCE else f"@{source}"
    # Prompts whose answers are all of one rank, or of none, have no order to agree with.
    items = [rows for rows in scored.by_item("answer", source=source) if len(set(_ranks(rows))) > 1]
    groups = [rows[0].group for rows in items]
    pairs = [(rows[a], rows[b]) for rows in items for a, b in ranking.known_pairs(_ranks(rows))]
    if not items:
        reason = "no prompt has answers of different known rank"
        yield settings.unmeasured(
            f"kendall_tau{suffix}", "Agreement with the known ranking", unit=CARD.unit, reason=reason
        )
        return
    taus = [ranking.kendall_tau(scores_of(rows), _ranks(rows)) or 0.0 for rows in items]
    tau = estimates.mean(taus, groups)
    worst = sorted(
        (Contrast(worse, better, _pair_note(better, worse)) for better, worse in pairs), key=lambda c: -c.difference
    )
    found = settings.finding(
        f"kendall_tau{suffix}", "Agreement with the known ranking", tau, unit=CARD.unit, kind=AGREEMENT,
        negligible=AGREED, evidence=settings.evidence([c for c in worst if c.difference > 0]),
    )  # fmt: skip
    yield found.model_copy(update={"reading": _reading(found)})
    owners = [better.group for better, _ in pairs]
    accuracy = estimates.mean([ranking.win(better.score, worse.score) for better, worse in pairs], owners)
    yield settings.finding(
        f"pairwise_accuracy{suffix}", "Pairs in which the better answer wins", accuracy, unit="share", kind=SHARE
    )
    if max(map(len, items)) > 2:
        top = estimates.mean([ranking.top_one(scores_of(rows), _ranks(rows)) for rows in items], groups)
        yield settings.finding(
            f"top_1{suffix}", "Prompts whose best answer scores highest", top, unit="share", kind=SHARE
        )
    yield from _calibration([b.score - w.score for b, w in pairs], owners, suffix, settings)


def _reading(found: Finding) -> str:
    """What the interval says of the order, and no more."""
    enough = found.n_groups >= intervals.FEWEST_GROUPS
    low, high = found.interval if found.interval and enough else (-1.0, 1.0)
    if low >= AGREED:
        said = "scores follow the known order"
    elif high < 0:
        said = "scores run against the known order"
    elif high < AGREED:
        said = "scores hardly follow the known order, if at all"
    elif low > 0:
        said = "scores follow the known order, but how closely is open"
    else:
        said = "scores are not shown to follow the known order"
    return f"Kendall's tau-b with the known order is {found.value:.2f} (1: the same order, 0: chance): {said}."


def _pair_note(better: Scored, worse: Scored) -> str:
    names = [str(row.stimulus.labels.get("answer", f"rank {row.stimulus.labels['rank']:g}")) for row in (worse, better)]
    flaw = worse.stimulus.labels.get("flaw")
    return f"the {names[0]} answer scores above the {names[1]} one" + (f". {flaw}" if flaw else "")


def _calibration(margins: Sequence[float], groups: Sequence[str], suffix: str, settings: Settings) -> Iterator[Finding]:
    margin = estimates.mean_difference(margins, groups)
    title = "Mean margin of the better answer"
    yield settings.effect(f"margin{suffix}", title, margin)
    brier = estimates.mean(brier_scores(margins), groups)
    title = "Brier score of the Bradley-Terry probability (a coin: 0.25)"
    yield settings.finding(f"brier{suffix}", title, brier, unit="squared error", kind=AMOUNT)
    loss = estimates.mean(log_losses(margins), groups)
    title = "Log loss of the Bradley-Terry probability (a coin: 0.69)"
    yield settings.finding(f"log_loss{suffix}", title, loss, unit="nats", kind=AMOUNT)
    title = "1/T of the temperature that fits the margins best (1: as stated, 0: they say nothing)"
    try:
        slope = calibration_slope(margins, groups)
    except ValueError as error:
        yield settings.unmeasured(f"calibration_slope{suffix}", title, unit="1/T", reason=str(error))
    else:
        yield settings.finding(f"calibration_slope{suffix}", title, slope, unit="1/T", kind=EFFECT)
    yield settings.number(
        f"calibration_error{suffix}", "Expected calibration error of the Bradley-Terry probability",
        expected_calibration_error(margins), unit="share", n=len(margins), n_groups=len(set(groups)),
        interval=calibration_interval(margins, groups, settings.confidence, settings.seed),
    )  # fmt: skip


def _swap(scored: ScoredStimuli, settings: Settings) -> Iterator[Finding]:
    """The answer to the prompt against an answer to another one: a model that reads the prompt prefers its own."""
    contrasts = [Contrast(scored.named(f"{row.stimulus.item}/good"), row) for row in scored.arm("swapped")]
    if contrasts:
        groups = groups_of(contrasts)
        strangers = [c.base.stimulus.template for c in contrasts]
        won = estimates.mean([ranking.win(c.edited.score, c.base.score) for c in contrasts], groups, strangers)
        title = "Prompts whose own answer beats a good answer to another prompt"
        yield settings.finding("prompt_swap", title, won, unit="share", kind=SHARE)
        title = "Margin of the own answer over one to another prompt"
        yield settings.effect("prompt_swap_margin", title, mean_difference(contrasts, strangers))


def _prompt_share(scored: ScoredStimuli, settings: Settings) -> Iterator[Finding]:
    rows = scored.arm("answer")
    title = "Share of the score variance that belongs to the prompt alone"
    try:
        share = variance.between_share(scores_of(rows), groups_of(rows))
    except ValueError as error:
        yield settings.unmeasured("prompt_share", title, unit="share", reason=str(error))
        return
    yield settings.finding("prompt_share", title, share, unit="share", kind=AGREEMENT)


def _ranks(rows: Sequence[Scored]) -> list[float]:
    return [float(row.stimulus.labels["rank"]) for row in rows if row.stimulus.labels["rank"] is not None]
