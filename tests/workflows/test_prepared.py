"""Statements written out once mean what SQLAlchemy makes of them each time, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Date, bindparam, delete, event, insert, inspect, select, text, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import object_session

from workflows.db import Database, Prepared, Question
from workflows.models import Notice, Organisation, Person, Task, table

AT = datetime(2026, 11, 22, 9, 30, 15, 250_000, tzinfo=UTC)
_NOTICE = table(Notice)


def _row(person_id: int, **more: Any) -> dict[str, Any]:
    return {
        "person_id": person_id, "kind": "task_opened", "params": {"step": "审核", "due": "100%"}, "instance": None,
        "task": "t%1", "made_at": AT, "mail_state": "none", "message_id": f"<{len(more)}@x>", "next_try_at": None, **more,
    }  # fmt: skip


@pytest.fixture
def person(database: Database) -> int:
    with database.write() as session:
        session.add(Person(number="P202600001", name="李明月", created_at=AT))
        session.flush()
        return session.execute(select(Person.id)).scalar_one()


def _stored(database: Database) -> list[tuple[Any, ...]]:
    raw = text("SELECT person_id, kind, CAST(params AS VARCHAR), instance, task, made_at, mail_state, tries, next_try_at FROM notice")
    with database.read() as session:
        return [tuple(row) for row in session.execute(raw)]


def test_a_row_is_stored_as_sqlalchemy_stores_it(database: Database, person: int) -> None:
    statement = insert(_NOTICE)
    with database.write() as session:
        session.connection().execute(statement, _row(person))
        Prepared(statement)(session, _row(person))
        Prepared(statement)(session, [_row(person, message_id="<2@x>"), _row(person, message_id="<3@x>")])
    rows = _stored(database)
    assert len(rows) == 4 and len(set(rows)) == 1 and "审核" in rows[0][2] and rows[0][7] == 0


def test_what_no_row_names_is_not_touched_and_what_is_gone_is_counted(database: Database, person: int) -> None:
    given = Prepared(update(_NOTICE).where(_NOTICE.c.task == bindparam("of_task"), _NOTICE.c.mail_state == "none"))
    gone = Prepared(delete(_NOTICE).where(_NOTICE.c.person_id == bindparam("person")))
    with database.write() as session:
        Prepared(insert(_NOTICE))(session, [_row(person), _row(person, task="t2")])
        assert given(session, {"of_task": "t%1", "tries": 3}).rowcount == 1
        assert given(session, {"of_task": "t%1", "next_try_at": AT}).rowcount == 1
        assert given(session, {"of_task": "nobody's", "tries": 4}).rowcount == 0
        with pytest.raises(ValueError, match="zone"):
            given(session, {"of_task": "t%1", "next_try_at": datetime(2026, 1, 1)})
    with database.read() as session:
        assert session.execute(select(Notice.task, Notice.tries, Notice.next_try_at).order_by(Notice.id)).tuples().all() == [
            ("t%1", 3, AT), ("t2", 0, None),
        ]  # fmt: skip
    with database.write() as session:
        assert gone(session, {"person": person}).rowcount == 2


def test_a_parameter_that_is_missing_is_said(database: Database, person: int) -> None:
    with pytest.raises(KeyError, match="person"), database.write() as session:
        Prepared(delete(_NOTICE).where(_NOTICE.c.person_id == bindparam("person")))(session, {"somebody": person})


def test_a_glance_sees_what_is_committed_and_begins_nothing(database: Database, person: int) -> None:
    with database.write() as session:
        session.execute(update(Person).values(name="周明"))
        with database.glance() as connection:
            assert connection.execute(select(Person.name)).scalar_one() == "李明月"
    with database.glance() as connection:
        assert connection.execute(select(Person.name)).scalar_one() == "周明"
        if database.is_sqlite:
            assert not connection.connection.dbapi_connection.in_transaction  # type: ignore[union-attr]
    with database.write() as session:  # and the connection that it gives back begins again
        session.execute(update(Person).values(name="吴明"))
        session.rollback()
    with database.read() as session:
        assert session.execute(select(Person.name)).scalar_one() == "周明"


def test_a_question_is_answered_as_sqlalchemy_answers_it(database: Database, person: int) -> None:
    """Of every type that a column has: text, a day, a moment, JSON, yes or no, a number, nothing."""
    statement = (
        select(Notice.id, Notice.params, Notice.made_at.label("made"), Notice.instance, Organisation.from_on, Organisation.to_on,
               (Notice.task == "t%1").label("named"), Task.due_provisional)
        .select_from(Notice)
        .join(Organisation, Organisation.from_on <= bindparam("day", type_=Date))
        .outerjoin(Task, true())
        .where(Notice.person_id == bindparam("person"), Notice.made_at < bindparam("until"), Notice.kind.like("task%"))
        .order_by(Notice.id)
        .limit(2)
    )  # fmt: skip
    with database.write() as session:
        Prepared(insert(_NOTICE))(session, [_row(person, message_id=f"<{n}@x>", instance=f"LN-{n}") for n in range(3)])
        session.add(Organisation(code="ln", name="辽宁", org_type="edu", level="province", place="liaoning", from_on=date(2020, 1, 1)))
    given = {"day": date(2026, 11, 22), "person": person, "until": datetime(2026, 11, 23, tzinfo=UTC)}
    question = Question(statement)
    with database.glance() as connection:
        expected = [tuple(row) for row in connection.execute(statement, given)]
    for _ in range(2):
        with database.glance() as connection:
            found = question(connection, given)
        assert found == expected and len(found) == 2
    first = found[0]
    assert (first.made, first.from_on, first.to_on, first.params["due"]) == (AT, date(2020, 1, 1), None, "100%")
    assert first.named is True and first.due_provisional is None
    with database.glance() as connection:
        assert question(connection, {**given, "day": date(2019, 1, 1)}) == []


def test_rows_come_as_objects_that_belong_to_no_session_or_as_nothing(database: Database, person: int) -> None:
    statement = (
        select(Person, Notice.made_at, Organisation)
        .join(Notice, Notice.person_id == Person.id)
        .outerjoin(Organisation, Organisation.code == bindparam("code"))
    )
    with database.write() as session:
        Prepared(insert(_NOTICE))(session, _row(person))
        session.add(Organisation(code="ln", name="辽宁", org_type="edu", level="province", place="liaoning", from_on=date(2020, 1, 1)))
    question = Question(statement)
    with database.glance() as connection:
        [without] = question(connection, {"code": "gx"})
        [found] = question(connection, {"code": "ln"})
    with database.read() as session:
        known = session.get_one(Person, person)
        assert {one.key: getattr(found[0], one.key) for one in inspect(Person).column_attrs} == {
            one.key: getattr(known, one.key) for one in inspect(Person).column_attrs
        }
    assert (found[0].name, found.made_at, found[2].name, found[2].from_on) == ("李明月", AT, "辽宁", date(2020, 1, 1))
    assert without[2] is None and object_session(found[0]) is None


def test_an_error_of_the_driver_has_its_name_whether_somebody_listens_or_not(database: Database, person: int) -> None:
    given = Prepared(insert(table(Person)))
    row = {"number": "P202600001", "name": "又一人", "created_at": AT}
    for _ in range(2):
        with pytest.raises(IntegrityError), database.write() as session:
            given(session, row)
        event.listen(database.engine, "before_cursor_execute", lambda *_: None)
    with database.read() as session:
        assert session.execute(select(Person.name)).scalars().all() == ["李明月"]
