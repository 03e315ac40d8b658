"""The scenario language: an office with real definitions, forms, people and a database, told as a story.

``case = office.applicant(unit).applies()``, ``case.task("adm_u1").by("hps1.head").recommends()``,
``office.days_pass(5)``, ``case.waits_at("adm_u2")``, ``case.ended("adm_x1")``. Every act goes through the forms and
the verbs that the pages use. Time stands still unless the story moves it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import func, select

from forms import build
from forms.spec import Note
from forms.templates import fill as fill_text
from tests import factories
from webapp import composition
from webapp.demo import papers
from webapp.demo.life import HIRING, POSTS
from webapp.demo.papers import Folder
from webapp.typed import Organisations, People, fill, spec_of
from workflows import audit, deployment, instances, timers
from workflows.access import Viewer, office_day
from workflows.audit import Kind
from workflows.db import Database
from workflows.instances import FormRequest
from workflows.models import Event, EventPayload, Instance, Notice, Person, Round, Subscription, Task, Timer
from workflows.models import Office as OfficeRow
from workflows.models import Submission as SubmissionRow
from workflows.registers import rounds
from workflows.registers.evidence import FileStore
from workflows.settings import OFFICE_ZONE
from workflows.submission import Submission
from workflows.transitions import Moved

#: A Monday morning without a holiday near it; the window closes on a Friday nearly five weeks later.
BEGAN = datetime(2026, 11, 2, 9, 0, tzinfo=OFFICE_ZONE)
CLOSES = datetime(2026, 12, 4, 18, 0, tzinfo=OFFICE_ZONE)
#: Kinds of event of which each is one change of an instance's state.
MOVES = (
    Kind.INSTANCE_STARTED, Kind.TASK_COMPLETED, Kind.TIMER_FIRED, Kind.MESSAGE_RECEIVED, Kind.SIGNAL_RECEIVED,
    Kind.CALL_RETURNED, Kind.CALL_REPORTED, Kind.INSTANCE_CANCELLED, Kind.INSTANCE_SUSPENDED, Kind.INSTANCE_RESUMED,
    Kind.INSTANCE_WITHDRAWN, Kind.INSTANCE_REWOUND, Kind.TASK_SENT_BACK, Kind.TASK_TAKEN_BACK,
    Kind.INSTANCE_MIGRATED, Kind.MATTER_REPORTED,
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Who is who in one province: sign-in names, and the schools that applicants come from."""

    key: str
    #: A county school, its head, and the county bureau: not the hiring bureau.
    county_school: str
    county_head: str
    county_bureau: str
    #: A school of the hiring bureau itself, and its head.
    own_school: str
    own_head: str
    #: The hiring bureau's two reviewers and its head.
    reviewer: str
    second_reviewer: str
    bureau_head: str
    auditor: str


PLACES = {
    "liaoning": Place("liaoning", "ln-sy-hp-s1", "hps1.head", "hp.bureau", "ln-sy-s1", "sys1.head", "sy.hr1", "sy.hr2",
                      "sy.head", "ln.audit"),
    "guangxi": Place("guangxi", "gx-nn-qx-s1", "qxs1.head", "qx.bureau", "gx-nn-s1", "nns1.head", "nn.hr1", "nn.hr2",
                     "nn.head", "gx.audit"),
}  # fmt: skip


def furnish(db: Database, root: Path) -> None:
    """Make an empty database an office: definitions deployed, both provinces' places and people, a round in each."""
    with db.write() as session:
        session.add(OfficeRow(id=1, demo=True, created_at=BEGAN))
    deployment.deploy(db, factories.SETTING_UP, deployment.read_tree(root), composition.check_form, at=BEGAN)
    for place, block in factories.invented("places").items():
        factories.make_places(db, block["organisations"], place, at=BEGAN)
        for name, sign_in, roles in block["people"]:
            factories.make_person(db, name, sign_in, roles, at=BEGAN)
        open_round(db, place, at=BEGAN)


def open_round(db: Database, place: str, *, at: datetime, close_at: datetime = CLOSES, channel: str = "选调") -> str:
    """Open a round of a province's city institution; returns its number."""
    org_code, prefix, name = HIRING[place]
    by = factories.viewer(db, PLACES[place].reviewer, at).actor(role="bureau_hr")
    return rounds.open_round(
        db, by, title=f"2026年{name}选调教研员", org_code=org_code, post_type="专职", channel=channel, posts=POSTS,
        open_at=at, close_at=close_at, prefix=prefix, at=at, body="公告", contact="000-00000000",
    )


