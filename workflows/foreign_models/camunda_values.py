"""Calls, repetitions, data and expressions of Camunda 7, Activiti and Flowable, said in the dialect."""

from __future__ import annotations

from typing import Any

from workflows.engine.fence import FOREIGN
from workflows.foreign_models.model import ACTIVITIES, FOREIGN_TEXT, bpmn, local
from workflows.foreign_models.vendor import Vendor, feel_of

_TIMES = frozenset({"timeDate", "timeDuration", "timeCycle"})
#: Elements of the standard whose text is an expression.
_EXPRESSIONS = (
    "conditionExpression",
    "completionCondition",
    "condition",
    "loopCondition",
    "loopCardinality",
    *sorted(_TIMES),
)


class Values(Vendor):
    """What is handed over, counted, compared and waited for."""

    def translate(self) -> None:
        """Every call, repetition, caught code, mapping and `${…}`."""
        model = self._model
        for element in model.every("callActivity"):
            self._call(element)
        for element in model.every("multiInstanceLoopCharacteristics"):
            self._repetition(element)
        for element in model.every("errorEventDefinition", "escalationEventDefinition"):
            self._caught_code(element)
        for element in model.every(*ACTIVITIES, "endEvent", "intermediateThrowEvent"):
            self._data(element)
        for element in model.every(*_EXPRESSIONS):
            self._expression(element)
        for element in model.every("message", "signal", "error", "escalation"):
            for name in ("name", "errorCode", "escalationCode"):
                text = element.get(name, "")
                if FOREIGN_TEXT.search(text) and (found := model.formula(text)) is not None:
                    element.set(name, found)
                    model.rewritten(element, f"{name}：{text} 改写为 {found}")

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
            if feel_of(source[1:]) is None:
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
        found = model.formula(text) if FOREIGN_TEXT.search(text) else feel_of(text.strip())
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
