"""Our files in the tools an office draws with: dmn-js, and bpmn-js with the Zeebe properties panel (Camunda Modeler's parts).

Each file opens without a warning, every table and every element is shown, and what is saved means the same: the same
XML but for the order of attributes and of elements of different kinds, the same decisions with the same answers, the
same steps and flows. An edit made there changes what was edited and nothing else.
"""

from __future__ import annotations

import json
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from playwright.sync_api import Page

from workflows import decisions, deployment, engine, policies
from workflows.errors import FactsRefused
from workflows.rulebook import Rulebook

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = Path(__file__).parent / "dist" / "modellers.js"
TABLES = sorted((ROOT / "bpmn").rglob("*.dmn"))
DIAGRAMS = sorted((ROOT / "bpmn").rglob("*.bpmn"))
#: What the properties panel must offer for a step, beside name and documentation.
GROUPS = {
    "user": {"group-form", "group-assignmentDefinition", "group-inputs", "group-outputs"},
    "business_rule": {"group-calledDecision", "group-inputs"},
    "service": {"group-taskDefinition"},
    "boundary_timer": {"group-timer"},
}
#: Defaults of BPMN 2.0 that the tools leave out.
DEFAULTS = {("boundaryEvent", "cancelActivity"): "true"}

tabled = pytest.mark.parametrize("file", [pytest.param(file, id=file.stem) for file in TABLES])
drawn = pytest.mark.parametrize("file", [pytest.param(file, id=file.stem) for file in DIAGRAMS])


@pytest.fixture
def tools(open_page: Callable[..., Page]) -> Callable[..., Any]:
    """``tools("decisions" | "diagram", xml, edit…)``: opens the file in the browser and returns what was seen and saved."""
    page = open_page()
    page.set_content("<!doctype html><meta charset=utf-8><title>modellers</title><body></body>")
    page.add_script_tag(path=str(BUNDLE))

    def run(kind: str, file: Path, *edit: str) -> Any:
        return page.evaluate("([kind, ...given]) => Modellers[kind](...given)", [kind, file.read_text("utf-8"), *edit])

    return run


def content(element: Any) -> Any:
    """An element as plain data; order counts among children of one kind, as it does in every element of DMN and BPMN."""
    tag = etree.QName(element).localname
    attributes = {name: value for name, value in element.attrib.items() if DEFAULTS.get((tag, name)) != value}
    children: dict[str, list[Any]] = defaultdict(list)
    for child in element:
        if isinstance(child.tag, str):
            children[child.tag].append(content(child))
    if tag in {"BPMNPlane", "DMNDiagram"}:  # who is painted first is the tool's choice
        for alike in children.values():
            alike.sort(key=lambda shape: json.dumps(shape, sort_keys=True))
    return [element.tag, attributes, (element.text or "").strip(), children]


def same(before: bytes, after: str) -> None:
    assert content(etree.fromstring(after.encode())) == content(etree.fromstring(before))


def cells(model: decisions.DecisionModel) -> Iterator[Any]:
    """Every decision with its texts, and every rule with what it cites."""
    for key, node in model.graph.nodes.items():
        texts = [read.expression.text for read in model.graph.texts.get(key, ())]
        table = node.table
        rules = [(rule.id, rule.index, rule.annotations) for rule in table.rules] if table else []
        columns = [(column.text, column.type_name, column.allowed_text) for column in table.inputs] if table else []
        policy = (table.hit_policy, table.aggregation, table.annotation_names) if table else ()
        yield (
            key,
            node.kind,
            node.name,
            node.type_name,
            [one.key for one in node.requires],
            texts,
            policy,
            columns,
            rules,
        )


def answers(book: Rulebook) -> list[Any]:
    """What the cases of the policy office are answered."""
    found: list[Any] = []
    for file in sorted((ROOT / "tests" / "policies").glob("*.toml")):
        for case in tomllib.loads(file.read_text("utf-8")).get("case", []):
            try:
                found.append(book.answer(case["table"], policy=case["policy"], facts=case["facts"], on=case["day"]))
            except FactsRefused as refused:
                found.append(str(refused))
    return found


@tabled
def test_a_table_comes_back_from_dmn_js_unchanged_in_meaning(file: Path, tools: Callable[..., Any]) -> None:
    raw = file.read_bytes()
    shown = tools("decisions", file)
    assert shown["warnings"] == []
    before = decisions.load(raw, names=policies.FUNCTION_NAMES)
    after = decisions.load(shown["xml"].encode(), names=policies.FUNCTION_NAMES)
    opened = {view["element"] for view in shown["views"]}
    for node in before.graph.nodes.values():
        if node.table is not None and node.kind == "decision":
            assert node.key[1] in opened
    assert any(view["type"] == "drd" for view in shown["views"])
    for view in shown["views"]:
        asked = before.graph.find(view["element"], "decision")
        for rule in asked.table.rules if asked is not None and asked.table is not None else ():
            assert ", ".join(rule.annotations) in view["drawn"], "the basis of a rule is shown"
    same(raw, shown["xml"])
    assert after.decisions == before.decisions and len(before.decisions) > 0
    assert list(cells(after)) == list(cells(before))


