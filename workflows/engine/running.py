"""The verbs: start, complete, fire, deliver, resume and report. State and facts in, Progress out; nothing is stored, sent or asked here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from SpiffWorkflow.task import Task

from workflows.engine import codec
from workflows.engine.errors import CallNotOpen, ReservedName, SubscriptionNotOpen, TimerNotOpen
from workflows.engine.extensions import RESERVED
from workflows.engine.journey import Journey, Known, age
from workflows.engine.machine import Instance
from workflows.engine.model import Diagram
from workflows.engine.opening import opened_call, opened_subscription, opened_task, opened_timer
from workflows.engine.parts import squeeze
from workflows.engine.progress import House, Progress
from workflows.engine.scopes import caught, changed, fail, pass_on
from workflows.errors import Refusal, TaskNotOpen


def start(diagram: Diagram, variables: Mapping[str, Any], house: House, *, at: str = "") -> Progress:
    """Start an instance with ``variables`` (plain, each stored whole) and run it to its first waits.

    ``at`` is the id of the start event that a message or signal met; else the instance begins at diagram.start. Where that
    has an output mapping, ``variables`` are local to it, as in complete().
    Raises ReservedName for `instance`, `task` or `policy`, ValueNotPlain, and the incidents of workflows.engine.errors.
    """
    instance = Instance(diagram.machine, Journey(house))
    instance.journey.at = at or diagram.start.id
    entry = diagram.steps[instance.journey.at]
    if entry.kind != "start" or entry.scope:
        raise ValueError(f"{at} is no start event of the process")
    root, run = instance.task_tree, instance.journey
    given = _allowed(variables)
    if entry.outputs:
        given = run.assigned(entry, entry.outputs, "output", run.scope(root.data, given))
    for name, value in given.items():
        run.write(root.data, name, value)
    root._ready()
    return finish(diagram, instance, None)


def complete(diagram: Diagram, state: bytes, token: str, variables: Mapping[str, Any], house: House) -> Progress:
    """Complete the open user task ``token`` with what was submitted, and run on to the next waits.

    ``variables`` (plain) become instance variables, each replaced whole, never merged. Where the step has an output mapping
    they are local to it: each source is evaluated over them, the step's inputs, the house and the variables, and only the
    targets become instance variables. `task` in ``house.context`` is laid over the engine's own (id, step, form).
    Raises TaskNotOpen unless ``token`` is an open user task of this state; ReservedName, ValueNotPlain, StateUnreadable and
    incidents as start() does. The given state stays as it was, whatever happens.
    """
    instance, task = _load(diagram, state, house, token, "task", TaskNotOpen)
    spec = task.task_spec
    seen = {**spec.task_value(task), **house.context.get("task", {})}
    spec.store_outputs(task, _allowed(variables), seen)
    instance.journey.queue.append(task)
    return finish(diagram, instance, token)


def fire(diagram: Diagram, state: bytes, token: str, house: House) -> Progress:
    """Fire the waiting timer ``token``, and run on to the next waits. A cycle opens its next round as a new timer.

    Whether its moment has come is the caller's knowledge: moments live in the caller's rows and may be moved there.
    Raises TimerNotOpen (a TaskNotOpen) unless ``token`` is a waiting timer of this state; else as complete().
    """
    instance, task = _load(diagram, state, house, token, "timer", TimerNotOpen)
    task.task_spec.meet(task)
    return finish(diagram, instance, token)


def deliver(diagram: Diagram, state: bytes, token: str, variables: Mapping[str, Any], house: House) -> Progress:
    """Bring a message or signal to the subscription ``token`` with what it carries, and run on to the next waits.

    ``variables`` are stored as complete() stores a submission. Whether name and key are the right ones is the caller's
    knowledge. A subscription that stays goes on waiting under the same token.
    Raises SubscriptionNotOpen (a TaskNotOpen) unless ``token`` is a waiting subscription of this state; else as complete().
    """
    instance, task = _load(diagram, state, house, token, "subscription", SubscriptionNotOpen)
    task.task_spec.meet(task, _allowed(variables))
    return finish(diagram, instance, token)


def resume(diagram: Diagram, state: bytes, token: str, variables: Mapping[str, Any], house: House) -> Progress:
    """Go on after the call activity ``token``, whose process ended with ``variables``.

    With an output mapping they are local to it, as a submission is; else, unless the diagram says that nothing is taken back,
    each that is not what the step knew already becomes an instance variable.
    Raises CallNotOpen (a TaskNotOpen) unless ``token`` is a call that waits in this state; else as complete().
    """
    instance, task = _load(diagram, state, house, token, "call", CallNotOpen)
    task.task_spec.returned(task, _allowed(variables))
    return finish(diagram, instance, token)


def report(
    diagram: Diagram, state: bytes, token: str, kind: str, code: str, variables: Mapping[str, Any], house: House
) -> Progress:
    """Bring an error or escalation that nobody caught in the process called by ``token`` to whoever catches it here.

    ``kind`` is "error" (the called process has ended by it) or "escalation" (it goes on, unless Progress.calls_closed names
    it). What catches it knows ``variables``. An escalation that nobody catches passes; an error raises ErrorNotCaught, or ends
    this instance too if somebody called it. Raises CallNotOpen as resume() does.
    """
    instance, task = _load(diagram, state, house, token, "call", CallNotOpen)
    if kind not in {"error", "escalation"}:
        raise ValueError(kind)
    known = dict(task.data)
    for name, value in changed(task, _allowed(variables)).items():
        instance.journey.write(known, name, value)
    if not caught(task, kind, code, {}, known=known):
        (fail if kind == "error" else pass_on)(task, code, known)
    return finish(diagram, instance, token if kind == "error" else None)


def _load(
    diagram: Diagram, state: bytes, house: House, token: str, row: str, refusal: type[Refusal]
) -> tuple[Instance, Task]:
    """The instance with the task ``token``, which must wait for what ``row`` names."""
    instance = codec.load(diagram, state, house)
    instance.before = instance.waiting()
    task = instance.find(token)
    if task is None or task.task_spec.row != row or task._state != task.task_spec.row_state:
        raise refusal()
    return instance, task


def _allowed(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in variables:
        if name in RESERVED:
            raise ReservedName(name=name)
    return variables


#: Waiting tasks by token.
Open = dict[str, Task]


def finish(diagram: Diagram, instance: Instance, done: str | None) -> Progress:
    """Run ``instance`` on to its next waits; ``done`` is the token that the verb itself has ended."""
    instance.run()
    run = instance.journey
    if instance.completed:
        instance.task_tree.data = dict(instance.last_task.data)
    now, before = instance.waiting(), instance.before
    opened = {row: [now[token] for token in _only(now, before, row)] for row in _ROWS}
    closed = {row: _only(before, {*now, done}, row) for row in _ROWS}
    # Opening may still note something in the state (the round of a cycle), so it comes before the bytes.
    tasks = tuple(opened_task(run, task) for task in opened["task"])
    timers = tuple(opened_timer(run, task) for task in opened["timer"])
    subscriptions = tuple(opened_subscription(run, task) for task in opened["subscription"])
    calls = tuple(opened_call(run, task) for task in opened["call"])
    state = codec.dump(diagram, instance)
    return Progress(
        state=state,
        variables=Known(instance.known()),
        passed=tuple(run.passed),
        opened=tasks,
        closed=closed["task"],
        timers=timers,
        timers_closed=closed["timer"],
        subscriptions=subscriptions,
        subscriptions_closed=closed["subscription"],
        published=tuple(run.published),
        calls=calls,
        calls_closed=closed["call"],
        reported=tuple(run.reported),
        parts={key: squeeze(part) for key, part in run.parts.written.items()},
        parts_gone=tuple(run.parts.gone),
        orders=tuple(run.orders),
        rulings=tuple(run.rulings),
        ended=tuple(run.ended),
        completed=instance.completed,
        problems=tuple(run.problems),
    )


#: What the caller keeps rows for (see Unpredicted.row).
_ROWS = ("task", "timer", "subscription", "call")


def _only(tokens: Open, others: Collection[str | None], row: str) -> tuple[str, ...]:
    """Tokens of one kind not among the others, oldest first."""
    found = (token for token, task in tokens.items() if token not in others and task.task_spec.row == row)
    return tuple(sorted(found, key=age))


def open_tokens(diagram: Diagram, state: bytes, house: House) -> tuple[tuple[str, str], ...]:
    """(token, step id) of everything that waits in ``state``, oldest first; for checks of stored rows."""
    waiting = codec.load(diagram, state, house).waiting()
    return tuple((token, waiting[token].task_spec.step.id) for token in sorted(waiting, key=age))
