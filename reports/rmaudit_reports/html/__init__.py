"""The HTML report: one self-contained page, readable without script, that asks nothing of any server."""

from __future__ import annotations

from rmaudit.report import Report
from rmaudit_reports.html.page import render

report = Report(name="html", title="HTML page", suffix=".html", render=render)
