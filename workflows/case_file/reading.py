"""``read``: the whole case in about a dozen statements, every one of them by an index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Result, Select, bindparam, or_, select
from sqlalchemy.orm import Session, aliased, defer

from workflows.access import (
    DOES,
    IN_ANOTHERS_PLACE,
    OFFICE_ROLES,
    SEES,
    Viewer,
    asked,
    excluded_from,
    may_do,
    roles_lent,
    sees_caller,
)
from workflows.audit import ActorKind, Kind, instance_stream
from workflows.case_file.masking import masked_data
from workflows.case_file.outline import SIGN, Asked
from workflows.case_file.papers import Papers, papers
from workflows.case_file.path import STANDS
from workflows.case_file.stages import stages
from workflows.case_file.views import (
    AttachmentView,
    AwaitedView,
    CaseFile,
    Change,
    EventView,
    LinkedView,
    RulingView,
    SubmissionView,
    TaskView,
    TimerView,
)
from workflows.errors import NotFound
from workflows.manners import MAY_START, READERS, SEALED_UNTIL
from workflows.models import (
    Attachment,
    Candidate,
    Definition,
    Event,
    EventPayload,
    Instance,
    Organisation,
    Person,
    Round,
    RulingRow,
    Submission,
    Subscription,
    Task,
    Timer,
)
from workflows.people import ROLES

_KINDS = {kind.value: kind for kind in Kind}
_ACTOR_KINDS = {kind.value: kind for kind in ActorKind}

# Put together once: that takes longer than the database takes to answer them.
_CASE = select(Instance).options(defer(Instance.state)).where(Instance.number == bindparam("number"))
_SEEN = _CASE.where(SEES).add_columns(IN_ANOTHERS_PLACE)
#: What the reader may do in a case now.
_TO_DO = select(Task).where(Task.instance_id == bindparam("instance"), Task.status == "open", DOES)
_starter, _holder, _doer = aliased(Person), aliased(Person), aliased(Person)
_ABOUT = (
    select(Definition, Organisation, _starter, Round)
    .select_from(Instance)
    .join(Definition, Definition.digest == Instance.definition)
    .join(Organisation, Organisation.id == Instance.organisation_id)
    .join(_starter, _starter.id == Instance.starter_id)
    .outerjoin(Round, Round.id == Instance.round_id)
    .where(Instance.id == bindparam("instance"))
)
_TASKS = (
    select(Task, _holder.name, _holder.number, _doer.name, Organisation.code, Organisation.name)
    .outerjoin(Organisation, Organisation.id == Task.organisation_id)
    .outerjoin(_holder, _holder.id == Task.holder_id)
    .outerjoin(_doer, _doer.id == Task.done_by_id)
    .where(Task.instance_id == bindparam("instance"))
    .order_by(Task.opened_at, Task.id)
)
_CANDIDATES = (
    select(Candidate.task_id, Candidate.role, Organisation.code, Organisation.name, Person.number, Person.name)
    .outerjoin(Organisation, Organisation.id == Candidate.organisation_id)
    .outerjoin(Person, Person.id == Candidate.person_id)
    .where(Candidate.task_id.in_(bindparam("tasks", expanding=True)))
    .order_by(Candidate.id)
)
_EVENTS = (
    select(Event, EventPayload.payload)
    .outerjoin(EventPayload, EventPayload.event_id == Event.event_id)
    .where(or_(Event.stream == bindparam("stream"), Event.instance == bindparam("number")))
    .order_by(Event.stream, Event.seq)
)
_PEOPLE = select(Person.number, Person.name).where(Person.number.in_(bindparam("numbers", expanding=True)))
_PLACES = select(Organisation.code, Organisation.name).where(Organisation.code.in_(bindparam("codes", expanding=True)))
_SUBMISSIONS = (
    select(Submission, Person, Task.number)
    .join(Person, Person.id == Submission.by_id)
    .outerjoin(Task, Task.id == Submission.task_id)
    .where(Submission.instance_id == bindparam("instance"))
    .order_by(Submission.at, Submission.id)
)
_RULINGS = select(RulingRow).where(RulingRow.instance_id == bindparam("instance")).order_by(RulingRow.at, RulingRow.id)
_TIMERS = select(Timer).where(Timer.instance_id == bindparam("instance")).order_by(Timer.due_at, Timer.id)
_AWAITED = (
    select(Subscription.step_id, Subscription.kind, Subscription.name)
    .where(Subscription.instance_id == bindparam("instance"), Subscription.ended_at.is_(None))
    .order_by(Subscription.id)
)
_FILES = (
    select(Attachment, Person.name)
    .join(Person, Person.id == Attachment.uploaded_by_id)
    .where(Attachment.instance_id == bindparam("instance"))
    .order_by(Attachment.uploaded_at, Attachment.id)
)


def read(
    session: Session, viewer: Viewer | None, number: str, at: datetime, *, whole: bool = False
) -> CaseFile:
    """The case, if the viewer may see it; ``NotFound`` otherwise, whether or not it exists.

    Personal data is masked for everybody but the applicant and whoever may take an open step of it; ``whole`` shows it
    to an auditor who has stated a purpose (the caller records that). Without a viewer the operator of the machine
    reads, masked.
    """
    if viewer is None:
        instance, stands_in = session.execute(_CASE, {"number": number}).scalar_one_or_none(), False
    else:
        instance, stands_in = session.execute(_SEEN, {**asked(viewer, at), "number": number}).one_or_none() or (None, False)
    if instance is None and viewer is not None and sees_caller(session, viewer, number, at):
        instance = session.execute(_CASE, {"number": number}).scalar_one()
    if instance is None:
        raise NotFound()
    masked = not whole and (viewer is None or not needs_personal(session, viewer, instance, at))
    sees_above = instance.parent_id is not None and (viewer is None or sees_caller(session, viewer, number, at))
    roles = frozenset(held.role for held in viewer.memberships) if viewer is not None else frozenset[str]()
    if viewer is not None and stands_in:
        roles |= roles_lent(session, viewer, instance.id, at)
    reader_id = None if viewer is None else viewer.person_id
    return _Reading(session, instance, masked, sees_above, reader_id, roles, whole).case()


def needs_personal(session: Session, viewer: Viewer, instance: Instance, at: datetime) -> bool:
    """Whether the person is the applicant, or may take an open step of the case (domain.md 3.0.9)."""
    if instance.starter_id == viewer.person_id:
        return True
    tasks = session.execute(_TO_DO, {**asked(viewer, at), "instance": instance.id}).scalars()
    return any(excluded_from(task, viewer.number) is None for task in tasks)


def sent_before(session: Session, viewer: Viewer, token: str) -> str | None:
    """Number of the case to which the viewer has sent the page with that token already, if any."""
    return session.execute(
        select(Instance.number)
        .join(Submission, Submission.instance_id == Instance.id)
        .where(Submission.token == token, Submission.by_id == viewer.person_id)
    ).scalar_one_or_none()


def may_open_file(
    session: Session, viewer: Viewer, sha256: str, at: datetime, *, opened_case: str | None = None
) -> bool:
    """Whether the person may open a file that somebody else brought: scans show what masking hides.

    Allowed to the applicant and to whoever may take an open step of a case that holds it, and, for a stated purpose,
    to the auditor of ``opened_case`` (the caller has checked that). Everybody else who may see the case reads its
    name and digest.
    """
    holding = select(Attachment.instance_id).where(Attachment.sha256 == sha256, Attachment.instance_id.is_not(None))
    own = or_(Instance.starter_id == viewer.person_id, Instance.number == (opened_case or ""))
    if session.execute(select(Instance.id).where(Instance.id.in_(holding), own).limit(1)).first() is not None:
        return True
    tasks = session.execute(
        select(Task).where(
            Task.instance_id.in_(holding), Task.status == "open", may_do(viewer, at)
        )
    ).scalars()
    return any(excluded_from(task, viewer.number) is None for task in tasks)


def bodies(data: Mapping[str, Any], seen: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the bodies whose opinions a form enters (登记外部意见): X1 itself, or its fields under a path."""
    words = seen.get("_labels") or {}
    return tuple(str(words.get(f"{path}external_body", code)) for path, code in _entered(data))


