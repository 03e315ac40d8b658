"""Two acts at once, at chosen interleavings: exactly one wins, and the loser leaves no trace in the case (T3).

Each act has a database of its own, as two processes would. ``race`` lets all of them read before any of them writes,
and then lets them write one after the other, or together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.factories import SETTING_UP
from tests.office import Case, Hand, Office, Place
from webapp import composition
from workflows import assignments, deployment, drafts, instances, timers
from workflows.audit import Kind
from workflows.db import Database
from workflows.errors import (
    DraftConflict,
    DuplicateCase,
    HeldByAnother,
    InstanceMoved,
    NobodyFits,
    Refusal,
    TaskAlreadyDone,
    TaskNotOpen,
)
from workflows.models import Instance, Notice, Task, Timer
from workflows.models import Submission as SubmissionRow
from workflows.submission import Submission
from workflows.transitions import Moved

#: What an act of a race gave: its answer, or what it raised.
Result = Any
ORDERS = ("first", "second", "together")


class Gate:
    """Holds every writer until all have come; then lets them through together or in a given order."""

    def __init__(self, count: int, order: Sequence[int] | None) -> None:
        self.all_here, self.order = threading.Barrier(count, timeout=30), order
        self.passed = [threading.Event() for _ in range(count)]

    def enter(self, number: int) -> None:
        self.all_here.wait()
        if self.order is not None and (place := self.order.index(number)):
            assert self.passed[self.order[place - 1]].wait(30), "whoever went first never came back"

    def leave(self, number: int) -> None:
        self.passed[number].set()


class GatedDatabase(Database):
    """A database whose first write transaction waits at the gate: everybody has read by then."""

    def __init__(self, url: str, gate: Gate, number: int) -> None:
        super().__init__(url, synchronous="NORMAL")
        self.gate, self.number, self.came = gate, number, False

    @contextmanager
    def write(self) -> Iterator[Session]:
        if not self.came:
            self.came = True
            self.gate.enter(self.number)
        with super().write() as session:
            yield session
            if self.gate.order is None:
                time.sleep(0.05)  # the others are to meet the open transaction, not only its result


def race(office: Office, *acts: Callable[[Database], Result], order: str = "together") -> list[Result]:
    """Run the acts at once; returns what each gave, refusals as values. Anything else that is raised fails the test."""
    turns = {"together": None, "first": range(len(acts)), "second": range(len(acts))[::-1]}[order]
    gate = Gate(len(acts), turns)
    url = office.db.url.render_as_string(hide_password=False)

    def run(number: int) -> Result:
        db = GatedDatabase(url, gate, number)
        try:
            return acts[number](db)
        except Refusal as refusal:
            return refusal
        finally:
            gate.leave(number)
            db.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, range(len(acts))))


def _won(results: Sequence[Result]) -> int:
    """Index of the one act that was done."""
    [winner] = [number for number, result in enumerate(results) if isinstance(result, Moved)]
    return winner


def _sends(hand: Hand, conclusion: str) -> Callable[[Database], Result]:
    filled, viewer, at = hand.fills(hand.conclusion(conclusion)), hand.viewer, hand.case.office.at
    return lambda db: instances.complete_task(db, viewer, hand.task, filled, at=at)


def _count(office: Office, what: Any, *where: Any) -> int:
    with office.db.read() as session:
        return session.execute(select(func.count()).select_from(what).where(*where)).scalar_one()


@pytest.fixture
def case(office: Office, liaoning: Place) -> Case:
    """A case that waits for review by either of two people."""
    return office.applicant(liaoning.own_school).applies().is_recommended()


# --- two decisions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
def test_two_reviewers_decide_at_once(office: Office, liaoning: Place, case: Case, order: str) -> None:
    waiting = case.task("adm_u2")
    hands = [waiting.by(liaoning.reviewer), waiting.by(liaoning.second_reviewer)]
    before = len(case.events())
    results = race(office, _sends(hands[0], "合格"), _sends(hands[1], "不合格"), order=order)
    winner = _won(results)
    if order != "together":
        assert winner == ORDERS.index(order)
    lost = results[1 - winner]
    assert isinstance(lost, TaskAlreadyDone) and lost.params["name"] == hands[winner].viewer.name
    assert len(case.events()) == before + 1
    assert case.events()[-1].actor == hands[winner].viewer.number
    assert _count(office, SubmissionRow, SubmissionRow.by_id == hands[1 - winner].viewer.person_id) == 0
    assert office.events(f"person:{hands[1 - winner].viewer.number}")[-1].kind != Kind.TASK_COMPLETED
    if winner == 0:
        case.is_qualified()
    else:
        case.waits_at("adm_u5")


@pytest.mark.parametrize("order", ORDERS)
def test_a_correction_meets_the_end_of_its_period(office: Office, case: Case, order: str) -> None:
    case.is_returned("phone")
    waiting = case.task("adm_u3")
    hand = waiting.by_applicant()
    filled, viewer = hand.fills(lambda folder, had: {"phone": "13900000009"}), hand.viewer
    with office.db.read() as session:
        timer = session.execute(
            select(Timer).where(Timer.kind == "engine", Timer.step_id == "adm_u3_t", Timer.fired_at.is_(None))
        ).scalar_one()
    at = timer.due_at
    results = race(
        office,
        lambda db: instances.complete_task(db, viewer, waiting.number, filled, at=at),
        lambda db: instances.wake(db, timer.id, at=at),
        order=order,
    )
    winner = _won(results)
    if order != "together":
        assert winner == ORDERS.index(order)
    if winner == 0:
        assert results[1] is None
        case.waits_at("adm_u2")
    else:
        assert isinstance(results[0], TaskNotOpen)
        case.ended("adm_x2")
        assert _count(office, SubmissionRow, SubmissionRow.token == filled.token) == 0
    with office.db.read() as session:
        assert session.get_one(Timer, timer.id).result == ("cancelled" if winner == 0 else "fired")


def test_two_first_admission_numbers_of_a_round_are_given_out_at_once(office: Office, liaoning: Place) -> None:
    cases = [
        office.applicant(liaoning.own_school, name=name).applies().is_recommended() for name in ("林书豪", "高雨桐")
    ]
    hands = [
        cases[0].task("adm_u2").by(liaoning.reviewer),
        cases[1].task("adm_u2").by(liaoning.second_reviewer),
    ]
    results = race(office, *(_sends(hand, "合格") for hand in hands))
    assert [type(result) for result in results] == [Moved, Moved]
    assert sorted(str(case.row().facts["admission_no"])[-4:] for case in cases) == ["0001", "0002"]


#: Two people work on one case at the same time, each at their own step.
BRANCHES = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="urn:jiaoyan:bpmn"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0">
  <bpmn:process id="branches" name="两处并行" isExecutable="true">
    <bpmn:startEvent id="s" name="开始"><bpmn:extensionElements>
      <zeebe:formDefinition formId="admission.reconsideration" /></bpmn:extensionElements>
      <bpmn:outgoing>f1</bpmn:outgoing></bpmn:startEvent>
    <bpmn:parallelGateway id="split"><bpmn:incoming>f1</bpmn:incoming>
      <bpmn:outgoing>f2</bpmn:outgoing><bpmn:outgoing>f3</bpmn:outgoing></bpmn:parallelGateway>
    <bpmn:userTask id="left" name="左"><bpmn:extensionElements>
      <zeebe:formDefinition formId="admission.reconsideration" />
      <zeebe:assignmentDefinition candidateGroups='=role("bureau_hr")' /></bpmn:extensionElements>
      <bpmn:incoming>f2</bpmn:incoming><bpmn:outgoing>f4</bpmn:outgoing></bpmn:userTask>
    <bpmn:userTask id="right" name="右"><bpmn:extensionElements>
      <zeebe:formDefinition formId="admission.reconsideration" />
      <zeebe:assignmentDefinition candidateGroups='=role("bureau_hr")' /></bpmn:extensionElements>
      <bpmn:incoming>f3</bpmn:incoming><bpmn:outgoing>f5</bpmn:outgoing></bpmn:userTask>
    <bpmn:parallelGateway id="join"><bpmn:incoming>f4</bpmn:incoming><bpmn:incoming>f5</bpmn:incoming>
      <bpmn:outgoing>f6</bpmn:outgoing></bpmn:parallelGateway>
    <bpmn:endEvent id="e" name="结束"><bpmn:incoming>f6</bpmn:incoming></bpmn:endEvent>
    <bpmn:sequenceFlow id="f1" sourceRef="s" targetRef="split" />
    <bpmn:sequenceFlow id="f2" sourceRef="split" targetRef="left" />
    <bpmn:sequenceFlow id="f3" sourceRef="split" targetRef="right" />
    <bpmn:sequenceFlow id="f4" sourceRef="left" targetRef="join" />
    <bpmn:sequenceFlow id="f5" sourceRef="right" targetRef="join" />
    <bpmn:sequenceFlow id="f6" sourceRef="join" targetRef="e" />
  </bpmn:process>
</bpmn:definitions>"""


