"""What one evaluation carries along: the names in sight, the problems found, and the bounds on its work."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from workflows.feel.errors import WorkExhausted
from workflows.feel.values import READY, Value, known

#: Most steps that one evaluation may use. A step is about a microsecond's work: a part of an expression that runs, an
#: item of a list, sixteen characters of a string.
MAX_STEPS = 300_000
#: Deepest recursion of functions.
MAX_CALLS = 60
#: Longest string an operation may produce, in characters.
MAX_STRING = 1_000_000
#: Problems that one evaluation keeps, and the longest of them in characters.
MAX_PROBLEMS, MAX_PROBLEM = 100, 500

_MISSING = object()


class Run:
    """One evaluation: ``now`` is None where the caller gave no moment."""

    __slots__ = ("_lists", "calls", "now", "problems", "steps", "unknown")

    def __init__(self, now: dt.datetime | None = None, problems: list[str] | None = None) -> None:
        self.now = now
        self.problems: list[str] = [] if problems is None else problems
        self.steps = MAX_STEPS
        self.calls = 0
        #: Names looked up in vain.
        self.unknown: set[str] = set()
        self._lists: dict[int, tuple[Any, list[Value]]] = {}

    def fail(self, reason: str) -> None:
        """Note why the value is null. Writing the reason is work as well: raises WorkExhausted at the bound."""
        self.spend(3)
        self.note(reason)

    def note(self, reason: str) -> None:
        """Note a problem without counting work."""
        if len(self.problems) < MAX_PROBLEMS:
            half = MAX_PROBLEM // 2
            self.problems.append(reason if len(reason) <= MAX_PROBLEM else f"{reason[:half]}…{reason[-half:]}")

    def spend(self, steps: int) -> None:
        """Count work; raises WorkExhausted when the bound is reached."""
        self.steps -= steps
        if self.steps < 0:
            raise WorkExhausted(f"the evaluation needs more than {MAX_STEPS} steps")

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Inside one more call of a function; raises WorkExhausted where functions call each other without end."""
        self.calls += 1
        try:
            if self.calls > MAX_CALLS:
                raise WorkExhausted(f"functions call each other more than {MAX_CALLS} deep")
            yield
        finally:
            self.calls -= 1

    def ready(self, value: Value) -> Value:
        """A value from outside as FEEL sees it; a list is converted once in an evaluation."""
        cls = type(value)
        if cls in READY:
            return value
        if cls is not list and cls is not tuple:
            return known(value)
        found = self._lists.get(id(value))
        if found is None:
            self.spend(len(value))
            found = (value, [self.ready(item) for item in value])
            self._lists[id(value)] = found  # keeps the list alive, so that its id stays its own
            self._lists[id(found[1])] = (found[1], found[1])
        return found[1]

    def room(self, length: int) -> None:
        """Refuse to build a string longer than the bound."""
        if length > MAX_STRING:
            raise WorkExhausted(f"a string would be longer than {MAX_STRING} characters")
        self.spend(length >> 4)

    @contextmanager
    def aside(self) -> Iterator[Run]:
        """A run whose problems are not kept; its work and depth count here."""
        inner = Run(self.now)
        inner.steps, inner.calls = self.steps, self.calls
        try:
            yield inner
        finally:
            self.steps = inner.steps


class Scope:
    """Names in sight, innermost first. ``outside``: the names hold facts, not values made by FEEL."""

    __slots__ = ("below", "names", "outside", "run")

    def __init__(self, names: Mapping[str, Any], below: Scope | None, run: Run, *, outside: bool = False) -> None:
        self.names = names
        self.below = below
        self.run = run
        self.outside = outside

    def find(self, name: str) -> Value:
        """The value of ``name``, or the marker ``MISSING``."""
        scope: Scope | None = self
        while scope is not None:
            names = scope.names
            if name in names:
                return self.run.ready(names[name]) if scope.outside else names[name]
            scope = scope.below
        return _MISSING

    def inner(self, names: Mapping[str, Any]) -> Scope:
        """A scope inside this one."""
        return Scope(names, self, self.run)


MISSING = _MISSING
