"""Messages, signals and calls on their way: each arrives once, in the transaction that acts on it.

What an act causes is tried right after its commit (``settle``); what that leaves, the beat delivers (``deliver_due``).
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, String, and_, case, cast, exists, func, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from workflows import access, deployment, engine, incidents, numbering, people, traffic
from workflows.access import Viewer, office_day
from workflows.audit import RULE, Act, Actor, Kind, instance_stream, new_event_id, office_stream, record
from workflows.audit.canonical import canonical, plain
from workflows.case import Caller, Case, beside, called, house, load, outside_rounds
from workflows.db import PASSING, Database
from workflows.engine.errors import ReservedName
from workflows.engine.extensions import RESERVED
from workflows.engine.plain import plain as plain_value
from workflows.engine.rows import unpack
from workflows.errors import CalledTooDeep, CalledTooOften, InstanceMoved, TaskNotOpen
from workflows.models import Delivery, Incident, Instance, Organisation, Person, Subscription
from workflows.traffic import Post
from workflows.transitions import Moved, Transition

#: So many times an act that another one overtook is prepared anew before the next beat looks again.
_TRIES = 20
#: So many deliveries follow an act at once; a wide signal is left to the beat.
_AT_ONCE = 20
#: So deep processes may call each other.
MAX_DEPTH = 20
#: So many cases may lie below one in which a process calls itself again: two calls a level would be a million.
MAX_RECURSIVE = 500

_log = structlog.get_logger("jiaoyan.deliveries")


class DeliveryTaken(TaskNotOpen):
    """Another process delivered it first, or it was called off."""


# --- sending --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sent:
    """What became of something that a person sent."""

    #: Numbers of the instances that it has reached, in order.
    reached: tuple[str, ...]
    #: How many deliveries are still on their way.
    waiting: int
    #: It was sent before; nothing was sent again.
    repeated: bool = False


def send_message(
    db: Database, by: Viewer | Actor, name: str, key: str, variables: Mapping[str, Any], *, origin: str, at: datetime
) -> Sent:
    """Send a message to the one step that waits for it, or the process that it starts; else it waits for 30 days.

    ``by`` is a person of an office, who reaches the cases in their charge, a system administrator, or the machine's own
    console; ``Forbidden`` for everybody else. The same ``origin`` of the same sender is one message however often it is
    sent. ``variables`` are plain; ``ReservedName`` and ``ValueNotPlain`` name the one that is not taken.
    """
    carried = _carried(variables)
    payload = {"name": name, "key": key, **_content(carried)}
    return _send(db, by, Kind.MESSAGE_SENT, payload, origin, at,
                 lambda _session, post: post.add("message", name, key=key, variables=carried))


def broadcast(
    db: Database, by: Viewer | Actor, name: str, variables: Mapping[str, Any], *, origin: str, at: datetime
) -> Sent:
    """Send a signal to every step that waits for it now, and to every process that it starts; as ``send_message``."""
    carried = _carried(variables)

    def address(session: Session, post: Post) -> None:
        starts = [loaded.process_id for loaded, _ in deployment.starts(session, "signal", name)]
        among = access.in_reach(by.memberships) if isinstance(by, Viewer) else None
        post.signal(session, name, carried, starts if isinstance(by, Viewer) else (), among=among)

    return _send(db, by, Kind.SIGNAL_SENT, {"name": name, **_content(carried)}, origin, at, address)


def _carried(variables: Mapping[str, Any]) -> dict[str, Any]:
    for name in variables:
        if name in RESERVED:
            raise ReservedName(name=name)
    return {name: plain_value(value, name) for name, value in variables.items()}


def _content(variables: Mapping[str, Any]) -> dict[str, Any]:
    """What the record says of values that are carried: their names and one digest, never the values."""
    digest = hashlib.sha256(canonical(plain(dict(variables)))).hexdigest()
    return {"variables": sorted(variables), "content": digest}


def _send(
    db: Database, by: Viewer | Actor, kind: Kind, payload: Mapping[str, Any], origin: str, at: datetime,
    address: Callable[[Session, Post], None],
) -> Sent:
    if isinstance(by, Viewer):
        access.require_sender(by)
    actor, person_id = _actor(by), by.person_id if isinstance(by, Viewer) else None
    # Names the event as well: a signal that reaches nobody has no delivery by which its repetition could be known.
    act = hashlib.sha256(f"{actor.person}:{kind.value}:{origin}".encode()).hexdigest()[:32]
    post, repeated = Post(at, act, from_person_id=person_id), False
    try:
        with db.write() as session:
            address(session, post)
            ids = post.send(session)
            record(session, Act(office_stream("messages"), kind, at, actor,
                                payload={**payload, "origin": origin, "deliveries": len(ids)}), event_id=act)
    except IntegrityError:
        repeated = True
    else:
        settle(db, ids, at=at)
    with db.read() as session:
        found = session.execute(
            select(Instance.number, Delivery.ended_at)
            .select_from(Delivery)
            .outerjoin(Instance, Instance.id == Delivery.instance_id)
            .where(Delivery.origin.startswith(f"{act}:"))
            .order_by(Delivery.id)
        ).all()
    return Sent(tuple(number for number, ended_at in found if ended_at is not None and number),
                sum(ended_at is None for _, ended_at in found), repeated)


def _actor(by: Viewer | Actor) -> Actor:
    if isinstance(by, Actor):
        return by
    return people.administrator(by) if by.has("system_admin") else by.actor()


# --- delivering -----------------------------------------------------------------------------------------------------


def deliver_due(
    db: Database, *, at: datetime, limit: int = 10_000, report: Callable[[int, Exception], None] | None = None
) -> int:
    """Deliver what is due, in the order in which it was sent; returns how many arrived.

    Each is its own transaction and is claimed in it, so that several beats on one database deliver it once. One that
    fails becomes an incident, is handed to ``report``, and holds up no other.
    """
    left, arrived = set[int](), 0
    while arrived < limit:
        with db.read() as session:
            due = _due(session, at, left, min(100, limit - arrived))
        if not due:
            break
        for delivery_id in due:
            try:
                if deliver(db, delivery_id, at=at) is not None:
                    arrived += 1
                    continue
            except Exception as error:  # one bad delivery must not stop the office; it is recorded, not swallowed
                _failed(db, delivery_id, error, at)
                if report is not None:
                    report(delivery_id, error)
            left.add(delivery_id)
    return arrived


def carry_out(db: Database, transition: Transition) -> Moved:
    """Write an act, and deliver at once what it causes; raises what writing it does."""
    moved = transition.write(db)
    settle(db, moved.caused, at=transition.at)
    return moved


def settle(db: Database, ids: Iterable[int], *, at: datetime) -> None:
    """Deliver at once what an act has just caused, and what that causes in turn. Never raises: the beat does the rest."""
    ahead = deque(ids)
    for _ in range(_AT_ONCE):
        if not ahead:
            return
        delivery_id = ahead.popleft()
        try:
            moved = deliver(db, delivery_id, at=at)
        except Exception as error:
            _failed(db, delivery_id, error, at)
            continue
        if moved is not None:
            ahead.extend(moved.caused)


def _failed(db: Database, delivery_id: int, error: Exception, at: datetime) -> None:
    """Make a failure an incident, which has a time-table of its own; a database that is away or busy is only said."""
    _log.error("delivery failed", delivery=delivery_id, error=f"{type(error).__name__}: {error}")
    if isinstance(error, PASSING):
        return
    incidents.raise_(db, subject=f"delivery:{delivery_id}", error=error, at=at)


def _due(session: Session, at: datetime, left: set[int], limit: int) -> list[int]:
    """What may be delivered now. What failed waits for its incident; what goes to a suspended case waits for that."""
    failed = exists().where(
        Incident.status == "open", Incident.subject == literal("delivery:") + cast(Delivery.id, String)
    )
    goes_to = case((Delivery.kind == "call", Delivery.from_instance_id), else_=Delivery.instance_id)
    target, awaiting = aliased(Instance), aliased(Instance)
    asleep = and_(Delivery.kind != "called_off", exists().where(target.id == goes_to, target.status == "suspended"))
    open_ones = [Delivery.ended_at.is_(None), Delivery.id.not_in(left), ~failed, ~asleep]
    due = select(Delivery.id).where(*open_ones, Delivery.due_at <= at).order_by(Delivery.id).limit(limit)
    # A message and a step that waits for it, of which neither saw the other when it was written.
    awaited = (
        select(Delivery.id)
        .join(Subscription, and_(Subscription.kind == "message", Subscription.name == Delivery.name,
                                 Subscription.key == Delivery.key, Subscription.ended_at.is_(None)))
        .join(awaiting, and_(awaiting.id == Subscription.instance_id, awaiting.status == "running"))
        .where(*open_ones, Delivery.kind == "message")
        .distinct()
        .order_by(Delivery.id)
        .limit(limit)
    )
    found = {*session.execute(due).scalars(), *session.execute(awaited).scalars()}
    return sorted(found)[:limit]


#: What is to be done about a delivery: nothing now, or an act with a transaction of its own.
_Doing = Callable[[Database], Moved | None] | None


def deliver(db: Database, delivery_id: int, *, at: datetime) -> Moved | None:
    """Deliver one; nothing when it is over, or when nobody can take it now. Raises what fails; nothing moved then."""
    overtaken: Exception | None = None
    for _ in range(_TRIES):
        with db.read() as session:
            delivery = session.get(Delivery, delivery_id)
            if delivery is None or delivery.ended_at is not None:
                return None
            try:
                doing = _ACTS[delivery.kind](session, delivery, at)
            except TaskNotOpen as error:  # two reads, and the instance moved between them
                overtaken = error
                continue
        if doing is None:
            return None
        try:
            return doing(db)
        except DeliveryTaken:
            return None
        except InstanceMoved:
            overtaken = None
        except IntegrityError as error:  # another start took the number
            overtaken = error
    if overtaken is not None:
        raise overtaken
    return None


def _take(session: Session, delivery_id: int, at: datetime, result: str = "delivered") -> None:
    """Take the delivery in the write transaction; what it carried is with whoever got it now."""
    taken = session.execute(
        update(Delivery)
        .where(Delivery.id == delivery_id, Delivery.ended_at.is_(None))
        .values(ended_at=at, result=result, variables={})
    )
    if not taken.rowcount:  # type: ignore[attr-defined]
        raise DeliveryTaken()


def _aside(delivery: Delivery, at: datetime) -> _Doing:
    """Nobody waits for it any more."""

    def write(db: Database) -> None:
        with db.write() as session:
            _take(session, delivery.id, at, "called_off")

    return write


def _sender(session: Session, delivery: Delivery) -> dict[str, Any]:
    """Who sent it, as the record says it."""
    if delivery.from_instance_id is not None:
        number = session.execute(select(Instance.number).where(Instance.id == delivery.from_instance_id)).scalar_one()
        return {"instance": number, "step": delivery.step_id}
    if delivery.from_person_id is not None:
        return {"person": session.execute(select(Person.number).where(Person.id == delivery.from_person_id)).scalar_one()}
    return {}


# --- messages and signals -------------------------------------------------------------------------------------------


def _message(session: Session, delivery: Delivery, at: datetime) -> _Doing:
    waiting = session.execute(
        select(Subscription)
        .join(Instance, Instance.id == Subscription.instance_id)
        .where(Subscription.kind == "message", Subscription.name == delivery.name, Subscription.key == delivery.key,
               Subscription.ended_at.is_(None), Instance.status == "running", *_reach(session, delivery, at))
        .order_by(Subscription.id)
        .limit(1)
    ).scalar_one_or_none()
    if waiting is not None:
        return _met(session, delivery, waiting, Kind.MESSAGE_RECEIVED, at)
    begun = _beginning(session, delivery, at)
    if begun is not None:
        return begun.write
    if delivery.expires_at is not None and delivery.expires_at <= at:
        return partial(_expire, delivery=delivery, sender=_sender(session, delivery), at=at)
    return partial(_wait, delivery=delivery) if delivery.due_at != delivery.expires_at else None


def _reach(session: Session, delivery: Delivery, at: datetime) -> list[ColumnElement[bool]]:
    """Conditions on the instances that the person who sent it may move, by what they are today."""
    if delivery.from_person_id is None:
        return []
    among = access.in_reach(people.memberships(session, delivery.from_person_id, office_day(at)))
    return [] if among is None else [among]


def _signal(session: Session, delivery: Delivery, at: datetime) -> _Doing:
    if delivery.instance_id is None:
        begun = _beginning(session, delivery, at)
        return _aside(delivery, at) if begun is None else begun.write
    waiting, status = session.execute(
        select(Subscription, Instance.status)
        .join(Instance, Instance.id == Subscription.instance_id)
        .where(Subscription.instance_id == delivery.instance_id, Subscription.token == delivery.token)
    ).one()
    if waiting.ended_at is not None:
        return _aside(delivery, at)
    return None if status == "suspended" else _met(session, delivery, waiting, Kind.SIGNAL_RECEIVED, at)


def _met(session: Session, delivery: Delivery, waiting: Subscription, kind: Kind, at: datetime) -> _Doing:
    found, _ = load(session, instance_id=waiting.instance_id)
    row = found.row
    if row is None or row.status != "running":
        raise TaskNotOpen()
    variables = unpack(delivery.variables)
    progress = engine.deliver(found.loaded.diagram, row.state, waiting.token, variables, house(session, found, at))

    def claim(session: Session) -> None:
        _take(session, delivery.id, at)
        session.execute(update(Delivery).where(Delivery.id == delivery.id).values(instance_id=row.id, token=waiting.token))
        if not waiting.stays:
            session.execute(
                update(Subscription)
                .where(Subscription.id == waiting.id, Subscription.ended_at.is_(None))
                .values(ended_at=at, result="met")
            )

    told = {"name": delivery.name, "key": delivery.key, "from": _sender(session, delivery), **_content(variables)}
    transition = Transition(found, progress, kind, RULE, at, found.loaded.diagram.steps[waiting.step_id], claim=claim,
                            extra={"received": told, "token": waiting.token, "goes_on": waiting.stays})
    transition.prepare(session)
    return transition.write


def _beginning(session: Session, delivery: Delivery, at: datetime) -> Transition | None:
    """The case that a message or signal starts: of its sender, for nobody else would be there to start it."""
    found = [
        (loaded, step_id) for loaded, step_id in deployment.starts(session, delivery.kind, delivery.name)
        if delivery.kind == "message" or loaded.process_id == delivery.key
    ]
    if not found:
        return None
    loaded, step_id = found[0]
    begun = _new_case(session, delivery, loaded, at)
    if begun is None:
        return None
    variables = unpack(delivery.variables)
    progress = engine.start(loaded.diagram, variables, house(session, begun, at), at=step_id)

    def claim(session: Session) -> None:
        _take(session, delivery.id, at)
        numbering.take(session, begun.number, begun.organisation)

    def link(session: Session, instance_id: int) -> None:
        session.execute(update(Delivery).where(Delivery.id == delivery.id).values(instance_id=instance_id))

    told = {"name": delivery.name, "key": delivery.key, "from": _sender(session, delivery), **_content(variables)}
    transition = Transition(begun, progress, Kind.INSTANCE_STARTED, RULE, at, loaded.diagram.steps[step_id], claim=claim,
                            link=link, extra={"received": told})
    transition.prepare(session)
    return transition


def _new_case(session: Session, delivery: Delivery, loaded: deployment.Loaded, at: datetime) -> Case | None:
    if delivery.from_instance_id is not None:
        sender, _ = load(session, instance_id=delivery.from_instance_id)
        number = numbering.peek(session, loaded, sender.organisation, at)
        return beside(session, sender, loaded, number=number, at=at)
    if delivery.from_person_id is None:
        return None
    held = people.memberships(session, delivery.from_person_id, office_day(at))
    places = [one.organisation_id for one in held if one.role in access.SENDING_ROLES]
    if not places:
        return None
    organisation = session.get_one(Organisation, places[0])
    number = numbering.peek(session, loaded, organisation, at)
    starter = people.somebody(session, delivery.from_person_id)
    return outside_rounds(session, loaded, starter, organisation, number=number, at=at)


def _wait(db: Database, *, delivery: Delivery) -> None:
    """Nobody waits for the message yet: it is looked at again when somebody does, or when its time is over."""
    with db.write() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.id == delivery.id, Delivery.ended_at.is_(None))
            .values(due_at=delivery.expires_at)
        )


def _expire(db: Database, *, delivery: Delivery, sender: Mapping[str, Any], at: datetime) -> None:
    """Give a message up: the record of its sender says so."""
    number = sender.get("instance")
    with db.write() as session:
        _take(session, delivery.id, at, "expired")
        record(session, Act(
            instance_stream(number) if number else office_stream("messages"), Kind.MESSAGE_EXPIRED, at, RULE,
            instance=number, payload={"name": delivery.name, "key": delivery.key, "from": sender,
                                      "step": delivery.step_id, "sent_at": delivery.made_at},
        ))


# --- calls ----------------------------------------------------------------------------------------------------------


def _call(session: Session, delivery: Delivery, at: datetime) -> _Doing:
    parent, _ = load(session, instance_id=delivery.from_instance_id)
    row = parent.row
    if row is None or row.ended_at is not None:
        return _aside(delivery, at)
    if row.status == "suspended":
        return None
    _require_bounded(session, row, delivery.name)
    digest = parent.calls.get(delivery.name) or deployment.newest_called(session, delivery.name)
    loaded = deployment.definition(session, digest)
    siblings = session.execute(select(func.count()).where(Instance.parent_id == row.id)).scalar_one()
    caller = Caller(row.id, delivery.token or "", delivery.step_id or "")
    child = called(session, parent, loaded, caller, number=f"{parent.number}-{siblings + 1}", at=at)
    progress = engine.start(loaded.diagram, unpack(delivery.variables), house(session, child, at))

    def claim(session: Session) -> None:
        # A caller that is being suspended or cancelled at this moment comes first, and finds all that it has called.
        status = session.execute(select(Instance.status).where(Instance.id == row.id).with_for_update()).scalar_one()
        if status == "suspended":
            raise InstanceMoved()
        _take(session, delivery.id, at)

    transition = Transition(child, progress, Kind.INSTANCE_STARTED, RULE, at, loaded.diagram.start, claim=claim,
                            extra={"called_by": {"instance": parent.number, "step": delivery.step_id}})
    transition.prepare(session)
    return transition.write


def _require_bounded(session: Session, row: Instance, process_id: str) -> None:
    """Refuse a call too deep below the first case; and, where a process calls itself again, one too many of its cases."""
    first, above, depth, callers = row.id, row.parent_id, 1, {row.process_id}
    while above is not None:
        depth += 1
        if depth > MAX_DEPTH:
            raise CalledTooDeep(count=MAX_DEPTH, process=process_id)
        first = above
        above, caller = session.execute(select(Instance.parent_id, Instance.process_id).where(Instance.id == above)).one()
        callers.add(caller)
    if process_id in callers and _below(session, first) >= MAX_RECURSIVE:
        raise CalledTooOften(count=MAX_RECURSIVE, process=process_id)


def _below(session: Session, instance_id: int) -> int:
    """How many cases one has called, and those in turn."""
    tree = select(Instance.id).where(Instance.parent_id == instance_id).cte("tree", recursive=True)
    child = aliased(Instance)
    tree = tree.union_all(select(child.id).where(child.parent_id == tree.c.id))
    return session.execute(select(func.count()).select_from(tree)).scalar_one()


def _returned(session: Session, delivery: Delivery, at: datetime) -> _Doing:
    return _heard(session, delivery, Kind.CALL_RETURNED, at, lambda found, state, variables: engine.resume(
        found.loaded.diagram, state, delivery.token or "", variables, house(session, found, at)
    ))


def _reported(session: Session, delivery: Delivery, at: datetime) -> _Doing:
    return _heard(session, delivery, Kind.CALL_REPORTED, at, lambda found, state, variables: engine.report(
        found.loaded.diagram, state, delivery.token or "", delivery.key, delivery.name, variables,
        house(session, found, at),
    ))


def _heard(
    session: Session, delivery: Delivery, kind: Kind, at: datetime,
    verb: Callable[[Case, bytes, Mapping[str, Any]], engine.Progress],
) -> _Doing:
    """What a called process says to its caller."""
    found, _ = load(session, instance_id=delivery.instance_id)
    row = found.row
    if row is None or row.ended_at is not None:
        return _aside(delivery, at)
    if row.status == "suspended":
        return None
    child = session.execute(
        select(Instance.number, Instance.parent_step).where(Instance.id == delivery.from_instance_id)
    ).one()
    variables = unpack(delivery.variables)
    try:
        progress = verb(found, row.state, variables)
    except TaskNotOpen:
        return _aside(delivery, at)  # the call activity is over: a call never waits twice under one token
    told = {"instance": child.number, "name": delivery.name, "kind": delivery.key or "returned", **_content(variables)}
    transition = Transition(found, progress, kind, RULE, at, found.loaded.diagram.steps[child.parent_step or ""],
                            claim=lambda session: _take(session, delivery.id, at),
                            extra={"from_called": told, "token": delivery.token, "goes_on": delivery.key == "escalation"})
    transition.prepare(session)
    return transition.write


def _called_off(session: Session, delivery: Delivery, at: datetime) -> _Doing:
    """End a called process whose caller no longer waits for it; it is asked nothing."""
    row = session.get_one(Instance, delivery.instance_id)
    if row.ended_at is not None:
        return _aside(delivery, at)
    parent = _sender(session, delivery)["instance"]

    def write(db: Database) -> Moved:
        event = new_event_id()
        with db.write() as session:
            ended = session.execute(
                update(Instance)
                .where(Instance.id == row.id, Instance.version == row.version)
                .values(status="cancelled", ended_at=at, version=row.version + 1)
            )
            if not ended.rowcount:  # type: ignore[attr-defined]
                raise InstanceMoved()
            _take(session, delivery.id, at)
            post = Post(at, f"{row.number}:{event}", row.id)
            traffic.call_off(session, post, row.id, at)
            caused = post.send(session)
            record(session, Act(instance_stream(row.number), Kind.INSTANCE_CANCELLED, at, RULE, definition=row.definition,
                                instance=row.number, payload={"called_off_by": parent}), event_id=event)
        return Moved(row.number, row.title, "", (), caused=caused)

    return write


_ACTS: Mapping[str, Callable[[Session, Delivery, datetime], _Doing]] = {
    "message": _message, "signal": _signal, "call": _call, "returned": _returned, "reported": _reported,
    "called_off": _called_off,
}  # fmt: skip
