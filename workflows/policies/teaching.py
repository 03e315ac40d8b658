"""Teaching experience in whole months (domain.md I3, I4): merged periods, and a reason for every row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from workflows.errors import FactsRefused
from workflows.policies.working_days import office_day


@dataclass(frozen=True)
class RowEvidence:
    """What became of one row of the teaching history."""

    #: 1-based row of the table as filled in.
    row: int
    start: date
    #: Last day, or None: still going on.
    end: date | None
    unit_kind: str
    duty: str
    counted: bool
    #: Why it was counted, cut or left out, in words.
    reason: str
    #: First and last day that count (after cutting at the closing day), or None when the row does not count.
    counted_from: date | None = None
    counted_to: date | None = None

    def as_facts(self) -> dict[str, Any]:
        """Return the row as plain data for a ruling: dates in ISO form."""
        return {
            "row": self.row, "start": self.start.isoformat(), "end": self.end.isoformat() if self.end else None,
            "unit_kind": self.unit_kind, "duty": self.duty, "counted": self.counted, "reason": self.reason,
            "counted_from": self.counted_from.isoformat() if self.counted_from else None,
            "counted_to": self.counted_to.isoformat() if self.counted_to else None,
        }


@dataclass(frozen=True)
class Span:
    """A merged period of teaching without a gap; both days are included."""

    start: date
    end: date
    months: int

    def as_facts(self) -> dict[str, Any]:
        """Return the span as plain data for a ruling."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat(), "months": self.months}


@dataclass(frozen=True)
class TeachingMonths:
    """The answer: whole months, with the rows and merged periods behind them."""

    months: int
    rows: tuple[RowEvidence, ...]
    spans: tuple[Span, ...]

    def as_facts(self) -> dict[str, Any]:
        """Return what an expression sees: months, rows, spans as plain data."""
        return {
            "months": self.months,
            "rows": [row.as_facts() for row in self.rows],
            "spans": [span.as_facts() for span in self.spans],
        }


def whole_months(start: date, end: date) -> int:
    """Return the whole months from ``start`` to ``end``, both days included; a begun month does not count.

    A month is complete on the day before the day of the same number in the next month; where the next month has
    no such day, on its last day (民法典 第202条). So 1 Sep to 30 Sep is one month, 1 Sep to 29 Sep none, and
    31 Jan is followed by one whole month on the last of February.
    """
    after = end + timedelta(days=1)
    months = (after.year - start.year) * 12 + after.month - start.month
    return months if after.day >= start.day else months - 1


def teaching_months(
    rows: Iterable[Mapping[str, Any]], close_at: date | datetime,
    unit_kinds: Collection[str], duties: Collection[str],
) -> TeachingMonths:
    """Count teaching experience in whole months up to and including the day of ``close_at`` (I3, I4).

    A row is ``{start, end, unit_kind, duty}``: first and last day (dates or ISO text; ``end`` null = still going
    on), kind of unit, kind of duty. It counts when its unit is one of ``unit_kinds`` and its duty one of
    ``duties``; what lies after the closing day is cut off. Overlapping and adjoining periods are merged, gaps
    removed, and the **whole months of every merged period** are added. The days of a period that do not make a
    whole month are dropped and not collected across periods: nothing is rounded up. FactsRefused when a date cannot
    be read or a row ends before it starts.
    """
    last_day = office_day(close_at)
    evidence: list[RowEvidence] = []
    for number, row in enumerate(rows, start=1):
        evidence.append(_judge(number, row, last_day, unit_kinds, duties))
    spans = _merge([(row.counted_from, row.counted_to) for row in evidence if row.counted_from and row.counted_to])
    return TeachingMonths(sum(span.months for span in spans), tuple(evidence), spans)


def _judge(
    number: int, row: Mapping[str, Any], last_day: date, unit_kinds: Collection[str], duties: Collection[str],
) -> RowEvidence:
    start = _day(row.get("start"), number, "起始日期")
    if start is None:
        raise FactsRefused(fact=f"教学经历第{number}行", reason="缺少起始日期")
    end = _day(row.get("end"), number, "结束日期")
    if end is not None and end < start:
        raise FactsRefused(fact=f"教学经历第{number}行", reason="结束日期不能早于开始日期")
    unit_kind, duty = str(row.get("unit_kind") or ""), str(row.get("duty") or "")

    def ruled(counted: bool, reason: str, to: date | None = None) -> RowEvidence:
        return RowEvidence(number, start, end, unit_kind, duty, counted, reason, start if counted else None, to)

    if duty not in duties:
        return ruled(False, f"不计：{duty or '未填'}不是{'、'.join(duties)}")
    if unit_kind not in unit_kinds:
        return ruled(False, f"不计：{unit_kind or '未填'}不在计入的单位类型内")
    if start > last_day:
        return ruled(False, f"不计：始于截止日{last_day}之后")
    if end is None or end > last_day:
        return ruled(True, f"计至截止日{last_day}", last_day)
    return ruled(True, "计入", end)


def _day(value: Any, number: int, which: str) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, (date, datetime)):
        return office_day(value)
    text = str(value)
    try:
        return office_day(datetime.fromisoformat(text)) if "T" in text else date.fromisoformat(text)
    except ValueError:
        raise FactsRefused(fact=f"教学经历第{number}行", reason=f"{which}不是日期") from None


def _merge(periods: Iterable[tuple[date, date]]) -> tuple[Span, ...]:
    merged: list[tuple[date, date]] = []
    for start, end in sorted(periods):
        if merged and start <= merged[-1][1] + timedelta(days=1):
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(Span(start, end, whole_months(start, end)) for start, end in merged)
