"""Accounts: registering, signing in and out, passwords, lockout. One answer and one time for every refused sign-in."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, Connection, Date, and_, bindparam, insert, or_, select, union_all, update
from sqlalchemy.orm import Session

from workflows import people
from workflows.access import Viewer, held_on, office_day
from workflows.audit import Act, Actor, ActorKind, Kind, office_stream, person_stream, record
from workflows.common_passwords import is_common
from workflows.db import Database, Question
from workflows.errors import AccountExists, LinkExpired, NotFound, PasswordRefused, SignInRefused
from workflows.models import (
    Account,
    ConfirmationLink,
    Membership,
    OldPassword,
    Organisation,
    Passkey,
    Person,
    SecondFactor,
    SignIn,
    SourceLock,
)
from workflows.notices import Message, queue
from workflows.settings import Settings

#: argon2id with the library's current parameters; they stand in each hash and are renewed at sign-in.
_hasher = PasswordHasher()
#: What an unknown name is checked against, so that it takes as long as a known one.
_nobody = _hasher.hash(secrets.token_urlsafe(24))
#: For the demo's published passwords only: hashing sixty of them must not hold up the first page.
_demo_hasher = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)
#: How often ``seen_at`` is written at most.
_TOUCH = timedelta(minutes=1)
#: Letters and digits that are not mistaken for each other when a first password is read from paper.
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Registered:
    """A new applicant; the link token goes out by mail only."""

    person_number: str
    link_token: str | None


def token_digest(token: str) -> str:
    """What is stored of a token that a browser or a mail carries."""
    return hashlib.sha256(token.encode()).hexdigest()


def check_password(password: str, *, old_hashes: Iterable[str] = ()) -> None:
    """Refuse a password that is shorter than 12, longer than 200, common, or one of the old ones (ASVS V6.2)."""
    if not 12 <= len(password) <= 200 or is_common(password) or any(matches(old, password) for old in old_hashes):
        raise PasswordRefused()


def matches(stored: str, password: str) -> bool:
    """Whether the password is the one whose hash is stored."""
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def register_applicant(
    db: Database, *, name: str, phone: str, email: str | None, password: str, at: datetime, ip: str | None,
    link_days: int = 3,
) -> Registered:
    """Make a person and an account for an applicant; mail a confirmation link when an address was given.

    Raises ``PasswordRefused`` and ``AccountExists`` (the phone number is the sign-in name).
    """
    check_password(password)
    password_hash = _hasher.hash(password)
    token = secrets.token_urlsafe(32) if email else None
    with db.write() as session:
        if session.execute(select(Account.id).where(Account.sign_in_name == phone)).scalar_one_or_none() is not None:
            raise AccountExists()
        person = people.add_person(session, name=name, phone=phone, email=email, at=at)
        account = Account(person_id=person.id, sign_in_name=phone, password_hash=password_hash, password_set_at=at)
        session.add(account)
        session.flush()
        if token and email:
            link(session, account.id, email, token, at, link_days)
            queue(session, [Message({person.id: True}, "email_confirmation", {"token": token})], at=at)
        actor = Actor(ActorKind.PERSON, person.number, role="applicant", ip=ip)
        record(session, Act(person_stream(person.number), Kind.PERSON_REGISTERED, at, actor))
        return Registered(person.number, token)


def link(session: Session, account_id: int, address: str, token: str, at: datetime, days: int) -> None:
    """Let a token confirm an address for some days."""
    session.execute(
        insert(ConfirmationLink).values(
            token_digest=token_digest(token), account_id=account_id, purpose="email", address=address, made_at=at,
            expires_at=at + timedelta(days=days),
        )
    )


def confirm_email(db: Database, token: str, *, at: datetime, ip: str | None) -> None:
    """Confirm the address that a link was sent to; ``LinkExpired`` for an unknown, used or old link."""
    with db.write() as session:
        link = session.execute(
            update(ConfirmationLink)
            .where(
                ConfirmationLink.token_digest == token_digest(token),
                ConfirmationLink.used_at.is_(None),
                ConfirmationLink.expires_at > at,
            )
            .values(used_at=at)
            .returning(ConfirmationLink.account_id, ConfirmationLink.address)
        ).one_or_none()
        if link is None:
            raise LinkExpired()
        account = session.get_one(Account, link.account_id)
        person = session.get_one(Person, account.person_id)
        account.email_confirmed_at, person.email = at, link.address
        people.register_changed(session)
        actor = Actor(ActorKind.PERSON, person.number, ip=ip)
        record(session, Act(person_stream(person.number), Kind.EMAIL_CONFIRMED, at, actor))


def sign_in(
    db: Database, sign_in_name: str, password: str, *, at: datetime, ip: str | None, settings: Settings,
    replaces: str | None = None,
) -> str:
    """Check a name and a password; returns a new cookie token, and ends the one it ``replaces``.

    With a second factor the token belongs to nobody until its code was right: see ``workflows.proving.enter``.
    Unknown, wrong, locked, disabled and a first password that is too old give the same ``SignInRefused`` after the same
    work. Five wrong passwords lock the account and the address they came from; the count is in the database and
    survives a restart.
    """
    with db.read() as session:
        account = session.execute(select(Account).where(Account.sign_in_name == sign_in_name)).scalar_one_or_none()
        asked = account is not None and _has_second_factor(session, account.id)
        source = session.get(SourceLock, ip or "-")
        stored = account.password_hash if account else _nobody
    right = matches(stored, password)
    barred = is_barred(account, source, at, settings)
    # The same hash again whichever way it went: a rehash is only kept when parameters were renewed.
    renewed = _hasher.hash(password) if _hasher.check_needs_rehash(stored) else None
    token = secrets.token_urlsafe(32)
    with db.write() as session:
        if barred or not right or account is None:
            count_failure(session, account, ip, at, settings, counted=not barred or account is None)
        else:
            person = session.get_one(Person, account.person_id)
            session.execute(
                update(Account)
                .where(Account.id == account.id)
                .values(failures=0, locked_until=None, **({"password_hash": renewed} if renewed else {}))
            )
            session.execute(
                insert(SignIn).values(token_digest=token_digest(token), account_id=account.id, began_at=at, seen_at=at,
                                      awaits_code=asked, proved_at=None if asked else at)
            )
            if replaces:
                session.execute(update(SignIn).where(SignIn.token_digest == token_digest(replaces)).values(ended_at=at))
            if not asked:
                actor = Actor(ActorKind.PERSON, person.number, ip=ip)
                record(session, Act(person_stream(person.number), Kind.SIGN_IN_SUCCEEDED, at, actor))
    if barred or not right:
        raise SignInRefused()
    return token


def is_barred(account: Account | None, source: SourceLock | None, at: datetime, settings: Settings) -> bool:
    """Whether nobody signs in to this account from this address now, whatever they know or hold."""
    return (
        account is None
        or account.disabled_at is not None
        or _first_is_over(account, at, settings)
        or (account.locked_until is not None and account.locked_until > at)
        or (source is not None and source.locked_until is not None and source.locked_until > at)
    )


def _first_is_over(account: Account, at: datetime, settings: Settings) -> bool:
    """Whether a first password was never changed in the days it had (ASVS V6.4.1); the administrator gives another one."""
    given = account.password_set_at
    return account.must_change and given is not None and given + timedelta(days=settings.first_password_days) <= at


def _has_second_factor(session: Session, account_id: int) -> bool:
    confirmed = select(SecondFactor.account_id).where(
        SecondFactor.account_id == account_id, SecondFactor.confirmed_at.is_not(None)
    )
    held = select(Passkey.account_id).where(Passkey.account_id == account_id)
    return session.execute(union_all(confirmed, held)).first() is not None


def count_failure(
    session: Session, account: Account | None, ip: str | None, at: datetime, settings: Settings, *, counted: bool,
    kind: Kind = Kind.SIGN_IN_FAILED, reason: str = SignInRefused.code,
) -> None:
    """Count a failed sign-in against the account and the address, and lock what reached its limit.

    Recorded as ``kind``, or as ``account:locked`` when it locks the account.
    """
    until = at + timedelta(minutes=settings.lockout_minutes)
    locked = False
    number = None
    if account is not None:
        number = session.execute(select(Person.number).where(Person.id == account.person_id)).scalar_one()
        if counted:
            failures = account.failures + 1
            locked = failures >= settings.lockout_attempts
            session.execute(
                update(Account)
                .where(Account.id == account.id)
                .values(failures=0 if locked else Account.failures + 1, locked_until=until if locked else None)
            )
    if ip:
        source = session.get(SourceLock, ip)
        # An address serves a whole school behind one router: it gets ten times an account's patience.
        if source is None or source.changed_at < at - timedelta(minutes=settings.lockout_minutes):
            session.merge(SourceLock(source=ip, failures=1, locked_until=None, changed_at=at))
        else:
            source.failures, source.changed_at = source.failures + 1, at
            if source.failures >= 10 * settings.lockout_attempts:
                source.failures, source.locked_until = 0, until
    kind = Kind.ACCOUNT_LOCKED if locked else kind
    actor = Actor(ActorKind.PERSON, number or "-", ip=ip)
    stream = person_stream(number) if number else office_stream("sign_in")
    record(session, Act(stream, kind, at, actor, reason=reason))


def viewer(reading: Connection, token: str, *, at: datetime, ip: str | None, settings: Settings) -> Viewer | None:
    """Who a cookie token belongs to, unless it ended, idled out or grew too old, or the account was disabled.

    Asked before every page: one statement for the sign-in, the person and the roles held today.
    """
    rows = _SIGNED_IN(reading, {
        "token": token_digest(token), "day": office_day(at), "seen": at - timedelta(minutes=settings.idle_minutes),
        "began": at - timedelta(hours=settings.absolute_hours),
    })  # fmt: skip
    if not rows:
        return None
    first = rows[0]
    return Viewer(
        first.account_id, first.person_id, first.number, first.name, ip, first.language,
        tuple(people.held(*row[_HELD:]) for row in rows if row.role is not None),
        first.must_change or _is_old(first.password_set_at, at, settings), first.seen_at,
        first.proved_at, not first.second_factor and _asked_for(settings, (row.role for row in rows)),
    )


def _is_old(set_at: datetime | None, at: datetime, settings: Settings) -> bool:
    """Whether a password is in use for longer than the installation lets it be."""
    return bool(settings.password_days) and set_at is not None and set_at + timedelta(days=settings.password_days) <= at


def _asked_for(settings: Settings, roles: Iterable[str | None]) -> bool:
    """Whether somebody with these roles signs in with a second factor; in a demo nobody has to."""
    if settings.demo or settings.second_factor == "nobody":
        return False
    return settings.second_factor == "everybody" or not people.EXCLUSIVE.isdisjoint(roles)


def needs_second_factor(who: Viewer, settings: Settings) -> bool:
    """Whether the person may not be without a second factor."""
    return _asked_for(settings, (held.role for held in who.memberships))


#: Where the columns of a role begin.
_HELD = 10
#: One row for each role held on the day; one without a role for who holds none.
_SIGNED_IN = Question(
    select(
        Account.id.label("account_id"), Person.id.label("person_id"), Person.number, Person.name, Account.language,
        Account.must_change, SignIn.seen_at, SignIn.proved_at, Account.password_set_at,
        or_(
            SecondFactor.confirmed_at.is_not(None), select(Passkey.id).where(Passkey.account_id == Account.id).exists()
        ).label("second_factor"),
        *people.HELD,
    )
    .join(Account, Account.id == SignIn.account_id)
    .join(Person, Person.id == Account.person_id)
    .outerjoin(SecondFactor, SecondFactor.account_id == Account.id)
    .outerjoin(Membership, and_(Membership.person_id == Person.id, held_on(bindparam("day", type_=Date))))
    .outerjoin(Organisation, Organisation.id == Membership.organisation_id)
    .where(
        SignIn.token_digest == bindparam("token"),
        SignIn.ended_at.is_(None),
        SignIn.awaits_code.is_(False),
        SignIn.seen_at > bindparam("seen"),
        SignIn.began_at > bindparam("began"),
        Account.disabled_at.is_(None),
    )
    .order_by(Membership.id)
)  # fmt: skip


def viewer_by_name(session: Session, sign_in_name: str, *, at: datetime, ip: str | None = None) -> Viewer | None:
    """The person behind a sign-in name, for work at the machine's own console: nobody has signed in."""
    return _viewer(session, Account.sign_in_name == sign_in_name, at, ip)


