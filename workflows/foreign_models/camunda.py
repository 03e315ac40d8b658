"""Camunda 7, Activiti and Flowable: forms, people, dates, conditions, decisions and data, said in the dialect.

What is a plain value or a comparison is translated; what is program text stays where it is and is lost later.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from workflows.engine.fence import FOREIGN, ZEEBE
from workflows.engine.moments import due_moment, span
from workflows.feel import FeelSyntaxError, compile
from workflows.foreign_models.model import ACTIVITIES, FOREIGN_TEXT, Model, bpmn, local, space

_ENGINES = tuple(FOREIGN)
_TIMES = frozenset({"timeDate", "timeDuration", "timeCycle"})
#: A bean or a class by its name: work that somebody else has to supply, as an order is.
_BEAN = re.compile(r"[$#]\{\s*([A-Za-z_]\w*)\s*\}")
_CLASS = re.compile(r"[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)*")


class Camunda:
    """Translates one file; what it understands it takes out of the tree, so that the rest can be told."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def translate(self) -> None:
        """Every attribute and extension element that has a counterpart."""
        model = self._model
        for start in model.every("startEvent"):
            model.initiator = self._take(start, "initiator") or model.initiator
        for process in model.every("process"):
            self._process(process)
        for element in model.every("startEvent", "userTask"):
            self._form(element)
        for element in model.every("userTask"):
            self._people(element)
            self._dates(element)
        for owner in model.every("potentialOwner", "humanPerformer", "performer", "resourceRole"):
            element = owner.getparent()
            if local(element) != "userTask":
                model.rewritten(element, f"删除 {local(owner)}：{local(element)} 不由人办理，{local(owner)} 只供阅读")
                model.drop(owner)
        for element in model.every("serviceTask", "sendTask", "businessRuleTask", "scriptTask"):
            self._work(element)
        for element in model.every("endEvent", "intermediateThrowEvent"):
            self._thrown(element)
        for element in model.every("callActivity"):
            self._call(element)
        for element in model.every("multiInstanceLoopCharacteristics"):
            self._repetition(element)
        for element in model.every("errorEventDefinition", "escalationEventDefinition"):
            self._caught_code(element)
        for element in model.every(*ACTIVITIES, "endEvent", "intermediateThrowEvent"):
            self._data(element)
        self._properties()

    def expressions(self) -> None:
        """`${…}` of conditions, timers, counts and names, wherever the standard has them."""
        model = self._model
        for element in model.every(
            "conditionExpression",
            "completionCondition",
            "condition",
            "loopCondition",
            "loopCardinality",
            "timeDate",
            "timeDuration",
            "timeCycle",
        ):
            self._expression(element)
        for element in model.every("message", "signal", "error", "escalation"):
            for name in ("name", "errorCode", "escalationCode"):
                text = element.get(name, "")
                if FOREIGN_TEXT.search(text) and (found := model.formula(text)) is not None:
                    element.set(name, found)
                    model.rewritten(element, f"{name}：{text} 改写为 {found}")

    def _take(self, element: Any, name: str) -> str | None:
        """Take an attribute of one of the engines off ``element``; None when it is not there."""
        for engine in _ENGINES:
            value = element.attrib.pop(f"{{{engine}}}{name}", None)
            if value is not None:
                return str(value)
        return None

    def _peek(self, element: Any, name: str) -> str | None:
        for engine in _ENGINES:
            value = element.get(f"{{{engine}}}{name}")
            if value is not None:
                return str(value)
        return None

    def _given(self, element: Any, *names: str) -> list[Any]:
        """The extension elements of the engines by their names."""
        return [
            child for child in self._model.extensions(element) if space(child.tag) in FOREIGN and local(child) in names
        ]

    def _process(self, process: Any) -> None:
        tag = self._take(process, "versionTag")
        if tag:
            self._model.extension(process, "versionTag").set("value", tag)
            self._model.rewritten(process, f"versionTag {tag} 改写为 zeebe:versionTag")

    def _properties(self) -> None:
        for element in list(self._model.root.iter()):
            for given in self._given(element, "properties"):
                if element.tag == bpmn(local(element)):
                    holder = self._model.extension(element, "properties")
                    for one in given:
                        name, value = one.get("name") or one.get("id", ""), one.get("value", "")
                        if name and all(old.get("name") != name for old in holder):
                            holder.append(
                                holder.makeelement(
                                    holder.tag[: -len("properties")] + "property", {"name": name, "value": value}
                                )
                            )
                    self._model.drop(given)
                    self._model.rewritten(element, "camunda:properties 改写为 zeebe:properties")

    def _form(self, element: Any) -> None:
        model = self._model
        given = self._given(element, "formData", "formProperty")
        key, ref = self._peek(element, "formKey"), self._peek(element, "formRef")
        binding = self._peek(element, "formRefBinding") or "deployment"
        if ref and (FOREIGN_TEXT.search(ref) or binding == "version"):
            return  # a computed form, or one version of it: nothing here says that
        if key and FOREIGN_TEXT.search(key):
            return
        if not (key or ref or given):
            return
        form = ref or (form_id(key) if key else f"{_process_id(element)}.{model.word(element)}")
        for name in ("formKey", "formRef", "formRefBinding", "formRefVersion"):
            self._take(element, name)
        if any(local(child).endswith("EventDefinition") for child in element):
            model.rewritten(element, f"删除开始事件上的表单 {key or ref}：由消息或信号开始时没有人填写")
            model.provide(element, f"随消息或信号带来表单 {form} 的内容")
            return
        model.extension(element, "formDefinition").set("formId", form)
        model.rewritten(element, f"表单 {key or ref or '（写在图中的字段）'} 改写为 zeebe:formDefinition formId={form}")
        fields = [
            _field(one)
            for holder in given
            for one in ([holder] if local(holder) == "formProperty" else holder)
            if local(one) in {"formField", "formProperty"}
        ]
        if fields:
            model.provide(element, f"表单 {form} 的字段：{'；'.join(fields)}")
        for holder in given:
            model.drop(holder)

    def _people(self, element: Any) -> None:
        for name in ("assignee", "candidateUsers", "candidateGroups"):
            text = self._peek(element, name)
            if text is None:
                continue
            value = self._list(text) if name != "assignee" else self._model.value(text)
            if value is not None:
                self._take(element, name)
                if value:
                    self._model.extension(element, "assignmentDefinition").set(name, value)
                    self._model.rewritten(element, f"{name} {text} 改写为 zeebe:assignmentDefinition {name}={value}")
        for owner in [
            *element.findall(bpmn("potentialOwner")),
            *element.findall(bpmn("humanPerformer")),
            *element.findall(bpmn("performer")),
            *element.findall(bpmn("resourceRole")),
        ]:
            self._owner(element, owner)

    def _owner(self, element: Any, owner: Any) -> None:
        """Who does it, as the standard writes it: a resource, or the engines' `user(a), group(b)`."""
        model = self._model
        reference = owner.find(bpmn("resourceRef"))
        text = "".join(one.text or "" for one in owner.iter(bpmn("formalExpression"))).strip()
        users: list[str] = []
        groups: list[str] = []
        if reference is not None:
            wanted = (reference.text or "").strip().rpartition(":")[2]
            named = [one.get("name") for one in model.every("resource") if one.get("id") == wanted]
            groups = [str(named[0] or wanted) if named else wanted]
        elif text and local(owner) == "humanPerformer" and not FOREIGN_TEXT.search(text):
            users = [text]
        elif text and not FOREIGN_TEXT.search(text):
            for part in re.split(r",\s*(?![^(]*\))", text):
                found = re.fullmatch(r"(user|group)\((.*)\)", part.strip())
                (users if found and found[1] == "user" else groups).append(found[2] if found else part.strip())
        elif text:
            return
        definition = model.extension(element, "assignmentDefinition") if users or groups else None
        for name, values in (("candidateUsers", users), ("candidateGroups", groups)):
            if values and definition is not None:
                known = [definition.get(name)] if definition.get(name) else []
                definition.set(name, ", ".join([*known, *values]))
        model.rewritten(
            element, f"{local(owner)} 改写为 zeebe:assignmentDefinition：{'、'.join(users + groups) or '没有写明'}"
        )
        model.drop(owner)

    def _list(self, text: str) -> str | None:
        """Names separated by commas, some of them computed."""
        if not FOREIGN_TEXT.search(text):
            return ", ".join(part.strip() for part in text.split(",") if part.strip())
        parts = [part.strip() for part in re.split(r",(?![^{]*\})", text) if part.strip()]
        values = [self._model.formula(part) if FOREIGN_TEXT.search(part) else f'="{part}"' for part in parts]
        if None in values:
            return None
        found = [str(value)[1:] for value in values]
        return "=" + (found[0] if len(found) == 1 else f"[{', '.join(found)}]")

    def _dates(self, element: Any) -> None:
        for name in ("dueDate", "followUpDate"):
            text = self._peek(element, name)
            value = _date(self._model, text) if text else None
            if text and value is not None:
                self._take(element, name)
                self._model.extension(element, "taskSchedule").set(name, value)
                self._model.rewritten(element, f"{name} {text} 改写为 zeebe:taskSchedule {name}={value}")
        text = self._peek(element, "priority")
        value = self._model.value(text) if text else None
        if text and value and (value.startswith("=") or (value.isdecimal() and int(value) <= 100)):
            self._take(element, "priority")
            self._model.extension(element, "priorityDefinition").set("priority", value)
            self._model.rewritten(element, f"priority {text} 改写为 zeebe:priorityDefinition")

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
        found = _feel(source) if language.lower() == "feel" else self._model.formula(source)
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
        if found is not None and result is None:
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

    def _call(self, element: Any) -> None:
        model = self._model
        binding = self._peek(element, "calledElementBinding")
        called = element.get("calledElement")
        value = model.value(called.rpartition(":")[2] if called and not FOREIGN_TEXT.search(called) else called or "")
        if not called or not value or binding in {"version", "versionTag"} or model.has(element, "calledElement"):
            if called and model.has(element, "calledElement"):
                del element.attrib["calledElement"]
                model.rewritten(element, "删除 calledElement：zeebe:calledElement 已写明")
            return
        del element.attrib["calledElement"]
        self._take(element, "calledElementBinding")
        definition = model.extension(element, "calledElement")
        definition.set("processId", value)
        model.rewritten(element, f"calledElement {called} 改写为 zeebe:calledElement")
        mapped = self._given(element, "in", "out")
        if not mapped and not any(uri in FOREIGN for uri in model.root.nsmap.values()):
            return  # the standard does not say what is handed over; Camunda 8 hands over all
        whole = {"in": False, "out": False}
        for line in mapped:
            self._handed(element, line, whole)
        if self._peek(element, "inheritVariables") == "true":
            self._take(element, "inheritVariables")
            whole["in"] = True
        definition.set("propagateAllParentVariables", str(whole["in"]).lower())
        definition.set("propagateAllChildVariables", str(whole["out"]).lower())

    def _handed(self, element: Any, line: Any, whole: dict[str, bool]) -> None:
        way, source, target = local(line), line.get("source"), line.get("target")
        text = source or self._model.formula(line.get("sourceExpression", ""))
        if line.get("variables") == "all":
            whole[way] = True
        elif line.get("businessKey") is not None:
            self._model.rewritten(element, "删除 businessKey：办件自有编号，被调用的办件随主办件编号")
        elif text and target and target.isidentifier() and not line.get("local"):
            source = text if text.startswith("=") else f"={text}"
            if _feel(source[1:]) is None:
                return
            self._model.mapping(element, {"in": "input", "out": "output"}[way], source, target)
            self._model.rewritten(element, f"{way} {source[1:]} → {target} 改写为 zeebe:ioMapping")
        else:
            return
        self._model.drop(line)

    def _repetition(self, element: Any) -> None:
        model = self._model
        reference = element.find(bpmn("loopDataInputRef"))
        item = element.find(bpmn("inputDataItem"))
        collection = self._peek(element, "collection")
        text = collection or (reference.text or "" if reference is not None else "")
        found = model.formula(text) if FOREIGN_TEXT.search(text) else _feel(text.strip())
        if not text or found is None:
            return
        name = self._peek(element, "elementVariable") or (item.get("name", "") if item is not None else "")
        self._take(element, "collection")
        self._take(element, "elementVariable")
        for child in (reference, item):
            if child is not None:
                model.drop(child)
        loop = model.extension(element, "loopCharacteristics")
        loop.set("inputCollection", found)
        if name:
            loop.set("inputElement", name)
        model.rewritten(element, f"多实例的列表 {text} 改写为 zeebe:loopCharacteristics inputCollection={found}")

    def _caught_code(self, element: Any) -> None:
        """A variable for the code that was caught: where only one code is caught, it is known."""
        kind = local(element).removesuffix("EventDefinition")
        name = self._peek(element, f"{kind}CodeVariable")
        if not name or not name.isidentifier():
            return
        codes = [
            one.get(f"{kind}Code") for one in self._model.every(kind) if one.get("id") == element.get(f"{kind}Ref")
        ]
        if codes and codes[0] and not FOREIGN_TEXT.search(codes[0]):
            self._take(element, f"{kind}CodeVariable")
            self._model.mapping(element.getparent(), "output", f'="{codes[0]}"', name)
            self._model.rewritten(element, f"{kind}CodeVariable 改写为 output：{name} = {codes[0]}")

    def _data(self, element: Any) -> None:
        """camunda:inputOutput: each line that is a value; one that is a script stays, and is lost with the whole."""
        for given in self._given(element, "inputOutput"):
            lines: list[tuple[str, str, str]] = []
            for one in given:
                way = {"inputParameter": "input", "outputParameter": "output"}.get(local(one))
                value = self._parameter(one)
                target = one.get("name", "")
                sends = local(element) in {"serviceTask", "sendTask", "endEvent", "intermediateThrowEvent"}
                if way is None or value is None or not target.isidentifier() or (way == "output" and sends):
                    lines = []
                    break
                lines.append((way, value, target))
            for way, value, target in lines:
                self._model.mapping(element, way, value, target)
                self._model.rewritten(element, f"{way} {target} 改写为 zeebe:ioMapping：{value[:60]}")
            if lines or not len(given):
                self._model.drop(given)

    def _parameter(self, element: Any) -> str | None:
        """FEEL for a parameter: a text, `${…}`, a list or a map of such."""
        if not len(element):
            text = (element.text or "").strip()
            if FOREIGN_TEXT.search(text):
                return self._model.formula(text)
            return '="' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        inside = element[0]
        parts: list[str] = []
        for one in inside if local(inside) in {"list", "map"} else ():
            value = self._parameter(one)
            if value is None:
                return None
            key = one.get("key", "").replace('"', '\\"')
            parts.append(f'"{key}": {value[1:]}' if local(inside) == "map" else value[1:])
        if local(inside) == "list":
            return f"=[{', '.join(parts)}]"
        return f"={{{', '.join(parts)}}}" if local(inside) == "map" else None

    def _expression(self, element: Any) -> None:
        text = (element.text or "").strip()
        if local(element) == "conditionExpression" and not text and not len(element):
            self._model.rewritten(element.getparent(), "删除没有内容的条件")
            self._model.drop(element)
            return
        language = element.get("language", "")
        scripted = (language and "feel" not in language.lower()) or "getDataObject(" in text
        if not text or text.startswith("=") or not (FOREIGN_TEXT.search(text) or scripted):
            return
        found = f"={text}" if text in {"true", "false"} else self._model.formula(text)
        if found is None and local(element) in _TIMES and not FOREIGN_TEXT.search(text):
            found = text  # a moment or a length is written alike in every language
        if found is None and self._model.for_readers:
            return  # nothing of it ever ran: the words of a choice
        if found is None:
            self._model.lost(element, f"{local(element)} 的 {text[:60]} 不能译为 FEEL", _whose(element))
            found = "=null"
        elif found != text:
            self._model.rewritten(element, f"{text[:60]} 改写为 {found[:60]}")
        element.attrib.pop("language", None)
        element.text = found


