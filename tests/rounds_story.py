"""The scenario language of a round (遴选批次): planned, approved, announced, closed, examined, ranked and done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from tests.office import BEGAN, CLOSES, PLACES, Applicant, Case, Hand, Office, Paper, Place
from webapp.demo import papers, round_papers
from webapp.demo.papers import Folder
from workflows import instances, reporting
from workflows.models import Application, Instance, Notice, Organisation, Person, Round, Submission, Task
from workflows.transitions import Moved

#: Days of the examination, after the close of ``tests.office``.
WRITTEN_ON, RECHECK_ON, INTERVIEW_ON = date(2026, 12, 12), date(2026, 12, 18), date(2026, 12, 22)


@dataclass(frozen=True)
class Staff:
    """Who runs rounds in one province: sign-in names."""

    institution: str
    planner: str
    institution_meeting: str
    head: str
    panel: tuple[str, ...]
    markers: tuple[str, ...]


STAFF = {
    key: Staff(tri, f"{short}.trioffice", f"{short}.trimeeting", f"{short}.head", tuple(f"{short}.panel{n}" for n in range(1, 8)),
               tuple(f"{short}.exam{n}" for n in range(1, 4)))
    for key, short, tri in (("liaoning", "sy", "ln-sy-tri"), ("guangxi", "nn", "gx-nn-tri"))
}  # fmt: skip


@dataclass(frozen=True)
class Batch(Case):
    """A round's case in a story. ``applicant`` is nobody's: the round has a planner."""

    place: Place = field(default=PLACES["liaoning"])
    members: int = 5

    @property
    def staff(self) -> Staff:
        """Who runs it."""
        return STAFF[self.place.key]

    @property
    def panel(self) -> tuple[str, ...]:
        """Sign-in names of the panel, its leader first."""
        return self.staff.panel[: self.members]

    def hand(self, step: str, sign_in: str) -> Hand:
        """The open task of a step that is that person's, or the first of the step."""
        number = self.office.viewer(sign_in).person_id
        tasks = [task for task in self.tasks() if task.step_id == step and task.status == "open"]
        mine = [task for task in tasks if task.holder_id == number] or [task for task in tasks if task.holder_id is None]
        assert mine, f"{self.number} has nothing at {step} for {sign_in}"
        return Hand(self, mine[0].number, sign_in)

    def all_at(self, step: str) -> list[Task]:
        """The open tasks of a step; the round waits there."""
        found = [task for task in self.tasks() if task.step_id == step and task.status == "open"]
        assert found, f"{self.number} waits at {sorted({task.step_id for task in self.tasks() if task.status == 'open'})}, not at {step}"
        return found

    def acts(self, step: str, sign_in: str, paper: Paper) -> Moved:
        """Somebody completes a step."""
        return self.hand(step, sign_in).submits(paper)

    # --- from the plan to the announcement ---

    def is_agreed(self, decision: str = "同意", **more: Any) -> Batch:
        """The institution's meeting on the plan."""
        self.acts("rnd_u1b", self.staff.institution_meeting, lambda folder, had: round_papers.review(decision, **more))
        return self

    def is_approved(self, decision: str = "同意", **more: Any) -> Batch:
        """The bureau's personnel office on the plan."""
        self.acts("rnd_u2", self.place.reviewer, lambda folder, had: round_papers.review(decision, **more))
        return self

    def hears_outside(self, step: str, result: str, by: str | None = None, org_type: str = "establishment") -> Batch:
        """The answer of a body outside is entered (X1)."""
        body = outside(self.office, self.place, org_type)
        self.acts(step, by or self.place.reviewer, lambda folder, had: papers.external(body, result, folder, ""))
        return self

    def outside_is_checked(self, step: str, right: bool = True, by: str | None = None) -> Batch:
        """Somebody else compares what was entered with the original."""
        note = {} if right else {"check_note": "结论栏与原件不一致，请更正登记。"}
        self.acts(step, by or self.place.second_reviewer,
                  lambda folder, had: {"check_result": "与原件一致" if right else "登记有误", **note})
        return self

    def is_announced(self, **more: Any) -> Batch:
        """The announcement is published."""
        modes = instances_plan(self)["exam_mode"]
        sessions = {"笔试": WRITTEN_ON} if "笔试" in modes else {}
        if set(modes) & {"面试", "试讲", "答辩"}:
            sessions["面试资格复审"] = RECHECK_ON
        sessions["面试"] = INTERVIEW_ON
        self.acts("rnd_u3", self.place.reviewer, lambda folder, had: round_papers.announcement(sessions, **more))
        return self

    def opens(self) -> Batch:
        """From the plan to the announcement, as it usually goes; 选调 needs the establishment office."""
        self.is_agreed().is_approved()
        if "rnd_u2a" in [task.step_id for task in self.tasks() if task.status == "open"]:
            self.hears_outside("rnd_u2a", "同意")
        if "rnd_u2b" in [task.step_id for task in self.tasks() if task.status == "open"]:
            self.hears_outside("rnd_u2b", "同意", org_type="hrss")
        return self.is_announced()

    def replans(self, **changes: Any) -> Batch:
        """The planner sends the plan again, improved, or for the first time where a vacancy asked for one."""
        people = [{"person": self.office.viewer(one).number} for one in self.panel]

        def paper(folder: Folder, had: Mapping[str, Any]) -> dict[str, Any]:
            if had.get("round_title"):
                return changes
            filled = round_papers.plan(
                "再次遴选", [], open_at=BEGAN, close_at=CLOSES, panel=[], channel="内部竞聘", weights={"面试": 100}
            )
            return {**filled, "posts": had["posts"], "panel": people, **changes}

        self.acts("rnd_u1", self.staff.planner, paper)
        return self

    def plan_that_follows(self) -> Batch:
        """The case that a vacancy of this round has started."""
        with self.office.db.read() as session:
            number = session.execute(
                select(Instance.number).where(Instance.process_id == "admission_round").order_by(Instance.id.desc()).limit(1)
            ).scalar_one()
        assert number != self.number
        return Batch(self.office, self.applicant, number, self.place, self.members)

    def reduces(self, decision: str, *, by: str, headcounts: Mapping[str, int] | None = None, **more: Any) -> Batch:
        """What becomes of posts with too little competition."""
        def paper(folder: Folder, had: Mapping[str, Any]) -> dict[str, Any]:
            posts = [{**row, "headcount": headcounts[row["post"]]} for row in had["posts"]] if headcounts else None
            return round_papers.reduction(decision, **({"posts": posts} if posts else {}), **more)

        self.acts("rnd_u4", by, paper)
        return self

    def told_of(self, name: str) -> list[tuple[str, Mapping[str, Any]]]:
        """(kind, params) of every notice that somebody got, in order."""
        with self.office.db.read() as session:
            return [
                (kind, params) for kind, params in session.execute(
                    select(Notice.kind, Notice.params).join(Person, Person.id == Notice.person_id)
                    .where(Person.name == name).order_by(Notice.id)
                )
            ]

    def disputes(self, member: str, number: str, item: str = "interview_score") -> Batch:
        """A panel member asks for the correction of a score of their own."""
        viewer, db = self.office.viewer(member), self.office.db
        with db.read() as session:
            request = reporting.report_form(session, viewer, self.number, "rnd_bm1", self.office.at)
        sent = self.office.fill(request, viewer, lambda folder, had: {
            "admission_no": number, "item": item, "dispute_reason": "录入时与另一位面试者的成绩颠倒，底稿可以证明，申请更正。"
        })
        reporting.report(db, viewer, self.number, "rnd_bm1", sent, at=self.office.at)
        return self

    def corrects(self, new_score: float, *, witness: str, decision: str = "同意更正") -> Batch:
        """The panel's leader decides on it."""
        number = self.office.viewer(witness).number
        self.acts("rnd_u7b", self.panel[0], lambda folder, had: round_papers.correction(had, new_score, number, decision))
        return self

    # --- applicants ---

    def receives(self, name: str, post: str = "p1", *, since: str = "2012-09-01", **more: Any) -> Case:
        """An application that is qualified."""
        case = self.applies(name, post, since=since, **more).is_recommended()
        case.task("adm_u2").by(self.place.reviewer).qualifies()
        return case

    def applies(self, name: str, post: str = "p1", **more: Any) -> Case:
        """An application that is sent."""
        applicant: Applicant = self.office.applicant(self.place.own_school, name=name, post=post, **more)
        return applicant.applies()

    def closes(self) -> Batch:
        """The window closes."""
        self.office.time_is(self.round().close_at)
        return self

    # --- written test, recheck, interview ---

    def is_written(self, scores: Mapping[str, Sequence[float] | str]) -> Batch:
        """Every paper is marked: case number -> the markers' scores, or 缺考 / 违纪. The stories may peek at the blind numbers."""
        markers = [self.office.viewer(one).number for one in self.staff.markers]
        for task in self.all_at("rnd_u5"):
            given = scores[self.whose(str(task.inputs["blind_no"]))]
            absent, marks = (given, ()) if isinstance(given, str) else ("无", given)
            Hand(self, task.number, self.staff.markers[0]).submits(
                lambda folder, had, marks=marks, absent=absent: round_papers.written(folder, markers, marks, absent=absent)
            )
        return self

    def whose(self, blind_no: str) -> str:
        """The case behind a blind number, as nobody in the office sees it."""
        with self.office.db.read() as session:
            return session.execute(
                select(Instance.number).join(Application, Application.instance_id == Instance.id)
                .where(Application.blind_no == blind_no)
            ).scalar_one()

    def is_rechecked(self, results: Mapping[str, str] | None = None, by: str | None = None) -> Batch:
        """Originals of everybody on the list are looked at again: admission number -> 合格, 不合格 or 放弃."""
        for task in self.all_at("rnd_u6"):
            result = (results or {}).get(str(task.inputs["admission_no"]), "合格")
            Hand(self, task.number, by or self.place.second_reviewer).submits(
                lambda folder, had, result=result: round_papers.recheck(had, result)
            )
        return self

    def is_scored(self, scores: Mapping[str, float | None], key: str = "interview_score") -> Batch:
        """Every panel member scores everybody: admission number -> the score that each gives."""
        signed = {self.office.viewer(one).person_id: one for one in self.panel}
        for task in self.all_at("rnd_u7"):
            score = scores[str(task.inputs["admission_no"])]
            given = None if score is None else {key: score}
            Hand(self, task.number, signed[task.holder_id or 0]).submits(
                lambda folder, had, given=given: round_papers.interview(folder, "3", given)
            )
        return self

    # --- what became of it ---

    def round(self) -> Round:
        """The round that it published."""
        with self.office.db.read() as session:
            return session.execute(select(Round).where(Round.instance == self.number)).scalar_one()

    def register(self) -> dict[str, tuple[str, int | None]]:
        """Name of each applicant -> where the application stands in the round, and its rank."""
        with self.office.db.read() as session:
            rows = session.execute(
                select(Person.name, Application.status, Application.rank)
                .join(Application, Application.person_id == Person.id).order_by(Application.id)
            )
            return {name: (status, rank) for name, status, rank in rows}


