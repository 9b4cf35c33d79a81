"""How a record is shown: every report is a pure function of `run.json` and `scores.jsonl`."""

from __future__ import annotations

PACK = {"html": "rmaudit_reports.html:report"}
