"""Others sign a task (加签) before its holder completes it, meanwhile, or after; and are taken off it again (减签)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests import reviewing
from tests.factories import SETTING_UP
from tests.office import Case, Office, Place
from tests.reviewing import Desk, begins, border, ends, file, task
from tests.workflows.engine.drawing import choice, flows, timer, zeebe
from tests.workflows.test_verbs import recorded
from webapp import composition
from workflows import (
    assignments,
    case_file,
    control,
    deployment,
    drafts,
    inbox,
    instances,
    people,
    proxies,
    returning,
    signatures,
    signers,
)
from workflows.access import Viewer
from workflows.audit import Kind
from workflows.errors import (
    AlreadySigned,
    CaseFailed,
    HeldByAnother,
    InstanceSuspended,
    NotFound,
    NotSignable,
    NotTakenBack,
    NotYourSigner,
    PersonUnknown,
    ProxyNotPassedOn,
    ReasonNeeded,
    SeparationOfDuty,
    SignatureNotPassedOn,
    SignersOpen,
    TaskAlreadyDone,
    TaskDelegated,
    TaskNotOpen,
    TooManySigners,
)
from workflows.models import Attachment, Task, Timer
from workflows.submission import AttachmentRef, Submission
from workflows.transitions import REVIEWED_BEFORE, Moved

WHY = "涉及编制，请一并提出意见"
AGAINST = "经费来源没有说明，暂不同意"


class Signing:
    """A holder with a task, two people who are asked to sign it, and the verbs between them."""

    def __init__(self, office: Office, place: Place, case: Case, step: str) -> None:
        self.office, self.case, self.step, self.number = office, case, step, case.task(step).number
        self.holder, self.other = office.viewer(place.reviewer), office.viewer(place.second_reviewer)
        self.head = office.viewer(place.bureau_head)
        self.stream, self.sent = f"instance:{case.number}", 0

    def asks(self, *who: Viewer, mode: str = "before", reason: str = WHY, by: Viewer | None = None) -> None:
        numbers = [one.number for one in who or (self.head,)]
        signers.add(self.office.db, by or self.holder, self.number, numbers, mode, reason, at=self.office.at)

    def entry(self, who: Viewer, last: int = -1) -> dict[str, Any]:
        return [one for one in signatures.entries(self.row()) if one["to"]["number"] == who.number][last]

    def own(self, who: Viewer) -> Task:
        """The signer's own task."""
        return self.row(self.entry(who)["task"])

    def row(self, number: str = "") -> Task:
        with self.office.db.read() as session:
            return session.execute(select(Task).where(Task.number == (number or self.number))).scalar_one()

    def opinion(self, agreed: str = "同意", words: str = "", **more: Any) -> Submission:
        self.sent += 1
        data = {"conflict_declared": "否", "agreed": agreed, "words": words, "files": []}
        return Submission("house.opinion", {**data, **more}, f"opinion-{self.sent:018d}")

    def signs(self, who: Viewer, agreed: str = "同意", words: str = "", paper: Submission | None = None) -> Moved:
        number = self.entry(who)["task"]
        paper = paper or self.opinion(agreed, words)
        return instances.complete_task(self.office.db, who, number, paper, at=self.office.at)

    def declines(self, who: Viewer, reason: str = "不了解情况，不便提出意见") -> None:
        signers.decline(self.office.db, who, self.entry(who)["task"], reason, at=self.office.at)

    def removes(self, who: Viewer, by: Viewer | None = None) -> None:
        signers.remove(self.office.db, by or self.holder, self.number, self.entry(who)["task"], at=self.office.at)

    def completes(self, conclusion: str = "合格", by: Viewer | None = None) -> Moved:
        """The holder sends the form of the main task."""
        return instances.complete_task(
            self.office.db, by or self.holder, self.number, self.paper(conclusion), at=self.office.at
        )

    def paper(self, words: str) -> Submission:
        self.sent += 1
        return Submission("review.conclusion", {"words": words}, f"conclusion-{self.sent:015d}")

    def form(self, viewer: Viewer, number: str = "") -> instances.FormRequest:
        with self.office.db.read() as session:
            return instances.task_form(session, viewer, number or self.number, self.office.at)

    def told(self, who: Viewer) -> list[str]:
        return [kind for kind, _ in self.case.told(who.name)]

    def todo(self, who: Viewer) -> list[str]:
        with self.office.db.read() as session:
            return [row.number for row in inbox.todo(session, who, inbox.Filter()).rows]


