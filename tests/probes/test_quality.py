"""Paraphrases and ranking: scorers whose order and sensitivity are known by construction."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau

import rmaudit
from rmaudit import registry
from rmaudit.battery import LEVELS, Battery
from rmaudit.conversations import Conversation, answer_of
from rmaudit.record import Record
from rmaudit.stimuli import Scored, Stimulus
from rmaudit_probes.ranking_stability import ASKED, Changed
from tests.probes.bench import Bench, by, found, length, noise, prompt_of, salted, value
from tests.probes.oracle import BROKEN, Oracle

PROBES = ["paraphrase_sensitivity", "ranking_consistency"]
LEVEL_SD = math.sqrt(5 / 3)
"""Standard deviation of the scores 0, -1, -2, -3 with n - 1."""


@pytest.fixture(scope="module")
def by_quality(full: Battery) -> Record:
    return rmaudit.audit(Oracle(full), probes=PROBES, limit=12)


@pytest.fixture(scope="module")
def reversed_quality(full: Battery) -> Record:
    oracle = Oracle(full)
    return rmaudit.audit(by(lambda c: float(oracle.level(c))), probes=PROBES, limit=12)


# ------------------------------------------------------------------------------------------- paraphrases
def test_a_score_of_meaning_alone_is_not_moved_by_wording(by_quality: Record) -> None:
    correlation = found(by_quality, "paraphrase_sensitivity.intraclass_correlation")
    assert (correlation.value, correlation.verdict) == (1, "negligible")
    assert correlation.interval is not None
    assert correlation.interval[1] == 1
    for metric in ("answer_flips", "prompt_flips", "rewrite_shift"):
        assert value(by_quality, f"paraphrase_sensitivity.{metric}") == 0


def test_a_broken_meaning_lowers_the_score_by_what_it_cost(by_quality: Record) -> None:
    assert by_quality.reference["sd"] == pytest.approx(LEVEL_SD)
    assert by_quality.reference["gap"] == pytest.approx(2)
    broken = found(by_quality, "paraphrase_sensitivity.meaning_broken")
    assert broken.raw == pytest.approx(-BROKEN)
    assert broken.value == pytest.approx(-BROKEN / LEVEL_SD)
    assert broken.price == pytest.approx(-BROKEN / 2)
    assert value(by_quality, "paraphrase_sensitivity.meaning_noticed") == pytest.approx(1)


def test_a_score_of_wording_is_called_wording(battery: Battery) -> None:
    """The author's own wording loses 3 against either rewrite; the flaw costs 0.6 against it."""
    oracle = Oracle(battery)
    record = rmaudit.audit(
        by(lambda c: -0.3 * oracle.level(c) + 3 * (answer_of(c) in rewrites(battery))), probes=PROBES[:1], limit=12
    )
    # Scores of the good answer's wordings: 0, 3, 3, a variance of 3; of the flawed answer's: three times -0.6, none.
    # Half a squared difference is a pair's variance.
    by_flaw = (0.6**2 + 3.6**2 + 3.6**2) / 3 / 2
    assert value(record, "paraphrase_sensitivity.intraclass_correlation") == pytest.approx(1 - 1.5 / by_flaw)
    # Of the four levels: 0.09 * 5/3.
    assert value(record, "paraphrase_sensitivity.variance_not_wording") == pytest.approx(1 - 1.5 / (0.09 * 5 / 3))


def test_a_score_of_length_is_not_called_content() -> None:
    """Answers of other quality differ in length too; the good and the flawed one hardly do."""
    record = rmaudit.audit(by(lambda c: float(length(c))), probes=PROBES[:1])
    correlation = found(record, "paraphrase_sensitivity.intraclass_correlation")
    assert correlation.verdict != "negligible"
    assert "wording moves the score less" not in correlation.reading
    assert "no evidence that content is read" in correlation.reading
    assert value(record, "paraphrase_sensitivity.variance_not_wording") > 0.8


def test_the_counter_check_is_named_only_where_it_fails(by_quality: Record) -> None:
    correlation = found(by_quality, "paraphrase_sensitivity.intraclass_correlation")
    assert correlation.reading.endswith("wording moves the score less than the flaw.")


def rewrites(battery: Battery) -> set[str]:
    return {text for item in battery.items for text in item.good_paraphrases}


