"""A decision meets every other act on the same task or case, at the three orders of ``test_races`` (T3).

Rows of the matrix that stand elsewhere: complete, timer, claim, conflict of interest (``test_races``); suspend, cancel,
withdraw, migrate (``test_control``); signal and the return of a call (``test_delivery_races``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from tests import factories, reviewing
from tests.factories import SETTING_UP
from tests.office import Case, Office, Place
from tests.reviewing import Desk, begins, border, ends, file, message, task
from tests.workflows.engine.drawing import flows, what
from tests.workflows.test_races import ORDERS, Result, race
from tests.workflows.test_verbs import recorded
from webapp import composition
from workflows import (
    assignments,
    control,
    deliveries,
    deployment,
    drafts,
    handing_over,
    instances,
    jobs,
    people,
    proxies,
    timers,
)
from workflows.access import Viewer, office_day
from workflows.audit import Kind
from workflows.db import Database
from workflows.errors import (
    DelegationOver,
    HeldByAnother,
    InstanceMoved,
    InstanceSuspended,
    NotFound,
    NotTransferable,
    ProxyOver,
    ReasonNeeded,
    Refusal,
    TaskAlreadyDone,
    TaskDelegated,
    TaskNotHeld,
    TaskNotOpen,
)
from workflows.models import Task, Timer
from workflows.transitions import Moved

WHY = "外出培训一周，请代为办理"

#: A message ends the step that somebody decides at.
STOPPED = file(
    "stopped", "可被叫停的审议", message("m_stop", "叫停", "instance.number"),
    begins("提出", "review.proposal"), task("decide", "审议", "review.conclusion"),
    border("on_stop", "叫停", "decide", what("message", "m_stop")),
    ends("done", "已审议"), ends("halted", "已叫停"), flows("s decide done", "on_stop halted"),
)  # fmt: skip


@pytest.fixture
def case(office: Office, liaoning: Place) -> Case:
    """A case that waits for review by either of two people."""
    return office.applicant(liaoning.own_school).applies().is_recommended()


@dataclass(frozen=True)
class Deciding:
    """One reviewer's decision, filled in and about to be sent."""

    act: Callable[[Database], Result]
    task: str
    token: str
    number: str


def _decides(office: Office, case: Case, who: str, conclusion: str = "合格") -> Deciding:
    hand = case.task("adm_u2").by(who)
    filled, viewer, at = hand.fills(hand.conclusion(conclusion)), hand.viewer, office.at
    return Deciding(
        lambda db: instances.complete_task(db, viewer, hand.task, filled, at=at), hand.task, filled.token, viewer.number
    )


def _left_nothing(case: Case, deciding: Deciding) -> None:
    """Nothing of a decision that was refused stands in the case."""
    assert not [one for one in case.submissions() if one.token == deciding.token]
    assert deciding.number not in {event.actor for event in case.events(Kind.TASK_COMPLETED)}


@pytest.mark.parametrize("order", ORDERS)
def test_transferred_while_a_colleague_decides(office: Office, liaoning: Place, case: Case, order: str) -> None:
    giving, taking = office.viewer(liaoning.reviewer), office.viewer(liaoning.bureau_head)
    deciding = _decides(office, case, liaoning.second_reviewer)
    before = len(case.events())
    decided, transferred = race(
        office, deciding.act,
        lambda db: assignments.transfer(db, giving, deciding.task, taking.number, WHY, at=office.at), order=order,
    )
    if isinstance(decided, Moved):
        assert order != "second" and isinstance(transferred, TaskNotOpen)
        assert not case.events(Kind.TASK_TRANSFERRED) and "task_opened" not in [kind for kind, _ in case.told(taking.name)]
        case.is_qualified()
    else:
        assert order != "first" and transferred is None
        assert isinstance(decided, HeldByAnother) and decided.params["name"] == taking.name
        _left_nothing(case, deciding)
        case.waits_at("adm_u2")
    assert len(case.events()) == before + 1


