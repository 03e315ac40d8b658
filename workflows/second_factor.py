"""The second factor: one-time codes of the owner's device (TOTP, RFC 6238), and recovery codes for when it is lost.

A passkey (``workflows.passkeys``) is one as well; recovery codes stand in for either.

A secret lies in the database sealed with the installation's key and bound to its account: a copy of the database alone
opens nothing, and no row fits another account. Recovery codes are kept as digests. Every verb takes ``clock``, the
machine's own time: the device knows no demo that was moved.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

import pyotp
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from workflows import people, sealing
from workflows.access import Viewer
from workflows.accounts import end_sign_ins, needs_second_factor, token_digest
from workflows.audit import Act, Actor, Kind, person_stream, record
from workflows.db import Database
from workflows.errors import CodeRefused, NoSecondFactor, SecondFactorNeeded, SecondFactorStands
from workflows.models import Account, Passkey, RecoveryCode, SecondFactor
from workflows.notices import Message, queue
from workflows.settings import Settings

#: Under this name the device lists the account.
ISSUER = "教研 Jiaoyan"
#: Seconds of one code, and how many codes before and after the present one are accepted.
STEP, DRIFT = 30, 1
#: How many recovery codes are given at a time.
CODES = 10
#: Letters and figures that are not mistaken for each other on paper; ten of them are about 49 bits.
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
#: What the secret is sealed for.
_PURPOSE = "second factor"


@dataclass(frozen=True)
class State:
    """What an account has."""

    #: Since when a device's codes are asked for; empty without a device.
    confirmed_at: datetime | None = None
    codes_left: int = 0
    passkeys: int = 0

    @property
    def stands(self) -> bool:
        """Whether signing in takes more than the password."""
        return self.confirmed_at is not None or self.passkeys > 0


@dataclass(frozen=True)
class Offer:
    """A secret that the owner's device may take over, as text and as the address that a QR code carries."""

    secret: str
    address: str


def state(session: Session, account_id: int) -> State:
    """What the account has."""
    row = session.get(SecondFactor, account_id)
    left = select(func.count()).select_from(RecoveryCode).where(
        RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None)
    )
    return State(row.confirmed_at if row is not None else None, session.execute(left).scalar_one(), passkeys_of(session, account_id))


def passkeys_of(session: Session, account_id: int) -> int:
    """How many passkeys the account has."""
    return session.execute(select(func.count()).select_from(Passkey).where(Passkey.account_id == account_id)).scalar_one()


def offer(db: Database, who: Viewer, key: bytes, *, at: datetime) -> Offer:
    """The secret to set up with, made at the first asking; it counts for nothing until ``confirm``.

    Raises ``SecondFactorStands`` when there is one already.
    """
    with db.write() as session:
        row = session.get(SecondFactor, who.account_id)
        if row is not None and row.confirmed_at is not None:
            raise SecondFactorStands()
        secret = _opened(key, row) if row is not None else None
        if secret is None:
            secret = pyotp.random_base32()
            session.merge(SecondFactor(account_id=who.account_id, made_at=at, confirmed_at=None, last_step=0,
                                       secret=sealing.seal(key, _PURPOSE, str(who.account_id), secret)))
        name = session.execute(select(Account.sign_in_name).where(Account.id == who.account_id)).scalar_one()
    return Offer(secret, pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=name, issuer_name=ISSUER))


def confirm(db: Database, who: Viewer, code: str, key: bytes, token: str, *, at: datetime, clock: datetime) -> list[str]:
    """Turn the second factor on with a first code of the device; returns the recovery codes, which are shown once.

    Every other browser is signed out. Raises ``CodeRefused``, and ``SecondFactorStands`` when there is one already.
    """
    with db.write() as session:
        row = session.get(SecondFactor, who.account_id)
        if row is None or row.confirmed_at is not None:
            raise SecondFactorStands() if row is not None else CodeRefused()
        if not _takes(session, row, code, key, clock):
            raise CodeRefused()
        row.confirmed_at = at
        codes = new_codes(session, who.account_id)
        end_sign_ins(session, who.account_id, at, but=token)
        record(session, Act(person_stream(who.number), Kind.SECOND_FACTOR_ADDED, at, who.actor()))
        _tell(session, who.person_id, "second_factor_added", at)
        return codes


def renew_codes(db: Database, who: Viewer, *, at: datetime) -> list[str]:
    """Ten new recovery codes; the old ones are worth nothing. Raises ``NoSecondFactor``."""
    with db.write() as session:
        if not state(session, who.account_id).stands:
            raise NoSecondFactor()
        codes = new_codes(session, who.account_id)
        record(session, Act(person_stream(who.number), Kind.RECOVERY_CODES_RENEWED, at, who.actor()))
        return codes