#: A decision, which a deadline ends, and what follows it.
PLAIN = file(
    "plain", "课题审定", begins("提出", "review.proposal"),
    task("decide", "审定", "review.conclusion", zeebe("taskSchedule", dueDate="=working days(5)")),
    border("on_late", "逾期", "decide", timer("P20D")),
    task("file", "归档", "review.conclusion"), ends("done", "已归档"), ends("late", "逾期未定"),
    flows("s decide file done", "on_late late"),
)  # fmt: skip


@pytest.fixture
def signing(office: Office, liaoning: Place, root: Path) -> Signing:
    reviewing.deploy(office, root, plain=PLAIN)
    case = Desk(office).begin("plain", office.applicant(liaoning.own_school), "proposal", title="阅读", budget="1")
    return Signing(office, liaoning, case, "decide")


# --- before and meanwhile -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["before", "parallel"])
def test_the_task_is_completed_once_all_have_signed(signing: Signing, mode: str) -> None:
    with recorded(signing.office, (signing.stream, Kind.SIGNERS_ADDED)):
        signing.asks(signing.head, signing.other, mode=mode)
    main, own = signing.row(), signing.own(signing.head)
    assert (main.holder_id, main.signers_open) == (signing.holder.person_id, 2), "who asks, holds it"
    assert (own.status, own.holder_id, own.form_id, own.due_at) == ("open", signing.head.person_id, "house.opinion", main.due_at)
    assert own.number in signing.todo(signing.head) and signing.number not in signing.todo(signing.head)
    assert signing.told(signing.head) == ["signature_asked"]
    asked = signing.form(signing.head, own.number)
    assert asked.is_mine and asked.signing is not None and (asked.signing["reason"], asked.signing["mode"]) == (WHY, mode)
    assert not asked.may_transfer and not asked.may_delegate and not asked.may_add_signers
    assert signing.form(signing.holder).is_mine == (mode == "parallel")
    with recorded(signing.office), pytest.raises(SignersOpen) as refused:
        signing.completes()
    assert refused.value.params["names"] == f"{signing.head.name}、{signing.other.name}"
    with recorded(signing.office, (signing.stream, Kind.SIGNER_SIGNED)):
        signing.signs(signing.head, "不同意", AGAINST)
    assert signing.told(signing.holder) == ["task_opened", "signature_given"]
    with recorded(signing.office), pytest.raises(SignersOpen):
        signing.completes()
    signing.signs(signing.other)
    assert signing.form(signing.holder).is_mine
    with recorded(signing.office, (signing.stream, Kind.TASK_COMPLETED)):
        signing.completes()
    signing.case.waits_at("file")
    [event] = signing.case.events(Kind.SIGNERS_ADDED)
    assert signing.office.payload(event)["words"] == WHY
    first, _ = signing.case.events(Kind.SIGNER_SIGNED)
    assert (first.actor, first.outcome, first.actor_role) == (signing.head.number, "不同意", "bureau_head")
    with signing.office.db.read() as session:
        found = case_file.read(session, signing.holder, signing.case.number, signing.office.at)
    opinions = {one.by_name: (one.data["agreed"], one.data["words"]) for one in found.submissions if one.form_id == "house.opinion"}
    assert opinions == {signing.head.name: ("不同意", AGAINST), signing.other.name: ("同意", "")}
    signing.office.check_record()


def test_the_same_opinion_sent_twice_is_given_once(signing: Signing) -> None:
    signing.asks()
    paper = signing.opinion()
    signing.signs(signing.head, paper=paper)
    with recorded(signing.office):
        assert signing.signs(signing.head, paper=paper).repeated
        with pytest.raises(TaskAlreadyDone):
            signing.signs(signing.head)
    assert len([one for one in signing.case.submissions() if one.form_id == "house.opinion"]) == 1


def test_an_opinion_is_drafted_and_its_draft_goes_with_it(signing: Signing) -> None:
    signing.asks()
    subject, at = f"task:{signing.own(signing.head).number}", signing.office.at
    typed = {"typed": {"words": ["还没写完"]}, "files": [], "token": "t" * 20}
    drafts.save_draft(signing.office.db, signing.head.person_id, subject, typed, None, at=at)
    signing.signs(signing.head)
    with signing.office.db.read() as session:
        assert drafts.draft(session, signing.head.person_id, subject) is None