@pytest.mark.parametrize("order", ORDERS)
def test_both_transfer_at_once(office: Office, liaoning: Place, case: Case, order: str) -> None:
    number = case.task("adm_u2").number
    givers = [office.viewer(liaoning.reviewer), office.viewer(liaoning.second_reviewer)]
    head = office.viewer(liaoning.bureau_head)
    results = race(
        office,
        *(
            lambda db, one=one: assignments.transfer(db, one, number, head.number, WHY, at=office.at)  # type: ignore[misc]
            for one in givers
        ),
        order=order,
    )
    [winner] = [index for index, result in enumerate(results) if result is None]
    assert isinstance(results[1 - winner], HeldByAnother)
    [event] = case.events(Kind.TASK_TRANSFERRED)
    assert event.actor == givers[winner].number


@pytest.mark.parametrize("order", ORDERS)
def test_taken_back_while_somebody_decides(office: Office, liaoning: Place, case: Case, order: str) -> None:
    first = next(one.number for one in case.tasks() if one.step_id == "adm_u1")
    deciding = _decides(office, case, liaoning.reviewer)
    before = len(case.events())
    decided, rewound = race(
        office, deciding.act,
        lambda db: control.rewind(db, SETTING_UP, case.number, first, "材料须由单位重新出具意见", at=office.at), order=order,
    )
    assert len(case.events()) == before + 1
    if isinstance(decided, Moved):
        assert order != "second" and isinstance(rewound, InstanceMoved)
        case.is_qualified()
    else:
        assert order != "first" and isinstance(rewound, Moved) and isinstance(decided, (InstanceMoved, TaskNotOpen))
        _left_nothing(case, deciding)
        case.waits_at("adm_u1")


@pytest.mark.parametrize("order", ORDERS)
def test_a_newer_definition_comes_while_somebody_decides(
    office: Office, liaoning: Place, case: Case, root: Path, order: str
) -> None:
    """Neither loses: the case goes on by the version that it began with."""
    tree = deployment.read_tree(root)
    path = "bpmn/admission/admission.bpmn"
    tree[path] = tree[path].replace('"资格审查"'.encode(), '"资格审核"'.encode())
    was = case.row().definition
    decided, deployed = race(
        office, _decides(office, case, liaoning.reviewer).act,
        lambda db: deployment.deploy(db, SETTING_UP, tree, composition.check_form, at=office.at), order=order,
    )
    assert isinstance(decided, Moved) and deployed.definitions[0][1:] == (2, True)
    case.is_qualified()
    assert case.row().definition == was


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_typed_is_saved_while_it_is_sent(office: Office, liaoning: Place, case: Case, order: str) -> None:
    """The form is sent whatever its draft does; what comes after it is refused by name and not kept."""
    deciding, viewer = _decides(office, case, liaoning.reviewer), office.viewer(liaoning.reviewer)
    subject = f"task:{deciding.task}"
    before = len(case.events())
    decided, saved = race(
        office, deciding.act,
        lambda db: drafts.save_draft(db, viewer.person_id, subject, {"opinion": "还没写完"}, None, at=office.at), order=order,
    )
    assert isinstance(decided, Moved) and len(case.events()) == before + 1
    assert isinstance(saved, (drafts.DraftView, TaskNotOpen))
    if order != "together":
        assert isinstance(saved, TaskNotOpen) == (order == "first")
    with office.db.read() as session:
        kept = drafts.draft(session, viewer.person_id, subject)
        shown = instances.task_form(session, viewer, deciding.task, office.at).draft
    assert shown is None and (kept is None or isinstance(saved, drafts.DraftView))


