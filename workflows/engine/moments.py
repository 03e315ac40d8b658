"""When something is due: ISO 8601 text and FEEL results become aware UTC moments."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from workflows.engine.plain import plain
from workflows.feel import YearsMonths

#: Zone of every moment written without one: the office's own.
OFFICE_ZONE = ZoneInfo("Asia/Shanghai")

_DURATION = re.compile(
    r"(?P<sign>-?)P(?=.)(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,5})M)?(?:(?P<weeks>\d{1,5})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9})(?:\.\d{1,6})?S)?)?"
)
_CYCLE = re.compile(r"(?:R(?P<times>\d{0,6})/)?(?P<every>-?P[0-9A-Z.]+)")


@dataclass(frozen=True)
class Due:
    """A moment by which something happens."""

    #: Aware, UTC.
    at: datetime
    #: The working days that were counted, in order; empty when none were.
    days: tuple[date, ...] = ()
    #: Whether a year without an official calendar was entered, so that the moment may still move.
    provisional: bool = False


@dataclass(frozen=True)
class Span:
    """A length of time: calendar months, then exact time."""

    months: int
    rest: timedelta

    def after(self, moment: datetime) -> datetime:
        """Return ``moment`` (aware) plus this span; a day that the target month lacks becomes its last day."""
        local = moment.astimezone(OFFICE_ZONE)
        index = local.year * 12 + local.month - 1 + self.months
        year, month = divmod(index, 12)
        day = min(local.day, calendar.monthrange(year, month + 1)[1])
        return (local.replace(year=year, month=month + 1, day=day) + self.rest).astimezone(UTC)


def span(text: str) -> Span:
    """Read an ISO 8601 duration (`PT1H`, `P2W`, `P1Y6M`); ValueError when it is none."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise ValueError(f"不是 ISO 8601 时长：{text}")
    part = {name: int(value or 0) for name, value in found.groupdict().items() if name != "sign"}
    months = part["years"] * 12 + part["months"]
    rest = timedelta(
        weeks=part["weeks"], days=part["days"], hours=part["hours"], minutes=part["minutes"], seconds=part["seconds"]
    )
    return Span(-months, -rest) if found["sign"] else Span(months, rest)


def moment(text: str) -> datetime:
    """Read an ISO 8601 date and time; without zone it is Asia/Shanghai. ValueError when it is none, or only a day."""
    text = text.strip()
    if "T" not in text:
        raise ValueError(f"不是 ISO 8601 日期时间（须含 T）：{text}")
    return _aware(datetime.fromisoformat(text))


def due_moment(value: Any) -> Due:
    """When a step named by a FEEL result or ISO text is due.

    Takes a due moment of the policy pack (`.at`, `.days`, `.provisional`), a date and time, ISO text of one, a day (due at
    24:00 of that day in Asia/Shanghai), or ISO text of a day. ValueError for anything else, None included.
    """
    if isinstance(value, str):
        text = value.strip()
        value = moment(text) if "T" in text else date.fromisoformat(text)
    if isinstance(value, datetime):
        return Due(_aware(value))
    if isinstance(value, date):
        return Due(datetime.combine(value + timedelta(days=1), time(), OFFICE_ZONE).astimezone(UTC))
    if isinstance(getattr(value, "at", None), datetime):
        return Due(_aware(value.at), tuple(getattr(value, "days", ())), bool(getattr(value, "provisional", False)))
    raise ValueError(f"不是日期时间：{_shown(value)}")


def after_duration(value: Any, now: datetime) -> Due:
    """The moment ``value`` (ISO text, FEEL duration, or directly a due moment of the pack) after ``now``; else ValueError."""
    if isinstance(value, str):
        length = span(value)
    elif isinstance(value, timedelta):
        length = Span(0, value)
    elif isinstance(value, YearsMonths):
        length = Span(value.months, timedelta())
    elif isinstance(getattr(value, "at", None), datetime):
        return due_moment(value)
    else:
        raise ValueError(f"不是时长：{_shown(value)}")
    return Due(length.after(now))


def cycle(value: Any) -> tuple[int | None, str]:
    """How often (None: without end) and with what ISO span a cycle repeats: `R3/PT1H`, `R/P1D`, or a length alone as `R/`.

    Takes text or a FEEL duration; ValueError for anything else, for a cycle of no rounds and for one that does not move on.
    """
    if isinstance(value, timedelta | YearsMonths):
        value = str(plain(value, "timeCycle"))
    found = _CYCLE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"不是循环（如 R3/PT1H）：{_shown(value)}")
    length = span(found["every"])
    if (length.months, length.rest) <= (0, timedelta()) or length.rest < timedelta():
        raise ValueError(f"循环的间隔须大于零：{value}")
    times = int(found["times"]) if found["times"] else None
    if times == 0:
        raise ValueError(f"循环至少一次：{value}")
    return times, found["every"]


def _aware(value: datetime) -> datetime:
    return (value if value.tzinfo else value.replace(tzinfo=OFFICE_ZONE)).astimezone(UTC)


def _shown(value: Any) -> str:
    return "空值" if value is None else str(value)[:60]
