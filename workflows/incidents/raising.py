"""Incidents (流程异常): acts that the machine could not carry out, each kept with what has to be done again.

The act itself was rolled back and nothing moved; the incident is written afterwards, in a transaction of its own.
"""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import String, and_, cast, exists, func, literal, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from workflows import access, notices, people
from workflows.access import Viewer, office_day
from workflows.audit import RULE, Act, Actor, Kind, instance_stream, office_stream, record
from workflows.db import PASSING, Database, upsert
from workflows.engine.errors import Incident as EngineIncident
from workflows.engine.rows import pack, unpack
from workflows.errors import (
    N_,
    CalendarUnknown,
    CaseFailed,
    FactsRefused,
    IncidentOver,
    IncidentStands,
    NotFound,
    NumberUnfit,
    OrderFailed,
    ReasonNeeded,
    Refusal,
    StartFailed,
    UnknownTable,
)
from workflows.models import Delivery, Incident, Instance, Task, Timer
from workflows.models import Submission as SubmissionRow
from workflows.notices import Message
from workflows.submission import AttachmentRef, Submission

#: Waits before the tries that the machine makes by itself; after the last of them only a person tries again.
BACK_OFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=12))
#: Refusals that an automatic step raises, never the person who acted.
_OF_AUTOMATIC_STEPS = (EngineIncident, OrderFailed, FactsRefused, UnknownTable, CalendarUnknown, NumberUnfit)
#: Cause -> its words in a list, where no value of the case may stand. Other causes are defects of the program.
CAUSES: Mapping[str, str] = {
    "NoFlowTaken": N_("没有可走的流向"),
    "ExpressionFailed": N_("表达式无法计算"),
    "EndlessLoop": N_("流程无限循环"),
    "NothingWaits": N_("流程停住，无事可等"),
    "ValueNotPlain": N_("变量的值不能保存"),
    "ReservedName": N_("变量名被系统占用"),
    "StateUnreadable": N_("流程状态无法读取"),
    "NumberUnfit": N_("编号规则没有得出编号"),
    "OrderFailed": N_("自动办理没有成功"),
    "FactsRefused": N_("规则判定的依据不完整"),
    "UnknownTable": N_("没有所要的决策表"),
    "CalendarUnknown": N_("工作日安排尚未载入"),
}
DEFECT = N_("程序出错")
#: Subject before the colon -> what failed, in words.
SUBJECTS: Mapping[str, str] = {
    "task": N_("办理环节"), "report": N_("登记事项"), "timer": N_("期限届满"), "delivery": N_("消息或调用"), "start": N_("发起办件"),
}  # fmt: skip
#: Status -> its words.
STATUSES: Mapping[str, str] = {
    "open": N_("待处理"), "resolved": N_("已消除"), "moot": N_("不再需要"), "dismissed": N_("不再重试"),
}  # fmt: skip
#: Characters of a reason: a word says too little, and a reason is no essay.
SHORTEST_REASON, LONGEST_REASON = 5, 500


@dataclass(frozen=True)
class Raised:
    """What became of a failed act."""

    number: str
    #: When the machine tries again; nothing when only a person may.
    next_try_at: datetime | None


@dataclass(frozen=True)
class _Subject:
    """What failed, as its rows say it."""

    instance: Instance | None
    step_id: str | None
    #: Whether it is still asked for.
    stands: bool


@contextmanager
def watching(
    db: Database, subject: str, submission: Submission, *, at: datetime, by_id: int, **more: str
) -> Iterator[None]:
    """An act of a person: what fails in it becomes an incident with their submission, and they read where it is kept.

    Ordinary refusals pass, and so does a database that is away. ``more`` is what else the verb needs to be repeated.
    """
    try:
        yield
    except Exception as error:
        if not is_incident(error):
            raise
        raised = raise_(db, subject=subject, error=error, at=at, by_id=by_id, request=as_request(submission, **more))
        with db.read() as session:
            instance = _subject(session, subject).instance
        if instance is None:
            raise StartFailed(incident=raised.number) from error
        raise CaseFailed(number=instance.number, incident=raised.number) from error


def is_incident(error: Exception) -> bool:
    """Whether an act failed for a reason that no person who acts can mend."""
    return isinstance(error, _OF_AUTOMATIC_STEPS) or not isinstance(error, (Refusal, *PASSING))


