"""A diagram as it was read: steps, flows and what they ask for. Immutable, shared by all instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from workflows.engine.expressions import Formula, Given


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

    #: "date" (a moment) or "duration" (from the moment the step opens).
    kind: str
    value: Given


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
    """A user task once for each item of a list (multi-instance)."""

    #: One after the other instead of all at once.
    sequential: bool
    collection: Formula
    #: Name under which each member sees its item; "" for none.
    item: str
    #: Variable that collects a result per item, and the result of a member; both or neither.
    results: str
    result: Formula | None
    #: When true after a member is done, the others are called off.
    until: Formula | None

    def formulas(self) -> Iterator[tuple[str, Formula]]:
        """Every expression with the name of its place."""
        yield "inputCollection", self.collection
        if self.result:
            yield "outputElement", self.result
        if self.until:
            yield "completionCondition", self.until


@dataclass(frozen=True)
class Step:
    """One element that a token passes or waits at."""

    id: str
    name: str
    #: start, end, terminate, user, service, business_rule, script, exclusive, parallel, inclusive, subprocess,
    #: timer_catch, boundary_timer.
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
    #: Of a boundary event: whether it cancels that step.
    interrupting: bool = True
    timer: Timer | None = None
    repetition: Repetition | None = None

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
            ("timer", self.timer.value if self.timer else None),
            *((f"input {one.target}", one.source) for one in self.inputs),
            *((f"output {one.target}", one.source) for one in self.outputs),
        ):
            if isinstance(value, Formula):
                yield place, value
        if self.repetition:
            yield from self.repetition.formulas()


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
        """The start event of the process itself."""
        return next(step for step in self.steps.values() if step.kind == "start" and not step.scope)

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
