"""What a tree of definitions may hold: a called process lies in it, and each process once."""

from __future__ import annotations

from pathlib import Path

from tests.workflows.engine.drawing import begin, call, drawing, end, flows, script, user
from workflows import deployment
from workflows.manners import HOUSE_NAMES


def reasons(root: Path, **diagrams: bytes) -> dict[str, list[str]]:
    """Problems of the diagrams by element, in the office's own tree."""
    tree = {path: raw for path, raw in deployment.read_tree(root).items() if path.startswith(deployment.POLICIES)}
    tree |= {f"bpmn/trial/{name}.bpmn": raw for name, raw in diagrams.items()}
    found: dict[str, list[str]] = {}
    for problem in deployment.check(tree, lambda raw, path: None).problems:
        found.setdefault(problem.element, []).append(problem.reason)
    return found


CALLED = drawing(begin(), script("x", "given + 1", "sum"), end(), flows("s x e"), process="called")


def caller(process: str) -> bytes:
    return drawing(
        begin(), script("g", "1", "given"), call("c", process), script("h", "sum", "v"), end(), flows("s g c h e"),
        process="caller",
    )


def test_a_called_process_lies_in_the_tree(root: Path) -> None:
    assert reasons(root, caller=caller("called"), called=CALLED) == {}
    assert reasons(root, caller=caller("elsewhere"), called=CALLED) == {
        "c": ["没有 id 为 elsewhere 的流程；被调用的流程须在同一目录树中"],
        "x": [f"script：没有名为“given”的变量；可用：{'、'.join(sorted((*HOUSE_NAMES, 'sum')))}"],
    }
    assert reasons(root, caller=caller("=given")) == {}, "which one is known when the call is made"


def test_nothing_is_said_about_calls_while_the_file_of_the_process_cannot_be_read(root: Path) -> None:
    found = reasons(root, caller=caller("called"), called=CALLED.replace(b"=given + 1", b"=given +"))
    assert set(found) == {"x"}


def test_a_process_lies_in_one_file(root: Path) -> None:
    found = reasons(root, one=CALLED, two=drawing(begin(), user("x"), end(), flows("s x e"), process="called"))
    assert found["called"] == ["流程 called 已在 bpmn/trial/one.bpmn 中"]