@pytest.mark.parametrize(("wording", "verdict"), [(0.2, "negligible"), (0.8, "bias")])
def test_wording_is_weighed_against_the_flaw(wording: float, verdict: str, full: Battery) -> None:
    """The flaw costs 0.6 for certain, half of whose square is added to what two wordings differ by."""
    oracle = Oracle(full)
    record = rmaudit.audit(
        by(lambda c: -0.3 * oracle.level(c) + noise([{"role": "user", "content": answer_of(c)}]) * wording),
        probes=PROBES[:1],
    )
    correlation = found(record, "paraphrase_sensitivity.intraclass_correlation")
    expected = 1 - wording**2 / (wording**2 + 0.6**2 / 2)
    assert correlation.interval is not None
    assert correlation.interval[0] < expected < correlation.interval[1]
    assert correlation.verdict in (verdict, "inconclusive")
    said = {"negligible": "wording moves the score less", "bias": "wording moves the score more"}
    assert correlation.verdict == "inconclusive" or said[correlation.verdict] in correlation.reading
    assert value(record, "paraphrase_sensitivity.prompt_flips") == 0
    assert value(record, "paraphrase_sensitivity.answer_flips") > 0


def test_flips_are_counted_by_hand(battery: Battery) -> None:
    record = rmaudit.audit(by(noise), probes=PROBES[:1], limit=12)
    own = {score.id.removeprefix("paraphrase_sensitivity:"): score.score for score in record.scores}
    answers, prompts, noticed = [], [], []
    for item in battery.items:
        good = own[f"{item.id}/good"]
        noticed.append(own[f"{item.id}/broken"] < good)
        for number in range(1, len(item.good_paraphrases) + 1):
            rewrite = own[f"{item.id}/rewrite/{number}"]
            answers += [
                (good > own[f"{item.id}/{level}"]) != (rewrite > own[f"{item.id}/{level}"])
                for level in ("partial", "flawed", "bad")
            ]
        for number in range(1, len(item.prompt_paraphrases) + 1):
            prompts += [
                (good > own[f"{item.id}/{level}"])
                != (own[f"{item.id}/asked/{number}/good"] > own[f"{item.id}/asked/{number}/{level}"])
                for level in ("flawed", "bad")
            ]
    assert value(record, "paraphrase_sensitivity.answer_flips") == pytest.approx(np.mean(answers))
    assert value(record, "paraphrase_sensitivity.prompt_flips") == pytest.approx(np.mean(prompts))
    assert value(record, "paraphrase_sensitivity.meaning_noticed") == pytest.approx(np.mean(noticed))


def test_ties_are_counted_by_hand(full: Battery) -> None:
    oracle = Oracle(full)
    record = rmaudit.audit(by(lambda c: noise(c) - oracle.level(c)), probes=PROBES[:1], limit=40)
    own = {score.id.removeprefix("paraphrase_sensitivity:"): score.score for score in record.scores}
    above, wider = [], []
    for item in sorted({score.item for score in record.scores if score.probe == PROBES[0]}):
        right = [own[f"{item}/{name}"] for name in ("good", "rewrite/1", "rewrite/2")]
        wrong = [own[f"{item}/{name}"] for name in ("flawed", "flawed_rewrite/1", "flawed_rewrite/2")]
        above.append(min(right) > max(wrong))
        wider.append(min(right) - max(wrong) > max(right) - min(right))
    assert value(record, "paraphrase_sensitivity.ties_accuracy") == pytest.approx(np.mean(above))
    assert value(record, "paraphrase_sensitivity.ties_margin") == pytest.approx(np.mean(wider))
    assert 0 < np.mean(wider) < np.mean(above) < 1


def test_an_answer_without_rewrites_has_no_ties(battery: Battery) -> None:
    """One wording alone would lie no distance apart, and win by any margin."""
    oracle = Oracle(battery)
    half = tuple(replace(item, good_paraphrases=()) if place % 4 else item for place, item in enumerate(battery.items))
    for items, rewritten in ((half, 3), ([replace(item, good_paraphrases=()) for item in battery.items], 0)):
        bench = Bench(replace(battery, items=tuple(items)), registry.load_probes(PROBES[:1]))
        findings = bench.findings(lambda c: noise(c) - 9 * (oracle.level(c) > 0))
        ties = {one.metric: one for one in findings if one.metric.startswith("ties")}
        assert {metric: one.n_groups for metric, one in ties.items()} == (
            {"ties_accuracy": rewritten, "ties_margin": rewritten} if rewritten else {}
        )


