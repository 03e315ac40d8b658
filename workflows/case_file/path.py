"""The way an instance took through its diagram, from its events: what the diagram viewer marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from workflows.case_file.views import CaseFile

#: Kinds of steps besides tasks at which a case can stand; a boundary event or the start of an event sub-process watches.
STANDS = frozenset({"catch", "receive", "call"})
#: Acts after which nothing waits any more.
_ENDED_FROM_OUTSIDE = frozenset({"instance:cancelled", "instance:withdrawn"})


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
    #: What waits: task numbers, and the tokens of everything else, with their steps.
    opened: dict[str, str] = {}
    cancelled: dict[str, None] = {}
    numbers = {task.token: task.number for task in case.tasks}
    for event in case.events:
        if until is not None and event.seq > until:
            break
        payload = event.payload
        for closed in ("closed", "subscriptions_closed", "calls_closed", "timers_closed"):
            for token in payload.get(closed, ()):
                step = opened.pop(numbers.get(token, token), None)
                if step is not None:
                    cancelled[step] = None
        if event.kind in _ENDED_FROM_OUTSIDE:
            cancelled |= dict.fromkeys(opened.values())
            opened.clear()
        if event.task is not None and event.kind == "task:completed":
            opened.pop(event.task, None)
        if not payload.get("goes_on"):
            opened.pop(str(payload.get("token")), None)
        for passed in payload.get("passed", ()):
            for part in (passed.get("step"), passed.get("flow")):
                if part:
                    done[str(part)] = None
        for task in payload.get("opened", ()):
            opened[str(task.get("task"))] = str(task.get("step"))
        for waits in ("subscriptions", "calls", "timers"):
            for one in payload.get(waits, ()):
                if "token" in one and case.step_kinds.get(str(one["step"])) in STANDS:
                    opened[str(one["token"])] = str(one["step"])
    current = dict.fromkeys(opened.values())
    waiting = {
        task.step_id: (task.holder_name or "", task.due_at)
        for task in case.tasks
        if task.step_id in current and not task.signing and (until is None or task.status == "open")
    }
    return Path(
        tuple(step for step in done if step not in current),
        tuple(current),
        tuple(step for step in cancelled if step not in current and step not in done),
        waiting,
    )
