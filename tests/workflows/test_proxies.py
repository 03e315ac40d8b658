"""代办授权: somebody does another's office work in that one's name, no more than that one may, and the record names both."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests import reviewing
from tests.factories import SETTING_UP, make_person
from tests.office import Case, Office, Place
from tests.reviewing import Desk, begins, ends, file, task
from tests.workflows.engine.drawing import extensions, flows, node, zeebe
from tests.workflows.test_races import ORDERS, race
from tests.workflows.test_verbs import recorded
from workflows import absences, accounts, assignments, case_file, drafts, instances, people, proxies, returning, signers
from workflows.access import Viewer, office_day
from workflows.audit import Kind
from workflows.errors import (
    HeldByAnother,
    NotFound,
    NotSignable,
    OwnCase,
    ProxyDays,
    ProxyNotPassedOn,
    ProxyOver,
    ProxyOverlaps,
    ProxyUnfit,
    ReasonNeeded,
    SeparationOfDuty,
    TaskAlreadyDone,
)
from workflows.models import Membership, Notice, Person, Proxy
from workflows.transitions import OWN_CASE, REVIEWED_BEFORE, Moved

WHY = "参加省级培训，期间由其代办"
BACK = "推荐意见没有写明任教学科，请重新出具"
AWAY = "突发疾病住院，未能事先授权"
#: Who stands in: somebody of the same bureau who reviews nothing themselves.
CLERK = "sy.clerk"


@pytest.fixture
def case(office: Office, liaoning: Place) -> Case:
    """A case that waits for review by either of two people."""
    return office.applicant(liaoning.own_school).applies().is_recommended()


def lets(
    office: Office, giver: str, to: str, *, days: int = 5, after: int = 0, processes: tuple[str, ...] = (), reason: str = WHY
) -> str:
    """Somebody lets another do their work for some days."""
    today = office_day(office.at) + timedelta(days=after)
    return proxies.grant(
        office.db, office.viewer(giver), office.viewer(to).number, from_on=today, to_on=today + timedelta(days=days - 1),
        processes=processes, reason=reason, at=office.at, days=90,
    )


def waiting_for(office: Office, sign_in: str) -> list[tuple[str, str]]:
    """(case, for whom) of what somebody may do for others now."""
    viewer = office.viewer(sign_in)
    with office.db.read() as session:
        standing = proxies.principals(session, viewer, office.at)
        return [(row.instance_number, row.giver_name) for row in proxies.waiting(session, viewer, standing).rows]


def may_open(office: Office, sign_in: str, task: str) -> bool:
    with office.db.read() as session:
        try:
            return bool(instances.task_form(session, office.viewer(sign_in), task, office.at).is_mine)
        except NotFound:
            return False


# --- doing it -------------------------------------------------------------------------------------------------------


def test_whoever_stands_in_does_the_task_and_the_record_names_both(office: Office, liaoning: Place, case: Case) -> None:
    giver, clerk = office.viewer(liaoning.reviewer), office.viewer(CLERK)
    number = case.task("adm_u2").number
    assert not may_open(office, CLERK, number)
    with recorded(office, (f"person:{giver.number}", Kind.PROXY_GRANTED)):
        grant = lets(office, liaoning.reviewer, CLERK)
    assert waiting_for(office, CLERK) == [(case.number, giver.name)]
    hand = case.task("adm_u2").by(CLERK)
    asked = hand.request()
    assert asked.is_mine and asked.stands_in_for == {"number": giver.number, "name": giver.name}
    assert not (asked.may_claim or asked.may_transfer or asked.may_delegate or asked.may_unclaim)

    with recorded(office, (f"instance:{case.number}", Kind.TASK_COMPLETED)):
        hand.qualifies()
    case.is_qualified()
    done = case.events(Kind.TASK_COMPLETED)[-1]
    assert (done.actor, done.actor_kind, done.on_behalf_of) == (clerk.number, "proxy", giver.number)
    assert (done.actor_role, done.actor_org) == ("bureau_hr", "ln-sy"), "in the other's role"
    assert office.payload(done)["proxy"] == grant
    [row] = [task for task in case.tasks() if task.number == number]
    assert (row.holder_id, row.done_by_id) == (giver.person_id, clerk.person_id)
    [sent] = [one for one in case.submissions() if one.step_id == "adm_u2"]
    assert sent.by_id == clerk.person_id
    with office.db.read() as session:
        events = case_file.read(session, giver, case.number, office.at).events
        [told] = [one for one in events if one.actor_kind == "proxy"]
        assert case_file.who(told, lambda text, params: text % params) == f"{clerk.name}（代{giver.name}办理）"
        [listed] = proxies.done_for(session, giver)
        assert (listed.proxy_name, listed.giver_name, listed.task) == (clerk.name, giver.name, number)
        assert proxies.done_for(session, clerk) == [listed]
    assert waiting_for(office, CLERK) == []
    office.check_record()


def test_what_the_other_has_claimed_is_done_for_them_also_by_a_colleague_of_the_same_role(
    office: Office, liaoning: Place, case: Case
) -> None:
    giver, other = office.viewer(liaoning.reviewer), office.viewer(liaoning.second_reviewer)
    number = case.task("adm_u2").number
    assignments.claim(office.db, giver, number, at=office.at)
    with pytest.raises(HeldByAnother):
        case.task("adm_u2").by(liaoning.second_reviewer).qualifies()
    lets(office, liaoning.reviewer, liaoning.second_reviewer)
    case.task("adm_u2").by(liaoning.second_reviewer).qualifies()
    done = case.events(Kind.TASK_COMPLETED)[-1]
    assert (done.actor, done.on_behalf_of) == (other.number, giver.number)


def test_what_is_ones_own_is_done_in_ones_own_name(office: Office, liaoning: Place, case: Case) -> None:
    lets(office, liaoning.reviewer, liaoning.second_reviewer)
    case.task("adm_u2").by(liaoning.second_reviewer).qualifies()
    done = case.events(Kind.TASK_COMPLETED)[-1]
    assert (done.actor, done.actor_kind, done.on_behalf_of) == (office.viewer(liaoning.second_reviewer).number, "person", None)


def test_the_draft_of_whoever_stands_in_is_their_own_and_goes_with_the_form(
    office: Office, liaoning: Place, case: Case
) -> None:
    lets(office, liaoning.reviewer, CLERK)
    hand, subject = case.task("adm_u2").by(CLERK), f"task:{case.task('adm_u2').number}"
    drafts.save_draft(office.db, hand.viewer.person_id, subject, {"typed": {"opinion": ["写到一半"]}}, None, at=office.at)
    draft = hand.request().draft
    assert draft is not None and draft.data["typed"] == {"opinion": ["写到一半"]}
    hand.qualifies()
    with office.db.read() as session:
        assert drafts.draft(session, hand.viewer.person_id, subject) is None


# --- no more than the other -----------------------------------------------------------------------------------------


def test_only_in_the_days_and_processes_named(office: Office, liaoning: Place, case: Case) -> None:
    number = case.task("adm_u2").number
    lets(office, liaoning.reviewer, CLERK, after=1, days=2)
    assert not may_open(office, CLERK, number) and waiting_for(office, CLERK) == []
    lets(office, liaoning.reviewer, "sy.exam1", processes=("admission_round",))
    assert not may_open(office, "sy.exam1", number) and waiting_for(office, "sy.exam1") == []
    lets(office, liaoning.reviewer, "sy.exam2", processes=("admission", "admission_round"))
    assert may_open(office, "sy.exam2", number) and waiting_for(office, "sy.exam2")
    office.at += timedelta(days=1)
    assert may_open(office, CLERK, number), "the first day"
    office.at += timedelta(days=1)
    assert may_open(office, CLERK, number), "the last day"
    office.at += timedelta(days=1)
    with office.db.read() as session, pytest.raises(ProxyOver):
        instances.task_form(session, office.viewer(CLERK), number, office.at)


def test_never_more_than_the_other_has_today(office: Office, liaoning: Place, case: Case) -> None:
    lets(office, liaoning.reviewer, CLERK, days=20)
    hand = case.task("adm_u2").by(CLERK)
    filled = hand.fills(hand.conclusion("合格"))
    with office.db.read() as session:
        [membership] = session.execute(
            select(Membership.id).join(Person, Person.id == Membership.person_id)
            .where(Person.number == office.viewer(liaoning.reviewer).number)
        ).scalars()  # fmt: skip
    people.revoke(office.db, SETTING_UP, membership, office_day(office.at), at=office.at)
    office.at += timedelta(days=1)
    assert waiting_for(office, CLERK) == []
    with recorded(office), pytest.raises(ProxyOver):
        hand.sends(filled)
    case.waits_at("adm_u2")


def test_revoked_at_once_while_the_page_is_open(office: Office, liaoning: Place, case: Case) -> None:
    grant = lets(office, liaoning.reviewer, CLERK)
    hand, giver = case.task("adm_u2").by(CLERK), office.viewer(liaoning.reviewer)
    filled, asked = hand.fills(hand.conclusion("合格")), hand.request()
    with recorded(office, (f"person:{giver.number}", Kind.PROXY_REVOKED)):
        proxies.revoke(office.db, giver, grant, at=office.at)
    assert waiting_for(office, CLERK) == []
    with pytest.raises(ProxyOver):
        hand.request()
    with recorded(office), pytest.raises(ProxyOver):
        hand.sends(filled)
    with recorded(office), pytest.raises(ProxyOver):
        # The page was asked for before; the transaction looks again.
        instances.complete_task(office.db, hand.viewer, hand.task, filled, at=office.at, asked=asked)
    case.waits_at("adm_u2")
    proxies.revoke(office.db, giver, grant, at=office.at)
    assert len(office.events(f"person:{giver.number}")) == len({one.event_id for one in office.events(f"person:{giver.number}")})
    assert not may_open(office, "sy.exam1", hand.task), "and others learn nothing"


def test_whoever_no_longer_works_there_stands_in_for_nobody(office: Office, liaoning: Place, case: Case) -> None:
    lets(office, liaoning.reviewer, CLERK, days=20)
    with office.db.read() as session:
        [membership] = session.execute(
            select(Membership.id).join(Person, Person.id == Membership.person_id)
            .where(Person.number == office.viewer(CLERK).number)
        ).scalars()  # fmt: skip
    people.revoke(office.db, SETTING_UP, membership, office_day(office.at), at=office.at)
    assert may_open(office, CLERK, case.task("adm_u2").number)
    office.at += timedelta(days=1)
    assert waiting_for(office, CLERK) == []
    with office.db.read() as session, pytest.raises(ProxyOver):
        instances.task_form(session, office.viewer(CLERK), case.task("adm_u2").number, office.at)


def test_it_is_not_passed_on(office: Office, liaoning: Place, case: Case) -> None:
    """A proxy's own proxy gets nothing of it, and a proxy hands the task to nobody."""
    lets(office, liaoning.reviewer, CLERK)
    lets(office, CLERK, "sy.exam1")
    number = case.task("adm_u2").number
    assert not may_open(office, "sy.exam1", number) and waiting_for(office, "sy.exam1") == []
    clerk, at = office.viewer(CLERK), office.at
    acts: list[Callable[[], Any]] = [
        lambda: assignments.claim(office.db, clerk, number, at=at),
        lambda: assignments.unclaim(office.db, clerk, number, at=at),
        lambda: assignments.transfer(office.db, clerk, number, office.viewer("sy.exam1").number, WHY, at=at),
        lambda: assignments.delegate(office.db, clerk, number, office.viewer("sy.exam1").number, WHY, at=at),
        lambda: assignments.recall(office.db, clerk, number, at=at),
    ]
    for act in acts:
        with recorded(office), pytest.raises(ProxyNotPassedOn):
            act()


