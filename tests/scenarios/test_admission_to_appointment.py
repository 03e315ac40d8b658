"""From the admission number to the appointment, and every other way that an application can end after it.

The round speaks by messages that the stories send by hand; the scenarios of the round let the round itself send them.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from tests.appointing import OFFICES, Path, path, qualified
from tests.factories import SETTING_UP
from tests.office import Office, Place, open_round
from webapp.demo import papers
from workflows import case_file, control, people, reporting
from workflows.audit import Kind
from workflows.errors import AppointmentNumberTaken, Forbidden, InputRejected, NothingAwaited, WithdrawnTooLate
from workflows.models import (
    Application,
    Instance,
    Membership,
    Organisation,
    Person,
    PersonnelEvent,
    PublicNotice,
    Researcher,
    Submission,
)


def rejected(refused: pytest.ExceptionInfo[InputRejected]) -> dict[str, str]:
    """Field -> code of what a form refused."""
    return dict(refused.value.params["fields"])


def settled(office: Office, number: str) -> str:
    """Where an application stands in its round."""
    with office.db.read() as session:
        return session.execute(
            select(Application.status).join(Instance, Instance.id == Application.instance_id).where(Instance.number == number)
        ).scalar_one()


# --- the straight way ------------------------------------------------------------------------------------------------


def test_from_the_shortlist_to_the_roster(office: Office, place: Place) -> None:
    way = path(office, place)
    way.comes_to_inspection().is_inspected().is_decided().is_published().publicity_ends()
    way.is_queried().is_filed().signs()
    way.case.ended("adm_e")
    with office.db.read() as session:
        [row] = session.execute(select(Researcher)).scalars()
        [happened] = session.execute(select(PersonnelEvent)).scalars()
        held = session.execute(select(Membership).where(Membership.role == "researcher")).scalar_one()
        where = session.get_one(Organisation, row.organisation_id)
    assert (row.post_type, row.subjects, row.stages, row.status) == ("专职", ["语文"], ["小学"], "在岗")
    assert where.org_type == "tri" and row.base_on == row.start_on == row.from_on == held.from_on
    assert (happened.kind, happened.on, happened.appointment_no) == ("聘任", row.start_on, row.appointment_no)
    assert way.case.row().facts["appointment_no"] == row.appointment_no
    assert way.sent()[-1] == ("本岗位有结论", office.round(place.key))
    assert settled(office, way.case.number) == "appointed"
    told = [kind for kind, _ in way.case.told(way.name)]
    assert told[-1] == "appointed" and "publicity_published" in told and "qualified" in told
    office.check_record()


def test_the_head_of_the_institution_hears_of_the_appointment(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected().is_decided().is_published().publicity_ends()
    way.is_queried().is_filed().signs()
    head = {"liaoning": "冯玉洁", "guangxi": "甘泽民"}[place.key]
    [(kind, params)] = way.case.told(head)
    assert (kind, params["name"], params["appointment_no"]) == (
        "researcher_appointed", way.name, way.case.row().facts["appointment_no"],
    )  # fmt: skip


def test_an_internal_competition_needs_no_filing(office: Office, place: Place) -> None:
    open_round(office.db, place.key, at=office.at, channel="内部竞聘")
    way = path(office, place).comes_to_inspection().is_inspected().is_decided().is_published().publicity_ends()
    way.is_queried()
    way.case.waits_at("adm_u11")


# --- the exception (破格) --------------------------------------------------------------------------------------------


def test_an_exception_that_the_meeting_grants_qualifies(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school, since="2023-09-01").applies().is_recommended()
    case.task("adm_u2").by(place.reviewer).asks_for_exception()
    case.waits_at("adm_u4")
    who = OFFICES[place.key]
    hand = case.task("adm_u4").by(who.panel)
    assert hand.request().context["task"]["missing"] == ["教学经历"]
    hand.assesses_exception()
    case.task("adm_u4b").by(who.meeting).grants_exception()
    assert case.row().facts["admission_no"]
    with office.db.read() as session:
        stored = session.execute(
            select(Submission.seen).where(Submission.form_id == "admission.exception_ballot")
        ).scalar_one()
    assert stored["motion_passed"] == "通过"


def test_an_exception_that_the_meeting_refuses_is_told_with_its_reason(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school, since="2023-09-01").applies().is_recommended()
    case.task("adm_u2").by(place.reviewer).asks_for_exception()
    who = OFFICES[place.key]
    case.task("adm_u4").by(who.panel).assesses_exception("不建议破格")
    case.task("adm_u4b").by(who.meeting).refuses_exception(votes=(3, 6, 0))
    case.waits_at("adm_u5")
    kind, params = case.told(str(case.applicant.teacher["name"]))[-1]
    assert kind == "not_qualified" and "破格未获同意" in params["reasons"] and "教学经历" in params["reasons"]


def test_no_exception_for_political_quality_or_ethics_and_none_without_a_miss(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies().is_recommended()
    hand = case.task("adm_u2").by(place.reviewer)
    with pytest.raises(InputRejected) as refused:
        hand.asks_for_exception()
    assert "exception_requested" in rejected(refused)
    with pytest.raises(InputRejected) as refused:
        hand.asks_for_exception(failing="职业道德")
    assert "exception_requested" in rejected(refused)
    hand.asks_for_exception(failing="教研能力与优异成绩" if place.key == "liaoning" else "专业水平")
    case.waits_at("adm_u4")


def test_an_exception_cannot_be_granted_without_votes_or_quorum(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school, since="2023-09-01").applies().is_recommended()
    case.task("adm_u2").by(place.reviewer).asks_for_exception()
    who = OFFICES[place.key]
    case.task("adm_u4").by(who.panel).assesses_exception()
    hand = case.task("adm_u4b").by(who.meeting)
    for votes, field, code in (
        ({"due": 9, "present": 4, "votes": (4, 0, 0)}, "members_present", "E_QUORUM"),
        ({"due": 9, "present": 9, "votes": (5, 2, 1)}, "votes_abstain", "E_SUM"),
        ({"due": 9, "present": 8, "votes": (4, 4, 0)}, "exception_result", "E_RULE"),
    ):
        with pytest.raises(InputRejected) as refused:
            hand.grants_exception(**votes)
        assert rejected(refused).get(field) == code, votes


# --- what the round says ---------------------------------------------------------------------------------------------


def test_who_is_not_shortlisted_is_out(office: Office, place: Place) -> None:
    way = path(office, place)
    way.hears("未入围", reason="笔试成绩未进入面试范围")
    way.case.ended("adm_x3")
    assert settled(office, way.case.number) == "ranked_out"
    assert way.case.told(way.name)[-1][1]["outcome"] == "未入选"


def test_a_cancelled_round_ends_its_applications(office: Office, place: Place) -> None:
    way = path(office, place)
    way.hears("批次取消", reason="报名人数不足")
    way.case.ended("adm_x7")
    assert settled(office, way.case.number) == "round_cancelled"


def test_who_has_no_valid_total_is_out(office: Office, place: Place) -> None:
    way = path(office, place)
    way.hears("入围", sessions=[])
    way.hears("未入选", total=None, rank=None, reason="面试缺考")
    way.case.ended("adm_x3")


def test_a_reserve_waits_however_long_and_is_substituted_in(office: Office, place: Place) -> None:
    way = path(office, place)
    way.hears("入围", sessions=[])
    way.hears("候补", total="85.10", rank=2)
    office.days_pass(60)
    assert way.case.row().status == "running" and not [task for task in way.case.tasks() if task.status == "open"]
    way.hears("递补", total="85.10", rank=2)
    way.case.waits_at("adm_u7")
    way.is_inspected().is_decided().is_published()
    assert "总成绩85.10，名次第2" in way.notice().body


def test_a_reserve_whose_post_is_filled_is_out(office: Office, place: Place) -> None:
    way = path(office, place)
    way.hears("入围", sessions=[])
    way.hears("候补", total="85.10", rank=2)
    way.hears("岗位已有结论")
    way.case.ended("adm_x3")


def test_who_fails_the_recheck_may_ask_for_reconsideration_and_keeps_the_number(office: Office, place: Place) -> None:
    way = path(office, place)
    number = way.case.row().facts["admission_no"]
    way.hears("复审不合格", reason="职称证原件与申报不一致")
    way.case.waits_at("adm_u5")
    assert "职称证原件与申报不一致" in way.case.told(way.name)[-1][1]["reasons"]
    way.case.task("adm_u5").by_applicant().asks_for_reconsideration()
    way.case.task("adm_u6").by(place.second_reviewer).qualifies()
    assert way.case.row().facts["admission_no"] == number
    way.comes_to_inspection()


def test_who_fails_the_recheck_and_accepts_it_is_not_qualified(office: Office, place: Place) -> None:
    way = path(office, place)
    way.hears("复审不合格", reason="教师资格证原件未提供")
    way.case.task("adm_u5").by_applicant().accepts()
    way.case.ended("adm_x1")
    assert settled(office, way.case.number) == "not_qualified"


# --- inspection and decision -----------------------------------------------------------------------------------------


def test_who_fails_the_inspection_is_checked_by_another_and_the_round_is_asked_for_a_substitute(
    office: Office, place: Place
) -> None:
    way = path(office, place).comes_to_inspection().is_inspected(recommendation="不拟聘")
    way.case.waits_at("adm_u7_c")
    with pytest.raises(Exception, match=r"另一人|没有找到"):
        way.is_checked("adm_u7_c", way.who.inspector)
    way.is_checked("adm_u7_c", way.who.second_inspector)
    way.case.ended("adm_x4")
    assert way.sent()[-1] == ("递补请求", office.round(place.key)) and settled(office, way.case.number) == "not_selected"


def test_an_outside_opinion_that_was_entered_wrongly_is_entered_again(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected(recommendation="不拟聘", medical="不合格")
    way.is_checked("adm_u7_c", way.who.second_inspector, right=False)
    way.case.waits_at("adm_u7")
    way.is_inspected()
    way.case.waits_at("adm_u8")


def test_nobody_is_proposed_before_health_file_and_conduct_are_in_order(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection()
    for more in ({"medical": "待复检"}, {"archive": "待核"}):
        with pytest.raises(InputRejected) as refused:
            way.is_inspected(**more)
        assert rejected(refused) == {"recommendation": "E_RULE"}, more


def test_the_meeting_decides_by_two_thirds_present_and_half_of_all(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected()
    for votes, field, code in (
        ({"due": 9, "present": 5, "votes": (5, 0, 0)}, "members_present", "E_QUORUM"),
        ({"due": 9, "present": 6, "votes": (5, 0, 0)}, "votes_abstain", "E_SUM"),
        ({"due": 9, "present": 8, "votes": (4, 4, 0)}, "appointment_result", "E_RULE"),
    ):
        with pytest.raises(InputRejected) as refused:
            way.is_decided(**votes)
        assert rejected(refused).get(field) == code, votes
    way.is_decided(due=9, present=6, votes=(5, 1, 0)).case.waits_at("adm_u9")


def test_who_is_not_appointed_by_the_meeting_is_out(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected().is_decided("不聘", votes=(2, 7, 0))
    way.case.ended("adm_x4")
    assert way.sent()[-1][0] == "递补请求"


def test_a_decision_is_put_off_twice_and_not_a_third_time(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected()
    way.is_decided("暂缓", votes=(4, 3, 2)).is_decided("暂缓", votes=(4, 3, 2))
    way.case.waits_at("adm_u8")
    with pytest.raises(InputRejected) as refused:
        way.is_decided("暂缓", votes=(4, 3, 2))
    assert rejected(refused) == {"appointment_result": "E_OPTION"}


# --- publicity and objections ----------------------------------------------------------------------------------------


def test_publicity_says_no_more_than_it_may_and_runs_whole_working_days(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected().is_decided().is_published()
    notice = way.notice()
    unit = {"liaoning": "沈阳市浑河高级中学", "guangxi": "南宁市邕江高级中学"}[place.key]
    hiring = {"liaoning": "沈阳市教育研究院", "guangxi": "南宁市教育科学研究所"}[place.key]
    assert notice.body == f"林书豪，{unit}，拟任{hiring}小学语文专职教研员，总成绩86.30，名次第1。"
    assert notice.kind == "公示" and notice.until_at == office.end_of(date(2026, 11, 9))
    office.time_is(notice.until_at - timedelta(seconds=1))
    way.case.waits_at()
    office.time_is(notice.until_at)
    way.case.waits_at("adm_u9_c")


def test_publicity_of_three_days_is_refused(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected().is_decided()
    with pytest.raises(InputRejected) as refused:
        way.is_published(days=3)
    assert rejected(refused) == {"days": "E_RANGE"}


def test_an_objection_is_entered_once_by_the_bureau_and_looked_into(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected().is_decided().is_published()
    filled = way.objects()
    assert way.enters(filled).repeated
    way.objects(kind="匿名", content="反映其家庭成员在该单位任职。")
    reports = way.case.events(Kind.MATTER_REPORTED)
    assert [event.actor for event in reports] == [office.viewer(place.reviewer).number] * 2
    way.publicity_ends().case.waits_at("adm_u10")
    assert "2 件异议" in way.case.task("adm_u10").by(place.second_reviewer).note()
    way.is_investigated()
    way.case.waits_at("adm_u12")
    office.check_record()


def test_only_the_bureau_enters_objections_and_only_during_the_period(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected().is_decided()
    with pytest.raises(NothingAwaited):
        way.objects()
    way.is_published()
    for sign_in in (way.who.meeting, way.case.applicant.teacher["phone"]):
        viewer = office.viewer(sign_in)
        with office.db.read() as session, pytest.raises(Forbidden):
            reporting.report_form(session, viewer, way.case.number, "adm_bm2", office.at)
        with office.db.read() as session:
            assert reporting.reportable(session, viewer, way.case.number, office.at) == ()
    with office.db.read() as session:
        [offered] = reporting.reportable(session, office.viewer(place.reviewer), way.case.number, office.at)
    assert offered.name == "收到异议，登记受理"
    filled = way.objects()
    way.publicity_ends()
    with pytest.raises(NothingAwaited):
        way.objects()
    assert way.enters(filled).repeated


def test_an_upheld_objection_is_checked_by_another_where_a_body_outside_was_asked(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected().is_decided().is_published()
    way.objects()
    way.publicity_ends()
    way.is_investigated("取消拟聘", "属实", asked=way.who.discipline)
    way.is_checked("adm_u10_c", place.second_reviewer, right=False)
    way.case.waits_at("adm_u10")
    way.is_investigated("取消拟聘", "属实", asked=way.who.discipline)
    way.is_checked("adm_u10_c", place.second_reviewer)
    way.case.ended("adm_x5")
    assert way.sent()[-1][0] == "递补请求" and settled(office, way.case.number) == "objection_upheld"


def test_an_inquiry_is_put_off_once(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected().is_decided().is_published()
    way.objects()
    way.publicity_ends()
    way.is_investigated("暂缓续查", "部分属实")
    with pytest.raises(InputRejected) as refused:
        way.is_investigated("暂缓续查", "部分属实")
    assert rejected(refused) == {"effect": "E_OPTION"}
    way.is_investigated("取消拟聘", "部分属实")
    way.case.ended("adm_x5")


# --- entry query, filing, contract -----------------------------------------------------------------------------------


def test_a_record_in_the_entry_query_ends_it(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected().is_decided().is_published().publicity_ends()
    way.is_queried("有记录")
    way.case.ended("adm_x4")
    assert way.sent()[-1][0] == "递补请求"


def test_a_filing_that_is_refused_is_checked_by_another(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected().is_decided().is_published().publicity_ends()
    way.is_queried().is_filed("不予备案")
    way.is_checked("adm_u13_c", place.second_reviewer, right=False)
    way.is_filed("不予备案").is_checked("adm_u13_c", place.second_reviewer)
    way.case.ended("adm_x4")


def test_who_does_not_sign_gives_the_place_up(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected().is_decided().is_published().publicity_ends()
    way.is_queried().is_filed().signs("放弃或不报到")
    way.case.ended("adm_x6_d")
    assert way.sent()[-1][0] == "递补请求" and settled(office, way.case.number) == "withdrawn"


def test_a_number_of_a_document_of_appointment_is_given_once(office: Office, place: Place) -> None:
    def comes_to_sign(name: str) -> Path:
        way = path(office, place, name=name).comes_to_inspection().is_inspected().is_decided().is_published()
        return way.publicity_ends().is_queried().is_filed()

    first, second = comes_to_sign("甲老师"), comes_to_sign("乙老师")
    first.signs(order_no="教任〔2026〕7号")
    with pytest.raises(AppointmentNumberTaken):
        second.signs(order_no="教任〔2026〕7号")
    second.case.waits_at("adm_u11")
    second.signs(order_no="教任〔2026〕8号")
    with office.db.read() as session:
        numbers = session.execute(select(Researcher.appointment_no).order_by(Researcher.id)).scalars().all()
        assert session.execute(select(func.count()).select_from(PublicNotice).where(PublicNotice.kind == "公示")).scalar_one() == 2
    assert len(set(numbers)) == 2


# --- opinions of bodies that do not sign in --------------------------------------------------------------------------


def without_account(office: Office, place: Place) -> None:
    """Nobody acts for the county bureau any more."""
    with office.db.read() as session:
        rows = session.execute(
            select(Membership.id)
            .join(Person, Person.id == Membership.person_id)
            .where(Membership.role == "home_bureau", Person.number == office.viewer(place.county_bureau).number)
        ).scalars().all()
    for row in rows:
        people.revoke(office.db, SETTING_UP, row, date(2026, 10, 31), at=office.at)


def test_the_opinion_of_a_bureau_without_an_account_is_registered_and_says_by_whom(office: Office, place: Place) -> None:
    without_account(office, place)
    case = office.applicant(place.county_school).applies()
    case.task("adm_u1").by(place.county_head).recommends()
    bureau = place.county_school.rpartition("-")[0]
    with pytest.raises(InputRejected) as refused:
        case.task("adm_u1x").by(place.reviewer).submits(
            lambda folder, had: papers.external(place.county_school, "同意", folder, "external_file")
        )
    assert rejected(refused) == {"external_body": "E_RULE"}, "a school gives no opinion of a body outside"
    case.task("adm_u1x").by(place.reviewer).submits(
        lambda folder, had: papers.external(bureau, "同意", folder, "external_file")
    )
    case.waits_at("adm_u2")
    [event] = [one for one in case.events(Kind.TASK_COMPLETED) if office.payload(one)["step"] == "adm_u1x"]
    [entered] = office.payload(event)["external_opinions"]
    assert entered["body"] == bureau and entered["doc_no"] and entered["file"]
    with office.db.read() as session:
        found = case_file.read(session, office.viewer(place.auditor), case.number, office.at)
        name = people.organisation_by_code(session, bureau).name
    [paper] = [one for one in found.submissions if one.step_id == "adm_u1x"]
    assert paper.outside == (name,) and paper.by_number == office.viewer(place.reviewer).number


def test_a_refusal_that_is_registered_for_a_bureau_is_checked_by_another(office: Office, place: Place) -> None:
    without_account(office, place)
    case = office.applicant(place.county_school).applies()
    case.task("adm_u1").by(place.county_head).recommends()
    way, bureau = Path(office, place, case), place.county_school.rpartition("-")[0]
    for right in (False, True):
        case.task("adm_u1x").by(place.reviewer).submits(
            lambda folder, had: papers.external(bureau, "不同意", folder, "external_file", summary="服务期未满，不同意调出。")
        )
        way.is_checked("adm_u1x_c", place.second_reviewer, right=right)
    case.waits_at("adm_u2")
    with pytest.raises(InputRejected):
        case.task("adm_u2").by(place.reviewer).qualifies()


def test_what_the_entry_query_found_is_for_the_personnel_office_alone(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected().is_decided().is_published().publicity_ends()
    way.is_queried()
    seen = {}
    for sign_in in (place.reviewer, place.second_reviewer, place.bureau_head, place.auditor):
        with office.db.read() as session:
            found = case_file.read(session, office.viewer(sign_in), way.case.number, office.at)
        [paper] = [one for one in found.submissions if one.step_id == "adm_u12"]
        seen[sign_in] = (bool(paper.data), paper.kept_to)
    assert seen == {
        place.reviewer: (True, ()), place.second_reviewer: (True, ()),
        place.bureau_head: (False, ("教育局人事科（股）",)), place.auditor: (False, ("教育局人事科（股）",)),
    }  # fmt: skip
    with office.db.read() as session:
        whole = case_file.read(session, office.viewer(place.auditor), way.case.number, office.at, whole=True)
    assert [one.data["query_result"] for one in whole.submissions if one.step_id == "adm_u12"] == ["无记录"]


# --- withdrawal ------------------------------------------------------------------------------------------------------


def test_who_withdraws_after_the_ranking_gives_the_place_back(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection()
    control.withdraw(office.db, way.case.applicant.viewer, way.case.number, "本人已另有安排，放弃本次申报", at=office.at)
    row = way.case.row()
    assert (row.status, row.outcome) == ("withdrawn", "adm_x6") and way.sent() == [("递补请求", office.round(place.key))]
    assert settled(office, way.case.number) == "withdrawn"


def test_nobody_withdraws_once_the_publicity_is_to_begin(office: Office, place: Place) -> None:
    way = path(office, place).comes_to_inspection().is_inspected().is_decided()
    with pytest.raises(WithdrawnTooLate):
        control.withdraw(office.db, way.case.applicant.viewer, way.case.number, "本人已另有安排，放弃本次申报", at=office.at)
    with office.db.read() as session:
        assert control.permitted(session, way.case.applicant.viewer, way.case.number, office.at) == ()


def test_a_qualified_applicant_waits_without_anybody_having_a_task(office: Office, place: Place) -> None:
    qualified(office, place).waits_at()
