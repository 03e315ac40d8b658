"""教研员申报, from the form to its answer: the ways a case can go (domain.md 3.1)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.office import CLOSES, Case, Office, Place, without
from workflows import control
from workflows.errors import DuplicateCase, InputRejected, WindowClosed, WindowNotOpen
from workflows.registers import rounds

#: The first and the last document of every applicant's list.
IDENTITY, APPRAISALS = "身份证", "年度考核"


def _rejected(refused: pytest.ExceptionInfo[InputRejected]) -> set[str]:
    return {path for path, _code in refused.value.params["fields"]}


# --- the straight way -----------------------------------------------------------------------------------------------


def test_a_teacher_of_another_bureau_is_recommended_released_and_qualified(office: Office, place: Place) -> None:
    case = office.applicant(place.county_school).applies()
    case.waits_at("adm_u1")
    case.task("adm_u1").by(place.county_head).recommends()
    case.waits_at("adm_u1b")
    case.task("adm_u1b").by(place.county_bureau).consents()
    case.waits_at("adm_u2")
    case.task("adm_u2").by(place.reviewer).qualifies()
    case.is_qualified()
    assert case.row().facts["admission_no"].endswith("-0001")
    kind, params = case.told("林书豪")[-1]
    assert kind == "qualified" and params["admission_no"] == case.row().facts["admission_no"]


def test_a_teacher_of_the_hiring_bureau_needs_no_second_opinion_of_that_bureau(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies()
    case.task("adm_u1").by(place.own_head).recommends()
    case.waits_at("adm_u2")
    case.task("adm_u2").by(place.reviewer).qualifies()
    case.is_qualified()
    assert not [task for task in case.tasks() if task.step_id == "adm_u1b"]


def test_the_applicant_gets_a_receipt_with_the_number_and_the_next_step(office: Office, place: Place) -> None:
    case = office.applicant(place.county_school).applies()
    [(kind, params)] = case.told("林书豪")
    assert (kind, params["number"], params["next"]) == ("application_received", case.number, "单位推荐")


# --- what the unit and the bureau say -------------------------------------------------------------------------------


def test_a_unit_that_does_not_recommend_ends_nothing_and_the_reviewer_is_told(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies()
    case.task("adm_u1").by(place.own_head).does_not_recommend()
    case.waits_at("adm_u2")
    reviewing = case.task("adm_u2").by(place.reviewer)
    assert reviewing.request().context["recommendation"]["recommend"] == "不推荐"
    reviewing.qualifies()
    case.is_qualified()


def test_a_bureau_that_keeps_its_teacher_makes_a_transfer_impossible(office: Office, place: Place) -> None:
    case = office.applicant(place.county_school).applies()
    case.task("adm_u1").by(place.county_head).recommends()
    case.task("adm_u1b").by(place.county_bureau).does_not_consent()
    with pytest.raises(InputRejected) as refused:
        case.task("adm_u2").by(place.reviewer).qualifies()
    assert _rejected(refused) == {"qualification"}
    case.task("adm_u2").by(place.reviewer).refuses()
    case.waits_at("adm_u5")


# --- correction -----------------------------------------------------------------------------------------------------


def test_a_return_names_every_item_at_once_and_opens_only_those_fields(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies().is_recommended()
    case.task("adm_u2").by(place.reviewer).returns("statement", "phone", "attachments")
    kind, params = case.told("林书豪")[-1]
    assert kind == "correction_asked"
    assert all(item in params["items"] for item in ("statement", "phone", "attachments"))
    assert params["due"] == "2026-11-09"
    waiting = case.task("adm_u3")
    assert waiting.by_applicant().request().context["task"]["returned"] == ["statement", "phone", "attachments"]
    sent = waiting.by_applicant().fills(lambda folder, had: {"phone": "13900000001", "full_name": "别人"})
    assert (sent.data["phone"], sent.data["full_name"]) == ("13900000001", "林书豪")


def test_the_units_opinion_stays_valid_while_the_facts_it_attested_do(office: Office, place: Place) -> None:
    case = office.applicant(place.county_school).applies().is_recommended().is_returned("phone")
    case.task("adm_u3").by_applicant().corrects(phone="13900000002")
    case.waits_at("adm_u2")
    assert case.path()[-4:] == ["adm_f16", "adm_f02", "adm_f04", "adm_f11"]
    changed = office.payload(case.events()[-1])["changes"]
    assert [(one["field"], one["new"]) for one in changed] == [("phone", "13900000002")]


def test_the_unit_attests_again_when_the_facts_changed(office: Office, place: Place) -> None:
    case = office.applicant(place.county_school).applies().is_recommended().is_returned("teaching_history")
    [row] = case.row_of("application")["teaching_history"]
    case.task("adm_u3").by_applicant().corrects(teaching_history=[{**row, "start": "2011-09-01"}])
    case.waits_at("adm_u1")
    case.is_recommended()
    case.waits_at("adm_u2")
    case.task("adm_u2").by(place.reviewer).qualifies()
    case.is_qualified()


def test_two_corrections_are_granted_and_not_a_third(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies().is_recommended()
    for phone in ("13900000003", "13900000004"):
        case.is_returned("phone")
        case.task("adm_u3").by_applicant().corrects(phone=phone)
    with pytest.raises(InputRejected) as refused:
        case.is_returned("phone")
    assert "qualification" in _rejected(refused)
    case.waits_at("adm_u2")


def test_a_correction_that_never_comes_is_a_withdrawal_at_the_end_of_the_fifth_working_day(
    office: Office, place: Place
) -> None:
    case = office.applicant(place.own_school).applies().is_recommended().is_returned("phone")
    due = office.end_of(date(2026, 11, 9))
    assert case.task("adm_u3").row().due_at == due
    office.time_is(due - timedelta(seconds=1))
    case.waits_at("adm_u3")
    office.time_is(due)
    case.ended("adm_x2")
    assert case.told("林书豪")[-1][0] == "case_ended"
    assert "task_overdue" not in [kind for kind, _ in case.told("林书豪")]


def test_a_missing_document_is_asked_for_before_anybody_else_is_bothered(office: Office, place: Place) -> None:
    applicant = office.applicant(place.own_school)
    case = applicant.applies(lacking=[IDENTITY, APPRAISALS])
    case.waits_at("adm_u3")
    items = case.task("adm_u3").row().inputs["returned_items"]
    assert [item["field_key"] for item in items] == ["attachments", "attachments"]
    assert [any(kind in item["reason"] for item in items) for kind in (IDENTITY, APPRAISALS)] == [True, True]
    _completes(case)
    case.waits_at("adm_u1")


def test_documents_missing_for_the_third_time_end_in_a_refusal_with_reasons(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies(lacking=[IDENTITY])
    for _ in range(2):
        _completes(case, lacking=[IDENTITY])
    case.waits_at("adm_u5")
    kind, params = case.told("林书豪")[-1]
    assert kind == "not_qualified" and IDENTITY in params["reasons"]


def _completes(case: Case, lacking: tuple[str, ...] | list[str] = ()) -> None:
    """The applicant uploads every document again, or all but some."""
    hand = case.task("adm_u3").by_applicant()
    sent = hand.fills(lambda folder, had: {"attachments": case.applicant.paper(folder)["attachments"]})
    hand.sends(without(sent, lacking))


# --- refused --------------------------------------------------------------------------------------------------------


def test_who_is_refused_is_told_why_and_until_when_they_may_ask_again(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school, since="2023-09-01").applies().is_recommended().is_refused()
    kind, params = case.told("林书豪")[-1]
    assert kind == "not_qualified" and params["due"] == "2026-11-05"
    assert "教学经历" in params["reasons"]


def test_who_accepts_the_refusal_ends_the_case(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies().is_recommended().is_refused()
    case.task("adm_u5").by_applicant().accepts()
    case.ended("adm_x1")


def test_three_working_days_of_silence_accept_the_refusal(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies().is_recommended().is_refused()
    due = office.end_of(date(2026, 11, 5))
    office.time_is(due - timedelta(seconds=1))
    case.waits_at("adm_u5")
    office.time_is(due)
    case.ended("adm_x1")


def test_another_reviewer_upholds_the_refusal(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies().is_recommended().is_refused()
    case.task("adm_u5").by_applicant().asks_for_reconsideration()
    case.waits_at("adm_u6")
    case.task("adm_u6").by(place.second_reviewer).refuses()
    case.ended("adm_x1")


def test_another_reviewer_changes_the_refusal(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies().is_recommended().is_refused()
    case.task("adm_u5").by_applicant().asks_for_reconsideration()
    case.task("adm_u6").by(place.second_reviewer).qualifies()
    case.is_qualified()
    assert case.row().facts["admission_no"]


# --- the window -----------------------------------------------------------------------------------------------------


def test_the_last_moment_of_the_window_is_inside_and_a_millisecond_later_is_not(office: Office, place: Place) -> None:
    applicant, late = office.applicant(place.own_school), office.applicant(place.own_school, name="来迟")
    office.time_is(CLOSES)
    filled = late.fills()
    applicant.applies().waits_at("adm_u1")
    office.at = CLOSES + timedelta(milliseconds=1)
    with office.db.read() as session:
        _, window = rounds.round_by_number(session, office.round(place.key))
    assert window.is_open(CLOSES) and not window.is_open(office.at)
    with pytest.raises(WindowClosed):
        late.sends(filled)
    with pytest.raises(WindowClosed):
        late.fills()


def test_nobody_applies_before_the_window_opens(office: Office, place: Place) -> None:
    applicant = office.applicant(place.own_school)
    office.at -= timedelta(milliseconds=1)
    with pytest.raises(WindowNotOpen):
        applicant.fills()


def test_one_open_case_in_a_round_and_another_after_its_end(office: Office, place: Place) -> None:
    applicant = office.applicant(place.own_school)
    filled = applicant.fills()
    case = applicant.applies()
    with pytest.raises(DuplicateCase) as refused:
        applicant.sends(filled)
    assert refused.value.params["number"] == case.number
    with pytest.raises(DuplicateCase):
        applicant.fills()
    case.is_recommended().is_refused().task("adm_u5").by_applicant().accepts()
    applicant.applies().waits_at("adm_u1")


def test_an_applicant_withdraws_and_everything_else_stops(office: Office, place: Place) -> None:
    case = office.applicant(place.county_school).applies().is_recommended()
    waiting = case.task("adm_u2")
    control.withdraw(office.db, case.applicant.viewer, case.number, "个人原因，不再参加本次遴选", at=office.at)
    row = case.row()
    assert (row.status, row.outcome, waiting.row().status) == ("withdrawn", "adm_x6", "cancelled")
    assert case.path()[-3:] == ["adm_f26", "adm_f99", "adm_f101"]
    assert [kind for kind, _ in case.told(str(case.applicant.teacher["name"]))][-1] == "case_withdrawn"
    office.days_pass(10)
    assert case.row().status == "withdrawn"
