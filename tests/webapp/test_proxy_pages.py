"""代办授权 on its pages: given, used, shown with both names, refused with everything typed, revoked while a page is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.webapp.case_world import APPLICANT, AUDITOR, HEAD, HR1, HR2, NAMES, PRINCIPAL, STRANGER, World, problems
from workflows.models import Proxy

Words = Callable[[TestResponse], str]
WHY = "参加省级培训，期间由其代办"


@pytest.fixture
def waits(house: Any) -> tuple[World, str, str]:
    """A review that waits for either of two reviewers: the office, the case, the task."""
    world = World(house)
    number = world.start()
    assert world.recommend(world.task(number, "adm_u1")).status_code == 303
    return world, number, world.task(number, "adm_u2")


def lets(world: World, to: str = NAMES[HEAD], who: str = HR1, **changed: Any) -> TestResponse:
    given = {"to": to, "from_on": "2026-09-01", "to_on": "2026-09-05", "scope": "all", "reason": WHY, **changed}
    answer: TestResponse = world.browser(who).post("/proxies/new", given)
    return answer


def revoke(world: World, who: str = HR1) -> TestResponse:
    [(event, _)] = world.events("proxy:granted")
    with world.house.database.read() as session:
        number = session.execute(select(Proxy.number)).scalar_one()
    assert event.actor == world.numbers[HR1]
    answer: TestResponse = world.browser(who).post(f"/proxies/{number}/revoke")
    return answer


def test_work_is_given_done_in_anothers_name_and_shown_with_both_names(waits: tuple[World, str, str], words: Words) -> None:
    world, number, task = waits
    assert world.browser(HEAD).get("/proxies/").status_code == 200
    assert "代吴立新" not in words(world.browser(HEAD).get("/proxies/"))
    form = words(world.browser(HR1).get("/proxies/new"))
    assert "教研员申报" in form and f"{NAMES[HEAD]}（" in world.browser(HR1).get("/proxies/new").get_data(as_text=True)
    assert lets(world).status_code == 303
    mine = words(world.browser(HR1).get("/proxies/"))
    assert NAMES[HEAD] in mine and WHY in mine and "代办中" in mine and "全部" in mine

    theirs = world.browser(HEAD).get("/proxies/")
    assert "您正在代 吴立新 办理" in words(theirs) and f'href="/tasks/{task}"' in theirs.get_data(as_text=True)
    assert "代办 （代吴立新）" in words(world.browser(HEAD).get("/inbox/")), "the inbox leads there"
    assert "代吴立新" not in words(world.browser(HR2).get("/inbox/"))
    page = words(world.browser(HEAD).get(f"/tasks/{task}"))
    assert "您正在代吴立新办理" in page and "转办" not in page and "认领" not in page
    answer = world.review(HEAD, task, "合格", "学历、教龄均符合要求")
    assert answer.status_code == 303, problems(answer)

    for who in (HR1, HEAD):
        assert "周雅琴（代吴立新办理）" in words(world.browser(who).get("/proxies/"))
        assert "周雅琴（代吴立新办理）" in words(world.browser(who).get(f"/tasks/{task}"))
    assert "周雅琴（代吴立新办理）" in words(world.browser(HR2).get(f"/instances/{number}"))
    assert "周雅琴（代吴立新办理）" in words(world.browser(AUDITOR).get(f"/audit/cases/{number}"))


def test_what_is_refused_keeps_what_was_typed_and_says_why(waits: tuple[World, str, str], words: Words) -> None:
    world, *_ = waits
    cases = [
        ({"reason": "忙"}, "请说明理由"), ({"to": "无此人"}, "没有找到这位同事"), ({"to": NAMES[HR1]}, "不能授权本人"),
        ({"to_on": "2026-12-31"}, "不超过 90 天"), ({"to_on": ""}, "不超过 90 天"), ({"from_on": "2026-08-30"}, "从今天或以后开始"),
        ({"scope": "some"}, "请至少选择一个代办的事项"), ({"to": NAMES[AUDITOR]}, "没有找到这位同事"),
    ]  # fmt: skip
    for changed, said in cases:
        answer = lets(world, **changed)
        page = answer.get_data(as_text=True)
        assert answer.status_code in (409, 422) and said in words(answer), changed
        assert changed.get("reason", WHY) in page and f'value="{changed.get("to", NAMES[HEAD])}"' in page
    assert lets(world, scope="some", process="no_such").status_code == 404
    assert world.events("proxy:granted") == []
    assert lets(world, who=APPLICANT).status_code == 422, "an applicant has no colleagues"
    assert "您没有可以由他人代办的岗位" in words(world.browser(APPLICANT).get("/proxies/new"))
    assert lets(world, scope="some", process="admission").status_code == 303
    assert "已有您的代办授权" in words(lets(world))


def test_revoked_while_the_page_is_open_the_form_is_refused_by_name(waits: tuple[World, str, str], words: Words) -> None:
    world, number, task = waits
    lets(world)
    sheet = world.sheet(HEAD, f"/tasks/{task}").fill({"opinion": "学历、教龄均符合要求"})
    assert revoke(world, HR2).status_code == 404, "only those concerned"
    assert revoke(world).status_code == 303
    answer = world.send(HEAD, sheet)
    page = words(answer)
    assert answer.status_code == 409 and "不能再代吴立新办理该任务" in page
    assert "您刚才填写的内容没有提交，仍列在下面" in page and "学历、教龄均符合要求" in page, "what was typed is there to be copied"
    assert "卢建国" not in page, "the case is no longer theirs to read"
    [(refused, _)] = world.events("proxy:refused")
    assert (refused.actor, refused.instance, refused.task) == (world.numbers[HEAD], number, task)
    assert "代办授权失效后提交，未生效" in words(world.browser(HR1).get(f"/instances/{number}"))
    assert world.task(number, "adm_u2") == task and world.browser(HEAD).get(f"/tasks/{task}").status_code in (404, 409)
    assert "已撤销" in words(world.browser(HEAD).get("/proxies/"))


def test_giving_work_away_asks_who_one_is_and_others_learn_nothing(waits: tuple[World, str, str], words: Words) -> None:
    world, _, task = waits
    world.browser(HR1)
    world.house.watch.later(minutes=20)
    assert world.browser(HR1).get("/proxies/new").headers["Location"].startswith("/account/proof")
    assert lets(world).headers["Location"].startswith("/account/proof") and world.events("proxy:granted") == []
    world.house.watch.later(minutes=-20)
    assert lets(world).status_code == 303
    for who in (PRINCIPAL, STRANGER):
        assert world.browser(who).get(f"/tasks/{task}").status_code == 404
        assert "吴立新" not in words(world.browser(who).get("/proxies/"))
    assert world.browser(HR1).get("/administration/proxies").status_code == 403
    world.house.person("safe", ("ln-jyt", "security_admin"), name="孟庆云")
    assert "吴立新" in words(world.browser("safe").get("/administration/proxies"))
    assert revoke(world, "safe").status_code == 303
    [(event, _)] = world.events("proxy:revoked")
    assert (event.actor_kind, event.actor_role) == ("administrator", "security_admin")


def test_a_head_arranges_it_for_whoever_is_away_and_both_see_by_whom(waits: tuple[World, str, str], words: Words) -> None:
    world, _, task = waits
    given = {"of": NAMES[HR1], "to": NAMES[HR2], "from_on": "2026-09-01", "to_on": "2026-09-05", "scope": "all"}
    assert world.browser(HR1).get("/proxies/arrange").status_code == 403 and "安排代办" not in words(world.browser(HR1).get("/proxies/"))
    assert "安排代办" in words(world.browser(HEAD).get("/proxies/")) and "缺岗人" in words(world.browser(HEAD).get("/proxies/arrange"))
    refused = world.browser(HEAD).post("/proxies/arrange", {**given, "to": NAMES[HEAD], "reason": "突发疾病住院，未能事先授权"})
    assert refused.status_code in (409, 422) and f'value="{NAMES[HR1]}"' in refused.get_data(as_text=True)
    assert world.events("proxy:granted") == []
    answer = world.browser(HEAD).post("/proxies/arrange", {**given, "reason": "突发疾病住院，未能事先授权"})
    assert answer.status_code == 303, words(answer)
    [(event, payload)] = world.events("proxy:granted")
    assert event.actor == world.numbers[HEAD] and NAMES[HEAD] in (payload or b"").decode()
    for who in (HR1, HR2):
        assert f"由{NAMES[HEAD]}安排" in words(world.browser(who).get("/proxies/"))
    assert f"{NAMES[HEAD]}已安排{NAMES[HR2]}在 2026-09-01 至 2026-09-05 代您办理待办任务" in words(world.browser(HR1).get("/notices/"))
    world.house.person("safe", ("ln-jyt", "security_admin"), name="孟庆云")
    assert "安排代办" in words(world.browser("safe").get("/administration/proxies"))
    assert task
