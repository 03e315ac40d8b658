"""The task page: filled, refused without losing a word, read through, sent once, told what happens next."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.webapp.case_world import (
    APPLICANT,
    HEAD,
    HR1,
    HR2,
    ID_CARD,
    JPEG,
    PDF,
    STRANGER,
    SYSTEM,
    Sheet,
    World,
    problems,
)
from workflows import people
from workflows.models import Draft, Event, Instance, Membership, Submission, Task

#: The check digit of another number.
WRONG = ID_CARD[:-1] + ("1" if ID_CARD[-1] != "1" else "2")
Words = Callable[[TestResponse], str]


@pytest.fixture
def world(house: Any) -> World:
    return World(house)


@pytest.fixture
def reviewing(world: World) -> tuple[World, str, str]:
    """A case that waits for its qualification review: the world, the case's number, the task's."""
    number = world.start()
    answer = world.recommend(world.task(number, "adm_u1"))
    assert answer.status_code == 303, problems(answer)
    return world, number, world.task(number, "adm_u2")


def count(world: World, what: Any) -> int:
    with world.house.database.read() as session:
        return int(session.execute(select(func.count()).select_from(what)).scalar_one())


# -- starting ---------------------------------------------------------------------------------------------------------


def test_an_application_is_read_through_before_it_is_sent_and_then_answered_with_what_comes_next(world: World, words: Words) -> None:
    through = world.send(APPLICANT, world.application())
    assert through.status_code == 200
    assert count(world, Instance) == 0, "reading through sends nothing"
    shown = words(through)
    assert "汉语言文学" in shown
    assert "沈阳市浑河高级中学" in shown, "organisations are shown by name"
    answer = world.send(APPLICANT, Sheet(through.get_data(as_text=True)), _send="1")
    assert answer.status_code == 303
    page = words(world.browser(APPLICANT).get(answer.headers["Location"]))
    assert "LN-2026-00001" in page
    assert "单位推荐" in page
    assert "沈阳市浑河高级中学" in page, "who has it now"
    assert "还剩" in page, "by when"


def test_the_same_page_sent_twice_starts_one_case_and_gets_the_same_answer(world: World) -> None:
    through = Sheet(world.send(APPLICANT, world.application()).get_data(as_text=True))
    first, second = (world.send(APPLICANT, through, _send="1") for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first.headers["Location"] == second.headers["Location"]
    assert count(world, Instance) == count(world, Submission) == 1


def test_a_second_application_in_the_round_is_refused_and_names_the_first(world: World, words: Words) -> None:
    number = world.start()
    answer = world.browser(APPLICANT).get(world.start_path)
    assert answer.status_code == 422
    assert number in words(answer)


def test_after_the_close_nothing_is_started(world: World, words: Words) -> None:
    sheet = world.application()
    through = Sheet(world.send(APPLICANT, sheet).get_data(as_text=True))
    world.house.watch.later(days=40)
    world._browsers.clear()
    answer = world.send(APPLICANT, through, _send="1")
    assert answer.status_code == 400, "the sign-in has ended, and with it the form's token"
    again = world.browser(APPLICANT).post(world.start_path, {"_token": "x" * 32, "_send": "1"})
    assert again.status_code == 422
    assert "申报时间已截止" in words(again)
    assert count(world, Instance) == 0


def test_a_gap_is_answered_by_the_same_page_with_everything_typed_and_a_list_on_top(world: World, words: Words) -> None:
    sheet = world.application().fill({"full_name": "", "id_card": WRONG, "email": "不是邮箱"})
    answer = world.send(APPLICANT, sheet)
    assert answer.status_code == 422
    again = Sheet(answer.get_data(as_text=True))
    assert again.values["id_card"] == WRONG
    assert again.values["email"] == "不是邮箱"
    assert again.values["education.0.major"] == "汉语言文学"
    assert again.values.getlist("photo"), "uploaded files are still there"
    shown = words(answer)
    assert "有 3 处需要更正" in shown, problems(answer)
    assert "请填写“姓名”" in shown
    (event, payload), = world.events("input:rejected")
    assert event.stream == f"person:{world.numbers[APPLICANT]}"
    assert {one["code"] for one in json.loads(payload)["fields"]} == {"E_REQUIRED", "E_IDCARD", "E_FORMAT"}
    assert WRONG.encode() not in payload, "codes and fields, never values"
    with world.house.database.read() as session:
        assert session.execute(select(Draft)).scalar_one().data["typed"]["id_card"] == [WRONG]


def test_what_the_page_did_not_offer_is_refused_and_recorded(world: World) -> None:
    sheet = world.application()
    files, sheet.files = sheet.files, []
    not_offered = {
        "ruling": "E_UNDECLARED", "qualification_review.qualification": "E_UNDECLARED", "attachments.0.kind": "E_READONLY",
        "discipline_details": "E_HIDDEN", "constructor.prototype": "E_UNDECLARED",
    }  # fmt: skip
    for name, code in not_offered.items():
        sheet.values[name] = "met"
        assert world.send(APPLICANT, sheet).status_code == 422, name
        del sheet.values[name]
        fields = json.loads(world.events("input:rejected")[-1][1])["fields"]
        assert fields[0] == {"field": name, "code": code}
    assert count(world, Instance) == 0
    # The page's own inputs begin with "_": they are no answers, and what pretends to be one is dropped.
    sheet.files, sheet.values["__proto__"] = files, "x"
    answer = world.send(APPLICANT, sheet)
    assert answer.status_code == 200
    assert "__proto__" not in Sheet(answer.get_data(as_text=True)).values


# -- drafts -----------------------------------------------------------------------------------------------------------


def test_what_is_typed_is_kept_on_the_server_and_shown_as_saved(world: World, words: Words) -> None:
    sheet = world.sheet(APPLICANT, world.start_path).fill({"full_name": "林书豪", "statement": "还没写完"})
    answer = world.send(APPLICANT, sheet, world.start_path + "/draft")
    assert answer.status_code == 200
    assert "草稿已保存" in words(answer)
    assert 'value="1"' in answer.get_data(as_text=True), "the page learns the draft's version"
    again = world.sheet(APPLICANT, world.start_path)
    assert again.values["statement"] == "还没写完"
    assert again.values["_version"] == "1"


def test_two_windows_do_not_overwrite_each_other_unseen(world: World, words: Words) -> None:
    one, other = (world.sheet(APPLICANT, world.start_path) for _ in range(2))
    assert world.send(APPLICANT, one.fill({"current_post": "教师"}), world.start_path + "/draft").status_code == 200
    answer = world.send(APPLICANT, other.fill({"current_post": "校长"}), world.start_path + "/draft")
    assert answer.status_code == 409
    assert "草稿已在另一处保存" in words(answer)
    assert world.sheet(APPLICANT, world.start_path).values["current_post"] == "教师"


def test_a_draft_can_be_saved_without_script_and_is_gone_once_sent(world: World) -> None:
    sheet = world.sheet(APPLICANT, world.start_path).fill({"current_post": "教师"})
    assert world.send(APPLICANT, sheet, _save="1").status_code == 302
    assert world.sheet(APPLICANT, world.start_path).values["current_post"] == "教师"
    world.start()
    assert count(world, Draft) == 0


# -- reviewing --------------------------------------------------------------------------------------------------------


def test_the_task_page_shows_ruling_with_clause_earlier_papers_and_opinions(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, task = reviewing
    answer = world.browser(HR1).get(f"/tasks/{task}")
    page = words(answer)
    assert "教学经历 216 个月" in page
    assert "辽宁实施意见 第12条（4）" in page
    assert "文件条款" in page
    assert "计入了哪些教学经历" in page
    assert "单位推荐" in page
    assert "褚明远" in page
    assert "期限怎样计算" in page
    assert f"/diagrams/{number}.xml" in answer.get_data(as_text=True)


def test_a_review_ends_in_the_answer_page_with_the_outcome(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, task = reviewing
    answer = world.review(HR1, task, "合格")
    assert answer.status_code == 303, problems(answer)
    page = words(world.browser(HR1).get(answer.headers["Location"]))
    assert "“资格审查”已提交" in page
    assert "资格合格" in page
    done = world.browser(HR1).get(f"/tasks/{task}")
    assert "已由吴立新于" in words(done)
    assert 'name="qualification"' not in done.get_data(as_text=True), "a finished task is only read"
    receipt = words(world.browser(APPLICANT).get(f"/instances/{number}"))
    assert "准考证号" in receipt


def test_of_two_reviewers_the_second_keeps_what_they_typed_and_leaves_nothing_in_the_case(
    reviewing: tuple[World, str, str], words: Words
) -> None:
    world, number, task = reviewing
    late = world.sheet(HR2, f"/tasks/{task}")
    assert world.review(HR1, task, "不合格", "学历材料与原件不一致，不予通过。").status_code == 303
    before = count(world, select(Event).where(Event.stream == f"instance:{number}").subquery())
    late.fill({"conflict_declared": "否", "opinion": "我认为可以通过，材料齐全。", "qualification": "合格"})
    answer = world.send(HR2, late)
    assert answer.status_code == 409
    shown = words(answer)
    assert "该事项已由吴立新于" in shown
    assert "我认为可以通过，材料齐全。" in shown
    assert count(world, select(Event).where(Event.stream == f"instance:{number}").subquery()) == before
    assert [event.stream for event, _ in world.events("input:rejected")] == [f"person:{world.numbers[HR2]}"]


def test_a_returned_application_says_what_to_correct_and_lets_only_that_be_changed(
    reviewing: tuple[World, str, str], words: Words
) -> None:
    world, number, task = reviewing
    answer = world.review(HR1, task, "退回补正", "请一次性补正以下事项，其余已核对。", {"teacher_cert_no": "证号与原件不一致"})
    assert answer.status_code == 303, problems(answer)
    correction = world.task(number, "adm_u3")
    page = world.browser(APPLICANT).get(f"/tasks/{correction}")
    shown = words(page)
    assert "请一次补正以下 1 项" in shown
    assert shown.count("证号与原件不一致") >= 2, "on top and beside the field"
    sheet = Sheet(page.get_data(as_text=True))
    assert "teacher_cert_no" in sheet.names()
    assert "full_name" not in sheet.names()
    sheet.values["full_name"] = "别人"
    assert world.send(APPLICANT, sheet).status_code == 422
    del sheet.values["full_name"]
    through = world.send(APPLICANT, sheet.fill({"teacher_cert_no": "20082100999"}))
    assert through.status_code == 200, problems(through)
    sent = world.send(APPLICANT, Sheet(through.get_data(as_text=True)), _send="1")
    assert sent.status_code == 303, problems(sent)
    payload = json.loads(world.events("task:completed")[-1][1])
    assert payload["changes"] == [{"field": "teacher_cert_no", "new": "20082100999", "old": "20082100123"}]


def test_who_reviewed_first_does_not_review_again(reviewing: tuple[World, str, str], words: Words) -> None:
    world, number, task = reviewing
    assert world.review(HR1, task, "不合格", "职称材料与原件不一致，不予通过。").status_code == 303
    told = world.task(number, "adm_u5")
    page = world.browser(APPLICANT).get(f"/tasks/{told}")
    assert "职称材料与原件不一致" in words(page), "told why not"
    sheet = Sheet(page.get_data(as_text=True)).fill({"apply": "申请复核"})
    sheet = Sheet(world.send(APPLICANT, sheet, _refresh="1").get_data(as_text=True))
    sheet.fill({"review_reason": "本人材料原件齐全，与电子版一致，恳请另行指定人员复核，并当面核对原件。"})
    assert world.send(APPLICANT, sheet).status_code == 303
    again = world.task(number, "adm_u6")
    assert world.browser(HR1).get(f"/tasks/{again}").status_code == 404
    page = world.browser(HR2).get(f"/tasks/{again}")
    assert page.status_code == 200
    assert Sheet(page.get_data(as_text=True)).values.get("qualification") is None, "a fresh judgement, not the first reviewer's"


def test_a_right_taken_away_while_the_page_is_open_refuses_the_completion(reviewing: tuple[World, str, str]) -> None:
    world, _, task = reviewing
    sheet = world.sheet(HR1, f"/tasks/{task}")
    with world.house.database.read() as session:
        held = session.execute(
            select(Membership.id).join(people.Person, people.Person.id == Membership.person_id)
            .where(people.Person.number == world.numbers[HR1])
        ).scalar_one()  # fmt: skip
    at = world.house.watch()
    people.revoke(world.house.database, SYSTEM, held, at.date(), at=at)
    world.house.watch.later(days=1)
    world._browsers.clear()
    sheet.values["csrf_token"] = world.browser(HR1).token()
    assert world.send(HR1, sheet).status_code == 404
    with world.house.database.read() as session:
        assert session.execute(select(Task.status).where(Task.number == task)).scalar_one() == "open"


def test_a_task_of_others_is_not_there_and_the_attempt_is_recorded(reviewing: tuple[World, str, str]) -> None:
    world, number, task = reviewing
    for who in (APPLICANT, STRANGER, HEAD):
        browser = world.browser(who)
        answers = [
            browser.get(f"/tasks/{task}"), browser.post(f"/tasks/{task}", {"qualification": "合格"}),
            browser.post(f"/tasks/{task}/draft", {}), browser.post(f"/tasks/{task}/form", {}),
            browser.post(f"/tasks/{task}/claim"), browser.post(f"/tasks/{task}/unclaim"), browser.get(f"/tasks/{task}/sent"),
        ]  # fmt: skip
        assert [answer.status_code for answer in answers] == [404] * 7, who
        refused = [event for event, _ in world.events("access:refused") if event.actor == world.numbers[who]]
        assert [event.instance for event in refused] == [number] * 7
    unknown, known = (browser.get(f"/tasks/{number}").get_data(as_text=True) for number in ("0" * 16, task))
    assert _without_tokens(unknown) == _without_tokens(known).replace(task, "0" * 16), "what exists looks like what does not"


def _without_tokens(page: str) -> str:
    return re.sub(r'(content|value)="[^"]+"', "", page)


def test_claiming_keeps_others_out_until_it_is_given_back(reviewing: tuple[World, str, str], words: Words) -> None:
    world, _, task = reviewing
    late = world.sheet(HR2, f"/tasks/{task}")
    assert world.browser(HR1).post(f"/tasks/{task}/claim").status_code == 303
    assert "已由吴立新认领" in words(world.browser(HR2).get(f"/tasks/{task}"))
    assert world.send(HR2, late.fill({"opinion": "与他人同时打开"})).status_code == 422, "gaps come first"
    assert world.review(HR1, task, "合格").status_code == 303


def test_a_completed_task_leads_to_the_next_one(reviewing: tuple[World, str, str], words: Words) -> None:
    world, _, task = reviewing
    answer = world.browser(HR1).get(f"/tasks/{task}")
    assert "下一项：" not in words(answer), "there is no other"


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_file_is_handed_over_only_to_be_saved_and_looking_is_recorded(reviewing: tuple[World, str, str]) -> None:
    world, number, task = reviewing
    page = world.browser(HR1).get(f"/tasks/{task}").get_data(as_text=True)
    path = re.findall(r'href="(/files/[0-9a-f]{64})"', page)[0]
    answer = world.browser(HR1).get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert "filename*=UTF-8''" in answer.headers["Content-Disposition"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    (event, _), = world.events("file:viewed")
    assert (event.actor, event.instance) == (world.numbers[HR1], number)
    assert world.browser(STRANGER).get(path).status_code == 404
    assert world.browser(HR1).get("/files/" + "0" * 64).status_code == 404


def test_an_upload_is_judged_by_its_content_and_ending(world: World, words: Words) -> None:
    sheet = world.application()
    good = [one for one in sheet.files if one[0] != "_file.photo"]
    wrong = [
        ("照片.jpg", b"<html><script>alert(1)</script>"), ("照片.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), ("照片.jpg", b""),
        ("照片.exe", JPEG), ("照片.jpg", PDF),
    ]  # fmt: skip
    for name, content in wrong:
        sheet.files = list(good)
        answer = world.send(APPLICANT, sheet.attach("photo", name, content))
        assert answer.status_code == 422, name
        assert "附件类型或大小不符合要求" in words(answer), name


def test_a_changed_answer_asks_for_the_form_again_without_judging(world: World) -> None:
    sheet = world.sheet(APPLICANT, world.start_path).fill({"discipline_declaration": "有"})
    answer = world.send(APPLICANT, sheet, world.start_path + "/form")
    assert answer.status_code == 200
    page = answer.get_data(as_text=True)
    assert 'name="discipline_details"' in page
    assert "<html" not in page
    assert "error-list" not in page


def test_a_lookup_offers_organisations_by_name(world: World) -> None:
    page = world.browser(APPLICANT).get("/lookup?kind=organisation&current_unit=浑河").get_data(as_text=True)
    assert "沈阳市浑河高级中学（ln-sy-s1）" in page
    assert world.browser(APPLICANT).get("/lookup?kind=person&x=吴").get_data(as_text=True) == "", "applicants have no list of people"
