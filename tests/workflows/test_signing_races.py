"""Signing, sending back and taking back meet every other act on the same task, at the three orders of ``test_races`` (T3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import reviewing
from tests.factories import SETTING_UP
from tests.office import Case, Office, Place
from tests.reviewing import Desk
from tests.workflows.test_races import ORDERS, race
from tests.workflows.test_returning import LINE
from tests.workflows.test_signers import PLAIN, Signing
from workflows import assignments, control, instances, returning, signers
from workflows.access import Viewer
from workflows.audit import Kind
from workflows.db import Database
from workflows.errors import (
    AlreadySigned,
    HeldByAnother,
    InstanceMoved,
    InstanceSuspended,
    NotFound,
    NotTakenBack,
    SignersOpen,
    TaskAlreadyDone,
    TaskNotOpen,
)
from workflows.submission import Submission
from workflows.transitions import Moved

WHY = "情况核实期间暂不办理"


@pytest.fixture
def signing(office: Office, liaoning: Place, root: Path) -> Signing:
    reviewing.deploy(office, root, plain=PLAIN, line=LINE)
    case = Desk(office).begin("plain", office.applicant(liaoning.own_school), "proposal", title="阅读", budget="1")
    return Signing(office, liaoning, case, "decide")


class Racing:
    """The acts of a race on one task."""

    def __init__(self, signing: Signing) -> None:
        self.of, self.at = signing, signing.office.at
        self.paper = signing.paper("同意立项")

    def completes(self, db: Database) -> Moved:
        return instances.complete_task(db, self.of.holder, self.of.number, self.paper, at=self.at)

    def adds(self, db: Database) -> None:
        signers.add(db, self.of.holder, self.of.number, [self.of.head.number], "before", WHY, at=self.at)

    def removes(self, db: Database) -> None:
        signers.remove(db, self.of.holder, self.of.number, self.own(self.of.head), at=self.at)

    def own(self, who: Viewer) -> str:
        return str(self.of.entry(who)["task"])

    def signs(self, who: Viewer, paper: Submission) -> object:
        number = self.own(who)
        return lambda db: instances.complete_task(db, who, number, paper, at=self.at)


@pytest.mark.parametrize("order", ORDERS)
def test_a_signer_is_added_while_the_holder_completes(signing: Signing, order: str) -> None:
    racing = Racing(signing)
    added, completed = race(signing.office, racing.adds, racing.completes, order=order)
    if isinstance(completed, Moved):
        assert order != "first" and isinstance(added, TaskNotOpen)
        signing.case.waits_at("file")
        assert not signing.case.events(Kind.SIGNERS_ADDED)
    else:
        assert order != "second" and added is None and isinstance(completed, (SignersOpen, HeldByAnother))
        assert signing.row().signers_open == 1
        signing.signs(signing.head)
        signing.completes()
    signing.office.check_record()


@pytest.mark.parametrize("order", ORDERS)
def test_somebody_signs_while_they_are_taken_off(signing: Signing, order: str) -> None:
    signing.asks()
    racing = Racing(signing)
    signed, removed = race(signing.office, racing.signs(signing.head, signing.opinion()), racing.removes, order=order)  # type: ignore[arg-type]
    if removed is None:
        assert order != "first" and isinstance(signed, TaskNotOpen)
        assert not signing.case.events(Kind.SIGNER_SIGNED)
    else:
        assert order != "second" and isinstance(signed, Moved) and isinstance(removed, AlreadySigned)
        assert not signing.case.events(Kind.SIGNER_REMOVED)
    assert signing.row().signers_open == 0
    signing.completes()
    signing.case.waits_at("file")


@pytest.mark.parametrize("order", ORDERS)
def test_somebody_signs_while_the_case_is_suspended(signing: Signing, order: str) -> None:
    signing.asks()
    racing = Racing(signing)
    signed, suspended = race(
        signing.office, racing.signs(signing.head, signing.opinion()),  # type: ignore[arg-type]
        lambda db: control.suspend(db, SETTING_UP, signing.case.number, WHY, at=signing.office.at), order=order,
    )
    assert suspended is None and isinstance(signed, (Moved, InstanceSuspended))
    if order != "together":
        assert isinstance(signed, Moved) == (order == "first")
    control.resume(signing.office.db, SETTING_UP, signing.case.number, at=signing.office.at)
    if not isinstance(signed, Moved):
        signing.signs(signing.head)
    signing.completes()
    signing.office.check_record()


@pytest.mark.parametrize("order", ORDERS)
def test_the_last_two_agree_at_once(signing: Signing, order: str) -> None:
    """The decision takes effect once, whoever of the two was last."""
    signing.asks(signing.head, signing.other, mode="after")
    signing.completes("同意立项")
    racing = Racing(signing)
    acts = [racing.signs(one, signing.opinion()) for one in (signing.head, signing.other)]
    results = race(signing.office, *acts, order=order)  # type: ignore[arg-type]
    assert all(isinstance(one, Moved) for one in results)
    assert len(signing.case.events(Kind.SIGNER_SIGNED)) == 2 and len(signing.case.events(Kind.TASK_COMPLETED)) == 1
    signing.case.waits_at("file")
    signing.office.check_record()


@pytest.mark.parametrize("order", ORDERS)
def test_the_last_agrees_while_the_case_ends(signing: Signing, order: str) -> None:
    signing.asks(mode="after")
    signing.completes("同意立项")
    racing = Racing(signing)
    signed, cancelled = race(
        signing.office, racing.signs(signing.head, signing.opinion()),  # type: ignore[arg-type]
        lambda db: control.cancel(db, SETTING_UP, signing.case.number, WHY, at=signing.office.at), order=order,
    )
    assert cancelled is None
    if isinstance(signed, Moved):
        assert order != "second" and len(signing.case.events(Kind.SIGNER_SIGNED)) == 1
    else:
        assert order != "first" and isinstance(signed, (TaskNotOpen, InstanceMoved))
        assert not signing.case.events(Kind.SIGNER_SIGNED), "an opinion stands only with what it lets take effect"
    signing.office.check_record()


# --- back -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def case(office: Office, liaoning: Place) -> Case:
    """A case that waits for review by either of two people."""
    return office.applicant(liaoning.own_school).applies().is_recommended()


@pytest.mark.parametrize("order", ORDERS)
def test_taken_back_while_the_next_is_claimed(office: Office, liaoning: Place, case: Case, order: str) -> None:
    first = next(one.number for one in case.tasks() if one.step_id == "adm_u1")
    head, reviewer = office.viewer(liaoning.own_head), office.viewer(liaoning.reviewer)
    number, before = case.task("adm_u2").number, len(case.events())
    back, claimed = race(
        office, lambda db: returning.take_back(db, head, first, at=office.at),
        lambda db: assignments.claim(db, reviewer, number, at=office.at), order=order,
    )
    assert len(case.events()) == before + 1
    if isinstance(back, str):
        assert order != "second" and isinstance(claimed, (TaskNotOpen, NotFound))
        case.waits_at("adm_u1")
    else:
        assert order != "first" and claimed is None and isinstance(back, (NotTakenBack, InstanceMoved))
        case.waits_at("adm_u2")
    office.check_record()


@pytest.mark.parametrize("order", ORDERS)
def test_taken_back_while_the_next_is_decided(office: Office, liaoning: Place, case: Case, order: str) -> None:
    first = next(one.number for one in case.tasks() if one.step_id == "adm_u1")
    head, hand = office.viewer(liaoning.own_head), case.task("adm_u2").by(liaoning.reviewer)
    filled, viewer, before = hand.fills(hand.conclusion("合格")), hand.viewer, len(case.events())
    back, decided = race(
        office, lambda db: returning.take_back(db, head, first, at=office.at),
        lambda db: instances.complete_task(db, viewer, hand.task, filled, at=office.at), order=order,
    )
    assert len(case.events()) == before + 1
    if isinstance(back, str):
        assert order != "second" and isinstance(decided, (InstanceMoved, TaskNotOpen))
        case.waits_at("adm_u1")
    else:
        assert order != "first" and isinstance(decided, Moved) and isinstance(back, (NotTakenBack, InstanceMoved))
        case.is_qualified()
    office.check_record()


@pytest.mark.parametrize("order", ORDERS)
def test_sent_back_while_a_colleague_decides(office: Office, liaoning: Place, case: Case, order: str) -> None:
    first = next(one.number for one in case.tasks() if one.step_id == "adm_u1")
    hand, other = case.task("adm_u2").by(liaoning.reviewer), office.viewer(liaoning.second_reviewer)
    filled, viewer, before = hand.fills(hand.conclusion("合格")), hand.viewer, len(case.events())
    decided, back = race(
        office, lambda db: instances.complete_task(db, viewer, hand.task, filled, at=office.at),
        lambda db: returning.send_back(db, other, hand.task, first, "推荐意见没有写明任教学科，请重新出具", at=office.at),
        order=order,
    )
    assert len(case.events()) == before + 1
    if isinstance(decided, Moved):
        assert order != "second" and isinstance(back, (InstanceMoved, TaskNotOpen))
        case.is_qualified()
    else:
        assert order != "first" and isinstance(back, Moved) and isinstance(decided, (InstanceMoved, TaskNotOpen, TaskAlreadyDone))
        case.waits_at("adm_u1")
    office.check_record()


@pytest.mark.parametrize("order", ORDERS)
def test_sent_back_while_a_colleague_claims(office: Office, liaoning: Place, case: Case, order: str) -> None:
    first = next(one.number for one in case.tasks() if one.step_id == "adm_u1")
    number, other = case.task("adm_u2").number, office.viewer(liaoning.second_reviewer)
    reviewer = office.viewer(liaoning.reviewer)
    claimed, back = race(
        office, lambda db: assignments.claim(db, reviewer, number, at=office.at),
        lambda db: returning.send_back(db, other, number, first, "推荐意见没有写明任教学科，请重新出具", at=office.at),
        order=order,
    )
    if claimed is None:
        assert isinstance(back, HeldByAnother) and order != "second"
        case.waits_at("adm_u2")
    else:
        assert isinstance(back, Moved) and isinstance(claimed, TaskNotOpen) and order != "first"
        case.waits_at("adm_u1")
    office.check_record()
