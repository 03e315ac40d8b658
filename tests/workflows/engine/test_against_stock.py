"""The same processes on stock SpiffWorkflow: identical where it is right; where it is wrong, the case is named.

The stock engine runs with its own parser, its own JSON state at every step, and Python in place of FEEL.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from typing import Any

import pytest
from lxml import etree
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState

from tests.workflows.engine.blocks import Loop, Maker, Sequence, Split, Task
from tests.workflows.engine.drawing import Walk, fork
from workflows.engine import read
from workflows.engine.fence import BPMN, ZEEBE

SERIALIZER = BpmnWorkflowSerializer()


def in_python(raw: bytes) -> bytes:
    """The same diagram as the stock parser reads it."""
    root = etree.fromstring(raw)
    for condition in root.iter(f"{{{BPMN}}}conditionExpression"):
        condition.text = condition.text[1:].replace("true", "True").replace("false", "False")
    for task in root.iter(f"{{{BPMN}}}scriptTask"):
        given = task.find(f".//{{{ZEEBE}}}script")
        name, is_reset = given.get("resultVariable"), given.get("expression") == "=null"
        task[:] = []
        written = etree.SubElement(task, f"{{{BPMN}}}script")
        written.text = f"{name} = None" if is_reset else f"{name} = 1 if {name} is None else {name} + 1"
    return etree.tostring(root)


class Stock:
    """An instance on the stock engine."""

    def __init__(self, raw: bytes) -> None:
        parser = BpmnParser()
        parser.add_bpmn_str(in_python(raw))
        self.workflow = BpmnWorkflow(parser.get_spec("p"), parser.get_subprocess_specs("p"))
        self.workflow.do_engine_steps()

    @property
    def ready(self) -> list[Any]:
        return list(self.workflow.get_tasks(state=TaskState.READY, manual=True))

    def do(self, step: str, value: int) -> None:
        self.workflow = SERIALIZER.deserialize_json(SERIALIZER.serialize_json(self.workflow))
        task = next(task for task in self.ready if task.task_spec.name == step)
        task.data[step] = value
        task.run()
        self.workflow.do_engine_steps()


def both(raw: bytes, path: int, limit: int = 200) -> tuple[list[Any], list[Any]]:
    """Traces of both engines on the same random order: open tasks, completion, and the data at the end."""
    (drawn,) = read(raw, file="t.bpmn")
    walk, stock, chance = Walk(drawn), Stock(raw), random.Random(path)
    ours: list[Any] = []
    theirs: list[Any] = []
    sent: list[str] = []
    for step in range(limit):
        ours.append((Counter(walk.open), walk.progress.completed))
        theirs.append((Counter(task.task_spec.name for task in stock.ready), stock.workflow.is_completed()))
        if ours[-1] != theirs[-1] or not walk.open:
            break
        name = chance.choice(sorted(walk.open))
        walk.do(name, **{name: step})
        stock.do(name, step)
        sent.append(name)
    ours.append({name: walk.variables.get(name) for name in sent})
    theirs.append({name: stock.workflow.data.get(name) for name in sent})
    return ours, theirs


@pytest.fixture(autouse=True)
def quiet() -> None:
    logging.getLogger("spiff").setLevel(logging.ERROR)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("seed", range(30))
def test_identical_where_stock_is_right(seed: int) -> None:
    raw, _ = Maker(seed, kinds="task sequence choice parallel sub").process(3)
    for path in range(4):
        ours, theirs = both(raw, path)
        assert ours == theirs, f"seed {seed}, path {path}"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("seed", range(15))
def test_identical_in_loops_without_joins(seed: int) -> None:
    raw, _ = Maker(seed, kinds="task sequence choice loop").process(3)
    for path in range(2):
        ours, theirs = both(raw, path)
        assert ours == theirs, f"seed {seed}, path {path}"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_join_inside_a_loop_is_where_stock_fails() -> None:
    """Three rounds of a parallel review: stock crashes or joins early in some orders, ours never."""
    body = Split("j", fork, [Task("a"), Task("b"), Task("c")], [0, 1, 2])
    block = Sequence("q", [Loop("l", body, 3), Task("d")])

    class Fixed(Maker):
        def block(self, depth: int) -> Any:
            return block

    raw, _ = Fixed(0).process(1)
    wrong = 0
    for path in range(12):
        (drawn,) = read(raw, file="t.bpmn")
        walk, chance = Walk(drawn), random.Random(path)
        done = []
        while not walk.progress.completed:
            name = chance.choice(walk.open)
            walk.do(name)
            done.append(name)
        assert Counter(done) == {"a": 3, "b": 3, "c": 3, "d": 1}
        assert done[-1] == "d"
        try:
            ours, theirs = both(raw, path)
        except Exception:
            wrong += 1
        else:
            wrong += ours != theirs
    assert wrong, "stock has learned to join in loops: the comparison above may take loops with joins"
