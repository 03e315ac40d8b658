"""再次申报: what somebody submitted before is offered with the empty form, files included; what they pledged is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.webapp.case_world import APPLICANT, STRANGER, Sheet, World, problems
from workflows.models import Attachment, Instance

Words = Callable[[TestResponse], str]


@pytest.fixture
def world(house: Any) -> World:
    return World(house)


@pytest.fixture
def withdrawn(world: World) -> tuple[World, str]:
    """An applicant whose case ended, while the round is still open."""
    number = world.start()
    answer = world.browser(APPLICANT).post(f"/instances/{number}/withdraw", {"reason": "材料需要补充完整后再申报"})
    assert answer.status_code in {302, 303}
    return world, number


def bound(world: World, number: str) -> int:
    with world.house.database.read() as session:
        return session.execute(
            select(func.count()).select_from(Attachment).join(Instance, Instance.id == Attachment.instance_id)
            .where(Instance.number == number)
        ).scalar_one()  # fmt: skip


def test_an_earlier_application_fills_the_draft_and_can_be_sent(withdrawn: tuple[World, str], words: Words) -> None:
    world, number = withdrawn
    browser = world.browser(APPLICANT)
    assert f"可以沿用办件 {number}" in words(browser.get(world.start_path))
    assert browser.post(f"{world.start_path}/again").status_code == 303
    page = browser.get(world.start_path)
    assert "可以沿用办件" not in words(page), "the draft is there now"
    sheet = Sheet(page.get_data(as_text=True))
    assert sheet.values["teaching_history.0.unit"] == "沈阳市浑河高级中学"
    assert sheet.values["applied_post"] == "p1"
    assert "truth_commitment" not in sheet.values, "a pledge is given anew"
    through = world.send(APPLICANT, sheet.fill({"truth_commitment": "true"}))
    assert through.status_code == 200, problems(through)
    answer = world.send(APPLICANT, Sheet(through.get_data(as_text=True)), _send="1")
    assert answer.status_code == 303, problems(answer)
    second = str(answer.headers["Location"].split("/")[-2])
    assert second != number
    assert bound(world, second) == bound(world, number) > 0, "the files belong to the new case too"


def test_the_page_of_an_ended_case_leads_to_a_new_application(withdrawn: tuple[World, str], words: Words) -> None:
    world, number = withdrawn
    assert "再次申报" in words(world.browser(APPLICANT).get(f"/instances/{number}"))


def test_nobody_takes_over_what_another_submitted(withdrawn: tuple[World, str], words: Words) -> None:
    world, _ = withdrawn
    browser = world.browser(STRANGER)
    assert "可以沿用办件" not in words(browser.get(world.start_path))
    assert browser.post(f"{world.start_path}/again").status_code == 404
    assert Sheet(browser.get(world.start_path).get_data(as_text=True)).values.get("id_card", "") == ""


def test_a_post_that_is_not_offered_this_time_is_chosen_anew(withdrawn: tuple[World, str]) -> None:
    world, _ = withdrawn
    with world.house.database.write() as session:
        from workflows.models import Round

        session.execute(select(Round)).scalars().one().posts = [{"code": "p9", "subject": "数学", "stage": "小学", "headcount": 1}]
    world.browser(APPLICANT).post(f"{world.start_path}/again")
    sheet = world.sheet(APPLICANT, world.start_path)
    assert sheet.values["applied_post"] == ""
    assert sheet.values["full_name"] == "林书豪"
