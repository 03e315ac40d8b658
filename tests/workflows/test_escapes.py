"""Code in models: each escape through each place of a diagram, a table and a form where an expression or a text may stand.

What is no FEEL, or FEEL that calls what nobody lends, is refused when it is deployed, with file, element, line and
reason. What is accepted is text; then everything in the tree is evaluated, while whatever could run code is watched.
"""

from __future__ import annotations

import builtins
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest

from forms import build, state, templates
from forms import check as form_check
from forms.spec import Field, Note
from tests.workflows.engine.drawing import (
    NOW,
    again,
    at,
    begin,
    boundary,
    catch,
    choice,
    drawing,
    end,
    end_with,
    flows,
    never,
    node,
    on,
    receive,
    script,
    send,
    sub,
    throw,
    times,
    zeebe,
)
from tests.workflows.engine.drawing import extensions as given
from workflows import deployment, engine, feel
from workflows.errors import DefinitionRefused, Problem, Refusal

LANGUAGE = "condition's language"
DIAGRAM, TABLES, FORM = "bpmn/trial/trial.bpmn", "bpmn/trial/trial.dmn", "forms/library/trial/paper.json"


def escapes(marker: Path) -> Mapping[str, str]:
    """Texts that would leave ``marker`` (or blow up, or show a number) if some language ran them."""
    touch = f"touch {marker}"
    return {
        "Python's import": f"__import__('os').system('{touch}')",
        "Python's import, other quotes": f'__import__("os").system("{touch}")',
        "Python's classes": "().__class__.__base__.__subclasses__()",
        "Python's globals": f"''.__class__.__mro__[1].__subclasses__()[0].__init__.__globals__['os'].system('{touch}')",
        "Python's open": f'open("{marker}", "w")',
        "Python's exec": f"exec(\"import os; os.system('{touch}')\")",
        "Python's lambda": f"(lambda: open('{marker}', 'w'))()",
        "Python's comprehension": f"[x for x in [1] if __import__('os').system('{touch}') == 0]",
        "a house function's globals": f'role.__globals__["__builtins__"]["open"]("{marker}", "w")',
        "JUEL": f"${{''.getClass().forName('java.lang.Runtime').getRuntime().exec('{touch}')}}",
        "JUEL's second spelling": f"#{{''.getClass().forName('java.lang.Runtime').getRuntime().exec('{touch}')}}",
        "SpEL": f"T(java.lang.Runtime).getRuntime().exec('{touch}')",
        "a template": "{{7*7}}",
        "a template's classes": f"{{{{ ''.__class__.__mro__[1].__subclasses__() }}}}{{% import os %}}{{{{ os.system('{touch}') }}}}",
        "JavaScript": f"require('child_process').execSync('{touch}')",
        "Groovy": f"'{touch}'.execute()",
        "FEEL that calls what nobody lends": f'system("{touch}")',
        "FEEL that reaches for Java": f'{{f: function(c) external {{java: {{class: "java.lang.Runtime", '
        f'method signature: "exec(java.lang.String)"}}}}, x: f("{touch}")}}.x',
    }


#: Every place: what stands there in the good tree. A value beginning with "=" is FEEL, as in Camunda 8.
PLACES: Mapping[str, str] = {
    # diagram
    "title": "=instance.number",
    "step name": "甲",
    "documentation": "说明",
    "escalate to": '=role("bureau_head")',
    "stage": "审核",
    "script": "=1",
    "condition": "=paper.amount > 1",
    LANGUAGE: "feel",
    "timer duration": '=duration("P1D")',
    "timer date": '=date and time("2026-12-01T00:00:00+08:00")',
    "timer as text": "P1D",
    "boundary timer": '=duration("P1D")',
    "repeated over": "=[1, 2]",
    "repeated result": "=1",
    "repeated until": "=false",
    "candidate groups": '=role("bureau_hr")',
    "candidate users": "=[instance.starter]",
    "assignee": "=instance.starter",
    "due date": "=date and time(\"2026-12-01T00:00:00+08:00\")",
    "follow-up date": "=date and time(\"2026-12-01T00:00:00+08:00\")",
    "priority": "=50",
    "input": "=1",
    "output": "=paper.amount",
    "order": "admission.issue_number",
    "order's header": "值",
    "decision": "D1",
    "decision's input": "=paper.amount",
    # tables
    "table input": "=amount",
    "table cell": "=> 1",
    "table result": '="a"',
    "table allowed values": '="a", "b"',
    "table default": '="b"',
    "annotation": "text",
    "literal expression": "=amount + 1",
    "literal expression's language": "https://www.omg.org/spec/DMN/20191111/FEEL/",
    "context entry": "=amount",
    "function body": "=x + 1",
    "invocation's argument": "=amount",
    "type constraint": '="a", "b"',
    "external function's class": "java.lang.Math",
    "table description": "说明",
    # form
    "hide": "=amount > 100",
    "readonly": "=amount > 100",
    "computed": "=amount + 1",
    "rule": "=amount > 0",
    "required when": "=amount > 0",
    "prefill": "=1 + 1",
    "smallest": "=0",
    "options": '=["甲", "乙"]',
    "description": "数额：{{amount}}",
    "note": "数额：{{amount}}",
    "label": "数额",
    "pattern": "^[0-9]+$",
    "rule message": "须大于零",
}  # fmt: skip


