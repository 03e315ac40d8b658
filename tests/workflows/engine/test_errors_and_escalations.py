"""Errors, escalations and terminate on the borders of sub-processes: who catches what, and what becomes of the rest."""

from __future__ import annotations

import itertools

import pytest

from tests.workflows.engine.drawing import (
    Walk,
    at,
    begin,
    boundary,
    choice,
    diagram,
    end,
    end_with,
    error,
    escalation,
    extensions,
    flows,
    fork,
    node,
    script,
    sub,
    terminate,
    throw,
    times,
    user,
    zeebe,
)
from workflows.engine import Diagram
from workflows.engine.codec import opened
from workflows.engine.errors import EndlessLoop, ErrorNotCaught, ExpressionFailed


def drawn_of(*inside: str) -> Diagram:
    """A diagram with the errors E1 and E2 and the escalations U1 and U2."""
    return diagram(error("E1"), error("E2"), escalation("U1"), escalation("U2"), *inside)


def failing(name: str = "q", code: str = "E1", *more: str) -> str:
    """A sub-process in which `a` decides (fail = true) whether it ends by the error."""
    p = name
    return sub(
        name,
        begin(f"{p}i"),
        user(f"{p}a"),
        choice(f"{p}g"),
        end_with("error", f"{p}x", code),
        end(f"{p}o"),
        *more,
        flows(f"{p}i {p}a {p}g", f"{p}g {p}x | fail", f"{p}g {p}o | not(fail)"),
    )


def test_an_error_ends_the_sub_process_and_leaves_by_its_border() -> None:
    drawn = drawn_of(
        begin(), failing(), at("error", "b", "q", "E1"), user("x"), user("n"), end(), flows("s q n e", "b x e")
    )
    walk = Walk(drawn)
    (_, _, rows), _ = opened(walk.progress.state)["s"]
    assert [row[1] for row in rows] == ["q"]  # an error is waited for by nobody
    progress = walk.do("qa", fail=True, why="缺材料")
    assert (walk.open, progress.ended) == (["x"], ("qx",))
    assert walk.steps == ["s", "qi", "qa", "qg", "qx", "b"]
    assert walk.variables == {"fail": True, "why": "缺材料"}
    walk = Walk(drawn)
    walk.do("qa", fail=False)
    assert walk.open == ["n"]


def test_other_branches_inside_are_called_off_with_what_they_wrote() -> None:
    inside = sub(
        "q",
        begin("i"),
        fork("f"),
        user("a"),
        user("b"),
        user("c"),
        boundary("t", "b", "PT1H"),
        end_with("error", "x", "E1"),
        end("o"),
        flows("i f a x", "f b o", "f c o", "t o"),
    )
    walk = Walk(drawn_of(begin(), inside, at("error", "w", "q"), user("n"), end(), flows("s q e", "w n e")))
    walk.do("c", c=1)
    progress = walk.do("a", a=2)
    assert (walk.open, len(progress.closed), len(progress.timers_closed)) == (["n"], 1, 1)
    assert walk.variables == {"c": 1, "a": 2}


def test_the_nearest_border_that_fits_catches() -> None:
    def walk_of(code: str) -> Walk:
        inner = failing("q", code)
        other = failing("v", "E1")
        middle = sub(
            "m",
            begin("mi"),
            inner,
            other,
            at("error", "mb", "q", "E1") if code == "E1" else "",
            user("mx") if code == "E1" else "",
            end("mo"),
            flows("mi q v mo", *(["mb mx mo"] if code == "E1" else [])),
        )
        walk = Walk(
            drawn_of(
                begin(),
                middle,
                at("error", "b2", "m"),
                user("x2"),
                end(),
                flows("s m e", "b2 x2 e"),
            )
        )
        walk.do("qa", fail=True)
        return walk

    assert walk_of("E1").open == ["mx"]
    assert walk_of("E2").open == ["x2"]


