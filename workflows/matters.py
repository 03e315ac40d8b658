"""登记事项台账: what people reported to cases (``workflows.reporting``): what, to which case, by whom in which role, when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from workflows import deployment
from workflows.access import Viewer, charge, within
from workflows.audit import Kind
from workflows.audit.export import Exported, Say, chinese
from workflows.db import Database
from workflows.errors import N_
from workflows.models import Event, Instance, Organisation, Person, Submission
from workflows.people import ROLES, Page
from workflows.registers.sheets import MOST, taken

#: Heads of the list as a workbook.
HEADS = (
    N_("登记的事项"), N_("所属办件"), N_("办件标题"), N_("事项"), N_("承办单位"), N_("登记人"), N_("登记人编号"), N_("登记人角色"),
    N_("登记人单位"), N_("登记时间"), N_("留痕编号"),
)  # fmt: skip


@dataclass(frozen=True)
class Matter:
    """One report as the list shows it; what was written in it stands in the case."""

    name: str
    instance: str
    instance_title: str
    process_name: str
    organisation_name: str
    by_name: str
    by_number: str
    #: Name of the role in which they reported, a message id, and the code of where they hold it.
    role: str
    organisation_code: str
    at: datetime
    event: str


def find(session: Session, viewer: Viewer, text: str, *, page: int = 1, size: int = 30) -> Page:
    """Reports to the cases in the viewer's charge, and their own; by number or part of the title, or by who reported; newest first."""
    where = [
        Event.kind == Kind.MATTER_REPORTED.value,
        or_(within(Instance.organisation_id, charge(viewer)), Submission.by_id == viewer.person_id),
    ]
    if text:
        where.append(or_(Instance.number == text, Instance.title.contains(text, autoescape=True), Person.name == text))
    total = session.execute(_joined(func.count()).where(*where)).scalar_one()
    rows = session.execute(
        _joined(Submission, Instance, Person.name, Person.number, Organisation.name, Event.actor_role, Event.actor_org)
        .where(*where).order_by(Submission.id.desc()).limit(size).offset((page - 1) * size)
    ).tuples()  # fmt: skip
    return Page([_matter(session, *row) for row in rows], total, page, size)


def _joined(*columns: Any) -> Select[Any]:
    """A report is the submission of no task; what kind of act it was, its event says."""
    return (
        select(*columns)
        .select_from(Submission)
        .join(Event, Event.event_id == Submission.event)
        .join(Instance, Instance.id == Submission.instance_id)
        .join(Person, Person.id == Submission.by_id)
        .join(Organisation, Organisation.id == Instance.organisation_id)
        .where(Submission.task_id.is_(None))
    )


def _matter(
    session: Session, sent: Submission, instance: Instance, by_name: str, by_number: str, organisation: str, role: str | None,
    code: str | None,
) -> Matter:
    loaded = deployment.definition(session, instance.definition)
    step = loaded.diagram.steps.get(sent.step_id)
    return Matter(
        step.name if step is not None else sent.step_id, instance.number, instance.title, loaded.name, organisation, by_name,
        by_number, ROLES[role].name if role is not None and role in ROLES else "", code or "", sent.at, sent.event,
    )  # fmt: skip


def sheet(db: Database, viewer: Viewer, text: str, *, on: date, at: datetime, say: Say = chinese) -> Exported:
    """The same list as a workbook; recorded as ``register:exported``."""
    with db.read() as session:
        found = find(session, viewer, text, size=MOST)
    rows = [
        [say(one.name, {}), one.instance, one.instance_title, say(one.process_name, {}), one.organisation_name, one.by_name,
         one.by_number, say(one.role, {}) if one.role else "", one.organisation_code, one.at, one.event]
        for one in found.rows
    ]  # fmt: skip
    return taken(db, viewer, "matters", N_("登记事项台账"), HEADS, rows, on=on, at=at, say=say)
