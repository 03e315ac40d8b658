"""Built-in functions over dates, times and durations (10.3.4.1, 10.3.4.6–10.3.4.8)."""

from __future__ import annotations

import calendar
import datetime as dt
from decimal import Decimal

from workflows.feel import temporal
from workflows.feel.compare import equal
from workflows.feel.functions import built_in
from workflows.feel.scope import Run
from workflows.feel.values import Value, YearsMonths, kind

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
#: Steps for looking up a zone by name: one met for the first time is looked for among the system's files.
_ZONE = 50


@built_in("date", "from: text")
def date_from_text(run: Run, text: str) -> Value:
    found = temporal.read_date(text)
    return found if found is not None else run.fail(f"date: {text!r} is not a date")


@built_in("date", "from: moment|date")
def date_of(run: Run, value: Value) -> Value:
    return value if kind(value) == "date" else temporal.split(value)[0]


@built_in("date", "year: number, month: number, day: number")
def date_from_parts(run: Run, year: Decimal, month: Decimal, day: Decimal) -> Value:
    found = temporal.make_date(_whole(year), _whole(month), _whole(day))
    return found if found is not None else run.fail(f"date: there is no day {year}-{month}-{day}")


def _whole(number: Decimal) -> int:
    return int(number) if abs(number) <= 10**10 else 10**10


@built_in("date and time", "from: text")
def moment_from_text(run: Run, text: str) -> Value:
    run.spend(_ZONE if "@" in text else 0)
    found = temporal.read_moment(text)
    return found if found is not None else run.fail(f"date and time: {text!r} is not a date and time")


@built_in("date and time", "from: moment|date")
def moment_of(run: Run, value: Value) -> Value:
    return temporal.join(value, dt.time(tzinfo=dt.UTC)) if kind(value) == "date" else value


@built_in("date and time", "date: moment|date, time: time")
def moment_from_pair(run: Run, day: Value, time: dt.time) -> Value:
    return temporal.join(day if kind(day) == "date" else temporal.split(day)[0], time)


_PARTS = "year: number, month: number, day: number, hour: number, minute: number, second: number"


@built_in("date and time", _PARTS + ", offset?: days")
@built_in("date and time", _PARTS + ", timezone?: text")
def moment_from_parts(
    run: Run,
    year: Decimal,
    month: Decimal,
    day: Decimal,
    hour: Decimal,
    minute: Decimal,
    second: Decimal,
    place: dt.timedelta | str | None = None,
) -> Value:
    run.spend(_ZONE if isinstance(place, str) else 0)
    date = temporal.make_date(_whole(year), _whole(month), _whole(day))
    zone = (
        temporal.zone_named(place)
        if isinstance(place, str)
        else temporal.make_zone(place)
        if place is not None
        else None
    )
    time = temporal.make_time(_whole(hour), _whole(minute), second, zone)
    if date is None or time is None or (place is not None and zone is None):
        return run.fail("date and time: there is no such moment")
    return temporal.join(date, time)


@built_in("time", "from: text")
def time_from_text(run: Run, text: str) -> Value:
    run.spend(_ZONE if "@" in text else 0)
    found = None if text.startswith("T") else temporal.read_time(text)
    return found if found is not None else run.fail(f"time: {text!r} is not a time")


@built_in("time", "from: moment|date|time")
def time_of(run: Run, value: Value) -> Value:
    if isinstance(value, dt.time):
        return value
    return dt.time(tzinfo=dt.UTC) if kind(value) == "date" else temporal.split(value)[1]


@built_in("time", "hour: number, minute: number, second: number, offset?: days|null")
def time_from_parts(
    run: Run, hour: Decimal, minute: Decimal, second: Decimal, offset: dt.timedelta | None = None
) -> Value:
    zone = temporal.make_zone(offset) if offset is not None else None
    found = temporal.make_time(_whole(hour), _whole(minute), second, zone)
    if found is None or (offset is not None and zone is None):
        return run.fail("time: there is no such time")
    return found


@built_in("duration", "from: text")
def duration(run: Run, text: str) -> Value:
    found = temporal.read_duration(text)
    return found if found is not None else run.fail(f"duration: {text!r} is not a duration")


@built_in("duration", "from: days|months")
def same_duration(run: Run, value: Value) -> Value:
    return value


@built_in("years and months duration", "from: moment|date, to: moment|date")
def months_between(run: Run, start: Value, end: Value) -> Value:
    """Whole months from one day to another, cut off towards zero."""
    first = start if kind(start) == "date" else temporal.split(start)[0]
    last = end if kind(end) == "date" else temporal.split(end)[0]
    months = (last.year - first.year) * 12 + last.month - first.month
    if months > 0 and last.day < first.day:
        months -= 1
    elif months < 0 and last.day > first.day:
        months += 1
    return YearsMonths(months)


@built_in("now")
def now(run: Run) -> Value:
    """The caller's moment: FEEL itself has no clock, so that the same facts always give the same answer."""
    return run.now if run.now is not None else run.fail("now: the caller gave no moment")


@built_in("today")
def today(run: Run) -> Value:
    return run.now.date() if run.now is not None else run.fail("today: the caller gave no moment")


def _day(value: Value) -> temporal.AnyDate:
    found: temporal.AnyDate = value if kind(value) == "date" else temporal.split(value)[0]
    return found


@built_in("day of year", "date: moment|date")
def day_of_year(run: Run, value: Value) -> Decimal:
    day = _day(value)
    leap = calendar.isleap(day.year)
    return Decimal(day.day + sum((31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[: day.month - 1]))


@built_in("day of week", "date: moment|date")
def day_of_week(run: Run, value: Value) -> str:
    return _WEEKDAYS[weekday(_day(value)) - 1]


def weekday(day: temporal.AnyDate) -> int:
    """1 for Monday to 7 for Sunday."""
    return (temporal.day_number(day) - 1) % 7 + 1


@built_in("month of year", "date: moment|date")
def month_of_year(run: Run, value: Value) -> str:
    return _MONTHS[_day(value).month - 1]


@built_in("week of year", "date: moment|date")
def week_of_year(run: Run, value: Value) -> Decimal:
    """The ISO 8601 week."""
    day = _day(value)
    if isinstance(day, temporal.FarDate):  # the calendar repeats every 400 years
        day = dt.date((day.year - 1) % 400 + 401, day.month, day.day)
    return Decimal(day.isocalendar().week)


@built_in("is", "value1?: any, value2?: any")
def same(run: Run, left: Value = None, right: Value = None) -> bool:
    """Whether two values are the same in kind and writing, without adjusting zones (10.3.4.7)."""
    if kind(left) != kind(right):
        return False
    if kind(left) in ("time", "date and time"):
        return temporal.write(left) == temporal.write(right) and temporal.zone_of(left) == temporal.zone_of(right)
    return equal(left, right, run.spend) is True
