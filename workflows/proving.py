"""Proving who somebody is: the second step of signing in, and once more before a sensitive change (ASVS V7.5.1)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from workflows import accounts, second_factor
from workflows.access import Viewer
from workflows.accounts import token_digest
from workflows.audit import Act, Actor, ActorKind, Kind, person_stream, record
from workflows.db import Database
from workflows.errors import CodeRefused, IdentityRefused
from workflows.models import Account, Person, SignIn
from workflows.settings import Settings

#: Between the password and its code.
PATIENCE = timedelta(minutes=10)


def is_recent(who: Viewer, at: datetime, settings: Settings) -> bool:
    """Whether the person has proved who they are within the minutes that the installation gives."""
    return who.proved_at is not None and at - who.proved_at < timedelta(minutes=settings.prove_minutes)


def awaits_code(session: Session, token: str, *, at: datetime) -> bool:
    """Whether a browser has given the right password and its code is still to come."""
    return _half(session, token, at) is not None


def _half(session: Session, token: str, at: datetime) -> SignIn | None:
    return session.execute(
        select(SignIn).where(
            SignIn.token_digest == token_digest(token), SignIn.awaits_code.is_(True), SignIn.ended_at.is_(None),
            SignIn.began_at > at - PATIENCE,
        )
    ).scalar_one_or_none()


def enter(
    db: Database, token: str, code: str, key: bytes, *, at: datetime, clock: datetime, ip: str | None, settings: Settings
) -> str:
    """Finish signing in with a code; returns the browser's new token.

    Raises ``CodeRefused`` for every way in which it does not fit: wrong, used, late, or an account that is locked. Five
    wrong codes in a row lock the account and end the sign-in, whatever password comes between.
    """
    fresh = None
    with db.write() as session:
        half = _half(session, token, at)
        account = session.get_one(Account, half.account_id) if half is not None else None
        barred = account is None or account.disabled_at is not None or (
            account.locked_until is not None and account.locked_until > at
        )
        if half is not None and account is not None and not barred:
            number = session.execute(select(Person.number).where(Person.id == account.person_id)).scalar_one()
            actor = Actor(ActorKind.PERSON, number, ip=ip)
            how = second_factor.accept(session, account.id, code, key, at=at, clock=clock)
            if how is None:
                _count(session, account, half, at, actor, settings)
            else:
                fresh = _replace(session, half, at)
                if how == "recovery":
                    record(session, Act(person_stream(number), Kind.RECOVERY_CODE_USED, at, actor))
                record(session, Act(person_stream(number), Kind.SIGN_IN_SUCCEEDED, at, actor, payload={"second_factor": how}))
    if fresh is None:
        raise CodeRefused()
    return fresh


def _replace(session: Session, old: SignIn, at: datetime) -> str:
    """A new token in place of another: what was known of the old one is worth nothing (session fixation)."""
    token = secrets.token_urlsafe(32)
    session.execute(
        insert(SignIn).values(token_digest=token_digest(token), account_id=old.account_id, seen_at=at, proved_at=at,
                              began_at=at if old.awaits_code else old.began_at)
    )
    old.ended_at = at
    return token


def _count(session: Session, account: Account, half: SignIn | None, at: datetime, actor: Actor, settings: Settings) -> None:
    """Count a wrong code; the one that reaches the limit locks the account and ends the sign-in that was under way."""
    failures = session.execute(
        update(Account).where(Account.id == account.id).values(wrong_codes=Account.wrong_codes + 1).returning(Account.wrong_codes)
    ).scalar_one()
    kind = Kind.SECOND_FACTOR_REFUSED
    if failures >= settings.lockout_attempts:
        session.execute(update(Account).where(Account.id == account.id).values(wrong_codes=0))
        account.locked_until, kind = at + timedelta(minutes=settings.lockout_minutes), Kind.ACCOUNT_LOCKED
        if half is not None:
            half.ended_at = at
    record(session, Act(person_stream(str(actor.person)), kind, at, actor, reason=CodeRefused.code))


def prove(
    db: Database, who: Viewer, token: str, key: bytes, *, password: str, code: str, at: datetime, clock: datetime,
    settings: Settings,
) -> str:
    """Prove once more who one is, by password or, with a second factor, by code; returns the browser's new token.

    Raises ``IdentityRefused``. Wrong ones count as they do at the door, and the one that locks the account ends this
    sign-in too.
    """
    with db.read() as session:
        stored = session.get_one(Account, who.account_id).password_hash
    by_password = bool(password) and accounts.matches(stored, password)
    fresh = None
    with db.write() as session:
        account = session.get_one(Account, who.account_id)
        old = session.get(SignIn, token_digest(token))
        locked = account.locked_until is not None and account.locked_until > at
        if old is not None and old.ended_at is None and not locked:
            how = "password" if by_password else None
            if how is None and code:
                how = second_factor.accept(session, account.id, code, key, at=at, clock=clock)
            if how is not None:
                fresh = _replace(session, old, at)
                record(session, Act(person_stream(who.number), Kind.IDENTITY_PROVED, at, who.actor(), payload={"by": how}))
            elif password:
                accounts.count_failure(session, account, who.ip, at, settings, counted=True, kind=Kind.IDENTITY_DOUBTED,
                                       reason=IdentityRefused.code)
                session.flush()
            else:
                _count(session, account, None, at, who.actor(), settings)
            session.refresh(account)
            if fresh is None and account.locked_until is not None and account.locked_until > at:
                old.ended_at = at
    if fresh is None:
        raise IdentityRefused()
    return fresh
