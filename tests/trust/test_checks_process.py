"""Checks 19–24 of ``design/trust.md``: no step is skipped, nothing is smuggled in, and of two who come at once one is first."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from tests.trust.conftest import Standing
from tests.webapp.case_world import APPLICANT, HR1, HR2, PRINCIPAL, SYSTEM, Sheet, World
from tests.webapp.conftest import Browser, House
from webapp import composition, route_matrix
from workflows import deployment
from workflows.models import Definition, Event, Instance, Round, Submission, Task

Words = Callable[[TestResponse], str]
ROOT = Path(__file__).resolve().parents[2]


def statuses(world: World) -> dict[str, str]:
    with world.house.database.read() as session:
        return dict(session.execute(select(Task.number, Task.status)).tuples().all())


def test_check_19_a_step_that_is_not_open_is_not_completed(standing: Standing) -> None:
    """Done, never reached, or another's: by number there is no way past the diagram."""
    world, before = standing.world, statuses(standing.world)
    [done] = [number for number, status in before.items() if status == "done"]
    sheet = world.sheet(HR1, f"/tasks/{standing.task}")
    for number, expected in ((done, {404, 409}), ("0" * 16, {404}), ("adm_bm2", {404}), (standing.number, {404})):
        assert world.send(HR1, sheet, f"/tasks/{number}").status_code in expected, number
    # its own doer's old page: the step is over
    again = world.browser(PRINCIPAL).post(f"/tasks/{done}", {"recommend": "推荐", "_token": "x" * 32})
    assert again.status_code in {404, 409, 422}
    assert statuses(world) == before


def test_check_20_what_the_form_does_not_ask_never_reaches_the_case(standing: Standing) -> None:
    world = standing.world
    sheet = world.sheet(HR1, f"/tasks/{standing.task}")
    for name in (
        "outcome", "ruling", "approved", "instance.status", "constructor.prototype", "qualification.0.x", "reviewer", "reviewed_at",
    ):  # fmt: skip
        sheet.values[name] = "met"
        answer = world.send(HR1, sheet)
        assert answer.status_code == 422, name
        del sheet.values[name]
        assert json.loads(world.events("input:rejected")[-1][1])["fields"][0]["code"] in {"E_UNDECLARED", "E_READONLY", "E_HIDDEN"}
    sheet.values["__proto__"] = sheet.values["_x"] = "polluted"  # the page's own names begin so: dropped, never stored
    world.send(HR1, sheet)
    with standing.house.database.read() as session:
        stored = str(session.execute(select(Instance.state, Instance.facts)).all()) + str(session.execute(select(Submission.data)).all())
    assert "polluted" not in stored
    assert "__proto__" not in stored
    assert statuses(world)[standing.task] == "open"


def test_check_23_the_hour_of_the_close_is_the_servers_to_the_microsecond(standing: Standing) -> None:
    world, house = standing.world, standing.house
    house.person("late", name="后来人")
    close = datetime(2026, 9, 30, 10, 0, tzinfo=UTC)
    now = house.watch.at
    with house.database.write() as session:
        session.execute(update(Round).where(Round.number == world.round).values(close_at=close))
    try:
        for at, opens in ((close - timedelta(milliseconds=1), True), (close, True), (close + timedelta(milliseconds=1), False)):
            house.watch.at = at
            browser = house.browser()
            assert browser.sign_in("late").status_code == 302
            claimed = {"Date": "Wed, 30 Sep 2026 09:00:00 GMT", "X-Client-Time": "2026-09-30T09:00:00Z"}
            answer = browser.get(world.start_path, headers=claimed)
            assert (answer.status_code == 200) is opens, at.isoformat()
            if not opens:
                assert "申报时间已截止" in answer.get_data(as_text=True)
    finally:
        house.watch.at = now


def test_check_24_only_the_console_deploys_and_a_running_case_keeps_its_version(standing: Standing) -> None:
    """No address of the site deploys anything; the second person's approval is left for the designers (features.md A9)."""
    assert not [one for one in route_matrix.entries(standing.house.app) if "deploy" in one.address or "deploy" in one.endpoint]
    tree = dict(deployment.read_tree(ROOT))
    path = "bpmn/admission/admission.bpmn"
    changed = tree | {path: tree[path].replace('"资格审查"'.encode(), '"资格审核"'.encode())}
    db = standing.house.database
    with db.read() as session:
        kept = session.execute(select(Instance.definition).where(Instance.number == standing.number)).scalar_one()
    deployment.deploy(db, SYSTEM, changed, composition.check_form, at=standing.house.watch())
    with db.read() as session:
        versions = session.execute(select(func.count()).select_from(Definition).where(Definition.process_id == "admission")).scalar_one()
        still = session.execute(select(Instance.definition).where(Instance.number == standing.number)).scalar_one()
    assert versions == 2
    assert still == kept
    assert "资格审查" in standing.world.browser(HR1).get(f"/tasks/{standing.task}").get_data(as_text=True)
    deployment.deploy(db, SYSTEM, tree, composition.check_form, at=standing.house.watch())


def test_check_22_the_same_page_sent_ten_times_at_once_is_one_case(house: House) -> None:
    world = World(house)
    through = Sheet(world.send(APPLICANT, world.application()).get_data(as_text=True))
    cookie = world.browser(APPLICANT).cookie()
    form = world.browser(APPLICANT).cookie("jiaoyan-form")

    def send(_turn: int) -> tuple[int, str]:
        client = Browser(house)
        client.client.set_cookie("jiaoyan", str(cookie))
        client.client.set_cookie("jiaoyan-form", str(form))
        answer = client.client.post(through.action, data=through.data(_send="1"), content_type="multipart/form-data")
        return answer.status_code, answer.headers.get("Location", "")

    with ThreadPoolExecutor(10) as crowd:
        answers = list(crowd.map(send, range(10)))
    assert {status for status, _ in answers} == {303}
    assert len({location for _, location in answers}) == 1
    with house.database.read() as session:
        assert session.execute(select(func.count()).select_from(Instance)).scalar_one() == 1
        assert session.execute(select(func.count()).select_from(Event).where(Event.kind == "instance:started")).scalar_one() == 1


def test_check_21_of_two_reviewers_one_decides_and_the_other_is_told(standing: Standing, words: Words) -> None:
    """The last of this file: it ends the case."""
    world = standing.world
    first, second = (world.sheet(who, f"/tasks/{standing.task}") for who in (HR1, HR2))
    assert first.action == second.action
    answers = [world.review(who, standing.task, "不合格", "学历材料与原件不一致，不予通过。") if who == HR1 else world.send(who, second)
               for who in (HR1, HR2)]  # fmt: skip
    assert [answer.status_code for answer in answers] == [303, 409]
    assert "办理" in words(answers[1])
    with standing.house.database.read() as session:
        done = session.execute(select(func.count()).select_from(Submission).where(Submission.step_id == "adm_u2")).scalar_one()
    assert done == 1
