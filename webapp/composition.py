"""Putting an office together from its data directory: database, clock, definitions, worker, site."""

from __future__ import annotations

import gc
import os
import re
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import waitress
from sqlalchemy import select

from forms import check as forms_check
from webapp import bulk_acts, create_app, route_matrix
from webapp.demo import life
from webapp.fence import is_loopback
from webapp.health import SEEDING
from webapp.languages import worded
from webapp.office import Office
from workflows import bulk, control, deployment, handing_over, jobs, migrations, policies
from workflows.audit import Act, Actor, ActorKind, Kind, office_stream, record
from workflows.clock import Clock, machine_now
from workflows.db import Database
from workflows.errors import DefinitionRefused, DemoStaysHere, Problem
from workflows.jobs import Running
from workflows.models import Office as OfficeRow
from workflows.policies import Calendar
from workflows.registers.evidence import FileStore
from workflows.rulebook import Rulebook
from workflows.settings import Settings
from workflows.worker import Worker

#: The tree that definitions are read from.
SOURCE = Path(__file__).resolve().parent.parent
#: Whoever works at the machine's own console; the record names no person for them, because none signed in.
OPERATOR = Actor(ActorKind.ADMINISTRATOR, "console")


def check_form(raw: bytes, file: str) -> Any:
    """Check one form file; ``DefinitionRefused`` with its defects."""
    return forms_check.read(raw, file=file)


@contextmanager
def opened(data: Path, *, demo: bool = False, **given: Any) -> Iterator[Office]:
    """The office of a data directory, made and brought to the current schema if need be; closed afterwards.

    A directory that is made gets the current definitions. Whether it is a demo is decided once, when it is made.
    """
    settings = Settings.read(data, **given)
    data.mkdir(parents=True, exist_ok=True)
    db = Database(settings.database_url, synchronous=settings.sqlite_synchronous)
    try:
        migrations.upgrade(db)
        is_demo = _made(db, demo)
        settings = Settings.read(data, **{**given, "demo": is_demo})
        yield Office(db, Clock(db), settings, FileStore(data))
    finally:
        db.close()


def _made(db: Database, demo: bool) -> bool:
    """Make the office row and deploy the definitions, once; returns whether this is a demo."""
    with db.read() as session:
        known = session.execute(select(OfficeRow.demo)).scalar_one_or_none()
    if known is not None:
        return known
    at = machine_now()
    with db.write() as session:
        known = session.execute(select(OfficeRow.demo)).scalar_one_or_none()
        if known is not None:
            return known
        session.add(OfficeRow(id=1, demo=demo, created_at=at))
        record(session, Act(office_stream("configuration"), Kind.OFFICE_CREATED, at, OPERATOR, payload={"demo": demo}))
    deployment.deploy(db, OPERATOR, deployment.read_tree(SOURCE), check_form, at=at)
    return demo


def _translator(language: str) -> Callable[[str, Mapping[str, Any]], str]:
    return lambda text, params: worded(language, text, params)


def _handlers(office: Office) -> jobs.Handlers:
    def seed(running: Running) -> None:
        life.seed(office.db, office.clock, running, office.files)

    def migrate(running: Running) -> None:
        control.migrate_all(office.db, running.params, running.cursor, running.mark, running.now)

    return {SEEDING: seed, bulk.BULK_START: bulk.run, bulk_acts.BULK_ACT: bulk_acts.perform,
            control.MIGRATION: migrate, handing_over.HAND_OVER: handing_over.run}


def _worker(office: Office) -> Worker:
    def seeding() -> bool:
        with office.db.read() as session:
            return any(job.kind == SEEDING and job.status in {"waiting", "running"} for job in jobs.jobs(session))

    held = seeding if office.settings.demo else lambda: False
    return Worker(office.db, office.clock, office.settings, _handlers(office), _translator, held)


