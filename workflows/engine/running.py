"""The verbs: start, complete and fire. State and facts in, Progress out; nothing is stored, sent or asked here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflows.engine import codec
from workflows.engine.errors import ReservedName, StateUnreadable, TimerNotOpen
from workflows.engine.expressions import Given
from workflows.engine.extensions import RESERVED
from workflows.engine.journey import Journey, age, values
from workflows.engine.machine import Instance
from workflows.engine.model import Diagram, Step
from workflows.engine.moments import Due, after_duration, due_moment
from workflows.engine.progress import House, OpenedTask, OpenedTimer, Progress
from workflows.engine.specs import INPUTS, TimerCatch, UserTask
from workflows.errors import TaskNotOpen


def start(diagram: Diagram, variables: Mapping[str, Any], house: House) -> Progress:
    """Start an instance with ``variables`` (plain, each stored whole) and run it to its first waits.

    Raises ReservedName for `instance`, `task` or `policy`, ValueNotPlain, and the incidents of workflows.engine.errors.
    """
    instance = Instance(diagram.machine, Journey(house))
    root = instance.task_tree
    for name, value in _allowed(variables).items():
        instance.journey.write(root.data, name, value)
    root._ready()
    return _run(diagram, instance, ({}, {}), None)


def complete(diagram: Diagram, state: bytes, token: str, variables: Mapping[str, Any], house: House) -> Progress:
    """Complete the open user task ``token`` with what was submitted, and run on to the next waits.

    ``variables`` (plain) become instance variables, each replaced whole, never merged. Where the step has an output mapping
    they are local to it: each source is evaluated over them, the step's inputs, the house and the variables, and only the
    targets become instance variables. `task` in ``house.context`` is laid over the engine's own (id, step, form).
    Raises TaskNotOpen unless ``token`` is an open user task of this state; ReservedName, ValueNotPlain, StateUnreadable and
    incidents as start() does. The given state stays as it was, whatever happens.
    """
    instance = codec.load(diagram, state, house)
    task = instance.find(token)
    if task is None or not isinstance(task.task_spec, UserTask) or task._state != TaskState.READY:
        raise TaskNotOpen()
    before = _open(instance)
    spec = task.task_spec
    seen = {**spec.task_value(task), **house.context.get("task", {})}
    spec.store_outputs(task, _allowed(variables), seen)
    instance.journey.queue.append(task)
    return _run(diagram, instance, before, token)


def fire(diagram: Diagram, state: bytes, token: str, house: House) -> Progress:
    """Fire the waiting timer ``token``, and run on to the next waits.

    Whether its moment has come is the caller's knowledge: moments live in the caller's rows and may be moved there.
    Raises TimerNotOpen (a TaskNotOpen) unless ``token`` is a waiting timer of this state; else as complete().
    """
    instance = codec.load(diagram, state, house)
    task = instance.find(token)
    if task is None or not isinstance(task.task_spec, TimerCatch) or task._state != TaskState.WAITING:
        raise TimerNotOpen()
    before = _open(instance)
    task._ready()
    return _run(diagram, instance, before, token)


def _allowed(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in variables:
        if name in RESERVED:
            raise ReservedName(name=name)
    return variables


#: Waiting tasks by token.
Open = dict[str, Task]


def _open(instance: Instance) -> tuple[Open, Open]:
    """The user tasks and the timers that wait now, by token."""
    tasks, timers = {}, {}
    for scope in instance.scopes():
        for token, task in scope.tasks.items():
            if isinstance(task.task_spec, UserTask) and task._state == TaskState.READY:
                tasks[token] = task
            elif isinstance(task.task_spec, TimerCatch) and task._state == TaskState.WAITING:
                timers[token] = task
    return tasks, timers


def _run(diagram: Diagram, instance: Instance, before: tuple[Open, Open], done: str | None) -> Progress:
    instance.run()
    run = instance.journey
    if instance.completed:
        instance.task_tree.data = dict(instance.last_task.data)
    tasks, timers = _open(instance)
    opened = tuple(_opened_task(run, tasks[token]) for token in _only(tasks, before[0]))
    opened_timers = tuple(_opened_timer(run, timers[token]) for token in _only(timers, before[1]))
    return Progress(
        state=codec.dump(diagram, instance),
        variables=values(instance.known()),
        passed=tuple(run.passed),
        opened=opened,
        closed=_only(before[0], {*tasks, done}),
        timers=opened_timers,
        timers_closed=_only(before[1], {*timers, done}),
        orders=tuple(run.orders),
        rulings=tuple(run.rulings),
        ended=tuple(run.ended),
        completed=instance.completed,
        problems=tuple(run.problems),
    )


def _only(tokens: Open, others: Collection[str | None]) -> tuple[str, ...]:
    """Tokens not among the others, oldest first."""
    return tuple(sorted((token for token in tokens if token not in others), key=age))


def _opened_task(run: Journey, task: Task) -> OpenedTask:
    """Evaluate what the diagram says about an open task: who, by when, how urgent."""
    step = task.task_spec.step
    inputs = task.internal_data.get(INPUTS, {})
    scope = run.scope(task.data, inputs, task.task_spec.task_value(task))

    def value(place: str, given: Given | None) -> Any:
        return None if given is None else run.evaluate(step.id, place, given, scope)

    due = _due(run, step, "dueDate", step.due, value("dueDate", step.due))
    follow_up = _due(run, step, "followUpDate", step.follow_up, value("followUpDate", step.follow_up))
    groups = _rules(
        run, step, "candidateGroups", step.candidate_groups, value("candidateGroups", step.candidate_groups)
    )
    users = _rules(run, step, "candidateUsers", step.candidate_users, value("candidateUsers", step.candidate_users))
    return OpenedTask(
        token=task.id,
        step_id=step.id,
        form_id=step.form_id,
        candidates=(*groups, *users),
        assignee=_assignee(run, step, step.assignee, value("assignee", step.assignee)),
        due_at=due.at if due else None,
        due_days=due.days if due else (),
        provisional=due.provisional if due else False,
        follow_up_at=follow_up.at if follow_up else None,
        priority=_priority(run, step, step.priority, value("priority", step.priority)),
        inputs=inputs,
    )


def _rules(run: Journey, step: Step, place: str, given: Given | None, value: Any) -> list[Any]:
    """Candidate rules: a context stands as it is; a text is a role (groups) or a person number (users)."""
    if given is None or value is None:
        return []
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    rules = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            rules.append({"role": one, "at": None} if place == "candidateGroups" else {"person": one})
        elif isinstance(one, Mapping):
            rules.append(dict(one))
        else:
            raise run.unusable(step, place, given, "须为文字、规则或它们的列表")
    return rules


def _assignee(run: Journey, step: Step, given: Given | None, value: Any) -> Any:
    if given is None or value is None or isinstance(value, str):
        return value or None
    if isinstance(value, Mapping):
        return dict(value)
    raise run.unusable(step, "assignee", given, "须为人员编号或规则")


def _due(run: Journey, step: Step, place: str, given: Given | None, value: Any) -> Due | None:
    """When a task is due; null without a reason means that the diagram asks for no date here."""
    if given is None or (value is None and not run.reasons(step.id, place)):
        return None
    try:
        return due_moment(value)
    except ValueError as error:
        raise run.unusable(step, place, given, str(error)) from None


def _priority(run: Journey, step: Step, given: Given | None, value: Any) -> int:
    if given is None:
        return 50
    try:
        number = int(value)
    except (TypeError, ValueError, ArithmeticError):
        number = -1
    if not 0 <= number <= 100:
        raise run.unusable(step, "priority", given, "须为 0–100 的整数")
    return number


def _opened_timer(run: Journey, task: Task) -> OpenedTimer:
    step: Step = task.task_spec.step
    timer = step.event.timer if step.event else None
    if timer is None:
        raise StateUnreadable(reason=f"“{step.id}”不是时限")
    value = run.evaluate(step.id, "timer", timer.value, run.scope(task.data, {}))
    try:
        due = after_duration(value, run.house.now) if timer.kind == "duration" else due_moment(value)
    except ValueError as error:
        raise run.unusable(step, "timer", timer.value, str(error)) from None
    return OpenedTimer(task.id, step.id, due.at, due.days, due.provisional)


def open_tokens(diagram: Diagram, state: bytes, house: House) -> tuple[tuple[str, str], ...]:
    """(token, step id) of every task and timer that waits in ``state``, oldest first; for checks of stored rows."""
    tasks, timers = _open(codec.load(diagram, state, house))
    waiting = tasks | timers
    return tuple((token, waiting[token].task_spec.step.id) for token in _only(waiting, ()))
