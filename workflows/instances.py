"""Every verb that changes an instance: start, complete a task, wake for a timer; and the form that each asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

import orjson
from sqlalchemy import (
    Date,
    ScalarSelect,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from workflows import (
    access,
    assignments,
    deployment,
    drafts,
    engine,
    follow_ups,
    incidents,
    last_opinions,
    numbering,
    people,
    proxies,
    returning,
    signatures,
    signers,
)
from workflows.access import Viewer, office_day
from workflows.audit import TIMEOUT, Act, Actor, Kind, person_stream, record
from workflows.case import OF_TASK, Case, house, load, new, outside_rounds, with_task
from workflows.db import Database, Prepared, Question, connection_of
from workflows.deliveries import carry_out
from workflows.drafts import DraftView
from workflows.engine.rest import variables as variables_at_rest
from workflows.engine.rows import unpack
from workflows.errors import (
    DuplicateCase,
    Forbidden,
    HeldByAnother,
    InputRejected,
    InstanceMoved,
    InstanceSuspended,
    NotFound,
    OwnCase,
    ProxyNotPassedOn,
    Recused,
    Refusal,
    SeparationOfDuty,
    SignatureNotPassedOn,
    TaskAlreadyDone,
    TaskNotOpen,
)
from workflows.manners import MAY_START, allows, barred
from workflows.models import Account, Draft, Instance, Organisation, Person, Round, Task, Timer, table
from workflows.models import Submission as SubmissionRow
from workflows.people import Somebody
from workflows.registers import applications, rounds
from workflows.settings import OFFICE_ZONE
from workflows.submission import Submission
from workflows.transitions import OWN_CASE, Moved, NextStep, Transition, is_review

# --- the form that a step asks for ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class FormRequest:
    """Everything a page needs to show one form: the pinned form file, what FEEL sees, what is filled in already."""

    #: Names the draft: ``start:<process>:<round or @office>`` or ``task:<number>``.
    subject: str
    process_id: str
    process_name: str
    step_id: str
    step_name: str
    step_help: str
    form_id: str
    #: The form file of the pinned version.
    form: bytes
    definition: str
    instance_number: str | None
    instance_title: str | None
    #: FEEL data besides the form's own: ``instance``, ``task``, ``policy``, and the variables of the instance.
    context: Mapping[str, Any]
    prefill: Mapping[str, Any]
    draft: DraftView | None
    due_at: datetime | None
    due_days: tuple[date, ...]
    due_provisional: bool
    #: ``open``, ``done`` or ``cancelled``.
    status: str = "open"
    holder_name: str | None = None
    done_by_name: str | None = None
    done_at: datetime | None = None
    may_claim: bool = False
    may_unclaim: bool = False
    #: Whether the person may fill it in now: it is theirs or free, or they were asked to work on it (委派).
    is_mine: bool = False
    #: While it is delegated: ``from`` and ``to`` (number, name), ``reason``, ``at``.
    delegated: Mapping[str, Any] | None = None
    #: For whom the person stands in who does it (代办授权); number and name.
    stands_in_for: Mapping[str, str] | None = None
    #: It was delegated to the person, who hands it back and does not send it.
    is_asked: bool = False
    #: How the latest delegation ended, for its holder: as ``delegated``, and ``ended_at``, ``how``, ``note``.
    came_back: Mapping[str, Any] | None = None
    #: It could be handed to a colleague (转办), or delegated to one (委派), or taken back from one (收回委派).
    may_transfer: bool = False
    may_delegate: bool = False
    may_recall: bool = False
    #: What the diagram lets nobody do with it besides deciding (``jiaoyan:actions``), in the office's words.
    barred: tuple[str, ...] = ()
    #: On which day the diagram wants it to be looked at again (followUpDate).
    follow_up_on: date | None = None
    #: What the person sent when the step was theirs before, and may take over (沿用上次意见).
    last_opinion: last_opinions.LastOpinion | None = None
    #: It has come back to the person who did it (退回): ``by`` (number, name), ``from`` (step), ``reason``, ``at``.
    came_back_from: Mapping[str, Any] | None = None
    #: The diagram lets the person send the case back from it (退回).
    may_send_back: bool = False
    #: It is the person's opinion on somebody's task (加签): ``mode``, ``from`` (number, name), ``reason``, ``main`` (task number).
    signing: Mapping[str, Any] | None = None
    #: What they are asked to sign, if it was sent before they were (后加签); and the form file that it was filled in on.
    to_sign: signers.Sent | None = None
    to_sign_form: bytes = b""
    #: Who was asked to sign it, see ``workflows.signatures``; and whether it is sent and waits for those who sign after.
    signers: tuple[Mapping[str, Any], ...] = ()
    is_sent: bool = False
    may_add_signers: bool = False
    #: What was read for it: the verb that follows goes on from there.
    opened: Opened | None = field(default=None, repr=False, compare=False)

    @property
    def names(self) -> dict[str, str | None] | None:
        """Names of organisations by code, as far as they were looked up; what is looked up for the form is kept there."""
        return self.opened.case.register.names if self.opened is not None else None


@dataclass(frozen=True)
class Opened:
    """A task and its case as they were read, what the case knows, and what it is lent."""

    case: Case
    task: Task
    variables: Mapping[str, Any]
    house: engine.House
    draft: DraftView | None
    holder_name: str | None
    done_by_name: str | None
    #: Who completed which step, as it was read.
    acted: str | None
    #: For whom it is opened by somebody who stands in for them (代办授权).
    principal: proxies.Principal | None = None
    #: What the viewer sent when the step was theirs before, once it was looked for; it is not looked for twice.
    before: Sequence[last_opinions.LastOpinion | None] = ()

    @cached_property
    def done(self) -> Sequence[tuple[str, int, str, str, str | None, Any, str | None]]:
        """Who completed which step, the oldest first, see ``_in_order``."""
        return _in_order(self.acted)


#: What stands before an organisation's code where a round's number would: the case is started for that office.
OFFICE = "@"


@dataclass(frozen=True)
class Beginning:
    """Where a case begins: in a round, by its applicant, or for an office, by somebody who may start it there."""

    loaded: deployment.Loaded
    organisation: Organisation
    round: Round | None
    role: str
    #: Organisation code of the office, for the record.
    office: str | None

    def case(self, session: Session, starter: Somebody, number: str, at: datetime) -> Case:
        if self.round is not None:
            return new(session, self.loaded, starter, self.round, number=number, at=at)
        return outside_rounds(session, self.loaded, starter, self.organisation, number=number, at=at)


def where_begins(session: Session, viewer: Viewer, process_id: str, where: str, at: datetime) -> Beginning:
    """Where the person would start a case. Refuses outside the window and for a second open case.

    ``Forbidden`` for who may not start it for the office.
    """
    loaded = deployment.definition(session, deployment.newest(session, process_id))
    roles = loaded.diagram.properties.get(MAY_START, "").split()
    if where.startswith(OFFICE):
        for held in viewer.memberships:
            if held.role in roles and held.organisation_code == where.removeprefix(OFFICE):
                organisation = session.get_one(Organisation, held.organisation_id)
                return Beginning(loaded, organisation, None, held.role, held.organisation_code)
        raise Forbidden()
    if roles:
        raise NotFound()
    round_row, view = rounds.round_by_number(session, where)
    view.require_open(at)
    _refuse_duplicate(session, viewer, round_row.id)
    return Beginning(loaded, session.get_one(Organisation, round_row.organisation_id), round_row, "applicant", None)


@dataclass(frozen=True)
class Startable:
    """A process that somebody may start for an office."""

    process_id: str
    name: str
    documentation: str
    organisation_code: str
    organisation_name: str

    @property
    def where(self) -> str:
        """As the start page's address and ``start`` name it."""
        return f"{OFFICE}{self.organisation_code}"


