"""Event sub-processes: they wait beside their scope, take its place or run beside it, and never keep it open."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.workflows.engine.drawing import (
    NOW,
    Walk,
    begin,
    begin_on,
    boundary,
    choice,
    diagram,
    end,
    end_with,
    error,
    escalation,
    event_sub,
    flows,
    fork,
    message,
    on,
    script,
    signal,
    sub,
    terminate,
    throw,
    timer,
    user,
    what,
    zeebe,
)
from workflows.engine import Diagram
from workflows.engine.errors import ErrorNotCaught, NothingWaits


def drawn_of(*inside: str) -> Diagram:
    """A diagram with the message M (without key), the signal G, the errors E1 and E2 and the escalation U1."""
    return diagram(message("M"), signal("G"), error("E1"), error("E2"), escalation("U1"), *inside)


def beside(definition: str, *, interrupting: bool = True, name: str = "q", last: str = "", inside: str = "") -> str:
    """An event sub-process with one user task `x`."""
    first = begin_on(definition, f"{name}i", interrupting=interrupting, inside=inside)
    return event_sub(name, first, user(f"{name}x"), last or end(f"{name}o"), flows(f"{name}i {name}x {name}o"))


# --- interrupting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("definition", [timer("PT1H"), what("message", "M"), what("signal", "G")])
def test_it_takes_the_place_of_everything_in_its_scope(definition: str) -> None:
    drawn = drawn_of(begin(), fork("f"), user("a"), user("b"), end(), beside(definition), flows("s f a e", "f b e"))
    walk = Walk(drawn)
    walk.do("a", opinion="可")
    walk.fire("qi") if walk.waiting else walk.deliver("qi", why="撤")
    assert (walk.open, walk.waiting, walk.listening) == (["qx"], [], [])
    assert walk.variables["opinion"] == "可"
    progress = walk.do("qx", closing=1)
    assert (progress.completed, progress.ended) == (True, ("qo",))
    assert walk.variables["closing"] == 1
    assert walk.steps[-4:] == ["qi", "qx", "qo", "q"]


@pytest.mark.parametrize("definition", [timer("PT1H"), what("message", "M"), what("conditional", "n > 5")])
def test_it_keeps_no_scope_open(definition: str) -> None:
    walk = Walk(drawn_of(begin(), user("a"), end(), beside(definition), flows("s a e")))
    progress = walk.do("a")
    assert progress.completed
    assert len(progress.timers_closed + progress.subscriptions_closed) == (0 if "condit" in definition else 1)


def test_inside_a_sub_process_only_that_is_interrupted() -> None:
    inside = sub("p1", begin("pi"), user("a"), end("po"), beside(what("message", "M")), flows("pi a po"))
    drawn = drawn_of(begin(), fork("f"), inside, user("b"), fork("j"), user("c"), end(), flows("s f p1 j c e", "f b j"))
    walk = Walk(drawn)
    walk.deliver("qi")
    assert sorted(walk.open) == ["b", "qx"]
    walk.do("qx")
    walk.do("b")
    assert walk.open == ["c"]


def test_the_outer_timer_ends_a_body_that_runs() -> None:
    inside = sub("p1", begin("pi"), user("a"), end("po"), beside(what("message", "M")), flows("pi a po"))
    walk = Walk(drawn_of(begin(), inside, boundary("t", "p1", "P1D"), end(), flows("s p1 e", "t e")))
    walk.deliver("qi")
    progress = walk.fire("t")
    assert (progress.completed, len(progress.closed)) == (True, 1)


def test_once_interrupted_no_other_one_begins() -> None:
    drawn = drawn_of(
        begin(),
        user("a"),
        end(),
        beside(what("message", "M")),
        beside(what("signal", "G"), name="r"),
        beside(what("message", "M"), name="v", interrupting=False),
        flows("s a e"),
    )
    walk = Walk(drawn)
    assert walk.listening == ["qi", "ri", "vi"]
    walk.deliver("vi")
    progress = walk.deliver("qi")
    assert (walk.open, walk.listening, len(progress.closed)) == (["qx"], [], 2)


# --- not interrupting ------------------------------------------------------------------------------------------------


def test_it_runs_beside_and_goes_on_waiting() -> None:
    drawn = drawn_of(begin(), user("a"), end(), beside(what("message", "M"), interrupting=False), flows("s a e"))
    walk = Walk(drawn, {"n": 0})
    walk.deliver("qi", n=1)
    walk.deliver("qi", n=2)
    assert (walk.open, walk.listening) == (["a", "qx", "qx"], ["qi"])
    walk.do("qx")
    assert not walk.do("a").completed
    assert walk.listening == ["qi"]
    walk.deliver("qi", n=3)
    walk.do("qx")
    progress = walk.do("qx")
    assert (progress.completed, len(progress.subscriptions_closed)) == (True, 1)
    assert walk.variables == {"n": 3}


def test_a_timer_once_and_a_cycle_again_and_again() -> None:
    drawn = drawn_of(begin(), user("a"), end(), beside(timer("PT1H"), interrupting=False), flows("s a e"))
    walk = Walk(drawn)
    walk.fire("qi")
    assert (walk.open, walk.waiting) == (["a", "qx"], [])
    drawn = drawn_of(
        begin(), user("a"), end(), beside(timer("R2/PT1H", "timeCycle"), interrupting=False), flows("s a e")
    )
    walk = Walk(drawn)
    walk.fire("qi")
    assert walk.progress.timers[0].due_at == NOW + timedelta(hours=2)
    walk.fire("qi")
    assert (walk.open, walk.waiting) == (["a", "qx", "qx"], [])


def test_what_it_writes_is_known_after_its_scope() -> None:
    inside = sub(
        "p1",
        begin("pi"),
        user("a"),
        end("po"),
        beside(what("message", "M"), interrupting=False),
        flows("pi a po"),
    )
    drawn = drawn_of(begin(), inside, script("k", "note + 1", "next"), user("b"), end(), flows("s p1 k b e"))
    walk = Walk(drawn)
    walk.deliver("qi")
    walk.do("qx", note=41)
    walk.do("a")
    assert (walk.open, walk.variables["next"]) == (["b"], 42)


def test_a_condition_begins_it_each_time_it_comes_true() -> None:
    drawn = drawn_of(
        begin(),
        choice("m"),
        user("a"),
        choice("g"),
        end(),
        beside(what("conditional", "n > 2"), interrupting=False),
        flows("s m a g", "g m | n < 9", "g e | n >= 9"),
    )
    walk = Walk(drawn)
    for n, bodies in ((1, 0), (3, 1), (4, 1), (0, 1), (5, 2)):
        walk.do("a", n=n)
        assert walk.open.count("qx") == bodies


def test_the_output_mapping_of_its_start_says_what_it_takes() -> None:
    lines = zeebe("ioMapping", zeebe("output", source="=letter.text", target="said"))
    drawn = drawn_of(begin(), user("a"), end(), beside(what("message", "M"), inside=lines), flows("s a e"))
    walk = Walk(drawn)
    walk.deliver("qi", letter={"text": "好"}, noise=1)
    assert walk.variables == {"said": "好"}


# --- signals, errors, escalations from inside ------------------------------------------------------------------------


def test_a_signal_of_its_own_scope_begins_it() -> None:
    drawn = drawn_of(
        begin(),
        user("a"),
        throw("signal", "t", "G"),
        user("b"),
        end(),
        beside(what("signal", "G")),
        flows("s a t b e"),
    )
    walk = Walk(drawn)
    walk.do("a")
    assert (walk.open, walk.steps) == (["qx"], ["s", "a", "t", "qi"])
    assert walk.do("qx").completed


def test_an_error_begins_it_with_what_the_thrower_knew() -> None:
    drawn = drawn_of(
        begin(),
        fork("f"),
        user("a"),
        script("k", "n + 1", "m"),
        end_with("error", "x", "E1"),
        user("b"),
        end(),
        beside(what("error", "E1")),
        flows("s f a k x", "f b e"),
    )
    walk = Walk(drawn)
    progress = walk.do("a", n=1)
    assert (walk.open, progress.ended, len(progress.closed)) == (["qx"], ("x",), 1)
    assert walk.variables == {"n": 1, "m": 2}
    assert walk.do("qx").completed


def test_the_exact_code_comes_before_any_and_inner_before_outer() -> None:
    thrower = sub(
        "p1",
        begin("pi"),
        user("a"),
        choice("g"),
        end_with("error", "x1", "E1"),
        end_with("error", "x2", "E2"),
        end("po"),
        beside(what("error"), name="v"),
        beside(what("error", "E1"), name="w"),
        flows("pi a g", "g x1 | n = 1", "g x2 | n = 2", "g po | n = 3"),
    )
    drawn = drawn_of(begin(), thrower, end(), beside(what("error", "E1"), name="u"), flows("s p1 e"))
    for n, expected in ((1, ["wx"]), (2, ["vx"]), (3, [])):
        walk = Walk(drawn)
        walk.do("a", n=n)
        assert walk.open == expected


def test_an_error_from_the_body_goes_outwards_not_round_in_circles() -> None:
    again = end_with("error", "qo", "E1")
    inside = sub(
        "p1", begin("pi"), user("a"), end_with("error", "x", "E1"), beside(what("error"), last=again), flows("pi a x")
    )
    drawn = drawn_of(
        begin(),
        inside,
        beside(what("error", "E1"), name="r"),
        end(),
        flows("s p1 e"),
    )
    walk = Walk(drawn)
    walk.do("a")
    assert walk.open == ["qx"]
    walk.do("qx")
    assert walk.open == ["rx"]
    alone = Walk(
        drawn_of(begin(), user("a"), end_with("error", "x", "E1"), beside(what("error"), last=again), flows("s a x"))
    )
    alone.do("a")
    with pytest.raises(ErrorNotCaught, match="E1"):
        alone.do("qx")


def test_in_a_scope_that_was_interrupted_no_other_one_catches() -> None:
    drawn = drawn_of(
        begin(),
        user("a"),
        choice("g"),
        end_with("error", "x1", "E1"),
        end_with("error", "x2", "E2"),
        beside(what("error", "E1"), last=end_with("error", "qo", "E2")),
        beside(what("error", "E2"), name="r"),
        flows("s a g", "g x1 | n = 1", "g x2 | n = 2"),
    )
    walk = Walk(drawn)
    walk.do("a", n=2)
    assert walk.open == ["rx"]
    walk = Walk(drawn)
    walk.do("a", n=1)
    with pytest.raises(ErrorNotCaught, match="E2"):
        walk.do("qx")


def test_an_escalation_runs_it_beside_the_thrower() -> None:
    drawn = drawn_of(
        begin(),
        user("a"),
        throw("escalation", "t", "U1"),
        user("b"),
        end_with("escalation", "e", "U1"),
        beside(what("escalation", "U1"), interrupting=False),
        flows("s a t b e"),
    )
    walk = Walk(drawn)
    walk.do("a")
    assert sorted(walk.open) == ["b", "qx"]
    walk.do("b")
    assert (walk.open, walk.progress.completed) == (["qx", "qx"], False)
    walk.do("qx")
    assert walk.do("qx").completed


def test_a_body_does_not_begin_itself() -> None:
    again = end_with("escalation", "qo", "U1")
    drawn = drawn_of(
        begin(),
        user("a"),
        throw("escalation", "t", "U1"),
        end(),
        beside(what("escalation", "U1"), interrupting=False, last=again),
        flows("s a t e"),
    )
    walk = Walk(drawn)
    walk.do("a")
    assert walk.do("qx").completed


def test_an_end_event_that_escalates_leaves_messages_waiting_for_the_body() -> None:
    drawn = drawn_of(
        begin(),
        user("a"),
        end_with("escalation", "e", "U1"),
        beside(what("escalation", "U1"), interrupting=False),
        beside(what("message", "M"), name="r", interrupting=False),
        flows("s a e"),
    )
    walk = Walk(drawn)
    walk.do("a")
    assert (walk.open, walk.listening) == (["qx"], ["ri"])
    walk.deliver("ri")
    walk.do("qx")
    assert walk.do("rx").completed


def test_an_escalation_that_interrupts() -> None:
    drawn = drawn_of(
        begin(),
        fork("f"),
        user("a"),
        throw("escalation", "t", "U1"),
        user("b"),
        user("c"),
        end(),
        beside(what("escalation", "U1")),
        flows("s f a t b e", "f c e"),
    )
    walk = Walk(drawn)
    walk.do("a")
    assert walk.open == ["qx"]
    assert walk.do("qx").completed


# --- nested, in loops ------------------------------------------------------------------------------------------------


def test_one_inside_the_body_of_another() -> None:
    inner = beside(what("message", "M"), name="r")
    outer = event_sub("q", begin_on(what("signal", "G"), "qi"), user("qx"), end("qo"), inner, flows("qi qx qo"))
    walk = Walk(drawn_of(begin(), user("a"), end(), outer, flows("s a e")))
    assert walk.listening == ["qi"]
    walk.deliver("qi")
    assert (walk.open, walk.listening) == (["qx"], ["ri"])
    walk.deliver("ri")
    assert walk.open == ["rx"]
    assert walk.do("rx").completed


def test_a_sub_process_in_a_loop_listens_anew_each_time() -> None:
    inside = sub("p1", begin("pi"), user("a"), end("po"), beside(what("message", "M")), flows("pi a po"))
    drawn = drawn_of(
        begin(),
        choice("m"),
        inside,
        choice("g"),
        end(),
        flows("s m p1 g", "g m | n < 3", "g e | n >= 3"),
    )
    walk = Walk(drawn)
    walk.do("a", n=1)
    walk.deliver("qi", n=2)
    walk.do("qx")
    assert (walk.open, walk.listening) == (["a"], ["qi"])
    walk.deliver("qi", n=3)
    assert walk.do("qx").completed


def test_terminate_inside_the_body_ends_only_the_body() -> None:
    drawn = drawn_of(
        begin(),
        user("a"),
        end(),
        beside(what("message", "M"), interrupting=False, last=terminate("qo")),
        flows("s a e"),
    )
    walk = Walk(drawn)
    walk.deliver("qi")
    walk.do("qx")
    assert (walk.open, walk.listening) == (["a"], ["qi"])
    assert walk.do("a").completed


def test_terminate_in_the_scope_ends_bodies_and_listeners() -> None:
    drawn = drawn_of(begin(), user("a"), terminate(), beside(what("message", "M"), interrupting=False), flows("s a e"))
    walk = Walk(drawn)
    walk.deliver("qi")
    progress = walk.do("a")
    assert (progress.completed, len(progress.closed), len(progress.subscriptions_closed)) == (True, 1, 1)


def test_a_listener_hides_no_stuck_join() -> None:
    drawn = drawn_of(
        begin(),
        choice("g"),
        user("a"),
        user("b"),
        fork("j"),
        end(),
        beside(what("message", "M")),
        flows("s g", "g a | n = 1", "g b | n != 1", "a j e", "b j"),
    )
    walk = Walk(drawn, {"n": 1})
    with pytest.raises(NothingWaits, match="j"):
        walk.do("a")


def test_a_catch_and_a_listener_of_one_signal_both_hear_it() -> None:
    drawn = drawn_of(
        begin(),
        fork("f"),
        on("signal", "c", "G"),
        user("a"),
        throw("signal", "t", "G"),
        end(),
        user("b"),
        beside(what("signal", "G"), interrupting=False),
        flows("s f c b e", "f a t e"),
    )
    walk = Walk(drawn)
    walk.do("a")
    assert sorted(walk.open) == ["b", "qx"]
    assert walk.listening == ["qi"]
