"""Verbs on a whole case: what each does to it, who may, what is refused by name, and who comes first when two act at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.factories import SETTING_UP
from tests.office import Case, Office, Place
from tests.workflows.test_races import ORDERS, race
from tests.workflows.test_verbs import recorded
from webapp import composition
from workflows import control, deployment, drafts, instances, policies, timers
from workflows.audit import ActorKind, Kind
from workflows.db import Database
from workflows.engine.errors import MigrationRefused
from workflows.engine.rest import variables
from workflows.errors import (
    Forbidden,
    InstanceEnded,
    InstanceMoved,
    InstanceNotSuspended,
    InstanceSuspended,
    NotFound,
    NotWithdrawable,
    OwnCase,
    ReasonNeeded,
    TaskNotOpen,
    WithdrawnTooLate,
)
from workflows.models import Timer
from workflows.transitions import Moved

WHY = "情况核实期间暂不办理"
ADMIN = "ln.admin"


@pytest.fixture
def case(office: Office, liaoning: Place) -> Case:
    """A case that waits for review."""
    return office.applicant(liaoning.own_school).applies().is_recommended()


def _stream(case: Case) -> str:
    return f"instance:{case.number}"


def _waiting(case: Case) -> list[Timer]:
    """The timers of a case that have not fired."""
    with case.office.db.read() as session:
        query = select(Timer).where(Timer.instance_id == case.row().id, Timer.fired_at.is_(None)).order_by(Timer.id)
        return list(session.execute(query).scalars())


def _deployed(office: Office, root: Path, *changes: tuple[str, str]) -> None:
    """Deploy the admission's diagram with some of its text replaced."""
    tree = deployment.read_tree(root)
    path = "bpmn/admission/admission.bpmn"
    for old, new in changes:
        assert old.encode() in tree[path]
        tree[path] = tree[path].replace(old.encode(), new.encode())
    deployment.deploy(office.db, SETTING_UP, tree, composition.check_form, at=office.at)


# --- suspend and resume ---------------------------------------------------------------------------------------------


def test_a_suspended_case_stands_still_and_its_deadlines_go_on_where_they_stopped(
    office: Office, liaoning: Place, case: Case
) -> None:
    waiting = case.task("adm_u2")
    due, opened = waiting.row().due_at, waiting.row().opened_at
    hand = waiting.by(liaoning.reviewer)
    filled = hand.fills(hand.conclusion("合格"))
    office.days_pass(2)
    with recorded(office, (_stream(case), Kind.INSTANCE_SUSPENDED)):
        control.suspend(office.db, office.viewer(liaoning.bureau_head), case.number, WHY, at=office.at)
    assert (case.row().status, waiting.row().status) == ("suspended", "suspended")
    assert {timer.held for timer in _waiting(case)} == {True}
    with recorded(office), pytest.raises(InstanceSuspended):
        hand.sends(filled)
    office.days_pass(10)
    assert timers.fire_due(office.db, at=office.at) == 0
    with recorded(office, (_stream(case), Kind.INSTANCE_RESUMED)):
        control.resume(office.db, office.viewer(liaoning.bureau_head), case.number, at=office.at)
    row = waiting.row()
    calendar = office.pack("liaoning").calendar
    assert row.due_at == policies.add_working_days(office.at, 5 - 2, calendar).at != due
    assert len(row.due_days or ()) == 5
    own = [timer for timer in _waiting(case) if timer.task_id == row.id]
    assert [timer.due_at for timer in own if timer.kind == "overdue"] == [row.due_at]
    pending = {timer.due_at for timer in own if timer.kind == "reminder"}
    assert pending == {moment for moment in policies.reminders(opened, row.due_at, calendar) if moment > office.at}
    assert {timer.held for timer in _waiting(case)} == {False}
    resumed = office.payload(case.events(Kind.INSTANCE_RESUMED)[0])
    assert [(one["step"], one["task"]) for one in resumed["deadlines"]] == [("adm_u2", waiting.number)]
    hand.sends(filled)
    case.is_qualified()
    told = [kind for kind, _ in case.told("吴立新")]
    assert told.count("case_suspended") == told.count("case_resumed") == 1


