"""A round from its plan to its archive, with the applications that it decides of (domain.md 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from tests import factories
from tests.appointing import Path
from tests.office import Case, Hand, Office, Place
from tests.rounds_story import INTERVIEW_ON, RECHECK_ON, WRITTEN_ON, Batch, admission_no, at, instances_plan, plans
from webapp.demo import round_papers
from workflows import case_file, control, instances, people
from workflows.audit import Kind
from workflows.errors import Forbidden, InputRejected, NotFound, WindowClosed
from workflows.models import Application, Organisation, StaffingCell

#: A round whose only element is the interview.
ORAL = {"面试": 100}
NAMES = ("甲一", "乙二", "丙三")


def interviewed(office: Office, place: Place, names: Sequence[str] = NAMES, **more: Any) -> tuple[Batch, list[Case]]:
    """A round without written test whose applicants are shortlisted and wait for the panel."""
    batch = plans(office, place, weights=ORAL, **more).opens()
    cases = [batch.receives(name) for name in names]
    batch.closes()
    batch.is_rechecked()
    office.time_is(at(INTERVIEW_ON))
    return batch, cases


def ranked(office: Office, place: Place, scores: Sequence[float | None] = (92, 85, 70), **more: Any) -> tuple[Batch, list[Case]]:
    """The same, ranked by what every member gives."""
    batch, cases = interviewed(office, place, NAMES[: len(scores)], **more)
    batch.is_scored({admission_no(case): score for case, score in zip(cases, scores, strict=True)})
    return batch, cases


def test_a_round_from_the_plan_to_the_appointment(office: Office, place: Place) -> None:
    batch = plans(office, place).opens()
    first, second, third = (batch.receives(name) for name in ("甲一", "乙二", "丙三"))
    batch.closes()
    office.time_is(at(WRITTEN_ON))
    batch.is_written({first.number: (80, 84), second.number: (90, 86), third.number: (70, 78)})
    office.time_is(at(RECHECK_ON))
    batch.is_rechecked()
    office.time_is(at(INTERVIEW_ON))
    batch.is_scored({admission_no(first): 92, admission_no(second): 81, admission_no(third): 75.5})
    assert batch.register() == {"甲一": ("inspecting", 1), "乙二": ("reserve", 2), "丙三": ("reserve", 3)}
    assert first.row_of("application")["full_name"] == "甲一"
    first.waits_at("adm_u7")
    way = Path(office, place, first)
    way.is_inspected().is_decided().is_published().publicity_ends().is_queried().signs()
    first.ended("adm_e")
    second.ended("adm_x3")
    third.ended("adm_x3")
    batch.ended("rnd_e")
    assert batch.round().status == "done"
    assert batch.register() == {"甲一": ("appointed", 1), "乙二": ("ranked_out", 2), "丙三": ("ranked_out", 3)}


# --- sealed until they may be seen ----------------------------------------------------------------------------------


def test_nobody_reads_another_members_score_before_all_are_given(office: Office, liaoning: Place) -> None:
    batch, (first, *_) = interviewed(office, liaoning)
    one, another = batch.panel[:2]
    batch.acts("rnd_u7", one, lambda folder, had: round_papers.interview(folder, "3", {"interview_score": 88.5}))
    assert scores_read(batch, one) == [Decimal("88.5")]
    blank = batch.hand("rnd_u7", another).request().prefill
    assert "interview_score" not in blank and "interview_no" not in blank
    for reader in (another, batch.staff.planner, batch.place.auditor, batch.place.reviewer):
        assert scores_read(batch, reader) == [None]
    batch.is_scored({str(task.inputs["admission_no"]): 80 for task in batch.all_at("rnd_u7")})
    for reader in (another, batch.staff.planner, batch.place.auditor):
        assert Decimal("88.5") in scores_read(batch, reader)
    assert first.row().status == "running"


def scores_read(batch: Batch, sign_in: str) -> list[Any]:
    """The interview scores that somebody reads in the round's case file."""
    with batch.office.db.read() as session:
        found = case_file.read(session, batch.office.viewer(sign_in), batch.number, batch.office.at)
    sent = [one for one in found.submissions if one.step_id == "rnd_u7"]
    assert all(bool(one.sealed_until) == (not one.data) for one in sent)
    return [None if not one.data else Decimal(str(one.data["interview_score"])) for one in sent]


