"""The way ahead by the drawing: which way is assumed, what follows from what is known, when each step is over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.workflows.engine.drawing import (
    NOW,
    begin,
    boundary,
    call,
    catch,
    choice,
    decide,
    diagram,
    end,
    extensions,
    first_of,
    flows,
    fork,
    message,
    on,
    script,
    sub,
    throw,
    times,
    user,
    zeebe,
)
from tests.workflows.engine.shapes import CALLED, SHAPES
from workflows.engine import Ahead, Diagram, Known, Lent, Stand, forecast, read

DAY = timedelta(days=1)


def within(days: int) -> str:
    """A step's period, in days from when it begins."""
    return zeebe("taskSchedule", dueDate=f"=in_days({days})")


def lent(called: Diagram | None = None, decided: Any = None, **context: Any) -> Lent:
    def at(moment: datetime) -> Mapping[str, Any]:
        return {"in_days": lambda n: moment + int(n) * DAY, "submissions": lambda _step: [], **context}

    def asked(_decision: str, inputs: Mapping[str, Any]) -> Any:
        return SimpleNamespace(outputs=decided(inputs), value=None)

    return Lent(at, asked, lambda _process: called)


def ahead(drawn: Diagram, *stands: Stand, known: Known | None = None, **given: Any) -> Ahead:
    return forecast(drawn, stands, known or Known({}), lent(**given), NOW)


def days(found: Ahead) -> dict[str, int | None]:
    """Step -> days from now until it is over; nothing where that is not known."""
    return {one.step.id: None if one.due_at is None else round((one.due_at - NOW) / DAY) for one in found.stops}


def test_each_step_takes_its_period_after_the_one_before() -> None:
    drawn = diagram(begin(), user("a", within(5)), user("b", within(3)), end(), flows("s a b e"))
    found = ahead(drawn)
    assert days(found) == {"a": 5, "b": 8}
    assert round((found.end_at - NOW) / DAY) == 8 and (found.ends, found.endless) == ((("e", ()),), ())


def test_branches_run_side_by_side_and_the_longer_one_counts() -> None:
    drawn = diagram(
        begin(), fork("f"), user("a", within(5)), user("b", within(9)), fork("j"), user("c", within(1)), end(),
        flows("s f a j", "f b j c e"),
    )
    assert days(ahead(drawn)) == {"a": 5, "b": 9, "c": 10}


def test_a_case_that_runs_goes_on_from_where_it_stands_and_an_overdue_step_from_now() -> None:
    drawn = diagram(begin(), user("a", within(5)), user("b", within(3)), end(), flows("s a b e"))
    found = ahead(drawn, Stand("a", NOW - 2 * DAY))
    assert days(found) == {"a": -2, "b": 3}
    assert [one.stands for one in found.stops] == [True, False]


def test_what_is_known_decides_and_what_is_not_follows_the_flow_drawn_first() -> None:
    drawn = diagram(
        begin(form="p.paper"), choice("x", "x-c"), user("b"), user("c"), choice("y", "y-e2"), user("d"), end(), end("e2"),
        flows("s x", "x b | paper.n > 3", "x c", "b y", "c y", "y d | z = 1", "y e2", "d e"),
    )
    for n, way, sure in ((5, ["b", "d"], True), (1, ["c", "d"], True)):
        found = ahead(drawn, known=Known({"paper": {"n": n}}, unknown=frozenset({"z"})))
        assert [one.step.id for one in found.stops] == way
        [known], [assumed] = (one.choices for one in found.stops)
        assert (known.sure, known.others, assumed.sure, assumed.taken) == (sure, (), False, "d")
        assert [one.leads_to for one in assumed.others] == ["e2"]
    found = ahead(drawn, known=Known({}, unknown=frozenset({"paper", "z"})))
    assert [one.step.id for one in found.stops] == ["b", "d"] and not found.stops[0].choices[0].sure


