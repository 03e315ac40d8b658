"""A whole round in the browser: from the gap in the staffing matrix to the roster and the auditor's export.

Liaoning. Three apply for one post: the first in rank is appointed by the meeting, stands a publicity period with an
objection, and does not sign; the second was ranked out, is substituted in and signs; the third is refused, asks for
reconsideration and stays refused. Everybody signs in for themselves, and each kind of form is filled and sent at least
once on its real page. What the same kind of person does again over another paper (the other two applications, the other
members' scores, the second inspection …) the same people do through the verbs that the pages call, from this process
over the served office's own data. Time passes by the demo's clock; the served worker fires what falls due.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import expect

from tests.appointing import OFFICES, Offices
from tests.appointing import Path as Way
from tests.browser import acts
from tests.browser.desk import FORM, Desk, Suitcase
from tests.browser.town import Town
from tests.browsing import HEIGHTS, NARROW, WIDE
from tests.office import PLACES, Applicant, Case, Office, Place
from tests.rounds_story import STAFF, Batch, Staff, admission_no
from tests.serving import PATIENCE
from webapp.demo import papers, round_papers
from workflows.clock import Clock
from workflows.db import Database

TITLE = "小学语文教研员选调"
FIRST, SECOND, THIRD = "顾怀瑾", "宋知远", "温如玉"
#: A score that one member alone gives, to be looked for where it must not be read.
SEALED = "93.75"
#: (papers to lay ready, how many rows a table of the page has) -> values by field name.
Paper = Callable[[Any, Callable[[str], int]], Mapping[str, Any]]


@dataclass
class Story:
    """The served office as its people sit in it: a desk for each, and the verbs for what is done again."""

    town: Town
    pictures: Path | None
    place: Place
    office: Office
    desks: dict[str, Desk] = field(default_factory=dict)

    @property
    def staff(self) -> Staff:
        """Who runs rounds."""
        return STAFF[self.place.key]

    @property
    def who(self) -> Offices:
        """Who acts after the ranking."""
        return OFFICES[self.place.key]

    def now(self) -> datetime:
        """The office's moment, for the verbs too."""
        self.office.at = Clock(self.office.db).now()
        return self.office.at

    def passes(self, days: int) -> None:
        """Let days pass on the demo's clock; everybody has to sign in again then."""
        self.town.command("clock", "advance", f"{days}d")
        for desk in self.desks.values():
            desk.page.context.close()
        self.desks.clear()
        self.now()

    def desk(self, sign_in: str, password: str = "") -> Desk:
        """Somebody's desk; they sign in once a day."""
        if sign_in not in self.desks:
            self.desks[sign_in] = self.town.visitor().sign_in(sign_in, password)
        return self.desks[sign_in]

    def name(self, sign_in: str) -> str:
        """Somebody's name, as the register has it."""
        return self.office.viewer(sign_in).name

    def chosen(self, *sign_ins: str) -> list[dict[str, str]]:
        """Rows of a list of people, as they are looked up: the name typed, the entry with that number taken."""
        return [{"person": f"{self.name(one)}|{self.office.viewer(one).number}"} for one in sign_ins]

    def waits(self, case: Case, *steps: str) -> None:
        """Until the case stands at exactly these steps; messages between cases are carried by the served worker."""
        until = time.monotonic() + PATIENCE
        while (open_at := sorted(task.step_id for task in case.tasks() if task.status == "open")) != sorted(steps):
            assert time.monotonic() < until, f"{case.number} waits at {open_at}, not at {sorted(steps)}"
            time.sleep(0.1)
        self.now()

    def ends(self, case: Case, outcome: str) -> None:
        """Until the case is over, and with that end."""
        until = time.monotonic() + PATIENCE
        while case.row().status == "running":
            assert time.monotonic() < until, f"{case.number} still waits at {[t.step_id for t in case.tasks() if t.status == 'open']}"
            time.sleep(0.1)
        case.ended(outcome)

    def fills(self, desk: Desk, paper: Paper, button: str = "提交") -> Desk:
        """Fill the form on a desk and send it; one that is read through first is confirmed."""
        bag = Suitcase(at=self.now())
        if desk.page.locator(f'{FORM} [name="conflict_declared"]').count():
            desk.answer("conflict_declared", ["否"])
            desk.settle()
        values = paper(bag, lambda table: desk.page.locator(f'{FORM} [data-rows-of="{table}"] > [data-row]').count())
        desk.fill(values, bag.files).send(button)
        return desk.press("确认提交") if button != "提交" else desk

    def does(self, sign_in: str, case: Case, paper: Paper) -> Desk:
        """Somebody opens the task of a case from the inbox, fills its form and sends it."""
        return self.fills(self.desk(sign_in).take(case.number), paper)

    def looks(self, desk: Desk, name: str) -> Desk:
        """Look at a page at both widths, and take pictures if they are asked for; it is no wider than the window."""
        for width in (WIDE, NARROW):
            desk.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
            if self.pictures:
                desk.page.screenshot(path=self.pictures / f"round-{name}-zh-{width}.png", full_page=True, caret="initial")
            assert desk.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width} px"
        desk.page.set_viewport_size({"width": WIDE, "height": HEIGHTS[WIDE]})
        return desk


