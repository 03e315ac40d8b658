"""Built-in functions over strings, and conversions to and from strings (10.3.4.1, 10.3.4.3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from workflows.feel import temporal
from workflows.feel.functions import built_in
from workflows.feel.lexer import quote
from workflows.feel.names import MAX_NAME, words
from workflows.feel.pattern import Pattern, PatternRefused, compile_pattern
from workflows.feel.scope import Run
from workflows.feel.values import NUMBERS, Range, Value


@built_in("string", "from: any")
def string(run: Run, value: Value) -> str | None:
    """The value as text; null stays null."""
    return None if value is None else show(value, run)


def show(value: Value, run: Run, *, inside: bool = False) -> str:
    """The value as FEEL text; strings are quoted only inside lists and contexts."""
    run.spend(2)
    if isinstance(value, str):
        run.spend(len(value) >> 4)
        return quote(value) if inside else value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Decimal):
        return show_number(value)
    if isinstance(value, list):
        return "[" + ", ".join(show(item, run, inside=True) for item in value) + "]"
    if isinstance(value, Mapping):
        run.spend(sum(4 + (len(str(key)) >> 4) for key in value))
        pairs = (f"{_show_key(key)}: {show(run.ready(value[key]), run, inside=True)}" for key in value)
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, Range):
        if value.sign:
            return f"({value.sign} {show(value.high if value.low is None else value.low, run, inside=True)})"
        low, high = show(value.low, run, inside=True), show(value.high, run, inside=True)
        return f"{'[' if value.low_closed else '('}{low}..{high}{']' if value.high_closed else ')'}"
    if callable(value) or hasattr(value, "call"):
        return "function"
    text = temporal.write(value)
    if inside and isinstance(value, (dt.date, dt.time, dt.timedelta, temporal.FarDate, temporal.FarDateTime)):
        return f'@"{text}"'
    return f'@"{text}"' if inside else text


def _show_key(key: str) -> str:
    return key if len(key) <= MAX_NAME and words(key) and key.replace(" ", "").isidentifier() else quote(key)


def show_number(value: Decimal) -> str:
    """Plain digits without a trailing point; an exponent only where zeros would fill the page."""
    if value and not -30 <= value.adjusted() <= 40:
        return str(value)
    return format(value, "f") if value else "0"


@built_in("number", "from: text, grouping separator?: text|null, decimal separator?: text|null")
def number(run: Run, text: str, grouping: str | None = None, decimal: str | None = None) -> Decimal | None:
    if grouping is not None and grouping not in (" ", ",", "."):
        return run.fail("number: the grouping separator is one of space, comma and point")
    if decimal is not None and decimal not in (",", "."):
        return run.fail("number: the decimal separator is comma or point")
    if grouping is not None and grouping == decimal:
        return run.fail("number: the two separators are the same")
    plain = text.replace(grouping, "") if grouping else text
    plain = plain.replace(decimal, ".") if decimal else plain
    body = plain.removeprefix("-").removeprefix("+")
    if not body.isascii() or not set(body) <= set("0123456789.eE+-") or not any(c.isdigit() for c in body):
        return run.fail(f"number: {text!r} is not a number")
    value = NUMBERS.create_decimal(plain)
    return value if value.is_finite() else run.fail(f"number: {text!r} is not a number")


@built_in("string length", "string: text")
def string_length(run: Run, text: str) -> Decimal:
    return Decimal(len(text))


@built_in("substring", "string: text, start position: number, length?: number")
def substring(run: Run, text: str, start: Decimal, length: Decimal | None = None) -> str | None:
    """Positions count from 1, negative ones from the end."""
    at = int(start) if abs(start) < len(text) + 1 else 0
    if at == 0:
        return run.fail(f"substring: position {start} is outside the string")
    if length is not None and length < 1:
        return run.fail("substring: the length is not positive")
    begin = at - 1 if at > 0 else len(text) + at
    return text[begin:] if length is None or length > len(text) else text[begin : begin + int(length)]


@built_in("upper case", "string: text")
def upper_case(run: Run, text: str) -> str:
    return text.upper()


@built_in("lower case", "string: text")
def lower_case(run: Run, text: str) -> str:
    return text.lower()


@built_in("substring before", "string: text, match: text")
def substring_before(run: Run, text: str, match: str) -> str:
    return text.partition(match)[0] if match and match in text else ""


@built_in("substring after", "string: text, match: text")
def substring_after(run: Run, text: str, match: str) -> str:
    return text.partition(match)[2] if match else text


@built_in("contains", "string: text, match: text")
def contains(run: Run, text: str, match: str) -> bool:
    return match in text


@built_in("starts with", "string: text, match: text")
def starts_with(run: Run, text: str, match: str) -> bool:
    return text.startswith(match)


@built_in("ends with", "string: text, match: text")
def ends_with(run: Run, text: str, match: str) -> bool:
    return text.endswith(match)


@built_in("string join", "list: list, delimiter?: text|null")
def string_join(run: Run, items: list[Value], delimiter: str | None = None) -> str | None:
    """Null items are left out."""
    run.spend(len(items))
    parts = [item for item in items if item is not None]
    if not all(isinstance(part, str) for part in parts):
        return run.fail("string join: an item is not a string")
    run.room(sum(map(len, parts)) + len(parts) * len(delimiter or ""))
    return (delimiter or "").join(parts)


def _pattern(run: Run, name: str, pattern: str, flags: str | None) -> Pattern | None:
    run.spend(4 * (1 + len(pattern)))
    try:
        return compile_pattern(pattern, flags or "")
    except PatternRefused as refused:
        return run.fail(f"{name}: {refused}")


@built_in("matches", "input: text, pattern: text, flags?: text|null")
def matches(run: Run, text: str, pattern: str, flags: str | None = None) -> bool | None:
    found = _pattern(run, "matches", pattern, flags)
    return None if found is None else found.search(text, run.spend) is not None


@built_in("replace", "input: text, pattern: text, replacement: text, flags?: text|null")
def replace(run: Run, text: str, pattern: str, replacement: str, flags: str | None = None) -> str | None:
    found = _pattern(run, "replace", pattern, flags)
    if found is None:
        return None
    try:
        result = found.replace(text, replacement, run.spend)
    except PatternRefused as refused:
        return run.fail(f"replace: {refused}")
    run.room(len(result))
    return result


@built_in("split", "string: text, delimiter: text")
def split(run: Run, text: str, delimiter: str) -> list[Value] | None:
    found = _pattern(run, "split", delimiter, None)
    return None if found is None else list(found.split(text, run.spend))
