"""Names that an expression of a diagram reads and nobody ever writes: most often a slip of the pen."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from workflows.engine.expressions import Formula, Text
from workflows.engine.model import COUNTER, COUNTS, Diagram, Flow, Step
from workflows.errors import Problem


def submitted(step: Step) -> str:
    """The variable under which a submission of the step's form is stored: the last part of the form's id."""
    return step.form_id.rpartition(".")[2]


def variables(diagram: Diagram) -> frozenset[str]:
    """Every variable that some step writes."""
    return frozenset(name for step in diagram.steps.values() for name in written(step))


def unknown_names(diagram: Diagram, house: Collection[str], beside: Collection[Diagram] = ()) -> tuple[Problem, ...]:
    """A problem for each name read that is neither in ``house``, nor written by any step, nor local to the step.

    ``house`` are the names of House.context; `task` is known where a task is. ``beside`` are diagrams deployed together:
    what they hand over to this one when they call it, and hand back when it calls them, is known too. A diagram that takes in
    whatever comes (a message without output mapping, a called process that is not beside it) can know any name: nothing is
    reported then. Keys inside a variable are not checked.
    """
    known = _known(diagram, [diagram, *(one for one in beside if one.process_id != diagram.process_id)])
    if known is None:
        return ()
    everywhere = known | frozenset(house)
    return tuple(
        Problem(
            diagram.file,
            formula.line,
            where.id,
            f"{place}：没有名为“{name}”的变量；可用：{'、'.join(sorted(everywhere | local))}",
        )
        for where, place, formula, local in _reads(diagram)
        for name in sorted(set(formula.compiled.names) - everywhere - local)
    )


def _known(diagram: Diagram, diagrams: Collection[Diagram]) -> frozenset[str] | None:
    """Every variable that ``diagram`` may have, whoever of ``diagrams`` wrote it; None when it may have any."""
    written = {one.process_id: set(variables(one)) for one in diagrams}
    anything = {one.process_id for one in diagrams if any(_takes_anything(step) for step in one.steps.values())}
    calls = [(one.process_id, step) for one in diagrams for step in one.steps.values() if step.kind == "call"]
    before = None
    while before != (before := (sum(map(len, written.values())), len(anything))):
        for caller, step in calls:
            # A process that is chosen when the call is made may be any of them.
            fixed = step.called.text if isinstance(step.called, Text) else ""
            called = [one for one in written if fixed in {"", one}]
            if step.takes_back_all and (not fixed or fixed not in written):
                anything.add(caller)
            for one in called:
                written[one] |= {line.target for line in step.inputs}
                for giver, taker in [(caller, one)] * step.hands_over_all + [(one, caller)] * step.takes_back_all:
                    written[taker] |= written[giver]
                    if giver in anything:
                        anything.add(taker)
    return None if diagram.process_id in anything else frozenset(written[diagram.process_id])


def _takes_anything(step: Step) -> bool:
    """Whether a step stores whatever a message or a signal brings."""
    if step.outputs or step.event is None or step.event.kind not in {"message", "signal"}:
        return False
    return step.kind in {"start", "catch", "boundary", "receive"}


def written(step: Step) -> Iterator[str]:
    """The variables that a step leaves behind."""
    if step.outputs:
        yield from (line.target for line in step.outputs)
    elif step.form_id:
        yield submitted(step)
    elif step.result_variable:
        yield step.result_variable
    if step.kind in {"subprocess", "transaction"}:
        yield from (line.target for line in step.inputs)
        if step.repetition:
            yield from {step.repetition.item, COUNTER} - {""}
    if step.repetition and step.repetition.results:
        yield step.repetition.results


#: Places that are evaluated before a member of a repetition is there.
_BEFORE = frozenset({"inputCollection", "loopCardinality"})


def _reads(diagram: Diagram) -> Iterator[tuple[Step | Flow, str, Formula, frozenset[str]]]:
    """Each expression with the names only it sees besides the variables."""
    for step in diagram.steps.values():
        local = {line.target for line in step.inputs} | ({"task"} if step.kind == "user" else set())
        if step.repetition:
            local |= {step.repetition.item, COUNTER} - {""}
        produced = {submitted(step), step.result_variable, *(line.target for line in step.outputs)} - {""}
        # What a message, an error or a called process brings is known when it comes.
        brought = step.kind == "call" or (step.event is not None and step.event.kind not in {"timer", "conditional"})
        for place, formula in step.formulas():
            if place.startswith("output ") and brought:
                continue
            if place == "completionCondition":
                yield step, place, formula, frozenset(COUNTS)
            elif place.startswith("output"):
                yield step, place, formula, frozenset(local | produced)
            elif place not in _BEFORE:
                yield step, place, formula, frozenset(local)
            else:
                yield step, place, formula, frozenset()
    for flow in diagram.flows:
        if flow.condition:
            yield flow, "condition", flow.condition, frozenset()