def startable(session: Session, viewer: Viewer) -> list[Startable]:
    """What the person may start for their offices (发起办件), by the newest versions."""
    found = []
    for loaded in deployment.current(session):
        roles = loaded.diagram.properties.get(MAY_START, "").split()
        for held in viewer.memberships:
            if held.role in roles:
                found.append(Startable(loaded.process_id, loaded.name, loaded.diagram.documentation,
                                       held.organisation_code, held.organisation_name))
    return list(dict.fromkeys(found))


def start_form(
    session: Session, viewer: Viewer, process_id: str, where: str, at: datetime, *,
    prefill: Mapping[str, Any] = MappingProxyType({}),
) -> FormRequest:
    """The form that starts an instance in a round, or (``@organisation code``) for an office.

    Refuses outside the window and for a second open case, ``Forbidden`` for who may not start it for that office.
    ``prefill`` is what the page it was opened from knows; a convenience, nothing relies on it.
    """
    beginning = where_begins(session, viewer, process_id, where, at)
    starter = Somebody(viewer.person_id, viewer.number, viewer.name, False)
    case = beginning.case(session, starter, "", at)
    subject = f"start:{process_id}:{where}"
    loaded, step = beginning.loaded, beginning.loaded.diagram.start
    task = {"step": step.id, "form": step.form_id, "holder": viewer.number, "returned": None}
    given = {"full_name": viewer.name} if beginning.round is not None else prefill
    return FormRequest(
        subject, process_id, loaded.name, step.id, step.name, step.documentation, step.form_id,
        loaded.forms[step.form_id], loaded.digest, None, None,
        {**house(session, case, at).context, "task": task},
        given, drafts.draft(session, viewer.person_id, subject), None, (), False, is_mine=True,
    )


@dataclass(frozen=True)
class Earlier:
    """What somebody submitted before in a form that starts cases."""

    number: str
    at: datetime
    data: Mapping[str, Any]


def earlier(session: Session, viewer: Viewer, process_id: str, form_id: str) -> Earlier | None:
    """The newest paper of a form that the person themselves sent in a case of the process that they started (再次申报)."""
    found = session.execute(
        select(Instance.number, SubmissionRow.at, SubmissionRow.data)
        .join(Instance, Instance.id == SubmissionRow.instance_id)
        .where(Instance.starter_id == viewer.person_id, Instance.process_id == process_id,
               SubmissionRow.by_id == viewer.person_id, SubmissionRow.form_id == form_id)
        .order_by(SubmissionRow.id.desc())
        .limit(1)
    ).one_or_none()
    return None if found is None else Earlier(*found)