def viewer_of(session: Session, person_id: int, *, at: datetime) -> Viewer | None:
    """A person with the roles they hold now, for an act of theirs that is repeated; nobody if their account is disabled."""
    return _viewer(session, (Account.person_id == person_id) & Account.disabled_at.is_(None), at, None)


def _viewer(session: Session, where: ColumnElement[bool], at: datetime, ip: str | None) -> Viewer | None:
    row = session.execute(
        select(Account, Person).join(Person, Person.id == Account.person_id).where(where)
    ).one_or_none()
    if row is None:
        return None
    account, person = row
    held = people.memberships(session, person.id, office_day(at))
    return Viewer(account.id, person.id, person.number, person.name, ip, account.language, held, account.must_change)


def touch(db: Database, token: str, who: Viewer, *, at: datetime) -> None:
    """Note that the browser was seen; writes at most once a minute."""
    if who.seen_at is not None and at - who.seen_at < _TOUCH:
        return
    digest = token_digest(token)
    with db.write() as session:
        session.execute(
            update(SignIn).where(SignIn.token_digest == digest, SignIn.seen_at < at).values(seen_at=at)
        )


def sign_out(db: Database, token: str, *, at: datetime, ip: str | None) -> None:
    """End one signed-in browser."""
    with db.write() as session:
        ended = session.execute(
            update(SignIn)
            .where(SignIn.token_digest == token_digest(token), SignIn.ended_at.is_(None))
            .values(ended_at=at)
            .returning(SignIn.account_id)
        ).scalar_one_or_none()
        if ended is not None:
            number = _number_of(session, ended)
            record(session, Act(person_stream(number), Kind.SIGN_IN_ENDED, at, Actor(ActorKind.PERSON, number, ip=ip)))