def test_a_period_of_the_applicant_does_not_run_out_while_the_case_is_suspended(
    office: Office, liaoning: Place, case: Case
) -> None:
    case.is_returned("phone")
    head = office.viewer(liaoning.bureau_head)
    control.suspend(office.db, head, case.number, WHY, at=office.at)
    office.days_pass(20)
    control.resume(office.db, head, case.number, at=office.at)
    office.days_pass(4)
    case.waits_at("adm_u3")
    case.task("adm_u3").by_applicant().corrects(phone="13900000009")
    case.waits_at("adm_u2")


def test_resumed_on_the_same_day_nothing_moves(office: Office, liaoning: Place, case: Case) -> None:
    head, before = office.viewer(liaoning.bureau_head), [(one.kind, one.due_at) for one in _waiting(case)]
    control.suspend(office.db, head, case.number, WHY, at=office.at)
    control.resume(office.db, head, case.number, at=office.at + timedelta(hours=2))
    assert [(one.kind, one.due_at) for one in _waiting(case)] == before
    assert office.payload(case.events(Kind.INSTANCE_RESUMED)[0])["deadlines"] == []


def test_who_may_hold_a_case_and_who_may_not(office: Office, liaoning: Place, case: Case) -> None:
    with pytest.raises(OwnCase):
        control.suspend(office.db, case.applicant.viewer, case.number, WHY, at=office.at)
    with pytest.raises(Forbidden):
        control.suspend(office.db, office.viewer(liaoning.reviewer), case.number, WHY, at=office.at)
    with pytest.raises(NotFound):
        control.suspend(office.db, office.viewer("nn.head"), case.number, WHY, at=office.at)
    with pytest.raises(NotFound):
        control.suspend(office.db, office.viewer(ADMIN), "LN-2026-99999", WHY, at=office.at)
    with pytest.raises(ReasonNeeded):
        control.suspend(office.db, office.viewer(ADMIN), case.number, " 核实 ", at=office.at)
    with pytest.raises(InstanceNotSuspended):
        control.resume(office.db, office.viewer(ADMIN), case.number, at=office.at)
    assert case.row().status == "running" and not case.events(Kind.INSTANCE_SUSPENDED)
    control.suspend(office.db, office.viewer(ADMIN), case.number, WHY, at=office.at)
    with pytest.raises(InstanceSuspended):
        control.suspend(office.db, SETTING_UP, case.number, WHY, at=office.at)
    [held] = case.events(Kind.INSTANCE_SUSPENDED)
    assert (held.actor_kind, held.actor_role) == (ActorKind.ADMINISTRATOR, "system_admin")
    assert office.payload(held)["words"] == WHY
    with office.db.read() as session:
        assert control.permitted(session, office.viewer(ADMIN), case.number, office.at) == ("resume", "cancel")
        assert control.permitted(session, office.viewer(liaoning.reviewer), case.number, office.at) == ()


# --- cancel ---------------------------------------------------------------------------------------------------------


def test_a_cancelled_case_is_over_and_everybody_concerned_is_told(office: Office, liaoning: Place, case: Case) -> None:
    waiting = case.task("adm_u2")
    with recorded(office, (_stream(case), Kind.INSTANCE_CANCELLED)):
        control.cancel(office.db, office.viewer(liaoning.bureau_head), case.number, WHY, at=office.at)
    row = case.row()
    assert (row.status, row.outcome, row.ended_at) == ("cancelled", None, office.at)
    assert waiting.row().status == "cancelled" and not _waiting(case)
    [done] = case.events(Kind.INSTANCE_CANCELLED)
    assert (done.actor_role, done.actor_org) == ("bureau_head", "ln-sy")
    assert case.told("林书豪")[-1] == ("case_cancelled", {"title": row.title, "number": row.number, "reason": WHY})
    assert case.told("吴立新")[-1][0] == "case_cancelled"
    for act in (
        lambda: control.cancel(office.db, SETTING_UP, case.number, WHY, at=office.at),
        lambda: control.suspend(office.db, SETTING_UP, case.number, WHY, at=office.at),
        lambda: control.resume(office.db, SETTING_UP, case.number, at=office.at),
        lambda: control.withdraw(office.db, case.applicant.viewer, case.number, WHY, at=office.at),
    ):
        with recorded(office), pytest.raises(InstanceEnded):
            act()
    # Another application of the same person in the round is possible again.
    assert case.applicant.applies().number != case.number


