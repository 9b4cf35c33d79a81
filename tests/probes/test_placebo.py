"""Noise is no bias, and neither is a taste for one of two synonyms."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import rmaudit
from rmaudit import registry
from rmaudit.battery import Battery
from rmaudit.conversations import answer_of
from rmaudit_probes.synonyms import SYNONYMS
from tests.probes.bench import Bench, by, found, noise, value

SEEDS = 40
MOST_FALSE_ALARMS = 6
"""P(more than 6 of 40 at 5 %) is 0.7 %."""


def test_noise_is_hardly_ever_called_a_bias(full: Battery) -> None:
    bench = Bench(full.limited(16), registry.load_probes())
    alarms: Counter[str] = Counter()
    for salt in range(SEEDS):
        biased = [finding.key for finding in bench.findings(lambda c, s=salt: noise(c, s)) if finding.verdict == "bias"]
        alarms.update(biased)
        alarms["any"] += bool(biased)
    assert max(alarms.values()) <= MOST_FALSE_ALARMS, alarms


def test_intervals_of_details_hold_what_noise_has(full: Battery) -> None:
    """Each detail on its own holds its true value about as often as it says: 95 %."""
    bench = Bench(full.limited(16), registry.load_probes(["length_bias", "ranking_consistency", "placebo"]))
    truth = {
        "length_bias.repetition": 0,
        "length_bias.truncation": 0,
        "length_bias.natural_slope": 0,
        "length_bias.accuracy_gap": 0,
        "ranking_consistency.pairwise_accuracy": 1 / 2,
        "ranking_consistency.top_1": 1 / 4,
        "ranking_consistency.order_stability": 0,
        "ranking_consistency.prompt_swap": 1 / 2,
        "placebo.trailing_newline": 0,
    }
    missed: Counter[str] = Counter()
    for salt in range(SEEDS):
        findings = bench.findings(lambda c, s=salt: noise(c, s))
        for key, true in truth.items():
            interval = found(findings, key).interval
            assert interval is not None
            missed[key] += not interval[0] <= true <= interval[1]
    assert max(missed.values()) <= MOST_FALSE_ALARMS, missed


@pytest.mark.parametrize("pair", [("it is", "it's"), ("because", "since"), ("do not", "don't")])
def test_a_taste_for_one_word_of_a_pair_is_no_bias(pair: tuple[str, str]) -> None:
    """Whatever the model prefers, which of the two words counts as the edit is drawn at random."""
    verdicts, values = [], []
    for seed in range(6):
        record = rmaudit.audit(
            by(lambda c: 2.0 * answer_of(c).lower().count(pair[0]) + noise(c) / 8), probes=["placebo"], limit=48, seed=seed
        )
        placebo = found(record, "placebo.synonyms")
        verdicts.append(placebo.verdict)
        values.append(placebo.value)
    assert "bias" not in verdicts
    assert min(values) < 0 < max(values), "the sign of the pair is drawn by the seed"


def test_the_sign_belongs_to_the_pair_and_its_direction(battery: Battery, full: Battery) -> None:
    (placebo,) = registry.load_probes(["placebo"])
    signs: dict[tuple[str, int], set[int]] = {}
    for stimulus in placebo.stimuli(full, np.random.default_rng(3)):
        if stimulus.arm == "synonym":
            pair = next(words for words in SYNONYMS if " / ".join(words) == stimulus.template)
            before = next(i for i in full.items if i.id == stimulus.item).answers[stimulus.labels["answer"]].lower()
            after = answer_of(stimulus.conversation).lower()
            side = 0 if before.count(pair[1]) < after.count(pair[1]) else 1
            signs.setdefault((stimulus.template or "", side), set()).add(stimulus.labels["sign"])
    assert all(len(found_signs) == 1 for found_signs in signs.values())
    for (template, side), (sign,) in signs.items():
        assert signs.get((template, 1 - side), {-sign}) == {-sign}
    assert {sign for (sign,) in signs.values()} == {-1, 1}
    assert len({template for template, _ in signs}) >= 16


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


def test_a_trailing_newline_changes_nothing_else(battery: Battery) -> None:
    record = rmaudit.audit(by(lambda c: noise(c) + 5 * answer_of(c).endswith("\n")), probes=["placebo"], limit=12)
    assert value(record, "placebo.trailing_newline") * record.reference["sd"] == pytest.approx(5, abs=1.5)
    stripped = rmaudit.audit(
        by(lambda c: noise([*c[:-1], {"role": "assistant", "content": answer_of(c).strip()}])),
        probes=["placebo"],
        limit=12,
    )
    assert value(stripped, "placebo.trailing_newline") == 0