class Office:
    """The office of one test: a furnished database, a folder for files, and a clock that the story moves."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.store, self.at = db, FileStore(folder), BEGAN

    # --- time ---

    def time_is(self, at: datetime) -> None:
        """Let time pass until a moment; everything due on the way fires at its own moment, in order."""
        while (due := self._next_due(at)) is not None:
            self.at = due
            timers.fire_due(self.db, at=due)
        self.at = at

    def _next_due(self, until: datetime) -> datetime | None:
        with self.db.read() as session:
            return session.execute(
                select(func.min(Timer.due_at))
                .where(Timer.fired_at.is_(None), Timer.held.is_(False), Timer.due_at <= until)
            ).scalar()

    def days_pass(self, working_days: int) -> None:
        """Let working days pass: it is 9:00 of the last of them."""
        calendar, day = self.pack("liaoning").calendar, office_day(self.at)
        for _ in range(working_days):
            day += timedelta(days=1)
            while not calendar.is_working_day(day):
                day += timedelta(days=1)
        self.time_is(datetime.combine(day, time(9), OFFICE_ZONE))

    def end_of(self, day: date) -> datetime:
        """24:00 of a day."""
        return datetime.combine(day + timedelta(days=1), time(), OFFICE_ZONE)

    # --- people and rules ---

    def viewer(self, sign_in: str) -> Viewer:
        """Somebody of the office, signed in now."""
        return factories.viewer(self.db, sign_in, self.at)

    def pack(self, place: str) -> Any:
        """A place's rules as they are read today."""
        with self.db.read() as session:
            return deployment.packs(session, deployment.newest_pack_set(session))[place].on(office_day(self.at))

    def round(self, place: str) -> str:
        """Number of the newest round of a province."""
        with self.db.read() as session:
            return session.execute(
                select(Round.number).where(Round.place == place).order_by(Round.id.desc()).limit(1)
            ).scalar_one()

    def applicant(self, unit: str, *, name: str = "林书豪", since: str = "2012-09-01", **more: Any) -> Applicant:
        """A teacher of a school, newly registered, who has taught there ``since`` a day; ``more`` as in teachers.toml."""
        place = "liaoning" if unit.startswith("ln") else "guangxi"
        history = more.pop("history", [[since, "", "本校", "中小学", "课堂教学"]])
        teacher = factories.teacher(place, unit, history, name=name, **more)
        factories.make_person(self.db, name, teacher["phone"], phone=teacher["phone"], at=self.at)
        return Applicant(self, place, teacher)

    # --- what a form needs ---

    def fill(self, request: FormRequest, viewer: Viewer, paper: Paper, token: str | None = None) -> Submission:
        """Fill a form as the page would: ``paper(folder, what the form already holds)`` gives the values."""
        folder = Folder(self.db, self.store, viewer, self.at)
        spec = spec_of(request.form)
        had = build.initial(spec, request.context, now=self.at, saved=request.prefill)
        find = {"organisation": Organisations(self.db, office_day(self.at)), "person": People(self.db)}
        return fill(request, paper(folder, had), at=self.at, files=folder.files, find=find, token=token)

    # --- the record ---

    def check_record(self) -> None:
        """What must hold after every story: the record verifies, and each change of state has exactly one event."""
        with self.db.read() as session:
            verified = audit.verify(session)
            assert verified.holds, verified.findings
            counted = session.execute(
                select(Event.instance, func.count()).where(Event.kind.in_(MOVES)).group_by(Event.instance)
            )
            moves = [(number, count) for number, count in counted]
            versions = [(number, version) for number, version in session.execute(select(Instance.number, Instance.version))]
        assert sorted(moves) == sorted(versions)

    def events(self, stream: str) -> list[Event]:
        """The events of a stream, in order."""
        with self.db.read() as session:
            return list(session.execute(select(Event).where(Event.stream == stream).order_by(Event.seq)).scalars())

    def payload(self, event: Event) -> dict[str, Any]:
        """What an event was about."""
        with self.db.read() as session:
            raw = session.execute(select(EventPayload.payload).where(EventPayload.event_id == event.event_id)).scalar_one()
        found: dict[str, Any] = orjson.loads(raw)
        return found

    def walked(self) -> set[str]:
        """Ids of every sequence flow that any case of this office has taken, as the record tells it."""
        with self.db.read() as session:
            raws = session.execute(
                select(EventPayload.payload)
                .join(Event, Event.event_id == EventPayload.event_id)
                .where(Event.kind.in_(MOVES))
            ).scalars()
            return {one["flow"] for raw in raws for one in orjson.loads(raw).get("passed", ()) if one["flow"]}


