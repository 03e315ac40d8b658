"""What passes between instances, as rows: who waits for what, what is on its way, and the parts of large states."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, or_, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from workflows import engine
from workflows.db import upsert
from workflows.engine.rows import pack
from workflows.models import Delivery, Instance, Part, Subscription, Task, Timer

#: For so long a message waits for somebody who waits for it.
MESSAGE_WAITS = timedelta(days=30)


@dataclass
class Post:
    """What one act sends. Its rows are written by ``send``, each once however often the act is repeated."""

    at: datetime
    #: Names the act; origins are counted within it.
    origin: str
    #: Who sends: an instance, or a person.
    from_instance_id: int | None = None
    from_person_id: int | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self, kind: str, name: str, *, key: str = "", variables: Mapping[str, Any] | None = None,
        step_id: str | None = None, instance_id: int | None = None, token: str | None = None,
    ) -> None:
        """Put one thing on its way; ``variables`` are plain values."""
        self.rows.append({
            "origin": f"{self.origin}:{len(self.rows)}", "kind": kind, "name": name, "key": key,
            "variables": pack(dict(variables or {})), "from_instance_id": self.from_instance_id,
            "from_person_id": self.from_person_id, "step_id": step_id, "instance_id": instance_id, "token": token,
            "made_at": self.at, "due_at": self.at,
            "expires_at": self.at + MESSAGE_WAITS if kind == "message" else None,
        })  # fmt: skip

    def signal(
        self, session: Session, name: str, variables: Mapping[str, Any], starts: Iterable[str], *,
        step_id: str | None = None, among: ColumnElement[bool] | None = None,
    ) -> None:
        """One delivery to every step of another instance that waits for a signal now, and to each process it starts.

        ``among`` is a condition on the instances that it may reach.
        """
        query = (
            select(Subscription.instance_id, Subscription.token)
            .join(Instance, Instance.id == Subscription.instance_id)
            .where(Subscription.kind == "signal", Subscription.name == name, Subscription.ended_at.is_(None))
            .order_by(Subscription.id)
        )
        if self.from_instance_id is not None:
            query = query.where(Subscription.instance_id != self.from_instance_id)
        for instance_id, token in session.execute(query if among is None else query.where(among)):
            self.add("signal", name, variables=variables, step_id=step_id, instance_id=instance_id, token=token)
        for process_id in starts:
            self.add("signal", name, key=process_id, variables=variables, step_id=step_id)

    def send(self, session: Session) -> tuple[int, ...]:
        """Write the rows, in one statement; returns their ids."""
        if not self.rows:
            return ()
        made = session.execute(
            insert(Delivery).returning(Delivery.id, sort_by_parameter_order=True), self.rows,
            execution_options={"render_nulls": True},
        )
        return tuple(made.scalars())


def subscribe(session: Session, instance_id: int, progress: engine.Progress, at: datetime) -> tuple[int, ...]:
    """Write who waits for messages and signals now, and who no longer does; returns the messages that were waiting."""
    if progress.subscriptions_closed:
        session.execute(
            update(Subscription)
            .where(Subscription.instance_id == instance_id, Subscription.token.in_(progress.subscriptions_closed),
                   Subscription.ended_at.is_(None))
            .values(ended_at=at, result="cancelled")
        )
    if not progress.subscriptions:
        return ()
    session.execute(insert(Subscription), [
        {"instance_id": instance_id, "token": one.token, "step_id": one.step_id, "kind": one.kind, "name": one.name,
         "key": one.key or "", "stays": one.stays, "opened_at": at}
        for one in progress.subscriptions
    ])
    awaited = [(one.name, one.key or "") for one in progress.subscriptions if one.kind == "message"]
    if not awaited:
        return ()
    waiting = select(Delivery.id).where(
        Delivery.kind == "message", tuple_(Delivery.name, Delivery.key).in_(awaited), Delivery.ended_at.is_(None)
    )
    return tuple(session.execute(waiting.order_by(Delivery.id)).scalars())


def call_back(session: Session, post: Post, instance_id: int, tokens: Collection[str], at: datetime) -> None:
    """The call activities with those tokens are over: no call goes out any more, and what was called is to end."""
    if not tokens:
        return
    session.execute(
        update(Delivery)
        .where(Delivery.kind == "call", Delivery.from_instance_id == instance_id, Delivery.token.in_(tokens),
               Delivery.ended_at.is_(None))
        .values(ended_at=at, result="called_off")
    )
    called = select(Instance.id, Instance.process_id).where(
        Instance.parent_id == instance_id, Instance.parent_token.in_(tokens), Instance.ended_at.is_(None)
    )
    for child_id, process_id in session.execute(called.order_by(Instance.id)):
        post.add("called_off", process_id, instance_id=child_id)


def call_off(session: Session, post: Post, instance_id: int, at: datetime) -> None:
    """Close all that an instance waits for, because it ends without having reached an end; what it called is to end."""
    session.execute(
        update(Task)
        .where(Task.instance_id == instance_id, Task.status.in_(("open", "suspended")))
        .values(status="cancelled", done_at=at)
    )
    session.execute(
        update(Timer)
        .where(Timer.instance_id == instance_id, Timer.fired_at.is_(None))
        .values(fired_at=at, result="cancelled")
    )
    session.execute(
        update(Subscription)
        .where(Subscription.instance_id == instance_id, Subscription.ended_at.is_(None))
        .values(ended_at=at, result="cancelled")
    )
    session.execute(
        update(Delivery)
        .where(Delivery.kind == "call", Delivery.from_instance_id == instance_id, Delivery.ended_at.is_(None))
        .values(ended_at=at, result="called_off")
    )
    called = select(Instance.id, Instance.process_id).where(
        Instance.parent_id == instance_id, Instance.ended_at.is_(None)
    )
    for child_id, process_id in session.execute(called.order_by(Instance.id)):
        post.add("called_off", process_id, instance_id=child_id)


# --- parts of a state -----------------------------------------------------------------------------------------------


def parts(session: Session, instance_id: int, prefix: str) -> dict[str, bytes]:
    """The stored parts of an instance's state whose keys begin with ``prefix``."""
    found = select(Part.key, Part.data).where(Part.instance_id == instance_id, _begins(Part.key, prefix))
    return {key: bytes(data) for key, data in session.execute(found)}


def write_parts(session: Session, instance_id: int, progress: engine.Progress) -> None:
    """Remove the parts that are no longer needed, then write those that changed."""
    if progress.parts_gone:
        gone = or_(*(_begins(Part.key, prefix) for prefix in progress.parts_gone))
        session.execute(delete(Part).where(Part.instance_id == instance_id, gone))
    if progress.parts:
        statement = upsert(Part, session.get_bind().dialect.name)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=[Part.instance_id, Part.key], set_={"data": statement.excluded.data}
            ),
            [{"instance_id": instance_id, "key": key, "data": data} for key, data in progress.parts.items()],
        )


def _begins(column: InstrumentedAttribute[str], prefix: str) -> ColumnElement[bool]:
    """Condition: the key begins with the text; a range of the index, keys being ASCII and ordered byte by byte."""
    return (column >= prefix) & (column < prefix + "\x7f")
