"""Passkeys (WebAuthn): a key that the owner's device holds and opens by PIN, finger or face, as second factor or alone.

A challenge proves by itself who made it, for what, for whom and when; what was answered once is kept until it is too old,
so that no answer counts twice. Public keys lie sealed and bound to account and credential. What a passkey proves is said
to ``workflows.proving``, which signs people in. Every verb takes ``clock``, the machine's own time: devices know no demo.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
import webauthn
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    options_to_json,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from workflows import people, sealing
from workflows.access import Viewer
from workflows.accounts import end_sign_ins, needs_second_factor
from workflows.audit import Act, Kind, person_stream, record
from workflows.db import Database, upsert
from workflows.errors import NotFound, PasskeyNameNeeded, PasskeyRefused, SecondFactorNeeded, TooManyPasskeys
from workflows.models import Account, Passkey, SpentChallenge
from workflows.notices import Message, queue
from workflows.second_factor import drop_codes, new_codes, passkeys_of, state
from workflows.settings import Settings

#: What a challenge is for: a new passkey, signing in with it alone, the step after the password, proving who one is again.
ADD, SIGN_IN, CODE, PROOF = "add", "sign_in", "code", "proof"
#: How long a page may lie open before its challenge is too old.
PATIENCE = timedelta(minutes=30)
#: Passkeys of one account, characters of a name, and of what a browser answers.
MOST, LONGEST_NAME, LONGEST_ANSWER = 10, 40, 20_000
#: The office's name on the device.
OFFICE = "教研 Jiaoyan"
_NONCE, _MOMENT, _PROOF = 16, 8, 32
_KEY_PURPOSE, _CHALLENGE_PURPOSE, _OWNER_PURPOSE = "passkey", "passkey challenge", "passkey owner"


@dataclass(frozen=True)
class Site:
    """Where passkeys of the installation are good for anything: a domain, and the one address whose pages may ask."""

    domain: str
    origin: str


def site(settings: Settings) -> Site:
    """The site as the installation's public address names it; on this machine itself ``localhost``, since no passkey is
    bound to a bare network address."""
    address = urlsplit(settings.base_url)
    host = address.hostname or "localhost"
    host = "localhost" if host in {"127.0.0.1", "::1"} else host
    return Site(host, f"{address.scheme}://{host}{f':{address.port}' if address.port else ''}")


@dataclass(frozen=True)
class View:
    """One passkey as its owner sees it."""

    credential_id: str
    name: str
    made_at: datetime
    used_at: datetime | None
    synced: bool


def own(session: Session, account_id: int) -> list[View]:
    """The passkeys of an account, the oldest first."""
    rows = session.execute(select(Passkey).where(Passkey.account_id == account_id).order_by(Passkey.id)).scalars()
    return [View(row.credential_id, row.name, row.made_at, row.used_at, row.synced) for row in rows]


# --- what a page asks the browser -----------------------------------------------------------------------------------


def to_add(session: Session, who: Viewer, key: bytes, *, clock: datetime, settings: Settings) -> str:
    """What the page hands to ``navigator.credentials.create``, as JSON; a device that holds one already is left out."""
    here = site(settings)
    sign_in_name = session.execute(select(Account.sign_in_name).where(Account.id == who.account_id)).scalar_one()
    return options_to_json(webauthn.generate_registration_options(
        rp_id=here.domain, rp_name=OFFICE, user_id=_owner(key, who.account_id), user_name=sign_in_name,
        user_display_name=who.name, challenge=_challenge(key, ADD, str(who.account_id), clock),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(session, who.account_id),
    ))  # fmt: skip


def to_show(session: Session, key: bytes, purpose: str, account_id: int | None, *, clock: datetime, settings: Settings) -> str:
    """What the page hands to ``navigator.credentials.get``, as JSON.

    With an account only its passkeys are asked for. Without one the device offers what it holds for this site, so that
    the page tells nobody who has an account.
    """
    return options_to_json(webauthn.generate_authentication_options(
        rp_id=site(settings).domain, challenge=_challenge(key, purpose, str(account_id or ""), clock),
        allow_credentials=_descriptors(session, account_id) if account_id is not None else [],
        user_verification=UserVerificationRequirement.REQUIRED,
    ))  # fmt: skip


def _descriptors(session: Session, account_id: int) -> list[PublicKeyCredentialDescriptor]:
    rows = session.execute(select(Passkey.credential_id, Passkey.transports).where(Passkey.account_id == account_id))
    known = {one.value: one for one in AuthenticatorTransport}
    return [
        PublicKeyCredentialDescriptor(base64url_to_bytes(name), transports=[known[one] for one in words.split() if one in known])
        for name, words in rows
    ]


# --- verbs ----------------------------------------------------------------------------------------------------------


def add(
    db: Database, who: Viewer, answer: str, name: str, key: bytes, token: str, *, at: datetime, clock: datetime,
    settings: Settings,
) -> list[str]:
    """Keep the passkey that a device has just made; returns recovery codes where the account had none, shown once.

    Every other browser is signed out. Raises ``PasskeyNameNeeded``, ``TooManyPasskeys``, and ``PasskeyRefused`` when the
    answer is not one of this page, of this person, or did not ask for PIN, finger or face.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise PasskeyNameNeeded(most=LONGEST_NAME)
    here = site(settings)
    try:
        parsed = parse_registration_credential_json(_short(answer))
        challenge = _own_challenge(key, ADD, str(who.account_id), parsed.response.client_data_json, clock)
        made = webauthn.verify_registration_response(
            credential=parsed, expected_challenge=challenge, expected_rp_id=here.domain, expected_origin=here.origin,
            require_user_verification=True,
        )  # fmt: skip
    except PasskeyRefused:
        raise
    except Exception as error:  # whatever its parsers raise on what somebody sends
        raise PasskeyRefused() from error
    credential = bytes_to_base64url(made.credential_id)
    with db.write() as session:
        if passkeys_of(session, who.account_id) >= MOST:
            raise TooManyPasskeys(most=MOST)
        taken = select(Passkey.id).where(Passkey.credential_id == credential)
        if session.execute(taken).first() is not None or not _spend(session, challenge, clock):
            raise PasskeyRefused()
        had = state(session, who.account_id)
        transports = " ".join(one.value for one in parsed.response.transports or ())
        session.execute(insert(Passkey).values(
            account_id=who.account_id, credential_id=credential, name=name, transports=transports, sign_count=made.sign_count,
            synced=made.credential_device_type is CredentialDeviceType.MULTI_DEVICE, made_at=at,
            public_key=sealing.seal(key, _KEY_PURPOSE, _bound(who.account_id, credential), bytes_to_base64url(made.credential_public_key)),
        ))  # fmt: skip
        codes = [] if had.stands and had.codes_left else new_codes(session, who.account_id)
        end_sign_ins(session, who.account_id, at, but=token)
        record(session, Act(person_stream(who.number), Kind.PASSKEY_ADDED, at, who.actor(), payload=_named(name, credential)))
        _tell(session, who.person_id, "passkey_added", name, at)
        return codes