def tree(**changed: str) -> dict[str, bytes]:
    """A process with its table and form, every place filled."""
    put = {**PLACES, **changed}
    x = {name: escape(text) for name, text in put.items()}
    f = {name: escape(text.removeprefix("=")) for name, text in put.items()}
    properties = zeebe("properties", zeebe("property", name="jiaoyan:title", value=put["title"]))
    user = (
        zeebe("formDefinition", formId="trial.paper")
        + zeebe("assignmentDefinition", candidateGroups=put["candidate groups"], candidateUsers=put["candidate users"])
        + zeebe("taskSchedule", dueDate=put["due date"], followUpDate=put["follow-up date"])
        + zeebe("priorityDefinition", priority=put["priority"])
        + zeebe(
            "ioMapping",
            zeebe("input", source=put["input"], target="seen") + zeebe("output", source=put["output"], target="told"),
        )
        + zeebe(
            "properties",
            zeebe("property", name="jiaoyan:escalate-to", value=put["escalate to"])
            + zeebe("property", name="jiaoyan:stage", value=put["stage"]),
        )
    )
    loop = node(
        "multiInstanceLoopCharacteristics",
        "loop",
        given(
            zeebe("loopCharacteristics", inputCollection=put["repeated over"], inputElement="item",
                  outputCollection="results", outputElement=put["repeated result"])
        ) + f"<bpmn:completionCondition>{x['repeated until']}</bpmn:completionCondition>",
    )  # fmt: skip
    order = zeebe("taskDefinition", type=put["order"]) + zeebe(
        "taskHeaders", zeebe("header", key="k", value=put["order's header"])
    )
    decide = zeebe("calledDecision", decisionId=put["decision"], resultVariable="ruling") + zeebe(
        "ioMapping", zeebe("input", source=put["decision's input"], target="amount")
    )
    diagram = drawing(
        given(properties),
        begin("s", "trial.paper"),
        node("scriptTask", "calculate", given(zeebe("script", expression=put["script"], resultVariable="v"))),
        choice("g", "g-wait"),
        catch("wait", put["timer duration"]),
        catch("until", put["timer date"], "timeDate"),
        catch("day", put["timer as text"]),
        node("businessRuleTask", "decide", given(decide)),
        node("serviceTask", "order", given(order)),
        node("userTask", "review", f"<bpmn:documentation>{x['documentation']}</bpmn:documentation>" + given(user),
             name=put["step name"]),
        boundary("late", "review", put["boundary timer"], cancel=False),
        node("userTask", "each", given(zeebe("assignmentDefinition", assignee=put["assignee"])) + loop),
        end(),
        flows("s calculate g", "g wait until day review", "review decide order each e", "late e"),
        node("sequenceFlow", "g-review",
             f"<bpmn:conditionExpression language={quoteattr(put[LANGUAGE])}>{x['condition']}</bpmn:conditionExpression>",
             sourceRef="g", targetRef="review"),
    )  # fmt: skip
    return {DIAGRAM: diagram, TABLES: tables(x, f), FORM: form(put)}


