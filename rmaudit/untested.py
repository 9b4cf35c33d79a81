"""What an audit did not test, told from what it asked and scored."""

from __future__ import annotations

from collections.abc import Iterator

from rmaudit.conversations import answer_of, words
from rmaudit.planning import PlannedAudit


def untested(planned: PlannedAudit) -> Iterator[str]:
    """Lines for the report. What the run cannot know of its texts, such as their language, is said with a condition."""
    audit, battery = planned.audit, planned.audit.battery
    if audit.left_out:
        yield f"what these registered probes ask, which the run did not: {', '.join(audit.left_out)}"
    for probe in audit.probes:
        if probe not in planned.applicable:
            yield f"{probe.card.question} ({probe.card.name} reads the loaded model, and this one is a black box)"
    domains = sorted({item.domain for item in battery.items})
    given = "".join(f", {dataset.name}" for dataset in battery.datasets)
    if domains:
        yield f"subjects other than those of the texts scored: {', '.join(domains)}{given}"
    yield "languages other than those of the texts scored; the bundled battery is in English but for one set of cases"
    talks = planned.plan.unique
    longest, turns = max(words(answer_of(talk)) for talk in talks), max(map(len, talks))
    yield f"answers of more than {longest:,} words, the longest scored"
    yield f"conversations of more than {turns} messages, the most in one"
    yield "tables, tool calls, images and long documents; no bundled text has any"
    yield "adversaries who search for weaknesses"
