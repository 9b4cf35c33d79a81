"""Answers that say what they score, and the numbers of a run over files of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import rmaudit
from rmaudit.conversations import Conversation, answer_of
from rmaudit.record import Finding, Record
from rmaudit.stimuli import Scored, Stimulus
from tests.probes.bench import by, noise, value

Row = dict[str, Any]


def said(score: float, number: int = 0) -> str:
    """An answer that scores this; the number tells answers of one score apart."""
    return f"Answer {number} is worth {score}."


def worth(conversation: Conversation) -> float:
    """What the answer says that it is worth; other texts have noise."""
    told = re.fullmatch(r"Answer \d+ is worth (\S+)\.", answer_of(conversation))
    return float(told[1]) if told else noise(conversation)


def audited(*paths: Path, limit: int = 60) -> Record:
    return rmaudit.audit(by(worth), probes=["benchmarks"], data=list(paths), limit=limit)


def names(record: Record) -> set[str]:
    return {finding.metric for finding in record.findings}


def told(record: Record, metric: str) -> float:
    return value(record, f"benchmarks.{metric}")


def sliced(finding: Finding) -> dict[str, float]:
    return {one["label"]: one["value"] for one in finding.detail["slices"]}


def rm_bench(number: int, right: list[float], wrong: list[float], domain: str = "chat") -> Row:
    return {
        "id": number, "prompt": f"Question {number}?", "domain": domain,
        "chosen": [said(score, place) for place, score in enumerate(right)],
        "rejected": [said(score, place + 3) for place, score in enumerate(wrong)],
    }  # fmt: skip


def scored(group: str) -> Scored:
    """A scored answer to a prompt of this group."""
    return Scored(group, Stimulus(group, group, group, "answer", []), 0.0, 1)
