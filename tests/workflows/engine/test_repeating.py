"""An activity more than once: all, any, a share, in turn, while; with timers, joins, loops, nesting and stored state.

Every test runs twice: with members inside the instance's state, and with members beside it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from xml.sax.saxutils import escape

import pytest

from tests.workflows.engine.drawing import (
    Walk,
    begin,
    boundary,
    catch,
    choice,
    decide,
    diagram,
    drawing,
    end,
    extensions,
    flows,
    fork,
    house,
    node,
    ruling,
    script,
    service,
    sub,
    terminate,
    user,
    zeebe,
)
from tests.workflows.engine.test_random_processes import play
from workflows.engine import Diagram, Progress, complete, deliver, read, repeating, resume, start, unknown_names
from workflows.engine.errors import EndlessLoop, ExpressionFailed
from workflows.engine.repeating import MAX_ITEMS
from workflows.errors import TaskNotOpen


@pytest.fixture(autouse=True, params=["inside", "beside"])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where members at rest lie."""
    if request.param == "beside":
        monkeypatch.setattr(repeating, "SMALL", 0)
    return str(request.param)


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


def test_a_large_fan_out_reads_and_writes_one_member_at_a_time(small: str) -> None:
    count = 200
    walk = walk_of(review(), experts=[f"P{n:05d}" for n in range(count)])
    assert list(walk.tokens) == [f"t2.{n}" for n in range(count)]
    assert len(walk.parts) == count
    asked: list[str] = []

    def parts(beginning: str) -> Mapping[str, bytes]:
        asked.append(beginning)
        return walk._parts(beginning)

    walk.house = replace(walk.house, parts=parts)
    tokens = list(walk.tokens)
    random.Random(7).shuffle(tokens)
    sizes = []
    for done, token in enumerate(tokens, 1):
        asked.clear()
        progress = walk.complete(token, {"review": {"score": token}})
        if done < count:
            assert (asked, list(progress.parts), progress.parts_gone) == ([f"{token}:"], [f"{token}:"], ())
            sizes.append(len(progress.state))
    assert (asked, progress.parts, progress.parts_gone) == ([f"{token}:", "t2."], {}, ("t2.",))
    assert max(sizes) - min(sizes) < 100
    assert walk.variables["scores"] == [f"t2.{n}" for n in range(count)]
    assert walk.parts == {}


# --- every activity --------------------------------------------------------------------------------------------------


def many(of: str = "=[10, 20, 30]", *, result: str = "", until: str = "", sequential: bool = False) -> str:
    """Loop characteristics over a list; `n` is the item, results go to `found`."""
    out = {"outputCollection": "found", "outputElement": f"={result}"} if result else {}
    loop = zeebe("loopCharacteristics", inputCollection=of, inputElement="n", **out)
    condition = f"<bpmn:completionCondition>={escape(until)}</bpmn:completionCondition>" if until else ""
    return node(
        "multiInstanceLoopCharacteristics", "many", extensions(loop) + condition, isSequential=str(sequential).lower()
    )


def times(count: str, *, sequential: bool = False) -> str:
    inside = f"<bpmn:loopCardinality>{count}</bpmn:loopCardinality>"
    return node("multiInstanceLoopCharacteristics", "many", inside, isSequential=str(sequential).lower())


def again(condition: str = "", *, before: bool = False, most: int = 0) -> str:
    inside = f"<bpmn:loopCondition>={escape(condition)}</bpmn:loopCondition>" if condition else ""
    maximum = {"loopMaximum": str(most)} if most else {}
    return node("standardLoopCharacteristics", "again", inside, testBefore=str(before).lower(), **maximum)


def repeated(activity: str, loop: str) -> str:
    """The activity with a loop marker in it."""
    head, _, tail = activity.rpartition("</")
    return f"{head}{loop}</{tail}"