@pytest.fixture
def story(town: Town, pictures: Path | None) -> Story:
    """The served office, and the same office's data for the verbs."""
    database = Database(f"sqlite:///{town.served.data / 'jiaoyan.sqlite3'}")
    return Story(town, pictures, PLACES["liaoning"], Office(database, town.served.data))


@pytest.mark.timeout(900)  # some two hundred pages: a machine that is busy with other tests takes its time
def test_a_round_from_the_gap_to_the_roster(story: Story, tmp_path: Path) -> None:
    batch = _opened(story)
    first, second, _ = _qualified(story, batch)
    _marked(story, batch, first, second)
    _interviewed(story, batch, first, second)
    _appointed_and_gone(story, batch, first)
    _substituted(story, batch, second)
    story.ends(batch, "rnd_e")
    assert _standing(batch) == {FIRST: ("withdrawn", 1), SECOND: ("appointed", 2), THIRD: ("not_qualified", None)}
    _in_the_registers(story)
    _audited(story, batch, tmp_path)
    story.office.db.close()


def _standing(batch: Batch) -> dict[str, tuple[str, int | None]]:
    """Where the three stand in the register; the demo's own applicants stand there too."""
    return {name: standing for name, standing in batch.register().items() if name in {FIRST, SECOND, THIRD}}


def _opened(story: Story) -> Batch:
    """From the gap in the matrix to the announcement, with the opinion of the establishment office."""
    planner = story.desk(story.staff.planner)
    story.looks(planner.open("/instances/start"), "start").reads("发起“", "遴选批次")
    planner.open(f"/registers/staffing/{story.staff.institution}")
    gap = planner.page.locator("#gaps tbody tr").filter(has_text="语文").filter(has_text="小学")
    gap.get_by_role("link", name="发起遴选批次").click()
    expect(planner.page.locator(FORM)).to_be_visible()
    today = story.now().date()

    def plan(bag: Suitcase, rows: Callable[[str], int]) -> Mapping[str, Any]:
        filled = round_papers.plan(
            TITLE, [], open_at=_at(today, 8), close_at=_at(today + timedelta(days=16), 18), panel=[], channel="选调"
        )
        panel, markers = story.staff.panel[:5], story.staff.markers
        return {**filled, "panel": story.chosen(*panel), "exam_office": story.chosen(*markers)}

    assert [planner.typed()[f"posts.0.{key}"] for key in ("subject", "stage", "headcount")] == [["语文"], ["小学"], ["1"]]
    story.looks(planner, "plan-empty")
    story.fills(planner, plan, "下一步：通读核对").reads("集体研究岗位计划")
    nobody = Applicant(story.office, story.place.key, {"phone": story.staff.planner, "name": "", "unit": ""})
    batch = Batch(story.office, nobody, planner.number(), story.place)

    story.does(story.staff.institution_meeting, batch, lambda bag, rows: round_papers.review())
    story.does(story.place.reviewer, batch, lambda bag, rows: round_papers.review())
    story.does(story.place.reviewer, batch, lambda bag, rows: papers.external(
        "机构编制|ln-sy-bb", "同意", bag, "external_file"
    ))  # fmt: skip
    sessions = {stage: today + timedelta(days=20 + n) for n, stage in enumerate(("笔试", "面试资格复审", "面试"))}
    story.does(story.place.reviewer, batch, lambda bag, rows: round_papers.announcement(sessions))
    visitor = story.town.visitor().open("/public/")
    visitor.reads(TITLE)
    return batch


def _at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour)


