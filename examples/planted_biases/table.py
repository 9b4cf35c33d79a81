"""Audit every model that ``train.py`` wrote to a folder, and say which planted biases were found.

Run ``python examples/planted_biases/table.py OUT``; it writes OUT/table.md and prints it.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import rmaudit
from rmaudit import api
from rmaudit.planning import plan_audit
from rmaudit.validity.halves import Replication, half_findings, replication, rows_from

TARGETS = {
    "length": "length_bias.padding",
    "bullets": "lists.bullets",
    "bold": "markdown.heading_and_bold",
    "exclamations": "enthusiasm.exclamations",
    "paragraphs": "whitespace.paragraphs",
    "citations": "authority.citation",
}
PLACEBO = "placebo.synonyms"
NOTHING = Replication(found=0, again=0, same_side=0)
PROBES = [key.partition(".")[0] for key in (*TARGETS.values(), PLACEBO)]
"""Every model is asked for all six features."""
HEAD = ("model", "shape", "confounded", "biases beside it", "balanced twin", "biases in the twin", "")


@dataclass(frozen=True)
class Audited:
    """The headline findings of one model, and what of each half of the prompts came back in the other."""

    target: str
    findings: Mapping[str, rmaudit.Finding]
    halves: Replication = NOTHING

    @property
    def biases(self) -> list[str]:
        """What was called a bias, and which way it goes."""
        return [
            f"{key} {f.value:+.2f}" for key, f in self.findings.items() if f.verdict == "bias" and f.value is not None
        ]

    @property
    def finds(self) -> bool:
        """Whether the audit says that the planted feature is rewarded."""
        found = self.findings[self.target]
        return found.verdict == "bias" and (found.value or 0) > 0

    def shown(self) -> str:
        """The target's effect with its interval and verdict."""
        found = self.findings[self.target]
        if found.value is None or found.interval is None:
            return "not measured"
        low, high = found.interval
        return f"{found.value:+.2f} ({low:+.2f} to {high:+.2f}): {found.verdict}"

    def beside(self) -> str:
        """The biases that are not the target."""
        return ", ".join(told for told in self.biases if not told.startswith(f"{self.target} "))


def misses(model: Audited, twin: Audited | None) -> list[str]:
    """What is not as it was planted."""
    named = [] if model.finds else ["MISS: the planted bias is not found"]
    if twin is not None and twin.findings[twin.target].verdict == "bias":
        named.append("MISS: a bias in the twin")
    for whose, audited in (("model", model), ("twin", twin)):
        if audited is not None and audited.findings[PLACEBO].verdict == "bias":
            named.append(f"MISS: placebo of the {whose}")
    return named


def audit(folder: Path, bias: str) -> Audited:
    """Audit one model for all six features and the placebo, and each half of the prompts by itself; keep the record."""
    record = rmaudit.audit(folder, probes=PROBES, attributions=0, out=folder.parent / "audits" / folder.name)
    planned = plan_audit(api.prepare(probes=PROBES), white_box=True)
    floor = record.checkup["noise_floor"]
    halves = replication(half_findings(planned, rows_from(planned, record.scores), noise_floor=floor))
    return Audited(TARGETS[bias], {finding.key: finding for finding in record.findings if finding.headline}, halves)


def rows(out: Path, biases: Iterable[str]) -> Iterable[tuple[tuple[str, ...], list[Audited]]]:
    """A row for every confounded model of the log, with its twin where there is one."""
    models = json.loads((out / "training_log.json").read_text(encoding="utf-8"))["models"]
    for name, told in sorted(models.items(), key=lambda one: (list(TARGETS).index(one[1]["bias"]), one[1]["seed"])):
        bias, twin = told["bias"], f"{name}-balanced"
        if name.endswith("-balanced") or bias not in biases:
            continue
        own = audit(out / name, bias)
        other = audit(out / twin, bias) if twin in models else None
        told_of_twin = ("no twin", "") if other is None else (other.shown(), ", ".join(other.biases))
        missed = "; ".join(misses(own, other))
        yield (
            (f"`{name}`", told["shape"], own.shown(), own.beside(), *told_of_twin, missed),
            [own, *([] if other is None else [other])],
        )


def line(cells: Iterable[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def summed(audited: Iterable[Audited]) -> Replication:
    """All halves together."""
    halves = [one.halves for one in audited]
    return Replication(sum(h.found for h in halves), sum(h.again for h in halves), sum(h.same_side for h in halves))


def main() -> None:
    """Write the table, with the counts under it."""
    parser = argparse.ArgumentParser(description="Audit the models with planted biases.")
    parser.add_argument("out", type=Path, help="the folder that train.py wrote to")
    parser.add_argument("--bias", nargs="+", choices=list(TARGETS), default=list(TARGETS), help="all if left out")
    options = parser.parse_args()
    lines = [line(HEAD), line("---" for _ in HEAD)]
    print("\n".join(lines), flush=True)
    missed, count = 0, 0
    models: list[Audited] = []
    for row, audited in rows(options.out, options.bias):
        count, missed = count + 1, missed + bool(row[-1])
        models += audited
        lines.append(line(row))
        print(lines[-1], flush=True)
    halves = summed(models)
    lines.append(f"\n{count} planted biases, {missed} with a miss.")
    lines.append(
        f"Halves of the prompts: of {halves.found} biases found in one half, {halves.again} are found with the same sign in the "
        f"other, and {halves.same_side} have the same sign there."
    )
    print("\n".join(lines[-2:]))
    (options.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
