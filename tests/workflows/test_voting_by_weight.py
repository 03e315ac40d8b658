"""加权票决 through real verbs: a member for each seat, early end once decided, the count shown with everybody's vote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests import reviewing
from tests.office import Office, Place
from tests.voting import VERDICT
from workflows import assignments, case_file, instances
from workflows.errors import ActionNotAllowed, HeldByAnother, NotFound, Refusal
from workflows.models import Instance, Task
from workflows.submission import Submission


class Panel:
    """A motion that its panel votes on: the chair's vote weighs three, the others' one."""

    def __init__(self, office: Office, place: Place, root: Path) -> None:
        reviewing.deploy(office, root, verdict=VERDICT)
        self.office, self.sent = office, 0
        self.people = [office.viewer(who) for who in (place.bureau_head, place.reviewer, place.second_reviewer, place.own_head)]
        seats = [
            {"person": one.number, "seat": "组长" if n == 0 else f"成员{n}", "weight": 3 if n == 0 else 1}
            for n, one in enumerate(self.people)
        ]
        self.applicant = office.applicant(place.own_school)
        moved = instances.start(
            office.db, self.applicant.viewer, "verdict", office.round(self.applicant.place),
            self.paper("motion", title="确定重点课题", seats=seats), at=office.at,
        )  # fmt: skip
        self.number = moved.instance_number

    def paper(self, form: str, **data: Any) -> Submission:
        self.sent += 1
        return Submission(f"verdict.{form}", data, f"t-{self.sent}")

    def open(self, step: str) -> dict[int, str]:
        """Key of the holder -> number of their task, of those that wait at a step."""
        with self.office.db.read() as session:
            return {task.holder_id or 0: task.number for task in session.execute(
                select(Task).where(Task.step_id == step, Task.status == "open")
            ).scalars()}  # fmt: skip

    def votes(self, member: int, said: str, instead_of: int | None = None) -> None:
        who = self.people[member]
        task = self.open("cast")[self.people[member if instead_of is None else instead_of].person_id]
        instances.complete_task(self.office.db, who, task, self.paper("voting_paper", vote=said), at=self.office.at)

    def outcome(self) -> tuple[str, str | None]:
        with self.office.db.read() as session:
            return session.execute(select(Instance.status, Instance.outcome).where(Instance.number == self.number)).tuples().one()

    def announced(self) -> dict[str, Any]:
        """What the step that reads the result out is handed."""
        [task] = self.open("announce").values()
        with self.office.db.read() as session:
            return dict(instances.task_form(session, self.people[1], task, self.office.at).prefill)

    def reads_out(self) -> None:
        [task] = self.open("announce").values()
        shown = self.announced()
        paper = self.paper("result", words=shown["words"], rows=shown["rows"], remark="")
        instances.complete_task(self.office.db, self.people[1], task, paper, at=self.office.at)


@pytest.fixture
def panel(office: Office, liaoning: Place, root: Path) -> Panel:
    return Panel(office, liaoning, root)


def test_it_is_decided_by_weight_as_soon_as_nothing_can_change_and_every_vote_is_shown(panel: Panel) -> None:
    assert len(panel.open("cast")) == 4
    panel.votes(1, "不赞成")
    assert len(panel.open("cast")) == 3, "nothing is decided"
    panel.votes(0, "赞成")
    assert len(panel.open("cast")) == 2, "three of six are not more than half"
    panel.votes(2, "赞成")
    assert panel.open("cast") == {}, "the vote that is still out changes nothing"
    shown = panel.announced()
    assert shown["words"].startswith("通过：4 席共 6 票，已投 3 席") and "未投 1" in shown["words"]
    assert [(row["seat"], row["weight"], row["vote"]) for row in shown["rows"]] == [
        ("组长", 3, "赞成"), ("成员1", 1, "不赞成"), ("成员2", 1, "赞成"), ("成员3", 1, "未投票"),
    ]  # fmt: skip
    panel.reads_out()
    assert panel.outcome() == ("completed", "won")


def test_the_others_cannot_outvote_the_chair_whose_vote_is_half(panel: Panel) -> None:
    for member in (1, 2):
        panel.votes(member, "赞成")
    panel.votes(0, "不赞成")
    assert panel.open("cast") == {} and panel.announced()["words"].startswith("未通过：")
    panel.reads_out()
    assert panel.outcome() == ("completed", "lost")


def test_a_vote_is_ones_own_given_once_and_hidden_until_it_is_counted(panel: Panel) -> None:
    with pytest.raises((NotFound, HeldByAnother)):
        panel.votes(1, "赞成", instead_of=0)
    chairs = panel.open("cast")[panel.people[0].person_id]
    with pytest.raises(Refusal) as refused:
        assignments.transfer(
            panel.office.db, panel.people[0], chairs, panel.people[1].number, "外出培训一周", at=panel.office.at
        )
    assert isinstance(refused.value, ActionNotAllowed), "a seat's vote goes to nobody else"
    panel.votes(1, "不赞成")
    with panel.office.db.read() as session:
        seen = case_file.read(session, panel.people[0], panel.number, panel.office.at)
    [given] = [one for one in seen.submissions if one.step_id == "cast"]
    assert given.sealed_until == "计票" and not given.data
    panel.votes(0, "赞成")
    panel.votes(2, "赞成")
    with panel.office.db.read() as session:
        seen = case_file.read(session, panel.people[0], panel.number, panel.office.at)
    assert sorted(one.data["vote"] for one in seen.submissions if one.step_id == "cast") == ["不赞成", "赞成", "赞成"]
