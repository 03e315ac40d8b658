"""Back to an earlier step: the state in which it was done, with fresh tokens; refused by name where that would undo more.

Where its token was the only one, everything that waits now has come from it, and the whole state is as it was. What may lie
beside it are its own boundary events, the sub-processes it lies in with theirs, and events that the scopes around it listen for.
Where other branches were under way, its own branch alone goes back, as long as it has met none of them since (see descent.py):
what came from the step is withdrawn, the step is put back as it stood, and the others stay as they are now. A repetition that
is over begins anew, as a whole; inside one member that still runs, that member alone goes back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

from SpiffWorkflow.task import Task

from workflows.engine import codec, rows
from workflows.engine.compensation import CompensationThrow
from workflows.engine.descent import beside_in, descent
from workflows.engine.errors import (
    RewindAmbiguous,
    RewindBeside,
    RewindBesideEvent,
    RewindIntoCall,
    RewindIntoRepetition,
    RewindOverCompensation,
    RewindUnknown,
    StateUnreadable,
)
from workflows.engine.journey import age
from workflows.engine.machine import Instance
from workflows.engine.model import Diagram
from workflows.engine.progress import House, Progress
from workflows.engine.repeating import BESIDE, PLACE, Repeated, wake_everything
from workflows.engine.rows import BASE, Writer
from workflows.engine.running import finish
from workflows.engine.scopes import CallActivity, EventSubProcess
from workflows.engine.specs import (
    FLOW,
    HOST,
    INPUTS,
    OF,
    REMEMBERED,
    UNDOING,
    ScopeEnd,
    kept,
    live,
    open_in,
    spawn,
    withdraw,
)


def rewind(
    diagram: Diagram, before: bytes, state: bytes, token_or_step: str, house: House,
    passed: Callable[[], Collection[str]] = tuple,
) -> Progress:  # fmt: skip
    """Let an earlier user task wait again, as it did in ``before``, the state in which it was completed.

    ``token_or_step`` is its token in ``before``, or its step where only one task waited there; of one of many in a repetition
    ``before`` is the state in which the first of them was completed. ``passed`` gives the steps that were passed since, asked
    where other branches were under way: a gateway among them where they meet is one that is past, though another round of the
    same branches may be under way by now. What came from it is closed; it opens anew, with what
    waited on its border, under tokens never used before: moments count from now, and what its branch wrote since is not known
    there (outside a repetition's member it is, until it is written again). Orders carried out and messages sent since stay so.
    ``Progress.undone`` names the steps that lie behind it. Raises RewindAmbiguous where other branches, repetitions, calls,
    compensation or events make it unclear what would be undone, and StateUnreadable.
    """
    now = codec.load(diagram, state, house)
    now.before = now.waiting()
    wake_everything(now)
    then = codec.load(diagram, before, replace(house, parts=lambda _: {}))
    target = _target(diagram, then, token_or_step)
    around = _around(then, target)
    if isinstance(target.task_spec, Repeated) or not _alone(then, target, around):
        _check_undoing(now, then, target)
        return _branch_back(diagram, state, house, then, [*around, target], passed)
    _check_now(now, then, target, around)
    found = codec.opened(codec.dump(diagram, then))
    _renumber(found, now, {task.id for scope in then.scopes() for task in live(scope)})
    instance = codec.revive(diagram, found, house)
    instance.before = now.before
    for host in _hosts(now):
        instance.journey.parts.remove(f"{host.id}.", beside=host.internal_data[BESIDE])
    return finish(diagram, instance, None)


def _target(diagram: Diagram, then: Instance, token_or_step: str) -> Task:
    waiting = {token: task for token, task in then.waiting().items() if task.task_spec.row == "task"}
    if token_or_step in waiting:
        return waiting[token_or_step]
    if token_or_step in diagram.steps:
        found = [task for task in waiting.values() if task.task_spec.step.id == token_or_step]
        if len(found) > 1:
            raise RewindBeside(step=_name(found[0]), other=_name(found[1]))
        if found:
            return found[0]
        step = diagram.steps[token_or_step]
        hosts = [host for host in _hosts(then) if host.task_spec.step is step]
        if len(hosts) == 1:
            return hosts[0]
        raise RewindUnknown(step=step.name or step.id)
    for host in _hosts(then):
        if token_or_step.startswith(f"{host.id}."):
            return _in_repetition(then, host, token_or_step)
    raise RewindUnknown(step=token_or_step)


def _in_repetition(then: Instance, host: Task, token: str) -> Task:
    """The task inside a member, or the repetition itself for a member that is the task."""
    if token.count(".") == host.id.count(".") + 1:
        return host
    found = then.find(token)
    # The members of a large repetition were never part of the state.
    if found is None or found.task_spec.row != "task":
        raise RewindIntoRepetition(step=_name(host), other=_name(host))
    return found


def _around(instance: Instance, task: Task) -> list[Task]:
    """The sub-process tasks in which ``task`` lies, the outermost first."""
    found: list[Task] = []
    while task.workflow is not instance:
        (task,) = (
            one
            for scope in instance.scopes()
            for one in scope.tasks.values()
            if instance.subprocesses.get(one.id) is task.workflow
        )
        found.insert(0, task)
    return found


def _alone(then: Instance, target: Task, around: list[Task]) -> bool:
    """Whether the target's was the only token."""
    on_the_way = {target.id, *(task.id for task in around)}
    return not any(
        task.id not in on_the_way and task.internal_data.get(HOST) not in on_the_way
        and not task.task_spec.listens and not isinstance(task.task_spec, ScopeEnd)
        for scope in then.scopes() for task in live(scope)
    )  # fmt: skip


def _kind(task: Task) -> type[RewindAmbiguous]:
    if isinstance(task.task_spec, Repeated):
        return RewindIntoRepetition
    if isinstance(task.task_spec, CallActivity):
        return RewindIntoCall
    if isinstance(task.task_spec, CompensationThrow) or UNDOING in task.internal_data:
        return RewindOverCompensation
    return RewindBeside


def _check_undoing(now: Instance, then: Instance, target: Task) -> None:
    """Refuse where something is being undone, or what may have to be undone is no longer what it was."""
    for scope in now.scopes():
        for task in live(scope):
            if isinstance(task.task_spec, CompensationThrow) or UNDOING in task.internal_data:
                raise RewindOverCompensation(step=_name(target), other=_name(task))
    memories, earlier = _memories(now), _memories(then)
    for token in memories.keys() ^ earlier.keys():
        raise RewindOverCompensation(step=_name(target), other=_name((memories | earlier)[token]))


def _check_now(now: Instance, then: Instance, target: Task, around: list[Task]) -> None:
    """Refuse unless everything that is under way now came from the target."""
    _check_undoing(now, then, target)
    bodies = {task.task_spec for task in around}
    for scope in now.scopes():
        for task in live(scope):
            if isinstance(task.task_spec, EventSubProcess) and task.task_spec not in bodies:
                raise RewindBesideEvent(step=_name(target), other=_name(task))
    scope = now
    for task in around:
        hosts = [one for one in live(scope) if one.task_spec is task.task_spec]
        if not hosts:
            return  # the sub-process has ended: all there is came from its end, and so from the target
        for one in live(scope):
            spec, host = one.task_spec, one.internal_data.get(HOST)
            if one not in hosts and host != hosts[0].id and not spec.listens and not isinstance(spec, ScopeEnd):
                raise RewindBesideEvent(step=_name(target), other=_name(one))
        scope = now.subprocesses[hosts[0].id]


def _memories(instance: Instance) -> dict[str, Task]:
    return {task.id: task for scope in instance.scopes() for task in kept(scope) if task._state == REMEMBERED}


def _hosts(instance: Instance) -> Iterator[Task]:
    for scope in instance.scopes():
        for task in live(scope):
            if isinstance(task.task_spec, Repeated):
                yield task


def _renumber(found: dict[str, Any], now: Instance, open_then: set[str]) -> None:
    """Give every open token of a layout a new name, and let its numbers go on from now."""
    named: dict[Any, str] = {}
    run = now.journey
    for _owner, _known, tasks in found["s"]:
        for row in tasks:
            if row[0] in open_then:
                named[row[0]] = row[0] = run.token()
    for scope in found["s"]:
        scope[0] = named.get(scope[0], scope[0])
        for row in scope[2]:
            if len(row) > 4 and HOST in row[4]:
                row[4][HOST] = named.get(row[4][HOST], row[4][HOST])
    found |= {"t": run.next_token, "w": run.next_write}


def _name(task: Task) -> str:
    spec = task.task_spec
    return str(spec.bpmn_name or spec.step.id)


# --- one branch, the others staying as they are ---------------------------------------------------------------------


def _branch_back(
    diagram: Diagram, state: bytes, house: House, then: Instance, way: list[Task], passed: Callable[[], Collection[str]]
) -> Progress:
    """Withdraw what came from the last of ``way`` (the target, after what it lies in) and put it back; nothing else moves."""
    after, target = codec.load(diagram, state, house), way[-1]
    after.before = after.waiting()
    scope: Any = after
    for depth, task in enumerate(way):
        inside = None if task is target else _still(after, scope, task)
        if inside is not None:
            scope = inside
            continue
        for member in way[depth:]:
            if OF in member.internal_data:
                host = member.workflow.tasks[member.internal_data[OF]]
                raise RewindIntoRepetition(step=_name(target), other=_name(host))
        _check_alone_inside(way[depth:])
        # Other members of a repetition pass the same gateways.
        return _replaced(diagram, after, then, scope, task, target, () if scope.prefix else passed())
    raise RewindUnknown(step=_name(target))


def _still(after: Instance, scope: Any, task: Task) -> Any:
    """The inside of what ``task`` was, where it still runs; None where it has ended, though it may have begun again."""
    if OF in task.internal_data and task.internal_data[OF] in scope.tasks:
        host = scope.tasks[task.internal_data[OF]]
        host.task_spec.wake(host, task.internal_data[PLACE])
    return after.subprocesses.get(task.id) if task.id in scope.tasks and scope.tasks[task.id] in live(scope) else None


def _check_alone_inside(way: list[Task]) -> None:
    """Refuse where something waited beside the target inside a sub-process that has ended since."""
    target = way[-1]
    for task in way[1:]:
        for other in beside_in(task.workflow, task):
            if not isinstance(other.task_spec, ScopeEnd):
                raise _kind(other)(step=_name(target), other=_name(other))


def _replaced(
    diagram: Diagram, after: Instance, then: Instance, scope: Any, back: Task, target: Task, passed: Collection[str]
) -> Progress:
    """``scope`` with ``back``, a task of the same scope as it was, in the place of whatever came from it."""
    for one in live(scope):
        if isinstance(one.task_spec, EventSubProcess) and one.id not in back.workflow.tasks:
            raise RewindBesideEvent(step=_name(target), other=_name(one))
    found = descent(back.workflow, back, scope, border=back is not target or isinstance(back.task_spec, Repeated))
    if found is None or not found.meets.isdisjoint(passed):
        beside = [one for one in beside_in(back.workflow, back) if not isinstance(one.task_spec, ScopeEnd)]
        # Whoever has moved on since is more likely to be the reason.
        other = min(beside, key=lambda one: one.id in scope.tasks, default=back)
        raise _kind(other)(step=_name(target), other=_name(other))
    if (
        back is target
        and isinstance(back.task_spec, Repeated)
        and any(one.task_spec is back.task_spec for one in live(scope))
    ):
        raise RewindIntoRepetition(step=_name(target), other=_name(back))
    for one in found.gone:
        if open_in(one):
            withdraw(one)
    if back is target and isinstance(back.task_spec, Repeated):
        _begin_anew(scope, back)
    else:
        named = _put_back(after, then, scope, back)
        if isinstance(target.task_spec, Repeated):
            host = after.subprocesses[named[_owner(target)]].tasks[named[target.id]]
            _begin_anew(host.workflow, host)
            withdraw(host)
    inside = _with_inside(diagram, {*found.behind, back.task_spec.name})
    return replace(finish(diagram, after, None), undone=inside)


def _owner(task: Task) -> str:
    found: str = task.workflow.parent_task_id
    return found


def _begin_anew(scope: Any, host: Task) -> None:
    """Open a repetition once more, with what was known when it began."""
    again = spawn(scope.task_tree, host.task_spec, None)
    again.data = dict(host.internal_data.get(BASE, host.data))
    again.internal_data |= {key: host.internal_data[key] for key in (FLOW, INPUTS) if key in host.internal_data}
    again.task_spec._update(again)


def _put_back(after: Instance, then: Instance, scope: Any, back: Task) -> dict[str, str]:
    """Put a task with what sits on its border and all that lies inside it into a scope; old tokens to new ones."""
    writer, run = Writer(), after.journey
    border = [one for one in live(back.workflow) if one.internal_data.get(HOST) == back.id]
    tasks = [writer.row(one) for one in (back, *border)]
    # Outer scopes come before those that lie in them.
    inner, known = [], {back.id, *(one.id for one in border)}
    for owner, inside in then.subprocesses.items():
        if owner in known:
            inner.append(writer.scope(owner, inside, kept(inside)))
            known |= {one.id for one in kept(inside)}
    named = {token: run.token(scope.prefix) for token in sorted(known, key=age)}
    for row in (*tasks, *(row for _, _, found in inner for row in found)):
        row[0] = named[row[0]]
        if len(row) > 4 and HOST in row[4]:
            row[4][HOST] = named[row[4][HOST]]
    cells = rows.cells(writer.cells)
    for row in tasks:
        rows.plant(scope, row, cells)
    for owner, knows, found in inner:
        host = after.find(named[owner])
        if host is None:
            raise StateUnreadable(reason=f"没有 {owner}")
        rows.fill(after.create_subprocess(host, host.task_spec.spec), knows, found, cells)
    return named


def _with_inside(diagram: Diagram, steps: set[str]) -> frozenset[str]:
    """Steps, and all those that lie inside them."""
    for step in diagram.steps.values():
        # A sub-process stands before what lies in it.
        if step.scope in steps:
            steps.add(step.id)
    return frozenset(steps)