def serve(data: Path, *, host: str, port: int, threads: int, with_worker: bool) -> None:
    """Serve the site until the process is told to end; a new data directory becomes a demo and is seeded by a job.

    A demo shows its people's passwords: it refuses every address but this machine's own (``DemoStaysHere``).
    """
    is_new = not (data / "jiaoyan.sqlite3").exists()
    here = f"http://{host}:{port}"
    with opened(data, demo=is_new and is_loopback(host), base_url=os.environ.get("JIAOYAN_BASE_URL") or here) as office:
        if office.settings.demo and not is_loopback(host):
            raise DemoStaysHere()
        if office.settings.demo:
            jobs.enqueue(office.db, SEEDING, {}, at=machine_now(), key=SEEDING)
        app = create_app(office)
        server = waitress.create_server(app, host=host, port=port, threads=threads, ident=None,
                                        max_request_body_size=app.config["MAX_CONTENT_LENGTH"])
        beat = _worker(office) if with_worker else None
        signal.signal(signal.SIGTERM, _stop)
        print(f"jiaoyan: {here} (data: {data}{', demo' if office.settings.demo else ''})", flush=True)
        if beat is not None:
            beat.start()
        try:
            with settled(office):
                server.run()
        except KeyboardInterrupt:
            pass
        finally:
            server.close()
            if beat is not None:
                beat.stop()


def routes() -> str:
    """The route matrix of the site as a document; no office is needed for it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.read(folder)
        db = Database(f"sqlite:///{folder}/none.sqlite3")
        try:
            return route_matrix.document(create_app(Office(db, Clock(db), settings, FileStore(Path(folder)))))
        finally:
            db.close()


#: Objects made before Python looks for rings among them: several times what a page leaves behind.
_BETWEEN_SEARCHES = 50_000


@contextmanager
def settled(office: Office) -> Iterator[None]:
    """Read what every request needs, and set it apart from what Python searches for rings of objects that nobody holds.

    Modules, diagrams, forms, tables and packs are hundreds of thousands of objects that stay as long as the process; to
    look through them again and again took a tenth of every request. And nobody's first page waits for them to be read.
    """
    with office.db.read() as session:
        deployment.rules_in_force(session)
    often = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_BETWEEN_SEARCHES, *often[1:])
    try:
        yield
    finally:
        gc.set_threshold(*often)
        gc.unfreeze()


def work(office: Office) -> None:
    """Run the background process until it is told to end."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    beat = _worker(office)
    beat.start()
    stopped.wait()
    beat.stop()


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def lint(files: Sequence[Path], source: Path) -> list[Problem]:
    """Everything wrong with the given files, or with the whole tree when none are given."""
    if not files:
        tree = deployment.read_tree(source)
        return [*deployment.check(tree, check_form).problems, *_doubts(tree)]
    problems: list[Problem] = []
    for file in files:
        raw, name = file.read_bytes(), str(file)
        try:
            problems += _read_one(raw, file)
        except DefinitionRefused as refused:
            problems += [Problem(name, one.line, one.element, one.reason, one.column) for one in refused.problems]
    return sorted(set(problems))


def _doubts(tree: Mapping[str, bytes]) -> list[Problem]:
    try:
        return Rulebook.from_files(tree).lint()
    except DefinitionRefused:
        return []  # what does not load is reported already


def _read_one(raw: bytes, file: Path) -> Sequence[Problem]:
    """Read one file; raises ``DefinitionRefused`` when it does not load, else returns what is doubtful."""
    name = str(file)
    match file.suffix:
        case ".bpmn":
            deployment.engine.read(raw, file=name)
        case ".dmn":
            deployment.read_tables(raw, name)
            return deployment.table_doubts(raw, name)
        case ".json":
            check_form(raw, name)
        case ".toml":
            # A place's pack is judged with its neighbours: the national values, the documents, the calendar.
            beside = {other.name: other.read_bytes() for other in file.parent.glob("*.toml")}
            try:
                policies.load(beside)
            except DefinitionRefused as refused:
                raise DefinitionRefused(one for one in refused.problems if Path(one.file).name == file.name) from None
        case ending:
            raise DefinitionRefused([Problem(name, 0, "", f"无法检查 {ending or '没有后缀的'} 文件：应为 .bpmn .dmn .json .toml")])
    return ()


_SPAN = re.compile(r"(\d{1,4})(wd|d|h|m)")


def span(text: str, start: datetime, calendar: Calendar) -> int:
    """Seconds from ``start`` to the end of a span: ``5wd`` (end of the fifth working day), ``3d``, ``12h``, ``30m``."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise DefinitionRefused([Problem("clock", 0, text, "写法：5wd（工作日）、3d、12h、30m")])
    count, unit = int(found[1]), found[2]
    if unit == "wd":
        return int((policies.add_working_days(start, count, calendar).at - start).total_seconds()) + 1
    return int(timedelta(**{{"d": "days", "h": "hours", "m": "minutes"}[unit]: count}).total_seconds())
