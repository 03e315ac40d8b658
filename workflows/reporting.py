"""登记事项: what somebody of an office reports to a running case, by the form of the place in its diagram that waits for it.

A place is a message boundary event or the message start event of an event sub-process with ``jiaoyan:form`` and
``jiaoyan:reported-by``. The report is that person's own act: one transaction, one event, one submission.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from workflows import access, candidates, deployment, drafts, engine, incidents, instances
from workflows.access import Viewer, office_day
from workflows.audit import Kind
from workflows.case import Case, house, load
from workflows.db import Database
from workflows.deliveries import carry_out
from workflows.engine.rest import variables as variables_at_rest
from workflows.errors import Forbidden, InstanceEnded, InstanceMoved, InstanceSuspended, NotFound, NothingAwaited
from workflows.instances import FormRequest
from workflows.manners import FORM, REPORTED_BY
from workflows.models import Instance, Subscription
from workflows.people import Somebody
from workflows.submission import Submission
from workflows.transitions import Moved, Transition


@dataclass(frozen=True)
class Reportable:
    """Something that may be reported to a case now."""

    step_id: str
    name: str
    #: What is to be known before one reports it.
    documentation: str


_DEFINITION = select(Instance.definition).where(Instance.number == bindparam("number"))


def reportable(session: Session, viewer: Viewer, number: str, at: datetime) -> tuple[Reportable, ...]:
    """What the person may report to a case now; nothing for its applicant, and for a case that does not run."""
    definition = session.connection().execute(_DEFINITION, {"number": number}).scalar()
    steps = deployment.definition(session, definition).diagram.steps.values() if definition is not None else ()
    # Most processes name nobody who reports, or not this person: then nothing else has to be read.
    if not any(viewer.has(*step.properties.get(REPORTED_BY, "").split()) for step in steps):
        return ()
    case = _case(session, viewer, number, at)
    if case.row is None or case.row.status != "running" or case.starter.id == viewer.person_id:
        return ()
    return tuple(
        Reportable(step.id, step.name, step.documentation)
        for step, _ in _awaited(session, case) if _role_for(session, viewer, case, step, at) is not None
    )


def report_form(session: Session, viewer: Viewer, number: str, step_id: str, at: datetime) -> FormRequest:
    """The form of one report; refuses as ``report`` does."""
    case = _case(session, viewer, number, at)
    step, _, _ = _place(session, viewer, case, step_id, at)
    form_id = step.properties[FORM]
    subject = _subject(number, step_id)
    variables = variables_at_rest(case.row.state) if case.row is not None else {}
    task = {"step": step.id, "form": form_id, "holder": viewer.number, "returned": None}
    return FormRequest(
        subject, case.loaded.process_id, case.loaded.name, step.id, step.name, step.documentation, form_id,
        case.loaded.forms[form_id], case.loaded.digest, case.number, case.title,
        {**variables, **house(session, case, at).context, "task": task}, {},
        drafts.draft(session, viewer.person_id, subject), None, (), False, is_mine=True,
    )


def report(db: Database, viewer: Viewer, number: str, step_id: str, submission: Submission, *, at: datetime) -> Moved:
    """Report to a case: the place that waits gets the filled form, and the diagram says what follows.

    The same token twice is one report. Raises ``NotFound`` (no such case for this person), ``Forbidden`` (not their role),
    ``InstanceSuspended``, ``InstanceEnded``, ``NothingAwaited`` (that place does not wait now, or any more), ``InstanceMoved``,
    ``CaseFailed`` (an incident: the submission is kept and tried again).
    """
    subject = f"{_subject(number, step_id)}/{submission.token}"
    with incidents.watching(db, subject, submission, at=at, by_id=viewer.person_id, step=step_id):
        return reporting(db, viewer, number, step_id, submission, at=at)


def reporting(
    db: Database, viewer: Viewer, number: str, step_id: str, submission: Submission, *, at: datetime,
    extra: Mapping[str, Any] | None = None,
) -> Moved:
    """``report`` itself, which raises what fails in it; ``extra`` goes into the event's payload."""
    with db.read() as session:
        transition = _reporting(session, viewer, number, step_id, submission, at, extra or {})
        if isinstance(transition, Moved):
            return transition
    try:
        return carry_out(db, transition)
    except (IntegrityError, InstanceMoved):
        with db.read() as session:
            repeated = instances.sent_before(session, viewer, submission.token)
        if repeated is not None:
            return repeated
        raise


