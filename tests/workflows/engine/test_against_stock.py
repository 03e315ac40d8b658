"""The same processes on stock SpiffWorkflow: identical where it is right; where it is wrong, the case is named.

The stock engine runs with its own parser, its own JSON state at every step, and Python in place of FEEL. A timer is a
message of its own there: only by a real clock would it come due, and what it does when it has come is the same.
"""

from __future__ import annotations

import logging
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.specs.event_definitions import MessageEventDefinition
from SpiffWorkflow.bpmn.util.event import BpmnEvent
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState

from tests.workflows.engine.blocks import Maker
from tests.workflows.engine.drawing import Walk
from tests.workflows.engine.shapes import CALLED, SHAPES, WRONG
from workflows.engine import read
from workflows.engine.fence import BPMN, ZEEBE

SERIALIZER = BpmnWorkflowSerializer()
#: How many random orders of each shape are played.
ORDERS = 25


@pytest.fixture(autouse=True)
def quiet() -> None:
    logging.getLogger("spiff").setLevel(logging.ERROR)


# --- what the stock engine is given ---------------------------------------------------------------------------------


def in_python(raw: bytes) -> bytes:
    """The same diagram as the stock parser reads it."""
    root = etree.fromstring(raw)
    for tag in ("conditionExpression", "loopCondition"):
        for condition in root.iter(f"{{{BPMN}}}{tag}"):
            text = condition.text[1:].replace("true", "True").replace("false", "False")
            condition.text = re.sub(r"(?<![<>!=])=(?!=)", "==", text)
    for task in root.iter(f"{{{BPMN}}}scriptTask"):
        given = task.find(f".//{{{ZEEBE}}}script")
        name, expression = given.get("resultVariable"), given.get("expression")[1:]
        task[:] = []
        written = etree.SubElement(task, f"{{{BPMN}}}script")
        if expression == "null":
            written.text = f"{name} = None"
        elif expression.startswith("if "):  # the counter of a drawn loop
            written.text = f"{name} = 1 if {name} is None else {name} + 1"
        else:
            written.text = f"{name} = {expression}"
    for call in root.iter(f"{{{BPMN}}}callActivity"):
        call.set("calledElement", call.find(f".//{{{ZEEBE}}}calledElement").get("processId"))
    for definition in list(root.iter(f"{{{BPMN}}}timerEventDefinition")):
        name = definition.getparent().get("id")
        etree.SubElement(root, f"{{{BPMN}}}message", id=f"timer-{name}", name=f"timer-{name}")
        definition.getparent().replace(
            definition, etree.Element(f"{{{BPMN}}}messageEventDefinition", messageRef=f"timer-{name}")
        )
    return etree.tostring(root)


def _name(task: Any) -> str:
    return str(task.task_spec.name).removesuffix(" [child]")  # a member of a repetition


class Stock:
    """An instance on the stock engine, stored as its own JSON after every step."""

    def __init__(self, raw: bytes) -> None:
        parser = BpmnParser()
        parser.add_bpmn_str(in_python(raw))
        parser.add_bpmn_str(in_python(CALLED))
        self.workflow = BpmnWorkflow(parser.get_spec("p"), parser.get_subprocess_specs("p"))
        self.workflow.do_engine_steps()

    @property
    def ready(self) -> list[Any]:
        return list(self.workflow.get_tasks(state=TaskState.READY, manual=True))

    @property
    def open(self) -> Counter[str]:
        return Counter(_name(task) for task in self.ready)

    @property
    def completed(self) -> bool:
        return bool(self.workflow.is_completed())

    def do(self, step: str, value: int) -> None:
        self.workflow = SERIALIZER.deserialize_json(SERIALIZER.serialize_json(self.workflow))
        task = next(task for task in self.ready if _name(task) == step)
        task.data[step] = value
        task.run()
        self._settle()

    def hears(self, name: str) -> None:
        self.workflow = SERIALIZER.deserialize_json(SERIALIZER.serialize_json(self.workflow))
        self.workflow.catch(BpmnEvent(MessageEventDefinition(name), payload={}))
        self._settle()

    def _settle(self) -> None:
        self.workflow.refresh_waiting_tasks()
        self.workflow.do_engine_steps()


