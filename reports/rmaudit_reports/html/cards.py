"""One card a probe: question, headline numbers, figures, slices, details and what it cannot tell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rmaudit.quantities import SPACE, Scale, count, number, p_value, percent, real_minus, trimmed
from rmaudit.record import Finding, Record
from rmaudit.summary import EFFECTS, margin_in_words, price_in_words, reading_in_words, worst_first
from rmaudit_reports.figures import Curve, Point, dose_response
from rmaudit_reports.html.examples import Examples, Gallery
from rmaudit_reports.html.facts import flat
from rmaudit_reports.html.names import finding_id, probe_id, title_of
from rmaudit_reports.html.scorecard import split_unit
from rmaudit_reports.html.trusted import Trusted
from rmaudit_reports.standing import DETAIL, NOT_MEASURED, Mark, mark_of

ABOUT = ("question", "why", "protocol", "harm", "unit", "needs", "version", "cannot_tell")
SHOWN_KEYS = frozenset({"points", "x_title", "slices", "notes", "kind"})


@dataclass(frozen=True)
class Line:
    """A row of a small table: a dose or a slice."""

    label: str
    value: str
    interval: str
    n: str


@dataclass(frozen=True)
class Block:
    """A finding in full. figure: trusted markup made by figures.py; extra: what the probe added, as text."""

    id: str
    key: str
    title: str
    mark: Mark
    value: str
    per: str
    reading: str
    reason: str
    facts: list[tuple[str, str]]
    figure: Trusted | None
    caption: str
    x_title: str
    points: list[Line]
    slices: list[Line]
    notes: list[str]
    extra: list[tuple[str, str]]
    examples: Examples

    @property
    def is_rich(self) -> bool:
        """Whether there is more to show than a row of a table."""
        return bool(self.points or self.slices or self.notes or self.extra or self.examples.total)


@dataclass(frozen=True)
class Card:
    """A probe with all of its findings."""

    id: str
    name: str
    title: str
    about: Mapping[str, str]
    references: list[str]
    mark: Mark
    headlines: list[Block]
    details: list[Block]


def cards(record: Record, gallery: Gallery) -> list[Card]:
    """The cards, that of the worst finding first; probes that found nothing have one too."""
    by_probe: dict[str, list[Finding]] = {name: [] for name in sorted(record.probes)}
    for finding in record.findings:
        by_probe.setdefault(finding.probe, []).append(finding)
    order = sorted(by_probe, key=lambda name: (_worst(by_probe[name]), name))
    return [_card(record, name, by_probe[name], gallery) for name in order]


def _worst(findings: Sequence[Finding]) -> tuple[int, float]:
    keys = [worst_first(f)[:2] for f in findings if f.headline] or [worst_first(f)[:2] for f in findings]
    return min(keys, default=(DETAIL.rank + 1, 0.0))


def _card(record: Record, name: str, findings: list[Finding], gallery: Gallery) -> Card:
    about = record.probes.get(name, {})
    headlines = sorted((f for f in findings if f.headline), key=worst_first)
    details = [f for f in findings if not f.headline]
    leading = headlines or sorted(details, key=worst_first)
    return Card(
        id=probe_id(name),
        name=name,
        title=str(about.get("title", name)),
        about={key: str(about.get(key) or "") for key in ABOUT},
        references=[str(reference) for reference in about.get("references", [])],
        mark=mark_of(leading[0]) if leading else Mark("\u25cb", "no findings", "none", DETAIL.rank + 1),
        headlines=[_block(record, finding, gallery) for finding in headlines],
        details=[_block(record, finding, gallery) for finding in details],
    )


def _block(record: Record, finding: Finding, gallery: Gallery) -> Block:
    scale = Scale(finding.unit, finding.value, finding.interval)
    value, per = split_unit(scale.full(finding.value)) if finding.value is not None else (NOT_MEASURED, "")
    points = [p for p in finding.detail.get("points") or [] if isinstance(p, dict)]
    curve = _curve(record, finding, points)
    return Block(
        id=finding_id(finding),
        key=finding.key,
        title=title_of(finding),
        mark=mark_of(finding),
        value=value,
        per=per,
        reading=real_minus(reading_in_words(finding)),
        reason=finding.reason,
        facts=list(_facts(record, finding, scale)),
        figure=Trusted(dose_response(curve, f"fig-{finding_id(finding)}")) if curve else None,
        caption=_caption(curve),
        x_title=str(finding.detail.get("x_title") or "dose"),
        points=[_line(point, _point_unit(finding)) for point in points],
        slices=[_line(s, finding.unit) for s in finding.detail.get("slices") or [] if isinstance(s, dict)],
        notes=[str(note) for note in finding.detail.get("notes") or []],
        extra=[
            (key.replace("_", " "), flat(finding.detail[key])) for key in sorted(finding.detail.keys() - SHOWN_KEYS)
        ],
        examples=gallery.of(finding),
    )


def _facts(record: Record, finding: Finding, scale: Scale) -> Iterator[tuple[str, str]]:
    """The numbers beside the value: what each is called, and in which unit it is."""
    if finding.interval is not None:
        family = ", all headline checks at once" if finding.headline else ""
        yield "interval", f"{scale.range(finding.interval)} ({percent(finding.confidence)}{family})"
    if finding.negligible is not None:
        yield "margin", margin_in_words(finding)
    if finding.price is not None:
        yield "price", price_in_words(finding)
    if finding.raw is not None:
        per = split_unit(finding.unit)[1]
        yield (
            "raw",
            f"{number(finding.raw, signed=True)}{f' {per},' if per else ''} in the model\u2019s own score units",
        )
    if finding.n:
        groups = f" from {count(finding.n_groups)}{SPACE}prompts" if finding.n_groups else ""
        templates = f" and {count(finding.n_templates)}{SPACE}templates" if finding.n_templates else ""
        yield "n", f"{count(finding.n)}{SPACE}contrasts{groups}{templates}"
    if finding.doubtful is not None:
        share = percent(finding.doubtful, 1)
        yield (
            "texts in doubt",
            f"{share} by a blind reading; interval and what it can detect leave room for them at their worst",
        )
    if finding.detectable is not None:
        yield "can detect", f"{scale.size(finding.detectable)} (80{SPACE}% power)"
    if finding.p is not None:
        adjusted = (
            f"; {p_value(finding.p_adjusted)} after Holm\u2019s correction" if finding.p_adjusted is not None else ""
        )
        yield "p", p_value(finding.p) + adjusted


def _curve(record: Record, finding: Finding, points: Sequence[Mapping[str, Any]]) -> Curve | None:
    """What the figure shows. The margin is drawn only where the points have the finding's own unit."""
    scale = Scale(_point_unit(finding))
    drawn = tuple(
        Point(_real(p.get("dose")), _tick(p), float(p["value"]), _real(p.get("low")), _real(p.get("high")))
        for p in points
        if _real(p.get("value")) is not None
    )
    if not drawn:
        return None
    own_unit = " per " not in finding.unit and finding.kind in EFFECTS
    return Curve(
        title=f"{finding.title}, by {finding.detail.get('x_title') or 'dose'}",
        x_title=str(finding.detail.get("x_title") or ""),
        unit=scale.unit,
        points=drawn,
        margin=finding.negligible if own_unit else None,
        gap=_gap_in_sd(record) if scale.unit == "SD" else None,
        factor=scale.factor,
    )


