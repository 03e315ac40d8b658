"""What a person types becomes a plain value, or a reason in the office's words; the text typed is kept either way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from stdnum.cn import ric

from forms import fields, patterns, templates
from forms.checksums import identity_agrees, identity_birth_date
from forms.fields import Unreadable, length, trimmed
from tests.forms.papers import NOW

READ: list[tuple[Any, str, Any]] = [
    (fields.read_line, "  李明月　", "李明月"),
    (fields.read_lines, "一\r\n二\r三", "一\n二\n三"),
    (fields.read_line, "𠮷田", "𠮷田"),
    (fields.read_identity, "21010519880315002x", "21010519880315002X"),
    (fields.read_narrow, "１３８００１３８０００", "13800138000"),
    (fields.read_number, "", None),
    (fields.read_number, "０７２", 72),
    (fields.read_number, "72.50", Decimal("72.50")),
    (fields.read_number, "72.0", 72),
    (fields.read_number, "-3", -3),
    (fields.read_money, "1,234.5", Decimal("1234.50")),
    (fields.read_money, "12", Decimal("12.00")),
    (fields.read_day, "2026-09-01", "2026-09-01"),
    (fields.read_day, "2026年9月1日", "2026-09-01"),
    (fields.read_day, "2026/9/1", "2026-09-01"),
    (fields.read_day, " ", None),
    (fields.read_moment, "2026-11-21T09:00", "2026-11-21T09:00:00+08:00"),
    (fields.read_choice, "甲", "甲"),
    (fields.read_choice, "", None),
]


@pytest.mark.parametrize(("read", "text", "value"), READ)
def test_reading(read: Any, text: str, value: Any) -> None:
    got = read(text)
    assert got == value and type(got) is type(value)


WRONG: list[tuple[Any, str, str]] = [
    (fields.read_line, "坏\x00字", "E_TEXT"),
    (fields.read_line, "坏\x07字", "E_TEXT"),
    (fields.read_line, "一\n二", "E_TEXT"),
    (fields.read_line, "行\u202e反", "E_TEXT"),
    (fields.read_lines, "坏\x1b[31m", "E_TEXT"),
    (fields.read_line, "\ud800", "E_TEXT"),
    (fields.read_number, "十二", "E_FORMAT"),
    (fields.read_number, "1e3", "E_FORMAT"),
    (fields.read_number, "NaN", "E_FORMAT"),
    (fields.read_number, "--1", "E_FORMAT"),
    (fields.read_number, "٣", "E_FORMAT"),
    (fields.read_number, "9" * 40, "E_FORMAT"),
    (fields.read_money, "-1", "E_MONEY"),
    (fields.read_money, "1.234", "E_MONEY"),
    (fields.read_money, "1,23", "E_MONEY"),
    (fields.read_day, "2026-02-30", "E_FORMAT"),
    (fields.read_day, "0000-01-01", "E_FORMAT"),
    (fields.read_day, "昨天", "E_FORMAT"),
    (fields.read_moment, "2026-11-21T25:00", "E_FORMAT"),
]


@pytest.mark.parametrize(("read", "text", "code"), WRONG)
def test_refusing(read: Any, text: str, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(text)
    assert refused.value.kind[0] == code


@pytest.mark.parametrize(
    ("number", "birth"),
    [
        ("11010519491231002X", "1949-12-31"),
        ("440524188001010014", "1880-01-01"),
        ("210105198803150022", "1988-03-15"),
    ],
)
def test_identity_numbers(number: str, birth: str) -> None:
    found = identity_birth_date(number)
    assert found is not None and found.isoformat() == birth
    assert identity_agrees(number, found) and not identity_agrees(number, NOW.date())


@pytest.mark.parametrize(
    "number", ["", "1101051949123100", "110105194912310021", "11010519490231002X", "1101051949123100²X", "x" * 18]
)
def test_wrong_identity_numbers(number: str) -> None:
    assert not identity_agrees(number, None)


def test_a_region_made_after_the_birth_is_accepted() -> None:
    """A person keeps the number when the region is cut anew; stdnum's table of regions would refuse it."""
    body = "35021219800101123"
    assert identity_agrees(body + ric.calc_check_digit(body + "0"), None)


def test_lengths_are_those_of_the_browser() -> None:
    assert length("教研") == 2 and length("𠮷") == 2 and length("e\u0301") == 2
    assert trimmed("\ufeff\u3000 x \u00a0\n") == "x"


@pytest.mark.parametrize("pattern", [r"^\d{11}$", "^[A-Z]{2}$", "a|b", "^(?:甲|乙)$"])
def test_patterns_both_sides_read(pattern: str) -> None:
    assert patterns.refusal(pattern) is None


def test_a_pattern_ends_at_the_end() -> None:
    assert patterns.matches(r"^\d+$", "12") and not patterns.matches(r"^\d+$", "12\n")
    assert not patterns.matches(r"^\d+$", "１２")


def test_texts_quote_values_in_words() -> None:
    context = {"policy": {"n": Decimal("72.00"), "kinds": ["中小学", "幼儿园"], "yes": True}}
    text = "{{policy.n}}个月；{{policy.kinds}}；{{policy.yes}}；{{policy.none}}。"
    assert templates.fill(text, context, now=NOW) == "72个月；中小学、幼儿园；是；。"
