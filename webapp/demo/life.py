"""Weeks of the demo's office life, lived through the verbs in the order in which they happened: the record is real."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from importlib.resources import files
from typing import Any

from forms import build
from webapp.demo import beside, papers, rosters, round_papers
from webapp.demo.papers import Folder
from webapp.typed import Organisations, People, fill, spec_of
from workflows import accounts, deployment, drafts, instances, people, timers
from workflows.access import Viewer, office_day
from workflows.audit import Actor, ActorKind
from workflows.clock import Clock
from workflows.db import Database
from workflows.errors import N_
from workflows.jobs import Running
from workflows.policies import Calendar
from workflows.registers import rounds
from workflows.registers.evidence import FileStore
from workflows.settings import OFFICE_ZONE

#: Who sets the demo up; the record names no person for it.
SETTING_UP = Actor(ActorKind.ADMINISTRATOR, "console")
#: Since when the demo's places and roles exist.
SINCE = date(2024, 1, 1)
#: The institution that recruits, by place, and the head of its numbers.
HIRING = {"liaoning": ("ln-sy-tri", "LN", "沈阳市教育研究院"), "guangxi": ("gx-nn-tri", "GX", "南宁市教育科学研究所")}
POSTS = [
    {"code": "p1", "subject": "语文", "stage": "小学", "headcount": 1},
    {"code": "p2", "subject": "数学", "stage": "初中", "headcount": 1},
    {"code": "p3", "subject": "物理", "stage": "高中", "headcount": 1},
    {"code": "p4", "subject": "英语", "stage": "小学", "headcount": 1},
    {"code": "p5", "subject": "数学", "stage": "小学", "headcount": 1},
]  # fmt: skip
#: The bureau and its two reviewers, by place.
REVIEWERS = {"liaoning": ("sy.hr1", "sy.hr2"), "guangxi": ("nn.hr1", "nn.hr2")}


def _data(name: str) -> dict[str, Any]:
    return tomllib.loads(files("webapp.demo").joinpath(name).read_text(encoding="utf-8"))


def seed(db: Database, clock: Clock, running: Running, store: FileStore) -> None:
    """Fill a new demo data directory; a run that was interrupted goes on where it stopped."""
    Seeding(db, clock.now(), store, running).run()


@dataclass(frozen=True)
class Scene:
    """One thing that somebody does at a moment."""

    at: datetime
    key: str
    play: Callable[[datetime], None]


class Seeding:
    """The whole of it: places, people, rounds, then scene after scene by the clock."""

    def __init__(self, db: Database, now: datetime, store: FileStore, running: Running) -> None:
        self.db, self.now, self.store, self.running = db, now, store, running
        self.places, self.teachers = _data("places.toml"), _data("teachers.toml")
        self.acts = _data("beside.toml")
        with db.read() as session:
            self.packs = deployment.packs(session, deployment.newest_pack_set(session))
        self.days = _working_days_before(office_day(now), 40, self.packs.calendar)
        self.total = sum(len(block["people"]) + len(block["organisations"]) for block in self.places.values())
        self.total += sum(len(teachers) for teachers in self.teachers.values()) * 4
        self.done = 0

    def run(self) -> None:
        """Do what is not done yet."""
        for place, block in self.places.items():
            self._organisations(place, block["organisations"])
            self._staff(block["people"])
            self._teachers(self.teachers[place])
            rosters.enter(self.db, SETTING_UP, place, SINCE, at=self.moment(34))
            self._round(place)
        scenes = sorted((scene for place in self.places for scene in self._scenes(place)), key=lambda one: (one.at, one.key))
        for scene in scenes:
            timers.fire_due(self.db, at=scene.at)
            scene.play(scene.at)
            self._step()
        timers.fire_due(self.db, at=self.now)
        self.running.progress(self.total, self.total, N_("演示数据已就绪"))

    def _step(self, message: str | None = None) -> None:
        self.done += 1
        if self.done % 5 == 0:
            self.running.progress(min(self.done, self.total - 1), self.total, message or N_("正在生成演示数据"))

    # --- places and people ---

    def _organisations(self, place: str, rows: list[list[str]]) -> None:
        with self.db.read() as session:
            known = {view.code for view in people.organisations(session, office_day(self.now))}
        for code, name, org_type, level, parent in rows:
            if code not in known:
                people.create_organisation(
                    self.db, SETTING_UP, code=code, name=name, org_type=org_type, level=level,
                    parent_code=parent or None, place=place, from_on=SINCE, at=self.moment(36),
                )
            self._step(N_("正在登记单位"))

    def _staff(self, rows: list[list[Any]]) -> None:
        for name, sign_in, roles in rows:
            self.person(name, sign_in, None, roles)
            self._step(N_("正在登记人员"))

    def _teachers(self, rows: list[dict[str, Any]]) -> None:
        for teacher in rows:
            self.person(teacher["name"], teacher["phone"], teacher["phone"], [])
            self._step(N_("正在登记人员"))

    def person(self, name: str, sign_in: str, phone: str | None, roles: list[list[str]]) -> None:
        """Enter a person with an account and roles, unless they are there already."""
        with self.db.read() as session:
            if accounts.viewer_by_name(session, sign_in, at=self.now) is not None:
                return
        at = self.moment(35)
        number = people.create_person(self.db, SETTING_UP, name=name, phone=phone, email=None, at=at)
        for role, organisation in roles:
            people.grant(self.db, SETTING_UP, number, organisation, role, SINCE, at=at)
        accounts.create_account(self.db, SETTING_UP, number, sign_in, at=at, password=f"yanshi-{sign_in}", demo=True)

    def _round(self, place: str) -> None:
        """Plan a round, have it agreed, approved and answered from outside, and publish it; goes on where it stopped."""
        org_code, prefix, name = HIRING[place]
        short = REVIEWERS[place][0].partition(".")[0]
        planner, first = self.viewer(f"{short}.trioffice"), REVIEWERS[place][0]
        opened = self.moment(18, 9)
        close = datetime.combine(office_day(self.now) + timedelta(days=12), time(18), OFFICE_ZONE)
        with self.db.read() as session:
            numbers = instances.started_by(session, planner.person_id)
        if not numbers:
            at = self.moment(24, 9)
            with self.db.read() as session:
                request = instances.start_form(session, planner, "admission_round", f"@{org_code}", at)
            plan = round_papers.plan(
                f"{self.now.year}年{name}选调教研员", [{key: post[key] for key in ("subject", "stage", "headcount")} for post in POSTS],
                open_at=opened, close_at=close, panel=[self.viewer(f"{short}.panel{n}").number for n in range(1, 6)],
                exam_office=[self.viewer(f"{short}.exam{n}").number for n in range(1, 4)],
            )
            folder = Folder(self.db, self.store, planner, at)
            submission = fill(request, plan, at=at, files=folder.files, find=self._find(at))
            numbers = [instances.start(self.db, planner, "admission_round", f"@{org_code}", submission, at=at).instance_number]
        body = org_code.removesuffix("-tri") + "-bb"
        days = [office_day(close) + timedelta(days=n) for n in (8, 14, 18)]
        for day, step, sign_in, paper in (
            (22, "rnd_u1b", f"{short}.trimeeting", lambda folder: round_papers.review()),
            (21, "rnd_u2", first, lambda folder: round_papers.review()),
            (19, "rnd_u2a", first, lambda folder: papers.external(body, "同意", folder, "")),
            (18, "rnd_u3", first, lambda folder: round_papers.announcement(
                dict(zip(("笔试", "面试资格复审", "面试"), days, strict=True)), body=_announcement(name, close),
                contact="024-00000000" if prefix == "LN" else "0771-0000000",
            )),
        ):  # fmt: skip
            self.complete(numbers[-1], step, sign_in, self.moment(day, 9), lambda folder, had, paper=paper: paper(folder))
        self._step()

    # --- the story ---

    def _scenes(self, place: str) -> list[Scene]:
        scenes: list[Scene] = []
        for index, teacher in enumerate(self.teachers[place]):
            minute = 10 + index * 3 + (0 if place == "liaoning" else 1)
            for day, hour, act in _STORIES[teacher["until"]]:
                at = self.moment(day, hour, minute)
                scenes.append(Scene(at, f"{place}:{index}:{day}", self._bound(place, teacher, act)))
        applied = {teacher["phone"] for teacher in self.teachers[place] if _STORIES[teacher["until"]]}
        for index, done in enumerate(self.acts[place]):
            if done.get("case", "") not in {"", *applied}:
                continue
            at = self.moment(done["day"], done["hour"], 30 + index)
            scenes.append(Scene(at, f"{place}:beside:{index}", partial(beside.play, self, done)))
        return scenes

    def _bound(self, place: str, teacher: Mapping[str, Any], act: str) -> Callable[[datetime], None]:
        def play(at: datetime) -> None:
            getattr(self, f"_{act}")(place, teacher, at)

        return play

    def until_review(self, place: str, teacher: Mapping[str, Any]) -> str:
        """Live a teacher's application until it waits for the review; returns that task's number."""
        for day, hour, act in _STORIES["consented"]:
            self._bound(place, teacher, act)(self.moment(day, hour))
        applicant = self.viewer(teacher["phone"])
        with self.db.read() as session:
            number = instances.open_task(session, instances.started_by(session, applicant.person_id)[0], "adm_u2")
        if number is None:
            raise LookupError("adm_u2")
        return number

    def moment(self, working_days_ago: int, hour: int = 9, minute: int = 0) -> datetime:
        """A moment on the working day that lies that many working days before today."""
        return datetime.combine(self.days[-working_days_ago], time(hour, minute), OFFICE_ZONE)

    def viewer(self, sign_in: str) -> Viewer:
        """One of the demo's people, as the pages would hand them to a verb."""
        with self.db.read() as session:
            found = accounts.viewer_by_name(session, sign_in, at=self.now, ip="127.0.0.1")
        if found is None:
            raise LookupError(sign_in)
        return found

    def _round_number(self, place: str) -> str:
        with self.db.read() as session:
            return rounds.rounds_of(session, place)[-1].number

    def _find(self, at: datetime) -> dict[str, Any]:
        return {"organisation": Organisations(self.db, office_day(at)), "person": People(self.db)}

    def _application(self, teacher: Mapping[str, Any], viewer: Viewer, place: str, at: datetime) -> tuple[dict[str, Any], Folder]:
        folder = Folder(self.db, self.store, viewer, at)
        pack = self.packs[place].on(office_day(at))
        admission = pack["admission"]
        documents = [*admission["documents"], *(admission["documents_optional"] or [])]
        optional = set(admission["documents_optional"] or [])
        return papers.application(teacher, folder, documents, without=sorted(optional)), folder

    def _submit(self, place: str, teacher: Mapping[str, Any], at: datetime) -> None:
        viewer = self.viewer(teacher["phone"])
        with self.db.read() as session:
            if instances.started_by(session, viewer.person_id):
                return
            request = instances.start_form(session, viewer, "admission", self._round_number(place), at)
        data, folder = self._application(teacher, viewer, place, at)
        submission = fill(request, data, at=at, files=folder.files, find=self._find(at))
        instances.start(self.db, viewer, "admission", self._round_number(place), submission, at=at)

    def _draft(self, place: str, teacher: Mapping[str, Any], at: datetime) -> None:
        viewer = self.viewer(teacher["phone"])
        subject = f"start:admission:{self._round_number(place)}"
        with self.db.read() as session:
            if drafts.draft(session, viewer.person_id, subject) is not None:
                return
        typed = {"full_name": [teacher["name"]], "birth_date": [teacher["born"]], "phone": [teacher["phone"]]}
        drafts.save_draft(self.db, viewer.person_id, subject, {"typed": typed, "files": [], "token": ""}, None, at=at)

    def _act(self, teacher: Mapping[str, Any], step: str, sign_in: str, at: datetime,
             paper: Callable[[Folder, Mapping[str, Any]], dict[str, Any]]) -> None:
        """Complete the open task of a step in a teacher's case; nothing when it was done in an earlier run."""
        self.complete(self.case_of(teacher["phone"]), step, sign_in, at, paper)

    def case_of(self, sign_in: str) -> str:
        """Number of somebody's application."""
        applicant = self.viewer(sign_in)
        with self.db.read() as session:
            return instances.started_by(session, applicant.person_id)[0]

    def complete(
        self, instance: str, step: str, sign_in: str, at: datetime, paper: Callable[..., dict[str, Any]], *, task: str = ""
    ) -> None:
        """Complete a task of a case, the one that waits at a step unless named; nothing when that was done in an earlier run."""
        viewer = self.viewer(sign_in)
        with self.db.read() as session:
            number = task or instances.open_task(session, instance, step)
            if number is None:
                return
            request = instances.task_form(session, viewer, number, at)
        spec = spec_of(request.form)
        folder = Folder(self.db, self.store, viewer, at)
        filled = paper(folder, build.initial(spec, request.context, now=at, saved=request.prefill))
        submission = fill(request, filled, at=at, files=folder.files, find=self._find(at))
        instances.complete_task(self.db, viewer, number, submission, at=at)

    def _recommend(self, place: str, teacher: Mapping[str, Any], at: datetime) -> None:
        self._act(teacher, "adm_u1", f"{_short(teacher['unit'])}.head", at,
                  lambda folder, had: papers.recommendation(teacher["name"], int(had["months_claimed"]), folder))

    def _consent(self, place: str, teacher: Mapping[str, Any], at: datetime) -> None:
        unit = teacher["unit"].rpartition("-")[0].split("-")[-1]
        self._act(teacher, "adm_u1b", f"{unit}.bureau", at,
                  lambda folder, had: papers.bureau_opinion(teacher["name"], folder))

    def _return(self, place: str, teacher: Mapping[str, Any], at: datetime) -> None:
        items = [("annual_appraisals", "请补充 2024 年度考核表的单位盖章页"), ("attachments", "教学成绩证明缺少校长签字，请重新上传")]
        self._act(teacher, "adm_u2", REVIEWERS[place][0], at, lambda folder, had: papers.qualification_review(
            had, "退回补正", "请一次性补正以下事项，其他材料已核对无误。", items))

    def _correct(self, place: str, teacher: Mapping[str, Any], at: datetime) -> None:
        def paper(folder: Folder, had: Mapping[str, Any]) -> dict[str, Any]:
            rows = [dict(row) for row in had["attachments"]]
            for number, row in enumerate(rows):
                if row["kind"].startswith("教学成绩证明"):
                    row["files"] = folder.upload(f"{teacher['name']}-教学成绩证明-补.pdf",
                                                 papers.page(f"{teacher['name']} 教学成绩证明（补正）"),
                                                 f"attachments.{number}.files")
            return {"attachments": rows}

        self._act(teacher, "adm_u3", teacher["phone"], at, paper)

    def _qualify(self, place: str, teacher: Mapping[str, Any], at: datetime) -> None:
        self._act(teacher, "adm_u2", REVIEWERS[place][0], at, lambda folder, had: papers.qualification_review(had, "合格"))

    def _refuse(self, place: str, teacher: Mapping[str, Any], at: datetime) -> None:
        self._act(teacher, "adm_u2", REVIEWERS[place][0], at, lambda folder, had: papers.qualification_review(
            had, "不合格", "经核对，未达到本批次的资格条件，详见规则判定及依据。"))

    def _appeal(self, place: str, teacher: Mapping[str, Any], at: datetime) -> None:
        self._act(teacher, "adm_u5", teacher["phone"], at, lambda folder, had: papers.reconsideration(apply=True))

    def _uphold(self, place: str, teacher: Mapping[str, Any], at: datetime) -> None:
        self._act(teacher, "adm_u6", REVIEWERS[place][1], at, lambda folder, had: papers.qualification_review(
            had, "不合格", "经复核，支教经历已计入，仍未达到规定年限和职称要求，维持原结论。"))


