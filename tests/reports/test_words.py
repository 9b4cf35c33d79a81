"""Numbers, hidden characters, differences and margins, one by one."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rmaudit.record import Finding
from rmaudit_reports import quantities, regions
from rmaudit_reports.differences import Segment, differing, shared
from rmaudit_reports.html.sources import parts, strength
from rmaudit_reports.visible import visible
from tests.reports.records import finding


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.94321, "0.94"), (-0.0123, "\u22120.012"), (0.009, "0.009"), (0.0, "0"), (-0.0, "0"), (12.34, "12.3"),
        (1204.0, "1,204"), (2e-8, "2.0\u00a0×\u00a010⁻⁸"), (None, "—"), (float("nan"), "not finite"),
    ],
)  # fmt: skip
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert quantities.number(value) == text


def test_a_rounded_zero_has_no_sign() -> None:
    assert quantities.number(-0.001, 2) == "0.00"
    assert quantities.number(0.001, 2, signed=True) == "0.00"


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ((0.857, 1.021), "0.86 to 1.02"),
        ((-0.061, 0.04), "\u22120.06 to 0.04"),
        ((3.2, 11.7), "3 to 12"),
        ((0.5, 0.5), "0.50 to 0.50"),
    ],
)
def test_an_interval_shows_as_many_digits_as_it_knows(interval: tuple[float, float], text: str) -> None:
    assert quantities.range_of(interval).replace("\u00a0", " ") == text


def test_a_share_is_written_in_percent() -> None:
    scale = quantities.Scale("share", 0.714, (0.58, 0.82))
    assert scale.full(0.714) == "71\u00a0%"
    assert scale.range((0.58, 0.82)).replace("\u00a0", " ") == "58 to 82 %"
    assert scale.size(0.6) == "60\u00a0%"


def test_an_effect_has_its_sign_and_unit() -> None:
    scale = quantities.Scale("SD per doubling", 0.94, (0.86, 1.02))
    assert scale.full(0.94) == "+0.94\u00a0SD per doubling"
    assert scale.size(0.2) == "0.2\u00a0SD"


@pytest.mark.parametrize(("p", "text"), [(1e-9, "<\u00a00.001"), (0.0123, "0.012"), (0.456, "0.46"), (None, "—")])
def test_p_values(p: float | None, text: str) -> None:
    assert quantities.p_value(p) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a⟨U+202E⟩b"), ("\x1b[31m", "⟨U+001B⟩[31m"), ("tab\tline\n", "tab\tline\n"), ("a\r\nb", "a\nb"),
        ("\ud800", "⟨U+D800⟩"), ("zero\u200bwidth", "zero⟨U+200B⟩width"), ("a\u200db", "a⟨U+200D⟩b"),
        ("👩\u200d🚀", "👩\u200d🚀"), ("می\u200cخواهم", "می\u200cخواهم"), ("naïve 日本", "naïve 日本"),
    ],
)  # fmt: skip
def test_hidden_characters_are_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("left", "right"),
    [("a b c", "a x y c"), ("", "all new"), ("same", "same"), ("a  b\n", "b a"), ("x" * 9, "x " * 5000)],
)
def test_differences_join_to_the_texts(left: str, right: str) -> None:
    for text, segments in zip((left, right), differing(left, right), strict=True):
        assert "".join(segment.text for segment in segments) == text
        assert all(one.changed != other.changed for one, other in pairwise(segments))


def test_differences_are_whole_words() -> None:
    left, right = differing("boil it for nine minutes", "boil it for ten long minutes")
    assert left == [Segment("boil it for ", False), Segment("nine", True), Segment(" minutes", False)]
    assert right == [Segment("boil it for ", False), Segment("ten long", True), Segment(" minutes", False)]


def _judged(unit: str, kind: str, value: float) -> Finding:
    return finding("p", "m", value, None, unit=unit, kind=kind, negligible=0.6)


@pytest.mark.parametrize(
    ("kind", "side"),
    [
        ("effect", regions.INSIDE),
        ("share", regions.AT_MOST),
        ("amount", regions.AT_MOST),
        ("agreement", regions.AT_LEAST),
        ("reliability", regions.AT_LEAST),
    ],
)
def test_which_side_of_the_margin_is_harmless(kind: str, side: str) -> None:
    assert regions.side(_judged("SD", kind, 0.5)) == side


def test_severity_orders_units_alike() -> None:
    assert regions.severity(_judged("tau-b", "agreement", -0.7)) > 2
    assert regions.severity(_judged("tau-b", "agreement", 0.9)) < 1
    assert regions.severity(_judged("SD", "effect", -1.2)) == 2


def test_a_value_has_the_decimals_of_its_interval_and_at_least_two_below_ten() -> None:
    assert quantities.Scale("tau-b", -0.0625, (-0.49, 0.36)).full(-0.0625) == "\u22120.06\u00a0tau\u2011b"
    assert quantities.Scale("words", 38.2, (30.0, 46.4)).full(38.2) == "38\u00a0words"


def test_texts_that_share_nothing_share_nothing() -> None:
    one, other = differing("one two three", "vier fünf")
    assert (shared(one), shared(other)) == (0.0, 0.0)
    assert shared(differing("a b", "a b c")[0]) == 1.0


def test_strength_needs_no_colour() -> None:
    assert [strength(value, 1.0) for value in (1.0, 0.4, -0.1, 0.05, -0.7)] == [
        "up s3",
        "up s2",
        "down s1",
        "",
        "down s3",
    ]
    assert strength(0.0, 0.0) == ""


def test_part_bars_share_one_scale() -> None:
    first, second = parts([("layer 0", 1.0), ("layer 1", -1.0)])
    assert (first.start, first.width, first.raises) == (95.0, 95.0, True)
    assert (second.start, second.width, second.raises) == (0.0, 95.0, False)
