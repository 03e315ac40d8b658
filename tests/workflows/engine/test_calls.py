"""Call activities: what goes in, what comes back, and what a called process reports."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.workflows.engine.drawing import (
    Walk,
    at,
    begin,
    begin_on,
    boundary,
    call,
    choice,
    diagram,
    end,
    end_with,
    error,
    escalation,
    event_sub,
    flows,
    fork,
    house,
    script,
    sub,
    throw,
    user,
    what,
    zeebe,
)
from workflows.engine import Diagram, OpenedCall, Reported, report, resume
from workflows.engine.errors import CallNotOpen, ErrorNotCaught, ExpressionFailed, ReservedName


def mapping(*lines: tuple[str, str, str]) -> str:
    return zeebe("ioMapping", "".join(zeebe(tag, source=source, target=target) for tag, source, target in lines))


def drawn_of(*inside: str) -> Diagram:
    """A diagram with the errors E1 and E2 and the escalations U1 and U2."""
    return diagram(error("E1"), error("E2"), escalation("U1"), escalation("U2"), *inside)


def test_everything_goes_in_and_what_changed_comes_back() -> None:
    drawn = diagram(begin(), call("c", "check"), user("b"), end(), flows("s c b e"))
    walk = Walk(drawn, {"a": 1, "rows": [1]})
    ((token, step),) = walk.calls.items()
    assert walk.progress.calls == (OpenedCall(token, "c", "check", {"a": 1, "rows": [1]}),)
    assert step == "c"
    progress = walk.resume("c", a=1, rows=[1, 2], found={"x": True})
    assert (walk.open, progress.calls_closed) == (["b"], ())
    assert walk.variables == {"a": 1, "rows": [1, 2], "found": {"x": True}}
    assert walk.steps == ["s", "c"]


def test_what_a_called_process_left_as_it_was_hides_nothing() -> None:
    drawn = diagram(begin(), fork("f"), call("c", "check"), user("b"), fork("j"), end(), flows("s f c j e", "f b j"))
    walk = Walk(drawn, {"x": 1})
    walk.do("b", x=2)
    walk.resume("c", x=1, y=3)
    assert walk.variables == {"x": 2, "y": 3}


def test_inputs_and_outputs_are_all_there_is_when_the_diagram_says_so() -> None:
    lines = mapping(("input", "=a + 1", "given"), ("output", "=result * 2", "doubled"))
    drawn = diagram(begin(), call("c", "check", lines, propagateAllParentVariables="false"), end(), flows("s c e"))
    walk = Walk(drawn, {"a": 1, "secret": 5})
    assert walk.progress.calls[0].variables == {"given": 2}
    walk.resume("c", result=21, noise=1)
    assert walk.variables == {"a": 1, "secret": 5, "doubled": 42}


def test_what_was_given_to_the_called_process_alone_does_not_come_back() -> None:
    drawn = diagram(begin(), call("c", "check", mapping(("input", "=a + 1", "given"))), end(), flows("s c e"))
    walk = Walk(drawn, {"a": 1})
    assert walk.progress.calls[0].variables == {"a": 1, "given": 2}
    walk.resume("c", a=1, given=3, found=4)
    assert walk.variables == {"a": 1, "found": 4}


def test_nothing_comes_back_when_the_diagram_says_so() -> None:
    drawn = diagram(begin(), call("c", "check", propagateAllChildVariables="false"), end(), flows("s c e"))
    walk = Walk(drawn, {"a": 1})
    assert walk.resume("c", a=2, b=3).completed
    assert walk.variables == {"a": 1}


def test_the_called_process_may_be_computed() -> None:
    drawn = diagram(begin(), call("c", '="check_" + place'), end(), flows("s c e"))
    assert Walk(drawn, {"place": "gx"}).progress.calls[0].process_id == "check_gx"
    for place in (None, 5):
        with pytest.raises(ExpressionFailed, match="calledElement"):
            Walk(drawn, {"place": place})


def test_only_a_waiting_call_can_return() -> None:
    drawn = diagram(begin(), call("c", "check"), user("b"), end(), flows("s c b e"))
    walk = Walk(drawn)
    (token,) = walk.calls
    first = walk.progress.state
    with pytest.raises(ReservedName):
        resume(drawn, first, token, {"policy": 1}, house())
    walk.resume("c")
    for wrong in (token, walk.token("b"), "root"):
        with pytest.raises(CallNotOpen):
            resume(drawn, walk.progress.state, wrong, {}, house())
        with pytest.raises(CallNotOpen):
            report(drawn, walk.progress.state, wrong, "error", "E1", {}, house())
    with pytest.raises(ValueError, match="signal"):
        report(drawn, first, token, "signal", "E1", {}, house())


def test_a_timer_and_an_outer_end_call_the_called_process_off() -> None:
    drawn = diagram(begin(), call("c", "check"), boundary("t", "c", "P5D"), user("b"), end(), flows("s c e", "t b e"))
    walk = Walk(drawn)
    (token,) = walk.calls
    assert walk.fire("t").calls_closed == (token,)
    assert walk.open == ["b"]
    inside = sub("q", begin("i"), call("c", "check"), end("o"), flows("i c o"))
    outer = Walk(diagram(begin(), inside, boundary("t", "q", "P5D"), end(), flows("s q e", "t e")))
    assert len(outer.fire("t").calls_closed) == 1


def caller(*more: str) -> Walk:
    """A call with borders for E1, any error, U1 and (not interrupting) any escalation."""
    drawn = drawn_of(
        begin(),
        call("c", "check"),
        at("error", "b1", "c", "E1"),
        at("error", "b2", "c"),
        at("escalation", "b3", "c", "U1"),
        at("escalation", "b4", "c", cancel=False),
        user("n"),
        *(user(f"x{n}") for n in (1, 2, 3, 4)),
        end(),
        flows("s c n e", *(f"b{n} x{n} e" for n in (1, 2, 3, 4))),
        *more,
    )
    return Walk(drawn, {"a": 1})


@pytest.mark.parametrize(("code", "step"), [("E1", "x1"), ("E2", "x2"), ("", "x2"), ("other", "x2")])
def test_an_error_of_the_called_process_is_caught_on_the_border(code: str, step: str) -> None:
    walk = caller()
    progress = walk.report("c", "error", code, a=1, why="不符")
    assert (walk.open, progress.calls_closed, walk.calls) == ([step], (), {})
    assert walk.variables == {"a": 1, "why": "不符"}


def test_an_escalation_of_the_called_process_may_leave_it_running() -> None:
    walk = caller()
    (token,) = walk.calls
    progress = walk.report("c", "escalation", "U2", why="迟")
    assert (walk.open, progress.calls_closed, list(walk.calls)) == (["x4"], (), [token])
    walk.report("c", "escalation", "U9", why="更迟")
    assert walk.open == ["x4", "x4"]
    progress = walk.report("c", "escalation", "U1")
    assert (walk.open, progress.calls_closed) == (["x4", "x4", "x3"], (token,))


def test_an_error_goes_outwards_until_somebody_catches_it() -> None:
    inside = sub("q", begin("i"), call("c", "check"), end("o"), flows("i c o"))
    drawn = drawn_of(begin(), inside, at("error", "b", "q", "E1"), user("x"), end(), flows("s q e", "b x e"))
    walk = Walk(drawn)
    walk.report("c", "error", "E1", why=1)
    assert (walk.open, walk.variables) == (["x"], {"why": 1})
    walk = Walk(drawn)
    with pytest.raises(ErrorNotCaught, match="E2"):
        walk.report("c", "error", "E2")


def test_what_nobody_catches_is_the_callers_callers() -> None:
    drawn = drawn_of(begin(), fork("f"), call("c", "check"), user("b"), end(), flows("s f c e", "f b e"))
    lent = replace(house(), called=True)
    walk = Walk(drawn, {"a": 1}, lent)
    progress = walk.report("c", "escalation", "U1", why=1)
    assert progress.reported == (Reported("escalation", "U1", "c", {"a": 1, "why": 1}),)
    assert (progress.completed, walk.open) == (False, ["b"])
    progress = walk.report("c", "error", "E1", why=2)
    assert progress.reported == (Reported("error", "E1", "c", {"a": 1, "why": 2}),)
    assert (progress.completed, walk.open, progress.ended) == (True, [], ())
    assert walk.variables == {"a": 1, "why": 2}


def test_an_escalation_nobody_catches_passes() -> None:
    drawn = drawn_of(begin(), call("c", "check"), end(), flows("s c e"))
    walk = Walk(drawn)
    progress = walk.report("c", "escalation", "U1", why=1)
    assert (progress.reported, list(walk.calls.values()), walk.variables) == ((), ["c"], {})
    assert walk.resume("c").completed


def test_calls_in_a_loop_and_side_by_side() -> None:
    drawn = diagram(
        begin(),
        choice("m"),
        fork("f"),
        call("c", "one"),
        call("d", "two"),
        fork("j"),
        script("k", "if n = null then 1 else n + 1", "n"),
        choice("g"),
        end(),
        flows("s m f c j k g", "f d j", "g m | n < 3", "g e | n >= 3"),
    )
    walk = Walk(drawn)
    for order in ("cd", "dc", "cd"):
        assert sorted(walk.calls.values()) == ["c", "d"]
        for step in order:
            walk.resume(step, **{step: step})
    assert walk.progress.completed
    assert walk.variables == {"c": "c", "d": "d", "n": 3}


def test_a_called_process_that_throws_ends_with_what_it_knew() -> None:
    drawn = drawn_of(
        begin(),
        fork("f"),
        user("a"),
        user("b"),
        user("c"),
        throw("escalation", "t", "U1"),
        end_with("error", "x", "E1"),
        end(),
        flows("s f a t x", "f b c e"),
    )
    walk = Walk(drawn, {"n": 1}, replace(house(), called=True))
    walk.do("b", beside=3)
    progress = walk.do("a", m=2)
    assert progress.reported == (
        Reported("escalation", "U1", "t", {"n": 1, "m": 2}),
        Reported("error", "E1", "x", {"n": 1, "m": 2}),
    )
    assert (progress.completed, len(progress.closed), progress.ended) == (True, 1, ("x",))
    assert walk.variables == {"n": 1, "m": 2, "beside": 3}
    with pytest.raises(ErrorNotCaught, match="E1"):
        Walk(drawn).do("a")


def test_an_event_sub_process_catches_what_a_called_process_reports() -> None:
    drawn = drawn_of(
        begin(),
        call("c", "check"),
        end(),
        event_sub("q", begin_on(what("error", "E1"), "i"), user("x"), end("o"), flows("i x o")),
        flows("s c e"),
    )
    walk = Walk(drawn)
    walk.report("c", "error", "E1", why="x")
    assert (walk.open, walk.calls, walk.variables) == (["x"], {}, {"why": "x"})
    assert walk.do("x").completed


def test_true_is_another_value_than_1() -> None:
    drawn = diagram(begin(), call("c", "check"), end(), flows("s c e"))
    walk = Walk(drawn, {"n": 1})
    walk.resume("c", n=True)
    assert walk.variables["n"] is True
