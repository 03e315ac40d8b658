"""Training hours of a year (domain.md I10, I11): only recognised hours of that year, one decimal, never rounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from workflows.errors import FactsRefused
from workflows.policies.working_days import office_day

_TENTH = Decimal("0.1")


@dataclass(frozen=True)
class HoursRow:
    """One record of training, and what of it counts."""

    #: 1-based row as handed in.
    row: int
    day: date
    #: Hours that count, 课时 or 学时; one decimal.
    hours: Decimal
    counted: bool
    reason: str

    def as_facts(self) -> dict[str, Any]:
        """Return the row as plain data for a ruling: the day in ISO form, as a period of one day."""
        return {"row": self.row, "start": self.day.isoformat(), "end": self.day.isoformat(), "hours": self.hours,
                "counted": self.counted, "reason": self.reason}


@dataclass(frozen=True)
class TrainingHours:
    """The answer: the sum of a calendar year and the records behind it."""

    total: Decimal
    rows: tuple[HoursRow, ...]

    def as_facts(self) -> dict[str, Any]:
        """Return what an expression sees: total, rows as plain data."""
        return {"total": self.total, "rows": [row.as_facts() for row in self.rows]}


def training_hours(records: Iterable[Mapping[str, Any]], year: int | Decimal) -> TrainingHours:
    """Add the recognised hours of a calendar year (I10, I11).

    A record is ``{date, hours_claimed, hours_recognised}``; ``hours_recognised`` null = not audited yet: it does not
    count. A record of another year does not count either: nothing is carried over. FactsRefused for a year that is
    no whole number, a day that is none, hours below 0, with more than one decimal, or recognised beyond the claim.
    """
    if year != int(year) or not 1949 <= year <= 9999:
        raise FactsRefused(fact="year", reason=f"“{year}”不是年度")
    rows = tuple(_judge(number, record, int(year)) for number, record in enumerate(records, start=1))
    return TrainingHours(sum((row.hours for row in rows if row.counted), Decimal(0)), rows)


def is_hours(value: Decimal | int) -> bool:
    """Return whether a number may be a number of hours: not below 0, at most one decimal (71.96 is none)."""
    number = Decimal(value)
    return number >= 0 and number == number.quantize(_TENTH)


def _judge(number: int, record: Mapping[str, Any], year: int) -> HoursRow:
    day = _day(record.get("date"), number)
    claimed = _hours(record, "hours_claimed", number, "申报学时")
    recognised = _hours(record, "hours_recognised", number, "认定学时")
    if recognised is not None and claimed is not None and recognised > claimed:
        raise FactsRefused(fact=f"records[{number}].hours_recognised", reason=f"认定学时 {recognised} 多于申报学时 {claimed}")
    if day.year != year:
        return HoursRow(number, day, recognised or Decimal(0), False, f"不计：不在{year}年，不跨年结转")
    if recognised is None:
        return HoursRow(number, day, Decimal(0), False, "不计：尚未审核认定")
    return HoursRow(number, day, recognised, True, f"计入 {recognised}")


def _hours(record: Mapping[str, Any], part: str, number: int, which: str) -> Decimal | None:
    value = record.get(part)
    if value is None:
        return None
    hours = Decimal(value)
    if not is_hours(hours):
        raise FactsRefused(fact=f"records[{number}].{part}", reason=f"{which}“{hours}”应不小于 0，至多一位小数")
    return hours


def _day(value: Any, number: int) -> date:
    if isinstance(value, (date, datetime)):
        return office_day(value)
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise FactsRefused(fact=f"records[{number}].date", reason="日期不是日期") from None
