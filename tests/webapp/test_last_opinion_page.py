"""沿用上次意见 on the task page: a button puts it into the draft, beside what is typed; nothing is sent by that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.test import TestResponse

from tests.again import REQUEST
from tests.webapp.case_world import APPLICANT, HR1, HR2, ROOT, SYSTEM, World, problems
from webapp import composition
from workflows import accounts, deployment, instances, people
from workflows.submission import Submission

Words = Callable[[TestResponse], str]


def test_a_button_fills_in_what_one_wrote_last_time_and_sends_nothing(house: Any, words: Words) -> None:
    world = World(house)
    deployment.deploy(
        house.database, SYSTEM, {**deployment.read_tree(ROOT), **REQUEST}, composition.check_form, at=house.watch()
    )
    with house.database.read() as session:
        person = people.person_by_number(session, world.numbers[APPLICANT]).id
        author = accounts.viewer_of(session, person, at=house.watch())
    assert author is not None
    moved = instances.start(
        house.database, author, "request", world.round, Submission("request.draft", {"title": "请示"}, "t-1"), at=house.watch()
    )
    number = moved.instance_number
    first = world.sheet(HR1, f"/tasks/{world.task(number, 'check')}")
    first.fill({"result": "退回", "opinion": "经费的依据没有写明", "note": "见第三页", "read": "true"})
    assert world.send(HR1, first).status_code == 303
    improve = world.sheet(APPLICANT, f"/tasks/{world.task(number, 'improve')}").fill({"title": "请示（修改）"})
    assert world.send(APPLICANT, improve).status_code == 303
    again = world.task(number, "check")
    assert "沿用上次意见" not in words(world.browser(HR2).get(f"/tasks/{again}"))
    page = world.browser(HR1).get(f"/tasks/{again}")
    assert "您上次办理本环节时的意见" in words(page) and "经费的依据没有写明" in words(page)
    sheet = world.sheet(HR1, f"/tasks/{again}")
    assert sheet.values.get("opinion") == "" and "result" not in sheet.values
    taken = world.send(HR1, sheet.fill({"note": "见第五页"}), _last="1")
    assert taken.status_code == 303 and world.task(number, "check") == again, "nothing is sent"
    filled = world.sheet(HR1, f"/tasks/{again}")
    assert filled.values["opinion"] == "经费的依据没有写明" and filled.values["note"] == "见第五页", "what is typed stays"
    assert "result" not in filled.values and "read" not in filled.values
    assert world.send(HR1, filled).status_code == 422, "the choice and the tick are one's own each time"
    done = world.send(HR1, world.sheet(HR1, f"/tasks/{again}").fill({"result": "同意", "note": "见第三页", "read": "true"}))
    assert done.status_code == 303, problems(done)
    assert "意见与其上次" in words(world.browser(HR1).get(f"/instances/{number}"))
