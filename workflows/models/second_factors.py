"""What proves who signs in, besides the password in use: one-time codes, passkeys, codes for when they are lost; old passwords."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from workflows.models.columns import Key, Row


class SecondFactor(Row):
    """The secret that an account shares with its owner's device (RFC 6238)."""

    __tablename__ = "second_factor"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    #: Base32, sealed with the installation's key and bound to the account.
    secret: Mapped[str]
    made_at: Mapped[datetime]
    #: Since when it is asked for; empty until the owner has shown a code that fits.
    confirmed_at: Mapped[datetime | None]
    #: The time step of the last code that was accepted: neither it nor an earlier one is accepted again.
    last_step: Mapped[int] = mapped_column(default=0)


class RecoveryCode(Row):
    """A code from paper, in place of the device; used once."""

    __tablename__ = "recovery_code"

    id: Mapped[Key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    #: Digest of the code; the code itself is shown once and kept nowhere.
    digest: Mapped[str]
    used_at: Mapped[datetime | None]


class Passkey(Row):
    """A key that a device or a security key of the owner holds, and opens by PIN, finger or face (WebAuthn)."""

    __tablename__ = "passkey"

    id: Mapped[Key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    #: The device's name for the key, base64url; no two accounts have the same.
    credential_id: Mapped[str] = mapped_column(unique=True)
    #: COSE, sealed with the installation's key and bound to account and credential.
    public_key: Mapped[str]
    #: What the owner calls it.
    name: Mapped[str]
    #: How a browser reaches it, each word between blanks: ``internal``, ``hybrid``, ``usb``, …
    transports: Mapped[str]
    #: Uses as the device counts them; 0 for one that does not count. A key that counts backwards was copied.
    sign_count: Mapped[int] = mapped_column(BigInteger)
    #: Whether its maker keeps it in step on several devices of the owner.
    synced: Mapped[bool]
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SpentChallenge(Row):
    """A challenge that a passkey has answered; it counts for nothing again."""

    __tablename__ = "spent_challenge"

    digest: Mapped[str] = mapped_column(primary_key=True)
    #: After this it is too old anyway, and the row goes.
    expires_at: Mapped[datetime] = mapped_column(index=True)


class OldPassword(Row):
    """A password that was in use: it is not taken again."""

    __tablename__ = "old_password"

    id: Mapped[Key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    #: argon2id with its parameters.
    password_hash: Mapped[str]
    ended_at: Mapped[datetime]
