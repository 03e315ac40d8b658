"""Whatever would not be executed is refused: one test a row of the fence, with element, line, reason and what to use instead."""

from __future__ import annotations

import pytest

from tests.workflows.engine.drawing import (
    HEAD,
    begin,
    boundary,
    catch,
    choice,
    decide,
    drawing,
    end,
    extensions,
    flow,
    flows,
    fork,
    node,
    script,
    service,
    some,
    sub,
    terminate,
    timer,
    user,
    zeebe,
)
from workflows.engine import fence, read
from workflows.errors import DefinitionRefused, Problem

PATH = flows("s x e")


def problems(raw: bytes) -> tuple[Problem, ...]:
    with pytest.raises(DefinitionRefused) as refused:
        read(raw, file="f.bpmn")
    return refused.value.problems


def with_step(step: str) -> bytes:
    return drawing(begin(), "\n", step, end(), PATH)


def with_definition(tag: str) -> bytes:
    """An intermediate event of the kind ``tag``."""
    return with_step(node("intermediateCatchEvent", "x", f"<bpmn:{tag}/>"))


def inside_user(tag: str) -> bytes:
    return with_step(node("userTask", "x", f"<bpmn:{tag}/>"))


def beside(tag: str) -> bytes:
    return drawing(begin(), "\n", node(tag, "x"), end(), flows("s e"))


def outside(tag: str) -> bytes:
    good = drawing(begin(), end(), flows("s e")).decode()
    return good.replace(HEAD, f"{HEAD}\n{node(tag, 'x')}").encode()


NODES = [
    "task",
    "manualTask",
    "sendTask",
    "receiveTask",
    "callActivity",
    "transaction",
    "adHocSubProcess",
    "eventBasedGateway",
    "complexGateway",
    "intermediateThrowEvent",
]
EVENTS = [tag for tag in fence.REFUSED if tag.endswith("EventDefinition")]
INSIDE = [
    "standardLoopCharacteristics",
    "dataInputAssociation",
    "dataOutputAssociation",
    "ioSpecification",
    "property",
    "rendering",
    "potentialOwner",
    "humanPerformer",
    "performer",
    "resourceRole",
]
BESIDE = [
    "dataObject",
    "dataObjectReference",
    "dataStoreReference",
    "correlationSubscription",
    "auditing",
    "monitoring",
]
OUTSIDE = [
    "dataStore",
    "choreography",
    "globalUserTask",
    "globalManualTask",
    "globalScriptTask",
    "globalBusinessRuleTask",
    "globalTask",
    "import",
    "itemDefinition",
    "interface",
]
DRAWN = (
    {tag: with_step(node(tag, "x")) for tag in NODES}
    | {tag: with_definition(tag) for tag in EVENTS}
    | {tag: inside_user(tag) for tag in INSIDE}
    | {tag: beside(tag) for tag in BESIDE}
    | {tag: outside(tag) for tag in OUTSIDE}
    | {
        "multiInstanceLoopCharacteristics": with_step(
            script("x", "1", "v").replace(
                "</bpmn:scriptTask>", "<bpmn:multiInstanceLoopCharacteristics/></bpmn:scriptTask>"
            )
        ),
        "loopCardinality": with_step(
            "<bpmn:userTask id='x'><bpmn:multiInstanceLoopCharacteristics><bpmn:loopCardinality/>"
            "</bpmn:multiInstanceLoopCharacteristics></bpmn:userTask>"
        ),
        "timeCycle": with_step(catch("x", "R3/PT1H", "timeCycle")),
        "script": with_step(node("scriptTask", "x", "<bpmn:script>1+1</bpmn:script>")),
        "messageFlow": drawing(begin(), end(), flows("s e")).replace(
            HEAD.encode(), f"{HEAD}\n{node('collaboration', 'c', node('messageFlow', 'x'))}".encode()
        ),
    }
)


def test_every_row_of_the_fence_is_drawn_here() -> None:
    assert set(DRAWN) == set(fence.REFUSED)


@pytest.mark.parametrize("tag", fence.REFUSED)
def test_a_refused_element_is_named_with_its_line_its_reason_and_what_to_use(tag: str) -> None:
    why, instead = fence.REFUSED[tag]
    found = [one for one in problems(DRAWN[tag]) if why in one.reason]
    assert found, problems(DRAWN[tag])
    assert found[0].element == "x"
    assert found[0].line == 2
    assert found[0].file == "f.bpmn"
    assert f"bpmn:{tag}" in found[0].reason
    assert instead in found[0].reason


