"""What stands in the office before an act is killed, and the verbs that the act goes through: every verb of a case (T4)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests import annual, reviewing
from tests.appointing import path
from tests.factories import SETTING_UP
from tests.kill.acts import (
    Act,
    Broadcast,
    Complete,
    Failing,
    Fire,
    Followed,
    Message,
    Once,
    Report,
    Retries,
    Start,
    Whole,
    Work,
    _fails,
)
from tests.office import PLACES, Case, Office
from tests.reviewing import Desk
from webapp import composition
from webapp.demo import papers
from workflows import (
    absences,
    accounts,
    assignments,
    bulk,
    control,
    deliveries,
    deployment,
    drafts,
    engine,
    handing_over,
    incidents,
    instances,
    jobs,
    orders,
    proxies,
    reporting,
    retries,
    returning,
    signers,
    timers,
    unstaffed,
)
from workflows.access import Viewer, office_day
from workflows.errors import (
    AlreadySigned,
    CaseFailed,
    DelegationOver,
    DraftConflict,
    HeldByAnother,
    IncidentOver,
    JobOver,
    NotAssignable,
    NotFound,
    NotSignable,
    NotTakenBack,
    ProxyOverlaps,
    StartFailed,
    TaskDelegated,
    TaskNotOpen,
)
from workflows.models import Attachment, Incident, Task
from workflows.settings import OFFICE_ZONE
from workflows.submission import Submission

LIAONING = PLACES["liaoning"]
WHY = "情况核实期间暂不办理"
ORDER = "admission.issue_number"


@dataclass(frozen=True)
class Scene:
    """How an act comes about, and what it is there for."""

    prepare: Callable[[Office], Act]
    #: The public verbs that it must go through.
    verbs: tuple[Callable[..., object], ...]


SCENES: dict[str, Scene] = {}


def scene(name: str, *verbs: Callable[..., object]) -> Callable[[Callable[[Office], Act]], Callable[[Office], Act]]:
    """Enters a preparation under a name."""

    def enter(prepare: Callable[[Office], Act]) -> Callable[[Office], Act]:
        assert name not in SCENES
        SCENES[name] = Scene(prepare, verbs)
        return prepare

    return enter


def _reviewed(office: Office, name: str = "林书豪") -> Case:
    """A case that waits for review by either of two people."""
    return office.applicant(LIAONING.own_school, name=name).applies().is_recommended()


def _desk(office: Office) -> Desk:
    reviewing.deploy(office, composition.SOURCE)
    return Desk(office)


# --- a case on its way ----------------------------------------------------------------------------------------------


@scene("submit", instances.start, instances.beginning, deliveries.carry_out, deliveries.settle)
def _submit(office: Office) -> Act:
    applicant = office.applicant(LIAONING.own_school)
    return Start(applicant.viewer, office.round("liaoning"), applicant.fills(), office.at)


@scene("decide", instances.complete_task, instances.completion)
def decide(office: Office) -> Act:
    hand = _reviewed(office).task("adm_u2").by(LIAONING.reviewer)
    return Complete(hand.viewer, hand.task, hand.fills(hand.conclusion("合格")), office.at)


@scene("correct", instances.complete_task)
def _correct(office: Office) -> Act:
    """The completion that does most: a timer is called off, two tables decide, a task opens."""
    hand = _reviewed(office).is_returned("phone").task("adm_u3").by_applicant()
    return Complete(hand.viewer, hand.task, hand.fills(lambda folder, had: {"phone": "13900000009"}), office.at)


@scene("matter", reporting.report, reporting.reporting)
def _matter(office: Office) -> Act:
    """An objection during the publicity period."""
    way = path(office, LIAONING).comes_to_inspection().is_inspected().is_decided().is_published()
    viewer = office.viewer(LIAONING.reviewer)
    with office.db.read() as session:
        request = reporting.report_form(session, viewer, way.case.number, "adm_bm2", office.at)
    filled = office.fill(request, viewer, lambda folder, had: papers.objection(folder))
    return Report(viewer, way.case.number, "adm_bm2", filled, office.at)


@scene("appoint", instances.complete_task)
def _appoint(office: Office) -> Act:
    """The completion that writes registers: the roster, the personnel register, a role, what the round hears."""
    way = path(office, LIAONING).comes_to_inspection().is_inspected().is_decided().is_published().publicity_ends()
    hand = way.is_queried().is_filed().case.task("adm_u11").by(LIAONING.reviewer)
    filled = hand.fills(lambda folder, had: papers.appointment(way.name, folder, order_no="教任〔2026〕9号"))
    return Complete(hand.viewer, hand.task, filled, office.at)


def _due(case: Case, step: str) -> datetime:
    due = case.task(step).row().due_at
    assert due is not None
    return due


@scene("lapse", timers.fire_due)
def lapse(office: Office) -> Act:
    """The end of a period with a reminder and an overdue report of another case beside it."""
    case = _reviewed(office).is_returned("phone")
    office.applicant(LIAONING.own_school, name="高雨桐").applies()
    office.days_pass(4)
    return Fire(_due(case, "adm_u3"))


@scene("call", instances.start, deliveries.deliver_due)
def _call(office: Office) -> Act:
    """A case begins and calls another process: two instances, one after the other."""
    desk = _desk(office)
    applicant = office.applicant(LIAONING.own_school)
    paper = desk.paper("proposal", title="整本书阅读教学研究", budget="12000.50")
    begun = Start(applicant.viewer, office.round("liaoning"), paper, office.at, "project")
    return Followed(begun, office.at)


@scene("return", instances.complete_task, deliveries.deliver_due)
def returns(office: Office) -> Act:
    """What was called ends, and its caller goes on with what it gave."""
    return _opined(office, "同意")


@scene("return an error", instances.complete_task)
def _returns_an_error(office: Office) -> Act:
    """What was called ends by an error that its caller catches."""
    return _opined(office, "回避")


@scene("report", instances.complete_task)
def _reports(office: Office) -> Act:
    """What was called reports an escalation to its caller, who opens another task beside it, and goes on."""
    return _opined(office, "延期")


def _opined(office: Office, kind: str) -> Act:
    desk = _desk(office)
    case = desk.project(LIAONING.own_school)
    hand = desk.part(case).task("opine").by(LIAONING.reviewer)
    opined = Complete(hand.viewer, hand.task, desk.paper("opinion", kind=kind, score=80), office.at)
    return Followed(opined, office.at)


@scene("withdraw", deliveries.send_message)
def _withdraw(office: Office) -> Act:
    """A message ends a case, and what that had called ends with it."""
    case = _desk(office).project(LIAONING.own_school)
    sent = Message(office.viewer(LIAONING.reviewer), "撤回", case.number, office.at)
    return Followed(sent, office.at)


@scene("bulk", jobs.run_next, bulk.run)
def _start_many(office: Office) -> Act:
    """A bulk start for three people, in two chunks."""
    annual.deploy(office)
    annual.people(office, 3)
    annual.request(office)
    return Work(office.at, chunk=2)


#: On both databases in each commit's tests; the others on SQLite, on both under ``--long``.
USUAL = tuple(SCENES)


@scene("throw", instances.complete_task)
def _throw(office: Office) -> Act:
    """A case throws a message that another one waits for."""
    desk = _desk(office)
    sends, waits = (office.applicant(LIAONING.own_school, name=name) for name in ("林书豪", "高雨桐"))
    batch = desk.begin("batch", sends, "batch", number="B-1", quota="3")
    desk.begin("declaration", waits, "batch", number="B-1", quota="0")
    hand = batch.task("publish").by(LIAONING.reviewer)
    return Followed(Complete(hand.viewer, hand.task, desk.paper("conclusion", words="发布"), office.at), office.at)


@scene("archive", deliveries.send_message)
def _archive(office: Office) -> Act:
    """A message starts a case."""
    _desk(office)
    return Followed(Message(office.viewer(LIAONING.reviewer), "归档", "", office.at), office.at)


@scene("broadcast", deliveries.broadcast)
def _broadcast(office: Office) -> Act:
    """A signal reaches two cases."""
    desk = _desk(office)
    for name in ("高雨桐", "林书豪"):
        case = desk.project(LIAONING.own_school, name)
        desk.does(desk.part(case), "opine", LIAONING.reviewer, "opinion", kind="同意", score=80)
    return Followed(Broadcast(office.viewer(LIAONING.reviewer), "停止评审", office.at), office.at)


# --- a whole case ---------------------------------------------------------------------------------------------------


def _whole(office: Office, case: Case, verb: Callable[..., object], *arguments: Any) -> Act:
    return Whole(verb, arguments, case.number, case.row().version, office.at)


@scene("suspend", control.suspend)
def _suspend(office: Office) -> Act:
    """A case with one that it called: both stand still."""
    case = _desk(office).project(LIAONING.own_school)
    return _whole(office, case, control.suspend, SETTING_UP, case.number, WHY)


@scene("resume", control.resume)
def _resume(office: Office) -> Act:
    """Deadlines are counted again, in tasks and timers."""
    case = _reviewed(office)
    control.suspend(office.db, SETTING_UP, case.number, WHY, at=office.at)
    office.days_pass(3)
    return _whole(office, case, control.resume, SETTING_UP, case.number)


@scene("cancel", control.cancel)
def _cancel(office: Office) -> Act:
    """A case ends from outside, and what it called ends with it."""
    case = _desk(office).project(LIAONING.own_school)
    return _whole(office, case, control.cancel, SETTING_UP, case.number, WHY)


@scene("take back", control.withdraw)
def _take_back(office: Office) -> Act:
    """The applicant withdraws where the diagram waits for it."""
    case = _reviewed(office)
    return _whole(office, case, control.withdraw, case.applicant.viewer, case.number, WHY)


@scene("rewind", control.rewind)
def _rewind(office: Office) -> Act:
    case = _reviewed(office)
    first = next(one.number for one in case.tasks() if one.step_id == "adm_u1")
    return _whole(office, case, control.rewind, SETTING_UP, case.number, first, WHY)


def _tree(changed: str, old: str, new: str) -> dict[str, bytes]:
    """The office's files with one of them changed."""
    tree = deployment.read_tree(composition.SOURCE)
    assert old.encode() in tree[changed]
    return {**tree, changed: tree[changed].replace(old.encode(), new.encode())}


