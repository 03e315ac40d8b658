"""Built-in functions over lists (10.3.4.4). Positions count from 1, negative ones from the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cmp_to_key

from workflows.feel.arithmetic import add, checked, divide, multiply
from workflows.feel.calls import invoke
from workflows.feel.compare import before, equal
from workflows.feel.functions import built_in
from workflows.feel.scope import Run
from workflows.feel.values import NUMBERS, Value, kind


def _items(arguments: tuple[Value, ...]) -> list[Value]:
    """``max([1, 2])`` and ``max(1, 2)`` are the same."""
    if len(arguments) == 1 and isinstance(arguments[0], list):
        return arguments[0]
    return list(arguments)


def _numbers(run: Run, name: str, arguments: tuple[Value, ...]) -> list[Decimal] | None:
    items = _items(arguments)
    run.spend(len(items))
    if not arguments:
        return run.fail(f"{name}: no argument")
    if not all(isinstance(item, Decimal) for item in items):
        return run.fail(f"{name}: an item is not a number")
    return items


@built_in("list contains", "list: list, element: any")
def list_contains(run: Run, items: list[Value], element: Value) -> bool:
    run.spend(len(items))
    return any(equal(item, element, run.spend) for item in items)


@built_in("count", "list: list")
def count(run: Run, items: list[Value]) -> Decimal:
    return Decimal(len(items))


def _extreme(name: str, better: Callable[[Value, Value], bool | None]) -> None:
    def find(run: Run, *arguments: Value) -> Value:
        items = _items(arguments)
        run.spend(len(items))
        if not items:
            return run.fail(f"{name}: no items") if not arguments else None
        best = items[0]
        if len(items) == 1 and before(best, best) is None:
            return run.fail(f"{name}: a {kind(best)} has no order")
        for item in items[1:]:
            answer = better(item, best)
            if answer is None:
                return run.fail(f"{name}: a {kind(item)} and a {kind(best)} have no order")
            best = item if answer else best
        return best

    built_in(name, "...list: any")(find)


_extreme("min", before)
_extreme("max", lambda item, best: before(best, item))


@built_in("sum", "...list: any")
def total(run: Run, *arguments: Value) -> Value:
    """The sum of numbers; durations of one kind add up as well."""
    items = _items(arguments)
    run.spend(len(items))
    if not items:
        return None if arguments else run.fail("sum: no argument")
    if kind(items[0]) not in ("number", "days and time duration", "years and months duration"):
        return run.fail(f"sum: an item is a {kind(items[0])}")
    found = items[0]
    for item in items[1:]:
        found = add(found, item, run)
        if found is None:
            return None
    return found


@built_in("product", "...list: any")
def product(run: Run, *arguments: Value) -> Value:
    items = _numbers(run, "product", arguments)
    if not items:
        return None
    found: Value = Decimal(1)
    for item in items:
        found = multiply(found, item, run)
    return found


@built_in("mean", "...list: any")
def mean(run: Run, *arguments: Value) -> Value:
    found = total(run, *arguments)
    return None if found is None else divide(found, Decimal(len(_items(arguments))), run)


@built_in("median", "...list: any")
def median(run: Run, *arguments: Value) -> Value:
    items = _numbers(run, "median", arguments)
    if not items:
        return None
    run.spend(len(items))
    ordered = sorted(items)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return NUMBERS.divide(NUMBERS.add(ordered[middle - 1], ordered[middle]), Decimal(2))


@built_in("stddev", "...list: any")
def stddev(run: Run, *arguments: Value) -> Value:
    """Of a sample: the sum of squares is divided by one less than the count."""
    items = _numbers(run, "stddev", arguments)
    if items is None:
        return None
    if len(items) < 2:
        return run.fail("stddev: fewer than two numbers")
    middle = mean(run, items)
    run.spend(len(items))
    squares = Decimal(0)
    for item in items:
        gap = NUMBERS.subtract(item, middle)
        squares = NUMBERS.add(squares, NUMBERS.multiply(gap, gap))
    return checked(NUMBERS.sqrt(NUMBERS.divide(squares, Decimal(len(items) - 1))), run)


@built_in("mode", "...list: any")
def mode(run: Run, *arguments: Value) -> Value:
    items = _numbers(run, "mode", arguments)
    if items is None:
        return None
    tally: dict[Decimal, int] = {}
    for item in items:
        tally[item] = tally.get(item, 0) + 1
    most = max(tally.values(), default=0)
    return sorted(item for item, times in tally.items() if times == most)


def _every(name: str, deciding: bool) -> None:
    def judge(run: Run, *arguments: Value) -> Value:
        items = _items(arguments)
        run.spend(len(items))
        if not arguments:
            return run.fail(f"{name}: no argument")
        unknown = False
        for item in items:
            if item is deciding:
                return deciding
            unknown = unknown or item is not (not deciding)
        return run.fail(f"{name}: an item is no boolean") if unknown else not deciding

    built_in(name, "...list: any")(judge)


_every("all", False)
_every("any", True)


@built_in("sublist", "list: list, start position: number, length?: number")
def sublist(run: Run, items: list[Value], start: Decimal, length: Decimal | None = None) -> list[Value] | None:
    at = _index(items, start)
    if at is None:
        return run.fail(f"sublist: position {start} is outside the list")
    if length is not None and not 1 <= length < len(items) - at + 1:
        return run.fail("sublist: the length reaches beyond the list")
    found = items[at:] if length is None else items[at : at + int(length)]
    run.spend(len(found))
    return found


def _index(items: list[Value], position: Decimal) -> int | None:
    at = int(position) if abs(position) < len(items) + 1 else 0
    if at == 0:
        return None
    return at - 1 if at > 0 else len(items) + at


@built_in("append", "list: list, ...item: any")
def append(run: Run, items: list[Value], *more: Value) -> list[Value]:
    run.spend(len(items) + len(more))
    return [*items, *more]


@built_in("concatenate", "...list: list")
def concatenate(run: Run, *lists: list[Value]) -> list[Value]:
    run.spend(sum(map(len, lists)))
    return [item for items in lists for item in items]


@built_in("insert before", "list: list, position: number, newItem: any")
def insert_before(run: Run, items: list[Value], position: Decimal, item: Value) -> list[Value] | None:
    at = _index(items, position)
    if at is None:
        return run.fail(f"insert before: position {position} is outside the list")
    run.spend(len(items))
    return [*items[:at], item, *items[at:]]


@built_in("remove", "list: list, position: number")
def remove(run: Run, items: list[Value], position: Decimal) -> list[Value] | None:
    at = _index(items, position)
    if at is None:
        return run.fail(f"remove: position {position} is outside the list")
    run.spend(len(items))
    return items[:at] + items[at + 1 :]


@built_in("list replace", "list: list, position: number, newItem: any")
def list_replace(run: Run, items: list[Value], position: Decimal, item: Value) -> list[Value] | None:
    at = _index(items, position)
    if at is None:
        return run.fail(f"list replace: position {position} is outside the list")
    run.spend(len(items))
    return [*items[:at], item, *items[at + 1 :]]


@built_in("list replace", "list: list, match: function, newItem: any")
def list_replace_matching(run: Run, items: list[Value], match: Value, item: Value) -> list[Value] | None:
    changed: list[Value] = []
    for old in items:
        run.spend(1)
        answer = call(run, match, old, item)
        if not isinstance(answer, bool):
            return run.fail("list replace: the match function gives no boolean")
        changed.append(item if answer else old)
    return changed


@built_in("reverse", "list: list")
def reverse(run: Run, items: list[Value]) -> list[Value]:
    run.spend(len(items))
    return items[::-1]


@built_in("index of", "list: list, match: any")
def index_of(run: Run, items: list[Value], match: Value) -> list[Value]:
    run.spend(len(items))
    return [Decimal(at) for at, item in enumerate(items, 1) if equal(item, match, run.spend)]


@built_in("union", "...list: list")
def union(run: Run, *lists: list[Value]) -> list[Value]:
    return _distinct(run, (item for items in lists for item in items))


@built_in("distinct values", "list: list")
def distinct_values(run: Run, items: list[Value]) -> list[Value]:
    return _distinct(run, items)


def _distinct(run: Run, items: Iterable[Value]) -> list[Value]:
    found: list[Value] = []
    seen: set[Value] = set()
    for item in items:
        if type(item) in (Decimal, str):
            run.spend(1)
            if item in seen:
                continue
            seen.add(item)
        else:
            run.spend(len(found) + 1)
            if any(equal(item, other, run.spend) for other in found):
                continue
        found.append(item)
    return found


@built_in("flatten", "list: list")
def flatten(run: Run, items: list[Value]) -> list[Value]:
    found: list[Value] = []
    for item in items:
        run.spend(1)
        found.extend(flatten(run, item) if isinstance(item, list) else [item])
    return found


@built_in("sort", "list: list, precedes?: function")
def sort(run: Run, items: list[Value], precedes: Value = None) -> list[Value] | None:
    """``precedes(a, b)`` is true where a comes first; without it the items' own order counts."""

    def compare(left: Value, right: Value) -> int:
        run.spend(4)
        if precedes is None:
            answer = before(left, right)
            if answer is None:
                raise _NoOrder
            return -1 if answer else int(bool(before(right, left)))
        if call(run, precedes, left, right) is True:
            return -1
        return 1 if call(run, precedes, right, left) is True else 0

    try:
        return sorted(items, key=cmp_to_key(compare))
    except _NoOrder:
        return run.fail("sort: two items have no order")


class _NoOrder(Exception):
    """Two items cannot be sorted."""


def call(run: Run, function: Value, *arguments: Value) -> Value:
    """Call a function value with positional arguments, as a call in an expression does."""
    return invoke(function, "the function", run, arguments, ())
