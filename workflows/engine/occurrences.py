"""Events as they run: what waits for something to happen, what makes it happen, and the gateway that waits for the first of several.

Timers, messages, signals and conditions are waited for by tasks. Errors, escalations and cancellations are waited for by nobody:
whoever throws one looks for who catches it (see scopes.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflows.engine.journey import Data, Journey, age, latest
from workflows.engine.model import Event, Step
from workflows.engine.moments import moment, span
from workflows.engine.progress import Published
from workflows.engine.specs import (
    FLOW,
    HOST,
    INPUTS,
    Element,
    ServiceTask,
    journey,
    known_in,
    knows,
    live,
    open_in,
    spawn,
    withdraw,
)

#: Keys of internal data: token of the event gateway a catch waits behind; of a cycle how often it still fires (None: for ever),
#: its span and the moment it waits for; of a condition whether it held when it was last asked; the computed name of what is
#: waited for.
GATE, CYCLE, WAS, NAMED = "gate", "cycle", "was", "named"
#: What the caller keeps for a waiting event, by its kind.
_ROWS = {"timer": "timer", "message": "subscription", "signal": "subscription"}
_NOTHING: Mapping[str, Any] = {}


def event_of(step: Step) -> Event:
    """The event of a step that has one; the builder uses the specs here only for those."""
    if step.event is None:
        raise TypeError(step.id)
    return step.event


def name_of(run: Journey, step: Step, data: Data, local: Mapping[str, Any]) -> str:
    """Name or code of the event of ``step``; ExpressionFailed for a computed one that is no text."""
    event = event_of(step)
    if event.naming is None:
        return event.name
    value = run.evaluate(step.id, "name", event.naming, run.scope(data, local))
    if not isinstance(value, str) or not value:
        raise run.unusable(step, "name", event.naming, "须为文字")
    return value


def key_of(run: Journey, step: Step, data: Data, local: Mapping[str, Any]) -> str | None:
    """The key a message of ``step`` carries or must carry, as text; ExpressionFailed for one that is neither text nor number."""
    given = event_of(step).correlation
    if given is None:
        return None
    value = run.evaluate(step.id, "correlationKey", given, run.scope(data, local))
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)) or value == "":
        raise run.unusable(step, "correlationKey", given, "须为文字或数")
    return str(value)


class Catch(Element):
    """Waits until a moment comes, a message or signal arrives, or a condition holds. A receive task is one too."""

    waits = True

    def __init__(self, wf_spec: Any, step: Step, name: str = "") -> None:
        super().__init__(wf_spec, step, name)
        self.event = event_of(step)
        self.row = _ROWS.get(self.event.kind, "")
        self.asks = self.event.kind == "conditional"

    @property
    def stays(self) -> bool:
        """Whether it goes on waiting after it was met."""
        return False

    def _update_hook(self, my_task: Task) -> bool:
        run = journey(my_task)
        my_task._set_state(TaskState.WAITING)
        if self.event.naming:
            my_task.internal_data[NAMED] = name_of(run, self.step, my_task.data, my_task.internal_data.get(INPUTS, {}))
        if self.step.inputs:
            given = my_task.internal_data.get(INPUTS, {})
            my_task.internal_data[INPUTS] = {**given, **run.inputs(self.step, run.scope(my_task.data, given))}
        self.watch(my_task)
        return False

    def named(self, my_task: Task) -> str:
        """Name of the message or signal that ``my_task`` waits for."""
        found: str = my_task.internal_data.get(NAMED, self.event.name)
        return found

    def meet(self, my_task: Task, variables: Mapping[str, Any] = _NOTHING) -> None:
        """What ``my_task`` waits for has come, with ``variables``."""
        gate = my_task.internal_data.get(GATE)
        for task in live(my_task.workflow) if gate else ():
            if task is not my_task and task.internal_data.get(GATE) == gate:
                withdraw(task)
        self.store_outputs(my_task, variables)
        my_task._ready()

    def act(self, my_task: Task) -> None:
        if GATE in my_task.internal_data:
            # Only now is it known which of the gateway's flows is taken.
            (flow,) = (flow for flow in self.entering if flow.id == my_task.internal_data[FLOW])
            journey(my_task).take(flow)

    def came_true(self, my_task: Task, known: Data) -> bool:
        """Whether the condition holds now and did not when it was last asked."""
        given, run = self.event.condition, journey(my_task)
        # What was not written yet is no fault here, so the reasons of a null are nobody's business.
        value = given.value(run.scope(known, {}), run.house.now, []) if given else None
        if given and not (value is None or isinstance(value, bool)):
            raise run.unusable(self.step, "condition", given, "结果不是 true 或 false")
        came = bool(value) and not my_task.internal_data.get(WAS, False)
        my_task.internal_data[WAS] = bool(value)
        return came


class Beside(Catch):
    """A catch that belongs to a step or a scope: it may go on waiting after it was met."""

    @property
    def stays(self) -> bool:
        """Whether it goes on waiting after it was met; a cycle does so as a new token, with a moment of its own."""
        return not self.step.interrupting and self.event.kind != "timer"

    def next_round(self, my_task: Task) -> None:
        """Open the next round of a cycle that was just met; what interrupts withdraws it again with everything else."""
        cycle = my_task.internal_data.get(CYCLE)
        if cycle is None or cycle["left"] == 1:
            return
        due = span(cycle["every"]).after(moment(cycle["due"]))
        left = cycle["left"] and cycle["left"] - 1
        heir = spawn(my_task.workflow.task_tree, self, None)
        heir.data = dict(my_task.data)
        heir.internal_data[CYCLE] = {**cycle, "left": left, "due": due.isoformat()}
        if HOST in my_task.internal_data:
            heir.internal_data[HOST] = my_task.internal_data[HOST]
        self._update(heir)


class Boundary(Beside):
    """Waits beside its host, or catches what its host lets through; interrupting, it ends the host."""

    def meet(self, my_task: Task, variables: Mapping[str, Any] = _NOTHING) -> None:
        """What it waits for has come; whatever was filled in inside the host up to now stays known."""
        host = my_task.workflow.tasks[my_task.internal_data[HOST]]
        if self.stays:
            self.catch(host, my_task.data, variables)
        else:
            self.next_round(my_task)
            self._go(my_task, host, variables)

    def catch(self, host: Task, known: Data, variables: Mapping[str, Any] = _NOTHING) -> None:
        """Go on from ``host`` with what is known to whoever caused it."""
        event = spawn(host.workflow.task_tree, self, None)
        event.data = dict(known)
        self._go(event, host, variables)

    def _go(self, event: Task, host: Task, variables: Mapping[str, Any]) -> None:
        event.data = latest(event.data, knows(host))
        self.store_outputs(event, variables)
        event._ready()
        if self.step.interrupting:
            withdraw(host)


class EventGateway(Element):
    """Waits for the first of the events that follow it; the others are called off. Which flow is taken shows only then."""

    def leave(self, my_task: Task) -> None:
        for flow in self.leaving:
            child = spawn(my_task, self._wf_spec.task_specs[flow.target], flow)
            child.internal_data[GATE] = my_task.id


class End(Element):
    """End event: its branch ends."""

    def act(self, my_task: Task) -> None:
        journey(my_task).ended.append(self.step.id)


class Terminate(End):
    """Ends every branch of its scope."""

    def act(self, my_task: Task) -> None:
        super().act(my_task)
        for task in live(my_task.workflow):
            # Cancelling a host takes its boundary events along.
            if task is not my_task and open_in(task):
                my_task.data = latest(my_task.data, knows(task))
                withdraw(task)


class OrderEnd(End, ServiceTask):
    """Sends an order, and its branch ends."""

    def act(self, my_task: Task) -> None:
        ServiceTask.act(self, my_task)
        End.act(self, my_task)


class Throw(Element):
    """Makes something happen, then passes; as an end event its branch ends there."""

    def _run_hook(self, my_task: Task) -> bool | None:
        run = journey(my_task)
        run.pass_step(self.step)
        if self.step.kind == "end":
            run.ended.append(self.step.id)
        self.throw(my_task)
        if open_in(my_task):
            self.leave(my_task)
        return True

    def throw(self, my_task: Task) -> None:
        """Do it."""
        raise NotImplementedError

    def carried(self, my_task: Task) -> dict[str, Any]:
        """What a message or signal carries: the values of the input mapping."""
        run = journey(my_task)
        return run.inputs(self.step, run.scope(my_task.data, my_task.internal_data.get(INPUTS, {})))


class MessageThrow(Throw):
    """Sends a message: into the world, which brings it to whoever waits for it, in this instance too."""

    def throw(self, my_task: Task) -> None:
        run, carried = journey(my_task), self.carried(my_task)
        seen = {**my_task.internal_data.get(INPUTS, {}), **carried}
        name = name_of(run, self.step, my_task.data, seen)
        key = key_of(run, self.step, my_task.data, seen)
        run.published.append(Published(self.step.id, "message", name, key, carried))


class SendTask(MessageThrow):
    """Sends a message and passes."""

    def _run_hook(self, my_task: Task) -> bool | None:
        return Element._run_hook(self, my_task)

    def act(self, my_task: Task) -> None:
        self.throw(my_task)


class SignalThrow(Throw):
    """Sends a signal: to every step of this instance that waits for it now, and into the world."""

    def throw(self, my_task: Task) -> None:
        run, carried = journey(my_task), self.carried(my_task)
        name = name_of(run, self.step, my_task.data, carried)
        run.published.append(Published(self.step.id, "signal", name, None, carried))
        my_task.workflow.top_workflow.wake_catchers()
        for task in waiting(my_task.workflow.top_workflow):
            # An earlier one may have interrupted it.
            spec = task.task_spec
            if spec.event.kind == "signal" and spec.named(task) == name and open_in(task):
                spec.meet(task, carried)


class LinkThrow(Throw):
    """Goes on at the link of the same name."""

    def __init__(self, wf_spec: Any, step: Step) -> None:
        super().__init__(wf_spec, step)
        #: The catching link; set once by the builder.
        self.target: Any = None

    def throw(self, my_task: Task) -> None:
        return None

    def leave(self, my_task: Task) -> None:
        spawn(my_task, self.target, None)


def waiting(instance: Any) -> list[Task]:
    """Every event of an instance that waits now, oldest first."""
    return sorted(_waiting(instance), key=lambda task: age(task.id))


def _waiting(instance: Any) -> Iterator[Task]:
    for scope in instance.scopes():
        for task in scope.tasks.values():
            if isinstance(task.task_spec, Catch) and task._state == TaskState.WAITING:
                yield task


def ask(instance: Any) -> bool:
    """Ask every condition that is waited for; whether one came true and moved a token."""
    instance.wake_catchers()
    known = instance.known()
    asked = [(task, _seen(instance, task, known)) for task in waiting(instance) if task.task_spec.asks]
    came = [(task, seen) for task, seen in asked if task.task_spec.came_true(task, seen)]
    for task, seen in came:
        if open_in(task) and task._state == TaskState.WAITING:
            # The condition may rest on what another branch wrote; whoever goes on because of it knows that.
            task.data = latest(task.data, seen)
            task.task_spec.meet(task)
    return bool(came)


def _seen(instance: Any, task: Task, known: Data) -> Data:
    """What a condition may rest on: all that the instance knows, and inside the member of a repetition what that member knows."""
    prefix = task.workflow.prefix
    own = [scope for scope in instance.scopes() if scope.prefix and prefix.startswith(scope.prefix)]
    return latest(known, *(known_in(scope) for scope in own)) if own else known
