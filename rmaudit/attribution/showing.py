"""An attribution as a few lines of text for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

_BAR = 20
_TOKENS_SHOWN = 10
_DIMENSIONS_SHOWN = 5
_LABEL = 22


def attribution_text(fields: dict[str, Any]) -> str:
    """The text of an attribution given as its dictionary form (Attribution.as_dict)."""
    against, margin = fields["against"], fields["margin"]
    differs = margin["differs"] if margin else None
    lines = _one_side("score", fields, differs)
    if against and margin:
        lines += ["", *_one_side("score of the other", against, margin["differs_against"]), "", *_margin(fields)]
    lines += ["", f"exact parts add up to within {fields['completeness_error']:.1g}"]
    return "\n".join(lines)


def _one_side(title: str, fields: dict[str, Any], differs: list[bool] | None) -> list[str]:
    residual, head, tokens = fields["residual"], fields["head"], fields["tokens"]
    parts = [(part["name"], part["value"]) for part in residual]
    parts += [("head bias", fields["bias"])] if fields["bias"] else []
    lines = [f"{title} {fields['score']:+.6g}", "by layer, at the position where the score is read", *_bars(parts)]
    lines += ["by dimension of the readout", *_bars(_dimensions(head))]
    if tokens:
        lines += _token_lines(tokens, differs)
    return lines


def _margin(fields: dict[str, Any]) -> list[str]:
    margin = fields["margin"]
    parts = [(part["name"], part["value"]) for part in margin["residual"]]
    return [
        f"margin {margin['value']:+.6g} (score minus score of the other)",
        "by layer",
        *_bars(parts),
        "by dimension of the readout",
        *_bars(_dimensions(margin["head"])),
    ]


def _dimensions(head: dict[str, Any]) -> list[tuple[str, float]]:
    parts = [(f"dimension {part['dimension']}", part["value"]) for part in head["top"]]
    shown, hidden = parts[:_DIMENSIONS_SHOWN], parts[_DIMENSIONS_SHOWN:]
    others, rest = head["others"] + len(hidden), head["rest"] + sum(value for _, value in hidden)
    return [*shown, (f"the other {others}", rest)] if others else shown


def _token_lines(tokens: dict[str, Any], differs: list[bool] | None) -> list[str]:
    if tokens["values"] is None:
        return [f"by token: {tokens['refusal']}"]
    marks = differs or [False] * len(tokens["values"])
    order = sorted(range(len(marks)), key=lambda index: -abs(tokens["values"][index]))[:_TOKENS_SHOWN]
    shown = [(f"{'*' if marks[i] else ' '}{i} '{visible(tokens['texts'][i])}'", tokens["values"][i]) for i in order]
    note = "; * is not in the other" if differs else ""
    return [
        f"by token, {len(shown)} largest of {len(marks)}{note}",
        *_bars(shown),
        f"  against {tokens['baseline_score']:+.6g}, {visible(tokens['baseline'])}",
        f"  integrated gradients, {tokens['steps']} steps, error {tokens['error']:.2g} (allowed {tokens['allowed']:.2g})",
    ]


def _bars(parts: Iterable[tuple[str, float]]) -> list[str]:
    """One line a part: name, signed number, and a bar of plus or minus signs relative to the largest part."""
    parts = list(parts)
    largest = max((abs(value) for _, value in parts), default=0.0) or 1.0
    lines = [
        f"  {name:<{_LABEL}.{_LABEL}} {value:+12.5g}  {('+' if value > 0 else '-') * round(_BAR * abs(value) / largest)}"
        for name, value in parts
    ]
    return [line.rstrip() for line in lines]


def visible(text: str) -> str:
    """Text that cannot steer a terminal: controls, line breaks, bidi marks and the like become backslash escapes."""
    shown = []
    for character in text:
        harmless = unicodedata.category(character)[0] not in "CZ" or character == " "
        shown.append(character if harmless else character.encode("unicode_escape").decode("ascii"))
    return "".join(shown)