def _renamed() -> dict[str, bytes]:
    return _tree("bpmn/admission/admission.bpmn", 'name="资格审查"', 'name="资格审核"')


def _newer(office: Office) -> str:
    """Digest of a newer version of the admission, deployed now."""
    deployment.deploy(office.db, SETTING_UP, _renamed(), composition.check_form, at=office.at)
    with office.db.read() as session:
        return deployment.newest(session, "admission")


@scene("migrate", control.migrate)
def _migrate(office: Office) -> Act:
    case = _reviewed(office)
    return _whole(office, case, control.migrate, SETTING_UP, case.number, _newer(office), {})


@scene("migrate all", control.migrate_all, jobs.run_next)
def _migrate_all(office: Office) -> Act:
    """A job takes two cases to a newer version; a third is suspended, and is named."""
    cases = [_reviewed(office, name) for name in ("林书豪", "高雨桐", "王一诺")]
    control.suspend(office.db, SETTING_UP, cases[1].number, WHY, at=office.at)
    params = control.request_of(SETTING_UP, "admission", _newer(office), {})
    jobs.enqueue(office.db, control.MIGRATION, params, at=office.at, by=SETTING_UP)
    return Work(office.at)


@scene("deploy", deployment.deploy)
def _deploy(office: Office) -> Act:
    return Once(deployment.deploy, (SETTING_UP, _renamed(), composition.check_form), office.at)


