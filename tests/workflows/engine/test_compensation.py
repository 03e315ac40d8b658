"""Compensation and transactions: what was done is undone, newest first, with what was known then; once."""

from __future__ import annotations

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
    event_sub,
    flows,
    fork,
    message,
    node,
    script,
    sub,
    terminate,
    throw,
    times,
    transaction,
    undo,
    user,
    what,
    zeebe,
)
from workflows.engine.codec import opened


def seen(*names: str) -> str:
    """Input mapping that shows variables as a task sees them."""
    return zeebe("ioMapping", "".join(zeebe("input", source=f"={name}", target=name) for name in names))


def undoer(name: str, *names: str) -> str:
    return user(name, seen(*names) if names else "", isForCompensation="true")


def pair(name: str, *names: str) -> str:
    """A user task `a` and the user task `ua` that undoes it."""
    return user(name) + undo(name, f"u{name}") + undoer(f"u{name}", *names)


def test_everything_done_is_undone_the_latest_first() -> None:
    drawn = diagram(
        begin(),
        pair("a", "n"),
        pair("b", "n"),
        user("c"),
        throw("compensate", "t"),
        user("d"),
        end(),
        flows("s a b c t d e"),
    )
    walk = Walk(drawn)
    walk.do("a", n=1)
    walk.do("b", n=2)
    walk.do("c", n=3)
    assert walk.open == ["ub"]
    assert walk.progress.opened[0].inputs == {"n": 2}
    walk.do("ub", first="b")
    assert (walk.open, walk.progress.opened[0].inputs) == (["ua"], {"n": 1})
    walk.do("ua", second="a")
    assert walk.open == ["d"]
    assert walk.variables == {"n": 3, "first": "b", "second": "a"}
    assert walk.steps == ["s", "a", "b", "c", "ub", "ua", "t"]
    assert walk.do("d").completed


def test_nothing_done_nothing_to_undo_and_never_twice() -> None:
    drawn = diagram(
        begin(),
        throw("compensate", "t1"),
        pair("a"),
        throw("compensate", "t2"),
        throw("compensate", "t3"),
        end_with("compensate", "e"),
        flows("s t1 a t2 t3 e"),
    )
    walk = Walk(drawn)
    assert walk.open == ["a"]
    walk.do("a")
    assert walk.open == ["ua"]
    progress = walk.do("ua")
    assert (progress.completed, progress.ended) == (True, ("e",))


def test_one_activity_by_name() -> None:
    drawn = diagram(begin(), pair("a"), pair("b"), throw("compensate", "t", "a"), end(), flows("s a b t e"))
    walk = Walk(drawn)
    walk.do("a")
    walk.do("b")
    assert walk.open == ["ua"]
    assert walk.do("ua").completed


def test_each_round_of_a_loop_is_undone_with_its_own_values() -> None:
    drawn = diagram(
        begin(),
        choice("m"),
        pair("a", "n"),
        choice("g"),
        throw("compensate", "t"),
        end(),
        flows("s m a g", "g m | n < 3", "g t | n >= 3", "t e"),
    )
    walk = Walk(drawn)
    for n in (1, 2, 3):
        walk.do("a", n=n)
    for n in (3, 2, 1):
        assert walk.progress.opened[0].inputs == {"n": n}
        walk.do("ua")
    assert walk.progress.completed


def test_only_what_was_completed_is_undone() -> None:
    drawn = diagram(
        begin(),
        fork("f"),
        pair("a"),
        boundary("t", "a", "PT1H"),
        pair("b"),
        throw("compensate", "c"),
        end(),
        flows("s f a e", "t e", "f b c e"),
    )
    walk = Walk(drawn)
    walk.fire("t")
    walk.do("b")
    assert walk.open == ["ub"]
    walk = Walk(drawn)
    walk.do("b")
    assert sorted(walk.open) == ["a", "ub"]
    walk.do("a")
    walk.do("ub")
    assert walk.progress.completed


