"""Dates, times and durations: reading, writing, and years beyond Python's 1–9999 (10.3.2.3.4–10.3.2.3.9).

A fraction of a second is kept to the microsecond; further digits are cut off. Leap seconds do not exist.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from workflows.feel.values import Value, YearsMonths, register

#: Years are accepted up to this many either way, as in XML Schema processors.
MAX_YEAR = 999_999_999
_MAX_OFFSET = dt.timedelta(hours=18)
_MICROS = 1_000_000
_DAY = 86_400 * _MICROS

_DATE = r"(?P<year>-?(?:\d{4}|[1-9]\d{4,8}))-(?P<month>\d\d)-(?P<day>\d\d)"
_TIME = (
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d+))?"
    r"(?P<zone>Z|[+-]\d\d:\d\d(?::\d\d)?|@[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+)*)?"
)
_DATE_TEXT = re.compile(_DATE, re.ASCII)
_TIME_TEXT = re.compile("T?" + _TIME, re.ASCII)
_MOMENT_TEXT = re.compile(f"{_DATE}T{_TIME}", re.ASCII)
_MONTHS_TEXT = re.compile(r"(-?)P(?=\d)(?:(\d{1,10})Y)?(?:(\d{1,10})M)?", re.ASCII)
_DAYS_TEXT = re.compile(
    r"(-?)P(?=\d|T\d)(?:(\d{1,12})D)?(?:T(?=\d)(?:(\d{1,14})H)?(?:(\d{1,14})M)?(?:(\d{1,15})(?:\.(\d*))?S)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class FarDate:
    """A date of a year that Python's own date cannot hold."""

    year: int
    month: int
    day: int


@dataclass(frozen=True, slots=True)
class FarDateTime:
    """A date and time on such a day."""

    date: FarDate
    time: dt.time


AnyDate = dt.date | FarDate
AnyMoment = dt.datetime | FarDateTime
register("date", FarDate)
register("date and time", FarDateTime)


# Building ---------------------------------------------------------------------------------------------------------


