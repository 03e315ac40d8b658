"""The values of FEEL: numbers of 34 digits, durations in months, ranges; and the kind of each value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import total_ordering
from typing import Any

#: A FEEL value: None, bool, Decimal, str, date, time, datetime, timedelta, YearsMonths, Range, list, Mapping, function.
Value = Any

#: IEEE 754-2008 decimal128, as the standard asks (10.3.2.3.1). Traps are off: results are checked with is_finite.
NUMBERS = Context(prec=34, rounding=ROUND_HALF_EVEN, Emin=-6143, Emax=6144, traps=[])


@total_ordering
@dataclass(frozen=True, slots=True)
class YearsMonths:
    """A years and months duration: a whole number of months, possibly negative."""

    months: int

    def __lt__(self, other: YearsMonths) -> bool:
        return self.months < other.months

    def __str__(self) -> str:
        years, months = divmod(abs(self.months), 12)
        sign = "-" if self.months < 0 else ""
        return f"{sign}P" + ((f"{years}Y" if years else "") + (f"{months}M" if months else "") or "0M")


@dataclass(frozen=True, slots=True)
class Range:
    """``[low..high]``; ``sign`` is set for a range written with one end, whose other end is unbounded."""

    low: Value
    high: Value
    low_closed: bool
    high_closed: bool
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """A function made by FEEL: ``call`` takes the evaluated arguments in the order of ``parameters``."""

    parameters: tuple[str, ...]
    call: Callable[..., Value]
    #: Parameter and result types as declared; None where unknown.
    types: tuple[Any, ...] = ()
    result: Any = None
    name: str = ""


_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    Decimal: "number",
    str: "string",
    list: "list",
    dict: "context",
    dt.datetime: "date and time",
    dt.date: "date",
    dt.time: "time",
    dt.timedelta: "days and time duration",
    YearsMonths: "years and months duration",
    Range: "range",
    Function: "function",
}


def register(kind: str, *types: type) -> None:
    """Let further classes count as values of ``kind`` (dates of far years, built-in functions)."""
    for cls in types:
        _KINDS[cls] = kind


def kind(value: Value) -> str:
    """The name of the FEEL type of a value that has been read with ``known``."""
    found = _KINDS.get(type(value))
    if found is None:
        found = _kind_by_class(value)
        if not isinstance(value, type) and found != "function":
            _KINDS[type(value)] = found
    return found


def _kind_by_class(value: Value) -> str:
    for cls in (bool, Decimal, str, list, dt.datetime, dt.date, dt.time, dt.timedelta):
        if isinstance(value, cls):
            return _KINDS[cls]
    if isinstance(value, Mapping):
        return "context"
    return "function" if callable(value) else "unknown"


READY = frozenset({type(None), bool, Decimal, str, dict, dt.date, dt.datetime, dt.time, dt.timedelta, YearsMonths})

_SCALAR = READY - {dict}


def known(value: Value) -> Value:
    """A value from outside as FEEL sees it: int and float become numbers, sequences lists; a mapping stays lazy."""
    cls = type(value)
    if cls in READY:
        return value
    if cls is int:
        return NUMBERS.create_decimal(value)
    if cls is list or cls is tuple:
        return [known(item) for item in value]
    if cls is float:
        number = NUMBERS.create_decimal(str(value))
        return number if number.is_finite() else None
    return _unusual(value)


def _unusual(value: Value) -> Value:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return NUMBERS.create_decimal(int(value))
    if isinstance(value, (list, tuple, set, frozenset)):
        return [known(item) for item in value]
    return value


def plain(value: Value, spend: Callable[[int], None] | None = None) -> Value:
    """The value with every context as a dict and every list as a fresh list, to hand to the outside."""
    cls = type(value)
    if cls in _SCALAR:
        return value
    if isinstance(value, list):
        if spend is not None:
            spend(len(value))
        return [plain(item, spend) for item in value]
    if cls is dict or isinstance(value, Mapping):
        if spend is not None:
            spend(len(value))
        return {key: plain(known(value[key]), spend) for key in value}
    return value


def number(value: int | str | Decimal) -> Decimal:
    """A number of at most 34 digits."""
    return NUMBERS.create_decimal(value)
