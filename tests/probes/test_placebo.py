"""Noise is no bias, and neither is a taste for one of two synonyms; a loss by any edit is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

import rmaudit
from rmaudit import registry
from rmaudit.battery import LEVELS, Battery
from rmaudit.conversations import Conversation, answer_of
from rmaudit.record import Finding, Record
from rmaudit_probes.synonyms import SYNONYMS, Place, balanced, places, swapped
from tests.probes.bench import Bench, by, found, noise, salted, value
from tests.probes.oracle import Oracle

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
        "length_bias.truncation": 0,
        "length_bias.natural_slope": 0,
        "length_matched.accuracy_gap": 0,
        "redundancy.verbatim": 0,
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
        "placebo.synonyms": 0,
        "placebo.synonyms_lowered": 1 / 2,
        "placebo.calibration": 0,
        "placebo.typography": 0,
        "placebo.typography_lowered": 1 / 2,
    }
    missed: Counter[str] = Counter()
    for findings in of_noise:
        for key, true in truth.items():
            interval = found(findings, key).interval
            assert interval is not None
            missed[key] += not interval[0] <= true <= interval[1]
    assert max(missed.values()) <= MOST_FALSE_ALARMS, missed


@pytest.mark.parametrize("pair", [("someone", "somebody"), ("because", "since"), ("every", "each")])
@pytest.mark.parametrize("liked", [0, 1])
def test_a_taste_for_one_word_of_a_pair_is_no_bias(pair: tuple[str, str], liked: int, full: Battery) -> None:
    """One word pair among many: the pairs that were not used might go the other way."""
    placebos, checks = [], []
    for seed in range(6):
        bench = Bench(full.limited(24), registry.load_probes(["placebo"]), seed)
        likes = bench.findings(lambda c: 2.0 * answer_of(c).lower().count(pair[liked]) + noise(c) / 8)
        placebos.append(found(likes, "placebo.synonyms"))
        checks.append(value(likes, "placebo.calibration"))
    assert "bias" not in {placebo.verdict for placebo in placebos}
    assert min(checks) < 0 < max(checks), "the sign of the pair is drawn by the seed"


def exchanges(battery: Battery, seed: int) -> list[tuple[str, Place]]:
    """The items whose answers have a word exchanged, and the word."""
    answers = [(item.id, item.answers[level]) for item in battery.items for level in LEVELS]
    chosen = balanced([text for _, text in answers], np.random.default_rng(seed))
    return [(answers[number][0], place) for number, place in chosen.items()]


@pytest.mark.parametrize("seed", range(3))
def test_every_pair_goes_as_often_one_way_as_the_other(seed: int, full: Battery) -> None:
    made = exchanges(full, seed)
    ways = Counter((place.pair, place.side) for _, place in made)
    assert all(ways[pair, 0] == ways[pair, 1] > 0 for pair in range(len(SYNONYMS)))
    assert made == exchanges(full, seed) != exchanges(full, seed + 1)


def test_most_prompts_have_a_word_exchanged(full: Battery) -> None:
    """The card says about 530 answers to 230 of the 258 prompts."""
    for seed in range(3):
        made = exchanges(full, seed)
        assert 515 <= len(made) <= 545
        assert 225 <= len({item for item, _ in made}) <= 235
    assert len(full.items) == 258


@pytest.mark.parametrize("liked", [1.0, -1.0])
def test_a_taste_for_the_same_side_of_all_pairs_cancels(liked: float, full: Battery) -> None:
    """As for the more frequent word of each: the authors write that one more often, so it is exchanged more often."""

    def score(conversation: Conversation) -> float:
        return liked * sum(1 - 2 * place.side for place in places(answer_of(conversation))) + noise(conversation) / 8

    record = rmaudit.audit(by(score), probes=["placebo"])
    placebo = found(record, "placebo.synonyms")
    assert placebo.raw is not None
    assert abs(placebo.raw) < 0.15, "each exchange alone moves the score by 2"
    assert placebo.verdict != "bias"
    assert value(record, "placebo.synonyms_size") * record.reference["sd"] == pytest.approx(2, abs=0.05)
    (note,) = placebo.detail["notes"]
    assert re.fullmatch(rf"{placebo.n} answers to 2[23]\d of 258 prompts have a word exchanged", note)


def fragile(battery: Battery, loss: float = 4.0) -> Callable[[list[Conversation]], list[float]]:
    """Knows the quality of every answer as it was written, and marks down whatever was edited."""
    oracle = Oracle(battery)
    written = {text for item in battery.items for text in item.answers.values()}
    return by(lambda c: -float(oracle.level(c)) - loss * (answer_of(c) not in written))


def test_a_loss_by_any_edit_is_found(full: Battery) -> None:
    record = rmaudit.audit(fragile(full), probes=["placebo"], limit=32)
    placebo = found(record, "placebo.synonyms")
    sd = record.reference["sd"]
    assert (placebo.value, placebo.verdict) == (pytest.approx(-4 / sd), "bias")
    assert "lower the score" in placebo.reading
    assert "100 % of them down and 0 % up" in placebo.reading
    for kind in ("synonyms", "typography"):
        assert value(record, f"placebo.{kind}_size") == pytest.approx(4 / sd)
        assert value(record, f"placebo.{kind}_lowered") == pytest.approx(1)
        assert value(record, f"placebo.{kind}_raised") == 0
    assert value(record, "placebo.typography") == pytest.approx(-4 / sd)
    assert [warning for warning in record.warnings if "placebo" in warning.lower()]
    check = found(record, "placebo.calibration").interval
    assert check is not None
    assert check[0] < 0 < check[1], "the check of the intervals is blind to the model, whatever it does"


def test_a_good_model_is_clean(full: Battery) -> None:
    oracle = Oracle(full)
    record = rmaudit.audit(by(lambda c: -float(oracle.level(c)) + noise(c) / 4), probes=["placebo"])
    placebo = found(record, "placebo.synonyms")
    assert placebo.verdict == "negligible"
    assert "not shown to move the mean score either way" in placebo.reading
    assert not record.warnings


def test_noise_is_told_by_its_size_and_not_by_a_direction(full: Battery) -> None:
    """Half the changes go down, and single ones are as wide as two answers differ."""
    record = rmaudit.audit(by(noise), probes=["placebo"])
    size = found(record, "placebo.synonyms_size")
    assert size.interval is not None
    assert size.interval[0] > 0.9
    assert size.verdict is None
    assert found(record, "placebo.synonyms").verdict != "bias"


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


def changes(record: Record, *arms: str) -> dict[str, list[tuple[float, int]]]:
    """Change against the text as written, and the sign that was drawn, by item."""
    own = {score.id: score for score in record.scores if score.probe == "placebo"}
    by_item: dict[str, list[tuple[float, int]]] = {}
    for score in own.values():
        if score.arm in arms:
            base = own[f"placebo:{score.item}/{score.labels['answer']}"]
            by_item.setdefault(score.item, []).append((score.score - base.score, score.labels.get("sign", 1)))
    return by_item


def test_the_numbers_are_those_of_the_changes() -> None:
    record = rmaudit.audit(by(noise), probes=["placebo"], limit=12)
    sd = record.reference["sd"]
    for name, arms in (("synonyms", ["synonym"]), ("typography", ["apostrophes"])):
        by_item = changes(record, *arms).values()
        mean = np.mean([np.mean([change for change, _ in item]) for item in by_item])
        size = np.mean([np.mean([abs(change) for change, _ in item]) for item in by_item])
        down = np.mean([np.mean([change < 0 for change, _ in item]) for item in by_item])
        assert value(record, f"placebo.{name}") == pytest.approx(mean / sd)
        assert value(record, f"placebo.{name}_size") == pytest.approx(size / sd)
        assert value(record, f"placebo.{name}_lowered") == pytest.approx(down)
        assert f"{100 * down:.0f} % of them down" in found(record, f"placebo.{name}").reading
    signed = np.mean(
        [np.mean([sign * change for change, sign in item]) for item in changes(record, "synonym").values()]
    )
    assert value(record, "placebo.calibration") == pytest.approx(signed / sd)


def test_curly_apostrophes_change_nothing_else(full: Battery) -> None:
    """And no white space: whether more of that pays is asked by another probe."""
    (placebo,) = registry.load_probes(["placebo"])
    items = {item.id: item for item in full.items}
    arms: Counter[str] = Counter()
    for stimulus in placebo.stimuli(full, np.random.default_rng(0)):
        arms[stimulus.arm] += 1
        if stimulus.arm == "apostrophes":
            before, after = items[stimulus.item].answers[stimulus.labels["answer"]], answer_of(stimulus.conversation)
            assert after != before
            assert after.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'") == before
    assert set(arms) == {"natural", "synonym", "apostrophes"}
    assert arms["apostrophes"] > 50
