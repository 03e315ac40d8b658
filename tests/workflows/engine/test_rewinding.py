"""Back to an earlier step: what waits, what is known, and what is refused by name."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.workflows.engine.blocks import Maker
from tests.workflows.engine.drawing import (
    NOW,
    Walk,
    begin,
    boundary,
    catch,
    choice,
    diagram,
    drawing,
    end,
    extensions,
    flows,
    fork,
    node,
    script,
    some,
    sub,
    timer,
    user,
    zeebe,
)
from tests.workflows.engine.test_random_processes import waits
from tests.workflows.engine.test_repeating import again, many, repeated, times
from workflows.engine import Diagram, Progress, read, rest, rewind
from workflows.engine.codec import opened
from workflows.engine.errors import (
    RewindAmbiguous,
    RewindBeside,
    RewindBesideEvent,
    RewindIntoCall,
    RewindIntoRepetition,
    RewindOverCompensation,
    RewindUnknown,
)


class Back(Walk):
    """A walk that keeps the state in which each task was completed, and goes back to it."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self.before: list[tuple[str, str, bytes]] = []
        #: How many steps had been passed when a task was completed.
        self.when: dict[str, int] = {}
        super().__init__(*given, **named)

    def complete(self, token: str, variables: Mapping[str, Any]) -> Progress:
        self.before.append((token, self.tokens[token], self.progress.state))
        self.when[token] = len(self.steps)
        return super().complete(token, variables)

    def back(self, step: str, *, by: str = "token") -> Progress:
        """Back to where ``step`` was done last."""
        token, _, state = next(one for one in reversed(self.before) if one[1] == step)
        return self.back_to(token, self.first_of(token, state), step if by == "step" else token)

    def back_to(self, token: str, state: bytes, name: str = "") -> Progress:
        """Back to one that was done in a state; what waited is closed, but for other branches where those stay."""
        used = {name for one in (self.tokens, self.timers, self.subscriptions, self.calls) for name in one}
        progress = rewind(
            self.diagram, state, self.progress.state, name or token, self.house, lambda: self.steps[self.when[token] :]
        )
        closed = {
            *progress.closed, *progress.timers_closed, *progress.subscriptions_closed, *progress.calls_closed
        }  # fmt: skip
        assert closed == used or (closed <= used and progress.undone)
        return self._note(progress)

    def first_of(self, token: str, state: bytes) -> bytes:
        """The state in which the first member of a repetition was done, for one of them."""
        host, dot, place = token.rpartition(".")
        if not dot or not place.isdecimal():
            return state
        return next(one for name, _, one in self.before if name.rpartition(".")[0] == host)


LINE = (begin(), user("a"), user("b"), user("c"), end(), flows("s a b c e"))


@pytest.mark.parametrize("by", ["token", "step"])
def test_a_step_waits_again_with_what_was_known_then(by: str) -> None:
    walk = Back(diagram(*LINE), {"x": 0})
    walk.do("a", x=1)
    walk.do("b", x=2, y=2)
    (task,) = walk.progress.opened
    progress = walk.back("b", by=by)
    assert (walk.open, walk.variables, progress.closed) == (["b"], {"x": 1}, (task.token,))
    assert rest.variables(progress.state) == {"x": 1}
    assert (progress.passed, progress.completed) == ((), False)
    walk.do("b", y=3)
    walk.do("c")
    assert (walk.progress.completed, walk.variables) == (True, {"x": 1, "y": 3})


def test_a_token_is_never_used_twice_and_the_later_write_stays_later() -> None:
    walk = Back(diagram(*LINE))
    seen = set(walk.tokens)
    for round_number in range(4):
        for step in ("a", "b"):
            fresh = {one.token for one in walk.do(step, x=round_number).opened}
            assert not fresh & seen
            seen |= fresh
        writes = opened(walk.progress.state)["w"]
        fresh = {one.token for one in walk.back("a").opened}
        assert not fresh & seen
        assert opened(walk.progress.state)["w"] >= writes
        seen |= fresh
    walk.do("a", x="last")
    assert walk.variables == {"x": "last"}


