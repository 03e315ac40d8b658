"""``+ - * / **`` and unary minus over numbers, strings, dates, times and durations (10.3.2.3, tables 50–52)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

from workflows.feel import temporal
from workflows.feel.scope import Run
from workflows.feel.values import NUMBERS, Value, YearsMonths, kind

_MICRO = dt.timedelta(microseconds=1)


def add(left: Value, right: Value, run: Run) -> Value:
    """``left + right``."""
    if type(left) is Decimal and type(right) is Decimal:
        return checked(NUMBERS.add(left, right), run)
    if left is None or right is None:
        return run.fail("+ with null")
    first, second = kind(left), kind(right)
    if first == "string" and second == "string":
        run.room(len(left) + len(right))
        return left + right
    if second in _POINTS and first in _LENGTHS:
        return shift(right, left, run)
    if first in _POINTS and second in _LENGTHS:
        return shift(left, right, run)
    if first == second and first in _LENGTHS:
        return _lengths(left, right, 1, run)
    return _mismatch("+", left, right, run)


def subtract(left: Value, right: Value, run: Run) -> Value:
    """``left - right``."""
    if type(left) is Decimal and type(right) is Decimal:
        return checked(NUMBERS.subtract(left, right), run)
    if left is None or right is None:
        return run.fail("- with null")
    first, second = kind(left), kind(right)
    if first in _POINTS and second in _LENGTHS:
        return shift(left, negate(right, run), run)
    if first in _POINTS and second in _POINTS and (first == "time") == (second == "time"):
        return _between(left, right, run)
    if first == second and first in _LENGTHS:
        return _lengths(left, right, -1, run)
    return _mismatch("-", left, right, run)


def multiply(left: Value, right: Value, run: Run) -> Value:
    """``left * right``; a duration times a number is a duration."""
    if type(left) is Decimal and type(right) is Decimal:
        return checked(NUMBERS.multiply(left, right), run)
    if left is None or right is None:
        return run.fail("* with null")
    first, second = kind(left), kind(right)
    if first == "number" and second in _LENGTHS:
        return _scaled(right, left, NUMBERS.multiply, run)
    if first in _LENGTHS and second == "number":
        return _scaled(left, right, NUMBERS.multiply, run)
    return _mismatch("*", left, right, run)


def divide(left: Value, right: Value, run: Run) -> Value:
    """``left / right``; division by zero is null."""
    if type(left) is Decimal and type(right) is Decimal:
        if not right:
            return run.fail("division by zero")
        return checked(NUMBERS.divide(left, right), run)
    if left is None or right is None:
        return run.fail("/ with null")
    first, second = kind(left), kind(right)
    if first in _LENGTHS and second == "number":
        return _scaled(left, right, NUMBERS.divide, run) if right else run.fail("division by zero")
    if first == second and first in _LENGTHS:
        upper, lower = _size(left), _size(right)
        return checked(NUMBERS.divide(upper, lower), run) if lower else run.fail("division by zero")
    return _mismatch("/", left, right, run)


def power(left: Value, right: Value, run: Run) -> Value:
    """``left ** right``."""
    if type(left) is Decimal and type(right) is Decimal:
        run.spend(100)
        return checked(NUMBERS.power(left, right), run)
    return run.fail("** with null") if left is None or right is None else _mismatch("**", left, right, run)


def negate(value: Value, run: Run) -> Value:
    """``- value``."""
    if type(value) is Decimal:
        return NUMBERS.minus(value)
    if isinstance(value, dt.timedelta):
        return -value
    if isinstance(value, YearsMonths):
        return YearsMonths(-value.months)
    return run.fail(f"- of a {kind(value)}")


OPERATIONS: dict[str, Callable[[Value, Value, Run], Value]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "**": power,
}

_POINTS = frozenset({"date", "time", "date and time"})
_LENGTHS = frozenset({"days and time duration", "years and months duration"})


def checked(number: Decimal, run: Run) -> Decimal | None:
    """The number, or null when it is infinite or none."""
    return number if number.is_finite() else run.fail("the number is too large or undefined")


def _mismatch(sign: str, left: Value, right: Value, run: Run) -> None:
    run.fail(f"{sign} of a {kind(left)} and a {kind(right)}")


def _lengths(left: Value, right: Value, sign: int, run: Run) -> Value:
    try:
        if isinstance(left, YearsMonths):
            return YearsMonths(left.months + sign * right.months)
        return left + sign * right
    except OverflowError:
        return run.fail("the duration is too long")


def _size(length: Value) -> Decimal:
    return Decimal(length.months if isinstance(length, YearsMonths) else length // _MICRO)


def _scaled(length: Value, factor: Decimal, operation: Callable[[Decimal, Decimal], Decimal], run: Run) -> Value:
    size = operation(_size(length), factor)
    if not size.is_finite() or abs(size) > Decimal(10) ** 21:
        return run.fail("the duration is too long")
    if isinstance(length, YearsMonths):
        return YearsMonths(int(size))
    try:
        return dt.timedelta(microseconds=int(size))
    except OverflowError:
        return run.fail("the duration is too long")


def shift(point: Value, length: Value, run: Run) -> Value:
    """A date, time or moment moved by a duration."""
    if isinstance(point, dt.time):
        if isinstance(length, YearsMonths):
            return run.fail("a time cannot move by months")
        moved = dt.datetime.combine(dt.date(2000, 1, 2), point.replace(tzinfo=None)) + length % dt.timedelta(days=1)
        return moved.time().replace(tzinfo=point.tzinfo)
    is_date = kind(point) == "date"
    if isinstance(length, YearsMonths):
        date, time = (point, None) if is_date else temporal.split(point)
        later = add_months(date, length.months)
        if later is None:
            return run.fail("the date is out of range")
        return later if time is None else temporal.join(later, time)
    micros = temporal.instant(point)[1] + length // _MICRO
    moved_to = temporal.moment_at(micros, None if is_date else temporal.zone_of(point))
    if moved_to is None:
        return run.fail("the date is out of range")
    return temporal.split(moved_to)[0] if is_date else moved_to


def add_months(date: temporal.AnyDate, months: int) -> temporal.AnyDate | None:
    """The same day so many months later, or the last day of that month."""
    years, month = divmod(date.month - 1 + months, 12)
    for day in range(date.day, date.day - 4, -1):
        found = temporal.make_date(date.year + years, month + 1, day)
        if found is not None:
            return found
    return None


def _between(later: Value, earlier: Value, run: Run) -> Value:
    first, second = temporal.instant(later), temporal.instant(earlier)
    if first[0] != second[0] and kind(later) == kind(earlier):
        return run.fail("one moment has a zone and the other has none")
    try:
        return dt.timedelta(microseconds=first[1] - second[1])
    except OverflowError:
        return run.fail("the duration is too long")
