"""The record: what an event holds, that neither engine lets it be changed, and that every change is found (T12, 37)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from tests.office import Office as FurnishedOffice
from tests.office import Place
from workflows import audit
from workflows.audit import Act, Actor, ActorKind, Kind, record
from workflows.audit.canonical import canonical
from workflows.audit.record import COVERED, commit_to, leaf_hash
from workflows.db import Database
from workflows.models import Erasure, Event, EventPayload, Instance, Office, RulingRow, Stream, Submission, Task

AT = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
LIN = Actor(ActorKind.PERSON, "P202600001", role="bureau_hr", organisation="ln-sy", ip="10.0.0.7")
STREAM = "instance:LN-2026-00001"


def act(kind: Kind = Kind.TASK_COMPLETED, actor: Actor = LIN, stream: str = STREAM, **more: Any) -> Act:
    return Act(stream, kind, AT, actor, **{"payload": {"step": "adm_u2", "text": "同意"}, **more})


@pytest.fixture
def told(database: Database) -> Database:
    """A database with two streams of five events each."""
    for stream in (STREAM, "person:P202600001"):
        for number in range(5):
            with database.write() as session:
                record(session, act(stream=stream, payload={"number": number}))
    return database


def findings(db: Database) -> list[str]:
    with db.read() as session:
        return [f"{found.stream} {found.seq} {found.reason}" for found in audit.verify(session).findings]


# --- what an event is -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_a_subject_and_what_happened_to_it(kind: Kind) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*:[a-z]+(_[a-z]+)*", kind.value)
    _subject, past = kind.value.split(":")
    irregular = ("begun", "handed_back", "handed_over", "kept", "read", "rewound", "sent", "sent_back", "taken", "taken_back", "withdrawn")
    assert past.endswith("ed") or past in irregular, f"{past} says nothing that has happened"
    assert kind.name == kind.value.replace(":", "_").upper()
    assert re.search(r"[\u4e00-\u9fff]", kind.label), "an auditor reads words"


def test_no_two_kinds_share_their_words() -> None:
    assert len({kind.label for kind in Kind}) == len(Kind)
    assert len({kind.label for kind in ActorKind}) == len(ActorKind)


def test_an_event_says_who_what_when_and_from_where(database: Database) -> None:
    before = datetime.now(UTC)
    with database.write() as session:
        record(session, act(instance="LN-2026-00001", task="t1", outcome="合格", reason="E_X", definition="d"))
    with database.read() as session:
        [event] = session.execute(select(Event)).scalars()
        [payload] = session.execute(select(EventPayload)).scalars()
    assert (event.actor, event.actor_kind, event.actor_role, event.actor_org, event.ip) == (
        "P202600001", "person", "bureau_hr", "ln-sy", "10.0.0.7",
    )  # fmt: skip
    assert (event.at, event.kind, event.outcome, event.reason, event.seq) == (AT, "task:completed", "合格", "E_X", 1)
    assert before <= event.recorded_at <= datetime.now(UTC) + timedelta(seconds=1), (
        "the machine's time, not the office's"
    )
    assert payload.payload == '{"step":"adm_u2","text":"同意"}'.encode()
    assert event.payload_commit == commit_to(payload.salt, payload.payload) and len(payload.salt) == 32


def test_every_column_but_the_hash_is_covered_by_the_hash() -> None:
    assert set(COVERED) | {"leaf_hash"} == set(Event.__table__.columns.keys())


def test_streams_are_numbered_without_a_gap_and_each_by_itself(told: Database) -> None:
    with told.read() as session:
        rows = session.execute(select(Event.stream, Event.seq).order_by(Event.stream, Event.seq)).all()
    assert [tuple(row) for row in rows] == [(s, n) for s in (STREAM, "person:P202600001") for n in range(1, 6)]
    assert findings(told) == []


def test_a_stale_head_costs_a_statement_and_never_a_place(told: Database) -> None:
    with told.read() as session:
        head = session.execute(select(Stream.seq, Stream.head_hash).where(Stream.name == STREAM)).one()
    for _ in range(2):  # the second time the head has moved
        with told.write() as session:
            record(session, act(), head=(head.seq, head.head_hash))
    assert findings(told) == []


@pytest.mark.parametrize("value", [1.5, 2**53, {1: "x"}, {"a": datetime(2026, 1, 1)}, {"x": {1, 2}}])
def test_what_two_machines_might_spell_differently_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical(value)


def test_the_canonical_form_is_one_spelling() -> None:
    moment = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    assert canonical({"b": Decimal("1.50"), "a": [moment, None, True], "é": "中"}) == (
        '{"a":["2026-11-02T09:00:00.000000Z",null,true],"b":"1.50","é":"中"}'.encode()
    )
    # RFC 8785 orders by UTF-16: a character beyond the basic plane comes before U+FB33.
    assert canonical({"\ufb33": 1, "\U0001f600": 2}).decode().index("\U0001f600") < 5


def test_a_line_break_in_a_name_forges_no_second_line() -> None:
    assert b"\n" not in canonical({"text": "同意\r\n2026-11-02 task:completed"})


# --- machines and people --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "actor",
    [
        Actor(ActorKind.RULE, "P202600001"),
        Actor(ActorKind.TIMEOUT, "P202600001"),
        Actor(ActorKind.PERSON),
        Actor(ActorKind.IMPORT),
        Actor(ActorKind.PROXY, "P1"),
        Actor(ActorKind.PERSON, "P1", on_behalf_of="P2"),
    ],
    ids=["rule-with-name", "timeout-with-name", "nobody", "import-by-nobody", "proxy-for-nobody", "person-for-other"],
)
def test_a_machine_never_has_a_persons_name_and_a_proxy_names_both(database: Database, actor: Actor) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        record(session, act(actor=actor))
    with database.read() as session:
        assert session.execute(select(Event)).first() is None
        assert session.execute(select(Stream).where(Stream.seq > 0)).first() is None


@pytest.mark.parametrize("actor", [audit.RULE, audit.TIMEOUT, Actor(ActorKind.PROXY, "P1", on_behalf_of="P2")])
def test_machines_and_proxies_are_recorded_as_what_they_are(database: Database, actor: Actor) -> None:
    with database.write() as session:
        record(session, act(actor=actor))
    assert findings(database) == []


# --- neither engine changes it --------------------------------------------------------------------------------------

STATEMENTS = {
    "update": "UPDATE event SET outcome = '不合格'",
    "update the hash": "UPDATE event SET leaf_hash = prev_hash",
    "delete": "DELETE FROM event_payload",
    "delete an event": "DELETE FROM event WHERE seq = 5",
    "update a payload": "UPDATE event_payload SET payload = salt",
    "insert or replace": "INSERT OR REPLACE INTO event SELECT * FROM event",
    "insert or replace a payload": "INSERT OR REPLACE INTO event_payload SELECT * FROM event_payload",
    "replace by place": "REPLACE INTO event ({columns}) SELECT 'other', {rest} FROM event WHERE seq = 5 LIMIT 1",
    "upsert": "INSERT INTO event SELECT * FROM event WHERE true ON CONFLICT (event_id) DO UPDATE SET outcome = '不合格'",
    "truncate": "TRUNCATE event CASCADE",
    "truncate payloads": "TRUNCATE event_payload",
}


def test_the_database_refuses(told: Database) -> None:
    rest = ", ".join(column for column in (*COVERED, "leaf_hash") if column != "event_id")
    with told.read() as session:
        before = session.execute(text("SELECT * FROM event ORDER BY stream, seq")).all()
    for name, statement in STATEMENTS.items():
        only = "sqlite" if "REPLACE" in statement else "postgresql" if "TRUNCATE" in statement else None
        with pytest.raises(DBAPIError) as refused, told.write() as session:
            session.execute(text(statement.format(columns=f"event_id, {rest}", rest=rest)))
        if only in (None, told.engine.dialect.name):  # elsewhere it is not even a statement
            assert re.search("the record is never|only by lawful erasure", str(refused.value)), name
    with told.read() as session:
        assert session.execute(text("SELECT * FROM event ORDER BY stream, seq")).all() == before
    assert findings(told) == []


# --- every change is found ------------------------------------------------------------------------------------------


@pytest.fixture
def unguarded(told: Database) -> Database:
    """The same with the triggers gone, as somebody with the database's password could have it."""
    with told.engine.begin() as connection:
        if told.is_sqlite:
            names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
            assert len(names) >= 8
            for name in names:
                connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        else:
            for table in ("event", "event_payload", "erasure"):
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    return told


