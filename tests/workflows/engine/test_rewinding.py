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
        super().__init__(*given, **named)

    def complete(self, token: str, variables: Mapping[str, Any]) -> Progress:
        self.before.append((token, self.tokens[token], self.progress.state))
        return super().complete(token, variables)

    def back(self, step: str, *, by: str = "token") -> Progress:
        """Back to where ``step`` was done last."""
        token, _, state = next(one for one in reversed(self.before) if one[1] == step)
        used = {name for one in (self.tokens, self.timers, self.subscriptions, self.calls) for name in one}
        progress = rewind(self.diagram, state, self.progress.state, token if by == "token" else step, self.house)
        assert used == {
            *progress.closed, *progress.timers_closed, *progress.subscriptions_closed, *progress.calls_closed
        }  # fmt: skip
        return self._note(progress)


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


@pytest.mark.parametrize("gateway", [fork, some])
def test_a_branch_beside_it_then(gateway: Any) -> None:
    drawn = diagram(
        begin(), gateway("f"), user("a"), user("b"), user("c"), gateway("j"), user("d"), end(),
        flows("s f", *(["f a j", "f b c j"] if gateway is fork else ["f a | true", "a j", "f b | true", "b c j"]), "j d e"),
    )  # fmt: skip
    walk = Back(drawn)
    walk.do("a")
    refused(walk, "a", RewindBeside, "b")
    walk.do("b")
    refused(walk, "b", RewindBeside, "j")
    walk.do("c")
    for step, other in (("a", "b"), ("b", "j"), ("c", "j")):
        refused(walk, step, RewindBeside, other)


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
def test_one_of_many(count: int, sequential: bool) -> None:
    drawn = diagram(
        begin(), repeated(user("a"), times(str(count), sequential=sequential)), user("b"), end(), flows("s a b e")
    )
    walk = Back(drawn)
    walk.do("a")
    refused(walk, "a", RewindIntoRepetition, "a")
    with pytest.raises(RewindIntoRepetition):
        walk.back("a", by="step")
    while "a" in walk.open:
        walk.do("a")
    walk.do("b")
    refused(walk, "a", RewindIntoRepetition, "a")


def test_in_a_loop_and_beside_many() -> None:
    drawn = diagram(begin(), repeated(user("a"), again("again")), end(), flows("s a e"))
    walk = Back(drawn)
    walk.do("a", again=True)
    refused(walk, "a", RewindIntoRepetition, "a")
    drawn = diagram(begin(), fork("f"), user("a"), repeated(user("m"), times("2")), end(), flows("s f a e", "f m e"))
    walk = Back(drawn)
    walk.do("a")
    refused(walk, "a", RewindIntoRepetition, "m")


def test_a_call_beside_it_then() -> None:
    call = node("callActivity", "c", extensions(zeebe("calledElement", processId="other")))
    walk = Back(diagram(begin(), fork("f"), user("a"), call, user("z"), end(), flows("s f a z e", "f c e")))
    walk.do("a")
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
            try:
                progress = walk._note(rewind(drawn, state, walk.progress.state, token, walk.house))
            except RewindAmbiguous:
                continue
            backs += 1
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
