"""An instance onto another version of its diagram: every open token keeps its place, or the instance does not move.

Nothing is guessed: a step that has another id in the new diagram is found only where the plan says so. What opens anew are events
beside open steps that the new diagram adds; what closes are those it no longer has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from SpiffWorkflow.task import Task

from workflows.engine import codec
from workflows.engine.errors import MigrationRefused
from workflows.engine.machine import Instance
from workflows.engine.model import Diagram, Event, Step
from workflows.engine.occurrences import GATE
from workflows.engine.opening import opened_task
from workflows.engine.parts import squeeze
from workflows.engine.progress import House, OpenedTask, Progress
from workflows.engine.repeating import ROW, SCOPES, wake_everything
from workflows.engine.running import finish
from workflows.engine.specs import FLOW, HOST, REMEMBERED, ScopeEnd, kept, known_in, live, spawn
from workflows.errors import Problem

#: What the diagram says of a step and may say differently in a new version, without consequence for where a token is.
_SAID = (
    "name", "form_id", "candidate_groups", "candidate_users", "assignee", "due", "follow_up", "priority", "event", "called",
)  # fmt: skip
_JOINS = frozenset({"parallel", "inclusive"})


@dataclass(frozen=True)
class Moved:
    """Something that waits, before and after."""

    token: str
    #: "task", "timer", "subscription" or "call".
    row: str
    #: Its step in the old diagram and in the new one.
    was: str
    step_id: str
    #: Which of name, form_id, candidate_groups, candidate_users, assignee, due, follow_up, priority, event and called differ.
    differs: tuple[str, ...]
    #: Of a user task of which something differs: what the new diagram says of it, moments counted from now.
    task: OpenedTask | None = None


@dataclass(frozen=True)
class Migration:
    """What a migration would change; storing it is the caller's affair. What waits elsewhere keeps its row and its moment."""

    #: The new state and parts, and what opens and closes beside open steps.
    progress: Progress
    #: Everything that goes on waiting, oldest first.
    moved: tuple[Moved, ...]


def migrate(old: Diagram, state: bytes, new: Diagram, mapping: Mapping[str, str], house: House) -> Migration:
    """Move an instance of ``old`` onto ``new``; step ids missing in ``mapping`` stay as they are. Tokens keep their names.

    Raises MigrationRefused with every reason why it cannot move (see migration_problems), StateUnreadable, and incidents when
    the new diagram cannot go on from here.
    """
    plan, instance = _Plan(old, new, mapping), _awake(old, state, house)
    if found := tuple(plan.problems(instance)):
        raise MigrationRefused(found)
    waited = instance.waiting()
    moved = _carried_over(plan, instance, house)
    moved.before = waited
    for scope in moved.scopes():
        _open_new(plan, scope)
    progress = finish(new, moved, None)
    return Migration(progress, tuple(_moved(plan, moved, waited)))


def migration_problems(
    old: Diagram, state: bytes, new: Diagram, mapping: Mapping[str, str], house: House
) -> tuple[Problem, ...]:
    """Why an instance of ``old`` cannot move onto ``new``; nothing when it can. Places are those of ``old``."""
    return tuple(_Plan(old, new, mapping).problems(_awake(old, state, house)))


def _awake(diagram: Diagram, state: bytes, house: House) -> Instance:
    instance = codec.load(diagram, state, house)
    wake_everything(instance)
    return instance


