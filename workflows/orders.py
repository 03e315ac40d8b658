"""What automatic steps do: service-task type -> function, run in the transaction of the completion that reaches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from workflows import people
from workflows.models import Round

#: (session, context) -> values that are stored under ``documents`` of the event and kept as instance facts.
OrderFunction = Callable[[Session, "OrderContext"], Mapping[str, Any]]


@dataclass(frozen=True)
class OrderContext:
    """What an order may know: the case it works for and its variables."""

    instance_number: str
    round: Round | None
    variables: Mapping[str, Any]
    at: datetime


def issue_admission_number(session: Session, context: OrderContext) -> Mapping[str, Any]:
    """A13: give the applicant the next admission number (准考证号) of the round, e.g. ``LN-R2026-001-0007``."""
    series = context.round.number if context.round is not None else context.instance_number
    serial = people.next_in_series(session, f"admission:{series}")
    return {"admission_no": f"{series}-{serial:04d}"}


ORDERS: Mapping[str, OrderFunction] = {
    "admission.issue_number": issue_admission_number,
}
