"""Several tasks of the inbox at once: selected, said what is needed, done, and a list of what came of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests import reviewing
from tests.webapp.case_world import APPLICANT, HEAD, HR1, HR2, NAMES, PRINCIPAL, World
from tests.workflows.test_bulk_acts import CROWD
from webapp import bulk_acts, composition
from workflows import deployment, instances, jobs
from workflows.accounts import viewer_by_name
from workflows.models import Instance, Job, Task
from workflows.submission import Submission

Words = Callable[[TestResponse], str]
WHY = "集中办理期间由其统一答复"


@pytest.fixture
def world(house: Any) -> World:
    """Three cases of a process in which one step may be decided for several at once, all waiting for the reviewers."""
    world = World(house)
    db, at = house.database, house.watch()
    tree = {**deployment.read_tree(composition.SOURCE), **CROWD, **_proposal()}
    deployment.deploy(db, composition.OPERATOR, tree, composition.check_form, at=at)
    for n, who in enumerate((APPLICANT, PRINCIPAL, HEAD)):
        with db.read() as session:
            viewer = viewer_by_name(session, who, at=at)
        assert viewer is not None
        paper = Submission("review.proposal", {"title": f"课题{n}"}, f"token-{n}")
        instances.start(db, viewer, "crowd", world.round, paper, at=at)
    return world


def _proposal() -> dict[str, bytes]:
    return {name: raw for name, raw in reviewing.FORMS.items() if name.endswith("proposal.json")}


def open_tasks(world: World, step: str = "decide") -> list[str]:
    with world.house.database.read() as session:
        query = select(Task.number).where(Task.status == "open", Task.step_id == step).order_by(Task.id)
        return list(session.execute(query).scalars())


def holders(world: World) -> list[int | None]:
    with world.house.database.read() as session:
        return list(session.execute(select(Task.holder_id).where(Task.step_id == "decide").order_by(Task.id)).scalars())


def follow(world: World, who: str, answer: TestResponse) -> TestResponse:
    assert answer.status_code == 303, answer.status_code
    found: TestResponse = world.browser(who).get(answer.headers["Location"])
    return found


def test_several_are_claimed_and_given_back_with_a_list_of_what_came_of_it(world: World, words: Words) -> None:
    tasks = open_tasks(world)
    assert 'name="task" value="' + tasks[0] in world.browser(HR1).get("/inbox/").get_data(as_text=True)
    world.browser(HR2).post(f"/tasks/{tasks[1]}/claim")
    answer = world.browser(HR1).post("/inbox/bulk/", {"act": "claim", "task": tasks})
    shown = words(follow(world, HR1, answer))
    assert "已完成 2 项，未完成 1 项" in shown and f"该任务已由{NAMES[HR2]}认领" in shown
    assert len(set(holders(world))) == 2
    assert world.browser(HR2).get(answer.headers["Location"]).status_code == 404, "the list is whose it is"
    back = words(follow(world, HR1, world.browser(HR1).post("/inbox/bulk/", {"act": "unclaim", "all": "1"})))
    assert "已完成 2 项，未完成 0 项" in back, "everything that the list shows: what is with another is not"
    assert [event.kind for event, _ in world.events("job:started")] == ["job:started"] * 2


def test_several_are_handed_on_with_one_reason(world: World, words: Words) -> None:
    tasks = open_tasks(world)
    page = world.browser(HR1).post("/inbox/bulk/", {"act": "transfer", "task": tasks[:2]})
    assert page.status_code == 200 and "转给谁" in words(page)
    given = {"act": "transfer", "task": tasks[:2], "to": NAMES[HR2], "reason": WHY}
    for wrong in ({"reason": "忙"}, {"to": ""}, {"to": "无此人"}):
        refused = world.browser(HR1).post("/inbox/bulk/run", {**given, **wrong})
        assert refused.status_code == 422, wrong
        assert tasks[0] in refused.get_data(as_text=True), "nothing selected is lost"
    assert "已完成 2 项" in words(follow(world, HR1, world.browser(HR1).post("/inbox/bulk/run", given)))
    assert len(world.events("task:transferred")) == 2


def test_several_are_decided_as_the_diagram_lets_them_be(world: World, words: Words) -> None:
    tasks = open_tasks(world)
    page = world.browser(HR1).post("/inbox/bulk/", {"act": "decide", "task": tasks})
    assert "办理结果" in words(page) and 'value="同意"' in page.get_data(as_text=True)
    assert "不同意" not in words(page), "only the choices that the diagram names"
    given = {"act": "decide", "task": tasks, "choice": "同意", "opinion": "材料齐全", "declared": "yes", "key": "k1"}
    assert world.browser(HR1).post("/inbox/bulk/run", {**given, "choice": ""}).status_code == 422
    first = world.browser(HR1).post("/inbox/bulk/run", given)
    assert "已完成 3 项，未完成 0 项" in words(follow(world, HR1, first))
    assert world.browser(HR1).post("/inbox/bulk/run", given).headers["Location"] == first.headers["Location"], "sent twice, done once"
    with world.house.database.read() as session:
        done = select(Task.outcome).join(Instance, Instance.id == Task.instance_id)
        done = done.where(Task.step_id == "decide", Task.status == "done")
        assert session.execute(done).scalars().all() == ["同意"] * 3
    forged = world.browser(HR1).post("/inbox/bulk/run", {**given, "task": open_tasks(world, "price"), "choice": "不同意", "key": "k2"})
    assert "不能批量办理为“不同意”" in words(follow(world, HR1, forged))


def test_what_is_forged_is_refused(world: World) -> None:
    tasks = open_tasks(world)
    for who, data, status in (
        (HR1, {"act": "claim"}, 422), (HR1, {"act": "delete", "task": tasks}, 404), (HR1, {"task": tasks}, 404),
        (HR1, {"act": "claim", "task": [f"t{n}" for n in range(501)]}, 422),
    ):  # fmt: skip
        assert world.browser(who).post("/inbox/bulk/", data).status_code == status, data
    mine = world.browser(APPLICANT).post("/inbox/bulk/", {"act": "claim", "task": tasks})
    assert "未完成 3 项" in follow(world, APPLICANT, mine).get_data(as_text=True)
    assert world.browser(HR1).get("/inbox/bulk/nosuch").status_code == 404
    assert holders(world) == [None] * 3


def test_many_are_left_to_the_worker(world: World, words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_acts, "AT_ONCE", 2)
    answer = world.browser(HR1).post("/inbox/bulk/", {"act": "claim", "task": open_tasks(world)})
    waiting = follow(world, HR1, answer)
    assert "正在逐项办理" in words(waiting) and "every 2s" in waiting.get_data(as_text=True)
    assert holders(world) == [None] * 3
    handlers = {bulk_acts.BULK_ACT: bulk_acts.perform}
    assert jobs.run_next(world.house.database, handlers, world.house.watch)
    assert "已完成 3 项" in words(follow(world, HR1, answer))
    with world.house.database.read() as session:
        assert session.execute(select(Job.status).where(Job.kind == bulk_acts.BULK_ACT)).scalars().all() == ["done"]
