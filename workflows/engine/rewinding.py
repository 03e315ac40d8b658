"""Back to an earlier step: the state in which it was done, with fresh tokens; refused by name where that would undo more.

A step may wait again when its token was the only one: everything that waits now has come from it. What may lie beside it are its
own boundary events, the sub-processes it lies in with theirs, and events that the scopes around it listen for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from SpiffWorkflow.task import Task

from workflows.engine import codec
from workflows.engine.compensation import CompensationThrow
from workflows.engine.errors import (
    RewindAmbiguous,
    RewindBeside,
    RewindBesideEvent,
    RewindIntoCall,
    RewindIntoRepetition,
    RewindOverCompensation,
    RewindUnknown,
)
from workflows.engine.machine import Instance
from workflows.engine.model import Diagram
from workflows.engine.progress import House, Progress
from workflows.engine.repeating import BESIDE, Repeated, wake_everything
from workflows.engine.running import finish
from workflows.engine.scopes import CallActivity, EventSubProcess
from workflows.engine.specs import HOST, OF, REMEMBERED, UNDOING, ScopeEnd, kept, live


def rewind(diagram: Diagram, before: bytes, state: bytes, token_or_step: str, house: House) -> Progress:
    """Let an earlier user task wait again, as it did in ``before``, the state in which it was completed.

    ``token_or_step`` is its token in ``before``, or its step where only one task waited there. Whatever waits in ``state`` is
    closed; whatever waits in ``before`` opens anew with tokens never used before: moments count from now, and what was written
    since is not known. Orders carried out and messages sent since stay so. Raises RewindAmbiguous where other branches,
    repetitions, calls, compensation or events make it unclear what would be undone, and StateUnreadable.
    """
    now = codec.load(diagram, state, house)
    now.before = now.waiting()
    wake_everything(now)
    then = codec.load(diagram, before, replace(house, parts=lambda _: {}))
    target = _target(diagram, then, token_or_step)
    around = _around(then, target)
    _check_then(then, target, around)
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
        if hosts:
            raise RewindIntoRepetition(step=_name(hosts[0]), other=_name(hosts[0]))
        raise RewindUnknown(step=step.name or step.id)
    for host in _hosts(then):
        if token_or_step.startswith(f"{host.id}."):
            raise RewindIntoRepetition(step=_name(host), other=_name(host))
    raise RewindUnknown(step=token_or_step)


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


def _check_then(then: Instance, target: Task, around: list[Task]) -> None:
    """Refuse unless the target's was the only token."""
    on_the_way = {target.id, *(task.id for task in around)}
    for scope in then.scopes():
        for task in live(scope):
            if task.internal_data.get(OF) in scope.tasks:
                raise RewindIntoRepetition(step=_name(target), other=_name(task))
            beside = task.id not in on_the_way and task.internal_data.get(HOST) not in on_the_way
            if beside and not task.task_spec.listens and not isinstance(task.task_spec, ScopeEnd):
                raise _kind(task)(step=_name(target), other=_name(task))


def _kind(task: Task) -> type[RewindAmbiguous]:
    if isinstance(task.task_spec, Repeated):
        return RewindIntoRepetition
    if isinstance(task.task_spec, CallActivity):
        return RewindIntoCall
    if isinstance(task.task_spec, CompensationThrow) or UNDOING in task.internal_data:
        return RewindOverCompensation
    return RewindBeside


def _check_now(now: Instance, then: Instance, target: Task, around: list[Task]) -> None:
    """Refuse unless everything that is under way now came from the target."""
    for scope in now.scopes():
        for task in live(scope):
            if isinstance(task.task_spec, CompensationThrow) or UNDOING in task.internal_data:
                raise RewindOverCompensation(step=_name(target), other=_name(task))
    memories, earlier = _memories(now), _memories(then)
    for token in memories.keys() ^ earlier.keys():
        raise RewindOverCompensation(step=_name(target), other=_name((memories | earlier)[token]))
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
    for _owner, _known, rows in found["s"]:
        for row in rows:
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