def remove(db: Database, who: Viewer, *, at: datetime, settings: Settings) -> None:
    """Turn one's own codes off; whoever has passkeys keeps the recovery codes.

    Raises ``SecondFactorNeeded`` for whoever may not be without and has no passkey, ``NoSecondFactor`` without a device.
    """
    with db.write() as session:
        left = passkeys_of(session, who.account_id)
        if needs_second_factor(who, settings) and not left:
            raise SecondFactorNeeded()
        gone = session.execute(
            delete(SecondFactor).where(SecondFactor.account_id == who.account_id).returning(SecondFactor.confirmed_at)
        ).scalar_one_or_none()
        if gone is None:
            raise NoSecondFactor()
        if not left:
            drop_codes(session, who.account_id)
        record(session, Act(person_stream(who.number), Kind.SECOND_FACTOR_REMOVED, at, who.actor()))
        _tell(session, who.person_id, "second_factor_removed", at)


def reset(db: Database, by: Actor, person_number: str, *, at: datetime) -> None:
    """Take somebody's off who lost device, passkeys and codes: the security administrator's act, never on themselves.

    Their browsers are signed out. Whoever must have one sets up a new one at the next sign-in, for which the password is
    needed: that is the system administrator's to reset, so that nobody takes over an account alone.
    """
    people.require_hat(by, "security_admin")
    people.refuse_own(by, person_number)
    with db.write() as session:
        person = people.person_by_number(session, person_number)
        account_id = session.execute(select(Account.id).where(Account.person_id == person.id)).scalar_one_or_none()
        if account_id is None:
            raise NoSecondFactor()
        had = state(session, account_id)
        if not had.stands:
            raise NoSecondFactor()
        session.execute(delete(SecondFactor).where(SecondFactor.account_id == account_id))
        session.execute(delete(Passkey).where(Passkey.account_id == account_id))
        drop_codes(session, account_id)
        end_sign_ins(session, account_id, at)
        record(session, Act(person_stream(person_number), Kind.SECOND_FACTOR_CLEARED, at, by,
                            payload={"codes": had.confirmed_at is not None, "passkeys": had.passkeys}))
        _tell(session, person.id, "second_factor_removed", at)


def accept(session: Session, account_id: int, code: str, key: bytes, *, at: datetime, clock: datetime) -> str | None:
    """Whether a code of the device or from paper proves the owner: ``totp``, ``recovery``, or nothing. Each counts once."""
    row = session.get(SecondFactor, account_id)
    if row is not None and row.confirmed_at is not None and _takes(session, row, code, key, clock):
        return "totp"
    spent = session.execute(
        update(RecoveryCode)
        .where(RecoveryCode.account_id == account_id, RecoveryCode.digest == token_digest(_plain(code)),
               RecoveryCode.used_at.is_(None))
        .values(used_at=at)
        .returning(RecoveryCode.id)
    ).first()
    return "recovery" if spent is not None else None


def _takes(session: Session, row: SecondFactor, code: str, key: bytes, clock: datetime) -> bool:
    """Whether a device's code fits now, or half a minute before or after, and is later than the last that was accepted."""
    secret = _opened(key, row)
    if secret is None:
        return False
    codes, now = pyotp.TOTP(secret, interval=STEP), int(clock.timestamp()) // STEP
    given = "".join(code.split())
    for step in range(now - DRIFT, now + DRIFT + 1):
        if secrets.compare_digest(codes.generate_otp(step).encode(), given.encode()):
            # Two browsers with the same code: the condition lets one of them have it.
            return session.execute(
                update(SecondFactor)
                .where(SecondFactor.account_id == row.account_id, SecondFactor.last_step < step)
                .values(last_step=step)
                .returning(SecondFactor.account_id)
            ).first() is not None
    return False


def drop_codes(session: Session, account_id: int) -> None:
    """Forget the recovery codes of an account that has nothing left that they could stand in for."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))


def new_codes(session: Session, account_id: int) -> list[str]:
    """Ten recovery codes in place of those there were; only their digests are kept."""
    drop_codes(session, account_id)
    codes = ["-".join("".join(secrets.choice(_READABLE) for _ in range(5)) for _ in range(2)) for _ in range(CODES)]
    rows = [{"account_id": account_id, "digest": token_digest(_plain(code)), "used_at": None} for code in codes]
    session.execute(insert(RecoveryCode), rows)
    return codes


def _plain(code: str) -> str:
    """A code from paper without what the eye adds: blanks, hyphens, capitals."""
    return "".join(sign for sign in code.lower() if sign.isalnum())


def _tell(session: Session, person_id: int, kind: str, at: datetime) -> None:
    one = people.somebody(session, person_id)
    queue(session, [Message({one.id: one.mailable}, kind, {})], at=at)


def _opened(key: bytes, row: SecondFactor) -> str | None:
    """The secret, or nothing when the installation's key is another one: then no code fits until it is set up anew."""
    return sealing.unseal(key, _PURPOSE, str(row.account_id), row.secret)
