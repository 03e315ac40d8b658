"""Small things that tests of the developer's kind make: people, places and actors, through the real verbs."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from importlib.resources import files
from typing import Any

from sqlalchemy import select

from workflows import accounts, people
from workflows.access import Viewer, office_day
from workflows.audit import Actor, ActorKind
from workflows.db import Database
from workflows.models import Account, Person

#: Whoever sets a test's office up.
SETTING_UP = Actor(ActorKind.ADMINISTRATOR, "console")
#: Since when the places, roles and people of the tests exist.
SINCE = date(2024, 1, 1)
_serials = itertools.count(10001)


def invented(name: str) -> dict[str, Any]:
    """One of the demo's lists: ``places`` or ``teachers``."""
    return tomllib.loads(files("webapp.demo").joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def make_places(db: Database, rows: Iterable[Iterable[str]], place: str, *, at: datetime) -> None:
    """Enter organisations: (code, name, type, level, code of the one above)."""
    for code, name, org_type, level, parent in rows:
        people.create_organisation(
            db, SETTING_UP, code=code, name=name, org_type=org_type, level=level, parent_code=parent or None,
            place=place, from_on=SINCE, at=at,
        )


def make_person(
    db: Database, name: str, sign_in: str | None = None, roles: Iterable[tuple[str, str]] = (), *, at: datetime,
    phone: str | None = None, since: date = SINCE,
) -> str:
    """Enter somebody with an account and roles (role, organisation code); returns their sign-in name."""
    sign_in = sign_in or f"139{next(_serials):08d}"
    number = people.create_person(db, SETTING_UP, name=name, phone=phone, email=None, at=at)
    for role, organisation in roles:
        people.grant(db, SETTING_UP, number, organisation, role, since, at=at)
    accounts.create_account(db, SETTING_UP, number, sign_in, at=at, password=f"mima-{sign_in}-mima", demo=True)
    return sign_in


def viewer(db: Database, sign_in: str, at: datetime) -> Viewer:
    """Somebody signed in at a moment, as the pages hand them to the verbs."""
    with db.read() as session:
        account, person = session.execute(
            select(Account, Person).join(Person, Person.id == Account.person_id).where(Account.sign_in_name == sign_in)
        ).one()
        held = people.memberships(session, person.id, office_day(at))
    return Viewer(account.id, person.id, person.number, person.name, "127.0.0.1", "zh", held)


def teacher(place: str, unit: str, history: Iterable[Iterable[str]], **more: Any) -> Mapping[str, Any]:
    """What the papers of ``webapp.demo`` need to know of an invented teacher."""
    return {
        "name": "林书豪", "phone": f"139{next(_serials):08d}", "unit": unit, "born": "1985-04-12", "subject": "语文",
        "stage": "小学", "post": "p1", "title": "一级", "history": [list(row) for row in history], **more,
    }  # fmt: skip
