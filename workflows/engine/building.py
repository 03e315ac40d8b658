"""A diagram as SpiffWorkflow specs: one process spec per scope, one task spec per step. Nothing of the file gets in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.specs import WorkflowSpec

from workflows.engine import compensation, occurrences, scopes, specs
from workflows.engine.model import Diagram, Step
from workflows.engine.repeating import Repeated

#: What a step does by its kind; events by what they catch or throw.
_SPECS: Mapping[str, Any] = {
    "start": specs.Element,
    "user": specs.UserTask,
    "service": specs.ServiceTask,
    "business_rule": specs.BusinessRuleTask,
    "script": specs.ScriptTask,
    "pass": specs.Element,
    "receive": occurrences.Catch,
    "exclusive": specs.ExclusiveGateway,
    "parallel": specs.ParallelGateway,
    "inclusive": specs.InclusiveGateway,
    "event_gateway": occurrences.EventGateway,
    "subprocess": scopes.SubProcess,
    "transaction": scopes.SubProcess,
    "event_subprocess": scopes.EventSubProcess,
    "call": scopes.CallActivity,
    "boundary": occurrences.Boundary,
}
_THROWS: Mapping[str, Any] = {
    "message": occurrences.MessageThrow,
    "signal": occurrences.SignalThrow,
    "error": scopes.ErrorEnd,
    "escalation": scopes.EscalationThrow,
    "compensation": compensation.CompensationThrow,
    "cancel": compensation.CancelEnd,
    "link": occurrences.LinkThrow,
    "terminate": occurrences.Terminate,
}
#: The kinds of step that catch an event.
_CATCHES = frozenset({"catch", "boundary", "start"})
#: The kinds that have an inside.
_SCOPES = frozenset({"subprocess", "transaction", "event_subprocess"})


@dataclass(frozen=True)
class Machine:
    """The specs of a diagram; never changed after building, shared by every instance in the process."""

    spec: Any
    #: Process specs of the sub-processes by element id.
    inner: Mapping[str, Any]
    #: Whether some event waits for a condition.
    asks: bool


class ScopeSpec(BpmnProcessSpec):
    """Spec of a process or sub-process. Its own two tasks have names no element id can have (ids hold no colon)."""

    def __init__(self, name: str) -> None:
        # BpmnProcessSpec would add tasks called Start and End, which are ordinary element ids.
        WorkflowSpec.__init__(self, name=name)
        self.svg = self.io_specification = None
        self.data_objects: dict[str, Any] = {}
        self.data_stores: dict[str, Any] = {}
        self.correlation_keys: dict[str, Any] = {}
        self.bpmn_start_events: list[Any] = []
        self.start = specs.ScopeStart(self, ":start")
        self.end = specs.ScopeEnd(self, ":end")


def build(diagram: Diagram) -> Machine:
    """The machine of a sound diagram."""
    inner = {"": ScopeSpec(diagram.process_id)}
    inner |= {step.id: ScopeSpec(step.id) for step in diagram.steps.values() if step.kind in _SCOPES}
    made = {step.id: _spec(inner[step.scope], step) for step in diagram.steps.values()}
    for flow in diagram.flows:
        source, target = made[flow.source], made[flow.target]
        source.connect(target)
        source.leaving += (flow,)
        target.entering += (flow,)
    for spec in made.values():
        scope = inner[spec.step.scope]
        if spec.step.kind == "start":
            _start(diagram, inner, made, spec)
        if spec.step.kind == "boundary" and spec.event.kind != "compensation":
            host = made[spec.step.attached_to]
            host.boundaries += (spec,)
            if spec.row or spec.asks:
                host.watched += (spec,)
        if isinstance(spec, occurrences.LinkThrow):
            spec.target = made[_link(diagram, spec.step)]
        if not spec.leaving:
            spec.connect(scope.end)
        if isinstance(spec, Repeated):
            spec.catches = _catches(diagram, spec.step)
    for spec in made.values():
        if isinstance(spec, specs.InclusiveGateway):
            spec.sources = {flow.id: _sources(diagram, flow.source, spec.step.id) for flow in spec.entering}
    _remember(diagram, made)
    asks = any(step.event and step.event.kind == "conditional" for step in diagram.steps.values())
    return Machine(inner.pop(""), inner, asks)


def _catches(diagram: Diagram, step: Step) -> bool:
    """Whether inside ``step`` something waits for what happens within the instance."""
    inside = [one for one in diagram.steps.values() if one.scope == step.id]
    return any(
        _catches(diagram, one) or (one.event and one.event.kind in {"signal", "conditional"} and one.kind in _CATCHES)
        for one in inside
    )


def _spec(scope: ScopeSpec, step: Step) -> Any:
    each = _each(step)
    return Repeated(scope, step, each) if step.repetition else each(scope, step)


def _each(step: Step) -> Any:
    event = step.event.kind if step.event else ""
    if step.kind in {"throw", "end"}:
        if step.task_type:
            return occurrences.OrderEnd
        return _THROWS[event] if event else occurrences.End if step.kind == "end" else specs.Element
    if step.kind == "send":
        return occurrences.SendTask if event else specs.ServiceTask
    if step.kind == "catch":
        return specs.Element if event == "link" else occurrences.Catch
    return _SPECS[step.kind]


def _start(diagram: Diagram, inner: Mapping[str, ScopeSpec], made: Mapping[str, Any], spec: Any) -> None:
    """Make a start event the beginning of its scope; that of an event sub-process is waited for in the scope around it too."""
    scope = inner[spec.step.scope]
    owner = diagram.steps.get(spec.step.scope)
    scope.start.entry = spec
    if owner is not None and owner.kind == "event_subprocess":
        around = inner[owner.scope]
        around.start.listeners += (scopes.Listener(around, spec.step, made[owner.id]),)


def _link(diagram: Diagram, step: Step) -> str:
    (found,) = (
        one.id
        for one in diagram.steps.values()
        if one.kind == "catch" and one.scope == step.scope and one.event and one.event == step.event
    )
    return found


def _remember(diagram: Diagram, made: Mapping[str, Any]) -> None:
    """Mark what is remembered: an activity that another undoes, and a sub-process with such an activity inside."""
    for step in diagram.steps.values():
        if step.undone_by:
            made[step.id].remembered = True
            around = diagram.steps.get(step.scope)
            while around is not None and not around.undone_by:
                # Of a repeated sub-process each member is remembered with its own inside.
                holder = made[around.id].member if around.repetition else made[around.id]
                holder.remembered = holder.keeps_inside = True
                around = diagram.steps.get(around.scope)


def _sources(diagram: Diagram, before: str, gateway: str) -> frozenset[str]:
    """Every step from which a token can come to ``before`` without passing ``gateway``."""
    found: set[str] = set()
    todo = [before]
    while todo:
        name = todo.pop()
        if name == gateway or name in found:
            continue
        found.add(name)
        todo += [flow.source for flow in diagram.flows if flow.target == name]
        step = diagram.steps[name]
        if step.attached_to:
            todo.append(step.attached_to)
        if step.kind == "catch" and step.event and step.event.kind == "link":
            todo += [
                one.id
                for one in diagram.steps.values()
                if one.kind == "throw" and one.scope == step.scope and one.event == step.event
            ]
    return frozenset(found)