def test_a_suspended_case_can_be_cancelled(office: Office, case: Case) -> None:
    control.suspend(office.db, SETTING_UP, case.number, WHY, at=office.at)
    control.cancel(office.db, SETTING_UP, case.number, WHY, at=office.at)
    assert case.row().status == "cancelled" and not _waiting(case)


# --- withdraw -------------------------------------------------------------------------------------------------------


#: A process that says until when its cases can be withdrawn, and draws nothing for it.
WITHDRAWAL = (
    '<zeebe:property name="jiaoyan:withdraw" value="撤回申请" /><zeebe:property name="jiaoyan:withdraw-until" value="adm_u9" />'
)
UNTIL = (WITHDRAWAL, '<zeebe:property name="jiaoyan:withdraw-until" value="adm_u2" />')
#: One that says nothing.
NEVER = (WITHDRAWAL, "")


@pytest.mark.parametrize("step", ["adm_u1", "adm_u3", "adm_u5"])
def test_withdrawn_by_the_message_that_the_diagram_waits_for(office: Office, liaoning: Place, step: str) -> None:
    case = office.applicant(liaoning.own_school).applies()
    if step != "adm_u1":
        case.is_recommended()
        case.is_returned("phone") if step == "adm_u3" else case.is_refused()
    case.waits_at(step)
    with recorded(office, (_stream(case), Kind.INSTANCE_WITHDRAWN)):
        control.withdraw(office.db, case.applicant.viewer, case.number, "本人工作安排有变", at=office.at)
    assert (case.row().status, case.row().outcome) == ("withdrawn", "adm_x6")
    assert not [one for one in _waiting(case) if one.kind == "engine"]
    told = [kind for kind, _ in case.told("林书豪")]
    assert told.count("case_withdrawn") == 1 and case.told("褚明远" if step == "adm_u1" else "林书豪")[-1][0] == "case_withdrawn"
    assert office.payload(case.events(Kind.INSTANCE_WITHDRAWN)[0])["words"] == "本人工作安排有变"


def test_withdrawn_where_the_process_says_until_when(office: Office, liaoning: Place, root: Path) -> None:
    _deployed(office, root, UNTIL)
    case = office.applicant(liaoning.own_school).applies()
    with office.db.read() as session:
        assert control.permitted(session, case.applicant.viewer, case.number, office.at) == ("withdraw",)
    with pytest.raises(NotFound):
        control.withdraw(office.db, office.viewer(liaoning.own_head), case.number, WHY, at=office.at)
    with recorded(office, (_stream(case), Kind.INSTANCE_WITHDRAWN)):
        control.withdraw(office.db, case.applicant.viewer, case.number, "本人工作安排有变", at=office.at)
    assert (case.row().status, _waiting(case)) == ("withdrawn", [])
    assert case.events(Kind.INSTANCE_WITHDRAWN)[0].actor == case.applicant.viewer.number
    assert case.told("林书豪")[-1][0] == "case_withdrawn"


def test_a_process_that_says_nothing_of_it_has_no_withdrawal(office: Office, liaoning: Place, root: Path) -> None:
    _deployed(office, root, NEVER)
    case = office.applicant(liaoning.own_school).applies()
    with recorded(office), pytest.raises(NotWithdrawable) as refused:
        control.withdraw(office.db, case.applicant.viewer, case.number, WHY, at=office.at)
    assert refused.value.params == {"process": "教研员申报"}
    with office.db.read() as session:
        assert control.permitted(session, case.applicant.viewer, case.number, office.at) == ()


def test_withdrawn_too_late(office: Office, liaoning: Place, root: Path) -> None:
    _deployed(office, root, UNTIL)
    case = office.applicant(liaoning.own_school).applies().is_recommended()
    with recorded(office), pytest.raises(WithdrawnTooLate) as late:
        control.withdraw(office.db, case.applicant.viewer, case.number, WHY, at=office.at)
    assert late.value.params["step"] == "资格审查"
    control.suspend(office.db, SETTING_UP, case.number, WHY, at=office.at)
    with pytest.raises(InstanceSuspended):
        control.withdraw(office.db, case.applicant.viewer, case.number, WHY, at=office.at)


# --- rewind ---------------------------------------------------------------------------------------------------------


