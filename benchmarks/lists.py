"""The inbox and the search over very many open tasks: what a page asks of the database, beside one indexed SELECT of it.

The rows are copies of a real case and its tasks, made inside the database: every column is as the product wrote it, only
keys, names, titles, moments, places and people differ. Half of all cases are run by one institution and wait for its
bureau's role, one in two thousand of them at a step of its own; eighty reviewers hold eighty tasks each. The rest are run
by a thousand schools of ten cities, and sixty by the schools of an eleventh. Whoever applies has two cases.

The peer gives the same twenty rows with the same columns by the best index there is, as one prepared statement. Both are
timed in turn, and so is our page in an office with few cases beside it, in batches of which the quietest counts: what else
the machine does only adds. SQLite works in the program itself, so there it is the program's own time; on PostgreSQL the
clock's.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Select, bindparam, func, select, text
from sqlalchemy.orm import Session, aliased

from benchmarks.counting import counted
from benchmarks.figures import Figure, percentile
from benchmarks.http import Desks
from webapp import composition
from webapp.demo.life import REVIEWERS
from workflows import accounts, inbox, notices, search, terms
from workflows.access import Viewer
from workflows.clock import machine_now
from workflows.db import Database
from workflows.models import Definition, Instance, Organisation, Person, Row, Task, Term, table

#: Open tasks: of the office beside, and one after the other.
SIZES = (10_000, 100_000)
#: Pages of each kind in a batch, and batches.
PAGES, BATCHES = 20, 5
CITIES, SCHOOLS, FAR, REVIEWING = 10, 1_000, 20, 80
#: The bars: p95 over the peer's, growth from the smallest number to the largest one, statements.
BAR, GROWTH, STATEMENTS = 5, 1.5, 6
_BASE = 1_000_000
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚"
    "卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅建国文辉力斌宇浩凯健俊帆雪莹佳慧颖琳晶倩婷雯"
    "欣怡思梦涵子轩博雅晨曦彤瑞祥永志海波鹏飞龙云峰岩松柏林森淑珍凤琴春夏秋冬晓东南北月星光正义仁礼智信德"
    "福寿康宁安泰和顺清廉洁立新学书翰墨诗琪瑶瑾瑜璇珊珠玲珑嘉欢乐天恩惠民生长青山川河溪源泉流润泽霖露霜岚"
)
_SUBJECTS = "语文数学英语物理化学历史地理生物政治"


def run(rows: int = 0) -> list[Figure]:
    """Measure on SQLite; with ``rows`` open tasks at most, if given. Takes some minutes."""
    with tempfile.TemporaryDirectory() as folder:
        return measured("SQLite", Path(folder), (), up_to(SIZES, rows))


def up_to(sizes: Sequence[int], rows: int) -> list[int]:
    """The sizes below the number given, and the number itself; the first is a tenth of it at most."""
    return [min(sizes[0], rows // 10), *(size for size in sizes[1:] if size < rows), rows] if rows else list(sizes)


def measured(engine: str, data: Path, urls: Sequence[str], sizes: Sequence[int]) -> list[Figure]:
    """The figures of every size but the first, each beside its peer and beside an office of the first size."""
    given: list[dict[str, Any]] = [{"database_url": url} for url in urls] or [{}, {}]
    figures = []
    with composition.opened(data / "small", **given[0]) as small, composition.opened(data / "large", **given[1]) as large:
        few = people(Desks(small, 0))
        multiply(small.db, 0, sizes[0], few[0])
        beside = pages(small.db, *few)
        many, made = people(Desks(large, 0)), 0
        for size in sizes[1:]:
            multiply(large.db, made, size, many[0])
            made = size
            for name, page in pages(large.db, *many).items():
                timed = _timed(large.db, page, small.db, beside[name][0])
                figures += _figures(f"lists: {name}, {size} open tasks, {engine}", timed, sizes[0])
    return figures


def _figures(name: str, timed: _Timed, first: int) -> list[Figure]:
    ours, theirs, before = (round(value, 3) for value in (timed.ours, timed.theirs, timed.before))
    return [
        Figure(f"{name}, p95", "ms", ours, "one indexed SELECT of the page", theirs, round(timed.ours / timed.theirs, 2), BAR),
        Figure(f"{name}, growth", "ms", ours, f"with {first} open tasks", before, round(timed.ours / timed.before, 2), GROWTH),
        Figure(f"{name}, statements", "statements", timed.statements, bar=STATEMENTS),
    ]


@dataclass(frozen=True)
class _Timed:
    """p95 of ours, of the peer's and of ours in the small office, in milliseconds; how many statements ours took."""

    ours: float
    theirs: float
    before: float
    statements: int