def tables(x: Mapping[str, str], f: Mapping[str, str]) -> bytes:
    return f"""<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="trial" name="trial" namespace="urn:trial">
  <itemDefinition id="kind" name="kind"><typeRef>string</typeRef>
    <allowedValues id="kinds"><text>{f["type constraint"]}</text></allowedValues></itemDefinition>
  <inputData id="i_amount" name="amount"><variable name="amount" typeRef="number"/></inputData>
  <businessKnowledgeModel id="B1" name="one more"><encapsulatedLogic><formalParameter name="x"/>
    <literalExpression id="b1"><text>{f["function body"]}</text></literalExpression></encapsulatedLogic></businessKnowledgeModel>
  <businessKnowledgeModel id="B2" name="cosine"><encapsulatedLogic kind="Java"><formalParameter name="x"/>
    <context id="b2"><contextEntry><variable name="class"/>
      <literalExpression><text>"{f["external function's class"]}"</text></literalExpression></contextEntry>
    <contextEntry><variable name="method signature"/>
      <literalExpression><text>"cos(double)"</text></literalExpression></contextEntry></context>
  </encapsulatedLogic></businessKnowledgeModel>
  <decision id="D1" name="表"><description>{x["table description"]}</description><variable name="表"/>
    <informationRequirement><requiredInput href="#i_amount"/></informationRequirement>
    <decisionTable id="t1" hitPolicy="FIRST">
      <input id="c1"><inputExpression id="e1"><text>{f["table input"]}</text></inputExpression></input>
      <output id="o1" name="result"><outputValues id="v1"><text>{f["table allowed values"]}</text></outputValues>
        <defaultOutputEntry id="d1"><text>{f["table default"]}</text></defaultOutputEntry></output>
      <annotation name="依据"/>
      <rule id="r1"><inputEntry id="r1i"><text>{f["table cell"]}</text></inputEntry>
        <outputEntry id="r1o"><text>{f["table result"]}</text></outputEntry>
        <annotationEntry><text>{"" if x["annotation"] == "text" else x["annotation"]}</text></annotationEntry></rule>
    </decisionTable></decision>
  <decision id="D2" name="式"><variable name="式"/>
    <informationRequirement><requiredInput href="#i_amount"/></informationRequirement>
    <literalExpression id="l2" expressionLanguage="{x["literal expression's language"].replace('"', "&quot;")}">
      <text>{f["literal expression"]}</text></literalExpression></decision>
  <decision id="D3" name="境"><variable name="境"/>
    <informationRequirement><requiredInput href="#i_amount"/></informationRequirement>
    <context id="x3"><contextEntry><variable name="a"/>
      <literalExpression id="l3"><text>{f["context entry"]}</text></literalExpression></contextEntry></context></decision>
  <decision id="D4" name="用"><variable name="用"/>
    <informationRequirement><requiredInput href="#i_amount"/></informationRequirement>
    <knowledgeRequirement><requiredKnowledge href="#B1"/></knowledgeRequirement>
    <invocation id="n4"><literalExpression><text>one more</text></literalExpression>
      <binding><parameter name="x"/><literalExpression id="l4"><text>{f["invocation's argument"]}</text></literalExpression>
      </binding></invocation></decision>
  <decision id="D5" name="外"><variable name="外"/>
    <informationRequirement><requiredInput href="#i_amount"/></informationRequirement>
    <knowledgeRequirement><requiredKnowledge href="#B2"/></knowledgeRequirement>
    <literalExpression id="l5"><text>cosine(amount)</text></literalExpression></decision>
</definitions>""".encode()


def form(put: Mapping[str, str]) -> bytes:
    amount = {
        "id": "f1", "type": "number", "key": "amount", "label": put["label"], "decimalDigits": 0,
        "description": put["description"], "validate": {"min": put["smallest"]},
        "properties": {"rule": put["rule"], "rule_message": put["rule message"]},
    }  # fmt: skip
    word = {
        "id": "f2", "type": "textfield", "key": "word", "label": "词", "readonly": put["readonly"],
        "conditional": {"hide": put["hide"]}, "validate": {"maxLength": 9, "pattern": put["pattern"]},
        "properties": {"required_when": put["required when"], "prefill": put["prefill"]},
    }  # fmt: skip
    more = {"id": "f3", "type": "expression", "key": "more", "expression": put["computed"], "properties": {"label": "多一"}}
    kind = {"id": "f4", "type": "select", "key": "kind", "label": "种", "valuesExpression": put["options"]}
    note = {"id": "f5", "type": "text", "text": put["note"]}
    return json.dumps(
        {"id": "trial.paper", "type": "default", "schemaVersion": 19, "properties": {"name": "试表"},
         "components": [amount, word, more, kind, note]},
        ensure_ascii=False, indent=1,
    ).encode()  # fmt: skip


