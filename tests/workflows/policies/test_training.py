"""Training hours (I10, I11): exact tenths, only what was recognised, only in its own year."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.errors import FactsRefused
from workflows.policies.training import is_hours, training_hours

tenths = st.integers(0, 2000).map(lambda n: Decimal(n) / 10)


def record(hours: Decimal | None, year: int = 2026, claimed: Decimal | None = None) -> dict[str, Any]:
    return {"date": f"{year}-05-01", "hours_claimed": claimed, "hours_recognised": hours}


@given(st.lists(tenths, max_size=30))
def test_tenths_add_up_exactly(hours: list[Decimal]) -> None:
    assert training_hours([record(one) for one in hours], 2026).total * 10 == sum(int(one * 10) for one in hours)


@given(st.lists(st.tuples(st.none() | tenths, st.integers(2024, 2028)), max_size=20), st.integers(2024, 2028))
def test_what_is_not_audited_or_of_another_year_never_counts(rows: list[tuple[Decimal | None, int]], year: int) -> None:
    answer = training_hours([record(*row) for row in rows], year)
    assert answer.total == sum(hours for hours, of in rows if of == year and hours is not None)
    assert [row.counted for row in answer.rows] == [of == year and hours is not None for hours, of in rows]
    assert all(row.reason for row in answer.rows)


@given(tenths)
def test_nothing_is_carried_over_between_the_years(hours: Decimal) -> None:
    rows = [record(hours, 2025), record(hours, 2026)]
    assert training_hours(rows, 2025).total == training_hours(rows, 2026).total == hours


@pytest.mark.parametrize(("number", "fits"), [
    ("72", True), ("71.9", True), ("0", True), ("0.5", True), ("7.20", True), ("71.96", False), ("71.95", False), ("-0.1", False),
])
def test_hours_keep_one_decimal_and_are_never_rounded(number: str, fits: bool) -> None:
    assert is_hours(Decimal(number)) is fits


@pytest.mark.parametrize(("row", "year", "told"), [
    (record(Decimal("71.96")), 2026, "至多一位小数"),
    (record(Decimal(-1)), 2026, "应不小于 0"),
    (record(Decimal(9), claimed=Decimal(8)), 2026, "多于申报学时"),
    ({"date": "5月1日", "hours_recognised": Decimal(8)}, 2026, "日期不是日期"),
    (record(Decimal(8)), Decimal("2026.5"), "不是年度"),
    (record(Decimal(8)), 26, "不是年度"),
])
def test_what_cannot_be_hours_is_refused(row: dict[str, Any], year: Any, told: str) -> None:
    with pytest.raises(FactsRefused, match=told):
        training_hours([row], year)