def raise_(
    db: Database, *, subject: str, error: Exception, at: datetime, by_id: int | None = None,
    request: Mapping[str, Any] | None = None,
) -> Raised:
    """Record that an act failed: a new incident, or one more try of the open one of this ``subject``.

    ``subject`` is ``task:<number>/<person number>``, ``report:<case number>/<step>/<token>``, ``timer:<id>``,
    ``delivery:<id>`` or ``start:<token>``;
    ``request`` what has to be done again (see ``as_request``). One transaction and one event, ``incident:raised``.
    """
    with db.write() as session:
        found = _subject(session, subject)
        values = _described(error) | {
            "instance_id": found.instance.id if found.instance is not None else None, "step_id": found.step_id,
            "request": dict(request or {}), "by_id": by_id,
        }  # fmt: skip
        row = session.execute(
            upsert(Incident, session.get_bind().dialect.name)
            .values(number=secrets.token_hex(5), subject=subject, at=at, tries=1, status="open", **values)
            .on_conflict_do_update(
                index_elements=["subject"], index_where=text("status = 'open'"),
                set_={**values, "tries": Incident.tries + 1},
            )
            .returning(Incident)
        ).scalar_one()
        return _failed(session, row, found, error, Kind.INCIDENT_RAISED, RULE, at)


def failed_again(db: Database, number: str, error: Exception, *, by: Actor, at: datetime) -> Raised:
    """Record that a try of the incident failed: one event, ``incident:retried``; ``IncidentOver`` if it has ended."""
    with db.write() as session:
        row = _open(session, number)
        for name, value in (_described(error) | {"tries": row.tries + 1}).items():
            setattr(row, name, value)
        session.flush()
        return _failed(session, row, _subject(session, row.subject), error, Kind.INCIDENT_RETRIED, by, at)


def _failed(
    session: Session, row: Incident, found: _Subject, error: Exception, kind: Kind, by: Actor, at: datetime
) -> Raised:
    allowed = int(error.params.get("retries", len(BACK_OFF))) if isinstance(error, Refusal) else len(BACK_OFF)
    by_itself = row.tries <= min(allowed, len(BACK_OFF))
    row.next_try_at = at + BACK_OFF[row.tries - 1] if by_itself else None
    session.flush()
    _hold(session, row)
    if row.tries == 1 or not by_itself:
        params = {
            "incident": row.number, "number": found.instance.number if found.instance is not None else "-",
            "cause": CAUSES.get(row.cause, DEFECT),
        }  # fmt: skip
        worded = "incident_raised" if row.tries == 1 and by_itself else "incident_left"
        notices.queue(session, [Message(administrators(session, at), worded, params)], at=at)
    _record(session, row, found.instance, kind, by, at, {"cause": row.cause, "tries": row.tries,
                                                         "next_try_at": row.next_try_at})
    return Raised(row.number, row.next_try_at)


def administrators(session: Session, at: datetime) -> dict[int, bool]:
    """Everybody who keeps the system today, and whether mail may go to them."""
    return people.mailable(session, people.holding("system_admin", office_day(at)))


def _described(error: Exception) -> dict[str, Any]:
    """The columns that tell a cause. Free text of a program's error may hold what somebody typed: it is kept apart."""
    at_fault = error.__cause__ if isinstance(error, OrderFailed) and error.__cause__ is not None else error
    frames = traceback.extract_tb(at_fault.__traceback__)
    detail: dict[str, Any] = {
        "kind": type(at_fault).__name__,
        "where": [f"{Path(frame.filename).stem}.{frame.name}:{frame.lineno}" for frame in frames[-12:]],
    }
    if isinstance(error, Refusal):
        params = {key: str(value) for key, value in error.params.items()}
        detail["text"] = "" if at_fault is error else str(at_fault)[:2000]
        message = error.message
    else:
        params, message = {}, DEFECT
        detail["text"] = str(error)[:2000]
    return {"cause": type(error).__name__, "message": message, "params": params, "detail": detail}


def _subject(session: Session, subject: str) -> _Subject:
    """The rows behind a subject, and whether what failed is still asked for."""
    kind, _, key = subject.partition(":")
    instance: Instance | None = None
    if kind == "task":
        row = session.execute(
            select(Instance, Task.step_id, Task.status)
            .join(Task, Task.instance_id == Instance.id)
            .where(Task.number == key.partition("/")[0])
        ).one_or_none()
        if row is None:
            return _Subject(None, None, stands=False)
        instance, step_id, status = row
        return _Subject(instance, step_id, stands=status in {"open", "suspended"})
    if kind == "report":
        number, step_id, token = key.split("/", 2)
        instance = session.execute(select(Instance).where(Instance.number == number)).scalar_one_or_none()
        given = session.execute(select(SubmissionRow.id).where(SubmissionRow.token == token)).first()
        return _Subject(instance, step_id, stands=instance is not None and given is None)
    if kind == "timer":
        timer = session.get(Timer, int(key))
        if timer is None:
            return _Subject(None, None, stands=False)
        return _Subject(session.get(Instance, timer.instance_id), timer.step_id, stands=timer.fired_at is None)
    if kind == "delivery":
        delivery = session.get(Delivery, int(key))
        if delivery is None:
            return _Subject(None, None, stands=False)
        where = delivery.instance_id or delivery.from_instance_id
        instance = session.get(Instance, where) if where is not None else None
        return _Subject(instance, delivery.step_id, stands=delivery.ended_at is None)
    sent = session.execute(select(SubmissionRow.id).where(SubmissionRow.token == key)).first()
    return _Subject(None, None, stands=sent is None)


