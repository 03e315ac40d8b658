"""A case that goes back by the hand of those who work on it: ``send_back`` (退回), and ``take_back`` (取回).

Whoever has a task sends the case back to an earlier step, where the diagram allows it (``jiaoyan:send-back``): whoever did that
step gets it again with what they had written, and the reason on top. Whoever has just done a task takes it back themselves, as
long as nobody acted on it and nothing has left the case. Both are the engine's rewind; what was done stays on record.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from workflows import access, assignments, engine, people
from workflows.access import Viewer
from workflows.audit import Kind, instance_stream
from workflows.case import Case, house, load
from workflows.db import Database
from workflows.deliveries import carry_out
from workflows.drafts import PERSONAL
from workflows.engine.errors import RewindAmbiguous
from workflows.errors import (
    N_,
    HeldByAnother,
    InstanceEnded,
    InstanceMoved,
    InstanceSuspended,
    NotFound,
    NotReturnable,
    NotTakenBack,
    TaskNotOpen,
)
from workflows.incidents import reason_of
from workflows.manners import ANYWHERE, SEND_BACK
from workflows.models import Draft, Event, EventPayload, Instance, Person, Stream, Submission, Task
from workflows.notices import Message
from workflows.people import Somebody
from workflows.transitions import Moved, Opening, Transition, due_shown

#: Characters of the reason for sending somebody's work back: they must be able to do something about it.
SHORTEST_REASON = 10
#: The choice that stands with a task from which the case was sent back, in lists.
SENT_BACK = N_("退回")
#: Why a case is not sent back.
NOT_ALLOWED = N_("流程图没有允许")
NOT_DONE = N_("该环节在本轮办理中没有办过")
#: Why something is not taken back.
NOT_THE_LATEST = N_("提交之后办件又有了新的办理")
CLAIMED = N_("下一环节已有人认领")
ASKED = N_("下一环节已经委派或加签")
BEGUN = N_("下一环节已有人开始填写")
WENT_OUT = N_("提交后已登记台账、发出消息或调用其他流程")
ENDED = N_("办件已经办结")
NOTHING_NEXT = N_("提交后没有打开新的环节")


@dataclass(frozen=True)
class Back:
    """A step to which a case can be sent back now."""

    #: The task that was done there last.
    task: str
    step_id: str
    name: str
    done_at: datetime
    by_name: str


# --- 退回 -----------------------------------------------------------------------------------------------------------


def allowed_from(step: engine.Step) -> bool:
    """Whether the diagram lets whoever has the task send the case back from a step."""
    return bool(step.properties.get(SEND_BACK))


def ways_back(session: Session, viewer: Viewer, task_number: str, at: datetime) -> list[Back]:
    """The steps to which the viewer can send the case back from a task that they have, the latest first.

    Those that the diagram allows, that were done on the way here, and of which the engine knows what going back undoes.
    Raises what ``send_back`` raises before it looks at the step.
    """
    case, task = _mine(session, viewer, task_number, at)
    found = []
    for done, name in _on_the_way(session, case, task):
        if not is_allowed(case.loaded.diagram.steps[task.step_id], done.step_id):
            continue
        try:
            _rewound(session, case, done, at)
        except RewindAmbiguous:
            continue
        found.append(Back(done.number, done.step_id, done.name, done.done_at or at, name))
    return found


def send_back(db: Database, viewer: Viewer, task_number: str, to: str, reason: str, *, at: datetime) -> Moved:
    """Return the case from a task to an earlier step (退回), whose doer gets it again with what they had written.

    ``to`` is the number of a task that was done on the way here. Deadlines count from now; the step that it was sent back
    from comes again in the normal flow. One transaction, one event ``task:sent_back``. Raises ``ReasonNeeded`` (at least ten
    characters), ``NotReturnable`` (the diagram does not allow it, the step was not done), the engine's ``RewindAmbiguous``
    refusals where going back would undo more than the way from there to here (parallel branches, repetitions, calls) –
    nothing has changed then –, and as for ``assignments.transfer`` what keeps somebody from the task.
    """
    words = reason_of(reason, least=SHORTEST_REASON)
    with db.read() as session:
        case, task = _mine(session, viewer, task_number, at)
        done = _target(session, case, task, to)
        progress = _rewound(session, case, done, at)
        doer = people.somebody(session, done.done_by_id or 0)
        by = {"number": viewer.number, "name": viewer.name}
        back = {"by": by, "from": task.name, "reason": words, "at": at.isoformat(), "task": done.number}
        transition = Transition(
            case, progress, Kind.TASK_SENT_BACK, viewer.actor(), at, case.loaded.diagram.steps[task.step_id], task=task,
            outcome=SENT_BACK, back_to=done,
            extra={"words": words, "to": {"task": done.number, "step": done.step_id, "name": done.name, "by": doer.named()}},
            claim=lambda session: _let_go(session, viewer, task, at),
        )
        transition.prepare(session)
        told = {"by": viewer.name, "from": task.name, "reason": words}
        transition.openings = tuple(
            _handed_to(one, doer, {"sent_back": back}, "task_sent_back", told) if one.step.id == done.step_id else one
            for one in transition.openings
        )
    return carry_out(db, transition)


def _mine(session: Session, viewer: Viewer, task_number: str, at: datetime) -> tuple[Case, Task]:
    """The open task of somebody who has it or may take it, and its case; refuses by name whoever may not."""
    task = access.task_for(session, viewer, task_number, at)
    require_mine(session, viewer, task)
    case, _ = load(session, instance_id=task.instance_id)
    if not allowed_from(case.loaded.diagram.steps[task.step_id]):
        raise NotReturnable(step=task.name, to="-", why=NOT_ALLOWED)
    return case, task


def require_mine(session: Session, viewer: Viewer, task: Task) -> None:
    """Refuse by name whoever may not send a task back: it is over, with somebody else, or held by another."""
    if task.status == "suspended":
        raise InstanceSuspended()
    if task.status != "open":
        raise TaskNotOpen()
    if task.delegate_id is not None:
        raise assignments.delegated(task)
    if task.holder_id not in (None, viewer.person_id):
        raise HeldByAnother(name=session.get_one(Person, task.holder_id).name)


def is_allowed(step: engine.Step, to: str) -> bool:
    """Whether the diagram lets a case go back from a step to another."""
    allowed = step.properties.get(SEND_BACK, "")
    return allowed == ANYWHERE or to in allowed.split()


def _on_the_way(session: Session, case: Case, task: Task) -> list[tuple[Task, str]]:
    """What was done on the way to a task, each step as it was done last, with the doer's name; the latest first.

    Where the case has gone back since, what lay beyond is not on the way any more.
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
            found = [kept for kept in found if kept[0].id < again]
        if one.status == "done" and one.before is not None and one.step_id != task.step_id:
            found = [kept for kept in found if kept[0].step_id != one.step_id]
            found.append((one, name))
    return [kept for kept in reversed(found) if kept[0].step_id in case.loaded.diagram.steps]