def test_what_the_other_was_asked_to_work_on_is_not_the_proxys(office: Office, liaoning: Place, case: Case) -> None:
    holder, worker = office.viewer(liaoning.second_reviewer), office.viewer(liaoning.reviewer)
    number = case.task("adm_u2").number
    assignments.claim(office.db, holder, number, at=office.at)
    assignments.delegate(office.db, holder, number, worker.number, WHY, at=office.at)
    lets(office, liaoning.reviewer, CLERK)
    assert not may_open(office, CLERK, number) and waiting_for(office, CLERK) == []
    lets(office, liaoning.second_reviewer, CLERK)
    assert not may_open(office, CLERK, number), "nor what its holder has given to somebody meanwhile"


def test_nobody_stands_in_for_an_applicant_in_their_own_case(office: Office, liaoning: Place, case: Case) -> None:
    number = case.applicant.viewer.number
    people.grant(office.db, SETTING_UP, number, "ln-sy", "exam_office", date(2026, 1, 1), at=office.at)
    lets(office, case.applicant.teacher["phone"], CLERK)
    case.is_returned("phone")
    assert not may_open(office, CLERK, case.task("adm_u3").number) and waiting_for(office, CLERK) == []


def test_a_proxy_never_acts_on_their_own_application(office: Office, liaoning: Place, case: Case) -> None:
    """Check 15: not by standing in for a reviewer, nor for one who has claimed it, nor where their own role fits as well."""
    phone = case.applicant.teacher["phone"]
    people.grant(office.db, SETTING_UP, case.applicant.viewer.number, "ln-sy", "exam_office", date(2026, 1, 1), at=office.at)
    lets(office, liaoning.reviewer, phone)
    number = case.task("adm_u2").number
    assert waiting_for(office, phone) == [] and not may_open(office, phone, number)
    reviewer = case.task("adm_u2").by(liaoning.reviewer)
    filled = reviewer.fills(reviewer.conclusion("合格"))
    with recorded(office), pytest.raises(NotFound):
        instances.complete_task(office.db, case.applicant.viewer, number, filled, at=office.at)
    assignments.claim(office.db, office.viewer(liaoning.reviewer), number, at=office.at)
    people.grant(office.db, SETTING_UP, case.applicant.viewer.number, "ln-sy", "bureau_hr", date(2026, 1, 1), at=office.at)
    with recorded(office), pytest.raises(OwnCase):
        instances.complete_task(office.db, case.applicant.viewer, number, filled, at=office.at)
    case.waits_at("adm_u2")