def around(*steps: str, declared: str = "") -> Diagram:
    raw = drawing(begin(), *steps, user("z"), end(), flows("s a z e"))
    (found,) = read(raw.replace(b"<bpmn:process", declared.encode() + b"<bpmn:process", 1), file="t.bpmn")
    return found


@pytest.mark.parametrize("sequential", [True, False])
def test_orders_for_each(sequential: bool) -> None:
    mapping = zeebe("ioMapping", zeebe("input", source="=[n, loopCounter]", target="to"))
    walk = Walk(around(repeated(service("a", "notify", mapping), many(sequential=sequential))))
    assert [(order.variables["n"], order.variables["to"]) for order in walk.progress.orders] == [
        (10, [10, 1]),
        (20, [20, 2]),
        (30, [30, 3]),
    ]
    assert (walk.steps, walk.open, walk.variables) == (["s", "a", "a", "a", "a"], ["z"], {})


@pytest.mark.parametrize("sequential", [True, False])
def test_a_script_for_each_sees_those_before_it_only_in_a_sequence(sequential: bool) -> None:
    expression = "if total = null then n else total + n"
    walk = Walk(around(repeated(script("a", expression, "total"), many(result="total", sequential=sequential))))
    wanted = {"total": 60, "found": [10, 30, 60]} if sequential else {"total": 30, "found": [10, 20, 30]}
    assert walk.variables == wanted


def test_a_decision_for_each_until_enough() -> None:
    lent = house(decide=lambda decision, seen: ruling(fits=seen["n"] > 15))
    drawn = around(repeated(decide("a", "fit", "ruled"), many(result="ruled.fits", until="list contains(found, true)")))
    walk = Walk(drawn, lent=lent)
    assert walk.variables["found"] == [False, True, None]
    assert len(walk.progress.rulings) == 2


@pytest.mark.parametrize("count", ["3", "=1 + 2", "=3.0"])
def test_a_number_of_times(count: str) -> None:
    assert Walk(around(user("a").replace("</bpmn:userTask>", times(count) + "</bpmn:userTask>"))).open == ["a"] * 3
    assert Walk(around(repeated(user("a"), times("0")))).open == ["z"]


@pytest.mark.parametrize("count", ["=null", "=-1", "=1.5", '="x"', "=true", "=[1]", f"={MAX_ITEMS + 1}"])
def test_a_number_of_times_that_is_none_is_an_incident(count: str) -> None:
    with pytest.raises(ExpressionFailed, match="loopCardinality"):
        Walk(around(repeated(user("a"), times(count))))


def test_thousands_of_notices_in_one_go() -> None:
    walk = Walk(around(repeated(service("a", "notify"), many("=for i in 1..5000 return i"))))
    assert [order.variables["n"] for order in walk.progress.orders] == list(range(1, 5001))
    assert (walk.open, walk.parts, len(walk.progress.state) < 300) == (["z"], {}, True)


BOTH = sub("a", begin("as"), user("b"), user("c"), end("ae"), flows("as b c ae"))


def test_a_sub_process_for_each_is_isolated() -> None:
    walk = Walk(around(repeated(BOTH, many(result="[n, mine]"))), {"mine": 0, "other": 1})
    first, second, third = (token for token in walk.tokens)
    assert all(token.startswith(f"t2.{place}.") for place, token in enumerate((first, second, third)))
    for token in (second, third):
        (opened,) = walk.complete(token, {"mine": token}).opened
        assert opened.token.rpartition(".")[0] == token.rpartition(".")[0]
    assert sorted(walk.open) == ["b", "c", "c"]
    assert walk.variables == {"mine": third, "other": 1}  # what was written last, in any branch
    walk.complete(first, {"other": 2})
    for place in (2, 0, 1):
        token = next(token for token, step in walk.tokens.items() if token.startswith(f"t2.{place}."))
        walk.complete(token, {})
    assert walk.open == ["z"]
    assert walk.variables == {"mine": third, "other": 2, "found": [[10, 0], [20, second], [30, third]]}
    assert walk.parts == {}


