"""What a forecast knows: the values of expressions as far as they can be told today, and what each step leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from workflows.engine.expressions import Formula, Given
from workflows.engine.model import Diagram, Flow, Step
from workflows.engine.moments import after_duration, cycle, due_moment, span
from workflows.engine.names import written

#: What the house answers by papers and registers that may be others by the time it is asked.
LATER = frozenset({"submissions", "applications of", "blind numbers of", "vacancies of"})
#: The last moment of a period lies so much before its end.
INSTANT = timedelta(microseconds=1)
#: Nobody waits for more people in a row.
MOST_TURNS = 50


@dataclass(frozen=True)
class Known:
    """What a forecast may go by."""

    variables: Mapping[str, Any]
    #: Variables that are not known yet, whatever stands in ``variables``.
    unknown: frozenset[str] = frozenset()
    #: Variables of which only what is filled in is known: a form that is being typed.
    partial: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Lent:
    """What the office lends to a forecast."""

    #: Names and functions of expressions, as they would stand at a moment.
    context: Callable[[datetime], Mapping[str, Any]]
    #: As ``House.decide``.
    decide: Callable[[str, Mapping[str, Any]], Any]
    #: The diagram that a call activity would start, by process id.
    called: Callable[[str], Diagram | None] = lambda _process: None


class Knowledge:
    """What is known on the way; it grows and shrinks with every step that is passed."""

    def __init__(self, known: Known, lent: Lent) -> None:
        self.partial, self.lent = known.partial, lent
        self.variables = dict(known.variables)
        self.unknown = set(known.unknown)

    def told(self, given: Given, local: Collection[str] = (), *, whole: bool = False) -> bool:
        """Whether a value can be evaluated from what is known; with ``whole``, from nothing that is being filled in."""
        if not isinstance(given, Formula):
            return True
        names = given.compiled.names - set(local)
        if names & self.unknown or names & LATER:
            return False
        partial = names & self.partial
        return not (whole and partial) and all(self._filled(name, given.compiled.paths) for name in partial)

    def _filled(self, name: str, paths: Collection[str]) -> bool:
        own = [path for path in paths if path.startswith(f"{name}.")]
        return bool(own) and all(_at(self.variables.get(name), path.split(".")[1:]) not in (None, "", [], {}) for path in own)

    def value(self, given: Given | None, at: datetime, local: Mapping[str, Any] | None = None) -> Any:
        """The value of an expression at a moment; nothing when it reads what is not known."""
        if given is None or not self.told(given):
            return None
        return given.value({**self.variables, **self.lent.context(at), **(local or {})}, at, [])

    def due(self, step: Step, kind: str, at: datetime) -> datetime | None:
        """When a step is over at the latest that begins at a moment; nothing without a period, or when it cannot be told."""
        timer = step.event.timer if kind == "timer" and step.event is not None else None
        value = self.value(step.due if kind == "task" else timer.value if timer is not None else None, at)
        if value is None:
            return None
        try:
            if timer is None or timer.kind == "date":
                return due_moment(value).at
            if timer.kind == "duration":
                return after_duration(value, at).at
            return span(cycle(value)[1]).after(at)
        except (ValueError, OverflowError):
            return None  # refused when the step is reached

    def turns(self, step: Step, at: datetime) -> int:
        """How many people do a step one after the other, as far as that can be told."""
        repetition = step.repetition
        if repetition is None or not repetition.sequential or repetition.loop:
            return 1
        value = self.value(repetition.collection or repetition.cardinality, at)
        if isinstance(value, list):
            return min(len(value), MOST_TURNS)
        try:
            return min(int(value), MOST_TURNS)
        except (TypeError, ValueError, ArithmeticError):
            return 1

    def rules(self, given: Given | None, key: str, at: datetime) -> tuple[Any, ...] | None:
        """Rules of who may take a step; nothing when they cannot be told."""
        value = self.value(given, at)
        if value is None:
            return () if given is None else None
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        listed = value if isinstance(value, list) else [value]
        return tuple({key: one} if isinstance(one, str) else one for one in listed if isinstance(one, (str, Mapping)))

    def write(self, step: Step, at: datetime) -> None:
        """What a step leaves behind: a value where it can be told, else one name more that nobody knows."""
        if step.kind == "start" and not step.outputs:
            return  # what was submitted is what the forecast was given
        names = set(written(step))
        answer = self._answer(step, at) if step.repetition is None else None
        if answer is not None:
            produced = {step.result_variable: answer}
            if step.outputs:
                told = [line for line in step.outputs if self.told(line.source, produced)]
                produced = {line.target: self._of(line.source, at, produced) for line in told}
            self.variables |= produced
            self.unknown -= produced.keys()
            names -= produced.keys()
        self.unknown |= names

    def _answer(self, step: Step, at: datetime) -> Any:
        """What a rule or a script answers; nothing when it reads what is not known, or cannot be asked."""
        if step.kind == "script":
            return self.value(step.script, at)
        # A form that is not finished would be judged for what is missing.
        if step.kind != "business_rule" or not all(self.told(line.source, whole=True) for line in step.inputs):
            return None
        local: dict[str, Any] = {}
        for line in step.inputs:
            local[line.target] = self._of(line.source, at, local)
        try:
            ruling = self.lent.decide(step.decision_id, {**self.variables, **self.lent.context(at), **local})
        except Exception:  # a table that refuses the facts will say so when it is asked; a forecast does without it
            return None
        return ruling.outputs or ruling.value

    def _of(self, given: Given, at: datetime, local: Mapping[str, Any]) -> Any:
        return given.value({**self.variables, **self.lent.context(at), **local}, at, [])

    def holds(self, flow: Flow, at: datetime) -> bool | None:
        """Whether the condition of a flow holds; nothing where that cannot be told."""
        if flow.condition is None or not self.told(flow.condition):
            return None
        value = self.value(flow.condition, at)
        return value if isinstance(value, bool) else None


def _at(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if isinstance(value, list):
            return value
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value
