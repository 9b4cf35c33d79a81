"""Where a score came from: token heat-maps, layer bars and head dimensions, from an attribution's dictionary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rmaudit.quantities import SPACE, number

STRENGTHS = (0.08, 0.3, 0.6)
CONTEXT, LONG_RUN = 24, 90
STRONGEST = 8
MOST_OWN = 0.5
BAR_WIDTH = 190.0
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Span:
    """Neighbouring tokens of one strength. style: CSS classes; own: only this side has them; folded: shown on demand."""

    text: str
    style: str
    own: bool
    folded: bool = False
    tokens: int = 1


@dataclass(frozen=True)
class Heat:
    """One side's tokens. spans is empty where the method refused; trust: error and baseline in words."""

    spans: list[Span]
    strongest: list[tuple[str, str]]
    trust: str
    refusal: str


@dataclass(frozen=True)
class Part:
    """One bar: it starts at `start` and is `width` wide, of BAR_WIDTH."""

    name: str
    value: str
    start: float
    width: float
    raises: bool


@dataclass(frozen=True)
class Sources:
    """An attribution as it is shown. of_margin: the parts are of the difference, not of one score."""

    of_margin: bool
    total: str
    error: str
    layers: list[Part]
    dimensions: list[Part]
    rest: str
    heats: list[Heat]


def sources(attribution: Json) -> Sources:
    """Read `Attribution.as_dict()`: the margin's parts if two answers were compared, else the score's."""
    margin, against = attribution.get("margin"), attribution.get("against")
    whole: Json = margin or attribution
    head: Json = whole.get("head") or {}
    bias = attribution.get("bias")
    layers = [(str(part.get("name")), part.get("value")) for part in whole.get("residual") or []]
    if not margin and bias is not None:
        layers.append(("head bias", bias))
    return Sources(
        of_margin=bool(margin),
        total=number(whole.get("value") if margin else whole.get("score"), signed=bool(margin)),
        error=number(attribution.get("completeness_error")),
        layers=parts(layers),
        dimensions=parts([(f"dimension {part.get('dimension')}", part.get("value")) for part in head.get("top") or []]),
        rest=_rest(head),
        heats=_heats(attribution, against, margin or {}),
    )


def parts(named: Sequence[tuple[str, float | None]]) -> list[Part]:
    """Bars on one scale to both sides of zero."""
    values = [value or 0.0 for _, value in named]
    low, high = min([0.0, *values]), max([0.0, *values])
    scale = BAR_WIDTH / ((high - low) or 1.0)
    bars = []
    for name, value in named:
        size = value or 0.0
        start, width = (min(size, 0.0) - low) * scale, abs(size) * scale
        bars.append(Part(name, number(value, signed=True), round(start, 1), round(max(width, 0.6), 1), size >= 0))
    return bars


def _rest(head: Json) -> str:
    if not head.get("others"):
        return ""
    return f"the other {number(float(head['others']), 0)} dimensions together {number(head.get('rest'), signed=True)}"


def _heats(own: Json, against: Json | None, margin: Json) -> list[Heat]:
    """The compared answer first, as in the pair above it; one scale of strength for both."""
    sides = [(own.get("tokens"), margin.get("differs"))]
    if against:
        sides.insert(0, (against.get("tokens"), margin.get("differs_against")))
    known = [(tokens, differs or []) for tokens, differs in sides if tokens]
    if all(sum(differs) > MOST_OWN * len(differs) for _, differs in known):
        known = [(tokens, []) for tokens, _ in known]  # two different texts: nearly everything would be bold
    largest = max((abs(v) for tokens, _ in known for v in tokens.get("values") or [] if v is not None), default=0.0)
    return [_heat(tokens, differs, largest) for tokens, differs in known]


def _heat(tokens: Json, differs: Sequence[bool], largest: float) -> Heat:
    texts = [str(text) for text in tokens.get("texts") or []]
    values = tokens.get("values")
    if values is None or not tokens.get("converged", True):
        refusal = str(tokens.get("refusal") or "token attribution was refused, and the record does not say why")
        return Heat([], [], "", refusal)
    flags = list(differs) if len(differs) == len(texts) else [False] * len(texts)
    order = sorted(range(len(texts)), key=lambda index: (-abs(values[index] or 0.0), index))
    return Heat(
        spans=_folded(_spans(texts, values, flags, largest)),
        strongest=[(texts[i].strip() or "white space", number(values[i], signed=True)) for i in order[:STRONGEST]],
        trust=(
            f"completeness error {number(tokens.get('error'))} (allowed {number(tokens.get('allowed'))}), "
            f"{tokens.get('steps')}{SPACE}steps; baseline: {tokens.get('baseline')} "
            f"(score{SPACE}{number(tokens.get('baseline_score'))})"
        ),
        refusal="",
    )


def _spans(texts: Sequence[str], values: Sequence[float | None], flags: Sequence[bool], largest: float) -> list[Span]:
    """One span for neighbours of the same sign, strength and side."""
    spans: list[Span] = []
    for text, value, own in zip(texts, values, flags, strict=False):
        style = strength(value or 0.0, largest)
        shown = text.replace("\n", "\u21b5\n") if style and not text.strip() else text
        if spans and (spans[-1].style, spans[-1].own) == (style, own):
            spans[-1] = Span(spans[-1].text + shown, style, own, tokens=spans[-1].tokens + 1)
        else:
            spans.append(Span(shown, style, own))
    return spans


def strength(value: float, largest: float) -> str:
    """CSS classes: `up s1` to `up s3` raise the score, `down s1` to `down s3` lower it, nothing below 8 % of the largest."""
    share = abs(value) / largest if largest else 0.0
    step = sum(share >= bound for bound in STRENGTHS)
    return f"{'up' if value > 0 else 'down'} s{step}" if step else ""


def _folded(spans: list[Span]) -> list[Span]:
    """Long stretches without strong tokens, away from what differs, are folded."""
    result: list[Span] = []
    for span in spans:
        if span.own or span.style or span.tokens < LONG_RUN:
            result.append(span)
            continue
        cut = max(1, len(span.text) * CONTEXT // span.tokens)
        head, middle, tail = span.text[:cut], span.text[cut:-cut], span.text[-cut:]
        result += [
            Span(head, "", False),
            Span(middle, "", False, folded=True, tokens=span.tokens - 2 * CONTEXT),
            Span(tail, "", False),
        ]
    return result
