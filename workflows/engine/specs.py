"""Our task specs: what each BPMN element does when a token reaches it. SpiffWorkflow's life cycle, our meaning.

Differences from the stock specs, each of them deliberate: nothing is predicted (children exist once a step is passed); a
token carries the sequence flow it came by; joins consume tokens; data are cells that are never changed; a boundary event is a
task beside its host, tied to it by the host's token; no Python text is ever evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from SpiffWorkflow.bpmn.specs.bpmn_task_spec import BpmnTaskSpec
from SpiffWorkflow.bpmn.specs.mixins import BpmnSpecMixin, SubWorkflowTaskMixin
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflows.engine.errors import NoFlowTaken
from workflows.engine.journey import Data, Journey, latest
from workflows.engine.model import Flow, Step
from workflows.engine.progress import Order, RulingAt

#: Keys of a task's internal data: flow it came by, token of its boundary event's host, evaluated inputs; of the member of a
#: repetition the token of the task that stands for the whole.
FLOW, HOST, INPUTS, OF = "flow", "host", "inputs", "of"


def journey(task: Task) -> Journey:
    """The run that ``task`` takes part in."""
    found: Journey = task.workflow.top_workflow.script_engine.journey
    return found


def live(workflow: Any) -> list[Task]:
    """Unfinished tasks of one scope, oldest first."""
    return [task for task in workflow.tasks.values() if task._state & TaskState.NOT_FINISHED_MASK]


def drop(task: Task) -> None:
    """Take a finished or consumed task out of the tree; what it opened hangs from the root from now on.

    History lives in the record, not here: the tree holds the root and what is open, however long an instance lives.
    """
    workflow = task.workflow
    root = workflow.task_tree
    if task is root:
        return
    parent = task.parent
    parent._children.remove(task.id)
    for child in task.children:
        child._parent = root.id
        root._children.append(child.id)
    del workflow.tasks[task.id]


def withdraw(task: Task) -> None:
    """Cancel an open task with everything inside it, and take it out of the tree."""
    task.cancel()
    drop(task)


def knows(task: Task) -> Data:
    """What is known at ``task``: for a sub-process also what its inside has written."""
    inside = task.workflow.top_workflow.subprocesses.get(task.id)
    if inside is None:
        return dict(task.data)
    return latest(task.data, *(knows(one) for one in inside.tasks.values()))


def spawn(parent: Task, spec: Any, flow: Flow | None) -> Task:
    """A token on its way to ``spec``, knowing what ``parent`` knows."""
    child = Task(parent.workflow, spec, parent, TaskState.FUTURE, id=journey(parent).token(parent.workflow.prefix))
    child.data = dict(parent.data)
    if flow is not None:
        child.internal_data[FLOW] = flow.id
    return child


class Unpredicted(BpmnTaskSpec):
    """A spec whose tasks exist only when a token is there."""

    #: Whether a person, a moment or the inside of a sub-process can move a token that waits here.
    waits = False

    def _predict(self, my_task: Task, seen: Any = None, looked_ahead: int = 0, mask: int = 0) -> None:
        return None

    def _update_hook(self, my_task: Task) -> bool:
        return True

    def _on_ready_hook(self, my_task: Task) -> None:
        if not self.manual:
            journey(my_task).queue.append(my_task)


class ScopeStart(Unpredicted):
    """Root of a process or sub-process: it leads to the start event."""

    def test(self) -> None:
        return None

    def _run_hook(self, my_task: Task) -> bool:
        (start,) = self.outputs
        spawn(my_task, start, None)
        my_task.data = {}
        return True


class ScopeEnd(Unpredicted):
    """Where tokens of a scope end; the last one ends the scope."""

    def _update_hook(self, my_task: Task) -> bool:
        others = [task for task in live(my_task.workflow) if task is not my_task]
        earlier = [task for task in others if task.task_spec is self]
        my_task.data = latest(*(task.data for task in earlier), my_task.data)
        for task in earlier:
            withdraw(task)
        if len(earlier) < len(others):
            my_task._set_state(TaskState.WAITING)
            return False
        return True


class Element(BpmnSpecMixin, Unpredicted):
    """A step of the diagram."""

    def __init__(self, wf_spec: Any, step: Step, name: str = "", **kwargs: Any) -> None:
        super().__init__(wf_spec, name or step.id, bpmn_name=step.name, lane=step.lane or None, **kwargs)
        self.step = step
        #: Flows that enter and leave, in document order; set once by the builder.
        self.entering: tuple[Flow, ...] = ()
        self.leaving: tuple[Flow, ...] = ()
        #: Boundary events on this step.
        self.boundaries: tuple[BoundaryTimer, ...] = ()

    def _run_hook(self, my_task: Task) -> bool:
        self.act(my_task)
        journey(my_task).pass_step(self.step)
        self.leave(my_task)
        return True

    def act(self, my_task: Task) -> None:
        """Do what the step is for."""

    def leave(self, my_task: Task) -> None:
        """Put a token on each flow to be taken; a step without flows ends its branch."""
        if not self.leaving:
            spawn(my_task, self._wf_spec.end, None)
            return
        for flow in self.chosen(my_task):
            journey(my_task).take(flow)
            spawn(my_task, self._wf_spec.task_specs[flow.target], flow)

    def chosen(self, my_task: Task) -> list[Flow]:
        """Flows without condition, flows whose condition holds, and the default if no condition does."""
        met = [flow for flow in self.leaving if flow.condition and self.holds(my_task, flow)]
        plain = [flow for flow in self.leaving if not flow.condition and not flow.default]
        taken = [flow for flow in self.leaving if flow in met or flow in plain or (flow.default and not met)]
        return taken or self.nowhere()

    def holds(self, my_task: Task, flow: Flow) -> bool:
        """Whether the flow's condition is true now; a flow without one always holds."""
        return flow.condition is None or journey(my_task).holds(self.step, flow, flow.condition, my_task.data)

    def nowhere(self) -> list[Flow]:
        """Refuse to go on: no flow can be taken."""
        raise NoFlowTaken(step=self.step.name or self.step.id)

    def watch(self, my_task: Task) -> None:
        """Open the boundary events of a step that begins to wait."""
        for boundary in self.boundaries:
            event = spawn(my_task.parent, boundary, None)
            event.data = dict(my_task.data)
            event.internal_data[HOST] = my_task.id
            boundary._update(event)

    def unwatch(self, my_task: Task) -> None:
        """Cancel the boundary events that still wait on a step that no longer does."""
        for task in live(my_task.workflow):
            if task.internal_data.get(HOST) == my_task.id and task._state == TaskState.WAITING:
                withdraw(task)

    def _on_complete_hook(self, my_task: Task) -> None:
        if self.boundaries:
            self.unwatch(my_task)

    def _on_cancel(self, my_task: Task) -> None:
        if self.boundaries:
            self.unwatch(my_task)

    def store_outputs(self, my_task: Task, produced: Mapping[str, Any], task: Mapping[str, Any] | None = None) -> None:
        """Set variables from what a step produced, each one whole.

        Without an output mapping every produced value is stored under its own name. With one, the produced values and the
        step's inputs are local: each source is evaluated over them, the house and the variables; only the targets are stored.
        """
        run = journey(my_task)
        if self.step.outputs:
            local = {**my_task.internal_data.get(INPUTS, {}), **produced}
            my_task.internal_data[INPUTS] = local
            produced = run.assigned(self.step, self.step.outputs, "output", run.scope(my_task.data, local, task))
        for name, value in produced.items():
            run.write(my_task.data, name, value)


