"""The zeebe extension elements of one step, read into the fields of Step; each unknown part becomes a problem."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from workflows.engine.expressions import Formula, Text
from workflows.engine.fence import EXTENSIONS, FOREIGN, ZEEBE
from workflows.engine.model import Assigned
from workflows.engine.moments import due_moment
from workflows.engine.scrutiny import Scrutiny

#: Names that belong to the house; no result or mapping may hide them.
RESERVED = frozenset({"instance", "task", "policy"})
#: Elements that throw or call rather than catch: their outputs would have nothing to read but what is known anyway.
_THROWERS = frozenset({"endEvent", "intermediateThrowEvent", "sendTask", "serviceTask"})
#: Elements whose inputs become variables: of a scope, of another process, of whoever catches.
_VARIABLES = frozenset({"subProcess", "transaction", "callActivity", "endEvent", "intermediateThrowEvent", "sendTask"})
#: Elements that catch: nothing goes in.
_CATCHERS = frozenset({"startEvent", "intermediateCatchEvent", "boundaryEvent", "receiveTask"})


class Extensions:
    """Reads the extensionElements of one BPMN element after another."""

    def __init__(self, scrutiny: Scrutiny) -> None:
        self._report = scrutiny.report
        self._given = scrutiny.given

    def read(self, element: Any, tag: str) -> dict[str, Any]:
        """Fields of Step (by name) that the extension elements of ``element`` give."""
        fields: dict[str, Any] = {}
        seen: set[str] = set()
        for holder in element.findall("{*}extensionElements"):
            for child in holder:
                space, _, local = child.tag[1:].rpartition("}")
                if space != ZEEBE:
                    whose = FOREIGN.get(space, space)
                    self._report(
                        child, f"bpmn:extensionElements：{whose} 的扩展元素 {local} 不执行；请改用 zeebe 扩展元素"
                    )
                elif local != "properties" and local not in EXTENSIONS.get(tag, ()):
                    self._report(child, f"bpmn:extensionElements：zeebe:{local} 在 {tag} 上不执行；请删除")
                elif local in seen:
                    self._report(child, f"zeebe:{local} 只能写一次")
                else:
                    seen.add(local)
                    fields.update(getattr(self, f"_{local.lower()}")(child, tag))
        return fields

    def _attributes(self, element: Any, *allowed: str) -> dict[str, str]:
        for name in element.attrib:
            if name not in allowed:
                self._report(element, f"{_local(element)} 的属性 {_local_name(name)} 不执行；请删除")
        for child in element:
            if _local(element) not in {"properties", "taskHeaders", "ioMapping"}:
                self._report(child, f"zeebe:{_local(element)} 内的 {_local(child)} 不执行；请删除")
        return {name: element.get(name).strip() for name in allowed if element.get(name)}

    def _properties(self, element: Any, tag: str) -> dict[str, Any]:
        return {"properties": self._pairs(element, "property", "name")}

    def _taskheaders(self, element: Any, tag: str) -> dict[str, Any]:
        return {"headers": self._pairs(element, "header", "key")}

    def _pairs(self, element: Any, child_tag: str, key: str) -> Mapping[str, str]:
        self._attributes(element)
        pairs: dict[str, str] = {}
        for child in element:
            name = child.get(key)
            if _local(child) != child_tag or not name or name in pairs:
                self._report(child, f"zeebe:{_local(element)} 只能含有{key}不同的 zeebe:{child_tag}")
            else:
                pairs[name] = child.get("value", "")
        return MappingProxyType(pairs)

    def _usertask(self, element: Any, tag: str) -> dict[str, Any]:
        self._attributes(element)
        return {}  # says that the engine itself keeps the task, which is so for every user task here

    def _formdefinition(self, element: Any, tag: str) -> dict[str, Any]:
        found = self._attributes(element, "formId", "bindingType")
        self._bound(element, found)
        form = found.get("formId", "")
        if not form or form.startswith("="):
            self._report(element, "zeebe:formDefinition 须写明 formId（不能是表达式）")
        return {"form_id": form}

    def _bound(self, element: Any, found: Mapping[str, str]) -> None:
        # Diagram, tables and forms are deployed under one digest, so "deployment" is what always happens.
        if found.get("bindingType", "deployment") != "deployment":
            self._report(element, "bindingType 只能为 deployment 或不写：图、表、表单同时部署")

    def _assignmentdefinition(self, element: Any, tag: str) -> dict[str, Any]:
        found = self._attributes(element, "assignee", "candidateGroups", "candidateUsers")
        fields = {"assignee": "assignee", "candidateGroups": "candidate_groups", "candidateUsers": "candidate_users"}
        return {fields[name]: self._given(element, text, name) for name, text in found.items()}

    def _taskschedule(self, element: Any, tag: str) -> dict[str, Any]:
        found = self._attributes(element, "dueDate", "followUpDate")
        fields = {"dueDate": "due", "followUpDate": "follow_up"}
        values = {name: self._given(element, text, name) for name, text in found.items()}
        for name, value in values.items():
            if isinstance(value, Text) and value.text:
                try:
                    due_moment(value.text)
                except ValueError as error:
                    self._report(element, f"{name}：{error}；FEEL 须以 = 开头")
        return {fields[name]: value for name, value in values.items()}

    def _prioritydefinition(self, element: Any, tag: str) -> dict[str, Any]:
        text = self._attributes(element, "priority").get("priority", "")
        value = self._given(element, text, "priority")
        if isinstance(value, Text) and not (text.isdecimal() and int(text) <= 100):
            self._report(element, "priority 须为 0–100 的整数，或以 = 开头的 FEEL")
        return {"priority": value}

    def _calleddecision(self, element: Any, tag: str) -> dict[str, Any]:
        found = self._attributes(element, "decisionId", "resultVariable", "bindingType")
        self._bound(element, found)
        decision = found.get("decisionId", "")
        if not decision or decision.startswith("="):
            self._report(element, "zeebe:calledDecision 须写明 decisionId（不能是表达式）")
        return {"decision_id": decision, "result_variable": self._variable(element, found.get("resultVariable", ""))}

    def _script(self, element: Any, tag: str) -> dict[str, Any]:
        found = self._attributes(element, "expression", "resultVariable")
        value = self._given(element, found.get("expression", ""), "expression")
        if not isinstance(value, Formula):
            self._report(element, "zeebe:script 的 expression 须为以 = 开头的 FEEL")
            return {}
        return {"script": value, "result_variable": self._variable(element, found.get("resultVariable", ""))}

    def _taskdefinition(self, element: Any, tag: str) -> dict[str, Any]:
        found = self._attributes(element, "type", "retries")
        order, retries = found.get("type", ""), found.get("retries", "3")
        if not order or order.startswith("="):
            self._report(element, "zeebe:taskDefinition 须写明 type（不能是表达式）")
        if not retries.isdecimal() or int(retries) > 100:
            self._report(element, "retries 须为 0–100 的整数")
            retries = "3"
        return {"task_type": order, "retries": int(retries)}

    def _iomapping(self, element: Any, tag: str) -> dict[str, Any]:
        self._attributes(element)
        lines: dict[str, list[Assigned]] = {"inputs": [], "outputs": []}
        for child in element:
            local = _local(child)
            if local not in {"input", "output"}:
                self._report(child, f"zeebe:ioMapping 内的 {local} 不执行；请删除")
                continue
            if local == "output" and tag in _THROWERS:
                self._report(
                    child, f"{tag} 不带回数据，不能有 output；请用 businessRuleTask、scriptTask 或 callActivity"
                )
            elif local == "input" and tag in _CATCHERS:
                self._report(child, f"{tag} 只接收数据，不能有 input；请用 output")
            found = self._attributes(child, "source", "target")
            # An input may be called `policy` where only a table or a form gets to see it.
            target = self._variable(child, found.get("target", ""), reserved=local == "output" or tag in _VARIABLES)
            source = self._given(child, found.get("source", "="), "source")
            if any(one.target == target for one in lines[f"{local}s"]):
                self._report(child, f"{local} 的 target “{target}” 重复")
            lines[f"{local}s"].append(Assigned(source, target))
        return {name: tuple(found) for name, found in lines.items()}

    def _versiontag(self, element: Any, tag: str) -> dict[str, Any]:
        self._attributes(element, "value")
        return {}  # a name of the version for people; versions are told apart by their content

    def _calledelement(self, element: Any, tag: str) -> dict[str, Any]:
        known = ("processId", "processIdExpression", "bindingType")
        whole = ("propagateAllParentVariables", "propagateAllChildVariables")
        found = self._attributes(element, *known, *whole)
        self._bound(element, found)
        written = [found[name] for name in known[:2] if name in found]
        if len(written) != 1:
            self._report(element, "zeebe:calledElement 须写明一个 processId：流程的 id，或以 = 开头的 FEEL")
            return {}
        text = written[0]
        if "processIdExpression" in found and not text.startswith("="):
            text = "=" + text
        for name in whole:
            if found.get(name, "true") not in {"true", "false"}:
                self._report(element, f"{name} 只能为 true 或 false")
        return {
            "called": self._given(element, text, "processId"),
            "hands_over_all": found.get(whole[0]) != "false",
            "takes_back_all": found.get(whole[1]) != "false",
        }

    def _subscription(self, element: Any, tag: str) -> dict[str, Any]:
        text = self._attributes(element, "correlationKey").get("correlationKey", "")
        return {"correlation": self._given(element, text, "correlationKey")} if text else {}

    def _conditionalfilter(self, element: Any, tag: str) -> dict[str, Any]:
        found = self._attributes(element, "variableNames", "variableEvents")
        events = {one.strip() for one in found.get("variableEvents", "create, update").split(",")}
        if events != {"create", "update"}:
            self._report(element, "variableEvents 只能为 create, update 或不写：条件在任何变化后都会重新计算")
        if "variableNames" not in found:
            return {}
        return {"filter": frozenset(one.strip() for one in found["variableNames"].split(","))}

    def _loopcharacteristics(self, element: Any, tag: str) -> dict[str, Any]:
        found = self._attributes(element, "inputCollection", "inputElement", "outputCollection", "outputElement")
        collection = (
            self._given(element, found["inputCollection"], "inputCollection") if "inputCollection" in found else None
        )
        result = self._given(element, found["outputElement"], "outputElement") if "outputElement" in found else None
        if isinstance(collection, Text) or isinstance(result, Text):
            self._report(element, "inputCollection 和 outputElement 须为以 = 开头的 FEEL")
            return {}
        if collection is None and "inputElement" in found:
            self._report(element, "inputElement 须与 inputCollection 同时写明")
        if (result is None) != ("outputCollection" not in found):
            self._report(element, "outputCollection 与 outputElement 须同时写明")
        for name in ("inputElement", "outputCollection"):
            if name in found:
                self._variable(element, found[name])
        item, results = found.get("inputElement", ""), found.get("outputCollection", "")
        fields: dict[str, Any] = {"item": item, "results": results, "result": result}
        return fields | ({"collection": collection} if collection else {})

    def _variable(self, element: Any, name: str, *, reserved: bool = True) -> str:
        if not name.isidentifier():
            self._report(element, f"变量名“{name}”须为一个词（字母、汉字、数字、下划线；整值写入，不写其中一项）")
        elif reserved and name in RESERVED:
            self._report(element, f"变量名“{name}”由系统保留")
        return name


def _local(element: Any) -> str:
    return _local_name(str(element.tag))


def _local_name(name: str) -> str:
    return name.rpartition("}")[2]