def test_an_error_that_nobody_catches_is_an_incident_and_nothing_moved() -> None:
    drawn = drawn_of(begin(), failing(), at("error", "b", "q", "E1"), end(), flows("s q e", "b e"))
    other = drawn_of(begin(), failing(code="E2"), user("n"), end(), flows("s q n e"))
    assert Walk(drawn).do("qa", fail=True).completed
    walk = Walk(other)
    state = walk.progress.state
    with pytest.raises(ErrorNotCaught, match="E2"):
        walk.do("qa", fail=True)
    assert walk.progress.state == state


def test_a_computed_code() -> None:
    inside = sub("q", begin("i"), user("a"), end_with("error", "x", "EX"), flows("i a x"))
    drawn = diagram(
        error("E1"),
        error("EX", "=code"),
        begin(),
        inside,
        at("error", "b", "q", "E1"),
        at("error", "c", "q"),
        user("x1"),
        user("x2"),
        end(),
        flows("s q e", "b x1 e", "c x2 e"),
    )
    for code, step in (("E1", "x1"), ("E7", "x2")):
        walk = Walk(drawn)
        walk.do("a", code=code)
        assert walk.open == [step]
    with pytest.raises(ExpressionFailed, match="name"):
        Walk(drawn).do("a", code=7)


def test_an_error_inside_a_loop_comes_each_time() -> None:
    drawn = drawn_of(
        begin(),
        choice("m"),
        failing(),
        at("error", "b", "q", "E1"),
        user("x"),
        end(),
        flows("s m q e", "b x m"),
    )
    walk = Walk(drawn)
    for _ in range(3):
        walk.do("qa", fail=True)
        assert walk.open == ["x"]
        walk.do("x")
    assert walk.do("qa", fail=False).completed


def test_an_endless_circle_of_errors_is_guarded() -> None:
    inside = sub("q", begin("i"), end_with("error", "x", "E1"), flows("i x"))
    with pytest.raises(EndlessLoop):
        Walk(drawn_of(begin(), choice("m"), inside, at("error", "b", "q"), end(), flows("s m q e", "b m")))


def test_an_error_of_one_member_ends_the_whole_repetition() -> None:
    drawn = drawn_of(
        begin(),
        times(failing(), "3"),
        at("error", "b", "q", "E1"),
        user("x"),
        user("n"),
        end(),
        flows("s q n e", "b x e"),
    )
    walk = Walk(drawn)
    first, second, third = walk.tokens
    walk.complete(second, {"fail": False})
    progress = walk.complete(third, {"fail": True, "why": 3})
    assert (walk.open, progress.closed) == (["x"], (first,))
    assert walk.variables["why"] == 3


@pytest.mark.parametrize("cancel", [True, False])
def test_an_escalation_on_the_border(cancel: bool) -> None:
    inside = sub("q", begin("i"), user("a"), throw("escalation", "t", "U1"), user("c"), end("o"), flows("i a t c o"))
    drawn = drawn_of(
        begin(),
        inside,
        at("escalation", "b", "q", "U1", cancel=cancel),
        user("x"),
        user("n"),
        end(),
        flows("s q n e", "b x e"),
    )
    walk = Walk(drawn)
    walk.do("a", why="久")
    assert sorted(walk.open) == (["x"] if cancel else ["c", "x"])
    assert walk.variables == {"why": "久"}
    if not cancel:
        walk.do("c")
        assert sorted(walk.open) == ["n", "x"]


def test_an_escalation_that_nobody_catches_passes() -> None:
    inside = sub(
        "q", begin("i"), throw("escalation", "t", "U2"), user("c"), end_with("escalation", "o", "U2"), flows("i t c o")
    )
    more = sub("w", begin("wi"), throw("escalation", "wt", "U1"), end("wo"), flows("wi wt wo"))
    drawn = drawn_of(
        begin(), inside, more, at("escalation", "b", "w", "U1"), user("x"), end(), flows("s q w e", "b x e")
    )
    walk = Walk(drawn)
    assert walk.open == ["c"]
    walk.do("c")
    assert walk.open == ["x"]


