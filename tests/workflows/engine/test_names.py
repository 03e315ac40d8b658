"""A name that nobody writes is found before the diagram runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.workflows.engine.drawing import NOW, begin, choice, decide, diagram, end, flows, script, user, zeebe
from workflows import policies
from workflows.engine import Diagram, read, unknown_names

HOUSE = ("instance", "policy", "role", "bureau of", "working days", "due")


def found(drawn: Diagram) -> set[tuple[str, str]]:
    """Element and name of every problem."""
    return {(problem.element, problem.reason.split("“")[1].split("”")[0]) for problem in unknown_names(drawn, HOUSE)}


def form(name: str) -> str:
    return zeebe("formDefinition", formId=name)


def mapping(kind: str, source: str, target: str) -> str:
    return zeebe("ioMapping", zeebe(kind, source=source, target=target))


def test_a_slip_of_the_pen_is_found_with_its_place() -> None:
    drawn = diagram(
        begin("s", "admission.application"),
        user(
            "a", form("admission.review") + zeebe("assignmentDefinition", candidateGroups="=rol(instance.organisation)")
        ),
        choice("g", "g-e"),
        script("c", "aplication.n + 1", "n"),
        end(),
        flows("s a g", 'g c | reviw.passed = "是"', "g e", "c e"),
    )
    assert found(drawn) == {("a", "rol"), ("g-c", "reviw"), ("c", "aplication")}
    assert all(problem.line == 1 and problem.file == "t.bpmn" for problem in unknown_names(drawn, HOUSE))


def test_what_is_written_somewhere_or_lent_is_known() -> None:
    drawn = diagram(
        begin("s", "admission.application"),
        decide("d", "DT-ADM-01", "ruling", mapping("input", "=application.months", "months")),
        user("a", form("admission.review") + mapping("output", "=review.passed and task.holder != null", "passed")),
        script("c", "if count(rounds) > 1 then bureau of(application.unit) else working days(5)", "rounds"),
        choice("g", "g-e"),
        end(),
        flows("s d a c g", "g a | passed and ruling.ok", "g e"),
    )
    assert found(drawn) == set()


def test_a_local_name_is_unknown_elsewhere() -> None:
    drawn = diagram(
        begin(),
        user("a", form("x.review") + mapping("output", "=review.ok", "ok")),
        decide("d", "D", "r", mapping("input", "=ok", "months")),
        script("b", "[review, months, task]", "v"),
        end(),
        flows("s a d b e"),
    )
    assert found(drawn) == {("b", "review"), ("b", "months"), ("b", "task")}


def test_the_office_s_own_diagrams_read_only_what_is_written(root: Path) -> None:
    packs = policies.load({path.name: path.read_bytes() for path in (root / "bpmn" / "policies").glob("*.toml")})
    lent = policies.functions(packs["liaoning"].on(date(2026, 11, 21)), now=NOW)
    for path in sorted((root / "bpmn").rglob("*.bpmn")):
        for drawn in read(path.read_bytes(), file=path.name):
            assert unknown_names(drawn, [*lent, "instance", "policy", "role", "bureau of"]) == ()