def test_a_completed_sub_process_is_undone_with_what_it_did() -> None:
    inside = sub("q", begin("i"), pair("b", "n"), pair("c", "n"), end("o"), flows("i b c o"))
    drawn = diagram(begin(), pair("a"), inside, pair("d"), throw("compensate", "t"), end(), flows("s a q d t e"))
    walk = Walk(drawn)
    for n, step in enumerate("abcd"):
        walk.do(step, n=n)
    undone = []
    while walk.open:
        undone.append((walk.open[0], dict(walk.progress.opened[0].inputs)))
        walk.do(walk.open[0])
    assert undone == [("ud", {}), ("uc", {"n": 2}), ("ub", {"n": 1}), ("ua", {})]
    assert walk.progress.completed


def test_a_sub_process_with_its_own_handler_is_undone_by_that_alone() -> None:
    inside = sub("q", begin("i"), pair("b"), end("o"), flows("i b o"))
    drawn = diagram(
        begin(), inside, undo("q", "uq"), undoer("uq"), throw("compensate", "t", "q"), end(), flows("s q t e")
    )
    walk = Walk(drawn)
    walk.do("b")
    assert walk.open == ["uq"]
    assert walk.do("uq").completed


def test_a_sub_process_can_be_named() -> None:
    inside = sub("q", begin("i"), pair("b"), end("o"), flows("i b o"))
    drawn = diagram(begin(), pair("a"), inside, throw("compensate", "t", "q"), end(), flows("s a q t e"))
    walk = Walk(drawn)
    walk.do("a")
    walk.do("b")
    assert walk.open == ["ub"]
    assert walk.do("ub").completed


def test_a_handler_may_be_anything_that_works() -> None:
    handler = node(
        "subProcess",
        "ua",
        begin("i") + script("k", "n * 10", "undone") + user("x") + end("o") + flows("i k x o"),
        isForCompensation="true",
    )
    drawn = diagram(
        begin(),
        user("a") + undo("a", "ua") + handler,
        user("b"),
        undo("b", "ub"),
        script("ub", "n + 1", "back", isForCompensation="true"),
        throw("compensate", "t"),
        user("d"),
        end(),
        flows("s a b t d e"),
    )
    walk = Walk(drawn)
    walk.do("a", n=1)
    walk.do("b", n=2)
    assert (walk.open, walk.variables["back"], walk.variables["undone"]) == (["x"], 3, 10)
    walk.do("x")
    assert walk.open == ["d"]


def test_a_repetition_is_undone_as_one() -> None:
    drawn = diagram(
        begin(),
        times(user("a"), "3") + undo("a", "ua") + times(undoer("ua"), "2"),
        throw("compensate", "t"),
        end(),
        flows("s a t e"),
    )
    walk = Walk(drawn)
    for _ in range(3):
        walk.do("a")
    assert walk.open == ["ua", "ua"]
    walk.do("ua")
    assert walk.do("ua").completed


def test_a_throw_that_is_interrupted_calls_its_handler_off() -> None:
    inside = sub("q", begin("i"), pair("a"), throw("compensate", "t"), end("o"), flows("i a t o"))
    drawn = diagram(begin(), inside, boundary("w", "q", "P1D"), user("x"), end(), flows("s q e", "w x e"))
    walk = Walk(drawn)
    walk.do("a")
    assert walk.open == ["ua"]
    progress = walk.fire("w")
    assert (walk.open, len(progress.closed)) == (["x"], 1)
    deeper = sub("p1", begin("pi"), pair("a"), end("po"), flows("pi a po"))
    inside = sub("q", begin("i"), deeper, throw("compensate", "t"), end("o"), flows("i p1 t o"))
    walk = Walk(diagram(begin(), inside, boundary("w", "q", "P1D"), user("x"), end(), flows("s q e", "w x e")))
    walk.do("a")
    assert walk.open == ["ua"]
    progress = walk.fire("w")
    assert (walk.open, len(progress.closed)) == (["x"], 1)