# --- what waits because of it ---------------------------------------------------------------------------------------


def _hold(session: Session, row: Incident) -> None:
    """A timer that failed waits for its next try. What somebody sent in time is not overtaken by a deadline meanwhile."""
    kind, _, key = row.subject.partition(":")
    if kind == "timer":
        session.execute(update(Timer).where(Timer.id == int(key), Timer.fired_at.is_(None)).values(held=True))
    elif kind in {"task", "report"} and row.instance_id is not None:
        session.execute(
            update(Timer)
            .where(Timer.instance_id == row.instance_id, Timer.kind == "engine", Timer.fired_at.is_(None))
            .values(held=True)
        )


def release(session: Session, instance_id: int) -> None:
    """Let the timers of an instance fire again: of a running one, and those that no open incident holds."""
    own, others = aliased(Incident), aliased(Incident)
    running = exists().where(Instance.id == Timer.instance_id, Instance.status == "running")
    failed_itself = exists().where(
        own.status == "open", own.subject == literal("timer:") + cast(Timer.id, String)
    )
    submission_kept = exists().where(
        others.status == "open", others.instance_id == Timer.instance_id,
        or_(others.subject.startswith("task:"), others.subject.startswith("report:")),
    )
    session.execute(
        update(Timer)
        .where(
            Timer.instance_id == instance_id, Timer.held.is_(True), Timer.fired_at.is_(None), running, ~failed_itself,
            or_(Timer.kind != "engine", ~submission_kept),
        )
        .values(held=False)
        .execution_options(synchronize_session=False)
    )  # fmt: skip


# --- how it ends ----------------------------------------------------------------------------------------------------


def end(
    db: Database, number: str, status: str, *, by: Actor, at: datetime, by_id: int | None = None, reason: str = ""
) -> None:
    """Close an incident as ``resolved``, ``moot`` or ``dismissed``: one event; what was kept of the act is dropped.

    ``IncidentOver`` when somebody closed it first.
    """
    with db.write() as session:
        row = _open(session, number)
        row.status, row.ended_at, row.ended_by_id, row.next_try_at = status, at, by_id, None
        # The submission stands in the case now, or nowhere: here it would be a second copy of personal data.
        row.request, row.detail = {}, {key: value for key, value in row.detail.items() if key != "text"}
        session.flush()
        if row.instance_id is not None:
            release(session, row.instance_id)
        instance = session.get(Instance, row.instance_id) if row.instance_id is not None else None
        payload = {"outcome": status, "tries": row.tries} | ({"words": reason} if reason else {})
        _record(session, row, instance, Kind.INCIDENT_RESOLVED, by, at, payload, outcome=status)


def dismiss(db: Database, viewer: Viewer, number: str, reason: str, *, at: datetime) -> None:
    """Give up an act of a person that failed (不再重试): their task stays open and their draft stays theirs.

    ``IncidentStands`` for a timer or a delivery that still has to act.
    """
    access.require(viewer, "system_admin")
    words = reason_of(reason)
    with db.read() as session:
        row = _open(session, number)
        if row.subject.partition(":")[0] in {"timer", "delivery"} and _subject(session, row.subject).stands:
            raise IncidentStands()
    end(db, number, "dismissed", by=people.administrator(viewer), at=at, by_id=viewer.person_id, reason=words)


def reason_of(given: str, *, least: int = SHORTEST_REASON) -> str:
    """The reason in words, trimmed; ``ReasonNeeded`` when it says too little or too much."""
    words = " ".join(given.split())
    if not least <= len(words) <= LONGEST_REASON:
        raise ReasonNeeded(count=least, most=LONGEST_REASON)
    return words


def _open(session: Session, number: str) -> Incident:
    row = session.execute(select(Incident).where(Incident.number == number).with_for_update()).scalar_one_or_none()
    if row is None:
        raise NotFound()
    if row.status != "open":
        raise IncidentOver()
    return row


