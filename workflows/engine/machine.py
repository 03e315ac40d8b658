"""The running instance: SpiffWorkflow's workflow classes with our scripting rule, our tree and our steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflows.engine.errors import NothingWaits, TooManyTokens
from workflows.engine.journey import Data, Journey, latest
from workflows.engine.occurrences import ask
from workflows.engine.repeating import Repeated
from workflows.engine.specs import (
    FLOW,
    OF,
    InclusiveGateway,
    ScopeEnd,
    kept,
    live,
    merge_into,
    open_in,
    settle,
    withdraw,
)
from workflows.engine.tokens import Token

#: Most tokens open at once in one instance, remembered activities included.
MAX_TOKENS = 10_000
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
        #: What waited before the verb, by token.
        self.before: dict[str, Task] = {}
        #: Whether some step waits for a condition.
        self._asks = machine.asks
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
        """The task of that token, or None; members of repetitions in which it lies are woken."""
        # What is remembered of a member stays awake when the repetition is long over.
        if found := self._awake(token):
            return found
        names = token.split(".")
        for end in range(1, len(names), 2):
            host = self._awake(".".join(names[:end]))
            if host is None or not isinstance(host.task_spec, Repeated) or not names[end].isdecimal():
                return None
            host.task_spec.wake(host, int(names[end]))
        return self._awake(token)

    def woken(self, tasks: Iterable[Task]) -> None:
        """Note that these slept until now: what waits in them waited before the verb."""
        self.before |= waiting(tasks)

    def wake_catchers(self) -> None:
        """Wake the members of every repetition in which something waits for a signal or a condition."""
        todo = self.scopes()
        while todo:
            scope = todo.pop()
            for task in live(scope):
                if isinstance(task.task_spec, Repeated) and task.task_spec.catches:
                    known = set(self.subprocesses)
                    task.task_spec.wake_all(task)
                    todo += [inside for token, inside in self.subprocesses.items() if token not in known]

    def _awake(self, token: str) -> Task | None:
        for scope in self.scopes():
            if token in scope.tasks and token != ROOT:
                return scope.tasks[token]
        return None

    def known(self) -> Data:
        """Of every variable the value written last, in any branch; of what a member of a repetition knows, what its host knows too."""
        scopes = [scope for scope in self.scopes() if not scope.prefix]
        return latest(*(task.data for scope in scopes for task in scope.tasks.values() if OF not in task.internal_data))

    def waiting(self) -> dict[str, Task]:
        """What waits for a person, a moment, a message, a signal or a called process, by token."""
        return waiting(task for scope in self.scopes() for task in scope.tasks.values())

    def run(self) -> None:
        """Move every token until each waits for a person or a moment, or the instance is complete."""
        queue, grown = self.journey.queue, 0
        while True:
            while queue:
                task = queue.popleft()
                if task._state == TaskState.READY:
                    before = len(task.workflow.tasks)
                    task.run()
                    if not isinstance(task.task_spec, ScopeEnd):
                        settle(task)
                    grown += max(0, len(task.workflow.tasks) - before)
                    if grown > MAX_TOKENS // 10:
                        self._check_bound()
                        grown = 0
            if self.completed:
                self._forget()
                return
            if not self._release() and not (self._asks and ask(self)):
                break
        self._check_bound()
        self._check_not_stuck()
        self._gather()

    def _gather(self) -> None:
        # From the inside out: what a member inside a member wrote passes through both hosts.
        for scope in sorted(self.scopes(), key=lambda scope: -scope.prefix.count(".")):
            for task in live(scope):
                if OF in task.internal_data:
                    host = scope.tasks[task.internal_data[OF]]
                    host.task_spec.gather(host, task)

    def break_off(self, my_task: Task, known: Data) -> None:
        """End the instance at ``my_task``, whatever else is open; ``known`` is known there."""
        my_task.data = latest(self.known(), known)
        self._forget()
        self.last_task = my_task
        self.completed = True

    def _forget(self) -> None:
        for task in kept(self):
            if open_in(task):
                withdraw(task)

    def _check_bound(self) -> None:
        if sum(len(scope.tasks) for scope in self.scopes()) <= MAX_TOKENS:
            return
        most = Counter(task.task_spec for scope in self.scopes() for task in kept(scope)).most_common(1)[0][0]
        raise TooManyTokens(count=MAX_TOKENS, step=most.bpmn_name or most.name)

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
            waiting.sort(key=lambda task: task.task_spec.listens)
            if not waiting or any(task.task_spec.waits for task in waiting):
                continue
            spec = waiting[0].task_spec
            raise NothingWaits(step=spec.bpmn_name or spec.name)
        open_now = [task.task_spec for scope in self.scopes() for task in live(scope)] if self._asks else []
        if open_now and not any(spec.row or isinstance(spec, Repeated) for spec in open_now):
            # A condition alone is no wait either: nothing is left that could make it true.
            spec = next(spec for spec in open_now if spec.asks)
            raise NothingWaits(step=spec.bpmn_name or spec.name)


def waiting(tasks: Iterable[Task]) -> dict[str, Task]:
    """Those of ``tasks`` that the caller keeps a row for, by token."""
    return {task.id: task for task in tasks if task.task_spec.row and task._state == task.task_spec.row_state}


def plant(workflow: Any) -> None:
    """Give a workflow its root task."""
    workflow.task_tree = Token(workflow, workflow.spec.start, state=TaskState.FUTURE, id=ROOT)


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