def test_what_either_of_them_did_keeps_both_from_the_next_review(office: Office, liaoning: Place) -> None:
    case = office.applicant(liaoning.own_school, since="2023-09-01").applies().is_recommended()
    giver, clerk = office.viewer(liaoning.reviewer), office.viewer(CLERK)
    lets(office, liaoning.reviewer, CLERK)
    case.task("adm_u2").by(CLERK).asks_for_exception()
    kept = case.task("adm_u4").row().explanation["excluded"]
    assert {one["number"]: one["reason"] for one in kept} == {
        case.applicant.viewer.number: OWN_CASE, giver.number: REVIEWED_BEFORE, clerk.number: REVIEWED_BEFORE,
    }  # fmt: skip


def test_it_keeps_both_from_a_step_that_is_kept_apart_much_later(office: Office, liaoning: Place, case: Case) -> None:
    giver, clerk = office.viewer(liaoning.reviewer), office.viewer(CLERK)
    lets(office, liaoning.reviewer, CLERK)
    case.task("adm_u2").by(CLERK).refuses()
    case.task("adm_u5").by_applicant().asks_for_reconsideration()
    kept = case.task("adm_u6").row().explanation
    assert {giver.number, clerk.number} <= {one["number"] for one in kept["excluded"]}
    assert {one["number"] for one in kept["result"]} == {office.viewer(liaoning.second_reviewer).number}
    lets(office, liaoning.second_reviewer, CLERK)
    with recorded(office), pytest.raises(NotFound):
        case.task("adm_u6").by(CLERK).qualifies()
    assert waiting_for(office, CLERK) == []


