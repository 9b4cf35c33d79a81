"""Picking the best of many: exact chances, and a drift that is what the scores are made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from math import comb, log2
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmaudit import registry
from rmaudit.battery import Battery
from rmaudit.conversations import Conversation, answer_of
from rmaudit.stimuli import Stimulus
from rmaudit_probes.best_of_n import EDITS, NEEDED, SIZES, VARIANTS, chances
from tests.probes.bench import Bench, found, noise, salted, value
from tests.probes.oracle import Oracle

QUIET = settings(deadline=None, max_examples=100)
PROBE = "best_of_n"
Score = Callable[[Conversation], float]


@pytest.fixture(scope="module")
def bench(full: Battery) -> Bench:
    return Bench(full.limited(24), registry.load_probes([PROBE]))


@pytest.fixture(scope="module")
def pools(bench: Bench) -> list[list[Stimulus]]:
    """The variants of every answer, the plain one first."""
    by_item: dict[str, list[Stimulus]] = {}
    for owner, stimulus in bench.planned.stimuli:
        if owner == PROBE:
            by_item.setdefault(stimulus.item, []).append(stimulus)
    return list(by_item.values())


@pytest.fixture(scope="module")
def counted(pools: list[list[Stimulus]]) -> Score:
    """A scorer of the number of edits; another text scores its noise."""
    edits = {json.dumps(one.conversation): len(one.labels["edits"]) for pool in pools for one in pool}

    def score(conversation: Conversation) -> float:
        return float(edits.get(json.dumps(conversation), noise(conversation)))

    return score


# ------------------------------------------------------------------------------------------------------ chances
def by_brute_force(scores: list[int], picked: int) -> list[float]:
    """Every subset once; the best of it wins, and equal ones share."""
    won = [0.0] * len(scores)
    for subset in combinations(range(len(scores)), picked):
        best = max(scores[place] for place in subset)
        winners = [place for place in subset if scores[place] == best]
        for place in winners:
            won[place] += 1 / len(winners)
    return [share / comb(len(scores), picked) for share in won]


@QUIET
@given(st.lists(st.integers(0, 4), min_size=1, max_size=8), st.data())
def test_chances_are_those_of_all_subsets(scores: list[int], data: st.DataObject) -> None:
    picked = data.draw(st.integers(1, len(scores)))
    (found_chances,) = chances([scores], picked)
    assert found_chances == pytest.approx(by_brute_force(scores, picked))
    assert found_chances.sum() == pytest.approx(1)


def test_chances_of_several_pools_and_at_the_ends() -> None:
    assert chances([[3, 1, 2], [0, 0, 0]], 1) == pytest.approx(np.full((2, 3), 1 / 3))
    assert chances([[3, 1, 2], [5, 5, 1]], 3).tolist() == [[1, 0, 0], [0.5, 0.5, 0]]
    assert chances([[3, 1, 2]], 2)[0] == pytest.approx([2 / 3, 0, 1 / 3])
    (of_sixteen,) = chances([range(16)], 4)
    assert of_sixteen == pytest.approx([comb(rank, 3) / comb(16, 4) for rank in range(16)])


# -------------------------------------------------------------------------------------------------------- drift
def drift(
    pools: list[list[Stimulus]], scores: list[list[float]], of: Callable[[Stimulus], float], picked: int
) -> float:
    """The mean of the best of `picked` less that of all, by hand; a prompt's good and flawed answer weigh the same."""
    gained: dict[str, list[float]] = {}
    for pool, scored in zip(pools, scores, strict=True):
        ranked, best = sorted(scored, reverse=True), 0.0
        for one, mine in zip(pool, scored, strict=True):
            ranks = [rank for rank, other in enumerate(ranked) if other == mine]
            best += of(one) * fmean(comb(VARIANTS - rank - 1, picked - 1) for rank in ranks) / comb(VARIANTS, picked)
        gained.setdefault(pool[0].group, []).append(best - fmean(map(of, pool)))
    return fmean(map(fmean, gained.values()))


def edits_of(stimulus: Stimulus) -> float:
    return float(len(stimulus.labels["edits"]))


def test_a_scorer_that_counts_edits_drifts_to_the_most(
    bench: Bench, pools: list[list[Stimulus]], counted: Score
) -> None:
    findings = bench.findings(counted)
    by_hand = fmean(max(map(edits_of, pool)) - fmean(map(edits_of, pool)) for pool in pools)
    found_drift = found(findings, "best_of_n.drift")
    assert found_drift.value == pytest.approx(by_hand)
    assert found_drift.verdict == "bias"
    assert found_drift.reading == (
        f"Picking the highest of 16 scores collects {by_hand:.2f} of five cheap edits on average."
    )


