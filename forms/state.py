"""A form in place: which of its fields show, which can be changed, what the computed ones say, for given data.

Follows form-js's viewer step by step (``ConditionChecker.applyConditions``, then rendering), so that a form behaves in
the browser preview as it does here:

1. every ``hide`` is asked over the data as typed; what it hides reads as empty to all other expressions;
2. computed values are set from that filtered data until nothing changes;
3. what shows is asked once more over the filtered data. A hidden section hides all under it.

``hide`` and ``readonly`` are unary tests in form-js: null counts as true, here as there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from functools import cached_property
from typing import Any

from workflows import feel

from .spec import CHOICE_KINDS, FILE_KINDS, TEXT_KINDS, Field, FormSpec, Item, Note, Option, Path, Section, Table

#: Computed values may read one another; longer chains than this are a mistake in the form.
_MAX_PASSES = 8


@dataclass(slots=True)  # a value as all others; freezing hundreds of them is a good part of a post's time
class Node:
    """One item of the form at its place in the data."""

    item: Item
    #: Place of its value; of a section or note, the place of the data around it.
    path: Path
    #: What its expressions see.
    context: Mapping[str, Any]
    visible: bool
    readonly: bool
    value: Any = None
    #: Items of a section.
    children: tuple[Node, ...] = ()
    #: Items of each row of a table.
    rows: tuple[tuple[Node, ...], ...] = ()

    @property
    def writable(self) -> bool:
        """Whether a person fills this in: a shown field that is neither read-only nor computed."""
        return self.visible and not self.readonly and not (isinstance(self.item, Field) and self.item.kind == "computed")


@dataclass(frozen=True)
class State:
    """A whole form in place."""

    nodes: tuple[Node, ...]
    #: Data that expressions see: hidden values emptied, computed ones set.
    seen: Mapping[str, Any]
    now: datetime = field(repr=False, compare=False)

    def walk(self) -> tuple[Node, ...]:
        """Return every node, depth first, in the order of the page."""
        return self._all

    def fields(self) -> tuple[Node, ...]:
        """Return the nodes of fields, those of rows included."""
        return self._fields

    @cached_property
    def _all(self) -> tuple[Node, ...]:
        found: list[Node] = []
        _gather(self.nodes, found)
        return tuple(found)

    @cached_property
    def _fields(self) -> tuple[Node, ...]:
        return tuple(node for node in self._all if isinstance(node.item, Field))

    def at(self, path: Path) -> Node | None:
        """Return the node of the field or table at ``path``."""
        for node in self.walk():
            if node.path == path and isinstance(node.item, Field | Table):
                return node
        return None


def _gather(nodes: tuple[Node, ...], found: list[Node]) -> None:
    for node in nodes:
        found.append(node)
        _gather(node.children, found)
        for row in node.rows:
            _gather(row, found)


def empty(asked: Field) -> Any:
    """Return the value of a field that nobody filled in."""
    if asked.kind in FILE_KINDS or asked.kind == "checklist":
        return []
    if asked.kind in TEXT_KINDS or asked.kind in {"person", "organisation"}:
        return ""
    return False if asked.kind == "checkbox" else None


def empty_row(table: Table) -> dict[str, Any]:
    """Return a row of ``table`` that nobody filled in."""
    return {asked.key: empty(asked) for asked in table.fields}


def complete(items: tuple[Item, ...], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``data`` cut to the declared keys, with an empty value for each missing one."""
    whole: dict[str, Any] = {}
    for item in items:
        match item:
            case Field():
                value = data.get(item.key)
                whole[item.key] = empty(item) if value is None else value
            case Table():
                rows = data.get(item.key)
                if isinstance(rows, list):
                    whole[item.key] = [complete(item.items, row) for row in rows if isinstance(row, Mapping)]
                else:
                    whole[item.key] = [] if item.fixed_rows else [empty_row(item) for _ in range(item.default_rows)]
            case Section():
                inside = data.get(item.path) if item.path else data
                filled = complete(item.items, inside if isinstance(inside, Mapping) else {})
                whole |= {item.path: filled} if item.path else filled
            case Note():
                pass
    return whole


