"""Delegating (委派, 办后返回): the task stays its holder's, whoever works on it for them cannot complete it, and all is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.factories import SETTING_UP
from tests.office import Case, Office, Place
from tests.workflows.test_verbs import recorded
from webapp import composition
from workflows import access, assignments, case_file, control, deployment, drafts, inbox, instances, people, search
from workflows.audit import Kind
from workflows.errors import (
    DelegationOver,
    HeldByAnother,
    InstanceSuspended,
    NotDelegable,
    NotFound,
    ReasonNeeded,
    Refusal,
    SeparationOfDuty,
    TaskDelegated,
    TaskNotHeld,
    TaskNotOpen,
)
from workflows.models import Attachment, Task
from workflows.submission import AttachmentRef
from workflows.transitions import REVIEWED_BEFORE

WHY = "外出培训一周，请先核对材料"
NOTE = "材料已逐项核对，教龄证明齐全"


@pytest.fixture
def case(office: Office, liaoning: Place) -> Case:
    """A case that waits for review by either of two people."""
    return office.applicant(liaoning.own_school).applies().is_recommended()


class Asking:
    """A holder, somebody who is asked to work on the task, and the verbs between them."""

    def __init__(self, office: Office, place: Place, case: Case) -> None:
        self.office, self.case, self.number = office, case, case.task("adm_u2").number
        self.holder, self.other = office.viewer(place.reviewer), office.viewer(place.second_reviewer)
        self.worker = office.viewer(place.bureau_head)
        self.subject = f"task:{self.number}"
        assignments.claim(office.db, self.holder, self.number, at=office.at)

    def asks(self, to: str | None = None, reason: str = WHY) -> None:
        assignments.delegate(
            self.office.db, self.holder, self.number, to or self.worker.number, reason, at=self.office.at
        )

    def hands_back(self, note: str = NOTE, **typed: str) -> None:
        assignments.hand_back(
            self.office.db, self.worker, self.number, note, typing(**typed), at=self.office.at
        )

    def recalls(self) -> None:
        assignments.recall(self.office.db, self.holder, self.number, at=self.office.at)

    def row(self) -> Task:
        with self.office.db.read() as session:
            return session.execute(select(Task).where(Task.number == self.number)).scalar_one()

    def types(self, viewer: access.Viewer, **typed: str) -> None:
        """Autosave what somebody typed."""
        with self.office.db.read() as session:
            before = drafts.draft(session, viewer.person_id, self.subject)
        drafts.save_draft(
            self.office.db, viewer.person_id, self.subject, typing(**typed), before.version if before else None,
            at=self.office.at,
        )

    def draft_of(self, viewer: access.Viewer) -> dict[str, Any] | None:
        with self.office.db.read() as session:
            found = drafts.draft(session, viewer.person_id, self.subject)
        return None if found is None else {name: texts[0] for name, texts in found.data["typed"].items()}

    def asked(self, viewer: access.Viewer) -> instances.FormRequest:
        with self.office.db.read() as session:
            return instances.task_form(session, viewer, self.number, self.office.at)


def typing(**typed: str) -> dict[str, Any]:
    """A draft as the page keeps it."""
    return {"typed": {name: [text] for name, text in typed.items()}, "files": [], "token": "t" * 20}


@pytest.fixture
def asking(office: Office, liaoning: Place, case: Case) -> Asking:
    return Asking(office, liaoning, case)


# --- there and back -------------------------------------------------------------------------------------------------


def test_a_task_is_delegated_worked_on_handed_back_and_completed_by_its_holder(
    office: Office, liaoning: Place, case: Case, asking: Asking
) -> None:
    asking.types(asking.holder, opinion="先看学历")
    with recorded(office, (f"instance:{case.number}", Kind.TASK_DELEGATED)):
        asking.asks()
    row = asking.row()
    assert (row.holder_id, row.delegate_id) == (asking.holder.person_id, asking.worker.person_id)
    assert row.explanation["delegated"]["reason"] == WHY
    assert [kind for kind, _ in case.told(asking.worker.name)] == ["task_delegated"]
    assert asking.draft_of(asking.worker) == {"opinion": "先看学历"}, "they go on from what the holder had typed"

    with recorded(office, (f"instance:{case.number}", Kind.TASK_HANDED_BACK)):
        asking.hands_back(opinion="学历、教龄均符合", experience_met="是")
    row = asking.row()
    assert (row.holder_id, row.delegate_id) == (asking.holder.person_id, None)
    [over] = row.explanation["delegations"]
    assert (over["how"], over["note"], over["from"]["name"], over["to"]["name"]) == (
        "returned", NOTE, asking.holder.name, asking.worker.name,
    )  # fmt: skip
    assert "delegated" not in row.explanation
    assert "delegation_returned" in [kind for kind, _ in case.told(asking.holder.name)]
    assert asking.draft_of(asking.holder) == {"opinion": "学历、教龄均符合", "experience_met": "是"}
    assert asking.draft_of(asking.worker) is None
    [event] = case.events(Kind.TASK_HANDED_BACK)
    told = office.payload(event)
    assert event.actor == asking.worker.number and told["words"] == NOTE
    assert told["changes"] == [
        {"field": "opinion", "old": "先看学历", "new": "学历、教龄均符合"},
        {"field": "experience_met", "old": None, "new": "是"},
    ]

    case.task("adm_u2").by(liaoning.reviewer).qualifies()
    case.is_qualified()
    done = case.events(Kind.TASK_COMPLETED)[-1]
    assert (done.actor, done.actor_kind) == (asking.holder.number, "person")
    assert office.payload(done)["prepared_by"] == [{"number": asking.worker.number, "name": asking.worker.name}]
    assert asking.row().explanation["delegations"][0]["note"] == NOTE, "told years later too"
    office.check_record()


def test_the_case_file_tells_who_did_what(office: Office, case: Case, asking: Asking) -> None:
    asking.asks()
    asking.hands_back(review_opinion="教龄证明齐全")
    with office.db.read() as session:
        found = case_file.read(session, asking.holder, case.number, office.at)
    delegated, back = found.events[-2:]
    assert (delegated.kind, delegated.actor_name, delegated.payload["words"]) == ("task:delegated", asking.holder.name, WHY)
    assert (back.actor_name, back.actor_kind, back.payload["to"]["name"]) == (
        asking.worker.name, "person", asking.holder.name,
    )  # fmt: skip
    assert [(one.path, one.old, one.new) for one in back.changes] == [("review_opinion", None, "教龄证明齐全")]


def test_a_task_that_was_assigned_can_be_delegated_and_one_that_is_free_cannot(
    office: Office, liaoning: Place, case: Case, asking: Asking
) -> None:
    assignments.unclaim(office.db, asking.holder, asking.number, at=office.at)
    with recorded(office), pytest.raises(TaskNotHeld):
        asking.asks()
    assignments.transfer(office.db, asking.holder, asking.number, asking.worker.number, WHY, at=office.at)
    assignments.delegate(office.db, asking.worker, asking.number, asking.other.number, WHY, at=office.at)
    assert asking.row().delegate_id == asking.other.person_id


# --- who may not ----------------------------------------------------------------------------------------------------


def test_a_task_is_delegated_to_nobody_who_may_not_take_it(
    office: Office, liaoning: Place, case: Case, asking: Asking
) -> None:
    for to in (case.applicant.viewer, office.viewer("nn.hr1"), office.viewer(liaoning.auditor), asking.holder):
        with recorded(office), pytest.raises(NotDelegable):
            asking.asks(to.number)
    for reason in (" ", "忙"):
        with recorded(office), pytest.raises(ReasonNeeded):
            asking.asks(reason=reason)
    with recorded(office), pytest.raises(HeldByAnother):
        assignments.delegate(office.db, asking.other, asking.number, asking.worker.number, WHY, at=office.at)
    assignments.unclaim(office.db, asking.holder, asking.number, at=office.at)
    case.is_returned("phone")
    own = case.task("adm_u3").number
    with recorded(office), pytest.raises(NotDelegable):
        assignments.delegate(office.db, case.applicant.viewer, own, asking.worker.number, WHY, at=office.at)


def test_who_declared_a_conflict_of_interest_is_not_asked(office: Office, case: Case, asking: Asking) -> None:
    assignments.unclaim(office.db, asking.holder, asking.number, at=office.at)
    assignments.recuse(office.db, asking.other, asking.number, "申请人系本人亲属", at=office.at)
    assignments.claim(office.db, asking.holder, asking.number, at=office.at)
    with pytest.raises(NotDelegable) as refused:
        asking.asks(asking.other.number)
    assert refused.value.params["why"] == assignments.RECUSED


def test_colleagues_are_those_who_could_be_asked(office: Office, liaoning: Place, case: Case, asking: Asking) -> None:
    with office.db.read() as session:
        def found(text: str) -> list[str]:
            return [
                number for number, _ in assignments.colleagues(session, asking.holder, asking.number, text, at=office.at, limit=99)
            ]

        everybody = found("")
        assert asking.worker.number in everybody and asking.other.number in everybody
        assert not {asking.holder.number, case.applicant.viewer.number, office.viewer(liaoning.auditor).number,
                    office.viewer("nn.hr1").number} & set(everybody)  # fmt: skip
        assert found(asking.worker.name) == found(asking.worker.number) == [asking.worker.number]
        below = office.viewer(liaoning.county_head).number
        assert everybody.index(asking.worker.number) < everybody.index(below), "one's own office first"
        with pytest.raises(NotFound):
            assignments.colleagues(session, office.viewer("nn.hr1"), asking.number, "", at=office.at)


# --- while it lasts -------------------------------------------------------------------------------------------------


def test_while_it_is_delegated_nobody_completes_it_or_passes_it_on(
    office: Office, liaoning: Place, case: Case, asking: Asking
) -> None:
    asking.asks()
    number, at = asking.number, office.at
    hand = case.task("adm_u2").by(liaoning.bureau_head)
    with recorded(office), pytest.raises(TaskDelegated) as refused:
        hand.qualifies()
    assert refused.value.params == {"owner": asking.holder.name, "name": asking.worker.name}
    passing: list[Callable[[access.Viewer], object]] = [
        lambda who: case.task("adm_u2").by({asking.holder: liaoning.reviewer, asking.other: liaoning.second_reviewer,
                                            asking.worker: liaoning.bureau_head}[who]).qualifies(),
        lambda who: assignments.delegate(office.db, who, number, asking.other.number, WHY, at=at),
        lambda who: assignments.transfer(office.db, who, number, asking.other.number, WHY, at=at),
        lambda who: assignments.recuse(office.db, who, number, "系本人亲属", at=at),
        lambda who: assignments.claim(office.db, who, number, at=at),
        lambda who: assignments.unclaim(office.db, who, number, at=at),
    ]  # fmt: skip
    for act in passing:
        for who in (asking.holder, asking.worker, asking.other):
            with recorded(office), pytest.raises(TaskDelegated):
                act(who)
    case.waits_at("adm_u2")


def test_what_the_holder_types_meanwhile_is_refused_by_name_and_the_worker_is_not_hindered(
    office: Office, case: Case, asking: Asking
) -> None:
    asking.asks()
    with pytest.raises(TaskDelegated):
        asking.types(asking.holder, opinion="我也写一点")
    asking.types(asking.worker, opinion="写到一半")
    assert asking.draft_of(asking.holder) is None and asking.draft_of(asking.worker) == {"opinion": "写到一半"}


def test_it_stands_in_both_inboxes_and_the_right_ends_with_it(
    office: Office, liaoning: Place, case: Case, asking: Asking
) -> None:
    def inbox_of(viewer: access.Viewer, whose: str = "") -> list[tuple[str, str | None]]:
        with office.db.read() as session:
            rows = inbox.todo(session, viewer, inbox.Filter(whose=whose)).rows
        return [(row.number, row.delegated["to"]["name"] if row.delegated else None) for row in rows]

    def sees(viewer: access.Viewer) -> bool:
        with office.db.read() as session:
            return case.number in {row.number for row in search.find(session, viewer, search.Sought(), at=office.at).rows}

    head = office.viewer(liaoning.county_head)
    assert not sees(head)
    asking.asks(head.number)
    name = head.name
    assert sees(head)
    assert inbox_of(head) == inbox_of(head, "asked") == inbox_of(asking.holder) == inbox_of(asking.holder, "lent") == [
        (asking.number, name)
    ]  # fmt: skip
    assert inbox_of(head, "mine") == inbox_of(asking.holder, "asked") == inbox_of(head, "lent") == []
    assert inbox_of(asking.other) == []
    with office.db.read() as session:
        assert inbox.counts(session, head).todo == 1
        assert inbox.next_task(session, asking.holder) is None, "what is with somebody else is not offered as the next"
    view = asking.asked(head)
    assert view.is_asked and view.is_mine and not view.may_claim and not view.may_delegate
    mine = asking.asked(asking.holder)
    assert mine.may_recall and not mine.is_mine and not mine.may_transfer and not mine.may_unclaim
    asking.recalls()
    assert inbox_of(head) == [] and inbox_of(asking.holder) == [(asking.number, None)]
    with office.db.read() as session, pytest.raises(DelegationOver):
        instances.task_form(session, head, asking.number, office.at)
    assert not sees(head), "the right ends at once"


def test_reminders_and_the_word_that_a_case_is_held_reach_both(office: Office, case: Case, asking: Asking) -> None:
    asking.asks()
    control.suspend(office.db, SETTING_UP, case.number, "等待上级答复后再办", at=office.at)
    for who in (asking.holder, asking.worker):
        assert "case_suspended" in [kind for kind, _ in case.told(who.name)]
    control.resume(office.db, SETTING_UP, case.number, at=office.at)
    assert asking.row().delegate_id == asking.worker.person_id
    office.days_pass(20)
    for who in (asking.holder, asking.worker):
        assert {"task_due_soon", "task_overdue"} <= {kind for kind, _ in case.told(who.name)}
    assert "task_due_soon" not in {kind for kind, _ in case.told(asking.other.name)}


def test_a_case_that_stands_still_or_is_over_is_not_delegated_nor_handed_back(
    office: Office, case: Case, asking: Asking
) -> None:
    asking.asks()
    control.suspend(office.db, SETTING_UP, case.number, "等待上级答复后再办", at=office.at)
    acts: list[Callable[[], None]] = [asking.asks, asking.hands_back, asking.recalls,
            lambda: assignments.decline(office.db, asking.worker, asking.number, "手头工作太多", at=office.at)]  # fmt: skip
    for act in acts:
        with recorded(office), pytest.raises(InstanceSuspended):
            act()
    control.cancel(office.db, SETTING_UP, case.number, "岗位取消，终止办理", at=office.at)
    for act in acts:
        with recorded(office), pytest.raises(TaskNotOpen):
            act()


# --- how else it ends -----------------------------------------------------------------------------------------------


def test_the_holder_recalls_it_and_goes_on_from_their_own_draft(office: Office, liaoning: Place, case: Case, asking: Asking) -> None:
    asking.types(asking.holder, opinion="我的")
    asking.asks()
    asking.types(asking.worker, opinion="我的，再加几句")
    with recorded(office, (f"instance:{case.number}", Kind.TASK_RECALLED)):
        asking.recalls()
    assert asking.row().explanation["delegations"][-1]["how"] == "recalled"
    assert "delegation_recalled" in [kind for kind, _ in case.told(asking.worker.name)]
    assert asking.draft_of(asking.holder) == {"opinion": "我的"}
    for act in (asking.recalls, asking.hands_back):
        with recorded(office), pytest.raises(DelegationOver):
            act()
    asking.asks()
    assert asking.draft_of(asking.worker) == {"opinion": "我的，再加几句"}, "asked again, they find what they had typed"
    asking.recalls()
    case.task("adm_u2").by(liaoning.reviewer).qualifies()
    assert "prepared_by" not in office.payload(case.events(Kind.TASK_COMPLETED)[-1])


def test_who_is_asked_may_decline_with_a_reason(office: Office, case: Case, asking: Asking) -> None:
    asking.types(asking.holder, opinion="我的")
    asking.asks()
    with recorded(office), pytest.raises(ReasonNeeded):
        assignments.decline(office.db, asking.worker, asking.number, "忙", at=office.at)
    with recorded(office, (f"instance:{case.number}", Kind.TASK_DECLINED)):
        assignments.decline(office.db, asking.worker, asking.number, "本周在外督导，无法办理", at=office.at)
    over = asking.row().explanation["delegations"][-1]
    assert (over["how"], over["note"]) == ("declined", "本周在外督导，无法办理")
    assert "delegation_declined" in [kind for kind, _ in case.told(asking.holder.name)]
    assert asking.draft_of(asking.holder) == {"opinion": "我的"} and asking.draft_of(asking.worker) is None
    asking.asks()  # another time is another question


def test_a_conflict_of_interest_is_the_workers_own_and_keeps_them_away(office: Office, case: Case, asking: Asking) -> None:
    asking.types(asking.holder, conflict_declared="否", opinion="我的")
    asking.asks()
    assert asking.draft_of(asking.worker) == {"opinion": "我的"}, "nobody speaks for another about that"
    asking.hands_back("", conflict_declared="是", conflict_reason="申请人系本人学生")
    [event] = case.events(Kind.TASK_DECLINED)
    assert office.payload(event)["excluded"]["name"] == asking.worker.name
    assert asking.draft_of(asking.holder) == {"conflict_declared": "否", "opinion": "我的"}
    with pytest.raises(NotDelegable) as refused:
        asking.asks()
    assert refused.value.params["why"] == assignments.RECUSED
    case.waits_at("adm_u2")


def test_what_one_declares_free_of_conflict_is_not_handed_back_as_the_holders_word(
    office: Office, case: Case, asking: Asking
) -> None:
    asking.asks()
    asking.hands_back(conflict_declared="否", opinion="符合")
    assert asking.draft_of(asking.holder) == {"opinion": "符合"}


def test_a_stranger_learns_nothing(office: Office, liaoning: Place, case: Case, asking: Asking) -> None:
    stranger = office.viewer("nn.hr1")
    acts: list[Callable[[], object]] = [
        lambda: assignments.delegate(office.db, stranger, asking.number, asking.worker.number, WHY, at=office.at),
        lambda: assignments.hand_back(office.db, stranger, asking.number, NOTE, typing(), at=office.at),
        lambda: assignments.decline(office.db, stranger, asking.number, WHY, at=office.at),
        lambda: assignments.recall(office.db, stranger, asking.number, at=office.at),
        lambda: assignments.hand_back(office.db, stranger, "no-such-task", NOTE, typing(), at=office.at),
    ]
    for act in acts:
        with recorded(office), pytest.raises(NotFound):
            act()


# --- what follows from it -------------------------------------------------------------------------------------------


def test_files_go_along_there_and_back_as_their_bringers(office: Office, case: Case, asking: Asking) -> None:
    def brings(viewer: access.Viewer, digit: str) -> dict[str, Any]:
        with office.db.write() as session:
            session.add(Attachment(sha256=digit * 64, name=f"{digit}.pdf", media_type="application/pdf", size=9,
                                   uploaded_by_id=viewer.person_id, uploaded_at=office.at, field="evidence"))  # fmt: skip
        return AttachmentRef(digit * 64, f"{digit}.pdf", "application/pdf", 9, "evidence").__dict__

    def may_open(viewer: access.Viewer, digit: str) -> bool:
        with office.db.read() as session:
            return case_file.may_open_file(session, viewer, digit * 64, office.at)

    one = brings(asking.holder, "1")
    drafts.save_draft(
        office.db, asking.holder.person_id, asking.subject, {"typed": {"evidence": ["1" * 64]}, "files": [one]}, None,
        at=office.at,
    )  # fmt: skip
    asking.asks()
    assert may_open(asking.worker, "1")
    two = brings(asking.worker, "2")
    assert not may_open(asking.holder, "2")
    assignments.hand_back(
        office.db, asking.worker, asking.number, NOTE,
        {"typed": {"evidence": ["1" * 64, "2" * 64]}, "files": [one, two]}, at=office.at,
    )  # fmt: skip
    assert may_open(asking.holder, "2")
    [event] = case.events(Kind.TASK_HANDED_BACK)
    assert office.payload(event)["changes"] == [{"field": "evidence", "old": "1.pdf", "new": ["1.pdf", "2.pdf"]}]
    with office.db.read() as session:
        found = case_file.read(session, asking.holder, case.number, office.at)
    assert {one.name: one.uploaded_by_name for one in found.attachments if one.name in ("1.pdf", "2.pdf")} == {
        "1.pdf": asking.holder.name, "2.pdf": asking.worker.name,
    }  # fmt: skip


def test_who_filled_in_one_review_for_its_holder_does_not_decide_the_next(office: Office, liaoning: Place) -> None:
    """Separation of duties is not got round by delegating: the work came through their hands (domain.md 3.0.2)."""
    case = office.applicant(liaoning.own_school).applies()
    number, head, worker = case.task("adm_u1").number, office.viewer(liaoning.own_head), office.viewer(liaoning.reviewer)
    people.grant(office.db, SETTING_UP, worker.number, liaoning.own_school, "clerk", date(2026, 1, 1), at=office.at)
    assignments.claim(office.db, head, number, at=office.at)
    assignments.delegate(office.db, head, number, worker.number, WHY, at=office.at)
    assignments.hand_back(office.db, worker, number, NOTE, typing(), at=office.at)
    case.task("adm_u1").by(liaoning.own_head).recommends()
    out = {one["number"]: one["reason"] for one in case.task("adm_u2").row().explanation["excluded"]}
    assert out[head.number] == out[worker.number] == REVIEWED_BEFORE
    other = case.task("adm_u2").by(liaoning.second_reviewer)
    filled = other.fills(other.conclusion("合格"))
    with recorded(office), pytest.raises(SeparationOfDuty):
        case.task("adm_u2").by(liaoning.reviewer).sends(filled)


def test_who_gave_a_review_back_without_work_may_decide_the_next(office: Office, liaoning: Place) -> None:
    case = office.applicant(liaoning.own_school).applies()
    number, head, worker = case.task("adm_u1").number, office.viewer(liaoning.own_head), office.viewer(liaoning.reviewer)
    people.grant(office.db, SETTING_UP, worker.number, liaoning.own_school, "clerk", date(2026, 1, 1), at=office.at)
    assignments.claim(office.db, head, number, at=office.at)
    assignments.delegate(office.db, head, number, worker.number, WHY, at=office.at)
    assignments.decline(office.db, worker, number, "本周在外督导，无法办理", at=office.at)
    case.task("adm_u1").by(liaoning.own_head).recommends()
    case.task("adm_u2").by(liaoning.reviewer).qualifies()
    case.is_qualified()


@pytest.mark.parametrize(("who", "stays"), [('=[role("bureau_hr"), role("bureau_teacher")]', True), ('=role("bureau_head")', False)])
def test_a_newer_version_of_the_process_keeps_it_as_long_as_its_holder_may_have_the_task(
    office: Office, case: Case, asking: Asking, root: Path, who: str, stays: bool
) -> None:
    tree = deployment.read_tree(root)
    path = "bpmn/admission/admission.bpmn"
    tree[path] = tree[path].replace(b"""'=role("bureau_hr")'""", f"'{who}'".encode())
    asking.asks()
    asking.recalls()
    asking.asks()
    deployment.deploy(office.db, SETTING_UP, tree, composition.check_form, at=office.at)
    with office.db.read() as session:
        target = deployment.newest(session, "admission")
    control.migrate(office.db, SETTING_UP, case.number, target, {}, at=office.at)
    row = asking.row()
    ended = [one["how"] for one in row.explanation["delegations"]]
    if stays:
        assert (row.holder_id, row.delegate_id) == (asking.holder.person_id, asking.worker.person_id)
        assert row.explanation["claimed"] and row.explanation["delegated"]["reason"] == WHY and ended == ["recalled"]
        asking.hands_back(opinion="符合")
    else:
        assert (row.holder_id, row.delegate_id) == (None, None)
        assert "delegated" not in row.explanation and ended == ["recalled", "migrated"]
        with pytest.raises(DelegationOver):
            asking.hands_back(opinion="符合")


def test_nothing_of_a_delegation_is_kept_when_its_event_cannot_be(
    office: Office, case: Case, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction: without its event there is no delegation, no draft, no notice."""
    asking.types(asking.holder, opinion="我的")

    def fails(*_: object, **__: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(assignments, "record", fails)
        with recorded(office), pytest.raises(OSError, match="disk full"):
            asking.asks()
    assert asking.row().delegate_id is None and asking.draft_of(asking.worker) is None
    assert not [kind for kind, _ in case.told(asking.worker.name) if kind == "task_delegated"]


def test_refusals_have_their_names_in_words() -> None:
    params = {"step": "资格审查", "name": "甲", "owner": "乙", "why": "丙"}
    for refusal in (NotDelegable, TaskNotHeld, TaskDelegated, DelegationOver):
        assert issubclass(refusal, Refusal) and "%" not in str(refusal(**params)) and refusal.status == 409