def remove(db: Database, who: Viewer, credential: str, *, at: datetime, settings: Settings) -> None:
    """Give one of one's own up: it opens nothing any more. With the last way to prove oneself the recovery codes go too.

    Raises ``NotFound`` for one that is not the person's, ``SecondFactorNeeded`` when they may not be without.
    """
    with db.write() as session:
        name = session.execute(
            delete(Passkey).where(Passkey.account_id == who.account_id, Passkey.credential_id == credential).returning(Passkey.name)
        ).scalar_one_or_none()
        if name is None:
            raise NotFound()
        if not state(session, who.account_id).stands:
            if needs_second_factor(who, settings):
                raise SecondFactorNeeded()
            drop_codes(session, who.account_id)
        record(session, Act(person_stream(who.number), Kind.PASSKEY_REMOVED, at, who.actor(), payload=_named(name, credential)))
        _tell(session, who.person_id, "passkey_removed", name, at)


@dataclass(frozen=True)
class Shown:
    """What an answer comes to."""

    #: Whose passkey it names; nothing when nobody has one of that name.
    account_id: int | None = None
    #: Whether it proves the owner. If not: whether it came from a copy of the key.
    holds: bool = False
    copied: bool = False


def accept(
    session: Session, answer: str, key: bytes, purpose: str, account_id: int | None, *, at: datetime, clock: datetime,
    settings: Settings,
) -> Shown:
    """What a passkey's answer to ``to_show`` proves; an answer counts once. With an account only its own passkeys count.

    A key whose counter does not go on was copied: it proves nothing, and its owner is told.
    """
    here = site(settings)
    row: Passkey | None = None
    try:
        parsed = parse_authentication_credential_json(_short(answer))
        row = session.execute(select(Passkey).where(Passkey.credential_id == parsed.id)).scalar_one_or_none()
        if row is None or (account_id is not None and row.account_id != account_id):
            return Shown()
        challenge = _own_challenge(key, purpose, str(account_id or ""), parsed.response.client_data_json, clock)
        public = sealing.unseal(key, _KEY_PURPOSE, _bound(row.account_id, row.credential_id), row.public_key)
        owner = parsed.response.user_handle
        if public is None or (owner and not hmac.compare_digest(owner, _owner(key, row.account_id))):
            return Shown(row.account_id)
        proved = webauthn.verify_authentication_response(
            credential=parsed, expected_challenge=challenge, expected_rp_id=here.domain, expected_origin=here.origin,
            credential_public_key=base64url_to_bytes(public), credential_current_sign_count=0, require_user_verification=True,
        )  # fmt: skip
    except Exception:  # whatever its parsers raise on what somebody sends
        return Shown(row.account_id if row is not None else None)
    if not _spend(session, challenge, clock):
        return Shown(row.account_id)
    counted = proved.new_sign_count
    # Two copies at the same moment: the condition lets one of them have it.
    goes_on = Passkey.sign_count < counted if counted else Passkey.sign_count == 0
    went_on = session.execute(
        update(Passkey).where(Passkey.id == row.id, goes_on).values(sign_count=counted, used_at=at).returning(Passkey.id)
    ).first()
    if went_on is None:
        person_id = session.execute(select(Account.person_id).where(Account.id == row.account_id)).scalar_one()
        _tell(session, person_id, "passkey_doubted", row.name, at)
        return Shown(row.account_id, copied=True)
    return Shown(row.account_id, holds=True)


