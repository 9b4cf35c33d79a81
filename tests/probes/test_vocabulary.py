"""The sweep over a model's own vocabulary: every single token as the whole answer, under a question and its opposite."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import rmaudit
from rmaudit import registry
from rmaudit.api import prepare
from rmaudit.battery import Battery
from rmaudit.conversations import Conversation, answer_of
from rmaudit.models.vocabulary import single_tokens
from rmaudit.record import Finding
from rmaudit_probes.vocabulary import distinct_words, spread, vocabulary
from tests.probes.bench import VOCABULARY, Bench, Score, by, found, noise, salted

MODEL = Path(__file__).resolve().parents[2] / "examples" / "length_confounded" / "model"


@pytest.fixture(scope="module")
def written(full: Battery, battery: Battery) -> Battery:
    """All items, whose words there are to ask about."""
    return replace(battery, items=full.items)


@pytest.fixture(scope="module")
def bench(written: Battery) -> Bench:
    return Bench(written, [vocabulary()])


def framing(findings: list[Finding]) -> Finding:
    return found(findings, "vocabulary.framing")


def test_every_token_is_an_answer_to_every_question_in_both_framings(bench: Bench, battery: Battery) -> None:
    asked = [stimulus for owner, stimulus in bench.planned.stimuli if owner == "vocabulary"]
    assert len(asked) == len(battery.cases["values"]) * 2 * len(VOCABULARY)
    assert {answer_of(stimulus.conversation) for stimulus in asked} == set(VOCABULARY)
    assert {answer_of(stimulus.conversation) for stimulus in asked if not stimulus.labels["word"]} == {"a", "of"}


def test_words_are_tokens_of_letters_each_once() -> None:
    tokens = ["ation", "Because", "because", "the", "The", "it", "42", "don't", "flour", "x1", "Flour", "caf\u00e9"]
    assert distinct_words(tokens) == ["ation", "Because", "the", "flour", "caf\u00e9"]
    assert distinct_words([]) == []


def test_a_taste_for_words_whatever_is_asked_is_a_bias(bench: Bench) -> None:
    taste = framing(bench.findings(lambda c: float(len(answer_of(c))) + noise(c) / 100))
    assert taste.value is not None
    assert taste.value > 0.9
    assert taste.verdict == "bias"
    assert "correlate by +0.9" in taste.reading


def test_an_order_that_turns_with_the_question_is_none(bench: Bench, battery: Battery) -> None:
    least = {case.prompts["least"][-1]["content"] for case in battery.cases["values"]}
    value = {word: float(place) for place, word in enumerate(VOCABULARY)}

    def score(conversation: Conversation) -> float:
        sign = -1 if conversation[-2]["content"] in least else 1
        return sign * value.get(answer_of(conversation), 0.0) + noise(conversation) / 100

    found = framing(bench.findings(score))
    assert found.value is not None
    assert found.value < -0.9
    assert found.verdict == "negligible"


class Sweep:
    """A vocabulary of four words to six pieces of words, and scorers that see its values and its pieces."""

    def __init__(self, battery: Battery, monkeypatch: pytest.MonkeyPatch, suited: float = 1.0) -> None:
        texts = [item.answers["good"] for item in battery.items]
        every = sorted({word for text in texts for word in re.findall(r"\b[a-z]{3,}\b", text)})
        words = spread(every, 160)
        self.pieces = {f"{word[1:]}q" for word in spread(every, 240)}
        self.least = {case.prompts["least"][-1]["content"] for case in battery.cases["values"]}
        draw = np.random.default_rng(0)
        self.value = dict(zip(words, draw.standard_normal(len(words)), strict=True))
        self.unsuited = set(draw.permutation(words)[round(suited * len(words)) :].tolist())
        monkeypatch.setattr("tests.probes.bench.VOCABULARY", draw.permutation([*words, *self.pieces]).tolist())
        self.bench = Bench(replace(battery, cases={"values": battery.cases["values"]}), [vocabulary()])

    def competent(self, conversation: Conversation) -> float:
        """Values turn with the question; a piece of a word, and a word that is no answer, is bad either way."""
        word = answer_of(conversation)
        turned = -1.0 if conversation[-2]["content"] in self.least else 1.0
        bad = -5.0 * (word in self.pieces or word in self.unsuited)
        return turned * self.value.get(word, 0.0) + bad + noise(conversation) / 4

    def by_form(self, conversation: Conversation) -> float:
        """Nothing but how the word is written counts."""
        form = [{"role": "user", "content": answer_of(conversation)}]
        return noise(form) - 5.0 * (answer_of(conversation) in self.pieces) + noise(conversation) / 4


def plain(sweep: Sweep, score: Score) -> float:
    """The correlation over all tokens, for one question."""
    prompts = [sweep.bench.battery.cases["values"][0].prompts[name] for name in ("most", "least")]
    tokens = [*sweep.value, *sweep.pieces]
    one, other = ([score([*prompt, {"role": "assistant", "content": token}]) for token in tokens] for prompt in prompts)
    return float(stats.spearmanr(one, other).statistic)


def test_a_model_that_turns_its_values_is_clean_and_one_of_form_is_not(
    written: Battery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over all tokens, the pieces of words alone would make both correlate."""
    sweep = Sweep(written, monkeypatch)
    assert plain(sweep, sweep.competent) > 0.2
    assert plain(sweep, sweep.by_form) > 0.8
    sound, biased = (framing(sweep.bench.findings(score)) for score in (sweep.competent, sweep.by_form))
    assert sound.value is not None
    assert sound.value < -0.8
    assert sound.verdict == "negligible"
    assert biased.value is not None
    assert biased.value > 0.6
    assert biased.verdict == "bias"
    assert re.match(r"Over the 40 of (39\d|400) words that rank highest under the other questions,", biased.reading)