def test_what_the_other_may_not_do_nobody_does_for_them(office: Office, liaoning: Place, case: Case) -> None:
    case.task("adm_u2").by(liaoning.reviewer).refuses()
    case.task("adm_u5").by_applicant().asks_for_reconsideration()
    lets(office, liaoning.reviewer, CLERK)
    assert waiting_for(office, CLERK) == [] and not may_open(office, CLERK, case.task("adm_u6").number)


def test_whoever_reviewed_before_does_not_review_for_another(office: Office, liaoning: Place) -> None:
    case = office.applicant(liaoning.own_school, since="2023-09-01").applies().is_recommended()
    lets(office, "sy.panel1", liaoning.reviewer)
    lets(office, "sy.panel2", CLERK)
    case.task("adm_u2").by(liaoning.reviewer).asks_for_exception()
    assert waiting_for(office, liaoning.reviewer) == [] and waiting_for(office, CLERK) != []
    assert not may_open(office, liaoning.reviewer, case.task("adm_u4").number)
    case.task("adm_u4").by(CLERK).assesses_exception()
    case.waits_at("adm_u4b")


def test_a_proxy_who_declares_a_conflict_is_out_and_the_other_keeps_it(office: Office, liaoning: Place, case: Case) -> None:
    giver, clerk = office.viewer(liaoning.reviewer), office.viewer(CLERK)
    number = case.task("adm_u2").number
    assignments.claim(office.db, giver, number, at=office.at)
    lets(office, liaoning.reviewer, CLERK)
    with recorded(office, (f"instance:{case.number}", Kind.TASK_REASSIGNED)):
        case.task("adm_u2").by(CLERK).declares_conflict()
    [event] = case.events(Kind.TASK_REASSIGNED)
    assert (event.actor, event.on_behalf_of) == (clerk.number, giver.number)
    [row] = [task for task in case.tasks() if task.number == number]
    assert row.holder_id == giver.person_id and row.explanation["claimed"]
    assert not may_open(office, CLERK, number) and waiting_for(office, CLERK) == []
    case.task("adm_u2").by(liaoning.reviewer).qualifies()


def test_of_two_the_second_is_told_who_was_first(office: Office, liaoning: Place, case: Case) -> None:
    lets(office, liaoning.reviewer, CLERK)
    hand = case.task("adm_u2").by(CLERK)
    filled = hand.fills(hand.conclusion("合格"))
    case.task("adm_u2").by(liaoning.reviewer).qualifies()
    with recorded(office), pytest.raises(TaskAlreadyDone) as refused:
        hand.sends(filled)
    assert refused.value.params["name"] == office.viewer(liaoning.reviewer).name


def test_the_same_page_sent_twice_is_one_completion(office: Office, liaoning: Place, case: Case) -> None:
    lets(office, liaoning.reviewer, CLERK)
    hand = case.task("adm_u2").by(CLERK)
    filled = hand.fills(hand.conclusion("合格"))
    first, second = hand.sends(filled), hand.sends(filled)
    assert not first.repeated and second.repeated


