"""The way an instance took through its diagram, from its events: what the diagram viewer marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from workflows.case_file.views import CaseFile


@dataclass(frozen=True)
class Path:
    """Ids of steps and sequence flows as drawn."""

    done: tuple[str, ...]
    current: tuple[str, ...]
    cancelled: tuple[str, ...]
    #: Step id -> (who, due) of what waits there; who is empty when nobody has taken it.
    waiting: Mapping[str, tuple[str, datetime | None]]


def path_of(case: CaseFile, *, until: int | None = None) -> Path:
    """The path after the event with sequence number ``until``, or after the last one."""
    done: dict[str, None] = {}
    opened: dict[str, str] = {}
    cancelled: dict[str, None] = {}
    numbers = {task.token: task.number for task in case.tasks}
    for event in case.events:
        if until is not None and event.seq > until:
            break
        payload = event.payload
        for token in payload.get("closed", ()):
            step = opened.pop(numbers.get(token, ""), None)
            if step is not None:
                cancelled[step] = None
        if event.task is not None and event.kind == "task:completed":
            opened.pop(event.task, None)
        for passed in payload.get("passed", ()):
            for part in (passed.get("step"), passed.get("flow")):
                if part:
                    done[str(part)] = None
        for task in payload.get("opened", ()):
            opened[str(task.get("task"))] = str(task.get("step"))
    current = dict.fromkeys(opened.values())
    waiting = {
        task.step_id: (task.holder_name or "", task.due_at)
        for task in case.tasks
        if task.step_id in current and (until is None or task.status == "open")
    }
    return Path(
        tuple(step for step in done if step not in current),
        tuple(current),
        tuple(step for step in cancelled if step not in current and step not in done),
        waiting,
    )
