"""An instance at rest as bytes, and back: our own format, without the definition and without history.

Layout (orjson, then zstd), format 2; rows, scopes and cells as in rows.py:
    v format, p process id, t next token, w next write, c completed
    x cells, each once however many branches know it
    s scopes, outer first; that of the process itself has 0 for its owner
    m parts of small repetitions by key (see parts.py)
Format 1 had no parts: the members of a repetition were tasks of the scope like all others, and their host kept the items to
come and the results itself. Those members keep their tokens, which are known outside.
"""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.task import Task

from workflows.engine import rows
from workflows.engine.errors import StateUnreadable
from workflows.engine.journey import Journey
from workflows.engine.machine import Instance
from workflows.engine.model import Diagram
from workflows.engine.parts import squeeze, swell
from workflows.engine.progress import House
from workflows.engine.repeating import BESIDE, COUNT, DONE, ITEM, OPEN, PLACE, RESULT, Repeated
from workflows.engine.rows import Writer
from workflows.engine.specs import OF, kept

#: Number of the format written; older formats stay readable for as long as instances in them live.
FORMAT = 2
_READ = frozenset({1, FORMAT})


def dump(diagram: Diagram, instance: Instance) -> bytes:
    """The bytes of an instance at rest; what does not belong into them is left in the journey's parts."""
    journey = instance.journey
    #: The member in whose part a scope lies ("" for the state itself), by the token of the scope's task, and what lies where.
    lies: dict[Any, str] = {}
    scopes: dict[str, list[tuple[Any, Any, list[Task]]]] = {}
    resting: list[Task] = []
    for owner, scope in [(0, instance), *instance.subprocesses.items()]:
        home = lies.get(owner, "")
        tasks: list[Task] = []
        for task in kept(scope):
            sleeps = _sleeps(task)
            lies[task.id] = task.id if sleeps else home
            (resting if sleeps else tasks).append(task)
        scopes.setdefault(home, []).append((owner, scope, tasks))
    for member in resting:
        host = member.workflow.tasks[member.internal_data[OF]]
        host.task_spec.lay_down(host, member, scopes.pop(member.id, ()))
    writer = Writer()
    state = {
        "v": FORMAT,
        "p": diagram.process_id,
        "t": journey.next_token,
        "w": journey.next_write,
        "c": instance.completed,
        "s": [writer.scope(*scope) for scope in scopes[""]],
        "x": writer.cells,
        "m": journey.parts.inside,
    }
    return squeeze(state)


def _sleeps(task: Task) -> bool:
    of = task.internal_data.get(OF)
    # A member of format 1 has a token of its own, and stays a row.
    return of is not None and task.id == f"{of}.{task.internal_data[PLACE]}"


def load(diagram: Diagram, state: bytes, house: House) -> Instance:
    """The instance that dump() wrote, ready to go on. Raises StateUnreadable for anything else."""
    return revive(diagram, opened(state), house)


def revive(diagram: Diagram, found: dict[str, Any], house: House) -> Instance:
    """The instance of a layout that opened() gave; as load()."""
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
    found = swell(state)
    try:
        version, *_ = (found[key] for key in ("v", "p", "x", "s"))
    except KeyError as error:
        raise StateUnreadable(reason=str(error)) from None
    if version not in _READ:
        raise StateUnreadable(reason=f"格式 {version}")
    return found


def _instance(diagram: Diagram, found: dict[str, Any], house: House) -> Instance:
    instance = Instance(diagram.machine, Journey(house, found["t"], found["w"], found.get("m")))
    known = rows.cells(found["x"])
    for owner, root_knows, tasks in found["s"]:
        scope = instance
        if owner:
            host = instance.find(owner)
            if host is None:
                raise KeyError(owner)
            scope = instance.create_subprocess(host, host.task_spec.spec)
        rows.fill(scope, root_knows, tasks, known)
    instance.completed = found["c"]
    if found["v"] == 1:
        _from_1(instance)
    return instance


def _from_1(instance: Instance) -> None:
    """Make the repetitions of a state of format 1 like those of today."""
    for scope in instance.scopes():
        for host in scope.tasks.values():
            if isinstance(host.task_spec, Repeated) and "results" in host.internal_data:
                data = host.internal_data
                results, items = data.pop("results"), data.pop("items", None)
                data |= {COUNT: len(results), BESIDE: False}
                if items is None:
                    members = [task for task in scope.tasks.values() if task.internal_data.get(OF) == host.id]
                    data[OPEN] = f"{sum(1 << task.internal_data[PLACE] for task in members):x}"
                for place, result in enumerate(results):
                    key = f"{host.id}.{place}:"
                    if result is not None:
                        instance.journey.parts.put(key, {RESULT: rows.pack(result)}, beside=False)
                    elif items is not None and place > data[DONE]:
                        instance.journey.parts.put(key, {ITEM: rows.pack(items[place])}, beside=False)