def test_a_case_goes_back_to_an_earlier_step_and_is_reviewed_anew(office: Office, liaoning: Place, case: Case) -> None:
    first = case.task("adm_u2")
    case.is_refused()
    case.waits_at("adm_u5")
    with office.db.read() as session:
        steps = [one.step_id for one in control.earlier(session, case.number)]
    assert steps == ["adm_u2", "adm_u1"]
    with recorded(office, (_stream(case), Kind.INSTANCE_REWOUND)):
        moved = control.rewind(
            office.db, office.viewer(liaoning.bureau_head), case.number, first.number, WHY, at=office.at
        )
    assert [one.step_id for one in moved.next] == ["adm_u2"]
    case.waits_at("adm_u2")
    again = case.task("adm_u2")
    assert again.number != first.number and first.row().status == "done"
    assert "qualification_review" not in variables(case.row().state)
    # Whoever recommended it reviews it neither now nor then: 3.0.2 holds over the way back.
    assert [one["number"] for one in again.row().explanation["excluded"]][1:] == [office.viewer(liaoning.own_head).number]
    case.task("adm_u2").by(liaoning.second_reviewer).qualifies()
    case.is_qualified()


def test_what_cannot_be_rewound_is_refused_by_name(office: Office, liaoning: Place, case: Case) -> None:
    waiting, head = case.task("adm_u2"), office.viewer(liaoning.bureau_head)
    with recorded(office), pytest.raises(NotFound):  # it is not done
        control.rewind(office.db, head, case.number, waiting.number, WHY, at=office.at)
    other = office.applicant(liaoning.own_school, name="高雨桐").applies().is_recommended()
    done = next(task for task in other.tasks() if task.status == "done")
    with recorded(office), pytest.raises(NotFound):  # it is another case's
        control.rewind(office.db, head, case.number, done.number, WHY, at=office.at)
    own = next(task for task in case.tasks() if task.status == "done")
    with recorded(office), pytest.raises(Forbidden):
        control.rewind(office.db, office.viewer(liaoning.reviewer), case.number, own.number, WHY, at=office.at)
    control.suspend(office.db, head, case.number, WHY, at=office.at)
    with recorded(office), pytest.raises(InstanceSuspended):
        control.rewind(office.db, head, case.number, own.number, WHY, at=office.at)


# --- migrate --------------------------------------------------------------------------------------------------------


REVIEW = ('=due("adm_u2")', "=working days(10)"), ('name="资格审查"', 'name="资格审核"')


def _newest(office: Office) -> str:
    with office.db.read() as session:
        return deployment.newest(session, "admission")


def test_a_case_goes_on_by_a_newer_version_and_its_draft_stays(
    office: Office, liaoning: Place, case: Case, root: Path
) -> None:
    waiting, hand = case.task("adm_u2"), case.task("adm_u2").by(liaoning.reviewer)
    draft = drafts.save_draft(office.db, hand.viewer.person_id, f"task:{waiting.number}", {"opinion": "拟"}, None, at=office.at)
    old, before = case.row().definition, waiting.row()
    _deployed(office, root, *REVIEW)
    target = _newest(office)
    office.days_pass(1)
    with recorded(office), office.db.read() as session:
        assert control.movable(session, "admission", target) == [case.number]
        [planned] = control.plan(session, office.viewer(ADMIN), [case.number], target, {}, at=office.at)
    assert planned.problems == () and planned.version == 1
    assert planned.changes == (control.Change("资格审查", "资格审核", ("名称", "办理期限")),)
    with recorded(office), pytest.raises(Forbidden):
        control.migrate(office.db, office.viewer(liaoning.bureau_head), case.number, target, {}, at=office.at)
    with recorded(office, (_stream(case), Kind.INSTANCE_MIGRATED)):
        control.migrate(office.db, office.viewer(ADMIN), case.number, target, {}, at=office.at)
    row, after = case.row(), waiting.row()
    assert (row.definition, row.status) == (target, "running")
    assert (after.name, after.status, after.number) == ("资格审核", "open", before.number)
    assert before.due_at is not None and after.due_at is not None and after.due_at > before.due_at
    assert {timer.due_at for timer in _waiting(case) if timer.task_id == after.id and timer.kind == "overdue"} == {after.due_at}
    request = hand.request()
    assert request.draft == draft and request.step_name == "资格审核"
    [event] = case.events(Kind.INSTANCE_MIGRATED)
    assert (event.definition, office.payload(event)["from"]) == (target, old)
    with office.db.read() as session:
        assert control.movable(session, "admission", target) == []
    hand.refuses()
    # What was done before the migration can still be gone back to.
    control.rewind(office.db, SETTING_UP, case.number, waiting.number, WHY, at=office.at)
    case.task("adm_u2").by(liaoning.second_reviewer).qualifies()
    case.is_qualified()


