"""Limits that a release must keep: a TOML file applied to a record gives pass, fail or inconclusive.

::

    schema = 1
    name = "release"
    on_inconclusive = "inconclusive"     # or "fail" or "pass"

    [checks."length_bias.padding"]       # probe.metric, as `rmaudit probes` lists them
    max = 0.10                           # the interval must lie below; min: above; both may be given
    must = "interval"                    # "interval" (default) or "point"
    severity = "block"                   # "block" (default), "warn" or "info": only block decides
    min_n = 50                           # prompt groups; with fewer (8 at least) the metric counts as not measured
    reason = "padding must not pay"

A metric that could not be measured, or whose probe the run did not ask, never passes: it is inconclusive, or a failure
with `on_inconclusive = "fail"`. A metric that no probe has is an error. `Gate` is the one
rule behind the printed verdict and the exit code.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rmaudit.errors import PolicyError, nearest
from rmaudit.record import Finding, Outcome, Record
from rmaudit.statistics.intervals import FEWEST_GROUPS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXIT_CODES: dict[Outcome, int] = {"pass": 0, "fail": 1, "inconclusive": 3}
UNMEASURED = "unmeasured"


class Check(BaseModel):
    """One limit on one metric, in the metric's unit."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    max: float | None = None
    min: float | None = None
    must: Literal["interval", "point"] = "interval"
    severity: Literal["block", "warn", "info"] = "block"
    min_n: int = Field(default=0, ge=0)
    reason: str = ""

    @model_validator(mode="after")
    def _has_a_limit(self) -> Check:
        if self.max is None and self.min is None:
            raise ValueError("give max, min or both")
        if self.max is not None and self.min is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}: nothing could pass")
        return self

    @property
    def limit(self) -> str:
        """The limit in words."""
        bounds = (("at least", self.min), ("at most", self.max))
        return " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


class Policy(BaseModel):
    """A named set of checks."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    schema_version: Literal[1] = Field(alias="schema")
    name: str
    on_inconclusive: Literal["inconclusive", "fail", "pass"] = "inconclusive"
    checks: dict[str, Check] = Field(min_length=1)
    sha256: str = ""


def read_policy(path: str | Path) -> Policy:
    """Read a policy. Raises PolicyError with the key, what is legal and the nearest name."""
    file = Path(path)
    try:
        text = file.read_bytes()
        fields = tomllib.loads(text.decode("utf-8"))
    except FileNotFoundError as error:
        raise PolicyError(f"{path}: no such policy file") from error
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path} is not TOML: {error}") from error
    if "sha256" in fields:
        raise PolicyError(f"{path}: unknown key 'sha256'{nearest('sha256', _legal_keys(()))}")
    try:
        return Policy.model_validate({**fields, "sha256": hashlib.sha256(text).hexdigest()})
    except ValidationError as error:
        raise PolicyError(f"{path}: {_in_words(error)}") from error


def _legal_keys(place: tuple[Any, ...]) -> list[str]:
    if place[:1] == ("checks",) and len(place) > 1:
        return list(Check.model_fields)
    return [field.alias or name for name, field in Policy.model_fields.items() if name != "sha256"]


def _in_words(error: ValidationError) -> str:
    first = error.errors()[0]
    *place, key = first["loc"] or ("",)
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        if len(place) == 2 and isinstance(first["input"], dict):
            name = f"{place[1]}.{key}"
            return f'[checks.{name}]: a name with a dot needs quotes in TOML; write [checks."{name}"]'
        inside = f" in {'.'.join(map(str, place))}" if place else ""
        return f"unknown key {key!r}{inside}{nearest(str(key), _legal_keys(tuple(place)))}"
    if first["type"] == "missing":
        return f"the key {where!r} is missing; legal keys: {', '.join(_legal_keys(tuple(place)))}"
    return f"{where}: {first['msg'].removeprefix('Value error, ')}, got {first['input']!r:.60}"


class Gate(BaseModel):
    """A policy's outcome on a record, as it stands in `run.json` under `gate`. checks: one object per check of the policy."""

    policy: str
    sha256: str
    outcome: Outcome
    sentence: str
    checks: list[dict[str, Any]]

    @property
    def exit_code(self) -> int:
        """0 pass, 1 fail, 3 inconclusive."""
        return EXIT_CODES[self.outcome]


def check_names(policy: Policy, probes: Iterable[str], datasets: Iterable[str]) -> None:
    """Raise PolicyError where a check names a probe that does not exist, or a data set that is not of the run.

    All that can be known before anything is scored: which details a probe measures, it says with its findings.
    """
    probes, datasets = sorted(probes), sorted(datasets)
    for name in policy.checks:
        probe, _, metric = name.partition(".")
        if probe not in probes:
            raise PolicyError(f"unknown probe in the check {name!r}{nearest(probe, probes)}")
        if not metric:
            raise PolicyError(f'no metric in the check {name!r}; write "{name}.METRIC", see: rmaudit probes {name}')
        dataset = metric.partition("@")[2]
        if dataset and dataset not in datasets:
            told = nearest(dataset, datasets) if datasets else "; no data were given, add them with --data"
            raise PolicyError(f"unknown data set in the check {name!r}{told}")


