"""离岗交接: whatever waits for somebody who leaves goes to others, task by task, and nothing of it is lost or done twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from sqlalchemy import select

from tests.factories import SETTING_UP
from tests.office import Case, Office, Place
from tests.workflows.test_proxies import CLERK, lets
from workflows import assignments, control, drafts, handing_over, jobs, people, proxies
from workflows.audit import Kind
from workflows.errors import Forbidden, HandOverNeeds, NotFound, ReasonNeeded
from workflows.models import Event, Job, Task

WHY = "调离教育局，工作交接"
ADMIN = "ln.admin"


def cases(office: Office, place: Place, count: int) -> list[Case]:
    """Cases whose review the first reviewer has claimed."""
    made = []
    for n in range(count):
        case = office.applicant(place.own_school, name=f"申请人{n}").applies().is_recommended()
        assignments.claim(office.db, office.viewer(place.reviewer), case.task("adm_u2").number, at=office.at)
        made.append(case)
    return made


def hands_over(office: Office, leaver: str, to: Sequence[str]) -> Job:
    """Ask for the hand-over and let the worker do it; returns the job."""
    number = handing_over.start(
        office.db, office.viewer(ADMIN), office.viewer(leaver).number, [office.viewer(one).number for one in to], WHY, at=office.at
    )
    assert jobs.run_next(office.db, {handing_over.HAND_OVER: handing_over.run}, lambda: office.at)
    with office.db.read() as session:
        return session.execute(select(Job).where(Job.number == number)).scalar_one()


def plan(office: Office, leaver: str, to: Sequence[str]) -> handing_over.Plan:
    with office.db.read() as session:
        return handing_over.plan(
            session, office.viewer(ADMIN), office.viewer(leaver).number, [office.viewer(one).number for one in to], at=office.at
        )


def test_what_a_leaver_holds_goes_to_others_in_turns_each_with_its_own_event(office: Office, liaoning: Place) -> None:
    made = cases(office, liaoning, 3)
    leaver, second, clerk = (office.viewer(one) for one in (liaoning.reviewer, liaoning.second_reviewer, CLERK))
    subject = f"task:{made[0].task('adm_u2').number}"
    drafts.save_draft(office.db, leaver.person_id, subject, {"typed": {"opinion": ["看到一半"]}}, None, at=office.at)

    found = plan(office, liaoning.reviewer, [liaoning.second_reviewer, CLERK])
    assert [item.to[1] for item in found.items if item.to] == [second.name, clerk.name, second.name] and found.total == 3
    assert [case.task("adm_u2").row().holder_id for case in made] == [leaver.person_id] * 3, "nothing has happened yet"

    job = hands_over(office, liaoning.reviewer, [liaoning.second_reviewer, CLERK])
    assert (job.status, job.done, job.total, job.message_params) == ("done", 3, 3, {"handed": 3})
    assert [case.task("adm_u2").row().holder_id for case in made] == [second.person_id, clerk.person_id, second.person_id]
    for case, who in zip(made, (second, clerk, second), strict=True):
        [event] = case.events(Kind.TASK_HANDED_OVER)
        told = office.payload(event)
        assert (event.actor, event.actor_kind) == (office.viewer(ADMIN).number, "administrator")
        assert (told["from"]["name"], told["to"]["name"], told["reason"]) == (leaver.name, who.name, WHY)
        assert "task_handed_over" in [kind for kind, _ in case.told(who.name)]
    with office.db.read() as session:
        lent = drafts.draft(session, second.person_id, subject)
    assert lent is not None and lent.data["typed"] == {"opinion": ["看到一半"]}, "what was typed is not lost"
    made[1].task("adm_u2").by(CLERK).qualifies()
    done = made[1].events(Kind.TASK_COMPLETED)[-1]
    assert (done.actor, done.actor_role) == (clerk.number, "clerk")
    office.check_record()


def test_nobody_gets_what_they_may_not_have(office: Office, liaoning: Place) -> None:
    [case] = cases(office, liaoning, 1)
    reviewed = liaoning.own_head  # recommended the applicant: not the next review
    found = plan(office, liaoning.reviewer, [reviewed, "nn.hr1"])
    assert [(item.to, item.why) for item in found.items] == [(None, handing_over.NOBODY_FITS)]
    job = hands_over(office, liaoning.reviewer, [reviewed, "nn.hr1"])
    assert job.message == handing_over.SOME_LEFT and job.message_params["left"] == 1
    assert case.number in job.message_params["cases"]
    assert case.task("adm_u2").row().holder_id == office.viewer(liaoning.reviewer).person_id
    assert not case.events(Kind.TASK_HANDED_OVER)


def test_what_is_the_leavers_own_stays_theirs(office: Office, liaoning: Place) -> None:
    case = office.applicant(liaoning.own_school).applies().is_recommended().is_returned("phone")
    phone = case.applicant.teacher["phone"]
    assert [item.why for item in plan(office, phone, [liaoning.reviewer]).items] == [handing_over.OWN_AFFAIR]
    hands_over(office, phone, [liaoning.reviewer])
    assert case.task("adm_u3").row().holder_id == case.applicant.viewer.person_id


def test_what_they_were_asked_to_work_on_goes_back_and_what_they_asked_goes_on(office: Office, liaoning: Place) -> None:
    first, second = cases(office, liaoning, 2)
    reviewer, clerk, other = (office.viewer(one) for one in (liaoning.reviewer, CLERK, liaoning.second_reviewer))
    for case, to in ((first, clerk), (second, other)):
        assignments.delegate(office.db, reviewer, case.task("adm_u2").number, to.number, WHY, at=office.at)
    hands_over(office, CLERK, [liaoning.second_reviewer])
    row = first.task("adm_u2").row()
    assert (row.holder_id, row.delegate_id) == (reviewer.person_id, None)
    assert row.explanation["delegations"][-1]["how"] == "declined"
    hands_over(office, liaoning.reviewer, [CLERK])
    row = second.task("adm_u2").row()
    assert (row.holder_id, row.delegate_id) == (clerk.person_id, other.person_id)
    assert row.explanation["delegated"]["from"]["name"] == clerk.name, "it comes back to who follows"
    assignments.hand_back(office.db, other, row.number, "已核对，材料齐全", {"typed": {}, "files": []}, at=office.at)
    second.task("adm_u2").by(CLERK).qualifies()


def test_a_suspended_case_is_handed_over_too_and_waits_on(office: Office, liaoning: Place) -> None:
    [case] = cases(office, liaoning, 1)
    control.suspend(office.db, SETTING_UP, case.number, "等待上级答复后再办", at=office.at)
    hands_over(office, liaoning.reviewer, [liaoning.second_reviewer])
    [row] = [task for task in case.tasks() if task.status == "suspended"]
    assert row.holder_id == office.viewer(liaoning.second_reviewer).person_id
    control.resume(office.db, SETTING_UP, case.number, at=office.at)
    case.task("adm_u2").by(liaoning.second_reviewer).qualifies()


def test_grants_by_and_to_the_leaver_end(office: Office, liaoning: Place) -> None:
    lets(office, liaoning.reviewer, CLERK)
    lets(office, liaoning.second_reviewer, liaoning.reviewer)
    kept = lets(office, liaoning.second_reviewer, CLERK)
    assert plan(office, liaoning.reviewer, [CLERK]).grants == 2
    hands_over(office, liaoning.reviewer, [CLERK])
    with office.db.read() as session:
        stands = [view.number for view in proxies.granted(session, office.at).rows if view.stands]
        ended = session.execute(select(Event).where(Event.kind == Kind.PROXY_REVOKED.value)).scalars().all()
    assert stands == [kept] and len(ended) == 2


def test_a_worker_that_dies_is_followed_by_one_that_hands_over_the_rest_once(
    office: Office, liaoning: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cases(office, liaoning, 3)
    monkeypatch.setattr(handing_over, "CHUNK", 2)
    number = handing_over.start(
        office.db, office.viewer(ADMIN), office.viewer(liaoning.reviewer).number, [office.viewer(CLERK).number], WHY, at=office.at
    )
    real, calls = handing_over._hand_over, []

    def breaks(*given: object, **more: object) -> bool:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("the power went")
        return real(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(handing_over, "_hand_over", breaks)
    with pytest.raises(OSError, match="power"):
        jobs.run_next(office.db, {handing_over.HAND_OVER: handing_over.run}, lambda: office.at)
    with office.db.write() as session:
        row = session.execute(select(Job).where(Job.number == number)).scalar_one()
        row.next_try_at = None
    assert jobs.run_next(office.db, {handing_over.HAND_OVER: handing_over.run}, lambda: office.at)
    for case in made:
        assert len(case.events(Kind.TASK_HANDED_OVER)) == 1
    with office.db.read() as session:
        row = session.execute(select(Job).where(Job.number == number)).scalar_one()
    assert (row.status, row.message_params) == ("done", {"handed": 3})


def test_who_may_ask_for_it_and_for_what(office: Office, liaoning: Place) -> None:
    admin, leaver = office.viewer(ADMIN), office.viewer(liaoning.reviewer).number
    other = office.viewer(CLERK).number
    with pytest.raises(Forbidden):
        handing_over.start(office.db, office.viewer(liaoning.bureau_head), leaver, [other], WHY, at=office.at)
    with pytest.raises(ReasonNeeded):
        handing_over.start(office.db, admin, leaver, [other], "走了", at=office.at)
    with pytest.raises(NotFound):
        handing_over.start(office.db, admin, "P0", [other], WHY, at=office.at)
    silent = people.create_person(office.db, SETTING_UP, name="无账号", phone=None, email=None, at=office.at)
    for to in ([], [leaver], [other, leaver], ["P0"], [silent], [f"P{n}" for n in range(30)]):
        with pytest.raises(HandOverNeeds):
            handing_over.start(office.db, admin, leaver, to, WHY, at=office.at)
    people.grant(office.db, SETTING_UP, silent, "ln-sy", "clerk", date(2026, 1, 1), at=office.at)
    with office.db.read() as session:
        found = {number for number, _ in handing_over.fitting(session, "", at=office.at, limit=500)}
        assert session.execute(select(Task.id)).first() is None
    assert other in found and silent not in found and admin.number not in found


def test_what_was_transferred_in_the_meantime_is_not_taken_from_whoever_has_it(office: Office, liaoning: Place) -> None:
    [case] = cases(office, liaoning, 1)
    leaver, head = office.viewer(liaoning.reviewer), office.viewer(liaoning.bureau_head)
    [item] = plan(office, liaoning.reviewer, [CLERK]).items
    assignments.transfer(office.db, leaver, item.task, head.number, WHY, at=office.at)
    with office.db.write() as session:
        assert not handing_over._hand_over(session, SETTING_UP, item, leaver.person_id, WHY, office.at)
    assert case.task("adm_u2").row().holder_id == head.person_id and not case.events(Kind.TASK_HANDED_OVER)