def test_markers_see_blind_numbers_and_nobody_whose_they_are(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning).opens()
    cases = [batch.receives(name) for name in ("甲一", "乙二")]
    batch.closes()
    for task in batch.all_at("rnd_u5"):
        told = str(task.inputs) + str(Hand(batch, task.number, batch.staff.markers[0]).request().prefill)
        assert not any(admission_no(case) in told or case.number in told for case in cases)
    assert "rnd_u5" not in {task.step_id for task in batch.tasks() if task.holder_id is not None}
    batch.is_written({cases[0].number: (80, 84), cases[1].number: (90, 86)})
    [opened] = [one for one in office.events("office:rounds") if one.kind == Kind.BLIND_NUMBERS_OPENED]
    pairs = office.payload(opened)["opened"]
    assert {one["admission_no"] for one in pairs} == {admission_no(case) for case in cases}
    assert batch.round().unblinded_at == office.at


# --- the plan -------------------------------------------------------------------------------------------------------


def test_a_plan_is_returned_twice_improved_and_then_approved_with_both_outside_answers(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning, channel="公开招聘", days=7)
    batch.waits_at("rnd_u1b")
    batch.is_agreed("退回", items=[("posts", "请补充学段依据")])
    batch.waits_at("rnd_u1")
    told = batch.hand("rnd_u1", batch.staff.planner).request().prefill["review_items"]
    assert told == [{"field_key": "posts", "reason": "请补充学段依据"}]
    batch.replans().is_agreed().is_approved("退回", items=[("close_at", "请延长报名时间")]).replans().is_agreed().is_approved()
    batch.waits_at("rnd_u2a")
    batch.hears_outside("rnd_u2a", "同意")
    batch.hears_outside("rnd_u2b", "退回", org_type="hrss").replans().is_agreed().is_approved().hears_outside("rnd_u2a", "同意")
    batch.hears_outside("rnd_u2b", "同意", org_type="hrss").is_announced()
    assert batch.round().status == "open" and batch.round().posts[0]["code"] == "p1"


def test_a_plan_that_the_bureau_does_not_approve_is_over(office: Office, liaoning: Place) -> None:
    plans(office, liaoning).is_agreed().is_approved("不同意").ended("rnd_x2")


