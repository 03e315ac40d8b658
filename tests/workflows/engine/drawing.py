"""Diagrams for tests: a few words instead of XML, and a house that lends nothing unusual."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from workflows.engine import (
    Diagram,
    House,
    OpenedSubscription,
    Progress,
    Published,
    Reported,
    complete,
    deliver,
    fire,
    read,
    report,
    resume,
    start,
)

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


#: Elements that stand beside the process; ``drawing`` puts them there.
DECLARATIONS = ("message", "signal", "error", "escalation", "itemDefinition", "interface", "dataStore", "import")


def message(name: str, key: str = "") -> str:
    """A message called as its id, with a FEEL correlation key."""
    return node("message", name, extensions(zeebe("subscription", correlationKey="=" + key) if key else ""), name=name)


def signal(name: str) -> str:
    return node("signal", name, name=name)


def error(name: str, code: str = "") -> str:
    """An error whose code is its id unless another is given."""
    return node("error", name, name=name, errorCode=code or name)


def escalation(name: str, code: str = "") -> str:
    return node("escalation", name, name=name, escalationCode=code or name)


def what(kind: str, of: str = "") -> str:
    """An event definition: `what("message", "m")`, `what("conditional", "n > 1")`, `what("link", "L")`, `what("cancel")`."""
    if kind == "conditional":
        inside = f'<bpmn:condition xsi:type="bpmn:tFormalExpression">={escape(of)}</bpmn:condition>'
        return f"<bpmn:conditionalEventDefinition>{inside}</bpmn:conditionalEventDefinition>"
    attribute = {"link": "name", "compensate": "activityRef"}.get(kind, f"{kind}Ref")
    return f"<bpmn:{kind}EventDefinition{f' {attribute}={quoteattr(of)}' if of else ''}/>"


def on(kind: str, name: str, of: str = "", inside: str = "") -> str:
    """An intermediate event that catches."""
    return node("intermediateCatchEvent", name, extensions(inside) + what(kind, of))


def throw(kind: str, name: str, of: str = "", inside: str = "") -> str:
    """An intermediate event that throws; of no kind when ``kind`` is empty."""
    return node("intermediateThrowEvent", name, extensions(inside) + (what(kind, of) if kind else ""))


def end_with(kind: str, name: str, of: str = "", inside: str = "") -> str:
    return node("endEvent", name, extensions(inside) + what(kind, of))


def at(kind: str, name: str, host: str, of: str = "", *, cancel: bool = True, inside: str = "") -> str:
    """A boundary event of another kind than a timer."""
    return node(
        "boundaryEvent",
        name,
        extensions(inside) + what(kind, of),
        attachedToRef=host,
        cancelActivity=str(cancel).lower(),
    )


def receive(name: str, of: str, inside: str = "") -> str:
    return node("receiveTask", name, extensions(inside), messageRef=of)


def send(name: str, of: str, inside: str = "") -> str:
    return node("sendTask", name, extensions(inside), messageRef=of)


def call(name: str, process: str, inside: str = "", /, **attributes: str) -> str:
    return node("callActivity", name, extensions(zeebe("calledElement", processId=process, **attributes) + inside))


def first_of(name: str) -> str:
    """An event-based gateway."""
    return node("eventBasedGateway", name)


def begin_on(definition: str, name: str = "s", *, interrupting: bool = True, inside: str = "") -> str:
    """A start event with an event definition: `begin_on(what("message", "m"))`, `begin_on(timer("PT1H"))`."""
    given = {} if interrupting else {"isInterrupting": "false"}
    return node("startEvent", name, extensions(inside) + definition, **given)


def event_sub(name: str, *inside: str) -> str:
    return node("subProcess", name, "".join(inside), triggeredByEvent="true")


def transaction(name: str, *inside: str) -> str:
    return node("transaction", name, "".join(inside))


def undo(host: str, handler: str) -> str:
    """A compensation event on ``host``, and its association with ``handler`` (an activity with isForCompensation)."""
    event = node("boundaryEvent", f"{host}-undo", what("compensate"), attachedToRef=host)
    ends = {"sourceRef": f"{host}-undo", "targetRef": handler}
    return event + node("association", f"{host}-{handler}", associationDirection="One", **ends)


def again(activity: str, condition: str = "", most: str = "", before: bool = False) -> str:
    """The activity as a standard loop."""
    inside = f"<bpmn:loopCondition>={escape(condition)}</bpmn:loopCondition>" if condition else ""
    given = {"loopMaximum": most} if most else {}
    given |= {"testBefore": "true"} if before else {}
    return _last_inside(activity, node("standardLoopCharacteristics", "", inside, **given).replace(' id=""', ""))


def times(activity: str, number: str, *, sequential: bool = False) -> str:
    """The activity a number of times; ``number`` is a text or `=FEEL`."""
    inside = f"<bpmn:loopCardinality>{escape(number)}</bpmn:loopCardinality>"
    loop = node("multiInstanceLoopCharacteristics", "", inside, isSequential=str(sequential).lower())
    return _last_inside(activity, loop.replace(' id=""', ""))


def _last_inside(element: str, child: str) -> str:
    head, closing, tag = element.rpartition("</")
    return head + child + closing + tag


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
    beside = [part for part in inside if part.startswith(tuple(f"<bpmn:{tag} " for tag in DECLARATIONS))]
    body = "".join(part for part in inside if part not in beside)
    head = HEAD + "".join(beside)
    return f'{head}<bpmn:process id="{process}" name="流程" isExecutable="true">{body}</bpmn:process></bpmn:definitions>'.encode()


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

    def __init__(
        self, drawn: Diagram, variables: Mapping[str, Any] | None = None, lent: House | None = None, at: str = ""
    ) -> None:
        self.diagram = drawn
        #: Stored parts of the state, as the table of parts keeps them.
        self.parts: dict[str, bytes] = {}
        self.house = replace(lent or house(), parts=self._parts)
        self.tokens: dict[str, str] = {}
        self.timers: dict[str, str] = {}
        self.subscriptions: dict[str, OpenedSubscription] = {}
        self.calls: dict[str, str] = {}
        self.published: list[Published] = []
        self.reported: list[Reported] = []
        self.flows: list[str] = []
        self.steps: list[str] = []
        self.progress = self._note(start(drawn, variables or {}, self.house, at=at))

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

    def deliver(self, step: str, **variables: Any) -> Progress:
        """Bring the message or signal that ``step`` waits for."""
        token = next(token for token, one in self.subscriptions.items() if one.step_id == step)
        if not self.subscriptions[token].stays:
            del self.subscriptions[token]
        return self._note(deliver(self.diagram, self.progress.state, token, variables, self.house))

    def resume(self, step: str, **variables: Any) -> Progress:
        """Let the process that ``step`` called end with ``variables``."""
        token = next(token for token, at in self.calls.items() if at == step)
        del self.calls[token]
        return self._note(resume(self.diagram, self.progress.state, token, variables, self.house))

    def report(self, step: str, kind: str, code: str, **variables: Any) -> Progress:
        """Let the process that ``step`` called report an error or an escalation."""
        token = next(token for token, at in self.calls.items() if at == step)
        if kind == "error":
            del self.calls[token]
        return self._note(report(self.diagram, self.progress.state, token, kind, code, variables, self.house))

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
    def listening(self) -> list[str]:
        """Steps that wait for a message or a signal, oldest first."""
        return [one.step_id for one in self.subscriptions.values()]

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
        for token in progress.subscriptions_closed:
            del self.subscriptions[token]
        for token in progress.calls_closed:
            del self.calls[token]
        self.subscriptions |= {one.token: one for one in progress.subscriptions}
        self.calls |= {one.token: one.step_id for one in progress.calls}
        self.published += progress.published
        self.reported += progress.reported
        self.flows += progress.flows
        self.steps += [one.step_id for one in progress.passed if one.kind != "flow"]
        self.progress = progress
        return progress
