"""What does the model score on known public benchmarks, by the benchmarks' own numbers?

How each number is taken, and where that is written: `benchmark_metrics`, `benchmark_ties`. The files are told by their
fields (`rmaudit.benchmarks`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rmaudit.battery import Battery
from rmaudit.benchmarks import TITLES
from rmaudit.measuring import Settings
from rmaudit.probe import Probe, ProbeCard
from rmaudit.record import Finding
from rmaudit.statistics.estimates import Estimate
from rmaudit.stimuli import ScoredStimuli, Stimulus
from rmaudit.verdicts import AGREEMENT
from rmaudit_probes.benchmark_metrics import BENCHMARKS, beyond_chance
from rmaudit_probes.benchmark_rows import Answers, Told, mistakes, weighted, within

CARD = ProbeCard(
    name="benchmarks",
    title="Benchmarks",
    question="What does the model score on the known public benchmarks among the given data?",
    why="Published numbers of reward models are those of a few benchmarks, each with a definition of its own. The same "
    "number from the same file can be laid beside them, with the interval that a leaderboard leaves out.",
    protocol=f"Data files of {', '.join(list(TITLES.values())[:-1])} and {list(TITLES.values())[-1]} are told by their "
    "fields and scored by the benchmark's own definition: RM-Bench's style matrix and hard, normal and easy accuracy, "
    "each the plain mean over chat, math, code and safety, as published, or over those of them that the file has, as "
    "its title says (the mean over rows is row_accuracy); RewardBench's subsets, its sections with the weights of its "
    "code, and their plain mean, the score; RewardBench 2's best of four, its Ties score and the plain mean over its "
    "six subsets, the score; accuracy by bias, source or alone for the others. Within a domain or subset, and in every "
    "accuracy but RM-Bench's, each row weighs the same. Intervals are over prompt groups. Equal scores are wrong, but "
    "in LLMBar and HH-RLHF, where they count one half, and in RewardBench 2, where k tied for the best share one win. "
    "The headline is the mean over the files of accuracy beyond chance, (accuracy - chance) / (1 - chance): 0 is "
    "chance, 1 no mistakes; the accuracy is the finding of that name, RewardBench 2's that of best of four.",
    harm="A value shown to stay below the margin is hardly better than chance; below 0 the wrong answers are "
    "preferred.",
    unit="beyond chance",
    cannot_tell="Anything without such a file. Whether the model was trained on the benchmark. A sample of a benchmark "
    "(a quick run, a limit, bad rows) is not the benchmark: its number differs from the published one by chance, as "
    "the interval says; a file of RM-Bench without one of the four domains is another test, with a number of its own. "
    "How RM-Bench's safety accuracy weighs its two subsets was read in copies of the authors' code: each row the same. "
    "The weights of RewardBench's two XSTest subsets are those of its code, and may stand swapped against its data. "
    "The subset of an LLMBar file stands in no row: give each file a name of its own.",
    headline="beyond_chance",
    references=(
        "Liu et al. 2025, RM-Bench (arXiv 2410.16184)",
        "Lambert et al. 2024, RewardBench (arXiv 2403.13787)",
        "Malik et al. 2025, RewardBench 2 (arXiv 2506.01937)",
        "Park et al. 2024, OffsetBias (arXiv 2407.06551)",
        "Tan et al. 2024, JudgeBench (arXiv 2410.12784)",
        "Zeng et al. 2023, LLMBar (arXiv 2310.07641)",
        "Bai et al. 2022, Training a Helpful and Harmless Assistant (arXiv 2204.05862)",
    ),
    accepts=("pairs", "rankings"),
)
TITLE = "Accuracy beyond chance on the known benchmarks"
AGREED = 0.2


def benchmarks() -> Probe:
    """The answers of every data set in the format of a known benchmark."""
    return Probe(CARD, {}, _stimuli, _findings)


def _stimuli(battery: Battery, rng: np.random.Generator) -> list[Stimulus]:
    return [
        Stimulus(
            f"{dataset.name}/{row.id}/{index}", row.id, row.group, "answer", row.conversation(index),
            source=dataset.name,
            labels={
                "format": dataset.format, "rank": (row.ranks or ())[index], "slices": dict(row.slices),
                **({"style": row.styles[index]} if row.styles else {}),
            },
        )
        for dataset in battery.datasets
        if dataset.format in BENCHMARKS
        for row in dataset.rows
        for index in range(len(row.texts))
    ]  # fmt: skip


def _findings(scored: ScoredStimuli, settings: Settings) -> list[Finding]:
    given: dict[str, list[Answers]] = {}
    formats: dict[str, str] = {}
    for row in scored:
        formats[row.stimulus.source] = str(row.stimulus.labels["format"])
    for source in formats:
        given[source] = [Answers.of(rows) for rows in scored.by_item("answer", source=source)]
    told = [one for source, rows in given.items() for one in _of_benchmark(rows, source, formats[source], settings)]
    return [_headline(given, formats, settings), *told]


def _of_benchmark(rows: list[Answers], source: str, known: str, settings: Settings) -> Iterator[Finding]:
    return BENCHMARKS[known].findings(rows, Told(source, TITLES[known], settings))


def _headline(given: dict[str, list[Answers]], formats: dict[str, str], settings: Settings) -> Finding:
    """The mean over the files of accuracy beyond chance, and each file's own."""
    found: dict[str, tuple[Estimate, float]] = {}
    counted: list[Answers] = []
    for source, rows in given.items():
        benchmark = BENCHMARKS[formats[source]]
        if (made := beyond_chance(rows, benchmark)) is not None:
            found[source] = made
            counted += benchmark.rows(rows)
    if not found:
        reason = f"no data with accuracies of a known benchmark ({', '.join(TITLES.values())}); give one with --data"
        return settings.unmeasured(CARD.headline, TITLE, unit=CARD.unit, reason=reason)
    whole = weighted([(1 / len(found), own) for own, _ in found.values()], len(counted))
    lowest = sum(least for _, least in found.values()) / len(found)
    slices = [
        {"label": f"{TITLES[formats[source]]} ({source})", **settings.point(own, within(AGREEMENT, least))}
        for source, (own, least) in found.items()
    ]
    files = "the file" if len(found) == 1 else f"{len(found)} files"
    reading = f"Accuracy beyond chance in {files} of known benchmarks is {whole.value:.2f} (0: chance, 1: no mistakes)."
    return settings.finding(
        CARD.headline, TITLE, whole, unit=CARD.unit, kind=within(AGREEMENT, lowest), negligible=AGREED,
        reading=reading, detail={"slices": slices}, evidence=settings.evidence(mistakes(counted)),
    )  # fmt: skip
