"""Events inside and on the border of repetitions, whose members sleep beside the state."""

from __future__ import annotations

import pytest

from tests.workflows.engine.drawing import (
    Walk,
    again,
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
    first_of,
    flows,
    fork,
    message,
    on,
    receive,
    script,
    signal,
    sub,
    throw,
    times,
    undo,
    user,
    what,
    zeebe,
)
from workflows.engine import Diagram
from workflows.engine.codec import opened
from workflows.engine.errors import TooManyTokens


def drawn_of(*inside: str) -> Diagram:
    return diagram(message("M"), signal("G"), error("E1"), escalation("U1"), *inside)


@pytest.fixture(params=[3, 12], ids=["inside", "beside"])
def many(request: pytest.FixtureRequest) -> int:
    """A few members, which lie in the state, and many, which lie beside it."""
    number: int = request.param
    return number


def test_a_signal_reaches_every_member(many: int) -> None:
    inside = sub("q", begin("i"), user("a"), at("signal", "w", "a", "G"), user("x"), end("o"), flows("i a o", "w x o"))
    drawn = drawn_of(
        begin(),
        fork("f"),
        times(inside, str(many)),
        user("b"),
        throw("signal", "t", "G"),
        end(),
        flows("s f q e", "f b t e"),
    )
    walk = Walk(drawn)
    walk.do("a")
    progress = walk.do("b")
    assert walk.open == ["x"] * (many - 1)
    assert (len(progress.closed), len(progress.subscriptions_closed)) == (many - 1, many - 1)
    for _ in range(many - 1):
        progress = walk.do("x")
    assert progress.completed


def test_a_condition_inside_a_member_sees_what_that_member_wrote(many: int) -> None:
    inside = sub(
        "q",
        begin("i"),
        fork("f"),
        user("a"),
        user("b"),
        at("conditional", "k", "b", "n > loopCounter"),
        end("o"),
        flows("i f a o", "f b o", "k o"),
    )
    walk = Walk(drawn_of(begin(), times(inside, str(many)), end(), flows("s q e")))
    first, second, *_ = [token for token, step in walk.tokens.items() if step == "a"]
    walk.complete(second, {"n": 2})
    assert walk.open.count("b") == many
    walk.complete(first, {"n": 2})
    assert walk.open.count("b") == many - 1


def test_a_condition_inside_a_member_sees_what_the_outside_writes(many: int) -> None:
    inside = sub(
        "q", begin("i"), user("a"), at("conditional", "k", "a", "stop = loopCounter"), end("o"), flows("i a o", "k o")
    )
    drawn = drawn_of(begin(), fork("f"), times(inside, str(many)), user("b"), end(), flows("s f q e", "f b e"))
    walk = Walk(drawn)
    progress = walk.do("b", stop=2)
    assert (walk.open, len(progress.closed)) == (["a"] * (many - 1), 1)


def test_an_error_of_one_member_ends_all(many: int) -> None:
    inside = sub(
        "q",
        begin("i"),
        user("a"),
        receive("r", "M"),
        choice("g"),
        end_with("error", "x", "E1"),
        end("o"),
        flows("i a r g", "g x | fail", "g o | not(fail)"),
    )
    drawn = drawn_of(
        begin(), times(inside, str(many)), at("error", "w", "q", "E1"), user("n"), end(), flows("s q e", "w n e")
    )
    walk = Walk(drawn)
    tokens = list(walk.tokens)
    walk.complete(tokens[0], {"fail": False})
    walk.complete(tokens[1], {"fail": True})
    assert walk.listening == ["r", "r"]
    one, two = walk.subscriptions.values()
    walk.deliver("r")
    progress = walk.deliver("r")
    assert (one.step_id, two.step_id) == ("r", "r")
    assert (walk.open, len(progress.closed)) == (["n"], many - 2)


def test_an_escalation_of_a_member_leaves_the_others(many: int) -> None:
    inside = sub("q", begin("i"), user("a"), throw("escalation", "t", "U1"), user("b"), end("o"), flows("i a t b o"))
    drawn = drawn_of(
        begin(),
        times(inside, str(many)),
        at("escalation", "w", "q", "U1", cancel=False),
        user("n"),
        end(),
        flows("s q e", "w n e"),
    )
    walk = Walk(drawn)
    walk.do("a", why=1)
    assert sorted(walk.open) == ["a"] * (many - 1) + ["b", "n"]
    assert walk.variables["why"] == 1