def test_a_score_blind_to_flaw_and_wording_loses_one_number_alone(full: Battery) -> None:
    oracle, worth = Oracle(full), (0.0, -1.0, 0.0, -3.0, -4.0)
    record = rmaudit.audit(by(lambda c: worth[oracle.level(c)]), probes=PROBES[:1], limit=12)
    none = found(record, "paraphrase_sensitivity.intraclass_correlation")
    assert (none.value, none.verdict) == (None, "inconclusive")
    assert none.reason.startswith("the good and the flawed answer score alike in every wording")
    assert value(record, "paraphrase_sensitivity.variance_not_wording") == 1
    assert value(record, "paraphrase_sensitivity.meaning_noticed") == 1
    assert found(record, "paraphrase_sensitivity.meaning_broken").raw == pytest.approx(-4)


# ----------------------------------------------------------------------------------------------- ranking
@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ([3, 2, 1, 0], [3, 0, 1, 2], 1),
        ([3, 2, 1, 0], [0, 3, 1, 2], 0),
        ([1, 1, 0, 0], [1, 0, 0, 0], 1 / 2),
        ([1, 1, 0, 0], [0, 1, 1, 1], 1 / 6),
        ([1, 1, 0, 0], [0, 0, 1, 1], 0),
        ([1, 1, 1, 1], [2, 2, 2, 2], 1 / 4),
    ],
)
def test_tied_tops_are_kept_as_often_as_draws_agree(before: list[float], after: list[float], kept: float) -> None:
    asked = Stimulus("a", "item", "group", f"{ASKED}in quotes", [{"role": "user", "content": "?"}])
    changed = Changed.of([Scored("a", asked, score, 1) for score in after], before)
    assert (changed.kept, changed.way) == (pytest.approx(kept), "in quotes")


def test_the_order_under_other_prompts_is_compared_by_hand() -> None:
    record = rmaudit.audit(by(noise), probes=["ranking_consistency"], limit=12)
    own = {score.id.removeprefix("ranking_consistency:"): score.score for score in record.scores}
    ways = ["rewritten/1", "rewritten/2", "rewritten/3", "in quotes", "spaces before marks", "typing errors"]
    taus: dict[str, list[float]] = {}
    kept: dict[str, list[bool]] = {}
    for item in sorted({score.item for score in record.scores if score.probe == "ranking_consistency"}):
        before = [own[f"{item}/{level}"] for level in LEVELS]
        for way in ways:
            if f"{item}/{way}/good" not in own:
                continue  # a prompt without a mark has no space to put before it
            after = [own[f"{item}/{way}/{level}"] for level in LEVELS]
            taus.setdefault(item, []).append(kendalltau(before, after).statistic)
            kept.setdefault(item, []).append(np.argmax(before) == np.argmax(after))
    stability = found(record, "ranking_consistency.order_stability")
    assert stability.value == pytest.approx(np.mean([np.mean(of_item) for of_item in taus.values()]))
    assert value(record, "ranking_consistency.top_1_stability") == pytest.approx(
        np.mean([np.mean(of_item) for of_item in kept.values()])
    )
    assert [point["label"] for point in stability.detail["slices"]] == [
        "rewritten", "in quotes", "spaces before marks", "typing errors",
    ]  # fmt: skip


def test_a_perfect_ranking_is_perfect(by_quality: Record) -> None:
    tau = found(by_quality, "ranking_consistency.kendall_tau")
    assert tau.value == pytest.approx(1)
    assert tau.verdict == "negligible"
    assert tau.reading.endswith(": scores follow the known order.")
    for metric in ("pairwise_accuracy", "top_1", "order_stability", "top_1_stability"):
        assert value(by_quality, f"ranking_consistency.{metric}") == pytest.approx(1), metric
    assert not tau.evidence
    # Margins of 1, 2 and 3 levels stand in 3, 2 and 1 of the six pairs.
    assert value(by_quality, "ranking_consistency.margin") == pytest.approx((3 + 4 + 3) / 6 / LEVEL_SD)
    squared = [(1 - 1 / (1 + math.exp(-margin))) ** 2 for margin in (1, 1, 1, 2, 2, 3)]
    assert value(by_quality, "ranking_consistency.brier") == pytest.approx(np.mean(squared))
    gaps = [1 - 1 / (1 + math.exp(-margin)) for margin in (1, 1, 1, 2, 2, 3)]
    assert value(by_quality, "ranking_consistency.calibration_error") == pytest.approx(np.mean(gaps))


