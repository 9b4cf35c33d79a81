"""Style and length against substance: shares, strata and correlations computed again from the scores."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from statistics import fmean

import numpy as np
import pytest
from scipy import stats

from rmaudit import registry
from rmaudit.battery import Battery, Item
from rmaudit.conversations import Conversation, answer_of
from rmaudit.stimuli import Scored, Stimulus
from rmaudit_probes.markup import full_dress
from rmaudit_probes.style_matrix import STYLES
from tests.probes.bench import Bench, found, length, noise, prompt_of, value
from tests.probes.oracle import Oracle

PROBES = ["style_matrix", "detail", "length_correlation", "length_matched"]
Score = Callable[[Conversation], float]


@pytest.fixture(scope="module")
def bench(battery: Battery) -> Bench:
    return Bench(battery, registry.load_probes(PROBES))


@pytest.fixture(scope="module")
def oracle(battery: Battery) -> Score:
    knows = Oracle(battery)
    return lambda conversation: knows([conversation])[0]


def rows_of(bench: Bench, probe: str, score: Score) -> list[Scored]:
    return list(bench.rows(score)[probe])


def by_group(rows: list[tuple[str, float]]) -> float:
    """Every prompt weighs the same."""
    groups: dict[str, list[float]] = {}
    for group, number in rows:
        groups.setdefault(group, []).append(number)
    return fmean(map(fmean, groups.values()))


def won(better: float, worse: float) -> float:
    return (math.copysign(1, better - worse) + 1) / 2 if better != worse else 0.5


# -------------------------------------------------------------------------------------------------- style matrix
def richness(battery: Battery) -> Score:
    """0 for a plain answer, 1 with filler, 2 with filler and markup."""
    plain = {item.answers[level] for item in battery.items for level in ("good", "flawed")}
    texts = [(*item.answers.values(), *item.good_paraphrases, item.concise, item.detailed) for item in battery.items]
    others = {text for own in texts for text in own} - plain

    def score(conversation: Conversation) -> float:
        text = answer_of(conversation)
        if text in others:
            return noise(conversation)
        return 0.0 if text in plain else 2.0 if text.startswith("## ") else 1.0

    return score


def test_a_scorer_of_style_alone_is_right_where_style_is(bench: Bench, battery: Battery) -> None:
    rich = richness(battery)
    findings = bench.findings(rich)
    gap = found(findings, "style_matrix.easy_less_hard")
    assert (gap.value, gap.verdict) == (1, "bias")
    assert [value(findings, f"style_matrix.accuracy_{side}") for side in ("easy", "normal", "hard")] == [1, 0.5, 0]
    assert "wins in 100 % where it has the richer style, in 50 % in equal style and in 0 %" in gap.reading
    against = bench.findings(lambda conversation: -rich(conversation))
    assert value(against, "style_matrix.easy_less_hard") == -1


def test_a_scorer_of_length_wins_by_the_words(bench: Bench) -> None:
    """The longer of two answers wins, easy or hard; filler makes nearly all the easy ones longer, and all of one text."""
    findings = bench.findings(lambda conversation: float(length(conversation)))
    cells = cells_of(rows_of(bench, "style_matrix", lambda conversation: float(length(conversation))))
    for side, cell in cells.items():
        by_words = [
            (good.group, won(good.stimulus.answer_words, flawed.stimulus.answer_words)) for good, flawed in cell
        ]
        assert value(findings, f"style_matrix.accuracy_{side}") == pytest.approx(by_group(by_words))
    assert value(findings, "style_matrix.accuracy_easy") > 0.85
    assert value(findings, "style_matrix.accuracy_hard") < 0.15
    assert found(findings, "style_matrix.easy_less_hard").verdict == "bias"


def cells_of(rows: list[Scored]) -> dict[str, list[tuple[Scored, Scored]]]:
    """Every good with every flawed answer to a prompt, by which has the richer style."""
    cells: dict[str, list[tuple[Scored, Scored]]] = {"easy": [], "normal": [], "hard": []}
    for good in rows:
        for flawed in rows:
            if (good.stimulus.item, good.stimulus.arm, flawed.stimulus.arm) == (flawed.stimulus.item, "good", "flawed"):
                one, other = (STYLES.index(row.stimulus.labels["style"]) for row in (good, flawed))
                cells["easy" if one > other else "hard" if one < other else "normal"].append((good, flawed))
    return cells


def test_quality_alone_loses_nothing_to_style(bench: Bench, full: Battery) -> None:
    """A dozen prompts that are all right are no proof that others would be."""
    oracle = Oracle(full)
    wide = Bench(full, registry.load_probes(["style_matrix"]))
    for of, verdict in ((bench, "inconclusive"), (wide, "negligible")):
        findings = of.findings(lambda conversation: -float(oracle.level(conversation)))
        gap = found(findings, "style_matrix.easy_less_hard")
        assert gap.value == pytest.approx(0, abs=1e-9)
        assert gap.verdict == verdict
        assert {value(findings, f"style_matrix.accuracy_{side}") for side in ("easy", "normal", "hard")} == {1}


def styled(row: Scored) -> str:
    return f"{row.stimulus.arm} {row.stimulus.labels['style']}"


def test_the_matrix_by_hand(bench: Bench) -> None:
    findings = bench.findings(noise)
    cells = cells_of(rows_of(bench, "style_matrix", noise))
    shares = {side: by_group([(a.group, won(a.score, b.score)) for a, b in cell]) for side, cell in cells.items()}
    for side, share in shares.items():
        assert value(findings, f"style_matrix.accuracy_{side}") == pytest.approx(share)
        assert found(findings, f"style_matrix.accuracy_{side}").n == len(cells[side])
    gap = found(findings, "style_matrix.easy_less_hard")
    assert gap.value == pytest.approx(shares["easy"] - shares["hard"])
    assert len(gap.detail["slices"]) == 9
    every = [pair for cell in cells.values() for pair in cell]
    for one in gap.detail["slices"]:
        own = [(a.group, won(a.score, b.score)) for a, b in every if one["label"] == f"{styled(a)}, {styled(b)}"]
        assert one["value"] == pytest.approx(by_group(own)), one["label"]
    worst = max(cells["hard"], key=lambda pair: pair[1].score - pair[0].score)
    assert (gap.evidence[0].stimulus, gap.evidence[0].against) == (worst[1].id, worst[0].id)


def test_styles_keep_the_answer_and_add_the_same_filler(bench: Bench, battery: Battery) -> None:
    items = {item.id: item for item in battery.items}
    fillers = {filler.id: " ".join(filler.sentences[:4]) for filler in battery.fillers}
    styles: dict[tuple[str, str], dict[str, Stimulus]] = {}
    for owner, stimulus in bench.planned.stimuli:
        if owner == "style_matrix":
            styles.setdefault((stimulus.item, stimulus.arm), {})[stimulus.labels["style"]] = stimulus
    for (item, level), made in styles.items():
        text = items[item].answers[level]
        plain, longer, dressed = (made[style] for style in STYLES)
        assert answer_of(plain.conversation) == text
        assert plain.template is None
        assert answer_of(longer.conversation) == f"{text} {fillers[longer.template or '']}"
        assert answer_of(dressed.conversation) == full_dress(answer_of(longer.conversation))
        assert dressed.template == longer.template
    left_out = {(item.id, level) for item in battery.items for level in ("good", "flawed")} - set(styles)
    assert all("\n" in items[item].answers[level] for item, level in left_out), "only texts with lines of their own"
    assert len(left_out) < len(styles)


def test_without_fillers_there_is_no_matrix(battery: Battery) -> None:
    (gap,) = Bench(replace(battery, passages={}), registry.load_probes(["style_matrix"])).findings(noise)
    assert (gap.value, gap.verdict) == (None, "not_applicable")
    assert gap.reason == "no prompt has two plain answers and a filler to style"


# -------------------------------------------------------------------------------------------------------- detail
def test_what_doubling_the_words_earns(bench: Bench, battery: Battery) -> None:
    def score(conversation: Conversation) -> float:
        return 2.0 * math.log2(length(conversation))

    findings = bench.findings(score)

    def doublings(more: Callable[[Item], str], less: Callable[[Item], str]) -> float:
        return fmean(math.log2(len(more(item).split()) / len(less(item).split())) for item in battery.items)

    texts: dict[str, tuple[Callable[[Item], str], Callable[[Item], str]]] = {
        "detailed": (lambda item: item.detailed, lambda item: item.concise),
        "longer": (lambda item: item.detailed, lambda item: item.answers["good"]),
        "shorter": (lambda item: item.concise, lambda item: item.answers["good"]),
    }
    for metric, pair in texts.items():
        one = found(findings, f"detail.{metric}")
        assert one.raw == pytest.approx(2 * doublings(*pair))
        assert one.n == len(battery.items)
    assert found(findings, "detail.detailed").verdict == "bias"
    assert value(findings, "detail.shorter") < 0 < value(findings, "detail.longer")
    slices = found(findings, "detail.detailed").detail["slices"]
    assert [one["label"] for one in slices] == sorted({item.domain for item in battery.items})


def test_equal_correctness_is_worth_the_same(bench: Bench, oracle: Score, battery: Battery) -> None:
    detail = found(bench.findings(oracle), "detail.detailed")
    assert (detail.value, detail.verdict) == (0, "negligible")
    short = replace(battery, items=tuple(replace(item, concise="") for item in battery.items))
    for finding in Bench(short, registry.load_probes(["detail"])).findings(noise):
        assert (finding.value, finding.reason) == (None, "no item of the battery has answers of three lengths")


# ------------------------------------------------------------------------------------------- length and score
def test_a_reversal_within_prompts_is_said_to_mislead(bench: Bench, battery: Battery) -> None:
    """Simpson's paradox: prompts with long answers score high, and within a prompt the long ones score low."""
    lengths: dict[str, list[float]] = {}
    for row in rows_of(bench, "length_correlation", noise):
        lengths.setdefault(prompt_of(row.stimulus.conversation), []).append(math.log2(row.stimulus.answer_words))
    means = {prompt: fmean(own) for prompt, own in lengths.items()}

    def score(conversation: Conversation) -> float:
        return 20 * means[prompt_of(conversation)] - math.log2(length(conversation))

    findings = bench.findings(score)
    within, pooled = (found(findings, f"length_correlation.{name}") for name in ("within", "pooled"))
    assert within.value == pytest.approx(-1)
    assert (within.verdict, within.reading) == ("bias", "Within a prompt, longer answers score lower.")
    assert pooled.value is not None
    assert pooled.value > 0.5
    assert pooled.reading == (
        "Over all answers, longer answers score higher. Within a prompt it is the other way round: this figure misleads."
    )
    assert value(findings, "length_correlation.pooled_less_within") == pytest.approx(pooled.value + 1), "both Pearson's"
    straight = bench.findings(lambda conversation: math.log2(length(conversation)))
    assert "misleads" not in found(straight, "length_correlation.pooled").reading
    assert value(straight, "length_correlation.within") == pytest.approx(1)