def _number_of(session: Session, account_id: int) -> str:
    return session.execute(
        select(Person.number).join(Account, Account.person_id == Person.id).where(Account.id == account_id)
    ).scalar_one()


def change_password(
    db: Database, who: Viewer, old: str, new: str, *, at: datetime, settings: Settings
) -> str:
    """Change one's own password; every other browser is signed out, this one gets the returned new token.

    A wrong old password (``SignInRefused``) counts like one at the door, by the ``settings`` of the installation.
    """
    with db.read() as session:
        stored = session.get_one(Account, who.account_id).password_hash
        before = session.execute(
            select(OldPassword.password_hash).where(OldPassword.account_id == who.account_id)
            .order_by(OldPassword.id.desc()).limit(settings.password_history)
        ).scalars().all()
    if not matches(stored, old):
        with db.write() as session:
            count_failure(session, session.get_one(Account, who.account_id), who.ip, at,
                          settings, counted=True)
        raise SignInRefused()
    check_password(new, old_hashes=[stored, *before])
    hashed, token = _hasher.hash(new), secrets.token_urlsafe(32)
    with db.write() as session:
        session.execute(
            update(Account)
            .where(Account.id == who.account_id)
            .values(password_hash=hashed, password_set_at=at, must_change=False, demo_password=None)
        )
        session.add(OldPassword(account_id=who.account_id, password_hash=stored, ended_at=at))
        end_sign_ins(session, who.account_id, at)
        session.execute(
            insert(SignIn).values(token_digest=token_digest(token), account_id=who.account_id, began_at=at, seen_at=at,
                                  proved_at=at)
        )
        record(session, Act(person_stream(who.number), Kind.PASSWORD_CHANGED, at, who.actor()))
    return token


