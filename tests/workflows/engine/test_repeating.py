"""A user task for each item of a list: all, any, a share, in turn; with timers, joins, loops and stored state."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.workflows.engine.drawing import (
    Walk,
    begin,
    boundary,
    choice,
    diagram,
    end,
    extensions,
    flows,
    fork,
    node,
    script,
    sub,
    terminate,
    user,
    zeebe,
)
from workflows.engine import Diagram, unknown_names
from workflows.engine.errors import EndlessLoop, ExpressionFailed
from workflows.engine.repeating import MAX_ITEMS
from workflows.errors import TaskNotOpen

REVIEW = zeebe("formDefinition", formId="admission.review")


def review(
    name: str = "a", *, until: str = "", sequential: bool = False, inside: str = "", of: str = "=experts"
) -> str:
    """Each expert reviews; the scores are gathered under `scores`."""
    loop = zeebe(
        "loopCharacteristics",
        inputCollection=of,
        inputElement="expert",
        outputCollection="scores",
        outputElement="=review.score",
    )
    condition = f"<bpmn:completionCondition>={until}</bpmn:completionCondition>" if until else ""
    many = node(
        "multiInstanceLoopCharacteristics",
        f"{name}l",
        extensions(loop) + condition,
        isSequential=str(sequential).lower(),
    )
    who = zeebe("assignmentDefinition", assignee="=expert")
    return node("userTask", name, extensions(REVIEW + who + inside) + many)


def walk_of(*steps: str, experts: Any = ("P1", "P2", "P3")) -> Walk:
    return Walk(diagram(begin(), *steps, user("b"), end(), flows("s a b e")), {"experts": list(experts)})


def assigned(walk: Walk) -> dict[str, str]:
    """Person to token, of what the last act opened."""
    return {task.assignee: task.token for task in walk.progress.opened}


def test_everybody_signs() -> None:
    walk = walk_of(review())
    tokens = assigned(walk)
    assert list(tokens) == ["P1", "P2", "P3"]
    assert [dict(task.inputs) for task in walk.progress.opened] == [
        {"expert": person, "loopCounter": place} for place, person in enumerate(("P1", "P2", "P3"), 1)
    ]
    assert {task.form_id for task in walk.progress.opened} == {"admission.review"}
    for person, score in (("P2", 2), ("P3", 3), ("P1", 1)):
        assert walk.open == ["a"] * len(walk.tokens)
        walk.complete(tokens[person], {"review": {"score": score}})
    assert walk.open == ["b"]
    assert walk.variables["scores"] == [1, 2, 3]
    assert set(walk.variables) == {"experts", "scores", "review"}
    assert walk.flows == ["s-a", "a-b"]
    assert walk.steps == ["s", "a", "a", "a", "a"]


@pytest.mark.parametrize(
    ("until", "needed"),
    [
        ("numberOfCompletedInstances >= 1", 1),
        ("numberOfCompletedInstances / numberOfInstances >= 0.5", 2),
        ("numberOfActiveInstances = 1", 2),
        ("count(scores[item != null]) >= 2", 2),
        ("false", 3),
    ],
)
def test_enough_have_signed(until: str, needed: int) -> None:
    walk = walk_of(review(until=until))
    tokens = list(walk.tokens)
    for done, token in enumerate(tokens[:needed], 1):
        progress = walk.complete(token, {"review": {"score": done}})
    assert progress.closed == tuple(tokens[needed:])
    assert walk.open == ["b"]
    assert walk.variables["scores"] == [1, 2, 3][:needed] + [None] * (3 - needed)
    for token in tokens:
        with pytest.raises(TaskNotOpen):
            Walk.complete(walk, token, {})


def test_one_after_the_other() -> None:
    walk = walk_of(review(sequential=True))
    for place, person in enumerate(("P1", "P2", "P3"), 1):
        ((who, token),) = assigned(walk).items()
        assert (who, walk.open) == (person, ["a"])
        walk.complete(token, {"review": {"score": place}})
    assert (walk.open, walk.variables["scores"]) == (["b"], [1, 2, 3])


def test_one_after_the_other_until_enough() -> None:
    walk = walk_of(review(sequential=True, until="numberOfCompletedInstances = 2"))
    walk.do("a", review={"score": 1})
    assert walk.do("a", review={"score": 2}).closed == ()
    assert (walk.open, walk.variables["scores"]) == (["b"], [1, 2, None])


@pytest.mark.parametrize("sequential", [True, False])
def test_nobody_to_sign(sequential: bool) -> None:
    walk = walk_of(review(sequential=sequential), experts=[])
    assert (walk.open, walk.variables["scores"]) == (["b"], [])


@pytest.mark.parametrize("of", ["=null", "=5", '="P1"', "=missing", "={}", f"=for i in 1..{MAX_ITEMS + 1} return i"])
def test_a_list_that_is_none_or_too_long_is_an_incident(of: str) -> None:
    with pytest.raises(ExpressionFailed, match="“a”"):
        walk_of(review(of=of))


def test_a_completion_condition_that_is_neither_true_nor_false_is_an_incident() -> None:
    walk = walk_of(review(until="missing > 1"))
    with pytest.raises(ExpressionFailed, match="completionCondition"):
        walk.do("a", review={"score": 1})


def test_input_and_output_mappings_of_each_member() -> None:
    lines = zeebe("input", source='=expert + "!"', target="greeting") + zeebe(
        "output", source="=[greeting, review.note]", target="note"
    )
    walk = walk_of(review(inside=zeebe("ioMapping", lines)))
    assert [task.inputs["greeting"] for task in walk.progress.opened] == ["P1!", "P2!", "P3!"]
    for place, token in enumerate(list(walk.tokens), 1):
        walk.complete(token, {"review": {"score": place, "note": place * 10}})
    assert walk.variables["scores"] == [1, 2, 3]
    assert walk.variables["note"] == ["P3!", 30]
    assert "review" not in walk.variables


def test_a_timer_calls_everybody_off() -> None:
    drawn = diagram(
        begin(), review(), boundary("t", "a", "P5D"), user("b"), user("x"), end(), flows("s a b e", "t x e")
    )
    walk = Walk(drawn, {"experts": ["P1", "P2", "P3"]})
    assert walk.waiting == ["t"]
    first, *rest = walk.tokens
    walk.complete(first, {"review": {"score": 9}})
    progress = walk.fire("t")
    assert progress.closed == tuple(rest)
    assert walk.open == ["x"]
    assert walk.variables["review"] == {"score": 9}
    assert "scores" not in walk.variables


def test_a_reminder_leaves_everybody_at_work() -> None:
    drawn = diagram(
        begin(),
        review(),
        boundary("t", "a", "P5D", cancel=False),
        user("b"),
        user("x"),
        end(),
        flows("s a b e", "t x e"),
    )
    walk = Walk(drawn, {"experts": ["P1", "P2"]})
    walk.fire("t")
    assert walk.open == ["a", "a", "x"]
    walk.do("a", review={"score": 1})
    walk.do("a", review={"score": 2})
    assert walk.open == ["x", "b"]


def test_the_last_signature_calls_the_timer_off() -> None:
    drawn = diagram(begin(), review(), boundary("t", "a", "P5D"), user("b"), end(), flows("s a b e", "t e"))
    walk = Walk(drawn, {"experts": ["P1"]})
    (timer,) = walk.timers
    assert walk.do("a", review={"score": 1}).timers_closed == (timer,)


def test_terminate_and_an_outer_timer_end_every_member() -> None:
    drawn = diagram(begin(), fork("f"), review(), user("b"), terminate("x"), end(), flows("s f a e", "f b x"))
    walk = Walk(drawn, {"experts": ["P1", "P2"]})
    progress = walk.do("b")
    assert (progress.completed, len(progress.closed)) == (True, 2)
    inside = sub("q", begin("i"), review(), end("o"), flows("i a o"))
    outer = Walk(
        diagram(begin(), inside, boundary("t", "q", "P1D"), end(), flows("s q e", "t e")), {"experts": ["P1", "P2"]}
    )
    progress = outer.fire("t")
    assert (progress.completed, len(progress.closed)) == (True, 2)


@pytest.mark.parametrize("seed", range(10))
def test_in_a_loop_beside_another_branch(seed: int) -> None:
    drawn: Diagram = diagram(
        begin(),
        choice("m"),
        fork("f"),
        review(),
        user("c"),
        fork("j"),
        script("k", "sum(scores)", "total"),
        choice("g"),
        end(),
        flows("s m f a j k g", "f c j", "g m | total < 6", "g e | total >= 6"),
    )
    walk, chance = Walk(drawn, {"experts": ["P1", "P2", "P3"]}), random.Random(seed)
    for round_number in (1, 2):
        assert sorted(walk.open) == ["a", "a", "a", "c"]
        for token in chance.sample(list(walk.tokens), 4):
            walk.complete(token, {"review": {"score": round_number}} if walk.tokens[token] == "a" else {})
    assert walk.progress.completed
    assert walk.variables["total"] == 6


def test_a_circle_of_empty_lists_is_an_incident() -> None:
    drawn = diagram(begin(), review(), end(), flows("s a", "a a | true", "a e | false"))
    with pytest.raises(EndlessLoop):
        Walk(drawn, {"experts": []})


def test_local_names_are_known_where_they_hold() -> None:
    good = diagram(begin(), review(until="numberOfActiveInstances = 0"), end(), flows("s a e"))
    assert unknown_names(good, ["experts"]) == ()
    slip = diagram(begin(), review(until="numberOfActive = 0", of="=expert"), end(), flows("s a e"))
    assert {problem.reason.split("：")[0] for problem in unknown_names(slip, ["experts"])} == {
        "completionCondition",
        "inputCollection",
    }


def test_a_large_fan_out_keeps_each_item_once() -> None:
    walk = walk_of(review(), experts=[f"P{n:05d}" for n in range(200)])
    assert len(walk.tokens) == 200
    size = len(walk.progress.state)
    for token in list(walk.tokens)[:100]:
        walk.complete(token, {"review": {"score": 1}})
    assert len(walk.progress.state) < size