def test_a_scorer_that_dislikes_edits_drifts_to_the_plain_answer(
    bench: Bench, pools: list[list[Stimulus]], counted: Score
) -> None:
    against = bench.findings(lambda conversation: -counted(conversation))
    by_hand = -fmean(map(edits_of, [one for pool in pools for one in pool]))
    assert value(against, "best_of_n.drift") == pytest.approx(by_hand), "the plain answer has none"
    assert "avoids" in found(against, "best_of_n.drift").reading


@pytest.mark.parametrize("salt", [0, 1])
def test_the_numbers_by_hand(salt: int, bench: Bench, pools: list[list[Stimulus]], counted: Score) -> None:
    def score(conversation: Conversation) -> float:
        return counted(conversation) / 2 + round(noise(conversation, salt))

    findings = bench.findings(score)
    scores = [[score(one.conversation) for one in pool] for pool in pools]
    whole = found(findings, "best_of_n.drift")
    assert [point["dose"] for point in whole.detail["points"]] == list(SIZES)
    for point in whole.detail["points"]:
        assert point["value"] == pytest.approx(drift(pools, scores, edits_of, point["dose"]), abs=1e-12)
    assert whole.value == whole.detail["points"][-1]["value"]
    assert whole.detail["points"][0]["value"] == pytest.approx(0, abs=1e-12), "one of one is a random one"
    assert [one["label"] for one in whole.detail["slices"]] == list(EDITS)
    for one in whole.detail["slices"]:
        name = one["label"]
        assert one["value"] == pytest.approx(
            drift(pools, scores, lambda stimulus, name=name: float(name in stimulus.labels["edits"]), VARIANTS)
        )
    assert sum(one["value"] for one in whole.detail["slices"]) == pytest.approx(whole.value)
    drifts = [drift(pools, scores, edits_of, picked) for picked in (1, 2, 4, 8, 16)]
    assert value(findings, "best_of_n.drift_slope") == pytest.approx(np.polyfit(range(5), drifts, 1)[0])
    words = drift(pools, scores, lambda one: log2(len(answer_of(one.conversation).split())), VARIANTS)
    assert value(findings, "best_of_n.length_drift") == pytest.approx(words)
    gain = drift(pools, scores, lambda one: score(one.conversation), VARIANTS)
    assert found(findings, "best_of_n.gain").raw == pytest.approx(gain)


def test_noise_collects_nothing(bench: Bench) -> None:
    inside = 0
    for salt in range(12):
        findings = bench.findings(salted(salt))
        found_drift = found(findings, "best_of_n.drift")
        assert found_drift.interval is not None
        low, high = found_drift.interval
        inside += low <= 0 <= high
        assert found_drift.reading.endswith("nor to avoid them.") == (low <= 0 <= high)
        assert value(findings, "best_of_n.gain") > 1, "the highest of sixteen numbers is high"
    assert inside >= 9


def test_no_variant_stands_twice_in_a_pool(pools: list[list[Stimulus]]) -> None:
    """Copies win no more often than one of them: noise would seem to avoid what they are."""
    for pool in pools:
        texts = [answer_of(one.conversation) for one in pool]
        assert len(set(texts)) == len(texts) == VARIANTS, pool[0].item


def test_the_mean_drift_of_noise_is_none(pools: list[list[Stimulus]]) -> None:
    texts = [[answer_of(one.conversation) for one in pool] for pool in pools]
    same = np.array([[pool.index(text) for text in pool] for pool in texts])
    edits = np.array([[edits_of(one) for one in pool] for pool in pools])
    rng = np.random.default_rng(0)
    drifts = []
    for _ in range(200):
        scores = np.take_along_axis(rng.standard_normal(same.shape), same, axis=1)
        drifts.append(float(np.mean((chances(scores, VARIANTS) * edits).sum(axis=1) - edits.mean(axis=1))))
    assert abs(np.mean(drifts)) < 3 * np.std(drifts) / np.sqrt(len(drifts))


def test_quality_alone_collects_nothing(bench: Bench) -> None:
    oracle = Oracle(bench.battery)
    findings = bench.findings(lambda conversation: oracle([conversation])[0])
    assert found(findings, "best_of_n.drift").value == pytest.approx(0, abs=1e-12)
    assert found(findings, "best_of_n.drift").verdict == "negligible"
    assert value(findings, "best_of_n.flawed_beats_good") == 0


# ------------------------------------------------------------------------------------------------- flawed variants
def test_a_flawed_variant_beats_the_plain_good_answer(bench: Bench, counted: Score) -> None:
    """Edits are worth more than quality, so that every flawed answer has a variant that wins."""
    share = found(bench.findings(counted), "best_of_n.flawed_beats_good")
    assert (share.value, share.kind, share.n) == (1, "share", 24)


