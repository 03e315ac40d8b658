"""Processes that are valid and mean harm, or were drawn by mistake (T8): each ends by name at a bound, and other cases go on."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests import reviewing
from tests.office import PLACES, Case, Office
from tests.reviewing import Desk, begins, called, ends, file, message, task
from tests.workflows.engine.drawing import catch, choice, flows, node, script, times, what
from workflows import deliveries, timers
from workflows.errors import CaseFailed, Refusal, StartFailed
from workflows.models import Incident, Instance

PLACE = PLACES["liaoning"]


@pytest.fixture
def office(new_office: Callable[[], Office]) -> Office:
    return new_office()


def _desk(office: Office, root: Path, **drawn: Mapping[str, bytes]) -> Desk:
    reviewing.deploy(office, root, **drawn)
    return Desk(office)


def _begin(desk: Desk, process: str, name: str = "林书豪", **data: Any) -> Case:
    given = {"title": "整本书阅读", "budget": "1"} | data
    return desk.begin(process, desk.office.applicant(PLACE.own_school, name=name), "proposal", **given)


def _causes(office: Office) -> list[str]:
    with office.db.read() as session:
        return list(session.execute(select(Incident.cause).order_by(Incident.id)).scalars())


def _count(office: Office, what: Any) -> int:
    with office.db.read() as session:
        return session.execute(select(func.count()).select_from(what)).scalar_one()


def _others_go_on(desk: Desk) -> None:
    """A case that has nothing to do with it goes its way."""
    case = desk.project(PLACE.own_school, "周敏")
    desk.does(desk.part(case), "opine", PLACE.reviewer, "opinion", kind="同意", score=80)
    deliveries.deliver_due(desk.office.db, at=desk.office.at)
    case.waits_at("decide")


# --- without end in one instance ------------------------------------------------------------------------------------

CIRCLE = file(
    "circle", "原地打转", begins("提出", "review.proposal"), task("ask", "过问", "review.conclusion"),
    script("turn", "1", "n"), choice("which", "which-turn"), ends("done", "完"),
    flows("s ask turn which turn", 'which done | proposal.title = "停"'),
)  # fmt: skip
AT_ONCE = file(
    "at_once", "一开始就打转", begins("提出", "review.proposal"), script("turn", "1", "n"), choice("which", "which-turn"),
    ends("done", "完"), flows("s turn which turn", 'which done | proposal.title = "停"'),
)  # fmt: skip


def test_a_circle_without_anybody_to_wait_for(office: Office, root: Path) -> None:
    desk = _desk(office, root, circle=CIRCLE, at_once=AT_ONCE)
    with pytest.raises(StartFailed):
        _begin(desk, "at_once")
    case = _begin(desk, "circle", "高雨桐")
    with pytest.raises(CaseFailed):
        desk.does(case, "ask", PLACE.reviewer, "conclusion", words="同意")
    assert _causes(office) == ["EndlessLoop", "EndlessLoop"]
    case.waits_at("ask")
    _others_go_on(desk)


NO_TIME = file(
    "no_time", "零时长", begins("提出", "review.proposal"), catch("wait", '=duration("PT0S")'), choice("which", "which-wait"),
    ends("done", "完"), flows("s wait which wait", 'which done | proposal.title = "停"'),
)  # fmt: skip


def test_a_circle_of_timers_of_no_length(office: Office, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fires so often and no more, until somebody has looked: the beat comes to its end, and to the other cases."""
    monkeypatch.setattr(timers, "MAX_WAKES", 20)
    desk = _desk(office, root, no_time=NO_TIME)
    case = _begin(desk, "no_time")
    assert timers.fire_due(office.db, at=office.at) == 20
    assert timers.fire_due(office.db, at=office.at + timedelta(days=3)) == 0
    assert _causes(office) == ["TimersWithoutEnd"] and case.row().status == "running"
    _others_go_on(desk)


# --- processes that call themselves ---------------------------------------------------------------------------------

SELF = file("itself", "调用自己", begins("提出", "review.proposal"), called("again", "再来", "itself"), ends("done", "完"),
            flows("s again done"))  # fmt: skip
