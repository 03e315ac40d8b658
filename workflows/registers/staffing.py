"""R2 学科配备: the matrix 学科×学段 of an institution: what is needed, who covers it, and where there is a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from workflows import access
from workflows.access import Viewer
from workflows.errors import NotFound
from workflows.models import Organisation, StaffingCell
from workflows.registers import roster


@dataclass(frozen=True)
class Cell:
    """One cell: how many full-time people it needs, and by whom it is covered on the day."""

    subject: str
    stage: str
    #: People needed; nothing where nobody has laid it down.
    required: int | None
    #: (person number, name) of the full-time researchers of the cell (I13: only they cover it).
    covered_by: tuple[tuple[str, str], ...]
    #: The same of part-time and invited ones: temporary cover.
    helped_by: tuple[tuple[str, str], ...]
    #: Since when it is so laid down, and by which event.
    since: date | None = None
    event: str | None = None

    @property
    def gap(self) -> int:
        """People that are missing."""
        return max(0, (self.required or 0) - len(self.covered_by))


@dataclass(frozen=True)
class Matrix:
    """The cells of an institution on a day; subjects down, stages across."""

    code: str
    name: str
    level: str
    place: str
    on: date
    subjects: tuple[str, ...]
    stages: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    #: Facts of the roster for the decision whether all is covered: {subject, stage or null, post_type}.
    staff: tuple[Mapping[str, Any], ...]

    @property
    def gaps(self) -> list[Cell]:
        """Cells with too few people, in the order of the matrix."""
        return [self.cells[key] for subject in self.subjects for stage in self.stages if (key := (subject, stage)) in self.cells
                and self.cells[key].gap]  # fmt: skip


@dataclass(frozen=True)
class InstitutionView:
    """One institution in a list: cells that are laid down, and how many of them lack people."""

    code: str
    name: str
    level: str
    place: str
    cells: int
    gaps: int
    full_time: int


def institutions(session: Session, viewer: Viewer, on: date) -> list[InstitutionView]:
    """The institutions in the viewer's charge, those above first."""
    rows = session.execute(
        select(Organisation)
        .where(Organisation.org_type == "tri", access.within(Organisation.id, access.charge(viewer)),
               Organisation.from_on <= on, or_(Organisation.to_on.is_(None), Organisation.to_on >= on))
        .order_by(Organisation.place, Organisation.code)
    ).scalars()  # fmt: skip
    found = []
    for row in rows:
        matrix = _matrix(session, row, on)
        laid_down = [cell for cell in matrix.cells.values() if cell.required is not None]
        full_time = {member["person"] for member in matrix.staff if member["post_type"] == "专职"}
        found.append(InstitutionView(row.code, row.name, row.level, row.place, len(laid_down), len(matrix.gaps), len(full_time)))
    return found


def matrix(session: Session, viewer: Viewer, code: str, on: date) -> Matrix:
    """The matrix of an institution in the viewer's charge; ``NotFound`` otherwise."""
    row = session.execute(
        select(Organisation).where(Organisation.code == code, Organisation.org_type == "tri",
                                   access.within(Organisation.id, access.charge(viewer)))
    ).scalar_one_or_none()
    if row is None:
        raise NotFound()
    return _matrix(session, row, on)


def vacancies(session: Session, code: str, on: date) -> list[dict[str, Any]]:
    """Cells of an institution that are laid down, with how many full-time people each lacks: {subject, stage, required, missing}."""
    organisation = session.execute(select(Organisation).where(Organisation.code == code)).scalar_one_or_none()
    if organisation is None:
        return []
    return [
        {"subject": cell.subject, "stage": cell.stage, "required": cell.required, "missing": cell.gap}
        for cell in _matrix(session, organisation, on).cells.values()
        if cell.required is not None
    ]


def _matrix(session: Session, organisation: Organisation, on: date) -> Matrix:
    laid_down = session.execute(
        select(StaffingCell)
        .where(StaffingCell.organisation_id == organisation.id,
               and_(StaffingCell.from_on <= on, or_(StaffingCell.to_on.is_(None), StaffingCell.to_on >= on)))
        .order_by(StaffingCell.id)
    ).scalars().all()  # fmt: skip
    staff = roster.staff_of(session, organisation.id, on)
    covers: dict[tuple[str, str], list[roster.Appointment]] = {}
    for member in staff:
        for subject in member.subjects:
            for stage in member.stages:
                covers.setdefault((subject, stage), []).append(member)
    needed = {(row.subject, row.stage): row for row in laid_down}
    cells = {}
    for key in (*needed, *(key for key in covers if key not in needed)):
        row = needed.get(key)
        there = covers.get(key, [])
        cells[key] = Cell(
            key[0], key[1], None if row is None else row.required, _who(there, full_time=True), _who(there, full_time=False),
            None if row is None else row.from_on, None if row is None else row.event,
        )  # fmt: skip
    facts: list[dict[str, Any]] = [
        {"person": member.person_number, "subject": subject, "stage": stage, "post_type": member.post_type}
        for member in staff for subject in member.subjects for stage in (*member.stages, *(() if member.stages else (None,)))
    ]
    return Matrix(
        organisation.code, organisation.name, organisation.level, organisation.place, on,
        _in_order(subject for subject, _ in cells), _in_order(stage for _, stage in cells), cells, tuple(facts),
    )  # fmt: skip


def _who(members: Sequence[roster.Appointment], *, full_time: bool) -> tuple[tuple[str, str], ...]:
    return tuple((one.person_number, one.person_name) for one in members if (one.post_type == "专职") == full_time)


def _in_order(names: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
