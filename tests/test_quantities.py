"""Numbers as a reader wants them."""

from __future__ import annotations

import pytest

from rmaudit import quantities


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


def test_plain_text_has_ordinary_spaces_and_hyphens() -> None:
    assert quantities.plain(quantities.Scale("tau-b").full(-0.0625)) == "\u22120.062 tau-b"


def test_a_value_has_the_decimals_of_its_interval_and_at_least_two_below_ten() -> None:
    assert quantities.Scale("tau-b", -0.0625, (-0.49, 0.36)).full(-0.0625) == "\u22120.06\u00a0tau\u2011b"
    assert quantities.Scale("words", 38.2, (30.0, 46.4)).full(38.2) == "38\u00a0words"