def test_what_was_given_to_a_member_stays_inside_and_may_be_written_there() -> None:
    doubling = sub("a", begin("as"), script("b", "n * 2", "n"), user("c"), end("ae"), flows("as b c ae"))
    walk = Walk(around(repeated(doubling, many(result="n"))), {"n": "outer", "loopCounter": "mine"})
    while "c" in walk.open:
        assert walk.variables == {"n": "outer", "loopCounter": "mine"}
        walk.do("c")
    assert walk.variables == {"n": "outer", "loopCounter": "mine", "found": [20, 40, 60]}


def test_sub_processes_one_after_the_other() -> None:
    walk = Walk(around(repeated(BOTH, many(sequential=True, result="mine", until="mine = 2"))))
    for round_number in (1, 2):
        assert walk.open == ["b"]
        walk.do("b", mine=round_number)
        assert walk.variables["mine"] == round_number
        walk.do("c")
    assert (walk.open, walk.variables["found"], walk.parts) == (["z"], [1, 2, None], {})


def test_sub_processes_that_wait_for_nobody() -> None:
    quick = sub("a", begin("as"), script("b", "n + 1", "m"), end("ae"), flows("as b ae"))
    walk = Walk(around(repeated(quick, many("=for i in 1..500 return i", result="m"))))
    assert (walk.open, walk.variables["found"]) == (["z"], list(range(2, 502)))


MESSAGE = (
    '<bpmn:message id="m" name="reply"><bpmn:extensionElements><zeebe:subscription correlationKey="=n"/>'
    "</bpmn:extensionElements></bpmn:message>"
)


def test_a_message_for_each() -> None:
    walk = Walk(around(repeated(node("receiveTask", "a", messageRef="m"), many(result="said")), declared=MESSAGE))
    waits = walk.progress.subscriptions
    assert [(one.token, one.name, one.key) for one in waits] == [
        ("t2.0", "reply", "10"),
        ("t2.1", "reply", "20"),
        ("t2.2", "reply", "30"),
    ]
    for token in ("t2.2", "t2.0", "t2.1"):
        walk._note(deliver(walk.diagram, walk.progress.state, token, {"said": token}, walk.house))
    assert (walk.open, walk.variables["found"]) == (["z"], ["t2.0", "t2.1", "t2.2"])


def test_a_call_for_each_until_one_is_enough() -> None:
    call = node("callActivity", "a", extensions(zeebe("calledElement", processId="other")))
    walk = Walk(around(repeated(call, many(result="answer", until="count(found[item = true]) = 1"))))
    assert [(one.process_id, one.variables["n"]) for one in walk.progress.calls] == [
        ("other", 10),
        ("other", 20),
        ("other", 30),
    ]
    one, two, three = (call.token for call in walk.progress.calls)
    walk._note(resume(walk.diagram, walk.progress.state, two, {"answer": False}, walk.house))
    progress = walk._note(resume(walk.diagram, walk.progress.state, three, {"answer": True}, walk.house))
    assert progress.calls_closed == (one,)
    assert (walk.open, walk.variables["found"]) == (["z"], [None, False, True])


# --- standard loops --------------------------------------------------------------------------------------------------


def test_again_and_again() -> None:
    walk = Walk(around(repeated(user("a"), again("not(good)"))))
    assert [dict(task.inputs) for task in walk.progress.opened] == [{"loopCounter": 1}]
    for round_number in (2, 3, 4):
        progress = walk.do("a", good=False)
        assert [(task.token, task.inputs["loopCounter"]) for task in progress.opened] == [
            (f"t2.{round_number - 1}", round_number)
        ]
        assert len(walk.parts) == 0
    walk.do("a", good=True)
    assert (walk.open, walk.parts) == (["z"], {})