def _qualified(story: Story, batch: Batch) -> tuple[Case, Case, Case]:
    """Two are found qualified; the third, who has taught too little, is refused and stays so."""
    story.now()
    second = batch.receives(SECOND)
    unit, heads = story.place.county_school, (story.place.county_head, story.place.county_bureau)

    def applies(name: str, **more: Any) -> tuple[Case, str]:
        applicant = story.office.applicant(unit, name=name, **more)
        phone = applicant.teacher["phone"]
        desk = story.desk(phone, f"mima-{phone}-mima")
        acts.choose_round(desk, TITLE)
        filled, bag = acts.application(desk, {**applicant.teacher, "school": "南湖第三"})
        desk.fill(filled, bag.files).send("下一步：通读核对").press("确认提交").reads("已受理您的申报")
        case = Case(story.office, applicant, desk.number())
        acts.recommend(story.desk(heads[0]), case.number, name)
        acts.consent(story.desk(heads[1]), case.number, name)
        return case, phone

    third, phone = applies(THIRD, since=f"{story.now().year - 2}-09-01")
    hr = story.desk(story.place.reviewer).take(third.number)
    acts.judge(hr, "不合格", "教学经历未满规定年限，不符合本批次资格条件。")
    hr.send()
    story.desk(phone).take(third.number).fill(papers.reconsideration(apply=True)).send().reads("资格复核")
    hr2 = story.desk(story.place.second_reviewer).take(third.number)
    acts.judge(hr2, "不合格", "经复核，教学经历仍未达到规定年限，维持原结论。")
    hr2.send()
    story.ends(third, "adm_x1")
    story.desk(phone).open(f"/instances/{third.number}").reads("已办结", "资格不符合")

    story.now()
    first = story.office.applicant(unit, name=FIRST)
    case = first.applies().is_recommended()
    acts.judge(hr.take(case.number), "合格")
    hr.send()
    case.is_qualified()
    return case, second, third


def _marked(story: Story, batch: Batch, first: Case, second: Case) -> None:
    """The window closes; the written test is marked by blind numbers."""
    story.passes(17)
    story.waits(batch, "rnd_u5", "rnd_u5")
    numbers = {admission_no(case): case for case in (first, second)}
    marker = story.desk(story.staff.markers[0]).take(batch.number)
    for told in (*numbers, FIRST, SECOND, first.number):
        expect(marker.page.locator("body")).not_to_contain_text(told)
    blind = marker.page.locator("#f-blind_no").inner_text()
    marks = {first.number: (86, 90), second.number: (80, 84)}

    def written(bag: Suitcase, rows: Callable[[str], int]) -> Mapping[str, Any]:
        people = [one["person"] for one in story.chosen(*story.staff.markers)]
        return round_papers.written(bag, people, marks[batch.whose(blind)])  # type: ignore[arg-type]

    story.looks(marker, "written-score")
    story.fills(marker, written)
    batch.is_written(marks)


def _interviewed(story: Story, batch: Batch, first: Case, second: Case) -> None:
    """Recheck, admission card, interview with scores sealed from everybody, ranking."""
    story.waits(batch, "rnd_u6", "rnd_u6")
    story.does(story.place.second_reviewer, batch, lambda bag, rows: round_papers.recheck(
        {"originals_checked": [{}] * rows("originals_checked")}
    ))  # fmt: skip
    batch.is_rechecked()
    phone = first.applicant.teacher["phone"]
    card = story.desk(phone, f"mima-{phone}-mima").open(f"/instances/{first.number}/admission-card")
    story.looks(card, "admission-card").reads(admission_no(first), FIRST, "市教育考试中心")

    story.waits(batch, *["rnd_u7"] * 10)
    member, another = batch.panel[:2]
    story.looks(story.desk(member).take(batch.number), "interview-score")
    story.fills(story.desk(member), lambda bag, rows: round_papers.interview(bag, "3", {"interview_score": float(SEALED)}))
    for reader, page in ((another, "instances"), (story.place.reviewer, "instances"), (story.place.auditor, "audit/cases")):
        desk = story.desk(reader).open(f"/{page}/{batch.number}").reads("已提交并密封")
        expect(desk.page.locator("body")).not_to_contain_text(SEALED)
    batch.is_scored({admission_no(first): 90, admission_no(second): 82})
    story.waits(first, "adm_u7")
    assert _standing(batch) == {FIRST: ("inspecting", 1), SECOND: ("reserve", 2), THIRD: ("not_qualified", None)}
    hr = story.desk(story.place.reviewer).open(f"/instances/{batch.number}").reads("报名台账", FIRST, SECOND, SEALED)
    story.looks(hr, "case")


