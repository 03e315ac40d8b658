"""What moves instances besides people: subscriptions, deliveries on their way, parts of large states, and incidents."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from workflows.models.columns import Key, Row


class Part(Row):
    """A part of an instance's state that is read and written by itself (workflows.engine, Progress.parts)."""

    __tablename__ = "part"

    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), primary_key=True)
    #: Ordered byte by byte, so that every part whose key begins with some text is a range of the index.
    key: Mapped[str] = mapped_column(String().with_variant(String(collation="C"), "postgresql"), primary_key=True)
    data: Mapped[bytes]


class Subscription(Row):
    """A step that waits for a message or a signal."""

    __tablename__ = "subscription"
    __table_args__ = (
        UniqueConstraint("instance_id", "token"),
        Index(
            "ix_subscription_open", "kind", "name", "key",
            sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[Key]
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    #: The engine's token.
    token: Mapped[str]
    step_id: Mapped[str]
    #: ``message`` or ``signal``.
    kind: Mapped[str]
    name: Mapped[str]
    #: What the message must carry; empty for a message without key, and for signals.
    key: Mapped[str] = mapped_column(default="")
    #: Whether it goes on waiting after it was met (non-interrupting).
    stays: Mapped[bool] = mapped_column(default=False)
    opened_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    #: ``met`` or ``cancelled`` once ``ended_at`` is set.
    result: Mapped[str | None]


class Delivery(Row):
    """Something on its way to an instance; claimed in the transaction that acts on it, so that it arrives once."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index(
            "ix_delivery_due", "due_at",
            sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_delivery_waiting", "kind", "name", "key",
            sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[Key]
    #: Makes it one however often its cause is repeated: ``<instance>:<event id>:<n>``, or what the sender names.
    origin: Mapped[str] = mapped_column(unique=True)
    #: ``message``, ``signal``, ``call`` (start a called process), ``returned`` (it has ended), ``reported`` (its error or
    #: escalation), ``called_off`` (end it).
    kind: Mapped[str]
    #: Name of the message or signal, process id of a call, code of what was reported.
    name: Mapped[str]
    key: Mapped[str] = mapped_column(default="")
    #: Plain values, packed by ``engine.pack`` so that decimals stay exact.
    variables: Mapped[dict[str, Any]]
    #: Who sent it: an instance, or a person.
    from_instance_id: Mapped[int | None] = mapped_column(ForeignKey("instance.id"))
    from_person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    #: The step of that instance that sent it.
    step_id: Mapped[str | None]
    #: Where it goes, when that is known: the instance, and the token there. Of a call: the caller's own token.
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instance.id"), index=True)
    token: Mapped[str | None]
    made_at: Mapped[datetime]
    #: When it is tried next.
    due_at: Mapped[datetime]
    #: A message that found nobody until then is given up.
    expires_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    #: ``delivered``, ``expired``, ``called_off`` once ``ended_at`` is set.
    result: Mapped[str | None]


class Incident(Row):
    """An act that the machine could not carry out (流程异常): nothing moved; it is tried again, and somebody looks."""

    __tablename__ = "incident"
    __table_args__ = (
        Index(
            "ix_incident_due", "next_try_at",
            sqlite_where=text("status = 'open'"), postgresql_where=text("status = 'open'"),
        ),
        # What fails again is the same incident, with one more try.
        Index(
            "uq_incident_open", "subject", unique=True,
            sqlite_where=text("status = 'open'"), postgresql_where=text("status = 'open'"),
        ),
    )

    id: Mapped[Key]
    #: Random public id; stands in addresses.
    number: Mapped[str] = mapped_column(unique=True)
    #: What failed: ``task:<number>/<person number>``, ``timer:<id>``, ``delivery:<id>``, ``start:<token>``.
    subject: Mapped[str]
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instance.id"), index=True)
    step_id: Mapped[str | None]
    #: Name of the refusal's class, or of the exception's.
    cause: Mapped[str]
    #: The sentence (a message id) and what fills its places.
    message: Mapped[str]
    params: Mapped[dict[str, Any]]
    #: What helps to understand it: expression, place, variables read; never shown to people without the case.
    detail: Mapped[dict[str, Any]]
    #: What has to be done again: the verb's own arguments, for a completion the submission.
    request: Mapped[dict[str, Any]]
    #: Who acted when it failed; empty for a machine.
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=1)
    #: Empty when only a person may try again.
    next_try_at: Mapped[datetime | None]
    #: ``open``, ``resolved`` (a later try went through), ``moot`` (what failed is no longer asked for), ``dismissed``.
    status: Mapped[str]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