def _refuse_duplicate(session: Session, viewer: Viewer, round_id: int) -> None:
    number = session.execute(
        select(Instance.number).where(
            Instance.round_id == round_id, Instance.starter_id == viewer.person_id, Instance.ended_at.is_(None),
            Instance.parent_id.is_(None),
        )
    ).scalar_one_or_none()
    if number is not None:
        raise DuplicateCase(number=number)


def task_form(session: Session, viewer: Viewer, task_number: str, at: datetime) -> FormRequest:
    """The form of a task, for somebody who may take it or who did it; ``NotFound`` for everybody else.

    ``DelegationOver`` for who was asked to work on it, and is no longer.
    """
    opened = _opened(session, viewer, task_number, at)
    case, task, variables = opened.case, opened.task, opened.variables
    access.refuse_excluded(task, viewer)
    opened = replace(opened, before=(_last_opinion(session, viewer, opened),))
    principal = opened.principal
    step = case.loaded.diagram.steps[task.step_id]
    inputs = unpack(task.inputs)
    facts = {
        **inputs,
        "id": task.number, "form": task.form_id, "step": task.step_id, "holder": viewer.number,
        "due_at": None if task.due_at is None else task.due_at.astimezone(OFFICE_ZONE).isoformat(),
        "returned": _returned(inputs),
    }
    variable = str(task.form_id or "").rpartition(".")[2]
    # Every review starts from a blank paper and what the rules say now, not from an earlier judgement of the case; and so
    # does every one of many at the same step, who would find what another wrote.
    blank = is_review(step) or step.repetition is not None or task.main_id is not None
    written = {
        **({} if blank else variables.get(variable) or {}), **returning.written_before(session, viewer, task),
        **signers.sent_by(task, viewer),
    }  # fmt: skip
    prefill = {**written, **inputs}
    is_open, is_holder = task.status == "open", task.holder_id == viewer.person_id
    is_asked = task.delegate_id == viewer.person_id
    # Whoever stands in for somebody does the task, sends it back and asks others to sign it, but hands it to nobody.
    signable = is_open and task.delegate_id is None and assignments.of_an_office(task) and task.main_id is None
    movable = signable and principal is None
    is_ones = task.holder_id in (None, viewer.person_id) or principal is not None
    waiting, is_sent = signatures.awaited(task), signatures.is_sent(task)
    blocked = is_sent or any(one["mode"] == "before" and one["how"] == "asked" for one in waiting)
    sent = signers.to_sign(session, task) if task.main_id is not None else None
    return FormRequest(
        f"task:{task.number}", case.loaded.process_id, case.loaded.name, step.id, step.name,
        step.documentation if task.main_id is None else "", task.form_id or "",
        case.loaded.forms.get(task.form_id or "", b""), case.loaded.digest, case.number, case.title,
        {**variables, **opened.house.context, "task": facts}, prefill,
        opened.draft if is_open else None,
        task.due_at, tuple(date.fromisoformat(day) for day in task.due_days or ()), task.due_provisional,
        task.status, opened.holder_name, opened.done_by_name, task.done_at,
        may_claim=is_open and task.holder_id is None and principal is None,
        may_unclaim=is_open and is_holder and task.delegate_id is None and bool(task.explanation.get("claimed"))
        and not waiting,
        is_mine=not blocked
        and (is_asked or (task.delegate_id is None and task.holder_id in (None, viewer.person_id)) or principal is not None),
        stands_in_for={"number": principal.number, "name": principal.name} if principal is not None else None,
        delegated=task.explanation.get("delegated"), is_asked=is_asked,
        came_back=next(reversed(task.explanation.get("delegations", ())), None) if is_holder else None,
        may_transfer=movable and not waiting and task.holder_id in (None, viewer.person_id) and allows(step, "transfer"),
        may_delegate=movable and not waiting and is_holder and allows(step, "delegate"), barred=barred(step),
        follow_up_on=follow_ups.proposed(task),
        last_opinion=_last_opinion(session, viewer, opened) if is_open and task.explanation.keys().isdisjoint(_AGAIN) else None,
        may_recall=is_open and is_holder and task.delegate_id is not None, came_back_from=returning.came_back(task),
        may_send_back=is_open and returning.allowed_from(step) and task.delegate_id is None
        and is_ones and task.main_id is None,
        signing=task.explanation.get("signing"), to_sign=sent,
        to_sign_form=case.loaded.forms.get(sent.form_id, b"") if sent is not None else b"",
        signers=tuple(signatures.entries(task)), is_sent=is_sent,
        may_add_signers=signable and not is_sent and is_ones
        and not signers.unsignable(case.loaded, step), opened=opened,
    )


#: What says of a task that it came back to whoever did it: it is filled in with what they had sent.
_AGAIN = ("sent_back", "taken_back")


