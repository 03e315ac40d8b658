"""Arithmetic of packs: whole months, working days, reminders, school years; properties and an independent calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.errors import CalendarUnknown, FactsRefused
from workflows.policies import (
    SHANGHAI,
    Calendar,
    add_working_days,
    functions,
    load,
    reminders,
    school_year_of,
    semester_of,
    semesters_fully_served,
    teaching_months,
    whole_months,
    working_days_between,
)

ALL = ("中小学", "高校")
DUTIES = ("课堂教学",)
PACKS = load({file.name: file.read_bytes() for file in
              (Path(__file__).resolve().parents[3] / "bpmn" / "policies").glob("*.toml")})
CALENDAR: Calendar = PACKS.calendar

days = st.dates(date(2000, 1, 1), date(2030, 12, 31))
known_days = st.dates(date(2024, 1, 1), date(2026, 9, 1))


def row(start: date, end: date | None, unit: str = "中小学", duty: str = "课堂教学") -> dict[str, object]:
    return {"start": start.isoformat(), "end": end.isoformat() if end else None, "unit_kind": unit, "duty": duty}


periods = st.tuples(days, st.integers(0, 2000)).map(lambda one: (one[0], one[0] + timedelta(days=one[1])))


class TestWholeMonths:
    @pytest.mark.parametrize(("start", "end", "months"), [
        (date(2026, 9, 1), date(2026, 9, 30), 1),
        (date(2026, 9, 1), date(2026, 9, 29), 0),
        (date(2026, 9, 1), date(2026, 9, 1), 0),
        (date(2023, 1, 31), date(2023, 2, 28), 1),
        (date(2024, 1, 31), date(2024, 2, 28), 0),
        (date(2024, 1, 31), date(2024, 2, 29), 1),
        (date(2026, 1, 31), date(2026, 4, 29), 2),
        (date(2026, 1, 31), date(2026, 4, 30), 3),
        (date(2024, 2, 29), date(2025, 2, 27), 11),
        (date(2024, 2, 29), date(2025, 2, 28), 12),
    ])
    def test_a_begun_month_does_not_count(self, start: date, end: date, months: int) -> None:
        assert whole_months(start, end) == months

    @given(days, st.integers(0, 4000))
    def test_a_day_more_never_takes_a_month_away_and_adds_at_most_one(self, start: date, length: int) -> None:
        end = start + timedelta(days=length)
        assert 0 <= whole_months(start, end + timedelta(days=1)) - whole_months(start, end) <= 1

    @given(days, st.integers(0, 4000))
    def test_months_are_never_rounded_up(self, start: date, length: int) -> None:
        assert whole_months(start, start + timedelta(days=length)) * 28 <= length + 1


class TestTeachingMonths:
    @given(st.lists(periods, max_size=6))
    def test_order_and_repetition_of_rows_change_nothing(self, spans: list[tuple[date, date]]) -> None:
        rows = [row(*span) for span in spans]
        once = teaching_months(rows, date(2030, 1, 1), ALL, DUTIES)
        again = teaching_months([*reversed(rows), *rows], date(2030, 1, 1), ALL, DUTIES)
        assert once.months == again.months and once.spans == again.spans

    @given(st.lists(periods, max_size=6), periods)
    def test_one_more_row_never_lowers_the_days_covered(
        self, spans: list[tuple[date, date]], more: tuple[date, date],
    ) -> None:
        def covered(rows: list[dict[str, object]]) -> set[date]:
            found = teaching_months(rows, date(2030, 1, 1), ALL, DUTIES)
            return {span.start + timedelta(days=day) for span in found.spans
                    for day in range((span.end - span.start).days + 1)}

        rows = [row(*span) for span in spans]
        assert covered(rows) <= covered([*rows, row(*more)])

    @given(st.lists(periods, max_size=5), st.lists(periods, max_size=5))
    def test_rows_that_do_not_count_change_nothing_and_say_why(
        self, counted: list[tuple[date, date]], others: list[tuple[date, date]],
    ) -> None:
        rows = [row(*span) for span in counted]
        noise = [row(*span, duty="行政") for span in others] + [row(*span, unit="其他") for span in others]
        with_noise = teaching_months(rows + noise, date(2030, 1, 1), ALL, DUTIES)
        assert with_noise.months == teaching_months(rows, date(2030, 1, 1), ALL, DUTIES).months
        assert all(evidence.reason.startswith("不计") for evidence in with_noise.rows[len(rows):])

    def test_spans_end_at_the_closing_day(self) -> None:
        found = teaching_months([row(date(2020, 1, 1), None), row(date(2026, 10, 2), None)],
                                datetime(2026, 9, 30, 18, tzinfo=SHANGHAI), ALL, DUTIES)
        assert [span.end for span in found.spans] == [date(2026, 9, 30)]
        assert [evidence.counted for evidence in found.rows] == [True, False]

    @pytest.mark.parametrize(("bad", "told"), [
        ({"end": "2020-01-01"}, "缺少起始日期"),
        ({"start": "soon"}, "起始日期不是日期"),
        ({"start": "2020-02-01", "end": "2020-13-01"}, "结束日期不是日期"),
        ({"start": "2020-02-01", "end": "2020-01-31"}, "结束日期不能早于开始日期"),
    ])
    def test_a_row_that_cannot_be_read_is_refused_by_its_number(self, bad: dict[str, str], told: str) -> None:
        with pytest.raises(FactsRefused, match="第2行") as refused:
            teaching_months([row(date(2020, 1, 1), None), bad], date(2026, 1, 1), ALL, DUTIES)
        assert told in str(refused.value)


class TestWorkingDays:
    @pytest.mark.parametrize("year", [2024, 2025, 2026])
    def test_the_calendar_agrees_with_an_independent_one_day_by_day(self, year: int) -> None:
        other = holidays.country_holidays("CN", years=year)
        day = date(year, 1, 1)
        while day.year == year:
            assert CALENDAR.is_working_day(day) == other.is_working_day(day), day
            day += timedelta(days=1)
        assert CALENDAR.announced(year) and "国办发明电" in CALENDAR.year(year).number

    @pytest.mark.parametrize("year", [2027, 2028, 2029, 2030])
    def test_a_year_without_notice_holds_the_statutory_days_only(self, year: int) -> None:
        other = holidays.country_holidays("CN", years=year, observed=False)
        assert set(CALENDAR.year(year).days_off) == {day for day in other if day.year == year}
        assert not CALENDAR.announced(year) and not CALENDAR.year(year).make_up_days

    @given(known_days, st.integers(1, 40))
    def test_the_period_holds_exactly_n_working_days(self, start: date, n: int) -> None:
        due = add_working_days(start, n, CALENDAR)
        assert len(due.days) == n and start < due.days[0]
        assert due.days == working_days_between(start, due.at, CALENDAR)
        every = [start + timedelta(days=day) for day in range(1, (due.last_day - start).days + 1)]
        assert [day for day in every if CALENDAR.is_working_day(day)] == list(due.days)

    @given(known_days, st.integers(1, 20))
    def test_reminders_fall_on_counted_days_inside_the_period(self, start: date, n: int) -> None:
        begun = datetime(start.year, start.month, start.day, 15, tzinfo=SHANGHAI)
        due = add_working_days(begun, n, CALENDAR)
        sent = reminders(begun, due.at, CALENDAR)
        assert 1 <= len(sent) <= 2
        assert all(begun < moment < due.at and moment.astimezone(SHANGHAI).date() in due.days for moment in sent)

    def test_the_reason_for_a_day_off_is_told(self) -> None:
        assert CALENDAR.why_off(date(2026, 10, 5)) == "国庆节"
        assert CALENDAR.why_off(date(2026, 11, 22)) == "周末"
        assert CALENDAR.why_off(date(2026, 10, 10)) == ""

    def test_an_unknown_year_is_refused_not_guessed(self) -> None:
        with pytest.raises(CalendarUnknown, match="2031"):
            add_working_days(date(2030, 12, 31), 1, CALENDAR)
        with pytest.raises(CalendarUnknown, match="2023"):
            CALENDAR.is_working_day(date(2023, 12, 29))

    @pytest.mark.parametrize("n", [0, -1, 1001])
    def test_a_period_has_a_sensible_length(self, n: int) -> None:
        with pytest.raises(ValueError, match="1 to 1000"):
            add_working_days(date(2026, 1, 1), n, CALENDAR)

    def test_a_moment_needs_a_time_zone(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            add_working_days(datetime(2026, 1, 1, 9), 1, CALENDAR)


class TestSchoolYears:
    @pytest.mark.parametrize(("day", "name"), [
        (date(2026, 9, 1), "2026—2027学年第一学期"),
        (date(2027, 1, 31), "2026—2027学年第一学期"),
        (date(2027, 2, 1), "2026—2027学年第二学期"),
        (date(2027, 8, 31), "2026—2027学年第二学期"),
    ])
    def test_a_day_has_its_semester(self, day: date, name: str) -> None:
        assert semester_of(day).name == name
        assert school_year_of(day) == (date(2026, 9, 1), date(2027, 8, 31))

    def test_only_whole_semesters_are_served(self) -> None:
        assert len(semesters_fully_served(date(2026, 9, 1), date(2027, 8, 31))) == 2
        assert len(semesters_fully_served(date(2026, 9, 2), date(2027, 8, 31))) == 1
        assert len(semesters_fully_served(date(2026, 9, 1), date(2027, 8, 30))) == 1
        assert semesters_fully_served(date(2026, 9, 2), date(2027, 1, 31)) == ()

    @given(days)
    def test_semesters_follow_without_a_gap(self, day: date) -> None:
        semester = semester_of(day)
        assert semester.first_day <= day <= semester.last_day
        assert semester.following().first_day == semester.last_day + timedelta(days=1)


class TestFunctions:
    NOW = datetime(2026, 9, 29, 7, tzinfo=UTC)

    def test_what_expressions_see(self) -> None:
        pack = PACKS["guangxi"].on(date(2026, 9, 29))
        seen = functions(pack, now=self.NOW)
        assert seen["due"]("adm_u1") == datetime(2026, 10, 13, tzinfo=SHANGHAI)
        assert seen["working days"](1) == datetime(2026, 10, 1, tzinfo=SHANGHAI)
        assert seen["working days after"]("2026-10-01", 1) == datetime(2026, 10, 9, tzinfo=SHANGHAI)
        assert seen["school year"](date(2026, 9, 29))["start"] == date(2026, 9, 1)
        told = seen["teaching months"]([row(date(2020, 9, 1), date(2026, 8, 31))], "2026-09-30", ["中小学"], ["课堂教学"])
        assert told["months"] == 72 and told["rows"][0]["counted"] is True
        assert seen["teaching months"]([], "2026-09-30", None, ["课堂教学"]) is None

    def test_due_is_cited_when_the_pack_records(self) -> None:
        read = []
        pack = PACKS["guangxi"].on(date(2026, 9, 29)).recording(read.append)
        functions(pack, now=self.NOW)["due"]("adm_u3")
        assert [citation.key for citation in read] == ["deadlines.adm_u3"]
