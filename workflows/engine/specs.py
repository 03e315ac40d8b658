"""Our task specs: what each task and gateway does when a token reaches it. SpiffWorkflow's life cycle, our meaning.

Differences from the stock specs, each of them deliberate: nothing is predicted (children exist once a step is passed); a
token carries the sequence flow it came by; joins consume tokens; data are cells that are never changed; a boundary event is a
task beside its host, tied to it by the host's token; no Python text is ever evaluated. Events are in occurrences.py, what holds a
scope in scopes.py, what is undone in compensation.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from SpiffWorkflow.bpmn.specs.bpmn_task_spec import BpmnTaskSpec
from SpiffWorkflow.bpmn.specs.mixins import BpmnSpecMixin
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflows.engine.errors import NoFlowTaken
from workflows.engine.journey import Data, Journey, latest
from workflows.engine.model import Flow, Step
from workflows.engine.progress import Order, RulingAt
from workflows.engine.tokens import Token

if TYPE_CHECKING:
    from workflows.engine.occurrences import Boundary

#: Keys of a task's internal data: flow it came by, token of its boundary event's host, evaluated inputs; of the member of a
#: repetition the token of the task that stands for the whole; of a step that undoes another that of the throw that waits for it.
FLOW, HOST, INPUTS, OF, UNDOING = "flow", "host", "inputs", "of", "undoing"
#: When a remembered activity was completed, as a number that grows.
ORDER = "order"
#: State of an activity that is done but remembered, because it may have to be undone. SpiffWorkflow's own use of it, a
#: predicted task, does not occur here.
REMEMBERED = TaskState.LIKELY


def journey(task: Task) -> Journey:
    """The run that ``task`` takes part in."""
    found: Journey = task.workflow.top_workflow.script_engine.journey
    return found


def live(workflow: Any) -> list[Task]:
    """Unfinished tasks of one scope, oldest first."""
    return [task for task in workflow.tasks.values() if task._state & TaskState.DEFINITE_MASK]


def kept(workflow: Any) -> list[Task]:
    """Everything of one scope that outlives the run: unfinished tasks and remembered activities, oldest first."""
    return [task for task in workflow.tasks.values() if task._state & (TaskState.DEFINITE_MASK | REMEMBERED)]


def drop(task: Task) -> None:
    """Take a finished or consumed task out of the tree; what it opened hangs from the root from now on.

    History lives in the record, not here: the tree holds the root and what is open, however long an instance lives.
    """
    workflow = task.workflow
    root = workflow.task_tree
    if task is root or task.id not in workflow.tasks:
        return
    _uproot(task, root)
    del workflow.tasks[task.id]


def _uproot(task: Task, root: Task) -> None:
    siblings = task.parent._children
    # The younger a task, the sooner it goes: among thousands that wait, the search begins at the end.
    place = next(place for place in reversed(range(len(siblings))) if siblings[place] == task.id)
    del siblings[place]
    for child in task.children:
        child._parent = root.id
        root._children.append(child.id)


def settle(task: Task) -> None:
    """What becomes of a task that has run: it is gone, remembered when it may have to be undone, or waits on."""
    if task._state == TaskState.STARTED:
        return
    if not task.task_spec.remembered or task._state != TaskState.COMPLETED or not open_in(task):
        drop(task)
        return
    root = task.workflow.task_tree
    _uproot(task, root)
    task._children = []
    task._parent = root.id
    root._children.append(task.id)
    task._state = REMEMBERED
    task.internal_data[ORDER] = journey(task).tick()


def open_in(task: Task) -> bool:
    """Whether ``task`` is still part of its scope, not withdrawn by something that it set off itself."""
    return task.id in task.workflow.tasks


def withdraw(task: Task) -> None:
    """Cancel an open task with everything inside it, and take it out of the tree."""
    task.cancel()
    drop(task)


def knows(task: Task) -> Data:
    """What is known at ``task``: for a sub-process or a repetition also what its inside has written."""
    found: Data = task.task_spec.knows(task)
    return found


def known_in(workflow: Any) -> Data:
    """Of every variable the value written last by any open branch of a scope."""
    return latest(*(knows(task) for task in live(workflow)))


def spawn(parent: Task, spec: Any, flow: Flow | None, *, token: str = "") -> Task:
    """A token on its way to ``spec``, knowing what ``parent`` knows."""
    token = token or journey(parent).token(parent.workflow.prefix)
    child = Token(parent.workflow, spec, parent, TaskState.FUTURE, id=token)
    child.data = dict(parent.data)
    if flow is not None:
        child.internal_data[FLOW] = flow.id
    return child


class Unpredicted(BpmnTaskSpec):
    """A spec whose tasks exist only when a token is there."""

    #: Whether a person, a moment, something from outside or the inside of a sub-process can move a token that waits here.
    waits = False
    #: What the caller keeps for a token that waits here ("task", "timer", "subscription" or "call"; "" for nothing), and the
    #: state in which it waits.
    row = ""
    row_state = TaskState.WAITING
    #: Whether it waits for a condition, which is asked whenever the instance comes to rest.
    asks = False
    #: Whether it is the start of an event sub-process, which does not keep its scope open.
    listens = False
    #: Whether it is remembered once it is done.
    remembered = False

    def test(self) -> None:
        return None  # whether a token can come here was checked when the diagram was deployed

    def knows(self, my_task: Task) -> Data:
        """What is known at ``my_task``, its inside included."""
        return dict(my_task.data)

    def _predict(self, my_task: Task, seen: Any = None, looked_ahead: int = 0, mask: int = 0) -> None:
        return None

    def _update_hook(self, my_task: Task) -> bool:
        return True

    def _on_ready_hook(self, my_task: Task) -> None:
        if not self.manual:
            journey(my_task).queue.append(my_task)


class ScopeStart(Unpredicted):
    """Root of a process or sub-process: it opens the event sub-processes and leads to the start event."""

    def __init__(self, wf_spec: Any, name: str) -> None:
        super().__init__(wf_spec, name)
        #: The start event of a sub-process, and the starts of event sub-processes; set once by the builder.
        self.entry: Any = None
        self.listeners: tuple[Any, ...] = ()

    def _run_hook(self, my_task: Task) -> bool:
        run, inner = journey(my_task), my_task.workflow
        for listener in self.listeners:
            if listener.row or listener.asks:
                spawn(my_task, listener, None)
        entry = self._wf_spec.task_specs[run.at] if inner is inner.top_workflow else self.entry
        spawn(my_task, entry, None)
        my_task.data = {}
        return True


class ScopeEnd(Unpredicted):
    """Where tokens of a scope end; the last one ends the scope."""

    def _update_hook(self, my_task: Task) -> bool:
        others = [task for task in live(my_task.workflow) if task is not my_task]
        earlier = [task for task in others if task.task_spec is self]
        listeners = [task for task in others if task.task_spec.listens]
        my_task.data = latest(*(task.data for task in earlier), my_task.data)
        for task in earlier:
            withdraw(task)
        if len(earlier) + len(listeners) < len(others):
            my_task._set_state(TaskState.WAITING)
            return False
        for task in listeners:
            withdraw(task)
        return True


class Element(BpmnSpecMixin, Unpredicted):
    """A step of the diagram."""

    def __init__(self, wf_spec: Any, step: Step, name: str = "", **kwargs: Any) -> None:
        super().__init__(wf_spec, name or step.id, bpmn_name=step.name, lane=step.lane or None, **kwargs)
        self.step = step
        #: Flows that enter and leave, in document order; set once by the builder.
        self.entering: tuple[Flow, ...] = ()
        self.leaving: tuple[Flow, ...] = ()
        #: Boundary events on this step, and those of them that wait by themselves while the step does.
        self.boundaries: tuple[Boundary, ...] = ()
        self.watched: tuple[Boundary, ...] = ()

    def _run_hook(self, my_task: Task) -> bool | None:
        self.act(my_task)
        journey(my_task).pass_step(self.step)
        self.leave(my_task)
        return True

    def act(self, my_task: Task) -> None:
        """Do what the step is for."""

    def leave(self, my_task: Task) -> None:
        """Put a token on each flow to be taken; a step without flows ends its branch, or was there to undo another."""
        if not self.leaving:
            if self.step.undoes:
                throw = my_task.workflow.top_workflow.find(my_task.internal_data[UNDOING])
                throw.task_spec.undone(throw, my_task)
            else:
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
        for boundary in self.watched:
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
        if self.watched:
            self.unwatch(my_task)

    def _on_cancel(self, my_task: Task) -> None:
        if self.watched:
            self.unwatch(my_task)

    def local(self, my_task: Task) -> dict[str, Any]:
        """Evaluate the input mapping as it is, not made plain: what only this step sees, with what it was given before."""
        run, given = journey(my_task), my_task.internal_data.get(INPUTS, {})
        inputs = run.assigned(self.step, self.step.inputs, "input", run.scope(my_task.data, given))
        my_task.internal_data[INPUTS] = found = {**given, **inputs}
        return found

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


class UserTask(Element):
    """Waits for a person."""

    waits = True
    row, row_state = "task", TaskState.READY

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
        given = my_task.internal_data.get(INPUTS, {})
        seen = {name: cell.value for name, cell in my_task.data.items()} | given
        inputs = run.inputs(self.step, run.scope(my_task.data, given))
        run.orders.append(
            Order(self.step.id, self.step.task_type, {**seen, **inputs}, self.step.headers, self.step.retries)
        )


class BusinessRuleTask(Element):
    """Asks for a ruling; its outputs become one variable."""

    def act(self, my_task: Task) -> None:
        run, inputs = journey(my_task), self.local(my_task)
        ruling = run.house.decide(self.step.decision_id, run.scope(my_task.data, inputs))
        run.rulings.append(RulingAt(self.step.id, self.step.decision_id, ruling, self.step.result_variable))
        self.store_outputs(my_task, {self.step.result_variable: ruling.outputs or ruling.value})


class ScriptTask(Element):
    """Computes a FEEL expression into a variable."""

    def act(self, my_task: Task) -> None:
        run, inputs = journey(my_task), self.local(my_task)
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
        for task in live(my_task.workflow) if wanted else ():
            flow = task.internal_data.get(FLOW)
            if task.task_spec is self and task is not my_task and task._state == TaskState.WAITING and flow in wanted:
                found.setdefault(flow, task)
        if len(found) < len(wanted):
            my_task._set_state(TaskState.WAITING)
            return False
        merge_into(my_task, list(found.values()))
        return True


class InclusiveGateway(Element):
    """Leaves by every flow whose condition holds; joins as soon as no further token can still arrive (see machine.py)."""

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