def test_back_over_a_fork_closes_every_branch_with_all_that_waits_in_it() -> None:
    drawn = diagram(
        begin(), user("a"), fork("f"), user("b"), boundary("t", "b", "P1D"),
        repeated(user("m"), many("=for i in 1..20 return i")), catch("w", "P2D"),
        node("callActivity", "c", extensions(zeebe("calledElement", processId="other"))),
        sub("q", begin("qs"), user("d"), end("qe"), flows("qs d qe")), fork("j"), end(),
        flows("s a f b j e", "f m j", "f w j", "f c j", "f q j", "t e"),
    )  # fmt: skip
    walk = Back(drawn, {"x": 1})
    walk.do("a", x=2)
    walk.do("b", x=3)
    walk.complete(next(token for token, step in walk.tokens.items() if step == "m"), {"x": 4})
    assert len(walk.parts) > 0
    progress = walk.back("a")
    assert (len(progress.closed), len(progress.timers_closed), len(progress.calls_closed)) == (20, 1, 1)
    assert (walk.open, walk.waiting, walk.variables, walk.parts) == (["a"], [], {"x": 1}, {})
    walk.do("a")
    assert len(walk.tokens) == 22


def test_what_waited_beside_the_step_waits_again_from_now() -> None:
    watched = sub(
        "q", begin("qs"), user("a"), boundary("t", "a", "P1D"), user("b"), end("qe"), flows("qs a b qe", "t qe")
    )
    drawn = diagram(
        begin(), watched, boundary("o", "q", "P9D", cancel=False), user("c"), end(), flows("s q c e", "o e")
    )
    walk = Back(drawn)
    walk.do("a")
    walk.do("b")
    assert walk.open == ["c"]
    progress = walk.back("a")
    assert sorted((one.step_id, one.due_at) for one in progress.timers) == [
        ("o", NOW + timedelta(days=9)),
        ("t", NOW + timedelta(days=1)),
    ]
    walk.fire("t")
    assert walk.open == ["c"]


def test_back_inside_a_sub_process_that_still_runs() -> None:
    inside = sub("q", begin("qs"), user("a"), user("b"), end("qe"), flows("qs a b qe"))
    walk = Back(diagram(begin(), inside, boundary("o", "q", "P9D"), end(), flows("s q e", "o e")), {"x": 1})
    walk.do("a", x=2)
    walk.back("a")
    assert (walk.open, walk.waiting, walk.variables) == (["a"], ["o"], {"x": 1})
    walk.do("a")
    assert walk.fire("o").completed


def test_back_into_an_earlier_round() -> None:
    drawn = diagram(
        begin(), choice("m"), user("a"), user("b"), choice("g"), end(),
        flows("s m a b g", "g m | again", "g e | not(again)"),
    )  # fmt: skip
    walk = Back(drawn)
    walk.do("a", n=1)
    walk.do("b", again=True)
    walk.do("a", n=2)
    walk.back("b")
    assert (walk.open, walk.variables) == (["b"], {"n": 1})
    walk.do("b", again=False)
    assert walk.progress.completed


# --- refused by name -------------------------------------------------------------------------------------------------


def refused(walk: Back, step: str, kind: type[RewindAmbiguous], other: str) -> None:
    state = walk.progress.state
    with pytest.raises(kind, match=f"“{other}”"):
        walk.back(step)
    assert walk.progress.state == state


def branches(gateway: Any) -> Diagram:
    """a, then c, beside b; joined, then d."""
    ways = ["f a c j", "f b j"] if gateway is fork else ["f a | true", "a c j", "f b | true", "b j"]
    return diagram(
        begin(), gateway("f"), user("a"), user("b"), user("c"), gateway("j"), user("d"), end(),
        flows("s f", *ways, "j d e"),
    )  # fmt: skip


@pytest.mark.parametrize("gateway", [fork, some])
@pytest.mark.parametrize("b_is", ["open", "at the join"])
def test_a_branch_goes_back_alone_and_the_join_waits_for_it(gateway: Any, b_is: str) -> None:
    walk = Back(branches(gateway), {"x": 0})
    walk.do("a", x=1, y=1)
    if b_is != "open":
        walk.do("b", z=1)
    others = [token for token, step in walk.tokens.items() if step == "b"]
    progress = walk.back("a")
    assert progress.undone == {"a", "c", "j"} and [one.step_id for one in progress.opened] == ["a"]
    assert sorted(walk.open) == (["a", "b"] if b_is == "open" else ["a"])
    assert [token for token, step in walk.tokens.items() if step == "b"] == others, "the other branch did not move"
    assert walk.variables == ({"x": 0} if b_is == "open" else {"x": 0, "z": 1})
    walk.do("a", x=2)
    if b_is == "open":
        walk.do("b", z=1)
    assert walk.open == ["c"]
    walk.do("c")
    assert (walk.open, walk.variables) == (["d"], {"x": 2, "z": 1})
    assert walk.do("d").completed


