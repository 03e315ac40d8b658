"""取回: whoever has just done a task takes it back, as long as nobody acted on it and nothing has left the case."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from workflows import actions, people
from workflows.access import Viewer
from workflows.audit import Kind, instance_stream
from workflows.case import Case, load
from workflows.db import Database
from workflows.deliveries import carry_out
from workflows.errors import N_, InstanceSuspended, NotFound, NotTakenBack
from workflows.models import Draft, Event, EventPayload, Instance, Person, Stream, Task
from workflows.notices import Message
from workflows.returning.way import handed_to, rewound
from workflows.transitions import Opening, Transition, due_shown

#: Why something is not taken back.
NOT_THE_LATEST = N_("提交之后办件又有了新的办理")
DONE_SINCE = N_("下一环节已经办结")
CLAIMED = N_("下一环节已有人认领")
ASKED = N_("下一环节已经委派或加签")
BEGUN = N_("下一环节已有人开始填写")
WENT_OUT = N_("提交后已登记台账、发出消息或调用其他流程")
ENDED = N_("办件已经办结")
NOTHING_NEXT = N_("提交后没有打开新的环节")


def may_take_back(session: Session, viewer: Viewer, numbers: Collection[str]) -> frozenset[str]:
    """Of some tasks that the viewer has done those of which the case knows nothing later; the verb looks further.

    One statement, however many they are: the completion stands at the head of the case's stream.
    """
    if not numbers:
        return frozenset()
    rows = session.execute(
        select(Task, EventPayload.payload, Instance.definition)
        .join(Instance, Instance.id == Task.instance_id)
        .join(Stream, Stream.name == "instance:" + Instance.number)
        .join(Event, (Event.stream == Stream.name) & (Event.seq == Stream.seq))
        .join(EventPayload, EventPayload.event_id == Event.event_id)
        .where(
            Task.number.in_(numbers), Task.done_by_id == viewer.person_id, Task.status == "done", Task.before.is_not(None),
            Instance.status == "running", Event.task == Task.number, Event.kind == Kind.TASK_COMPLETED,
        )
    )
    return frozenset(
        task.number for task, raw, definition in rows
        if not _kept_in(orjson.loads(raw)) and actions.drawn(session, definition, task.step_id, "take-back")
    )


def take_back(db: Database, viewer: Viewer, task_number: str, *, at: datetime) -> str:
    """Take a task back that one has just completed (取回); returns the number under which it waits again.

    What was sent is filled in again. Only while nobody acted after: the next tasks are all open, unclaimed, without anybody's
    draft, delegation or signer; no timer has fired; nothing was written to a register, sent or published. One transaction, one
    event ``task:taken_back``. Raises ``NotFound`` (not done by the viewer), ``ActionNotAllowed``, ``NotTakenBack`` with why,
    ``InstanceSuspended``, the engine's ``RewindAmbiguous``, and ``InstanceMoved`` (somebody was quicker; nothing was written).
    """
    with db.read() as session:
        done = session.execute(
            select(Task).where(Task.number == task_number, Task.done_by_id == viewer.person_id, Task.status == "done")
        ).scalar_one_or_none()
        if done is None or done.before is None:
            raise NotFound()
        actions.require(session, done, "take-back")
        case, _ = load(session, instance_id=done.instance_id)
        following = _following(session, viewer, case, done)
        progress = rewound(session, case, done, at)
        doer = people.somebody(session, viewer.person_id)
        step = case.loaded.diagram.steps[done.step_id]
        transition = Transition(
            case, progress, Kind.TASK_TAKEN_BACK, viewer.actor(), at, step, back_to=done, extra={"to": done.number},
            claim=lambda session: require_untouched(session, viewer, done, following, lock=True),
        )
        transition.prepare(session)
        back = {"task": done.number, "at": at.isoformat()}
        transition.openings = tuple(
            _silent(handed_to(one, doer, {"taken_back": back})) if one.step.id == done.step_id else one
            for one in transition.openings
        )
        transition.also = _gone(session, viewer, case, done, following)
    carry_out(db, transition)
    return next(one.number for one in transition.openings if one.step.id == done.step_id)


def _silent(opening: Opening) -> Opening:
    """Nobody need be told that they have back what they took."""
    return replace(opening, candidates=replace(opening.candidates, people=()))


def _following(session: Session, viewer: Viewer, case: Case, done: Task) -> list[Task]:
    """The tasks that the completion has opened, if nobody has them in hand and it is the last that the record knows of the case.

    Who holds what comes first among the reasons: it says more than that something happened.
    """
    if case.row is None or case.row.status == "suspended":
        raise InstanceSuspended()
    if case.row.status != "running":
        raise NotTakenBack(step=done.name, why=ENDED)
    of_case = Event.stream == instance_stream(case.number)
    completed = session.execute(
        select(Event.seq, EventPayload.payload)
        .join(EventPayload, EventPayload.event_id == Event.event_id)
        .where(of_case, Event.kind == Kind.TASK_COMPLETED, Event.task == done.number)
    ).one_or_none()
    if completed is None:
        raise NotTakenBack(step=done.name, why=NOT_THE_LATEST)
    seq, payload = completed.seq, orjson.loads(completed.payload)
    moved_on = session.execute(select(Event.seq).where(of_case, Event.seq > seq).limit(1)).first() is not None
    if (why := _kept_in(payload)) and not moved_on:
        raise NotTakenBack(step=done.name, why=why)
    opened = [one["task"] for one in payload.get("opened", ())]
    following = list(session.execute(select(Task).where(Task.number.in_(opened)).order_by(Task.id)).scalars())
    require_untouched(session, viewer, done, following)
    if moved_on:
        raise NotTakenBack(step=done.name, why=NOT_THE_LATEST)
    return following


def _kept_in(payload: Mapping[str, Any]) -> str:
    """Why what an event did is not undone, or nothing: it went out of the case, or nobody waits for it."""
    if any(payload.get(what) for what in ("orders", "sent", "published", "calls", "reported", "calls_closed")):
        return WENT_OUT
    return "" if payload.get("opened") else NOTHING_NEXT


def require_untouched(
    session: Session, viewer: Viewer, done: Task, following: Sequence[Task], *, lock: bool = False
) -> None:
    """Refuse by name once somebody has the next tasks in hand; with ``lock`` as they are now, until the transaction ends."""
    query = select(Task).where(Task.id.in_([one.id for one in following])).order_by(Task.id)
    query = query.execution_options(populate_existing=True)
    for one in session.execute(query.with_for_update() if lock else query).scalars():
        if one.status != "open":
            raise NotTakenBack(step=done.name, why=DONE_SINCE if one.status == "done" else NOT_THE_LATEST)
        if one.delegate_id is not None or one.signers_open:
            raise NotTakenBack(step=done.name, why=ASKED)
        if one.explanation.get("claimed") and one.holder_id is not None:
            raise NotTakenBack(step=done.name, why=CLAIMED)
    begun = session.execute(
        select(Draft.id)
        .where(Draft.subject.in_([f"task:{one.number}" for one in following]), Draft.person_id != viewer.person_id)
        .limit(1)
    ).first()
    if begun is not None:
        raise NotTakenBack(step=done.name, why=BEGUN)


def _gone(session: Session, viewer: Viewer, case: Case, done: Task, following: Sequence[Task]) -> list[Message]:
    """Whoever was told of the next tasks is told that they are gone."""
    found = []
    for one in following:
        numbers = [who["number"] for who in one.explanation.get("result", ()) if who["number"] != viewer.number]
        recipients = people.mailable(session, Person.number.in_(numbers)) if numbers else {}
        params = {"title": case.title, "number": case.number, "step": one.name, "from": done.name, "by": viewer.name,
                  "due": due_shown(one.due_at)}  # fmt: skip
        found.append(Message(recipients, "task_taken_back", params))
    return found
