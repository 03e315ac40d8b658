"""Whether tokens can move through a diagram as drawn: ends of flows, starts, nothing unreachable, every event where it can occur."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from workflows.engine.model import Diagram, Flow, Step
from workflows.errors import Problem

#: Kinds of steps that hold steps; an activity among them can throw what lies inside.
_SCOPES = frozenset({"subprocess", "transaction", "event_subprocess"})
_ACTIVITIES = frozenset(
    {"pass", "user", "service", "business_rule", "script", "send", "receive", "call", "subprocess", "transaction"}
)
#: Activities at which a token waits, so that something can happen meanwhile.
_WAITING = frozenset({"user", "receive", "call", "subprocess", "transaction"})
#: Activities out of which an error or an escalation can come.
_THROWING = frozenset({"call", "subprocess", "transaction"})
_EVENTS = frozenset({"start", "catch", "throw", "boundary"})
#: What may follow an event-based gateway, besides receive tasks.
_AWAITED = frozenset({"timer", "message", "signal", "conditional"})


def problems(diagram: Diagram, line: int) -> list[Problem]:
    """Every defect of the graph; ``line`` is that of the process element."""
    graph = _Graph(diagram)
    found = [*graph.ends_of_flows(), *graph.boundaries(), *graph.starts(line)]
    if not found:
        found += [problem for step in diagram.steps.values() for problem in graph.around(step)]
        found += [*graph.links(), *graph.compensations(), *graph.unreachable()]
    return found


class _Graph:
    """A diagram with what its steps and flows are looked up by."""

    def __init__(self, diagram: Diagram) -> None:
        self._diagram = diagram
        self._steps = diagram.steps
        self._leaving: dict[str, list[Flow]] = defaultdict(list)
        self._entering: dict[str, list[Flow]] = defaultdict(list)
        self._inside: dict[str, list[Step]] = defaultdict(list)
        self._boundaries: dict[str, list[Step]] = defaultdict(list)
        for flow in diagram.flows:
            self._leaving[flow.source].append(flow)
            self._entering[flow.target].append(flow)
        #: Link events by scope, end and name.
        self._links: dict[tuple[str, str, str], list[Step]] = defaultdict(list)
        #: What is thrown in each scope and below it, filled when first asked for: kind and code to how often.
        self._thrown: dict[str, Counter[tuple[str, str]]] = {}
        for step in self._steps.values():
            self._inside[step.scope].append(step)
            if step.attached_to:
                self._boundaries[step.attached_to].append(step)
            if step.event is not None and step.event.kind == "link":
                self._links[step.scope, step.kind, step.event.name].append(step)

    def _problem(self, where: Step | Flow, reason: str) -> Problem:
        return Problem(self._diagram.file, where.line, where.id, reason)

    def ends_of_flows(self) -> Iterator[Problem]:
        """Flows that lead nowhere, or across the border of a sub-process."""
        for flow in self._diagram.flows:
            source, target = self._steps.get(flow.source), self._steps.get(flow.target)
            if source is None or target is None:
                yield self._problem(flow, f"bpmn:sequenceFlow 的一端不存在或不会执行：{flow.source} → {flow.target}")
            elif source.scope != target.scope:
                yield self._problem(flow, "bpmn:sequenceFlow 不能跨越子流程的边界")

    def boundaries(self) -> Iterator[Problem]:
        """Boundary events on what they cannot sit on, or at which they would never occur."""
        for step in self._steps.values():
            if step.kind != "boundary":
                continue
            host = self._steps.get(step.attached_to)
            if host is None or host.scope != step.scope:
                yield self._problem(step, f"bpmn:boundaryEvent 的 attachedToRef 指向的“{step.attached_to}”不在同一层")
            elif host.kind not in _ACTIVITIES:
                yield self._problem(step, "bpmn:boundaryEvent 只能附在任务、调用活动、子流程或事务上")
            elif step.event is not None:
                yield from self._placed(step, host)

    def _placed(self, step: Step, host: Step) -> Iterator[Problem]:
        kind = step.event.kind if step.event else ""
        if kind == "cancel" and host.kind != "transaction":
            yield self._problem(step, "bpmn:boundaryEvent：取消边界事件只能附在 transaction 上")
        elif kind in {"error", "escalation"} and host.kind not in _THROWING:
            word = "错误" if kind == "error" else "升级"
            yield self._problem(
                step,
                f"bpmn:boundaryEvent：{word}只能来自 callActivity、subProcess 或 transaction；"
                f"{host.kind} 步骤不会抛出{word}（自动环节失败时整步回退并记为流程异常）",
            )
        elif kind not in {"cancel", "error", "escalation", "compensation"} and host.kind not in _WAITING:
            yield self._problem(
                step,
                "bpmn:boundaryEvent 只能附在 userTask、receiveTask、callActivity、subProcess 或 transaction 上："
                "其他步骤不等待，永远不会触发",
            )
        if kind in {"error", "cancel"} and not step.interrupting:
            yield self._problem(step, 'bpmn:boundaryEvent：错误和取消总是中断，cancelActivity 不能为 "false"')
        if kind in {"error", "escalation", "cancel"} and host.kind in {"subprocess", "transaction"}:
            if not self._can_throw(host.id, kind, step.event.name if step.event else ""):
                yield self._problem(
                    step, f"bpmn:boundaryEvent 永远不会触发：“{host.name or host.id}”内没有与它相应的抛出"
                )

    def _can_throw(self, scope: str, kind: str, code: str, *, but: str = "") -> bool:
        """Whether anything inside ``scope`` throws that, or may: a called process, a code that is computed.

        ``but`` is an event sub-process whose own inside does not count.
        """
        thrown = self._thrown_in(scope) - (self._thrown_in(but) if but else Counter())
        if kind == "cancel":
            return any(
                step.kind == "end" and step.event is not None and step.event.kind == kind
                for step in self._inside[scope]
            )
        if thrown["call", ""] or thrown[kind, ""] or thrown[kind, code]:
            return True
        return not code and any(count and one == kind for (one, _), count in thrown.items())

    def _thrown_in(self, scope: str) -> Counter[tuple[str, str]]:
        if scope not in self._thrown:
            found: Counter[tuple[str, str]] = Counter()
            for step in self._inside.get(scope, ()):
                if step.kind == "call":
                    found["call", ""] += 1
                elif step.kind in {"end", "throw"} and step.event is not None:
                    found[step.event.kind, step.event.name] += 1
                elif step.kind in _SCOPES:
                    found.update(self._thrown_in(step.id))
            self._thrown[scope] = found
        return self._thrown[scope]

    def starts(self, line: int) -> Iterator[Problem]:
        """Too many or too few start events, of the process and of each sub-process."""
        outer = [step for step in self._inside[""] if step.kind == "start"]
        plain = [step for step in outer if step.event is None]
        if not outer or len(plain) > 1:
            yield Problem(
                self._diagram.file,
                line,
                self._diagram.process_id,
                f"bpmn:process 须有开始事件，且至多一个无类型的；现有 {len(plain)} 个无类型的，共 {len(outer)} 个",
            )
        seen: set[tuple[str, str]] = set()
        for step in outer:
            if step.event is not None:
                if (step.event.kind, step.event.name) in seen:
                    yield self._problem(step, f"bpmn:startEvent：“{step.event.name}”已有另一个开始事件")
                seen.add((step.event.kind, step.event.name))
        for scope in [step for step in self._steps.values() if step.kind in _SCOPES]:
            inner = [step for step in self._inside[scope.id] if step.kind == "start"]
            if len(inner) != 1:
                yield self._problem(scope, f"bpmn:subProcess 须恰有一个开始事件，现有 {len(inner)} 个")
        for step in self._steps.values():
            if step.kind == "start":
                yield from self._start(step)

    def _start(self, step: Step) -> Iterator[Problem]:
        if step.form_id and step.scope:
            yield self._problem(step, "bpmn:startEvent：子流程的开始事件不能有表单")
        elif step.form_id and step.event is not None:
            yield self._problem(step, "bpmn:startEvent：只有无类型开始事件可以带表单：消息和信号不由人填写")
        scope = self._steps.get(step.scope)
        triggered = scope is not None and scope.kind == "event_subprocess"
        if not step.interrupting and not triggered:
            yield self._problem(step, 'bpmn:startEvent：isInterrupting="false" 只用于事件子流程')
        if scope is None or not triggered or step.event is None or step.event.kind not in {"error", "escalation"}:
            return
        if step.event.kind == "error" and not step.interrupting:
            yield self._problem(step, 'bpmn:startEvent：错误总是中断，isInterrupting 不能为 "false"')
        if not self._can_throw(scope.scope, step.event.kind, step.event.name, but=scope.id):
            yield self._problem(step, "bpmn:startEvent 永远不会触发：它所在的范围内没有与它相应的抛出")

    def around(self, step: Step) -> Iterator[Problem]:
        """What is wrong with the flows that enter and leave a step."""
        entering, leaving = self._entering[step.id], self._leaving[step.id]
        kind = step.event.kind if step.event else ""
        if step.undoes or step.kind == "event_subprocess" or (step.kind == "boundary" and kind == "compensation"):
            if entering or leaving:
                yield self._problem(step, "补偿处理、补偿边界事件和事件子流程不能有顺序流：它们由事件触发")
            return
        if (step.kind in {"start", "boundary"} or (step.kind == "catch" and kind == "link")) and entering:
            yield self._problem(step, "不能有流入的顺序流")
        ends = step.kind == "end" or (step.kind == "throw" and kind == "link")
        if ends and leaving:
            yield self._problem(step, "不能有流出的顺序流")
        if not ends and step.kind not in _ACTIVITIES and not leaving:
            yield self._problem(step, "没有流出的顺序流")
        if kind == "cancel" and step.kind == "end":
            yield from self._cancel(step)
        if step.kind == "event_gateway":
            yield from self._awaited(leaving)
        yield from self._conditions(step, leaving)

    def _cancel(self, step: Step) -> Iterator[Problem]:
        scope = self._steps.get(step.scope)
        if scope is None or scope.kind != "transaction":
            yield self._problem(step, "bpmn:cancelEventDefinition 只能直接放在 transaction 内")
            return
        exits = [one for one in self._boundaries[scope.id] if one.event and one.event.kind == "cancel"]
        if len(exits) != 1:
            yield self._problem(step, f"bpmn:cancelEventDefinition：“{scope.name or scope.id}”上须恰有一个取消边界事件")

    def _awaited(self, leaving: list[Flow]) -> Iterator[Problem]:
        for flow in leaving:
            target = self._steps[flow.target]
            event = target.event
            waits = target.kind == "receive" or (target.kind == "catch" and (event is None or event.kind in _AWAITED))
            if not waits or target.repetition is not None:
                yield self._problem(
                    flow, "bpmn:eventBasedGateway 之后只能是等待定时、消息、信号或条件的中间事件，或 receiveTask"
                )
            elif len(self._entering[target.id]) > 1:
                yield self._problem(target, "bpmn:eventBasedGateway 之后的事件不能再有别的流入")
            elif self._boundaries[target.id]:
                yield self._problem(target, "bpmn:eventBasedGateway 之后的 receiveTask 不能有边界事件")

    def _conditions(self, step: Step, leaving: list[Flow]) -> Iterator[Problem]:
        for flow in leaving:
            if flow.condition and flow.default:
                yield self._problem(flow, "默认流向不能带条件：它只在其他条件都不成立时走")
            elif flow.condition and step.kind in _EVENTS | {"parallel", "event_gateway"}:
                yield self._problem(flow, "事件、并行网关和事件网关之后的顺序流不能带条件；请加 exclusiveGateway")
            elif step.kind in {"exclusive", "inclusive"} and len(leaving) > 1:
                if not flow.condition and not flow.default:
                    yield self._problem(flow, "网关流出的 bpmn:sequenceFlow 须有条件，或设为默认流向")

    def links(self) -> Iterator[Problem]:
        """Link events without their other end."""
        for step in self._steps.values():
            if step.event is None or step.event.kind != "link":
                continue
            other = "throw" if step.kind == "catch" else "catch"
            twins = self._links[step.scope, other, step.event.name]
            if not twins:
                yield self._problem(step, f"bpmn:linkEventDefinition：同一层没有名为“{step.event.name}”的另一端")
            elif other == "catch" and len(twins) > 1:
                yield self._problem(step, f"bpmn:linkEventDefinition：名为“{step.event.name}”的到达处不止一个")

    def compensations(self) -> Iterator[Problem]:
        """Compensation that undoes nothing, or that nothing would call."""
        undoing = {step.undone_by for step in self._steps.values() if step.undone_by}
        for step in self._steps.values():
            kind = step.event.kind if step.event else ""
            if step.undoes and step.id not in undoing:
                yield self._problem(step, "isForCompensation 的活动须由 bpmn:association 与一个补偿边界事件相连")
            elif kind != "compensation" or step.event is None:
                continue
            elif step.kind == "boundary":
                host = self._steps[step.attached_to]
                handler = self._steps.get(host.undone_by)
                if handler is None or handler.scope != step.scope:
                    yield self._problem(
                        step,
                        "bpmn:compensateEventDefinition：须由 bpmn:association 与同一层 isForCompensation 的活动相连",
                    )
            elif step.event.activity and not self._undoable(step, step.event.activity):
                yield self._problem(
                    step,
                    f"bpmn:compensateEventDefinition：activityRef 指向的“{step.event.activity}”不在此处可补偿的活动中",
                )

    def _undoable(self, throw: Step, activity: str) -> bool:
        """Whether a throw can have that activity compensated: one of its scope, or of those around an event sub-process."""
        host = self._steps.get(activity)
        if host is None:
            return False
        scope, reach = throw.scope, {throw.scope}
        while scope and self._steps[scope].kind == "event_subprocess":
            scope = self._steps[scope].scope
            reach.add(scope)
        return host.scope in reach and (bool(host.undone_by) or self._remembers(host.id))

    def _remembers(self, scope: str) -> bool:
        return any(step.undone_by or self._remembers(step.id) for step in self._inside.get(scope, ()))

    def unreachable(self) -> Iterator[Problem]:
        """Steps that no token can reach."""
        reached: set[str] = set()
        todo = [step.id for step in self._inside[""] if step.kind in {"start", "event_subprocess"}]
        while todo:
            name = todo.pop()
            if name in reached:
                continue
            reached.add(name)
            step = self._steps[name]
            todo += [flow.target for flow in self._leaving[name]]
            todo += [one.id for one in self._boundaries[name]]
            todo += [one.id for one in self._inside.get(name, ()) if one.kind in {"start", "event_subprocess"}]
            todo += [step.undone_by] * bool(step.undone_by)
            if step.kind == "throw" and step.event is not None and step.event.kind == "link":
                todo += [one.id for one in self._links[step.scope, "catch", step.event.name]]
        for step in self._steps.values():
            if step.id not in reached:
                yield self._problem(step, "从开始事件无法到达")
