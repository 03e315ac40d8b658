"""A decision's answer with its reasons: rules that matched, facts that were read, clauses that were cited."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from workflows.feel.temporal import FarDate, FarDateTime, write
from workflows.feel.values import Range, YearsMonths


@dataclass(frozen=True, slots=True)
class Matched:
    """A rule that decided. ``index`` counts from 1 in the table; ``annotations`` in the order of its columns."""

    table: str
    rule: str
    index: int
    annotations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ruling:
    """The answer to one decision.

    ``inputs`` holds what was read of the facts, as deep as it was read; ``citations``, ``problems`` and ``inputs``
    include those of ``parts`` (the rulings of required decisions), ``rules`` only the decision's own.
    """

    decision: str
    name: str
    value: Any
    outputs: Mapping[str, Any] = field(default_factory=dict)
    rules: tuple[Matched, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    #: ``workflows.policies.Citation`` values, in the order read, none twice.
    citations: tuple[Any, ...] = ()
    problems: tuple[str, ...] = ()
    parts: tuple[Ruling, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The ruling as plain JSON data: numbers as their digits in strings, days and moments in ISO 8601."""
        return {
            "decision": self.decision,
            "name": self.name,
            "value": as_json(self.value),
            "outputs": as_json(self.outputs),
            "rules": [as_json(dataclasses.asdict(rule)) for rule in self.rules],
            "inputs": as_json(self.inputs),
            "citations": [_citation(citation) for citation in self.citations],
            "problems": list(self.problems),
            "parts": [part.as_json() for part in self.parts],
        }


def _citation(citation: Any) -> Any:
    if dataclasses.is_dataclass(citation) and not isinstance(citation, type):
        return {f.name: as_json(getattr(citation, f.name)) for f in dataclasses.fields(citation)}
    return as_json(citation)


def as_json(value: Any) -> Any:
    """A FEEL value as plain JSON data."""
    if isinstance(value, Decimal):
        return format(value, "f") if -40 < value.adjusted() < 40 else str(value)
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): as_json(value[key]) for key in value}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, (dt.date, dt.time, dt.timedelta, YearsMonths, FarDate, FarDateTime)):
        return write(value)
    if isinstance(value, Range):
        ends = {"start": as_json(value.low), "end": as_json(value.high)}
        return {**ends, "start included": value.low_closed, "end included": value.high_closed}
    return "function" if callable(value) or hasattr(value, "call") else str(value)
