"""Orders of a round (遴选批次): publishing, closing and changing it, and what it decides of its applications."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflows.access import held_on, office_day
from workflows.audit import Act, Actor, Kind, office_stream, record
from workflows.models import Application, Membership, Round
from workflows.orders.applications import all_settled
from workflows.orders.context import OrderContext
from workflows.people import bureaus_of, organisation_by_code
from workflows.registers import applications, rounds
from workflows.registers.rounds import Planned
from workflows.settings import OFFICE_ZONE

#: Sent by a round to itself when the scores of the written test stand in the register.
BLIND_NUMBERS_OPENED = "blind_numbers_opened"
#: What every application of a cancelled round is sent; the diagrams name it so.
CANCELLED = "批次取消"
#: What the applicant is told when the round has decided, by the status it comes to.
_TOLD: Mapping[str, str] = {
    "shortlisted": "shortlisted", "not_shortlisted": "not_shortlisted", "open": "recheck_failed", "inspecting": "to_be_inspected",
    "reserve": "reserve_listed", "ranked_out": "ranked_out",
}  # fmt: skip


def publish(session: Session, context: OrderContext) -> Mapping[str, Any]:
    """Open the round that ``plan`` (A1) describes with ``posts`` and ``announcement``, and publish it (公告).

    Its number is a fact of the case, ``instance.facts.round``: what the round sends and waits for bears it.
    """
    plan, announcement = context.given("plan"), context.given("announcement")
    planned = Planned(
        str(plan["round_title"]), str(plan["post_type"]), str(plan["channel"]),
        [
            {"code": post["post"], "subject": post["subject"], "stage": post["stage"], "headcount": int(post["headcount"])}
            for post in context.given("posts")
        ],
        max(_moment(plan["open_at"]), context.at), _moment(plan["close_at"]), str(announcement["body"]),
        str(announcement["contact"]),
    )
    prefix = str(context.pack["place"]["number_prefix"])
    opened = rounds.publish(
        session, context.actor, context.organisation, planned, prefix=prefix, at=context.at,
        instance=context.instance_number,
    )
    return {"round": opened.number}


def _moment(value: Any) -> datetime:
    """A moment of a form: text without zone is the office's."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found if found.tzinfo is not None else found.replace(tzinfo=OFFICE_ZONE)


def _round(session: Session, context: OrderContext) -> Round:
    return rounds.locked(session, str(context.facts["round"]))


def close(session: Session, context: OrderContext) -> Mapping[str, Any]:
    """报名截止: from now on the last application that is settled tells the round; if none is open, the round tells itself."""
    row = _round(session, context)
    rounds.change(session, context.actor, row, at=context.at, status="closed")
    session.flush()
    if not applications.open_in(session, row.id):
        all_settled(context, row)
    return {}


def extend(session: Session, context: OrderContext) -> Mapping[str, Any]:
    """延长报名: the window opens again until ``close_at``; everybody who applied is told. Takes ``reason``."""
    row = _round(session, context)
    rounds.change(session, context.actor, row, at=context.at, status="open", close_at=_moment(context.given("close_at")),
                  reason=_text(context, "reason"))
    _tell_everybody(session, context, row, "round_extended",
                    {"close_at": row.close_at.astimezone(OFFICE_ZONE).strftime("%Y-%m-%d %H:%M")})
    return {}


def reduce(session: Session, context: OrderContext) -> Mapping[str, Any]:
    """核减计划: the posts have the headcounts of ``posts`` [{post, headcount}] from now on. Takes ``reason``."""
    row = _round(session, context)
    wanted = {str(post["post"]): int(post["headcount"]) for post in context.given("posts")}
    posts = [{**post, "headcount": wanted.get(post["code"], post["headcount"])} for post in row.posts]
    rounds.change(session, context.actor, row, at=context.at, posts=posts, reason=_text(context, "reason"))
    return {}


