"""What people do with a case beside deciding it: urging (催办), grades, copies (抄送), remarks (留言), follow-ups, filters."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests import reviewing
from tests.office import Case, Office, Place
from tests.reviewing import Desk, begins, ends, file, task
from tests.workflows.engine.drawing import flows, zeebe
from tests.workflows.test_races import ORDERS, race
from tests.workflows.test_verbs import recorded
from workflows import (
    access,
    assignments,
    case_file,
    control,
    copies,
    follow_ups,
    inbox,
    instances,
    remarks,
    saved_filters,
    search,
    urging,
)
from workflows.access import Viewer
from workflows.audit import Kind
from workflows.errors import (
    AlreadyCopied,
    DayPassed,
    FilterNameNeeded,
    Forbidden,
    InstanceSuspended,
    MentionUnknown,
    NotCopied,
    NotFound,
    NotPrioritised,
    NotUrgeable,
    OwnTask,
    PersonUnknown,
    ReasonNeeded,
    RemarkNeeded,
    RemarkNotYours,
    TaskNotOpen,
    TooManyFilters,
    UrgedEnough,
    UrgedTooSoon,
)
from workflows.inbox import Filter
from workflows.models import FollowUp, Remark, Task, Urge
from workflows.search import Sought

EVERYTHING = Filter()
WHY = "校方要求本周内上报，请优先办理"


@pytest.fixture
def case(office: Office, liaoning: Place) -> Case:
    """A case that waits for review by either of two people."""
    return office.applicant(liaoning.own_school).applies().is_recommended()


def _urges(office: Office, case: Case, who: Viewer, words: str = "") -> list[str]:
    return urging.urge(office.db, who, case.task("adm_u2").number, words, at=office.at)


def _row(office: Office, who: Viewer, given: Filter = EVERYTHING) -> inbox.TaskRow | None:
    with office.db.read() as session:
        rows = inbox.todo(session, who, given, at=office.at).rows
    return rows[0] if rows else None


# --- urging ---------------------------------------------------------------------------------------------------------


def test_the_applicant_urges_and_whoever_may_take_the_task_is_told(office: Office, liaoning: Place, case: Case) -> None:
    number = case.task("adm_u2").number
    with recorded(office, (f"instance:{case.number}", Kind.TASK_URGED)):
        told = _urges(office, case, case.applicant.viewer, "已经过了三天")
    assert set(told) == {office.viewer(one).name for one in (liaoning.reviewer, liaoning.second_reviewer)}
    for who in told:
        [(_, params)] = [one for one in case.told(who) if one[0] == "task_urged"]
        assert params["by"] == case.applicant.viewer.name and params["reason"] == "已经过了三天"
    [event] = case.events(Kind.TASK_URGED)
    assert (event.actor, event.task) == (case.applicant.viewer.number, number)
    row = _row(office, office.viewer(liaoning.reviewer))
    assert row is not None and row.urged_at == office.at, "whoever has it sees so in the inbox"
    case.waits_at("adm_u2")


def test_whoever_holds_a_task_is_urged_and_whoever_works_on_it_for_them(office: Office, liaoning: Place, case: Case) -> None:
    number, holder = case.task("adm_u2").number, office.viewer(liaoning.reviewer)
    assignments.claim(office.db, holder, number, at=office.at)
    assert _urges(office, case, office.viewer(liaoning.second_reviewer)) == [holder.name], "a colleague of the task's office"
    worker = office.viewer(liaoning.bureau_head)
    assignments.delegate(office.db, holder, number, worker.number, WHY, at=office.at)
    assert _urges(office, case, holder) == [worker.name], "who delegated it urges whom they asked"


def test_nobody_urges_what_waits_for_themselves(office: Office, liaoning: Place, case: Case) -> None:
    with pytest.raises(OwnTask):
        _urges(office, case, office.viewer(liaoning.reviewer))


def test_who_has_no_part_in_a_case_urges_nobody(office: Office, liaoning: Place, case: Case) -> None:
    with pytest.raises(NotFound):
        _urges(office, case, office.applicant(liaoning.county_school, name="欧阳若兰").viewer)
    with pytest.raises(NotUrgeable):
        _urges(office, case, office.viewer(liaoning.auditor))
    with pytest.raises(NotUrgeable):
        _urges(office, case, office.viewer(liaoning.own_head))  # acted before, and is not of the office that has it
    assert not case.events(Kind.TASK_URGED)


def test_one_person_urges_once_a_day_and_is_told_when_again(office: Office, case: Case) -> None:
    _urges(office, case, case.applicant.viewer)
    office.time_is(office.at + timedelta(hours=23))
    with pytest.raises(UrgedTooSoon) as refused:
        _urges(office, case, case.applicant.viewer)
    assert refused.value.params["again"] == office.at + timedelta(hours=1)
    office.time_is(office.at + timedelta(hours=1))
    _urges(office, case, case.applicant.viewer)
    assert len(case.events(Kind.TASK_URGED)) == 2


def test_a_task_is_urged_three_times_a_day_by_all_together(office: Office, liaoning: Place, case: Case) -> None:
    holder = office.viewer(liaoning.reviewer)
    assignments.claim(office.db, holder, case.task("adm_u2").number, at=office.at)
    for who in (case.applicant.viewer, office.viewer(liaoning.second_reviewer), office.viewer(liaoning.bureau_head)):
        _urges(office, case, who)
    other = replace(office.viewer(liaoning.bureau_head), person_id=office.viewer("hp.bureau").person_id)
    with pytest.raises(UrgedEnough):
        _urges(office, case, other)
    office.time_is(office.at + timedelta(days=1))
    _urges(office, case, other)


def test_what_is_over_or_held_is_not_urged(office: Office, liaoning: Place, case: Case) -> None:
    number = case.task("adm_u2").number
    control.suspend(office.db, office.viewer(liaoning.bureau_head), case.number, WHY, at=office.at)
    with pytest.raises(InstanceSuspended):
        urging.urge(office.db, case.applicant.viewer, number, "", at=office.at)
    control.resume(office.db, office.viewer(liaoning.bureau_head), case.number, at=office.at)
    case.task("adm_u2").by(liaoning.reviewer).qualifies()
    with pytest.raises(TaskNotOpen):
        urging.urge(office.db, case.applicant.viewer, number, "", at=office.at)


@pytest.mark.parametrize("order", ORDERS)
def test_urged_twice_at_once_is_one_urge(office: Office, case: Case, order: str) -> None:
    number, who = case.task("adm_u2").number, case.applicant.viewer
    results = race(office, *[lambda db: urging.urge(db, who, number, "", at=office.at)] * 2, order=order)
    assert sorted(type(one).__name__ for one in results) == ["UrgedTooSoon", "list"]
    with office.db.read() as session:
        assert len(session.execute(select(Urge)).scalars().all()) == 1
    assert len(case.events(Kind.TASK_URGED)) == 1


# --- how urgent -----------------------------------------------------------------------------------------------------


def test_the_office_sets_how_urgent_a_task_is_and_it_comes_first_of_its_day(
    office: Office, liaoning: Place, case: Case
) -> None:
    other = office.applicant(liaoning.own_school, name="欧阳若兰").applies().is_recommended()
    reviewer, number = office.viewer(liaoning.reviewer), other.task("adm_u2").number
    first = _row(office, reviewer)
    assert first is not None and first.instance_number == case.number
    with recorded(office, (f"instance:{other.number}", Kind.TASK_PRIORITISED)):
        assert urging.prioritise(office.db, office.viewer(liaoning.bureau_head), number, "extra", WHY, at=office.at)
    first = _row(office, reviewer)
    assert first is not None and (first.instance_number, first.grade) == (other.number, "extra")
    with office.db.read() as session:
        found = inbox.todo(session, reviewer, Filter(grade="urgent"), at=office.at)
    assert [row.instance_number for row in found.rows] == [other.number]
    assert not urging.prioritise(office.db, reviewer, number, "extra", WHY, at=office.at), "nothing changes, nothing is recorded"
    [event] = other.events(Kind.TASK_PRIORITISED)
    assert office.payload(event)["words"] == WHY


def test_no_applicant_says_how_urgent_their_case_is(office: Office, liaoning: Place, case: Case) -> None:
    number = case.task("adm_u2").number
    for who in (case.applicant.viewer, office.viewer(liaoning.auditor)):
        with pytest.raises(NotPrioritised):
            urging.prioritise(office.db, who, number, "extra", WHY, at=office.at)
    with pytest.raises(ReasonNeeded):
        urging.prioritise(office.db, office.viewer(liaoning.reviewer), number, "extra", "急", at=office.at)
    case.is_returned()
    correction = case.task("adm_u3").number
    with pytest.raises(NotPrioritised):
        urging.prioritise(office.db, case.applicant.viewer, correction, "extra", WHY, at=office.at)


# --- copies ---------------------------------------------------------------------------------------------------------


def _copies(office: Office, case: Case, who: Viewer, *to: Viewer, words: str = "请了解进展") -> list[str]:
    return copies.send(office.db, who, case.number, [one.number for one in to], words, at=office.at)


def _to_read(office: Office, who: Viewer, unread: bool = False) -> list[str]:
    with office.db.read() as session:
        return [row.number for row in copies.to_read(session, who, unread=unread).rows]


def test_a_case_is_sent_to_a_colleague_who_reads_it_with_what_is_personal_masked(
    office: Office, liaoning: Place, case: Case
) -> None:
    sender, reader = office.viewer(liaoning.reviewer), office.viewer("sy.trimeeting")
    with office.db.read() as session, pytest.raises(NotFound):
        case_file.read(session, reader, case.number, office.at)
    with recorded(office, (f"instance:{case.number}", Kind.CASE_COPIED)):
        assert _copies(office, case, sender, reader) == [reader.name]
    assert case.told(reader.name)[-1][0] == "case_copied"
    with office.db.read() as session:
        found = case_file.read(session, reader, case.number, office.at)
        assert found.masked, "as for everybody without a task in it"
        assert [row.number for row in search.find(session, reader, Sought(), at=office.at).rows] == [case.number]
        assert [row.number for row in search.find(session, reader, Sought(text="林书豪"), at=office.at).rows] == [case.number]
        assert inbox.counts(session, reader).to_read == 1
        assert not session.execute(
            select(Task.id).where(access.may_take(reader.person_id, access.office_day(office.at)))
        ).all(), "a copy gives no task"
    assert _to_read(office, reader) == [case.number]


def test_opening_a_copy_marks_it_read_once(office: Office, liaoning: Place, case: Case) -> None:
    reader = office.viewer("sy.tri")
    _copies(office, case, office.viewer(liaoning.reviewer), reader)
    with recorded(office, (f"instance:{case.number}", Kind.COPY_READ)):
        assert copies.mark_read(office.db, reader, case.number, at=office.at)
        assert not copies.mark_read(office.db, reader, case.number, at=office.at)
    assert (_to_read(office, reader), _to_read(office, reader, unread=True)) == ([case.number], [])
    with office.db.read() as session:
        [view] = copies.of_case(session, case.number)
        assert (view.name, view.read_at) == (reader.name, office.at)
        assert inbox.counts(session, reader).to_read == 0


def test_nobody_gets_a_case_twice(office: Office, liaoning: Place, case: Case) -> None:
    sender, first, second = (office.viewer(one) for one in (liaoning.reviewer, "sy.tri", "sy.trioffice"))
    _copies(office, case, sender, first)
    with pytest.raises(AlreadyCopied) as refused:
        _copies(office, case, office.viewer(liaoning.bureau_head), first)
    assert refused.value.params["names"] == first.name
    assert _copies(office, case, sender, first, second) == [second.name], "whoever has it is left out"


@pytest.mark.parametrize("order", ORDERS)
def test_two_who_send_it_to_one_person_at_once_send_it_once(office: Office, liaoning: Place, case: Case, order: str) -> None:
    to = office.viewer("sy.tri").number
    senders = [office.viewer(one) for one in (liaoning.reviewer, liaoning.bureau_head)]
    results = race(office, *(
        lambda db, one=one: copies.send(db, one, case.number, [to], "", at=office.at) for one in senders  # type: ignore[misc]
    ), order=order)
    assert sorted(type(one).__name__ for one in results) == ["AlreadyCopied", "list"]
    assert len(case.events(Kind.CASE_COPIED)) == 1


def test_a_case_goes_to_people_of_ones_office_only(office: Office, liaoning: Place, case: Case) -> None:
    sender = office.viewer(liaoning.reviewer)
    for to in (office.viewer("nn.hr1"), case.applicant.viewer, sender):
        with pytest.raises(NotCopied):
            _copies(office, case, sender, to)
    with pytest.raises(PersonUnknown):
        copies.send(office.db, sender, case.number, [], "", at=office.at)
    assert not case.events(Kind.CASE_COPIED)


def test_who_only_reads_a_case_does_not_pass_it_on(office: Office, liaoning: Place, case: Case) -> None:
    reader, other = office.viewer("sy.trimeeting"), office.viewer("sy.trioffice")
    _copies(office, case, office.viewer(liaoning.reviewer), reader)
    for who in (reader, case.applicant.viewer, office.viewer(liaoning.auditor)):
        with pytest.raises(Forbidden):
            _copies(office, case, who, other)
    with pytest.raises(NotFound):
        _copies(office, case, office.viewer("nn.hr1"), other)


# --- remarks --------------------------------------------------------------------------------------------------------


def _says(office: Office, case: Case, who: Viewer, words: str, audience: str = "office", **more: str) -> None:
    remarks.add(office.db, who, case.number, words, audience, at=office.at, **more)


def _heard(office: Office, case: Case, who: Viewer) -> list[str]:
    with office.db.read() as session:
        return [one.words for one in remarks.of_case(session, who, case.number)]


def test_the_office_talks_among_itself_and_to_the_applicant(office: Office, liaoning: Place, case: Case) -> None:
    reviewer, applicant = office.viewer(liaoning.reviewer), case.applicant.viewer
    with recorded(office, (f"instance:{case.number}", Kind.REMARK_ADDED)):
        _says(office, case, reviewer, "教龄证明的章不清楚")
    assert _heard(office, case, applicant) == [], "the office's own"
    assert "remark_made" not in [kind for kind, _ in case.told(applicant.name)]
    _says(office, case, reviewer, "请留意电话", "everybody")
    assert _heard(office, case, applicant) == ["请留意电话"]
    assert [kind for kind, _ in case.told(applicant.name)].count("remark_made") == 1
    assignments.claim(office.db, reviewer, case.task("adm_u2").number, at=office.at)
    _says(office, case, applicant, "好的", "office")
    assert _heard(office, case, applicant) == ["请留意电话", "好的"], "an applicant speaks to everybody"
    assert "remark_made" in [kind for kind, _ in case.told(reviewer.name)]
    assert _heard(office, case, reviewer) == ["教龄证明的章不清楚", "请留意电话", "好的"]


def test_who_is_named_is_told_and_only_who_may_read_it_can_be(office: Office, liaoning: Place, case: Case) -> None:
    reviewer, second = office.viewer(liaoning.reviewer), office.viewer(liaoning.second_reviewer)
    _says(office, case, reviewer, f"@{second.name}请看第三页；联系 a@b.cn")
    assert [params["by"] for kind, params in case.told(second.name) if kind == "remark_mentioned"] == [reviewer.name]
    reader = office.viewer("sy.tri")
    for nobody in (reader.name, case.applicant.viewer.name, "无此人"):
        with pytest.raises(MentionUnknown):
            _says(office, case, reviewer, f"请@{nobody}看")
    copies.send(office.db, reviewer, case.number, [reader.number], "", at=office.at)
    _says(office, case, reviewer, f"＠{reader.name}：已抄送")
    assert "remark_mentioned" in [kind for kind, _ in case.told(reader.name)]
    _says(office, case, reader, f"@{reviewer.name}收到")


def test_a_remark_is_corrected_by_another_one_of_ones_own(office: Office, liaoning: Place, case: Case) -> None:
    reviewer, second = office.viewer(liaoning.reviewer), office.viewer(liaoning.second_reviewer)
    _says(office, case, reviewer, "教龄五年")
    with office.db.read() as session:
        [first] = remarks.of_case(session, reviewer, case.number)
    with pytest.raises(RemarkNotYours):
        _says(office, case, second, "教龄六年", corrects=first.event)
    _says(office, case, reviewer, "教龄六年", corrects=first.event)
    with office.db.read() as session:
        views = remarks.of_case(session, reviewer, case.number)
    assert [(one.words, one.corrected, one.corrects) for one in views] == [
        ("教龄五年", True, None), ("教龄六年", False, first.event),
    ]  # fmt: skip


def test_who_only_reads_says_nothing(office: Office, liaoning: Place, case: Case) -> None:
    with pytest.raises(Forbidden):
        _says(office, case, office.viewer(liaoning.auditor), "请说明")
    with pytest.raises(NotFound):
        _says(office, case, office.viewer("nn.hr1"), "请说明")
    for words in ("", "  ", "字" * 1001):
        with pytest.raises(RemarkNeeded):
            _says(office, case, office.viewer(liaoning.reviewer), words)
    with office.db.read() as session:
        assert session.execute(select(Remark)).first() is None


@pytest.mark.parametrize("order", ORDERS)
def test_a_remark_sent_twice_is_one_remark(office: Office, liaoning: Place, case: Case, order: str) -> None:
    reviewer = office.viewer(liaoning.reviewer)
    said = race(office, *[lambda db: remarks.add(db, reviewer, case.number, "材料齐全", at=office.at)] * 2, order=order)
    assert sorted(said) == [False, True]
    assert len(case.events(Kind.REMARK_ADDED)) == 1
    office.time_is(office.at + timedelta(minutes=3))
    _says(office, case, reviewer, "材料齐全")
    assert _heard(office, case, reviewer) == ["材料齐全"] * 2, "said again later it is meant"


def test_a_case_that_is_over_can_still_be_spoken_of(office: Office, liaoning: Place, case: Case) -> None:
    control.cancel(office.db, office.viewer(liaoning.bureau_head), case.number, WHY, at=office.at)
    _says(office, case, office.viewer(liaoning.reviewer), "已电话告知申请人")


# --- follow-ups and filters -----------------------------------------------------------------------------------------


def test_somebody_finds_what_they_meant_to_come_back_to_and_nobody_else_does(
    office: Office, liaoning: Place, case: Case
) -> None:
    number = case.task("adm_u2").number
    first, second = office.viewer(liaoning.reviewer), office.viewer(liaoning.second_reviewer)
    on = access.office_day(office.at) + timedelta(days=2)
    with recorded(office, (f"person:{first.number}", Kind.FOLLOW_UP_SCHEDULED)):
        follow_ups.follow_up(office.db, first, number, on, at=office.at)
    row = _row(office, first, Filter(follow="any"))
    assert row is not None and row.follow_on == on
    assert _row(office, first, Filter(follow="due")) is None, "not before its day"
    assert _row(office, second, Filter(follow="any")) is None
    other = _row(office, second)
    assert other is not None and other.follow_on is None
    office.time_is(office.at + timedelta(days=2))
    assert _row(office, first, Filter(follow="due")) is not None
    follow_ups.follow_up(office.db, first, number, None, at=office.at)
    assert _row(office, first, Filter(follow="any")) is None


def test_a_follow_up_lies_ahead_and_belongs_to_an_open_task_of_ones_own(office: Office, liaoning: Place, case: Case) -> None:
    number, today = case.task("adm_u2").number, access.office_day(office.at)
    for day in (today - timedelta(days=1), today + timedelta(days=follow_ups.FARTHEST + 1), date.max):
        with pytest.raises(DayPassed):
            follow_ups.follow_up(office.db, office.viewer(liaoning.reviewer), number, day, at=office.at)
    with pytest.raises(NotFound):
        follow_ups.follow_up(office.db, case.applicant.viewer, number, today, at=office.at)
    case.task("adm_u2").by(liaoning.reviewer).qualifies()
    with pytest.raises(TaskNotOpen):
        follow_ups.follow_up(office.db, office.viewer(liaoning.reviewer), number, today, at=office.at)
    with office.db.read() as session:
        assert session.execute(select(FollowUp)).first() is None


def test_filters_are_kept_by_name_for_oneself_and_one_opens_the_inbox(office: Office, liaoning: Place) -> None:
    me, other = office.viewer(liaoning.reviewer), office.viewer(liaoning.second_reviewer)

    def kept(who: Viewer) -> list[tuple[str, dict[str, str], bool]]:
        with office.db.read() as session:
            return [(one.name, dict(one.asked), one.is_default) for one in inbox.counts(session, who).filters]

    with recorded(office, (f"person:{me.number}", Kind.FILTER_SAVED)):
        saved_filters.save(office.db, me, " 二 审核 ", {"step": "adm_u2", "unknown": "x", "q": ""}, at=office.at, default=True)
    saved_filters.save(office.db, me, "一 语文", {"q": "语文"}, at=office.at, default=True)
    assert kept(me) == [("一 语文", {"q": "语文"}, True), ("二 审核", {"step": "adm_u2"}, False)]
    saved_filters.save(office.db, me, "一 语文", {"q": "数学"}, at=office.at)
    assert kept(me)[0] == ("一 语文", {"q": "数学"}, False)
    assert kept(other) == []
    with pytest.raises(NotFound):
        saved_filters.remove(office.db, other, "一 语文", at=office.at)
    with recorded(office, (f"person:{me.number}", Kind.FILTER_DELETED)):
        saved_filters.remove(office.db, me, "一 语文", at=office.at)
    assert [name for name, _, _ in kept(me)] == ["二 审核"]
    for name in ("", " ", "名" * 31):
        with pytest.raises(FilterNameNeeded):
            saved_filters.save(office.db, me, name, {}, at=office.at)
    for number in range(saved_filters.MOST - 1):
        saved_filters.save(office.db, me, f"甲{number}", {}, at=office.at)
    with pytest.raises(TooManyFilters):
        saved_filters.save(office.db, me, "再一个", {}, at=office.at)
    saved_filters.save(office.db, me, "甲0", {"q": "仍可改"}, at=office.at)


# --- what the diagram sends -----------------------------------------------------------------------------------------

def properties(*given: tuple[str, str]) -> str:
    """``zeebe:properties`` of a step."""
    return zeebe("properties", "".join(zeebe("property", name=name, value=value) for name, value in given))


#: A decision that the head of the institution, and the heads of the bureau, get to read.
TOLD = file(
    "told", "阅知的审议", begins("提出", "review.proposal"),
    task("decide", "审议", "review.conclusion", properties(("jiaoyan:cc", '=[role("tri_head"), role("bureau_head"), role("bureau_hr")]'))),
    task("again", "复议", "review.conclusion", properties(("jiaoyan:cc", '=role("tri_head")'))),
    ends("done", "已审议"), flows("s decide again done"),
)  # fmt: skip


def test_the_diagram_sends_a_case_once_its_step_is_done_and_nobody_twice(
    office: Office, liaoning: Place, root: Path
) -> None:
    reviewing.deploy(office, root, told=TOLD)
    desk = Desk(office)
    case = desk.begin("told", office.applicant(liaoning.own_school), "proposal", title="甲")
    assert not case.told(office.viewer("sy.tri").name)
    desk.does(case, "decide", liaoning.reviewer, "conclusion", words="同意")
    sent = {office.viewer(one).name for one in ("sy.tri", liaoning.bureau_head, liaoning.second_reviewer)}
    with office.db.read() as session:
        assert {(one.name, one.by_name) for one in copies.of_case(session, case.number)} == {(one, None) for one in sent}
    assert {name: [kind for kind, _ in case.told(name)].count("case_copied_by_rule") for name in sent} == dict.fromkeys(sent, 1)
    [event] = case.events(Kind.TASK_COMPLETED)
    [told] = office.payload(event)["copied"]
    assert (told["step"], {one["name"] for one in told["to"]}) == ("decide", sent), "whoever decides is not among them"
    desk.does(case, "again", liaoning.second_reviewer, "conclusion", words="同意")
    assert "copied" not in office.payload(case.events(Kind.TASK_COMPLETED)[-1]), "once a person and case"
    assert not case.events(Kind.CASE_COPIED), "nobody sent it"


def test_whoever_leaves_the_office_reads_no_copies_any_longer(office: Office, liaoning: Place, case: Case) -> None:
    reader = office.viewer("sy.trimeeting")
    _copies(office, case, office.viewer(liaoning.reviewer), reader)
    left = replace(reader, memberships=())
    with office.db.read() as session:
        assert case_file.read(session, reader, case.number, office.at).number == case.number
        with pytest.raises(NotFound):
            case_file.read(session, left, case.number, office.at)
        for sought in (Sought(), Sought(text=case.number), Sought(text="林书豪")):
            assert search.find(session, left, sought, at=office.at).rows == []
    with pytest.raises(NotFound):
        _says(office, case, left, "还想说一句")


@pytest.mark.parametrize("order", ORDERS)
def test_urged_and_made_urgent_while_it_is_decided(office: Office, liaoning: Place, case: Case, order: str) -> None:
    hand = case.task("adm_u2").by(liaoning.reviewer)
    filled, boss = hand.fills(hand.conclusion("合格")), office.viewer(liaoning.bureau_head)
    decided, graded = race(
        office, lambda db: instances.complete_task(db, hand.viewer, hand.task, filled, at=office.at),
        lambda db: urging.prioritise(db, boss, hand.task, "extra", WHY, at=office.at), order=order,
    )
    case.is_qualified()
    assert not isinstance(decided, Exception), "what is decided is decided, urgent or not"
    assert graded is True or (isinstance(graded, TaskNotOpen) and order != "second")
    assert len(case.events(Kind.TASK_PRIORITISED)) == (graded is True)


def test_a_diagrams_follow_up_day_is_the_holders_own_to_change(office: Office, liaoning: Place, root: Path) -> None:
    """``zeebe:taskSchedule followUpDate``: for whom a task was drawn from the beginning, for who claims it, for who gets it."""
    schedule = zeebe("taskSchedule", followUpDate="=working days(3)")
    drawn = file(
        "memo", "请示", begins("拟稿", "review.proposal"), task("check", "核对", "review.opinion", schedule),
        task("improve", "修改", "review.proposal", schedule, assignee="=instance.starter"), ends("done", "已核"),
        flows("s check improve done"),
    )  # fmt: skip
    reviewing.deploy(office, root, memo=drawn)
    desk, applicant = Desk(office), office.applicant(liaoning.own_school)
    memo = desk.begin("memo", applicant, "proposal", title="请示")
    number, day = memo.task("check").number, date(2026, 11, 5)
    first, second = office.viewer(liaoning.reviewer), office.viewer(liaoning.second_reviewer)

    def own(who: Viewer, task: str) -> date | None:
        with office.db.read() as session:
            return follow_ups.day_of(session, who, task)

    with office.db.read() as session:
        assert instances.task_form(session, first, number, office.at).follow_up_on == day, "the third working day"
    assert own(first, number) is None, "nobody's yet"
    assignments.claim(office.db, first, number, at=office.at)
    assert own(first, number) == day and own(second, number) is None
    follow_ups.follow_up(office.db, first, number, day + timedelta(days=7), at=office.at)
    assignments.transfer(office.db, first, number, second.number, "外出培训一周", at=office.at)
    assert own(second, number) == day and own(first, number) == day + timedelta(days=7)
    desk.does(memo, "check", liaoning.second_reviewer, "opinion", kind="同意", score="5")
    assert own(applicant.viewer, memo.task("improve").number) == day