class Tests:
    """What ``hide`` and ``readonly`` say, each asked once for the same names: fields that show together ask alike.

    ``context`` is what expressions see besides the form's own data. An expression that reads nothing else is asked once
    in the life of this object, one that reads the form's data once a pass; one that reads its own row is asked in each.
    """

    def __init__(self, keys: Collection[str], context: Mapping[str, Any], now: datetime) -> None:
        self.now = now
        #: Names that mean the same whatever is typed; ``keys`` are those of the form's data.
        self._steady = context.keys() - set(keys) - _ROW_NAMES
        self._always: dict[str, bool] = {}
        self._once: dict[str, bool] = {}

    def begin(self) -> None:
        """A pass begins: the form's data are other than before."""
        self._once = {}

    def holds(self, test: bool | feel.Expression | None, names: Mapping[str, Any]) -> bool:
        """Whether a ``hide`` or ``readonly`` is true; null counts as true, as in form-js."""
        if test is None or test is False:
            return False
        if test is True:
            return True
        kept = self._always if self.is_steady(test) else self._once
        answer = kept.get(test.text)
        if answer is None:
            answer = holds(test, names, self.now)
            if not _may_read_row(test):
                kept[test.text] = answer
        return answer

    def is_steady(self, test: bool | feel.Expression | None) -> bool:
        """Whether nothing that is typed can change the answer."""
        return not isinstance(test, feel.Expression) or (test.names <= self._steady and not _may_read_row(test))


def _may_read_row(test: feel.Expression) -> bool:
    # What a name inside a filter means, nobody can tell without the facts: it is not among the expression's names.
    return not test.names.isdisjoint(_ROW_NAMES) or "[" in test.text


#: What an expression sees of its own place: another in each row.
_ROW_NAMES = frozenset({"this", "parent", "i", "_this_", "_parent_", "_i_"})


def resolve(spec: FormSpec, data: Mapping[str, Any], context: Mapping[str, Any], *, tests: Tests) -> State:
    """Say what of ``spec`` shows and can be changed for ``data`` (as typed) within ``context`` (policy, instance, task …).

    ``tests`` are of this ``context``, and of the moment that ``today()`` means.
    """
    typed = complete(spec.items, data)
    tests.begin()
    raw = _names(context, typed, typed, None, ())
    filtered = _filter(spec.items, typed, raw, False, tests)
    stays = filtered == typed
    for _ in range(_MAX_PASSES if spec.computes else 0):
        if not _compute(spec.items, typed, filtered, _names(context, filtered, filtered, None, ()), tests.now):
            break
        stays = False
    if not stays:
        tests.begin()
    names = _names(context, filtered, filtered, None, ())
    return State(_place(spec.items, (), typed, names, True, False, tests), filtered, tests.now)


def _names(
    context: Mapping[str, Any], data: Mapping[str, Any], this: Any, parent: Any, i: tuple[int, ...]
) -> dict[str, Any]:
    """Build what an expression sees, in form-js's order: the form's data wins over the short names."""
    index = list(i)
    return {
        "this": this, "parent": parent, "i": index, **context, **data, "_this_": this, "_parent_": parent, "_i_": index,
    }  # fmt: skip


def _row_names(names: Mapping[str, Any], row: Any, number: int) -> dict[str, Any]:
    """Build what an expression in a row sees; ``number`` counts from 1."""
    return {
        **names, "this": row, "parent": names, "i": [number], "_this_": row, "_parent_": names, "_i_": [number],
    }  # fmt: skip


def holds(test: bool | feel.Expression | None, names: Mapping[str, Any], now: datetime) -> bool:
    """Whether a ``hide``, ``readonly`` or ``required_when`` is true; null counts as true, as in form-js."""
    if test is None or isinstance(test, bool):
        return test is True
    answer = test.evaluate(names, now=now)
    return answer is True or answer is None


def _filter(
    items: tuple[Item, ...], data: Mapping[str, Any], names: Mapping[str, Any], hidden: bool, tests: Tests
) -> dict[str, Any]:
    """Return ``data`` with hidden values emptied (dropped inside rows and named sections, as form-js does)."""
    kept: dict[str, Any] = {}
    for item in items:
        gone = hidden or tests.holds(item.hide, names)
        match item:
            case Field():
                kept[item.key] = empty(item) if gone else data[item.key]
            case Table():
                rows = data[item.key]
                kept[item.key] = (
                    [empty_row(item) for _ in range(item.default_rows)]
                    if gone
                    else [_filter(item.items, row, _row_names(names, row, n), False, tests) for n, row in enumerate(rows, 1)]
                )
            case Section() if item.path:
                kept[item.path] = _filter(item.items, data[item.path], names, gone, tests)
            case Section():
                kept |= _filter(item.items, data, names, gone, tests)
            case Note():
                pass
    return kept


