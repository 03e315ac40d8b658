"""Months on post (I7, I9): the clock, what stops it, what is carried over; and semesters under a local calendar (I8)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.errors import FactsRefused
from workflows.policies import semesters_fully_served, whole_months
from workflows.policies.on_post import OnPostMonths, on_post_months
from workflows.policies.school_years import TERMS, Terms

days = st.dates(date(2005, 1, 1), date(2024, 12, 31))
periods = st.tuples(days, st.integers(0, 900)).map(lambda one: (one[0], one[0] + timedelta(days=one[1])))
DAY = timedelta(days=1)


def away(start: date, end: date | None, kind: str = "借调") -> dict[str, Any]:
    return {"start": start.isoformat(), "end": end.isoformat() if end else None, "kind": kind}


def counted(base: date, day: date, *absences: dict[str, Any]) -> OnPostMonths:
    return on_post_months(base, day, absences, longer_than=1, always_counted=["寒暑假"], one_semester=["访问学者"])


class TestClock:
    @given(days, st.integers(0, 4000))
    def test_without_absence_it_is_the_whole_months_up_to_yesterday(self, base: date, length: int) -> None:
        day = base + timedelta(days=length)
        assert counted(base, day).months == (whole_months(base, day - DAY) if length else 0)

    @given(days, st.lists(periods, max_size=5))
    def test_an_absence_never_adds_and_every_day_is_counted_or_excluded(self, base: date, spans: list[tuple[date, date]]) -> None:
        day = date(2026, 9, 1)
        rows = [away(*span) for span in spans]
        answer = counted(base, day, *rows)
        assert 0 <= answer.months <= counted(base, day).months
        assert answer.months == sum(span.months for span in answer.spans)
        excluded = {
            span[0] + timedelta(days=n)
            for span, row in zip(spans, answer.rows, strict=True) if not row.counted
            for n in range((span[1] - span[0]).days + 1)
        }
        on_post = {span.start + timedelta(days=n) for span in answer.spans for n in range((span.end - span.start).days + 1)}
        assert not on_post & excluded
        assert on_post | excluded >= {base + timedelta(days=n) for n in range((day - base).days)}

    @given(days, st.lists(periods, max_size=5))
    def test_order_and_repetition_change_nothing(self, base: date, spans: list[tuple[date, date]]) -> None:
        rows = [away(*span) for span in spans]
        again = counted(base, date(2026, 9, 1), *reversed(rows), *rows)
        assert (again.months, again.days) == (lambda one: (one.months, one.days))(counted(base, date(2026, 9, 1), *rows))

    @given(days, st.integers(0, 60), st.integers(2, 30))
    def test_whole_months_away_put_the_clock_off_by_as_many(self, base: date, before: int, gone: int) -> None:
        """Away from a day for whole months: whoever returns goes on where the clock stood, on the first of a month."""
        base = base.replace(day=1)
        left, back = months_on(base, before), months_on(base, before + gone)
        day = months_on(base, 200)
        assert counted(base, day, away(left, back - DAY)).months == 200 - gone

    def test_the_days_of_a_begun_month_go_on_after_the_absence(self) -> None:
        answer = counted(date(2020, 9, 1), date(2026, 3, 1), away(date(2022, 3, 15), date(2022, 9, 14)))
        assert (answer.months, answer.days) == (60, 0)
        assert [(span.start, span.end, span.months) for span in answer.spans] == [
            (date(2020, 9, 1), date(2022, 3, 14), 18), (date(2022, 9, 15), date(2026, 2, 28), 42),
        ]

    @pytest.mark.parametrize(("base", "day", "months", "days"), [
        (date(2026, 1, 31), date(2026, 3, 1), 1, 0),
        (date(2026, 1, 31), date(2026, 2, 28), 0, 28),
        (date(2025, 12, 31), date(2026, 3, 5), 2, 4),
        (date(2024, 2, 29), date(2025, 3, 1), 12, 0),
        (date(2026, 9, 1), date(2026, 9, 1), 0, 0),
    ])
    def test_months_without_the_day_end_on_their_last(self, base: date, day: date, months: int, days: int) -> None:
        assert (counted(base, day).months, counted(base, day).days) == (months, days)


class TestFull:
    @given(days, st.lists(periods, max_size=4), st.integers(1, 90))
    def test_the_months_are_full_on_that_day_and_not_the_day_before(
        self, base: date, spans: list[tuple[date, date]], months: int,
    ) -> None:
        rows = [away(*span) for span in spans]
        full = counted(base, date(2040, 1, 1), *rows).full_on(months)
        assert full is not None
        assert counted(base, full, *rows).months >= months
        assert counted(base, full - DAY, *rows).months < months

    def test_a_day_to_come_supposes_no_further_absence(self) -> None:
        assert counted(date(2021, 9, 1), date(2024, 1, 1)).full_on(60) == date(2026, 9, 1)
        gone = away(date(2022, 3, 15), date(2022, 9, 14))
        assert counted(date(2020, 9, 1), date(2024, 1, 1), gone).full_on(60) == date(2026, 3, 1)

    def test_nobody_knows_it_of_somebody_who_is_away(self) -> None:
        assert counted(date(2021, 9, 1), date(2024, 1, 1), away(date(2023, 6, 1), None)).full_on(60) is None
        assert counted(date(2021, 9, 1), date(2024, 1, 1), away(date(2023, 6, 1), None)).full_on(12) == date(2022, 9, 1)


class TestAbsences:
    @pytest.mark.parametrize(("start", "end", "kind", "stays"), [
        (date(2023, 3, 1), date(2023, 3, 31), "借调", True),
        (date(2023, 3, 1), date(2023, 4, 1), "借调", False),
        (date(2023, 2, 15), date(2023, 3, 14), "病假", True),
        (date(2023, 2, 15), date(2023, 3, 15), "病假", False),
        (date(2023, 9, 1), date(2024, 1, 31), "访问学者", True),
        (date(2023, 9, 1), date(2024, 2, 1), "访问学者", False),
        (date(2023, 2, 1), date(2023, 8, 31), "访问学者", True),
        (date(2023, 2, 1), date(2023, 9, 1), "访问学者", False),
        (date(2023, 11, 1), date(2024, 3, 31), "访问学者", True),
        (date(2023, 11, 1), date(2024, 4, 1), "访问学者", False),
        (date(2022, 1, 1), date(2023, 12, 31), "寒暑假", True),
    ])
    def test_what_stops_the_clock(self, start: date, end: date, kind: str, stays: bool) -> None:
        (row,) = counted(date(2020, 9, 1), date(2025, 9, 1), away(start, end, kind)).rows
        assert row.counted is stays and row.reason

    def test_adjoining_absences_are_one(self) -> None:
        rows = (away(date(2023, 3, 1), date(2023, 3, 20), "病假"), away(date(2023, 3, 21), date(2023, 4, 10), "病假"))
        assert [row.counted for row in counted(date(2020, 9, 1), date(2025, 9, 1), *rows).rows] == [False, False]
        apart = (rows[0], away(date(2023, 3, 22), date(2023, 4, 10), "病假"))
        assert [row.counted for row in counted(date(2020, 9, 1), date(2025, 9, 1), *apart).rows] == [True, True]

    def test_who_is_not_back_is_away_until_the_day(self) -> None:
        assert counted(date(2020, 9, 1), date(2026, 3, 1), away(date(2025, 3, 1), None)).months == 54

    @pytest.mark.parametrize(("row", "told"), [
        (away(date(2023, 3, 2), date(2023, 3, 1)), "结束日期不能早于开始日期"),
        ({"start": None, "end": None, "kind": "借调"}, "缺少起始日期"),
        ({"start": "2023-02-30", "end": None, "kind": "借调"}, "起始日期不是日期"),
    ])
    def test_a_row_that_cannot_be_read_is_refused(self, row: dict[str, Any], told: str) -> None:
        with pytest.raises(FactsRefused, match=told):
            counted(date(2020, 9, 1), date(2026, 3, 1), row)

    def test_a_base_date_to_come_is_refused(self) -> None:
        with pytest.raises(FactsRefused, match="晚于判定日"):
            counted(date(2026, 9, 2), date(2026, 9, 1))


class TestTerms:
    LOCAL = Terms.of({"第一学期": ["08-25", "01-15"], "第二学期": ["02-20", "07-10"]})

    def test_a_local_calendar_moves_both_ends(self) -> None:
        start, end = date(2025, 8, 25), date(2026, 7, 10)
        assert len(semesters_fully_served(start, end, self.LOCAL)) == 2
        assert len(semesters_fully_served(start, end)) == 1
        assert len(semesters_fully_served(start + DAY, end, self.LOCAL)) == 1
        assert len(semesters_fully_served(start, end - DAY, self.LOCAL)) == 1

    def test_those_of_the_interpretation_are_the_default(self) -> None:
        assert Terms.of({"第一学期": ["09-01", "01-31"], "第二学期": ["02-01", "08-31"]}) == TERMS

    @pytest.mark.parametrize("semesters", [
        {"第一学期": ["13-01", "01-31"], "第二学期": ["02-01", "08-31"]},
        {"第一学期": ["9月1日", "01-31"], "第二学期": ["02-01", "08-31"]},
    ])
    def test_what_is_no_day_is_refused(self, semesters: dict[str, list[str]]) -> None:
        with pytest.raises(ValueError, match=r"month|invalid literal"):
            Terms.of(semesters)


def months_on(day: date, months: int) -> date:
    total = day.month - 1 + months
    return date(day.year + total // 12, total % 12 + 1, day.day)
