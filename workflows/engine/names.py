"""Names that an expression of a diagram reads and nobody ever writes: most often a slip of the pen."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from workflows.engine.expressions import Formula
from workflows.engine.model import COUNTER, COUNTS, Diagram, Flow, Step
from workflows.errors import Problem


def submitted(step: Step) -> str:
    """The variable under which a submission of the step's form is stored: the last part of the form's id."""
    return step.form_id.rpartition(".")[2]


def variables(diagram: Diagram) -> frozenset[str]:
    """Every variable that some step writes."""
    return frozenset(name for step in diagram.steps.values() for name in _writes(step))


def unknown_names(diagram: Diagram, house: Collection[str]) -> tuple[Problem, ...]:
    """A problem for each name read that is neither in ``house``, nor written by any step, nor local to the step.

    ``house`` are the names of House.context; `task` is known where a task is. Keys inside a variable are not checked.
    """
    everywhere = variables(diagram) | frozenset(house)
    return tuple(
        Problem(
            diagram.file,
            formula.line,
            where.id,
            f"{place}：没有名为“{name}”的变量；可用：{'、'.join(sorted(known | local))}",
        )
        for known in [everywhere]
        for where, place, formula, local in _reads(diagram)
        for name in sorted(set(formula.compiled.names) - known - local)
    )


def _writes(step: Step) -> Iterator[str]:
    if step.outputs:
        yield from (line.target for line in step.outputs)
    elif step.form_id:
        yield submitted(step)
    elif step.result_variable:
        yield step.result_variable
    if step.repetition and step.repetition.results:
        yield step.repetition.results


def _reads(diagram: Diagram) -> Iterator[tuple[Step | Flow, str, Formula, frozenset[str]]]:
    """Each expression with the names only it sees besides the variables."""
    for step in diagram.steps.values():
        local = {line.target for line in step.inputs} | ({"task"} if step.kind == "user" else set())
        if step.repetition:
            local |= {step.repetition.item, COUNTER} - {""}
        produced = {submitted(step), step.result_variable, *(line.target for line in step.outputs)} - {""}
        for place, formula in step.formulas():
            if place == "completionCondition":
                yield step, place, formula, frozenset(COUNTS)
            elif place.startswith("output"):
                yield step, place, formula, frozenset(local | produced)
            elif place != "inputCollection":
                yield step, place, formula, frozenset(local)
            else:
                yield step, place, formula, frozenset()
    for flow in diagram.flows:
        if flow.condition:
            yield flow, "condition", flow.condition, frozenset()
