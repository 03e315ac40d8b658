"""Onto another version of a diagram: what goes on, what opens and closes, and why an instance does not move."""

from __future__ import annotations

import random
import re
from dataclasses import replace
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
    service,
    sub,
    timer,
    user,
    zeebe,
)
from tests.workflows.engine.test_random_processes import waits
from tests.workflows.engine.test_repeating import BOTH, again, many, repeated, times
from tests.workflows.engine.test_rewinding import act
from workflows.engine import Diagram, Migration, migrate, migration_problems, read
from workflows.engine.errors import MigrationRefused, StateUnreadable


def form(name: str, **more: str) -> str:
    return extensions(
        zeebe("formDefinition", formId=name) + "".join(zeebe(tag, at=value) for tag, value in more.items())
    )


LINE = diagram(begin(), user("a"), user("b"), end(), flows("s a b e"))


def moved(walk: Walk, new: Diagram, **mapping: str) -> Migration:
    """Migrate the walk; its verbs go on in the new diagram."""
    migration = migrate(walk.diagram, walk.progress.state, new, mapping, walk.house)
    assert migration_problems(walk.diagram, walk.progress.state, new, mapping, walk.house) == ()
    walk._note(migration.progress)
    walk.diagram = new
    books = {"task": walk.tokens, "timer": walk.timers, "call": walk.calls}
    for one in migration.moved:
        if one.row == "subscription":
            walk.subscriptions[one.token] = replace(walk.subscriptions[one.token], step_id=one.step_id)
        else:
            books[one.row][one.token] = one.step_id
    return migration


def test_an_open_step_goes_on_where_it_was() -> None:
    walk = Walk(LINE, {"x": 1})
    token = walk.token("a")
    new = diagram(begin(), user("a"), user("c"), end(), flows("s a c e"))
    migration = moved(walk, new)
    (one,) = migration.moved
    assert (one.token, one.row, one.was, one.step_id, one.differs, one.task) == (token, "task", "a", "a", (), None)
    assert (migration.progress.opened, migration.progress.closed, walk.variables) == ((), (), {"x": 1})
    walk.do("a", x=2)
    assert (walk.open, walk.variables) == (["c"], {"x": 2})


def test_a_renamed_step_is_found_only_where_the_plan_says_so() -> None:
    new = diagram(begin(), user("first"), user("b"), end(), flows("s first b e"))
    walk = Walk(LINE)
    with pytest.raises(MigrationRefused, match="新流程中没有步骤“a”") as refused:
        moved(walk, new)
    assert [(problem.file, problem.element) for problem in refused.value.problems] == [("t.bpmn", "a")]
    (one,) = moved(walk, new, a="first").moved
    assert (one.was, one.step_id) == ("a", "first")
    walk.do("first")
    assert walk.open == ["b"]


def test_what_the_new_version_says_differently_is_listed() -> None:
    def version(name: str, form_id: str, days: int) -> Diagram:
        inside = zeebe("formDefinition", formId=form_id) + zeebe(
            "taskSchedule", dueDate=f'=now() + duration("P{days}D")'
        )
        return diagram(begin(), user("a", inside, name=name), end(), flows("s a e"))

    walk = Walk(version("初审", "one", 1))
    (one,) = moved(walk, version("复审", "two", 3)).moved
    assert one.differs == ("name", "form_id", "due")
    assert one.task is not None
    assert (one.task.form_id, one.task.due_at) == ("two", NOW + timedelta(days=3))


def test_boundary_events_open_and_close() -> None:
    old = diagram(
        begin(), user("a"), boundary("t", "a", "P1D"), boundary("u", "a", "P2D", cancel=False), end(),
        flows("s a e", "t e", "u e"),
    )  # fmt: skip
    new = diagram(
        begin(), user("a"), boundary("u", "a", "P5D", cancel=False), boundary("v", "a", "P3D"), end(),
        flows("s a e", "v e", "u e"),
    )  # fmt: skip
    walk = Walk(old)
    timers = {step: token for token, step in walk.timers.items()}
    migration = moved(walk, new)
    assert migration.progress.timers_closed == (timers["t"],)
    assert [(one.step_id, one.due_at) for one in migration.progress.timers] == [("v", NOW + timedelta(days=3))]
    assert [(one.row, one.step_id, one.differs) for one in migration.moved] == [
        ("task", "a", ()),
        ("timer", "u", ("event",)),
    ]
    assert sorted(walk.waiting) == ["u", "v"]
    walk.fire("v")
    assert (walk.progress.completed, walk.waiting) == (True, [])


