"""The record: streams of events, chained; payloads apart, so that lawful erasure leaves the chain whole."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DDL, CheckConstraint, ForeignKey, Index, UniqueConstraint, event
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


#: Statements that make a database refuse changes; run after the tables are made and by the first migration.
#: SQLite needs a BEFORE INSERT trigger as well, because INSERT OR REPLACE passes its delete triggers.
SQLITE_GUARDS = (
    """CREATE TRIGGER event_no_update BEFORE UPDATE ON event
       BEGIN SELECT RAISE(ABORT, 'the record is never changed'); END""",
    """CREATE TRIGGER event_no_delete BEFORE DELETE ON event
       BEGIN SELECT RAISE(ABORT, 'the record is never deleted'); END""",
    """CREATE TRIGGER event_no_replace BEFORE INSERT ON event
       WHEN EXISTS (SELECT 1 FROM event WHERE event_id = NEW.event_id OR (stream = NEW.stream AND seq = NEW.seq))
       BEGIN SELECT RAISE(ABORT, 'the record is never replaced'); END""",
    """CREATE TRIGGER event_payload_no_update BEFORE UPDATE ON event_payload
       BEGIN SELECT RAISE(ABORT, 'the record is never changed'); END""",
    """CREATE TRIGGER event_payload_no_delete BEFORE DELETE ON event_payload
       WHEN NOT EXISTS (SELECT 1 FROM erasure WHERE event_id = OLD.event_id)
       BEGIN SELECT RAISE(ABORT, 'a payload goes only by lawful erasure'); END""",
    """CREATE TRIGGER event_payload_no_replace BEFORE INSERT ON event_payload
       WHEN EXISTS (SELECT 1 FROM event_payload WHERE event_id = NEW.event_id)
         OR EXISTS (SELECT 1 FROM erasure WHERE event_id = NEW.event_id)
       BEGIN SELECT RAISE(ABORT, 'the record is never replaced'); END""",
    """CREATE TRIGGER erasure_no_update BEFORE UPDATE ON erasure
       BEGIN SELECT RAISE(ABORT, 'the record is never changed'); END""",
    """CREATE TRIGGER erasure_no_delete BEFORE DELETE ON erasure
       BEGIN SELECT RAISE(ABORT, 'the record is never deleted'); END""",
)
POSTGRES_GUARDS = (
    """CREATE FUNCTION record_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'event_payload' THEN
           IF EXISTS (SELECT 1 FROM erasure WHERE event_id = OLD.event_id) THEN RETURN OLD; END IF;
         END IF;
         RAISE EXCEPTION 'the record is never changed or deleted (%)', TG_TABLE_NAME;
       END $$""",
    "CREATE TRIGGER event_guard BEFORE UPDATE OR DELETE ON event FOR EACH ROW EXECUTE FUNCTION record_refuses()",
    "CREATE TRIGGER event_keep BEFORE TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION record_refuses()",
    """CREATE TRIGGER event_payload_guard BEFORE UPDATE OR DELETE ON event_payload
       FOR EACH ROW EXECUTE FUNCTION record_refuses()""",
    """CREATE TRIGGER event_payload_keep BEFORE TRUNCATE ON event_payload
       FOR EACH STATEMENT EXECUTE FUNCTION record_refuses()""",
    "CREATE TRIGGER erasure_guard BEFORE UPDATE OR DELETE ON erasure FOR EACH ROW EXECUTE FUNCTION record_refuses()",
    "CREATE TRIGGER erasure_keep BEFORE TRUNCATE ON erasure FOR EACH STATEMENT EXECUTE FUNCTION record_refuses()",
)

for _statement in SQLITE_GUARDS:
    event.listen(Row.metadata, "after_create", DDL(_statement.replace("%", "%%")).execute_if(dialect="sqlite"))
for _statement in POSTGRES_GUARDS:
    event.listen(Row.metadata, "after_create", DDL(_statement.replace("%", "%%")).execute_if(dialect="postgresql"))