def test_files_of_an_opinion_belong_to_the_case(signing: Signing) -> None:
    with signing.office.db.write() as session:
        session.add(Attachment(sha256="1" * 64, name="核算.pdf", media_type="application/pdf", size=9,
                               uploaded_by_id=signing.head.person_id, uploaded_at=signing.office.at, field="files"))  # fmt: skip
    signing.asks()
    one = AttachmentRef("1" * 64, "核算.pdf", "application/pdf", 9, "files")
    paper = signing.opinion(files=[{"sha256": one.sha256, "name": one.name}])
    signing.signs(signing.head, paper=Submission(paper.form_id, paper.data, paper.token, (one,)))
    with signing.office.db.read() as session:
        assert case_file.may_open_file(session, signing.holder, "1" * 64, signing.office.at)


# --- after ----------------------------------------------------------------------------------------------------------


def test_what_was_sent_takes_effect_when_the_last_agrees(signing: Signing) -> None:
    signing.asks(signing.head, signing.other, mode="after")
    assert signing.todo(signing.head) == [] and signing.row().signers_open == 0, "they are asked once it is sent"
    paper = signing.paper("同意立项")
    with recorded(signing.office, (signing.stream, Kind.TASK_SUBMITTED)):
        moved = instances.complete_task(signing.office.db, signing.holder, signing.number, paper, at=signing.office.at)
    assert moved.next[0].people == (signing.head.name, signing.other.name)
    with recorded(signing.office):
        again = instances.complete_task(signing.office.db, signing.holder, signing.number, paper, at=signing.office.at)
        assert again.repeated
        with pytest.raises(SignersOpen):
            signing.completes("改了主意")
    asked = signing.form(signing.holder)
    assert asked.is_sent and not asked.is_mine and not asked.may_add_signers
    signing.case.waits_at("decide", "decide", "decide")
    signing.signs(signing.head)
    assert signing.row().status == "open"
    with recorded(signing.office, (signing.stream, Kind.SIGNER_SIGNED), (signing.stream, Kind.TASK_COMPLETED)):
        signing.signs(signing.other)
    signing.case.waits_at("file")
    main = signing.row()
    assert (main.status, main.done_by_id) == ("done", signing.holder.person_id), "the decision is the holder's"
    event = signing.case.events(Kind.TASK_COMPLETED)[-1]
    told = signing.office.payload(event)
    assert (event.actor, event.actor_kind) == (signing.other.number, "person"), "the act is the signer's"
    assert (told["submitted_by"]["number"], told["signed_last_by"]["number"]) == (signing.holder.number, signing.other.number)
    assert signing.case.row_of("conclusion") == {"words": "同意立项"}
    papers = {(one.form_id, one.by_id) for one in signing.case.submissions()}
    assert ("review.conclusion", signing.holder.person_id) in papers and ("house.opinion", signing.other.person_id) in papers
    signing.office.check_record()


def test_one_who_does_not_agree_sends_it_back_to_the_holder_as_it_was(signing: Signing) -> None:
    signing.asks(signing.head, signing.other, mode="after")
    signing.completes("同意立项")
    with recorded(signing.office, (signing.stream, Kind.SIGNER_SIGNED)):
        signing.signs(signing.head, "不同意", AGAINST)
    assert signing.todo(signing.other) == [], "nobody else signs what was not agreed to"
    asked = signing.form(signing.holder)
    assert asked.is_mine and not asked.is_sent and asked.prefill["words"] == "同意立项"
    assert signing.told(signing.holder)[-1] == "signatures_objected"
    assert [(one["how"], one["to"]["name"]) for one in asked.signers] == [
        ("signed", signing.head.name), ("closed", signing.other.name), ("planned", signing.head.name), ("planned", signing.other.name),
    ]  # fmt: skip
    signing.completes("不同意立项")
    signing.signs(signing.head)
    signing.signs(signing.other)
    signing.case.waits_at("file")
    assert signing.case.row_of("conclusion") == {"words": "不同意立项"}
    assert len([one for one in signing.case.submissions() if one.form_id == "review.conclusion"]) == 1, "what had no effect is no paper"
    signing.office.check_record()


