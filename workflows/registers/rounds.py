"""Recruitment rounds (遴选批次) and what anybody may read without signing in (公告, 公示)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workflows import people
from workflows.access import office_day
from workflows.audit import Act, Actor, Kind, office_stream, record
from workflows.db import Database
from workflows.errors import NotFound, WindowClosed, WindowNotOpen
from workflows.models import Organisation, PackSet, PublicNotice, Round
from workflows.people import Page
from workflows.settings import OFFICE_ZONE


@dataclass(frozen=True)
class RoundView:
    """One round for a page or as FEEL's ``instance.round``."""

    number: str
    title: str
    organisation_code: str
    organisation_name: str
    place: str
    post_type: str
    channel: str
    posts: Sequence[Mapping[str, Any]]
    open_at: datetime
    close_at: datetime
    status: str

    def is_open(self, at: datetime) -> bool:
        """Whether an application may be submitted at the moment; the close itself is still inside (I1)."""
        return self.status == "open" and self.open_at <= at <= self.close_at

    def require_open(self, at: datetime) -> None:
        """Refuse by name outside the window (E_WINDOW)."""
        if at < self.open_at:
            raise WindowNotOpen(date=_shown(self.open_at))
        if self.status != "open" or at > self.close_at:
            raise WindowClosed(date=_shown(self.close_at))


def _shown(at: datetime) -> str:
    return at.astimezone(OFFICE_ZONE).strftime("%Y-%m-%d %H:%M")


def _view(row: Round, organisation: Organisation) -> RoundView:
    return RoundView(row.number, row.title, organisation.code, organisation.name, row.place, row.post_type,
                     row.channel, row.posts, row.open_at, row.close_at, row.status)


def open_rounds(session: Session, at: datetime) -> list[RoundView]:
    """Rounds whose window is open or still to come, the first to close first."""
    rows = session.execute(
        select(Round, Organisation)
        .join(Organisation, Organisation.id == Round.organisation_id)
        .where(Round.status == "open", Round.close_at >= at)
        .order_by(Round.close_at, Round.id)
    )
    return [_view(row, organisation) for row, organisation in rows]


def rounds_of(session: Session, place: str) -> list[RoundView]:
    """Every round of a place, the newest first."""
    rows = session.execute(
        select(Round, Organisation)
        .join(Organisation, Organisation.id == Round.organisation_id)
        .where(Round.place == place)
        .order_by(Round.id.desc())
    )
    return [_view(row, organisation) for row, organisation in rows]


def round_by_number(session: Session, number: str) -> tuple[Round, RoundView]:
    """The round with that number; ``NotFound`` without one."""
    found = session.execute(
        select(Round, Organisation)
        .join(Organisation, Organisation.id == Round.organisation_id)
        .where(Round.number == number)
    ).one_or_none()
    if found is None:
        raise NotFound()
    row, organisation = found
    return row, _view(row, organisation)


def open_round(
    db: Database, by: Actor, *, title: str, org_code: str, post_type: str, channel: str,
    posts: Sequence[Mapping[str, Any]], open_at: datetime, close_at: datetime, prefix: str, at: datetime, body: str,
    contact: str,
) -> str:
    """Enter a round that no case planned, and publish its announcement (公告) in one act; returns the round's number."""
    with db.write() as session:
        organisation = people.organisation_by_code(session, org_code)
        planned = Planned(title, post_type, channel, posts, open_at, close_at, body, contact)
        return publish(session, by, organisation, planned, prefix=prefix, at=at).number


@dataclass(frozen=True)
class Planned:
    """What a round is to be: its plan (A1) and its announcement (公告)."""

    title: str
    post_type: str
    channel: str
    #: {code, subject, stage, headcount} each.
    posts: Sequence[Mapping[str, Any]]
    open_at: datetime
    close_at: datetime
    body: str
    contact: str