def _entered(data: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, str]]:
    if data.get("external_body"):
        yield above, str(data["external_body"])
    for key, value in data.items():
        if isinstance(value, Mapping) and value.get("external_body"):
            yield f"{above}{key}.", str(value["external_body"])


class _Reading:
    """One read of one case; gathers the people and places it meets and asks for their names once."""

    def __init__(
        self, session: Session, instance: Instance, masked: bool, sees_above: bool, reader_id: int | None,
        roles: frozenset[str], whole: bool,
    ) -> None:
        self.session, self.instance, self.masked, self.sees_above = session, instance, masked, sees_above
        self.reader_id, self.roles, self.whole = reader_id, roles, whole
        self.papers: Papers = papers(session, instance.definition)
        self.names: dict[str, str] = {}
        self.places: dict[str, str] = {}

    def case(self) -> CaseFile:
        row = self.instance
        definition, place, person, entered = self._of_case(_ABOUT).one()
        tasks = self._tasks()
        events = self._events()
        own = tuple(event for event in events if event.stream == instance_stream(row.number))
        outcome_name = self.papers.step_name(row.outcome) if row.outcome else None
        caller, called = self._linked()
        timers = self._timers()
        return CaseFile(
            number=row.number, title=row.title, process_id=row.process_id, process_name=definition.name,
            version=definition.version, definition=definition.digest, pack_set=row.pack_set, place=row.place,
            ruling_on=row.ruling_on, organisation_code=place.code, organisation_name=place.name,
            starter_name=person.name, starter_number=person.number,
            round_number=entered.number if entered else None, round_title=entered.title if entered else None,
            status=row.status, outcome=row.outcome,
            outcome_name=outcome_name,
            started_at=row.started_at, ended_at=row.ended_at, masked=self.masked, tasks=tasks,
            events=own,
            looks=tuple(
                sorted((one for one in events if one.stream != instance_stream(row.number)), key=lambda one: one.at)
            ),
            submissions=self._submissions(tasks, own), rulings=self._rulings(), timers=timers,
            attachments=self._attachments(), step_names=self.papers.step_names,
            stages=stages(self.papers.diagram, own, tasks, outcome_name), facts=row.facts,
            step_kinds=self.papers.step_kinds, awaited=self._awaited(timers), called=called, caller=caller,
            for_office=MAY_START in self.papers.diagram.properties, summary=row.summary,
        )  # fmt: skip

    def _of_case(self, statement: Select[Any]) -> Result[Any]:
        return self.session.execute(statement, {"instance": self.instance.id})

    def _tasks(self) -> tuple[TaskView, ...]:
        rows = self._of_case(_TASKS).all()
        candidates: dict[int, list[tuple[str, str, str]]] = {}
        waiting = [row.id for row, *_ in rows if row.status in {"open", "suspended"}]
        for row, *_, code, place in rows:
            if row.id in waiting and row.role is not None:
                candidates[row.id] = [(row.role, code, place)]
        if waiting:
            for task_id, role, code, place, number, name in self.session.execute(_CANDIDATES, {"tasks": waiting}):
                candidates.setdefault(task_id, []).append((role or "", code or number or "", place or name or ""))
        return tuple(
            TaskView(
                row.number, row.token, row.step_id, row.name, row.form_id, row.status, row.opened_at, row.due_at,
                row.due_days or (), row.due_provisional, holds, held_by, row.done_at, did, row.outcome, row.explanation,
                tuple(candidates.get(row.id, ())), row.priority,
            )
            for row, holds, held_by, did, _, _ in rows
        )  # fmt: skip

    def _events(self) -> list[EventView]:
        number = self.instance.number
        rows = self.session.execute(_EVENTS, {"stream": instance_stream(number), "number": number}).all()
        self._meet(event for event, _ in rows)
        return [self._event(event, payload) for event, payload in rows]

    def _meet(self, events: Iterable[Event]) -> None:
        people, places = set[str | None](), set[str | None]()
        for event in events:
            people |= {event.actor, event.on_behalf_of} - {None}
            places |= {event.actor_org} - {None}
        if people:
            self.names = dict(self.session.execute(_PEOPLE, {"numbers": list(people)}).tuples().all())
        if places:
            self.places = dict(self.session.execute(_PLACES, {"codes": list(places)}).tuples().all())

    def _event(self, event: Event, raw: bytes | None) -> EventView:
        payload = orjson.loads(raw) if raw is not None else {}
        step, role = payload.get("step"), event.actor_role or ""
        return EventView(
            event_id=event.event_id, stream=event.stream, seq=event.seq, at=event.at, recorded_at=event.recorded_at,
            kind=event.kind, label=_KINDS[event.kind].label, actor_kind=event.actor_kind,
            actor_kind_label=_ACTOR_KINDS[event.actor_kind].label,
            actor=event.actor, actor_name=self.names.get(event.actor or "", event.actor),
            actor_role=ROLES[role].name if role in ROLES else event.actor_role,
            actor_org_name=self.places.get(event.actor_org or "", event.actor_org),
            on_behalf_of_name=self.names.get(event.on_behalf_of or "", event.on_behalf_of), task=event.task,
            step_name=self.papers.step_name(step) if isinstance(step, str) else None, outcome=event.outcome,
            reason=event.reason, ip=event.ip, leaf_hash=event.leaf_hash, payload=payload, erased=raw is None,
            changes=self._changes(payload),
        )  # fmt: skip

    def _changes(self, payload: Mapping[str, Any]) -> tuple[Change, ...]:
        form = (payload.get("submission") or payload).get("form", "")
        asked = self.papers.outlines.get(form, {})
        return tuple(
            self._change(str(one["field"]), one.get("old"), one.get("new"), asked) for one in payload.get("changes") or ()
        )

    def _change(self, path: str, old: Any, new: Any, asked: Mapping[str, Asked]) -> Change:
        keys, numbers = split_path(path)
        while len(keys) > 1 and ".".join(keys) not in asked and ".".join(keys[1:]) in asked:
            keys = keys[1:]  # written with the variable's name in front
        field = asked.get(".".join(keys))
        label = field.label if field else path
        if field is not None and field.table:
            label = f"{field.table} {numbers[0]} · {label}" if numbers else f"{field.table} · {label}"
        elif field is not None and numbers:
            label = f"{label} {numbers[0]}"  # a whole row that was added or taken away
        if self.masked:
            old, new = masked_data(old, asked, keys), masked_data(new, asked, keys)
        return Change(path, label, old, new)

    def _submissions(self, tasks: Sequence[TaskView], events: Sequence[EventView]) -> tuple[SubmissionView, ...]:
        sealed = self._sealed(events)
        rows = self._of_case(_SUBMISSIONS)
        return tuple(
            self._submission(row, person, task, sealed.get(row.step_id, "") if row.by_id != self.reader_id else "")
            for row, person, task in rows
        )

    def _sealed(self, events: Sequence[EventView]) -> dict[str, str]:
        """Steps whose papers are still sealed (``jiaoyan:sealed-until``) -> name of the step that opens them."""
        steps = self.papers.diagram.steps.values()
        until = {step.id: step.properties[SEALED_UNTIL] for step in steps if SEALED_UNTIL in step.properties}
        if not until:
            return {}
        come = {one["step"] for event in events for one in event.payload.get("passed", ())}
        return {step: self.papers.step_name(opens) for step, opens in until.items() if opens not in come}

    def _kept_to(self, step_id: str, by_id: int) -> tuple[str, ...]:
        """The roles that alone read the papers of a step, unless the reader is one of them, wrote it, or stated a purpose."""
        step = self.papers.diagram.steps.get(step_id)
        readers = step.properties.get(READERS, "").split() if step is not None else []
        if not readers or by_id == self.reader_id or self.whole or self.roles & set(readers):
            return ()
        return tuple(ROLES[role].name for role in readers)

    def _submission(self, row: Submission, person: Person, task: str | None, sealed_until: str) -> SubmissionView:
        asked = self.papers.outlines.get(row.form_id, {})
        kept_to = self._kept_to(row.step_id, row.by_id)
        outside = () if sealed_until or kept_to else bodies(row.data, row.seen)
        data, seen = ({}, {}) if sealed_until or kept_to else (row.data, row.seen)
        if self.masked:
            hidden = asked
            if row.by_id == self.reader_id or self.roles & OFFICE_ROLES:
                # Who signed sees it, and the office whose paper it is.
                hidden = {path: one for path, one in asked.items() if one.kind != SIGN}
            data, seen = masked_data(data, hidden), masked_data(seen, hidden)
        return SubmissionView(
            row.event, row.step_id, self.papers.step_name(row.step_id), row.form_id, person.name, person.number, row.at,
            task, data, seen, self.papers.forms.get(row.form_id, b""),
            {path: one.label for path, one in asked.items()}, sealed_until, kept_to, outside,
        )  # fmt: skip

    def _rulings(self) -> tuple[RulingView, ...]:
        rows = self._of_case(_RULINGS).scalars()
        return tuple(
            RulingView(
                row.step_id, self.papers.step_name(row.step_id), row.decision, row.at, row.outcome,
                self._answer(row.answer), row.event,
            )
            for row in rows
        )  # fmt: skip

    def _answer(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self.masked:
            return answer
        asked: dict[str, Asked] = {}
        for form_id, fields in self.papers.outlines.items():
            # A table reads a submission whole, under the last part of its form's id, or a field of it by its name.
            asked |= fields
            asked |= {f"{form_id.rpartition('.')[2]}.{path}": one for path, one in fields.items()}
        return _inputs_masked(answer, asked)

    def _timers(self) -> tuple[TimerView, ...]:
        rows = self._of_case(_TIMERS).scalars()
        return tuple(
            TimerView(
                row.step_id, self.papers.step_name(row.step_id), row.kind, row.due_at, row.due_days or (),
                row.due_provisional, row.fired_at, row.result,
            )
            for row in rows
        )  # fmt: skip

    def _awaited(self, timers: Iterable[TimerView]) -> tuple[AwaitedView, ...]:
        """What stands in the way of the case; what sits on the border of a step does not."""
        kinds = self.papers.step_kinds
        if not STANDS.intersection(kinds.values()):
            return ()
        rows = self._of_case(_AWAITED)
        found = [
            AwaitedView(step_id, self.papers.step_name(step_id), kind, name)
            for step_id, kind, name in rows if kinds.get(step_id) in STANDS
        ]
        return (*found, *(
            AwaitedView(one.step_id, one.step_name, "timer", "", one.due_at)
            for one in timers
            if one.kind == "engine" and one.fired_at is None and kinds.get(one.step_id) in STANDS
        ))

    def _linked(self) -> tuple[LinkedView | None, tuple[LinkedView, ...]]:
        """What called the case, and what it called: one statement."""
        row = self.instance
        if row.parent_id is None and "call" not in self.papers.step_kinds.values():
            return None, ()
        linked = [Instance.parent_id == row.id]
        if self.sees_above:
            linked.append(Instance.id == row.parent_id)
        rows = self.session.execute(
            select(Instance.id, Instance.number, Definition.name, Instance.status, Instance.definition, Instance.outcome,
                   Instance.parent_step, Instance.started_at, Instance.ended_at)
            .join(Definition, Definition.digest == Instance.definition)
            .where(or_(*linked))
            .order_by(Instance.id)
        ).all()
        caller, called = None, []
        for one in rows:
            theirs = papers(self.session, one.definition)
            above = one.id == row.parent_id
            step = theirs.step_name(row.parent_step or "") if above else self.papers.step_name(one.parent_step or "")
            view = LinkedView(
                one.number, one.name, one.status, theirs.step_name(one.outcome) if one.outcome else None, step,
                one.started_at, one.ended_at,
            )
            if above:
                caller = view
            else:
                called.append(view)
        return caller, tuple(called)

    def _attachments(self) -> tuple[AttachmentView, ...]:
        rows = self._of_case(_FILES)
        return tuple(
            AttachmentView(row.sha256, row.name, row.media_type, row.size, row.field, name, row.uploaded_at)
            for row, name in rows
        )


def _inputs_masked(answer: Mapping[str, Any], asked: Mapping[str, Asked]) -> dict[str, Any]:
    inside = [_inputs_masked(part, asked) for part in answer.get("parts") or ()]
    masked = {**answer, "inputs": masked_data(answer.get("inputs") or {}, asked)}
    return {**masked, "parts": inside} if inside else masked


def split_path(path: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """``teaching_history.0.start`` -> the keys, and the row numbers from 1."""
    parts = path.split(".")
    return tuple(part for part in parts if not part.isdigit()), tuple(int(part) + 1 for part in parts if part.isdigit())
