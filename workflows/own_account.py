"""One's own account: how one is reached, and the browsers that are signed in; and an administrator's look at it for a purpose."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflows import people
from workflows.access import Viewer, require, stated
from workflows.accounts import end_sign_ins, link, token_digest
from workflows.audit import Act, Kind, person_stream, record
from workflows.db import Database
from workflows.errors import AccountExists
from workflows.models import Account, Person, SignIn
from workflows.notices import Message, queue
from workflows.settings import Settings


def change_contact(
    db: Database, who: Viewer, *, phone: str | None, email: str | None, at: datetime, link_days: int = 3
) -> str | None:
    """Change one's own phone number and mail address; returns the token of the confirmation link that goes to a new address.

    The number takes effect at once, and with it the sign-in name of whoever signs in with it (``AccountExists`` when
    somebody else does). A new address takes effect when its link is used: until then mail goes to the old one.
    """
    with db.write() as session:
        person, account = session.get_one(Person, who.person_id), session.get_one(Account, who.account_id)
        changed = [name for name, old, new in (("phone", person.phone, phone), ("email", person.email, email)) if old != new]
        if "phone" in changed:
            if account.sign_in_name == person.phone:
                taken = select(Account.id).where(Account.sign_in_name == phone, Account.id != account.id)
                if phone is None or session.execute(taken).first() is not None:
                    raise AccountExists()
                account.sign_in_name = phone
            person.phone = phone
        token = None
        if "email" in changed and email:
            token = secrets.token_urlsafe(32)
            link(session, account.id, email, token, at, link_days)
            queue(session, [Message({person.id: True}, "email_confirmation", {"token": token, "address": email})], at=at)
        elif "email" in changed:
            person.email, account.email_confirmed_at = None, None
            people.register_changed(session)
        if changed:
            # Which of them, never what: the values are personal.
            record(session, Act(person_stream(who.number), Kind.CONTACT_CHANGED, at, who.actor(), payload={"fields": changed}))
        return token


def open_contact(db: Database, who: Viewer, person_number: str, purpose: str, *, at: datetime) -> tuple[str | None, str | None]:
    """Phone number and address of somebody, for a stated purpose; recorded as ``field:unmasked`` before they are given out.

    Raises ``PurposeNeeded``, and ``Forbidden`` for whoever administers neither the system nor its security.
    """
    require(who, "system_admin", "security_admin")
    words = stated(purpose)
    with db.write() as session:
        person = people.person_by_number(session, person_number)
        record(
            session,
            Act(person_stream(who.number), Kind.FIELD_UNMASKED, at, people.administrator(who),
                payload={"of": person_number, "field": "phone, email", "purpose": words}),
        )
        return person.phone, person.email


@dataclass(frozen=True)
class Browser:
    """One browser that is signed in to an account."""

    began_at: datetime
    seen_at: datetime
    #: The one that asks.
    this: bool


@dataclass(frozen=True)
class OwnAccount:
    """An account as its owner sees it."""

    sign_in_name: str
    phone: str | None
    email: str | None
    email_confirmed_at: datetime | None
    browsers: tuple[Browser, ...]


def own_account(session: Session, who: Viewer, token: str, *, at: datetime, settings: Settings) -> OwnAccount:
    """The viewer's account, with the browsers that are signed in to it, the latest first."""
    account, person = session.get_one(Account, who.account_id), session.get_one(Person, who.person_id)
    alive = session.execute(
        select(SignIn)
        .where(
            SignIn.account_id == account.id, SignIn.ended_at.is_(None), SignIn.awaits_code.is_(False),
            SignIn.seen_at > at - timedelta(minutes=settings.idle_minutes),
            SignIn.began_at > at - timedelta(hours=settings.absolute_hours),
        )
        .order_by(SignIn.seen_at.desc())
        .limit(50)
    ).scalars()
    this = token_digest(token)
    browsers = tuple(Browser(one.began_at, one.seen_at, one.token_digest == this) for one in alive)
    return OwnAccount(account.sign_in_name, person.phone, person.email, account.email_confirmed_at, browsers)


def end_others(db: Database, who: Viewer, token: str, *, at: datetime) -> None:
    """Sign every other browser of one's own out; recorded."""
    with db.write() as session:
        end_sign_ins(session, who.account_id, at, but=token)
        record(session, Act(person_stream(who.number), Kind.SIGN_IN_ENDED, at, who.actor(), payload={"browsers": "others"}))
