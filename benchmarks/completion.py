"""One completion through the product, with eight tasks and a decision: what the engine costs, beside the stock engine.

Three kinds of cases go through the same verb, the same checks, the same rows and the same record, in turn:
ours; bare, in which what the engine answered is known beforehand and only the rows are written; and stock, in which the state
is SpiffWorkflow's full JSON, read, moved and written at every step. What each engine costs is its time less that of bare.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from benchmarks import stock
from benchmarks.figures import Figure, beside
from tests.factories import SETTING_UP
from tests.office import PLACES, Applicant, Office, furnish
from webapp import composition
from workflows import deployment, engine, instances, migrations
from workflows.db import Database
from workflows.submission import Submission

#: Turns measured, and cases of each kind in a turn; one turn more goes before.
TURNS, CASES = 5, 5
#: The bar: ours less bare at most a fifth of stock less bare.
BAR = 0.2
_ROOT = Path(__file__).parents[1]
_KINDS = ("ours", "bare", "stock")
_STEPS = ("t1", "t2", "t3b", "t4", "t5b", "t6", "t7", "t8a")
_LEVEL = (
    '<?xml version="1.0" encoding="UTF-8"?><definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="bench" '
    'name="bench" namespace="https://jiaoyan.example/bench"><inputData id="in_amount" name="amount">'
    '<variable id="v_amount" name="amount" typeRef="number"/></inputData><decision id="level" name="level">'
    '<variable id="v_level" name="level" typeRef="string"/>'
    '<informationRequirement id="r_amount"><requiredInput href="#in_amount"/></informationRequirement>'
    '<decisionTable id="t_level" hitPolicy="UNIQUE"><input id="i_level" label="amount">'
    '<inputExpression id="e_level" typeRef="number"><text>amount</text></inputExpression></input>'
    '<output id="o_level" name="level" typeRef="string"/>'
    '<rule id="low"><inputEntry id="a1"><text>&lt; 100</text></inputEntry><outputEntry id="b1"><text>"low"</text></outputEntry></rule>'
    '<rule id="high"><inputEntry id="a2"><text>&gt;= 100</text></inputEntry><outputEntry id="b2"><text>"high"</text></outputEntry></rule>'
    "</decisionTable></decision></definitions>"
)


def run() -> list[Figure]:
    """Measure on SQLite with WAL, synchronous NORMAL and FULL; takes about a minute."""
    found = []
    for synchronous in ("NORMAL", "FULL"):
        with (
            tempfile.TemporaryDirectory() as folder,
            office_of(f"sqlite:///{folder}/bench.sqlite3", Path(folder), synchronous) as office,
        ):
            found += figures(f"completion, SQLite {synchronous}", Bench(office).measure(), bar=synchronous == "NORMAL")
    return found


def figures(name: str, spent: Mapping[str, list[float]], *, bar: bool) -> list[Figure]:
    """Milliseconds a completion in each turn (the median of its completions), as figures."""
    ours, bare, theirs = (spent[kind] for kind in _KINDS)
    return [
        beside(
            f"{name}: the engine's share, bare taken off", "ms", spent["ours less bare"], "SpiffWorkflow", spent["stock less bare"],
            BAR if bar else None,
        ),
        beside(f"{name}: completions a second", "1/s", [1000 / one for one in ours], "bare", [1000 / one for one in bare]),
        beside(f"{name}: completions a second", "1/s", [1000 / one for one in ours], "SpiffWorkflow", [1000 / one for one in theirs]),
    ]  # fmt: skip


@contextmanager
def office_of(url: str, folder: Path, synchronous: str = "NORMAL") -> Iterator[Office]:
    """An office with the process of eight tasks deployed."""
    db = Database(url, synchronous=synchronous)
    try:
        migrations.upgrade(db)
        furnish(db, _ROOT)
        office = Office(db, folder / "files")
        tree = {**deployment.read_tree(_ROOT), **_tree()}
        deployment.deploy(db, SETTING_UP, tree, composition.check_form, at=office.at)
        yield office
    finally:
        db.close()


def _tree() -> dict[str, bytes]:
    forms = {
        f"forms/library/bench/{name}.json": orjson.dumps({
            "id": f"bench.{name}", "type": "default", "schemaVersion": 19, "executionPlatform": "Camunda Cloud",
            "executionPlatformVersion": "8.8.0", "properties": {"name": name, "documentation": name},
            "components": [
                {"type": "textfield", "key": key, "id": f"f_{key}", "label": key, "validate": {"maxLength": 200},
                 "layout": {"row": f"Row_{key}", "columns": None}}
                for key in stock.form(0)
            ],
        })
        for name in ("begin", *(f"t{number}" for number in range(1, 9)))
    }  # fmt: skip
    return {"bpmn/bench/eight.bpmn": stock.eight(product=True).file(), "bpmn/bench/level.dmn": _LEVEL.encode(), **forms}


@dataclass(frozen=True)
class _Begun:
    kind: str
    applicant: Applicant
    number: str


class Bench:
    """Cases of the three kinds in one office."""

    def __init__(self, office: Office, mark: str = "") -> None:
        self._office, self._mark, self._sent = office, mark, 0
        self._peer = stock.Stock(stock.eight("eight", product=True))
        #: What our engine answered, by token; the same in every case.
        self._known: dict[str, engine.Progress] = {}
        self._verbs = (engine.start, engine.complete, instances.variables_at_rest)

    def measure(self) -> dict[str, list[float]]:
        """Milliseconds a completion in each turn, by kind, and what ours and stock take more than bare.

        The same step of three cases is done one right after the other: what slows the machine down slows all three.
        """
        spent: dict[str, list[float]] = {kind: [] for kind in (*_KINDS, "ours less bare", "stock less bare")}
        for turn in range(TURNS + 1):
            begun = [self.begin(kind) for _ in range(CASES) for kind in _KINDS]
            took: dict[str, list[float]] = {kind: [] for kind in _KINDS}
            for step in _STEPS:
                for case in begun:
                    took[case.kind].append(self.complete(case, step))
            for kind in ("ours", "stock"):
                took[f"{kind} less bare"] = [one - rows for one, rows in zip(took[kind], took["bare"], strict=True)]
            for kind in took if turn else ():
                spent[kind].append(median(took[kind]))
        return spent

    def begin(self, kind: str) -> _Begun:
        """A case of a kind, waiting at its first task."""
        place = PLACES["liaoning"]
        self._sent += 1
        applicant = self._office.applicant(place.own_school, name=f"测试{self._mark}{self._sent}")
        with self._as(kind):
            moved = instances.start(
                self._office.db, applicant.viewer, "eight", self._office.round(applicant.place), self._paper("begin", 0),
                at=self._office.at,
            )
        return _Begun(kind, applicant, moved.instance_number)

    def complete(self, case: _Begun, step: str) -> float:
        """Milliseconds of the completion of the task that waits at a step."""
        db, viewer = self._office.db, case.applicant.viewer
        with db.read() as session:
            task = str(instances.open_task(session, case.number, step))
        paper = self._paper(step[:2], 2)
        with self._as(case.kind):
            began = time.perf_counter()
            moved = instances.complete_task(db, viewer, task, paper, at=self._office.at)
            spent = time.perf_counter() - began
        if (moved.ended is None) == (step == _STEPS[-1]):
            raise RuntimeError(f"{step}: {moved}")
        return spent * 1000

    def finish(self, case: _Begun) -> None:
        """Take a case through all of its tasks."""
        for step in _STEPS:
            self.complete(case, step)

    def reopen(self, db: Database) -> None:
        """Go on with another connection, in a process of its own."""
        self._office.db = db

    def _paper(self, name: str, number: int) -> Submission:
        self._sent += 1
        filled = {key: str(value) for key, value in stock.form(number).items()}
        return Submission(f"bench.{name}", filled, f"token-{self._mark}{os.getpid()}-{self._sent}")

    @contextmanager
    def _as(self, kind: str) -> Iterator[None]:
        kinds: Mapping[str, tuple[Any, Any]] = {
            "ours": (self._start, self._complete),
            "bare": (self._bare_start, self._bare),
            "stock": (self._stock_start, self._stock),
        }
        engine.start, engine.complete = kinds[kind]
        if kind == "stock":
            instances.variables_at_rest = lambda state: {}
        try:
            yield
        finally:
            engine.start, engine.complete, instances.variables_at_rest = self._verbs

    def _start(self, *given: Any, **named: Any) -> engine.Progress:
        progress = self._verbs[0](*given, **named)
        self._known.setdefault("", progress)
        return progress

    def _complete(self, diagram: Any, state: bytes, token: str, variables: Any, house: engine.House) -> engine.Progress:
        progress = self._verbs[1](diagram, state, token, variables, house)
        self._known.setdefault(token, progress)
        return progress

    def _bare_start(self, _diagram: Any, _variables: Any, house: engine.House, **_named: Any) -> engine.Progress:
        return self._answered("", house)

    def _bare(self, _diagram: Any, _state: bytes, token: str, _variables: Any, house: engine.House) -> engine.Progress:
        return self._answered(token, house)

    def _answered(self, token: str, house: engine.House) -> engine.Progress:
        # Of all that the engine answers only the person who holds the task differs from case to case.
        known, starter = self._known[token], house.context["instance"]["starter"]
        return replace(known, opened=tuple(replace(one, assignee=starter) for one in known.opened))

    def _stock_start(self, _diagram: Any, _variables: Any, house: engine.House, **_named: Any) -> engine.Progress:
        return replace(self._answered("", house), state=self._peer.start().encode())

    def _stock(self, _diagram: Any, state: bytes, token: str, variables: Any, house: engine.House) -> engine.Progress:
        return replace(self._answered(token, house), state=self._peer.complete(state, variables).encode())