class _Plan:
    """Where each step of the old diagram is in the new one."""

    def __init__(self, old: Diagram, new: Diagram, mapping: Mapping[str, str]) -> None:
        self.old, self.new, self.mapping = old, new, mapping

    def at(self, step_id: str) -> str:
        """Id in the new diagram of an old step."""
        return self.mapping.get(step_id, step_id)

    def spec(self, name: str) -> str:
        """Name in the new machine of an old spec: a step's id, which may be followed by a colon and what it is for the step."""
        step_id, colon, rest = name.partition(":")
        return f"{self.at(step_id)}{colon}{rest}" if step_id else name

    def keeps(self, beside: Step) -> bool:
        """Whether an event that waits beside a step or scope waits there in the new diagram too."""
        there = self.new.steps.get(self.at(beside.id))
        return (
            there is not None
            and (there.kind, there.attached_to, there.scope)
            == (beside.kind, self.at(beside.attached_to), self.at(beside.scope))
            and _same_event(beside.event, there.event)
        )

    def adds(self, beside: Step) -> bool:
        """Whether an event beside a step or scope of the new diagram was not there in the old one."""
        return not any(self.at(step.id) == beside.id and self.keeps(step) for step in self.old.steps.values())

    # --- why not -----------------------------------------------------------------------------------------------------

    def problems(self, instance: Instance) -> Iterator[Problem]:
        """Every reason why the instance cannot move, once."""
        if self.old.process_id != self.new.process_id:
            yield self._problem(None, f"新流程“{self.new.process_id}”不是“{self.old.process_id}”的另一版本")
        for one, other in self.mapping.items():
            if one not in self.old.steps:
                yield self._problem(None, f"迁移方案中的“{one}”不是原流程的步骤")
            if other not in self.new.steps:
                yield self._problem(None, f"迁移方案中的“{other}”不是新流程的步骤")
        if instance.completed:
            yield self._problem(None, "流程已经结束")
        found = (problem for scope in instance.scopes() for problem in self._of_scope(scope))
        yield from dict.fromkeys(found)

    def _problem(self, step: Step | None, reason: str) -> Problem:
        where = (step.line, step.id) if step else (0, self.old.process_id)
        return Problem(self.old.file, *where, reason)

    def _of_scope(self, scope: Any) -> Iterator[Problem]:
        tokens = [task for task in kept(scope) if not isinstance(task.task_spec, ScopeEnd) and not _beside(task)]
        for task in tokens:
            yield from self._of_task(task)
        if sum(task._state != REMEMBERED for task in tokens) > 1:
            yield from self._joins({task.task_spec.step.id for task in tokens}, tokens[0].task_spec.step.scope)

    def _of_task(self, task: Task) -> Iterator[Problem]:
        step: Step = task.task_spec.step
        there = self.new.steps.get(self.at(step.id))
        if there is None:
            yield self._problem(step, f"新流程中没有步骤“{self.at(step.id)}”；请在迁移方案中指明它的去处")
            return
        if there.kind != step.kind or there.undoes != step.undoes:
            yield self._problem(step, f"步骤的类型不同：{step.kind}，新流程中为 {there.kind}")
        if there.scope != self.at(step.scope):
            yield self._problem(step, f"步骤在新流程中属于另一层：“{there.scope or self.new.process_id}”")
        if _repeats(step) != _repeats(there):
            yield self._problem(step, "多次办理的方式不同：同时或依次、循环、项的名称或结果的名称")
        if not _same_event(step.event, there.event):
            yield self._problem(step, "所等待的事件不同")
        if task._state == REMEMBERED and there.undone_by != self.at(step.undone_by):
            yield self._problem(step, "已完成的步骤在新流程中由另一步骤撤销，或不能撤销")
        arrived = task.internal_data.get(FLOW)
        entering = {flow.id for flow in self.new.flows if flow.target == there.id}
        if (step.kind in _JOINS or GATE in task.internal_data) and arrived not in entering:
            yield self._problem(step, f"令牌经顺序流“{arrived}”到达，新流程中没有这条流入的顺序流")
        elif GATE in task.internal_data and _choices(self.old, arrived) != _choices(self.new, arrived):
            yield self._problem(step, "事件网关在新流程中等待的事件个数不同")

    def _joins(self, at: set[str], scope: str) -> Iterator[Problem]:
        """Parallel joins ahead of several branches that wait in the new diagram for other branches than in the old one."""
        for step in self.old.steps.values():
            there = self.new.steps.get(self.at(step.id))
            if step.kind != "parallel" or step.scope != scope or there is None or there.kind != "parallel":
                continue
            before = sorted(self.at(flow.source) for flow in self.old.flows if flow.target == step.id)
            after = sorted(flow.source for flow in self.new.flows if flow.target == there.id)
            if len(before) != len(after) and _ahead(self.old, at, step.id):
                yield self._problem(step, "前方的汇合在新流程中等待的分支数不同，已分开的分支将无法汇合")


