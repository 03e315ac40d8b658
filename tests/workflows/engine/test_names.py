"""A name that nobody writes is found before the diagram runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.workflows.engine.drawing import (
    NOW,
    begin,
    call,
    catch,
    choice,
    decide,
    diagram,
    drawing,
    end,
    extensions,
    flows,
    message,
    node,
    on,
    receive,
    script,
    sub,
    user,
    zeebe,
)
from workflows import policies
from workflows.engine import Diagram, read, unknown_names
from workflows.manners import HOUSE_NAMES

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


def test_what_a_message_brings_is_known_only_to_whoever_takes_it_in_whole() -> None:
    path = flows("s w c e")
    whole = diagram(message("m"), begin(), receive("w", "m"), script("c", "answer", "v"), end(), path)
    assert found(whole) == set()
    mapped = diagram(
        message("m"),
        begin(),
        receive("w", "m", mapping("output", "=reply.text", "answer")),
        script("c", "[answer, reply]", "v"),
        end(),
        path,
    )
    assert found(mapped) == {("c", "reply")}
    timed = diagram(begin(), catch("w", "PT1H"), script("c", "answer", "v"), end(), path)
    assert found(timed) == {("c", "answer")}


def test_an_event_reads_only_what_is_written() -> None:
    drawn = diagram(
        message("m", "application.number"),
        begin("s", "admission.application"),
        receive("w", "m", mapping("output", "=text", "answer")),
        on("conditional", "k", "anwser = 1"),
        call("c", "=kind", mapping("output", "=text", "back")),
        end(),
        flows("s w k c e"),
    )
    assert found(drawn) == {("k", "anwser"), ("c", "kind")}


def test_what_callers_hand_over_and_hand_back_is_known_to_both() -> None:
    def process(name: str, *inside: str) -> Diagram:
        (drawn,) = read(drawing(*inside, process=name), file="t.bpmn")
        return drawn

    def unknown(drawn: Diagram, *beside: Diagram) -> set[str]:
        return {one.reason.split("“")[1].split("”")[0] for one in unknown_names(drawn, HOUSE, beside)}

    inner = process("inner", begin(), script("x", "application.n + months", "sum"), end(), flows("s x e"))
    outer = process(
        "outer",
        begin("s", "admission.application"),
        call("c", "inner", mapping("input", "=3", "months")),
        script("x", "sum + slip", "v"),
        end(),
        flows("s c x e"),
    )
    assert unknown(inner) == {"application", "months"}
    assert unknown(inner, inner, outer) == set()
    assert unknown(outer, inner, outer) == {"slip"}
    assert unknown(outer) == set(), "who knows what the called process hands back"
    apart = process(
        "apart",
        begin("s", "admission.application"),
        call("c", "inner", propagateAllParentVariables="false", propagateAllChildVariables="false"),
        script("x", "sum", "v"),
        end(),
        flows("s c x e"),
    )
    assert unknown(inner, apart) == {"application", "months"}
    assert unknown(apart, inner) == {"sum"}
    open_ended = read(
        drawing(message("m"), begin(), receive("w", "m"), call("c", "inner"), end(), flows("s w c e"), process="any"),
        file="t.bpmn",
    )[0]
    assert unknown(inner, open_ended) == set(), "what the message brought is handed on"
    chosen = process(
        "chosen",
        begin("s", "admission.application"),
        call("c", "=application.kind", propagateAllChildVariables="false"),
        end(),
        flows("s c e"),
    )
    assert unknown(inner, chosen) == {"months"}


def test_the_item_of_a_repeated_sub_process_is_known_inside() -> None:
    loop = extensions(zeebe("loopCharacteristics", inputCollection="=[1]", inputElement="one"))
    drawn = diagram(
        begin(),
        sub(
            "q",
            extensions(mapping("input", "=one + 1", "next")),
            node("multiInstanceLoopCharacteristics", "l", loop),
            begin("i"),
            script("x", "[one, loopCounter, next, two]", "v"),
            end("o"),
            flows("i x o"),
        ),
        end(),
        flows("s q e"),
    )
    assert found(drawn) == {("x", "two")}


def test_the_office_s_own_diagrams_read_only_what_is_written(root: Path) -> None:
    packs = policies.load({path.name: path.read_bytes() for path in (root / "bpmn" / "policies").glob("*.toml")})
    lent = policies.functions(packs["liaoning"].on(date(2026, 11, 21)), now=NOW)
    for path in sorted((root / "bpmn").rglob("*.bpmn")):
        for drawn in read(path.read_bytes(), file=path.name):
            assert unknown_names(drawn, [*lent, *HOUSE_NAMES]) == ()