@pytest.mark.parametrize("order", ORDERS)
def test_a_message_ends_the_step_while_somebody_decides(office: Office, liaoning: Place, root: Path, order: str) -> None:
    reviewing.deploy(office, root, stopped=STOPPED)
    desk = Desk(office)
    case = desk.begin("stopped", office.applicant(liaoning.own_school), "proposal", title="阅读", budget="1")
    hand, paper = case.task("decide").by(liaoning.reviewer), desk.paper("conclusion", words="同意")
    sender = office.viewer(liaoning.second_reviewer)
    decided, sent = race(
        office,
        lambda db: instances.complete_task(db, hand.viewer, hand.task, paper, at=office.at),
        lambda db: deliveries.send_message(db, sender, "叫停", case.number, {}, origin="甲", at=office.at), order=order,
    )
    moves = [event.kind for event in case.events()][1:]
    if isinstance(decided, Moved):
        assert order != "second" and sent.reached == ()
        assert moves == [Kind.TASK_COMPLETED]
        case.ended("done")
        assert desk.waiting() == [("message", "叫停", case.number)]
    else:
        assert order != "first" and sent.reached == (case.number,)
        assert isinstance(decided, (InstanceMoved, TaskNotOpen)) and moves == [Kind.MESSAGE_RECEIVED]
        assert not [one for one in case.submissions() if one.token == paper.token]
        case.ended("halted")


# --- delegating (委派) ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lending:
    """A task that a reviewer holds, and a colleague who is, or is to be, asked to work on it."""

    office: Office
    case: Case
    number: str
    holder: Viewer
    worker: Viewer

    def asks(self, db: Database) -> Result:
        return assignments.delegate(db, self.holder, self.number, self.worker.number, WHY, at=self.office.at)

    def hands_back(self, db: Database) -> Result:
        work = {"typed": {"opinion": ["材料已核对"]}, "files": []}
        return assignments.hand_back(db, self.worker, self.number, WHY, work, at=self.office.at)

    def declines(self, db: Database) -> Result:
        return assignments.decline(db, self.worker, self.number, WHY, at=self.office.at)

    def recalls(self, db: Database) -> Result:
        return assignments.recall(db, self.holder, self.number, at=self.office.at)

    def row(self) -> Task:
        return next(one for one in self.case.tasks() if one.number == self.number)

    def told(self) -> list[str]:
        return [kind for kind, _ in self.case.told(self.worker.name)]


@pytest.fixture
def lending(office: Office, liaoning: Place, case: Case) -> Lending:
    number, holder = case.task("adm_u2").number, office.viewer(liaoning.reviewer)
    assignments.claim(office.db, holder, number, at=office.at)
    return Lending(office, case, number, holder, office.viewer(liaoning.bureau_head))


@pytest.mark.parametrize("order", ORDERS)
def test_delegated_while_its_holder_decides(office: Office, liaoning: Place, case: Case, lending: Lending, order: str) -> None:
    """The same person in two windows: it is decided, or it is with the colleague, never both."""
    deciding = _decides(office, case, liaoning.reviewer)
    before = len(case.events())
    decided, delegated = race(office, deciding.act, lending.asks, order=order)
    if isinstance(decided, Moved):
        assert order != "second" and isinstance(delegated, TaskNotOpen)
        assert not case.events(Kind.TASK_DELEGATED) and "task_delegated" not in lending.told()
        assert lending.row().delegate_id is None
        case.is_qualified()
    else:
        assert order != "first" and delegated is None
        assert isinstance(decided, TaskDelegated) and decided.params["name"] == lending.worker.name
        _left_nothing(case, deciding)
        case.waits_at("adm_u2")
        assert lending.told() == ["task_delegated"]
    assert len(case.events()) == before + 1


