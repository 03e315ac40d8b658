"""A user task once for each item of a list: signed by all, by any, by a share, or one after the other."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflows.engine.journey import latest
from workflows.engine.model import COUNTER, COUNTS, Repetition, Step
from workflows.engine.plain import plain
from workflows.engine.specs import INPUTS, OF, Element, UserTask, journey, live, spawn, withdraw

#: Most items of one repetition; each is a task in the same state.
MAX_ITEMS = 1_000
#: Keys of internal data: of a member its place from 0; of the host the items still to come (only when
#: they come one by one), a result per item, and how many members are done.
PLACE, ITEMS, RESULTS, DONE = "place", "items", "results", "done"


class Member(UserTask):
    """One item's task. It opens and is completed like any user task; what follows is its host's affair."""

    def test(self) -> None:
        return None  # no flow enters a member

    def _run_hook(self, my_task: Task) -> bool:
        journey(my_task).pass_step(self.step)
        host = my_task.workflow.tasks[my_task.internal_data[OF]]
        host.task_spec.member_done(host, my_task)
        return True


class Repeated(Element):
    """Stands for the whole repetition: opens its members, gathers their results, leaves when enough are done."""

    waits = True

    def __init__(self, wf_spec: Any, step: Step) -> None:
        super().__init__(wf_spec, step)
        # An element id holds no colon, so the name is free.
        self.member = Member(wf_spec, step, f"{step.id}:each")

    @property
    def repetition(self) -> Repetition:
        """How the step is repeated; the builder uses this spec only for steps that are."""
        found = self.step.repetition
        if found is None:
            raise TypeError(self.step.id)
        return found

    def _update_hook(self, my_task: Task) -> bool:
        items = self._items(my_task)
        my_task.internal_data |= {RESULTS: [None] * len(items), DONE: 0}
        if not items:
            return True
        my_task._set_state(TaskState.STARTED)
        self.watch(my_task)
        if self.repetition.sequential:
            my_task.internal_data[ITEMS] = items
            self._open(my_task, 0, items[0])
        else:
            for place, item in enumerate(items):
                self._open(my_task, place, item)
        return False

    def _items(self, my_task: Task) -> list[Any]:
        run, given = journey(my_task), self.repetition.collection
        value = run.evaluate(self.step.id, "inputCollection", given, run.scope(my_task.data, {}))
        if not isinstance(value, list):
            raise run.unusable(self.step, "inputCollection", given, "须为列表")
        if len(value) > MAX_ITEMS:
            raise run.unusable(self.step, "inputCollection", given, f"多于 {MAX_ITEMS} 项")
        items: list[Any] = plain(value, self.repetition.item)
        return items

    def _open(self, my_task: Task, place: int, item: Any) -> None:
        member = spawn(my_task.parent, self.member, None)
        member.data = dict(my_task.data)
        seen = {self.repetition.item: item} if self.repetition.item else {}
        member.internal_data |= {OF: my_task.id, PLACE: place, INPUTS: {**seen, COUNTER: place + 1}}
        self.member._update(member)

    def member_done(self, my_task: Task, member: Task) -> None:
        """Gather what a member did; open the next, or finish."""
        run, kept = journey(my_task), my_task.internal_data
        if self.repetition.result:
            scope = run.scope(member.data, member.internal_data[INPUTS])
            value = run.evaluate(self.step.id, "outputElement", self.repetition.result, scope)
            kept[RESULTS][member.internal_data[PLACE]] = plain(value, self.repetition.results)
        my_task.data = latest(my_task.data, member.data)
        kept[DONE] += 1
        others = [task for task in self._members(my_task) if task is not member]
        if kept[DONE] == len(kept[RESULTS]) or self._enough(my_task, len(others)):
            for task in others:
                withdraw(task)
            my_task._ready()
        elif self.repetition.sequential:
            self._open(my_task, kept[DONE], kept[ITEMS][kept[DONE]])

    def _members(self, my_task: Task) -> list[Task]:
        return [task for task in live(my_task.workflow) if task.internal_data.get(OF) == my_task.id]

    def _enough(self, my_task: Task, active: int) -> bool:
        until = self.repetition.until
        if until is None:
            return False
        run, kept = journey(my_task), my_task.internal_data
        local = dict(zip(COUNTS, (len(kept[RESULTS]), active, kept[DONE], 0), strict=True))
        if self.repetition.results:
            local[self.repetition.results] = kept[RESULTS]
        value = run.evaluate(self.step.id, "completionCondition", until, run.scope(my_task.data, local))
        if not isinstance(value, bool):
            raise run.unusable(self.step, "completionCondition", until, "结果不是 true 或 false")
        return value

    def _run_hook(self, my_task: Task) -> bool:
        run = journey(my_task)
        if self.repetition.results:
            run.write(my_task.data, self.repetition.results, my_task.internal_data[RESULTS])
        run.pass_step(self.step, "repeated")
        self.leave(my_task)
        return True

    def _on_cancel(self, my_task: Task) -> None:
        for task in self._members(my_task):
            withdraw(task)
        super()._on_cancel(my_task)