def test_a_reminder_that_was_given_is_not_given_again() -> None:
    def version(*, days: str) -> Diagram:
        return diagram(
            begin(), user("a"), boundary("t", "a", days, cancel=False), end(), end("x"), flows("s a e", "t x")
        )

    walk = Walk(version(days="P1D"))
    walk.fire("t")
    assert moved(walk, version(days="P3D")).progress.timers == ()
    assert walk.waiting == []


def test_an_event_moved_to_another_step_waits_there() -> None:
    old = diagram(
        begin(), fork("f"), user("a"), boundary("t", "a", "P1D"), user("b"), end(), flows("s f a e", "f b e", "t e")
    )
    new = diagram(
        begin(), fork("f"), user("a"), boundary("t", "b", "P1D"), user("b"), end(), flows("s f a e", "f b e", "t e")
    )
    walk = Walk(old)
    migration = moved(walk, new)
    assert (len(migration.progress.timers), len(migration.progress.timers_closed)) == (1, 1)
    assert walk.fire("t").closed == (walk_token(migration, "b"),)


def walk_token(migration: Migration, step: str) -> str:
    return next(one.token for one in migration.moved if one.step_id == step)


def listening(days: str = "", name: str = "os") -> str:
    if not days:
        return ""
    start = node("startEvent", name, timer(days), isInterrupting="false")
    return node(
        "subProcess", "o", "".join((start, user("x"), end("oe"), flows(f"{name} x oe"))), triggeredByEvent="true"
    )


def test_listeners_of_a_scope_open_and_close() -> None:
    without, having = (
        diagram(begin(), user("a"), user("b"), end(), flows("s a b e"), listening(days)) for days in ("", "P1D")
    )
    walk = Walk(without)
    assert [one.step_id for one in moved(walk, having).progress.timers] == ["os"]
    walk.fire("os")
    assert sorted(walk.open) == ["a", "x"]
    with pytest.raises(MigrationRefused, match="“x”") as refused:
        moved(walk, without)
    assert {problem.element for problem in refused.value.problems} == {"o", "x"}
    walk.do("x")
    walk = Walk(having)
    assert len(moved(walk, without).progress.timers_closed) == 1
    walk.do("a")
    assert walk.do("b").completed


def test_inside_sub_processes_and_joins() -> None:
    def version(inner: str, extra: str = "") -> Diagram:
        inside = sub(
            "q", begin("qs"), fork("f"), user(inner), user("b"), fork("j"), user("c"), end("qe"),
            flows(f"qs f {inner} j", "f b j c qe"),
        )  # fmt: skip
        return diagram(begin(), inside, user("z"), end(), flows("s q z e"), extra)

    walk = Walk(version("a"))
    walk.do("b")
    assert [one.step_id for one in moved(walk, version("n"), a="n").moved] == ["n"]
    walk.do("n")
    assert walk.open == ["c"]
    walk.do("c")
    assert walk.open == ["z"]


@pytest.mark.parametrize("count", ["3", "30"])
def test_members_of_a_repetition_move_with_it(count: str) -> None:
    def version(name: str, host: str = "a") -> Diagram:
        inside = sub(host, begin("as"), user(name), user("c"), end("ae"), flows(f"as {name} c ae"))
        return diagram(
            begin(), repeated(inside, times(count)), boundary("t", host, "P1D"), user("z"), end(),
            flows(f"s {host} z e", "t e"),
        )  # fmt: skip

    walk = Walk(version("b"))
    walk.do("b", n=1)
    migration = moved(walk, version("d", "h"), a="h", b="d")
    assert len(migration.moved) == int(count) + 1
    assert walk.open.count("d") == int(count) - 1
    while "d" in walk.open:
        walk.do("d")
    while "c" in walk.open:
        walk.do("c")
    assert (walk.open, walk.waiting, walk.parts) == (["z"], [], {})