@pytest.mark.parametrize("order", ORDERS)
def test_two_branches_of_one_case_move_at_once_and_neither_is_lost(
    office: Office, liaoning: Place, root: Path, order: str
) -> None:
    """Each has a task of its own, so only the version of the case tells that the other moved it (trust.md, fact 6)."""
    tree = {**deployment.read_tree(root), "bpmn/branches/branches.bpmn": BRANCHES.encode()}
    deployment.deploy(office.db, SETTING_UP, tree, composition.check_form, at=office.at)
    applicant = office.applicant(liaoning.own_school)
    paper = Submission("admission.reconsideration", {"apply": "不申请"}, "token-of-the-start")
    started = instances.start(office.db, applicant.viewer, "branches", office.round("liaoning"), paper, at=office.at)
    case = Case(office, applicant, started.instance_number)
    case.waits_at("left", "right")
    acts = [
        (office.viewer(who), case.task(step).number, Submission(paper.form_id, {"apply": "不申请"}, f"token-{step}"))
        for who, step in ((liaoning.reviewer, "left"), (liaoning.second_reviewer, "right"))
    ]
    results = race(
        office,
        *(
            lambda db, act=act: instances.complete_task(db, *act, at=office.at)  # type: ignore[misc]
            for act in acts
        ),
        order=order,
    )
    winner = _won(results)
    assert isinstance(results[1 - winner], InstanceMoved)
    case.waits_at(("left", "right")[1 - winner])
    instances.complete_task(office.db, *acts[1 - winner], at=office.at)
    case.ended("e")
    assert case.path()[-1] == "f6"


