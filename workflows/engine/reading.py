"""Bytes of a BPMN file to diagrams; everything that would not be executed becomes a problem with its place."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from workflows.engine import fence, soundness
from workflows.engine.building import build
from workflows.engine.document import parse
from workflows.engine.expressions import Formula, Text
from workflows.engine.extensions import Extensions
from workflows.engine.fence import BPMN, BPMNDI
from workflows.engine.model import Diagram, Event, Flow, Repetition, Step, Timer
from workflows.engine.moments import moment, span
from workflows.errors import DefinitionRefused, Problem

_KINDS = {
    "startEvent": "start",
    "endEvent": "end",
    "userTask": "user",
    "serviceTask": "service",
    "businessRuleTask": "business_rule",
    "scriptTask": "script",
    "exclusiveGateway": "exclusive",
    "parallelGateway": "parallel",
    "inclusiveGateway": "inclusive",
    "subProcess": "subprocess",
    "intermediateCatchEvent": "catch",
    "boundaryEvent": "boundary",
}
_ARTIFACTS = frozenset({"textAnnotation", "association", "group"})
#: Children of a process or sub-process that are no steps: for readers, or read elsewhere.
_SILENT = _ARTIFACTS | {"documentation", "extensionElements", "incoming", "outgoing"}


def read(xml: bytes, *, file: str, names: Collection[str] = ()) -> tuple[Diagram, ...]:
    """Return one Diagram per executable process of a BPMN file, in document order.

    ``file`` is the path as the author knows it, for problems; ``names`` are house names that FEEL must know while it
    compiles (names with signs or operator words in them; plain words with spaces need no announcement).
    Raises DefinitionRefused with every problem found: whatever the engine would not execute exactly, what no token can
    reach, expressions that do not compile, and dangerous or malformed XML.
    """
    return _Reader(parse(xml, file=file), file, names).diagrams()


class _Reader:
    """One pass over one file."""

    def __init__(self, root: Any, file: str, names: Collection[str]) -> None:
        self._root = root
        self._file = file
        self._problems: list[Problem] = []
        self._extensions = Extensions(self.report, names)
        self._lane_of: dict[str, str] = {}
        self._lanes: list[str] = []
        self._steps: dict[str, Step] = {}
        self._flows: list[Flow] = []
        self._defaults: dict[str, Any] = {}
        #: Whether an element of the process was refused, so that flows may lead nowhere.
        self._gaps = False

    def report(self, element: Any, reason: str, *, column: int = 0) -> None:
        """Note a problem at ``element`` (or the nearest element around it that has an id)."""
        owner = element
        while owner is not None and not owner.get("id"):
            owner = owner.getparent()
        name = owner.get("id") if owner is not None else ""
        self._problems.append(Problem(self._file, element.sourceline or 0, name, reason, column))

    def diagrams(self) -> tuple[Diagram, ...]:
        """Read every executable process, or raise DefinitionRefused."""
        if self._root.tag != f"{{{BPMN}}}definitions":
            self.report(self._root, "不是 BPMN 2.0 文件：根元素须为 bpmn:definitions")
            raise DefinitionRefused(self._problems)
        self._check_ids()
        self._check_extensions()
        processes = self._processes()
        drafts = [self._process(process) for process in processes]
        if not processes and not self._problems:
            self.report(self._root, '没有可执行的流程；请在 bpmn:process 上写 isExecutable="true"')
        if self._problems:
            raise DefinitionRefused(self._problems)
        return tuple(replace(draft, machine=build(draft)) for draft in drafts)

    def _check_extensions(self) -> None:
        """Extension elements where nothing of theirs is ever executed: on lanes, participants, definitions of events …"""
        for holder in self._root.iter(f"{{{BPMN}}}extensionElements"):
            tag = _local(holder.getparent())
            for child in () if tag in fence.EXTENSIONS else holder:
                self.report(child, f"bpmn:{tag} 的扩展元素 {_local(child)} 不执行；请删除")

    def _check_ids(self) -> None:
        seen: set[str] = set()
        for element in self._root.iter(f"{{{BPMN}}}*"):
            name = element.get("id")
            if name in seen:
                self.report(element, f"id “{name}” 重复")
            elif name:
                seen.add(name)

    def _processes(self) -> list[Any]:
        self._attributes(self._root, "definitions")
        found = []
        for child in self._root:
            space, _, tag = child.tag[1:].rpartition("}")
            if space == BPMN and tag == "process":
                if child.get("isExecutable") == "true":
                    found.append(child)
            elif space == BPMN and tag == "collaboration":
                self._collaboration(child)
            elif space == BPMN and tag not in fence.DECLARATIONS | {"documentation"}:
                self.report(child, fence.refusal(tag))
            elif space not in {BPMN, BPMNDI}:
                self.report(child, f"不认识的元素 {tag}，不会执行；请删除")
        return found

    def _collaboration(self, element: Any) -> None:
        for child in element:
            tag = _local(child)
            if tag not in {"participant", "documentation", "extensionElements"} | _ARTIFACTS:
                self.report(child, fence.refusal(tag))

    def _process(self, process: Any) -> Diagram:
        self._lane_of, self._lanes, self._steps, self._flows, self._defaults = {}, [], {}, [], {}
        self._gaps = False
        self._attributes(process, "process")
        if not process.get("id"):
            self.report(process, "bpmn:process 须有 id")
        fields = self._extensions.read(process, "process")
        for lane in process.iter(f"{{{BPMN}}}lane"):
            self._lane(lane)
        self._scope(process, "")
        self._mark_defaults()
        draft = Diagram(
            process_id=process.get("id", ""),
            name=process.get("name", ""),
            file=self._file,
            documentation=_documentation(process),
            steps=MappingProxyType(self._steps),
            flows=tuple(self._flows),
            lanes=tuple(self._lanes),
            properties=fields.get("properties", MappingProxyType({})),
            undrawn=self._undrawn(),
        )
        if not self._gaps:  # around an element that is refused anyway, what is missing says nothing
            self._problems += soundness.problems(draft, process.sourceline or 0)
        return draft

    def _lane(self, lane: Any) -> None:
        name = lane.get("name", "")
        if name and name not in self._lanes:
            self._lanes.append(name)
        for reference in lane.findall(f"{{{BPMN}}}flowNodeRef"):
            # Lanes nest; the innermost comes last in document order and names the step.
            self._lane_of[(reference.text or "").strip()] = name

    def _scope(self, parent: Any, scope: str) -> None:
        for child in parent:
            space, _, tag = child.tag[1:].rpartition("}")
            if space != BPMN:
                self.report(child, f"不认识的元素 {tag}，不会执行；请删除")
            elif tag == "sequenceFlow":
                self._flow(child)
            elif tag in _KINDS:
                self._step(child, tag, scope)
            elif tag in _SILENT or (tag == "laneSet" and not scope):
                continue
            else:
                self._gaps = True
                self.report(child, fence.refusal(tag))

    def _step(self, element: Any, tag: str, scope: str) -> None:
        name = element.get("id")
        if not name:
            self.report(element, f"bpmn:{tag} 须有 id")
            return
        self._attributes(element, tag)
        fields = self._extensions.read(element, tag)
        fields |= getattr(self, f"_{_KINDS[tag]}", self._nothing)(element, fields)
        if tag != "subProcess":
            self._children(element, tag)
        if element.get("default"):
            self._defaults[name] = element
        self._steps[name] = Step(
            **{
                "id": name,
                "name": element.get("name", ""),
                "kind": _KINDS[tag],
                "line": element.sourceline or 0,
                "scope": scope,
                "lane": self._lane_of.get(name, self._lane_of.get(scope, "")),
                "documentation": _documentation(element),
            }
            | fields
        )
        if tag == "subProcess":
            self._scope(element, name)

    def _nothing(self, element: Any, fields: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _user(self, element: Any, fields: dict[str, Any]) -> dict[str, Any]:
        loops = element.findall(f"{{{BPMN}}}multiInstanceLoopCharacteristics")
        if len(loops) > 1:
            self.report(element, "只能有一个 multiInstanceLoopCharacteristics")
        return {"repetition": self._repetition(loops[0])} if loops else {}

    def _repetition(self, element: Any) -> Repetition | None:
        tag = "multiInstanceLoopCharacteristics"
        self._attributes(element, tag)
        self._children(element, tag)
        fields = self._extensions.read(element, tag)
        conditions = element.findall(f"{{{BPMN}}}completionCondition")
        for condition in conditions:
            self._attributes(condition, "completionCondition")
        until = [self._extensions.given(one, (one.text or "").strip(), "completionCondition") for one in conditions]
        if len(until) > 1 or any(not isinstance(one, Formula) for one in until):
            self.report(element, "completionCondition 须为一个以 = 开头的 FEEL")
        if element.get("isSequential", "false") not in {"true", "false"}:
            self.report(element, "isSequential 只能为 true 或 false")
        if "collection" not in fields:
            self.report(element, "多实例须有 zeebe:loopCharacteristics 的 inputCollection")
            return None
        last = until[-1] if until else None
        until_formula = last if isinstance(last, Formula) else None
        return Repetition(element.get("isSequential") == "true", until=until_formula, **fields)

    def _service(self, element: Any, fields: dict[str, Any]) -> dict[str, Any]:
        return self._needs(element, "taskDefinition", "task_type" in fields)

    def _business_rule(self, element: Any, fields: dict[str, Any]) -> dict[str, Any]:
        return self._needs(element, "calledDecision", "decision_id" in fields)

    def _script(self, element: Any, fields: dict[str, Any]) -> dict[str, Any]:
        return self._needs(element, "script", "script" in fields)

    def _needs(self, element: Any, extension: str, there: bool) -> dict[str, Any]:
        if not there:
            self.report(element, f"bpmn:{_local(element)} 须有 zeebe:{extension}，否则什么也不做")
        return {}

    def _end(self, element: Any, fields: dict[str, Any]) -> dict[str, Any]:
        found = element.find(f"{{{BPMN}}}terminateEventDefinition")
        return {"event": Event("terminate")} if found is not None else {}

    def _catch(self, element: Any, fields: dict[str, Any]) -> dict[str, Any]:
        return {"event": Event("timer", timer=self._timer(element))}

    def _boundary(self, element: Any, fields: dict[str, Any]) -> dict[str, Any]:
        cancel = element.get("cancelActivity", "true")
        if cancel not in {"true", "false"}:
            self.report(element, "cancelActivity 只能为 true 或 false")
        return {
            "event": Event("timer", timer=self._timer(element)),
            "attached_to": element.get("attachedToRef", ""),
            "interrupting": cancel != "false",
        }

    def _timer(self, element: Any) -> Timer | None:
        definitions = element.findall(f"{{{BPMN}}}timerEventDefinition")
        if len(definitions) != 1:
            if not any(_local(child).endswith("EventDefinition") for child in element):
                self.report(element, f"bpmn:{_local(element)} 须有一个 timerEventDefinition")
            elif definitions:
                self.report(element, "只能有一个 timerEventDefinition")
            return None
        self._children(definitions[0], "timerEventDefinition")
        times = [child for child in definitions[0] if _local(child) in {"timeDate", "timeDuration"}]
        if len(times) != 1:
            if not any(_local(child) == "timeCycle" for child in definitions[0]):
                self.report(element, "timerEventDefinition 须有一个 timeDate 或 timeDuration")
            return None
        kind = _local(times[0]).removeprefix("time").lower()
        self._attributes(times[0], _local(times[0]))
        text = (times[0].text or "").strip()
        value = self._extensions.given(times[0], text, _local(times[0]))
        if isinstance(value, Text):
            try:
                moment(value.text) if kind == "date" else span(value.text)
            except ValueError as error:
                self.report(times[0], f"{error}；FEEL 须以 = 开头")
        return Timer(kind, value)

    def _flow(self, element: Any) -> None:
        name = element.get("id")
        if not name:
            self.report(element, "bpmn:sequenceFlow 须有 id")
            return
        self._attributes(element, "sequenceFlow")
        self._children(element, "sequenceFlow")
        self._extensions.read(element, "sequenceFlow")
        condition = None
        if len(element.findall(f"{{{BPMN}}}conditionExpression")) > 1:
            self.report(element, "顺序流只能有一个条件")
        for holder in element.findall(f"{{{BPMN}}}conditionExpression"):
            self._attributes(holder, "conditionExpression")
            language = holder.get("language", "feel")
            if language.lower() not in {one.lower() for one in fence.FEEL_LANGUAGES}:
                self.report(holder, f"不执行表达式语言 {language}；请改用 FEEL")
            value = self._extensions.given(holder, (holder.text or "").strip(), "条件")
            if isinstance(value, Formula):
                condition = value
            elif not any(problem.element == name for problem in self._problems):
                self.report(holder, "条件须为以 = 开头的 FEEL 表达式")
        self._flows.append(
            Flow(
                id=name,
                source=element.get("sourceRef", ""),
                target=element.get("targetRef", ""),
                name=element.get("name", ""),
                condition=condition,
                default=False,
                line=element.sourceline or 0,
            )
        )

    def _mark_defaults(self) -> None:
        for step, element in self._defaults.items():
            wanted = element.get("default")
            for index, flow in enumerate(self._flows):
                if flow.id == wanted and flow.source == step:
                    self._flows[index] = replace(flow, default=True)
                    break
            else:
                self.report(element, f"默认流向 {wanted} 不是从这里流出的顺序流")

    def _children(self, element: Any, tag: str) -> None:
        usual = {"documentation", "extensionElements", "incoming", "outgoing"}
        for child in element:
            space, _, local = child.tag[1:].rpartition("}")
            if space != BPMN or local not in fence.CHILDREN.get(tag, frozenset()) | usual:
                self.report(child, fence.refusal(local) if space == BPMN else f"不认识的元素 {local}，不会执行；请删除")

    def _attributes(self, element: Any, tag: str) -> None:
        for name, value in element.attrib.items():
            if reason := fence.attribute_refusal(tag, name, value):
                self.report(element, reason)

    def _undrawn(self) -> tuple[str, ...]:
        drawn = {
            shape.get("bpmnElement") for shape in self._root.iter(f"{{{BPMNDI}}}BPMNShape", f"{{{BPMNDI}}}BPMNEdge")
        }
        ids: Iterable[str] = [*self._steps, *(flow.id for flow in self._flows)]
        return tuple(name for name in ids if name not in drawn)


def _documentation(element: Any) -> str:
    return "\n\n".join("".join(child.itertext()).strip() for child in element.findall(f"{{{BPMN}}}documentation"))


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
