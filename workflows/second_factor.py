"""The second factor: one-time codes of the owner's device (TOTP, RFC 6238), and recovery codes for when it is lost.

A secret lies in the database sealed with the installation's key and bound to its account: a copy of the database alone
opens nothing, and no row fits another account. Recovery codes are kept as digests. Every verb takes ``clock``, the
machine's own time: the device knows no demo that was moved.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from dataclasses import dataclass
from datetime import datetime

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from workflows import people
from workflows.access import Viewer
from workflows.accounts import end_sign_ins, needs_second_factor, token_digest
from workflows.audit import Act, Actor, Kind, person_stream, record
from workflows.db import Database
from workflows.errors import CodeRefused, NoSecondFactor, SecondFactorNeeded, SecondFactorStands
from workflows.models import Account, RecoveryCode, SecondFactor
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


@dataclass(frozen=True)
class State:
    """What an account has."""

    #: Since when codes are asked for; empty without a second factor.
    confirmed_at: datetime | None = None
    codes_left: int = 0


@dataclass(frozen=True)
class Offer:
    """A secret that the owner's device may take over, as text and as the address that a QR code carries."""

    secret: str
    address: str


def state(session: Session, account_id: int) -> State:
    """What the account has."""
    row = session.get(SecondFactor, account_id)
    if row is None or row.confirmed_at is None:
        return State()
    left = select(func.count()).select_from(RecoveryCode).where(
        RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None)
    )
    return State(row.confirmed_at, session.execute(left).scalar_one())


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
            session.merge(SecondFactor(account_id=who.account_id, secret=_sealed(key, who.account_id, secret), made_at=at,
                                       confirmed_at=None, last_step=0, failures=0))
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
        codes = _new_codes(session, who.account_id)
        end_sign_ins(session, who.account_id, at, but=token)
        record(session, Act(person_stream(who.number), Kind.SECOND_FACTOR_ADDED, at, who.actor()))
        _tell(session, who.person_id, "second_factor_added", at)
        return codes


def renew_codes(db: Database, who: Viewer, *, at: datetime) -> list[str]:
    """Ten new recovery codes; the old ones are worth nothing. Raises ``NoSecondFactor``."""
    with db.write() as session:
        if state(session, who.account_id).confirmed_at is None:
            raise NoSecondFactor()
        codes = _new_codes(session, who.account_id)
        record(session, Act(person_stream(who.number), Kind.RECOVERY_CODES_RENEWED, at, who.actor()))
        return codes


def remove(db: Database, who: Viewer, *, at: datetime, settings: Settings) -> None:
    """Turn one's own off. Raises ``SecondFactorNeeded`` for whoever may not be without, ``NoSecondFactor`` without one."""
    if needs_second_factor(who, settings):
        raise SecondFactorNeeded()
    with db.write() as session:
        _drop(session, who.account_id)
        record(session, Act(person_stream(who.number), Kind.SECOND_FACTOR_REMOVED, at, who.actor()))
        _tell(session, who.person_id, "second_factor_removed", at)


def reset(db: Database, by: Actor, person_number: str, *, at: datetime) -> None:
    """Take somebody's off who lost device and codes: the security administrator's act, never on themselves.

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
        _drop(session, account_id)
        end_sign_ins(session, account_id, at)
        record(session, Act(person_stream(person_number), Kind.SECOND_FACTOR_CLEARED, at, by))
        _tell(session, person.id, "second_factor_removed", at)


def accept(session: Session, account_id: int, code: str, key: bytes, *, at: datetime, clock: datetime) -> str | None:
    """Whether a code of the device or from paper proves the owner: ``totp``, ``recovery``, or nothing. Each counts once."""
    row = session.get(SecondFactor, account_id)
    if row is None or row.confirmed_at is None:
        return None
    if _takes(session, row, code, key, clock):
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
                .values(last_step=step, failures=0)
                .returning(SecondFactor.account_id)
            ).first() is not None
    return False


def _drop(session: Session, account_id: int) -> None:
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    gone = session.execute(
        delete(SecondFactor).where(SecondFactor.account_id == account_id).returning(SecondFactor.confirmed_at)
    ).scalar_one_or_none()
    if gone is None:
        raise NoSecondFactor()


def _new_codes(session: Session, account_id: int) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
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


# --- the secret at rest -----------------------------------------------------------------------------------------------


def _box(key: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=b"jiaoyan second factor").derive(key))


def _sealed(key: bytes, account_id: int, secret: str) -> str:
    nonce = os.urandom(12)
    return base64.b64encode(nonce + _box(key).encrypt(nonce, secret.encode(), str(account_id).encode())).decode()


def _opened(key: bytes, row: SecondFactor) -> str | None:
    """The secret, or nothing when the installation's key is another one: then no code fits until it is set up anew."""
    try:
        raw = base64.b64decode(row.secret)
        return _box(key).decrypt(raw[:12], raw[12:], str(row.account_id).encode()).decode()
    except (InvalidTag, binascii.Error, ValueError):
        return None