def people(desks: Desks) -> tuple[Viewer, Viewer]:
    """One real case that waits for its review, the reviewer, and an auditor of the province."""
    seeding, teacher = desks.seeding, desks.teacher(0)
    seeding.until_review("liaoning", teacher)
    seeding.person("审计", "bench.audit", None, [["auditor", "ln"]])
    at = seeding.now
    with seeding.db.read() as reading:
        found = [accounts.viewer_by_name(reading, name, at=at) for name in (REVIEWERS["liaoning"][0], "bench.audit")]
    reviewer, auditor = found
    if reviewer is None or auditor is None:
        raise LookupError("bench")
    return reviewer, auditor


# --- rows -----------------------------------------------------------------------------------------------------------


def multiply(db: Database, start: int, end: int, reviewer: Viewer) -> None:
    """Make the cases from ``start`` to ``end``, each a copy of the first with one task that is done and one that waits."""
    later = "datetime({0}, '+' || n.i || ' seconds') || '.000000'" if db.is_sqlite else "{0} + n.i * interval '1 second'"
    line_end = "char(10)" if db.is_sqlite else "chr(10)"
    person = f"{_BASE} + (n.i + 1) / 2"
    own, title = _name("((n.i + 1) / 2)"), f"{_name('((n.i + 1) / 2)')} || '申报2026年' || {_one(_SUBJECTS, 'n.i', 2)} || '教研员选调'"
    far = f"{_BASE} + {CITIES + SCHOOLS + 2} + n.i % {FAR}"
    school = f"{_BASE} + {CITIES + 1} + (n.i / 2) % {SCHOOLS}"
    run_at = f"CASE WHEN n.i % 2 = 0 THEN t.organisation_id WHEN n.i < {6 * FAR} THEN {far} ELSE {school} END"
    with db.write() as session:
        if not db.is_sqlite and session.execute(text("SELECT current_setting('is_superuser')")).scalar() == "on":
            # The rows refer to each other as they should; a million copies need not prove it one by one.
            session.execute(text("SET LOCAL session_replication_role = replica"))
            session.execute(text("SET LOCAL work_mem = '512MB'"))
        first = session.execute(select(Task.instance_id).where(Task.step_id == "adm_u2").order_by(Task.id).limit(1)).scalar_one()
        top = session.execute(select(Instance.organisation_id).where(Instance.id == first)).scalar_one()
        if start == 0:
            province = "(SELECT id FROM organisation WHERE code = 'ln')"
            places = CITIES + 1 + SCHOOLS + FAR
            city = f"CASE WHEN n.i > {CITIES + 1 + SCHOOLS} THEN {CITIES + 1} ELSE n.i % {CITIES} + 1 END"
            _copies(session, Organisation, top, places, {
                "id": f"{_BASE} + n.i", "code": "'bench-' || n.i", "name": "name || n.i",
                "parent_id": f"CASE WHEN n.i <= {CITIES + 1} THEN {province} ELSE {_BASE} + {city} END",
            })  # fmt: skip
        starter = session.execute(select(Instance.starter_id).where(Instance.id == first)).scalar_one()
        _copies(session, Person, starter, (end + 1) // 2, {
            "id": f"{_BASE} + n.i", "number": "number || '-' || n.i", "name": _name("n.i"),
        }, (start + 1) // 2)  # fmt: skip
        _copies(session, Instance, first, end, {
            "id": f"{_BASE} + n.i", "number": "number || '-' || n.i", "title": title, "words": f"{title} || {line_end} || {own}",
            "organisation_id": run_at, "starter_id": person, "started_at": later.format("started_at"), "round_id": "NULL",
        }, start)  # fmt: skip
        _terms(session, start, end)
        for step, shift in (("adm_u2", 0), ("adm_u1", 10_000_000)):
            task = session.execute(select(Task.id).where(Task.instance_id == first, Task.step_id == step)).scalar_one()
            waits = {} if shift else {
                "holder_id": f"CASE WHEN n.i % 8 > 0 OR n.i > {8 * REVIEWING**2} THEN NULL WHEN n.i % {8 * REVIEWING} = 0"
                             f" THEN {reviewer.person_id} ELSE {_BASE} + n.i / 8 % {REVIEWING} END",
                "step_id": "CASE WHEN n.i % 4000 = 0 THEN 'bench_rare' ELSE step_id END",
            }  # fmt: skip
            _copies(session, Task, task, end, {
                "id": f"{_BASE + shift} + n.i", "number": "number || '-' || n.i", "instance_id": f"{_BASE} + n.i",
                "organisation_id": f"CASE WHEN n.i % 2 = 0 THEN t.organisation_id ELSE {school} END",
                "due_at": later.format("due_at"), "done_at": later.format("done_at"), **waits,
            }, start)  # fmt: skip
    if not db.is_sqlite:  # which nobody tells how its rows are spread; PostgreSQL finds out by itself
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _one(characters: str, which: str, size: int = 1) -> str:
    """SQL: ``size`` of the characters, by a number."""
    return f"substr('{characters}', CAST(1 + {size} * (({which}) % {len(characters) // size}) AS integer), {size})"


