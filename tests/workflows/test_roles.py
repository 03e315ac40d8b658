"""Roles that one person may not hold together."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from workflows import people
from workflows.audit import Actor, ActorKind
from workflows.db import Database
from workflows.errors import RolesExcludeEachOther

AT = datetime(2026, 11, 2, 1, tzinfo=UTC)
BY = Actor(ActorKind.ADMINISTRATOR, "console")


def test_whoever_runs_the_system_does_not_audit_it_but_may_later(database: Database) -> None:
    people.create_organisation(database, BY, code="a", name="甲市教育局", org_type="edu_bureau", level="city",
                               parent_code=None, place="liaoning", from_on=date(2024, 1, 1), at=AT)
    number = people.create_person(database, BY, name="张三", phone=None, email=None, at=AT)
    people.grant(database, BY, number, "a", "system_admin", date(2026, 1, 1), at=AT, to_on=date(2026, 12, 31))
    with pytest.raises(RolesExcludeEachOther):
        people.grant(database, BY, number, "a", "auditor", date(2026, 6, 1), at=AT)
    people.grant(database, BY, number, "a", "bureau_hr", date(2026, 6, 1), at=AT)
    people.grant(database, BY, number, "a", "auditor", date(2027, 1, 1), at=AT)
    with pytest.raises(RolesExcludeEachOther):
        people.grant(database, BY, number, "a", "system_admin", date(2026, 12, 1), at=AT)
