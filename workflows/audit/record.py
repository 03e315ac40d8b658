"""``record()``: the one way in which an act enters the record, inside the transaction of the act."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, bindparam, insert, select, update
from sqlalchemy.orm import Session

from workflows.audit.canonical import canonical
from workflows.audit.kinds import ActorKind, Kind
from workflows.clock import machine_now
from workflows.db import Prepared, upsert
from workflows.models import Event, EventPayload, Stream, table

#: Name of the digest in use; every event carries it, so that SM3 can stand beside it one day.
ALG = "sha256"
#: ``prev_hash`` of the first event of a stream.
FIRST = "0" * 64
#: The head of a stream before its first event.
BEGINNING = (0, FIRST)

_NEW_EVENT = Prepared(insert(table(Event)))
_NEW_PAYLOAD = Prepared(insert(table(EventPayload)))
_NEW_STREAM = Prepared(insert(table(Stream)))
_MOVED_STREAM = Prepared(
    update(table(Stream))
    .where(table(Stream).c.name == bindparam("of_stream"), table(Stream).c.seq == bindparam("of_seq"),
           table(Stream).c.head_hash == bindparam("of_hash"))
    .values(seq=bindparam("seq"), head_hash=bindparam("head_hash"))
)


@dataclass(frozen=True)
class Actor:
    """Who acts: a person with the role they act in, or a machine, which has no person's name."""

    kind: ActorKind
    #: Person number; empty for a rule or a timeout.
    person: str | None = None
    #: Person number of the one a proxy acts for.
    on_behalf_of: str | None = None
    role: str | None = None
    #: Organisation code.
    organisation: str | None = None
    ip: str | None = None


#: What the machine decides by a table, and what it does because a moment came.
RULE = Actor(ActorKind.RULE)
TIMEOUT = Actor(ActorKind.TIMEOUT)


@dataclass(frozen=True)
class Act:
    """One act, ready to be recorded. ``payload`` holds its parts: rulings, field differences, timers, notices."""

    stream: str
    kind: Kind
    #: Office clock.
    at: datetime
    actor: Actor
    definition: str | None = None
    instance: str | None = None
    task: str | None = None
    outcome: str | None = None
    #: A code, never free text: free text belongs in the payload, which can be lawfully erased.
    reason: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


def instance_stream(number: str) -> str:
    """Stream of an instance."""
    return f"instance:{number}"


def person_stream(number: str) -> str:
    """Stream of a person: what they saw, exported or were refused."""
    return f"person:{number}"


def office_stream(subsystem: str) -> str:
    """Stream of a subsystem: ``configuration``, ``definitions``, ``jobs``, ``sign_in``."""
    return f"office:{subsystem}"


def commit_to(salt: bytes, payload: bytes) -> str:
    """``payload_commit``: hex SHA-256 of salt and canonical payload."""
    return hashlib.sha256(salt + payload).hexdigest()


#: The columns that ``leaf_hash`` covers, in the order in which a reader sees them.
COVERED = tuple(column.key for column in table(Event).columns if column.key != "leaf_hash")


def leaf_hash(columns: Mapping[str, Any]) -> str:
    """Hex SHA-256 over 0x00 and the canonical form of an event's columns (RFC 6962 leaf)."""
    return hashlib.sha256(b"\x00" + canonical({key: columns[key] for key in COVERED})).hexdigest()


def new_event_id() -> str:
    """A random event id. Order comes from (stream, seq), never from an id."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Entry:
    """One of many acts: what to record, under which event id, and its stream's (seq, hash) when it was read."""

    act: Act
    event_id: str
    head: tuple[int, str] | None = None


def record(
    session: Session, act: Act, *, event_id: str | None = None, head: tuple[int, str] | None = None
) -> str:
    """Write one act into the record, in the caller's transaction; returns its event id.

    ``head`` is the stream's (seq, hash) if the caller has read it already. It saves a statement and is believed only
    while the stream has not moved since. ``event_id`` lets rows written in the same transaction name the event.
    """
    entry = Entry(act, event_id or new_event_id(), head)
    record_many(session, [entry])
    return entry.event_id


