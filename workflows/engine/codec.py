"""An instance at rest as bytes, and back: our own format, without the definition and without history.

Layout (orjson, then zstd), format 1:
    v format, p process id, t next token, w next write, c completed
    x cells: [write number, variable, value], each value once however many branches know it
    s scopes, outer first: [token of the sub-process task or 0, cells the root knows, rows]
    row: [token, step id, task state, cells it knows, internal data]
A Decimal is {"$": "1.50"}; a user's own one-key dict {"$": …} is {"$": [its value]}. Whole numbers beyond 64 bits likewise are
{"$": digits}. Nothing else is marked, so no key a form may use can be mistaken.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import orjson
import zstandard
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflows.engine.errors import StateUnreadable
from workflows.engine.journey import Cell, Data, Journey
from workflows.engine.machine import Instance
from workflows.engine.model import Diagram
from workflows.engine.progress import House
from workflows.engine.specs import live

#: Number of the format written; older formats stay readable for as long as instances in them live.
FORMAT = 1
#: Largest state read, unpacked, in bytes.
MAX_STATE = 64_000_000
_DIGITS = re.compile(r"-?\d+")


def dump(diagram: Diagram, instance: Instance) -> bytes:
    """The bytes of an instance at rest."""
    journey = instance.journey
    cells: dict[int, list[Any]] = {}

    def known(data: Data) -> list[int]:
        for name, cell in data.items():
            if cell.seq not in cells:
                cells[cell.seq] = [cell.seq, name, pack(cell.value)]
        return [cell.seq for cell in data.values()]

    scopes = []
    for owner, scope in [(0, instance), *instance.subprocesses.items()]:
        rows = []
        for task in live(scope):
            row = [task.id, task.task_spec.name, task._state, known(task.data)]
            if task.internal_data:
                row.append({key: pack(value) for key, value in task.internal_data.items()})
            rows.append(row)
        scopes.append([owner, known(scope.task_tree.data), rows])
    state = {
        "v": FORMAT,
        "p": diagram.process_id,
        "t": journey.next_token,
        "w": journey.next_write,
        "c": instance.completed,
        "x": list(cells.values()),
        "s": scopes,
    }
    return zstandard.ZstdCompressor(level=6).compress(orjson.dumps(state))


def load(diagram: Diagram, state: bytes, house: House) -> Instance:
    """The instance that dump() wrote, ready to go on. Raises StateUnreadable for anything else."""
    found = opened(state)
    if found.get("p") != diagram.process_id:
        raise StateUnreadable(reason=f"属于流程 {found.get('p')}")
    try:
        return _instance(diagram, found, house)
    except KeyError as error:
        raise StateUnreadable(reason=f"图中没有步骤 {error}") from None
    except (TypeError, ValueError, ArithmeticError) as error:
        raise StateUnreadable(reason=str(error)) from None


def opened(state: bytes) -> dict[str, Any]:
    """The layout above, decompressed; StateUnreadable for bytes that are no state of a format we know."""
    try:
        # The frame says how large it will be, and would be believed.
        if not 0 <= zstandard.frame_content_size(state) <= MAX_STATE:
            raise StateUnreadable(reason="过大")
        found: dict[str, Any] = orjson.loads(zstandard.ZstdDecompressor().decompress(state))
        version, *_ = (found[key] for key in ("v", "p", "x", "s"))
    except (zstandard.ZstdError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise StateUnreadable(reason=str(error)) from None
    if version != FORMAT:
        raise StateUnreadable(reason=f"格式 {version}")
    return found


def _instance(diagram: Diagram, found: dict[str, Any], house: House) -> Instance:
    instance = Instance(diagram.machine, Journey(house, found["t"], found["w"]))
    cells = {seq: (name, Cell(seq, unpack(value))) for seq, name, value in found["x"]}
    for owner, root_knows, rows in found["s"]:
        if owner:
            host = instance.find(owner)
            if host is None:
                raise KeyError(owner)
            scope = instance.create_subprocess(host, host.task_spec.spec)
        else:
            scope = instance
        root = scope.task_tree
        root._state = TaskState.COMPLETED
        root.data = dict(cells[seq] for seq in root_knows)
        for token, step, state, knows, *internal in rows:
            task = Task(scope, scope.spec.task_specs[step], root, state, id=token)
            task.data = dict(cells[seq] for seq in knows)
            if internal:
                task.internal_data = {key: unpack(value) for key, value in internal[0].items()}
    instance.completed = found["c"]
    return instance


def pack(value: Any) -> Any:
    """A plain value as JSON that keeps Decimal, long numbers and any key."""
    if isinstance(value, Decimal):
        return {"$": str(value)}
    if isinstance(value, dict):
        packed = {key: pack(item) for key, item in value.items()}
        return {"$": [packed["$"]]} if len(packed) == 1 and "$" in packed else packed
    if isinstance(value, list):
        return [pack(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return {"$": str(value)}
    return value


def unpack(value: Any) -> Any:
    """The plain value that pack() packed."""
    if isinstance(value, list):
        return [unpack(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1 and "$" in value:
            inner = value["$"]
            if isinstance(inner, list):
                return {"$": unpack(inner[0])}
            return int(inner) if _DIGITS.fullmatch(inner) else Decimal(inner)
        return {key: unpack(item) for key, item in value.items()}
    return value
