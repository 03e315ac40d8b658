"""Drafts: what somebody has typed and not sent, kept on the server, one for each person and form."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from workflows.db import Database, Prepared, upsert
from workflows.errors import DraftConflict, TaskDelegated, TaskNotOpen
from workflows.models import Attachment, Draft, Task, table
from workflows.settings import OFFICE_ZONE


@dataclass(frozen=True)
class DraftView:
    """A draft as a page shows it."""

    data: Mapping[str, Any]
    saved_at: datetime
    version: int


def view(row: Draft | None) -> DraftView | None:
    """A stored draft as a page shows it."""
    return DraftView(row.data, row.saved_at, row.version) if row is not None else None


def draft(session: Session, person_id: int, subject: str) -> DraftView | None:
    """The person's draft of a form (``task:<number>`` or ``start:<process>:<round>``), if there is one."""
    return view(
        session.execute(
            select(Draft).where(Draft.person_id == person_id, Draft.subject == subject)
        ).scalar_one_or_none()
    )


def save_draft(
    db: Database, person_id: int, subject: str, data: Mapping[str, Any], version: int | None, *, at: datetime
) -> DraftView:
    """Keep what was typed; ``version`` is the one the page was showing (none before the first save).

    ``DraftConflict`` when another window saved in between: nothing is overwritten unseen. ``TaskNotOpen`` when the form
    was sent in between: what is typed then is not kept behind a task that nobody opens any more. ``TaskDelegated`` while
    somebody else works on it: what comes back would take its place.
    """
    with db.write() as session:
        if (task := _task(subject)) is not None:
            _require_writable(session, task, person_id)
        if version is None:
            made = session.execute(
                upsert(Draft, session.get_bind().dialect.name)
                .values(person_id=person_id, subject=subject, data=dict(data), saved_at=at, version=1)
                .on_conflict_do_nothing()
                .returning(Draft.version)
            ).scalar_one_or_none()
        else:
            made = session.execute(
                update(Draft)
                .where(Draft.person_id == person_id, Draft.subject == subject, Draft.version == version)
                .values(data=dict(data), saved_at=at, version=version + 1)
                .returning(Draft.version)
            ).scalar_one_or_none()
        if made is None:
            found = draft(session, person_id, subject)
            moment = found.saved_at.astimezone(OFFICE_ZONE).strftime("%H:%M") if found else "-"
            raise DraftConflict(time=moment)
    return DraftView(data, at, made)


def _require_writable(session: Session, task_number: str, person_id: int) -> None:
    """Lock the task against whoever completes or delegates it, and refuse a draft that would be lost."""
    task = session.execute(
        select(Task.status, Task.delegate_id, Task.explanation["delegated"].label("how"))
        .where(Task.number == task_number).with_for_update(read=True)
    ).one_or_none()
    if task is None:
        return
    if task.status not in ("open", "suspended"):
        raise TaskNotOpen()
    if task.delegate_id not in (None, person_id):
        raise TaskDelegated(owner=task.how["from"]["name"], name=task.how["to"]["name"])


def _task(subject: str) -> str | None:
    """Number of the task whose form it is, if it is one's."""
    kind, _, number = subject.partition(":")
    return number if kind == "task" else None


_GONE = Prepared(
    delete(table(Draft)).where(
        table(Draft).c.person_id == bindparam("person"), table(Draft).c.subject == bindparam("of_subject")
    )
)


def discard(session: Session, person_id: int, subject: str) -> None:
    """Drop a draft in the caller's transaction: that in which its form is sent."""
    _GONE(session, {"person": person_id, "of_subject": subject})


def discard_draft(db: Database, person_id: int, subject: str) -> None:
    """Drop a draft because the person says so."""
    with db.write() as session:
        discard(session, person_id, subject)


# --- drafts that change hands ---------------------------------------------------------------------------------------

#: What somebody can only say for themselves: it never becomes another's draft (回避, domain.md 3.0.2).
PERSONAL = frozenset({"conflict_declared", "conflict_reason"})