def apply_policy(policy: Policy, record: Record, known_probes: Iterable[str]) -> Gate:
    """Apply every check to its finding.

    known_probes: names of all probes there are. Raises PolicyError where a check names a probe or a metric that does not
    exist.
    """
    findings = {finding.key: finding for finding in record.findings}
    probes = {*known_probes, *record.probes}
    measured = {finding.probe for finding in record.findings if finding.value is not None}
    for name in policy.checks:
        probe = name.partition(".")[0]
        if probe not in probes:
            raise PolicyError(f"unknown probe in the check {name!r}{nearest(probe, probes)}")
        if probe in measured and name not in findings:
            raise PolicyError(f"unknown metric in the check {name!r}{nearest(name, findings)}")
    checks = [_applied(name, check, findings.get(name), record) for name, check in policy.checks.items()]
    outcome = _outcome([check["outcome"] for check in checks if check["severity"] == "block"], policy)
    return Gate(policy=policy.name, sha256=policy.sha256, outcome=outcome, sentence=_sentence(checks), checks=checks)


def _outcome(outcomes: list[str], policy: Policy) -> Outcome:
    if "fail" in outcomes:
        return "fail"
    if UNMEASURED in outcomes:
        return "fail" if policy.on_inconclusive == "fail" else "inconclusive"
    return policy.on_inconclusive if "inconclusive" in outcomes else "pass"


def _applied(name: str, check: Check, finding: Finding | None, record: Record) -> dict[str, Any]:
    if finding is None:
        outcome, sentence = UNMEASURED, _why_missing(name.partition(".")[0], record)
    else:
        outcome, sentence = _judged(check, finding)
    return {
        "check": name,
        "outcome": outcome,
        "severity": check.severity,
        "limit": check.limit,
        "min": check.min,
        "max": check.max,
        "value": finding.value if finding else None,
        "unit": finding.unit if finding else "",
        "interval": list(finding.interval) if finding and finding.interval else None,
        "reason": check.reason,
        "sentence": sentence,
    }


def _why_missing(probe: str, record: Record) -> str:
    if probe not in record.probes:
        return f"the run did not ask {probe!r}; run the audit with it"
    reasons = [finding.reason for finding in record.findings if finding.probe == probe]
    return f"{probe!r} measured nothing" + (f": {reasons[0]}" if reasons else "")


def _judged(check: Check, finding: Finding) -> tuple[str, str]:
    if finding.value is None:
        return UNMEASURED, f"not measured: {finding.reason}"
    if finding.n_groups < FEWEST_GROUPS:
        # Also where the interval has no width: two prompts that agree say nothing of a third. From eight on, an effect
        # that is the same in every group is one.
        return UNMEASURED, f"{finding.n_groups} prompt groups; a verdict needs at least {FEWEST_GROUPS}"
    if finding.n_groups < check.min_n:
        return UNMEASURED, f"{finding.n_groups} prompt groups, the policy asks for {check.min_n}"
    bounds = (finding.value, finding.value) if check.must == "point" else finding.interval
    if bounds is None:
        return UNMEASURED, 'the metric has no interval; a policy may ask for it with must = "point"'
    low, high = bounds
    least = -float("inf") if check.min is None else check.min
    most = float("inf") if check.max is None else check.max
    reach = "" if check.must == "point" else f" ({low:.3g} to {high:.3g})"
    text = f"{finding.value:.3g} {finding.unit}{reach}, limit {check.limit}"
    if least <= low and high <= most:
        return "pass", text
    if high < least or low > most:
        return "fail", text
    return "inconclusive", text + ": the interval holds the limit"


def _sentence(checks: list[dict[str, Any]]) -> str:
    blocking = [check for check in checks if check["severity"] == "block"]
    missed = [check for check in checks if check not in blocking and check["outcome"] != "pass"]
    tail = (
        f" {len(missed)} that only warn or inform did not pass: {', '.join(c['check'] for c in missed)}."
        if missed
        else ""
    )
    if not blocking:
        return f"No check of the policy blocks, so it passes whatever was found.{tail}"
    for word, told in (("fail", "failed"), (UNMEASURED, "not measured"), ("inconclusive", "inconclusive")):
        hits = [check for check in blocking if check["outcome"] == word]
        if hits:
            first = hits[0]
            return f"{len(hits)} of {len(blocking)} blocking checks {told}. {first['check']}: {first['sentence']}."
    return f"All {len(blocking)} blocking checks passed.{tail}"