#: (folder, what the form already holds) -> values by field key.
Paper = Callable[[Folder, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Applicant:
    """A teacher with an account."""

    office: Office
    place: str
    teacher: Mapping[str, Any]

    @property
    def viewer(self) -> Viewer:
        """The applicant, signed in now."""
        return self.office.viewer(self.teacher["phone"])

    def paper(self, folder: Folder, **changes: Any) -> dict[str, Any]:
        """Form A2 filled in, with every required document."""
        admission = self.office.pack(self.place)["admission"]
        optional = list(admission["documents_optional"] or [])
        filled = papers.application(self.teacher, folder, [*admission["documents"], *optional], without=optional)
        return {**filled, **changes}

    def fills(self, *, lacking: Sequence[str] = (), token: str | None = None, **changes: Any) -> Submission:
        """The application, filled in and not sent; ``lacking`` are kinds of document that it comes without."""
        with self.office.db.read() as session:
            request = instances.start_form(
                session, self.viewer, "admission", self.office.round(self.place), self.office.at
            )
        filled = self.office.fill(request, self.viewer, lambda folder, _: self.paper(folder, **changes), token)
        return without(filled, lacking)

    def sends(self, submission: Submission) -> Moved:
        """Send an application that is filled in."""
        return instances.start(
            self.office.db, self.viewer, "admission", self.office.round(self.place), submission, at=self.office.at
        )

    def applies(self, *, lacking: Sequence[str] = (), **changes: Any) -> Case:
        """Fill in the application and send it."""
        return Case(self.office, self, self.sends(self.fills(lacking=lacking, **changes)).instance_number)


def without(submission: Submission, kinds: Sequence[str]) -> Submission:
    """The application without the files of some documents: what a form alone would not let through."""
    rows = [{**row, "files": []} if row["kind"] in kinds else row for row in submission.data["attachments"]]
    return replace(submission, data={**submission.data, "attachments": rows})


@dataclass(frozen=True)
class Case:
    """One instance in a story."""

    office: Office
    applicant: Applicant
    number: str

    def task(self, step: str) -> Waiting:
        """The open task of a step."""
        open_tasks = {task.step_id: task for task in self.tasks() if task.status == "open"}
        assert step in open_tasks, f"{self.number} waits at {sorted(open_tasks)}, not at {step}"
        return Waiting(self, open_tasks[step].number)

    def tasks(self) -> list[Task]:
        """Every task the case ever had, in order."""
        with self.office.db.read() as session:
            return list(
                session.execute(
                    select(Task).join(Instance, Instance.id == Task.instance_id)
                    .where(Instance.number == self.number).order_by(Task.id)
                ).scalars()
            )

    def row(self) -> Instance:
        """The stored instance."""
        with self.office.db.read() as session:
            return session.execute(select(Instance).where(Instance.number == self.number)).scalar_one()

    def row_of(self, form: str) -> dict[str, Any]:
        """The data of the newest submission of a form, by the last part of its id."""
        return [sent.data for sent in self.submissions() if sent.form_id.endswith(f".{form}")][-1]

    def waits_at(self, *steps: str) -> None:
        """The case runs, and waits at exactly these steps."""
        assert (self.row().status, sorted(task.step_id for task in self.tasks() if task.status == "open")) == (
            "running", sorted(steps),
        )  # fmt: skip

    def ended(self, outcome: str) -> None:
        """The case is over, with that end."""
        row = self.row()
        assert (row.status, row.outcome) == ("completed", outcome)
        assert not [task for task in self.tasks() if task.status == "open"]
        with self.office.db.read() as session:
            waiting = session.execute(
                select(Timer).where(Timer.instance_id == row.id, Timer.kind == "engine", Timer.fired_at.is_(None))
            ).first()
        assert waiting is None, "an ended case waits for a timer"

    def is_qualified(self) -> None:
        """The case runs, has its admission number, and waits for what its round says; nobody has a task."""
        row = self.row()
        assert row.status == "running" and row.facts.get("admission_no")
        assert not [task for task in self.tasks() if task.status == "open"]
        with self.office.db.read() as session:
            awaited = session.execute(
                select(Subscription.step_id)
                .where(Subscription.instance_id == row.id, Subscription.ended_at.is_(None), Subscription.kind == "message")
            ).scalars().all()
        assert {"adm_m1_a", "adm_m1_b", "adm_m1_c", "adm_m1_d"} <= set(awaited)

    def path(self) -> list[str]:
        """The sequence flows taken, in order."""
        return [
            one["flow"] for event in self.events(*MOVES) for one in self.office.payload(event).get("passed", ()) if one["flow"]
        ]

    def events(self, *kinds: Kind) -> list[Event]:
        """The case's events of some kinds, or all of them."""
        return [event for event in self.office.events(f"instance:{self.number}") if not kinds or event.kind in kinds]

    def submissions(self) -> list[SubmissionRow]:
        """The filled forms of the case, in order."""
        with self.office.db.read() as session:
            return list(
                session.execute(
                    select(SubmissionRow).join(Instance, Instance.id == SubmissionRow.instance_id)
                    .where(Instance.number == self.number).order_by(SubmissionRow.id)
                ).scalars()
            )

    def told(self, name: str) -> list[tuple[str, Mapping[str, Any]]]:
        """(kind, params) of every notice that a person got about the case, in order."""
        with self.office.db.read() as session:
            return [
                (kind, params)
                for kind, params in session.execute(
                    select(Notice.kind, Notice.params).join(Person, Person.id == Notice.person_id)
                    .where(Notice.instance == self.number, Person.name == name).order_by(Notice.id)
                )
            ]

    # --- the usual way, in one word each ---

    def is_recommended(self) -> Case:
        """The unit recommends and, where asked, the home bureau consents; the case then waits for review."""
        place = PLACES[self.applicant.place]
        own = self.applicant.teacher["unit"] == place.own_school
        self.task("adm_u1").by(place.own_head if own else place.county_head).recommends()
        if not own:
            self.task("adm_u1b").by(place.county_bureau).consents()
        return self

    def is_returned(self, *items: str) -> Case:
        """The first reviewer returns the case for correction of some fields."""
        self.task("adm_u2").by(PLACES[self.applicant.place].reviewer).returns(*(items or ("statement",)))
        return self

    def is_refused(self) -> Case:
        """The first reviewer finds the applicant not qualified."""
        self.task("adm_u2").by(PLACES[self.applicant.place].reviewer).refuses()
        return self


@dataclass(frozen=True)
class Waiting:
    """An open task, before somebody takes it in hand."""

    case: Case
    number: str

    def row(self) -> Task:
        """The stored task."""
        with self.case.office.db.read() as session:
            return session.execute(select(Task).where(Task.number == self.number)).scalar_one()

    def by(self, sign_in: str) -> Hand:
        """The task in somebody's hand."""
        return Hand(self.case, self.number, sign_in)

    def by_applicant(self) -> Hand:
        """The task in the applicant's hand."""
        return self.by(self.case.applicant.teacher["phone"])


@dataclass(frozen=True)
class Hand:
    """Somebody with a task's form before them."""

    case: Case
    task: str
    sign_in: str

    @property
    def viewer(self) -> Viewer:
        """Who it is."""
        return self.case.office.viewer(self.sign_in)

    def request(self) -> FormRequest:
        """The form as the page asks for it."""
        with self.case.office.db.read() as session:
            return instances.task_form(session, self.viewer, self.task, self.case.office.at)

    def fills(self, paper: Paper, token: str | None = None) -> Submission:
        """The form filled in and not sent."""
        return self.case.office.fill(self.request(), self.viewer, paper, token)

    def sends(self, submission: Submission) -> Moved:
        """Send a form that is filled in."""
        return instances.complete_task(self.case.office.db, self.viewer, self.task, submission, at=self.case.office.at)

    def submits(self, paper: Paper) -> Moved:
        """Fill in the form and send it."""
        return self.sends(self.fills(paper))

    def _name(self) -> str:
        return str(self.case.applicant.teacher["name"])

    def recommendation(self, recommend: str = "推荐") -> Paper:
        """Form A3."""
        return lambda folder, had: papers.recommendation(
            self._name(), int(had["months_claimed"]), folder, recommend=recommend
        )

    def opinion(self, consent: str = "同意") -> Paper:
        """Form A3b."""
        return lambda folder, had: papers.bureau_opinion(self._name(), folder, consent=consent)

    def conclusion(self, conclusion: str, *items: str) -> Paper:
        """Form A4."""
        words = "" if conclusion == "合格" else "经逐项核对，有关事项说明如下，请按要求办理。"
        return lambda folder, had: papers.qualification_review(
            had, conclusion, words, [(item, f"请补正：{item}") for item in items]
        )

    def recommends(self) -> Moved:
        """The unit recommends."""
        return self.submits(self.recommendation())

    def does_not_recommend(self) -> Moved:
        """The unit does not recommend."""
        return self.submits(self.recommendation("不推荐"))

    def consents(self) -> Moved:
        """The home bureau consents."""
        return self.submits(self.opinion())

    def does_not_consent(self) -> Moved:
        """The home bureau does not consent."""
        return self.submits(self.opinion("不同意"))

    def qualifies(self) -> Moved:
        """The reviewer finds the applicant qualified."""
        return self.submits(self.conclusion("合格"))

    def refuses(self) -> Moved:
        """The reviewer finds the applicant not qualified."""
        return self.submits(self.conclusion("不合格"))

    def returns(self, *fields: str) -> Moved:
        """The reviewer returns the application for correction of the named fields, all at once."""
        return self.submits(self.conclusion("退回补正", *fields))

    def asks_for_exception(self, failing: str = "") -> Moved:
        """The reviewer asks for an exception (破格); ``failing`` is a basic condition that is judged as not met."""

        def paper(folder: Folder, had: Mapping[str, Any]) -> dict[str, Any]:
            filled = self.conclusion("提请破格")(folder, had)
            rows = [
                {**row, "judgement": "不符合"} if row["condition"] == failing else row
                for row in filled["conditions_judgement"]
            ]
            return {**filled, "conditions_judgement": rows, "exception_requested": "是"}

        return self.submits(paper)

    def assesses_exception(self, opinion: str = "建议破格") -> Moved:
        """The panel gives its opinion on an exception."""
        return self.submits(lambda folder, had: papers.exception(self._name(), folder, opinion=opinion))

    def grants_exception(self, **votes: Any) -> Moved:
        """The meeting grants an exception."""
        return self.submits(lambda folder, had: papers.exception_ballot(self._name(), folder, **votes))

    def refuses_exception(self, **votes: Any) -> Moved:
        """The meeting refuses an exception."""
        return self.submits(lambda folder, had: papers.exception_ballot(self._name(), folder, result="不同意", **votes))

    def note(self) -> str:
        """The passages of help that the form shows, filled in."""
        request = self.request()
        spec = spec_of(request.form)
        return "".join(fill_text(item.text, request.context, now=self.case.office.at) for item in spec.items if isinstance(item, Note))

    def corrects(self, *, lacking: Sequence[str] = (), **changes: Any) -> Moved:
        """The applicant corrects fields of the application."""
        return self.sends(without(self.fills(lambda folder, had: changes), lacking))

    def asks_for_reconsideration(self) -> Moved:
        """The applicant asks for reconsideration."""
        return self.submits(lambda folder, had: papers.reconsideration(apply=True))

    def accepts(self) -> Moved:
        """The applicant does not ask for reconsideration."""
        return self.submits(lambda folder, had: papers.reconsideration(apply=False))

    def declares_conflict(self, reason: str = "申请人是本人配偶的妹妹，应当回避。") -> Moved:
        """The reviewer declares a conflict of interest."""
        return self.submits(lambda folder, had: {"conflict_declared": "是", "conflict_reason": reason})


def copies(template: Path, folder: Path) -> Iterator[Database]:
    """Furnished SQLite databases, one after the other, each a copy of the template."""
    number = 0
    while True:
        number += 1
        path = folder / f"office-{number}.sqlite3"
        shutil.copy(template, path)
        yield Database(f"sqlite:///{path}", synchronous="NORMAL")
