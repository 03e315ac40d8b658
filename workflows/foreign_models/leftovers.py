"""What drawing tools and other engines' editors leave in a file, and what no engine executes: dropped and listed."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from workflows.engine import fence
from workflows.engine.fence import BPMN, FOREIGN, XSI, ZEEBE
from workflows.foreign_models.model import Model, bpmn, local, space

#: Beginnings of the namespaces of drawing tools: what they add is about the drawing.
_TOOLS = (
    "http://www.signavio.com",
    "http://www.w4.eu/spec/",
    "http://www.trisotech.com/",
    "http://trisotech.com/",
    "http://www.itp-commerce.com/",
    "http://www.bpsim.org/",
    "http://bpmn.io/schema/",
    "http://camunda.org/schema/modeler/",
    "http://www.omg.org/spec/BPMN/non-normative/color/",
    "http://bizagi.com",
    "http://www.bizagi.com/",
    "http://www.visual-paradigm.com/",
    "http://sourceforge.net/bpmn/definitions/",
    "http://www.yaoqiang.com/",
    "http://www.qa.com/",
    "http://openapis.org/",
    "https://openapis.org/",
)
#: The vocabularies of the standard, whose foreign parts (the drawing) stay.
_STANDARD = ("http://www.omg.org/spec/", "http://www.w3.org/")
#: How and when another engine stores, retries and removes: not what the process means. Here every act is one transaction.
_OPERATION = frozenset(
    {
        "async",
        "asyncBefore",
        "asyncAfter",
        "exclusive",
        "jobPriority",
        "taskPriority",
        "historyTimeToLive",
        "isStartableInTasklist",
        "failedJobRetryTimeCycle",
        "diagramRelationId",
        "modelerTemplate",
        "modelerTemplateVersion",
        "modelerTemplateIcon",
    }
)
#: Attributes of the standard that say nothing about execution, with the only values that do.
_SAYS_NOTHING = ("isClosed", "isImmediate", "implementation", "processType", "isCollapsed")
#: Elements of the standard that say nothing about execution.
_ROOT = ("import", "relationship", "extension", "choreography")
_NOTES = ("auditing", "monitoring", "rendering")


def drop_leftovers(model: Model) -> None:
    """Take out what only a drawing tool reads, and how another engine is operated."""
    seen: dict[str, list[Any]] = defaultdict(list)
    for element in list(model.root.iter()):
        if not element.tag.startswith(f"{{{BPMN}}}"):
            continue
        for name in list(element.attrib):
            whose = space(name)
            operation = whose in FOREIGN and name.rpartition("}")[2] in _OPERATION
            if operation or whose.startswith(_TOOLS):
                del element.attrib[name]
                seen[_owner(whose, operation)].append(element)
        for child in model.extensions(element):
            whose = space(child.tag)
            operation = local(child) in _OPERATION
            if operation or whose.startswith(_TOOLS):
                model.drop(child)
                seen[_owner(whose, operation)].append(element)
    for what, elements in seen.items():
        model.rewritten(elements[0], f"{what}：从 {len(elements)} 个元素上删除；不影响执行")


def _owner(whose: str, operation: bool) -> str:
    return "其他引擎的运行设置（异步、重试、保留期等）" if operation else f"绘图工具的附注（{whose}）"


def drop_what_says_nothing(model: Model) -> None:
    """Take out parts of the standard that mean nothing to an engine."""
    for element in model.every(*_ROOT):
        if element.getparent() is model.root:
            model.rewritten(element, f"删除 {local(element)}：只为阅读或引用其他文件；用到的流程、决策另行部署")
            model.drop(element)
    for element in model.every(*_NOTES):
        model.rewritten(element, f"删除 {local(element)}：不影响执行")
        model.drop(element)
    for element in list(model.root.iter(f"{{{BPMN}}}*")):
        for name in _SAYS_NOTHING:
            value = element.get(name)
            if value is not None and fence.attribute_refusal(local(element), name, value):
                del element.attrib[name]
                model.rewritten(element, f'删除 {name}="{value}"：不影响执行')
    _operations(model)


def _operations(model: Model) -> None:
    """References from tasks to operations of an interface: a description, beside what says how the task runs."""
    for element in model.every("operationRef"):
        model.rewritten(element.getparent(), "删除 operationRef：接口的声明只供阅读")
        model.drop(element)
    for element in list(model.root.iter(bpmn("serviceTask"), bpmn("sendTask"), bpmn("receiveTask"))):
        if "operationRef" in element.attrib:
            del element.attrib["operationRef"]
            model.rewritten(element, "删除 operationRef：接口的声明只供阅读")


def drop_beside_zeebe(model: Model) -> None:
    """On an element that says by zeebe how it runs, what is meant for other engines: Camunda 8 does not execute it either."""
    for element in list(model.root.iter(f"{{{BPMN}}}*")):
        given = model.extensions(element)
        if not any(space(child.tag) == ZEEBE for child in given):
            continue
        others = [child for child in given if space(child.tag) != ZEEBE]
        names = [name for name in element.attrib if _foreign(space(name))]
        for child in others:
            model.drop(child)
        for name in names:
            del element.attrib[name]
        if others or names:
            words = sorted({local(child) for child in others} | {name.rpartition("}")[2] for name in names})
            model.rewritten(element, f"删除为其他引擎写的 {'、'.join(words)}：该元素已由 zeebe 扩展元素写明如何执行")


def _foreign(whose: str) -> bool:
    return bool(whose) and whose not in {BPMN, ZEEBE, XSI} and not whose.startswith(_STANDARD)


def lose_the_rest(model: Model) -> None:
    """Whatever of other vendors is still there has no counterpart here."""
    for element in list(model.root.iter(f"{{{BPMN}}}*")):
        if element is model.root:
            for name in [name for name in element.attrib if _foreign(space(name))]:
                del element.attrib[name]
            continue
        for name in [name for name in element.attrib if _foreign(space(name))]:
            whose = FOREIGN.get(space(name), space(name))
            model.lost(element, f"{whose} 的属性 {name.rpartition('}')[2]}=“{element.get(name)[:60]}”没有对应的写法")
            del element.attrib[name]
        for child in model.extensions(element):
            if space(child.tag) != ZEEBE:
                whose = FOREIGN.get(space(child.tag), space(child.tag))
                model.lost(element, f"{whose} 的扩展元素 {local(child)} 没有对应的写法", "extensionElements")
                model.drop(child)
    for child in list(model.root):
        if _foreign(space(child.tag)):
            model.lost(child, f"{space(child.tag)} 的元素 {local(child)} 没有对应的写法", "definitions")
            model.root.remove(child)