def _last_opinion(session: Session, viewer: Viewer, opened: Opened) -> last_opinions.LastOpinion | None:
    """What the viewer sent when the step was theirs before; nothing is asked of the database where it never was."""
    if opened.before:
        return opened.before[0]
    task, step = opened.task, opened.case.loaded.diagram.steps[opened.task.step_id]
    if task.main_id is not None or not last_opinions.did_before(step, viewer.number, opened.done):
        return None
    form = opened.case.loaded.forms.get(task.form_id or "", b"{}")
    return last_opinions.last(session, viewer.person_id, task, form, step.properties.get("jiaoyan:outcome"))


#: Between the parts of a row, and between rows, of what is read as one text.
_PART, _ROW = "\x1f", "\x1e"


def _acted() -> ScalarSelect[str]:
    """Who completed which step of the instance, and for whom: read with the case, since the next review may ask for it."""
    done, who, account = aliased(Task), aliased(Person), aliased(Account)
    parts: list[Any] = [cast(done.done_at, String), cast(done.id, String), done.step_id, cast(who.id, String), who.number]
    parts += [case((account.email_confirmed_at.is_(None), ""), else_="1"), who.name]
    parts.append(func.coalesce(cast(done.explanation["delegations"], String), "null"))
    parts.append(func.coalesce(cast(done.explanation["signers"], String), "null"))
    holder = aliased(Person)
    stood_for = select(holder.number).where(holder.id == done.holder_id).correlate(done).scalar_subquery()
    parts.append(case((done.holder_id != done.done_by_id, stood_for), else_=""))
    line = parts[0]
    for part in parts[1:]:
        line = line + _PART + part
    return (
        select(func.aggregate_strings(line, _ROW))
        .join(who, who.id == done.done_by_id)
        .outerjoin(account, account.person_id == who.id)
        # Not bound: whether an index of the open ones serves would depend on it, and SQLite would plan anew every time.
        .where(done.instance_id == Instance.id, done.status == literal_column("'done'"), done.main_id.is_(None))
        .correlate(Instance)
        .scalar_subquery()
    )


def _in_order(acted: str | None) -> list[tuple[str, int, str, str, str | None, Any, str | None]]:
    """(step, key, number and name of the person, mark if mail may reach them, delegations, number of whom they stood in for)
    of what ``_acted`` reads, the oldest first."""
    rows = [line.split(_PART) for line in (acted or "").split(_ROW) if line]
    rows.sort(key=lambda row: (datetime.fromisoformat(row[0]), int(row[1])))
    return [
        (step, int(key), number, name, mailable or None,
         [*(orjson.loads(delegations) or ()), *signatures.worked(orjson.loads(signers))], stood_for or None)
        for _, _, step, key, number, mailable, name, delegations, signers, stood_for in rows
    ]


_holder, _doer = aliased(Person), aliased(Person)
#: Everything that a task's form and its completion need of the database.
_OPENED = Question(
    OF_TASK.add_columns(Draft.data, Draft.saved_at, Draft.version, _holder.name, _doer.name, _acted())
    .outerjoin(Draft, and_(Draft.person_id == bindparam("viewer"), Draft.subject == "task:" + Task.number))
    .outerjoin(_holder, _holder.id == Task.holder_id)
    .outerjoin(_doer, _doer.id == Task.done_by_id)
    .where(access.may_open(bindparam("viewer"), bindparam("day", type_=Date)))
)


def _opened(session: Session, viewer: Viewer, task_number: str, at: datetime) -> Opened:
    given = {"task_number": task_number, "viewer": viewer.person_id, "day": office_day(at)}
    found = _OPENED(connection_of(session), given)
    if not found:
        return _opened_for_another(session, viewer, task_number, at)
    opened = _as_opened(session, found[0], at)
    task = opened.task
    if task.status == "open" and task.delegate_id is None and task.holder_id not in (None, viewer.person_id):
        # A task of their own office that one holds for whom they stand in.
        return replace(opened, principal=proxies.principal_for(session, viewer, task_number, at))
    return opened


def _opened_for_another(session: Session, viewer: Viewer, task_number: str, at: datetime) -> Opened:
    """The task as it comes to somebody who stands in for another (代办授权), with their own draft."""
    principal = proxies.principal_for(session, viewer, task_number, at)
    if principal is None:
        raise assignments.gone(session, viewer, task_number, at)
    given = {"task_number": task_number, "viewer": principal.id, "day": office_day(at)}
    [found] = _OPENED(connection_of(session), given)
    opened = _as_opened(session, found, at)
    draft = drafts.draft(session, viewer.person_id, f"task:{task_number}")
    return replace(opened, principal=principal, draft=draft)


def _as_opened(session: Session, found: Sequence[Any], at: datetime) -> Opened:
    *row, typed, saved_at, version, holder_name, done_by_name, acted = found
    draft = DraftView(typed, saved_at, version) if saved_at is not None else None
    case, task = with_task(session, *row)
    variables = variables_at_rest(case.row.state) if case.row is not None else {}
    return Opened(case, task, variables, house(session, case, at), draft, holder_name, done_by_name, acted)


def _returned(inputs: Mapping[str, Any]) -> list[str] | None:
    """Keys of the fields that may be corrected, or nothing when the form is not a correction."""
    items = inputs.get("returned_items")
    if not isinstance(items, list):
        return None
    return [str(item["field_key"]) for item in items if isinstance(item, Mapping) and item.get("field_key")]