@pytest.mark.parametrize("order", ORDERS)
def test_delegated_to_two_people_at_once(office: Office, liaoning: Place, case: Case, lending: Lending, order: str) -> None:
    second = office.viewer(liaoning.second_reviewer)
    results = race(
        office, lending.asks,
        lambda db: assignments.delegate(db, lending.holder, lending.number, second.number, WHY, at=office.at), order=order,
    )
    [winner] = [index for index, result in enumerate(results) if result is None]
    assert order == "together" or winner == ORDERS.index(order)
    lost = results[1 - winner]
    asked = (lending.worker, second)[winner]
    assert isinstance(lost, TaskDelegated) and lost.params["name"] == asked.name
    assert len(case.events(Kind.TASK_DELEGATED)) == 1 and lending.row().delegate_id == asked.person_id


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("act", ["transfers", "unclaims", "recuses"])
def test_delegated_while_its_holder_lets_go_of_it(
    office: Office, liaoning: Place, case: Case, lending: Lending, act: str, order: str
) -> None:
    at, holder, number = office.at, lending.holder, lending.number
    colleague = office.viewer(liaoning.second_reviewer)
    acts: dict[str, Callable[[Database], Result]] = {
        "transfers": lambda db: assignments.transfer(db, holder, number, colleague.number, WHY, at=at),
        "unclaims": lambda db: assignments.unclaim(db, holder, number, at=at),
        "recuses": lambda db: assignments.recuse(db, holder, number, "申请人系本人亲属", at=at),
    }
    before = len(case.events())
    delegated, other = race(office, lending.asks, acts[act], order=order)
    row = lending.row()
    if delegated is None:
        assert order != "second" and isinstance(other, TaskDelegated)
        assert (row.holder_id, row.delegate_id) == (holder.person_id, lending.worker.person_id)
    else:
        refusal = {"transfers": HeldByAnother, "unclaims": TaskNotHeld, "recuses": (NotFound, TaskNotHeld)}[act]
        assert order != "first" and isinstance(delegated, refusal) and row.delegate_id is None
        assert row.holder_id == (colleague.person_id if act == "transfers" else None)
    assert len(case.events()) == before + 1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("act", ["hands_back", "declines"])
def test_recalled_while_it_is_handed_back(case: Case, lending: Lending, office: Office, act: str, order: str) -> None:
    lending.asks(office.db)
    before = len(case.events())
    results = race(office, lending.recalls, getattr(lending, act), order=order)
    [winner] = [index for index, result in enumerate(results) if result is None]
    assert order == "together" or winner == ORDERS.index(order)
    assert isinstance(results[1 - winner], DelegationOver)
    row = lending.row()
    [over] = row.explanation["delegations"]
    assert over["how"] == ("recalled", {"hands_back": "returned", "declines": "declined"}[act])[winner]
    assert (row.holder_id, row.delegate_id) == (lending.holder.person_id, None)
    assert len(case.events()) == before + 1
    with office.db.read() as session:
        kept = drafts.draft(session, lending.holder.person_id, f"task:{lending.number}")
    assert (kept is not None) == (act == "hands_back" and winner == 1), "what was handed back too late is nobody's draft"


@pytest.mark.parametrize("order", ORDERS)
def test_what_the_holder_types_is_saved_while_it_is_delegated(
    office: Office, case: Case, lending: Lending, order: str
) -> None:
    """Either it went along, or its window is told: it is never behind what comes back."""
    subject = f"task:{lending.number}"
    saved, delegated = race(
        office,
        lambda db: drafts.save_draft(
            db, lending.holder.person_id, subject, {"typed": {"opinion": ["先看学历"]}, "files": []}, None, at=office.at
        ),
        lending.asks, order=order,
    )
    assert delegated is None
    with office.db.read() as session:
        theirs = drafts.draft(session, lending.worker.person_id, subject)
    if isinstance(saved, TaskDelegated):
        assert order != "first" and theirs is None
    else:
        assert order != "second" and theirs is not None and theirs.data["typed"] == {"opinion": ["先看学历"]}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("act", ["suspends", "cancels"])
def test_the_case_is_held_or_ended_while_a_task_is_delegated(
    office: Office, case: Case, lending: Lending, act: str, order: str
) -> None:
    acts: dict[str, Callable[[Database], Result]] = {
        "suspends": lambda db: control.suspend(db, SETTING_UP, case.number, "等待上级答复后再办", at=office.at),
        "cancels": lambda db: control.cancel(db, SETTING_UP, case.number, "岗位取消，终止办理", at=office.at),
    }
    verb = acts[act]
    turned, delegated = race(office, verb, lending.asks, order=order)
    assert not isinstance(turned, Refusal)
    if delegated is None:
        assert order != "first" and lending.row().delegate_id == lending.worker.person_id
        assert {"suspends": "case_suspended", "cancels": "case_cancelled"}[act] in lending.told() or order == "together"
    else:
        assert order != "second" and isinstance(delegated, {"suspends": InstanceSuspended, "cancels": TaskNotOpen}[act])
        assert not case.events(Kind.TASK_DELEGATED) and lending.row().delegate_id is None