def test_of_a_form_that_is_being_filled_in_only_what_is_filled_in_is_known() -> None:
    drawn = diagram(
        begin(form="p.paper"), choice("x", "x-c"), user("b"), user("c"), end(), flows("s x", "x b | paper.n > 3", "x c", "b e", "c e"),
    )
    for paper, way, sure in (({"n": 1}, "c", True), ({"n": None, "m": 1}, "b", False), ({}, "b", False)):
        [stop] = ahead(drawn, known=Known({"paper": paper}, partial=frozenset({"paper"}))).stops
        assert (stop.step.id, stop.choices[0].sure) == (way, sure)


def test_what_somebody_will_still_write_is_not_known_and_what_a_rule_answers_is() -> None:
    mapped = zeebe("ioMapping", zeebe("input", source="=paper.n", target="n"))
    drawn = diagram(
        begin(form="p.paper"), decide("r", "R", "answer", mapped), choice("x", "x-c"), user("b", zeebe("formDefinition", formId="p.paper")),
        choice("y", "y-f"), user("c"), user("d"), user("f"), end(),
        flows("s r x", "x b | answer.good", "x c", "b y", "y d | paper.n > 3", "y f", "c e", "d e", "f e"),
    )
    for n, way in ((5, ["b", "d"]), (1, ["c"])):
        found = ahead(drawn, known=Known({"paper": {"n": n}}), decided=lambda given: {"good": given["n"] > 3})
        assert [one.step.id for one in found.stops] == way
        assert found.stops[0].choices[0].sure
    assert not ahead(drawn, known=Known({"paper": {"n": 5}}), decided=lambda _: {"good": True}).stops[1].choices[0].sure


def test_a_rule_that_cannot_be_asked_is_done_without() -> None:
    def refuses(_given: Any) -> Any:
        raise ValueError("facts")

    drawn = diagram(
        begin(), decide("r", "R", "answer"), choice("x", "x-c"), user("b"), user("c"), end(),
        flows("s r x", "x b | answer = 1", "x c", "b e", "c e"),
    )
    [stop] = ahead(drawn, decided=refuses).stops
    assert (stop.step.id, stop.choices[0].sure) == ("b", False)


def test_what_papers_will_say_by_then_is_not_asked_today() -> None:
    drawn = diagram(
        begin(), choice("x", "x-c"), user("b"), user("c"), end(), flows("s x", 'x b | count(submissions("b")) > 0', "x c", "b e", "c e"),
    )
    [stop] = ahead(drawn).stops
    assert (stop.step.id, stop.choices[0].sure) == ("b", False)


def test_a_way_back_is_not_walked_for_ever() -> None:
    drawn = diagram(
        begin(), user("a", within(2)), choice("x", "x-e"), end(), flows("s a x", "x a | z = 1", "x e"),
    )
    found = ahead(drawn, known=Known({}, unknown=frozenset({"z"})))
    assert [one.step.id for one in found.stops] == ["a"] and [one for one, _ in found.ends] == ["e"]


def test_nobody_knows_how_long_a_message_takes() -> None:
    drawn = diagram(
        begin(), message("m", '"k"'), user("a", within(2)), on("message", "w", "m"), user("b", within(3)), end(), flows("s a w b e"),
    )
    found = ahead(drawn)
    assert (found.endless, days(found)) == (("w",), {"a": 2, "w": None, "b": 5})
    assert [one.after for one in found.stops] == [(), (), ("w",)]


def test_timers_sub_processes_and_what_is_on_the_border() -> None:
    drawn = diagram(
        begin(), sub("box", begin("ps"), catch("t", "P4D"), user("u", within(1)), end("pe"), flows("ps t u pe")),
        user("a", within(2)), boundary("late", "a", "P2D"), user("z"), end(), end("e2"), flows("s box a e", "late z e2"),
    )
    found = ahead(drawn)
    assert days(found) == {"t": 4, "u": 5, "a": 7}
    assert [one.leads_to for one in found.stops[-1].exits] == ["z"]


