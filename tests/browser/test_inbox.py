"""The inbox by keyboard, renewed while somebody works in it, and several tasks at once."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import date

from playwright.sync_api import expect
from sqlalchemy import func, select

from tests import reviewing
from tests.browser.desk import Desk
from tests.serving import Served
from tests.workflows.test_bulk_acts import CROWD
from webapp import composition
from workflows import bulk, deployment
from workflows.clock import Clock
from workflows.db import Database
from workflows.models import Event, Instance, Membership, Organisation, Person, Task

CHECKED = "input[name=task]:checked"


def test_rows_are_walked_selected_and_kept_while_the_list_renews_itself(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("sy.hr1")
    page = desk.page
    page.clock.install()
    desk.open("/inbox/?tab=todo")
    links = page.locator("#inbox-list tbody a[href^='/tasks/']")
    expect(links.nth(1)).to_be_visible()
    page.keyboard.press("j")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("j")
    expect(links.nth(1)).to_be_focused()
    expect(page.locator("[data-checked]")).to_have_text("已选 1 项")
    page.locator("form[role=search] input[name=q]").fill("还没有打完")
    links.nth(1).focus()
    page.evaluate("document.querySelector('#inbox-list').dataset.old = '1'")
    with page.expect_response(lambda answer: "/inbox/" in answer.url) as renewed:
        page.clock.fast_forward(61_000)
    assert renewed.value.request.headers["x-background"] == "1"
    expect(page.locator("#inbox-list[data-old]")).to_have_count(0)
    expect(page.locator(CHECKED)).to_have_count(1)
    expect(page.locator("[data-checked]")).to_have_text("已选 1 项")
    expect(links.nth(1)).to_be_focused()
    expect(page.locator("form[role=search] input[name=q]")).to_have_value("还没有打完")
    page.keyboard.press("k")
    page.keyboard.press("x")
    expect(page.locator(CHECKED)).to_have_count(0)
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/tasks/"))


def test_what_is_selected_is_claimed_and_given_back_with_a_list(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("sy.hr1").open("/inbox/?tab=todo&whose=group")
    page = desk.page
    page.locator("[data-check-all]:visible").check()
    count = page.locator(CHECKED).count()
    assert count > 1
    page.locator("#bulk button[value=claim]").click()
    expect(page.locator("#results")).to_contain_text(f"已完成 {count} 项，未完成 0 项")
    desk.open("/inbox/?tab=todo&whose=mine")
    page.locator("[data-check-all]:visible").check()
    page.locator("#bulk button[value=unclaim]").click()
    expect(page.locator("#results")).to_contain_text("未完成 0 项")


def _waiting(db: Database) -> int:
    """How many of them the worker has started."""
    with db.read() as session:
        return session.execute(
            select(func.count()).select_from(Task).join(Instance, Instance.id == Task.instance_id)
            .where(Instance.process_id == "crowd", Task.status == "open")
        ).scalar_one()


def _until(so: Callable[[], bool], else_told: Callable[[], str]) -> None:
    """Wait for the worker, a minute at most."""
    for _ in range(120):
        if so():
            return
        time.sleep(0.5)
    raise AssertionError(else_told())


def test_two_hundred_are_decided_at_once_by_the_worker(demo: Served, sit_down: Callable[..., Desk]) -> None:
    db = Database(f"sqlite:///{demo.data / 'jiaoyan.sqlite3'}")
    at = Clock(db).now()
    proposal = {name: raw for name, raw in reviewing.FORMS.items() if name.endswith("proposal.json")}
    tree = {**deployment.read_tree(composition.SOURCE), **CROWD, **proposal}
    deployment.deploy(db, composition.OPERATOR, tree, composition.check_form, at=at)
    with db.write() as session:
        place = session.execute(select(Organisation.id).where(Organisation.code == "ln-sy-tri")).scalar_one()
        for n in range(200):
            person = Person(number=f"B{n:05d}", name=f"申报人{n}", phone=None, email=None, created_at=at)
            session.add(person)
            session.flush()
            session.add(Membership(person_id=person.id, organisation_id=place, role="tri_training", from_on=date(2025, 1, 1),
                                   to_on=None, begun_by_event="test"))  # fmt: skip
    everybody = bulk.Selection("crowd", "tri_training", "ln-sy-tri")
    bulk.request(db, composition.OPERATOR, everybody, variables={"proposal": {"title": "课题"}}, at=at)
    desk = sit_down("sy.hr1")
    page = desk.page
    _until(lambda: _waiting(db) == 200, lambda: f"{_waiting(db)} started; {demo.tail(8)}")
    desk.open("/inbox/?tab=todo&process=crowd&step=decide")
    page.locator("#bulk input[name=all]").check()
    page.locator("#bulk button[value=decide]").click()
    expect(page.get_by_role("heading", name="批量办理：200 项")).to_be_visible()
    page.get_by_label("同意", exact=True).check()
    page.get_by_label("统一意见（选填）").fill("材料齐全")
    page.get_by_text("本人与所选各办件的申请人均无应当回避的情形").click()
    page.get_by_role("button", name="办理 200 项").click()
    page.locator("dialog[open]").get_by_role("button", name="确定").click()
    expect(page.locator("#results")).to_contain_text("已完成 200 项，未完成 0 项", timeout=120_000)
    with db.read() as session:
        done = select(func.count()).select_from(Event).where(Event.kind == "task:completed", Event.outcome == "同意")
        assert session.execute(done.where(Event.definition.is_not(None), Event.actor_kind == "person")).scalar_one() >= 200
    desk.open("/inbox/?tab=todo&process=crowd&step=decide")
    expect(page.locator("main")).to_contain_text("没有符合筛选条件的事项")
    db.close()