@scene("recompute", timers.recompute_provisional)
def _recompute(office: Office) -> Act:
    """A year's official calendar came: deadlines of two cases are counted again."""
    office.time_is(datetime(2026, 12, 1, 9, tzinfo=OFFICE_ZONE))
    cases = [_reviewed(office, name) for name in ("林书豪", "高雨桐")]
    office.time_is(datetime(2026, 12, 29, 9, tzinfo=OFFICE_ZONE))
    for case in cases:
        case.is_returned("phone")
    assert [case.task("adm_u3").row().due_provisional for case in cases] == [True, True]
    deployment.deploy(office.db, SETTING_UP, _announced(), composition.check_form, at=office.at)
    return Once(timers.recompute_provisional, (), office.at)


def _announced() -> dict[str, bytes]:
    """The office's files with a notice of 2027 as it might come: three days free at New Year instead of one."""
    path = "bpmn/policies/calendar.toml"
    tree = deployment.read_tree(composition.SOURCE)
    before, _, rest = tree[path].decode().partition("[[statutory.year]]\nyear = 2027\n")
    after = rest[rest.index("[[statutory.year]]") :]
    notice = (
        '[[year]]\nyear = 2027\ndocument = "国务院办公厅关于2027年部分节假日安排的通知"\nnumber = "测试"\n'
        'announced = 2026-11-05\nholidays = [{ name = "元旦", first = 2027-01-01, last = 2027-01-05 }]\nmake_up = []\n\n'
    )
    return {**tree, path: f"{before}{notice}{after}".encode()}