def instances_plan(batch: Batch) -> Mapping[str, Any]:
    """The newest plan of a round."""
    with batch.office.db.read() as session:
        return session.execute(
            select(Submission.data).join(Instance, Instance.id == Submission.instance_id)
            .where(Instance.number == batch.number, Submission.form_id == "admission.plan").order_by(Submission.id.desc()).limit(1)
        ).scalar_one()


def outside(office: Office, place: Place, org_type: str) -> str:
    """Code of a body outside at the city's level."""
    with office.db.read() as session:
        return session.execute(
            select(Organisation.code).where(Organisation.place == place.key, Organisation.org_type == org_type)
        ).scalars().first() or PLACES[place.key].own_school


def plans(
    office: Office, place: Place, *, posts: Sequence[Mapping[str, Any]] = ({"subject": "语文", "stage": "小学", "headcount": 1},),
    members: int = 5, **more: Any,
) -> Batch:
    """The institution plans a round."""
    staff = STAFF[place.key]
    people = [office.viewer(one).number for one in staff.panel[:members]]
    markers = [office.viewer(one).number for one in staff.markers]
    given: dict[str, Any] = {"open_at": BEGAN, "close_at": CLOSES, "channel": "内部竞聘", "exam_office": markers, **more}
    viewer, where = office.viewer(staff.planner), f"@{staff.institution}"
    with office.db.read() as session:
        request = instances.start_form(session, viewer, "admission_round", where, office.at)
    submission = office.fill(request, viewer, lambda folder, had: round_papers.plan(
        "2026年教研员遴选", posts, panel=people, **given
    ))
    moved = instances.start(office.db, viewer, "admission_round", where, submission, at=office.at)
    nobody = Applicant(office, place.key, {"phone": staff.planner, "name": "", "unit": ""})
    return Batch(office, nobody, moved.instance_number, place, members)


def admission_no(case: Case) -> str:
    """The admission number of an application."""
    return str(case.row().facts["admission_no"])


def at(day: date, hour: int = 9) -> datetime:
    """A moment of an examination day."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=BEGAN.tzinfo)
