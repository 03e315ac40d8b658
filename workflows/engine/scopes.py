"""What holds a scope: sub-processes and transactions, event sub-processes and their listeners, call activities.

Here too is the way an error or an escalation takes: from the scope where it was thrown outwards, to the first that catches it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from SpiffWorkflow.bpmn.specs.mixins import SubWorkflowTaskMixin
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflows.engine.errors import ErrorNotCaught
from workflows.engine.journey import Data, latest, values
from workflows.engine.model import Step
from workflows.engine.occurrences import Beside, Throw, name_of
from workflows.engine.progress import Reported
from workflows.engine.specs import (
    INPUTS,
    OF,
    REMEMBERED,
    Element,
    journey,
    kept,
    known_in,
    knows,
    live,
    open_in,
    spawn,
    withdraw,
)


class SubProcess(SubWorkflowTaskMixin, Element):
    """Embedded sub-process or transaction: a scope of its own that begins with what the token knows."""

    waits = True

    def __init__(self, wf_spec: Any, step: Step, name: str = "") -> None:
        super().__init__(wf_spec, step, subworkflow_spec=step.id, name=name)
        #: Whether its inside is kept once it is done, because something in it may have to be undone.
        self.keeps_inside = False

    def _update_hook(self, my_task: Task) -> bool:
        run, inside = journey(my_task), my_task.workflow.top_workflow.create_subprocess(my_task, self.spec)
        inside.task_tree.data = dict(my_task.data)
        given = my_task.internal_data.get(INPUTS, {})
        if self.step.inputs:
            given = my_task.internal_data[INPUTS] = {
                **given,
                **run.inputs(self.step, run.scope(my_task.data, given)),
            }
        for name, value in given.items():
            run.write(inside.task_tree.data, name, value)
        my_task._set_state(TaskState.STARTED)
        self.watch(my_task)
        inside.task_tree._ready()
        return False

    def knows(self, my_task: Task) -> Data:
        inside = my_task.workflow.top_workflow.subprocesses.get(my_task.id)
        if inside is None:
            return dict(my_task.data)
        return self.outward(my_task, latest(my_task.data, *(knows(one) for one in inside.tasks.values())))

    def outward(self, my_task: Task, known: Data) -> Data:
        """What the outside gets to know of what is known inside: the names given to the inside are its own."""
        local = my_task.internal_data.get(INPUTS)
        if not local:
            return known
        outer = {name: my_task.data[name] for name in local if name in my_task.data}
        return {name: cell for name, cell in known.items() if name not in local} | outer

    def _on_subworkflow_completed(self, subworkflow: Any, my_task: Task) -> None:
        inner = subworkflow.last_task.data
        my_task.data = self.outward(my_task, dict(inner))
        if INPUTS in my_task.internal_data:
            # What was given to the inside may have been written anew there.
            my_task.internal_data[INPUTS] = {name: inner[name].value for name in my_task.internal_data[INPUTS]}
        self.store_outputs(my_task, {})
        if not self.keeps_inside:
            self._close(my_task)
        my_task._ready()

    def _on_cancel(self, my_task: Task) -> None:
        self._close(my_task)
        Element._on_cancel(self, my_task)

    def _close(self, my_task: Task) -> None:
        subprocesses = my_task.workflow.top_workflow.subprocesses
        inside = subprocesses.get(my_task.id)
        if inside is None:
            return
        # While it is being emptied it is still found by its token: what sleeps in it is woken before it is withdrawn.
        for task in kept(inside):
            if open_in(task):
                withdraw(task)
        del subprocesses[my_task.id]


class EventSubProcess(SubProcess):
    """Body of an event sub-process, begun by its listener or by an error or escalation that it catches."""

    def __init__(self, wf_spec: Any, step: Step, name: str = "") -> None:
        super().__init__(wf_spec, step, name)
        #: Its listener; set once by the builder.
        self.listener: Any = None


class Listener(Beside):
    """Start of an event sub-process, waiting in the scope around it. It keeps no scope open."""

    waits = False
    listens = True

    def __init__(self, wf_spec: Any, step: Step, body: EventSubProcess) -> None:
        # An element id holds no colon, so the name is free.
        super().__init__(wf_spec, step, f"{step.id}:listen")
        self.body = body
        body.listener = self

    def meet(self, my_task: Task, variables: Mapping[str, Any] = {}) -> None:
        """What it waits for has come: the body begins."""
        if not self.stays:
            self.next_round(my_task)
            withdraw(my_task)
        self.begin(my_task.workflow, my_task.data, variables)

    def begin(self, scope: Any, known: Data, variables: Mapping[str, Any]) -> None:
        """Begin the body in ``scope`` with all that its branches know; interrupting, it takes their place."""
        body = spawn(scope.task_tree, self.body, None)
        body.data = latest(known_in(scope), known)
        self.store_outputs(body, variables)
        body.internal_data.pop(INPUTS, None)  # what was brought is local to the mapping, not to the body
        for task in live(scope) if self.step.interrupting else ():
            if task is not body and open_in(task):
                withdraw(task)
        body.task_spec._update(body)


class CallActivity(Element):
    """Waits for another process, which the caller of the engine starts."""

    waits = True
    row, row_state = "call", TaskState.STARTED

    def _update_hook(self, my_task: Task) -> bool:
        run = journey(my_task)
        given = my_task.internal_data.get(INPUTS, {})
        my_task.internal_data[INPUTS] = {**given, **run.inputs(self.step, run.scope(my_task.data, given))}
        my_task._set_state(TaskState.STARTED)
        self.watch(my_task)
        return False

    def returned(self, my_task: Task, variables: Mapping[str, Any]) -> None:
        """Take over what the called process knew at its end, then pass."""
        if self.step.outputs:
            self.store_outputs(my_task, variables)
        elif self.step.takes_back_all:
            self.store_outputs(my_task, changed(my_task, variables))
        my_task._ready()


def changed(call: Task, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``variables`` that are neither what is known at ``call`` already nor what was given to it alone.

    A called process returns what it was given too; written again, that would hide what another branch wrote meanwhile.
    """
    local, known = call.internal_data.get(INPUTS, {}), call.data
    return {
        name: value
        for name, value in variables.items()
        if name not in local and (name not in known or repr(known[name].value) != repr(value))
    }


