"""What a file may say of an element is also done: each mapping, name and order that the reader takes, seen in a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.workflows.engine.drawing import (
    Walk,
    at,
    begin,
    begin_on,
    diagram,
    end,
    end_with,
    error,
    escalation,
    event_sub,
    extensions,
    flows,
    message,
    node,
    on,
    receive,
    script,
    send,
    signal,
    sub,
    throw,
    timer,
    user,
    what,
    zeebe,
)


def output(source: str) -> str:
    return zeebe("ioMapping", zeebe("output", source="=" + source, target="v"))


def given(source: str) -> str:
    return zeebe("ioMapping", zeebe("input", source="=" + source, target="a"))


ORDER = zeebe("taskDefinition", type="t")
#: A diagram whose event has the output mapping v = 1, or what a message brings, and what makes it happen.
OUTPUTS: dict[str, tuple[tuple[str, ...], Callable[[Walk], Any]]] = {
    "start": ((node("startEvent", "s", extensions(output("1"))), end(), flows("s e")), lambda walk: None),
    "timer": (
        (begin(), node("intermediateCatchEvent", "x", extensions(output("1")) + timer("PT1H")), end(), flows("s x e")),
        lambda walk: walk.fire("x"),
    ),
    "timer on the border": (
        (
            begin(),
            user("u"),
            node("boundaryEvent", "x", extensions(output("1")) + timer("PT1H"), attachedToRef="u"),
            end(),
            flows("s u e", "x e"),
        ),
        lambda walk: walk.fire("x"),
    ),
    "condition": ((begin(), on("conditional", "x", "true", output("1")), end(), flows("s x e")), lambda walk: None),
    "message": (
        (message("m"), begin(), receive("x", "m", output("reply.n")), end(), flows("s x e")),
        lambda walk: walk.deliver("x", reply={"n": 1}),
    ),
    "signal": (
        (signal("g"), begin(), on("signal", "x", "g", output("n")), end(), flows("s x e")),
        lambda walk: walk.deliver("x", n=1),
    ),
    "error": (
        (
            error("r"),
            begin(),
            sub("q", begin("i"), end_with("error", "z", "r"), flows("i z")),
            at("error", "x", "q", "r", inside=output("1")),
            end(),
            flows("s q e", "x e"),
        ),
        lambda walk: None,
    ),
    "escalation": (
        (
            escalation("k"),
            begin(),
            sub("q", begin("i"), throw("escalation", "z", "k"), end("o"), flows("i z o")),
            at("escalation", "x", "q", "k", cancel=False, inside=output("1")),
            end(),
            flows("s q e", "x e"),
        ),
        lambda walk: None,
    ),
    "start of an event sub-process by a message": (
        (
            message("m"),
            begin(),
            user("u"),
            event_sub("q", begin_on(what("message", "m"), "x", inside=output("n")), end("o"), flows("x o")),
            end(),
            flows("s u e"),
        ),
        lambda walk: walk.deliver("x", n=1),
    ),
    "start of an event sub-process by a timer": (
        (
            begin(),
            user("u"),
            event_sub("q", begin_on(timer("PT1H"), "x", inside=output("1")), end("o"), flows("x o")),
            end(),
            flows("s u e"),
        ),
        lambda walk: walk.fire("x"),
    ),
    "start of an event sub-process by an error": (
        (
            error("r"),
            begin(),
            event_sub("q", begin_on(what("error", "r"), "x", inside=output("1")), end("o"), flows("x o")),
            end_with("error", "z", "r"),
            flows("s z"),
        ),
        lambda walk: None,
    ),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_mapping_of_an_event_is_stored(name: str) -> None:
    drawn, happens = OUTPUTS[name]
    walk = Walk(diagram(*drawn), {"known": 0})
    happens(walk)
    assert walk.progress.completed
    assert walk.variables["v"] == 1
    assert "n" not in walk.variables and "reply" not in walk.variables


@pytest.mark.parametrize(
    "thrower",
    [
        throw("message", "x", "m", given("n")),
        throw("signal", "x", "g", given("n")),
        send("x", "m", given("n")),
        end_with("message", "x", "m", given("n")),
        end_with("signal", "x", "g", given("n")),
    ],
)
def test_what_a_message_or_signal_carries_is_its_input_mapping(thrower: str) -> None:
    ends = "endEvent" in thrower
    walk = Walk(
        diagram(message("m"), signal("g"), begin(), thrower, "" if ends else end(), flows("s x" if ends else "s x e")),
        {"n": 7},
    )
    assert [dict(one.variables) for one in walk.published] == [{"a": 7}]


@pytest.mark.parametrize(
    "step",
    [
        node("sendTask", "x", extensions(ORDER)),
        throw("message", "x", "m", ORDER),
        end_with("message", "x", "m", ORDER),
        node("businessRuleTask", "x", extensions(ORDER)),
        node("scriptTask", "x", extensions(ORDER)),
    ],
)
def test_a_task_definition_makes_an_order_of_whatever_camunda_8_lets_a_worker_do(step: str) -> None:
    ends = "endEvent" in step
    walk = Walk(diagram(message("m"), begin(), step, "" if ends else end(), flows("s x" if ends else "s x e")))
    assert [(one.step_id, one.type) for one in walk.progress.orders] == [("x", "t")]
    assert walk.published == [] and walk.progress.completed


def computed(declaration: str) -> str:
    """The declaration with a name or code that is the variable n."""
    return declaration.replace('name="c"', 'name="=n"').replace('Code="c"', 'Code="=n"')


def test_a_computed_name_is_computed_when_the_step_opens_or_throws() -> None:
    thrown = Walk(
        diagram(computed(signal("c")), begin(), throw("signal", "x", "c"), end(), flows("s x e")), {"n": "hallo"}
    )
    assert [one.name for one in thrown.published] == ["hallo"]
    awaited = Walk(diagram(computed(message("c")), begin(), receive("x", "c"), end(), flows("s x e")), {"n": "hallo"})
    assert [one.name for one in awaited.subscriptions.values()] == ["hallo"]
    failed = Walk(
        diagram(
            computed(error("c")),
            error("r"),
            begin(),
            sub("q", begin("i"), end_with("error", "x", "c"), flows("i x")),
            at("error", "b", "q", "r"),
            end(),
            flows("s q e", "b e"),
        ),
        {"n": "r"},
    )
    assert failed.progress.completed and "b" in failed.steps


def test_a_correlation_key_goes_with_the_message() -> None:
    walk = Walk(
        diagram(message("m", "n"), begin(), send("x", "m"), receive("y", "m"), end(), flows("s x y e")), {"n": "K"}
    )
    assert [one.key for one in walk.published] == ["K"]
    assert [one.key for one in walk.subscriptions.values()] == ["K"]


def test_the_mappings_of_a_sub_process_are_its_own() -> None:
    lines = zeebe("input", source="=n + 1", target="l") + zeebe("output", source="=l + k", target="r")
    inside = (begin("i"), script("x", "l * 10", "k"), end("o"), flows("i x o"))
    walk = Walk(
        diagram(begin(), sub("q", extensions(zeebe("ioMapping", lines)), *inside), end(), flows("s q e")), {"n": 1}
    )
    assert walk.variables["r"] == 22 and "l" not in walk.variables
