"""Orders of an application that has come to its end well: what is made public, and who is entered as a researcher."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from workflows import candidates
from workflows.access import office_day
from workflows.errors import NotFound
from workflows.models import Person
from workflows.orders.context import OrderContext
from workflows.registers import applications, publicity, researchers
from workflows.registers.researchers import Appointment
from workflows.settings import OFFICE_ZONE


def register(session: Session, context: OrderContext) -> Mapping[str, Any]:
    """Enter the applicant as a researcher (R1, R3, role), and settle the application as appointed.

    Takes ``post`` (its code in the round), ``order_no``, ``report_on``, ``term_start``, ``term_end``, ``probation_months``.
    The number of the appointment is a fact of the case. The staffing matrix (R2) is worked out from R1, so that the cell
    is covered by this very row.
    """
    given = context.variables
    post = _post(context)
    report_on = _day(given["report_on"])
    number = researchers.appoint(
        session, session.get_one(Person, context.starter.id), context.organisation,
        Appointment(
            context.round.post_type if context.round is not None else "专职", [post["subject"]], [post["stage"]], report_on,
            _day(given.get("term_start") or report_on), _day(given["term_end"]) if given.get("term_end") else None,
            str(given["order_no"]), int(given.get("probation_months") or 0),
        ),
        prefix=str(context.pack["place"]["number_prefix"]), by=context.actor, at=context.at, event=context.event,
        instance=context.instance_number,
    )
    applications.settle(session, context.instance_number, "appointed", at=context.at, event=context.event)
    heads = candidates.holders(session, "tri_head", context.organisation.id, office_day(context.at))
    context.tell(session, heads, "researcher_appointed", {
        "name": context.starter.name, "number": context.instance_number, "appointment_no": number,
        "organisation": context.organisation.name, "subject": post["subject"], "stage": post["stage"],
        "report_on": report_on.isoformat(),
    })
    return {"appointment_no": number}


def _post(context: OrderContext) -> Mapping[str, Any]:
    posts = context.round.posts if context.round is not None else []
    for post in posts:
        if post["code"] == context.given("post"):
            found: Mapping[str, Any] = post
            return found
    raise NotFound()


def publish(session: Session, context: OrderContext) -> Mapping[str, Any]:
    """Publish the publicity (公示, R10) with its exact text, and tell the applicant and their unit.

    Takes ``title``, ``text``, ``until``, ``contact``, ``days``, ``day_kind``, ``channels`` and ``unit`` (the code of the home unit).
    """
    given = context.variables
    until = _moment(given["until"])
    number = publicity.publish(
        session, context.organisation, context.round, title=str(given["title"]), text=str(given["text"]), until=until,
        contact=str(given["contact"]), prefix=str(context.pack["place"]["number_prefix"]), by=context.actor, at=context.at,
        instance=context.instance_number,
        details={"days": int(given["days"]), "day_kind": given["day_kind"], "channels": list(given["channels"]),
                 "unit": given["unit"], "person": context.starter.number},
    )  # fmt: skip
    told = [context.starter.id, *candidates.holders(
        session, "home_principal", context.organisation.id, office_day(context.at), at=str(given["unit"]),
    )]
    context.tell(session, dict.fromkeys(told), "publicity_published", {
        "title": str(given["title"]), "number": context.instance_number, "notice": number,
        "until": until.astimezone(OFFICE_ZONE).strftime("%Y-%m-%d %H:%M"),
    })
    return {"publicity_no": number}


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        return office_day(value)
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _moment(value: Any) -> datetime:
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found if found.tzinfo is not None else found.replace(tzinfo=OFFICE_ZONE)