#: Another id for a step; its period is still that of the pack.
RENAMED = (
    ('"adm_u2"', '"adm_review"'), ("<bpmn:flowNodeRef>adm_u2<", "<bpmn:flowNodeRef>adm_review<"),
    ('=due("adm_review")', '=due("adm_u2")'),
)  # fmt: skip


def test_a_step_with_another_id_is_found_only_where_the_plan_says_so(
    office: Office, liaoning: Place, case: Case, root: Path
) -> None:
    refused = office.applicant(liaoning.own_school, name="高雨桐").applies().is_recommended().is_refused()
    _deployed(office, root, *RENAMED)
    target = _newest(office)
    control.migrate(office.db, SETTING_UP, refused.number, target, {"adm_u2": "adm_review"}, at=office.at)
    done = next(task.number for task in refused.tasks() if task.step_id == "adm_u2")
    # What was done under the old id can be gone back to under the new one.
    control.rewind(office.db, SETTING_UP, refused.number, done, WHY, at=office.at)
    refused.waits_at("adm_review")
    with office.db.read() as session:
        [planned] = control.plan(session, SETTING_UP, [case.number], target, {}, at=office.at)
    assert [element for element, _ in planned.problems] == ["adm_u2"]
    with recorded(office), pytest.raises(MigrationRefused):
        control.migrate(office.db, SETTING_UP, case.number, target, {}, at=office.at)
    control.migrate(office.db, SETTING_UP, case.number, target, {"adm_u2": "adm_review"}, at=office.at)
    case.waits_at("adm_review")
    assert {timer.step_id for timer in _waiting(case) if timer.task_id == case.task("adm_review").row().id} == {"adm_review"}
    case.task("adm_review").by(liaoning.reviewer).qualifies()
    case.is_qualified()


def test_many_are_taken_by_a_job_and_those_that_stay_are_named(
    office: Office, liaoning: Place, case: Case, root: Path
) -> None:
    others = [office.applicant(liaoning.own_school, name=name).applies() for name in ("高雨桐", "王一诺")]
    control.suspend(office.db, SETTING_UP, others[0].number, WHY, at=office.at)
    _deployed(office, root, *REVIEW)
    target, said = _newest(office), list[tuple[object, ...]]()
    params = control.request_of(office.viewer(ADMIN), "admission", target, {})
    control.migrate_all(
        office.db, params, {}, lambda _, done, total, *more, **cursor: said.append((done, total, *more)), lambda: office.at
    )
    assert [one.row().definition == target for one in (case, *others)] == [True, False, True]
    assert said[-1][0] == said[-1][1] == 3
    assert said[-1][3] == {"moved": 2, "stayed": 1, "cases": others[0].number}
    assert case.events(Kind.INSTANCE_MIGRATED)[0].actor == office.viewer(ADMIN).number


@pytest.mark.parametrize("order", ORDERS)
def test_migrated_while_somebody_decides(office: Office, liaoning: Place, case: Case, root: Path, order: str) -> None:
    _deployed(office, root, *REVIEW)
    target = _newest(office)
    decided, moved = _two(office, liaoning, case, lambda db: control.migrate(db, SETTING_UP, case.number, target, {}, at=office.at), order)
    assert [isinstance(decided, Moved), moved is None].count(True) == 1
    assert isinstance(moved, InstanceMoved) or isinstance(decided, InstanceMoved)
    assert (case.row().definition == target) == (moved is None)


# --- two at once ----------------------------------------------------------------------------------------------------