@pytest.mark.parametrize("order", ORDERS)
def test_a_message_ends_the_step_while_it_is_delegated(office: Office, liaoning: Place, root: Path, order: str) -> None:
    reviewing.deploy(office, root, stopped=STOPPED)
    desk = Desk(office)
    case = desk.begin("stopped", office.applicant(liaoning.own_school), "proposal", title="阅读", budget="1")
    number, holder, worker = case.task("decide").number, office.viewer(liaoning.reviewer), office.viewer(liaoning.bureau_head)
    assignments.claim(office.db, holder, number, at=office.at)
    sender = office.viewer(liaoning.second_reviewer)
    delegated, sent = race(
        office,
        lambda db: assignments.delegate(db, holder, number, worker.number, WHY, at=office.at),
        lambda db: deliveries.send_message(db, sender, "叫停", case.number, {}, origin="甲", at=office.at), order=order,
    )
    assert sent.reached == (case.number,), "a delegation is no reason to lose a message"
    assert isinstance(delegated, TaskNotOpen) if order == "second" else delegated is None or order == "together"
    assert len(case.events(Kind.TASK_DELEGATED)) == (delegated is None)
    case.ended("halted")


@pytest.mark.parametrize("order", ORDERS)
def test_a_timer_fires_while_a_task_is_delegated(office: Office, liaoning: Place, order: str) -> None:
    """Neither loses: what is overdue is reported, whoever works on it."""
    case = office.applicant(liaoning.own_school).applies()
    number, head = case.task("adm_u1").number, office.viewer(liaoning.own_head)
    colleague = people.create_person(office.db, SETTING_UP, name="周文静", phone=None, email=None, at=office.at)
    people.grant(office.db, SETTING_UP, colleague, liaoning.own_school, "clerk", date(2026, 1, 1), at=office.at)
    assignments.claim(office.db, head, number, at=office.at)
    with office.db.read() as session:
        [due_at] = session.execute(
            select(Timer.due_at).join(Task, Task.id == Timer.task_id)
            .where(Task.number == number, Timer.kind == "overdue")
        ).scalars()
    fired, delegated = race(
        office, lambda db: timers.fire_due(db, at=due_at),
        lambda db: assignments.delegate(db, head, number, colleague, WHY, at=office.at), order=order,
    )
    assert delegated is None and not isinstance(fired, Refusal)
    assert len(case.events(Kind.TASK_DELEGATED)) == len(case.events(Kind.TASK_ESCALATED)) == 1
    case.waits_at("adm_u1")


# --- the verb that is here for the matrix ---------------------------------------------------------------------------


def test_a_task_is_transferred_within_its_office(office: Office, liaoning: Place, case: Case) -> None:
    waiting = case.task("adm_u2")
    giving, taking = office.viewer(liaoning.reviewer), office.viewer(liaoning.bureau_head)
    with recorded(office, (f"instance:{case.number}", Kind.TASK_TRANSFERRED)):
        assignments.transfer(office.db, giving, waiting.number, taking.number, WHY, at=office.at)
    [event] = case.events(Kind.TASK_TRANSFERRED)
    told = office.payload(event)
    assert (told["reason"], told["from"]["name"], told["to"]["name"]) == (WHY, giving.name, taking.name)
    assert [kind for kind, _ in case.told(taking.name)] == ["task_opened"]
    row = waiting.row()
    assert row.holder_id == taking.person_id and row.explanation["transferred"]["reason"] == WHY
    with pytest.raises(HeldByAnother):
        _decides(office, case, liaoning.second_reviewer).act(office.db)
    waiting.by(liaoning.bureau_head).qualifies()
    case.is_qualified()
    done = case.events(Kind.TASK_COMPLETED)[-1]
    assert (done.actor, done.actor_role) == (taking.number, "bureau_head")


