"""Three reviewers at once, each for themselves: one returns, the others' rounds end by name, and all three judge the repeat."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests import reviewing
from tests.browser.desk import FORM, Desk
from tests.browser.site_map import NEW, Demo
from tests.browser.test_work_of_people import log_of, opens
from tests.reviewing import begins, ends, file, mapping, task
from tests.serving import Served
from tests.workflows.engine.drawing import choice, extensions, flows, node, zeebe
from tests.workflows.test_bulk_acts import _form, _radio, _text
from webapp import composition
from workflows import deployment
from workflows.clock import Clock
from workflows.db import Database

RETURNED, PASSED = "退回修改", "通过"
#: FEEL: one of those who have judged returns it.
RETURNS = f'some one in verdicts satisfies one != null and one.decision = "{RETURNED}"'
REVIEWERS = {"sy.hr1": "吴立新", "sy.hr2": "郑晓燕", "sy.clerk": "程瑞芳"}
WHY = "研究方法一节缺少对照班级的说明"
FIRST, SECOND = "整本书阅读教学研究", "整本书阅读教学研究（补充对照班级）"

#: Where each step stands on the page of the case: left, top, width, height.
PLACES = {
    "s": (60, 82, 36, 36), "judge": (160, 60, 100, 80), "all": (330, 75, 50, 50), "revise": (305, 200, 100, 80), "done": (460, 82, 36, 36),
}  # fmt: skip
FLOWS = ("s judge", "judge all", "all revise", "revise judge", "all done")


def laid_out(raw: bytes) -> bytes:
    """The diagram with its layout, each flow a straight line between the middles of two steps."""
    middle = {name: (x + w // 2, y + h // 2) for name, (x, y, w, h) in PLACES.items()}
    shapes = [
        f'<di:BPMNShape id="{name}_di" bpmnElement="{name}"><dc:Bounds x="{x}" y="{y}" width="{w}" height="{h}"/></di:BPMNShape>'
        for name, (x, y, w, h) in PLACES.items()
    ]
    lines = []
    for flow in FLOWS:
        points = "".join(f'<line:waypoint x="{x}" y="{y}"/>' for x, y in (middle[step] for step in flow.split()))
        name = flow.replace(" ", "-")
        lines.append(f'<di:BPMNEdge id="{name}_di" bpmnElement="{name}">{points}</di:BPMNEdge>')
    layout = (
        '<di:BPMNDiagram xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" '
        'xmlns:line="http://www.omg.org/spec/DD/20100524/DI"><di:BPMNPlane bpmnElement="jury">'
        f'{"".join(shapes + lines)}</di:BPMNPlane></di:BPMNDiagram></bpmn:definitions>'
    )
    return raw.replace(b"</bpmn:definitions>", layout.encode())


def jury(reviewers: list[str]) -> dict[str, bytes]:
    """成果评审: everybody at the same time; as soon as one returns it, the author revises, and everybody judges again."""
    loop = zeebe(
        "loopCharacteristics", inputCollection="=[" + ", ".join(f'"{one}"' for one in reviewers) + "]", inputElement="seat",
        outputCollection="verdicts", outputElement="=verdict",
    )  # fmt: skip
    until = f"<bpmn:completionCondition>={RETURNS}</bpmn:completionCondition>"
    many = node("multiInstanceLoopCharacteristics", "many", extensions(loop) + until, isSequential="false")
    own = zeebe("properties", zeebe("property", name="jiaoyan:outcome", value="decision"))
    each = task("judge", "成果评审", "review.verdict", mapping(("output", "=verdict", "verdict")) + own, assignee="=seat")
    drawn = file(
        "jury", "成果评审", begins("提交成果", "review.proposal"),
        each.replace("</bpmn:userTask>", many + "</bpmn:userTask>"),
        choice("all", "all-done"), task("revise", "修改成果", "review.revision", mapping(
            ("input", "=proposal.title", "title"), ("input", "=proposal.budget", "budget"),
            ("input", f'=verdicts[item != null and item.decision = "{RETURNED}"][1].words', "asked"),
            ("output", "=revision", "proposal"),
        ), assignee="=instance.starter"),
        ends("done", "评审通过"),
        flows("s judge all", f"all revise | {RETURNS}", "revise judge", "all done"),
    )  # fmt: skip
    return {
        **{name: laid_out(raw) for name, raw in drawn.items()},
        "forms/library/review/verdict.json": _form(
            "review.verdict", _radio("conflict_declared", "是否需回避", "是", "否"), _radio("decision", "评审意见", PASSED, RETURNED),
            _text("words", "理由"),
        ),
        "forms/library/review/revision.json": _form(
            "review.revision", {**_text("asked", "退回意见"), "readonly": True}, _text("title", "课题名称"), _text("budget", "经费预算"),
        ),
        "forms/library/review/proposal.json": reviewing.FORMS["forms/library/review/proposal.json"],
    }  # fmt: skip


def deployed(demo: Served) -> str:
    """Put the diagram beside the office's own; the number of the round in which it is started."""
    found = Demo(demo.data)
    number = "SELECT p.number FROM person p JOIN account a ON a.person_id = p.id WHERE a.sign_in_name = ?"
    reviewers = [str(found.all(number, one)[0]) for one in REVIEWERS]
    opened = str(found.numbers()["round"])
    found.close()
    db = Database(f"sqlite:///{demo.data / 'jiaoyan.sqlite3'}")
    tree = {**deployment.read_tree(composition.SOURCE), **jury(reviewers)}
    deployment.deploy(db, composition.OPERATOR, tree, composition.check_form, at=Clock(db).now())
    db.close()
    return opened