def _target(session: Session, case: Case, task: Task, to: str) -> Task:
    """The done task to which the case is to go back; ``NotReturnable`` with why it may not."""
    steps = case.loaded.diagram.steps
    asked = session.execute(
        select(Task).where(Task.number == to, Task.instance_id == task.instance_id)
    ).scalar_one_or_none()
    if asked is None or asked.step_id not in steps:
        raise NotFound()
    if not is_allowed(steps[task.step_id], asked.step_id):
        raise NotReturnable(step=task.name, to=asked.name, why=NOT_ALLOWED)
    for one, _ in _on_the_way(session, case, task):
        if one.number == to:
            return one
    raise NotReturnable(step=task.name, to=asked.name, why=NOT_DONE)


def _rewound(session: Session, case: Case, done: Task, at: datetime) -> engine.Progress:
    if case.row is None or case.row.status != "running":
        raise InstanceSuspended() if case.row is not None and case.row.ended_at is None else InstanceEnded()
    return engine.rewind(case.loaded.diagram, done.before or b"", case.row.state, done.token, house(session, case, at))


def _handed_to(
    opening: Opening, doer: Somebody, more: Mapping[str, Any], notice: str = "", told: Mapping[str, str] | None = None
) -> Opening:
    """A task that is opened again for whoever did it, if they may still have it; else for everybody who may."""
    found = opening.candidates
    may = any(one.id == doer.id for one in found.people)
    claimed = {"claimed": True} if may and found.assigned is None else {}
    candidates = replace(
        found, assigned=doer if may else found.assigned, people=(doer,) if may else found.people,
        explanation={**found.explanation, **claimed, **more},
    )  # fmt: skip
    return replace(opening, candidates=candidates, notice=notice, told=told or {})


def _let_go(session: Session, viewer: Viewer, task: Task, at: datetime) -> None:
    """Close the task in the write transaction, if it is still the viewer's to send back; its signers' go with it."""
    found = session.execute(
        select(Task).where(Task.id == task.id).with_for_update().execution_options(populate_existing=True)
    ).scalar_one()
    require_mine(session, viewer, found)
    session.execute(
        update(Task).where(Task.id == task.id)
        .values(status="cancelled", done_at=at, done_by_id=viewer.person_id, outcome=SENT_BACK)
        .execution_options(synchronize_session=False)
    )  # fmt: skip


