"""A decision meets every other act on the same task or case, at the three orders of ``test_races`` (T3).

Rows of the matrix that stand elsewhere: complete, timer, claim, conflict of interest (``test_races``); suspend, cancel,
withdraw, migrate (``test_control``); signal and the return of a call (``test_delivery_races``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import reviewing
from tests.factories import SETTING_UP
from tests.office import Case, Office, Place
from tests.reviewing import Desk, begins, border, ends, file, message, task
from tests.workflows.engine.drawing import flows, what
from tests.workflows.test_races import ORDERS, Result, race
from tests.workflows.test_verbs import recorded
from webapp import composition
from workflows import assignments, control, deliveries, deployment, drafts, instances
from workflows.audit import Kind
from workflows.db import Database
from workflows.errors import (
    HeldByAnother,
    InstanceMoved,
    NotTransferable,
    ReasonNeeded,
    TaskNotOpen,
)
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
        case.ended("adm_v0_e")
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
        case.ended("adm_v0_e")
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
    case.ended("adm_v0_e")
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
    case.ended("adm_v0_e")
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
