"""A diagram as it was read: steps, flows and what they ask for. Immutable, shared by all instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from workflows.engine.expressions import Formula, Given, Text


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Flow:
    """A sequence flow."""

    id: str
    source: str
    target: str
    name: str
    condition: Formula | None
    #: Whether it is taken only when no condition of its source holds.
    default: bool
    line: int


@dataclass(frozen=True)
class Timer:
    """When a timer event is due."""

    #: "date" (a moment), "duration" (from the moment the step opens) or "cycle" (again and again, `R3/P1D`).
    kind: str
    value: Given


@dataclass(frozen=True)
class Event:
    """What an event catches or throws."""

    #: timer, message, signal, error, escalation, conditional, compensation, cancel, link or terminate.
    kind: str
    #: Of a message, signal or link its name; of an error or escalation its code. "" on a catching error or escalation is any.
    name: str = ""
    #: FEEL that gives the name of a message or signal, or the code thrown, when the step opens or throws; ``name`` is "" then.
    naming: Formula | None = None
    timer: Timer | None = None
    #: Of a conditional event.
    condition: Formula | None = None
    #: Key that a message carries, or must carry to be caught; None for a message without one.
    correlation: Given | None = None
    #: Of a compensation event: the activity to compensate; "" for every one in the scope.
    activity: str = ""


@dataclass(frozen=True)
class Assigned:
    """One line of an input or output mapping: ``target`` gets the value of ``source``."""

    source: Given
    target: str


#: What each member of a repeated task sees of its place in the list, from 1.
COUNTER = "loopCounter"
#: What a completion condition sees, as Camunda 8 names it.
COUNTS = ("numberOfInstances", "numberOfActiveInstances", "numberOfCompletedInstances", "numberOfTerminatedInstances")


@dataclass(frozen=True)
class Repetition:
    """An activity more than once: for each item of a list, a number of times, or while a condition holds."""

    #: One after the other instead of all at once. A standard loop always is.
    sequential: bool
    #: Of a multi-instance: the list, or else how many.
    collection: Formula | None = None
    cardinality: Given | None = None
    #: Name under which each member sees its item; "" for none.
    item: str = ""
    #: Variable that collects a result per item, and the result of a member; both or neither.
    results: str = ""
    result: Formula | None = None
    #: When true after a member is done, the others are called off.
    until: Formula | None = None
    #: Whether it is a standard loop; then the next four say how long.
    loop: bool = False
    again: Formula | None = None
    #: Whether `again` is asked before the first time too.
    test_before: bool = False
    #: Most times; None for no such bound.
    maximum: int | None = None

    def formulas(self) -> Iterator[tuple[str, Formula]]:
        """Every expression with the name of its place."""
        for place, value in (
            ("inputCollection", self.collection),
            ("loopCardinality", self.cardinality),
            ("outputElement", self.result),
            ("completionCondition", self.until),
            ("loopCondition", self.again),
        ):
            if isinstance(value, Formula):
                yield place, value


@dataclass(frozen=True)
class Step:
    """One element that a token passes or waits at."""

    id: str
    name: str
    #: start, end, catch, throw, boundary (events; see ``event``), user, service, business_rule, script, send, receive,
    #: pass (a task that nobody waits for), exclusive, parallel, inclusive, event_gateway, subprocess, event_subprocess,
    #: transaction, call.
    kind: str
    line: int
    #: Id of the sub-process it lies in; "" at the top.
    scope: str = ""
    lane: str = ""
    documentation: str = ""
    form_id: str = ""
    candidate_groups: Given | None = None
    candidate_users: Given | None = None
    assignee: Given | None = None
    due: Given | None = None
    follow_up: Given | None = None
    priority: Given | None = None
    decision_id: str = ""
    result_variable: str = ""
    script: Formula | None = None
    #: Name of the order of a service task.
    task_type: str = ""
    retries: int = 3
    headers: Mapping[str, str] = field(default_factory=_nothing)
    inputs: tuple[Assigned, ...] = ()
    outputs: tuple[Assigned, ...] = ()
    #: zeebe:properties, such as `jiaoyan:actions`.
    properties: Mapping[str, str] = field(default_factory=_nothing)
    #: Of a boundary event: the step on whose border it sits.
    attached_to: str = ""
    #: Of a boundary event: whether it cancels that step. Of the start of an event sub-process: whether it cancels the scope.
    interrupting: bool = True
    #: Of an event, a send or a receive task: what it catches or throws; None for a plain start, end or throw.
    event: Event | None = None
    repetition: Repetition | None = None
    #: Of a call activity: id of the called process, and whether all variables go in and come out (Camunda 8's default).
    called: Given | None = None
    hands_over_all: bool = True
    takes_back_all: bool = True
    #: Of an activity with a compensation event on its border: the activity that undoes it. Of that activity: True.
    undone_by: str = ""
    undoes: bool = False

    def formulas(self) -> Iterator[tuple[str, Formula]]:
        """Every FEEL expression of the step with the name of its place, in a fixed order."""
        for place, value in (
            ("candidateGroups", self.candidate_groups),
            ("candidateUsers", self.candidate_users),
            ("assignee", self.assignee),
            ("dueDate", self.due),
            ("followUpDate", self.follow_up),
            ("priority", self.priority),
            ("script", self.script),
            ("calledElement", self.called),
            *_of_event(self.event),
            *((f"input {one.target}", one.source) for one in self.inputs),
            *((f"output {one.target}", one.source) for one in self.outputs),
        ):
            if isinstance(value, Formula):
                yield place, value
        if self.repetition:
            yield from self.repetition.formulas()


def _of_event(event: Event | None) -> Iterator[tuple[str, Given | None]]:
    if event is not None:
        yield "name", event.naming
        yield "timer", event.timer.value if event.timer else None
        yield "condition", event.condition
        yield "correlationKey", event.correlation


@dataclass(frozen=True)
class Diagram:
    """One executable process of a file."""

    process_id: str
    name: str
    file: str
    documentation: str
    #: Every step by id, those in sub-processes included, in document order.
    steps: Mapping[str, Step]
    #: Every sequence flow, in document order.
    flows: tuple[Flow, ...]
    #: Lane names in document order.
    lanes: tuple[str, ...]
    #: zeebe:properties of the process, such as `jiaoyan:number`.
    properties: Mapping[str, str]
    #: Ids of steps and flows that have no shape or edge in the drawing.
    undrawn: tuple[str, ...]
    #: The engine's own form of it; no business of anybody else.
    machine: Any = field(default=None, compare=False, repr=False)

    @property
    def start(self) -> Step:
        """The start event of the process itself: the plain one if there is one, else the first."""
        starts = [step for step in self.steps.values() if step.kind == "start" and not step.scope]
        return min(starts, key=lambda step: step.event is not None)

    def started_by(self, kind: str, name: str) -> Step | None:
        """The start event of the process itself that waits for that message or signal; None without one."""
        for step in self.steps.values():
            if step.kind == "start" and not step.scope and step.event and (step.event.kind, step.event.name) == (kind, name):
                return step
        return None

    @property
    def calls(self) -> tuple[str, ...]:
        """Ids of the processes that its call activities name by a fixed text, each once, in document order."""
        named = (step.called.text for step in self.steps.values() if isinstance(step.called, Text))
        return tuple(dict.fromkeys(named))

    @property
    def form_id(self) -> str:
        """Form of the start event; "" when the process starts without one."""
        return self.start.form_id

    def flow(self, flow_id: str) -> Flow:
        """The sequence flow of that id; KeyError when there is none."""
        for flow in self.flows:
            if flow.id == flow_id:
                return flow
        raise KeyError(flow_id)

    def leaving(self, step_id: str) -> tuple[Flow, ...]:
        """The sequence flows that leave a step, in document order."""
        return tuple(flow for flow in self.flows if flow.source == step_id)

    def formulas(self) -> Iterator[tuple[str, str, Formula]]:
        """Every FEEL expression: element id, place in it, expression."""
        for step in self.steps.values():
            for place, formula in step.formulas():
                yield step.id, place, formula
        for flow in self.flows:
            if flow.condition:
                yield flow.id, "condition", flow.condition
