"""A furnished office for each test, on SQLite and on PostgreSQL: a copy of one that is made once in a test process."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy.engine import URL

from tests.databases import ENGINES, _administer, _text
from tests.office import PLACES, Office, Place, copies, furnish
from workflows import accounts
from workflows.db import Database

_numbers = itertools.count(1)


def _furnish(db: Database, root: Path) -> None:
    """Furnish, with password hashing that costs nothing."""
    with pytest.MonkeyPatch.context() as patch:
        quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
        patch.setattr(accounts, "_demo_hasher", quick)
        furnish(db, root)


@pytest.fixture(scope="session")
def furnished_sqlite(sqlite_template: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that holds a furnished office."""
    path = tmp_path_factory.mktemp("office") / "template.sqlite3"
    shutil.copy(sqlite_template, path)
    db = Database(f"sqlite:///{path}", synchronous="NORMAL")
    _furnish(db, root)
    settle(db)
    db.close()
    return path


def settle(db: Database) -> None:
    """Bring everything that a SQLite database holds into its one file, so that it can be copied."""
    with db.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")  # our connections begin at once, and a checkpoint must stand alone
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")


@pytest.fixture(scope="session")
def furnished_postgres(postgres_server: URL, postgres_template: str, root: Path) -> Iterator[str]:
    """The name of a PostgreSQL database that holds a furnished office."""
    name = f"jy_{os.getpid()}_office"
    _administer(postgres_server, f'CREATE DATABASE "{name}" TEMPLATE "{postgres_template}" STRATEGY FILE_COPY')
    db = Database(_text(postgres_server.set(database=name)))
    _furnish(db, root)
    db.close()
    yield name
    _administer(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=ENGINES)
def office_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a furnished office's database; the test runs once on each engine."""
    if request.param == "sqlite":
        path = tmp_path / "office.sqlite3"
        shutil.copy(request.getfixturevalue("furnished_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    server: URL = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("furnished_postgres")
    name = f"jy_{os.getpid()}_office_{next(_numbers)}"
    _administer(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    yield _text(server.set(database=name))
    _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def office(office_url: str, tmp_path: Path) -> Iterator[Office]:
    """A furnished office on each engine; its record is checked when the story is told."""
    db = Database(office_url, synchronous="NORMAL")
    opened = Office(db, tmp_path / "data")
    yield opened
    opened.check_record()
    db.close()


@pytest.fixture(params=sorted(PLACES))
def place(request: pytest.FixtureRequest) -> Place:
    """Who is who in a province; the test runs once for each."""
    return PLACES[request.param]


@pytest.fixture
def liaoning() -> Place:
    """Who is who in Liaoning, for stories that are the same everywhere."""
    return PLACES["liaoning"]


@pytest.fixture
def new_office(furnished_sqlite: Path, tmp_path: Path) -> Iterator[Callable[[], Office]]:
    """Makes furnished offices on SQLite, as many as a test wants."""
    databases = copies(furnished_sqlite, tmp_path)
    opened: list[Office] = []

    def make() -> Office:
        db = next(databases)
        opened.append(Office(db, tmp_path / "data"))
        return opened[-1]

    yield make
    for one in opened:
        one.check_record()
        one.db.close()
