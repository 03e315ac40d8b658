"""The real site over a real database, and a browser that posts real forms."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.test import TestResponse

from webapp import Office, create_app
from workflows import accounts, people
from workflows.audit import Actor, ActorKind
from workflows.clock import Clock
from workflows.db import Database
from workflows.models import Office as OfficeRow
from workflows.registers.evidence import FileStore
from workflows.settings import Settings

BEGAN = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
SYSTEM = Actor(ActorKind.ADMINISTRATOR, "console")
PASSWORD = "Xinyuan-7391-hetao"


class Compiled(BytecodeCache):
    """What templates were compiled to, for every site of this test process; whoever changes one finds it compiled anew."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._known:
            bucket.bytecode_from_string(self._known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key] = bucket.bytecode_to_string()


_templates = Compiled()


@dataclass
class Watch:
    """The machine's time, moved by the test."""

    at: datetime = BEGAN

    def __call__(self) -> datetime:
        return self.at

    def later(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class House:
    """One office with its site; ``restart()`` is a new process on the same data directory."""

    database: Database
    settings: Settings
    watch: Watch = field(default_factory=Watch)
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, **settings: Any) -> None:
        self.settings = replace(self.settings, **settings)
        store = FileStore(self.settings.data)
        self.app = create_app(Office(self.database, Clock(self.database, self.watch), self.settings, store))
        self.app.config.update(PROPAGATE_EXCEPTIONS=False, RATELIMIT_ENABLED=False)
        self.app.jinja_env.bytecode_cache = _templates

    def browser(self) -> Browser:
        return Browser(self)

    def person(self, sign_in_name: str, *roles: tuple[str, str], name: str = "李晓岚", must_change: bool = False) -> str:
        """A person with an account; returns their number."""
        at = self.watch()
        number = people.create_person(self.database, SYSTEM, name=name, phone=None, email=None, at=at)
        for code, role in roles:
            people.grant(self.database, SYSTEM, number, code, role, date(2026, 1, 1), at=at)
        accounts.create_account(self.database, SYSTEM, number, sign_in_name, at=at, password=PASSWORD, demo=not must_change)
        return number


class Browser:
    """A browser without script: it follows what the page gives it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.client: FlaskClient = house.app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, buffered=True, **options)

    def token(self) -> str:
        """The form token of this browser, as any page carries it."""
        page = self.client.get("/register").get_data(as_text=True)
        found = re.search(r'name="csrf-token" content="([^"]+)"', page)
        assert found
        return html.unescape(found[1])

    def post(self, path: str, fields: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.token(), **(fields or {})}, **options)

    def sign_in(self, name: str, password: str = PASSWORD, **fields: str) -> TestResponse:
        return self.post("/sign-in", {"sign_in_name": name, "password": password, **fields})

    def cookie(self, name: str = "jiaoyan") -> str | None:
        found = self.client.get_cookie(name)
        return found.value if found else None


@pytest.fixture(autouse=True)
def quick_hashing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords hashed with small parameters, the same for everybody; a test of times asks for the real ones."""
    if "real_hashing" not in request.fixturenames:
        quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
        monkeypatch.setattr(accounts, "_hasher", quick)
        monkeypatch.setattr(accounts, "_nobody", quick.hash("nobody has this password"))


@pytest.fixture
def real_hashing() -> None:
    """Asked for by tests that measure how long a password takes."""


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    """An office that is no demo, with one province's bureau."""
    with database.write() as session:
        session.add(OfficeRow(demo=False, created_at=BEGAN))
    people.create_organisation(
        database, SYSTEM, code="ln-jyt", name="辽宁省教育厅", org_type="edu_bureau", level="province", parent_code=None,
        place="liaoning", from_on=date(2020, 1, 1), at=BEGAN,
    )  # fmt: skip
    return House(database, Settings(tmp_path / "data", str(database.url), second_factor="nobody"))


@pytest.fixture
def browser(house: House) -> Browser:
    """Somebody who has not signed in."""
    return house.browser()


@pytest.fixture
def administrator(house: House) -> Browser:
    """A system administrator who has signed in."""
    house.person("admin", ("ln-jyt", "system_admin"), name="周敬文")
    found = house.browser()
    assert found.sign_in("admin").status_code == 302
    return found


@pytest.fixture
def security(house: House) -> Browser:
    """A security administrator who has signed in."""
    house.person("safety", ("ln-jyt", "security_admin"), name="邵文静")
    found = house.browser()
    assert found.sign_in("safety").status_code == 302
    return found


@pytest.fixture
def words() -> Callable[[TestResponse], str]:
    """A page's text without its markup, blanks drawn together."""

    def read(answer: TestResponse) -> str:
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))).split())

    return read
