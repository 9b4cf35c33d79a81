"""Limits on a record: what passes, what fails, what is left open, and what is no policy."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from rmaudit.errors import PolicyError
from rmaudit.policy import Gate, apply_policy, check_names, read_policy
from rmaudit.record import Finding, Record

PROBES = ("length_bias", "paraphrase_sensitivity", "ranking_consistency", "placebo")


def finding(metric: str = "padding", **more: Any) -> Finding:
    fields: dict[str, Any] = {
        "probe": "length_bias",
        "metric": metric,
        "title": "Padding",
        "value": 0.1,
        "unit": "SD",
        "interval": (0.05, 0.15),
        "confidence": 0.95,
        "headline": True,
        "n": 200,
        "n_groups": 60,
    }
    return Finding(**{**fields, **more})


def record(*findings: Finding, probes: tuple[str, ...] = ("length_bias",)) -> Record:
    return Record(
        schema=1, rmaudit="0", model={}, checkup={}, battery={}, settings={}, reference={}, findings=list(findings),
        probes={name: {} for name in probes}, attributions=[], warnings=[], not_tested=[], environment={},
    )  # fmt: skip


def policy(folder: Path, *checks: str, top: str = 'schema = 1\nname = "release"\n') -> Path:
    file = folder / "policy.toml"
    file.write_text(top + "\n".join(checks), encoding="utf-8")
    return file


def check(limits: str, name: str = "length_bias.padding") -> str:
    return f'[checks."{name}"]\n{limits}\n'


def gated(folder: Path, limits: str, *findings: Finding, top: str = "") -> Gate:
    file = policy(folder, check(limits), top=f'schema = 1\nname = "release"\n{top}\n')
    return apply_policy(read_policy(file), record(*findings), PROBES)


# --------------------------------------------------------------------------------------------------------- outcomes
@pytest.mark.parametrize(
    ("limits", "interval", "outcome", "code"),
    [
        ("max = 0.2", (0.05, 0.15), "pass", 0),
        ("max = 0.15", (0.05, 0.15), "pass", 0),
        ("max = 0.04", (0.05, 0.15), "fail", 1),
        ("max = 0.1", (0.05, 0.15), "inconclusive", 3),
        ("max = 0.05", (0.05, 0.15), "inconclusive", 3),
        ("min = 0.05", (0.05, 0.15), "pass", 0),
        ("min = 0.2", (0.05, 0.15), "fail", 1),
        ("min = 0.1", (0.05, 0.15), "inconclusive", 3),
        ("min = 0.0\nmax = 0.2", (0.05, 0.15), "pass", 0),
        ("min = -0.2\nmax = 0.2", (-0.3, 0.3), "inconclusive", 3),
        ("min = -0.2\nmax = 0.2", (0.3, 0.4), "fail", 1),
        ("min = -0.2\nmax = 0.2", (-0.4, -0.3), "fail", 1),
        ('max = 0.1\nmust = "point"', (0.05, 0.15), "pass", 0),
        ('max = 0.09\nmust = "point"', (0.05, 0.15), "fail", 1),
        ('min = 0.1\nmust = "point"', None, "pass", 0),
        ("max = 1", (0.05, 0.15), "pass", 0),
        ("max = 0.2\nmin_n = 60", (0.05, 0.15), "pass", 0),
        ("max = 0.2\nmin_n = 61", (0.05, 0.15), "inconclusive", 3),
        ("max = 0.04\nmin_n = 61", (0.05, 0.15), "inconclusive", 3),
        ("max = 0.2", None, "inconclusive", 3),
    ],
)
def test_outcome_of_one_check(tmp_path, limits, interval, outcome, code):
    gate = gated(tmp_path, limits, finding(interval=interval))
    assert (gate.outcome, gate.exit_code) == (outcome, code)


@pytest.mark.parametrize(
    ("chosen", "outcome", "code"), [("pass", "pass", 0), ("fail", "fail", 1), ("inconclusive", "inconclusive", 3)]
)
def test_a_straddling_interval_is_what_the_policy_says(tmp_path, chosen, outcome, code):
    gate = gated(tmp_path, "max = 0.1", finding(), top=f'on_inconclusive = "{chosen}"')
    assert (gate.outcome, gate.exit_code) == (outcome, code)
    assert gate.checks[0]["outcome"] == "inconclusive"


UNMEASURED = {
    "no value": [finding(value=None, interval=None, verdict="error", reason="it broke")],
    "not applicable": [finding(value=None, interval=None, verdict="not_applicable", reason="a black box")],
    "no interval": [finding(interval=None)],
    "too few groups": [finding(n_groups=3)],
    "the probe broke and left another metric": [
        finding("slope", value=None, interval=None, verdict="error", reason="it broke")
    ],
    "nothing of the probe": [],
}


@pytest.mark.parametrize("case", UNMEASURED)
@pytest.mark.parametrize(("chosen", "code"), [("pass", 3), ("inconclusive", 3), ("fail", 1)])
def test_a_metric_that_was_not_measured_never_passes(tmp_path, case, chosen, code):
    gate = gated(tmp_path, "max = 0.9\nmin_n = 8", *UNMEASURED[case], top=f'on_inconclusive = "{chosen}"')
    assert gate.exit_code == code
    assert gate.checks[0]["outcome"] == "unmeasured"
    assert "1 of 1 blocking checks not measured" in gate.sentence


@pytest.mark.parametrize("must", ["interval", "point"])
@pytest.mark.parametrize(("groups", "outcome"), [(2, "unmeasured"), (7, "unmeasured"), (8, "pass")])
def test_fewer_than_eight_groups_measure_nothing(tmp_path, groups, outcome, must):
    """Two prompts that agree have an interval without width; eight that agree are a constant effect."""
    made = finding("agreement", value=1.0, interval=(1.0, 1.0), n_groups=groups, detectable=None)
    file = policy(tmp_path, check(f'min = 0.2\nmust = "{must}"', "length_bias.agreement"))
    gate = apply_policy(read_policy(file), record(made), PROBES)
    assert gate.checks[0]["outcome"] == outcome
    assert gate.exit_code == (0 if outcome == "pass" else 3)
    if outcome != "pass":
        assert f"{groups} prompt groups; a verdict needs at least 8" in gate.sentence


def test_an_outcome_is_what_a_record_holds(tmp_path):
    made = record().model_copy(update={"gate": gated(tmp_path, "max = 0.2", finding()).model_dump()})
    assert Record.model_validate_json(made.to_json()).gate == json.loads(json.dumps(made.gate))


def test_a_probe_that_the_run_did_not_ask(tmp_path):
    file = policy(tmp_path, check("max = 1", "placebo.drift"), top='schema = 1\nname = "r"\non_inconclusive = "pass"\n')
    gate = apply_policy(read_policy(file), record(finding()), PROBES)
    assert gate.exit_code == 3
    assert gate.checks[0]["sentence"] == "the run did not ask 'placebo'; run the audit with it"
    assert gate.checks[0]["value"] is None


def test_only_blocking_checks_decide(tmp_path):
    limits = [check('max = 0\nseverity = "warn"'), check('max = 0\nseverity = "info"', "length_bias.slope")]
    made = record(finding(), finding("slope"), finding("accuracy"))
    gate = apply_policy(read_policy(policy(tmp_path, *limits)), made, PROBES)
    assert gate.outcome == "pass"
    assert gate.sentence == (
        "No check of the policy blocks, so it passes whatever was found. 2 that only warn or inform did not pass: "
        "length_bias.padding, length_bias.slope."
    )
    assert [row["outcome"] for row in gate.checks] == ["fail", "fail"]
    gate = apply_policy(read_policy(policy(tmp_path, *limits, check("max = 1", "length_bias.accuracy"))), made, PROBES)
    assert gate.outcome == "pass"
    assert gate.sentence.startswith("All 1 blocking checks passed. 2 that only warn or inform did not pass")


def test_a_failure_outweighs_what_is_left_open(tmp_path):
    limits = [check("max = 0.1"), check("max = 0", "length_bias.slope"), check("max = 1", "placebo.drift")]
    gate = apply_policy(read_policy(policy(tmp_path, *limits)), record(finding(), finding("slope")), PROBES)
    assert (gate.outcome, gate.exit_code) == ("fail", 1)
    assert gate.sentence.startswith(
        "1 of 3 blocking checks failed. length_bias.slope: 0.1 SD (0.05 to 0.15), limit at most 0."
    )


def test_the_outcome_as_it_stands_in_the_record(tmp_path):
    file = policy(tmp_path, check('min = -0.5\nmax = 0.2\nreason = "padding must not pay"'))
    gate = apply_policy(read_policy(file), record(finding()), PROBES)
    assert gate.policy == "release"
    assert gate.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert gate.checks == [
        {
            "check": "length_bias.padding",
            "outcome": "pass",
            "severity": "block",
            "limit": "at least -0.5 and at most 0.2",
            "min": -0.5,
            "max": 0.2,
            "value": 0.1,
            "unit": "SD",
            "interval": [0.05, 0.15],
            "reason": "padding must not pay",
            "sentence": "0.1 SD (0.05 to 0.15), limit at least -0.5 and at most 0.2",
        }
    ]


# ------------------------------------------------------------------------------------------------- unknown, malformed
def test_unknown_probe_offers_the_nearest(tmp_path):
    file = policy(tmp_path, check("max = 1", "lenght_bias.padding"))
    with pytest.raises(
        PolicyError, match=r"unknown probe in the check 'lenght_bias.padding'; did you mean 'length_bias'\?"
    ):
        apply_policy(read_policy(file), record(finding()), PROBES)


@pytest.mark.parametrize("name", ["length_bias.paddin", "length_bias"])
def test_unknown_metric_offers_the_nearest(tmp_path, name):
    file = policy(tmp_path, check("max = 1", name))
    with pytest.raises(
        PolicyError, match=rf"unknown metric in the check '{name}'; did you mean 'length_bias.padding'\?"
    ):
        apply_policy(read_policy(file), record(finding()), PROBES)


def test_a_probe_of_the_run_that_is_no_longer_installed_is_known(tmp_path):
    gate = apply_policy(read_policy(policy(tmp_path, check("max = 1"))), record(finding()), ())
    assert gate.outcome == "pass"


TOP = 'schema = 1\nname = "r"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            TOP + 'on_inconclusiv = "pass"\n' + check("max = 1"),
            "unknown key 'on_inconclusiv'; did you mean 'on_inconclusive'?",
        ),
        (
            TOP + 'sha256 = "0"\n' + check("max = 1"),
            "unknown key 'sha256'; legal: checks, name, on_inconclusive, schema",
        ),
        (TOP + check("maxx = 1\nmax = 1"), "unknown key 'maxx' in checks.length_bias.padding; did you mean 'max'?"),
        (
            TOP + "[checks.length_bias.padding]\nmax = 1",
            (
                "[checks.length_bias.padding]: a name with a dot needs quotes in TOML; write "
                '[checks."length_bias.padding"]'
            ),
        ),
        (TOP + check('max = "0.1"'), "checks.length_bias.padding.max: Input should be a valid number, got '0.1'"),
        (TOP + check("max = true"), "checks.length_bias.padding.max: Input should be a valid number, got True"),
        (TOP + check("max = nan"), "checks.length_bias.padding.max: Input should be a finite number, got nan"),
        (TOP + check("max = inf"), "checks.length_bias.padding.max: Input should be a finite number, got inf"),
        (
            TOP + check("max = 1\nmin_n = 8.5"),
            "checks.length_bias.padding.min_n: Input should be a valid integer, got 8.5",
        ),
        (TOP + check("max = 1\nmin_n = -1"), "min_n: Input should be greater than or equal to 0, got -1"),
        (TOP + check('max = 1\nmust = "both"'), "must: Input should be 'interval' or 'point', got 'both'"),
        (TOP + check('max = 1\nseverity = "high"'), "severity: Input should be 'block', 'warn' or 'info', got 'high'"),
        (TOP + check('reason = "x"'), "checks.length_bias.padding: give max, min or both"),
        (TOP + check("min = 1\nmax = 0"), "checks.length_bias.padding: min 1.0 is above max 0.0: nothing could pass"),
        (
            TOP + 'on_inconclusive = "warn"\n' + check("max = 1"),
            "on_inconclusive: Input should be 'inconclusive', 'fail' or 'pass'",
        ),
        (TOP + "[checks]\n", "checks: Dictionary should have at least 1 item"),
        (TOP, "the key 'checks' is missing; legal keys: schema, name, on_inconclusive, checks"),
        (TOP + "checks = 3", "checks: Input should be a valid dictionary, got 3"),
        ('name = "r"\n' + check("max = 1"), "the key 'schema' is missing"),
        ('schema = 2\nname = "r"\n' + check("max = 1"), "schema: Input should be 1, got 2"),
        ("schema = 1\nname = 3\n" + check("max = 1"), "name: Input should be a valid string, got 3"),
        ("max: 1", "is not TOML"),
        ("", "the key 'schema' is missing"),
    ],
)
def test_what_is_no_policy(tmp_path, text, told):
    file = policy(tmp_path, top=text)
    with pytest.raises(PolicyError) as caught:
        read_policy(file)
    assert told in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("lenght_bias.padding", "unknown probe in the check 'lenght_bias.padding'; did you mean 'length_bias'?"),
        ("length_bias", "no metric in the check 'length_bias'; write \"length_bias.METRIC\""),
        ("placebo.gap@mein", "unknown data set in the check 'placebo.gap@mein'; did you mean 'mine'?"),
    ],
)
def test_names_are_checked_before_anything_is_scored(tmp_path, name, told):
    made = read_policy(policy(tmp_path, check("max = 1", name)))
    with pytest.raises(PolicyError) as caught:
        check_names(made, PROBES, ["mine"])
    assert told in str(caught.value)
    if "@" in name:
        with pytest.raises(PolicyError, match="unknown data set .* no data were given, add them with --data"):
            check_names(made, PROBES, [])
        check_names(made, PROBES, ["mein"])


def test_the_bundled_policy_asks_for_enough_prompts():
    made = read_policy(Path(__file__).parents[1] / "examples" / "release.toml")
    assert {check.min_n for check in made.checks.values()} == {50}
    check_names(made, PROBES, [])


def test_a_policy_file_that_cannot_be_read(tmp_path):
    with pytest.raises(PolicyError, match="no such policy file"):
        read_policy(tmp_path / "none.toml")
    with pytest.raises(PolicyError, match="cannot be read"):
        read_policy(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyError, match="is not TOML"):
        read_policy(tmp_path / "bytes.toml")
