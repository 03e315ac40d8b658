"""Whether tokens can move through a diagram as drawn: ends of flows, one start, nothing unreachable, conditions in place."""

from __future__ import annotations

from collections.abc import Iterator

from workflows.engine.model import Diagram, Flow, Step
from workflows.errors import Problem

_EVENTS = frozenset({"start", "catch", "boundary"})
_ENDS = frozenset({"end"})


def problems(diagram: Diagram, line: int) -> list[Problem]:
    """Every defect of the graph; ``line`` is that of the process element."""
    found = [*_ends_of_flows(diagram), *_boundaries(diagram), *_starts(diagram, line)]
    if not found:
        found += [problem for step in diagram.steps.values() for problem in _around(diagram, step)]
        found += _unreachable(diagram)
    return found


def _problem(diagram: Diagram, where: Step | Flow, reason: str) -> Problem:
    return Problem(diagram.file, where.line, where.id, reason)


def _ends_of_flows(diagram: Diagram) -> Iterator[Problem]:
    for flow in diagram.flows:
        source, target = diagram.steps.get(flow.source), diagram.steps.get(flow.target)
        if source is None or target is None:
            yield _problem(diagram, flow, f"顺序流的一端不存在或不会执行：{flow.source} → {flow.target}")
        elif source.scope != target.scope:
            yield _problem(diagram, flow, "顺序流不能跨越子流程的边界")


def _boundaries(diagram: Diagram) -> Iterator[Problem]:
    for step in diagram.steps.values():
        if step.kind != "boundary":
            continue
        host = diagram.steps.get(step.attached_to)
        if host is None or host.scope != step.scope:
            yield _problem(diagram, step, f"attachedToRef 指向的“{step.attached_to}”不在同一层")
        elif host.kind not in {"user", "subprocess"}:
            yield _problem(
                diagram, step, "定时边界事件只能附在 userTask 或 subProcess 上：其他步骤不等待，永远不会触发"
            )


def _starts(diagram: Diagram, line: int) -> Iterator[Problem]:
    for scope in ("", *(step.id for step in diagram.steps.values() if step.kind == "subprocess")):
        starts = [step for step in diagram.steps.values() if step.kind == "start" and step.scope == scope]
        if len(starts) != 1:
            place = diagram.steps[scope].line if scope else line
            yield Problem(
                diagram.file, place, scope or diagram.process_id, f"须恰有一个开始事件，现有 {len(starts)} 个"
            )
        elif scope and starts[0].form_id:
            yield _problem(diagram, starts[0], "子流程的开始事件不能有表单")


def _around(diagram: Diagram, step: Step) -> Iterator[Problem]:
    leaving = diagram.leaving(step.id)
    entering = [flow for flow in diagram.flows if flow.target == step.id]
    if step.kind in {"start", "boundary"} and entering:
        yield _problem(diagram, step, "不能有流入的顺序流")
    if step.kind in _ENDS and leaving:
        yield _problem(diagram, step, "结束事件不能有流出的顺序流")
    if step.kind not in _ENDS | {"user", "service", "business_rule", "script", "subprocess"} and not leaving:
        yield _problem(diagram, step, "没有流出的顺序流")
    yield from _conditions(diagram, step, leaving)


def _conditions(diagram: Diagram, step: Step, leaving: tuple[Flow, ...]) -> Iterator[Problem]:
    for flow in leaving:
        if flow.condition and flow.default:
            yield _problem(diagram, flow, "默认流向不能带条件：它只在其他条件都不成立时走")
        elif flow.condition and step.kind in _EVENTS | {"parallel"}:
            yield _problem(diagram, flow, "事件和并行网关之后的顺序流不能带条件；请加 exclusiveGateway")
        elif step.kind in {"exclusive", "inclusive"} and len(leaving) > 1 and not flow.condition and not flow.default:
            yield _problem(diagram, flow, "网关流出的顺序流须有条件，或设为默认流向")


def _unreachable(diagram: Diagram) -> Iterator[Problem]:
    reached: set[str] = set()
    todo = [step.id for step in diagram.steps.values() if step.kind == "start" and not step.scope]
    while todo:
        name = todo.pop()
        if name in reached:
            continue
        reached.add(name)
        todo += [flow.target for flow in diagram.leaving(name)]
        todo += [
            step.id
            for step in diagram.steps.values()
            if step.attached_to == name or (step.kind == "start" and step.scope == name)
        ]
    for step in diagram.steps.values():
        if step.id not in reached:
            yield _problem(diagram, step, "从开始事件无法到达")