def _two(
    office: Office, liaoning: Place, case: Case, act: Callable[[Database], object], order: str
) -> tuple[object, object]:
    """A reviewer decides while somebody acts on the whole case."""
    hand = case.task("adm_u2").by(liaoning.reviewer)
    filled, viewer = hand.fills(hand.conclusion("退回补正", "phone")), hand.viewer
    results = race(
        office, lambda db: instances.complete_task(db, viewer, hand.task, filled, at=office.at), act, order=order
    )
    return results[0], results[1]


@pytest.mark.parametrize("order", ORDERS)
def test_suspended_while_somebody_decides(office: Office, liaoning: Place, case: Case, order: str) -> None:
    before = len(case.events())
    decided, held = _two(office, liaoning, case, lambda db: control.suspend(db, SETTING_UP, case.number, WHY, at=office.at), order)
    assert held is None and case.row().status == "suspended"
    if isinstance(decided, Moved):
        assert order != "second" and len(case.events()) == before + 2
        assert [task.step_id for task in case.tasks() if task.status == "suspended"] == ["adm_u3"]
    else:
        assert isinstance(decided, InstanceSuspended) and order != "first" and len(case.events()) == before + 1
        assert [task.step_id for task in case.tasks() if task.status == "suspended"] == ["adm_u2"]
    assert {timer.held for timer in _waiting(case)} == {True}
    control.resume(office.db, SETTING_UP, case.number, at=office.at)


@pytest.mark.parametrize("order", ORDERS)
def test_cancelled_while_somebody_decides(office: Office, liaoning: Place, case: Case, order: str) -> None:
    before = len(case.events())
    decided, ended = _two(office, liaoning, case, lambda db: control.cancel(db, SETTING_UP, case.number, WHY, at=office.at), order)
    assert ended is None and case.row().status == "cancelled"
    assert not _waiting(case) and not [task for task in case.tasks() if task.status == "open"]
    if isinstance(decided, Moved):
        assert order != "second" and len(case.events()) == before + 2
    else:
        assert isinstance(decided, TaskNotOpen) and order != "first" and len(case.events()) == before + 1


@pytest.mark.parametrize("order", ORDERS)
def test_withdrawn_while_the_unit_recommends(office: Office, liaoning: Place, root: Path, order: str) -> None:
    """The recommendation takes the case to where it cannot be withdrawn any more: only one of the two is done."""
    _deployed(office, root, UNTIL)
    case = office.applicant(liaoning.own_school).applies()
    hand = case.task("adm_u1").by(liaoning.own_head)
    filled, viewer, applicant = hand.fills(hand.recommendation()), hand.viewer, case.applicant.viewer
    decided, withdrawn = race(
        office,
        lambda db: instances.complete_task(db, viewer, hand.task, filled, at=office.at),
        lambda db: control.withdraw(db, applicant, case.number, WHY, at=office.at),
        order=order,
    )
    if isinstance(decided, Moved):
        assert order != "second" and isinstance(withdrawn, InstanceMoved)
        case.waits_at("adm_u2")
    else:
        assert order != "first" and withdrawn is None and isinstance(decided, TaskNotOpen)
        assert case.row().status == "withdrawn"


@pytest.mark.parametrize("order", ORDERS)
def test_withdrawn_while_somebody_decides(office: Office, liaoning: Place, case: Case, order: str) -> None:
    """Both move the case through its diagram: one of them does, the other is told to look again."""
    applicant = case.applicant.viewer
    decided, withdrawn = _two(
        office, liaoning, case, lambda db: control.withdraw(db, applicant, case.number, WHY, at=office.at), order
    )
    if isinstance(decided, Moved):
        assert order != "second" and isinstance(withdrawn, InstanceMoved)
        case.waits_at("adm_u3")
    else:
        assert order != "first" and withdrawn is None and isinstance(decided, TaskNotOpen)
        assert case.row().status == "withdrawn"


@pytest.mark.parametrize("order", ORDERS)
def test_taken_back_by_two_at_once(office: Office, liaoning: Place, case: Case, order: str) -> None:
    task = next(one for one in case.tasks() if one.step_id == "adm_u1").number
    results = race(
        office,
        *(lambda db: control.rewind(db, SETTING_UP, case.number, task, WHY, at=office.at) for _ in range(2)),
        order=order,
    )
    assert sorted(type(one).__name__ for one in results) == ["InstanceMoved", "Moved"]
    case.waits_at("adm_u1")
    assert len(case.events(Kind.INSTANCE_REWOUND)) == 1