def test_two_throws_share_what_there_is() -> None:
    drawn = diagram(
        begin(),
        pair("a"),
        pair("b"),
        fork("f"),
        throw("compensate", "t1"),
        throw("compensate", "t2"),
        fork("j"),
        end(),
        flows("s a b f t1 j e", "f t2 j"),
    )
    walk = Walk(drawn)
    walk.do("a")
    walk.do("b")
    assert sorted(walk.open) == ["ua", "ub"]
    walk.do("ua")
    walk.do("ub")
    assert walk.progress.completed


def test_an_error_event_sub_process_undoes_what_its_scope_did() -> None:
    body = event_sub(
        "q", begin_on(what("error", "E1"), "qi"), throw("compensate", "qt"), user("qx"), end("qo"), flows("qi qt qx qo")
    )
    drawn = diagram(
        error("E1"),
        begin(),
        pair("a"),
        user("b"),
        choice("g"),
        end_with("error", "x", "E1"),
        end(),
        body,
        flows("s a b g", "g x | fail", "g e | not(fail)"),
    )
    walk = Walk(drawn)
    walk.do("a")
    walk.do("b", fail=True)
    assert walk.open == ["ua"]
    walk.do("ua")
    assert walk.open == ["qx"]
    assert walk.do("qx").completed


def test_what_goes_wrong_while_undoing_is_not_caught_by_what_is_done() -> None:
    handler = node(
        "subProcess",
        "ua",
        begin("ui") + user("ux") + end_with("error", "uo", "E1") + flows("ui ux uo"),
        isForCompensation="true",
    )
    inside = sub(
        "q",
        begin("i"),
        user("a"),
        undo("a", "ua"),
        handler,
        choice("g"),
        end_with("error", "x", "E1"),
        end("o"),
        event_sub("v", begin_on(what("error", "E1"), "vi"), user("vx"), end("vo"), flows("vi vx vo")),
        flows("i a g", "g x | fail", "g o | not(fail)"),
    )
    drawn = diagram(
        error("E1"),
        begin(),
        inside,
        at("error", "w", "q", "E1"),
        user("b"),
        throw("compensate", "t"),
        end(),
        event_sub("r", begin_on(what("error", "E1"), "ri"), user("rx"), end("ro"), flows("ri rx ro")),
        flows("s q b t e", "w e"),
    )
    walk = Walk(drawn)
    walk.do("a", fail=False)
    walk.do("b")
    assert walk.open == ["ux"]
    walk.do("ux")
    assert walk.open == ["rx"]
    assert walk.do("rx").completed
    walk = Walk(drawn)
    walk.do("a", fail=True)
    assert walk.open == ["vx"]


def test_a_call_is_undone_by_another() -> None:
    undoing = call("uc", "refund").replace('id="uc"', 'id="uc" isForCompensation="true"')
    drawn = diagram(
        begin(), call("c", "pay"), undo("c", "uc"), undoing, throw("compensate", "t"), end(), flows("s c t e")
    )
    walk = Walk(drawn)
    walk.resume("c", receipt=7)
    assert walk.progress.calls[0].variables == {"receipt": 7}
    assert walk.resume("uc").completed


def test_memories_are_forgotten_with_their_scope() -> None:
    inside = sub("q", begin("i"), pair("a"), throw("compensate", "t"), end("o"), flows("i a t o"))
    drawn = diagram(
        begin(), choice("m"), inside, user("b"), choice("g"), end(), flows("s m q b g", "g m | n < 60", "g e | n >= 60")
    )
    walk = Walk(drawn)
    sizes = []
    for n in range(1, 61):
        walk.do("a")
        walk.do("ua")
        sizes.append(len(walk.progress.state))
        walk.do("b", n=n)
    assert walk.progress.completed
    # A sub-process that is done is remembered with the throw's scope around it, though nothing is left in it to undo.
    assert sizes[-1] < 20 * sizes[0]


# --- transactions ----------------------------------------------------------------------------------------------------


def booking(*more: str) -> Walk:
    inside = transaction(
        "q",
        begin("i"),
        fork("f"),
        pair("a", "n"),
        pair("b", "n"),
        user("c"),
        choice("g"),
        end_with("cancel", "x"),
        end("o"),
        *more,
        flows("i f a o", "f b o", "f c g", "g x | cancel", "g o | not(cancel)"),
    )
    drawn = diagram(
        begin(),
        inside,
        at("cancel", "w", "q"),
        user("y"),
        user("n1"),
        end(),
        flows("s q n1 e", "w y e"),
    )
    return Walk(drawn)