def _appointed_and_gone(story: Story, batch: Batch, case: Case) -> None:
    """The first in rank: inspected, decided by ballot, made public, objected to, filed - and not signing."""
    team = [one["person"] for one in story.chosen(story.who.inspector, story.who.second_inspector)]
    story.does(story.who.inspector, case, lambda bag, rows: papers.inspection(
        FIRST, bag, {"archive_items": [{}] * rows("archive_items")}, team=team, hospital="第一人民医院|ln-sy-hos",
        discipline="纪检监察|ln-sy-dis",
    ))  # fmt: skip
    meeting = story.desk(story.who.meeting).take(case.number)
    story.fills(meeting, lambda bag, rows: papers.collective_decision(FIRST, bag, due=9, present=6, votes=(5, 1, 0)))

    hr = story.does(story.place.reviewer, case, lambda bag, rows: papers.publicity())
    visitor = story.town.visitor().open("/public/?kind=公示").follow(FIRST)
    story.looks(visitor, "publicity").reads(f"{FIRST}，和平区南湖第三小学，拟任沈阳市教育研究院小学语文专职教研员，总成绩", "名次第1")
    expect(visitor.page.locator("body")).not_to_contain_text(case.applicant.teacher["phone"])

    hr.open(f"/instances/{case.number}").follow("收到异议，登记受理")
    expect(hr.page.locator(FORM)).to_be_visible()
    story.looks(hr, "report")
    story.fills(hr, lambda bag, rows: papers.objection(bag), "下一步：通读核对").reads("已登记")

    story.passes(8)
    story.waits(case, "adm_u9_c")
    reviewer = story.place.reviewer
    story.does(reviewer, case, lambda bag, rows: papers.publicity_closing(FIRST, bag))
    story.does(reviewer, case, lambda bag, rows: papers.objection_finding(FIRST, bag))
    story.does(reviewer, case, lambda bag, rows: papers.entry_query(FIRST, bag))
    story.does(reviewer, case, lambda bag, rows: papers.external("人力资源|ln-sy-hrss", "已备案", bag, "external_file"))
    story.does(reviewer, case, lambda bag, rows: papers.appointment(FIRST, bag, order_no="", result="放弃或不报到"))
    story.ends(case, "adm_x6_d")


def _substituted(story: Story, batch: Batch, case: Case) -> None:
    """The reserve is called, goes the same way through the verbs, and signs in the browser."""
    story.waits(case, "adm_u7")
    phone = case.applicant.teacher["phone"]
    story.desk(phone, f"mima-{phone}-mima").open("/notices/").reads("递补")
    way = Way(story.office, story.place, case).is_inspected().is_decided().is_published()
    story.passes(8)
    story.waits(case, "adm_u9_c")
    case.task("adm_u9_c").by(story.place.reviewer).submits(lambda folder, had: papers.publicity_closing(SECOND, folder))
    way.is_queried().is_filed()
    story.does(story.place.reviewer, case, lambda bag, rows: {
        **papers.appointment(SECOND, bag, order_no="沈教任〔2026〕7号"), "probation_months": 0
    })  # fmt: skip
    story.ends(case, "adm_e")


def _in_the_registers(story: Story) -> None:
    """Once the term has begun, the roster has the new researcher, and the matrix no gap there."""
    story.passes(11)
    planner = story.desk(story.staff.planner).open(f"/registers/researchers?q={SECOND}")
    planner.reads(SECOND, "沈阳市教育研究院", "语文")
    planner.follow(SECOND).reads("沈教任〔2026〕7号")
    planner.open(f"/registers/staffing/{story.staff.institution}")
    cell = planner.page.locator("#matrix tbody tr").filter(has_text="语文").first.locator('td[data-label="小学"]')
    expect(cell).to_contain_text(SECOND)
    gaps = planner.page.locator("#gaps tbody tr").filter(has_text="语文").filter(has_text="小学")
    expect(gaps).to_have_count(0)


def _audited(story: Story, batch: Batch, folder: Path) -> None:
    """The auditor opens the round, reads the score that was sealed, takes it away; the record holds."""
    desk = story.desk(story.place.auditor).open(f"/audit/?q={batch.number}").follow(TITLE)
    desk.reads("办件卷宗", batch.number, "校验通过")
    expect(desk.page.locator("#papers")).to_contain_text(SEALED)
    told = " ".join(desk.page.locator("#log .case-log > li").all_inner_texts())
    acted = [story.name(one) for one in (
        story.staff.planner, story.staff.institution_meeting, story.place.reviewer, story.staff.markers[0],
        story.place.second_reviewer, batch.panel[0],
    )]  # fmt: skip
    places = [told.index(one) for one in acted]
    assert places == sorted(places), told
    story.looks(desk, "audit")

    with desk.page.expect_download() as download:
        desk.page.get_by_role("link", name=re.compile("xlsx")).click()
    taken = folder / download.value.suggested_filename
    download.value.save_as(taken)
    book = openpyxl.load_workbook(taken, read_only=True)
    text = "\n".join(str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell is not None)
    book.close()
    for one in (batch.number, *acted, SEALED):
        assert one in text, f"{one} is not in the exported workbook"
    story.town.command("audit", "verify")