def started_by(session: Session, person_id: int) -> list[str]:
    """Numbers of the instances that a person started, the newest first; not what those called."""
    own = select(Instance.number).where(Instance.starter_id == person_id, Instance.parent_id.is_(None))
    return list(session.execute(own.order_by(Instance.id.desc())).scalars())


def open_task(session: Session, instance_number: str, step_id: str) -> str | None:
    """Number of the task that waits at a step of an instance, if one does."""
    return session.execute(
        select(Task.number)
        .join(Instance, Instance.id == Task.instance_id)
        .where(Instance.number == instance_number, Task.step_id == step_id, Task.status == "open")
        .order_by(Task.id)
        .limit(1)
    ).scalar_one_or_none()


# --- verbs ----------------------------------------------------------------------------------------------------------


def start(
    db: Database, viewer: Viewer, process_id: str, where: str, submission: Submission, *, at: datetime
) -> Moved:
    """Start an instance with its first form, in a round or (``@organisation code``) for an office.

    One transaction, one event. Raises
    ``WindowClosed``/``WindowNotOpen`` (E_WINDOW), ``DuplicateCase`` (E_DUPLICATE), ``StartFailed`` (an incident: the
    submission is kept and tried again). The same token twice gives the first answer again.
    """
    with incidents.watching(db, f"start:{submission.token}", submission, at=at, by_id=viewer.person_id,
                            process=process_id, round=where):
        return beginning(db, viewer, process_id, where, submission, at=at)


def beginning(
    db: Database, viewer: Viewer, process_id: str, where: str, submission: Submission, *, at: datetime,
    extra: Mapping[str, Any] = MappingProxyType({}),
) -> Moved:
    """``start`` itself, which raises what fails in it; ``extra`` goes into the event's payload."""
    for _ in range(_STARTS_AT_ONCE):
        with db.read() as session:
            transition = _beginning(session, viewer, process_id, where, submission, at, extra)
            if isinstance(transition, Moved):
                return transition
        try:
            return carry_out(db, transition)
        except (IntegrityError, InstanceMoved):
            continue  # another start took the number, or it was this very submit or person: look again
    raise InstanceMoved()


#: Each try fails only because another start succeeded meanwhile; this many in a row is an office on fire.
_STARTS_AT_ONCE = 100


def _beginning(
    session: Session, viewer: Viewer, process_id: str, where: str, submission: Submission, at: datetime,
    extra: Mapping[str, Any],
) -> Transition | Moved:
    repeated = sent_before(session, viewer, submission.token)
    if repeated is not None:
        return repeated
    beginning = where_begins(session, viewer, process_id, where, at)
    loaded, round_row = beginning.loaded, beginning.round
    starter = people.somebody(session, viewer.person_id)
    case = beginning.case(session, starter, numbering.peek(session, loaded, beginning.organisation, at), at)
    progress = engine.start(loaded.diagram, {submission.variable: dict(submission.data)}, house(session, case, at))
    transition = Transition(
        case, progress, Kind.INSTANCE_STARTED, viewer.actor(role=beginning.role, organisation=beginning.office), at,
        loaded.diagram.start, submission=submission, by=starter, extra=extra,
        claim=lambda session: _begin(session, case, f"start:{process_id}:{where}"),
    )
    if round_row is not None:
        transition.link = lambda session, instance_id: applications.enter(
            session, round_row.id, instance_id, starter.id, at=at, event=transition.event
        )
    transition.prepare(session)
    return transition


def _begin(session: Session, case: Case, subject: str) -> None:
    """Take the number; the draft of the form goes with it."""
    numbering.take(session, case.number, case.organisation)
    drafts.discard(session, case.starter.id, subject)


def complete_task(
    db: Database, viewer: Viewer, task_number: str, submission: Submission, *, at: datetime,
    asked: FormRequest | None = None,
) -> Moved:
    """Complete a task with its form. One transaction, one event; the same token twice gives the first answer again.

    ``asked`` is the form request that the submission answers, if the caller has just read it for this viewer: nothing is
    read twice, and the viewer's draft goes with the form. What moved since then is found by the version check.
    Raises ``NotFound`` (not a candidate), ``OwnCase``, ``SeparationOfDuty``, ``HeldByAnother``, ``TaskDelegated`` (for its
    holder too, until it is back), ``TaskAlreadyDone``
    (E_STALE), ``InstanceMoved`` (somebody moved the instance between reading and writing; nothing was written),
    ``InstanceSuspended``, ``CaseFailed`` (an incident: the task stays open, the submission is kept and tried again).
    """
    subject = f"task:{task_number}/{viewer.number}"
    with incidents.watching(db, subject, submission, at=at, by_id=viewer.person_id):
        return completion(db, viewer, task_number, submission, at=at, asked=asked)