def end_sign_ins(session: Session, account_id: int, at: datetime, *, but: str = "") -> None:
    """Sign every browser of an account out, but the one with the token given."""
    session.execute(
        update(SignIn)
        .where(SignIn.account_id == account_id, SignIn.ended_at.is_(None), SignIn.token_digest != token_digest(but))
        .values(ended_at=at)
    )


def set_language(db: Database, who: Viewer, language: str) -> None:
    """Remember the language of the pages: ``zh`` or ``en``."""
    with db.write() as session:
        session.execute(
            update(Account).where(Account.id == who.account_id).values(language="en" if language == "en" else "zh")
        )


def first_password() -> str:
    """A random first password that can be read from paper: four groups of four, about 79 bits."""
    return "-".join("".join(secrets.choice(_READABLE) for _ in range(4)) for _ in range(4))


def create_account(
    db: Database, by: Actor, person_number: str, sign_in_name: str, *, at: datetime, password: str | None = None,
    demo: bool = False,
) -> str:
    """Open an account for a person; returns the first password, which must be changed at the first sign-in.

    ``demo`` accounts keep the given password and show it on the sign-in page; the caller has made sure that this is a
    demo data directory.
    """
    people.require_hat(by, "system_admin")
    given = password or first_password()
    hashed = (_demo_hasher if demo else _hasher).hash(given)
    with db.write() as session:
        person = people.person_by_number(session, person_number)
        taken = select(Account.id).where((Account.sign_in_name == sign_in_name) | (Account.person_id == person.id))
        if session.execute(taken).first() is not None:
            raise AccountExists()
        session.add(
            Account(person_id=person.id, sign_in_name=sign_in_name, password_hash=hashed, must_change=not demo, password_set_at=at,
                    demo_password=given if demo else None)
        )
        record(session, Act(person_stream(person_number), Kind.ACCOUNT_CREATED, at, by))
    return given