def _name(number: str) -> str:
    """SQL: a person's name of two or three characters; some surnames are a hundred times as many as others."""
    surname = _one(_SURNAMES, f"({number} * 7919) % 101 * (({number} * 104729) % 97) / 97")
    second = f"CASE WHEN {number} % 5 = 0 THEN '' ELSE {_one(_GIVEN, f'{number} * 15485863 / 7')} END"
    return f"{surname} || {_one(_GIVEN, f'{number} * 1299709 / 3')} || {second}"


def _copies(session: Session, row: type[Row], key: int, end: int, changed: dict[str, str], start: int = 0) -> None:
    """Copy a row, once for each number from ``start`` + 1 to ``end``, with other values for some columns."""
    columns = [column.name for column in table(row).columns if column.name != "id" or "id" in changed]
    values, named = ", ".join(changed.get(name, f't."{name}"') for name in columns), ", ".join(f'"{name}"' for name in columns)
    session.execute(text(
        f"WITH RECURSIVE {_numbers(start + 1, end)}"  # noqa: S608
        f" INSERT INTO {table(row).name} ({named})"
        f" SELECT {values} FROM {table(row).name} AS t, n WHERE t.id = {key}"
    ))  # fmt: skip


def _numbers(first: int, last: int) -> str:
    return f"n(i) AS (SELECT CAST({first} AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i < {last})"  # noqa: S608 - ours


def _terms(session: Session, start: int, end: int) -> None:
    """What ``workflows.terms`` writes for such cases, whose name is the beginning of their title; compared for one."""
    one = f"instance.id > {_BASE + start} AND instance.id <= {_BASE + end}"
    session.execute(text(
        "INSERT INTO term (term, instance_id)"  # noqa: S608
        f" WITH RECURSIVE {_numbers(1, 40)}, line(id, at) AS ("
        f"  SELECT id, organisation_id FROM instance WHERE {one}"
        "  UNION ALL SELECT line.id, own.parent_id FROM line JOIN organisation AS own ON own.id = line.at"
        "  WHERE own.parent_id IS NOT NULL)"
        " SELECT term, id FROM ("
        f" SELECT 'w' || substr(title, CAST(n.i AS integer), 2) AS term, id FROM instance JOIN n ON n.i <= length(title) WHERE {one}"
        f" UNION SELECT 'w' || substr(name, length(name), 1), instance.id FROM instance JOIN person ON person.id = starter_id WHERE {one}"
        f" UNION SELECT 'p' || process_id, id FROM instance WHERE {one}"
        " UNION SELECT 'o' || organisation.code, line.id FROM line JOIN organisation ON organisation.id = line.at"
        ") AS every ORDER BY term, id"
    ))  # fmt: skip
    last = session.execute(select(Instance).where(Instance.id == _BASE + end)).scalar_one()
    found = session.execute(select(Term.term).where(Term.instance_id == last.id, ~Term.term.like("o%"))).scalars().all()
    if set(found) != set(terms.terms_of(last.process_id, last.words)):
        raise RuntimeError(f"not the terms of {last.words!r}: {found}")


# --- pages ----------------------------------------------------------------------------------------------------------


#: What our page does, the peer's statement, and its values.
Kind = tuple[Callable[[Session], inbox.Page], Select[Any], dict[str, Any]]