def test_a_proxy_reads_the_case_while_they_may_do_it(office: Office, liaoning: Place, case: Case) -> None:
    def sees(sign_in: str) -> bool:
        with office.db.read() as session, suppress(NotFound):
            return bool(case_file.read(session, office.viewer(sign_in), case.number, office.at))
        return False

    assert not sees(CLERK)
    grant = lets(office, liaoning.reviewer, CLERK)
    assert sees(CLERK)
    proxies.revoke(office.db, office.viewer(CLERK), grant, at=office.at)
    assert not sees(CLERK), "they may also give it up themselves"


# --- granting -------------------------------------------------------------------------------------------------------


def test_it_is_given_for_a_reason_and_a_limited_time(office: Office, liaoning: Place) -> None:
    for reason in ("", "有事"):
        with recorded(office), pytest.raises(ReasonNeeded):
            lets(office, liaoning.reviewer, CLERK, reason=reason)
    for after, days in ((-1, 5), (0, 91), (0, 0)):
        with recorded(office), pytest.raises(ProxyDays):
            lets(office, liaoning.reviewer, CLERK, after=after, days=days)
    with recorded(office), pytest.raises(NotFound):
        lets(office, liaoning.reviewer, CLERK, processes=("no_such",))
    lets(office, liaoning.reviewer, CLERK, days=90)


def test_it_is_given_to_nobody_who_could_not_have_the_work(office: Office, liaoning: Place, case: Case) -> None:
    """Not to oneself, to another office, to an administrator or auditor, to an applicant, nor to a closed account."""
    reasons = {
        liaoning.reviewer: proxies.ONESELF, "nn.hr1": proxies.ELSEWHERE, liaoning.auditor: proxies.ADMINISTRATES,
        case.applicant.teacher["phone"]: proxies.ELSEWHERE,
    }  # fmt: skip
    for to, why in reasons.items():
        with recorded(office), pytest.raises(ProxyUnfit) as refused:
            lets(office, liaoning.reviewer, to)
        assert refused.value.params["why"] == why
    accounts.disable_account(office.db, SETTING_UP, office.viewer(CLERK).number, at=office.at)
    with recorded(office), pytest.raises(ProxyUnfit) as refused:
        lets(office, liaoning.reviewer, CLERK)
    assert refused.value.params["why"] == proxies.NO_ACCOUNT
    with recorded(office), pytest.raises(ProxyUnfit) as refused:
        lets(office, case.applicant.teacher["phone"], liaoning.reviewer)
    assert refused.value.params["why"] == proxies.NO_OFFICE_WORK


def test_two_grants_to_one_person_do_not_overlap(office: Office, liaoning: Place) -> None:
    lets(office, liaoning.reviewer, CLERK, processes=("admission",))
    lets(office, liaoning.reviewer, CLERK, processes=("admission_round",))
    for processes in ((), ("admission", "admission_round")):
        with recorded(office), pytest.raises(ProxyOverlaps):
            lets(office, liaoning.reviewer, CLERK, processes=processes)
    lets(office, liaoning.reviewer, CLERK, after=5)
    lets(office, liaoning.reviewer, "sy.exam1")


def test_both_are_told_and_see_it(office: Office, liaoning: Place) -> None:
    giver, clerk = office.viewer(liaoning.reviewer), office.viewer(CLERK)
    grant = lets(office, liaoning.reviewer, CLERK, processes=("admission",))

    def told(viewer: Viewer) -> list[str]:
        with office.db.read() as session:
            return list(session.execute(
                select(Notice.kind).where(Notice.person_id == viewer.person_id, Notice.kind.startswith("proxy")).order_by(Notice.id)
            ).scalars())

    assert told(clerk) == ["proxy_granted"]
    with office.db.read() as session:
        for viewer in (giver, clerk):
            [view] = proxies.granted(session, office.at, person_id=viewer.person_id).rows
            assert (view.giver[1], view.proxy[1], view.state, len(view.processes)) == (giver.name, clerk.name, "current", 1)
        assert proxies.granted(session, office.at, person_id=office.viewer("nn.hr1").person_id).rows == []
    with recorded(office), pytest.raises(NotFound):
        proxies.revoke(office.db, office.viewer(liaoning.second_reviewer), grant, at=office.at)
    proxies.revoke(office.db, giver, grant, at=office.at)
    assert told(clerk) == ["proxy_granted", "proxy_revoked"]
    with office.db.read() as session:
        [view] = proxies.granted(session, office.at, person_id=clerk.person_id).rows
        assert view.state == "revoked" and not view.stands
        assert session.execute(select(Proxy.ended_by_event)).scalar_one()