@pytest.mark.parametrize("gateway", [fork, some])
def test_one_branch_goes_back_after_another_has(gateway: Any) -> None:
    ways = ["f a a2 j", "f b b2 j"] if gateway is fork else ["f a | true", "a a2 j", "f b | true", "b b2 j"]
    drawn = diagram(
        begin(), gateway("f"), user("a"), user("a2"), user("b"), user("b2"), gateway("j"), user("d"), end(),
        flows("s f", *ways, "j d e"),
    )  # fmt: skip
    walk = Back(drawn)
    walk.do("a")
    walk.do("b")
    walk.back("a")
    walk.back("b")
    assert sorted(walk.open) == ["a", "b"]
    walk.do("b")
    walk.do("a")
    walk.back("b")
    assert sorted(walk.open) == ["a2", "b"]
    for step in ("b", "b2", "a2", "d"):
        walk.do(step)
    assert walk.progress.completed


@pytest.mark.parametrize("gateway", [fork, some])
def test_where_branches_have_met_neither_goes_back_alone(gateway: Any) -> None:
    walk = Back(branches(gateway))
    walk.do("a")
    walk.do("b")
    walk.do("c")
    for step, other in (("a", "b"), ("b", "c"), ("c", "j")):
        refused(walk, step, RewindBeside, other)


def test_where_branches_have_met_and_ended_neither_goes_back_alone() -> None:
    drawn = diagram(
        begin(), fork("f"), user("a"), user("b"), fork("g"), user("k"), fork("j"), end(), end("z"),
        flows("s f a g j e", "g k z", "f b j"),
    )  # fmt: skip
    walk = Back(drawn)
    walk.do("b")
    walk.do("a")
    assert walk.open == ["k"], "the join has fired and nothing follows it"
    refused(walk, "a", RewindBeside, "j")


def test_a_branch_that_flows_into_another_without_joining_is_in_doubt() -> None:
    drawn = diagram(
        begin(), fork("f"), user("a"), user("b"), choice("m"), user("c"), end(), flows("s f a m c e", "f b m")
    )
    walk = Back(drawn)
    walk.do("a")
    walk.back("a")
    assert sorted(walk.open) == ["a", "b"], "only a can have come there: b has not moved"
    walk.do("b")
    walk.do("a")
    assert walk.open == ["c", "c"]
    refused(walk, "b", RewindBeside, "a")
    walk.back("a")
    assert sorted(walk.open) == ["a", "c"]


def test_a_loop_around_the_branches_does_not_hide_where_one_has_come_from() -> None:
    drawn = diagram(
        begin(), choice("m"), fork("f"), user("a"), user("b"), user("c"), fork("j"), choice("g"), end(),
        flows("s m f a c j g", "f b j", "g m | again", "g e | not(again)"),
    )  # fmt: skip
    walk = Back(drawn)
    for once_more in (True, False):
        walk.do("a", again=once_more)
        walk.do("b")
        walk.back("a")
        assert walk.open == ["a"]
        walk.do("a", again=once_more)
        walk.do("c")
    assert walk.progress.completed


def test_a_split_inside_a_branch_is_undone_and_the_other_branch_stays() -> None:
    drawn = diagram(
        begin(), fork("f"), user("a"), fork("g"), user("c"), boundary("t", "c", "P1D"), repeated(user("m"), times("3")),
        choice("n"), fork("h"), user("k"), user("b"), fork("j"), end(),
        flows("s f a g c n h k j e", "g m h", "t n", "f b j"),
    )  # fmt: skip
    walk = Back(drawn)
    walk.do("a")
    walk.do("m")
    walk.do("c")
    progress = walk.back("a")
    assert len(progress.closed) == 2 and sorted(walk.open) == ["a", "b"]
    walk.do("a")
    for step in ("m", "m", "m", "c"):
        walk.do(step)
    assert sorted(walk.open) == ["b", "k"]
    refused(walk, "c", RewindBeside, "h")
    walk.back("a")
    assert (sorted(walk.open), walk.waiting) == (["a", "b"], [])


