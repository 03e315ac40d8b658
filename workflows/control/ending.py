"""A case ended before its diagram ends it: ``cancel`` (终止办理) by those in charge, ``withdraw`` (撤回申请) by its applicant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from workflows import deliveries, deployment, engine, notices, traffic
from workflows.access import Viewer
from workflows.audit import Actor, Kind, new_event_id
from workflows.case import house, load
from workflows.control.authority import (
    WITHDRAW,
    WITHDRAW_UNTIL,
    By,
    actor_of,
    concerned,
    may_be_withdrawn,
    properties_of,
    recorded,
    refused,
    turn,
    waits_for_withdrawal,
    whole,
)
from workflows.db import Database
from workflows.errors import InstanceMoved, NotFound, NotWithdrawable, WithdrawnTooLate
from workflows.incidents import reason_of
from workflows.models import Instance, Subscription, Task
from workflows.notices import Message
from workflows.orders.applications import ALL_SETTLED
from workflows.orders.rounds import CANCELLED, called_off
from workflows.registers import applications
from workflows.traffic import Post
from workflows.transitions import Transition

#: Variable under which the diagram sees why and when an application was withdrawn.
WITHDRAWAL = "withdrawal"


def cancel(db: Database, by: By, number: str, reason: str, *, at: datetime) -> None:
    """End a case from outside, with everything that it called. What was done in it stays done and on record.

    Raises ``ReasonNeeded``, ``InstanceEnded``, ``CalledInstance``, and what ``authority.actor_of`` raises.
    """
    words = reason_of(reason)
    with db.read() as session:
        actor = actor_of(session, by, whole(session, number), "cancel", at)
    with db.write() as session:
        caused = _end(session, number, ("running", "suspended"), "cancelled", actor, words, at)
    deliveries.settle(db, caused, at=at)


def withdraw(db: Database, viewer: Viewer, number: str, reason: str, *, at: datetime) -> None:
    """Withdraw one's own application, where its diagram allows it now.

    The message named by ``jiaoyan:withdraw`` is given to the place that waits for it, and the diagram says what follows;
    without such a place the case ends. Either only as long as no task of ``jiaoyan:withdraw-until`` was reached, if it
    names any. Raises ``NotFound``
    (not one's own), ``ReasonNeeded``, ``InstanceSuspended``, ``InstanceEnded``, ``NotWithdrawable``, ``WithdrawnTooLate``,
    ``InstanceMoved`` (somebody decided meanwhile; nothing was written).
    """
    words = reason_of(reason)
    actor = viewer.actor(role="applicant")
    with db.read() as session:
        instance = whole(session, number)
        if instance.starter_id != viewer.person_id:
            raise NotFound()
        if instance.status != "running":
            raise refused(instance, ("running",))
        if not may_be_withdrawn(session, instance):
            raise _refusal(session, instance)
        waiting = waits_for_withdrawal(session, instance)
        transition = None if waiting is None else _withdrawal(session, instance, waiting, actor, words, at)
    if transition is not None:
        deliveries.carry_out(db, transition)
        return
    with db.write() as session:
        caused = _end(session, number, ("running",), "withdrawn", actor, words, at, version=instance.version)
    deliveries.settle(db, caused, at=at)


def _refusal(session: Session, instance: Instance) -> Exception:
    properties = properties_of(session, instance)
    if not (properties.get(WITHDRAW) or properties.get(WITHDRAW_UNTIL)):
        return NotWithdrawable(process=deployment.definition(session, instance.definition).name)
    waiting = session.execute(
        select(Task.name).where(Task.instance_id == instance.id, Task.status == "open").order_by(Task.id).limit(1)
    ).scalar()
    return WithdrawnTooLate(step=waiting or "-")


def _withdrawal(
    session: Session, instance: Instance, waiting: Subscription, actor: Actor, words: str, at: datetime
) -> Transition:
    """The act by which the diagram itself takes the case to its withdrawal."""
    case, _ = load(session, instance_id=instance.id)
    if case.row is None or case.row.version != instance.version:
        raise InstanceMoved()
    told = concerned(session, instance)
    progress = engine.deliver(
        case.loaded.diagram, case.row.state, waiting.token, {WITHDRAWAL: {"reason": words}}, house(session, case, at)
    )
    transition = Transition(
        case, progress, Kind.INSTANCE_WITHDRAWN, actor, at, case.loaded.diagram.steps[waiting.step_id],
        claim=lambda session: _met(session, waiting, at), extra={"words": words}, ends_as="withdrawn",
        # The applicant is told by the end that the diagram comes to.
        also=_messages("withdrawn", instance, {one: mail for one, mail in told.items() if one != case.starter.id}, words),
    )
    transition.prepare(session)
    return transition


def _met(session: Session, waiting: Subscription, at: datetime) -> None:
    met = session.execute(
        update(Subscription)
        .where(Subscription.id == waiting.id, Subscription.ended_at.is_(None))
        .values(ended_at=at, result="met")
    )
    if not met.rowcount:  # type: ignore[attr-defined]
        raise InstanceMoved()


def _end(
    session: Session, number: str, once: tuple[str, ...], status: str, actor: Actor, words: str, at: datetime, *,
    version: int | None = None,
) -> tuple[int, ...]:
    """End the case in the caller's transaction; returns the deliveries that call off what it called."""
    instance = turn(session, number, once, status, at, version=version)
    told = concerned(session, instance)
    closed = session.execute(
        select(Task.token)
        .where(Task.instance_id == instance.id, Task.status.in_(("open", "suspended")))
        .order_by(Task.id)
    ).scalars().all()
    event = new_event_id()
    post = Post(at, f"{number}:{event}", instance.id)
    traffic.call_off(session, post, instance.id, at)
    if instance.round_id is not None and instance.parent_id is None:
        waiting = applications.settle(session, number, status, at=at, event=event, reason=words)
        if waiting is not None:
            post.add("message", ALL_SETTLED, key=waiting.number, variables={"round": waiting.number})
    if "round" in instance.facts:
        for case in called_off(session, str(instance.facts["round"]), actor, words, at):
            post.add("message", CANCELLED, key=case, variables={"reason": words})
    caused = post.send(session)
    messages = _messages(status, instance, told, words)
    notices.queue(session, messages, at=at, instance=number)
    recorded(session, instance, _KINDS[status], at, actor, {
        "words": words, "closed": list(closed),
        "notices": [{"kind": one.kind, "people": len(one.people), "task": None} for one in messages],
    }, event_id=event)  # fmt: skip
    return caused


_KINDS: Mapping[str, Kind] = {"cancelled": Kind.INSTANCE_CANCELLED, "withdrawn": Kind.INSTANCE_WITHDRAWN}


def _messages(status: str, instance: Instance, told: Mapping[int, bool], words: str) -> list[Message]:
    params: dict[str, Any] = {"title": instance.title, "number": instance.number, "reason": words}
    return [Message(told, f"case_{status}", params)]