def test_those_who_can_be_asked_are_offered(office: Office, liaoning: Place, case: Case) -> None:
    giver = office.viewer(liaoning.reviewer)
    with office.db.read() as session:
        found = {number for number, _ in proxies.fitting(session, giver, "", at=office.at, limit=500)}
    assert {office.viewer(one).number for one in (CLERK, liaoning.second_reviewer, liaoning.bureau_head, "sy.tri")} <= found
    assert not found & {giver.number, office.viewer(liaoning.auditor).number, office.viewer("nn.hr1").number,
                        case.applicant.viewer.number}  # fmt: skip


# --- steps that wait beside each other ------------------------------------------------------------------------------

APART = file(
    "beside", "并行审核", begins("提出", "review.proposal"), node("parallelGateway", "fork"), node("parallelGateway", "join"),
    task("first", "初审", "review.conclusion"),
    task("second", "复审", "review.conclusion",
         zeebe("properties", zeebe("property", name="jiaoyan:separate-from", value="first"))),
    ends("done", "已审核"), flows("s fork first join done", "fork second join"),
)  # fmt: skip


@pytest.mark.parametrize("who", ["sy.hr1", CLERK])
def test_of_two_steps_side_by_side_that_are_kept_apart_nobody_does_both(
    office: Office, liaoning: Place, root: Path, who: str
) -> None:
    """Also not somebody with whom they share a name on the first: whoever stood in, and for whom."""
    reviewing.deploy(office, root, beside=APART)
    desk = Desk(office)
    case = desk.begin("beside", office.applicant(liaoning.own_school), "proposal", title="阅读", budget="1")
    lets(office, "sy.hr1", CLERK)
    case.waits_at("first", "second")
    desk.does(case, "first", who, "conclusion", words="同意")
    for again in dict.fromkeys((who, "sy.hr1")):
        with recorded(office), pytest.raises(SeparationOfDuty):
            desk.does(case, "second", again, "conclusion", words="同意")
    desk.does(case, "second", liaoning.second_reviewer, "conclusion", words="同意")
    case.ended("done")


CHORE = file(
    "chore", "内部事务", extensions(zeebe("properties", zeebe("property", name="jiaoyan:may-start", value="bureau_hr"))),
    begins("提出", "review.proposal"), task("do", "办理", "review.conclusion"), ends("done", "已办"), flows("s do done"),
)  # fmt: skip


def test_nobody_acts_for_another_in_a_case_that_they_started_themselves(office: Office, liaoning: Place, root: Path) -> None:
    """Also where their office may go on with what it started: what a colleague holds of it is not theirs by standing in."""
    reviewing.deploy(office, root, chore=CHORE)
    desk, hr1, hr2 = Desk(office), office.viewer(liaoning.reviewer), office.viewer(liaoning.second_reviewer)
    moved = instances.start(office.db, hr1, "chore", "@ln-sy", desk.paper("proposal", title="通知", budget="1"), at=office.at)
    case = Case(office, office.applicant(liaoning.own_school), moved.instance_number)
    assignments.claim(office.db, hr2, case.task("do").number, at=office.at)
    lets(office, liaoning.second_reviewer, liaoning.reviewer)
    lets(office, liaoning.second_reviewer, CLERK)
    assert waiting_for(office, liaoning.reviewer) == [] and waiting_for(office, CLERK) == [(case.number, hr2.name)]
    with recorded(office), pytest.raises(HeldByAnother):
        desk.does(case, "do", liaoning.reviewer, "conclusion", words="同意")
    desk.does(case, "do", CLERK, "conclusion", words="同意")
    case.ended("done")


# --- sending back, asking others to sign ----------------------------------------------------------------------------


def test_whoever_stands_in_sends_the_case_back_and_the_record_names_both(office: Office, liaoning: Place, case: Case) -> None:
    giver, clerk = office.viewer(liaoning.reviewer), office.viewer(CLERK)
    number = case.task("adm_u2").number
    first = next(one.number for one in case.tasks() if one.step_id == "adm_u1")
    with recorded(office), pytest.raises(NotFound):
        returning.send_back(office.db, clerk, number, first, BACK, at=office.at)
    grant = lets(office, liaoning.reviewer, CLERK)
    assert case.task("adm_u2").by(CLERK).request().may_send_back
    with office.db.read() as session:
        assert [one.step_id for one in returning.ways_back(session, clerk, number, office.at)] == ["adm_u1"]
    with recorded(office, (f"instance:{case.number}", Kind.TASK_SENT_BACK)):
        returning.send_back(office.db, clerk, number, first, BACK, at=office.at)
    case.waits_at("adm_u1")
    [event] = case.events(Kind.TASK_SENT_BACK)
    assert (event.actor, event.actor_kind, event.on_behalf_of) == (clerk.number, "proxy", giver.number)
    assert office.payload(event)["proxy"] == grant
    [row] = [task for task in case.tasks() if task.number == number]
    assert (row.holder_id, row.done_by_id, row.status) == (giver.person_id, clerk.person_id, "cancelled")
    told = case.told(office.viewer(liaoning.own_head).name)[-1]
    assert told[0] == "task_sent_back" and told[1]["by"] == f"{clerk.name}（代{giver.name}）"
    office.check_record()


