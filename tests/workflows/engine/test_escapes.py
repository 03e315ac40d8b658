"""No text of a diagram is ever executed: each escape in each place where an expression may stand leaves no trace."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest

from tests.workflows.engine.drawing import (
    again,
    begin,
    begin_on,
    boundary,
    call,
    catch,
    choice,
    decide,
    drawing,
    end,
    end_with,
    error,
    escalation,
    event_sub,
    extensions,
    flow,
    flows,
    house,
    message,
    node,
    on,
    receive,
    ruling,
    script,
    send,
    service,
    signal,
    sub,
    throw,
    timer,
    times,
    user,
    what,
    zeebe,
)
from workflows.engine import read, start
from workflows.errors import Refusal


def escapes(marker: Path) -> list[str]:
    touch = f"touch {marker}"
    return [
        f"__import__('os').system('{touch}')",
        f'__import__("os").system("{touch}")',
        f"().__class__.__base__.__subclasses__()[0].__init__.__globals__['os'].system('{touch}')",
        f"(lambda: open('{marker}', 'w'))()",
        f'open("{marker}", "w").close()',
        f"[x for x in [1] if __import__('os').system('{touch}') == 0]",
        f"exec('import os; os.system(\\'{touch}\\')')",
        f"import os; os.system('{touch}')",
        f"str.format('{{0.__class__}}', open('{marker}', 'w'))",
        f'house.__class__.__init__.__globals__["os"].system("{touch}")',
        f'role.__globals__["__builtins__"]["open"]("{marker}", "w")',
        f"{{{{ ''.__class__.__mro__[1].__subclasses__() }}}}; open('{marker}','w')",
        f"${{T(java.lang.Runtime).getRuntime().exec('{touch}')}}",
        f"#{{''.getClass().forName('java.lang.Runtime')}} {touch}",
    ]


PLACES = {
    "condition": lambda text: choice("x", "x-e") + user("y") + flows("x e", "y e") + flow("x", "y", text),
    "condition after a task": lambda text: user("t") + service("x") + flow("x", "e", text),
    "script": lambda text: script("x", text, "v") + flows("x e"),
    "BPMN script": lambda text: (
        node("scriptTask", "x", f"<bpmn:script><![CDATA[{text}]]></bpmn:script>") + flows("x e")
    ),
    "duration": lambda text: catch("x", "=" + text) + flows("x e"),
    "duration as text": lambda text: catch("x", text) + flows("x e"),
    "date": lambda text: catch("x", "=" + text, "timeDate") + flows("x e"),
    "cycle": lambda text: node("intermediateCatchEvent", "x", timer(text, "timeCycle")) + flows("x e"),
    "boundary timer": lambda text: user("x") + boundary("b", "x", "=" + text) + flows("x e", "b e"),
    "candidate groups": lambda text: (
        user("x", zeebe("assignmentDefinition", candidateGroups="=" + text)) + flows("x e")
    ),
    "candidate groups as text": lambda text: (
        user("x", zeebe("assignmentDefinition", candidateGroups=text)) + flows("x e")
    ),
    "candidate users": lambda text: user("x", zeebe("assignmentDefinition", candidateUsers="=" + text)) + flows("x e"),
    "assignee": lambda text: user("x", zeebe("assignmentDefinition", assignee="=" + text)) + flows("x e"),
    "due date": lambda text: user("x", zeebe("taskSchedule", dueDate="=" + text)) + flows("x e"),
    "follow-up date": lambda text: user("x", zeebe("taskSchedule", followUpDate="=" + text)) + flows("x e"),
    "priority": lambda text: user("x", zeebe("priorityDefinition", priority="=" + text)) + flows("x e"),
    "input": lambda text: user("x", zeebe("ioMapping", zeebe("input", source="=" + text, target="v"))) + flows("x e"),
    "input as text": lambda text: user("x", zeebe("ioMapping", zeebe("input", source=text, target="v"))) + flows("x e"),
    "order": lambda text: service("x", text) + flows("x e"),
    "order's input": lambda text: (
        service("x", "a", zeebe("ioMapping", zeebe("input", source="=" + text, target="v"))) + flows("x e")
    ),
    "decision": lambda text: decide("x", text, "v") + flows("x e"),
    "decision's input": lambda text: (
        decide("x", "d", "v", zeebe("ioMapping", zeebe("input", source="=" + text, target="v"))) + flows("x e")
    ),
    "decision's output": lambda text: (
        decide("x", "d", "v", zeebe("ioMapping", zeebe("output", source="=" + text, target="v"))) + flows("x e")
    ),
    "cardinality": lambda text: times(user("x"), "=" + text) + flows("x e"),
    "cardinality as text": lambda text: times(user("x"), text) + flows("x e"),
    "loop condition": lambda text: again(user("x"), text) + flows("x e"),
    "loop condition before": lambda text: again(script("x", "1", "v"), text, before=True) + flows("x e"),
    "completion condition": lambda text: (
        times(script("x", "1", "v"), "2").replace(
            "</bpmn:multi", f"<bpmn:completionCondition>={escape(text)}</bpmn:completionCondition></bpmn:multi"
        )
        + flows("x e")
    ),
    "conditional event": lambda text: on("conditional", "x", text) + flows("x e"),
    "condition of an event sub-process": lambda text: (
        user("x") + event_sub("q", begin_on(what("conditional", text), "i"), end("o"), flows("i o")) + flows("x e")
    ),
    "called process": lambda text: call("x", "=" + text) + flows("x e"),
    "called process as text": lambda text: call("x", text) + flows("x e"),
    "correlation key of a catch": lambda text: (message("m", text), receive("x", "m") + flows("x e")),
    "correlation key of a throw": lambda text: (message("m", text), send("x", "m") + flows("x e")),
    "name of a message": lambda text: (named(message("m"), text), send("x", "m") + flows("x e")),
    "name of a signal": lambda text: (named(signal("m"), text), throw("signal", "x", "m") + flows("x e")),
    "code of an error": lambda text: (named(error("m"), text), end_with("error", "x", "m") + flows("s e")),
    "code of an escalation": lambda text: (named(escalation("m"), text), throw("escalation", "x", "m") + flows("x e")),
    "what a message carries": lambda text: (
        message("m"),
        send("x", "m", zeebe("ioMapping", zeebe("input", source="=" + text, target="v"))) + flows("x e"),
    ),
    "input of a sub-process": lambda text: (
        sub(
            "x",
            extensions(zeebe("ioMapping", zeebe("input", source="=" + text, target="v"))),
            begin("i"),
            end("o"),
            flows("i o"),
        )
        + flows("x e")
    ),
    "name": lambda text: (
        user("x").replace('id="x"', 'id="x" name="' + text.replace("&", "").replace('"', "'").replace("<", "") + '"')
        + flows("x e")
    ),
}


def named(declaration: str, text: str) -> str:
    """The declaration with a FEEL name or code."""
    given = quoteattr("=" + text)
    return declaration.replace('name="m"', f"name={given}").replace('Code="m"', f"Code={given}")


@pytest.mark.parametrize("place", PLACES)
def test_no_escape_runs(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = tmp_path / "marker"

    def forbidden(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("text was executed")

    for text in escapes(marker):
        try:
            parts = PLACES[place](text)
            raw = drawing(
                begin(),
                end(),
                flow("s", "t" if place == "condition after a task" else "x"),
                *((parts,) if isinstance(parts, str) else parts),
            )
            if place == "condition after a task":
                raw = raw.replace(b"</bpmn:process>", flow("t", "x").encode() + b"</bpmn:process>")
            with monkeypatch.context() as watched:
                watched.setattr(builtins, "eval", forbidden)
                watched.setattr(builtins, "exec", forbidden)
                (found,) = read(raw, file="t.bpmn")
                progress = start(found, {}, house(lambda *_: ruling(a=1), role=lambda name: {"role": name}))
                if place == "condition after a task":
                    from workflows.engine import complete

                    complete(found, progress.state, progress.opened[0].token, {}, house())
        except Refusal:
            pass
        assert not marker.exists(), (place, text)


def test_the_corpus_would_leave_a_trace_if_it_ran(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    eval(escapes(marker)[0])  # noqa: S307 - proves that the marker can appear
    assert marker.exists()


def test_the_library_is_given_no_text_to_run() -> None:
    from workflows.engine.journey import Journey
    from workflows.engine.machine import FeelOnly

    engine = FeelOnly(Journey(house()))
    for run in (engine.evaluate, engine.execute):
        with pytest.raises(TypeError):
            run(None, "1")
    with pytest.raises(TypeError):
        engine.call_service(None)
    assert not hasattr(engine, "environment")
