"""Lists and searches: what is found, however it is read; that it is read by indexes; what each case is found by."""

from __future__ import annotations

import importlib
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import delete, event, select, text, update
from sqlalchemy.orm import Session

from benchmarks import lists
from tests import annual
from tests.office import Office, Place
from workflows import copies, deployment, inbox, search, terms
from workflows.access import Viewer
from workflows.inbox import Filter
from workflows.models import Copy, FollowUp, Instance, Organisation, Person, Task, Term
from workflows.search import Sought

#: Title and applicant's name of each case; the first half is run by the city's institution, the rest by a school below it.
CASES = (
    ("林书豪申报2026年语文教研员", "林书豪"), ("林书豪申报2026年数学教研员", "林书豪"), ("书林申报2026年语文教研员", "书林"),
    ("欧阳若兰申报ＳＴＥＭ教研员", "欧阳若兰"), ("Anna Müller申报English教研员", "Anna Müller"), ("50%的课时_试点/甲", "周雅琴"),
    ("50的课时试点甲", "周雅"), ("申", "林"), ("林书豪申报2026年语文教研员", "豪书林"), ("年度研修（第2批）", "钱慧敏"),
    ("年度研修(第2批)", "钱慧"), ("豪林书", "书"),
)  # fmt: skip
#: What somebody types -> which cases it finds, of all; each written down by reading the titles.
TEXTS: dict[str, set[int]] = {
    "林书": {0, 1, 8, 11}, "林书豪": {0, 1, 8}, "书豪": {0, 1, 8}, "豪": {0, 1, 8, 11}, "林": {0, 1, 2, 7, 8, 11},
    "申报": {0, 1, 2, 3, 4, 8}, "语文教研员": {0, 2, 8}, "stem": {3}, "STEM": {3}, "ＳＴＥＭ教研": {3}, "anna müller": {4},
    "müller申报e": {4}, "NNA  M": {4}, "50%": {5}, "50": {5, 6}, "%": {5}, "_": {5}, "/": {5}, "试点/甲": {5}, "时_试": {5},
    "（第2批）": {9, 10}, "(第2": {9, 10}, "研修": {9, 10}, "周雅": {5, 6}, "周雅琴": {5}, "无此人": set(), "林豪": set(),
    "申报2026年数": {1}, "员": {0, 1, 2, 3, 4, 8}, "员林": set(), "\\": set(), "'": set(), "\U0010ffff": set(), "书": {0, 1, 2, 8, 11},
}  # fmt: skip
CITY, BELOW = set(range(6)), set(range(6, 12))
#: Whom nobody can tell from their tasks: these are done, or gone.
DONE, WITHDRAWN, RARE = 3, {0, 4, 8}, 7
#: Waits for the county's reviewers, as all others wait for the city's.
COUNTY = 11


class World:
    """An office whose cases are those above; one waits at a step of its own, one is done, three are withdrawn."""

    def __init__(self, office: Office) -> None:
        self.office, self.db = office, office.db
        annual.started(office, len(CASES))
        with self.db.write() as session:
            places = dict(session.execute(select(Organisation.code, Organisation.id)).tuples().all())
            rows = session.execute(select(Instance).order_by(Instance.id)).scalars().all()
            session.execute(delete(Term))
            for n, (row, (title, name)) in enumerate(zip(rows, CASES, strict=True)):
                session.execute(update(Person).where(Person.id == row.starter_id).values(name=name))
                row.title, row.words = title, terms.words(title, name)
                row.organisation_id = places["ln-sy-tri" if n in CITY else "ln-sy-hp-s1"]
                row.status = "withdrawn" if n in WITHDRAWN else "running"
                session.execute(update(Task).where(Task.instance_id == row.id).values(
                    holder_id=None, organisation_id=places["ln-sy-hp" if n == COUNTY else "ln-sy"], role="bureau_hr",
                    step_id="rare" if n == RARE else "usual",
                    due_at=office.at + timedelta(days=n % 5), done_by_id=row.starter_id if n == DONE else None,
                    status="done" if n == DONE else "open", done_at=office.at if n == DONE else None,
                ))
            session.flush()
            terms.write(session, [(row.id, row.process_id, row.words) for row in rows])
            self.numbers = [row.number for row in rows]
            self.starters = [row.starter_id for row in rows]
            self.people = [session.get_one(Person, key).number for key in self.starters]
        self.auditor, self.city, self.head = (office.viewer(name) for name in ("ln.audit", "sy.hr1", "hp.bureau"))
        self.applicant = replace(self.auditor, person_id=self.starters[0], number=self.people[0], memberships=())
        held = replace(self.city.memberships[0], organisation_id=places["ln-sy-hp"], organisation_code="ln-sy-hp")
        self.county = replace(self.city, person_id=self.starters[1], number=self.people[1], memberships=(held,))
        self.stranger = office.viewer("gx.audit")

    def found(self, viewer: Viewer, sought: Sought, **page: int) -> list[int]:
        """Which cases a search finds, in its order."""
        with self.db.read() as session:
            rows = search.find(session, viewer, sought, at=self.office.at, **page).rows
        return [self.numbers.index(row.number) for row in rows]

    def waiting(self, viewer: Viewer, given: Filter, page: int = 1, size: int = 20) -> list[int]:
        """Of which cases the tasks wait, in the order of the list."""
        with self.db.read() as session:
            rows = inbox.todo(session, viewer, given, page=page, size=size).rows
        return [self.numbers.index(row.instance_number) for row in rows]