def test_nobody_sends_back_by_a_grant_that_is_over(office: Office, liaoning: Place, case: Case) -> None:
    clerk, number = office.viewer(CLERK), case.task("adm_u2").number
    first = next(one.number for one in case.tasks() if one.step_id == "adm_u1")
    grant = lets(office, liaoning.reviewer, CLERK)
    proxies.revoke(office.db, office.viewer(liaoning.reviewer), grant, at=office.at)
    with recorded(office), pytest.raises(ProxyOver):
        returning.send_back(office.db, clerk, number, first, BACK, at=office.at)
    with recorded(office), pytest.raises(ProxyOver):
        signers.add(office.db, clerk, number, [office.viewer(liaoning.bureau_head).number], "before", WHY, at=office.at)


def test_whoever_stands_in_asks_others_to_sign_in_the_others_name(office: Office, liaoning: Place, case: Case) -> None:
    giver, clerk, head = office.viewer(liaoning.reviewer), office.viewer(CLERK), office.viewer(liaoning.bureau_head)
    number = case.task("adm_u2").number
    lets(office, liaoning.reviewer, CLERK)
    assert case.task("adm_u2").by(CLERK).request().may_add_signers
    with recorded(office), pytest.raises(ProxyNotPassedOn):
        signers.add(office.db, clerk, number, [head.number], "after", WHY, at=office.at)
    with recorded(office), pytest.raises(NotSignable):
        signers.add(office.db, clerk, number, [giver.number], "before", WHY, at=office.at)
    with recorded(office, (f"instance:{case.number}", Kind.SIGNERS_ADDED)):
        signers.add(office.db, clerk, number, [head.number], "before", WHY, at=office.at)
    [event] = case.events(Kind.SIGNERS_ADDED)
    assert (event.actor, event.on_behalf_of) == (clerk.number, giver.number)
    [row] = [task for task in case.tasks() if task.number == number]
    assert row.holder_id == giver.person_id and row.signers_open == 1
    [entry] = row.explanation["signers"]
    assert entry["from"] == {"number": clerk.number, "name": f"{clerk.name}（代{giver.name}）"}
    assert not may_open(office, CLERK, number), "not before they have signed"
    signers.remove(office.db, clerk, number, entry["task"], at=office.at)
    case.task("adm_u2").by(CLERK).qualifies()
    case.is_qualified()
    office.check_record()


# --- who is away without having asked anybody -----------------------------------------------------------------------


def arranged(office: Office, by: str, of: str, to: str, reason: str = AWAY) -> str:
    today = office_day(office.at)
    return absences.arrange(
        office.db, office.viewer(by), office.viewer(of).number, office.viewer(to).number, from_on=today,
        to_on=today + timedelta(days=4), reason=reason, at=office.at, days=90,
    )


@pytest.mark.parametrize("by", ["head", "security"])
def test_a_head_or_the_security_administrator_arranges_it_for_whoever_is_away(
    office: Office, liaoning: Place, case: Case, by: str
) -> None:
    who = liaoning.bureau_head
    if by == "security":
        who = make_person(office.db, "孟庆云", "sy.safe", [("security_admin", "ln-sy")], at=office.at)
    viewer, giver, clerk = office.viewer(who), office.viewer(liaoning.reviewer), office.viewer(CLERK)
    with recorded(office, (f"person:{giver.number}", Kind.PROXY_GRANTED)):
        grant = arranged(office, who, liaoning.reviewer, CLERK)
    with office.db.read() as session:
        [shown] = proxies.granted(session, office.at, person_id=giver.person_id).rows
        assert (shown.arranged_by, shown.giver[1], shown.proxy[1]) == (viewer.name, giver.name, clerk.name)
        told = session.execute(select(Notice).where(Notice.person_id == giver.person_id, Notice.kind == "proxy_granted_for")).scalar_one()
        assert (told.params["by"], told.params["to"], told.params["reason"]) == (viewer.name, clerk.name, AWAY)
    case.task("adm_u2").by(CLERK).qualifies()
    done = case.events(Kind.TASK_COMPLETED)[-1]
    assert (done.actor, done.on_behalf_of) == (clerk.number, giver.number)
    proxies.revoke(office.db, giver, grant, at=office.at)
    office.check_record()


