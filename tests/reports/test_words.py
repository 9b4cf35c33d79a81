"""Hidden characters, differences and attributions in words, one by one."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rmaudit_reports.differences import Segment, differing, shared
from rmaudit_reports.html.sources import parts, strength
from rmaudit_reports.visible import visible


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
