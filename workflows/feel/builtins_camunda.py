"""Functions beyond the standard that Camunda's and bpmn.io's editors offer, so that what is drawn there runs here."""

from __future__ import annotations

import calendar

from workflows.feel import temporal
from workflows.feel.compare import equal
from workflows.feel.functions import built_in
from workflows.feel.scope import Run
from workflows.feel.values import Value, kind


@built_in("is defined", "value: any")
def is_defined(run: Run, value: Value) -> bool:
    return value is not None


@built_in("get or else", "value: any, default: any")
def get_or_else(run: Run, value: Value, default: Value) -> Value:
    return default if value is None else value


@built_in("is empty", "list: list")
def is_empty(run: Run, items: list[Value]) -> bool:
    return not items


@built_in("is blank", "string: text")
def is_blank(run: Run, text: str) -> bool:
    return not text.strip()


@built_in("trim", "string: text")
def trim(run: Run, text: str) -> str:
    return text.strip()


@built_in("duplicate values", "list: list")
def duplicate_values(run: Run, items: list[Value]) -> list[Value]:
    """Each value that occurs more than once, one time."""
    found: list[Value] = []
    for at, item in enumerate(items):
        run.spend(len(items))
        again = any(equal(item, other, run.spend) for other in items[at + 1 :])
        if again and not any(equal(item, other, run.spend) for other in found):
            found.append(item)
    return found


@built_in("last day of month", "date: moment|date")
def last_day_of_month(run: Run, value: Value) -> Value:
    day = value if kind(value) == "date" else temporal.split(value)[0]
    return temporal.make_date(day.year, day.month, calendar.monthrange((day.year - 1) % 400 + 1, day.month)[1])
