"""What one Progress of the engine means in rows: checked, written and recorded in one short transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import and_, bindparam, case, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, aliased

from workflows import (
    candidates,
    copies,
    deployment,
    engine,
    follow_ups,
    notices,
    people,
    policies,
    signature_images,
    signatures,
    terms,
    traffic,
)
from workflows.access import office_day
from workflows.audit import Act, Actor, Entry, Kind, new_event_id, record_many
from workflows.audit.canonical import canonical, plain
from workflows.candidates import Candidates
from workflows.case import Case, house
from workflows.db import Database, Prepared, connection_of, upsert
from workflows.engine.rows import pack
from workflows.errors import N_, AppointmentNumberTaken, InstanceMoved, OrderFailed
from workflows.manners import CC, IF_NOBODY, IF_OWN, MAY_START, SUMMARY, SUPERIOR, TITLE, expression
from workflows.models import (
    Account,
    Attachment,
    Candidate,
    FollowUp,
    Instance,
    Person,
    RulingRow,
    Task,
    Timer,
    Unstaffed,
    table,
)
from workflows.models import Submission as SubmissionRow
from workflows.notices import Message
from workflows.orders import ORDERS, OrderContext, Outgoing
from workflows.orders.applications import ALL_SETTLED
from workflows.people import Somebody
from workflows.registers import applications
from workflows.rulebook.facts import plain as plain_facts
from workflows.rulebook.reasons import plain_outputs, reasons, rules, value_of
from workflows.settings import OFFICE_ZONE
from workflows.submission import Submission
from workflows.traffic import Post

#: Characters of a summary: one line of a list.
LONGEST_SUMMARY = 200
#: Why somebody is kept from a task although their role fits; shown and recorded.
OWN_CASE = N_("申请人本人")
REVIEWED_BEFORE = N_("已办理本办件的另一审核环节")


@dataclass(frozen=True)
class NextStep:
    """A step that now waits, for the page that says what happens next."""

    step_id: str
    name: str
    people: tuple[str, ...]
    due_at: datetime | None
    provisional: bool


@dataclass(frozen=True)
class Moved:
    """What one act did to an instance."""

    instance_number: str
    title: str
    #: Name of the step that was acted on.
    step_name: str
    next: tuple[NextStep, ...]
    #: Id and name of the end event, when the instance ended.
    ended: str | None = None
    outcome_name: str | None = None
    #: The same page was sent before; nothing was done again.
    repeated: bool = False
    #: Deliveries (their keys) that may arrive now because of this act; see ``workflows.deliveries.settle``.
    caused: tuple[int, ...] = ()
    #: Nothing was decided: the task went to others (回避).
    handed_on: bool = False


@dataclass(frozen=True)
class Opening:
    """A task about to be opened, with the people found for it."""

    number: str
    opened: engine.OpenedTask
    step: engine.Step
    candidates: Candidates
    days: tuple[str, ...]
    reminders: tuple[datetime, ...]
    #: What people are told instead of ``jiaoyan:notice`` or that a task has opened, and its further params.
    notice: str = ""
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Transition:
    """One act on one instance: what was asked, what the engine answered, what is to be written."""

    case: Case
    progress: engine.Progress
    kind: Kind
    actor: Actor
    at: datetime
    step: engine.Step
    submission: Submission | None = None
    by: Somebody | None = None
    #: The completed task.
    task: Task | None = None
    #: Outcome in the form's words, e.g. 合格.
    outcome: str | None = None
    changes: Sequence[Mapping[str, Any]] = ()
    #: Takes the task, timer or delivery in the write transaction, or raises; returns nothing.
    claim: Callable[[Session], None] = field(default=lambda _session: None)
    #: Names the instance, once it has a key, in the rows that made it.
    link: Callable[[Session, int], None] = field(default=lambda _session, _instance_id: None)
    #: Number of the person for whom ``by`` stood in (代办授权): what one did the other did not do again.
    for_whom: str | None = None
    #: More for the event's payload.
    extra: Mapping[str, Any] = field(default_factory=dict)
    #: Whom to tell that nobody may do a step, and whether mail may reach them; known where there is one.
    administrators: Mapping[int, bool] = field(default_factory=dict)
    #: More that people are told because of this act.
    also: Sequence[Message] = ()
    #: More columns of the instance that it writes.
    columns: Mapping[str, Any] = field(default_factory=dict)
    #: The task that it goes back to: what was done since keeps nobody from a step.
    back_to: Task | None = None
    openings: tuple[Opening, ...] = ()
    #: Each ruling with its answer as it is stored.
    answers: tuple[tuple[engine.RulingAt, dict[str, Any]], ...] = ()
    title: str = ""
    summary: str = ""
    #: Name of a signal it sends -> the processes that such a signal starts.
    starts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Status of the instance when its last token is gone and no error was reported.
    ends_as: str = "completed"
    #: Deliveries (their keys) that may arrive now; known once it is written.
    caused: tuple[int, ...] = ()
    #: Shared by acts on many cases that are prepared together, so that one rule is looked up once.
    known: people.Known | None = None
    #: What ``_ACTED`` would give, if it was read with the case.
    acted: Sequence[Sequence[Any]] | None = None
    #: What the office lent to the engine for this act, if it is at hand.
    lent: engine.House | None = None
    #: Digests of files that the case holds already.
    held: Collection[str] = frozenset()
    #: The completed task's row, which the statement that opens the next tasks completes too; ``claim`` does where none opens.
    done: Mapping[str, Any] | None = None
    #: Id of the event that it writes.
    event: str = field(default_factory=new_event_id)
    #: Step id -> to whom the diagram sends the case to read once that step is done; only those who had it not, once written.
    copies: Mapping[str, Sequence[Somebody]] = field(default_factory=dict)
    #: What its orders sent and whom they told; known once they ran.
    sent: tuple[Outgoing, ...] = ()
    told: tuple[Message, ...] = ()

    def prepare(self, session: Session) -> None:
        """Look up, outside the write transaction, whom the newly opened tasks are for and when to remind; word the rulings."""
        self.title = self.case.title or self._titled(session)
        self.summary = self._summarised(session)
        self.answers = tuple((ruled, self._answer(ruled)) for ruled in self.progress.rulings)
        self.openings = tuple(self.opening(session, opened) for opened in self.progress.opened)
        self.copies = self._copies(session)
        if any(not opening.candidates.people for opening in self.openings):
            self.administrators = people.mailable(session, people.holding("system_admin", office_day(self.at)))
        signals = {one.name for one in self.progress.published if one.kind == "signal"}
        self.starts = {
            name: [loaded.process_id for loaded, _ in deployment.starts(session, "signal", name)] for name in signals
        }

    def write(self, db: Database) -> Moved:
        """Version check, rows and record in one transaction; raises what ``claim`` raises, and ``InstanceMoved``.

        Every act on a case locks its instance first and what hangs on it afterwards: a completion and a timer that
        meet wait for each other, and never in a circle.
        """
        with db.write() as session:
            if self.case.row is None:
                self.claim(session)
            elif not db.is_sqlite and (self.progress.orders or self.progress.completed):
                session.execute(_LOCKED_INSTANCE, {"of_instance": self.case.row.id})
            facts = self.run_orders(session)
            instance_id = self.write_instance(session, facts)
            if self.case.row is not None and not (self.done is not None and self.openings):
                self.claim(session)
            write_rows(session, [Writing(self, instance_id, facts)])
        return self.moved()

    @property
    def head(self) -> tuple[int, str]:
        """The (seq, hash) that its stream had when it was read; of a new one the beginning."""
        return self.case.head

    # --- outside the transaction ---

    def _titled(self, session: Session) -> str:
        text = self.case.loaded.diagram.properties.get(TITLE, "")
        if not text.startswith("="):
            return text or self.case.called_for or self.case.loaded.name
        return self._said(session, text) or self.case.loaded.name

    def _summarised(self, session: Session) -> str:
        """What the case is about after this act, in one line; what it was about before where its process has no rule."""
        text = self.case.loaded.diagram.properties.get(SUMMARY, "")
        if not text:
            return self.case.row.summary if self.case.row is not None else ""
        return " ".join(self._said(session, text).split())[:LONGEST_SUMMARY]

    def _said(self, session: Session, rule: str) -> str:
        """What a rule of the process makes of the variables as they are now; empty where it makes nothing of them."""
        lent = self.lent or house(session, self.case, self.at)
        # Looked up one by one: most variables are not asked for, and each that is has to be unpacked.
        scope = ChainMap(cast(dict[str, Any], self.progress.variables), cast(dict[str, Any], lent.context))
        value = expression(rule).evaluate(scope, now=self.at)
        return str(value) if value else ""

    def opening(self, session: Session, opened: engine.OpenedTask) -> Opening:
        """Whom a task that the engine opens is for, and when to remind of it."""
        case, step = self.case, self.case.loaded.diagram.steps[opened.step_id]
        assigned = self._assigned(session, opened.assignee)
        excluded = self._excluded(session, step) if assigned is None or is_review(step) else []
        rules = [rule for rule in opened.candidates if candidates.is_rule(rule)]
        if isinstance(opened.assignee, str) and (assigned is None or any(assigned.id == who.id for who, _ in excluded)):
            # Chosen by somebody (the applicant, who acted before): a number that is nobody's, or of one who may not do it.
            assigned, rules = None, [{"person": opened.assignee}, *rules]
        found = self._found(session, rules, assigned, excluded)
        if not found.people:
            found = self._instead(session, step, found, excluded)
        days: tuple[str, ...] = ()
        reminders: tuple[datetime, ...] = ()
        if opened.due_at is not None:
            calendar = case.pack.calendar
            days = tuple(day.isoformat() for day in policies.working_days_between(self.at, opened.due_at, calendar))
            reminders = policies.reminders(self.at, opened.due_at, calendar)
        return Opening(secrets.token_hex(8), opened, step, found, days, reminders)

    def _found(
        self, session: Session, rules: Sequence[Mapping[str, Any]], assigned: Somebody | None,
        excluded: Sequence[tuple[Somebody, str]],
    ) -> Candidates:
        known = self.case.register.known if self.known is None else self.known
        return candidates.find(session, rules, assigned, self.case.organisation.id, office_day(self.at), excluded, known)

    def _instead(
        self, session: Session, step: engine.Step, found: Candidates, excluded: Sequence[tuple[Somebody, str]]
    ) -> Candidates:
        """Who does a step for which nobody was found, as its diagram says; nobody where it says nothing or finds nobody.

        Where only the applicant fits, ``jiaoyan:if-own`` comes first; then, as for any other reason, ``jiaoyan:if-nobody``.
        """
        steps = found.explanation["steps"]
        own = any(one["number"] == self.case.starter.number for each in steps for one in each["candidates"])
        ways = [(name, step.properties.get(name, "")) for name in ((IF_OWN, IF_NOBODY) if own else (IF_NOBODY,))]
        for name, text in ways:
            if text == SUPERIOR:
                codes = dict.fromkeys(each["organisation"]["code"] for each in steps if each.get("organisation"))
                given: Any = [{"heads above": code} for code in codes]
            elif text.startswith("="):
                scope = {**house(session, self.case, self.at).context, **self.progress.variables}
                given = expression(text).evaluate(scope, now=self.at)
            else:
                continue
            rules = [rule for rule in (given if isinstance(given, list) else [given]) if candidates.is_rule(rule)]
            found = candidates.or_else(found, self._found(session, rules, None, excluded), name.rpartition("-")[2])
            if found.people:
                break
        return found

    def _copies(self, session: Session) -> dict[str, Sequence[Somebody]]:
        """Whom ``jiaoyan:cc`` of the steps that were done names, but for the applicant and whoever acts."""
        steps, found = self.case.loaded.diagram.steps, dict[str, Sequence[Somebody]]()
        for step_id in dict.fromkeys(one.step_id for one in self.progress.passed):
            rule = steps[step_id].properties.get(CC) if step_id in steps else None
            if rule is None:
                continue
            scope = {**house(session, self.case, self.at).context, **self.progress.variables}
            given = expression(rule).evaluate(scope, now=self.at)
            rules = [one for one in (given if isinstance(given, list) else [given]) if isinstance(one, Mapping)]
            out = [(who, OWN_CASE) for who in (self.case.starter, self.by) if who is not None]
            found[step_id] = candidates.find(
                session, rules, None, self.case.organisation.id, office_day(self.at), out, self.case.register.known
            ).people
        return found

    def _assigned(self, session: Session, assignee: Any) -> Somebody | None:
        if not isinstance(assignee, str):
            return None
        if assignee == self.case.starter.number:
            return self.case.starter
        return people.by_number(session, [assignee]).get(assignee)

    def _excluded(self, session: Session, step: engine.Step) -> list[tuple[Somebody, str]]:
        """The applicant, and who acted in the review before this one or in a step named by ``jiaoyan:separate-from``.

        domain.md 3.0.2. Two rounds of one and the same step are not two consecutive reviews: whoever asked for a
        correction also looks at it (D).
        """
        excluded = [] if self._runs_office(step) else [(self.case.starter, OWN_CASE)]
        apart = set(step.properties.get("jiaoyan:separate-from", "").split())
        reviewing = is_review(step)
        if not apart and not reviewing:
            return excluded
        acted = self._acted(session, needs_history=bool(apart) or self.task is None or not is_review(self.step))
        steps = self.case.loaded.diagram.steps
        reviews = [
            (step_id, them) for step_id, them in acted if step_id in steps and is_review(steps[step_id])
        ]
        out = {who.id: who for step_id, them in acted if step_id in apart for who in them}
        if reviewing and reviews and reviews[-1][0] != step.id:
            out |= {who.id: who for who in reviews[-1][1]}
        return excluded + [(who, REVIEWED_BEFORE) for who in out.values() if who.id != self.case.starter.id]

    def _runs_office(self, step: engine.Step) -> bool:
        """Whether whoever started the case did so for their office, and may go on with a step that is no review of it."""
        return MAY_START in self.case.loaded.diagram.properties and not is_review(step)

    def _acted(self, session: Session, *, needs_history: bool) -> list[tuple[str, list[Somebody]]]:
        """Steps that were done, in order, each with who completed it, who filled it in for them (委派), and for whom they
        stood in (代办授权)."""
        acted: list[tuple[str, list[Somebody]]] = []
        over: list[list[Mapping[str, Any]]] = []
        if needs_history and self.case.row is not None:
            for step_id, person_id, number, name, confirmed, delegations, stood_for in self._history(session, self.case.row.id):
                acted.append((step_id, [Somebody(person_id, number, name, confirmed is not None)]))
                over.append(_with(delegations or [], stood_for))
        if self.by is not None and self.task is not None:
            acted.append((self.step.id, [self.by]))
            own = self.task.explanation
            over.append(_with([*own.get("delegations", ()), *signatures.worked(own.get("signers"))], self.for_whom))
        worked = [[one["to"]["number"] for one in each if one["how"] == "returned"] for each in over]
        if any(worked):
            known = people.by_number(session, {number for each in worked for number in each})
            for (_, them), numbers in zip(acted, worked, strict=True):
                them += [known[number] for number in numbers]
        return acted

    def _history(self, session: Session, instance_id: int) -> Iterable[Sequence[Any]]:
        if self.acted is not None:
            return self.acted
        given: dict[str, Any] = {"of_instance": instance_id}
        if self.back_to is not None:
            # Where one branch went back, what was done in the others since counts as before.
            given |= {"before": self.back_to.id, "undone": sorted(self.progress.undone)}
        alone = _ACTED_BESIDE if self.progress.undone else _ACTED_BEFORE
        rows = session.connection().execute(_ACTED if self.back_to is None else alone, given)
        return [
            (*row, [*(delegations or ()), *signatures.worked(signers)], stood_for)
            for *row, delegations, stood_for, signers in rows
        ]

    def _answer(self, ruled: engine.RulingAt) -> dict[str, Any]:
        """A ruling as it is stored: the answer of ``jiaoyan decide``, with the pack it was given under."""
        answer: dict[str, Any] = _as_json({
            "table": ruled.decision_id,
            "outcome": value_of(ruled.ruling).get("outcome"),
            "outputs": plain_outputs(ruled.ruling, exact=True),
            "rules": rules(ruled.ruling),
            "reasons": reasons(ruled.ruling, self.case.pack),
            "inputs": plain_facts(ruled.ruling.inputs, exact=True),
            "pack": self.case.pack.digest,
            "pack_set": self.case.pack_set,
            "place": self.case.pack.place,
            "on": self.case.ruling_on,
        })
        return answer

    # --- inside the transaction ---

    def run_orders(self, session: Session) -> dict[str, Any]:
        """Do what the service tasks passed ask for; the instance's facts afterwards."""
        case, row = self.case, self.case.row
        facts: dict[str, Any] = dict(row.facts) if row is not None else {}
        for order in self.progress.orders:
            context = OrderContext(
                case.number, row.id if row is not None else None, case.organisation, case.starter, case.round,
                case.pack, order.variables, facts, self.actor, self.at, self.event,
            )
            try:
                facts |= ORDERS[order.type](session, context)
            except (SQLAlchemyError, InstanceMoved, AppointmentNumberTaken):
                # Somebody else was at the same rows, the database is away, or the form holds what cannot be: not the order's fault.
                raise
            except Exception as error:
                name = case.loaded.diagram.steps[order.step_id].name
                raise OrderFailed(step=name, order=order.type, retries=order.retries) from error
            self.sent += tuple(context.sent)
            self.told += tuple(context.told)
        if self.progress.completed and case.round is not None and case.caller is None:
            self._leave_round(session)
        return facts

    def _leave_round(self, session: Session) -> None:
        """An application that ends without its diagram having settled it (an older version) leaves its round as ended."""
        closed = applications.leave(session, self.case.number, at=self.at, event=self.event)
        if closed is not None:
            self.sent += (Outgoing(ALL_SETTLED, closed.number, {"round": closed.number}),)

    def write_instance(self, session: Session, facts: Mapping[str, Any]) -> int:
        """The instance's row, moved or new; ``InstanceMoved`` if it is no longer what this act was prepared on."""
        row = self.case.row
        if row is None:
            return session.execute(_NEW_INSTANCE.returning(Instance.id), self.instance_row(facts)).scalar_one()
        # What stays is not named: naming it has the database write anew the indexes that it stands in.
        moves = {
            name: value for name, value in self.instance_row(facts).items()
            if name not in _SELDOM or value != getattr(row, name)
        }
        values = {**moves, "of_instance": row.id, "of_version": row.version}
        if not _MOVED_INSTANCE(session, values).rowcount:
            self.claim(session)  # says who was first, if it was this very task
            raise InstanceMoved()
        return row.id

    def instance_row(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Columns of the instance that this act writes: of a new one all, else what moves."""
        progress, case = self.progress, self.case
        moves: dict[str, Any] = {
            "state": progress.state,
            "facts": facts,
            "status": self._status(),
            "outcome": progress.ended[-1] if progress.completed and progress.ended else None,
            "ended_at": self.at if progress.completed else None,
            "summary": self.summary,
            "version": 1 if case.row is None else case.row.version + 1,
        }
        if case.row is not None:
            return {**moves, **self.columns}
        return moves | {
            "number": case.number, "process_id": case.loaded.process_id, "definition": case.loaded.digest,
            "pack_set": case.pack_set, "place": case.pack.place, "ruling_on": case.ruling_on,
            "organisation_id": case.organisation.id, "starter_id": case.starter.id,
            "round_id": case.round.id if case.round else None, "title": self.title,
            "words": terms.words(self.title, case.starter.name), "started_at": self.at,
            "parent_id": case.caller.instance_id if case.caller else None,
            "parent_token": case.caller.token if case.caller else None,
            "parent_step": case.caller.step_id if case.caller else None, "calls": dict(case.calls),
        }

    def _status(self) -> str:
        if not self.progress.completed:
            return "running"
        return "failed" if any(one.kind == "error" for one in self.progress.reported) else self.ends_as

    def closed_rows(self, instance_id: int, tokens: Sequence[str]) -> list[dict[str, Any]]:
        """What names the waiting rows of some tokens, for one statement that ends them."""
        return [{"of_instance": instance_id, "of_token": token, "ended": self.at} for token in tokens]

    def task_rows(self, instance_id: int) -> list[dict[str, Any]]:
        """The tasks that now wait, in the order of ``openings``."""
        return [
            {
                "number": opening.number,
                "instance_id": instance_id,
                **dict(zip(("organisation_id", "role"), (opening.candidates.by_role or ((None, None),))[0], strict=True)),
                "token": opening.opened.token,
                "step_id": opening.step.id,
                "name": opening.step.name,
                "form_id": opening.opened.form_id or None,
                "status": "open",
                "opened_at": self.at,
                "due_at": opening.opened.due_at,
                "due_days": list(opening.days),
                "due_provisional": opening.opened.provisional or self._is_provisional(opening),
                "priority": opening.opened.priority,
                "holder_id": opening.candidates.assigned.id if opening.candidates.assigned else None,
                "inputs": pack(dict(opening.opened.inputs)),
                "explanation": self._explanation(opening),
            }
            for opening in self.openings
        ]

    def _explanation(self, opening: Opening) -> dict[str, Any]:
        """Of a task that waits again because the case went back: to which done one, so that what lay between is known.

        And on which day the diagram wants it to be looked at again, where it says one.
        """
        again: dict[str, Any] = {} if self.back_to is None else {"again": self.back_to.number}
        if self.progress.undone:
            again["undone"] = sorted(self.progress.undone)
        if (day := follow_ups.drawn(opening.opened.follow_up_at)) is not None:
            again[follow_ups.DRAWN] = day.isoformat()
        return {**opening.candidates.explanation, **again}

    def follow_up_rows(self, task_ids: Mapping[str, int]) -> list[dict[str, Any]]:
        """Whose day it is to come back to a task that is theirs alone from the beginning, where the diagram says one."""
        days = [(opening, follow_ups.drawn(opening.opened.follow_up_at)) for opening in self.openings]
        return [
            {"person_id": opening.candidates.assigned.id, "task_id": task_ids[opening.opened.token], "on": day}
            for opening, day in days if opening.candidates.assigned is not None and day is not None
        ]

    def candidate_rows(self, task_ids: Mapping[str, int]) -> list[dict[str, Any]]:
        """Who may take the tasks that now wait beside the role that the task itself names."""
        return [
            {"task_id": task_ids[opening.opened.token], "organisation_id": organisation_id, "role": role,
             "person_id": person_id}
            for opening in self.openings
            for organisation_id, role, person_id in (
                *((*held, None) for held in opening.candidates.by_role[1:]),
                *((None, None, person_id) for person_id in opening.candidates.by_name),
            )
        ]

    def unstaffed_rows(self, task_ids: Mapping[str, int]) -> list[dict[str, Any]]:
        """The tasks that now wait and that nobody may do (无人可办)."""
        return [
            {"task_id": task_ids[opening.opened.token], "at": self.at, "event": self.event}
            for opening in self.openings if not opening.candidates.people
        ]

    def _is_provisional(self, opening: Opening) -> bool:
        years = {int(day[:4]) for day in opening.days}
        return any(not self.case.pack.calendar.announced(year) for year in years)

    def timer_rows(self, instance_id: int, task_ids: Mapping[str, int]) -> list[dict[str, Any]]:
        """The moments that are now waited for: the diagram's, reminders, and when a task is overdue."""
        rows: list[dict[str, Any]] = [
            {"instance_id": instance_id, "task_id": None, "token": timer.token, "step_id": timer.step_id,
             "kind": "engine", "due_at": timer.due_at, "due_days": [day.isoformat() for day in timer.due_days],
             "due_provisional": timer.provisional}
            for timer in self.progress.timers
        ]
        for opening in self.openings:
            wanted = [("reminder", moment) for moment in opening.reminders]
            if opening.opened.due_at is not None:
                wanted.append(("overdue", opening.opened.due_at))
            rows += [
                {"instance_id": instance_id, "task_id": task_ids[opening.opened.token], "token": opening.opened.token,
                 "step_id": opening.step.id, "kind": kind, "due_at": moment, "due_days": None, "due_provisional": False}
                for kind, moment in wanted
            ]
        return rows

    def pass_on(self, session: Session, instance_id: int, event: str) -> tuple[int, ...]:
        """Parts of the state, who waits for what, and what goes out; returns the deliveries that may arrive now."""
        traffic.write_parts(session, instance_id, self.progress)
        woken = traffic.subscribe(session, instance_id, self.progress, self.at)
        return woken + self._send(session, Post(self.at, f"{self.case.number}:{event}", instance_id), instance_id)

    def _send(self, session: Session, post: Post, instance_id: int) -> tuple[int, ...]:
        """Put on its way what the engine published and called, and what the caller of this instance is to hear."""
        progress, caller = self.progress, self.case.caller
        for one in progress.published:
            if one.kind == "signal":
                post.signal(session, one.name, one.variables, self.starts[one.name], step_id=one.step_id)
            else:
                post.add("message", one.name, key=one.key or "", variables=one.variables, step_id=one.step_id)
        for sent in self.sent:
            post.add("message", sent.name, key=sent.key, variables=sent.variables)
        for call in progress.calls:
            post.add("call", call.process_id, variables=call.variables, step_id=call.step_id, token=call.token)
        traffic.call_back(session, post, instance_id, progress.calls_closed, self.at)
        if caller is not None:
            for told in progress.reported:
                post.add("reported", told.code, key=told.kind, variables=told.variables, step_id=told.step_id,
                         instance_id=caller.instance_id, token=caller.token)
            if progress.completed and self._status() != "failed":
                post.add("returned", self.case.loaded.process_id, variables=progress.variables,
                         instance_id=caller.instance_id, token=caller.token)
        return post.send(session)

    def write_submission(self, session: Session, instance_id: int, event: str) -> None:
        """The filled form, if there is one, and whose its files are now."""
        if self.submission is None or self.by is None:
            return
        _NEW_SUBMISSION(session, {
            "instance_id": instance_id, "task_id": self.task.id if self.task else None, "step_id": self.step.id,
            "form_id": self.submission.form_id, "by_id": self.by.id, "at": self.at, "token": self.submission.token,
            "data": _as_json(self.submission.data), "seen": _as_json(self.submission.seen), "event": event,
        })  # fmt: skip
        digests = [item.sha256 for item in self.submission.attachments if item.sha256 not in self.held]
        if digests:
            given = {"digests": digests, "by": self.by.id, "of_instance": instance_id}
            bound = dict(connection_of(session).execute(_BOUND_ATTACHMENTS, given).tuples().all())
            signature_images.refuse_owned(bound.values(), self.by.id)
            if left := [sha256 for sha256 in digests if sha256 not in bound]:
                signature_images.put_on(session, self.by.id, instance_id, left, self.at)

    def ruling_rows(self, instance_id: int, event: str) -> list[dict[str, Any]]:
        """Each automatic ruling, whole."""
        return [
            {"instance_id": instance_id, "step_id": ruled.step_id, "decision": ruled.decision_id, "at": self.at,
             "outcome": answer.get("outcome"), "answer": answer, "event": event}
            for ruled, answer in self.answers
        ]

    # --- who hears of it, and what is recorded ---

    def messages(self, facts: Mapping[str, Any]) -> list[Message]:
        """What people are told because of this act."""
        case = self.case
        common = {"title": self.title, "number": case.number, **{k: str(v) for k, v in facts.items()}}
        messages = [*self.also, *self.told]
        for opening in self.openings:
            kind = opening.notice or opening.step.properties.get("jiaoyan:notice", "task_opened")
            inputs = opening.opened.inputs
            params = {
                **common,
                "step": opening.step.name,
                "due": due_shown(opening.opened.due_at),
                "items": _items(inputs.get("returned_items")),
                "reasons": _items(inputs.get("reasons")),
                **opening.told,
            }
            recipients = {somebody.id: somebody.mailable for somebody in opening.candidates.people}
            messages.append(Message(recipients, kind, params, opening.number))
            if not recipients:
                messages.append(Message(self.administrators, "nobody_fits", {"number": case.number, "step": opening.step.name}))
        applicant = {case.starter.id: case.starter.mailable}
        steps = case.loaded.diagram.steps
        for one in self.progress.passed:
            told = steps[one.step_id].properties.get("jiaoyan:notice") if one.kind == "service" else None
            if told is not None:
                messages.append(Message(applicant, told, common))
        for step_id, to in self.copies.items():
            params = {**common, "step": steps[step_id].name}
            messages.append(Message({one.id: one.mailable for one in to}, "case_copied_by_rule", params))
        if self.kind is Kind.INSTANCE_STARTED and self.submission is not None:
            following = "、".join(opening.step.name for opening in self.openings) or self._outcome_name() or "-"
            messages.append(Message(applicant, "application_received", {**common, "next": following}))
        if self.progress.completed and self.progress.ended and case.caller is None:
            end = case.loaded.diagram.steps[self.progress.ended[-1]]
            kind = end.properties.get("jiaoyan:notice", "case_ended")
            messages.append(Message(applicant, kind, {**common, "outcome": end.name}))
        return messages

    def act(self, messages: Sequence[Message], facts: Mapping[str, Any]) -> Act:
        """The event: everything that this act was about."""
        progress, case = self.progress, self.case
        payload: dict[str, Any] = {
            "title": self.title,
            "step": self.step.id,
            "passed": [{"step": one.step_id, "kind": one.kind, "flow": one.flow_id} for one in progress.passed],
            "opened": [
                {"task": opening.number, "step": opening.step.id, "name": opening.step.name,
                 "due_at": opening.opened.due_at, "due_days": list(opening.days),
                 "explanation": opening.candidates.explanation}
                for opening in self.openings
            ],
            "closed": list(progress.closed),
            "timers": [{"token": timer.token, "step": timer.step_id, "due_at": timer.due_at} for timer in progress.timers],
            "rulings": [
                {"step": ruled.step_id, "decision": ruled.decision_id, "answer": answer}
                for ruled, answer in self.answers
            ],
            "changes": [dict(change) for change in self.changes],
            "notices": [
                {"kind": message.kind, "people": len(message.people), "task": message.task} for message in messages
            ],
            "problems": [
                {"step": one.step_id, "place": one.place, "reason": one.reason} for one in progress.problems
            ],
            "ended": list(progress.ended),
            "state": hashlib.sha256(progress.state).hexdigest(),
            **self._traffic(),
            **self.extra,
        }
        if progress.orders:
            payload["orders"] = [{"step": order.step_id, "type": order.type} for order in progress.orders]
            payload["facts"] = dict(facts)
        if self.copies:
            payload["copied"] = [{"step": step_id, "to": [one.named() for one in to]} for step_id, to in self.copies.items()]
        if self.sent:
            payload["sent"] = [{"name": one.name, "key": one.key} for one in self.sent]
        if self.submission is not None:
            payload |= _external_opinions(self.submission)
            payload["submission"] = paper_of(self.submission)
        return Act(
            case.stream, self.kind, self.at, self.actor, definition=case.loaded.digest, instance=case.number,
            task=self.task.number if self.task is not None else None, outcome=self.outcome, payload=payload,
        )

    def _traffic(self) -> dict[str, Any]:
        """What the act waits for, sends and calls, where it does."""
        progress = self.progress
        told = {
            "timers_closed": list(progress.timers_closed),
            "subscriptions": [{"token": one.token, "step": one.step_id, "kind": one.kind, "name": one.name, "key": one.key}
                              for one in progress.subscriptions],
            "subscriptions_closed": list(progress.subscriptions_closed),
            "published": [{"step": one.step_id, "kind": one.kind, "name": one.name, "key": one.key}
                          for one in progress.published],
            "calls": [{"token": one.token, "step": one.step_id, "process": one.process_id} for one in progress.calls],
            "calls_closed": list(progress.calls_closed),
            "reported": [{"step": one.step_id, "kind": one.kind, "code": one.code} for one in progress.reported],
        }
        return {key: value for key, value in told.items() if value}

    def _outcome_name(self) -> str | None:
        if not (self.progress.completed and self.progress.ended):
            return None
        return self.case.loaded.diagram.steps[self.progress.ended[-1]].name

    def moved(self) -> Moved:
        """What to tell whoever acted."""
        following = tuple(
            NextStep(opening.step.id, opening.step.name,
                     tuple(somebody.name for somebody in opening.candidates.people), opening.opened.due_at,
                     opening.opened.provisional or self._is_provisional(opening))
            for opening in self.openings
        )
        ended = self.progress.ended[-1] if self.progress.completed and self.progress.ended else None
        return Moved(self.case.number, self.title, self.step.name, following, ended, self._outcome_name(),
                     caused=self.caused)

# --- rows, of one act or of many ------------------------------------------------------------------------------------

_NEW_INSTANCE = insert(table(Instance))
_LOCKED_INSTANCE = select(table(Instance).c.id).where(table(Instance).c.id == bindparam("of_instance")).with_for_update()
_MOVED_INSTANCE = Prepared(
    update(table(Instance)).where(
        table(Instance).c.id == bindparam("of_instance"), table(Instance).c.version == bindparam("of_version")
    )
)
_stood_for = aliased(Person)
#: Who completed which step of an instance, to whom it had been delegated, and for whom they stood in, the oldest first; and
#: the same before a task.
_ACTED = (
    select(Task.step_id, Person.id, Person.number, Person.name, Account.email_confirmed_at,
           Task.explanation["delegations"], case((Task.holder_id != Task.done_by_id, _stood_for.number)),
           Task.explanation["signers"])
    .join(Person, Person.id == Task.done_by_id)
    .outerjoin(_stood_for, _stood_for.id == Task.holder_id)
    .outerjoin(Account, Account.person_id == Person.id)
    .where(Task.instance_id == bindparam("of_instance"), Task.status == "done", Task.main_id.is_(None))
    .order_by(Task.done_at, Task.id)
)
_ACTED_BEFORE = _ACTED.where(Task.id < bindparam("before"))
_ACTED_BESIDE = _ACTED.where(or_(Task.id < bindparam("before"), Task.step_id.not_in(bindparam("undone", expanding=True))))
_NEW_SUBMISSION = Prepared(insert(table(SubmissionRow)))
_BOUND_ATTACHMENTS = (
    update(table(Attachment))
    .where(table(Attachment).c.sha256.in_(bindparam("digests", expanding=True)),
           table(Attachment).c.uploaded_by_id == bindparam("by"), table(Attachment).c.instance_id.is_(None))
    .values(instance_id=bindparam("of_instance"))
    # Whose signature the file is, if it is one: asked by the same statement.
    .returning(table(Attachment).c.sha256, signature_images.owner(table(Attachment).c.sha256))
)
_NEW_TASK_KEYS = insert(table(Task)).returning(table(Task).c.id, sort_by_parameter_order=True)
_TASK_ENDED = Prepared(
    update(table(Task))
    .where(table(Task).c.instance_id == bindparam("of_instance"), table(Task).c.token == bindparam("of_token"),
           or_(table(Task).c.status == "open", table(Task).c.status == "suspended"))
    .values(status="cancelled", done_at=bindparam("ended"))
)
_NEW_CANDIDATE = Prepared(insert(table(Candidate)))
_NEW_FOLLOW_UP = Prepared(insert(table(FollowUp)))
_NEW_UNSTAFFED = Prepared(insert(table(Unstaffed)))
_NEW_TIMER = Prepared(insert(table(Timer)))
_TIMER_ENDED = Prepared(
    update(table(Timer))
    .where(table(Timer).c.instance_id == bindparam("of_instance"), table(Timer).c.token == bindparam("of_token"),
           table(Timer).c.kind == "engine", table(Timer).c.fired_at.is_(None))
    .values(fired_at=bindparam("ended"), result="cancelled")
)
_NEW_RULING = Prepared(insert(table(RulingRow)))


@dataclass
class Writing:
    """One act within its transaction: the instance is written, what hangs on it is about to be."""

    transition: Transition
    instance_id: int
    facts: Mapping[str, Any]
    #: Token -> key of the task opened for it.
    task_ids: dict[str, int] = field(default_factory=dict)

    @property
    def event(self) -> str:
        """Id of the event that the act writes."""
        return self.transition.event

    def found_by(self) -> tuple[int, str, str]:
        """Its key, and what makes the terms by which a new case is found (workflows.terms)."""
        case = self.transition.case
        return self.instance_id, case.loaded.process_id, terms.words(self.transition.title, case.starter.name)


def write_rows(session: Session, writings: Sequence[Writing]) -> None:
    """Write and record everything that hangs on the instances: one statement a kind of row, however many they are."""
    terms.write(session, [one.found_by() for one in writings if one.transition.case.row is None])
    _many(session, _TASK_ENDED, [
        row for one in writings for row in one.transition.closed_rows(one.instance_id, one.transition.progress.closed)
    ])
    tasks = [(one, row) for one in writings for row in one.transition.task_rows(one.instance_id)]
    if len(writings) == 1 and tasks and writings[0].transition.done is not None:
        _complete_and_open(session, writings[0], [row for _, row in tasks])
    elif tasks:
        ids = connection_of(session).execute(_NEW_TASK_KEYS, [row for _, row in tasks]).scalars()
        for (one, row), task_id in zip(tasks, ids, strict=True):
            one.task_ids[row["token"]] = task_id
    _many(session, _NEW_CANDIDATE, [row for one in writings for row in one.transition.candidate_rows(one.task_ids)])
    _many(session, _NEW_FOLLOW_UP, [row for one in writings for row in one.transition.follow_up_rows(one.task_ids)])
    _many(session, _NEW_UNSTAFFED, [row for one in writings for row in one.transition.unstaffed_rows(one.task_ids)])
    _many(session, _TIMER_ENDED, [
        row for one in writings
        for row in one.transition.closed_rows(one.instance_id, one.transition.progress.timers_closed)
    ])
    _many(session, _NEW_TIMER, [
        row for one in writings for row in one.transition.timer_rows(one.instance_id, one.task_ids)
    ])
    for one in writings:
        if one.transition.copies:
            wanted = one.transition.copies
            one.transition.copies = copies.by_diagram(session, one.instance_id, wanted, one.transition.at, one.event)
        one.transition.link(session, one.instance_id)
        one.transition.caused = one.transition.pass_on(session, one.instance_id, one.event)
        one.transition.write_submission(session, one.instance_id, one.event)
    _many(session, _NEW_RULING, [
        row for one in writings for row in one.transition.ruling_rows(one.instance_id, one.event)
    ])
    told = [one.transition.messages(one.facts) for one in writings]
    notices.queue_rows(session, [
        row for one, messages in zip(writings, told, strict=True)
        for row in notices.rows(messages, at=one.transition.at, instance=one.transition.case.number)
    ])
    record_many(session, [
        Entry(one.transition.act(messages, one.facts), one.event, one.transition.head)
        for one, messages in zip(writings, told, strict=True)
    ])


def _complete_and_open(session: Session, one: Writing, rows: list[dict[str, Any]]) -> None:
    """Complete the task and open those that follow, in one statement; raises what ``claim`` raises if somebody was first.

    For the database the completed task is a row that is there already. It is changed on the terms of ``claim``, and comes
    back only if it was: else ``claim`` says why not.
    """
    done = one.transition.done or {}
    nothing = dict.fromkeys([*done, *rows[0]]) | _EMPTY
    given = {f"row{n}_{name}": value for n, row in enumerate((done, *rows)) for name, value in {**nothing, **row}.items()}
    statement = _done_and_new(connection_of(session).dialect.name, len(rows) + 1, tuple(nothing))
    kept = {number: key for key, number in statement(session, given)}
    if done["number"] not in kept:
        one.transition.claim(session)
        raise InstanceMoved()
    one.task_ids |= {row["token"]: kept[row["number"]] for row in rows}


@lru_cache(maxsize=256)
def _done_and_new(dialect: str, rows: int, columns: tuple[str, ...]) -> Prepared:
    """The statement for so many rows. The terms are those of ``instances``, which completes a task that no other follows."""
    tasks = table(Task)
    statement = upsert(tasks, dialect)
    statement = statement.values([{name: bindparam(f"row{n}_{name}", type_=tasks.c[name].type) for name in columns} for n in range(rows)])
    put = statement.excluded
    return Prepared(statement.on_conflict_do_update(
        index_elements=[tasks.c.number],
        set_={name: put[name] for name in ("status", "holder_id", "done_at", "done_by_id", "outcome", "before")},
        where=and_(tasks.c.status == "open", tasks.c.delegate_id.is_(None), tasks.c.signers_open == 0,
                   or_(tasks.c.holder_id.is_(None), tasks.c.holder_id == put.holder_id)),
    ).returning(tasks.c.id, tasks.c.number))  # fmt: skip


#: Columns of an instance that most acts leave as they are.
_SELDOM = frozenset({"status", "outcome", "ended_at", "summary", "facts"})

#: What must not be empty in a row of a task; of one that is there it stays as it is.
_EMPTY = {"due_provisional": False, "priority": 50, "inputs": {}, "explanation": {}}


def _many(session: Session, statement: Prepared, rows: list[dict[str, Any]]) -> None:
    if rows:
        statement(session, rows)


#: Says, in the transaction and with the instances locked, which of the acts are still to be done, and takes them.
Take = Callable[[Session, Sequence[Transition]], Sequence[Transition]]


def write_many(
    db: Database, transitions: Sequence[Transition], take: Take = lambda _session, transitions: transitions
) -> list[Transition]:
    """Write many acts, each on an instance of its own, in one transaction; returns those that were done.

    An act whose instance has moved since, or that ``take`` does not give back, is left out and spoils no other. What
    any of them raises is raised for all: nothing was written then, and the caller tries them one by one.
    """
    with db.write() as session:
        mine = take(session, _unmoved(session, transitions))
        if not mine:
            return []
        facts = [one.run_orders(session) for one in mine]
        rows = [one.instance_row(known) for one, known in zip(mine, facts, strict=True)]
        write_rows(session, [
            Writing(one, instance_id, known)
            for one, instance_id, known in zip(mine, _instances(session, mine, rows), facts, strict=True)
        ])
    return list(mine)


def _unmoved(session: Session, transitions: Sequence[Transition]) -> list[Transition]:
    """Lock the instances, in the order of their keys; those acts that were prepared on what is still there."""
    stored = {one.case.row.id: one.case.row.version for one in transitions if one.case.row is not None}
    now = {}
    if stored:
        query = select(Instance.id, Instance.version).where(Instance.id.in_(stored)).order_by(Instance.id).with_for_update()
        now = dict(session.execute(query).tuples().all())
    return [one for one in transitions if one.case.row is None or now.get(one.case.row.id) == one.case.row.version]


def _instances(session: Session, transitions: Sequence[Transition], rows: list[dict[str, Any]]) -> list[int]:
    """Write the instances, all new or all moved, and give back their keys."""
    if transitions[0].case.row is None:
        made = session.connection().execute(_NEW_INSTANCE.returning(Instance.id, sort_by_parameter_order=True), rows)
        return list(made.scalars())
    stored = [one.case.row for one in transitions if one.case.row is not None]
    named = [
        row | {"of_instance": known.id, "of_version": known.version}
        for row, known in zip(rows, stored, strict=True)
    ]
    _many(session, _MOVED_INSTANCE, named)
    return [known.id for known in stored]


def _external_opinions(submission: Submission) -> dict[str, Any]:
    """R24: the opinions of bodies outside that a form enters (form X1, or its fields under a path); none without one.

    What a body found stands in the submission: of a hospital it is health data, which the record does not repeat.
    """
    words = submission.seen.get("_labels") or {}
    blocks = [("", submission.data), *((f"{key}.", value) for key, value in submission.data.items())]
    entered = [
        {"body": block["external_body"], "body_name": words.get(f"{path}external_body", block["external_body"]),
         **{name: block.get(name) for name in ("doc_no", "doc_date", "received_on")},
         "file": [one["sha256"] for one in block.get("external_file") or ()]}
        for path, block in blocks if isinstance(block, Mapping) and block.get("external_body")
    ]  # fmt: skip
    return {"external_opinions": entered} if entered else {}


def _with(delegations: Sequence[Mapping[str, Any]], stood_for: str | None) -> list[Mapping[str, Any]]:
    """Delegations of a task, and for whom it was done as if it had been delegated by them."""
    return [*delegations, *([{"how": "returned", "to": {"number": stood_for}}] if stood_for else [])]


def paper_of(submission: Submission) -> dict[str, Any]:
    """What the record says of a filled form: digests of what was entered and seen, and its files."""
    return {
        "form": submission.form_id,
        "data": hashlib.sha256(canonical(submission.data)).hexdigest(),
        "seen": hashlib.sha256(canonical(submission.seen)).hexdigest(),
        "attachments": [{"field": item.field, "name": item.name, "sha256": item.sha256} for item in submission.attachments],
    }  # fmt: skip


def is_review(step: engine.Step) -> bool:
    """Whether a step is a review: nobody acts in two of them one after the other (domain.md 3.0.2)."""
    return step.properties.get("jiaoyan:review") == "true"


def due_shown(due_at: datetime | None) -> str:
    """The last day of a period as people say it: 24:00 of the 27th is the 27th."""
    if due_at is None:
        return "-"
    return (due_at - timedelta(microseconds=1)).astimezone(OFFICE_ZONE).date().isoformat()


def _items(value: Any) -> str:
    """Returned items or reasons as one sentence part."""
    if isinstance(value, list):
        words = [str(item.get("reason", "")) if isinstance(item, Mapping) else str(item) for item in value]
        return "；".join(word for word in words if word)
    return str(value) if value else ""


def _as_json(value: Any) -> Any:
    """Plain JSON for a column: decimals and moments as strings, as in the canonical form."""
    return plain(value)
