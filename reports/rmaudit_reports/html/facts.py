"""Facts about the model, the battery and the run, as name and text; what is missing is left out, never an error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rmaudit.quantities import SPACE, count, number, percent, range_of
from rmaudit.record import Record

MODEL = {
    "name": "name", "kind": "access", "model_type": "architecture", "parameters": "parameters", "layers": "layers",
    "hidden_size": "hidden size", "readout_width": "readout width", "vocabulary": "vocabulary", "family": "head family",
    "family_title": "formula", "head_kind": "head", "transform": "transform", "head": "head tensors",
    "adapter": "adapter", "head_dtype": "head in the file", "head_quantised": "head is quantised",
    "position": "score is read at",
    "dtype": "number format", "attention": "attention", "max_length": "longest input", "bos_token_id": "BOS token",
    "eos_token_id": "EOS token", "pad_token_id": "pad token", "config_pad_token_id": "pad token in config.json", "bos_policy": "BOS policy", "preamble": "template begins",
    "ending": "template ends", "template_sha256": "chat template", "fingerprint": "fingerprint",
}  # fmt: skip
CHECKUP = {"packing": "packing", "noise_floor": "noise floor", "disputed": "disputed readout positions"}
SETTINGS = {
    "profile": "profile", "probes": "probes", "data": "data", "limit": "limit", "seed": "seed",
    "confidence": "confidence",
}  # fmt: skip
IDENTIFIERS = {"seed", "bos_token_id", "eos_token_id", "pad_token_id", "config_pad_token_id", "final_token_id"}
"""Whole numbers that name something: no thousands separators."""
HIDDEN = {"notes", "command", "domains", "datasets", "checks", "sentence", "outcome", "invariants", "disagreement"}
Facts = list[tuple[str, str]]


@dataclass(frozen=True)
class Dataset:
    """A row of the table of data files."""

    name: str
    kind: str
    rows: str
    bad_rows: str
    sha256: str


def head_facts(record: Record) -> Facts:
    """The line under the title: strong part, plain part."""
    model, battery, gate = record.model, record.battery, record.gate
    what = str(model.get("model_type") or model.get("kind") or "model")
    rest = [f"{in_words(model['parameters'])} parameters"] if _is_number(model.get("parameters")) else []
    heads = sorted(model.get("head") or [])
    rest += [f"head {flat(heads)}"] if heads else []
    rest += [str(model["dtype"])] if model.get("dtype") else []
    facts = [(what, ", ".join(rest))]
    if gate is not None:
        facts.append((f"policy {gate.get('policy', '')}", short(gate.get("sha256"))))
    if battery.get("prompts") is not None:
        facts.append((f"{flat(battery['prompts'])} prompts", f"battery {short(battery.get('sha256'))}"))
    if model.get("fingerprint"):
        facts.append(("model", short(model["fingerprint"])))
    return [*facts, ("rmaudit", record.rmaudit)]


def model_facts(record: Record) -> Facts:
    """What was loaded, and from which tensors the score is read."""
    return list(_named(record.model, MODEL))


def checkup_facts(record: Record) -> Facts:
    """What the self-tests of the load said."""
    tried = record.checkup.get("invariants")
    broken = record.checkup.get("broken") or []
    lines = sorted(tried.items()) if isinstance(tried, Mapping) else []
    invariants = [(name, f"BROKEN: {detail}" if name in broken else str(detail)) for name, detail in lines]
    return [*_named(record.checkup, CHECKUP), *invariants]


def battery_facts(record: Record) -> Facts:
    """The texts of the audit."""
    return list(_named(record.battery, {"name": "name", "prompts": "prompts", "sha256": "sha256"}))


def reference_facts(record: Record) -> Facts:
    """The unit of the effects, in the model's own score units."""
    reference = dict(record.reference)
    names = {
        "sd": "reference SD",
        "sd_without_worst": "the same without the worst answers",
        "gap": "good\u2013flawed gap",
        "length": "score per doubling of words at equal correctness",
        "n_groups": "prompts",
    }
    for key in ("sd", "gap", "length"):
        interval = reference.pop(f"{key}_interval", None)
        if isinstance(interval, list | tuple) and len(interval) == 2 and all(map(_is_number, interval)):
            reference[key] = f"{flat(reference.get(key))} (interval {range_of(interval)})"
    return list(_named(reference, names))


def run_facts(record: Record) -> Facts:
    """Settings, then the versions of everything that computed."""
    facts = list(_named(record.settings, SETTINGS))
    return [
        *facts,
        ("rmaudit", record.rmaudit),
        *((name, record.environment[name]) for name in sorted(record.environment)),
    ]


def datasets(record: Record) -> list[Dataset]:
    """The user's own files that the probes ran on."""
    rows = [row for row in record.battery.get("datasets") or [] if isinstance(row, Mapping)]
    return [
        Dataset(
            str(row.get("name", "")), str(row.get("kind", "")), flat(row.get("rows")), flat(row.get("bad_rows")),
            str(row.get("sha256", "")),
        )
        for row in rows
    ]  # fmt: skip


def domains(record: Record) -> Facts:
    """Prompts by domain."""
    found = record.battery.get("domains")
    if isinstance(found, Mapping):
        return [(str(name), flat(found[name])) for name in sorted(found)]
    return [(str(name), "") for name in found or []]


def flat(value: Any) -> str:
    """Any JSON value as one short text."""
    if value is None:
        return "\u2014"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and not any(isinstance(item, list | tuple | dict) for item in value):
        return ", ".join(flat(item) for item in value) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{key} {flat(value[key])}" for key in sorted(value)) or "none"
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def short(digest: Any) -> str:
    """The first seven digits of a hash."""
    return str(digest or "")[:7]


def in_words(parameters: float) -> str:
    """`2400000` as `2.4 M`."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if parameters >= size:
            return f"{parameters / size:.{0 if parameters >= 100 * size else 1}f}{SPACE}{letter}"
    return count(parameters)


def _named(values: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The known keys in their order and words, then the rest by name; nothing for what is empty."""
    others = {key: key.replace("_", " ") for key in sorted(values) if key not in names and key not in HIDDEN}
    for key, name in {**names, **others}.items():
        if values.get(key) not in (None, "", []):
            plain = str(values[key]) if key in IDENTIFIERS else flat(values[key])
            yield name, percent(values[key]) if key == "confidence" and _is_number(values[key]) else plain


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
