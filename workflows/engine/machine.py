"""The running instance: SpiffWorkflow's workflow classes with our scripting rule, our tree and our steps."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflows.engine.errors import NothingWaits
from workflows.engine.journey import Data, Journey, latest
from workflows.engine.specs import FLOW, OF, InclusiveGateway, ScopeEnd, drop, live, merge_into

#: Token of the root of each scope; never seen outside.
ROOT = "root"


class FeelOnly(PythonScriptEngine):
    """Carries the journey; runs no text. Conditions and scripts are evaluated by the steps themselves, in FEEL."""

    def __init__(self, journey: Journey) -> None:
        # The base class would prepare an environment for eval and exec; there is none here.
        self.journey = journey

    def evaluate(self, task: Task, expression: Any, external_context: Any = None) -> Any:
        """Never: SpiffWorkflow is given no expression."""
        raise TypeError("text is not evaluated here")

    def execute(self, task: Task, script: Any, external_context: Any = None) -> Any:
        """Never: SpiffWorkflow is given no script."""
        raise TypeError("text is not executed here")

    def call_service(self, task: Task, **kwargs: Any) -> Any:
        """Never: orders are reported, not called."""
        raise TypeError("services are not called here")


class _Lean:
    """What both kinds of workflow do differently from stock."""

    tasks: dict[str, Task]
    completed: bool
    last_task: Task
    completed_event: Any

    def update_waiting_tasks(self) -> None:
        """Nothing: whatever waits is moved by a token arriving, a verb, or release()."""

    def _task_completed_notify(self, task: Task) -> None:
        self.last_task = task
        if isinstance(task.task_spec, ScopeEnd):
            self.completed = True
            self.completed_event(self)


class Inside(_Lean, BpmnSubWorkflow):
    """The inside of a sub-process."""

    #: What its tokens begin with: nothing, or the token of the member of a repetition it lies in.
    prefix = ""


class Instance(_Lean, BpmnWorkflow):
    """One process instance in memory, from one wait to the next."""

    prefix = ""

    def __init__(self, machine: Any, journey: Journey) -> None:
        super().__init__(machine.spec, machine.inner, script_engine=FeelOnly(journey), deserializing=True)
        self.journey = journey
        plant(self)

    def create_subprocess(self, my_task: Task, spec_name: str) -> Inside:
        """A new scope for ``my_task``, with nothing in it but its root."""
        inside = Inside(self.subprocess_specs[spec_name], my_task.id, self, deserializing=True)
        plant(inside)
        inside.prefix = f"{my_task.id}." if OF in my_task.internal_data else my_task.workflow.prefix
        inside.completed_event.connect(my_task.task_spec._on_subworkflow_completed, my_task)
        self.subprocesses[my_task.id] = inside
        return inside

    def scopes(self) -> list[Any]:
        """This instance and every open sub-process, outer ones first."""
        return [self, *self.subprocesses.values()]

    def find(self, token: str) -> Task | None:
        """The task of that token, or None."""
        for scope in self.scopes():
            if token in scope.tasks and token != ROOT:
                return scope.tasks[token]
        return None

    def known(self) -> Data:
        """Of every variable the value written last, in any branch."""
        return latest(*(task.data for scope in self.scopes() for task in scope.tasks.values()))

    def run(self) -> None:
        """Move every token until each waits for a person or a moment, or the instance is complete."""
        queue = self.journey.queue
        while True:
            while queue:
                task = queue.popleft()
                if task._state == TaskState.READY:
                    task.run()
                    if not isinstance(task.task_spec, ScopeEnd):
                        drop(task)
            if not self._release():
                break
        self._check_not_stuck()

    def _release(self) -> bool:
        """Let one inclusive join go on to which no further token can come; False when there is none."""
        for scope in self.scopes():
            for spec in scope.spec.task_specs.values():
                if isinstance(spec, InclusiveGateway) and len(spec.entering) > 1 and _complete(scope, spec):
                    return True
        return False

    def _check_not_stuck(self) -> None:
        # A join is no wait: somebody or some moment must be able to move at least one token of each scope.
        for scope in self.scopes():
            waiting = [task for task in live(scope) if not isinstance(task.task_spec, ScopeEnd)]
            if scope.completed or any(task.task_spec.waits for task in waiting):
                continue
            spec = waiting[0].task_spec
            raise NothingWaits(step=spec.bpmn_name or spec.name)


def plant(workflow: Any) -> None:
    """Give a workflow its root task."""
    workflow.task_tree = Task(workflow, workflow.spec.start, state=TaskState.FUTURE, id=ROOT)


def _complete(scope: Any, spec: InclusiveGateway) -> bool:
    """Fire the join ``spec`` if it has a token and none can still arrive by a flow that has none.

    That is BPMN's rule for the inclusive gateway. A step with a boundary event counts as a place from which a token can also
    come by way of that event: BPMN leaves this open, and to wait is better than to join twice.
    """
    tokens = [task for task in live(scope) if task.task_spec is spec and task._state == TaskState.WAITING]
    first: dict[str, Task] = {}
    for task in tokens:
        first.setdefault(task.internal_data[FLOW], task)
    if not first:
        return False
    elsewhere = {task.task_spec.name for task in live(scope) if task.task_spec is not spec}
    missing = [flow.id for flow in spec.entering if flow.id not in first]
    coming = set().union(*(spec.sources[flow] for flow in missing))
    # A token that could as well come by a flow that already has one does not hold the join up.
    coming -= set().union(*(spec.sources[flow] for flow in first))
    if elsewhere & coming:
        return False
    going, *rest = first.values()
    merge_into(going, rest)
    going._ready()
    return True
