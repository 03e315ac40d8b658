"""Months on post (domain.md I7, I9, I22): a clock that stands still during absences, and a reason for every absence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from workflows.errors import FactsRefused
from workflows.policies.school_years import semester_of
from workflows.policies.teaching import whole_months
from workflows.policies.working_days import office_day

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Absence:
    """One row of the absences, and whether the clock runs on meanwhile."""

    #: 1-based row as handed in.
    row: int
    start: date
    #: Last day away, or None: not back yet.
    end: date | None
    kind: str
    #: True when the days count as on post.
    counted: bool
    reason: str

    def as_facts(self) -> dict[str, Any]:
        """Return the row as plain data for a ruling: dates in ISO form."""
        return {
            "row": self.row, "start": self.start.isoformat(), "end": self.end.isoformat() if self.end else None,
            "kind": self.kind, "counted": self.counted, "reason": self.reason,
        }


@dataclass(frozen=True)
class OnPostSpan:
    """A period on post without an excluded absence, both days included, and the months that became whole in it."""

    start: date
    end: date
    months: int
    #: The start, put back by the days of the month begun before it: from here the clock runs on.
    running_from: date

    def as_facts(self) -> dict[str, Any]:
        """Return the span as plain data for a ruling."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat(), "months": self.months}


@dataclass(frozen=True)
class OnPostMonths:
    """The answer: whole months and the days beyond them, with the absences and periods behind them."""

    months: int
    #: Days of the month that is not whole yet.
    days: int
    rows: tuple[Absence, ...]
    spans: tuple[OnPostSpan, ...]
    #: Last day counted.
    last: date

    def full_on(self, months: int) -> date | None:
        """Return the day on which so many months are full; None for somebody who is away on the last day counted.

        A day to come supposes that no further absence stops the clock.
        """
        before = 0
        for span in self.spans:
            if before + span.months >= months or span.end == self.last:
                return _after(span.running_from, months - before)
            before += span.months
        return None

    def as_facts(self) -> dict[str, Any]:
        """Return what an expression sees: months, days, rows, spans as plain data."""
        return {
            "months": self.months, "days": self.days, "rows": [row.as_facts() for row in self.rows],
            "spans": [span.as_facts() for span in self.spans],
        }


@dataclass(frozen=True)
class _Row:
    number: int
    start: date
    end: date | None
    kind: str
    #: Last day away as far as it is known: the end, or the last day that is counted.
    until: date


def on_post_months(
    base_date: date, day: date, absences: Iterable[Mapping[str, Any]], *,
    longer_than: int, always_counted: Collection[str], one_semester: Collection[str],
) -> OnPostMonths:
    """Count the whole months on post from ``base_date`` to the beginning of ``day`` (I7).

    Five years that began on 1 September are full on 1 September, not a day earlier. An absence is
    ``{start, end, kind}``: first and last day away (dates or ISO text; ``end`` null = not back yet). It stops the
    clock when it is longer than ``longer_than`` months; adjoining and overlapping absences are one. Kinds in
    ``always_counted`` never stop it; kinds in ``one_semester`` only when they are longer than the semester in which they
    begin (I8: five months from September, seven from February). What was begun of a month before an absence is kept
    and goes on after it; nothing is rounded up. FactsRefused for a row that cannot be read or ends before it starts,
    and for a base date after ``day``.
    """
    if base_date > day:
        raise FactsRefused(fact="base_date", reason=f"计时起点{base_date}晚于判定日{day}")
    last = day - _DAY
    rows = [_read(number, row, last) for number, row in enumerate(absences, start=1)]
    limited = [row for row in rows if row.kind not in always_counted]
    scholars = _groups(row for row in limited if row.kind in one_semester)
    others = _groups(row for row in limited if row.kind not in one_semester)

    def judge(row: _Row) -> Absence:
        def told(counted: bool, reason: str) -> Absence:
            return Absence(row.number, row.start, row.end, row.kind, counted, reason)

        if row.kind in always_counted:
            return told(True, f"计入：{row.kind}不扣除")
        if row.start > last or row.until < base_date:
            return told(True, "不影响：不在计时期间内")
        if row.kind in one_semester:
            first, until = next(group for group in scholars if group[0] <= row.start <= group[1])
            semester = semester_of(first)
            months = whole_months(semester.first_day, semester.last_day)
            limit = f"{row.kind}一学期（{months}个月）"
        else:
            first, until = next(group for group in others if group[0] <= row.start <= group[1])
            months, limit = longer_than, f"{longer_than}个月"
        if _is_longer(first, until, months):
            return told(False, f"扣除：离岗超过{limit}")
        return told(True, f"计入：离岗不超过{limit}")

    judged = tuple(judge(row) for row in rows)
    away = _merge((row.start, row.until) for row, ruled in zip(rows, judged, strict=True) if not ruled.counted)
    return _count(base_date, last, judged, away)


def _read(number: int, row: Mapping[str, Any], last: date) -> _Row:
    start, end = _day(row, "start", number, "起始日期"), _day(row, "end", number, "结束日期")
    if start is None:
        raise FactsRefused(fact=f"absences[{number}].start", reason="缺少起始日期")
    if end is not None and end < start:
        raise FactsRefused(fact=f"absences[{number}].end", reason="结束日期不能早于开始日期")
    return _Row(number, start, end, str(row.get("kind") or ""), end if end is not None else max(start, last))


def _day(row: Mapping[str, Any], part: str, number: int, which: str) -> date | None:
    value = row.get(part)
    if value is None or value == "":
        return None
    if isinstance(value, (date, datetime)):
        return office_day(value)
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise FactsRefused(fact=f"absences[{number}].{part}", reason=f"{which}不是日期") from None


def _groups(rows: Iterable[_Row]) -> list[tuple[date, date]]:
    return _merge((row.start, row.until) for row in rows)


def _merge(periods: Iterable[tuple[date, date]]) -> list[tuple[date, date]]:
    merged: list[tuple[date, date]] = []
    for start, end in sorted(periods):
        if merged and start <= merged[-1][1] + _DAY:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _is_longer(start: date, end: date, months: int) -> bool:
    """Return whether a period (both days included) is longer than so many months: exactly as long is not longer."""
    return whole_months(start, end - _DAY) >= months


def _count(base: date, last: date, rows: tuple[Absence, ...], away: list[tuple[date, date]]) -> OnPostMonths:
    spans: list[OnPostSpan] = []
    months = days = 0
    start = base
    for left, back in [*away, (last + _DAY, last + _DAY)]:
        end = min(left - _DAY, last)
        if end >= start:
            # The days of a begun month are set before the period: the clock goes on where it stood.
            running = start - timedelta(days=days)
            whole = whole_months(running, end)
            days = (end - _after(running, whole)).days + 1
            months += whole
            spans.append(OnPostSpan(start, end, whole, running))
        start = max(start, back + _DAY)
    return OnPostMonths(months, days, rows, tuple(spans), last)


def _after(start: date, months: int) -> date:
    """Return the day after so many whole months from ``start``; see ``whole_months`` for months without such a day."""
    total = start.month - 1 + months
    year, month = start.year + total // 12, total % 12 + 1
    try:
        return date(year, month, start.day)
    except ValueError:
        return date(year + month // 12, month % 12 + 1, 1)
