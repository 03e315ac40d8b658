"""Small diagrams for tests."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

from workflows import engine


def diagram(properties: Mapping[str, str]) -> engine.Diagram:
    """A process of one user task that carries the given ``zeebe:properties``."""
    given = "".join(f"<zeebe:property name={quoteattr(k)} value={quoteattr(v)} />" for k, v in properties.items())
    raw = f"""<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" id="d" targetNamespace="urn:test">
  <bpmn:process id="specimen" name="样例" isExecutable="true">
    <bpmn:startEvent id="start" name="开始" />
    <bpmn:userTask id="review" name="审核">
      <bpmn:extensionElements>
        <zeebe:assignmentDefinition candidateGroups="=role(&#34;bureau_hr&#34;)" />
        <zeebe:properties>{given}</zeebe:properties>
      </bpmn:extensionElements>
    </bpmn:userTask>
    <bpmn:endEvent id="end" name="结束" />
    <bpmn:sequenceFlow id="f1" sourceRef="start" targetRef="review" />
    <bpmn:sequenceFlow id="f2" sourceRef="review" targetRef="end" />
  </bpmn:process>
</bpmn:definitions>"""
    return engine.read(raw.encode(), file="specimen.bpmn")[0]