def completion(
    db: Database, viewer: Viewer, task_number: str, submission: Submission, *, at: datetime,
    asked: FormRequest | None = None, extra: Mapping[str, Any] = MappingProxyType({}),
) -> Moved:
    """``complete_task`` itself, which raises what fails in it; ``extra`` goes into the event's payload."""
    with db.read() as session:
        opened = (asked.opened if asked is not None else None) or _opened(session, viewer, task_number, at)
        transition: Transition | Moved | None = None
        if not _goes_another_way(opened.task, submission):
            transition = _completion(session, viewer, opened, submission, at, extra)
            if isinstance(transition, Moved):
                return transition
    try:
        if isinstance(transition, Transition):
            return carry_out(db, transition)
        if opened.task.main_id is not None:
            if opened.principal is not None:
                raise SignatureNotPassedOn(step=opened.task.name)
            return signers.sign(db, viewer, task_number, submission, at=at, completing=_signed_by_all, extra=extra)
        if _declares_conflict(submission):
            return _recuse(db, viewer, task_number, submission, at)
        if opened.principal is not None:
            raise ProxyNotPassedOn(name=opened.principal.name)
        return signers.submit(db, viewer, task_number, submission, at=at)
    except (IntegrityError, TaskAlreadyDone, InstanceMoved):
        with db.read() as session:
            repeated = sent_before(session, viewer, submission.token)
        if repeated is not None:
            return repeated
        raise


def _declares_conflict(submission: Submission) -> bool:
    return submission.data.get("conflict_declared") == "是"


def _goes_another_way(task: Task, submission: Submission) -> bool:
    """Whether sending the form of a task does not complete it: it is a signer's, others sign after, or somebody is out of it."""
    after = task.status == "open" and (bool(signatures.planned(task)) or signatures.is_sent(task))
    return after or task.main_id is not None or _declares_conflict(submission)


def _signed_by_all(
    session: Session, holder: Viewer, task_number: str, submission: Submission, at: datetime, extra: Mapping[str, Any]
) -> Transition:
    """What completing a task does that was sent before, once all who sign after its holder agree."""
    session.flush()
    opened = _opened(session, holder, task_number, at)
    _guard(holder, opened)
    return _completing(session, holder, opened, submission, at, extra)


def _recuse(db: Database, viewer: Viewer, task_number: str, submission: Submission, at: datetime) -> Moved:
    """A reviewer who declares a conflict of interest hands the task back; nothing is decided (domain.md 3.0.2)."""
    reason = str(submission.data.get("conflict_reason") or "")
    moved = assignments.recuse(db, viewer, task_number, reason, at=at)
    drafts.discard_draft(db, viewer.person_id, f"task:{task_number}")
    return moved


def _completion(
    session: Session, viewer: Viewer, opened: Opened, submission: Submission, at: datetime, extra: Mapping[str, Any]
) -> Transition | Moved:
    case, task = opened.case, opened.task
    if case.row is None:
        raise NotFound()
    if task.status != "open":
        return sent_before(session, viewer, submission.token) or _refuse_done(session, viewer, opened, at)
    _guard(viewer, opened)
    if task.signers_open:
        raise signers.names_open(task)
    return _completing(session, viewer, opened, submission, at, extra)


def _completing(
    session: Session, viewer: Viewer, opened: Opened, submission: Submission, at: datetime, extra: Mapping[str, Any]
) -> Transition:
    case, task = opened.case, opened.task
    if case.row is None:
        raise NotFound()
    step = case.loaded.diagram.steps[task.step_id]
    before = case.row.state
    old = opened.variables.get(submission.variable)
    progress = engine.complete(
        case.loaded.diagram, before, task.token, {submission.variable: dict(submission.data)}, opened.house,
    )
    principal = opened.principal
    held = _role_in(principal or viewer, task, case.starter.number)
    transition = Transition(
        case, progress, Kind.TASK_COMPLETED, _actor(viewer, principal, *held), at, step,
        submission=submission, by=Somebody(viewer.person_id, viewer.number, viewer.name, False), task=task,
        outcome=_outcome(step, submission),
        # What another of many wrote at the same step is no earlier version of this paper.
        changes=changes(old, submission.data) if old and step.repetition is None else (),
        claim=lambda session: _claim_task(session, viewer, opened, at, _outcome(step, submission), before),
        extra={**extra, **_prepared(task), **last_opinions.as_before(_last_opinion(session, viewer, opened), submission.data)},
        acted=opened.done, lent=opened.house,
        held=_digests(old) if submission.attachments else (),
        done=_done(task, viewer, at, _outcome(step, submission), before),
    )
    if principal is not None:
        transition.for_whom = principal.number
        transition.done = {**transition.done, "holder_id": principal.id} if transition.done is not None else None
        transition.extra = {**transition.extra, "proxy": principal.grant}
        transition.link = lambda session, _instance_id: proxies.require_standing(session, principal)
    transition.prepare(session)
    return transition


def _actor(viewer: Viewer, principal: proxies.Principal | None, role: str | None, organisation: str | None) -> Actor:
    """Who acts, as the record names them: whoever stands in for another is named with them."""
    if principal is not None:
        return principal.actor(viewer, role=role, organisation=organisation)
    return viewer.actor(role=role, organisation=organisation)


def _done(task: Task, viewer: Viewer, at: datetime, outcome: str | None, before: bytes) -> dict[str, Any]:
    """The row of a task once the viewer has completed it, with the state it was completed in."""
    return {
        "number": task.number, "instance_id": task.instance_id, "token": task.token, "step_id": task.step_id,
        "name": task.name, "opened_at": task.opened_at, "status": "done", "holder_id": viewer.person_id, "done_at": at,
        "done_by_id": viewer.person_id, "outcome": outcome, "before": before,
    }  # fmt: skip


