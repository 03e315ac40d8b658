"""Periods in working days (domain.md I21): when they end, which days were counted, when to remind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from workflows.policies.calendar import Calendar

#: The office's time zone: a working day is a day there.
SHANGHAI = ZoneInfo("Asia/Shanghai")

#: The hour of the office day at which a reminder is sent.
REMINDER_HOUR = time(9)

#: The longest period anybody may ask for; longer ones are a mistake, and each day is walked.
LONGEST = 1000


@dataclass(frozen=True)
class DueMoment:
    """The end of a period: 24:00 of its last working day."""

    #: That moment, aware, in UTC (0:00 of the following day in Shanghai).
    at: datetime
    #: The working days counted, in order.
    days: tuple[date, ...]
    #: True when a day of the period lies in a year whose official notice is not loaded (暂定).
    provisional: bool

    @property
    def last_day(self) -> date:
        """Return the day at whose 24:00 the period ends: what people are told."""
        return self.days[-1]


def office_day(moment: datetime | date) -> date:
    """Return the Shanghai day of a moment. A naive datetime is refused (ValueError): it has no day."""
    if not isinstance(moment, datetime):
        return moment
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone has no office day")
    return moment.astimezone(SHANGHAI).date()


def end_of(day: date) -> datetime:
    """Return 24:00 of a Shanghai day as an aware moment in UTC."""
    return datetime.combine(day + timedelta(days=1), time(0), SHANGHAI).astimezone(UTC)


def add_working_days(start: datetime | date, n: int, calendar: Calendar) -> DueMoment:
    """Return the end of a period of ``n`` working days that begins on the day of ``start``.

    The day of ``start`` is not counted; holidays and weekends are skipped, make-up days (调休) are counted; the
    period ends at 24:00 of the n-th day (I21). ``n`` is 1 to 1000, else ValueError. A year without any loaded
    days is refused with CalendarUnknown; one with statutory days only makes the result provisional.
    """
    if not 1 <= n <= LONGEST:
        raise ValueError(f"a period has 1 to {LONGEST} working days, not {n}")
    day = office_day(start)
    counted: list[date] = []
    provisional = False
    while len(counted) < n:
        day += timedelta(days=1)
        provisional = provisional or not calendar.announced(day.year)
        if calendar.is_working_day(day):
            counted.append(day)
    return DueMoment(at=end_of(day), days=tuple(counted), provisional=provisional)


def working_days_between(start: datetime | date, end: datetime | date, calendar: Calendar) -> tuple[date, ...]:
    """Return the working days after the day of ``start`` up to and including the last day before ``end``.

    ``end`` as a moment at 0:00 Shanghai is the 24:00 of the day before, so that
    ``working_days_between(s, add_working_days(s, n).at)`` gives the n days again.
    """
    day = office_day(start)
    last = office_day(end - timedelta(microseconds=1)) if isinstance(end, datetime) else end
    counted: list[date] = []
    while day < last:
        day += timedelta(days=1)
        if calendar.is_working_day(day):
            counted.append(day)
    return tuple(counted)


def reminders(start: datetime, due: datetime, calendar: Calendar) -> tuple[datetime, ...]:
    """Return when the holder of a task is reminded: half-way, and one working day before it is due (3.0.4).

    Half-way is the working day on which half of the period is reached (the third of five: "reminder day 3");
    both are sent at 9:00 in Shanghai, in UTC here. Moments not after ``start`` are left out, equal ones given
    once; a period of less than one working day has none.
    """
    days = working_days_between(start, due, calendar)
    wanted: list[date] = []
    if days:
        wanted.append(days[(len(days) + 1) // 2 - 1])
    if len(days) >= 2:
        wanted.append(days[-2])
    moments = {datetime.combine(day, REMINDER_HOUR, SHANGHAI).astimezone(UTC) for day in wanted}
    return tuple(sorted(moment for moment in moments if start < moment < due))