def test_a_reversed_ranking_is_a_bias(reversed_quality: Record) -> None:
    tau = found(reversed_quality, "ranking_consistency.kendall_tau")
    assert tau.value == pytest.approx(-1)
    assert tau.verdict == "bias"
    assert value(reversed_quality, "ranking_consistency.pairwise_accuracy") == 0
    assert value(reversed_quality, "ranking_consistency.top_1") == 0
    assert value(reversed_quality, "ranking_consistency.order_stability") == pytest.approx(1)
    assert value(reversed_quality, "ranking_consistency.margin") == pytest.approx(-10 / 6 / LEVEL_SD)
    worst = tau.evidence[0]
    assert worst.difference == pytest.approx(3 / LEVEL_SD)
    assert worst.note == "the bad answer scores above the good one"
    assert tau.reading.endswith("scores run against the known order.")


def test_a_flawed_answer_on_top_is_shown_with_its_flaw(full: Battery) -> None:
    oracle = Oracle(full)
    record = rmaudit.audit(by(lambda c: float(oracle.level(c) == 2)), probes=PROBES[1:], limit=12)
    worst = found(record, "ranking_consistency.kendall_tau").evidence[0]
    item = worst.stimulus.removeprefix("ranking_consistency:").removesuffix("/flawed")
    (flaw,) = (known.flaw for known in full.items if known.id == item)
    assert worst.note in {f"the flawed answer scores above the {level} one. {flaw}" for level in ("good", "partial")}


def test_a_score_without_a_prompt_cannot_tell_its_own_answer(by_quality: Record) -> None:
    """The oracle reads the answer only: the good answer to another prompt ties with the own one."""
    assert value(by_quality, "ranking_consistency.prompt_swap") == pytest.approx(0.5)
    assert value(by_quality, "ranking_consistency.prompt_swap_margin") == 0


def test_a_random_ranking_is_chance() -> None:
    record = rmaudit.audit(by(salted(1)), probes=PROBES[1:], limit=48)
    tau = found(record, "ranking_consistency.kendall_tau")
    assert tau.verdict == "inconclusive"
    assert tau.interval is not None
    assert tau.interval[0] < 0 < tau.interval[1]
    assert "hardly follow" in tau.reading or "not shown to follow" in tau.reading
    for metric, chance in (("pairwise_accuracy", 1 / 2), ("top_1", 1 / 4), ("prompt_swap", 1 / 2)):
        share = found(record, f"ranking_consistency.{metric}")
        assert share.interval is not None
        assert share.interval[0] < chance < share.interval[1], metric


def shared_words(conversation: Conversation) -> float:
    """Distinct longer words of the answer that the prompt holds too."""
    asked, said = (set(text.lower().split()) for text in (prompt_of(conversation), answer_of(conversation)))
    return float(sum(len(word) > 3 for word in asked & said))


def test_a_scorer_of_shared_words_prefers_the_own_answer() -> None:
    record = rmaudit.audit(by(lambda c: shared_words(c) + noise(c) / 64), probes=PROBES[1:], limit=48)
    swap = found(record, "ranking_consistency.prompt_swap")
    assert swap.interval is not None
    assert swap.interval[0] > 0.6
    assert value(record, "ranking_consistency.prompt_swap_margin") > 0.5
    own = {score.id.removeprefix("ranking_consistency:"): score.score for score in record.scores}
    wins = [own[f"{name.split('/')[0]}/good"] > own[name] for name in own if name.endswith("/swapped")]
    assert swap.value == pytest.approx(np.mean(wins))


def test_the_prompts_share_is_told_from_the_answers() -> None:
    def score(conversation: Conversation) -> float:
        return 3 * noise(conversation[:-1]) + noise(conversation)

    record = rmaudit.audit(by(score), probes=PROBES[1:], limit=48)
    share = found(record, "ranking_consistency.prompt_share")
    assert share.interval is not None
    assert share.interval[0] < 0.9 < share.interval[1]
    none = rmaudit.audit(by(noise), probes=PROBES[1:], limit=48)
    assert abs(value(none, "ranking_consistency.prompt_share")) < 0.15
