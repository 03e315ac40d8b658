"""How a process names its cases: the series of their numbers, and the line that says what each is about."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from tests import annual, reviewing
from tests.factories import SETTING_UP
from tests.office import Office, Place
from tests.reviewing import Desk, begins, ends, file, task
from tests.workflows.engine.drawing import extensions, flows, zeebe
from tests.workflows.test_races import race
from webapp import composition
from workflows import case_file, deployment, inbox, incidents, instances, numbering, search
from workflows.errors import DefinitionRefused, StartFailed
from workflows.models import Instance, Series

YEARLY = '=policy.place.number_prefix + "-KT-" + string(date and time(instance.started_at).year)'
ABOUT = '="题目：" + proposal.title + (if opinion != null then " · 初审" + opinion.kind else "")'


def drawn(**rules: str) -> dict[str, bytes]:
    """提出 → 初审 → 复审, with rules of the process."""
    own = "".join(zeebe("property", name=f"jiaoyan:{name}", value=rule) for name, rule in rules.items())
    return file(
        "topic", "课题申报", extensions(zeebe("properties", own)), begins("提出", "review.proposal"),
        task("first", "初审", "review.opinion"), task("second", "复审", "review.conclusion"), ends("done", "已审定"),
        flows("s first second done"),
    )  # fmt: skip


def begin(desk: Desk, place: Place, process: str = "topic") -> str:
    return desk.begin(process, desk.office.applicant(place.own_school), "proposal", title="阅读", budget="1").number


def counters(office: Office) -> dict[str, int]:
    with office.db.read() as session:
        rows = session.execute(select(Series.name, Series.last).where(Series.name.startswith("instance:"))).tuples().all()
        return dict(rows)


def test_the_rule_of_a_process_makes_a_series_of_its_own(office: Office, liaoning: Place, root: Path) -> None:
    reviewing.deploy(office, root, topic=drawn(number=YEARLY))
    desk = Desk(office)
    numbers = [begin(desk, liaoning, process) for process in ("project", "topic", "topic", "project")]
    assert numbers == ["LN-2026-00001", "LN-KT-2026-00001", "LN-KT-2026-00002", "LN-2026-00002"]
    assert counters(office) == {"instance:liaoning:2026": 2, "instance:LN-KT-2026": 2}
    with office.db.read() as session:
        assert numbering.counted(session) == [
            numbering.Counted("LN-KT-2026", "", 2), numbering.Counted("2026", "辽宁省", 2),
        ]  # fmt: skip
        assert {one.process_id: one.number for one in numbering.naming(session)}["topic"] == YEARLY


def test_a_number_of_a_series_is_found_by_whoever_types_it(office: Office, liaoning: Place, root: Path) -> None:
    reviewing.deploy(office, root, topic=drawn(number=YEARLY))
    number = begin(Desk(office), liaoning)
    with office.db.read() as session:
        viewer = office.viewer(liaoning.reviewer)
        found = search.find(session, viewer, search.Sought(text=number.lower()), at=office.at)
    assert [row.number for row in found.rows] == [number]


def test_two_who_start_at_one_moment_leave_no_gap(office: Office, liaoning: Place, root: Path) -> None:
    reviewing.deploy(office, root, topic=drawn(number=YEARLY))
    desk, numbered = Desk(office), office.round(liaoning.key)
    papers = [
        (office.applicant(liaoning.own_school, name=name).viewer, desk.paper("proposal", title="阅读", budget="1"))
        for name in ("甲一", "乙二")
    ]
    race(office, *(
        lambda db, who=who, paper=paper: instances.start(db, who, "topic", numbered, paper, at=office.at)
        for who, paper in papers
    ))
    with office.db.read() as session:
        numbers = sorted(session.execute(select(Instance.number).where(Instance.process_id == "topic")).scalars())
    assert numbers == ["LN-KT-2026-00001", "LN-KT-2026-00002"]
    assert counters(office)["instance:LN-KT-2026"] == 2


def test_many_started_at_once_are_numbered_by_the_series_of_each_level(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = 'policy.place.number_prefix + "-" + (if instance.level = "city" then "S" else "X") + "-2026"'
    old = '<zeebe:property name="jiaoyan:title"'
    annual.deploy(office, (old, f"<zeebe:property name=\"jiaoyan:number\" value='={rule}' />{old}"))
    annual.people(office, 5, "ln-sy-tri", "ln-sy-hp-tri")
    annual.request(office)
    assert annual.work(office.db, lambda: office.at)
    assert sorted(annual.cases(office)) == [
        "LN-S-2026-00001", "LN-S-2026-00002", "LN-S-2026-00003", "LN-X-2026-00001", "LN-X-2026-00002",
    ]  # fmt: skip


@pytest.mark.parametrize(("rule", "why"), [
    ("LN-KT-2026", "FEEL"),
    ('="LN-KT-" + ', "jiaoyan:number"),
    ('="LN-KT-" + proposal.title', "proposal"),
    ('="辽教-2026"', "没有得出"),
    ('="LN-2026"', "没有得出"),
    ('=if instance.level = "city" then "LN-KT-2026" else null', "没有得出"),
    ("=12", "没有得出"),
])
def test_a_rule_that_gives_no_series_does_not_deploy(office: Office, root: Path, rule: str, why: str) -> None:
    with pytest.raises(DefinitionRefused, match=why):
        reviewing.deploy(office, root, topic=drawn(number=rule))


def test_where_a_rule_fails_later_the_submission_is_kept(office: Office, liaoning: Place, root: Path) -> None:
    rule = '=if starts with(instance.organisation, "ln-") then null else "LN-KT-2026"'
    reviewing.deploy(office, root, topic=drawn(number=rule))
    with pytest.raises(StartFailed):
        begin(Desk(office), liaoning)
    with office.db.read() as session:
        [kept] = incidents.find(session, incidents.Sought()).rows
    assert kept.cause == "NumberUnfit"
    assert not counters(office).get("instance:LN-KT-2026"), "no number is lost"


def test_the_summary_says_what_a_case_is_about_after_each_act(office: Office, liaoning: Place, root: Path) -> None:
    reviewing.deploy(office, root, topic=drawn(summary=ABOUT))
    desk = Desk(office)
    case = desk.begin("topic", office.applicant(liaoning.own_school), "proposal", title="整本书\n阅读", budget="1")
    viewer = office.viewer(liaoning.second_reviewer)
    assert case.row().summary == "题目：整本书 阅读", "one line"
    desk.does(case, "first", liaoning.reviewer, "opinion", kind="合规", score="80")
    assert case.row().summary == "题目：整本书 阅读 · 初审合规"
    with office.db.read() as session:
        [waiting] = inbox.todo(session, viewer, inbox.Filter(), at=office.at).rows
        [found] = search.find(session, viewer, search.Sought(), at=office.at).rows
        read = case_file.read(session, viewer, case.number, office.at)
    assert {waiting.summary, found.summary, read.summary} == {"题目：整本书 阅读 · 初审合规"}


@pytest.mark.parametrize("rule", ["题目", '="题目：" + nothing.title', '=("'])
def test_a_summary_that_cannot_be_said_does_not_deploy(office: Office, root: Path, rule: str) -> None:
    with pytest.raises(DefinitionRefused, match="jiaoyan:summary"):
        reviewing.deploy(office, root, topic=drawn(summary=rule))


def test_a_process_without_a_rule_says_nothing(office: Office, liaoning: Place, root: Path) -> None:
    reviewing.deploy(office, root, topic=drawn())
    number = begin(Desk(office), liaoning)
    with office.db.read() as session:
        assert session.execute(select(Instance.summary).where(Instance.number == number)).scalar_one() == ""


@pytest.mark.parametrize("name", ["title", "summary"])
@pytest.mark.parametrize("key", ["id_card", "phone", "email"])
def test_what_pages_cover_stands_in_no_title_and_no_summary(office: Office, root: Path, name: str, key: str) -> None:
    files = deployment.read_tree(root)
    path = "bpmn/admission/admission.bpmn"
    old = files[path].decode()
    at = old.index(f'name="jiaoyan:{name}" value=')
    start = old.index("'", at)
    files[path] = (old[:start] + f"'=application.full_name + application.{key}'" + old[old.index("'", start + 1) + 1 :]).encode()
    with pytest.raises(DefinitionRefused, match=f"不能写入 application 的 {key}"):
        deployment.deploy(office.db, SETTING_UP, files, composition.check_form, at=office.at)
