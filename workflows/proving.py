"""Proving who somebody is: the second step of signing in, a passkey alone, and once more before a sensitive change (ASVS V7.5.1)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from workflows import accounts, passkeys, people, second_factor
from workflows.access import Viewer, office_day
from workflows.accounts import token_digest
from workflows.audit import Act, Actor, ActorKind, Kind, person_stream, record
from workflows.db import Database
from workflows.errors import CodeRefused, IdentityRefused, PasskeyRefused, PasswordFirst
from workflows.models import Account, Person, SignIn, SourceLock
from workflows.settings import Settings

#: Between the password and its code.
PATIENCE = timedelta(minutes=10)


def is_recent(who: Viewer, at: datetime, settings: Settings) -> bool:
    """Whether the person has proved who they are within the minutes that the installation gives."""
    return who.proved_at is not None and at - who.proved_at < timedelta(minutes=settings.prove_minutes)


def awaits_code(session: Session, token: str, *, at: datetime) -> int | None:
    """The account for which a browser has given the right password while its code is still to come; nothing for any other."""
    half = _half(session, token, at)
    return half.account_id if half is not None else None


def _half(session: Session, token: str, at: datetime) -> SignIn | None:
    return session.execute(
        select(SignIn).where(
            SignIn.token_digest == token_digest(token), SignIn.awaits_code.is_(True), SignIn.ended_at.is_(None),
            SignIn.began_at > at - PATIENCE,
        )
    ).scalar_one_or_none()


def enter(
    db: Database, token: str, code: str, key: bytes, *, at: datetime, clock: datetime, ip: str | None, settings: Settings,
    passkey: str = "",
) -> str:
    """Finish signing in with a code, or with what a ``passkey`` answered; returns the browser's new token.

    Raises ``CodeRefused`` (``PasskeyRefused`` for a passkey) for every way in which it does not fit: wrong, used, late, or
    an account that is locked. Five wrong ones in a row lock the account and end the sign-in, whatever password comes between.
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
            how, refused = _shown(session, account, code, passkey, passkeys.CODE, key, at=at, clock=clock, settings=settings)
            if how is None:
                _count(session, account, half, at, actor, settings, kind=refused)
            else:
                fresh = _replace(session, half, at)
                account.wrong_codes = 0
                if how == "recovery":
                    record(session, Act(person_stream(number), Kind.RECOVERY_CODE_USED, at, actor))
                record(session, Act(person_stream(number), Kind.SIGN_IN_SUCCEEDED, at, actor, payload={"second_factor": how}))
    if fresh is None:
        raise PasskeyRefused() if passkey else CodeRefused()
    return fresh


def enter_by_passkey(
    db: Database, passkey: str, key: bytes, *, at: datetime, clock: datetime, ip: str | None, settings: Settings,
    replaces: str | None = None,
) -> str:
    """Sign in with a passkey and nothing else; returns a new cookie token, and ends the one it ``replaces``.

    A passkey that asks for PIN, finger or face is two factors in one. Raises ``PasskeyRefused`` for whatever does not fit,
    also for a locked or disabled account, and ``PasswordFirst`` to whoever proved themselves but may not come in by it alone.
    """
    token = secrets.token_urlsafe(32)
    refused: type[PasskeyRefused | PasswordFirst] | None = PasskeyRefused
    with db.write() as session:
        shown = passkeys.accept(session, passkey, key, passkeys.SIGN_IN, None, at=at, clock=clock, settings=settings)
        account = session.get(Account, shown.account_id) if shown.account_id is not None else None
        barred = accounts.is_barred(account, session.get(SourceLock, ip or "-"), at, settings)
        if account is None or barred or not shown.holds:
            kind = Kind.PASSKEY_DOUBTED if shown.copied else Kind.SIGN_IN_FAILED
            # Only the address is counted: nobody locks another's account by naming its passkey.
            accounts.count_failure(session, account, ip, at, settings, counted=False, kind=kind, reason=PasskeyRefused.code)
        else:
            number = session.execute(select(Person.number).where(Person.id == account.person_id)).scalar_one()
            actor = Actor(ActorKind.PERSON, number, ip=ip)
            if not _alone(session, account, at, settings):
                refused = PasswordFirst
                record(session, Act(person_stream(number), Kind.SIGN_IN_FAILED, at, actor, reason=PasswordFirst.code))
            else:
                refused = None
                account.failures = account.wrong_codes = 0
                session.execute(
                    insert(SignIn).values(token_digest=token_digest(token), account_id=account.id, began_at=at, seen_at=at,
                                          proved_at=at)
                )
                if replaces:
                    session.execute(update(SignIn).where(SignIn.token_digest == token_digest(replaces)).values(ended_at=at))
                record(session, Act(person_stream(number), Kind.SIGN_IN_SUCCEEDED, at, actor, payload={"passkey": "alone"}))
    if refused is not None:
        raise refused()
    return token


