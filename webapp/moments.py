"""How moments, days and amounts stand on a page: the office's zone, the same figures in both languages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from flask import Flask, g, request
from flask_babel import gettext, ngettext

from webapp.languages import language
from webapp.office import office
from workflows.access import office_day
from workflows.settings import OFFICE_ZONE


def install(app: Flask) -> None:
    """Give templates the filters ``moment``, ``day``, ``deadline``, ``left``, the office's ``now()`` and ``day_list``."""
    app.jinja_env.filters.update(
        moment=moment, day=day, clock_time=clock_time, deadline=deadline, left=left, iso=iso, to_day=date.fromisoformat
    )
    app.jinja_env.globals.update(now=now, is_late=is_late, day_list=day_list, weekday=weekday)


def now() -> datetime:
    """Office time, the same throughout one request."""
    if "now" not in g:
        g.now = office().clock.now()
    return g.now  # type: ignore[no-any-return]


def machine() -> datetime:
    """The machine's own time, which a device with one-time codes goes by: a demo's clock may be elsewhere."""
    return now() - office().clock.offset()


def iso(at: datetime | date | None) -> str:
    """For ``<time datetime>``."""
    if at is None:
        return ""
    return at.astimezone(OFFICE_ZONE).isoformat(timespec="minutes") if isinstance(at, datetime) else at.isoformat()


def moment(at: datetime | None) -> str:
    """``2026-11-21 09:00``."""
    return at.astimezone(OFFICE_ZONE).strftime("%Y-%m-%d %H:%M") if at else ""


def clock_time(at: datetime | None) -> str:
    """``09:00``."""
    return at.astimezone(OFFICE_ZONE).strftime("%H:%M") if at else ""


def day(at: datetime | date | None) -> str:
    """``2026-11-21``; a moment is shown as the office's day."""
    if at is None:
        return ""
    return (at.astimezone(OFFICE_ZONE).date() if isinstance(at, datetime) else at).isoformat()


def deadline(at: datetime | None) -> str:
    """A deadline. One that ends at midnight is said as the last day's ``24:00``, as the office counts (domain.md I21)."""
    if at is None:
        return ""
    local = at.astimezone(OFFICE_ZONE)
    if local.time() == time(0):
        return f"{(local - timedelta(days=1)).date().isoformat()} 24:00"
    return moment(at)


def day_list(days: Sequence[date]) -> str:
    """Days one after another, the month said once: ``9月28日、29日、30日, 10月8日`` (``28, 29, 30 Sep, 8 Oct``)."""
    months: list[tuple[int, list[int]]] = []
    for one in days:
        if not months or months[-1][0] != one.month:
            months.append((one.month, []))
        months[-1][1].append(one.day)
    if language() == "zh":
        return ", ".join(f"{month}月" + "、".join(f"{number}日" for number in numbers) for month, numbers in months)
    return ", ".join(f"{', '.join(map(str, numbers))} {_MONTHS[month - 1]}" for month, numbers in months)


def weekday(on: date) -> str:
    """``星期一`` (``Mon``)."""
    return _WEEKDAYS[on.weekday()][language() != "zh"]


_WEEKDAYS = (
    ("星期一", "Mon"), ("星期二", "Tue"), ("星期三", "Wed"), ("星期四", "Thu"), ("星期五", "Fri"), ("星期六", "Sat"), ("星期日", "Sun"),
)  # fmt: skip
#: English months, short.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def is_late(due_at: datetime | None) -> bool:
    """Whether the deadline has passed by the office clock."""
    return due_at is not None and due_at < now()


def left(due_at: datetime | None) -> str:
    """How long is left until a deadline, or by how much it has passed, in calendar days; hours on the last day."""
    if due_at is None:
        return ""
    span = due_at - now()
    if span < timedelta():
        days = -span // timedelta(days=1)
        if days == 0:
            return gettext("已超期")
        return ngettext("已超期 %(num)s 天", "已超期 %(num)s 天", days)
    if span < timedelta(days=1):
        hours = max(1, span // timedelta(hours=1))
        return ngettext("还剩 %(num)s 小时", "还剩 %(num)s 小时", hours)
    days = span // timedelta(days=1)
    return ngettext("还剩 %(num)s 天", "还剩 %(num)s 天", days)


def shown(value: Any) -> Any:
    """A value of a sentence as the reader expects it."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return day(value)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value


def day_asked() -> date:
    """The day that the page is asked for, ``on``; today by the office's clock without one, or with one that is no day."""
    try:
        return date.fromisoformat(request.values.get("on", ""))
    except ValueError:
        return office_day(now())
