"""Several tasks of an inbox at once (批量): which they are, and what may be done with all of them. Reads only.

Each is then acted on by the verb that acts on one, in a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflows import access, deployment, inbox
from workflows.access import Viewer, office_day
from workflows.errors import NothingSelected, TooManySelected
from workflows.inbox import Filter
from workflows.manners import BULK
from workflows.models import Instance, Task

#: So many tasks are acted on at once at most.
MOST = 500


@dataclass(frozen=True)
class Selected:
    """One task of a selection."""

    number: str
    step_id: str
    step_name: str
    instance_number: str
    title: str
    form_id: str
    due_at: datetime | None
    #: What the diagram lets somebody decide for several at once (``jiaoyan:bulk``); empty: nothing.
    choices: tuple[str, ...]
    #: Who has claimed it.
    mine: bool


def numbers(session: Session, viewer: Viewer, given: Sequence[str], narrowed: Filter | None, at: datetime) -> list[str]:
    """The numbers of a selection: those given, or with a filter everything that it shows, the most urgent first.

    Raises ``NothingSelected`` and ``TooManySelected``.
    """
    found = list(dict.fromkeys(given))
    if narrowed is not None:
        found = [row.number for row in inbox.todo(session, viewer, narrowed, size=MOST, at=at).rows]
    if not found:
        raise NothingSelected()
    if len(found) > MOST:
        raise TooManySelected(most=MOST)
    return found


def selected(session: Session, viewer: Viewer, given: Sequence[str], at: datetime) -> list[Selected]:
    """Of the named tasks those that are open and that the viewer may take, the nearest deadline first."""
    rows = session.execute(
        select(Task, Instance.number, Instance.title, Instance.definition)
        .join(Instance, Instance.id == Task.instance_id)
        .where(Task.number.in_(given), Task.status == "open", access.may_take(viewer.person_id, office_day(at)))
        .order_by(Task.due_at, Task.id)
    )
    return [
        Selected(
            task.number, task.step_id, task.name, number, title, task.form_id or "", task.due_at,
            choices_of(session, digest, task.step_id), task.holder_id == viewer.person_id,
        )
        for task, number, title, digest in rows
        if access.excluded_from(task, viewer.number) is None
    ]


def choices_of(session: Session, definition: str, step_id: str) -> tuple[str, ...]:
    """The choices that may be made for several tasks of a step at once."""
    step = deployment.definition(session, definition).diagram.steps.get(step_id)
    return tuple(step.properties.get(BULK, "").split()) if step is not None else ()


def outcome_of(session: Session, definition: str, step_id: str) -> str:
    """Key of the field in which the step's form asks for its choice (``jiaoyan:outcome``); empty without one."""
    return deployment.definition(session, definition).diagram.steps[step_id].properties.get("jiaoyan:outcome", "")