class Ours:
    """An instance on our engine, with the processes that it calls."""

    def __init__(self, raw: bytes) -> None:
        (drawn,), (self.called,) = read(raw, file="t.bpmn"), read(CALLED, file="called.bpmn")
        self.walk = Walk(drawn)
        self.calls: dict[str, Walk] = {}
        self._settle()

    @property
    def open(self) -> Counter[str]:
        return Counter(name for walk in self._walks() for name in walk.open)

    @property
    def completed(self) -> bool:
        return self.walk.progress.completed

    @property
    def variables(self) -> Any:
        return self.walk.variables

    def _walks(self) -> Iterator[Walk]:
        yield self.walk
        yield from self.calls.values()

    def do(self, step: str, value: int) -> None:
        walk = next(walk for walk in self._walks() if step in walk.open)
        walk.do(step, **{step: value})
        self._settle()

    def events(self) -> list[tuple[str, str]]:
        """What could happen besides people: (what the stock engine hears, step)."""
        timers = [(f"timer-{step}", step) for step in self.walk.waiting]
        heard = [(one.name, one.step_id) for one in self.walk.subscriptions.values() if one.kind == "message"]
        return sorted({*timers, *heard})

    def happens(self, name: str, step: str) -> None:
        if name.startswith("timer-"):
            self.walk.fire(step)
        else:
            self.walk.deliver(step)
        self._settle()

    def _settle(self) -> None:
        for token in list(self.walk.calls):
            if token not in self.calls:
                self.calls[token] = Walk(self.called)
        for token, walk in list(self.calls.items()):
            if token not in self.walk.calls:
                del self.calls[token]  # its caller no longer waits
            elif walk.progress.completed:
                del self.calls[token]
                self.walk.resume(self.walk.calls[token], **walk.variables)
                self._settle()
                return


# --- both at once ---------------------------------------------------------------------------------------------------


def both(raw: bytes, path: int, limit: int = 60) -> tuple[list[Any], list[Any]]:
    """Traces of both engines on the same random order: open tasks, completion, and the data at the end."""
    ours, stock, chance = Ours(raw), Stock(raw), random.Random(path)
    mine: list[Any] = []
    theirs: list[Any] = []
    sent: list[str] = []
    for step in range(limit):
        mine.append((ours.open, ours.completed))
        theirs.append((stock.open, stock.completed))
        events = ours.events()
        if mine[-1] != theirs[-1] or not (ours.open or events):
            break
        chosen = chance.choice([*sorted(ours.open), *events])
        if isinstance(chosen, tuple):
            ours.happens(*chosen)
            stock.hears(chosen[0])
        else:
            ours.do(chosen, step)
            stock.do(chosen, step)
            sent.append(chosen)
    else:
        raise AssertionError(f"path {path} does not end")
    mine.append({name: ours.variables.get(name) for name in sent})
    theirs.append({name: stock.workflow.data.get(name) for name in sent})
    return mine, theirs


#: Where the branches that were ended early had been worked in: the stock engine forgets what was filled in there, ours keeps
#: it for whoever decides afterwards (what a person has typed is never lost).
FORGETFUL = frozenset(
    {
        "terminate beside a task",
        "terminate ends its sub-process only",
        "a period over a whole sub-process",
        "a message ends a sub-process",
    }
)
#: Here the stock engine hears only the first of several messages that come one after the other while the task is open.
DEAF = "a message beside a task"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("shape", SHAPES)
def test_identical_on_every_shape_in_random_orders(shape: str) -> None:
    for path in range(ORDERS):
        ours, theirs = both(SHAPES[shape], path)
        if shape in FORGETFUL:
            ours[-1] = {name: value for name, value in ours[-1].items() if theirs[-1][name] is not None}
            theirs[-1] = {name: value for name, value in theirs[-1].items() if value is not None}
        if shape == DEAF and ours != theirs:
            (mine, _), (other, _) = ours[-2], theirs[-2]
            assert mine - other == Counter({"c": 1}), f"path {path}"
            continue
        assert ours == theirs, f"path {path}"


def test_there_are_shapes_enough() -> None:
    assert len(SHAPES) >= 25


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_stock_forgets_and_does_not_hear_is_still_so() -> None:
    """When it no longer is, the comparison above can be made strict."""
    for shape in sorted({*FORGETFUL, DEAF}):
        traces = [both(SHAPES[shape], path) for path in range(ORDERS)]
        assert any(ours != theirs for ours, theirs in traces), f"stock has learned: {shape}"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("shape", WRONG)
def test_where_stock_is_wrong_ours_is_right(shape: str) -> None:
    what, raw, right = WRONG[shape]
    differs = 0
    for path in range(ORDERS):
        ours, chance, done = Ours(raw), random.Random(path), Counter[str]()
        while not ours.completed:
            events = ours.events()
            chosen = events[0] if events and chance.random() < 0.4 else chance.choice(sorted(ours.open) or events)
            if isinstance(chosen, tuple):
                ours.happens(*chosen)
            else:
                ours.do(chosen, sum(done.values()))
            done[chosen if isinstance(chosen, str) else chosen[1]] += 1
        assert right(done), f"path {path}: {done}"
        try:
            mine, theirs = both(raw, path)
        except Exception:
            differs += 1  # it crashed
        else:
            differs += mine != theirs
    assert differs, f"stock has learned: {shape} ({what})"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("seed", range(30))
def test_identical_on_random_processes(seed: int) -> None:
    raw, _ = Maker(seed, kinds="task sequence choice parallel sub").process(3)
    for path in range(4):
        ours, theirs = both(raw, path, limit=200)
        assert ours == theirs, f"seed {seed}, path {path}"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("seed", range(15))
def test_identical_in_random_loops_without_joins(seed: int) -> None:
    raw, _ = Maker(seed, kinds="task sequence choice loop").process(3)
    for path in range(2):
        ours, theirs = both(raw, path, limit=200)
        assert ours == theirs, f"seed {seed}, path {path}"
