"""The register of applications (报名台账): where each one stands in its round, written by the acts of both."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from workflows.errors import N_, InstanceMoved, NotFound
from workflows.models import Application, Instance, Person, Round, Submission

#: Status of an application in its round -> its words.
STATUSES: Mapping[str, str] = {
    "open": N_("资格审查中"), "qualified": N_("资格合格"), "not_qualified": N_("资格不符合"), "lapsed": N_("超期未补正"),
    "withdrawn": N_("已撤回或放弃"), "cancelled": N_("已终止"), "shortlisted": N_("入围"), "not_shortlisted": N_("未入围"),
    "inspecting": N_("进入考察"), "reserve": N_("候补"), "ranked_out": N_("未入选"),
    "not_selected": N_("考察或审定未通过"), "objection_upheld": N_("异议属实"), "appointed": N_("已聘任"),
    "round_cancelled": N_("批次取消"), "ended": N_("已办结"),
}  # fmt: skip
#: Statuses that an application never leaves.
FINAL = frozenset({
    "not_qualified", "lapsed", "withdrawn", "cancelled", "not_shortlisted", "ranked_out", "not_selected",
    "objection_upheld", "appointed", "round_cancelled", "ended",
})  # fmt: skip
#: Digits of a blind number: enough that nobody guesses whose it is, few enough to be written on a paper.
_BLIND_DIGITS = 6


def enter(
    session: Session, round_id: int, instance_id: int, person_id: int, *, at: datetime, event: str
) -> None:
    """Enter an application that begins, in the caller's transaction: it is open until its qualification is settled."""
    session.add(Application(
        round_id=round_id, instance_id=instance_id, person_id=person_id, status="open", scores={}, begun_at=at,
        changed_at=at, begun_by_event=event, changed_by_event=event,
    ))  # fmt: skip