def _chain(session: Session) -> list[Event]:
    return list(session.execute(select(Event).where(Event.stream == STREAM).order_by(Event.seq)).scalars())


def _rewrite(session: Session, event: Event, **values: Any) -> None:
    session.execute(update(Event).where(Event.event_id == event.event_id).values(**values))


def _forge(session: Session, event: Event, **values: Any) -> None:
    """Change an event and give it the hash that fits, which the next one does not know."""
    columns = {key: getattr(event, key) for key in COVERED} | values
    _rewrite(session, event, **values, leaf_hash=leaf_hash(columns))


def _remove(session: Session, event: Event) -> None:
    session.execute(delete(EventPayload).where(EventPayload.event_id == event.event_id))
    session.execute(delete(Event).where(Event.event_id == event.event_id))


def _relink(session: Session) -> None:
    """Number and chain what is left anew, as a careful forger would."""
    previous = audit.FIRST
    for number, event in enumerate(_chain(session), 1):
        columns = {key: getattr(event, key) for key in COVERED} | {"seq": number, "prev_hash": previous}
        previous = leaf_hash(columns)
        _rewrite(session, event, seq=number, prev_hash=columns["prev_hash"], leaf_hash=previous)
        session.expire_all()


def _insert(session: Session, number: int) -> None:
    """An event nobody ever made, put in before an old one."""
    for event in reversed(_chain(session)[number:]):
        _rewrite(session, event, seq=event.seq + 1)
    model = _chain(session)[0]
    columns = {key: getattr(model, key) for key in COVERED}
    salt, payload = b"0" * 32, b"{}"
    columns |= {"event_id": "f" * 32, "seq": number + 1, "payload_commit": commit_to(salt, payload)}
    session.execute(insert(Event).values(**columns, leaf_hash=leaf_hash(columns)))
    session.execute(insert(EventPayload).values(event_id="f" * 32, salt=salt, payload=payload))
    session.expire_all()