@pytest.mark.parametrize("tag", [tag for tag in EVENTS if tag != "linkEventDefinition"])
@pytest.mark.parametrize("place", ["startEvent", "endEvent", "boundaryEvent"])
def test_an_event_definition_is_refused_wherever_it_stands(tag: str, place: str) -> None:
    parts = {"startEvent": begin(), "endEvent": end(), "boundaryEvent": ""}
    name = {"startEvent": "s", "endEvent": "e", "boundaryEvent": "b"}[place]
    attributes = {"attachedToRef": "x"} if place == "boundaryEvent" else {}
    parts[place] = node(place, name, f"<bpmn:{tag}/>", **attributes)
    drawn = drawing(*parts.values(), user("x"), PATH, flow("b", "e") if attributes else "")
    assert any(one.element == name and fence.REFUSED[tag][0] in one.reason for one in problems(drawn))


#: Every element that runs, in a diagram that is read without a problem.
RUNNING = {
    "startEvent": begin(),
    "endEvent": end(),
    "terminateEventDefinition": terminate(),
    "userTask": user("x"),
    "serviceTask": service("x"),
    "businessRuleTask": decide("x", "DT", "v"),
    "scriptTask": script("x", "1", "v"),
    "exclusiveGateway": choice("x"),
    "parallelGateway": fork("x"),
    "inclusiveGateway": some("x"),
    "subProcess": sub("x", begin("i"), end("o"), flows("i o")),
    "intermediateCatchEvent": catch("x", "PT1H"),
    "timerEventDefinition": catch("x", "2026-12-01T00:00:00+08:00", "timeDate"),
    "boundaryEvent": user("x") + boundary("b", "x", "PT1H") + flow("b", "e"),
    "sequenceFlow": user("x"),
    "multiInstanceLoopCharacteristics": node(
        "userTask",
        "x",
        node("multiInstanceLoopCharacteristics", "l", extensions(zeebe("loopCharacteristics", inputCollection="=[1]"))),
    ),
    "laneSet": user("x")
    + node("laneSet", "ls", node("lane", "l", "<bpmn:flowNodeRef>x</bpmn:flowNodeRef>", name="市教研院")),
    "textAnnotation": user("x") + node("textAnnotation", "t", "<bpmn:text>说明</bpmn:text>"),
    "association": user("x") + node("association", "t", sourceRef="x", targetRef="y"),
    "group": user("x") + node("group", "t"),
    "process": user("x"),
    "collaboration": user("x"),
}


def test_every_element_that_runs_is_drawn_here() -> None:
    assert set(RUNNING) == set(fence.RUNS)


@pytest.mark.parametrize("tag", fence.RUNS)
def test_an_element_that_runs_is_read(tag: str) -> None:
    parts = [begin(), end(), user("x")]
    index = {"startEvent": 0, "endEvent": 1, "terminateEventDefinition": 1}.get(tag, 2)
    parts[index] = RUNNING[tag]
    raw = drawing(*parts, PATH).decode()
    if tag == "collaboration":
        raw = raw.replace(HEAD, HEAD + node("collaboration", "c", node("participant", "pt", processRef="p")))
    (found,) = read(raw.encode(), file="t.bpmn")
    assert set(found.steps) >= {"s", "x", "e"}


REFUSED_ATTRIBUTES = {
    "isForCompensation": node("userTask", "x", isForCompensation="true"),
    "startQuantity": node("userTask", "x", startQuantity="2"),
    "completionQuantity": node("userTask", "x", completionQuantity="2"),
    "implementation": node("userTask", "x", implementation="##WebService"),
    "triggeredByEvent": sub("x", begin("i"), end("o"), flows("i o")).replace(
        'id="x"', 'id="x" triggeredByEvent="true"'
    ),
    "parallelMultiple": catch("x", "PT1H").replace('id="x"', 'id="x" parallelMultiple="true"'),
    "scriptFormat": script("x", "1", "v").replace('id="x"', 'id="x" scriptFormat="python"'),
    "default": service("x").replace('id="x"', 'id="x" default="nowhere"'),
    "instantiate": node("userTask", "x", instantiate="true"),
    "camunda:formKey": user("x").replace('id="x"', 'id="x" camunda:formKey="a"'),
    "camunda:assignee": user("x").replace('id="x"', 'id="x" camunda:assignee="${x}"'),
    "cancelActivity": user("x")
    + flow("b", "e")
    + boundary("b", "x", "PT1H").replace('cancelActivity="true"', 'cancelActivity="maybe"'),
}