def test_the_holder_takes_off_who_has_not_signed_what_was_sent(signing: Signing) -> None:
    signing.asks(signing.head, mode="after")
    signing.completes("同意立项")
    signing.removes(signing.head)
    asked = signing.form(signing.holder)
    assert asked.is_mine and asked.prefill["words"] == "同意立项"
    signing.completes("同意立项")
    signing.case.waits_at("file")


def test_before_and_after_go_together(signing: Signing) -> None:
    signing.asks(signing.head, mode="before")
    signing.asks(signing.other, mode="after")
    with recorded(signing.office), pytest.raises(SignersOpen):
        signing.completes()
    signing.signs(signing.head)
    signing.completes("同意立项")
    signing.case.waits_at("decide", "decide")
    signing.signs(signing.other)
    signing.case.waits_at("file")


def test_an_incident_on_the_way_keeps_the_opinion_and_what_was_sent(office: Office, liaoning: Place, root: Path) -> None:
    broken = file(
        "plain", "课题审定", begins("提出", "review.proposal"), task("decide", "审定", "review.conclusion"),
        choice("which"), ends("yes", "同意"), ends("no", "不同意"),
        flows("s decide which", 'which yes | conclusion.words = "同意"', 'which no | conclusion.words = "不同意"'),
    )  # fmt: skip
    reviewing.deploy(office, root, plain=broken)
    case = Desk(office).begin("plain", office.applicant(liaoning.own_school), "proposal", title="阅读", budget="1")
    signing = Signing(office, liaoning, case, "decide")
    signing.asks(mode="after")
    signing.completes("再议")
    with recorded(office, (signing.stream, Kind.INCIDENT_RAISED)), pytest.raises(CaseFailed):
        signing.signs(signing.head)
    assert signing.own(signing.head).status == signing.row().status == "open"
    signing.removes(signing.head)
    assert signing.form(signing.holder).prefill["words"] == "再议"
    signing.completes("同意")
    case.ended("yes")


# --- declining, recusal, being taken off ----------------------------------------------------------------------------


def test_who_declines_is_waited_for_no_longer(signing: Signing) -> None:
    signing.asks(signing.head, signing.other)
    with recorded(signing.office), pytest.raises(ReasonNeeded):
        signing.declines(signing.head, "忙")
    with recorded(signing.office, (signing.stream, Kind.SIGNER_DECLINED)):
        signing.declines(signing.head)
    assert signing.told(signing.holder)[-1] == "signature_declined" and signing.row().signers_open == 1
    with recorded(signing.office), pytest.raises(TaskNotOpen):
        signing.signs(signing.head)
    signing.asks(signing.head)
    signing.signs(signing.head)
    signing.signs(signing.other)
    signing.completes()


def test_who_declines_after_gives_it_back_to_the_holder(signing: Signing) -> None:
    signing.asks(signing.head, signing.other, mode="after")
    signing.completes("同意立项")
    signing.signs(signing.other)
    signing.declines(signing.head)
    assert signing.form(signing.holder).is_mine and signing.row().status == "open"
    signing.completes("同意立项")
    signing.case.waits_at("file")


def test_who_declares_a_conflict_is_not_asked_again(signing: Signing) -> None:
    signing.asks()
    paper = signing.opinion(conflict_declared="是", conflict_reason="课题负责人是本人的配偶，应当回避")
    with recorded(signing.office, (signing.stream, Kind.SIGNER_DECLINED)):
        assert signing.signs(signing.head, paper=paper).handed_on
    assert signing.entry(signing.head)["how"] == "recused"
    with recorded(signing.office), pytest.raises(NotSignable):
        signing.asks()
    signing.completes()