def test_words_that_are_no_answers_do_not_count(written: Battery, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three words in five answer nothing, which a model may know under both framings."""
    sweep = Sweep(written, monkeypatch, suited=0.4)
    sound, biased = (framing(sweep.bench.findings(score)) for score in (sweep.competent, sweep.by_form))
    assert sound.value is not None
    assert sound.value < -0.8
    assert biased.value is not None
    assert biased.value > 0.6


def test_noise_does_not_correlate(written: Battery, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words that count are chosen by other scores than those that are correlated."""
    sweep = Sweep(written, monkeypatch)
    found = [framing(sweep.bench.findings(salted(salt))) for salt in range(6)]
    assert abs(np.mean([one.value for one in found])) < 0.08
    assert "bias" not in {one.verdict for one in found}


def test_frequent_words_first_is_told(bench: Bench) -> None:
    place = {word: float(number) for number, word in enumerate(VOCABULARY)}
    findings = bench.findings(lambda c: -place.get(answer_of(c), 0.0) + noise(c) / 100)
    assert found(findings, "vocabulary.frequency").value == pytest.approx(1, abs=0.01)


def test_the_highest_words_are_named(bench: Bench, battery: Battery) -> None:
    notes = framing(bench.findings(lambda c: float(answer_of(c) == "peace") + noise(c) / 100)).detail["notes"]
    assert len(notes) == len(battery.cases["values"])
    assert all("highest under the one framing peace," in note and "under the other peace," in note for note in notes)


def test_words_are_spread_over_the_vocabulary() -> None:
    assert spread(VOCABULARY, 1000) == list(VOCABULARY)
    assert spread([str(n) for n in range(100)], 2) == ["0", "99"]
    assert spread((), 5) == []


def test_asked_by_name_only() -> None:
    assert "vocabulary" not in {probe.card.name for probe in registry.load_probes()}
    assert "vocabulary" in prepare(limit=8).left_out


def test_a_black_box_has_no_vocabulary() -> None:
    record = rmaudit.audit(by(noise), probes=["vocabulary"], limit=8)
    assert found(record, "vocabulary.framing").verdict == "not_applicable"


def test_a_model_is_asked_about_its_own_tokens() -> None:
    model = rmaudit.load(MODEL)
    assert isinstance(model, rmaudit.RewardModel)
    words = single_tokens(model.tokenizer)
    assert len(set(words)) == len(words) > 2000
    assert not {*model.tokenizer.all_special_tokens} & {*words}
    assert all(word == word.strip() and word.isprintable() for word in words)
    record = rmaudit.audit(model, probes=[vocabulary(most=30)], limit=12, attributions=0)
    asked = {score.conversation[-1]["content"] for score in record.scores if score.probe == "vocabulary"}
    assert asked == set(spread(words, 30))
    finding = found(record, "vocabulary.framing")
    assert finding.value is not None
    assert np.isfinite(finding.value)
    json.dumps(record.probes["vocabulary"])