def test_the_first_of_several_events_is_assumed_and_links_are_followed() -> None:
    drawn = diagram(
        begin(), message("m", '"k"'), first_of("g"), on("message", "w", "m"), catch("t", "P1D"), throw("link", "l1", "L"),
        on("link", "l2", "L"), user("a"), end(), end("e2"), flows("s g w l1", "g t e2", "l2 a e"),
    )
    found = ahead(drawn)
    assert [one.step.id for one in found.stops] == ["w", "a"]
    assert [one.leads_to for one in found.stops[0].choices[0].others] == ["t"]


def test_a_called_process_is_followed_and_who_signs_in_turn_takes_turns() -> None:
    [inner] = read(CALLED, file="c.bpmn")
    drawn = diagram(begin(), call("c", "called"), times(user("a", within(2)), "3", sequential=True), end(), flows("s c a e"))
    found = ahead(drawn, called=inner)
    assert [(one.step.id, one.within) for one in found.stops] == [("c", ()), ("c1", ("c",)), ("c2", ("c",)), ("a", ())]
    assert days(found)["a"] == 6
    alone = ahead(drawn)  # a process that is not known is waited for
    assert alone.endless == ("c",)


def test_who_may_take_a_step_is_told_when_its_rule_reads_what_is_known() -> None:
    given = zeebe("assignmentDefinition", candidateGroups="=role(paper.unit)")
    drawn = diagram(begin(form="p.paper"), user("a", given), end(), flows("s a e"))
    rules = ahead(drawn, known=Known({"paper": {"unit": "u"}}), role=lambda at: {"role": "head", "at": at}).stops[0].candidates
    assert rules == ({"role": "head", "at": "u"},)
    assert ahead(drawn, known=Known({}, unknown=frozenset({"paper"}))).stops[0].candidates is None
    each = times(user("b", zeebe("assignmentDefinition", candidateGroups="=role(member)")), "2")
    each = each.replace("<bpmn:loopCardinality>2</bpmn:loopCardinality>", extensions(
        zeebe("loopCharacteristics", inputCollection="=[1, 2]", inputElement="member")
    ))  # fmt: skip
    [stop] = ahead(diagram(begin(), each, end(), flows("s b e")), role=lambda at: {"role": "head", "at": at}).stops
    assert stop.repeated and stop.candidates is None, "whom each member means is known to that member"


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_that_an_office_draws_has_a_way_to_an_end(shape: str) -> None:
    """From the start, and from wherever the engine says that the case stands; nothing of the case is changed."""
    drawn = read(SHAPES[shape], file="t.bpmn")[0]
    [inner] = read(CALLED, file="c.bpmn")
    for known in (Known({}), Known({}, unknown=frozenset({"a", "b", "n"}))):
        found = ahead(drawn, known=known, called=inner, decided=lambda _: {})
        assert len(found.stops) < 100
        assert all(one.begins_at >= NOW for one in found.stops)


def test_a_script_and_a_scope_end_where_they_should() -> None:
    drawn = diagram(
        begin(), script("c", "2", "n"),
        sub("box", begin("ps"), fork("f"), user("x", within(1)), user("y", within(6)), end("pe"), end("pe2"),
            flows("ps f x pe", "f y pe2")),
        choice("g", "g-b"), user("a", within(1)), user("b"), end(),
        flows("s c box g", "g a | n = 2", "g b", "a e", "b e"),
    )
    found = ahead(drawn)
    assert days(found) == {"x": 1, "y": 6, "a": 7}
    assert found.stops[-1].choices[0].sure


def test_nothing_is_kept_of_a_forecast() -> None:
    variables = {"paper": {"n": 5}}
    drawn = diagram(begin(form="p.paper"), script("c", "1", "paper"), user("a"), end(), flows("s c a e"))
    ahead(drawn, known=Known(variables))
    assert variables == {"paper": {"n": 5}}