def check_form(raw: bytes, file: str) -> Any:
    return form_check.read(raw, file=file)


def problems(files: Mapping[str, bytes]) -> tuple[Problem, ...]:
    return deployment.check(files, check_form).problems


#: Valid FEEL that reads or calls only what is there; it gives null, as FEEL knows no attributes and runs no other language.
NULL = frozenset({"a house function's globals", "FEEL that reaches for Java"})
#: FEEL that calls a function which nobody lends: refused wherever it stands; were it evaluated, it would give null.
UNKNOWN = NULL | {"Python's import, other quotes", "Python's open", "Python's exec", "FEEL that calls what nobody lends"}
#: Places that are never more than text, whatever stands there.
TEXTS = frozenset(
    {
        "step name", "documentation", "order's header", "annotation", "external function's class", "table description",
        "pattern", "rule message",
    }
)  # fmt: skip
#: Places that hold the name of something that must exist, or FEEL that must name a role.
NAMES = frozenset({LANGUAGE, "literal expression's language", "order", "decision", "escalate to"})
#: Properties of ours: a stage is text; a title is text, or FEEL after "=".
PROPERTIES = frozenset({"title", "stage"})
#: Texts in which only {{…}} is FEEL.
HOLES = frozenset({"description", "note"})


def file_of(place: str) -> str:
    """The file in which a place lies."""
    changed = tree(**{place: "<changed>"})
    (found,) = [path for path, raw in tree().items() if changed[path] != raw]
    return found


def accepted(place: str, name: str, text: str) -> bool:
    """Whether a text may stand there, because it cannot do anything."""
    if place in TEXTS:
        return True
    if place in NAMES:
        return False
    if text.startswith("="):
        # A table reads what it declares and the house's arithmetic, so not even the name of another function.
        known = NULL - {"a house function's globals"} if file_of(place) == TABLES else NULL
        return name in known and place not in HOLES and place not in {"label", "stage", "table allowed values"}
    if place in HOLES:
        return "{{" not in text or name == "a template"  # 7*7 is FEEL, and its author's own
    return place in PROPERTIES or (place == "label" and "{{" not in text)


CONTEXT: Mapping[str, Any] = {
    "paper": {"amount": Decimal(2), "word": "词"}, "instance": {"number": "1", "starter": "P1"}, "item": 1,
    "task": {}, "amount": Decimal(2), "role": lambda name, where=None: {"role": name, "at": where},
}  # fmt: skip


def evaluated(files: Mapping[str, bytes]) -> list[Any]:
    """The value of everything in a tree that can be evaluated."""
    values: list[Any] = []
    for diagram in engine.read(files[DIAGRAM], file=DIAGRAM, names=deployment.HOUSE_NAMES):
        values += [formula.value(CONTEXT, NOW, []) for _, _, formula in diagram.formulas()]
        values.append(feel.compile(diagram.properties["jiaoyan:title"].removeprefix("=")).evaluate(CONTEXT, now=NOW))
    model = deployment.read_tables(files[TABLES], TABLES)
    for decision in model.decisions:
        for amount in (Decimal(0), Decimal(2)):
            ruling = model.evaluate(decision, {**CONTEXT, "amount": amount}, now=NOW)
            values += [ruling.value, *ruling.outputs.values()]
    spec = form_check.read(files[FORM], file=FORM)
    posted = {"amount": ["2"], "word": ["12"], "kind": ["甲"]}
    bound = build.bind(spec, posted, context=CONTEXT, now=NOW)
    values += bound.values.values()
    for node_ in bound.state.nodes:
        values += [option.value for option in state.options_of(node_, NOW)] if isinstance(node_.item, Field) else []
        text = node_.item.text if isinstance(node_.item, Note) else getattr(node_.item, "description", "")
        values.append(templates.fill(text, {**CONTEXT, **bound.values}, now=NOW))
    return values


