"""Plain values: what an instance variable may be, and how any FEEL value becomes one.

Plain is str, int, bool, None, list, dict with text keys, and Decimal for numbers that are not whole. Days and moments are
ISO strings (`2026-11-21`, `2026-11-21T09:00:00+08:00`), as forms write them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from workflows.engine.errors import ValueNotPlain
from workflows.feel import YearsMonths

#: Deepest nesting kept; a form's tables of rows nest three deep.
MAX_DEPTH = 40
#: Whole numbers up to this many digits become int; longer ones stay Decimal, so that 1E+9999 costs nothing.
_MAX_DIGITS = 40


def plain(value: Any, name: str) -> Any:
    """Return a copy of ``value`` made of plain values only, sharing nothing with it that could change.

    ``name`` is the variable, for the refusal. Decimals without decimal places become int, others keep their digits
    (`1200.00` stays `1200.00`). Raises ValueNotPlain for functions, ranges, infinities and text that is not Unicode.
    """
    return _plain(value, name, MAX_DEPTH)


def _plain(value: Any, name: str, depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is int:
        return value
    if kind is str:
        return _text(value, name)
    if depth == 0:
        raise ValueNotPlain(name=name, reason="嵌套过深")
    if kind is dict or isinstance(value, Mapping):
        return {_key(key, name): _plain(item, name, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, name, depth - 1) for item in value]
    return _scalar(value, name)


def _scalar(value: Any, name: str) -> Any:
    if isinstance(value, Decimal):
        return _number(value, name)
    if isinstance(value, float):
        return _number(Decimal(repr(value)), name)
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _duration(value)
    moment = getattr(value, "at", None)
    if isinstance(moment, datetime):  # a due moment of the policy pack
        return moment.isoformat()
    if callable(value):
        raise ValueNotPlain(name=name, reason="是函数")
    if isinstance(value, (str, int)):  # subclasses (enumerations) lose their class
        return str(value) if isinstance(value, str) else int(value)
    if isinstance(value, YearsMonths):
        return str(value)
    raise ValueNotPlain(name=name, reason=f"类型 {type(value).__name__} 不能保存")


def _number(value: Decimal, name: str) -> int | Decimal:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueNotPlain(name=name, reason="不是有限的数")
    if exponent >= 0 and value.adjusted() < _MAX_DIGITS:
        return int(value)
    return value


def _text(value: str, name: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueNotPlain(name=name, reason="文字编码不正确") from None
    return value


def _key(key: Any, name: str) -> str:
    if not isinstance(key, str):
        raise ValueNotPlain(name=name, reason="键不是文字")
    return _text(str(key), name)


def _duration(value: timedelta) -> str:
    sign = "-" if value < timedelta(0) else ""
    value = abs(value)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    tail = f"{seconds}.{value.microseconds:06d}".rstrip("0") if value.microseconds else str(seconds)
    clock = "".join((f"{hours}H" * bool(hours), f"{minutes}M" * bool(minutes), f"{tail}S" * (tail != "0")))
    days = f"{value.days}D" * bool(value.days)
    return f"{sign}P{days}{'T' if clock else ''}{clock}" if days or clock else "PT0S"
