"""Reading into values: paths (``a.b``), properties of dates and ranges, filters by position and by condition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from workflows.feel import temporal
from workflows.feel.builtins_time import weekday
from workflows.feel.scope import Run, Scope
from workflows.feel.values import Range, Value, YearsMonths, kind


def entry(value: Value, name: str, run: Run) -> Value:
    """``value.name``; over a list, the list of the items' entries."""
    if type(value) is dict or isinstance(value, Mapping):
        return run.ready(value[name]) if name in value else None
    if value is None:
        return None
    if isinstance(value, list):
        run.spend(2 * len(value))
        return [entry(item, name, run) for item in value]
    properties = _PROPERTIES.get(kind(value), {})
    read = properties.get(name)
    if read is None:
        return run.fail(f"a {kind(value)} has no “{name}”")
    return read(value)


def _clock(value: Value) -> dt.time:
    return value if isinstance(value, dt.time) else temporal.split(value)[1]


def _day(value: Value) -> temporal.AnyDate:
    return value if kind(value) == "date" else temporal.split(value)[0]


def _zone_name(value: Value) -> str | None:
    zone = temporal.zone_of(value)
    return getattr(zone, "key", None) if zone is not None else None


def _whole(length: dt.timedelta, unit: int, modulus: int) -> Decimal:
    size = abs(length) // dt.timedelta(seconds=unit) % modulus
    return Decimal(-size if length < dt.timedelta() else size)


def _signed(months: int, part: int) -> Decimal:
    return Decimal(-part if months < 0 else part)


_DATE: dict[str, Callable[[Value], Value]] = {
    "year": lambda v: Decimal(_day(v).year),
    "month": lambda v: Decimal(_day(v).month),
    "day": lambda v: Decimal(_day(v).day),
    "weekday": lambda v: Decimal(weekday(_day(v))),
}
_TIME: dict[str, Callable[[Value], Value]] = {
    "hour": lambda v: Decimal(_clock(v).hour),
    "minute": lambda v: Decimal(_clock(v).minute),
    "second": lambda v: Decimal(_clock(v).second),
    "time offset": temporal.offset_of,
    "timezone": _zone_name,
}
_PROPERTIES: dict[str, dict[str, Callable[[Value], Value]]] = {
    "date": _DATE,
    "time": _TIME,
    "date and time": {**_DATE, **_TIME},
    "days and time duration": {
        "days": lambda v: _whole(v, 86_400, 10**12),
        "hours": lambda v: _whole(v, 3_600, 24),
        "minutes": lambda v: _whole(v, 60, 60),
        "seconds": lambda v: _whole(v, 1, 60),
    },
    "years and months duration": {
        "years": lambda v: _signed(v.months, abs(v.months) // 12),
        "months": lambda v: _signed(v.months, abs(v.months) % 12),
    },
    "range": {
        "start": lambda v: v.low,
        "end": lambda v: v.high,
        "start included": lambda v: v.low_closed,
        "end included": lambda v: v.high_closed,
    },
}


def at_position(items: list[Value], position: Decimal, run: Run) -> Value:
    """The item at a position, from 1, or from the end where negative; null outside the list."""
    at = int(position) if abs(position) <= len(items) and position == position.to_integral_value() else 0
    if at == 0 or abs(at) > len(items):
        return run.fail(f"position {position} is outside the list")
    return items[at - 1 if at > 0 else at]


def item_scope(scope: Scope, item: Value) -> Scope:
    """Inside a filter an item is ``item``, and the entries of a context are in sight by their names."""
    inner = Scope({"item": item}, scope, scope.run)
    return Scope(item, inner, scope.run, outside=True) if isinstance(item, Mapping) else inner


def filtered(
    items: list[Value], condition: Callable[[Scope], Value], scope: Scope, cost: int = 1, *, named: bool = True
) -> Value:
    """Items for which the condition is true; or the item at the position that it gives.

    ``named``: the condition speaks of ``item``; else the entries of an item need no scope around them.
    """
    run = scope.run
    if not items:
        with run.aside() as silent:
            position = type(condition(Scope({}, scope, silent))) is Decimal
        return run.fail("the list is empty") if position else []
    kept: list[Value] = []
    for index, item in enumerate(items):
        run.spend(cost)
        inner = item_scope(scope, item) if named or type(item) is not dict else Scope(item, scope, run, outside=True)
        answer = condition(inner)
        if answer is True:
            kept.append(item)
        elif index == 0 and type(answer) is Decimal:
            return at_position(items, answer, run)
        elif answer is not False and answer is not None:
            return run.fail(f"the filter gives a {kind(answer)}, not a boolean")
    return kept


def steps(start: Value, end: Value, run: Run) -> Iterator[Value]:
    """Every number or day from ``start`` to ``end``, upwards or downwards."""
    if isinstance(start, Decimal) and isinstance(end, Decimal):
        if start != start.to_integral_value() or end != end.to_integral_value() or max(abs(start), abs(end)) > 10**15:
            run.fail("an iteration runs over whole numbers")
            return
        low, high = int(start), int(end)
        for number in range(low, high + 1) if low <= high else range(low, high - 1, -1):
            yield Decimal(number)
    elif kind(start) == kind(end) == "date":
        first, last = temporal.day_number(start), temporal.day_number(end)
        for number in range(first, last + 1) if first <= last else range(first, last - 1, -1):
            run.spend(2)
            yield temporal.day_of(number)
    else:
        run.fail(f"no iteration runs from a {kind(start)} to a {kind(end)}")


def domain(value: Value, run: Run) -> Iterator[Value] | None:
    """What an iteration runs over: the items of a list, the members of a bounded range, or one value."""
    if isinstance(value, list):
        return iter(value)
    if value is None:
        return run.fail("the iteration has nothing to run over: null")
    if isinstance(value, Range):
        if value.low is None or value.high is None or kind(value.low) not in ("number", "date"):
            return run.fail("an iteration needs a range of numbers or dates with both ends")
        members = steps(value.low, value.high, run)
        return (m for m in members if (value.low_closed or m != value.low) and (value.high_closed or m != value.high))
    return iter([value])


__all__ = ["YearsMonths", "at_position", "domain", "entry", "filtered", "item_scope", "steps"]