@contextmanager
def watched(marker: Path) -> Iterator[None]:
    """Whatever could run a text as code fails the test; so does the marker."""

    def forbidden(*arguments: Any, **named: Any) -> Any:
        raise AssertionError(f"text was run: {arguments}")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("eval", "exec", "compile"):
            patch.setattr(builtins, name, forbidden)
        patch.setattr(os, "system", forbidden)
        patch.setattr(subprocess, "Popen", forbidden)
        yield
    assert not marker.exists()


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """What is imported on first use is imported before anything is watched."""
    assert problems(tree()) == ()
    evaluated(tree())


@pytest.mark.parametrize("place", PLACES)
def test_an_escape_is_refused_where_it_stands_or_is_text(place: str, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    prefixes = ("=",) if PLACES[place].startswith("=") else ("", "=")
    refused = 0
    for name, escape_ in escapes(marker).items():
        for text in [prefix + escape_ for prefix in prefixes]:
            with watched(marker):
                files = tree(**{place: text})
                found = problems(files)
                for problem in found:
                    assert problem.file == file_of(place) and problem.line > 0 and problem.element and problem.reason
                assert bool(found) is not accepted(place, name, text), (name, text, found)
                refused += bool(found)
                if not found:
                    for value in evaluated(files):
                        assert not callable(value) and not isinstance(value, type), (name, value)
    assert refused or place in TEXTS


@pytest.mark.parametrize("name", escapes(Path("marker")))
def test_an_escape_is_no_feel_or_gives_null(name: str, tmp_path: Path) -> None:
    text = escapes(tmp_path / "marker")[name]
    with watched(tmp_path / "marker"):
        if name not in UNKNOWN:
            with pytest.raises(feel.FeelSyntaxError) as refused:
                feel.compile(text)
            assert refused.value.line == 1 and refused.value.column >= 1
            return
        why: list[str] = []
        assert feel.compile(text).evaluate(CONTEXT, now=NOW, problems=why) is None and why


@pytest.mark.parametrize("name", sorted(UNKNOWN - {"FEEL that reaches for Java"}))
@pytest.mark.parametrize("place", ["table input", "table cell", "table result", "literal expression", "context entry",
                                   "function body", "invocation's argument"])  # fmt: skip
def test_lint_names_what_a_table_calls_and_nobody_lends(place: str, name: str, tmp_path: Path) -> None:
    text = "=" + escapes(tmp_path / "marker")[name]
    found = deployment.table_doubts(tree(**{place: text})[TABLES], TABLES)
    assert any("未知的名称" in problem.reason and problem.line and problem.element for problem in found)


def test_a_function_of_another_language_is_never_run(tmp_path: Path) -> None:
    model = deployment.read_tables(tree()[TABLES], TABLES)
    ruling = model.evaluate("D5", {"amount": Decimal(2)}, now=NOW)
    assert ruling.value is None and any("never run" in problem for problem in ruling.problems)


@pytest.mark.parametrize("language", ["python", "javascript", "groovy", "juel", "http://www.java.com/java"])
def test_another_expression_language_is_refused_by_name(language: str) -> None:
    for place, element in ((LANGUAGE, "g-review"), ("literal expression's language", "l2")):
        found = problems(tree(**{place: language}))
        assert found and all(problem.element == element and language in problem.reason for problem in found)


#: Every place of an event, a call or a loop, as a diagram with the text in it.
EVENT_PLACES: Mapping[str, Callable[[str], tuple[str, ...]]] = {
    "correlation key": lambda text: (
        node("message", "m", given(zeebe("subscription", correlationKey=text)), name="到货"), receive("c", "m"), flows("s c e"),
    ),
    "key of what is sent": lambda text: (
        node("message", "m", given(zeebe("subscription", correlationKey=text)), name="到货"), send("c", "m"), flows("s c e"),
    ),
    "message name": lambda text: (node("message", "m", name=text), send("c", "m"), flows("s c e")),
    "signal name": lambda text: (node("signal", "g", name=text), throw("signal", "c", "g"), flows("s c e")),
    "error code": lambda text: (node("error", "x", name="x", errorCode=text), sub("q", begin("i"), end_with("error", "c", "x"),
                                flows("i c")), at("error", "b", "q", "x"), flows("s q e", "b e")),
    "escalation code": lambda text: (
        node("escalation", "x", name="x", escalationCode=text), throw("escalation", "c", "x"), flows("s c e"),
    ),
    "what is sent": lambda text: (
        node("message", "m", name="到货"),
        send("c", "m", zeebe("ioMapping", zeebe("input", source=text, target="v"))), flows("s c e"),
    ),
    "condition of an event": lambda text: (on("conditional", "c", text.removeprefix("=")), flows("s c e")),
    "loop condition": lambda text: (again(script("c", "1", "v"), text.removeprefix("=")), flows("s c e")),
    "cardinality": lambda text: (times(node("userTask", "c"), text), flows("s c e")),
    "completion condition": lambda text: (
        times(node("userTask", "c"), "2").replace(
            "</bpmn:multi", f"<bpmn:completionCondition>{escape(text)}</bpmn:completionCondition></bpmn:multi"
        ),
        flows("s c e"),
    ),
    "called element": lambda text: (
        node("callActivity", "c", given(zeebe("calledElement", processId=text))), flows("s c e"),
    ),
    "what is handed over": lambda text: (
        node("callActivity", "c", given(zeebe("calledElement", processId="p")
                                        + zeebe("ioMapping", zeebe("input", source=text, target="v")))), flows("s c e"),
    ),
}  # fmt: skip
#: Where a text without "=" stands for itself: a name, a code, the id of a process that nobody has.
PLAIN = frozenset({"message name", "signal name", "error code", "escalation code", "called element"})


def _read(raw: bytes) -> tuple[engine.Diagram | None, tuple[Problem, ...]]:
    """The diagram, or why it is refused."""
    try:
        (found,) = engine.read(raw, file=DIAGRAM, names=deployment.HOUSE_NAMES)
    except DefinitionRefused as refusal:
        return None, refusal.problems
    return found, ()


@pytest.mark.parametrize("place", EVENT_PLACES)
def test_an_escape_in_an_event_a_call_or_a_loop_is_refused_or_does_nothing(place: str, tmp_path: Path) -> None:
    """What is refused is refused with its line; what is read runs to where it waits, and leaves no trace but text."""
    refused = ran = 0
    for name, text in escapes(tmp_path / "marker").items():
        for written in (text, "=" + text):
            raw = drawing(begin(), end(), *EVENT_PLACES[place](written))
            with watched(tmp_path / "marker"):
                found, why = _read(raw)
                plain = place in PLAIN and written == text and text[:2] not in {"${", "#{"}
                assert not (plain and why), (name, why)
                assert all(one.file == DIAGRAM and one.line and one.element and one.reason for one in why)
                refused += found is None
                if found is None:
                    continue
                ran += 1
                house = engine.House(context=dict(CONTEXT), decide=never, now=NOW)
                try:
                    progress = engine.start(found, {}, house)
                except Refusal:
                    continue  # its value is no key, no number, no name: an incident by name
                said = [part for one in progress.subscriptions for part in (one.name, one.key or "")]
                said += [part for one in progress.published for part in (one.name, one.key or "")]
                said += [one.process_id for one in progress.calls]
                assert all(type(one) is str for one in said)
                assert written != text or place not in {"message name", "signal name", "called element"} or text in said
    assert refused + ran == 2 * len(escapes(tmp_path / "marker")) and refused


@pytest.mark.parametrize("name", escapes(Path("marker")))
def test_what_a_person_types_is_never_read_again(name: str, tmp_path: Path) -> None:
    """No second evaluation: a text of the data stays that text in conditions, computed texts and templates."""
    text = escapes(tmp_path / "marker")[name]
    for typed in (text, "=" + text, "{{" + text + "}}"):
        context = {**CONTEXT, "paper": {"word": typed}}
        with watched(tmp_path / "marker"):
            assert feel.evaluate('"申报：" + paper.word', context) == "申报：" + typed
            assert templates.fill("您填写了{{paper.word}}。", context, now=NOW) == f"您填写了{typed}。"
            model = deployment.read_tables(tree(**{"literal expression": "=amount"})[TABLES], TABLES)
            assert model.evaluate("D2", {"amount": typed}, now=NOW).value != Decimal(49)


def test_the_corpus_would_leave_a_trace_if_it_ran(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    eval(escapes(marker)["Python's import"])  # noqa: S307 - proves that the marker can appear
    assert marker.exists()
    with pytest.raises(AssertionError), watched(marker):
        pass
    with watched(tmp_path / "other"), pytest.raises(AssertionError, match="text was run"):
        eval("1")  # noqa: S307 - proves that the watch sees it