# --- who holds a task -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
def test_two_people_claim_one_task(office: Office, liaoning: Place, case: Case, order: str) -> None:
    number = case.task("adm_u2").number
    viewers = [office.viewer(liaoning.reviewer), office.viewer(liaoning.second_reviewer)]
    results = race(
        office,
        *(lambda db, one=one: assignments.claim(db, one, number, at=office.at) for one in viewers),  # type: ignore[misc]
        order=order,
    )
    [winner] = [index for index, result in enumerate(results) if result is None]
    lost = results[1 - winner]
    assert isinstance(lost, HeldByAnother) and lost.params["name"] == viewers[winner].name
    assert case.task("adm_u2").row().holder_id == viewers[winner].person_id
    assert [event.actor for event in case.events(Kind.TASK_CLAIMED)] == [viewers[winner].number]


@pytest.mark.parametrize("order", ORDERS)
def test_one_claims_what_the_other_is_deciding(office: Office, liaoning: Place, case: Case, order: str) -> None:
    waiting = case.task("adm_u2")
    claiming, deciding = office.viewer(liaoning.reviewer), waiting.by(liaoning.second_reviewer)
    results = race(
        office,
        lambda db: assignments.claim(db, claiming, waiting.number, at=office.at),
        _sends(deciding, "合格"),
        order=order,
    )
    claimed, decided = results[0] is None, isinstance(results[1], Moved)
    assert claimed != decided
    if claimed:
        assert isinstance(results[1], HeldByAnother) and results[1].params["name"] == claiming.name
        case.waits_at("adm_u2")
    else:
        assert isinstance(results[0], TaskNotOpen)
        case.is_qualified()
        assert not case.events(Kind.TASK_CLAIMED)