@pytest.fixture
def world(office: Office) -> World:
    return World(office)


def latest(cases: set[int]) -> list[int]:
    return sorted(cases, reverse=True)


def nearest(cases: set[int]) -> list[int]:
    return sorted(cases - {DONE, COUNTY}, key=lambda n: (n % 5, n))


def test_a_search_finds_what_holds_the_text_whichever_index_it_is_read_by(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {"auditor": set(range(12)), "city": set(range(12)), "head": BELOW, "applicant": {0}, "stranger": set()}
    for few, (who, theirs) in itertools.product((1, 3, 500), seen.items()):
        monkeypatch.setattr(search, "_FEW", few)
        viewer = getattr(world, who)
        found = {typed: world.found(viewer, Sought(text=typed)) for typed in TEXTS}
        assert found == {typed: latest(cases & theirs) for typed, cases in TEXTS.items()}, (who, few)


def test_conditions_of_a_search_hold_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    number = world.people[1]
    searches = {
        Sought(person="书"): {0, 1, 2, 8, 11}, Sought(person="林书"): {0, 1}, Sought(person="书林"): {2, 8}, Sought(person="豪书林"): {8},
        Sought(person="申报"): set(), Sought(person=number): {1}, Sought(person="无此人"): set(), Sought(person="%"): set(),
        Sought(place="ln-sy-hp"): BELOW, Sought(place="ln-sy-tri"): CITY, Sought(place="ln"): CITY | BELOW, Sought(place="gx"): set(),
        Sought(place="none"): set(), Sought(status="withdrawn"): WITHDRAWN, Sought(status="failed"): set(),
        Sought(process_id="annual"): CITY | BELOW, Sought(process_id="exit"): set(),
        Sought(text="林书豪", place="ln-sy-hp-s1"): {8}, Sought(text="林书豪", status="withdrawn"): {0, 8},
        Sought(text="语文", person="林书豪"): {0}, Sought(text="语文", person="豪", status="running"): set(),
        Sought(text=world.numbers[5]): {5}, Sought(text=world.numbers[5].lower()): {5},
        Sought(text=world.numbers[5], place="ln-sy-hp"): set(), Sought(text="LN-2026-99999"): set(),
    }  # fmt: skip
    for few, (viewer, seen) in itertools.product((1, 500), ((world.auditor, CITY | BELOW), (world.head, BELOW))):
        monkeypatch.setattr(search, "_FEW", few)
        found = {one: world.found(viewer, one) for one in searches}
        assert found == {one: latest(cases & seen) for one, cases in searches.items()}, few
    assert world.found(world.applicant, Sought(own=True, text="语文")) == [0]
    assert world.found(world.applicant, Sought(own=True, text="数学")) == []


def read_each_way(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """Have few and many rows in turn taken for very many, so that an inbox is read in each of its ways."""
    for counted, few in ((100, 2000), (1, 2000), (1, 3), (1, 1)):
        monkeypatch.setattr(inbox, "COUNTED", counted)
        monkeypatch.setattr(inbox, "_FEW", few)
        yield counted, few


def test_an_inbox_is_narrowed_to_the_same_however_it_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    narrowed = {
        Filter(): CITY | BELOW, Filter(step_id="rare"): {RARE}, Filter(step_id="none"): set(), Filter(place="ln-sy-hp"): BELOW,
        Filter(place="ln-sy-tri", text="林书豪"): {0, 1}, Filter(process_id="exit"): set(),
        Filter(process_id="annual", text="语文"): {0, 2, 8}, Filter(text=world.numbers[9]): {9}, Filter(text=world.numbers[DONE]): set(),
        Filter(whose="mine"): set(),
        Filter(whose="group", text="研修"): {9, 10},
    }  # fmt: skip
    for way in read_each_way(monkeypatch):
        found = {typed: world.waiting(world.city, Filter(text=typed)) for typed in TEXTS}
        assert found == {typed: nearest(cases) for typed, cases in TEXTS.items()}, way
        filtered = {one: world.waiting(world.city, one) for one in narrowed}
        assert filtered == {one: nearest(cases) for one, cases in narrowed.items()}, way
        assert world.waiting(world.applicant, Filter(text="林书豪")) == []
        found = {typed: world.waiting(world.county, Filter(text=typed)) for typed in TEXTS}
        assert found == {typed: sorted(cases & {COUNTY}) for typed, cases in TEXTS.items()}, way


def test_what_is_narrowed_comes_page_by_page_without_gap_or_repetition(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = replace(world.auditor, person_id=world.starters[DONE], number=world.people[DONE], memberships=())
    for way in read_each_way(monkeypatch):
        pages = [world.waiting(world.city, Filter(text="申报"), page=page, size=2) for page in (1, 2, 3, 4)]
        assert [one for page in pages for one in page] == nearest(TEXTS["申报"]), way
        assert [len(page) for page in pages] == [2, 2, 1, 0]
        with world.db.read() as session:  # and what somebody has done
            done = {typed: len(inbox.done(session, worker, Filter(text=typed)).rows) for typed in ("stem", "若兰", "林书豪", "师")}
        assert done == {"stem": 1, "若兰": 1, "林书豪": 0, "师": 0}, way
    for few in (1, 500):
        monkeypatch.setattr(search, "_FEW", few)
        assert [world.found(world.auditor, Sought(text="申报"), page=page, size=4) for page in (1, 2, 3)] == [[8, 4, 3, 2], [1, 0], []]


# --- what a case is found by ----------------------------------------------------------------------------------------


def test_a_case_is_found_by_what_it_was_started_with(office: Office, liaoning: Place) -> None:
    case = office.applicant(liaoning.county_school, name="欧阳若兰").applies()
    with office.db.read() as session:
        row = session.execute(select(Instance).where(Instance.number == case.number)).scalar_one()
        found = set(session.execute(select(Term.term).where(Term.instance_id == row.id)).scalars())
    assert row.words == f"{row.title}\n欧阳若兰"
    assert row.title.startswith("欧阳若兰申报")
    assert {"w欧阳", "w阳若", "w若兰", "w兰", "w兰申", "w申报", "padmission", "oln", "oln-sy", "oln-sy-tri"} <= found
    assert not {"oln-sy-hp", "oln-sy-hp-s1", "ogx", "w欧若"} & found
    assert {term for term in found if term[0] == "o"} == {"oln", "oln-sy", "oln-sy-tri"} | (found & {"oln-jyt"})


def test_the_migration_finds_the_cases_that_are_there(world: World) -> None:
    """What it writes for rows of before is what the product writes for new ones."""
    step = importlib.import_module("workflows.migrations.versions.0003_later_columns")
    kept = "SELECT id, words FROM instance ORDER BY id", "SELECT term, instance_id FROM term ORDER BY instance_id, term"
    with world.db.engine.connect() as connection:
        before = [connection.execute(text(one)).all() for one in kept]
        connection.execute(text("UPDATE instance SET words = ''"))
        connection.execute(text("DELETE FROM term"))
        with Operations.context(MigrationContext.configure(connection)):
            step._find_what_is_there()
        assert [sorted(connection.execute(text(one)).all()) for one in kept] == [sorted(rows) for rows in before]
        assert len(before[1]) > 100
        connection.rollback()


# --- by which index -------------------------------------------------------------------------------------------------


@pytest.fixture
def crowded(office: Office, liaoning: Place) -> tuple[Office, dict[str, lists.Kind]]:
    """Some thousand copies of one case, and every page that the benchmark measures."""
    office.check_record = lambda: None  # type: ignore[method-assign]  # the copies have none
    office.applicant(liaoning.own_school, name="林书豪").applies().is_recommended()
    reviewer, auditor = office.viewer(liaoning.reviewer), office.viewer(liaoning.auditor)
    lists.multiply(office.db, 0, 5000, reviewer)
    return office, lists.pages(office.db, reviewer, auditor)


#: Tables that grow with the cases: none of them is ever read from one end to the other.
GROWING = {"task", "instance", "term", "copy", "follow_up", "urge", "remark"}


def sqlite_walks(session: Session, statement: str, values: Any) -> Iterator[str]:
    """Tables that a statement reads from one end to the other, on SQLite."""
    for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values):
        if found := re.match(r"SCAN (\w+)", row[-1]):
            yield found[1]


def postgres_walks(session: Session, statement: str, values: Any) -> Iterator[str]:
    """The same on PostgreSQL, which must do without where it can; an index that is read without a condition counts as all."""
    session.execute(text("SET LOCAL enable_seqscan = off"))
    [plan] = session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one()
    nodes = [plan["Plan"]]
    for node in nodes:
        nodes += node.get("Plans", ())
        if node["Node Type"] == "Seq Scan" or (node["Node Type"] in {"Index Scan", "Index Only Scan"} and "Index Cond" not in node):
            yield node["Relation Name"]


def asked(office: Office, page: Callable[[Session], object]) -> list[tuple[str, Any]]:
    """The statements of a page with their values."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            found.append((statement, values))

    event.listen(office.db.engine, "before_cursor_execute", note)
    try:
        with office.db.read() as session:
            page(session)
    finally:
        event.remove(office.db.engine, "before_cursor_execute", note)
    return found


def test_every_page_is_read_by_indexes_and_in_six_statements(crowded: tuple[Office, dict[str, lists.Kind]]) -> None:
    office, pages = crowded
    with office.db.read() as session:
        deployment.current(session)  # what is parsed once a process
    _are_read_by_indexes(office, {name: page for name, (page, _, _) in pages.items()})


def test_what_is_urgent_followed_up_or_sent_to_read_is_read_by_indexes(crowded: tuple[Office, dict[str, lists.Kind]]) -> None:
    office, _ = crowded
    reviewer = office.viewer("sy.hr1")
    with office.db.write() as session:
        tasks = session.execute(select(Task.id, Task.instance_id).where(Task.status == "open").order_by(Task.id)).all()
        for n, (task, case) in enumerate(tasks[::50]):
            session.execute(update(Task).where(Task.id == task).values(priority=95 if n % 2 else 60))
            session.add(FollowUp(person_id=reviewer.person_id, task_id=task, on=office.at.date()))
            session.add(Copy(instance_id=case, to_id=reviewer.person_id, by_id=None, step_id=None, words=None, at=office.at,
                             read_at=office.at if n % 2 else None, event="test"))  # fmt: skip

    def narrowed(given: Filter) -> Callable[[Session], object]:
        def page(session: Session) -> object:
            known = inbox.counts(session, reviewer, given=given)
            listed = inbox.todo(session, reviewer, given, counted=known, at=office.at)
            assert listed.rows, given
            return listed

        return page

    pages = {str(given): narrowed(given) for given in (Filter(grade="urgent"), Filter(follow="due"), Filter(follow="any"))}
    _are_read_by_indexes(office, {
        **pages, "to read": lambda session: copies.to_read(session, reviewer),
        "unread": lambda session: copies.to_read(session, reviewer, unread=True),
        "a case sent to somebody": lambda session: search.find(session, reviewer, Sought(text="林书"), at=office.at),
    })  # fmt: skip


def _are_read_by_indexes(office: Office, pages: dict[str, Callable[[Session], object]]) -> None:
    walks = sqlite_walks if office.db.is_sqlite else postgres_walks
    walked: dict[str, list[tuple[str, str]]] = {}
    for name, page in pages.items():
        statements = asked(office, page)
        assert 0 < len(statements) <= 5, (name, statements)  # and one that asks who is looking
        with office.db.read() as session:
            for statement, values in statements:
                for table in walks(session, statement, values):
                    if table in GROWING:
                        walked.setdefault(name, []).append((table, " ".join(statement.split())))
    assert walked == {}


def test_what_the_benchmark_compares_is_the_same_page(crowded: tuple[Office, dict[str, lists.Kind]]) -> None:
    office, pages = crowded
    differing = {}
    for name, (page, theirs, given) in pages.items():
        with office.db.read() as session:
            mine = [row.number for row in page(session).rows]  # type: ignore[attr-defined]
            peer = session.connection().execute(theirs, given).all()
        if name.startswith("inbox"):  # which has the tasks besides that the reviewer holds
            same = len(mine) == len(peer) or "two characters" in name
        else:
            same = mine == [row[1] for row in peer]
        if not same:
            differing[name] = (mine, peer)
    assert differing == {}