@pytest.mark.parametrize("name", REFUSED_ATTRIBUTES)
def test_an_attribute_that_is_not_executed_is_refused(name: str) -> None:
    found = problems(with_step(REFUSED_ATTRIBUTES[name]))
    assert any(one.element in {"x", "b"} and one.line == 2 and name.split(":")[-1] in one.reason for one in found) or (
        name == "default" and "nowhere" in found[0].reason
    )


@pytest.mark.parametrize(
    "drawn",
    [
        node("userTask", "x", isForCompensation="false", startQuantity="1", completionQuantity="1"),
        sub("x", begin("i"), end("o"), flows("i o")).replace('id="x"', 'id="x" triggeredByEvent="false"'),
        catch("x", "PT1H").replace('id="x"', 'id="x" parallelMultiple="false"'),
    ],
)
def test_an_attribute_that_says_only_the_default_is_read(drawn: str) -> None:
    read(with_step(drawn), file="t.bpmn")


def repeated(attributes: str = "", inside: str = "", **loop: str) -> str:
    """A user task once for each item, or an attempt at one."""
    within = (extensions(zeebe("loopCharacteristics", **loop)) if loop else "") + inside
    return node("userTask", "x", node("multiInstanceLoopCharacteristics", "x2", within).replace('id="x2"', attributes))


