"""Equality, order and membership of values, with null where two values cannot be compared (10.3.2.13)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from workflows.feel.temporal import FarDate, FarDateTime, instant
from workflows.feel.values import Range, Value, kind, known

Spend = Callable[[int], None]


def free(steps: int) -> None:
    """No bound: for values that are known to be small."""


def equal(left: Value, right: Value, spend: Spend = free) -> bool | None:
    """Whether two values are equal; None when their kinds differ and neither is null."""
    if left is None or right is None:
        return left is None and right is None
    what = kind(left)
    if what != kind(right):
        return None
    if what == "string":
        spend(len(left) >> 8)
        return bool(left == right)
    if what == "list":
        spend(len(left))
        return _all_equal(zip(left, right, strict=True), spend) if len(left) == len(right) else False
    if what == "context":
        return _same_entries(left, right, spend)
    if what in ("time", "date and time"):
        spend(4)
        return _same_second(left, right)
    if what == "range":
        spend(4)
        return _same_range(left, right)
    return bool(left == right)


def _all_equal(pairs: Iterable[tuple[Value, Value]], spend: Spend = free) -> bool | None:
    unknown = False
    for left, right in pairs:
        answer = equal(left, right, spend)
        if answer is False:
            return False
        unknown = unknown or answer is None
    return None if unknown else True


def _same_entries(left: Mapping[str, Value], right: Mapping[str, Value], spend: Spend) -> bool | None:
    if len(left) != len(right):
        return False
    spend(2 * len(left))
    if set(left) != set(right):
        return False
    return _all_equal(((known(left[key]), known(right[key])) for key in left), spend)


def _same_second(left: Value, right: Value) -> bool:
    """The standard compares hour, minute, second and offset (table 53): fractions of a second do not count."""
    return instant(left, whole=True) == instant(right, whole=True)


def _same_range(left: Range, right: Range) -> bool | None:
    flags = left.sign == right.sign and left.low_closed == right.low_closed and left.high_closed == right.high_closed
    if not flags:
        return False
    return _all_equal(zip((left.low, left.high), (right.low, right.high), strict=True))


#: Kinds that have an order.
_ORDERED = frozenset(
    {"number", "string", "date", "time", "date and time", "days and time duration", "years and months duration"}
)


def before(left: Value, right: Value) -> bool | None:
    """``left < right``; None when the two have no order."""
    if type(left) is type(right) and type(left) in (Decimal, str, dt.date, dt.timedelta):
        return bool(left < right)
    what = kind(left)
    if what != kind(right) or what not in _ORDERED:
        return None
    if what in ("time", "date and time") or isinstance(left, FarDate) or isinstance(right, FarDate):
        first, second = instant(left), instant(right)
        if first[0] != second[0]:
            return None  # one has a zone, the other has not
        return first < second
    return bool(left < right)


def at_most(left: Value, right: Value) -> bool | None:
    """``left <= right``; None when the two have no order."""
    later = before(right, left)
    return None if later is None else not later


def within(value: Value, interval: Range) -> bool | None:
    """Whether a value lies in a range; None when it cannot be compared with an end."""
    if interval.sign == "!=":
        same = equal(value, interval.low)
        return None if same is None else not same
    if value is None or (interval.sign == "" and (interval.low is None or interval.high is None)):
        return None
    answer: bool | None = True
    if interval.low is not None:
        answer = at_most(interval.low, value) if interval.low_closed else before(interval.low, value)
    if answer and interval.high is not None:
        answer = at_most(value, interval.high) if interval.high_closed else before(value, interval.high)
    return answer


def holds(value: Value, test: Value, spend: Spend = free) -> bool | None:
    """Whether a value meets a test that is itself a value: a range, a list of tests, or an equal value."""
    if isinstance(test, Range) and not isinstance(value, Range):
        return within(value, test)
    if isinstance(test, list):
        spend(len(test))
        if isinstance(value, list) and equal(value, test, spend):
            return True
        unknown = False
        for item in test:
            answer = holds(value, item, spend)
            if answer:
                return True
            unknown = unknown or answer is None
        return None if unknown and value is None else False
    return equal(value, test, spend)


__all__ = ["FarDate", "FarDateTime", "at_most", "before", "equal", "holds", "within"]
