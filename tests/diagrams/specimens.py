"""Small diagrams for tests."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

from workflows import engine


def diagram(
    properties: Mapping[str, str], of_process: Mapping[str, str] | None = None, inside: str = ""
) -> engine.Diagram:
    """A process of one user task that carries the given ``zeebe:properties``, with those of the process itself.

    ``inside`` are more extension elements of the task, which can be interrupted by the message 撤回申请, and looked at by the
    message 查询, which interrupts nothing.
    """
    given, whole = (
        "".join(f"<zeebe:property name={quoteattr(k)} value={quoteattr(v)} />" for k, v in some.items())
        for some in (properties, of_process or {})
    )
    waits = "".join(
        f"""<bpmn:boundaryEvent id="{name}" name="{name}" attachedToRef="review" cancelActivity="{interrupts}">
      <bpmn:messageEventDefinition id="{name}_d" messageRef="m_{name}" /></bpmn:boundaryEvent>
    <bpmn:endEvent id="{name}_end" name="{name}结束" />
    <bpmn:sequenceFlow id="{name}_f" sourceRef="{name}" targetRef="{name}_end" />"""
        for name, interrupts in (("withdrawn", "true"), ("asked", "false"))
    )
    raw = f"""<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" id="d" targetNamespace="urn:test">
  <bpmn:message id="m_withdrawn" name="撤回申请" /><bpmn:message id="m_asked" name="查询" />
  <bpmn:process id="specimen" name="样例" isExecutable="true">
    <bpmn:extensionElements><zeebe:properties>{whole}</zeebe:properties></bpmn:extensionElements>
    <bpmn:startEvent id="start" name="开始" />
    <bpmn:userTask id="review" name="审核">
      <bpmn:extensionElements>
        {inside}
        <zeebe:assignmentDefinition candidateGroups="=role(&#34;bureau_hr&#34;)" />
        <zeebe:properties>{given}</zeebe:properties>
      </bpmn:extensionElements>
    </bpmn:userTask>
    <bpmn:endEvent id="end" name="结束" />
    {waits}
    <bpmn:sequenceFlow id="f1" sourceRef="start" targetRef="review" />
    <bpmn:sequenceFlow id="f2" sourceRef="review" targetRef="end" />
  </bpmn:process>
</bpmn:definitions>"""
    return engine.read(raw.encode(), file="specimen.bpmn")[0]