# --- why not ---------------------------------------------------------------------------------------------------------

FORKED = ("s f a j", "f b j z e")


@pytest.mark.parametrize(
    ("old", "done", "new", "reasons"),
    [
        pytest.param(
            (user("a"), flows("s a e")), "", (service("a"), flows("s a e")), ["步骤的类型不同"], id="another kind"
        ),
        pytest.param(
            (user("a"), flows("s a e")), "",
            (sub("q", begin("qs"), user("a"), end("qe"), flows("qs a qe")), flows("s q e")),
            ["另一层"], id="another scope",
        ),
        pytest.param(
            (sub("q", begin("qs"), user("a"), end("qe"), flows("qs a qe")), flows("s q e")), "",
            (user("a"), flows("s a e")), ["没有步骤“q”", "另一层"], id="no scope",
        ),
        pytest.param(
            (fork("f"), user("a"), user("b"), fork("j"), user("z"), flows(*FORKED)), "a",
            (fork("f"), user("a"), choice("k"), user("b"), fork("j"), user("z"), flows("s f a k j", "f b j z e")),
            ["没有这条流入的顺序流"], id="the flow by which a token came",
        ),
        pytest.param(
            (fork("f"), user("a"), user("b"), fork("j"), user("z"), flows(*FORKED)), "",
            (fork("f"), user("a"), user("b"), user("c"), fork("j"), user("z"), flows(*FORKED, "f c j")),
            ["等待的分支数不同"], id="a branch more to wait for",
        ),
        pytest.param(
            (repeated(user("a"), times("2")), flows("s a e")), "", (user("a"), flows("s a e")),
            ["多次办理的方式不同"], id="once instead of many times",
        ),
        pytest.param(
            (repeated(user("a"), many()), flows("s a e")), "",
            (repeated(user("a"), many(sequential=True)), flows("s a e")),
            ["多次办理的方式不同"], id="one after the other",
        ),
        pytest.param(
            (repeated(user("a"), again("x")), flows("s a e")), "",
            (repeated(user("a"), many(sequential=True)), flows("s a e")),
            ["多次办理的方式不同"], id="a loop no more",
        ),
        pytest.param(
            (repeated(BOTH, many()), flows("s a e")), "b",
            (repeated(sub("a", begin("as"), user("b"), end("ae"), flows("as b ae")), many()), flows("s a e")),
            ["没有步骤“c”"], id="a step inside one of many",
        ),
        pytest.param(
            (node("eventBasedGateway", "g"), catch("k", "P1D"), catch("l", "P2D"), flows("s g k e", "g l e")), "",
            (node("eventBasedGateway", "g"), catch("k", "P1D"), catch("l", "P2D"), catch("m", "P3D"),
             flows("s g k e", "g l e", "g m e")),
            ["等待的事件个数不同"], id="another event to wait for",
        ),
    ],
)  # fmt: skip
def test_why_an_instance_does_not_move(old: Any, done: str, new: Any, reasons: list[str]) -> None:
    walk, there = Walk(diagram(begin(), *old, end())), diagram(begin(), *new, end())
    if done:
        walk.do(done)
    problems = migration_problems(walk.diagram, walk.progress.state, there, {}, walk.house)
    for reason in reasons:
        assert any(reason in problem.reason for problem in problems), problems
    assert all(problem.line > 0 for problem in problems)
    with pytest.raises(MigrationRefused, match=re.escape(problems[0].reason)) as refused:
        migrate(walk.diagram, walk.progress.state, there, {}, walk.house)
    assert refused.value.problems == problems