ONE = file("one", "甲", begins("提出", "review.proposal"), called("next", "乙", "two"), ends("done", "完"), flows("s next done"))
TWO = file("two", "乙", begins("提出", "review.proposal"), called("back", "甲", "one"), ends("done", "完"), flows("s back done"))
DOUBLE = file(
    "double", "成倍调用", begins("提出", "review.proposal"), node("parallelGateway", "fork"), called("a", "左", "double"),
    called("b", "右", "double"), node("parallelGateway", "join"), ends("done", "完"),
    flows("s fork a join done", "fork b join"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("process", "drawn", "cause"),
    [("itself", SELF, "CalledTooDeep"), ("one", {**ONE, **TWO}, "CalledTooDeep"), ("double", DOUBLE, "CalledTooOften")],
)
def test_processes_that_call_themselves(
    office: Office, root: Path, process: str, drawn: Mapping[str, bytes], cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As deep as the bound, and as many: two calls at each of twenty levels would be a million cases."""
    monkeypatch.setattr(deliveries, "MAX_RECURSIVE", 40)
    desk = _desk(office, root, drawn=drawn)
    _begin(desk, process)
    for _ in range(3):
        deliveries.deliver_due(office.db, at=office.at)
    assert set(_causes(office)) == {cause}
    assert _count(office, Instance) == (41 if cause == "CalledTooOften" else deliveries.MAX_DEPTH + 1)
    _others_go_on(desk)


# --- cases that write to each other without end ---------------------------------------------------------------------

PING = file(
    "ping", "来信", message("m_ping", "来", "proposal.title"), message("m_pong", "回", "proposal.title"),
    begins("提出", "review.proposal"), node("intermediateThrowEvent", "say", what("message", "m_pong"), name="去信"),
    node("intermediateCatchEvent", "hear", what("message", "m_ping"), name="收信"), choice("which", "which-say"),
    ends("done", "完"), flows("s say hear which say", 'which done | proposal.title = "停"'),
)  # fmt: skip
PONG = file(
    "pong", "回信", message("m_ping", "来", "proposal.title"), message("m_pong", "回", "proposal.title"),
    begins("提出", "review.proposal"), node("intermediateCatchEvent", "hear", what("message", "m_pong"), name="收信"),
    node("intermediateThrowEvent", "say", what("message", "m_ping"), name="去信"), choice("which", "which-hear"),
    ends("done", "完"), flows("s hear say which hear", 'which done | proposal.title = "停"'),
)  # fmt: skip


def test_two_cases_write_to_each_other_without_end(office: Office, root: Path) -> None:
    """An act delivers so many at once and a look so many more; then it is the turn of the others."""
    desk = _desk(office, root, drawn={**PING, **PONG})
    pong, ping = _begin(desk, "pong", "高雨桐"), _begin(desk, "ping")
    moved = len(pong.events()) + len(ping.events())
    assert moved <= deliveries._AT_ONCE + 2
    assert deliveries.deliver_due(office.db, at=office.at, limit=30) == 30
    assert len(pong.events()) + len(ping.events()) == moved + 30
    assert _count(office, Incident) == 0
    case = _begin(desk, "project", "周敏")
    assert deliveries.deliver_due(office.db, at=office.at, limit=30) == 30
    desk.part(case).waits_at("opine")


# --- much of everything ---------------------------------------------------------------------------------------------

WAITS = file(
    "waits", "留存", begins("提出", "review.proposal"), task("ask", "过问", "review.conclusion"), ends("done", "完"),
    flows("s ask done"),
)  # fmt: skip


def test_ten_megabytes_in_one_variable(office: Office, root: Path) -> None:
    """Kept as it is and given back; how much a field takes is its form's to say."""
    desk = _desk(office, root, waits=WAITS)
    draw = random.Random(7)
    text = "".join(draw.choices(string.ascii_letters, k=10_000_000))
    case = _begin(desk, "waits", title=text)
    request = case.task("ask").by(PLACE.reviewer).request()
    assert request.context["proposal"]["title"] == text
    desk.does(case, "ask", PLACE.reviewer, "conclusion", words="同意")
    case.ended("done")
    _others_go_on(desk)


def test_thousands_of_rows_in_one_form(office: Office, root: Path) -> None:
    desk = _desk(office, root, waits=WAITS)
    rows = [{"name": f"第{number}项", "amount": str(number)} for number in range(5_000)]
    case = _begin(desk, "waits", rows=rows)
    assert case.task("ask").by(PLACE.reviewer).request().context["proposal"]["rows"][-1]["name"] == "第4999项"
    desk.does(case, "ask", PLACE.reviewer, "conclusion", words="同意")
    case.ended("done")


FAN = file(
    "fan", "万人会签", begins("提出", "review.proposal"),
    times(task("ask", "过问", "review.conclusion"), "10000"), ends("done", "完"), flows("s ask done"),
)  # fmt: skip
MACHINE = file(
    "machine", "万次计算", begins("提出", "review.proposal"), times(script("count", "1", "n"), "10000"),
    task("ask", "过问", "review.conclusion"), ends("done", "完"), flows("s count ask done"),
)  # fmt: skip


def test_ten_thousand_at_once(office: Office, root: Path) -> None:
    """Nobody waits for ten thousand people in one step; a machine does the same ten thousand times."""
    desk = _desk(office, root, drawn={**FAN, **MACHINE})
    with pytest.raises(StartFailed):
        _begin(desk, "fan")
    assert _causes(office) == ["TooManyTokens"]
    _begin(desk, "machine", "高雨桐").waits_at("ask")
    _others_go_on(desk)


def _row(count: int) -> dict[str, bytes]:
    steps = [f"a{number}" for number in range(count)]
    return file("row", "一长串", begins("提出", "review.proposal"), *(script(one, "1", "v") for one in steps),
                task("ask", "过问", "review.conclusion"), ends("done", "完"), flows(f"s {' '.join(steps)} ask done"))  # fmt: skip


def _blocks(count: int, join: str) -> dict[str, bytes]:
    """Parallel blocks one after the other; joined by a choice, the tokens double at every one."""
    parts, before = list[str](), "s"
    for number in range(count):
        fork, left, right, end = (f"{name}{number}" for name in ("fork", "left", "right", "join"))
        parts += [node("parallelGateway", fork), node(join, end), script(left, "1", "v"), script(right, "1", "w")]
        parts.append(flows(f"{before} {fork} {left} {end}", f"{fork} {right} {end}"))
        before = end
    return file("blocks", "并行接并行", begins("提出", "review.proposal"), *parts, task("ask", "过问", "review.conclusion"),
                ends("done", "完"), flows(f"{before} ask done"))  # fmt: skip


def _nested(depth: int) -> dict[str, bytes]:
    inside = task("ask", "过问", "review.conclusion")
    for number in range(depth):
        was = "ask" if not number else f"q{number - 1}"
        inside = node("subProcess", f"q{number}", node("startEvent", f"i{number}") + inside + node("endEvent", f"o{number}")
                      + flows(f"i{number} {was} o{number}"))  # fmt: skip
    return file("nested", "层层嵌套", begins("提出", "review.proposal"), inside, ends("done", "完"), flows(f"s q{depth - 1} done"))


def test_three_thousand_steps_in_a_row(office: Office, root: Path) -> None:
    desk = _desk(office, root, row=_row(3_000))
    case = _begin(desk, "row")
    desk.does(case, "ask", PLACE.reviewer, "conclusion", words="同意")
    case.ended("done")


def test_parallel_blocks_after_each_other(office: Office, root: Path) -> None:
    """Twelve that are joined are one way; what nothing joins doubles at each, until it is too much by name."""
    desk = _desk(office, root, blocks=_blocks(12, "parallelGateway"))
    _begin(desk, "blocks").waits_at("ask")
    reviewing.deploy(office, root, blocks=_blocks(14, "exclusiveGateway"))
    with pytest.raises(StartFailed):
        _begin(desk, "blocks", "高雨桐")
    assert _causes(office) == ["TooManyTokens"]
    _others_go_on(desk)


ECHO = file(
    "echo", "自己惊动自己", node("signal", "g_cry", name="喊"), begins("提出", "review.proposal"),
    task("ask", "过问", "review.conclusion"), node("intermediateThrowEvent", "cry", what("signal", "g_cry"), name="喊"),
    node("subProcess", "on_cry", node("startEvent", "heard", what("signal", "g_cry"), isInterrupting="false")
         + node("intermediateThrowEvent", "again", what("signal", "g_cry"), name="又喊") + node("endEvent", "quiet")
         + flows("heard again quiet"), triggeredByEvent="true"),
    ends("done", "完"), flows("s ask cry done"),
)  # fmt: skip


def test_an_event_subprocess_that_sets_itself_off(office: Office, root: Path) -> None:
    desk = _desk(office, root, echo=ECHO)
    case = _begin(desk, "echo")
    with pytest.raises(CaseFailed):
        desk.does(case, "ask", PLACE.reviewer, "conclusion", words="同意")
    assert _causes(office) == ["EndlessLoop"]
    case.waits_at("ask")
    _others_go_on(desk)


def test_two_hundred_nested_parts_are_refused_where_they_are_drawn(office: Office, root: Path) -> None:
    with pytest.raises(Refusal, match="嵌套超过"):
        _desk(office, root, nested=_nested(200))
    desk = _desk(office, root, nested=_nested(25))
    _begin(desk, "nested").waits_at("ask")
