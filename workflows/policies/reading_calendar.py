"""Reading ``calendar.toml``: announced years with their notices, and the statutory days of later years.

::

    calendar = "cn"

    [[year]]
    year = 2026
    document = "国务院办公厅关于2026年部分节假日安排的通知"
    number = "国办发明电〔2025〕7号"
    announced = 2025-11-04
    holidays = [ { name = "元旦", first = 2026-01-01, last = 2026-01-03 }, … ]
    make_up = [ { name = "元旦", day = 2026-01-04 }, … ]

    [statutory]                    # years without a notice yet: 全国年节及纪念日放假办法
    document = "…"
    [[statutory.year]]
    year = 2027
    days = [ { name = "元旦", day = 2027-01-01 }, … ]
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from workflows.errors import Problem
from workflows.policies.calendar import Calendar, CalendarYear


def read_calendar(name: str, content: Mapping[str, Any]) -> tuple[Calendar, list[Problem]]:
    """Return the calendar of a parsed ``calendar.toml`` and every defect found in it."""
    problems: list[Problem] = []
    years: dict[int, CalendarYear] = {}
    for entry in content.get("year", ()):
        year = _announced(name, entry, problems)
        if year is not None:
            _keep(name, year, years, problems)
    for entry in content.get("statutory", {}).get("year", ()):
        days = _days(name, entry, "days", problems)
        _keep(name, CalendarYear(int(entry.get("year", 0)), days), years, problems)
    return Calendar(years), problems


def _keep(name: str, year: CalendarYear, years: dict[int, CalendarYear], problems: list[Problem]) -> None:
    if year.year in years:
        problems.append(Problem(name, 0, str(year.year), "这一年写了两次；公布后请删去法定节日的那一份"))
    years[year.year] = year


def _announced(name: str, entry: Mapping[str, Any], problems: list[Problem]) -> CalendarYear | None:
    year = entry.get("year")
    if not isinstance(year, int) or not entry.get("document") or not entry.get("number"):
        problems.append(Problem(name, 0, f"year {year}", "须有 year、document（通知全称）和 number（文号）"))
        return None
    off: dict[date, str] = {}
    for holiday in entry.get("holidays", ()):
        first, last = holiday.get("first"), holiday.get("last")
        if not isinstance(first, date) or not isinstance(last, date) or not first <= last or first.year != year:
            problems.append(Problem(name, 0, f"{year} {holiday.get('name')}", "须有 first 和 last，且在这一年内"))
            continue
        day = first
        while day <= last:
            off[day] = str(holiday.get("name", ""))
            day += timedelta(days=1)
    make_up = _days(name, entry, "make_up", problems)
    for day in make_up:
        if day.weekday() < 5 or day in off:
            problems.append(Problem(name, 0, str(day), "调休上班日须是周六或周日，且不在放假日内"))
    return CalendarYear(year, off, make_up, entry["document"], entry["number"])


def _days(name: str, entry: Mapping[str, Any], field: str, problems: list[Problem]) -> dict[date, str]:
    days: dict[date, str] = {}
    for item in entry.get(field, ()):
        day = item.get("day")
        if not isinstance(day, date) or day.year != entry.get("year"):
            problems.append(Problem(name, 0, f"{entry.get('year')} {field}", f"{day} 不是这一年的日期"))
        else:
            days[day] = str(item.get("name", ""))
    return days
