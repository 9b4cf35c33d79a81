"""The scorecard: one row a check, worst first, and the details that carry no verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rmaudit.quantities import SPACE, Scale, count, price_of, real_minus
from rmaudit.record import Finding, Record
from rmaudit.summary import margin_in_words, reading_in_words, worst_first
from rmaudit_reports.html.bars import Bar, bar, shared_span
from rmaudit_reports.html.names import finding_id, title_of
from rmaudit_reports.standing import DETAIL, NOT_MEASURED, Mark, mark_of, outcome_mark

BELOW_ALL = -1e300


@dataclass(frozen=True)
class Row:
    """One check as it is shown. sort: the numbers that a click on a column orders by."""

    key: str
    href: str
    title: str
    group: str
    words: str
    value: str
    per: str
    price: str
    bar: Bar | None
    interval: str
    against: str
    n: str
    groups: str
    detectable: str
    mark: Mark
    second: str
    reason: str
    policy: str
    sort: Mapping[str, float]


@dataclass(frozen=True)
class Scorecard:
    """rows: headline and policy checks, worst first; tally: how many of each mark. details: findings without a verdict.

    datasets: the same for every data set of the user's, by its name.
    """

    rows: list[Row]
    tally: list[tuple[Mark, int]]
    details: list[Row]
    datasets: dict[str, list[Row]]
    has_gate: bool

    @property
    def clipped(self) -> bool:
        """Whether an interval is too long for its drawing."""
        return any(row.bar and (row.bar.clipped_low or row.bar.clipped_high) for row in self.rows)


def scorecard(record: Record) -> Scorecard:
    """All findings of a record as rows; none is dropped."""
    checks = {str(check.get("check", "")): check for check in (record.gate or {}).get("checks", [])}
    shown = [f for f in record.findings if f.headline or f.key in checks or f.verdict in ("error", "not_applicable")]
    span = shared_span(shown)
    rows = [(_rank(f, checks.get(f.key)), _row(record, f, span, checks.get(f.key))) for f in shown]
    known = {finding.key for finding in record.findings}
    rows += [
        ((outcome_mark(c.get("outcome")).rank, 0.0, key), _missing(key, c))
        for key, c in checks.items()
        if key not in known
    ]
    others = sorted((f for f in record.findings if f not in shown), key=lambda finding: finding.key)
    ordered = [row for _, row in sorted(rows, key=lambda pair: pair[0])]
    marks = [row.mark for row in ordered]
    return Scorecard(
        rows=ordered,
        tally=[(mark, marks.count(mark)) for mark in dict.fromkeys(marks)],
        details=[_row(record, finding, span, None) for finding in others if not finding.dataset],
        datasets={
            name: [replace(_row(record, f, span, None), title=f.title) for f in others if f.dataset == name]
            for name in sorted({finding.dataset for finding in others} - {""})
        },
        has_gate=record.gate is not None,
    )


def split_unit(text: str) -> tuple[str, str]:
    """`+0.94 SD per doubling` as its number with unit, and the `per` that follows."""
    head, per, tail = text.partition(" per ")
    return head, f"per {tail}" if per else ""


def _rank(finding: Finding, check: Mapping[str, Any] | None) -> tuple[float, float, str]:
    rank, size, key = worst_first(finding)
    if check is None:
        return float(rank), size, key
    # A warning or an information stands below a block of the same outcome.
    minor = 0.0 if check.get("severity", "block") == "block" else 0.5
    return outcome_mark(check.get("outcome")).rank + minor, size, key


def _row(record: Record, finding: Finding, span: float, check: Mapping[str, Any] | None) -> Row:
    scale = Scale(finding.unit, finding.value, finding.interval)
    value, per = split_unit(scale.full(finding.value)) if finding.value is not None else (NOT_MEASURED, "")
    limit = _limit_in_words(finding, check) if check else ""
    own = mark_of(finding)
    return Row(
        key=finding.key,
        href=f"#{finding_id(finding)}",
        title=title_of(finding),
        group=str(record.probes.get(finding.probe, {}).get("title", finding.probe)),
        words=real_minus(reading_in_words(finding)),
        value=value,
        per=per,
        price=f"price{SPACE}{price_of(finding.price)}" if finding.price is not None else "",
        bar=bar(finding, span, _limits(check)),
        interval=scale.range(finding.interval) if finding.interval else "",
        against=f"limit{SPACE}{limit}"
        if limit
        else (f"margin{SPACE}{margin_in_words(finding)}" if finding.negligible is not None else ""),
        n=count(finding.n) if finding.n else "\u2014",
        groups=_groups(finding),
        detectable=scale.size(finding.detectable),
        mark=outcome_mark(check.get("outcome")) if check else own,
        second=_second(record, own, check),
        reason=finding.reason,
        policy=str(check.get("reason") or "") if check else "",
        sort={"value": _or_last(finding.value), "n": float(finding.n), "detect": _or_last(finding.detectable)},
    )


def _or_last(value: float | None) -> float:
    """What is missing is no zero: it sorts below every number."""
    return BELOW_ALL if value is None else value


def _second(record: Record, own: Mark, check: Mapping[str, Any] | None) -> str:
    """What stands below the mark where a policy was applied."""
    if record.gate is None:
        return ""
    if check is None:
        return "not in the policy"
    return "" if own is DETAIL else f"finding: {own.word}"


def _limit_in_words(finding: Finding, check: Mapping[str, Any]) -> str:
    """The policy's limit in the unit that the value is shown in."""
    scale = Scale(finding.unit)
    ends = [("at least", check.get("min")), ("at most", check.get("max"))]
    words = [f"{word}{SPACE}{scale.signed_size(float(end))}" for word, end in ends if isinstance(end, int | float)]
    return " and ".join(words) or str(check.get("limit", ""))


def _limits(check: Mapping[str, Any] | None) -> tuple[float, ...]:
    ends = (check.get("min"), check.get("max")) if check else ()
    return tuple(float(end) for end in ends if isinstance(end, int | float))


def _groups(finding: Finding) -> str:
    parts = [f"{count(finding.n_groups)}{SPACE}prompts"] if finding.n_groups else []
    parts += [f"{count(finding.n_templates)}{SPACE}templates"] if finding.n_templates else []
    return ", ".join(parts)


def _missing(key: str, check: Mapping[str, Any]) -> Row:
    """A policy check that no finding answers: shown, never dropped."""
    return Row(
        key=key, href="#policy", title=key, group="policy", words=str(check.get("sentence", "")), value=NOT_MEASURED,
        per="", price="", bar=None, interval="", against=f"limit{SPACE}{check.get('limit', '')}", n="\u2014", groups="",
        detectable="\u2014", mark=outcome_mark(check.get("outcome")), second="",
        reason="" if check.get("sentence") else "this run has no such finding", policy=str(check.get("reason") or ""), sort={"value": _or_last(None), "n": 0.0, "detect": _or_last(None)},
    )  # fmt: skip
