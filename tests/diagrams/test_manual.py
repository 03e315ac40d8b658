"""bpmn/README.md says what the code does: elements that run or are refused, and the properties of a step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.diagrams.specimens import diagram
from workflows import manners
from workflows.engine import fence
from workflows.foreign_models import REWRITTEN
from workflows.orders import ORDERS


def test_the_manual_lists_every_element_as_the_fence_treats_it(root: Path) -> None:
    manual = (root / "bpmn/README.md").read_text(encoding="utf-8")
    runs, refused, limits, rewritten = re.split("### What (?:is refused|import-model).*", manual.split("### What runs")[1])
    assert _rows(runs) == [(f"`{name}`", what) for name, what in fence.RUNS.items()]
    assert _rows(refused) == [(f"`{name}`", why, use) for name, (why, use) in fence.REFUSED.items()]
    assert _rows(limits) == [(f"`{name}`", what, use) for name, (what, use) in fence.LIMITS.items()]
    assert _rows(rewritten) == [(f"`{name}`", found, written) for name, (found, written) in REWRITTEN.items()]


def test_the_manual_lists_every_property_as_it_is_heeded(root: Path) -> None:
    manual = (root / "bpmn/README.md").read_text(encoding="utf-8").split("## Diagrams")[1].split("| order |")[0]
    told = _rows(manual)
    assert told == [(f"`{name}`", "process", what) for name, what in manners.OF_PROCESS.items()] + [
        (f"`{name}`", "step", what) for name, what in manners.OF_STEP.items()
    ]


def test_the_manual_lists_every_order(root: Path) -> None:
    manual = (root / "bpmn/README.md").read_text(encoding="utf-8").split("| order |")[1].split("### What runs")[0]
    assert sorted(name for name, *_ in _rows("| order |" + manual)) == sorted(f"`{name}`" for name in ORDERS)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("jiaoyan:revew", "true", "没有名为 jiaoyan:revew 的属性"),
        ("jiaoyan:review", "yes", "只能是 true"),
        ("jiaoyan:notice", "no_such_notice", "没有名为“no_such_notice”的通知"),
        ("jiaoyan:separate-from", "adm_u9", "图中没有环节 adm_u9"),
        ("jiaoyan:escalate-to", "bureau_head", "应是以 = 开头的 FEEL 表达式"),
        ("jiaoyan:escalate-to", '=role("nobody")', "应写明角色"),
        ("jiaoyan:escalate-to", "=role(", "jiaoyan:escalate-to："),
        ("jiaoyan:cc", "tri_head", "应是以 = 开头的 FEEL 表达式"),
        ("jiaoyan:cc", '=role("nobody")', "应写明角色"),
        ("jiaoyan:bulk", "同意", "须一并写明"),
        ("jiaoyan:sealed-until", "adm_u9", "图中没有环节 adm_u9"),
        ("jiaoyan:readers", "emperor", "没有名为 emperor 的角色"),
        ("jiaoyan:reported-by", "bureau_hr", "须同时写明"),
    ],
)
def test_a_property_that_nobody_would_heed_is_refused_with_its_place(name: str, value: str, reason: str) -> None:
    problems = manners.check(diagram({name: value}))
    assert [(problem.element, reason in problem.reason) for problem in problems] == [("review", True)]
    assert problems[0].line > 0


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("jiaoyan:may-cancel", "bureau_head emperor", "没有名为 emperor 的角色"),
        ("jiaoyan:may-start", "emperor", "没有名为 emperor 的角色"),
        ("jiaoyan:withdraw", "查询", "没有可中断的消息边界事件或事件子流程等待消息“查询”"),
        ("jiaoyan:withdraw", "撤回", "没有可中断的消息边界事件或事件子流程等待消息“撤回”"),
        ("jiaoyan:withdraw-until", "review end", "图中没有用户任务 end"),
    ],
)
def test_a_property_of_the_process_is_checked_too(name: str, value: str, reason: str) -> None:
    problems = manners.check(diagram({}, {name: value}))
    assert [(problem.element, reason in problem.reason) for problem in problems] == [("specimen", True)]


def test_properties_of_the_process_that_are_heeded_pass() -> None:
    heeded = {"jiaoyan:may-suspend": "bureau_hr bureau_head", "jiaoyan:withdraw": "撤回申请", "jiaoyan:withdraw-until": "review"}
    assert manners.check(diagram({}, heeded)) == []


def test_properties_that_are_heeded_pass() -> None:
    heeded = {"jiaoyan:stage": "审核", "jiaoyan:review": "true", "jiaoyan:separate-from": "review",
              "jiaoyan:notice": "task_opened", "jiaoyan:escalate-to": '=role("bureau_head")', "vendor:other": "x"}
    assert manners.check(diagram(heeded)) == []


def _rows(text: str) -> list[tuple[str, ...]]:
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]


def _plan_review(root: Path, **said: str) -> list[str]:
    """What is wrong with a step of the real form ``admission.plan_review`` that says this of itself."""
    inside = """<zeebe:formDefinition formId="admission.plan_review" />
        <zeebe:ioMapping><zeebe:input source="=[&#34;同意&#34;,&#34;退回&#34;]" target="outcomes" /></zeebe:ioMapping>"""
    one = diagram(said, inside=inside)
    form = (root / "forms/library/admission/plan_review.json").read_bytes()
    return [problem.reason for problem in manners.check_bulk(one, {"admission.plan_review": form})]


def test_many_are_decided_at_once_only_by_choices_that_the_form_offers(root: Path) -> None:
    assert _plan_review(root, **{"jiaoyan:outcome": "decision", "jiaoyan:bulk": "同意"}) == []
    [wrong] = _plan_review(root, **{"jiaoyan:outcome": "result", "jiaoyan:bulk": "同意"})
    assert "没有字段 result" in wrong
    [wrong] = _plan_review(root, **{"jiaoyan:outcome": "decision", "jiaoyan:bulk": "同意 通过"})
    assert "没有选项“通过”；可用：同意、退回" in wrong