#: How far each kind of story goes: (working days before today, hour, act).
_STORIES: Mapping[str, tuple[tuple[int, int, str], ...]] = {
    "none": (),
    "draft": ((2, 15, "draft"),),
    "submitted": ((2, 10, "submit"),),
    "overdue": ((9, 10, "submit"),),
    "recommended": ((6, 10, "submit"), (4, 11, "recommend")),
    "consented": ((8, 10, "submit"), (6, 11, "recommend"), (4, 14, "consent")),
    "returned": ((10, 10, "submit"), (8, 11, "recommend"), (6, 14, "consent"), (3, 16, "return")),
    "corrected": ((12, 10, "submit"), (10, 11, "recommend"), (8, 14, "consent"), (6, 16, "return"), (3, 10, "correct")),
    "lapsed": ((15, 10, "submit"), (13, 11, "recommend"), (12, 14, "consent"), (10, 16, "return")),
    "qualified": ((14, 10, "submit"), (12, 11, "recommend"), (11, 14, "consent"), (9, 16, "qualify")),
    "refused": ((9, 10, "submit"), (7, 11, "recommend"), (5, 14, "consent"), (2, 16, "refuse")),
    "reviewed": ((15, 10, "submit"), (13, 11, "recommend"), (11, 14, "consent"), (9, 16, "refuse"), (8, 10, "appeal"),
                 (5, 15, "uphold")),
}  # fmt: skip


def _short(unit: str) -> str:
    """Sign-in name of a school's head from the school's code: ``ln-sy-hp-s1`` is ``hps1``, ``ln-sy-s1`` is ``sys1``."""
    parts = unit.split("-")
    return "".join(parts[-2:])


def _working_days_before(today: date, count: int, calendar: Calendar) -> list[date]:
    days: list[date] = []
    day = today
    while len(days) < count:
        day -= timedelta(days=1)
        if calendar.is_working_day(day):
            days.append(day)
    return days[::-1]


def _announcement(name: str, close: datetime) -> str:
    return (
        f"{name}面向全市在编在岗教师选调专职教研员 {len(POSTS)} 名。\n"
        "报名人员应具备教研员基本条件，教学经历和职称要求见“规则”页所列政策条款。\n"
        f"报名截止：{close:%Y年%m月%d日 %H:%M}。请在线填写《教研员申报表》，由所在单位和主管教育行政部门签署意见后进行资格审查。"
    )
