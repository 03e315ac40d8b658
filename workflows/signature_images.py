"""The picture of one's handwritten signature (手写签名图样): kept once in one's own account, put on papers by nobody else.

It is a picture and never an electronic signature: who agreed to what, and when, stands in the record, which needs none. What
is kept is made anew from what was brought (no metadata, no second file inside, bounded), lies in the store under its digest,
and is only ever ended: papers that bear an earlier one stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO

import orjson
from PIL import Image
from sqlalchemy import ColumnElement, ScalarSelect, func, insert, select, update
from sqlalchemy.orm import Session

from workflows import people
from workflows.access import Viewer
from workflows.audit import Act, Kind, new_event_id, person_stream, record
from workflows.db import Database
from workflows.errors import N_, NoSignature, SignatureEnded, SignatureOfAnother, SignatureUnreadable
from workflows.models import Account, Attachment, Person, SignatureImage
from workflows.notices import Message, queue
from workflows.registers.evidence import FileStore

#: Bytes of what is brought at most, and pixels that are unpacked at all.
LARGEST, MOST_PIXELS = 200 * 1024, 16_000_000
#: The box into which the picture is made to fit, and the least of either side, pixels.
BOX, LEAST = (720, 320), (40, 16)
#: Shades of grey between ink and paper at least: else nothing is written on it.
WRITTEN = 32
#: Its name and kind wherever it is used.
NAME, MEDIA_TYPE = N_("手写签名图样.png"), "image/png"


@dataclass(frozen=True)
class Kept:
    """One picture that somebody keeps, or kept."""

    sha256: str
    #: Bytes.
    size: int
    kept_at: datetime
    #: Empty while it is in use.
    ended_at: datetime | None


def redrawn(stream: BinaryIO) -> bytes:
    """The picture made anew as a small grey PNG on white; what was redrawn already comes out the same.

    ``SignatureUnreadable`` for what is too large, no PNG or JPEG, damaged, too small, or all of one colour.
    """
    raw = stream.read(LARGEST + 1)
    if not raw or len(raw) > LARGEST:
        raise SignatureUnreadable()
    try:
        with Image.open(BytesIO(raw), formats=("JPEG", "PNG")) as found:
            if found.width * found.height > MOST_PIXELS or found.width < LEAST[0] or found.height < LEAST[1]:
                raise SignatureUnreadable()
            found.thumbnail(BOX)
            inked = found.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise SignatureUnreadable() from error
    paper = Image.new("RGBA", inked.size, "white")
    paper.alpha_composite(inked)
    grey = paper.convert("L")
    shades = grey.tobytes()
    if max(shades) - min(shades) < WRITTEN:
        raise SignatureUnreadable()
    made = BytesIO()
    grey.save(made, "PNG", optimize=True)
    return made.getvalue()


def keep(db: Database, viewer: Viewer, store: FileStore, stream: BinaryIO, *, at: datetime) -> Kept:
    """Keep a picture of one's own signature; the one kept so far is ended. One event ``signature:kept``; its owner is told.

    Raises ``SignatureUnreadable``, and ``SignatureOfAnother`` for a picture that somebody else keeps or kept.
    """
    made = redrawn(stream)
    sha256, size, _ = store.put(BytesIO(made), NAME)
    with db.write() as session:
        _lock(session, viewer)
        _refuse_anothers(session, viewer.person_id, [sha256])
        before, event = in_use(session, viewer.person_id), new_event_id()
        if before is not None and before.sha256 == sha256:
            return before
        _end(session, viewer, at, event)
        session.add(SignatureImage(person_id=viewer.person_id, sha256=sha256, size=size, kept_at=at, begun_by_event=event))
        payload = {"sha256": sha256, "size": size, "instead_of": before.sha256 if before is not None else None}
        _note(session, viewer, Kind.SIGNATURE_KEPT, at, event, payload, "signature_kept")
    return Kept(sha256, size, at, None)


def withdraw(db: Database, viewer: Viewer, *, at: datetime) -> None:
    """End the use of one's own picture; papers that bear it stay. One event ``signature:withdrawn``; ``NoSignature``."""
    with db.write() as session:
        _lock(session, viewer)
        before, event = in_use(session, viewer.person_id), new_event_id()
        if before is None:
            raise NoSignature()
        _end(session, viewer, at, event)
        _note(session, viewer, Kind.SIGNATURE_WITHDRAWN, at, event, {"sha256": before.sha256}, "signature_withdrawn")


def _lock(session: Session, viewer: Viewer) -> None:
    """Two windows of one person come one after the other."""
    session.execute(select(Account.id).where(Account.id == viewer.account_id).with_for_update())


