"""Orders of an application (教研员申报): its admission number, and what it came to in its round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from workflows import people
from workflows.models import Round
from workflows.orders.context import OrderContext
from workflows.registers import applications

#: Sent to the round when nobody in it waits for a conclusion on their qualification any more.
ALL_SETTLED = "all_settled"


def issue_admission_number(session: Session, context: OrderContext) -> Mapping[str, Any]:
    """A13: the applicant is qualified; give them the next admission number (准考证号), e.g. ``LN-R2026-001-0007``.

    Takes ``post`` and ``teaching_months``. Who has a number keeps it: a recheck that was changed gives no second one.
    """
    number = applications.admission_number(session, context.instance_number)
    if number is None:
        series = context.round.number if context.round is not None else context.instance_number
        number = f"{series}-{people.next_in_series(session, f'admission:{series}'):04d}"
    _settled(session, context, "qualified", admission_no=number)
    return {"admission_no": number}


def settle(session: Session, context: OrderContext) -> Mapping[str, Any]:
    """Write the ``status`` that the application came to; optional ``post``, ``teaching_months``, ``reason``.

    Tells the round (``all_settled``) when it has closed and this was the last one open.
    """
    _settled(session, context, str(context.given("status")))
    return {}


def _settled(session: Session, context: OrderContext, status: str, admission_no: str | None = None) -> None:
    given = context.variables
    months = given.get("teaching_months")
    closed = applications.settle(
        session, context.instance_number, status, at=context.at, event=context.event, post=given.get("post"),
        teaching_months=None if months is None else int(months), reason=given.get("reason"), admission_no=admission_no,
    )
    if closed is not None:
        all_settled(context, closed)


def all_settled(context: OrderContext, row: Round) -> None:
    """Tell a round that every qualification is settled."""
    context.send(ALL_SETTLED, row.number, {"round": row.number})