def _swap(session: Session) -> None:
    second, third = _chain(session)[1:3]
    _rewrite(session, second, seq=99)
    _rewrite(session, third, seq=2)
    _rewrite(session, second, seq=3)


ATTACKS: dict[str, Callable[[Session], object]] = {
    "edit an event": lambda s: _rewrite(s, _chain(s)[2], outcome="不合格"),
    "move an event's time": lambda s: _rewrite(s, _chain(s)[2], at=AT - timedelta(days=30)),
    "give an act to somebody else": lambda s: _rewrite(s, _chain(s)[2], actor="P202600009"),
    "edit and hash again": lambda s: _forge(s, _chain(s)[2], outcome="x"),
    "edit a payload and hash again": lambda s: (
        s.execute(
            update(EventPayload)
            .where(EventPayload.event_id == _chain(s)[2].event_id)
            .values(payload=b"{}", salt=b"0" * 32)
        ),
        _forge(s, _chain(s)[2], payload_commit=commit_to(b"0" * 32, b"{}")),
    ),
    "edit a payload": lambda s: s.execute(
        update(EventPayload).where(EventPayload.event_id == _chain(s)[2].event_id).values(payload=b'{"number":7}')
    ),
    "delete a payload": lambda s: s.execute(delete(EventPayload).where(EventPayload.event_id == _chain(s)[2].event_id)),
    "delete": lambda s: _remove(s, _chain(s)[2]),
    "delete and relink": lambda s: (_remove(s, _chain(s)[2]), s.expire_all(), _relink(s)),
    "reorder": _swap,
    "reorder and relink": lambda s: (_swap(s), s.expire_all(), _relink(s)),
    "insert": lambda s: _insert(s, 2),
    "insert and relink": lambda s: (_insert(s, 2), _relink(s)),
    "append": lambda s: _insert(s, 5),
    "truncate the end": lambda s: _remove(s, _chain(s)[4]),
    "truncate the stream": lambda s: [_remove(s, event) for event in _chain(s)],
    "another algorithm": lambda s: _rewrite(s, _chain(s)[2], alg="none"),
    "delete the head": lambda s: s.execute(delete(Stream).where(Stream.name == STREAM)),
    "wind the head back": lambda s: (
        _remove(s, _chain(s)[4]),
        s.execute(update(Stream).where(Stream.name == STREAM).values(seq=4)),
    ),
}


def test_tampering_is_found(unguarded: Database) -> None:
    """Each attack on the whole record, undone before the next one."""
    assert findings(unguarded) == []
    unseen = []
    for name, attack in ATTACKS.items():
        with unguarded.read() as session:
            attack(session)
            session.flush()
            session.expire_all()
            found = audit.verify(session).findings
            session.rollback()
        if not found or any(one.stream != STREAM for one in found):
            unseen.append((name, found))
    assert unseen == []
    assert findings(unguarded) == []


# --- lawful erasure -------------------------------------------------------------------------------------------------