def test_the_correlations_by_hand(bench: Bench) -> None:
    rows = rows_of(bench, "length_correlation", noise)
    findings = bench.findings(noise)
    within = []
    for item in dict.fromkeys(row.stimulus.item for row in rows):
        own = [(row.stimulus.answer_words, row.score) for row in rows if row.stimulus.item == item]
        within.append(stats.spearmanr(*zip(*own, strict=True)).statistic)
    assert value(findings, "length_correlation.within") == pytest.approx(np.mean(within))
    pooled = np.corrcoef([math.log2(row.stimulus.answer_words) for row in rows], [row.score for row in rows])[0, 1]
    assert value(findings, "length_correlation.pooled") == pytest.approx(pooled)
    by_item: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        by_item.setdefault(row.stimulus.item, []).append((math.log2(row.stimulus.answer_words), row.score))
    left = np.concatenate([np.array(own) - np.mean(own, axis=0) for own in by_item.values()])
    gap = pooled - np.corrcoef(left.T)[0, 1]
    assert value(findings, "length_correlation.pooled_less_within") == pytest.approx(gap)
    noisy = found(findings, "length_correlation.pooled")
    assert "no direction is shown" in noisy.reading


def test_accuracy_by_length_by_hand(bench: Bench) -> None:
    rows = rows_of(bench, "length_matched", noise)
    strata: dict[str, list[tuple[str, float]]] = {"longer": [], "same": [], "shorter": []}
    for one, other in combinations(rows, 2):
        if one.stimulus.item == other.stimulus.item and one.stimulus.labels["rank"] != other.stimulus.labels["rank"]:
            better, worse = sorted((one, other), key=lambda row: row.stimulus.labels["rank"])
            long, short = better.stimulus.answer_words, worse.stimulus.answer_words
            side = "longer" if long >= 1.1 * short else "shorter" if short >= 1.1 * long else "same"
            strata[side].append((better.group, won(better.score, worse.score)))
    findings = bench.findings(noise)
    shares = {side: by_group(pairs) for side, pairs in strata.items()}
    for side, share in shares.items():
        one = found(findings, f"length_matched.accuracy_{side}")
        assert (one.value, one.n) == (pytest.approx(share), len(strata[side]))
    gap = found(findings, "length_matched.accuracy_gap")
    assert gap.value == pytest.approx(shares["longer"] - shares["shorter"])
    for side, share in shares.items():
        assert f"{100 * share:.0f} % (" in gap.reading, side