def test_calls_and_messages_of_members(many: int) -> None:
    drawn = drawn_of(
        begin(),
        fork("f"),
        times(call("c", "check"), str(many)),
        at("error", "w", "c", "E1"),
        times(receive("r", "M"), str(many)),
        user("n"),
        fork("j"),
        user("z"),
        end(),
        flows("s f c j z e", "f r j", "w n e"),
    )
    walk = Walk(drawn)
    assert (len(walk.calls), len(walk.subscriptions)) == (many, many)
    for _ in range(many):
        walk.resume("c")
        walk.deliver("r")
    assert walk.open == ["z"]
    walk = Walk(drawn)
    walk.resume("c")
    progress = walk.report("c", "error", "E1", why="x")
    assert (walk.open, len(progress.calls_closed), walk.variables["why"]) == (["n"], many - 2, "x")


def test_compensation_inside_each_member(many: int) -> None:
    inside = sub(
        "q",
        begin("i"),
        user("a"),
        undo("a", "ua"),
        user("ua", isForCompensation="true"),
        user("b"),
        throw("compensate", "t"),
        end("o"),
        flows("i a b t o"),
    )
    walk = Walk(drawn_of(begin(), times(inside, str(many)), user("z"), end(), flows("s q z e")))
    for step in ("a", "b", "ua"):
        assert walk.open == [step] * many
        for _ in range(many):
            walk.do(step)
    ((_, _, rows),) = opened(walk.progress.state)["s"]
    assert [row[1] for row in rows] == ["z"]
    assert walk.do("z").completed


def test_gateways_and_event_sub_processes_inside_members(many: int) -> None:
    inside = sub(
        "q",
        begin("i"),
        first_of("w"),
        on("message", "m", "M"),
        on("conditional", "k", "go = loopCounter"),
        user("a"),
        end("o"),
        event_sub("v", begin_on(what("signal", "G"), "vi"), user("vx"), end("vo"), flows("vi vx vo")),
        flows("i w m a o", "w k o"),
    )
    drawn = drawn_of(begin(), times(inside, str(many)), user("z"), end(), flows("s q z e"))
    walk = Walk(drawn)
    assert walk.listening.count("m") == walk.listening.count("vi") == many
    walk.deliver("m")
    walk.deliver("vi")
    assert sorted(walk.open) == ["vx"]
    walk.deliver("m", go=3)
    assert sorted(walk.open) == ["a", "vx"]


def test_a_loop_of_a_sub_process_that_fails_leaves_by_the_border() -> None:
    inside = sub(
        "q",
        begin("i"),
        user("a"),
        choice("g"),
        end_with("error", "x", "E1"),
        end("o"),
        flows("i a g", "g x | n > 2", "g o | n <= 2"),
    )
    drawn = drawn_of(begin(), again(inside, most="9"), at("error", "w", "q"), user("z"), end(), flows("s q e", "w z e"))
    walk = Walk(drawn)
    for n in (1, 2, 3):
        walk.do("a", n=n)
    assert walk.open == ["z"]


def test_what_multiplies_within_what_multiplies_is_an_incident() -> None:
    inner = times(user("a"), "300")
    middle = times(sub("q", begin("i"), inner, end("o"), flows("i a o")), "300")
    with pytest.raises(TooManyTokens, match="a"):
        Walk(diagram(begin(), middle, end(), flows("s q e")))


def test_a_timer_on_a_repetition_of_sub_processes_closes_every_wait(many: int) -> None:
    inside = sub(
        "q",
        begin("i"),
        user("a", zeebe("ioMapping", zeebe("input", source="=loopCounter", target="n"))),
        boundary("r", "a", "PT1H", cancel=False),
        script("k", "1", "n"),
        end("o"),
        flows("i a o", "r k o"),
    )
    drawn = drawn_of(begin(), times(inside, str(many)), boundary("t", "q", "P9D"), end(), flows("s q e", "t e"))
    walk = Walk(drawn)
    walk.do("a")
    progress = walk.fire("t")
    assert (progress.completed, len(progress.closed), len(progress.timers_closed)) == (True, many - 1, many - 1)