# --- a task in somebody's hands -------------------------------------------------------------------------------------


@scene("claim", assignments.claim)
def _claim(office: Office) -> Act:
    hand = _reviewed(office).task("adm_u2").by(LIAONING.reviewer)
    return Once(assignments.claim, (hand.viewer, hand.task), office.at, (HeldByAnother,))


@scene("unclaim", assignments.unclaim)
def _unclaim(office: Office) -> Act:
    hand = _reviewed(office).task("adm_u2").by(LIAONING.reviewer)
    assignments.claim(office.db, hand.viewer, hand.task, at=office.at)
    return Once(assignments.unclaim, (hand.viewer, hand.task), office.at, (HeldByAnother,))


@scene("recuse", assignments.recuse)
def _recuse(office: Office) -> Act:
    hand = _reviewed(office).task("adm_u2").by(LIAONING.reviewer)
    return Once(assignments.recuse, (hand.viewer, hand.task, WHY), office.at, (NotFound,))


@scene("transfer", assignments.transfer)
def _transfer(office: Office) -> Act:
    hand = _reviewed(office).task("adm_u2").by(LIAONING.reviewer)
    to = office.viewer(LIAONING.bureau_head).number
    return Once(
        assignments.transfer, (hand.viewer, hand.task, to, "外出培训一周，请代为办理"), office.at, (HeldByAnother,)
    )


def _delegating(office: Office, *, asked: bool = True) -> tuple[Viewer, str, Viewer]:
    """Who holds a task, its number, and who is to work on it, or does; the holder has typed something."""
    hand = _reviewed(office).task("adm_u2").by(LIAONING.reviewer)
    worker = office.viewer(LIAONING.bureau_head)
    assignments.claim(office.db, hand.viewer, hand.task, at=office.at)
    typed = {"typed": {"opinion": ["还没写完"]}}
    drafts.save_draft(office.db, hand.viewer.person_id, f"task:{hand.task}", typed, None, at=office.at)
    if asked:
        assignments.delegate(office.db, hand.viewer, hand.task, worker.number, WHY, at=office.at)
    return hand.viewer, hand.task, worker


@scene("delegate", assignments.delegate)
def _delegate(office: Office) -> Act:
    holder, task, worker = _delegating(office, asked=False)
    return Once(assignments.delegate, (holder, task, worker.number, WHY), office.at, (TaskDelegated,))


def _stands_in(office: Office, **more: Any) -> tuple[Viewer, tuple[Any, ...], dict[str, Any]]:
    """Somebody who is away, whom they ask to do their work, and for how long."""
    giver, to = office.viewer(LIAONING.reviewer), office.viewer("sy.clerk").number
    day = office_day(office.at)
    return giver, (giver, to), {"from_on": day, "to_on": day, "reason": WHY, "days": 90, **more}


@scene("proxy", proxies.grant)
def _proxy(office: Office) -> Act:
    _, arguments, more = _stands_in(office)
    return Once(proxies.grant, arguments, office.at, (ProxyOverlaps,), more)


@scene("arrange a proxy", absences.arrange)
def _arrange(office: Office) -> Act:
    """The head has somebody stand in for one who is away: the grant, the record and both notices are there together."""
    giver, arguments, more = _stands_in(office)
    of = (office.viewer(LIAONING.bureau_head), giver.number, arguments[1])
    return Once(absences.arrange, of, office.at, (ProxyOverlaps,), more)


@scene("tell who stands in", absences.pass_on)
def _pass_on(office: Office) -> Act:
    """What the other is told goes to whoever stands in, once, however often a worker dies over it."""
    _, arguments, more = _stands_in(office)
    proxies.grant(office.db, *arguments, at=office.at, **more)
    _reviewed(office)
    return Once(absences.pass_on, (), office.at)