@pytest.fixture
def erased(told: Database) -> Database:
    """The same after one payload was lawfully erased."""
    with told.write() as session:
        gone = _chain(session)[2].event_id
        order = record(session, act(Kind.PAYLOAD_ERASED, payload={"event": gone, "basis": "个人信息保护法 第47条"}))
        session.execute(insert(Erasure).values(event_id=gone, ordered_by_event=order, at=AT))
        session.execute(delete(EventPayload).where(EventPayload.event_id == gone))
    return told


def test_a_lawful_erasure_leaves_the_record_whole(erased: Database) -> None:
    with erased.read() as session:
        verified = audit.verify(session)
    assert verified.holds and verified.erased == 1 and verified.events == 11


def test_what_was_erased_does_not_come_back(erased: Database) -> None:
    with erased.read() as session:
        gone = session.execute(select(Erasure.event_id)).scalar_one()
    with pytest.raises(DBAPIError), erased.write() as session:
        session.execute(insert(EventPayload).values(event_id=gone, salt=b"0" * 32, payload=b"{}"))
    with pytest.raises(DBAPIError), erased.write() as session:
        session.execute(delete(Erasure))
    with pytest.raises(DBAPIError), erased.write() as session:
        session.execute(text("UPDATE erasure SET event_id = 'x'"))


def test_no_erasure_takes_a_payload_it_does_not_name(erased: Database) -> None:
    with pytest.raises(DBAPIError), erased.write() as session:
        session.execute(delete(EventPayload).where(EventPayload.event_id == _chain(session)[0].event_id))


def test_an_erasure_that_no_event_ordered_is_impossible(told: Database) -> None:
    with told.read() as session:
        gone = _chain(session)[2].event_id
    with pytest.raises(IntegrityError), told.write() as session:
        session.execute(insert(Erasure).values(event_id=gone, ordered_by_event="nothing", at=AT))


# --- the demo mark --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("demo", [False, True])
def test_every_verification_says_whether_this_is_a_demo(told: Database, demo: bool) -> None:
    with told.write() as session:
        session.add(Office(id=1, demo=demo, created_at=AT))
    with told.read() as session:
        assert audit.verify(session).demo is demo


# --- fail closed ----------------------------------------------------------------------------------------------------


def test_an_act_that_cannot_be_recorded_is_not_done(database: Database) -> None:
    """A table of the record is gone: what the act wrote before it goes with it (trust.md, check 38)."""
    with database.write() as session:
        record(session, act())
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE event_payload RENAME TO gone")

    def make_office() -> None:
        with database.write() as session:
            session.add(Office(id=1, demo=False, created_at=AT))
            session.flush()
            record(session, act())

    with pytest.raises(DBAPIError):
        make_office()
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO event_payload")
    with database.read() as session:
        assert session.execute(select(Office)).first() is None
        assert session.execute(select(Stream.seq)).scalar_one() == 1


def test_a_case_does_not_move_when_the_record_fails(office: FurnishedOffice, liaoning: Place) -> None:
    case = office.applicant(liaoning.own_school).applies().is_recommended()
    before = case.row().version
    hand = case.task("adm_u2").by(liaoning.reviewer)
    filled = hand.fills(hand.conclusion("合格"))
    with office.db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE event_payload RENAME TO gone")
    with pytest.raises(DBAPIError):
        hand.sends(filled)
    with office.db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO event_payload")
    with office.db.read() as session:
        assert session.execute(select(Instance.version)).scalar_one() == before
        assert session.execute(select(Task.status).where(Task.step_id == "adm_u2")).scalar_one() == "open"
    hand.sends(filled)
    case.is_qualified()


@pytest.mark.parametrize("kept", [Submission, RulingRow], ids=["form", "ruling"])
@pytest.mark.parametrize("how", ["removed", "changed"])
def test_a_form_or_ruling_that_is_no_longer_as_it_was_recorded_is_found(
    office: FurnishedOffice, liaoning: Place, kept: type[Submission] | type[RulingRow], how: str
) -> None:
    office.applicant(liaoning.own_school).applies().is_recommended()
    assert findings(office.db) == []
    with office.db.read() as session:  # undone again: the office itself is verified when the test ends
        row = session.execute(select(kept).order_by(kept.id)).scalars().first()
        assert row is not None
        if how == "removed":
            session.delete(row)
        elif isinstance(row, Submission):
            row.data = {**row.data, "subject": "数学" if row.data.get("subject") != "数学" else "语文"}
        else:
            row.answer = {**row.answer, "outcome": "not_met"}
        session.flush()
        [found] = audit.verify(session).findings
        assert how in found.reason
        session.rollback()
