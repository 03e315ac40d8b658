"""What proves who signs in, besides the password in use: the secret of the one-time codes, codes for when it is lost; old passwords."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
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
    #: Wrong codes in a row; kept in the table, so that neither a restart nor a right password forgets them.
    failures: Mapped[int] = mapped_column(default=0)


class RecoveryCode(Row):
    """A code from paper, in place of the device; used once."""

    __tablename__ = "recovery_code"

    id: Mapped[Key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    #: Digest of the code; the code itself is shown once and kept nowhere.
    digest: Mapped[str]
    used_at: Mapped[datetime | None]


class OldPassword(Row):
    """A password that was in use: it is not taken again."""

    __tablename__ = "old_password"

    id: Mapped[Key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    #: argon2id with its parameters.
    password_hash: Mapped[str]
    ended_at: Mapped[datetime]
