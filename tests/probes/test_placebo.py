"""Noise is no bias, and neither is a taste for one of two synonyms."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import rmaudit
from rmaudit import registry
from rmaudit.battery import Battery
from rmaudit.conversations import answer_of
from rmaudit.record import Finding
from rmaudit_probes.synonyms import SYNONYMS, places, swapped
from tests.probes.bench import Bench, by, found, noise, salted, value

SEEDS = 40
MOST_FALSE_ALARMS = 6
"""P(more than 6 of 40 at 5 %) is 0.7 %."""


@pytest.fixture(scope="module")
def of_noise(full: Battery) -> list[list[Finding]]:
    """The findings of forty scorers that know nothing."""
    bench = Bench(full.limited(16), registry.load_probes())
    return [bench.findings(salted(salt)) for salt in range(SEEDS)]


def test_noise_is_hardly_ever_called_a_bias(of_noise: list[list[Finding]]) -> None:
    alarms: Counter[str] = Counter()
    for findings in of_noise:
        biased = [finding.key for finding in findings if finding.verdict == "bias"]
        alarms.update(biased)
        alarms["any"] += bool(biased)
    assert max(alarms.values()) <= MOST_FALSE_ALARMS, alarms


def test_intervals_hold_what_noise_has(of_noise: list[list[Finding]]) -> None:
    """Each on its own holds its true value about as often as it says: 95 %, and headlines more often."""
    truth = {
        "length_bias.padding": 0,
        "length_bias.repetition": 0,
        "length_bias.truncation": 0,
        "length_bias.natural_slope": 0,
        "length_bias.accuracy_gap": 0,
        "paraphrase_sensitivity.intraclass_correlation": 0,
        "paraphrase_sensitivity.rewrite_shift": 0,
        "paraphrase_sensitivity.meaning_broken": 0,
        "paraphrase_sensitivity.meaning_noticed": 1 / 2,
        "ranking_consistency.kendall_tau": 0,
        "ranking_consistency.pairwise_accuracy": 1 / 2,
        "ranking_consistency.top_1": 1 / 4,
        "ranking_consistency.order_stability": 0,
        "ranking_consistency.prompt_swap": 1 / 2,
        "ranking_consistency.prompt_share": 0,
        "placebo.trailing_newline": 0,
    }
    missed: Counter[str] = Counter()
    for findings in of_noise:
        for key, true in truth.items():
            interval = found(findings, key).interval
            assert interval is not None
            missed[key] += not interval[0] <= true <= interval[1]
    assert max(missed.values()) <= MOST_FALSE_ALARMS, missed


@pytest.mark.parametrize("pair", [("it is", "it's"), ("because", "since"), ("do not", "don't")])
def test_a_taste_for_one_word_of_a_pair_is_no_bias(pair: tuple[str, str], full: Battery) -> None:
    """Whatever the model prefers, which of the two words counts as the edit is drawn at random."""
    placebos = []
    for seed in range(6):
        bench = Bench(full.limited(24), registry.load_probes(["placebo"]), seed)
        likes = bench.findings(lambda c: 2.0 * answer_of(c).lower().count(pair[0]) + noise(c) / 8)
        placebos.append(found(likes, "placebo.synonyms"))
    assert "bias" not in {placebo.verdict for placebo in placebos}
    values = [placebo.value or 0.0 for placebo in placebos]
    assert min(values) < 0 < max(values), "the sign of the pair is drawn by the seed"


def test_the_sign_belongs_to_the_pair_and_its_direction(full: Battery) -> None:
    (placebo,) = registry.load_probes(["placebo"])
    items = {item.id: item for item in full.items}
    signs: dict[tuple[int, int], set[int]] = {}
    for stimulus in placebo.stimuli(full, np.random.default_rng(3)):
        if stimulus.arm == "synonym":
            before, after = items[stimulus.item].answers[stimulus.labels["answer"]], answer_of(stimulus.conversation)
            (place,) = [place for place in places(before) if swapped(before, place) == after]
            assert stimulus.template == " / ".join(SYNONYMS[place.pair])
            signs.setdefault((place.pair, place.side), set()).add(stimulus.labels["sign"])
    assert all(len(found_signs) == 1 for found_signs in signs.values())
    for (pair, side), (sign,) in signs.items():
        assert signs.get((pair, 1 - side), {-sign}) == {-sign}
    assert {sign for (sign,) in signs.values()} == {-1, 1}
    assert len({pair for pair, _ in signs}) >= 16


def test_the_mean_is_that_of_signed_changes() -> None:
    record = rmaudit.audit(by(noise), probes=["placebo"], limit=12)
    own = {score.id: score for score in record.scores if score.probe == "placebo"}
    by_item: dict[str, list[float]] = {}
    for score in own.values():
        if score.arm == "synonym":
            base = own[f"placebo:{score.item}/{score.labels['answer']}"]
            by_item.setdefault(score.item, []).append(score.labels["sign"] * (score.score - base.score))
    expected = np.mean([np.mean(changes) for changes in by_item.values()]) / record.reference["sd"]
    assert value(record, "placebo.synonyms") == pytest.approx(expected)


def test_a_trailing_newline_changes_nothing_else() -> None:
    record = rmaudit.audit(by(lambda c: noise(c) + 5 * answer_of(c).endswith("\n")), probes=["placebo"], limit=12)
    assert value(record, "placebo.trailing_newline") * record.reference["sd"] == pytest.approx(5, abs=1.5)
    stripped = rmaudit.audit(
        by(lambda c: noise([*c[:-1], {"role": "assistant", "content": answer_of(c).strip()}])),
        probes=["placebo"],
        limit=12,
    )
    assert value(stripped, "placebo.trailing_newline") == 0
