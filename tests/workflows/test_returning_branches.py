"""退回 among parallel branches and among many: one branch, the whole split, or all of them – and nothing where that is unclear."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import reviewing
from tests.factories import SETTING_UP
from tests.office import Office, Place
from tests.reviewing import Desk, begins, ends, file, task
from tests.workflows.engine.drawing import choice, extensions, flows, fork, node, sub, timer, zeebe
from tests.workflows.test_races import ORDERS, race
from tests.workflows.test_returning import WHY, Line, allows
from tests.workflows.test_verbs import recorded
from workflows import assignments, control, instances, returning
from workflows.audit import Kind
from workflows.engine.errors import RewindAmbiguous, RewindBeside, RewindIntoRepetition
from workflows.errors import InstanceMoved, NotReturnable, TaskNotOpen
from workflows.models import Timer
from workflows.transitions import Moved


def many(drawn: str, tag: str = "userTask") -> str:
    """An activity for each of the panel, all at once."""
    loop = extensions(zeebe("loopCharacteristics", inputCollection="=proposal.panel", inputElement="seat"))
    each = node("multiInstanceLoopCharacteristics", "many", loop, isSequential="false")
    return drawn.replace(f"</bpmn:{tag}>", f"{each}</bpmn:{tag}>")


#: 初审 → 会商 → 会商复核 ∥ 核算 → 核算复核 → 专家意见 (for each seat) → 审定.
WAYS = file(
    "ways", "分头审核", begins("提出", "review.proposal"), task("first", "初审", "review.opinion"), fork("split"),
    task("discuss", "会商", "review.opinion"), task("agree", "会商复核", "review.opinion", allows("*")),
    node("boundaryEvent", "late", timer("P9D"), name="会商逾期", attachedToRef="discuss", cancelActivity="false"),
    task("note", "登记逾期", "review.opinion"), ends("noted", "已登记"),
    task("count", "核算", "review.opinion"), task("check", "核算复核", "review.opinion", allows("*")), fork("join"),
    many(task("panel", "专家意见", "review.opinion", allows("*"))),
    task("settle", "审定", "review.conclusion", allows("*")), ends("done", "已审定"),
    flows("s first split discuss agree join panel settle done", "split count check join", "late note noted"),
)  # fmt: skip

#: Each seat reads (审读) and then grades (评定), which may be sent back to reading; then all is settled.
SEATS = file(
    "seats", "逐席评定", begins("提出", "review.proposal"),
    many(sub("seat", node("startEvent", "i"), task("read", "审读", "review.opinion"),
             task("grade", "评定", "review.opinion", allows("*")), node("endEvent", "o"), flows("i read grade o")), "subProcess"),
    task("settle", "审定", "review.conclusion", allows("*")), ends("done", "已审定"), flows("s seat settle done"),
)  # fmt: skip

#: Either of two ways through a branch, again and again: 甲 → 复核 or 乙 → 复核, beside 核算.
ROUNDS = file(
    "rounds", "分轮审核", begins("提出", "review.proposal"), choice("again"), fork("split"),
    choice("which", "which-plain"), task("special", "专门审核", "review.opinion"), task("plain", "一般审核", "review.opinion"),
    choice("both"), task("agree", "复核", "review.opinion", allows("*")), task("count", "核算", "review.opinion"), fork("join"),
    choice("enough", "enough-done"), ends("done", "已审定"),
    flows("s again split which", 'which special | opinion = null', "which plain", "special both agree join enough",
          "plain both", "split count join", 'enough again | opinion.kind = "再审"', "enough done"),
)  # fmt: skip


class Ways(Line):
    """As ``Line``; what is open is said by step."""

    def number(self, step: str, place: int = 0) -> str:
        return [one.number for one in self.case.tasks() if one.step_id == step and one.status == "open"][place]

    def completes(self, number: str, who: str = "", **data: str) -> str:
        viewer = self.office.viewer(who or self.place.reviewer)
        instances.complete_task(self.office.db, viewer, number, self.desk.paper("opinion", **data), at=self.office.at)
        return number

    def back(self, number: str, to: str, who: str = "") -> Moved:
        viewer = self.office.viewer(who or self.place.reviewer)
        return returning.send_back(self.office.db, viewer, number, to, WHY, at=self.office.at)

    def unchanged(self) -> tuple[int, list[str]]:
        return self.case.row().version, [one.status for one in self.case.tasks()]


def begun(office: Office, place: Place, root: Path, process: str) -> Ways:
    reviewing.deploy(office, root, ways=WAYS, seats=SEATS, rounds=ROUNDS)
    desk = Desk(office)
    case = desk.begin(process, office.applicant(place.own_school), "proposal", title="阅读", budget="1", panel=["甲", "乙", "丙"])
    return Ways(office, place, case, desk)


@pytest.fixture
def ways(office: Office, liaoning: Place, root: Path) -> Ways:
    return begun(office, liaoning, root, "ways")


# --- one branch -----------------------------------------------------------------------------------------------------


def test_a_branch_goes_back_alone_and_the_others_go_on(ways: Ways) -> None:
    ways.does("first")
    discussed = ways.does("discuss", kind="甲案", score="80")
    counting = ways.case.task("count").row()
    with ways.office.db.read() as session:
        [own, first] = returning.ways_back(session, ways.two, ways.number("agree"), ways.office.at)
    assert (own.step_id, own.alone, own.ends) == ("discuss", True, ())
    assert (first.step_id, first.alone, first.ends) == ("first", False, ("核算",))
    with recorded(ways.office, (f"instance:{ways.case.number}", Kind.TASK_SENT_BACK)):
        ways.sends_back(ways.two, "agree", discussed)
    ways.case.waits_at("count", "discuss")
    stays = ways.case.task("count").row()
    assert (stays.number, stays.opened_at, stays.token) == (counting.number, counting.opened_at, counting.token)
    again = ways.case.task("discuss").row()
    assert (again.holder_id, again.explanation["undone"]) == (ways.one.person_id, ["agree", "discuss", "join"])
    assert ways.form(ways.one, "discuss").prefill["kind"] == "甲案"
    with ways.office.db.read() as session:
        late = [one.due_at for one in session.query(Timer).filter(Timer.step_id == "late", Timer.fired_at.is_(None))]
    assert len(late) == 1, "its deadline counts anew, once"
    ways.does("count")
    ways.does("discuss", kind="乙案")
    ways.does("check")
    ways.case.waits_at("agree")
    ways.does("agree")
    ways.case.waits_at("panel", "panel", "panel")
    ways.office.check_record()


def test_the_other_branch_knows_its_own_way_after_one_went_back(ways: Ways) -> None:
    ways.does("first")
    discussed, counted = ways.does("discuss"), ways.does("count")
    ways.sends_back(ways.two, "agree", discussed)
    assert ways.ways(ways.one, "check") == ["count", "first"], "what was done beside it stays on its way"
    before = ways.unchanged()
    with recorded(ways.office), pytest.raises(NotReturnable) as refused:
        ways.sends_back(ways.one, "check", discussed)
    assert refused.value.params["why"] == returning.NOT_DONE
    ways.does("discuss")
    with recorded(ways.office), pytest.raises(NotReturnable) as refused:
        ways.sends_back(ways.two, "agree", counted)
    assert refused.value.params["why"] == returning.ELSEWHERE
    assert before[1][:2] == ways.unchanged()[1][:2]
    ways.sends_back(ways.one, "check", counted)
    ways.case.waits_at("agree", "count")


def test_whoever_did_a_separate_step_beside_it_since_does_not_get_it(office: Office, liaoning: Place, root: Path) -> None:
    """Separation of duties counts what other branches did after the step that comes back."""
    apart = zeebe("properties", zeebe("property", name="jiaoyan:separate-from", value="count"))
    drawn = {path: raw.replace(
        task("discuss", "会商", "review.opinion").encode(), task("discuss", "会商", "review.opinion", apart).encode()
    ) for path, raw in WAYS.items()}  # fmt: skip
    reviewing.deploy(office, root, ways=drawn)
    desk = Desk(office)
    case = desk.begin("ways", office.applicant(liaoning.own_school), "proposal", title="阅读", budget="1", panel=["甲"])
    ways = Ways(office, liaoning, case, desk)
    ways.does("first")
    discussed = ways.does("discuss")
    ways.does("count", liaoning.second_reviewer)
    ways.sends_back(ways.one, "agree", discussed)
    out = [one["number"] for one in ways.case.task("discuss").row().explanation["excluded"]]
    assert ways.two.number in out


# --- the whole split ------------------------------------------------------------------------------------------------


def test_before_the_split_all_branches_go_back_and_what_waited_ends_by_name(ways: Ways) -> None:
    first = ways.does("first")
    ways.does("discuss", kind="甲案")
    ways.does("count", kind="一万")
    checking = ways.number("check")
    assignments.claim(ways.office.db, ways.two, checking, at=ways.office.at)
    ways.sends_back(ways.one, "agree", first)
    ways.case.waits_at("first")
    ended = ways.row(checking)
    assert (ended.status, ended.done_by_id) == ("cancelled", None)
    told = ways.office.payload(ways.case.events(Kind.TASK_SENT_BACK)[-1])
    assert [(one["name"], one["holder"]["name"]) for one in told["called_off"]] == [("核算复核", ways.two.name)]
    kind, params = ways.case.told(ways.two.name)[-1]
    assert (kind, params["step"], params["to"], params["reason"]) == ("task_called_off", "核算复核", "初审", WHY)
    assert [one.data["kind"] for one in ways.case.submissions() if one.step_id in ("discuss", "count")] == ["甲案", "一万"]
    ways.does("first")
    ways.case.waits_at("count", "discuss")
    for step in ("discuss", "agree", "count"):
        ways.does(step)
    ways.case.waits_at("check")
    ways.does("check")
    ways.case.waits_at("panel", "panel", "panel")
    ways.office.check_record()


def test_where_branches_have_met_only_what_lies_before_them_all_is_left(ways: Ways) -> None:
    first, discussed = ways.does("first"), ways.does("discuss")
    for step in ("agree", "count", "check"):
        ways.does(step)
    before = ways.unchanged()
    with recorded(ways.office), pytest.raises(RewindBeside):
        ways.sends_back(ways.one, "panel", discussed)
    assert before == ways.unchanged()
    assert ways.ways(ways.one, "panel") == ["first"]
    ways.sends_back(ways.one, "panel", first)
    ways.case.waits_at("first")


def test_an_earlier_round_of_the_branches_is_past(office: Office, liaoning: Place, root: Path) -> None:
    """The branch passed another way this time: what was done in the round before it is not gone back to."""
    ways = begun(office, liaoning, root, "rounds")
    special = ways.does("special")
    ways.does("agree", kind="再审")
    ways.does("count", kind="再审")
    ways.does("plain", kind="同意")
    ways.does("count", kind="同意")
    before = ways.unchanged()
    with recorded(office), pytest.raises(RewindAmbiguous):
        ways.sends_back(ways.one, "agree", special)
    assert before == ways.unchanged() and ways.ways(ways.one, "agree") == ["plain"]


# --- many -----------------------------------------------------------------------------------------------------------


def to_the_panel(ways: Ways) -> None:
    for step in ("first", "discuss", "agree", "count", "check"):
        ways.does(step)


def test_one_of_many_sends_the_case_back_and_the_others_are_told(ways: Ways) -> None:
    """Parallel review, one returns, and the round is repeated by all of them."""
    to_the_panel(ways)
    first = next(one.number for one in ways.case.tasks() if one.step_id == "first")
    ways.completes(ways.number("panel"), kind="同意", score="90")
    number, other = ways.number("panel"), ways.number("panel", 1)
    assignments.claim(ways.office.db, ways.two, other, at=ways.office.at)
    ways.back(number, first)
    ways.case.waits_at("first")
    assert ways.row(other).status == "cancelled"
    assert ways.case.told(ways.two.name)[-1][0] == "task_called_off"
    assert [one.data["score"] for one in ways.case.submissions() if one.step_id == "panel"] == ["90"], "an opinion given stays"
    to_the_panel(ways)
    for _ in range(3):
        ways.case.waits_at(*["panel"] * len([one for one in ways.case.tasks() if one.status == "open"]))
        ways.completes(ways.number("panel"))
    ways.case.waits_at("settle")
    ways.office.check_record()


def test_what_many_did_is_done_again_by_each_of_them_with_their_own_words(ways: Ways) -> None:
    to_the_panel(ways)
    seats = {}
    for place, who in enumerate((ways.place.reviewer, ways.place.second_reviewer, ways.place.reviewer)):
        number = ways.number("panel")
        seats[place] = ways.completes(number, who, kind=f"意见{place}")
    with ways.office.db.read() as session:
        [panel, *_] = returning.ways_back(session, ways.two, ways.number("settle"), ways.office.at)
    assert (panel.step_id, panel.people) == ("panel", 3)
    ways.back(ways.number("settle"), panel.task)
    ways.case.waits_at("panel", "panel", "panel")
    again = [one for one in ways.case.tasks() if one.step_id == "panel" and one.status == "open"]
    assert [one.holder_id for one in again] == [ways.one.person_id, ways.two.person_id, ways.one.person_id]
    assert [one.explanation["sent_back"]["task"] for one in again] == list(seats.values())
    for place, one in enumerate(again):
        viewer = ways.two if place == 1 else ways.one
        with ways.office.db.read() as session:
            asked = instances.task_form(session, viewer, one.number, ways.office.at)
        assert asked.prefill["kind"] == f"意见{place}" and asked.came_back_from is not None
    told = ways.office.payload(ways.case.events(Kind.TASK_SENT_BACK)[-1])
    assert told["many"] == list(seats.values())
    for one in again:
        ways.completes(one.number, ways.place.second_reviewer if one.holder_id == ways.two.person_id else "")
    ways.case.waits_at("settle")
    ways.office.check_record()


def test_one_of_many_alone_is_not_done_again(office: Office, liaoning: Place, root: Path) -> None:
    """What one seat has finished stays finished while others are at work, and what it did inside is not reached from after it."""
    ways = begun(office, liaoning, root, "seats")
    read = [ways.completes(ways.number("read")) for _ in range(3)]
    graded = ways.completes(ways.number("grade"))
    before = ways.unchanged()
    with recorded(office), pytest.raises(NotReturnable):
        ways.back(ways.number("grade"), graded)
    for _ in range(2):
        ways.completes(ways.number("grade"))
    with recorded(office), pytest.raises(RewindIntoRepetition):
        ways.back(ways.number("settle"), read[2])
    assert len(before[1]) == 6 and ways.ways(ways.one, "settle") == []


def test_inside_one_of_many_that_one_goes_back_alone(office: Office, liaoning: Place, root: Path) -> None:
    ways = begun(office, liaoning, root, "seats")
    read = [ways.completes(ways.number("read"), kind=f"第{place}席") for place in range(3)]
    grading = [one.number for one in ways.case.tasks() if one.step_id == "grade"]
    with office.db.read() as session:
        [own] = returning.ways_back(session, ways.one, grading[0], office.at)
    assert (own.task, own.alone, own.ends) == (read[0], True, ()), "its own seat's, though another was the last to read"
    ways.back(grading[0], read[0])
    ways.case.waits_at("grade", "grade", "read")
    assert [ways.row(number).status for number in grading] == ["cancelled", "open", "open"]
    with office.db.read() as session:
        assert [one.task for one in returning.ways_back(session, ways.one, grading[1], office.at)] == [read[1]]
    assert ways.form(ways.one, "read").prefill["kind"] == "第0席"
    ways.does("read")
    for _ in range(3):
        ways.completes(ways.number("grade"))
    ways.case.waits_at("settle")
    office.check_record()


# --- from outside, and races ----------------------------------------------------------------------------------------


def test_an_administrator_takes_one_branch_back_too(ways: Ways) -> None:
    ways.does("first")
    discussed = ways.does("discuss")
    agreeing = ways.number("agree")
    control.rewind(ways.office.db, SETTING_UP, ways.case.number, discussed, WHY, at=ways.office.at)
    ways.case.waits_at("count", "discuss")
    told = ways.office.payload(ways.case.events(Kind.INSTANCE_REWOUND)[-1])
    assert [one["task"] for one in told["called_off"]] == [agreeing]


def test_one_takes_back_in_ones_own_branch_while_another_goes_on(ways: Ways) -> None:
    ways.does("first")
    discussed = ways.does("discuss")
    again = ways.takes_back(ways.one, discussed)
    ways.case.waits_at("count", "discuss")
    assert ways.case.task("discuss").number == again


@pytest.mark.parametrize("order", ORDERS)
def test_one_branch_goes_back_while_another_goes_on(ways: Ways, order: str) -> None:
    ways.does("first")
    discussed = ways.does("discuss")
    agreeing, counting, paper = ways.number("agree"), ways.number("count"), ways.desk.paper("opinion", kind="一万")
    before = len(ways.case.events())
    back, counted = race(
        ways.office, lambda db: returning.send_back(db, ways.two, agreeing, discussed, WHY, at=ways.office.at),
        lambda db: instances.complete_task(db, ways.one, counting, paper, at=ways.office.at), order=order,
    )
    assert {type(back), type(counted)} <= {Moved, InstanceMoved} and Moved in (type(back), type(counted))
    moved = isinstance(back, Moved) + isinstance(counted, Moved)
    assert len(ways.case.events()) == before + moved
    ways.case.waits_at(
        "discuss" if isinstance(back, Moved) else "agree", "check" if isinstance(counted, Moved) else "count"
    )
    ways.office.check_record()


@pytest.mark.parametrize("order", ORDERS)
def test_the_split_is_undone_while_a_branch_goes_on(ways: Ways, order: str) -> None:
    first = ways.does("first")
    ways.does("discuss")
    agreeing, counting, paper = ways.number("agree"), ways.number("count"), ways.desk.paper("opinion", kind="一万")
    before = len(ways.case.events())
    back, counted = race(
        ways.office, lambda db: returning.send_back(db, ways.two, agreeing, first, WHY, at=ways.office.at),
        lambda db: instances.complete_task(db, ways.one, counting, paper, at=ways.office.at), order=order,
    )
    if isinstance(back, Moved):
        assert isinstance(counted, (Moved, InstanceMoved, TaskNotOpen))
        ways.case.waits_at("first")
    else:
        assert isinstance(back, InstanceMoved) and isinstance(counted, Moved)
        ways.case.waits_at("agree", "check")
    assert len(ways.case.events()) == before + isinstance(back, Moved) + isinstance(counted, Moved)
    ways.office.check_record()