def judges(desk: Desk, case: str, decision: str, **more: Any) -> None:
    """One reviewer opens their own sheet and sends it."""
    opens(desk, "/inbox/", case)
    desk.fill({"conflict_declared": "否"}).fill({"decision": decision, **more}).send().reads("“成果评审”已提交")


def test_what_one_of_three_returns_is_judged_anew_by_all(demo: Served, sit_down: Callable[..., Desk]) -> None:
    author = sit_down(NEW).open(f"/instances/start/jury/{deployed(demo)}")
    author.fill({"title": FIRST, "budget": "12000"}).send("下一步：通读核对").press("确认提交").reads("成果评审")
    case = author.number()
    first, second, third = [sit_down(one) for one in REVIEWERS]
    for desk in (first, second, third):
        expect(desk.open("/inbox/").page.get_by_role("row").filter(has_text=case)).to_have_count(1)

    # The third has it open, and filled in, while the second sends it back.
    opens(third, "/inbox/", case)
    third.fill({"conflict_declared": "否"}).fill({"decision": PASSED})
    judges(first, case, PASSED)
    author.open(f"/instances/{case}").reads("成果评审", "郑晓燕", "程瑞芳")
    judges(second, case, RETURNED, words=WHY)
    with third.page.expect_navigation() as answered:
        third.press("提交")
    assert answered.value is not None
    assert answered.value.status == 409
    third.reads("该环节当前不能办理", "没有提交", PASSED)
    for desk in (first, third):
        expect(desk.open("/inbox/").page.get_by_role("row").filter(has_text=case)).to_have_count(0)

    # The author has the old data and the reason, and mends what was asked for.
    page = opens(author, "/inbox/", case)
    author.reads(WHY)
    expect(page.locator(f"{FORM} [name=title]")).to_have_value(FIRST)
    author.fill({"title": SECOND}).send().reads("“修改成果”已提交")

    for desk, who in ((first, PASSED), (third, PASSED), (second, PASSED)):
        judges(desk, case, who)
    auditor = sit_down("ln.audit").open(f"/audit/cases/{case}").reads("评审通过", "校验通过", FIRST, SECOND, WHY)
    told = log_of(auditor)
    for name, rounds in (("吴立新", 2), ("郑晓燕", 2), ("程瑞芳", 1)):
        done = [line for line in told if name in line and "成果评审" in line and re.search(f"{PASSED}|{RETURNED}", line)]
        assert len(done) == rounds, (name, told)
    author.open(f"/instances/{case}").reads("已办结", "评审通过")