def _subject(number: str, step_id: str) -> str:
    return f"report:{number}/{step_id}"


def _case(session: Session, viewer: Viewer, number: str, at: datetime) -> Case:
    instance = access.instance_for(session, viewer, number, at)
    return load(session, instance_id=instance.id)[0]


def _reporting(
    session: Session, viewer: Viewer, number: str, step_id: str, submission: Submission, at: datetime, extra: Mapping[str, Any]
) -> Transition | Moved:
    repeated = instances.sent_before(session, viewer, submission.token)
    if repeated is not None:
        return repeated
    case = _case(session, viewer, number, at)
    step, waiting, (role, organisation) = _place(session, viewer, case, step_id, at)
    row = case.row
    if row is None:
        raise NotFound()
    brought: dict[str, Any] = {submission.variable: dict(submission.data)}
    if step.outputs:  # a mapping may keep who reported it
        brought["reported"] = {"by": viewer.number, "by_name": viewer.name}
    progress = engine.deliver(case.loaded.diagram, row.state, waiting.token, brought, house(session, case, at))
    transition = Transition(
        case, progress, Kind.MATTER_REPORTED, viewer.actor(role=role, organisation=organisation), at, step,
        submission=submission, by=Somebody(viewer.person_id, viewer.number, viewer.name, False),
        claim=lambda session: _claim(session, viewer, waiting, step_id, number, at),
        extra={**extra, "token": waiting.token, "goes_on": waiting.stays},
    )
    transition.prepare(session)
    return transition


def _claim(session: Session, viewer: Viewer, waiting: Subscription, step_id: str, number: str, at: datetime) -> None:
    """The place still waits, in the write transaction; one that is met once is over now. The draft goes with the form."""
    if waiting.stays:
        still = session.execute(
            select(Subscription.id).where(Subscription.id == waiting.id, Subscription.ended_at.is_(None)).with_for_update()
        ).first()
    else:
        still = session.execute(
            update(Subscription)
            .where(Subscription.id == waiting.id, Subscription.ended_at.is_(None))
            .values(ended_at=at, result="met")
            .returning(Subscription.id)
        ).first()
    if still is None:
        raise InstanceMoved()
    drafts.discard(session, viewer.person_id, _subject(number, step_id))


_WAITING = (
    select(Subscription)
    .where(Subscription.instance_id == bindparam("instance"), Subscription.kind == "message", Subscription.ended_at.is_(None))
    .order_by(Subscription.id)
)


def _awaited(session: Session, case: Case) -> list[tuple[engine.Step, Subscription]]:
    """The places of the case that wait for a report now."""
    if case.row is None:
        return []
    rows = session.execute(_WAITING, {"instance": case.row.id}).scalars()
    steps = case.loaded.diagram.steps
    return [(steps[row.step_id], row) for row in rows if FORM in steps[row.step_id].properties]


def _place(
    session: Session, viewer: Viewer, case: Case, step_id: str, at: datetime
) -> tuple[engine.Step, Subscription, tuple[str, str]]:
    """The place that a report goes to, if it waits and the person may; and the role and organisation they act in."""
    step = case.loaded.diagram.steps.get(step_id)
    if step is None or FORM not in step.properties or case.row is None:
        raise NotFound()
    held = _role_for(session, viewer, case, step, at)
    if held is None or case.starter.id == viewer.person_id:
        raise Forbidden()
    _refuse_still(case.row)
    for found, waiting in _awaited(session, case):
        if found.id == step_id:
            return step, waiting, held
    raise NothingAwaited(step=step.name)


def _refuse_still(row: Instance) -> None:
    if row.ended_at is not None:
        raise InstanceEnded()
    if row.status != "running":
        raise InstanceSuspended()


def _role_for(session: Session, viewer: Viewer, case: Case, step: engine.Step, at: datetime) -> tuple[str, str] | None:
    """The role in which the person may report at a step, and the organisation where they hold it for this case."""
    for role in step.properties.get(REPORTED_BY, "").split():
        if not viewer.has(role):
            continue
        found = candidates.find(
            session, [{"role": role, "at": None}], None, case.organisation.id, office_day(at), []
        )
        if any(one.id == viewer.person_id for one in found.people):
            return role, found.explanation["steps"][0]["organisation"]["code"]
    return None