def test_at_most_so_often_and_asked_before_the_first_time() -> None:
    walk = Walk(around(repeated(user("a"), again(most=2))))
    walk.do("a")
    walk.do("a")
    assert walk.open == ["z"]
    assert Walk(around(repeated(user("a"), again("false", before=True)))).open == ["z"]
    assert Walk(around(repeated(user("a"), again("false")))).open == ["a"]
    walk = Walk(around(repeated(user("a"), again("loopCounter < 2", before=True))))
    walk.do("a")
    walk.do("a")
    assert walk.open == ["z"]


def test_a_script_and_a_sub_process_in_a_loop() -> None:
    walk = Walk(around(repeated(script("a", "if x = null then 1 else x * 2", "x"), again("x < 100"))))
    assert walk.variables["x"] == 128
    walk = Walk(around(repeated(BOTH, again("mine < 2"))))
    for round_number in (1, 2):
        walk.do("b", mine=round_number)
        walk.do("c")
    assert walk.open == ["z"]


@pytest.mark.parametrize("kind", ["script", "sub"])
def test_a_loop_without_end_is_an_incident(kind: str) -> None:
    body = script("a", "1", "x")
    if kind == "sub":
        body = sub("a", begin("as"), script("b", "1", "x"), end("ae"), flows("as b ae"))
    with pytest.raises((EndlessLoop, ExpressionFailed)):
        Walk(around(repeated(body, again("true"))))


def test_a_loop_condition_that_is_neither_true_nor_false_is_an_incident() -> None:
    walk = Walk(around(repeated(user("a"), again("good"))))
    with pytest.raises(ExpressionFailed, match="loopCondition"):
        walk.do("a")


# --- members that hold much ------------------------------------------------------------------------------------------


def test_what_waits_inside_sleeping_members_is_closed_with_them() -> None:
    inside = sub(
        "a", begin("as"), user("b"), boundary("t", "b", "P1D", cancel=False), user("c"), catch("w", "P2D"), end("ae"),
        flows("as b w ae", "t c ae"),
    )  # fmt: skip
    drawn = diagram(
        begin(), repeated(inside, many()), boundary("o", "a", "P9D"), user("z"), end(), flows("s a z e", "o e")
    )
    walk = Walk(drawn)
    assert sorted(walk.waiting) == ["o", "t", "t", "t"]
    walk.fire("t")
    walk.do("b")
    assert sorted(walk.open) == ["b", "b", "c"]
    assert sorted(walk.waiting) == ["o", "t", "t", "w"]
    progress = walk.fire("o")
    assert (len(progress.closed), len(progress.timers_closed)) == (3, 3)
    assert (walk.open, walk.waiting, walk.parts, progress.completed) == ([], [], {}, True)


def test_terminate_inside_a_member_ends_that_member_only() -> None:
    inside = sub(
        "a", begin("as"), fork("f"), user("b"), user("c"), terminate("ae"), end("ag"), flows("as f b ae", "f c ag")
    )
    walk = Walk(around(repeated(inside, many())))
    walk.do("b")
    assert sorted(walk.open) == ["b", "b", "c", "c"]
    walk.do("b")
    walk.do("b")
    assert walk.open == ["z"]


ERROR = '<bpmn:error id="x" errorCode="X"/>'


def test_an_error_in_a_member_leaves_by_the_border_of_the_whole() -> None:
    fails = node("endEvent", "ae", '<bpmn:errorEventDefinition errorRef="x"/>')
    inside = sub("a", begin("as"), user("b"), fails, flows("as b ae"))
    border = node("boundaryEvent", "t", '<bpmn:errorEventDefinition errorRef="x"/>', attachedToRef="a")
    raw = drawing(begin(), repeated(inside, many()), border, user("z"), user("y"), end(), flows("s a z e", "t y e"))
    (drawn,) = read(raw.replace(b"<bpmn:process", ERROR.encode() + b"<bpmn:process", 1), file="t.bpmn")
    walk = Walk(drawn)
    progress = walk.do("b", mine=1)
    assert (len(progress.closed), walk.open, walk.parts, walk.variables["mine"]) == (2, ["y"], {}, 1)