def _alone(session: Session, account: Account, at: datetime, settings: Settings) -> bool:
    """Whether a passkey signs this person in without their password."""
    if settings.passkey_alone != "others":
        return settings.passkey_alone == "everybody"
    held = people.memberships(session, account.person_id, office_day(at))
    return people.EXCLUSIVE.isdisjoint(one.role for one in held)


def _shown(
    session: Session, account: Account, code: str, passkey: str, purpose: str, key: bytes, *, at: datetime, clock: datetime,
    settings: Settings,
) -> tuple[str | None, Kind]:
    """By what the owner is proved (``passkey``, ``totp``, ``recovery``, or nothing), and as what a refusal is recorded."""
    if not passkey:
        return second_factor.accept(session, account.id, code, key, at=at, clock=clock), Kind.SECOND_FACTOR_REFUSED
    shown = passkeys.accept(session, passkey, key, purpose, account.id, at=at, clock=clock, settings=settings)
    return "passkey" if shown.holds else None, Kind.PASSKEY_DOUBTED if shown.copied else Kind.SECOND_FACTOR_REFUSED


def _replace(session: Session, old: SignIn, at: datetime) -> str:
    """A new token in place of another: what was known of the old one is worth nothing (session fixation)."""
    token = secrets.token_urlsafe(32)
    session.execute(
        insert(SignIn).values(token_digest=token_digest(token), account_id=old.account_id, seen_at=at, proved_at=at,
                              began_at=at if old.awaits_code else old.began_at)
    )
    old.ended_at = at
    return token


def _count(
    session: Session, account: Account, half: SignIn | None, at: datetime, actor: Actor, settings: Settings, *, kind: Kind
) -> None:
    """Count a wrong code or passkey; the one that reaches the limit locks the account and ends the sign-in under way."""
    failures = session.execute(
        update(Account).where(Account.id == account.id).values(wrong_codes=Account.wrong_codes + 1).returning(Account.wrong_codes)
    ).scalar_one()
    if failures >= settings.lockout_attempts:
        session.execute(update(Account).where(Account.id == account.id).values(wrong_codes=0))
        account.locked_until, kind = at + timedelta(minutes=settings.lockout_minutes), Kind.ACCOUNT_LOCKED
        if half is not None:
            half.ended_at = at
    record(session, Act(person_stream(str(actor.person)), kind, at, actor, reason=CodeRefused.code))


def prove(
    db: Database, who: Viewer, token: str, key: bytes, *, password: str, code: str, at: datetime, clock: datetime,
    settings: Settings, passkey: str = "",
) -> str:
    """Prove once more who one is: by password, with a second factor by code, or by passkey; returns the browser's new token.

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
            how, refused = ("password" if by_password else None), Kind.SECOND_FACTOR_REFUSED
            if how is None and (code or passkey):
                how, refused = _shown(session, account, code, passkey, passkeys.PROOF, key, at=at, clock=clock, settings=settings)
            if how is not None:
                fresh = _replace(session, old, at)
                record(session, Act(person_stream(who.number), Kind.IDENTITY_PROVED, at, who.actor(), payload={"by": how}))
            elif password:
                accounts.count_failure(session, account, who.ip, at, settings, counted=True, kind=Kind.IDENTITY_DOUBTED,
                                       reason=IdentityRefused.code)
                session.flush()
            else:
                _count(session, account, None, at, who.actor(), settings, kind=refused)
            session.refresh(account)
            if fresh is None and account.locked_until is not None and account.locked_until > at:
                old.ended_at = at
    if fresh is None:
        raise IdentityRefused()
    return fresh
