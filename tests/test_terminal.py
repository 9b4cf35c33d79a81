"""No text of a model or a file steers the terminal, or makes up a line of its own."""

from __future__ import annotations

import pytest

from rmaudit.terminal import one_line, printable


def test_text_of_several_lines_keeps_them() -> None:
    assert printable("a\n\tb\x1b[2J\u2028c") == "a\n\tb\\u001b[2J\\u2028c"


@pytest.mark.parametrize("character", ["\n", "\r", "\t", "\x0b", "\x85", "\u2028", "\u2029", "\u202e", "\x9b"])
def test_one_line_stays_one(character: str) -> None:
    shown = one_line(f"a{character}PASS")
    assert shown == f"a\\u{ord(character):04x}PASS"
    assert len(shown.splitlines()) == 1
