"""Whether values may be submitted: required, limits, choices, identity numbers, and the form's own rules across fields.

Only what a person can change is judged: a read-only value is nobody's error, except through a rule that reads
something writable. Hidden fields are never judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from workflows import feel

from . import messages
from .checksums import identity_agrees
from .fields import length
from .messages import FieldError, error
from .patterns import matches
from .spec import FILE_KINDS, TEXT_KINDS, Field, Rule, Table, dotted
from .state import Node, State, holds, options_of


def errors(state: State, refused: Mapping[str, FieldError]) -> tuple[FieldError, ...]:
    """Return everything to correct, in the order of the page.

    ``refused`` maps dotted paths to the reason why the typed text is no value at all; such a field has that one error.
    """
    return tuple(_judge(state, refused))


def warnings(state: State) -> tuple[FieldError, ...]:
    """Return what a person should look at again but may submit."""
    found: list[FieldError] = []
    for node in state.walk():
        if node.visible and isinstance(node.item, Field | Table):
            found += _rules(node, state, warning=True)
    return tuple(found)


def _judge(state: State, refused: Mapping[str, FieldError]) -> Iterator[FieldError]:
    writable = {str(node.path[0]) for node in state.fields() if node.writable}
    for node in state.walk():
        if not node.visible or not isinstance(node.item, Field | Table):
            continue
        path = dotted(node.path)
        if path in refused and node.writable:
            yield refused[path]
            continue
        found = list(_table(node, node.item) if isinstance(node.item, Table) else _field(node, node.item, state))
        yield from found
        if not found:
            yield from _rules(node, state, warning=False, writable=writable)


def _table(node: Node, table: Table) -> Iterator[FieldError]:
    if node.readonly:
        return
    path, count = dotted(node.path), len(node.rows)
    if count == 0 < table.min_rows:
        yield error(path, messages.REQUIRED, label=table.label)
    elif count < table.min_rows:
        yield error(path, messages.ROWS_FEW, label=table.label, limit=table.min_rows)
    elif count > table.max_rows:
        yield error(path, messages.ROWS_MANY, label=table.label, limit=table.max_rows)


def _rules(
    node: Node, state: State, *, warning: bool, writable: set[str] | frozenset[str] = frozenset()
) -> Iterator[FieldError]:
    item = node.item
    if not isinstance(item, Field | Table):
        return
    for rule in item.rules:
        if rule.warning != warning or (not warning and not _concerns(node, rule, writable)):
            continue
        if rule.expression.evaluate(node.context, now=state.now) is False:
            yield error(dotted(node.path), (rule.code, rule.message), label=item.label)


def _concerns(node: Node, rule: Rule, writable: set[str] | frozenset[str]) -> bool:
    """Whether the person can do something about a broken rule: the field, or something the rule reads, is writable."""
    if node.writable:
        return True
    row_keys = str(node.path[0]) if len(node.path) > 1 else None
    return any(name in writable or (name in {"this", "_this_"} and row_keys in writable) for name in rule.expression.names)


def _field(node: Node, asked: Field, state: State) -> Iterator[FieldError]:
    path, value = dotted(node.path), node.value
    if not node.writable:
        return
    if _is_empty(asked, value):
        if asked.required or (asked.required_when is not None and holds(asked.required_when, node.context, state.now)):
            yield error(path, _missing(asked), label=asked.label)
        return
    if asked.kind in FILE_KINDS:
        yield from _files(path, asked, value)
    elif asked.kind in {"select", "radio", "checklist"}:
        offered = {option.value for option in options_of(node, state.now)}
        if not set(value if isinstance(value, list) else [value]) <= offered:
            yield error(path, messages.OPTION, label=asked.label)
    elif asked.kind in {"number", "money"}:
        yield from _number(path, asked, value, node, state.now)
    elif asked.kind in TEXT_KINDS:
        yield from _text(path, asked, value, node, state)


def _is_empty(asked: Field, value: Any) -> bool:
    return value is None or value == "" or value == [] or (asked.kind == "checkbox" and value is not True)


def _missing(asked: Field) -> tuple[str, str]:
    if asked.kind in FILE_KINDS:
        return messages.UPLOAD
    if asked.kind == "checkbox":
        return messages.TICK
    if asked.kind in {"select", "radio", "checklist"}:
        return messages.CHOOSE
    return messages.REQUIRED


def _limit(limit: object, node: Node, now: datetime) -> Decimal | None:
    """Evaluate a bound; one that gives no number bounds nothing, as in form-js."""
    if isinstance(limit, feel.Expression):
        limit = limit.evaluate(node.context, now=now)
    if isinstance(limit, bool) or not isinstance(limit, int | Decimal):
        return None
    return Decimal(limit)


def _number(path: str, asked: Field, value: int | Decimal, node: Node, now: datetime) -> Iterator[FieldError]:
    number, limits = Decimal(value), asked.limits
    if limits.decimals is not None and number != round(number, limits.decimals):
        yield error(path, messages.DECIMALS if limits.decimals else messages.WHOLE, label=asked.label, decimals=limits.decimals)
        return
    least, most = _limit(limits.min, node, now), _limit(limits.max, node, now)
    if least is not None and number < least:
        yield error(path, messages.LEAST, label=asked.label, limit=f"{least.normalize():f}")
    elif most is not None and number > most:
        yield error(path, messages.MOST, label=asked.label, limit=f"{most.normalize():f}")


def _text(path: str, asked: Field, value: str, node: Node, state: State) -> Iterator[FieldError]:
    limits, long = asked.limits, length(value)
    most, least = _limit(limits.max_length, node, state.now), _limit(limits.min_length, node, state.now)
    if most is not None and long > most:
        yield error(path, messages.TOO_LONG, label=asked.label, limit=int(most), length=long)
    elif least is not None and long < least:
        yield error(path, messages.TOO_SHORT, label=asked.label, limit=int(least), length=long)
    elif limits.pattern and not matches(limits.pattern, value):
        kind = ("E_FORMAT", limits.pattern_message) if limits.pattern_message else messages.FORMAT
        yield error(path, kind, label=asked.label)
    elif asked.kind == "id_card" and not identity_agrees(value, _birth(asked, node)):
        yield error(path, messages.IDENTITY, label=asked.label)


def _birth(asked: Field, node: Node) -> date | None:
    if asked.birth_date is None:
        return None
    around = node.context.get("this")
    text = around.get(asked.birth_date) if isinstance(around, Mapping) else None
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _files(path: str, asked: Field, files: list[Mapping[str, Any]]) -> Iterator[FieldError]:
    limits = asked.limits
    if len(files) > limits.max_files:
        yield error(path, messages.FILES_MANY, label=asked.label, limit=limits.max_files)
    elif len(files) < limits.min_files:
        yield error(path, messages.FILES_FEW, label=asked.label, limit=limits.min_files)
    for entry in files:
        size = int(entry["size"])
        if entry["media_type"] not in limits.media_types or not 0 < size <= (limits.max_bytes or size):
            yield error(path, messages.FILE, label=asked.label)
            return