@pytest.mark.parametrize("order", ORDERS)
def test_both_reviewers_declare_a_conflict_at_once(office: Office, liaoning: Place, case: Case, order: str) -> None:
    """One of them is let go; the other is the last and keeps the case."""
    number = case.task("adm_u2").number
    viewers = [office.viewer(liaoning.reviewer), office.viewer(liaoning.second_reviewer)]
    results = race(
        office,
        *(lambda db, one=one: assignments.recuse(db, one, number, "亲属关系", at=office.at) for one in viewers),  # type: ignore[misc]
        order=order,
    )
    winner = _won(results)
    assert isinstance(results[1 - winner], NobodyFits)
    left = case.task("adm_u2").row().explanation["result"]
    assert [one["number"] for one in left] == [viewers[1 - winner].number]


@pytest.mark.parametrize("order", ORDERS)
def test_a_conflict_declared_while_the_other_claims_is_not_forgotten(
    office: Office, liaoning: Place, case: Case, order: str
) -> None:
    number = case.task("adm_u2").number
    leaving, claiming = office.viewer(liaoning.reviewer), office.viewer(liaoning.second_reviewer)
    results = race(
        office,
        lambda db: assignments.recuse(db, leaving, number, "亲属关系", at=office.at),
        lambda db: assignments.claim(db, claiming, number, at=office.at),
        order=order,
    )
    row = case.task("adm_u2").row()
    assert results[1] is None and row.holder_id == claiming.person_id
    out = [one["number"] for one in row.explanation["excluded"]]
    assert (leaving.number in out) == isinstance(results[0], Moved)


@pytest.mark.parametrize("order", ORDERS)
def test_a_conflict_declared_while_the_other_decides(office: Office, liaoning: Place, case: Case, order: str) -> None:
    waiting = case.task("adm_u2")
    leaving = office.viewer(liaoning.reviewer)
    results = race(
        office,
        lambda db: assignments.recuse(db, leaving, waiting.number, "亲属关系", at=office.at),
        _sends(waiting.by(liaoning.second_reviewer), "合格"),
        order=order,
    )
    assert isinstance(results[1], Moved)
    case.is_qualified()
    kinds = [event.kind for event in case.events()]
    assert (Kind.TASK_REASSIGNED in kinds) == isinstance(results[0], Moved)
    assert kinds[-1] == Kind.TASK_COMPLETED, "nothing is recorded about a task after it is done"


# --- starting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
def test_two_people_apply_at_once(office: Office, liaoning: Place, order: str) -> None:
    """The number that both were prepared with is taken by one; the other gets the next, and no answer but its own."""
    applicants = [office.applicant(liaoning.own_school, name=name) for name in ("林书豪", "高雨桐", "宋致远")]
    filled = [(one.viewer, one.fills()) for one in applicants]
    round_number = office.round("liaoning")
    results = race(
        office,
        *(
            lambda db, viewer=viewer, paper=paper: instances.start(  # type: ignore[misc]
                db, viewer, "admission", round_number, paper, at=office.at
            )
            for viewer, paper in filled
        ),
        order=order,
    )
    assert [type(result) for result in results] == [Moved] * 3, results
    assert sorted(result.instance_number for result in results) == [f"LN-2026-0000{n}" for n in (1, 2, 3)]
    for one, result in zip(applicants, results, strict=True):
        assert result.title.startswith(one.teacher["name"])
        assert Case(office, one, result.instance_number).row().starter_id == one.viewer.person_id


@pytest.mark.parametrize("order", ORDERS)
def test_one_person_applies_in_two_windows(office: Office, liaoning: Place, order: str) -> None:
    applicant = office.applicant(liaoning.own_school)
    viewer, round_number = applicant.viewer, office.round("liaoning")
    results = race(
        office,
        *(
            lambda db, paper=paper: instances.start(db, viewer, "admission", round_number, paper, at=office.at)  # type: ignore[misc]
            for paper in (applicant.fills(), applicant.fills())
        ),
        order=order,
    )
    winner = _won(results)
    lost = results[1 - winner]
    assert isinstance(lost, DuplicateCase) and lost.params["number"] == results[winner].instance_number
    assert _count(office, Instance) == 1


