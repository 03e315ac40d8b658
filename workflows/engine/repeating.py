"""An activity more than once: for each item of a list, a number of times, or while a condition holds.

The host stands for the whole: it opens the members, gathers what they did, and leaves when enough is done. A member is the
activity itself, once: a task beside the host, with the host's token and its place for a token (`t5.17`). Members at rest are
no part of the tree: each sleeps in a part of its own (see parts.py), so that one of two hundred moves without the others.
A member sees the variables as they were when the repetition began; the host takes over what the members wrote, the later
write wins. In a sequence and in a loop each sees what those before it wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import count
from typing import Any

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflows.engine import rows
from workflows.engine.errors import StateUnreadable
from workflows.engine.journey import Data, latest
from workflows.engine.model import COUNTER, COUNTS, Repetition, Step
from workflows.engine.plain import plain
from workflows.engine.rows import BASE, Writer, pack, unpack
from workflows.engine.specs import INPUTS, OF, REMEMBERED, Element, drop, journey, kept, knows, live, spawn, withdraw

#: Most members of one repetition.
MAX_ITEMS = 10_000
#: A repetition of more members keeps them beside the state.
SMALL = 8
#: Keys of internal data: of a member its place from 0; of the host how many members there are (None: nobody knows), how many
#: are done, the places still open, and whether its parts lie beside the state.
PLACE, COUNT, DONE, OPEN, BESIDE = "place", "count", "done", "open", "beside"
#: Keys of a part: an item to come, a result, or a member at rest: its cells, its own row and the scopes inside it.
ITEM, RESULT, CELLS, ROW, SCOPES = "i", "r", "x", "m", "s"
#: Kinds of step that wait for nobody: their members pass one after the other, without a token.
AUTOMATIC = frozenset({"service", "script", "business_rule", "send", "pass"})


def _test(_: Any) -> None:
    """No flow enters a member."""


def _leave(self: Any, my_task: Task) -> None:
    """What follows a member is its host's affair."""
    host = my_task.workflow.tasks[my_task.internal_data[OF]]
    host.task_spec.member_done(host, my_task)
    if self.remembered:
        # What may have to be undone outlasts the repetition, and belongs to it no more.
        del my_task.internal_data[OF]
        inside = my_task.workflow.top_workflow.subprocesses[my_task.id]
        if not any(task._state == REMEMBERED for task in kept(inside)):
            withdraw(my_task)


def member_of(each: Any) -> Any:
    """The kind of an activity, as one of many."""
    return type(f"Each{each.__name__}", (each,), {"__doc__": "One of many.", "test": _test, "leave": _leave})


