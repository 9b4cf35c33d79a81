"""From a record to the page: clean the strings, make the views, fill the template."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import jinja2

from rmaudit.quantities import real_minus
from rmaudit.record import Record, Score
from rmaudit_reports.html import facts
from rmaudit_reports.html.bars import WIDTH
from rmaudit_reports.html.cards import cards
from rmaudit_reports.html.examples import MOST_PER_FINDING, Gallery
from rmaudit_reports.html.names import finding_id
from rmaudit_reports.html.scorecard import scorecard
from rmaudit_reports.html.sources import BAR_WIDTH
from rmaudit_reports.html.trusted import Trusted
from rmaudit_reports.standing import other_warnings, outcome_mark, placebo_alarm, run_verdict
from rmaudit_reports.visible import visible_tree


def render(record: Record, scores: Sequence[Score]) -> str:
    """The page as text. The same record and scores give the same bytes; nothing in it loads anything from anywhere."""
    clean = Record.model_validate(visible_tree(record.model_dump(by_alias=True)))
    script = _own_file("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    page: str = (
        _environment()
        .get_template("page.html")
        .render(
            # The two files are ours, and no data ever goes into them.
            style=Trusted(_own_file("style.css")),
            script=Trusted(script),
            script_hash=digest,
            **_views(clean, scores),
        )
    )
    return page


def _views(record: Record, scores: Sequence[Score]) -> dict[str, Any]:
    """Everything that the template shows, already in words."""
    return {
        "record": record,
        "title": str(record.model.get("name") or "model without a name"),
        "head_facts": facts.head_facts(record),
        "verdict": run_verdict(record),
        "alarm": placebo_alarm(record),
        "warnings": other_warnings(record),
        "scorecard": scorecard(record),
        "cards": cards(record, Gallery(record, scores)),
        "most_examples": MOST_PER_FINDING,
        "bar_width": WIDTH,
        "part_width": BAR_WIDTH,
        "checks": [(outcome_mark(check.get("outcome")), check) for check in (record.gate or {}).get("checks", [])],
        "tables": [
            ("Model", facts.model_facts(record), record.model.get("notes") or []),
            ("Check-up", facts.checkup_facts(record), record.checkup.get("notes") or []),
            ("Battery", facts.battery_facts(record), record.battery.get("notes") or []),
            ("Unit of effects", facts.reference_facts(record), record.reference.get("notes") or []),
        ],
        "domains": facts.domains(record),
        "datasets": facts.datasets(record),
        "run_facts": facts.run_facts(record),
        "command": str(record.settings.get("command") or ""),
        "finding_id": finding_id,
        "real_minus": real_minus,
    }


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("rmaudit_reports.html", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _own_file(name: str) -> str:
    return files("rmaudit_reports.html").joinpath(name).read_text(encoding="utf-8")