def _compute(
    items: tuple[Item, ...], typed: dict[str, Any], seen: dict[str, Any], names: Mapping[str, Any], now: datetime
) -> bool:
    """Set every visible computed value in both trees; whether one changed."""
    changed = False
    for item in items:
        if holds(item.hide, names, now):
            continue
        match item:
            case Field(kind="computed", expression=feel.Expression() as expression):
                value = plain(expression.evaluate(names, now=now))
                if typed[item.key] != value or seen.get(item.key, value) != value:
                    typed[item.key] = seen[item.key] = value
                    changed = True
            case Table():
                # A table that showed nothing when the data was filtered has fewer rows there than were typed.
                shown = [*seen[item.key], *({} for _ in typed[item.key])]
                for number, (row, beside) in enumerate(zip(typed[item.key], shown, strict=False), 1):
                    changed |= _compute(item.items, row, beside, _row_names(names, row, number), now)
            case Section() if item.path:
                changed |= _compute(item.items, typed[item.path], seen[item.path], names, now)
            case Section():
                changed |= _compute(item.items, typed, seen, names, now)
            case _:
                pass
    return changed


def _place(
    items: tuple[Item, ...], above: Path, data: Mapping[str, Any], names: Mapping[str, Any], visible: bool,
    readonly: bool, tests: Tests,
) -> tuple[Node, ...]:  # fmt: skip
    nodes: list[Node] = []
    for item in items:
        shows = visible and not tests.holds(item.hide, names)
        match item:
            case Field():
                fixed = readonly or tests.holds(item.readonly, names)
                nodes.append(Node(item, (*above, item.key), names, shows, fixed, data[item.key]))
            case Table():
                fixed = readonly or tests.holds(item.readonly, names)
                path = (*above, item.key)
                rows = tuple(
                    _place(item.items, (*path, n), row, _row_names(names, row, n + 1), shows, fixed, tests)
                    for n, row in enumerate(data[item.key])
                )
                nodes.append(Node(item, path, names, shows, fixed, data[item.key], rows=rows))
            case Section():
                below, inside = ((*above, item.path), data[item.path]) if item.path else (above, data)
                children = _place(item.items, below, inside, names, shows, readonly, tests)
                nodes.append(Node(item, below, names, shows, readonly, children=children))
            case Note():
                nodes.append(Node(item, above, names, shows, readonly))
    return tuple(nodes)


def rights(
    items: tuple[Item, ...], data: Mapping[str, Any], names: Mapping[str, Any], readonly: bool, tests: Tests
) -> tuple[Node, ...]:
    """Say only what can be changed: nodes that are right in nothing else. For rights that nothing typed can change."""
    nodes: list[Node] = []
    for item in items:
        match item:
            case Field():
                nodes.append(Node(item, (), names, True, readonly or tests.holds(item.readonly, names)))
            case Table():
                fixed = readonly or tests.holds(item.readonly, names)
                rows = () if fixed else tuple(rights(item.items, row, names, False, tests) for row in data[item.key])
                nodes.append(Node(item, (), names, True, fixed, rows=rows))
            case Section():
                inside = data[item.path] if item.path else data
                nodes.append(Node(item, (), names, True, readonly, children=rights(item.items, inside, names, readonly, tests)))
            case Note():
                pass
    return tuple(nodes)


def options_of(node: Node, now: datetime) -> tuple[Option, ...]:
    """Return the choices of a choice field at its place: fixed ones, or those its ``valuesExpression`` gives."""
    asked = node.item
    if not isinstance(asked, Field) or asked.kind not in CHOICE_KINDS:
        return ()
    if asked.options_from is None:
        return asked.options
    answer = asked.options_from.evaluate(node.context, now=now)
    options: list[Option] = []
    for entry in answer if isinstance(answer, list) else ():
        value = entry.get("value") if isinstance(entry, Mapping) else entry
        if isinstance(value, str) and value:
            label = entry.get("label") if isinstance(entry, Mapping) else value
            options.append(Option(value, label if isinstance(label, str) and label else value))
    return tuple(options)


def fresh(value: Any) -> Any:
    """Return form data that shares no list or context with ``value``."""
    kind = type(value)
    if kind is dict:
        return {key: fresh(entry) for key, entry in value.items()}
    return [fresh(entry) for entry in value] if kind is list else value


def plain(value: Any) -> Any:
    """Write a FEEL value as form data: integral numbers as int, days as ISO text, lists and contexts throughout."""
    match value:
        case bool() | str() | None:
            return value
        case Decimal():
            return int(value) if value.is_finite() and value == value.to_integral_value() else value
        case datetime() | date() | time():
            return value.isoformat()
        case Mapping():
            return {str(key): plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [plain(entry) for entry in value]
        case int():
            return value
        case _:
            return str(value)


def blank_row(node: Node, number: int | str, now: datetime) -> tuple[Node, ...]:
    """Return the nodes of a new row of a table, numbered ``number``: what an "add" button puts on the page."""
    table = node.item
    if not isinstance(table, Table):
        return ()
    row = empty_row(table)
    names = _row_names(node.context, row, len(node.rows) + 1)
    return _place(table.items, (*node.path, number), row, names, True, node.readonly, Tests((), {}, now))
