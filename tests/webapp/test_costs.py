"""What a request asks of the database: counted, not timed (issue 4, benchmarks ``http`` and ``lists``)."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from benchmarks import http
from benchmarks.counting import Counted, counted
from tests.webapp.case_world import APPLICANT, HEAD, HR1, World, problems
from webapp import composition, create_app
from workflows import deployment
from workflows.models import Draft


@pytest.fixture
def world(house: Any) -> World:
    return World(house)


@pytest.fixture
def reviewing(world: World) -> str:
    """A case that waits for its review, and the task's number."""
    number = world.start()
    answer = world.recommend(world.task(number, "adm_u1"))
    assert answer.status_code == 303, problems(answer)
    return world.task(number, "adm_u2")


def test_a_review_that_is_sent_takes_ten_statements_and_one_commit(
    world: World, reviewing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send: Callable[..., TestResponse] = world.send
    seen: list[Counted] = []

    def counting(*given: Any, **named: Any) -> TestResponse:
        with counted(world.house.database.engine) as found:
            answer = send(*given, **named)
        seen.append(found)
        return answer

    monkeypatch.setattr(world, "send", counting)
    answer = world.review(HR1, reviewing, "不合格", "经核对未达到本批次的资格条件。")
    assert answer.status_code == 303, problems(answer)
    assert (len(seen[-1].statements), seen[-1].commits) == (10, 1), seen[-1].statements


def test_every_kind_of_task_takes_at_most_twelve_statements_and_one_commit(tmp_path: Path) -> None:
    """As the benchmark does it: each form filled in with its files and its draft, over HTTP. The first case looks up places and
    people, which stand until their register changes."""
    seen: dict[str, list[Counted]] = {}
    with (
        composition.opened(tmp_path / "data") as office, http.listening(create_app(office)) as port,
        closing(http.Desks(office, port)) as desks,
    ):  # fmt: skip
        for number in range(2):
            applicant, case = desks.apply(number)
            for act in http.ACTS:
                browser, path = desks.browser(act.person or applicant), desks.task(case, act.step)
                fields = http.fill(browser, path, act)
                with counted(office.db.engine) as found:
                    http.milliseconds(browser, path, fields)
                seen.setdefault(act.step, []).append(found)
            with office.db.read() as reading:
                assert not reading.execute(select(Draft.subject)).all(), "the drafts went with their forms"
    assert set(seen) == {"adm_u1", "adm_u1b", "adm_u2", "adm_u3", "adm_u5"}
    assert {step: max(len(one.statements) for one in found[len(found) // 2 :]) for step, found in seen.items()} == {
        "adm_u1": 11, "adm_u1b": 12, "adm_u2": 11, "adm_u3": 12, "adm_u5": 11,
    }  # fmt: skip
    assert all(one.commits == 1 for found in seen.values() for one in found)
    # Places and people anew, before anything is written: who may take the next task, where, and what a place is called.
    assert all(len(one.statements) <= 15 for found in seen.values() for one in found)


@pytest.mark.parametrize(
    ("who", "path"),
    [
        (HR1, "/inbox/"), (HR1, "/inbox/?tab=done"), (APPLICANT, "/inbox/?tab=started"), (HR1, "/inbox/?place=ln-sy&q=%E7%94%B3"),
        (HR1, "/instances/"), (HEAD, "/instances/?person=a&status=running"), (HR1, "/instances/?q=LN-2026-00001"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("reviewing")
def test_a_list_takes_at_most_five_statements(world: World, who: str, path: str) -> None:
    browser = world.browser(who)
    with counted(world.house.database.engine) as found:
        assert browser.get(path).status_code == 200
    # One more where there are too many rows to count what the filters offer, and by when one's own cases are expected to end: six.
    assert len(found.statements) <= (6 if "started" in path else 5), found.statements
    assert found.commits == 0


@pytest.mark.parametrize(
    ("path", "most"), [("/deadlines/", 6), ("/overview/", 11), ("/tasks/{task}", 25), ("/instances/{case}", 30)]
)
def test_a_page_takes_no_more_statements_than_it_did(world: World, reviewing: str, path: str, most: int) -> None:
    browser = world.browser(HR1)
    page = path.format(task=reviewing, case="LN-2026-00001")
    assert browser.get(page).status_code == 200  # reads the diagrams
    with counted(world.house.database.engine) as found:
        assert browser.get(page).status_code == 200
    assert len(found.statements) <= most, found.statements
    assert found.commits == 0


def test_what_is_read_at_the_start_is_not_searched_for_garbage(tmp_path: Path) -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    with composition.opened(tmp_path / "data") as office:
        with composition.settled(office), counted(office.db.engine) as found:
            assert gc.get_freeze_count() > 100_000 and gc.get_threshold()[0] > before[0][0]
            with office.db.read() as reading:
                assert all(loaded.diagram.steps for loaded in deployment.current(reading))
            assert len(found.statements) == 1, "the diagrams were read already"
        assert (gc.get_threshold(), gc.get_freeze_count()) == before