class Repeated(Element):
    """Stands for the whole repetition."""

    waits = True

    def __init__(self, wf_spec: Any, step: Step, each: Any) -> None:
        super().__init__(wf_spec, step)
        # An element id holds no colon, so the name is free.
        self.member = member_of(each)(wf_spec, step, f"{step.id}:each")
        self.automatic = step.kind in AUTOMATIC
        #: Whether something inside waits for what happens within the instance; set once by the builder.
        self.catches = False

    @property
    def repetition(self) -> Repetition:
        """How the step is repeated; the builder uses this spec only for steps that are."""
        found = self.step.repetition
        if found is None:
            raise TypeError(self.step.id)
        return found

    # --- the host ----------------------------------------------------------------------------------------------------

    def _update_hook(self, my_task: Task) -> bool:
        items = None if self.repetition.loop else self._items(my_task)
        number = None if items is None else len(items)
        my_task.internal_data |= {COUNT: number, DONE: 0}
        if number == 0 or (items is None and self.repetition.test_before and not self._again(my_task)):
            return True
        if self.automatic:
            self._pass_all(my_task, items)
            return True
        my_task._set_state(TaskState.STARTED)
        self.watch(my_task)
        my_task.internal_data[BESIDE] = number is not None and number > SMALL
        if items is None:
            self._open(my_task, 0, None)
        elif self.repetition.sequential:
            for place, item in enumerate(items[1:], 1):
                self._put(my_task, place, {ITEM: pack(item)})
            self._open(my_task, 0, items[0])
        else:
            my_task.internal_data |= {OPEN: f"{(1 << len(items)) - 1:x}", BASE: dict(my_task.data)}
            for place, item in enumerate(items):
                self._open(my_task, place, item)
        return False

    def _items(self, my_task: Task) -> list[Any]:
        run, given = journey(my_task), self.repetition.collection or self.repetition.cardinality
        place = "inputCollection" if self.repetition.collection else "loopCardinality"
        if given is None:
            raise StateUnreadable(reason=f"“{self.step.id}”没有多实例的列表或次数")
        value = run.evaluate(self.step.id, place, given, run.scope(my_task.data, {}))
        if self.repetition.collection is None:
            value = self._times(value)
            if value is None:
                raise run.unusable(self.step, place, given, "须为不小于 0 的整数")
        if not isinstance(value, list):
            raise run.unusable(self.step, place, given, "须为列表")
        if len(value) > MAX_ITEMS:
            raise run.unusable(self.step, place, given, f"多于 {MAX_ITEMS} 项")
        items: list[Any] = plain(value, self.repetition.item)
        return items

    @staticmethod
    def _times(value: Any) -> list[None] | None:
        """As many items as a number says, or one more than may be; None for what is no number of times."""
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or value < 0 or value != int(value):
            return None
        return [None] * min(int(value), MAX_ITEMS + 1)

    def _run_hook(self, my_task: Task) -> bool:
        run, kept = journey(my_task), my_task.internal_data
        if self.repetition.results:
            run.write(my_task.data, self.repetition.results, self._results(my_task))
        self._forget(my_task)
        kept.pop(BASE, None)
        run.pass_step(self.step, "repeated")
        self.leave(my_task)
        return True

    def _on_cancel(self, my_task: Task) -> None:
        self._call_off(my_task)
        self._forget(my_task)
        super()._on_cancel(my_task)

    def _forget(self, my_task: Task) -> None:
        journey(my_task).parts.remove(f"{my_task.id}.", beside=my_task.internal_data.get(BESIDE, False))

    # --- members -----------------------------------------------------------------------------------------------------

    def _make(self, my_task: Task, place: int, item: Any) -> Task:
        member = spawn(my_task.parent, self.member, None, token=f"{my_task.id}.{place}")
        member.data = dict(my_task.data)
        seen = {self.repetition.item: item} if self.repetition.item else {}
        member.internal_data |= {OF: my_task.id, PLACE: place, INPUTS: {**seen, COUNTER: place + 1}}
        return member

    def _open(self, my_task: Task, place: int, item: Any) -> None:
        self.member._update(self._make(my_task, place, item))

    def _pass_all(self, my_task: Task, items: list[Any] | None) -> None:
        """Every member of a kind that waits for nobody, one after the other."""
        parallel = not (self.repetition.loop or self.repetition.sequential)
        base = dict(my_task.data)
        for place in count():
            member = self._make(my_task, place, items[place] if items else None)
            if parallel:
                member.data = dict(base)
            self.member.act(member)
            journey(my_task).pass_step(self.step)
            drop(member)
            if self._gathered(my_task, member):
                return

    def member_done(self, my_task: Task, member: Task) -> None:
        """Gather what a member did; open the next, or finish."""
        place, kept = member.internal_data[PLACE], my_task.internal_data
        if OPEN in kept:
            kept[OPEN] = f"{int(kept[OPEN], 16) & ~(1 << place):x}"
        if self._gathered(my_task, member):
            self._call_off(my_task, member)
            my_task._ready()
        elif OPEN not in kept:
            part = self._part(my_task, kept[DONE]) or {}
            self._open(my_task, kept[DONE], unpack(part.get(ITEM)))

    def _gathered(self, my_task: Task, member: Task) -> bool:
        """Take over what a member that is done wrote; whether the repetition is done too."""
        run, kept = journey(my_task), my_task.internal_data
        if self.repetition.result:
            scope = run.scope(member.data, member.internal_data[INPUTS])
            value = run.evaluate(self.step.id, "outputElement", self.repetition.result, scope)
            result = {RESULT: pack(plain(value, self.repetition.results))}
            self._put(my_task, member.internal_data[PLACE], result)
        elif not kept.get(BESIDE):
            journey(my_task).parts.remove(_key(my_task, member.internal_data[PLACE]), beside=False)
        my_task.data = latest(my_task.data, member.data)
        kept[DONE] += 1
        if self.repetition.loop:
            return kept[DONE] == self.repetition.maximum or not self._again(my_task)
        return bool(kept[DONE] == kept[COUNT]) or self._enough(my_task)

    def _again(self, my_task: Task) -> bool:
        condition = self.repetition.again
        if condition is None:
            return True
        run = journey(my_task)
        scope = run.scope(my_task.data, {COUNTER: my_task.internal_data[DONE]})
        value = run.evaluate(self.step.id, "loopCondition", condition, scope)
        if not isinstance(value, bool):
            raise run.unusable(self.step, "loopCondition", condition, "结果不是 true 或 false")
        return value

    def _enough(self, my_task: Task) -> bool:
        until = self.repetition.until
        if until is None:
            return False
        run, kept = journey(my_task), my_task.internal_data
        active = kept[COUNT] - kept[DONE] if OPEN in kept else 0
        local = dict(zip(COUNTS, (kept[COUNT], active, kept[DONE], 0), strict=True))
        if self.repetition.results and self.repetition.results in until.compiled.names:
            local[self.repetition.results] = self._results(my_task)
        value = run.evaluate(self.step.id, "completionCondition", until, run.scope(my_task.data, local))
        if not isinstance(value, bool):
            raise run.unusable(self.step, "completionCondition", until, "结果不是 true 或 false")
        return value

    def _results(self, my_task: Task) -> list[Any]:
        found: list[Any] = [None] * (my_task.internal_data[COUNT] or 0)
        for place, part in self._parts(my_task):
            if RESULT in part:
                found[place] = unpack(part[RESULT])
        return found

    def _call_off(self, my_task: Task, but: Task | None = None) -> None:
        """Withdraw every member still open, those asleep too."""
        self.wake_all(my_task)
        for task in live(my_task.workflow):
            if task is not but and task.internal_data.get(OF) == my_task.id and task.id in my_task.workflow.tasks:
                withdraw(task)

    # --- asleep and awake --------------------------------------------------------------------------------------------

    def _put(self, my_task: Task, place: int, part: Any) -> None:
        journey(my_task).parts.put(_key(my_task, place), part, beside=my_task.internal_data.get(BESIDE, False))

    def _part(self, my_task: Task, place: int) -> Any:
        return journey(my_task).parts.get(_key(my_task, place), beside=my_task.internal_data.get(BESIDE, False))

    def _parts(self, my_task: Task) -> Iterator[tuple[int, Any]]:
        """Place and part of each member of this very repetition."""
        beginning = f"{my_task.id}."
        for key, part in journey(my_task).parts.under(beginning, beside=my_task.internal_data.get(BESIDE, False)):
            place = key.removeprefix(beginning).removesuffix(":")
            if place.isdecimal():
                yield int(place), part

    def is_open(self, my_task: Task, place: int) -> bool:
        """Whether the member of that place is open."""
        kept = my_task.internal_data
        return bool(int(kept[OPEN], 16) >> place & 1 if OPEN in kept else place == kept[DONE])

    def wake(self, my_task: Task, place: int) -> None:
        """Bring the member of that place into the tree, if it is open and asleep."""
        if f"{my_task.id}.{place}" not in my_task.workflow.tasks and self.is_open(my_task, place):
            part = self._part(my_task, place)
            # None: another run was faster, and its write will be found.
            if part is not None and ROW in part:
                self._wake(my_task, part)

    def wake_all(self, my_task: Task) -> None:
        """Bring every open member into the tree."""
        kept = my_task.internal_data
        if OPEN not in kept:
            self.wake(my_task, kept[DONE])
            return
        for place, part in list(self._parts(my_task)) if int(kept[OPEN], 16) else ():
            asleep = f"{my_task.id}.{place}" not in my_task.workflow.tasks
            if asleep and ROW in part and self.is_open(my_task, place):
                self._wake(my_task, part)

    def _wake(self, my_task: Task, part: Any) -> None:
        try:
            self._plant(my_task, part)
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise StateUnreadable(reason=f"“{self.step.id}”：{error}") from None

    def _plant(self, my_task: Task, part: Any) -> None:
        top = my_task.workflow.top_workflow
        known = {cell.seq: (name, cell) for name, cell in _base(my_task).items()} | rows.cells(part[CELLS])
        woken = [rows.plant(my_task.workflow, part[ROW], known)]
        for owner, root_knows, inside in part[SCOPES]:
            host = top.find(owner)
            if host is None:
                raise StateUnreadable(reason=f"没有 {owner}")
            woken += rows.fill(top.create_subprocess(host, host.task_spec.spec), root_knows, inside, known)
        top.woken(woken)

    def lay_down(self, my_task: Task, member: Task, tasks: Iterable[tuple[str, Any, list[Task]]]) -> None:
        """Put a member to rest in its part, with the scopes inside it: owner, scope and the tasks to keep of each."""
        writer = Writer({cell.seq for cell in _base(my_task).values()})
        row = writer.row(member)
        scopes = [writer.scope(owner, scope, kept) for owner, scope, kept in tasks]
        self._put(my_task, member.internal_data[PLACE], {ROW: row, SCOPES: scopes, CELLS: writer.cells})

    def gather(self, my_task: Task, member: Task) -> None:
        """Let the host know what a member that now rests has written so far, so that it shows and outlasts the member."""
        my_task.data = latest(my_task.data, knows(member))


def wake_everything(instance: Any) -> None:
    """Bring every member of every repetition into the tree."""
    seen: set[int] = set()
    while fresh := [scope for scope in instance.scopes() if id(scope) not in seen]:
        seen |= {id(scope) for scope in fresh}
        for scope in fresh:
            for task in live(scope):
                if isinstance(task.task_spec, Repeated):
                    task.task_spec.wake_all(task)


def _key(host: Task, place: int) -> str:
    return f"{host.id}.{place}:"


def _base(host: Task) -> Data:
    """What stands with the host already and need not stand in a member's part: of many at once what they all began with."""
    known: Data = host.internal_data.get(BASE, host.data)
    return known
