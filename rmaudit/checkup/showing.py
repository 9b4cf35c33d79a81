"""A load report and a checkup as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rmaudit.checkup.invariants import in_short

#: Entries of the load report that are shown, and what they are called there.
_ROWS = (
    ("family", "family"), ("family_title", ""), ("head_kind", "head"), ("head_dtype", "head dtype"), ("transform", "transform"),
    ("position", "read at"), ("model_type", "backbone"), ("parameters", "parameters"), ("dtype", "dtype"),
    ("attention", "attention"), ("packing", "scored in"), ("max_length", "longest text"), ("truncate", "truncation"),
    ("bos_policy", "BOS policy"), ("template_sha256", "chat template"), ("adapter", "adapter"), ("fingerprint", "fingerprint"),
)  # fmt: skip


def checkup_text(report: Mapping[str, Any], checkup: Mapping[str, Any]) -> str:
    """Load report, invariants, rounding, what the scores hang on, notes; the verdict last."""
    lines = [str(report["name"]), *_facts(report), "", *_invariants(checkup)]
    if checkup.get("rounding"):
        lines += ["", *_rounding(checkup["rounding"])]
    if checkup.get("sensitivities"):
        lines += ["", *_sensitivities(checkup["sensitivities"])]
    notes = [f"- {note}" for note in report["notes"]]
    lines += ["", "Notes", *notes] if notes else []
    broken = [found["name"] for found in checkup["invariants"] if not found["holds"]]
    verdict = f"BROKEN: {', '.join(broken)}" if broken else f"All {len(checkup['invariants'])} invariants hold."
    return "\n".join([*lines, "", verdict])


def _facts(report: Mapping[str, Any]) -> Iterator[str]:
    for key, name in _ROWS:
        value = report.get(key)
        if value not in (None, "", []):
            yield f"  {name:<14}{value:,}" if isinstance(value, int) else f"  {name:<14}{value}"
    for key, shape in report["head"].items():
        yield f"  {'head tensor':<14}{key} {shape}"
    ids = ", ".join(f"{name} {report[f'{name}_token_id']}" for name in ("bos", "eos", "pad"))
    yield f"  {'token ids':<14}{ids}; padding in config.json {report['config_pad_token_id']}"
    yield f"  {'first text':<14}{report['preamble']!r}"
    yield f"  {'last tokens':<14}{' '.join(map(repr, report['ending']))}"


def _invariants(checkup: Mapping[str, Any]) -> Iterator[str]:
    yield f"Invariants, on {checkup['texts']} texts"
    for found in checkup["invariants"]:
        yield f"  {'ok' if found['holds'] else 'BROKEN':<8}{found['name']}: {found['detail']}"
    if checkup["disagreements"]:
        yield f"  note    the rules for the readout position disagree on {checkup['disagreements']} of {checkup['texts']} texts"
    for pair in checkup.get("untried", ()):
        yield f"  untried {pair}"


def _rounding(rounding: Mapping[str, Any]) -> Iterator[str]:
    yield f"Rounding, computing in {rounding['dtype']}, in score units"
    yield f"  batch, padding and order move a score by up to {in_short(rounding['company'])}"
    yield f"  a head in {rounding['dtype']} would move it by up to {in_short(rounding['head'])} (rmaudit's is float32)"
    yield f"  and would make ties of {rounding['ties']} of {rounding['pairs']} pairs of different scores"


def _sensitivities(found: list[Mapping[str, Any]]) -> Iterator[str]:
    yield f"{'What scores hang on, in score units':<38}{'mean shift':>12}{'margin, most':>14}{'order flips':>13}"
    for one in found:
        if one["reason"]:
            yield f"  {one['change']:<36}{one['reason']:.100}"
        else:
            flips = f"{one['flips']} of {one['pairs']}"
            yield f"  {one['change']:<36}{one['shift']:>+12.3f}{one['margin']:>14.3f}{flips:>13}"
