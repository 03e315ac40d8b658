"""Registers: the roster as of a day, its history, import and export; the staffing matrix and whether it is covered (issue 5)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from lxml import html
from openpyxl import Workbook, load_workbook
from sqlalchemy import select

from tests.webapp.case_world import APPLICANT, AUDITOR, HEAD, HR1, PRINCIPAL, STRANGER, SYSTEM, World
from workflows import accounts
from workflows.clock import Clock
from workflows.errors import ImportRefused
from workflows.models import Event, Membership, Notice, Person, PersonnelEvent, Researcher
from workflows.registers import importing, roster
from workflows.worker import Worker

HEADS = ["姓名", "手机号", "单位代码", "岗位类型", "学科", "学段", "到岗日期", "任教计时起点", "聘期起", "聘期止", "聘任文号"]
CELLS = ["单位代码", "学科", "学段", "应配专职人数", "起始日期"]
#: A whole-time researcher of two stages, one that helps, and one whose clock began anew after a rotation.
LIST = [
    ["韩雪梅", "13900000001", "ln-sy-tri", "专职", "语文", "小学、初中", "2015-09-01", None, "2025-09-01", "2028-08-31",
     "沈教人〔2025〕3号"],
    ["佟志刚", "13900000002", "ln-sy-tri", "兼职", "数学", "小学", "2022-03-01", None, "2025-03-01", "2027-02-28", None],
    ["薛丽娟", "13900000003", "ln-sy-tri", "专职", "英语", "小学", "2012-09-01", "2024-09-01", "2024-09-01", None, "沈教人〔2024〕9号"],
]  # fmt: skip


def workbook(*rows: Sequence[Any]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


@pytest.fixture
def world(house: Any) -> World:
    return World(house)


def enter(world: World, kind: str, *rows: Sequence[Any]) -> importing.ImportReport:
    return importing.import_workbook(world.house.database, SYSTEM, kind, workbook(*rows), at=world.house.watch())


def names(shown: Any) -> list[str]:
    return [str(one) for one in shown.xpath("//main//tbody/tr/td[1]/a/text()")]


@pytest.fixture
def staffed(world: World) -> World:
    enter(world, "researchers", HEADS, *LIST)
    enter(world, "staffing", CELLS, *(["ln-sy-tri", subject, "小学", 1, "2024-01-01"] for subject in ("语文", "数学", "英语")),
          ["ln-sy-tri", "语文", "初中", 2, "2024-01-01"])  # fmt: skip
    return world


def page(world: World, who: str, path: str, status: int = 200) -> Any:
    answer = world.browser(who).get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return html.fromstring(answer.get_data(as_text=True))


def words(element: Any) -> str:
    return " ".join(element.text_content().split())


def rows(shown: Any) -> list[str]:
    return [" ".join(words(cell) for cell in one.xpath("./td | ./th")) for one in shown.xpath("//main//tbody/tr")]


def test_an_import_enters_appointment_event_and_role_once_for_each(staffed: World) -> None:
    with staffed.house.database.read() as session:
        found = session.execute(select(Researcher).order_by(Researcher.id)).scalars().all()
        assert [(one.appointment_no, one.post_type, one.stages, one.base_on) for one in found] == [
            ("LN-P2026-0001", "专职", ["小学", "初中"], date(2015, 9, 1)),
            ("LN-P2026-0002", "兼职", ["小学"], date(2022, 3, 1)),
            ("LN-P2026-0003", "专职", ["小学"], date(2024, 9, 1)),
        ]
        assert len({one.begun_by_event for one in found}) == 1
        assert session.execute(select(Event.kind).where(Event.event_id == found[0].begun_by_event)).scalar_one() == "register:imported"
        assert [one.kind for one in session.execute(select(PersonnelEvent)).scalars()] == ["导入在册"] * 3
        held = session.execute(select(Membership).where(Membership.role == "researcher")).scalars().all()
        assert sorted(one.from_on for one in held) == [date(2012, 9, 1), date(2015, 9, 1), date(2022, 3, 1)]


def test_a_bad_list_is_refused_whole_by_row_and_column(staffed: World) -> None:
    bad = [
        [*LIST[0][:2], *LIST[0][2:]],
        ["甄小明", "13900000009", "ln-sy", "专职", "语文", "小学", "2020-09-01", None, "2025-09-01", None, None],
        ["巩建国", "13900000008", "ln-sy-tri", "专职", "语文", "大学", "2027-09-01", "2010-01-01", "2025-09-01", "2024-09-01",
         "沈教人〔2024〕9号"],
        ["薛丽娟", "13900000001", "ln-sy-tri", "临时", "英语", "小学", "2012-09-01", None, "2024-09-01", None, None],
    ]
    with pytest.raises(ImportRefused) as refused:
        enter(staffed, "researchers", HEADS, *bad)
    assert [(one.line, one.element) for one in refused.value.problems] == [
        (2, "姓名"), (2, "聘任文号"), (3, "单位代码"), (4, "任教计时起点"), (4, "到岗日期"), (4, "学段"), (4, "聘任文号"), (4, "聘期止"),
        (5, "岗位类型"),
    ]  # fmt: skip
    with staffed.house.database.read() as session:
        assert len(session.execute(select(Researcher)).scalars().all()) == 3


def test_the_roster_shows_whom_one_has_in_charge_as_it_stood_on_a_day(staffed: World) -> None:
    assert len(rows(page(staffed, HR1, "/registers/researchers"))) == 3
    asked = {
        "organisation=ln-sy&q=佟志刚": "佟志刚", "post_type=兼职": "佟志刚", "stage=初中": "韩雪梅",
        "q=LN-P2026-0003": "薛丽娟", "subject=英语": "薛丽娟",
    }  # fmt: skip
    for question, name in asked.items():
        assert names(page(staffed, HR1, f"/registers/researchers?{question}")) == [name], question
    assert len(rows(page(staffed, AUDITOR, "/registers/researchers"))) == 3
    for stranger in (STRANGER, APPLICANT, PRINCIPAL):
        assert rows(page(staffed, stranger, "/registers/researchers")) == [], stranger
    early = page(staffed, HR1, "/registers/researchers?on=2014-01-01")
    assert names(early) == ["薛丽娟"], "the others were not there yet"


def test_one_person_has_a_page_with_every_row_and_strangers_do_not_find_it(staffed: World) -> None:
    with staffed.house.database.read() as session:
        person = roster.everyone(session, _viewer(staffed, HR1), roster.Sought(text="薛丽娟"), on=date(2026, 9, 1))[0]
    path = f"/registers/researchers/{person.person_number}"
    shown = words(page(staffed, HEAD, path))
    for said in ("LN-P2026-0003", "2012-09-01", "2024-09-01", "沈教人〔2024〕9号", "导入在册"):
        assert said in shown, said
    page(staffed, STRANGER, path, 404)
    page(staffed, APPLICANT, path, 404)


def _viewer(world: World, who: str) -> Any:
    with world.house.database.read() as session:
        return accounts.viewer_by_name(session, who, at=world.house.watch())


def test_the_list_is_taken_away_as_a_workbook_and_the_record_says_by_whom(staffed: World) -> None:
    answer = staffed.browser(HR1).get("/registers/researchers?format=xlsx&post_type=专职")
    assert answer.status_code == 200
    sheet = load_workbook(io.BytesIO(answer.data)).active
    lines = list(sheet.values)
    assert lines[0][:3] == ("聘任编号", "姓名", "人员编号") and sorted(line[1] for line in lines[1:]) == ["薛丽娟", "韩雪梅"]
    events = staffed.events("register:exported")
    assert len(events) == 1 and events[0][0].stream == f"person:{staffed.numbers[HR1]}"


def test_the_matrix_shows_who_covers_a_cell_and_where_people_are_missing(staffed: World) -> None:
    shown = page(staffed, HR1, "/registers/staffing/ln-sy-tri")
    table = shown.xpath("//*[@id='matrix']//tbody/tr")
    cells = {words(row.xpath("./th")[0]): [words(cell) for cell in row.xpath("./td")] for row in table}
    assert cells["语文"][0].startswith("1／1") and "韩雪梅" in cells["语文"][0]
    assert cells["语文"][1].startswith("1／2 缺 1 人")
    assert cells["数学"][0].startswith("0／1 缺 1 人") and "（佟志刚）" in cells["数学"][0], "a part-time researcher covers no cell (I13)"
    gaps = {tuple(row.split()[:2]): row.split()[2:4] for row in rows(shown) if "政策规则" in row or "应配人数" in row}
    assert gaps["语文", "初中"] == ["1", "应配人数"] and gaps["数学", "小学"] == ["1", "应配人数、政策规则"]
    assert gaps["物理", "初中"] == ["1", "政策规则"], "the rule asks for every subject of the curriculum on every stage"
    assert "规则要求，缺员" in cells["物理"][1]
    ruling = words(shown.get_element_by_id("ruling"))
    assert "不符合" in ruling and "辽宁实施意见 第13条" in ruling
    page(staffed, STRANGER, "/registers/staffing/ln-sy-tri", 404)
    listed = rows(page(staffed, HR1, "/registers/staffing"))
    assert [row.split() for row in listed] == [["沈阳市教育研究院", "市级", "2", "4", "2"]]


def test_every_register_has_its_empty_page(world: World) -> None:
    for path in ("", "researchers", "researchers?q=x", "staffing", "publicity", "publicity?q=x", "evidence", "evidence?q=x"):
        shown = page(world, HR1, f"/registers/{path}")
        assert shown.xpath("//h1"), path
    shown = page(world, HR1, "/registers/staffing/ln-sy-tri")
    assert "还没有登记学科配备" in words(shown)


def test_uploaded_files_are_found_by_name_and_digest_with_their_case(world: World) -> None:
    number = world.start()
    shown = rows(page(world, HR1, "/registers/evidence?q=照片"))
    assert len(shown) == 1 and number in shown[0]
    digest = page(world, HR1, "/registers/evidence?q=照片").xpath("//code/@title")[0]
    assert rows(page(world, HR1, f"/registers/evidence?q={digest[:12]}")) == shown
    assert rows(page(world, STRANGER, "/registers/evidence")) == []
    assert len(rows(page(world, APPLICANT, "/registers/evidence"))) > 5, "one's own files"


def test_every_list_is_taken_away_as_it_is_shown(staffed: World) -> None:
    staffed.start()
    for path, rows_of in (("staffing/ln-sy-tri", 4), ("publicity", 0), ("evidence?q=照片", 1)):
        joined = "&" if "?" in path else "?"
        answer = staffed.browser(HR1).get(f"/registers/{path}{joined}format=xlsx")
        assert answer.status_code == 200 and len(list(load_workbook(io.BytesIO(answer.data)).active.values)) == rows_of + 1, path
    assert staffed.browser(STRANGER).get("/registers/staffing/ln-sy-tri?format=xlsx").status_code == 404
    assert len(staffed.events("register:exported")) == 3


def test_a_term_that_ends_is_told_once_to_the_person_and_the_head(staffed: World) -> None:
    house = staffed.house
    head = house.person("trihead", ("ln-sy-tri", "tri_head"), name="冯玉洁")
    worker = Worker(house.database, Clock(house.database, lambda: at), house.settings, {}, lambda _: lambda text, _params: text)
    at = datetime(2026, 12, 29, 1, 0, tzinfo=UTC)
    worker.remind_of_terms()
    assert not staffed.events("researcher:reminded"), "61 days before 2027-02-28"
    at = datetime(2026, 12, 30, 1, 0, tzinfo=UTC)
    worker.remind_of_terms()
    worker.remind_of_terms()
    (event, _), = staffed.events("researcher:reminded")
    assert event.actor_kind == "timeout" and event.actor is None, "a machine is no person"
    with house.database.read() as session:
        told = session.execute(select(Person.number, Notice.params).join(Notice).where(Notice.kind == "term_ending")).tuples().all()
        entered = session.execute(select(PersonnelEvent).where(PersonnelEvent.kind == "聘期届满提醒")).scalars().all()
    assert len(told) == 2 and head in {number for number, _ in told} and all(params["name"] == "佟志刚" for _, params in told)
    assert [(one.on, one.event) for one in entered] == [(date(2027, 2, 28), event.event_id)]
