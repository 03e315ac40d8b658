"""FEEL types, and whether a value conforms to one (10.3.2.9)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workflows.feel import ast, temporal
from workflows.feel.compare import Spend, free
from workflows.feel.functions import BuiltIn
from workflows.feel.values import Function, Range, Value, kind, known

SIMPLE = frozenset(
    {
        "number",
        "string",
        "boolean",
        "date",
        "time",
        "date and time",
        "days and time duration",
        "years and months duration",
    }
)
#: Other spellings of the same types, as modelling tools write them.
SPELLINGS = {
    "dateTime": "date and time",
    "dayTimeDuration": "days and time duration",
    "yearMonthDuration": "years and months duration",
    "days and time duration": "days and time duration",
    "any": "Any",
    "null": "Null",
}


@dataclass(frozen=True, slots=True)
class Type:
    """``name``: a simple type, ``Any``, ``Null``, ``list``, ``range``, ``context`` or ``function``.

    ``parts`` are the item type of a list or range, the entry types of a context (by ``keys``), or the parameter
    types and, last, the result type of a function. ``allows`` is a further condition (allowed values of an item
    definition).
    """

    name: str
    parts: tuple[Type, ...] = ()
    keys: tuple[str, ...] = ()
    allows: Callable[[Value, Spend], bool] | None = field(default=None, compare=False)


ANY = Type("Any")


def resolve(written: ast.TypeOf, declared: Mapping[str, Type]) -> Type | None:
    """The type for what was written; None when a name in it is unknown."""
    parts: list[Type] = []
    for part in written.parts:
        found = resolve(part, declared)
        if found is None:
            return None
        parts.append(found)
    name = SPELLINGS.get(written.name, written.name)
    if written.name in declared:
        return declared[written.name]
    if name in SIMPLE or name in ("Any", "Null"):
        return Type(name)
    if name in ("list", "range"):
        return Type(name, tuple(parts) or (ANY,))
    if name in ("context", "function"):
        return Type(name, tuple(parts), written.keys)
    return None


def conforms(value: Value, wanted: Type, spend: Spend = free) -> bool:
    """Whether a value is an instance of the type. Null is an instance of ``Null`` only (``Any`` takes the rest)."""
    if value is None:
        return wanted.name == "Null"
    return accepts(value, wanted, spend, constrained=False)


def accepts(value: Value, wanted: Type, spend: Spend = free, *, constrained: bool = True) -> bool:
    """As ``conforms``, but null fits every type and allowed values count: the check of what flows through a model.

    ``spend`` counts the work, one step for each value looked at.
    """
    if value is None:
        return True
    name = wanted.name
    if name == "Any":
        fits = True
    elif name == "list":
        item_type = wanted.parts[0]
        fits = isinstance(value, list) and _items_fit(value, item_type, spend, constrained)
    elif name == "context":
        fits = isinstance(value, Mapping) and _entries_fit(value, wanted, spend, constrained)
    elif name == "range":
        fits = isinstance(value, Range) and _items_fit([value.low, value.high], wanted.parts[0], spend, True)
    elif name == "function":
        fits = kind(value) == "function" and _function_fits(value, wanted)
    else:
        fits = kind(value) == name
    return fits and (not constrained or wanted.allows is None or wanted.allows(value, spend))


def _items_fit(items: list[Value], wanted: Type, spend: Spend, constrained: bool) -> bool:
    spend(len(items))
    return all(accepts(item, wanted, spend, constrained=constrained) for item in items)


def _entries_fit(value: Mapping[str, Value], wanted: Type, spend: Spend, constrained: bool) -> bool:
    spend(len(wanted.keys))
    return all(
        key in value and accepts(known(value[key]), part, spend, constrained=constrained)
        for key, part in zip(wanted.keys, wanted.parts, strict=True)
    )


def _function_fits(value: Value, wanted: Type) -> bool:
    if not wanted.parts:
        return True
    parameters, result = wanted.parts[:-1], wanted.parts[-1]
    if isinstance(value, Function):
        if len(value.parameters) != len(parameters):
            return False
        types = value.types or (None,) * len(parameters)
        same = all(_wider(given, asked) for given, asked in zip(types, parameters, strict=True))
        return same and (value.result is None or _wider(result, value.result))
    if isinstance(value, BuiltIn):
        return any(len(signature.parameters) == len(parameters) for signature in value.signatures)
    return True


def _wider(wide: Type | None, narrow: Type) -> bool:
    """Whether every value of ``narrow`` is one of ``wide``."""
    if wide is None or wide.name == "Any" or narrow.name == "Null":
        return True
    if wide.name != narrow.name:
        return False
    if wide.name == "context":
        given = dict(zip(narrow.keys, narrow.parts, strict=True))
        return all(k in given and _wider(p, given[k]) for k, p in zip(wide.keys, wide.parts, strict=True))
    if len(wide.parts) != len(narrow.parts):
        return not wide.parts
    return all(_wider(a, b) for a, b in zip(wide.parts, narrow.parts, strict=True))


def fit(value: Value, wanted: Type | None, spend: Spend = free) -> tuple[bool, Value]:
    """The value converted for a place of that type (10.3.2.9.4): a list of one item is that item, and the reverse;
    a date is its midnight in UTC where a date and time is asked for.
    """
    if wanted is None or accepts(value, wanted, spend):
        return True, value
    if wanted.name != "list" and isinstance(value, list) and len(value) == 1 and accepts(value[0], wanted, spend):
        return True, value[0]
    if wanted.name == "list" and not isinstance(value, list) and accepts(value, wanted.parts[0], spend):
        return True, [value]
    if wanted.name == "date and time" and kind(value) == "date":
        return True, temporal.join(value, dt.time(tzinfo=dt.UTC))
    return False, None
