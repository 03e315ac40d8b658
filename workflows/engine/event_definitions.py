"""The event definitions of a file, and the messages, signals, errors and escalations they name, read into Event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workflows.engine import fence
from workflows.engine.expressions import Formula, Given, Text
from workflows.engine.extensions import Extensions
from workflows.engine.model import Event, Timer
from workflows.engine.moments import cycle, moment, span
from workflows.engine.scrutiny import Scrutiny, inside, local

#: The attribute of each declaration that says what is caught or thrown.
_SAYS = {"message": "name", "signal": "name", "error": "errorCode", "escalation": "escalationCode"}
_CHECKS: Mapping[str, Callable[[str], Any]] = {"date": moment, "duration": span, "cycle": cycle}
#: The names that a file uses and the model shortens.
_KINDS = {"compensate": "compensation"}


class Events:
    """Reads the event definitions of one file."""

    def __init__(self, scrutiny: Scrutiny, extensions: Extensions) -> None:
        self._scrutiny = scrutiny
        self._extensions = extensions
        self._declared: dict[tuple[str, str], Any] = {}

    def declare(self, element: Any) -> None:
        """Remember a message, signal, error or escalation of the file."""
        tag = local(element)
        if tag in _SAYS:
            self._scrutiny.attributes(element, tag)
            self._scrutiny.children(element, tag)
            self._declared[tag, element.get("id", "")] = element

    def of(self, element: Any, place: str, *, ordered: bool = False) -> Event | None:
        """The event of ``element``; ``place`` is a key of fence.EVENTS.

        None for a plain event, and, after a problem, for one that cannot be there. ``ordered`` says that an order is sent
        instead of the message.
        """
        definitions = [child for child in element if local(child).endswith("EventDefinition")]
        if len(definitions) > 1:
            self._scrutiny.report(element, f"bpmn:{local(element)}：几个事件定义不执行；只能有一个事件定义")
            return None
        tag = local(definitions[0]) if definitions else ""
        kind = tag.removesuffix("EventDefinition")
        if kind not in fence.EVENTS[place]:
            self._scrutiny.report(definitions[0] if definitions else element, fence.misplaced(place, kind))
            return None
        if not definitions:
            return None
        definition = definitions[0]
        self._scrutiny.attributes(definition, tag)
        self._scrutiny.children(definition, tag)
        throws = place in {"intermediateThrowEvent", "endEvent"}
        if kind in {"message", "signal"}:
            return self.named(definition, kind, fixed=place == "startEvent", ordered=ordered)
        if kind in {"error", "escalation"}:
            return self._coded(definition, kind, throws)
        if kind == "timer":
            return Event("timer", timer=self._timer(definition))
        if kind == "conditional":
            return self._conditional(definition)
        if kind == "link":
            return self._link(definition)
        return Event(_KINDS.get(kind, kind), activity=definition.get("activityRef", ""))

    def named(self, element: Any, kind: str, *, fixed: bool = False, ordered: bool = False) -> Event | None:
        """The message or signal that ``element`` refers to; ``fixed`` when its name cannot be computed."""
        if ordered:
            return Event(kind)
        declaration = self._find(element, kind)
        if declaration is None:
            self._scrutiny.report(element, f"bpmn:{local(element)} 须有 {kind}Ref，指向文件里的 bpmn:{kind}")
            return None
        correlation = self._extensions.read(declaration, kind).get("correlation") if kind == "message" else None
        name = self._name(declaration, kind, fixed)
        if name is None:
            return None
        if isinstance(name, Formula):
            return Event(kind, naming=name, correlation=correlation)
        return Event(kind, name.text, correlation=correlation)

    def _coded(self, definition: Any, kind: str, throws: bool) -> Event | None:
        declaration = self._find(definition, kind)
        if declaration is None and definition.get(f"{kind}Ref"):
            self._scrutiny.report(definition, f"{kind}Ref 指向的 {definition.get(f'{kind}Ref')} 不在文件里")
            return None
        if declaration is None or not (throws or declaration.get(_SAYS[kind])):
            if throws:
                self._scrutiny.report(definition, f"bpmn:{local(definition)} 须有 {kind}Ref，否则无人知道发生了什么")
                return None
            return Event(kind)
        code = self._name(declaration, kind, fixed=not throws)
        if code is None:
            return None
        return Event(kind, naming=code) if isinstance(code, Formula) else Event(kind, code.text)

    def _find(self, element: Any, kind: str) -> Any:
        # A reference may be qualified with the prefix of the target namespace.
        return self._declared.get((kind, element.get(f"{kind}Ref", "").rpartition(":")[2]))

    def _name(self, declaration: Any, kind: str, fixed: bool) -> Given | None:
        attribute = _SAYS[kind]
        text = declaration.get(attribute, "").strip()
        if not text:
            self._scrutiny.report(declaration, f"bpmn:{kind} 须有 {attribute}")
            return None
        value = self._scrutiny.given(declaration, text, attribute)
        if fixed and isinstance(value, Formula):
            self._scrutiny.report(
                declaration, f"在这里 bpmn:{kind} 的 {attribute} 须为固定的文字：还没有变量可读，或不能计算"
            )
            return None
        return value

    def _timer(self, definition: Any) -> Timer | None:
        times = [child for child in definition if local(child) in {"timeDate", "timeDuration", "timeCycle"}]
        if len(times) != 1:
            self._scrutiny.report(definition, "bpmn:timerEventDefinition 须有一个 timeDate、timeDuration 或 timeCycle")
            return None
        tag = local(times[0])
        self._scrutiny.attributes(times[0], tag)
        kind = tag.removeprefix("time").lower()
        value = self._scrutiny.given(times[0], (times[0].text or "").strip(), tag)
        if isinstance(value, Text):
            try:
                _CHECKS[kind](value.text)
            except ValueError as error:
                self._scrutiny.report(times[0], f"bpmn:timerEventDefinition：{error}；FEEL 须以 = 开头")
        return Timer(kind, value)

    def _conditional(self, definition: Any) -> Event | None:
        conditions = inside(definition, "condition")
        condition = self._scrutiny.formula(conditions[0], "条件") if len(conditions) == 1 else None
        if len(conditions) != 1:
            self._scrutiny.report(definition, "bpmn:conditionalEventDefinition 须有一个 condition")
        if condition is None:
            return None
        filtered = self._extensions.read(definition, "conditionalEventDefinition").get("filter")
        if filtered is not None and not set(condition.compiled.names) <= set(filtered):
            self._scrutiny.report(definition, "zeebe:conditionalFilter 须列出条件所读的全部变量，或删除")
        return Event("conditional", condition=condition)

    def _link(self, definition: Any) -> Event | None:
        name = definition.get("name", "").strip()
        if not name:
            self._scrutiny.report(definition, "bpmn:linkEventDefinition 须有 name，与同名的另一端相连")
            return None
        return Event("link", name)
