"""R11 佐证材料: uploaded files, stored once by content under their digest, and who may read them."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import filetype
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from workflows.access import Viewer, charge, may_see, within
from workflows.db import Database
from workflows.errors import FileRefused, NotFound
from workflows.models import Attachment, Instance, Person
from workflows.people import Page
from workflows.submission import AttachmentRef

#: Largest file, bytes (domain.md 3.0.2: 20 MB each).
LARGEST = 20 * 1024 * 1024
#: What is accepted: media type by content -> endings that may name it.
ACCEPTED = {
    "application/pdf": (".pdf",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
}


class FileStore:
    """Files under ``DATA/files/ab/<sha256>``: synced and renamed before any row names them."""

    def __init__(self, data: Path) -> None:
        self.root = data / "files"

    def put(self, stream: BinaryIO, name: str) -> tuple[str, int, str]:
        """Store a file; returns (sha256, bytes, media type).

        Raises ``FileRefused`` when it is empty, over 20 MB, or its content and ending are not an accepted pair.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        digest, size, head = hashlib.sha256(), 0, b""
        handle, temporary = tempfile.mkstemp(dir=self.root, prefix="incoming-")
        try:
            with os.fdopen(handle, "wb") as out:
                while chunk := stream.read(1 << 16):
                    head = head or chunk[:4096]
                    size += len(chunk)
                    if size > LARGEST:
                        raise FileRefused()
                    digest.update(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            media_type = _kind(head, name)
            target = self.path(digest.hexdigest())
            target.parent.mkdir(exist_ok=True)
            os.replace(temporary, target)
            _sync_directory(target.parent)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return digest.hexdigest(), size, media_type

    def path(self, sha256: str) -> Path:
        """Where the bytes of a digest lie; ``NotFound`` for what is no digest."""
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise NotFound()
        return self.root / sha256[:2] / sha256


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _kind(head: bytes, name: str) -> str:
    found = filetype.guess(head)
    media_type = found.mime if found else ""
    endings = ACCEPTED.get(media_type, ())
    if not endings or not name.lower().endswith(endings):
        raise FileRefused()
    return media_type


def clean_name(name: str) -> str:
    """The last part of a file name without control, direction and separator characters; at most 120 characters."""
    last = re.split(r"[\\/]", name)[-1]
    kept = "".join(ch for ch in last if unicodedata.category(ch) not in {"Cc", "Cf", "Cs", "Co", "Cn"}).strip(" .")
    if len(kept) > 120:
        stem, dot, ending = kept.rpartition(".")
        kept = (stem[: 119 - len(ending)] + dot + ending) if dot and len(ending) <= 10 else kept[:120]
    return kept or "file"


def add(db: Database, viewer: Viewer, store: FileStore, stream: BinaryIO, name: str, field: str, *, at: datetime) -> AttachmentRef:
    """Store an upload and remember who brought it; it belongs to no case until a form that names it is submitted."""
    cleaned = clean_name(name)
    sha256, size, media_type = store.put(stream, cleaned)
    with db.write() as session:
        session.add(
            Attachment(sha256=sha256, name=cleaned, media_type=media_type, size=size, uploaded_by_id=viewer.person_id,
                       uploaded_at=at, field=field)
        )
    return AttachmentRef(sha256, cleaned, media_type, size, field)


def bring_again(db: Database, viewer: Viewer, digests: Collection[str], *, at: datetime) -> None:
    """Note that somebody brings files again that they brought before, for another case; those of others are left out."""
    if not digests:
        return
    with db.write() as session:
        own = session.execute(
            select(Attachment).where(Attachment.sha256.in_(digests), Attachment.uploaded_by_id == viewer.person_id)
            .order_by(Attachment.id)
        ).scalars()
        for one in {row.sha256: row for row in own}.values():
            session.add(
                Attachment(sha256=one.sha256, name=one.name, media_type=one.media_type, size=one.size,
                           uploaded_by_id=viewer.person_id, uploaded_at=at, field=one.field)
            )  # fmt: skip


def for_viewer(session: Session, viewer: Viewer, sha256: str, at: datetime) -> Attachment:
    """The file under a digest, if the viewer brought it or may see a case that names it; else ``NotFound``."""
    seen = select(Instance.id).where(Instance.id == Attachment.instance_id, may_see(viewer, at)).exists()
    found = session.execute(
        select(Attachment)
        .where(Attachment.sha256 == sha256, or_(Attachment.uploaded_by_id == viewer.person_id, seen))
        .order_by(Attachment.id)
        .limit(1)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound()
    return found


@dataclass(frozen=True)
class EvidenceView:
    """One uploaded file for a list."""

    sha256: str
    name: str
    media_type: str
    size: int
    field: str | None
    uploaded_by: str
    uploaded_at: datetime
    instance: str
    instance_title: str


def find(session: Session, viewer: Viewer, text: str, *, page: int = 1, size: int = 30) -> Page:
    """Files of the cases in the viewer's charge and of their own, by part of a name or the digest's beginning; newest first."""
    where = [or_(Attachment.uploaded_by_id == viewer.person_id, within(Instance.organisation_id, charge(viewer)))]
    if text:
        where.append(or_(Attachment.name.contains(text, autoescape=True), Attachment.sha256.startswith(text.lower(), autoescape=True)))
    joined = (
        select(Attachment, Person.name, Instance.number, Instance.title)
        .join(Instance, Instance.id == Attachment.instance_id)
        .join(Person, Person.id == Attachment.uploaded_by_id)
        .where(*where)
    )
    total = session.execute(select(func.count()).select_from(joined.subquery())).scalar_one()
    rows = session.execute(joined.order_by(Attachment.id.desc()).limit(size).offset((page - 1) * size))
    return Page(
        [
            EvidenceView(row.sha256, row.name, row.media_type, row.size, row.field, by, row.uploaded_at, number, title)
            for row, by, number, title in rows
        ],
        total, page, size,
    )  # fmt: skip