@scene("end proxy", proxies.revoke)
def _end_proxy(office: Office) -> Act:
    giver, arguments, more = _stands_in(office)
    number = proxies.grant(office.db, *arguments, at=office.at, **more)
    return Once(proxies.revoke, (giver, number), office.at)


@scene("decide for another", instances.complete_task)
def _decide_for_another(office: Office) -> Act:
    """Somebody who stands in completes the task; the grant, the task and the record are there together."""
    case = _reviewed(office)
    _, arguments, more = _stands_in(office)
    proxies.grant(office.db, *arguments, at=office.at, **more)
    hand = case.task("adm_u2").by("sy.clerk")
    return Complete(hand.viewer, hand.task, hand.fills(hand.conclusion("合格")), office.at)


def _leaving(office: Office) -> tuple[Viewer, str, list[str]]:
    """An administrator, somebody who leaves and holds a task, and who takes over."""
    hand = _reviewed(office).task("adm_u2").by(LIAONING.reviewer)
    assignments.claim(office.db, hand.viewer, hand.task, at=office.at)
    return office.viewer("ln.admin"), hand.viewer.number, [office.viewer("sy.clerk").number]


@scene("ask for a hand-over", handing_over.start)
def _ask_for_hand_over(office: Office) -> Act:
    return Once(handing_over.start, (*_leaving(office), WHY), office.at, (), {"key": "k"})


@scene("hand over", jobs.run_next)
def _hand_over(office: Office) -> Act:
    """Each task by itself, and the grants at the end; whoever follows a dead worker does the rest."""
    _, arguments, more = _stands_in(office)
    proxies.grant(office.db, *arguments, at=office.at, **more)
    handing_over.start(office.db, *_leaving(office), WHY, at=office.at)
    return Work(office.at)


@scene("assign", unstaffed.assign)
def _assign(office: Office) -> Act:
    """The holder can no longer sign in: an administrator gives the task to somebody."""
    admin, leaver, [to] = _leaving(office)
    accounts.disable_account(office.db, SETTING_UP, leaver, at=office.at)
    with office.db.read() as session:
        task = session.execute(select(Task.number).where(Task.step_id == "adm_u2", Task.status == "open")).scalar_one()
    return Once(unstaffed.assign, (admin, task, to, WHY), office.at, (NotAssignable,))


@scene("hand back", assignments.hand_back)
def _hand_back(office: Office) -> Act:
    """The work that was done, with a file, becomes the holder's draft."""
    _, task, worker = _delegating(office)
    brought = {
        "sha256": "1" * 64,
        "name": "核对表.pdf",
        "media_type": "application/pdf",
        "size": 9,
        "field": "evidence",
    }
    with office.db.write() as session:
        session.add(Attachment(**brought, uploaded_by_id=worker.person_id, uploaded_at=office.at))
    work = {"typed": {"opinion": ["已逐项核对"], "evidence": ["1" * 64]}, "files": [brought]}
    return Once(assignments.hand_back, (worker, task, "材料已逐项核对", work), office.at, (DelegationOver,))


@scene("decline", assignments.hand_back, assignments.decline)
def _decline(office: Office) -> Act:
    """Whoever was asked declares a conflict of interest, and is kept from the task."""
    _, task, worker = _delegating(office)
    work = {"typed": {"conflict_declared": ["是"], "conflict_reason": ["申请人系本人学生"]}, "files": []}
    return Once(assignments.hand_back, (worker, task, "", work), office.at, (DelegationOver,))


@scene("recall", assignments.recall)
def _recall(office: Office) -> Act:
    holder, task, _ = _delegating(office)
    return Once(assignments.recall, (holder, task), office.at, (DelegationOver,))


# --- others who sign a task, and a case that goes back ----------------------------------------------------------------


def _signing(office: Office, mode: str = "before", *, asked: bool = True) -> tuple[Viewer, Case, Viewer, str]:
    """Who holds a task, its case, who is to sign it or was asked to, and the number of their own task."""
    case = _reviewed(office)
    hand, signer = case.task("adm_u2").by(LIAONING.reviewer), office.viewer(LIAONING.bureau_head)
    if asked:
        signers.add(office.db, hand.viewer, hand.task, [signer.number], mode, WHY, at=office.at)
    own = [one.number for one in case.tasks() if one.main_id is not None]
    return hand.viewer, case, signer, own[0] if own else ""