def _record(
    session: Session, row: Incident, instance: Instance | None, kind: Kind, by: Actor, at: datetime,
    more: Mapping[str, Any], *, outcome: str | None = None,
) -> None:
    """One event, in the instance's stream or, where there is none yet, in the office's."""
    payload = {"incident": row.number, "subject": row.subject, "step": row.step_id, **more}
    record(session, Act(
        instance_stream(instance.number) if instance is not None else office_stream("incidents"), kind, at, by,
        definition=instance.definition if instance is not None else None,
        instance=instance.number if instance is not None else None,
        task=row.subject.partition(":")[2].partition("/")[0] if row.subject.startswith("task:") else None,
        outcome=outcome, payload=payload,
    ))


# --- what has to be done again --------------------------------------------------------------------------------------


def as_request(submission: Submission, **more: str) -> dict[str, Any]:
    """A submission as an incident keeps it, so that exactly the same is sent again."""
    return {
        **more,
        "form": submission.form_id, "token": submission.token, "data": pack(dict(submission.data)),
        "seen": pack(dict(submission.seen)),
        "attachments": [
            {"sha256": one.sha256, "name": one.name, "media_type": one.media_type, "size": one.size, "field": one.field}
            for one in submission.attachments
        ],
    }  # fmt: skip


def submission_of(request: Mapping[str, Any]) -> Submission:
    """The submission that ``as_request`` kept."""
    return Submission(
        request["form"], unpack(request["data"]), request["token"],
        tuple(AttachmentRef(**one) for one in request["attachments"]), unpack(request["seen"]),
    )  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """An open incident, for whoever tries it again."""

    number: str
    #: ``task``, ``report``, ``timer``, ``delivery`` or ``start``, and its key.
    kind: str
    key: str
    request: Mapping[str, Any]
    by_id: int | None
    at: datetime
    #: Whether what failed is still asked for, and its case neither over nor suspended.
    stands: bool
    suspended: bool


def kept(session: Session, number: str) -> Kept:
    """The open incident with everything that trying it again needs; ``NotFound`` or ``IncidentOver``."""
    row = _open(session, number)
    found = _subject(session, row.subject)
    kind, _, key = row.subject.partition(":")
    status = found.instance.status if found.instance is not None else "running"
    return Kept(
        row.number, kind, key.partition("/")[0], row.request, row.by_id, row.at,
        found.stands and status in {"running", "suspended"}, status == "suspended",
    )


def due(session: Session, at: datetime, *, limit: int = 100) -> list[tuple[str, datetime]]:
    """(number, due moment) of open incidents that the machine is to try now, the earliest first."""
    rows = session.execute(
        select(Incident.number, Incident.next_try_at)
        .where(Incident.status == "open", Incident.next_try_at <= at)
        .order_by(Incident.next_try_at, Incident.id)
        .limit(limit)
    )
    return [(number, moment) for number, moment in rows.tuples() if moment is not None]


def take(db: Database, number: str, moment: datetime, *, at: datetime) -> bool:
    """Take a try that is due, so that of several beats one makes it; should that one die, it is due again soon."""
    with db.write() as session:
        taken = session.execute(
            update(Incident)
            .where(Incident.number == number, Incident.status == "open", Incident.next_try_at == moment)
            .values(next_try_at=at + BACK_OFF[1])
        )
        return bool(taken.rowcount)  # type: ignore[attr-defined]


def moot(session: Session, *, limit: int = 100) -> list[str]:
    """Numbers of open incidents whose act is no longer asked for: done in another way, called off, or its case is over."""
    over = exists().where(Instance.id == Incident.instance_id, Instance.ended_at.is_not(None))
    task = exists().where(
        Task.instance_id == Incident.instance_id, Task.status.not_in(("open", "suspended")),
        Incident.subject.like(literal("task:") + Task.number + literal("/%")),
    )
    timer = exists().where(
        Timer.instance_id == Incident.instance_id, Timer.fired_at.is_not(None),
        Incident.subject == literal("timer:") + cast(Timer.id, String),
    )
    delivery = exists().where(
        Delivery.ended_at.is_not(None), Incident.subject == literal("delivery:") + cast(Delivery.id, String)
    )
    start = and_(
        Incident.subject.startswith("start:"),
        exists().where(SubmissionRow.token == func.substr(Incident.subject, len("start:") + 1)),
    )
    rows = session.execute(
        select(Incident.number)
        .where(Incident.status == "open", or_(over, task, timer, delivery, start))
        .order_by(Incident.id)
        .limit(limit)
    )
    return list(rows.scalars())