def test_only_ones_own_signers_are_taken_off_and_only_before_they_sign(signing: Signing) -> None:
    signing.asks(signing.head, signing.other)
    number = signing.entry(signing.head)["task"]
    with recorded(signing.office, (signing.stream, Kind.SIGNER_REMOVED)):
        signing.removes(signing.head)
    assert signing.row(number).status == "cancelled" and signing.told(signing.head)[-1] == "signature_waived"
    assert signing.todo(signing.head) == []
    with recorded(signing.office), pytest.raises(TaskNotOpen):
        instances.complete_task(signing.office.db, signing.head, number, signing.opinion(), at=signing.office.at)
    with recorded(signing.office), pytest.raises(AlreadySigned):
        signing.removes(signing.head)
    signing.signs(signing.other)
    with recorded(signing.office), pytest.raises(AlreadySigned):
        signing.removes(signing.other)
    with recorded(signing.office), pytest.raises(NotFound):
        signers.remove(signing.office.db, signing.holder, signing.number, "no-such-task", at=signing.office.at)
    signing.completes()


def test_nobody_else_takes_a_signer_off(signing: Signing, liaoning: Place) -> None:
    signing.asks()
    with signing.office.db.write() as session:
        main = session.execute(select(Task).where(Task.number == signing.number)).scalar_one()
        main.holder_id = signing.other.person_id  # as after a hand-over (离岗交接)
    with recorded(signing.office), pytest.raises(NotYourSigner) as refused:
        signing.removes(signing.head, by=signing.other)
    assert refused.value.params["name"] == signing.holder.name
    with recorded(signing.office), pytest.raises(NotFound):
        signing.removes(signing.head, by=signing.office.viewer("nn.hr1"))


# --- who may be asked, by whom --------------------------------------------------------------------------------------


def test_whom_one_may_ask(signing: Signing, liaoning: Place) -> None:
    office = signing.office

    def refused(who: Viewer, why: str) -> None:
        with recorded(office), pytest.raises(NotSignable) as found:
            signing.asks(who)
        assert found.value.params["why"] == why

    refused(signing.holder, assignments.TO_ONESELF)
    refused(office.viewer("nn.hr1"), assignments.ELSEWHERE)
    refused(office.viewer(liaoning.auditor), assignments.ELSEWHERE)
    signing.asks()
    refused(signing.head, signers.ASKED_ALREADY)
    with recorded(office), pytest.raises(PersonUnknown):
        signers.add(office.db, signing.holder, signing.number, [], "before", WHY, at=office.at)
    with recorded(office), pytest.raises(NotFound):
        signing.asks(signing.other, mode="sometimes")
    with recorded(office), pytest.raises(ReasonNeeded):
        signing.asks(signing.other, reason="请")
    with recorded(office), pytest.raises(TooManySigners):
        signers.add(office.db, signing.holder, signing.number, [f"P{n}" for n in range(20)], "before", WHY, at=office.at)


def test_who_may_ask(signing: Signing) -> None:
    office, at = signing.office, signing.office.at
    with recorded(office), pytest.raises(NotFound):
        signing.asks(by=office.viewer("nn.hr1"))
    assignments.claim(office.db, signing.other, signing.number, at=at)
    with recorded(office), pytest.raises(HeldByAnother):
        signing.asks()
    assignments.delegate(office.db, signing.other, signing.number, signing.head.number, WHY, at=at)
    for one in (signing.other, signing.head):
        with recorded(office), pytest.raises(TaskDelegated):
            signing.asks(signing.holder, by=one)
    assignments.recall(office.db, signing.other, signing.number, at=at)
    signing.asks(by=signing.other)
    with recorded(office), pytest.raises(SignatureNotPassedOn):
        signers.add(office.db, signing.head, signing.entry(signing.head)["task"], [signing.holder.number], "before", WHY, at=at)


def test_nothing_is_passed_on_meanwhile(signing: Signing) -> None:
    office, at = signing.office, signing.office.at
    signing.asks()
    own = signing.entry(signing.head)["task"]
    to, why = signing.other.number, "外出培训一周，请代为办理"
    acts: Mapping[type[Exception], list[Callable[[], object]]] = {
        SignersOpen: [
            lambda: assignments.unclaim(office.db, signing.holder, signing.number, at=at),
            lambda: assignments.transfer(office.db, signing.holder, signing.number, to, why, at=at),
            lambda: assignments.delegate(office.db, signing.holder, signing.number, to, why, at=at),
            lambda: assignments.recuse(office.db, signing.holder, signing.number, why, at=at),
        ],
        SignatureNotPassedOn: [
            lambda: assignments.transfer(office.db, signing.head, own, to, why, at=at),
            lambda: assignments.delegate(office.db, signing.head, own, to, why, at=at),
            lambda: assignments.unclaim(office.db, signing.head, own, at=at),
            lambda: assignments.recuse(office.db, signing.head, own, why, at=at),
        ],
    }
    for refusal, them in acts.items():
        for act in them:
            with recorded(office), pytest.raises(refusal):
                act()
    signing.removes(signing.head)
    assignments.unclaim(office.db, signing.holder, signing.number, at=at)


