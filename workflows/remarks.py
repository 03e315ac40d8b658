"""Remarks (留言): what is said about a case at any time, beside its decisions. Never edited; a correction is another remark.

The office's own are read by whoever handles or runs the case, and never by its applicant; those for everybody by the
applicant too. Whoever is named in one (``@姓名``) is told, and only somebody who may read it can be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, aliased

from workflows import access, deployment, notices, people
from workflows.access import Viewer
from workflows.audit import Act, Kind, instance_stream, record
from workflows.db import Database
from workflows.errors import N_, Forbidden, MentionUnknown, NotFound, RemarkNeeded, RemarkNotYours
from workflows.manners import MAY_START
from workflows.models import Copy, Instance, Person, Remark, Task
from workflows.notices import Message
from workflows.people import Somebody

#: So long is a remark at most.
LONGEST = 1000
#: Within this time the same words once more are the same page sent twice.
_A_MOMENT = timedelta(minutes=2)
#: Who reads it.
OFFICE, EVERYBODY = "office", "everybody"
AUDIENCES: Mapping[str, str] = {OFFICE: N_("仅办理人员可见"), EVERYBODY: N_("申请人也可见")}
#: A name begins here; an address like a@b.cn names nobody.
_AT = re.compile(r"(?<![A-Za-z0-9_.])[@＠](?=\w)")


@dataclass(frozen=True)
class RemarkView:
    """One remark for a page."""

    #: Names it.
    event: str
    by_name: str
    by_number: str
    at: datetime
    words: str
    #: A key of ``AUDIENCES``.
    audience: str
    step_name: str | None
    #: Event of the remark that it corrects; and whether another one corrects it.
    corrects: str | None
    corrected: bool


def add(
    db: Database, viewer: Viewer, instance_number: str, words: str, audience: str = OFFICE, *, at: datetime,
    task_number: str = "", corrects: str = "",
) -> bool:
    """Say something about a case. One transaction, one event; who is named in it is told.

    False, and nothing happens, when the same was the last thing said and a moment ago: a page that was sent twice.

    Whoever takes part in the case may, its office, and whom it was sent to; an applicant speaks to everybody. ``corrects``
    is the event of an own remark that this one corrects. Raises ``NotFound``, ``Forbidden`` for who only reads it
    (auditors), ``RemarkNeeded``, ``RemarkNotYours`` and ``MentionUnknown``.
    """
    said = words.strip()
    with db.write() as session:
        instance = access.instance_for(session, viewer, instance_number, at)
        session.refresh(instance, ["version"], with_for_update=True)
        if not may_add(access.part_in(session, viewer, instance.number, at)):
            raise Forbidden()
        if audience not in AUDIENCES:
            raise NotFound()
        _require_words(said)
        if is_applicant(session, viewer, instance):
            audience = EVERYBODY
        task, corrected = access.task_of(session, instance, task_number), _own(session, viewer, instance, corrects)
        if _said_just_now(session, viewer, instance, said, audience, at):
            return False
        reach = reached(session, instance, audience, by_applicant=is_applicant(session, viewer, instance))
        named = _named(said, reach, viewer)
        payload = {
            "words": said, "audience": audience, "step": task.step_id if task else None,
            "to": [one.named() for one in named], "corrects": corrects or None,
        }  # fmt: skip
        event = record(session, Act(
            instance_stream(instance.number), Kind.REMARK_ADDED, at, viewer.actor(), definition=instance.definition,
            instance=instance.number, task=task.number if task else None,
            payload={key: value for key, value in payload.items() if value},
        ))
        session.add(Remark(
            instance_id=instance.id, task_id=task.id if task else None, by_id=viewer.person_id, at=at, words=said,
            audience=audience, mentioned=[one.named() for one in named],
            corrects_id=corrected.id if corrected else None, event=event,
        ))
        params = {"title": instance.title, "number": instance.number, "by": viewer.name, "reason": said}
        others = _others(session, viewer, instance, audience, {one.id for one in named})
        notices.queue(session, [
            Message({one.id: one.mailable for one in named}, "remark_mentioned", params),
            Message({one.id: one.mailable for one in others}, "remark_made", params),
        ], at=at, instance=instance.number)
        return True


def _said_just_now(
    session: Session, viewer: Viewer, instance: Instance, said: str, audience: str, at: datetime
) -> bool:
    last = session.execute(
        select(Remark).where(Remark.instance_id == instance.id).order_by(Remark.id.desc()).limit(1)
    ).scalar_one_or_none()
    same = last is not None and (last.by_id, last.words, last.audience) == (viewer.person_id, said, audience)
    return same and last is not None and at - last.at < _A_MOMENT


def is_applicant(session: Session, viewer: Viewer, instance: Instance) -> bool:
    """Whether the case is the viewer's own application, not one that they started for their office."""
    if instance.starter_id != viewer.person_id:
        return False
    return MAY_START not in deployment.definition(session, instance.definition).diagram.properties