# --- 取回 -----------------------------------------------------------------------------------------------------------


def may_take_back(session: Session, viewer: Viewer, numbers: Collection[str]) -> frozenset[str]:
    """Of some tasks that the viewer has done those of which the case knows nothing later; the verb looks further.

    One statement, however many they are: the completion stands at the head of the case's stream.
    """
    if not numbers:
        return frozenset()
    rows = session.execute(
        select(Task.number, EventPayload.payload)
        .join(Instance, Instance.id == Task.instance_id)
        .join(Stream, Stream.name == "instance:" + Instance.number)
        .join(Event, (Event.stream == Stream.name) & (Event.seq == Stream.seq))
        .join(EventPayload, EventPayload.event_id == Event.event_id)
        .where(
            Task.number.in_(numbers), Task.done_by_id == viewer.person_id, Task.status == "done", Task.before.is_not(None),
            Instance.status == "running", Event.task == Task.number, Event.kind == Kind.TASK_COMPLETED,
        )
    )
    return frozenset(number for number, raw in rows if not _kept_in(orjson.loads(raw)))


def take_back(db: Database, viewer: Viewer, task_number: str, *, at: datetime) -> str:
    """Take a task back that one has just completed (取回); returns the number under which it waits again.

    What was sent is filled in again. Only while nobody acted after: the next tasks are all open, unclaimed, without anybody's
    draft, delegation or signer; no timer has fired; nothing was written to a register, sent or published. One transaction, one
    event ``task:taken_back``. Raises ``NotFound`` (not done by the viewer), ``NotTakenBack`` with why, ``InstanceSuspended``,
    the engine's ``RewindAmbiguous``, and ``InstanceMoved`` (somebody was quicker; nothing was written).
    """
    with db.read() as session:
        done = session.execute(
            select(Task).where(Task.number == task_number, Task.done_by_id == viewer.person_id, Task.status == "done")
        ).scalar_one_or_none()
        if done is None or done.before is None:
            raise NotFound()
        case, _ = load(session, instance_id=done.instance_id)
        following = _nobody_acted_after(session, case, done)
        require_untouched(session, viewer, done, following)
        progress = _rewound(session, case, done, at)
        doer = people.somebody(session, viewer.person_id)
        step = case.loaded.diagram.steps[done.step_id]
        transition = Transition(
            case, progress, Kind.TASK_TAKEN_BACK, viewer.actor(), at, step, back_to=done, extra={"to": done.number},
            claim=lambda session: require_untouched(session, viewer, done, following, lock=True),
        )
        transition.prepare(session)
        back = {"task": done.number, "at": at.isoformat()}
        transition.openings = tuple(
            _silent(_handed_to(one, doer, {"taken_back": back})) if one.step.id == done.step_id else one
            for one in transition.openings
        )
        transition.also = _gone(session, viewer, case, done, following)
    carry_out(db, transition)
    return next(one.number for one in transition.openings if one.step.id == done.step_id)


def _silent(opening: Opening) -> Opening:
    """Nobody need be told that they have back what they took."""
    return replace(opening, candidates=replace(opening.candidates, people=()))


def _nobody_acted_after(session: Session, case: Case, done: Task) -> list[Task]:
    """The tasks that the completion has opened, if it is the last thing that the record knows of the case."""
    if case.row is None or case.row.status == "suspended":
        raise InstanceSuspended()
    if case.row.status != "running":
        raise NotTakenBack(step=done.name, why=ENDED)
    latest = session.execute(
        select(Event, EventPayload.payload)
        .outerjoin(EventPayload, EventPayload.event_id == Event.event_id)
        .where(Event.stream == instance_stream(case.number))
        .order_by(Event.seq.desc())
        .limit(1)
    ).one()
    event, raw = latest
    if event.kind != Kind.TASK_COMPLETED or event.task != done.number or raw is None:
        raise NotTakenBack(step=done.name, why=NOT_THE_LATEST)
    payload = orjson.loads(raw)
    if why := _kept_in(payload):
        raise NotTakenBack(step=done.name, why=why)
    opened = [one["task"] for one in payload.get("opened", ())]
    return list(session.execute(select(Task).where(Task.number.in_(opened)).order_by(Task.id)).scalars())


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
            raise InstanceMoved()
        if one.delegate_id is not None:
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