class End(Element):
    """End event: its branch ends. A terminate event ends every branch of its scope."""

    def act(self, my_task: Task) -> None:
        journey(my_task).ended.append(self.step.id)
        if self.step.event is not None:
            for task in live(my_task.workflow):
                # Cancelling a host takes its boundary events along.
                if task is not my_task and task.id in my_task.workflow.tasks:
                    my_task.data = latest(my_task.data, knows(task))
                    withdraw(task)


class UserTask(Element):
    """Waits for a person."""

    waits = True

    def __init__(self, wf_spec: Any, step: Step, name: str = "") -> None:
        super().__init__(wf_spec, step, name, manual=True)
        self.manual = True

    def _on_ready_hook(self, my_task: Task) -> None:
        run = journey(my_task)
        if self.step.inputs:
            given = my_task.internal_data.get(INPUTS, {})
            scope = run.scope(my_task.data, given, self.task_value(my_task))
            my_task.internal_data[INPUTS] = {**given, **run.inputs(self.step, scope)}
        self.watch(my_task)

    def task_value(self, my_task: Task) -> dict[str, Any]:
        """`task` as FEEL sees it when the task opens: nobody holds it yet."""
        return {
            "id": my_task.id,
            "step": self.step.id,
            "form": self.step.form_id,
            "holder": None,
            "due_at": None,
            "returned": [],
        }


class ServiceTask(Element):
    """Sends an order and passes."""

    def act(self, my_task: Task) -> None:
        run = journey(my_task)
        seen = {name: cell.value for name, cell in my_task.data.items()}
        inputs = run.inputs(self.step, run.scope(my_task.data, {}))
        run.orders.append(
            Order(self.step.id, self.step.task_type, {**seen, **inputs}, self.step.headers, self.step.retries)
        )


