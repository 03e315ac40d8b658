"""Places, people, who holds which role from when to when, and how they sign in."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from workflows.models.columns import Key, Row


class Organisation(Row):
    """R13: one place of the tree province → city → county → school."""

    __tablename__ = "organisation"

    id: Mapped[Key]
    #: Stable code shown in data and addresses, e.g. ``ln-sy-hp-jy``.
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    #: ``edu_bureau``, ``tri``, ``school``, … (domain.md 3.0.1).
    org_type: Mapped[str]
    #: ``province``, ``city``, ``county`` or ``school``.
    level: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    #: The policy pack of the place, e.g. ``liaoning``.
    place: Mapped[str]
    from_on: Mapped[date]
    #: Last day of existence; empty while it exists.
    to_on: Mapped[date | None]


class Person(Row):
    """Somebody the office knows. Identity numbers are not here: they stay in the forms that asked for them."""

    __tablename__ = "person"

    id: Mapped[Key]
    #: Stable number shown in data and addresses, e.g. ``P20260001``.
    number: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(index=True)
    phone: Mapped[str | None]
    email: Mapped[str | None]
    created_at: Mapped[datetime]


class Membership(Row):
    """A role at an organisation from one day to another; never overwritten, only ended."""

    __tablename__ = "membership"
    __table_args__ = (
        Index("ix_membership_org_role", "organisation_id", "role"),
        CheckConstraint("to_on IS NULL OR to_on >= from_on", name="dates"),
    )

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    #: A role key of domain.md 3.0.1, see ``workflows.people.ROLES``.
    role: Mapped[str]
    from_on: Mapped[date]
    #: Last day on which the role is held; empty while it is held.
    to_on: Mapped[date | None]
    #: The events that began and ended it.
    begun_by_event: Mapped[str]
    ended_by_event: Mapped[str | None]


class Proxy(Row):
    """代办授权: somebody does another's office work from one day to another; never overwritten, only revoked."""

    __tablename__ = "proxy"
    __table_args__ = (
        # To whom somebody stands in today, and whom they have asked.
        Index("ix_proxy_proxy", "proxy_id", "to_on"),
        Index("ix_proxy_giver", "giver_id", "to_on"),
        CheckConstraint("to_on >= from_on", name="dates"),
        CheckConstraint("giver_id <> proxy_id", name="another"),
    )

    id: Mapped[Key]
    #: Random public id; stands in addresses.
    number: Mapped[str] = mapped_column(unique=True)
    #: Whose work it is (授权人), and who does it (代办人).
    giver_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    proxy_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    #: Where the proxy works: who holds no role there any more stands in for nobody.
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    #: Process ids, each between spaces (`` admission exit ``); empty for every process.
    processes: Mapped[str]
    from_on: Mapped[date]
    #: Last day, included.
    to_on: Mapped[date]
    reason: Mapped[str]
    made_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    #: The events that began and revoked it.
    begun_by_event: Mapped[str]
    ended_by_event: Mapped[str | None]


class SignatureImage(Row):
    """A picture of somebody's handwritten signature (手写签名图样) that they keep for papers; never overwritten, only ended.

    A picture and nothing more: what was signed is proved by the record, not by it.
    """

    __tablename__ = "signature_image"
    __table_args__ = (
        # One in use, also when two windows keep one at once.
        Index(
            "uq_signature_image_in_use", "person_id", unique=True,
            sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_signature_image_person", "person_id", "id"),
        Index("ix_signature_image_sha256", "sha256"),
    )

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    #: Digest of the picture as it was made anew; the bytes lie in the store.
    sha256: Mapped[str]
    #: Bytes.
    size: Mapped[int]
    kept_at: Mapped[datetime]
    #: When it was withdrawn or another took its place; empty while it is in use.
    ended_at: Mapped[datetime | None]
    #: The events that began and ended it.
    begun_by_event: Mapped[str]
    ended_by_event: Mapped[str | None]


class Account(Row):
    """How a person signs in."""

    __tablename__ = "account"

    id: Mapped[Key]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), unique=True)
    #: What is typed to sign in: the phone number, or a short name for staff.
    sign_in_name: Mapped[str] = mapped_column(unique=True)
    #: argon2id with its parameters.
    password_hash: Mapped[str]
    #: The first password must be changed before anything else.
    must_change: Mapped[bool] = mapped_column(default=False)
    #: Since when the password is in use; empty for one from before this was written down.
    password_set_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    #: Wrong passwords in a row since the last success; kept in the table, so that a restart forgets nothing.
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    #: Wrong codes or passkeys in a row; kept in the table, so that neither a restart nor a right password forgets them.
    wrong_codes: Mapped[int] = mapped_column(default=0)
    email_confirmed_at: Mapped[datetime | None]
    #: ``zh`` or ``en``.
    language: Mapped[str] = mapped_column(default="zh")
    #: Shown on the sign-in page; only ever set in a demo data directory.
    demo_password: Mapped[str | None]


class SourceLock(Row):
    """Wrong sign-ins from one network address; locks the address as an account is locked."""

    __tablename__ = "source_lock"

    source: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    locked_until: Mapped[datetime | None]
    changed_at: Mapped[datetime]


class SignIn(Row):
    """One signed-in browser. The cookie holds a random token; only its digest is stored."""

    __tablename__ = "sign_in"

    token_digest: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    began_at: Mapped[datetime]
    #: Written at most once a minute.
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    #: The password was right and the second factor is still to come: the browser belongs to nobody yet.
    awaits_code: Mapped[bool] = mapped_column(default=False)
    #: When the person last proved here who they are: by signing in, by password, or by code.
    proved_at: Mapped[datetime | None]


class ConfirmationLink(Row):
    """A link sent by mail; used once."""

    __tablename__ = "confirmation_link"

    token_digest: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    #: ``email`` today; the address that it confirms.
    purpose: Mapped[str]
    address: Mapped[str]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class StaffingCell(Row):
    """R2: one cell of the matrix 学科×学段 of an institution, with the number of full-time researchers it needs."""

    __tablename__ = "staffing_cell"
    __table_args__ = (UniqueConstraint("organisation_id", "subject", "stage", "from_on"),)

    id: Mapped[Key]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    subject: Mapped[str]
    stage: Mapped[str]
    required: Mapped[int]
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    event: Mapped[str]
