"""The record: streams of events, chained; payloads apart, so that lawful erasure leaves the chain whole.

The first migration adds triggers with which both databases refuse to change, delete or replace a row of these tables.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from workflows.models.columns import Row


class Stream(Row):
    """The head of one stream: an instance, a person, or a subsystem."""

    __tablename__ = "stream"

    name: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    head_hash: Mapped[str]


class Event(Row):
    """One act. Written once; the database refuses to change or remove it."""

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("stream", "seq"),
        Index("ix_event_instance", "instance"),
        Index("ix_event_actor_at", "actor", "at"),
        Index("ix_event_at", "at"),
        CheckConstraint(
            "(actor_kind IN ('rule', 'timeout') AND actor IS NULL)"
            " OR (actor_kind IN ('person', 'proxy', 'administrator', 'import') AND actor IS NOT NULL)",
            name="machines_have_no_name",
        ),
        CheckConstraint("(actor_kind = 'proxy') = (on_behalf_of IS NOT NULL)", name="proxy_names_both"),
        {"sqlite_with_rowid": False},
    )

    event_id: Mapped[str] = mapped_column(primary_key=True)
    #: ``instance:<number>``, ``person:<number>``, or ``office:<subsystem>``.
    stream: Mapped[str]
    #: 1, 2, 3 … without a gap within the stream.
    seq: Mapped[int]
    #: Office clock.
    at: Mapped[datetime]
    #: Machine clock, always.
    recorded_at: Mapped[datetime]
    #: ``subject:past``, see ``workflows.audit.Kind``.
    kind: Mapped[str]
    #: Person number of who really acted; empty for a machine.
    actor: Mapped[str | None]
    #: person, proxy, administrator, rule, timeout, import.
    actor_kind: Mapped[str]
    on_behalf_of: Mapped[str | None]
    actor_role: Mapped[str | None]
    #: Organisation code.
    actor_org: Mapped[str | None]
    #: Definition digest.
    definition: Mapped[str | None]
    #: Instance number.
    instance: Mapped[str | None]
    #: Task number.
    task: Mapped[str | None]
    outcome: Mapped[str | None]
    #: A short machine-readable reason (an error code); free text stands in the payload.
    reason: Mapped[str | None]
    ip: Mapped[str | None]
    #: Name of every digest in this event, e.g. ``sha256``.
    alg: Mapped[str]
    #: Digest of salt and canonical payload.
    payload_commit: Mapped[str]
    #: ``leaf_hash`` of the event before it in the stream; zeros for the first.
    prev_hash: Mapped[str]
    #: Digest of all the above.
    leaf_hash: Mapped[str]


class EventPayload(Row):
    """What the act was about, in canonical form, with the salt of its commitment."""

    __tablename__ = "event_payload"
    __table_args__ = ({"sqlite_with_rowid": False},)

    event_id: Mapped[str] = mapped_column(ForeignKey("event.event_id"), primary_key=True)
    salt: Mapped[bytes]
    #: Canonical JSON (RFC 8785, restricted), UTF-8.
    payload: Mapped[bytes]


class Erasure(Row):
    """A lawful erasure: names the event whose payload may go and the event that orders it."""

    __tablename__ = "erasure"

    event_id: Mapped[str] = mapped_column(ForeignKey("event.event_id"), primary_key=True)
    ordered_by_event: Mapped[str] = mapped_column(ForeignKey("event.event_id"))
    at: Mapped[datetime]