def settle(
    session: Session, instance_number: str, status: str, *, at: datetime, event: str, post: str | None = None,
    teaching_months: int | None = None, reason: str | None = None, admission_no: str | None = None,
) -> Round | None:
    """Write what an application came to; gives its round back when with this one nobody is open any more.

    The round's row is locked first, so that of two that settle at one moment the second sees the first, and a round that is
    being closed sees both. Nothing comes back unless the application was open and the round has closed (报名截止).
    """
    if status not in STATUSES:
        raise ValueError(f"no status of an application: {status}")
    found = session.execute(
        select(Round).join(Application, Application.round_id == Round.id)
        .join(Instance, Instance.id == Application.instance_id)
        .where(Instance.number == instance_number)
        .with_for_update(of=Round)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        return None  # it stands in no round
    row = _of(session, [instance_number])[instance_number]
    was_open = row.status == "open"
    row.status, row.changed_at, row.changed_by_event = status, at, event
    row.post = post or row.post
    row.teaching_months = row.teaching_months if teaching_months is None else teaching_months
    row.reason = reason or row.reason
    row.admission_no = row.admission_no or admission_no
    if status == "qualified":
        if row.recheck_result is not None:
            row.recheck_result = "合格"  # the review of the recheck (复核) changed it
        if row.blind_no is None:
            row.blind_no = _blind_number(session, found.id)
    session.flush()
    return found if was_open and found.status == "closed" and not open_in(session, found.id) else None


def leave(session: Session, instance_number: str, *, at: datetime, event: str) -> Round | None:
    """An application's case has ended: one that is still open is settled as ended. As ``settle``."""
    is_open = session.execute(
        select(Application.id)
        .join(Instance, Instance.id == Application.instance_id)
        .where(Instance.number == instance_number, Application.status == "open")
    ).first()
    return settle(session, instance_number, "ended", at=at, event=event) if is_open else None


def open_in(session: Session, round_id: int) -> list[str]:
    """Numbers of the applications of a round whose qualification is not settled."""
    return list(session.execute(
        select(Instance.number)
        .join(Application, Application.instance_id == Instance.id)
        .where(Application.round_id == round_id, Application.status == "open")
        .order_by(Instance.id)
    ).scalars())


def admission_number(session: Session, instance_number: str) -> str | None:
    """The admission number (准考证号) that an application has already."""
    return session.execute(
        select(Application.admission_no)
        .join(Instance, Instance.id == Application.instance_id)
        .where(Instance.number == instance_number)
    ).scalar_one_or_none()


def _blind_number(session: Session, round_id: int) -> str:
    taken = set(session.execute(select(Application.blind_no).where(Application.round_id == round_id)).scalars())
    while True:
        number = "".join(str(secrets.randbelow(10)) for _ in range(_BLIND_DIGITS))
        if number not in taken:
            return number


def place(
    session: Session, instance_number: str, *, once: Sequence[str], status: str, at: datetime, event: str,
    recheck_result: str | None = None, rank: int | None = None, scores: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> int:
    """Write what the round decided of an application that still stands at one of ``once``; returns its applicant's key.

    ``InstanceMoved`` when it has left that place since the round looked: the round then looks again.
    """
    row = _of(session, [instance_number])[instance_number]
    if row.status not in once:
        raise InstanceMoved()
    row.status, row.changed_at, row.changed_by_event = status, at, event
    row.recheck_result = recheck_result or row.recheck_result
    row.rank = row.rank if rank is None else rank
    row.scores = {**row.scores, **(scores or {})}
    row.reason = reason or row.reason
    return row.person_id


def score_papers(session: Session, round_id: int, papers: Sequence[Mapping[str, Any]], *, at: datetime, event: str) -> dict[str, str]:
    """Write the marks of the written test (笔试) to the applications whose blind numbers they bear.

    ``papers`` are {blind_no, written_score, absent_or_void}; returns blind number -> admission number, which is now open.
    """
    rows = {
        row.blind_no: row
        for row in session.execute(
            select(Application).where(Application.round_id == round_id).with_for_update()
        ).scalars()
    }
    opened: dict[str, str] = {}
    for paper in papers:
        row = rows.get(str(paper["blind_no"]))
        if row is None:
            raise NotFound()
        row.scores = {
            **row.scores, "written_score": _text(paper.get("written_score")), "absent_or_void": paper.get("absent_or_void"),
        }  # fmt: skip
        row.changed_at, row.changed_by_event = at, event
        opened[str(row.blind_no)] = str(row.admission_no)
    return opened


def _text(score: Any) -> str | None:
    """A score as it is stored: exact, as text."""
    return None if score is None else str(score)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _of(session: Session, numbers: Sequence[str]) -> dict[str, Application]:
    found = session.execute(
        select(Instance.number, Application)
        .join(Application, Application.instance_id == Instance.id)
        .where(Instance.number.in_(numbers))
        .order_by(Application.id)
        .with_for_update(of=Application)
        .execution_options(populate_existing=True)
    ).tuples()
    rows = dict(found.all())
    if len(rows) < len(numbers):
        raise NotFound()
    return rows


def of_round(session: Session, round_number: str) -> list[dict[str, Any]]:
    """Every application of a round as FEEL's ``applications of(round number)`` sees it, in the order of admission numbers.

    {case, person, name, unit, relatives, post, status, admission_no, teaching_months, recheck_result, rank, written_score,
    absent_or_void, total}. ``unit`` is the code of where they work now, ``relatives`` are the names that they declared
    (亲属与回避关系). Nobody's blind number is among it.
    """
    papers = _applied(session, round_number)
    rows = session.execute(
        select(Application, Instance.number, Person.number, Person.name)
        .join(Round, Round.id == Application.round_id)
        .join(Instance, Instance.id == Application.instance_id)
        .join(Person, Person.id == Application.person_id)
        .where(Round.number == round_number)
        .order_by(Application.admission_no, Application.id)
    )
    return [
        {
            "case": case, "person": person, "name": name, "post": row.post, "status": row.status,
            "unit": papers.get(row.instance_id, {}).get("current_unit"),
            "relatives": [
                one.get("person") for one in papers.get(row.instance_id, {}).get("kinship_declaration") or () if one.get("person")
            ],
            "admission_no": row.admission_no, "teaching_months": row.teaching_months,
            "recheck_result": row.recheck_result, "rank": row.rank, "reason": row.reason,
            "written_score": _number(row.scores.get("written_score")), "absent_or_void": row.scores.get("absent_or_void"),
            "total": row.scores.get("total"),
        }
        for row, case, person, name in rows
    ]


def _applied(session: Session, round_number: str) -> dict[int, Mapping[str, Any]]:
    """The newest application form of each instance of a round."""
    rows = session.execute(
        select(Submission.instance_id, Submission.data)
        .join(Application, Application.instance_id == Submission.instance_id)
        .join(Round, Round.id == Application.round_id)
        .where(Round.number == round_number, Submission.form_id == "admission.application")
        .order_by(Submission.id)
    )
    return dict(rows.tuples().all())


@dataclass(frozen=True)
class Card:
    """What an admission card (准考证, form A13) says."""

    admission_no: str
    round_title: str
    full_name: str
    #: The post applied for: subject and stage.
    post: str
    #: Digest of the portrait; empty when there is none.
    photo: str
    #: {stage, date, time, venue, seat} each.
    sessions: tuple[Mapping[str, str], ...]


def card(session: Session, instance_number: str) -> Card:
    """The admission card of an application; ``NotFound`` before it has a number.

    Name and portrait are those of the application, the sessions those of the round's announcement; the seat is the
    number's place in the round.
    """
    found = session.execute(
        select(Application, Round)
        .join(Round, Round.id == Application.round_id)
        .join(Instance, Instance.id == Application.instance_id)
        .where(Instance.number == instance_number, Application.admission_no.is_not(None))
    ).one_or_none()
    if found is None:
        raise NotFound()
    row, of = found
    paper = _newest(session, Instance.id == row.instance_id, "admission.application")
    announced = _newest(session, Instance.number == of.instance, "admission.announcement")
    posts = {post["code"]: f"{post['stage']}{post['subject']}" for post in of.posts}
    seat = str(row.admission_no).rpartition("-")[2]
    return Card(
        str(row.admission_no), of.title, str(paper.get("full_name", "")), posts.get(row.post, ""),
        next((str(file["sha256"]) for file in paper.get("photo") or ()), ""),
        tuple(
            {**{key: str(one.get(key) or "") for key in ("stage", "date", "time", "venue")}, "seat": seat}
            for one in announced.get("sessions") or ()
        ),
    )


def _newest(session: Session, of: ColumnElement[bool], form_id: str) -> Mapping[str, Any]:
    found = session.execute(
        select(Submission.data)
        .join(Instance, Instance.id == Submission.instance_id)
        .where(of, Submission.form_id == form_id)
        .order_by(Submission.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return found or {}


def blind_numbers(session: Session, round_number: str) -> list[str]:
    """The blind numbers of a round's qualified applicants, in an order that says nothing of who they are."""
    numbers = session.execute(
        select(Application.blind_no)
        .join(Round, Round.id == Application.round_id)
        .where(Round.number == round_number, Application.status == "qualified")
        .order_by(Application.blind_no)
    ).scalars()
    return [number for number in numbers if number is not None]


def counted(session: Session, round_number: str) -> dict[str, int]:
    """How many applications of a round stand where: status -> number."""
    found = session.execute(
        select(Application.status, func.count())
        .join(Round, Round.id == Application.round_id)
        .where(Round.number == round_number)
        .group_by(Application.status)
    )
    return dict(found.tuples().all())
