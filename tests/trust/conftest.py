"""What the checks of ``design/trust.md`` stand on: an empty house for each, or one office at work for those that only look."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from tests.webapp.case_world import World
from tests.webapp.conftest import (  # noqa: F401 - fixtures of the pages' tests
    BEGAN,
    SYSTEM,
    House,
    administrator,
    browser,
    house,
    quick_hashing,
    real_hashing,
    security,
    words,
)
from workflows import accounts, people
from workflows.db import Database
from workflows.models import Office as OfficeRow
from workflows.settings import Settings


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """These are about the site, not about the database: one engine is enough."""
    path = tmp_path / "jiaoyan.sqlite3"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@dataclass(frozen=True)
class Standing:
    """An office with a case that waits for its qualification review."""

    world: World
    number: str
    task: str

    @property
    def house(self) -> House:
        return self.world.house  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def standing(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """The same office for every check of a file; who changes something in it says so."""
    folder = tmp_path_factory.mktemp("standing")
    shutil.copy(sqlite_template, folder / "jiaoyan.sqlite3")
    database = Database(f"sqlite:///{folder / 'jiaoyan.sqlite3'}", synchronous="NORMAL")
    with pytest.MonkeyPatch.context() as patch:
        quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
        patch.setattr(accounts, "_hasher", quick)
        with database.write() as session:
            session.add(OfficeRow(demo=False, created_at=BEGAN))
        people.create_organisation(
            database, SYSTEM, code="ln-jyt", name="辽宁省教育厅", org_type="edu_bureau", level="province", parent_code=None,
            place="liaoning", from_on=date(2020, 1, 1), at=BEGAN,
        )  # fmt: skip
        settings = replace(Settings(folder / "data", str(database.url)), second_factor="nobody")
        world = World(House(database, settings))
        number = world.start()
        assert world.recommend(world.task(number, "adm_u1")).status_code == 303
        yield Standing(world, number, world.task(number, "adm_u2"))
    database.close()
