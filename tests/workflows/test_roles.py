"""Roles that one person may not hold together."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

import pytest
from openpyxl import Workbook

from workflows import accounts, people
from workflows.audit import Actor, ActorKind
from workflows.db import Database
from workflows.errors import Forbidden, ImportRefused, OwnRights, RolesExcludeEachOther
from workflows.registers import importing

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


def test_each_of_the_three_administrators_does_only_their_own(database: Database) -> None:
    """The system administrator gives no right, the security administrator enters nobody, and none changes their own."""
    number = people.create_person(database, BY, name="张三", phone=None, email=None, at=AT)
    people.create_organisation(database, BY, code="a", name="甲市教育局", org_type="edu_bureau", level="city",
                               parent_code=None, place="liaoning", from_on=date(2024, 1, 1), at=AT)
    system, security = (Actor(ActorKind.ADMINISTRATOR, f"P{at}", role=role) for at, role in enumerate(("system_admin", "security_admin")))
    for by, verb in (
        (system, lambda by: people.grant(database, by, number, "a", "clerk", date(2026, 1, 1), at=AT)),
        (system, lambda by: people.revoke(database, by, 1, date(2026, 1, 1), at=AT)),
        (system, lambda by: accounts.disable_account(database, by, number, at=AT)),
        (system, lambda by: accounts.unlock_account(database, by, number, at=AT)),
        (security, lambda by: people.create_person(database, by, name="李四", phone=None, email=None, at=AT)),
        (security, lambda by: accounts.create_account(database, by, number, "zhangsan", at=AT)),
        (security, lambda by: accounts.reset_password(database, by, number, at=AT)),
    ):
        with pytest.raises(Forbidden):
            verb(by)
    own = Actor(ActorKind.ADMINISTRATOR, number, role="security_admin")
    with pytest.raises(OwnRights):
        people.grant(database, own, number, "a", "clerk", date(2026, 1, 1), at=AT)
    with pytest.raises(OwnRights):
        accounts.unlock_account(database, own, number, at=AT)


@pytest.mark.parametrize("pair", [("system_admin", "security_admin"), ("security_admin", "auditor"), ("auditor", "system_admin")])
def test_no_import_gives_one_person_two_of_the_three(database: Database, pair: tuple[str, str]) -> None:
    people.create_organisation(database, BY, code="jia", name="甲市教育局", org_type="edu_bureau", level="city",
                               parent_code=None, place="liaoning", from_on=date(2024, 1, 1), at=AT)
    book = Workbook()
    book.active.append(["姓名", "手机号", "单位代码", "角色", "起始日期"])
    for role in pair:
        book.active.append(["张三", "13900000001", "jia", people.ROLES[role].name, "2026-01-01"])
    raw = io.BytesIO()
    book.save(raw)
    with pytest.raises(ImportRefused) as refused:
        importing.import_workbook(database, BY, "people", raw.getvalue(), at=AT)
    assert {one.reason for one in refused.value.problems} == {RolesExcludeEachOther.message}


def test_an_import_gives_roles_by_the_one_and_enters_people_by_the_other(database: Database) -> None:
    people.create_organisation(database, BY, code="jia", name="甲市教育局", org_type="edu_bureau", level="city",
                               parent_code=None, place="liaoning", from_on=date(2024, 1, 1), at=AT)
    system, security = (Actor(ActorKind.ADMINISTRATOR, f"P{at}", role=role) for at, role in enumerate(("system_admin", "security_admin")))
    raw = {}
    for role in (None, "登记人"):
        book = Workbook()
        book.active.append(["姓名", "手机号", "单位代码", "角色", "起始日期"])
        book.active.append(["张三", "13900000001", "jia", role, "2026-01-01"])
        made = io.BytesIO()
        book.save(made)
        raw[role] = made.getvalue()
    for by, sheet, reason in (
        (system, "登记人", "角色由安全管理员授予，请留空"), (security, "登记人", "没有登记此人，请先由系统管理员登记"),
        (security, None, "没有登记此人，请先由系统管理员登记"),
    ):  # fmt: skip
        with pytest.raises(ImportRefused) as refused:
            importing.import_workbook(database, by, "people", raw[sheet], at=AT)
        assert [one.reason for one in refused.value.problems] == [reason]
    assert importing.import_workbook(database, system, "people", raw[None], at=AT).created == {"人员": 1}
    assert importing.import_workbook(database, security, "people", raw["登记人"], at=AT).created == {"角色": 1}
    with pytest.raises(Forbidden):
        importing.import_workbook(database, security, "places", raw[None], at=AT)
