"""What every registered probe promises, whatever it asks."""

from __future__ import annotations

import copy
import inspect
import json
import math
import zlib
from collections import Counter
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import rmaudit
from rmaudit import registry
from rmaudit.auditing import run_audit
from rmaudit.battery import Battery
from rmaudit.conversations import Conversation, checked_conversation
from rmaudit.errors import DataError, ScoringError
from rmaudit.planning import Audit
from rmaudit.probe import Probe
from rmaudit.record import Finding
from rmaudit.scorers import BlackBox
from rmaudit.stimuli import ScoredStimuli, Stimulus
from tests.probes.bench import VOCABULARY, Bench, by, noise, prompt_of

NAMES = registry.probe_names()
OVER_ALL_PROMPTS = {
    "ranking_consistency.prompt_share",
    *(
        f"length_correlation.{name}{of}"
        for name in ("pooled", "pooled_less_within")
        for of in ("", "@pairs", "@rankings", "@unranked")
    ),
}  # fmt: skip
"""What compares scores of different prompts, and says so."""
DRAW_AT_RANDOM = {
    "length_bias", "paraphrase_sensitivity", "ranking_consistency", "placebo", "style_matrix", "prompt_handles", "prompt_typos",
    "openers", "closers", "disclaimers", "preambles", "authority", "injection", "prompt_echo", "best_of_n",
}  # fmt: skip


@pytest.fixture(params=NAMES)
def probe(request: pytest.FixtureRequest) -> Probe:
    (made,) = registry.load_probes([request.param])
    return made


@pytest.fixture(scope="module")
def bench(with_data: Battery) -> Bench:
    return Bench(with_data, registry.load_probes(NAMES))


@pytest.fixture(scope="module")
def findings(bench: Bench) -> list[Finding]:
    return bench.findings(noise)


def of(probe: Probe, findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.probe == probe.card.name]


def drawn(probe: Probe, battery: Battery, seed: int) -> list[Stimulus]:
    return probe.stimuli(replace(battery, vocabulary=VOCABULARY), np.random.default_rng(seed))


def shifted(conversation: Conversation) -> float:
    """The same noise with a whole number added that depends on the prompt alone."""
    return noise(conversation) + zlib.crc32(prompt_of(conversation).encode()) % 17 - 8


# ----------------------------------------------------------------------------------------------- the card
def test_card_says_all_that_a_reviewer_must_know(probe: Probe) -> None:
    card = probe.card
    assert card.question.endswith("?")
    for text in (card.title, card.why, card.protocol, card.harm, card.unit, card.cannot_tell, card.version):
        assert text.strip()
    assert card.references
    assert all(reference.strip() for reference in card.references)
    assert card.needs in ("scores", "weights", "vocabulary")
    assert set(card.accepts) <= {"pairs", "rankings", "paraphrases", "identity"}
    json.dumps(card.as_dict(), allow_nan=False)


def test_texts_that_it_rests_on_were_read(probe: Probe, battery: Battery) -> None:
    assert set(probe.card.texts) <= set(battery.readings)


def test_registered_under_its_own_name(probe: Probe) -> None:
    assert probe.card.name in registry.catalogue(registry.PROBES)


def test_factory_takes_its_configuration_by_keyword(probe: Probe) -> None:
    module, _, attribute = registry.catalogue(registry.PROBES)[probe.card.name].partition(":")
    parameters = inspect.signature(getattr(import_module(module), attribute)).parameters.values()
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)
    assert all(parameter.default is not parameter.empty for parameter in parameters)
    assert set(probe.config) == {parameter.name for parameter in parameters}
    json.dumps(dict(probe.config), allow_nan=False)


# -------------------------------------------------------------------------------------------- the stimuli
def test_stimuli_follow_from_the_seed(probe: Probe, with_data: Battery) -> None:
    first = drawn(probe, with_data, 1)
    assert drawn(probe, with_data, 1) == first
    assert (drawn(probe, with_data, 2) != first) == (probe.card.name in DRAW_AT_RANDOM)


def test_stimuli_are_conversations_with_names_of_their_own(probe: Probe, with_data: Battery) -> None:
    stimuli = drawn(probe, with_data, 0)
    assert max(Counter(stimulus.name for stimulus in stimuli).values()) == 1
    sources = {"battery", *(dataset.name for dataset in with_data.datasets)}
    for stimulus in stimuli:
        assert checked_conversation(stimulus.conversation) == stimulus.conversation
        assert stimulus.source in sources
        assert stimulus.item
        assert stimulus.group
        json.dumps(dict(stimulus.labels), allow_nan=False)


def test_stimuli_change_nothing_they_are_made_from(probe: Probe, with_data: Battery) -> None:
    before = copy.deepcopy(with_data)
    drawn(probe, with_data, 0)
    assert with_data == before


# ------------------------------------------------------------------------------------------- the findings
def test_findings_are_a_function_of_the_scores(probe: Probe, bench: Bench) -> None:
    rows = bench.rows(noise)
    settings, before = bench.settings(probe, rows), copy.deepcopy(list(rows[probe.card.name]))
    first = probe.findings(rows[probe.card.name], settings)
    assert probe.findings(rows[probe.card.name], settings) == first
    assert list(rows[probe.card.name]) == before


def test_findings_are_plain_json(probe: Probe, findings: list[Finding]) -> None:
    for finding in of(probe, findings):
        json.dumps(finding.model_dump(), allow_nan=False)


def test_every_key_is_unique(findings: list[Finding]) -> None:
    assert max(Counter(finding.key for finding in findings).values()) == 1


