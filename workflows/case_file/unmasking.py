"""Opening one masked answer of a case for a stated purpose, which stands in the record (domain.md 3.0.9, PIPL 51)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflows.access import OFFICE_ROLES, READING_ROLES, Viewer, charge, stated, subtree
from workflows.audit import Act, Kind, person_stream, record
from workflows.case_file.outline import Asked, outline
from workflows.case_file.reading import read
from workflows.case_file.views import CaseFile
from workflows.db import Database
from workflows.errors import Forbidden, NotFound
from workflows.models import Instance, Submission

#: Files are opened as files, each with its own event.
_FILES = frozenset({"attachment", "photo", "sign"})


@dataclass(frozen=True)
class MaskedField:
    """One answer that is masked for the reader."""

    #: Event of the submission, and the dotted place in it.
    event: str
    path: str
    step_name: str
    label: str
    by_name: str


@dataclass(frozen=True)
class Unmasked:
    """The answer that was opened."""

    field: MaskedField
    value: Any
    purpose: str


def may_unmask(viewer: Viewer) -> bool:
    """Whether the person may open answers of the cases in their charge; others read those of their own tasks only."""
    return viewer.has(*READING_ROLES, *OFFICE_ROLES)


def masked_fields(found: CaseFile) -> tuple[MaskedField, ...]:
    """What is masked in a case as it was read; sealed papers and those kept to other roles hold nothing to open."""
    if not found.masked:
        return ()
    return tuple(
        MaskedField(one.event, ".".join(path), one.step_name, label, one.by_name)
        for one in found.submissions
        if one.form
        for path, label in _personal(one.data, _outline(one.form), ())
    )


@lru_cache(maxsize=64)
def _outline(form: bytes) -> Mapping[str, Asked]:
    return outline(form)


def _personal(data: Any, asked: Mapping[str, Asked], at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Places of the answers that masking touches, with what they are called."""
    keys = [part for part in at if not part.isdigit()]
    field = asked.get(".".join(keys))
    if field is not None and data not in (None, "", [], {}) and field.kind not in _FILES | {"group", "dynamiclist"}:
        if field.sensitive or (field.partly_shown and isinstance(data, str)):
            row = next((f" {int(part) + 1}" for part in reversed(at) if part.isdigit()), "")
            yield at, f"{field.table}{row} · {field.label}" if field.table else field.label
            return
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _personal(value, asked, (*at, str(key)))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _personal(value, asked, (*at, str(number)))


def _require_charge(session: Session, viewer: Viewer, number: str) -> None:
    """``Forbidden`` for whoever sees the case for another reason than that it is in the charge of a role of theirs."""
    in_charge = select(Instance.id).where(Instance.number == number, subtree(charge(viewer)))
    if session.execute(in_charge).first() is None:
        raise Forbidden()


def unmask(
    db: Database, viewer: Viewer, number: str, event: str, path: str, purpose: str, *, at: datetime
) -> Unmasked:
    """One masked answer of a case in the viewer's charge. Recorded as ``field:unmasked`` before it is given out.

    Raises ``NotFound`` for a case that they may not see and a field that is not masked for them, ``Forbidden`` for one
    that is not in their charge, ``PurposeNeeded``.
    """
    with db.write() as session:
        found = read(session, viewer, number, at)
        words = stated(purpose)
        _require_charge(session, viewer, number)
        field = next((one for one in masked_fields(found) if (one.event, one.path) == (event, path)), None)
        if field is None:
            raise NotFound()
        value = session.execute(select(Submission.data).where(Submission.event == event)).scalar_one()
        for part in path.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
        record(
            session,
            Act(person_stream(viewer.number), Kind.FIELD_UNMASKED, at, viewer.actor(), instance=number,
                payload={"field": path, "label": field.label, "paper": event, "purpose": words}),
        )
        return Unmasked(field, value, words)