def pages(db: Database, reviewer: Viewer, auditor: Viewer) -> dict[str, Kind]:
    """Each kind of page, by its name."""
    with db.read() as session:
        last = session.execute(select(Instance).where(Instance.organisation_id < _BASE).order_by(Instance.id.desc()).limit(1)).scalar_one()
        name, number = session.execute(select(Person.name, Person.number).where(Person.id == last.starter_id)).tuples().one()
        code = session.execute(select(Organisation.code).where(Organisation.id == last.organisation_id)).scalar_one()
        schools = dict(session.execute(select(Organisation.code, Organisation.id).where(Organisation.id > _BASE)).tuples().all())
    [mine] = {held for held in reviewer.memberships if held.role == "bureau_hr"}
    heads = {
        n: replace(reviewer, person_id=auditor.person_id, memberships=(
            replace(mine, organisation_id=schools[f"bench-{n}"], organisation_code=f"bench-{n}"),
        ))
        for n in (1, CITIES + 1)
    }  # fmt: skip
    school = f"bench-{CITIES + 2}"
    waiting = {"organisation": mine.organisation_id, "role": mine.role}

    def opened(given: inbox.Filter, tab: str = "todo") -> Callable[[Session], inbox.Page]:
        narrowed = given != inbox.Filter()

        def page(session: Session) -> inbox.Page:
            known = inbox.counts(session, reviewer, given=given) if narrowed else None
            listed = inbox.todo(session, reviewer, given, counted=known)
            known = known or inbox.counts(session, reviewer, listed)
            inbox.choices(session, reviewer, known)
            notices.unread_count(session, reviewer.person_id)
            return listed

        return page

    def found(viewer: Viewer, sought: search.Sought) -> Callable[[Session], inbox.Page]:
        def page(session: Session) -> inbox.Page:
            listed = search.find(session, viewer, sought, at=machine_now())
            notices.unread_count(session, viewer.person_id)
            return listed

        return page

    pair = name[:2]
    return {
        "inbox": (opened(inbox.Filter()), WAITING, waiting),
        "inbox of one step": (opened(inbox.Filter(step_id="adm_u2")), WAITING, waiting),
        "inbox of a rare step": (opened(inbox.Filter(step_id="bench_rare")), _STEP, {**waiting, "step": "bench_rare"}),
        "inbox by two characters of a name": (opened(inbox.Filter(text=pair)), _NAMED, {**waiting, "term": f"w{pair}"}),
        "inbox by a subject": (opened(inbox.Filter(text="物理")), _WAITING_FOR, {**waiting, "words": "%物理%"}),
        "inbox, nothing found": (opened(inbox.Filter(text="查无此人")), _NAMED, {**waiting, "term": "w查无"}),
        "inbox of a place": (opened(inbox.Filter(place=code)), WAITING, waiting),
        "cases of an office": (found(reviewer, search.Sought()), TERM, {"term": terms.place(mine.organisation_code)}),
        "cases of a province": (found(auditor, search.Sought()), _LATEST, {}),
        "cases of a city, 101 organisations": (found(heads[1], search.Sought()), TERM, {"term": "obench-1"}),
        "cases of a city with few": (found(heads[CITIES + 1], search.Sought()), TERM, {"term": f"obench-{CITIES + 1}"}),
        "case by number": (found(auditor, search.Sought(text=last.number)), _NUMBER, {"number": last.number}),
        "cases of one applicant": (found(auditor, search.Sought(person=number)), _STARTED, {"person": last.starter_id}),
        "cases by two characters of a name": (found(auditor, search.Sought(person=pair)), TERM, {"term": f"w{pair}"}),
        "cases by a whole title": (
            found(auditor, search.Sought(text=last.title)), _TERM_FOR, {"term": f"w{pair}", "words": f"%{last.title}%"}
        ),
        "cases by a subject": (found(auditor, search.Sought(text="物理")), TERM, {"term": "w物理"}),
        "cases by a subject in a city": (
            found(heads[1], search.Sought(text="物理")), _TERM_FOR, {"term": "obench-1", "words": "%物理%"}
        ),
        "cases of a school, by one of the province": (
            found(auditor, search.Sought(place=school)), TERM, {"term": terms.place(school)}
        ),
        "cases of a rare status": (found(auditor, search.Sought(status="failed")), _STATUS, {"status": "failed"}),
        "cases, nothing found": (found(auditor, search.Sought(text="查无此人")), TERM, {"term": "w查无"}),
    }  # fmt: skip