def test_a_cancelled_transaction_is_undone_and_left_by_its_border() -> None:
    walk = booking()
    walk.do("a", n=1)
    progress = walk.do("c", cancel=True)
    assert (walk.open, len(progress.closed)) == (["ua"], 1)
    assert progress.opened[0].inputs == {"n": 1}
    progress = walk.do("ua", back="a")
    assert (walk.open, progress.ended) == (["y"], ("x",))
    assert walk.variables == {"n": 1, "cancel": True, "back": "a"}
    assert walk.do("y").completed


def test_what_was_written_in_a_cancelled_transaction_stays_known() -> None:
    inside = transaction(
        "q",
        begin("i"),
        fork("f"),
        user("a"),
        user("b"),
        user("c"),
        end_with("cancel", "x"),
        end("o"),
        flows("i f a b o", "f c x"),
    )
    walk = Walk(diagram(begin(), inside, at("cancel", "w", "q"), end(), flows("s q e", "w e")))
    walk.do("a", n=1)
    progress = walk.do("c", m=2)
    assert (progress.completed, len(progress.closed), walk.variables) == (True, 1, {"n": 1, "m": 2})


def test_a_sub_process_that_is_remembered_listens_no_more() -> None:
    inside = sub(
        "q",
        begin("i"),
        pair("a"),
        end("o"),
        event_sub("v", begin_on(what("message", "N"), "vi"), user("vx"), end("vo"), flows("vi vx vo")),
        flows("i a o"),
    )
    drawn = diagram(message("N"), begin(), inside, user("b"), throw("compensate", "t"), end(), flows("s q b t e"))
    walk = Walk(drawn)
    progress = walk.do("a")
    assert (walk.open, walk.listening, len(progress.subscriptions_closed)) == (["b"], [], 1)
    walk.do("b")
    assert walk.do("ua").completed


def test_a_transaction_that_is_not_cancelled_is_a_sub_process() -> None:
    walk = booking()
    walk.do("a")
    walk.do("c", cancel=False)
    walk.do("b")
    assert walk.open == ["n1"]


def test_a_transaction_with_nothing_done_is_left_at_once() -> None:
    walk = booking()
    progress = walk.do("c", cancel=True)
    assert (walk.open, len(progress.closed)) == (["y"], 2)


def test_a_cancelled_transaction_undoes_what_its_sub_processes_did() -> None:
    inner = sub("p1", begin("pi"), pair("d"), end("po"), flows("pi d po"))
    inside = transaction("q", begin("i"), inner, user("c"), end_with("cancel", "x"), flows("i p1 c x"))
    drawn = diagram(begin(), inside, at("cancel", "w", "q"), end(), flows("s q e", "w e"))
    walk = Walk(drawn)
    walk.do("d")
    walk.do("c")
    assert walk.open == ["ud"]
    assert walk.do("ud").completed


def test_a_completed_transaction_can_be_undone_from_outside() -> None:
    inside = transaction("q", begin("i"), pair("a"), end("o"), flows("i a o"))
    drawn = diagram(begin(), inside, user("b"), throw("compensate", "t"), end(), flows("s q b t e"))
    walk = Walk(drawn)
    walk.do("a")
    walk.do("b")
    assert walk.open == ["ua"]
    assert walk.do("ua").completed


@pytest.mark.parametrize("last", [end("e"), terminate("e")])
def test_what_is_never_undone_does_not_hold_the_instance(last: str) -> None:
    drawn = diagram(
        begin(),
        pair("a"),
        choice("g"),
        throw("compensate", "t"),
        last,
        end("e2"),
        flows("s a g", "g t | false", "g e | true", "t e2"),
    )
    walk = Walk(drawn)
    assert walk.do("a").completed
    ((_, _, rows),) = opened(walk.progress.state)["s"]
    assert rows == []
