"""Diagrams for tests: a few words instead of XML, and a house that lends nothing unusual."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from workflows.engine import Diagram, House, Progress, complete, fire, read, start

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
HEAD = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" targetNamespace="test" id="definitions">'
)


def extensions(inside: str) -> str:
    return f"<bpmn:extensionElements>{inside}</bpmn:extensionElements>" if inside else ""


def node(tag: str, name: str, inside: str = "", /, **attributes: str) -> str:
    """A BPMN element; attribute values are escaped."""
    given = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f'<bpmn:{tag} id="{name}"{given}>{inside}</bpmn:{tag}>'


def zeebe(tag: str, inside: str = "", /, **attributes: str) -> str:
    given = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<zeebe:{tag}{given}>{inside}</zeebe:{tag}>"


def begin(name: str = "s", form: str = "") -> str:
    return node("startEvent", name, extensions(zeebe("formDefinition", formId=form) if form else ""))


def end(name: str = "e") -> str:
    return node("endEvent", name)


def terminate(name: str = "e") -> str:
    return node("endEvent", name, "<bpmn:terminateEventDefinition/>")


def user(name: str, inside: str = "", /, **attributes: str) -> str:
    return node("userTask", name, extensions(inside), **attributes)


def script(name: str, expression: str, variable: str, inside: str = "", **attributes: str) -> str:
    return node(
        "scriptTask",
        name,
        extensions(zeebe("script", expression="=" + expression, resultVariable=variable) + inside),
        **attributes,
    )


def service(name: str, kind: str = "roster.appoint", inside: str = "") -> str:
    return node("serviceTask", name, extensions(zeebe("taskDefinition", type=kind) + inside))


def decide(name: str, decision: str, variable: str, inside: str = "") -> str:
    return node(
        "businessRuleTask",
        name,
        extensions(zeebe("calledDecision", decisionId=decision, resultVariable=variable) + inside),
    )


def choice(name: str, default: str = "") -> str:
    return node("exclusiveGateway", name, **({"default": default} if default else {}))


def fork(name: str) -> str:
    return node("parallelGateway", name)


def some(name: str, default: str = "") -> str:
    return node("inclusiveGateway", name, **({"default": default} if default else {}))


def timer(text: str, kind: str = "timeDuration") -> str:
    return f"<bpmn:timerEventDefinition><bpmn:{kind}>{escape(text)}</bpmn:{kind}></bpmn:timerEventDefinition>"


def catch(name: str, text: str, kind: str = "timeDuration") -> str:
    return node("intermediateCatchEvent", name, timer(text, kind))


def boundary(name: str, host: str, text: str, *, cancel: bool = True, kind: str = "timeDuration") -> str:
    return node("boundaryEvent", name, timer(text, kind), attachedToRef=host, cancelActivity=str(cancel).lower())


def flow(source: str, target: str, condition: str = "", name: str = "") -> str:
    inside = (
        f'<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">={escape(condition)}</bpmn:conditionExpression>'
        if condition
        else ""
    )
    return node("sequenceFlow", name or f"{source}-{target}", inside, sourceRef=source, targetRef=target)


def flows(*lines: str) -> str:
    """`"a b c"` draws a → b → c; `"a b | n > 1"` draws a → b under a condition. Ids are `a-b`."""
    found = []
    for line in lines:
        path, _, condition = line.partition(" | ")
        names = path.split()
        found += [flow(one, two, condition) for one, two in itertools.pairwise(names)]
    return "".join(found)


def sub(name: str, *inside: str) -> str:
    return node("subProcess", name, "".join(inside))


def drawing(*inside: str, process: str = "p") -> bytes:
    body = "".join(inside)
    return f'{HEAD}<bpmn:process id="{process}" name="流程" isExecutable="true">{body}</bpmn:process></bpmn:definitions>'.encode()


def diagram(*inside: str) -> Diagram:
    """Begin, end and what is given, read."""
    (found,) = read(drawing(*inside), file="t.bpmn")
    return found


def never(decision: str, inputs: Mapping[str, Any]) -> Any:
    raise AssertionError("no decision is expected")


def house(decide: Callable[[str, Mapping[str, Any]], Any] = never, now: datetime = NOW, **context: Any) -> House:
    return House(context=context, decide=decide, now=now)


def ruling(**outputs: Any) -> Any:
    return SimpleNamespace(outputs=outputs, value=next(iter(outputs.values())))


class Walk:
    """One instance driven by step ids; every verb goes through stored bytes."""

    def __init__(self, drawn: Diagram, variables: Mapping[str, Any] | None = None, lent: House | None = None) -> None:
        self.diagram = drawn
        #: Stored parts of the state, as the table of parts keeps them.
        self.parts: dict[str, bytes] = {}
        self.house = replace(lent or house(), parts=self._parts)
        self.tokens: dict[str, str] = {}
        self.timers: dict[str, str] = {}
        self.flows: list[str] = []
        self.steps: list[str] = []
        self.progress = self._note(start(drawn, variables or {}, self.house))

    def do(self, step: str, **variables: Any) -> Progress:
        """Complete the open task at ``step`` (the oldest, if several)."""
        return self.complete(self.token(step), variables)

    def complete(self, token: str, variables: Mapping[str, Any]) -> Progress:
        progress = complete(self.diagram, self.progress.state, token, variables, self.house)
        del self.tokens[token]
        return self._note(progress)

    def fire(self, step: str) -> Progress:
        """Let the timer at ``step`` come due."""
        token = next(token for token, at in self.timers.items() if at == step)
        progress = fire(self.diagram, self.progress.state, token, self.house)
        del self.timers[token]
        return self._note(progress)

    def token(self, step: str) -> str:
        return next(token for token, at in self.tokens.items() if at == step)

    @property
    def open(self) -> list[str]:
        """Steps of the open tasks, oldest first."""
        return list(self.tokens.values())

    @property
    def waiting(self) -> list[str]:
        """Steps of the waiting timers, oldest first."""
        return list(self.timers.values())

    @property
    def variables(self) -> Mapping[str, Any]:
        return self.progress.variables

    def _parts(self, beginning: str) -> dict[str, bytes]:
        return {key: part for key, part in self.parts.items() if key.startswith(beginning)}

    def _note(self, progress: Progress) -> Progress:
        for beginning in progress.parts_gone:
            for key in self._parts(beginning):
                del self.parts[key]
        self.parts |= progress.parts
        for token in progress.closed:
            del self.tokens[token]
        for token in progress.timers_closed:
            del self.timers[token]
        self.tokens |= {one.token: one.step_id for one in progress.opened}
        self.timers |= {one.token: one.step_id for one in progress.timers}
        self.flows += progress.flows
        self.steps += [one.step_id for one in progress.passed if one.kind != "flow"]
        self.progress = progress
        return progress
