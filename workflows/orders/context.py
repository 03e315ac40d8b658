"""What an order of a diagram (service task) is given, and what it may do besides writing registers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from workflows import people
from workflows.audit import Actor
from workflows.models import Organisation, Round
from workflows.notices import Message
from workflows.policies import Pack


@dataclass(frozen=True)
class Outgoing:
    """A message that an order sends: it leaves with the act, and is delivered after the commit."""

    name: str
    key: str
    variables: Mapping[str, Any]


@dataclass(frozen=True)
class OrderContext:
    """What an order may know: the case it works for, what the step sees, and the act that it is part of."""

    instance_number: str
    #: Key of the case; empty while it is being started.
    instance_id: int | None
    #: The employing organisation.
    organisation: Organisation
    #: Who started the case: of an application its applicant.
    starter: people.Somebody
    #: The round that the case stands in (an application), if any.
    round: Round | None
    pack: Pack
    variables: Mapping[str, Any]
    #: What earlier orders of the case gave out (``instance.facts``).
    facts: Mapping[str, Any]
    actor: Actor
    at: datetime
    #: Id of the event that the act writes.
    event: str
    sent: list[Outgoing] = field(default_factory=list)
    told: list[Message] = field(default_factory=list)

    def send(self, name: str, key: str, variables: Mapping[str, Any] | None = None) -> None:
        """Send a message, as a throw event of the diagram would: a delivery of the same transaction."""
        self.sent.append(Outgoing(name, key, dict(variables or {})))

    def tell(
        self, session: Session, person_ids: Iterable[int], kind: str, params: Mapping[str, Any], *,
        instance: str | None = None,
    ) -> None:
        """Queue a notice to people; ``instance`` is the case that it links to, if not the order's own."""
        found = people.somebodies(session, list(person_ids))
        if found:
            mailable = {one.id: one.mailable for one in found.values()}
            self.told.append(Message(mailable, kind, params, instance=instance))

    def given(self, name: str) -> Any:
        """A value that the step hands to the order; ``KeyError`` names the one that is missing."""
        return self.variables[name]


#: (session, context) -> values that are kept as the case's facts (``instance.facts``) and recorded with the event.
OrderFunction = Callable[[Session, OrderContext], Mapping[str, Any]]