def record_many(session: Session, entries: Sequence[Entry]) -> None:
    """Write acts of as many streams into the record, in the caller's transaction; one statement a kind of row.

    A stream whose ``head`` is its beginning is new, and nobody else's: that of an instance whose number was just taken.
    """
    if not entries:
        return
    pairs = [_unplaced(entry) for entry in entries]
    events = [columns for columns, _ in pairs]
    new = [columns for columns, entry in zip(events, entries, strict=True) if entry.head == BEGINNING]
    old = [(columns, entry.head) for columns, entry in zip(events, entries, strict=True) if entry.head != BEGINNING]
    if new:
        rows = [{"name": place["stream"], **_placed(place, BEGINNING)} for place in new]
        _NEW_STREAM(session, rows)
    if len(old) == 1:
        [(columns, head)] = old
        if head is None or not _advance(session, [(columns, head)]):
            _advance_locked(session, [columns])
    elif old:
        _advance_locked(session, [columns for columns, _ in old])
    _NEW_EVENT(session, events)
    _NEW_PAYLOAD(session, [payload for _, payload in pairs])


def _unplaced(entry: Entry) -> tuple[dict[str, Any], dict[str, Any]]:
    """The event's columns but for its place in the stream, and its payload's row."""
    act, salt, payload = entry.act, secrets.token_bytes(32), canonical(entry.act.payload)
    columns: dict[str, Any] = {
        "event_id": entry.event_id,
        "stream": act.stream,
        "at": act.at,
        "recorded_at": machine_now(),
        "kind": act.kind.value,
        "actor": act.actor.person,
        "actor_kind": act.actor.kind.value,
        "on_behalf_of": act.actor.on_behalf_of,
        "actor_role": act.actor.role,
        "actor_org": act.actor.organisation,
        "definition": act.definition,
        "instance": act.instance,
        "task": act.task,
        "outcome": act.outcome,
        "reason": act.reason,
        "ip": act.actor.ip,
        "alg": ALG,
        "payload_commit": commit_to(salt, payload),
    }
    return columns, {"event_id": entry.event_id, "salt": salt, "payload": payload}


def _placed(columns: dict[str, Any], head: tuple[int, str]) -> dict[str, Any]:
    """Give the event its place after ``head``; returns the stream's head after it."""
    seq, previous = head
    columns |= {"seq": seq + 1, "prev_hash": previous}
    columns["leaf_hash"] = leaf_hash(columns)
    return {"seq": seq + 1, "head_hash": columns["leaf_hash"]}


def _advance(session: Session, events: Sequence[tuple[dict[str, Any], tuple[int, str]]]) -> bool:
    """Place events after their streams' heads and move those; false if one head was another."""
    rows = [
        {"of_stream": columns["stream"], "of_seq": head[0], "of_hash": head[1], **_placed(columns, head)}
        for columns, head in events
    ]
    return _MOVED_STREAM(session, rows).rowcount == len(rows)


def _advance_locked(session: Session, events: Sequence[dict[str, Any]]) -> None:
    """Place events after the heads that their streams have now, locked until the transaction ends."""
    heads = _locked_heads(session, [columns["stream"] for columns in events])
    if not _advance(session, [(columns, heads[columns["stream"]]) for columns in events]):
        raise RuntimeError("a stream moved under its own lock")


def _locked_heads(session: Session, streams: Sequence[str]) -> dict[str, tuple[int, str]]:
    """The streams' heads, their rows locked until the transaction ends; a row is made where there is none."""
    query = (
        select(Stream.name, Stream.seq, Stream.head_hash)
        .where(Stream.name.in_(streams))
        .order_by(Stream.name)
        .with_for_update()
    )
    found = {name: (seq, head) for name, seq, head in session.execute(query)}
    missing = [name for name in streams if name not in found]
    if missing:
        for name in missing:
            session.execute(open_stream(session, name))
        found = {name: (seq, head) for name, seq, head in session.execute(query)}
    return found


def open_stream(session: Session, stream: str) -> Executable:
    """Statement that makes a stream's row unless somebody else just did."""
    return upsert(Stream, session.get_bind().dialect.name).values(name=stream, seq=0, head_hash=FIRST).on_conflict_do_nothing()
