"""Bytes of a BPMN file to diagrams; everything that would not be executed becomes a problem with its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from workflows.engine import fence, soundness
from workflows.engine.building import build
from workflows.engine.document import parse
from workflows.engine.event_definitions import Events
from workflows.engine.expressions import Formula
from workflows.engine.extensions import Extensions
from workflows.engine.fence import BPMN, BPMNDI
from workflows.engine.loops import Loops
from workflows.engine.model import Diagram, Flow, Step
from workflows.engine.scrutiny import Scrutiny, inside, local
from workflows.errors import DefinitionRefused

_KINDS = {
    "startEvent": "start",
    "endEvent": "end",
    "intermediateCatchEvent": "catch",
    "intermediateThrowEvent": "throw",
    "boundaryEvent": "boundary",
    "task": "pass",
    "manualTask": "pass",
    "userTask": "user",
    "serviceTask": "service",
    "sendTask": "send",
    "receiveTask": "receive",
    "businessRuleTask": "business_rule",
    "scriptTask": "script",
    "callActivity": "call",
    "subProcess": "subprocess",
    "transaction": "transaction",
    "exclusiveGateway": "exclusive",
    "parallelGateway": "parallel",
    "inclusiveGateway": "inclusive",
    "eventBasedGateway": "event_gateway",
}
#: Kinds of steps that hold steps.
_SCOPES = frozenset({"subprocess", "transaction", "event_subprocess"})

#: What the extension elements and the element itself say of a step: fields of Step by name.
Fields = dict[str, Any]


def read(xml: bytes, *, file: str, names: Collection[str] = ()) -> tuple[Diagram, ...]:
    """Return one Diagram per executable process of a BPMN file, in document order.

    ``file`` is the path as the author knows it, for problems; ``names`` are house names that FEEL must know while it
    compiles (names with signs or operator words in them; plain words with spaces need no announcement).
    Raises DefinitionRefused with every problem found: whatever the engine would not execute exactly, what no token can
    reach, expressions that do not compile, and dangerous or malformed XML.
    """
    return _Reader(parse(xml, file=file), Scrutiny(file, names)).diagrams()


class _Reader:
    """One pass over one file."""

    def __init__(self, root: Any, scrutiny: Scrutiny) -> None:
        self._root = root
        self._scrutiny = scrutiny
        self._report = scrutiny.report
        self._extensions = Extensions(scrutiny)
        self._events = Events(scrutiny, self._extensions)
        self._loops = Loops(scrutiny, self._extensions)
        self._lane_of: dict[str, str] = {}
        self._lanes: list[str] = []
        self._steps: dict[str, Step] = {}
        self._flows: list[Flow] = []
        self._defaults: dict[str, Any] = {}
        #: Ends of the associations, either way round.
        self._linked: list[tuple[str, str]] = []
        #: Whether an element of the process was refused, so that flows may lead nowhere.
        self._gaps = False
        self._reads: Mapping[str, Callable[[Any, Fields, str], Fields]] = {
            "start": self._start,
            "end": self._throw,
            "catch": self._catch,
            "throw": self._throw,
            "boundary": self._boundary,
            "service": self._service,
            "send": self._send,
            "receive": self._receive,
            "business_rule": self._business_rule,
            "script": self._script,
            "call": self._call,
            "subprocess": self._subprocess,
        }

    def diagrams(self) -> tuple[Diagram, ...]:
        """Read every executable process, or raise DefinitionRefused."""
        problems = self._scrutiny.problems
        if self._root.tag != f"{{{BPMN}}}definitions":
            self._report(self._root, "不是 BPMN 2.0 文件：根元素须为 bpmn:definitions")
            raise DefinitionRefused(problems)
        self._check_ids()
        self._check_extensions()
        processes = self._processes()
        drafts = [self._process(process) for process in processes]
        if not processes and not problems:
            self._report(self._root, '没有可执行的流程；请在 bpmn:process 上写 isExecutable="true"')
        if problems:
            raise DefinitionRefused(problems)
        return tuple(replace(draft, machine=build(draft)) for draft in drafts)

    def _check_extensions(self) -> None:
        """Extension elements where nothing of theirs is ever executed: on lanes, participants, data …"""
        for holder in self._root.iter(f"{{{BPMN}}}extensionElements"):
            tag = local(holder.getparent())
            for child in () if tag in fence.EXTENSIONS else holder:
                # Properties that are not ours are notes for people and tools, wherever they stand.
                if child.tag != f"{{{fence.ZEEBE}}}properties" or any(
                    one.get("name", "").startswith("jiaoyan:") for one in child
                ):
                    self._report(child, f"bpmn:extensionElements：bpmn:{tag} 的扩展元素 {local(child)} 不执行；请删除")

    def _check_ids(self) -> None:
        seen: set[str] = set()
        for element in self._root.iter(f"{{{BPMN}}}*"):
            name = element.get("id")
            if name in seen:
                self._report(element, f"id “{name}” 重复")
            elif name:
                seen.add(name)

    def _processes(self) -> list[Any]:
        self._scrutiny.attributes(self._root, "definitions")
        found = []
        for child in self._root:
            space, _, tag = child.tag[1:].rpartition("}")
            if space == BPMN and tag == "process":
                if child.get("isExecutable") == "true":
                    found.append(child)
            elif space == BPMN and tag == "collaboration":
                self._collaboration(child)
            elif space == BPMN and tag in fence.DECLARATIONS:
                self._events.declare(child)
            elif space == BPMN and tag != "documentation":
                self._report(child, fence.refusal(tag))
            elif space not in {BPMN, BPMNDI}:
                self._report(child, f"不认识的元素 {tag}，不会执行；请删除")
        return found

    def _collaboration(self, element: Any) -> None:
        for child in element:
            if local(child) not in fence.IN_COLLABORATION:
                self._report(child, fence.refusal(local(child)))

    def _process(self, process: Any) -> Diagram:
        self._lane_of, self._lanes, self._steps, self._flows, self._defaults = {}, [], {}, [], {}
        self._linked, self._gaps = [], False
        self._scrutiny.attributes(process, "process")
        if not process.get("id"):
            self._report(process, "bpmn:process 须有 id")
        fields = self._extensions.read(process, "process")
        for lane in process.iter(f"{{{BPMN}}}lane"):
            self._lane(lane)
        self._scope(process, "")
        self._mark_defaults()
        self._mark_undoing()
        draft = Diagram(
            process_id=process.get("id", ""),
            name=process.get("name", ""),
            file=self._scrutiny.file,
            documentation=_documentation(process),
            steps=MappingProxyType(self._steps),
            flows=tuple(self._flows),
            lanes=tuple(self._lanes),
            properties=fields.get("properties", MappingProxyType({})),
            undrawn=self._undrawn(),
        )
        if not self._gaps:  # around an element that is refused anyway, what is missing says nothing
            self._scrutiny.problems += soundness.problems(draft, process.sourceline or 0)
        return draft

    def _lane(self, lane: Any) -> None:
        name = lane.get("name", "")
        if name and name not in self._lanes:
            self._lanes.append(name)
        for reference in inside(lane, "flowNodeRef"):
            # Lanes nest; the innermost comes last in document order and names the step.
            self._lane_of[(reference.text or "").strip()] = name

    def _scope(self, parent: Any, scope: str) -> None:
        for child in parent:
            space, _, tag = child.tag[1:].rpartition("}")
            if space != BPMN:
                self._report(child, f"不认识的元素 {tag}，不会执行；请删除")
            elif tag == "sequenceFlow":
                self._flow(child)
            elif tag in _KINDS:
                self._step(child, tag, scope)
            elif tag == "association":
                ends = (child.get("sourceRef", ""), child.get("targetRef", ""))
                self._linked += [ends, ends[::-1]]
            elif scope and tag in fence.ASSOCIATIONS:
                self._scrutiny.children(child, tag)
            elif tag not in fence.SILENT and not (scope and tag in fence.LOOPS):
                self._gaps = True
                self._report(child, fence.refusal(tag))

    def _step(self, element: Any, tag: str, scope: str) -> None:
        name = element.get("id")
        if not name:
            self._report(element, f"bpmn:{tag} 须有 id")
            return
        kind = _KINDS[tag]
        self._scrutiny.attributes(element, tag)
        fields = self._extensions.read(element, tag)
        if kind in self._reads:
            fields |= self._reads[kind](element, fields, scope)
        if tag in fence.ACTIVITIES:
            fields |= {
                "repetition": self._loops.of(element),
                "undoes": self._scrutiny.truth(element, "isForCompensation", False),
            }
        if kind not in _SCOPES:
            self._scrutiny.children(element, tag)
        if element.get("default"):
            self._defaults[name] = element
        self._steps[name] = Step(
            **{
                "id": name,
                "name": element.get("name", ""),
                "kind": kind,
                "line": element.sourceline or 0,
                "scope": scope,
                "lane": self._lane_of.get(name, self._lane_of.get(scope, "")),
                "documentation": _documentation(element),
            }
            | fields
        )
        if kind in _SCOPES:
            self._scope(element, name)

    def _start(self, element: Any, fields: Fields, scope: str) -> Fields:
        place = "startEvent"
        if scope:
            of_event = element.getparent().get("triggeredByEvent") == "true"
            place = "event subProcess startEvent" if of_event else "subProcess startEvent"
        event = self._events.of(element, place)
        if scope and event is None and fields.get("outputs"):
            self._report(element, "子流程的开始事件不接收数据，不能有 output；请用 scriptTask")
        return {"event": event, "interrupting": self._scrutiny.truth(element, "isInterrupting", True)}

    def _catch(self, element: Any, fields: Fields, scope: str) -> Fields:
        return {"event": self._events.of(element, "intermediateCatchEvent")}

    def _throw(self, element: Any, fields: Fields, scope: str) -> Fields:
        tag = local(element)
        event = self._events.of(element, tag, ordered="task_type" in fields)
        if "task_type" in fields and (event is None or event.kind != "message"):
            self._report(element, f"zeebe:taskDefinition 只能放在消息的 bpmn:{tag} 上；请改用 serviceTask")
        elif fields.get("inputs") and (event is None or event.kind not in {"message", "signal"}):
            self._report(element, f"只有消息和信号带数据，bpmn:{tag} 在这里不能有 input")
        # As Camunda 8 has it, a message event with a task definition is a job that sends in its own way.
        return {"event": event} | ({"kind": "service"} if "task_type" in fields and tag != "endEvent" else {})

    def _boundary(self, element: Any, fields: Fields, scope: str) -> Fields:
        return {
            "event": self._events.of(element, "boundaryEvent"),
            "attached_to": element.get("attachedToRef", ""),
            "interrupting": self._scrutiny.truth(element, "cancelActivity", True),
        }

    def _service(self, element: Any, fields: Fields, scope: str) -> Fields:
        return self._needs(element, "taskDefinition", "task_type" in fields)

    def _send(self, element: Any, fields: Fields, scope: str) -> Fields:
        if "task_type" in fields:
            return {"kind": "service"}
        return {"event": self._events.named(element, "message")}

    def _receive(self, element: Any, fields: Fields, scope: str) -> Fields:
        return {"event": self._events.named(element, "message")}

    def _business_rule(self, element: Any, fields: Fields, scope: str) -> Fields:
        return self._ordered(element, fields) or self._needs(element, "calledDecision", "decision_id" in fields)

    def _script(self, element: Any, fields: Fields, scope: str) -> Fields:
        return self._ordered(element, fields) or self._needs(element, "script", "script" in fields)

    def _ordered(self, element: Any, fields: Fields) -> Fields:
        """A rule or script that a worker carries out, as Camunda 8 has it: an order like any other."""
        if "task_type" not in fields:
            if "headers" in fields:
                self._report(element, "zeebe:taskHeaders 只有与 zeebe:taskDefinition 一起才执行；请删除")
            return {}
        if fields.get("outputs") or "decision_id" in fields or "script" in fields:
            self._report(element, "带 zeebe:taskDefinition 时是一条指令：不能有 output、calledDecision 或 script")
        return {"kind": "service"}

    def _call(self, element: Any, fields: Fields, scope: str) -> Fields:
        self._needs(element, "calledElement", "called" in fields)
        # As in Camunda 8, a mapping of what comes back replaces taking back all of it.
        return {"takes_back_all": fields.get("takes_back_all", True) and not fields.get("outputs")}

    def _subprocess(self, element: Any, fields: Fields, scope: str) -> Fields:
        if not self._scrutiny.truth(element, "triggeredByEvent", False):
            return {}
        if fields.get("inputs") or fields.get("outputs"):
            self._report(element, "事件子流程不能有 ioMapping；请写在其开始事件的 output 上")
        return {"kind": "event_subprocess"}

    def _needs(self, element: Any, extension: str, there: bool) -> Fields:
        if not there:
            self._report(element, f"bpmn:{local(element)} 须有 zeebe:{extension}，否则什么也不做")
        return {}

    def _flow(self, element: Any) -> None:
        name = element.get("id")
        if not name:
            self._report(element, "bpmn:sequenceFlow 须有 id")
            return
        self._scrutiny.attributes(element, "sequenceFlow")
        self._scrutiny.children(element, "sequenceFlow")
        self._extensions.read(element, "sequenceFlow")
        conditions = inside(element, "conditionExpression")
        if len(conditions) > 1:
            self._report(element, "顺序流只能有一个条件")
        found: list[Formula | None] = [self._scrutiny.formula(one, "条件") for one in conditions]
        self._flows.append(
            Flow(
                id=name,
                source=element.get("sourceRef", ""),
                target=element.get("targetRef", ""),
                name=element.get("name", ""),
                condition=found[-1] if found else None,
                default=False,
                line=element.sourceline or 0,
            )
        )

    def _mark_defaults(self) -> None:
        places = {(flow.source, flow.id): index for index, flow in enumerate(self._flows)}
        for step, element in self._defaults.items():
            wanted = element.get("default")
            index = places.get((step, wanted))
            if index is None:
                self._report(element, f"默认流向 {wanted} 不是从这里流出的顺序流")
            else:
                self._flows[index] = replace(self._flows[index], default=True)

    def _mark_undoing(self) -> None:
        """Note at each activity with a compensation event on its border which activity undoes it."""
        for one, other in self._linked:
            event, handler = self._steps.get(one), self._steps.get(other)
            if event is None or handler is None or event.kind != "boundary" or not handler.undoes:
                continue
            host = self._steps.get(event.attached_to)
            if host is not None and event.event is not None and event.event.kind == "compensation":
                self._steps[host.id] = replace(host, undone_by=other)

    def _undrawn(self) -> tuple[str, ...]:
        drawn = {
            shape.get("bpmnElement") for shape in self._root.iter(f"{{{BPMNDI}}}BPMNShape", f"{{{BPMNDI}}}BPMNEdge")
        }
        ids: Iterable[str] = [*self._steps, *(flow.id for flow in self._flows)]
        return tuple(name for name in ids if name not in drawn)


def _documentation(element: Any) -> str:
    return "\n\n".join("".join(child.itertext()).strip() for child in inside(element, "documentation"))