def _caption(curve: Curve | None) -> str:
    if curve is None:
        return ""
    said = ["Lines and shade: intervals, each on its own."] if any(p.low is not None for p in curve.points) else []
    said += (
        [f"Grey: the margin, \u00b1{trimmed(curve.margin * curve.factor)}{SPACE}{curve.unit}."] if curve.margin else []
    )
    if curve.gap is not None:
        said.append(f"A good and a flawed answer are {number(curve.gap)}{SPACE}SD apart.")
    return " ".join(said)


def _gap_in_sd(record: Record) -> float | None:
    """The gap between a good and a flawed answer, where it can be told from zero; that is also when there are prices."""
    sd, gap = _real(record.reference.get("sd")), _real(record.reference.get("gap"))
    interval = record.reference.get("gap_interval")
    low = _real(interval[0]) if isinstance(interval, list | tuple) and interval else None
    return gap / sd if sd and gap and low is not None and low > 0 else None


def _point_unit(finding: Finding) -> str:
    """A slope is in `SD per doubling`; its points are the effects at each dose, in `SD`."""
    return finding.unit.partition(" per ")[0]


def _line(row: Mapping[str, Any], unit: str) -> Line:
    low, high = _real(row.get("low")), _real(row.get("high"))
    interval = (low, high) if low is not None and high is not None else None
    value = _real(row.get("value"))
    scale = Scale(str(row.get("unit") or unit), value, interval)
    n = _real(row.get("n"))
    return Line(_label(row), scale.full(value), scale.range(interval), count(n))


def _label(row: Mapping[str, Any]) -> str:
    dose = _real(row.get("dose"))
    return str(row.get("label") or (number(dose, 0 if dose == int(dose) else None) if dose is not None else "\u2014"))


def _tick(row: Mapping[str, Any]) -> str:
    """The label on the axis: the number alone where the label is that number and a word that the axis title has."""
    label, dose = _label(row), _real(row.get("dose"))
    first = label.split(" ")[0]
    return first if dose is not None and first.replace(".", "").isdigit() else label


def _real(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