def test_a_task_is_transferred_to_nobody_who_may_not_take_it(office: Office, liaoning: Place, case: Case) -> None:
    number, giving = case.task("adm_u2").number, office.viewer(liaoning.reviewer)
    for to in (case.applicant.viewer, office.viewer("nn.hr1"), office.viewer(liaoning.auditor), giving):
        with recorded(office), pytest.raises(NotTransferable):
            assignments.transfer(office.db, giving, number, to.number, WHY, at=office.at)
    with recorded(office), pytest.raises(ReasonNeeded):
        assignments.transfer(office.db, giving, number, office.viewer(liaoning.bureau_head).number, " ", at=office.at)
    case.is_returned("phone")
    own = case.task("adm_u3").number
    with recorded(office), pytest.raises(NotTransferable):
        assignments.transfer(
            office.db, case.applicant.viewer, own, office.viewer(liaoning.bureau_head).number, WHY, at=office.at
        )


# --- standing in (代办授权) and handing over (离岗交接) -----------------------------------------------------------------------


def _stands_in(office: Office, liaoning: Place) -> str:
    """Somebody stands in for the first reviewer; the grant's number."""
    day = office_day(office.at)
    return proxies.grant(
        office.db, office.viewer(liaoning.reviewer), office.viewer("sy.clerk").number, from_on=day, to_on=day, reason=WHY,
        at=office.at, days=90,
    )


@pytest.mark.parametrize("order", ORDERS)
def test_revoked_while_whoever_stands_in_decides(office: Office, liaoning: Place, case: Case, order: str) -> None:
    """Revoked at once: what is not decided by then is not decided in the other's name any more."""
    grant, giver = _stands_in(office, liaoning), office.viewer(liaoning.reviewer)
    deciding = _decides(office, case, "sy.clerk")
    decided, revoked = race(
        office, deciding.act, lambda db: proxies.revoke(db, giver, grant, at=office.at), order=order
    )
    assert revoked is None
    if isinstance(decided, Moved):
        [event] = [one for one in case.events(Kind.TASK_COMPLETED) if one.actor_kind == "proxy"]
        assert (event.actor, event.on_behalf_of) == (deciding.number, giver.number)
        case.is_qualified()
    else:
        assert isinstance(decided, ProxyOver)
        _left_nothing(case, deciding)
        case.waits_at("adm_u2")
    office.check_record()


@pytest.mark.parametrize("order", ORDERS)
def test_both_decide_at_once_for_whom_one_stands_in(office: Office, liaoning: Place, case: Case, order: str) -> None:
    _stands_in(office, liaoning)
    acts = [_decides(office, case, who) for who in ("sy.clerk", liaoning.reviewer)]
    results = race(office, *(one.act for one in acts), order=order)
    [lost] = [one for one in results if not isinstance(one, Moved)]
    assert isinstance(lost, (TaskAlreadyDone, InstanceMoved))
    _left_nothing(case, acts[results.index(lost)])
    case.is_qualified()
    office.check_record()


@pytest.mark.parametrize("order", ORDERS)
def test_handed_over_while_its_holder_decides(office: Office, liaoning: Place, case: Case, order: str) -> None:
    factories.make_person(office.db, "邢立本", "the.admin", [("system_admin", "ln-sy")], at=office.at)
    leaver, clerk = office.viewer(liaoning.reviewer), office.viewer("sy.clerk")
    assignments.claim(office.db, leaver, case.task("adm_u2").number, at=office.at)
    handing_over.start(office.db, office.viewer("the.admin"), leaver.number, [clerk.number], WHY, at=office.at)
    deciding = _decides(office, case, liaoning.reviewer)

    def works(db: Database) -> Result:
        jobs.run_next(db, {handing_over.HAND_OVER: handing_over.run}, lambda: office.at)
        return None

    decided, _ = race(office, deciding.act, works, order=order)
    if isinstance(decided, Moved):
        assert not case.events(Kind.TASK_HANDED_OVER)
        case.is_qualified()
    else:
        assert isinstance(decided, HeldByAnother)
        _left_nothing(case, deciding)
        assert len(case.events(Kind.TASK_HANDED_OVER)) == 1
        assert case.task("adm_u2").row().holder_id == clerk.person_id
    office.check_record()