def test_how_often_a_flawed_variant_wins_by_hand(bench: Bench, pools: list[list[Stimulus]]) -> None:
    def score(conversation: Conversation) -> float:
        return noise(conversation) + 2.0 * (conversation == plain.get(json.dumps(conversation)))

    plain = {json.dumps(pool[0].conversation): pool[0].conversation for pool in pools if pool[0].arm == "good"}
    good = {pool[0].group: score(pool[0].conversation) for pool in pools if pool[0].arm == "good"}
    best = {p[0].group: max(score(one.conversation) for one in p) for p in pools if p[0].arm == "flawed"}
    share = fmean(best[group] > good[group] for group in good)
    assert 0 < share < 1
    assert value(bench.findings(score), "best_of_n.flawed_beats_good") == pytest.approx(share)


def test_how_often_chance_does_is_said(bench: Bench) -> None:
    """Noise: sixteen numbers and one more, which is the highest of seventeen once in seventeen."""
    share = found(bench.findings(noise), "best_of_n.flawed_beats_good")
    assert share.detail == {"chance": 16 / 17}
    assert share.title.endswith("beats the plain good answer (by chance: 94 %)")
    of_noise = [value(bench.findings(salted(salt)), "best_of_n.flawed_beats_good") for salt in range(12)]
    assert fmean(of_noise) == pytest.approx(16 / 17, abs=0.04)


def test_few_prompts_show_no_direction(full: Battery) -> None:
    """Seven prompts that all say the same are not judged, and not spoken of as if they were."""
    few = Bench(full.limited(7), registry.load_probes([PROBE]))
    wordy = found(few.findings(lambda conversation: float(len(answer_of(conversation)))), "best_of_n.drift")
    assert wordy.interval is not None
    assert wordy.interval[0] > 0
    assert wordy.reading.endswith("nor to avoid them.")


# ------------------------------------------------------------------------------------------------------- variants
def test_variants_are_the_answer_with_the_edits_that_are_named(
    bench: Bench, pools: list[list[Stimulus]], full: Battery
) -> None:
    items = {item.id: item for item in full.items}
    openers, closers, citations = (
        [passage.text for passage in full.passages[kind]] for kind in ("openers", "closers", "citations")
    )
    starts = [filler.sentences[0] for filler in full.fillers]
    for pool in pools:
        assert [one.name for one in pool] == [f"{pool[0].item}/{number}" for number in range(VARIANTS)]
        item, _, level = pool[0].item.rpartition("/")
        assert (pool[0].labels["edits"], answer_of(pool[0].conversation)) == ([], items[item].answers[level])
        for one in pool:
            text, edits = answer_of(one.conversation), one.labels["edits"]
            assert one.dose == len(edits)
            plain = text.replace("**", "")
            assert any(text.startswith(opener) for opener in openers) == ("praise" in edits)
            assert any(text.endswith(closer) for closer in closers) == ("close" in edits)
            assert any(citation in plain for citation in citations) == ("reference" in edits)
            assert any(start in plain for start in starts) == ("filler" in edits)
    every = [one.labels["edits"] for pool in pools for one in pool]
    for name in EDITS:
        assert 0.4 < fmean(name in edits for edits in every) < 0.6
    assert len({tuple(edits) for edits in every}) == 2 ** len(EDITS)


def test_markup_is_named_where_it_is(pools: list[list[Stimulus]]) -> None:
    for pool in pools:
        for one in pool:
            text = answer_of(one.conversation)
            assert ("## Answer\n\n" in text) == ("markup" in one.labels["edits"]), (one.name, text)


@pytest.mark.parametrize("level", ["good", "flawed"])
def test_an_answer_that_takes_too_few_edits_leaves_its_prompt_out(level: str, battery: Battery) -> None:
    """A text without a full stop takes no reference, and one of a single sentence no markup."""
    first, *others = battery.items
    short = replace(first, answers={**first.answers, level: "Yes"})
    probe = registry.load_probes([PROBE])
    findings = Bench(replace(battery, items=(short, *others)), probe).findings(noise)
    assert found(findings, "best_of_n.drift").n == 2 * len(others)
    assert found(findings, "best_of_n.flawed_beats_good").n == len(others)
    (none,) = Bench(replace(battery, items=(short,)), probe).findings(noise)
    assert (none.value, none.verdict) == (None, "not_applicable")
    assert none.reason.startswith("the battery has no items whose good and flawed answer both take four of the edits")


@pytest.mark.parametrize("lacking", NEEDED)
def test_without_passages_there_is_nothing_to_pick_from(lacking: str, battery: Battery) -> None:
    passages = {kind: held for kind, held in battery.passages.items() if kind != lacking}
    (drift_found,) = Bench(replace(battery, passages=passages), registry.load_probes([PROBE])).findings(noise)
    assert (drift_found.value, drift_found.verdict) == (None, "not_applicable")
    assert drift_found.reason.endswith("not all of the passages fillers, openers, citations, closers")
