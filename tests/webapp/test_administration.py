"""The administrators' pages: people, roles, accounts, places, and spreadsheets with their rows and columns."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.webapp.conftest import PASSWORD, Browser, House
from workflows.models import Event, Job, Membership, Organisation, Person

Words = Callable[[TestResponse], str]


def workbook(*rows: Sequence[Any]) -> io.BytesIO:
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    made = io.BytesIO()
    book.save(made)
    made.seek(0)
    return made


def person_number(answer: TestResponse) -> str:
    return answer.headers["Location"].rpartition("/")[2]


def test_a_person_gets_a_role_and_an_account_and_works_with_them(
    house: House, administrator: Browser, security: Browser, words: Words
) -> None:
    refused = administrator.post("/administration/people/new", {"name": "王", "phone": "1", "email": "x"})
    assert refused.status_code == 422
    assert all(said in words(refused) for said in ("请填写 2 至 30 个字", "请填写 11 位手机号", "请填写正确的邮箱地址"))
    number = person_number(administrator.post("/administration/people/new", {"name": "王建国"}))
    found = security.get(f"/administration/people/{number}/role?q=辽宁")
    assert f"/administration/people/{number}/role?organisation=ln-jyt" in found.get_data(as_text=True)
    given = {"organisation": "ln-jyt", "role": "home_principal", "from_on": "2026-09-01"}
    assert "这类单位没有这个角色" in words(security.post(f"/administration/people/{number}/role", given))
    assert "日期应如 2026-09-01" in words(security.post(f"/administration/people/{number}/role", given | {"from_on": "明天"}))
    assert security.post(f"/administration/people/{number}/role", given | {"role": "bureau_hr"}).status_code == 302
    opened = administrator.post(f"/administration/people/{number}/account", {"sign_in_name": "wangjg"})
    password = words(opened).split("首次登录后必须修改。")[1].split()[0]
    assert password not in administrator.get(f"/administration/people/{number}").get_data(as_text=True)
    browser = house.browser()
    assert browser.sign_in("wangjg", password).headers["Location"] == "/password"
    taken = administrator.post(f"/administration/people/{number}/account", {"sign_in_name": "wangjg"})
    assert (taken.status_code, "已有人使用" in words(taken)) == (422, True)


def test_a_role_is_ended_never_removed(house: House, security: Browser) -> None:
    number = house.person("li", ("ln-jyt", "bureau_hr"))
    other = house.person("zhao", ("ln-jyt", "bureau_hr"))
    with house.database.read() as session:
        ids = dict(
            session.execute(select(Person.number, Membership.id).join(Person, Person.id == Membership.person_id)).tuples().all()
        )
    foreign = security.post(f"/administration/people/{number}/role/end", {"membership": str(ids[other])})
    assert foreign.status_code == 404
    assert security.post(f"/administration/people/{number}/role/end", {"membership": str(ids[number])}).status_code == 302
    with house.database.read() as session:
        ends = dict(session.execute(select(Membership.id, Membership.to_on)).tuples().all())
    assert ends[ids[number]] == date(2026, 9, 1)
    assert ends[ids[other]] is None


def test_disabling_signs_out_at_once_and_resetting_gives_a_first_password(
    house: House, administrator: Browser, security: Browser, words: Words
) -> None:
    number = house.person("li")
    browser = house.browser()
    browser.sign_in("li")
    security.post(f"/administration/people/{number}/account/disable")
    assert browser.get("/notices/").status_code == 302
    assert house.browser().sign_in("li").status_code == 401
    security.post(f"/administration/people/{number}/account/enable")
    assert house.browser().sign_in("li").status_code == 302
    for _ in range(5):
        house.browser().sign_in("li", "wrong")
    assert house.browser().sign_in("li").status_code == 401
    security.post(f"/administration/people/{number}/account/unlock")
    assert house.browser().sign_in("li").status_code == 302
    reset = words(administrator.post(f"/administration/people/{number}/account/reset"))
    assert house.browser().sign_in("li").status_code == 401
    assert house.browser().sign_in("li", reset.split("首次登录后必须修改。")[1].split()[0]).headers["Location"] == "/password"
    assert security.post(f"/administration/people/{number}/account/promote").status_code == 404
    with house.database.read() as session:
        kinds = set(session.execute(select(Event.kind).where(Event.stream == f"person:{number}")).scalars())
    assert {"account:disabled", "account:enabled", "account:locked", "account:unlocked"} <= kinds


def test_nobody_locks_themselves_out(house: House, administrator: Browser) -> None:
    with house.database.read() as session:
        me = session.execute(select(Person.number).where(Person.name == "周敬文")).scalar_one()
    for act in ("disable", "reset"):
        administrator.post(f"/administration/people/{me}/account/{act}")
    assert administrator.get("/administration/people").status_code == 200
    assert house.browser().sign_in("admin").status_code == 302


def test_places_are_entered_below_others(house: House, administrator: Browser, words: Words) -> None:
    new = "/administration/places/new?parent=ln-jyt"
    given = {"code": "ln-sy-jyj", "name": "沈阳市教育局", "org_type": "edu_bureau", "level": "city", "from_on": "2026-09-01"}
    assert administrator.post(new, given).status_code == 302
    again = administrator.post(new, given)
    assert (again.status_code, "这个单位代码已经存在" in words(again)) == (422, True)
    assert administrator.post(new, given | {"code": "ln-x", "org_type": "palace"}).status_code == 422
    school = given | {"code": "ln-sy-sch1", "name": "第一小学", "org_type": "school", "level": "school"}
    assert administrator.post("/administration/places/new?parent=ln-sy-jyj", school).status_code == 302
    assert administrator.get("/administration/places/new?parent=nowhere").status_code == 404
    tree = words(administrator.get("/administration/places"))
    assert "学校 1 所" in tree
    assert "第一小学" not in tree
    assert "第一小学" in words(administrator.get("/administration/places?under=ln-sy-jyj"))
    assert "第一小学" in words(administrator.get("/administration/places?q=第一"))


PLACES = ["单位代码", "单位名称", "单位类型", "层级", "上级单位代码", "政策规则包", "起始日期"]
GOOD = ["ln-sy-jyj", "沈阳市教育局", "教育行政部门", "市级", "ln-jyt", None, "2026-09-01"]


def send(browser: Browser, kind: str, book: io.BytesIO, act: str = "import") -> TestResponse:
    return browser.post(
        f"/administration/imports/{kind}", {"file": (book, "填好的表.xlsx"), "act": act}, content_type="multipart/form-data"
    )


def test_an_import_is_checked_then_entered(house: House, administrator: Browser, words: Words) -> None:
    checked = send(administrator, "places", workbook(PLACES, GOOD), "check")
    assert (checked.status_code, "检查通过：1 行" in words(checked)) == (200, True)
    with house.database.read() as session:
        assert session.execute(select(Organisation.code)).scalars().all() == ["ln-jyt"]
    assert send(administrator, "places", workbook(PLACES, GOOD)).status_code == 302
    assert "已导入 1 行：单位 1" in words(administrator.get("/administration/imports"))
    with house.database.read() as session:
        assert session.execute(select(Organisation.code)).scalars().all() == ["ln-jyt", "ln-sy-jyj"]


@pytest.mark.parametrize("act", ["check", "import"])
def test_a_bad_row_is_named_and_nothing_of_the_sheet_is_entered(house: House, administrator: Browser, words: Words, act: str) -> None:
    bad = ["ln-dl-jyj", "大连市教育局", "教育行政部门", "市级", "nowhere", None, "2026-13-01"]
    answer = send(administrator, "places", workbook(PLACES, GOOD, bad), act)
    said = words(answer)
    assert answer.status_code == 422
    assert "有 1 处需要更正" in said
    assert "3 起始日期 日期应如 2026-09-01" in said
    with house.database.read() as session:
        assert session.execute(select(Organisation.code)).scalars().all() == ["ln-jyt"]


def test_what_is_no_workbook_is_refused_in_words(house: House, administrator: Browser, words: Words) -> None:
    assert "这不是可以读取的 xlsx 文件" in words(send(administrator, "people", io.BytesIO(b"name,role\n")))
    assert "请先选择要导入的 xlsx 文件" in words(administrator.post("/administration/imports/people", {"act": "import"}))
    assert send(administrator, "palaces", workbook(PLACES)).status_code == 404


def test_the_blank_workbook_is_handed_out_under_its_name(administrator: Browser) -> None:
    answer = administrator.get("/administration/imports/people/blank")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "filename*=UTF-8''" in answer.headers["Content-Disposition"]
    assert load_workbook(io.BytesIO(answer.data)).worksheets[0]["A1"].value == "姓名 *"


def test_jobs_show_how_far_they_are(house: House, administrator: Browser, words: Words) -> None:
    with house.database.write() as session:
        session.add(
            Job(number="a1", kind="seed_demo", key="seed", params={}, status="running", done=12, total=60, cursor={}, made_at=house.watch())
        )
    assert "12 / 60" in words(administrator.get("/administration/jobs"))
    alone = administrator.get("/administration/jobs", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "12 / 60" in alone
    assert "<html" not in alone
    health = house.browser().get("/healthz").json
    assert (health["status"], health["seeding"]) == ("seeding", {"done": 12, "total": 60})


def test_the_other_pages_stand(administrator: Browser, words: Words) -> None:
    assert "还没有部署流程定义" in words(administrator.get("/administration/definitions"))
    health = words(administrator.get("/administration/health"))
    assert "连续 5 次密码错误，锁定 15 分钟" in health
    assert "最近 5 个密码不能再用" in health
    assert "周敬文" in words(administrator.get("/administration/people?q=周"))
    assert "没有找到" in words(administrator.get("/administration/people?q=没有这个人"))
    assert PASSWORD not in administrator.get("/administration/people").get_data(as_text=True)


def test_the_door_one_stands_behind_is_marked(administrator: Browser) -> None:
    for path in ("/administration/people", "/administration/jobs", "/administration/imports"):
        page = administrator.get(path).get_data(as_text=True)
        doors = page.split('class="office-doors"')[1].split("</nav>")[0]
        assert '<a href="/administration/" aria-current="page">' in doors
        assert doors.count("aria-current") == 1