def bearer(task: Task) -> Task:
    """The task on whose border the boundary events sit: the whole repetition for one of its items."""
    host: Task = task.workflow.tasks[task.internal_data[OF]] if OF in task.internal_data else task
    return host


def caught(task: Task, kind: str, code: str, variables: Mapping[str, Any], *, known: Data | None = None) -> bool:
    """Bring an error or escalation to the nearest that catches it, from the scope of ``task`` outwards; False when nobody does.

    In each scope an event sub-process for that very code comes before one for any, and both before the border of the
    sub-process around. An event sub-process never catches what its own body throws, and none begins in a scope that another has
    interrupted. With ``known`` the search begins at the border of ``task`` itself.
    """
    if known is not None:
        task = bearer(task)
        if boundary := _for(task.task_spec.boundaries, kind, code):
            boundary.catch(task, known, variables)
            return True
    known = knows(task) if known is None else known
    top = task.workflow.top_workflow
    while True:
        scope = task.workflow
        owner = None if scope is top else top.find(scope.parent_task_id)
        # What undoes a part of a sub-process that is done is no longer inside it.
        inside = owner is None or owner._state != REMEMBERED
        if inside and (listener := _for(_listening(scope, task), kind, code)):
            listener.begin(scope, known, variables)
            return True
        if owner is None:
            return False
        known = owner.task_spec.outward(owner, known)
        task = bearer(owner)
        if inside and (boundary := _for(task.task_spec.boundaries, kind, code)):
            boundary.catch(task, known, variables)
            return True


def _listening(scope: Any, task: Task) -> list[Listener]:
    bodies = [one.task_spec for one in live(scope) if isinstance(one.task_spec, EventSubProcess)]
    if any(body.listener.step.interrupting for body in bodies):
        return []
    return [listener for listener in scope.spec.start.listeners if listener.body is not task.task_spec]


def _for(catchers: Iterable[Any], kind: str, code: str) -> Any:
    found = [one for one in catchers if one.event.kind == kind and one.event.name in {code, ""}]
    # Sorting is stable: of those for the same code the first in the document.
    return min(found, key=lambda one: one.event.name != code, default=None)


class ErrorEnd(Throw):
    """Throws an error. Uncaught, it ends a called instance; any other cannot go on."""

    def throw(self, my_task: Task) -> None:
        code = name_of(journey(my_task), self.step, my_task.data, {})
        if not caught(my_task, "error", code, {}):
            fail(my_task, code, my_task.data)


def fail(my_task: Task, code: str, known: Data) -> None:
    """An error that nobody in the instance caught; ``known`` is what its thrower knew."""
    run, step = journey(my_task), my_task.task_spec.step
    if not run.house.called:
        raise ErrorNotCaught(step=step.name or step.id, error=code)
    run.reported.append(Reported("error", code, step.id, values(known)))
    my_task.workflow.top_workflow.break_off(my_task, known)


class EscalationThrow(Throw):
    """Throws an escalation. Uncaught, it is a called instance's caller's, and else passes."""

    def throw(self, my_task: Task) -> None:
        code = name_of(journey(my_task), self.step, my_task.data, {})
        if not caught(my_task, "escalation", code, {}):
            pass_on(my_task, code, my_task.data)


def pass_on(my_task: Task, code: str, known: Data) -> None:
    """An escalation that nobody in the instance caught; ``known`` is what its thrower knew."""
    run = journey(my_task)
    if run.house.called:
        run.reported.append(Reported("escalation", code, my_task.task_spec.step.id, values(known)))
