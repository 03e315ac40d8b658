"""Gaps, overlaps and unreachable rules of a decision table, found at the table's own edges.

Each input column is cut at every constant that its tests name; one sample stands for each point and each stretch
between two points. A rule is then a box of samples, and boxes are compared exactly. A test that depends on other facts
is taken as possibly true: it closes gaps and makes no overlap, so that no defect is reported that may not exist.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from workflows.decisions.tables import Input, Table
from workflows.feel import UnaryTests, YearsMonths, ast
from workflows.feel.analysis import free_names, mentions
from workflows.feel.builtins_text import show
from workflows.feel.compare import before, free
from workflows.feel.compiler import compile_node
from workflows.feel.expression import guarded
from workflows.feel.scope import Run, Scope
from workflows.feel.types import SIMPLE
from workflows.feel.values import Range, Value, kind

#: Most steps of one search; a table that needs more is reported as too large to check.
MAX_VISITS = 200_000
#: Most steps that one constant of a cell may take to compute.
MAX_CONSTANT = 2_000


class TooLarge(Exception):
    """The table has too many combinations."""


@dataclass(frozen=True)
class Sample:
    """One value that stands for a point or a stretch; ``words`` say which."""

    value: Value
    words: str


@dataclass(frozen=True)
class Column:
    """The samples of an input, and for each rule which it meets: surely, and possibly."""

    label: str
    samples: tuple[Sample, ...]
    #: For each sample a bit set of rules (rule 1 is bit 0).
    surely: tuple[int, ...]
    possibly: tuple[int, ...]


# Constants --------------------------------------------------------------------------------------------------------


def constant(node: ast.Node) -> tuple[bool, Value]:
    """Whether an expression depends on nothing, and its value."""
    names, _ = free_names(node)
    if names or mentions(node, "?") or mentions(node, "now") or mentions(node, "today"):
        return False, None
    run = Run()
    run.steps = MAX_CONSTANT
    value = guarded(compile_node(node, {}), Scope({}, None, run))
    return not run.problems, value


def constants(tests: ast.Tests) -> Iterator[Value]:
    """The values at which tests change their answer."""
    for test in tests.tests:
        fixed, value = constant(test.value)
        if fixed:
            yield from _edges(value)


def _edges(value: Value) -> Iterator[Value]:
    if isinstance(value, Range):
        yield from (end for end in (value.low, value.high) if end is not None)
    elif isinstance(value, list):
        for item in value:
            yield from _edges(item)
    else:
        yield value


def is_plain(tests: ast.Tests) -> bool:
    """Whether every test compares with constants only."""
    return all(constant(test.value)[0] for test in tests.tests)


# Samples ----------------------------------------------------------------------------------------------------------


def samples(edges: list[Value], type_name: str) -> list[Sample]:
    """One sample for each edge and each stretch between edges."""
    points = [Sample(None, "null")] if None in edges else []
    values: list[Value] = []
    for edge in edges:
        if edge is not None and edge not in values:
            values.append(edge)
    kinds = {kind(value) for value in values}
    if kinds == {"boolean"} or (not values and type_name == "boolean"):
        return [*points, Sample(True, "true"), Sample(False, "false")]
    if len(kinds) != 1:
        return [*points, *(Sample(value, _words(value)) for value in values), Sample(_OTHER, "其他值")]
    if kinds == {"string"} or before(values[0], values[0]) is None:
        return [*points, *(Sample(value, _words(value)) for value in values), Sample(_OTHER, "其他值")]
    values.sort()
    return [*points, *_along(values)]


_OTHER = "\ufffdother\ufffd"


def _along(values: list[Any]) -> Iterator[Sample]:
    unit = _unit(values[0])
    if unit is None:
        yield from (Sample(value, _words(value)) for value in values)
        return
    try:
        yield Sample(_moved(values[0], unit, -1), f"小于 {_words(values[0])}")
    except OverflowError:
        pass
    for at, value in enumerate(values):
        yield Sample(value, _words(value))
        if at + 1 < len(values):
            between = _middle(value, values[at + 1])
            if between is not None:
                yield Sample(between, f"{_words(value)} 与 {_words(values[at + 1])} 之间")
    try:
        yield Sample(_moved(values[-1], unit, 1), f"大于 {_words(values[-1])}")
    except OverflowError:
        pass


def _unit(value: Any) -> Any:
    if isinstance(value, Decimal):
        return Decimal(1)
    if isinstance(value, (dt.date, dt.timedelta)):
        return dt.timedelta(days=1)
    return YearsMonths(1) if isinstance(value, YearsMonths) else None


def _moved(value: Any, unit: Any, sign: int) -> Any:
    if isinstance(value, YearsMonths):
        return YearsMonths(value.months + sign)
    return value + sign * unit


def _middle(low: Any, high: Any) -> Any:
    if isinstance(low, Decimal):
        return (low + high) / 2
    if isinstance(low, YearsMonths):
        return YearsMonths((low.months + high.months) // 2) if high.months - low.months > 1 else None
    between = low + (high - low) / 2 if isinstance(low, (dt.datetime, dt.timedelta)) else low + (high - low) // 2
    return between if low < between < high else None


def _words(value: Value) -> str:
    return show(value, Run(), inside=True)


def column(table_input: Input, cells: list[UnaryTests | None], more_edges: list[Value]) -> Column:
    """The column of an input, from its cells (None admits everything) and the edges of its allowed values."""
    edges = [*more_edges, *(edge for cell in cells if cell is not None for edge in constants(cell.tree))]
    type_name = table_input.type.name if table_input.type is not None else ""
    if type_name in SIMPLE:
        edges = [edge for edge in edges if edge is None or kind(edge) == type_name]
    found = [sample for sample in samples(edges, type_name) if _allowed(table_input, sample.value)]
    if _counts(table_input.text):
        found = [sample for sample in found if not isinstance(sample.value, Decimal) or sample.value >= 0]
    if not found:
        found = [Sample(_OTHER, "任何值")]
    surely: list[int] = []
    possibly: list[int] = []
    plain = [cell is None or is_plain(cell.tree) for cell in cells]
    for sample in found:
        sure = maybe = 0
        for at, cell in enumerate(cells):
            if cell is None or (plain[at] and cell.evaluate(sample.value) is True):
                sure |= 1 << at
            if not plain[at]:
                maybe |= 1 << at
        surely.append(sure)
        possibly.append(sure | maybe)
    return Column(table_input.label, tuple(found), tuple(surely), tuple(possibly))


def _counts(text: str) -> bool:
    """Whether an input counts something, so that it is never negative."""
    return text.startswith(("count(", "string length("))


def _allowed(table_input: Input, value: Value) -> bool:
    scope = Scope({"?": value}, None, Run())
    if table_input.allowed is not None and table_input.allowed(scope, value) is not True:
        return False
    wanted = table_input.type
    return value is None or wanted is None or wanted.allows is None or wanted.allows(value, free)


# Boxes ------------------------------------------------------------------------------------------------------------


class Coverage:
    """The boxes of a table's rules."""

    def __init__(self, table: Table, columns: list[Column]) -> None:
        self._count = len(table.rules)
        self._columns = columns
        self._visits = 0

    def gaps(self, most: int = 5) -> list[str]:
        """Combinations that no rule meets, in words. Raises TooLarge."""
        found: list[str] = []
        groups = [_grouped(column, column.possibly) for column in self._columns]
        self._search(groups, 0, (1 << self._count) - 1, [], found, most, set())
        return found

    def _search(
        self,
        groups: list[list[tuple[int, str]]],
        at: int,
        rules: int,
        path: list[str],
        found: list[str],
        most: int,
        covered: set[tuple[int, int]],
    ) -> None:
        """Depth first over the columns; ``rules`` are those still met, ``covered`` the places without a gap."""
        self._visits += 1
        if self._visits > MAX_VISITS:
            raise TooLarge
        if not rules:
            found.append("，".join(path) or "任何输入")
            return
        if at == len(groups) or (at, rules) in covered:
            return
        before_search = len(found)
        for mask, words in groups[at]:
            if len(found) < most:
                label = [f"{self._columns[at].label}：{words}"] if len(groups[at]) > 1 else []
                self._search(groups, at + 1, rules & mask, [*path, *label], found, most, covered)
        if len(found) == before_search:
            covered.add((at, rules))

    def never(self) -> Iterator[tuple[int, str]]:
        """Rules (from 0) with a cell that no allowed value meets, and the column."""
        for rule in range(self._count):
            for column in self._columns:
                if not any(mask >> rule & 1 for mask in column.possibly):
                    yield rule, column.label
                    break

    def overlaps(self) -> Iterator[tuple[int, int, str]]:
        """Pairs of rules (from 0) that surely meet one combination, and that combination in words."""
        for first in range(self._count):
            for second in range(first + 1, self._count):
                both = 1 << first | 1 << second
                words: list[str] = []
                for column in self._columns:
                    common = [s for s, mask in zip(column.samples, column.surely, strict=True) if mask & both == both]
                    if not common:
                        break
                    if len(common) < len(column.samples):
                        words.append(f"{column.label}：{common[0].words}")
                else:
                    yield first, second, "，".join(words) or "任何输入"

    def hidden(self) -> Iterator[int]:
        """Rules (from 0) whose every combination is met by an earlier rule: never reached where the first counts."""
        for rule in range(1, self._count):
            earlier = (1 << rule) - 1
            groups: list[list[tuple[int, str]]] = []
            for column in self._columns:
                own = [at for at, mask in enumerate(column.possibly) if mask >> rule & 1]
                groups.append([(column.surely[at] & earlier, "") for at in own])
            if all(groups):
                found: list[str] = []
                self._search([list(dict.fromkeys(g)) for g in groups], 0, earlier, [], found, 1, set())
                if not found:
                    yield rule


def _grouped(column: Column, masks: tuple[int, ...]) -> list[tuple[int, str]]:
    """Samples met by the same rules count as one."""
    words: dict[int, list[str]] = {}
    for sample, mask in zip(column.samples, masks, strict=True):
        words.setdefault(mask, []).append(sample.words)
    return [(mask, "、".join(names[:3]) + (" 等" if len(names) > 3 else "")) for mask, names in words.items()]