def test_tables_that_came_back_answer_every_case_of_the_policy_office_alike(tools: Callable[..., Any]) -> None:
    folder = ROOT / "bpmn"
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in (*TABLES, *(folder / "policies").glob("*.toml"))
    }
    returned = dict(files)
    for file in TABLES:
        returned[file.relative_to(folder).as_posix()] = tools("decisions", file)["xml"].encode()
    before, after = Rulebook.from_files(files), Rulebook.from_files(returned)
    asked = answers(before)
    assert len(asked) > 50 and answers(after) == asked
    assert [after.describe(table) for table in after.tables] == [before.describe(table) for table in before.tables]


@tabled
def test_an_edited_cell_is_what_changes(file: Path, tools: Callable[..., Any]) -> None:
    before = decisions.load(file.read_bytes(), names=policies.FUNCTION_NAMES)
    node = next(node for node in before.graph.nodes.values() if node.table is not None)
    edited = tools("decisions", file, node.key[1], '"不属于任何一格"')
    after = decisions.load(edited["xml"].encode(), names=policies.FUNCTION_NAMES)
    pairs = list(zip(cells(before), cells(after), strict=True))
    differing = [(one, other) for one, other in pairs if one != other]
    assert [one[0] for one, _ in differing] == [node.key]
    ((one, other),) = differing
    changed = [(old, new) for old, new in zip(one[5], other[5], strict=True) if old != new]
    assert len(changed) == 1 and changed[0][1] == '"不属于任何一格"'
    assert (*one[:5], *one[6:]) == (*other[:5], *other[6:])
    with pytest.raises(AssertionError):
        same(file.read_bytes(), edited["xml"])


@drawn
def test_a_diagram_comes_back_from_bpmn_js_unchanged_in_meaning(file: Path, tools: Callable[..., Any]) -> None:
    raw = file.read_bytes()
    shown = tools("diagram", file)
    assert shown["warnings"] == [] and shown["errors"] == []
    before = engine.read(raw, file=file.name, names=deployment.HOUSE_NAMES)
    after = engine.read(shown["xml"].encode(), file=file.name, names=deployment.HOUSE_NAMES)
    for diagram in before:
        for step in diagram.steps.values():
            assert GROUPS.get(step.kind, set()) <= set(shown["shown"][step.id]), step.id
            assert step.name in shown["texts"], step.id
        assert {flow.id for flow in diagram.flows} <= set(shown["shown"])
    same(raw, shown["xml"])
    assert [meaning(diagram) for diagram in after] == [meaning(diagram) for diagram in before]
    assert len(before) > 0


@drawn
def test_a_step_renamed_in_bpmn_js_is_what_changes(file: Path, tools: Callable[..., Any]) -> None:
    (before,) = engine.read(file.read_bytes(), file=file.name, names=deployment.HOUSE_NAMES)
    step = next(step for step in before.steps.values() if step.kind == "user")
    edited = tools("diagram", file, step.id, "改了名的环节")
    (after,) = engine.read(edited["xml"].encode(), file=file.name, names=deployment.HOUSE_NAMES)
    expected = replace(before, steps={**before.steps, step.id: replace(step, name="改了名的环节")})
    assert meaning(after) == meaning(expected) != meaning(before)


def meaning(diagram: engine.Diagram) -> engine.Diagram:
    """A diagram without its lines, which every tool breaks as it likes."""
    return replace(
        diagram,
        steps={step.id: replace(step, line=0, **_unplaced(step)) for step in diagram.steps.values()},
        flows=tuple(
            replace(flow, line=0, condition=replace(flow.condition, line=0) if flow.condition else None)
            for flow in diagram.flows
        ),
    )


def _unplaced(step: Any) -> dict[str, Any]:
    """The step's expressions without their lines."""

    def without(value: Any) -> Any:
        return replace(value, line=0) if hasattr(value, "compiled") else value

    found = {
        name: without(getattr(step, name))
        for name in ("candidate_groups", "candidate_users", "assignee", "due", "follow_up", "priority", "script", "called")
    }
    for name in ("inputs", "outputs"):
        found[name] = tuple(replace(one, source=without(one.source)) for one in getattr(step, name))
    if step.event:
        timer = step.event.timer
        found["event"] = replace(
            step.event,
            timer=timer and replace(timer, value=without(timer.value)),
            **{name: without(getattr(step.event, name)) for name in ("condition", "correlation", "naming")},
        )
    if step.repetition:
        names = ("collection", "cardinality", "result", "until", "again")
        formulas = {name: without(getattr(step.repetition, name)) for name in names}
        found["repetition"] = replace(step.repetition, **formulas)
    return found