def test_waiting_for_another_message() -> None:
    def version(name: str, key: str) -> Diagram:
        extension = extensions(zeebe("subscription", correlationKey=key))
        message = f'<bpmn:message id="m" name="{name}">{extension}</bpmn:message><bpmn:process'
        raw = drawing(begin(), node("receiveTask", "a", messageRef="m"), end(), flows("s a e"))
        (found,) = read(raw.replace(b"<bpmn:process", message.encode(), 1), file="t.bpmn")
        return found

    walk = Walk(version("one", '="k"'))
    assert moved(walk, version("one", '="k"')).progress.subscriptions == ()
    for other in (version("two", '="k"'), version("one", '="l"')):
        (problem,) = migration_problems(walk.diagram, walk.progress.state, other, {}, walk.house)
        assert "所等待的事件不同" in problem.reason


def test_who_undoes_what_was_done() -> None:
    def version(*, by: str) -> Diagram:
        return diagram(
            begin(), user("a"), node("boundaryEvent", "t", "<bpmn:compensateEventDefinition/>", attachedToRef="a"),
            user(by, "", isForCompensation="true"), node("association", "l", sourceRef="t", targetRef=by),
            user("b"), node("intermediateThrowEvent", "x", "<bpmn:compensateEventDefinition/>"), end(), flows("s a b x e"),
        )  # fmt: skip

    walk = Walk(version(by="u"))
    walk.do("a")
    (problem,) = migration_problems(walk.diagram, walk.progress.state, version(by="v"), {}, walk.house)
    assert (problem.element, "由另一步骤撤销" in problem.reason) == ("a", True)
    moved(walk, version(by="v"), u="v")
    walk.do("b")
    assert walk.open == ["v"]


def test_plans_and_instances_that_make_no_sense() -> None:
    walk = Walk(LINE)
    state = walk.progress.state
    for mapping, reason in (({"q": "a"}, "不是原流程的步骤"), ({"b": "q"}, "不是新流程的步骤")):
        (problem,) = migration_problems(LINE, state, LINE, mapping, walk.house)
        assert reason in problem.reason
    (other,) = read(drawing(begin(), user("a"), end(), flows("s a e"), process="other"), file="t.bpmn")
    assert any("另一版本" in problem.reason for problem in migration_problems(LINE, state, other, {}, walk.house))
    walk.do("a")
    walk.do("b")
    (problem,) = migration_problems(LINE, walk.progress.state, LINE, {}, walk.house)
    assert problem.reason == "流程已经结束"
    with pytest.raises(StateUnreadable):
        migrate(LINE, b"", LINE, {}, walk.house)


# --- random ----------------------------------------------------------------------------------------------------------


def same(seed: int, depth: int) -> int:
    """A random process moved to and fro between two sets of step ids beside one that stays; how often it moved."""
    raw, _ = Maker(seed).process(depth)
    (old,) = read(raw, file=f"seed-{seed}.bpmn")
    ids = rb'((?:<bpmn:(?!sequenceFlow|signal |message |error |escalation )\w+ id|sourceRef|targetRef|attachedToRef|activityRef)=")n'
    (new,) = read(re.sub(ids, rb"\1k", raw), file=f"seed-{seed}.bpmn")
    there = {name: re.sub(r"^n", "k", name) for name in old.steps}
    back = {one: name for name, one in there.items()}
    chance, walk, twin, moves = random.Random(seed), Walk(old), Walk(old), 0
    for number in range(60):
        plan, target = (back, old) if walk.diagram is new else (there, new)
        now = there if walk.diagram is new else {name: name for name in old.steps}
        wanted = sorted((kind, now[name]) for kind, name in waits(twin))
        assert sorted(waits(walk)) == wanted, f"seed {seed}"
        assert walk.variables == twin.variables, f"seed {seed}"
        if twin.progress.completed:
            break
        kind, name = chance.choice(sorted(waits(twin)))
        for one, step in ((walk, now[name]), (twin, name)):
            act(one, kind, step, **{name: number})
        if not twin.progress.completed:
            moved(walk, target, **plan)
            moves += 1
    return moves


def test_random_processes_move_onto_themselves() -> None:
    assert sum(same(seed, depth=3) for seed in range(60)) > 100


@pytest.mark.long
def test_many_random_processes_move_onto_themselves() -> None:
    assert sum(same(seed, depth=4) for seed in range(1000, 1400)) > 800
