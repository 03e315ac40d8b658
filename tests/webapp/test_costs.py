"""What a request asks of the database: counted, not timed (issue 4, benchmarks ``http`` and ``lists``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from benchmarks.counting import Counted, counted
from tests.webapp.case_world import APPLICANT, HEAD, HR1, World, problems


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


def test_a_review_that_is_sent_takes_eleven_statements_and_one_commit(
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
    # One more drops the draft, where there is one: twelve.
    assert (len(seen[-1].statements), seen[-1].commits) == (11, 1), seen[-1].statements


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
    # One more where there are too many rows to count what the filters offer: six.
    assert len(found.statements) <= 5, found.statements
    assert found.commits == 0