def test_a_sub_process_in_a_branch_that_has_ended_comes_back_with_what_sat_on_its_border() -> None:
    inside = sub("q", begin("qs"), user("a"), user("a2"), end("qe"), flows("qs a a2 qe"))
    drawn = diagram(
        begin(), fork("f"), inside, boundary("o", "q", "P9D"), user("c"), user("b"), fork("j"), end(),
        flows("s f q c j e", "o c", "f b j"),
    )  # fmt: skip
    walk = Back(drawn, {"x": 1})
    walk.do("a", x=2)
    walk.do("a2", x=3)
    progress = walk.back("a2")
    assert (sorted(walk.open), walk.waiting) == (["a2", "b"], ["o"])
    assert progress.undone >= {"q", "a", "a2", "c"}
    walk.fire("o")
    walk.back("a")
    walk.do("a")
    walk.do("a2")
    walk.do("b")
    assert walk.do("c").completed


def test_inside_a_member_of_many_that_member_alone_goes_back() -> None:
    body = sub("q", begin("qs"), user("a"), user("c"), end("qe"), flows("qs a c qe"))
    walk = Back(diagram(begin(), repeated(body, times("3")), user("z"), end(), flows("s q z e")))
    first, second, third = list(walk.tokens)
    for token in (first, second):
        walk.complete(token, {})
    assert sorted(walk.open) == ["a", "c", "c"]
    walk.complete(next(token for token, step in walk.tokens.items() if step == "c"), {})
    refused_token(walk, first, RewindIntoRepetition, "q")
    state = next(state for token, _, state in walk.before if token == second)
    progress = walk.back_to(second, state)
    assert (len(progress.closed), sorted(walk.open)) == (1, ["a", "a"]) and third in walk.tokens
    for step in ("a", "a", "c", "c"):
        walk.do(step)
    assert walk.open == ["z"]
    refused(walk, "c", RewindIntoRepetition, "q")


def refused_token(walk: Back, token: str, kind: type[RewindAmbiguous], other: str) -> None:
    state = next(state for name, _, state in walk.before if name == token)
    with pytest.raises(kind, match=f"“{other}”"):
        walk.back_to(token, state)


def test_a_branch_that_had_ended_is_none() -> None:
    drawn = diagram(begin(), fork("f"), user("a"), user("b"), user("c"), end(), end("x"), flows("s f a b e", "f c x"))
    walk = Back(drawn)
    walk.do("c")
    walk.do("a")
    walk.back("a")
    assert walk.open == ["a"]
    walk.do("a")
    walk.do("b")
    assert walk.progress.completed


@pytest.mark.parametrize("count", [3, 30])
@pytest.mark.parametrize("sequential", [True, False])
@pytest.mark.parametrize("by", ["token", "step"])
def test_one_of_many_never_goes_back_alone_but_all_of_them_when_all_are_done(
    count: int, sequential: bool, by: str
) -> None:
    drawn = diagram(
        begin(), repeated(user("a"), times(str(count), sequential=sequential)), boundary("t", "a", "P1D"), user("b"), end(),
        flows("s a b e", "t b"),
    )  # fmt: skip
    walk = Back(drawn, {"n": 0})
    walk.do("a", n=1)
    with pytest.raises(RewindIntoRepetition):
        walk.back("a", by=by)
    while "a" in walk.open:
        walk.do("a", n=2)
    first, once = walk.before[0][0], set(walk.tokens)
    walk.back("a", by=by)
    assert (walk.open, walk.waiting) == (["a"] * (1 if sequential else count), ["t"])
    assert walk.variables == {"n": 0} and not once & set(walk.tokens) and first not in walk.tokens
    for _ in range(count):
        walk.do("a")
    walk.do("b")
    assert walk.progress.completed and walk.parts == {}


def test_all_of_many_in_a_branch_and_inside_what_has_ended() -> None:
    inside = sub("q", begin("qs"), repeated(user("m"), times("2")), end("qe"), flows("qs m qe"))
    drawn = diagram(
        begin(), fork("f"), inside, boundary("o", "q", "P9D", cancel=False), user("c"), user("x"), user("b"), fork("j"), end(),
        end("z"), flows("s f q c j e", "o x z", "f b j"),
    )  # fmt: skip
    walk = Back(drawn)
    walk.do("m", n=1)
    walk.do("m", n=2)
    walk.back("m")
    assert (sorted(walk.open), walk.waiting, walk.variables) == (["b", "m", "m"], ["o"], {})
    for step in ("m", "m", "b", "c"):
        walk.do(step)
    assert walk.progress.completed