def test_what_cannot_be_signed(office: Office, liaoning: Place) -> None:
    case = office.applicant(liaoning.own_school).applies().is_recommended()
    case.task("adm_u2").by(liaoning.reviewer).returns("statement")
    signing = Signing(office, liaoning, case, "adm_u3")
    applicant = case.applicant.viewer
    with recorded(office), pytest.raises(NotSignable) as refused:
        signing.asks(by=applicant)
    assert refused.value.params["why"] == assignments.NOT_OF_AN_OFFICE
    assert not case.task("adm_u3").by_applicant().request().may_add_signers


def test_a_case_on_an_older_version_has_no_form_for_it(office: Office, liaoning: Place, root: Path) -> None:
    tree = {path: raw for path, raw in deployment.read_tree(root).items() if "/house/" not in path}
    deployment.deploy(office.db, SETTING_UP, tree, composition.check_form, at=office.at)
    case = office.applicant(liaoning.own_school).applies().is_recommended()
    signing = Signing(office, liaoning, case, "adm_u2")
    with recorded(office), pytest.raises(NotSignable) as refused:
        signing.asks()
    assert refused.value.params["why"] == signers.NO_FORM
    assert not signing.form(signing.holder).may_add_signers


# --- the task ends or rests -----------------------------------------------------------------------------------------


def test_signers_end_with_the_task(signing: Signing) -> None:
    signing.asks(signing.head, signing.other, mode="parallel")
    signing.office.time_is(signing.office.at + timedelta(days=21))
    signing.case.ended("late")
    assert signing.own(signing.head).status == signing.own(signing.other).status == "cancelled"
    with recorded(signing.office), pytest.raises(TaskNotOpen):
        signing.signs(signing.head)


def test_signers_end_with_a_case_that_is_cancelled(signing: Signing) -> None:
    signing.asks(mode="after")
    signing.completes()
    control.cancel(signing.office.db, SETTING_UP, signing.case.number, "申报单位撤销", at=signing.office.at)
    assert signing.own(signing.head).status == "cancelled" and "case_cancelled" in signing.told(signing.head)
    with recorded(signing.office), pytest.raises(TaskNotOpen):
        signing.signs(signing.head)


def test_signers_end_with_a_case_that_goes_back(office: Office, liaoning: Place) -> None:
    case = office.applicant(liaoning.own_school).applies()
    first = case.task("adm_u1").number
    case.is_recommended()
    signing = Signing(office, liaoning, case, "adm_u2")
    signing.asks()
    with recorded(office), pytest.raises(NotTakenBack):
        returning.take_back(office.db, office.viewer(liaoning.own_head), first, at=office.at)
    control.rewind(office.db, SETTING_UP, case.number, first, "材料须由单位重新出具意见", at=office.at)
    assert signing.own(signing.head).status == "cancelled"
    case.waits_at("adm_u1")


def test_signers_rest_with_a_suspended_case_and_their_deadline_moves(signing: Signing) -> None:
    signing.asks()
    due = signing.row().due_at
    control.suspend(signing.office.db, SETTING_UP, signing.case.number, "等待上级批复", at=signing.office.at)
    with recorded(signing.office), pytest.raises(InstanceSuspended):
        signing.signs(signing.head)
    with recorded(signing.office), pytest.raises(InstanceSuspended):
        signing.removes(signing.head)
    with recorded(signing.office), pytest.raises(InstanceSuspended):
        signing.asks(signing.other)
    signing.office.days_pass(2)
    control.resume(signing.office.db, SETTING_UP, signing.case.number, at=signing.office.at)
    main, own = signing.row(), signing.own(signing.head)
    assert own.due_at == main.due_at and main.due_at is not None and due is not None and main.due_at > due
    signing.signs(signing.head)
    signing.completes()


