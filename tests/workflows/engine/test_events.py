"""Messages, signals, conditions, cycles and the event gateway: what waits, what moves it, what is called off."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from tests.workflows.engine.drawing import (
    NOW,
    Walk,
    at,
    begin,
    begin_on,
    boundary,
    catch,
    choice,
    diagram,
    end,
    end_with,
    first_of,
    flows,
    fork,
    house,
    message,
    node,
    on,
    receive,
    script,
    send,
    service,
    signal,
    sub,
    throw,
    user,
    what,
    zeebe,
)
from workflows.engine import Diagram, OpenedSubscription, Published, deliver, fire, machine
from workflows.engine.errors import (
    EndlessLoop,
    ExpressionFailed,
    NothingWaits,
    ReservedName,
    SubscriptionNotOpen,
    TimerNotOpen,
    TooManyTokens,
)


def mapping(*lines: tuple[str, str, str]) -> str:
    """`("input", "=a", "b")` and the like."""
    return zeebe("ioMapping", "".join(zeebe(tag, source=source, target=target) for tag, source, target in lines))


def drawn_of(*inside: str) -> Diagram:
    """A diagram with the messages M (with a key) and N, and the signals G and H."""
    return diagram(message("M", "key"), message("N"), signal("G"), signal("H"), *inside)


# --- messages --------------------------------------------------------------------------------------------------------


def test_a_message_is_waited_for_by_name_and_key() -> None:
    drawn = drawn_of(begin(), on("message", "c", "M"), user("b"), end(), flows("s c b e"))
    walk = Walk(drawn, {"key": 12})
    (token,) = walk.subscriptions
    assert walk.progress.subscriptions == (OpenedSubscription(token, "c", "message", "M", "12"),)
    progress = walk.deliver("c", answer={"yes": True})
    assert (walk.open, progress.subscriptions_closed) == (["b"], ())
    assert walk.variables == {"key": 12, "answer": {"yes": True}}
    assert walk.flows == ["s-c", "c-b"]


@pytest.mark.parametrize("key", [None, True, "", [1], {"a": 1}])
def test_a_key_that_is_neither_text_nor_number_is_an_incident(key: Any) -> None:
    drawn = drawn_of(begin(), on("message", "c", "M"), end(), flows("s c e"))
    with pytest.raises(ExpressionFailed, match="correlationKey"):
        Walk(drawn, {"key": key})


def test_a_message_without_key() -> None:
    drawn = drawn_of(begin(), on("message", "c", "N"), end(), flows("s c e"))
    assert Walk(drawn).progress.subscriptions[0].key is None


def test_what_a_message_brings_goes_through_the_output_mapping() -> None:
    out = mapping(("output", "=answer.text", "said"))
    for waiting in (on("message", "c", "N", out), receive("c", "N", out)):
        walk = Walk(drawn_of(begin(), waiting, end(), flows("s c e")))
        progress = walk.deliver("c", answer={"text": "好"})
        assert (progress.completed, walk.variables) == (True, {"said": "好"})


def test_a_receive_task_is_an_activity() -> None:
    drawn = drawn_of(
        begin(),
        receive("c", "M"),
        boundary("t", "c", "PT1H"),
        boundary("r", "c", "PT5M", cancel=False),
        user("b"),
        user("x"),
        end(),
        flows("s c b e", "t x e", "r e"),
    )
    walk = Walk(drawn, {"key": "k"})
    assert (walk.listening, walk.waiting) == (["c"], ["t", "r"])
    walk.fire("r")
    assert (walk.listening, walk.waiting) == (["c"], ["t"])
    late = Walk(drawn, {"key": "k"})
    assert walk.deliver("c").timers_closed
    assert walk.open == ["b"]
    assert len(late.fire("t").subscriptions_closed) == 1
    assert late.open == ["x"]


def test_a_message_interrupts_what_it_sits_on() -> None:
    inside = sub("q", begin("i"), fork("f"), user("a"), user("b"), end("o"), flows("i f a o", "f b o"))
    drawn = drawn_of(
        begin(),
        inside,
        at("message", "w", "q", "M"),
        user("x"),
        end(),
        flows("s q e", "w x e"),
    )
    walk = Walk(drawn, {"key": "k"})
    walk.do("a", opinion="同意")
    progress = walk.deliver("w", reason="撤回")
    assert len(progress.closed) == 1
    assert (walk.open, walk.listening) == (["x"], [])
    assert walk.variables == {"key": "k", "opinion": "同意", "reason": "撤回"}


def test_a_message_that_does_not_interrupt_is_met_again_and_again() -> None:
    drawn = drawn_of(
        begin(),
        user("a"),
        at("message", "w", "a", "M", cancel=False),
        user("x"),
        end(),
        flows("s a e", "w x e"),
    )
    walk = Walk(drawn, {"key": "k"})
    assert walk.progress.subscriptions[0].stays
    for n in (1, 2, 3):
        progress = walk.deliver("w", note=n)
        assert (progress.subscriptions, progress.subscriptions_closed) == ((), ())
        assert walk.open == ["a"] + ["x"] * n
    assert walk.variables["note"] == 3
    assert len(walk.do("a").subscriptions_closed) == 1
    for _ in range(3):
        walk.do("x")
    assert walk.progress.completed


def test_what_grows_by_one_in_each_run_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MAX_TOKENS", 40)
    drawn = drawn_of(
        begin(), user("a"), at("message", "w", "a", "N", cancel=False), user("x"), end(), flows("s a e", "w x e")
    )
    walk = Walk(drawn)
    for _ in range(37):
        walk.deliver("w")
    with pytest.raises(TooManyTokens, match="“x”"):
        walk.deliver("w")


@pytest.mark.parametrize("tag", ["throw", "end", "send"])
def test_a_message_that_is_thrown_is_for_others(tag: str) -> None:
    carried = mapping(("input", "=application.name", "name"))
    thrown = (
        {"throw": throw, "end": end_with}[tag]("message", "t", "M", carried)
        if tag != "send"
        else send("t", "M", carried)
    )
    wait = on("message", "c", "M")
    rest = "f t" if tag == "end" else "f t e"
    drawn = drawn_of(begin(), fork("f"), wait, thrown, end(), flows("s f c e", rest))
    walk = Walk(drawn, {"key": "k", "application": {"name": "王"}})
    assert walk.progress.published == (Published("t", "message", "M", "k", {"name": "王"}),)
    assert walk.listening == ["c"]
    assert ("t" in walk.progress.ended) == (tag == "end")


def test_a_message_carries_nothing_unless_the_diagram_says_so() -> None:
    drawn = drawn_of(begin(), end_with("message", "t", "N"), flows("s t"))
    assert Walk(drawn, {"secret": 1}).progress.published == (Published("t", "message", "N", None, {}),)


def test_a_start_event_met_by_a_message() -> None:
    drawn = drawn_of(
        begin(),
        begin_on(what("message", "N"), "z", inside=mapping(("output", "=letter.from", "sender"))),
        user("a"),
        user("b"),
        end(),
        flows("s a e", "z b e"),
    )
    assert Walk(drawn).open == ["a"]
    walk = Walk(drawn, {"letter": {"from": "张"}}, at="z")
    assert (walk.open, walk.variables, walk.steps) == (["b"], {"sender": "张"}, ["z"])
    with pytest.raises(ValueError, match="no start event"):
        Walk(drawn, at="a")


def test_only_a_waiting_subscription_can_be_met() -> None:
    drawn = drawn_of(begin(), on("message", "c", "N"), user("a"), end(), flows("s c a e"))
    walk = Walk(drawn)
    ((token, _),) = walk.subscriptions.items()
    state = walk.progress.state
    with pytest.raises(ReservedName):
        deliver(drawn, state, token, {"instance": 1}, house())
    with pytest.raises(TimerNotOpen):
        fire(drawn, state, token, house())
    walk.deliver("c")
    for wrong in (token, walk.token("a"), "t99", "root", ""):
        with pytest.raises(SubscriptionNotOpen):
            deliver(drawn, walk.progress.state, wrong, {}, house())


# --- signals ---------------------------------------------------------------------------------------------------------


def test_a_signal_reaches_every_step_that_waits_now() -> None:
    drawn = drawn_of(
        begin(),
        fork("f"),
        on("signal", "c", "G"),
        user("a"),
        at("signal", "w", "a", "G"),
        on("signal", "d", "H"),
        user("b"),
        throw("signal", "t", "G", mapping(("input", "=why", "why"))),
        user("x"),
        user("y"),
        user("z"),
        end(),
        flows("s f c x e", "f a e", "w y e", "f d e", "f b t z e"),
    )
    walk = Walk(drawn)
    assert sorted(walk.listening) == ["c", "d", "w"]
    progress = walk.do("b", why="停")
    assert sorted(walk.open) == ["x", "y", "z"]
    assert (len(progress.subscriptions_closed), len(progress.closed)) == (2, 1)
    assert progress.published == (Published("t", "signal", "G", None, {"why": "停"}),)
    assert walk.listening == ["d"]
    assert walk.deliver("d", from_elsewhere=1).completed is False
    assert walk.variables == {"why": "停", "from_elsewhere": 1}


def test_a_signal_end_event_and_a_catch_opened_too_late() -> None:
    drawn = drawn_of(
        begin(),
        fork("f"),
        user("a"),
        end_with("signal", "t", "G"),
        on("signal", "c", "G"),
        end(),
        user("b"),
        flows("s f a t", "f b c e"),
    )
    walk = Walk(drawn)
    walk.do("a")
    assert walk.progress.ended == ("t",)
    walk.do("b")
    assert (walk.listening, walk.progress.completed) == (["c"], False)


def test_a_signal_that_interrupts_its_own_sub_process_ends_it_there() -> None:
    inside = sub("q", begin("i"), throw("signal", "t", "G"), user("a"), end("o"), flows("i t a o"))
    drawn = drawn_of(
        begin(),
        inside,
        at("signal", "w", "q", "G"),
        user("x"),
        end(),
        flows("s q e", "w x e"),
    )
    walk = Walk(drawn)
    assert (walk.open, walk.steps) == (["x"], ["s", "i", "t", "w"])


def test_two_catches_of_one_gateway_race_for_a_signal_and_one_wins() -> None:
    drawn = drawn_of(
        begin(),
        fork("f"),
        first_of("w"),
        on("signal", "c", "G"),
        on("signal", "d", "G"),
        user("b"),
        end_with("signal", "t", "G"),
        user("x"),
        user("y"),
        end(),
        flows("s f w c x e", "w d y e", "f b t"),
    )
    walk = Walk(drawn)
    walk.do("b")
    assert walk.open == ["x"]


def test_a_message_of_the_same_name_is_not_met_by_a_signal() -> None:
    drawn = diagram(
        node("message", "X1", name="X"),
        node("signal", "X2", name="X"),
        begin(),
        fork("f"),
        on("message", "c", "X1"),
        on("signal", "d", "X2"),
        user("a"),
        throw("signal", "t", "X2"),
        end(),
        flows("s f c e", "f d e", "f a t e"),
    )
    walk = Walk(drawn)
    walk.do("a")
    assert walk.listening == ["c"]


def test_computed_names_of_what_is_waited_for_and_thrown() -> None:
    drawn = diagram(
        node("message", "X1", name='="answer_" + place'),
        node("signal", "X2", name='="stop_" + place'),
        begin(),
        fork("f"),
        on("message", "c", "X1"),
        on("signal", "d", "X2"),
        user("a"),
        throw("message", "m", "X1"),
        throw("signal", "t", "X2"),
        user("x"),
        end(),
        flows("s f c e", "f d x e", "f a m t e"),
    )
    walk = Walk(drawn, {"place": "gx"})
    assert [(one.kind, one.name) for one in walk.progress.subscriptions] == [
        ("message", "answer_gx"),
        ("signal", "stop_gx"),
    ]
    progress = walk.do("a")
    assert [one.name for one in progress.published] == ["answer_gx", "stop_gx"]
    assert (walk.open, walk.listening) == (["x"], ["c"])
    elsewhere = Walk(drawn, {"place": "gx"})
    elsewhere.do("a", place="ln")
    assert (elsewhere.open, sorted(elsewhere.listening)) == ([], ["c", "d"])
    for place in (None, 3):
        with pytest.raises(ExpressionFailed, match="name"):
            Walk(drawn, {"place": place})


def test_an_end_event_that_sends_an_order() -> None:
    job = zeebe("taskDefinition", type="notices.send") + mapping(("input", "=a + 1", "b"))
    drawn = drawn_of(begin(), end_with("message", "x", "N", job), flows("s x"))
    progress = Walk(drawn, {"a": 1}).progress
    assert ([one.type for one in progress.orders], progress.orders[0].variables) == (["notices.send"], {"a": 1, "b": 2})
    assert (progress.published, progress.ended, progress.completed) == ((), ("x",), True)


# --- event gateway ---------------------------------------------------------------------------------------------------


def gateway_walk() -> Walk:
    drawn = drawn_of(
        begin(),
        first_of("w"),
        catch("t", "P1D"),
        on("message", "c", "N"),
        receive("r", "M"),
        on("conditional", "k", "go = true"),
        choice("j"),
        user("b"),
        end(),
        flows("s w t j b e", "w c j", "w r j", "w k j"),
    )
    return Walk(drawn, {"key": "k"})


@pytest.mark.parametrize("first", ["t", "c", "r"])
def test_the_first_event_takes_all(first: str) -> None:
    walk = gateway_walk()
    assert (walk.waiting, walk.listening) == (["t"], ["c", "r"])
    assert (walk.flows, walk.steps) == (["s-w"], ["s", "w"])
    walk.fire("t") if first == "t" else walk.deliver(first)
    assert (walk.open, walk.waiting, walk.listening) == (["b"], [], [])
    assert walk.flows == ["s-w", f"w-{first}", f"{first}-j", "j-b"]
    assert walk.steps == ["s", "w", first, "j"]
    assert walk.do("b").completed


def test_a_gateway_in_a_loop_waits_anew_each_time() -> None:
    drawn = drawn_of(
        begin(),
        choice("m"),
        first_of("w"),
        catch("t", "P1D"),
        on("message", "c", "N"),
        user("a"),
        end(),
        flows("s m w t a m", "w c e"),
    )
    walk = Walk(drawn)
    for _ in range(3):
        assert (walk.waiting, walk.listening) == (["t"], ["c"])
        walk.fire("t")
        assert (walk.waiting, walk.listening) == ([], [])
        walk.do("a")
    assert walk.deliver("c").completed


def test_a_gateway_whose_condition_holds_already_goes_on() -> None:
    drawn = drawn_of(
        begin(),
        first_of("w"),
        catch("t", "P1D"),
        on("conditional", "k", "n > 1"),
        user("b"),
        end(),
        flows("s w t e", "w k b e"),
    )
    walk = Walk(drawn, {"n": 2})
    assert (walk.open, walk.waiting) == (["b"], [])


def test_a_gateway_inside_what_ends_closes_its_waits() -> None:
    inside = sub(
        "q",
        begin("i"),
        first_of("w"),
        catch("t", "P1D"),
        on("message", "c", "N"),
        end("o"),
        flows("i w t o", "w c o"),
    )
    walk = Walk(drawn_of(begin(), inside, boundary("x", "q", "P5D"), end(), flows("s q e", "x e")))
    progress = walk.fire("x")
    assert (len(progress.timers_closed), len(progress.subscriptions_closed), progress.completed) == (1, 1, True)


# --- conditions ------------------------------------------------------------------------------------------------------


def test_a_condition_is_met_when_another_branch_makes_it_true() -> None:
    drawn = drawn_of(
        begin(),
        fork("f"),
        on("conditional", "k", "n > 2"),
        script("d", "n * 2", "twice"),
        user("a"),
        choice("m"),
        choice("g"),
        end(),
        user("b"),
        flows("s f k d b e", "f m a g", "g m | n < 5", "g e | n >= 5"),
    )
    walk = Walk(drawn)
    walk.do("a", n=1)
    assert walk.open == ["a"]
    walk.do("a", n=3)
    assert (sorted(walk.open), walk.variables["twice"]) == (["a", "b"], 6)


def test_a_condition_on_the_border_fires_at_once_when_it_holds_already() -> None:
    drawn = drawn_of(
        begin(),
        user("a"),
        at("conditional", "k", "a", "urgent"),
        user("x"),
        end(),
        flows("s a e", "k x e"),
    )
    walk = Walk(drawn, {"urgent": True})
    assert (walk.open, walk.progress.closed, len(walk.progress.opened)) == (["x"], (), 1)


def test_a_condition_that_does_not_interrupt_fires_each_time_it_comes_true() -> None:
    drawn = drawn_of(
        begin(),
        fork("f"),
        user("a"),
        at("conditional", "k", "a", "n > 2", cancel=False),
        user("b"),
        choice("m"),
        choice("g"),
        service("v"),
        end(),
        flows("s f a e", "k v e", "f m b g", "g m | n < 9", "g e | n >= 9"),
    )
    walk = Walk(drawn)
    orders = [len(walk.do("b", n=n).orders) for n in (1, 3, 4, 2, 2, 5, 9)]
    assert orders == [0, 1, 0, 0, 0, 1, 0]
    assert walk.open == ["a"]
    assert walk.do("a").completed


def test_a_condition_that_nothing_can_make_true_is_an_incident() -> None:
    drawn = drawn_of(begin(), on("conditional", "k", "n > 2"), end(), flows("s k e"))
    with pytest.raises(NothingWaits, match="k"):
        Walk(drawn)
    with pytest.raises(ExpressionFailed, match="true 或 false"):
        Walk(drawn_of(begin(), on("conditional", "k", "n"), end(), flows("s k e")), {"n": 5})


def test_a_condition_asks_no_more_of_the_problems_list_than_others() -> None:
    drawn = drawn_of(
        begin(),
        user("a"),
        at("conditional", "k", "a", "missing > 2"),
        end(),
        flows("s a e", "k e"),
    )
    assert Walk(drawn).progress.problems == ()


# --- cycles ----------------------------------------------------------------------------------------------------------


def cycle_walk(text: str, **lent: Any) -> Walk:
    drawn = drawn_of(
        begin(),
        user("a"),
        boundary("t", "a", text, cancel=False, kind="timeCycle"),
        service("v"),
        end(),
        flows("s a e", "t v e"),
    )
    return Walk(drawn, lent)


def test_a_cycle_fires_so_often_and_no_more() -> None:
    walk = cycle_walk("R3/PT1H")
    for n in (1, 2, 3):
        (one,) = walk.progress.timers
        assert one.due_at == NOW + timedelta(hours=n)
        assert len(walk.fire("t").orders) == 1
    assert (walk.progress.timers, walk.waiting, walk.open) == ((), [], ["a"])
    assert walk.do("a").completed


@pytest.mark.parametrize("text", ["R/P1D", '=duration("P1D")', "=pace", "P1D"])
def test_a_cycle_without_end(text: str) -> None:
    walk = cycle_walk(text, pace="R/P1D")
    for n in range(1, 8):
        assert walk.progress.timers[0].due_at == NOW + timedelta(days=n)
        walk.fire("t")
    assert len(walk.do("a").timers_closed) == 1
    assert walk.progress.completed


@pytest.mark.parametrize("text", ["=pace", '=duration("PT0S")', '=duration("-P1D")', "=5", "=missing"])
def test_a_cycle_that_is_none_is_an_incident(text: str) -> None:
    with pytest.raises(ExpressionFailed, match="timer"):
        cycle_walk(text, pace="R0/P1D")


def test_a_cycle_that_interrupts_or_is_passed_fires_once() -> None:
    drawn = drawn_of(
        begin(),
        user("a"),
        boundary("t", "a", "R5/PT1H", kind="timeCycle"),
        catch("c", "R/PT1H", "timeCycle"),
        end(),
        flows("s a e", "t c e"),
    )
    walk = Walk(drawn)
    walk.fire("t")
    assert walk.waiting == ["c"]
    assert walk.fire("c").completed


# --- links -----------------------------------------------------------------------------------------------------------


def test_a_link_leads_to_its_other_end() -> None:
    drawn = drawn_of(
        begin(),
        choice("g"),
        throw("link", "t", "k"),
        throw("link", "u", "k"),
        on("link", "c", "k"),
        user("a"),
        end(),
        flows("s g", "g t | n = 1", "g u | n != 1", "c a e"),
    )
    for n, via in ((1, "t"), (2, "u")):
        walk = Walk(drawn, {"n": n})
        assert (walk.open, walk.steps) == (["a"], ["s", "g", via, "c"])


def test_a_loop_by_links_is_guarded_and_an_inclusive_join_waits_for_it() -> None:
    circle = drawn_of(
        begin(),
        choice("m"),
        throw("link", "t", "k"),
        on("link", "c", "k"),
        flows("s m t", "c m"),
    )
    with pytest.raises(EndlessLoop):
        Walk(circle)
    drawn = drawn_of(
        begin(),
        node("inclusiveGateway", "o"),
        user("a"),
        throw("link", "t", "k"),
        on("link", "c", "k"),
        user("b"),
        node("inclusiveGateway", "j"),
        user("d"),
        end(),
        flows("s o", "o a | true", "o b | true", "a t", "c j", "b j d e"),
    )
    for order in itertools.permutations(("a", "b")):
        walk = Walk(drawn)
        for step in order:
            assert "d" not in walk.open
            walk.do(step)
        assert walk.open == ["d"]


def test_plain_throw_events_and_tasks_pass() -> None:
    drawn = drawn_of(
        begin(),
        node("intermediateThrowEvent", "t"),
        node("task", "y"),
        node("manualTask", "q"),
        end(),
        flows("s t y q e"),
    )
    walk = Walk(drawn)
    assert (walk.progress.completed, walk.steps) == (True, ["s", "t", "y", "q", "e"])
    assert [one.kind for one in walk.progress.passed if one.step_id in {"y", "q"} and one.kind != "flow"] == [
        "pass"
    ] * 2
