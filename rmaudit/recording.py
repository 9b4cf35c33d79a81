"""From findings to the record: the facts of model, battery, settings and machine that stand beside them."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from rmaudit.battery import Battery
from rmaudit.measuring import Reference
from rmaudit.models import ImplicitReward, RewardModel
from rmaudit.planning import PlannedAudit
from rmaudit.quantities import Scale, plain
from rmaudit.record import SCHEMA, Finding, Record, Score
from rmaudit.scorers import Scorer
from rmaudit.statistics.estimates import Estimate
from rmaudit.statistics.intervals import interval
from rmaudit.stimuli import Scored
from rmaudit.untested import untested

LIBRARIES = ("captum", "numpy", "scipy", "statsmodels", "tokenizers", "torch", "transformers")

IMPLICIT = "implicit reward of direct preference optimisation: beta · (log p_policy - log p_reference) of the answer"

COMPARED = 3
"""Checks whose detectable effect is told for a part of the battery and for all of it."""

STEADY = 0.05
"""Reference SD that a score may change by when it is taken again, before the run says so on top."""


@dataclass(frozen=True)
class Outcome:
    """What an audit found.

    rows: scored stimuli by owner. reference: the unit of effects, None where there is none. checkup: what was measured of the
    scores themselves: noise_floor, rechecked, truncated, and of a loaded model its short checkup. untraced: why examples
    could not be traced back.
    """

    rows: Mapping[str, Sequence[Scored]]
    reference: Reference | None
    findings: Sequence[Finding]
    attributions: Sequence[dict[str, Any]]
    checkup: Mapping[str, Any]
    untraced: str = ""


def record_of(planned: PlannedAudit, scorer: Scorer, outcome: Outcome) -> Record:
    """The record of an audit, its scores attached."""
    audit = planned.audit
    record = Record(
        schema=SCHEMA,
        rmaudit=version("rmaudit"),
        model=_model_facts(scorer),
        checkup={
            "stimuli": len(planned.stimuli),
            "conversations": len(planned.plan.unique),
            **outcome.checkup,
        },
        battery=_battery_facts(audit.battery),
        settings={
            "seed": audit.seed,
            "confidence": audit.confidence,
            "profile": audit.profile,
            "limit": audit.limit,
            "probes": [probe.card.name for probe in audit.probes],
            "probe_settings": {probe.card.name: dict(probe.config) for probe in audit.probes},
            "simultaneous": "Bonferroni intervals over the headline metrics, Holm-adjusted p",
            "command": audit.command,
        },
        reference=_reference_facts(outcome.reference, audit.confidence),
        probes={probe.card.name: probe.card.as_dict() for probe in audit.probes},
        findings=list(outcome.findings),
        attributions=list(outcome.attributions),
        warnings=list(_warnings(planned, scorer, outcome)),
        not_tested=list(untested(planned)),
        environment={"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    )
    record.attach(_line(owner, row) for owner, rows in outcome.rows.items() for row in rows)
    return record


def _model_facts(scorer: Scorer) -> dict[str, Any]:
    name = str(getattr(scorer, "name", type(scorer).__name__))
    if isinstance(scorer, RewardModel):
        return {**scorer.load_report.as_dict(), "name": name, "kind": "white box", "fingerprint": scorer.fingerprint}
    known = {"family_title": IMPLICIT, **scorer.facts} if isinstance(scorer, ImplicitReward) else {}
    return {**known, "name": name, "kind": "black box", "fingerprint": scorer.fingerprint}


def _battery_facts(battery: Battery) -> dict[str, Any]:
    domains = [item.domain for item in battery.items]
    return {
        "name": battery.name,
        "sha256": battery.sha256,
        "prompts": len(battery.items),
        "domains": {domain: domains.count(domain) for domain in sorted(set(domains))},
        "passages": {name: len(texts) for name, texts in sorted(battery.passages.items())},
        "cases": {name: len(cases) for name, cases in sorted(battery.cases.items())},
        "readings": {name: asdict(read) for name, read in sorted(battery.readings.items())},
        "datasets": [
            {
                "name": dataset.name,
                "kind": dataset.kind,
                "rows": len(dataset.rows),
                "rows_in_file": dataset.readable + len(dataset.problems),
                "bad_rows": len(dataset.problems),
                "sha256": dataset.sha256,
            }
            for dataset in battery.datasets
        ],
    }


def _reference_facts(reference: Reference | None, confidence: float) -> dict[str, Any]:
    if reference is None:
        return {
            "sd": None,
            "sd_interval": None,
            "gap": None,
            "gap_interval": None,
            "n_groups": 0,
            "sd_without_worst": None,
            "length": None,
            "length_interval": None,
        }
    return {
        "sd": reference.sd.value,
        "sd_interval": _bounds(reference.sd, confidence),
        "gap": reference.gap.value,
        "gap_interval": _bounds(reference.gap, confidence),
        "n_groups": reference.gap.n_groups,
        "sd_without_worst": reference.close.value if reference.close else None,
        "length": reference.length.value if reference.length else None,
        "length_interval": _bounds(reference.length, confidence) if reference.length else None,
    }


def _bounds(estimate: Estimate, confidence: float) -> list[float] | None:
    """The interval; None where one prompt alone gives none."""
    bounds = interval(estimate, confidence)
    return list(bounds) if all(map(math.isfinite, bounds)) else None


def _warnings(planned: PlannedAudit, scorer: Scorer, outcome: Outcome) -> Iterator[str]:
    audit, checkup = planned.audit, outcome.checkup
    yield from _checkup_warnings(checkup, len(planned.plan.unique))
    for finding in outcome.findings:
        if finding.probe == "placebo" and finding.verdict == "bias":
            yield (
                f"A placebo shows an effect ({finding.value:+.2f} {finding.unit}): edits that should change nothing do. "
                "Read every other finding with that in mind."
            )
        elif finding.verdict == "error" and not finding.headline:
            yield f"{finding.key} could not be measured: {finding.reason}"
    floor = checkup["noise_floor"] / outcome.reference.sd.value if outcome.reference else 0.0
    if floor > STEADY:
        yield (
            f"The scorer does not repeat itself: the score of one text changed by up to {floor:.2g} SD when "
            f"{checkup['rechecked']} texts were scored again. No effect below that is called one."
        )
    if outcome.untraced:
        yield f"No example is traced back: {outcome.untraced}"
    for dataset in audit.battery.datasets:
        if dataset.problems:
            yield f"{dataset.name}: {len(dataset.problems)} bad rows left out. First: {dataset.problems[0]}"
        if len(dataset.rows) < dataset.readable:
            yield (
                f"{dataset.name}: {len(dataset.rows)} of {dataset.readable} rows were used, drawn at random with seed "
                f"{audit.seed}. To use all, leave out --limit and --profile."
            )
    if audit.battery.whole:
        yield _given_up(audit.battery, outcome.findings)
    if isinstance(scorer, RewardModel):
        yield from scorer.load_report.notes


def _given_up(battery: Battery, findings: Sequence[Finding]) -> str:
    """What a part of the battery cannot see."""
    prompts, cases = len(battery.items), sum(map(len, battery.cases.values()))
    all_prompts, every = battery.whole["items"], sum(battery.whole.values())
    used = f"{prompts:,} of {all_prompts:,} prompts and {cases:,} of {every - all_prompts:,} cases"
    told = [finding for finding in findings if finding.headline and finding.detectable_by_all is not None][:COMPARED]
    compared = (
        f"{finding.key} {Scale(finding.unit).size(finding.detectable)} here, about "
        f"{Scale(finding.unit).size(finding.detectable_by_all)} with all of it"
        for finding in told
    )
    return plain(
        f"Only part of the battery was used: {used}. Smaller effects go unseen. Smallest effect that is found in four "
        f"of five audits: {'; '.join(compared) or 'none could be computed'}."
    )


def _checkup_warnings(checkup: Mapping[str, Any], conversations: int) -> Iterator[str]:
    if broken := checkup.get("broken"):
        yield (
            f"The checkup found broken invariants ({', '.join(broken)}): the scores depend on what they must not depend on. "
            "Type: rmaudit doctor MODEL"
        )
    if checkup.get("untried"):
        yield f"Some of the checkup's own texts could not be scored, so nothing was tried on them: {checkup['untried']}"
    if checkup.get("disputed"):
        yield (
            f"In {checkup['disputed']} of {conversations} conversations the rules for the readout position name different "
            "tokens; the notes say which one counts, and how to choose another."
        )
    if checkup["truncated"]:
        cut = checkup["truncated"]
        yield f"{cut} of {conversations} conversations were cut from the left of the prompt to fit the model."


def _line(owner: str, row: Scored) -> Score:
    stimulus = row.stimulus
    return Score(
        id=row.id,
        probe=owner,
        source=stimulus.source,
        item=stimulus.item,
        group=stimulus.group,
        arm=stimulus.arm,
        dose=stimulus.dose,
        template=stimulus.template,
        labels=dict(stimulus.labels),
        conversation=[{"role": message["role"], "content": message["content"]} for message in stimulus.conversation],
        score=row.score,
        length=row.length,
    )