def test_in_a_loop_it_begins_anew_once_it_is_over() -> None:
    drawn = diagram(begin(), repeated(user("a"), again("again")), user("b"), end(), flows("s a b e"))
    walk = Back(drawn, {"n": 0})
    walk.do("a", again=True, n=1)
    refused(walk, "a", RewindIntoRepetition, "a")
    walk.do("a", again=False, n=2)
    walk.back("a")
    assert (walk.open, walk.variables) == (["a"], {"n": 0})


def test_beside_many_that_stay() -> None:
    drawn = diagram(
        begin(), fork("f"), user("a"), user("c"), repeated(user("m"), times("2")), end(), flows("s f a c e", "f m e")
    )
    walk = Back(drawn)
    walk.do("m")
    walk.do("a")
    walk.back("a")
    assert sorted(walk.open) == ["a", "m"]
    for step in ("a", "m", "c"):
        walk.do(step)
    assert walk.progress.completed


def test_a_call_beside_it_goes_on() -> None:
    call = node("callActivity", "c", extensions(zeebe("calledElement", processId="other")))
    walk = Back(diagram(begin(), fork("f"), user("a"), call, user("z"), end(), flows("s f a z e", "f c e")))
    walk.do("a")
    assert walk.back("a").calls_closed == ()
    assert (walk.open, list(walk.calls.values())) == (["a"], ["c"])
    walk.do("a")
    walk.resume("c")
    assert walk.do("z").completed


def test_a_call_that_was_joined_is_not_called_again() -> None:
    call = node("callActivity", "c", extensions(zeebe("calledElement", processId="other")))
    drawn = diagram(begin(), fork("f"), user("a"), call, fork("j"), user("z"), end(), flows("s f a j z e", "f c j"))
    walk = Back(drawn)
    walk.do("a")
    walk.resume("c")
    refused(walk, "a", RewindIntoCall, "c")


def test_over_what_has_to_be_undone() -> None:
    drawn = diagram(
        begin(), user("a"), user("b"),
        node("boundaryEvent", "t", "<bpmn:compensateEventDefinition/>", attachedToRef="b"),
        user("u", "", isForCompensation="true"), node("association", "l", sourceRef="t", targetRef="u"),
        user("c"), node("intermediateThrowEvent", "x", "<bpmn:compensateEventDefinition/>"), user("d"), end(),
        flows("s a b c x d e"),
    )  # fmt: skip
    walk = Back(drawn)
    walk.do("a")
    walk.back("a")
    walk.do("a")
    walk.do("b")
    refused(walk, "a", RewindOverCompensation, "b")
    refused(walk, "b", RewindOverCompensation, "b")
    walk.do("c")
    assert walk.open == ["u"]
    refused(walk, "a", RewindOverCompensation, "x")
    walk.do("u")
    refused(walk, "c", RewindOverCompensation, "b")
    walk.back("a")
    assert walk.open == ["a"]


def test_back_to_where_the_same_is_remembered() -> None:
    drawn = diagram(
        begin(), user("b"),
        node("boundaryEvent", "t", "<bpmn:compensateEventDefinition/>", attachedToRef="b"),
        user("u", "", isForCompensation="true"), node("association", "l", sourceRef="t", targetRef="u"),
        user("c"), user("d"), node("intermediateThrowEvent", "x", "<bpmn:compensateEventDefinition/>"), end(),
        flows("s b c d x e"),
    )  # fmt: skip
    walk = Back(drawn)
    walk.do("b")
    for _ in range(2):
        walk.do("c")
        walk.back("c")
    walk.do("c")
    walk.do("d")
    assert walk.open == ["u"]
    assert walk.do("u").completed


def event_sub(*, interrupting: str) -> Diagram:
    start = node("startEvent", "os", timer("P1D"), isInterrupting=interrupting)
    aside = node("subProcess", "o", "".join((start, user("x"), end("oe"), flows("os x oe"))), triggeredByEvent="true")
    return diagram(begin(), user("a"), user("b"), end(), flows("s a b e"), aside)


def test_a_branch_that_an_event_began() -> None:
    walk = Back(event_sub(interrupting="false"))
    walk.do("a")
    walk.back("a")
    assert (walk.open, walk.waiting) == (["a"], ["os"])
    walk.do("a")
    walk.fire("os")
    refused(walk, "a", RewindBesideEvent, "o")
    walk.do("x")
    walk.back("a")
    assert (walk.open, walk.waiting) == (["a"], ["os"])