def make_date(year: int, month: int, day: int) -> AnyDate | None:
    """The date, or None when the calendar has no such day."""
    if not (1 <= month <= 12 and abs(year) <= MAX_YEAR and day >= 1):
        return None
    if day > (
        29 if month == 2 and calendar.isleap(year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
    ):
        return None
    return dt.date(year, month, day) if 1 <= year <= 9999 else FarDate(year, month, day)


def make_time(hour: int, minute: int, second: Decimal | int, zone: dt.tzinfo | None) -> dt.time | None:
    """The time, or None when the clock has no such moment."""
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        return None
    whole = int(second)
    micro = int((Decimal(second) - whole) * _MICROS)
    return dt.time(hour, minute, whole, micro, tzinfo=zone)


def make_zone(offset: dt.timedelta) -> dt.timezone | None:
    """A fixed offset from UTC, at most 18 hours."""
    return dt.timezone(offset) if abs(offset) <= _MAX_OFFSET else None


def join(day: AnyDate, time: dt.time) -> AnyMoment:
    """A date and a time as one moment."""
    return FarDateTime(day, time) if isinstance(day, FarDate) else dt.datetime.combine(day, time)


def split(moment: AnyMoment) -> tuple[AnyDate, dt.time]:
    """The date and the time (with zone) of a moment."""
    if isinstance(moment, FarDateTime):
        return moment.date, moment.time
    return moment.date(), moment.timetz()


# Reading ----------------------------------------------------------------------------------------------------------


def read_date(text: str) -> AnyDate | None:
    """``2026-11-21``, or None."""
    match = _DATE_TEXT.fullmatch(text)
    return _date(match) if match else None


def read_time(text: str) -> dt.time | None:
    """``09:00:00``, with ``Z``, ``+08:00`` or ``@Asia/Shanghai``, or None."""
    match = _TIME_TEXT.fullmatch(text)
    return _time(match) if match else None


def read_moment(text: str) -> AnyMoment | None:
    """``2026-11-21T09:00:00+08:00``; a date alone is its midnight. None when it is neither."""
    match = _MOMENT_TEXT.fullmatch(text)
    if match is None:
        day = read_date(text)
        return join(day, dt.time()) if day is not None else None
    day, time = _date(match), _time(match)
    if day is not None and match["hour"] == "24":
        day = day_of(day_number(day) + 1)
    return join(day, time) if day is not None and time is not None else None


def read_duration(text: str) -> dt.timedelta | YearsMonths | None:
    """``P1Y6M`` or ``P2DT3H``; the two kinds do not mix."""
    match = _MONTHS_TEXT.fullmatch(text)
    if match:
        sign, years, months = match.groups()
        total = int(years or 0) * 12 + int(months or 0)
        return YearsMonths(-total if sign else total)
    match = _DAYS_TEXT.fullmatch(text)
    if not match:
        return None
    sign, days, hours, minutes, seconds, fraction = match.groups()
    try:
        length = dt.timedelta(
            int(days or 0), int(seconds or 0), _micros(fraction), 0, int(minutes or 0), int(hours or 0)
        )
        return -length if sign else length
    except OverflowError:
        return None


def read_any(text: str) -> Value:
    """The value of ``@"…"``, or None when it is no date, time or duration."""
    for read in (read_date, read_time, read_duration):
        value = read(text)
        if value is not None:
            return value
    return read_moment(text)


def zone_named(name: str) -> dt.tzinfo | None:
    """A zone of the IANA database, or None."""
    return _zone_named(name) if len(name) <= 64 else None


@lru_cache(maxsize=1024)
def _zone_named(name: str) -> dt.tzinfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _date(match: re.Match[str]) -> AnyDate | None:
    return make_date(int(match["year"]), int(match["month"]), int(match["day"]))


def _micros(fraction: str | None) -> int:
    return int((fraction or "")[:6].ljust(6, "0"))


def _time(match: re.Match[str]) -> dt.time | None:
    zone = match["zone"]
    info: dt.tzinfo | None = None
    if zone == "Z":
        info = dt.UTC
    elif zone and zone[0] == "@":
        info = zone_named(zone[1:])
    elif zone:
        parts = [int(part) for part in zone[1:].split(":")]
        offset = dt.timedelta(hours=parts[0], minutes=parts[1], seconds=parts[2] if len(parts) > 2 else 0)
        info = make_zone(-offset if zone[0] == "-" else offset) if parts[1] < 60 else None
    if zone and info is None:
        return None
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    if (hour, minute, second, _micros(match["fraction"])) == (24, 0, 0, 0):
        hour = 0
    if hour > 23 or minute > 59 or second > 59:
        return None
    return dt.time(hour, minute, second, _micros(match["fraction"]), tzinfo=info)


# Counting ---------------------------------------------------------------------------------------------------------


def day_number(day: AnyDate) -> int:
    """Days since 0001-01-01 (which is 1) in the proleptic Gregorian calendar."""
    if not isinstance(day, FarDate):
        return day.toordinal()
    cycles, year = divmod(day.year - 1, 400)
    return dt.date(year + 1, day.month, day.day).toordinal() + cycles * 146_097


def day_of(number: int) -> AnyDate | None:
    """The date of a day number, or None beyond the years accepted."""
    cycles, rest = divmod(number - 1, 146_097)
    day = dt.date.fromordinal(rest + 1)
    return make_date(day.year + cycles * 400, day.month, day.day)


def zone_of(value: Value) -> dt.tzinfo | None:
    """The zone of a time or moment."""
    time = value.time if isinstance(value, FarDateTime) else value
    zone: dt.tzinfo | None = time.tzinfo
    return zone


def offset_of(value: Value) -> dt.timedelta | None:
    """The offset from UTC of a time or moment; a bare time in a named zone takes the zone's offset on 2000-01-01."""
    zone = zone_of(value)
    if zone is None:
        return None
    if isinstance(value, dt.datetime):
        return value.utcoffset()
    return dt.datetime(2000, 1, 1, tzinfo=zone).utcoffset()


def instant(value: Value, *, whole: bool = False) -> tuple[bool, int]:
    """Whether the value has a zone, and its microseconds on a line (in UTC where it has one)."""
    if isinstance(value, FarDate) or type(value) is dt.date:
        return False, day_number(value) * _DAY
    if isinstance(value, dt.time):
        day, time = 0, value
    else:
        date, time = split(value)
        day = day_number(date)
    offset = offset_of(value)
    micros = ((time.hour * 60 + time.minute) * 60 + time.second) * _MICROS + (0 if whole else time.microsecond)
    if offset is not None:
        micros -= offset // dt.timedelta(microseconds=1)
    return offset is not None, day * _DAY + micros


def moment_at(micros: int, zone: dt.tzinfo | None) -> AnyMoment | None:
    """The moment at a count of microseconds (in UTC when ``zone`` is given), shown in ``zone``."""
    days, rest = divmod(micros, _DAY)
    day = day_of(days)
    if day is None:
        return None
    time = (dt.datetime.min + dt.timedelta(microseconds=rest)).time()
    moment = join(day, time)
    if zone is None:
        return moment
    if isinstance(moment, dt.datetime):
        try:
            return moment.replace(tzinfo=dt.UTC).astimezone(zone)
        except OverflowError:
            pass
    offset = dt.datetime(2000, 1, 1, tzinfo=zone).utcoffset() or dt.timedelta()
    days, rest = divmod(micros + offset // dt.timedelta(microseconds=1), _DAY)
    day = day_of(days)
    time = (dt.datetime.min + dt.timedelta(microseconds=rest)).time().replace(tzinfo=zone)
    return join(day, time) if day is not None else None


# Writing ----------------------------------------------------------------------------------------------------------


def write(value: Value) -> str:
    """The ISO 8601 text that reads back as the value."""
    if isinstance(value, FarDateTime):
        return f"{write(value.date)}T{write(value.time)}"
    if isinstance(value, dt.datetime):
        return f"{write(value.date())}T{write(value.timetz())}"
    if isinstance(value, (dt.date, FarDate)):
        year = f"-{-value.year:04d}" if value.year < 0 else f"{value.year:04d}"
        return f"{year}-{value.month:02d}-{value.day:02d}"
    if isinstance(value, dt.time):
        return (
            value.replace(tzinfo=None, microsecond=0).isoformat() + _fraction(value.microsecond) + _zone(value.tzinfo)
        )
    if isinstance(value, dt.timedelta):
        return _write_duration(value)
    return str(value)


def _fraction(micros: int) -> str:
    return f".{micros:06d}".rstrip("0") if micros else ""


def _zone(zone: dt.tzinfo | None) -> str:
    if zone is None:
        return ""
    if isinstance(zone, ZoneInfo) and zone.key:
        return f"@{zone.key}"
    offset = zone.utcoffset(dt.datetime(2000, 1, 1)) or dt.timedelta()
    if not offset:
        return "Z"
    minutes, seconds = divmod(int(abs(offset).total_seconds()), 60)
    tail = f":{seconds:02d}" if seconds else ""
    return f"{'-' if offset < dt.timedelta() else '+'}{minutes // 60:02d}:{minutes % 60:02d}{tail}"


def _write_duration(value: dt.timedelta) -> str:
    sign = "-" if value < dt.timedelta() else ""
    value = abs(value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if seconds or value.microseconds:
        clock += f"{seconds}{_fraction(value.microseconds)}S"
    days = f"{value.days}D" if value.days else ""
    if not days and not clock:
        return "PT0S"
    return f"{sign}P{days}" + (f"T{clock}" if clock else "")