def lend(
    session: Session, subject: str, giver_id: int, taker_id: int, instance_id: int, at: datetime, own: Collection[str] = ()
) -> None:
    """Let somebody go on from another's draft, in the caller's transaction; the giver's stays as it is.

    ``own`` are keys of fields that hold what is only one's own besides (the picture of a signature): they do not go along.

    A draft that the taker has kept from an earlier time and that is no older stands. Files in it belong to the case from now on, or the
    taker could not open them.
    """
    given, theirs = _row(session, giver_id, subject), _row(session, taker_id, subject)
    if given is None or (theirs is not None and theirs.saved_at >= given.saved_at):
        return
    lent = _impersonal(given.data, own)
    _put(session, taker_id, subject, lent, at)
    _bind_files(session, lent, giver_id, instance_id)


def bring_back(
    session: Session, subject: str, worker_id: int, owner_id: int, data: Mapping[str, Any], instance_id: int, at: datetime,
    own: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Make what somebody filled in for another that one's draft, in the caller's transaction; the worker's is gone.

    ``own`` as in ``lend``: nobody signs for whom they work for.
    Returns the differences to what the owner had: ``field`` (dotted path), ``old`` and ``new`` as they were typed. Files
    in it belong to the case from now on, as brought by the worker.
    """
    before = _row(session, owner_id, subject)
    kept = _impersonal(data, own)
    changed = _differences(_answers(before.data if before is not None else {}), _answers(kept))
    _put(session, owner_id, subject, kept, at)
    _bind_files(session, kept, worker_id, instance_id)
    discard(session, worker_id, subject)
    return changed


def _row(session: Session, person_id: int, subject: str) -> Draft | None:
    return session.execute(
        select(Draft).where(Draft.person_id == person_id, Draft.subject == subject).with_for_update()
    ).scalar_one_or_none()


def _put(session: Session, person_id: int, subject: str, data: Mapping[str, Any], at: datetime) -> None:
    """Write a draft whatever was there; a page that is open on the old one notices by the version."""
    session.execute(
        upsert(Draft, session.get_bind().dialect.name)
        .values(person_id=person_id, subject=subject, data=dict(data), saved_at=at, version=1)
        .on_conflict_do_update(
            index_elements=[Draft.person_id, Draft.subject],
            set_={"data": dict(data), "saved_at": at, "version": Draft.version + 1},
        )
        .execution_options(synchronize_session=False)
    )


def _impersonal(data: Mapping[str, Any], own: Collection[str] = ()) -> dict[str, Any]:
    """A draft for somebody else: without what is personal, and without the token of the page it was typed into."""
    kept_back = PERSONAL | frozenset(own)
    typed = {name: texts for name, texts in (data.get("typed") or {}).items() if name.rpartition(".")[2] not in kept_back}
    named = {text for texts in typed.values() for text in texts}
    files = [one for one in data.get("files") or () if one["sha256"] in named or not own]
    return {"typed": typed, "files": files}


def _answers(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a draft says: dotted path -> text, texts, or names of files; what is empty is left out."""
    found: dict[str, Any] = {}
    files = {one["sha256"]: one["name"] for one in data.get("files") or ()}
    for name, texts in (data.get("typed") or {}).items():
        words = [files.get(text, text) for text in texts if text != ""]
        if words and name not in PERSONAL and not name.rpartition(".")[2].startswith("_"):
            found[name] = words[0] if len(words) == 1 else words
    return found


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"field": name, "old": old.get(name), "new": new.get(name)}
        for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)
    ]


def _bind_files(session: Session, data: Mapping[str, Any], brought_by: int, instance_id: int) -> None:
    digests = [one["sha256"] for one in data.get("files") or ()]
    if digests:
        session.execute(
            update(Attachment)
            .where(Attachment.sha256.in_(digests), Attachment.uploaded_by_id == brought_by, Attachment.instance_id.is_(None))
            .values(instance_id=instance_id)
            .execution_options(synchronize_session=False)
        )