def finish(session: Session, context: OrderContext) -> Mapping[str, Any]:
    """The round is over: ``status`` is done or cancelled. Takes ``reason``; who applied is told of a cancellation."""
    row, status = _round(session, context), str(context.given("status"))
    rounds.change(session, context.actor, row, at=context.at, status=status, reason=_text(context, "reason"))
    if status == "cancelled":
        _tell_everybody(session, context, row, "round_cancelled", {"reason": _text(context, "reason") or "-"})
    return {}


def called_off(session: Session, number: str, actor: Actor, words: str, at: datetime) -> list[str]:
    """A round whose own case was ended from outside is cancelled; gives the cases that are to be sent ``CANCELLED``."""
    rounds.change(session, actor, rounds.locked(session, number), at=at, status="cancelled", reason=words)
    return [one["case"] for one in applications.of_round(session, number) if one["status"] not in applications.FINAL]


def unblind(session: Session, context: OrderContext) -> Mapping[str, Any]:
    """启封密号: every paper is marked and signed; from now on a blind number is its applicant's, which is recorded.

    Takes ``papers`` [{blind_no, written_score, absent_or_void}]. Tells the round (``blind_numbers_opened``), which goes on
    in an act of its own: it then reads the scores that this one writes.
    """
    row = _round(session, context)
    row.unblinded_at = context.at
    opened = applications.score_papers(session, row.id, context.given("papers"), at=context.at, event=context.event)
    record(session, Act(office_stream("rounds"), Kind.BLIND_NUMBERS_OPENED, context.at, context.actor, payload={
        "round": row.number, "instance": context.instance_number,
        "opened": [{"blind_no": blind, "admission_no": number} for blind, number in sorted(opened.items())],
    }))  # fmt: skip
    context.send(BLIND_NUMBERS_OPENED, row.number, {"round": row.number})
    return {}


def place(session: Session, context: OrderContext) -> Mapping[str, Any]:
    """Write what the round decided of one application, and tell its applicant.

    Takes ``case``, ``status``, ``once`` (where it stood when the round looked), optional ``recheck_result``, ``rank``,
    ``result`` (total and steps), ``reason``, ``words`` (what the notice says). Whoever moved meanwhile makes the round look again.
    """
    given = context.variables
    case, status = str(context.given("case")), str(context.given("status"))
    rank = given.get("rank")
    person = applications.place(
        session, case, once=list(context.given("once")), status=status, at=context.at, event=context.event,
        recheck_result=given.get("recheck_result"), rank=None if rank is None else int(rank),
        scores=given.get("result"), reason=given.get("reason"),
    )
    if status in _TOLD:
        context.tell(session, [person], _TOLD[status], {"number": case, "words": str(given.get("words") or "")},
                     instance=case)
    return {}


def remind(session: Session, context: OrderContext) -> Mapping[str, Any]:
    """Tell the hiring bureau's personnel office what the round still waits for: ``waiting`` is open or posts."""
    row = _round(session, context)
    if context.given("waiting") == "open":
        open_ones = applications.open_in(session, row.id)
        kind, params = "applications_open", {"items": "、".join(open_ones), "count": str(len(open_ones))}
    else:
        counted = applications.counted(session, row.number)
        kind, params = "round_waits", {"count": str(counted.get("inspecting", 0) + counted.get("reserve", 0))}
    context.tell(session, _personnel(session, context), kind, {"title": row.title, **params})
    return {}


def _personnel(session: Session, context: OrderContext) -> list[int]:
    bureau = bureaus_of(session, [context.organisation.code]).get(context.organisation.code)
    if bureau is None:
        return []
    place = organisation_by_code(session, bureau)
    return list(session.execute(
        select(Membership.person_id).where(
            Membership.organisation_id == place.id, Membership.role == "bureau_hr", held_on(office_day(context.at))
        )
    ).scalars())


def _tell_everybody(session: Session, context: OrderContext, row: Round, kind: str, params: Mapping[str, Any]) -> None:
    everybody = select(Application.person_id).where(
        Application.round_id == row.id, Application.status.not_in(applications.FINAL)
    )
    context.tell(session, session.execute(everybody.distinct()).scalars(), kind, {"title": row.title, **params})


def _text(context: OrderContext, name: str) -> str | None:
    value = context.variables.get(name)
    return str(value) if value else None
