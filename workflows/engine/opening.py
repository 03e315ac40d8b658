"""What opens for the outside when a run has come to rest: tasks, timers, subscriptions and calls, with what the diagram says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from SpiffWorkflow.task import Task

from workflows.engine.errors import StateUnreadable
from workflows.engine.expressions import Given
from workflows.engine.journey import Journey, values
from workflows.engine.model import Step, Timer
from workflows.engine.moments import Due, after_duration, cycle, due_moment, moment, span
from workflows.engine.occurrences import CYCLE, event_of, key_of
from workflows.engine.progress import OpenedCall, OpenedSubscription, OpenedTask, OpenedTimer
from workflows.engine.specs import INPUTS


def opened_task(run: Journey, task: Task) -> OpenedTask:
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


def opened_timer(run: Journey, task: Task) -> OpenedTimer:
    """Evaluate when a timer is due; a later round of a cycle knows it already."""
    step: Step = task.task_spec.step
    timer = event_of(step).timer
    if timer is None:
        raise StateUnreadable(reason=f"“{step.id}”不是时限")
    if CYCLE in task.internal_data:
        return OpenedTimer(task.id, step.id, moment(task.internal_data[CYCLE]["due"]), (), False)
    value = run.evaluate(step.id, "timer", timer.value, run.scope(task.data, {}))
    try:
        due = _timer_due(run, task, timer, value)
    except ValueError as error:
        raise run.unusable(step, "timer", timer.value, str(error)) from None
    return OpenedTimer(task.id, step.id, due.at, due.days, due.provisional)


def _timer_due(run: Journey, task: Task, timer: Timer, value: Any) -> Due:
    if timer.kind == "date":
        return due_moment(value)
    if timer.kind == "duration":
        return after_duration(value, run.house.now)
    left, every = cycle(value)
    due = span(every).after(run.house.now)
    task.internal_data[CYCLE] = {"left": left, "every": every, "due": due.isoformat()}
    return Due(due)


def opened_subscription(run: Journey, task: Task) -> OpenedSubscription:
    """Evaluate what a message must carry to be caught."""
    spec = task.task_spec
    key = key_of(run, spec.step, task.data, task.internal_data.get(INPUTS, {}))
    return OpenedSubscription(task.id, spec.step.id, spec.event.kind, spec.named(task), key, spec.stays)


def opened_call(run: Journey, task: Task) -> OpenedCall:
    """Evaluate which process is called, and with what."""
    step: Step = task.task_spec.step
    if step.called is None:
        raise StateUnreadable(reason=f"“{step.id}”不是调用")
    inputs = task.internal_data.get(INPUTS, {})
    process = run.evaluate(step.id, "calledElement", step.called, run.scope(task.data, inputs))
    if not isinstance(process, str) or not process:
        raise run.unusable(step, "calledElement", step.called, "须为流程 id")
    known = values(task.data) if step.hands_over_all else {}
    return OpenedCall(task.id, step.id, process, {**known, **inputs})
