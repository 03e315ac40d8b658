"""Process shapes that an office draws, each small enough to be looked at; for playing on our engine and on the stock one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from tests.workflows.engine.drawing import (
    again,
    at,
    begin,
    begin_on,
    boundary,
    call,
    catch,
    choice,
    drawing,
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
    some,
    sub,
    terminate,
    throw,
    times,
    user,
    what,
)

#: The process that the shapes with a call activity call.
CALLED = drawing(begin(), user("c1"), user("c2"), end(), flows("s c1 c2 e"), process="called")

SHAPES: Mapping[str, bytes] = {
    "sequence": drawing(begin(), user("a"), user("b"), end(), flows("s a b e")),
    "choice by what was submitted": drawing(
        begin(), user("a"), choice("x", "x-c"), user("b"), user("c"), end(),
        flows("s a x", "x b | a < 3", "x c", "b e", "c e"),
    ),
    "three ways and a default": drawing(
        begin(), user("a"), choice("x", "x-d"), user("b"), user("c"), user("d"), end(),
        flows("s a x", "x b | a < 0", "x c | a < 1", "x d", "b e", "c e", "d e"),
    ),
    "two branches": drawing(
        begin(), fork("f"), user("a"), user("b"), fork("j"), user("c"), end(), flows("s f a j", "f b j c e"),
    ),
    "three branches of different length": drawing(
        begin(), fork("f"), user("a"), user("b"), user("c"), user("d"), user("d2"), fork("j"), end(),
        flows("s f a j", "f b c j", "f d d2 j e"),
    ),
    "branches within branches": drawing(
        begin(), fork("f"), user("a"), fork("f2"), user("b"), user("c"), fork("j2"), fork("j"), user("d"), end(),
        flows("s f a j", "f f2 b j2", "f2 c j2 j d e"),
    ),
    "two blocks of branches in a row": drawing(
        begin(), fork("f"), user("a"), user("b"), fork("j"), fork("g"), user("c"), user("d"), fork("k"), end(),
        flows("s f a j", "f b j g c k", "g d k e"),
    ),
    "branches without a join": drawing(
        begin(), fork("f"), user("a"), user("b"), end(), end("e2"), flows("s f a e", "f b e2"),
    ),
    "tokens that merge without waiting": drawing(
        begin(), fork("f"), user("a"), user("b"), user("c"), end(), flows("s f a c", "f b c e"),
    ),
    "some of three": drawing(
        begin(), user("a"), some("o", "o-d"), user("b"), user("c"), user("d"), some("j"), user("z"), end(),
        flows("s a o", "o b | a < 9", "o c | a < 9", "o d", "b j", "c j", "d j z e"),
    ),
    "none of three but the default": drawing(
        begin(), user("a"), some("o", "o-d"), user("b"), user("c"), user("d"), some("j"), user("z"), end(),
        flows("s a o", "o b | a > 9", "o c | a > 9", "o d", "b j", "c j", "d j z e"),
    ),
    "a sub-process": drawing(
        begin(), user("a"), sub("q", begin("qs"), user("b"), user("c"), end("qe"), flows("qs b c qe")), user("d"), end(),
        flows("s a q d e"),
    ),
    "sub-processes in each other": drawing(
        begin(),
        sub("q", begin("qs"), user("a"),
            sub("r", begin("rs"), user("b"), end("re"), flows("rs b re")), user("c"), end("qe"), flows("qs a r c qe")),
        user("d"), end(), flows("s q d e"),
    ),
    "branches inside a sub-process beside a task": drawing(
        begin(), fork("f"), user("z"),
        sub("q", begin("qs"), fork("g"), user("a"), user("b"), fork("k"), end("qe"), flows("qs g a k", "g b k qe")),
        fork("j"), end(), flows("s f z j", "f q j e"),
    ),
    "back until enough": drawing(
        begin(), user("a"), choice("x", "x-e"), end(), flows("s a x", "x a | a < 3", "x e"),
    ),
    "back with a counter": drawing(
        begin(), script("n0", "0", "n"), user("a"), script("n1", "n + 1", "n"), choice("x", "x-e"), end(),
        flows("s n0 a n1 x", "x a | n < 4", "x e"),
    ),
    "a sub-process repeated": drawing(
        begin(), script("n0", "0", "n"), sub("q", begin("qs"), user("a"), user("b"), end("qe"), flows("qs a b qe")),
        script("n1", "n + 1", "n"), choice("x", "x-e"), end(), flows("s n0 q n1 x", "x q | n < 3", "x e"),
    ),
    "terminate beside a task": drawing(
        begin(), fork("f"), user("a"), user("b"), terminate("t"), end(), flows("s f a t", "f b e"),
    ),
    "terminate ends its sub-process only": drawing(
        begin(), sub("q", begin("qs"), fork("f"), user("a"), user("b"), terminate("t"), end("qe"),
                     flows("qs f a t", "f b qe")),
        user("c"), end(), flows("s q c e"),
    ),
    "a period that ends a task": drawing(
        begin(), user("a"), boundary("t", "a", "PT1H"), user("b"), user("c"), end(), end("e2"),
        flows("s a b e", "t c e2"),
    ),
    "a period that only reports": drawing(
        begin(), user("a"), boundary("t", "a", "PT1H", cancel=False), user("b"), user("c"), end(), end("e2"),
        flows("s a b e", "t c e2"),
    ),
    "a period over a whole sub-process": drawing(
        begin(), sub("q", begin("qs"), user("a"), user("b"), end("qe"), flows("qs a b qe")),
        boundary("t", "q", "PT1H"), user("c"), user("d"), end(), end("e2"), flows("s q c e", "t d e2"),
    ),
    "a message ends a sub-process": drawing(
        message("m"), begin(), sub("q", begin("qs"), fork("f"), user("a"), user("b"), fork("j"), end("qe"),
                                   flows("qs f a j", "f b j qe")),
        at("message", "m1", "q", "m"), user("c"), user("d"), end(), end("e2"), flows("s q c e", "m1 d e2"),
    ),
    "a message beside a task": drawing(
        message("m"), begin(), user("a"), at("message", "m1", "a", "m", cancel=False), user("b"), user("c"), end(), end("e2"),
        flows("s a b e", "m1 c e2"),
    ),
    "waiting for a message": drawing(
        message("m"), begin(), user("a"), on("message", "m1", "m"), user("b"), end(), flows("s a m1 b e"),
    ),
    "a receive task": drawing(
        message("m"), begin(), user("a"), receive("m1", "m"), user("b"), end(), flows("s a m1 b e"),
    ),
    "waiting for a moment": drawing(begin(), user("a"), catch("t", "PT1H"), user("b"), end(), flows("s a t b e")),
    "whichever comes first": drawing(
        message("m"), message("m2"), begin(), user("a"), first_of("g"), on("message", "x1", "m"), on("message", "x2", "m2"),
        user("b"), user("c"), end(), end("e2"), flows("s a g x1 b e", "g x2 c e2"),
    ),
    "an error ends a sub-process": drawing(
        error("bad"), begin(),
        sub("q", begin("qs"), user("a"), choice("x", "x-qe"), end_with("error", "err", "bad"), end("qe"),
            flows("qs a x", "x err | a < 1", "x qe")),
        at("error", "b1", "q", "bad"), user("c"), user("d"), end(), end("e2"), flows("s q c e", "b1 d e2"),
    ),
    "an escalation that ends a sub-process": drawing(
        escalation("up"), begin(),
        sub("q", begin("qs"), user("a"), throw("escalation", "esc", "up"), user("b"), end("qe"), flows("qs a esc b qe")),
        at("escalation", "b1", "q", "up"), user("c"), user("d"), end(), end("e2"), flows("s q c e", "b1 d e2"),
    ),
    "an escalation that only reports": drawing(
        escalation("up"), begin(),
        sub("q", begin("qs"), user("a"), throw("escalation", "esc", "up"), user("b"), end("qe"), flows("qs a esc b qe")),
        at("escalation", "b1", "q", "up", cancel=False), user("c"), user("d"), end(), end("e2"),
        flows("s q c e", "b1 d e2"),
    ),
    "a signal to another branch": drawing(
        signal("go"), begin(), fork("f"), on("signal", "wait", "go"), user("b"), user("a"), throw("signal", "tell", "go"),
        user("c"), end(), end("e2"), flows("s f wait b e", "f a tell c e2"),
    ),
    "a called process": drawing(begin(), user("a"), call("k", "called"), user("b"), end(), flows("s a k b e")),
    "a call beside a task": drawing(
        begin(), fork("f"), call("k", "called"), user("a"), fork("j"), user("b"), end(), flows("s f k j", "f a j b e"),
    ),
    "signed by all": drawing(begin(), times(user("a"), "3"), user("b"), end(), flows("s a b e")),
    "signed in order": drawing(begin(), times(user("a"), "3", sequential=True), user("b"), end(), flows("s a b e")),
    "done again while it must": drawing(begin(), again(user("a"), "a < 3"), user("b"), end(), flows("s a b e")),
    "done again three times at most": drawing(
        begin(), again(user("a"), "a < 99", most="3"), user("b"), end(), flows("s a b e"),
    ),
}  # fmt: skip

#: Shapes on which stock SpiffWorkflow 3.2.0 is wrong: what it does instead, the shape, and which counts of steps done are right.
WRONG: Mapping[str, tuple[str, bytes, Callable[[Counter[str]], bool]]] = {
    "a condition on a flow that leaves a task": (
        "the condition is not asked: both ways are taken",
        drawing(begin(), user("a"), user("b"), user("c"), end(), flows("s a", "a b | a < 0", "a c", "b e", "c e")),
        lambda done: (done["a"], done["b"], done["c"]) == (1, 0, 1),
    ),
    "a signal end event": (
        "nobody hears it, and the instance never ends",
        drawing(
            signal("go"), begin(), fork("f"), on("signal", "wait", "go"), user("b"), user("a"),
            end_with("signal", "tell", "go"), end(), flows("s f wait b e", "f a tell"),
        ),
        lambda done: (done["a"], done["b"]) == (1, 1),
    ),
    "link events": (
        "the token is lost at the throwing link, and the instance says that it is complete",
        drawing(
            begin(), user("a"), throw("link", "l1", "L"), on("link", "l2", "L"), user("b"), end(), flows("s a l1", "l2 b e"),
        ),
        lambda done: (done["a"], done["b"]) == (1, 1),
    ),
    "an event sub-process that interrupts": (
        "the task that it ends stays open",
        drawing(
            message("m"), begin(), user("a"), end(), flows("s a e"),
            event_sub("q", begin_on(what("message", "m"), "qs"), user("b"), end("qe"), flows("qs b qe")),
        ),
        lambda done: (done["a"], done["b"]) == ((0, 1) if done["qs"] else (1, 0)),
    ),
    "branches joined inside a loop": (
        "the join fires early or crashes in some orders",
        drawing(
            begin(), script("n0", "0", "n"), choice("again"), fork("f"), user("a"), user("b"), user("c"), fork("j"),
            script("n1", "n + 1", "n"), choice("x", "x-d"), user("d"), end(),
            flows("s n0 again f a j", "f b j", "f c j n1 x", "x again | n < 3", "x d e"),
        ),
        lambda done: [done[name] for name in "abcd"] == [3, 3, 3, 1],
    ),
}  # fmt: skip