def may_add(part: access.Part) -> bool:
    """Whether somebody with that part in a case speaks in it; a page offers it by that."""
    return part.takes or part.copied


def _require_words(said: str) -> None:
    if not 0 < len(said) <= LONGEST:
        raise RemarkNeeded(most=LONGEST)


def _own(session: Session, viewer: Viewer, instance: Instance, event: str) -> Remark | None:
    if not event:
        return None
    remark = session.execute(select(Remark).where(Remark.event == event)).scalar_one_or_none()
    _require_own(remark, viewer, instance)
    return remark


def _require_own(remark: Remark | None, viewer: Viewer, instance: Instance) -> None:
    if remark is None or (remark.instance_id, remark.by_id) != (instance.id, viewer.person_id):
        raise RemarkNotYours()


# --- who is named, and who is told ----------------------------------------------------------------------------------


def reached(
    session: Session, instance: Instance, audience: str, *, by_applicant: bool = False
) -> dict[str, list[Somebody]]:
    """Who can be named in a remark, by name: whoever did, has or may take a task of the case, got it, or spoke in it.

    An applicant names whom they know of: who did or has a task, or spoke to them.
    """
    numbers: set[str] = set()
    keys: set[int] = set()
    tasks = session.execute(
        select(Task.holder_id, Task.delegate_id, Task.done_by_id, Task.status, Task.explanation)
        .where(Task.instance_id == instance.id)
    )
    for holder, delegate, doer, status, explanation in tasks:
        keys |= {key for key in (holder, delegate, doer) if key is not None}
        if status in ("open", "suspended") and not by_applicant:
            numbers |= {one["number"] for one in explanation.get("result", ())}
    spoke = select(Remark.by_id).where(Remark.instance_id == instance.id)
    if by_applicant:
        spoke = spoke.where(Remark.audience == EVERYBODY)
    else:
        keys |= set(session.execute(select(Copy.to_id).where(Copy.instance_id == instance.id)).scalars())
    keys |= set(session.execute(spoke).scalars())
    keys.add(instance.starter_id)
    found = {one.id: one for one in people.somebodies(session, keys).values()}
    found |= {one.id: one for one in people.by_number(session, numbers).values()}
    if audience == OFFICE and MAY_START not in deployment.definition(session, instance.definition).diagram.properties:
        found.pop(instance.starter_id, None)
    by_name: dict[str, list[Somebody]] = {}
    for one in found.values():
        by_name.setdefault(one.name, []).append(one)
    return by_name


def _named(said: str, reach: Mapping[str, list[Somebody]], viewer: Viewer) -> list[Somebody]:
    """Everybody named with @; of two names that fit the longer one. ``MentionUnknown`` when one is nobody's."""
    found: dict[int, Somebody] = {}
    for at in _AT.finditer(said):
        rest = said[at.end():]
        name = max((name for name in reach if rest.startswith(name)), key=len, default="")
        if not name:
            raise MentionUnknown(text=(re.match(r"\w{1,4}", rest) or [""])[0])
        found |= {one.id: one for one in reach[name]}
    return [one for one in found.values() if one.id != viewer.person_id]


def _others(
    session: Session, viewer: Viewer, instance: Instance, audience: str, named: set[int]
) -> list[Somebody]:
    """Who hears of a remark unnamed: the applicant of what they may read; whoever has the case, of what the applicant says."""
    if audience != EVERYBODY:
        return []
    if instance.starter_id != viewer.person_id:
        keys = {instance.starter_id}
    else:
        rows = session.execute(
            select(Task.holder_id, Task.delegate_id).where(Task.instance_id == instance.id, Task.status == "open")
        )
        keys = {delegate or holder for holder, delegate in rows if delegate or holder}
    keys -= named | {viewer.person_id}
    return list(people.somebodies(session, keys).values()) if keys else []


# --- reads ----------------------------------------------------------------------------------------------------------


_corrected = aliased(Remark)
_OF_CASE = (
    select(Remark, Person.name, Person.number, Task.name, _corrected.event, Instance)
    .join(Instance, Instance.id == Remark.instance_id)
    .join(Person, Person.id == Remark.by_id)
    .outerjoin(Task, Task.id == Remark.task_id)
    .outerjoin(_corrected, _corrected.id == Remark.corrects_id)
    .where(Instance.number == bindparam("number"))
    .order_by(Remark.id)
)


def of_case(session: Session, viewer: Viewer, instance_number: str) -> list[RemarkView]:
    """The remarks of a case that the viewer may see, in order: an applicant reads those for everybody."""
    rows = session.execute(_OF_CASE, {"number": instance_number}).all()
    only = EVERYBODY if rows and is_applicant(session, viewer, rows[0][5]) else ""
    gone = {row[0].corrects_id for row in rows}
    return [
        RemarkView(one.event, name, number, one.at, one.words, one.audience, step, earlier, one.id in gone)
        for one, name, number, step, earlier, _ in rows
        if one.audience == only or not only
    ]