def test_headlines_are_found_and_judged(probe: Probe, findings: list[Finding], with_data: Battery) -> None:
    headlines = {finding.metric: finding for finding in of(probe, findings) if finding.headline}
    assert set(headlines) == set(probe.card.headlines(with_data))
    assert headlines
    for finding in headlines.values():
        assert finding.value is not None
        assert finding.interval is not None
        assert finding.interval[0] <= finding.value <= finding.interval[1]
        assert finding.verdict in ("bias", "negligible", "inconclusive")
        assert finding.unit == probe.card.unit
        assert (finding.negligible or 0) > 0
        assert (finding.detectable or 0) > 0 or finding.kind not in ("effect", "agreement")
        assert finding.n >= finding.n_groups >= 8


def test_only_headlines_carry_a_verdict(findings: list[Finding]) -> None:
    for finding in findings:
        if not finding.headline:
            assert finding.verdict in (None, "not_applicable")
        assert (finding.value is None) <= bool(finding.reason)


def test_evidence_is_among_the_stimuli(probe: Probe, bench: Bench) -> None:
    rows = bench.rows(noise)
    settings = bench.settings(probe, rows)
    by_id = {row.id: row for row in rows[probe.card.name]}
    seen = 0
    for finding in probe.findings(rows[probe.card.name], settings):
        for example in finding.evidence:
            edited, base = by_id[example.stimulus], by_id[example.against or ""]
            assert example.difference == (edited.score - base.score) / settings.reference.sd.value
            assert edited.stimulus.group == base.stimulus.group
            seen += 1
    assert seen


def test_a_constant_per_prompt_changes_nothing(bench: Bench, findings: list[Finding]) -> None:
    for before, after in zip(findings, bench.findings(shifted), strict=True):
        if before.key not in OVER_ALL_PROMPTS:
            assert_alike(before.model_dump(), after.model_dump())


def test_effects_have_no_scale(bench: Bench, findings: list[Finding]) -> None:
    for before, after in zip(findings, bench.findings(lambda conversation: 4 * noise(conversation)), strict=True):
        if before.unit.startswith(("SD", "tau")) or before.headline:
            assert_alike(before.model_dump(exclude={"raw"}), after.model_dump(exclude={"raw"}))
        if before.raw is not None:
            assert after.raw == pytest.approx(4 * before.raw)


def assert_alike(before: Any, after: Any) -> None:
    """Equal, numbers up to rounding."""
    if isinstance(before, dict):
        assert before.keys() == after.keys()
        for key in before:
            assert_alike(before[key], after[key])
    elif isinstance(before, (list, tuple)):
        assert len(before) == len(after)
        for left, right in zip(before, after, strict=True):
            assert_alike(left, right)
    elif isinstance(before, float):
        assert after == pytest.approx(before, rel=1e-6, abs=1e-9)
    else:
        assert after == before


# --------------------------------------------------------------------------------- what cannot be measured
def refused(findings: list[Finding], verdicts: set[str]) -> None:
    """No headline is judged, none has passed, and each says why."""
    headlines = [finding for finding in findings if finding.headline]
    assert headlines
    for finding in headlines:
        assert finding.verdict in verdicts
        assert finding.reason


def test_nothing_scored_is_nothing_measured(probe: Probe, bench: Bench) -> None:
    settings = bench.settings(probe, bench.rows(noise))
    found = probe.findings(ScoredStimuli([]), settings)
    assert found
    for finding in found:
        assert finding.value is None
        assert finding.verdict == "not_applicable"
        assert finding.reason


def test_an_empty_battery_is_an_error(probe: Probe, battery: Battery) -> None:
    empty = replace(battery, items=(), passages={}, cases={})
    with pytest.raises(DataError, match="nothing to score"):
        run_audit(Audit(empty, [probe]), BlackBox(by(noise)))


@pytest.mark.parametrize("items", [1, 2, 7])
def test_few_prompts_give_no_verdict(items: int, with_data: Battery) -> None:
    record = run_audit(Audit(with_data.limited(items), registry.load_probes()), BlackBox(by(noise)))
    refused(record.findings, {"inconclusive", "not_applicable"})
    record.to_json()


def test_data_without_a_battery_have_no_unit(with_data: Battery) -> None:
    record = run_audit(Audit(replace(with_data, items=()), registry.load_probes()), BlackBox(by(noise)))
    refused(record.findings, {"error"})
    assert all(finding.value is None for finding in record.findings)


def test_a_battery_without_fillers_cannot_pad(battery: Battery) -> None:
    probes = registry.load_probes(["length_bias"])
    record = run_audit(Audit(replace(battery, passages={}), probes), BlackBox(by(noise)))
    refused(record.findings, {"not_applicable"})


@pytest.mark.parametrize("constant", [by(lambda conversation: 3.25), by(lambda c: float(len(prompt_of(c))))])
def test_constant_scores_are_an_error_never_a_pass(constant: Any) -> None:
    record = rmaudit.audit(constant, limit=12)
    refused([finding for finding in record.findings if finding.probe != "identity_gap"], {"error"})
    assert all(finding.value is None for finding in record.findings)
    assert not any(finding.verdict in ("negligible", "bias") for finding in record.findings)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_scores_that_are_no_numbers_are_an_error(bad: float) -> None:
    with pytest.raises(ScoringError):
        rmaudit.audit(
            by(lambda conversation: bad if "Python" in prompt_of(conversation) else noise(conversation)), limit=12
        )
