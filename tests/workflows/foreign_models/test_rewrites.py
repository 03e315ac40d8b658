"""Each rewrite of import-model on a small model of our own: what stands there afterwards, what the report says, and that it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.workflows.engine.drawing import (
    HEAD,
    at,
    begin,
    begin_on,
    boundary,
    call,
    choice,
    drawing,
    end,
    end_with,
    error,
    event_sub,
    extensions,
    first_of,
    flow,
    flows,
    message,
    node,
    on,
    receive,
    service,
    some,
    sub,
    throw,
    timer,
    user,
    what,
    zeebe,
)
from tests.workflows.foreign_models.driving import reaches_the_end
from workflows.engine import Diagram, Step, Text, fence, read
from workflows.foreign_models import REWRITTEN, Imported, import_model

FLOWABLE = HEAD.replace("xmlns:camunda=", 'xmlns:flowable="http://flowable.org/bpmn" xmlns:camunda=')


def imported(raw: bytes) -> tuple[Imported, Diagram]:
    """The model rewritten, read and driven to its end."""
    done = import_model(raw, file="m.bpmn")
    assert done.outcome == "imported", [str(note) for note in done.notes]
    assert done.content is not None
    drawn = read(done.content, file="m.bpmn")
    assert all(reaches_the_end(one) for one in drawn)
    again = import_model(done.content, file="m.bpmn")
    assert (again.outcome, again.content) == ("as is", done.content), "a second import finds nothing to do"
    return done, drawn[0]


def step_of(raw: bytes, name: str = "x") -> Step:
    return imported(raw)[1].steps[name]


def with_task(tag: str, inside: str = "", /, **attributes: str) -> bytes:
    """begin, one activity x, end."""
    given = node(tag, "x", inside)
    words = "".join(f' {name.replace("_", ":", 1)}="{value}"' for name, value in attributes.items())
    return drawing(begin(), given.replace(' id="x"', f' id="x"{words}'), end(), flows("s x e"))


def camunda(tag: str, inside: str = "", /, **attributes: str) -> str:
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<camunda:{tag}{given}>{inside}</camunda:{tag}>"


def text_of(value: Any) -> str:
    """A given value as the file writes it."""
    return "" if value is None else value.text if isinstance(value, Text) else "=" + value.text


def reasons(done: Imported, kind: str) -> str:
    return "\n".join(str(note) for note in done.of(kind))


#: Model, and what must hold of step x afterwards.
STEPS: dict[str, tuple[bytes, Callable[[Step], bool]]] = {
    "assignee": (with_task("userTask", camunda_assignee="kermit"), lambda x: text_of(x.assignee) == "kermit"),
    "assignee that is computed": (
        with_task("userTask", camunda_assignee="${order.owner}"),
        lambda x: text_of(x.assignee) == "=order.owner",
    ),
    "the starter": (
        with_task("userTask", camunda_assignee="${who}").replace(b'id="s"', b'id="s" camunda:initiator="who"'),
        lambda x: text_of(x.assignee) == "=instance.starter",
    ),
    "candidate groups": (
        with_task("userTask", camunda_candidateGroups="sales,${group}"),
        lambda x: text_of(x.candidate_groups) == '=["sales", group]',
    ),
    "candidate users": (
        with_task("userTask", camunda_candidateUsers=" a , b"),
        lambda x: text_of(x.candidate_users) == "a, b",
    ),
    "potential owner": (
        with_task(
            "userTask",
            "<bpmn:potentialOwner><bpmn:resourceAssignmentExpression><bpmn:formalExpression>user(a), group(b), c"
            "</bpmn:formalExpression></bpmn:resourceAssignmentExpression></bpmn:potentialOwner>",
        ),
        lambda x: (text_of(x.candidate_users), text_of(x.candidate_groups)) == ("a", "b, c"),
    ),
    "human performer": (
        with_task(
            "userTask",
            "<bpmn:humanPerformer><bpmn:resourceAssignmentExpression><bpmn:formalExpression>a"
            "</bpmn:formalExpression></bpmn:resourceAssignmentExpression></bpmn:humanPerformer>",
        ),
        lambda x: text_of(x.candidate_users) == "a",
    ),
    "due date": (
        with_task("userTask", camunda_dueDate="P5D", camunda_followUpDate="2026-12-01T09:00:00"),
        lambda x: (text_of(x.due), text_of(x.follow_up)) == ('=now() + duration("P5D")', "2026-12-01T09:00:00"),
    ),
    "priority": (with_task("userTask", camunda_priority="70"), lambda x: text_of(x.priority) == "70"),
    "form key": (
        with_task("userTask", camunda_formKey="embedded:app:forms/leave/apply.html"),
        lambda x: x.form_id == "forms.leave.apply",
    ),
    "form reference": (
        with_task("userTask", camunda_formRef="apply", camunda_formRefBinding="latest"),
        lambda x: x.form_id == "apply",
    ),
    "form data": (
        with_task("userTask", extensions(camunda("formData", camunda("formField", id="reason", label="事由")))),
        lambda x: x.form_id == "p.x",
    ),
    "flowable": (
        with_task("userTask", flowable_assignee="${boss}").replace(HEAD.encode(), FLOWABLE.encode()),
        lambda x: text_of(x.assignee) == "=boss",
    ),
    "inputs and outputs": (
        with_task(
            "userTask",
            extensions(
                camunda(
                    "inputOutput",
                    camunda("inputParameter", "a &quot;b&quot;", name="t")
                    + camunda("inputParameter", camunda("list", camunda("value", "${n + 1}")), name="l")
                    + camunda("inputParameter", camunda("map", camunda("entry", "v", key="k")), name="m")
                    + camunda("outputParameter", "${t}", name="o"),
                )
            ),
        ),
        lambda x: (
            [text_of(one.source) for one in (*x.inputs, *x.outputs)]
            == ['="a \\"b\\""', "=[n + 1]", '={"k": "v"}', "=t"]
        ),
    ),
    "external task": (with_task("serviceTask", camunda_type="external", camunda_topic="mail"), lambda x: x.task_type == "mail"),
    "class": (with_task("serviceTask", camunda_class="org.x.Pay"), lambda x: x.task_type == "org.x.Pay"),
    "bean with fields": (
        with_task(
            "serviceTask",
            extensions(camunda("field", name="a", stringValue="1") + camunda("field", camunda("expression", "${n}"), name="b")),
            camunda_delegateExpression="${payer}",
        ),
        lambda x: (x.task_type, dict(x.headers), text_of(x.inputs[0].source)) == ("payer", {"a": "1"}, "=n"),
    ),
    "expression with a result": (
        with_task("serviceTask", camunda_expression="${n == 1}", camunda_resultVariable="v"),
        lambda x: (x.kind, x.script.text if x.script else "", x.result_variable) == ("script", "n = 1", "v"),
    ),
    "expression without a result": (with_task("serviceTask", camunda_expression="${n}"), lambda x: x.kind == "pass"),
    "work that is not described": (with_task("serviceTask"), lambda x: x.task_type == "x"),
    "decision": (
        with_task("businessRuleTask", camunda_decisionRef="d", camunda_mapDecisionResult="singleResult",
                  camunda_resultVariable="r"),
        lambda x: (x.decision_id, x.result_variable) == ("d", "r"),
    ),
    "decision that is not described": (with_task("businessRuleTask"), lambda x: x.decision_id == "x"),
    "script": (
        with_task("scriptTask", "<bpmn:script>a == 'b'</bpmn:script>", scriptFormat="javascript", camunda_resultVariable="v"),
        lambda x: bool(x.script) and x.script is not None and x.script.text == 'a = "b"',
    ),
    "no script": (with_task("scriptTask"), lambda x: x.kind == "pass"),
    "call": (
        with_task(
            "callActivity",
            extensions(camunda("in", source="a", target="b") + camunda("out", sourceExpression="${c + 1}", target="d")),
            calledElement="other",
        ),
        lambda x: (
            (text_of(x.called), x.hands_over_all, x.takes_back_all) == ("other", False, False)
            and [text_of(one.source) for one in (*x.inputs, *x.outputs)] == ["=a", "=c + 1"]
        ),
    ),
    "call with everything": (
        with_task(
            "callActivity",
            extensions(camunda("in", variables="all") + camunda("out", variables="all") + camunda("in", businessKey="#{k}")),
            calledElement="other",
        ),
        lambda x: x.hands_over_all and x.takes_back_all,
    ),
    "repetition": (
        with_task(
            "userTask",
            '<bpmn:multiInstanceLoopCharacteristics camunda:collection="${people}" camunda:elementVariable="one">'
            "<bpmn:completionCondition>${nrOfCompletedInstances/nrOfInstances &gt;= 0.5}</bpmn:completionCondition>"
            "</bpmn:multiInstanceLoopCharacteristics>",
        ),
        lambda x: (
            bool(x.repetition)
            and x.repetition is not None
            and x.repetition.collection is not None
            and (x.repetition.collection.text, x.repetition.item) == ("people", "one")
            and x.repetition.until is not None
            and x.repetition.until.text == "numberOfCompletedInstances / numberOfInstances >= 0.5"
        ),
    ),
    "place in the repetition, counted from 0 elsewhere": (
        with_task(
            "userTask",
            extensions(camunda("inputOutput", camunda("inputParameter", "${loopCounter + 1}", name="n")))
            + "<bpmn:multiInstanceLoopCharacteristics><bpmn:loopCardinality>2</bpmn:loopCardinality>"
            "</bpmn:multiInstanceLoopCharacteristics>",
        ),
        lambda x: text_of(x.inputs[0].source) == "=(loopCounter - 1) + 1",
    ),
    "repetition by the standard's words": (
        with_task(
            "userTask",
            "<bpmn:multiInstanceLoopCharacteristics><bpmn:loopDataInputRef>people</bpmn:loopDataInputRef>"
            '<bpmn:inputDataItem name="one"/></bpmn:multiInstanceLoopCharacteristics>',
        ),
        lambda x: x.repetition is not None and x.repetition.collection is not None and x.repetition.item == "one",
    ),
    "repetition that is not described": (
        with_task("userTask", "<bpmn:multiInstanceLoopCharacteristics/>"),
        lambda x: x.repetition is not None and x.repetition.collection is not None and x.repetition.collection.text == "x",
    ),
    "loop that is not described": (
        with_task("userTask", "<bpmn:standardLoopCharacteristics/>"),
        lambda x: x.repetition is not None and x.repetition.again is not None,
    ),
    "how the other engine is run": (
        with_task("userTask", camunda_asyncBefore="true", camunda_exclusive="false", camunda_jobPriority="7"),
        lambda x: x.kind == "user",
    ),
    "what a drawing tool leaves": (
        with_task("userTask", extensions('<g:meta xmlns:g="http://www.signavio.com" a="b"/>')),
        lambda x: x.kind == "user",
    ),
    "properties": (
        with_task("userTask", extensions(camunda("properties", camunda("property", name="a", value="b")))),
        lambda x: dict(x.properties) == {"a": "b"},
    ),
    "who performs an automatic task": (
        with_task("serviceTask", extensions(zeebe("taskDefinition", type="a")) + "<bpmn:performer/>"),
        lambda x: x.task_type == "a",
    ),
    "how the web service is called": (
        with_task("serviceTask", extensions(zeebe("taskDefinition", type="a")), implementation="##webService",
                  operationRef="op"),
        lambda x: x.task_type == "a",
    ),
    "what is written beside zeebe for others": (
        with_task("serviceTask", extensions(zeebe("taskDefinition", type="a") + camunda("connector")), camunda_class="C"),
        lambda x: x.task_type == "a",
    ),
    "empty sub-process": (with_task("subProcess"), lambda x: x.kind == "pass"),
    "sending of what is not named": (
        with_task("sendTask"), lambda x: x.event is not None and (x.event.kind, x.event.name) == ("message", "x")),
    "form inside the diagram": (
        with_task("userTask", extensions(zeebe("formDefinition", formKey="camunda-forms:bpmn:paper"))).replace(
            b'isExecutable="true">',
            b'isExecutable="true">' + extensions(zeebe("userTaskForm", "{}", id="paper")).encode(), 1),
        lambda x: x.form_id == "paper",
    ),
    "targets with a path": (
        with_task("serviceTask", extensions(zeebe("taskDefinition", type="a") + zeebe(
            "ioMapping", zeebe("input", source="=n", target="to.name") + zeebe("input", source="x", target="to.mail.at")))),
        lambda x: [text_of(one.source) for one in x.inputs] == ['={"name": n, "mail": {"at": "x"}}'],
    ),
    "newest binding": (
        with_task("callActivity", extensions(zeebe("calledElement", processId="o", bindingType="latest"))),
        lambda x: text_of(x.called) == "o",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_said_in_the_dialect(name: str) -> None:
    raw, holds = STEPS[name]
    done, drawn = imported(raw)
    assert holds(drawn.steps["x"]), drawn.steps["x"]
    assert reasons(done, "rewritten")


def condition(text: str, language: str = "") -> bytes:
    given = f' language="{language}"' if language else ""
    inside = f"<bpmn:conditionExpression{given}>{text}</bpmn:conditionExpression>"
    return drawing(
        begin(), choice("g", "g-e"), user("x"), end(), flows("s g", "g e", "x e"),
        node("sequenceFlow", "g-x", inside, sourceRef="g", targetRef="x"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("${n == 'a'}", "", 'n = "a"'),
        ("#{!n}", "", "not(n)"),
        ("n == 'a'", "groovy", 'n = "a"'),
        ("bpmn:getDataObject('n') = 'a'", "", 'n = "a"'),
        ("true", "http://www.w3.org/1999/XPath", "true"),
    ],
)
def test_a_plain_condition_becomes_feel(text: str, language: str, expected: str) -> None:
    _, drawn = imported(condition(text, language))
    found = drawn.flow("g-x").condition
    assert found is not None and found.text == expected


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [("timeDuration", "${wait}", "=wait"), ("timeCycle", "${often}", "=often"), ("timeDuration", "", "=w")],
)
def test_a_computed_timer_becomes_feel(kind: str, text: str, expected: str) -> None:
    raw = drawing(begin(), node("intermediateCatchEvent", "w", timer(text, kind)), end(), flows("s w e"))
    _, drawn = imported(raw)
    event = drawn.steps["w"].event
    assert event is not None and event.timer is not None and text_of(event.timer.value) == expected


def test_the_only_way_out_without_condition_is_the_default() -> None:
    raw = drawing(begin(), choice("g"), user("x"), end(), flows("s g", "g x | n > 1", "g e", "x e"))
    assert imported(raw)[1].flow("g-e").default


def test_a_way_out_of_an_inclusive_gateway_without_condition_is_always_taken() -> None:
    raw = drawing(begin(), some("g"), user("x"), user("y"), end(), flows("s g", "g x | n > 1", "g y", "x e", "y e"))
    found = imported(raw)[1].flow("g-y").condition
    assert found is not None and found.text == "true"


def for_readers(raw: bytes) -> bytes:
    """The same diagram as a drawing that nobody meant to execute."""
    return raw.replace(b' isExecutable="true"', b"")


def test_a_drawing_is_made_executable() -> None:
    done, drawn = imported(for_readers(drawing(begin(), user("x"), end(), flows("s x e"))))
    assert drawn.process_id == "p"
    assert 'isExecutable="true"' in reasons(done, "rewritten")


def test_a_choice_that_is_not_described_is_a_variable_called_after_the_gateway() -> None:
    raw = drawing(
        begin(), choice("g"), user("x"), end(), flow("s", "g"), flows("x e"),
        flow("g", "x").replace('id="g-x"', 'id="g-x" name="是"'),
        flow("g", "e").replace('id="g-e"', 'id="g-e" name="否"'),
    )  # fmt: skip
    done, drawn = imported(for_readers(raw))
    assert [one.condition.text for one in drawn.leaving("g") if one.condition] == ['g = "是"', 'g = "否"']
    assert "变量 g，取值：是、否" in reasons(done, "provide")


def test_a_condition_in_words_is_the_name_of_a_choice_only_in_a_drawing() -> None:
    worded = condition("is it urgent")
    done, drawn = imported(for_readers(worded))
    found = drawn.flow("g-x").condition
    assert found is not None and found.text == 'g = "is it urgent"'
    assert "is it urgent" in reasons(done, "provide")
    assert import_model(worded, file="m.bpmn").outcome == "refused"


def test_ids_starts_and_ends_are_added_and_drawn() -> None:
    shapes = "".join(
        f'<di:BPMNShape id="{name}_di" bpmnElement="{name}"><dc:Bounds x="{x}" y="90" width="100" height="80"/></di:BPMNShape>'
        for name, x in (("x", 200), ("w", 400))
    )
    raw = drawing(user("x"), node("intermediateCatchEvent", "w", timer("PT1H")), flow("x", "w").replace('id="x-w"', ""))
    raw = raw.replace(
        b"</bpmn:definitions>",
        f'<di:BPMNDiagram xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC">'
        f'<di:BPMNPlane bpmnElement="p">{shapes}</di:BPMNPlane></di:BPMNDiagram></bpmn:definitions>'.encode(),
    )
    done, drawn = imported(raw)
    assert [step.kind for step in drawn.steps.values()] == ["user", "catch", "start", "end"]
    assert drawn.undrawn == ("sequenceFlow_x_w",)
    assert "布局" not in reasons(done, "provide")


def test_what_happens_at_a_task_that_only_passes_makes_it_wait() -> None:
    raw = drawing(begin(), node("task", "x"), boundary("b", "x", "PT1H"), end(), flows("s x e", "b e"))
    assert step_of(raw).kind == "user"


def test_what_happens_at_automatic_work_makes_it_a_process_of_its_own() -> None:
    timed = drawing(begin(), service("x"), boundary("b", "x", "PT1H"), end(), flows("s x e", "b e"))
    failing = drawing(error("r"), begin(), node("task", "x"), at("error", "b", "x", "r"), end(), flows("s x e", "b e"))
    inside = drawing(
        begin(),
        sub("q", begin("i"), node("serviceTask", "x"), end("o"), flows("i x o")),
        at("error", "b", "q"),
        end(),
        flows("s q e", "b e"),
    )
    for raw in (timed, failing, inside):
        done, drawn = imported(raw)
        assert drawn.calls == ("x",)
        assert "流程 x" in reasons(done, "provide")


def test_a_call_of_a_global_task_is_that_task() -> None:
    raw = drawing(begin(), node("callActivity", "x", calledElement="g"), end(), flows("s x e"))
    raw = raw.replace(HEAD.encode(), (HEAD + node("globalUserTask", "g")).encode())
    assert step_of(raw).kind == "user"


def test_both_ends_of_a_message_flow_are_one_message() -> None:
    raw = drawing(
        begin(), throw("message", "x"), node("receiveTask", "y"), end(), flows("s x y e"),
    ).replace(
        HEAD.encode(),
        (HEAD + node("collaboration", "c", node("messageFlow", "f", name="问询", sourceRef="x", targetRef="y"))).encode(),
    )  # fmt: skip
    _, drawn = imported(raw)
    assert {step.event.name for step in drawn.steps.values() if step.event} == {"问询"}


def test_what_events_do_not_name_is_named() -> None:
    raw = drawing(
        '<bpmn:message id="m"/>', begin(), receive("a", "m"), throw("signal", "b"), throw("escalation", "c"),
        on("conditional", "d").replace("=", "", 0), throw("link", "l").replace('id="l"', 'id="l" name="L"'),
        on("link", "k").replace('id="k"', 'id="k" name="L"'), end_with("error", "x"), flows("s a b c d l", "k x"),
    )  # fmt: skip
    raw = raw.replace(b'<bpmn:condition xsi:type="bpmn:tFormalExpression">=</bpmn:condition>', b"<bpmn:condition/>")
    done = import_model(raw, file="m.bpmn")
    assert done.content is not None, [str(note) for note in done.notes]
    (drawn,) = read(done.content, file="m.bpmn")
    named = {step.id: step.event.name for step in drawn.steps.values() if step.event}
    assert named == {"a": "m", "b": "b", "c": "c", "d": "", "l": "L", "k": "L", "x": "x"}
    assert "变量 d（true 或 false）" in reasons(done, "provide")


def test_an_error_that_is_only_named_is_declared() -> None:
    raw = drawing(begin(), call("c", "o"), at("error", "x", "c", "E1"), end_with("error", "e", "E2"), flows("s c e", "x e"))
    done = import_model(raw, file="m.bpmn")
    assert done.content is not None
    (drawn,) = read(done.content, file="m.bpmn")
    assert [drawn.steps[name].event.name for name in "xe"] == ["E1", "E2"]  # type: ignore[union-attr]


def test_the_code_that_is_caught_is_known() -> None:
    raw = drawing(error("r", "42"), begin(), call("c", "o"), at("error", "x", "c", "r"), end(), flows("s c e", "x e"))
    raw = raw.replace(b'errorRef="r"', b'errorRef="r" camunda:errorCodeVariable="code"')
    assert [(text_of(one.source), one.target) for one in step_of(raw).outputs] == [('="42"', "code")]


def test_what_begins_by_itself_is_begun_by_a_message_only_in_a_drawing() -> None:
    raw = drawing(begin_on(timer("R/P1D", "timeCycle"), "s"), user("x"), end(), flows("s x e"))
    done, drawn = imported(for_readers(raw))
    assert drawn.start.event is not None and drawn.start.event.kind == "message"
    assert "R/P1D" in reasons(done, "provide")
    assert import_model(raw, file="m.bpmn").outcome == "refused"


def test_a_form_on_a_start_by_message_is_to_come_with_it() -> None:
    raw = drawing(message("m"), begin_on(what("message", "m")), user("x"), end(), flows("s x e"))
    done, drawn = imported(raw.replace(b'id="s"', b'id="s" camunda:formKey="apply"'))
    assert drawn.start.form_id == ""
    assert "apply" in reasons(done, "provide")


def test_compensating_everything_by_hand_is_what_happens_anyway() -> None:
    undone = user("x") + node("boundaryEvent", "b", what("compensate"), attachedToRef="x")
    handler = node("userTask", "h", isForCompensation="true") + node("association", "a", sourceRef="b", targetRef="h")
    by_hand = event_sub(
        "v", begin_on(what("compensate"), "vs"), throw("compensate", "vt"), end("ve"), flows("vs vt ve")
    )
    raw = drawing(
        begin(), sub("q", begin("i"), undone, handler, by_hand, end("o"), flows("i x o")), throw("compensate", "t", "q"),
        end(), flows("s q t e"),
    )  # fmt: skip
    assert "v" not in imported(raw)[1].steps


def test_what_another_engine_declares_once_is_dropped_with_a_word() -> None:
    raw = drawing(begin(), first_of("g"), on("message", "x", "m"), end(), message("m"), flows("s g x e"))
    raw = raw.replace(b'id="p"', b'id="p" camunda:historyTimeToLive="P5D" camunda:versionTag="7" isClosed="true"')
    raw = raw.replace(HEAD.encode(), (HEAD + '<bpmn:import importType="x" location="y" namespace="z"/>').encode())
    done, _ = imported(raw)
    told = reasons(done, "rewritten")
    assert "运行设置" in told and "versionTag" in told and "isClosed" in told and "import" in told


def test_what_is_to_be_provided_is_named_and_what_is_there_is_not() -> None:
    raw = drawing(
        begin("s", "a.apply"), service("x", "there"), service("y", "missing"), call("c", "other"), end(), flows("s x y c e")
    )
    there = import_model(raw, file="m.bpmn", there={("自动环节", "there"), ("流程", "other")})
    assert there.outcome == "as is" and there.content == raw
    assert [(note.element, note.reason.split("：")[0]) for note in there.notes] == [
        ("s", "表单 a.apply"),
        ("y", "自动环节 missing"),
    ]


def test_lines_are_those_of_the_file_as_it_was_given() -> None:
    raw = drawing(begin(), "\n\n", node("serviceTask", "x"), end(), flows("s x e"))
    done, _ = imported(raw)
    assert {note.line for note in done.notes if note.element == "x"} == {3}


def test_the_table_of_rewrites_names_elements_of_the_standard() -> None:
    assert set(REWRITTEN) <= {*fence.RUNS, *fence.LIMITS, *fence.REFUSED}
