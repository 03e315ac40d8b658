"""The step bar of a case: the stages (``jiaoyan:stage`` on a step) it has passed, where it stands, and the usual way on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workflows.case_file.views import EventView, Stage, TaskView
from workflows.engine import Diagram

#: Property of a step: the stage of the case it belongs to.
STAGE = "jiaoyan:stage"


def stages(
    diagram: Diagram, events: Sequence[EventView], tasks: Sequence[TaskView], outcome_name: str | None
) -> tuple[Stage, ...]:
    """The bar. What lies ahead is the way a case usually takes: at each choice the flow that is drawn first."""
    names = {step.id: step.properties.get(STAGE, "") for step in diagram.steps.values()}
    found: dict[str, Stage] = {}

    def put(stage: Stage) -> None:
        found.pop(stage.name, None)  # passed again after a return: it stands where it was last
        found[stage.name] = stage

    tasks = [task for task in tasks if not task.signing]
    current = [task for task in tasks if task.status in {"open", "suspended"}]
    cancelled = {task.step_id for task in tasks if task.status == "cancelled"}
    for event in events:
        for passed in event.payload.get("passed", ()):
            name = names.get(passed.get("step") or "", "")
            if name:
                put(Stage(name, "done", at=event.at))
    for step_id in cancelled:
        name = names.get(step_id, "")
        if name and name not in found:
            put(Stage(name, "cancelled"))
    for task in current:
        put(Stage(names.get(task.step_id) or task.name, "now", due_at=task.due_at, held=task.status == "suspended"))
    if outcome_name:
        return (*found.values(), Stage(outcome_name, "done"))
    for step_id in _ahead(diagram, current[-1].step_id if current else ""):
        name = names.get(step_id, "")
        if name and name not in found:
            found[name] = Stage(name, "ahead")
    return tuple(found.values())


def _ahead(diagram: Diagram, step_id: str) -> Iterator[str]:
    seen: set[str] = set()
    while step_id and step_id not in seen:
        seen.add(step_id)
        leaving = diagram.leaving(step_id)
        step_id = leaving[0].target if leaving else ""
        if step_id:
            yield step_id
