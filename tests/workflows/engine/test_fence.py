"""Whatever would not be executed is refused: one test a row of the fence, with element, line, reason and what to use instead."""

from __future__ import annotations

import pytest

from tests.workflows.engine.drawing import (
    HEAD,
    again,
    at,
    begin,
    begin_on,
    boundary,
    call,
    catch,
    choice,
    decide,
    drawing,
    end,
    end_with,
    error,
    escalation,
    event_sub,
    extensions,
    first_of,
    flow,
    flows,
    fork,
    message,
    node,
    on,
    receive,
    script,
    send,
    service,
    signal,
    some,
    sub,
    terminate,
    throw,
    timer,
    times,
    transaction,
    undo,
    user,
    what,
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


def inside_user(tag: str) -> bytes:
    return with_step(node("userTask", "x", f"<bpmn:{tag}/>"))


def beside(tag: str) -> bytes:
    return drawing(begin(), "\n", node(tag, "x"), end(), flows("s e"))


def outside(tag: str) -> bytes:
    good = drawing(begin(), end(), flows("s e")).decode()
    return good.replace(HEAD, f"{HEAD}\n{node(tag, 'x')}").encode()


def inside_repetition(tag: str) -> bytes:
    """A user task repeated for each item, with ``tag`` in its repetition."""
    inside = extensions(zeebe("loopCharacteristics", inputCollection="=l"))
    loop = f"<bpmn:multiInstanceLoopCharacteristics>{inside}<bpmn:{tag}/></bpmn:multiInstanceLoopCharacteristics>"
    return with_step(node("userTask", "x", loop))


NODES = ["adHocSubProcess", "complexGateway"]
INSIDE = ["rendering", "potentialOwner", "humanPerformer", "performer", "resourceRole"]
IN_REPETITIONS = [
    "loopDataInputRef",
    "loopDataOutputRef",
    "inputDataItem",
    "outputDataItem",
    "complexBehaviorDefinition",
]
BESIDE = ["correlationSubscription", "auditing", "monitoring"]
OUTSIDE = [
    "choreography",
    "globalUserTask",
    "globalManualTask",
    "globalScriptTask",
    "globalBusinessRuleTask",
    "globalTask",
    "import",
]
DRAWN = (
    {tag: with_step(node(tag, "x")) for tag in NODES}
    | {tag: inside_user(tag) for tag in INSIDE}
    | {tag: inside_repetition(tag) for tag in IN_REPETITIONS}
    | {tag: beside(tag) for tag in BESIDE}
    | {tag: outside(tag) for tag in OUTSIDE}
    | {
        tag: with_step(node("userTask", "x", f"<bpmn:dataInputAssociation><bpmn:{tag}/></bpmn:dataInputAssociation>"))
        for tag in ("assignment", "transformation")
    }
    | {
        "script": with_step(node("scriptTask", "x", "<bpmn:script>1+1</bpmn:script>")),
        "eventDefinitionRef": with_step(
            node("intermediateCatchEvent", "x", "<bpmn:eventDefinitionRef>t</bpmn:eventDefinitionRef>")
        ),
        "operationRef": with_step(node("serviceTask", "x", "<bpmn:operationRef>o</bpmn:operationRef>")),
        "correlationKey": drawing(begin(), end(), flows("s e")).replace(
            HEAD.encode(), f"{HEAD}\n{node('collaboration', 'c', node('correlationKey', 'x'))}".encode()
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


#: Each kind of event at its definition, with the declaration it needs.
DEFINITIONS = {
    "timer": timer("PT1H"),
    "message": what("message", "m"),
    "signal": what("signal", "g"),
    "error": what("error", "r"),
    "escalation": what("escalation", "k"),
    "conditional": what("conditional", "n > 1"),
    "compensate": what("compensate"),
    "cancel": what("cancel"),
    "link": what("link", "L"),
    "terminate": what("terminate"),
}
DECLARED = message("m") + signal("g") + error("r") + escalation("k")


def declared(raw: bytes) -> bytes:
    """With a message m, a signal g, an error r and an escalation k."""
    return raw.replace(HEAD.encode(), (HEAD + DECLARED).encode())


def event_at(place: str, kind: str) -> tuple[str, bytes]:
    """An event of that kind at ``place``, in a diagram that is otherwise sound: id of the event and the diagram."""
    definition = DEFINITIONS.get(kind, "")
    if place == "startEvent":
        plain = begin() + flow("s", "e") if kind else ""
        return "x", drawing(plain, begin_on(definition, "x"), end(), flows("x e"))
    if place == "subProcess startEvent":
        return "x", drawing(begin(), sub("q", begin_on(definition, "x"), end("o"), flows("x o")), end(), flows("s q e"))
    if place == "event subProcess startEvent":
        inner = event_sub("q", begin_on(definition, "x"), user("v"), end("o"), flows("x v o"))
        return "x", drawing(begin(), inner, user("u"), *throws(kind, ""), end(), flows("s u e"))
    if place == "intermediateCatchEvent" and kind == "link":
        return "x", drawing(begin(), throw("link", "y", "L"), node(place, "x", definition), end(), flows("s y", "x e"))
    if place == "intermediateThrowEvent" and kind == "link":
        return "x", drawing(begin(), node(place, "x", definition), on("link", "y", "L"), end(), flows("s x", "y e"))
    if place.startswith("intermediate"):
        return "x", drawing(begin(), node(place, "x", definition), end(), flows("s x e"))
    if place == "endEvent":
        inner = transaction("q", begin("i"), node(place, "x", definition), flows("i x"))
        exits = at("cancel", "b", "q") + flow("b", "e") if kind == "cancel" else ""
        return "x", drawing(begin(), inner, exits, end(), flows("s q e"))
    host = transaction("q", begin("i"), user("u"), *throws(kind, ""), end("o"), flows("i u o"))
    undone = node("userTask", "h", isForCompensation="true") + node("association", "a", sourceRef="x", targetRef="h")
    leaving = undone if kind == "compensate" else flow("x", "e")
    return "x", drawing(begin(), host, node(place, "x", definition, attachedToRef="q"), end(), leaving, flows("s q e"))


def throws(kind: str, before: str) -> list[str]:
    """Steps after the task u that throw what a catching event of that kind waits for."""
    if kind not in {"error", "escalation", "cancel"}:
        return []
    return [
        choice("t", "t-f"),
        node("endEvent", "f"),
        end_with(kind, "z", DEFINITION_OF.get(kind, "")),
        flows("u t", "t f"),
        flow("t", "z", "n > 1"),
    ]


DEFINITION_OF = {"error": "r", "escalation": "k"}


@pytest.mark.parametrize("place", fence.EVENTS)
def test_an_event_is_read_where_it_can_be_and_refused_by_name_elsewhere(place: str) -> None:
    for kind in ["", *DEFINITIONS]:
        name, raw = event_at(place, kind)
        raw = declared(raw)
        if kind not in fence.EVENTS[place]:
            reasons = [one.reason for one in problems(raw) if one.element == name]
            assert any(f"bpmn:{place.split()[-1]}" in reason for reason in reasons), (kind, reasons)
            continue
        (found,) = read(raw, file="t.bpmn")
        event = found.steps[name].event
        expected = {"": None, "compensate": "compensation"}.get(kind, kind)
        assert (event.kind if event else None) == expected


#: Every element that runs, in a diagram that is read without a problem.
RUNNING = {
    "startEvent": begin(),
    "endEvent": end(),
    "terminateEventDefinition": terminate(),
    "task": node("task", "x"),
    "manualTask": node("manualTask", "x"),
    "userTask": user("x"),
    "serviceTask": service("x"),
    "sendTask": send("x", "m"),
    "receiveTask": receive("x", "m"),
    "businessRuleTask": decide("x", "DT", "v"),
    "scriptTask": script("x", "1", "v"),
    "callActivity": call("x", "other"),
    "exclusiveGateway": choice("x"),
    "parallelGateway": fork("x"),
    "inclusiveGateway": some("x"),
    "eventBasedGateway": first_of("x") + catch("w", "PT1H") + flows("x w e"),
    "subProcess": sub("x", begin("i"), end("o"), flows("i o")),
    "transaction": transaction("x", begin("i"), end("o"), flows("i o")),
    "intermediateCatchEvent": catch("x", "PT1H"),
    "intermediateThrowEvent": throw("", "x"),
    "timerEventDefinition": catch("x", "2026-12-01T00:00:00+08:00", "timeDate"),
    "messageEventDefinition": on("message", "x", "m"),
    "signalEventDefinition": throw("signal", "x", "g"),
    "errorEventDefinition": end_with("error", "e", "r"),
    "escalationEventDefinition": throw("escalation", "x", "k"),
    "conditionalEventDefinition": on("conditional", "x", "n > 1"),
    "compensateEventDefinition": user("x") + undo("x", "h") + node("userTask", "h", isForCompensation="true"),
    "cancelEventDefinition": transaction("x", begin("i"), end_with("cancel", "o"), flows("i o"))
    + at("cancel", "b", "x")
    + flow("b", "e"),
    "linkEventDefinition": user("x") + throw("link", "y", "L") + on("link", "z", "L") + flows("s y", "z e"),
    "boundaryEvent": user("x") + boundary("b", "x", "PT1H") + flow("b", "e"),
    "sequenceFlow": user("x"),
    "multiInstanceLoopCharacteristics": node(
        "userTask",
        "x",
        node("multiInstanceLoopCharacteristics", "l", extensions(zeebe("loopCharacteristics", inputCollection="=[1]"))),
    ),
    "loopCardinality": times(service("x"), "3"),
    "standardLoopCharacteristics": again(script("x", "1", "v"), "v < 3", most="5"),
    "laneSet": user("x")
    + node("laneSet", "ls", node("lane", "l", "<bpmn:flowNodeRef>x</bpmn:flowNodeRef>", name="市教研院")),
    "textAnnotation": user("x") + node("textAnnotation", "t", "<bpmn:text>说明</bpmn:text>"),
    "association": user("x") + node("association", "t", sourceRef="x", targetRef="y"),
    "group": user("x") + node("group", "t"),
    "dataObject": user("x") + node("dataObject", "t"),
    "dataObjectReference": user("x") + node("dataObjectReference", "t", dataObjectRef="u"),
    "dataStoreReference": user("x") + node("dataStoreReference", "t", dataStoreRef="u"),
    "property": user("x") + node("property", "t"),
    "ioSpecification": node("userTask", "x", "<bpmn:ioSpecification><bpmn:inputSet/></bpmn:ioSpecification>"),
    "dataInputAssociation": node(
        "userTask", "x", "<bpmn:dataInputAssociation><bpmn:sourceRef>d</bpmn:sourceRef></bpmn:dataInputAssociation>"
    ),
    "dataOutputAssociation": node(
        "userTask", "x", "<bpmn:dataOutputAssociation><bpmn:targetRef>d</bpmn:targetRef></bpmn:dataOutputAssociation>"
    ),
    "process": user("x"),
}
#: Elements that stand beside the process.
OUTSIDE_RUNNING = {
    "collaboration": node("collaboration", "c", node("participant", "pt", processRef="p")),
    "messageFlow": node("collaboration", "c", node("messageFlow", "mf", sourceRef="pt", targetRef="x")),
    "message": message("other", "a.b"),
    "signal": signal("other"),
    "error": error("other"),
    "escalation": escalation("other"),
    "dataStore": node("dataStore", "other"),
    "itemDefinition": node("itemDefinition", "other"),
    "interface": node("interface", "other"),
}


def test_every_element_that_runs_is_drawn_here() -> None:
    assert set(RUNNING) | set(OUTSIDE_RUNNING) == set(fence.RUNS)


@pytest.mark.parametrize("tag", fence.RUNS)
def test_an_element_that_runs_is_read(tag: str) -> None:
    parts = [begin(), end(), user("x")]
    index = {"startEvent": 0, "endEvent": 1, "terminateEventDefinition": 1, "errorEventDefinition": 1}.get(tag, 2)
    parts[index] = RUNNING.get(tag, parts[2])
    path = flows("s x") if tag == "eventBasedGateway" else PATH
    raw = declared(drawing(*parts, path)).decode()
    raw = raw.replace(HEAD, HEAD + OUTSIDE_RUNNING.get(tag, ""))
    (found,) = read(raw.encode(), file="t.bpmn")
    assert set(found.steps) >= {"s", "x", "e"}


REFUSED_ATTRIBUTES = {
    "isForCompensation": node("userTask", "x", isForCompensation="maybe"),
    "startQuantity": node("userTask", "x", startQuantity="2"),
    "completionQuantity": node("userTask", "x", completionQuantity="2"),
    "implementation": node("userTask", "x", implementation="##WebService"),
    "triggeredByEvent": sub("x", begin("i"), end("o"), flows("i o")).replace(
        'id="x"', 'id="x" triggeredByEvent="maybe"'
    ),
    "testBefore": again(user("x"), "n")
    .replace("<bpmn:standardLoop", "<bpmn:standardLoop")
    .replace("Characteristics>", 'Characteristics testBefore="maybe">', 1),
    "loopMaximum": again(user("x"), "n", most="0"),
    "method": transaction("x", begin("i"), end("o"), flows("i o")).replace('id="x"', 'id="x" method="##Image"'),
    "calledElement": call("x", "other").replace('id="x"', 'id="x" calledElement="other"'),
    "waitForCompletion": node(
        "intermediateThrowEvent", "x", '<bpmn:compensateEventDefinition waitForCompletion="false"/>'
    ),
    "eventGatewayType": first_of("x").replace('id="x"', 'id="x" eventGatewayType="Parallel"'),
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


GIVEN = extensions(zeebe("ioMapping", zeebe("input", source="=a", target="b")))
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
    "mapping of a sub-process over the house": sub(
        "x",
        extensions(zeebe("ioMapping", zeebe("input", source="=a", target="policy"))),
        begin("i"),
        end("o"),
        flows("i o"),
    ),
    "call of nothing": node("callActivity", "x"),
    "call of an empty name": call("x", ""),
    "call by another attribute": call("x", "p", businessId="b"),
    "call that may hand over": call("x", "p", propagateAllParentVariables="maybe"),
    "call of a version": call("x", "p", bindingType="versionTag"),
    "input of a timer": node("intermediateCatchEvent", "x", GIVEN + timer("PT1H")),
    "input of an error": node("endEvent", "x", GIVEN + what("terminate")),
    "output of a thrown signal": node(
        "intermediateThrowEvent",
        "x",
        extensions(zeebe("ioMapping", zeebe("output", source="=a", target="b"))) + what("terminate"),
    ),
    "order of a plain event": throw("", "x", inside=zeebe("taskDefinition", type="a")),
    "rule and order": decide("x", "d", "v", zeebe("taskDefinition", type="a")),
    "headers without order": decide("x", "d", "v", zeebe("taskHeaders")),
    "repetition by number and list": times(user("x"), "3").replace(
        "<bpmn:loopCardinality>",
        extensions(zeebe("loopCharacteristics", inputCollection="=l")) + "<bpmn:loopCardinality>",
    ),
    "repetition by a word": times(user("x"), "three"),
    "repetition by a number beyond all bounds": times(user("x"), "10001"),
    "repetition with an item of nothing": times(user("x"), "3").replace(
        "<bpmn:loopCardinality>", extensions(zeebe("loopCharacteristics", inputElement="i")) + "<bpmn:loopCardinality>"
    ),
    "loop without end": again(user("x")),
    "loop while a text": again(user("x"), "n").replace("=n", "n"),
    "two loops": again(times(user("x"), "3"), "n"),
    "sending of nothing": node("sendTask", "x"),
    "sending of what is not there": send("x", "nowhere"),
    "waiting for nothing": node("receiveTask", "x"),
    "message of nothing": on("message", "x"),
    "signal of nothing": throw("signal", "x"),
    "two definitions": node("intermediateCatchEvent", "x", timer("PT1H") + what("terminate")),
    "link without name": throw("link", "x"),
    "condition as text": on("conditional", "x", "n").replace("=n", "n"),
    "condition of nothing": on("conditional", "x", "n").replace("condition", "conditionn"),
    "condition that hears too little": on("conditional", "x", "n > m").replace(
        "<bpmn:conditionalEventDefinition>",
        "<bpmn:conditionalEventDefinition>" + extensions(zeebe("conditionalFilter", variableNames="n")),
    ),
    "condition that hears only what is new": on("conditional", "x", "n > m").replace(
        "<bpmn:conditionalEventDefinition>",
        "<bpmn:conditionalEventDefinition>" + extensions(zeebe("conditionalFilter", variableEvents="create")),
    ),
    "cycle as cron": boundary("b", "x", "0 0 9 * * ?", kind="timeCycle") + user("x") + flow("b", "e"),
    "cycle of no rounds": boundary("b", "x", "R0/PT1H", kind="timeCycle") + user("x") + flow("b", "e"),
    "cycle of no length": boundary("b", "x", "R/PT0S", kind="timeCycle") + user("x") + flow("b", "e"),
}


@pytest.mark.parametrize("name", REFUSED_EXTENSIONS)
def test_an_extension_that_is_not_executed_is_refused(name: str) -> None:
    found = problems(with_step(REFUSED_EXTENSIONS[name]))
    assert all(one.element in {"x", "b"} and one.line == 2 and one.reason for one in found), found


UNSOUND = {
    "no executable process": (drawing(begin(), end(), flows("s e")).replace(b'isExecutable="true"', b""), ""),
    "no process": (f"{HEAD}</bpmn:definitions>".encode(), ""),
    "our property on a lane": (
        drawing(
            begin(),
            end(),
            node("laneSet", "x", extensions(zeebe("properties", zeebe("property", name="jiaoyan:stage", value="a")))),
            flows("s e"),
        ),
        "x",
    ),
    "mapping of an event sub-process": (
        drawing(
            begin(),
            event_sub(
                "x",
                extensions(zeebe("ioMapping", zeebe("output", source="=a", target="b"))),
                begin_on(timer("PT1H"), "i"),
                end("o"),
                flows("i o"),
            ),
            end(),
            flows("s e"),
        ),
        "x",
    ),
    "no start but an event sub-process": (
        drawing(event_sub("q", begin_on(timer("PT1H"), "i"), end("o"), flows("i o"))),
        "p",
    ),
    "two starts by one message": (
        drawing(
            message("m"),
            begin_on(what("message", "m")),
            begin_on(what("message", "m"), "s2"),
            end(),
            flows("s e", "s2 e"),
        ),
        "s2",
    ),
    "start by a message that FEEL names": (
        drawing(message("m").replace('name="m"', 'name="=a"'), begin_on(what("message", "m")), end(), flows("s e")),
        "m",
    ),
    "message without name": (
        drawing(message("m").replace('name="m"', ""), begin(), receive("x", "m"), end(), PATH),
        "m",
    ),
    "error without code": (
        drawing(error("r").replace('errorCode="r"', ""), begin(), end_with("error", "x", "r"), flows("s x")),
        "r",
    ),
    "error of nothing": (drawing(begin(), end_with("error", "x"), flows("s x")), "x"),
    "error caught by a name that is not there": (
        drawing(
            begin(),
            sub("x", begin("i"), user("u"), call("c", "p"), end("o"), flows("i u c o")),
            at("error", "b", "x", "nowhere"),
            end(),
            PATH,
            flow("b", "e"),
        ),
        "b",
    ),
    "form of a message start": (
        drawing(
            message("m"),
            begin_on(what("message", "m"), inside=zeebe("formDefinition", formId="f.g")),
            end(),
            flows("s e"),
        ),
        "s",
    ),
    "input of a start": (drawing(node("startEvent", "s", GIVEN), end(), flows("s e")), "s"),
    "output of an inner start": (
        drawing(
            begin(),
            sub(
                "x",
                node("startEvent", "i", extensions(zeebe("ioMapping", zeebe("output", source="=1", target="a")))),
                end("o"),
                flows("i o"),
            ),
            end(),
            PATH,
        ),
        "i",
    ),
    "plain start that does not interrupt": (
        drawing(begin().replace('id="s"', 'id="s" isInterrupting="false"'), end(), flows("s e")),
        "s",
    ),
    "event sub-process with two starts": (
        drawing(
            begin(),
            event_sub("q", begin_on(timer("PT1H"), "i"), begin_on(timer("PT2H"), "j"), end("o"), flows("i o", "j o")),
            end(),
            flows("s e"),
        ),
        "q",
    ),
    "event sub-process with flows": (
        drawing(begin(), event_sub("q", begin_on(timer("PT1H"), "i"), end("o"), flows("i o")), end(), flows("s q e")),
        "q",
    ),
    "error event sub-process that does not interrupt": (
        drawing(
            error("r"),
            begin(),
            call("c", "p"),
            event_sub("q", begin_on(what("error", "r"), "i", interrupting=False), end("o"), flows("i o")),
            end(),
            flows("s c e"),
        ),
        "i",
    ),
    "event sub-process for what nobody throws": (
        drawing(
            error("r"),
            begin(),
            event_sub("q", begin_on(what("error", "r"), "i"), end_with("error", "o", "r"), flows("i o")),
            end(),
            flows("s e"),
        ),
        "i",
    ),
    "error on a user task": (
        drawing(error("r"), begin(), user("x"), at("error", "b", "x", "r"), end(), PATH, flow("b", "e")),
        "b",
    ),
    "error on an order": (
        drawing(error("r"), begin(), service("x"), at("error", "b", "x", "r"), end(), PATH, flow("b", "e")),
        "b",
    ),
    "escalation on a user task": (
        drawing(begin(), user("x"), at("escalation", "b", "x"), end(), PATH, flow("b", "e")),
        "b",
    ),
    "error that does not interrupt": (
        drawing(begin(), call("x", "p"), at("error", "b", "x", cancel=False), end(), PATH, flow("b", "e")),
        "b",
    ),
    "error of another code": (
        drawing(
            error("r"),
            error("q"),
            begin(),
            sub("x", begin("i"), end_with("error", "o", "q"), flows("i o")),
            at("error", "b", "x", "r"),
            end(),
            PATH,
            flow("b", "e"),
        ),
        "b",
    ),
    "cancel on a sub-process": (
        drawing(
            begin(), sub("x", begin("i"), end("o"), flows("i o")), at("cancel", "b", "x"), end(), PATH, flow("b", "e")
        ),
        "b",
    ),
    "cancel that nobody throws": (
        drawing(
            begin(),
            transaction("x", begin("i"), end("o"), flows("i o")),
            at("cancel", "b", "x"),
            end(),
            PATH,
            flow("b", "e"),
        ),
        "b",
    ),
    "cancel outside a transaction": (drawing(begin(), end_with("cancel", "x"), flows("s x")), "x"),
    "cancel without exit": (
        drawing(begin(), transaction("x", begin("i"), end_with("cancel", "o"), flows("i o")), end(), PATH),
        "o",
    ),
    "boundary event on a gateway": (
        drawing(begin(), choice("x"), boundary("b", "x", "PT1H"), end(), PATH, flow("b", "e")),
        "b",
    ),
    "signal on a task that passes": (
        drawing(signal("g"), begin(), node("task", "x"), at("signal", "b", "x", "g"), end(), PATH, flow("b", "e")),
        "b",
    ),
    "link to nowhere": (drawing(begin(), throw("link", "x", "L"), flows("s x")), "x"),
    "link from nowhere": (drawing(begin(), end(), on("link", "x", "L"), flows("s e", "x e")), "x"),
    "link to two places": (
        drawing(
            begin(),
            throw("link", "x", "L"),
            on("link", "y", "L"),
            on("link", "z", "L"),
            end(),
            flows("s x", "y e", "z e"),
        ),
        "x",
    ),
    "link into a sub-process": (
        drawing(
            begin(),
            throw("link", "x", "L"),
            sub("q", begin("i"), on("link", "y", "L"), end("o"), flows("i o", "y o")),
            end(),
            flows("s x", "s q e"),
        ),
        "x",
    ),
    "link with a flow": (
        drawing(begin(), throw("link", "x", "L"), on("link", "y", "L"), end(), flows("s x e", "y e")),
        "x",
    ),
    "event gateway before a task": (drawing(begin(), first_of("x"), user("u"), end(), flows("s x u e")), "x-u"),
    "event gateway before a second way in": (
        drawing(
            begin(), some("g", "g-x"), first_of("x"), catch("w", "PT1H"), end(), flows("s g x w e"), flow("g", "w", "n")
        ),
        "w",
    ),
    "event gateway before a task with a boundary event": (
        drawing(
            message("m"),
            begin(),
            first_of("x"),
            receive("w", "m"),
            boundary("b", "w", "PT1H"),
            end(),
            flows("s x w e", "b e"),
        ),
        "w",
    ),
    "event gateway that leads nowhere": (drawing(begin(), first_of("x"), flows("s x")), "x"),
    "handler that nobody calls": (
        drawing(begin(), user("x"), node("userTask", "h", isForCompensation="true"), end(), PATH),
        "h",
    ),
    "handler with flows": (
        drawing(
            begin(),
            user("x"),
            undo("x", "h"),
            node("userTask", "h", isForCompensation="true"),
            end(),
            PATH,
            flow("h", "e"),
        ),
        "h",
    ),
    "compensation by an ordinary task": (
        drawing(begin(), user("x"), undo("x", "h"), user("h"), end(), PATH, flow("s", "h")),
        "x-undo",
    ),
    "compensation of what cannot be undone": (
        drawing(begin(), user("x"), throw("compensate", "y", "x"), end(), flows("s x y e")),
        "y",
    ),
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
    "throw that leads nowhere": (drawing(begin(), throw("", "x"), flows("s x")), "x"),
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


def test_a_handler_without_association_is_told_what_it_lacks() -> None:
    raw = drawing(begin(), user("x"), node("userTask", "h", isForCompensation="true"), end(), PATH)
    assert any("isForCompensation" in one.reason for one in problems(raw))


def test_every_problem_is_reported_at_once() -> None:
    raw = drawing(
        begin(), node("complexGateway", "m"), node("receiveTask", "r"), user("x", zeebe("calledElement")), end(), PATH
    )
    assert {one.element for one in problems(raw)} >= {"m", "r", "x"}


def test_a_wrong_expression_is_placed_by_line_and_column() -> None:
    (found,) = problems(drawing(begin(), "\n\n", user("x", zeebe("taskSchedule", dueDate="=now( +")), end(), PATH))
    assert (found.element, found.line) == ("x", 3)
    assert found.column > 0
