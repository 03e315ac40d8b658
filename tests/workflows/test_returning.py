"""Sent back to an earlier step (退回) and taken back by whoever did it (取回): refused by name before anything changes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests import reviewing
from tests.factories import SETTING_UP
from tests.office import Case, Office, Place
from tests.reviewing import Desk, begins, border, ends, file, message, task
from tests.workflows.engine.drawing import flows, fork, node, timer, what, zeebe
from tests.workflows.test_verbs import recorded
from workflows import assignments, case_file, control, drafts, inbox, instances, people, returning
from workflows.access import Viewer
from workflows.audit import Kind
from workflows.engine.errors import RewindAmbiguous
from workflows.errors import (
    DefinitionRefused,
    HeldByAnother,
    InstanceSuspended,
    NotFound,
    NotReturnable,
    NotTakenBack,
    ReasonNeeded,
    TaskDelegated,
    TaskNotOpen,
)
from workflows.models import Membership, Task

WHY = "经费预算与课题内容不符，请重新核对后再报"


def allows(to: str) -> str:
    """The property by which a step may send a case back."""
    return zeebe("properties", zeebe("property", name="jiaoyan:send-back", value=to))


#: 初审 → 复审 → 会商 ∥ 核算 → 审定; two of them may send back to some steps, one to any.
LINE = file(
    "line", "逐级审核",
    begins("提出", "review.proposal"),
    task("first", "初审", "review.opinion"),
    task("second", "复审", "review.opinion", allows("first")),
    fork("split"), task("discuss", "会商", "review.opinion", allows("*")), task("count", "核算", "review.opinion"), fork("join"),
    task("settle", "审定", "review.conclusion", allows("*")), ends("done", "已审定"),
    flows("s first second split discuss join settle done", "split count join"),
)  # fmt: skip

#: What leaves the case, or lets nobody act, after a step.
OUT = file(
    "out", "发出之后", message("m_open", "批次开放", "proposal.title"),
    begins("提出", "review.proposal"), task("first", "初审", "review.opinion"),
    node("intermediateThrowEvent", "announce", what("message", "m_open"), name="批次开放"),
    task("second", "复审", "review.opinion"), border("on_late", "逾期", "second", timer("P3D"), cancel=False),
    task("third", "审定", "review.opinion"), task("noted", "登记逾期", "review.opinion"),
    ends("done", "已审定"), ends("late", "已登记"),
    flows("s first announce second third done", "on_late noted late"),
)  # fmt: skip


class Line:
    """A case on its way through the drawing above, and the people who work on it."""

    def __init__(self, office: Office, place: Place, case: Case, desk: Desk) -> None:
        self.office, self.place, self.case, self.desk = office, place, case, desk
        self.one, self.two = office.viewer(place.reviewer), office.viewer(place.second_reviewer)

    def does(self, step: str, who: str = "", **data: str) -> str:
        """Somebody completes a step; number of the task that they did."""
        number = self.case.task(step).number
        form = "conclusion" if step == "settle" else "opinion"
        self.desk.does(self.case, step, who or self.place.reviewer, form, **data)
        return number

    def row(self, number: str) -> Task:
        with self.office.db.read() as session:
            return session.execute(select(Task).where(Task.number == number)).scalar_one()

    def form(self, viewer: Viewer, step: str) -> instances.FormRequest:
        with self.office.db.read() as session:
            return instances.task_form(session, viewer, self.case.task(step).number, self.office.at)

    def ways(self, viewer: Viewer, step: str) -> list[str]:
        with self.office.db.read() as session:
            found = returning.ways_back(session, viewer, self.case.task(step).number, self.office.at)
        return [one.step_id for one in found]

    def sends_back(self, viewer: Viewer, step: str, to: str, reason: str = WHY) -> None:
        returning.send_back(self.office.db, viewer, self.case.task(step).number, to, reason, at=self.office.at)

    def takes_back(self, viewer: Viewer, number: str) -> str:
        return returning.take_back(self.office.db, viewer, number, at=self.office.at)


@pytest.fixture
def line(office: Office, liaoning: Place, root: Path) -> Line:
    reviewing.deploy(office, root, line=LINE, out=OUT)
    desk = Desk(office)
    case = desk.begin("line", office.applicant(liaoning.own_school), "proposal", title="阅读", budget="1")
    return Line(office, liaoning, case, desk)


# --- 退回 -----------------------------------------------------------------------------------------------------------


def test_a_case_is_sent_back_to_whoever_did_the_step_with_what_they_wrote(line: Line) -> None:
    first = line.does("first", kind="合规", score="80")
    number = line.case.task("second").number
    assert line.ways(line.two, "second") == ["first"] and line.form(line.two, "second").may_send_back
    with recorded(line.office, (f"instance:{line.case.number}", Kind.TASK_SENT_BACK)):
        line.sends_back(line.two, "second", first)
    line.case.waits_at("first")
    again = line.case.task("first").row()
    assert again.holder_id == line.one.person_id, "whoever did it has it again"
    asked = line.form(line.one, "first")
    assert (asked.prefill["kind"], asked.prefill["score"]) == ("合规", "80")
    assert asked.came_back_from is not None
    assert (asked.came_back_from["by"]["name"], asked.came_back_from["from"], asked.came_back_from["reason"]) == (
        line.two.name, "复审", WHY,
    )  # fmt: skip
    closed = line.row(number)
    assert (closed.status, closed.done_by_id, closed.outcome) == ("cancelled", line.two.person_id, "退回")
    [event] = line.case.events(Kind.TASK_SENT_BACK)
    told = line.office.payload(event)
    assert (event.actor, event.task, told["words"], told["to"]["task"]) == (line.two.number, number, WHY, first)
    assert [kind for kind, _ in line.case.told(line.one.name)][-1] == "task_sent_back"
    assert line.case.told(line.one.name)[-1][1]["reason"] == WHY
    line.does("first", kind="合规", score="85")
    line.case.waits_at("second")
    line.office.check_record()


def test_it_is_for_everybody_again_when_whoever_did_it_may_no_longer(line: Line) -> None:
    first = line.does("first", kind="合规", score="80")
    people.revoke(line.office.db, SETTING_UP, *_role(line, line.one), at=line.office.at)
    line.sends_back(line.two, "second", first)
    again = line.case.task("first").row()
    assert again.holder_id is None
    asked = line.form(line.two, "first")
    assert "score" not in asked.prefill or asked.prefill["score"] != "80", "nobody else goes on from what somebody wrote"
    assert asked.came_back_from is not None and asked.came_back_from["reason"] == WHY
    assert "task_sent_back" in [kind for kind, _ in line.case.told(line.two.name)]


def _role(line: Line, viewer: Viewer) -> tuple[int, date]:
    """The role that somebody holds, and that it ended yesterday."""
    with line.office.db.read() as session:
        row = session.execute(select(Membership).where(Membership.person_id == viewer.person_id)).scalars().first()
    assert row is not None
    return row.id, line.office.at.date() - timedelta(days=1)


def test_only_where_the_diagram_allows_it_and_only_to_what_was_done(line: Line) -> None:
    first = line.does("first", kind="合规")
    second = line.does("second", line.place.second_reviewer, kind="合规")
    counting = line.case.task("count").number
    with recorded(line.office), pytest.raises(NotReturnable) as refused:
        line.sends_back(line.one, "count", first)
    assert refused.value.params["why"] == returning.NOT_ALLOWED
    assert not line.form(line.one, "count").may_send_back
    line.does("discuss")
    line.does("count")
    assert line.ways(line.one, "settle") == ["second", "first"], "what lies between parallel branches is left out"
    with recorded(line.office), pytest.raises(NotFound):
        line.sends_back(line.one, "settle", "no-such-task")
    with recorded(line.office), pytest.raises(NotReturnable) as refused:
        line.sends_back(line.one, "settle", line.case.task("settle").number)
    assert refused.value.params["why"] == returning.NOT_DONE
    line.sends_back(line.one, "settle", second)
    line.case.waits_at("second")
    with recorded(line.office), pytest.raises(NotReturnable) as refused:
        line.sends_back(line.two, "second", counting)
    assert refused.value.params["why"] == returning.NOT_ALLOWED


def test_what_lay_beyond_is_not_on_the_way_any_more(line: Line) -> None:
    first = line.does("first", kind="合规")
    second = line.does("second", kind="合规")
    line.does("discuss")
    line.does("count")
    line.sends_back(line.one, "settle", first)
    line.does("first", kind="不合规")
    assert line.ways(line.one, "second") == ["first"]
    line.does("second")
    line.does("discuss")
    line.does("count")
    assert line.ways(line.one, "settle") == ["second", "first"]
    with recorded(line.office), pytest.raises(NotReturnable) as refused:
        line.sends_back(line.one, "settle", second)
    assert refused.value.params["why"] == returning.NOT_DONE, "an earlier round of the step"


def test_between_parallel_branches_it_is_refused_by_name_and_nothing_changes(line: Line) -> None:
    line.does("first")
    second = line.does("second")
    counted = line.does("count")
    before = (line.case.row().version, [one.status for one in line.case.tasks()])
    with recorded(line.office), pytest.raises(NotReturnable) as elsewhere:
        line.sends_back(line.one, "discuss", counted)
    assert elsewhere.value.params["why"] == returning.ELSEWHERE
    assert before == (line.case.row().version, [one.status for one in line.case.tasks()])
    line.does("discuss")
    with recorded(line.office), pytest.raises(RewindAmbiguous):
        line.sends_back(line.one, "settle", counted)
    line.sends_back(line.one, "settle", second)
    line.case.waits_at("second")


def test_a_reason_is_needed_that_somebody_can_work_with(line: Line) -> None:
    first = line.does("first")
    for reason in ("", "请重新核对", "理" * 501):
        with recorded(line.office), pytest.raises(ReasonNeeded):
            line.sends_back(line.two, "second", first, reason)


def test_only_whoever_has_the_task_sends_it_back(line: Line) -> None:
    first = line.does("first")
    number = line.case.task("second").number
    assignments.claim(line.office.db, line.two, number, at=line.office.at)
    with recorded(line.office), pytest.raises(HeldByAnother):
        line.sends_back(line.one, "second", first)
    with recorded(line.office), pytest.raises(NotFound):
        line.sends_back(line.office.viewer("nn.hr1"), "second", first)
    to = line.office.viewer(line.place.bureau_head)
    assignments.delegate(line.office.db, line.two, number, to.number, WHY, at=line.office.at)
    for viewer in (line.two, to):
        with recorded(line.office), pytest.raises(TaskDelegated):
            line.sends_back(viewer, "second", first)
    assignments.recall(line.office.db, line.two, number, at=line.office.at)
    control.suspend(line.office.db, SETTING_UP, line.case.number, WHY, at=line.office.at)
    with recorded(line.office), pytest.raises(InstanceSuspended):
        returning.send_back(line.office.db, line.two, number, first, WHY, at=line.office.at)
    control.resume(line.office.db, SETTING_UP, line.case.number, at=line.office.at)
    line.sends_back(line.two, "second", first)
    with recorded(line.office), pytest.raises(TaskNotOpen):
        returning.send_back(line.office.db, line.two, number, first, WHY, at=line.office.at)


def test_the_done_list_and_the_diagram_tell_it(line: Line) -> None:
    first = line.does("first")
    line.sends_back(line.two, "second", first)
    with line.office.db.read() as session:
        done = inbox.done(session, line.two, inbox.Filter())
        found = case_file.read(session, line.two, line.case.number, line.office.at)
    assert [(row.step_name, row.outcome) for row in done.rows] == [("复审", "退回")]
    assert case_file.path_of(found).current == ("first",)


def test_a_drawing_names_steps_that_there_are(office: Office, root: Path) -> None:
    wrong = {path: raw.replace(b'value="first"', b'value="frist"') for path, raw in LINE.items()}
    with pytest.raises(DefinitionRefused, match="jiaoyan:send-back：图中没有用户任务 frist"):
        reviewing.deploy(office, root, wrong=wrong)


# --- 取回 -----------------------------------------------------------------------------------------------------------


def test_what_was_just_done_is_taken_back_and_filled_in_again(line: Line) -> None:
    first = line.does("first", kind="合规", score="80")
    with line.office.db.read() as session:
        assert returning.may_take_back(session, line.one, [first]) == {first}
        assert not returning.may_take_back(session, line.two, [first])
    with recorded(line.office, (f"instance:{line.case.number}", Kind.TASK_TAKEN_BACK)):
        number = line.takes_back(line.one, first)
    line.case.waits_at("first")
    again = line.case.task("first")
    assert again.number == number and again.row().holder_id == line.one.person_id
    asked = line.form(line.one, "first")
    assert (asked.prefill["kind"], asked.prefill["score"]) == ("合规", "80")
    assert [kind for kind, _ in line.case.told(line.two.name)][-1] == "task_taken_back"
    assert len(line.case.submissions()) == 2, "what was sent stays on record"
    with recorded(line.office), pytest.raises(NotTakenBack):
        line.takes_back(line.one, first)
    line.does("first", kind="不合规")
    line.case.waits_at("second")
    line.office.check_record()


def test_it_goes_back_over_parallel_branches_while_nobody_has_them(line: Line) -> None:
    line.does("first")
    second = line.does("second")
    line.case.waits_at("discuss", "count")
    line.takes_back(line.one, second)
    line.case.waits_at("second")


def test_nothing_is_taken_back_once_somebody_acted(line: Line) -> None:
    db, at = line.office.db, line.office.at
    first = line.does("first")
    number = line.case.task("second").number

    def refused(why: str) -> None:
        with recorded(line.office), pytest.raises(NotTakenBack) as found:
            line.takes_back(line.one, first)
        assert found.value.params["why"] == why

    with pytest.raises(NotFound):
        line.takes_back(line.two, first)
    typed = {"typed": {"kind": ["合规"]}, "files": [], "token": "t" * 20}
    drafts.save_draft(db, line.two.person_id, f"task:{number}", typed, None, at=at)
    refused(returning.BEGUN)
    drafts.discard_draft(db, line.two.person_id, f"task:{number}")
    assignments.claim(db, line.two, number, at=at)
    refused(returning.CLAIMED)
    assignments.delegate(db, line.two, number, line.one.number, WHY, at=at)
    refused(returning.ASKED)
    assignments.recall(db, line.two, number, at=at)
    assignments.unclaim(db, line.two, number, at=at)
    refused(returning.NOT_THE_LATEST)
    line.does("second", line.place.second_reviewer)
    refused(returning.DONE_SINCE)


def test_nothing_is_taken_back_after_a_message_or_a_timer_or_the_end(line: Line) -> None:
    case = line.desk.begin("out", line.office.applicant(line.place.own_school, name="林文静"), "proposal", title="写作", budget="1")
    other = Line(line.office, line.place, case, line.desk)
    first = other.does("first")
    with recorded(line.office), pytest.raises(NotTakenBack) as found:
        other.takes_back(line.one, first)
    assert found.value.params["why"] == returning.WENT_OUT
    with line.office.db.read() as session:
        assert not returning.may_take_back(session, line.one, [first]), "no page offers what would be refused"
    second = other.does("second")
    other.takes_back(line.one, second)
    second = other.does("second")
    third = other.does("third")
    with recorded(line.office), pytest.raises(NotTakenBack) as found:
        other.takes_back(line.one, third)
    assert found.value.params["why"] == returning.ENDED
    with pytest.raises(NotTakenBack):
        other.takes_back(line.one, second)


def test_nothing_is_taken_back_after_a_deadline_has_passed(line: Line) -> None:
    case = line.desk.begin("out", line.office.applicant(line.place.own_school, name="林文静"), "proposal", title="写作", budget="1")
    other = Line(line.office, line.place, case, line.desk)
    first = other.does("first")
    line.office.time_is(line.office.at + timedelta(days=4))
    other.case.waits_at("noted", "second")
    with pytest.raises(NotTakenBack) as found:
        other.takes_back(line.one, first)
    assert found.value.params["why"] == returning.NOT_THE_LATEST


def test_a_suspended_case_stays_where_it_is(line: Line) -> None:
    first = line.does("first")
    control.suspend(line.office.db, SETTING_UP, line.case.number, WHY, at=line.office.at)
    with recorded(line.office), pytest.raises(InstanceSuspended):
        line.takes_back(line.one, first)


def test_a_real_review_is_taken_back_and_decided_otherwise(office: Office, liaoning: Place) -> None:
    case = office.applicant(liaoning.own_school).applies()
    number = case.task("adm_u1").number
    case.task("adm_u1").by(liaoning.own_head).recommends()
    case.waits_at("adm_u2")
    returning.take_back(office.db, office.viewer(liaoning.own_head), number, at=office.at)
    case.waits_at("adm_u1")
    asked = case.task("adm_u1").by(liaoning.own_head).request()
    assert asked.prefill["recommend"] == "推荐" and "conflict_declared" not in asked.prefill
    case.task("adm_u1").by(liaoning.own_head).recommends()
    case.task("adm_u2").by(liaoning.reviewer).qualifies()
    case.is_qualified()
    office.check_record()
