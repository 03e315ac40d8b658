"""A review by a large panel: each member moves by itself, in a part of the state of its own (Progress.parts)."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

from sqlalchemy import func, select

from tests import reviewing
from tests.office import Case, Office, Place
from tests.reviewing import Desk, begins, ends, file, mapping, task
from tests.workflows.engine.drawing import extensions, flows, node, zeebe
from tests.workflows.test_verbs import BESIDES, Statements
from workflows import deliveries, instances
from workflows.engine import repeating
from workflows.engine.rest import variables
from workflows.models import Instance, Part

#: Members; more than the engine keeps in the state itself.
MANY = repeating.SMALL + 5


def _panel(until: str = "", before: str = "") -> dict[str, bytes]:
    """Everybody on the panel gives a score; ``before`` is a message border of the whole."""
    loop = zeebe("loopCharacteristics", inputCollection="=proposal.panel", inputElement="seat", outputCollection="scores",
                 outputElement="=opinion.score")
    condition = f"<bpmn:completionCondition>={until}</bpmn:completionCondition>" if until else ""
    each = task("score", "专家打分", "review.opinion", mapping(("output", "=opinion", "opinion")))
    many = node("multiInstanceLoopCharacteristics", "many", extensions(loop) + condition, isSequential="false")
    return file(
        "panel", "专家组评分", begins("提交课题", "review.proposal"), each.replace("</bpmn:userTask>", many + "</bpmn:userTask>"),
        task("decide", "汇总", "review.conclusion"), ends("done", "评分办结"), flows("s score decide done"),
        *((reviewing.message("m_stop", "停止评分", "instance.number"), before, ends("stopped", "已停止"), flows("on_stop stopped"))
          if before else ()),
    )  # fmt: skip


STOP = reviewing.border("on_stop", "停止评分", "score", '<bpmn:messageEventDefinition messageRef="m_stop"/>')


def _case(office: Office, root: Path, place: Place, drawn: dict[str, bytes]) -> tuple[Desk, Case]:
    reviewing.deploy(office, root, panel=drawn)
    desk = Desk(office)
    panel = [f"第{number}席" for number in range(1, MANY + 1)]
    applicant = office.applicant(place.own_school)
    return desk, desk.begin("panel", applicant, "proposal", title="整本书阅读", budget="1", panel=panel)


def _parts(office: Office) -> int:
    with office.db.read() as session:
        return session.execute(select(func.count()).select_from(Part)).scalar_one()


def test_each_member_moves_by_itself(office: Office, liaoning: Place, root: Path) -> None:
    """Its part is read with the case: no statement more, early or late."""
    desk, case = _case(office, root, liaoning, _panel())
    assert _parts(office) == MANY
    viewer, asked = office.viewer(liaoning.reviewer), []
    tasks = [task for task in case.tasks() if task.status == "open"]
    random.Random(4).shuffle(tasks)
    for place, one in enumerate(tasks):
        paper = desk.paper("opinion", kind="同意", score=Decimal(one.inputs["loopCounter"]) / 4)
        counted = Statements(office.db)
        instances.complete_task(office.db, viewer, one.number, paper, at=office.at)
        if place in (1, len(tasks) - 2):
            asked.append([text for text in counted.seen if not BESIDES.match(text)])
    assert [len(statements) for statements in asked] == [8, 8], asked[0]
    case.waits_at("decide")
    assert _parts(office) == 0
    expected = [value if value % 1 else int(value) for value in (Decimal(seat) / 4 for seat in range(1, MANY + 1))]
    assert variables(case.row().state)["scores"] == expected


def test_enough_is_enough(office: Office, liaoning: Place, root: Path) -> None:
    desk, case = _case(office, root, liaoning, _panel("numberOfCompletedInstances >= 2"))
    for score in (80, 90):
        desk.does(case, "score", liaoning.reviewer, "opinion", kind="同意", score=score)
    case.waits_at("decide")
    assert _parts(office) == 0
    assert sorted(task.status for task in case.tasks()).count("cancelled") == MANY - 2


def test_a_message_ends_them_all(office: Office, liaoning: Place, root: Path) -> None:
    desk, case = _case(office, root, liaoning, _panel(before=STOP))
    desk.does(case, "score", liaoning.reviewer, "opinion", kind="同意", score=80)
    sent = deliveries.send_message(
        office.db, office.viewer(liaoning.reviewer), "停止评分", case.number, {}, origin="甲", at=office.at
    )
    assert sent.reached == (case.number,)
    case.ended("stopped")
    assert _parts(office) == 0


def test_the_state_does_not_grow_with_the_panel(office: Office, liaoning: Place, root: Path) -> None:
    _, case = _case(office, root, liaoning, _panel())
    with office.db.read() as session:
        size = session.execute(select(func.length(Instance.state)).where(Instance.number == case.number)).scalar_one()
    assert size < 40 * MANY