def _beside(task: Task) -> bool:
    """Whether a token waits beside a step or scope, as its boundary event or listener."""
    return HOST in task.internal_data or task.task_spec.listens


def _choices(diagram: Diagram, flow_id: str) -> int:
    """Of how many events the gateway at the source of a flow waits for the first."""
    return len(diagram.leaving(diagram.flow(flow_id).source))


def _repeats(step: Step) -> Any:
    one = step.repetition
    return one and (one.sequential, one.loop, one.item, one.results)


def _same_event(one: Event | None, other: Event | None) -> bool:
    """Whether both wait for the same; when a timer is due is another matter."""
    if one is None or other is None:
        return one is other
    return bool(_waits_for(one) == _waits_for(other))


def _waits_for(event: Event) -> Any:
    return event.kind, event.name, _text(event.naming), _text(event.correlation)


def _text(given: Any) -> Any:
    """What the author wrote, wherever it stands."""
    if isinstance(given, Event):
        return (
            *_waits_for(given),
            given.timer and (given.timer.kind, _text(given.timer.value)),
            _text(given.condition),
        )
    return getattr(given, "text", given)


def _ahead(diagram: Diagram, at: set[str], join: str) -> bool:
    """Whether a token can come from one of these steps to the join."""
    seen, todo = set(at), list(at)
    while todo:
        for flow in diagram.leaving(todo.pop()):
            if flow.target not in seen:
                seen.add(flow.target)
                todo.append(flow.target)
    return join in seen


def _carried_over(plan: _Plan, instance: Instance, house: House) -> Instance:
    """The instance in the new diagram, every token at the new place of its step, nothing opened yet."""
    gone = {
        task.id
        for scope in instance.scopes()
        for task in live(scope)
        if _beside(task) and not plan.keeps(task.task_spec.step)
    }
    found = codec.opened(codec.dump(plan.old, instance))
    beside = instance.journey.parts.written
    _rename(plan, found["s"], gone)
    for part in (*found["m"].values(), *beside.values()):
        if ROW in part:
            part[ROW][1] = plan.spec(part[ROW][1])
            _rename(plan, part[SCOPES], gone)

    def parts(beginning: str) -> Mapping[str, bytes]:
        fresh = {key: squeeze(part) for key, part in beside.items() if key.startswith(beginning)}
        return {**house.parts(beginning), **fresh}

    moved = codec.revive(plan.new, found, replace(house, parts=parts))
    wake_everything(moved)
    return moved


def _rename(plan: _Plan, scopes: list[Any], gone: set[str]) -> None:
    for scope in scopes:
        scope[2] = [row for row in scope[2] if row[0] not in gone]
        for row in scope[2]:
            row[1] = plan.spec(row[1])


def _open_new(plan: _Plan, scope: Any) -> None:
    """Open the events beside open steps, and those that the scope listens for, that only the new diagram has."""
    for host in live(scope):
        for boundary in getattr(host.task_spec, "watched", ()):
            if plan.adds(boundary.step):
                event = spawn(scope.task_tree, boundary, None)
                event.data = dict(host.data)
                event.internal_data[HOST] = host.id
                boundary._update(event)
    for listener in scope.spec.start.listeners:
        if (listener.row or listener.asks) and live(scope) and plan.adds(listener.step):
            event = spawn(scope.task_tree, listener, None)
            event.data = known_in(scope)
            listener._update(event)


def _moved(plan: _Plan, moved: Instance, waited: Mapping[str, Task]) -> Iterator[Moved]:
    now = moved.waiting()
    for token, task in waited.items():
        if token in now:
            was, step = task.task_spec.step, now[token].task_spec.step
            differs = tuple(name for name in _SAID if _text(getattr(was, name)) != _text(getattr(step, name)))
            fresh = opened_task(moved.journey, now[token]) if differs and now[token].task_spec.row == "task" else None
            yield Moved(token, now[token].task_spec.row, was.id, step.id, differs, fresh)
