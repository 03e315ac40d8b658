"""What each verb and each step does, and what Progress says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from tests.workflows.engine.drawing import (
    NOW,
    Walk,
    begin,
    boundary,
    choice,
    decide,
    diagram,
    end,
    flows,
    fork,
    house,
    never,
    node,
    ruling,
    script,
    service,
    some,
    sub,
    terminate,
    user,
    zeebe,
)
from workflows.engine import House, OpenedTask, Passed, complete, fire, open_tokens, start
from workflows.engine.errors import (
    EndlessLoop,
    ExpressionFailed,
    NoFlowTaken,
    NothingWaits,
    ReservedName,
    TimerNotOpen,
    TooManyTokens,
    ValueNotPlain,
)
from workflows.engine.journey import MAX_STEPS
from workflows.errors import TaskNotOpen


def mapping(*lines: tuple[str, str, str]) -> str:
    return zeebe("ioMapping", "".join(zeebe(kind, source=source, target=target) for kind, source, target in lines))


def role(name: str, at: str | None = None) -> dict[str, Any]:
    return {"role": name, "at": at}


def opened(inside: str, variables: Mapping[str, Any] | None = None, **context: Any) -> OpenedTask:
    """The one task of a process whose user task holds the extension elements ``inside``."""
    drawn = diagram(begin(), user("a", inside), end(), flows("s a e"))
    (found,) = start(drawn, variables or {}, house(**context)).opened
    return found


# --- start and complete -------------------------------------------------------------------------------------------------


def test_a_process_of_one_task() -> None:
    walk = Walk(
        diagram(begin("s", "admission.application"), user("a"), end(), flows("s a e")), {"application": {"n": 1}}
    )
    assert walk.diagram.form_id == "admission.application"
    assert walk.open == ["a"]
    assert walk.progress.passed == (Passed("s", "start"), Passed("s", "flow", "s-a"))
    done = walk.do("a", review={"passed": True})
    assert done.passed == (Passed("a", "user"), Passed("a", "flow", "a-e"), Passed("e", "end"))
    assert done.completed
    assert done.ended == ("e",)
    assert done.variables == {"application": {"n": 1}, "review": {"passed": True}}
    assert (done.opened, done.closed, done.timers, done.timers_closed) == ((), (), (), ())


def test_the_verbs_leave_what_they_were_given_as_it_was() -> None:
    drawn = diagram(begin(), user("a"), script("x", "append(rows, 3)", "rows"), user("b"), end(), flows("s a x b e"))
    rows = [1, 2]
    first = start(drawn, {"rows": rows}, house())
    before = first.state
    second = complete(drawn, first.state, first.opened[0].token, {"more": rows}, house())
    assert first.state == before
    assert first.variables == {"rows": [1, 2]}
    assert second.variables == {"rows": [1, 2, 3], "more": [1, 2]}
    rows.append(9)
    second.variables["rows"].append(9)
    third = complete(drawn, second.state, second.opened[0].token, {}, house())
    assert third.variables == {"rows": [1, 2, 3], "more": [1, 2]}


def test_progress_cannot_be_changed() -> None:
    progress = start(diagram(begin(), end(), flows("s e")), {}, house())
    with pytest.raises(FrozenInstanceError):
        progress.completed = False  # type: ignore[misc]


@pytest.mark.parametrize("token", ["t99", "", "root", "nonsense"])
def test_a_token_that_never_was_is_refused(token: str) -> None:
    drawn = diagram(begin(), user("a"), end(), flows("s a e"))
    state = start(drawn, {}, house()).state
    with pytest.raises(TaskNotOpen):
        complete(drawn, state, token, {}, house())
    with pytest.raises(TimerNotOpen):
        fire(drawn, state, token, house())


def test_a_task_is_completed_once() -> None:
    walk = Walk(diagram(begin(), user("a"), user("b"), end(), flows("s a b e")))
    token = walk.token("a")
    walk.do("a")
    with pytest.raises(TaskNotOpen):
        complete(walk.diagram, walk.progress.state, token, {}, house())
    assert walk.do("b").completed
    with pytest.raises(TaskNotOpen):
        complete(walk.diagram, walk.progress.state, token, {}, house())


def test_a_task_cannot_be_fired_nor_a_timer_completed() -> None:

    walk = Walk(diagram(begin(), user("a"), boundary("b", "a", "PT1H"), end(), flows("s a e", "b e")))
    (task,), (timer,) = walk.tokens, walk.timers
    with pytest.raises(TaskNotOpen):
        complete(walk.diagram, walk.progress.state, timer, {}, house())
    with pytest.raises(TimerNotOpen):
        fire(walk.diagram, walk.progress.state, task, house())


def test_tokens_are_the_same_in_every_repetition_and_never_used_twice() -> None:
    def tokens() -> list[str]:
        walk = Walk(
            diagram(begin(), choice("m"), user("a"), choice("g"), end(), flows("s m a g", "g m | n < 3", "g e | n = 3"))
        )
        seen = []
        for n in (1, 2, 3):
            seen.append(walk.token("a"))
            walk.do("a", n=n)
        return seen

    assert tokens() == tokens()
    assert len(set(tokens())) == 3


def test_open_tokens_says_what_waits() -> None:
    walk = Walk(diagram(begin(), fork("f"), user("a"), user("b"), end(), flows("s f a e", "f b e")))
    assert dict(open_tokens(walk.diagram, walk.progress.state, house())) == walk.tokens


# --- variables ----------------------------------------------------------------------------------------------------------


def test_a_submission_replaces_its_variable_whole() -> None:
    walk = Walk(diagram(begin(), user("a"), user("b"), end(), flows("s a b e")))
    walk.do("a", form={"rows": [1, 2], "gone": 1})
    done = walk.do("b", form={"rows": [1, 1, 2]})
    assert done.variables == {"form": {"rows": [1, 1, 2]}}


@pytest.mark.parametrize("name", ["instance", "task", "policy"])
def test_a_submission_cannot_hide_the_house(name: str) -> None:
    drawn = diagram(begin(), user("a"), end(), flows("s a e"))
    with pytest.raises(ReservedName):
        start(drawn, {name: 1}, house())
    state = start(drawn, {}, house())
    with pytest.raises(ReservedName):
        complete(drawn, state.state, state.opened[0].token, {name: {}}, house())


def test_a_variable_never_hides_a_function_of_the_house() -> None:
    drawn = diagram(begin(), script("x", "double(2)", "y"), end(), flows("s x e"))
    assert start(drawn, {"double": 5}, house(double=lambda n: n * 2)).variables["y"] == 4


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), object(), {1: 2}, "\ud800", print])
def test_a_value_that_is_not_plain_is_refused(value: Any) -> None:
    with pytest.raises(ValueNotPlain):
        start(diagram(begin(), end(), flows("s e")), {"x": value}, house())


def test_what_the_house_lends_is_looked_up_only_when_read() -> None:
    class Lazy(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            assert name == "wanted"
            return 7

    lent = House(Lazy(wanted=None, dear=None), never, NOW)
    assert start(diagram(begin(), script("x", "wanted", "v"), end(), flows("s x e")), {}, lent).variables == {"v": 7}


def test_script_results_become_plain_values() -> None:
    cases = {
        "1 + 1": 2,
        "1 / 4": Decimal("0.25"),
        'date("2026-11-21")': "2026-11-21",
        'date and time("2026-11-21T09:00:00+08:00")': "2026-11-21T09:00:00+08:00",
        'duration("P1DT2H")': "P1DT2H",
        'duration("P1Y2M")': "P1Y2M",
        '{a: [1, null, true, "字"]}': {"a": [1, None, True, "字"]},
        "nothing": None,
    }
    for expression, value in cases.items():
        result = start(diagram(begin(), script("x", expression, "v"), end(), flows("s x e")), {}, house()).variables[
            "v"
        ]
        assert result == value, expression
        assert type(result) is type(value), expression


def test_output_mapping_stores_only_its_targets() -> None:
    inside = mapping(("output", "=review.passed", "passed"), ("output", "=if passed then n + 1 else n", "n"))
    walk = Walk(diagram(begin(), user("a", inside), end(), flows("s a e")), {"n": 1})
    assert walk.do("a", review={"passed": True}).variables == {"passed": True, "n": 2}


def test_input_mapping_prefills_the_form_and_stays_local() -> None:
    inside = mapping(("input", "=application.name", "name"), ("input", '=name + "!"', "greeting"))
    walk = Walk(diagram(begin(), user("a", inside), end(), flows("s a e")), {"application": {"name": "王"}})
    assert walk.progress.opened[0].inputs == {"name": "王", "greeting": "王!"}
    assert set(walk.do("a").variables) == {"application"}


def test_output_mapping_sees_the_inputs_of_the_moment_the_task_opened() -> None:
    inside = mapping(("input", "=n", "before"), ("output", "=before", "kept"), ("output", "=task.holder", "by"))
    drawn = diagram(begin(), fork("f"), user("a", inside), user("b"), end(), flows("s f a e", "f b e"))
    walk = Walk(drawn, {"n": 1})
    walk.do("b", n=2)
    walk.house = house(task={"holder": "P20260001"})
    assert walk.do("a").variables == {"n": 2, "kept": 1, "by": "P20260001"}


# --- who, by when, how urgent -----------------------------------------------------------------------------------------


def test_candidates_are_rules() -> None:
    rule = opened(zeebe("assignmentDefinition", candidateGroups='=role("bureau_hr")'), role=role)
    assert rule.candidates == ({"role": "bureau_hr", "at": None},)
    assert rule.assignee is None
    several = opened(
        zeebe("assignmentDefinition", candidateGroups='=[role("tri_head", "city"), "expert"]', candidateUsers="P1, P2"),
        role=role,
    )
    assert several.candidates == (
        {"role": "tri_head", "at": "city"},
        {"role": "expert", "at": None},
        {"person": "P1"},
        {"person": "P2"},
    )
    assert opened(zeebe("assignmentDefinition", candidateGroups="a, b")).candidates == (
        {"role": "a", "at": None},
        {"role": "b", "at": None},
    )


def test_assignee_is_a_person() -> None:
    instance = {"starter": "P20260001"}
    assert (
        opened(zeebe("assignmentDefinition", assignee="=instance.starter"), instance=instance).assignee == "P20260001"
    )
    assert opened("").assignee is None


@pytest.mark.parametrize(
    ("expression", "at"),
    [
        ("2026-12-01T18:00:00+08:00", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("2026-12-01", datetime(2026, 12, 1, 16, tzinfo=UTC)),
        ('=date("2026-12-01")', datetime(2026, 12, 1, 16, tzinfo=UTC)),
        ('="2026-12-01"', datetime(2026, 12, 1, 16, tzinfo=UTC)),
        ("=application.by", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ('=date and time("2026-12-01T18:00:00")', datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("=null", None),
    ],
)
def test_due_dates(expression: str, at: datetime | None) -> None:
    variables = {"application": {"by": "2026-12-01T18:00:00+08:00"}}
    assert opened(zeebe("taskSchedule", dueDate=expression), variables).due_at == at


def test_a_due_moment_of_the_pack_carries_its_days() -> None:
    days = tuple(date(2026, 11, n) for n in (23, 24, 25))
    due = SimpleNamespace(at=datetime(2026, 11, 25, 16, tzinfo=UTC), days=days, provisional=True)
    found = opened(
        zeebe("taskSchedule", dueDate="=working days(3)", followUpDate="=working days(3)"),
        **{"working days": lambda n: due},
    )
    assert (found.due_at, found.due_days, found.provisional, found.follow_up_at) == (due.at, days, True, due.at)


def test_priority() -> None:
    assert opened("").priority == 50
    assert opened(zeebe("priorityDefinition", priority="80")).priority == 80
    assert opened(zeebe("priorityDefinition", priority="=40 + 2")).priority == 42


@pytest.mark.parametrize(
    "inside",
    [
        zeebe("taskSchedule", dueDate="=5"),
        zeebe("taskSchedule", dueDate='="soon"'),
        zeebe("taskSchedule", dueDate="=nobody()"),
        zeebe("priorityDefinition", priority="=101"),
        zeebe("priorityDefinition", priority='="a"'),
        zeebe("priorityDefinition", priority="=missing"),
        zeebe("assignmentDefinition", assignee="=5"),
        zeebe("assignmentDefinition", candidateGroups="=5"),
    ],
)
def test_an_unusable_answer_is_an_incident_at_the_step(inside: str) -> None:
    with pytest.raises(ExpressionFailed, match="“a”"):
        opened(inside)


def test_the_task_itself_is_seen_when_it_opens() -> None:
    inside = zeebe("formDefinition", formId="admission.review") + mapping(("input", "=task.form + task.step", "x"))
    found = opened(inside)
    assert found.form_id == "admission.review"
    assert found.inputs == {"x": "admission.reviewa"}


# --- automatic steps --------------------------------------------------------------------------------------------------


def test_orders_are_reported_in_order() -> None:
    first = service("x", "roster.appoint", mapping(("input", "=person.number", "who")) + zeebe("taskHeaders"))
    second = service("y", "certificate.number", zeebe("taskHeaders", zeebe("header", key="kind", value="聘书")))
    progress = start(diagram(begin(), first, second, end(), flows("s x y e")), {"person": {"number": "P1"}}, house())
    one, two = progress.orders
    assert (one.step_id, one.type, one.variables["who"], one.retries) == ("x", "roster.appoint", "P1", 3)
    assert (two.type, two.headers, two.variables) == (
        "certificate.number",
        {"kind": "聘书"},
        {"person": {"number": "P1"}},
    )
    assert progress.variables == {"person": {"number": "P1"}}


def test_a_ruling_is_reported_and_its_outputs_stored() -> None:
    asked: list[tuple[str, dict[str, Any]]] = []
    answer = ruling(outcome="qualified", months=72)

    def decided(decision: str, inputs: Mapping[str, Any]) -> Any:
        asked.append((decision, {name: inputs[name] for name in ("months", "policy", "application")}))
        return answer

    step = decide("x", "DT-ADM-01", "admission_ruling", mapping(("input", "=application.months", "months")))
    drawn = diagram(
        begin(),
        step,
        choice("g", "g-e"),
        user("a"),
        end(),
        flows("s x g", 'g a | admission_ruling.outcome = "qualified"', "g e", "a e"),
    )
    pack = {"months": 72}
    progress = start(drawn, {"application": {"months": 80}}, house(decided, policy=pack))
    assert asked == [("DT-ADM-01", {"months": 80, "policy": pack, "application": {"months": 80}})]
    (at,) = progress.rulings
    assert (at.step_id, at.decision_id, at.ruling, at.result_variable) == ("x", "DT-ADM-01", answer, "admission_ruling")
    assert progress.variables["admission_ruling"] == {"outcome": "qualified", "months": 72}
    assert progress.opened[0].step_id == "a"
    assert "months" not in progress.variables


def test_a_ruling_without_named_outputs_is_stored_as_its_value() -> None:
    drawn = diagram(begin(), decide("x", "D", "v"), end(), flows("s x e"))
    answer = SimpleNamespace(outputs={}, value=Decimal("1.5"))
    assert start(drawn, {}, house(lambda *_: answer)).variables == {"v": Decimal("1.5")}


def test_output_mapping_of_a_decision_and_of_a_script() -> None:
    drawn = diagram(
        begin(),
        decide("x", "D", "r", mapping(("output", "=r.outcome", "outcome"))),
        script("y", "outcome + suffix", "z", mapping(("input", '="!"', "suffix"), ("output", "=z + suffix", "w"))),
        end(),
        flows("s x y e"),
    )
    assert start(drawn, {}, house(lambda *_: ruling(outcome="ok"))).variables == {"outcome": "ok", "w": "ok!!"}


def test_a_failing_expression_that_is_tolerated_is_reported() -> None:
    progress = start(diagram(begin(), script("x", '1 + "a"', "v"), end(), flows("s x e")), {}, house())
    assert progress.variables == {"v": None}
    (problem,) = progress.problems
    assert (problem.step_id, problem.place, problem.expression) == ("x", "script", '1 + "a"')
    assert problem.reason


# --- gateways and flows ----------------------------------------------------------------------------------------------


def chosen(drawn: Any, **variables: Any) -> list[str]:
    return Walk(drawn, variables).open


def test_exclusive_gateway_takes_the_first_true_flow_or_the_default() -> None:
    drawn = diagram(
        begin(),
        choice("g", "g-c"),
        user("a"),
        user("b"),
        user("c"),
        end(),
        flows("s g", "g a | n > 1", "g c", "g b | n > 0", "a e", "b e", "c e"),
    )
    assert [chosen(drawn, n=n) for n in (2, 1, 0)] == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("gateway", [choice, some])
def test_a_gateway_without_true_condition_is_an_incident(gateway: Any) -> None:
    drawn = diagram(
        begin(), gateway("g"), user("a"), user("b"), end(), flows("s g", "g a | n > 1", "g b | n < 0", "a e", "b e")
    )
    with pytest.raises(NoFlowTaken, match="“g”"):
        Walk(drawn, {"n": 0})


@pytest.mark.parametrize("n", [None, "a", [1]])
def test_a_condition_that_is_neither_true_nor_false_is_an_incident(n: Any) -> None:
    drawn = diagram(
        begin(), choice("g", "g-b"), user("a"), user("b"), end(), flows("s g", "g a | n > 1", "g b", "a e", "b e")
    )
    with pytest.raises(ExpressionFailed, match="g-a"):
        Walk(drawn, {"n": n})


def test_inclusive_gateway_takes_every_true_flow() -> None:
    drawn = diagram(
        begin(),
        some("g", "g-c"),
        user("a"),
        user("b"),
        user("c"),
        end(),
        flows("s g", "g a | n > 1", "g b | n > 0", "g c", "a e", "b e", "c e"),
    )
    assert [chosen(drawn, n=n) for n in (2, 1, 0)] == [["a", "b"], ["b"], ["c"]]


def test_conditional_and_default_flows_that_leave_a_task() -> None:
    drawn = diagram(
        begin(),
        user("t", default="t-c"),
        user("a"),
        user("b"),
        user("c"),
        user("d"),
        end(),
        flows("s t", "t a | n > 1", "t b | n > 0", "t c", "t d", "a e", "b e", "c e", "d e"),
    )
    for n, expected in ((2, ["a", "b", "d"]), (1, ["b", "d"]), (0, ["c", "d"])):
        walk = Walk(drawn, {"n": n})
        walk.do("t")
        assert walk.open == expected


def test_a_task_without_a_flow_to_take_is_an_incident() -> None:
    walk = Walk(diagram(begin(), user("t"), user("a"), end(), flows("s t", "t a | n > 1", "a e")), {"n": 0})
    with pytest.raises(NoFlowTaken, match="“t”"):
        walk.do("t")


def test_several_flows_without_condition_split() -> None:
    walk = Walk(
        diagram(begin(), user("a"), user("b"), user("c"), end(), flows("s a", "s b", "a c", "a e", "b e", "c e"))
    )
    assert walk.open == ["a", "b"]
    walk.do("a")
    assert walk.open == ["b", "c"]


def test_an_implicit_merge_lets_each_token_pass() -> None:
    walk = Walk(diagram(begin(), fork("f"), user("a"), user("b"), user("c"), end(), flows("s f a c e", "f b c")))
    walk.do("a")
    walk.do("b")
    assert walk.open == ["c", "c"]
    walk.do("c")
    assert walk.do("c").completed


def test_a_step_without_a_flow_ends_its_branch() -> None:
    walk = Walk(diagram(begin(), fork("f"), user("a"), user("b"), end(), flows("s f a", "f b e")))
    assert not walk.do("a").completed
    assert walk.do("b").ended == ("e",)
    assert walk.progress.completed


def test_terminate_ends_every_branch() -> None:
    walk = Walk(diagram(begin(), fork("f"), user("a"), user("b"), end(), terminate("x"), flows("s f a e", "f b x")))
    a = walk.token("a")
    done = walk.do("b", reason="withdrawn")
    assert done.closed == (a,)
    assert done.completed
    assert done.ended == ("x",)
    assert done.variables == {"reason": "withdrawn"}


def test_terminate_inside_a_sub_process_ends_only_its_inside() -> None:
    inside = sub("q", begin("i"), fork("f"), user("a"), user("b"), terminate("x"), flows("i f a", "f b x"))
    walk = Walk(diagram(begin(), fork("g"), inside, user("c"), user("d"), end(), flows("s g q d e", "g c e")))
    walk.do("a", kept=1)
    walk.do("b")
    assert walk.open == ["c", "d"]
    assert walk.variables == {"kept": 1}


def test_a_join_that_can_never_be_complete_is_an_incident() -> None:
    drawn = diagram(
        begin(),
        choice("g"),
        user("a"),
        user("b"),
        fork("j"),
        end(),
        flows("s g", "g a | n = 1", "g b | n = 2", "a j e", "b j"),
    )
    walk = Walk(drawn, {"n": 1})
    with pytest.raises(NothingWaits, match="“j”"):
        walk.do("a")


def test_a_circle_that_waits_for_nobody_is_an_incident() -> None:
    drawn = diagram(
        begin(),
        choice("m"),
        script("x", "n + 1", "n"),
        choice("g"),
        end(),
        flows("s m x g", "g m | n > 0", "g e | n < 0"),
    )
    with pytest.raises(EndlessLoop, match=str(MAX_STEPS)):
        Walk(drawn, {"n": 1})


def test_a_circle_that_opens_tasks_without_end_is_an_incident() -> None:
    drawn = diagram(begin(), choice("m"), fork("f"), user("a"), end(), flows("s m f m", "f a e"))
    with pytest.raises(TooManyTokens, match="“a”"):
        Walk(drawn)


def test_a_long_run_without_a_wait_ends_well() -> None:
    drawn = diagram(
        begin(),
        choice("m"),
        script("x", "n + 1", "n"),
        choice("g"),
        end(),
        flows("s m x g", "g m | n < 2000", "g e | n >= 2000"),
    )
    progress = start(drawn, {"n": 0}, house())
    assert progress.completed
    assert progress.variables == {"n": 2000}
    assert len(progress.state) < 200


def test_an_incident_leaves_the_instance_where_it_was() -> None:
    walk = Walk(diagram(begin(), user("t"), choice("g"), end(), flows("s t g", "g e | n > 0")))
    state = walk.progress.state
    for n in (None, -1):
        with pytest.raises((ExpressionFailed, NoFlowTaken)):
            complete(walk.diagram, state, walk.token("t"), {"n": n}, house())
    assert complete(walk.diagram, state, walk.token("t"), {"n": 1}, house()).completed


def test_elements_called_like_the_library_s_own() -> None:
    walk = Walk(diagram(begin("Start"), user("Root"), user("EndJoin"), end("End"), flows("Start Root EndJoin End")))
    walk.do("Root")
    assert walk.do("EndJoin").ended == ("End",)


def test_time_is_the_house_s() -> None:
    later = NOW + timedelta(days=365)
    drawn = diagram(begin(), script("x", "now()", "at"), end(), flows("s x e"))
    assert datetime.fromisoformat(start(drawn, {}, house(now=later)).variables["at"]) == later


def test_properties_and_lane_are_read() -> None:
    lanes = node("laneSet", "ls", node("lane", "l1", "<bpmn:flowNodeRef>a</bpmn:flowNodeRef>", name="市教研院"))
    inside = zeebe("properties", zeebe("property", name="jiaoyan:separate-from", value="b")) + zeebe("userTask")
    step = user("a", inside).replace(">", "><bpmn:documentation>说明</bpmn:documentation>", 1)
    found = diagram(lanes, begin(), step, end(), flows("s a e"))
    assert found.lanes == ("市教研院",)
    assert found.steps["a"].lane == "市教研院"
    assert found.steps["a"].properties == {"jiaoyan:separate-from": "b"}
    assert found.steps["a"].documentation == "说明"
    assert found.undrawn == ("s", "a", "e", "s-a", "a-e")