OPINION = {"conflict_declared": "否", "agreed": "同意", "words": "", "files": []}


@scene("add a signer", signers.add)
def _add_signer(office: Office) -> Act:
    holder, case, signer, _ = _signing(office, asked=False)
    number = case.task("adm_u2").number
    return Once(signers.add, (holder, number, [signer.number], "before", WHY), office.at, (NotSignable,))


@scene("remove a signer", signers.remove)
def _remove_signer(office: Office) -> Act:
    holder, case, _, own = _signing(office)
    main = next(one.number for one in case.tasks() if one.step_id == "adm_u2" and one.main_id is None)
    return Once(signers.remove, (holder, main, own), office.at, (AlreadySigned,))


@scene("decline to sign", signers.decline)
def _decline_to_sign(office: Office) -> Act:
    _, _, signer, own = _signing(office)
    return Once(signers.decline, (signer, own, "不了解情况，不便提出意见"), office.at, (TaskNotOpen,))


@scene("sign", signers.sign)
def _sign(office: Office) -> Act:
    _, _, signer, own = _signing(office)
    return Complete(signer, own, Submission("house.opinion", OPINION, "t" * 24), office.at)


@scene("send for signature", signers.submit)
def _send_for_signature(office: Office) -> Act:
    holder, case, _, _ = _signing(office, "after")
    hand = case.task("adm_u2").by(LIAONING.reviewer)
    return Complete(holder, hand.task, hand.fills(hand.conclusion("合格")), office.at)


@scene("sign at last", signers.sign)
def _sign_at_last(office: Office) -> Act:
    """The last opinion lets the decision take effect that was sent before."""
    _, case, signer, _ = _signing(office, "after")
    hand = case.task("adm_u2").by(LIAONING.reviewer)
    hand.sends(hand.fills(hand.conclusion("合格")))
    own = next(one.number for one in case.tasks() if one.main_id is not None)
    return Complete(signer, own, Submission("house.opinion", OPINION, "t" * 24), office.at)


@scene("send back to a step", returning.send_back)
def _send_back(office: Office) -> Act:
    case = _reviewed(office)
    hand = case.task("adm_u2").by(LIAONING.reviewer)
    to = next(one.number for one in case.tasks() if one.step_id == "adm_u1")
    why = "推荐意见没有写明任教学科，请单位重新出具"
    return Once(returning.send_back, (hand.viewer, hand.task, to, why), office.at, (TaskNotOpen,))


@scene("take one's own back", returning.take_back)
def _take_ones_own_back(office: Office) -> Act:
    case = _reviewed(office)
    done = next(one.number for one in case.tasks() if one.step_id == "adm_u1")
    return Once(returning.take_back, (office.viewer(LIAONING.own_head), done), office.at, (NotTakenBack,))


@scene("save a draft", drafts.save_draft)
def _save(office: Office) -> Act:
    hand = _reviewed(office).task("adm_u2").by(LIAONING.reviewer)
    saved = (hand.viewer.person_id, f"task:{hand.task}", {"typed": {"opinion": ["还没写完"]}}, None)
    return Once(drafts.save_draft, saved, office.at, (DraftConflict,))


@scene("discard a draft", drafts.discard_draft)
def _discard(office: Office) -> Act:
    hand = _reviewed(office).task("adm_u2").by(LIAONING.reviewer)
    subject = (hand.viewer.person_id, f"task:{hand.task}")
    drafts.save_draft(office.db, *subject, {"typed": {"opinion": ["还没写完"]}}, None, at=office.at)
    return Once(drafts.discard_draft, subject)


# --- what the machine cannot carry out ------------------------------------------------------------------------------


@scene("submit fails", incidents.raise_)
def _submit_fails(office: Office) -> Act:
    act = _submit(office)
    assert isinstance(act, Start)
    return Failing(act, "start")


@scene("decide fails", incidents.raise_, incidents.watching)
def _decide_fails(office: Office) -> Act:
    """The order of a completion fails after its rows are written."""
    act = decide(office)
    assert isinstance(act, Complete)
    return Failing(act, ORDER)