def _end(session: Session, viewer: Viewer, at: datetime, event: str) -> None:
    session.execute(
        update(SignatureImage)
        .where(SignatureImage.person_id == viewer.person_id, SignatureImage.ended_at.is_(None))
        .values(ended_at=at, ended_by_event=event)
        .execution_options(synchronize_session=False)
    )


def _note(
    session: Session, viewer: Viewer, kind: Kind, at: datetime, event: str, payload: Mapping[str, Any], notice: str
) -> None:
    record(session, Act(person_stream(viewer.number), kind, at, viewer.actor(), payload=payload), event_id=event)
    queue(session, [Message(people.mailable(session, Person.id == viewer.person_id), notice, {})], at=at)


# --- what is there ----------------------------------------------------------------------------------------------------


def in_use(session: Session, person_id: int) -> Kept | None:
    """The picture that a person's papers are signed with now."""
    return next((one for one in history(session, person_id) if one.ended_at is None), None)


def history(session: Session, person_id: int) -> list[Kept]:
    """Every picture that somebody has kept, the newest first."""
    found = session.execute(
        select(SignatureImage).where(SignatureImage.person_id == person_id).order_by(SignatureImage.id.desc())
    ).scalars()
    return [Kept(one.sha256, one.size, one.kept_at, one.ended_at) for one in found]


def owner_of(session: Session, sha256: str) -> int | None:
    """Key of the person who keeps, or kept, the picture with that digest; nobody's picture, nothing."""
    return session.execute(
        select(SignatureImage.person_id).where(SignatureImage.sha256 == sha256).order_by(SignatureImage.id).limit(1)
    ).scalar_one_or_none()


def owner(sha256: ColumnElement[str]) -> ScalarSelect[int]:
    """Column: key of the person who keeps, or kept, the picture with a digest that another table's column gives."""
    return select(func.min(SignatureImage.person_id)).where(SignatureImage.sha256 == sha256).scalar_subquery()


# --- on papers --------------------------------------------------------------------------------------------------------


def put_on(session: Session, person_id: int, instance_id: int, digests: Collection[str], at: datetime) -> None:
    """Note, in the caller's transaction, that a person's own picture is on a paper of a case, among the files it names.

    Raises ``SignatureOfAnother`` for a file that is somebody else's picture, ``SignatureEnded`` for one's own that is no
    longer in use, unless the paper was sent before and waited for others to sign (后加签).
    """
    found = session.execute(select(SignatureImage).where(SignatureImage.sha256.in_(digests))).scalars().all()
    if any(one.person_id != person_id for one in found):
        raise SignatureOfAnother()
    using = {one.sha256: one for one in found if one.ended_at is None}
    own = {one.sha256 for one in found}
    there = select(Attachment.sha256).where(Attachment.instance_id == instance_id, Attachment.sha256.in_(own))
    new = own - set(session.execute(there).scalars()) if own else own
    if new - using.keys():
        raise SignatureEnded()
    if new:
        session.execute(insert(Attachment), [_as_file(using[sha256], instance_id, at) for sha256 in sorted(new)])


def refuse_owned(owners: Iterable[int | None], person_id: int) -> None:
    """``SignatureOfAnother`` if files that somebody brought are pictures that somebody else keeps, by their ``owner``."""
    if any(one not in (None, person_id) for one in owners):
        raise SignatureOfAnother()


def _as_file(one: SignatureImage, instance_id: int, at: datetime) -> dict[str, Any]:
    """A row of the files of a case for a picture that its owner has put on a paper."""
    return {
        "sha256": one.sha256, "name": NAME, "media_type": MEDIA_TYPE, "size": one.size, "uploaded_by_id": one.person_id,
        "uploaded_at": at, "instance_id": instance_id, "field": None,
    }  # fmt: skip


def _refuse_anothers(session: Session, person_id: int, digests: Collection[str]) -> None:
    """``SignatureOfAnother`` if one of the files is a picture that somebody else keeps or kept."""
    anothers = select(SignatureImage.id).where(SignatureImage.sha256.in_(digests), SignatureImage.person_id != person_id)
    if session.execute(anothers.limit(1)).first() is not None:
        raise SignatureOfAnother()


def asked_in(form: bytes) -> frozenset[str]:
    """Keys of the fields of a form (its file) that ask for a signature."""
    return frozenset(_asked(orjson.loads(form).get("components") or ())) if form else frozenset()


def _asked(components: Collection[Mapping[str, Any]]) -> set[str]:
    found: set[str] = set()
    for one in components:
        if (one.get("properties") or {}).get("kind") == "sign":
            found.add(str(one.get("key")))
        found |= _asked(one.get("components") or ())
    return found
