"""What has no counterpart refuses a model, or makes a drawing of it; hostile bytes are refused at once, any encoding is read."""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.workflows.engine.drawing import (
    HEAD,
    begin,
    begin_on,
    call,
    choice,
    drawing,
    end,
    extensions,
    first_of,
    flow,
    flows,
    fork,
    node,
    on,
    service,
    sub,
    timer,
    user,
    what,
)
from tests.workflows.engine.test_damaged_diagrams import EVENTFUL, RICH, damage
from tests.workflows.engine.test_document import HOSTILE
from tests.workflows.foreign_models.test_rewrites import camunda, condition, with_task
from webapp.commands import main
from workflows.engine import read
from workflows.engine.document import MAX_ELEMENTS
from workflows.errors import DefinitionRefused
from workflows.foreign_models import import_model, refusal_row
from workflows.orders import ORDERS

#: Model -> part of the reason.
LOST = {
    "listener": (with_task("userTask", extensions(camunda("taskListener", event="create"))), "taskListener"),
    "execution listener": (with_task("userTask", extensions(camunda("executionListener"))), "executionListener"),
    "zeebe listener": (with_task("userTask", extensions("<zeebe:taskListeners/>")), "taskListeners"),
    "connector": (with_task("serviceTask", extensions(camunda("connector"))), "connector"),
    "method call": (with_task("serviceTask", camunda_expression="${bean.pay(order)}"), "bean.pay"),
    "groovy": (
        with_task("scriptTask", "<bpmn:script>def x = 1; x</bpmn:script>", scriptFormat="groovy", camunda_resultVariable="v"),
        "groovy",
    ),
    "script as a parameter": (
        with_task(
            "userTask",
            extensions(camunda("inputOutput", camunda("inputParameter", camunda("script", "1"), name="a"))),
        ),
        "inputOutput",
    ),
    "assignee by a method": (with_task("userTask", camunda_assignee="${ldap.boss(who)}"), "assignee"),
    "due date by a method": (with_task("userTask", camunda_dueDate="${dates.next()}"), "dueDate"),
    "who may start": (
        drawing(begin(), end(), flows("s e")).replace(b'id="p"', b'id="p" camunda:candidateStarterGroups="a"'),
        "candidateStarterGroups",
    ),
    "form of one version": (
        with_task("userTask", camunda_formRef="f", camunda_formRefBinding="version", camunda_formRefVersion="2"),
        "formRef",
    ),
    "decision as a list": (
        with_task("businessRuleTask", camunda_decisionRef="d", camunda_resultVariable="r"),
        "resultVariable",
    ),
    "call of a case": (with_task("callActivity", camunda_caseRef="c"), "caseRef"),
    "call by a mapping class": (
        with_task("callActivity", calledElement="o", camunda_variableMappingClass="M"),
        "variableMappingClass",
    ),
    "condition by a method": (condition("${order.isUrgent()}"), "order.isUrgent"),
    "start by a timer": (drawing(begin_on(timer("PT1H")), end(), flows("s e")), "定时开始没有发起人"),
    "cron": (
        drawing(begin(), node("intermediateCatchEvent", "x", timer("0 0 9 * * ?", "timeCycle")), end(), flows("s x e")),
        "R3/PT1H",
    ),
    "ad-hoc sub-process": (with_task("adHocSubProcess"), "自由子流程"),
    "complex gateway": (with_task("complexGateway"), "复杂网关"),
    "two tokens to begin": (with_task("userTask", startQuantity="2"), "startQuantity"),
    "another vendor's": (with_task("userTask", extensions('<a:b xmlns:a="urn:vendor"/>')), "urn:vendor"),
    "another vendor's attribute": (
        with_task("userTask", extensions('<a:b xmlns:a="http://www.signavio.com"/>')).replace(
            b'id="x"', b'id="x" xmlns:v="urn:vendor" v:how="so"'
        ),
        "urn:vendor",
    ),
    "no process": (f"{HEAD}</bpmn:definitions>".encode(), "没有可执行的流程"),
    "another kind of file": (b"<html/>", "BPMN 2.0"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOST)
def test_what_has_no_counterpart_refuses_the_model_by_name(name: str) -> None:
    raw, why = LOST[name]
    done = import_model(raw, file="m.bpmn")
    assert (done.outcome, done.content) == ("refused", None)
    assert any(why in note.reason for note in done.notes), [str(note) for note in done.notes]
    for note in done.notes:
        assert note.kind == "lost" and refusal_row(note) and note.line, note


@pytest.mark.parametrize("name", [name for name in LOST if name not in {"no process", "another kind of file"}])
def test_a_drawing_is_no_process_and_lists_what_was_left_out(name: str) -> None:
    raw, why = LOST[name]
    done = import_model(raw, file="m.bpmn", as_drawing=True)
    assert done.outcome == "drawn" and done.content is not None
    assert any(why in note.reason for note in done.of("lost"))
    assert b"camunda:" not in done.content and b"urn:vendor" not in done.content
    with pytest.raises(DefinitionRefused, match="没有可执行的流程"):
        read(done.content, file="m.bpmn")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_within_a_second(name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    for as_drawing in (False, True):
        assert import_model(HOSTILE[name], file="h.bpmn", as_drawing=as_drawing).outcome == "refused"
    assert time.perf_counter() - begun < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


#: Files that are as large as may be, each so that some pass would be slow if it were quadratic.
LARGE = {
    "gateways": lambda n: "".join(choice(f"g{i}") + flow(f"g{i}", f"g{i + 1}") + flow(f"g{i}", "e", "", f"o{i}") for i in range(n)),
    "boundary events": lambda n: "".join(
        node("task", f"t{i}") + node("boundaryEvent", f"b{i}", "<bpmn:timerEventDefinition/>", attachedToRef=f"t{i}")
        for i in range(n)
    ),
    "messages": lambda n: "".join(node("sendTask", f"t{i}") for i in range(n)),
    "links": lambda n: "".join(on("link", f"l{i}", f"L{i}") for i in range(n)),
    "ends": lambda n: "".join(on("signal", f"l{i}") for i in range(n)),
    "without ids": lambda n: "<bpmn:userTask/>" * n,
    "nested": lambda n: sub("q", *(sub(f"q{i}", user(f"u{i}")) for i in range(n))),
    "forks": lambda n: fork("g0") + "".join(user(f"u{i}") + flow("g0", f"u{i}") + flow(f"u{i}", "e") for i in range(n)),
    "event gateways": lambda n: "".join(first_of(f"g{i}") + flow(f"g{i}", "e") for i in range(n)),
    "errors": lambda n: "".join(node("endEvent", f"z{i}", what("error", f"E{i}")) for i in range(n)),
}


@pytest.mark.long
@pytest.mark.parametrize("name", LARGE)
def test_the_largest_file_is_done_within_seconds(name: str) -> None:
    count = MAX_ELEMENTS // 6
    raw = drawing(begin(), end(), flow("s", "e"), LARGE[name](count))
    begun = time.perf_counter()
    import_model(raw.replace(b' isExecutable="true"', b""), file="l.bpmn")
    assert time.perf_counter() - begun < 15


def _large(name: str, count: int) -> bytes:
    return drawing(begin(), end(), flow("s", "e"), LARGE[name](count)).replace(b' isExecutable="true"', b"")


@pytest.mark.parametrize("name", LARGE)
def test_a_large_file_takes_work_in_proportion_to_its_size(name: str) -> None:
    """Counted in lines of Python that run, which no busy machine changes."""
    small, large = (_lines(partial(import_model, _large(name, count), file="l.bpmn")) for count in (50, 400))
    assert large < 9 * small, (small, large)  # in proportion: 8 times; by the square: 64


def _lines(act: Callable[[], object]) -> int:
    count = 0

    def trace(_frame: object, _event: str, _argument: object) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.long
@pytest.mark.parametrize("name", LARGE)
def test_a_large_file_takes_time_in_proportion_to_its_size(name: str) -> None:
    taken = []
    for count in (200, 1600):
        raw = _large(name, count)
        best = float("inf")
        for _ in range(3 if count == 200 else 1):
            begun = time.process_time()
            import_model(raw, file="l.bpmn")
            best = min(best, time.process_time() - begun)
        taken.append(best)
    assert taken[1] < 32 * taken[0] + 0.05, taken  # in proportion: 8 times; by the square: 64


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gbk", "gb18030", "big5"])
def test_any_declared_encoding_is_read(encoding: str) -> None:
    declared = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    raw = drawing(begin(), user("x").replace('id="x"', 'id="x" name="主任"'), end(), flows("s x e")).decode()
    raw = raw.replace(' isExecutable="true"', "")
    done = import_model(f'<?xml version="1.0" encoding="{declared}"?>{raw}'.encode(encoding), file="m.bpmn")
    assert done.outcome == "imported" and done.content is not None
    assert read(done.content, file="m.bpmn")[0].steps["x"].name == "主任"


@pytest.mark.parametrize("declared", ["", '<?xml version="1.0" encoding="UTF-8"?>\n', '<?xml version="1.0" encoding="gb2312"?>'])
def test_chinese_bytes_under_a_wrong_declaration_are_read_and_said(declared: str) -> None:
    raw = drawing(begin(), user("x").replace('id="x"', 'id="x" name="张喆"'), end(), flows("s x e")).decode()
    done = import_model((declared + raw).encode("gb18030"), file="m.bpmn")
    assert done.outcome == "imported" and done.content is not None
    assert read(done.content, file="m.bpmn")[0].steps["x"].name == "张喆"
    assert any("GB18030" in note.reason for note in done.notes)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_model_ends_in_an_outcome(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(4):
        raw = damage(chance.choice([RICH, EVENTFUL, *(one for one, _ in LOST.values())]), chance)
        for as_drawing in (False, True):
            done = import_model(raw, file="d.bpmn", as_drawing=as_drawing)
            assert (done.content is None) == (done.outcome == "refused")
            assert bool(done.of("lost")) == (done.outcome in {"refused", "drawn"})
            if done.outcome in {"as is", "imported"}:
                assert done.content is not None
                read(done.content, file="d.bpmn")


def test_the_command_writes_the_file_and_lists_everything(tmp_path: Path) -> None:
    model, out = tmp_path / "leave.bpmn20.xml", tmp_path / "leave.bpmn"
    model.write_bytes(with_task("serviceTask", camunda_class="org.x.Pay"))
    done = CliRunner().invoke(main, ["import-model", str(model), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "rewritten: leave.bpmn20.xml:1 [x]" in done.output and "to be provided" in done.output
    assert read(out.read_bytes(), file="m.bpmn")[0].steps["x"].task_type == "org.x.Pay"

    model.write_bytes(LOST["listener"][0])
    refused = CliRunner().invoke(main, ["import-model", str(model)])
    assert refused.exit_code == 2 and "lost: leave.bpmn20.xml:1 [x]" in refused.output
    assert not (tmp_path / "leave.imported.bpmn").exists()
    drawn = CliRunner().invoke(main, ["import-model", str(model), "--as-drawing"])
    assert drawn.exit_code == 0 and "drawn" in drawn.output
    assert b'isExecutable="false"' in (tmp_path / "leave.imported.bpmn").read_bytes()


def test_what_the_office_has_need_not_be_provided(tmp_path: Path) -> None:
    model, order = tmp_path / "m.bpmn", min(ORDERS)
    model.write_bytes(drawing(begin(), service("x", order), call("c", "p2"), end(), flows("s x c e")))
    done = CliRunner().invoke(main, ["import-model", str(model)])
    assert done.exit_code == 0, done.output
    assert "p2" in done.output and order not in done.output