def test_a_branch_beside_the_sub_process_it_lies_in() -> None:
    inside = sub("q", begin("qs"), user("a"), user("b"), end("qe"), flows("qs a b qe"))
    drawn = diagram(
        begin(), inside, boundary("o", "q", "P9D", cancel=False), user("x"), user("z"), end(), flows("s q z e", "o x e")
    )
    walk = Back(drawn)
    walk.do("a")
    walk.fire("o")
    refused(walk, "a", RewindBesideEvent, "x")
    walk.do("x")
    walk.do("b")
    walk.back("a")
    assert (walk.open, walk.waiting) == (["a"], ["o"])


def test_a_step_that_did_not_wait_then() -> None:
    walk = Back(diagram(*LINE))
    state = walk.progress.state
    walk.do("a")
    for wrong in ("b", "e", "t99", "", "t2.0"):
        with pytest.raises(RewindUnknown):
            rewind(walk.diagram, state, walk.progress.state, wrong, walk.house)


# --- random ----------------------------------------------------------------------------------------------------------


def act(walk: Walk, kind: str, step: str, **variables: Any) -> Progress:
    """Let what ``step`` waits for happen."""
    if kind == "timer":
        return walk.fire(step)
    verbs: dict[str, Any] = {"task": walk.do, "message": walk.deliver, "call": walk.resume}
    progress: Progress = verbs[kind](step, **variables)
    return progress


def fresh(progress: Progress) -> set[str]:
    """Tokens of whatever opened."""
    return {
        one.token for one in (*progress.opened, *progress.timers, *progress.subscriptions, *progress.calls)
    }  # fmt: skip


def go(seed: int, depth: int) -> int:
    """Walk a random process, going back at random; whatever was allowed must be as it was then. How often it went back."""
    raw, _ = Maker(seed).process(depth)
    (drawn,) = read(raw, file=f"seed-{seed}.bpmn")
    walk, chance = Back(drawn), random.Random(seed)
    waited: dict[bytes, tuple[list[tuple[str, str]], dict[str, Any]]] = {}
    used, backs = fresh(walk.progress), 0
    for number in range(60):
        if walk.progress.completed:
            break
        waited[walk.progress.state] = (sorted(waits(walk)), dict(walk.variables))
        if walk.before and chance.random() < 0.4:
            token, step, state = chance.choice(walk.before)
            state = walk.first_of(token, state)
            try:
                progress = walk._note(rewind(drawn, state, walk.progress.state, token, walk.house))
            except RewindAmbiguous:
                continue
            backs += 1
            if not progress.undone:
                assert (sorted(waits(walk)), dict(walk.variables)) == waited[state], f"seed {seed}"
            assert step in walk.open
            assert not fresh(progress) & used, f"seed {seed}"
        else:
            progress = act(walk, *chance.choice(sorted(waits(walk))), n=number)
        used |= fresh(progress)
    return backs


def test_random_processes_go_back() -> None:
    assert sum(go(seed, depth=3) for seed in range(240)) > 40


@pytest.mark.long
def test_many_random_processes_go_back() -> None:
    assert sum(go(seed, depth=4) for seed in range(1000, 1600)) > 150


def test_scripts_after_it_run_again() -> None:
    drawn = diagram(begin(), user("a"), script("k", "n + 1", "n"), user("b"), end(), flows("s a k b e"))
    walk = Back(drawn, {"n": 0})
    walk.do("a")
    assert walk.variables["n"] == 1
    walk.back("a")
    assert walk.variables["n"] == 0
    walk.do("a")
    assert walk.variables["n"] == 1


def test_bytes_that_are_no_state_are_refused() -> None:
    walk = Back(diagram(*LINE))
    walk.do("a")
    for before, state in ((b"", walk.progress.state), (walk.progress.state, b"x")):
        with pytest.raises(Exception, match="流程状态无法读取"):
            rewind(walk.diagram, before, state, "a", walk.house)
    raw = drawing(*LINE, process="q")
    (other,) = read(raw, file="q.bpmn")
    with pytest.raises(Exception, match="流程状态无法读取"):
        rewind(other, walk.progress.state, walk.progress.state, "b", walk.house)