@pytest.mark.parametrize("sequential", [True, False])
def test_what_each_member_did_is_undone_when_the_repetition_is_over(sequential: bool) -> None:
    inside = sub(
        "q", begin("qs"), user("a"),
        node("boundaryEvent", "t", "<bpmn:compensateEventDefinition/>", attachedToRef="a"),
        user("u", zeebe("ioMapping", zeebe("input", source="=[n, did]", target="what")), isForCompensation="true"),
        node("association", "l", sourceRef="t", targetRef="u"), end("qe"), flows("qs a qe"),
    )  # fmt: skip
    drawn = diagram(
        begin(), repeated(inside, many("=for i in 1..12 return i", sequential=sequential)), user("b"),
        node("intermediateThrowEvent", "x", "<bpmn:compensateEventDefinition/>"), user("z"), end(), flows("s q b x z e"),
    )  # fmt: skip
    walk = Walk(drawn)
    for number in range(12):
        walk.do("a", did=number)
    progress = walk.do("b")
    for number in reversed(range(12)):
        assert [task.inputs["what"] for task in progress.opened] == [[number + 1, number]]
        progress = walk.do("u")
    assert (walk.open, walk.parts) == (["z"], {})


def test_many_in_each_of_many() -> None:
    inner = repeated(user("b"), many("=[n, n + 1]", result="[n, given]"))
    outer = sub("a", begin("as"), inner, user("c"), end("ae"), flows("as b c ae")).replace('id="many"', 'id="in"')
    walk = Walk(around(repeated(outer, many(result="found"))))
    tokens = list(walk.tokens)
    assert len(tokens) == 6
    assert all(token.count(".") == 3 for token in tokens)
    chance = random.Random(3)
    chance.shuffle(tokens)
    for number, token in enumerate(tokens):
        walk.complete(token, {"given": number})
    assert walk.open == ["c"] * 3
    given = {token: number for number, token in enumerate(tokens)}
    by_place = sorted(tokens, key=lambda token: [int(part.removeprefix("t")) for part in token.split(".")])
    for _ in range(3):
        walk.do("c")
    wanted = [[n + m, given[by_place[2 * place + m]]] for place, n in enumerate((10, 20, 30)) for m in (0, 1)]
    assert walk.variables["found"] == [wanted[0:2], wanted[2:4], wanted[4:6]]
    assert walk.parts == {}


@pytest.mark.parametrize("seed", range(40))
def test_random_processes_full_of_repetitions(seed: int) -> None:
    play(seed, seed, kinds="many each again parallel watch sequence loop sub inclusive guard broken")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1300))
def test_many_random_processes_full_of_repetitions(seed: int) -> None:
    play(seed, seed, depth=4, kinds="many each again parallel watch sequence loop sub inclusive guard broken")


def test_a_part_that_another_run_has_written_over_is_a_task_not_open() -> None:
    walk = walk_of(review())
    one, two, _ = walk.tokens
    state = walk.progress.state
    walk.complete(one, {"review": {"score": 1}})
    other: Progress = complete(walk.diagram, walk.progress.state, two, {"review": {"score": 1}}, walk.house)
    assert other.closed == ()
    if walk.parts:
        with pytest.raises(TaskNotOpen):
            complete(walk.diagram, state, one, {"review": {"score": 2}}, walk.house)


@pytest.mark.parametrize("token", ["t2.9", "t2.x", "t2.-1", "t2.", "t2", "t9.0", "t2.0.t1", "", ".", "root"])
def test_a_token_that_is_none(token: str) -> None:
    walk = walk_of(review())
    with pytest.raises(TaskNotOpen):
        complete(walk.diagram, walk.progress.state, token, {}, walk.house)


def test_a_start_with_ten_thousand_waiting_is_refused_by_name() -> None:
    with pytest.raises(Exception, match="10000"):
        start(around(repeated(user("a"), times(str(MAX_ITEMS)))), {}, house())
