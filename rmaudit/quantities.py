"""Numbers as a reader wants them: few digits, a real minus sign, a unit, and no line break inside.

Every string made here uses U+2212 for minus and U+00A0 for spaces, so a number never breaks over two lines; `plain`
gives the ordinary spaces and hyphens back, for text that is copied and searched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

SPACE = "\u00a0"
MINUS = "\u2212"
HYPHEN = "\u2011"
SUPERSCRIPTS = str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
PERCENT_UNITS = frozenset({"share", "fraction", "rate", "proportion"})
MOST_DECIMALS = 5
Interval = tuple[float, float]


def number(value: float | None, decimals: int | None = None, *, signed: bool = False) -> str:
    """`-0.94321` as `−0.94`. decimals: None picks about two significant digits; signed: a plus sign where positive."""
    if value is None:
        return "\u2014"
    if not math.isfinite(value):
        return "not finite"
    if decimals is None:
        decimals = _own_decimals(value)
        while decimals > 2 and round(value, decimals) == round(value, decimals - 1) != 0:
            decimals -= 1  # 0.0090 says no more than 0.009
    if value != 0 and abs(value) < 0.5 * 10.0**-MOST_DECIMALS and decimals >= MOST_DECIMALS:
        return _scientific(value)
    digits = f"{abs(value):,.{decimals}f}"
    if not any(digit in digits for digit in "123456789"):
        return digits
    return (MINUS if value < 0 else "+" if signed else "") + digits


def trimmed(value: float) -> str:
    """Two significant digits without closing zeros: `0.2`, `0.08`, `60`."""
    text = number(value, _two_digits(value))
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(value: float | None) -> str:
    """A whole number with thousands separators."""
    return "\u2014" if value is None else number(float(value), 0)


def range_of(interval: Sequence[float], decimals: int | None = None) -> str:
    """`0.86 to 1.02`, both ends with the same number of decimals."""
    decimals = shared_decimals(interval) if decimals is None else decimals
    return SPACE.join([number(interval[0], decimals), "to", number(interval[1], decimals)])


def p_value(p: float | None) -> str:
    """`< 0.001`, `0.012`; a dash where there is none."""
    if p is None:
        return "\u2014"
    if p < 0.001:
        return f"<{SPACE}0.001"
    return f"{p:.{3 if p < 0.1 else 2}f}"


def price_of(price: float) -> str:
    """A price, to a hundredth of the gap."""
    return number(price, 2)


def percent(share: float, decimals: int = 0) -> str:
    """`0.95` as `95 %`."""
    return f"{number(share * 100, decimals)}{SPACE}%"


def shared_decimals(interval: Sequence[float]) -> int:
    """Decimals that show an interval's half width with one digit, or two where the first is small."""
    half = abs(interval[1] - interval[0]) / 2
    if half == 0 or not math.isfinite(half):
        return _own_decimals(interval[1])
    exponent = math.floor(math.log10(half))
    leading = half / 10.0**exponent
    return min(max(-exponent + (1 if leading < 2 else 0), 0), MOST_DECIMALS)


def _own_decimals(value: float) -> int:
    size = abs(value)
    if size >= 100 or not math.isfinite(size) or size == int(size):
        return 0
    return 1 if size >= 10 else min(max(1 - math.floor(math.log10(size)), 2), MOST_DECIMALS)


def _two_digits(value: float) -> int:
    size = abs(value)
    return min(max(1 - math.floor(math.log10(size)), 0), MOST_DECIMALS) if 0 < size < math.inf else 0


def _scientific(value: float) -> str:
    mantissa, exponent = f"{abs(value):.1e}".split("e")
    power = str(int(exponent)).translate(SUPERSCRIPTS)
    return f"{MINUS if value < 0 else ''}{mantissa}{SPACE}\u00d7{SPACE}10{power}"


class Scale:
    """How the numbers of one finding are written: its unit, sign and decimals, the same for all of them.

    A share (0 to 1) is written in percent, a difference in SD with its sign.
    """

    def __init__(self, unit: str, value: float | None = None, interval: Interval | None = None) -> None:
        self.as_percent = unit.strip().lower() in PERCENT_UNITS
        self.unit = "%" if self.as_percent else unit.strip()
        self.factor = 100.0 if self.as_percent else 1.0
        self.signed = unit.startswith("SD")
        self.decimals = self._fitting(value, interval)

    def _fitting(self, value: float | None, interval: Interval | None) -> int | None:
        """Decimals for value and interval alike; below ten at least two, as the sentences of the probes have."""
        if interval is None:
            return None
        ends = (interval[0] * self.factor, interval[1] * self.factor)
        largest = max(abs(ends[0]), abs(ends[1]), abs((value or 0.0) * self.factor))
        return max(shared_decimals(ends), 0 if self.as_percent or largest >= 10 else 2)

    def bare(self, value: float | None, *, signed: bool | None = None) -> str:
        """The number without its unit."""
        if value is None:
            return number(None)
        return number(value * self.factor, self.decimals, signed=self.signed if signed is None else signed)

    def full(self, value: float | None, *, signed: bool | None = None) -> str:
        """The number with its unit, unbreakable."""
        text = self.bare(value, signed=signed)
        return with_unit(text, self.unit) if value is not None else text

    def size(self, value: float | None) -> str:
        """A margin or a detectable effect: never signed, its own digits, with the unit up to ` per `."""
        if value is None:
            return number(None)
        return with_unit(trimmed(value * self.factor), self.unit.partition(" per ")[0])

    def signed_size(self, value: float) -> str:
        """A limit: like size, but a limit below zero keeps its minus."""
        return (MINUS if value < 0 else "") + self.size(abs(value))

    def bare_range(self, interval: Interval) -> str:
        """The interval without its unit."""
        return range_of((interval[0] * self.factor, interval[1] * self.factor), self.decimals)

    def range(self, interval: Interval | None) -> str:
        """The interval, with the unit up to ` per `."""
        if interval is None:
            return number(None)
        return with_unit(self.bare_range(interval), self.unit.partition(" per ")[0])


def with_unit(text: str, unit: str) -> str:
    """Join a number and its unit, so that no line breaks between them or at a short unit's hyphen."""
    unit = unit.replace("-", HYPHEN) if len(unit) <= 12 else unit
    return f"{text}{SPACE}{unit}" if unit else text


def plain(text: str) -> str:
    """The same text with ordinary spaces and hyphens: for a terminal and for JSON, where nothing breaks lines."""
    return text.replace(SPACE, " ").replace(HYPHEN, "-")


def real_minus(sentence: str) -> str:
    """The same sentence with minus signs instead of hyphens before numbers.

    >>> real_minus("-0.06 (-1 to 1), length-2")
    '−0.06 (−1 to 1), length-2'
    """
    return re.sub(r"(?<![\w-])-(?=\d)", MINUS, sentence)