@pytest.mark.parametrize(("step", "before", "org_type"), [("rnd_u2a", (), "establishment"), ("rnd_u2b", ("rnd_u2a",), "hrss")])
def test_a_refusal_from_outside_ends_the_plan_once_somebody_else_has_checked_the_entry(
    office: Office, liaoning: Place, step: str, before: tuple[str, ...], org_type: str
) -> None:
    batch = plans(office, liaoning, channel="公开招聘", days=7).is_agreed().is_approved()
    for earlier in before:
        batch.hears_outside(earlier, "同意")
    batch.hears_outside(step, "不同意", org_type=org_type)
    with pytest.raises(NotFound):
        batch.outside_is_checked(f"{step}_c", by=liaoning.reviewer)
    batch.outside_is_checked(f"{step}_c", right=False)
    batch.waits_at(step)
    batch.hears_outside(step, "不同意", org_type=org_type).outside_is_checked(f"{step}_c").ended("rnd_x2")


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("weights", {"weights": {"笔试": 40, "面试": 50}}),
        ("weights", {"exam_mode": ["笔试"]}),
        ("close_at", {"close_at": at(date(2026, 11, 6), 18)}),
        ("publicity_days", {"publicity_days": 3}),
        ("posts", {"posts": [{"subject": "语文", "stage": "小学", "headcount": 1, "cell_id": ""}] * 2}),
    ],
)
def test_a_plan_that_breaks_a_rule_is_refused(office: Office, liaoning: Place, field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(InputRejected) as refused:
        plans(office, liaoning, **changes)
    assert field in {path for path, _ in refused.value.params["fields"]}


def test_a_panel_is_odd_and_no_marker_sits_on_it(office: Office, liaoning: Place) -> None:
    with pytest.raises(InputRejected) as refused:
        plans(office, liaoning, members=6)
    assert ("panel", "E_RULE") in refused.value.params["fields"]
    member = office.viewer("sy.panel1").number
    with pytest.raises(InputRejected) as refused:
        plans(office, liaoning, exam_office=[member, office.viewer("sy.exam1").number])
    assert ("exam_office", "E_RULE") in refused.value.params["fields"]


def test_no_more_posts_are_planned_than_the_staffing_matrix_lacks(office: Office, liaoning: Place) -> None:
    with office.db.write() as session:
        institution = session.execute(select(Organisation.id).where(Organisation.code == "ln-sy-tri")).scalar_one()
        session.add(StaffingCell(organisation_id=institution, subject="语文", stage="小学", required=1, from_on=date(2026, 1, 1),
                                 event="-"))
    with pytest.raises(InputRejected) as refused:
        plans(office, liaoning, posts=[{"subject": "语文", "stage": "小学", "headcount": 2}])
    assert refused.value.params["fields"] == [("posts.0.headcount", "E_RULE")]
    plans(office, liaoning, posts=[{"subject": "语文", "stage": "小学", "headcount": 1}]).waits_at("rnd_u1b")


def test_only_the_institution_starts_a_round_and_nobody_applies_for_one(office: Office, liaoning: Place) -> None:
    for sign_in, where in ((liaoning.reviewer, "@ln-sy"), ("sy.trioffice", "@ln-sy-hp-tri"), ("sy.trioffice", "@ln-sy")):
        with office.db.read() as session, pytest.raises(Forbidden):
            instances.start_form(session, office.viewer(sign_in), "admission_round", where, office.at)
    with office.db.read() as session:
        assert [one.where for one in instances.startable(session, office.viewer("sy.trioffice"))] == ["@ln-sy-tri"]
        assert instances.startable(session, office.viewer(liaoning.reviewer)) == []
        with pytest.raises(NotFound):
            instances.start_form(session, office.viewer("sy.trioffice"), "admission_round", office.round("liaoning"), office.at)


# --- too few applicants ---------------------------------------------------------------------------------------------


def test_too_few_apply_and_the_window_is_extended_until_enough_have(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning, weights=ORAL).opens()
    first = batch.receives("甲一")
    batch.closes().waits_at("rnd_u4")
    batch.reduces("延长", close_at="2026-12-18T18:00", by=liaoning.second_reviewer)
    assert batch.round().status == "open" and [kind for kind, _ in batch.told_of("甲一")][-1] == "round_extended"
    batch.receives("乙二")
    batch.closes().waits_at("rnd_u6", "rnd_u6")
    assert first.row().status == "running"


def test_too_few_apply_and_a_post_is_given_up(office: Office, liaoning: Place) -> None:
    posts = [{"subject": "语文", "stage": "小学", "headcount": 2}, {"subject": "数学", "stage": "初中", "headcount": 1}]
    batch = plans(office, liaoning, posts=posts, weights=ORAL).opens()
    cases = [batch.receives("甲一"), batch.receives("乙二"), batch.receives("丙三", "p2")]
    batch.closes().waits_at("rnd_u4")
    batch.reduces("核减", headcounts={"p1": 1, "p2": 0}, by=liaoning.second_reviewer)
    assert [post["headcount"] for post in batch.round().posts] == [1, 0]
    batch.is_rechecked(by=liaoning.reviewer)
    batch.waits_at(*["rnd_u7"] * 10)
    assert batch.register()["丙三"][0] == "ranked_out"
    cases[2].ended("adm_x3")


def test_too_few_apply_and_the_round_goes_on_all_the_same(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning, weights=ORAL).opens()
    batch.receives("甲一")
    batch.closes().reduces("继续", by=liaoning.second_reviewer).waits_at("rnd_u6")


def test_too_few_apply_and_the_round_is_cancelled(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning, weights=ORAL).opens()
    case = batch.receives("甲一")
    batch.closes().reduces("取消", by=liaoning.second_reviewer).ended("rnd_x")
    case.ended("adm_x7")
    assert (batch.round().status, batch.register()["甲一"][0]) == ("cancelled", "round_cancelled")
    assert "round_cancelled" in [kind for kind, _ in batch.told_of("甲一")]


# --- who is shortlisted ---------------------------------------------------------------------------------------------


def test_whoever_has_no_valid_paper_is_not_shortlisted_and_nobody_ends_the_round(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning).opens()
    cases = [batch.receives(name) for name in ("甲一", "乙二")]
    batch.closes().is_written({cases[0].number: "缺考", cases[1].number: "违纪"})
    batch.ended("rnd_x")
    for case in cases:
        case.ended("adm_x7")


def test_the_better_papers_are_shortlisted_and_a_third_marker_settles_a_gap(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning, ratio=1).opens()
    cases = [batch.receives(name) for name in ("甲一", "乙二")]
    batch.closes()
    with pytest.raises(InputRejected) as refused:
        batch.is_written({case.number: (70, 80.5) for case in cases})
    assert ("marks", "E_RULE") in refused.value.params["fields"]
    batch.is_written({cases[0].number: (70, 80.5, 78), cases[1].number: (71, 75)})
    batch.is_rechecked()
    assert batch.register() == {"甲一": ("shortlisted", None), "乙二": ("ranked_out", None)}
    assert [kind for kind, _ in batch.told_of("乙二")][-2:] == ["not_shortlisted", "case_ended"]
    cases[1].ended("adm_x3")


def test_a_recheck_that_fails_is_reviewed_and_the_next_moves_up_only_if_it_stands(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning, ratio=2).opens()
    cases = [batch.receives(name) for name in ("甲一", "乙二", "丙三", "丁四")]
    batch.closes().is_written({case.number: (90 - n * 5, 90 - n * 5) for n, case in enumerate(cases)})
    numbers = [admission_no(case) for case in cases]
    batch.is_rechecked({numbers[0]: "不合格", numbers[1]: "放弃"})
    assert [batch.register()[name][0] for name in ("甲一", "乙二", "丙三", "丁四")] == ["open", "open", "qualified", "qualified"]
    cases[0].task("adm_u5").by_applicant().asks_for_reconsideration()
    cases[0].task("adm_u6").by(liaoning.second_reviewer).qualifies()
    batch.waits_at()
    cases[1].task("adm_u5").by_applicant().accepts()
    cases[1].ended("adm_x1")
    assert admission_no(cases[0]) == numbers[0]
    [task] = batch.all_at("rnd_u6")
    assert task.inputs["admission_no"] == numbers[2]
    batch.is_rechecked()
    assert [batch.register()[name][0] for name in ("甲一", "丙三", "丁四")] == ["shortlisted", "shortlisted", "ranked_out"]


def test_a_transfer_asks_neither_for_competition_nor_for_a_recheck(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning, channel="调动", weights={"业绩材料评审": 100}).opens()
    case = batch.receives("甲一")
    batch.closes().waits_at(*["rnd_u7"] * 5)
    batch.is_scored({admission_no(case): 88}, key="portfolio_score")
    case.waits_at("adm_u7")


# --- scores ---------------------------------------------------------------------------------------------------------


def test_who_does_not_come_to_the_interview_has_no_rank(office: Office, liaoning: Place) -> None:
    batch, cases = ranked(office, liaoning, (90, None))
    assert batch.register() == {"甲一": ("inspecting", 1), "乙二": ("ranked_out", None)}
    cases[1].ended("adm_x3")


def test_nobody_comes_and_the_post_stays_vacant_for_a_new_plan(office: Office, liaoning: Place) -> None:
    batch, cases = ranked(office, liaoning, (None, None))
    batch.ended("rnd_e")
    for case in cases:
        case.ended("adm_x3")
    again = batch.plan_that_follows()
    again.waits_at("rnd_u1")
    again.replans(open_at="2026-12-30T09:00", close_at="2027-01-20T18:00").waits_at("rnd_u1b")
    assert instances_plan(again)["posts"][0]["subject"] == "语文"


def test_a_member_corrects_a_score_once_before_a_witness_and_the_record_keeps_both(office: Office, liaoning: Place) -> None:
    batch, cases = interviewed(office, liaoning, ("甲一", "乙二"))
    number, member = admission_no(cases[0]), batch.panel[1]
    batch.acts("rnd_u7", member, lambda folder, had: round_papers.interview(folder, "3", {"interview_score": 68}))
    first = next(task for task in batch.tasks() if task.done_by_id == office.viewer(member).person_id)
    number = str(first.inputs["admission_no"])
    batch.disputes(member, number)
    with pytest.raises(InputRejected) as refused:
        batch.corrects(86, witness=member)
    assert ("witness", "E_RULE") in refused.value.params["fields"]
    batch.corrects(86, witness=batch.place.reviewer)
    batch.disputes(member, number)
    with pytest.raises(InputRejected):
        batch.corrects(99, witness=batch.place.reviewer)
    batch.corrects(0, witness=batch.place.reviewer, decision="不予更正")
    batch.is_scored({admission_no(case): 80 for case in cases})
    with office.db.read() as session:
        row = session.execute(select(Application).where(Application.admission_no == number)).scalar_one()
    assert row.scores["total"] == "81.20"
    assert [sent.data["interview_score"] for sent in batch.submissions() if sent.step_id == "rnd_u7"][0] == 68


def test_a_relative_and_a_colleague_of_an_applicant_do_not_score_them(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning, weights=ORAL).opens()
    relative, colleague = (office.viewer(one) for one in batch.panel[1:3])
    kin = {"person": relative.name, "relation": "近姻亲", "unit": "沈阳市教育局", "post": "科员"}
    first = office.applicant(liaoning.own_school, name="甲一", post="p1").applies(kinship_status="有", kinship_declaration=[kin])
    first.is_recommended().task("adm_u2").by(liaoning.reviewer).qualifies()
    people.grant(office.db, factories.SETTING_UP, colleague.number, liaoning.county_school, "clerk", date(2026, 1, 1), at=office.at)
    second = office.applicant(liaoning.county_school, name="乙二", post="p1").applies().is_recommended()
    second.task("adm_u2").by(liaoning.reviewer).qualifies()
    batch.closes().is_rechecked()
    seats = {(str(task.inputs["admission_no"]), task.holder_id) for task in batch.all_at("rnd_u7")}
    assert len(seats) == 8
    assert (admission_no(first), relative.person_id) not in seats
    assert (admission_no(second), colleague.person_id) not in seats


@pytest.mark.parametrize("score", [101, 88.888])
def test_a_score_outside_the_scale_is_refused(office: Office, liaoning: Place, score: float) -> None:
    batch, _ = interviewed(office, liaoning, ("甲一", "乙二"))
    with pytest.raises(InputRejected) as refused:
        batch.acts("rnd_u7", batch.panel[0], lambda folder, had: round_papers.interview(folder, "3", {"interview_score": score}))
    assert {path for path, _ in refused.value.params["fields"]} == {"interview_score"}


# --- until every post has its result --------------------------------------------------------------------------------


def test_the_next_on_the_list_takes_the_place_of_who_is_not_appointed(office: Office, place: Place) -> None:
    batch, cases = ranked(office, place)
    way = Path(office, place, cases[0]).is_inspected(recommendation="不拟聘")
    way.is_checked("adm_u7_c", way.who.second_inspector)
    cases[0].ended("adm_x4")
    assert batch.register() == {"甲一": ("not_selected", 1), "乙二": ("inspecting", 2), "丙三": ("reserve", 3)}
    cases[1].waits_at("adm_u7")
    batch.waits_at()
    control.withdraw(office.db, cases[2].applicant.viewer, cases[2].number, "个人原因，不再等待递补", at=office.at)
    assert cases[2].row().status == "withdrawn"
    control.withdraw(office.db, cases[1].applicant.viewer, cases[1].number, "个人原因，放弃本次遴选", at=office.at)
    batch.ended("rnd_e")
    assert [status for status, _ in batch.register().values()] == ["not_selected", "withdrawn", "withdrawn"]
    batch.plan_that_follows().waits_at("rnd_u1")


def test_whoever_withdraws_from_the_reserve_is_passed_over(office: Office, liaoning: Place) -> None:
    batch, cases = ranked(office, liaoning)
    control.withdraw(office.db, cases[1].applicant.viewer, cases[1].number, "个人原因，不再等待递补", at=office.at)
    control.withdraw(office.db, cases[0].applicant.viewer, cases[0].number, "个人原因，放弃本次遴选", at=office.at)
    assert batch.register() == {"甲一": ("withdrawn", 1), "乙二": ("withdrawn", 2), "丙三": ("inspecting", 3)}
    cases[2].waits_at("adm_u7")


def test_two_posts_have_two_lists(office: Office, liaoning: Place) -> None:
    posts = [{"subject": "语文", "stage": "小学", "headcount": 1}, {"subject": "数学", "stage": "初中", "headcount": 1}]
    batch = plans(office, liaoning, posts=posts, weights=ORAL).opens()
    cases = [batch.receives(name, post) for name, post in (("甲一", "p1"), ("乙二", "p1"), ("丙三", "p2"), ("丁四", "p2"))]
    batch.closes().is_rechecked()
    batch.is_scored({admission_no(case): 90 - n for n, case in enumerate(cases)})
    assert batch.register() == {"甲一": ("inspecting", 1), "乙二": ("reserve", 2), "丙三": ("inspecting", 1), "丁四": ("reserve", 2)}
    control.withdraw(office.db, cases[2].applicant.viewer, cases[2].number, "个人原因，放弃本次遴选", at=office.at)
    assert (batch.register()["丁四"][0], batch.register()["乙二"][0]) == ("inspecting", "reserve")


# --- what it waits for ----------------------------------------------------------------------------------------------


def test_open_applications_are_listed_to_the_bureau_fifteen_working_days_after_the_close(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning, weights=ORAL).opens()
    batch.receives("甲一")
    late = batch.applies("乙二")
    batch.closes().waits_at()
    office.days_pass(16)
    told = batch.told(office.viewer(liaoning.reviewer).name)
    assert [params["items"] for kind, params in told if kind == "applications_open"] == [late.number]
    control.withdraw(office.db, late.applicant.viewer, late.number, "个人原因，不再参加本次遴选", at=office.at)
    batch.waits_at("rnd_u4")


def test_every_month_the_bureau_is_told_which_posts_still_wait(office: Office, liaoning: Place) -> None:
    batch, _ = ranked(office, liaoning)
    office.time_is(office.at + timedelta(days=63))
    assert [kind for kind, _ in batch.told(office.viewer(liaoning.reviewer).name)].count("round_waits") == 2
    batch.waits_at()


def test_the_last_application_is_ended_from_outside_and_the_round_goes_on(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning, weights=ORAL).opens()
    for name in ("甲一", "乙二"):
        batch.receives(name)
    last = batch.applies("丙三")
    batch.closes().waits_at()
    control.cancel(office.db, office.viewer(liaoning.bureau_head), last.number, "申请人已调离本市，终止办理", at=office.at)
    assert batch.register()["丙三"][0] == "cancelled"
    batch.waits_at("rnd_u6", "rnd_u6")


def test_a_round_that_is_ended_from_outside_takes_its_applications_with_it(office: Office, liaoning: Place) -> None:
    batch = plans(office, liaoning, weights=ORAL).opens()
    qualified, open_one = batch.receives("甲一"), batch.applies("乙二").is_recommended()
    control.cancel(office.db, office.viewer(liaoning.bureau_head), batch.number, "编制调整，本批次不再进行", at=office.at)
    assert batch.round().status == "cancelled"
    qualified.ended("adm_x7")
    with pytest.raises(WindowClosed):
        batch.applies("丙三")
    open_one.task("adm_u2").by(liaoning.reviewer).qualifies()
    open_one.ended("adm_x7")