def _timed(db: Database, kind: Kind, small: Database, before: Callable[[Session], object]) -> _Timed:
    ours, theirs, given = kind
    with counted(db.engine) as asked, db.read() as session:
        ours(session)
    statements = len(asked.statements) + 1  # who is looking
    turns = (
        (db, ours), (db, lambda session: session.connection().execute(theirs, given).all()), (small, before),
    )  # fmt: skip
    found: tuple[list[float], ...] = ([], [], [])
    for _ in range(BATCHES):
        batch: tuple[list[float], ...] = ([], [], [])
        for _ in range(PAGES):
            for taken, (at, page) in zip(batch, turns, strict=True):
                taken.append(_milliseconds(at, page))
        for quietest, taken in zip(found, batch, strict=True):
            quietest.append(percentile(taken, 95))
    return _Timed(min(found[0]), min(found[1]), min(found[2]), statements)


def _milliseconds(db: Database, page: Callable[[Session], object]) -> float:
    clock = time.thread_time if db.is_sqlite else time.perf_counter
    began = clock()
    with db.read() as session:
        page(session)
    return (clock() - began) * 1000


# --- the peer -------------------------------------------------------------------------------------------------------

_starter = aliased(Person)
_TASK_PAGE = (
    select(
        Task.number, Task.step_id, Task.name, Instance.number, Instance.title, Definition.name, Organisation.name,
        _starter.name, Task.status, Task.opened_at, Task.due_at, Task.due_provisional, Task.holder_id, Task.done_at, Task.outcome,
    )
    .join(Instance, Instance.id == Task.instance_id)
    .join(Definition, Definition.digest == Instance.definition)
    .join(Organisation, Organisation.id == Instance.organisation_id)
    .join(_starter, _starter.id == Instance.starter_id)
)  # fmt: skip
WAITING = (
    _TASK_PAGE.where(
        text("task.status = 'open' AND task.holder_id IS NULL"), Task.organisation_id == bindparam("organisation"),
        Task.role == bindparam("role"),
    )
    .order_by(Task.due_at, Task.priority.desc(), Task.id)
    .limit(20)
)  # fmt: skip
_STEP = WAITING.where(Task.step_id == bindparam("step"))
_WAITING_FOR = WAITING.where(Instance.words.like(bindparam("words")))
# Few cases, each with few tasks: by no index of what waits.
_NAMED = (
    _TASK_PAGE.where(
        Task.instance_id.in_(select(Term.instance_id).where(Term.term == bindparam("term"))),
        func.coalesce(Task.status, "") == "open", func.coalesce(Task.holder_id, 0) == 0,
        func.coalesce(Task.organisation_id, 0) == bindparam("organisation"), Task.role == bindparam("role"),
    )
    .order_by(Task.due_at, Task.priority.desc(), Task.id)
    .limit(20)
)  # fmt: skip
_CASE_PAGE = (
    select(
        Instance.id, Instance.number, Instance.title, Instance.process_id, Definition.name, Organisation.name, _starter.name,
        _starter.number, Instance.status, Instance.outcome, Instance.definition, Instance.started_at, Instance.ended_at,
    )
    .join(Definition, Definition.digest == Instance.definition)
    .join(Organisation, Organisation.id == Instance.organisation_id)
    .join(_starter, _starter.id == Instance.starter_id)
    .order_by(Instance.id.desc())
    .limit(20)
)  # fmt: skip
_LATEST = _CASE_PAGE
_CASES = _CASE_PAGE.where(Instance.organisation_id == bindparam("organisation"))
_NUMBER = _CASE_PAGE.where(Instance.number == bindparam("number"))
_STARTED = _CASE_PAGE.where(Instance.starter_id == bindparam("person"))
TERM = _CASE_PAGE.where(Instance.id.in_(
    select(Term.instance_id).where(Term.term == bindparam("term")).order_by(Term.instance_id.desc()).limit(20)
))
_TERM_FOR = (
    _CASE_PAGE.join(Term, Term.instance_id == Instance.id)
    .where(Term.term == bindparam("term"), Instance.words.like(bindparam("words")))
    .order_by(None).order_by(Term.instance_id.desc())
)  # fmt: skip
_STATUS = _CASE_PAGE.where(Instance.status == bindparam("status"))
