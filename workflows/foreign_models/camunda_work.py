"""What automatic steps of Camunda 7, Activiti and Flowable do, said in the dialect: orders, decisions, values.

What is a plain value or a comparison is translated, what is a name becomes the name of an order; program text is lost.
"""

from __future__ import annotations

import re
from typing import Any

from workflows.engine.fence import ZEEBE
from workflows.foreign_models.model import FOREIGN_TEXT, bpmn, local
from workflows.foreign_models.vendor import Vendor, feel_of

#: A bean or a class by its name: work that somebody else has to supply, as an order is.
_BEAN = re.compile(r"[$#]\{\s*([A-Za-z_]\w*)\s*\}")
_CLASS = re.compile(r"[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)*")


class Work(Vendor):
    """Automatic tasks and events."""

    def translate(self) -> None:
        """Every automatic task, and every event that sends."""
        for element in self._model.every("serviceTask", "sendTask", "businessRuleTask", "scriptTask"):
            self._work(element)
        for element in self._model.every("endEvent", "intermediateThrowEvent"):
            self._thrown(element)

    def _work(self, element: Any) -> None:
        """What an automatic task does."""
        if self._peek(element, "type") == "external" and self._peek(element, "topic"):
            self._take(element, "type")
            self._order(element, self._take(element, "topic") or "")
        elif local(element) == "businessRuleTask" and self._peek(element, "decisionRef"):
            self._decision(element)
        elif local(element) == "scriptTask":
            self._script(element)
        elif expression := self._peek(element, "expression"):
            self._computed(element, expression)
        else:
            self._named(element, element)

    def _order(self, element: Any, topic: str) -> None:
        if FOREIGN_TEXT.search(topic):
            return
        self._model.extension(element, "taskDefinition").set("type", topic)
        self._model.rewritten(element, f"外部任务 {topic} 改写为 zeebe:taskDefinition type={topic}")

    def _thrown(self, element: Any) -> None:
        """A message event that an external worker sends."""
        for definition in element.findall(bpmn("messageEventDefinition")):
            if self._peek(definition, "type") == "external" and self._peek(definition, "topic"):
                self._take(definition, "type")
                self._order(element, self._take(definition, "topic") or "")
            else:
                self._named(element, definition)

    def _named(self, element: Any, holder: Any) -> None:
        """A class or a bean by its name, with its fixed and computed fields: an order of that name, to be provided."""
        model = self._model
        bean = _BEAN.fullmatch(self._peek(holder, "delegateExpression") or "")
        name = bean[1] if bean else self._peek(holder, "class")
        if not name or not _CLASS.fullmatch(name) or self._peek(holder, "resultVariable"):
            return
        headers, inputs, left = {}, {}, []
        for field in self._given(element, "field"):
            inside = {local(one): (one.text or "").strip() for one in field}
            text = field.get("stringValue") or inside.get("string")
            computed = field.get("expression") or inside.get("expression")
            value = model.formula(computed) if computed else None
            key = field.get("name", "")
            if text is not None and key:
                headers[key] = text
            elif value is not None and key.isidentifier():
                inputs[key] = value
            elif computed and key:
                headers[key] = computed
                left.append(key)
            else:
                return
        for taken in ("delegateExpression", "class"):
            self._take(holder, taken)
        for field in self._given(element, "field"):
            model.drop(field)
        model.extension(element, "taskDefinition").set("type", name)
        for key, value in headers.items():
            holder = model.extension(element, "taskHeaders")
            holder.append(holder.makeelement(f"{{{ZEEBE}}}header", {"key": key, "value": value}))
        for key, value in inputs.items():
            model.mapping(element, "input", value, key)
        model.rewritten(element, f"程序 {name} 改写为 zeebe:taskDefinition type={name}")
        also = f"；{'、'.join(left)} 的算式原样交给它（taskHeaders），由它计算" if left else ""
        model.provide(element, f"程序 {name} 的内容不在模型里；自动环节不向流程返回数据{also}")

    def _decision(self, element: Any) -> None:
        model = self._model
        decision, binding = self._peek(element, "decisionRef") or "", self._peek(element, "decisionRefBinding")
        shape = self._peek(element, "mapDecisionResult") or "resultList"
        result = self._peek(element, "resultVariable")
        if FOREIGN_TEXT.search(decision) or binding in {"version", "versionTag"}:
            return
        if result and shape != "singleResult":
            return  # here a ruling's outputs are one context, not a list and not one value
        for name in ("decisionRef", "decisionRefBinding", "mapDecisionResult", "resultVariable"):
            self._take(element, name)
        called = model.extension(element, "calledDecision")
        called.set("decisionId", decision)
        called.set("resultVariable", result or model.word(element))
        model.rewritten(element, f"decisionRef 改写为 zeebe:calledDecision decisionId={decision}")

    def _script(self, element: Any) -> None:
        texts = element.findall(bpmn("script"))
        resource = self._peek(element, "resource")
        source = "\n".join((one.text or "").strip() for one in texts)
        if not source and not resource:
            return
        language, result = element.attrib.pop("scriptFormat", ""), self._take(element, "resultVariable") or ""
        found = feel_of(source) if language.lower() == "feel" else self._model.formula(source)
        for one in texts:
            self._model.drop(one)
        if found is None or resource or not result.isidentifier():
            self._take(element, "resource")
            what = f"脚本“{(resource or source)[:60]}”（{language or '没有写明语言'}）"
            self._model.lost(element, f"{what}不能译为一个 FEEL 表达式", "script")
            found, result = found or "=null", "lost"
        else:
            self._model.rewritten(element, f"脚本 {source[:60]} 改写为 zeebe:script {found[:60]}")
        self._write_script(element, found, result)

    def _computed(self, element: Any, expression: str) -> None:
        found, result = self._model.formula(expression), self._peek(element, "resultVariable")
        if found is not None and result is None and not self._given(element, "inputOutput"):
            self._take(element, "expression")
            self._model.retag(element, "task")
            self._model.rewritten(element, f"表达式 {expression[:60]} 的结果没有去处，改写为 task")
            return
        if found is None or not result or not result.isidentifier():
            return
        self._take(element, "expression")
        self._take(element, "resultVariable")
        self._model.retag(element, "scriptTask")
        self._write_script(element, found, result)
        self._model.rewritten(element, f"表达式 {expression[:60]} 改写为 scriptTask 的 {found[:60]}")

    def _write_script(self, element: Any, found: str, result: str) -> None:
        script = self._model.extension(element, "script")
        script.set("expression", found)
        script.set("resultVariable", result)