def _digests(value: Any) -> set[str]:
    """Digests of the files that a submitted form names."""
    if isinstance(value, Mapping):
        own = value.get("sha256")
        return ({own} if isinstance(own, str) else set()).union(*map(_digests, value.values()))
    return set().union(*map(_digests, value)) if isinstance(value, list) else set()


def _prepared(task: Task) -> dict[str, Any]:
    """Who worked on the form before its holder sent it (委派), for the event: the values came through their hands too."""
    by = [one["to"] for one in task.explanation.get("delegations", ()) if one["how"] == "returned"]
    return {"prepared_by": by} if by else {}


def _guard(viewer: Viewer, opened: Opened) -> None:
    """Refuse by name the candidates who may not complete an open task; others have not found it (``_opened``)."""
    task = opened.task
    reason = access.excluded_from(task, viewer.number)
    if reason == OWN_CASE:
        raise OwnCase()
    if reason == assignments.RECUSED:
        raise Recused(step=task.name)
    if reason is not None or _acted_since(viewer, opened):
        raise SeparationOfDuty(step=task.name)
    if task.delegate_id is not None:
        raise assignments.delegated(task)
    principal = opened.principal
    if task.holder_id not in (None, viewer.person_id, principal.id if principal is not None else None):
        raise HeldByAnother(name=opened.holder_name or "")


def _acted_since(viewer: Viewer, opened: Opened) -> bool:
    """Whether the person, or whom they stand in for, has done a step meanwhile that the diagram keeps apart from this one.

    What was done before the task opened is among its exclusions; this is for steps that wait beside each other.
    """
    step = opened.case.loaded.diagram.steps[opened.task.step_id]
    apart = step.properties.get("jiaoyan:separate-from", "").split()
    if not apart:
        return False
    who = {viewer.number, opened.principal.number if opened.principal is not None else viewer.number}
    for line in (opened.acted or "").split(_ROW):
        done_at, _, done, _, number, *_, stood_for = line.split(_PART) if line else ("", "", "", "", "", "")
        if done in apart and {number, stood_for} & who:
            at = datetime.fromisoformat(done_at)
            if (at if at.tzinfo is not None else at.replace(tzinfo=UTC)) >= opened.task.opened_at:
                return True
    return False


def _refuse_done(session: Session, viewer: Viewer, opened: Opened, at: datetime) -> Moved:
    if opened.principal is None:
        access.task_for(session, viewer, opened.task.number, at)
    raise _already_done(session, opened.task)


def _already_done(session: Session, task: Task) -> Refusal:
    row = session.execute(
        select(Task.done_at, Person.name).outerjoin(Person, Person.id == Task.done_by_id).where(Task.id == task.id)
    ).one()
    if task.status == "suspended":
        return InstanceSuspended()
    if row.name is None or row.done_at is None:
        return TaskNotOpen()
    return TaskAlreadyDone(name=row.name, time=row.done_at.astimezone(OFFICE_ZONE).strftime("%Y-%m-%d %H:%M"))


_task = table(Task)
_DONE = Prepared(
    update(_task)
    .where(_task.c.id == bindparam("of_task"), _task.c.status == "open", _task.c.delegate_id.is_(None), _task.c.signers_open == 0,
           or_(_task.c.holder_id.is_(None), _task.c.holder_id == bindparam("whose")))
    .values(status="done", done_at=bindparam("at"), done_by_id=bindparam("viewer"), holder_id=bindparam("whose"),
            outcome=bindparam("result"), before=bindparam("state"))
)


def _claim_task(
    session: Session, viewer: Viewer, opened: Opened, at: datetime, outcome: str | None, before: bytes
) -> None:
    """Take the task in the write transaction, and keep the state it was completed in: whoever comes second finds it done.

    The draft of its form goes with it, by a trigger (migration 0003).
    """
    task = opened.task
    taken = _DONE(
        session, {
            "of_task": task.id, "viewer": viewer.person_id, "at": at, "result": outcome, "state": before,
            "whose": opened.principal.id if opened.principal is not None else viewer.person_id,
        },
    )  # fmt: skip
    if not taken.rowcount:
        now = session.get_one(Task, task.id, populate_existing=True)
        if now.status == "open" and now.delegate_id is not None:
            raise assignments.delegated(now)
        if now.status == "open" and now.signers_open:
            raise signers.names_open(now)
        if now.status == "open":
            name = session.execute(select(Person.name).where(Person.id == now.holder_id)).scalar()
            raise HeldByAnother(name=name or "")
        raise _already_done(session, now)


