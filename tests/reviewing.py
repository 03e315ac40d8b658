"""An office's other processes, drawn for tests: a project review that asks an expert, and rounds that cases wait for.

``project`` 课题评审 calls ``expert`` 专家意见, which reports 回避 as an error and 申请延期 as an escalation; messages withdraw it
(撤回) and object to it (异议), a signal stops every review (停止评审). ``batch`` 申报批次 sends 批次开放 with the round's number, and
``declaration`` 申报 waits for it. ``plan`` 年度计划 calls the review. ``archive`` 归档 is started by a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select

from tests.factories import SETTING_UP
from tests.office import Applicant, Case, Hand, Office
from tests.workflows.engine.drawing import HEAD, choice, extensions, flows, node, what, zeebe
from webapp import composition
from workflows import deployment, instances
from workflows.db import Database
from workflows.models import Delivery, Instance, Subscription
from workflows.submission import Submission
from workflows.transitions import Moved

HR = '=role("bureau_hr")'


def _form(form_id: str, *fields: Mapping[str, Any]) -> bytes:
    described = {"name": form_id, "documentation": "测试用"}
    return orjson.dumps({
        "id": form_id, "type": "default", "schemaVersion": 19, "properties": described,
        "executionPlatform": "Camunda Cloud", "executionPlatformVersion": "8.8.0",
        "components": [{**one, "id": f"f_{one.get('key') or one['path']}", "layout": {"row": f"Row_{number}", "columns": None}}
                       for number, one in enumerate(fields)],
    })  # fmt: skip


def _text(key: str, label: str) -> dict[str, Any]:
    return {"type": "textfield", "key": key, "label": label, "validate": {"maxLength": 200}}


def task(name: str, label: str, form: str, inside: str = "", *, assignee: str = "") -> str:
    """A user task for the reviewers, or for one person."""
    who = zeebe("assignmentDefinition", **({"assignee": assignee} if assignee else {"candidateGroups": HR}))
    return node("userTask", name, extensions(zeebe("formDefinition", formId=form) + who + inside), name=label)


def begins(label: str, form: str) -> str:
    """The plain start event."""
    return node("startEvent", "s", extensions(zeebe("formDefinition", formId=form)), name=label)


def ends(name: str, label: str, inside: str = "") -> str:
    """An end event."""
    return node("endEvent", name, inside, name=label)


def border(name: str, label: str, host: str, inside: str, *, cancel: bool = True) -> str:
    """A boundary event."""
    return node("boundaryEvent", name, inside, name=label, attachedToRef=host, cancelActivity=str(cancel).lower())


def message(name: str, label: str, key: str = "") -> str:
    """A message with a name of its own and a FEEL key."""
    return node("message", name, extensions(zeebe("subscription", correlationKey="=" + key) if key else ""), name=label)


def file(process: str, name: str, *inside: str) -> dict[str, bytes]:
    """One diagram at its place in the tree; what starts with a declaration stands beside the process."""
    kinds = ("<bpmn:message", "<bpmn:signal", "<bpmn:error ", "<bpmn:escalation ")
    beside = "".join(one for one in inside if one.startswith(kinds))
    body = "".join(one for one in inside if not one.startswith(kinds))
    text = f'{HEAD}{beside}<bpmn:process id="{process}" name="{name}" isExecutable="true">{body}</bpmn:process></bpmn:definitions>'
    return {f"bpmn/{process}/{process}.bpmn": text.encode()}


def mapping(*lines: tuple[str, str, str]) -> str:
    """`("input", "=a", "b")` and the like."""
    return zeebe("ioMapping", "".join(zeebe(tag, source=source, target=target) for tag, source, target in lines))


def called(name: str, label: str, process: str, inside: str = "") -> str:
    """A call activity."""
    return node("callActivity", name, extensions(zeebe("calledElement", processId=process) + inside), name=label)


PROJECT = file(
    "project", "课题评审",
    message("m_withdrawn", "撤回", "instance.number"), message("m_objection", "异议", "instance.number"),
    node("signal", "g_stop", name="停止评审"),
    node("error", "x_recused", name="回避", errorCode="回避"),
    node("escalation", "x_late", name="申请延期", escalationCode="申请延期"),
    begins("提交课题", "review.proposal"),
    called("expert", "专家意见", "expert", mapping(
        ("input", "=proposal", "proposal"), ("output", "=opinion", "opinion"), ("output", "=opinion.score * 2", "points"),
    )),
    border("on_recused", "专家回避", "expert", what("error", "x_recused")),
    border("on_late", "专家申请延期", "expert", what("escalation", "x_late"), cancel=False),
    border("on_withdrawn", "申报人撤回", "expert", what("message", "m_withdrawn")),
    task("appoint", "另行指定专家", "review.opinion"),
    task("note_late", "登记延期", "review.conclusion"),
    task("decide", "评审结论", "review.conclusion"),
    border("on_objection", "收到异议", "decide", what("message", "m_objection"), cancel=False),
    border("on_stop", "停止评审", "decide", what("signal", "g_stop")),
    task("hear", "听取异议", "review.conclusion"),
    ends("done", "评审办结"), ends("heard", "异议已听取"), ends("noted", "延期已登记"),
    ends("withdrawn", "已撤回"), ends("stopped", "已停止"),
    flows("s expert decide done", "on_recused appoint decide", "on_late note_late noted", "on_withdrawn withdrawn",
          "on_objection hear heard", "on_stop stopped"),
)  # fmt: skip

EXPERT = file(
    "expert", "专家意见",
    node("error", "x_recused", name="回避", errorCode="回避"),
    node("escalation", "x_late", name="申请延期", escalationCode="申请延期"),
    begins("收到课题", "review.proposal"),
    task("opine", "填写意见", "review.opinion", mapping(("output", "=opinion", "opinion"))),
    choice("which", "which-done"),
    node("intermediateThrowEvent", "late", what("escalation", "x_late"), name="申请延期"),
    ends("done", "意见已出具"), ends("recused", "专家回避", what("error", "x_recused")),
    flows("s opine which", 'which recused | opinion.kind = "回避"', 'which late | opinion.kind = "延期"', "late opine", "which done"),
)  # fmt: skip

BATCH = file(
    "batch", "申报批次", message("m_open", "批次开放", "batch.number"), node("signal", "g_stop", name="停止评审"),
    begins("筹备批次", "review.batch"), task("publish", "发布批次", "review.conclusion"),
    node("intermediateThrowEvent", "announce", extensions(mapping(("input", "=batch.quota", "quota"))) + what("message", "m_open"),
         name="批次开放"),
    task("close", "结束批次", "review.conclusion"),
    node("endEvent", "stop", what("signal", "g_stop"), name="停止评审"),
    flows("s publish announce close stop"),
)  # fmt: skip

DECLARATION = file(
    "declaration", "课题申报", message("m_open", "批次开放", "batch.number"),
    begins("预先填写", "review.batch"),
    node("intermediateCatchEvent", "wait", what("message", "m_open"), name="等待批次开放"),
    task("declare", "正式申报", "review.proposal", assignee="=instance.starter"), ends("done", "申报办结"),
    flows("s wait declare done"),
)  # fmt: skip

PLAN = file(
    "plan", "年度计划",
    begins("编制计划", "review.proposal"), task("agree", "核准计划", "review.conclusion"),
    called("review", "组织评审", "project"), ends("done", "计划完成"), flows("s agree review done"),
)

ARCHIVE = file(
    "archive", "归档", message("m_archive", "归档"),
    node("startEvent", "s", what("message", "m_archive"), name="收到归档材料"),
    task("file", "归档登记", "review.conclusion"), ends("done", "已归档"), flows("s file done"),
)  # fmt: skip

FORMS = {
    "forms/library/review/proposal.json": _form("review.proposal", _text("title", "课题名称"), _text("budget", "经费预算")),
    "forms/library/review/opinion.json": _form("review.opinion", _text("kind", "意见类别"), _text("score", "评分")),
    "forms/library/review/conclusion.json": _form("review.conclusion", _text("words", "结论")),
    "forms/library/review/batch.json": _form("review.batch", _text("number", "批次编号"), _text("quota", "名额")),
}
TREE = {**PROJECT, **EXPERT, **PLAN, **BATCH, **DECLARATION, **ARCHIVE, **FORMS}


def deploy(office: Office, root: Path, **changed: Mapping[str, bytes]) -> None:
    """Deploy the processes beside the real ones; ``changed`` are newer drawings."""
    tree = {**deployment.read_tree(root), **TREE}
    for drawn in changed.values():
        tree |= drawn
    deployment.deploy(office.db, SETTING_UP, tree, composition.check_form, at=office.at)


class Desk:
    """The office at work on these processes, in one word each."""

    def __init__(self, office: Office) -> None:
        self.office, self.sent = office, 0

    def paper(self, form: str, **data: Any) -> Submission:
        """A filled form that nobody has sent."""
        self.sent += 1
        return Submission(f"review.{form}", data, f"token-{self.sent}")

    def begin(self, process: str, applicant: Applicant, form: str, **data: Any) -> Case:
        """Somebody starts a process in the open round."""
        moved = instances.start(
            self.office.db, applicant.viewer, process, self.office.round(applicant.place), self.paper(form, **data),
            at=self.office.at,
        )
        return Case(self.office, applicant, moved.instance_number)

    def project(self, unit: str, name: str = "林书豪", title: str = "整本书阅读教学研究") -> Case:
        """A project is handed in; the expert's part of it waits."""
        return self.begin("project", self.office.applicant(unit, name=name), "proposal", title=title, budget="12000.50")

    def part(self, case: Case, number: int = 1) -> Case:
        """What a case has called."""
        return Case(self.office, case.applicant, f"{case.number}-{number}")

    def does(self, case: Case, step: str, who: str, form: str, **data: Any) -> Moved:
        """Somebody completes an open task of a case."""
        hand: Hand = case.task(step).by(who)
        return instances.complete_task(
            self.office.db, hand.viewer, hand.task, self.paper(form, **data), at=self.office.at
        )

    def waiting(self, kind: str = "") -> list[tuple[str, str, str]]:
        """(kind, name, key) of all that is on its way."""
        return _on_their_way(self.office.db, kind)

    def listening(self, case: Case) -> list[str]:
        """Steps of a case that wait for a message or signal."""
        with self.office.db.read() as session:
            return sorted(session.execute(
                select(Subscription.step_id).join(Instance, Instance.id == Subscription.instance_id)
                .where(Instance.number == case.number, Subscription.ended_at.is_(None))
            ).scalars())  # fmt: skip


def _on_their_way(db: Database, kind: str) -> list[tuple[str, str, str]]:
    with db.read() as session:
        query = select(Delivery.kind, Delivery.name, Delivery.key).where(Delivery.ended_at.is_(None)).order_by(Delivery.id)
        return [(one, name, key) for one, name, key in session.execute(query) if kind in ("", one)]
