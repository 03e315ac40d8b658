"""What expressions see of the arithmetic: ``teaching months``, ``working days``, ``working days after``, ``due``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from workflows.errors import FactsRefused
from workflows.policies.pack import Pack
from workflows.policies.school_years import school_year_of
from workflows.policies.teaching import teaching_months
from workflows.policies.working_days import SHANGHAI, add_working_days, office_day

#: Names of the functions, for compiling expressions that use them.
FUNCTION_NAMES = ("teaching months", "working days", "working days after", "due", "school year")


def functions(pack: Pack, *, now: datetime) -> Mapping[str, Callable[..., Any]]:
    """Return the house's arithmetic as functions of expressions, for one pack and one moment (aware).

    * ``teaching months(history, close_at, unit_kinds, duties)`` -> {months, rows, spans}; I3–I5. Null for a null
      argument: a place that is silent has no list of units.
    * ``working days(n)`` -> the moment at which a period of n working days from now ends; I21.
    * ``working days after(start, n)`` -> the same from another day or moment.
    * ``due(step)`` -> the end of the step's period, ``policy.deadlines.<step>`` working days from now.
    * ``school year(day)`` -> {start, end}; I8.

    Moments are given in Asia/Shanghai. ``due`` reads the given pack: pass a recording pack to have it cited.
    """

    def months(
        history: list[Mapping[str, Any]] | None, close_at: Any, unit_kinds: list[str] | None, duties: list[str] | None,
    ) -> Any:
        if history is None or close_at is None or unit_kinds is None or duties is None:
            return None
        return teaching_months(history, _day(close_at), unit_kinds, duties).as_facts()

    def working_days(n: Decimal) -> datetime:
        return add_working_days(now, int(n), pack.calendar).at.astimezone(SHANGHAI)

    def working_days_after(start: Any, n: Decimal) -> datetime:
        return add_working_days(_day(start), int(n), pack.calendar).at.astimezone(SHANGHAI)

    def due(step: str) -> datetime:
        n = pack["deadlines"][step]
        return working_days(n)

    def school_year(day: Any) -> Any:
        first, last = school_year_of(_day(day))
        return {"start": first, "end": last}

    return {
        "teaching months": months, "working days": working_days, "working days after": working_days_after,
        "due": due, "school year": school_year,
    }


def _day(value: Any) -> date:
    """Return the Shanghai day of a day or moment given as a value or as ISO text."""
    if isinstance(value, (date, datetime)):
        return office_day(value)
    try:
        text = str(value)
        return office_day(datetime.fromisoformat(text)) if "T" in text else date.fromisoformat(text)
    except ValueError:
        raise FactsRefused(fact="日期", reason=f"“{value}”不是日期") from None
