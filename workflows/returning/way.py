"""The way back: the state in which a step was done, what lies between, whom it concerns, and what was written there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workflows import engine
from workflows.access import Viewer
from workflows.audit import Kind, instance_stream
from workflows.case import Case, house
from workflows.drafts import PERSONAL
from workflows.errors import InstanceEnded, InstanceSuspended
from workflows.models import Event, EventPayload, Person, Submission, Task
from workflows.people import Somebody
from workflows.transitions import Opening


def rewound(session: Session, case: Case, done: Task, at: datetime) -> engine.Progress:
    """What the engine makes of going back to a task that was done; the refusals of ``engine.rewind``, and where it is over."""
    if case.row is None or case.row.status != "running":
        raise InstanceSuspended() if case.row is not None and case.row.ended_at is None else InstanceEnded()
    return engine.rewind(
        case.loaded.diagram, state_then(session, done), case.row.state, done.token, house(session, case, at),
        lambda: passed_since(session, case, done),
    )  # fmt: skip


def passed_since(session: Session, case: Case, done: Task) -> set[str]:
    """The steps that the case has passed since a task was done, as its record says."""
    of_case = Event.stream == instance_stream(case.number)
    completed = select(Event.seq).where(of_case, Event.kind == Kind.TASK_COMPLETED, Event.task == done.number).scalar_subquery()
    rows = session.execute(
        select(EventPayload.payload)
        .join(Event, Event.event_id == EventPayload.event_id)
        .where(of_case, Event.seq >= func.coalesce(completed, 0))
    ).scalars()
    return {one["step"] for raw in rows for one in orjson.loads(raw).get("passed", ())}


def state_then(session: Session, done: Task) -> bytes:
    """The case's state in which a task was done; of one of many, that in which the first of them was."""
    return many_with(session, done)[0].before or b""


def many_with(session: Session, done: Task) -> Sequence[Task]:
    """Of one of many at a step, all those of its round that were done, the oldest first; else it alone."""
    host = _repetition(done.token)
    if not host:
        return [done]
    rows = session.execute(
        select(Task)
        .where(Task.instance_id == done.instance_id, Task.token.startswith(f"{host}.", autoescape=True),
               Task.status == "done", Task.before.is_not(None))
        .order_by(Task.id)
    ).scalars()
    return [one for one in rows if _repetition(one.token) == host] or [done]


def _repetition(token: str) -> str:
    """Token of the repetition of which a task is a member itself; empty for any other task (see engine/repeating.py)."""
    host, _, place = token.rpartition(".")
    return host if place.isdecimal() else ""


def place_in(token: str) -> str:
    """The place of one of many, the same in every round; empty for any other task."""
    return token.rpartition(".")[2] if _repetition(token) else ""


def around(token: str) -> str:
    """Beginning of the tokens of everything that lies in the same member of a repetition; empty outside of any."""
    own = _repetition(token) or token
    return own[: own.rindex(".") + 1] if "." in own else ""


def on_the_way(session: Session, case: Case, task: Task) -> list[tuple[Task, str]]:
    """What was done on the way to a task, each step as it was done last, with the doer's name; the latest first.

    Where the case has gone back since, what lay beyond is not on the way any more; where one branch has, what lay in it. Of
    steps inside a member of a repetition the task's own member counts before others.
    """
    rows = session.execute(
        select(Task, Person.name)
        .outerjoin(Person, Person.id == Task.done_by_id)
        .where(Task.instance_id == task.instance_id)
        .order_by(Task.id)
    ).all()
    number, found = {one.number: one.id for one, _ in rows}, list[tuple[Task, str]]()
    for one, name in rows:
        again = number.get(one.explanation.get("again", ""))
        if again is not None:
            undone, inside = one.explanation.get("undone"), around(one.token)
            found = [
                kept for kept in found
                if kept[0].id < again or not (undone is None or (kept[0].step_id in undone and kept[0].token.startswith(inside)))
            ]  # fmt: skip
        if one.status != "done" or one.before is None or one.step_id == task.step_id:
            continue
        earlier = next((kept for kept in found if kept[0].step_id == one.step_id), None)
        if earlier is None or _is_own(one, task) or not _is_own(earlier[0], task):
            found = [kept for kept in found if kept is not earlier]
            found.append((one, name))
    return [kept for kept in reversed(found) if kept[0].step_id in case.loaded.diagram.steps]


def _is_own(done: Task, task: Task) -> bool:
    return task.token.startswith(around(done.token))


def called_off(session: Session, progress: engine.Progress, instance_id: int, but: Task | None = None) -> list[Task]:
    """The waiting tasks that an act ends beside the one it is about, and those of their signers."""
    waiting = session.execute(
        select(Task).where(Task.instance_id == instance_id, Task.status.in_(("open", "suspended"))).order_by(Task.id)
    ).scalars()
    # A signer's token is that of the task that they sign, and more (see signers.py).
    return [
        one for one in waiting
        if one.token.partition("/")[0] in progress.closed and (but is None or but.id not in (one.id, one.main_id))
    ]  # fmt: skip


def as_recorded(tasks: Sequence[Task], named: Mapping[int, Somebody]) -> list[dict[str, Any]]:
    """Tasks that were ended, for an event's payload: each with who held it."""
    return [
        {"task": one.number, "step": one.step_id, "name": one.name,
         "holder": named[one.holder_id].named() if one.holder_id is not None else None}
        for one in tasks
    ]  # fmt: skip


def handed_to(
    opening: Opening, doer: Somebody | None, more: Mapping[str, Any], notice: str = "", told: Mapping[str, str] | None = None
) -> Opening:
    """A task that is opened again for whoever did it, if they may still have it; else for everybody who may."""
    found = opening.candidates
    may = doer is not None and any(one.id == doer.id for one in found.people)
    claimed = {"claimed": True} if may and found.assigned is None else {}
    candidates = replace(
        found, assigned=doer if may else found.assigned, people=(doer,) if may and doer is not None else found.people,
        explanation={**found.explanation, **claimed, **more},
    )  # fmt: skip
    return replace(opening, candidates=candidates, notice=notice, told=told or {})


# --- what was written before ----------------------------------------------------------------------------------------


def came_back(task: Task) -> Mapping[str, Any] | None:
    """How a task has come back to whoever did it: ``sent_back``'s by, from, reason and at; nothing of one that has not."""
    found: Mapping[str, Any] | None = task.explanation.get("sent_back")
    return found


def written_before(session: Session, viewer: Viewer, task: Task) -> dict[str, Any]:
    """What the viewer had sent when they did a task that has come back to them, by field; nothing for anybody else."""
    back = task.explanation.get("sent_back") or task.explanation.get("taken_back")
    if back is None:
        return {}
    data = session.execute(
        select(Submission.data)
        .join(Task, Task.id == Submission.task_id)
        .where(Task.number == back["task"], Submission.by_id == viewer.person_id)
        .order_by(Submission.id.desc())
        .limit(1)
    ).scalar()
    return {key: value for key, value in (data or {}).items() if key not in PERSONAL}