@scene("lapse fails", incidents.raise_)
def _lapse_fails(office: Office) -> Act:
    """The end of a period fails; the reminder of another case is sent all the same."""
    act = lapse(office)
    assert isinstance(act, Fire)
    return Failing(act, "fire")


@scene("delivery fails", incidents.raise_)
def _delivery_fails(office: Office) -> Act:
    act = _withdraw(office)
    assert isinstance(act, Followed)
    return Failing(act, "deliver")


def _failed(office: Office, what: str, act: Callable[[], object]) -> str:
    """Number of the incident of an act that the machine fails on."""
    with pytest.MonkeyPatch.context() as patch:
        if what in orders.ORDERS:
            patch.setitem(orders.ORDERS, what, _fails)
        else:
            patch.setattr(engine, what, _fails)
        with contextlib.suppress(CaseFailed, StartFailed):
            act()
    with office.db.read() as session:
        return session.execute(select(Incident.number)).scalar_one()


def _retried(office: Office, number: str) -> Act:
    return Followed(Once(retries.retry, (SETTING_UP, number), office.at, (IncidentOver,)), office.at)


@scene("retry", retries.retry, incidents.end)
def _retry(office: Office) -> Act:
    """A completion whose order failed once, tried again."""
    hand = _reviewed(office).task("adm_u2").by(LIAONING.reviewer)
    return _retried(office, _failed(office, ORDER, hand.qualifies))


@scene("retry a start", retries.retry)
def _retry_start(office: Office) -> Act:
    applicant = office.applicant(LIAONING.own_school)
    return _retried(office, _failed(office, "start", applicant.applies))


@scene("retry a timer", retries.retry, timers.fire, instances.wake, instances.woken)
def _retry_timer(office: Office) -> Act:
    case = _reviewed(office).is_returned("phone")
    due = _due(case, "adm_u3")
    number = _failed(office, "fire", lambda: timers.fire_due(office.db, at=due))
    office.at = due
    return _retried(office, number)


@scene("retry a delivery", retries.retry, deliveries.deliver)
def _retry_delivery(office: Office) -> Act:
    case = _desk(office).project(LIAONING.own_school)
    sender = office.viewer(LIAONING.reviewer)
    number = _failed(office, "deliver", lambda: deliveries.send_message(
        office.db, sender, "撤回", case.number, {}, origin="甲", at=office.at
    ))  # fmt: skip
    return _retried(office, number)


@scene("retry in vain", incidents.failed_again)
def _retry_in_vain(office: Office) -> Act:
    """A beat tries again what fails again."""
    hand = _reviewed(office).task("adm_u2").by(LIAONING.reviewer)
    number = _failed(office, ORDER, hand.qualifies)
    assert number
    due = office.at + timedelta(minutes=1)
    return Failing(Retries(due, due + timedelta(minutes=5)), ORDER)


@scene("retries", retries.retry_due, incidents.take)
def _retries(office: Office) -> Act:
    """A beat tries again what failed."""
    hand = _reviewed(office).task("adm_u2").by(LIAONING.reviewer)
    _failed(office, ORDER, hand.qualifies)
    due = office.at + timedelta(minutes=1)
    return Retries(due, due + timedelta(minutes=5))


@scene("dismiss", incidents.dismiss)
def _dismiss(office: Office) -> Act:
    hand = _reviewed(office).task("adm_u2").by(LIAONING.reviewer)
    number = _failed(office, ORDER, hand.qualifies)
    admin = office.viewer("ln.admin")
    return Once(incidents.dismiss, (admin, number, WHY), office.at, (IncidentOver,))


# --- jobs -----------------------------------------------------------------------------------------------------------


@scene("request", bulk.request, jobs.enqueue)
def _request(office: Office) -> Act:
    annual.deploy(office)
    annual.people(office, 2)
    return Once(bulk.request, (SETTING_UP, annual.EVERYBODY), office.at, more={"key": "一次"})


@scene("stop", jobs.stop)
def _stop(office: Office) -> Act:
    annual.deploy(office)
    annual.people(office, 2)
    number = annual.request(office)
    return Once(jobs.stop, (SETTING_UP, number), office.at, (JobOver,))