def test_a_newer_version_keeps_the_signers(office: Office, liaoning: Place, root: Path) -> None:
    case = office.applicant(liaoning.own_school).applies().is_recommended()
    signing = Signing(office, liaoning, case, "adm_u2")
    signing.asks()
    tree = deployment.read_tree(root)
    path = "bpmn/admission/admission.bpmn"
    tree[path] = tree[path].replace('name="资格审查"'.encode(), 'name="资格审核"'.encode(), 1)
    tree[path] = tree[path].replace('"资格审查"'.encode(), '"资格审核"'.encode())
    deployment.deploy(office.db, SETTING_UP, tree, composition.check_form, at=office.at)
    with office.db.read() as session:
        target = deployment.newest(session, "admission")
    control.migrate(office.db, SETTING_UP, case.number, target, {}, at=office.at)
    assert signing.own(signing.head).name == signing.row().name == "资格审核"
    signing.signs(signing.head)
    case.task("adm_u2").by(liaoning.reviewer).qualifies()
    case.is_qualified()


# --- who had a hand in it -------------------------------------------------------------------------------------------


def test_who_signed_one_review_does_not_decide_the_next(office: Office, liaoning: Place) -> None:
    """Separation of duties is not got round by signing (domain.md 3.0.2)."""
    case = office.applicant(liaoning.own_school).applies()
    number, head, worker = case.task("adm_u1").number, office.viewer(liaoning.own_head), office.viewer(liaoning.reviewer)
    people.grant(office.db, SETTING_UP, worker.number, liaoning.own_school, "clerk", date(2026, 1, 1), at=office.at)
    signers.add(office.db, head, number, [worker.number], "before", WHY, at=office.at)
    own = next(one.number for one in case.tasks() if one.main_id is not None)
    data = {"conflict_declared": "否", "agreed": "同意", "words": "", "files": []}
    instances.complete_task(office.db, worker, own, Submission("house.opinion", data, "t" * 20), at=office.at)
    case.task("adm_u1").by(liaoning.own_head).recommends()
    waiting = next(one for one in case.tasks() if one.status == "open")
    out = {one["number"]: one["reason"] for one in waiting.explanation["excluded"]}
    assert out[head.number] == out[worker.number] == REVIEWED_BEFORE
    other = case.task("adm_u2").by(liaoning.second_reviewer)
    filled = other.fills(other.conclusion("合格"))
    with recorded(office), pytest.raises(SeparationOfDuty):
        case.task("adm_u2").by(liaoning.reviewer).sends(filled)
    case.task("adm_u2").by(liaoning.second_reviewer).qualifies()
    case.is_qualified()


def test_a_reminder_goes_to_nobody_for_an_opinion(signing: Signing) -> None:
    signing.asks()
    own = signing.own(signing.head)
    with signing.office.db.read() as session:
        assert session.execute(select(Timer).where(Timer.task_id == own.id)).first() is None


def test_an_opinion_that_was_handed_over_names_who_has_given_it(signing: Signing) -> None:
    signing.asks()
    own = signing.own(signing.head).number
    with signing.office.db.write() as session:
        row = session.execute(select(Task).where(Task.number == own)).scalar_one()
        row.holder_id = signing.other.person_id  # as after a hand-over (离岗交接)
    with pytest.raises((NotFound, TaskNotOpen)):
        signing.signs(signing.head)
    instances.complete_task(signing.office.db, signing.other, own, signing.opinion(), at=signing.office.at)
    [entry] = signatures.entries(signing.row())
    assert entry["to"] == {"number": signing.other.number, "name": signing.other.name} and entry["how"] == "signed"


def test_a_proxy_neither_signs_nor_sends_for_signature(office: Office, liaoning: Place, root: Path) -> None:
    reviewing.deploy(office, root, plain=PLAIN)
    case = Desk(office).begin("plain", office.applicant(liaoning.own_school), "proposal", title="阅读", budget="1")
    signing = Signing(office, liaoning, case, "decide")
    signing.asks(signing.head, mode="after")
    day = office.at.date()
    proxies.grant(
        office.db, signing.holder, signing.other.number, from_on=day, to_on=day + timedelta(days=5),
        reason="外出培训一周，请代为办理", at=office.at, days=90,
    )  # fmt: skip
    with recorded(office), pytest.raises(ProxyNotPassedOn):
        signing.completes(by=office.viewer(liaoning.second_reviewer))
    assert signing.row().kept is None
