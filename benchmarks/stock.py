"""The peer of the engine's figures: the same processes on stock SpiffWorkflow, stored as its own full JSON after every step.

A process is drawn once (``Process``) and written twice: in our dialect, and as the stock parser reads it, with Python for
FEEL. The decision is taken by our tables on the one side and by a DMN file of the same rule on the other.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.spiff.parser import SpiffBpmnParser
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.util.task import TaskState

from workflows.engine import Diagram, House, read

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
_OURS = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" targetNamespace="b" id="d">'
    '<bpmn:process id="{process}" name="{process}" isExecutable="true">{body}</bpmn:process></bpmn:definitions>'
)
_THEIRS = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" targetNamespace="b" id="d">'
    '<bpmn:process id="{process}" isExecutable="true">{body}</bpmn:process></bpmn:definitions>'
)
_SAID = '<zeebe:formDefinition formId="{form}"/><zeebe:assignmentDefinition assignee="=instance.starter"/>'
_DMN = (
    '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="D" name="D" namespace="n">'
    '<decision id="level" name="level"><decisionTable id="t" hitPolicy="UNIQUE"><input id="i" label="amount">'
    '<inputExpression id="ie" typeRef="number"><text>amount</text></inputExpression></input>'
    '<output id="o" name="level" typeRef="string"/>'
    '<rule id="r1"><inputEntry id="a1"><text>&lt; 100</text></inputEntry><outputEntry id="b1"><text>"low"</text></outputEntry></rule>'
    '<rule id="r2"><inputEntry id="a2"><text>&gt;= 100</text></inputEntry><outputEntry id="b2"><text>"high"</text></outputEntry></rule>'
    "</decisionTable></decision></definitions>"
)


@dataclass(frozen=True)
class Process:
    """A process as it is written in both dialects."""

    name: str
    ours: str
    theirs: str

    def diagram(self) -> Diagram:
        """As our engine reads it."""
        (found,) = read(self.file(), file=f"{self.name}.bpmn")
        return found

    def file(self) -> bytes:
        """Its file in our dialect."""
        return _OURS.format(process=self.name, body=self.ours).encode()

    def specs(self) -> tuple[Any, Any]:
        """As the stock engine parses it."""
        parser = SpiffBpmnParser()
        parser.add_dmn_str(_DMN.encode())
        parser.add_bpmn_str(_THEIRS.format(process=self.name, body=self.theirs).encode())
        return parser.get_spec(self.name), parser.get_subprocess_specs(self.name)


class Drawing:
    """Draws a process in both dialects at once."""

    def __init__(self, name: str) -> None:
        self.name, self._ours, self._theirs = name, "", ""

    def both(self, xml: str) -> None:
        """An element that both read alike."""
        self._ours += xml
        self._theirs += xml

    def user(self, name: str, extension: str = "") -> None:
        """A user task; ``extension`` is what our dialect says of it besides."""
        inside = f"<bpmn:extensionElements>{extension}</bpmn:extensionElements>" if extension else ""
        self._ours += f'<bpmn:userTask id="{name}" name="{name}">{inside}</bpmn:userTask>'
        self._theirs += f'<bpmn:userTask id="{name}"/>'

    def begin(self, extension: str = "") -> None:
        """The start event."""
        inside = f"<bpmn:extensionElements>{extension}</bpmn:extensionElements>" if extension else ""
        self._ours += f'<bpmn:startEvent id="s" name="s">{inside}</bpmn:startEvent>'
        self._theirs += '<bpmn:startEvent id="s"/>'

    def script(self, name: str, variable: str, feel: str, python: str) -> None:
        """A script task that writes one variable."""
        self._ours += (
            f'<bpmn:scriptTask id="{name}"><bpmn:extensionElements><zeebe:script expression="={feel}" '
            f'resultVariable="{variable}"/></bpmn:extensionElements></bpmn:scriptTask>'
        )
        self._theirs += f'<bpmn:scriptTask id="{name}"><bpmn:script>{variable} = {python}</bpmn:script></bpmn:scriptTask>'

    def decide(self, name: str) -> None:
        """The decision on `amount`: `level` becomes low or high."""
        self._ours += (
            f'<bpmn:businessRuleTask id="{name}"><bpmn:extensionElements><zeebe:calledDecision decisionId="level" '
            f'resultVariable="level"/></bpmn:extensionElements></bpmn:businessRuleTask>'
        )
        self._theirs += (
            f'<bpmn:businessRuleTask id="{name}"><bpmn:extensionElements><spiffworkflow:calledDecisionId>level'
            f"</spiffworkflow:calledDecisionId></bpmn:extensionElements></bpmn:businessRuleTask>"
        )

    def flow(self, source: str, target: str, feel: str = "", python: str = "") -> None:
        """A sequence flow, under a condition or not."""
        for text in (feel, python):
            if "&" in text or "<" in text:
                raise ValueError(f"{text}: say it without < and &")
        head = f'<bpmn:sequenceFlow id="{source}-{target}" sourceRef="{source}" targetRef="{target}">'
        mine = f'<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">={feel}</bpmn:conditionExpression>' if feel else ""
        other = f"<bpmn:conditionExpression>{python}</bpmn:conditionExpression>" if python else ""
        self._ours += f"{head}{mine}</bpmn:sequenceFlow>"
        self._theirs += f"{head}{other}</bpmn:sequenceFlow>"

    def path(self, *names: str) -> None:
        """Flows from each to the next."""
        for source, target in itertools.pairwise(names):
            self.flow(source, target)

    def each(self, name: str, feel: str) -> None:
        """A user task for each item of the list `items`; results are gathered in `results`."""
        self._ours += (
            f'<bpmn:userTask id="{name}"><bpmn:multiInstanceLoopCharacteristics><bpmn:extensionElements>'
            f'<zeebe:loopCharacteristics inputCollection="={feel}" inputElement="item" outputCollection="results" '
            f'outputElement="=out"/></bpmn:extensionElements></bpmn:multiInstanceLoopCharacteristics></bpmn:userTask>'
        )
        self._theirs += (
            f'<bpmn:userTask id="{name}"><bpmn:multiInstanceLoopCharacteristics><bpmn:loopDataInputRef>items</bpmn:loopDataInputRef>'
            '<bpmn:loopDataOutputRef>results</bpmn:loopDataOutputRef><bpmn:inputDataItem id="item" name="item"/>'
            '<bpmn:outputDataItem id="out" name="out"/></bpmn:multiInstanceLoopCharacteristics></bpmn:userTask>'
        )

    def done(self) -> Process:
        """What was drawn."""
        return Process(self.name, self._ours, self._theirs)


def eight(name: str = "eight", *, rounds: int = 0, product: bool = False) -> Process:
    """Eight user tasks on every path, a decision, a script and three choices; again and again with ``rounds``.

    For the whole ``product`` every task has a form, and the person who began the case does it.
    """
    draw = Drawing(name)
    draw.begin('<zeebe:formDefinition formId="bench.begin"/>' if product else "")
    draw.both('<bpmn:endEvent id="e" name="e"/>')
    for step in ("t1", "t2", "t3a", "t3b", "t4", "t5a", "t5b", "t6", "t7", "t8a", "t8b"):
        draw.user(step, _SAID.format(form=f"bench.{step[:2]}") if product else "")
    for gateway in ("g1", "m1", "g2", "m2", "g3", "m3"):
        draw.both(f'<bpmn:exclusiveGateway id="{gateway}"/>')
    draw.decide("dm")
    draw.script("calc", "total", "amount * 2", "amount * 2")
    draw.path("t1", "t2", "dm", "g1")
    decided = "level.level" if product else "level"
    draw.flow("g1", "t3a", f'{decided} = "low"', 'level == "low"')
    draw.flow("g1", "t3b", f'{decided} = "high"', 'level == "high"')
    draw.path("t3a", "m1", "t4", "g2")
    draw.path("t3b", "m1")
    draw.flow("g2", "t5a", 't4.f0 = "x"', 't4["f0"] == "x"')
    draw.flow("g2", "t5b", 't4.f0 != "x"', 't4["f0"] != "x"')
    draw.path("t5a", "m2", "t6", "calc", "t7", "g3")
    draw.path("t5b", "m2")
    draw.flow("g3", "t8a", "500 >= total", "500 >= total")
    draw.flow("g3", "t8b", "total > 500", "total > 500")
    draw.path("t8a", "m3")
    draw.path("t8b", "m3")
    draw.script("init", "amount", "250", "250")
    if not rounds:
        draw.path("s", "init", "t1")
        draw.path("m3", "e")
        return draw.done()
    draw.script("zero", "n", "0", "0")
    draw.script("inc", "n", "n + 1", "n + 1")
    draw.both('<bpmn:exclusiveGateway id="m"/><bpmn:exclusiveGateway id="g"/>')
    draw.path("s", "init", "zero", "m", "t1")
    draw.path("m3", "inc", "g")
    draw.flow("g", "m", f"{rounds} > n", f"{rounds} > n")
    draw.flow("g", "e", f"n >= {rounds}", f"n >= {rounds}")
    return draw.done()


def fan_out(count: int) -> Process:
    """A user task for each of ``count`` items, then one more."""
    draw = Drawing(f"fan{count}")
    draw.begin()
    draw.both('<bpmn:endEvent id="e"/>')
    items = f'for i in 1..{count} return {{id: i, name: "item " + string(i)}}'.replace('"', "&quot;")
    draw.script("init", "items", items, f'[dict(id=i, name="item %d" % i) for i in range(1, {count + 1})]')
    draw.each("t1", "items")
    draw.user("t2")
    draw.path("s", "init", "t1", "t2", "e")
    return draw.done()


def form(number: int) -> dict[str, Any]:
    """What a person fills in: some 350 bytes."""
    filled: dict[str, Any] = {f"f{place}": f"value {place} of step {number}, some text" for place in range(8)}
    return filled | {"f0": "x" if number % 2 else "y", "n": number, "flag": True}


def house(parts: Any = None) -> House:
    """What our engine is lent: the decision, and nothing else."""

    def decide(_decision: str, seen: Mapping[str, Any]) -> Any:
        return SimpleNamespace(outputs=None, value="low" if seen["amount"] < 100 else "high")

    return House(context={}, decide=decide, now=NOW, **({"parts": parts} if parts else {}))


class Stock:
    """The stock engine for one process: parsed once, every state a JSON text."""

    def __init__(self, process: Process) -> None:
        logging.getLogger("spiff").setLevel(logging.ERROR)
        self._specs = process.specs()
        self._serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))

    def start(self) -> str:
        """A new instance at its first waits."""
        workflow = BpmnWorkflow(*self._specs)
        workflow.do_engine_steps()
        return str(self._serializer.serialize_json(workflow))

    def complete(self, state: str | bytes, variables: Mapping[str, Any]) -> str:
        """Complete the first task that waits."""
        workflow = self._serializer.deserialize_json(state)
        task = next(iter(workflow.get_tasks(state=TaskState.READY, manual=True)))
        task.data.update(variables)
        task.run()
        workflow.refresh_waiting_tasks()
        workflow.do_engine_steps()
        return str(self._serializer.serialize_json(workflow))

    def waits(self, state: str) -> list[str]:
        """Steps of the tasks that wait."""
        workflow = self._serializer.deserialize_json(state)
        return [task.task_spec.name for task in workflow.get_tasks(state=TaskState.READY, manual=True)]
