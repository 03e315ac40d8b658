"""The graph of a foreign file: ids, executable processes, starts and ends; what is added is also drawn."""

from __future__ import annotations

from typing import Any

from lxml import etree

from workflows.engine.fence import BPMNDI
from workflows.foreign_models.model import ACTIVITIES, GATEWAYS, NODES, Model, bpmn, local

_DC = "http://www.omg.org/spec/DD/20100524/DC"
_DI = "http://www.omg.org/spec/DD/20100524/DI"


def give_ids(model: Model) -> None:
    """Processes, steps and flows without id get one."""
    wanted = {bpmn(tag) for tag in (*NODES, "sequenceFlow", "process")}
    for element in list(model.root.iter(*wanted)):
        if not element.get("id"):
            ends = f"{element.get('sourceRef')}_{element.get('targetRef')}" if local(element) == "sequenceFlow" else ""
            element.set("id", model.new_id(f"{local(element)}_{ends}" if ends else local(element)))
            model.rewritten(element, f"{local(element)} 没有 id，写为 {element.get('id')}")


def make_executable(model: Model) -> None:
    """Where no process of the file is executable, all that have steps are."""
    processes = list(model.every("process"))
    if any(process.get("isExecutable") == "true" for process in processes):
        return
    for process in processes:
        if model.flow_nodes(process):
            process.set("isExecutable", "true")
            model.rewritten(process, '写为 isExecutable="true"')


def start_and_end(model: Model) -> None:
    """A process or sub-process without start event starts at what nothing leads to; what leads nowhere, ends."""
    for scope in model.scopes():
        if local(scope) == "adHocSubProcess":
            continue
        nodes, flows = model.flow_nodes(scope), model.flows(scope)
        entered = {flow.get("targetRef") for flow in flows}
        left = {flow.get("sourceRef") for flow in flows}
        if nodes and not any(local(node) == "startEvent" for node in nodes):
            firsts = [node for node in nodes if node.get("id") not in entered and _can_be_first(node)]
            if firsts and scope.get("triggeredByEvent") != "true":
                start = _add(model, scope, "startEvent", firsts[0])
                for node in firsts:
                    _connect(model, scope, start, node)
                model.rewritten(scope, f"没有开始事件，在 {'、'.join(str(node.get('id')) for node in firsts)} 之前补画")
        for node in nodes:
            if node.get("id") not in left and _must_lead_on(node):
                end = _add(model, scope, "endEvent", node)
                _connect(model, scope, node, end)
                model.rewritten(node, "其后没有任何元素，补画结束事件")


def _can_be_first(node: Any) -> bool:
    if local(node) == "boundaryEvent" or node.get("isForCompensation") == "true":
        return False
    linked = local(node) == "intermediateCatchEvent" and node.find(bpmn("linkEventDefinition")) is not None
    return not linked and node.get("triggeredByEvent") != "true" and node.get("instantiate") != "true"


def _must_lead_on(node: Any) -> bool:
    tag = local(node)
    if tag in {"endEvent", *ACTIVITIES}:
        return False
    if tag == "intermediateThrowEvent" and node.find(bpmn("linkEventDefinition")) is not None:
        return False
    undoes = tag == "boundaryEvent" and node.find(bpmn("compensateEventDefinition")) is not None
    return not undoes and tag in {
        "startEvent",
        "intermediateThrowEvent",
        "intermediateCatchEvent",
        "boundaryEvent",
        *GATEWAYS,
    }


def _add(model: Model, scope: Any, tag: str, beside: Any) -> Any:
    created = model.child(scope, tag, id=model.new_id(f"{tag}_{beside.get('id')}"))
    place = _bounds(model, beside.get("id"))
    if place is not None:
        x, y, width, height = place
        left = x - 80 if tag == "startEvent" else x + width + 44
        plane, shape = _plane_of(model, beside.get("id")), f"{created.get('id')}_di"
        drawn = etree.SubElement(
            plane, f"{{{BPMNDI}}}BPMNShape", id=model.new_id(shape), bpmnElement=str(created.get("id"))
        )
        model.shapes[str(created.get("id"))] = drawn
        etree.SubElement(
            drawn, f"{{{_DC}}}Bounds", x=f"{left:g}", y=f"{y + height / 2 - 18:g}", width="36", height="36"
        )
    return created


def _connect(model: Model, scope: Any, source: Any, target: Any) -> None:
    ends = {"sourceRef": str(source.get("id")), "targetRef": str(target.get("id"))}
    flow = model.child(scope, "sequenceFlow", id=model.new_id(f"flow_{ends['sourceRef']}_{ends['targetRef']}"), **ends)
    first, second = (_bounds(model, name) for name in ends.values())
    if first is None or second is None:
        return
    plane = _plane_of(model, ends["targetRef"])
    edge = etree.SubElement(
        plane, f"{{{BPMNDI}}}BPMNEdge", id=model.new_id(f"{flow.get('id')}_di"), bpmnElement=str(flow.get("id"))
    )
    for x, y in ((first[0] + first[2], first[1] + first[3] / 2), (second[0], second[1] + second[3] / 2)):
        etree.SubElement(edge, f"{{{_DI}}}waypoint", x=f"{x:g}", y=f"{y:g}")


def _shape(model: Model, name: str) -> Any:
    if not model.shapes:
        for shape in model.root.iter(f"{{{BPMNDI}}}BPMNShape"):
            model.shapes[(shape.get("bpmnElement") or "").rpartition(":")[2]] = shape
    return model.shapes.get(name)


def _plane_of(model: Model, name: str) -> Any:
    return _shape(model, name).getparent()


def _bounds(model: Model, name: str) -> tuple[float, float, float, float] | None:
    shape = _shape(model, name)
    bounds = shape.find(f"{{{_DC}}}Bounds") if shape is not None else None
    if bounds is None:
        return None
    try:
        x, y, width, height = (float(bounds.get(part, "")) for part in ("x", "y", "width", "height"))
    except ValueError:
        return None
    return x, y, width, height
