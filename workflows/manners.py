"""Rights and manners of a process and its steps: what ``jiaoyan:*`` properties of a diagram may say, checked at deploy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workflows import engine, feel, policies
from workflows.engine.names import variables
from workflows.errors import Problem
from workflows.notices import KINDS
from workflows.people import ROLES

#: Properties of a process -> what they mean.
OF_PROCESS: Mapping[str, str] = {
    "jiaoyan:title": "办件标题，FEEL",
}
#: Properties of a step -> what they mean.
OF_STEP: Mapping[str, str] = {
    "jiaoyan:stage": "进度条上的阶段名",
    "jiaoyan:review": "true：审核环节，同一人不得连续办理两个审核环节",
    "jiaoyan:separate-from": "环节 id（空格分隔）：办过这些环节的人不得办理本环节",
    "jiaoyan:outcome": "表单中作为办理结果的字段",
    "jiaoyan:notice": "打开环节或到达结束时发出的通知",
    "jiaoyan:escalate-to": "超期报告给谁，FEEL，如 =role(\"bureau_head\")",
}
#: Those of them that are FEEL; the others are text.
FORMULAS = frozenset({"jiaoyan:title", "jiaoyan:escalate-to"})
#: What the house lends to every expression of a diagram (``workflows.case.house``).
HOUSE_NAMES = ("instance", "task", "policy", "role", "bureau of", *policies.FUNCTION_NAMES)


def check(diagram: engine.Diagram) -> list[Problem]:
    """Every ``jiaoyan:*`` property that nothing would heed or that cannot be right; none is silently ignored."""
    found = [
        Problem(diagram.file, diagram.start.line, diagram.process_id, reason)
        for reason in _of(diagram.properties, OF_PROCESS, diagram)
    ]
    for step in diagram.steps.values():
        found += [Problem(diagram.file, step.line, step.id, reason) for reason in _of(step.properties, OF_STEP, diagram)]
    return found


def _of(properties: Mapping[str, str], known: Mapping[str, str], diagram: engine.Diagram) -> Iterator[str]:
    for name, value in properties.items():
        if not name.startswith("jiaoyan:"):
            continue
        if name not in known:
            yield f"没有名为 {name} 的属性；可用：{'、'.join(known)}"
        elif name == "jiaoyan:review" and value != "true":
            yield f"jiaoyan:review 只能是 true，不是“{value}”"
        elif name == "jiaoyan:notice" and value not in KINDS:
            yield f"没有名为“{value}”的通知；可用：{'、'.join(KINDS)}"
        elif name == "jiaoyan:separate-from":
            for step_id in value.split():
                if step_id not in diagram.steps:
                    yield f"jiaoyan:separate-from：图中没有环节 {step_id}"
        elif name in FORMULAS:
            yield from _formula(name, value, diagram)
        elif value.startswith("="):
            yield f"{name} 是文字，不是 FEEL 表达式"


def _formula(name: str, value: str, diagram: engine.Diagram) -> Iterator[str]:
    if name == "jiaoyan:title" and not value.startswith("="):
        return
    if not value.startswith("="):
        yield f"{name} 应是以 = 开头的 FEEL 表达式"
        return
    try:
        read = feel.compile(value[1:].strip(), names=HOUSE_NAMES).names
    except feel.FeelSyntaxError as error:
        yield f"{name}：{error}"
        return
    known = variables(diagram) | frozenset(HOUSE_NAMES)
    for unknown in sorted(set(read) - known):
        yield f"{name}：没有名为“{unknown}”的变量或函数；可用：{'、'.join(sorted(known))}"
    if name == "jiaoyan:escalate-to" and not any(f'role("{role}"' in value for role in ROLES):
        yield f"{name} 应写明角色，如 =role(\"bureau_head\")"