def test_an_escalation_goes_past_those_who_do_not_want_it() -> None:
    inner = sub("q", begin("i"), user("a"), throw("escalation", "t", "U1"), end("o"), flows("i a t o"))
    other = sub("v", begin("vi"), throw("escalation", "vt", "U2"), end("vo"), flows("vi vt vo"))
    outer = sub(
        "m",
        begin("mi"),
        inner,
        other,
        at("escalation", "mb", "q", "U1", cancel=False),
        user("mx"),
        end("mo"),
        flows("mi q v mo", "mb mx mo"),
    )
    drawn = drawn_of(
        begin(), outer, at("escalation", "b", "m", cancel=False), user("x"), end(), flows("s m e", "b x e")
    )
    walk = Walk(drawn)
    walk.do("a")
    assert sorted(walk.open) == ["mx", "x"]
    for order in itertools.permutations(("mx", "x")):
        again = Walk(drawn)
        again.do("a")
        for step in order:
            again.do(step)
        assert again.progress.completed


def test_the_output_mapping_of_a_border_says_what_it_takes() -> None:
    lines = zeebe("ioMapping", zeebe("output", source="=why + 1", target="because"))
    drawn = drawn_of(
        begin(), failing(), at("error", "b", "q", "E1", inside=lines), user("x"), end(), flows("s q e", "b x e")
    )
    walk = Walk(drawn)
    walk.do("qa", fail=True, why=1)
    assert walk.variables == {"fail": True, "why": 1, "because": 2}


def test_what_is_given_to_a_sub_process_stays_inside() -> None:
    lines = zeebe("input", source="=a + 1", target="a") + zeebe("input", source="=5", target="b")
    inside = node(
        "subProcess",
        "q",
        extensions(zeebe("ioMapping", lines + zeebe("output", source="=a + b", target="total")))
        + begin("i")
        + script("k", "a * 10", "c")
        + user("u")
        + choice("g")
        + end_with("error", "x", "E1")
        + end("o")
        + flows("i k u g", "g x | fail", "g o | not(fail)"),
    )
    drawn = drawn_of(
        begin(),
        inside,
        at("error", "w", "q"),
        boundary("t", "q", "P1D"),
        user("z"),
        end(),
        flows("s q e", "w z e", "t z"),
    )
    walk = Walk(drawn, {"a": 1})
    assert walk.variables == {"a": 2, "b": 5, "c": 20}
    assert walk.do("u", fail=False, a=7).variables == {"a": 1, "c": 20, "fail": False, "total": 12}
    walk = Walk(drawn, {"a": 1})
    assert walk.do("u", fail=True).variables == {"a": 1, "c": 20, "fail": True}
    walk = Walk(drawn, {"a": 1})
    assert walk.fire("t").variables == {"a": 1, "c": 20}


def test_the_first_of_two_errors_of_one_run_wins() -> None:
    inside = sub(
        "q",
        begin("i"),
        user("a"),
        fork("f"),
        script("k", "1", "n"),
        end_with("error", "x1", "E1"),
        end_with("error", "x2", "E2"),
        flows("i a f", "f k x1", "f x2"),
    )
    drawn = drawn_of(
        begin(),
        inside,
        at("error", "b1", "q", "E1"),
        at("error", "b2", "q", "E2"),
        user("y1"),
        user("y2"),
        end(),
        flows("s q e", "b1 y1 e", "b2 y2 e"),
    )
    walk = Walk(drawn)
    progress = walk.do("a")
    assert (walk.open, progress.ended) == (["y2"], ("x2",))


def test_terminate_in_a_nested_scope_leaves_the_outer_one() -> None:
    inside = sub("q", begin("i"), fork("f"), user("a"), user("b"), terminate("x"), end("o"), flows("i f a x", "f b o"))
    drawn = drawn_of(begin(), fork("g"), inside, user("c"), fork("j"), user("d"), end(), flows("s g q j d e", "g c j"))
    walk = Walk(drawn)
    walk.do("a")
    assert walk.open == ["c"]
    walk.do("c")
    assert walk.open == ["d"]
