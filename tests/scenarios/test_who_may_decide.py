"""Who may decide what: nobody their own case, nobody twice in a row, nobody in a conflict of interest (3.0.2)."""

from __future__ import annotations

import pytest

from tests.factories import SETTING_UP, SINCE, make_person
from tests.office import Case, Hand, Office, Place
from workflows import assignments, people
from workflows.audit import Kind
from workflows.errors import HeldByAnother, NobodyFits, NotFound, OwnCase, Recused, SeparationOfDuty
from workflows.submission import Submission


def _also(office: Office, sign_in: str, role: str, organisation: str) -> None:
    people.grant(office.db, SETTING_UP, office.viewer(sign_in).number, organisation, role, SINCE, at=office.at)


def _hiring_bureau(place: Place) -> str:
    return place.own_school.rpartition("-")[0]


def _paper_of(hand: Hand, other: Hand) -> Submission:
    """The form as ``other`` may fill it in, to be sent by somebody who is not even shown it."""
    with pytest.raises(NotFound):
        hand.request()
    return other.fills(other.conclusion("合格"))


def test_an_applicant_who_is_also_a_reviewer_never_decides_their_own_case(office: Office, place: Place) -> None:
    applicant = office.applicant(place.own_school)
    own = applicant.teacher["phone"]
    _also(office, own, "bureau_hr", _hiring_bureau(place))
    case = applicant.applies().is_recommended()
    waiting = case.task("adm_u2")
    assert [out["reason"] for out in waiting.row().explanation["excluded"]][0] == "申请人本人"
    with pytest.raises(OwnCase):
        waiting.by(own).sends(_paper_of(waiting.by(own), waiting.by(place.reviewer)))
    with pytest.raises(NotFound):
        assignments.claim(office.db, office.viewer(own), waiting.number, at=office.at)
    case.waits_at("adm_u2")


def test_a_head_who_recommends_does_not_also_speak_for_the_bureau(office: Office, place: Place) -> None:
    bureau = place.county_school.rpartition("-")[0]
    _also(office, place.county_head, "home_bureau", bureau)
    case = office.applicant(place.county_school).applies()
    case.task("adm_u1").by(place.county_head).recommends()
    waiting = case.task("adm_u1b")
    filled = waiting.by(place.county_bureau).fills(waiting.by(place.county_bureau).opinion())
    with pytest.raises(SeparationOfDuty):
        waiting.by(place.county_head).sends(filled)
    waiting.by(place.county_bureau).consents()
    case.waits_at("adm_u2")


def test_a_bureau_officer_who_released_the_teacher_does_not_review_next(office: Office, place: Place) -> None:
    _also(office, place.county_bureau, "bureau_hr", _hiring_bureau(place))
    case = office.applicant(place.county_school).applies().is_recommended()
    waiting = case.task("adm_u2")
    with pytest.raises(SeparationOfDuty) as refused:
        waiting.by(place.county_bureau).sends(_paper_of(waiting.by(place.county_bureau), waiting.by(place.reviewer)))
    assert "资格审查" in str(refused.value)


def test_a_correction_in_between_does_not_let_the_same_person_act_twice_in_a_row(office: Office, place: Place) -> None:
    """The unit attests again after a correction; the reviewer who asked for it is not the head who attests."""
    _also(office, place.reviewer, "home_principal", place.own_school)
    case = office.applicant(place.own_school).applies().is_recommended().is_returned("teaching_history")
    [row] = case.row_of("application")["teaching_history"]
    case.task("adm_u3").by_applicant().corrects(teaching_history=[{**row, "start": "2011-09-01"}])
    waiting = case.task("adm_u1")
    paper = waiting.by(place.own_head).fills(waiting.by(place.own_head).recommendation())
    with pytest.raises(SeparationOfDuty):
        waiting.by(place.reviewer).sends(paper)


