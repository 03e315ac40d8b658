"""A diagram as SpiffWorkflow specs: one process spec per scope, one task spec per step. Nothing of the file gets in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.specs import WorkflowSpec

from workflows.engine import specs
from workflows.engine.model import Diagram, Step
from workflows.engine.repeating import Repeated

_SPECS: Mapping[str, Any] = {
    "start": specs.Element,
    "end": specs.End,
    "user": specs.UserTask,
    "service": specs.ServiceTask,
    "business_rule": specs.BusinessRuleTask,
    "script": specs.ScriptTask,
    "exclusive": specs.ExclusiveGateway,
    "parallel": specs.ParallelGateway,
    "inclusive": specs.InclusiveGateway,
    "subprocess": specs.SubProcess,
    "catch": specs.TimerCatch,
    "boundary": specs.BoundaryTimer,
}


@dataclass(frozen=True)
class Machine:
    """The specs of a diagram; never changed after building, shared by every instance in the process."""

    spec: Any
    #: Process specs of the sub-processes by element id.
    inner: Mapping[str, Any]


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
    scopes = {"": ScopeSpec(diagram.process_id)}
    scopes |= {step.id: ScopeSpec(step.id) for step in diagram.steps.values() if step.kind == "subprocess"}
    made = {step.id: _spec(step)(scopes[step.scope], step) for step in diagram.steps.values()}
    for flow in diagram.flows:
        source, target = made[flow.source], made[flow.target]
        source.connect(target)
        source.leaving += (flow,)
        target.entering += (flow,)
    for spec in made.values():
        scope = scopes[spec.step.scope]
        if spec.step.kind == "start":
            scope.start.connect(spec)
        if spec.step.attached_to:
            made[spec.step.attached_to].boundaries += (spec,)
        if not spec.leaving:
            spec.connect(scope.end)
    for spec in made.values():
        if isinstance(spec, specs.InclusiveGateway):
            spec.sources = {flow.id: _sources(diagram, flow.source, spec.step.id) for flow in spec.entering}
    return Machine(scopes.pop(""), scopes)


def _spec(step: Step) -> Any:
    return Repeated if step.repetition else _SPECS[step.kind]


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
        if host := diagram.steps[name].attached_to:
            todo.append(host)
    return frozenset(found)