def _change_account(
    db: Database, by: Actor, person_number: str, kind: Kind, at: datetime, *, ends_sign_ins: bool = False,
    hat: str = "security_admin", **values: object,
) -> None:
    people.require_hat(by, hat)
    people.refuse_own(by, person_number)
    with db.write() as session:
        person = people.person_by_number(session, person_number)
        account_id = session.execute(
            update(Account).where(Account.person_id == person.id).values(**values).returning(Account.id)
        ).scalar_one_or_none()
        if account_id is None:
            raise NotFound()
        if ends_sign_ins:
            end_sign_ins(session, account_id, at)
        record(session, Act(person_stream(person_number), kind, at, by))


def disable_account(db: Database, by: Actor, person_number: str, *, at: datetime) -> None:
    """Close an account at once: its browsers are signed out."""
    _change_account(db, by, person_number, Kind.ACCOUNT_DISABLED, at, ends_sign_ins=True, disabled_at=at)


def enable_account(db: Database, by: Actor, person_number: str, *, at: datetime) -> None:
    """Open a closed account again."""
    _change_account(db, by, person_number, Kind.ACCOUNT_ENABLED, at, disabled_at=None)


def unlock_account(db: Database, by: Actor, person_number: str, *, at: datetime) -> None:
    """Lift a lockout before its time."""
    _change_account(db, by, person_number, Kind.ACCOUNT_UNLOCKED, at, locked_until=None, failures=0)


def reset_password(db: Database, by: Actor, person_number: str, *, at: datetime) -> str:
    """Give a new first password to somebody who lost theirs; every browser of theirs is signed out.

    The system administrator's act. A second factor stays: only the security administrator resets that, so that nobody
    takes over an account alone.
    """
    given = first_password()
    _change_account(db, by, person_number, Kind.PASSWORD_CHANGED, at, ends_sign_ins=True,
                    hat="system_admin", password_hash=_hasher.hash(given), must_change=True, password_set_at=at, locked_until=None,
                    failures=0,
                    demo_password=None)
    return given


@dataclass(frozen=True)
class DemoAccount:
    """One invented person, as the sign-in page of a demo shows them."""

    place: str
    name: str
    #: Role name and organisation name of each role.
    roles: tuple[tuple[str, str], ...]
    sign_in_name: str
    password: str


def demo_accounts(session: Session, at: datetime) -> list[DemoAccount]:
    """The demo's people with their passwords; empty outside a demo, where no account keeps a readable password."""
    rows = session.execute(
        select(Account, Person).join(Person, Person.id == Account.person_id).where(Account.demo_password.is_not(None))
        .order_by(Account.id)
    )
    shown = []
    for account, person in rows:
        held = people.memberships(session, person.id, office_day(at))
        roles = tuple((item.role_name, item.organisation_name) for item in held)
        place = held[0].place if held else ""
        shown.append(DemoAccount(place, person.name, roles, account.sign_in_name, str(account.demo_password)))
    return shown


#: A mainland mobile number, as applicants sign in with.
PHONE = re.compile(r"1[3-9]\d{9}")