class BusinessRuleTask(Element):
    """Asks for a ruling; its outputs become one variable."""

    def act(self, my_task: Task) -> None:
        run = journey(my_task)
        inputs = run.assigned(self.step, self.step.inputs, "input", run.scope(my_task.data, {}))
        my_task.internal_data[INPUTS] = inputs
        ruling = run.house.decide(self.step.decision_id, run.scope(my_task.data, inputs))
        run.rulings.append(RulingAt(self.step.id, self.step.decision_id, ruling, self.step.result_variable))
        self.store_outputs(my_task, {self.step.result_variable: ruling.outputs or ruling.value})


class ScriptTask(Element):
    """Computes a FEEL expression into a variable."""

    def act(self, my_task: Task) -> None:
        run = journey(my_task)
        inputs = run.assigned(self.step, self.step.inputs, "input", run.scope(my_task.data, {}))
        my_task.internal_data[INPUTS] = inputs
        scope = run.scope(my_task.data, inputs)
        value = run.evaluate(self.step.id, "script", self.step.script, scope) if self.step.script else None
        self.store_outputs(my_task, {self.step.result_variable: value})


class ExclusiveGateway(Element):
    """Takes the first flow whose condition holds, else the default."""

    def chosen(self, my_task: Task) -> list[Flow]:
        for flow in self.leaving:
            if not flow.default and self.holds(my_task, flow):
                return [flow]
        return [flow for flow in self.leaving if flow.default] or self.nowhere()


class ParallelGateway(Element):
    """Waits for one token on each entering flow, consumes exactly those, leaves by every flow."""

    def _update_hook(self, my_task: Task) -> bool:
        wanted = {flow.id for flow in self.entering} - {my_task.internal_data.get(FLOW)}
        found: dict[str, Task] = {}
        for task in live(my_task.workflow):
            flow = task.internal_data.get(FLOW)
            if task.task_spec is self and task is not my_task and task._state == TaskState.WAITING and flow in wanted:
                found.setdefault(flow, task)
        if len(found) < len(wanted):
            my_task._set_state(TaskState.WAITING)
            return False
        merge_into(my_task, list(found.values()))
        return True


class InclusiveGateway(Element):
    """Leaves by every flow whose condition holds; joins as soon as no further token can still arrive (see joins.py)."""

    def __init__(self, wf_spec: Any, step: Step) -> None:
        super().__init__(wf_spec, step)
        #: For each entering flow the steps from which a token can still come by it without passing this gateway.
        self.sources: Mapping[str, frozenset[str]] = {}

    def _update_hook(self, my_task: Task) -> bool:
        if len(self.entering) > 1:
            my_task._set_state(TaskState.WAITING)
            return False
        return True

    def chosen(self, my_task: Task) -> list[Flow]:
        if len(self.leaving) == 1 and self.leaving[0].condition is None:
            return list(self.leaving)
        met = [flow for flow in self.leaving if flow.condition and self.holds(my_task, flow)]
        return met or [flow for flow in self.leaving if flow.default] or self.nowhere()


def merge_into(my_task: Task, consumed: list[Task]) -> None:
    """Join tokens: ``my_task`` goes on and knows what all of them know; the others are gone."""
    my_task.data = latest(my_task.data, *(task.data for task in consumed))
    for task in consumed:
        withdraw(task)


class TimerCatch(Element):
    """Waits for a moment."""

    waits = True

    def _update_hook(self, my_task: Task) -> bool:
        my_task._set_state(TaskState.WAITING)
        return False


class BoundaryTimer(TimerCatch):
    """Waits for a moment beside its host; interrupting, it ends the host."""

    def act(self, my_task: Task) -> None:
        host = my_task.workflow.tasks[my_task.internal_data[HOST]]
        # Whatever was filled in inside the host up to now stays known, interrupted or not.
        my_task.data = latest(my_task.data, knows(host))
        if self.step.interrupting:
            withdraw(host)

    def test(self) -> None:
        return None  # no flow enters a boundary event


class SubProcess(SubWorkflowTaskMixin, Element):
    """Embedded sub-process: a scope of its own that begins with what the token knows."""

    waits = True

    def __init__(self, wf_spec: Any, step: Step) -> None:
        super().__init__(wf_spec, step, subworkflow_spec=step.id)

    def _update_hook(self, my_task: Task) -> bool:
        inside = my_task.workflow.top_workflow.create_subprocess(my_task, self.spec)
        inside.task_tree.data = dict(my_task.data)
        my_task._set_state(TaskState.STARTED)
        self.watch(my_task)
        inside.task_tree._ready()
        return False

    def _on_subworkflow_completed(self, subworkflow: Any, my_task: Task) -> None:
        my_task.data = dict(subworkflow.last_task.data)
        del my_task.workflow.top_workflow.subprocesses[my_task.id]
        my_task._ready()

    def _on_cancel(self, my_task: Task) -> None:
        inside = my_task.workflow.top_workflow.subprocesses.pop(my_task.id, None)
        for task in live(inside) if inside is not None else ():
            if task.id in inside.tasks:
                withdraw(task)
        Element._on_cancel(self, my_task)
