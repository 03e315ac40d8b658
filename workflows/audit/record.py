"""``record()``: the one way in which an act enters the record, inside the transaction of the act."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from workflows.audit.canonical import canonical
from workflows.audit.kinds import ActorKind, Kind
from workflows.clock import machine_now
from workflows.models import Event, EventPayload, Stream

#: Name of the digest in use; every event carries it, so that SM3 can stand beside it one day.
ALG = "sha256"
#: ``prev_hash`` of the first event of a stream.
FIRST = "0" * 64


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
COVERED = tuple(column.key for column in Event.__table__.columns if column.key != "leaf_hash")


def leaf_hash(columns: Mapping[str, Any]) -> str:
    """Hex SHA-256 over 0x00 and the canonical form of an event's columns (RFC 6962 leaf)."""
    return hashlib.sha256(b"\x00" + canonical({key: columns[key] for key in COVERED})).hexdigest()


def new_event_id() -> str:
    """A random event id. Order comes from (stream, seq), never from an id."""
    return secrets.token_hex(16)


def record(
    session: Session, act: Act, *, event_id: str | None = None, head: tuple[int, str] | None = None
) -> str:
    """Write one act into the record, in the caller's transaction; returns its event id.

    ``head`` is the stream's (seq, hash) if the caller has read it already. It saves a statement and is believed only
    while the stream has not moved since. ``event_id`` lets rows written in the same transaction name the event.
    """
    salt, payload = secrets.token_bytes(32), canonical(act.payload)
    columns: dict[str, Any] = {
        "event_id": event_id or new_event_id(),
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
    if head is None or not _advance(session, columns, head):
        if not _advance(session, columns, _locked_head(session, act.stream)):
            raise RuntimeError(f"stream {act.stream} moved under its own lock")
    session.execute(insert(Event).values(**columns))
    session.execute(insert(EventPayload).values(event_id=columns["event_id"], salt=salt, payload=payload))
    return str(columns["event_id"])


def _advance(session: Session, columns: dict[str, Any], head: tuple[int, str]) -> bool:
    """Give the event its place after ``head`` and move the stream's head to it; false if the head was another."""
    seq, previous = head
    columns |= {"seq": seq + 1, "prev_hash": previous}
    columns["leaf_hash"] = leaf_hash(columns)
    moved = session.execute(
        update(Stream)
        .where(Stream.name == columns["stream"], Stream.seq == seq, Stream.head_hash == previous)
        .values(seq=seq + 1, head_hash=columns["leaf_hash"])
    )
    return bool(moved.rowcount)  # type: ignore[attr-defined]


def _locked_head(session: Session, stream: str) -> tuple[int, str]:
    """The stream's head, its row locked until the transaction ends; the row is made if there is none."""
    query = select(Stream.seq, Stream.head_hash).where(Stream.name == stream).with_for_update()
    found = session.execute(query).one_or_none()
    if found is None:
        session.execute(open_stream(session, stream))
        found = session.execute(query).one()
    return found.seq, found.head_hash


def open_stream(session: Session, stream: str) -> Executable:
    """Statement that makes a stream's row unless somebody else just did."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(Stream).values(name=stream, seq=0, head_hash=FIRST).on_conflict_do_nothing()