def _short(answer: str) -> dict[str, Any]:
    if len(answer) > LONGEST_ANSWER:
        raise PasskeyRefused()
    found = orjson.loads(answer)
    if not isinstance(found, dict):
        raise PasskeyRefused()
    return found


def _named(name: str, credential: str) -> dict[str, str]:
    """What the record keeps of a passkey: enough to know it again, nothing that opens anything."""
    return {"name": name, "passkey": hashlib.sha256(credential.encode()).hexdigest()}


def _bound(account_id: int, credential: str) -> str:
    return f"{account_id} {credential}"


def _owner(key: bytes, account_id: int) -> bytes:
    """Under this name a device keeps the account's passkeys: it says nothing of the person."""
    return hmac.digest(sealing.derived(key, _OWNER_PURPOSE), str(account_id).encode(), "sha256")


def _tell(session: Session, person_id: int, kind: str, name: str, at: datetime) -> None:
    one = people.somebody(session, person_id)
    queue(session, [Message({one.id: one.mailable}, kind, {"name": name})], at=at)


# --- challenges -----------------------------------------------------------------------------------------------------


def _challenge(key: bytes, purpose: str, bound: str, clock: datetime) -> bytes:
    head = secrets.token_bytes(_NONCE) + int(clock.timestamp()).to_bytes(_MOMENT, "big")
    return head + _proof(key, purpose, bound, head)


def _proof(key: bytes, purpose: str, bound: str, head: bytes) -> bytes:
    return hmac.digest(sealing.derived(key, _CHALLENGE_PURPOSE), f"{purpose}\0{bound}\0".encode() + head, "sha256")


def _made_at(challenge: bytes) -> datetime:
    return datetime.fromtimestamp(int.from_bytes(challenge[_NONCE : _NONCE + _MOMENT], "big"), UTC)


def _own_challenge(key: bytes, purpose: str, bound: str, client_data: bytes, clock: datetime) -> bytes:
    """The challenge that was answered, if we made it for this purpose and account, and not long ago; else ``PasskeyRefused``."""
    challenge = parse_client_data_json(client_data).challenge
    head, proof = challenge[: _NONCE + _MOMENT], challenge[_NONCE + _MOMENT :]
    if len(proof) != _PROOF or not hmac.compare_digest(proof, _proof(key, purpose, bound, head)):
        raise PasskeyRefused()
    if not timedelta(minutes=-1) <= clock - _made_at(challenge) < PATIENCE:
        raise PasskeyRefused()
    return challenge


def _spend(session: Session, challenge: bytes, clock: datetime) -> bool:
    """Whether the challenge is answered for the first time; from now on it counts for nothing."""
    session.execute(delete(SpentChallenge).where(SpentChallenge.expires_at < clock))
    return session.execute(
        upsert(SpentChallenge, session.get_bind().dialect.name)
        .values(digest=hashlib.sha256(challenge).hexdigest(), expires_at=_made_at(challenge) + PATIENCE)
        .on_conflict_do_nothing()
        .returning(SpentChallenge.digest)
    ).first() is not None
