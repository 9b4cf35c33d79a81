"""RM-Bench (Liu et al., ICLR 2025, arXiv 2410.16184): three right and three wrong answers to a prompt, in three styles.

Fields, as the README of github.com/THU-KEG/RM-Bench (commit 2119ec5) gives them: id, prompt, chosen and rejected (lists
of three: concise; detailed, plain text; detailed, markdown), domain (chat, code, math, safety-refuse, safety-response).
Published as a JSON list.

The published numbers are plain means over four domains, the two safety ones being subsets of one: "Overall = (Chat +
Code + Math + Safety) / 4", and each of easy, normal and hard likewise (README of THU-KEG/RM-Bench-Leaderboard, commit
5fc0974). That page points to compute_accuracy in scripts/utils.py of RM-Bench, which takes for a domain all rows whose
`domain` begins with its name: within safety each row weighs the same, of whichever subset. (Read in copies of that file
in other public repositories, as xiusic/Rubric-RM, commit 267c9a3; they agree.)
"""

from __future__ import annotations

from rmaudit.benchmarks.native import Format, Native, answers, has, of_answers, ranking, text
from rmaudit.errors import DataError
from rmaudit.row_files import Row

NAME = "rm_bench"
STYLES = ("concise", "detailed_plain", "detailed_markdown")
"""From plain to fancy, the order of the answers in the file."""
DOMAINS = ("chat", "math", "code", "safety")
"""Those that the published numbers are plain means over."""


def domain_of(subset: str) -> str | None:
    """The domain of a row with this `domain`, which may be a subset of it (safety-refuse); None for another."""
    return next((domain for domain in DOMAINS if subset.startswith(domain)), None)


def _recognises(row: Row) -> bool:
    return of_answers(row) and has(row, "domain")


def _translate(row: Row) -> Native:
    right, wrong = (answers(row, field, fewest=len(STYLES)) for field in ("chosen", "rejected"))
    for field, given in (("chosen", right), ("rejected", wrong)):
        if len(given) > len(STYLES):
            raise DataError(f"{field}: expected {len(STYLES)} answers ({', '.join(STYLES)}), got {len(given)}")
    return Native(ranking(row, right, wrong), (("domain", text(row, "domain")),), (*STYLES, *STYLES))


FORMAT = Format(NAME, "rankings", _recognises, _translate)