def publish(
    session: Session, by: Actor, organisation: Organisation, planned: Planned, *, prefix: str, at: datetime,
    instance: str | None = None,
) -> Round:
    """Open a round and publish its announcement, in the caller's transaction.

    The round pins the newest pack set: its applications are all judged by it, read on the day it opens (design/decisions.md).
    ``instance`` is the number of the case that planned it.
    """
    pack_set = session.execute(select(PackSet.digest).order_by(PackSet.number.desc()).limit(1)).scalar_one()
    year = office_day(at).year
    number = f"{prefix}-R{year}-{people.next_in_series(session, f'round:{prefix}:{year}'):03d}"
    notice_number = f"{prefix}-G{year}-{people.next_in_series(session, f'notice:{prefix}:{year}'):03d}"
    posts = [dict(post) for post in planned.posts]
    event = record(
        session,
        Act(office_stream("rounds"), Kind.ROUND_OPENED, at, by, payload={
            "round": number, "title": planned.title, "organisation": organisation.code, "channel": planned.channel,
            "posts": posts, "open_at": planned.open_at, "close_at": planned.close_at, "pack_set": pack_set,
            "notice": notice_number, **({"planned_by": instance} if instance else {}),
        }),
    )
    opened = Round(
        number=number, title=planned.title, organisation_id=organisation.id, place=organisation.place,
        post_type=planned.post_type, channel=planned.channel, posts=posts, open_at=planned.open_at,
        close_at=planned.close_at, pack_set=pack_set, status="open", opened_by_event=event, instance=instance,
    )
    session.add(opened)
    session.flush()
    session.add(
        PublicNotice(
            number=notice_number, kind="公告", title=planned.title, body=planned.body, organisation_id=organisation.id,
            round_id=opened.id, published_at=at, until_at=planned.close_at, contact=planned.contact, event=event,
        )
    )
    return opened


def locked(session: Session, number: str) -> Round:
    """The round's row, locked until the transaction ends; ``NotFound`` without one."""
    found = session.execute(
        select(Round).where(Round.number == number).with_for_update().execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound()
    return found


def change(
    session: Session, by: Actor, row: Round, *, at: datetime, status: str | None = None,
    close_at: datetime | None = None, posts: Sequence[Mapping[str, Any]] | None = None, reason: str | None = None,
) -> None:
    """Change a locked round, in the caller's transaction, and record old and new (``round:changed``)."""
    values = {"status": status, "close_at": close_at, "posts": None if posts is None else [dict(post) for post in posts]}
    changed = {name: value for name, value in values.items() if value is not None and value != getattr(row, name)}
    if not changed:
        return
    record(session, Act(office_stream("rounds"), Kind.ROUND_CHANGED, at, by, payload={
        "round": row.number, **({"reason": reason} if reason else {}),
        "changes": [{"field": name, "old": getattr(row, name), "new": value} for name, value in changed.items()],
    }))
    for name, value in changed.items():
        setattr(row, name, value)


@dataclass(frozen=True)
class PublicNoticeView:
    """One announcement or publicity for the public page."""

    number: str
    kind: str
    title: str
    body: str
    organisation_name: str
    place: str
    published_at: datetime
    until_at: datetime | None
    contact: str | None
    round_number: str | None


def _public(row: PublicNotice, organisation: Organisation, round_number: str | None) -> PublicNoticeView:
    return PublicNoticeView(row.number, row.kind, row.title, row.body, organisation.name, organisation.place,
                            row.published_at, row.until_at, row.contact, round_number)


def public_notices(session: Session, *, page: int = 1, kind: str | None = None, size: int = 20) -> Page:
    """公告 and 公示, newest first; rows are ``PublicNoticeView``."""
    where = PublicNotice.kind == kind if kind else PublicNotice.id > 0
    total = session.execute(select(func.count()).select_from(PublicNotice).where(where)).scalar_one()
    rows = session.execute(
        select(PublicNotice, Organisation, Round.number)
        .join(Organisation, Organisation.id == PublicNotice.organisation_id)
        .outerjoin(Round, Round.id == PublicNotice.round_id)
        .where(where)
        .order_by(PublicNotice.published_at.desc(), PublicNotice.id.desc())
        .limit(size)
        .offset((page - 1) * size)
    )
    return Page([_public(*row) for row in rows], total, page, size)


def public_notice(session: Session, number: str) -> PublicNoticeView:
    """One announcement or publicity; ``NotFound`` without one."""
    found = session.execute(
        select(PublicNotice, Organisation, Round.number)
        .join(Organisation, Organisation.id == PublicNotice.organisation_id)
        .outerjoin(Round, Round.id == PublicNotice.round_id)
        .where(PublicNotice.number == number)
    ).one_or_none()
    if found is None:
        raise NotFound()
    return _public(*found)
