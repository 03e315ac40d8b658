"""Timers: when they are due, what they interrupt, what they leave alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.workflows.engine.drawing import (
    NOW,
    Walk,
    begin,
    boundary,
    catch,
    choice,
    diagram,
    end,
    flows,
    fork,
    house,
    script,
    sub,
    user,
)
from workflows.engine import OpenedTimer, fire, start
from workflows.engine.errors import ExpressionFailed, TimerNotOpen
from workflows.engine.moments import span


def timer_of(text: str, kind: str = "timeDuration", now: datetime = NOW, **lent: Any) -> OpenedTimer:
    drawn = diagram(begin(), catch("c", text, kind), end(), flows("s c e"))
    (found,) = start(drawn, {"by": "2026-12-01T18:00:00+08:00", "wait": "P2D"}, house(now=now, **lent)).timers
    return found


@pytest.mark.parametrize(
    ("text", "kind", "at"),
    [
        ("PT1H", "timeDuration", NOW + timedelta(hours=1)),
        ("P1DT30M", "timeDuration", NOW + timedelta(days=1, minutes=30)),
        ("P2W", "timeDuration", NOW + timedelta(days=14)),
        ("PT0S", "timeDuration", NOW),
        ("P1M", "timeDuration", datetime(2026, 12, 21, 1, tzinfo=UTC)),
        ("P1Y2M", "timeDuration", datetime(2028, 1, 21, 1, tzinfo=UTC)),
        ('=duration("P1D")', "timeDuration", NOW + timedelta(days=1)),
        ('=duration("P1M")', "timeDuration", datetime(2026, 12, 21, 1, tzinfo=UTC)),
        ("=wait", "timeDuration", NOW + timedelta(days=2)),
        ("2026-12-01T18:00:00+08:00", "timeDate", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("2026-12-01T18:00:00", "timeDate", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("2026-12-01T10:00:00Z", "timeDate", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("=by", "timeDate", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ('=date and time("2026-12-01T18:00:00")', "timeDate", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ('=date("2026-12-01")', "timeDate", datetime(2026, 12, 1, 16, tzinfo=UTC)),
        ('=now() + duration("PT5M")', "timeDate", NOW + timedelta(minutes=5)),
    ],
)
def test_when_a_timer_is_due(text: str, kind: str, at: datetime) -> None:
    found = timer_of(text, kind)
    assert found.due_at == at
    assert found.due_at.utcoffset() == timedelta(0)
    assert (found.due_days, found.provisional) == ((), False)


def test_a_month_after_the_last_of_january_is_the_last_of_february() -> None:
    assert timer_of("P1M", now=datetime(2027, 1, 31, 1, tzinfo=UTC)).due_at == datetime(2027, 2, 28, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["timeDate", "timeDuration"])
def test_a_working_day_moment_carries_its_days(kind: str) -> None:
    days = (date(2026, 11, 23), date(2026, 11, 24))
    due = SimpleNamespace(at=datetime(2026, 11, 24, 16, tzinfo=UTC), days=days, provisional=True)
    found = timer_of("=working days(2)", kind, **{"working days": lambda n: due})
    assert (found.due_at, found.due_days, found.provisional) == (due.at, days, True)


@pytest.mark.parametrize("kind", ["timeDate", "timeDuration"])
@pytest.mark.parametrize("text", ["=null", "=5", '="soon"', "=missing", "=true", "=nobody()", "=[1]"])
def test_a_timer_without_a_moment_is_an_incident(kind: str, text: str) -> None:
    with pytest.raises(ExpressionFailed, match="“c”"):
        timer_of(text, kind)


@pytest.mark.parametrize("text", ["", "P", "PT", "1H", "P1H", "PT1D", "P-1D", "P1.5D", "timedelta(1)", "P99999999999D"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError):
        span(text)


def test_a_catch_event_waits_until_it_is_fired() -> None:
    walk = Walk(diagram(begin(), user("a"), catch("c", "P1D"), user("b"), end(), flows("s a c b e")))
    walk.do("a")
    assert (walk.open, walk.waiting) == ([], ["c"])
    walk.fire("c")
    assert (walk.open, walk.waiting) == (["b"], [])
    assert walk.flows == ["s-a", "a-c", "c-b"]


def test_a_timer_fires_once() -> None:
    walk = Walk(diagram(begin(), catch("c", "P1D"), user("b"), end(), flows("s c b e")))
    (token,) = walk.timers
    walk.fire("c")
    with pytest.raises(TimerNotOpen):
        fire(walk.diagram, walk.progress.state, token, house())


def watched(*, cancel: bool) -> Walk:
    drawn = diagram(
        begin(),
        user("a"),
        boundary("t", "a", "P1D", cancel=cancel),
        user("x"),
        end("z"),
        end(),
        flows("s a e", "t x z"),
    )
    return Walk(drawn)


def test_an_interrupting_timer_closes_its_task() -> None:
    walk = watched(cancel=True)
    token = walk.token("a")
    progress = walk.fire("t")
    assert progress.closed == (token,)
    assert progress.timers_closed == ()
    assert walk.open == ["x"]
    assert walk.steps == ["s", "t"]
    assert walk.flows == ["s-a", "t-x"]
    assert walk.do("x").ended == ("z",)
    assert walk.progress.completed


def test_a_reminder_leaves_its_task_open() -> None:
    walk = watched(cancel=False)
    assert walk.fire("t").closed == ()
    assert walk.open == ["a", "x"]
    walk.do("a")
    assert not walk.progress.completed
    assert walk.do("x").completed


def test_completing_a_task_closes_its_timers() -> None:
    walk = watched(cancel=True)
    (timer,) = walk.timers
    progress = walk.do("a")
    assert progress.timers_closed == (timer,)
    assert progress.completed
    with pytest.raises(TimerNotOpen):
        fire(walk.diagram, progress.state, timer, house())


def test_two_timers_on_one_task() -> None:
    drawn = diagram(
        begin(),
        user("a"),
        boundary("half", "a", "P1D", cancel=False),
        boundary("over", "a", "P2D"),
        user("r"),
        user("x"),
        end(),
        flows("s a e", "half r e", "over x e"),
    )
    walk = Walk(drawn)
    walk.fire("half")
    assert (walk.open, walk.waiting) == (["a", "r"], ["over"])
    walk.fire("over")
    assert (walk.open, walk.waiting) == (["r", "x"], [])


def test_a_timer_on_a_sub_process_ends_everything_inside_and_keeps_what_was_written() -> None:
    inner = sub("q2", begin("is"), user("c"), boundary("it", "c", "PT1H"), end("ie"), flows("is c ie", "it ie"))
    outer = sub("q", begin("qs"), user("a"), fork("f"), user("b"), inner, end("qe"), flows("qs a f b qe", "f q2 qe"))
    walk = Walk(diagram(begin(), outer, boundary("t", "q", "P9D"), user("x"), end(), flows("s q e", "t x e")))
    walk.do("a", opinion={"text": "同意"})
    assert (walk.open, walk.waiting) == (["b", "c"], ["t", "it"])
    inside, timer = set(walk.tokens), next(token for token, step in walk.timers.items() if step == "it")
    progress = walk.fire("t")
    assert set(progress.closed) == inside
    assert progress.timers_closed == (timer,)
    assert walk.open == ["x"]
    assert walk.variables == {"opinion": {"text": "同意"}}
    assert walk.do("x").completed


def test_a_reminder_of_a_sub_process_sees_what_is_known_inside() -> None:
    inside = sub("q", begin("qs"), user("a"), user("b"), end("qe"), flows("qs a b qe"))
    drawn = diagram(
        begin(),
        inside,
        boundary("t", "q", "P1D", cancel=False),
        script("n", "opinion + 1", "seen"),
        end(),
        flows("s q e", "t n e"),
    )
    walk = Walk(drawn)
    walk.do("a", opinion=1)
    assert walk.fire("t").variables == {"opinion": 1, "seen": 2}


def test_a_timer_in_a_loop_is_new_in_every_round() -> None:
    drawn = diagram(
        begin(),
        choice("m"),
        user("a"),
        boundary("t", "a", "P1D"),
        choice("g"),
        end(),
        flows("s m a g", "t m", "g m | n < 2", "g e | n >= 2"),
    )
    walk = Walk(drawn)
    seen = []
    for act in (lambda: walk.fire("t"), lambda: walk.do("a", n=1), lambda: walk.fire("t"), lambda: walk.do("a", n=2)):
        seen += list(walk.timers)
        act()
    assert walk.progress.completed
    assert len(set(seen)) == 4
    assert set(walk.flows) == {flow.id for flow in drawn.flows}


def test_the_moment_counts_from_when_the_step_opens() -> None:
    walk = Walk(diagram(begin(), user("a"), catch("c", "PT1H"), end(), flows("s a c e")))
    walk.house = house(now=NOW + timedelta(days=3))
    (found,) = walk.do("a").timers
    assert found.due_at == NOW + timedelta(days=3, hours=1)