def _role_in(viewer: Viewer | proxies.Principal, task: Task, starter: str) -> tuple[str | None, str | None]:
    """The role and organisation in which the viewer acts, from the rule that found them.

    Whom a rule names by their number (a member of a panel) acts in the role that they hold; an applicant in that.
    """
    for step in task.explanation.get("steps", ()):
        rule, place = step.get("rule", {}), step.get("organisation")
        for held in viewer.memberships:
            if place and held.role == rule.get("role", step.get("role")) and held.organisation_code == place["code"]:
                return held.role, held.organisation_code
    transferred = task.explanation.get("transferred")
    if transferred and transferred["to"]["number"] == viewer.number:
        return transferred["role"], transferred["organisation"]
    if viewer.number != starter and viewer.memberships:
        return viewer.memberships[0].role, viewer.memberships[0].organisation_code
    return "applicant", None


def _outcome(step: engine.Step, submission: Submission) -> str | None:
    key = step.properties.get("jiaoyan:outcome")
    value = submission.data.get(key) if key else None
    return str(value) if value is not None else None


def sent_before(session: Session, viewer: Viewer, token: str) -> Moved | None:
    """What the first submit with this token did, if the same person sent it before."""
    found = session.execute(
        select(SubmissionRow, Instance)
        .join(Instance, Instance.id == SubmissionRow.instance_id)
        .where(SubmissionRow.token == token)
    ).one_or_none()
    if found is None:
        return None
    submission, instance = found
    if submission.by_id != viewer.person_id:
        raise Forbidden()
    loaded = deployment.definition(session, instance.definition)
    steps = loaded.diagram.steps
    waiting = session.execute(
        select(Task).where(Task.instance_id == instance.id, Task.status == "open").order_by(Task.id)
    ).scalars()
    following = tuple(
        NextStep(task.step_id, task.name, tuple(one["name"] for one in task.explanation.get("result", ())),
                 task.due_at, task.due_provisional)
        for task in waiting
    )
    outcome = steps[instance.outcome].name if instance.outcome else None
    return Moved(instance.number, instance.title, steps[submission.step_id].name, following, instance.outcome, outcome,
                 repeated=True)


def changes(old: Any, new_value: Any, path: str = "") -> list[dict[str, Any]]:
    """Field differences old → new by dotted path, rows of tables by their position."""
    if old == new_value:
        return []
    if isinstance(old, Mapping) and isinstance(new_value, Mapping):
        found: list[dict[str, Any]] = []
        for key in dict.fromkeys([*old, *new_value]):
            found += changes(old.get(key), new_value.get(key), f"{path}.{key}" if path else str(key))
        return found
    if isinstance(old, list) and isinstance(new_value, list):
        found = []
        for index in range(max(len(old), len(new_value))):
            before = old[index] if index < len(old) else None
            after = new_value[index] if index < len(new_value) else None
            found += changes(before, after, f"{path}.{index}")
        return found
    return [{"field": path, "old": old, "new": new_value}]


def wake(db: Database, timer_id: int, *, at: datetime) -> Moved | None:
    """Fire one due timer of a diagram; nothing when it was taken, called off, or its instance moved meanwhile."""
    with db.read() as session:
        timer = session.get(Timer, timer_id)
        if timer is None or timer.fired_at is not None or timer.due_at > at:
            return None
        case, _ = load(session, instance_id=timer.instance_id)
        transition = waking(session, case, timer, at)
    return None if transition is None else woken(db, transition)


def woken(db: Database, transition: Transition) -> Moved | None:
    """Write what firing a timer does; nothing when somebody else fired it, or moved the case, in the meantime."""
    try:
        return carry_out(db, transition)
    except (TimerTaken, InstanceMoved):
        return None


def waking(
    session: Session, case: Case, timer: Timer, at: datetime, known: people.Known | None = None
) -> Transition | None:
    """What firing a timer of the diagram does to a case, not yet written; nothing when the case does not run.

    ``known`` is shared by all that are prepared together.
    """
    if case.row is None or case.row.status != "running":
        return None
    try:
        progress = engine.fire(case.loaded.diagram, case.row.state, timer.token, house(session, case, at))
    except TaskNotOpen:
        return None  # the step ended between the two reads
    transition = Transition(
        case, progress, Kind.TIMER_FIRED, TIMEOUT, at, case.loaded.diagram.steps[timer.step_id],
        claim=lambda session: _claim_timer(session, timer.id, at), known=known,
        extra={"due_at": timer.due_at, "token": timer.token},
    )
    transition.prepare(session)
    return transition


class TimerTaken(TaskNotOpen):
    """Another beat fired the timer first, or the step that it belonged to is over."""


def _claim_timer(session: Session, timer_id: int, at: datetime) -> None:
    taken = session.execute(
        update(Timer).where(Timer.id == timer_id, Timer.fired_at.is_(None)).values(fired_at=at, result="fired")
    )
    if not taken.rowcount:  # type: ignore[attr-defined]
        raise TimerTaken()


def reject_input(
    db: Database, viewer: Viewer, *, subject: str, instance_number: str | None, fields: Sequence[tuple[str, str]],
    at: datetime,
) -> None:
    """Record that a post was refused, in the person's stream: fields and codes, never the values (domain.md 3.0.3)."""
    with db.write() as session:
        record(session, Act(
            person_stream(viewer.number), Kind.INPUT_REJECTED, at, viewer.actor(), instance=instance_number,
            reason=fields[0][1] if fields else InputRejected.code,
            payload={"subject": subject, "fields": [{"field": path, "code": code} for path, code in fields]},
        ))