def test_one_submit_sent_ten_times_at_once_is_one_case(office: Office, liaoning: Place) -> None:
    applicant = office.applicant(liaoning.own_school)
    viewer, round_number, paper = applicant.viewer, office.round("liaoning"), applicant.fills()
    results = race(
        office,
        *[lambda db: instances.start(db, viewer, "admission", round_number, paper, at=office.at)] * 10,
    )
    assert [type(result) for result in results] == [Moved] * 10, results
    assert len({result.instance_number for result in results}) == 1
    assert [result.repeated for result in results].count(False) == 1
    assert _count(office, Instance) == _count(office, SubmissionRow) == 1


def test_one_decision_sent_ten_times_at_once_is_one_decision(office: Office, liaoning: Place, case: Case) -> None:
    before = len(case.events())
    results = race(office, *[_sends(case.task("adm_u2").by(liaoning.reviewer), "合格")] * 10)
    assert [type(result) for result in results] == [Moved] * 10, results
    assert [result.repeated for result in results].count(False) == 1
    assert len(case.events()) == before + 1
    case.is_qualified()


# --- timers and drafts ----------------------------------------------------------------------------------------------


def test_two_beats_fire_each_timer_once(office: Office, liaoning: Place, case: Case) -> None:
    case.is_returned("phone")
    late = office.applicant(liaoning.own_school, name="高雨桐").applies()
    due = case.task("adm_u3").row().due_at
    assert due is not None
    before = _count(office, Notice)
    results = race(office, *[lambda db: timers.fire_due(db, at=due)] * 2)
    case.ended("adm_x2")
    late.waits_at("adm_u1")
    fired = _count(office, Timer, Timer.result == "fired")
    assert sum(results) == fired
    assert len(case.events(Kind.TIMER_FIRED)) == 1
    assert not late.events(Kind.TASK_REMINDED) and len(late.events(Kind.TASK_ESCALATED)) == 1
    with office.db.read() as session:
        sent = session.execute(
            select(Notice.person_id, Notice.kind, Notice.task, func.count())
            .where(Notice.id > before)
            .group_by(Notice.person_id, Notice.kind, Notice.task)
        ).all()
    assert sent
    assert all(count == 1 for _person, _kind, _task, count in sent)


@pytest.mark.parametrize("order", ORDERS)
def test_a_reminder_meets_the_decision(office: Office, liaoning: Place, case: Case, order: str) -> None:
    """A task that was done first is reported by nobody as due or overdue."""
    waiting = case.task("adm_u2")
    office.days_pass(2)
    deciding = _sends(waiting.by(liaoning.reviewer), "合格")
    office.at = waiting.row().due_at  # type: ignore[assignment]
    with office.db.write() as session:
        for timer in session.execute(select(Timer).where(Timer.kind == "reminder")).scalars():
            session.delete(timer)
    race(office, deciding, lambda db: timers.fire_due(db, at=office.at), order=order)
    case.is_qualified()
    kinds = [event.kind for event in case.events()]
    assert kinds[-1] == Kind.TASK_COMPLETED, "reported overdue after it was done"


@pytest.mark.parametrize("order", ORDERS)
def test_a_draft_saved_in_two_windows_is_not_overwritten_unseen(office: Office, liaoning: Place, order: str) -> None:
    person = office.viewer(liaoning.reviewer).person_id
    first = race(
        office,
        *(
            lambda db, text=text: drafts.save_draft(db, person, "task:x", {"typed": text}, None, at=office.at)  # type: ignore[misc]
            for text in ("甲", "乙")
        ),
        order=order,
    )
    assert sorted(type(result).__name__ for result in first) == ["DraftConflict", "DraftView"]
    again = race(
        office,
        *(
            lambda db, text=text: drafts.save_draft(db, person, "task:x", {"typed": text}, 1, at=office.at)  # type: ignore[misc]
            for text in ("丙", "丁")
        ),
        order=order,
    )
    [kept] = [result for result in again if not isinstance(result, DraftConflict)]
    with office.db.read() as session:
        stored = drafts.draft(session, person, "task:x")
    assert stored is not None and (stored.data, stored.version) == (kept.data, 2)
    assert _count(office, Task) == 0