def _whose(element: Any) -> str:
    """The element of the tables that an expression belongs to."""
    return {"conditionExpression": "sequenceFlow"}.get(local(element), local(element.getparent()))


def _process_id(element: Any) -> str:
    process = next(one for one in element.iterancestors() if local(one) == "process")
    return re.sub(r"\W", "_", process.get("id", "process"))


def form_id(key: str) -> str:
    """`embedded:app:forms/task.html` → `forms.task`: a form is named by dots here."""
    name = re.sub(r"^(embedded|camunda-forms):(\w+:)?", "", key.strip())
    name = re.sub(r"\.\w+$", "", name.removeprefix("app:").removeprefix("deployment:"))
    return ".".join(part for part in re.split(r"[^\w-]+", name) if part) or "form"


def _field(element: Any) -> str:
    """A form field in words: key, label, type, what must hold."""
    holds = [f"{one.get('name')}={one.get('config', 'true')}" for one in element.iter() if local(one) == "constraint"]
    holds += [f"{name}={element.get(name)}" for name in ("required", "readable", "writable") if element.get(name)]
    words = [element.get("id", ""), element.get("label") or element.get("name") or "", element.get("type", ""), *holds]
    return " ".join(word for word in words if word)


def _date(model: Model, text: str) -> str | None:
    if FOREIGN_TEXT.search(text):
        return model.formula(text)
    checks: tuple[tuple[Callable[[str], Any], str], ...] = (
        (due_moment, text.strip()),
        (span, f'=now() + duration("{text.strip()}")'),
    )
    for check, value in checks:
        try:
            check(text.strip())
        except ValueError:
            continue
        return value
    return None


def _feel(text: str) -> str | None:
    """`=text` when it is FEEL."""
    try:
        compile(text)
    except FeelSyntaxError:
        return None
    return "=" + text
