"""Built-in functions over ranges and points: the interval relations of table 78 (10.3.4.9), and ``range``."""

from __future__ import annotations

from collections.abc import Callable

from workflows.feel.compare import at_most, before, equal, within
from workflows.feel.functions import built_in
from workflows.feel.scope import Run
from workflows.feel.values import Range, Value

Answer = bool | None


def both(*answers: Callable[[], Answer]) -> Answer:
    """Three-valued ``and``, stopping at the first false."""
    result: Answer = True
    for answer in answers:
        found = answer()
        if found is False:
            return False
        result = None if found is None else result
    return result


def either(*answers: Callable[[], Answer]) -> Answer:
    """Three-valued ``or``, stopping at the first true."""
    result: Answer = False
    for answer in answers:
        found = answer()
        if found:
            return True
        result = None if found is None else result
    return result


def _as_range(value: Value) -> Range:
    return value if isinstance(value, Range) else Range(value, value, True, True)


def _before(a: Range, b: Range) -> Answer:
    touching_open = not (a.high_closed and b.low_closed)
    return either(lambda: before(a.high, b.low), lambda: touching_open and equal(a.high, b.low))


def _meets(a: Range, b: Range) -> Answer:
    return both(lambda: a.high_closed and b.low_closed, lambda: equal(a.high, b.low))


def _starts_no_later(a: Range, b: Range) -> Answer:
    """The start of ``a`` is that of ``b`` or before it."""
    return either(
        lambda: before(a.low, b.low),
        lambda: both(lambda: equal(a.low, b.low), lambda: a.low_closed or not b.low_closed),
    )


def _ends_no_earlier(a: Range, b: Range) -> Answer:
    return either(
        lambda: before(b.high, a.high),
        lambda: both(lambda: equal(a.high, b.high), lambda: a.high_closed or not b.high_closed),
    )


def _includes(a: Range, b: Range) -> Answer:
    return both(lambda: _starts_no_later(a, b), lambda: _ends_no_earlier(a, b))


def _same_start(a: Range, b: Range) -> Answer:
    return both(lambda: a.low_closed == b.low_closed, lambda: equal(a.low, b.low))


def _same_end(a: Range, b: Range) -> Answer:
    return both(lambda: a.high_closed == b.high_closed, lambda: equal(a.high, b.high))


def _starts(a: Range, b: Range) -> Answer:
    return both(lambda: _same_start(a, b), lambda: _ends_no_earlier(b, a))


def _finishes(a: Range, b: Range) -> Answer:
    return both(lambda: _same_end(a, b), lambda: _starts_no_later(b, a))


def _coincides(a: Range, b: Range) -> Answer:
    return both(lambda: _same_start(a, b), lambda: _same_end(a, b))


def _overlaps(a: Range, b: Range) -> Answer:
    def apart(first: Range, second: Range) -> Answer:
        return _before(first, second)

    answer = either(lambda: apart(a, b), lambda: apart(b, a))
    return None if answer is None else not answer


def _overlaps_before(a: Range, b: Range) -> Answer:
    """``a`` starts first, reaches into ``b`` and ends no later than ``b``."""
    starts_first = either(
        lambda: before(a.low, b.low),
        lambda: both(lambda: equal(a.low, b.low), lambda: a.low_closed and not b.low_closed),
    )
    return both(
        lambda: starts_first,
        lambda: either(
            lambda: before(b.low, a.high),
            lambda: both(lambda: equal(b.low, a.high), lambda: b.low_closed and a.high_closed),
        ),
        lambda: _ends_no_earlier(b, a),
    )


def _overlaps_after(a: Range, b: Range) -> Answer:
    """``b`` starts first, reaches into ``a`` and ends no later than ``a``."""
    return _overlaps_before(b, a)


def _relation(name: str, judge: Callable[[Range, Range], Answer], *shapes: tuple[str, str]) -> None:
    """Register ``name`` for each shape: pairs of declarations of the two arguments."""

    def run_relation(run: Run, first: Value, second: Value) -> Answer:
        answer = judge(_as_range(first), _as_range(second))
        return answer if answer is not None else run.fail(f"{name}: the values have no common order")

    for first, second in shapes:
        built_in(name, f"{first}, {second}")(run_relation)


_POINT = "number|text|date|time|moment|days|months"
_RANGES = ("range1: range", "range2: range")
_POINT_RANGE = (f"point: {_POINT}", "range: range")
_RANGE_POINT = ("range: range", f"point: {_POINT}")
_POINTS = (f"point1: {_POINT}", f"point2: {_POINT}")

_relation("before", _before, _RANGES, _POINT_RANGE, _RANGE_POINT)
_relation("after", lambda a, b: _before(b, a), _RANGES, _POINT_RANGE, _RANGE_POINT)
_relation("meets", _meets, _RANGES)
_relation("met by", lambda a, b: _meets(b, a), _RANGES)
_relation("overlaps", _overlaps, _RANGES)
_relation("overlaps before", _overlaps_before, _RANGES)
_relation("overlaps after", _overlaps_after, _RANGES)
_relation("finishes", _finishes, _RANGES)
_relation("finished by", lambda a, b: _finishes(b, a), _RANGES)
_relation("includes", _includes, _RANGES)
_relation("during", lambda a, b: _includes(b, a), _RANGES)
_relation("starts", _starts, _RANGES)
_relation("started by", lambda a, b: _starts(b, a), _RANGES)
_relation("coincides", _coincides, _RANGES)


def _point_relation(name: str, judge: Callable[[Value, Value], Answer], *shapes: tuple[str, str]) -> None:
    def run_relation(run: Run, first: Value, second: Value) -> Answer:
        answer = judge(first, second)
        return answer if answer is not None else run.fail(f"{name}: the values have no common order")

    for first, second in shapes:
        built_in(name, f"{first}, {second}")(run_relation)


def _is_start(point: Value, a: Range) -> Answer:
    return both(lambda: a.low_closed, lambda: equal(point, a.low))


def _is_end(point: Value, a: Range) -> Answer:
    return both(lambda: a.high_closed, lambda: equal(point, a.high))


_point_relation("before", before, _POINTS)
_point_relation("after", lambda a, b: before(b, a), _POINTS)
_point_relation("coincides", equal, _POINTS)
_point_relation("during", within, _POINT_RANGE)
_point_relation("includes", lambda a, point: within(point, a), _RANGE_POINT)
_point_relation("starts", _is_start, _POINT_RANGE)
_point_relation("started by", lambda a, point: _is_start(point, a), _RANGE_POINT)
_point_relation("finishes", _is_end, _POINT_RANGE)
_point_relation("finished by", lambda a, point: _is_end(point, a), _RANGE_POINT)

__all__ = ["at_most", "both", "either"]
