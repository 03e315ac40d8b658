"""A small office at work: places, people, an open round, and papers filled in as a browser without script does it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from lxml import html
from sqlalchemy import select
from stdnum.cn import ric
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from webapp import composition
from workflows import deployment
from workflows import people as register
from workflows.audit import Actor, ActorKind
from workflows.models import Event, EventPayload, Instance, Task
from workflows.registers import rounds

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = Actor(ActorKind.ADMINISTRATOR, "console")
#: The smallest PDF, PNG and JPEG that are recognised by their content.
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300") + bytes(64) + bytes.fromhex("ffd9")
APPLICANT, PRINCIPAL, HR1, HR2, HEAD, AUDITOR, STRANGER = "lin", "chu", "hr1", "hr2", "head", "audit", "gxaudit"
NAMES = {
    APPLICANT: "林书豪", PRINCIPAL: "褚明远", HR1: "吴立新", HR2: "郑晓燕", HEAD: "周雅琴", AUDITOR: "钱慧敏", STRANGER: "覃美玲",
}  # fmt: skip
ROLES = {
    APPLICANT: (), PRINCIPAL: (("ln-sy-s1", "home_principal"),), HR1: (("ln-sy", "bureau_hr"),),
    HR2: (("ln-sy", "bureau_hr"),), HEAD: (("ln-sy", "bureau_head"),), AUDITOR: (("ln-jyt", "auditor"),),
    STRANGER: (("gx-jyt", "auditor"),),
}  # fmt: skip
PLACES = [
    ("ln-sy", "沈阳市教育局", "edu_bureau", "city", "ln-jyt", "liaoning"),
    ("ln-sy-tri", "沈阳市教育研究院", "tri", "city", "ln-sy", "liaoning"),
    ("ln-sy-s1", "沈阳市浑河高级中学", "school", "school", "ln-sy", "liaoning"),
    ("gx-jyt", "广西壮族自治区教育厅", "edu_bureau", "province", None, "guangxi"),
]
ID_CARD = "21010219850412107" + str(ric.calc_check_digit("210102198504121070"))
PHONE = "13840010001"
STATEMENT = "本人长期在一线从事小学语文教学，坚持以学生发展为本，注重课堂实效，参与校本教研与课题研究，指导青年教师成长。" * 8


class Sheet:
    """One form of a page, as a browser holds it: what stands in its inputs, and what a button adds."""

    def __init__(self, page: str, form_id: str = "the-form") -> None:
        root = html.fromstring(page)
        for one in root.xpath("//template"):  # inert in a browser
            one.drop_tree()
        found = root.xpath(f"//form[@id='{form_id}']") or root.xpath("//form[@data-office-form]")
        assert found, "the page has no such form"
        self.form = found[0]
        self.action = self.form.get("action")
        for one in self.form.xpath(".//textarea"):  # a browser leaves out the line end after the tag
            one.text = (one.text or "").removeprefix("\n")
        self.values: MultiDict[str, Any] = MultiDict(self.form.form_values())
        self.files: list[tuple[str, str, bytes]] = []

    def names(self) -> set[str]:
        """Names of every input that the form offers."""
        return {one.get("name") for one in self.form.xpath(".//input|.//select|.//textarea") if one.get("name")}

    def fill(self, values: dict[str, Any]) -> Sheet:
        """Type values into inputs that the page offers."""
        for name, value in values.items():
            assert name in self.names(), f"the page does not ask for {name}"
            self.values.setlist(name, value if isinstance(value, list) else [value])
        return self

    def attach(self, name: str, file_name: str, content: bytes) -> Sheet:
        """Choose a file."""
        assert f"_file.{name}" in self.names(), f"the page takes no file for {name}"
        self.files.append((f"_file.{name}", file_name, content))
        return self

    def data(self, **buttons: str) -> MultiDict[str, Any]:
        """What the browser posts when a button is pressed."""
        sent: MultiDict[str, Any] = MultiDict(self.values)
        for name, file_name, content in self.files:
            sent.add(name, (io.BytesIO(content), file_name))
        for name, value in buttons.items():
            sent.setlist(name, [value])
        return sent


@dataclass
class World:
    """The office of ``tests/webapp/conftest.py`` with definitions, places, people and a round."""

    house: Any
    numbers: dict[str, str] = field(default_factory=dict)
    round: str = ""

    def __post_init__(self) -> None:
        house, at = self.house, self.house.watch()
        deployment.deploy(
            house.database, SYSTEM, deployment.read_tree(ROOT), composition.check_form, at=at
        )
        for code, name, kind, level, parent, place in PLACES:
            register.create_organisation(
                house.database, SYSTEM, code=code, name=name, org_type=kind, level=level, parent_code=parent, place=place,
                from_on=date(2020, 1, 1), at=at,
            )  # fmt: skip
        for sign_in, name in NAMES.items():
            self.numbers[sign_in] = house.person(sign_in, *ROLES[sign_in], name=name)
        self.round = rounds.open_round(
            house.database, SYSTEM, title="2026年沈阳市教育研究院选调教研员", org_code="ln-sy-tri", post_type="专职", channel="选调",
            posts=[{"code": "p1", "subject": "语文", "stage": "小学", "headcount": 1}], prefix="LN", body="公告",
            contact="024-00000000", open_at=datetime(2026, 8, 25, 1, 0, tzinfo=UTC),
            close_at=datetime(2026, 9, 30, 10, 0, tzinfo=UTC), at=datetime(2026, 8, 25, 1, 0, tzinfo=UTC),
        )  # fmt: skip
        self._browsers: dict[str, Any] = {}

    def browser(self, who: str) -> Any:
        """The browser of one person, signed in."""
        if who not in self._browsers:
            made = self.house.browser()
            assert made.sign_in(who).status_code == 302
            self._browsers[who] = made
        return self._browsers[who]

    @property
    def start_path(self) -> str:
        return f"/instances/start/admission/{self.round}"

    def sheet(self, who: str, path: str) -> Sheet:
        """Open a page and take its form."""
        answer = self.browser(who).get(path)
        assert answer.status_code == 200, answer.status_code
        return Sheet(answer.get_data(as_text=True))

    def send(self, who: str, sheet: Sheet, path: str = "", **buttons: str) -> TestResponse:
        """Press a button of a form: ``send(who, sheet, _save="1")``."""
        answer: TestResponse = self.browser(who).client.post(
            path or sheet.action, data=sheet.data(**buttons), content_type="multipart/form-data", buffered=True
        )
        return answer

    # -- the papers ---------------------------------------------------------------------------------------------------

    def application(self) -> Sheet:
        """Form A2 as the applicant fills it; only what the page offers can be typed."""
        sheet = self.sheet(APPLICANT, self.start_path)
        sheet.fill({
            "full_name": NAMES[APPLICANT], "gender": "男", "birth_date": "1985-04-12", "id_card": ID_CARD, "ethnicity": "汉族",
            "political_status": "中共党员", "phone": PHONE, "current_unit": "ln-sy-s1", "subject": "语文", "stage": "小学",
            "applied_post": "p1", "source_kind": "在职教师",
            "education.0.level": "本科", "education.0.major": "汉语言文学", "education.0.school": "沈阳师范大学",
            "education.0.graduated": "2008-07-01", "teacher_cert_no": "20082100123", "cert_scope": "小学语文",
            "title_series": "教师", "title_level": "一级", "title_date": "2016-12-01",
            "teaching_history.0.start": "2008-09-01", "teaching_history.0.end": "2026-08-31",
            "teaching_history.0.unit": "沈阳市浑河高级中学", "teaching_history.0.unit_kind": "中小学",
            "teaching_history.0.duty": "课堂教学", "teaching_history.0.subject": "语文", "teaching_history.0.stage": "小学",
            **{f"annual_appraisals.{n}.year": str(2021 + n) for n in range(5)},
            **{f"annual_appraisals.{n}.result": "合格" for n in range(5)},
            "achievements.0.type": "优质课", "achievements.0.level": "市级", "achievements.0.name": "=语文优质课评比",
            "achievements.0.date": "2024-05-20", "statement": STATEMENT, "health_declaration": "健康",
            "discipline_declaration": "无", "kinship_status": "无", "truth_commitment": "true",
        })  # fmt: skip
        sheet.attach("photo", "照片.jpg", JPEG).attach("achievements.0.evidence", "证书.pdf", PDF)
        for name in sorted(sheet.names()):
            if re.fullmatch(r"_file\.attachments\.\d+\.files", name):
                sheet.attach(name.removeprefix("_file."), f"{name[-7]}.pdf", PDF + name.encode())
        return sheet

    def start(self) -> str:
        """An application sent: form, read-through, confirmation; returns the case's number."""
        through = self.send(APPLICANT, self.application())
        assert through.status_code == 200, (problems(through), [raw.decode() for _, raw in self.events("input:rejected")])
        answer = self.send(APPLICANT, Sheet(through.get_data(as_text=True)), _send="1")
        assert answer.status_code == 303, problems(answer)
        return str(answer.headers["Location"].split("/")[-2])

    def recommend(self, task: str) -> TestResponse:
        """Form A3 as the principal fills and sends it."""
        sheet = self.sheet(PRINCIPAL, f"/tasks/{task}").fill({
            "conflict_declared": "否", "recommend": "推荐",
            "teaching_performance": "教学功底扎实，课堂教学效果好，所任班级学业质量稳定提升，多次承担区级公开课，"
                                    "主动承担教研组工作，深受学生和家长好评。",
            "ethics_statement": "师德高尚，为人师表，关爱学生，团结同事，近五年无师德问题。", "discipline_record": "无",
            "release_agreed": "是",
        })  # fmt: skip
        claimed = re.search(r"months_claimed[^>]*>\s*(\d+)", self.browser(PRINCIPAL).get(f"/tasks/{task}").get_data(as_text=True))
        assert claimed, "the page shows the months counted by the system"
        sheet.fill({"months_confirmed": claimed[1]}).attach("seal_file", "推荐意见.pdf", PDF)
        return self.send(PRINCIPAL, sheet)

    def review(self, who: str, task: str, conclusion: str, opinion: str = "", items: dict[str, str] | None = None) -> TestResponse:
        """Form A4 as a reviewer fills and sends it."""
        sheet = self.sheet(who, f"/tasks/{task}")
        sheet.fill({"conflict_declared": "否", "qualification": conclusion, "opinion": opinion})
        for name in sheet.names():
            if re.fullmatch(r"checked_documents\.\d+\.seen", name):
                sheet.fill({name: "是"})
            elif re.fullmatch(r"conditions_judgement\.\d+\.judgement", name):
                sheet.fill({name: "符合"})
            elif re.fullmatch(r"conditions_judgement\.\d+\.evidence", name):
                sheet.fill({name: "见单位推荐意见"})
        if items:
            sheet = Sheet(self.send(who, sheet, _refresh="1").get_data(as_text=True))
            while not all(f"return_items.{n}.field_key" in sheet.names() for n in range(len(items))):
                sheet = Sheet(self.send(who, sheet, _add_row="return_items").get_data(as_text=True))
            for n, (key, reason) in enumerate(items.items()):
                sheet.fill({f"return_items.{n}.field_key": key, f"return_items.{n}.reason": reason})
        return self.send(who, sheet)

    # -- what the tables hold -----------------------------------------------------------------------------------------

    def task(self, number: str, step: str) -> str:
        """Number of the case's open task of a step."""
        with self.house.database.read() as session:
            return str(session.execute(
                select(Task.number).join(Instance, Instance.id == Task.instance_id)
                .where(Instance.number == number, Task.step_id == step, Task.status == "open")
            ).scalar_one())  # fmt: skip

    def events(self, kind: str) -> list[tuple[Event, bytes]]:
        """Every event of a kind with its payload, in the order of writing."""
        with self.house.database.read() as session:
            rows = session.execute(
                select(Event, EventPayload.payload).join(EventPayload, EventPayload.event_id == Event.event_id)
                .where(Event.kind == kind).order_by(Event.recorded_at)
            ).all()  # fmt: skip
            session.expunge_all()
        return [(event, payload) for event, payload in rows]


def problems(answer: TestResponse) -> str:
    """The list of errors on top of a refused page, for the message of a failed test."""
    root = html.fromstring(answer.get_data(as_text=True))
    return " | ".join(" ".join(one.text_content().split()) for one in root.xpath("//*[@role='alert']"))
