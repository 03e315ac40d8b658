"""``jiaoyan:actions``: what a diagram lets people do with a step besides deciding it, refused by the verbs and kept off the pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from tests import reviewing
from tests.diagrams.specimens import diagram
from tests.office import Office, Place
from tests.reviewing import begins, ends, file, task
from tests.workflows.engine.drawing import flows, zeebe
from workflows import assignments, copies, instances, manners, returning, signers, urging
from workflows.access import Viewer
from workflows.errors import ActionNotAllowed
from workflows.manners import ACTS
from workflows.models import Copy, Task, Urge
from workflows.submission import Submission

WHY = "外出培训一周，请先核对材料"


def drawn(actions: str | None) -> dict[str, bytes]:
    """``memo`` 请示: 核对 with these actions, then 批示."""
    inside = zeebe("properties", zeebe("property", name="jiaoyan:actions", value=actions)) if actions is not None else ""
    return file(
        "memo", "请示", begins("拟稿", "review.proposal"), task("check", "核对", "review.opinion", inside),
        task("answer", "批示", "review.conclusion"), ends("done", "已批示"), flows("s check answer done"),
    )  # fmt: skip


class Memo:
    """A request that waits to be checked, and the people around it."""

    def __init__(self, office: Office, place: Place, root: Path, actions: str | None) -> None:
        reviewing.deploy(office, root, memo=drawn(actions))
        self.office, self.place = office, place
        self.applicant = office.applicant(place.own_school)
        self.one, self.other = office.viewer(place.reviewer), office.viewer(place.second_reviewer)
        moved = instances.start(
            office.db, self.applicant.viewer, "memo", office.round(self.applicant.place),
            Submission("review.proposal", {"title": "请示"}, "t-1"), at=office.at,
        )  # fmt: skip
        self.number = moved.instance_number

    def task(self, step: str = "check") -> str:
        with self.office.db.read() as session:
            return str(instances.open_task(session, self.number, step))

    def asked(self, who: Viewer, step: str = "check") -> instances.FormRequest:
        with self.office.db.read() as session:
            return instances.task_form(session, who, self.task(step), self.office.at)

    def does(self, act: str) -> None:
        """Do one of ``ACTS`` with the step that waits, or has just been done."""
        db, at, to = self.office.db, self.office.at, self.other.number
        verbs: dict[str, Callable[[], object]] = {
            "transfer": lambda: assignments.transfer(db, self.one, self.task(), to, WHY, at=at),
            "delegate": lambda: (
                assignments.claim(db, self.one, self.task(), at=at), assignments.delegate(db, self.one, self.task(), to, WHY, at=at),
            ),
            "add-signer": lambda: signers.add(db, self.one, self.task(), [to], "parallel", WHY, at=at),
            "cc": lambda: copies.send(db, self.one, self.number, [to], "请了解", at=at),
            "urge": lambda: urging.urge(db, self.applicant.viewer, self.task(), "", at=at),
            "take-back": self._takes_back,
        }  # fmt: skip
        verbs[act]()

    def _takes_back(self) -> None:
        number = self.task()
        paper = Submission("review.opinion", {"kind": "同意", "score": "5"}, "t-2")
        instances.complete_task(self.office.db, self.one, number, paper, at=self.office.at)
        with self.office.db.read() as session:
            self.offered = returning.may_take_back(session, self.one, [number])
        returning.take_back(self.office.db, self.one, number, at=self.office.at)


@pytest.fixture
def memo(office: Office, liaoning: Place, root: Path) -> Callable[[str | None], Memo]:
    return lambda actions: Memo(office, liaoning, root, actions)


def test_what_a_step_does_not_name_is_refused_and_nothing_changes(memo: Callable[[str | None], Memo]) -> None:
    case = memo("none")
    for act in ("transfer", "add-signer", "cc", "urge", "delegate", "take-back"):
        with pytest.raises(ActionNotAllowed) as refused:
            case.does(act)
        assert refused.value.params == {"step": "核对", "act": ACTS[act]}
    with case.office.db.read() as session:
        row = session.execute(select(Task).where(Task.step_id == "check")).scalar_one()
        assert session.execute(select(Copy.id)).first() is None and session.execute(select(Urge.id)).first() is None
    assert row.status == "done" and not row.signers_open and not {"transferred", "delegations", "signers"} & row.explanation.keys()
    assert not case.offered


def test_what_a_step_names_may_be_done(memo: Callable[[str | None], Memo]) -> None:
    case = memo("urge cc take-back add-signer")
    for act in ("urge", "cc", "take-back", "add-signer"):
        case.does(act)
    assert case.offered


def test_without_a_word_all_may_be_done_as_before(memo: Callable[[str | None], Memo]) -> None:
    case = memo(None)
    asked = case.asked(case.one)
    assert asked.may_transfer and asked.may_add_signers and asked.barred == ()
    for act in ("urge", "cc", "take-back", "transfer"):
        case.does(act)


def test_a_page_does_not_offer_what_would_be_refused(memo: Callable[[str | None], Memo]) -> None:
    case = memo("none")
    assignments.claim(case.office.db, case.one, case.task(), at=case.office.at)
    asked = case.asked(case.one)
    assert asked.barred == tuple(ACTS.values())
    assert not (asked.may_transfer or asked.may_delegate or asked.may_add_signers or asked.may_send_back)
    with case.office.db.read() as session:
        assert not urging.pressing(session, case.applicant.viewer, case.number, case.office.at).urgeable


@pytest.mark.parametrize(
    ("actions", "more", "words"),
    [("transfer recall", {}, "没有名为 recall 的操作"), ("none cc", {}, "只写 none"), ("", {}, "须列出操作"),
     ("transfer return", {}, "两处都要写明"), ("transfer", {"jiaoyan:send-back": "*"}, "两处都要写明")],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_at_deploy(actions: str, more: dict[str, str], words: str) -> None:
    problems = manners.check(diagram({"jiaoyan:actions": actions, **more}))
    assert [(problem.element, words in problem.reason) for problem in problems] == [("review", True)]