def test_nobody_else_arranges_it_and_nobody_for_themselves(office: Office, liaoning: Place, case: Case) -> None:
    def refused(by: str, of: str, to: str, why: str) -> None:
        with recorded(office), pytest.raises(ProxyUnfit) as found:
            arranged(office, by, of, to)
        assert found.value.params["why"] == why

    refused(CLERK, liaoning.reviewer, liaoning.second_reviewer, absences.NOT_YOURS)
    refused(liaoning.reviewer, liaoning.second_reviewer, CLERK, absences.NOT_YOURS)
    refused(liaoning.own_head, liaoning.reviewer, CLERK, absences.NOT_YOURS)
    refused(liaoning.bureau_head, liaoning.bureau_head, CLERK, absences.THEMSELVES)
    refused(liaoning.bureau_head, liaoning.reviewer, liaoning.bureau_head, absences.TO_ONESELF)
    with recorded(office), pytest.raises(ReasonNeeded):
        arranged(office, liaoning.bureau_head, liaoning.reviewer, CLERK, reason="病")
    with office.db.read() as session:
        assert absences.fitting(session, office.viewer(CLERK), "", at=office.at) == []


# --- what whoever stands in hears -----------------------------------------------------------------------------------


def test_whoever_stands_in_hears_what_the_other_is_told_once(office: Office, liaoning: Place) -> None:
    clerk = office.viewer(CLERK)
    lets(office, liaoning.reviewer, CLERK)
    case = office.applicant(liaoning.own_school).applies().is_recommended()

    def heard() -> list[tuple[str, str | None]]:
        with office.db.read() as session:
            rows = session.execute(select(Notice).where(Notice.person_id == clerk.person_id, Notice.kind == "task_for_another"))
            return [(one.params["giver"], one.task) for one in rows.scalars()]

    assert absences.pass_on(office.db, at=office.at) == 1
    assert absences.pass_on(office.db, at=office.at) == 0
    assert heard() == [(office.viewer(liaoning.reviewer).name, case.task("adm_u2").number)]


def test_nothing_is_passed_on_by_a_grant_that_is_over_or_of_what_is_not_to_be_done(office: Office, liaoning: Place) -> None:
    grant = lets(office, liaoning.reviewer, CLERK)
    case = office.applicant(liaoning.own_school).applies().is_recommended()
    proxies.revoke(office.db, office.viewer(liaoning.reviewer), grant, at=office.at)
    assert absences.pass_on(office.db, at=office.at) == 0
    lets(office, liaoning.reviewer, CLERK, processes=("admission_round",))
    assert absences.pass_on(office.db, at=office.at) == 0, "another process"
    case.task("adm_u2").by(liaoning.reviewer).qualifies()
    assert absences.pass_on(office.db, at=office.at) == 0


def test_what_is_tried_after_a_grant_is_over_stands_in_the_case(office: Office, liaoning: Place, case: Case) -> None:
    clerk, number = office.viewer(CLERK), case.task("adm_u2").number
    grant = lets(office, liaoning.reviewer, CLERK)
    with office.db.read() as session:
        assert proxies.left_over(session, clerk, number, office.at) is None
    proxies.revoke(office.db, office.viewer(liaoning.reviewer), grant, at=office.at)
    with office.db.read() as session:
        left = proxies.left_over(session, clerk, number, office.at)
        assert left is not None and (left.instance_number, left.step_name) == (case.number, case.task("adm_u2").row().name)
        assert proxies.left_over(session, office.viewer(liaoning.own_head), number, office.at) is None
    with recorded(office, (f"instance:{case.number}", Kind.PROXY_REFUSED)):
        proxies.note_refused(office.db, clerk, number, at=office.at)
    office.check_record()


@pytest.mark.parametrize("order", ORDERS)
def test_sent_back_for_another_while_they_revoke_it(office: Office, liaoning: Place, case: Case, order: str) -> None:
    clerk, number, before = office.viewer(CLERK), case.task("adm_u2").number, len(case.events())
    first = next(one.number for one in case.tasks() if one.step_id == "adm_u1")
    grant = lets(office, liaoning.reviewer, CLERK)
    giver = office.viewer(liaoning.reviewer)
    back, revoked = race(
        office, lambda db: returning.send_back(db, clerk, number, first, BACK, at=office.at),
        lambda db: proxies.revoke(db, giver, grant, at=office.at), order=order,
    )
    assert revoked is None and isinstance(back, (Moved, ProxyOver))
    assert len(case.events()) == before + isinstance(back, Moved)
    case.waits_at("adm_u1" if isinstance(back, Moved) else "adm_u2")
    office.check_record()