REFUSED_EXTENSIONS = {
    "repetition without list": repeated(),
    "repetition of a text": repeated(inputCollection="a, b"),
    "repetition by another attribute": repeated('behavior="One"', inputCollection="=l"),
    "repetition neither at once nor in turn": repeated('isSequential="maybe"', inputCollection="=l"),
    "repetition with half a result": repeated(inputCollection="=l", outputElement="=a"),
    "repetition with the other half": repeated(inputCollection="=l", outputCollection="a"),
    "repetition into the house": repeated(inputCollection="=l", outputElement="=a", outputCollection="policy"),
    "repetition by the stock words": repeated(
        inside="<bpmn:loopDataInputRef>l</bpmn:loopDataInputRef>", inputCollection="=l"
    ),
    "repetition until a text": repeated(
        inside="<bpmn:completionCondition>done</bpmn:completionCondition>", inputCollection="=l"
    ),
    "repetition twice": node(
        "userTask",
        "x",
        2 * f"<bpmn:multiInstanceLoopCharacteristics>{extensions(zeebe('loopCharacteristics', inputCollection='=l'))}"
        "</bpmn:multiInstanceLoopCharacteristics>",
    ),
    "listeners": user("x", "<zeebe:executionListeners/>"),
    "task listeners": user("x", "<zeebe:taskListeners/>"),
    "called element": user("x", zeebe("calledElement", processId="p")),
    "repetition": user("x", zeebe("loopCharacteristics", inputCollection="=l")),
    "subscription": user("x", zeebe("subscription", correlationKey="=k")),
    "another vendor's": user("x", '<camunda:formData xmlns:camunda="http://camunda.org/schema/1.0/bpmn"/>'),
    "unknown": user("x", '<a:b xmlns:a="urn:a"/>'),
    "order on a user task": user("x", zeebe("taskDefinition", type="a")),
    "form on a service task": service("x", inside=zeebe("formDefinition", formId="a")),
    "form twice": user("x", zeebe("formDefinition", formId="a") + zeebe("formDefinition", formId="b")),
    "form by key": user("x", zeebe("formDefinition", formKey="a")),
    "form outside": user("x", zeebe("formDefinition", externalReference="a")),
    "form by expression": user("x", zeebe("formDefinition", formId="=a")),
    "form of the newest deployment": user("x", zeebe("formDefinition", formId="a", bindingType="latest")),
    "decision by expression": decide("x", "=d", "v"),
    "decision of a version": decide("x", "d", "v").replace(
        "<zeebe:calledDecision", '<zeebe:calledDecision versionTag="1"'
    ),
    "decision without result": decide("x", "d", ""),
    "result that is a path": decide("x", "d", "a.b"),
    "result that hides the house": script("x", "1", "policy"),
    "script without expression": node(
        "scriptTask", "x", extensions(zeebe("script", expression="1", resultVariable="v"))
    ),
    "script without zeebe:script": node("scriptTask", "x"),
    "service without order": node("serviceTask", "x"),
    "rule without decision": node("businessRuleTask", "x"),
    "order by expression": service("x", "=a"),
    "retries without number": service("x").replace("<zeebe:taskDefinition", '<zeebe:taskDefinition retries="=n"'),
    "output of an order": service("x", inside=zeebe("ioMapping", zeebe("output", source="=a", target="b"))),
    "mapping into a path": user("x", zeebe("ioMapping", zeebe("input", source="=a", target="b.c"))),
    "mapping that hides the house": user("x", zeebe("ioMapping", zeebe("output", source="=a", target="instance"))),
    "mapping twice": user("x", zeebe("ioMapping", 2 * zeebe("output", source="=a", target="b"))),
    "mapping of a sub-process": sub("x", extensions(zeebe("ioMapping")), begin("i"), end("o"), flows("i o")),
    "mapping with another part": user("x", zeebe("ioMapping", zeebe("both", source="=a", target="b"))),
    "priority over 100": user("x", zeebe("priorityDefinition", priority="101")),
    "priority in words": user("x", zeebe("priorityDefinition", priority="high")),
    "due date in words": user("x", zeebe("taskSchedule", dueDate="tomorrow")),
    "due date as a duration": user("x", zeebe("taskSchedule", dueDate="P5D")),
    "assignment by another attribute": user("x", zeebe("assignmentDefinition", owner="a")),
    "property without name": user("x", zeebe("properties", zeebe("property", value="1"))),
    "property twice": user("x", zeebe("properties", 2 * zeebe("property", name="a", value="1"))),
    "timer in words": catch("x", "in an hour"),
    "timer as Python": catch("x", "timedelta(hours=1)"),
    "date without time": catch("x", "2026-12-01", "timeDate"),
    "timer without time": node("intermediateCatchEvent", "x", "<bpmn:timerEventDefinition/>"),
    "catch event of no kind": node("intermediateCatchEvent", "x"),
    "two timers": node("intermediateCatchEvent", "x", 2 * timer("PT1H")),
    "boundary of no kind": user("x") + node("boundaryEvent", "b", attachedToRef="x") + flow("b", "e"),
    "extension inside an event definition": catch("x", "PT1H").replace(
        "<bpmn:timerEventDefinition>", "<bpmn:timerEventDefinition>" + extensions(zeebe("properties"))
    ),
}


@pytest.mark.parametrize("name", REFUSED_EXTENSIONS)
def test_an_extension_that_is_not_executed_is_refused(name: str) -> None:
    found = problems(with_step(REFUSED_EXTENSIONS[name]))
    assert all(one.element in {"x", "b"} and one.line == 2 and one.reason for one in found), found


