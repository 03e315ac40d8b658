"""Pages of what failed and of cases as a whole: what each person reads, what is kept of what they typed, who may do what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.webapp.case_world import APPLICANT, HEAD, PRINCIPAL, STRANGER, Sheet, World
from tests.webapp.conftest import House
from workflows import engine
from workflows.models import Draft, Incident, Task

Words = Callable[[TestResponse], str]
WHY = "情况核实期间暂停办理"


@pytest.fixture
def world(house: House) -> World:
    house.person("admin", ("ln-jyt", "system_admin"), name="周敬文")
    return World(house)


def _all(world: World, what: Any) -> list[Any]:
    with world.house.database.read() as session:
        return list(session.execute(select(what).order_by(what.id)).scalars())


def _waits(world: World) -> str:
    return next(task.number for task in _all(world, Task) if task.status == "open")


def _broken(*_: Any, **__: Any) -> Any:
    raise ConnectionError("名册 210102198504121070 没有应答")


def test_whoever_meets_an_incident_reads_that_nothing_is_lost(
    world: World, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = world.start()
    task = _waits(world)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "complete", _broken)
        answer = world.recommend(task)
    said = words(answer)
    assert answer.status_code == 409, said
    [raised] = _all(world, Incident)
    assert "暂时不能继续，但什么都没有丢失" in said and number in said and raised.number in said
    assert "教学功底扎实" in said and "没有应答" not in said and "ConnectionError" not in said
    assert [draft.subject for draft in _all(world, Draft)] == [f"task:{task}"]
    assert "流程异常：系统有一步没有办成" in words(world.browser(APPLICANT).get(f"/instances/{number}"))
    admin = world.browser("admin")
    listed = words(admin.get("/administration/incidents/"))
    assert number in listed and "程序出错" in listed and "林书豪" not in listed and "2101021985" not in listed
    page = words(admin.get(f"/administration/incidents/{raised.number}"))
    assert "单位推荐" in page and "ConnectionError" in page and "2101021985" not in page
    assert "详细原因可能含有办件内容" in page
    assert "没有符合筛选条件" in words(admin.get("/administration/incidents/?status=moot"))
    short = admin.post(f"/administration/incidents/{raised.number}/dismiss", {"reason": "不"})
    assert short.status_code == 422 and "请说明理由" in words(short)
    done = admin.post(f"/administration/incidents/{raised.number}/retry", follow_redirects=True)
    assert "重试成功，流程异常已消除" in words(done)
    assert [one.step_id for one in _all(world, Task) if one.status == "open"] == ["adm_u2"]
    assert _all(world, Draft) == []
    assert "已经了结" in words(admin.post(f"/administration/incidents/{raised.number}/retry"))


def test_those_in_charge_hold_a_case_and_let_it_go_on(world: World, words: Words) -> None:
    number = world.start()
    task, head = _waits(world), world.browser(HEAD)
    assert "管理办件" in words(head.get(f"/instances/{number}"))
    assert world.browser(PRINCIPAL).get(f"/instances/{number}/control").status_code == 404
    assert world.browser(STRANGER).get(f"/instances/{number}/control").status_code == 404
    short = head.post(f"/instances/{number}/control/suspend", {"reason": "核实"})
    assert short.status_code == 422 and "核实" in short.get_data(as_text=True)
    sheet = world.sheet(PRINCIPAL, f"/tasks/{task}")
    done = head.post(f"/instances/{number}/control/suspend", {"reason": WHY}, follow_redirects=True)
    assert "办件已暂停" in words(done) and WHY in words(done)
    assert "已暂停" in words(world.browser(APPLICANT).get("/instances/"))
    assert "办件已暂停，恢复后可以继续办理" in words(world.browser(PRINCIPAL).get(f"/tasks/{task}"))
    late = world.send(PRINCIPAL, sheet)
    assert late.status_code == 409 and "该办件已暂停" in words(late)
    assert number in words(head.get("/instances/?status=suspended"))
    assert number not in words(head.get("/instances/?status=running"))
    assert head.post(f"/instances/{number}/control/fly", {"reason": WHY}).status_code == 404
    assert "办件已恢复" in words(head.post(f"/instances/{number}/control/resume", follow_redirects=True))
    assert world.recommend(task).status_code in {302, 303}
    done = head.post(
        f"/instances/{number}/control/rewind", {"reason": "推荐意见须重新填写", "task": task}, follow_redirects=True
    )
    assert "办件已退回到先前环节" in words(done)
    ended = world.browser("admin").post(f"/instances/{number}/control/cancel", {"reason": WHY}, follow_redirects=True)
    assert "办件已终止" in words(ended) and "林书豪" not in words(ended)
    assert "已终止" in words(world.browser(APPLICANT).get(f"/instances/{number}"))


def test_an_applicant_withdraws_with_a_reason(world: World, words: Words) -> None:
    number, lin = world.start(), world.browser(APPLICANT)
    assert "撤回申请" in words(lin.get(f"/instances/{number}"))
    assert world.browser(PRINCIPAL).get(f"/instances/{number}/withdraw").status_code == 404
    assert lin.get(f"/instances/{number}/control").status_code == 404
    short = lin.post(f"/instances/{number}/withdraw", {"reason": "不"})
    assert short.status_code == 422 and "请说明理由" in words(short)
    done = lin.post(f"/instances/{number}/withdraw", {"reason": "个人原因，不再参加遴选"}, follow_redirects=True)
    assert "申请已撤回" in words(done) and "已撤回" in words(done)
    assert lin.get(f"/instances/{number}/withdraw").status_code == 404
    again = Sheet(lin.get(world.start_path).get_data(as_text=True))
    assert again.names()  # another application is possible