def test_whoever_asked_for_a_correction_also_looks_at_it(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies().is_recommended().is_returned("phone")
    case.task("adm_u3").by_applicant().corrects(phone="13900000005")
    case.task("adm_u2").by(place.reviewer).qualifies()
    case.is_qualified()


def test_reconsideration_is_decided_by_another_person(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies().is_recommended().is_refused()
    case.task("adm_u5").by_applicant().asks_for_reconsideration()
    waiting = case.task("adm_u6")
    first, second = waiting.by(place.reviewer), waiting.by(place.second_reviewer)
    with pytest.raises(SeparationOfDuty):
        first.sends(_paper_of(first, second))
    assert not second.request().prefill, "the second judgement starts from a blank paper"
    second.qualifies()
    case.is_qualified()


def test_nobody_who_ever_reviewed_the_case_decides_its_reconsideration(office: Office, place: Place) -> None:
    """One reviewer asked for a correction, another refused: a third answers the applicant who asks again."""
    bureau = _hiring_bureau(place)
    third = make_person(office.db, "田维新", roles=[("bureau_hr", bureau)], at=office.at)
    case = office.applicant(place.own_school).applies().is_recommended().is_returned("phone")
    case.task("adm_u3").by_applicant().corrects(phone="13900000006")
    case.task("adm_u2").by(place.second_reviewer).refuses()
    case.task("adm_u5").by_applicant().asks_for_reconsideration()
    waiting = case.task("adm_u6")
    assert [one["name"] for one in waiting.row().explanation["result"]] == ["田维新"]
    for before in (place.reviewer, place.second_reviewer):
        with pytest.raises(SeparationOfDuty):
            waiting.by(before).sends(_paper_of(waiting.by(before), waiting.by(third)))
    waiting.by(third).refuses()
    case.ended("adm_x1")


def test_a_reviewer_in_conflict_hands_the_case_to_the_others_with_the_reason(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies().is_recommended()
    waiting = case.task("adm_u2")
    first = waiting.by(place.reviewer)
    moved = first.declares_conflict("申请人是本人配偶的妹妹，应当回避。")
    assert moved.next[0].people == (office.viewer(place.second_reviewer).name,)
    case.waits_at("adm_u2")
    [event] = case.events(Kind.TASK_REASSIGNED)
    assert office.payload(event)["reason"] == "申请人是本人配偶的妹妹，应当回避。"
    with pytest.raises(Recused):
        first.sends(_paper_of(first, waiting.by(place.second_reviewer)))
    waiting.by(place.second_reviewer).qualifies()
    case.is_qualified()


def test_the_last_reviewer_cannot_withdraw_and_keeps_the_case(office: Office, place: Place) -> None:
    case = office.applicant(place.own_school).applies().is_recommended()
    waiting = case.task("adm_u2")
    waiting.by(place.reviewer).declares_conflict()
    before = len(case.events())
    with pytest.raises(NobodyFits):
        waiting.by(place.second_reviewer).declares_conflict()
    assert len(case.events()) == before
    waiting.by(place.second_reviewer).qualifies()


def test_a_claimed_task_is_nobody_elses_until_it_is_given_back(office: Office, liaoning: Place) -> None:
    case = office.applicant(liaoning.own_school).applies().is_recommended()
    waiting = case.task("adm_u2")
    first, second = waiting.by(liaoning.reviewer), waiting.by(liaoning.second_reviewer)
    assignments.claim(office.db, first.viewer, waiting.number, at=office.at)
    with pytest.raises(HeldByAnother) as refused:
        second.qualifies()
    assert first.viewer.name in str(refused.value)
    with pytest.raises(HeldByAnother):
        assignments.unclaim(office.db, second.viewer, waiting.number, at=office.at)
    assignments.unclaim(office.db, first.viewer, waiting.number, at=office.at)
    second.qualifies()
    case.is_qualified()


def test_a_role_that_ended_yesterday_decides_nothing_today(office: Office, liaoning: Place) -> None:
    """A right removed while the page is open: the form was filled, sending it is refused (trust.md, check 17)."""
    case = office.applicant(liaoning.own_school).applies().is_recommended()
    hand = case.task("adm_u2").by(liaoning.reviewer)
    filled = hand.fills(hand.conclusion("合格"))
    with office.db.read() as session:
        card = people.person_card(session, hand.viewer.number)
    people.revoke(office.db, SETTING_UP, card.roles[0][0], office.at.date(), at=office.at)
    office.days_pass(1)
    with pytest.raises(NotFound):
        hand.sends(filled)
    case.waits_at("adm_u2")


def test_people_of_another_county_find_no_task_and_complete_none(office: Office, liaoning: Place) -> None:
    case: Case = office.applicant(liaoning.county_school).applies()
    waiting = case.task("adm_u1")
    filled = waiting.by(liaoning.county_head).fills(waiting.by(liaoning.county_head).recommendation())
    for stranger in ("qxs1.head", "kms1.head", liaoning.own_head, case.applicant.teacher["phone"]):
        with pytest.raises((NotFound, OwnCase)):
            waiting.by(stranger).sends(filled)
    case.waits_at("adm_u1")
