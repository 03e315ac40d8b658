"""Several tasks at once: each is its own act with its own event, nothing is decided that the diagram does not name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select, update

from tests import reviewing
from tests.office import Case, Office, Place
from tests.reviewing import Desk, begins, ends, file
from tests.workflows.engine.drawing import extensions, flows, node, zeebe
from webapp import bulk_acts
from webapp.bulk_acts import BULK_ACT
from workflows import assignments, jobs, selections
from workflows.access import Viewer
from workflows.audit import Kind
from workflows.clock import machine_now
from workflows.errors import NothingSelected, TooManySelected
from workflows.inbox import Filter
from workflows.models import Event, Job, Task

WHY = "集中办理期间由其统一答复"


def _radio(key: str, label: str, *values: str, required: bool = True) -> dict[str, Any]:
    return {
        "type": "radio", "key": key, "label": label, "values": [{"label": one, "value": one} for one in values],
        "validate": {"required": required}, "id": f"f_{key}", "layout": {"row": f"Row_{key}", "columns": None},
    }  # fmt: skip


def _form(form_id: str, *fields: dict[str, Any]) -> bytes:
    return orjson.dumps({
        "id": form_id, "type": "default", "schemaVersion": 19, "properties": {"name": form_id, "documentation": "测试用"},
        "executionPlatform": "Camunda Cloud", "executionPlatformVersion": "8.8.0", "components": list(fields),
    })  # fmt: skip


def _text(key: str, label: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "type": "textfield", "key": key, "label": label, "validate": {"maxLength": 200, "required": required},
        "id": f"f_{key}", "layout": {"row": f"Row_{key}", "columns": None},
    }  # fmt: skip


def _step(name: str, label: str, form: str, **said: str) -> str:
    own = "".join(zeebe("property", name=f"jiaoyan:{key}", value=value) for key, value in said.items())
    who = zeebe("assignmentDefinition", candidateGroups=reviewing.HR)
    return node("userTask", name, extensions(zeebe("formDefinition", formId=form) + who + zeebe("properties", own)), name=label)


#: A decision that may be made for several at once, one that may not, and one that asks for more than can be said for all.
CROWD = {
    **file(
        "crowd", "集中审议", begins("提出", "review.proposal"),
        _step("decide", "审议", "review.decision", outcome="decision", bulk="同意"),
        _step("price", "核价", "review.price", outcome="decision", bulk="同意"),
        _step("close", "办结", "review.decision", outcome="decision"),
        ends("done", "已审议"), flows("s decide price close done"),
    ),
    "forms/library/review/decision.json": _form(
        "review.decision", _radio("conflict_declared", "是否需回避", "是", "否"),
        _radio("decision", "审议意见", "同意", "不同意"), _text("opinion", "意见"),
    ),
    "forms/library/review/price.json": _form(
        "review.price", _radio("decision", "核价意见", "同意", "不同意"), _text("price", "核定价格", required=True),
    ),
}  # fmt: skip


class Crowd:
    """Many cases of that process, and a reviewer who acts on several."""

    def __init__(self, office: Office, place: Place, root: Path) -> None:
        self.office, self.desk = office, Desk(office)
        reviewing.deploy(office, root, crowd=CROWD)
        self.unit, self.me = place.own_school, office.viewer(place.reviewer)
        self.other, self.head = office.viewer(place.second_reviewer), office.viewer(place.bureau_head)

    def begin(self, count: int) -> list[Case]:
        return [
            self.desk.begin("crowd", self.office.applicant(self.unit, name=f"甲{n}"), "proposal", title=f"课题{n}")
            for n in range(count)
        ]  # fmt: skip

    def tasks(self, cases: list[Case], step: str = "decide") -> list[str]:
        return [case.task(step).number for case in cases]

    def asks(self, act: str, tasks: list[str], who: Viewer | None = None, **more: Any) -> str:
        """Put it on the list, as the page does."""
        me = who or self.me
        params = {"act": act, "tasks": tasks, "to": "", "reason": WHY, "choice": "同意", "opinion": "", "declared": True,
                  "person": me.person_id, "ip": "10.0.0.9", "language": "zh", **more}  # fmt: skip
        return jobs.enqueue(self.office.db, BULK_ACT, params, at=self.office.at, by_id=me.person_id, by=me.actor())

    def works(self, number: str, who: Viewer | None = None) -> list[Any]:
        """A worker does it; what came of each."""
        assert jobs.run_next(self.office.db, {BULK_ACT: bulk_acts.perform}, lambda: self.office.at, number)
        return self.results(number, who)

    def results(self, number: str, who: Viewer | None = None) -> list[Any]:
        with self.office.db.read() as session:
            job = jobs.own(session, number, (who or self.me).person_id)
        return [True if row["done"] else row["message"] for row in job.cursor.get("results", [])]

    def events(self, kind: Kind) -> int:
        with self.office.db.read() as session:
            count = select(func.count()).select_from(Event).where(Event.kind == kind.value, Event.actor == self.me.number)
            return session.execute(count).scalar_one()


@pytest.fixture
def crowd(office: Office, liaoning: Place, root: Path) -> Crowd:
    return Crowd(office, liaoning, root)


def test_several_are_decided_each_by_an_act_of_its_own(crowd: Crowd) -> None:
    cases = crowd.begin(7)
    number = crowd.asks("decide", crowd.tasks(cases), opinion="材料齐全")
    assert crowd.works(number) == [True] * 7
    assert crowd.events(Kind.TASK_COMPLETED) == 7
    for case in cases:
        case.waits_at("price")
        [event] = case.events(Kind.TASK_COMPLETED)
        assert (event.actor, event.actor_kind, event.outcome, event.ip) == (crowd.me.number, "person", "同意", "10.0.0.9")
        assert case.row_of("decision") == {"conflict_declared": "否", "decision": "同意", "opinion": "材料齐全"}
    [started] = [one for one in crowd.office.events("office:jobs") if one.kind == Kind.JOB_STARTED]
    assert started.actor == crowd.me.number


def test_only_what_the_diagram_names_is_decided_for_several(crowd: Crowd) -> None:
    [case] = crowd.begin(1)
    [refused] = crowd.works(crowd.asks("decide", crowd.tasks([case]), choice="不同意"))
    assert "不能批量办理" in refused
    crowd.desk.does(case, "decide", "sy.hr1", "decision", conflict_declared="否", decision="同意")
    [refused] = crowd.works(crowd.asks("decide", crowd.tasks([case], "price")))
    assert "还须逐项填写" in refused
    crowd.desk.does(case, "price", "sy.hr1", "price", decision="同意", price="12")
    [refused] = crowd.works(crowd.asks("decide", crowd.tasks([case], "close")))
    assert "不能批量办理" in refused
    case.waits_at("close")


def test_who_does_not_declare_that_they_are_unconcerned_decides_nothing(crowd: Crowd) -> None:
    cases = crowd.begin(2)
    number = crowd.asks("decide", crowd.tasks(cases), declared=False)
    assert all("还须逐项填写" in one for one in crowd.works(number))
    with crowd.office.db.read() as session:
        assert jobs.own(session, number, crowd.me.person_id).cursor["results"][0]["fields"] == ["是否需回避"]
    for case in cases:
        case.waits_at("decide")


def test_each_refusal_stands_beside_what_was_done(crowd: Crowd) -> None:
    cases = crowd.begin(4)
    tasks = crowd.tasks(cases)
    assignments.claim(crowd.office.db, crowd.other, tasks[1], at=crowd.office.at)
    crowd.desk.does(cases[2], "decide", "sy.hr2", "decision", conflict_declared="否", decision="同意")
    held, unknown = "该任务已由%(name)s认领", "没有找到您要的内容"
    assert crowd.works(crowd.asks("claim", [*tasks, "nosuch"])) == [True, held, "该环节当前不能办理", True, unknown]
    assert crowd.works(crowd.asks("claim", [tasks[0]])) == [True], "it is theirs already"
    assert crowd.works(crowd.asks("unclaim", tasks[:2])) == [True, held]
    assert crowd.works(crowd.asks("transfer", tasks[:2], to=crowd.head.number)) == [True, held]
    assert crowd.events(Kind.TASK_TRANSFERRED) == 1


def test_rights_are_asked_when_the_work_is_done_not_when_it_was_asked_for(crowd: Crowd) -> None:
    cases = crowd.begin(2)
    applicant = cases[0].applicant.viewer
    number = crowd.asks("decide", crowd.tasks(cases), who=applicant)
    assert crowd.works(number, applicant) == ["没有找到您要的内容"] * 2
    for case in cases:
        case.waits_at("decide")
    with crowd.office.db.read() as session, pytest.raises(Exception, match="没有找到"):
        jobs.own(session, number, crowd.me.person_id)


def test_a_worker_that_dies_is_followed_by_one_that_does_nothing_twice(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = crowd.begin(8)
    number = crowd.asks("decide", crowd.tasks(cases))
    verb, seen = bulk_acts._VERBS["decide"], list[str]()

    def dies(db: Any, viewer: Any, task: str, *more: Any) -> None:
        verb(db, viewer, task, *more)
        seen.append(task)
        if len(seen) == 7:  # after two notes of progress of five, in the middle of the next
            raise KeyboardInterrupt

    monkeypatch.setitem(bulk_acts._VERBS, "decide", dies)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        crowd.works(number)
    monkeypatch.undo()
    with crowd.office.db.write() as session:
        session.execute(update(Job).values(lease_until=machine_now().replace(year=2026, month=1, day=1)))
    assert crowd.works(number) == [True] * 8
    assert crowd.events(Kind.TASK_COMPLETED) == 8
    for case in cases:
        case.waits_at("price")


def test_everything_that_a_filter_shows_is_decided(crowd: Crowd) -> None:
    cases = crowd.begin(30)
    with crowd.office.db.read() as session:
        chosen = selections.numbers(session, crowd.me, [], Filter(step_id="decide"), crowd.office.at)
    assert sorted(chosen) == sorted(crowd.tasks(cases))
    assert crowd.works(crowd.asks("decide", chosen)) == [True] * 30


def test_a_selection_is_not_empty_and_not_endless(crowd: Crowd) -> None:
    with crowd.office.db.read() as session:
        with pytest.raises(NothingSelected):
            selections.numbers(session, crowd.me, [], None, crowd.office.at)
        with pytest.raises(NothingSelected):
            selections.numbers(session, crowd.me, [], Filter(step_id="none"), crowd.office.at)
        with pytest.raises(TooManySelected):
            selections.numbers(session, crowd.me, [f"t{n}" for n in range(501)], None, crowd.office.at)


def test_what_waits_for_others_is_not_shown_in_a_selection(crowd: Crowd, office: Office) -> None:
    cases = crowd.begin(2)
    tasks = crowd.tasks(cases)
    with office.db.read() as session:
        assert [(one.number, one.choices) for one in selections.selected(session, crowd.me, tasks, office.at)] == [
            (number, ("同意",)) for number in tasks
        ]
        assert selections.selected(session, cases[0].applicant.viewer, tasks, office.at) == []
        assert session.execute(select(func.count()).select_from(Task).where(Task.status == "done")).scalar_one() == 0