UNSOUND = {
    "no executable process": (drawing(begin(), end(), flows("s e")).replace(b'isExecutable="true"', b""), ""),
    "no process": (f"{HEAD}</bpmn:definitions>".encode(), ""),
    "no start": (drawing(user("x"), end(), flows("x e")), "p"),
    "two starts": (drawing(begin(), begin("s2"), end(), flows("s e", "s2 e")), "p"),
    "no start inside": (drawing(begin(), sub("x", end("o")), end(), PATH), "x"),
    "form of an inner start": (drawing(begin(), sub("x", begin("i", "f"), end("o"), flows("i o")), end(), PATH), "i"),
    "flow to nowhere": (drawing(begin(), end(), flows("s e", "s y")), "s-y"),
    "flow from nowhere": (drawing(begin(), end(), flows("s e", "y e")), "y-e"),
    "flow into a sub-process": (
        drawing(begin(), sub("x", begin("i"), user("u"), end("o"), flows("i u o")), end(), PATH, flow("s", "u")),
        "s-u",
    ),
    "flow into the start": (drawing(begin(), user("x"), end(), PATH, flow("x", "s")), "s"),
    "flow out of the end": (drawing(begin(), user("x"), end(), PATH, flow("e", "x")), "e"),
    "start that leads nowhere": (drawing(begin()), "s"),
    "gateway that leads nowhere": (drawing(begin(), choice("x"), flows("s x")), "x"),
    "flow into a boundary event": (
        drawing(begin(), user("x"), boundary("b", "x", "PT1H"), end(), PATH, flows("x b e")),
        "b",
    ),
    "boundary event that leads nowhere": (drawing(begin(), user("x"), boundary("b", "x", "PT1H"), end(), PATH), "b"),
    "boundary event on nothing": (
        drawing(begin(), user("x"), boundary("b", "y", "PT1H"), end(), PATH, flow("b", "e")),
        "b",
    ),
    "boundary event on an order": (
        drawing(begin(), service("x"), boundary("b", "x", "PT1H"), end(), PATH, flow("b", "e")),
        "b",
    ),
    "step that nothing reaches": (drawing(begin(), user("x"), user("y"), end(), PATH, flow("y", "e")), "y"),
    "circle that nothing reaches": (
        drawing(begin(), user("x"), user("y"), user("z"), end(), PATH, flows("y z y")),
        "y",
    ),
    "choice without condition": (drawing(begin(), choice("x"), user("y"), end(), PATH, flows("x y e")), "x-e"),
    "default with a condition": (
        drawing(begin(), choice("x", "x-y"), user("y"), end(), flows("s x", "x e | a", "x y | b", "y e")),
        "x-y",
    ),
    "default of somewhere else": (drawing(begin(), choice("x", "s-x"), end(), PATH), "x"),
    "condition after a fork": (
        drawing(begin(), fork("x"), user("y"), end(), flows("s x", "x y | a", "x e", "y e")),
        "x-y",
    ),
    "condition after the start": (drawing(begin(), user("x"), end(), flows("s x | a", "x e")), "s-x"),
    "condition after a timer": (drawing(begin(), catch("x", "PT1H"), end(), flows("s x", "x e | a")), "x-e"),
    "condition that is no FEEL": (drawing(begin(), choice("x"), end(), flows("s x", "x e | a >")), "x-e"),
    "condition of Camunda 7": (
        drawing(begin(), choice("x"), end(), flows("s x", "x e | a")).replace(b">=a<", b">${a}<"),
        "x-e",
    ),
    "condition in another language": (
        drawing(begin(), choice("x"), end(), flows("s x", "x e | a")).replace(
            b"xsi:type", b'language="javascript" xsi:type'
        ),
        "x-e",
    ),
    "two conditions": (
        drawing(begin(), choice("x"), end(), flows("s x", "x e | a")).replace(
            b"</bpmn:conditionExpression>",
            b"</bpmn:conditionExpression><bpmn:conditionExpression>=b</bpmn:conditionExpression>",
        ),
        "x-e",
    ),
    "id twice": (drawing(begin(), user("x"), user("x"), end(), PATH), "x"),
    "step without id": (drawing(begin(), user("x").replace('id="x"', 'name="x"'), end(), flows("s e")), "p"),
    "flow without id": (drawing(begin(), end(), flows("s e"), flow("s", "e").replace('id="s-e"', "")), "p"),
    "unknown element": (drawing(begin(), node("userTaskk", "x"), end(), flows("s e")), "x"),
    "element of another kind": (drawing(begin(), '<a:b xmlns:a="urn:a" id="x"/>', end(), flows("s e")), "x"),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_a_diagram_through_which_no_token_can_move_is_refused(name: str) -> None:
    raw, element = UNSOUND[name]
    found = problems(raw)
    assert any(one.element == (element or "definitions") for one in found), found
    assert all(one.reason for one in found)


def test_every_problem_is_reported_at_once() -> None:
    raw = drawing(
        begin(), node("manualTask", "m"), node("receiveTask", "r"), user("x", zeebe("calledElement")), end(), PATH
    )
    assert {one.element for one in problems(raw)} >= {"m", "r", "x"}


def test_a_wrong_expression_is_placed_by_line_and_column() -> None:
    (found,) = problems(drawing(begin(), "\n\n", user("x", zeebe("taskSchedule", dueDate="=now( +")), end(), PATH))
    assert (found.element, found.line) == ("x", 3)
    assert found.column > 0
