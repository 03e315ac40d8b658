"""Compensation: what was done is undone, the latest first, one step after the other.

A scope remembers its completed activities that have somebody to undo them, each with the variables known then, as tasks in a
state of their own (see specs.settle); a completed sub-process is remembered with what it remembers itself. Each is undone once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from SpiffWorkflow.task import Task

from workflows.engine.journey import latest
from workflows.engine.occurrences import Throw, event_of
from workflows.engine.scopes import EventSubProcess, bearer
from workflows.engine.specs import ORDER, REMEMBERED, UNDOING, kept, knows, live, open_in, spawn, withdraw

#: Key of internal data: tokens of the remembered activities that a throw has still to undo, in that order.
PLAN = "plan"


class CompensationThrow(Throw):
    """Undoes what is remembered and waits until all of it is undone."""

    waits = True

    def _run_hook(self, my_task: Task) -> bool | None:
        if PLAN not in my_task.internal_data:
            my_task.internal_data[PLAN] = [task.id for task in self.remembered_for(my_task)]
            if self._undo_next(my_task):
                return None  # it runs again when the last is undone
        return super()._run_hook(my_task)

    def remembered_for(self, my_task: Task) -> Iterator[Task]:
        """What is to be undone, in that order: of one activity, or everything of the scope.

        The body of an event sub-process undoes what the scope around it remembers too.
        """
        activity, scope = event_of(self.step).activity, my_task.workflow
        while scope is not None:
            yield from remembered(scope, activity)
            owner = None if scope is scope.top_workflow else scope.top_workflow.find(scope.parent_task_id)
            inner = owner is None or not isinstance(owner.task_spec, EventSubProcess)
            scope = None if owner is None or inner else owner.workflow

    def _undo_next(self, my_task: Task) -> bool:
        """Begin to undo the next one; False when there is none left."""
        top, plan = my_task.workflow.top_workflow, my_task.internal_data[PLAN]
        while plan:
            memory = top.find(plan.pop(0))
            # Another throw may have undone it meanwhile.
            if memory is None:
                continue
            scope, handler = memory.workflow, memory.task_spec.step.undone_by
            if not handler:
                withdraw(memory)  # a sub-process whose inside has been undone before it
                continue
            undo = spawn(scope.task_tree, scope.spec.task_specs[handler], None)
            undo.data = dict(memory.data)
            undo.internal_data[UNDOING] = my_task.id
            withdraw(memory)
            undo.task_spec._update(undo)
            return True
        return False

    def undone(self, my_task: Task, undo: Task) -> None:
        """``undo`` has done its work."""
        my_task.data = latest(my_task.data, undo.data)
        if not self._undo_next(my_task):
            my_task._ready()

    def throw(self, my_task: Task) -> None:
        return None

    def _on_cancel(self, my_task: Task) -> None:
        for scope in my_task.workflow.top_workflow.scopes():
            for task in live(scope):
                if task.internal_data.get(UNDOING) == my_task.id:
                    withdraw(task)
        super()._on_cancel(my_task)


class CancelEnd(CompensationThrow):
    """Cancels its transaction: calls off what is open in it, undoes what was done, and leaves by the cancel event on its border."""

    def _run_hook(self, my_task: Task) -> bool | None:
        for task in live(my_task.workflow):
            if task is not my_task and open_in(task):
                my_task.data = latest(my_task.data, knows(task))
                withdraw(task)
        return super()._run_hook(my_task)

    def throw(self, my_task: Task) -> None:
        scope = my_task.workflow
        transaction = bearer(scope.top_workflow.find(scope.parent_task_id))
        for boundary in transaction.task_spec.boundaries:
            if boundary.event.kind == "cancel":
                boundary.catch(transaction, my_task.data)
                return


def remembered(scope: Any, activity: str = "") -> Iterator[Task]:
    """What ``scope`` remembers of ``activity`` ("": of all), latest first; before a sub-process what it remembers itself."""
    found = [task for task in kept(scope) if task._state == REMEMBERED]
    for task in sorted(found, key=lambda task: -task.internal_data[ORDER]):
        step = task.task_spec.step
        if activity in {step.id, ""}:
            inside = scope.top_workflow.subprocesses.get(task.id)
            if inside is not None:
                yield from remembered(inside)
            yield task
