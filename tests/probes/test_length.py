"""Length: planted slopes come back, and quality alone is no length bias."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from statistics import median

import numpy as np
import pytest

import rmaudit
from rmaudit import registry
from rmaudit.battery import LEVELS, Battery
from rmaudit.conversations import Conversation, answer_of
from rmaudit.record import Record, Score
from rmaudit_probes.length_bias import length_bias
from tests.probes.bench import Bench, by, found, length, noise, value
from tests.probes.oracle import Oracle

LENGTH = ["length_bias"]


def answer_words(score: Score) -> int:
    return len(score.conversation[-1]["content"].split())


def own(record: Record) -> list[Score]:
    return [score for score in record.scores if score.probe == "length_bias"]


def reference_sd(record: Record) -> float:
    """Pooled within-prompt standard deviation of the four natural answers, by hand."""
    items = defaultdict(list)
    for score in record.scores:
        if score.probe == "natural" and score.arm in LEVELS:
            items[score.item].append(score.score)
    return math.sqrt(float(np.mean([np.var(scores, ddof=1) for scores in items.values()])))


@pytest.mark.parametrize("slope", [3.0, -0.5])
def test_a_planted_slope_comes_back(slope: float) -> None:
    record = rmaudit.audit(by(lambda c: slope * math.log2(length(c))), probes=LENGTH, limit=12)
    padding = found(record, "length_bias.padding")
    assert record.reference["sd"] == pytest.approx(reference_sd(record))
    assert padding.value == pytest.approx(slope / reference_sd(record))
    assert padding.raw == pytest.approx(slope)
    assert padding.verdict == "bias"
    natural = found(record, "length_bias.natural_slope")
    assert natural.raw == pytest.approx(slope)
    assert np.sign(value(record, "length_bias.truncation")) == -np.sign(slope)


def test_truncation_by_hand() -> None:
    record = rmaudit.audit(by(lambda c: float(length(c))), probes=LENGTH, limit=12)
    rows = {score.id: score for score in own(record)}
    cut = [name for name in rows if name.endswith("truncated")]
    changes = [rows[name].score - rows[f"length_bias:{rows[name].item}/good"].score for name in cut]
    assert value(record, "length_bias.truncation") == pytest.approx(np.mean(changes) / reference_sd(record))


def test_a_slope_under_noise_is_within_its_interval(full: Battery) -> None:
    record = rmaudit.audit(by(lambda c: math.log2(length(c)) + 0.3 * noise(c)), probes=LENGTH, limit=24)
    padding = found(record, "length_bias.padding")
    assert padding.interval is not None
    low, high = padding.interval
    assert 0 < low < 1 / reference_sd(record) < high
    assert padding.n_templates == len(full.fillers)
    assert padding.n_groups == 24


def test_quality_alone_is_no_length_bias(battery: Battery) -> None:
    record = rmaudit.audit(Oracle(battery), probes=LENGTH, limit=12)
    padding = found(record, "length_bias.padding")
    assert (padding.value, padding.verdict) == (0.0, "negligible")
    assert value(record, "length_bias.overtaken") == 0
    overtake = found(record, "length_bias.overtake_length")
    assert overtake.value is None
    assert "fewer than half" in overtake.reason
    assert value(record, "length_bias.natural_slope") == pytest.approx(0, abs=1e-9)


def test_quality_alone_has_no_accuracy_to_lose(battery: Battery) -> None:
    record = rmaudit.audit(Oracle(battery), probes=["length_matched"], limit=12)
    for side in ("longer", "same", "shorter"):
        assert value(record, f"length_matched.accuracy_{side}") == 1
    assert value(record, "length_matched.accuracy_gap") == 0


def test_a_length_counter_is_right_where_the_better_is_the_longer() -> None:
    record = rmaudit.audit(by(lambda c: float(length(c))), probes=["length_matched"], limit=12)
    assert value(record, "length_matched.accuracy_longer") == 1
    assert value(record, "length_matched.accuracy_shorter") == 0
    assert value(record, "length_matched.accuracy_gap") == 1
    assert found(record, "length_matched.accuracy_gap").verdict == "bias"
    items: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for score in record.scores:
        if score.probe == "length_matched":
            items[score.item].append((score.labels["rank"], answer_words(score)))
    pairs = [
        (better, worse)
        for answers in items.values()
        for rank, better in answers
        for other, worse in answers
        if rank < other
    ]
    assert found(record, "length_matched.accuracy_longer").n == sum(a >= 1.1 * b for a, b in pairs)
    assert found(record, "length_matched.accuracy_shorter").n == sum(b >= 1.1 * a for a, b in pairs)


def natural_lengths(record: Record) -> dict[str, dict[int, int]]:
    items: dict[str, dict[int, int]] = defaultdict(dict)
    for score in own(record):
        if score.arm == "natural" and score.source == "battery":
            items[score.item][score.labels["rank"]] = answer_words(score)
    return items


def test_overtaking_is_counted_in_words_of_padding() -> None:
    record = rmaudit.audit(by(lambda c: float(length(c))), probes=LENGTH, limit=24)
    needed = []
    for item, lengths in natural_lengths(record).items():
        good, flawed = lengths[0], lengths[2]
        if good > flawed:
            padded = sorted(
                answer_words(score)
                for score in own(record)
                if score.item == item and score.arm == "padded" and score.labels["answer"] == "flawed"
            )
            needed.append(next(words for words in padded if words > good) - flawed)
    assert len(needed) > 3
    assert value(record, "length_bias.overtaken") == pytest.approx(1)
    assert value(record, "length_bias.overtake_length") == median(needed)
    assert found(record, "length_bias.overtake_length").unit == "words"


def test_noise_overtakes_no_more_by_padding_than_by_rewriting() -> None:
    record = rmaudit.audit(by(noise), probes=LENGTH)
    assert value(record, "length_bias.overtaken") > 0.2
    more = found(record, "length_bias.overtaken_more")
    assert more.interval is not None
    assert more.interval[0] < 0 < more.interval[1]


def test_a_step_at_the_first_word_of_padding_is_told_from_a_slope(battery: Battery) -> None:
    naturals = {text for item in battery.items for text in (*item.answers.values(), *item.good_paraphrases)}
    step = rmaudit.audit(by(lambda c: noise(c) - 3.0 * (answer_of(c) not in naturals)), probes=LENGTH, limit=24)
    assert found(step, "length_bias.padding").verdict == "bias"
    further = found(step, "length_bias.padding_further")
    assert further.interval is not None
    assert further.interval[0] < 0 < further.interval[1]
    slope = rmaudit.audit(by(lambda c: math.log2(length(c))), probes=LENGTH, limit=12)
    assert found(slope, "length_bias.padding_further").raw == pytest.approx(1)


def test_a_reading_asserts_no_direction_that_the_interval_leaves_open() -> None:
    quiet = found(rmaudit.audit(by(noise), probes=LENGTH, limit=24), "length_bias.padding")
    assert "not shown" in quiet.reading
    loud = found(rmaudit.audit(by(lambda c: math.log2(length(c))), probes=LENGTH, limit=12), "length_bias.padding")
    assert f"raises its score by {loud.value:.2f} SD" in loud.reading


def test_padding_is_drawn_from_every_filler_and_place(full: Battery) -> None:
    record = rmaudit.audit(by(noise), probes=LENGTH, limit=48)
    padded = [score for score in own(record) if score.arm == "padded"]
    assert {score.template for score in padded} == {filler.id for filler in full.fillers}
    assert {score.labels["position"] for score in padded} == {"start", "middle", "end"}
    assert {score.dose for score in padded} == {1, 2, 4, 8}
    assert len(padded) == 48 * 4 * 4
    ends = {score.conversation[-1]["content"].split()[-1] for score in padded}
    assert len(ends) > 48


def test_dose_response_grows_with_the_dose() -> None:
    record = rmaudit.audit(by(lambda c: float(length(c))), probes=LENGTH, limit=12)
    points = found(record, "length_bias.padding").detail["points"]
    assert [point["n"] for point in points] == [48] * 4
    for point in points:
        assert point["value"] == pytest.approx(point["dose"] / reference_sd(record))
    doses = [point["dose"] for point in points]
    assert doses == sorted(doses)


def test_doses_are_a_setting(battery: Battery) -> None:
    probe = length_bias(doses=(3,))
    stimuli = [s for s in probe.stimuli(battery, np.random.default_rng(0)) if s.arm == "padded"]
    assert {stimulus.dose for stimulus in stimuli} == {3}
    assert probe.config == {"doses": [3]}


# ------------------------------------------------------------------------------------------------------ off the topic
def test_padding_off_the_topic_has_a_slope_of_its_own(full: Battery) -> None:
    """Two points are lost for every doubling by a digression; a filler costs nothing."""
    battery = full.limited(12)
    starts = [passage.sentences[0] for passage in full.passages["digressions"]]
    plain = {item.question: item.answers for item in battery.items}

    def score(conversation: Conversation) -> float:
        text, answers = answer_of(conversation), plain[conversation[-2]["content"]]
        if not any(start in text for start in starts):
            return noise([{"role": "user", "content": conversation[-2]["content"]}]) * (text == answers["good"])
        level = max(("good", "flawed"), key=lambda one: len(set(answers[one].split()) & set(text.split())))
        base = score([*conversation[:-1], {"role": "assistant", "content": answers[level]}])
        return base - 2 * math.log2(length(conversation) / len(answers[level].split()))

    record = rmaudit.audit(by(score), probes=LENGTH, limit=12)
    far = found(record, "length_bias.padding_off_topic")
    assert far.raw == pytest.approx(-2)
    assert (far.unit, far.n, far.verdict) == ("SD per doubling", 12 * 2 * 2, None)
    assert far.n_templates == 24


def test_a_digression_stands_at_one_place_of_the_good_and_the_flawed_answer(full: Battery) -> None:
    (probe,) = registry.load_probes(LENGTH)
    made = probe.stimuli(full, np.random.default_rng(0))
    texts = {passage.id: passage.sentences for passage in full.passages["digressions"]}
    by_answer = defaultdict(list)
    for one in made:
        if one.arm == "off_topic":
            by_answer[one.item, one.labels["answer"]].append(one)
            assert " ".join(texts[str(one.template)][: int(one.dose or 0)]) in answer_of(one.conversation)
    assert {level for _, level in by_answer} == {"good", "flawed"}
    assert len(by_answer) == 2 * len(full.items)
    for two in by_answer.values():
        assert [one.dose for one in two] == [2, 8]
        assert len({(one.template, one.labels["position"]) for one in two}) == 1
    assert {two[0].labels["position"] for two in by_answer.values()} == {"start", "middle", "end"}


def test_without_digressions_all_else_is_as_it_was(battery: Battery) -> None:
    probes = registry.load_probes(LENGTH)
    fewer = {kind: held for kind, held in battery.passages.items() if kind != "digressions"}
    drawn, without = (
        probes[0].stimuli(each, np.random.default_rng(1)) for each in (battery, replace(battery, passages=fewer))
    )
    assert [one for one in drawn if one.arm != "off_topic"] == without
    findings = Bench(replace(battery, passages=fewer), probes).findings(noise)
    far = found(findings, "length_bias.padding_off_topic")
    assert (far.value, far.verdict) == (None, "not_applicable")
    assert far.reason == "the battery has no items, or no digressions of 2 sentences or more"
    assert found(findings, "length_bias.padding").value is not None


# ------------------------------------------------------------------------------------------------- doses and directions
def test_a_dose_beyond_the_filler_is_left_out_and_said(battery: Battery) -> None:
    half = len(battery.fillers) // 2
    short = [replace(passage, sentences=passage.sentences[:5]) for passage in battery.fillers[:half]]
    mixed = replace(battery, passages={**battery.passages, "fillers": (*short, *battery.fillers[half:])})
    probe = length_bias(doses=(2, 6))
    padded = [one for one in probe.stimuli(mixed, np.random.default_rng(0)) if one.arm == "padded"]
    words = {passage.id: len(passage.sentences) for passage in mixed.fillers}
    assert all(int(one.dose or 0) <= words[str(one.template)] for one in padded)
    bench = Bench(mixed, [probe])
    whole = sum(one.arm == "padded" and one.dose == 6 for _, one in bench.planned.stimuli)
    assert 0 < whole < 48
    notes = found(bench.findings(noise), "length_bias.padding").detail["notes"]
    assert notes == [f"6 sentences: left out of {48 - whole} of 48 answers, whose filler has fewer"]
    assert found(Bench(battery, [probe]).findings(noise), "length_bias.padding").detail["notes"] == []


def test_doses_beyond_all_fillers_are_not_measured(battery: Battery) -> None:
    padding = found(Bench(battery, [length_bias(doses=(9, 10))]).findings(noise), "length_bias.padding")
    assert (padding.value, padding.verdict) == (None, "not_applicable")
    assert padding.reason == "the battery has no items, or no filler as long as a dose"


def test_few_prompts_show_no_direction(full: Battery) -> None:
    """Seven prompts that all say the same are not judged, and not spoken of as if they were."""
    bench = Bench(full.limited(7), registry.load_probes(["length_bias", "length_correlation"]))
    findings = bench.findings(lambda conversation: math.log2(length(conversation)))
    expected = {
        "length_bias.padding": "Words that say nothing are not shown to raise or lower a score.",
        "length_correlation.within": "Within a prompt, no direction is shown.",
        "length_correlation.pooled": "Over all answers, no direction is shown.",
    }
    for key, said in expected.items():
        one = found(findings, key)
        assert (one.n_groups, one.reading) == (7, said)
        assert one.interval is not None
        assert one.interval[0] > 0
