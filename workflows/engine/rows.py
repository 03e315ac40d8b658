"""Tokens as plain rows, and back: what an instance's state and the part of a member are both made of.

    row: [token, name of the spec, task state, cells it knows, internal data]; the last is left out when empty
    scope: [token of the sub-process task, cells the root knows, rows]
    cell: [write number, variable, value]
A Decimal is {"$": "1.50"}; a user's own one-key dict {"$": …} is {"$": [its value]}. Whole numbers beyond 64 bits likewise are
{"$": digits}. Nothing else is marked, so no key a form may use can be mistaken.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflows.engine.journey import Cell, Data
from workflows.engine.tokens import Token

#: Key of internal data whose value is not plain but what is known: cells.
BASE = "base"
_DIGITS = re.compile(r"-?\d+")


class Stored(Cell):
    """A cell as it was read: unpacked when somebody looks at it, written again as it stood."""

    __slots__ = ("packed",)

    def __init__(self, seq: int, packed: Any) -> None:
        super().__init__(seq, Stored)
        self.packed = packed

    @property
    def value(self) -> Any:
        """The plain value."""
        if self._value is Stored:
            self._value = unpack(self.packed)
        return self._value


class Writer:
    """Writes tasks as rows; each cell once, and none that stands ``elsewhere``."""

    def __init__(self, elsewhere: Collection[int] = ()) -> None:
        self._elsewhere = elsewhere
        self._cells: dict[int, list[Any]] = {}

    @property
    def cells(self) -> list[list[Any]]:
        """Every cell that the rows refer to and that does not stand elsewhere."""
        return list(self._cells.values())

    def known(self, data: Data) -> list[int]:
        """Refer to what is known by write numbers."""
        for name, cell in data.items():
            if cell.seq not in self._cells and cell.seq not in self._elsewhere:
                packed = cell.packed if isinstance(cell, Stored) else pack(cell.value)
                self._cells[cell.seq] = [cell.seq, name, packed]
        return [cell.seq for cell in data.values()]

    def row(self, task: Task) -> list[Any]:
        """A task as a row."""
        row = [task.id, task.task_spec.name, task._state, self.known(task.data)]
        if task.internal_data:
            row.append(
                {key: self.known(value) if key == BASE else pack(value) for key, value in task.internal_data.items()}
            )
        return row

    def scope(self, owner: Any, scope: Any, tasks: Iterable[Task]) -> list[Any]:
        """A scope with ``tasks`` of it."""
        return [owner, self.known(scope.task_tree.data), [self.row(task) for task in tasks]]


#: Write number to the variable and its cell.
Cells = Mapping[int, tuple[str, Cell]]


def cells(written: Iterable[Any]) -> dict[int, tuple[str, Cell]]:
    """The cells that a Writer wrote."""
    return {seq: (name, Stored(seq, packed)) for seq, name, packed in written}


def plant(workflow: Any, row: list[Any], known: Cells) -> Task:
    """Put the task of a row back below the root of its scope. KeyError for a step or a cell that is not there."""
    token, step, state, knows, *internal = row
    task = Token(workflow, workflow.spec.task_specs[step], workflow.task_tree, state, id=token)
    task.data = dict(known[seq] for seq in knows)
    if internal:
        task.internal_data = {
            key: dict(known[seq] for seq in value) if key == BASE else unpack(value)
            for key, value in internal[0].items()
        }
    return task


def fill(scope: Any, root_knows: Iterable[int], rows: Iterable[list[Any]], known: Cells) -> list[Task]:
    """Put the root's knowledge and every task of a scope back."""
    root = scope.task_tree
    root._state = TaskState.COMPLETED
    root.data = dict(known[seq] for seq in root_knows)
    return [plant(scope, row, known) for row in rows]


def pack(value: Any) -> Any:
    """A plain value as JSON that keeps Decimal, long numbers and any key."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is dict or isinstance(value, Mapping):
        packed = {key: pack(item) for key, item in value.items()}
        return {"$": [packed["$"]]} if len(packed) == 1 and "$" in packed else packed
    if kind is list:
        return [pack(item) for item in value]
    if kind is Decimal or (kind is int and not -(2**63) <= value < 2**63):
        return {"$": str(value)}
    return value


def unpack(value: Any) -> Any:
    """The plain value that pack() packed."""
    kind = type(value)
    if kind is list:
        return [unpack(item) for item in value]
    if kind is dict:
        if len(value) == 1 and "$" in value:
            inner = value["$"]
            if isinstance(inner, list):
                return {"$": unpack(inner[0])}
            return int(inner) if _DIGITS.fullmatch(inner) else Decimal(inner)
        return {key: unpack(item) for key, item in value.items()}
    return value
